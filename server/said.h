/*
 * What administrators have said of how the area is run: records of the space `admin` whose ids
 * follow from a reference, `all` or what they are of (PROTOCOL.md, 11.8 and 11.10).
 */
#ifndef FIVEPITS_SAID_H
#define FIVEPITS_SAID_H

#include "server/turn.h"

/* The record of that type and reference, in `arena`. 1: it is LIVE; 0: none is; or an error. */
int said_record(struct area *a, uint32_t type, const char *reference, struct arena *arena,
		struct record *out);
/* Is there any of that type? 1, 0 or an error. */
int said_any(struct area *a, uint32_t type);

#endif
