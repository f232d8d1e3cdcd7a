/* What becomes of a pushed change: limits and shape, rights, values, and then the journal. */
#ifndef FIVEPITS_JUDGE_H
#define FIVEPITS_JUDGE_H

#include "common/id.h"
#include "common/mem.h"

struct session;

/* Decide one change of a Push; the answer waits for the end of the turn. */
void judge_change(struct session *s, struct bytes bytes);
/* Accept or refuse a held change, by the person of this session; `words` (may be NULL) are for its
 * author. Answered at the end of the turn. */
void judge_decide(struct session *s, const struct id *change, bool accept, const char *words);

#endif
