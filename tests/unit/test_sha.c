/* Digests against the examples of FIPS 180-4's validation, whole, in pieces and in steps. */
#include "common/sha.h"
#include "tests/tap.h"

#include <string.h>

static bool is_hex(const uint8_t *digest, size_t n, const char *hex)
{
	char text[65];
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return strcmp(text, hex) == 0;
}

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

int main(void)
{
	uint8_t d[SHA256_LEN], a[1000];

	sha256(BYTES("abc", 3), d);
	ok(is_hex(d, 32, ABC), "SHA-256 of abc");
	sha256(BYTES_NONE, d);
	ok(is_hex(d, 32, EMPTY), "SHA-256 of nothing");
	struct bytes pieces[] = {BYTES("a", 1), BYTES_NONE, BYTES("bc", 2)};
	sha256_pieces(pieces, 3, d);
	ok(is_hex(d, 32, ABC), "pieces are as one");
	sha256_pieces(NULL, 0, d);
	ok(is_hex(d, 32, EMPTY), "no pieces are nothing");

	struct sha256 *s = sha256_begin();
	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 1000; i++) {
		sha256_add(s, BYTES(a, sizeof(a)));
		if (i == 500)
			sha256(BYTES("between", 7), d);
	}
	sha256_end(&s, d);
	ok(is_hex(d, 32, MILLION) && !s,
	   "a million times a, in steps, another digest between them");

	sha1(BYTES("abc", 3), d);
	ok(is_hex(d, 20, "a9993e364706816aba3e25717850c26c9cd0d89d"), "SHA-1 of abc");
	return tap_end();
}
