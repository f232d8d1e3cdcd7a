/*
 * .docx and .odt: a ZIP archive with one part that holds the words as XML. Only that part is
 * unpacked, and only so much of it; a document type declaration ends it, since nothing good
 * declares one here and entities begin with it.
 */
#include "client/extract/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <libxml/xmlreader.h>
#include <string.h>

enum { ENTRIES = 10000 };

struct part {
	struct archive *archive;
	size_t read;
};

static int part_read(void *arg, char *buffer, int len)
{
	struct part *p = arg;
	la_ssize_t n;

	if (p->read >= EXTRACT_INPUT)
		return -1;
	n = archive_read_data(p->archive, buffer, (size_t)len);
	if (n < 0)
		return -1;
	p->read += (size_t)n;
	return (int)n;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* What stands between `t` and `/t` in a .docx, and everything in an .odt. */
static bool part_text(xmlTextReaderPtr r, struct text *t, bool docx)
{
	static const char *const lines[] = {"p", "h", "br", "line-break", "cr", NULL};
	static const char *const spaces[] = {"tab", "s", "tc", "table-cell", NULL};
	bool inside = !docx;
	int got;

	while ((got = xmlTextReaderRead(r)) == 1) {
		int type = xmlTextReaderNodeType(r);
		const char *name = (const char *)xmlTextReaderConstLocalName(r);
		bool start = type == XML_READER_TYPE_ELEMENT;
		if (type == XML_READER_TYPE_DOCUMENT_TYPE)
			return false;
		if (start || type == XML_READER_TYPE_END_ELEMENT) {
			if (docx && strcmp(name, "t") == 0)
				inside = start && !xmlTextReaderIsEmptyElement(r);
			else if (is_one_of(name, lines))
				text_break(t);
			else if (is_one_of(name, spaces))
				text_add(t, " ", 1);
			continue;
		}
		const char *value = (const char *)xmlTextReaderConstValue(r);
		bool words = type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
			     type == XML_READER_TYPE_WHITESPACE ||
			     type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE;
		if (words && inside && value && !text_add(t, value, strlen(value)))
			return true;
	}
	return got == 0;
}

static bool part_parse(struct archive *archive, struct text *t, bool docx)
{
	struct part p = {.archive = archive};
	xmlTextReaderPtr r =
		xmlReaderForIO(part_read, NULL, &p, NULL, NULL,
			       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	return r && part_text(r, t, docx);
}

bool extract_office(struct text *t)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_format_zip_seekable(archive);
	if (archive_read_open_fd(archive, 0, 65536) != ARCHIVE_OK)
		return false;
	for (int i = 0; i < ENTRIES && archive_read_next_header(archive, &entry) == ARCHIVE_OK;
	     i++) {
		const char *name = archive_entry_pathname(entry);
		bool docx = name && strcmp(name, "word/document.xml") == 0;
		if (docx || (name && strcmp(name, "content.xml") == 0))
			return part_parse(archive, t, docx);
	}
	return false;
}
