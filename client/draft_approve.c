/*
 * What a person stands for with their name: minutes approved, signed or published, and sign-offs.
 * Such a change is exact: it lists what it stands for, and the server refuses it if one of these
 * has moved since it was read. Minutes that are approved name the items that they hold from then
 * on.
 */
#include "client/draft_inside.h"

#include "client/lookup.h"
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

enum { /* fields of records.proto */
	MINUTES_EVENT = 1,
	MINUTES_PART,
	MINUTES_STATE,
	MINUTES_ITEMS,
	ITEM_EVENT = 1,
	ITEM_PART = 7,
	SIGN_OFF_WHAT = 1,
};

/* The value that a field is to have; what it has if nothing is asked. */
static struct bytes approve_value(const struct piece *piece, const struct record *now,
				  uint32_t field)
{
	struct bytes value = now ? record_get(now, field) : BYTES_NONE;

	for (const struct op *op = piece ? piece->ops : NULL; op; op = op->next)
		if (op->field == field && op->kind == OP_SET)
			value = op->bytes;
	return value;
}

/* Nobody stands for what the server has not seen yet, and that may come to be merged. */
static int approve_settled(struct copy *copy, const struct id *record, struct cause *cause)
{
	struct seen seen;
	int err = copy_seen(copy, record, &seen);

	if (err == 0 && !id_is_zero(&seen.after))
		return cause_set(cause, ERR_INVALID,
				 "what it is about has edits of yours that wait here: 'fivepits "
				 "sync' first, look at it again, then do this");
	return err == ERR_MISSING ? 0 : err;
}

static int approve_name(struct copy *copy, const struct id *record, struct approval *out,
			struct cause *cause)
{
	if (out->n == CHANGE_EDITS)
		return cause_set(cause, ERR_LIMIT, "that is about more than %d records",
				 CHANGE_EDITS);
	out->exact[out->n++] = *record;
	return approve_settled(copy, record, cause);
}

/* The part of the meeting that a record is of: the open one unless it says otherwise. */
static uint64_t part_of(struct bytes value)
{
	return value.len ? value_number(value) : RECORDS__PART__PART_A;
}

/* The items of the meeting's agenda in that part, as a value of the field. */
static int approve_agenda(struct copy *copy, const struct id *event, uint64_t part,
			  struct arena *arena, struct bytes *items)
{
	struct ids ids = {0};
	struct buf b = {0};
	int err = lookup_referring(copy, TYPE_AGENDA_ITEM, ITEM_EVENT, event, arena, &ids);

	for (size_t i = 0; err == 0 && i < ids.n; i++) {
		struct record r;
		err = copy_record(copy, &ids.ids[i], VIEW_SHOWN, arena, &r, NULL);
		if (err == 0 && record_existence(&r) == LIVE &&
		    part_of(record_get(&r, ITEM_PART)) == part)
			field_add_bytes(&b, MINUTES_ITEMS, ID_BYTES(&r.id));
	}
	*items = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return err;
}

/* The meeting and each item of what stands or is asked for in Minutes. */
static int approve_held(struct copy *copy, struct bytes event, struct bytes items,
			struct approval *out, struct cause *cause)
{
	struct field f;
	struct id id;
	int err = id_from(&id, value_bytes(event)) ? approve_name(copy, &id, out, cause) : 0;

	while (err == 0 && field_next(&items, &f) > 0)
		if (id_from(&id, f.payload))
			err = approve_name(copy, &id, out, cause);
	return err;
}

static int approve_minutes(struct copy *copy, const struct piece *piece, struct arena *arena,
			   struct approval *out, struct cause *cause)
{
	struct record now;
	struct id event;
	int err = copy_record(copy, &piece->record, VIEW_SHOWN, arena, &now, NULL);

	if (err < 0 && err != ERR_MISSING)
		return err;
	const struct record *stands = err == 0 ? &now : NULL;
	struct bytes state = approve_value(piece, stands, MINUTES_STATE);
	struct bytes items = approve_value(piece, stands, MINUTES_ITEMS);
	struct bytes of = approve_value(piece, stands, MINUTES_EVENT);
	uint64_t part = part_of(approve_value(piece, stands, MINUTES_PART));
	if (value_number(state) < RECORDS__MINUTES_STATE__APPROVED ||
	    (stands && bytes_equal(state, record_get(stands, MINUTES_STATE))))
		return 0;
	if (items.len == 0 && id_from(&event, value_bytes(of))) {
		if ((err = approve_agenda(copy, &event, part, arena, &items)) < 0)
			return err;
		out->items = items;
	}
	/* What waits of the Minutes themselves is what the edit stands on. */
	out->exact[out->n++] = piece->record;
	return approve_held(copy, of, items, out, cause);
}

static int approve_sign_off(struct copy *copy, const struct piece *piece, struct arena *arena,
			    struct approval *out, struct cause *cause)
{
	struct record what;
	struct id id;

	if (!id_from(&id, value_bytes(approve_value(piece, NULL, SIGN_OFF_WHAT))))
		return 0;
	int err = approve_name(copy, &id, out, cause);
	if (err == 0)
		err = copy_record(copy, &id, VIEW_SHOWN, arena, &what, NULL);
	if (err == 0 && what.type == TYPE_MINUTES)
		err = approve_held(copy, record_get(&what, MINUTES_EVENT),
				   record_get(&what, MINUTES_ITEMS), out, cause);
	return err == ERR_MISSING ? 0 : err;
}

int draft_approves(struct copy *copy, const struct piece *piece, struct arena *arena,
		   struct approval *out, struct cause *cause)
{
	*out = (struct approval){.exact = NULL};
	if (piece->type != TYPE_MINUTES && !(piece->type == TYPE_SIGN_OFF && piece->create))
		return 0;
	out->exact = arena_alloc(arena, CHANGE_EDITS * sizeof(*out->exact));
	int err = piece->type == TYPE_MINUTES
			  ? approve_minutes(copy, piece, arena, out, cause)
			  : approve_sign_off(copy, piece, arena, out, cause);
	if (err < 0 && err != ERR_INVALID && err != ERR_LIMIT)
		return cause_set(cause, err, "what it is about can't be read here: %s",
				 err_words(err));
	return err;
}
