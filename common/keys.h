/*
 * Keys and certificates, as both programs use them: P-256 keys, certificate requests, signatures,
 * and the few derivations of enrolment. OpenSSL is named in keys.c, tls.c, sha.c and server/ca.c
 * alone.
 */
#ifndef FIVEPITS_KEYS_H
#define FIVEPITS_KEYS_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/sha.h"

struct evp_pkey_st; /* a key: free with key_free */
struct x509_st;	    /* a certificate: free with cert_free */

struct evp_pkey_st *key_make(void);	    /* new P-256 key */
struct evp_pkey_st *key_make_signing(void); /* new Ed25519 key */
void key_free(struct evp_pkey_st **key);
/* Append the key as PKCS#8 PEM. Wipe the buffer when it is written: key_wipe. */
void key_write(struct evp_pkey_st *key, struct buf *pem);
void key_wipe(struct buf *secret); /* overwrite, then buf_fini */
/* The key in a PEM file. ERR_MISSING, ERR_CORRUPT with a cause. */
int key_load(struct evp_pkey_st **out, const char *path, struct cause *cause);
/* Write it to a file for this user alone. */
int key_save(struct evp_pkey_st *key, const char *path, struct cause *cause);
/* Append the SubjectPublicKeyInfo, DER. */
void key_public(struct evp_pkey_st *key, struct buf *spki);
/* Append a PKCS#10 request for this key, DER, signed with it. It carries no name: the
 * CA gives it. */
void key_request(struct evp_pkey_st *key, struct buf *der);
/* An Ed25519 signature of a statement by key_make_signing's key. */
void key_sign(struct evp_pkey_st *key, struct bytes statement, uint8_t signature[64]);
/* Its public key. */
void key_signing_public(struct evp_pkey_st *key, uint8_t out[32]);

/* The certificate in DER bytes or in a PEM file. ERR_CORRUPT, ERR_MISSING with a cause. */
int cert_read(struct x509_st **out, struct bytes der, struct cause *cause);
int cert_load(struct x509_st **out, const char *path, struct cause *cause);
int cert_save(struct x509_st *cert, const char *path, struct cause *cause);
void cert_free(struct x509_st **cert);
void cert_write(struct x509_st *cert, struct buf *der);
/* SHA-256 of its SubjectPublicKeyInfo: for the CA this is the fingerprint in invitations. */
void cert_fingerprint(struct x509_st *cert, uint8_t out[SHA256_LEN]);
/* Is it signed by `ca`'s key? Time and purpose are TLS's business. */
bool cert_is_under(struct x509_st *cert, struct x509_st *ca);
bool cert_has_key(struct x509_st *cert, struct evp_pkey_st *key);
/* The Ed25519 key that it certifies; false: it is for another kind of key. */
bool cert_signing_key(struct x509_st *cert, uint8_t out[32]);
/* Milliseconds since 1970 from which and until which it is valid. */
void cert_times(struct x509_st *cert, uint64_t *from_ms, uint64_t *until_ms);
/* Has it used up two thirds of its life at `now_ms`? Then it is time for the next. */
bool cert_is_due(struct x509_st *cert, uint64_t now_ms);
/* The device that its URI name (urn:fivepits:device:UUID) gives; false: there is none. */
bool cert_device(struct x509_st *cert, struct id *device);

/* The area whose CA has this fingerprint, and the name that its server goes by in TLS. */
struct id area_of_fingerprint(const uint8_t fingerprint[SHA256_LEN]);
enum { SERVER_NAME = 42 };
void area_server_name(const struct id *area, char name[SERVER_NAME]);

/* HKDF-SHA256 (RFC 5869) and HMAC-SHA256 (RFC 2104) of two pieces; equality in constant time. */
void key_derive(struct bytes secret, struct bytes salt, const char *info, uint8_t *out, size_t n);
void key_hmac(struct bytes key, struct bytes one, struct bytes two, uint8_t out[SHA256_LEN]);
bool key_same(const uint8_t *a, const uint8_t *b, size_t n);

#endif
