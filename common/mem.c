/* Allocation that cannot fail, growing buffers, and arenas. */
#include "common/mem.h"

#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 16 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) uint8_t data[];
};

static void *mem_check(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

void *mem_alloc(size_t n)
{
	return mem_check(calloc(1, n ? n : 1));
}

void *mem_resize(void *p, size_t n)
{
	return mem_check(realloc(p, n ? n : 1));
}

char *mem_copy_text(const char *s)
{
	return mem_check(strdup(s));
}

char *mem_format(const char *format, ...)
{
	char *out = NULL;
	va_list ap;
	va_start(ap, format);
	if (vasprintf(&out, format, ap) < 0)
		out = NULL;
	va_end(ap);
	return mem_check(out);
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	must(n <= SIZE_MAX / 2 - b->len);
	if (!b->data || b->cap - b->len < n) {
		size_t cap = b->cap ? b->cap : 64;
		while (cap - b->len < n)
			cap *= 2;
		b->data = mem_resize(b->data, cap);
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), data, n);
	b->len += n;
}

void buf_add_bytes(struct buf *b, struct bytes bytes)
{
	buf_add(b, bytes.data, bytes.len);
}

void buf_add_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void buf_add_u32be(struct buf *b, uint32_t v)
{
	write_u32be(buf_reserve(b, 4), v);
	b->len += 4;
}

void buf_add_u64be(struct buf *b, uint64_t v)
{
	write_u64be(buf_reserve(b, 8), v);
	b->len += 8;
}

void buf_add_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_add_u8(b, (uint8_t)(v | 0x80));
	buf_add_u8(b, (uint8_t)v);
}

void buf_add_message(struct buf *b, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	protobuf_c_message_pack(m, buf_reserve(b, n));
	b->len += n;
}

void buf_add_text(struct buf *b, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	must(n >= 0);
	vsnprintf((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
	b->len += (size_t)n;
	va_end(again);
	va_end(ap);
}

uint32_t read_u32be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t read_u64be(const uint8_t *p)
{
	return (uint64_t)read_u32be(p) << 32 | read_u32be(p + 4);
}

void write_u32be(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void write_u64be(uint8_t *p, uint64_t v)
{
	write_u32be(p, (uint32_t)(v >> 32));
	write_u32be(p + 4, (uint32_t)v);
}

static void *arena_pb_alloc(void *arena, size_t n)
{
	return arena_try_alloc(arena, n);
}

static void arena_pb_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

void arena_init(struct arena *a, size_t budget)
{
	*a = (struct arena){.budget = budget};
}

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = NULL;
	while (a->blocks) {
		struct arena_block *block = a->blocks;
		a->blocks = block->next;
		if (!keep && block->size == ARENA_BLOCK)
			keep = block;
		else
			free(block);
	}
	if (keep) {
		keep->used = 0;
		keep->next = NULL;
	}
	a->blocks = keep;
	a->used = 0;
}

void *arena_try_alloc(struct arena *a, size_t n)
{
	struct arena_block *block = a->blocks;

	if (n > a->budget - a->used || n > SIZE_MAX / 2)
		return NULL;
	size_t room = ((n ? n : 1) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	a->used += room < a->budget - a->used ? room : a->budget - a->used;
	if (!block || block->size - block->used < room) {
		/* A large one gets a block of its own behind the current, which goes on being
		 * filled. */
		size_t size = room > ARENA_BLOCK / 4 ? room : ARENA_BLOCK;
		struct arena_block *fresh = mem_check(malloc(sizeof(*fresh) + size));
		fresh->size = size;
		fresh->used = 0;
		if (block && size != ARENA_BLOCK) {
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			a->blocks = fresh;
		}
		block = fresh;
	}
	void *p = block->data + block->used;
	block->used += room;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = arena_try_alloc(a, n);
	must(p);
	return memset(p, 0, n);
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
	uint8_t *p = arena_try_alloc(a, b.len);
	must(p);
	if (b.len)
		memcpy(p, b.data, b.len);
	return BYTES(p, b.len);
}

char *arena_text(struct arena *a, struct bytes b)
{
	char *p = arena_alloc(a, b.len + 1);
	if (b.len)
		memcpy(p, b.data, b.len);
	return p;
}

char *arena_format(struct arena *a, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	must(n >= 0);
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	va_end(ap);
	return p;
}

ProtobufCAllocator *arena_allocator(struct arena *a)
{
	a->allocator = (ProtobufCAllocator){arena_pb_alloc, arena_pb_free, a};
	return &a->allocator;
}
