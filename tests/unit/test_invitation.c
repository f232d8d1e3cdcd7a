/* Invitations: the text, what people make of it, and what derives from it. */
#include "common/invitation.h"
#include "common/keys.h"
#include "common/os.h"
#include "tests/tap.h"

#include <ctype.h>
#include <string.h>

static struct invitation made(void)
{
	struct invitation i;
	struct cause cause;
	uint8_t fingerprint[SHA256_LEN];

	for (size_t k = 0; k < sizeof(fingerprint); k++)
		fingerprint[k] = (uint8_t)(k * 7 + 1);
	ok(invitation_make(&i, "pilsley.example:4420", fingerprint, os_env(), &cause) == 0,
	   "an invitation can be made");
	return i;
}

static bool reads_back(const struct invitation *i, const char *text)
{
	struct invitation back;
	struct cause cause;

	return invitation_parse(&back, text, &cause) == 0 &&
	       strcmp(back.address, i->address) == 0 &&
	       memcmp(back.fingerprint, i->fingerprint, SHA256_LEN) == 0 &&
	       memcmp(back.code, i->code, INVITATION_CODE) == 0;
}

static void test_text(void)
{
	struct invitation i = made();
	char text[INVITATION_TEXT], typed[INVITATION_TEXT + 8], *at;

	invitation_format(&i, text);
	note("%s", text);
	ok(reads_back(&i, text), "its text reads back as the same");
	snprintf(typed, sizeof(typed), "  %s\n", text);
	ok(reads_back(&i, typed), "also with space around it");
	for (at = typed; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	memcpy(strstr(typed, "PILSLEY"), "pilsley.example", strlen("pilsley.example"));
	ok(reads_back(&i, typed), "also in upper case");
	strcpy(typed, text);
	for (at = strrchr(typed, '/'); (at = strchr(at, '-'));)
		memmove(at, at + 1, strlen(at));
	ok(reads_back(&i, typed), "also without the hyphens of its code");
	strcpy(typed, text);
	for (at = strchr(typed + 9, '/'); *at; at++)
		*at = *at == '0' ? 'O' : *at == '1' ? 'l' : *at;
	ok(reads_back(&i, typed), "also with o for 0 and l for 1");
}

static void test_mistakes(void)
{
	struct invitation i = made(), back;
	struct cause cause;
	char text[INVITATION_TEXT];
	int missed = 0;

	invitation_format(&i, text);
	char *code = strrchr(text, '/') + 1;
	for (char *at = code; *at; at++) {
		char was = *at;
		for (const char *c = "0123456789abcdefghjkmnpqrstvwxyz"; *c && was != '-'; c++) {
			*at = *c;
			missed += *c != was && invitation_parse(&back, text, &cause) == 0;
		}
		*at = was;
		if (at[1] && at[1] != was && was != '-' && at[1] != '-') {
			*at = at[1];
			at[1] = was;
			missed += invitation_parse(&back, text, &cause) == 0;
			at[1] = *at;
			*at = was;
		}
	}
	ok(missed == 0, "one wrong character in the code, or two exchanged, are always found");
	static const char *const bad[] = {
	    "",
	    "hello",
	    "fivepits:",
	    "fivepits:host:1",
	    "fivepits:host:1/abc/def",
	    "fivepits:host/abc/def",
	    "fivepits:host:0/abc/def",
	    "fivepits:::1:4420/abc/def",
	    "fivepits:host:99999/abc/def",
	    "fivepits:ho st:99/abc/def",
	};
	int taken = 0;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		cause.words[0] = 0;
		taken += invitation_parse(&back, bad[k], &cause) != ERR_INVALID || !cause.words[0];
	}
	ok(taken == 0, "what is no invitation is refused in words");
	char longer[INVITATION_TEXT * 2];
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "fivepits:", 9);
	longer[sizeof(longer) - 1] = 0;
	ok(invitation_parse(&back, longer, &cause) == ERR_INVALID,
	   "a text too long for one is refused");
	strcpy(strrchr(text, '/') + 1, "0000-0000-0000-000");
	ok(invitation_parse(&back, text, &cause) == ERR_INVALID && strstr(cause.words, "15"),
	   "a code cut short is refused, with how much there is");
}

static void test_addresses(void)
{
	char host[256], port[6];

	ok(address_split("pilsley.example:443", host, port) &&
	       strcmp(host, "pilsley.example") == 0 && strcmp(port, "443") == 0,
	   "a host and a port are told apart");
	ok(address_split("[2001:db8::1]:443", host, port) && strcmp(host, "2001:db8::1") == 0,
	   "an IPv6 host stands in brackets");
	ok(!address_split("2001:db8::1:443", host, port) && !address_split("host:", host, port) &&
	       !address_split(":443", host, port) && !address_split("host:65536", host, port) &&
	       !address_split("a\r\nb:443", host, port),
	   "what is neither is refused");
}

static void test_derivation(void)
{
	struct invitation i = {.address = "h:1"};
	uint8_t id[INVITATION_ID], verifier[SHA256_LEN], other[SHA256_LEN], proof[SHA256_LEN];
	uint8_t secret[22], salt[13],
	    info[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0};
	static const uint8_t wanted[] = {0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac,
					 0xd5, 0x7a, 0x90, 0x43, 0x4f};
	uint8_t out[42];

	memset(secret, 0x0b, sizeof(secret));
	for (uint8_t k = 0; k < sizeof(salt); k++)
		salt[k] = k;
	key_derive(BYTES(secret, sizeof(secret)), BYTES(salt, sizeof(salt)), (const char *)info,
		   out, sizeof(out));
	ok(memcmp(out, wanted, sizeof(wanted)) == 0,
	   "the derivation is HKDF-SHA256 (RFC 5869, A.1)");
	invitation_derive(&i, id, verifier);
	i.code[9] ^= 1;
	invitation_derive(&i, id, other);
	ok(memcmp(verifier, other, SHA256_LEN) != 0, "another code has another verifier");
	key_hmac(BYTES("Jefe", 4), BYTES("what do ya want ", 16), BYTES("for nothing?", 12), proof);
	ok(proof[0] == 0x5b && proof[1] == 0xdc && proof[31] == 0x43,
	   "the proof is HMAC-SHA256 (RFC 4231, 4.3)");
	ok(key_same(proof, proof, 32) && !key_same(proof, other, 32),
	   "proofs are compared as wholes");
}

int main(void)
{
	test_text();
	test_mistakes();
	test_addresses();
	test_derivation();
	return tap_end();
}
