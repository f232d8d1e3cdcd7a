/*
 * A server that was set back: what this copy holds of its line is handed in from here, and what the
 * server has entered again elsewhere is dropped here. Dropping is one transaction: after a crash at
 * any line the copy either stands where it stood, and is told again, or it is done.
 */
#include "client/copy_inside.h"

#include "common/log.h"
#include "common/tls.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is handed in ---------------------------------------------------------------------- */

int copy_head(struct copy *copy, const struct id *space, struct signed_head *out)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT d.epoch, d.number, d.chain, d.signature FROM head d"
			 " JOIN held h ON h.slot = d.slot WHERE h.space = $1",
			 "d", space);
	int err = db_step(st);

	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	struct bytes signature = db_bytes(st, 3);
	bool whole = db_hash(st, 2, out->chain) && signature.len == sizeof(out->signature);
	out->epoch = (uint64_t)db_int(st, 0);
	out->number = (uint64_t)db_int(st, 1);
	if (whole)
		memcpy(out->signature, signature.data, sizeof(out->signature));
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

int copy_journal(struct copy *copy, const struct id *space, uint64_t from,
		 bool (*row)(void *arg, const struct stored_entry *e), void *arg)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT e.key & 1099511627775, e.header, e.salt, e.body, e.sealed"
			 " FROM held h"
			 " JOIN entry e ON e.key >= (h.slot << 40) + $1 AND"
			 " e.key < (h.slot + 1) << 40 WHERE h.space = $2 ORDER BY e.key",
			 "ud", from, space);
	int err;

	_Static_assert(KEY_NUMBER_BITS == 40, "the number in the SQL above");
	while ((err = db_step(st)) == 1) {
		const struct stored_entry e = {(uint64_t)db_int(st, 0), db_bytes(st, 1),
					       db_bytes(st, 2), db_bytes(st, 3), db_bytes(st, 4)};
		if (!row(arg, &e)) {
			db_reset(st);
			return 0;
		}
	}
	return err;
}

/* Walking a space's own chain from its start. */
struct walk {
	uint8_t chain[SHA256_LEN];
	uint64_t number, to;
	Wire__Point **points;
	size_t n_points;
	uint64_t shared;
};

static void walk_look(struct walk *w)
{
	for (size_t i = 0; i < w->n_points; i++)
		if (w->points[i]->number == w->number &&
		    bytes_equal(BYTES_OF(w->points[i]->chain), BYTES(w->chain, SHA256_LEN)))
			w->shared = w->number;
}

static bool walk_row(void *arg, const struct stored_entry *e)
{
	struct walk *w = arg;

	if (e->number > w->to)
		return false;
	entry_chain(w->chain, e->header, e->salt, e->body, e->sealed);
	w->number = e->number;
	walk_look(w);
	return true;
}

int copy_shared(struct copy *copy, const struct id *space, Wire__Point **points, size_t n,
		uint64_t *number)
{
	struct walk w = {.points = points, .n_points = n};

	for (size_t i = 0; i < n; i++)
		w.to = points[i]->number > w.to ? points[i]->number : w.to;
	chain_start(&copy->identity.area, space, w.chain);
	int err = copy_journal(copy, space, 1, walk_row, &w);
	*number = w.shared;
	return err;
}

/* ---- Is it so? ------------------------------------------------------------------------------ */

static int rewind_check(struct copy *copy, const struct cursor *at, const Wire__Head *head,
			struct cause *cause)
{
	struct walk w = {.to = head->number};
	struct buf statement = {0};

	if (head->epoch <= at->epoch || head->number > at->number)
		return cause_set(cause, ERR_CORRUPT,
				 "the server asks this copy to go back, and does not say to where");
	chain_start(&copy->identity.area, &at->space, w.chain);
	int err = copy_journal(copy, &at->space, 1, walk_row, &w);
	if (err < 0)
		return cause_set(cause, err, "%s", err_words(err));
	head_statement(&copy->identity.area, &at->space, head->epoch, head->number, w.chain,
		       &statement);
	bool good =
		bytes_equal(BYTES_OF(head->chain), BYTES(w.chain, SHA256_LEN)) &&
		head->signature.len == 64 &&
		head_verify(copy->identity.head_key, buf_bytes(&statement), head->signature.data);
	buf_fini(&statement);
	return good ? 0
		    : cause_set(cause, ERR_CORRUPT,
				"the server asks this copy to go back to what it has not signed, or"
				" this copy does not hold. Nothing was changed; tell the "
				"administrator of the area");
}

/* ---- Own changes among what is dropped ------------------------------------------------------ */

/* An entry above the head: if it is of this device, its change is pending again. */
static int requeue_entry(struct copy *copy, struct bytes header, struct bytes body)
{
	enum pending_state state;
	struct bytes bytes, outcome, there;
	struct change change;
	struct header h;
	int64_t seq;

	arena_reset(&copy->arena);
	if (header_read(&h, header, &copy->arena) < 0 || body_read(body, &bytes, &outcome) < 0 ||
	    change_read(&change, bytes, &copy->arena, NULL) < 0)
		return ERR_CORRUPT;
	if (!id_equal(&h.device, &copy->identity.device))
		return 0;
	int err = inside_pending(copy, &change.id, &copy->arena, &seq, &state, &there);
	if (err != 0)
		return err < 0 ? err : 0;
	err = inside_pending_insert(copy, &change, bytes, 0, &seq, &state);
	for (size_t i = 0; i < change.n_edits && err == 0 && state == PENDING_UNSENT; i++)
		err = db_run(copy->db, "INSERT INTO pending_record (record, seq) VALUES ($1, $2)",
			     "di", &change.edits[i].record, seq);
	return err;
}

static int pending_last(struct copy *copy, int64_t *seq)
{
	struct db_stmt *st = db_query(copy->db, "SELECT max(seq) FROM pending", "");
	int err = db_step(st);

	*seq = 0;
	if (err <= 0)
		return err;
	*seq = db_int(st, 0);
	db_reset(st);
	return 0;
}

/* What was pending before stands after what is pending again. */
static int requeue_order(struct copy *copy, int64_t before)
{
	int64_t last;
	int err = pending_last(copy, &last);

	if (err < 0 || before == 0 || last == before)
		return err;
	err = db_run(copy->db, "UPDATE pending SET seq = seq + $1 WHERE seq <= $2", "ii", last,
		     before);
	if (err == 0)
		err = db_run(copy->db,
			     "UPDATE pending_record SET seq = seq + $1 WHERE seq <= $2", "ii",
			     last, before);
	return err < 0 ? err : inside_pending_seq(copy, 0, &last);
}

static int requeue_own(struct copy *copy, const struct cursor *at, uint64_t number)
{
	struct db_stmt *st;
	int64_t before;
	int err = pending_last(copy, &before);

	if (err < 0)
		return err;
	copy->any_pending = true;
	st = db_query(copy->db,
		      "SELECT header, body FROM entry WHERE key > $1 AND key < $2 ORDER BY key",
		      "ii", entry_key(at->slot, number), entry_key(at->slot + 1, 0));
	while ((err = db_step(st)) == 1) {
		err = db_null(st, 1) ? 0 : requeue_entry(copy, db_bytes(st, 0), db_bytes(st, 1));
		if (err < 0) {
			db_reset(st);
			return err;
		}
	}
	return err < 0 ? err : requeue_order(copy, before);
}

/* ---- Going back ----------------------------------------------------------------------------- */

static int rewind_entries(struct copy *copy, const struct cursor *at, uint64_t number)
{
	int64_t first = entry_key(at->slot, number + 1), end = entry_key(at->slot + 1, 0);
	int err = db_run(copy->db, "DELETE FROM entry WHERE key >= $1 AND key < $2", "ii", first,
			 end);

	return err < 0 ? err
		       : db_run(copy->db, "DELETE FROM entry_change WHERE key >= $1 AND key < $2",
				"ii", first, end);
}

/* What is left has bodies that were not fetched, since what was dropped had replaced their values:
 * all of it comes anew. */
static int rewind_to_start(struct copy *copy, const struct cursor *at, const Wire__Head *head)
{
	uint8_t chain[SHA256_LEN];
	int err = rewind_entries(copy, at, 0);

	chain_start(&copy->identity.area, &at->space, chain);
	if (err == 0)
		err = db_run(copy->db,
			     "UPDATE held SET epoch = $1, number = 0, chain = $2, indexed = 0"
			     " WHERE slot = $3",
			     "ubi", head->epoch, BYTES(chain, SHA256_LEN), at->slot);
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM head WHERE slot = $1", "i", at->slot);
	return err;
}

/* Where the copy stands, and what the server has signed of it. */
static int rewind_place(struct copy *copy, const struct cursor *at, const Wire__Head *head,
			bool anew)
{
	int err = anew ? rewind_to_start(copy, at, head)
		       : db_run(copy->db,
				"UPDATE held SET epoch = $1, number = $2, chain = $3, indexed = 0"
				" WHERE slot = $4",
				"uubi", head->epoch, head->number, BYTES_OF(head->chain), at->slot);

	if (err == 0 && !anew)
		err = db_run(copy->db,
			     "INSERT OR REPLACE INTO head (slot, epoch, number, chain, signature)"
			     " VALUES ($1, $2, $3, $4, $5)",
			     "iuubb", at->slot, head->epoch, head->number, BYTES_OF(head->chain),
			     BYTES_OF(head->signature));
	if (err == 0)
		err = db_run(copy->db,
			     "INSERT INTO rewound (slot, epoch, number) VALUES ($1, $2, $3)", "iuu",
			     at->slot, head->epoch, head->number);
	return err;
}

static int rewind_all(struct copy *copy, const struct id *space, const Wire__Head *head,
		      struct cause *cause)
{
	struct cursor *found;
	int err = inside_cursor(copy, space, &found);

	if (err < 0)
		return err;
	const struct cursor at = *found;
	err = rewind_check(copy, &at, head, cause);
	if (err == 0)
		err = inside_flush(copy);
	if (err == 0)
		err = requeue_own(copy, &at, head->number);
	if (err == 0)
		err = rewind_entries(copy, &at, head->number);
	int anew = err == 0 ? inside_lacks_any(copy, at.slot) : err;
	err = anew < 0 ? anew : 0;
	if (err == 0)
		err = inside_lose_search(copy, at.slot);
	if (err == 0)
		err = inside_lose_records(copy, at.slot, space);
	if (err == 0)
		err = rewind_place(copy, &at, head, anew);
	if (err == 0)
		err = inside_cursor(copy, space, &found);
	const struct cursor back = err == 0 ? *found : at;
	if (err == 0)
		err = inside_replay(copy, &back);
	if (err == 0)
		err = inside_show_pending(copy);
	if (err == 0)
		log_warn("copy.rewound", "from=%llu to=%llu epoch=%llu",
			 (unsigned long long)at.number,
			 anew ? 0 : (unsigned long long)head->number,
			 (unsigned long long)head->epoch);
	return err < 0 ? err : anew;
}

int copy_rewind(struct copy *copy, const struct id *space, const Wire__Head *head,
		struct cause *cause)
{
	int err = inside_begin_alone(copy);

	cause_set(cause, 0, "%s", "");
	if (err == 0)
		err = rewind_all(copy, space, head, cause);
	int anew = err;
	if (err >= 0)
		err = copy_commit(copy);
	else
		copy_rollback(copy);
	return err < 0 ? err : anew;
}

/* ---- What was seen before ------------------------------------------------------------------- */

int inside_seen_stands(struct copy *copy, const struct cursor *at, uint64_t epoch, uint64_t number)
{
	if (epoch > at->epoch || number > at->number)
		return 0;
	if (epoch == at->epoch)
		return 1;
	struct db_stmt *st = db_query(copy->db,
				      "SELECT 1 FROM rewound WHERE slot = $1 AND epoch > $2"
				      " AND number < $3 LIMIT 1",
				      "iuu", at->slot, epoch, number);
	int err = db_step(st);
	if (err == 1)
		db_reset(st);
	return err < 0 ? err : err == 0;
}
