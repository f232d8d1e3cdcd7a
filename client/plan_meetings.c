/*
 * What the file says of meetings and of single schools: the council's sessions, the dated details
 * of actions, and the notes that a details cell holds line by line. Both ways.
 */
#include "client/plan_inside.h"

#include "records.pb-c.h"

#include <stdio.h>
#include <string.h>

/* ---- Importing ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	Records__EventKind kind;
} event_kinds[] = {
	{"meeting", RECORDS__EVENT_KIND__MEETING},
	{"council", RECORDS__EVENT_KIND__COUNCIL_SESSION},
	{"inset", RECORDS__EVENT_KIND__INSET},
	{"training", RECORDS__EVENT_KIND__TRAINING},
	{"moderation", RECORDS__EVENT_KIND__MODERATION},
	{"visit", RECORDS__EVENT_KIND__VISIT},
	{"school_event", RECORDS__EVENT_KIND__SCHOOL_EVENT},
	{"deadline", RECORDS__EVENT_KIND__DEADLINE},
};

static int event_kind(const char *name)
{
	for (size_t i = 0; name && i < sizeof(event_kinds) / sizeof(*event_kinds); i++)
		if (strcmp(event_kinds[i].name, name) == 0)
			return (int)event_kinds[i].kind;
	return -1;
}

static void put_school(const struct place *p, struct record *r, const char *field,
		       const char *short_id)
{
	const struct member *m = short_id ? roster_find(&p->roster, PART_SCHOOLS, short_id) : NULL;
	if (m)
		put_ref(r, field, &m->id);
}

static void put_group(const struct place *p, struct record *r, const char *field,
		      const char *short_id)
{
	const struct member *m = short_id ? roster_find(&p->roster, PART_WORKING, short_id) : NULL;
	if (m)
		put_ref(r, field, &m->id);
}

/* "2019-10" as people say it. */
static void put_month(struct record *r, const char *month)
{
	static const char *const names[] = {"January",	 "February", "March",	 "April",
					    "May",	 "June",     "July",	 "August",
					    "September", "October",  "November", "December"};
	int y, m;

	if (month && sscanf(month, "%4d-%2d", &y, &m) == 2 && m >= 1 && m <= 12)
		put_text(r, "day_text", arena_format(r->arena, "%s %d", names[m - 1], y));
	else
		put_text(r, "day_text", month);
}

/* The council's session that an action's dated detail is about: its number, -1: none. */
static int council_session(json_t *file, json_t *dated)
{
	json_t *sessions = json_object_get(json_object_get(file, "council"), "meetings"), *session;
	const char *date = json_word(dated, "date"), *place = json_word(dated, "place"), *other;
	size_t i;

	if (event_kind(json_word(dated, "kind")) != RECORDS__EVENT_KIND__COUNCIL_SESSION)
		return -1;
	json_array_foreach(sessions, i, session) {
		other = json_word(session, "date");
		if (!date || !other || strcmp(date, other) != 0)
			continue;
		other = json_word(session, "host");
		if (!place || !other || strcmp(place, other) == 0)
			return (int)i;
	}
	return -1;
}

static void put_session(struct import *in, struct record *r, json_t *session)
{
	const struct member *council = roster_council(&in->place.roster);

	put_number(r, "kind", RECORDS__EVENT_KIND__COUNCIL_SESSION);
	put_text(r, "title", council ? council->name : "Student council");
	put_text(r, "theme", json_word(session, "theme"));
	put_text(r, "source_text", json_word(session, "source"));
	put_school(&in->place, r, "host_school", json_word(session, "host"));
	if (council)
		put_ref(r, "groups", &council->id);
}

/* Called for each dated detail of each action of the file. */
typedef void (*dated_fn)(struct import *in, json_t *action, json_t *dated, void *arg);

static void each_dated(struct import *in, dated_fn seen, void *arg)
{
	json_t *priority, *action, *dated;
	size_t i, j, k;

	json_array_foreach(json_object_get(in->file, "priorities"), i, priority) {
		json_array_foreach(json_object_get(priority, "actions"), j, action) {
			json_t *derived = json_object_get(action, "derived");
			json_array_foreach(json_object_get(derived, "dated"), k, dated) {
				seen(in, action, dated, arg);
			}
		}
	}
}

/* The action that set the date of a session, by its dated details. */
static void see_session(struct import *in, json_t *action, json_t *dated, void *arg)
{
	struct id *actions = arg;
	int session = council_session(in->file, dated);
	const char *ref = json_word(action, "ref"), *id = json_word(action, "id");

	if (session >= 0 && (!id || !id_parse(&actions[session], id)) && ref)
		actions[session] = plan_id(&in->place, TYPE_ACTION, "%s", ref);
}

void import_meetings(struct import *in)
{
	json_t *council = json_object_get(in->file, "council"), *session;
	json_t *meetings = json_object_get(council, "meetings");
	struct id *actions =
	    arena_alloc(in->arena, (json_array_size(meetings) + 1) * sizeof(*actions));
	struct record r;
	struct id id;
	size_t i;

	each_dated(in, see_session, actions);
	json_array_foreach(json_object_get(council, "themes"), i, session) {
		import_at(in, "council, theme %zu", i + 1);
		id = plan_id(&in->place, TYPE_EVENT, "council/theme/%zu", i);
		import_start(in, &r, TYPE_EVENT, &id);
		put_session(in, &r, session);
		put_number(&r, "state", RECORDS__EVENT_STATE__HELD);
		import_record(in, &r);
	}
	json_array_foreach(meetings, i, session) {
		import_at(in, "council, meeting %zu", i + 1);
		id = plan_id(&in->place, TYPE_EVENT, "council/meeting/%zu", i);
		import_start(in, &r, TYPE_EVENT, &id);
		put_session(in, &r, session);
		put_text(&r, "day", import_need_text(in, session, "date"));
		put_number(&r, "state", RECORDS__EVENT_STATE__CONFIRMED);
		if (!id_is_zero(&actions[i]))
			put_ref(&r, "action", &actions[i]);
		import_record(in, &r);
	}
}

static void import_dated(struct import *in, const struct id *action, size_t n, json_t *dated)
{
	int kind = event_kind(json_word(dated, "kind"));
	struct record r;

	/* Not a meeting; or one that stands elsewhere in the file. */
	if (kind < 0 || json_word(dated, "see") || council_session(in->file, dated) >= 0)
		return;
	struct id id = plan_detail_id(&in->place, TYPE_EVENT, action, "dated", n);
	import_start(in, &r, TYPE_EVENT, &id);
	put_number(&r, "kind", (uint64_t)kind);
	put_text(&r, "title", json_word(dated, "what"));
	put_text(&r, "day", json_word(dated, "date"));
	put_text(&r, "start", json_word(dated, "time"));
	put_month(&r, json_word(dated, "month"));
	put_school(&in->place, &r, "host_school", json_word(dated, "place"));
	put_group(&in->place, &r, "groups", json_word(dated, "group"));
	put_number(&r, "state", RECORDS__EVENT_STATE__CONFIRMED);
	put_ref(&r, "action", action);
	import_record(in, &r);
}

/* A line of the details cell that is one school's, or several schools' together. */
static void import_note(struct import *in, const struct id *on, const struct id *id,
			Records__NoteKind kind, json_t *line)
{
	json_t *by = json_object_get(line, "by"), *school;
	const char *type = json_word(by, "type");
	struct record r;
	size_t i;

	import_start(in, &r, TYPE_NOTE, id);
	put_ref(&r, "on", on);
	put_number(&r, "kind", kind);
	put_text(&r, "text", json_word(line, "text"));
	json_array_foreach(json_object_get(line, "schools"), i, school) {
		if (i < in->place.roster.n)
			put_school(&in->place, &r, "schools", json_string_value(school));
	}
	if (type && strcmp(type, "school") == 0)
		put_school(&in->place, &r, "schools", json_word(by, "id"));
	import_record(in, &r);
}

static void see_status(struct import *in, json_t *action, json_t *dated, void *arg)
{
	const char *kind = json_word(dated, "kind"), *school = json_word(dated, "school");

	(void)action;
	(void)arg;
	if (kind && school && strcmp(kind, "school_status") == 0)
		roster_set_academy(&in->place.roster, school, json_word(dated, "date"));
}

void import_status(struct import *in)
{
	each_dated(in, see_status, NULL);
}

void import_details(struct import *in, const struct id *action, json_t *derived)
{
	const char *at = in->where;
	struct id id;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(derived, "dated"), i, item) {
		import_at(in, "%s, date %zu", at, i + 1);
		import_dated(in, action, i, item);
	}
	json_array_foreach(json_object_get(derived, "school_lines"), i, item) {
		import_at(in, "%s, school line %zu", at, i + 1);
		id = plan_detail_id(&in->place, TYPE_NOTE, action, "school", i);
		import_note(in, action, &id, RECORDS__NOTE_KIND__FEEDBACK, item);
	}
	json_array_foreach(json_object_get(derived, "commitments"), i, item) {
		import_at(in, "%s, commitment %zu", at, i + 1);
		id = plan_detail_id(&in->place, TYPE_NOTE, action, "commitment", i);
		import_note(in, action, &id, RECORDS__NOTE_KIND__DECISION, item);
	}
}

/* ---- Exporting ------------------------------------------------------------------------------ */

/* Lay a record's text over a key, where the key is there or the record says something. */
static void lay_text(json_t *object, const char *key, const struct record *r, const char *field)
{
	const char *text = get_text(r, field), *old = json_word(object, key);

	if ((text || old) && (!text || !old || strcmp(text, old) != 0))
		json_object_set_new(object, key, json_string(text ? text : ""));
}

static void lay_school(const struct place *p, json_t *object, const char *key,
		       const struct record *r)
{
	const struct member *m = NULL;
	struct id id;

	if (get_ref(r, "host_school", &id))
		m = roster_find_id(&p->roster, &id);
	if (m)
		json_object_set_new(object, key, json_string(m->short_id));
}

void export_lay(json_t *object, const char *key, const struct member *m, const char *field)
{
	if (m->own || has_value(&m->record, field))
		lay_text(object, key, &m->record, field);
}

json_t *export_council(struct export *ex)
{
	json_t *council = json_deep_copy(json_object_get(ex->rest, "council")), *session;
	const struct member *group = roster_council(&ex->place.roster);
	struct record r;
	struct id id;
	size_t i;

	if (group && group->there && council) {
		export_lay(council, "motto_of_page", group, "motto");
		export_lay(council, "intro", group, "details");
	}
	json_array_foreach(json_object_get(council, "themes"), i, session) {
		id = plan_id(&ex->place, TYPE_EVENT, "council/theme/%zu", i);
		if (!export_record(ex, &id, &r))
			continue;
		lay_text(session, "source", &r, "source_text");
		lay_text(session, "theme", &r, "theme");
		lay_school(&ex->place, session, "host", &r);
	}
	json_array_foreach(json_object_get(council, "meetings"), i, session) {
		id = plan_id(&ex->place, TYPE_EVENT, "council/meeting/%zu", i);
		if (!export_record(ex, &id, &r))
			continue;
		lay_text(session, "source", &r, "source_text");
		if (has_value(&r, "day"))
			lay_text(session, "date", &r, "day");
		lay_school(&ex->place, session, "host", &r);
	}
	return council;
}

void export_details(struct export *ex, const struct id *action, json_t *derived)
{
	struct record r;
	struct id id;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(derived, "dated"), i, item) {
		int session = council_session(ex->rest, item);
		id = plan_detail_id(&ex->place, TYPE_EVENT, action, "dated", i);
		bool own = export_record(ex, &id, &r);
		if (!own && session >= 0)
			id = plan_id(&ex->place, TYPE_EVENT, "council/meeting/%d", session);
		if (!own && (session < 0 || !export_record(ex, &id, &r)))
			continue;
		if (own)
			lay_text(item, "what", &r, "title");
		if (has_value(&r, "day"))
			lay_text(item, "date", &r, "day");
		if (has_value(&r, "start"))
			lay_text(item, "time", &r, "start");
		lay_school(&ex->place, item, "place", &r);
	}
	json_array_foreach(json_object_get(derived, "school_lines"), i, item) {
		id = plan_detail_id(&ex->place, TYPE_NOTE, action, "school", i);
		if (export_record(ex, &id, &r))
			lay_text(item, "text", &r, "text");
	}
	json_array_foreach(json_object_get(derived, "commitments"), i, item) {
		id = plan_detail_id(&ex->place, TYPE_NOTE, action, "commitment", i);
		if (export_record(ex, &id, &r))
			lay_text(item, "text", &r, "text");
	}
}
