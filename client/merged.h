/*
 * Texts that the machine brought together from what two people wrote apart, until a person writes
 * them anew. It stands nowhere: it follows from the history (PROTOCOL.md, "Reconciliation").
 */
#ifndef FIVEPITS_MERGED_H
#define FIVEPITS_MERGED_H

#include "client/lookup.h"

struct merged {
	uint32_t field;
	struct author last, before; /* who wrote it last, and whose text stood until then */
	bool here; /* the last is not sent yet: so the server will most likely bring them together
		    */
};

/* The fields of a record, as shown, whose text the machine brought together. In `arena`. Their
 * number, or an error. */
int merged_fields(struct copy *copy, const struct schema_type *type, const struct id *record,
		  struct arena *arena, struct merged **out);
/* Entries that were found to be applied as they were sent, so that each is looked at once. Zero it.
 */
struct merged_known {
	struct {
		struct id space;
		uint64_t number;
	} as_sent[64];
};

/* Is there any? 1, 0 or an error: what a list marks, at a fraction of the cost. `shown` is the
 * record as shown, of this space. */
int merged_any(struct copy *copy, const struct schema_type *type, const struct record *shown,
	       const struct id *space, struct merged_known *known);

#endif
