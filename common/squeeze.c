/*
 * zstd at level 3. What does not get smaller (pictures, PDF, zip) comes in long runs: after a few
 * of them one in sixteen is tried. What is expanded comes from others: it is never given more room
 * than the size that was declared for it, which is bounded by the largest chunk.
 */
#include "common/squeeze.h"

#include <stdlib.h>
#include <zstd.h>

enum { SQUEEZE_LEVEL = 3, SQUEEZE_LEAST = 64, SQUEEZE_RUN = 4, SQUEEZE_EVERY = 16 };

struct squeezer {
	ZSTD_CCtx *in;
	ZSTD_DCtx *out;
	unsigned run; /* chunks since the last that got smaller */
};

struct squeezer *squeezer_new(void)
{
	return mem_alloc(sizeof(struct squeezer));
}

void squeezer_free(struct squeezer **s)
{
	if (!*s)
		return;
	ZSTD_freeCCtx((*s)->in);
	ZSTD_freeDCtx((*s)->out);
	free(*s);
	*s = NULL;
}

bool squeeze(struct squeezer *s, struct bytes raw, struct buf *out)
{
	size_t most = raw.len - raw.len / 32;

	buf_reset(out);
	if (raw.len < SQUEEZE_LEAST ||
	    (s->run >= SQUEEZE_RUN && s->run % SQUEEZE_EVERY != 0 && s->run++))
		return false;
	if (!s->in)
		s->in = ZSTD_createCCtx();
	must(s->in);
	size_t n = ZSTD_compressCCtx(s->in, buf_reserve(out, most), most, raw.data, raw.len,
				     SQUEEZE_LEVEL);
	if (ZSTD_isError(n)) { /* it does not fit in what would be a gain */
		s->run++;
		return false;
	}
	s->run = 0;
	out->len = n;
	return true;
}

int unsqueeze(struct squeezer *s, struct bytes squeezed, uint8_t *out, size_t len)
{
	/* Another frame behind it, or much of nothing in it, would be stored and count with no
	 * limit. */
	if (squeezed.len >= len ||
	    ZSTD_findFrameCompressedSize(squeezed.data, squeezed.len) != squeezed.len)
		return ERR_CORRUPT;
	if (!s->out)
		s->out = ZSTD_createDCtx();
	must(s->out);
	size_t n = ZSTD_decompressDCtx(s->out, out, len, squeezed.data, squeezed.len);
	return ZSTD_isError(n) || n != len ? ERR_CORRUPT : 0;
}
