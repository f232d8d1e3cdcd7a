/*
 * What the parts of comparing texts share (unit_diff.h): unit_read.c reads, unit_diff.c finds what
 * differs, unit_slide.c moves it, unit_runs.c shows it.
 *
 * Every loop whose length is not bounded by that of the texts pays for its turns in steps, of which
 * one is about a nanosecond.
 */
#ifndef FIVEPITS_UNIT_INSIDE_H
#define FIVEPITS_UNIT_INSIDE_H

#include "common/unit_diff.h"

/* False: none are left. */
bool unit_pay(struct unit_work *work, int64_t steps);
/* Memory for a while, out of what the work has left; arena_fini it. */
void unit_scratch(struct unit_work *work, struct arena *scratch);
/* What is between the units that both begin with and those that both end with. */
struct unit_hunk units_trim(const struct units *a, const struct units *b);
/* Slide the changes of a, beside those of b. False: over budget. */
bool units_slide(struct unit_work *work, const struct units *a, uint8_t *changed_a,
		 const struct units *b, uint8_t *changed_b);

#endif
