/*
 * `fivepits serve`: holds the line to the server, again and again, so that edits go out and come in
 * by themselves; runs what other commands want of the server meanwhile; keeps the search index up.
 */
#ifndef FIVEPITS_SERVE_H
#define FIVEPITS_SERVE_H

#include "client/copy.h"
#include "common/loop.h"

struct serve;

enum {
	SERVE_FIRST_MS = 1000,	  /* until a lost line is called again; doubles, */
	SERVE_LONGEST_MS = 60000, /* up to this, each time less some chance */
	SERVE_INDEX_MS = 500,	  /* what came is in the search index after this */
};

/*
 * Serve `copy` from `loop`, whose hook it takes. ERR_AGAIN with a cause: another process does it.
 * Borrows both.
 */
int serve_open(struct serve **out, struct loop *loop, struct copy *copy, struct cause *cause);
void serve_close(struct serve **serve);
/* Hang up, then stop the loop. Fits loop_take_signals; `serve` is a struct serve *. */
void serve_stop(void *serve);
/* Why the loop was stopped: 0, or what a person must see to (the device was shut out, this copy
 * can't be written), with a cause. */
int serve_error(const struct serve *serve, struct cause *cause);

/* Documents go and come no faster than this, in bytes a second; 0: as the copy has it. An errand
 * may bring a limit of its own, for as long as it is run. */
void serve_limit(struct serve *serve, uint64_t bytes_s);

/* All of it, until SIGTERM or SIGINT, with this limit. */
int serve_run(struct copy *copy, uint64_t limit, struct cause *cause);

#endif
