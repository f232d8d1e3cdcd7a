/*
 * Writing: add, set, edit, withdraw, restore. Each takes what the person had seen before it changes
 * anything, makes one draft, and has its effect on disk when it returns.
 */
#include "client/cmd.h"

#include "client/minutes.h"
#include "common/os.h"
#include "common/position.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Places in a list ----------------------------------------------------------------------- */

/* A neighbour in an ordered list, such as an agenda. */
struct place {
	struct id id;
	const char *key;
};

static int place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = strcmp(x->key, y->key);
	return c ? c : id_compare(&x->id, &y->id);
}

/* The records of a type under one parent that have a position, in their order. */
static struct place *place_list(struct call *call, const struct schema_type *t,
				uint32_t parent_field, const struct id *parent, size_t *n)
{
	uint32_t field = schema_field_named(t, "position")->id;
	struct ids ids;

	*n = 0;
	if (lookup_referring(call->copy, t->number, parent_field, parent, &call->arena, &ids) < 0)
		return NULL;
	struct place *list = arena_alloc(&call->arena, (ids.n + 1) * sizeof(*list));
	for (size_t i = 0; i < ids.n; i++) {
		struct record r;
		if (copy_record(call->copy, &ids.ids[i], VIEW_SHOWN, &call->arena, &r, NULL) < 0)
			continue;
		struct bytes key = value_bytes(record_get(&r, field));
		if (key.len > 0)
			list[(*n)++] = (struct place){ids.ids[i], arena_text(&call->arena, key)};
	}
	qsort(list, *n, sizeof(*list), place_compare);
	return list;
}

/* The key for a place in words: "position=first", "position=last", "before=ID", "after=ID". */
static int place_find(struct call *call, const struct place *list, size_t n, const char *words,
		      char key[POSITION_SIZE])
{
	bool before = strncmp(words, "before=", 7) == 0;
	size_t at =
	    strcmp(words, "position=first") == 0 ? 0 : n; /* it will stand before list[at] */
	struct id other;

	if (before || strncmp(words, "after=", 6) == 0) {
		int err =
		    resolve_record(call->copy, words + (before ? 7 : 6), &other, &call->cause);
		if (err < 0)
			return err;
		for (at = 0; at < n && !id_equal(&list[at].id, &other);)
			at++;
		if (at == n)
			return cause_set(&call->cause, ERR_INVALID, "%.100s is not in this list",
					 lookup_label(call->copy, &other, &call->arena));
		at += !before;
	}
	int err = position_between(copy_env(call->copy), at > 0 ? list[at - 1].key : NULL,
				   at < n ? list[at].key : NULL, key);
	return err < 0 ? cause_set(&call->cause, err, "there is no room left at that place") : 0;
}

static bool place_is_words(const char *word)
{
	return strcmp(word, "position=first") == 0 || strcmp(word, "position=last") == 0 ||
	       strncmp(word, "before=", 7) == 0 || strncmp(word, "after=", 6) == 0;
}

/* The parent of a record: what its last FIXED reference with a value refers to. */
static bool place_parent(const struct schema_type *t, const struct record *now,
			 const struct assignment *a, size_t n, uint32_t *field, struct id *parent)
{
	bool found = false;
	for (size_t i = 0; i < t->n_fields; i++) {
		struct bytes value = now ? record_get(now, t->message->fields[i].id) : BYTES_NONE;
		if (t->fields[i].merge != MERGE_FIXED || t->fields[i].format != FORMAT_REF)
			continue;
		for (size_t k = 0; !now && k < n; k++)
			if (a[k].row == &t->fields[i])
				value = a[k].occurrence;
		if (id_from(parent, value_bytes(value))) {
			*field = t->message->fields[i].id;
			found = true;
		}
	}
	return found;
}

/*
 * Give the record its place: where the assignments say in words, or (a new one) at the end. `words`
 * is NULL where nothing is said.
 */
static int place_assign(struct call *call, const struct schema_type *t, const struct record *now,
			const char *words, struct assignment *a, size_t *n)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(t, "position");
	char key[POSITION_SIZE];
	uint32_t parent_field;
	struct id parent;
	size_t n_list;
	struct buf b = {0};

	if (!d || !place_parent(t, now, a, *n, &parent_field, &parent)) {
		if (words)
			return cause_set(&call->cause, ERR_USAGE, "this %s is in no list", t->name);
		return 0;
	}
	struct place *list = place_list(call, t, parent_field, &parent, &n_list);
	int err = place_find(call, list, n_list, words ? words : "position=last", key);
	if (err < 0)
		return err;
	field_add_text(&b, d->id, key);
	a[(*n)++] = (struct assignment){d, schema_field(t, d->id, NULL), HOW_SET,
					arena_copy(&call->arena, buf_bytes(&b))};
	buf_fini(&b);
	return 0;
}

/* ---- Assignments ---------------------------------------------------------------------------- */

/* Read the words from `first` on. *out has room for one more. */
static int edit_read(struct call *call, const struct schema_type *t, const struct record *now,
		     size_t first, struct assignment **out, size_t *n)
{
	const char *place = NULL;
	bool placed = false, ordered = schema_field_named(t, "position") != NULL;

	*n = 0;
	*out = arena_alloc(&call->arena, (call->n_words - first + 1) * sizeof(**out));
	for (size_t i = first; i < call->n_words; i++) {
		const char *word = call->words[i];
		if (ordered && place_is_words(word)) {
			place = word;
			continue;
		}
		placed |= strncmp(word, "position=", 9) == 0;
		int err = resolve_assignment(call->copy, t, word, &call->arena, &(*out)[*n],
					     &call->cause);
		if (err < 0)
			return err;
		++*n;
	}
	if (place || (!now && !placed))
		return place_assign(call, t, now, place, *out, n);
	return 0;
}

/* ---- add ------------------------------------------------------------------------------------ */

static int add_space(struct call *call, const struct schema_type *t, const struct assignment *a,
		     size_t n, struct id *space)
{
	const char *word = call_option(call, "space");
	if (word)
		return resolve_space(call->copy, word, space, &call->cause);
	*space = resolve_home_space(call->copy, t, a, n, &call->arena);
	if (!lookup_holds(call->copy, space))
		return cause_set(
		    &call->cause, ERR_AUTH,
		    "this belongs in the space '%.100s', which is not on this computer; 'fivepits "
		    "sync' fetches it if you may read it",
		    lookup_space_name(call->copy, space, &call->arena));
	return 0;
}

/* An action whose origin is an agenda item, with the Link that says so; what that says is taken out
 * of the assignments. NULL: it is no such action. */
static struct draft *add_arising(struct call *call, const struct schema_type *t,
				 const struct id *space, struct assignment *a, size_t *n,
				 struct id *id)
{
	const struct assignment *origin = NULL, *text = NULL;
	struct record item;
	struct id item_id, item_space;
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		origin = strcmp(a[i].row->name, "origin") == 0 ? &a[i] : origin;
		text = strcmp(a[i].row->name, "text") == 0 ? &a[i] : text;
	}
	if (t->number != TYPE_ACTION || !origin || !text ||
	    !id_from(&item_id, value_bytes(origin->occurrence)) ||
	    copy_record(call->copy, &item_id, VIEW_SHOWN, &call->arena, &item, &item_space) < 0 ||
	    item.type != TYPE_AGENDA_ITEM || !id_equal(&item_space, space))
		return NULL;
	const char *words = arena_text(&call->arena, value_bytes(text->occurrence));
	struct draft *d = minutes_draft_action(call->copy, &item_id, words, id, NULL);
	for (size_t i = 0; d && i < *n; i++)
		if (strcmp(a[i].row->name, "origin") != 0 && strcmp(a[i].row->name, "text") != 0)
			a[kept++] = a[i];
	if (d)
		*n = kept;
	return d;
}

int cmd_add(struct call *call)
{
	const struct schema_type *t;
	struct assignment *a;
	struct id space, id;
	char text[ID_TEXT];
	size_t n;

	int err = resolve_type(call->words[0], &t, &call->cause);
	if (err < 0)
		return err;
	if (t->outcome_only)
		return cause_set(&call->cause, ERR_AUTH,
				 "a record of type %s is made by the server alone", t->name);
	if ((err = edit_read(call, t, NULL, 1, &a, &n)) < 0 ||
	    (err = add_space(call, t, a, n, &space)) < 0)
		return err;
	if ((err = cmd_check_space(call, &space)) < 0)
		return err;
	struct draft *d = add_arising(call, t, &space, a, &n, &id);
	if (!d) {
		d = draft_new(call->copy, &space);
		id = id_make(copy_env(call->copy));
		draft_create(d, t->number, &id);
	}
	err = resolve_assign(d, NULL, a, n, &call->arena, &call->cause);
	if (err >= 0)
		err = cmd_save(call, &d, true);
	draft_free(&d);
	if (err < 0)
		return err;
	id_format(&id, text);
	if (call->json)
		return cmd_json(call, json_pack("{s:s}", "id", text));
	cmd_say(call, "Saved on this computer, in '%s'. Not sent yet.",
		lookup_space_name(call->copy, &space, &call->arena));
	fprintf(call->out, "%s\n", text);
	return 0;
}

/* ---- set and edit --------------------------------------------------------------------------- */

/* Nobody edits what was withdrawn without knowing it, nor what the server would surely refuse. */
static int edit_check(struct call *call, const struct target *at)
{
	char text[ID_TEXT];
	int err = cmd_check_space(call, &at->space);
	if (err < 0)
		return err;
	if (record_existence(&at->now) != WITHDRAWN)
		return 0;
	return cause_set(&call->cause, ERR_INVALID,
			 "it was withdrawn; 'fivepits restore %s' brings it back first",
			 id_format(&at->id, text));
}

/* The record with what waits here just as it was written. */
static int edit_own(struct call *call, const struct target *at, struct record *own)
{
	int err = copy_record(call->copy, &at->id, VIEW_AUTHORED, &call->arena, own, NULL);
	return err < 0 ? cause_set(&call->cause, err, "the record can't be read: %s",
				   err_words(err))
		       : 0;
}

int cmd_set(struct call *call)
{
	const char *word = call_option(call, "seen");
	struct target at;
	struct record own; /* lists are changed from what the edit stands on */
	struct assignment *a;
	struct seen seen;
	size_t n;

	if (word && seen_parse(&seen, word, &call->cause) < 0)
		return ERR_USAGE;
	int err = cmd_target(call, call->words[0], &at);
	if (err >= 0 && word)
		at.seen = seen;
	if (err >= 0)
		err = edit_check(call, &at);
	if (err >= 0)
		err = edit_own(call, &at, &own);
	if (err >= 0)
		err = edit_read(call, at.type, &own, 1, &a, &n);
	if (err < 0)
		return err;
	struct draft *d = draft_new(call->copy, &at.space);
	err = draft_edit(d, &at.id, &at.seen, &call->cause);
	if (err >= 0)
		err = resolve_assign(d, &own, a, n, &call->arena, &call->cause);
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}

/* A file beside the copy that is not there yet: what was kept before is not written over. */
static const char *edit_keep_here(struct call *call, struct bytes text)
{
	enum { MOST = 1000 };
	const char *path = arena_format(&call->arena, "%s/unsaved.txt", call->home);

	for (int i = 2; i < MOST && os_exists(path); i++)
		path = arena_format(&call->arena, "%s/unsaved-%d.txt", call->home, i);
	return os_write_file(path, text, true, NULL) == 0 ? path : NULL;
}

/* Where the disk of the copy is full, another may not be. */
static const char *edit_keep_elsewhere(struct call *call, struct bytes text)
{
	const char *base = getenv("TMPDIR");
	const struct id id = id_make(copy_env(call->copy));
	char word[ID_TEXT];
	const char *path =
		arena_format(&call->arena, "%s/fivepits-unsaved-%s.txt",
			     base && *base ? base : "/tmp", id_format(&id, word));

	return os_write_file(path, text, true, NULL) == 0 ? path : NULL;
}

/* What could not be saved is kept as a file, so that nothing that was typed is lost. */
static void edit_keep(struct call *call, int err, struct bytes text)
{
	struct cause why = call->cause;
	const char *path = edit_keep_here(call, text);

	if (!path)
		path = edit_keep_elsewhere(call, text);
	if (path)
		cause_set(&call->cause, err, "%.300s (your text is kept in %.180s)", why.words,
			  path);
}

static int edit_save(struct call *call, const struct target *at,
		     const ProtobufCFieldDescriptor *field, struct bytes text)
{
	struct buf value = {0};
	struct draft *d = draft_new(call->copy, &at->space);
	int err = draft_edit(d, &at->id, &at->seen, &call->cause);

	if (err >= 0) {
		if (text.len > 0)
			field_add_bytes(&value, field->id, text);
		draft_set(d, field->id, buf_bytes(&value));
		err = cmd_save(call, &d, false);
	}
	if (err < 0)
		edit_keep(call, err, text);
	draft_free(&d);
	buf_fini(&value);
	return err;
}

static int edit_unchanged(struct call *call)
{
	cmd_say(call, "Nothing was changed.");
	return call->json ? cmd_json(call, json_pack("{s:n}", "change")) : 0;
}

int cmd_edit(struct call *call)
{
	const ProtobufCFieldDescriptor *field;
	struct target at;
	struct buf text = {0};

	int err = cmd_target(call, call->words[0], &at);
	if (err >= 0)
		err = edit_check(call, &at);
	if (err >= 0)
		err = resolve_field(at.type, call->words[1], &field, &call->cause);
	if (err < 0)
		return err;
	const struct schema_field *row = schema_field(at.type, field->id, NULL);
	if (row->most > 0 || (row->format != FORMAT_TEXT && row->format != FORMAT_LINE))
		return cause_set(&call->cause, ERR_USAGE,
				 "%s is not a text: use 'fivepits set' for it", row->name);
	struct record own;
	if ((err = edit_own(call, &at, &own)) < 0)
		return err;
	/* What waits here is gone on with as it was written, whatever others have written since:
	 * the two are brought together when it is saved. */
	struct bytes old = value_bytes(record_get(&own, field->id));
	err = os_edit_text(old, &text, &call->cause);
	/* Editors end the last line, whether it had an end or not. */
	if (err >= 0 && text.len > 0 && text.data[text.len - 1] == '\n' &&
	    (row->format == FORMAT_LINE || old.len == 0 || old.data[old.len - 1] != '\n'))
		text.len--;
	if (err >= 0 && bytes_equal(old, buf_bytes(&text)))
		err = edit_unchanged(call);
	else if (err >= 0)
		err = edit_save(call, &at, field, buf_bytes(&text));
	buf_fini(&text);
	return err;
}

/* ---- withdraw and restore ------------------------------------------------------------------- */

/* The records that the words name, each once, whose existence is not `wanted` yet. */
static int existence_targets(struct call *call, unsigned wanted, struct target *targets, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < call->n_words; i++) {
		struct target *at = &targets[*n];
		bool again = false;
		int err = cmd_target(call, call->words[i], at);
		if (err < 0)
			return err;
		for (size_t k = 0; k < *n; k++)
			again |= id_equal(&targets[k].id, &at->id);
		if ((err = cmd_check_space(call, &at->space)) < 0)
			return err;
		if (at->type->outcome_only)
			return cause_set(&call->cause, ERR_AUTH,
					 "records of type %s stay; settle it instead",
					 at->type->name);
		*n += !again && record_existence(&at->now) != wanted;
	}
	return 0;
}

/* Changes that were made, to be named. */
struct made {
	struct id *ids;
	size_t n;
};

/* One change of targets from `i` on, all of one space; those that are in it are marked by clearing
 * their type. */
static int existence_save_some(struct call *call, bool withdraw, bool agreed,
			       struct target *targets, size_t i, size_t n, struct id *change)
{
	struct draft *d = draft_new(call->copy, &targets[i].space);
	size_t many = 0;
	int err = 0;

	for (size_t k = i; err >= 0 && k < n && many < CHANGE_EDITS; k++) {
		if (!targets[k].type || !id_equal(&targets[k].space, &targets[i].space))
			continue;
		targets[k].type = NULL;
		err = draft_edit(d, &targets[k].id, &targets[k].seen, &call->cause);
		if (err >= 0)
			(withdraw ? draft_withdraw : draft_bring_back)(d);
		many++;
	}
	if (agreed)
		draft_agreed(d);
	if (err >= 0)
		err = draft_save(&d, change, &call->cause);
	draft_free(&d);
	return err;
}

static int existence_save(struct call *call, bool withdraw, bool agreed, struct target *targets,
			  size_t n, struct made *made)
{
	int err = 0;

	made->ids = arena_alloc(&call->arena, (n + 1) * sizeof(*made->ids));
	for (size_t i = 0; err >= 0 && i < n; i++)
		if (targets[i].type)
			err = existence_save_some(call, withdraw, agreed, targets, i, n,
						  &made->ids[made->n++]);
	return err;
}

static int existence_json(struct call *call, const struct target *targets, size_t n,
			  const struct made *made)
{
	json_t *records = json_array(), *changes = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(records, cmd_json_id(&targets[i].id));
	for (size_t i = 0; i < made->n; i++)
		json_array_append_new(changes, cmd_json_id(&made->ids[i]));
	return cmd_json(call, json_pack("{s:o,s:o}", "records", records, "changes", changes));
}

static void existence_say(struct call *call, bool withdraw, size_t n, const struct made *made)
{
	struct buf undo = {0};
	char text[ID_TEXT];

	/* Whole ids: what is made next may begin as a short one does, and this is for later. */
	for (size_t i = 0; i < made->n; i++)
		if (!id_is_zero(&made->ids[i]))
			buf_add_text(&undo, " %s", id_format(&made->ids[i], text));
	if (undo.len == 0)
		cmd_say(call, withdraw ? "Nothing to withdraw: it is withdrawn already."
				       : "Nothing to bring back: nothing of it was withdrawn.");
	else
		cmd_say(call, "%s %s. Not sent yet. 'fivepits undo%.*s' takes it back.",
			withdraw ? "Withdrew" : "Brought back",
			screen_count(&call->arena, n, "record", "records"), (int)undo.len,
			(const char *)undo.data);
	buf_fini(&undo);
	if (withdraw)
		cmd_say_asking(call);
}

static int existence_change(struct call *call, bool withdraw)
{
	struct target *targets = arena_alloc(&call->arena, call->n_words * sizeof(*targets));
	struct id *spaces = arena_alloc(&call->arena, call->n_words * sizeof(*spaces));
	struct made made = {NULL, 0};
	size_t n;

	int err = existence_targets(call, withdraw ? WITHDRAWN : LIVE, targets, &n);
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		spaces[i] = targets[i].space;
	if (withdraw && (err = cmd_ask_withdrawal(call, spaces, n)) < 0)
		return err;
	err = existence_save(call, withdraw, err > 0, targets, n, &made);
	if (err < 0)
		return err;
	if (call->json)
		return existence_json(call, targets, n, &made);
	existence_say(call, withdraw, n, &made);
	return 0;
}

int cmd_withdraw(struct call *call)
{
	return existence_change(call, true);
}

int cmd_restore(struct call *call)
{
	return existence_change(call, false);
}
