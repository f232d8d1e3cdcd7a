/*
 * Conflict records in the making: which sides a change adds to a record's field group, which it
 * takes away, and whether it settles the matter. Part of reconciling (PROTOCOL.md, "Conflicts");
 * pure.
 */
#ifndef FIVEPITS_DISPUTE_H
#define FIVEPITS_DISPUTE_H

#include "common/reconcile.h"

enum {
	DISPUTE_SIDES = 64,  /* that one change adds */
	DISPUTE_MOST = 1024, /* of one Conflict */
};

struct dispute {
	struct dispute *next;
	struct id conflict;
	struct record stands; /* the Conflict record as it is; absent for a new one */
	struct id record;
	uint32_t type, group;
	struct id base;	 /* the change that set the base value; zero: none had */
	struct id owner; /* zero: nobody in particular */
	struct id add[DISPUTE_SIDES], take[DISPUTE_SIDES];
	size_t n_add, n_take;
	struct id change; /* the one that is reconciled, which always finds room */
	bool settled;	  /* nothing is left to settle */
	bool reopened;	  /* what had been settled is to be settled again */
};

/* The open one on a record's group, or a new one with the id that derives from `opened_by`. Kept in
 * *list, which is of this record alone, one for each group. NULL: the ground failed, with *err. */
struct dispute *dispute_find(struct dispute **list, const struct ground *ground,
			     struct arena *arena, const struct edit *edit, uint32_t group,
			     const struct id *opened_by, int *err);
/* Take up again the settled one whose record stands as `c`. */
void dispute_reopen(struct dispute **list, struct arena *arena, const struct edit *edit,
		    uint32_t group, const struct id *change, const struct record *c);
/* May an outcome make a record of this derived id? 1; 0: another record has it, one that the change
 * itself makes or edits included; or an error of the ground's. */
int dispute_id_is_free(const struct ground *ground, const struct change *change,
		       const struct id *id, struct arena *arena);
/* As many sides as one change adds. What does not fit is left out: the change itself fits. */
bool dispute_is_full(const struct dispute *d);
void dispute_add(struct dispute *d, const struct id *side);
void dispute_take(struct dispute *d, const struct id *side);
/* The sides that stand in the record, to be taken off the front one by one; false: no more. */
struct bytes dispute_sides(const struct dispute *d);
bool dispute_next(struct bytes *sides, struct id *side);
/* What it does to the Conflict record, in `arena`. False: nothing. */
bool dispute_effect(const struct dispute *d, const struct id *change, struct arena *arena,
		    struct outcome_effect *out);

#endif
