/*
 * A change in the making: what one person does to records of one space, saved as one transaction
 * with its visible effect. Every edit names what the person had seen.
 */
#ifndef FIVEPITS_DRAFT_H
#define FIVEPITS_DRAFT_H

#include "client/copy.h"

struct draft;

/* Borrows `copy` until the draft is saved or freed. */
struct draft *draft_new(struct copy *copy, const struct id *space);
void draft_free(struct draft **d);

/* A new record. The fields that follow are its own. */
void draft_create(struct draft *d, uint32_t type, const struct id *record);
/*
 * An edit of a record as it was seen (NULL: as it stands now). ERR_MISSING, ERR_INVALID with a
 * cause. A record that this draft makes or edits already is gone on with. The records of one draft
 * should have been seen together: of several the oldest counts for all, which may open two versions
 * needlessly.
 */
int draft_edit(struct draft *d, const struct id *record, const struct seen *seen,
	       struct cause *cause);
/*
 * Of the record last named: replace a field by these occurrences (empty: clear it), add to or take
 * from a list. Copied. What is wrong with them draft_save says. A set may be replaced too: the
 * difference is saved as what was added and what was taken.
 */
void draft_set(struct draft *d, uint32_t field, struct bytes occurrences);
void draft_add(struct draft *d, uint32_t field, struct bytes members);
void draft_take(struct draft *d, uint32_t field, struct bytes members);
void draft_withdraw(struct draft *d);
void draft_bring_back(struct draft *d);
/* Of the whole change. A draft that settles, or takes a change back, keeps values that are the same
 * as before. */
void draft_settles(struct draft *d, const struct id *conflict);
void draft_undoes(struct draft *d, const struct id *change);
/* The person was asked whether so many records shall be withdrawn: they are sent like all else. */
void draft_agreed(struct draft *d);
/* The bytes of what it names must be on this computer at the moment when it is saved; else
 * ERR_AGAIN. */
void draft_holds(struct draft *d);
void draft_exact(struct draft *d, const struct id *record);

/*
 * Check, commit, and ring for `serve`. Takes the draft. `change` receives the id (of the first, if
 * there are several); it is zero, and the return 0, where nothing would have changed. ERR_INVALID,
 * ERR_MISSING, ERR_EXISTS, ERR_LIMIT with a cause: nothing was saved. A draft of more records than
 * one change may hold is saved as several, in one transaction.
 */
int draft_save(struct draft **d, struct id *change, struct cause *cause);
/* Several in one transaction: all of them are saved, or none. Takes them. */
int draft_save_all(struct draft **drafts, size_t n, struct cause *cause);

/* Change what a draft of this change, made anew, asks for: its last record is the one named. 0 or
 * an error with a cause. */
typedef int (*draft_amend_fn)(void *arg, struct draft *d, const struct change *c,
			      struct cause *cause);
/*
 * Send a refused change again as a new one, as if made now on what is shown now and amended
 * (`amend` may be NULL), and after it what waits for it. `change` receives the new id; it is zero
 * where all of it stands already. ERR_MISSING, ERR_INVALID with a cause: nothing has changed.
 */
int draft_again(struct copy *copy, const struct id *refused, draft_amend_fn amend, void *arg,
		struct id *change, struct cause *cause);

#endif
