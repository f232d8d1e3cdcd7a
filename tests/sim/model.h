/*
 * The reference model: a set of changes and a pure merge function, written from the words of the
 * design and sharing no code with the reconciling that it judges, but for reading bytes and for what
 * the schema says. For each entry it says whether what came of the change may have come of it: no
 * value that the author had not seen is replaced, but by the exact merge of both; what was not in
 * anybody's way stands; what does not stand is asked for by somebody else too, or a side of a
 * Conflict, or a correction. Of a whole world it says whether each change that was made is somewhere.
 */
#ifndef FIVEPITS_SIM_MODEL_H
#define FIVEPITS_SIM_MODEL_H

#include "tests/sim/book.h"

/* Before an entry is laid on the state, and after. ERR_CORRUPT with what is wrong. */
int model_judge_before(struct book *b, const struct book_entry *e, struct cause *fault);
int model_judge_after(struct book *b, const struct book_entry *e, struct cause *fault);

/*
 * Prose three ways. The simulator's prose is made of units that begin with Qz and end with a space or
 * a line end, so that what a merge must be can be said exactly: a unit stands if it was in all three,
 * or if one side added it; in order; and where both touched the same or neighbouring units there is
 * no merge, unless both did the same. 1: *out (in `arena`); 0: a conflict; -1: these texts are of
 * another kind, or repeat or reorder units.
 */
int model_merge(struct bytes base, struct bytes ours, struct bytes theirs, struct arena *arena,
		struct bytes *out);

/* What became of one change: ACCEPTED and KEPT (held for somebody to decide on) as the server has it, the
 * others as its author's copy shows it, or DROPPED by its author. */
enum model_fate {
	FATE_ACCEPTED = 1, FATE_PENDING = 2, FATE_REFUSED = 4, FATE_HELD = 8, FATE_DROPPED = 16, FATE_KEPT = 32,
};
/* NULL: good; else what is wrong with these fates together. `quiet`: everybody has met. */
const char *model_conserve(unsigned fates, bool quiet);

#endif
