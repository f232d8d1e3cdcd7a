/*
 * What has come on a line and was not handed up yet: one piece of memory, into which TLS records
 * are read behind each other, and out of which frames are handed up where they stand.
 */
#ifndef FIVEPITS_INFLOW_H
#define FIVEPITS_INFLOW_H

#include "common/tls.h"
#include "common/wire.h"

enum { INFLOW_AHEAD = 128 * 1024 }; /* bytes read ahead of the frame that is being waited for */

struct inflow {
	struct buf come; /* what has come; */
	size_t at;	 /* so much of it was handed up */
	size_t want;	 /* size of the frame that has begun to come, 0: not known */
	size_t most;	 /* for frames, their headers too */
	bool held;	 /* OpenSSL may hold a record that no event of the socket tells of */
};

void inflow_init(struct inflow *in);
void inflow_fini(struct inflow *in);

/* Bytes that wait to be handed up. */
static inline size_t inflow_waiting(const struct inflow *in)
{
	return in->come.len - in->at;
}
/* Is there room for more? For the frame under way always, and for some ahead of it. */
bool inflow_has_room(const struct inflow *in);

/*
 * Where `n` bytes that came otherwise go; inflow_came when they are there. Frames that were handed
 * up are gone then: their room is used.
 */
uint8_t *inflow_room(struct inflow *in, size_t n);
static inline void inflow_came(struct inflow *in, size_t n)
{
	in->come.len += n;
}
/*
 * Take what has come on the line, as far as there is room. 0, or as tls_line_read where the line
 * has ended; what came before stands. Afterwards `held` is right.
 */
int inflow_read(struct inflow *in, struct tls_line *line, unsigned long *error);

/* The next frame, borrowed until more comes. 1: this is it; 0: none is whole; ERR_LIMIT: one is too
 * long. */
int inflow_next(struct inflow *in, struct frame *frame);
/* A line that rests holds no memory for what comes: after all was handed up. */
void inflow_rest(struct inflow *in);

#endif
