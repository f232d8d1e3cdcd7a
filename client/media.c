/*
 * Guessing what a file is. It is the person's own file, about to be given to others, and libmagic
 * looks at it in this process: one of its own for each file would cost ten times as much, and the
 * one that reads documents' text (client/extract) may open nothing, so not the database either. So
 * it is bounded: a few KiB, no unpacking, no pattern that goes on for long. A text or unknown
 * bytes take it a millisecond, a PDF or a picture a tenth of that.
 */
#include "client/media.h"

#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEAD_MOST = 16 * 1024,
	TEXT_MOST = 1024, /* of a text: each pattern is looked for in every line */
	REGEX_MOST = 256, /* bytes that a pattern looks at */
	INDIRECT_MOST = 16,
};

static const char bytes_only[] = "application/octet-stream", text_only[] = "text/plain";

struct media {
	magic_t magic; /* NULL: there is no database */
};

struct media *media_new(void)
{
	/* Rows of commas are prose as often as they are a table: the name knows better. */
	enum { FLAGS = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF |
		       MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_CSV };
	static const size_t regex = REGEX_MOST, indirect = INDIRECT_MOST, head = HEAD_MOST;
	struct media *m = mem_alloc(sizeof(*m));

	m->magic = magic_open(FLAGS);
	if (m->magic && (magic_load(m->magic, NULL) != 0 ||
			 magic_setparam(m->magic, MAGIC_PARAM_REGEX_MAX, &regex) != 0 ||
			 magic_setparam(m->magic, MAGIC_PARAM_INDIR_MAX, &indirect) != 0 ||
			 magic_setparam(m->magic, MAGIC_PARAM_ENCODING_MAX, &head) != 0)) {
		magic_close(m->magic);
		m->magic = NULL;
	}
	return m;
}

void media_free(struct media **m)
{
	if (!*m)
		return;
	if ((*m)->magic)
		magic_close((*m)->magic);
	free(*m);
	*m = NULL;
}

/* One type and one subtype; what else libmagic may say is no media type. */
static bool is_type(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.+-_";
	size_t n = strspn(s, letters);

	if (n == 0 || s[n] != '/')
		return false;
	s += n + 1;
	n = strspn(s, letters);
	return n > 0 && s[n] == '\0';
}

/* As much of it as tells what it is. */
static size_t head_enough(struct bytes head)
{
	for (size_t i = 0; i < head.len; i++) {
		uint8_t c = head.data[i];
		if (i == TEXT_MOST)
			return TEXT_MOST;
		if (c < ' ' && (c < '\t' || c > '\r') && c != 0x1b)
			break;
	}
	return head.len < HEAD_MOST ? head.len : HEAD_MOST;
}

static const char *type_of_bytes(struct media *m, struct bytes head)
{
	const char *said;

	if (head.len == 0)
		return text_only;
	said = m->magic ? magic_buffer(m->magic, head.data, head_enough(head)) : NULL;
	return said && strlen(said) < MEDIA_MOST && is_type(said) ? said : bytes_only;
}

/* What is kept in archives, or in the files in the file that Office wrote before 2007. */
static bool is_wrapping(const char *said)
{
	static const char *const wrappings[] = {"application/zip", "application/CDFV2",
						"application/x-ole-storage",
						"application/vnd.ms-office"};

	for (size_t i = 0; i < sizeof(wrappings) / sizeof(*wrappings); i++)
		if (strcmp(said, wrappings[i]) == 0)
			return true;
	return strcmp(said, bytes_only) == 0;
}

/* What a name says beyond what the bytes did; NULL: no more. */
static const char *type_of_name(const char *name, const char *said)
{
	static const char *const types[][2] = {
		{".md", "text/markdown"},
		{".csv", "text/csv"},
		{".html", "text/html"},
		{".odt", "application/vnd.oasis.opendocument.text"},
		{".ods", "application/vnd.oasis.opendocument.spreadsheet"},
		{".doc", "application/msword"},
		{".docx",
		 "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{".xls", "application/vnd.ms-excel"},
		{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{".ppt", "application/vnd.ms-powerpoint"},
		{".pptx",
		 "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++) {
		bool is_text = strncmp(types[i][1], "text/", 5) == 0;
		if (strcasecmp(dot, types[i][0]) == 0 &&
		    (is_text ? strcmp(said, text_only) == 0 : is_wrapping(said)))
			return types[i][1];
	}
	return NULL;
}

void media_guess(struct media *m, struct bytes head, const char *name, char out[MEDIA_MOST])
{
	const char *said = type_of_bytes(m, head);
	const char *named = type_of_name(name, said);

	snprintf(out, MEDIA_MOST, "%s", named ? named : said);
}
