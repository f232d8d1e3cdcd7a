/*
 * Cutting: a rolling hash of the last bytes is compared with a bound, a low one up to the usual
 * size and a high one beyond, so that most chunks are about as long as that. Nothing is hashed up
 * to the least size. Listing: a node ends behind an entry whose own hash says so, for the same
 * reason.
 */
#include "common/chunk.h"

#include <stdlib.h>
#include <string.h>

/* A cut stands where the hash has 18 leading zero bits, from the usual size on 14. */
#define CUT_BEFORE (UINT64_C(1) << 46)
#define CUT_AFTER (UINT64_C(1) << 50)

enum { NODE_BITS = 63 }; /* of the first four bytes of a hash: one entry in 64 ends a node */

void chunk_gear(uint64_t gear[256])
{
	static const char word[] = "fivepits gear 1";
	uint8_t text[sizeof(word)], hash[SHA256_LEN];

	memcpy(text, word, sizeof(word) - 1);
	for (unsigned i = 0; i < 256; i++) {
		text[sizeof(word) - 1] = (uint8_t)i;
		sha256(BYTES(text, sizeof(text)), hash);
		gear[i] = read_u64be(hash);
	}
}

/* The first place in from..to where the hash falls below `bound`; `to` if there is none. Two bytes
 * a round: the first of them is looked at through a hash that is not shifted yet. */
static size_t cut_scan(const uint64_t gear[256], const uint8_t *data, size_t from, size_t to,
		       uint64_t bound, uint64_t *hash)
{
	uint64_t h = *hash;
	size_t i = from;

	for (; i + 1 < to; i += 2) {
		uint64_t one = (h << 1) + gear[data[i]];
		h = (h << 2) + (gear[data[i]] << 1) + gear[data[i + 1]];
		if (one < bound)
			return i + 1;
		if (h < bound)
			return i + 2;
	}
	if (i < to) {
		h = (h << 1) + gear[data[i]];
		if (h < bound)
			return i + 1;
	}
	*hash = h;
	return 0;
}

size_t chunk_cut(const uint64_t gear[256], struct bytes data, bool last)
{
	size_t most = data.len < CHUNK_MAX ? data.len : CHUNK_MAX;
	size_t usual = most < CHUNK_USUAL ? most : CHUNK_USUAL;
	uint64_t hash = 0;
	size_t cut = 0;

	if (data.len > CHUNK_MIN) {
		cut = cut_scan(gear, data.data, CHUNK_MIN, usual, CUT_BEFORE, &hash);
		if (!cut && usual < most)
			cut = cut_scan(gear, data.data, usual, most, CUT_AFTER, &hash);
	}
	if (cut)
		return cut;
	if (last && node_is(data)) /* its bytes in two are none */
		return 1;
	return last || data.len >= CHUNK_MAX ? most : 0;
}

/* ---- Listing -------------------------------------------------------------------------------- */

struct listing {
	listing_node_fn node;
	void *arg;
	struct {
		uint8_t bytes[NODE_BYTES]; /* of the node that is being filled */
		size_t n;		   /* its entries */
		uint64_t below;
		uint64_t came;		  /* entries of this level in all */
		uint8_t last[SHA256_LEN]; /* the newest of them */
	} levels[LEVEL_MAX + 2];	  /* [l] gathers into nodes of level l; [0] is not used */
};

struct listing *listing_new(listing_node_fn node, void *arg)
{
	struct listing *l = mem_alloc(sizeof(*l));

	l->node = node;
	l->arg = arg;
	return l;
}

static int listing_put(struct listing *l, unsigned level, const uint8_t hash[SHA256_LEN],
		       uint64_t bytes);

static int listing_close(struct listing *l, unsigned level)
{
	uint8_t *bytes = l->levels[level].bytes, hash[SHA256_LEN];
	size_t len = NODE_HEADER + l->levels[level].n * NODE_ENTRY;
	uint64_t below = l->levels[level].below;

	bytes[0] = NODE_FORMAT;
	bytes[1] = (uint8_t)level;
	sha256(BYTES(bytes, len), hash);
	int err = l->node(l->arg, level, hash, BYTES(bytes, len));
	l->levels[level].n = 0;
	l->levels[level].below = 0;
	return err < 0 ? err : listing_put(l, level + 1, hash, below);
}

/* An entry of a node of level `level`. */
static int listing_put(struct listing *l, unsigned level, const uint8_t hash[SHA256_LEN],
		       uint64_t bytes)
{
	if (level > LEVEL_MAX + 1)
		return ERR_LIMIT;
	uint8_t *at = l->levels[level].bytes + NODE_HEADER + l->levels[level].n * NODE_ENTRY;
	memcpy(at, hash, SHA256_LEN);
	write_u64be(at + SHA256_LEN, bytes);
	memcpy(l->levels[level].last, hash, SHA256_LEN);
	l->levels[level].n++;
	l->levels[level].came++;
	l->levels[level].below += bytes;
	if (l->levels[level].n == NODE_MAX ||
	    (l->levels[level].n >= NODE_MIN && (read_u32be(hash) & NODE_BITS) == 0))
		return listing_close(l, level);
	return 0;
}

int listing_add(struct listing *l, const uint8_t chunk[SHA256_LEN], uint64_t bytes)
{
	return listing_put(l, 1, chunk, bytes);
}

int listing_end(struct listing *l, uint8_t root[SHA256_LEN], unsigned *level)
{
	unsigned at = 1;

	while (at <= LEVEL_MAX && l->levels[at].came != 1) {
		int err = l->levels[at].n ? listing_close(l, at) : 0;
		if (err < 0)
			return err;
		at++;
	}
	if (at > LEVEL_MAX)
		return ERR_LIMIT;
	memcpy(root, l->levels[at].last, SHA256_LEN);
	*level = at - 1;
	return 0;
}

void listing_free(struct listing **l)
{
	free(*l);
	*l = NULL;
}

/* ---- Reading -------------------------------------------------------------------------------- */

void node_entry(const struct node *node, size_t i, struct entry_of *out)
{
	const uint8_t *at = node->entries.data + i * NODE_ENTRY;

	must(i < node->n);
	memcpy(out->hash, at, SHA256_LEN);
	out->bytes = read_u64be(at + SHA256_LEN);
}

int node_read(struct node *out, struct bytes b)
{
	if (b.len < NODE_HEADER + NODE_ENTRY || b.len > NODE_BYTES ||
	    (b.len - NODE_HEADER) % NODE_ENTRY != 0 || b.data[0] != NODE_FORMAT || b.data[1] < 1 ||
	    b.data[1] > LEVEL_MAX)
		return ERR_INVALID;
	*out = (struct node){.level = b.data[1],
			     .n = (b.len - NODE_HEADER) / NODE_ENTRY,
			     .entries = BYTES(b.data + NODE_HEADER, b.len - NODE_HEADER)};
	for (size_t i = 0; i < out->n; i++) {
		struct entry_of e;
		node_entry(out, i, &e);
		/* A chunk has its size, and nothing has so many bytes that a sum could overflow. */
		if (e.bytes == 0 || e.bytes >> 48 || (out->level == 1 && e.bytes > CHUNK_MAX))
			return ERR_INVALID;
		out->bytes += e.bytes;
	}
	return 0;
}

bool node_is(struct bytes b)
{
	struct node node;

	return node_read(&node, b) == 0;
}
