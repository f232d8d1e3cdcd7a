/* A refused change, and what waits for it, sent again as if made now: see draft.h. */
#include "client/draft_inside.h"

#include "common/fields.h"

#include <stdlib.h>

static void again_values(struct draft *d, const struct effect *e)
{
	void (*const say[])(struct draft *, uint32_t, struct bytes) = {draft_set, draft_add,
								       draft_take};
	const struct bytes parts[] = {e->set, e->add, e->take};
	struct field f;

	for (size_t k = 0; k < 3; k++)
		for (struct bytes rest = parts[k]; field_next(&rest, &f) > 0;) {
			struct bytes value = fields_get(parts[k], f.number);
			say[k](d, f.number, value);
			rest = BYTES(value.data + value.len, (size_t)(parts[k].data + parts[k].len -
								      (value.data + value.len)));
		}
	for (size_t i = 0; i < e->n_clear; i++)
		draft_set(d, e->clear[i], BYTES_NONE);
}

/* The same edits, wanted of what is shown now. */
static int again_draft(struct copy *copy, struct draft *d, const struct change *c,
		       struct cause *cause)
{
	struct seen seen;

	if (c->n_exact)
		return cause_set(
			cause, ERR_INVALID,
			"it was about exactly what you saw then: look at it again, and do it anew");
	for (size_t i = 0; i < c->n_edits; i++) {
		const struct edit *e = &c->edits[i];
		bool make = e->effect.existence == LIVE && !e->brings_back;
		int err = 0;
		if (make && copy_seen(copy, &e->record, &seen) == ERR_MISSING)
			draft_create(d, e->type, &e->record);
		else
			err = draft_edit(d, &e->record, NULL, cause);
		if (err < 0)
			return err;
		again_values(d, &e->effect);
		if (e->effect.existence == WITHDRAWN)
			draft_withdraw(d);
		else if (e->brings_back)
			draft_bring_back(d);
	}
	for (size_t i = 0; i < c->n_settles; i++)
		draft_settles(d, &c->settles[i]);
	draft_undoes(d, &c->undoes);
	draft_agreed(d); /* the person says so now */
	return 0;
}

/* What is sent again, and how it is changed before. */
struct again {
	struct copy *copy;
	const struct id *refused;
	draft_amend_fn amend;
	void *arg;
	struct id *change;
};

/* One change anew; its old one goes. */
static int again_one(const struct again *a, int64_t seq, const struct change *c,
		     struct cause *cause)
{
	struct copy *copy = a->copy;
	bool is_it = id_equal(&c->id, a->refused);
	struct id later;
	struct draft *d = draft_new(copy, &c->space);
	int err = db_run(copy->db, "DELETE FROM pending WHERE seq = $1", "i", seq);

	if (err < 0)
		cause_set(cause, err, "%s", err_words(err));
	if (err == 0)
		err = again_draft(copy, d, c, cause);
	if (err == 0 && is_it && a->amend)
		err = a->amend(a->arg, d, c, cause);
	if (err == 0)
		err = inside_draft_store(d, is_it ? a->change : &later, cause);
	draft_free(&d);
	return err;
}

static bool stands_after(const struct change *c, const struct id *ids, size_t n)
{
	for (size_t i = 0; i < c->n_edits; i++)
		for (size_t k = 0; k < n; k++)
			if (id_equal(&c->edits[i].after, &ids[k]))
				return true;
	return false;
}

/* The refused change and all that waits for it, in the order in which they were made. */
static int again_all(const struct again *a, struct cause *cause)
{
	struct copy *copy = a->copy;
	struct id *gone = NULL;
	struct arena arena;
	struct pending p;
	size_t n = 0;
	int64_t seq = 0;
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	while ((err = copy_pending_next(copy, seq, &p)) == 1) {
		struct change c;
		seq = p.seq;
		free(p.words);
		arena_reset(&arena);
		bool is_it = id_equal(&p.change, a->refused);
		bool parked = p.state == PENDING_REFUSED || p.state == PENDING_WAITING;
		if (!parked || (!is_it && (n == 0 || p.state != PENDING_WAITING)))
			continue;
		err = change_read(&c, arena_copy(&arena, p.bytes), &arena, cause);
		if (err == 0 && (is_it || stands_after(&c, gone, n))) {
			gone = mem_resize(gone, (n + 1) * sizeof(*gone));
			gone[n++] = c.id;
			err = again_one(a, seq, &c, cause);
		}
		if (err < 0)
			break;
	}
	arena_fini(&arena);
	free(gone);
	if (err == 0 && n == 0)
		return cause_set(cause, ERR_MISSING, "no refused change with this id is kept here");
	return err;
}

int draft_again(struct copy *copy, const struct id *refused, draft_amend_fn amend, void *arg,
		struct id *change, struct cause *cause)
{
	const struct again a = {copy, refused, amend, arg, change};
	enum pending_state state;

	if (inside_pending_state(copy, refused, &state) == 1 && state == PENDING_ASKS) {
		int n = copy_agree(copy, cause);
		*change = *refused;
		return inside_save_end(copy, n < 0 ? n : 0, true, cause);
	}
	int err = inside_save_begin(copy, cause);

	*change = (struct id){{0}};
	if (err == 0) {
		err = again_all(&a, cause);
		err = inside_save_end(copy, err, true, cause);
	}
	return err;
}
