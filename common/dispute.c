/* Conflict records: found, joined, settled, and written as effects of an outcome. */
#include "common/dispute.h"

#include "common/fields.h"
#include "common/schema.h"

#include <string.h>

static struct id dispute_id(const struct ground *ground, const struct id *opened_by,
			    const struct id *record, uint32_t group)
{
	uint8_t name[36];
	memcpy(name, opened_by->b, 16);
	memcpy(name + 16, record->b, 16);
	write_u32be(name + 32, group);
	return id_derive(ground->area, BYTES(name, sizeof(name)));
}

struct dispute *dispute_find(struct dispute **list, const struct ground *ground,
			     struct arena *arena, const struct edit *edit, uint32_t group,
			     const struct id *opened_by, int *err)
{
	struct dispute *d;

	for (d = *list; d; d = d->next)
		if (d->group == group)
			return d;
	d = arena_alloc(arena, sizeof(*d));
	d->record = edit->record;
	d->type = edit->type;
	d->group = group;
	d->change = *opened_by;
	*err = ground->open_conflict(ground->arg, &edit->record, group, &d->conflict);
	if (*err < 0)
		return NULL;
	if (id_is_zero(&d->conflict))
		d->conflict = dispute_id(ground, opened_by, &edit->record, group);
	record_init(&d->stands, arena, &d->conflict, TYPE_CONFLICT);
	*err = ground->record(ground->arg, &d->conflict, TYPE_CONFLICT, &d->stands);
	if (*err < 0)
		return NULL;
	d->next = *list;
	*list = d;
	return d;
}

void dispute_reopen(struct dispute **list, struct arena *arena, const struct edit *edit,
		    uint32_t group, const struct id *change, const struct record *c)
{
	struct dispute *d = arena_alloc(arena, sizeof(*d));

	d->record = edit->record;
	d->type = edit->type;
	d->group = group;
	d->change = *change;
	d->conflict = c->id;
	d->stands = *c;
	d->reopened = true;
	d->next = *list;
	*list = d;
}

int dispute_id_is_free(const struct ground *ground, const struct change *change,
		       const struct id *id, struct arena *arena)
{
	struct record r;

	if (change_edit(change, id))
		return 0;
	record_init(&r, arena, id, 0);
	int err = ground->record(ground->arg, id, 0, &r);
	return err < 0 ? err : record_existence(&r) == ABSENT;
}

static void dispute_put(struct id *ids, size_t *n, size_t most, const struct id *side)
{
	for (size_t i = 0; i < *n; i++)
		if (id_equal(&ids[i], side))
			return;
	if (*n < most)
		ids[(*n)++] = *side;
}

bool dispute_is_full(const struct dispute *d)
{
	return d->n_add >= DISPUTE_SIDES - 1;
}

void dispute_add(struct dispute *d, const struct id *side)
{
	size_t room = id_equal(side, &d->change) ? DISPUTE_SIDES : DISPUTE_SIDES - 1;
	dispute_put(d->add, &d->n_add, room, side);
}

void dispute_take(struct dispute *d, const struct id *side)
{
	dispute_put(d->take, &d->n_take, DISPUTE_SIDES, side);
}

struct bytes dispute_sides(const struct dispute *d)
{
	return record_get(&d->stands, CONFLICT_SIDES);
}

bool dispute_next(struct bytes *sides, struct id *side)
{
	struct field f;
	return field_next(sides, &f) > 0 && id_from(side, f.payload);
}

static struct bytes dispute_members(struct arena *arena, const struct id *ids, size_t n)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		field_add_bytes(&b, CONFLICT_SIDES, ID_BYTES(&ids[i]));
	struct bytes members = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return members;
}

bool dispute_effect(const struct dispute *d, const struct id *change, struct arena *arena,
		    struct outcome_effect *out)
{
	bool fresh = record_existence(&d->stands) == ABSENT;
	static const uint32_t settled_by[] = {CONFLICT_SETTLED_BY};
	bool reopened = d->reopened && !d->settled;
	struct buf set = {0};

	if (!d->n_add && !d->n_take && !d->settled && !reopened)
		return false;
	if (fresh) {
		field_add_bytes(&set, CONFLICT_RECORD, ID_BYTES(&d->record));
		field_add_number(&set, CONFLICT_TYPE, d->type);
		field_add_number(&set, CONFLICT_GROUP, d->group);
		if (!id_is_zero(&d->base))
			field_add_bytes(&set, CONFLICT_BASE, ID_BYTES(&d->base));
		if (!id_is_zero(&d->owner))
			field_add_bytes(&set, CONFLICT_OWNER, ID_BYTES(&d->owner));
	}
	if (fresh || d->settled || reopened)
		field_add_number(&set, CONFLICT_STATE,
				 d->settled ? CONFLICT_SETTLED : CONFLICT_OPEN);
	if (d->settled)
		field_add_bytes(&set, CONFLICT_SETTLED_BY, ID_BYTES(change));
	*out = (struct outcome_effect){
		.type = TYPE_CONFLICT,
		.record = d->conflict,
		.effect = {.existence = fresh ? LIVE : -1,
			   .set = arena_copy(arena, buf_bytes(&set)),
			   .add = dispute_members(arena, d->add, d->n_add),
			   .take = dispute_members(arena, d->take, d->n_take),
			   .clear = settled_by,
			   .n_clear = reopened ? 1 : 0},
	};
	buf_fini(&set);
	return true;
}
