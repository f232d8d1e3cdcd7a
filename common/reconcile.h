/*
 * Reconciliation: what an arriving change does to what stands, field group by field group.
 * PROTOCOL.md, "Reconciliation". Pure: all that it knows it asks of the `ground` it is given; its
 * memory is the arena's, its time is bounded by the entries since what the author had seen.
 */
#ifndef FIVEPITS_RECONCILE_H
#define FIVEPITS_RECONCILE_H

#include "common/change.h"

/* An entry on a record's own history, as far as reconciling needs it. */
struct past {
	uint64_t number;
	struct id change;
	uint64_t previous;	   /* on the same record; 0: none */
	const uint32_t *fields;	   /* of the record, that the entry touched; 0 is existence */
	size_t n_fields;
	const struct change *said; /* what its author asked for; NULL where the body is absent */
	const struct effect *did;  /* to the record, where that is not what was said; else NULL */
	size_t bytes;		   /* of the entry, which reading it counts for */
};

/* What stands. Everything returned lives in `arena` or longer. */
struct ground {
	void *arg;
	const struct id *area;
	/* The record's accepted state, absent if there is none. 0 or an error, which ends
	 * reconciling. */
	int (*record)(void *arg, const struct id *record, uint32_t type, struct record *out);
	/* The entry `number` as it touched `record`. ERR_MISSING: it did not. */
	int (*past)(void *arg, uint64_t number, const struct id *record, struct past *out);
	/* Where an accepted change of this space stands; 0: it is not in it. */
	int (*number_of)(void *arg, const struct id *change, uint64_t *number);
	/* The open Conflict on a record's field group; zero: none. */
	int (*open_conflict)(void *arg, const struct id *record, uint32_t group,
			     struct id *conflict);
	/* Who should settle a record of this type: a person or group, or zero. */
	int (*owner)(void *arg, const struct record *record, struct id *owner);

	/* The rest may be NULL where there is nothing to say. */

	/* Up to which number of this journal who had seen `number` in `epoch` is on its line; never
	 * more than `number`. NULL: all of it. */
	int (*on_line)(void *arg, uint64_t epoch, uint64_t number, uint64_t *out);
	/* The approved Minutes that hold this agenda item fast, before the change; zero: none. */
	int (*frozen)(void *arg, const struct id *record, struct id *minutes);
	/* The person whose change it is; zero: nobody. */
	int (*author)(void *arg, struct id *person);
	/* The name of who made an entry, for a person to read; "" where it is not known. */
	int (*whose)(void *arg, uint64_t number, char *name, size_t size);
};

/* The fields of a Conflict record (records.proto), which outcomes alone write. */
enum conflict_field {
	CONFLICT_RECORD = 1,
	CONFLICT_TYPE,
	CONFLICT_GROUP,
	CONFLICT_BASE,
	CONFLICT_SIDES,
	CONFLICT_OWNER,
	CONFLICT_STATE,
	CONFLICT_SETTLED_BY,
};
enum conflict_state { CONFLICT_OPEN = 1, CONFLICT_SETTLED };

/*
 * Reconcile `change`, whose values were checked, as entry `number`. 0: `outcome` and `touches` are
 * filled (in `arena`). ERR_INVALID: refused, with why in `cause`. ERR_AGAIN: it stands after a
 * change that the space does not have (yet): no verdict. Other errors are the ground's.
 */
int reconcile(const struct ground *ground, const struct change *change, uint64_t number,
	      struct arena *arena, struct outcome *outcome, struct touch **touches,
	      size_t *n_touches, struct cause *cause);

#endif
