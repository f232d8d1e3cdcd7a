/*
 * How far many files are, or one transfer: on a terminal one line that is drawn anew, with bytes,
 * rate and time left; with --json lines of JSON on standard error, for programs. Else nothing.
 */
#ifndef FIVEPITS_METER_H
#define FIVEPITS_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct meter {
	const char *verb; /* "Keeping": of the line on the terminal */
	FILE *stream;	  /* NULL: nobody is told */
	bool json, shown;
	uint64_t began_us, told_us;
	uint64_t items, items_all;    /* files; 0 in all: they are not counted */
	uint64_t done, all;	      /* bytes of those that are finished; of all */
	const char *item;	      /* the one under way, as it may be shown; NULL: none */
	uint64_t item_done, item_all; /* bytes of it */
};

/* `quiet`: tell nobody. The terminal is standard error. */
void meter_begin(struct meter *m, const char *verb, bool json, bool quiet);
/* What there is to do in all. */
void meter_expect(struct meter *m, uint64_t items, uint64_t bytes);
/* A file begins; `name` (clean) is borrowed until it ends. Then how far it is. */
void meter_item(struct meter *m, const char *name, uint64_t bytes);
void meter_move(struct meter *m, uint64_t done, uint64_t all);
void meter_item_end(struct meter *m); /* with --json it is told */
/* The line goes from the terminal. */
void meter_end(struct meter *m);
/* Wipe it, so that something else can be printed; it comes back with the next move. */
void meter_hide(struct meter *m);

/* "12.3 of 50.0 MiB, 1.2 MiB/s, 32 s left" of what took `us` so far. */
void meter_words(char *out, size_t size, uint64_t done, uint64_t all, uint64_t us);

#endif
