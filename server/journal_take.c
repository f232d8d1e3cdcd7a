/*
 * Taking entries as they are, and dropping them: see journal_take.h. What is taken was signed by
 * this server, so that nothing is reconciled or judged here; what is dropped is entered again by
 * the caller.
 */
#include "server/journal_take.h"

#include "server/journal_inside.h"

#include <string.h>

/* ---- Taking --------------------------------------------------------------------------------- */

/* What an entry says, read. */
struct reading {
	struct header header;
	struct change change;
	struct outcome outcome;
};

static int take_read(const struct space *s, const struct entry *e, struct arena *arena,
		     struct reading *out)
{
	struct bytes change, outcome;

	if (header_read(&out->header, e->header, arena) < 0 ||
	    body_read(e->body, &change, &outcome) < 0 ||
	    change_read(&out->change, change, arena, NULL) < 0 ||
	    outcome_read(&out->outcome, outcome, arena) < 0)
		return ERR_CORRUPT;
	bool fits = out->header.number == s->number + 1 && out->header.number == e->number &&
		    id_equal(&out->header.change, &out->change.id) &&
		    id_equal(&out->change.space, &s->id);
	return fits ? 0 : ERR_CORRUPT;
}

static int take_records(struct journal *j, struct space *s, const struct reading *r,
			struct arena *arena, struct entered *out)
{
	struct entering e = {.j = j, .space = s, .device = &r->header.device, .arena = arena};
	const struct outcome_effect *effects;
	size_t n = outcome_effects(&r->change, &r->outcome, arena, &effects);

	return inside_enter_records(&e, r->header.touches, r->header.n_touches, effects, n, out);
}

int journal_take(struct journal *j, struct space *s, const struct entry *e, struct arena *arena,
		 struct entered *out)
{
	struct reading r;
	int err = take_read(s, e, arena, &r);

	if (err == 0)
		err = journal_begin(j);
	if (err < 0)
		return err;
	*out = (struct entered){.number = e->number,
				.verdict = r.outcome.verdict,
				.as_sent = r.outcome.as_sent};
	chain_next(s->chain, e->header, e->salt, e->body);
	s->number = e->number;
	inside_note_newest(j, &r.change.id);
	err = db_run(j->db,
		     "INSERT INTO entry (key, header, salt, body, chain)"
		     " VALUES ($1, $2, $3, $4, $5)",
		     "ubbbb", entry_key(s, s->number), e->header, e->salt, e->body,
		     BYTES(s->chain, SHA256_LEN));
	if (err == 0) /* it may have been refused meanwhile, by a server that knew less */
		err = db_run(j->db,
			     "INSERT INTO change (id, entry, verdict) VALUES ($1, $2, $3)"
			     " ON CONFLICT (id) DO UPDATE SET entry = excluded.entry,"
			     " verdict = excluded.verdict, hash = NULL, words = NULL,"
			     " decider = NULL",
			     "dui", &r.change.id, entry_key(s, s->number),
			     (int64_t)r.outcome.verdict);
	return err < 0 ? err : take_records(j, s, &r, arena, out);
}

int journal_unrefuse(struct journal *j, const struct id *change)
{
	int err = journal_begin(j);
	return err < 0 ? err
		       : db_run(j->db, "DELETE FROM change WHERE id = $1 AND entry IS NULL", "d",
				change);
}

/* ---- Dropping ------------------------------------------------------------------------------- */

struct replaying {
	struct journal *j;
	struct space *space;
	struct arena arena;
	int err;
};

/* The verdict of a dropped entry's change is given no more. */
static bool drop_verdict(void *arg, const struct entry *e)
{
	struct replaying *r = arg;
	struct header header;

	r->err = header_read(&header, e->header, &r->arena) < 0 ? ERR_CORRUPT : 0;
	if (r->err == 0)
		r->err = db_run(r->j->db, "DELETE FROM change WHERE id = $1", "d", &header.change);
	arena_reset(&r->arena);
	return r->err == 0;
}

/* An entry's effects, laid on the records again. */
static bool replay_entry(void *arg, const struct entry *e)
{
	struct replaying *r = arg;
	struct reading reading;
	struct entered entered;

	r->err = take_read(r->space, e, &r->arena, &reading);
	r->space->number = e->number;
	if (r->err == 0)
		r->err = take_records(r->j, r->space, &reading, &r->arena, &entered);
	arena_reset(&r->arena);
	return r->err == 0;
}

static int drop_derived(struct journal *j, const struct space *s)
{
	int err = db_run(j->db, "DELETE FROM record WHERE space = $1", "u", s->local);

	if (err == 0)
		err = db_run(j->db, "DELETE FROM conflict WHERE space = $1", "u", s->local);
	if (err == 0)
		err = db_run(j->db, "DELETE FROM frozen WHERE space = $1", "u", s->local);
	if (err == 0)
		err = db_run(j->db, "DELETE FROM named WHERE space = $1", "u", s->local);
	return err;
}

/* Entries up to `number` are left; what follows from them is made again. */
static int replay_all(struct replaying *r, uint64_t number)
{
	struct space *s = r->space;
	int err = drop_derived(r->j, s);

	s->open_conflicts = 0;
	s->number = 0;
	if (err == 0)
		err = journal_entries(r->j, s, 1, number, replay_entry, r);
	if (err == 0)
		err = r->err;
	return err == 0 && s->number != number ? ERR_CORRUPT : err;
}

int journal_truncate(struct journal *j, struct space *s, uint64_t number)
{
	struct replaying r = {.j = j, .space = s};
	uint8_t chain[SHA256_LEN];
	int err = journal_begin(j);

	if (err == 0)
		err = journal_chain(j, s, number, chain);
	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	cache_forget(j);
	arena_init(&r.arena, ARENA_NO_BUDGET);
	err = journal_entries(j, s, number + 1, s->number, drop_verdict, &r);
	if (err == 0)
		err = r.err;
	if (err == 0)
		err = db_run(j->db, "DELETE FROM entry WHERE key > $1 AND key <= $2", "uu",
			     entry_key(s, number), entry_key(s, NUMBER_MAX));
	if (err == 0)
		err = replay_all(&r, number);
	arena_fini(&r.arena);
	memcpy(s->chain, chain, SHA256_LEN);
	s->committed = s->committed < number ? s->committed : number;
	s->signed_number = 0;
	return err;
}

/* ---- Epochs --------------------------------------------------------------------------------- */

static int epoch_store(struct journal *j, const struct space *s, uint64_t epoch, uint64_t common)
{
	return db_run(j->db,
		      "INSERT INTO epoch (space, epoch, common, begins) VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (space, epoch) DO UPDATE SET common = excluded.common",
		      "uuuu", s->local, epoch, common, s->number + 1);
}

int journal_epoch_begin(struct journal *j, struct space *s, uint64_t epoch, uint64_t common)
{
	int err = journal_begin(j);

	if (err == 0)
		err = db_run(j->db, "UPDATE space SET epoch = $1 WHERE local = $2", "uu", epoch,
			     s->local);
	if (err == 0)
		err = epoch_store(j, s, epoch, common);
	s->epoch = epoch;
	s->signed_number = 0;
	return err;
}

int journal_epoch_unknown(struct journal *j, const struct space *s, uint64_t epoch)
{
	int err = journal_begin(j);
	return err < 0 ? err : epoch_store(j, s, epoch, 0);
}

int journal_epoch_lower(struct journal *j, const struct space *s, uint64_t epoch, uint64_t common)
{
	static const char sql[] =
		"UPDATE epoch SET common = $1 WHERE space = $2 AND common > $3 AND epoch ="
		" (SELECT min(epoch) FROM epoch WHERE space = $4 AND epoch > $5)";
	int err = journal_begin(j);

	return err < 0 ? err
		       : db_run(j->db, sql, "uuuuu", common, s->local, common, s->local, epoch);
}

int journal_on_line(struct journal *j, const struct space *s, uint64_t epoch, uint64_t number,
		    uint64_t *out)
{
	*out = number;
	if (epoch >= s->epoch)
		return 0;
	struct db_stmt *st = db_query(
		j->db, "SELECT min(common) FROM epoch WHERE space = $1 AND epoch > $2", "uu",
		s->local, epoch);
	int got = db_step(st);
	if (got <= 0)
		return got;
	uint64_t common = db_null(st, 0) ? number : (uint64_t)db_int(st, 0);
	db_reset(st);
	*out = number < common ? number : common;
	return 0;
}

int journal_epochs_load(struct journal *j)
{
	for (size_t i = 0; i < j->n_spaces; i++) {
		struct space *s = j->spaces[i];
		struct db_stmt *st =
			db_query(j->db, "SELECT epoch FROM space WHERE local = $1", "u", s->local);
		int got = db_step(st);
		if (got < 0)
			return got;
		if (got == 0)
			continue; /* the turn had made it */
		s->epoch = (uint64_t)db_int(st, 0);
		db_reset(st);
	}
	return 0;
}

/* ---- Entries that wait ---------------------------------------------------------------------- */

static uint64_t staged_key(uint64_t heap, uint64_t number)
{
	return heap << NUMBER_BITS | number;
}

int staged_add(struct journal *j, uint64_t heap, uint64_t number, struct bytes header,
	       struct bytes salt, struct bytes body)
{
	int err = journal_begin(j);

	return err < 0 ? err
		       : db_run(j->db,
				"INSERT INTO staged (key, header, salt, body)"
				" VALUES ($1, $2, $3, $4)",
				"ubbb", staged_key(heap, number), header, salt, body);
}

int staged_copy(struct journal *j, uint64_t heap, const struct space *s, uint64_t from)
{
	int err = journal_begin(j);

	return err < 0 ? err
		       : db_run(j->db,
				"INSERT INTO staged (key, header, salt, body)"
				" SELECT key - $1 + $2, header, salt, body FROM entry"
				" WHERE key >= $3 AND key <= $4",
				"uuuu", entry_key(s, 0), staged_key(heap, 0), entry_key(s, from),
				entry_key(s, NUMBER_MAX));
}

int staged_each(struct journal *j, uint64_t heap, int (*row)(void *arg, const struct entry *e),
		void *arg)
{
	struct db_stmt *st = db_query(j->db,
				      "SELECT key, header, salt, body FROM staged"
				      " WHERE key >= $1 AND key <= $2 ORDER BY key",
				      "uu", staged_key(heap, 0), staged_key(heap, NUMBER_MAX));
	int got;

	while ((got = db_step(st)) > 0) {
		struct entry e = {(uint64_t)db_int(st, 0) & NUMBER_MAX, db_bytes(st, 1),
				  db_bytes(st, 2), db_bytes(st, 3), BYTES_NONE};
		int rc = row(arg, &e);
		if (rc != 0) {
			db_reset(st);
			return rc;
		}
	}
	return got;
}

int staged_drop(struct journal *j, uint64_t heap)
{
	int err = journal_begin(j);

	return err < 0 ? err
		       : db_run(j->db, "DELETE FROM staged WHERE key >= $1 AND key <= $2", "uu",
				staged_key(heap, 0), staged_key(heap, NUMBER_MAX));
}

int staged_clear(struct journal *j)
{
	struct db_stmt *st = db_query(j->db, "SELECT 1 FROM staged LIMIT 1", "");
	int got = db_step(st);

	if (got <= 0)
		return got;
	db_reset(st);
	int err = journal_begin(j);
	return err < 0 ? err : db_run(j->db, "DELETE FROM staged", "");
}
