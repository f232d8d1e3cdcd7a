/* Both sides send and take chunks alike: see piece.h. */
#include "common/piece.h"

#include <string.h>

void piece_part(struct link *link, const uint8_t hash[SHA256_LEN], const struct stored *is,
		struct bytes packed, size_t at, size_t part, uint64_t mark)
{
	Wire__Chunk m = WIRE__CHUNK__INIT;

	m.chunk = (ProtobufCBinaryData){SHA256_LEN, (uint8_t *)hash};
	m.raw = is->raw;
	m.has_form = is->form != FORM_RAW;
	m.form = is->form;
	m.has_size = part < packed.len;
	m.size = (uint32_t)packed.len;
	m.has_offset = at > 0;
	m.offset = (uint32_t)at;
	m.has_mark = mark > 0;
	m.mark = mark;
	link_send(link, WIRE__KIND__CHUNK, &m.base, BYTES(packed.data + at, part));
}

void pieces_fini(struct pieces *p)
{
	buf_fini(&p->bytes);
}

static bool piece_fits(const struct pieces *p, const Wire__Chunk *m, uint32_t size,
		       struct bytes raw)
{
	return m->offset == p->bytes.len && size == p->size && raw.len <= size - m->offset &&
	       (raw.len > 0 || size == 0) && memcmp(p->hash, m->chunk.data, SHA256_LEN) == 0;
}

int pieces_take(struct pieces *p, const Wire__Chunk *m, struct bytes raw, struct bytes *packed)
{
	uint32_t size = m->has_size ? m->size : (uint32_t)raw.len;

	if (m->chunk.len != SHA256_LEN || size > CHUNK_MAX || m->raw > CHUNK_MAX)
		return ERR_PROTO;
	if (m->offset == 0) {
		buf_reset(&p->bytes);
		memcpy(p->hash, m->chunk.data, SHA256_LEN);
		p->size = size;
	}
	if (!piece_fits(p, m, size, raw))
		return ERR_PROTO;
	*packed = raw;
	if (raw.len == size)
		return 1;
	buf_add_bytes(&p->bytes, raw);
	*packed = buf_bytes(&p->bytes);
	return p->bytes.len == size;
}
