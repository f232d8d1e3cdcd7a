/*
 * Items of approved Minutes are held fast: the server turns a late edit of one into a correction
 * beside it (PROTOCOL.md, 4.10). So that this is shown before the server is asked.
 */
#include "client/copy_inside.h"

#include "common/fields.h"
#include "records.pb-c.h"

enum { MINUTES_STATE = 3, MINUTES_ITEMS = 4 }; /* fields of records.proto */

/* As accepted; only what the server has can hold anything fast. */
static bool minutes_hold(const struct record *minutes, const struct id *item)
{
	struct bytes items = record_get(minutes, MINUTES_ITEMS);
	struct field f;
	struct id one;

	if (record_existence(minutes) != LIVE ||
	    value_number(record_get(minutes, MINUTES_STATE)) < RECORDS__MINUTES_STATE__APPROVED)
		return false;
	while (field_next(&items, &f) > 0)
		if (id_from(&one, f.payload) && id_equal(&one, item))
			return true;
	return false;
}

int inside_frozen(struct copy *copy, const struct id *space, int64_t slot, const struct id *item,
		  struct arena *arena, struct id *minutes)
{
	char text[ID_TEXT];
	struct db_stmt *st = db_query(
		copy->db, "SELECT id FROM \"minutes\" WHERE space = $1 AND instr(items, $2)", "dt",
		space, id_format(item, text));
	int got;

	*minutes = (struct id){{0}};
	while ((got = db_step(st)) == 1) {
		struct record r;
		struct id id;
		got = db_id(st, 0, &id) ? inside_accepted(copy, slot, &id, arena, &r) : ERR_CORRUPT;
		if (got < 0)
			break;
		if (minutes_hold(&r, item)) {
			*minutes = id;
			break;
		}
	}
	db_reset(st);
	return got < 0 ? got : 0;
}

void inside_show_items(struct copy *copy, const struct cursor *at, const struct record *minutes)
{
	struct bytes items = record_get(minutes, MINUTES_ITEMS);
	struct field f;
	struct id item;

	while (copy->any_pending && field_next(&items, &f) > 0)
		if (id_from(&item, f.payload))
			inside_show_later(copy, at, &item);
}
