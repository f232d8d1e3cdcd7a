/*
 * The journal: spaces, entries, the accepted state of records, the verdicts that were given.
 *
 * The way of one change: journal_judged (was it here before?), then journal_enter: reconcile() asks
 * the ground (ground.c) what stands, and only when the whole change is decided is anything written:
 * the entry, each record it touched, the open conflicts, the verdict. The head of a space is its
 * last row, so it is written nowhere else, and kept in memory between.
 */
#include "server/journal_inside.h"
#include "server/journal_take.h"

#include "common/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Opening, and the spaces ---------------------------------------------------------------- */

/* Where `id` stands in by_id, or would stand. */
static size_t space_slot(const struct journal *j, const struct id *id)
{
	size_t low = 0, high = j->n_spaces;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (id_compare(&j->by_id[mid]->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct space *journal_space(struct journal *j, const struct id *id)
{
	size_t slot = space_slot(j, id);
	return slot < j->n_spaces && id_equal(&j->by_id[slot]->id, id) ? j->by_id[slot] : NULL;
}

struct space *inside_space_local(const struct journal *j, uint64_t local)
{
	size_t low = 0, high = j->n_spaces;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (j->spaces[mid]->local < local)
			low = mid + 1;
		else
			high = mid;
	}
	return low < j->n_spaces && j->spaces[low]->local == local ? j->spaces[low] : NULL;
}

static struct space *space_add(struct journal *j, const struct id *id, uint64_t local,
			       uint64_t epoch)
{
	struct space *s = mem_alloc(sizeof(*s));
	size_t slot = space_slot(j, id);

	s->id = *id;
	s->local = local;
	s->epoch = epoch;
	chain_start(&j->area, id, s->chain);
	j->spaces = mem_resize(j->spaces, (j->n_spaces + 1) * sizeof(*j->spaces));
	j->by_id = mem_resize(j->by_id, (j->n_spaces + 1) * sizeof(*j->by_id));
	memmove(j->by_id + slot + 1, j->by_id + slot, (j->n_spaces - slot) * sizeof(*j->by_id));
	j->by_id[slot] = s;
	j->spaces[j->n_spaces++] = s;
	return s;
}

/* Read a space's head from its last row. */
static int space_load(struct journal *j, struct space *s)
{
	static const char head[] = "SELECT key, chain FROM entry WHERE key > $1 AND key <= $2"
				   " ORDER BY key DESC LIMIT 1";
	static const char conflicts[] = "SELECT count(*) FROM conflict WHERE space = $1";
	struct db_stmt *st = db_query(j->db, head, "uu", entry_key(s, 0), entry_key(s, NUMBER_MAX));
	int got = db_step(st);

	if (got < 0)
		return got;
	s->number = s->committed = 0;
	s->signed_number = 0;
	chain_start(&j->area, &s->id, s->chain);
	if (got) {
		bool whole = db_hash(st, 1, s->chain);
		s->number = s->committed = (uint64_t)db_int(st, 0) & NUMBER_MAX;
		db_reset(st);
		if (!whole)
			return ERR_CORRUPT;
	}
	st = db_query(j->db, conflicts, "u", s->local);
	got = db_step(st);
	if (got > 0) {
		s->open_conflicts = (uint64_t)db_int(st, 0);
		db_reset(st);
	}
	return got < 0 ? got : 0;
}

/* Ids of changes rise with time, so that most changes are seen to be new without a look. */
static int journal_load_newest(struct journal *j)
{
	struct db_stmt *st = db_query(j->db, "SELECT id FROM change ORDER BY id DESC LIMIT 1", "");
	int got = db_step(st);

	if (got <= 0)
		return got;
	bool whole = db_id(st, 0, &j->newest);
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

void inside_note_newest(struct journal *j, const struct id *change)
{
	if (id_compare(change, &j->newest) > 0)
		j->newest = *change;
}

static int journal_load(struct journal *j)
{
	struct db_stmt *st =
		db_query(j->db, "SELECT local, id, epoch FROM space ORDER BY local", "");
	int got;

	while ((got = db_step(st)) > 0) {
		struct id id;
		if (!db_id(st, 1, &id)) {
			db_reset(st);
			return ERR_CORRUPT;
		}
		space_add(j, &id, (uint64_t)db_int(st, 0), (uint64_t)db_int(st, 2));
	}
	for (size_t i = 0; got == 0 && i < j->n_spaces; i++)
		got = space_load(j, j->spaces[i]);
	return got;
}

int journal_open(struct journal **out, struct db *db, const struct id *area, const struct env *env)
{
	struct journal *j = mem_alloc(sizeof(*j));

	j->db = db;
	j->area = *area;
	j->env = env;
	int err = journal_load(j);
	if (err == 0)
		err = journal_load_newest(j);
	if (err < 0)
		journal_close(&j);
	*out = j;
	return err;
}

void journal_close(struct journal **journal)
{
	struct journal *j = *journal;

	if (!j)
		return;
	if (j->dirty)
		db_rollback(j->db);
	for (size_t i = 0; i < j->n_spaces; i++)
		free(j->spaces[i]);
	free(j->spaces);
	free(j->by_id);
	buf_fini(&j->header);
	buf_fini(&j->outcome);
	buf_fini(&j->body);
	buf_fini(&j->fields);
	cache_free(&j->cache);
	free(j);
	*journal = NULL;
}

size_t journal_spaces(struct journal *j, struct space *const **out)
{
	*out = j->spaces;
	return j->n_spaces;
}

/* ---- The transaction ------------------------------------------------------------------------ */

int journal_begin(struct journal *j)
{
	if (j->dirty)
		return 0;
	int err = db_begin(j->db);
	j->dirty = err == 0;
	return err;
}

bool journal_is_dirty(const struct journal *j)
{
	return j->dirty;
}

int journal_commit(struct journal *j)
{
	if (!j->dirty)
		return 0;
	j->dirty = false;
	int err = db_commit(j->db);
	for (size_t i = 0; err == 0 && i < j->n_spaces; i++)
		j->spaces[i]->committed = j->spaces[i]->number;
	return err;
}

/* A space that the turn had made stays known, empty: nobody has heard of it yet. */
int journal_rollback(struct journal *j)
{
	if (db_in_transaction(j->db))
		db_rollback(j->db);
	j->dirty = false;
	cache_forget(j);
	for (size_t i = 0; i < j->n_spaces; i++) {
		int err = space_load(j, j->spaces[i]);
		if (err < 0)
			return err;
	}
	return journal_epochs_load(j);
}

static int space_insert(struct journal *j, uint64_t local, const struct id *id)
{
	int err = journal_begin(j);
	return err < 0 ? err
		       : db_run(j->db,
				"INSERT INTO space (local, id, epoch) VALUES ($1, $2, 1)"
				" ON CONFLICT (local) DO NOTHING",
				"ud", local, id);
}

int journal_space_make(struct journal *j, const struct id *id, struct space **out)
{
	*out = journal_space(j, id);
	if (*out && (*out)->committed)
		return 0;
	uint64_t last = j->n_spaces ? j->spaces[j->n_spaces - 1]->local : 0;
	uint64_t local = *out ? (*out)->local : last + 1;
	int err = space_insert(j, local, id);
	if (err == 0 && !*out)
		*out = space_add(j, id, local, 1);
	return err;
}

/* ---- Verdicts given ------------------------------------------------------------------------- */

/* Whether these are the bytes of the change in entry `key`. */
static int entry_is_of(struct journal *j, uint64_t key, struct bytes bytes, bool *same)
{
	struct db_stmt *st = db_query(j->db, "SELECT body FROM entry WHERE key = $1", "u", key);
	struct bytes change, outcome;
	int got = db_step(st);

	if (got < 0)
		return got;
	if (got == 0)
		return ERR_CORRUPT;
	int err = body_read(db_bytes(st, 0), &change, &outcome);
	*same = err == 0 && bytes_equal(change, bytes);
	db_reset(st);
	return err < 0 ? ERR_CORRUPT : 0;
}

int journal_judged(struct journal *j, const struct id *change, struct bytes bytes,
		   struct judged *out)
{
	static const char sql[] =
		"SELECT entry, verdict, hash, words, decider FROM change WHERE id = $1";
	uint8_t hash[SHA256_LEN];

	if (id_compare(change, &j->newest) > 0)
		return 0;
	struct db_stmt *st = db_query(j->db, sql, "d", change);
	int got = db_step(st);
	if (got <= 0)
		return got;
	uint64_t key = (uint64_t)db_int(st, 0);
	const char *words = db_text(st, 3);
	sha256(bytes, hash);
	*out = (struct judged){
		.verdict = (enum verdict)db_int(st, 1),
		.same = bytes_equal(db_bytes(st, 2), BYTES(hash, sizeof(hash))),
		.number = key & NUMBER_MAX,
		.decided = !db_null(st, 4),
	};
	snprintf(out->words, sizeof(out->words), "%s", words ? words : "");
	db_reset(st);
	if (key == 0)
		return 1;
	out->space = inside_space_local(j, key >> NUMBER_BITS);
	int err = out->space ? entry_is_of(j, key, bytes, &out->same) : ERR_CORRUPT;
	return err < 0 ? err : 1;
}

static int journal_note_verdict(struct journal *j, const struct id *change, struct bytes bytes,
				enum verdict verdict, const char *words, const struct id *decider)
{
	uint8_t hash[SHA256_LEN];
	int err = journal_begin(j);

	if (err < 0)
		return err;
	sha256(bytes, hash);
	inside_note_newest(j, change);
	return db_run(j->db,
		      "INSERT INTO change (id, verdict, hash, words, decider)"
		      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET"
		      " verdict = excluded.verdict, words = excluded.words,"
		      " decider = excluded.decider",
		      "dibtd", change, (int64_t)verdict, BYTES(hash, sizeof(hash)), words, decider);
}

int journal_refuse(struct journal *j, const struct id *change, struct bytes bytes,
		   const char *words, const struct id *decider)
{
	return journal_note_verdict(j, change, bytes, VERDICT_REFUSED, words, decider);
}

int journal_hold(struct journal *j, const struct id *change, struct bytes bytes, const char *words)
{
	return journal_note_verdict(j, change, bytes, VERDICT_HELD, words, NULL);
}

int journal_number_of(struct journal *j, const struct space *s, const struct id *change,
		      uint64_t *number)
{
	struct db_stmt *st =
		db_query(j->db, "SELECT entry FROM change WHERE id = $1", "d", change);
	int got = db_step(st);

	*number = 0;
	if (got <= 0)
		return got;
	uint64_t key = (uint64_t)db_int(st, 0);
	db_reset(st);
	if (key >> NUMBER_BITS == s->local)
		*number = key & NUMBER_MAX;
	return 0;
}

/* ---- Entering a change ---------------------------------------------------------------------- */

static struct bytes journal_salt(struct journal *j)
{
	if (j->salts_left == 0) {
		env_random(j->env, j->salts, sizeof(j->salts));
		j->salts_left = SALTS;
	}
	return BYTES(j->salts + SALT_LEN * --j->salts_left, SALT_LEN);
}

/* The entry, whose header and outcome stand in the scratch buffers, and the verdict that a repeat
 * of the change will get. */
static int enter_entry(struct entering *e, const struct header *header, struct bytes change,
		       const struct outcome *outcome)
{
	struct journal *j = e->j;
	struct space *s = e->space;
	struct bytes salt = journal_salt(j);

	buf_reset(&j->body);
	body_write(change, buf_bytes(&j->outcome), &j->body);
	chain_next(s->chain, buf_bytes(&j->header), salt, buf_bytes(&j->body));
	s->number = header->number;
	inside_note_newest(j, &header->change);
	if (j->cache)
		cache_note_place(j, &header->change, entry_key(s, s->number));
	int err = db_run(j->db,
			 "INSERT INTO entry (key, header, salt, body, chain)"
			 " VALUES ($1, $2, $3, $4, $5)",
			 "ubbbb", entry_key(s, s->number), buf_bytes(&j->header), salt,
			 buf_bytes(&j->body), BYTES(s->chain, SHA256_LEN));
	if (err < 0)
		return err;
	return db_run(j->db,
		      "INSERT INTO change (id, entry, verdict) VALUES ($1, $2, $3)"
		      " ON CONFLICT (id) DO UPDATE SET entry = excluded.entry,"
		      " verdict = excluded.verdict, hash = NULL, words = NULL, decider = NULL",
		      "dui", &header->change, entry_key(s, s->number), (int64_t)outcome->verdict);
}

/* Lay the effects on one record that the entry touched, and store it. */
static int enter_record(struct entering *e, const struct touch *t,
			const struct outcome_effect *effect, struct record *r)
{
	struct buf *fields = &e->j->fields;
	bool indexed = index_wants(t->type);
	struct record before;
	int err = ground_record(e, &t->record, t->type, r);

	if (err == 0 && indexed)
		err = ground_record(e, &t->record, t->type, &before);
	if (err < 0)
		return err;
	if (effect)
		record_apply(r, &effect->effect, e->space->number);
	if (r->n_values == 0)
		return 0; /* it never was, and nothing came of it */
	r->number = e->space->number;
	buf_reset(fields);
	record_pack(r, fields);
	err = db_run(
		e->j->db,
		"INSERT INTO record (space, id, type, number, fields) VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (space, id) DO UPDATE"
		" SET number = excluded.number, fields = excluded.fields",
		"uduub", e->space->local, &r->id, (uint64_t)r->type, r->number, buf_bytes(fields));
	if (err == 0)
		cache_renew_record(e->j, e->space, r, buf_bytes(fields));
	if (err == 0 && indexed)
		err = index_record(e->j, e->space, &before, r, e->arena);
	return err;
}

/* Effects stand in the order of the touches (PROTOCOL.md 4.8); not each touch has one. */
int inside_enter_records(struct entering *e, const struct touch *touches, size_t n_touches,
			 const struct outcome_effect *effects, size_t n_effects,
			 struct entered *out)
{
	size_t done = 0;

	out->records = arena_alloc(e->arena, n_touches * sizeof(*out->records));
	for (size_t i = 0; i < n_touches; i++) {
		bool has = done < n_effects &&
			   id_equal(&effects[done].record, &touches[i].record);
		int err = enter_record(e, &touches[i], has ? &effects[done] : NULL,
				       &out->records[i]);
		if (err < 0)
			return err;
		done += has;
	}
	if (done < n_effects)
		return ERR_CORRUPT;
	out->n_records = n_touches;
	return 0;
}

int journal_enter(struct journal *j, struct space *s, const struct change *change,
		  struct bytes bytes, const struct id *device, const struct id *let_in_by,
		  struct arena *arena, struct entered *out, struct cause *cause)
{
	struct entering e = {.j = j, .space = s, .device = device, .arena = arena};
	const struct ground ground = ground_of(&e);
	struct header header = {.number = s->number + 1,
				.change = change->id,
				.device = *device,
				.time_ms = env_now_ms(j->env),
				.form = WIRE__FORM__PLAIN};
	const struct outcome_effect *effects;
	struct outcome outcome;

	must(s->number < NUMBER_MAX);
	cache_trim(j);
	if (let_in_by)
		header.let_in_by = *let_in_by;
	int err = reconcile(&ground, change, header.number, arena, &outcome, &header.touches,
			    &header.n_touches, cause);
	if (err < 0)
		return err;
	size_t n = outcome_effects(change, &outcome, arena, &effects);
	buf_reset(&j->header);
	buf_reset(&j->outcome);
	header_write(&header, &j->header);
	outcome_write(&outcome, &j->outcome);
	if (j->header.len + j->outcome.len + bytes.len > ENTRY_MAX)
		return cause_set(cause, ERR_INVALID,
				 "it is too large to be merged with what others changed meanwhile:"
				 " make it again in smaller parts");
	err = journal_begin(j);
	if (err < 0)
		return err;
	*out = (struct entered){.number = header.number,
				.verdict = outcome.verdict,
				.as_sent = outcome.as_sent};
	err = enter_entry(&e, &header, bytes, &outcome);
	if (err < 0)
		return err;
	return inside_enter_records(&e, header.touches, header.n_touches, effects, n, out);
}

/* ---- Settings ------------------------------------------------------------------------------- */

int journal_setting_set(struct db *db, const char *name, struct bytes value)
{
	return db_run(db,
		      "INSERT INTO setting (name, value) VALUES ($1, $2)"
		      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		      "tb", name, value);
}

int journal_setting(struct db *db, const char *name, struct buf *value)
{
	struct db_stmt *st = db_query(db, "SELECT value FROM setting WHERE name = $1", "t", name);
	int got = db_step(st);

	if (got <= 0)
		return got;
	buf_add_bytes(value, db_bytes(st, 0));
	db_reset(st);
	return 1;
}
