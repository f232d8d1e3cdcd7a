/*
 * The model's merge of prose. The simulator's texts are made of units that begin with Qz and end with a space
 * or a line end, so that what a merge must be can be said exactly: a unit stands if it was in all three, or if
 * one side added it; in order; and where both touched the same or neighbouring units there is no merge, unless
 * both did the same.
 */
#ifndef FIVEPITS_SIM_PROSE_H
#define FIVEPITS_SIM_PROSE_H

#include "common/mem.h"

/* 1: *out (in `arena`); 0: a conflict; -1: these texts are of another kind, or repeat or reorder units. */
int prose_merge(struct bytes base, struct bytes ours, struct bytes theirs, struct arena *arena,
		struct bytes *out);

#endif
