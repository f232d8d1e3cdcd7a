/*
 * TLS as the area uses it (PROTOCOL.md, "Transport"): 1.3 only, no resumption, no early data, one
 * CA. ALPN "fivepits/1" with a certificate on both sides, "fivepits-enrol/1" with one on the server
 * only.
 *
 * A `tls` is what one side brings along (its key, certificate and CA) and serves for many lines; a
 * `tls_line` is one connection's. The sockets are conn.c's.
 */
#ifndef FIVEPITS_TLS_H
#define FIVEPITS_TLS_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/sha.h"

struct tls;
struct tls_line;
struct ssl_st;
struct evp_pkey_st;
struct x509_st;

enum { TLS_RECORD = 16 * 1024 }; /* what a record holds at most */

/* The server's side. All three are borrowed for the call. */
struct tls *tls_server_new(struct evp_pkey_st *key, struct x509_st *cert, struct x509_st *ca);
/* A device's side, from key.pem, device.pem and ca.pem in `home`. ERR_MISSING, ERR_CORRUPT with a
 * cause. */
int tls_device_new(struct tls **out, const char *home, struct cause *cause);
/* The side of one who has but an invitation: whoever shows a chain that ends in this CA key is the
 * server. */
struct tls *tls_joiner_new(const uint8_t fingerprint[SHA256_LEN]);
/* One that trusts nobody and speaks TLS 1.2 too: to learn who answers (tls_line_stranger). */
struct tls *tls_prober_new(void);
void tls_free(struct tls **tls); /* lines that were made of it go on */

/* A line's TLS. `server_name` is the name to ask for and to insist on; NULL on the server. */
struct tls_line *tls_line_new(struct tls *tls, const char *server_name);
void tls_line_free(struct tls_line **line); /* the ssl_st lives on with whoever took it */
struct ssl_st *tls_line_ssl(struct tls_line *line);
bool tls_line_is_server(const struct tls_line *line);

/* After the handshake: does the line speak one of our protocols, with the certificates that it asks
 * for? */
bool tls_line_is_sound(const struct tls_line *line);
bool tls_line_enrols(const struct tls_line *line);
/* The device that the peer's certificate names; false: it has none. */
bool tls_line_device(const struct tls_line *line, struct id *device);
/* The CA that a joiner's server showed, to be kept; free with cert_free. NULL: none fitted. */
struct x509_st *tls_line_ca(const struct tls_line *line);
/* 32 bytes that only the two ends of this line know (RFC 8446, 7.5). */
void tls_line_export(const struct tls_line *line, const char *label, uint8_t out[32]);
/*
 * Up to `room` bytes (TLS_RECORD at least) that have come and need no waiting. 1: `n`
 * are some; 0: there are none yet; ERR_PROTO: the line has ended, with OpenSSL's error if it was
 * not well (0, and errno: the socket's).
 */
int tls_line_read(struct tls_line *line, uint8_t *out, size_t room, size_t *n,
		  unsigned long *error);
/* Does it hold bytes that no event of the socket will announce? Perhaps not a whole record. */
bool tls_line_holds(const struct tls_line *line);
/* Tell the peer that nothing more will come. */
void tls_line_end(struct tls_line *line);

/*
 * Why a handshake or a line failed, for a person. `error` is OpenSSL's, 0 if there is none;
 * `socket_error` is then an errno, or 0.
 * ERR_AUTH where one side does not trust the other's certificate, ERR_PROTO otherwise.
 */
int tls_line_trouble(const struct tls_line *line, unsigned long error, int socket_error,
		     struct cause *cause);
/* Did this end see the other's certificate, and refuse it? */
bool tls_line_refused(const struct tls_line *line);
/* The server's certificate was not the area's: whoever issued it sits on the way and decrypts (a
 * school's filter, most often). Its name; NULL if that is not the trouble. Borrowed from the line.
 */
const char *tls_line_stranger(const struct tls_line *line);

/* Check the signature of a head: Ed25519 by the area's head key. */
bool head_verify(const uint8_t key[32], struct bytes statement, const uint8_t signature[64]);

/* OpenSSL's version, for `doctor`. */
const char *tls_version(void);

#endif
