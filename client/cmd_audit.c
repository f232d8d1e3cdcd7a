/* `audit`: who changed people, rights and rules, and which old versions were released by one. */
#include "client/past.h"

#include "client/released.h"

#include <stdlib.h>
#include <string.h>

/* One entry of the directory or of admin, or one that released versions in whatever space: to be
 * read newest first from all three. */
struct trail {
	struct id space;
	uint64_t number; /* of the entry in `e`; 0: at its end */
	struct past_entry e;
	const struct release *releases; /* that are still to be read; NULL: all of one space */
	size_t n;
};

enum { TRAILS = 3, AUDIT_MOST = 1000000 };

static int trail_read(struct call *call, struct trail *t)
{
	if (t->number == 0)
		return 0;
	int got = copy_entry(call->copy, &t->space, t->number, &call->arena, &t->e);
	if (got == 0)
		t->number = 0;
	return got;
}

static int trail_next(struct call *call, struct trail *t)
{
	if (!t->releases) {
		t->number--;
	} else {
		t->number = t->n ? t->releases->number : 0;
		t->space = t->n ? t->releases->space : t->space;
		t->releases += t->n > 0;
		t->n -= t->n > 0;
	}
	return trail_read(call, t);
}

static void trail_print(struct call *call, const struct trail *t)
{
	struct author who = {.time_ms = t->e.header.time_ms};
	const struct outcome_effect *effects;
	lookup_device(call->copy, &t->e.header.device, &call->arena, &who);
	fprintf(call->out, "%8llu  %s\n", (unsigned long long)t->number,
		lookup_author_words(&who, &call->arena));
	if (!id_is_zero(&t->e.header.let_in_by))
		fprintf(call->out, "          let in by %s\n", past_let_in(call, &t->e.header));
	if (id_is_zero(&t->e.change.id)) {
		fputs("          what it changed was not fetched yet\n", call->out);
		return;
	}
	size_t n = outcome_effects(&t->e.change, &t->e.outcome, &call->arena, &effects);
	for (size_t i = 0; i < n; i++) {
		struct record r;
		struct past p = {0};
		const struct schema_type *type = schema_type(effects[i].type);
		record_init(&r, &call->arena, &effects[i].record, effects[i].type);
		past_lay(call, &p, &r, &effects[i].effect, t->number);
		const char *label = lookup_label(call->copy, &effects[i].record, &call->arena);
		const char *kind = type ? type->name : "record";
		/* What has no title is called by its type. */
		bool said = strncmp(label, kind, strlen(kind)) == 0 && label[strlen(kind)] == ' ';
		fprintf(call->out, "          %s%s%s:", said ? "" : kind, said ? "" : " ", label);
		for (size_t k = 0; k < p.n; k++) {
			const struct step *s = &p.steps[k];
			if (s->field)
				fprintf(call->out, "%s %s %s%s", k ? ";" : "", s->label, s->sign,
					s->to);
			else
				fprintf(call->out, "%s %s", k ? ";" : "", s->label);
		}
		fputc('\n', call->out);
		past_release(&p);
	}
}

static json_t *trail_json(struct call *call, const struct trail *t)
{
	struct author who = {.time_ms = t->e.header.time_ms, .number = t->number};
	const struct outcome_effect *effects;
	json_t *o = json_object(), *records = json_array();
	size_t n = id_is_zero(&t->e.change.id)
		       ? 0
		       : outcome_effects(&t->e.change, &t->e.outcome, &call->arena, &effects);

	lookup_device(call->copy, &t->e.header.device, &call->arena, &who);
	for (size_t i = 0; i < n; i++) {
		struct record r;
		struct past p = {0};
		const struct schema_type *type = schema_type(effects[i].type);
		json_t *record = json_object(), *steps = json_array();
		record_init(&r, &call->arena, &effects[i].record, effects[i].type);
		past_lay(call, &p, &r, &effects[i].effect, t->number);
		for (size_t k = 0; k < p.n; k++)
			json_array_append(steps, p.steps[k].json);
		past_release(&p);
		json_object_set_new(record, "id", cmd_json_id(&effects[i].record));
		json_object_set_new(record, "type", type ? json_string(type->name) : json_null());
		json_object_set_new(
		    record, "title",
		    json_string(lookup_label(call->copy, &effects[i].record, &call->arena)));
		json_object_set_new(record, "changes", steps);
		json_array_append_new(records, record);
	}
	json_object_set_new(o, "space", cmd_json_id(&t->space));
	json_object_set_new(o, "number", json_integer((json_int_t)t->number));
	json_object_set_new(o, "change", cmd_json_id(&t->e.header.change));
	json_object_set_new(o, "author", cmd_json_author(&who));
	json_object_set_new(o, "let_in_by", past_let_in_json(call, &t->e.header.let_in_by));
	json_object_set_new(o, "records", records);
	return o;
}

/* How far the journal of a space is held here; 0: not at all. */
static uint64_t trail_head(const struct held *held, int n, const struct id *space)
{
	for (int i = 0; i < n; i++)
		if (id_equal(&held[i].id, space))
			return held[i].number;
	return 0;
}

/* The one whose entry is the newest; NULL: all are at their end. */
static struct trail *audit_newest(struct trail trails[TRAILS])
{
	struct trail *t = NULL;

	for (size_t i = 0; i < TRAILS; i++)
		if (trails[i].number &&
		    (!t || trails[i].e.header.time_ms > t->e.header.time_ms))
			t = &trails[i];
	return t;
}

static int audit_walk(struct call *call, struct trail trails[TRAILS], size_t most, json_t *all)
{
	struct trail *t;
	int err = trail_read(call, &trails[0]);

	if (err >= 0)
		err = trail_read(call, &trails[1]);
	if (err >= 0)
		err = trail_next(call, &trails[2]);
	for (size_t i = 0; err >= 0 && i < most && (t = audit_newest(trails)); i++) {
		if (call->json)
			json_array_append_new(all, trail_json(call, t));
		else
			trail_print(call, t);
		err = trail_next(call, t);
	}
	return err;
}

int cmd_audit(struct call *call)
{
	const struct copy_identity *me = copy_identity(call->copy);
	const char *number = call_option(call, "most");
	char *end = NULL;
	size_t most = number ? strtoul(number, &end, 10) : SIZE_MAX;
	struct held *held = NULL;
	json_t *all = json_array();

	if (number && (*number < '0' || *number > '9' || *end || most > AUDIT_MOST)) {
		json_decref(all);
		return cause_set(&call->cause, ERR_USAGE, "audit: '%.40s' is no number up to %d",
				 number, AUDIT_MOST);
	}
	int n = copy_spaces(call->copy, &held);
	struct trail trails[TRAILS] = {{.space = id_directory(&me->area)},
				       {.space = id_admin(&me->area)}};
	struct release *releases = NULL;
	for (int i = 0; i < 2; i++)
		trails[i].number = trail_head(held, n, &trails[i].space);
	free(held);
	int err = n < 0 ? n
			: released_list(call->copy, &call->arena, &releases, &trails[2].n);
	trails[2].releases = releases;
	if (err >= 0)
		err = audit_walk(call, trails, most, all);
	if (err < 0)
		cause_set(&call->cause, err, "the journal can't be read: %s", err_words(err));
	else if (call->json)
		return cmd_json(call, all);
	json_decref(all);
	return err < 0 ? err : 0;
}
