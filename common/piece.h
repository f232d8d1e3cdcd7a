/* Parts of chunks on the wire. PROTOCOL.md 11.3. */
#ifndef FIVEPITS_PIECE_H
#define FIVEPITS_PIECE_H

#include "common/store.h"
#include "common/wire.h"

/*
 * Send `part` bytes of a chunk from `at` on; `packed` is all of it as it is stored. `mark`: to be
 * answered, 0: none.
 */
void piece_part(struct link *link, const uint8_t hash[SHA256_LEN], const struct stored *is,
		struct bytes packed, size_t at, size_t part, uint64_t mark);

/* A chunk that comes, perhaps in parts, one behind the other. Zero-initialise it; pieces_fini frees
 * what it holds. */
struct pieces {
	uint8_t hash[SHA256_LEN];
	uint32_t size;
	struct buf bytes;
};

void pieces_fini(struct pieces *p);
/*
 * A part has come. 1: with it all of the chunk is here, in `packed`, which is borrowed from `raw`,
 * or until the next part; 0: more is to come; ERR_PROTO: it is out of its place.
 */
int pieces_take(struct pieces *p, const Wire__Chunk *m, struct bytes raw, struct bytes *packed);

#endif
