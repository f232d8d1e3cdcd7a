/* Three texts to merge, made from a seed: a base, and two that were edited from it. */
#ifndef FIVEPITS_TRIPLE_H
#define FIVEPITS_TRIPLE_H

#include "common/mem.h"

struct triple {
	struct buf text[3]; /* base, ours, theirs */
};

/* Fill an empty triple; the same for the same seed. */
void triple_make(uint64_t seed, struct triple *t);
void triple_fini(struct triple *t);

#endif
