/*
 * What merging prose costs: two edits into minutes of 10,000 words, and the worst texts of 256 KiB
 * that are known: shapes that were thought of, and inputs that were searched for and are given as
 * files (tests/merge/input.h).
 *
 *	merge [FILE...]		prints key=value lines
 */
#include "common/merge.h"
#include "common/err.h"
#include "common/os.h"
#include "tests/merge/input.h"
#include "tests/merge/prose.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 10000, ROUNDS = 101, WORST_ROUNDS = 5 };

/* ---- Memory: what malloc has given out, and the most of it ---------------------------------- */

static size_t held, held_most;

void *__real_malloc(size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void __wrap_free(void *p);

void *__wrap_malloc(size_t n)
{
	void *p = __real_malloc(n);
	held += p ? malloc_usable_size(p) : 0;
	held_most = held > held_most ? held : held_most;
	return p;
}

void __wrap_free(void *p)
{
	size_t n = p ? malloc_usable_size(p) : 0;
	held -= n < held ? n : held; /* what calloc gave was not counted */
	__real_free(p);
}

/* ---- Timing --------------------------------------------------------------------------------- */

struct measure {
	double ms; /* the median */
	size_t peak;
	int merged;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct measure measure(const struct buf texts[3], int rounds)
{
	double all[ROUNDS];
	struct measure m = {0, 0, 0};

	for (int i = 0; i < rounds; i++) {
		struct arena arena;
		struct bytes out;
		arena_init(&arena, ARENA_NO_BUDGET);
		held = held_most = 0;
		uint64_t start = os_monotonic_us();
		m.merged = merge_text(buf_bytes(&texts[0]), buf_bytes(&texts[1]),
				      buf_bytes(&texts[2]), &arena, &out);
		all[i] = (double)(os_monotonic_us() - start) / 1000;
		m.peak = held_most > m.peak ? held_most : m.peak;
		arena_fini(&arena);
	}
	qsort(all, (size_t)rounds, sizeof(*all), by_value);
	m.ms = all[rounds / 2];
	return m;
}

/* ---- Minutes of 10,000 words ---------------------------------------------------------------- */

static void minutes(struct buf *text, size_t edited)
{
	size_t words = 0, from;

	for (uint32_t i = 0; words < WORDS; i++) {
		from = text->len;
		prose_sentence(i == edited ? 5 : 1000 + i * 7, text);
		for (; from < text->len; from++)
			words += text->data[from] == ' ';
	}
}

static void bench_minutes(void)
{
	struct buf texts[3] = {{0}};

	minutes(&texts[0], SIZE_MAX);
	minutes(&texts[1], 20);
	minutes(&texts[2], 500);
	struct measure m = measure(texts, ROUNDS);
	must(m.merged == 1);
	printf("merge_10k_ms=%.2f\n", m.ms);
	for (int i = 0; i < 3; i++)
		buf_fini(&texts[i]);
}

/* ---- The worst ------------------------------------------------------------------------------ */

static uint64_t dice;

static uint32_t draw(uint32_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 20) % below;
}

/* The i-th unit of a text, 0 to 2, in a shape. */
static void add_unit(struct buf *b, int shape, uint32_t i, unsigned text)
{
	switch (shape) {
	case 0: /* the shortest units there are */
		buf_add_text(b, "%s", draw(2) ? "\n" : "\r\n");
		break;
	case 1: /* two letters, by chance */
		buf_add_text(b, "%c\n", 'a' + (int)draw(2));
		break;
	case 2: /* all different */
		buf_add_text(b, "%u.%u\n", i, text);
		break;
	case 3: /* drawn from many, so that most are there once or twice */
		buf_add_text(b, "%u\n", draw(30000));
		break;
	case 4: /* from fewer */
		buf_add_text(b, "%u\n", draw(300));
		break;
	case 5: /* two that take turns, each text from another one on */
		buf_add_text(b, "%c\n", (i / (1 + 7 * text)) % 2 ? 'a' : 'b');
		break;
	case 6: /* a^n b a^n */
		buf_add_text(b, "%s", i == 30000 + 777 * text ? "b\n" : "a\n");
		break;
	case 7: /* one unit, with others strewn in */
		buf_add_text(b, "%s", text == 0 || draw(50) ? "\n" : "a\n");
		break;
	case 8: /* the same, with others that are nowhere else: what could be set aside */
		if (draw(3) == 0)
			buf_add_text(b, "%u", draw(100000));
		buf_add_text(b, "\n");
		break;
	case 9: /* stops all over */
		buf_add_text(b, "%s", draw(3) ? "1. " : "Sun. ");
		break;
	case 10: /* shuffled */
		buf_add_text(b, "%u\n", i * (text + 1) % 20011);
		break;
	default: /* no unit at all for long */
		buf_add_text(b, "%s", i % 9000 ? ".a" : ". B");
	}
}

enum { SHAPES = 12 };

static void worst_of(const char *name, const struct buf texts[3], struct measure *worst,
		     const char **which)
{
	struct measure m = measure(texts, WORST_ROUNDS);

	if (m.ms > worst->ms) {
		worst->ms = m.ms;
		*which = name;
	}
	worst->peak = m.peak > worst->peak ? m.peak : worst->peak;
}

static void bench_worst(int n_files, char **files)
{
	static const char *const names[SHAPES] = {
		"shortest",	  "two letters", "all different", "drawn from many",
		"drawn from few", "turns",	 "a^n b a^n",	  "strewn",
		"lacking",	  "stops",	 "shuffled",	  "no unit"};
	struct measure worst = {0, 0, 0};
	const char *which = "";
	struct cause cause;

	for (int shape = 0; shape < SHAPES; shape++) {
		struct buf texts[3] = {{0}};
		dice = 88172645463325252;
		for (unsigned k = 0; k < 3; k++) {
			for (uint32_t i = 0; texts[k].len < MERGE_TEXT_MAX; i++)
				add_unit(&texts[k], shape, i, k);
			texts[k].len = MERGE_TEXT_MAX;
		}
		worst_of(names[shape], texts, &worst, &which);
		for (int k = 0; k < 3; k++)
			buf_fini(&texts[k]);
	}
	for (int i = 0; i < n_files; i++) {
		struct buf texts[3] = {{0}}, in = {0};
		must(os_read_file(files[i], 65536, &in, &cause) == 0 && in.len > 0);
		(void)input_read(buf_bytes(&in), texts);
		worst_of(files[i], texts, &worst, &which);
		for (int k = 0; k < 3; k++)
			buf_fini(&texts[k]);
		buf_fini(&in);
	}
	fprintf(stderr, "the worst to merge: %s\n", which);
	printf("merge_worst_ms=%.1f\n", worst.ms);
	printf("merge_worst_mib=%.1f\n", (double)worst.peak / 1048576);
}

int main(int argc, char **argv)
{
	bench_minutes();
	bench_worst(argc - 1, argv + 1);
	return 0;
}
