/*
 * The ground that reconcile() stands on: what it asks about a space, answered from the journal. A
 * record is read once for a change; what a refusal or a Conflict needs beyond that (who leads the
 * group, who made an entry) is looked up in the directory only then.
 */
#include "server/journal_inside.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

#include <stdio.h>
#include <string.h>

/* ---- Records -------------------------------------------------------------------------------- */

/* A record as it stood before the change, kept so that it is read only once. */
struct stand {
	struct id id;
	uint32_t type;
	uint64_t number;
	struct bytes packed;
};

static int stand_read(struct entering *e, const struct id *id, struct stand *out)
{
	const struct known_record *known = cache_record(e->j, e->space, id);

	*out = (struct stand){.id = *id};
	if (known) {
		out->type = known->type;
		out->number = known->number;
		out->packed = arena_copy(e->arena, buf_bytes(&known->fields));
		return 0;
	}
	struct db_stmt *st = db_query(
		e->j->db, "SELECT type, number, fields FROM record WHERE space = $1 AND id = $2",
		"ud", e->space->local, id);
	int got = db_step(st);
	if (got <= 0)
		return got;
	out->type = (uint32_t)db_int(st, 0);
	out->number = (uint64_t)db_int(st, 1);
	out->packed = arena_copy(e->arena, db_bytes(st, 2));
	db_reset(st);
	cache_note_record(e->j, e->space, id, out->type, out->number, out->packed);
	return 0;
}

/* Where a record is noted in e->slots, or the free slot where it belongs. */
static uint32_t *stand_slot(struct entering *e, const struct id *id)
{
	size_t at = 0, n = 2 * e->cap;

	for (size_t i = 0; i < sizeof(id->b); i++)
		at = at * 31 + id->b[i];
	while (e->slots[at % n] && !id_equal(&e->stands[e->slots[at % n] - 1].id, id))
		at++;
	return &e->slots[at % n];
}

/* Room for one more; half of the slots stay free. */
static void stands_grow(struct entering *e)
{
	struct stand *old = e->stands;

	if (e->n_stands < e->cap)
		return;
	e->cap = 2 * e->cap + 4;
	e->stands = arena_alloc(e->arena, e->cap * sizeof(*e->stands));
	e->slots = arena_alloc(e->arena, 2 * e->cap * sizeof(*e->slots));
	for (size_t i = 0; i < e->n_stands; i++) {
		e->stands[i] = old[i];
		*stand_slot(e, &old[i].id) = (uint32_t)i + 1;
	}
}

/* Find what stands of a record, reading it once. */
static int stand_find(struct entering *e, const struct id *id, struct stand **out)
{
	stands_grow(e);
	uint32_t *slot = stand_slot(e, id);
	if (*slot) {
		*out = &e->stands[*slot - 1];
		return 0;
	}
	*out = &e->stands[e->n_stands];
	int err = stand_read(e, id, *out);
	if (err == 0)
		*slot = (uint32_t)++e->n_stands;
	return err;
}

int ground_record(void *arg, const struct id *id, uint32_t type, struct record *out)
{
	struct entering *e = arg;
	struct stand *stand;
	int err = stand_find(e, id, &stand);

	if (err < 0)
		return err;
	record_init(out, e->arena, id, stand->type ? stand->type : type);
	out->number = stand->number;
	return record_unpack(out, stand->packed);
}

/* ---- Entries, and open conflicts ------------------------------------------------------------ */

static int ground_past(void *arg, uint64_t number, const struct id *record, struct past *out)
{
	struct entering *e = arg;
	const struct read_entry *read;
	int err = cache_entry(e->j, e->space, number, &read);

	if (err < 0)
		return err;
	for (size_t i = 0; i < read->n_touches; i++) {
		if (!id_equal(&read->touches[i].record, record))
			continue;
		*out = read->touches[i].past;
		return 0;
	}
	return ERR_MISSING;
}

static int ground_number_of(void *arg, const struct id *change, uint64_t *number)
{
	struct entering *e = arg;
	uint64_t key;

	if (cache_place(e->j, change, &key)) {
		*number = key >> NUMBER_BITS == e->space->local ? key & NUMBER_MAX : 0;
		return 0;
	}
	int err = journal_number_of(e->j, e->space, change, number);
	if (err == 0 && *number)
		cache_note_place(e->j, change, entry_key(e->space, *number));
	return err;
}

static int conflict_look(struct entering *e, const struct id *record, uint32_t group,
			 struct id *conflict)
{
	static const char sql[] =
		"SELECT id FROM conflict WHERE space = $1 AND record = $2 AND part = $3";
	struct db_stmt *st =
		db_query(e->j->db, sql, "udu", e->space->local, record, (uint64_t)group);
	int got = db_step(st);

	*conflict = (struct id){{0}};
	if (got <= 0)
		return got;
	bool whole = db_id(st, 0, conflict);
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

static int ground_open_conflict(void *arg, const struct id *record, uint32_t group,
				struct id *conflict)
{
	struct entering *e = arg;

	*conflict = (struct id){{0}};
	if (e->space->open_conflicts == 0)
		return 0;
	if (cache_conflict(e->j, e->space, record, group, conflict))
		return 0;
	int err = conflict_look(e, record, group, conflict);
	if (err == 0)
		cache_note_conflict(e->j, e->space, record, group, conflict);
	return err;
}

/* ---- Who ------------------------------------------------------------------------------------ */

/* A record of the directory, whose type it must be, as its message; NULL: there is none. */
static int directory_message(struct entering *e, const struct id *id, uint32_t type, void **out)
{
	const struct id directory = id_directory(&e->j->area);
	const struct space *s = journal_space(e->j, &directory);
	struct record r;

	*out = NULL;
	if (!s)
		return 0;
	int err = journal_record(e->j, s, id, e->arena, &r);
	if (err == 0 && r.type == type && record_existence(&r) == LIVE)
		*out = record_message(&r, schema_type(type)->message, e->arena);
	return err;
}

static struct id id_or_zero(protobuf_c_boolean has, ProtobufCBinaryData b)
{
	struct id id = {{0}};
	if (has)
		(void)id_from(&id, BYTES_OF(b));
	return id;
}

static int person_of(struct entering *e, const struct id *device, struct id *person)
{
	void *d = NULL;
	int err = directory_message(e, device, TYPE_DEVICE, &d);
	const Records__Device *m = d;

	*person = m ? id_or_zero(m->has_person, m->person) : (struct id){{0}};
	return err;
}

static int ground_author(void *arg, struct id *person)
{
	struct entering *e = arg;
	return person_of(e, e->device, person);
}

static int ground_whose(void *arg, uint64_t number, char *name, size_t size)
{
	struct entering *e = arg;
	const struct read_entry *read;
	struct id person;
	void *p = NULL;
	int err = cache_entry(e->j, e->space, number, &read);

	if (err == 0)
		err = person_of(e, &read->device, &person);
	if (err == 0)
		err = directory_message(e, &person, TYPE_PERSON, &p);
	const Records__Person *m = p;
	const char *whole = m && m->name ? m->name : "";
	size_t n = strlen(whole);
	if (n >= size) /* whole characters: the words that quote it are UTF-8 */
		for (n = size - 1; n > 0 && ((unsigned char)whole[n] & 0xc0) == 0x80;)
			n--;
	snprintf(name, size, "%.*s", (int)n, whole);
	return err;
}

/* The first of these that is no school: a person or a group. */
static int first_who(struct entering *e, size_t n, const ProtobufCBinaryData *ids, struct id *out)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < n && id_is_zero(out); i++) {
		struct id id = id_or_zero(1, ids[i]);
		void *school = NULL;
		err = directory_message(e, &id, TYPE_SCHOOL, &school);
		if (!school)
			*out = id;
	}
	return err;
}

/* A group's chair, or where it has none the group. */
static int group_chair(struct entering *e, const struct id *group, struct id *out)
{
	void *g = NULL;
	int err = id_is_zero(group) ? 0 : directory_message(e, group, TYPE_GROUP, &g);
	const Records__Group *m = g;
	struct id chair = m ? id_or_zero(m->has_chair, m->chair) : (struct id){{0}};

	if (m)
		*out = id_is_zero(&chair) ? *group : chair;
	return err;
}

/* The group that a meeting is of; `r` is the Event, or names it in its first field. */
static int meeting_group(struct entering *e, const struct record *r, struct id *group)
{
	enum { EVENT = 1 };
	struct record event = *r;
	struct id id;
	int err = 0;

	if (r->type != TYPE_EVENT) {
		if (!id_from(&id, value_bytes(record_get(r, EVENT))))
			return 0;
		err = ground_record(e, &id, TYPE_EVENT, &event);
	}
	const Records__Event *m =
		err == 0 && event.type == TYPE_EVENT
			? record_message(&event, &records__event__descriptor, e->arena)
			: NULL;
	if (m && m->n_groups)
		*group = id_or_zero(1, m->groups[0]);
	return err;
}

/* The group that a record is of by what it says itself, or by its space. */
static int record_group(struct entering *e, const struct record *r, struct id *group)
{
	void *space = NULL;
	int err = 0;

	if (r->type == TYPE_DOCUMENT) {
		const Records__Document *m =
			record_message(r, &records__document__descriptor, e->arena);
		*group = m ? id_or_zero(m->has_group, m->group) : *group;
	} else if (r->type == TYPE_EVENT || r->type == TYPE_AGENDA_ITEM ||
		   r->type == TYPE_MINUTES || r->type == TYPE_ATTENDANCE) {
		err = meeting_group(e, r, group);
	}
	if (err == 0 && id_is_zero(group)) {
		err = directory_message(e, &e->space->id, TYPE_SPACE, &space);
		const Records__Space *m = space;
		*group = m ? id_or_zero(m->has_group, m->group) : *group;
	}
	return err;
}

/* Who is asked first to settle: whoever leads or does the action; else the group's chair. */
static int ground_owner(void *arg, const struct record *record, struct id *owner)
{
	struct entering *e = arg;
	struct id group = {{0}};
	int err = 0;

	*owner = (struct id){{0}};
	if (record->type == TYPE_ACTION) {
		const Records__Action *a =
			record_message(record, &records__action__descriptor, e->arena);
		if (a)
			err = first_who(e, a->n_lead, a->lead, owner);
		if (a && err == 0)
			err = first_who(e, a->n_responsible, a->responsible, owner);
	}
	if (err == 0 && id_is_zero(owner))
		err = record_group(e, record, &group);
	if (err == 0 && id_is_zero(owner))
		err = group_chair(e, &group, owner);
	return err;
}

/* ---- What is held fast, and what was taken back --------------------------------------------- */

static int ground_frozen(void *arg, const struct id *record, struct id *minutes)
{
	static const char sql[] = "SELECT minutes FROM frozen WHERE space = $1 AND item = $2"
				  " ORDER BY minutes LIMIT 1";
	struct entering *e = arg;
	struct db_stmt *st = db_query(e->j->db, sql, "ud", e->space->local, record);
	int got = db_step(st);

	*minutes = (struct id){{0}};
	if (got <= 0)
		return got;
	bool whole = db_id(st, 0, minutes);
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

static int ground_on_line(void *arg, uint64_t epoch, uint64_t number, uint64_t *out)
{
	struct entering *e = arg;
	return journal_on_line(e->j, e->space, epoch, number, out);
}

static uint64_t ground_digest(void *arg, struct bytes value)
{
	struct entering *e = arg;
	return cache_digest(e->j, value);
}

struct ground ground_of(struct entering *e)
{
	return (struct ground){
		.arg = e,
		.area = &e->j->area,
		.record = ground_record,
		.past = ground_past,
		.number_of = ground_number_of,
		.open_conflict = ground_open_conflict,
		.owner = ground_owner,
		.on_line = ground_on_line,
		.frozen = ground_frozen,
		.author = ground_author,
		.digest = ground_digest,
		.whose = ground_whose,
	};
}
