/*
 * Conflicts that a change settles, or opens again by taking a settling back. Those that a change
 * names are read once for it, however many records and field groups it edits.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"

/* A Conflict that a change names, and what it is about; `record` is zero where none is known. */
struct matter {
	struct record conflict;
	struct id record;
	uint32_t group;
};

static int matter_read(struct work *w, const struct id *conflict, struct matter *m)
{
	struct record *c = &m->conflict;

	*m = (struct matter){.group = 0};
	record_init(c, w->arena, conflict, TYPE_CONFLICT);
	int err = w->ground->record(w->ground->arg, conflict, TYPE_CONFLICT, c);
	if (err < 0 || c->type != TYPE_CONFLICT)
		return err;
	(void)id_from(&m->record, value_bytes(record_get(c, CONFLICT_RECORD)));
	m->group = (uint32_t)value_number(record_get(c, CONFLICT_GROUP));
	return 0;
}

static int matters_read(struct work *w, const struct id *ids, size_t n, struct matter **out)
{
	int err = 0;

	*out = arena_alloc(w->arena, (n + 1) * sizeof(**out));
	for (size_t i = 0; err == 0 && i < n; i++)
		err = matter_read(w, &ids[i], &(*out)[i]);
	return err;
}

static bool is_about(const struct matter *m, const struct subject *s)
{
	return id_equal(&m->record, &s->edit->record);
}

/* ---- Settled -------------------------------------------------------------------------------- */

static int settles_read(struct work *w)
{
	return w->settles ? 0
			  : matters_read(w, w->change->settles, w->change->n_settles, &w->settles);
}

int settles_group(struct work *w, const struct subject *s, uint32_t group)
{
	int err = settles_read(w);

	for (size_t i = 0; err == 0 && i < w->change->n_settles; i++)
		if (w->settles[i].group == group && is_about(&w->settles[i], s))
			return 1;
	return err;
}

static enum fate group_fate(const struct subject *s, uint32_t group)
{
	if (group == 0)
		return s->edit->effect.existence >= 0 ? s->existence : UNDECIDED;
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].group == group)
			return s->wishes[i].fate;
	return UNDECIDED;
}

/* Close the sides that the author had seen; a later side keeps the Conflict open. */
static int settle_sides(struct work *w, struct subject *s, struct dispute *d, enum fate fate)
{
	struct id side;
	size_t later = 0;

	/* What it is disputed with anew stays a side; else the sides are counted
	 * again from here. */
	d->n_take = 0;
	if (fate != DISPUTED)
		d->n_add = 0;
	for (struct bytes rest = dispute_sides(d); dispute_next(&rest, &side);) {
		int seen = change_was_seen(w, s, &side);
		if (seen < 0)
			return seen;
		if (!seen)
			later++;
		else
			dispute_take(d, &side);
	}
	if (fate == DISPUTED || later) {
		dispute_add(d, &w->change->id);
	} else {
		d->n_take = 0; /* the sides stay, as what was settled */
		d->settled = true;
	}
	return 0;
}

static int settle_one(struct work *w, const struct matter *m)
{
	struct id open = {{0}};

	if (id_is_zero(&m->record))
		return 0; /* not known here: an edit like any other */
	for (size_t i = 0; i < w->change->n_edits; i++) {
		struct subject *s = &w->subjects[i];
		if (!is_about(m, s))
			continue;
		enum fate fate = group_fate(s, m->group);
		if (fate == UNDECIDED)
			break;
		int err = w->ground->open_conflict(w->ground->arg, &m->record, m->group, &open);
		if (err < 0 || !id_equal(&open, &m->conflict.id))
			return err; /* settled meanwhile; a dispute over that is open already */
		struct dispute *d = subject_dispute(w, s, m->group, &err);
		return d ? settle_sides(w, s, d, fate) : err;
	}
	return cause_set(w->cause, ERR_INVALID,
			 "it names two versions to settle that it does not edit");
}

int settle_all(struct work *w)
{
	int err = settles_read(w);

	for (size_t i = 0; err == 0 && i < w->change->n_settles; i++)
		err = settle_one(w, &w->settles[i]);
	return err;
}

/* ---- Reopened ------------------------------------------------------------------------------- */

/* The sides that entry `number` closed of a Conflict: all if it settled it, else those that it took
 * away. */
static int closed_sides(struct work *w, const struct record *c, uint64_t number, bool settled,
			struct bytes *sides)
{
	struct past past;

	*sides = record_get(c, CONFLICT_SIDES);
	if (settled)
		return 0;
	*sides = BYTES_NONE;
	int err = w->ground->past(w->ground->arg, number, &c->id, &past);
	if (err == 0 && past.did)
		*sides = fields_get(past.did->take, CONFLICT_SIDES);
	return err == ERR_MISSING ? 0 : err;
}

/* Sides that are open again, in the Conflict that is open on the group by now. */
static int rejoin_sides(struct work *w, struct subject *s, uint32_t group, struct bytes sides)
{
	struct id side;
	int err = 0, seen;
	struct dispute *d = sides.len ? subject_dispute(w, s, group, &err) : NULL;

	if (!d)
		return err;
	while (dispute_next(&sides, &side))
		dispute_add(d, &side);
	if ((seen = change_was_seen(w, s, &w->change->undoes)) > 0)
		dispute_take(d, &w->change->undoes);
	return seen < 0 ? seen : dispute_limit(w, d);
}

/* Open again what the settling `number`, which this change takes back, closed of a Conflict. */
static int reopen_one(struct work *w, struct subject *s, uint32_t group, const struct record *c,
		      uint64_t number)
{
	bool settled = value_number(record_get(c, CONFLICT_STATE)) == CONFLICT_SETTLED &&
		       bytes_equal(value_bytes(record_get(c, CONFLICT_SETTLED_BY)),
				   ID_BYTES(&w->change->undoes));
	struct id open = {{0}};
	struct bytes sides;
	int err = w->ground->open_conflict(w->ground->arg, &s->edit->record, group, &open);

	if (err < 0)
		return err;
	if (!id_is_zero(&open)) {
		err = closed_sides(w, c, number, settled, &sides);
		return err < 0 ? err : rejoin_sides(w, s, group, sides);
	}
	if (settled)
		dispute_reopen(&s->disputes, w->arena, s->edit, group, &w->change->id, c);
	return 0;
}

/* Of what the change settled that this one takes back, what is about this record. */
static int undone_read(struct work *w, struct subject *s)
{
	struct deed deed;
	int err = w->undone_number ? 0
				   : w->ground->number_of(w->ground->arg, &w->change->undoes,
							  &w->undone_number);

	s->has_undone = true;
	if (err < 0 || !w->undone_number)
		return err;
	err = deed_load(w, s, w->undone_number, &deed);
	if (err < 0 || !deed.past.said)
		return err == ERR_MISSING ? 0 : err;
	size_t n = deed.past.said->n_settles;
	if (!w->undone)
		err = matters_read(w, deed.past.said->settles, n, &w->undone);
	for (size_t i = 0; err == 0 && i < n; i++) {
		if (!is_about(&w->undone[i], s))
			continue;
		if (!s->undone)
			s->undone = arena_alloc(w->arena, n * sizeof(*s->undone));
		s->undone[s->n_undone++] = &w->undone[i];
	}
	return err;
}

int reopen_group(struct work *w, struct subject *s, uint32_t group)
{
	int err = 0;

	if (id_is_zero(&w->change->undoes))
		return 0;
	if (!s->has_undone)
		err = undone_read(w, s);
	for (size_t i = 0; err == 0 && i < s->n_undone; i++)
		if (s->undone[i]->group == group)
			err = reopen_one(w, s, group, &s->undone[i]->conflict, w->undone_number);
	return err;
}
