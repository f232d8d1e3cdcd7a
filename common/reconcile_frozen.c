/*
 * Items of approved Minutes are held fast. A late edit of one takes nothing from what was approved;
 * what it wanted is kept as a Note of kind correction on the item, in words, with its author.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"
#include "records.pb-c.h"

#include <string.h>

enum { NOTE_ON = 1, NOTE_KIND, NOTE_TEXT, NOTE_AUTHOR = 7 }; /* fields of records.proto */

int frozen_look(struct work *w, struct subject *s)
{
	struct id minutes = {{0}};

	if (s->edit->type != TYPE_AGENDA_ITEM || !w->ground->frozen ||
	    record_existence(&s->record) == ABSENT)
		return 0;
	int err = w->ground->frozen(w->ground->arg, &s->edit->record, &minutes);
	s->frozen = err == 0 && !id_is_zero(&minutes);
	return err;
}

/* ---- In words ------------------------------------------------------------------------------- */

/* "minute text: " */
static void say_field(const struct subject *s, uint32_t field, struct buf *out)
{
	const ProtobufCFieldDescriptor *d = NULL;

	if (out->len)
		buf_add_u8(out, '\n');
	if (!s->type || !schema_field(s->type, field, &d)) {
		buf_add_text(out, "field %u: ", field);
		return;
	}
	for (const char *c = d->name; *c; c++)
		buf_add_u8(out, *c == '_' ? ' ' : (uint8_t)*c);
	buf_add_text(out, ": ");
}

static void say_value(const struct subject *s, uint32_t field, struct bytes value, struct buf *out)
{
	const ProtobufCFieldDescriptor *d = NULL;
	const struct schema_field *f = s->type ? schema_field(s->type, field, &d) : NULL;
	struct field one;
	size_t n = 0;

	while (field_next(&value, &one) > 0) {
		if (n++)
			buf_add_text(out, ", ");
		if (f)
			schema_print(d, f, &one, out);
		else
			buf_add_text(out, "(%zu bytes)", one.payload.len);
	}
	if (n == 0)
		buf_add_text(out, "(left empty)");
}

/* Members that are to be there, or not to be, and are not so already. */
static void say_members(const struct subject *s, struct bytes members, bool adding,
			struct buf *out)
{
	struct field f;

	while (field_next(&members, &f) > 0) {
		if (value_has_member(record_get(&s->record, f.number), f.whole) == adding)
			continue;
		say_field(s, f.number, out);
		buf_add_text(out, adding ? "with " : "without ");
		say_value(s, f.number, f.whole, out);
	}
}

/* What the edit wanted that is not so. Empty: nothing. */
static void say_wanted(const struct subject *s, struct buf *out)
{
	const struct effect *sent = &s->edit->effect;
	unsigned now = record_existence(&s->record);

	if (sent->existence == WITHDRAWN && now == LIVE)
		buf_add_text(out, "This item was to be withdrawn.");
	if (s->edit->brings_back && now == WITHDRAWN)
		buf_add_text(out, "This item was to be brought back.");
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct wish *wish = &s->wishes[i];
		if (bytes_equal(record_get(&s->record, wish->field), wish->value))
			continue;
		say_field(s, wish->field, out);
		say_value(s, wish->field, wish->value, out);
	}
	say_members(s, sent->add, true, out);
	say_members(s, sent->take, false, out);
}

/* Text that a Note can hold, cut between characters where it is longer. */
static struct bytes cut_text(struct buf *text)
{
	static const char more[] = "\n(The rest stands in the history of this item.)";
	size_t most = TEXT_MAX - sizeof(more);

	if (text->len <= TEXT_MAX)
		return buf_bytes(text);
	while (most && (text->data[most] & 0xc0) == 0x80)
		most--;
	text->len = most;
	buf_add_text(text, "%s", more);
	return buf_bytes(text);
}

/* ---- The Note ------------------------------------------------------------------------------- */

static struct id note_id(const struct work *w, const struct id *item)
{
	static const char what[] = "correction";
	uint8_t name[32 + sizeof(what) - 1];

	memcpy(name, w->change->id.b, 16);
	memcpy(name + 16, item->b, 16);
	memcpy(name + 32, what, sizeof(what) - 1);
	return id_derive(w->ground->area, BYTES(name, sizeof(name)));
}

static int note_add(struct work *w, const struct subject *s, struct bytes text)
{
	struct outcome_effect *e;
	struct id author = {{0}}, id = note_id(w, &s->edit->record);
	struct buf set = {0};
	int err = w->ground->author ? w->ground->author(w->ground->arg, &author) : 0;
	int is_free = err < 0 ? err : dispute_id_is_free(w->ground, w->change, &id, w->arena);

	if (is_free <= 0)
		return is_free < 0 ? is_free
				   : cause_set(w->cause, ERR_INVALID,
					       "it leaves a note whose id another record has");
	if (!w->notes)
		w->notes = arena_alloc(w->arena, w->change->n_edits * sizeof(*w->notes));
	e = &w->notes[w->n_notes++];
	field_add_bytes(&set, NOTE_ON, ID_BYTES(&s->edit->record));
	field_add_number(&set, NOTE_KIND, RECORDS__NOTE_KIND__CORRECTION);
	field_add_bytes(&set, NOTE_TEXT, text);
	if (!id_is_zero(&author))
		field_add_bytes(&set, NOTE_AUTHOR, ID_BYTES(&author));
	*e = (struct outcome_effect){
		.type = TYPE_NOTE,
		.record = id,
		.effect = {.existence = LIVE, .set = arena_copy(w->arena, buf_bytes(&set))},
	};
	buf_fini(&set);
	return 0;
}

int frozen_note(struct work *w, struct subject *s)
{
	struct buf text = {0};
	int err = 0;

	say_wanted(s, &text);
	if (text.len)
		err = note_add(w, s, cut_text(&text));
	buf_fini(&text);
	s->existence = s->edit->effect.existence >= 0 ? REPEAT : TAKEN;
	for (size_t i = 0; i < s->n_wishes; i++)
		s->wishes[i].fate = REPEAT;
	return err;
}
