/*
 * Two versions: what each side wrote, side by side, and settling them. A side is a change; its
 * value of a field is what the change said, or where it said nothing what it stood on.
 */
#include "client/cmd.h"

#include <stdlib.h>
#include <string.h>

/* ---- Reading -------------------------------------------------------------------------------- */

static const struct edit *versions_edit(const struct change *c, const struct id *record)
{
	for (size_t i = 0; i < c->n_edits; i++)
		if (id_equal(&c->edits[i].record, record))
			return &c->edits[i];
	return NULL;
}

/* Does an edit say what a field should be? Then what, empty for cleared. */
static bool versions_says(const struct edit *e, uint32_t field, struct bytes *value)
{
	*value = fields_get(e->effect.set, field);
	if (value->len > 0)
		return true;
	for (size_t i = 0; i < e->effect.n_clear; i++)
		if (e->effect.clear[i] == field)
			return true;
	return false;
}

/* The value of a field as a change left it on its author's screen; false: not said, nor by what it
 * stands after. */
static bool versions_value(struct call *call, struct id change, const struct id *record,
			   uint32_t field, struct bytes *value)
{
	enum { CHAIN_MOST = 64 };
	for (int i = 0; i < CHAIN_MOST && !id_is_zero(&change); i++) {
		struct change c;
		if (copy_change(call->copy, &change, &call->arena, &c) < 0)
			return false;
		const struct edit *e = versions_edit(&c, record);
		if (!e)
			return false;
		if (versions_says(e, field, value))
			return true;
		change = e->after;
	}
	return false;
}

static unsigned versions_existence(struct call *call, const struct id *change,
				   const struct id *record)
{
	struct change c;
	if (copy_change(call->copy, change, &call->arena, &c) < 0)
		return LIVE;
	const struct edit *e = versions_edit(&c, record);
	return e && e->effect.existence == WITHDRAWN ? WITHDRAWN : LIVE;
}

static void versions_list_fields(struct call *call, struct versions *out)
{
	size_t most = out->type ? out->type->n_fields : 0;
	out->fields = arena_alloc(&call->arena, (most + 1) * sizeof(ProtobufCFieldDescriptor *));
	for (size_t i = 0; out->group != 0 && i < most; i++) {
		const ProtobufCFieldDescriptor *d = &out->type->message->fields[i];
		if (schema_group(out->type, d->id) == out->group)
			out->fields[out->n_fields++] = d;
	}
}

static void versions_read_side(struct call *call, const struct versions *v,
			       const struct record *stands, const struct id *change,
			       struct side *out)
{
	struct bytes *values = arena_alloc(&call->arena, (v->n_fields + 1) * sizeof(*values));
	bool equal = true;

	out->change = *change;
	out->values = values;
	lookup_author(call->copy, change, &call->arena, &out->author);
	for (size_t i = 0; i < v->n_fields; i++) {
		uint32_t field = v->fields[i]->id;
		if (!versions_value(call, *change, &v->record, field, &values[i]))
			values[i] = v->base_known ? v->base[i] : record_get(stands, field);
		equal &= bytes_equal(values[i], record_get(stands, field));
	}
	out->existence = versions_existence(call, change, &v->record);
	if (v->group == 0)
		equal = (out->existence == WITHDRAWN) == (record_existence(stands) == WITHDRAWN);
	out->standing = equal;
}

/* "Yours" is what was made on this device, or else what this person made elsewhere. */
static void versions_mark_yours(struct call *call, struct versions *v)
{
	const struct id *me = &copy_identity(call->copy)->person;
	bool any = false;
	for (size_t i = 0; i < v->n_sides; i++)
		any |= v->sides[i].yours = v->sides[i].author.here;
	for (size_t i = 0; !any && i < v->n_sides; i++)
		v->sides[i].yours = !id_is_zero(me) && id_equal(&v->sides[i].author.person, me);
}

static int versions_read(struct call *call, const struct record *conflict, struct versions *out)
{
	const struct schema_type *t = schema_type(TYPE_CONFLICT);
	struct bytes sides = record_get(conflict, schema_field_named(t, "sides")->id);
	struct record stands;
	struct field o;
	struct id base, change;

	if (!id_from(&out->record,
		     value_bytes(record_get(conflict, schema_field_named(t, "record")->id))))
		return ERR_CORRUPT;
	out->group =
	    (uint32_t)value_number(record_get(conflict, schema_field_named(t, "group")->id));
	int err = copy_record(call->copy, &out->record, VIEW_ACCEPTED, &call->arena, &stands,
			      &out->space);
	if (err < 0)
		return err;
	out->type = schema_type(stands.type);
	versions_list_fields(call, out);
	struct bytes *values = arena_alloc(&call->arena, (out->n_fields + 1) * sizeof(*values));
	out->base = values;
	out->base_known = true;
	if (id_from(&base,
		    value_bytes(record_get(conflict, schema_field_named(t, "base_change")->id))))
		for (size_t i = 0; i < out->n_fields; i++)
			out->base_known &= versions_value(call, base, &out->record,
							  out->fields[i]->id, &values[i]);
	out->sides = arena_alloc(&call->arena, (value_count(sides) + 1) * sizeof(*out->sides));
	while (field_next(&sides, &o) > 0)
		if (id_from(&change, o.payload))
			versions_read_side(call, out, &stands, &change,
					   &out->sides[out->n_sides++]);
	versions_mark_yours(call, out);
	return 0;
}

/* Does a change that waits here settle it? */
static bool versions_is_settled(struct call *call, const struct id *conflict)
{
	struct pending p = {0};
	bool settled = false;
	while (copy_pending_next(call->copy, p.seq, &p) > 0) {
		struct change c;
		struct bytes bytes = arena_copy(&call->arena, p.bytes);
		free(p.words);
		if ((p.state != PENDING_UNSENT && p.state != PENDING_ASKS) ||
		    change_read(&c, bytes, &call->arena, NULL) < 0)
			continue;
		for (size_t i = 0; i < c.n_settles; i++)
			settled |= id_equal(&c.settles[i], conflict);
	}
	return settled;
}

int cmd_versions(struct call *call, const struct id *conflict, struct versions *out)
{
	struct record r;
	memset(out, 0, sizeof(*out));
	out->conflict = *conflict;
	int err = copy_record(call->copy, conflict, VIEW_ACCEPTED, &call->arena, &r, NULL);
	if (err >= 0)
		err = versions_read(call, &r, out);
	out->settled_here = versions_is_settled(call, conflict);
	return err < 0
		   ? cause_set(&call->cause, err, "two versions can't be read: %s", err_words(err))
		   : 0;
}

/* ---- Printing ------------------------------------------------------------------------------- */

/* The lines that two texts begin with, and (behind those) end with: bytes of `a`. */
static void versions_common(struct bytes a, struct bytes b, size_t *head, size_t *tail)
{
	size_t n = a.len < b.len ? a.len : b.len, same = 0;
	*head = *tail = 0;
	for (size_t i = 0; i < n && a.data[i] == b.data[i]; i++)
		if (a.data[i] == '\n')
			*head = i + 1;
	for (; same < n - *head && a.data[a.len - 1 - same] == b.data[b.len - 1 - same]; same++)
		if (a.data[a.len - 1 - same] == '\n')
			*tail = same;
}

static size_t versions_lines(struct bytes text)
{
	size_t n = text.len > 0 && text.data[text.len - 1] != '\n';
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	return n;
}

/* A value of one side; of a long text only the lines that are not as they were before. */
static void versions_print_value(struct call *call, const struct versions *v, size_t i,
				 struct bytes value, bool is_base)
{
	enum { LONG = 6, INDENT = 6 };
	const char *words =
	    lookup_value(call->copy, v->type, v->fields[i]->id, value, &call->arena);
	const char *old =
	    lookup_value(call->copy, v->type, v->fields[i]->id, v->base[i], &call->arena);
	struct bytes text = BYTES(words, strlen(words));
	size_t head = 0, tail = 0;

	if (v->n_fields > 1)
		fprintf(call->out, "%*s%s:\n", INDENT - 2, "",
			lookup_field_label(v->fields[i]->name, &call->arena));
	if (!is_base && v->base_known && versions_lines(text) > LONG)
		versions_common(text, BYTES(old, strlen(old)), &head, &tail);
	if (head > 0)
		fprintf(call->out, "%*s(%s as before)\n", INDENT, "",
			screen_count(&call->arena, versions_lines(BYTES(text.data, head)), "line",
				     "lines"));
	fprintf(call->out, "%*s", INDENT, "");
	struct bytes middle = BYTES(text.data + head, text.len - head - tail);
	if (text.len == 0)
		fputs("(nothing)\n", call->out);
	else if (middle.len == 0)
		fputs("(lines taken out)\n", call->out);
	else
		screen_print_text(call->out, middle, INDENT);
	if (tail > 0)
		fprintf(call->out, "%*s(%s as before)\n", INDENT, "",
			screen_count(&call->arena,
				     versions_lines(BYTES(text.data + text.len - tail, tail)),
				     "line", "lines"));
}

static const char *versions_title(struct call *call, const struct versions *v)
{
	struct buf b = {0};
	if (v->group == 0)
		buf_add_text(&b, "Withdrawn or not");
	for (size_t i = 0; i < v->n_fields; i++)
		buf_add_text(&b, "%s%s", i ? ", " : "",
			     lookup_field_label(v->fields[i]->name, &call->arena));
	if (b.len == 0)
		buf_add_text(&b, "Field %u", v->group);
	const char *title = arena_text(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	return title;
}

static void versions_print_side(struct call *call, const struct versions *v, const struct side *s)
{
	fprintf(call->out, "    %s%s%s\n", lookup_author_words(&s->author, &call->arena),
		s->yours ? " (yours)" : "", s->standing ? " - stands for now" : "");
	if (v->group == 0)
		fprintf(call->out, "      %s\n",
			s->existence == WITHDRAWN ? "withdrew it"
						  : "changed it or brought it back");
	for (size_t i = 0; i < v->n_fields; i++)
		versions_print_value(call, v, i, s->values[i], false);
}

void cmd_versions_print(struct call *call, const struct versions *v)
{
	screen_bold(call->out,
		    arena_format(&call->arena, "  %s: two versions", versions_title(call, v)));
	fputc('\n', call->out);
	if (v->n_fields > 0 && v->base_known) {
		fputs("    before\n", call->out);
		for (size_t i = 0; i < v->n_fields; i++)
			versions_print_value(call, v, i, v->base[i], true);
	}
	for (size_t i = 0; i < v->n_sides; i++)
		versions_print_side(call, v, &v->sides[i]);
	if (v->settled_here) {
		fputs("    Settled on this computer. Not sent yet.\n", call->out);
		return;
	}
	fprintf(call->out, "    Settle it: fivepits settle %s --take theirs|yours|%s\n",
		lookup_short_id(call->copy, &v->conflict, &call->arena),
		v->n_fields ? arena_format(&call->arena, "%s=VALUE", v->fields[0]->name)
			    : "existence=live|withdrawn");
}

static json_t *versions_values_json(const struct versions *v, const struct bytes *values)
{
	json_t *o = json_object();
	for (size_t i = 0; i < v->n_fields; i++)
		json_object_set_new(o, json_field_name(v->fields[i]),
				    json_value(v->type, v->fields[i], values[i]));
	return o;
}

json_t *cmd_versions_json(struct call *call, const struct versions *v)
{
	json_t *o = json_object(), *sides = json_array(), *fields = json_array();
	struct seen seen;
	char word[SEEN_WORD];

	for (size_t i = 0; i < v->n_fields; i++)
		json_array_append_new(fields, json_string(v->fields[i]->name));
	for (size_t i = 0; i < v->n_sides; i++) {
		const struct side *s = &v->sides[i];
		json_t *side = json_object();
		json_object_set_new(side, "change", cmd_json_id(&s->change));
		json_object_set_new(side, "author", cmd_json_author(&s->author));
		json_object_set_new(side, "stands", json_boolean(s->standing));
		json_object_set_new(side, "yours", json_boolean(s->yours));
		if (v->group == 0)
			json_object_set_new(side, "withdrawn",
					    json_boolean(s->existence == WITHDRAWN));
		json_object_set_new(side, "values", versions_values_json(v, s->values));
		json_array_append_new(sides, side);
	}
	json_object_set_new(o, "id", cmd_json_id(&v->conflict));
	json_object_set_new(o, "record", cmd_json_id(&v->record));
	json_object_set_new(o, "type", v->type ? json_string(v->type->name) : json_null());
	json_object_set_new(o, "title",
			    json_string(lookup_label(call->copy, &v->record, &call->arena)));
	json_object_set_new(o, "space", cmd_json_id(&v->space));
	json_object_set_new(o, "group", json_integer(v->group));
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "base",
			    v->base_known ? versions_values_json(v, v->base) : json_null());
	json_object_set_new(o, "sides", sides);
	json_object_set_new(o, "settled_here", json_boolean(v->settled_here));
	if (copy_seen(call->copy, &v->record, &seen) == 0) {
		seen_format(&seen, word);
		json_object_set_new(o, "seen", json_string(word));
	}
	return o;
}

/* ---- conflicts ------------------------------------------------------------------------------ */

int cmd_conflicts(struct call *call)
{
	struct ids ids;
	json_t *all = json_array();
	int err = lookup_conflicts(call->copy, NULL, &call->arena, &ids);

	for (size_t i = 0; err >= 0 && i < ids.n; i++) {
		struct versions v;
		err = cmd_versions(call, &ids.ids[i], &v);
		if (err < 0)
			break;
		if (call->json) {
			json_array_append_new(all, cmd_versions_json(call, &v));
			continue;
		}
		fprintf(call->out, "%s%s %s (%s)\n", i ? "\n" : "",
			v.type ? lookup_type_label(v.type, &call->arena) : "Record",
			lookup_label(call->copy, &v.record, &call->arena),
			lookup_short_id(call->copy, &v.record, &call->arena));
		cmd_versions_print(call, &v);
	}
	if (err < 0) {
		json_decref(all);
		return call->cause.words[0]
			   ? err
			   : cause_set(&call->cause, err, "the copy can't be read: %s",
				       err_words(err));
	}
	if (call->json)
		return cmd_json(call, all);
	json_decref(all);
	if (ids.n == 0)
		cmd_say(call, "There are no two versions of anything here.");
	return 0;
}

/* ---- settle --------------------------------------------------------------------------------- */

/* What one --take says about: a side, or a new value of a field. */
static bool settle_names_side(const char *take)
{
	return strcmp(take, "theirs") == 0 || strcmp(take, "yours") == 0;
}

static bool settle_names_field(const struct versions *v, const char *take)
{
	size_t n = strcspn(take, "=");
	if (v->group == 0)
		return n == 9 && strncmp(take, "existence", n) == 0;
	for (size_t i = 0; i < v->n_fields; i++)
		if (strlen(v->fields[i]->name) == n && strncmp(take, v->fields[i]->name, n) == 0)
			return true;
	return false;
}

/* Of a record's open versions those that are meant: by the fields that --take names, or the only
 * one. */
static int settle_choose(struct call *call, const struct id *record, struct versions *out)
{
	struct ids ids;
	const char *take = call_option(call, "take");
	size_t fit = 0;
	int err = lookup_conflicts(call->copy, record, &call->arena, &ids);

	for (size_t i = 0; err >= 0 && i < ids.n; i++) {
		struct versions v;
		err = cmd_versions(call, &ids.ids[i], &v);
		if (err >= 0 &&
		    (settle_names_side(take) || settle_names_field(&v, take) || ids.n == 1)) {
			*out = v;
			fit++;
		}
	}
	if (err < 0)
		return err;
	if (fit == 0)
		return cause_set(&call->cause, ERR_MISSING,
				 "there are no two versions %s of %.120s",
				 ids.n ? "of this field" : "to settle",
				 lookup_label(call->copy, record, &call->arena));
	if (fit > 1)
		return cause_set(
		    &call->cause, ERR_AMBIGUOUS,
		    "%.120s has two versions of several fields: say which with an ID from "
		    "'fivepits conflicts'",
		    lookup_label(call->copy, record, &call->arena));
	return 0;
}

static int settle_find(struct call *call, struct versions *out)
{
	struct id id;
	struct record r;
	int err = resolve_record(call->copy, call->words[0], &id, &call->cause);
	if (err >= 0)
		err = copy_record(call->copy, &id, VIEW_ACCEPTED, &call->arena, &r, NULL);
	if (err == ERR_MISSING && !call->cause.words[0])
		return cause_set(&call->cause, err, "there are no two versions of it to settle");
	if (err < 0)
		return err;
	if (r.type != TYPE_CONFLICT)
		return settle_choose(call, &id, out);
	const ProtobufCFieldDescriptor *state =
	    schema_field_named(schema_type(TYPE_CONFLICT), "state");
	struct ids open;
	err = cmd_versions(call, &id, out);
	if (err >= 0)
		err = lookup_conflicts(call->copy, &out->record, &call->arena, &open);
	for (size_t i = 0; err >= 0 && i < open.n; i++)
		if (id_equal(&open.ids[i], &id))
			return 0;
	return err < 0 ? err
		       : cause_set(&call->cause, ERR_INVALID,
				   "these two versions are settled already (%s)",
				   lookup_value(call->copy, schema_type(TYPE_CONFLICT), state->id,
						record_get(&r, state->id), &call->arena));
}

/* The side that "yours" or "theirs" means. */
static int settle_side(struct call *call, const struct versions *v, const char *take,
		       const struct side **out)
{
	bool yours = strcmp(take, "yours") == 0;
	const struct side *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < v->n_sides; i++)
		if (v->sides[i].yours == yours) {
			/* Of several others the one that stands. */
			if (!found || v->sides[i].standing)
				found = &v->sides[i];
			n++;
		}
	if (!found)
		return cause_set(
		    &call->cause, ERR_INVALID,
		    yours ? "neither version is yours: take 'theirs', or write FIELD=VALUE"
			  : "both versions are yours: take 'yours', or write FIELD=VALUE");
	if (n > 1 && !found->standing)
		return cause_set(&call->cause, ERR_AMBIGUOUS,
				 "there are %zu versions that '%s' could mean: write FIELD=VALUE",
				 n, take);
	*out = found;
	return 0;
}

/* Said also where it is so already: a settling keeps what it says. */
static void settle_existence(struct draft *d, bool withdrawn)
{
	if (withdrawn)
		draft_withdraw(d);
	else
		draft_bring_back(d);
}

/* Write the chosen values, all fields of the group, so that they are settled together. */
static int settle_take(struct call *call, const struct versions *v, const struct record *now,
		       struct draft *d)
{
	const char *take = call_option(call, "take");
	const struct side *side = NULL;
	struct assignment *a =
	    arena_alloc(&call->arena, (call->n_chosen + v->n_fields) * sizeof(*a));
	size_t n = 0;
	int err = 0;

	if (settle_names_side(take)) {
		err = settle_side(call, v, take, &side);
		if (err >= 0 && v->group == 0)
			settle_existence(d, side->existence == WITHDRAWN);
		for (size_t i = 0; err >= 0 && i < v->n_fields; i++)
			draft_set(d, v->fields[i]->id, side->values[i]);
		return err;
	}
	if (v->group == 0) {
		const char *word = take + strcspn(take, "=");
		if (strcmp(word, "=live") != 0 && strcmp(word, "=withdrawn") != 0)
			return cause_set(&call->cause, ERR_USAGE,
					 "it is 'existence=live' or 'existence=withdrawn'");
		settle_existence(d, strcmp(word, "=withdrawn") == 0);
		return 0;
	}
	for (size_t at = 0; err >= 0 && (take = call_option_next(call, "take", &at)); n++) {
		if (settle_names_side(take) || !settle_names_field(v, take))
			return cause_set(&call->cause, ERR_USAGE,
					 "'%.60s' is none of the fields to settle: %s", take,
					 versions_title(call, v));
		err = resolve_assignment(call->copy, v->type, take, &call->arena, &a[n],
					 &call->cause);
	}
	for (size_t i = 0; err >= 0 && i < v->n_fields; i++) {
		bool named = false;
		for (size_t k = 0; k < n; k++)
			named |= a[k].field == v->fields[i];
		if (!named)
			draft_set(d, v->fields[i]->id, record_get(now, v->fields[i]->id));
	}
	return err < 0 ? err : resolve_assign(d, now, a, n, &call->arena, &call->cause);
}

int cmd_settle(struct call *call)
{
	struct versions v;
	struct record now;
	struct seen seen;
	const char *word = call_option(call, "seen");

	if (!call_option(call, "take"))
		return cause_set(&call->cause, ERR_USAGE,
				 "settle: say what to --take: theirs, yours or FIELD=VALUE");
	int err = settle_find(call, &v);
	if (err < 0)
		return err;
	if (!v.type)
		return cause_set(
		    &call->cause, ERR_INVALID,
		    "it is of a type that this version does not know; install a newer one");
	if (word && (err = seen_parse(&seen, word, &call->cause)) < 0)
		return err;
	if (!word)
		err = copy_seen(call->copy, &v.record, &seen);
	if (err >= 0)
		err = copy_record(call->copy, &v.record, VIEW_SHOWN, &call->arena, &now, NULL);
	if (err < 0)
		return cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	struct draft *d = draft_new(call->copy, &v.space);
	err = draft_edit(d, &v.record, &seen, &call->cause);
	if (err >= 0) {
		draft_settles(d, &v.conflict);
		draft_agreed(d);
		err = settle_take(call, &v, &now, d);
	}
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}
