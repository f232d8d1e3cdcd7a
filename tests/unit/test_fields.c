/* Fields as bytes: the reader takes what protobuf writes in one form, and nothing else. */
#include "common/fields.h"
#include "common/err.h"
#include "tests/tap.h"

#include <string.h>

#define LITERAL(s) BYTES(s, sizeof(s) - 1)

static void good_fields(void)
{
	struct buf b = {0};
	struct field f;
	field_add_number(&b, 1, 300);
	field_add_text(&b, 2, "plan");
	field_add_bytes(&b, 2, BYTES_NONE);
	buf_add(&b, "\x19\1\0\0\0\0\0\0\x80\x25\4\3\2\1", 14);
	field_add_number(&b, 0x1fffffff, UINT64_MAX);
	struct bytes rest = buf_bytes(&b), message = rest;

	ok(field_next(&rest, &f) == 1 && f.number == 1 && f.wire_type == 0 && f.value == 300,
	   "a number");
	ok(f.whole.len == 3 && f.payload.len == 2, "its bytes, with and without the tag");
	ok(field_next(&rest, &f) == 1 && f.number == 2 && bytes_equal(f.payload, LITERAL("plan")),
	   "a text");
	ok(field_next(&rest, &f) == 1 && f.number == 2 && f.payload.len == 0, "an empty one");
	ok(field_next(&rest, &f) == 1 && f.number == 3 && f.value == 0x8000000000000001,
	   "eight bytes");
	ok(field_next(&rest, &f) == 1 && f.number == 4 && f.value == 0x01020304, "four bytes");
	ok(field_next(&rest, &f) == 1 && f.number == 0x1fffffff && f.value == UINT64_MAX,
	   "the largest number of the largest field");
	ok(field_next(&rest, &f) == 0, "then the end");

	ok(fields_check(message, 6) == 0, "the message is in order");
	ok(fields_check(message, 5) == ERR_LIMIT, "but has more than five fields");
	struct bytes value = fields_get(message, 2);
	ok(value.len == 8 && value_count(value) == 2, "a field's value is all its occurrences");
	ok(bytes_equal(value_bytes(value), LITERAL("plan")), "of which the first can be read");
	ok(value_number(fields_get(message, 1)) == 300, "a number too");
	ok(fields_get(message, 9).len == 0 && value_count(BYTES_NONE) == 0 &&
		   value_bytes(BYTES_NONE).len == 0 && value_number(BYTES_NONE) == 0,
	   "what is not there is empty");
	/* The sanitizer sees what is read beyond the end. */
	bool sound = true;
	for (size_t n = 0; n < message.len; n++) {
		int rc = fields_check(BYTES(message.data, n), 6);
		sound = sound && (rc == 0 || rc == ERR_PROTO);
	}
	ok(sound, "cut anywhere, it is refused or shorter");
	buf_fini(&b);
}

static void bad_fields(void)
{
	static const struct {
		struct bytes message;
		const char *why;
	} bad[] = {
		{LITERAL("\x0a\5plan"), "a length beyond the end"},
		{LITERAL("\x08"), "a number without a value"},
		{LITERAL("\x08\x80"), "a varint without an end"},
		{LITERAL("\x08\x80\0"), "a varint longer than it needs"},
		{LITERAL("\x88\0\1"), "a tag longer than it needs"},
		{LITERAL("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"), "a varint above 64 bits"},
		{LITERAL("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"), "a varint of 11 bytes"},
		{LITERAL("\0\1"), "field 0"},
		{LITERAL("\x0b\x0c"), "a group"},
		{LITERAL("\x0e\1"), "a wire type that does not exist"},
		{LITERAL("\x09\1\2\3\4\5\6\7"), "seven of eight bytes"},
		{LITERAL("\x0d\1\2\3"), "three of four bytes"},
		{LITERAL("\x80\x80\x80\x80\x10\1"), "a field number above the largest"},
		{LITERAL("\x10\1\x08\1"), "numbers that fall"},
		{LITERAL("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\1x"), "an enormous length"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(fields_check(bad[i].message, 100) == ERR_PROTO, "refused: %s", bad[i].why);
	ok(fields_check(BYTES_NONE, 0) == 0, "no fields are fine");
}

int main(void)
{
	good_fields();
	bad_fields();
	return tap_end();
}
