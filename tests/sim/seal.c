/* The one seal of the running world is remembered here: head_verify has no argument to hand it in. */
#include "tests/sim/seal.h"

#include "common/tls.h"

#include <string.h>

static struct seal present;

void seal_make(struct seal *s, const uint8_t secret[32])
{
	memcpy(s->secret, secret, sizeof(s->secret));
	sha256(BYTES(secret, 32), s->key);
	present = *s;
}

void seal_sign(const struct seal *s, struct bytes statement, uint8_t signature[64])
{
	struct bytes first[] = {BYTES(s->secret, 32), statement};
	sha256_pieces(first, 2, signature);
	struct bytes second[] = {BYTES(s->secret, 32), BYTES(signature, SHA256_LEN)};
	sha256_pieces(second, 2, signature + SHA256_LEN);
}

bool __wrap_head_verify(const uint8_t key[32], struct bytes statement, const uint8_t signature[64]);

bool __wrap_head_verify(const uint8_t key[32], struct bytes statement, const uint8_t signature[64])
{
	uint8_t good[64];
	seal_sign(&present, statement, good);
	return memcmp(key, present.key, 32) == 0 && memcmp(signature, good, sizeof(good)) == 0;
}
