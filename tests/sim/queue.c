/* A binary heap of events. */
#include "tests/sim/queue.h"

#include "common/mem.h"

#include <stdlib.h>

void queue_fini(struct queue *q)
{
	free(q->events);
	*q = (struct queue){0};
}

static bool event_before(const struct queue_event *a, const struct queue_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void queue_in(struct queue *q, uint64_t delay_us, void (*run)(void *, uint64_t), void *arg,
	      uint64_t tag)
{
	struct queue_event e = {q->now_us + delay_us, q->orders++, run, arg, tag};
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 256;
		q->events = mem_resize(q->events, q->cap * sizeof(*q->events));
	}
	size_t i = q->n++;
	while (i > 0 && event_before(&e, &q->events[(i - 1) / 2])) {
		q->events[i] = q->events[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->events[i] = e;
}

static struct queue_event queue_take(struct queue *q)
{
	struct queue_event first = q->events[0], last = q->events[--q->n];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= q->n)
			break;
		if (child + 1 < q->n && event_before(&q->events[child + 1], &q->events[child]))
			child++;
		if (!event_before(&q->events[child], &last))
			break;
		q->events[i] = q->events[child];
		i = child;
	}
	if (q->n)
		q->events[i] = last;
	return first;
}

bool queue_step(struct queue *q, uint64_t until_us)
{
	if (q->n == 0 || q->events[0].at_us > until_us)
		return false;
	struct queue_event e = queue_take(q);
	q->now_us = e.at_us;
	e.run(e.arg, e.tag);
	return true;
}
