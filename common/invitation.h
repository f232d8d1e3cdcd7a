/*
 * Invitations: one line of text that a person is given, "fivepits:HOST:PORT/FINGERPRINT/CODE", and
 * what derives from it. PROTOCOL.md, "Invitations". The code never crosses the line: the server
 * keeps what it derives to, and the joiner proves that it derives the same.
 */
#ifndef FIVEPITS_INVITATION_H
#define FIVEPITS_INVITATION_H

#include "common/env.h"
#include "common/err.h"
#include "common/id.h"
#include "common/sha.h"

enum { INVITATION_CODE = 10, INVITATION_ID = 16, INVITATION_TEXT = 400 };

struct invitation {
	char address[256]; /* HOST:PORT, an IPv6 host in brackets */
	uint8_t fingerprint[SHA256_LEN];
	uint8_t code[INVITATION_CODE];
};

/* A new one: 80 random bits. ERR_INVALID with a cause if the address is not HOST:PORT. */
int invitation_make(struct invitation *out, const char *address,
		    const uint8_t fingerprint[SHA256_LEN], const struct env *env,
		    struct cause *cause);
/* Its text; returns text. */
const char *invitation_format(const struct invitation *i, char text[INVITATION_TEXT]);
/* Read what a person typed or pasted: upper case, hyphens, spaces around it, o for 0, i and l for 1
 * are taken as meant. ERR_INVALID with a cause that says which part is wrong. */
int invitation_parse(struct invitation *out, const char *text, struct cause *cause);

/* What the server knows it by, and the key of the proof. */
void invitation_derive(const struct invitation *i, uint8_t id[INVITATION_ID],
		       uint8_t verifier[SHA256_LEN]);
/* HMAC of the line's own secret and the certificate request: holds on this line, for this key,
 * alone. */
void invitation_proof(const uint8_t verifier[SHA256_LEN], const uint8_t exported[32],
		      struct bytes request, uint8_t proof[SHA256_LEN]);
#define INVITATION_EXPORT "EXPORTER-fivepits-enrol"

/* Split HOST:PORT or [HOST]:PORT (0 to 65535); `host` without the brackets. False if
 * it is neither. */
bool address_split(const char *address, char host[256], char port[6]);

#endif
