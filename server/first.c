/*
 * Which bodies a new copy needs: see first.h. A value knows the entry that last set it, so the
 * records as they stand say which entry is needed for what; of a set, whose members come and go one
 * by one, all entries are that named it. A header alone cannot say it: it names the fields that an
 * entry was about, also where what was wanted did not come to stand.
 */
#include "server/first.h"

#include "common/schema.h"

/* Is the field a set, or one of which this schema does not know whether it is? */
static bool field_may_be_set(const struct schema_type *t, uint32_t field)
{
	const struct schema_field *row = t && field ? schema_field(t, field, NULL) : NULL;

	return field && (!row || row->merge == MERGE_SET);
}

/* Is that seen by the touch alone? To have made a record is, since most are never withdrawn. */
static bool touch_is_needed(const struct touch *t)
{
	const struct schema_type *type = schema_type(t->type);

	if (t->previous == 0)
		return true;
	for (size_t i = 0; i < t->n_fields; i++)
		if (field_may_be_set(type, t->fields[i]))
			return true;
	return false;
}

/* Was a value of the record set by entry `number`? 1, 0 or an error. */
static int touch_stands(struct journal *j, const struct space *s, const struct touch *t,
			uint64_t number, struct arena *arena)
{
	struct record r;
	int err = journal_record(j, s, &t->record, arena, &r);

	for (size_t i = 0; err == 0 && i < r.n_values; i++)
		if (r.values[i].number == number)
			return 1;
	return err;
}

int first_needs(struct journal *j, const struct space *s, const struct entry *e,
		const struct id *device, struct arena *arena)
{
	struct header header;
	int needs = header_read(&header, e->header, arena) < 0 ? ERR_CORRUPT : 0;

	if (needs == 0)
		needs = id_equal(&header.device, device);
	for (size_t i = 0; needs == 0 && i < header.n_touches; i++)
		needs = touch_is_needed(&header.touches[i]);
	for (size_t i = 0; needs == 0 && i < header.n_touches; i++)
		needs = touch_stands(j, s, &header.touches[i], e->number, arena);
	arena_reset(arena);
	return needs;
}
