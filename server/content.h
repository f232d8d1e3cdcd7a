/*
 * Documents' bytes on the server: DIR/documents/ab/<64 hex digits>, named by their SHA-256. A file
 * is there whole or not at all: it is written beside, hashed as it comes, synced, and renamed.
 */
#ifndef FIVEPITS_CONTENT_H
#define FIVEPITS_CONTENT_H

#include "common/err.h"
#include "common/mem.h"
#include "common/sha.h"

enum { CONTENT_MAX = 1024 * 1024 * 1024 };

/* Remove what an earlier process left half written. */
void content_clean(const char *dir);
/* 1: the content is stored, `*bytes` (may be NULL) long; 0: it is not. */
int content_find(const char *dir, const uint8_t name[SHA256_LEN], uint64_t *bytes);
/* Read a stored content and compare it with its name. ERR_CORRUPT, ERR_MISSING, ERR_IO with a
 * cause. */
int content_check(const char *dir, const uint8_t name[SHA256_LEN], struct cause *cause);

struct upload;
/* Begin to receive `bytes` bytes. ERR_LIMIT, ERR_FULL, ERR_IO with a cause. Borrows `dir`. */
int upload_begin(struct upload **out, const char *dir, const uint8_t name[SHA256_LEN],
		 uint64_t bytes, struct cause *cause);
/*
 * The next bytes. 1: that was all, and it is stored to last; 0: more are to come; ERR_PROTO: not
 * the next; ERR_INVALID: all are here, and are not what the name says; ERR_FULL, ERR_IO; with a
 * cause.
 */
int upload_add(struct upload *u, uint64_t offset, struct bytes piece, struct cause *cause);
const uint8_t *upload_name(const struct upload *u);
void upload_free(struct upload **u); /* drops what is not complete */

struct download;
/* ERR_MISSING, ERR_IO. */
int download_begin(struct download **out, const char *dir, const uint8_t name[SHA256_LEN],
		   uint64_t offset);
/* The next bytes, at most `most`; none at the end. ERR_IO. */
int download_next(struct download *d, uint8_t *out, size_t most, size_t *n);
const uint8_t *download_name(const struct download *d);
uint64_t download_bytes(const struct download *d);  /* of the whole */
uint64_t download_offset(const struct download *d); /* of what comes next */
void download_free(struct download **d);

#endif
