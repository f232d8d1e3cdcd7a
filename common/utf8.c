/* UTF-8: see utf8.h. */
#include "common/utf8.h"

#include "common/err.h"

size_t utf8_next(const uint8_t *p, size_t len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	if (n > 1 && (p[0] < 0xc2 || p[0] > 0xf4 || n > len))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (n > 1 && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	if (point)
		*point = c;
	return n;
}

bool utf8_is_valid(struct bytes t)
{
	for (size_t i = 0, n; i < t.len; i += n)
		if ((n = utf8_next(t.data + i, t.len - i, NULL)) == 0)
			return false;
	return true;
}

void utf8_add(struct buf *out, uint32_t c)
{
	must(c <= 0x10ffff && (c < 0xd800 || c >= 0xe000));
	if (c < 0x80) {
		buf_add_u8(out, (uint8_t)c);
		return;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	buf_add_u8(out, (uint8_t)(0xf0u << (3 - more) | c >> 6 * more));
	while (more-- > 0)
		buf_add_u8(out, (uint8_t)(0x80 | (c >> 6 * more & 0x3f)));
}
