/*
 * Spaces come and go. A granted space is held from its first entry; of a lost one all is removed at
 * once: journal, records, rows, search text, documents. Only pending changes stay, to get a
 * verdict.
 */
#include "client/copy_inside.h"

#include "client/contents.h"
#include "common/fields.h"
#include "common/log.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>


int copy_grant(struct copy *copy, const struct id *space, uint64_t epoch)
{
	uint8_t chain[SHA256_LEN];
	struct cursor *at;
	int err = copy_begin(copy);

	if (err < 0)
		return err;
	chain_start(&copy->identity.area, space, chain);
	err = inside_cursor(copy, space, &at);
	if (err == 0 && at->state == HELD_OPEN)
		return 0;
	bool again = err == 0; /* lost a moment ago, and changes in it still wait */
	if (err == 0 || err == ERR_MISSING)
		err = inside_flush(copy);
	if (err == 0)
		err = db_run(copy->db,
			     "INSERT INTO held (space, state, epoch, number, chain, indexed)"
			     " VALUES ($1, 0, $2, 0, $3, 0) ON CONFLICT (space) DO UPDATE"
			     " SET state = 0, epoch = excluded.epoch, number = 0, chain = "
			     "excluded.chain,"
			     " indexed = 0, first = 0",
			     "dub", space, epoch, BYTES(chain, SHA256_LEN));
	if (err == 0 && again)
		err = inside_show_pending(copy);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

/* ---- Documents that go with a space --------------------------------------------------------- */

/* The roots that the Versions of this space name, one behind the other. */
static int lost_contents(struct copy *copy, int64_t slot, struct buf *roots)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT id, fields FROM record WHERE slot = $1 AND type = 19", "i", slot);
	struct content content;
	struct record r;
	struct id id;
	int err;

	_Static_assert(TYPE_VERSION == 19, "the number in the SQL above");
	while ((err = db_step(st)) == 1) {
		arena_reset(&copy->arena);
		record_init(&r, &copy->arena, &id, TYPE_VERSION);
		if (!db_id(st, 0, &id) || record_unpack(&r, db_bytes(st, 1)) < 0) {
			db_reset(st);
			return ERR_CORRUPT;
		}
		if (contents_of(&r, &content))
			buf_add(roots, content.root, SHA256_LEN);
	}
	return err;
}

/* ---- Losing a space ------------------------------------------------------------------------- */

int inside_lose_search(struct copy *copy, int64_t slot)
{
	int err = db_run(
		copy->db,
		"DELETE FROM search WHERE rowid IN (SELECT row FROM search_row WHERE slot = $1)",
		"i", slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM search_row WHERE slot = $1", "i", slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM stale WHERE slot = $1", "i", slot);
	/* Else its words would stand in the index's file until something overwrites them. */
	if (err == 0)
		err = db_run(copy->db, "INSERT INTO search (search) VALUES ('optimize')", "");
	return err;
}

int inside_lose_records(struct copy *copy, int64_t slot, const struct id *space)
{
	int err = db_run(copy->db, "DELETE FROM record WHERE slot = $1", "i", slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM open_conflict WHERE slot = $1", "i", slot);
	if (err == 0)
		err = tables_remove_space(copy->tables, copy->db, space);
	return err;
}

static int lose_entries(struct copy *copy, int64_t slot)
{
	int64_t first = entry_key(slot, 0), end = entry_key(slot + 1, 0);
	int err = db_run(copy->db, "DELETE FROM entry WHERE key >= $1 AND key < $2", "ii", first,
			 end);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM entry_change WHERE key >= $1 AND key < $2",
			     "ii", first, end);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM head WHERE slot = $1", "i", slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM rewound WHERE slot = $1", "i", slot);
	return err;
}

/* Nothing is held of it any more. It stays known while a change in it waits for its verdict. */
static int lose_place(struct copy *copy, const struct cursor *at)
{
	uint8_t chain[SHA256_LEN];

	chain_start(&copy->identity.area, &at->space, chain);
	int err = db_run(
		copy->db,
		"UPDATE held SET state = 1, number = 0, chain = $1, indexed = 0 WHERE slot = $2",
		"bi", BYTES(chain, SHA256_LEN), at->slot);
	if (err == 0)
		err = db_run(copy->db,
			     "DELETE FROM held WHERE slot = $1 AND NOT EXISTS"
			     " (SELECT 1 FROM pending WHERE space = $2 AND state = 0)",
			     "id", at->slot, &at->space);
	return err;
}

int copy_lose(struct copy *copy, const struct id *space)
{
	struct buf roots = {0};
	struct cursor *found;
	int err = copy_begin(copy);

	if (err == 0)
		err = inside_cursor(copy, space, &found);
	if (err == ERR_MISSING)
		return 0;
	const struct cursor at = err == 0 ? *found : (struct cursor){0};
	if (err == 0 && at.state == HELD_CLOSING)
		return lose_place(copy, &at); /* nothing came since it was lost */
	if (err == 0)
		err = inside_flush(copy);
	if (err == 0)
		err = lost_contents(copy, at.slot, &roots);
	if (err == 0)
		err = inside_lose_search(copy, at.slot);
	if (err == 0)
		err = inside_lose_records(copy, at.slot, &at.space);
	if (err == 0)
		err = lose_entries(copy, at.slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM held_here WHERE space = $1", "d", &at.space);
	/* Why a change was refused may quote what stood there. */
	if (err == 0)
		err = db_run(copy->db,
			     "UPDATE pending SET words = 'it was refused; the space is closed to"
			     " you by now' WHERE space = $1 AND state = 1",
			     "d", &at.space);
	if (err == 0)
		err = lose_place(copy, &at);
	if (err == 0)
		err = contents_remove(copy, buf_bytes(&roots));
	buf_fini(&roots);
	if (err == 0)
		err = copy_meta_set(copy, "scrub", "1");
	copy->erases = true;
	if (err < 0)
		copy_rollback(copy);
	else
		log_info("copy.lost", "slot=%lld number=%llu", (long long)at.slot,
			 (unsigned long long)at.number);
	return err;
}

/* ---- All records anew ----------------------------------------------------------------------- */

/* One accepted record after another, by key, since showing one must not happen while
 * reading them. */
static int show_next(struct copy *copy, struct id *id, int64_t *slot, struct id *space)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT r.id, r.slot, h.space FROM record r JOIN held h ON h.slot = r.slot"
			 " WHERE (r.id, r.slot) > ($1, $2) AND h.state = 0"
			 " ORDER BY r.id, r.slot LIMIT 1",
			 "di", id, *slot);
	int err = db_step(st);
	if (err <= 0)
		return err;
	bool whole = db_id(st, 0, id) && db_id(st, 2, space);
	*slot = db_int(st, 1);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

static int show_accepted(struct copy *copy)
{
	struct id id = {{0}}, space;
	int64_t slot = -1;
	struct cursor *at;
	int err;

	while ((err = show_next(copy, &id, &slot, &space)) == 1) {
		err = inside_cursor(copy, &space, &at);
		if (err == 0)
			err = inside_refresh(copy, at, &id);
		if (err < 0)
			return err;
	}
	return err;
}

/* Records that only pending changes know are shown too. */
int inside_show_pending(struct copy *copy)
{
	struct pending p;
	struct change c;
	struct cursor *at;
	int64_t seq = 0;
	int err;

	while ((err = copy_pending_next(copy, seq, &p)) == 1) {
		seq = p.seq;
		free(p.words);
		arena_reset(&copy->arena);
		err = change_read(&c, p.bytes, &copy->arena, NULL) < 0 ? ERR_CORRUPT : 0;
		if (err == 0)
			err = inside_cursor(copy, &p.space, &at);
		for (size_t i = 0; err == 0 && i < c.n_edits; i++) {
			inside_show_later(copy, at, &c.edits[i].record);
			err = inside_stale(copy, at->slot, &c.edits[i].record);
		}
		if (err < 0 && err != ERR_MISSING)
			return err;
	}
	return err;
}

int inside_show_all(struct copy *copy)
{
	int err = show_accepted(copy);
	return err < 0 ? err : inside_show_pending(copy);
}
