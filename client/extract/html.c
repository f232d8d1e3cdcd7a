/* A page: its words without its scripts and styles. */
#include "client/extract/extract.h"

#include "common/utf8.h"

#include <libxml/HTMLparser.h>
#include <string.h>

struct page {
	struct text *text;
	unsigned silent; /* how many elements around us are not read */
	bool full;
};

static bool is_silent(const char *name)
{
	return strcmp(name, "script") == 0 || strcmp(name, "style") == 0 ||
	       strcmp(name, "template") == 0;
}

static bool is_inline(const char *name)
{
	static const char *const names[] = {"a",    "abbr", "b",    "cite",   "code", "em",  "font",
					    "i",    "img",  "kbd",  "mark",   "q",    "s",   "samp",
					    "small", "span", "strong", "sub",  "sup",  "tt",  "u"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar **attributes)
{
	struct page *p = arg;

	(void)attributes;
	if (is_silent((const char *)name))
		p->silent++;
	if (!is_inline((const char *)name))
		text_break(p->text);
}

static void on_end(void *arg, const xmlChar *name)
{
	struct page *p = arg;

	if (is_silent((const char *)name) && p->silent)
		p->silent--;
	if (!is_inline((const char *)name))
		text_break(p->text);
}

static void on_words(void *arg, const xmlChar *s, int n)
{
	struct page *p = arg;

	if (!p->silent && !p->full)
		p->full = !text_add(p->text, (const char *)s, (size_t)n);
}

bool extract_html(struct text *t, struct bytes first)
{
	htmlSAXHandler sax = {
		.startElement = on_start, .endElement = on_end, .characters = on_words};
	struct page page = {.text = t};
	struct buf in = {0};

	buf_add_bytes(&in, first);
	if (!extract_read(&in, EXTRACT_INPUT))
		return false;
	/* What a page says of its own encoding is not asked: converters lie outside the sandbox. */
	htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(
		&sax, &page, NULL, 0, NULL,
		utf8_is_valid(buf_bytes(&in)) ? XML_CHAR_ENCODING_UTF8 : XML_CHAR_ENCODING_8859_1);
	if (!parser)
		return false;
	htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
					   HTML_PARSE_IGNORE_ENC);
	for (size_t at = 0; at < in.len && !page.full; at += 65536)
		htmlParseChunk(parser, (const char *)in.data + at,
			       (int)(in.len - at < 65536 ? in.len - at : 65536), 0);
	htmlParseChunk(parser, NULL, 0, 1);
	return true;
}
