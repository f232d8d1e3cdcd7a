/*
 * What happened, as lines for a person and as one hash of all of it: the same seed gives the same
 * hash. The newest lines are kept, to be shown where a check fails.
 */
#ifndef FIVEPITS_SIM_TRACE_H
#define FIVEPITS_SIM_TRACE_H

#include "common/mem.h"

enum { TRACE_LINES = 400, TRACE_WIDTH = 240 };

struct trace {
	uint64_t hash, n;
	bool verbose; /* print each line at once */
	unsigned told;
	const unsigned *action; /* lines of one are marked with it */
	const uint64_t *now_us;
	char (*lines)[TRACE_WIDTH]; /* a ring */
};

void trace_init(struct trace *t, const uint64_t *now_us, const unsigned *action, bool verbose);
void trace_fini(struct trace *t);
void trace_line(struct trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Only for the hash: bytes that were sent. */
void trace_bytes(struct trace *t, struct bytes b);
/* Print the newest `most` lines to standard error, which prove(1) lets through. */
void trace_tail(const struct trace *t, size_t most);

#endif
