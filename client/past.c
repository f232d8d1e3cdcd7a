/* What an entry did to a record: see past.h. */
#include "client/past.h"

#include <stdlib.h>
#include <string.h>

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

void past_lay(struct call *call, struct past *p, struct record *r, const struct effect *e,
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

const char *past_let_in(struct call *call, const struct header *h)
{
	struct author who = {0};

	if (id_is_zero(&h->let_in_by))
		return NULL;
	lookup_device(call->copy, &h->let_in_by, &call->arena, &who);
	return arena_format(&call->arena, "%s%s%s", who.person_name, *who.school_name ? ", " : "",
			    who.school_name);
}

json_t *past_let_in_json(struct call *call, const struct id *device)
{
	struct author who = {0};

	if (id_is_zero(device))
		return json_null();
	lookup_device(call->copy, device, &call->arena, &who);
	return cmd_json_author(&who);
}

void past_from_entry(struct call *call, const struct past_entry *e, struct record *r,
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
	out->settles = e->change.n_settles > 0;
	size_t n = outcome_effects(&e->change, &e->outcome, &call->arena, &effects);
	for (size_t i = 0; i < n; i++)
		if (id_equal(&effects[i].record, &r->id))
			past_lay(call, out, r, &effects[i].effect, e->header.number);
	if (!e->outcome.as_sent)
		past_offered(call, out, r, &e->change);
}

void past_release(struct past *p)
{
	for (size_t i = 0; i < p->n; i++)
		json_decref(p->steps[i].json);
}
