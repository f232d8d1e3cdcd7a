/*
 * Tables that follow from records: open conflicts, the contents that Versions name, the items that
 * approved Minutes hold fast. They are kept in step as records are stored, could be made again from
 * the records, and fsck compares them.
 */
#include "server/journal_inside.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

/* Fields of records.proto. */
enum { MINUTES_STATE = 3, MINUTES_ITEMS = 4, VERSION_BYTES = 4, VERSION_CONTENT = 5 };

/* ---- Open conflicts ------------------------------------------------------------------------- */

static bool conflict_is_open(const struct record *r)
{
	return record_existence(r) == LIVE &&
	       value_number(record_get(r, CONFLICT_STATE)) == CONFLICT_OPEN;
}

static int index_conflict(struct journal *j, struct space *s, const struct record *before,
			  const struct record *r)
{
	uint64_t part = value_number(record_get(r, CONFLICT_GROUP));
	bool was_open = conflict_is_open(before);
	const struct id none = {{0}};
	struct id record;

	if (!id_from(&record, value_bytes(record_get(r, CONFLICT_RECORD))))
		return ERR_CORRUPT;
	if (conflict_is_open(r) == was_open)
		return 0;
	s->open_conflicts += was_open ? (uint64_t)-1 : 1;
	cache_note_conflict(j, s, &record, (uint32_t)part, was_open ? &none : &r->id);
	if (was_open)
		return db_run(j->db,
			      "DELETE FROM conflict WHERE space = $1 AND record = $2 AND part = $3",
			      "udu", s->local, &record, part);
	return db_run(j->db,
		      "INSERT INTO conflict (space, record, part, id) VALUES ($1, $2, $3, $4)",
		      "udud", s->local, &record, part, &r->id);
}

/* ---- What Versions name --------------------------------------------------------------------- */

static struct bytes version_root(const Records__Version *v)
{
	return v->has_chunks ? BYTES_OF(v->chunks) : BYTES_OF(v->content);
}

/* One that was released names nothing any more: nobody may have the content by it, and if it was
 * asked for on its account alone, it is not now. */
static int index_released(struct journal *j, const struct space *s, const struct record *r,
			  struct bytes root)
{
	int err = db_run(j->db,
			 "DELETE FROM named WHERE root = $1 AND space = $2 AND version = $3", "bud",
			 root, s->local, &r->id);

	return err < 0 ? err
		       : db_run(j->db,
				"DELETE FROM lacking WHERE content = $1 AND NOT EXISTS"
				" (SELECT 1 FROM named WHERE root = $2)",
				"bb", root, root);
}

static int index_version(struct journal *j, const struct space *s, const struct record *r,
			 struct arena *arena)
{
	const Records__Version *v = record_message(r, &records__version__descriptor, arena);

	if (!v || !v->has_content)
		return 0;
	if (v->released)
		return index_released(j, s, r, version_root(v));
	return db_run(j->db,
		      "INSERT INTO named (root, space, version) VALUES ($1, $2, $3)"
		      " ON CONFLICT (root, space, version) DO NOTHING",
		      "bud", version_root(v), s->local, &r->id);
}

/* The device behind the entry that made a record, and the size that it gives. */
static int version_row(struct journal *j, uint64_t local, struct bytes fields,
		       int (*row)(void *arg, const struct id *device, uint64_t bytes), void *arg)
{
	static const struct id none;
	struct header header;
	struct arena arena;
	struct record r;
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	record_init(&r, &arena, &none, TYPE_VERSION);
	err = record_unpack(&r, fields);
	const struct value *content = err < 0 ? NULL : record_find(&r, VERSION_CONTENT);
	if (content) {
		struct db_stmt *st =
			db_query(j->db, "SELECT header FROM entry WHERE key = $1", "u",
				 local << NUMBER_BITS | content->number);
		err = db_step(st);
		bool whole = err > 0 && header_read(&header, db_bytes(st, 0), &arena) >= 0;
		if (err > 0)
			db_reset(st);
		err = whole ? row(arg, &header.device, value_number(record_get(&r, VERSION_BYTES)))
			    : err;
	}
	arena_fini(&arena);
	return err < 0 ? err : 0;
}

int journal_each_version(struct journal *j,
			 int (*row)(void *arg, const struct id *device, uint64_t bytes), void *arg)
{
	struct db_stmt *st = db_query(j->db,
				      "SELECT n.space, r.fields FROM named n JOIN record r"
				      " ON r.space = n.space AND r.id = n.version",
				      "");
	int got;

	while ((got = db_step(st)) > 0) {
		got = version_row(j, (uint64_t)db_int(st, 0), db_bytes(st, 1), row, arg);
		if (got < 0) {
			db_reset(st);
			break;
		}
	}
	return got;
}

int journal_versions_of(struct journal *j, struct bytes root,
			int (*row)(void *arg, const struct space *s, const struct id *version),
			void *arg)
{
	struct db_stmt *st = db_query(
		j->db, "SELECT space, version FROM named WHERE root = $1 ORDER BY space, version",
		"b", root);
	int got;

	while ((got = db_step(st)) > 0) {
		const struct space *s = inside_space_local(j, (uint64_t)db_int(st, 0));
		struct id version;
		got = s && db_id(st, 1, &version) ? row(arg, s, &version) : ERR_CORRUPT;
		if (got < 0) {
			db_reset(st);
			break;
		}
	}
	return got;
}

/* ---- What approved Minutes hold fast -------------------------------------------------------- */

/* The items that Minutes hold: none before they are approved. */
static struct bytes held_items(const struct record *minutes)
{
	bool holds = record_existence(minutes) == LIVE &&
		     value_number(record_get(minutes, MINUTES_STATE)) >=
			     RECORDS__MINUTES_STATE__APPROVED;
	return holds ? record_get(minutes, MINUTES_ITEMS) : BYTES_NONE;
}

static int index_minutes(struct journal *j, const struct space *s, const struct record *before,
			 const struct record *r)
{
	struct bytes was = held_items(before), is = held_items(r), rest;
	struct field f;
	struct id item;
	int err = 0;

	if (bytes_equal(was, is))
		return 0;
	for (rest = was; err == 0 && field_next(&rest, &f) > 0;)
		if (id_from(&item, f.payload))
			err = db_run(j->db,
				     "DELETE FROM frozen"
				     " WHERE space = $1 AND item = $2 AND minutes = $3",
				     "udd", s->local, &item, &r->id);
	for (rest = is; err == 0 && field_next(&rest, &f) > 0;)
		if (id_from(&item, f.payload))
			err = db_run(j->db,
				     "INSERT INTO frozen (space, item, minutes)"
				     " VALUES ($1, $2, $3)"
				     " ON CONFLICT (space, item, minutes) DO NOTHING",
				     "udd", s->local, &item, &r->id);
	return err;
}

/* ---- All of them ---------------------------------------------------------------------------- */

bool index_wants(uint32_t type)
{
	return type == TYPE_CONFLICT || type == TYPE_VERSION || type == TYPE_MINUTES;
}

int index_record(struct journal *j, struct space *s, const struct record *before,
		 const struct record *after, struct arena *arena)
{
	switch (after->type) {
	case TYPE_CONFLICT:
		return index_conflict(j, s, before, after);
	case TYPE_VERSION:
		return index_version(j, s, after, arena);
	case TYPE_MINUTES:
		return index_minutes(j, s, before, after);
	default:
		return 0;
	}
}

/* ---- Do they fit? --------------------------------------------------------------------------- */

struct fitting {
	struct journal *j;
	const struct space *space;
	struct arena arena;
	uint64_t conflicts, named, frozen; /* rows that the records ask for */
	bool fit;
};

/* Is there such a row? */
static int fit_row(struct fitting *f, struct db_stmt *st)
{
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	f->fit &= got > 0;
	return got < 0 ? got : 0;
}

static int fit_conflict(struct fitting *f, const struct record *r)
{
	static const char sql[] = "SELECT 1 FROM conflict"
				  " WHERE space = $1 AND record = $2 AND part = $3 AND id = $4";
	struct id record;

	if (!conflict_is_open(r) || !id_from(&record, value_bytes(record_get(r, CONFLICT_RECORD))))
		return 0;
	f->conflicts++;
	return fit_row(f, db_query(f->j->db, sql, "udud", f->space->local, &record,
				   value_number(record_get(r, CONFLICT_GROUP)), &r->id));
}

static int fit_version(struct fitting *f, const struct record *r)
{
	static const char sql[] = "SELECT 1 FROM named"
				  " WHERE root = $1 AND space = $2 AND version = $3";
	const Records__Version *v = record_message(r, &records__version__descriptor, &f->arena);

	if (!v || !v->has_content || v->released)
		return 0;
	f->named++;
	return fit_row(f, db_query(f->j->db, sql, "bud", version_root(v), f->space->local, &r->id));
}

static int fit_minutes(struct fitting *f, const struct record *r)
{
	static const char sql[] = "SELECT 1 FROM frozen"
				  " WHERE space = $1 AND item = $2 AND minutes = $3";
	struct bytes rest = held_items(r), before = BYTES_NONE;
	struct field one;
	struct id item;
	int err = 0;

	for (const uint8_t *from = rest.data; err == 0 && field_next(&rest, &one) > 0;) {
		if (!id_from(&item, one.payload) || value_has_member(before, one.whole))
			continue;
		before = BYTES(from, (size_t)(rest.data - from));
		f->frozen++;
		err = fit_row(f, db_query(f->j->db, sql, "udd", f->space->local, &item, &r->id));
	}
	return err;
}

static int fit_record(void *arg, const struct record *r)
{
	struct fitting *f = arg;
	int err = r->type == TYPE_CONFLICT  ? fit_conflict(f, r)
		  : r->type == TYPE_VERSION ? fit_version(f, r)
		  : r->type == TYPE_MINUTES ? fit_minutes(f, r)
					    : 0;

	arena_reset(&f->arena);
	return err;
}

static int fit_count(struct fitting *f, const char *sql, uint64_t want)
{
	struct db_stmt *st = db_query(f->j->db, sql, "u", f->space->local);
	int got = db_step(st);

	if (got > 0) {
		f->fit &= (uint64_t)db_int(st, 0) == want;
		db_reset(st);
	}
	return got < 0 ? got : 0;
}

int journal_indexes_fit(struct journal *j, const struct space *s, bool *fit)
{
	struct fitting f = {.j = j, .space = s, .fit = true};

	arena_init(&f.arena, ARENA_NO_BUDGET);
	int err = journal_each_record(j, s, fit_record, &f);
	if (err == 0)
		err = fit_count(&f, "SELECT count(*) FROM conflict WHERE space = $1", f.conflicts);
	if (err == 0)
		err = fit_count(&f, "SELECT count(*) FROM frozen WHERE space = $1", f.frozen);
	if (err == 0)
		err = fit_count(&f, "SELECT count(*) FROM named WHERE space = $1", f.named);
	arena_fini(&f.arena);
	*fit = f.fit;
	return err;
}
