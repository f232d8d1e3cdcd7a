/* Records as JSON and back, and files of JSON that anybody may have made. */
#include "client/json.h"

#include "common/change.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static uint32_t number(uint32_t type, const char *name)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(type), name);
	must(d);
	return d->id;
}

/* Set a field of a record from words. */
static void set(struct record *r, const char *name, const char *words)
{
	const struct schema_type *t = schema_type(r->type);
	const ProtobufCFieldDescriptor *d = schema_field_named(t, name);
	struct buf b = {0};
	struct cause cause = {""};

	if (schema_read(t, d, words, &b, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	if (schema_field(t, d->id, NULL)->merge == MERGE_SET)
		record_add(r, d->id, buf_bytes(&b), 0);
	else
		record_set(r, d->id, buf_bytes(&b), 0);
	buf_fini(&b);
}

static bool says(json_t *object, const char *name, const char *want)
{
	const char *got = json_string_value(json_object_get(object, name));
	return got && strcmp(got, want) == 0;
}

static const char an_id[] = "0189d3a0-0000-7000-8000-000000000001";
static const char another[] = "0189d3a0-0000-7000-8000-000000000002";

static void an_action(struct record *r, struct arena *arena)
{
	struct id id;

	must(id_parse(&id, an_id));
	record_init(r, arena, &id, TYPE_ACTION);
	record_set_existence(r, LIVE, 0);
	set(r, "text", "Reform \"working\" groups/triads –\nfor school improvement");
	set(r, "rag", "amber");
	set(r, "target_due", "2019-12-20");
	set(r, "cost_pence", "50000");
	set(r, "cost_per_school", "yes");
	set(r, "responsible", another);
	set(r, "responsible", an_id);
	record_set(r, number(TYPE_ACTION, "responsible_lines"), BYTES("\x32\x01" "a" "\x32\x00", 5), 0);
}

static void test_record(struct arena *arena)
{
	const struct schema_type *t = schema_type(TYPE_ACTION);
	struct record r, back;
	struct id space, space_back;
	struct cause cause = {""};

	must(id_parse(&space, another));
	an_action(&r, arena);
	json_t *j = json_record(t, &r, &space);
	ok(says(j, "id", an_id) && says(j, "type", "action") && says(j, "space", another) &&
		   json_is_false(json_object_get(j, "withdrawn")),
	   "a record says what and where it is");
	ok(says(j, "text", "Reform \"working\" groups/triads –\nfor school improvement"), "texts are as they are");
	ok(says(j, "rag", "amber") && says(j, "target_due", "2019-12-20"), "words and days are strings");
	ok(json_integer_value(json_object_get(j, "cost_pence")) == 50000 &&
		   json_is_true(json_object_get(j, "cost_per_school")),
	   "numbers and flags are what they are");
	ok(json_array_size(json_object_get(j, "responsible")) == 2 &&
		   json_array_size(json_object_get(j, "responsible_lines")) == 2,
	   "lists are arrays, with their empty members");
	ok(!json_object_get(j, "details"), "what has no value is not there");
	ok(json_read_record(j, arena, &back, &space_back, &cause) == 0 && id_equal(&space, &space_back) &&
		   back.n_values == r.n_values,
	   "it is read back %s", cause.words);
	bool same = true;
	for (size_t i = 0; i < r.n_values && i < back.n_values; i++)
		same &= r.values[i].field == back.values[i].field &&
			bytes_equal(r.values[i].bytes, back.values[i].bytes);
	ok(same, "to the same bytes");
	json_decref(j);
}

static void test_odd_records(struct arena *arena)
{
	struct record r, back;
	struct id id, space;
	struct cause cause = {""};

	must(id_parse(&id, an_id) && id_parse(&space, another));
	record_init(&r, arena, &id, TYPE_READ_MARK);
	record_set_existence(&r, WITHDRAWN, 0);
	set(&r, "space", an_id);
	set(&r, "number", "7");
	json_t *j = json_record(schema_type(TYPE_READ_MARK), &r, &space);
	ok(says(j, "space", another) && says(j, "space_", an_id), "a field named space gives way to the record's own");
	ok(json_is_true(json_object_get(j, "withdrawn")), "a withdrawn record says so");
	ok(json_read_record(j, arena, &back, NULL, &cause) == 0 && record_existence(&back) == WITHDRAWN &&
		   bytes_equal(record_get(&back, number(TYPE_READ_MARK, "space")),
			       record_get(&r, number(TYPE_READ_MARK, "space"))),
	   "and both come back");
	json_decref(j);
	r.type = 999;
	j = json_record(NULL, &r, &space);
	ok(json_integer_value(json_object_get(j, "type")) == 999, "an unknown type is its number");
	json_decref(j);
	j = json_text(BYTES("a\xff" "b", 3));
	ok(json_is_string(j) && json_string_length(j) >= 3, "bytes that are no text become some");
	json_decref(j);
	j = json_text(BYTES_NONE);
	ok(json_is_string(j) && json_string_length(j) == 0, "no bytes are an empty text");
	json_decref(j);
}

static bool refused(const char *text, const char *words, struct arena *arena)
{
	struct record r;
	struct id space;
	struct cause cause = {""};
	json_t *j = json_loads(text, 0, NULL);

	must(j);
	int err = json_read_record(j, arena, &r, &space, &cause);
	json_decref(j);
	return err == ERR_INVALID && strstr(cause.words, words) && !strchr(cause.words, '\n');
}

#define ENVELOPE "\"id\":\"0189d3a0-0000-7000-8000-000000000001\",\"type\":\"action\"," \
		 "\"space\":\"0189d3a0-0000-7000-8000-000000000002\""

static void test_refused(struct arena *arena)
{
	ok(refused("[]", "\"id\"", arena), "a list is no record");
	ok(refused("{\"id\":\"0189\"}", "\"id\"", arena), "half an id is none");
	ok(refused("{\"id\":\"0189d3a0-0000-7000-8000-000000000001\",\"type\":\"offer\"}", "type", arena),
	   "an unknown type is refused");
	ok(refused("{\"id\":\"0189d3a0-0000-7000-8000-000000000001\",\"type\":\"action\",\"space\":1}", "space",
		   arena),
	   "a space must be an id");
	ok(refused("{" ENVELOPE ",\"colour\":1}", "colour", arena), "an unknown field is named");
	ok(refused("{" ENVELOPE ",\"text\":1}", "action.text", arena), "a number is no text");
	ok(refused("{" ENVELOPE ",\"text\":[\"a\"]}", "action.text", arena), "a list is no text");
	ok(refused("{" ENVELOPE ",\"responsible\":\"a\"}", "list", arena), "a text is no list");
	ok(refused("{" ENVELOPE ",\"responsible\":[\"a\"]}", "id", arena), "a word is no id");
	ok(refused("{" ENVELOPE ",\"cost_pence\":-1}", "number", arena), "a negative number does not fit");
	ok(refused("{" ENVELOPE ",\"cost_pence\":1.5}", "cost_pence", arena), "nor does a fraction");
	ok(refused("{" ENVELOPE ",\"rag\":\"mauve\"}", "mauve", arena), "nor an unknown word");
}

/* ---- Files ---------------------------------------------------------------------------------- */

static const char *file(const char *name, const char *text, size_t len)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", tap_dir(), name);
	FILE *f = fopen(path, "wb");
	must(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
	return path;
}

static bool file_fails(const char *text, size_t len, const char *words)
{
	struct cause cause = {""};
	json_t *j = json_read_file(file("x.json", text, len), 1 << 20, &cause);

	json_decref(j);
	return !j && strstr(cause.words, words) && !strchr(cause.words, '\n');
}

static void test_files(void)
{
	struct cause cause = {""};
	char *deep = mem_alloc(200000), *large = mem_alloc((1 << 20) + 1);

	memset(deep, '[', 200000);
	memset(large, ' ', (1 << 20) + 1);
	json_t *j = json_read_file(file("a.json", "{\"a\": [1, \"[[\\\"[\"]}", 19), 100, &cause);
	ok(j && json_array_size(json_object_get(j, "a")) == 2, "a file is read %s", cause.words);
	json_decref(j);
	ok(!json_read_file("/nonexistent/x.json", 100, &cause) && strstr(cause.words, "No such file"),
	   "a file that is not there: %s", cause.words);
	ok(!json_read_file(tap_dir(), 100, &cause) && cause.words[0], "a directory: %s", cause.words);
	ok(file_fails("", 0, "not JSON"), "an empty file");
	ok(file_fails("{\"a\": 1", 7, "not JSON"), "a cut file");
	ok(file_fails("{\"a\": 1, \"a\": 2}", 16, "duplicate"), "a name that stands twice");
	ok(file_fails("{\"a\": \"\xff\"}", 10, "not JSON"), "a text that is not UTF-8");
	ok(file_fails("{\"a\": \"\\u0000\"}", 15, "not JSON"), "a NUL in a text");
	ok(file_fails(deep, 200000, "deep"), "200,000 brackets");
	ok(file_fails(large, (1 << 20) + 1, "larger than the 1 MiB"), "a file over the limit");
	free(deep);
	free(large);
}

int main(void)
{
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	test_record(&arena);
	test_odd_records(&arena);
	test_refused(&arena);
	test_files();
	arena_fini(&arena);
	return tap_end();
}
