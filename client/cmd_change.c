/*
 * A change in words: what it asks for, record by record, and, for one who decides on it, how that
 * compares with what stands.
 */
#include "client/cmd.h"

#include <string.h>

enum { INDENT = 6, TEXT_INDENT = 8 };

/* One record that a change edits, and how it stands here. */
struct compared {
	const struct change *change;
	const struct edit *edit;
	const struct schema_type *type; /* NULL: not known here */
	struct record now;
	bool here; /* `now` is filled */
};

static void compare_init(struct call *call, const struct change *c, size_t i, struct compared *out)
{
	const struct edit *e = &c->edits[i];

	*out = (struct compared){.change = c, .edit = e, .type = schema_type(e->type)};
	out->here = copy_record(call->copy, &e->record, VIEW_SHOWN, &call->arena, &out->now,
				NULL) == 0;
}

/* Has somebody set a field of its group since the author saw the record? */
static bool compare_moved(const struct compared *c, uint32_t field)
{
	uint32_t group = schema_group(c->type, field);

	for (size_t i = 0; c->here && i < c->now.n_values; i++) {
		const struct value *v = &c->now.values[i];
		if (v->number > c->change->seen_number && v->field &&
		    schema_group(c->type, v->field) == group)
			return true;
	}
	return false;
}

/* ---- In words ------------------------------------------------------------------------------- */

static void change_print_now(struct call *call, const struct compared *c, uint32_t field,
			     struct bytes wanted)
{
	struct bytes stands = c->here ? record_get(&c->now, field) : BYTES_NONE;

	if (!c->here || bytes_equal(stands, wanted))
		return;
	const char *words = lookup_value(call->copy, c->type, field, stands, &call->arena);
	fprintf(call->out, "%*snow%s: ", TEXT_INDENT, "",
		compare_moved(c, field) ? ", changed since its author saw it" : "");
	screen_print_text(call->out,
			  *words ? BYTES(words, strlen(words)) : BYTES("(nothing)", 9),
			  TEXT_INDENT + 2);
}

static void change_print_fields(struct call *call, const struct compared *c, struct bytes fields,
				const char *sign, bool compare)
{
	struct bytes rest = fields;
	struct field o;
	uint32_t last = 0;

	for (; field_next(&rest, &o) > 0; last = o.number) {
		const ProtobufCFieldDescriptor *d;
		const struct schema_field *row = schema_field(c->type, o.number, &d);
		if (o.number == last || !row || lookup_is_inner(row) ||
		    strcmp(row->name, "content") == 0) /* a hash says nothing to people */
			continue;
		struct bytes wanted = fields_get(fields, o.number);
		const char *words =
			lookup_value(call->copy, c->type, o.number, wanted, &call->arena);
		fprintf(call->out, "%*s%s%s: ", INDENT, "",
			lookup_field_label(d->name, &call->arena), sign);
		screen_print_text(call->out, BYTES(words, strlen(words)), TEXT_INDENT);
		if (compare && !*sign)
			change_print_now(call, c, o.number, wanted);
	}
}

static void change_print_edit(struct call *call, const struct compared *c, bool compare)
{
	const struct effect *e = &c->edit->effect;
	const ProtobufCFieldDescriptor *d;

	fprintf(call->out, "    %s%s%s%s\n", c->type ? c->type->name : "record",
		c->here ? " " : "",
		c->here ? lookup_label(call->copy, &c->edit->record, &call->arena) : "",
		e->existence == WITHDRAWN ? ": withdrawn"
		: e->existence != LIVE	  ? ""
		: c->edit->brings_back	  ? ": brought back"
					  : ": made");
	if (!c->type)
		return;
	change_print_fields(call, c, e->set, "", compare);
	change_print_fields(call, c, e->add, ", added", compare);
	change_print_fields(call, c, e->take, ", taken", compare);
	for (size_t i = 0; i < e->n_clear; i++) {
		if (!schema_field(c->type, e->clear[i], &d))
			continue;
		fprintf(call->out, "%*s%s: (nothing)\n", INDENT, "",
			lookup_field_label(d->name, &call->arena));
		if (compare)
			change_print_now(call, c, e->clear[i], BYTES_NONE);
	}
}

void cmd_change_print(struct call *call, const struct change *c, bool compare)
{
	for (size_t i = 0; i < c->n_edits; i++) {
		struct compared at;
		compare_init(call, c, i, &at);
		change_print_edit(call, &at, compare);
	}
}

/* ---- As JSON -------------------------------------------------------------------------------- */

static json_t *change_json_fields(const struct schema_type *t, struct bytes fields)
{
	json_t *o = json_object();
	struct bytes rest = fields;
	struct field f;
	const ProtobufCFieldDescriptor *d;

	while (field_next(&rest, &f) > 0)
		if (t && schema_field(t, f.number, &d))
			json_object_set_new(o, json_field_name(d),
					    json_value(t, d, fields_get(fields, f.number)));
	return o;
}

static void change_json_now(json_t *now, json_t *moved, const struct compared *c, uint32_t field)
{
	const ProtobufCFieldDescriptor *d;

	if (!c->here || !schema_field(c->type, field, &d))
		return;
	json_object_set_new(now, json_field_name(d),
			    json_value(c->type, d, record_get(&c->now, field)));
	if (compare_moved(c, field))
		json_array_append_new(moved, json_string(d->name));
}

static json_t *change_json_edit(const struct compared *c, bool compare)
{
	const struct effect *e = &c->edit->effect;
	json_t *r = json_object(), *cleared = json_array(), *now = json_object(),
	       *moved = json_array();
	const ProtobufCFieldDescriptor *d;

	for (size_t i = 0; c->type && i < e->n_clear; i++) {
		if (schema_field(c->type, e->clear[i], &d))
			json_array_append_new(cleared, json_string(d->name));
		change_json_now(now, moved, c, e->clear[i]);
	}
	for (size_t i = 0; c->type && i < c->edit->n_bases; i++)
		if (fields_get(e->set, c->edit->bases[i].field).len)
			change_json_now(now, moved, c, c->edit->bases[i].field);
	json_object_set_new(r, "id", json_id(&c->edit->record));
	json_object_set_new(r, "type", c->type ? json_string(c->type->name) : json_null());
	json_object_set_new(r, "made",
			    json_boolean(e->existence == LIVE && !c->edit->brings_back));
	json_object_set_new(r, "withdrawn", json_boolean(e->existence == WITHDRAWN));
	json_object_set_new(r, "set", change_json_fields(c->type, e->set));
	json_object_set_new(r, "added", change_json_fields(c->type, e->add));
	json_object_set_new(r, "taken", change_json_fields(c->type, e->take));
	json_object_set_new(r, "cleared", cleared);
	if (compare) {
		json_object_set(r, "now", now);
		json_object_set(r, "changed_since", moved);
	}
	json_decref(now);
	json_decref(moved);
	return r;
}

json_t *cmd_change_json(struct call *call, const struct change *c, bool compare)
{
	json_t *records = json_array();

	for (size_t i = 0; i < c->n_edits; i++) {
		struct compared at;
		compare_init(call, c, i, &at);
		json_array_append_new(records, change_json_edit(&at, compare));
	}
	return records;
}
