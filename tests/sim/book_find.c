/* Questions to the book: each goes through all records, slow, and hard to get wrong. */
#include "tests/sim/book.h"

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"

enum { CONFLICT_RECORD = 1, CONFLICT_GROUP = 3, CONFLICT_SIDES = 5, CONFLICT_STATE = 7 };
enum { MINUTES_STATE = 3, MINUTES_ITEMS };

const struct record *book_conflict(const struct book *b, const struct id *space, const struct id *record,
				   uint32_t group, const struct id *change)
{
	struct buf side = {0};
	const struct record *found = NULL;
	if (change)
		field_add_bytes(&side, CONFLICT_SIDES, ID_BYTES(change));
	for (size_t i = 0; i < b->n_records && !found; i++) {
		const struct record *c = &b->records[i]->record;
		if (c->type == TYPE_CONFLICT && id_equal(&b->records[i]->space, space) &&
		    bytes_equal(value_bytes(record_get(c, CONFLICT_RECORD)), ID_BYTES(record)) &&
		    value_number(record_get(c, CONFLICT_GROUP)) == group &&
		    (change ? value_has_member(record_get(c, CONFLICT_SIDES), buf_bytes(&side))
			    : value_number(record_get(c, CONFLICT_STATE)) == RECORDS__CONFLICT_STATE__OPEN))
			found = c;
	}
	buf_fini(&side);
	return found;
}

bool book_is_frozen(const struct book *b, const struct id *space, const struct edit *edit)
{
	struct buf item = {0};
	bool held = false;
	field_add_bytes(&item, MINUTES_ITEMS, ID_BYTES(&edit->record));
	for (size_t i = 0; edit->type == TYPE_AGENDA_ITEM && i < b->n_records && !held; i++) {
		const struct record *m = &b->records[i]->record;
		held = m->type == TYPE_MINUTES && id_equal(&b->records[i]->space, space) &&
		       record_existence(m) == LIVE &&
		       value_number(record_get(m, MINUTES_STATE)) >= RECORDS__MINUTES_STATE__APPROVED &&
		       value_has_member(record_get(m, MINUTES_ITEMS), buf_bytes(&item));
	}
	buf_fini(&item);
	return held;
}
