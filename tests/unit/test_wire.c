/* Frames: whole, cut, too long, garbled, greedy. */
#include "common/wire.h"
#include "tests/tap.h"

#include <string.h>

struct recorder {
	struct link link;
	struct buf sent;
	bool closed;
};

static void recorder_send(struct link *link, struct bytes frames, struct bytes raw)
{
	buf_add_bytes(&((struct recorder *)link)->sent, frames);
	buf_add_bytes(&((struct recorder *)link)->sent, raw);
}

static void recorder_close(struct link *link)
{
	((struct recorder *)link)->closed = true;
}

static const struct link_ops recorder_ops = {.send = recorder_send, .close = recorder_close};

static void test_round_trip(void)
{
	struct buf b = {0};
	struct frame f;
	struct cause cause;
	struct arena arena;
	size_t size;
	Wire__Chunk chunk = WIRE__CHUNK__INIT;
	uint8_t content[32] = {1, 2, 3};

	chunk.chunk = PB_BYTES(BYTES(content, 32));
	chunk.raw = 77;
	frame_write(&b, WIRE__KIND__CHUNK, &chunk.base, BYTES("raw bytes", 9));
	bool early = false;
	for (size_t n = 0; n < b.len; n++)
		early |= frame_parse(BYTES(b.data, n), &f, &size) != 0 ||
			 size != (n < FRAME_HEADER ? 0 : b.len);
	ok(!early, "a frame that is not whole is not a frame, and says how long it will be");
	ok(frame_parse(buf_bytes(&b), &f, &size) == 1 && size == b.len, "a whole frame is found");
	ok(f.kind == WIRE__KIND__CHUNK && bytes_equal(f.raw, BYTES("raw bytes", 9)),
	   "its kind and its raw bytes are as they were sent");
	arena_init(&arena, FRAME_BUDGET);
	Wire__Chunk *back =
	    (Wire__Chunk *)frame_unpack(&f, &wire__chunk__descriptor, &arena, &cause);
	ok(back && back->raw == 77 && bytes_equal(BYTES_OF(back->chunk), BYTES(content, 32)),
	   "its message is as it was sent");
	arena_fini(&arena);
	buf_fini(&b);
}

static void test_limits(void)
{
	struct frame f;
	size_t size;
	static const struct {
		uint8_t header[8];
		int result;
		const char *name;
	} rows[] = {
	    {{WIRE__KIND__PUSH, 0x10, 0, 0, 0, 0, 0, 0}, 0, "a message of 1 MiB may come"},
	    {{WIRE__KIND__PUSH, 0x10, 0, 1, 0, 0, 0, 0}, ERR_LIMIT, "one byte more may not"},
	    {{WIRE__KIND__PUSH, 0, 0, 1, 0, 0, 0, 1},
	     ERR_LIMIT,
	     "raw bytes may not stand behind a Push"},
	    {{WIRE__KIND__CHUNK, 0, 0, 40, 0, 4, 0, 0}, 0, "256 KiB may stand behind a Chunk"},
	    {{WIRE__KIND__CHUNK, 0, 0, 40, 0, 4, 0, 1}, ERR_LIMIT, "one byte more may not"},
	    {{WIRE__KIND__CHUNK, 0, 0, 40, 0xff, 0xff, 0xff, 0xff}, ERR_LIMIT, "4 GiB may not"},
	    {{200, 0, 0, 4, 0, 0, 0, 9}, 0, "a kind of a later version may have raw bytes"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(frame_parse(BYTES(rows[i].header, 8), &f, &size) == rows[i].result, "%s",
		   rows[i].name);
}

static bool unpacks(struct bytes b, const ProtobufCMessageDescriptor *d, size_t budget,
		    struct cause *cause)
{
	struct arena arena;
	cause->words[0] = 0;
	arena_init(&arena, budget);
	bool good = message_unpack(b, d, &arena, cause) != NULL;
	arena_fini(&arena);
	return good;
}

static void test_greedy(void)
{
	struct buf b = {0};
	struct cause cause;

	while (b.len < FRAME_MAX)
		buf_add(&b, "\x0a\x00", 2);
	ok(!unpacks(buf_bytes(&b), &wire__verdicts__descriptor, FRAME_BUDGET, &cause) &&
	       strstr(cause.words, "more than 65536 fields"),
	   "1 MiB of empty submessages is refused");
	buf_reset(&b);
	for (int i = 0; i < 65; i++)
		buf_add(&b, "\xa8\x06\x01", 3); /* field 101 */
	ok(!unpacks(buf_bytes(&b), &wire__ping__descriptor, FRAME_BUDGET, &cause) &&
	       strstr(cause.words, "unknown"),
	   "65 unknown fields in a message are refused");
	b.len -= 3;
	ok(unpacks(buf_bytes(&b), &wire__ping__descriptor, FRAME_BUDGET, &cause),
	   "64 are let through");
	buf_reset(&b);
	for (int i = 0; i < 60000; i++)
		buf_add(&b, "\x0a\x01x", 3);
	ok(unpacks(buf_bytes(&b), &wire__push__descriptor, FRAME_BUDGET, &cause),
	   "60,000 fields fit in a frame's budget");
	ok(!unpacks(buf_bytes(&b), &wire__push__descriptor, 65536, &cause) && cause.words[0],
	   "what does not fit in the arena's budget is refused with a cause");
	buf_fini(&b);
}

static void test_garbled(void)
{
	struct cause cause;
	static const struct {
		const char *bytes;
		size_t len;
		const ProtobufCMessageDescriptor *d;
		bool good;
		const char *name;
	} rows[] = {
	    {"", 0, &wire__ping__descriptor, true, "no bytes are a message without fields"},
	    {"", 0, &wire__bye__descriptor, false, "a message without a required field is refused"},
	    {"\x08\x01", 2, &wire__bye__descriptor, true, "a Bye without words is good"},
	    {"\x08", 1, &wire__ping__descriptor, false, "a field cut short is refused"},
	    {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, &wire__ping__descriptor, false,
	     "a number of eleven bytes is refused"},
	    {"\x00\x01", 2, &wire__ping__descriptor, false, "field number 0 is refused"},
	    {"\x13", 1, &wire__ping__descriptor, false, "a group is refused"},
	    {"\x08\x01\x12\x05"
	     "abc",
	     7, &wire__bye__descriptor, false, "a text longer than its message is refused"},
	    {"\x08\x01\x12\x03"
	     "a\0b",
	     7, &wire__bye__descriptor, false, "a text with a NUL is refused"},
	    {"\x08\x01\x12\x02\xc0\x80", 6, &wire__bye__descriptor, false,
	     "overlong UTF-8 is refused"},
	    {"\x08\x01\x12\x03\xed\xa0\x80", 7, &wire__bye__descriptor, false,
	     "a surrogate is refused"},
	    {"\x08\x01\x12\x04\xf5\x80\x80\x80", 8, &wire__bye__descriptor, false,
	     "a character over U+10FFFF is refused"},
	    {"\x08\x01\x12\x01\xff", 5, &wire__bye__descriptor, false, "a stray byte is refused"},
	    {"\x08\x01\x12\x04\xf0\x9f\x8f\xab", 8, &wire__bye__descriptor, true,
	     "a character of four bytes is good"},
	    {"\x0a\x04\x0a\x02\xff", 5, &wire__verdicts__descriptor, false,
	     "a submessage cut short is refused"},
	    {"\xff\xff\xff\xff", 4, &wire__hello__descriptor, false, "garbage is refused"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good =
		    unpacks(BYTES(rows[i].bytes, rows[i].len), rows[i].d, FRAME_BUDGET, &cause);
		ok(good == rows[i].good && (good || cause.words[0]), "%s", rows[i].name);
	}
	struct buf b = {0};
	ok(!unpacks(BYTES(buf_reserve(&b, FRAME_MAX + 1), FRAME_MAX + 1), &wire__ping__descriptor,
		    FRAME_BUDGET, &cause),
	   "a message longer than a frame is refused before it is read");
	buf_fini(&b);
}

static bool has_cycle(const ProtobufCMessageDescriptor *d, int depth)
{
	if (depth > 8)
		return true;
	for (unsigned i = 0; i < d->n_fields; i++)
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
		    has_cycle(d->fields[i].descriptor, depth + 1))
			return true;
	return false;
}

static void test_descriptors(void)
{
	static const ProtobufCMessageDescriptor *const all[] = {
	    &wire__change__descriptor,	 &wire__outcome__descriptor, &wire__header__descriptor,
	    &wire__hello__descriptor,	 &wire__welcome__descriptor, &wire__push__descriptor,
	    &wire__verdicts__descriptor, &wire__feed__descriptor,    &wire__granted__descriptor,
	    &wire__bodies__descriptor,	 &wire__enrolled__descriptor};
	bool cycle = false;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cycle |= has_cycle(all[i], 0);
	ok(!cycle, "no message contains itself");
}

static void test_empty(void)
{
	struct buf b = {0};
	Wire__Ping ping = WIRE__PING__INIT;

	ok(buf_reserve(&b, 0) != NULL, "an empty buffer has room to point at");
	buf_fini(&b);
	buf_add_message(&b, &ping.base);
	ok(b.len == 0, "so that an empty message can be added to it");
	buf_fini(&b);
}

static void test_link(void)
{
	struct recorder r = {.link = {&recorder_ops}};
	struct frame f;
	size_t size;
	static uint8_t raw[4096];

	Wire__Chunk chunk = WIRE__CHUNK__INIT;
	link_send(&r.link, WIRE__KIND__CHUNK, &chunk.base, BYTES(raw, sizeof(raw)));
	ok(frame_parse(buf_bytes(&r.sent), &f, &size) == 1 && f.raw.len == sizeof(raw) &&
	       size == r.sent.len,
	   "link_send sends one whole frame");
	buf_reset(&r.sent);
	link_bye(&r.link, WIRE__REASON__BUSY, "full");
	ok(frame_parse(buf_bytes(&r.sent), &f, &size) == 1 && f.kind == WIRE__KIND__BYE && r.closed,
	   "link_bye says why and closes");
	buf_fini(&r.sent);
}

int main(void)
{
	test_round_trip();
	test_limits();
	test_greedy();
	test_garbled();
	test_descriptors();
	test_empty();
	test_link();
	return tap_end();
}
