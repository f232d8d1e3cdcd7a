/*
 * Documents' bytes on this device: files HOME/documents/ab/<64 hex digits>, named by their SHA-256.
 * A file with such a name is whole and was on disk before it got the name. Bytes are streamed, so
 * that a document of 1 GiB costs some KiB of memory.
 */
#ifndef FIVEPITS_CONTENTS_H
#define FIVEPITS_CONTENTS_H

#include "common/err.h"
#include "common/mem.h"
#include "common/sha.h"

#include <stdbool.h>
#include <stdio.h>

#define CONTENT_MAX (UINT64_C(1024) * 1024 * 1024)

/* Where a document is or would be; free() it. */
char *contents_path(const char *home, const uint8_t sha[SHA256_LEN]);
/* Is it here? Its size through `size` (may be NULL). */
bool contents_has(const char *home, const uint8_t sha[SHA256_LEN], uint64_t *size);

/* Take a file in, as it is now. ERR_MISSING, ERR_LIMIT (over CONTENT_MAX), ERR_IO, ERR_FULL with a
 * cause. `progress` (may be NULL) is told how far it is. */
int contents_add(const char *home, const char *path, uint8_t sha[SHA256_LEN], uint64_t *size,
		 void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		 struct cause *cause);

/* Write it to a stream, checking it on the way. ERR_CORRUPT: what was written is not
 * what it was. */
int contents_print(const char *home, const uint8_t sha[SHA256_LEN], FILE *out, struct cause *cause);
/* Write it to a file that is there whole or not at all; an existing one is replaced. */
int contents_save(const char *home, const uint8_t sha[SHA256_LEN], const char *path,
		  struct cause *cause);
/* Read it through. 0, ERR_MISSING, ERR_CORRUPT, ERR_IO. */
int contents_verify(const char *home, const uint8_t sha[SHA256_LEN], struct cause *cause);
/* Remove it; nothing if it is not here. */
void contents_remove(const char *home, const uint8_t sha[SHA256_LEN]);
/* Each document that is here. */
int contents_each(const char *home, void (*found)(void *arg, const uint8_t sha[SHA256_LEN]),
		  void *arg);

/* A document that comes in pieces. It gets its name when all of it is there and is what it should
 * be. */
struct arrival;
int arrival_open(struct arrival **out, const char *home, const uint8_t sha[SHA256_LEN],
		 uint64_t size, struct cause *cause);
/* ERR_PROTO where it would become longer than it should be. */
int arrival_add(struct arrival *a, struct bytes piece, struct cause *cause);
uint64_t arrival_size(const struct arrival *a); /* how much has come */
/* Check, make durable, name. ERR_CORRUPT: it is something else, and was removed. Frees it. */
int arrival_finish(struct arrival **a, struct cause *cause);
void arrival_drop(struct arrival **a);

#endif
