/*
 * `show` and `search`: one record with all that belongs to it, and records by their words.
 */
#include "client/cmd.h"

#include "client/merged.h"
#include "client/minutes.h"
#include "client/paper.h"
#include "client/texts.h"
#include "common/os.h"

#include <string.h>

/* ---- show ----------------------------------------------------------------------------------- */

enum { LABEL_WIDTH = 18 };

static void show_line(struct call *call, const char *label, struct bytes text)
{
	fprintf(call->out, "  %-*s ", LABEL_WIDTH, label);
	screen_print_text(call->out, text, LABEL_WIDTH + 3);
}

static void show_words(struct call *call, const char *label, const char *words)
{
	show_line(call, label, BYTES(words, strlen(words)));
}

/* Who wrote what the machine brought together, so that somebody reads it again. */
static void show_merged(struct call *call, uint32_t field, const struct merged *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i].field == field)
			show_words(
				call, "",
				arena_format(&call->arena, "(%s: %s%s and %s)",
					     list[i].here ? "will be merged by machine"
							  : "merged by machine",
					     lookup_author_words(&list[i].last, &call->arena),
					     list[i].here ? ", not sent yet," : "",
					     lookup_author_words(&list[i].before, &call->arena)));
}

static void show_fields(struct call *call, const struct target *at)
{
	struct merged *merged;
	int n = merged_fields(call->copy, at->type, &at->id, &call->arena, &merged);

	for (size_t i = 0; i < at->type->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &at->type->message->fields[i];
		struct bytes value = record_get(&at->now, d->id);
		if (value.len == 0 || lookup_is_inner(&at->type->fields[i]))
			continue;
		show_words(call, lookup_field_label(d->name, &call->arena),
			   lookup_value(call->copy, at->type, d->id, value, &call->arena));
		show_merged(call, d->id, merged, n);
	}
}

/* The entry that last touched the record, if it is accepted. */
static bool show_last(struct call *call, const struct target *at, struct author *who)
{
	struct past_entry past;
	memset(who, 0, sizeof(*who));
	if (at->now.number == 0 ||
	    copy_entry(call->copy, &at->space, at->now.number, &call->arena, &past) <= 0)
		return false;
	who->number = at->now.number;
	who->time_ms = past.header.time_ms;
	lookup_device(call->copy, &past.header.device, &call->arena, who);
	return true;
}

/* Own changes to this record that wait here. */
static void show_pending(struct call *call, const struct target *at)
{
	struct foresight ahead;
	struct record shown;
	struct author who;
	if (id_is_zero(&at->seen.after))
		return;
	lookup_author(call->copy, &at->seen.after, &call->arena, &who);
	bool corrects = copy_foresee(call->copy, &at->id, &call->arena, &shown, &ahead) >= 0 &&
			ahead.corrects;
	show_words(call, "Waiting",
		   arena_format(&call->arena, "your change of %s is not sent yet%s",
				screen_instant(&call->arena, who.time_ms),
				corrects ? "; the minutes are approved: it will stand beside them "
					   "as a correction"
					 : ""));
}

static void show_state(struct call *call, const struct target *at)
{
	struct author who;
	char text[ID_TEXT];

	show_words(call, "Space", lookup_space_name(call->copy, &at->space, &call->arena));
	if (show_last(call, at, &who))
		show_words(call, "Last changed", lookup_author_words(&who, &call->arena));
	show_pending(call, at);
	if (record_existence(&at->now) == WITHDRAWN)
		show_words(call, "Withdrawn",
			   arena_format(&call->arena, "'fivepits restore %s' brings it back",
					lookup_short_id(call->copy, &at->id, &call->arena)));
	show_words(call, "ID", id_format(&at->id, text));
}

static int show_versions(struct call *call, const struct target *at)
{
	struct versions *list;
	size_t n = 0;
	int err = cmd_versions(call, &at->id, &list, &n);

	for (size_t i = 0; err >= 0 && i < n; i++) {
		fputc('\n', call->out);
		cmd_versions_print(call, &list[i]);
	}
	return err;
}

/* The notes on a record, oldest first. */
static void show_notes(struct call *call, const struct target *at)
{
	const struct schema_type *t = schema_type(TYPE_NOTE);
	uint32_t text = schema_field_named(t, "text")->id, kind = schema_field_named(t, "kind")->id;
	struct ids ids;

	if (lookup_referring(call->copy, TYPE_NOTE, schema_field_named(t, "on")->id, &at->id,
			     &call->arena, &ids) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		struct target note = {.id = ids.ids[i]};
		struct author who;
		if (copy_record(call->copy, &note.id, VIEW_SHOWN, &call->arena, &note.now,
				&note.space) < 0)
			continue;
		const char *word =
		    lookup_value(call->copy, t, kind, record_get(&note.now, kind), &call->arena);
		const char *by = show_last(call, &note, &who)
				     ? lookup_author_words(&who, &call->arena)
				     : "not sent yet";
		fprintf(call->out, "%s  Note (%s), %s\n    ", i ? "" : "\n",
			*word ? word : "comment", by);
		screen_print_text(call->out, value_bytes(record_get(&note.now, text)), 4);
	}
}

/* "newest", "picked", "made apart", "released": how a version stands among the others. */
static const char *version_word(struct call *call, const struct version *v,
				const struct version *current, size_t apart)
{
	struct bytes day = contents_released(&v->record);

	if (day.len)
		return arena_format(&call->arena, "released on %s by the rule for old versions",
				    screen_day(&call->arena, day));
	return v == current && !v->newest ? "picked"
	       : apart > 1 && v->newest	  ? "made apart"
	       : v == current		  ? "current"
					  : "";
}

/* Who made it, whatever was done to its record since; false: it is not accepted yet. */
static bool version_author(struct call *call, const struct version *v, struct author *who)
{
	struct target at = {.id = v->id, .space = v->space};

	at.now.number = v->made;
	return show_last(call, &at, who);
}

static const char *version_from(struct call *call, const struct version *v)
{
	struct author who;

	return version_author(call, v, &who) ? lookup_author_words(&who, &call->arena)
					  : "you, not sent yet";
}

/* One version, for people: two lines, and what its author says of it. */
static void show_version(struct call *call, const struct version *v, size_t number,
			 const char *word)
{
	struct bytes name = value_bytes(version_get(&v->record, "filename"));
	struct bytes folder = value_bytes(version_get(&v->record, "folder"));
	struct bytes note = value_bytes(version_get(&v->record, "note"));
	struct content c;
	bool whole = contents_of(&v->record, &c);
	bool here = contents_released(&v->record).len ||
		    (whole && contents_has(call->copy, c.root, NULL) > 0);

	fprintf(call->out, "%5zu  %s%s%s, %s%s%s%s  [%s]\n       %s\n", number,
		screen_line(&call->arena, folder), folder.len ? "/" : "",
		screen_line(&call->arena, name),
		whole ? screen_size(&call->arena, c.bytes) : "no bytes",
		here ? "" : ", not on this computer", *word ? ", " : "", word,
		lookup_short_id(call->copy, &v->id, &call->arena), version_from(call, v));
	if (note.len)
		fprintf(call->out, "       %s\n", screen_line(&call->arena, note));
}

/* The versions of a document, newest first. */
static void show_document(struct call *call, const struct target *at)
{
	struct version *list;
	size_t n, apart;

	if (paper_versions(call->copy, &at->id, &call->arena, &list, &n) < 0)
		n = 0;
	const struct version *current = n ? paper_current(&at->now, list, n, &apart) : NULL;
	if (n > 0)
		screen_bold(call->out, n > 1 ? "\nVersions, the newest first\n" : "\nVersion\n");
	for (size_t i = n; i-- > 0;)
		show_version(call, &list[i], i + 1, version_word(call, &list[i], current, apart));
	if (n > 0 && apart > 1)
		fprintf(call->out,
			"%zu versions were made apart: 'fivepits settle %s --take NUMBER' "
			"picks the one that counts.\n",
			apart, lookup_short_id(call->copy, &at->id, &call->arena));
}

/* The same for programs, oldest first. */
static json_t *show_document_json(struct call *call, const struct target *at)
{
	json_t *all = json_array();
	struct version *list;
	size_t n, apart;

	if (paper_versions(call->copy, &at->id, &call->arena, &list, &n) < 0)
		n = 0;
	const struct version *current = n ? paper_current(&at->now, list, n, &apart) : NULL;
	for (size_t i = 0; i < n; i++) {
		const struct version *v = &list[i];
		struct author who;
		struct content c;
		bool whole = contents_of(&v->record, &c);
		struct bytes released = contents_released(&v->record);
		json_t *o = json_object();
		json_object_set_new(o, "number", json_integer((json_int_t)i + 1));
		json_object_set_new(o, "id", cmd_json_id(&v->id));
		json_object_set_new(o, "filename",
				    json_text(value_bytes(version_get(&v->record, "filename"))));
		json_object_set_new(o, "bytes", json_integer(whole ? (json_int_t)c.bytes : 0));
		json_object_set_new(o, "note",
				    json_text(value_bytes(version_get(&v->record, "note"))));
		json_object_set_new(o, "released",
				    released.len ? json_text(released) : json_null());
		json_object_set_new(o, "here",
				    json_boolean(whole && released.len == 0 &&
						 contents_has(call->copy, c.root, NULL) > 0));
		json_object_set_new(o, "newest", json_boolean(v->newest));
		json_object_set_new(o, "current", json_boolean(v == current));
		json_object_set_new(o, "made_apart", json_boolean(apart > 1 && v->newest));
		json_object_set_new(o, "author",
				    version_author(call, v, &who) ? cmd_json_author(&who)
								  : json_null());
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *show_merged_json(struct call *call, const struct target *at)
{
	json_t *all = json_array();
	struct merged *list;
	int n = merged_fields(call->copy, at->type, &at->id, &call->arena, &list);

	for (int i = 0; i < n; i++) {
		const ProtobufCFieldDescriptor *d;
		json_t *authors = json_array();
		schema_field(at->type, list[i].field, &d);
		json_array_append_new(authors, cmd_json_author(&list[i].last));
		json_array_append_new(authors, cmd_json_author(&list[i].before));
		json_array_append_new(all, json_pack("{s:s,s:o,s:b}", "field", d->name, "authors",
						     authors, "pending", list[i].here));
	}
	return all;
}

/* Fields of which something else waits here than is shown: what an edit of them stands on. */
static json_t *show_own_json(struct call *call, const struct target *at)
{
	json_t *o = json_object();
	struct record own;

	if (copy_record(call->copy, &at->id, VIEW_AUTHORED, &call->arena, &own, NULL) < 0)
		return o;
	for (size_t i = 0; i < at->type->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &at->type->message->fields[i];
		struct bytes value = record_get(&own, d->id);
		if (!bytes_equal(value, record_get(&at->now, d->id)))
			json_object_set_new(o, json_field_name(d), json_value(at->type, d, value));
	}
	return o;
}

static int show_json(struct call *call, const struct target *at)
{
	json_t *o = json_record(at->type, &at->now, &at->space), *versions = json_array();
	struct author who;
	struct versions *list;
	char word[SEEN_WORD];
	size_t n = 0;

	int err = cmd_versions(call, &at->id, &list, &n);
	for (size_t i = 0; err >= 0 && i < n; i++)
		json_array_append_new(versions, cmd_versions_json(call, &list[i]));
	seen_format(&at->seen, word);
	json_object_set_new(o, "seen", json_string(word));
	json_object_set_new(o, "number", json_integer((json_int_t)at->now.number));
	json_object_set_new(o, "pending", json_boolean(!id_is_zero(&at->seen.after)));
	json_object_set_new(o, "last_changed",
			    show_last(call, at, &who) ? cmd_json_author(&who) : json_null());
	json_object_set_new(o, "two_versions", versions);
	json_object_set_new(o, "merged", show_merged_json(call, at));
	json_object_set_new(o, "yours", show_own_json(call, at));
	if (at->type->number == TYPE_DOCUMENT)
		json_object_set_new(o, "versions", show_document_json(call, at));
	if (err >= 0)
		return cmd_json(call, o);
	json_decref(o);
	return err;
}

/* A meeting is shown as its minutes; any other event as a record. */
static bool show_minutes(struct call *call, const struct target *at)
{
	struct buf text = {0};
	bool terminal = os_is_terminal(call->out);
	bool is =
	    minutes_print(call->copy, &at->id,
			  terminal ? (unsigned)os_terminal_width(call->out) : 0, &text, NULL) == 0;
	if (is)
		fwrite(text.data, 1, text.len, call->out);
	buf_fini(&text);
	return is;
}

int cmd_show(struct call *call)
{
	struct target at;
	int err = cmd_target(call, call->words[0], &at);
	if (err < 0)
		return err;
	if (call->json)
		return show_json(call, &at);
	if (at.type->number != TYPE_EVENT || !show_minutes(call, &at)) {
		screen_bold(call->out,
			    arena_format(&call->arena, "%s %s",
					 lookup_type_label(at.type, &call->arena),
					 lookup_label(call->copy, &at.id, &call->arena)));
		fputc('\n', call->out);
		show_fields(call, &at);
	}
	fputc('\n', call->out);
	show_state(call, &at);
	err = show_versions(call, &at);
	if (err >= 0 && at.type->number == TYPE_DOCUMENT)
		show_document(call, &at);
	if (err >= 0)
		show_notes(call, &at);
	return err;
}

/* ---- search --------------------------------------------------------------------------------- */

struct search {
	struct call *call;
	uint32_t type; /* 0: any */
	struct table *table;
	json_t *all;
};

static void search_found(void *arg, const struct hit *hit)
{
	struct search *s = arg;
	const struct schema_type *t = schema_type(hit->type);
	json_t *o;

	if ((s->type && hit->type != s->type) || !t)
		return;
	/* Labels and short ids ask the copy, which is allowed while it searches: each is another
	 * statement. */
	table_words(s->table, "%s", lookup_short_id(s->call->copy, &hit->record, &s->call->arena));
	table_words(s->table, "%s", t->name);
	table_words(s->table, "%s", lookup_label(s->call->copy, &hit->record, &s->call->arena));
	table_words(s->table, "%s", hit->extract);
	o = json_object();
	json_object_set_new(o, "id", cmd_json_id(&hit->record));
	json_object_set_new(o, "type", json_string(t->name));
	json_object_set_new(o, "space", cmd_json_id(&hit->space));
	json_object_set_new(o, "title", json_text(BYTES(hit->title, strlen(hit->title))));
	json_object_set_new(o, "extract", json_text(BYTES(hit->extract, strlen(hit->extract))));
	json_array_append_new(s->all, o);
}

static const char *search_words(struct call *call)
{
	struct buf b = {0};
	for (size_t i = 0; i < call->n_words; i++)
		buf_add_text(&b, "%s%s", i ? " " : "", call->words[i]);
	const char *words = arena_text(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

int cmd_search(struct call *call)
{
	enum { INDEX_MS = 2000, SEARCH_MOST = 200 };
	static const char *const headings[] = {"ID", "Type", "Title", "Where"};
	const char *type = call_option(call, "type");
	const struct schema_type *t = NULL;
	struct search s = {.call = call};
	struct cause unread = {{0}};
	int err = type ? resolve_type(type, &t, &call->cause) : 0;
	int more;

	if (err < 0)
		return err;
	more = texts_read(call->copy, INDEX_MS, &unread) | copy_index(call->copy, INDEX_MS);
	s.type = t ? t->number : 0;
	s.table = table_new(4, headings);
	s.all = json_array();
	err = copy_search(call->copy, search_words(call), SEARCH_MOST, search_found, &s);
	if (err < 0)
		cause_set(&call->cause, err, "the search failed: %s", err_words(err));
	else if (call->json)
		err = cmd_json(call, json_incref(s.all));
	else if (table_rows(s.table) > 0)
		table_show(s.table, call->out);
	else
		cmd_say(call, "Nothing was found.");
	if (err >= 0 && more != 0)
		cmd_say(call,
			"Not everything is in the search index yet: search again in a moment.");
	json_decref(s.all);
	table_free(&s.table);
	return err < 0 ? err : 0;
}
