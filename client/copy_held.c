/*
 * What the server holds for somebody's word: the list of others' changes that this person decides
 * on. And what became of this device's own changes, as the journal tells it.
 */
#include "client/copy_inside.h"

#include "common/fields.h"

#include <stdlib.h>

int copy_held_counts(struct copy *copy, int64_t *own, int64_t *here)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT (SELECT count(*) FROM pending WHERE state = 3),"
				      " (SELECT count(*) FROM held_here)",
				      "");
	int err = db_step(st);

	_Static_assert(PENDING_HELD == 3, "the number in the SQL above");
	if (err <= 0)
		return err;
	*own = db_int(st, 0);
	*here = db_int(st, 1);
	db_reset(st);
	return 0;
}

int copy_held_next(struct copy *copy, int64_t seq, struct arena *arena, struct held_here *out)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT seq, change, space, device, time_ms, bytes FROM held_here"
			 " WHERE seq > $1 ORDER BY seq LIMIT 1",
			 "i", seq);
	int err = db_step(st);

	if (err <= 0)
		return err;
	out->seq = db_int(st, 0);
	bool whole = db_id(st, 1, &out->change) && db_id(st, 2, &out->space) &&
		     db_id(st, 3, &out->device);
	out->time_ms = (uint64_t)db_int(st, 4);
	out->bytes = arena_copy(arena, db_bytes(st, 5));
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

/* ---- Lists from the server ------------------------------------------------------------------ */

static int list_take(struct copy *copy, const struct id *space, const Wire__HeldChange *h)
{
	struct bytes bytes = BYTES_OF(h->change);
	struct change change;
	struct id device;

	arena_reset(&copy->arena);
	if (!id_from(&device, BYTES_OF(h->device)) ||
	    change_read(&change, bytes, &copy->arena, NULL) < 0 ||
	    !id_equal(&change.space, space))
		return ERR_PROTO;
	return db_run(copy->db,
		      "INSERT INTO held_here (change, space, device, time_ms, bytes)"
		      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (change) DO NOTHING",
		      "dddub", &change.id, space, &device, h->time_ms, bytes);
}

int copy_held_list(struct copy *copy, const Wire__HeldList *list)
{
	struct cursor *at;
	struct id space;
	int err = copy_begin(copy);

	if (err == 0 && !id_from(&space, BYTES_OF(list->space)))
		err = ERR_PROTO;
	if (err == 0 && inside_cursor(copy, &space, &at) < 0)
		err = ERR_PROTO;
	if (err == 0 && !list->goes_on)
		err = db_run(copy->db, "DELETE FROM held_here WHERE space = $1", "d", &space);
	for (size_t i = 0; err == 0 && i < list->n_changes; i++)
		err = list_take(copy, &space, list->changes[i]);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

int copy_held_drop(struct copy *copy, const struct id *change)
{
	int err = copy_begin(copy);

	if (err == 0)
		err = db_run(copy->db, "DELETE FROM held_here WHERE change = $1", "d", change);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

int copy_held_forget(struct copy *copy)
{
	int err = copy_begin(copy);

	if (err == 0)
		err = db_run(copy->db, "DELETE FROM held_here", "");
	if (err < 0)
		copy_rollback(copy);
	return err;
}

/* ---- What became of own changes ------------------------------------------------------------- */

enum { LOOK_BACK = 10000, HEADER_DEVICE = 3, HEADER_TIME = 4 };

struct own {
	uint64_t time_ms, number;
	size_t space;
};

/* The newest own entries of one space, at most `most`, from the last LOOK_BACK. */
static int own_collect(struct copy *copy, const struct held *spaces, size_t space, size_t most,
		       struct buf *out)
{
	const uint64_t from =
		spaces[space].number > LOOK_BACK ? spaces[space].number - LOOK_BACK : 0;
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT e.key, e.header FROM entry e JOIN held h ON h.space = $1"
			 " WHERE e.key > (h.slot << 40) + $2 AND e.key <= (h.slot << 40) + $3"
			 " ORDER BY e.key DESC",
			 "duu", &spaces[space].id, from, spaces[space].number);
	const struct bytes device = ID_BYTES(&copy->identity.device);
	size_t n = 0;
	int err;

	_Static_assert(KEY_NUMBER_BITS == 40, "the number in the SQL above");
	while (n < most && (err = db_step(st)) == 1) {
		struct bytes header = db_bytes(st, 1);
		if (!bytes_equal(value_bytes(fields_get(header, HEADER_DEVICE)), device))
			continue;
		struct own own = {value_number(fields_get(header, HEADER_TIME)),
				  (uint64_t)db_int(st, 0) & ((UINT64_C(1) << KEY_NUMBER_BITS) - 1),
				  space};
		buf_add(out, &own, sizeof(own));
		n++;
	}
	if (n == most) {
		db_reset(st);
		return 0;
	}
	return err;
}

/* The newest first; of one turn of the server the later first. */
static int own_compare(const void *a, const void *b)
{
	const struct own *x = a, *y = b;
	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? 1 : -1;
	return x->number == y->number ? 0 : x->number < y->number ? 1 : -1;
}

int copy_own_entries(struct copy *copy, size_t most, struct arena *arena,
		     void (*found)(void *arg, const struct id *space, const struct past_entry *e),
		     void *arg)
{
	struct held *spaces = NULL;
	struct buf list = {0};
	int n = copy_spaces(copy, &spaces), err = n < 0 ? n : 0;

	for (int i = 0; most > 0 && err == 0 && i < n; i++)
		err = own_collect(copy, spaces, (size_t)i, most, &list);
	size_t owns = list.len / sizeof(struct own);
	if (owns > 0)
		qsort(list.data, owns, sizeof(struct own), own_compare);
	for (size_t i = 0; err >= 0 && i < owns && i < most; i++) {
		const struct own *own = (const struct own *)list.data + i;
		struct past_entry e;
		err = copy_entry(copy, &spaces[own->space].id, own->number, arena, &e);
		if (err > 0)
			found(arg, &spaces[own->space].id, &e);
	}
	buf_fini(&list);
	free(spaces);
	return err < 0 ? err : 0;
}
