/*
 * The alphabet: everything that people, machines and lines do, as a table with weights. A new field or
 * type needs nothing here: edits are made from the schema.
 */
#include "tests/sim/world.h"

#include "common/fields.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* ---- Picking -------------------------------------------------------------------------------- */

static struct device *pick_device(struct world *w)
{
	for (int i = 0; i < 8; i++) {
		struct device *d = &w->devices[dice_below(&w->dice, w->n_devices)];
		if (d->copy)
			return d;
	}
	return NULL;
}

static bool is_directory_type(uint32_t type)
{
	return type <= TYPE_DEVICE;
}

/* A record of the type that anybody made; zero: there is none. */
static const struct known *pick_of_type(struct world *w, uint32_t type)
{
	size_t n = 0;
	const struct known *picked = NULL;
	for (size_t i = 0; i < w->n_known; i++)
		if (w->known[i].type == type && !w->known[i].guarded && dice_below(&w->dice, ++n) == 0)
			picked = &w->known[i];
	return picked;
}

/* Types that generic edits leave alone, since rights hang on them: they have actions of their own. */
static bool is_delicate(uint32_t type)
{
	return type == TYPE_APPOINTMENT || type == TYPE_DEVICE || type == TYPE_SPACE || type == TYPE_VERSION;
}

/* A record that this device holds; often one of the few that everybody works on. */
static const struct known *pick_record(struct world *w, struct device *d, struct arena *arena,
				       struct record *out)
{
	bool hot = dice_chance(&w->dice, 50);
	for (int i = 0; i < 24 && w->n_known; i++) {
		const struct known *k = &w->known[dice_below(&w->dice, w->n_known)];
		if (hot && (is_directory_type(k->type) || dice_chance(&w->dice, 50)))
			k = &w->known[dice_below(&w->dice, w->n_known < 30 ? w->n_known : 30)];
		if (k->guarded || is_delicate(k->type))
			continue;
		/* The directory is the administrator's; others try it now and then, and are refused. */
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

static void draft_number(struct draft *d, uint32_t field, uint64_t v)
{
	struct buf b = {0};
	field_add_number(&b, field, v);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static void draft_id(struct draft *d, uint32_t field, const struct id *id)
{
	struct buf b = {0};
	field_add_bytes(&b, field, ID_BYTES(id));
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static void draft_member(struct draft *d, uint32_t field, const struct id *id, bool take)
{
	struct buf b = {0};
	field_add_bytes(&b, field, ID_BYTES(id));
	if (take)
		draft_take(d, field, buf_bytes(&b));
	else
		draft_add(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static void draft_name(struct world *w, struct draft *d, const struct device *by, const struct id *space)
{
	char word[CANARY_MAX];
	struct buf b = {0};
	canary_make(w, space, by->number, word);
	field_add_text(&b, 1, word);
	draft_set(d, 1, buf_bytes(&b));
	buf_fini(&b);
}

/* One field of the record last named: a new value, none, members added or taken. */
static void draft_field(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
			uint32_t field, const struct id *space, const struct record *now)
{
	const struct schema_field *f = schema_field(t, field, NULL);
	struct buf b = {0};
	struct field member;
	struct bytes rest = now ? record_get(now, field) : BYTES_NONE;
	if (f->merge == MERGE_SET && rest.len && dice_chance(&w->dice, 40)) {
		if (field_next(&rest, &member) > 0)
			draft_take(d, field, member.whole);
		return;
	}
	if (!now || f->merge == MERGE_SET || !dice_chance(&w->dice, 8))
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

/* Some fields of the record last named; the first few more often, so that people meet. */
static void draft_fields(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
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

static void draft_new_record(struct world *w, struct device *by, struct draft *d, uint32_t type,
			     const struct id *space, struct id *id)
{
	*id = id_make(&by->machine.env);
	draft_create(d, type, id);
	draft_fields(w, by, d, schema_type(type), space, NULL, (unsigned)dice_between(&w->dice, 1, 8));
}

/* ---- People write --------------------------------------------------------------------------- */

static bool act_edit(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	if (k) {
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(k->type), &k->space, &now,
				     (unsigned)dice_between(&w->dice, 1, 3));
			saved = device_save(d, &draft, "edits");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

/* Several records of one space in one change. */
static bool act_edit_many(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	struct draft *draft = NULL;
	struct id space = {{0}}, used[6];
	size_t n = 0;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int i = 0; d && d->copy && i < 12 && n < 6; i++) {
		const struct known *k = pick_record(w, d, &arena, &now);
		bool again = false;
		if (!k || (draft && !id_equal(&k->space, &space)))
			continue;
		for (size_t u = 0; u < n; u++)
			again |= id_equal(&used[u], &k->id);
		if (again)
			continue;
		space = k->space;
		if (!draft)
			draft = draft_new(d->copy, &space);
		if (draft_edit(draft, &k->id, NULL, NULL) < 0)
			continue;
		used[n++] = k->id;
		draft_fields(w, d, draft, schema_type(k->type), &space, &now, 2);
	}
	if (draft && device_lives(d))
		saved = device_save(d, &draft, "edits several records");
	draft_free(&draft);
	arena_fini(&arena);
	return saved;
}

static bool may_create(struct world *w, const struct device *d, const struct schema_type *t,
		       const struct place *p)
{
	if (t->outcome_only || is_delicate(t->number) || t->number == TYPE_PARTNERSHIP ||
	    (t->spaces && !(t->spaces >> p->kind & 1)))
		return false;
	return p->kind != RECORDS__SPACE_KIND__DIRECTORY || d->number == 0 || dice_chance(&w->dice, 3);
}

static bool act_create(struct world *w)
{
	struct device *d = pick_device(w);
	struct held *held = NULL;
	size_t n_types;
	const struct schema_type *types = schema_types(&n_types);
	bool saved = false;
	int n = d ? copy_spaces(d->copy, &held) : 0;
	if (n <= 0)
		return false;
	const struct place *p = world_place(w, &held[dice_below(&w->dice, (uint64_t)n)].id);
	const struct schema_type *t = &types[dice_below(&w->dice, n_types)];
	free(held);
	if (!p || !may_create(w, d, t, p))
		return false;
	struct draft *draft = draft_new(d->copy, &p->id);
	unsigned many = (unsigned)dice_between(&w->dice, 1, 3);
	struct id ids[3];
	for (unsigned i = 0; i < many; i++)
		draft_new_record(w, d, draft, t->number, &p->id, &ids[i]);
	saved = device_save(d, &draft, t->name);
	draft_free(&draft);
	for (unsigned i = 0; saved && i < many; i++)
		world_know(w, &ids[i], &p->id, t->number, false);
	return saved;
}

/* What is derived gets the same id wherever it is made: two schools importing one thing. */
static bool act_create_same(struct world *w)
{
	struct device *d = pick_device(w);
	char reference[16];
	struct arena arena;
	struct record now;
	if (!d)
		return false;
	snprintf(reference, sizeof(reference), "2019-20/%u", (unsigned)dice_below(&w->dice, 4));
	struct id id = id_record(&w->area, &w->partnership, TYPE_ACTION, reference);
	arena_init(&arena, ARENA_NO_BUDGET);
	bool there = copy_record(d->copy, &id, VIEW_SHOWN, &arena, &now, NULL) == 0;
	arena_fini(&arena);
	if (there || !device_lives(d))
		return false;
	struct draft *draft = draft_new(d->copy, &w->partnership);
	draft_create(draft, TYPE_ACTION, &id);
	draft_fields(w, d, draft, schema_type(TYPE_ACTION), &w->partnership, NULL, 4);
	bool saved = device_save(d, &draft, "imports an action");
	draft_free(&draft);
	for (size_t i = 0; saved && i < w->n_known; i++)
		there |= id_equal(&w->known[i].id, &id);
	if (saved && !there)
		world_know(w, &id, &w->partnership, TYPE_ACTION, false);
	return saved;
}

static bool act_read(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool read = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	if (k) {
		size_t at = d->n_reads < DEVICE_READS ? d->n_reads : dice_below(&w->dice, DEVICE_READS);
		d->reads[at].record = k->id;
		read = copy_seen(d->copy, &k->id, &d->reads[at].seen) == 0;
		d->n_reads += read && at == d->n_reads;
	}
	arena_fini(&arena);
	return read && device_lives(d);
}

/* What was read a while ago is saved now, on what was seen then. */
static bool act_save_read(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	struct id space;
	bool saved = false;
	if (!d || d->n_reads == 0)
		return false;
	size_t at = dice_below(&w->dice, d->n_reads);
	arena_init(&arena, ARENA_NO_BUDGET);
	if (copy_record(d->copy, &d->reads[at].record, VIEW_SHOWN, &arena, &now, &space) == 0) {
		struct draft *draft = draft_new(d->copy, &space);
		if (draft_edit(draft, &d->reads[at].record, &d->reads[at].seen, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(now.type), &space, &now, 2);
			saved = device_save(d, &draft, "saves what it read a while ago");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	if (dice_chance(&w->dice, 50) && d->n_reads)
		d->n_reads--;
	return saved;
}

static bool act_existence(struct world *w, unsigned from, void (*how)(struct draft *), const char *what)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int i = 0; d && i < 6 && !saved && d->copy; i++) {
		const struct known *k = pick_record(w, d, &arena, &now);
		if (!k || record_existence(&now) != from || is_directory_type(k->type))
			continue;
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			how(draft);
			if (dice_chance(&w->dice, 20))
				draft_fields(w, d, draft, schema_type(k->type), &k->space, &now, 1);
			saved = device_save(d, &draft, what);
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

static bool act_withdraw(struct world *w)
{
	return act_existence(w, LIVE, draft_withdraw, "withdraws");
}

static bool act_bring_back(struct world *w)
{
	return act_existence(w, WITHDRAWN, draft_bring_back, "brings back");
}

/* Settle a Conflict as this copy shows it, with a value of one's own. */
static bool settle(struct world *w, struct device *d, const struct record *conflict, const struct id *space)
{
	struct arena arena;
	struct record now;
	struct id on;
	uint32_t group = (uint32_t)value_number(record_get(conflict, 3));
	bool saved = false;
	if (!id_from(&on, value_bytes(record_get(conflict, 1))))
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (copy_record(d->copy, &on, VIEW_SHOWN, &arena, &now, NULL) == 0) {
		struct draft *draft = draft_new(d->copy, space);
		if (draft_edit(draft, &on, NULL, NULL) == 0) {
			if (group == 0 && record_existence(&now) == LIVE)
				draft_withdraw(draft);
			else if (group == 0)
				draft_bring_back(draft);
			else
				draft_field(w, d, draft, schema_type(now.type), group, space, &now);
			draft_settles(draft, &conflict->id);
			saved = device_save(d, &draft, "settles");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

static bool act_settle(struct world *w)
{
	struct device *d = pick_device(w);
	bool saved = false;
	for (size_t i = w->book.n_records; d && d->copy && i-- > 0 && !saved;) {
		const struct book_record *b = w->book.records[i];
		struct arena arena;
		struct record shown;
		if (b->record.type != TYPE_CONFLICT || dice_chance(&w->dice, 50))
			continue;
		arena_init(&arena, ARENA_NO_BUDGET);
		if (copy_record(d->copy, &b->record.id, VIEW_SHOWN, &arena, &shown, NULL) == 0 &&
		    value_number(record_get(&shown, 7)) == RECORDS__CONFLICT_STATE__OPEN)
			saved = settle(w, d, &shown, &b->space);
		arena_fini(&arena);
	}
	return saved;
}

/* An edit that is refused if one of the records that it names has moved. */
static bool act_exact(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now, other;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	const struct known *o = k && d->copy ? pick_record(w, d, &arena, &other) : NULL;
	if (o && d->copy && id_equal(&o->space, &k->space)) {
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(k->type), &k->space, &now, 2);
			draft_exact(draft, &k->id);
			if (!id_equal(&o->id, &k->id))
				draft_exact(draft, &o->id);
			saved = device_save(d, &draft, "approves exactly");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

/* A person gives up a change that was refused. */
static bool act_drop(struct world *w)
{
	struct device *d = pick_device(w);
	struct pending p = {0};
	int64_t seq = 0;
	while (d && copy_pending_next(d->copy, seq, &p) > 0) {
		seq = p.seq;
		free(p.words);
		if (p.state != PENDING_REFUSED)
			continue;
		struct id change = p.change;
		if (copy_pending_drop(d->copy, &change, NULL) == 0 && device_lives(d)) {
			world_made(w, &change)->dropped = true;
			trace_line(&w->trace, "c%u drops a refused change", d->number);
			return true;
		}
		return false;
	}
	if (d)
		device_lives(d);
	return false;
}

/* ---- The administrator ---------------------------------------------------------------------- */

/* A draft in the directory on the founder's laptop; NULL if it is not running. */
static struct draft *administer(struct world *w, const struct id *record)
{
	struct device *d = &w->devices[0];
	if (!d->copy)
		return NULL;
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

static void draft_appointment(struct world *w, struct draft *draft, const struct id *person, uint64_t role,
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

static uint64_t pick_role(struct world *w)
{
	return dice_between(&w->dice, RECORDS__ROLE__HEADTEACHER, RECORDS__ROLE__GUEST);
}

static bool act_appoint(struct world *w)
{
	const struct known *person = pick_of_type(w, TYPE_PERSON), *group = pick_of_type(w, TYPE_GROUP);
	struct draft *draft = person && group ? administer(w, NULL) : NULL;
	if (!draft)
		return false;
	struct id p = person->id, g = group->id; /* the list moves when it grows */
	draft_appointment(w, draft, &p, pick_role(w), NULL, &g, false);
	return administered(w, &draft, "appoints");
}

static bool act_end_appointment(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_APPOINTMENT);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	if (dice_chance(&w->dice, 30))
		draft_withdraw(draft);
	else
		draft_number(draft, 7, 1);
	return administered(w, &draft, "ends an appointment");
}

static bool act_standing(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_PERSON);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	draft_number(draft, 5, dice_chance(&w->dice, 30) ? RECORDS__STANDING__SUSPENDED
							 : RECORDS__STANDING__ACTIVE);
	return administered(w, &draft, "suspends or readmits");
}

static bool act_chair(struct world *w)
{
	const struct known *group = pick_of_type(w, TYPE_GROUP), *person = pick_of_type(w, TYPE_PERSON);
	struct draft *draft = group && person ? administer(w, &group->id) : NULL;
	if (!draft)
		return false;
	draft_id(draft, (uint32_t)dice_between(&w->dice, 6, 7), &person->id);
	return administered(w, &draft, "gives a group a chair or clerk");
}

/* Readers and writers of a group's space by person, by group, by role; or it is opened to all. */
static bool act_space(struct world *w)
{
	const struct known *space = NULL, *person = pick_of_type(w, TYPE_PERSON),
			   *group = pick_of_type(w, TYPE_GROUP);
	for (size_t i = 0, n = 0; i < w->n_known; i++)
		if (w->known[i].type == TYPE_SPACE && dice_below(&w->dice, ++n) == 0)
			space = &w->known[i];
	if (!space || !person || !group || !w->devices[0].copy)
		return false;
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

static bool act_revoke(struct world *w)
{
	const struct known *k = pick_of_type(w, TYPE_DEVICE);
	struct draft *draft = k ? administer(w, &k->id) : NULL;
	if (!draft)
		return false;
	draft_number(draft, 5, 1);
	return administered(w, &draft, "revokes a device");
}

static bool act_enrol(struct world *w)
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

/* ---- Lines and machines --------------------------------------------------------------------- */

static bool act_connect(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || d->online)
		return false;
	d->online = true;
	trace_line(&w->trace, "c%u goes online", d->number);
	device_dial(d);
	return true;
}

static bool act_disconnect(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->online)
		return false;
	d->online = false;
	trace_line(&w->trace, "c%u goes offline", d->number);
	device_hang_up(d, (enum net_cut)dice_below(&w->dice, 3));
	return true;
}

static bool act_cut(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->end)
		return false;
	trace_line(&w->trace, "c%u: its line is cut", d->number);
	net_cut(d->end, (enum net_cut)dice_below(&w->dice, 3));
	return true;
}

/* The client lets go and dials anew while the server still believes in the old line. */
static bool act_redial(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->end)
		return false;
	trace_line(&w->trace, "c%u dials anew", d->number);
	device_hang_up(d, NET_HALF_OPEN);
	device_dial(d);
	return true;
}

static bool act_device_ends(struct world *w)
{
	struct device *d = pick_device(w);
	enum disk_end how = (enum disk_end)dice_below(&w->dice, 2);
	if (!d)
		return false;
	if (dice_chance(&w->dice, 30))
		device_stop(d, how);
	else
		disk_stop_after(d->disk, dice_below(&w->dice, dice_chance(&w->dice, 50) ? 10 : 100), how);
	return true;
}

static bool act_host_ends(struct world *w)
{
	enum disk_end how = (enum disk_end)dice_below(&w->dice, 2);
	if (!w->host.area)
		return false;
	if (dice_chance(&w->dice, 30))
		host_stop(w, how);
	else
		disk_stop_after(w->host.disk, dice_below(&w->dice, dice_chance(&w->dice, 50) ? 10 : 100), how);
	return true;
}

static bool act_host_restarts(struct world *w)
{
	if (!w->host.area)
		return false;
	trace_line(&w->trace, "server is asked to stop");
	area_stop(w->host.area);
	host_plan_turn(w);
	world_run(w, 20000);
	host_stop(w, DISK_CRASH);
	return true;
}

static bool act_device_fills(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d)
		return false;
	bool fill = dice_chance(&w->dice, 50);
	trace_line(&w->trace, "c%u: its disk %s", d->number, fill ? "fills" : "has room");
	disk_room(d->disk, fill ? dice_below(&w->dice, 100000) : SIZE_MAX);
	return true;
}

static bool act_host_fills(struct world *w)
{
	bool fill = !w->host.starving && dice_chance(&w->dice, 60);
	trace_line(&w->trace, "server: its disk %s", fill ? "fills" : "has room");
	w->host.starving = fill;
	disk_room(w->host.disk, fill ? dice_below(&w->dice, 100000) : SIZE_MAX);
	return true;
}

static bool act_clock(struct world *w)
{
	struct device *d = pick_device(w);
	struct machine *m = d ? &d->machine : &w->host.machine;
	int64_t year = 365ll * 86400000;
	m->offset_ms = dice_chance(&w->dice, 30) ? 0 : (int64_t)dice_below(&w->dice, 20 * (uint64_t)year) - 10 * year;
	trace_line(&w->trace, "%s: its clock jumps", d ? "a device" : "server");
	return true;
}

static bool act_server_clock(struct world *w)
{
	w->host.machine.offset_ms += (int64_t)dice_below(&w->dice, 7200000) - 3600000;
	if (!w->host.area)
		return false;
	area_tick(w->host.area);
	if (host_lives(w))
		host_plan_turn(w);
	return true;
}

static bool act_index(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d)
		return false;
	int got = copy_index(d->copy, 1000);
	if (device_lives(d) && got < 0 && got != ERR_FULL)
		world_fail(w, "c%u: the search index can't be made: %s", d->number, err_words(got));
	return true;
}

static bool act_rebuild(struct world *w)
{
	struct device *d = pick_device(w);
	struct cause cause = {""};
	if (!d || d->uplink)
		return false;
	int err = copy_rebuild(d->copy, &cause);
	if (device_lives(d) && err < 0 && err != ERR_FULL)
		world_fail(w, "c%u can't be rebuilt: %s", d->number, cause.words);
	trace_line(&w->trace, "c%u is rebuilt", d->number);
	return true;
}

static bool act_hostile(struct world *w)
{
	hostile_act(w);
	return true;
}

/* ---- The alphabet --------------------------------------------------------------------------- */

static struct action {
	const char *name;
	bool (*act)(struct world *w);
	unsigned weight;
} const alphabet[] = {
	{"edit", act_edit, 40},		    {"edit several", act_edit_many, 6},
	{"create", act_create, 14},	    {"create the same", act_create_same, 3},
	{"read", act_read, 8},		    {"save what was read", act_save_read, 10},
	{"withdraw", act_withdraw, 4},	    {"bring back", act_bring_back, 3},
	{"settle", act_settle, 5},	    {"exact", act_exact, 3},
	{"drop", act_drop, 1},		    {"appoint", act_appoint, 3},
	{"end appointment", act_end_appointment, 2}, {"standing", act_standing, 2},
	{"chair", act_chair, 1},	    {"space", act_space, 3},
	{"revoke", act_revoke, 1},	    {"enrol", act_enrol, 1},
	{"connect", act_connect, 12},	    {"disconnect", act_disconnect, 8},
	{"cut", act_cut, 5},		    {"dial anew", act_redial, 2},
	{"device ends", act_device_ends, 6}, {"server ends", act_host_ends, 4},
	{"server restarts", act_host_restarts, 1}, {"device disk full", act_device_fills, 1},
	{"server disk full", act_host_fills, 1}, {"clock", act_clock, 2},
	{"server clock", act_server_clock, 1}, {"index", act_index, 1},
	{"rebuild", act_rebuild, 1},	    {"hostile", act_hostile, 4},
};
enum { ACTIONS = sizeof(alphabet) / sizeof(*alphabet) };

/* How often each took place, over all worlds of this process. */
static uint64_t action_counts[ACTIONS];

void actions_counts(void (*row)(void *arg, const char *name, uint64_t n), void *arg)
{
	for (size_t i = 0; i < ACTIONS; i++)
		row(arg, alphabet[i].name, action_counts[i]);
}

static uint64_t gap_us(struct dice *d)
{
	unsigned kind = (unsigned)dice_below(d, 100);
	if (kind < 50)
		return dice_below(d, 50000);
	if (kind < 85)
		return dice_between(d, 100000, 3000000);
	if (kind < 97)
		return dice_between(d, 3000000, 60000000);
	return dice_between(d, 60000000, 3600000000);
}

void actions_run(struct world *w, unsigned n)
{
	uint64_t total = 0;
	for (size_t i = 0; i < ACTIONS; i++)
		total += alphabet[i].weight;
	for (unsigned tries = 0; n > 0 && tries < 4000 && !w->failed; tries++) {
		uint64_t at = dice_below(&w->dice, total);
		size_t i = 0;
		while (at >= alphabet[i].weight)
			at -= alphabet[i++].weight;
		if (!alphabet[i].act(w))
			continue;
		action_counts[i]++;
		n--;
		world_run(w, gap_us(&w->dice));
	}
}

/* ---- To begin with -------------------------------------------------------------------------- */

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
				  grouped ? &groups[i % SETUP_GROUPS] : NULL, dice_chance(&w->dice, 50));
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
	static const uint32_t types[] = {TYPE_PLAN, TYPE_PRIORITY, TYPE_ACTION, TYPE_ACTION, TYPE_EVENT,
					 TYPE_AGENDA_ITEM, TYPE_NOTE};
	struct device *d = &w->devices[0];
	struct draft *draft = draft_new(d->copy, &w->partnership);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct id id;
		draft_new_record(w, d, draft, types[i], &w->partnership, &id);
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
