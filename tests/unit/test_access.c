/* Rights, from records alone: who may read and write a space. */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/access.h"
#include "tests/tap.h"

#include <stdlib.h>

static struct id area = {{1}}, directory, space = {{2}}, person = {{3}}, school = {{4}},
		 group = {{5}};
static struct access *access_now;
static struct arena arena;

/* Let a record stand with the fields of this message. */
static void stands(uint32_t type, const struct id *id, unsigned existence,
		   const ProtobufCMessage *m)
{
	struct record r;
	struct effect e = {.existence = (int)existence};
	struct buf packed = {0};

	record_init(&r, &arena, id, type);
	buf_add_message(&packed, m);
	e.set = buf_bytes(&packed);
	record_apply(&r, &e, 1);
	access_take(access_now, id_equal(id, &directory) ? id : &directory, &r);
	buf_fini(&packed);
	arena_reset(&arena);
}

static void stand_person(unsigned existence, Records__Standing standing)
{
	Records__Person m = RECORDS__PERSON__INIT;
	m.has_standing = 1;
	m.standing = standing;
	stands(TYPE_PERSON, &person, existence, &m.base);
}

static void stand_appointment(uint8_t id, Records__Role role, const struct id *to_group, bool ended,
			      unsigned existence)
{
	Records__Appointment m = RECORDS__APPOINTMENT__INIT;
	struct id record = {{100, id}};

	m.has_person = m.has_role = m.has_school = 1;
	m.person = (ProtobufCBinaryData){16, person.b};
	m.school = (ProtobufCBinaryData){16, school.b};
	m.role = role;
	m.has_group = to_group != NULL;
	m.group = (ProtobufCBinaryData){16, group.b};
	m.has_ended = ended;
	m.ended = ended;
	stands(TYPE_APPOINTMENT, &record, existence, &m.base);
}

enum list {
	OPEN,
	READ_GROUP,
	READ_SCHOOL,
	READ_PERSON,
	READ_ROLE,
	WRITE_GROUP,
	WRITE_SCHOOL,
	WRITE_PERSON,
	WRITE_ROLE
};

static void stand_space(enum list list, unsigned existence)
{
	static Records__Role clerk[] = {RECORDS__ROLE__CLERK};
	ProtobufCBinaryData ids[] = {{16, group.b}, {16, school.b}, {16, person.b}};
	Records__Space m = RECORDS__SPACE__INIT;

	m.has_kind = 1;
	m.kind = RECORDS__SPACE_KIND__GROUP;
	m.has_open = m.open = list == OPEN;
	m.n_reader_groups = list == READ_GROUP;
	m.reader_groups = &ids[0];
	m.n_reader_schools = list == READ_SCHOOL;
	m.reader_schools = &ids[1];
	m.n_reader_persons = list == READ_PERSON;
	m.reader_persons = &ids[2];
	m.n_reader_roles = list == READ_ROLE;
	m.reader_roles = clerk;
	m.n_writer_groups = list == WRITE_GROUP;
	m.writer_groups = &ids[0];
	m.n_writer_schools = list == WRITE_SCHOOL;
	m.writer_schools = &ids[1];
	m.n_writer_persons = list == WRITE_PERSON;
	m.writer_persons = &ids[2];
	m.n_writer_roles = list == WRITE_ROLE;
	m.writer_roles = clerk;
	stands(TYPE_SPACE, &space, existence, &m.base);
}

static void stand_group(unsigned existence, bool chairs)
{
	Records__Group m = RECORDS__GROUP__INIT;
	m.has_chair = chairs;
	m.chair = (ProtobufCBinaryData){16, person.b};
	stands(TYPE_GROUP, &group, existence, &m.base);
}

static enum may may(void)
{
	return access_may(access_now, &person, &space);
}

static void fresh(void)
{
	access_free(&access_now);
	access_now = access_new(&area);
	stand_person(LIVE, RECORDS__STANDING__ACTIVE);
}

static void test_lists(void)
{
	static const struct {
		enum list list;
		enum may of_group, of_school, of_clerk, of_nothing;
		const char *what;
	} rows[] = {
		{OPEN, MAY_READ, MAY_READ, MAY_READ, MAY_NOTHING, "an open space"},
		{READ_GROUP, MAY_READ, MAY_NOTHING, MAY_NOTHING, MAY_NOTHING, "readers by group"},
		{READ_SCHOOL, MAY_READ, MAY_READ, MAY_READ, MAY_NOTHING, "readers by school"},
		{READ_PERSON, MAY_READ, MAY_READ, MAY_READ, MAY_READ, "readers by person"},
		{READ_ROLE, MAY_NOTHING, MAY_NOTHING, MAY_READ, MAY_NOTHING, "readers by role"},
		{WRITE_GROUP, MAY_WRITE, MAY_NOTHING, MAY_NOTHING, MAY_NOTHING, "writers by group"},
		{WRITE_SCHOOL, MAY_WRITE, MAY_WRITE, MAY_WRITE, MAY_NOTHING, "writers by school"},
		{WRITE_PERSON, MAY_WRITE, MAY_WRITE, MAY_WRITE, MAY_WRITE, "writers by person"},
		{WRITE_ROLE, MAY_NOTHING, MAY_NOTHING, MAY_WRITE, MAY_NOTHING, "writers by role"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		fresh();
		stand_space(rows[i].list, LIVE);
		ok(may() == rows[i].of_nothing, "%s: without an appointment", rows[i].what);
		stand_appointment(1, RECORDS__ROLE__STAFF, NULL, false, LIVE);
		ok(may() == rows[i].of_school, "%s: staff of the school", rows[i].what);
		stand_appointment(1, RECORDS__ROLE__CLERK, NULL, false, LIVE);
		ok(may() == rows[i].of_clerk, "%s: a clerk", rows[i].what);
		stand_appointment(1, RECORDS__ROLE__STAFF, &group, false, LIVE);
		ok(may() == rows[i].of_group, "%s: staff in the group", rows[i].what);
	}
}

static void test_ends(void)
{
	fresh();
	stand_space(WRITE_SCHOOL, LIVE);
	stand_appointment(1, RECORDS__ROLE__STAFF, NULL, false, LIVE);
	ok(may() == MAY_WRITE, "with a current appointment");
	stand_appointment(1, RECORDS__ROLE__STAFF, NULL, true, LIVE);
	ok(may() == MAY_NOTHING, "not once it has ended");
	stand_appointment(2, RECORDS__ROLE__STAFF, NULL, false, LIVE);
	ok(may() == MAY_WRITE, "again by a new one");
	stand_appointment(2, RECORDS__ROLE__STAFF, NULL, false, WITHDRAWN);
	ok(may() == MAY_NOTHING, "not by one that was withdrawn");
	stand_appointment(2, RECORDS__ROLE__STAFF, NULL, false, LIVE);
	stand_person(LIVE, RECORDS__STANDING__SUSPENDED);
	ok(may() == MAY_NOTHING, "not while suspended");
	stand_person(LIVE, RECORDS__STANDING__GONE);
	ok(may() == MAY_NOTHING, "nor gone");
	stand_person(WITHDRAWN, RECORDS__STANDING__ACTIVE);
	ok(may() == MAY_NOTHING, "nor withdrawn");
	stand_person(LIVE, RECORDS__STANDING__INVITED);
	ok(may() == MAY_WRITE, "invited is enough");
	stand_space(WRITE_SCHOOL, WITHDRAWN);
	ok(may() == MAY_NOTHING, "a space that was withdrawn is nobody's");
}

static void test_groups(void)
{
	fresh();
	stand_space(WRITE_GROUP, LIVE);
	stand_group(LIVE, true);
	ok(may() == MAY_WRITE, "who chairs the group writes, without an appointment to it");
	stand_group(WITHDRAWN, true);
	ok(may() == MAY_NOTHING, "until the group is withdrawn");
	stand_appointment(1, RECORDS__ROLE__STAFF, &group, false, LIVE);
	ok(may() == MAY_NOTHING, "then nobody does by it");
	stand_group(LIVE, false);
	ok(may() == MAY_WRITE, "members do when it is there");
}

static void test_devices(void)
{
	Records__Device m = RECORDS__DEVICE__INIT;
	struct id device = {{7}}, found;

	fresh();
	m.has_person = 1;
	m.person = (ProtobufCBinaryData){16, person.b};
	stands(TYPE_DEVICE, &device, LIVE, &m.base);
	ok(access_device(access_now, &device, &found) && id_equal(&found, &person),
	   "a device is its person's");
	m.has_revoked = m.revoked = 1;
	stands(TYPE_DEVICE, &device, LIVE, &m.base);
	ok(!access_device(access_now, &device, &found), "not once it is revoked");
	m.has_revoked = m.has_person = 0;
	stands(TYPE_DEVICE, &device, LIVE, &m.base);
	ok(!access_device(access_now, &device, &found), "one of nobody opens no session");
	found = (struct id){{9}};
	ok(!access_device(access_now, &found, &found), "nor does one that is not known");
}

static bool overdue(const char *day, struct id *found)
{
	size_t at = 0;
	return access_overdue(access_now, day, &at, found);
}

static void test_overdue(void)
{
	Records__Appointment m = RECORDS__APPOINTMENT__INIT;
	struct id record = {{100, 1}}, found;

	fresh();
	m.to = (char *)"2020-01-31";
	stands(TYPE_APPOINTMENT, &record, LIVE, &m.base);
	ok(!overdue("2020-01-31", &found), "a last day is not past on that day");
	ok(overdue("2020-02-01", &found) && id_equal(&found, &record),
	   "but on the next");
	m.has_ended = m.ended = 1;
	stands(TYPE_APPOINTMENT, &record, LIVE, &m.base);
	ok(!overdue("2020-02-01", &found), "and no more once it has ended");
}

static void test_readable(void)
{
	struct id *ids;
	uint64_t before;

	fresh();
	before = access_generation(access_now);
	stand_space(OPEN, LIVE);
	stand_appointment(1, RECORDS__ROLE__ADMINISTRATOR, NULL, false, LIVE);
	ok(access_generation(access_now) == before + 2,
	   "each record that matters begins a new generation");
	ok(access_readable(access_now, &person, &ids) == 1 && id_equal(&ids[0], &space),
	   "what may be read is listed");
	free(ids);
	ok(access_is_administrator(access_now, &person), "an administrator is known");
	ok(access_kind(access_now, &space) == RECORDS__SPACE_KIND__GROUP, "so is a space's kind");
}

int main(void)
{
	directory = id_directory(&area);
	arena_init(&arena, ARENA_NO_BUDGET);
	test_lists();
	test_ends();
	test_groups();
	test_devices();
	test_overdue();
	test_readable();
	access_free(&access_now);
	arena_fini(&arena);
	return tap_end();
}
