/*
 * Undo: for each record that a change touched, how it was before and behind it, and how it is now.
 * What is now as it was behind it goes back to what was before. A text that has moved on is merged:
 * their later sentences stay, those of the change go.
 */
#include "client/undo.h"

#include "client/draft_inside.h"
#include "common/fields.h"
#include "common/merge.h"
#include "common/reconcile.h"

#include <stdlib.h>
#include <string.h>

/* One record that the change touched. */
struct touched {
	const struct schema_type *type;
	const struct effect *effect;
	struct record before, behind, now;
};

struct work {
	struct undo *undo;
	struct copy *copy;
	struct arena *arena;
	struct cursor at;
	struct change change;
	bool pending;
	uint64_t number; /* of its entry; 0: pending */
	const struct outcome_effect *effects;
	size_t n_effects, cap;
};

static struct undo_step *step_add(struct work *w, const struct touched *t, enum undo_kind kind,
				  uint32_t field)
{
	struct undo *u = w->undo;

	if (u->n == w->cap) {
		struct undo_step *more =
			arena_alloc(w->arena, (w->cap = 2 * w->cap + 8) * sizeof(*more));
		if (u->n)
			memcpy(more, u->steps, u->n * sizeof(*more));
		u->steps = more;
	}
	u->steps[u->n] = (struct undo_step){
		.kind = kind, .record = t->now.id, .type = t->type, .field = field};
	return &u->steps[u->n++];
}

/* ---- Fields --------------------------------------------------------------------------------- */

/* Is a field of this group, of those that the change set, not as it left it? */
static bool group_has_moved(const struct touched *t, uint32_t group)
{
	struct bytes set;

	for (size_t i = 0; i < t->type->n_fields; i++) {
		uint32_t field = t->type->message->fields[i].id;
		if (schema_group(t->type, field) == group && effect_sets(t->effect, field, &set) &&
		    !bytes_equal(record_get(&t->now, field), record_get(&t->behind, field)))
			return true;
	}
	return false;
}

/* A text that has moved on, without what the change did to it. False: that can't be told apart. */
static bool text_without(struct work *w, const struct touched *t, uint32_t field,
			 struct bytes *value)
{
	struct buf b = {0};
	struct bytes text;

	if (!merge_text(value_bytes(record_get(&t->behind, field)),
			value_bytes(record_get(&t->now, field)),
			value_bytes(record_get(&t->before, field)), w->arena, &text))
		return false;
	if (text.len)
		field_add_bytes(&b, field, text);
	*value = arena_copy(w->arena, buf_bytes(&b));
	buf_fini(&b);
	return true;
}

static void undo_value(struct work *w, const struct touched *t, const struct schema_field *row,
		       uint32_t field)
{
	struct bytes now = record_get(&t->now, field), back = record_get(&t->before, field);
	bool moved = group_has_moved(t, schema_group(t->type, field));
	struct undo_step *step;

	if (bytes_equal(back, record_get(&t->behind, field)) || bytes_equal(now, back))
		return;
	if (row->merge == MERGE_FIXED ||
	    (moved && (row->merge != MERGE_TEXT || !text_without(w, t, field, &back)))) {
		step_add(w, t, UNDO_LEFT, field);
		return;
	}
	draft_set(w->undo->draft, field, back);
	step = step_add(w, t, UNDO_SET, field);
	step->from = now;
	step->to = back;
}

static struct bytes members_both(struct bytes a, struct bytes b, struct arena *arena)
{
	return value_without(a, value_without(a, b, arena), arena);
}

static void undo_set(struct work *w, const struct touched *t, uint32_t field)
{
	struct bytes before = record_get(&t->before, field), behind = record_get(&t->behind, field);
	struct bytes now = record_get(&t->now, field);
	struct bytes out = members_both(value_without(behind, before, w->arena), now, w->arena);
	struct bytes in = value_without(value_without(before, behind, w->arena), now, w->arena);

	if (out.len) {
		draft_take(w->undo->draft, field, out);
		step_add(w, t, UNDO_TAKE, field)->to = out;
	}
	if (in.len) {
		draft_add(w->undo->draft, field, in);
		step_add(w, t, UNDO_ADD, field)->to = in;
	}
}

/* What this version does not know it can't set. */
static void leave_unknown(struct work *w, const struct touched *t)
{
	const struct bytes parts[] = {t->effect->set, t->effect->add, t->effect->take};
	struct field f;
	uint32_t last = 0;

	for (size_t i = 0; i < 3; i++)
		for (struct bytes rest = parts[i]; field_next(&rest, &f) > 0; last = f.number)
			if (f.number != last && !schema_field(t->type, f.number, NULL))
				step_add(w, t, UNDO_LEFT, f.number);
}

static void undo_fields(struct work *w, const struct touched *t)
{
	struct bytes set;

	leave_unknown(w, t);
	for (size_t i = 0; i < t->type->n_fields; i++) {
		const struct schema_field *row = &t->type->fields[i];
		uint32_t field = t->type->message->fields[i].id;
		bool named = effect_sets(t->effect, field, &set) ||
			     fields_get(t->effect->add, field).len ||
			     fields_get(t->effect->take, field).len;
		if (named && record_existence(&t->now) == WITHDRAWN)
			step_add(w, t, UNDO_LEFT, field);
		else if (named && row->merge == MERGE_SET)
			undo_set(w, t, field);
		else if (named)
			undo_value(w, t, row, field);
	}
}

/* ---- Existence ------------------------------------------------------------------------------ */

static void exist_as(struct work *w, const struct touched *t, unsigned existence)
{
	if (existence == LIVE)
		draft_bring_back(w->undo->draft);
	else
		draft_withdraw(w->undo->draft);
	w->undo->withdraws += existence != LIVE;
	step_add(w, t, UNDO_EXISTS, 0)->existence = existence;
}

/* True: it was made by the change, or brought back, and so is withdrawn whole. */
static bool undo_existence(struct work *w, const struct touched *t)
{
	unsigned before = record_existence(&t->before), behind = record_existence(&t->behind);
	unsigned now = record_existence(&t->now);

	if (before == behind)
		return false;
	if (now != behind)
		step_add(w, t, UNDO_LEFT, 0);
	else
		exist_as(w, t, before == LIVE ? LIVE : WITHDRAWN);
	return before == ABSENT;
}

/* ---- Settlings ------------------------------------------------------------------------------ */

/* Did this change take sides away from a Conflict that is still open? */
static bool closed_part(const struct work *w, const struct record *conflict)
{
	if (value_number(record_get(conflict, CONFLICT_STATE)) != CONFLICT_OPEN)
		return false;
	for (size_t i = 0; i < w->n_effects; i++)
		if (id_equal(&w->effects[i].record, &conflict->id))
			return w->effects[i].effect.take.len > 0;
	return false;
}

/* Was it this change that settled it, or a part, and is it about this record? Then which field
 * group. */
static int settled_group(struct work *w, const struct id *conflict, const struct id *record,
			 uint32_t *group)
{
	struct record c;
	struct id on, by;
	int err = copy_record(w->copy, conflict, VIEW_ACCEPTED, w->arena, &c, NULL);

	if (err < 0)
		return err == ERR_MISSING ? 0 : err;
	*group = (uint32_t)value_number(record_get(&c, CONFLICT_GROUP));
	return id_from(&on, value_bytes(record_get(&c, CONFLICT_RECORD))) &&
	       id_equal(&on, record) &&
	       (w->pending || closed_part(w, &c) ||
		(id_from(&by, value_bytes(record_get(&c, CONFLICT_SETTLED_BY))) &&
		 id_equal(&by, &w->change.id)));
}

static bool step_sets(const struct undo *u, const struct id *record, uint32_t field)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->steps[i].kind == UNDO_SET && u->steps[i].field == field &&
		    id_equal(&u->steps[i].record, record))
			return true;
	return false;
}

/* What it settled is edited in any case, so that the server opens it again. */
static int undo_settling(struct work *w, const struct touched *t, const struct id *conflict)
{
	const struct edit *said = change_edit(&w->change, &t->now.id);
	uint32_t group = 0;
	int is = said ? settled_group(w, conflict, &t->now.id, &group) : 0;
	struct bytes set;

	if (is <= 0)
		return is;
	if (group == 0 && record_existence(&t->before) == record_existence(&t->behind))
		exist_as(w, t, record_existence(&t->now));
	for (size_t i = 0; group && i < t->type->n_fields; i++) {
		uint32_t field = t->type->message->fields[i].id;
		if (schema_group(t->type, field) == group &&
		    effect_sets(&said->effect, field, &set) &&
		    !step_sets(w->undo, &t->now.id, field))
			draft_set(w->undo->draft, field, record_get(&t->now, field));
	}
	step_add(w, t, UNDO_REOPEN, group);
	return 0;
}

/* ---- Records -------------------------------------------------------------------------------- */

static int touched_read(struct work *w, const struct outcome_effect *e, struct touched *t)
{
	const struct id none = {{0}};
	struct id after = none;
	uint64_t seen = w->number - 1;
	int err;

	*t = (struct touched){.type = schema_type(e->type), .effect = &e->effect};
	const struct edit *said = change_edit(&w->change, &e->record);
	if (w->pending && said) {
		after = said->after;
		seen = w->change.seen_number;
	}
	err = draft_base_known(w->copy, &w->at, &e->record, seen, &after, w->arena, &t->before);
	if (err == 0)
		err = draft_base_known(w->copy, &w->at, &e->record, w->pending ? seen : w->number,
				       &after, w->arena, &t->behind);
	if (err == 0 && w->pending)
		(void)inside_lay(&w->change, &t->behind);
	return err < 0 ? err
		       : copy_record(w->copy, &e->record, VIEW_AUTHORED, w->arena, &t->now, NULL);
}

static int undo_record(struct work *w, const struct outcome_effect *e, struct cause *cause)
{
	struct touched t;
	int err = touched_read(w, e, &t);

	if (err == ERR_MISSING)
		return cause_set(cause, err,
				 "what stood before it was not fetched yet: 'fivepits sync' "
				 "fetches it, and then it can be taken back");
	if (err < 0)
		return cause_set(cause, err, "what stood before it can't be found here: %s",
				 err_words(err));
	if (!t.type) {
		step_add(w, &t, UNDO_LEFT, 0);
		return 0;
	}
	err = draft_edit(w->undo->draft, &e->record, NULL, cause);
	if (err < 0)
		return err;
	if (!undo_existence(w, &t))
		undo_fields(w, &t);
	for (size_t i = 0; err >= 0 && i < w->change.n_settles; i++)
		err = undo_settling(w, &t, &w->change.settles[i]);
	return err < 0 ? cause_set(cause, err, "what it settled can't be read: %s", err_words(err))
		       : 0;
}

/* ---- The change ----------------------------------------------------------------------------- */

static int find_cursor(struct copy *copy, const struct id *space, struct cursor *out)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT slot, epoch, number FROM held WHERE space = $1"
				      " AND state = 0",
				      "d", space);
	int err = db_step(st);

	*out = (struct cursor){.space = *space};
	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	out->slot = db_int(st, 0);
	out->epoch = (uint64_t)db_int(st, 1);
	out->number = (uint64_t)db_int(st, 2);
	db_reset(st);
	return 0;
}

/* Was it made on the server's own device, which nobody uses? */
static bool is_servers(struct copy *copy, const struct id *device, struct arena *arena)
{
	struct record r;
	return copy_record(copy, device, VIEW_ACCEPTED, arena, &r, NULL) == 0 &&
	       r.type == TYPE_DEVICE &&
	       record_get(&r, schema_field_named(schema_type(TYPE_DEVICE), "person")->id).len == 0;
}

static int find_accepted(struct work *w, const struct id *space, struct cause *cause)
{
	struct past_entry *e = arena_alloc(w->arena, sizeof(*e));
	int err = copy_entry(w->copy, space, w->number, w->arena, e);

	if (err <= 0 || id_is_zero(&e->change.id))
		return cause_set(cause, err < 0 ? err : ERR_MISSING,
				 "what this change did was not fetched yet: 'fivepits sync' "
				 "fetches it, and then it can be taken back");
	if (is_servers(w->copy, &e->header.device, w->arena))
		return cause_set(cause, ERR_AUTH,
				 "the server entered it by itself: it can't be taken back");
	w->change = e->change;
	w->n_effects = outcome_effects(&e->change, &e->outcome, w->arena, &w->effects);
	return 0;
}

/* A change that waits here: what it wants is what it does. */
static int find_pending(struct work *w, const struct id *change, struct cause *cause)
{
	enum pending_state state;
	struct bytes bytes, later;
	struct outcome as_sent = {.as_sent = true};
	struct id next;
	int64_t seq = 0, at = 0;
	int err = inside_pending(w->copy, change, w->arena, &seq, &state, &bytes);

	if (err <= 0)
		return cause_set(cause, err < 0 ? err : ERR_MISSING,
				 "no change with this id is known here");
	if (change_read(&w->change, bytes, w->arena, NULL) < 0)
		return cause_set(cause, ERR_CORRUPT, "%s", err_words(ERR_CORRUPT));
	if (state != PENDING_UNSENT && state != PENDING_ASKS)
		return cause_set(cause, ERR_INVALID,
				 "it is not in force: 'fivepits outbox' says why, and 'fivepits "
				 "outbox drop' gives it up");
	w->pending = true;
	w->n_effects = outcome_effects(&w->change, &as_sent, w->arena, &w->effects);
	err = state == PENDING_ASKS ? inside_pending_after(w->copy, change, PENDING_ASKS, w->arena,
							   &at, &next, &later)
				    : 1;
	w->undo->drop = err == 0;
	return err < 0 ? cause_set(cause, err, "%s", err_words(err)) : 0;
}

static int find_change(struct work *w, const struct id *change, struct cause *cause)
{
	struct held *spaces;
	int64_t slot = 0;
	int err = inside_where(w->copy, change, &slot, &w->number);
	int n = err == 1 ? copy_spaces(w->copy, &spaces) : 0;

	if (err < 0 || n < 0)
		return cause_set(cause, err < 0 ? err : n, "the copy can't be read");
	if (err == 0) {
		err = find_pending(w, change, cause);
		return err < 0 ? err : find_cursor(w->copy, &w->change.space, &w->at);
	}
	err = ERR_MISSING;
	for (int i = 0; i < n && err == ERR_MISSING; i++) {
		err = find_cursor(w->copy, &spaces[i].id, &w->at);
		if (err == 0 && w->at.slot != slot)
			err = ERR_MISSING;
	}
	free(spaces);
	return err < 0 ? cause_set(cause, err, "that space is not on this computer any more")
		       : find_accepted(w, &w->at.space, cause);
}

/* Is there anything to do? If not, why not? */
static int undo_check(const struct work *w, struct cause *cause)
{
	const struct undo *u = w->undo;
	size_t done = 0, records = 0;

	for (size_t i = 0; i < u->n; i++)
		done += u->steps[i].kind != UNDO_LEFT;
	for (size_t i = 0; i < w->n_effects; i++)
		records += w->effects[i].type != TYPE_CONFLICT;
	if (done > 0)
		return 0;
	if (records == 0 && w->n_effects > 0)
		return cause_set(cause, ERR_INVALID,
				 "it did not come to stand: it is one of two versions, which "
				 "'fivepits settle' settles");
	if (u->n > 0)
		return cause_set(cause, ERR_INVALID,
				 "all that it did has been changed since, or stands for good: "
				 "change the record itself");
	return cause_set(cause, ERR_INVALID, "nothing of it is left to take back");
}

static bool has_effect(const struct work *w, const struct id *record)
{
	for (size_t i = 0; i < w->n_effects; i++)
		if (id_equal(&w->effects[i].record, record))
			return true;
	return false;
}

/* A settling that was disputed again did nothing to the record; what it closed was closed all the
 * same. */
static int undo_without_effect(struct work *w, struct cause *cause)
{
	int err = 0;

	for (size_t i = 0; err == 0 && w->change.n_settles && i < w->change.n_edits; i++) {
		const struct edit *said = &w->change.edits[i];
		struct outcome_effect nothing = {said->type, said->record, {.existence = -1}};
		if (!has_effect(w, &said->record))
			err = undo_record(w, &nothing, cause);
	}
	return err;
}

static int undo_work(struct work *w, const struct id *change, struct cause *cause)
{
	int err = find_change(w, change, cause);

	if (err < 0)
		return err;
	if (w->change.n_exact)
		return cause_set(cause, ERR_INVALID,
				 "it approved exactly what was read then, and that stands: write "
				 "what was wrong as a note (kind=correction)");
	w->undo->space = w->at.space;
	w->undo->draft = draft_new(w->copy, &w->at.space);
	draft_undoes(w->undo->draft, change);
	for (size_t i = 0; err == 0 && i < w->n_effects; i++) {
		const struct schema_type *t = schema_type(w->effects[i].type);
		if (!t || !t->outcome_only)
			err = undo_record(w, &w->effects[i], cause);
	}
	if (err == 0)
		err = undo_without_effect(w, cause);
	return err < 0 ? err : undo_check(w, cause);
}

int undo_init(struct undo *u, struct copy *copy, const struct id *change, struct arena *arena,
	      struct cause *cause)
{
	struct work w = {.undo = u, .copy = copy, .arena = arena};

	*u = (struct undo){.change = *change};
	copy_look(copy); /* what comes in meanwhile was not seen, and so stays */
	int err = undo_work(&w, change, cause);
	copy_look_end(copy);
	if (err < 0)
		undo_fini(u);
	return err;
}

void undo_fini(struct undo *u)
{
	if (u->draft)
		draft_free(&u->draft);
}

int undo_save(struct undo *u, struct copy *copy, bool agreed, struct id *made, struct cause *cause)
{
	*made = (struct id){{0}};
	if (u->drop) {
		undo_fini(u);
		return copy_pending_drop(copy, &u->change, cause);
	}
	if (agreed)
		draft_agreed(u->draft);
	return draft_save(&u->draft, made, cause);
}
