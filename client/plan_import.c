/*
 * Import: from the file's objects to records, each under the id that its reference derives to. The
 * whole file is read and checked before anything is saved; then the directory's records are saved,
 * where this person administers, and the plan's.
 */
#include "client/plan_inside.h"

#include "client/lookup.h"
#include "common/position.h"
#include "records.pb-c.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MOST = 20000, LIST_MOST = 2048 }; /* of one file */
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

json_t *import_need(struct import *in, json_t *object, const char *key, json_type kind)
{
	static const char *const kinds[] = {"an object", "a list", "a text", "a number"};
	json_t *value = json_object_get(object, key);

	if (!value)
		import_fail(
		    in, "\"%s\" is missing (a cell that is blank is \"\", a list without lines [])",
		    key);
	else if (json_typeof(value) != kind)
		import_fail(in, "\"%s\" must be %s", key, kinds[kind]);
	return in->err < 0 ? NULL : value;
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

/* Each record once, and not without end. */
static bool import_is_new(struct import *in, const struct id *id)
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

static void import_check(struct import *in, const struct record *r)
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
		if (schema_check(t, r->values[i].bytes, f->merge == MERGE_SET, &cause) < 0)
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

/* What was made by hand keeps all that it has; what it never had is filled. */
static void import_fill(struct import *in, struct draft *d, const struct record *r,
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
	in->report->there++;
	import_mend(in, &now);
}

/* A record of the directory: made or filled by an administrator, named by anybody else. */
static void import_member(struct import *in, const struct member *m, struct record *r)
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

/* ---- Schools and groups --------------------------------------------------------------------- */

/* The file's name is another name of what was made by hand under its own. */
static void put_names(struct import *in, struct record *r, const struct member *m)
{
	const char *name = m->there ? get_text(&m->record, "name") : NULL;

	import_lines(in, r, "other_names", json_object_get(m->object, "aliases_in_source"));
	if (name && !m->own && strcmp(name, m->name) != 0)
		put_line(r, "other_names", m->name);
}

static void import_school(struct import *in, const struct member *m)
{
	uint64_t phase = plan_phase(json_word(json_object_get(m->object, "derived"), "phase"));
	struct record r;

	import_at(in, "school %s", m->short_id);
	import_start(in, &r, TYPE_SCHOOL, &m->id);
	put_text(&r, "name", m->name);
	put_names(in, &r, m);
	put_text(&r, "short_id", m->short_id);
	put_number(&r, "membership", RECORDS__MEMBERSHIP__MEMBER);
	if (phase)
		put_number(&r, "phase", phase);
	if (m->academy_from) {
		put_number(&r, "governance", RECORDS__GOVERNANCE__ACADEMY);
		put_text(&r, "trust_from", m->academy_from);
	}
	import_member(in, m, &r);
}

/* What the file's "council" says of the group that it is. */
static void put_council(struct import *in, struct record *r, const char *name)
{
	json_t *council = json_object_get(in->file, "council"), *other;
	size_t i;

	put_number(r, "kind", RECORDS__GROUP_KIND__COUNCIL);
	put_text(r, "motto", json_word(council, "motto_of_page"));
	put_text(r, "details", json_word(council, "intro"));
	json_array_foreach(json_object_get(council, "names_in_source"), i, other) {
		if (json_is_string(other) && strcmp(json_string_value(other), name) != 0)
			put_line(r, "other_names", json_string_value(other));
	}
}

static void import_group(struct import *in, const struct member *m)
{
	json_t *school;
	struct record r;
	size_t i;

	import_at(in, "group %s", m->short_id);
	import_start(in, &r, TYPE_GROUP, &m->id);
	put_text(&r, "name", m->name);
	put_names(in, &r, m);
	put_text(&r, "short_id", m->short_id);
	put_text(&r, "source_text", json_word(m->object, "source"));
	put_text(&r, "theme", json_word(m->object, "theme"));
	if (m == roster_council(&in->place.roster))
		put_council(in, &r, m->name);
	else
		put_number(&r, "kind", m->part == PART_TRIADS ? RECORDS__GROUP_KIND__TRIAD
							       : RECORDS__GROUP_KIND__WORKING);
	json_array_foreach(json_object_get(m->object, "members"), i, school) {
		const char *id = json_string_value(school);
		const struct member *s =
		    id ? roster_find(&in->place.roster, PART_SCHOOLS, id) : NULL;
		if (!s)
			import_fail(in, "\"%.60s\" of its members is no school of this file",
				    id ? id : "");
		else
			put_ref(&r, "schools", &s->id);
	}
	import_member(in, m, &r);
}

/* The one Partnership record: what it never had. */
static void import_partnership(struct import *in)
{
	struct ids ids = {0};
	struct record r, now;

	import_at(in, "the partnership");
	if (lookup_type(in->copy, TYPE_PARTNERSHIP, false, in->arena, &ids) < 0 || ids.n == 0 ||
	    copy_record(in->copy, &ids.ids[0], VIEW_SHOWN, in->arena, &now, NULL) < 0)
		return;
	import_start(in, &r, TYPE_PARTNERSHIP, &ids.ids[0]);
	import_lines(in, &r, "aims", json_object_get(in->file, "aims"));
	import_check(in, &r);
	if (in->err < 0 || !import_is_new(in, &r.id))
		return;
	in->report->there++;
	if (in->to_directory)
		import_fill(in, in->to_directory, &r, &now);
	else if (has_value(&r, "aims") && !has_value(&now, "aims"))
		in->report->missing[in->report->n_missing++] = "the partnership's aims";
}

static void import_directory(struct import *in)
{
	const struct roster *roster = &in->place.roster;

	in->report->missing = arena_alloc(in->arena, (roster->n + 1) * sizeof(char *));
	import_status(in);
	for (size_t i = 0; i < roster->n && in->err == 0; i++) {
		const struct member *m = &roster->members[i];
		if (m->object && m->part == PART_SCHOOLS)
			import_school(in, m);
		else if (m->object)
			import_group(in, m);
	}
	import_partnership(in);
}

/* ---- The plan ------------------------------------------------------------------------------- */

/* Fields that the source has no cell for; export writes them where they have a value. */
static void import_more(struct import *in, struct record *r, json_t *object)
{
	const struct schema_type *t = schema_type(r->type);
	const char *const *names = plan_more(r->type);
	struct cause cause = {""};

	for (; in->err == 0 && *names; names++) {
		const ProtobufCFieldDescriptor *d = schema_field_named(t, *names);
		json_t *value = json_object_get(object, *names);
		struct buf b = {0};
		if (value && json_read_value(t, d, value, &b, &cause) < 0)
			import_fail(in, "%s", cause.words);
		else if (b.len)
			record_set(r, d->id, buf_bytes(&b), 0);
		buf_fini(&b);
	}
}

/* The id that an object has in the file (written where its reference does not lead to it), else the
 * one that its reference derives to. */
static struct id import_id(struct import *in, json_t *object, uint32_t type, const char *ref)
{
	const char *text = json_word(object, "id");
	struct id id = {{0}};

	if (text && !id_parse(&id, text))
		import_fail(in, "\"%.60s\" is not an id", text);
	else if (!text && (!ref || !*ref))
		import_fail(in, "\"ref\" is missing");
	else if (!text)
		id = plan_id(&in->place, type, "%s", ref);
	return id;
}

/* Keys of an action that have no fields are kept as JSON. */
static void put_rest(struct record *r, json_t *action)
{
	static const char *const cells[] = {"id",     "ref",	     "source_line",
					    "text",   "responsible", "monitored_by",
					    "target", "resources",   "details"};
	const char *const *more = plan_more(TYPE_ACTION);
	const char *all = json_word(action, "responsible_text");
	json_t *rest = json_copy(action);
	char *text;

	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
		json_object_del(rest, cells[i]);
	for (; *more; more++)
		json_object_del(rest, *more);
	if (all &&
	    strcmp(all, plan_joined(r->arena, json_object_get(action, "responsible"), " ")) == 0)
		json_object_del(rest, "responsible_text");
	text = json_dumps(rest, JSON_COMPACT);
	must(text);
	if (json_object_size(rest) > 0)
		put_text(r, "import_text", text);
	free(text);
	json_decref(rest);
}

static void put_cells(struct import *in, struct record *r, json_t *action)
{
	json_t *responsible = import_need(in, action, "responsible", JSON_ARRAY);
	json_t *details = import_need(in, action, "details", JSON_ARRAY);
	const char *all = json_word(action, "responsible_text");

	put_text(r, "text", import_need_text(in, action, "text"));
	import_lines(in, r, "responsible_lines", responsible);
	put_text(r, "responsible_text", all ? all : plan_joined(in->arena, responsible, " "));
	put_text(r, "monitored_by_text", import_need_text(in, action, "monitored_by"));
	put_text(r, "target_text", import_need_text(in, action, "target"));
	put_text(r, "resources_text", import_need_text(in, action, "resources"));
	import_lines(in, r, "details_lines", details);
	put_text(r, "details", plan_joined(in->arena, details, "\n"));
}

static void import_action(struct import *in, const struct id *priority, uint32_t n, json_t *action)
{
	const char *ref = json_word(action, "ref");
	json_t *line = json_object_get(action, "source_line");
	json_t *derived = json_object_get(action, "derived");
	char position[POSITION_SIZE];
	struct record r;

	import_at(in, "action %s", ref ? ref : "without \"ref\"");
	struct id id = import_id(in, action, TYPE_ACTION, ref);
	import_start(in, &r, TYPE_ACTION, &id);
	position_nth(n, position);
	put_ref(&r, "priority", priority);
	put_text(&r, "ref", ref);
	put_cells(in, &r, action);
	if (json_is_integer(line) && json_integer_value(line) > 0)
		put_number(&r, "source_line", (uint64_t)json_integer_value(line));
	put_text(&r, "position", position);
	plan_derive(&in->place, derived, &r);
	put_rest(&r, action);
	import_more(in, &r, action);
	if (!has_value(&r, "status"))
		put_number(&r, "status", RECORDS__ACTION_STATUS__NOT_GIVEN);
	import_record(in, &r);
	import_details(in, &r.id, derived);
}

/* Lines of the plan that are a list of {"ref", "text"}. */
static void import_plan_lines(struct import *in, const struct id *plan, const struct id *priority,
			      Records__LineKind kind, json_t *list)
{
	char position[POSITION_SIZE];
	json_t *line;
	struct record r;
	size_t i;

	if (list && !json_is_array(list))
		import_fail(in, "its lines must be a list");
	json_array_foreach(list, i, line) {
		const char *ref = json_word(line, "ref");
		import_at(in, "line %s", ref ? ref : "without \"ref\"");
		struct id id = import_id(in, line, TYPE_PLAN_LINE, ref);
		import_start(in, &r, TYPE_PLAN_LINE, &id);
		position_nth((uint32_t)i, position);
		put_ref(&r, "plan", plan);
		put_ref(&r, "priority", priority);
		put_number(&r, "kind", kind);
		put_text(&r, "ref", ref);
		put_text(&r, "text", import_need_text(in, line, "text"));
		put_text(&r, "position", position);
		import_more(in, &r, line);
		import_record(in, &r);
	}
}

static void import_priority(struct import *in, const struct id *plan, uint32_t n, json_t *priority)
{
	json_t *evaluation = json_object_get(priority, "evaluation"), *actions, *action;
	json_t *number = import_need(in, priority, "number", JSON_INTEGER);
	long long v = json_integer_value(number);
	char position[POSITION_SIZE];
	struct record r;
	size_t i;

	import_at(in, "priority %lld", v);
	if (v < 0)
		import_fail(in, "its number is below 0");
	struct id id = import_id(in, priority, TYPE_PRIORITY, arena_format(in->arena, "%lld", v));
	import_start(in, &r, TYPE_PRIORITY, &id);
	position_nth(n, position);
	put_ref(&r, "plan", plan);
	put_number(&r, "number", (uint64_t)v);
	put_text(&r, "title", import_need_text(in, priority, "title"));
	put_text(&r, "position", position);
	import_lines(in, &r, "columns", json_object_get(priority, "columns"));
	actions = import_need(in, priority, "actions", JSON_ARRAY);
	import_record(in, &r);
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__SUCCESS_CRITERION,
			  json_object_get(priority, "success_criteria"));
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__EVIDENCE,
			  json_object_get(evaluation, "evidence"));
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__IMPACT,
			  json_object_get(evaluation, "impact"));
	json_array_foreach(actions, i, action) {
		import_action(in, &r.id, (uint32_t)i, action);
	}
}

static void import_support_line(struct import *in, const struct id *plan, size_t part, size_t n,
				json_t *text)
{
	const struct plan_support *s = &plan_support[part];
	char position[POSITION_SIZE];
	struct record r;

	import_at(in, "support_programme, %s", s->key);
	if (!json_is_string(text))
		import_fail(in, "it must be a text");
	struct id id = plan_id(&in->place, TYPE_PLAN_LINE, "support/%s/%zu", s->key, n);
	import_start(in, &r, TYPE_PLAN_LINE, &id);
	position_nth((uint32_t)n, position);
	put_ref(&r, "plan", plan);
	put_number(&r, "kind", s->kind);
	put_text(&r, "text", json_string_value(text));
	put_text(&r, "position", position);
	import_record(in, &r);
}

static void import_support(struct import *in, const struct id *plan)
{
	json_t *support = json_object_get(in->file, "support_programme");

	for (size_t i = 0; i < PLAN_SUPPORT; i++) {
		json_t *value = json_object_get(support, plan_support[i].key);
		if (value && !plan_support[i].many)
			import_support_line(in, plan, i, 0, value);
		for (size_t n = 0; plan_support[i].many && n < json_array_size(value); n++)
			import_support_line(in, plan, i, n, json_array_get(value, n));
	}
}

static void import_terms(struct import *in)
{
	json_t *calendar = json_object_get(in->file, "term_calendar"), *term;
	const char *year = json_word(calendar, "year");
	struct record r;
	size_t i;

	json_array_foreach(json_object_get(calendar, "terms"), i, term) {
		const char *name = json_word(term, "name");
		import_at(in, "term %s", name ? name : "without a name");
		name = import_need_text(in, term, "name");
		struct id id = plan_id(&in->place, TYPE_TERM, "%s", name ? name : "");
		import_start(in, &r, TYPE_TERM, &id);
		put_text(&r, "year", year ? year : in->place.year);
		put_text(&r, "name", name);
		put_text(&r, "start", import_need_text(in, term, "start"));
		put_text(&r, "end", import_need_text(in, term, "end"));
		put_number(&r, "order", i + 1);
		import_record(in, &r);
	}
}

/* The file without what has fields of its own. */
static void put_plan_rest(struct record *r, json_t *file)
{
	static const char *const plan_keys[] = {
	    "partnership", "academic_year", "statement", "intent", "title", "id", NULL};
	static const char *const calendar_keys[] = {
	    "source", "year", "terms", "bank_holidays_in_term", "note", NULL};
	json_t *rest = json_copy(file), *deep, *part;
	char *text;

	json_object_del(rest, "priorities");
	deep = json_deep_copy(rest);
	json_decref(rest);
	part = json_object_get(deep, "plan");
	for (size_t i = 0; plan_keys[i]; i++)
		json_object_del(part, plan_keys[i]);
	part = json_object_get(deep, "term_calendar");
	for (size_t i = 0; calendar_keys[i]; i++)
		json_object_del(part, calendar_keys[i]);
	part = json_object_get(deep, "support_programme");
	for (size_t i = 0; i < PLAN_SUPPORT; i++)
		json_object_del(part, plan_support[i].key);
	text = json_dumps(deep, JSON_COMPACT);
	must(text);
	put_text(r, "import_text", text);
	free(text);
	json_decref(deep);
}

/* Where the words come from, in a line that a person reads. */
static void put_sources(struct import *in, struct record *r)
{
	json_t *sources = json_object_get(json_object_get(in->file, "about"), "sources"), *source;
	struct buf b = {0};
	size_t i;

	json_array_foreach(sources, i, source) {
		if (json_word(source, "title"))
			buf_add_text(&b, "%s%s", b.len ? "; " : "", json_word(source, "title"));
	}
	put_text(r, "source_text", arena_text(in->arena, buf_bytes(&b)));
	buf_fini(&b);
}

static void import_plan(struct import *in)
{
	json_t *plan = json_object_get(in->file, "plan"), *priorities, *priority;
	json_t *calendar = json_object_get(in->file, "term_calendar");
	const char *name = json_word(plan, "partnership"), *title = json_word(plan, "title");
	struct record r;
	size_t i;

	import_at(in, "plan");
	struct id id = import_id(in, plan, TYPE_PLAN, "plan");
	import_start(in, &r, TYPE_PLAN, &id);
	put_text(&r, "title", title ? title : plan_title(in->arena, name, in->place.year));
	put_text(&r, "year", in->place.year);
	put_text(&r, "partnership_text", name);
	put_text(&r, "statement", json_word(plan, "statement"));
	put_text(&r, "intent", json_word(plan, "intent"));
	put_sources(in, &r);
	put_text(&r, "calendar_text", json_word(calendar, "source"));
	put_text(&r, "calendar_note", json_word(calendar, "note"));
	import_lines(in, &r, "bank_holidays", json_object_get(calendar, "bank_holidays_in_term"));
	put_plan_rest(&r, in->file);
	import_record(in, &r);
	import_at(in, "the file");
	priorities = import_need(in, in->file, "priorities", JSON_ARRAY);
	json_array_foreach(priorities, i, priority) {
		import_at(in, "priority number %zu of the list", i + 1);
		import_priority(in, &r.id, (uint32_t)i, priority);
	}
	import_support(in, &r.id);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void import_nothing(void *key)
{
	(void)key; /* it lives in the arena */
}

static int import_save(struct import *in)
{
	struct id change;
	int err = 0;

	if (in->to_directory)
		err = draft_save(&in->to_directory, &change, in->cause);
	if (err == 0)
		err = draft_save(&in->to_partnership, &change, in->cause);
	return err;
}

/* A list that is longer than any plan's would take its time without an end. */
static bool lists_fit(json_t *value)
{
	const char *key;
	json_t *below;
	size_t i;

	if (json_array_size(value) > LIST_MOST)
		return false;
	json_array_foreach(value, i, below) {
		if (!lists_fit(below))
			return false;
	}
	json_object_foreach(value, key, below) {
		if (!lists_fit(below))
			return false;
	}
	return true;
}

/* The year, which all ids hang on. */
static const char *import_year(struct import *in)
{
	json_t *plan;
	const char *year;
	struct record r;
	struct id none = {{1}};

	import_at(in, "the file");
	if (!json_is_object(in->file))
		import_fail(in,
			    "it is no plan: it must be an object with \"plan\" and \"priorities\"");
	if (!lists_fit(in->file))
		import_fail(in, "a list of more than %d", LIST_MOST);
	plan = import_need(in, in->file, "plan", JSON_OBJECT);
	import_at(in, "plan");
	year = import_need_text(in, plan, "academic_year");
	import_start(in, &r, TYPE_PLAN, &none);
	put_text(&r, "year", year);
	import_check(in, &r);
	if (in->err == 0 && !has_value(&r, "year"))
		import_fail(in, "\"academic_year\" is blank");
	return in->err < 0 ? NULL : year;
}

int plan_import(struct copy *copy, json_t *file, struct arena *arena, struct plan_report *report,
		struct cause *cause)
{
	struct import in = {
	    .copy = copy, .arena = arena, .file = file, .report = report, .cause = cause};
	const char *year;

	*report = (struct plan_report){0};
	year = import_year(&in);
	if (!year)
		return in.err;
	in.err = place_init(&in.place, copy, arena, year, file, cause);
	if (in.err < 0)
		return in.err;
	report->year = arena_format(arena, "%s", year);
	if (!lookup_holds(copy, &in.place.partnership))
		return cause_set(cause, ERR_MISSING,
				 "this device does not hold the partnership's space");
	in.to_partnership = draft_new(copy, &in.place.partnership);
	if (lookup_administers(copy))
		in.to_directory = draft_new(copy, &in.place.directory);
	import_directory(&in);
	import_plan(&in);
	import_terms(&in);
	import_meetings(&in);
	if (in.err == 0)
		in.err = import_save(&in);
	draft_free(&in.to_directory);
	draft_free(&in.to_partnership);
	tdestroy(in.made, import_nothing);
	return in.err;
}
