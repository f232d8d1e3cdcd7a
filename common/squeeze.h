/* Making chunks smaller, where that saves something: zstd, one frame a chunk. */
#ifndef FIVEPITS_SQUEEZE_H
#define FIVEPITS_SQUEEZE_H

#include "common/err.h"
#include "common/mem.h"

#include <stdbool.h>

enum form { FORM_RAW, FORM_ZSTD }; /* how a chunk stands in a store and on the wire */

struct squeezer;
struct squeezer *squeezer_new(void);
void squeezer_free(struct squeezer **s);
/*
 * Into `out`, which is emptied first: true, and it is smaller by 3 % at least; false: keep it as it
 * is. Where a run of chunks did not get smaller, only some of those that follow are tried.
 */
bool squeeze(struct squeezer *s, struct bytes raw, struct buf *out);
/* Into exactly `len` bytes of `out`. ERR_CORRUPT: they are not that. */
int unsqueeze(struct squeezer *s, struct bytes squeezed, uint8_t *out, size_t len);

#endif
