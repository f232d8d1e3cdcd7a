/* Typed tables: names, rows from records, what is not known. */
#include "client/tables.h"
#include "common/change.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static struct db *db;
static struct tables *tables;
static struct arena arena;
static const struct id id = {{1}}, other = {{2}}, space = {{9}};

static char *text_of(const char *sql)
{
	struct db_stmt *st = db_query_text(db, sql, NULL);
	char *text = NULL;
	if (st && db_step(st) == 1) {
		text = mem_copy_text(db_null(st, 0) ? "null" : db_text(st, 0));
		db_reset(st);
	}
	return text ? text : mem_copy_text("no row");
}

static bool is(const char *sql, const char *expected)
{
	char *text = text_of(sql);
	bool same = strcmp(text, expected) == 0;
	if (!same)
		note("%s: %s", sql, text);
	free(text);
	return same;
}

static void set_text(struct record *r, uint32_t field, const char *text, size_t n)
{
	struct buf b = {0};
	field_add_bytes(&b, field, BYTES(text, n));
	record_set(r, field, buf_bytes(&b), 7);
	buf_fini(&b);
}

static void set_number(struct record *r, uint32_t field, uint64_t v)
{
	struct buf b = {0};
	field_add_number(&b, field, v);
	record_set(r, field, buf_bytes(&b), 7);
	buf_fini(&b);
}

static void test_names(void)
{
	char name[TABLES_NAME], print[TABLES_PRINT];
	size_t n, wrong = 0;
	const struct schema_type *types = schema_types(&n);
	static const char *const taken[] = {
		"meta",	   "held",	    "head",	     "entry",  "entry_change",
		"pending", "record",	    "typed",	     "search", "search_row",
		"stale",   "open_conflict", "pending_record"};

	ok(strcmp(tables_name(schema_type(TYPE_AGENDA_ITEM), name), "agenda_item") == 0,
	   "a table is named as its type");
	ok(strcmp(tables_column("text", name), "text") == 0 &&
		   strcmp(tables_column("number", name), "number_") == 0 &&
		   strcmp(tables_column("space", name), "space_") == 0,
	   "a column as its field, with a line behind it where all tables have one of that name");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(taken) / sizeof(*taken); k++)
			wrong += strcmp(tables_name(&types[i], name), taken[k]) == 0;
	ok(wrong == 0, "no type has the name of a table of the copy's own");
	tables_fingerprint(print);
	ok(strlen(print) == 64, "the schema has a fingerprint");
}

static void test_row(void)
{
	struct record r;
	struct buf list = {0};

	record_init(&r, &arena, &id, TYPE_ACTION);
	record_set_existence(&r, LIVE, 7);
	r.number = 7;
	set_text(&r, 3, "Use the area", 12);
	set_text(&r, 1, (const char *)other.b, 16);
	set_number(&r, 20, 2);
	set_number(&r, 16, 123456);
	set_number(&r, 17, 1);
	field_add_bytes(&list, 4, ID_BYTES(&other));
	field_add_bytes(&list, 4, BYTES("\x01\xff", 2));
	record_set(&r, 4, buf_bytes(&list), 7);
	buf_reset(&list);
	field_add_text(&list, 6, "say \"yes\" \\ no\n\xc3\xa9");
	field_add_text(&list, 6, "");
	record_set(&r, 6, buf_bytes(&list), 7);
	buf_fini(&list);
	ok(tables_put(tables, db, &r, &space, 2, 1) == 0, "a record becomes a row");
	ok(is("SELECT hex(id) = printf('01%030d', 0) AND hex(space) = printf('09%030d', 0) FROM "
	      "action",
	      "1"),
	   "with its id and space");
	ok(is("SELECT number || withdrawn || pending || conflict FROM action", "7021"),
	   "what all rows have");
	ok(is("SELECT typeof(text) || text FROM action", "textUse the area"), "a text");
	ok(is("SELECT typeof(priority) || length(priority) FROM action", "blob16"), "an id");
	ok(is("SELECT typeof(status) || status || cost_pence || cost_per_school FROM action",
	      "integer21234561"),
	   "a word, a number, a flag");
	ok(is("SELECT responsible FROM action",
	      "[\"02000000-0000-0000-0000-000000000000\",\"01ff\"]"),
	   "a list of ids as JSON");
	ok(is("SELECT json_array_length(responsible_lines) || json_extract(responsible_lines, "
	      "'$[0]') FROM action",
	      "2say \"yes\" \\ no\n\xc3\xa9"),
	   "a list of texts as JSON that reads back");
	ok(is("SELECT ref FROM action", "null") && is("SELECT lead FROM action", "null"),
	   "no value is null");
}

static void test_changes(void)
{
	struct record r;

	record_init(&r, &arena, &id, TYPE_ACTION);
	record_set_existence(&r, WITHDRAWN, 8);
	r.number = 8;
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 &&
		   is("SELECT number || withdrawn FROM action", "81") &&
		   is("SELECT text FROM action", "null"),
	   "a row is replaced whole");
	record_init(&r, &arena, &id, TYPE_ACTION);
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 && is("SELECT count(*) FROM action", "0"),
	   "an absent record has no row");
	record_set_existence(&r, LIVE, 9);
	tables_put(tables, db, &r, &space, 0, 0);
	tables_put(tables, db, &r, &other, 0, 0);
	ok(is("SELECT count(*) FROM action", "2"), "the same id in two spaces is two rows");
	ok(tables_remove(tables, db, TYPE_ACTION, &id, &space) == 0 &&
		   is("SELECT count(*) FROM action", "1"),
	   "one is removed alone");
	ok(tables_remove_space(tables, db, &other) == 0 && is("SELECT count(*) FROM action", "0"),
	   "all of a space are removed");
}

static void test_of_a_newer_version(void)
{
	struct record r;

	record_init(&r, &arena, &id, 4000);
	record_set_existence(&r, LIVE, 1);
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 &&
		   tables_remove(tables, db, 4000, &id, &space) == 0,
	   "a type that is not known is passed over");
	record_init(&r, &arena, &id, TYPE_ACTION);
	record_set_existence(&r, LIVE, 1);
	set_text(&r, 500, "new", 3);
	set_text(&r, 20, "a text now", 10);
	set_number(&r, 3, 5);
	set_text(&r, 21, "", 0);
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 &&
		   is("SELECT status FROM action", "null") && is("SELECT text FROM action", "null"),
	   "so is a field that is not known, and a value of another kind is none");
}

static void test_reserved_names(void)
{
	struct record r;

	record_init(&r, &arena, &id, TYPE_PRIORITY);
	record_set_existence(&r, LIVE, 3);
	r.number = 3;
	set_number(&r, 2, 4);
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 &&
		   is("SELECT number || number_ FROM priority", "34"),
	   "a priority's own number stands beside the entry's");
	record_init(&r, &arena, &id, TYPE_LINK);
	record_set_existence(&r, LIVE, 3);
	set_text(&r, 1, (const char *)other.b, 16);
	ok(tables_put(tables, db, &r, &space, 0, 0) == 0 &&
		   is("SELECT length(\"from\") FROM \"link\"", "16"),
	   "names that SQL has too are quoted");
}

int main(void)
{
	static const char schema[] =
		"CREATE TABLE typed (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
		"CREATE TABLE \"old_one\" (x); INSERT INTO typed VALUES ('old_one');";
	struct cause cause = {""};
	char path[256];

	snprintf(path, sizeof(path), "%s/tables.db", tap_dir());
	arena_init(&arena, ARENA_NO_BUDGET);
	ok(db_open(&db, path, DB_SOLE, schema, 1, NULL, &cause) == 0 && db_begin(db) == 0,
	   "a database %s", cause.words);
	ok(tables_make(db, &cause) == 0, "the tables are made %s", cause.words);
	ok(is("SELECT count(*) FROM sqlite_schema WHERE name = 'old_one'", "0"),
	   "those of another version are gone");
	ok(tables_make(db, &cause) == 0, "and can be made again");
	tables = tables_new();
	test_names();
	test_row();
	test_changes();
	test_of_a_newer_version();
	test_reserved_names();
	ok(db_commit(db) == 0, "all of it is committed");
	db_close(&db);
	tables_free(&tables);
	arena_fini(&arena);
	return tap_end();
}
