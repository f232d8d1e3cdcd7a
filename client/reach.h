/*
 * How far a server is with a content that is brought to it, as far as can be known here: it asks
 * for what it lacks in the order of the list, so that it has what stands before the chunk that it
 * has now but what is still on its way. No I/O but reading the list from the store.
 */
#ifndef FIVEPITS_REACH_H
#define FIVEPITS_REACH_H

#include "common/store.h"
#include "common/walk.h"

/* Embedded in its owner. */
struct reach {
	struct walk walk; /* behind the chunk that was found last, */
	uint64_t at;	  /* bytes of the content before that */
	bool lost;	  /* the list can't be read here */
	uint64_t to;	  /* the server has so much, or it is on its way */
	uint64_t went;	  /* the mark with which all of that has come */
	uint64_t sure;	  /* it has so much, as was known last, */
	uint64_t next;	  /* and so much once `mark` has come; 0: nothing is waited for */
	uint64_t mark;
};

/* `sure`: what was known in an earlier session. */
void reach_init(struct reach *r, const struct content *c, uint64_t sure);
void reach_fini(struct reach *r);
/*
 * The server has asked for this chunk, and it goes next. Bytes of the content that were passed over
 * on the way to it since nobody has asked for them.
 */
uint64_t reach_chunk(struct reach *r, struct store *s, const uint8_t hash[SHA256_LEN]);
/* All of it went; that it has come is known with `mark`. */
void reach_went(struct reach *r, uint64_t mark);
/* All has come up to a mark. */
void reach_came(struct reach *r, uint64_t mark);

#endif
