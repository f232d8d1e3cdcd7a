/* Three texts to merge (tests/merge/input.h): it is the same whoever is first, brings no two units
 * together that were apart, and stays within what it may cost. */
#include "common/merge.h"
#include "common/unit_diff.h"
#include "tests/fuzz/fuzz.h"
#include "tests/merge/input.h"

#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 250;

/* What one turn of a loop that asks only afterwards may cost over the budget. */
enum { STEPS_OVER = 4 << 20 };

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The neighbours in a text, its ends included. */
static void add_pairs(const struct units *u, struct buf *pairs)
{
	for (uint32_t i = 0; i <= u->n; i++) {
		uint64_t pair = (uint64_t)(i ? u->ids[i - 1] + 1 : 0) << 32 |
				(i < u->n ? u->ids[i] + 1 : 0);
		buf_add(pairs, &pair, sizeof(pair));
	}
}

/* Every two neighbours in what came out are neighbours in one of the texts. */
static void check_neighbours(const struct bytes texts[3])
{
	struct buf known = {0}, pairs = {0};
	struct unit_work work;
	struct units units[3];

	unit_work_init(&work);
	if (units_read(&work, texts, units, 3)) {
		add_pairs(&units[0], &known);
		add_pairs(&units[1], &known);
		add_pairs(&units[2], &pairs);
		qsort(known.data, known.len / 8, 8, by_number);
		for (size_t i = 0; i < pairs.len; i += 8)
			must(bsearch(pairs.data + i, known.data, known.len / 8, 8, by_number));
	}
	unit_work_fini(&work);
	buf_fini(&known);
	buf_fini(&pairs);
}

/* Reading and comparing stay within what they may cost. */
static void check_cost(const struct bytes texts[3])
{
	struct unit_changes changes;
	struct unit_work work;
	struct units units[3];

	unit_work_init(&work);
	(void)(units_read(&work, texts, units, 3) &&
	       units_compare(&work, &units[0], &units[1], &changes) &&
	       units_compare(&work, &units[0], &units[2], &changes));
	must(work.steps >= -STEPS_OVER && work.arena.used <= UNIT_MEMORY);
	unit_work_fini(&work);
}

static void check_runs(struct bytes a, struct bytes b, struct arena *arena)
{
	size_t n, at_a = 0, at_b = 0;
	struct unit_run *runs = unit_diff(a, b, arena, &n);

	for (size_t i = 0; i < n; i++) {
		struct bytes t = runs[i].text;
		if (runs[i].where != UNIT_ONLY_B) {
			must(at_a + t.len <= a.len && memcmp(a.data + at_a, t.data, t.len) == 0);
			at_a += t.len;
		}
		if (runs[i].where != UNIT_ONLY_A) {
			must(at_b + t.len <= b.len && memcmp(b.data + at_b, t.data, t.len) == 0);
			at_b += t.len;
		}
	}
	must(at_a == a.len && at_b == b.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf texts[3] = {{0}};
	struct bytes t[3], out = BYTES_NONE, back = BYTES_NONE;
	struct arena arena;

	if (size == 0)
		return 0;
	bool is_long = input_read(BYTES(data, size), texts);
	for (int i = 0; i < 3; i++)
		t[i] = buf_bytes(&texts[i]);
	arena_init(&arena, ARENA_NO_BUDGET);
	int merged = merge_text(t[0], t[1], t[2], &arena, &out);
	check_cost(t);
	if (is_long)
		goto out;
	must(merge_text(t[0], t[2], t[1], &arena, &back) == merged);
	if (merged) {
		must(out.len <= MERGE_TEXT_MAX && bytes_equal(out, back));
		check_neighbours((const struct bytes[3]){t[1], t[2], out});
	}
	must(merge_text(t[0], t[1], t[1], &arena, &out) == 1 && bytes_equal(out, t[1]));
	must(merge_text(t[0], t[0], t[2], &arena, &out) == 1 && bytes_equal(out, t[2]));
	check_runs(t[1], t[2], &arena);
out:
	arena_fini(&arena);
	for (int i = 0; i < 3; i++)
		buf_fini(&texts[i]);
	return 0;
}
