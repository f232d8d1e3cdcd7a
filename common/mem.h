/*
 * Memory. An allocation never fails: out of memory ends the program, and sizes that come from
 * outside are checked against limits first. What one frame or one change needs lives in an arena,
 * so that its end is one call.
 */
#ifndef FIVEPITS_MEM_H
#define FIVEPITS_MEM_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

#define BYTES(d, n) ((struct bytes){(const uint8_t *)(d), (n)})
#define BYTES_NONE ((struct bytes){NULL, 0})
#define BYTES_OF(pb) ((struct bytes){(pb).data, (pb).len}) /* of a ProtobufCBinaryData */

bool bytes_equal(struct bytes a, struct bytes b);
/* memcmp order, the shorter first where one starts the other. */
int bytes_compare(struct bytes a, struct bytes b);

void *mem_alloc(size_t n);		    /* zeroed; free() it */
void *mem_resize(void *p, size_t n);
char *mem_copy_text(const char *s);
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A buffer that grows. Zero-initialise it; buf_fini frees it. */
struct buf {
	uint8_t *data;
	size_t len, cap;
};

void buf_fini(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_add_bytes(struct buf *b, struct bytes bytes);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_u32be(struct buf *b, uint32_t v);
void buf_add_u64be(struct buf *b, uint64_t v);
void buf_add_varint(struct buf *b, uint64_t v); /* base 128, as protobuf has it */
void buf_add_message(struct buf *b, const ProtobufCMessage *m);
void buf_add_text(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Make room for n more bytes behind the end and return it; raise len when they are written. */
uint8_t *buf_reserve(struct buf *b, size_t n);
static inline void buf_reset(struct buf *b)
{
	b->len = 0;
}
static inline struct bytes buf_bytes(const struct buf *b)
{
	return BYTES(b->data, b->len);
}

uint32_t read_u32be(const uint8_t *p);
uint64_t read_u64be(const uint8_t *p);
void write_u32be(uint8_t *p, uint32_t v);
void write_u64be(uint8_t *p, uint64_t v);

/*
 * An arena: allocations live until it is reset. A budget bounds what bytes from outside can make it
 * allocate; over it arena_try_alloc returns NULL, and arena_alloc (for sizes that we chose) aborts.
 */
struct arena {
	struct arena_block *blocks;
	size_t used, budget;
	ProtobufCAllocator allocator;
};

#define ARENA_NO_BUDGET SIZE_MAX

void arena_init(struct arena *a, size_t budget);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a); /* keeps one block for the next use */
void *arena_alloc(struct arena *a, size_t n);	  /* zeroed, aligned for any type */
void *arena_try_alloc(struct arena *a, size_t n); /* not zeroed; NULL over the budget */
struct bytes arena_copy(struct arena *a, struct bytes b);
char *arena_text(struct arena *a, struct bytes b); /* a copy with a NUL behind it */
char *arena_format(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An allocator for protobuf-c that takes from the arena and frees nothing. Borrows `a`. */
ProtobufCAllocator *arena_allocator(struct arena *a);

#endif
