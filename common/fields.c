/* A reader of protobuf's wire format that needs no schema, strict enough that bytes can be
 * compared. */
#include "common/fields.h"

#include "common/err.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* The shortest form only: a value in ten ways would be ten values. */
static int field_varint_long(struct bytes *rest, uint64_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < rest->len && i < 10; i++) {
		uint8_t c = rest->data[i];
		if (i == 9 && c > 1)
			return ERR_PROTO;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			if (c == 0 && i > 0)
				return ERR_PROTO;
			*out = v;
			*rest = BYTES(rest->data + i + 1, rest->len - i - 1);
			return 0;
		}
	}
	return ERR_PROTO;
}

/* Most are of one byte. */
static inline int field_varint(struct bytes *rest, uint64_t *out)
{
	if (rest->len == 0 || rest->data[0] >= 0x80)
		return field_varint_long(rest, out);
	*out = rest->data[0];
	*rest = BYTES(rest->data + 1, rest->len - 1);
	return 0;
}

static int field_fixed(struct bytes *rest, struct field *out, size_t n)
{
	if (rest->len < n)
		return ERR_PROTO;
	out->payload = BYTES(rest->data, n);
	out->value = 0;
	for (size_t i = n; i-- > 0;)
		out->value = out->value << 8 | rest->data[i];
	*rest = BYTES(rest->data + n, rest->len - n);
	return 0;
}

static int field_payload(struct bytes *rest, struct field *out)
{
	const uint8_t *start = rest->data;
	uint64_t n;

	switch (out->wire_type) {
	case WIRE_VARINT:
		if (field_varint(rest, &out->value) < 0)
			return ERR_PROTO;
		out->payload = BYTES(start, (size_t)(rest->data - start));
		return 0;
	case WIRE_FIXED64:
		return field_fixed(rest, out, 8);
	case WIRE_FIXED32:
		return field_fixed(rest, out, 4);
	case WIRE_BYTES:
		if (field_varint(rest, &n) < 0 || n > rest->len)
			return ERR_PROTO;
		out->payload = BYTES(rest->data, n);
		out->value = 0;
		*rest = BYTES(rest->data + n, rest->len - n);
		return 0;
	default:
		return ERR_PROTO;
	}
}

int field_next(struct bytes *rest, struct field *out)
{
	const uint8_t *start = rest->data;
	uint64_t tag;

	if (rest->len == 0)
		return 0;
	if (field_varint(rest, &tag) < 0 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return ERR_PROTO;
	out->number = (uint32_t)(tag >> 3);
	out->wire_type = tag & 7;
	if (field_payload(rest, out) < 0)
		return ERR_PROTO;
	out->whole = BYTES(start, (size_t)(rest->data - start));
	return 1;
}

int fields_check(struct bytes message, size_t most)
{
	struct field f;
	uint32_t last = 0;
	size_t n = 0;
	int got;

	while ((got = field_next(&message, &f)) > 0) {
		if (f.number < last)
			return ERR_PROTO;
		if (++n > most)
			return ERR_LIMIT;
		last = f.number;
	}
	return got;
}

struct bytes fields_get(struct bytes message, uint32_t number)
{
	struct field f;
	struct bytes value = BYTES_NONE;

	while (field_next(&message, &f) > 0) {
		if (f.number != number)
			continue;
		if (!value.data)
			value.data = f.whole.data;
		value.len = (size_t)(f.whole.data + f.whole.len - value.data);
	}
	return value;
}

size_t value_count(struct bytes value)
{
	struct field f;
	size_t n = 0;
	while (field_next(&value, &f) > 0)
		n++;
	return n;
}

struct bytes value_bytes(struct bytes value)
{
	struct field f;
	return field_next(&value, &f) > 0 ? f.payload : BYTES_NONE;
}

uint64_t value_number(struct bytes value)
{
	struct field f;
	return field_next(&value, &f) > 0 ? f.value : 0;
}

void field_add_number(struct buf *b, uint32_t field, uint64_t v)
{
	buf_add_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
	buf_add_varint(b, v);
}

void field_add_bytes(struct buf *b, uint32_t field, struct bytes v)
{
	buf_add_varint(b, (uint64_t)field << 3 | WIRE_BYTES);
	buf_add_varint(b, v.len);
	buf_add_bytes(b, v);
}

void field_add_text(struct buf *b, uint32_t field, const char *text)
{
	field_add_bytes(b, field, BYTES(text, strlen(text)));
}
