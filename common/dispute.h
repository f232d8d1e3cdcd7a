/*
 * Conflict records in the making: which sides a change adds to a record's field group, which it
 * takes away, and whether it settles the matter. Part of reconciling (PROTOCOL.md, "Conflicts");
 * pure.
 */
#ifndef FIVEPITS_DISPUTE_H
#define FIVEPITS_DISPUTE_H

#include "common/reconcile.h"

enum { DISPUTE_SIDES = 64 };

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
	bool joined;  /* the change itself is a side */
	bool settled; /* nothing is left to settle */
};

/* The open one on a record's group, or a new one with the id that derives from `opened_by`. Kept in
 * *list, one for each record and group. NULL: the ground failed, with *err. */
struct dispute *dispute_find(struct dispute **list, const struct ground *ground,
			     struct arena *arena, const struct edit *edit, uint32_t group,
			     const struct id *opened_by, int *err);
void dispute_add(struct dispute *d, const struct id *side);
void dispute_take(struct dispute *d, const struct id *side);
/* The sides that stand in the record, each by `i`; false: there are no more. */
bool dispute_side(const struct dispute *d, size_t i, struct id *side);
/* What it does to the Conflict record, in `arena`. False: nothing. */
bool dispute_effect(const struct dispute *d, const struct id *change, struct arena *arena,
		    struct outcome_effect *out);

#endif
