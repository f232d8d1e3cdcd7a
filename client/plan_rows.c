/* Import of the plan itself: its priorities, actions and lines, its support programme and terms. */
#include "client/plan_inside.h"

#include "common/position.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

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
	json_t *columns, *criteria, *evaluation, *evidence, *impact, *actions, *action;
	json_t *number = import_need(in, priority, "number", JSON_INTEGER);
	long long v = json_integer_value(number);
	char position[POSITION_SIZE];
	struct record r;
	size_t i;

	import_at(in, "priority %lld", v);
	if (v < 0)
		import_fail(in, "its number is below 0");
	columns = import_may(in, priority, "columns", JSON_ARRAY);
	criteria = import_may(in, priority, "success_criteria", JSON_ARRAY);
	evaluation = import_may(in, priority, "evaluation", JSON_OBJECT);
	evidence = import_may(in, evaluation, "evidence", JSON_ARRAY);
	impact = import_may(in, evaluation, "impact", JSON_ARRAY);
	struct id id = import_id(in, priority, TYPE_PRIORITY, arena_format(in->arena, "%lld", v));
	import_start(in, &r, TYPE_PRIORITY, &id);
	position_nth(n, position);
	put_ref(&r, "plan", plan);
	put_number(&r, "number", (uint64_t)v);
	put_text(&r, "title", import_need_text(in, priority, "title"));
	put_text(&r, "position", position);
	import_lines(in, &r, "columns", columns);
	actions = import_need(in, priority, "actions", JSON_ARRAY);
	import_record(in, &r);
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__SUCCESS_CRITERION, criteria);
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__EVIDENCE, evidence);
	import_plan_lines(in, plan, &r.id, RECORDS__LINE_KIND__IMPACT, impact);
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
	json_t *support, *value;

	import_at(in, "the file");
	support = import_may(in, in->file, "support_programme", JSON_OBJECT);
	for (size_t i = 0; i < PLAN_SUPPORT; i++) {
		import_at(in, "support_programme");
		value = import_may(in, support, plan_support[i].key,
				   plan_support[i].many ? JSON_ARRAY : JSON_STRING);
		if (value && !plan_support[i].many)
			import_support_line(in, plan, i, 0, value);
		for (size_t n = 0; plan_support[i].many && n < json_array_size(value); n++)
			import_support_line(in, plan, i, n, json_array_get(value, n));
	}
}

/* A text that may be missing. */
static const char *may_text(struct import *in, json_t *object, const char *key)
{
	return json_string_value(import_may(in, object, key, JSON_STRING));
}

void import_terms(struct import *in)
{
	json_t *calendar = json_object_get(in->file, "term_calendar"), *terms, *term;
	const char *year;
	struct record r;
	size_t i;

	import_at(in, "term_calendar");
	year = may_text(in, calendar, "year");
	terms = import_may(in, calendar, "terms", JSON_ARRAY);
	json_array_foreach(terms, i, term) {
		const char *name = json_word(term, "name");
		import_at(in, "term %s", name ? name : "without a name");
		name = import_need_text(in, term, "name");
		struct id id = plan_id(&in->place, TYPE_TERM, "%s", name ? name : "");
		import_start(in, &r, TYPE_TERM, &id);
		put_text(&r, "year", year && *year ? year : in->place.year);
		put_text(&r, "name", name);
		put_text(&r, "start", import_need_text(in, term, "start"));
		put_text(&r, "end", import_need_text(in, term, "end"));
		put_number(&r, "order", i + 1);
		import_record(in, &r);
	}
}

/* What an object of the file has beside `keys`, under the id of its record; nothing, where there is
 * nothing. Takes `rest`, a copy of it. */
static void keep(json_t *kept, const struct id *id, json_t *rest, const char *const *keys)
{
	char text[ID_TEXT];

	for (; *keys; keys++)
		json_object_del(rest, *keys);
	if (json_object_size(rest) > 0)
		json_object_set(kept, id_format(id, text), rest);
	json_decref(rest);
}

/* As import_id; what is no id fails there. */
static struct id kept_id(struct import *in, json_t *object, uint32_t type, const char *ref)
{
	const char *text = json_word(object, "id");
	struct id id;

	return text && id_parse(&id, text) ? id : plan_id(&in->place, type, "%s", ref ? ref : "");
}

static void keep_lines(struct import *in, json_t *kept, json_t *list)
{
	static const char *const cells[] = {"id", "ref", "text", NULL};
	json_t *line, *rest;
	struct id id;
	size_t i;

	json_array_foreach(list, i, line) {
		id = kept_id(in, line, TYPE_PLAN_LINE, json_word(line, "ref"));
		rest = json_copy(line);
		for (const char *const *more = plan_more(TYPE_PLAN_LINE); *more; more++)
			json_object_del(rest, *more);
		keep(kept, &id, rest, cells);
	}
}

static void keep_priority(struct import *in, json_t *kept, json_t *priority)
{
	static const char *const cells[] = {"id",      "number",  "title", "success_criteria",
					    "columns", "actions", NULL};
	long long number = json_integer_value(json_object_get(priority, "number"));
	struct id id =
		kept_id(in, priority, TYPE_PRIORITY, arena_format(in->arena, "%lld", number));
	json_t *evaluation = json_object_get(priority, "evaluation"), *rest = json_copy(priority);
	json_t *judged = json_copy(evaluation);

	keep_lines(in, kept, json_object_get(priority, "success_criteria"));
	keep_lines(in, kept, json_object_get(evaluation, "evidence"));
	keep_lines(in, kept, json_object_get(evaluation, "impact"));
	json_object_del(judged, "evidence");
	json_object_del(judged, "impact");
	if (json_object_size(judged) > 0)
		json_object_set(rest, "evaluation", judged);
	else
		json_object_del(rest, "evaluation");
	json_decref(judged);
	keep(kept, &id, rest, cells);
}

/* Keys of priorities, their lines and of terms that have no fields: in the place of each list. */
static void put_kept(struct import *in, json_t *rest)
{
	static const char *const cells[] = {"name", "start", "end", NULL};
	json_t *calendar = json_object_get(in->file, "term_calendar"), *item;
	json_t *kept = json_object(), *terms = json_object();
	const char *name;
	struct id id;
	size_t i;

	json_array_foreach(json_object_get(in->file, "priorities"), i, item) {
		keep_priority(in, kept, item);
	}
	json_array_foreach(json_object_get(calendar, "terms"), i, item) {
		name = json_word(item, "name");
		id = plan_id(&in->place, TYPE_TERM, "%s", name ? name : "");
		keep(terms, &id, json_copy(item), cells);
	}
	if (json_object_size(kept) > 0)
		json_object_set(rest, "priorities", kept);
	if (json_object_size(terms) > 0)
		json_object_set(json_object_get(rest, "term_calendar"), "terms", terms);
	json_decref(kept);
	json_decref(terms);
}

/* The file without what has fields of its own. A calendar of another year than the plan's says so
 * itself. */
static void put_plan_rest(struct import *in, struct record *r)
{
	static const char *const plan_keys[] = {
	    "partnership", "academic_year", "statement", "intent", "title", "id", NULL};
	static const char *const calendar_keys[] = {"source", "terms", "bank_holidays_in_term",
						    "note", NULL};
	json_t *rest = json_copy(in->file), *deep, *part;
	const char *year;
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
	year = json_word(part, "year");
	if (year && strcmp(year, in->place.year) == 0)
		json_object_del(part, "year");
	part = json_object_get(deep, "support_programme");
	for (size_t i = 0; i < PLAN_SUPPORT; i++)
		json_object_del(part, plan_support[i].key);
	put_kept(in, deep);
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

void import_plan(struct import *in)
{
	json_t *plan = json_object_get(in->file, "plan"), *calendar, *priorities, *priority;
	const char *name, *title;
	struct record r;
	size_t i;

	import_at(in, "the file");
	calendar = import_may(in, in->file, "term_calendar", JSON_OBJECT);
	import_at(in, "plan");
	name = may_text(in, plan, "partnership");
	title = may_text(in, plan, "title");
	struct id id = import_id(in, plan, TYPE_PLAN, "plan");
	import_start(in, &r, TYPE_PLAN, &id);
	put_text(&r, "title", title ? title : plan_title(in->arena, name, in->place.year));
	put_text(&r, "year", in->place.year);
	put_text(&r, "partnership_text", name);
	put_text(&r, "statement", may_text(in, plan, "statement"));
	put_text(&r, "intent", may_text(in, plan, "intent"));
	put_sources(in, &r);
	import_at(in, "term_calendar");
	put_text(&r, "calendar_text", may_text(in, calendar, "source"));
	put_text(&r, "calendar_note", may_text(in, calendar, "note"));
	import_lines(in, &r, "bank_holidays",
		     import_may(in, calendar, "bank_holidays_in_term", JSON_ARRAY));
	import_at(in, "plan");
	put_plan_rest(in, &r);
	import_record(in, &r);
	import_at(in, "the file");
	priorities = import_need(in, in->file, "priorities", JSON_ARRAY);
	json_array_foreach(priorities, i, priority) {
		import_at(in, "priority number %zu of the list", i + 1);
		import_priority(in, &r.id, (uint32_t)i, priority);
	}
	import_support(in, &r.id);
}
