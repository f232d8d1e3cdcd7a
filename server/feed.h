/*
 * Feeding: the one way in which entries reach a session, whether it is live or catching up. A frame
 * is packed and signed once for all sessions that stand at the same entry.
 */
#ifndef FIVEPITS_FEED_H
#define FIVEPITS_FEED_H

#include "common/mem.h"
#include "server/journal.h"

struct area;
struct session;

enum {
	FEED_FRAME = 96 * 1024,		/* a frame of more than one entry is no longer */
	FEED_QUEUE = 256 * 1024,	/* a session with more than this on its way is not fed */
	FEED_ALL = 32 * 1024 * 1024,	/* the same of all sessions together */
	FEED_SHARED = 16,
};

struct feed_frame {
	const struct space *space; /* NULL: unused */
	uint64_t from, to;
	struct buf bytes;
};

/* The frames that were packed last, for the other sessions at the same place. */
struct feed_cache {
	struct feed_frame frames[FEED_SHARED];
	struct feed_frame own; /* one for a session that has some of the bodies */
	size_t next;
};

void feed_cache_fini(struct feed_cache *c);
/* Send every session what it lacks, as far as it takes it. Only what is on disk. 0 or an error. */
int feed_all(struct area *a);

#endif
