/* Meetings and prose: minutes are written by several at once, items moved, minutes approved and then
 * held fast; what was settled is taken back; somebody tidies up too much. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "common/position.h"
#include "records.pb-c.h"

/* One of the first few records of these types, as a device shows it: where people meet. */
static const struct known *pick_hot(struct world *w, struct device *d, uint32_t type, struct arena *arena,
				    struct record *now)
{
	size_t n = 0;
	const struct known *picked = NULL;
	for (size_t i = 0; i < w->n_known && n < 4; i++)
		if (w->known[i].type == type && dice_below(&w->dice, ++n) == 0)
			picked = &w->known[i];
	if (!picked || !schema_type(type) || copy_record(d->copy, &picked->id, VIEW_SHOWN, arena, now, NULL) < 0) {
		device_lives(d);
		return NULL;
	}
	return picked;
}

/* Edit one record that is named, by `how`. */
static bool act_on(struct world *w, uint32_t type, const char *what,
		   bool (*how)(struct world *, struct device *, struct draft *, const struct known *,
			       const struct record *))
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	bool saved = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	const struct known *k = d ? pick_hot(w, d, type, &arena, &now) : NULL;
	if (k) {
		struct draft *draft = draft_new(d->copy, &k->space);
		if (draft_edit(draft, &k->id, NULL, NULL) == 0 && how(w, d, draft, k, &now))
			saved = device_save(d, &draft, what);
		draft_free(&draft);
		device_lives(d);
	}
	arena_fini(&arena);
	return saved;
}

static bool write_prose(struct world *w, struct device *d, struct draft *draft, const struct known *k,
			const struct record *now)
{
	const struct schema_type *t = schema_type(k->type);
	struct buf b = {0};
	for (size_t i = 0; i < t->n_fields && !b.len; i++)
		if (t->fields[i].merge == MERGE_TEXT && t->fields[i].format == FORMAT_TEXT) {
			uint32_t field = t->message->fields[i].id;
			value_revise(w, d->number, field, &k->space, record_get(now, field), &b);
			draft_set(draft, field, buf_bytes(&b));
		}
	bool some = b.len > 0;
	buf_fini(&b);
	return some;
}

bool act_prose(struct world *w)
{
	static const uint32_t types[] = {TYPE_AGENDA_ITEM, TYPE_AGENDA_ITEM, TYPE_ACTION, TYPE_NOTE, TYPE_PLAN};
	return act_on(w, types[dice_below(&w->dice, 5)], "writes prose", write_prose);
}

static bool move_item(struct world *w, struct device *d, struct draft *draft, const struct known *k,
		      const struct record *now)
{
	char position[POSITION_SIZE];
	struct buf b = {0};
	(void)d;
	(void)k;
	(void)now;
	position_nth((uint32_t)dice_below(&w->dice, 12), position);
	field_add_text(&b, 2, position);
	draft_set(draft, 2, buf_bytes(&b));
	buf_fini(&b);
	return true;
}

bool act_move(struct world *w)
{
	return act_on(w, TYPE_AGENDA_ITEM, "moves an item", move_item);
}

static bool approve(struct world *w, struct device *d, struct draft *draft, const struct known *k,
		    const struct record *now)
{
	uint64_t state = value_number(record_get(now, 3));
	(void)d;
	(void)k;
	if (state >= RECORDS__MINUTES_STATE__APPROVED && dice_chance(&w->dice, 30))
		draft_number(draft, 3, RECORDS__MINUTES_STATE__DRAFT); /* opened again */
	else
		draft_number(draft, 3, state < RECORDS__MINUTES_STATE__APPROVED
					   ? RECORDS__MINUTES_STATE__APPROVED
					   : state + (state < RECORDS__MINUTES_STATE__PUBLISHED));
	return true;
}

bool act_approve(struct world *w)
{
	return act_on(w, TYPE_MINUTES, "approves, signs or opens minutes", approve);
}

/* A settling is taken back: the value from before, whatever stands by now. */
bool act_undo_settling(struct world *w)
{
	struct device *d = pick_device(w);
	const struct book_entry *e = NULL;
	size_t n = 0;
	bool saved = false;
	struct buf b = {0};
	for (size_t i = 0; i < w->book.n_read; i++)
		if (w->book.read[i]->change.n_settles && w->book.read[i]->change.n_edits &&
		    dice_below(&w->dice, ++n) == 0)
			e = w->book.read[i];
	if (!d || !e)
		return false;
	const struct edit *edit = &e->change.edits[0];
	const struct schema_type *t = schema_type(edit->type);
	struct bytes set = edit->effect.set;
	struct field f;
	struct draft *draft = draft_new(d->copy, &e->space->id);
	if (draft_edit(draft, &edit->record, NULL, NULL) == 0 && t && field_next(&set, &f) > 0 &&
	    schema_field(t, f.number, NULL)) {
		value_make(w, d->number, t, f.number, &e->space->id, &b);
		draft_set(draft, f.number, buf_bytes(&b));
		draft_undoes(draft, &e->change.id);
		saved = device_save(d, &draft, "takes a settling back");
	}
	buf_fini(&b);
	draft_free(&draft);
	device_lives(d);
	return saved;
}

/* Much is withdrawn at once. */
bool act_tidy(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record now;
	size_t n = 0;
	bool saved = false;
	if (!d)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	struct draft *draft = draft_new(d->copy, &w->partnership);
	for (size_t i = 0; i < w->n_known && n < 25 && d->copy; i++) {
		const struct known *k = &w->known[i];
		if (id_equal(&k->space, &w->partnership) && !k->guarded && dice_chance(&w->dice, 60) &&
		    copy_record(d->copy, &k->id, VIEW_SHOWN, &arena, &now, NULL) == 0 &&
		    record_existence(&now) == LIVE && draft_edit(draft, &k->id, NULL, NULL) == 0) {
			draft_withdraw(draft);
			n++;
		}
	}
	draft_agreed(draft);
	if (device_lives(d) && n)
		saved = device_save(d, &draft, "withdraws much at once");
	draft_free(&draft);
	arena_fini(&arena);
	return saved;
}

/* A device stays away for days or weeks, and its person works on. */
bool act_away(struct world *w)
{
	static bool (*const what[])(struct world *) = {act_prose, act_edit, act_move, act_settle, act_withdraw};
	struct device *d = pick_device(w);
	unsigned done = 0;
	if (!d || w->only)
		return false;
	d->online = false;
	trace_line(&w->trace, "c%u goes away", d->number);
	device_hang_up(d, NET_HALF_OPEN);
	w->only = d;
	for (unsigned n = (unsigned)dice_between(&w->dice, 3, 10); n > 0 && d->copy && !w->failed; n--) {
		done += what[dice_below(&w->dice, sizeof(what) / sizeof(*what))](w);
		world_run(w, dice_below(&w->dice, 30ull * 1000000));
	}
	w->only = NULL;
	return done > 0;
}
