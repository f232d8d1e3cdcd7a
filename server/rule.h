/*
 * How long the old versions of a space's documents keep their bytes: what its own Retention record
 * says and, field by field where that says nothing, what the one of all spaces does.
 */
#ifndef FIVEPITS_RULE_H
#define FIVEPITS_RULE_H

#include "server/turn.h"

/* Either number, where it is said; 0 keeps all versions. */
struct rule {
	bool has_newest, has_days;
	uint64_t newest, days;
};

/* What holds in a space. 0 or an error. */
int rule_of(struct area *a, const struct space *space, struct rule *out);
/* Does it ever let anything go? */
bool rule_releases(const struct rule *r);

#endif
