/*
 * Bodies that come later. A new copy gets every entry of a space, but at first only those bodies
 * that its values need; the chain goes over a hash of each of the others, by which it is known when
 * it comes. Until then the entry says who and when, and which fields it was about.
 */
#include "client/copy_inside.h"

#include "common/log.h"

#include <string.h>

int copy_first(struct copy *copy, const struct id *space, uint64_t told)
{
	return db_run(copy->db,
		      "UPDATE held SET first = $1 WHERE space = $2 AND number < $3"
		      " AND (number = 0 OR number < first)",
		      "udu", told, space, told);
}

int inside_lacks_any(struct copy *copy, int64_t slot)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT 1 FROM entry WHERE body IS NULL AND key > $1 AND key < $2 LIMIT 1",
			 "ii", entry_key(slot, 0), entry_key(slot + 1, 0));
	int got = db_step(st);

	if (got == 1)
		db_reset(st);
	return got;
}

int copy_incomplete(struct copy *copy, const struct id *space, struct incomplete *out)
{
	struct db_stmt *st = db_query(
		copy->db,
		"SELECT (SELECT count(*) FROM entry e WHERE e.body IS NULL AND"
		" ($1 IS NULL OR e.key >> 40 = (SELECT slot FROM held WHERE space = $2))),"
		" (SELECT count(*) FROM held WHERE state = 0 AND number < first"
		" AND ($3 IS NULL OR space = $4))",
		"dddd", space, space, space, space);
	int got = db_step(st);

	_Static_assert(KEY_NUMBER_BITS == 40, "the number in the SQL above");
	*out = (struct incomplete){0};
	if (got <= 0)
		return got;
	*out = (struct incomplete){db_int(st, 0), db_int(st, 1)};
	db_reset(st);
	return 0;
}

/* ---- What to ask for ------------------------------------------------------------------------ */

/* The first slot from `slot` on that lacks a body. 1, 0 or an error. */
static int absent_slot(struct copy *copy, int64_t slot, int64_t *out)
{
	struct db_stmt *st = db_query(
		copy->db,
		"SELECT key FROM entry WHERE body IS NULL AND key >= $1 ORDER BY key LIMIT 1", "i",
		entry_key(slot, 0));
	int got = db_step(st);

	if (got == 1) {
		*out = db_int(st, 0) >> KEY_NUMBER_BITS;
		db_reset(st);
	}
	return got;
}

static int absent_numbers(struct copy *copy, struct absent *at, uint64_t *numbers, size_t most)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT key FROM entry WHERE body IS NULL AND key >= $1 AND key < $2"
			 " ORDER BY key DESC LIMIT $3",
			 "iii", entry_key(at->slot, 0), at->below, (int64_t)most);
	int n = 0, err;

	while ((err = db_step(st)) == 1) {
		at->below = db_int(st, 0);
		numbers[n++] = (uint64_t)(at->below - entry_key(at->slot, 0));
	}
	return err < 0 ? err : n;
}

static int absent_space(struct copy *copy, int64_t slot, struct id *space)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT space FROM held WHERE slot = $1", "i", slot);
	int got = db_step(st);

	if (got <= 0)
		return got < 0 ? got : ERR_CORRUPT;
	bool whole = db_id(st, 0, space);
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

int copy_absent(struct copy *copy, struct absent *at, struct id *space, uint64_t *numbers,
		size_t most)
{
	int n = absent_numbers(copy, at, numbers, most);

	while (n == 0) {
		n = absent_slot(copy, at->slot + 1, &at->slot);
		if (n <= 0)
			return n;
		at->below = entry_key(at->slot + 1, 0);
		n = absent_numbers(copy, at, numbers, most);
	}
	int err = n < 0 ? n : absent_space(copy, at->slot, space);
	return err < 0 ? err : n;
}

/* ---- What comes ----------------------------------------------------------------------------- */

/* A body is here: what is foreseen of pending changes may be another now. */
static int body_show(struct copy *copy, const struct cursor *at, const struct header *h)
{
	for (size_t i = 0; copy->any_pending && i < h->n_touches; i++) {
		int got = inside_is_pending_on(copy, &h->touches[i].record);
		if (got < 0)
			return got;
		if (got)
			inside_show_later(copy, at, &h->touches[i].record);
	}
	return 0;
}

/* Its header and seal; 0: there is no such entry that lacks its body. */
static int body_find(struct copy *copy, int64_t key, struct bytes *header,
		     uint8_t sealed[SHA256_LEN])
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT header, sealed FROM entry WHERE key = $1 AND body IS NULL", "i",
		key);
	int got = db_step(st);

	if (got <= 0)
		return got;
	bool whole = db_hash(st, 1, sealed);
	*header = arena_copy(&copy->feed_arena, db_bytes(st, 0));
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

/* 1: it is kept, or was here; 0: it is not what the chain says; or an error. */
static int body_keep(struct copy *copy, const struct cursor *at, const Wire__Body *b)
{
	uint8_t sealed[SHA256_LEN], own[SHA256_LEN];
	int64_t key = entry_key(at->slot, b->number);
	struct bytes header;
	struct past_entry e;
	int got = body_find(copy, key, &header, own);

	if (got <= 0)
		return got < 0 ? got : 1;
	body_seal(BYTES_OF(b->salt), BYTES_OF(b->body), sealed);
	if (memcmp(sealed, own, SHA256_LEN) != 0 || b->body.len == 0 ||
	    inside_read_entry(copy, at, header, BYTES_OF(b->body), &e) < 0)
		return 0;
	int err = db_run(copy->db,
			 "UPDATE entry SET salt = $1, body = $2, sealed = NULL WHERE key = $3",
			 "bbi", BYTES_OF(b->salt), BYTES_OF(b->body), key);
	if (err == 0)
		err = body_show(copy, at, &e.header);
	return err < 0 ? err : 1;
}

static int bodies_keep(struct copy *copy, const struct cursor *at, const Wire__Bodies *m,
		       size_t *refused)
{
	for (size_t i = 0; i < m->n_bodies; i++) {
		const Wire__Body *b = m->bodies[i];
		if (!b->has_body || b->number == 0 || b->number > at->number)
			continue;
		arena_reset(&copy->feed_arena);
		int got = body_keep(copy, at, b);
		if (got < 0)
			return got;
		if (got == 0) {
			log_error("copy.body", "number=%llu why=\"it is not what the chain says\"",
				  (unsigned long long)b->number);
			++*refused;
		}
	}
	return 0;
}

int copy_bodies(struct copy *copy, const Wire__Bodies *m, size_t *refused)
{
	struct cursor *found;
	struct id space;
	int err = id_from(&space, BYTES_OF(m->space)) ? copy_begin(copy) : ERR_MISSING;

	*refused = 0;
	if (err == 0)
		err = inside_cursor(copy, &space, &found);
	if (err == ERR_MISSING)
		return 0; /* it was lost meanwhile */
	if (err == 0) {
		const struct cursor at = *found;
		err = bodies_keep(copy, &at, m, refused);
	}
	if (err < 0)
		copy_rollback(copy);
	return err;
}
