/*
 * Conflicts, as a change opens or joins them. At most one is open for a record and field group;
 * what was accepted stands meanwhile.
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
	const struct dispute *newest = s->disputes;
	struct dispute *d = dispute_find(&s->disputes, w->ground, w->arena, s->edit, group,
					 &w->change->id, err);

	if (!d || s->disputes == newest)
		return d;
	*err = dispute_check_id(w, d);
	return *err < 0 ? NULL : d;
}

/* ---- Opened and joined ---------------------------------------------------------------------- */

int dispute_limit(struct work *w, const struct dispute *d)
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
