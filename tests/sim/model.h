/*
 * The reference model: a set of changes and a pure merge function, which share no code with the reconciling
 * that they judge, but for reading bytes and for what the schema says. What came of a change may have come of
 * it: no value that the author had not seen is replaced, but by the exact merge of both (prose.h); what was in
 * nobody's way stands; what does not stand was asked for by others too, or is a side of a Conflict, or a
 * correction. And each change that was made is somewhere.
 */
#ifndef FIVEPITS_SIM_MODEL_H
#define FIVEPITS_SIM_MODEL_H

#include "tests/sim/book.h"

/* Before an entry is laid on the state, and after. ERR_CORRUPT with what is wrong. */
int model_judge_before(struct book *b, const struct book_entry *e, struct cause *fault);
int model_judge_after(struct book *b, const struct book_entry *e, struct cause *fault);

/* What became of one change: ACCEPTED and KEPT (held for somebody to decide on) as the server has it, the
 * others as its author's copy shows it, or DROPPED by its author. */
enum model_fate {
	FATE_ACCEPTED = 1, FATE_PENDING = 2, FATE_REFUSED = 4, FATE_HELD = 8, FATE_DROPPED = 16, FATE_KEPT = 32,
};
/* NULL: good; else what is wrong with these fates together. `quiet`: everybody has met. */
const char *model_conserve(unsigned fates, bool quiet);

#endif
