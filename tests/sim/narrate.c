/* Words for what a trace tells, so that a person can follow it. */
#include "tests/sim/world.h"

#include "common/fields.h"

#include <stdio.h>

const char *narrate_device(const struct device *d)
{
	static const char *const schools[WORLD_NUMBERS][2] = {
		{"Pilsley", "Pilsley, offline,"}, {"Heath", "Heath, offline,"},
		{"Hady", "Hady, offline,"},	  {"Holmewood", "Holmewood, offline,"},
		{"Tupton", "Tupton, offline,"},	  {"Wingerworth", "Wingerworth, offline,"},
		{"Temple", "Temple, offline,"},	  {"Grassmoor", "Grassmoor, offline,"},
		{"Park", "Park, offline,"},	  {"Sharley", "Sharley, offline,"},
		{"Deer Park", "Deer Park, offline,"}, {"Danesmoor", "Danesmoor, offline,"},
		{"the witness", "the witness"},	  {"the hostile one", "the hostile one"},
	};
	return schools[d->number][d->end == NULL];
}

static void narrate_value(const struct schema_type *t, const struct field *f, struct buf *out)
{
	enum { MOST = 44 };
	const ProtobufCFieldDescriptor *d = NULL;
	const struct schema_field *row = schema_field(t, f->number, &d);
	struct buf words = {0};
	if (row)
		schema_print(d, row, f, &words);
	for (size_t i = 0; i < words.len; i++)
		if (words.data[i] == '\n')
			words.data[i] = '/';
	buf_add_text(out, " \"%.*s%s\"", (int)(words.len < MOST ? words.len : MOST),
		     words.len ? (const char *)words.data : "", words.len > MOST ? "..." : "");
	buf_fini(&words);
}

static void narrate_fields(const struct schema_type *t, struct bytes fields, const char *what, struct buf *out)
{
	const ProtobufCFieldDescriptor *d = NULL;
	struct field f;
	while (field_next(&fields, &f) > 0) {
		if (!schema_field(t, f.number, &d))
			continue;
		buf_add_text(out, ", %s %s", what, d->name);
		narrate_value(t, &f, out);
	}
}

static void narrate_edit(const struct edit *e, struct buf *out)
{
	const struct schema_type *t = schema_type(e->type);
	const ProtobufCFieldDescriptor *d = NULL;
	bool makes = e->effect.existence == 1 && !e->brings_back;
	buf_add_text(out, "%s%s %02x%02x", makes ? "new " : "", t ? t->name : "record", e->record.b[14],
		     e->record.b[15]);
	if (e->brings_back)
		buf_add_text(out, ", brought back");
	if (e->effect.existence == 2)
		buf_add_text(out, ", withdrawn");
	if (!t)
		return;
	narrate_fields(t, e->effect.set, "sets", out);
	narrate_fields(t, e->effect.add, "adds to", out);
	narrate_fields(t, e->effect.take, "takes from", out);
	for (size_t i = 0; i < e->effect.n_clear; i++)
		if (schema_field(t, e->effect.clear[i], &d))
			buf_add_text(out, ", clears %s", d->name);
}

void narrate_change(const struct change *c, struct buf *out)
{
	for (size_t i = 0; i < c->n_edits; i++) {
		buf_add_text(out, "%s", i ? "; " : "");
		narrate_edit(&c->edits[i], out);
	}
	for (size_t i = 0; i < c->n_settles; i++)
		buf_add_text(out, "; settles %02x%02x", c->settles[i].b[14], c->settles[i].b[15]);
	if (c->n_exact)
		buf_add_text(out, "; exact");
	if (!id_is_zero(&c->undoes))
		buf_add_text(out, "; undoes %02x%02x", c->undoes.b[14], c->undoes.b[15]);
	buf_add_text(out, " (as seen at %u)", (unsigned)c->seen_number);
}
