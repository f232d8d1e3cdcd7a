/* UTF-8 (RFC 3629): nothing overlong, no surrogates, nothing beyond U+10FFFF. */
#ifndef FIVEPITS_UTF8_H
#define FIVEPITS_UTF8_H

#include "common/mem.h"

#include <stdbool.h>

/* The bytes of the character that begins at p, of at most `len` (at least 1); 0 if it is none.
 * `point` (may be NULL) receives its code point. */
size_t utf8_next(const uint8_t *p, size_t len, uint32_t *point);
/* Is all of it UTF-8? NUL is a character like others here. */
bool utf8_is_valid(struct bytes text);
/* Append the code point `c`, which must be one. */
void utf8_add(struct buf *out, uint32_t c);

#endif
