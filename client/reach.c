/*
 * The list is walked once beside the sending. Only a chunk that is asked for again stands behind
 * the walk; it is looked for from the beginning then.
 */
#include "client/reach.h"

#include <string.h>

void reach_init(struct reach *r, const struct content *c, uint64_t sure)
{
	*r = (struct reach){.sure = sure};
	r->walk.content = *c;
}

void reach_fini(struct reach *r)
{
	walk_fini(&r->walk);
}

/* Up to a chunk and behind it; its size. 1; 0: it does not come any more; or an error. */
static int reach_find(struct reach *r, struct store *s, const uint8_t hash[SHA256_LEN],
		      uint64_t *bytes)
{
	struct buf node = {0};
	struct entry_of e;
	bool is_node;
	int got = 0;

	while (got == 0 && walk_next(&r->walk, &e, &is_node)) {
		if (is_node) {
			got = store_get(s, e.hash, &node);
			if (got == 0)
				got = walk_enter(&r->walk, &e, buf_bytes(&node), false);
			continue;
		}
		walk_pass(&r->walk);
		r->at += *bytes = e.bytes;
		got = memcmp(e.hash, hash, SHA256_LEN) == 0;
	}
	buf_fini(&node);
	return got;
}

uint64_t reach_chunk(struct reach *r, struct store *s, const uint8_t hash[SHA256_LEN])
{
	uint64_t bytes;

	if (r->lost)
		return 0;
	int got = reach_find(r, s, hash, &bytes);
	if (got == 0) {
		walk_restart(&r->walk);
		r->at = 0;
		got = reach_find(r, s, hash, &bytes);
	}
	r->lost = got <= 0;
	if (r->lost)
		return 0;
	uint64_t before = r->at - bytes, passed = before > r->to ? before - r->to : 0;
	r->to += passed;
	if (!r->mark)
		r->sure = r->to;
	return passed;
}

void reach_went(struct reach *r, uint64_t mark)
{
	if (r->lost)
		return;
	if (r->at > r->to)
		r->to = r->at;
	r->went = mark;
	if (!r->mark) {
		r->mark = mark;
		r->next = r->to;
	}
}

void reach_came(struct reach *r, uint64_t mark)
{
	if (!r->mark || mark < r->mark)
		return;
	r->sure = mark < r->went ? r->next : r->to;
	r->mark = mark < r->went ? r->went : 0;
	r->next = r->to;
}
