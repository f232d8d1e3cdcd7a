/*
 * Text of invitations in Crockford's base 32 (no i, l, o, u), and the derivations of enrolment.
 *
 * The check character of a code makes its characters, as a polynomial over GF(32), vanish at the
 * generator: one wrong character, or two neighbours exchanged, are always found.
 */
#include "common/invitation.h"

#include "common/keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_CHARS = 16, FINGERPRINT_CHARS = 52 };

static const char SCHEME[] = "fivepits:";
static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

static int digit_value(char c)
{
	c = (char)tolower((unsigned char)c);
	if (c == 'o')
		return 0;
	if (c == 'i' || c == 'l')
		return 1;
	const char *at = c ? strchr(DIGITS, c) : NULL;
	return at ? (int)(at - DIGITS) : -1;
}

/* Bits from the first byte's highest on; the last character is filled up with zeros. */
static void digits_write(const uint8_t *data, size_t n, char *text)
{
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | data[i];
		for (held += 8; held >= 5; held -= 5)
			*text++ = DIGITS[bits >> (held - 5) & 31];
	}
	if (held)
		*text++ = DIGITS[bits << (5 - held) & 31];
	*text = 0;
}

/* False if a character is none of ours or what fills up is not zero. */
static bool digits_read(const char *text, size_t chars, uint8_t *data)
{
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < chars; i++) {
		int v = digit_value(text[i]);
		if (v < 0)
			return false;
		bits = bits << 5 | (unsigned)v;
		held += 5;
		if (held >= 8) {
			held -= 8;
			*data++ = (uint8_t)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0;
}

/* The value of the code's polynomial at the generator of GF(32) modulo x^5 + x^2 + 1, times it once
 * more. */
static int code_check(const char *code)
{
	unsigned c = 0;

	for (int i = 0; i < CODE_CHARS; i++) {
		c ^= (unsigned)digit_value(code[i]);
		c = (c << 1 ^ (c & 16 ? 0x25 : 0)) & 31;
	}
	return (int)c;
}

bool address_split(const char *address, char host[256], char port[6])
{
	const char *colon = strrchr(address, ':');
	const char *from = address;
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (n >= 2 && address[0] == '[' && colon[-1] == ']') {
		from++;
		n -= 2;
	} else if (n && memchr(address, ':', n)) {
		return false; /* an IPv6 host needs its brackets */
	}
	if (n == 0 || n > 253 || !colon[1] || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)from[i]) && !strchr(".-_:%", from[i]))
			return false;
	int number = atoi(colon + 1);
	if (number > 65535)
		return false;
	memcpy(host, from, n);
	host[n] = 0;
	strcpy(port, colon + 1);
	return true;
}

/* An address that can be called: port 0 only means "any" to one who listens. */
static bool address_is_good(const char *address)
{
	char host[256], port[6];

	return strlen(address) < sizeof(((struct invitation *)0)->address) &&
	       address_split(address, host, port) && atoi(port) > 0;
}

int invitation_make(struct invitation *out, const char *address,
		    const uint8_t fingerprint[SHA256_LEN], const struct env *env,
		    struct cause *cause)
{
	memset(out, 0, sizeof(*out));
	if (!address_is_good(address))
		return cause_set(cause, ERR_INVALID, "\"%s\" is not HOST:PORT", address);
	strcpy(out->address, address);
	memcpy(out->fingerprint, fingerprint, SHA256_LEN);
	env_random(env, out->code, INVITATION_CODE);
	return 0;
}

const char *invitation_format(const struct invitation *i, char text[INVITATION_TEXT])
{
	char fingerprint[FINGERPRINT_CHARS + 1], code[CODE_CHARS + 1];

	digits_write(i->fingerprint, SHA256_LEN, fingerprint);
	digits_write(i->code, INVITATION_CODE, code);
	snprintf(text, INVITATION_TEXT, "%s%s/%s/%.4s-%.4s-%.4s-%.4s-%c", SCHEME, i->address,
		 fingerprint, code, code + 4, code + 8, code + 12, DIGITS[code_check(code)]);
	return text;
}

static int code_parse(struct invitation *out, const char *text, struct cause *cause)
{
	char code[CODE_CHARS + 1];
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		if (*p == '-' || *p == ' ')
			continue;
		if (digit_value(*p) < 0 || n > CODE_CHARS)
			return cause_set(cause, ERR_INVALID,
					 "the invitation's code (its last part) is 17 letters and "
					 "digits, without u");
		code[n++] = *p;
	}
	if (n != CODE_CHARS + 1)
		return cause_set(cause, ERR_INVALID,
				 "the invitation's code (its last part) has %zu letters and digits "
				 "instead of 17",
				 n);
	if (code_check(code) != digit_value(code[CODE_CHARS]) ||
	    !digits_read(code, CODE_CHARS, out->code))
		return cause_set(cause, ERR_INVALID,
				 "the invitation's code (its last part) has a mistake in it: "
				 "compare it with the original");
	return 0;
}

int invitation_parse(struct invitation *out, const char *text, struct cause *cause)
{
	char copy[INVITATION_TEXT];

	memset(out, 0, sizeof(*out));
	text += strspn(text, " \t\r\n");
	size_t n = strlen(text);
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	if (n >= sizeof(copy) || n < strlen(SCHEME) ||
	    strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return cause_set(cause, ERR_INVALID,
				 "an invitation looks like fivepits:HOST:PORT/FINGERPRINT/CODE");
	memcpy(copy, text + strlen(SCHEME), n - strlen(SCHEME));
	copy[n - strlen(SCHEME)] = 0;
	char *fingerprint = strchr(copy, '/');
	char *code = fingerprint ? strchr(fingerprint + 1, '/') : NULL;
	if (!code)
		return cause_set(cause, ERR_INVALID,
				 "an invitation looks like fivepits:HOST:PORT/FINGERPRINT/CODE");
	*fingerprint++ = 0;
	*code++ = 0;
	if (!address_is_good(copy))
		return cause_set(cause, ERR_INVALID,
				 "the invitation's address \"%.100s\" is not HOST:PORT", copy);
	strcpy(out->address, copy);
	if (strlen(fingerprint) != FINGERPRINT_CHARS ||
	    !digits_read(fingerprint, FINGERPRINT_CHARS, out->fingerprint))
		return cause_set(cause, ERR_INVALID,
				 "the invitation's fingerprint (its middle part) is not 52 letters "
				 "and digits: is it whole?");
	return code_parse(out, code, cause);
}

void invitation_derive(const struct invitation *i, uint8_t id[INVITATION_ID],
		       uint8_t verifier[SHA256_LEN])
{
	uint8_t out[INVITATION_ID + SHA256_LEN];

	key_derive(BYTES(i->code, INVITATION_CODE), BYTES(i->fingerprint, SHA256_LEN),
		   "fivepits invitation", out, sizeof(out));
	memcpy(id, out, INVITATION_ID);
	memcpy(verifier, out + INVITATION_ID, SHA256_LEN);
}

void invitation_proof(const uint8_t verifier[SHA256_LEN], const uint8_t exported[32],
		      struct bytes request, uint8_t proof[SHA256_LEN])
{
	key_hmac(BYTES(verifier, SHA256_LEN), BYTES(exported, 32), request, proof);
}
