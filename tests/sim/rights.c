/* Each question goes through all records of the directory: slow, and hard to get wrong. */
#include "tests/sim/rights.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

static bool is_live(const struct record *r)
{
	return r && record_existence(r) == LIVE;
}

static struct id id_in(const struct record *r, uint32_t field)
{
	struct id id = {{0}};
	id_from(&id, value_bytes(record_get(r, field)));
	return id;
}

static bool set_has_id(const struct record *r, uint32_t field, const struct id *id)
{
	struct bytes rest = record_get(r, field);
	struct field f;
	while (!id_is_zero(id) && field_next(&rest, &f) > 0)
		if (bytes_equal(f.payload, ID_BYTES(id)))
			return true;
	return false;
}

static bool set_has_number(const struct record *r, uint32_t field, uint64_t n)
{
	struct bytes rest = record_get(r, field);
	struct field f;
	while (field_next(&rest, &f) > 0)
		if (f.value == n)
			return true;
	return false;
}

static const struct record *in_directory(const struct book *b, const struct id *id)
{
	struct id directory = id_directory(&b->area);
	return book_record(b, &directory, id);
}

static bool person_acts(const struct book *b, const struct id *person)
{
	const struct record *r = in_directory(b, person);
	uint64_t standing = is_live(r) ? value_number(record_get(r, 5)) : RECORDS__STANDING__GONE;
	return standing != RECORDS__STANDING__SUSPENDED && standing != RECORDS__STANDING__GONE;
}

bool rights_person(const struct book *b, const struct id *device, struct id *person)
{
	const struct record *r = in_directory(b, device);
	if (!is_live(r) || r->type != TYPE_DEVICE || value_number(record_get(r, 5)) == 1)
		return false;
	*person = id_in(r, 1);
	return person_acts(b, person);
}

/* The Space record that says who reads a space. */
static const struct record *space_record(const struct book *b, const struct id *space)
{
	const struct record *own = book_record(b, space, space);
	return own ? own : in_directory(b, space);
}

static bool leads_group_of(const struct book *b, const struct id *person,
			   const struct record *space, uint32_t groups)
{
	struct bytes rest = record_get(space, groups);
	struct field f;
	while (field_next(&rest, &f) > 0) {
		struct id group, chair, clerk;
		const struct record *r =
		    id_from(&group, f.payload) ? in_directory(b, &group) : NULL;
		if (!is_live(r))
			continue;
		chair = id_in(r, 6);
		clerk = id_in(r, 7);
		if (id_equal(&chair, person) || id_equal(&clerk, person))
			return true;
	}
	return false;
}

static bool gone(const struct book *b, const struct id *unit)
{
	const struct record *r = in_directory(b, unit);
	return r && !is_live(r);
}

/* Does one appointment open the lists that begin with field `groups`: groups, schools, persons,
 * roles? */
static bool appointment_opens(const struct book *b, const struct record *appointment,
			      const struct record *space, uint32_t groups)
{
	struct id school = id_in(appointment, 3), group = id_in(appointment, 4);
	return set_has_number(space, groups + 3, value_number(record_get(appointment, 2))) ||
	       (set_has_id(space, groups, &group) && !gone(b, &group)) ||
	       (set_has_id(space, groups + 1, &school) && !gone(b, &school));
}

enum right rights_of_person(const struct book *b, const struct id *person, const struct id *space)
{
	enum { READERS = 6, WRITERS = 10 };
	const struct record *rule = space_record(b, space);
	struct id directory = id_directory(&b->area);
	enum right right = RIGHT_NONE;

	if (!is_live(rule) || !person_acts(b, person))
		return RIGHT_NONE;
	if (set_has_id(rule, WRITERS + 2, person) || leads_group_of(b, person, rule, WRITERS))
		return RIGHT_WRITE;
	if (set_has_id(rule, READERS + 2, person) || leads_group_of(b, person, rule, READERS))
		right = RIGHT_READ;
	for (size_t i = 0; i < b->n_records; i++) {
		const struct record *r = &b->records[i]->record;
		if (r->type != TYPE_APPOINTMENT || !id_equal(&b->records[i]->space, &directory) ||
		    !is_live(r) || value_number(record_get(r, 7)) == 1)
			continue;
		struct id whose = id_in(r, 1);
		if (!id_equal(&whose, person))
			continue;
		if (appointment_opens(b, r, rule, WRITERS))
			return RIGHT_WRITE;
		if (appointment_opens(b, r, rule, READERS) ||
		    value_number(record_get(rule, 5)) == 1)
			right = RIGHT_READ;
	}
	return right;
}

enum right rights_of(const struct book *b, const struct id *device, const struct id *space)
{
	struct id person;
	return rights_person(b, device, &person) ? rights_of_person(b, &person, space) : RIGHT_NONE;
}
