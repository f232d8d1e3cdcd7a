/*
 * Five tables sorted by id, small enough to be searched and copied without thought: a partnership
 * has hundreds of people, a county thousands. A right is never stored: it is worked out from the
 * rows whenever it is asked for, and whoever asks often keeps the answer until the generation
 * changes.
 */
#include "server/access.h"

#include "common/change.h"
#include "common/schema.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_GROUPS, LIST_SCHOOLS, LIST_PERSONS, LISTS };

struct ids {
	struct id *ids;
	size_t n;
};

struct person_row {
	struct id id;
	bool acts;
};

struct device_row {
	struct id id, person, school;
	bool good;
};

struct appointment_row {
	struct id id, person, school, group;
	unsigned role;
	bool current;
	char to[11];
};

/* A group or a school. */
struct unit_row {
	struct id id, chair, clerk;
	bool gone;
};

struct rule_row {
	struct id id;
	bool own; /* from the space's own record, which goes before the directory's */
	bool live, open;
	unsigned kind;
	struct id group;
	char name[64];
	struct ids readers[LISTS], writers[LISTS];
	uint64_t reader_roles, writer_roles; /* a bit a role */
};

/* Rows of one size, each beginning with its id, by rising id. */
struct rows {
	uint8_t *data;
	size_t n, cap, size;
};

struct access {
	struct id area, directory;
	uint64_t generation;
	struct rows persons, devices, appointments, units, rules;
	struct arena arena; /* for reading one record */
};

/* ---- Rows ----------------------------------------------------------------------------------- */

static void *rows_at(const struct rows *r, size_t i)
{
	return r->data + i * r->size;
}

static size_t rows_slot(const struct rows *r, const struct id *id)
{
	size_t low = 0, high = r->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (id_compare(rows_at(r, mid), id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void *rows_find(const struct rows *r, const struct id *id)
{
	size_t slot = rows_slot(r, id);
	return slot < r->n && id_equal(rows_at(r, slot), id) ? rows_at(r, slot) : NULL;
}

/* The row of `id`, made (of zeros) if there is none. */
static void *rows_put(struct rows *r, const struct id *id)
{
	size_t slot = rows_slot(r, id);
	uint8_t *row;

	if (slot < r->n && id_equal(rows_at(r, slot), id))
		return rows_at(r, slot);
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->data = mem_resize(r->data, r->cap * r->size);
	}
	row = rows_at(r, slot);
	memmove(row + r->size, row, (r->n - slot) * r->size);
	memset(row, 0, r->size);
	memcpy(row, id, sizeof(*id));
	r->n++;
	return row;
}

static void rule_clear(struct rule_row *rule)
{
	for (int i = 0; i < LISTS; i++) {
		free(rule->readers[i].ids);
		free(rule->writers[i].ids);
		rule->readers[i] = rule->writers[i] = (struct ids){0};
	}
	rule->reader_roles = rule->writer_roles = 0;
}

static void access_empty(struct access *a)
{
	struct rows *all[] = {&a->persons, &a->devices, &a->appointments, &a->units, &a->rules};

	for (size_t i = 0; i < a->rules.n; i++)
		rule_clear(rows_at(&a->rules, i));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		all[i]->n = 0;
}

struct access *access_new(const struct id *area)
{
	struct access *a = mem_alloc(sizeof(*a));

	a->area = *area;
	a->directory = id_directory(area);
	a->persons.size = sizeof(struct person_row);
	a->devices.size = sizeof(struct device_row);
	a->appointments.size = sizeof(struct appointment_row);
	a->units.size = sizeof(struct unit_row);
	a->rules.size = sizeof(struct rule_row);
	arena_init(&a->arena, ARENA_NO_BUDGET);
	return a;
}

void access_free(struct access **access)
{
	struct access *a = *access;

	if (!a)
		return;
	access_empty(a);
	free(a->persons.data);
	free(a->devices.data);
	free(a->appointments.data);
	free(a->units.data);
	free(a->rules.data);
	arena_fini(&a->arena);
	free(a);
	*access = NULL;
}

/* ---- Taking records ------------------------------------------------------------------------- */

static struct id id_or_zero(protobuf_c_boolean has, ProtobufCBinaryData b)
{
	struct id id = {{0}};
	if (has)
		(void)id_from(&id, BYTES_OF(b));
	return id;
}

static void take_person(struct access *a, const struct record *r)
{
	const Records__Person *p = record_message(r, &records__person__descriptor, &a->arena);
	struct person_row *row = rows_put(&a->persons, &r->id);

	row->acts = p && record_existence(r) == LIVE &&
		    !(p->has_standing && (p->standing == RECORDS__STANDING__SUSPENDED ||
					  p->standing == RECORDS__STANDING__GONE));
}

static void take_device(struct access *a, const struct record *r)
{
	const Records__Device *d = record_message(r, &records__device__descriptor, &a->arena);
	struct device_row *row = rows_put(&a->devices, &r->id);

	row->good = d && record_existence(r) == LIVE && !(d->has_revoked && d->revoked);
	row->person = d ? id_or_zero(d->has_person, d->person) : (struct id){{0}};
	row->school = d ? id_or_zero(d->has_school, d->school) : (struct id){{0}};
}

static void take_appointment(struct access *a, const struct record *r)
{
	const Records__Appointment *m =
		record_message(r, &records__appointment__descriptor, &a->arena);
	struct appointment_row *row = rows_put(&a->appointments, &r->id);

	row->current = m && record_existence(r) == LIVE && !(m->has_ended && m->ended);
	if (!m)
		return;
	row->person = id_or_zero(m->has_person, m->person);
	row->school = id_or_zero(m->has_school, m->school);
	row->group = id_or_zero(m->has_group, m->group);
	row->role = m->has_role ? (unsigned)m->role : 0;
	strncpy(row->to, m->to ? m->to : "", sizeof(row->to) - 1);
}

static void take_group(struct access *a, const struct record *r)
{
	const Records__Group *g = record_message(r, &records__group__descriptor, &a->arena);
	struct unit_row *row = rows_put(&a->units, &r->id);

	row->gone = record_existence(r) != LIVE;
	row->chair = g ? id_or_zero(g->has_chair, g->chair) : (struct id){{0}};
	row->clerk = g ? id_or_zero(g->has_clerk, g->clerk) : (struct id){{0}};
}

static void take_school(struct access *a, const struct record *r)
{
	struct unit_row *row = rows_put(&a->units, &r->id);
	row->gone = record_existence(r) != LIVE;
}

static struct ids take_ids(const ProtobufCBinaryData *from, size_t n)
{
	struct ids out = {n ? mem_alloc(n * sizeof(*out.ids)) : NULL, n};
	for (size_t i = 0; i < n; i++)
		out.ids[i] = id_or_zero(true, from[i]);
	return out;
}

static uint64_t take_roles(const Records__Role *roles, size_t n)
{
	uint64_t out = 0;
	for (size_t i = 0; i < n; i++)
		out |= (unsigned)roles[i] < 64 ? UINT64_C(1) << (unsigned)roles[i] : 0;
	return out;
}

static void take_rule(struct access *a, const struct record *r, bool own)
{
	const Records__Space *s = record_message(r, &records__space__descriptor, &a->arena);
	struct rule_row *row = rows_put(&a->rules, &r->id);

	if (row->own && !own)
		return;
	rule_clear(row);
	row->own = own;
	row->live = s && record_existence(r) == LIVE;
	if (!s)
		return;
	row->kind = s->has_kind ? (unsigned)s->kind : RECORDS__SPACE_KIND__OTHER;
	row->open = s->has_open && s->open;
	row->group = id_or_zero(s->has_group, s->group);
	memset(row->name, 0, sizeof(row->name));
	strncpy(row->name, s->name ? s->name : "", sizeof(row->name) - 1);
	row->readers[LIST_GROUPS] = take_ids(s->reader_groups, s->n_reader_groups);
	row->readers[LIST_SCHOOLS] = take_ids(s->reader_schools, s->n_reader_schools);
	row->readers[LIST_PERSONS] = take_ids(s->reader_persons, s->n_reader_persons);
	row->writers[LIST_GROUPS] = take_ids(s->writer_groups, s->n_writer_groups);
	row->writers[LIST_SCHOOLS] = take_ids(s->writer_schools, s->n_writer_schools);
	row->writers[LIST_PERSONS] = take_ids(s->writer_persons, s->n_writer_persons);
	row->reader_roles = take_roles(s->reader_roles, s->n_reader_roles);
	row->writer_roles = take_roles(s->writer_roles, s->n_writer_roles);
}

/* The record's type, where it says something about rights in this space; else 0. */
static uint32_t access_interest(const struct access *a, const struct id *space,
				const struct record *r)
{
	if (r->type == TYPE_SPACE && id_equal(&r->id, space))
		return TYPE_SPACE;
	if (!id_equal(space, &a->directory))
		return 0;
	switch (r->type) {
	case TYPE_PERSON:
	case TYPE_DEVICE:
	case TYPE_APPOINTMENT:
	case TYPE_GROUP:
	case TYPE_SCHOOL:
	case TYPE_SPACE:
		return r->type;
	default:
		return 0;
	}
}

void access_take(struct access *a, const struct id *space, const struct record *r)
{
	uint32_t type = access_interest(a, space, r);

	if (type == 0)
		return;
	a->generation++;
	if (type == TYPE_PERSON)
		take_person(a, r);
	else if (type == TYPE_DEVICE)
		take_device(a, r);
	else if (type == TYPE_APPOINTMENT)
		take_appointment(a, r);
	else if (type == TYPE_GROUP)
		take_group(a, r);
	else if (type == TYPE_SCHOOL)
		take_school(a, r);
	else
		take_rule(a, r, id_equal(&r->id, space));
	arena_reset(&a->arena);
}

static int access_load_row(void *arg, const struct record *r)
{
	struct access *a = arg;
	access_take(a, &a->directory, r);
	return 0;
}

int access_load(struct access *a, struct journal *j)
{
	const struct space *directory = journal_space(j, &a->directory);
	struct space *const *spaces;
	struct arena arena;

	access_empty(a);
	a->generation++;
	int err = directory ? journal_each_record(j, directory, access_load_row, a) : 0;
	size_t n = journal_spaces(j, &spaces);
	arena_init(&arena, ARENA_NO_BUDGET);
	for (size_t i = 0; err == 0 && i < n; i++) {
		struct record own;
		err = journal_record(j, spaces[i], &spaces[i]->id, &arena, &own);
		if (err == 0 && own.n_values)
			access_take(a, &spaces[i]->id, &own);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return err;
}

uint64_t access_generation(const struct access *a)
{
	return a->generation;
}

/* ---- Rights --------------------------------------------------------------------------------- */

/* What one person is: gathered once, asked of many spaces. */
struct rights {
	const struct access *a;
	struct id person;
	bool acts;
	const struct appointment_row **appointments;
	size_t n;
};

static void rights_init(struct rights *r, const struct access *a, const struct id *person)
{
	*r = (struct rights){.a = a, .person = *person, .acts = access_is_person(a, person)};
	for (size_t i = 0; r->acts && i < a->appointments.n; i++) {
		const struct appointment_row *row = rows_at(&a->appointments, i);
		if (!row->current || !id_equal(&row->person, person))
			continue;
		r->appointments =
			mem_resize(r->appointments, (r->n + 1) * sizeof(*r->appointments));
		r->appointments[r->n++] = row;
	}
}

static void rights_fini(struct rights *r)
{
	free(r->appointments);
}

static bool ids_have(const struct ids *list, const struct id *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (id_equal(&list->ids[i], id))
			return !id_is_zero(id); /* an appointment without a school is no school's */
	return false;
}

static bool unit_is_gone(const struct access *a, const struct id *unit)
{
	const struct unit_row *row = rows_find(&a->units, unit);
	return row && row->gone;
}

/* Does the person lead one of these groups? */
static bool rights_lead(const struct rights *r, const struct ids *groups)
{
	for (size_t i = 0; i < groups->n; i++) {
		const struct unit_row *g = rows_find(&r->a->units, &groups->ids[i]);
		if (g && !g->gone &&
		    (id_equal(&g->chair, &r->person) || id_equal(&g->clerk, &r->person)))
			return true;
	}
	return false;
}

static bool rights_match(const struct rights *r, const struct ids lists[LISTS], uint64_t roles)
{
	if (ids_have(&lists[LIST_PERSONS], &r->person) || rights_lead(r, &lists[LIST_GROUPS]))
		return true;
	for (size_t i = 0; i < r->n; i++) {
		const struct appointment_row *p = r->appointments[i];
		if (p->role < 64 && (roles >> p->role & 1))
			return true;
		if (ids_have(&lists[LIST_GROUPS], &p->group) && !unit_is_gone(r->a, &p->group))
			return true;
		if (ids_have(&lists[LIST_SCHOOLS], &p->school) && !unit_is_gone(r->a, &p->school))
			return true;
	}
	return false;
}

static enum may rights_may(const struct rights *r, const struct rule_row *rule)
{
	if (!rule || !rule->live || !r->acts)
		return MAY_NOTHING;
	if (rights_match(r, rule->writers, rule->writer_roles))
		return MAY_WRITE;
	if ((rule->open && r->n) || rights_match(r, rule->readers, rule->reader_roles))
		return MAY_READ;
	return MAY_NOTHING;
}

enum may access_may(const struct access *a, const struct id *person, const struct id *space)
{
	struct rights r;

	rights_init(&r, a, person);
	enum may may = rights_may(&r, rows_find(&a->rules, space));
	rights_fini(&r);
	return may;
}

/* The spaces in which a person may do `least` or more. */
static size_t access_spaces(const struct access *a, const struct id *person, enum may least,
			    struct id **out)
{
	struct rights r;
	size_t n = 0;

	*out = mem_alloc((a->rules.n + 1) * sizeof(**out));
	rights_init(&r, a, person);
	for (size_t i = 0; i < a->rules.n; i++) {
		const struct rule_row *rule = rows_at(&a->rules, i);
		if (rights_may(&r, rule) >= least)
			(*out)[n++] = rule->id;
	}
	rights_fini(&r);
	return n;
}

size_t access_readable(const struct access *a, const struct id *person, struct id **out)
{
	return access_spaces(a, person, MAY_READ, out);
}

size_t access_writable(const struct access *a, const struct id *person, struct id **out)
{
	return access_spaces(a, person, MAY_WRITE, out);
}

bool access_decides(const struct access *a, const struct id *person, const struct id *space)
{
	const struct rule_row *rule = rows_find(&a->rules, space);

	if (!rule || rule->kind == RECORDS__SPACE_KIND__PERSONAL)
		return false;
	if (id_is_zero(&rule->group))
		return access_is_administrator(a, person) &&
		       access_may(a, person, space) == MAY_WRITE;
	const struct unit_row *group = rows_find(&a->units, &rule->group);
	return group && !group->gone && id_equal(&group->chair, person) &&
	       access_may(a, person, space) != MAY_NOTHING;
}

unsigned access_kind(const struct access *a, const struct id *space)
{
	const struct rule_row *rule = rows_find(&a->rules, space);
	return rule ? rule->kind : 0;
}

const char *access_name(const struct access *a, const struct id *space)
{
	const struct rule_row *rule = rows_find(&a->rules, space);
	return rule ? rule->name : "";
}

bool access_is_person(const struct access *a, const struct id *person)
{
	const struct person_row *row = rows_find(&a->persons, person);
	return row && row->acts;
}

bool access_device(const struct access *a, const struct id *device, struct id *person)
{
	const struct device_row *row = rows_find(&a->devices, device);

	*person = row ? row->person : (struct id){{0}};
	return row && row->good && access_is_person(a, &row->person);
}

bool access_has_device(const struct access *a, const struct id *device)
{
	return rows_find(&a->devices, device) != NULL;
}

struct id access_school(const struct access *a, const struct id *device)
{
	const struct device_row *row = rows_find(&a->devices, device);
	return row ? row->school : (struct id){{0}};
}

bool access_session(const struct access *a, const struct id *device, struct id *person)
{
	const struct device_row *row = rows_find(&a->devices, device);

	*person = row ? row->person : (struct id){{0}};
	return row && row->good && rows_find(&a->persons, person);
}

bool access_is_administrator(const struct access *a, const struct id *person)
{
	struct rights r;
	bool found = false;

	rights_init(&r, a, person);
	for (size_t i = 0; i < r.n; i++)
		found |= r.appointments[i]->role == RECORDS__ROLE__ADMINISTRATOR;
	rights_fini(&r);
	return found;
}

bool access_overdue(const struct access *a, const char *day, size_t *at, struct id *appointment)
{
	while (*at < a->appointments.n) {
		const struct appointment_row *row = rows_at(&a->appointments, (*at)++);
		if (row->current && row->to[0] && strcmp(row->to, day) < 0) {
			*appointment = row->id;
			return true;
		}
	}
	return false;
}
