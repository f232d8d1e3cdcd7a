/* Digests (FIPS 180-4), and the only header through which the pure parts reach OpenSSL. */
#ifndef FIVEPITS_SHA_H
#define FIVEPITS_SHA_H

#include "common/mem.h"

enum { SHA256_LEN = 32 };

void sha1(struct bytes data, uint8_t out[20]); /* for UUID version 5 only */
void sha256(struct bytes data, uint8_t out[SHA256_LEN]);
/* SHA-256 of several pieces as if they were one. */
void sha256_pieces(const struct bytes *pieces, size_t n, uint8_t out[SHA256_LEN]);
/* A thread that has used these ends: give back what was kept for it. */
void sha_thread_end(void);

/* In steps, for what does not fit in memory. sha256_end frees it and nulls the pointer. */
struct sha256;
struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *s, struct bytes data);
void sha256_end(struct sha256 **s, uint8_t out[SHA256_LEN]);

#endif
