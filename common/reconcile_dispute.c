/*
 * Conflicts, as a change opens, joins, settles or reopens them. At most one is open for a record
 * and field group; what was accepted stands meanwhile.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"

/* An id derives from what its author chose: nobody makes another record under it beforehand, which
 * would be shown in the place of the two versions. */
static int dispute_check_id(struct work *w, const struct dispute *d)
{
	if (d->stands.n_values && d->stands.type == TYPE_CONFLICT)
		return 0;
	int is_free = dispute_id_is_free(w->ground, w->change, &d->conflict, w->arena);
	if (is_free)
		return is_free < 0 ? is_free : 0;
	return cause_set(w->cause, ERR_INVALID,
			 "it makes two versions whose id another record has");
}

struct dispute *subject_dispute(struct work *w, struct subject *s, uint32_t group, int *err)
{
	const struct dispute *newest = w->disputes;
	struct dispute *d = dispute_find(&w->disputes, w->ground, w->arena, s->edit, group,
					 &w->change->id, err);

	if (!d || w->disputes == newest)
		return d;
	*err = dispute_check_id(w, d);
	return *err < 0 ? NULL : d;
}

/* ---- Opened and joined ---------------------------------------------------------------------- */

static int dispute_limit(struct work *w, const struct dispute *d)
{
	if (value_count(dispute_sides(d)) + d->n_add <= DISPUTE_MOST + d->n_take)
		return 0;
	return cause_set(w->cause, ERR_INVALID,
			 "there are %d versions of this already: settle them first", DISPUTE_MOST);
}

int dispute_join(struct work *w, struct subject *s, struct dispute *d)
{
	struct id side;

	for (struct bytes rest = dispute_sides(d); dispute_next(&rest, &side);) {
		uint64_t number = 0;
		int err = w->ground->number_of(w->ground->arg, &side, &number);
		if (err < 0)
			return err;
		int own = number > w->line ? is_own(w, s, number) : 0;
		if (own < 0)
			return own;
		if (own)
			dispute_take(d, &side);
	}
	dispute_add(d, &w->change->id);
	return dispute_limit(w, d);
}

int dispute_open(struct work *w, struct subject *s, uint32_t group, uint64_t standing)
{
	struct deed deed;
	int err = 0;
	struct dispute *d = subject_dispute(w, s, group, &err);

	if (!d)
		return err;
	if (standing) {
		if ((err = deed_load(w, s, standing, &deed)) < 0)
			return err;
		dispute_add(d, &deed.past.change);
	}
	if (record_existence(&d->stands) == ABSENT) {
		if ((err = base_change(w, s, group, &d->base)) < 0 ||
		    (err = w->ground->owner(w->ground->arg, &s->record, &d->owner)) < 0)
			return err;
	}
	return dispute_join(w, s, d);
}

/* Did the author, who had seen this side, go on from it? It is their own, or what stands: an edit
 * that was merged may stand on what they had not seen. 1, 0 or an error. */
static int goes_on_from(struct work *w, const struct subject *s, uint32_t group,
			const struct id *side)
{
	uint64_t number = 0;
	int err = w->ground->number_of(w->ground->arg, side, &number);
	return err < 0 ? err : number > w->line || number == group_newest(s, group);
}

/* Who had seen all sides leaves it open as it is; who had seen one side only, and goes on from it,
 * moves that side. */
int dispute_after_taking(struct work *w, struct subject *s, uint32_t group)
{
	struct id open = {{0}}, side, only = {{0}};
	size_t n_seen = 0, n_unseen = 0;
	int err = w->ground->open_conflict(w->ground->arg, &s->edit->record, group, &open);

	if (err < 0 || id_is_zero(&open))
		return err;
	struct dispute *d = subject_dispute(w, s, group, &err);
	if (!d)
		return err;
	for (struct bytes rest = dispute_sides(d); dispute_next(&rest, &side);) {
		int seen = change_was_seen(w, s, &side);
		if (seen < 0)
			return seen;
		if (seen)
			only = side;
		n_seen += seen ? 1 : 0;
		n_unseen += seen ? 0 : 1;
	}
	if (!n_unseen)
		return 0;
	int moves = n_seen == 1 ? goes_on_from(w, s, group, &only) : 0;
	if (moves < 0)
		return moves;
	if (moves)
		dispute_take(d, &only);
	dispute_add(d, &w->change->id);
	return dispute_limit(w, d);
}

/* Did the entry set a field of the group? */
static bool deed_stands(const struct subject *s, const struct deed *d, uint32_t group)
{
	struct bytes value;

	for (size_t i = 0; d->did && i < s->n_wishes; i++)
		if (s->wishes[i].group == group &&
		    effect_sets(d->did, s->wishes[i].field, &value))
			return true;
	return false;
}

int moves_own_side(struct work *w, struct subject *s, uint32_t group)
{
	struct id open = {{0}}, side;
	int err = w->ground->open_conflict(w->ground->arg, &s->edit->record, group, &open);

	if (err < 0 || id_is_zero(&open))
		return err;
	struct dispute *d = subject_dispute(w, s, group, &err);
	if (!d)
		return err;
	for (struct bytes rest = dispute_sides(d); dispute_next(&rest, &side);) {
		struct deed deed;
		uint64_t number = 0;
		err = w->ground->number_of(w->ground->arg, &side, &number);
		int own = err < 0 ? err : number > w->line ? is_own(w, s, number) : 0;
		if (own > 0 && (err = deed_load(w, s, number, &deed)) < 0)
			return err;
		if (own < 0 || (own && !deed_stands(s, &deed, group)))
			return own;
	}
	return 0;
}

/* ---- Settled -------------------------------------------------------------------------------- */

static enum fate group_fate(const struct subject *s, uint32_t group)
{
	if (group == 0)
		return s->edit->effect.existence >= 0 ? s->existence : UNDECIDED;
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].group == group)
			return s->wishes[i].fate;
	return UNDECIDED;
}

/* A Conflict record, and what it is about. 1, 0: there is no such Conflict here, or an error. */
static int conflict_read(struct work *w, const struct id *conflict, struct record *c,
			 struct id *record, uint32_t *group)
{
	record_init(c, w->arena, conflict, TYPE_CONFLICT);
	int err = w->ground->record(w->ground->arg, conflict, TYPE_CONFLICT, c);
	if (err < 0)
		return err;
	*group = (uint32_t)value_number(record_get(c, CONFLICT_GROUP));
	return c->type == TYPE_CONFLICT &&
	       id_from(record, value_bytes(record_get(c, CONFLICT_RECORD)));
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

int settle_one(struct work *w, const struct id *conflict)
{
	struct record c;
	struct id record, open = {{0}};
	uint32_t group;
	int err = conflict_read(w, conflict, &c, &record, &group);

	if (err <= 0)
		return err; /* not known here: an edit like any other */
	for (size_t i = 0; i < w->change->n_edits; i++) {
		struct subject *s = &w->subjects[i];
		if (!id_equal(&s->edit->record, &record))
			continue;
		enum fate fate = group_fate(s, group);
		if (fate == UNDECIDED)
			break;
		err = w->ground->open_conflict(w->ground->arg, &record, group, &open);
		if (err < 0 || !id_equal(&open, conflict))
			return err; /* settled meanwhile; a dispute over that is open already */
		struct dispute *d = subject_dispute(w, s, group, &err);
		return d ? settle_sides(w, s, d, fate) : err;
	}
	return cause_set(w->cause, ERR_INVALID,
			 "it names two versions to settle that it does not edit");
}

int settles_group(struct work *w, const struct subject *s, uint32_t group)
{
	for (size_t i = 0; i < w->change->n_settles; i++) {
		struct record c;
		struct id record;
		uint32_t of;
		int got = conflict_read(w, &w->change->settles[i], &c, &record, &of);
		if (got < 0 || (got && of == group && id_equal(&record, &s->edit->record)))
			return got;
	}
	return 0;
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
		dispute_reopen(&w->disputes, w->arena, s->edit, group, &w->change->id, c);
	return 0;
}

int reopen_group(struct work *w, struct subject *s, uint32_t group)
{
	struct deed deed;
	uint64_t number = 0;

	if (id_is_zero(&w->change->undoes))
		return 0;
	int err = w->ground->number_of(w->ground->arg, &w->change->undoes, &number);
	if (err < 0 || !number)
		return err;
	err = deed_load(w, s, number, &deed);
	if (err < 0 || !deed.past.said)
		return err == ERR_MISSING ? 0 : err;
	for (size_t i = 0; i < deed.past.said->n_settles; i++) {
		struct record c;
		struct id record;
		uint32_t of;
		int got = conflict_read(w, &deed.past.said->settles[i], &c, &record, &of);
		if (got > 0 && of == group && id_equal(&record, &s->edit->record))
			got = reopen_one(w, s, group, &c, number);
		if (got < 0)
			return got;
	}
	return 0;
}
