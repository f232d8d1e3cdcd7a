/*
 * `list`: the records of a type as a table that a person can take in, or as JSON. Which columns a
 * type has stands in one table here; a type that is not in it shows its title, its words and its
 * days.
 */
#include "client/cmd.h"

#include "client/holding.h"
#include "client/merged.h"
#include "client/paper.h"
#include "client/tables.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_COLUMNS = 8 };

/* Columns of types that deserve better than what all others get. */
static const struct {
	uint32_t type;
	const char *columns;
} list_columns[] = {
    {TYPE_SCHOOL, "name phase governance short_id"},
    {TYPE_PERSON, "name email standing"},
    {TYPE_APPOINTMENT, "person role school group to ended"},
    {TYPE_GROUP, "name kind chair theme"},
    {TYPE_SPACE, "name kind open archived"},
    {TYPE_DEVICE, "label person school revoked"},
    {TYPE_TERM, "year name start end"},
    {TYPE_PRIORITY, "number title"},
    {TYPE_PLAN_LINE, "ref kind text status"},
    {TYPE_ACTION, "ref text status rag responsible target_text"},
    {TYPE_NOTE, "kind text on schools"},
    {TYPE_EVENT, "day start title place state"},
    {TYPE_ATTENDANCE, "event person school presence"},
    {TYPE_AGENDA_ITEM, "event title purpose minute_text"},
    {TYPE_MINUTES, "event part state"},
    {TYPE_DOCUMENT, "title class state review_date"},
    {TYPE_VERSION, "filename bytes document note released"},
    {TYPE_LINK, "kind from to"},
    {TYPE_SIGN_OFF, "kind what person school"},
    {TYPE_READ_MARK, "space number record"},
    {TYPE_CONFLICT, "record state"},
    {TYPE_LIMIT, "school file_bytes school_bytes area_bytes"},
    {TYPE_RETENTION, "space newest days"},
};

/* The fields that may be shown, in order; their number. */
static unsigned list_candidates(const struct schema_type *t,
				const ProtobufCFieldDescriptor *fields[LIST_COLUMNS])
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(list_columns) / sizeof(*list_columns); i++) {
		if (list_columns[i].type != t->number)
			continue;
		for (const char *p = list_columns[i].columns; *p; p += strspn(p, " ")) {
			char name[TABLES_NAME];
			size_t len = strcspn(p, " ");
			snprintf(name, sizeof(name), "%.*s", (int)len, p);
			fields[n++] = schema_field_named(t, name);
			must(fields[n - 1]);
			p += len;
		}
		return n;
	}
	fields[n++] = schema_field_named(t, t->title);
	for (size_t i = 0; i < t->n_fields && n < 5; i++)
		if (&t->message->fields[i] != fields[0] &&
		    (t->fields[i].format == FORMAT_WORD || t->fields[i].format == FORMAT_DAY))
			fields[n++] = &t->message->fields[i];
	return n;
}

/* A record that is listed. */
struct listed {
	struct id id, space;
	bool withdrawn;
	int64_t pending, conflicts;
	bool merged;
	int here; /* are its bytes? -1: it has none */
	enum word word; /* on a document's bytes */
	const char *sending; /* how far its document is; NULL: it has none on its way */
	const char *key; /* what it is sorted by */
	struct record record;
};

static const char *listed_word(const struct listed *l)
{
	return l->withdrawn   ? "withdrawn"
	       : l->conflicts ? "two versions"
	       : l->sending   ? l->sending
	       : l->pending   ? "not sent yet"
	       : l->merged    ? "merged by machine"
			      : "";
}

/* Are a document's bytes here, and has the person said that they be, or not? */
static const char *listed_here(const struct listed *l)
{
	return l->here < 0		 ? ""
	       : l->word == WORD_KEEP	 ? l->here ? "kept" : "to come"
	       : l->here		 ? "yes"
	       : l->word == WORD_DROP	 ? "dropped"
					 : "no";
}

/* "2019-10-09 18:30", "1.10", "Heath": what people expect a list of this type to be ordered by. */
static const char *list_key(const struct schema_type *t, const struct record *r,
			    struct arena *arena)
{
	static const char *const fields[] = {"day",   "start",	  "year", "ref",      "number",
					     "order", "position", "name", "filename", "title"};
	struct buf b = {0};
	unsigned n = 0;
	/* A place in a list means something only among those of the same parent. */
	if (schema_field_named(t, "position") && !schema_field_named(t, "ref"))
		for (size_t i = 0; i < t->n_fields && n == 0; i++)
			if (t->fields[i].format == FORMAT_REF) {
				struct bytes id =
				    value_bytes(record_get(r, t->message->fields[i].id));
				for (size_t k = 0; k < id.len; k++)
					buf_add_text(&b, "%02x", id.data[k]);
				buf_add_u8(&b, ' ');
				break;
			}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && n < 2; i++) {
		const ProtobufCFieldDescriptor *d = schema_field_named(t, fields[i]);
		struct bytes value = d ? record_get(r, d->id) : BYTES_NONE;
		struct field o;
		if (!d)
			continue;
		if (field_next(&value, &o) > 0)
			schema_print(d, schema_field(t, d->id, NULL), &o, &b);
		buf_add_u8(&b, ' ');
		n++;
	}
	const char *key = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return key;
}

static int listed_compare(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int c = strverscmp(x->key, y->key); /* 1.10 after 1.9 */
	return c ? c : id_compare(&x->id, &y->id);
}

struct list {
	const struct schema_type *type;
	struct filter *filters;
	size_t n_filters;
	struct id space; /* zero: any */
	struct listed *rows;
	size_t n;
	struct presence presence; /* of documents and versions */
	struct ids apart;	  /* documents whose versions were made apart */
};

static bool list_is_of_documents(const struct list *list)
{
	return list->type->number == TYPE_DOCUMENT || list->type->number == TYPE_VERSION;
}

static bool list_takes(struct call *call, const struct list *list, const struct listed *row)
{
	if (!id_is_zero(&list->space) && !id_equal(&list->space, &row->space))
		return false;
	for (size_t i = 0; i < list->n_filters; i++)
		if (!resolve_matches(call->copy, &list->filters[i], &row->record, &call->arena))
			return false;
	return true;
}

/* "sending 42 %", of a Version whose content is on its way; else NULL. */
static const char *list_sending(struct call *call, const struct listed *row)
{
	uint64_t sent, all;
	struct content c;

	if (!row->pending || row->record.type != TYPE_VERSION || !contents_of(&row->record, &c) ||
	    contents_sending(call->copy, c.root, &sent, &all) <= 0 || all == 0)
		return NULL;
	return arena_format(&call->arena, "sending %u %%", (unsigned)(sent * 100 / all));
}

/* All rows of the type's table, then those that the filters take. */
static int list_read(struct call *call, struct list *list)
{
	char name[TABLES_NAME];
	const char *sql = arena_format(
	    &call->arena, "SELECT id, space, withdrawn, pending, conflict FROM \"%s\"%s",
	    tables_name(list->type, name), call_option(call, "all") ? "" : " WHERE withdrawn = 0");
	struct db_stmt *st = db_query_text(copy_db(call->copy), sql, &call->cause);
	struct merged_known known = {0};
	struct buf rows = {0};
	int got = st ? 0 : ERR_DB;

	if (st && list_is_of_documents(list))
		got = presence_init(&list->presence, call->copy);
	if (st && got >= 0 && list->type->number == TYPE_DOCUMENT)
		got = papers_apart(call->copy, &call->arena, &list->apart);
	while (st && got >= 0 && (got = db_step(st)) > 0) {
		struct listed row = {.withdrawn = db_int(st, 2) != 0,
				     .pending = db_int(st, 3),
				     .conflicts = db_int(st, 4)};
		if (db_id(st, 0, &row.id) && db_id(st, 1, &row.space))
			buf_add(&rows, &row, sizeof(row));
	}
	struct bytes all = arena_copy(&call->arena, buf_bytes(&rows));
	buf_fini(&rows);
	list->rows = (struct listed *)all.data;
	for (size_t i = 0; got >= 0 && i < all.len / sizeof(struct listed); i++) {
		struct listed row = list->rows[i];
		if (copy_record(call->copy, &row.id, VIEW_SHOWN, &call->arena, &row.record, NULL) <
		    0)
			continue;
		row.key = list_key(list->type, &row.record, &call->arena);
		if (!list_takes(call, list, &row))
			continue;
		row.merged =
			merged_any(call->copy, list->type, &row.record, &row.space, &known) == 1;
		row.sending = list_sending(call, &row);
		row.here = presence_of(&list->presence, &row.id);
		row.word = presence_word(&list->presence, &row.id);
		for (size_t k = 0; k < list->apart.n && !row.conflicts; k++)
			row.conflicts = id_equal(&list->apart.ids[k], &row.id);
		list->rows[list->n++] = row;
	}
	if (list->n > 1)
		qsort(list->rows, list->n, sizeof(*list->rows), listed_compare);
	return got < 0 ? cause_set(&call->cause, got, "the list can't be read: %s", err_words(got))
		       : 0;
}

static int list_print_json(struct call *call, const struct list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->n; i++) {
		const struct listed *row = &list->rows[i];
		json_t *o = json_record(list->type, &row->record, &row->space);
		struct seen seen;
		char word[SEEN_WORD];
		if (copy_seen(call->copy, &row->id, &seen) == 0) {
			seen_format(&seen, word);
			json_object_set_new(o, "seen", json_string(word));
		}
		json_object_set_new(o, "pending", json_integer(row->pending));
		json_object_set_new(o, "two_versions", json_integer(row->conflicts));
		json_object_set_new(o, "merged", json_boolean(row->merged));
		if (row->here >= 0)
			json_object_set_new(o, "here", json_boolean(row->here));
		if (row->here >= 0 && list->type->number == TYPE_DOCUMENT)
			json_object_set_new(o, "kept", json_boolean(row->word == WORD_KEEP));
		json_array_append_new(all, o);
	}
	return cmd_json(call, all);
}

/* The first line of a value says enough in a table; of a name all of it is meant. */
static void list_cell(struct call *call, struct table *table, const struct list *list,
		      const struct listed *row, const ProtobufCFieldDescriptor *d)
{
	const char *words = lookup_value(call->copy, list->type, d->id,
					 record_get(&row->record, d->id), &call->arena);
	bool name = strcmp(d->name, "filename") == 0;
	table_cell(table, BYTES(words, name ? strlen(words) : strcspn(words, "\n")));
}

/* The fields to show: those that any row has a value of. */
static unsigned list_fields(const struct list *list,
			    const ProtobufCFieldDescriptor *fields[LIST_COLUMNS])
{
	unsigned n = list_candidates(list->type, fields), kept = 0;
	for (unsigned i = 0; i < n; i++) {
		bool any = strcmp(fields[i]->name, list->type->title) == 0;
		for (size_t k = 0; k < list->n && !any; k++)
			any = record_get(&list->rows[k].record, fields[i]->id).len > 0;
		if (any)
			fields[kept++] = fields[i];
	}
	return kept;
}

static int list_print(struct call *call, const struct list *list)
{
	const ProtobufCFieldDescriptor *fields[LIST_COLUMNS];
	const char *headings[LIST_COLUMNS + 3] = {"ID"};
	unsigned n = list_fields(list, fields);
	bool marks = false, documents = list_is_of_documents(list);

	for (unsigned i = 0; i < n; i++)
		headings[i + 1] = lookup_field_label(fields[i]->name, &call->arena);
	for (size_t i = 0; i < list->n; i++)
		marks |= *listed_word(&list->rows[i]) != '\0';
	headings[n + 1] = "Here";
	headings[n + 1 + documents] = "Note";
	struct table *table = table_new(n + 1 + documents + marks, headings);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(fields[i]->name, list->type->title) == 0)
			table_favour(table, i + 1);
	for (size_t i = 0; i < list->n; i++) {
		const struct listed *row = &list->rows[i];
		table_words(table, "%s", lookup_short_id(call->copy, &row->id, &call->arena));
		for (unsigned k = 0; k < n; k++)
			list_cell(call, table, list, row, fields[k]);
		if (documents)
			table_words(table, "%s", listed_here(row));
		if (marks)
			table_words(table, "%s", listed_word(row));
	}
	if (list->n > 0)
		table_show(table, call->out);
	else
		cmd_say(call, "There is no %s%s here.", list->type->name,
			list->n_filters ? " like that" : "");
	table_free(&table);
	return 0;
}

/* ---- Without a type ------------------------------------------------------------------------- */

static int list_types(struct call *call)
{
	static const char *const headings[] = {"Type", ">Records"};
	struct table *table = table_new(2, headings);
	json_t *all = json_array();
	size_t n;
	const struct schema_type *types = schema_types(&n);
	int err = 0;

	for (size_t i = 0; err >= 0 && i < n; i++) {
		int64_t count;
		err = lookup_count(call->copy, types[i].number, call_option(call, "all"), &count);
		table_words(table, "%s", types[i].name);
		table_words(table, "%lld", (long long)count);
		json_array_append_new(all, json_pack("{s:s,s:I}", "type", types[i].name, "records",
						     (json_int_t)count));
	}
	if (err < 0)
		cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	else if (call->json)
		err = cmd_json(call, json_incref(all));
	else
		table_show(table, call->out);
	json_decref(all);
	table_free(&table);
	return err;
}

int cmd_list(struct call *call)
{
	struct list list = {0};
	const char *space = call_option(call, "space");
	int err;

	if (call->n_words == 0)
		return list_types(call);
	if ((err = resolve_type(call->words[0], &list.type, &call->cause)) < 0)
		return err;
	if (space && (err = resolve_space(call->copy, space, &list.space, &call->cause)) < 0)
		return err;
	list.filters = arena_alloc(&call->arena, call->n_words * sizeof(*list.filters));
	for (size_t i = 1; i < call->n_words; i++) {
		err = resolve_filter(call->copy, list.type, call->words[i], &call->arena,
				     &list.filters[list.n_filters++], &call->cause);
		if (err < 0)
			return err;
	}
	/* One view of the copy for all of it, and no lock for each record. */
	db_read_begin(copy_db(call->copy));
	err = list_read(call, &list);
	db_read_end(copy_db(call->copy));
	presence_fini(&list.presence);
	if (err < 0)
		return err;
	return call->json ? list_print_json(call, &list) : list_print(call, &list);
}
