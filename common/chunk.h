/*
 * How a content is cut, and how its pieces are listed. Equal stretches of two files become equal
 * chunks wherever they stand, and equal stretches of two lists equal nodes, so that a change in a
 * large file costs about a chunk or two and a node a level. No I/O. PROTOCOL.md, "Documents".
 *
 * The cut is FastCDC with normalised chunking (Xia et al., USENIX ATC 2016). A content of one
 * chunk is listed by that chunk; else chunks are gathered into nodes of level 1, these into nodes
 * of level 2, and so on up to one node, the root.
 */
#ifndef FIVEPITS_CHUNK_H
#define FIVEPITS_CHUNK_H

#include "common/err.h"
#include "common/sha.h"

#include <stdbool.h>

enum {
	CHUNK_MIN = 16 * 1024, /* but the end of a content, which may be shorter */
	CHUNK_USUAL = 64 * 1024,
	CHUNK_MAX = 256 * 1024,
	NODE_FORMAT = 1, /* of nodes, and of the numbers here: other numbers, another format */
	NODE_MIN = 32,	 /* entries of a node, but of the last of its level */
	NODE_MAX = 256,
	NODE_ENTRY = SHA256_LEN + 8,
	NODE_HEADER = 2,
	NODE_BYTES = NODE_HEADER + NODE_MAX * NODE_ENTRY,
	LEVEL_MAX = 6,
};

/* Bytes of a content, whatever an area's limits say. */
#define CONTENT_MOST (UINT64_C(1) << 40)

/* The table of the rolling hash: 256 numbers that follow from a word. */
void chunk_gear(uint64_t gear[256]);

/*
 * Where the first chunk of `data` ends. `last`: nothing follows `data`. 0: more bytes are needed to
 * tell (never with CHUNK_MAX or more, nor with `last` unless there are none).
 */
size_t chunk_cut(const uint64_t gear[256], struct bytes data, bool last);

/* A chunk, or a node, as it stands in a list: `bytes` of content are in it and below it. */
struct entry_of {
	uint8_t hash[SHA256_LEN];
	uint64_t bytes;
};

/*
 * Listing: chunks go in in order, whole nodes come out as soon as they are, children before their
 * parents. `node` may be called from any of the functions; its bytes are borrowed for the call, and
 * an error of it ends the listing.
 */
typedef int (*listing_node_fn)(void *arg, unsigned level, const uint8_t hash[SHA256_LEN],
			       struct bytes node);
struct listing;
struct listing *listing_new(listing_node_fn node, void *arg);
int listing_add(struct listing *l, const uint8_t chunk[SHA256_LEN], uint64_t bytes);
/* The root; its level is 0 where it is the content's only chunk. */
int listing_end(struct listing *l, uint8_t root[SHA256_LEN], unsigned *level);
void listing_free(struct listing **l);

/* A node that came from somewhere. Entries are borrowed from its bytes. */
struct node {
	unsigned level;
	size_t n;
	struct bytes entries;
	uint64_t bytes; /* of content below it */
};

/* ERR_INVALID: these bytes are no node. */
int node_read(struct node *out, struct bytes bytes);
/* Might these bytes be a node? No chunk of a content may: rights go from a list to what it
 * lists. */
bool node_is(struct bytes bytes);
void node_entry(const struct node *node, size_t i, struct entry_of *out);

#endif
