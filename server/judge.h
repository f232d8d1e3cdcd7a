/* What becomes of a pushed change: limits and shape, rights, values, and then the journal. */
#ifndef FIVEPITS_JUDGE_H
#define FIVEPITS_JUDGE_H

#include "common/mem.h"

struct session;

/* Decide one change of a Push; the answer waits for the end of the turn. */
void judge_change(struct session *s, struct bytes bytes);

#endif
