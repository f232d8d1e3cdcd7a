/* What every reader uses: the document as it comes in, and the text as it gathers. */
#include "client/extract/extract.h"

#include <errno.h>
#include <unistd.h>

bool extract_read(struct buf *in, size_t most)
{
	while (most) {
		size_t n = most < 65536 ? most : 65536;
		ssize_t got = read(STDIN_FILENO, buf_reserve(in, n), n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		in->len += (size_t)got;
		most -= (size_t)got;
	}
	return true;
}

bool text_add(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c <= ' ' || c == 0x7f) {
			t->space = true;
			continue;
		}
		if (t->out.len && (t->line || t->space))
			buf_add_u8(&t->out, t->line ? '\n' : ' ');
		t->line = t->space = false;
		buf_add_u8(&t->out, c);
	}
	return t->out.len < EXTRACT_TEXT;
}

void text_break(struct text *t)
{
	t->line = true;
}
