/*
 * The tables held, holder and tally, and the lists that deciders are sent: the whole list of a
 * space, again whenever it has changed. What a session was told is a generation and a row to go on
 * from, so that a slow one costs nothing.
 */
#include "server/held.h"

#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_FRAME = 256 * 1024, LIST_CHANGES = 1024 };

/* ---- In memory ------------------------------------------------------------------------------ */

static void held_moved(struct area *a, uint64_t local)
{
	struct held_lists *h = &a->held;

	if (local >= h->n) {
		size_t n = (size_t)local + 16;
		h->generations = mem_resize(h->generations, n * sizeof(*h->generations));
		memset(h->generations + h->n, 0, (n - h->n) * sizeof(*h->generations));
		h->n = n;
	}
	h->generations[local]++;
	h->any = true;
}

static uint64_t held_generation(const struct area *a, const struct space *space)
{
	return space->local < a->held.n ? a->held.generations[space->local] : 0;
}

int held_load(struct area *a)
{
	struct db_stmt *st = db_query(a->db, "SELECT DISTINCT space FROM held", "");
	int got;

	while ((got = db_step(st)) > 0)
		held_moved(a, (uint64_t)db_int(st, 0));
	return got;
}

void held_fini(struct area *a)
{
	free(a->held.generations);
}

void held_anew(struct area *a)
{
	for (size_t i = 0; i < a->held.n; i++)
		a->held.generations[i] += a->held.generations[i] > 0;
	for (size_t i = 0; i < a->n_sessions; i++) {
		a->sessions[i]->holds.n = 0;
		a->sessions[i]->holds.loaded = false;
	}
}

/* ---- Holders -------------------------------------------------------------------------------- */

static void holds_add(struct holds *h, uint64_t local)
{
	h->spaces = mem_resize(h->spaces, (h->n + 1) * sizeof(*h->spaces));
	h->spaces[h->n++] = local;
}

static bool holds_have(const struct holds *h, uint64_t local)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->spaces[i] == local)
			return true;
	return false;
}

static int holds_load(struct area *a, struct session *s)
{
	int got;

	if (s->holds.loaded)
		return 0;
	struct db_stmt *st =
		db_query(a->db, "SELECT space FROM holder WHERE device = $1", "d", &s->device);
	while ((got = db_step(st)) > 0)
		holds_add(&s->holds, (uint64_t)db_int(st, 0));
	s->holds.loaded = got == 0;
	return got;
}

static int holder_insert(struct area *a, const struct id *device, const struct space *space)
{
	int err = journal_begin(a->journal);
	return err < 0 ? err
		       : db_run(a->db,
				"INSERT INTO holder (device, space) VALUES ($1, $2)"
				" ON CONFLICT (device, space) DO NOTHING",
				"du", device, space->local);
}

int held_note_holder(struct area *a, struct session *s)
{
	struct id person, *ids;

	if (a->full || a->failed || !access_device(a->access, &s->device, &person))
		return 0;
	int err = holds_load(a, s);
	size_t n = access_writable(a->access, &person, &ids);
	for (size_t i = 0; err == 0 && i < n; i++) {
		const struct space *space = journal_space(a->journal, &ids[i]);
		if (!space || holds_have(&s->holds, space->local))
			continue;
		err = holder_insert(a, &s->device, space);
		if (err == 0)
			holds_add(&s->holds, space->local);
	}
	free(ids);
	return err;
}

int held_note_holders(struct area *a)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < a->n_sessions; i++)
		if (a->sessions[i]->state != SESSION_OPENING &&
		    a->sessions[i]->state != SESSION_ENDED && !a->sessions[i]->lost)
			err = held_note_holder(a, a->sessions[i]);
	return err;
}

int held_was_holder(struct area *a, const struct id *device, const struct space *space)
{
	struct db_stmt *st =
		db_query(a->db, "SELECT 1 FROM holder WHERE device = $1 AND space = $2", "du",
			 device, space->local);
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

/* ---- What is counted ------------------------------------------------------------------------ */

struct tally {
	int64_t refused, held, bytes;
};

static int tally_read(struct area *a, const struct id *device, struct tally *out)
{
	struct db_stmt *st = db_query(
		a->db, "SELECT refused, held, bytes FROM tally WHERE device = $1", "d", device);
	int got = db_step(st);

	*out = (struct tally){0};
	if (got <= 0)
		return got;
	*out = (struct tally){db_int(st, 0), db_int(st, 1), db_int(st, 2)};
	db_reset(st);
	return 0;
}

static int tally_write(struct area *a, const struct id *device, const struct tally *t)
{
	int err = journal_begin(a->journal);
	return err < 0 ? err
		       : db_run(a->db,
				"INSERT INTO tally (device, refused, held, bytes)"
				" VALUES ($1, $2, $3, $4) ON CONFLICT (device) DO UPDATE SET"
				" refused = excluded.refused, held = excluded.held,"
				" bytes = excluded.bytes",
				"diii", device, t->refused, t->held, t->bytes);
}

int held_count_refused(struct area *a, const struct id *device)
{
	struct tally t;
	int err = tally_read(a, device, &t);

	if (err < 0)
		return err;
	if (t.refused >= REFUSED_MOST)
		return 1;
	t.refused++;
	return tally_write(a, device, &t);
}

/* ---- Holding -------------------------------------------------------------------------------- */

int held_add(struct area *a, const struct space *space, const struct id *device,
	     const struct id *change, struct bytes bytes, const char *words, bool bounded)
{
	struct tally t;
	int err = tally_read(a, device, &t);

	if (err < 0)
		return err;
	t.held++;
	t.bytes += (int64_t)bytes.len;
	if (bounded && (t.held > HELD_CHANGES || t.bytes > HELD_BYTES))
		return ERR_LIMIT;
	err = journal_hold(a->journal, change, bytes, words);
	if (err == 0)
		err = db_run(a->db,
			     "INSERT INTO held (id, space, device, time_ms, bytes)"
			     " VALUES ($1, $2, $3, $4, $5)",
			     "dudub", change, space->local, device, env_now_ms(a->options.env),
			     bytes);
	if (err == 0)
		err = tally_write(a, device, &t);
	if (err == 0)
		held_moved(a, space->local);
	return err;
}

int held_find(struct area *a, const struct id *change, struct arena *arena,
	      struct held_change *out)
{
	static const char sql[] = "SELECT s.id, h.device, h.time_ms, h.bytes FROM held h"
				  " JOIN space s ON s.local = h.space WHERE h.id = $1";

	if (!a->held.any)
		return 0;
	struct db_stmt *st = db_query(a->db, sql, "d", change);
	int got = db_step(st);
	if (got <= 0)
		return got;
	bool whole = db_id(st, 0, &out->space) && db_id(st, 1, &out->device);
	out->time_ms = (uint64_t)db_int(st, 2);
	out->bytes = arena_copy(arena, db_bytes(st, 3));
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int held_drop(struct area *a, const struct id *change)
{
	static const char sql[] =
		"DELETE FROM held WHERE id = $1 RETURNING space, device, length(bytes)";
	struct id device;
	struct tally t;

	if (!a->held.any)
		return 0;
	int err = journal_begin(a->journal);
	if (err < 0)
		return err;
	struct db_stmt *st = db_query(a->db, sql, "d", change);
	int got = db_step(st);
	if (got <= 0)
		return got;
	uint64_t local = (uint64_t)db_int(st, 0);
	int64_t bytes = db_int(st, 2);
	bool whole = db_id(st, 1, &device);
	err = db_step(st);
	if (err == 0)
		err = whole ? tally_read(a, &device, &t) : ERR_CORRUPT;
	if (err < 0)
		return err;
	t.held--;
	t.bytes -= bytes;
	held_moved(a, local);
	return tally_write(a, &device, &t);
}

/* ---- The lists ------------------------------------------------------------------------------ */

struct listing {
	Wire__HeldList list;
	struct arena *arena;
	size_t size;
	int64_t after;
};

static void list_add(struct listing *l, struct db_stmt *st)
{
	Wire__HeldChange *h = arena_alloc(l->arena, sizeof(*h));
	struct bytes change = arena_copy(l->arena, db_bytes(st, 1));
	struct bytes device = arena_copy(l->arena, db_bytes(st, 2));

	wire__held_change__init(h);
	h->change = PB_BYTES(change);
	h->device = PB_BYTES(device);
	h->time_ms = (uint64_t)db_int(st, 3);
	l->list.changes[l->list.n_changes++] = h;
	l->size += change.len;
	l->after = db_int(st, 0);
}

/* As many as fit in a frame. 1: there are more; 0: these are the last; or an error. */
static int list_read(struct area *a, const struct space *space, struct listing *l)
{
	struct db_stmt *st = db_query(a->db,
				      "SELECT seq, bytes, device, time_ms FROM held"
				      " WHERE space = $1 AND seq > $2 ORDER BY seq",
				      "ui", space->local, l->after);
	int got;

	while ((got = db_step(st)) > 0) {
		if (l->list.n_changes == LIST_CHANGES ||
		    (l->list.n_changes && l->size + db_bytes(st, 1).len > LIST_FRAME)) {
			db_reset(st);
			return 1;
		}
		list_add(l, st);
	}
	return got;
}

static ssize_t list_send(struct area *a, struct session *s, struct cursor *c)
{
	struct held_told *told = &c->held;
	struct listing l = {.arena = &a->change, .after = told->after};
	int more = 0;

	wire__held_list__init(&l.list);
	l.list.changes = arena_alloc(&a->change, LIST_CHANGES * sizeof(*l.list.changes));
	if (told->decides)
		more = list_read(a, c->space, &l);
	told->sending = more > 0;
	/* An empty list is news only where there was another. */
	if (more >= 0 && (l.list.n_changes || (told->told && told->after == 0))) {
		l.list.space = PB_ID(&c->space->id);
		l.list.has_goes_on = l.list.goes_on = told->after > 0;
		told->told = l.list.n_changes > 0;
		link_send(s->link, WIRE__KIND__HELD_LIST, &l.list.base, BYTES_NONE);
		l.size += 64;
	}
	told->after = l.after;
	arena_reset(&a->change);
	return more < 0 ? more : (ssize_t)l.size;
}

ssize_t held_feed(struct area *a, struct session *s)
{
	uint64_t rights = access_generation(a->access);

	for (size_t i = 0; a->held.any && i < s->n_cursors; i++) {
		struct cursor *c = &s->cursors[i];
		struct held_told *told = &c->held;
		uint64_t generation = held_generation(a, c->space);
		if (generation == 0)
			continue;
		if (told->rights != rights) {
			bool decides = access_decides(a->access, &s->person, &c->space->id);
			told->generation = decides == told->decides ? told->generation : 0;
			told->decides = decides;
			told->rights = rights;
		}
		if (told->generation != generation) {
			told->generation = generation;
			told->after = 0;
			told->sending = told->decides || told->told;
		}
		ssize_t n = told->sending ? list_send(a, s, c) : 0;
		if (n != 0)
			return n;
	}
	return 0;
}

/* ---- fsck ----------------------------------------------------------------------------------- */

static int check_rows(struct area *a, const char *sql, const char *words,
		      void (*fault)(void *arg, const char *words), void *arg)
{
	struct db_stmt *st = db_query(a->db, sql, "");
	int got;

	while ((got = db_step(st)) > 0)
		fault(arg, words);
	return got;
}

int held_check(struct area *a, void (*fault)(void *arg, const char *words), void *arg)
{
	static const char verdicts[] = "SELECT h.id FROM held h LEFT JOIN change c ON c.id = h.id"
				       " WHERE c.verdict IS NOT 4 OR c.entry IS NOT NULL";
	static const char kept[] = "SELECT c.id FROM change c LEFT JOIN held h ON h.id = c.id"
				   " WHERE c.verdict = 4 AND h.id IS NULL";
	static const char tallies[] =
		"SELECT t.device FROM tally t WHERE (t.held, t.bytes) <>"
		" (SELECT count(*), coalesce(sum(length(h.bytes)), 0) FROM held h"
		" WHERE h.device = t.device)";
	_Static_assert(VERDICT_HELD == 4, "the number in the SQL above");
	int err = check_rows(a, verdicts, "a held change does not have that verdict", fault, arg);

	if (err == 0)
		err = check_rows(a, kept, "a change that is held is not kept", fault, arg);
	if (err == 0)
		err = check_rows(a, tallies, "the count of a device's held changes is wrong", fault,
				 arg);
	return err;
}
