/* To begin with: a plan, people, groups and their spaces, and a laptop for everybody. */
#include "tests/sim/act.h"

#include "records.pb-c.h"

enum { SETUP_GROUPS = 3, SETUP_SCHOOLS = 2 };

static void setup_people(struct world *w, struct draft *draft, struct id *persons, unsigned n,
			 const struct id *groups, const struct id *schools)
{
	struct device *d = &w->devices[0];
	for (unsigned i = 0; i < n; i++) {
		if (i > 0 && dice_chance(&w->dice, 15)) {
			persons[i] = persons[i - 1]; /* a second laptop */
			continue;
		}
		persons[i] = id_make(&d->machine.env);
		draft_create(draft, TYPE_PERSON, &persons[i]);
		draft_name(w, draft, d, &w->directory);
		world_know(w, &persons[i], &w->directory, TYPE_PERSON, false);
		bool grouped = dice_chance(&w->dice, 70);
		draft_appointment(w, draft, &persons[i], pick_role(w), &schools[i % SETUP_SCHOOLS],
				  grouped ? &groups[i % SETUP_GROUPS] : NULL,
				  dice_chance(&w->dice, 50));
	}
}

static void setup_groups(struct world *w, struct draft *draft, struct id *groups)
{
	struct device *d = &w->devices[0];
	for (unsigned i = 0; i < SETUP_GROUPS; i++) {
		struct id space = id_make(&d->machine.env);
		groups[i] = id_make(&d->machine.env);
		draft_create(draft, TYPE_GROUP, &groups[i]);
		draft_name(w, draft, d, &w->directory);
		world_know(w, &groups[i], &w->directory, TYPE_GROUP, false);
		draft_create(draft, TYPE_SPACE, &space);
		draft_name(w, draft, d, &w->directory);
		draft_number(draft, 2, RECORDS__SPACE_KIND__GROUP);
		draft_id(draft, 3, &groups[i]);
		draft_member(draft, 10, &groups[i], false);
		draft_member(draft, 8, &w->founder, false);
		world_know(w, &space, &w->directory, TYPE_SPACE, true);
		world_place_add(w, &space, RECORDS__SPACE_KIND__GROUP)->group = groups[i];
	}
}

static void setup_plan(struct world *w)
{
	static const uint32_t types[] = {TYPE_PLAN,	   TYPE_PRIORITY, TYPE_ACTION,	    TYPE_ACTION,
					 TYPE_EVENT,	   TYPE_MINUTES,  TYPE_AGENDA_ITEM, TYPE_AGENDA_ITEM,
					 TYPE_AGENDA_ITEM, TYPE_NOTE};
	struct id event = {{0}};
	struct device *d = &w->devices[0];
	struct draft *draft = draft_new(d->copy, &w->partnership);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct id id;
		draft_new_record(w, d, draft, types[i], &w->partnership, &id);
		if (types[i] == TYPE_EVENT)
			event = id;
		if (types[i] == TYPE_AGENDA_ITEM || types[i] == TYPE_MINUTES)
			draft_id(draft, 1, &event);
		world_know(w, &id, &w->partnership, types[i], false);
	}
	if (!device_save(d, &draft, "writes the plan"))
		world_fail(w, "the plan can't be saved");
	draft_free(&draft);
}

void actions_setup(struct world *w)
{
	struct id schools[SETUP_SCHOOLS], groups[SETUP_GROUPS], persons[WORLD_DEVICES];
	struct device *d = &w->devices[0];
	setup_plan(w);
	struct draft *draft = draft_new(d->copy, &w->directory);
	for (unsigned i = 0; i < SETUP_SCHOOLS; i++) {
		schools[i] = id_make(&d->machine.env);
		draft_create(draft, TYPE_SCHOOL, &schools[i]);
		draft_name(w, draft, d, &w->directory);
		world_know(w, &schools[i], &w->directory, TYPE_SCHOOL, false);
	}
	setup_groups(w, draft, groups);
	setup_people(w, draft, persons, w->n_devices, groups, schools);
	if (!device_save(d, &draft, "sets up the area"))
		world_fail(w, "the area can't be set up");
	draft_free(&draft);
	if (!world_settle(w, 60000000))
		world_fail(w, "the area's first entries do not become quiet");
	for (unsigned i = 1; i < w->n_devices && !w->failed; i++) {
		if (!host_enrol(w, &w->devices[i], &persons[i], &schools[i % SETUP_SCHOOLS]))
			world_fail(w, "c%u can't be enrolled", i);
		device_create(&w->devices[i]);
		w->devices[i].online = dice_chance(&w->dice, 80);
		device_start(&w->devices[i]);
	}
	if (!w->failed && !host_enrol(w, &w->hostile, &persons[0], &schools[0]))
		world_fail(w, "the hostile device can't be enrolled");
	world_run(w, dice_below(&w->dice, 2000000));
}
