/* The difference of two texts, to show. */
#include "common/unit_inside.h"

struct runs {
	struct unit_run *run;
	size_t n;
};

static void run_add(struct runs *runs, enum unit_where where, struct bytes text)
{
	if (text.len)
		runs->run[runs->n++] = (struct unit_run){where, text};
}

static void run_add_units(struct runs *runs, enum unit_where where, const struct units *u,
			  uint32_t start, uint32_t end)
{
	uint32_t first = unit_start(u, start);
	run_add(runs, where, BYTES(u->text + first, unit_start(u, end) - first));
}

/* What is the same behind the hunk before, then the hunk. */
static void run_add_hunk(struct runs *runs, const struct units *a, const struct units *b,
			 uint32_t done, const struct unit_hunk *h)
{
	run_add_units(runs, UNIT_SAME, a, done, h->a);
	run_add_units(runs, UNIT_ONLY_A, a, h->a, h->a_end);
	run_add_units(runs, UNIT_ONLY_B, b, h->b, h->b_end);
}

static struct runs runs_make(struct unit_work *work, const struct units *a, const struct units *b,
			     struct arena *arena)
{
	struct unit_hunk h = {0, 0, 0, 0};
	struct unit_changes changes;
	size_t hunks = 1;
	uint32_t done = 0;
	bool fine = units_compare(work, a, b, &changes);

	while (fine && unit_hunk_next(&changes, &h))
		hunks++;
	struct runs runs = {arena_alloc(arena, 3 * hunks * sizeof(struct unit_run)), 0};
	h = (struct unit_hunk){0, 0, 0, 0};
	for (; fine && unit_hunk_next(&changes, &h); done = h.a_end)
		run_add_hunk(&runs, a, b, done, &h);
	if (!fine) {
		h = units_trim(a, b);
		run_add_hunk(&runs, a, b, 0, &h);
		done = h.a_end;
	}
	run_add_units(&runs, UNIT_SAME, a, done, a->n);
	return runs;
}

struct unit_run *unit_diff(struct bytes a, struct bytes b, struct arena *arena, size_t *n_runs)
{
	const struct bytes texts[2] = {a, b};
	struct units units[2];
	struct unit_work work;
	struct runs runs;

	unit_work_init(&work);
	if (units_read(&work, texts, units, 2)) {
		runs = runs_make(&work, &units[0], &units[1], arena);
	} else {
		runs = (struct runs){arena_alloc(arena, 2 * sizeof(struct unit_run)), 0};
		run_add(&runs, UNIT_ONLY_A, a);
		run_add(&runs, UNIT_ONLY_B, b);
	}
	unit_work_fini(&work);
	*n_runs = runs.n;
	return runs.run;
}
