/*
 * A meeting as readable text, from its records: Event, Attendance, AgendaItem, Minutes, and what
 * hangs on an item: decisions (Note), actions that arose (Action by its origin or by a Link),
 * papers.
 */
#include "client/minutes.h"

#include "client/lookup.h"
#include "client/screen.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 79, NARROWEST = 30, INDENT = 4 };

/* One meeting on its way to paper. */
struct sheet {
	struct copy *copy;
	struct arena arena;
	struct buf *out;
	unsigned width;
	struct record event;
	struct record *items; /* the agenda, in order */
	size_t n_items;
	struct record *attendances;
	size_t n_attendances;
	int err;
};

/* ---- Reading -------------------------------------------------------------------------------- */

static uint32_t sheet_field(uint32_t type, const char *name)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(type), name);
	must(d);
	return d->id;
}

static struct bytes sheet_value(const struct record *r, const char *field)
{
	return record_get(r, sheet_field(r->type, field));
}

static uint64_t sheet_number(const struct record *r, const char *field)
{
	return value_number(sheet_value(r, field));
}

static bool sheet_ref(const struct record *r, const char *field, struct id *id)
{
	return id_from(id, value_bytes(sheet_value(r, field)));
}

/* A field in words on one line, "" for none. */
static const char *sheet_words(struct sheet *s, const struct record *r, const char *field)
{
	uint32_t n = sheet_field(r->type, field);
	const char *words =
		lookup_value(s->copy, schema_type(r->type), n, record_get(r, n), &s->arena);
	return screen_line(&s->arena, BYTES(words, strlen(words)));
}

/* The live records of a type whose field refers to `to`. */
static struct record *sheet_rows(struct sheet *s, uint32_t type, const char *field,
				 const struct id *to, size_t *n)
{
	struct ids ids = {0};
	struct record *rows;
	int err = lookup_referring(s->copy, type, sheet_field(type, field), to, &s->arena, &ids);

	*n = 0;
	if (err < 0)
		s->err = err;
	rows = arena_alloc(&s->arena, (ids.n + 1) * sizeof(*rows));
	for (size_t i = 0; i < ids.n; i++)
		if (copy_record(s->copy, &ids.ids[i], VIEW_SHOWN, &s->arena, &rows[*n], NULL) ==
			0 &&
		    record_existence(&rows[*n]) == LIVE)
			(*n)++;
	return rows;
}

static int by_position(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	struct bytes p = value_bytes(sheet_value(x, "position"));
	struct bytes q = value_bytes(sheet_value(y, "position"));
	int order = (p.len == 0) - (q.len == 0);

	order = order ? order : bytes_compare(p, q);
	return order ? order : id_compare(&x->id, &y->id);
}

/* ---- Laying out ----------------------------------------------------------------------------- */

static void sheet_spaces(struct sheet *s, unsigned n)
{
	buf_add_text(s->out, "%*s", (int)n, "");
}

/* Words of one clean line, wrapped: the first goes on at `at`, the others begin at `indent`. */
static void sheet_wrap(struct sheet *s, const char *line, unsigned at, unsigned indent)
{
	bool first = true;

	while (*line) {
		size_t n = strcspn(line, " ");
		unsigned wide = screen_width(BYTES(line, n));
		if (!first && at + 1 + wide > s->width) {
			buf_add_u8(s->out, '\n');
			sheet_spaces(s, indent);
			at = indent;
			first = true;
		}
		if (!first)
			buf_add_u8(s->out, ' ');
		at += wide + !first;
		buf_add(s->out, line, n);
		first = false;
		line += n;
		line += strspn(line, " ");
	}
	buf_add_u8(s->out, '\n');
}

/* A text with its own paragraphs, each wrapped; a line that is drawn in keeps its indent. */
static void sheet_text(struct sheet *s, struct bytes text, unsigned indent)
{
	const char *p = arena_text(&s->arena, text);

	while (*p) {
		size_t n = strcspn(p, "\n"), drawn = strspn(p, " ");
		const char *line = screen_line(&s->arena, BYTES(p, n));
		drawn = drawn > n ? n : drawn > 16 ? 16 : drawn;
		line += strspn(line, " ");
		if (*line) {
			sheet_spaces(s, indent + (unsigned)drawn);
			sheet_wrap(s, line, indent + (unsigned)drawn, indent + (unsigned)drawn);
		} else {
			buf_add_u8(s->out, '\n');
		}
		p += n + (p[n] == '\n');
	}
}

/* "Label: words", wrapped; nothing where there are no words. */
static void sheet_say(struct sheet *s, unsigned indent, const char *label, const char *words)
{
	if (!*words)
		return;
	sheet_spaces(s, indent);
	buf_add_text(s->out, "%s: ", label);
	sheet_wrap(s, words, indent + (unsigned)strlen(label) + 2, indent + INDENT);
}

static void sheet_heading(struct sheet *s, const char *words, char line)
{
	unsigned wide = screen_width(BYTES(words, strlen(words)));

	sheet_wrap(s, words, 0, 0);
	for (unsigned i = 0; i < wide && i < s->width; i++)
		buf_add_u8(s->out, (uint8_t)line);
	buf_add_u8(s->out, '\n');
}

static const char *sheet_join(struct sheet *s, const char *a, const char *between, const char *b)
{
	return *a && *b ? arena_format(&s->arena, "%s%s%s", a, between, b) : *a ? a : b;
}

static void sheet_two_versions(struct sheet *s, unsigned indent, const struct id *record)
{
	struct ids ids = {0};

	if (lookup_conflicts(s->copy, record, &s->arena, &ids) < 0 || ids.n == 0)
		return;
	sheet_spaces(s, indent);
	sheet_wrap(s, "! There are two versions of this: see \"fivepits conflicts\".", indent,
		   indent + 2);
}

/* ---- The head of the sheet ------------------------------------------------------------------ */

static const char *sheet_when(struct sheet *s)
{
	const struct record *e = &s->event;
	const char *day = sheet_words(s, e, "day"), *end_day = sheet_words(s, e, "end_day");
	const char *start = sheet_words(s, e, "start"), *end = sheet_words(s, e, "end");

	if (!*day)
		day = sheet_words(s, e, "day_text");
	if (*end_day && strcmp(day, end_day) != 0)
		return sheet_join(s, sheet_join(s, day, ", ", start), " to ",
				  sheet_join(s, end_day, ", ", end));
	return sheet_join(s, day, ", ", sheet_join(s, start, " to ", end));
}

static void sheet_head(struct sheet *s)
{
	const struct record *e = &s->event;
	const char *title = sheet_words(s, e, "title"), *kind = sheet_words(s, e, "kind");
	const char *state =
	    record_existence(e) == WITHDRAWN ? "withdrawn" : sheet_words(s, e, "state");
	struct record *minutes;
	size_t n;

	if (!*title)
		title = *kind ? lookup_field_label(kind, &s->arena) : "Meeting";
	sheet_heading(s, title, '=');
	sheet_say(s, 0, "When", sheet_when(s));
	sheet_say(s, 0, "Where", sheet_join(s, sheet_words(s, e, "place"), ", ",
					    sheet_words(s, e, "host_school")));
	sheet_say(s, 0, "Group", sheet_words(s, e, "groups"));
	sheet_say(s, 0, "Theme", sheet_words(s, e, "theme"));
	sheet_say(s, 0, "State", state);
	sheet_say(s, 0, "Serves", sheet_words(s, e, "action"));
	minutes = sheet_rows(s, TYPE_MINUTES, "event", &e->id, &n);
	for (size_t i = 0; i < n; i++)
		sheet_say(s, 0, "Minutes", sheet_join(s, sheet_words(s, &minutes[i], "part"), ": ",
						      sheet_words(s, &minutes[i], "state")));
	sheet_two_versions(s, 0, &e->id);
}

/* ---- Who was there -------------------------------------------------------------------------- */

/* "Amy Booth (Pilsley Primary School), from 18:45", "Heath Primary School (4)". */
static const char *sheet_person(struct sheet *s, const struct record *a)
{
	const char *person = sheet_words(s, a, "person"), *school = sheet_words(s, a, "school");
	const char *arrived = sheet_words(s, a, "arrived"), *left = sheet_words(s, a, "left");
	uint64_t count = sheet_number(a, "count");
	const char *who = *person && *school ? arena_format(&s->arena, "%s (%s)", person, school)
			  : *person	     ? person
					     : school;

	if (count)
		who = arena_format(&s->arena, "%s (%llu)", who, (unsigned long long)count);
	if (*arrived)
		who = arena_format(&s->arena, "%s, from %s", who, arrived);
	if (*left)
		who = arena_format(&s->arena, "%s, until %s", who, left);
	return who;
}

static int by_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sheet_presence(struct sheet *s, uint64_t presence, const char *label)
{
	const char **names = arena_alloc(&s->arena, (s->n_attendances + 1) * sizeof(*names));
	const char *all = "";
	size_t n = 0;

	for (size_t i = 0; i < s->n_attendances; i++)
		if (sheet_number(&s->attendances[i], "presence") == presence)
			names[n++] = sheet_person(s, &s->attendances[i]);
	if (n)
		qsort(names, n, sizeof(*names), by_words);
	for (size_t i = 0; i < n; i++)
		all = sheet_join(s, all, "; ", names[i]);
	sheet_say(s, 0, label, all);
}

/* The school that somebody stands for here: as entered, else the one of a current appointment. */
static bool sheet_school(struct sheet *s, const struct record *a, struct id *school)
{
	struct id person;
	struct record *rows;
	size_t n;

	if (sheet_ref(a, "school", school))
		return true;
	if (!sheet_ref(a, "person", &person))
		return false;
	rows = sheet_rows(s, TYPE_APPOINTMENT, "person", &person, &n);
	for (size_t i = 0; i < n; i++)
		if (sheet_number(&rows[i], "ended") == 0 && sheet_ref(&rows[i], "school", school))
			return true;
	return false;
}

static size_t sheet_schools(struct sheet *s, uint64_t *people)
{
	struct id *schools = arena_alloc(&s->arena, (s->n_attendances + 1) * sizeof(*schools)),
		  school;
	size_t n = 0;

	*people = 0;
	for (size_t i = 0; i < s->n_attendances; i++) {
		const struct record *a = &s->attendances[i];
		uint64_t count = sheet_number(a, "count");
		bool known = false;
		if (sheet_number(a, "presence") != RECORDS__PRESENCE__PRESENT)
			continue;
		*people += count ? count : 1;
		if (!sheet_school(s, a, &school))
			continue;
		for (size_t k = 0; k < n; k++)
			known |= id_equal(&schools[k], &school);
		if (!known)
			schools[n++] = school;
	}
	return n;
}

/* What a group of this meeting asks for; the largest, where there are several. */
static uint64_t sheet_quorum(struct sheet *s, const char *field)
{
	struct bytes groups = sheet_value(&s->event, "groups");
	struct field f;
	struct record g;
	struct id id;
	uint64_t most = 0;

	while (field_next(&groups, &f) > 0) {
		if (!id_from(&id, f.payload) ||
		    copy_record(s->copy, &id, VIEW_SHOWN, &s->arena, &g, NULL) < 0 ||
		    g.type != TYPE_GROUP)
			continue;
		uint64_t v = sheet_number(&g, field);
		most = v > most ? v : most;
	}
	return most;
}

static void sheet_attendance(struct sheet *s)
{
	uint64_t people, need_people = sheet_quorum(s, "quorum_people");
	uint64_t schools = sheet_schools(s, &people),
		 need_schools = sheet_quorum(s, "quorum_schools");
	const char *here;

	if (s->n_attendances == 0)
		return;
	buf_add_u8(s->out, '\n');
	sheet_presence(s, RECORDS__PRESENCE__PRESENT, "Present");
	sheet_presence(s, RECORDS__PRESENCE__IN_ATTENDANCE, "In attendance");
	sheet_presence(s, RECORDS__PRESENCE__OBSERVER, "Observing");
	sheet_presence(s, RECORDS__PRESENCE__APOLOGIES, "Apologies");
	sheet_presence(s, RECORDS__PRESENCE__ABSENT, "Absent");
	sheet_presence(s, 0, "Invited");
	here = arena_format(&s->arena, "%s from %s",
			    screen_count(&s->arena, people, "person", "people"),
			    screen_count(&s->arena, schools, "school", "schools"));
	if (need_people == 0 && need_schools == 0) {
		sheet_say(s, 0, "In all", here);
		return;
	}
	const char *met = people >= need_people && schools >= need_schools ? "met" : "not met";
	const char *need = "";
	if (need_people)
		need = screen_count(&s->arena, need_people, "person", "people");
	if (need_schools)
		need = sheet_join(s, need, " from ",
				  screen_count(&s->arena, need_schools, "school", "schools"));
	sheet_say(s, 0, "Quorum", arena_format(&s->arena, "%s: %s, %s needed", met, here, need));
}

static void sheet_declarations(struct sheet *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_attendances; i++) {
		const struct record *a = &s->attendances[i];
		const char *words = sheet_words(s, a, "declaration");
		if (!*words)
			continue;
		if (!any)
			buf_add_text(s->out, "\nDeclarations of interest\n");
		any = true;
		sheet_say(s, 2, sheet_words(s, a, "person"), words);
	}
}

/* ---- The agenda ----------------------------------------------------------------------------- */

/* The live actions that arise from an item: by origin, or by a Link. */
static struct record *sheet_arising(struct sheet *s, const struct id *item, size_t *n)
{
	size_t n_own, n_links;
	struct record *own = sheet_rows(s, TYPE_ACTION, "origin", item, &n_own);
	struct record *links = sheet_rows(s, TYPE_LINK, "to", item, &n_links);
	struct record *all = arena_alloc(&s->arena, (n_own + n_links + 1) * sizeof(*all));
	struct id from;

	*n = n_own;
	memcpy(all, own, n_own * sizeof(*all));
	for (size_t i = 0; i < n_links; i++) {
		bool known = false;
		if (sheet_number(&links[i], "kind") != RECORDS__LINK_KIND__ARISES_FROM ||
		    !sheet_ref(&links[i], "from", &from))
			continue;
		for (size_t k = 0; k < *n; k++)
			known |= id_equal(&all[k].id, &from);
		if (!known &&
		    copy_record(s->copy, &from, VIEW_SHOWN, &s->arena, &all[*n], NULL) == 0 &&
		    all[*n].type == TYPE_ACTION && record_existence(&all[*n]) == LIVE)
			(*n)++;
	}
	return all;
}

/* "1.5 Use the area; Pilsley Primary School; by 20 December 2019; in-progress". */
static const char *sheet_action(struct sheet *s, const struct record *a)
{
	const char *who = sheet_words(s, a, "responsible"), *by = sheet_words(s, a, "target_due");
	const char *status = sheet_words(s, a, "status"), *words;

	if (!*who)
		who = sheet_words(s, a, "responsible_text");
	by = *by ? arena_format(&s->arena, "by %s", by) : sheet_words(s, a, "target_text");
	if (sheet_number(a, "status") == RECORDS__ACTION_STATUS__NOT_GIVEN)
		status = "";
	words = sheet_join(s, sheet_words(s, a, "ref"), " ", sheet_words(s, a, "text"));
	words = sheet_join(s, words, "; ", who);
	words = sheet_join(s, words, "; ", by);
	return sheet_join(s, words, "; ", status);
}

static void sheet_notes(struct sheet *s, const struct id *on, unsigned indent)
{
	size_t n;
	struct record *notes = sheet_rows(s, TYPE_NOTE, "on", on, &n);

	if (n > 0 && indent == 0)
		buf_add_u8(s->out, '\n');
	for (size_t i = 0; i < n; i++) {
		const char *kind = sheet_words(s, &notes[i], "kind");
		const char *author = sheet_words(s, &notes[i], "author");
		const char *label = lookup_field_label(*kind ? kind : "note", &s->arena);
		if (*author)
			label = arena_format(&s->arena, "%s by %s", label, author);
		sheet_say(s, indent, label, sheet_words(s, &notes[i], "text"));
	}
}

static void sheet_item(struct sheet *s, size_t i)
{
	const struct record *item = &s->items[i];
	const char *title = sheet_words(s, item, "title"),
		   *purpose = sheet_words(s, item, "purpose");
	const char *number = arena_format(&s->arena, "%zu. ", i + 1);
	struct bytes minute = value_bytes(sheet_value(item, "minute_text"));
	bool part_b = sheet_number(item, "part") == RECORDS__PART__PART_B;
	struct record *actions;
	size_t n;

	buf_add_text(s->out, "\n%s", number);
	title = *title ? title : "(no title)";
	if (*purpose)
		title = arena_format(&s->arena, "%s (to %s)", title, purpose);
	if (part_b)
		title = arena_format(&s->arena, "%s [Part B]", title);
	sheet_wrap(s, title, (unsigned)strlen(number), INDENT);
	sheet_say(s, INDENT, "Presented by", sheet_words(s, item, "presenter"));
	sheet_say(s, INDENT, "Papers", sheet_words(s, item, "papers"));
	sheet_two_versions(s, INDENT, &item->id);
	sheet_text(s, minute, INDENT);
	if (part_b && minute.len == 0)
		sheet_text(s, BYTES("Minuted in Part B.", 18), INDENT);
	sheet_notes(s, &item->id, INDENT);
	actions = sheet_arising(s, &item->id, &n);
	for (size_t k = 0; k < n; k++)
		sheet_say(s, INDENT, "Action", sheet_action(s, &actions[k]));
}

static void sheet_agenda(struct sheet *s)
{
	if (s->n_items == 0) {
		buf_add_text(s->out, "\nThere is no agenda yet.\n");
		return;
	}
	buf_add_u8(s->out, '\n');
	sheet_heading(s, "Agenda and minutes", '-');
	for (size_t i = 0; i < s->n_items; i++)
		sheet_item(s, i);
}

/* All of them together, since that is what people take home. */
static void sheet_actions(struct sheet *s)
{
	struct record *actions;
	size_t n, all = 0;

	for (size_t i = 0; i < s->n_items; i++) {
		actions = sheet_arising(s, &s->items[i].id, &n);
		for (size_t k = 0; k < n; k++) {
			if (all++ == 0) {
				buf_add_u8(s->out, '\n');
				sheet_heading(s, "Actions arising", '-');
			}
			sheet_say(s, 0, arena_format(&s->arena, "Item %zu", i + 1),
				  sheet_action(s, &actions[k]));
		}
	}
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void sheet_read(struct sheet *s)
{
	s->items = sheet_rows(s, TYPE_AGENDA_ITEM, "event", &s->event.id, &s->n_items);
	if (s->n_items)
		qsort(s->items, s->n_items, sizeof(*s->items), by_position);
	s->attendances = sheet_rows(s, TYPE_ATTENDANCE, "event", &s->event.id, &s->n_attendances);
}

int minutes_print(struct copy *copy, const struct id *event, unsigned width, struct buf *out,
		  struct cause *cause)
{
	struct sheet s = {.copy = copy, .out = out, .width = width ? width : WIDTH};
	int err;

	s.width = s.width < NARROWEST ? NARROWEST : s.width;
	arena_init(&s.arena, ARENA_NO_BUDGET);
	err = copy_record(copy, event, VIEW_SHOWN, &s.arena, &s.event, NULL);
	if (err < 0) {
		cause_set(cause, err, "there is no such meeting here");
	} else if (s.event.type != TYPE_EVENT) {
		err = cause_set(cause, ERR_INVALID, "%s is not a meeting",
				lookup_label(copy, event, &s.arena));
	} else {
		sheet_read(&s);
		sheet_head(&s);
		sheet_attendance(&s);
		sheet_declarations(&s);
		sheet_agenda(&s);
		sheet_notes(&s, event, 0);
		sheet_actions(&s);
		err = s.err;
		if (err < 0)
			cause_set(cause, err, "the meeting can't be read: %s", err_words(err));
	}
	arena_fini(&s.arena);
	return err;
}

/* ---- From a minute to an action ------------------------------------------------------------- */

static void draft_ref(struct draft *d, uint32_t type, const char *field, const struct id *to)
{
	struct buf b = {0};

	field_add_bytes(&b, sheet_field(type, field), ID_BYTES(to));
	draft_set(d, sheet_field(type, field), buf_bytes(&b));
	buf_fini(&b);
}

struct draft *minutes_draft_action(struct copy *copy, const struct id *item, const char *text,
				   struct id *action, struct cause *cause)
{
	struct id space, link = id_make(copy_env(copy));
	struct buf b = {0};
	struct arena arena;
	struct record r;
	struct draft *d;
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	err = copy_record(copy, item, VIEW_SHOWN, &arena, &r, &space);
	arena_fini(&arena);
	if (err < 0 || r.type != TYPE_AGENDA_ITEM) {
		cause_set(cause, err < 0 ? err : ERR_INVALID, "there is no such agenda item here");
		return NULL;
	}
	*action = id_make(copy_env(copy));
	d = draft_new(copy, &space);
	draft_create(d, TYPE_LINK, &link);
	draft_ref(d, TYPE_LINK, "from", action);
	draft_ref(d, TYPE_LINK, "to", item);
	field_add_number(&b, sheet_field(TYPE_LINK, "kind"), RECORDS__LINK_KIND__ARISES_FROM);
	draft_set(d, sheet_field(TYPE_LINK, "kind"), buf_bytes(&b));
	buf_reset(&b);
	draft_create(d, TYPE_ACTION, action);
	field_add_text(&b, sheet_field(TYPE_ACTION, "text"), text);
	draft_set(d, sheet_field(TYPE_ACTION, "text"), buf_bytes(&b));
	draft_ref(d, TYPE_ACTION, "origin", item);
	buf_fini(&b);
	return d;
}
