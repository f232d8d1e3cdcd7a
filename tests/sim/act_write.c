/* What people write on their own copies: edits of every kind, from the schema. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "records.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

bool act_edit(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	if (k) {
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(k->type), &k->space, &now,
				     (unsigned)dice_between(&w->dice, 1, 3));
			saved = device_save(d, &draft, "edits");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

/* Several records of one space in one change. */
bool act_edit_many(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	struct draft *draft = NULL;
	struct id space = {{0}}, used[6];
	size_t n = 0;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int i = 0; d && d->copy && i < 12 && n < 6; i++) {
		const struct known *k = pick_record(w, d, &arena, &now);
		bool again = false;
		if (!k || (draft && !id_equal(&k->space, &space)))
			continue;
		for (size_t u = 0; u < n; u++)
			again |= id_equal(&used[u], &k->id);
		if (again)
			continue;
		space = k->space;
		if (!draft)
			draft = draft_new(d->copy, &space);
		if (draft_edit(draft, &k->id, NULL, NULL) < 0)
			continue;
		used[n++] = k->id;
		draft_fields(w, d, draft, schema_type(k->type), &space, &now, 2);
	}
	if (draft && device_lives(d))
		saved = device_save(d, &draft, "edits several records");
	draft_free(&draft);
	arena_fini(&arena);
	return saved;
}

static bool may_create(struct world *w, const struct device *d, const struct schema_type *t,
		       const struct place *p)
{
	if (t->outcome_only || is_delicate(t->number) || t->number == TYPE_PARTNERSHIP ||
	    (t->spaces && !(t->spaces >> p->kind & 1)))
		return false;
	return p->kind != RECORDS__SPACE_KIND__DIRECTORY || d->number == 0 ||
	       dice_chance(&w->dice, 3);
}

bool act_create(struct world *w)
{
	struct device *d = pick_device(w);
	struct held *held = NULL;
	size_t n_types;
	const struct schema_type *types = schema_types(&n_types);
	bool saved = false;
	int n = d ? copy_spaces(d->copy, &held) : 0;
	if (n <= 0)
		return false;
	const struct place *p = world_place(w, &held[dice_below(&w->dice, (uint64_t)n)].id);
	const struct schema_type *t = &types[dice_below(&w->dice, n_types)];
	free(held);
	if (!p || !may_create(w, d, t, p))
		return false;
	struct draft *draft = draft_new(d->copy, &p->id);
	unsigned many = (unsigned)dice_between(&w->dice, 1, 3);
	struct id ids[3];
	for (unsigned i = 0; i < many; i++)
		draft_new_record(w, d, draft, t->number, &p->id, &ids[i]);
	saved = device_save(d, &draft, t->name);
	draft_free(&draft);
	for (unsigned i = 0; saved && i < many; i++)
		world_know(w, &ids[i], &p->id, t->number, false);
	return saved;
}

/* What is derived gets the same id wherever it is made: two schools importing one thing. */
bool act_create_same(struct world *w)
{
	struct device *d = pick_device(w);
	char reference[16];
	struct arena arena;
	struct record now;
	if (!d)
		return false;
	snprintf(reference, sizeof(reference), "2019-20/%u", (unsigned)dice_below(&w->dice, 4));
	struct id id = id_record(&w->area, &w->partnership, TYPE_ACTION, reference);
	arena_init(&arena, ARENA_NO_BUDGET);
	bool there = copy_record(d->copy, &id, VIEW_SHOWN, &arena, &now, NULL) == 0;
	arena_fini(&arena);
	if (there || !device_lives(d))
		return false;
	struct draft *draft = draft_new(d->copy, &w->partnership);
	draft_create(draft, TYPE_ACTION, &id);
	draft_fields(w, d, draft, schema_type(TYPE_ACTION), &w->partnership, NULL, 4);
	bool saved = device_save(d, &draft, "imports an action");
	draft_free(&draft);
	for (size_t i = 0; saved && i < w->n_known; i++)
		there |= id_equal(&w->known[i].id, &id);
	if (saved && !there)
		world_know(w, &id, &w->partnership, TYPE_ACTION, false);
	return saved;
}

bool act_read(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool read = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	if (k) {
		size_t at =
		    d->n_reads < DEVICE_READS ? d->n_reads : dice_below(&w->dice, DEVICE_READS);
		d->reads[at].record = k->id;
		read = copy_seen(d->copy, &k->id, &d->reads[at].seen) == 0;
		d->n_reads += read && at == d->n_reads;
	}
	arena_fini(&arena);
	return read && device_lives(d);
}

/* The change that was made last was made on what its author had read, and says so. */
static void judge_seen(struct world *w, const struct seen *read)
{
	struct arena arena;
	struct change c;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (change_read(&c, w->made[w->n_made - 1]->bytes, &arena, NULL) == 0 && c.seen_epoch == read->epoch &&
	    c.seen_number > read->number)
		world_fail(w, "a change says that entry %u was seen; its author had read %u", (unsigned)c.seen_number,
			   (unsigned)read->number);
	arena_fini(&arena);
}

/* What was read a while ago is saved now, on what was seen then. */
bool act_save_read(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	struct id space;
	bool saved = false;
	if (!d || d->n_reads == 0)
		return false;
	size_t at = dice_below(&w->dice, d->n_reads);
	arena_init(&arena, ARENA_NO_BUDGET);
	if (copy_record(d->copy, &d->reads[at].record, VIEW_SHOWN, &arena, &now, &space) == 0) {
		struct draft *draft = draft_new(d->copy, &space);
		if (draft_edit(draft, &d->reads[at].record, &d->reads[at].seen, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(now.type), &space, &now, 2);
			saved = device_save(d, &draft, "saves what it read a while ago");
			if (saved)
				judge_seen(w, &d->reads[at].seen);
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	if (dice_chance(&w->dice, 50) && d->n_reads)
		d->n_reads--;
	return saved;
}

static bool act_existence(struct world *w, unsigned from, void (*how)(struct draft *),
			  const char *what)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int i = 0; d && i < 6 && !saved && d->copy; i++) {
		const struct known *k = pick_record(w, d, &arena, &now);
		if (!k || record_existence(&now) != from || is_directory_type(k->type))
			continue;
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			how(draft);
			draft_agreed(draft); /* whoever withdraws many is asked; here they say yes */
			if (dice_chance(&w->dice, 20))
				draft_fields(w, d, draft, schema_type(k->type), &k->space, &now, 1);
			saved = device_save(d, &draft, what);
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

bool act_withdraw(struct world *w)
{
	return act_existence(w, LIVE, draft_withdraw, "withdraws");
}

bool act_bring_back(struct world *w)
{
	return act_existence(w, WITHDRAWN, draft_bring_back, "brings back");
}

/* Settle a Conflict as this copy shows it, with a value of one's own. */
static bool settle(struct world *w, struct device *d, const struct record *conflict,
		   const struct id *space)
{
	struct arena arena;
	struct record now;
	struct id on;
	uint32_t group = (uint32_t)value_number(record_get(conflict, 3));
	bool saved = false;
	if (!id_from(&on, value_bytes(record_get(conflict, 1))))
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (copy_record(d->copy, &on, VIEW_SHOWN, &arena, &now, NULL) == 0) {
		struct draft *draft = draft_new(d->copy, space);
		if (draft_edit(draft, &on, NULL, NULL) == 0) {
			if (group == 0 && record_existence(&now) == LIVE)
				draft_withdraw(draft);
			else if (group == 0)
				draft_bring_back(draft);
			else
				draft_field(w, d, draft, schema_type(now.type), group, space, &now);
			draft_settles(draft, &conflict->id);
			draft_agreed(draft);
			saved = device_save(d, &draft, "settles");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

bool act_settle(struct world *w)
{
	struct device *d = pick_device(w);
	bool saved = false;
	for (size_t i = w->book.n_records; d && d->copy && i-- > 0 && !saved;) {
		const struct book_record *b = w->book.records[i];
		struct arena arena;
		struct record shown;
		if (b->record.type != TYPE_CONFLICT || dice_chance(&w->dice, 50))
			continue;
		arena_init(&arena, ARENA_NO_BUDGET);
		if (copy_record(d->copy, &b->record.id, VIEW_SHOWN, &arena, &shown, NULL) == 0 &&
		    value_number(record_get(&shown, 7)) == RECORDS__CONFLICT_STATE__OPEN)
			saved = settle(w, d, &shown, &b->space);
		arena_fini(&arena);
	}
	return saved;
}

/* One more who edits what others differ on, without having heard of it. */
bool act_contest(struct world *w)
{
	struct device *d = pick_device(w);
	bool saved = false;
	for (size_t i = w->book.n_records; d && d->copy && i-- > 0 && !saved;) {
		const struct book_record *b = w->book.records[i];
		uint32_t group = (uint32_t)value_number(record_get(&b->record, 3));
		struct arena arena;
		struct record now, known;
		struct id on;
		if (b->record.type != TYPE_CONFLICT || group == 0 ||
		    value_number(record_get(&b->record, 7)) != RECORDS__CONFLICT_STATE__OPEN ||
		    !id_from(&on, value_bytes(record_get(&b->record, 1))))
			continue;
		arena_init(&arena, ARENA_NO_BUDGET);
		if (copy_record(d->copy, &b->record.id, VIEW_SHOWN, &arena, &known, NULL) == ERR_MISSING &&
		    copy_record(d->copy, &on, VIEW_SHOWN, &arena, &now, NULL) == 0) {
			struct draft *draft = draft_new(d->copy, &b->space);
			if (draft_edit(draft, &on, NULL, NULL) == 0) {
				draft_field(w, d, draft, schema_type(now.type), group, &b->space, &now);
				saved = device_save(d, &draft, "edits what others differ on");
			}
			draft_free(&draft);
		}
		arena_fini(&arena);
	}
	if (d)
		device_lives(d);
	return saved;
}

/* An edit that is refused if one of the records that it names has moved. */
bool act_exact(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now, other;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_record(w, d, &arena, &now) : NULL;
	const struct known *o = k && d->copy ? pick_record(w, d, &arena, &other) : NULL;
	if (o && d->copy && id_equal(&o->space, &k->space)) {
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0) {
			draft_fields(w, d, draft, schema_type(k->type), &k->space, &now, 2);
			draft_exact(draft, &k->id);
			if (!id_equal(&o->id, &k->id))
				draft_exact(draft, &o->id);
			saved = device_save(d, &draft, "approves exactly");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

/* A person gives up a change that was refused. */
bool act_drop(struct world *w)
{
	struct device *d = pick_device(w);
	struct pending p = {0};
	int64_t seq = 0;
	while (d && copy_pending_next(d->copy, seq, &p) > 0) {
		seq = p.seq;
		free(p.words);
		if (p.state != PENDING_REFUSED)
			continue;
		struct id change = p.change;
		int err = copy_pending_drop(d->copy, &change, NULL);
		world_made(w, &change)->dropping = !device_lives(d);
		if (err == 0 && d->copy) {
			world_made(w, &change)->dropped = true;
			trace_line(&w->trace, "c%u drops a refused change", d->number);
			return true;
		}
		return false;
	}
	if (d)
		device_lives(d);
	return false;
}
