/*
 * A line between two ends in memory: what one sends waits for the other to take it, frame by frame.
 * For tests that drive the area, or a client, with frames.
 */
#ifndef FIVEPITS_TESTS_PIPE_H
#define FIVEPITS_TESTS_PIPE_H

#include "common/wire.h"

struct pipe_end {
	struct link link; /* first: what this end sends by */
	struct pipe_end *peer;
	struct buf sent; /* what the peer has not taken */
	size_t taken;	 /* of it, by the peer */
	bool paused;	 /* this end asked not to be handed frames */
	bool closed;	 /* this end has closed */
};

struct pipe {
	struct pipe_end ends[2];
};

void pipe_init(struct pipe *p);
void pipe_fini(struct pipe *p);
/* The next frame for this end. 1, 0: none, ERR_LIMIT. Borrowed until the peer sends again. */
int pipe_take(struct pipe_end *end, struct frame *f);

#endif
