/*
 * `history` of a record and `audit` of the directory: who changed what, when. What a field was
 * before is found by laying the entries of a record on one another from the first.
 */
#include "client/cmd.h"

#include <stdlib.h>
#include <string.h>

/* One field that an entry changed: how it was and how it is, in words and as JSON. */
struct step {
	const char *field, *label; /* label: clean words; field NULL: existence */
	const char *sign;	   /* "", "+" or "-": added to or taken from a set */
	const char *from, *to;
	bool inner;   /* for the programs alone */
	bool offered; /* it did not come to stand */
	const char *instead; /* what became of it then */
	json_t *json;
};

struct past {
	struct id change, undoes;
	struct author author;
	const char *let_in_by; /* who accepted it, if it was held; NULL: nobody had to */
	struct id let_in_device;
	enum verdict verdict;
	bool absent; /* its body was not fetched yet; then there is what the header says: */
	const char *fields; /* that it was about */
	bool pending;
	struct step *steps;
	size_t n;
};

/* ---- What an entry did ---------------------------------------------------------------------- */

static struct step *past_step(struct past *p, struct arena *arena)
{
	enum { ROOM = 16 };
	if (p->n % ROOM == 0) {
		struct step *more = arena_alloc(arena, (p->n + ROOM) * sizeof(*more));
		if (p->n > 0)
			memcpy(more, p->steps, p->n * sizeof(*more));
		p->steps = more;
	}
	return &p->steps[p->n++];
}

static const char *past_words(struct call *call, const struct schema_type *t, uint32_t field,
			      struct bytes value)
{
	enum { SHORT = 80 };
	const char *words = lookup_value(call->copy, t, field, value, &call->arena);
	const char *line = screen_line(&call->arena, BYTES(words, strlen(words)));
	size_t n = strlen(line);
	if (n == 0)
		return "(nothing)";
	if (n <= SHORT)
		return line;
	for (n = SHORT; n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80;)
		n--;
	return arena_format(&call->arena, "%.*s…", (int)n, line);
}

/* What a field was before is not known where an entry was about it whose body is absent. */
#define NUMBER_UNKNOWN UINT64_MAX

static bool past_is_unknown(const struct record *r, uint32_t field)
{
	const struct value *v = record_find(r, field);
	return v && v->number == NUMBER_UNKNOWN;
}

static json_t *past_json_value(const struct schema_type *t, uint32_t field, struct bytes value)
{
	const ProtobufCFieldDescriptor *d;
	return t && schema_field(t, field, &d) ? json_value(t, d, value) : json_null();
}

/* The field of which something is not known has no `from` in JSON. */
static void past_forget_from(struct step *s)
{
	s->from = "(not fetched yet)";
	json_object_del(s->json, "from");
}

static void past_add(struct call *call, struct past *p, const struct schema_type *t, uint32_t field,
		     const char *sign, struct bytes from, struct bytes to)
{
	struct step *s = past_step(p, &call->arena);
	const ProtobufCFieldDescriptor *d = NULL;
	const struct schema_field *row = t ? schema_field(t, field, &d) : NULL;
	bool known = row != NULL;

	*s = (struct step){.inner = row && lookup_is_inner(row)};
	s->field = known ? d->name : arena_format(&call->arena, "%u", field);
	s->label = lookup_field_label(s->field, &call->arena);
	s->sign = sign;
	s->from = known ? past_words(call, t, field, from) : "";
	s->to = known ? past_words(call, t, field, to) : "";
	s->json = json_object();
	json_object_set_new(s->json, "field", json_string(s->field));
	if (*sign) {
		json_object_set_new(s->json, *sign == '+' ? "added" : "taken",
				    past_json_value(t, field, to));
		return;
	}
	json_object_set_new(s->json, "from", past_json_value(t, field, from));
	json_object_set_new(s->json, "to", past_json_value(t, field, to));
}

static void past_replace(struct call *call, struct past *p, const struct schema_type *t,
			 const struct record *r, uint32_t field, struct bytes to)
{
	past_add(call, p, t, field, "", record_get(r, field), to);
	if (past_is_unknown(r, field))
		past_forget_from(&p->steps[p->n - 1]);
}

/* An entry whose body is absent: what its header names is not known from here on. */
static void past_from_header(struct call *call, const struct past_entry *e, struct record *r,
			     struct past *out)
{
	const struct schema_type *t = schema_type(r->type);

	out->fields = "";
	for (size_t i = 0; i < e->header.n_touches; i++) {
		const struct touch *touch = &e->header.touches[i];
		for (size_t k = 0; id_equal(&touch->record, &r->id) && k < touch->n_fields; k++) {
			uint32_t field = touch->fields[k];
			const ProtobufCFieldDescriptor *d = NULL;
			const struct schema_field *row = t ? schema_field(t, field, &d) : NULL;
			if (field == 0 || (row && lookup_is_inner(row)))
				continue;
			record_set(r, field, BYTES_NONE, NUMBER_UNKNOWN);
			const char *label = row ? lookup_field_label(d->name, &call->arena)
						: arena_format(&call->arena, "%u", field);
			out->fields = arena_format(&call->arena, "%s%s%s", out->fields,
						   *out->fields ? ", " : "", label);
		}
	}
}

static const char *past_existence(int existence, unsigned before)
{
	return existence == WITHDRAWN ? "withdrawn" : before == WITHDRAWN ? "brought back" : "made";
}

/* Say what an effect does to a record, then lay it on. */
static void past_lay(struct call *call, struct past *p, struct record *r, const struct effect *e,
		     uint64_t number)
{
	const struct schema_type *t = schema_type(r->type);
	struct bytes rest = e->set;
	struct field o;
	uint32_t last = 0;

	if (e->existence >= 0) {
		struct step *s = past_step(p, &call->arena);
		*s = (struct step){.label = past_existence(e->existence, record_existence(r)),
				   .sign = ""};
		s->json = json_pack("{s:s}", "existence", s->label);
	}
	while (field_next(&rest, &o) > 0) {
		if (o.number != last)
			past_replace(call, p, t, r, o.number, fields_get(e->set, o.number));
		last = o.number;
	}
	for (size_t i = 0; i < e->n_clear; i++)
		past_replace(call, p, t, r, e->clear[i], BYTES_NONE);
	for (rest = e->add, last = 0; field_next(&rest, &o) > 0; last = o.number)
		if (o.number != last)
			past_add(call, p, t, o.number, "+", BYTES_NONE,
				 fields_get(e->add, o.number));
	for (rest = e->take, last = 0; field_next(&rest, &o) > 0; last = o.number)
		if (o.number != last)
			past_add(call, p, t, o.number, "-", BYTES_NONE,
				 fields_get(e->take, o.number));
	record_apply(r, e, number);
}

static const char *past_instead(const struct past *p, const struct schema_type *t, uint32_t field)
{
	const struct schema_field *row = t ? schema_field(t, field, NULL) : NULL;

	if (p->verdict != VERDICT_MERGED)
		return "one of two versions";
	return row && row->merge == MERGE_TEXT ? "as it was written; merged by machine"
					       : "somebody had set it before";
}

/* What the author wanted and what did not come to stand. */
static void past_offered(struct call *call, struct past *p, const struct record *r,
			 const struct change *c)
{
	const struct schema_type *t = schema_type(r->type);
	for (size_t i = 0; i < c->n_edits; i++) {
		struct bytes rest = c->edits[i].effect.set;
		struct field o;
		uint32_t last = 0;
		if (!id_equal(&c->edits[i].record, &r->id))
			continue;
		for (; field_next(&rest, &o) > 0; last = o.number) {
			struct bytes value = fields_get(c->edits[i].effect.set, o.number);
			if (o.number == last || bytes_equal(value, record_get(r, o.number)))
				continue;
			past_add(call, p, t, o.number, "", BYTES_NONE, value);
			p->steps[p->n - 1].offered = true;
			p->steps[p->n - 1].instead = past_instead(p, t, o.number);
			json_object_set_new(p->steps[p->n - 1].json, "stands", json_false());
		}
	}
}

/* Who let a held change in: "Amy Booth, Pilsley Primary School"; NULL: nobody had to. */
static const char *past_let_in(struct call *call, const struct header *h)
{
	struct author who = {0};

	if (id_is_zero(&h->let_in_by))
		return NULL;
	lookup_device(call->copy, &h->let_in_by, &call->arena, &who);
	return arena_format(&call->arena, "%s%s%s", who.person_name, *who.school_name ? ", " : "",
			    who.school_name);
}

static json_t *past_let_in_json(struct call *call, const struct id *device)
{
	struct author who = {0};

	if (id_is_zero(device))
		return json_null();
	lookup_device(call->copy, device, &call->arena, &who);
	return cmd_json_author(&who);
}

/* An accepted entry, as it touched one record. */
static void past_from_entry(struct call *call, const struct past_entry *e, struct record *r,
			    struct past *out)
{
	const struct outcome_effect *effects;
	memset(out, 0, sizeof(*out));
	out->change = e->header.change;
	out->author.time_ms = e->header.time_ms;
	out->author.number = e->header.number;
	lookup_device(call->copy, &e->header.device, &call->arena, &out->author);
	out->let_in_by = past_let_in(call, &e->header);
	out->let_in_device = e->header.let_in_by;
	out->absent = id_is_zero(&e->change.id);
	if (out->absent) {
		past_from_header(call, e, r, out);
		return;
	}
	out->verdict = e->outcome.verdict;
	out->undoes = e->change.undoes;
	size_t n = outcome_effects(&e->change, &e->outcome, &call->arena, &effects);
	for (size_t i = 0; i < n; i++)
		if (id_equal(&effects[i].record, &r->id))
			past_lay(call, out, r, &effects[i].effect, e->header.number);
	if (!e->outcome.as_sent)
		past_offered(call, out, r, &e->change);
}

/* ---- history -------------------------------------------------------------------------------- */

/* The entries that touched a record, newest first. */
static int history_entries(struct call *call, const struct target *at, struct past_entry **out,
			   size_t *n)
{
	struct buf b = {0};
	int err = 0;

	for (uint64_t number = at->now.number; number > 0;) {
		struct past_entry e;
		err = copy_entry(call->copy, &at->space, number, &call->arena, &e);
		if (err <= 0)
			break;
		buf_add(&b, &e, sizeof(e));
		uint64_t previous = 0;
		for (size_t i = 0; i < e.header.n_touches; i++)
			if (id_equal(&e.header.touches[i].record, &at->id))
				previous = e.header.touches[i].previous;
		number = previous < number ? previous : 0;
	}
	struct bytes all = arena_copy(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	*out = (struct past_entry *)all.data;
	*n = all.len / sizeof(struct past_entry);
	return err < 0
		   ? cause_set(&call->cause, err, "the history can't be read: %s", err_words(err))
		   : 0;
}

/* Own changes that are not in the journal yet, oldest first, laid on top. */
static int history_pending(struct call *call, struct record *r, struct buf *out)
{
	struct pending p = {0};
	int got;

	while ((got = copy_pending_next(call->copy, p.seq, &p)) > 0) {
		struct change c;
		struct past past = {.pending = true, .verdict = VERDICT_APPLIED};
		free(p.words);
		struct bytes bytes = arena_copy(&call->arena, p.bytes);
		if ((p.state != PENDING_UNSENT && p.state != PENDING_ASKS) ||
		    change_read(&c, bytes, &call->arena, NULL) < 0)
			continue;
		past.change = c.id;
		past.undoes = c.undoes;
		past.author.time_ms = c.made_ms;
		lookup_device(call->copy, &copy_identity(call->copy)->device, &call->arena,
			      &past.author);
		for (size_t i = 0; i < c.n_edits; i++)
			if (id_equal(&c.edits[i].record, &r->id)) {
				past_lay(call, &past, r, &c.edits[i].effect, 0);
				buf_add(out, &past, sizeof(past));
			}
	}
	return got < 0
		   ? cause_set(&call->cause, got, "the outbox can't be read: %s", err_words(got))
		   : 0;
}

static const char *past_remark(const struct past *p)
{
	return p->pending			? " (not sent yet)"
	       : p->verdict == VERDICT_CONFLICT ? " (two versions)"
						: "";
}

static void past_print(struct call *call, const struct past *p)
{
	if (p->pending)
		fprintf(call->out, "%8s  ", "-");
	else
		fprintf(call->out, "%8llu  ", (unsigned long long)p->author.number);
	fprintf(call->out, "%s%s  [%s]\n", lookup_author_words(&p->author, &call->arena),
		past_remark(p), lookup_short_change(call->copy, &p->change, &call->arena));
	if (!id_is_zero(&p->undoes))
		fprintf(call->out, "          takes back %s\n",
			lookup_short_change(call->copy, &p->undoes, &call->arena));
	if (p->let_in_by)
		fprintf(call->out, "          let in by %s\n", p->let_in_by);
	if (p->absent)
		fprintf(call->out, "          %s%snot fetched yet\n", p->fields,
			*p->fields ? ": " : "");
	if (!p->absent && p->n == 0)
		fputs("          nothing: it was so already\n", call->out);
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];
		if (s->inner)
			continue;
		if (!s->field)
			fprintf(call->out, "          %s\n", s->label);
		else if (*s->sign)
			fprintf(call->out, "          %s: %s %s\n", s->label,
				*s->sign == '+' ? "added" : "taken", s->to);
		else if (s->offered)
			fprintf(call->out, "          %s: %s (%s)\n", s->label, s->to, s->instead);
		else if (strcmp(s->from, "(nothing)") == 0)
			fprintf(call->out, "          %s: %s\n", s->label, s->to);
		else
			fprintf(call->out, "          %s: %s -> %s\n", s->label, s->from, s->to);
	}
}

static json_t *past_json(struct call *call, const struct past *p)
{
	json_t *o = json_object(), *steps = json_array();
	for (size_t i = 0; i < p->n; i++)
		json_array_append(steps, p->steps[i].json);
	json_object_set_new(o, "number",
			    p->pending ? json_null() : json_integer((json_int_t)p->author.number));
	json_object_set_new(o, "change", cmd_json_id(&p->change));
	json_object_set_new(o, "undoes", cmd_json_id(&p->undoes));
	json_object_set_new(o, "author", cmd_json_author(&p->author));
	json_object_set_new(o, "let_in_by", past_let_in_json(call, &p->let_in_device));
	json_object_set_new(o, "verdict",
			    p->pending || p->absent ? json_null()
						    : json_string(verdict_word(p->verdict)));
	json_object_set_new(o, "fetched", json_boolean(!p->absent));
	json_object_set_new(o, "changes", steps);
	return o;
}

static void past_release(struct past *p)
{
	for (size_t i = 0; i < p->n; i++)
		json_decref(p->steps[i].json);
}

int cmd_history(struct call *call)
{
	struct target at;
	struct past_entry *entries;
	struct record r;
	struct buf list = {0};
	json_t *all = json_array();
	size_t n = 0;

	int err = cmd_target(call, call->words[0], &at);
	if (err >= 0)
		err = history_entries(call, &at, &entries, &n);
	if (err >= 0) {
		record_init(&r, &call->arena, &at.id, at.now.type);
		while (n > 0) {
			struct past p;
			past_from_entry(call, &entries[--n], &r, &p);
			buf_add(&list, &p, sizeof(p));
		}
		err = history_pending(call, &r, &list);
	}
	struct past *pasts = (struct past *)list.data;
	for (size_t i = list.len / sizeof(*pasts); i-- > 0;) {
		if (err >= 0 && call->json)
			json_array_append_new(all, past_json(call, &pasts[i]));
		else if (err >= 0)
			past_print(call, &pasts[i]);
		past_release(&pasts[i]);
	}
	buf_fini(&list);
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	return err;
}

/* ---- audit ---------------------------------------------------------------------------------- */

/* One entry of the directory or of admin, to be read newest first from both. */
struct trail {
	struct id space;
	uint64_t number; /* of the entry in `e`; 0: at its end */
	struct past_entry e;
};

static int trail_read(struct call *call, struct trail *t)
{
	if (t->number == 0)
		return 0;
	int got = copy_entry(call->copy, &t->space, t->number, &call->arena, &t->e);
	if (got == 0)
		t->number = 0;
	return got;
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
		fprintf(call->out, "          %s %s:", type ? type->name : "record",
			lookup_label(call->copy, &effects[i].record, &call->arena));
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

static int audit_walk(struct call *call, struct trail trails[2], size_t most, json_t *all)
{
	int err = trail_read(call, &trails[0]);
	if (err >= 0)
		err = trail_read(call, &trails[1]);
	for (size_t i = 0; err >= 0 && i < most && (trails[0].number || trails[1].number); i++) {
		bool second =
		    !trails[0].number ||
		    (trails[1].number && trails[1].e.header.time_ms > trails[0].e.header.time_ms);
		struct trail *t = &trails[second];
		if (call->json)
			json_array_append_new(all, trail_json(call, t));
		else
			trail_print(call, t);
		t->number--;
		err = trail_read(call, t);
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

	if (number && (!*number || *end || *number == '-')) {
		json_decref(all);
		return cause_set(&call->cause, ERR_USAGE, "audit: '%.40s' is no number", number);
	}
	int n = copy_spaces(call->copy, &held);
	struct trail trails[2] = {{.space = id_directory(&me->area)},
				  {.space = id_admin(&me->area)}};
	for (int i = 0; i < 2; i++)
		trails[i].number = trail_head(held, n, &trails[i].space);
	free(held);
	int err = n < 0 ? n : audit_walk(call, trails, most, all);
	if (err < 0)
		cause_set(&call->cause, err, "the journal can't be read: %s", err_words(err));
	else if (call->json)
		return cmd_json(call, all);
	json_decref(all);
	return err < 0 ? err : 0;
}
