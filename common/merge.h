/*
 * Merging prose three ways, by units (unit.h). Edits of units that have an untouched unit between
 * them stand both; the same or touching units edited by both are a conflict, unless both edits are
 * the same. What comes out is what `git merge-file` makes of the same texts written one unit a
 * line.
 *
 * Pure: the same texts merge alike everywhere, whatever the machine and its load.
 */
#ifndef FIVEPITS_MERGE_H
#define FIVEPITS_MERGE_H

#include "common/mem.h"

/* Longer texts are not merged, and no merged text is longer. */
enum { MERGE_TEXT_MAX = 256 * 1024 };

/*
 * 1: *out is `base` with the edits of both `ours` and `theirs`, in `arena` (or borrowed from one of
 * the texts). 0: a conflict, which two versions are; or it would take more than is allowed: a text
 * over MERGE_TEXT_MAX, more steps than 100 ms have, 16 MiB, or what the arena's budget leaves.
 */
int merge_text(struct bytes base, struct bytes ours, struct bytes theirs, struct arena *arena,
	       struct bytes *out);

#endif
