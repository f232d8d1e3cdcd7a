/* One SHA-256 over the accepted state of a space. */
#include "common/digest.h"

#include "common/err.h"

#include <stdlib.h>

struct digest {
	struct sha256 *sha;
	struct arena arena;
	struct buf buf;
};

struct digest *digest_begin(void)
{
	struct digest *d = mem_alloc(sizeof(*d));
	d->sha = sha256_begin();
	arena_init(&d->arena, ARENA_NO_BUDGET);
	return d;
}

int digest_add(struct digest *d, const struct id *record, uint32_t type, struct bytes packed)
{
	struct record r;

	arena_reset(&d->arena);
	buf_reset(&d->buf);
	record_init(&r, &d->arena, record, type);
	if (record_unpack(&r, packed) < 0)
		return ERR_CORRUPT;
	buf_add_bytes(&d->buf, ID_BYTES(record));
	buf_add_u32be(&d->buf, type);
	for (size_t i = 0; i < r.n_values; i++) {
		if (r.values[i].bytes.len == 0)
			continue;
		buf_add_u32be(&d->buf, r.values[i].field);
		buf_add_u32be(&d->buf, (uint32_t)r.values[i].bytes.len);
		buf_add_bytes(&d->buf, r.values[i].bytes);
	}
	buf_add_u32be(&d->buf, UINT32_MAX);
	sha256_add(d->sha, buf_bytes(&d->buf));
	return 0;
}

void digest_end(struct digest **d, uint8_t out[SHA256_LEN])
{
	sha256_end(&(*d)->sha, out);
	arena_fini(&(*d)->arena);
	buf_fini(&(*d)->buf);
	free(*d);
	*d = NULL;
}

void digest_common(const uint8_t directory[SHA256_LEN], const uint8_t partnership[SHA256_LEN],
		   uint8_t out[SHA256_LEN])
{
	const struct bytes pieces[] = {BYTES(directory, SHA256_LEN),
				       BYTES(partnership, SHA256_LEN)};
	sha256_pieces(pieces, 2, out);
}
