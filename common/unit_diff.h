/*
 * The difference of two texts in units (unit.h), as git's diff has it of the same texts written one
 * unit a line: Myers' algorithm with its cut-offs, changes slid to where they read best.
 * PROTOCOL.md 4.13 says it step by step.
 */
#ifndef FIVEPITS_UNIT_DIFF_H
#define FIVEPITS_UNIT_DIFF_H

#include "common/mem.h"

#include <stdbool.h>

/* ---- To show: what two texts share and where they differ ------------------------------------ */

enum unit_where { UNIT_SAME, UNIT_ONLY_A, UNIT_ONLY_B };

/* Units that stand together. */
struct unit_run {
	enum unit_where where;
	struct bytes text; /* borrowed from the text it is in; UNIT_SAME from a */
};

/*
 * The runs of both texts, in order; where they differ, what only a has comes before what only b
 * has, either left out if it is empty. SAME and ONLY_A runs together are a, SAME and ONLY_B runs b.
 * The runs are in `arena`. Where a finer difference would take too long, all between the units that
 * both begin and end with is one; texts that are too long even to be read have nothing in common.
 */
struct unit_run *unit_diff(struct bytes a, struct bytes b, struct arena *arena, size_t *n_runs);

/* ---- To merge ------------------------------------------------------------------------------- */

/* A text in units. Equal units have equal ids, over all texts that were read together. */
struct units {
	const uint8_t *text;
	const uint32_t *ends; /* where unit i ends; it begins where the one before it ends */
	const uint32_t *ids;
	uint32_t n;
};

/* What reading and comparing may cost: steps, and memory, which is the arena's. */
struct unit_work {
	struct arena arena;
	int64_t steps; /* left; below 0, it is given up */
	uint32_t n_ids;
};

#define UNIT_STEPS INT64_C(12000000)
enum { UNIT_MEMORY = 15 * 1024 * 1024 };

void unit_work_init(struct unit_work *work);
void unit_work_fini(struct unit_work *work);
/* Read n texts (at most 3) into units, at once. False: over budget. */
bool units_read(struct unit_work *work, const struct bytes *texts, struct units *units, size_t n);

/* Which units of either text the other has not: a 1 for each, and a 0 before and behind them all.
 */
struct unit_changes {
	uint8_t *a, *b;
	uint32_t n_a, n_b;
};

/* One place where two texts differ: units [a, a_end) of one stand for [b, b_end) of the other. */
struct unit_hunk {
	uint32_t a, a_end, b, b_end;
};

/* False: over budget. The changes are in the work's arena. */
bool units_compare(struct unit_work *work, const struct units *a, const struct units *b,
		   struct unit_changes *changes);
/* The next hunk behind *hunk, which is zero before the first. False at the end. */
bool unit_hunk_next(const struct unit_changes *changes, struct unit_hunk *hunk);
/* Where unit i begins. */
static inline uint32_t unit_start(const struct units *u, uint32_t i)
{
	return i ? u->ends[i - 1] : 0;
}

#endif
