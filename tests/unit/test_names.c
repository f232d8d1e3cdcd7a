/* Names of files: kept as they are, written as what every disk can hold. */
#include "client/names.h"
#include "client/size.h"
#include "client/meter.h"
#include "common/os.h"
#include "common/utf8.h"
#include "tests/tap.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;

#define is_text(got, want, ...)                                                                    \
	do {                                                                                       \
		const char *is_got = (got), *is_want = (want);                                     \
		ok(strcmp(is_got, is_want) == 0, __VA_ARGS__);                                     \
		if (strcmp(is_got, is_want) != 0)                                                  \
			note("got '%s', not '%s'", is_got, is_want);                               \
	} while (0)

static const char *safe(const char *name)
{
	return name_safe(&arena, BYTES(name, strlen(name)));
}

static void test_safe(void)
{
	static const struct {
		const char *name, *safe;
	} rows[] = {
		{"minutes.pdf", "minutes.pdf"},
		{"../../etc/passwd", "_.._etc_passwd"},
		{"..", "document"},
		{"", "document"},
		{".hidden", "hidden"},
		{"-rf", "rf"},
		{"~", "document"},
		{"CON", "_CON"},
		{"nul.txt", "_nul.txt"},
		{"NUL .txt", "_NUL .txt"},
		{"com1", "_com1"},
		{"LPT\xc2\xb9.doc", "_LPT\xc2\xb9.doc"},
		{"conin$", "_conin$"},
		{"console.txt", "console.txt"},
		{"com10", "com10"},
		{"ends with a dot.", "ends with a dot"},
		{"ends with spaces  ", "ends with spaces"},
		{"a:b*c?.doc", "a_b_c_.doc"},
		{"two\nlines", "two lines"},
		{"bell\a", "bell\xef\xbf\xbd"},
		{"right\xe2\x80\xaeto left", "right\xef\xbf\xbdto left"},
		{"cafe\xcc\x81", "cafe\xcc\x81"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		is_text(safe(rows[i].name), rows[i].safe, "a safe name (%zu)", i);
}

static void test_long(void)
{
	char name[1100];

	memset(name, 'x', sizeof(name));
	memcpy(name + 1000, ".docx", 6);
	const char *cut = safe(name);
	ok(strlen(cut) == NAME_SAFE_MOST && strcmp(cut + NAME_SAFE_MOST - 5, ".docx") == 0,
	   "a long name is cut, and keeps its ending");
	for (size_t i = 0; i < 1000; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	cut = safe(name);
	ok(strlen(cut) <= NAME_SAFE_MOST && utf8_is_valid(BYTES(cut, strlen(cut))),
	   "between characters");
	ok(strlen(name_title(&arena, name)) <= NAME_KEPT_MOST, "a title has its most too");
}

static void test_kept(void)
{
	bool changed;

	is_text(name_kept(&arena, "a\nb\x1b \xe2\x80\xae", &changed), "a\nb\x1b \xe2\x80\xae",
		"a name is kept to the last byte");
	ok(!changed, "and nothing is said of it");
	is_text(name_kept(&arena, "caf\xe9", &changed), "caf\xc3\xa9",
		"one that is not UTF-8 is read as ISO 8859-1");
	ok(changed, "which is said");
	is_text(name_base(&arena, "a/b/c.txt"), "c.txt", "a name stands behind the last slash");
	is_text(name_base(&arena, "a/b//"), "b", "a folder's too");
	is_text(name_base(&arena, "/"), "", "the root has none");
	is_text(name_title(&arena, "two\nlines "), "two lines", "a title is one line");
}

static void test_taken(void)
{
	char dir[] = "/tmp/fivepits-names-XXXXXX";
	struct cause cause = {""};
	struct names n;

	if (!mkdtemp(dir))
		abort();
	char *there = mem_format("%s/Minutes.TXT", dir);
	os_write_file(there, BYTES("x", 1), false, NULL);
	names_init(&n, dir);
	const char *one = names_take(&n, &arena, dir, "minutes.txt", &cause);
	ok(one && strcmp(one + strlen(dir), "/minutes (2).txt") == 0,
	   "a name that differs in capitals alone is taken");
	const char *two = names_take(&n, &arena, dir, "MINUTES.txt", &cause);
	ok(two && strcmp(two + strlen(dir), "/MINUTES (3).txt") == 0, "so is one written before");
	const char *three = names_take(&n, &arena, dir, "no ending. At all", &cause);
	ok(three && os_exists(three), "a new one is made at once");
	const char *upper = names_take(&n, &arena, dir, "\xc3\x89t\xc3\xa9", &cause);
	const char *lower = names_take(&n, &arena, dir, "\xc3\xa9t\xc3\xa9", &cause);
	ok(upper && lower && strstr(lower, "(2)"), "in any alphabet");
	ok(!names_take(&n, &arena, "/nowhere", "x", &cause), "a folder that is not there: %s",
	   cause.words);
	const char *made[] = {there, one, two, three, upper, lower};
	for (size_t i = 0; i < 6; i++)
		if (made[i])
			unlink(made[i]);
	free(there);
	ok(rmdir(dir) == 0, "and nothing else was made");
	names_fini(&n);
}

static void test_sizes(void)
{
	static const struct {
		const char *word;
		uint64_t bytes; /* 0: none */
	} rows[] = {
		{"2048", 2048},	  {"10M", 10 << 20}, {"1.5 GiB", UINT64_C(3) << 29},
		{"500k", 512000}, {"1T", UINT64_C(1) << 40},
		{"0", 0},	  {"-1", 0},	     {"0x10", 0},
		{"ten", 0},	  {"10 miles", 0},   {"", 0},
		{"9999999T", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cause cause = {""};
		uint64_t bytes = 0;
		int err = size_parse(rows[i].word, &bytes, &cause);
		ok(rows[i].bytes ? err == 0 && bytes == rows[i].bytes : err == ERR_USAGE,
		   "'%s' as a size %s", rows[i].word, cause.words);
	}
}

static void test_meter(void)
{
	char words[160];

	meter_words(words, sizeof(words), 1 << 20, 3 << 20, 2000000);
	is_text(words, "1.0 MiB of 3.0 MiB, 512.0 KiB/s, 4 s left", "rate and time left");
	meter_words(words, sizeof(words), 0, 3 << 20, 2000000);
	is_text(words, "0 bytes of 3.0 MiB", "none while nothing has moved");
	meter_words(words, sizeof(words), 1000, UINT64_C(1) << 40, 1000000);
	ok(strstr(words, " h left") != NULL, "hours");
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	arena_init(&arena, ARENA_NO_BUDGET);
	test_safe();
	test_long();
	test_kept();
	test_taken();
	test_sizes();
	test_meter();
	arena_fini(&arena);
	return tap_end();
}
