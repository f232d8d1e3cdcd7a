/* The table of types against the descriptors, and values against the table. */
#include "common/schema.h"

#include "common/change.h"
#include "records.pb-c.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static const struct schema_type *type(const char *name)
{
	const struct schema_type *t = schema_type_named(name);
	must(t);
	return t;
}

static uint32_t number(const char *t, const char *field)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(type(t), field);
	must(d);
	return d->id;
}

/* ---- The table ------------------------------------------------------------------------------ */

static void test_table(void)
{
	struct cause cause = {""};
	size_t n;
	const struct schema_type *types = schema_types(&n);
	bool named = true;

	ok(schema_verify(&cause) == 0, "the table fits the descriptors %s", cause.words);
	ok(n >= 23, "all types are there");
	for (size_t i = 0; i < n; i++)
		named &= schema_type(types[i].number) == &types[i] &&
			 schema_type_named(types[i].name) == &types[i];
	ok(named, "each is found by number and by name");
	ok(!schema_type(0) && !schema_type(999) && !schema_type_named("offer"), "others are not");
	ok(strcmp(schema_article(schema_type(TYPE_ACTION)), "an") == 0 &&
		   strcmp(schema_article(schema_type(TYPE_PLAN)), "a") == 0 &&
		   strcmp(schema_article(schema_type(TYPE_MINUTES)), "a set of") == 0,
	   "one of a type is an action, a plan, a set of minutes");
	ok(schema_type(TYPE_CONFLICT)->outcome_only && strcmp(schema_type(TYPE_CONFLICT)->name, "conflict") == 0,
	   "the last number that code knows by name is Conflict's");
	ok(strcmp(schema_type(TYPE_AGENDA_ITEM)->name, "agenda-item") == 0 &&
		   strcmp(schema_type(TYPE_SIGN_OFF)->name, "sign-off") == 0,
	   "and the others match too");
	ok(!schema_field(type("note"), 99, NULL) && !schema_field_named(type("note"), "colour"),
	   "an unknown field is not found");
}

static void test_groups(void)
{
	const struct schema_type *a = type("action"), *e = type("event");

	ok(schema_group(a, number("action", "target_due")) == number("action", "target_kind") &&
		   schema_group(a, number("action", "target_group")) == number("action", "target_kind"),
	   "a target's fields are settled together");
	ok(schema_group(a, number("action", "status")) == number("action", "status"), "status is by itself");
	ok(schema_group(e, number("event", "end")) == number("event", "day"), "so are a meeting's day and times");
	ok(schema_group(a, 0) == 0 && schema_group(a, 99) == 99,
	   "existence and unknown fields are groups of their own");
	ok(schema_may_refer(schema_field(a, number("action", "lead"), NULL), type("school")) &&
		   !schema_may_refer(schema_field(a, number("action", "lead"), NULL), type("note")),
	   "a field says what it may refer to");
	ok(schema_may_refer(schema_field(type("note"), 1, NULL), type("plan")) &&
		   !schema_may_refer(schema_field(type("note"), 3, NULL), type("plan")),
	   "a note may be on anything, a text refers to nothing");
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* Check one text in one field. */
static int check_bytes(const char *t, const char *field, const char *text, size_t len)
{
	struct buf b = {0};
	struct cause cause = {""};

	field_add_bytes(&b, number(t, field), BYTES(text, len));
	int err = schema_check(type(t), buf_bytes(&b), false, &cause);
	must((err < 0) == (cause.words[0] != '\0'));
	buf_fini(&b);
	return err;
}

static int check(const char *t, const char *field, const char *text)
{
	return check_bytes(t, field, text, strlen(text));
}

static int check_number(const char *t, const char *field, uint64_t v)
{
	struct buf b = {0};

	field_add_number(&b, number(t, field), v);
	int err = schema_check(type(t), buf_bytes(&b), false, NULL);
	buf_fini(&b);
	return err;
}

static void test_text(void)
{
	char *big = mem_alloc(TEXT_MAX + 1);

	memset(big, 'x', TEXT_MAX + 1);
	ok(check("event", "title", "Strategic Meeting – October 2019") == 0, "a line is taken");
	ok(check("event", "title", "two\nlines") == ERR_INVALID, "two lines are not");
	ok(check("event", "title", "\033[31mred") == ERR_INVALID, "nor is a control character");
	ok(check("note", "text", "two\r\nlines\n") == 0, "a text has as many as it likes");
	ok(check_bytes("note", "text", "a\0b", 3) == ERR_INVALID, "a NUL is refused");
	ok(check("note", "text", "\xc3\x28") == ERR_INVALID, "so is a broken character");
	ok(check("note", "text", "\xc0\xaf") == ERR_INVALID, "an overlong one");
	ok(check("note", "text", "\xe0\x80\xaf") == ERR_INVALID, "a longer overlong one");
	ok(check("note", "text", "\xed\xa0\x80") == ERR_INVALID, "a surrogate");
	ok(check("note", "text", "\xf4\x90\x80\x80") == ERR_INVALID, "one beyond Unicode");
	ok(check("note", "text", "\xe2\x82") == ERR_INVALID, "and a cut one");
	ok(check("note", "text", "Fête – £500 – 😀") == 0, "all others are taken");
	ok(check_bytes("note", "text", big, TEXT_MAX) == 0, "a text may have 256 KiB");
	ok(check_bytes("note", "text", big, TEXT_MAX + 1) == ERR_INVALID, "and not a byte more");
	ok(check_bytes("event", "title", big, 1025) == ERR_INVALID, "a title has its own limit");
	free(big);
}

static void test_formats(void)
{
	ok(check("event", "day", "2020-02-29") == 0, "29 February 2020 was a day");
	ok(check("event", "day", "2019-02-29") == ERR_INVALID, "29 February 2019 was none");
	ok(check("event", "day", "1900-02-29") == ERR_INVALID && check("event", "day", "2000-02-29") == 0,
	   "centuries are known");
	ok(check("event", "day", "2019-13-01") == ERR_INVALID && check("event", "day", "2019-04-31") == ERR_INVALID &&
		   check("event", "day", "2019-1-01") == ERR_INVALID && check("event", "day", "0000-01-01") < 0 &&
		   check("event", "day", "2019-01-00") < 0 && check("event", "day", "9 October") < 0,
	   "other things are no days");
	ok(check("event", "start", "23:59") == 0 && check("event", "start", "00:00") == 0, "times");
	ok(check("event", "start", "24:00") < 0 && check("event", "start", "9:30") < 0 &&
		   check("event", "start", "12:60") < 0,
	   "no times");
	ok(check("plan", "year", "2019-20") == 0 && check("plan", "year", "1999-00") == 0, "school years");
	ok(check("plan", "year", "2019-21") < 0 && check("plan", "year", "2019") < 0, "no school years");
	ok(check("agenda-item", "position", "K5") == 0 && check("agenda-item", "position", "a b") < 0, "positions");
	ok(check_bytes("note", "on", "0123456789abcdef", 16) == 0 && check_bytes("note", "on", "0123", 4) < 0,
	   "an id has 16 bytes");
	ok(check_bytes("note", "on", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) < 0, "zero is no id");
	ok(check("version", "content", "0123456789abcdef0123456789abcdef") == 0 &&
		   check("version", "content", "short") < 0 &&
		   check("version", "content", "0123456789abcdef0123456789abcdef0") < 0,
	   "a content's name has 32 bytes");
}

static void test_numbers(void)
{
	ok(check_number("action", "rag", 1) == 0, "a word of the enum");
	ok(check_number("action", "rag", 9) == ERR_MISSING, "one that this schema does not know");
	ok(check_number("action", "rag", UINT64_MAX) == ERR_MISSING, "or that no schema knows");
	ok(check_number("action", "cost_per_school", 1) == 0 && check_number("action", "cost_per_school", 2) < 0,
	   "a flag is 0 or 1");
	ok(check_number("version", "bytes", UINT64_C(1) << 40) == 0 &&
		   check_number("version", "bytes", (UINT64_C(1) << 40) + 1) < 0,
	   "numbers have limits");
	ok(check("action", "rag", "red") == ERR_INVALID, "a word is no text on the wire");
	ok(check_number("event", "title", 5) == ERR_INVALID, "and a text is no number");
}

static void test_shape(void)
{
	const struct schema_type *a = type("action");
	struct buf b = {0};
	struct cause cause;

	field_add_text(&b, number("action", "text"), "later");
	field_add_text(&b, number("action", "ref"), "1.5");
	ok(schema_check(a, buf_bytes(&b), false, &cause) == ERR_INVALID, "fields out of order are refused");
	buf_reset(&b);
	field_add_text(&b, number("action", "text"), "one");
	field_add_text(&b, number("action", "text"), "two");
	ok(schema_check(a, buf_bytes(&b), false, &cause) == ERR_INVALID, "so is a single field given twice");
	buf_reset(&b);
	field_add_text(&b, 999, "new");
	ok(schema_check(a, buf_bytes(&b), false, &cause) == ERR_MISSING, "an unknown field is told apart");
	ok(strstr(cause.words, "999") != NULL, "by its number: %s", cause.words);
	buf_reset(&b);
	field_add_bytes(&b, number("action", "responsible"), BYTES("0123456789abcdef", 16));
	ok(schema_check(a, buf_bytes(&b), false, &cause) == ERR_INVALID, "a set is not replaced");
	ok(schema_check(a, buf_bytes(&b), true, &cause) == 0, "it is added to");
	buf_reset(&b);
	field_add_text(&b, number("action", "text"), "one");
	ok(schema_check(a, buf_bytes(&b), true, &cause) == ERR_INVALID, "and a text is no set");
	ok(schema_check(a, BYTES(b.data, b.len - 1), false, &cause) == ERR_INVALID, "a cut message is refused");
	ok(schema_check(a, BYTES("\x1a\x83\x00one", 6), false, &cause) == ERR_INVALID,
	   "a length in more bytes than it needs too");
	buf_reset(&b);
	for (int i = 0; i < 33; i++)
		field_add_text(&b, number("priority", "columns"), "column");
	ok(schema_check(type("priority"), buf_bytes(&b), false, &cause) == ERR_INVALID, "a list has its limit");
	ok(schema_check(a, BYTES_NONE, false, &cause) == 0, "no fields at all are fine");
	buf_fini(&b);
}

/* ---- Words ---------------------------------------------------------------------------------- */

/* Read words and print what was read: `want`, or an error where it is NULL. */
static bool through(const char *t, const char *field, const char *words, const char *want)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(type(t), field);
	struct buf b = {0}, out = {0};
	struct cause cause = {""};
	struct field f;
	bool good;

	buf_add_u8(&b, 'x');
	if (schema_read(type(t), d, words, &b, &cause) < 0) {
		good = !want && b.len == 1 && cause.words[0];
	} else {
		struct bytes rest = BYTES(b.data + 1, b.len - 1);
		good = want && field_next(&rest, &f) == 1 && rest.len == 0;
		if (good) {
			schema_print(d, schema_field(type(t), d->id, NULL), &f, &out);
			good = bytes_equal(buf_bytes(&out), BYTES(want, strlen(want)));
		}
	}
	buf_fini(&b);
	buf_fini(&out);
	return good;
}

static void test_words(void)
{
	ok(through("plan-line", "status", "Partly met", "partly-met") &&
		   through("plan-line", "status", "PARTLY_MET", "partly-met"),
	   "a word is read in any case, and printed with dashes");
	ok(through("plan-line", "status", "fine", NULL), "a word that is none is refused");
	ok(through("plan-line", "per_school", "yes", "yes") && through("plan-line", "per_school", "False", "no") &&
		   through("plan-line", "per_school", "2", NULL),
	   "flags are yes and no");
	ok(through("action", "source_line", "0120", "120") && through("action", "source_line", "-1", NULL) &&
		   through("action", "source_line", "", NULL) &&
		   through("action", "source_line", "99999999999999999999", NULL) &&
		   through("action", "source_line", "4294967296", NULL),
	   "numbers are digits within the limit");
	ok(through("note", "on", "0189D3A0-0000-7000-8000-000000000001", "0189d3a0-0000-7000-8000-000000000001") &&
		   through("note", "on", "0189", NULL),
	   "ids are whole");
	ok(through("sign-off", "signature", "00fF", "00ff") && through("sign-off", "signature", "0", NULL) &&
		   through("sign-off", "signature", "0g", NULL),
	   "bytes are hex");
	ok(through("event", "day", "2019-10-09", "2019-10-09") && through("event", "day", "2019-10-32", NULL),
	   "days are checked as they are read");
	ok(through("note", "text", "a\nb – c", "a\nb – c"), "a text comes back as it was");
}

/* A word that a later schema gave a value is still shown. */
static void test_unknown_word(void)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(type("action"), "rag");
	struct buf out = {0};

	schema_print_word(d->descriptor, 77, &out);
	ok(bytes_equal(buf_bytes(&out), BYTES("77", 2)), "an unknown word is printed as its number");
	ok(schema_read_word(d->descriptor, "mauve") == -1, "and not read");
	buf_fini(&out);
}

int main(void)
{
	test_table();
	test_groups();
	test_text();
	test_formats();
	test_numbers();
	test_shape();
	test_words();
	test_unknown_word();
	return tap_end();
}
