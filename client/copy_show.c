/*
 * The rows that show each record as people see it: with what the server will most likely make of
 * what is pending on it. To reckon that costs more than all else, so while entries are applied a
 * record with pending changes is only noted down, once, and shown before the commit: other
 * processes never read a row that is behind.
 */
#include "client/copy_inside.h"

#include <stdlib.h>
#include <string.h>

int inside_conflicts(struct copy *copy, int64_t slot, const struct id *record, int64_t *count)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT count(*) FROM open_conflict WHERE record = $1 AND slot = $2",
		"di", record, slot);
	int err = db_step(st);
	if (err <= 0)
		return err;
	*count = db_int(st, 0);
	db_reset(st);
	return 0;
}

/* The row of a record whose accepted state is in `r`. */
static int show_now(struct copy *copy, const struct cursor *at, struct record *r, bool pending)
{
	struct foresight ahead = {0};
	int64_t conflicts = 0;
	int err = 0;

	if (at->state != HELD_OPEN)
		return 0;
	copy->documents_moved += r->type == TYPE_VERSION || r->type == TYPE_DOCUMENT;
	if (pending)
		err = inside_foresee(copy, &at->space, r, &ahead);
	if (err >= 0 && copy->any_conflict)
		err = inside_conflicts(copy, at->slot, &r->id, &conflicts);
	return err < 0 ? err
		       : tables_put(copy->tables, copy->db, r, &at->space, (int64_t)ahead.pending,
				    conflicts + (int64_t)ahead.to_be);
}

int inside_refresh(struct copy *copy, const struct cursor *at, const struct id *record)
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = inside_accepted(copy, at->slot, record, &arena, &r);
	if (err == 0 && copy->any_pending) {
		/* Not accepted yet: its type stands in the pending change that makes it. */
		struct record shown;
		record_init(&shown, &arena, record, 0);
		err = inside_overlay(copy, &at->space, &shown, NULL);
		r.type = shown.type;
	}
	if (err >= 0)
		err = show_now(copy, at, &r, copy->any_pending);
	arena_fini(&arena);
	return err;
}

/* ---- Before the commit ---------------------------------------------------------------------- */

static int due_by_record(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	int order = id_compare(&x->record, &y->record);

	if (order == 0)
		order = id_compare(&x->space, &y->space);
	return order ? order : x->turn < y->turn ? -1 : x->turn > y->turn;
}

static int due_by_turn(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	return x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* Each record once, where it was noted first: neighbours stand in one pending change, often. */
static void due_once(struct copy *copy)
{
	struct due *due = copy->due;
	size_t n = 0;

	if (copy->n_due == 0)
		return;
	qsort(due, copy->n_due, sizeof(*due), due_by_record);
	for (size_t i = 0; i < copy->n_due; i++)
		if (n == 0 || !id_equal(&due[n - 1].record, &due[i].record) ||
		    !id_equal(&due[n - 1].space, &due[i].space))
			due[n++] = due[i];
	copy->n_due = n;
	qsort(due, n, sizeof(*due), due_by_turn);
}

void inside_show_later(struct copy *copy, const struct cursor *at, const struct id *record)
{
	if (copy->n_due == copy->cap_due) {
		due_once(copy);
		if (2 * copy->n_due >= copy->cap_due)
			copy->due = mem_resize(copy->due,
					       (copy->cap_due = copy->cap_due ? 2 * copy->cap_due
									      : 256) *
						       sizeof(*copy->due));
	}
	copy->due[copy->n_due++] =
		(struct due){.record = *record, .space = at->space, .turn = copy->due_turn++};
}

int inside_show_due(struct copy *copy)
{
	struct cursor *at;
	int err = 0;

	due_once(copy);
	for (size_t i = 0; i < copy->n_due && err == 0; i++) {
		err = inside_cursor(copy, &copy->due[i].space, &at);
		if (err == 0)
			err = inside_refresh(copy, at, &copy->due[i].record);
		else if (err == ERR_MISSING)
			err = 0; /* its space is lost */
	}
	copy->n_due = 0;
	return err;
}

/* ---- While entries are applied -------------------------------------------------------------- */

int inside_is_pending_on(struct copy *copy, const struct id *record)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT 1 FROM pending_record WHERE record = $1 LIMIT 1", "d", record);
	int got = db_step(st);

	if (got == 1)
		db_reset(st);
	return got;
}

int inside_show(struct copy *copy, const struct cursor *at, struct record *r)
{
	int pending = copy->any_pending ? inside_is_pending_on(copy, &r->id) : 0;

	if (pending < 0)
		return pending;
	if (pending == 0)
		return show_now(copy, at, r, false);
	inside_show_later(copy, at, &r->id);
	return 0;
}
