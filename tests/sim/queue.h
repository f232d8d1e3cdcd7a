/* What is going to happen, by virtual time; at one time in the order in which it was planned. */
#ifndef FIVEPITS_SIM_QUEUE_H
#define FIVEPITS_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_event {
	uint64_t at_us, order;
	void (*run)(void *arg, uint64_t tag);
	void *arg;
	uint64_t tag;
};

struct queue {
	uint64_t now_us, orders;
	struct queue_event *events; /* a heap, the soonest first */
	size_t n, cap;
};

void queue_fini(struct queue *q);
/* Plan `run(arg, tag)` for `delay_us` from now. What it points to must live until then. */
void queue_in(struct queue *q, uint64_t delay_us, void (*run)(void *arg, uint64_t tag), void *arg,
	      uint64_t tag);
/* Run the next event if it is due by `until_us`, and set the clock to it. False: there is none. */
bool queue_step(struct queue *q, uint64_t until_us);

#endif
