/*
 * The entries by which the server released old versions of documents, in whatever spaces this copy
 * holds: for who looks after what was done.
 */
#ifndef FIVEPITS_RELEASED_H
#define FIVEPITS_RELEASED_H

#include "client/copy.h"

struct release {
	struct id space;
	uint64_t number, time_ms; /* of the entry */
};

/* The newest first, in `arena`. 0 or an error. */
int released_list(struct copy *copy, struct arena *arena, struct release **out, size_t *n);

#endif
