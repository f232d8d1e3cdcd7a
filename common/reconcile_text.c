/*
 * Prose that two people changed apart: merged three ways, by what the author had before them, what
 * they made of it, and what stands. Who settles two versions has chosen every word, and who goes on
 * with a version that does not stand goes on with that: neither is merged.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"
#include "common/merge.h"

/* Of one change: three of the longest texts, or many that are short. A merge costs something. */
enum { MERGE_BYTES = 3 * 3 * TEXT_MAX, MERGE_COST = 4096 };

/* The one wish of a group that is prose; NULL: it is no such group. */
static struct wish *text_wish(const struct subject *s, uint32_t group,
			      const struct schema_field **f)
{
	for (size_t i = 0; i < s->n_wishes; i++) {
		if (s->wishes[i].group != group)
			continue;
		*f = s->type ? schema_field(s->type, s->wishes[i].field, NULL) : NULL;
		return *f && (*f)->merge == MERGE_TEXT && !(*f)->group ? &s->wishes[i] : NULL;
	}
	return NULL;
}

/* 1: `out` is the value with what both did; 0: they can't be merged. */
static int text_merge(struct work *w, const struct wish *wish, struct bytes base,
		      struct bytes stands, size_t most, struct bytes *out)
{
	struct bytes ours = value_bytes(wish->value), theirs = value_bytes(stands), text;
	struct arena scratch;
	struct buf value = {0};

	base = value_bytes(base);
	w->merged += MERGE_COST + base.len + ours.len + theirs.len;
	if (w->merged > MERGE_BYTES)
		return 0;
	arena_init(&scratch, ARENA_NO_BUDGET);
	int merged = merge_text(base, ours, theirs, &scratch, &text);
	if (merged == 1 && text.len > most)
		merged = 0;
	if (merged == 1 && text.len)
		field_add_bytes(&value, wish->field, text);
	*out = arena_copy(w->arena, buf_bytes(&value));
	buf_fini(&value);
	arena_fini(&scratch);
	return merged;
}

int decide_text(struct work *w, struct subject *s, uint32_t group, enum fate *fate)
{
	const struct schema_field *f;
	struct wish *wish = text_wish(s, group, &f);
	struct bytes base, merged, stands = record_get(&s->record, wish ? wish->field : 0);

	if (!wish)
		return 0;
	int settles = settles_group(w, s, group);
	int own = settles ? settles : moves_own_side(w, s, group);
	if (own)
		return own < 0 ? own : 0;
	int got = base_find(w, s, wish, &base);
	if (got <= 0)
		return got;
	if (!text_merge(w, wish, base, stands, f->max, &merged))
		return 0;
	if (bytes_equal(merged, stands)) {
		*fate = REPEAT;
		return 1;
	}
	wish->merged = !bytes_equal(merged, wish->value);
	wish->value = merged;
	*fate = TAKEN;
	int err = dispute_after_taking(w, s, group);
	return err < 0 ? err : 1;
}
