/* Plain text and Markdown, in UTF-8, UTF-16 with its mark, or Windows' western alphabet. */
#include "client/extract/extract.h"

#include "common/utf8.h"

#include <string.h>

static bool add_point(struct text *t, uint32_t c)
{
	struct buf one = {0};

	if (c == '\n')
		text_break(t);
	utf8_add(&one, c);
	bool more = text_add(t, (const char *)one.data, one.len);
	buf_fini(&one);
	return more;
}

/* Windows-1252, as the WHATWG's Encoding Standard has it. */
static void add_windows(struct text *t, struct bytes b)
{
	static const uint16_t high[32] = {
		0x20ac, 0x81,	0x201a, 0x192,	0x201e, 0x2026, 0x2020, 0x2021,
		0x2c6,	0x2030, 0x160,	0x2039, 0x152,	0x8d,	0x17d,	0x8f,
		0x90,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
		0x2dc,	0x2122, 0x161,	0x203a, 0x153,	0x9d,	0x17e,	0x178};
	for (size_t i = 0; i < b.len; i++) {
		uint32_t c = b.data[i];
		if (!add_point(t, c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c))
			return;
	}
}

static void add_utf16(struct text *t, struct bytes b, bool big)
{
	for (size_t i = 2; i + 1 < b.len; i += 2) {
		uint32_t c = big ? (uint32_t)b.data[i] << 8 | b.data[i + 1]
				 : (uint32_t)b.data[i + 1] << 8 | b.data[i];
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < b.len) {
			uint32_t low = big ? (uint32_t)b.data[i + 2] << 8 | b.data[i + 3]
					   : (uint32_t)b.data[i + 3] << 8 | b.data[i + 2];
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
			if (low < 0xdc00 || low > 0xdfff)
				return;
		} else if (c >= 0xd800 && c < 0xe000) {
			return;
		}
		if (!add_point(t, c))
			return;
	}
}

/* Bytes that no text has. */
static bool is_binary(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < ' ' && (b.data[i] < '\t' || b.data[i] > '\r') && b.data[i] != 0x1b)
			return true;
	return false;
}

bool extract_plain(struct text *t, struct bytes first)
{
	struct buf in = {0};

	buf_add_bytes(&in, first);
	if (!extract_read(&in, 4 * EXTRACT_TEXT))
		return false;
	struct bytes b = buf_bytes(&in);
	if (b.len >= 2 && memcmp(b.data, "\xff\xfe", 2) == 0) {
		add_utf16(t, b, false);
		return true;
	}
	if (b.len >= 2 && memcmp(b.data, "\xfe\xff", 2) == 0) {
		add_utf16(t, b, true);
		return true;
	}
	if (is_binary(b))
		return false;
	/* What was cut off may have been cut within a letter. */
	size_t tail = b.len == 4 * EXTRACT_TEXT + first.len ? 3 : 0;
	struct bytes whole = b;
	for (; tail && !utf8_is_valid(whole); tail--)
		whole.len--;
	if (!utf8_is_valid(whole)) {
		add_windows(t, b);
		return true;
	}
	for (size_t i = 0; i < whole.len; i++) {
		if (whole.data[i] == '\n')
			text_break(t);
		if (!text_add(t, (const char *)whole.data + i, 1))
			break;
	}
	return true;
}
