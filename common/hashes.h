/* A set of SHA-256 digests, each with a number. The digests are their own hash. */
#ifndef FIVEPITS_HASHES_H
#define FIVEPITS_HASHES_H

#include "common/id.h"
#include "common/sha.h"

#include <stdbool.h>

/* Zero-initialise it; hashes_fini frees it. */
struct hashes {
	struct hashes_slot *slots;
	size_t n, cap;
};

void hashes_fini(struct hashes *h);
void hashes_clear(struct hashes *h); /* keeps its memory */
/* Its number; NULL: it is not in the set. Good until the next change of the set. */
uint64_t *hashes_find(const struct hashes *h, const uint8_t hash[SHA256_LEN]);
/* Add it, or change its number. */
void hashes_put(struct hashes *h, const uint8_t hash[SHA256_LEN], uint64_t value);
/* All of them, in no order, from *at = 0 on: the next digest and its number (NULL: not asked for).
 * NULL: there are no more. The set may not change meanwhile. */
const uint8_t *hashes_each(const struct hashes *h, size_t *at, uint64_t **value);
bool hashes_remove(struct hashes *h, const uint8_t hash[SHA256_LEN]); /* was it there? */
/* An id as a key of such a set: its own first bytes are a time, its last are chance. */
void hashes_key(const struct id *id, uint8_t key[SHA256_LEN]);

#endif
