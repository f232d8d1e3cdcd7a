/*
 * The steps of an import: what must be in the file and of which kind, and records of what was read.
 */
#include "client/plan_inside.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RECORDS_MOST = 20000 }; /* of one file */
enum { RECORD_MOST = CHANGE_MAX - 64 * 1024 };	 /* bytes of one: a change must have room for it */

/* ---- Failing, and needing ------------------------------------------------------------------- */

void import_fail(struct import *in, const char *format, ...)
{
	char words[400];
	va_list args;

	if (in->err < 0)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	in->err = cause_set(in->cause, ERR_INVALID, "%s: %s", in->where, words);
}

void import_at(struct import *in, const char *format, ...)
{
	char words[200];
	va_list args;

	if (in->err < 0)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	in->where = arena_format(in->arena, "%.*s", (int)strcspn(words, "\r\n"), words);
}

json_t *import_may(struct import *in, json_t *object, const char *key, json_type kind)
{
	static const char *const kinds[] = {"an object", "a list", "a text", "a number"};
	json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && json_typeof(value) != kind)
		import_fail(in, "\"%s\" must be %s", key, kinds[kind]);
	return in->err < 0 ? NULL : value;
}

json_t *import_need(struct import *in, json_t *object, const char *key, json_type kind)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		import_fail(
		    in, "\"%s\" is missing (a cell that is blank is \"\", a list without lines [])",
		    key);
	else if (json_is_null(value))
		import_fail(in, "\"%s\" is null", key);
	return import_may(in, object, key, kind);
}

const char *import_need_text(struct import *in, json_t *object, const char *key)
{
	return json_string_value(import_need(in, object, key, JSON_STRING));
}

void import_lines(struct import *in, struct record *r, const char *field, json_t *list)
{
	uint32_t n = plan_field(r->type, field);
	const struct schema_field *f = schema_field(schema_type(r->type), n, NULL);
	struct buf b = {0};
	json_t *line;
	size_t i;

	if (json_array_size(list) > f->most)
		import_fail(in, "a list of more than %u", f->most);
	json_array_foreach(list, i, line) {
		if (!json_is_string(line))
			import_fail(in, "number %zu of a list must be a text", i + 1);
		if (in->err < 0)
			break;
		field_add_text(&b, n, json_string_value(line));
	}
	if (b.len && f->merge == MERGE_SET)
		record_add(r, n, buf_bytes(&b), 0);
	else if (b.len)
		record_set(r, n, buf_bytes(&b), 0);
	buf_fini(&b);
}

/* ---- Making records ------------------------------------------------------------------------- */

void import_start(struct import *in, struct record *r, uint32_t type, const struct id *id)
{
	record_init(r, in->arena, id, type);
}

static int compare_ids(const void *a, const void *b)
{
	return id_compare(a, b);
}

bool import_is_new(struct import *in, const struct id *id)
{
	struct id *key = arena_alloc(in->arena, sizeof(*key));

	*key = *id;
	if (in->err == 0 && ++in->n_made > RECORDS_MOST)
		import_fail(in, "a plan of more than %d records", RECORDS_MOST);
	if (in->err < 0)
		return false;
	void *found = tsearch(key, &in->made, compare_ids);
	must(found);
	if (*(struct id **)found != key)
		import_fail(in, "it stands twice in the file");
	return in->err == 0;
}

void import_check(struct import *in, const struct record *r)
{
	const struct schema_type *t = schema_type(r->type);
	struct cause cause = {""};
	size_t bytes = 0;

	for (size_t i = 0; i < r->n_values && in->err == 0; i++) {
		const struct schema_field *f = schema_field(t, r->values[i].field, NULL);
		bytes += r->values[i].bytes.len;
		if (bytes > RECORD_MOST)
			import_fail(in, "its texts are longer than %d KiB together",
				    RECORD_MOST / 1024);
		if (schema_check(t, r->values[i].bytes, f->merge == MERGE_SET, &cause) < 0 ||
		    schema_check_self(t, &r->id, r->values[i].bytes, &cause) < 0)
			import_fail(in, "%s", cause.words);
	}
}

static void import_put(struct draft *d, const struct record *r, const struct value *v)
{
	if (schema_field(schema_type(r->type), v->field, NULL)->merge == MERGE_SET)
		draft_add(d, v->field, v->bytes);
	else
		draft_set(d, v->field, v->bytes);
}

static void import_create(struct import *in, struct draft *d, const struct record *r)
{
	draft_create(d, r->type, &r->id);
	for (size_t i = 0; i < r->n_values; i++)
		import_put(d, r, &r->values[i]);
	in->report->made++;
}

void import_fill(struct import *in, struct draft *d, const struct record *r,
		 const struct record *now)
{
	bool named = false;

	for (size_t i = 0; i < r->n_values && in->err == 0; i++) {
		if (record_find(now, r->values[i].field))
			continue;
		if (!named)
			in->err = draft_edit(d, &r->id, NULL, in->cause);
		if (in->err < 0)
			return;
		named = true;
		import_put(d, r, &r->values[i]);
	}
	in->report->filled += named;
}

void import_record(struct import *in, struct record *r)
{
	struct record now;

	import_check(in, r);
	if (in->err < 0 || !import_is_new(in, &r->id))
		return;
	if (copy_record(in->copy, &r->id, VIEW_SHOWN, in->arena, &now, NULL) < 0) {
		import_create(in, in->to_partnership, r);
		return;
	}
	if (now.type != r->type) {
		const struct schema_type *t = schema_type(now.type);
		import_fail(in, "its id is that of %s %s", t ? schema_article(t) : "a",
			    t ? t->name : "thing of a newer version");
		return;
	}
	in->report->there++;
	import_mend(in, &now);
}

void import_member(struct import *in, const struct member *m, struct record *r)
{
	import_check(in, r);
	if (in->err < 0 || !import_is_new(in, &r->id))
		return;
	if (m->there)
		in->report->there++;
	if (!in->to_directory && !m->there)
		in->report->missing[in->report->n_missing++] = arena_format(
		    in->arena, "%s: %s", r->type == TYPE_SCHOOL ? "School" : "Group", m->name);
	else if (in->to_directory && !m->there)
		import_create(in, in->to_directory, r);
	else if (in->to_directory && !m->own && record_existence(&m->record) == LIVE)
		import_fill(in, in->to_directory, r, &m->record);
}
