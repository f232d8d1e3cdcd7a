/* One entry at a time is judged, by going through all earlier ones: slow, and hard to get wrong. */
#include "tests/sim/model.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/sim/prose.h"

#include <inttypes.h>
#include <string.h>

enum { CONFLICT_RECORD = 1, CONFLICT_GROUP = 3, CONFLICT_SIDES = 5, CONFLICT_STATE = 7, CONFLICT_BY };
enum { NOTE_ON = 1, NOTE_KIND, NOTE_TEXT };

#define WRONG(...) cause_set(fault, ERR_CORRUPT, __VA_ARGS__)
/* Two words: what one of a type is called. */
#define ONE(type) (type) ? schema_article(type) : "a", (type) ? (type)->name : "thing"

/* ---- What an author knew -------------------------------------------------------------------- */

/* The server takes an author for no further on its line than they are, nor for less far than it must know. */
static int judge_line(const struct book *b, const struct book_entry *e, struct cause *fault)
{
	uint64_t said;
	if (!b->on_line(b->arg, &e->space->id, e->change.seen_epoch, e->change.seen_number, &said) ||
	    (said <= e->knew && said >= e->sure))
		return 0;
	return WRONG("entry %" PRIu64 ", whose author is on this line up to %" PRIu64 ", is judged as if up to %" PRIu64,
		     e->header.number, said > e->knew ? e->knew : e->sure, said);
}

/* The author's own change that this edit stands on: its edit of the record, and its entry in *e. */
static const struct edit *below(const struct book_entry **e, const struct edit *edit)
{
	for (size_t i = (*e)->header.number - 1; i > 0 && !id_is_zero(&edit->after); i--) {
		const struct book_entry *own = (*e)->space->entries[i - 1];
		if (!id_equal(&own->header.change, &edit->after))
			continue;
		*e = own;
		return change_edit(&own->change, &edit->record);
	}
	return NULL;
}

/* Did the author of `edit` know of entry `number` when the edit was made? By what was seen, or
 * because it is the author's own and the edit stands on it. */
static bool author_knew(const struct book_entry *e, const struct edit *edit, uint64_t number)
{
	if (number <= e->knew)
		return true;
	while ((edit = below(&e, edit)))
		if (e->header.number == number)
			return true;
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

static uint64_t base_of(const struct edit *edit, uint32_t field)
{
	for (size_t i = 0; i < edit->n_bases; i++)
		if (edit->bases[i].field == field)
			return edit->bases[i].digest;
	return base_digest(BYTES_NONE);
}

/* Was this value the author's own word, on which the edit stands? (Others may have said the same.) */
static bool own_value(const struct book_entry *e, const struct edit *edit, const struct value *v)
{
	struct bytes said;
	while ((edit = below(&e, edit)))
		if (names_field(&edit->effect, v->field, &said))
			return bytes_equal(said, v->bytes);
	return false;
}

/* The value that the author had before them, by its digest: one that stood, or that somebody asked for. */
static bool base_value(struct book *b, const struct book_entry *e, const struct edit *edit, uint32_t field,
		       struct bytes *out)
{
	uint64_t wanted = base_of(edit, field);
	*out = BYTES_NONE;
	if (base_digest(BYTES_NONE) == wanted)
		return true;
	for (size_t k = 0; k < b->n_read; k++) { /* what was taken back at a recovery counts too */
		const struct book_entry *other = b->read[k];
		const struct edit *said = other->space == e->space ? change_edit(&other->change, &edit->record) : NULL;
		if (said && names_field(&said->effect, field, out) && base_digest(*out) == wanted)
			return true;
		for (size_t i = 0; said && i < other->outcome.n_effects; i++)
			if (id_equal(&other->outcome.effects[i].record, &edit->record) &&
			    names_field(&other->outcome.effects[i].effect, field, out) &&
			    base_digest(*out) == wanted)
				return true;
	}
	return false;
}

/* Does one field of the group stand as somebody set it of whom the author had not heard? */
static bool group_moved(const struct book_entry *e, const struct edit *edit, const struct schema_type *t,
			uint32_t group, const struct record *stands)
{
	for (size_t i = 0; stands && i < stands->n_values; i++) {
		const struct value *v = &stands->values[i];
		if (v->field && schema_field(t, v->field, NULL) && schema_group(t, v->field) == group &&
		    !author_knew(e, edit, v->number) && !own_value(e, edit, v))
			return true;
	}
	return false;
}

/* ---- Conflicts and corrections -------------------------------------------------------------- */

/* The text of the Note that this entry made of a late edit; empty: it made none. */
static struct bytes correction_of(const struct book_entry *e, const struct id *item)
{
	for (size_t i = 0; !e->outcome.as_sent && i < e->outcome.n_effects; i++) {
		const struct outcome_effect *o = &e->outcome.effects[i];
		if (o->type == TYPE_NOTE && !change_edit(&e->change, &o->record) &&
		    bytes_equal(value_bytes(fields_get(o->effect.set, NOTE_ON)), ID_BYTES(item)) &&
		    value_number(fields_get(o->effect.set, NOTE_KIND)) == RECORDS__NOTE_KIND__CORRECTION)
			return value_bytes(fields_get(o->effect.set, NOTE_TEXT));
	}
	return BYTES_NONE;
}

/* A side is taken from a Conflict, or the Conflict settled, only by one who had seen it. */
static int judge_sides(const struct book *b, const struct book_entry *e, const struct outcome_effect *o,
		       struct cause *fault)
{
	const struct record *stands = book_record(b, &e->space->id, &o->record);
	uint64_t state = value_number(fields_get(o->effect.set, CONFLICT_STATE));
	bool settles = state == RECORDS__CONFLICT_STATE__SETTLED, named = !settles;
	struct bytes rest = settles && stands ? record_get(stands, CONFLICT_SIDES) : o->effect.take;
	struct id on, side;
	struct field f;

	for (size_t i = 0; i < e->change.n_settles; i++)
		named |= id_equal(&e->change.settles[i], &o->record);
	if (!named)
		return WRONG("entry %" PRIu64 " settles a Conflict that it does not name", e->header.number);
	if (stands && state == RECORDS__CONFLICT_STATE__OPEN &&
	    value_number(record_get(stands, CONFLICT_STATE)) == RECORDS__CONFLICT_STATE__SETTLED &&
	    !bytes_equal(value_bytes(record_get(stands, CONFLICT_BY)), ID_BYTES(&e->change.undoes)))
		return WRONG("entry %" PRIu64 " reopens a Conflict and does not undo its settling",
			     e->header.number);
	if (!stands || !id_from(&on, value_bytes(record_get(stands, CONFLICT_RECORD))))
		return 0;
	const struct edit *edit = change_edit(&e->change, &on);
	while (field_next(&rest, &f) > 0) {
		const struct book_entry *other = id_from(&side, f.payload) ? book_entry(b, &side) : NULL;
		if (!edit || !other || !author_knew(e, edit, other->header.number))
			return WRONG("entry %" PRIu64 " closes a side of a Conflict that its author had not seen",
				     e->header.number);
	}
	return 0;
}

/* ---- Before: nobody's value goes unseen ----------------------------------------------------- */

/* What the words of both come to: 1, 0 or -1 as prose_merge, and 0 for what is no prose. */
static int merge_of(struct book *b, const struct book_entry *e, const struct edit *edit, uint32_t field,
		    struct bytes was, struct bytes wanted, struct bytes *merged)
{
	const struct schema_type *t = schema_type(edit->type);
	const struct schema_field *f = t ? schema_field(t, field, NULL) : NULL;
	struct bytes base;
	if (!f || f->merge != MERGE_TEXT || !base_value(b, e, edit, field, &base))
		return 0;
	int got = prose_merge(value_bytes(base), value_bytes(wanted), value_bytes(was), &b->scratch, merged);
	b->texts += got == 1;
	return got;
}

/* Had the author this value before them? Where more was seen than there is now (it was taken back), a
 * value that is the same counts as seen. */
static bool had_before(const struct book_entry *e, const struct edit *edit, const struct value *v,
		       uint32_t field)
{
	if (base_of(edit, field) != base_digest(v ? v->bytes : BYTES_NONE))
		return false;
	return !v || author_knew(e, edit, v->number) || own_value(e, edit, v) ||
	       e->change.seen_number > e->sure;
}

static int judge_value(struct book *b, const struct book_entry *e, const struct edit *edit, uint32_t field,
		       const struct record *stands, struct bytes is, struct cause *fault)
{
	const struct value *v = stands ? record_find(stands, field) : NULL;
	struct bytes was = v ? v->bytes : BYTES_NONE, wanted, merged;
	if (!names_field(&edit->effect, field, &wanted))
		return WRONG("entry %" PRIu64 " touches field %u, which its change does not name",
			     e->header.number, field);
	if (bytes_equal(is, was) || (bytes_equal(is, wanted) && had_before(e, edit, v, field)))
		return 0;
	int got = merge_of(b, e, edit, field, was, wanted, &merged);
	if (got < 0 || (got == 1 && bytes_equal(merged, value_bytes(is))))
		return 0;
	if (!bytes_equal(is, wanted))
		return WRONG("entry %" PRIu64 " gives field %u of %s %s words that are not what both wrote",
			     e->header.number, field, ONE(schema_type(edit->type)));
	return WRONG("entry %" PRIu64 " replaces field %u of %s %s, set by entry %" PRIu64
		     ", which its author had not seen (%" PRIu64 ")",
		     e->header.number, field, ONE(schema_type(edit->type)), v ? v->number : 0,
		     e->change.seen_number);
}

/* Was a member added by somebody of whom the author, who had seen up to `seen`, had not heard? */
static uint64_t added_unseen(const struct book_entry *e, const struct edit *edit, uint64_t seen,
			     const struct field *f)
{
	for (uint64_t n = seen + 1; n < e->header.number; n++) {
		const struct edit *other = change_edit(&e->space->entries[n - 1]->change, &edit->record);
		if (other && value_has_member(fields_get(other->effect.add, f->number), f->whole) &&
		    !author_knew(e, edit, n))
			return n;
	}
	return 0;
}

static int judge_members(const struct book_entry *e, const struct edit *edit, const struct effect *did,
			 struct cause *fault)
{
	struct bytes add = did->add, take = did->take;
	struct field f;
	while (field_next(&add, &f) > 0)
		if (!value_has_member(fields_get(edit->effect.add, f.number), f.whole))
			return WRONG("entry %" PRIu64 " adds a member that its change does not name",
				     e->header.number);
	while (field_next(&take, &f) > 0) {
		uint64_t by = added_unseen(e, edit, e->knew, &f);
		if (by || !value_has_member(fields_get(edit->effect.take, f.number), f.whole))
			return WRONG("entry %" PRIu64 " takes a member that entry %" PRIu64 " added unseen",
				     e->header.number, by);
	}
	return 0;
}

static int judge_effect(struct book *b, const struct book_entry *e, const struct outcome_effect *o,
			struct cause *fault)
{
	const struct edit *edit = change_edit(&e->change, &o->record);
	const struct record *stands = book_record(b, &e->space->id, &o->record);
	struct bytes rest = o->effect.set;
	struct field f;
	int err = 0;

	if (o->type == TYPE_CONFLICT)
		return judge_sides(b, e, o, fault);
	if (!edit && o->type == TYPE_NOTE && !stands) {
		struct id on; /* a correction: model_judge_after looks whether it had to be */
		const struct edit *late = id_from(&on, value_bytes(fields_get(o->effect.set, NOTE_ON)))
					      ? change_edit(&e->change, &on)
					      : NULL;
		if (late && book_is_frozen(b, &e->space->id, late))
			return 0;
	}
	if (!edit || !schema_type(o->type))
		return WRONG("entry %" PRIu64 " touches a record that its change does not name", e->header.number);
	if (o->effect.existence >= 0 && o->effect.existence != edit->effect.existence)
		return WRONG("entry %" PRIu64 " withdraws or makes a record unasked", e->header.number);
	if (stands && book_is_frozen(b, &e->space->id, edit) && (o->effect.set.len || o->effect.n_clear || o->effect.add.len ||
						  o->effect.take.len || o->effect.existence >= 0))
		return WRONG("entry %" PRIu64 " changes an item that approved minutes hold", e->header.number);
	const struct value *existence = stands ? record_find(stands, 0) : NULL;
	if (existence && o->effect.existence >= 0 && record_existence(stands) != (unsigned)o->effect.existence &&
	    !author_knew(e, edit, existence->number))
		return WRONG("entry %" PRIu64 " withdraws or brings back what entry %" PRIu64 " had, unseen",
			     e->header.number, existence->number);
	for (size_t i = 0; o->effect.existence == WITHDRAWN && i < stands->n_values; i++)
		if (!author_knew(e, edit, stands->values[i].number) && !own_value(e, edit, &stands->values[i]))
			return WRONG("entry %" PRIu64 " withdraws %s %s over what entry %" PRIu64 " did, unseen",
				     e->header.number, ONE(schema_type(o->type)), stands->values[i].number);
	for (uint32_t last = 0; err == 0 && field_next(&rest, &f) > 0; last = f.number)
		if (f.number != last)
			err = judge_value(b, e, edit, f.number, stands, fields_get(o->effect.set, f.number),
					  fault);
	for (size_t i = 0; err == 0 && i < o->effect.n_clear; i++)
		err = judge_value(b, e, edit, o->effect.clear[i], stands, BYTES_NONE, fault);
	return err ? err : judge_members(e, edit, &o->effect, fault);
}

/* What nothing stood against must be taken, and prose that fits together must be joined. */
static int judge_untaken(struct book *b, const struct book_entry *e, const struct edit *edit, uint32_t field,
			 struct bytes wanted, const struct outcome_effect *effects, size_t n,
			 struct cause *fault)
{
	const struct schema_type *t = schema_type(edit->type);
	const struct record *stands = book_record(b, &e->space->id, &edit->record);
	const struct value *v = stands ? record_find(stands, field) : NULL;
	struct bytes is, merged;
	for (size_t i = 0; i < n; i++)
		if (id_equal(&effects[i].record, &edit->record) && names_field(&effects[i].effect, field, &is))
			return 0;
	if (!t || !stands || record_existence(stands) != LIVE || !schema_field(t, field, NULL) ||
	    e->change.seen_number > e->sure || (v && bytes_equal(v->bytes, wanted)) ||
	    book_is_frozen(b, &e->space->id, edit))
		return 0;
	uint32_t group = schema_group(t, field);
	if (!group_moved(e, edit, t, group, stands)) {
		for (size_t i = 0; i < edit->n_bases; i++) /* of the group all or none is taken */
			if (schema_group(t, edit->bases[i].field) == group &&
			    edit->bases[i].digest != base_digest(record_get(stands, edit->bases[i].field)))
				return 0;
		return WRONG("entry %" PRIu64 " does not take field %u of %s %s, which nobody else had touched",
			     e->header.number, field, ONE(t));
	}
	if (e->change.n_settles || book_conflict(b, &e->space->id, &edit->record, group, NULL))
		return 0; /* every word was chosen, or it goes on with one of two versions */
	if (merge_of(b, e, edit, field, v ? v->bytes : BYTES_NONE, wanted, &merged) == 1 &&
	    !bytes_equal(merged, value_bytes(v ? v->bytes : BYTES_NONE)))
		return WRONG("entry %" PRIu64 " does not merge field %u of %s %s, though both fit together",
			     e->header.number, field, ONE(t));
	return 0;
}

/* Nobody stands for what has moved since they read it. */
static int judge_exact(const struct book *b, const struct book_entry *e, struct cause *fault)
{
	for (size_t i = 0; i < e->change.n_exact && e->change.seen_number == e->sure; i++) {
		const struct record *r = book_record(b, &e->space->id, &e->change.exact[i]);
		const struct edit *edit = change_edit(&e->change, &e->change.exact[i]);
		for (size_t k = 0; r && k < r->n_values; k++)
			if (edit ? !author_knew(e, edit, r->values[k].number) && !own_value(e, edit, &r->values[k])
				 : r->values[k].number > e->knew)
				return WRONG("entry %" PRIu64 " stands for what entry %" PRIu64 " had changed unseen",
					     e->header.number, r->values[k].number);
	}
	return 0;
}

/* Who takes a settling back opens its Conflict again, unless another is open by now. */
static int judge_undone(const struct book *b, const struct book_entry *e, struct cause *fault)
{
	struct id on;
	for (size_t i = 0; i < b->n_records && !id_is_zero(&e->change.undoes); i++) {
		const struct record *c = &b->records[i]->record;
		uint32_t group = (uint32_t)value_number(record_get(c, CONFLICT_GROUP));
		struct bytes wanted;
		if (c->type != TYPE_CONFLICT || !id_equal(&b->records[i]->space, &e->space->id) ||
		    value_number(record_get(c, CONFLICT_STATE)) != RECORDS__CONFLICT_STATE__SETTLED ||
		    !bytes_equal(value_bytes(record_get(c, CONFLICT_BY)), ID_BYTES(&e->change.undoes)) ||
		    !id_from(&on, value_bytes(record_get(c, CONFLICT_RECORD))))
			continue;
		const struct edit *edit = change_edit(&e->change, &on);
		if (edit && group && names_field(&edit->effect, group, &wanted) && !book_is_frozen(b, &e->space->id, edit) &&
		    !book_conflict(b, &e->space->id, &on, group, NULL))
			return WRONG("entry %" PRIu64 " takes a settling back, and its two versions are not open again",
				     e->header.number);
	}
	return 0;
}

int model_judge_before(struct book *b, const struct book_entry *e, struct cause *fault)
{
	const struct outcome_effect *effects;
	int err = judge_line(b, e, fault);

	if (err == 0)
		err = judge_exact(b, e, fault);
	if (book_entry(b, &e->header.change))
		return WRONG("entry %" PRIu64 " is a change that was entered before", e->header.number);
	if (!id_equal(&e->header.change, &e->change.id) || !id_equal(&e->change.space, &e->space->id))
		return WRONG("entry %" PRIu64 " and its change do not name the same", e->header.number);
	arena_reset(&b->scratch);
	size_t n = outcome_effects(&e->change, &e->outcome, &b->scratch, &effects);
	for (size_t i = 0; i < n && err == 0; i++)
		err = judge_effect(b, e, &effects[i], fault);
	for (size_t i = 0; i < e->change.n_edits && err == 0; i++) {
		struct bytes set = e->change.edits[i].effect.set, rest = set;
		struct field f;
		for (uint32_t last = 0; err == 0 && field_next(&rest, &f) > 0; last = f.number)
			if (f.number != last)
				err = judge_untaken(b, e, &e->change.edits[i], f.number,
						    fields_get(set, f.number), effects, n, fault);
	}
	return err;
}

/* ---- After: what does not stand is kept all the same ---------------------------------------- */

/* Has somebody else asked for exactly this since what the author had seen? */
static bool is_repeat(const struct book_entry *e, const struct edit *edit, uint32_t field, struct bytes wanted)
{
	for (uint64_t n = e->sure + 1; n < e->header.number; n++) {
		const struct edit *other = change_edit(&e->space->entries[n - 1]->change, &edit->record);
		struct bytes theirs;
		if (other && names_field(&other->effect, field, &theirs) && bytes_equal(theirs, wanted))
			return true;
	}
	return false;
}

static int judge_field(struct book *b, const struct book_entry *e, const struct edit *edit, uint32_t field,
		       struct bytes wanted, struct cause *fault)
{
	const struct schema_type *t = schema_type(edit->type);
	const struct record *r = book_record(b, &e->space->id, &edit->record);
	struct bytes words, note = correction_of(e, &edit->record);
	const struct value *v = r ? record_find(r, field) : NULL;
	if (r && (bytes_equal(record_get(r, field), wanted) || (v && v->number == e->header.number)))
		return 0; /* it stands, or what it was merged to, which was judged before it was laid */
	bool repeat = is_repeat(e, edit, field, wanted);
	int got = repeat ? 0 : merge_of(b, e, edit, field, v ? v->bytes : BYTES_NONE, wanted, &words);
	/* Where a sentence stands twice this judge can't merge, nor say that nothing was to be added. */
	if (repeat || (got < 0 && e->outcome.verdict == VERDICT_MERGED) ||
	    (got == 1 && bytes_equal(words, value_bytes(v ? v->bytes : BYTES_NONE)))) {
		b->repeats++;
		return 0;
	}
	if (t && book_conflict(b, &e->space->id, &edit->record, schema_group(t, field), &e->header.change))
		return 0;
	words = value_bytes(wanted);
	if (note.len && (schema_field(t, field, NULL)->format > FORMAT_TEXT || !words.len ||
			 memmem(note.data, note.len, words.data, words.len)))
		return 0;
	return WRONG("entry %" PRIu64 " wanted a value for field %u of %s %s; it does not stand, and no Conflict "
		     "names it", e->header.number, field, ONE(t));
}

static int judge_edit(struct book *b, const struct book_entry *e, const struct edit *edit, struct cause *fault)
{
	const struct record *r = book_record(b, &e->space->id, &edit->record);
	struct bytes rest = edit->effect.set, note = correction_of(e, &edit->record);
	struct field f;
	int err = 0;

	for (uint32_t last = 0; err == 0 && field_next(&rest, &f) > 0; last = f.number)
		if (f.number != last)
			err = judge_field(b, e, edit, f.number, fields_get(edit->effect.set, f.number), fault);
	for (size_t i = 0; err == 0 && i < edit->effect.n_clear; i++)
		err = judge_field(b, e, edit, edit->effect.clear[i], BYTES_NONE, fault);
	rest = edit->effect.add;
	while (err == 0 && !note.len && field_next(&rest, &f) > 0)
		if ((!r || !value_has_member(record_get(r, f.number), f.whole)) && !added_unseen(e, edit, e->sure, &f))
			err = WRONG("entry %" PRIu64 " added a member to field %u; it is not in the set",
				    e->header.number, f.number);
	if (err == 0 && edit->effect.existence >= 0 && !note.len &&
	    (!r || record_existence(r) != (unsigned)edit->effect.existence) &&
	    !book_conflict(b, &e->space->id, &edit->record, 0, &e->header.change))
		err = WRONG("entry %" PRIu64 " withdrew or made a record; it did not, and no Conflict names it",
			    e->header.number);
	return err;
}

int model_judge_after(struct book *b, const struct book_entry *e, struct cause *fault)
{
	int err = 0;
	b->conflicts += e->outcome.verdict == VERDICT_CONFLICT;
	b->merged += e->outcome.verdict == VERDICT_MERGED;
	for (size_t i = 0; err == 0 && i < e->change.n_edits; i++)
		err = judge_edit(b, e, &e->change.edits[i], fault);
	return err ? err : judge_undone(b, e, fault);
}

/* ---- Conservation --------------------------------------------------------------------------- */

const char *model_conserve(unsigned fates, bool quiet)
{
	if (fates == 0)
		return "is neither pending nor accepted, refused or held: it is lost";
	if ((fates & FATE_ACCEPTED) && (fates & FATE_REFUSED))
		return "was accepted, and is shown as if it was not";
	if (quiet && (fates & FATE_ACCEPTED) && (fates & (FATE_PENDING | FATE_HELD)))
		return "was accepted, and its author does not know";
	if (quiet && (fates & FATE_HELD) && !(fates & FATE_KEPT))
		return "is held as its author was told, and nobody keeps it";
	return NULL;
}
