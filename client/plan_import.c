/*
 * Import: from the file's objects to records, each under the id that its reference derives to. The
 * whole file is read and checked before anything is saved; then the directory's records, where this
 * person administers, and the plan's are saved in one transaction.
 */
#include "client/plan_inside.h"

#include "client/lookup.h"
#include "records.pb-c.h"

#include <search.h>
#include <string.h>

enum { LIST_MOST = 2048 }; /* of one list in the file */

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

/* ---- The whole ------------------------------------------------------------------------------ */

static void import_nothing(void *key)
{
	(void)key; /* it lives in the arena */
}

static int import_save(struct import *in)
{
	struct draft *drafts[2];
	size_t n = 0;

	if (in->to_directory)
		drafts[n++] = in->to_directory;
	drafts[n++] = in->to_partnership;
	in->to_directory = in->to_partnership = NULL;
	return draft_save_all(drafts, n, in->cause);
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
