/*
 * Devices of the benches: a session of each by blocking reads and writes, with what was learnt of
 * the spaces once for all.
 */
#ifndef FIVEPITS_BENCH_DEVICE_H
#define FIVEPITS_BENCH_DEVICE_H

#include "common/id.h"
#include "common/keys.h"
#include "common/sha.h"
#include "common/wire.h"

#include <openssl/ssl.h>

enum { SPACES = 16, DEVICES = 5000 };

/* What the first device has learnt: spaces with their heads. */
struct known {
	struct id area, spaces[SPACES];
	uint64_t epoch[SPACES], want[SPACES], have[SPACES];
	uint8_t chains[SPACES][SHA256_LEN];
	size_t n;
};

struct device {
	SSL *ssl;
	struct buf in;
};

/* All that is needed to dial: read once. */
struct devices {
	SSL_CTX *ctx;
	EVP_PKEY *key;
	X509 *certs[DEVICES];
	int n;
	struct addrinfo *to;
	char name[SERVER_NAME]; /* for TLS */
};

_Noreturn void give_up(const char *what, const struct cause *cause);
/* Read the area's CA in `dir`, the key and certificates in `file`; k->area is filled. */
void devices_read(struct devices *all, struct known *k, const char *dir, const char *file,
		  const char *address);
/* Connect the i-th. */
void device_dial(struct device *d, const struct devices *all, int i);
void device_send(struct device *d, unsigned kind, const ProtobufCMessage *m);
void device_hello(struct device *d, const struct known *k);
/* The next frame; it is borrowed until the next call, which `used` of the last must go before. */
struct frame device_frame(struct device *d, size_t *used);
/* Say Hello, and fetch everything once. */
void device_learn(struct device *d, struct known *k);
void device_close(struct device *d);

#endif
