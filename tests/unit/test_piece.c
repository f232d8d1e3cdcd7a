/* Chunks that come in parts: put together where they fit, and nothing else is taken. */
#include "common/piece.h"
#include "tests/tap.h"

#include <string.h>

static uint8_t bytes[CHUNK_MAX];
static uint8_t name[SHA256_LEN] = {1}, other[SHA256_LEN] = {2};

/* A part of `size` bytes; `size` 0: it says nothing of its size. */
static int take(struct pieces *p, uint8_t *hash, uint32_t size, uint32_t at, size_t len,
		struct bytes *packed)
{
	Wire__Chunk m = WIRE__CHUNK__INIT;

	m.chunk = (ProtobufCBinaryData){SHA256_LEN, hash};
	m.raw = CHUNK_MAX;
	m.has_size = size > 0;
	m.size = size;
	m.has_offset = at > 0;
	m.offset = at;
	return pieces_take(p, &m, BYTES(bytes + at, len), packed);
}

static void test_whole(void)
{
	struct pieces p = {.size = 0};
	struct bytes packed;

	ok(take(&p, name, 0, 0, 5000, &packed) == 1 && packed.len == 5000 && packed.data == bytes &&
		   !p.bytes.data,
	   "a chunk in one part is not copied");
	ok(take(&p, name, 0, 0, 0, &packed) == 1 && packed.len == 0, "it may be empty");
	bool good = true;
	for (uint32_t at = 0; at < CHUNK_MAX; at += CHUNK_MAX / 8)
		good &= take(&p, name, CHUNK_MAX, at, CHUNK_MAX / 8, &packed) ==
			(at + CHUNK_MAX / 8 == CHUNK_MAX);
	ok(good && bytes_equal(packed, BYTES(bytes, CHUNK_MAX)), "parts are put together");
	ok(take(&p, other, 10, 0, 4, &packed) == 0 && take(&p, name, 6, 0, 6, &packed) == 1 &&
		   packed.len == 6,
	   "another that begins takes its place");
	pieces_fini(&p);
}

static void test_wrong(void)
{
	static const struct {
		const char *what;
		uint8_t *hash;
		uint32_t size, at;
		size_t len;
	} rows[] = {
		{"of another chunk", other, 1000, 100, 100},
		{"that leaves some out", name, 1000, 101, 100},
		{"that was there already", name, 1000, 99, 100},
		{"of another size, shorter", name, 50, 100, 100},
		{"of another size, longer", name, 2000, 100, 100},
		{"of no size", name, 0, 100, 100},
		{"that goes over the end", name, 1000, 100, 901},
		{"of nothing", name, 1000, 100, 0},
		{"of a chunk that is too long", name, CHUNK_MAX + 1, 0, 100},
	};
	struct bytes packed;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pieces p = {.size = 0};
		must(take(&p, name, 1000, 0, 100, &packed) == 0);
		ok(take(&p, rows[i].hash, rows[i].size, rows[i].at, rows[i].len, &packed) ==
				   ERR_PROTO &&
			   p.bytes.len <= 100,
		   "a part %s is refused", rows[i].what);
		pieces_fini(&p);
	}
	struct pieces p = {.size = 0};
	Wire__Chunk m = WIRE__CHUNK__INIT;
	m.chunk = (ProtobufCBinaryData){SHA256_LEN - 1, name};
	ok(pieces_take(&p, &m, BYTES(bytes, 5), &packed) == ERR_PROTO, "so is one without a name");
	m.chunk.len = SHA256_LEN;
	m.raw = CHUNK_MAX + 1;
	ok(pieces_take(&p, &m, BYTES(bytes, 5), &packed) == ERR_PROTO,
	   "and one of a chunk that would be too long");
	pieces_fini(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	test_whole();
	test_wrong();
	return tap_end();
}
