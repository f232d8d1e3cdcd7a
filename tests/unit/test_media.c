/* What a file is said to be: by its bytes, and by its name where those say little. */
#include "client/media.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

static void is_said(struct media *m, struct bytes head, const char *name, const char *expected,
		    const char *what)
{
	char type[MEDIA_MOST];

	media_guess(m, head, name, type);
	ok(strcmp(type, expected) == 0, "%s: %s", what, type);
}

static void is_text_said(struct media *m, const char *head, const char *name,
			 const char *expected, const char *what)
{
	is_said(m, BYTES(head, strlen(head)), name, expected, what);
}

static void bytes_win(struct media *m)
{
	static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0";

	is_text_said(m, "%PDF-1.4\n1 0 obj\n", "minutes.txt", "application/pdf",
		     "a PDF with the name of a text");
	is_text_said(m, "%PDF-1.4\n1 0 obj\n", "minutes", "application/pdf",
		     "one without an ending");
	is_said(m, BYTES(png, sizeof(png) - 1), "plan.docx", "image/png",
		"a picture with the name of a letter");
	is_text_said(m, "Dear all,\nplease find it attached.\n", "letter.docx", "text/plain",
		     "a text with the name of a letter");
	is_text_said(m, "<!DOCTYPE html><html><body>Hello</body></html>", "page", "text/html",
		     "a page");
	is_text_said(m, "{\\rtf1\\ansi Hello}", "letter.doc", "text/rtf",
		     "rich text with the name of a letter");
}

static void names_say_more(struct media *m)
{
	is_text_said(m, "# Agenda\n\n1. Apologies\n", "agenda.md", "text/markdown", "Markdown");
	is_text_said(m, "school,pupils\nHeath,210\nMorton,98\n", "pupils.CSV", "text/csv",
		     "a table, its ending in capitals");
	is_text_said(m, "school,pupils\nHeath,210\nMorton,98\n", "pupils", "text/plain",
		     "the same without an ending is a text");
	is_text_said(m, "Dear Head, dear Chair,\nsee you, all the best,\n", "notes.txt",
		     "text/plain", "prose with commas is no table");
	is_text_said(m, "<p>Only a part of a page</p>\n", "part.html", "text/html",
		     "a part of a page");
	is_text_said(m, "Caf\xe9 au lait, na\xefve, 5 \xa3\nund so weiter\n", "menu.txt",
		     "text/plain", "a text in ISO 8859-1");
	char long_text[4000];
	memset(long_text, 'a', 1023);
	for (size_t i = 1023; i + 2 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa9", 3);
	is_text_said(m, long_text, "long", "text/plain",
		     "a text with a letter where the look at it ends");
	is_said(m, BYTES_NONE, "empty", "text/plain", "an empty file is a text");
	is_said(m, BYTES_NONE, "empty.md", "text/markdown", "an empty one with an ending");
	is_said(m, BYTES("\0\1\2\3\xff\xfe\xfd\x80\0\0", 10), "a.b.bin",
		"application/octet-stream", "bytes that are nothing known");
	is_said(m, BYTES("\0\1\2\3\xff\xfe\xfd\x80\0\0", 10), "notes.md",
		"application/octet-stream", "a name makes no text of them");
}

/* The header of a file in an archive, stored, with its bytes. */
static void zip_add(struct buf *zip, const char *name, const char *bytes)
{
	uint8_t header[30] = {'P', 'K', 3, 4, 20};

	header[18] = header[22] = (uint8_t)strlen(bytes);
	header[26] = (uint8_t)strlen(name);
	buf_add(zip, header, sizeof(header));
	buf_add(zip, name, strlen(name));
	buf_add(zip, bytes, strlen(bytes));
}

static void archives(struct media *m)
{
	struct buf word = {0}, odt = {0}, bare = {0};

	zip_add(&word, "[Content_Types].xml", "<Types/>");
	zip_add(&word, "_rels/.rels", "<Relationships/>");
	zip_add(&word, "word/document.xml", "<w:document/>");
	is_said(m, buf_bytes(&word), "letter", WORD, "a letter without an ending");
	zip_add(&odt, "mimetype", "application/vnd.oasis.opendocument.text");
	zip_add(&odt, "content.xml", "<office:document-content/>");
	is_said(m, buf_bytes(&odt), "letter.zip", "application/vnd.oasis.opendocument.text",
		"another kind of letter, called an archive");
	zip_add(&bare, "content.xml", "<office:document-content/>");
	is_said(m, buf_bytes(&bare), "letter.odt", "application/vnd.oasis.opendocument.text",
		"one that does not say so itself, by its name");
	is_said(m, buf_bytes(&bare), "papers", "application/zip", "an archive");
	is_said(m, buf_bytes(&bare), "papers.md", "application/zip", "which no name makes a text");
	buf_fini(&word);
	buf_fini(&odt);
	buf_fini(&bare);
}

/* The compound file that older programs of an office write, with nothing known in it. */
static void compound(struct media *m)
{
	uint8_t file[1536] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};

	file[24] = 0x3e;
	file[26] = 3;
	file[28] = 0xfe;
	file[29] = 0xff;
	file[30] = 9;
	file[32] = 6;
	is_said(m, BYTES(file, sizeof(file)), "letter.doc", "application/msword",
		"an older letter whose insides are not in the part that is looked at");
}

/* libmagic's database is where MAGIC says: nowhere. */
static void no_database(void)
{
	setenv("MAGIC", "/nowhere/at/all", 1);
	struct media *m = media_new();
	unsetenv("MAGIC");
	is_text_said(m, "PK\3\4", "letter.docx", WORD, "without the database a name is asked");
	is_text_said(m, "PK\3\4", "letter", "application/octet-stream", "or nothing is known");
	media_free(&m);
}

int main(void)
{
	struct media *m = media_new();

	bytes_win(m);
	names_say_more(m);
	archives(m);
	compound(m);
	media_free(&m);
	media_free(&m);
	no_database();
	return tap_end();
}
