/* What reaches a terminal: cleaning, widths, tables, words. */
#include "client/screen.h"
#include "tests/tap.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static const char *line(const char *text)
{
	return screen_line(&arena, BYTES(text, strlen(text)));
}

static const char *text(const char *text, unsigned indent)
{
	struct buf b = {0};
	screen_clean_text(&b, BYTES(text, strlen(text)), indent);
	const char *clean = arena_text(&arena, buf_bytes(&b));
	buf_fini(&b);
	return clean;
}

static void test_cleaning(void)
{
#define REPLACED "\xef\xbf\xbd"
	static const struct {
		const char *name, *raw, *clean;
	} cases[] = {
	    {"plain text stays", "Heath – 14th November", "Heath – 14th November"},
	    {"an escape sequence loses its escape", "a\x1b[31mb", "a" REPLACED "[31mb"},
	    {"so does the one-character form",
	     "a\xc2\x9b"
	     "31mb",
	     "a" REPLACED "31mb"},
	    {"a bell and a backspace go", "a\a\bb", "a" REPLACED REPLACED "b"},
	    {"marks that turn the direction go",
	     "a\xe2\x80\xae"
	     "b\xe2\x81\xa6",
	     "a" REPLACED "b" REPLACED},
	    {"line separators go",
	     "a\xe2\x80\xa8"
	     "b",
	     "a" REPLACED "b"},
	    {"line ends and spaces become one space", " a \r\n\t b ", "a b"},
	    {"a lone byte is no character",
	     "a\xff"
	     "b",
	     "a" REPLACED "b"},
	    {"nor is an overlong one",
	     "a\xc0\xaf"
	     "b",
	     "a" REPLACED REPLACED "b"},
	    {"nor one that is cut off", "a\xe2\x80", "a" REPLACED REPLACED},
	    {"nor a surrogate", "\xed\xa0\x80", REPLACED REPLACED REPLACED},
	    {"nothing stays nothing", "", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(strcmp(line(cases[i].raw), cases[i].clean) == 0, "%s", cases[i].name);
	ok(strcmp(text("one\r\ntwo\n\tthree\n", 2), "one\n  two\n      three\n") == 0,
	   "a text keeps its lines, indented");
	ok(strcmp(text("a\rb\x1b", 0), "a" REPLACED "b" REPLACED) == 0,
	   "but nothing that would overwrite a line");
}

static void test_words(void)
{
	ok(strcmp(screen_day(&arena, BYTES("2019-10-09", 10)), "9 October 2019") == 0,
	   "a day in words");
	ok(strcmp(screen_day(&arena, BYTES("2019-13-09", 10)), "2019-13-09") == 0,
	   "what is none stays as it is");
	ok(strcmp(screen_day(&arena, BYTES("soon\x1b", 5)), "soon" REPLACED) == 0, "made clean");
	ok(strcmp(screen_instant(&arena, 0), "never") == 0, "no instant is never");
	setenv("TZ", "UTC", 1);
	ok(strcmp(screen_instant(&arena, UINT64_C(1570645800000)), "9 October 2019, 18:30") == 0,
	   "an instant in words");
	ok(strcmp(screen_count(&arena, 1, "change", "changes"), "1 change") == 0 &&
	       strcmp(screen_count(&arena, 0, "change", "changes"), "0 changes") == 0,
	   "counts agree with their words");
	ok(strcmp(screen_size(&arena, 1), "1 byte") == 0 &&
	       strcmp(screen_size(&arena, 1536), "1.5 KiB") == 0 &&
	       strcmp(screen_size(&arena, UINT64_C(1) << 30), "1.0 GiB") == 0,
	   "sizes as people say them");
	ok(screen_width(BYTES("Sch\xc3\xbcler", 8)) == 7 &&
	       screen_width(BYTES("e\xcc\x81", 3)) == 1 &&
	       screen_width(BYTES("\xe6\xb1\x89", 3)) == 2,
	   "letters with marks are one column wide, ideographs two");
}

static const char *table_text(const struct table *t, unsigned width)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	table_print(t, f, width);
	fclose(f);
	const char *copy = arena_format(&arena, "%s", out);
	free(out);
	return copy;
}

static void test_table(void)
{
	static const char *const headings[] = {"ID", "Text", ">Size"};
	struct table *t = table_new(3, headings);
	table_words(t, "a1");
	table_cell(t, BYTES("a text that is rather long for a narrow screen", 46));
	table_words(t, "%d", 7);
	table_words(t, "b2");
	table_cell(t, BYTES("two\nlines\x1b", 10));
	table_words(t, "%d", 1234);
	ok(table_rows(t) == 2, "rows are counted");
	const char *wide = table_text(t, 0);
	ok(strstr(wide, "a text that is rather long for a narrow screen     7\n"),
	   "without a limit nothing is cut, and numbers stand right");
	ok(strstr(wide, "two lines" REPLACED " "), "a cell is one clean line");
	const char *narrow = table_text(t, 30);
	bool fits = true;
	for (const char *p = narrow; *p;) {
		size_t n = strcspn(p, "\n");
		fits &= screen_width(BYTES(p, n)) <= 30;
		p += n + 1;
	}
	ok(fits && strstr(narrow, "…"), "a table fits the screen, and shows where it was cut");
	ok(!strchr(narrow, 0x1b), "no weight where there is no terminal");
	table_free(&t);
	ok(t == NULL, "freed");
	static const char *const counts[] = {"Space", ">Entries", ">Bytes"};
	t = table_new(3, counts);
	table_words(t, "Headteachers working group");
	table_words(t, "10000 of 10000");
	table_words(t, "100.0 GiB");
	ok(strcmp(table_text(t, 40), "Space                 Entries      Bytes\n"
				     "Headteachers…  10000 of 10000  100.0 GiB\n") == 0,
	   "a number is not cut: the words give way");
	table_free(&t);
}

int main(void)
{
	arena_init(&arena, ARENA_NO_BUDGET);
	setlocale(LC_CTYPE, "C.UTF-8");
	test_cleaning();
	test_words();
	test_table();
	arena_fini(&arena);
	return tap_end();
}
