/* What the actions share: picking somebody or something, and drafting values. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "records.pb-c.h"

#include <string.h>

/* ---- Picking -------------------------------------------------------------------------------- */

struct device *pick_device(struct world *w)
{
	struct device *d = w->only;
	for (int i = 0; !w->only && i < 8 && (!d || !d->copy); i++)
		d = &w->devices[dice_below(&w->dice, w->n_devices)];
	if (!d || !d->copy)
		return NULL;
	view_take(d->old); /* what follows is done with its program */
	return d;
}

bool is_directory_type(uint32_t type)
{
	return type <= TYPE_DEVICE;
}

const struct known *pick_of_type(struct world *w, uint32_t type)
{
	size_t n = 0;
	const struct known *picked = NULL;
	for (size_t i = 0; i < w->n_known; i++)
		if (w->known[i].type == type && !w->known[i].guarded &&
		    dice_below(&w->dice, ++n) == 0)
			picked = &w->known[i];
	return picked;
}

bool is_delicate(uint32_t type)
{
	return type == TYPE_APPOINTMENT || type == TYPE_DEVICE || type == TYPE_SPACE ||
	       type == TYPE_VERSION;
}

const struct known *pick_record(struct world *w, struct device *d, struct arena *arena,
				struct record *out)
{
	bool hot = dice_chance(&w->dice, 50);
	for (int i = 0; i < 24 && w->n_known; i++) {
		const struct known *k = &w->known[dice_below(&w->dice, w->n_known)];
		if (hot && (is_directory_type(k->type) || dice_chance(&w->dice, 50)))
			k = &w->known[dice_below(&w->dice, w->n_known < 30 ? w->n_known : 30)];
		if (k->guarded || is_delicate(k->type) || !schema_type(k->type))
			continue;
		/* The directory is the administrator's; others try it now and then, and are
		 * refused. */
		if (is_directory_type(k->type) && d->number != 0 && !dice_chance(&w->dice, 5))
			continue;
		if (copy_record(d->copy, &k->id, VIEW_SHOWN, arena, out, NULL) == 0)
			return k;
		if (!device_lives(d))
			return NULL;
	}
	return NULL;
}

/* ---- Drafting ------------------------------------------------------------------------------- */

void draft_number(struct draft *d, uint32_t field, uint64_t v)
{
	struct buf b = {0};
	field_add_number(&b, field, v);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

void draft_id(struct draft *d, uint32_t field, const struct id *id)
{
	struct buf b = {0};
	field_add_bytes(&b, field, ID_BYTES(id));
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

void draft_member(struct draft *d, uint32_t field, const struct id *id, bool take)
{
	struct buf b = {0};
	field_add_bytes(&b, field, ID_BYTES(id));
	if (take)
		draft_take(d, field, buf_bytes(&b));
	else
		draft_add(d, field, buf_bytes(&b));
	buf_fini(&b);
}

void draft_name(struct world *w, struct draft *d, const struct device *by, const struct id *space)
{
	char word[CANARY_MAX];
	struct buf b = {0};
	canary_make(w, space, by->number, word);
	field_add_text(&b, 1, word);
	draft_set(d, 1, buf_bytes(&b));
	buf_fini(&b);
}

void draft_field(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
		 uint32_t field, const struct id *space, const struct record *now)
{
	const struct schema_field *f = t ? schema_field(t, field, NULL) : NULL;
	struct buf b = {0};
	struct field member;
	struct bytes rest = now ? record_get(now, field) : BYTES_NONE;
	if (!f)
		return; /* of a newer version than this copy's */
	if (f->merge == MERGE_SET && rest.len && dice_chance(&w->dice, 40)) {
		if (field_next(&rest, &member) > 0)
			draft_take(d, field, member.whole);
		return;
	}
	if (rest.len && f->merge == MERGE_TEXT && f->format == FORMAT_TEXT && dice_chance(&w->dice, 85))
		value_revise(w, by->number, field, space, rest, &b);
	else if (!now || f->merge == MERGE_SET || !dice_chance(&w->dice, 8))
		value_make(w, by->number, t, field, space, &b);
	if (f->merge != MERGE_SET && (b.len || now))
		draft_set(d, field, buf_bytes(&b));
	else if (b.len)
		draft_add(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static bool may_touch(struct world *w, uint32_t type, const struct schema_field *f, bool creates)
{
	if (type == TYPE_PERSON && strcmp(f->name, "standing") == 0)
		return false;
	return creates || f->merge != MERGE_FIXED || dice_chance(&w->dice, 5);
}

void draft_fields(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
		  const struct id *space, const struct record *now, unsigned n)
{
	uint64_t done = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t among = t->n_fields > 4 && dice_chance(&w->dice, 50) ? 4 : t->n_fields;
		size_t at = dice_below(&w->dice, among);
		if (done >> at & 1 || !may_touch(w, t->number, &t->fields[at], !now))
			continue;
		done |= 1ull << at;
		draft_field(w, by, d, t, t->message->fields[at].id, space, now);
	}
}

void draft_new_record(struct world *w, struct device *by, struct draft *d, uint32_t type,
		      const struct id *space, struct id *id)
{
	*id = id_make(&by->machine.env);
	draft_create(d, type, id);
	draft_fields(w, by, d, schema_type(type), space, NULL,
		     (unsigned)dice_between(&w->dice, 1, 8));
}

void draft_appointment(struct world *w, struct draft *draft, const struct id *person, uint64_t role,
		       const struct id *school, const struct id *group, bool guarded)
{
	struct id id = id_make(&w->devices[0].machine.env);
	draft_create(draft, TYPE_APPOINTMENT, &id);
	draft_id(draft, 1, person);
	draft_number(draft, 2, role);
	if (school)
		draft_id(draft, 3, school);
	if (group)
		draft_id(draft, 4, group);
	world_know(w, &id, &w->directory, TYPE_APPOINTMENT, guarded);
}

uint64_t pick_role(struct world *w)
{
	return dice_between(&w->dice, RECORDS__ROLE__HEADTEACHER, RECORDS__ROLE__GUEST);
}
