/*
 * Order keys: short strings whose byte order is the order of a list that several people insert into
 * at once. Between any two there is another, so an insert touches one record only.
 *
 * A key is a fraction in base 62 (0-9A-Za-z, which is also the order of ASCII) that does not end in
 * 0. Taken from "Fractional Indexing" (David Greenspan, Observable, 2020; also Figma's "Realtime
 * editing of ordered sequences", 2017), without its integer part, and with a few random digits
 * behind each new key: two schools that insert at one place without a line get different keys, so
 * that everybody sees one order and a third item still fits between. Equal keys: by record id.
 */
#ifndef FIVEPITS_POSITION_H
#define FIVEPITS_POSITION_H

#include "common/env.h"
#include "common/err.h"
#include "common/mem.h"

#include <stdbool.h>

/* Bytes of a key at most. Appending and putting in front take 7; the worst order of inserts (each
 * between the last two) takes one more for each 6, which leaves room for more than a thousand. */
enum { POSITION_MAX = 250, POSITION_SIZE = POSITION_MAX + 1 };

bool position_is_valid(struct bytes key);
/*
 * A key between two (NULL: none, the list begins or ends there). Where they are equal, the new one
 * stands behind both. ERR_INVALID: no keys, or the wrong way round; ERR_LIMIT: there is no room.
 */
int position_between(const struct env *env, const char *before, const char *after,
		     char out[POSITION_SIZE]);
/* The key of item n (from 0) of a list that is made whole: the same wherever it is made. */
void position_nth(uint32_t n, char out[POSITION_SIZE]);

#endif
