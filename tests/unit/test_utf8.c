/* UTF-8: what is a character and what is none, and that each code point comes back. */
#include "common/utf8.h"
#include "tests/tap.h"

#include <string.h>

static bool is_valid(const char *s, size_t n)
{
	return utf8_is_valid(BYTES(s, n));
}

static void test_points(void)
{
	struct buf b = {0};
	uint32_t wrong = 0;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t back = 0;
		if (c >= 0xd800 && c < 0xe000)
			continue;
		buf_reset(&b);
		utf8_add(&b, c);
		if (utf8_next(b.data, b.len, &back) != b.len || back != c || !utf8_is_valid(buf_bytes(&b)))
			wrong++;
		if (b.len > 1 && utf8_is_valid(BYTES(b.data, b.len - 1)))
			wrong++;
	}
	ok(wrong == 0, "every code point is written and read as itself, and is nothing when cut");
	buf_fini(&b);
}

static void test_wrong(void)
{
	ok(is_valid("", 0) && is_valid("a\0b", 3), "nothing is text, and NUL is a character");
	ok(!is_valid("\x80", 1) && !is_valid("a\xbf", 2), "a byte that goes on where nothing began");
	ok(!is_valid("\xc0\x80", 2) && !is_valid("\xc1\xbf", 2) && !is_valid("\xe0\x9f\xbf", 3) &&
		   !is_valid("\xf0\x8f\xbf\xbf", 4),
	   "what is longer than it need be");
	ok(!is_valid("\xed\xa0\x80", 3) && !is_valid("\xed\xbf\xbf", 3), "halves of a pair");
	ok(!is_valid("\xf4\x90\x80\x80", 4) && !is_valid("\xf5\x80\x80\x80", 4) && !is_valid("\xff", 1),
	   "what lies beyond the last code point");
	ok(!is_valid("\xe2\x82", 2) && !is_valid("\xe2\x28\xa1", 3), "a character that is cut or broken");
}

int main(void)
{
	test_points();
	test_wrong();
	return tap_end();
}
