/*
 * `undo`: take changes back, the newest first, each by a change of its own; say what that does.
 */
#include "client/cmd.h"

#include "client/undo.h"

#include <stdlib.h>
#include <string.h>

/* A change that is to be taken back, and where it stands. */
struct wanted {
	struct id change;
	int64_t seq;	 /* of what waits here: in the order in which it was made; 0: accepted */
	uint64_t number; /* of its entry */
};

static int wanted_compare(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b; /* their ids tell nothing: a clock may be set back */
	if (x->seq != y->seq)
		return x->seq < y->seq ? 1 : -1;
	return (x->number < y->number) - (x->number > y->number);
}

/* The changes that the words name, each once, the newest first. */
static int wanted_read(struct call *call, struct wanted *list, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < call->n_words; i++) {
		struct wanted *w = &list[*n];
		struct author who;
		bool again = false;
		int err = copy_find_change(call->copy, call->words[i], &w->change, &call->cause);
		if (err < 0)
			return err;
		(void)lookup_author(call->copy, &w->change, &call->arena, &who);
		w->number = who.number;
		w->seq = 0;
		err = who.number ? 0 : copy_pending_seq(call->copy, &w->change, &w->seq);
		if (err < 0)
			return cause_set(&call->cause, err, "the copy can't be read");
		for (size_t k = 0; k < *n; k++)
			again |= id_equal(&list[k].change, &w->change);
		*n += !again;
	}
	qsort(list, *n, sizeof(*list), wanted_compare);
	return 0;
}

/* ---- Saying what it does -------------------------------------------------------------------- */

static const char *undo_words(struct call *call, const struct undo_step *s, struct bytes value)
{
	enum { SHORT = 80 };
	const char *words = lookup_value(call->copy, s->type, s->field, value, &call->arena);
	const char *line = screen_line(&call->arena, BYTES(words, strlen(words)));
	size_t n = strlen(line);

	if (n <= SHORT)
		return n ? line : "(nothing)";
	for (n = SHORT; n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80;)
		n--;
	return arena_format(&call->arena, "%.*s…", (int)n, line);
}

static const char *undo_field(struct call *call, const struct undo_step *s)
{
	const ProtobufCFieldDescriptor *d;

	if (!s->type)
		return "a record of a newer version";
	if (s->field == 0)
		return "Withdrawn or not";
	if (!schema_field(s->type, s->field, &d))
		return "a field of a newer version";
	return lookup_field_label(d->name, &call->arena);
}

static void undo_print_step(struct call *call, const struct undo_step *s)
{
	const char *field = undo_field(call, s);

	switch (s->kind) {
	case UNDO_SET:
		fprintf(call->out, "      %s: %s -> %s\n", field, undo_words(call, s, s->from),
			undo_words(call, s, s->to));
		break;
	case UNDO_ADD:
	case UNDO_TAKE:
		fprintf(call->out, "      %s: %s %s\n", field,
			s->kind == UNDO_ADD ? "added" : "taken", undo_words(call, s, s->to));
		break;
	case UNDO_EXISTS:
		fprintf(call->out, "      %s\n",
			s->existence == LIVE ? "brought back" : "withdrawn");
		break;
	case UNDO_REOPEN:
		fprintf(call->out, "      %s: two versions again\n", field);
		break;
	case UNDO_LEFT:
		fprintf(call->out, "      %s: left as it is%s\n", field,
			s->type ? ", for it has changed since or stands for good" : "");
		break;
	}
}

/* Record by record; of many only how many. */
static void undo_print(struct call *call, const struct undo *u, const struct author *who)
{
	enum { MANY = 20 };
	size_t records = 0, shown = 0;

	if (call->quiet)
		return;
	fprintf(call->out, "Took back the change by %s%s.\n",
		lookup_author_words(who, &call->arena),
		u->drop ? "; it was never sent, and is gone" : "");
	for (size_t i = 0; i < u->n; i++)
		records += i == 0 || !id_equal(&u->steps[i].record, &u->steps[i - 1].record);
	for (size_t i = 0; i < u->n; i++) {
		const struct undo_step *s = &u->steps[i];
		if (i == 0 || !id_equal(&s->record, &u->steps[i - 1].record)) {
			if (shown++ == MANY) {
				fprintf(call->out, "    and %zu more\n", records - MANY);
				return;
			}
			fprintf(call->out, "    %s %s\n", s->type ? s->type->name : "record",
				lookup_label(call->copy, &s->record, &call->arena));
		}
		undo_print_step(call, s);
	}
}

static json_t *undo_json(struct call *call, const struct undo *u, const struct id *made)
{
	static const char *const kinds[] = {"set",	 "added",    "taken",
					    "existence", "reopened", "left"};
	json_t *o = json_object(), *steps = json_array();

	for (size_t i = 0; i < u->n; i++) {
		const struct undo_step *s = &u->steps[i];
		const ProtobufCFieldDescriptor *d = NULL;
		json_t *step = json_object();
		if (s->type && s->field)
			schema_field(s->type, s->field, &d);
		json_object_set_new(step, "record", cmd_json_id(&s->record));
		json_object_set_new(step, "type",
				    s->type ? json_string(s->type->name) : json_null());
		json_object_set_new(step, "field", d ? json_string(d->name) : json_null());
		json_object_set_new(step, "how", json_string(kinds[s->kind]));
		if (s->kind == UNDO_EXISTS)
			json_object_set_new(step, "withdrawn", json_boolean(s->existence != LIVE));
		if (d && s->kind <= UNDO_TAKE)
			json_object_set_new(step, "value", json_value(s->type, d, s->to));
		json_array_append_new(steps, step);
	}
	json_object_set_new(o, "undoes", cmd_json_id(&u->change));
	json_object_set_new(o, "change", cmd_json_id(made));
	json_object_set_new(o, "dropped", json_boolean(u->drop));
	json_object_set_new(o, "steps", steps);
	(void)call;
	return o;
}

/* ---- undo ----------------------------------------------------------------------------------- */

static int undo_ask(struct call *call, const struct undo *u)
{
	struct id *spaces = arena_alloc(&call->arena, (u->withdraws + 1) * sizeof(*spaces));

	if (u->drop || u->withdraws == 0)
		return 0;
	for (size_t i = 0; i < u->withdraws; i++)
		spaces[i] = u->space;
	return cmd_ask_withdrawal(call, spaces, u->withdraws);
}

static int undo_one(struct call *call, const struct id *change, json_t *all)
{
	struct author who;
	struct undo u;
	struct id made;

	(void)lookup_author(call->copy, change, &call->arena, &who);
	int err = undo_init(&u, call->copy, change, &call->arena, &call->cause);
	if (err < 0)
		return err;
	err = cmd_check_space(call, &u.space);
	if (err >= 0)
		err = undo_ask(call, &u);
	if (err >= 0)
		err = undo_save(&u, call->copy, err > 0, &made, &call->cause);
	undo_fini(&u);
	if (err < 0)
		return err;
	if (call->json)
		json_array_append_new(all, undo_json(call, &u, &made));
	else
		undo_print(call, &u, &who);
	return 0;
}

int cmd_undo(struct call *call)
{
	struct wanted *list = arena_alloc(&call->arena, (call->n_words + 1) * sizeof(*list));
	json_t *all = json_array();
	size_t n, done = 0;
	int err = wanted_read(call, list, &n);

	for (; err >= 0 && done < n; done += err >= 0)
		err = undo_one(call, &list[done].change, all);
	if (err < 0 && n > 1) {
		struct cause why = call->cause;
		cause_set(&call->cause, err, "%s: %.400s (%zu of %zu were taken back)",
			  lookup_short_change(call->copy, &list[done].change, &call->arena),
			  why.words, done, n);
	}
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	if (err >= 0) {
		cmd_say(call, "Saved on this computer. Not sent yet.");
		cmd_say_asking(call);
	}
	return err;
}
