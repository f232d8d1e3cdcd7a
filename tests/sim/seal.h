/*
 * Signed heads, cheaply: in a simulated world a head's signature is a digest under the server's
 * secret, which only the server's process and the checking itself know. What signatures are for stays
 * true (nobody else can make one, and each is good for one statement alone), at a hundredth of the
 * cost of Ed25519, which the tests with real processes use. The link replaces head_verify (sim.mk).
 */
#ifndef FIVEPITS_SIM_SEAL_H
#define FIVEPITS_SIM_SEAL_H

#include "common/mem.h"
#include "common/sha.h"

struct seal {
	uint8_t secret[32], key[32]; /* key: what clients know it by */
};

/* From now on, heads under this seal's key are checked by it: one world at a time. */
void seal_make(struct seal *s, const uint8_t secret[32]);
void seal_sign(const struct seal *s, struct bytes statement, uint8_t signature[64]);

#endif
