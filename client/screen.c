/*
 * Everything that goes to a terminal. Text is cleaned once, on its way in: a table holds clean
 * cells, and what is printed elsewhere is made by screen_clean first.
 */
#include "client/screen.h"

#include "common/amount.h"
#include "common/os.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

/* ---- Text ----------------------------------------------------------------------------------- */

/* The next character of UTF-8 text; 0xfffd and one byte where it is not UTF-8. */
static uint32_t screen_character(struct bytes text, size_t *size)
{
	const uint8_t *p = text.data;
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;

	*size = 1;
	if (n == 1)
		return p[0];
	if (n == 0 || n > text.len)
		return 0xfffd;
	c = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*size = n;
	return c;
}

/* Characters that change how a terminal shows what stands around them. */
static bool screen_is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void screen_add(struct buf *out, struct bytes text, uint32_t c, size_t size)
{
	static const char stand_in[] = "\xef\xbf\xbd"; /* U+FFFD */
	if (screen_is_unsafe(c) || c == 0xfffd)
		buf_add(out, stand_in, 3);
	else
		buf_add(out, text.data, size);
}

void screen_clean(struct buf *out, struct bytes text)
{
	bool space = false, any = false;
	for (size_t size; text.len > 0; text = BYTES(text.data + size, text.len - size)) {
		uint32_t c = screen_character(text, &size);
		if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
			space = any;
			continue;
		}
		if (space)
			buf_add_u8(out, ' ');
		screen_add(out, text, c, size);
		space = false;
		any = true;
	}
}

void screen_clean_text(struct buf *out, struct bytes text, unsigned indent)
{
	for (size_t size; text.len > 0; text = BYTES(text.data + size, text.len - size)) {
		uint32_t c = screen_character(text, &size);
		if (c == '\r' && text.len > 1 && text.data[1] == '\n')
			continue;
		if (c == '\n') {
			buf_add_text(out, "\n%*s", text.len > 1 ? (int)indent : 0, "");
		} else if (c == '\t') {
			buf_add(out, "    ", 4);
		} else {
			screen_add(out, text, c, size);
		}
	}
}

/* The bytes of the first line of `text` that fit in `width` columns, broken between words if it can
 * be. */
static size_t screen_break(struct bytes text, unsigned width)
{
	size_t at = 0, space = 0, size;
	for (unsigned used = 0; at < text.len && text.data[at] != '\n'; at += size) {
		(void)screen_character(BYTES(text.data + at, text.len - at), &size);
		used += screen_width(BYTES(text.data + at, size));
		if (used > width)
			return space > 0 ? space : at > 0 ? at : size;
		if (text.data[at] == ' ')
			space = at;
	}
	return at;
}

void screen_print_text(FILE *stream, struct bytes text, unsigned indent)
{
	enum { LEAST = 20 };
	struct buf b = {0};
	unsigned width = os_is_terminal(stream) ? (unsigned)os_terminal_width(stream) : UINT32_MAX;

	screen_clean_text(&b, text, 0);
	width = width < indent + LEAST ? LEAST : width - indent;
	for (struct bytes rest = buf_bytes(&b); rest.len > 0;) {
		size_t n = screen_break(rest, width);
		fprintf(stream, "%.*s", (int)n, (const char *)rest.data);
		n += n < rest.len && (rest.data[n] == '\n' || rest.data[n] == ' ');
		rest = BYTES(rest.data + n, rest.len - n);
		if (rest.len > 0)
			fprintf(stream, "\n%*s", rest.data[0] == '\n' ? 0 : (int)indent, "");
	}
	buf_fini(&b);
	fputc('\n', stream);
}

const char *screen_line(struct arena *arena, struct bytes text)
{
	struct buf b = {0};
	screen_clean(&b, text);
	char *line = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return line;
}

unsigned screen_width(struct bytes text)
{
	unsigned width = 0;
	for (size_t size; text.len > 0; text = BYTES(text.data + size, text.len - size)) {
		uint32_t c = screen_character(text, &size);
		int w = c < 0x80 ? 1 : wcwidth((wchar_t)c);
		width += w < 0 ? 1 : (unsigned)w;
	}
	return width;
}

bool screen_is_lively(FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return !(no && *no) && !(term && strcmp(term, "dumb") == 0) && os_is_terminal(stream);
}

void screen_bold(FILE *stream, const char *text)
{
	if (screen_is_lively(stream))
		fprintf(stream, "\033[1m%s\033[0m", text);
	else
		fputs(text, stream);
}

/* ---- Words ---------------------------------------------------------------------------------- */

static const char *const screen_months[] = {
    "January", "February", "March",	"April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};

const char *screen_day(struct arena *arena, struct bytes day)
{
	const char *text = arena_text(arena, day);
	unsigned y, m, d;
	int end = 0;
	if (day.len == 10 && sscanf(text, "%4u-%2u-%2u%n", &y, &m, &d, &end) == 3 && end == 10 &&
	    m >= 1 && m <= 12)
		return arena_format(arena, "%u %s %u", d, screen_months[m - 1], y);
	return screen_line(arena, day);
}

const char *screen_instant(struct arena *arena, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	if (ms == 0)
		return "never";
	if (!localtime_r(&seconds, &tm) || tm.tm_mon < 0 || tm.tm_mon > 11)
		return "at an unknown time";
	return arena_format(arena, "%d %s %d, %02d:%02d", tm.tm_mday, screen_months[tm.tm_mon],
			    tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
}

const char *screen_count(struct arena *arena, uint64_t n, const char *one, const char *many)
{
	return arena_format(arena, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

const char *screen_size(struct arena *arena, uint64_t bytes)
{
	char words[AMOUNT_WORDS];
	return arena_format(arena, "%s", amount_words(words, bytes));
}

/* ---- Tables --------------------------------------------------------------------------------- */

struct table {
	unsigned columns;
	const char **headings;
	bool *numbers;
	char **cells;
	size_t n, cap;
	unsigned favoured; /* a column; `columns`: none */
};

struct table *table_new(unsigned columns, const char *const *headings)
{
	struct table *t = mem_alloc(sizeof(*t));
	t->columns = t->favoured = columns;
	t->headings = mem_alloc(columns * sizeof(*t->headings));
	t->numbers = mem_alloc(columns * sizeof(*t->numbers));
	for (unsigned i = 0; i < columns; i++) {
		t->numbers[i] = headings[i][0] == '>';
		t->headings[i] = headings[i] + t->numbers[i];
	}
	return t;
}

void table_free(struct table **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->n; i++)
		free((*t)->cells[i]);
	free((*t)->cells);
	free((*t)->headings);
	free((*t)->numbers);
	free(*t);
	*t = NULL;
}

void table_cell(struct table *t, struct bytes text)
{
	struct buf b = {0};
	screen_clean(&b, text);
	buf_add_u8(&b, 0);
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = mem_resize(t->cells, t->cap * sizeof(*t->cells));
	}
	t->cells[t->n++] = (char *)b.data;
}

void table_words(struct table *t, const char *format, ...)
{
	va_list ap;
	char *text;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	must(n >= 0);
	table_cell(t, BYTES(text, (size_t)n));
	free(text);
}

void table_favour(struct table *t, unsigned column)
{
	t->favoured = column;
}

size_t table_rows(const struct table *t)
{
	return t->n / t->columns;
}

static unsigned table_text_width(const char *text)
{
	return screen_width(BYTES(text, strlen(text)));
}

/* Take from the widest column, one at a time, until the whole fits or all are narrow. A number
 * that was cut would be another one. */
static void table_fit(const struct table *t, unsigned *widths, unsigned limit)
{
	enum { NARROW = 8, GAP = 2 };
	unsigned total = GAP * (t->columns - 1);
	for (unsigned i = 0; i < t->columns; i++)
		total += widths[i];
	while (total > limit) {
		unsigned widest = 0, most = 0;
		for (unsigned i = 0; i < t->columns; i++) {
			unsigned w = i == t->favoured ? (widths[i] + 1) / 2 : widths[i];
			if (w > most && !t->numbers[i]) {
				most = w;
				widest = i;
			}
		}
		if (most == 0 || widths[widest] <= NARROW)
			return;
		widths[widest]--;
		total--;
	}
}

/* One cell in `width` columns; the last of a row is not padded. */
static void table_print_cell(FILE *stream, const char *text, unsigned width, bool number, bool last)
{
	struct bytes rest = BYTES(text, strlen(text));
	unsigned natural = screen_width(rest);
	size_t fits = 0, size;

	if (natural <= width) {
		unsigned pad = width - natural;
		fprintf(stream, "%*s%s%*s", number ? (int)pad : 0, "", text,
			number || last ? 0 : (int)pad, "");
		return;
	}
	unsigned used = 0;
	while (fits < rest.len) {
		struct bytes at = BYTES(rest.data + fits, rest.len - fits);
		(void)screen_character(at, &size);
		unsigned w = screen_width(BYTES(at.data, size));
		if (used + w > width - 1)
			break;
		used += w;
		fits += size;
	}
	fprintf(stream, "%.*s…%*s", (int)fits, text, last ? 0 : (int)(width - 1 - used), "");
}

static void table_print_row(const struct table *t, FILE *stream, const unsigned *widths,
			    const char *const *cells)
{
	unsigned n = t->columns; /* up to the last that has something in it */

	while (n > 1 && !cells[n - 1][0])
		n--;
	for (unsigned i = 0; i < n; i++) {
		table_print_cell(stream, cells[i], widths[i], t->numbers[i], i + 1 == n);
		fputs(i + 1 < n ? "  " : "\n", stream);
	}
}

void table_print(const struct table *t, FILE *stream, unsigned width)
{
	unsigned *widths = mem_alloc(t->columns * sizeof(*widths));
	for (unsigned i = 0; i < t->columns; i++)
		widths[i] = table_text_width(t->headings[i]);
	for (size_t i = 0; i < t->n; i++) {
		unsigned w = table_text_width(t->cells[i]);
		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	if (width > 0)
		table_fit(t, widths, width);
	bool lively = screen_is_lively(stream);
	fputs(lively ? "\033[1m" : "", stream);
	table_print_row(t, stream, widths, t->headings);
	fputs(lively ? "\033[0m" : "", stream);
	for (size_t row = 0; row < table_rows(t); row++)
		table_print_row(t, stream, widths,
				(const char *const *)t->cells + row * t->columns);
	free(widths);
}

void table_show(const struct table *t, FILE *stream)
{
	table_print(t, stream, os_is_terminal(stream) ? (unsigned)os_terminal_width(stream) : 0);
}

/* ---- Progress ------------------------------------------------------------------------------- */

void progress_begin(struct progress *p, const char *label, bool quiet)
{
	*p = (struct progress){.label = label, .on = !quiet && os_is_terminal(stderr)};
}

void progress_move(struct progress *p, uint64_t done, uint64_t all)
{
	enum { REDRAW_US = 50000, LEAST_BAR = 10 };
	uint64_t now;
	if (!p->on || all == 0)
		return;
	now = os_monotonic_us();
	if (p->shown && done < all && now - p->drawn_us < REDRAW_US)
		return;
	p->drawn_us = now;
	p->shown = true;
	int room = os_terminal_width(stderr) - (int)strlen(p->label) - 10;
	int bar = room < LEAST_BAR ? LEAST_BAR : room > 50 ? 50 : room;
	if (done > all)
		done = all;
	int full = (int)((double)bar * (double)done / (double)all);
	fprintf(stderr, "\r%s [", p->label);
	for (int i = 0; i < bar; i++)
		fputc(i < full ? '#' : ' ', stderr);
	fprintf(stderr, "] %3d%%\033[K", (int)(100.0 * (double)done / (double)all));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
