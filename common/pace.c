/*
 * The window, its breaths, and the limit: see pace.h. Times are of a clock that people may set:
 * where it goes back, all that is kept of it goes back as far.
 */
#include "common/pace.h"

#include <string.h>

enum {
	STARTED_MS = PACE_TARGET_MS / 2, /* so much queue, and the line is as good as full */
	GROWTH = 8,			 /* of the window for each delay, on an empty line */
	STEADY = 1024,			 /* bytes for each delay in any case: shares become equal */
	PART_MS = PACE_TARGET_MS / 4,	 /* a part takes on the line, or less, */
	SHARE = 16,			 /* and has a mark where so much of the window has none; */
	WIDE_SHARE = 4,			 /* of the widest window so much */
	STEPS_A_SECOND = 20,		 /* that a limit lets go */
};

static const uint64_t unknown = UINT64_MAX;

void pace_init(struct pace *p, uint64_t now_ms)
{
	memset(p, 0, sizeof(*p));
	p->now_ms = now_ms;
	p->window = PACE_FIRST;
	p->start_to = PACE_MOST;
	p->starting = true;
	p->breath = PACE_BREATHING;
	for (size_t i = 0; i < PACE_BASES; i++)
		p->base[i] = unknown;
}

void pace_is_answered(struct pace *p)
{
	p->answered = true;
}

static void time_back(uint64_t *t, uint64_t by)
{
	*t = *t > by ? *t - by : 0;
}

static void pace_look(struct pace *p, uint64_t now_ms)
{
	if (now_ms < p->now_ms) {
		uint64_t by = p->now_ms - now_ms;
		for (size_t i = 0; i < p->n_marks; i++)
			time_back(&p->marks[i].sent_ms, by);
		time_back(&p->sent_ms, by);
		time_back(&p->breath_ms, by);
		time_back(&p->credit_ms, by);
	}
	p->now_ms = now_ms;
}

static uint64_t least(const uint64_t *list, size_t n)
{
	uint64_t min = unknown;

	for (size_t i = 0; i < n; i++)
		if (list[i] < min)
			min = list[i];
	return min;
}

/* ---- The limit ------------------------------------------------------------------------------ */

/* What the limit lets go at once: a step, but a small frame in any case. */
static uint64_t limit_step(const struct pace *p)
{
	uint64_t step = p->limit / STEPS_A_SECOND;

	return step > PACE_PART + PACE_FRAME ? step : PACE_PART + PACE_FRAME;
}

static int64_t limit_credit(const struct pace *p, uint64_t now_ms)
{
	uint64_t passed = now_ms > p->credit_ms ? now_ms - p->credit_ms : 0;
	int64_t most = (int64_t)(limit_step(p) * 1000);

	/* In a minute every debt is paid: one is a step long at most. */
	int64_t credit = p->credit + (int64_t)(p->limit * (passed < 60000 ? passed : 60000));
	return credit < most ? credit : most;
}

void pace_limit(struct pace *p, uint64_t bytes_s, uint64_t now_ms)
{
	const uint64_t most = UINT64_C(1) << 40; /* more is none */

	if (bytes_s && bytes_s < PACE_LIMIT_LEAST)
		bytes_s = PACE_LIMIT_LEAST;
	if (bytes_s >= most)
		bytes_s = 0;
	pace_look(p, now_ms);
	if (bytes_s == p->limit)
		return;
	p->limit = bytes_s;
	p->credit = 1;
	p->credit_ms = now_ms;
}

uint64_t pace_rest_ms(const struct pace *p, uint64_t now_ms)
{
	int64_t credit = p->limit ? limit_credit(p, now_ms) : 1;

	return credit > 0 ? 0 : (uint64_t)-credit / p->limit + 1;
}

/* ---- Sending -------------------------------------------------------------------------------- */

static void pace_restart(struct pace *p)
{
	p->came = p->sent;
	p->n_marks = p->n_delays = 0;
	p->window = PACE_FIRST;
	p->start_to = PACE_MOST;
	p->starting = true;
}

/* Is a small frame alone allowed, to measure the empty line or to learn whether all has come? */
static bool pace_breathes(struct pace *p)
{
	if (p->breath == PACE_FLOWING && p->now_ms - p->breath_ms >= PACE_BREATH_MS)
		p->breath = PACE_BREATHING;
	return p->breath != PACE_FLOWING;
}

/* The longest part: what else is sent waits for it, and what it takes is no queue. */
static uint64_t pace_part(struct pace *p)
{
	uint64_t part = PACE_PART;

	if (!pace_breathes(p))
		part = p->window * PART_MS / (least(p->base, PACE_BASES) + PACE_TARGET_MS);
	return part > PACE_PART ? part : PACE_PART;
}

bool pace_may_send(struct pace *p, size_t left, uint64_t now_ms, size_t *part)
{
	pace_look(p, now_ms);
	*part = left;
	if (p->limit) {
		size_t step = (size_t)(limit_step(p) - PACE_FRAME);
		if (limit_credit(p, now_ms) <= 0)
			return false;
		*part = left < step ? left : step;
	}
	if (!p->answered)
		return true;
	uint64_t silent = now_ms - p->sent_ms;
	if (p->n_marks == 0 && silent >= PACE_IDLE_MS)
		pace_restart(p);
	bool lost = p->n_marks && silent >= PACE_LOST_MS;
	if (lost) {
		p->window = PACE_LEAST;
		p->starting = false;
	}
	uint64_t most = pace_part(p);
	if (*part > most)
		*part = (size_t)most;
	if (p->n_marks == 0 || lost)
		return true; /* so that an answer comes, and the window never closes for ever */
	return p->breath == PACE_FLOWING && p->sent - p->came + *part + PACE_FRAME <= p->window;
}

/* A wide window is a fast line, where an answer costs the two programs more than it tells. */
static uint64_t pace_gap(const struct pace *p)
{
	uint64_t gap = p->window / SHARE, wide = p->window * p->window / PACE_MOST / WIDE_SHARE;

	return gap > wide ? gap : wide;
}

uint64_t pace_sent(struct pace *p, size_t part, uint64_t now_ms)
{
	pace_look(p, now_ms);
	if (p->limit) {
		p->credit = limit_credit(p, now_ms) - (int64_t)((part + PACE_FRAME) * 1000);
		p->credit_ms = now_ms;
	}
	if (p->breath == PACE_BREATHING && p->sent == p->came)
		p->breath = PACE_PROBING;
	p->sent += part + PACE_FRAME;
	p->sent_ms = now_ms;
	if (!p->answered || p->n_marks == PACE_MARKS ||
	    (p->n_marks && p->sent - p->marked < pace_gap(p)))
		return 0;
	p->marked = p->sent;
	p->marks[p->n_marks++] = (struct pace_mark){p->sent, now_ms};
	return p->sent;
}

/* ---- What comes back ------------------------------------------------------------------------ */

/* On an empty line the whole window at once would be a queue. */
static void pace_resume(struct pace *p, uint64_t base)
{
	if (!p->starting)
		p->start_to = p->window;
	p->starting = true;
	p->window = p->window * PACE_TARGET_MS / (base + PACE_TARGET_MS);
	if (p->window < PACE_LEAST)
		p->window = PACE_LEAST;
}

/* True: the window may be looked at. */
static bool pace_measured(struct pace *p, uint64_t delay)
{
	const size_t n = sizeof(p->delays) / sizeof(*p->delays);

	if (p->breath == PACE_PROBING) { /* all before it had come: this is the empty line */
		memmove(p->base + 1, p->base, (PACE_BASES - 1) * sizeof(*p->base));
		p->base[0] = delay;
		p->breath = PACE_FLOWING;
		p->breath_ms = p->now_ms;
		p->n_delays = 0;
		pace_resume(p, delay);
		return false;
	}
	if (delay < p->base[0])
		p->base[0] = delay;
	memmove(p->delays + 1, p->delays, (n - 1) * sizeof(*p->delays));
	p->delays[0] = delay;
	if (p->n_delays < n)
		p->n_delays++;
	return true;
}

/* `bytes` have come, of `flight` that were on their way. */
static void pace_adapt(struct pace *p, uint64_t bytes, uint64_t flight, uint64_t mark)
{
	uint64_t base = least(p->base, PACE_BASES);
	uint64_t queue = least(p->delays, p->n_delays) - base; /* of which base is the least */
	bool full = 2 * flight >= p->window; /* what is not used teaches nothing */

	/* The first sign is enough to end the start; one late answer alone cuts nothing. */
	if (p->delays[0] - base >= STARTED_MS || p->window >= p->start_to)
		p->starting = false;
	if (p->starting) {
		p->window += full ? bytes : 0;
	} else if (queue <= PACE_TARGET_MS) {
		uint64_t room = PACE_TARGET_MS - queue;
		if (full)
			p->window += bytes * room / (GROWTH * PACE_TARGET_MS) +
				     bytes * STEADY / p->window;
	} else if (mark > p->cut_at) {
		uint64_t fits = p->window * (base + PACE_TARGET_MS) / (base + queue);
		p->window = fits > p->window / 2 ? fits : p->window / 2;
		p->cut_at = p->sent;
	}
	if (p->window < PACE_LEAST)
		p->window = PACE_LEAST;
	if (p->window > PACE_MOST)
		p->window = PACE_MOST;
}

bool pace_came(struct pace *p, uint64_t mark, uint64_t now_ms)
{
	size_t n = 0;

	pace_look(p, now_ms);
	if (mark > p->marked)
		return false;
	while (n < p->n_marks && p->marks[n].mark <= mark)
		n++;
	if (n == 0)
		return true; /* of before the line was silent */
	uint64_t flight = p->sent - p->came, bytes = p->marks[n - 1].mark - p->came;
	uint64_t delay = now_ms - p->marks[n - 1].sent_ms;
	p->came = p->marks[n - 1].mark;
	p->n_marks -= n;
	memmove(p->marks, p->marks + n, p->n_marks * sizeof(*p->marks));
	if (pace_measured(p, delay))
		pace_adapt(p, bytes, flight, mark);
	return true;
}
