/*
 * Reading two versions. A side is a change; its value of a field is what the change came to, or
 * where that was nothing what it said, or where it said nothing what it stood on.
 */
#include "client/versions.h"

#include "common/fields.h"
#include "common/reconcile.h"

#include <string.h>

/* What an accepted change came to, where that is not just what it said: its prose was merged. */
static bool side_did(struct copy *copy, const struct versions *v, const struct id *change,
		     uint32_t field, struct arena *arena, struct bytes *value)
{
	struct author who;
	struct past_entry e;

	if (lookup_author(copy, change, arena, &who) < 0 || who.number == 0 ||
	    copy_entry(copy, &v->space, who.number, arena, &e) <= 0)
		return false;
	const struct effect *did = outcome_did(&e.outcome, &v->record);
	return did && effect_sets(did, field, value);
}

/* The value of a field as a change left it; false: not said, nor by what it stands after. */
static bool side_value(struct copy *copy, const struct versions *v, struct id change,
		       uint32_t field, struct arena *arena, struct bytes *value)
{
	enum { CHAIN_MOST = 64 };
	for (int i = 0; i < CHAIN_MOST && !id_is_zero(&change); i++) {
		struct change c;
		if (copy_change(copy, &change, arena, &c) < 0)
			return false;
		const struct edit *e = change_edit(&c, &v->record);
		if (!e)
			return false;
		if (side_did(copy, v, &change, field, arena, value) ||
		    effect_sets(&e->effect, field, value))
			return true;
		change = e->after;
	}
	return false;
}

/* ---- What a side had seen ------------------------------------------------------------------- */

/* The newest change of the record up to entry `number`; false: none, or it is too far back. */
static bool change_seen(struct copy *copy, const struct versions *v, uint64_t newest,
			uint64_t number, struct arena *arena, struct id *out)
{
	enum { FAR = 1000 };
	for (int i = 0; i < FAR && newest > 0; i++) {
		struct past_entry e;
		uint64_t previous = 0;
		if (copy_entry(copy, &v->space, newest, arena, &e) <= 0)
			return false;
		if (newest <= number) {
			*out = e.header.change;
			return true;
		}
		for (size_t k = 0; k < e.header.n_touches; k++)
			if (id_equal(&e.header.touches[k].record, &v->record))
				previous = e.header.touches[k].previous;
		newest = previous < newest ? previous : 0;
	}
	return false;
}

static void side_seen(struct copy *copy, const struct versions *v, const struct record *stands,
		      struct arena *arena, struct side *s)
{
	struct change c;
	if (copy_change(copy, &s->change, arena, &c) < 0)
		return;
	const struct edit *e = change_edit(&c, &v->record);
	s->existence = e && e->effect.existence == WITHDRAWN ? WITHDRAWN : LIVE;
	s->seen_epoch = c.seen_epoch;
	s->seen_number = c.seen_number;
	if (change_seen(copy, v, stands->number, c.seen_number, arena, &s->seen))
		(void)lookup_author(copy, &s->seen, arena, &s->seen_author);
}

/* ---- Sides and base ------------------------------------------------------------------------- */

static void read_fields(struct versions *v, struct arena *arena)
{
	size_t most = v->type ? v->type->n_fields : 0;
	v->fields = arena_alloc(arena, (most + 1) * sizeof(*v->fields));
	for (size_t i = 0; v->group != 0 && i < most; i++) {
		const ProtobufCFieldDescriptor *d = &v->type->message->fields[i];
		if (schema_group(v->type, d->id) == v->group)
			v->fields[v->n_fields++] = d;
	}
}

static void read_base(struct copy *copy, struct versions *v, struct arena *arena)
{
	struct bytes *values = arena_alloc(arena, (v->n_fields + 1) * sizeof(*values));
	struct record then;

	v->base = values;
	v->base_known = true;
	if (id_is_zero(&v->base_change))
		return;
	v->base_known = lookup_author(copy, &v->base_change, arena, &v->base_author) >= 0 &&
			v->base_author.number > 0 &&
			copy_record_at(copy, &v->record, v->base_author.number, arena, &then) >= 0;
	for (size_t i = 0; v->base_known && i < v->n_fields; i++)
		values[i] = record_get(&then, v->fields[i]->id);
}

static void read_side(struct copy *copy, const struct versions *v, const struct record *stands,
		      const struct id *change, struct arena *arena, struct side *out)
{
	struct bytes *values = arena_alloc(arena, (v->n_fields + 1) * sizeof(*values));
	bool equal = true;

	*out = (struct side){.change = *change, .existence = LIVE, .values = values};
	lookup_author(copy, change, arena, &out->author);
	out->waits = out->author.here && out->author.number == 0;
	side_seen(copy, v, stands, arena, out);
	for (size_t i = 0; i < v->n_fields; i++) {
		uint32_t field = v->fields[i]->id;
		if (!side_value(copy, v, *change, field, arena, &values[i]))
			values[i] = v->base_known ? v->base[i] : record_get(stands, field);
		equal &= bytes_equal(values[i], record_get(stands, field));
	}
	if (v->group == 0)
		equal = (out->existence == WITHDRAWN) == (record_existence(stands) == WITHDRAWN);
	out->standing = equal;
}

/* What stands may be none of the sides: whoever had seen them all may have gone on without settling
 * anything. */
static int read_now(struct copy *copy, struct versions *v, const struct record *stands,
		    struct arena *arena)
{
	struct bytes *values = arena_alloc(arena, (v->n_fields + 1) * sizeof(*values));
	struct past_entry e;
	uint64_t newest = 0;

	for (size_t i = 0; i < v->n_sides; i++)
		if (v->sides[i].standing)
			return 0;
	for (size_t i = 0; i < v->n_fields; i++) {
		const struct value *value = record_find(stands, v->fields[i]->id);
		values[i] = value ? value->bytes : BYTES_NONE;
		if (value && value->number > newest)
			newest = value->number;
	}
	if (v->n_fields == 0 || newest == 0)
		return 0;
	v->now = values;
	int got = copy_entry(copy, &v->space, newest, arena, &e);
	if (got == 1)
		got = lookup_author(copy, &e.header.change, arena, &v->now_author);
	return got < 0 ? got : 0;
}

/* "Yours" is what was made on this device, or else what this person made elsewhere. */
static void mark_yours(struct copy *copy, struct versions *v)
{
	const struct id *me = &copy_identity(copy)->person;
	bool any = false;
	for (size_t i = 0; i < v->n_sides; i++)
		any |= v->sides[i].yours = v->sides[i].author.here;
	for (size_t i = 0; !any && i < v->n_sides; i++)
		v->sides[i].yours = !id_is_zero(me) && id_equal(&v->sides[i].author.person, me);
}

static int versions_read(struct copy *copy, const struct record *conflict, struct arena *arena,
			 struct versions *out)
{
	struct bytes sides = record_get(conflict, CONFLICT_SIDES);
	struct record stands;
	struct field o;
	struct id change;

	*out = (struct versions){.conflict = conflict->id};
	if (!id_from(&out->record, value_bytes(record_get(conflict, CONFLICT_RECORD))))
		return ERR_CORRUPT;
	out->group = (uint32_t)value_number(record_get(conflict, CONFLICT_GROUP));
	(void)id_from(&out->base_change, value_bytes(record_get(conflict, CONFLICT_BASE)));
	(void)id_from(&out->owner, value_bytes(record_get(conflict, CONFLICT_OWNER)));
	out->to_be = conflict->number == 0;
	out->settled_here = value_number(record_get(conflict, CONFLICT_STATE)) != CONFLICT_OPEN;
	int err = copy_record(copy, &out->record, VIEW_ACCEPTED, arena, &stands, &out->space);
	if (err < 0)
		return err;
	out->type = schema_type(stands.type);
	read_fields(out, arena);
	read_base(copy, out, arena);
	out->sides = arena_alloc(arena, (value_count(sides) + 1) * sizeof(*out->sides));
	while (field_next(&sides, &o) > 0)
		if (id_from(&change, o.payload))
			read_side(copy, out, &stands, &change, arena, &out->sides[out->n_sides++]);
	mark_yours(copy, out);
	return read_now(copy, out, &stands, arena);
}

/* ---- Finding them --------------------------------------------------------------------------- */

struct finding {
	struct copy *copy;
	struct arena *arena;
	struct versions *list;
	size_t n, cap;
};

static int finding_add(struct finding *f, const struct record *conflict)
{
	if (f->n == f->cap) {
		struct versions *more =
			arena_alloc(f->arena, (f->cap = 2 * f->cap + 4) * sizeof(*more));
		if (f->n)
			memcpy(more, f->list, f->n * sizeof(*more));
		f->list = more;
	}
	int err = versions_read(f->copy, conflict, f->arena, &f->list[f->n]);
	f->n += err >= 0;
	return err;
}

/* An open one; where what waits here joins or settles it, as it will be then. */
static int find_open(struct finding *f, const struct id *conflict)
{
	struct foresight ahead = {0};
	struct record r, shown;
	struct id on;
	int err = copy_record(f->copy, conflict, VIEW_ACCEPTED, f->arena, &r, NULL);

	if (err >= 0 && id_from(&on, value_bytes(record_get(&r, CONFLICT_RECORD))))
		err = copy_foresee(f->copy, &on, f->arena, &shown, &ahead);
	if (err < 0)
		return err;
	for (size_t i = 0; i < ahead.n_conflicts; i++)
		if (id_equal(&ahead.conflicts[i].id, conflict))
			return finding_add(f, &ahead.conflicts[i]);
	err = finding_add(f, &r);
	if (err >= 0)
		f->list[f->n - 1].settled_here = lookup_settles(f->copy, &on, conflict, f->arena);
	return err;
}

/* Those that are not open yet. */
static int find_to_be(struct finding *f, const struct id *record)
{
	struct foresight ahead;
	struct record shown;
	int err = copy_foresee(f->copy, record, f->arena, &shown, &ahead);

	for (size_t i = 0; err >= 0 && ahead.to_be && i < ahead.n_conflicts; i++)
		if (ahead.conflicts[i].number == 0 &&
		    value_number(record_get(&ahead.conflicts[i], CONFLICT_STATE)) == CONFLICT_OPEN)
			err = finding_add(f, &ahead.conflicts[i]);
	return err;
}

int versions_list(struct copy *copy, const struct id *record, struct arena *arena,
		  struct versions **out, size_t *n)
{
	struct finding f = {.copy = copy, .arena = arena};
	struct ids ids = {NULL, 0};
	int err = lookup_conflicts(copy, record, arena, &ids);

	for (size_t i = 0; err >= 0 && i < ids.n; i++)
		err = find_open(&f, &ids.ids[i]);
	if (err >= 0 && record)
		err = find_to_be(&f, record);
	if (err >= 0 && !record)
		err = lookup_edited_here(copy, arena, &ids);
	for (size_t i = 0; err >= 0 && !record && i < ids.n; i++)
		err = find_to_be(&f, &ids.ids[i]);
	*out = f.list;
	*n = f.n;
	return err < 0 ? err : 0;
}

const char *side_name(const struct side *s)
{
	return *s->author.school_name ? s->author.school_name : s->author.person_name;
}
