/*
 * Founding: the first entries of an area, all by the server's own device, in one transaction. The
 * partnership, its first school, and the person who administers it; the three spaces that every
 * area has; the server's device.
 */
#include "common/log.h"
#include "common/os.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/own.h"
#include "server/turn.h"

#include <string.h>

struct founding {
	struct area *area;
	const struct area_founding *said;
	struct id person, school;
};

/* A message's text fields are not const, though nobody writes to them. */
static char *text(const char *s)
{
	return (char *)s;
}

static Records__Role workers[] = {
	RECORDS__ROLE__HEADTEACHER,
	RECORDS__ROLE__CHAIR_OF_GOVERNORS,
	RECORDS__ROLE__CLERK,
	RECORDS__ROLE__BUSINESS_MANAGER,
	RECORDS__ROLE__SENDCO,
	RECORDS__ROLE__SUBJECT_LEAD,
	RECORDS__ROLE__STAFF,
	RECORDS__ROLE__ADMINISTRATOR,
	RECORDS__ROLE__PARTNERSHIP_LEAD,
};
static Records__Role administrators[] = {RECORDS__ROLE__ADMINISTRATOR};

static int found_space(struct own *o, const struct id *id, Records__SpaceKind kind)
{
	Records__Space m = RECORDS__SPACE__INIT;
	bool shared = kind == RECORDS__SPACE_KIND__PARTNERSHIP;

	m.has_kind = 1;
	m.kind = kind;
	m.name = text(kind == RECORDS__SPACE_KIND__DIRECTORY ? "Directory"
		      : shared				     ? "Partnership"
							     : "Administration");
	m.short_id = text(kind == RECORDS__SPACE_KIND__DIRECTORY ? "directory"
			  : shared				 ? "partnership"
								 : "admin");
	m.has_open = m.open = kind != RECORDS__SPACE_KIND__ADMIN;
	m.writer_roles = shared ? workers : administrators;
	m.n_writer_roles = shared ? sizeof(workers) / sizeof(*workers) : 1;
	return own_create(o, TYPE_SPACE, id, &m.base);
}

static int found_appointment(struct own *o, const struct founding *f, Records__Role role)
{
	struct id id = id_make(f->area->options.env);
	Records__Appointment m = RECORDS__APPOINTMENT__INIT;

	m.has_person = m.has_school = m.has_role = 1;
	m.person = PB_ID(&f->person);
	m.school = PB_ID(&f->school);
	m.role = role;
	return own_create(o, TYPE_APPOINTMENT, &id, &m.base);
}

static int found_people(struct own *o, const struct founding *f)
{
	Records__Partnership partnership = RECORDS__PARTNERSHIP__INIT;
	Records__School school = RECORDS__SCHOOL__INIT;
	Records__Person person = RECORDS__PERSON__INIT;
	struct id id = id_make(f->area->options.env);

	partnership.name = text(f->said->name);
	partnership.zone = text("Europe/London");
	partnership.has_lead_school = 1;
	partnership.lead_school = PB_ID(&f->school);
	school.name = text(f->said->school);
	school.has_membership = 1;
	school.membership = RECORDS__MEMBERSHIP__MEMBER;
	person.name = text(f->said->admin);
	person.has_standing = 1;
	person.standing = RECORDS__STANDING__INVITED;
	int err = own_create(o, TYPE_PARTNERSHIP, &id, &partnership.base);
	if (err == 0)
		err = own_create(o, TYPE_SCHOOL, &f->school, &school.base);
	if (err == 0)
		err = own_create(o, TYPE_PERSON, &f->person, &person.base);
	if (err == 0)
		err = found_appointment(o, f, RECORDS__ROLE__ADMINISTRATOR);
	if (err == 0)
		err = found_appointment(o, f, RECORDS__ROLE__HEADTEACHER);
	return err;
}

static int found_device(struct own *o, const struct founding *f)
{
	Records__Device m = RECORDS__DEVICE__INIT;

	m.label = text("server");
	m.has_public_key = 1;
	m.public_key = PB_BYTES(f->said->server_key);
	return own_create(o, TYPE_DEVICE, &f->area->server_device, &m.base);
}

static int found_directory(const struct founding *f)
{
	struct id partnership = id_partnership(&f->area->id);
	struct own *o = own_new(f->area, &f->area->directory);
	int err = found_people(o, f);

	if (err == 0)
		err = found_space(o, &f->area->directory, RECORDS__SPACE_KIND__DIRECTORY);
	if (err == 0)
		err = found_space(o, &partnership, RECORDS__SPACE_KIND__PARTNERSHIP);
	if (err == 0)
		err = found_device(o, f);
	if (err == 0)
		return own_enter(&o);
	own_free(&o);
	return err;
}

static int found_admin(const struct founding *f)
{
	const struct id *admin = &f->area->admin;
	struct own *o = own_new(f->area, admin);
	int err = found_space(o, admin, RECORDS__SPACE_KIND__ADMIN);

	if (err == 0)
		return own_enter(&o);
	own_free(&o);
	return err;
}

static int found_check_name(const char *name, const char *what, struct cause *cause)
{
	Records__Person m = RECORDS__PERSON__INIT;
	struct cause why = {{0}};
	struct buf packed = {0};

	m.name = text(name);
	buf_add_message(&packed, &m.base);
	int err = schema_check(schema_type(TYPE_PERSON), buf_bytes(&packed), false, &why);
	buf_fini(&packed);
	if (err < 0)
		return cause_set(cause, ERR_INVALID, "%s: %s", what, why.words);
	return name[0] ? 0 : cause_set(cause, ERR_INVALID, "%s must not be empty", what);
}

int area_check_names(const char *name, const char *school, const char *admin, struct cause *cause)
{
	int err = found_check_name(name, "--name", cause);

	if (err == 0)
		err = found_check_name(school, "--school", cause);
	return err == 0 ? found_check_name(admin, "--admin", cause) : err;
}

static int found_spaces(struct area *a)
{
	const struct id ids[] = {a->directory, id_partnership(&a->id), a->admin};
	struct space *made;
	int err = 0;

	for (size_t i = 0; err == 0 && i < 3; i++)
		err = journal_space_make(a->journal, &ids[i], &made);
	return err;
}

static int found_all(struct founding *f, struct cause *cause)
{
	struct area *a = f->area;
	int err = area_open_db(a, cause);

	if (err < 0)
		return err;
	area_set_id(a, &f->said->area);
	if ((err = area_load(a, cause)) < 0)
		return err;
	if (journal_space(a->journal, &a->directory))
		return cause_set(cause, ERR_EXISTS, "there is an area in %s already", a->dir);
	if ((err = found_spaces(a)) == 0 &&
	    (err = journal_setting_set(a->db, "area", ID_BYTES(&a->id))) == 0 &&
	    (err = found_directory(f)) == 0 && (err = found_admin(f)) == 0)
		err = journal_commit(a->journal);
	if (err < 0)
		return cause_set(cause, err, "the area can't be made in %s: %s", a->dir,
				 err_words(err));
	return 0;
}

int area_found(const struct area_options *o, const struct area_founding *said, struct id *person,
	       struct id *school, struct cause *cause)
{
	struct founding f = {.area = area_new(o), .said = said};

	f.person = id_make(o->env);
	f.school = id_make(o->env);
	int err = found_all(&f, cause);
	area_close(&f.area);
	*person = f.person;
	*school = f.school;
	return err;
}
