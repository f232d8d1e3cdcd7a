/* A part of a chunk on the wire. PROTOCOL.md 11.3. */
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

#endif
