/*
 * What a person sees: tables fitted to the terminal, a progress bar, dates in words. Names, texts
 * and file names come from others, so nothing of them reaches a terminal before it was made
 * harmless here.
 */
#ifndef FIVEPITS_SCREEN_H
#define FIVEPITS_SCREEN_H

#include "common/mem.h"

#include <stdio.h>

/*
 * Append text as it may be printed: control characters, marks that turn the direction of writing,
 * and bytes that are not UTF-8 become visible stand-ins. screen_clean makes one line (line ends and
 * runs of spaces become one space), screen_clean_text keeps line ends and puts `indent` spaces
 * before each line but the first.
 */
void screen_clean(struct buf *out, struct bytes text);
void screen_clean_text(struct buf *out, struct bytes text, unsigned indent);
/* Print text cleaned; behind a line end, and where a terminal's line is full, `indent` spaces. */
void screen_print_text(FILE *stream, struct bytes text, unsigned indent);
/* screen_clean into an arena, with a NUL. */
const char *screen_line(struct arena *arena, struct bytes text);

/* Columns that UTF-8 text takes on a terminal. */
unsigned screen_width(struct bytes text);

/* Is `stream` a terminal that wants weight and colour (NO_COLOR is respected)? */
bool screen_is_lively(FILE *stream);
/* Print clean text in bold where the stream is lively. */
void screen_bold(FILE *stream, const char *text);

/* "9 October 2019" for "2019-10-09"; anything else comes back as it was, made clean. In `arena`. */
const char *screen_day(struct arena *arena, struct bytes day);
/* "9 October 2019, 18:30" in this computer's zone; "never" for 0. In `arena`. */
const char *screen_instant(struct arena *arena, uint64_t ms);
/* "1 change", "3 changes". In `arena`. */
const char *screen_count(struct arena *arena, uint64_t n, const char *one, const char *many);
/* "12 bytes", "3.4 MiB". In `arena`. */
const char *screen_size(struct arena *arena, uint64_t bytes);

/* A table: cells by rows, cleaned as they are added. On a terminal it fits its width: the widest
 * columns give way first. */
struct table;
/* Takes `columns` headings; a heading that starts with '>' is a column of numbers. */
struct table *table_new(unsigned columns, const char *const *headings);
void table_free(struct table **t);
void table_cell(struct table *t, struct bytes text);
void table_words(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t table_rows(const struct table *t);
/* The column whose words matter most: it stays twice as wide as the others where room is short. */
void table_favour(struct table *t, unsigned column);
/* Print it with its headings; `width` 0: no limit. */
void table_print(const struct table *t, FILE *stream, unsigned width);
/* The same, as wide as the stream is. */
void table_show(const struct table *t, FILE *stream);

/* A progress bar on standard error, if that is a terminal. Redrawn at most 20 times a second. */
struct progress {
	const char *label;
	uint64_t drawn_us;
	bool on, shown;
};

void progress_begin(struct progress *p, const char *label, bool quiet);
void progress_move(struct progress *p, uint64_t done, uint64_t all);
void progress_end(struct progress *p); /* wipes it */

#endif
