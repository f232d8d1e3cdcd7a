/*
 * Frames: finding them in a stream of bytes, making them, and unpacking their messages within
 * limits.
 *
 * A message from outside is scanned once before protobuf-c sees it: the scan is driven by the
 * descriptor, follows submessages, and allocates nothing, so that a frame made of a million empty
 * fields costs its reader no more than a frame.
 */
#include "common/wire.h"

#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

struct scan {
	size_t fields; /* in the whole frame */
	struct cause *cause;
};

int frame_parse(struct bytes data, struct frame *frame, size_t *size)
{
	*size = 0;
	if (data.len < FRAME_HEADER)
		return 0;
	unsigned kind = data.data[0];
	size_t message = read_u32be(data.data) & 0xffffff;
	size_t raw = read_u32be(data.data + 4);
	bool may_have_raw = kind == WIRE__KIND__CHUNK || !protobuf_c_enum_descriptor_get_value(
							     &wire__kind__descriptor, (int)kind);
	if (message > FRAME_MAX || raw > FRAME_MAX - message)
		return ERR_LIMIT;
	if (raw > (may_have_raw ? PIECE_MAX : 0))
		return ERR_LIMIT;
	*size = FRAME_HEADER + message + raw;
	if (data.len < *size)
		return 0;
	*frame = (struct frame){.kind = kind,
				.message = BYTES(data.data + FRAME_HEADER, message),
				.raw = BYTES(data.data + FRAME_HEADER + message, raw)};
	return 1;
}

/* Header and message into `out`, which has room for both. */
static void frame_pack(uint8_t *out, Wire__Kind kind, const ProtobufCMessage *m, size_t size,
		       size_t raw)
{
	must(size <= FRAME_MAX && raw <= FRAME_MAX - size);
	write_u32be(out, (uint32_t)kind << 24 | (uint32_t)size);
	write_u32be(out + 4, (uint32_t)raw);
	protobuf_c_message_pack(m, out + FRAME_HEADER);
}

void frame_write(struct buf *out, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw)
{
	size_t size = protobuf_c_message_get_packed_size(m);
	frame_pack(buf_reserve(out, FRAME_HEADER + size + raw.len), kind, m, size, raw.len);
	out->len += FRAME_HEADER + size;
	buf_add_bytes(out, raw);
}

/* Text without NUL, which would end a C string early. */
static bool text_is_valid(struct bytes t)
{
	return utf8_is_valid(t) && (t.len == 0 || !memchr(t.data, 0, t.len));
}

static bool scan_varint(struct bytes *rest, uint64_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < rest->len && i < 10; i++) {
		v |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
		if (rest->data[i] < 0x80) {
			*rest = BYTES(rest->data + i + 1, rest->len - i - 1);
			*out = v;
			return true;
		}
	}
	return false;
}

/* Take a field's payload off the front of `rest`. */
static bool scan_payload(struct bytes *rest, unsigned wire_type, struct bytes *payload)
{
	uint64_t n;

	switch (wire_type) {
	case 0:
		*payload = *rest;
		return scan_varint(rest, &n);
	case 1:
		n = 8;
		break;
	case 2:
		if (!scan_varint(rest, &n))
			return false;
		break;
	case 5:
		n = 4;
		break;
	default: /* groups are not used */
		return false;
	}
	if (n > rest->len)
		return false;
	*payload = BYTES(rest->data, (size_t)n);
	*rest = BYTES(rest->data + n, rest->len - (size_t)n);
	return true;
}

/* Types do not contain themselves, so the depth is that of wire.proto. */
static bool scan_message(struct scan *s, struct bytes rest, const ProtobufCMessageDescriptor *d)
{
	size_t unknown = 0;

	while (rest.len) {
		struct bytes payload;
		uint64_t tag;
		if (!scan_varint(&rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff ||
		    !scan_payload(&rest, tag & 7, &payload))
			return cause_set(s->cause, false, "this %s message is cut short or garbled",
					 d->short_name);
		if (++s->fields > FRAME_FIELDS)
			return cause_set(s->cause, false, "a frame holds more than %d fields",
					 FRAME_FIELDS);
		const ProtobufCFieldDescriptor *f =
		    protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
		if (!f && ++unknown > MESSAGE_UNKNOWN)
			return cause_set(s->cause, false,
					 "this %s message holds more than %d unknown fields",
					 d->short_name, MESSAGE_UNKNOWN);
		if (!f || (tag & 7) != 2)
			continue;
		if (f->type == PROTOBUF_C_TYPE_STRING && !text_is_valid(payload))
			return cause_set(s->cause, false,
					 "the text in %s.%s is not UTF-8, or holds a NUL",
					 d->short_name, f->name);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE && !scan_message(s, payload, f->descriptor))
			return false;
	}
	return true;
}

ProtobufCMessage *message_unpack(struct bytes b, const ProtobufCMessageDescriptor *d,
				 struct arena *arena, struct cause *cause)
{
	struct scan scan = {.cause = cause};

	if (b.len > FRAME_MAX) {
		cause_set(cause, ERR_LIMIT, "this %s message is longer than %d bytes",
			  d->short_name, FRAME_MAX);
		return NULL;
	}
	if (!scan_message(&scan, b, d))
		return NULL;
	/* protobuf-c takes no NULL for data, not even for no bytes. */
	ProtobufCMessage *m = protobuf_c_message_unpack(d, arena_allocator(arena), b.len,
							b.len ? b.data : (const uint8_t *)"");
	if (!m)
		cause_set(cause, ERR_PROTO,
			  "this is not a whole %s message, or it needs too much memory",
			  d->short_name);
	return m;
}

ProtobufCMessage *frame_unpack(const struct frame *f, const ProtobufCMessageDescriptor *d,
			       struct arena *arena, struct cause *cause)
{
	return message_unpack(f->message, d, arena, cause);
}

void link_send(struct link *link, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw)
{
	uint8_t small[1024];
	size_t size = protobuf_c_message_get_packed_size(m);
	uint8_t *out =
	    FRAME_HEADER + size <= sizeof(small) ? small : mem_resize(NULL, FRAME_HEADER + size);

	frame_pack(out, kind, m, size, raw.len);
	link->ops->send(link, BYTES(out, FRAME_HEADER + size), raw);
	if (out != small)
		free(out);
}

void link_bye(struct link *link, Wire__Reason reason, const char *words)
{
	Wire__Bye bye = WIRE__BYE__INIT;

	bye.reason = reason;
	bye.words = (char *)words;
	link_send(link, WIRE__KIND__BYE, &bye.base, BYTES_NONE);
	link->ops->close(link);
}
