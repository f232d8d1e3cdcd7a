/* What the administrator does, on the founder's laptop: rights are given and taken, devices come
 * and go. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "records.pb-c.h"

/* A draft in the directory on the founder's laptop; NULL if it is not running. */
static struct draft *administer(struct world *w, const struct id *record)
{
	struct device *d = &w->devices[0];
	if (!d->copy)
		return NULL;
	view_take(d->old);
	struct draft *draft = draft_new(d->copy, &w->directory);
	if (record && draft_edit(draft, record, NULL, NULL) < 0)
		draft_free(&draft);
	return device_lives(d) ? draft : NULL;
}

static bool administered(struct world *w, struct draft **draft, const char *what)
{
	bool saved = w->devices[0].copy && device_save(&w->devices[0], draft, what);
	draft_free(draft);
	return saved;
}

bool act_appoint(struct world *w)
{
	const struct known *person = pick_of_type(w, TYPE_PERSON),
			   *group = pick_of_type(w, TYPE_GROUP);
	struct draft *draft = person && group ? administer(w, NULL) : NULL;
	if (!draft)
		return false;
	struct id p = person->id, g = group->id; /* the list moves when it grows */
	draft_appointment(w, draft, &p, pick_role(w), NULL, &g, false);
	return administered(w, &draft, "appoints");
}

bool act_end_appointment(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_APPOINTMENT);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	draft_agreed(draft);
	if (dice_chance(&w->dice, 30))
		draft_withdraw(draft);
	else
		draft_number(draft, 7, 1);
	return administered(w, &draft, "ends an appointment");
}

bool act_standing(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_PERSON);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	draft_number(draft, 5,
		     dice_chance(&w->dice, 30) ? RECORDS__STANDING__SUSPENDED
					       : RECORDS__STANDING__ACTIVE);
	return administered(w, &draft, "suspends or readmits");
}

bool act_chair(struct world *w)
{
	const struct known *group = pick_of_type(w, TYPE_GROUP),
			   *person = pick_of_type(w, TYPE_PERSON);
	struct draft *draft = group && person ? administer(w, &group->id) : NULL;
	if (!draft)
		return false;
	draft_id(draft, (uint32_t)dice_between(&w->dice, 6, 7), &person->id);
	return administered(w, &draft, "gives a group a chair or clerk");
}

/* Readers and writers of a group's space by person, by group, by role; or it is opened to all. */
bool act_space(struct world *w)
{
	const struct known *space = NULL, *person = pick_of_type(w, TYPE_PERSON),
			   *group = pick_of_type(w, TYPE_GROUP);
	for (size_t i = 0, n = 0; i < w->n_known; i++)
		if (w->known[i].type == TYPE_SPACE && dice_below(&w->dice, ++n) == 0)
			space = &w->known[i];
	if (!space || !person || !group || !w->devices[0].copy)
		return false;
	view_take(w->devices[0].old);
	struct draft *draft = draft_new(w->devices[0].copy, &space->space);
	bool take = dice_chance(&w->dice, 50);
	if (draft_edit(draft, &space->id, NULL, NULL) < 0)
		draft_free(&draft);
	if (!device_lives(&w->devices[0]) || !draft) {
		draft_free(&draft);
		return false;
	}
	switch (dice_below(&w->dice, 4)) {
	case 0:
		draft_member(draft, 8, &person->id, take);
		break;
	case 1:
		draft_member(draft, 12, &person->id, take);
		break;
	case 2:
		draft_member(draft, 6, &group->id, take);
		break;
	default:
		draft_number(draft, 5, dice_below(&w->dice, 2));
	}
	return administered(w, &draft, "opens or closes a space");
}

/* A space for a few named persons, as a case needs. */
bool act_new_space(struct world *w)
{
	const struct known *one = pick_of_type(w, TYPE_PERSON),
			   *other = pick_of_type(w, TYPE_PERSON);
	struct device *d = &w->devices[0];
	struct draft *draft =
	    one && other && w->n_places < WORLD_PLACES / 2 ? administer(w, NULL) : NULL;
	if (!draft)
		return false;
	struct id space = id_make(&d->machine.env);
	draft_create(draft, TYPE_SPACE, &space);
	draft_name(w, draft, d, &w->directory);
	draft_number(draft, 2, RECORDS__SPACE_KIND__OTHER);
	draft_member(draft, 8, &w->founder, false);
	draft_member(draft, 12, &one->id, false);
	draft_member(draft, 8, &other->id, false);
	if (!administered(w, &draft, "makes a space"))
		return false;
	world_know(w, &space, &w->directory, TYPE_SPACE, true);
	world_place_add(w, &space, RECORDS__SPACE_KIND__OTHER);
	return true;
}

bool act_revoke(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_DEVICE);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	draft_number(draft, 5, 1);
	return administered(w, &draft, "revokes a device");
}

bool act_enrol(struct world *w)
{
	const struct known *person = pick_of_type(w, TYPE_PERSON);
	if (!person || w->n_devices == WORLD_DEVICES || !w->host.area)
		return false;
	struct device *d = &w->devices[w->n_devices];
	struct id p = person->id;
	device_init(w, d, w->n_devices);
	if (!host_enrol(w, d, &p, &w->founder_school)) {
		d->id = (struct id){{0}};
		return false;
	}
	device_create(d);
	w->n_devices++;
	d->online = true;
	device_start(d);
	return true;
}
