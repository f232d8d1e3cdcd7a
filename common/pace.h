/*
 * How many bytes of documents may be on their way now: so many that the line is used, so few that
 * nothing else waits behind them for longer than a moment. Pure: bytes and milliseconds in, bytes
 * out.
 *
 * The sender marks some frames, the receiver answers each mark as soon as it has read it, and the
 * time between is the delay: of the line, and of whatever stands in a queue on it. The least delay
 * of the last minutes is the line's own; what is above that is queue. The window of bytes that may
 * be on their way grows while the queue is shorter than PACE_TARGET_MS, and is cut to what gives
 * that where it is longer, once for each delay (after LEDBAT, RFC 6817, and LEDBAT++). So documents
 * give way to all else on a school's line, which fills its queue for as long as it lasts.
 *
 * The delay is measured from program to program and not asked of the kernel: behind a proxy or a
 * filter the kernel sees the way to the proxy alone, which takes megabytes at once and lets them
 * trickle through; and what is queued inside the other computer delays an edit all the same.
 *
 * A base that was measured while others filled the queue is too long: every PACE_BREATH_MS a flow
 * lets all that is on its way arrive, and measures the empty line by one small frame.
 *
 * Besides, a limit in bytes a second, which a person may set.
 */
#ifndef FIVEPITS_PACE_H
#define FIVEPITS_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PACE_TARGET_MS = 60,		/* of queue; RFC 6817 allows 100 */
	PACE_BREATH_MS = 30 * 1000,
	PACE_BASES = 4,			/* breaths for which a least delay counts */
	PACE_PART = 1024,		/* no part of a chunk need be smaller */
	PACE_LEAST = 2 * (PACE_PART + 64), /* the window, */
	PACE_FIRST = 8 * 1024,		/* as it begins, */
	PACE_MOST = 1024 * 1024,	/* and on the fastest line: more is not faster there */
	PACE_FRAME = 64,		/* a frame costs so much besides what is in it */
	PACE_MARKS = 32,		/* that are not answered */
	PACE_IDLE_MS = 10 * 1000,	/* without a byte: what was learnt of the line is old */
	PACE_LOST_MS = 30 * 1000,	/* without an answer: one small frame may try */
	PACE_LIMIT_LEAST = 1024,	/* bytes a second */
};

struct pace_mark {
	uint64_t mark, sent_ms;
};

struct pace {
	bool answered;	   /* the other side answers marks; else the limit alone counts */
	uint64_t now_ms;   /* when it was last asked or told something */
	uint64_t sent;	   /* bytes since the beginning; a mark is this, behind its frame */
	uint64_t came;	   /* of them, as far as is known */
	uint64_t sent_ms;  /* when the last went */
	uint64_t marked;   /* the last mark */
	struct pace_mark marks[PACE_MARKS]; /* not answered, the oldest first */
	size_t n_marks;
	uint64_t window;
	bool starting;	   /* it grows by all that comes, */
	uint64_t start_to; /* up to here at most */
	uint64_t cut_at;   /* the window is not cut again before this mark has come */
	uint64_t base[PACE_BASES]; /* least delays, of this breath and of those before it */
	uint64_t delays[3];	   /* the last ones */
	size_t n_delays;
	uint64_t breath_ms; /* when the last breath was over; 0: the first is not */
	enum { PACE_FLOWING, PACE_BREATHING, PACE_PROBING } breath;
	uint64_t limit;	    /* bytes a second; 0: none */
	int64_t credit;	    /* that the limit leaves now, in bytes times 1,000 */
	uint64_t credit_ms; /* as of then */
};

/* Nothing is known of the line, nothing limits but what the line says. */
void pace_init(struct pace *p, uint64_t now_ms);
/* The other side has said that it answers marks. */
void pace_is_answered(struct pace *p);
/* So many bytes a second at most from now on; 0: no limit; PACE_LIMIT_LEAST at least. */
void pace_limit(struct pace *p, uint64_t bytes_s, uint64_t now_ms);
/* May something be sent of a chunk of which `left` bytes are left (none, where it is empty)? Then
 * `*part` is how much of that. */
bool pace_may_send(struct pace *p, size_t left, uint64_t now_ms, size_t *part);
/* A frame with so much of a chunk in it is sent now. The mark that is to go with it; 0: none. */
uint64_t pace_sent(struct pace *p, size_t part, uint64_t now_ms);
/* A mark was answered, and with it those before it. False: it was never sent. */
bool pace_came(struct pace *p, uint64_t mark, uint64_t now_ms);
/* In how many ms the limit lets something go, if anything may; 0: it does now, or none is set. */
uint64_t pace_rest_ms(const struct pace *p, uint64_t now_ms);

#endif
