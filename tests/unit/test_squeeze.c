/* Chunks made smaller: only where it saves enough, and never expanded past what was declared. */
#include "common/squeeze.h"
#include "tests/tap.h"

#include <string.h>

enum { LEN = 64 * 1024, GUARD = 64 };

/* Bytes that can't get smaller, the last `zeros` of them zeros, which do: to next to nothing. */
static struct bytes mixed(size_t zeros)
{
	static uint8_t data[LEN];
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < LEN; i++) {
		x ^= x << 13; /* xorshift64 */
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = i < LEN - zeros ? (uint8_t)(x >> 32) : 0;
	}
	return BYTES(data, LEN);
}

static bool gets_smaller(struct bytes raw, struct buf *out)
{
	struct squeezer *s = squeezer_new();
	bool smaller = squeeze(s, raw, out);

	squeezer_free(&s);
	return smaller;
}

static void test_gain(void)
{
	struct buf out = {0};

	ok(!gets_smaller(mixed(0), &out), "what does not get smaller is kept as it is");
	ok(!gets_smaller(mixed(LEN * 2 / 100), &out), "so is what gets smaller by 2 %%");
	bool smaller = gets_smaller(mixed(LEN * 4 / 100), &out);
	ok(smaller && out.len <= LEN - LEN * 3 / 100, "by 4 %% is worth it (%zu of %d)", out.len,
	   LEN);
	ok(!gets_smaller(BYTES(mixed(LEN).data, 10), &out), "a few bytes are not tried");
	buf_fini(&out);
}

static void test_run(void)
{
	struct squeezer *s = squeezer_new();
	struct buf out = {0};
	int again = 0;

	for (int i = 0; i < 100; i++)
		squeeze(s, mixed(0), &out);
	while (again < 100 && !squeeze(s, mixed(LEN / 2), &out))
		again++;
	ok(again < 16, "behind a long run that did not, what does is found again (after %d)",
	   again);
	buf_fini(&out);
	squeezer_free(&s);
}

/* Is it refused, and nothing written behind the room? */
static bool is_refused(struct squeezer *s, struct bytes squeezed, size_t len)
{
	static uint8_t room[LEN + GUARD];
	uint8_t guard[GUARD];

	memset(room, 0xa5, sizeof(room));
	memset(guard, 0xa5, sizeof(guard));
	return unsqueeze(s, squeezed, room, len) == ERR_CORRUPT &&
	       memcmp(room + len, guard, GUARD) == 0;
}

static void test_declared(void)
{
	struct squeezer *s = squeezer_new();
	struct bytes raw = mixed(LEN / 2);
	struct buf out = {0};
	uint8_t back[LEN];

	ok(squeeze(s, raw, &out) && unsqueeze(s, buf_bytes(&out), back, LEN) == 0 &&
		   memcmp(back, raw.data, LEN) == 0,
	   "what was made smaller comes out as it was");
	ok(is_refused(s, buf_bytes(&out), LEN - 1) && is_refused(s, buf_bytes(&out), 0),
	   "into less room than it takes it is not expanded, nor behind that");
	ok(unsqueeze(s, BYTES(out.data, out.len - 1), back, LEN) == ERR_CORRUPT,
	   "what is cut short is refused");
	size_t all = out.len;
	ok(squeeze(s, BYTES(raw.data, LEN - 1), &out) && out.len <= all &&
		   is_refused(s, buf_bytes(&out), LEN),
	   "what is shorter than was declared is refused");
	ok(is_refused(s, raw, LEN), "and what is no frame");
	struct bytes half = BYTES(raw.data + LEN * 3 / 8, LEN / 4); /* some of it is zeros */
	struct buf more = {0};
	ok(squeeze(s, half, &out), "a part of it is made smaller");
	buf_add_bytes(&more, buf_bytes(&out));
	buf_add_bytes(&more, buf_bytes(&out));
	ok(is_refused(s, buf_bytes(&more), 2 * half.len), "two frames are not one");
	more.len = out.len;
	buf_add(&more, "\x50\x2a\x4d\x18\x02\x00\x00\x00hi", 10); /* to be skipped */
	ok(is_refused(s, buf_bytes(&more), half.len), "nor may one be skipped behind it");
	more.len = 0;
	buf_add(&more, "\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00x", 10); /* a frame of one x */
	ok(is_refused(s, buf_bytes(&more), 1), "and a frame is shorter than what is in it");
	buf_fini(&more);
	buf_fini(&out);
	squeezer_free(&s);
}

int main(void)
{
	test_gain();
	test_run();
	test_declared();
	return tap_end();
}
