/*
 * Drafts: what is wanted is collected in memory; saving makes changes of it and stores them with
 * their visible effect, in one transaction.
 */
#include "client/draft_inside.h"

#include "client/bell.h"
#include "client/contents.h"

#include "common/log.h"
#include "common/os.h"
#include "records.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTES_ITEMS = 4, EDIT_OVERHEAD = 128 };

struct draft {
	struct copy *copy;
	struct id space;
	struct arena arena;
	struct piece **pieces;
	size_t n_pieces, cap_pieces;
	struct piece *now; /* the record last named */
	struct id *settles, *exact;
	size_t n_settles, n_exact;
	struct id undoes;
	bool agreed, holds, seen_any;
	uint64_t seen_epoch, seen_number;
};

/* ---- Collecting ----------------------------------------------------------------------------- */

struct draft *draft_new(struct copy *copy, const struct id *space)
{
	struct draft *d = mem_alloc(sizeof(*d));
	d->copy = copy;
	d->space = *space;
	arena_init(&d->arena, ARENA_NO_BUDGET);
	return d;
}

void draft_free(struct draft **d)
{
	if (!*d)
		return;
	arena_fini(&(*d)->arena);
	free((*d)->pieces);
	free((*d)->settles);
	free((*d)->exact);
	free(*d);
	*d = NULL;
}

static bool draft_go_on_with(struct draft *d, const struct id *record)
{
	for (size_t i = d->n_pieces; i-- > 0;)
		if (id_equal(&d->pieces[i]->record, record)) {
			d->now = d->pieces[i];
			return true;
		}
	return false;
}

static void draft_piece(struct draft *d, const struct id *record, uint32_t type)
{
	if (d->n_pieces == d->cap_pieces) {
		d->cap_pieces = d->cap_pieces ? 2 * d->cap_pieces : 8;
		d->pieces = mem_resize(d->pieces, d->cap_pieces * sizeof(struct piece *));
	}
	d->now = arena_alloc(&d->arena, sizeof(*d->now));
	d->now->record = *record;
	d->now->type = type;
	d->now->existence = -1;
	d->pieces[d->n_pieces++] = d->now;
}

void draft_create(struct draft *d, uint32_t type, const struct id *record)
{
	if (draft_go_on_with(d, record))
		return;
	draft_piece(d, record, type);
	d->now->create = true;
	d->now->existence = LIVE;
}

/* The oldest of what was seen counts for the whole draft. */
static int draft_saw(struct draft *d, const struct seen *seen, struct cause *cause)
{
	if (!id_equal(&seen->space, &d->space))
		return cause_set(cause, ERR_INVALID,
				 "the records of one change must be of one space");
	if (d->seen_any && d->seen_epoch != seen->epoch)
		return cause_set(cause, ERR_INVALID,
				 "what was seen is of different times: look again");
	if (!d->seen_any || seen->number < d->seen_number)
		d->seen_number = seen->number;
	d->seen_epoch = seen->epoch;
	d->seen_any = true;
	return 0;
}

int draft_edit(struct draft *d, const struct id *record, const struct seen *seen,
	       struct cause *cause)
{
	struct seen current;
	struct arena arena;
	struct record r;
	char text[ID_TEXT];

	if (draft_go_on_with(d, record))
		return 0;
	int err = copy_seen(d->copy, record, &current);
	arena_init(&arena, ARENA_NO_BUDGET);
	if (err == 0)
		err = copy_record(d->copy, record, VIEW_SHOWN, &arena, &r, NULL);
	uint32_t type = err == 0 ? r.type : 0;
	arena_fini(&arena);
	if (err < 0)
		return cause_set(cause, err,
				 err == ERR_MISSING ? "there is no record %s here"
						    : "%s: the copy can't be read",
				 id_format(record, text));
	err = draft_saw(d, seen ? seen : &current, cause);
	if (err < 0)
		return err;
	draft_piece(d, record, type);
	d->now->after = seen ? seen->after : current.after;
	return 0;
}

static void draft_op(struct draft *d, enum op_kind kind, uint32_t field, struct bytes bytes)
{
	must(d->now);
	struct op *op = arena_alloc(&d->arena, sizeof(*op));
	*op = (struct op){.kind = kind, .field = field, .bytes = arena_copy(&d->arena, bytes)};
	if (d->now->last)
		d->now->last->next = op;
	else
		d->now->ops = op;
	d->now->last = op;
}

void draft_set(struct draft *d, uint32_t field, struct bytes occurrences)
{
	draft_op(d, OP_SET, field, occurrences);
}

void draft_add(struct draft *d, uint32_t field, struct bytes members)
{
	draft_op(d, OP_ADD, field, members);
}

void draft_take(struct draft *d, uint32_t field, struct bytes members)
{
	draft_op(d, OP_TAKE, field, members);
}

void draft_withdraw(struct draft *d)
{
	must(d->now);
	d->now->existence = WITHDRAWN;
}

void draft_bring_back(struct draft *d)
{
	must(d->now);
	d->now->existence = LIVE;
}

static void ids_add(struct id **ids, size_t *n, const struct id *id)
{
	*ids = mem_resize(*ids, (*n + 1) * sizeof(**ids));
	(*ids)[(*n)++] = *id;
}

void draft_settles(struct draft *d, const struct id *conflict)
{
	ids_add(&d->settles, &d->n_settles, conflict);
}

void draft_exact(struct draft *d, const struct id *record)
{
	for (size_t i = 0; i < d->n_exact; i++)
		if (id_equal(&d->exact[i], record))
			return;
	ids_add(&d->exact, &d->n_exact, record);
}

void draft_undoes(struct draft *d, const struct id *change)
{
	d->undoes = *change;
}

void draft_agreed(struct draft *d)
{
	d->agreed = true;
}

void draft_holds(struct draft *d)
{
	d->holds = true;
}

/* ---- Making edits --------------------------------------------------------------------------- */

/* What kind of space it is, where its Space record is held; 0: not known. */
static int space_kind(struct copy *copy, const struct id *space, uint32_t *kind)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT kind FROM \"space\" WHERE id = $1 AND kind IS NOT NULL LIMIT 1",
		"d", space);
	int err = db_step(st);

	*kind = 0;
	if (err == 1) {
		*kind = (uint32_t)db_int(st, 0);
		db_reset(st);
	}
	return err < 0 ? err : 0;
}

static int draft_check_place(struct draft *d, const struct piece *piece, uint32_t kind,
			     struct cause *cause)
{
	const struct schema_type *type = schema_type(piece->type);
	char name[SPACE_NAME];

	if (!piece->create || !type || !type->spaces || !kind || kind > 31 ||
	    type->spaces & 1u << kind)
		return 0;
	return cause_set(cause, ERR_INVALID, "%s %s does not belong in \"%s\"",
			 schema_article(type), type->name,
			 copy_space_name(d->copy, &d->space, name));
}

/* All edits of the draft, in its arena; those that would change nothing are left out. */
static int draft_edits(struct draft *d, const struct cursor *at, struct edit *edits, size_t *n,
		       struct cause *cause)
{
	struct record base;
	uint32_t kind;
	bool keep = d->n_settles > 0 || !id_is_zero(&d->undoes);
	int err = space_kind(d->copy, &d->space, &kind);

	*n = 0;
	for (size_t i = 0; i < d->n_pieces && err >= 0; i++) {
		const struct piece *piece = d->pieces[i];
		err = draft_check_place(d, piece, kind, cause);
		if (err < 0)
			return err;
		err = (d->n_settles > 0 ? draft_base_settling
					: draft_base)(d->copy, at, &piece->record, d->seen_number,
						      &piece->after, &d->arena, &base);
		if (err >= 0 && piece->create)
			err = inside_overlay(d->copy, &at->space, &base, NULL);
		if (err < 0)
			break;
		err = draft_make_edit(piece, &base, keep, &edits[*n], cause);
		if (err < 0)
			return err;
		*n += (size_t)err;
	}
	return err < 0 ? cause_set(cause, err, "what was seen can't be found again here: %s",
				   err_words(err))
		       : 0;
}

/* ---- Storing -------------------------------------------------------------------------------- */

static int64_t change_withdraws(const struct change *c)
{
	int64_t n = 0;
	for (size_t i = 0; i < c->n_edits; i++)
		n += c->edits[i].effect.existence == WITHDRAWN;
	return n;
}

/* Store a change, and show what it does. */
static int change_store(struct copy *copy, const struct cursor *at, const struct change *c,
			struct bytes bytes, bool agreed)
{
	enum pending_state state;
	int64_t seq = 0, withdraws = agreed ? 0 : change_withdraws(c);
	int err = inside_pending_insert(copy, c, bytes, withdraws, &seq, &state);

	copy->any_pending = true;
	if (err == 0 && withdraws && state == PENDING_UNSENT)
		err = inside_mass(copy, &c->space);
	for (size_t i = 0; i < c->n_edits && err == 0 && state != PENDING_WAITING; i++) {
		const struct id *record = &c->edits[i].record;
		err = db_run(copy->db, "INSERT INTO pending_record (record, seq) VALUES ($1, $2)",
			     "di", record, seq);
		if (err == 0)
			err = inside_refresh(copy, at, record);
		if (err == 0)
			err = inside_stale(copy, at->slot, record);
	}
	return err;
}

static size_t edit_size(const struct edit *e)
{
	return EDIT_OVERHEAD + e->effect.set.len + e->effect.add.len + e->effect.take.len +
	       5 * e->effect.n_clear + 16 * e->n_bases;
}

/* How many of these edits go into one change. */
static size_t edits_in_one(const struct edit *edits, size_t n)
{
	size_t size = EDIT_OVERHEAD, i = 0;
	while (i < n && i < CHANGE_EDITS && (i == 0 || size + edit_size(&edits[i]) <= CHANGE_MAX))
		size += edit_size(&edits[i++]);
	return i;
}

/* Between the bytes and the records another process may have dropped what nothing named yet. */
static int draft_check_held(const struct draft *d, const struct change *c, struct cause *cause)
{
	uint8_t root[SHA256_LEN];
	int got = 1;

	for (size_t i = 0; d->holds && got > 0 && i < c->n_edits; i++)
		if (change_root(&c->edits[i], root))
			got = contents_has(d->copy, root, NULL);
	return got == 0 ? cause_set(cause, ERR_AGAIN, INTAKE_AGAIN) : got < 0 ? got : 0;
}

static int draft_store_one(struct draft *d, const struct cursor *at, struct edit *edits, size_t n,
			   struct id *id, struct cause *cause)
{
	struct buf bytes = {0};
	struct change c = {
		.id = id_make(d->copy->env),
		.space = d->space,
		.seen_epoch = d->seen_epoch,
		.seen_number = d->seen_number,
		.made_ms = env_now_ms(d->copy->env),
		.edits = edits,
		.n_edits = n,
		.exact = d->exact,
		.n_exact = d->n_exact,
		.settles = d->settles,
		.n_settles = d->n_settles,
		.undoes = d->undoes,
	};
	*id = c.id;
	change_write(&c, &bytes);
	int err = bytes.len > CHANGE_MAX
			  ? cause_set(cause, ERR_LIMIT,
				      "that is more than %d KiB at once: put long "
				      "texts into a document",
				      CHANGE_MAX / 1024)
			  : draft_check_held(d, &c, cause);
	if (err == 0)
		err = change_store(d->copy, at, &c, buf_bytes(&bytes), d->agreed);
	buf_fini(&bytes);
	return err < 0 && err != ERR_LIMIT && err != ERR_AGAIN
		       ? cause_set(cause, err, "it could not be saved: %s", err_words(err))
		       : err;
}

static int draft_store_all(struct draft *d, const struct cursor *at, struct edit *edits, size_t n,
			   struct id *first, struct cause *cause)
{
	if ((d->n_settles || d->n_exact) && edits_in_one(edits, n) < n)
		return cause_set(
			cause, ERR_LIMIT,
			"that is more than %d records at once, and can't be saved in parts",
			CHANGE_EDITS);
	for (size_t at_edit = 0; at_edit < n;) {
		struct id id;
		size_t part = edits_in_one(edits + at_edit, n - at_edit);
		int err =
			draft_store_one(d, at, edits + at_edit, part, at_edit ? &id : first, cause);
		if (err < 0)
			return err;
		at_edit += part;
	}
	return 0;
}

/* The space, and whether what was seen of it can have been seen. */
static int draft_place(struct draft *d, struct cursor *at, struct cause *cause)
{
	struct cursor *found;
	int err = inside_cursor(d->copy, &d->space, &found);

	if (err == ERR_MISSING || (err == 0 && found->state != HELD_OPEN))
		return cause_set(cause, ERR_MISSING,
				 "this copy does not hold that space: you may not read it, or "
				 "'fivepits sync' has "
				 "yet to bring it");
	if (err < 0)
		return cause_set(cause, err, "%s", err_words(err));
	*at = *found;
	if (!d->seen_any) {
		d->seen_epoch = at->epoch;
		d->seen_number = at->number;
	}
	int stands = inside_seen_stands(d->copy, at, d->seen_epoch, d->seen_number);
	if (stands < 0)
		return cause_set(cause, stands, "%s", err_words(stands));
	if (stands == 0)
		return cause_set(cause, ERR_INVALID,
				 "what you saw of it is not what this copy holds now: look at it "
				 "again, then change it");
	d->seen_epoch = at->epoch;
	return 0;
}

/* What a person stands for is exact. */
static int draft_approve(struct draft *d, struct cause *cause)
{
	struct approval a;

	for (size_t i = 0; i < d->n_pieces; i++) {
		int err = draft_approves(d->copy, d->pieces[i], &d->arena, &a, cause);
		if (err < 0)
			return err;
		for (size_t k = 0; k < a.n; k++)
			draft_exact(d, &a.exact[k]);
		d->now = d->pieces[i];
		if (a.items.len)
			draft_set(d, MINUTES_ITEMS, a.items);
	}
	return 0;
}

int inside_draft_store(struct draft *d, struct id *change, struct cause *cause)
{
	struct cursor at;
	struct edit *edits = arena_alloc(&d->arena, d->n_pieces * sizeof(*edits));
	size_t n = 0;
	int err = draft_place(d, &at, cause);

	*change = (struct id){{0}};
	if (err == 0)
		err = draft_approve(d, cause);
	if (err == 0)
		err = draft_edits(d, &at, edits, &n, cause);
	return err < 0 || n == 0 ? err : draft_store_all(d, &at, edits, n, change, cause);
}

/* ---- Saving --------------------------------------------------------------------------------- */

int inside_save_begin(struct copy *copy, struct cause *cause)
{
	int err = inside_begin_alone(copy);
	return err < 0 ? cause_set(cause, err, "it could not be saved: %s", err_words(err)) : 0;
}

int inside_save_end(struct copy *copy, int err, bool any, struct cause *cause)
{
	if (err < 0) {
		copy_rollback(copy);
		return err;
	}
	err = copy_commit(copy);
	if (err < 0)
		return cause_set(cause, err, "it could not be saved: %s", err_words(err));
	if (any)
		bell_ring(copy->home);
	return 0;
}

/* Drafts of one copy, in one transaction. `changes` receives an id of each. */
static int save_all(struct draft **drafts, size_t n, struct id *changes, struct cause *cause)
{
	struct copy *copy = drafts[0]->copy;
	uint64_t began = os_monotonic_us();
	bool any = false;
	int err = inside_save_begin(copy, cause);

	if (err < 0)
		return err;
	for (size_t i = 0; err == 0 && i < n; i++) {
		err = inside_draft_store(drafts[i], &changes[i], cause);
		any = any || !id_is_zero(&changes[i]);
	}
	err = inside_save_end(copy, err, any, cause);
	if (err == 0)
		log_debug("draft.commit", "us=%" PRIu64 " began_us=%" PRIu64, os_monotonic_us(),
			  began);
	return err;
}

int draft_save(struct draft **draft, struct id *change, struct cause *cause)
{
	int err = save_all(draft, 1, change, cause);

	if (err < 0)
		*change = (struct id){{0}};
	draft_free(draft);
	return err;
}

int draft_save_all(struct draft **drafts, size_t n, struct cause *cause)
{
	struct id *changes = mem_alloc((n + 1) * sizeof(*changes));
	int err = n ? save_all(drafts, n, changes, cause) : 0;

	free(changes);
	for (size_t i = 0; i < n; i++)
		draft_free(&drafts[i]);
	return err;
}
