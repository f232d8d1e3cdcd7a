/* What the author of an edit had before their eyes, reconstructed from the journal and
 * own changes. */
#include "client/draft_inside.h"

#include <string.h>

/* The touch of `record` in an entry; NULL: it does not touch it. */
static const struct touch *entry_touch(const struct past_entry *e, const struct id *record)
{
	for (size_t i = 0; i < e->header.n_touches; i++)
		if (id_equal(&e->header.touches[i].record, record))
			return &e->header.touches[i];
	return NULL;
}

/* What an entry did to a record; NULL: nothing, or its body is absent. */
static const struct effect *entry_effect(const struct past_entry *e, const struct record *r)
{
	const struct outcome_effect *effects;
	size_t n = id_is_zero(&e->change.id)
			   ? 0
			   : outcome_effects(&e->change, &e->outcome, r->arena, &effects);

	for (size_t i = 0; i < n; i++)
		if (id_equal(&effects[i].record, &r->id))
			return &effects[i].effect;
	return NULL;
}

struct past {
	struct past *later;
	struct past_entry entry;
	const struct touch *touch;
	const struct effect *effect;
};

static bool past_sets(const struct past *p, uint32_t field)
{
	struct bytes value;

	return p->effect &&
	       (field ? effect_sets(p->effect, field, &value) : p->effect->existence >= 0);
}

/* Have later ones set all fields that this one names, whose body is absent? Then what it did does
 * not matter. */
static bool is_covered(const struct past *absent)
{
	const struct touch *t = absent->touch;

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct past *p = absent->later;
		while (p && !past_sets(p, t->fields[i]))
			p = p->later;
		if (!p)
			return false;
	}
	return true;
}

/* The accepted state after entry `number`, from the record's own history up to there. 1: it hangs
 * on bodies that are absent, and is what can be known without. */
static int accepted_at(struct copy *copy, const struct id *space, uint64_t newest, uint64_t number,
		       struct record *r)
{
	struct past *first = NULL;
	bool sure = true;

	for (uint64_t n = newest; n;) {
		struct past *p = arena_alloc(r->arena, sizeof(*p));
		int err = copy_entry(copy, space, n, r->arena, &p->entry);
		p->touch = err == 1 ? entry_touch(&p->entry, &r->id) : NULL;
		if (err < 0 || !p->touch)
			return err < 0 ? err : ERR_CORRUPT;
		if (n <= number) {
			p->effect = entry_effect(&p->entry, r);
			p->later = first;
			first = p;
		}
		n = p->touch->previous;
	}
	for (; first; first = first->later)
		if (id_is_zero(&first->entry.change.id))
			sure = sure && is_covered(first);
		else if (first->effect)
			record_apply(r, first->effect, first->entry.header.number);
	return !sure;
}

int copy_record_at(struct copy *copy, const struct id *record, uint64_t number, struct arena *arena,
		   struct record *out)
{
	struct record now;
	struct id space;
	int err = copy_record(copy, record, VIEW_ACCEPTED, arena, &now, &space);

	if (err < 0 || now.number <= number) {
		*out = now;
		return err;
	}
	record_init(out, arena, record, now.type);
	err = accepted_at(copy, &space, now.number, number, out);
	return err == 1 ? ERR_MISSING : err;
}

/* The author's changes on which theirs stands, oldest first on top of `r`. */
static int lay_own(struct copy *copy, const struct cursor *at, struct id after, uint64_t number,
		   struct record *r)
{
	struct own {
		struct own *later;
		struct change change;
	} *first = NULL;

	while (!id_is_zero(&after)) {
		struct own *own = arena_alloc(r->arena, sizeof(*own));
		int64_t slot;
		uint64_t where;
		int err = inside_where(copy, &after, &slot, &where);
		if (err < 0)
			return err;
		if (err == 1 && (slot != at->slot || where <= number))
			break;
		err = copy_change(copy, &after, r->arena, &own->change);
		if (err == ERR_MISSING)
			break; /* given up since */
		if (err < 0)
			return err;
		own->later = first;
		first = own;
		after = (struct id){{0}};
		for (size_t i = 0; i < own->change.n_edits; i++)
			if (id_equal(&own->change.edits[i].record, &r->id))
				after = own->change.edits[i].after;
	}
	for (; first; first = first->later)
		inside_lay(&first->change, r);
	return 0;
}

/* 0; 1: as accepted_at says; or an error. */
static int base_at(struct copy *copy, const struct cursor *at, const struct id *record,
		   uint64_t number, struct arena *arena, struct record *out)
{
	int err = inside_accepted(copy, at->slot, record, arena, out);

	if (err < 1 || out->number <= number)
		return err < 0 ? err : 0;
	uint64_t newest = out->number;
	uint32_t type = out->type;
	record_init(out, arena, record, type);
	return accepted_at(copy, &at->space, newest, number, out);
}

int draft_base(struct copy *copy, const struct cursor *at, const struct id *record, uint64_t number,
	       const struct id *after, struct arena *arena, struct record *out)
{
	int err = base_at(copy, at, record, number, arena, out);

	return err < 0 ? err : lay_own(copy, at, *after, number, out);
}

int draft_base_known(struct copy *copy, const struct cursor *at, const struct id *record,
		     uint64_t number, const struct id *after, struct arena *arena,
		     struct record *out)
{
	int err = base_at(copy, at, record, number, arena, out);

	return err == 1 ? ERR_MISSING : err < 0 ? err : lay_own(copy, at, *after, number, out);
}

int draft_base_settling(struct copy *copy, const struct cursor *at, const struct id *record,
			uint64_t number, const struct id *after, struct arena *arena,
			struct record *out)
{
	struct foresight ahead;
	int err;

	if (!id_is_zero(after) && number == at->number) {
		err = inside_accepted(copy, at->slot, record, arena, out);
		if (err >= 0)
			err = inside_foresee(copy, &at->space, out, &ahead);
		if (err < 0 || id_equal(&ahead.newest, after))
			return err < 0 ? err : 0;
	}
	return draft_base(copy, at, record, number, after, arena, out);
}
