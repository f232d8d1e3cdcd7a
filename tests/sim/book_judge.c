/*
 * What an accepted change may have done. This is written from the words of the design and shares no
 * code with the reconciling that it judges, but for reading bytes and for what the schema says.
 */
#include "tests/sim/book.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

#include <inttypes.h>

static const struct edit *edit_of(const struct change *c, const struct id *record)
{
	for (size_t i = 0; i < c->n_edits; i++)
		if (id_equal(&c->edits[i].record, record))
			return &c->edits[i];
	return NULL;
}

/* Did the author of `edit` know of entry `number` when the edit was made? By what was seen, or
 * because it is the author's own and the edit stands on it. */
static bool author_knew(const struct book_entry *e, const struct edit *edit, uint64_t number)
{
	struct id after = edit->after;
	if (number <= e->change.seen_number)
		return true;
	for (size_t i = e->header.number - 1; i > 0 && !id_is_zero(&after); i--) {
		const struct book_entry *own = e->space->entries[i - 1];
		if (!id_equal(&own->header.change, &after))
			continue;
		if (i == number)
			return true;
		const struct edit *earlier = edit_of(&own->change, &edit->record);
		if (!earlier)
			return false;
		after = earlier->after;
	}
	return false;
}

static bool names_field(const struct effect *e, uint32_t field, struct bytes *wanted)
{
	*wanted = fields_get(e->set, field);
	if (wanted->len)
		return true;
	for (size_t i = 0; i < e->n_clear; i++)
		if (e->clear[i] == field)
			return true;
	return false;
}

/* ---- Before: nobody's value goes unseen ----------------------------------------------------- */

static int judge_replaced(const struct book_entry *e, const struct edit *edit,
			  const struct record *stands, const struct outcome_effect *o,
			  struct cause *fault)
{
	for (size_t i = 0; stands && i < stands->n_values; i++) {
		const struct value *v = &stands->values[i];
		struct bytes wanted;
		bool replaces = v->field == 0 ? o->effect.existence >= 0
					      : names_field(&o->effect, v->field, &wanted);
		if (v->field == 0 && replaces)
			replaces = record_existence(stands) != (unsigned)o->effect.existence;
		else if (replaces)
			replaces = !bytes_equal(wanted, v->bytes);
		if (replaces && !author_knew(e, edit, v->number))
			return cause_set(fault, ERR_CORRUPT,
					 "entry %" PRIu64 " replaces field %u of a %s, set by "
					 "entry %" PRIu64
					 ", which its author had not seen (%" PRIu64 ")",
					 e->header.number, v->field, schema_type(o->type)->name,
					 v->number, e->change.seen_number);
	}
	return 0;
}

/* A member that somebody added unseen must not be taken away. */
static int judge_taken(const struct book_entry *e, const struct edit *edit,
		       const struct outcome_effect *o, struct cause *fault)
{
	struct bytes rest = o->effect.take;
	struct field f;
	while (field_next(&rest, &f) > 0)
		for (uint64_t n = e->change.seen_number + 1; n < e->header.number; n++) {
			const struct edit *other =
			    edit_of(&e->space->entries[n - 1]->change, &o->record);
			if (other &&
			    value_has_member(fields_get(other->effect.add, f.number), f.whole) &&
			    !author_knew(e, edit, n))
				return cause_set(fault, ERR_CORRUPT,
						 "entry %" PRIu64
						 " takes a member that entry %" PRIu64
						 " added unseen",
						 e->header.number, n);
		}
	return 0;
}

/* What was replaced is what the author says to have had before them, byte for byte. */
static int judge_bases(const struct book_entry *e, const struct edit *edit, const struct record *stands,
		       const struct outcome_effect *o, struct cause *fault)
{
	for (size_t i = 0; i < edit->n_bases; i++) {
		uint32_t field = edit->bases[i].field;
		struct bytes wanted, had = stands ? record_get(stands, field) : BYTES_NONE;
		if (names_field(&o->effect, field, &wanted) && edit->bases[i].digest != base_digest(had))
			return cause_set(fault, ERR_CORRUPT,
					 "entry %" PRIu64 " replaces field %u, which was not what its author had "
					 "before them",
					 e->header.number, field);
	}
	return 0;
}

/* A side is taken from a Conflict, or the Conflict settled, only by one who had seen it. */
static int judge_sides(const struct book *b, const struct book_entry *e,
		       const struct outcome_effect *o, struct cause *fault)
{
	enum { CONFLICT_RECORD = 1, CONFLICT_SIDES = 5, CONFLICT_STATE = 7 };
	const struct record *stands = book_record(b, &e->space->id, &o->record);
	bool settles = value_number(fields_get(o->effect.set, CONFLICT_STATE)) ==
		       RECORDS__CONFLICT_STATE__SETTLED;
	struct bytes rest = settles && stands ? record_get(stands, CONFLICT_SIDES) : o->effect.take;
	bool named = !settles;
	struct id on, side;
	struct field f;

	for (size_t i = 0; i < e->change.n_settles; i++)
		named |= id_equal(&e->change.settles[i], &o->record);
	if (!named)
		return cause_set(fault, ERR_CORRUPT,
				 "entry %" PRIu64 " settles a Conflict that it does not name",
				 e->header.number);
	if (!stands || !id_from(&on, value_bytes(record_get(stands, CONFLICT_RECORD))))
		return 0;
	const struct edit *edit = edit_of(&e->change, &on);
	while (field_next(&rest, &f) > 0) {
		const struct book_entry *other =
		    id_from(&side, f.payload) ? book_entry(b, &side) : NULL;
		if (!edit || !other || !author_knew(e, edit, other->header.number))
			return cause_set(fault, ERR_CORRUPT,
					 "entry %" PRIu64 " closes a side of a Conflict that its "
					 "author had not seen",
					 e->header.number);
	}
	return 0;
}

int book_judge_before(const struct book *b, const struct book_entry *e, struct cause *fault)
{
	const struct outcome_effect *effects;
	struct arena arena;
	int err = 0;

	if (book_entry(b, &e->header.change))
		return cause_set(fault, ERR_CORRUPT,
				 "entry %" PRIu64 " is a change that was entered before",
				 e->header.number);
	if (!id_equal(&e->header.change, &e->change.id) ||
	    !id_equal(&e->change.space, &e->space->id))
		return cause_set(fault, ERR_CORRUPT,
				 "entry %" PRIu64 " and its change do not name the same",
				 e->header.number);
	arena_init(&arena, ARENA_NO_BUDGET);
	size_t n = outcome_effects(&e->change, &e->outcome, &arena, &effects);
	for (size_t i = 0; i < n && err == 0; i++) {
		const struct edit *edit = edit_of(&e->change, &effects[i].record);
		if (effects[i].type == TYPE_CONFLICT) {
			err = judge_sides(b, e, &effects[i], fault);
			continue;
		}
		if (!edit || !schema_type(effects[i].type)) {
			err = cause_set(fault, ERR_CORRUPT,
					"entry %" PRIu64 " touches a record that its change "
					"does not name",
					e->header.number);
			break;
		}
		const struct record *stands = book_record(b, &e->space->id, &effects[i].record);
		err = judge_replaced(e, edit, stands, &effects[i], fault);
		if (err == 0)
			err = judge_bases(e, edit, stands, &effects[i], fault);
		if (err == 0)
			err = judge_taken(e, edit, &effects[i], fault);
	}
	arena_fini(&arena);
	return err;
}

/* ---- After: what does not stand is a side of a Conflict ------------------------------------- */

static bool is_side(const struct book *b, const struct book_entry *e, const struct id *record,
		    uint32_t group)
{
	for (size_t i = 0; i < b->n_records; i++) {
		const struct book_record *c = b->records[i];
		struct id on;
		struct buf side = {0};
		if (c->record.type != TYPE_CONFLICT || !id_equal(&c->space, &e->space->id) ||
		    !id_from(&on, value_bytes(record_get(&c->record, 1))) ||
		    !id_equal(&on, record) || value_number(record_get(&c->record, 3)) != group)
			continue;
		field_add_bytes(&side, 5, ID_BYTES(&e->header.change));
		bool found = value_has_member(record_get(&c->record, 5), buf_bytes(&side));
		buf_fini(&side);
		if (found)
			return true;
	}
	return false;
}

/* Has somebody else asked for exactly this since what the author had seen? */
static bool is_repeat(const struct book_entry *e, const struct edit *edit, uint32_t field,
		      struct bytes wanted)
{
	for (uint64_t n = 1; n < e->header.number; n++) {
		const struct edit *other =
		    edit_of(&e->space->entries[n - 1]->change, &edit->record);
		struct bytes theirs;
		if (other && n > e->change.seen_number &&
		    names_field(&other->effect, field, &theirs) && bytes_equal(theirs, wanted))
			return true;
	}
	return false;
}

static int judge_field(struct book *b, const struct book_entry *e, const struct edit *edit,
		       uint32_t field, struct bytes wanted, struct cause *fault)
{
	const struct schema_type *t = schema_type(edit->type);
	const struct record *r = book_record(b, &e->space->id, &edit->record);
	if (r && bytes_equal(record_get(r, field), wanted))
		return 0;
	if (is_repeat(e, edit, field, wanted)) {
		b->repeats++;
		return 0;
	}
	if (t && is_side(b, e, &edit->record, schema_group(t, field)))
		return 0;
	return cause_set(fault, ERR_CORRUPT,
			 "entry %" PRIu64 " wanted a value for field %u of a %s; it does not "
			 "stand, and no Conflict names it",
			 e->header.number, field, t ? t->name : "?");
}

/* Somebody added the member unseen, and somebody took it again: then it is a repeat. */
static bool was_added(const struct book_entry *e, const struct edit *edit,
		      const struct field *member)
{
	for (uint64_t n = e->change.seen_number + 1; n < e->header.number; n++) {
		const struct edit *other =
		    edit_of(&e->space->entries[n - 1]->change, &edit->record);
		if (other &&
		    value_has_member(fields_get(other->effect.add, member->number), member->whole))
			return true;
	}
	return false;
}

static int judge_edit(struct book *b, const struct book_entry *e, const struct edit *edit,
		      struct cause *fault)
{
	const struct record *r = book_record(b, &e->space->id, &edit->record);
	struct bytes rest = edit->effect.set;
	struct field f;
	uint32_t last = 0;
	int err = 0;

	while (err == 0 && field_next(&rest, &f) > 0)
		if (f.number != last) {
			last = f.number;
			err = judge_field(b, e, edit, last, fields_get(edit->effect.set, last),
					  fault);
		}
	for (size_t i = 0; err == 0 && i < edit->effect.n_clear; i++)
		err = judge_field(b, e, edit, edit->effect.clear[i], BYTES_NONE, fault);
	rest = edit->effect.add;
	while (err == 0 && field_next(&rest, &f) > 0)
		if ((!r || !value_has_member(record_get(r, f.number), f.whole)) &&
		    !was_added(e, edit, &f))
			err = cause_set(fault, ERR_CORRUPT,
					"entry %" PRIu64 " added a member to field %u; it is "
					"not in the set",
					e->header.number, f.number);
	if (err == 0 && edit->effect.existence >= 0 &&
	    (!r || record_existence(r) != (unsigned)edit->effect.existence) &&
	    !is_side(b, e, &edit->record, 0))
		err = cause_set(fault, ERR_CORRUPT,
				"entry %" PRIu64 " withdrew or made a record; it did not, and "
				"no Conflict names it",
				e->header.number);
	return err;
}

/* Every record and field that the change named or that its effects touched stands in the header. */
static int judge_touches(const struct book_entry *e, const struct id *record, struct bytes message,
			 struct cause *fault)
{
	struct field f;
	for (size_t i = 0; i < e->header.n_touches; i++) {
		const struct touch *t = &e->header.touches[i];
		if (!id_equal(&t->record, record))
			continue;
		while (field_next(&message, &f) > 0) {
			bool found = false;
			for (size_t k = 0; k < t->n_fields; k++)
				found |= t->fields[k] == f.number;
			if (!found)
				return cause_set(fault, ERR_CORRUPT,
						 "the header of entry %" PRIu64 " does not name "
						 "field %u",
						 e->header.number, f.number);
		}
		return 0;
	}
	return cause_set(fault, ERR_CORRUPT,
			 "the header of entry %" PRIu64 " does not name a record that it "
			 "touches",
			 e->header.number);
}

int book_judge_after(struct book *b, const struct book_entry *e, struct cause *fault)
{
	const struct outcome_effect *effects;
	size_t n = outcome_effects(&e->change, &e->outcome, &b->arena, &effects);
	int err = 0;
	b->conflicts += e->outcome.verdict == VERDICT_CONFLICT;
	b->merged += e->outcome.verdict == VERDICT_MERGED;
	for (size_t i = 0; err == 0 && i < e->change.n_edits; i++) {
		err = judge_edit(b, e, &e->change.edits[i], fault);
		if (err == 0)
			err = judge_touches(e, &e->change.edits[i].record,
					    e->change.edits[i].effect.set, fault);
	}
	for (size_t i = 0; err == 0 && i < n; i++)
		err = judge_touches(e, &effects[i].record, effects[i].effect.set, fault);
	return err;
}
