/*
 * Joining: invitations, and what a device that redeems one makes stand: its Device record, its
 * person active, and the person's own space. An invitation is no record; it is gone when it is
 * used.
 */
#include "common/log.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/own.h"
#include "server/turn.h"

#include <string.h>

enum { INVITATION_TRIES = 5, VERIFIER_LEN = 32, INVITATION_HOURS = 72, LABEL_MAX = 100 };

/* ---- Invitations ---------------------------------------------------------------------------- */

int area_invite(struct area *a, const struct id *person, const struct id *school,
		const uint8_t invitation[16], const uint8_t verifier[32], uint64_t *expires_ms)
{
	uint64_t now = env_now_ms(a->options.env);

	*expires_ms = now + INVITATION_HOURS * 3600 * UINT64_C(1000);
	if (!access_is_person(a->access, person))
		return ERR_MISSING;
	int err = journal_begin(a->journal);
	if (err == 0)
		err = db_run(a->db, "DELETE FROM invitation WHERE expires_ms < $1", "u", now);
	if (err == 0)
		err = db_run(a->db,
			     "INSERT INTO invitation"
			     " (id, verifier, person, school, expires_ms, failures)"
			     " VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (id) DO NOTHING",
			     "bbddu", BYTES(invitation, 16), BYTES(verifier, VERIFIER_LEN), person,
			     school, *expires_ms);
	return err < 0 ? turn_failed(a, err) : 0;
}

int area_invitation(struct area *a, const uint8_t invitation[16], uint8_t verifier[32],
		    struct id *person, struct id *school)
{
	static const char sql[] = "SELECT verifier, person, school FROM invitation"
				  " WHERE id = $1 AND expires_ms >= $2 AND failures < $3";
	struct db_stmt *st = db_query(a->db, sql, "bui", BYTES(invitation, 16),
				      env_now_ms(a->options.env), (int64_t)INVITATION_TRIES);
	int got = db_step(st);

	if (got <= 0)
		return got < 0 ? got : ERR_MISSING;
	struct bytes stored = db_bytes(st, 0);
	bool whole = stored.len == VERIFIER_LEN && db_id(st, 1, person) && db_id(st, 2, school);
	if (whole)
		memcpy(verifier, stored.data, VERIFIER_LEN);
	db_reset(st);
	if (!whole)
		return ERR_CORRUPT;
	return access_is_person(a->access, person) ? 0 : ERR_MISSING;
}

void area_invitation_failed(struct area *a, const uint8_t invitation[16])
{
	int err = a->full ? ERR_FULL : journal_begin(a->journal);

	if (err == 0)
		err = db_run(a->db, "UPDATE invitation SET failures = failures + 1 WHERE id = $1",
			     "b", BYTES(invitation, 16));
	if (err < 0)
		turn_failed(a, err);
}

/* ---- Finding a person ----------------------------------------------------------------------- */

struct finding {
	const char *name;
	struct id person, school;
	size_t n; /* persons of that name */
	struct arena arena;
};

static int find_person(void *arg, const struct record *r)
{
	struct finding *f = arg;

	if (r->type != TYPE_PERSON || record_existence(r) != LIVE)
		return 0;
	const Records__Person *p = record_message(r, &records__person__descriptor, &f->arena);
	if (p && p->name && strcmp(p->name, f->name) == 0) {
		f->person = r->id;
		f->n++;
	}
	arena_reset(&f->arena);
	return 0;
}

static int find_school(void *arg, const struct record *r)
{
	struct finding *f = arg;

	if (r->type != TYPE_APPOINTMENT || record_existence(r) != LIVE || !id_is_zero(&f->school))
		return 0;
	const Records__Appointment *m =
		record_message(r, &records__appointment__descriptor, &f->arena);
	if (m && m->has_school && !m->ended &&
	    bytes_equal(BYTES_OF(m->person), ID_BYTES(&f->person)))
		(void)id_from(&f->school, BYTES_OF(m->school));
	arena_reset(&f->arena);
	return 0;
}

int area_find_person(struct area *a, const char *name, struct id *person, struct id *school,
		     struct cause *cause)
{
	const struct space *directory = journal_space(a->journal, &a->directory);
	struct finding f = {.name = name};

	arena_init(&f.arena, ARENA_NO_BUDGET);
	int err = journal_each_record(a->journal, directory, find_person, &f);
	if (err == 0 && f.n == 1)
		err = journal_each_record(a->journal, directory, find_school, &f);
	arena_fini(&f.arena);
	*person = f.person;
	*school = f.school;
	if (err < 0)
		return cause_set(cause, err, "the directory can't be read: %s", err_words(err));
	if (f.n == 0)
		return cause_set(cause, ERR_MISSING, "nobody in the directory is called \"%s\"",
				 name);
	if (f.n > 1)
		return cause_set(cause, ERR_AMBIGUOUS,
				 "%zu people in the directory are called \"%s\"", f.n, name);
	return 0;
}

/* ---- The device that joins ------------------------------------------------------------------ */

struct joining {
	struct area *area;
	struct id person, school, device;
	struct bytes public_key;
	const char *label;
};

static int join_device(struct own *o, const struct joining *j)
{
	Records__Device m = RECORDS__DEVICE__INIT;

	m.has_person = m.has_school = m.has_public_key = 1;
	m.person = PB_ID(&j->person);
	m.school = PB_ID(&j->school);
	m.public_key = PB_BYTES(j->public_key);
	m.label = (char *)j->label;
	return own_create(o, TYPE_DEVICE, &j->device, &m.base);
}

static int join_directory(const struct joining *j)
{
	Records__Person active = RECORDS__PERSON__INIT;
	struct own *o = own_new(j->area, &j->area->directory);
	int err = join_device(o, j);

	active.has_standing = 1;
	active.standing = RECORDS__STANDING__ACTIVE;
	if (err == 0)
		err = own_set(o, TYPE_PERSON, &j->person, &active.base);
	if (err == 0)
		return own_enter(&o);
	own_free(&o);
	return err;
}

/* The person's own space, at their first device. */
static int join_personal(const struct joining *j)
{
	Records__Space m = RECORDS__SPACE__INIT;
	ProtobufCBinaryData person = PB_ID(&j->person);
	struct id id = id_personal(&j->area->id, &j->person);
	struct space *space;
	struct record stands = {0};
	int err = journal_space_make(j->area->journal, &id, &space);

	if (err == 0)
		err = journal_record(j->area->journal, space, &id, &j->area->change, &stands);
	bool there = stands.n_values > 0;
	arena_reset(&j->area->change);
	if (err < 0 || there)
		return err;
	m.name = (char *)"Personal";
	m.short_id = (char *)"personal";
	m.has_kind = 1;
	m.kind = RECORDS__SPACE_KIND__PERSONAL;
	m.writer_persons = &person;
	m.n_writer_persons = 1;
	struct own *o = own_new(j->area, &id);
	if ((err = own_create(o, TYPE_SPACE, &id, &m.base)) == 0)
		return own_enter(&o);
	own_free(&o);
	return err;
}

/* A label is for people: what is too long, or no text, is left out. */
static bool join_label_is_good(const char *label)
{
	Records__Device m = RECORDS__DEVICE__INIT;
	struct buf packed = {0};

	if (!label || strlen(label) > LABEL_MAX)
		return false;
	m.label = (char *)label;
	buf_add_message(&packed, &m.base);
	bool good = schema_check(schema_type(TYPE_DEVICE), buf_bytes(&packed), false, NULL) == 0;
	buf_fini(&packed);
	return good;
}

/* The server was set back, and does not know yet all that it wrote in these spaces. */
static bool join_must_wait(const struct area *a, const struct id *person)
{
	const struct id own = id_personal(&a->id, person);
	const struct space *directory = journal_space(a->journal, &a->directory),
			   *personal = journal_space(a->journal, &own);

	return a->recovery.on || directory->recovering || (personal && personal->recovering);
}

int area_enrol(struct area *a, const uint8_t invitation[16], struct bytes public_key,
	       const char *label, struct id *device)
{
	struct joining j = {.area = a, .public_key = public_key};
	char text[ID_TEXT], other[ID_TEXT];
	uint8_t verifier[VERIFIER_LEN];

	if (a->full)
		return ERR_FULL;
	int err = area_invitation(a, invitation, verifier, &j.person, &j.school);
	if (err < 0)
		return err;
	if (join_must_wait(a, &j.person))
		return ERR_AGAIN;
	j.device = *device = id_make(a->options.env);
	j.label = join_label_is_good(label) ? label : NULL;
	err = join_directory(&j);
	if (err == ERR_INVALID)
		return err; /* nothing was written, and the invitation stays open */
	if (err == 0)
		err = join_personal(&j);
	if (err == 0 || err == ERR_INVALID)
		err = db_run(a->db, "DELETE FROM invitation WHERE id = $1", "b",
			     BYTES(invitation, 16));
	if (err == 0)
		log_info("join.device", "device=%s person=%s", id_format(device, text),
			 id_format(&j.person, other));
	return err < 0 ? turn_failed(a, err) : 0;
}

int area_renew(struct area *a, const struct id *device, struct bytes request,
	       struct buf *certificate, struct cause *cause)
{
	struct record r;
	const Records__Device *d;

	if (!a->options.renew)
		return cause_set(cause, ERR_INVALID, "this server does not renew certificates");
	int err = journal_record(a->journal, journal_space(a->journal, &a->directory), device,
				 &a->change, &r);
	d = err == 0 ? record_message(&r, &records__device__descriptor, &a->change) : NULL;
	if (d && d->has_public_key)
		err = a->options.renew(a->options.renew_arg, request, device,
				       BYTES_OF(d->public_key), certificate, cause);
	else
		err = cause_set(cause, ERR_INVALID, "this device has no key");
	arena_reset(&a->change);
	return err;
}
