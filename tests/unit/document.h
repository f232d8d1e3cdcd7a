/*
 * Blocks of proto/PROTOCOL.md that are made by a test from the code itself. document_check compares
 * a block with what the code says; run with --write the test writes it instead.
 */
#ifndef FIVEPITS_DOCUMENT_H
#define FIVEPITS_DOCUMENT_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT "proto/PROTOCOL.md"
#define FENCE "```\n"

static inline char *document_read(void)
{
	FILE *f = fopen(DOCUMENT, "rb");
	struct buf b = {0};
	size_t n;

	while (f && (n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
		b.len += n;
	if (f)
		fclose(f);
	buf_add_u8(&b, 0);
	return (char *)b.data;
}

/* The block's text in the document: from *from up to *to. False: there is no such block. */
static inline bool document_find(char *text, const char *test, const char *name, char **from,
				 char **to)
{
	char *mark = mem_format("<!-- made by tests/unit/%s.c: %s -->\n", test, name);
	char *at = strstr(text, mark);

	*from = at ? at + strlen(mark) : NULL;
	*to = at ? strstr(*from, "<!-- end -->") : NULL;
	free(mark);
	return *to != NULL;
}

/* Say where two texts part. */
static inline void document_differ(const char *is, const char *should)
{
	size_t i = 0, start = 0;
	while (is[i] && is[i] == should[i])
		if (is[i++] == '\n')
			start = i;
	note("it has     %.*s", (int)strcspn(is + start, "\n"), is + start);
	note("should be  %.*s", (int)strcspn(should + start, "\n"), should + start);
}

static inline void document_write(const char *text, const char *from, const char *to,
				  struct bytes block)
{
	FILE *f = fopen(DOCUMENT, "wb");
	must(f);
	fwrite(text, 1, (size_t)(from - text), f);
	fwrite(block.data, 1, block.len, f);
	fputs(to, f);
	must(fclose(f) == 0);
}

/* `block` is the lines that stand between the marks, within a fence. */
static inline void document_check(const char *test, const char *name, struct buf *block, bool write)
{
	char *text = document_read(), *from, *to;
	struct buf fenced = {0};

	buf_add_text(&fenced, FENCE);
	buf_add_bytes(&fenced, buf_bytes(block));
	buf_add_text(&fenced, FENCE);
	bool found = document_find(text, test, name, &from, &to);
	if (found && write)
		document_write(text, from, to, buf_bytes(&fenced));
	bool same = found && (write || bytes_equal(BYTES(from, to - from), buf_bytes(&fenced)));
	ok(same, "%s: what %s says is what the code does", name, DOCUMENT);
	if (found && !same) {
		*to = 0;
		buf_add_u8(&fenced, 0);
		document_differ(from, (const char *)fenced.data);
		note("if the change is meant: %s --write", test);
	}
	buf_fini(&fenced);
	buf_fini(block);
	free(text);
}

/* "name   value" in columns; hex is wrapped. */
static inline void document_line(struct buf *b, const char *name, const char *value)
{
	buf_add_text(b, "%-18s %s\n", name, value);
}

static inline void document_hex(struct buf *b, const char *name, struct bytes bytes)
{
	enum { WIDTH = 40 }; /* bytes a line */
	if (bytes.len == 0)
		document_line(b, name, "(none)");
	for (size_t i = 0; i < bytes.len; i += WIDTH) {
		buf_add_text(b, "%-18s ", i ? "" : name);
		for (size_t k = i; k < i + WIDTH && k < bytes.len; k++)
			buf_add_text(b, "%02x", bytes.data[k]);
		buf_add_u8(b, '\n');
	}
}

static inline void document_id(struct buf *b, const char *name, const struct id *id)
{
	char text[ID_TEXT];
	document_line(b, name, id_format(id, text));
}

/* ---- What the examples stand on: a clock that stands still, and chance that counts ---------- */

struct document_chance {
	uint8_t next;
};

static inline uint64_t document_now(void *arg)
{
	(void)arg;
	return UINT64_C(1570644000000); /* 9 October 2019, 18:00 UTC */
}

static inline void document_random(void *arg, uint8_t *out, size_t n)
{
	struct document_chance *c = arg;
	for (size_t i = 0; i < n; i++)
		out[i] = c->next++;
}

/* The SubjectPublicKeyInfo of the P-256 key whose private number is 1: the curve's own point. */
static const uint8_t document_spki[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1,
    0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d,
    0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b,
    0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

/* The private key of RFC 8032, 7.1, TEST 1: what the head key is in the examples. */
static const uint8_t document_head_seed[32] = {
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
};

#endif
