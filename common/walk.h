/*
 * A way through the list of a content, in order, depth first: one node a level is held. Who walks
 * reads the nodes and hands them in. PROTOCOL.md 11.2.
 */
#ifndef FIVEPITS_WALK_H
#define FIVEPITS_WALK_H

#include "common/store.h"

/* Zero-initialise it and set `content`; walk_fini frees what it holds. */
struct walk {
	struct content content;
	bool begun;
	unsigned depth; /* nodes that are open */
	struct {
		uint8_t hash[SHA256_LEN];
		struct buf bytes;
		struct node node;
		size_t at;
		bool trusted; /* all below it is here */
	} open[LEVEL_MAX];
};

void walk_fini(struct walk *w);
void walk_restart(struct walk *w); /* keeps its memory */
/* What comes next, without moving. 1, or 0 at the end. `is_node`: it must be entered. */
int walk_next(struct walk *w, struct entry_of *e, bool *is_node);
/* Behind what walk_next said. */
void walk_pass(struct walk *w);
/* Into the node that walk_next said. ERR_INVALID: it does not fit where it stands. */
int walk_enter(struct walk *w, const struct entry_of *e, struct bytes bytes, bool trusted);
/* The node that lists what walk_next says; NULL: none, it is the root. */
const uint8_t *walk_parent(const struct walk *w);
/* Was that entered as trusted? */
bool walk_trusts(const struct walk *w);

#endif
