/*
 * How long a line may rest: which of its deadlines is over, and when to look next. Pure: the time
 * is the caller's, in ms. The deadlines are conn.h's.
 */
#ifndef FIVEPITS_PULSE_H
#define FIVEPITS_PULSE_H

#include <stdbool.h>
#include <stdint.h>

/* Since when; embedded in its owner, who keeps it. */
struct pulse {
	uint64_t began, lasts; /* its state, which may last so long (0: as it likes) */
	uint64_t frame;	       /* the frame under way (0: none) */
	uint64_t heard, taken; /* the last byte each way */
	uint64_t life;	       /* the end of the line (0: none) */
	bool pinged;	       /* since it was heard */
};

/* What the line is at. */
struct pulse_line {
	bool open;    /* frames go to and fro */
	bool listens; /* what comes is read */
	bool queued;  /* something waits to be taken */
};

enum pulse_due {
	PULSE_NONE,
	PULSE_LIFE,   /* the line's life is over */
	PULSE_STATE,  /* its state has lasted too long */
	PULSE_STUCK,  /* the peer takes nothing */
	PULSE_FRAME,  /* a frame does not come to its end */
	PULSE_SILENT, /* the peer says nothing */
	PULSE_PING,   /* nor has it been asked to */
};

/* The first deadline that is over. */
enum pulse_due pulse_due(const struct pulse *p, const struct pulse_line *line, uint64_t now);
/* In how many ms the next of them may be, 1 at least. */
uint64_t pulse_rest_ms(const struct pulse *p, const struct pulse_line *line, uint64_t now);

#endif
