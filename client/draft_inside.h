/*
 * What the files of a draft share: draft.c collects and saves, draft_base.c knows what was seen,
 * draft_edit.c makes an edit of it, draft_approve.c says what it stands for, draft_again.c sends a
 * refused change once more.
 */
#ifndef FIVEPITS_DRAFT_INSIDE_H
#define FIVEPITS_DRAFT_INSIDE_H

#include "client/copy_inside.h"
#include "client/draft.h"

enum op_kind { OP_SET, OP_ADD, OP_TAKE };

struct op {
	struct op *next;
	enum op_kind kind;
	uint32_t field;
	struct bytes bytes;
};

/* What is wanted of one record. */
struct piece {
	struct id record, after;
	uint32_t type;
	bool create, brings_back;
	int existence; /* -1: as it is */
	struct op *ops, *last;
};

/* A record as its author saw it: as accepted at entry `number`, with the changes from `after` back
 * on top that were not in the journal by then. In `arena`; absent if there was none. */
int draft_base(struct copy *copy, const struct cursor *at, const struct id *record, uint64_t number,
	       const struct id *after, struct arena *arena, struct record *out);

/* The same, but ERR_MISSING where that hangs on a body which was not fetched yet. (Otherwise it is
 * what is known without: the server finds that it is another base, and keeps both versions.) */
int draft_base_known(struct copy *copy, const struct cursor *at, const struct id *record,
		     uint64_t number, const struct id *after, struct arena *arena,
		     struct record *out);

/* As draft_base, for one who settles: what is shown of two versions is what was seen, not only what
 * they wrote themselves. */
int draft_base_settling(struct copy *copy, const struct cursor *at, const struct id *record,
			uint64_t number, const struct id *after, struct arena *arena,
			struct record *out);

/* 1: `out` is the edit that leads from `base` to what is wanted, in base->arena; 0: nothing would
 * change. ERR_INVALID, ERR_MISSING, ERR_EXISTS with a cause. `settling`: keep what would not
 * change. */
int draft_make_edit(const struct piece *piece, const struct record *base, bool settling,
		    struct edit *out, struct cause *cause);

/* What a change stands for: it is refused if one of these records has moved since it was read. */
struct approval {
	struct id *exact; /* in the arena */
	size_t n;
	struct bytes items; /* of Minutes that name none yet; empty: nothing is to be set */
};

/*
 * What a piece stands for: Minutes that are approved, signed or published, with their meeting and
 * items; what is signed off. Most stand for nothing: out->n is 0. ERR_INVALID: edits of some of it
 * wait here.
 */
int draft_approves(struct copy *copy, const struct piece *piece, struct arena *arena,
		   struct approval *out, struct cause *cause);

/* Begin to save: what another part of this process has under way is committed first, since it must
 * not fail with this. End it: commit, and ring for `serve` if `any` can be sent; with an error that
 * came before (which it returns) roll back. With a cause. */
int inside_save_begin(struct copy *copy, struct cause *cause);
int inside_save_end(struct copy *copy, int err, bool any, struct cause *cause);
/* What draft_save does, in the open transaction. */
int inside_draft_store(struct draft *d, struct id *change, struct cause *cause);

#endif
