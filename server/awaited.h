/*
 * Who waits for which chunks on a session's lane: for each chunk the offers that asked for it, in
 * the order in which they did.
 */
#ifndef FIVEPITS_AWAITED_H
#define FIVEPITS_AWAITED_H

#include "common/hashes.h"

struct offer;

/* One of those that wait for a chunk. */
struct waiter {
	struct waiter *next;
	struct offer *offer;
};

/* Zero-initialise it; awaited_fini frees it. The offers are borrowed. */
struct awaited {
	struct hashes first; /* for each chunk, its first waiter */
	struct waiter *spare;
};

void awaited_fini(struct awaited *a);

/* It waits for the chunk, behind those that do; once is enough. */
void awaited_add(struct awaited *a, const uint8_t hash[SHA256_LEN], struct offer *offer);
/* It does not any more. */
void awaited_remove(struct awaited *a, const uint8_t hash[SHA256_LEN], const struct offer *offer);
/* The first of those that wait for it, NULL: nobody does. Borrowed until it waits no more. */
struct waiter *awaited_by(const struct awaited *a, const uint8_t hash[SHA256_LEN]);
/* The chunk has come: who waits first waits no more, and is returned. NULL: nobody did. */
struct offer *awaited_take(struct awaited *a, const uint8_t hash[SHA256_LEN]);

#endif
