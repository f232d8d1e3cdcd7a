/*
 * Export: what the records of a plan say now, in the form of the file that import takes. What the
 * import kept as JSON is the ground; what has a record is laid over it.
 */
#include "client/plan_inside.h"

#include "client/lookup.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* ---- Reading records ------------------------------------------------------------------------ */

struct rows {
	struct record *rows;
	size_t n;
};

/* In the order of the printed plan: by position, what has none last, then by id. */
static int by_position(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	uint32_t field = plan_field(x->type, "position");
	struct bytes p = value_bytes(record_get(x, field)), q = value_bytes(record_get(y, field));
	int order = (p.len == 0) - (q.len == 0);

	order = order ? order : bytes_compare(p, q);
	return order ? order : id_compare(&x->id, &y->id);
}

static int by_start(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	uint32_t field = plan_field(TYPE_TERM, "start");
	uint64_t m = get_number(x, "order"), n = get_number(y, "order");
	int order = (m > n) - (m < n);

	order = order ? order : bytes_compare(record_get(x, field), record_get(y, field));
	return order ? order : id_compare(&x->id, &y->id);
}

/* The live records of a type, in order; those whose `field` refers to `to`, if it is not NULL. */
static int export_rows(struct export *ex, uint32_t type, const char *field, const struct id *to,
		       struct rows *out)
{
	struct ids ids = {0};
	int err =
	    to ? lookup_referring(ex->copy, type, plan_field(type, field), to, ex->arena, &ids)
	       : lookup_type(ex->copy, type, false, ex->arena, &ids);

	*out = (struct rows){arena_alloc(ex->arena, (ids.n + 1) * sizeof(*out->rows)), 0};
	for (size_t i = 0; i < ids.n && err == 0; i++)
		if (export_record(ex, &ids.ids[i], &out->rows[out->n]))
			out->n++;
	if (out->n)
		qsort(out->rows, out->n, sizeof(*out->rows),
		      type == TYPE_TERM ? by_start : by_position);
	return err;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text ? text : ""));
}

/* The id, where the reference does not lead to it. */
static void set_id(json_t *object, const struct id *id, const struct id *derived)
{
	if (!id_equal(id, derived))
		json_object_set_new(object, "id", json_id(id));
}

static void set_more(json_t *object, const struct record *r)
{
	const struct schema_type *t = schema_type(r->type);

	for (const char *const *name = plan_more(r->type); *name; name++) {
		const ProtobufCFieldDescriptor *d = schema_field_named(t, *name);
		struct bytes value = record_get(r, d->id);
		bool plain = strcmp(*name, "status") == 0 && r->type == TYPE_ACTION &&
			     value_number(value) == RECORDS__ACTION_STATUS__NOT_GIVEN;
		if (value.len && !plain)
			json_object_set_new(object, *name, json_value(t, d, value));
	}
}

/* All keys of `rest` that `object` does not have yet. */
static void set_rest(json_t *object, json_t *rest)
{
	json_object_update_missing(object, rest);
}

/* What an import kept of a record's object. */
static json_t *kept_of(json_t *kept, const struct id *id)
{
	char text[ID_TEXT];
	return json_object_get(kept, id_format(id, text));
}

/* ---- Schools and groups --------------------------------------------------------------------- */

static bool lists(json_t *list, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

/*
 * Names in the order of the file, as far as they still stand, then those that came since. A school
 * that was made by hand may never have had them: then the file's stay.
 */
static json_t *export_names(const struct member *m, json_t *council)
{
	json_t *old = json_object_get(m->object, "aliases_in_source"), *list = json_array(), *name;
	json_t *now = get_lines(&m->record, "other_names");
	size_t i;

	json_array_foreach(old, i, name) {
		if (json_is_string(name) && (!m->own || lists(now, json_string_value(name))))
			json_array_append(list, name);
	}
	json_array_foreach(now, i, name) {
		const char *text = json_string_value(name);
		if (text && !lists(old, text) && !lists(council, text) &&
		    strcmp(text, m->name) != 0)
			json_array_append(list, name);
	}
	json_decref(now);
	return list;
}

/* A triad's schools, ordered likewise. */
static json_t *export_schools(struct export *ex, json_t *old, const struct record *r)
{
	struct bytes value = record_get(r, plan_field(TYPE_GROUP, "schools"));
	json_t *list = json_array(), *item;
	struct field f;
	struct id id;
	size_t i;

	json_array_foreach(old, i, item) {
		const char *name = json_string_value(item);
		const struct member *m =
		    name ? roster_find(&ex->place.roster, PART_SCHOOLS, name) : NULL;
		struct buf member = {0};
		if (m)
			field_add_bytes(&member, plan_field(TYPE_GROUP, "schools"),
					ID_BYTES(&m->id));
		if (m && value_has_member(value, buf_bytes(&member)))
			json_array_append(list, item);
		buf_fini(&member);
	}
	for (i = 0; i < ex->place.roster.n; i++) {
		const struct member *m = &ex->place.roster.members[i];
		struct bytes rest = value;
		while (field_next(&rest, &f) > 0)
			if (id_from(&id, f.payload) && id_equal(&id, &m->id) &&
			    !lists(list, m->short_id))
				json_array_append_new(list, json_string(m->short_id));
	}
	return list;
}

static json_t *export_member(struct export *ex, const struct member *m)
{
	json_t *o = m->object ? json_deep_copy(m->object) : json_object(), *derived, *names;
	json_t *council =
	    m == roster_council(&ex->place.roster)
		? json_object_get(json_object_get(ex->rest, "council"), "names_in_source")
		: NULL;
	const struct record *r = &m->record;
	const char *phase;

	if (!m->there)
		return o;
	set_text(o, "id", m->short_id);
	set_text(o, "name", m->own ? get_text(r, "name") : m->name);
	names = export_names(m, council);
	if (json_array_size(names) > 0 || m->part == PART_SCHOOLS || m->part == PART_WORKING)
		json_object_set(o, "aliases_in_source", names);
	json_decref(names);
	if (m->part == PART_TRIADS) {
		export_lay(o, "source", m, "source_text");
		if (m->own || has_value(r, "schools"))
			json_object_set_new(
				o, "members",
				export_schools(ex, json_object_get(m->object, "members"), r));
		export_lay(o, "theme", m, "theme");
	}
	if (m->part == PART_SCHOOLS && has_value(r, "phase")) {
		derived = json_object_get(o, "derived");
		phase =
		    plan_phase_word(json_word(derived, "phase"), get_number(r, "phase"), ex->arena);
		if (derived)
			set_text(derived, "phase", phase);
		else
			json_object_set_new(o, "derived", json_pack("{s:s}", "phase", phase));
	}
	return o;
}

static json_t *export_part(struct export *ex, enum part part)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ex->place.roster.n; i++) {
		const struct member *m = &ex->place.roster.members[i];
		if (m->part == part && (!m->there || record_existence(&m->record) == LIVE))
			json_array_append_new(list, export_member(ex, m));
	}
	return list;
}

static json_t *export_aims(struct export *ex)
{
	struct ids ids = {0};
	struct record r;

	if (lookup_type(ex->copy, TYPE_PARTNERSHIP, false, ex->arena, &ids) == 0 && ids.n > 0 &&
	    export_record(ex, &ids.ids[0], &r) && has_value(&r, "aims"))
		return get_lines(&r, "aims");
	return json_incref(json_object_get(ex->rest, "aims"));
}

/* ---- Priorities ----------------------------------------------------------------------------- */

/* A text cut at its line ends. */
static json_t *split(const char *text)
{
	json_t *list = json_array();

	while (text && *text) {
		size_t n = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return list;
}

/* The cell's own lines, unless its text was edited since. */
static json_t *export_cell(const struct record *r, const char *field, const char *lines_field,
			   const char *between, const char *first_text)
{
	const char *text = get_text(r, field);
	json_t *lines = get_lines(r, lines_field);
	const char *first = first_text ? first_text : plan_joined(r->arena, lines, between);

	if (strcmp(text ? text : "", first) == 0)
		return lines;
	json_decref(lines);
	return split(text);
}

static json_t *export_action(struct export *ex, const struct record *r)
{
	const char *kept = get_text(r, "import_text"), *ref = get_text(r, "ref"), *all;
	json_t *rest = kept ? json_loads(kept, 0, NULL) : NULL, *o = json_object(), *derived;
	struct id named = plan_id(&ex->place, TYPE_ACTION, "%s", ref ? ref : "");

	rest = json_is_object(rest) ? rest : (json_decref(rest), json_object());
	derived = json_object_get(rest, "derived");
	if (!json_is_object(derived)) {
		json_object_set_new(rest, "derived", json_object());
		derived = json_object_get(rest, "derived");
	}
	all = json_word(rest, "responsible_text");
	set_id(o, &r->id, &named);
	if (ref)
		set_text(o, "ref", ref);
	if (has_value(r, "source_line"))
		json_object_set_new(o, "source_line",
				    json_integer((json_int_t)get_number(r, "source_line")));
	set_text(o, "text", get_text(r, "text"));
	json_object_set_new(o, "responsible",
			    export_cell(r, "responsible_text", "responsible_lines", " ", all));
	set_text(o, "responsible_text", get_text(r, "responsible_text"));
	set_text(o, "monitored_by", get_text(r, "monitored_by_text"));
	set_text(o, "target", get_text(r, "target_text"));
	set_text(o, "resources", get_text(r, "resources_text"));
	json_object_set_new(o, "details", export_cell(r, "details", "details_lines", "\n", NULL));
	set_more(o, r);
	plan_underive(&ex->place, r, derived);
	export_details(ex, &r->id, derived);
	set_rest(o, rest);
	json_decref(rest);
	return o;
}

static json_t *export_line(struct export *ex, const struct record *r)
{
	json_t *kept = kept_of(json_object_get(ex->rest, "priorities"), &r->id);
	const char *ref = get_text(r, "ref");
	struct id named = plan_id(&ex->place, TYPE_PLAN_LINE, "%s", ref ? ref : "");
	json_t *o = json_object();

	set_id(o, &r->id, &named);
	if (ref)
		set_text(o, "ref", ref);
	set_text(o, "text", get_text(r, "text"));
	set_more(o, r);
	set_rest(o, kept);
	return o;
}

static json_t *export_kind(struct export *ex, const struct rows *lines, const struct id *priority,
			   uint32_t kind)
{
	json_t *list = json_array();
	struct id id;

	for (size_t i = 0; i < lines->n; i++)
		if (get_number(&lines->rows[i], "kind") == kind &&
		    get_ref(&lines->rows[i], "priority", &id) && id_equal(&id, priority))
			json_array_append_new(list, export_line(ex, &lines->rows[i]));
	return list;
}

static int export_priority(struct export *ex, const struct record *r, const struct rows *lines,
			   json_t **out)
{
	struct id named = plan_id(&ex->place, TYPE_PRIORITY, "%llu",
				  (unsigned long long)get_number(r, "number"));
	json_t *kept = kept_of(json_object_get(ex->rest, "priorities"), &r->id);
	json_t *o = json_object(), *list = json_array();
	struct rows actions;
	int err = export_rows(ex, TYPE_ACTION, "priority", &r->id, &actions);

	set_id(o, &r->id, &named);
	json_object_set_new(o, "number", json_integer((json_int_t)get_number(r, "number")));
	set_text(o, "title", get_text(r, "title"));
	json_object_set_new(o, "success_criteria",
			    export_kind(ex, lines, &r->id, RECORDS__LINE_KIND__SUCCESS_CRITERION));
	json_object_set_new(
		o, "evaluation",
		json_pack("{s:o,s:o}", "evidence",
			  export_kind(ex, lines, &r->id, RECORDS__LINE_KIND__EVIDENCE), "impact",
			  export_kind(ex, lines, &r->id, RECORDS__LINE_KIND__IMPACT)));
	json_object_set_new(o, "columns", get_lines(r, "columns"));
	for (size_t i = 0; i < actions.n; i++)
		json_array_append_new(list, export_action(ex, &actions.rows[i]));
	json_object_set_new(o, "actions", list);
	set_rest(json_object_get(o, "evaluation"), json_object_get(kept, "evaluation"));
	set_rest(o, kept);
	*out = o;
	return err;
}

static int export_priorities(struct export *ex, const struct rows *lines, json_t *root)
{
	struct rows rows;
	json_t *list = json_array(), *one;
	int err = export_rows(ex, TYPE_PRIORITY, "plan", &ex->plan.id, &rows);

	for (size_t i = 0; i < rows.n && err == 0; i++) {
		err = export_priority(ex, &rows.rows[i], lines, &one);
		json_array_append_new(list, one);
	}
	json_object_set_new(root, "priorities", list);
	return err;
}

/* ---- The rest ------------------------------------------------------------------------------- */

static void export_support(struct export *ex, const struct rows *lines, json_t *root)
{
	json_t *o = json_object();

	for (size_t i = 0; i < PLAN_SUPPORT; i++) {
		json_t *list = json_array();
		for (size_t k = 0; k < lines->n; k++) {
			const char *text = get_text(&lines->rows[k], "text");
			if (get_number(&lines->rows[k], "kind") == plan_support[i].kind)
				json_array_append_new(list, json_string(text ? text : ""));
		}
		if (plan_support[i].many && json_array_size(list) > 0)
			json_object_set(o, plan_support[i].key, list);
		else if (json_array_size(list) > 0)
			json_object_set(o, plan_support[i].key, json_array_get(list, 0));
		json_decref(list);
	}
	set_rest(o, json_object_get(ex->rest, "support_programme"));
	if (json_object_size(o) > 0)
		json_object_set(root, "support_programme", o);
	json_decref(o);
}

static int export_terms(struct export *ex, json_t *root)
{
	json_t *o = json_object(), *list = json_array();
	json_t *calendar = json_object_get(ex->rest, "term_calendar");
	json_t *kept = json_object_get(calendar, "terms");
	const char *own = json_word(calendar, "year");
	const char *of = own && *own ? own : ex->place.year;
	struct rows rows;
	int err = export_rows(ex, TYPE_TERM, NULL, NULL, &rows);

	for (size_t i = 0; i < rows.n; i++) {
		const struct record *r = &rows.rows[i];
		const char *year = get_text(r, "year");
		json_t *term;
		if (has_value(r, "school") || !year || strcmp(year, of) != 0)
			continue;
		term = json_object();
		set_text(term, "name", get_text(r, "name"));
		set_text(term, "start", get_text(r, "start"));
		set_text(term, "end", get_text(r, "end"));
		set_rest(term, kept_of(kept, &r->id));
		json_array_append_new(list, term);
	}
	if (has_value(&ex->plan, "calendar_text"))
		set_text(o, "source", get_text(&ex->plan, "calendar_text"));
	set_text(o, "year", of);
	json_object_set(o, "terms", list);
	json_object_set_new(o, "bank_holidays_in_term", get_lines(&ex->plan, "bank_holidays"));
	if (has_value(&ex->plan, "calendar_note"))
		set_text(o, "note", get_text(&ex->plan, "calendar_note"));
	set_rest(o, calendar);
	if (json_array_size(list) > 0 || calendar)
		json_object_set(root, "term_calendar", o);
	json_decref(list);
	json_decref(o);
	return err;
}

static void export_plan(struct export *ex, json_t *root)
{
	const struct record *r = &ex->plan;
	const char *name = get_text(r, "partnership_text"), *title = get_text(r, "title");
	struct id named = plan_id(&ex->place, TYPE_PLAN, "plan");
	json_t *o = json_object();

	set_id(o, &r->id, &named);
	set_text(o, "partnership", name);
	set_text(o, "academic_year", ex->place.year);
	set_text(o, "statement", get_text(r, "statement"));
	set_text(o, "intent", get_text(r, "intent"));
	if (title && strcmp(title, plan_title(ex->arena, name, ex->place.year)) != 0)
		set_text(o, "title", title);
	set_rest(o, json_object_get(ex->rest, "plan"));
	json_object_set_new(root, "plan", o);
}

static int export_all(struct export *ex, json_t *root)
{
	json_t *about = json_object_get(ex->rest, "about"), *aims = export_aims(ex), *council;
	struct rows lines;
	int err = export_rows(ex, TYPE_PLAN_LINE, "plan", &ex->plan.id, &lines);

	if (about)
		json_object_set(root, "about", about);
	export_plan(ex, root);
	if (aims)
		json_object_set(root, "aims", aims);
	json_decref(aims);
	json_object_set_new(root, "working_groups", export_part(ex, PART_WORKING));
	json_object_set_new(root, "other_groups", export_part(ex, PART_OTHER));
	json_object_set_new(root, "schools", export_part(ex, PART_SCHOOLS));
	json_object_set_new(root, "triads", export_part(ex, PART_TRIADS));
	if (err == 0)
		err = export_priorities(ex, &lines, root);
	export_support(ex, &lines, root);
	council = export_council(ex);
	if (council)
		json_object_set_new(root, "council", council);
	if (err == 0)
		err = export_terms(ex, root);
	set_rest(root, ex->rest);
	return err;
}

/* The plan of that year, else the newest; ties by id. */
static int export_find(struct export *ex, const char *year, struct cause *cause)
{
	struct ids ids = {0};
	const char *best = NULL, *this;
	struct record r;

	if (lookup_type(ex->copy, TYPE_PLAN, false, ex->arena, &ids) < 0)
		return cause_set(cause, ERR_DB, "the plans can't be read");
	for (size_t i = 0; i < ids.n; i++) {
		if (!export_record(ex, &ids.ids[i], &r))
			continue;
		this = get_text(&r, "year");
		if (!this ||
		    (year ? strcmp(this, year) != 0 || best : best && strcmp(this, best) <= 0))
			continue;
		best = this;
		ex->plan = r;
	}
	if (!best && year)
		return cause_set(cause, ERR_MISSING, "there is no plan of %s here", year);
	if (!best)
		return cause_set(cause, ERR_MISSING, "there is no plan here yet");
	return 0;
}

/* What the import kept; nothing of it where it makes no sense, since anybody may write there. */
static int export_begin(struct export *ex, struct cause *cause)
{
	const char *kept = get_text(&ex->plan, "import_text"), *year = get_text(&ex->plan, "year");
	struct copy *copy = ex->copy;

	ex->rest = kept ? json_loads(kept, 0, NULL) : NULL;
	if (json_is_object(ex->rest) &&
	    place_init(&ex->place, copy, ex->arena, year, ex->rest, NULL) == 0)
		return 0;
	json_decref(ex->rest);
	ex->rest = json_object();
	return place_init(&ex->place, copy, ex->arena, year, ex->rest, cause);
}

int plan_export(struct copy *copy, const char *year, json_t **out, struct cause *cause)
{
	struct arena arena;
	struct export ex = {.copy = copy, .arena = &arena};
	int err;

	*out = NULL;
	arena_init(&arena, ARENA_NO_BUDGET);
	err = export_find(&ex, year, cause);
	if (err == 0)
		err = export_begin(&ex, cause);
	if (err == 0) {
		*out = json_object();
		err = export_all(&ex, *out);
		if (err < 0)
			cause_set(cause, err, "the plan can't be read: %s", err_words(err));
	}
	if (err < 0) {
		json_decref(*out);
		*out = NULL;
	}
	json_decref(ex.rest);
	arena_fini(&arena);
	return err;
}
