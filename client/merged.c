/* What was brought together: where an entry's outcome says something else than its author did. */
#include "client/merged.h"

#include "common/fields.h"

#include <string.h>

/* Did this entry set the field to what its author did not write? */
static bool entry_merged(const struct past_entry *e, const struct id *record, uint32_t field)
{
	const struct edit *said = change_edit(&e->change, record);
	const struct effect *did = outcome_did(&e->outcome, record);

	if (id_is_zero(&e->change.id) || !said || !did)
		return false;
	struct bytes set = fields_get(did->set, field);
	return set.len && !bytes_equal(set, fields_get(said->effect.set, field));
}

/* Did this entry set the field at all? */
static bool entry_sets(const struct past_entry *e, const struct id *record, uint32_t field,
		       struct arena *arena)
{
	const struct outcome_effect *effects;
	size_t n = id_is_zero(&e->change.id)
			   ? 0
			   : outcome_effects(&e->change, &e->outcome, arena, &effects);

	for (size_t i = 0; i < n; i++) {
		if (!id_equal(&effects[i].record, record))
			continue;
		for (size_t k = 0; k < effects[i].effect.n_clear; k++)
			if (effects[i].effect.clear[k] == field)
				return true;
		return fields_get(effects[i].effect.set, field).len > 0;
	}
	return false;
}

static void entry_author(struct copy *copy, const struct past_entry *e, struct arena *arena,
			 struct author *out)
{
	memset(out, 0, sizeof(*out));
	out->time_ms = e->header.time_ms;
	out->number = e->header.number;
	lookup_device(copy, &e->header.device, arena, out);
}

static uint64_t entry_previous(const struct past_entry *e, const struct id *record)
{
	for (size_t i = 0; i < e->header.n_touches; i++)
		if (id_equal(&e->header.touches[i].record, record) &&
		    e->header.touches[i].previous < e->header.number)
			return e->header.touches[i].previous;
	return 0;
}

/* Who had set the field before entry `number`, which is in `e`. */
static void setter_before(struct copy *copy, const struct id *space, const struct id *record,
			  uint32_t field, const struct past_entry *e, struct arena *arena,
			  struct author *out)
{
	enum { FAR = 1000 };
	struct past_entry past = *e;

	memset(out, 0, sizeof(*out));
	out->person_name = "somebody not known here";
	out->school_name = "";
	for (int i = 0; i < FAR; i++) {
		uint64_t previous = entry_previous(&past, record);
		if (!previous || copy_entry(copy, space, previous, arena, &past) <= 0)
			return;
		if (entry_sets(&past, record, field, arena)) {
			entry_author(copy, &past, arena, out);
			return;
		}
	}
}

/* One field as it was accepted. 1, 0 or an error. */
static int merged_accepted(struct copy *copy, const struct id *space, const struct record *shown,
			   uint32_t field, struct arena *arena, struct merged *out)
{
	const struct value *v = record_find(shown, field);
	struct past_entry e;

	if (!v || !v->number || !v->bytes.len)
		return 0;
	int got = copy_entry_as_sent(copy, space, v->number);
	if (got != 0)
		return got < 0 ? got : 0;
	got = copy_entry(copy, space, v->number, arena, &e);
	if (got <= 0 || !entry_merged(&e, &shown->id, field))
		return got < 0 ? got : 0;
	*out = (struct merged){.field = field};
	entry_author(copy, &e, arena, &out->last);
	setter_before(copy, space, &shown->id, field, &e, arena, &out->before);
	return 1;
}

/* One that waits here, and will be. */
static int merged_ahead(struct copy *copy, const struct id *space, const struct record *shown,
			const struct foresight *ahead, uint32_t field, struct arena *arena,
			struct merged *out)
{
	struct record accepted;
	struct past_entry e;
	bool is = false;

	for (size_t i = 0; i < ahead->n_merged; i++)
		is |= ahead->merged[i] == field;
	if (!is)
		return 0;
	int err = copy_record(copy, &shown->id, VIEW_ACCEPTED, arena, &accepted, NULL);
	const struct value *v = err < 0 ? NULL : record_find(&accepted, field);
	*out = (struct merged){.field = field, .here = true};
	(void)lookup_author(copy, &ahead->newest, arena, &out->last);
	if (v && copy_entry(copy, space, v->number, arena, &e) == 1)
		entry_author(copy, &e, arena, &out->before);
	else
		out->before.person_name = out->before.school_name = "";
	return 1;
}

int merged_fields(struct copy *copy, const struct schema_type *type, const struct id *record,
		  struct arena *arena, struct merged **out)
{
	struct foresight ahead;
	struct record shown;
	struct id space;
	int n = 0;
	int err = copy_record(copy, record, VIEW_SHOWN, arena, &shown, &space);

	if (err >= 0)
		err = copy_foresee(copy, record, arena, &shown, &ahead);
	*out = arena_alloc(arena, (type->n_fields + 1) * sizeof(**out));
	for (size_t i = 0; err >= 0 && i < type->n_fields; i++) {
		uint32_t field = type->message->fields[i].id;
		if (type->fields[i].merge != MERGE_TEXT)
			continue;
		err = merged_ahead(copy, &space, &shown, &ahead, field, arena, &(*out)[n]);
		if (err == 0)
			err = merged_accepted(copy, &space, &shown, field, arena, &(*out)[n]);
		n += err == 1;
	}
	return err < 0 ? err : n;
}

/* Was entry `number` applied as it was sent, as most are? */
static int is_as_sent(struct copy *copy, const struct id *space, uint64_t number,
		      struct merged_known *known)
{
	size_t at = number % (sizeof(known->as_sent) / sizeof(*known->as_sent));

	if (known->as_sent[at].number == number && id_equal(&known->as_sent[at].space, space))
		return 1;
	int is = copy_entry_as_sent(copy, space, number);
	if (is == 1) {
		known->as_sent[at].space = *space;
		known->as_sent[at].number = number;
	}
	return is;
}

int merged_any(struct copy *copy, const struct schema_type *type, const struct record *shown,
	       const struct id *space, struct merged_known *known)
{
	struct arena arena;
	int got = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	for (size_t i = 0; got == 0 && i < type->n_fields; i++) {
		uint32_t field = type->message->fields[i].id;
		const struct value *v = record_find(shown, field);
		struct past_entry e;
		if (type->fields[i].merge != MERGE_TEXT || !v || !v->number)
			continue;
		int plain = is_as_sent(copy, space, v->number, known);
		if (plain == 0 && (got = copy_entry(copy, space, v->number, &arena, &e)) == 1)
			got = entry_merged(&e, &shown->id, field);
		got = plain < 0 ? plain : got;
	}
	arena_fini(&arena);
	return got;
}
