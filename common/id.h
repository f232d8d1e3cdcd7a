/*
 * 128-bit ids: UUIDs of RFC 9562. Version 7 for what is made (ordered by time, so that keys land at
 * the end of their tables), version 5 for what is derived, so that two schools doing the same make
 * one.
 */
#ifndef FIVEPITS_ID_H
#define FIVEPITS_ID_H

#include "common/env.h"
#include "common/mem.h"

#include <stdbool.h>

struct id {
	uint8_t b[16];
};

enum { ID_TEXT = 37 }; /* 36 characters and a NUL */

#define ID_BYTES(id) BYTES((id)->b, 16)

bool id_equal(const struct id *a, const struct id *b);
int id_compare(const struct id *a, const struct id *b);
bool id_is_zero(const struct id *id);
/* Take an id from 16 bytes; false if there are not exactly 16. */
bool id_from(struct id *out, struct bytes b);
/* Lower-case text with hyphens, into text[ID_TEXT]; returns text. */
const char *id_format(const struct id *id, char *text);
/* All 32 hex digits, hyphens or none; false if it is anything else. */
bool id_parse(struct id *out, const char *text);
/* Version 7: the environment's milliseconds, then 74 random bits. */
struct id id_make(const struct env *env);
/* Version 5: SHA-1 of the namespace and the name. */
struct id id_derive(const struct id *space, struct bytes name);

/* The spaces that every area has, and a person's own (PROTOCOL.md, Ids). */
struct id id_directory(const struct id *area);
struct id id_partnership(const struct id *area);
struct id id_admin(const struct id *area);
struct id id_personal(const struct id *area, const struct id *person);
/* A record that is imported or generated: of (space, type, reference such as "2019-20/1.5"). */
struct id id_record(const struct id *area, const struct id *space, uint32_t type,
		    const char *reference);

#endif
