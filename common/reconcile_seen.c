/*
 * What the author of an edit had seen: all entries up to a number, and own changes that were still
 * waiting then. From that follows what others did unseen, and which value they had before them.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"

#include <string.h>

enum { HISTORY_BYTES = 8 * 1024 * 1024, HISTORY_ENTRIES = 4096, ENTRY_COST = 64 };

bool work_is_spent(const struct work *w)
{
	return w->read > HISTORY_BYTES;
}

/* ---- Entries -------------------------------------------------------------------------------- */

int deed_load(struct work *w, const struct subject *s, uint64_t number, struct deed *out)
{
	*out = (struct deed){0};
	int err = w->ground->past(w->ground->arg, number, &s->edit->record, &out->past);
	if (err < 0)
		return err;
	must(out->past.previous < number);
	w->read += ENTRY_COST + out->past.bytes;
	out->said = change_edit(out->past.said, &s->edit->record);
	out->did = out->past.did || !out->said ? out->past.did : &out->said->effect;
	return 0;
}

static bool effect_is_nothing(const struct effect *e)
{
	return e->existence < 0 && !e->set.len && !e->n_clear && !e->add.len && !e->take.len;
}

/* Room for one more in a list of n. */
static struct deed *deed_room(struct arena *arena, struct deed *list, size_t n, size_t *cap)
{
	if (n < *cap)
		return list;
	*cap = *cap ? 2 * *cap : 8;
	struct deed *grown = arena_alloc(arena, *cap * sizeof(*grown));
	if (n)
		memcpy(grown, list, n * sizeof(*grown));
	return grown;
}

/* ---- Own changes below the edit ------------------------------------------------------------- */

int own_extend(struct work *w, struct subject *s)
{
	uint64_t number = 0;
	struct deed deed;

	if (id_is_zero(&s->own_next) || work_is_spent(w))
		return 0;
	int err = w->ground->number_of(w->ground->arg, &s->own_next, &number);
	s->own_next = (struct id){{0}};
	if (err < 0)
		return err;
	if (number == 0)
		return s->n_own ? 0
				: cause_set(w->cause, ERR_AGAIN,
					    "it stands after a change that has not arrived");
	err = deed_load(w, s, number, &deed);
	if (err == ERR_MISSING)
		return cause_set(w->cause, ERR_INVALID,
				 "it stands after a change that did not touch this record");
	if (err < 0)
		return err;
	s->own = deed_room(w->arena, s->own, s->n_own, &s->cap_own);
	s->own[s->n_own++] = deed;
	if (deed.said)
		s->own_next = deed.said->after;
	return 1;
}

int is_own(struct work *w, struct subject *s, uint64_t number)
{
	while (s->n_own == 0 || s->own[s->n_own - 1].past.number > number) {
		int got = own_extend(w, s);
		if (got <= 0)
			return got;
	}
	for (size_t i = s->n_own; i-- > 0 && s->own[i].past.number <= number;)
		if (s->own[i].past.number == number)
			return 1;
	return 0;
}

int was_seen(struct work *w, struct subject *s, uint64_t number)
{
	return number <= w->line ? 1 : is_own(w, s, number);
}

int change_was_seen(struct work *w, struct subject *s, const struct id *change)
{
	uint64_t number = 0;
	int err = w->ground->number_of(w->ground->arg, change, &number);
	return err < 0 ? err : number ? was_seen(w, s, number) : 0;
}

/* The newest of them that named the field: the value as its author wrote it. 1, 0 or an error. */
static int own_value(struct work *w, struct subject *s, uint32_t field, struct bytes *value)
{
	for (size_t i = 0;; i++) {
		int got = i < s->n_own ? 1 : own_extend(w, s);
		if (got <= 0)
			return got;
		const struct edit *said = s->own[i].said;
		if (said && effect_sets(&said->effect, field, value))
			return 1;
	}
}

/* ---- What others did unseen ----------------------------------------------------------------- */

int unseen_load(struct work *w, struct subject *s)
{
	size_t cap = 0;

	if (s->has_unseen)
		return 0;
	s->has_unseen = true;
	for (uint64_t n = s->record.number; n > w->line;) {
		struct deed deed;
		if (work_is_spent(w) || s->n_unseen == HISTORY_ENTRIES) {
			s->cut_short = true;
			return 0;
		}
		int err = deed_load(w, s, n, &deed);
		if (err < 0)
			return err;
		int seen = was_seen(w, s, n);
		if (seen < 0)
			return seen;
		if (!seen) {
			s->unseen = deed_room(w->arena, s->unseen, s->n_unseen, &cap);
			s->unseen[s->n_unseen++] = deed;
		}
		n = deed.past.previous;
	}
	return 0;
}

int record_moved(struct work *w, struct subject *s, uint64_t *number)
{
	int err = s->record.number > w->line ? unseen_load(w, s) : 0;

	*number = s->record.number;
	if (err < 0)
		return err;
	for (size_t i = 0; i < s->n_unseen; i++) {
		const struct effect *did = s->unseen[i].did;
		*number = s->unseen[i].past.number;
		if (!did || !effect_is_nothing(did))
			return 1;
	}
	return s->cut_short;
}

/* ---- Field groups --------------------------------------------------------------------------- */

uint32_t group_of(const struct subject *s, uint32_t field)
{
	return field && s->type ? schema_group(s->type, field) : field;
}

uint64_t group_newest(const struct subject *s, uint32_t group)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < s->record.n_values; i++) {
		const struct value *v = &s->record.values[i];
		if (v->number > newest && group_of(s, v->field) == group)
			newest = v->number;
	}
	return newest;
}

/* Had the author seen that this value stands? Also where another did the same unseen as an own
 * change below the edit, which the edit stands on. 1, 0 or an error. */
static int value_was_seen(struct work *w, struct subject *s, const struct value *v)
{
	struct bytes own;
	int seen = was_seen(w, s, v->number);

	if (seen)
		return seen;
	int got = own_value(w, s, v->field, &own);
	return got <= 0 ? got : bytes_equal(own, v->bytes);
}

static bool is_wished(const struct subject *s, uint32_t field)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].field == field)
			return true;
	return false;
}

int group_moved(struct work *w, struct subject *s, uint32_t group, uint64_t line, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s->record.n_values; i++) {
		const struct value *v = &s->record.values[i];
		uint64_t from = is_wished(s, v->field) ? line : w->line;
		if (v->number <= from || v->number <= *out || group_of(s, v->field) != group)
			continue;
		int seen = value_was_seen(w, s, v);
		if (seen < 0)
			return seen;
		if (!seen)
			*out = v->number;
	}
	return 0;
}

static bool deed_touches(const struct subject *s, const struct deed *d, uint32_t group)
{
	for (size_t i = 0; i < d->past.n_fields; i++)
		if (group_of(s, d->past.fields[i]) == group)
			return true;
	return false;
}

int base_change(struct work *w, struct subject *s, uint32_t group, struct id *base)
{
	for (uint64_t n = s->record.number; n && !work_is_spent(w);) {
		struct deed deed;
		int err = deed_load(w, s, n, &deed);
		if (err < 0)
			return err;
		int seen = was_seen(w, s, n);
		if (seen < 0)
			return seen;
		if (seen && deed_touches(s, &deed, group)) {
			*base = deed.past.change;
			return 0;
		}
		n = deed.past.previous;
	}
	return 0;
}

/* ---- The value that the author had before them ---------------------------------------------- */

/* Does the entry set the field to the value of this digest, or did its author write that? */
static bool deed_has(const struct deed *d, const struct wish *wish, struct bytes *value)
{
	if (d->did && effect_sets(d->did, wish->field, value) && base_digest(*value) == wish->base)
		return true;
	return d->past.did && d->said && effect_sets(&d->said->effect, wish->field, value) &&
	       base_digest(*value) == wish->base;
}

/* The newest entry that has it. 1, 0: none (of those that are read), or an error. */
static int history_find(struct work *w, struct subject *s, const struct wish *wish,
			struct bytes *value, uint64_t *number)
{
	struct deed deed;

	for (uint64_t n = s->record.number; n && !work_is_spent(w); n = deed.past.previous) {
		int err = deed_load(w, s, n, &deed);
		if (err < 0)
			return err;
		*number = n;
		if (deed_has(&deed, wish, value))
			return 1;
	}
	*number = 0;
	return 0;
}

int base_find(struct work *w, struct subject *s, const struct wish *wish, struct bytes *base)
{
	uint64_t number;

	*base = record_get(&s->record, wish->field);
	if (base_digest(*base) == wish->base)
		return 1;
	int got = own_value(w, s, wish->field, base);
	if (got < 0 || (got && base_digest(*base) == wish->base))
		return got;
	if (wish->base == base_digest(BYTES_NONE)) {
		*base = BYTES_NONE;
		return 1;
	}
	return history_find(w, s, wish, base, &number);
}

int group_line(struct work *w, struct subject *s, uint32_t group, uint64_t *line)
{
	uint64_t least = s->record.number;

	*line = w->line;
	if (!w->off_line)
		return 0;
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct wish *wish = &s->wishes[i];
		struct bytes value = record_get(&s->record, wish->field);
		uint64_t number;
		if (wish->group != group || base_digest(value) == wish->base)
			continue;
		int got = history_find(w, s, wish, &value, &number);
		if (got < 0)
			return got;
		if (number < least)
			least = number;
	}
	if (least > *line)
		*line = least;
	return 0;
}
