/*
 * Taking a change back: a further change that sets what it set to what stood before, based on what
 * is shown now. What others have changed since stays as it is. Nothing is lost from the history.
 */
#ifndef FIVEPITS_UNDO_H
#define FIVEPITS_UNDO_H

#include "client/draft.h"

enum undo_kind {
	UNDO_SET,    /* a field, from `from` to `to` */
	UNDO_ADD,    /* members of `to` are in the set again */
	UNDO_TAKE,   /* members of `to` are out of it again */
	UNDO_EXISTS, /* the record is withdrawn, or brought back: `existence` */
	UNDO_REOPEN, /* two versions of `field`'s group are open again */
	UNDO_LEFT,   /* changed since, or set for good: as it is */
};

/* One thing that is done, or left, of what the change did. */
struct undo_step {
	enum undo_kind kind;
	struct id record;
	const struct schema_type *type; /* NULL: not known to this version */
	uint32_t field;			/* 0: existence */
	unsigned existence;
	struct bytes from, to;
};

/* How a change is to be taken back. In an arena, but for the draft. */
struct undo {
	struct id change, space;
	struct draft *draft; /* to save, or to free; NULL where `drop` */
	bool drop; /* it was never sent and nothing stands on it: copy_pending_drop is all it needs
		    */
	struct undo_step *steps;
	size_t n, withdraws; /* records that it withdraws */
};

/*
 * Work out how to take an accepted or pending change back. ERR_MISSING: not known here;
 * ERR_INVALID, ERR_AUTH: it can't be, and why: an approval of exactly what was read, what the
 * server entered, what never came to stand, what has all been changed since. undo_fini ends it.
 */
int undo_init(struct undo *u, struct copy *copy, const struct id *change, struct arena *arena,
	      struct cause *cause);
void undo_fini(struct undo *u);
/* Do it. `made` receives the change that takes it back, zero where it was dropped. Rings, and ends
 * `u`. `agreed`: the person was asked about the withdrawals. */
int undo_save(struct undo *u, struct copy *copy, bool agreed, struct id *made, struct cause *cause);

#endif
