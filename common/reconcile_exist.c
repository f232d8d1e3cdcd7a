/*
 * Existence: made, withdrawn, brought back. Withdrawn against edited loses nothing: what was edited
 * is stored, existence stays as it was accepted, and people are asked.
 */
#include "common/reconcile_inside.h"

/* A withdrawal over edits that its author had not seen: each of them is a side. */
static int dispute_withdrawal(struct work *w, struct subject *s)
{
	int err = unseen_load(w, s);
	struct dispute *d = err < 0 ? NULL : subject_dispute(w, s, 0, &err);

	if (!d)
		return err;
	for (size_t i = 0; i < s->n_unseen && !dispute_is_full(d); i++) {
		const struct id *change = &s->unseen[i].past.change;
		bool moved_on = false; /* its author's later edit is a side already */
		for (size_t j = i; j-- > 0 && !moved_on;)
			moved_on = s->unseen[j].said && id_equal(&s->unseen[j].said->after, change);
		if (!moved_on)
			dispute_add(d, change);
	}
	return dispute_open(w, s, 0, 0);
}

/* Is an unseen change a side of a Conflict that is open on the record? It did nothing to it, and is
 * an edit of it all the same. 1, 0 or an error. */
static int has_unseen_side(struct work *w, struct subject *s)
{
	size_t n = s->type && s->record.number > w->line ? s->type->n_fields : 0;
	struct id open, side;
	int err, seen = 1;

	for (size_t i = 0; i < n && seen > 0; i++) {
		uint32_t group = s->type->message->fields[i].id;
		err = schema_group(s->type, group) != group
			      ? ERR_MISSING
			      : w->ground->open_conflict(w->ground->arg, &s->edit->record, group,
							 &open);
		if (err == ERR_MISSING || (err == 0 && id_is_zero(&open)))
			continue;
		struct dispute *d = err < 0 ? NULL : subject_dispute(w, s, group, &err);
		if (!d)
			return err;
		for (struct bytes rest = dispute_sides(d); seen > 0 && dispute_next(&rest, &side);)
			seen = change_was_seen(w, s, &side);
	}
	return seen < 0 ? seen : !seen;
}

static int decide_change(struct work *w, struct subject *s, unsigned now, const struct value *v)
{
	unsigned wants = (unsigned)s->edit->effect.existence;
	int seen = was_seen(w, s, v->number);
	uint64_t number;
	int moved = wants == WITHDRAWN && now == LIVE ? record_moved(w, s, &number) : 0;

	if (moved == 0 && wants == WITHDRAWN && now == LIVE)
		moved = has_unseen_side(w, s);

	if (seen < 0 || moved < 0)
		return seen < 0 ? seen : moved;
	if (moved) {
		s->existence = DISPUTED;
		return dispute_withdrawal(w, s);
	}
	if (!seen && wants == now) {
		s->existence = REPEAT;
		return 0;
	}
	if (!seen) {
		s->existence = DISPUTED;
		return dispute_open(w, s, 0, v->number);
	}
	return dispute_after_taking(w, s, 0);
}

int decide_existence(struct work *w, struct subject *s)
{
	int wants = s->edit->effect.existence;
	unsigned now = record_existence(&s->record);
	const struct value *v = record_find(&s->record, 0);

	s->existence = TAKEN;
	if (now == ABSENT) {
		if (wants == LIVE && !s->edit->brings_back)
			return 0;
		return cause_set(w->cause, ERR_INVALID, "there is no such record in this space");
	}
	if (wants < 0)
		return 0;
	if (wants == LIVE && !s->edit->brings_back) {
		s->existence = REPEAT; /* somebody else made it too */
		return 0;
	}
	int err = reopen_group(w, s, 0);
	return err < 0 ? err : decide_change(w, s, now, v);
}

static bool has_effect(const struct subject *s)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].fate != REPEAT)
			return true;
	return s->add.len || s->take.len;
}

int decide_edit_of_withdrawn(struct work *w, struct subject *s)
{
	const struct value *v = record_find(&s->record, 0);
	struct id open = {{0}}, side;
	int err, seen;

	if (!v || s->edit->effect.existence == WITHDRAWN || s->edit->brings_back || !has_effect(s))
		return 0;
	if (record_existence(&s->record) == WITHDRAWN && (seen = was_seen(w, s, v->number)) <= 0)
		return seen < 0 ? seen : dispute_open(w, s, 0, v->number);
	if ((err = w->ground->open_conflict(w->ground->arg, &s->edit->record, 0, &open)) < 0 ||
	    id_is_zero(&open))
		return err;
	struct dispute *d = subject_dispute(w, s, 0, &err);
	if (!d)
		return err;
	for (struct bytes rest = dispute_sides(d); dispute_next(&rest, &side);)
		if ((seen = change_was_seen(w, s, &side)) <= 0)
			return seen < 0 ? seen : dispute_join(w, s, d);
	return 0;
}
