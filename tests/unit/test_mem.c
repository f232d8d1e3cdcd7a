/* Buffers and arenas: what is put in comes out, aligned, and never more than the budget. */
#include "common/mem.h"
#include "common/err.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void bytes_are_compared(void)
{
	ok(bytes_equal(BYTES("ab", 2), BYTES("ab", 2)), "equal bytes are equal");
	ok(!bytes_equal(BYTES("ab", 2), BYTES("ac", 2)) &&
	   !bytes_equal(BYTES("ab", 2), BYTES("ab", 1)),
	   "others are not");
	ok(bytes_equal(BYTES_NONE, BYTES("", 0)), "nothing equals nothing, wherever it is");
	ok(bytes_compare(BYTES("a", 1), BYTES("ab", 2)) < 0, "the shorter comes first");
	ok(bytes_compare(BYTES("b", 1), BYTES("ab", 2)) > 0, "but the bytes count before");
	ok(bytes_compare(BYTES_NONE, BYTES_NONE) == 0, "nothing is as much as nothing");
	ok(bytes_compare(BYTES("\xff", 1), BYTES("\x01", 1)) > 0, "bytes have no sign");
}

static void buffers_grow(void)
{
	struct buf b = {0};
	buf_add_u8(&b, 1);
	buf_add_u32be(&b, 0x02030405);
	buf_add_u64be(&b, 0x060708090a0b0c0d);
	ok(bytes_equal(buf_bytes(&b), BYTES("\1\2\3\4\5\6\7\10\11\12\13\14\15", 13)),
	   "numbers are big-endian");
	ok(read_u32be(b.data + 1) == 0x02030405 && read_u64be(b.data + 5) == 0x060708090a0b0c0d,
	   "and are read so");
	buf_reset(&b);
	buf_add_varint(&b, 0);
	buf_add_varint(&b, 300);
	buf_add_varint(&b, UINT64_MAX);
	ok(bytes_equal(buf_bytes(&b), BYTES("\0\xac\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 13)),
	   "varints are protobuf's");
	buf_reset(&b);
	buf_add_text(&b, "%d-%s", 42, "x");
	buf_add(&b, NULL, 0);
	ok(bytes_equal(buf_bytes(&b), BYTES("42-x", 4)), "text is formatted, without its NUL");
	buf_reset(&b);
	for (unsigned i = 0; i < 100000; i++)
		buf_add_u8(&b, (uint8_t)i);
	bool same = b.len == 100000;
	for (unsigned i = 0; i < 100000; i++)
		same = same && b.data[i] == (uint8_t)i;
	ok(same, "it grows as it must");
	buf_fini(&b);
	ok(!b.data && b.len == 0 && b.cap == 0, "and is empty once freed");
}

static void arenas_hold(void)
{
	struct arena a;
	arena_init(&a, ARENA_NO_BUDGET);
	bool aligned = true, zero = true, kept = true;
	uint8_t *p[1000];
	for (size_t i = 0; i < 1000; i++) {
		size_t n = i * 37 % 9000 + 1;
		p[i] = arena_alloc(&a, n);
		aligned = aligned && (uintptr_t)p[i] % _Alignof(max_align_t) == 0;
		for (size_t j = 0; j < n; j++)
			zero = zero && p[i][j] == 0;
		memset(p[i], (int)i, n);
	}
	for (size_t i = 0; i < 1000; i++)
		for (size_t j = 0; j < i * 37 % 9000 + 1; j++)
			kept = kept && p[i][j] == (uint8_t)i;
	ok(aligned, "allocations are aligned");
	ok(zero, "and zeroed");
	ok(kept, "and do not overlap, large among small");
	arena_reset(&a);
	uint8_t *again = arena_alloc(&a, 100);
	for (size_t j = 0; j < 100; j++)
		zero = zero && again[j] == 0;
	ok(zero, "after a reset too");
	struct bytes copy = arena_copy(&a, BYTES("abc", 3));
	ok(bytes_equal(copy, BYTES("abc", 3)), "bytes are copied");
	ok(strcmp(arena_text(&a, copy), "abc") == 0, "and given a NUL");
	ok(strcmp(arena_format(&a, "%s/%d", "x", 7), "x/7") == 0, "and text is formatted");
	ProtobufCAllocator *pb = arena_allocator(&a);
	void *q = pb->alloc(pb->allocator_data, 10);
	pb->free(pb->allocator_data, q);
	ok(q && arena_alloc(&a, 10) != q, "protobuf-c takes from it and frees nothing");
	arena_fini(&a);
}

static void arenas_have_an_end(void)
{
	struct arena a;
	arena_init(&a, 1000);
	ok(!arena_try_alloc(&a, 1001), "more than the budget is refused");
	ok(!arena_try_alloc(&a, SIZE_MAX) && !arena_try_alloc(&a, SIZE_MAX / 2 + 1),
	   "and far more");
	int n = 0;
	while (n < 1000 && arena_try_alloc(&a, 100))
		n++;
	ok(n >= 8 && n <= 10, "the sum counts");
	arena_reset(&a);
	ok(arena_try_alloc(&a, 1000), "a reset gives it back");
	fflush(stdout);
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		fclose(stderr);
		arena_alloc(&a, 1000);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status), "where a size is ours, going over it is a bug");
	arena_fini(&a);
}

int main(void)
{
	bytes_are_compared();
	buffers_grow();
	arenas_hold();
	arenas_have_an_end();
	char *s = mem_format("%03d", 7), *t = mem_copy_text(s);
	ok(strcmp(t, "007") == 0, "text is formatted and copied");
	free(s);
	free(t);
	ok(cause_set(NULL, ERR_FULL, "x") == ERR_FULL, "a cause may be left out");
	struct cause cause;
	ok(cause_set(&cause, ERR_IO, "%0600d", 1) == ERR_IO &&
	   strlen(cause.words) == sizeof(cause.words) - 1,
	   "long ones are cut");
	ok(strcmp(err_words(ERR_FULL), "the disk is full") == 0 &&
	   strcmp(err_words(5), "unknown error") == 0,
	   "codes have words");
	return tap_end();
}
