/* Texts to merge from few bytes: see input.h. */
#include "tests/merge/input.h"

#include "common/merge.h"

#include <string.h>

enum { AS_IT_IS, A_UNIT_A_BYTE, RUNS, LONG_RUNS, WAYS, RUNS_MAX = 16 * 1024 };

/* Some short ones, then one of its own for each byte. */
static void add_unit(struct buf *text, uint8_t c)
{
	static const char *const units[] = {"\n", "\r\n", "a\n", "b\n", "A. ", "B. ", "x"};

	if (c < sizeof(units) / sizeof(*units))
		buf_add_text(text, "%s", units[c]);
	else
		buf_add_text(text, c % 2 ? "%u\n" : "%u? ", c);
}

static void read_text(struct bytes in, uint8_t way, struct buf *text)
{
	size_t most = way == LONG_RUNS ? MERGE_TEXT_MAX : way == RUNS ? RUNS_MAX : in.len * 4;
	bool runs = way >= RUNS;

	buf_reserve(text, 1); /* so that an empty text is somewhere, too */
	for (size_t i = 0; i < in.len && text->len < most; i++) {
		uint8_t c = in.data[i], n = runs && i + 1 < in.len ? in.data[++i] : 1;
		for (uint32_t times = n < 128 ? n : 1u << (n % 18); times > 0 && text->len < most;
		     times--) {
			if (way == AS_IT_IS)
				buf_add_u8(text, c);
			else
				add_unit(text, c);
		}
	}
	if (text->len > MERGE_TEXT_MAX)
		text->len = MERGE_TEXT_MAX;
}

bool input_read(struct bytes in, struct buf texts[3])
{
	uint8_t way = in.data[0] % WAYS;
	struct bytes rest = BYTES(in.data + 1, in.len - 1);

	for (int i = 0; i < 3; i++) {
		const uint8_t *end = rest.len ? memchr(rest.data, 0xfe, rest.len) : NULL;
		size_t n = end ? (size_t)(end - rest.data) : rest.len;
		read_text(BYTES(rest.data, n), way, &texts[i]);
		n += end != NULL;
		rest = BYTES(rest.data + n, rest.len - n);
	}
	return way == LONG_RUNS;
}
