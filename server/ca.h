/*
 * The area's CA, its head key and the server's certificate: the files ca.key, ca.pem, head.key,
 * head.pem, server.key, server.pem of the server's directory. PROTOCOL.md, "Identity".
 */
#ifndef FIVEPITS_CA_H
#define FIVEPITS_CA_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/sha.h"
#include "common/tls.h"

struct ca;

enum {
	CA_DAYS = 20 * 365, /* the CA itself and the head key's certificate */
	CA_SERVER_DAYS = 365,
	CA_DEVICE_DAYS = 400,
};

/* Make all keys and certificates in `dir`, which exists. ERR_EXISTS: there is a CA; ERR_IO,
 * ERR_FULL. */
int ca_create(const char *dir, const char *area_name, struct cause *cause);
/* Read them. Makes the server's certificate anew where two thirds of its life are over; that it
 * can't, as on a full disk, is logged. */
int ca_open(struct ca **out, const char *dir, struct cause *cause);
void ca_close(struct ca **ca);
/* Is there the certificate of a CA in `dir`, by which it can be told which area it is? */
bool ca_is_here(const char *dir);
/* Could they be opened, and are they this area's? Changes nothing. */
int ca_check(const char *dir, const struct id *area, struct cause *cause);

const struct id *ca_area(const struct ca *ca); /* derives from the CA's key; borrowed */
void ca_fingerprint(const struct ca *ca, uint8_t out[SHA256_LEN]); /* for invitations */
void ca_server_key(const struct ca *ca, struct buf *spki); /* append the server's public key, DER */
void ca_head_key(const struct ca *ca, uint8_t out[32]);
void ca_head_certificate(const struct ca *ca, struct buf *der); /* append */

/* Sign a head; `ca` is a struct ca *. Fits area_options.sign. */
void ca_sign_head(void *ca, struct bytes statement, uint8_t signature[64]);

/* What new connections use; borrowed until the next ca_refresh. */
struct tls *ca_tls(struct ca *ca);
/* Make the server's certificate anew if it is time; for once a day. 0 or an error, with the old one
 * kept. */
int ca_refresh(struct ca *ca, struct cause *cause);

/* The public key (SubjectPublicKeyInfo, DER, appended) of a PKCS#10 request that is signed by that
 * key and is of a kind that devices may have (P-256). ERR_INVALID with a cause. */
int ca_request_key(struct bytes request, struct buf *spki, struct cause *cause);
/* Append the certificate of `device` for the key of a request that ca_request_key accepted. */
int ca_issue(struct ca *ca, struct bytes request, const struct id *device, struct buf *der,
	     struct cause *cause);
/* The same for a device that has one already, whose `public_key` the request must be for. Fits
 * area_options.renew; `ca` is a struct ca *. */
int ca_renew(void *ca, struct bytes request, const struct id *device, struct bytes public_key,
	     struct buf *der, struct cause *cause);

#endif
