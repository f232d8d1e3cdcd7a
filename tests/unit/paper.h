/* A content in memory, cut and listed as a file would be: for tests that speak the protocol. */
#ifndef FIVEPITS_PAPER_H
#define FIVEPITS_PAPER_H

#include "common/gather.h"
#include "common/hashes.h"

#include <stdlib.h>
#include <string.h>

struct paper {
	struct content content;
	struct hashes index; /* of chunks and nodes, by place in `parts` */
	struct bytes parts[4096];
	size_t n, n_nodes;
	struct buf data;
	struct arena arena;
};

static inline int paper_part(struct paper *p, const uint8_t hash[SHA256_LEN], struct bytes part)
{
	must(p->n < sizeof(p->parts) / sizeof(*p->parts));
	p->parts[p->n] = arena_copy(&p->arena, part);
	hashes_put(&p->index, hash, p->n++);
	return 0;
}

static inline int paper_node(void *arg, unsigned level, const uint8_t hash[SHA256_LEN],
			     struct bytes node)
{
	(void)level;
	((struct paper *)arg)->n_nodes++;
	return paper_part(arg, hash, node);
}

/* Cut what is in p->data. */
static inline void paper_cut(struct paper *p)
{
	uint64_t gear[256];
	uint8_t hash[SHA256_LEN];
	struct listing *l = listing_new(paper_node, p);
	size_t at = 0;
	unsigned level;

	arena_init(&p->arena, ARENA_NO_BUDGET);
	chunk_gear(gear);
	do {
		struct bytes rest = BYTES(p->data.data + at, p->data.len - at);
		rest.len = chunk_cut(gear, rest, true);
		sha256(rest, hash);
		paper_part(p, hash, rest);
		must(listing_add(l, hash, rest.len) == 0);
		at += rest.len;
	} while (at < p->data.len);
	must(listing_end(l, p->content.root, &level) == 0);
	listing_free(&l);
	sha256(buf_bytes(&p->data), p->content.sha);
	p->content.bytes = p->data.len;
}

/* Bytes that follow from a seed and don't repeat. */
static inline void paper_fill(struct buf *b, uint64_t seed, size_t n)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf_add_u8(b, (uint8_t)(x >> 32));
	}
}

static inline struct paper *paper_new(uint64_t seed, size_t n)
{
	struct paper *p = mem_alloc(sizeof(*p));
	paper_fill(&p->data, seed, n);
	paper_cut(p);
	return p;
}

static inline struct bytes paper_find(const struct paper *p, const uint8_t hash[SHA256_LEN])
{
	const uint64_t *at = hashes_find(&p->index, hash);
	return at ? p->parts[*at] : BYTES_NONE;
}

static inline void paper_free(struct paper *p)
{
	hashes_fini(&p->index);
	buf_fini(&p->data);
	arena_fini(&p->arena);
	free(p);
}

#endif
