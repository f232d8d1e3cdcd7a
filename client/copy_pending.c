/*
 * Own changes on their way: put there, listed, judged, refused, given up. A change that stands
 * after a refused one waits; it is not shown any more, and neither is what was refused, but both
 * are kept.
 */
#include "client/copy_inside.h"

#include "client/contents.h"
#include "common/fields.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

int inside_pending(struct copy *copy, const struct id *change, struct arena *arena, int64_t *seq,
		   enum pending_state *state, struct bytes *bytes)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT seq, state, bytes FROM pending WHERE change = $1", "d", change);
	int err = db_step(st);
	if (err <= 0)
		return err;
	*seq = db_int(st, 0);
	*state = (enum pending_state)db_int(st, 1);
	*bytes = arena_copy(arena, db_bytes(st, 2));
	db_reset(st);
	return 1;
}

int inside_pending_state(struct copy *copy, const struct id *change, enum pending_state *state)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT state FROM pending WHERE change = $1", "d", change);
	int err = db_step(st);
	if (err == 1) {
		*state = (enum pending_state)db_int(st, 0);
		db_reset(st);
	}
	return err;
}

/* What a change stands after, what documents it names, and whether it must wait for a
 * refused one. */
static int change_needs(struct copy *copy, const struct change *c, struct buf *afters,
			struct buf *contents, enum pending_state *state)
{
	*state = PENDING_UNSENT;
	for (size_t i = 0; i < c->n_edits; i++) {
		const struct edit *e = &c->edits[i];
		enum pending_state before = PENDING_UNSENT;
		uint8_t root[SHA256_LEN];
		if (change_root(e, root))
			buf_add(contents, root, SHA256_LEN);
		if (id_is_zero(&e->after))
			continue;
		buf_add_bytes(afters, ID_BYTES(&e->after));
		int err = inside_pending_state(copy, &e->after, &before);
		if (err < 0)
			return err;
		if (before == PENDING_ASKS && *state == PENDING_UNSENT)
			*state = PENDING_ASKS;
		else if (before == PENDING_REFUSED || before == PENDING_WAITING)
			*state = PENDING_WAITING;
	}
	return 0;
}

int inside_pending_insert(struct copy *copy, const struct change *c, struct bytes bytes,
			  int64_t withdraws, int64_t *seq, enum pending_state *state)
{
	struct buf afters = {0}, contents = {0};
	int err = change_needs(copy, c, &afters, &contents, state);

	if (err == 0) {
		struct db_stmt *st = db_query(
			copy->db,
			"INSERT INTO pending (change, space, state, words, contents, afters, bytes,"
			" withdraws) VALUES ($1, $2, $3, $4, nullif($5, x''), nullif($6, x''), $7,"
			" $8) RETURNING seq",
			"dditbbbi", &c->id, &c->space, (int64_t)*state,
			*state == PENDING_WAITING
				? "it stands after a change of yours that was refused"
				: NULL,
			buf_bytes(&contents), buf_bytes(&afters), bytes, withdraws);
		err = db_step(st);
		if (err == 1) {
			*seq = db_int(st, 0);
			err = db_step(st);
		}
	}
	buf_fini(&afters);
	buf_fini(&contents);
	return err;
}

int copy_pending_next(struct copy *copy, int64_t seq, struct pending *out)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT seq, change, space, state, words, bytes FROM pending"
				      " WHERE seq > $1 ORDER BY seq LIMIT 1",
				      "i", seq);
	int err = db_step(st);
	if (err <= 0)
		return err;
	*out = (struct pending){.seq = db_int(st, 0), .state = (enum pending_state)db_int(st, 3)};
	bool whole = db_id(st, 1, &out->change) && db_id(st, 2, &out->space);
	if (!db_null(st, 4))
		out->words = mem_copy_text(db_text(st, 4));
	buf_reset(&copy->listed);
	buf_add_bytes(&copy->listed, db_bytes(st, 5));
	out->bytes = buf_bytes(&copy->listed);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int copy_pending_seq(struct copy *copy, const struct id *change, int64_t *seq)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT seq FROM pending WHERE change = $1", "d", change);
	int err = db_step(st);

	if (err == 1) {
		*seq = db_int(st, 0);
		db_reset(st);
	}
	return err;
}

int copy_counts(struct copy *copy, int64_t *unsent, int64_t *refused, int64_t *conflicts)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT (SELECT count(*) FROM pending WHERE state IN (0, 5)),"
				      " (SELECT count(*) FROM pending WHERE state IN (1, 2)),"
				      " (SELECT count(*) FROM open_conflict)",
				      "");
	int err = db_step(st);
	if (err <= 0)
		return err;
	*unsent = db_int(st, 0);
	*refused = db_int(st, 1);
	*conflicts = db_int(st, 2);
	db_reset(st);
	return 0;
}

int inside_pending_seq(struct copy *copy, int64_t more, int64_t *seq)
{
	struct db_stmt *st = db_query(copy->db,
				      "UPDATE sqlite_sequence SET seq = $1 +"
				      " max(seq, (SELECT coalesce(max(seq), 0) FROM pending))"
				      " WHERE name = 'pending' RETURNING seq",
				      "i", more);
	int err = db_step(st);

	if (err <= 0)
		return err < 0 ? err : ERR_CORRUPT;
	*seq = db_int(st, 0);
	err = db_step(st);
	return err < 0 ? err : 0;
}

/* ---- Taking a change's effect away ---------------------------------------------------------- */

/* It is not laid on top of its records any more. */
static int pending_uncover(struct copy *copy, int64_t seq, const struct change *c)
{
	int err = 0;
	for (size_t i = 0; i < c->n_edits && err == 0; i++)
		err = db_run(copy->db, "DELETE FROM pending_record WHERE record = $1 AND seq = $2",
			     "di", &c->edits[i].record, seq);
	return err;
}

int inside_pending_remove(struct copy *copy, int64_t seq, const struct change *c)
{
	int err = db_run(copy->db, "DELETE FROM pending WHERE seq = $1", "i", seq);
	return err < 0 ? err : pending_uncover(copy, seq, c);
}

/* The records that a change edits, as they are now shown and found. */
static int pending_reshow(struct copy *copy, const struct change *c)
{
	struct cursor *at;
	int err = inside_cursor(copy, &c->space, &at);

	if (err == ERR_MISSING || (err == 0 && at->state != HELD_OPEN))
		return 0;
	for (size_t i = 0; i < c->n_edits && err == 0; i++) {
		err = tables_remove(copy->tables, copy->db, c->edits[i].type, &c->edits[i].record,
				    &c->space);
		inside_show_later(copy, at, &c->edits[i].record);
		if (err == 0)
			err = inside_stale(copy, at->slot, &c->edits[i].record);
	}
	return err;
}

/* Put a change into another state, in which it is not shown. */
static int pending_hold(struct copy *copy, int64_t seq, enum pending_state state,
			struct bytes bytes, const char *words)
{
	struct arena arena;
	struct change c;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = change_read(&c, bytes, &arena, NULL) < 0 ? ERR_CORRUPT : 0;
	if (err == 0)
		err = db_run(copy->db, "UPDATE pending SET state = $1, words = $2 WHERE seq = $3",
			     "iti", (int64_t)state, words, seq);
	if (err == 0)
		err = pending_uncover(copy, seq, &c);
	if (err == 0)
		err = pending_reshow(copy, &c);
	arena_fini(&arena);
	return err;
}

static bool afters_name(struct bytes afters, const struct id *change)
{
	for (size_t i = 0; i + 16 <= afters.len; i += 16)
		if (memcmp(afters.data + i, change->b, 16) == 0)
			return true;
	return false;
}

int inside_pending_after(struct copy *copy, const struct id *change, enum pending_state state,
			 struct arena *arena, int64_t *seq, struct id *found, struct bytes *bytes)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT seq, change, afters, bytes FROM pending"
			 " WHERE seq > $1 AND state = $2 AND afters IS NOT NULL ORDER BY seq",
			 "ii", *seq, (int64_t)state);
	int err;

	while ((err = db_step(st)) == 1) {
		if (!afters_name(db_bytes(st, 2), change))
			continue;
		*seq = db_int(st, 0);
		bool whole = db_id(st, 1, found);
		*bytes = arena_copy(arena, db_bytes(st, 3));
		db_reset(st);
		return whole ? 1 : ERR_CORRUPT;
	}
	return err;
}

static int pending_wait(struct copy *copy, const struct id *refused, int64_t seq);

/* Those of one state. */
static int pending_wait_those(struct copy *copy, const struct id *refused, int64_t seq,
			      enum pending_state state)
{
	struct arena arena;
	struct id next;
	struct bytes bytes;
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	while ((err = inside_pending_after(copy, refused, state, &arena, &seq, &next, &bytes)) ==
	       1) {
		err = pending_hold(copy, seq, PENDING_WAITING, bytes,
				   "it stands after a change of yours that was refused");
		if (err == 0)
			err = pending_wait(copy, &next, seq);
		if (err < 0)
			break;
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return err;
}

/* What stands after a refused change waits, and what stands after that; also what waits for a
 * word: once that was given, the server would wait for ever for what it stands after. */
static int pending_wait(struct copy *copy, const struct id *refused, int64_t seq)
{
	int err = pending_wait_those(copy, refused, seq, PENDING_UNSENT);

	return err < 0 ? err : pending_wait_those(copy, refused, seq, PENDING_ASKS);
}

/* ---- Verdicts ------------------------------------------------------------------------------- */

/* Where nothing of a lost space wants a verdict any more, forget that it was held. */
static int pending_close_space(struct copy *copy, const struct id *space)
{
	struct cursor *at;
	int err = inside_cursor(copy, space, &at);

	if (err < 0 || at->state == HELD_OPEN)
		return err == ERR_MISSING ? 0 : err;
	struct db_stmt *st =
		db_query(copy->db, "SELECT 1 FROM pending WHERE space = $1 AND state = 0 LIMIT 1",
			 "d", space);
	err = db_step(st);
	if (err == 1)
		db_reset(st);
	if (err == 0)
		err = inside_flush(copy);
	else
		return err < 0 ? err : 0;
	return err < 0 ? err : db_run(copy->db, "DELETE FROM held WHERE space = $1", "d", space);
}

static int verdict_held(struct copy *copy, int64_t seq, struct bytes bytes, const char *words)
{
	return pending_hold(copy, seq, PENDING_HELD, bytes,
			    words && *words ? words : "somebody has to decide on it");
}

static int verdict_refused(struct copy *copy, int64_t seq, const struct id *change,
			   struct bytes bytes, const char *words)
{
	int err = pending_hold(copy, seq, PENDING_REFUSED, bytes,
			       words && *words ? words : "the server refused it");
	return err < 0 ? err : pending_wait(copy, change, seq);
}

/* Accepted. Its entry tells the rest, unless it will never come here or came before. Where the
 * server names an entry that is here, and is not of this change, what was written is kept. */
static int verdict_accepted(struct copy *copy, int64_t seq, uint64_t number, struct bytes bytes)
{
	struct arena arena;
	struct change c;
	struct cursor *at;
	uint64_t where;
	int64_t slot;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = change_read(&c, bytes, &arena, NULL) < 0 ? ERR_CORRUPT : 0;
	if (err == 0)
		err = inside_cursor(copy, &c.space, &at);
	bool comes = err == 0 && at->state == HELD_OPEN;
	if (err == ERR_MISSING)
		err = 0;
	if (comes && at->number >= number) {
		int got = inside_where(copy, &c.id, &slot, &where);
		comes = got == 0;
		err = got < 0 ? got : 0;
		if (comes)
			log_error("copy.verdict", "number=%llu why=\"no entry has this change\"",
				  (unsigned long long)number);
	}
	if (err == 0 && !comes)
		err = inside_pending_remove(copy, seq, &c);
	if (err == 0 && !comes)
		err = pending_reshow(copy, &c);
	arena_fini(&arena);
	return err;
}

/* In the open transaction. */
static int verdict_take(struct copy *copy, const struct id *change, enum verdict verdict,
			uint64_t number, const char *words, struct arena *arena)
{
	struct bytes bytes;
	struct change c;
	enum pending_state state;
	int64_t seq;
	int err = inside_pending(copy, change, arena, &seq, &state, &bytes);

	if (err <= 0)
		return err;
	bool open = state == PENDING_UNSENT || state == PENDING_HELD;
	if (verdict == VERDICT_REFUSED)
		err = open ? verdict_refused(copy, seq, change, bytes, words) : 0;
	else if (verdict == VERDICT_HELD)
		err = state == PENDING_UNSENT ? verdict_held(copy, seq, bytes, words) : 0;
	else
		err = verdict_accepted(copy, seq, number, bytes);
	if (err == 0 && change_read(&c, bytes, arena, NULL) < 0)
		err = ERR_CORRUPT;
	return err < 0 ? err : pending_close_space(copy, &c.space);
}

int copy_verdict(struct copy *copy, const struct id *change, enum verdict verdict, uint64_t number,
		 const char *words)
{
	struct arena arena;
	int err = copy_begin(copy);

	if (err < 0)
		return err;
	arena_init(&arena, ARENA_NO_BUDGET);
	err = verdict_take(copy, change, verdict, number, words, &arena);
	arena_fini(&arena);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

int copy_defer(struct copy *copy, const struct id *change, const char *words)
{
	int err = copy_begin(copy);
	if (err == 0)
		err = db_run(copy->db,
			     "UPDATE pending SET words = $1"
			     " WHERE change = $2 AND state = 0 AND words IS NOT $3",
			     "tdt", words, change, words);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

/* ---- Giving up ------------------------------------------------------------------------------ */

/* What stood after a change that is gone is the person's to send again, or to drop too. */
static int drop_orphans(struct copy *copy, const struct id *change, struct arena *arena)
{
	struct id next;
	struct bytes bytes;
	int64_t seq = 0;
	int err;

	while ((err = inside_pending_after(copy, change, PENDING_WAITING, arena, &seq, &next,
					   &bytes)) == 1) {
		err = db_run(copy->db, "UPDATE pending SET state = 1, words = $1 WHERE seq = $2",
			     "ti", "it stands after a change of yours that was dropped", seq);
		if (err < 0)
			return err;
	}
	return err;
}

/* It is laid on its records still; and what stands after it goes no further. */
static int drop_shown(struct copy *copy, int64_t seq, struct bytes bytes, struct arena *arena)
{
	struct change c;
	int err = change_read(&c, bytes, arena, NULL) < 0 ? ERR_CORRUPT : 0;

	if (err == 0)
		err = inside_pending_remove(copy, seq, &c);
	if (err == 0)
		err = pending_wait(copy, &c.id, 0);
	return err < 0 ? err : pending_reshow(copy, &c);
}

/* Does it wait until a document is on the server? Then it was not accepted, and may be taken back;
 * if it is just then, its entry comes all the same. */
static int pending_has_document(struct copy *copy, int64_t seq)
{
	static const char sql[] = "SELECT 1 FROM pending WHERE seq = $1 AND contents IS NOT NULL";
	struct db_stmt *st = db_query(copy->db, sql, "i", seq);
	int got = db_step(st);

	if (got == 1)
		db_reset(st);
	return got;
}

static int drop_in_transaction(struct copy *copy, const struct id *change, struct arena *arena,
			       struct cause *cause)
{
	struct bytes bytes;
	enum pending_state state;
	int64_t seq;
	int err = inside_pending(copy, change, arena, &seq, &state, &bytes);

	if (err == 0)
		return cause_set(cause, ERR_MISSING, "no change with this id waits here");
	bool waits = err == 1 && state == PENDING_UNSENT;
	if (waits && (err = pending_has_document(copy, seq)) < 0)
		return cause_set(cause, err, "%s", err_words(err));
	if (waits && err == 0)
		return cause_set(cause, ERR_INVALID,
				 "this change was not refused: it may be on its way already. "
				 "Change the record again instead");
	if (err == 1 && state == PENDING_HELD)
		return cause_set(cause, ERR_INVALID,
				 "this change is with the server, where somebody decides on it");
	if (err == 1)
		err = state == PENDING_ASKS || waits
			      ? drop_shown(copy, seq, bytes, arena)
			      : db_run(copy->db, "DELETE FROM pending WHERE seq = $1", "i", seq);
	if (err == 0)
		err = drop_orphans(copy, change, arena);
	if (err == 0)
		err = contents_forget_sent(copy);
	return err < 0 ? cause_set(cause, err, "%s", err_words(err)) : 0;
}

int copy_pending_drop(struct copy *copy, const struct id *change, struct cause *cause)
{
	struct arena arena;
	int err = inside_begin_alone(copy);

	if (err < 0)
		return cause_set(cause, err, "%s", err_words(err));
	arena_init(&arena, ARENA_NO_BUDGET);
	err = drop_in_transaction(copy, change, &arena, cause);
	arena_fini(&arena);
	if (err == 0) {
		err = copy_commit(copy);
		if (err < 0)
			cause_set(cause, err, "%s", err_words(err));
	} else {
		copy_rollback(copy);
	}
	return err;
}
