/* Both sides send chunks alike: see piece.h. */
#include "common/piece.h"

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
