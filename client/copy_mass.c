/*
 * Many withdrawals at once: more than 20 records, or more than a tenth of a space, wait for the
 * person's word before they are sent. So does what stands after them; all else flows. They are
 * shown as made meanwhile.
 */
#include "client/copy_inside.h"

#include "common/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MASS_MANY = 20, MASS_LEAST = 3, MASS_PART = 10 };

/* Has this space at least so many records that are not withdrawn? */
static int space_has(struct copy *copy, const struct id *space, int64_t many)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT type, fields FROM record WHERE slot ="
				      " (SELECT slot FROM held WHERE space = $1)",
				      "d", space);
	const struct id none = {{0}};
	struct arena arena;
	int64_t n = 0;
	int err = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	while (n < many && (err = db_step(st)) == 1) {
		struct record r;
		arena_reset(&arena);
		record_init(&r, &arena, &none, (uint32_t)db_int(st, 0));
		if ((err = record_unpack(&r, db_bytes(st, 1))) < 0)
			break;
		n += r.type != TYPE_CONFLICT && record_existence(&r) == LIVE;
	}
	db_reset(st);
	arena_fini(&arena);
	return err < 0 ? err : n >= many;
}

int copy_is_mass(struct copy *copy, const struct id *space, int64_t records)
{
	if (records > MASS_MANY || records < MASS_LEAST)
		return records > MASS_MANY;
	int has = space_has(copy, space, records * MASS_PART);
	return has < 0 ? has : !has;
}

/* How many records of a space would be withdrawn by what waits here unasked. */
static int withdrawals_of(struct copy *copy, const struct id *space, int64_t *records)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT sum(withdraws) FROM pending WHERE space = $1"
				      " AND withdraws > 0 AND state IN (0, 5)",
				      "d", space);
	int err = db_step(st);
	if (err <= 0)
		return err;
	*records = db_int(st, 0);
	db_reset(st);
	return 0;
}

/* ---- Waiting for a word --------------------------------------------------------------------- */

/* The next change of a space that withdraws and could be sent. 1, 0 or an error. */
static int mass_next(struct copy *copy, const struct id *space, struct id *change)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT change FROM pending WHERE space = $1"
				      " AND withdraws > 0 AND state = 0 LIMIT 1",
				      "d", space);
	int err = db_step(st);
	if (err <= 0)
		return err;
	err = db_id(st, 0, change) ? 1 : ERR_CORRUPT;
	db_reset(st);
	return err;
}

/* This change waits for a word, and so does what stands after it. */
static int mass_ask(struct copy *copy, const struct id *change)
{
	struct arena arena;
	struct bytes bytes;
	struct id next;
	int64_t seq = 0;
	int err = db_run(copy->db, "UPDATE pending SET state = 5 WHERE change = $1", "d", change);

	arena_init(&arena, ARENA_NO_BUDGET);
	while (err == 0 && (err = inside_pending_after(copy, change, PENDING_UNSENT, &arena, &seq,
						       &next, &bytes)) == 1) {
		err = mass_ask(copy, &next);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return err;
}

int inside_mass(struct copy *copy, const struct id *space)
{
	struct id change;
	int64_t records = 0;
	int err = withdrawals_of(copy, space, &records);

	if (err == 0)
		err = copy_is_mass(copy, space, records);
	if (err <= 0)
		return err;
	log_info("copy.asks", "records=%" PRId64, records);
	while ((err = mass_next(copy, space, &change)) == 1)
		if ((err = mass_ask(copy, &change)) < 0)
			break;
	return err;
}

int copy_asking(struct copy *copy, struct asking *out)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT count(*), total(withdraws) FROM pending WHERE state = 5", "");
	int err = db_step(st);

	*out = (struct asking){0};
	if (err <= 0)
		return err;
	out->changes = db_int(st, 0);
	out->records = db_int(st, 1);
	db_reset(st);
	return 0;
}

/* ---- The word ------------------------------------------------------------------------------- */

/* Whoever is sending has looked at all up to some number: it gets a new one, behind all that there
 * ever were. */
static int agree_one(struct copy *copy, int64_t seq)
{
	int64_t fresh;
	int err = inside_pending_seq(copy, 1, &fresh);

	if (err == 0)
		err = db_run(copy->db,
			     "UPDATE pending SET state = 0, withdraws = 0, words = NULL, seq = $1"
			     " WHERE seq = $2",
			     "ii", fresh, seq);
	return err < 0 ? err
		       : db_run(copy->db, "UPDATE pending_record SET seq = $1 WHERE seq = $2", "ii",
				fresh, seq);
}

static int agree_next(struct copy *copy, int64_t end, int64_t *seq)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT seq FROM pending WHERE seq > $1 AND seq <= $2 AND state = 5"
			 " ORDER BY seq LIMIT 1",
			 "ii", *seq, end);
	int err = db_step(st);
	if (err == 1) {
		*seq = db_int(st, 0);
		db_reset(st);
	}
	return err;
}

static int newest_seq(struct copy *copy, int64_t *seq)
{
	struct db_stmt *st = db_query(copy->db, "SELECT coalesce(max(seq), 0) FROM pending", "");
	int err = db_step(st);
	if (err <= 0)
		return err;
	*seq = db_int(st, 0);
	db_reset(st);
	return 0;
}

/* All that waits for a word, in its order. */
static int agree_all(struct copy *copy)
{
	int64_t seq = 0, end = 0;
	int n = 0, err = newest_seq(copy, &end);

	while (err >= 0 && (err = agree_next(copy, end, &seq)) == 1) {
		err = agree_one(copy, seq);
		n++;
	}
	return err < 0 ? err : n;
}

int copy_agree(struct copy *copy, struct cause *cause)
{
	int n = inside_begin_alone(copy), err;

	if (n == 0)
		n = agree_all(copy);
	if (n < 0)
		copy_rollback(copy);
	err = n < 0 ? n : copy_commit(copy);
	if (err < 0)
		return cause_set(cause, err, "it could not be saved: %s", err_words(err));
	return n;
}
