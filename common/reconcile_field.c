/*
 * Values and sets. The wishes of one field group are decided together: taken, a repeat of what
 * somebody else did already, or disputed. Members of sets are each decided by themselves.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"

/* ---- Fields that are set or cleared --------------------------------------------------------- */

/* The entry can't have named the field: most have not, and need no further look. */
static bool deed_passes(const struct deed *d, uint32_t field)
{
	return d->past.marks && !(d->past.marks >> field % 64 & 1);
}

/* Did this author ask for just what the wishes of the group ask for? */
static bool said_the_same(const struct subject *s, const struct deed *d, uint32_t group)
{
	const struct edit *said = d->said;
	struct bytes value;

	for (size_t i = 0; said && i < s->n_wishes; i++) {
		const struct wish *wish = &s->wishes[i];
		if (wish->group == group && deed_passes(d, wish->field))
			return false;
		if (wish->group == group && (!effect_sets(&said->effect, wish->field, &value) ||
					     !bytes_equal(value, wish->value)))
			return false;
	}
	return said != NULL;
}

/* 1: others did it already, so that doing it again changes nothing. 0, or an error. */
static int group_is_repeat(struct work *w, struct subject *s, uint32_t group, uint64_t line)
{
	bool stands = true;
	int err;

	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].group == group &&
		    !bytes_equal(record_get(&s->record, s->wishes[i].field), s->wishes[i].value))
			stands = false;
	if (stands)
		return 1;
	if ((err = unseen_load(w, s)) < 0)
		return err;
	for (size_t i = 0; i < s->n_unseen && s->unseen[i].past.number > line; i++)
		if (said_the_same(s, &s->unseen[i], group))
			return 1;
	return 0;
}

static bool bases_match(const struct subject *s, uint32_t group)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].group == group &&
		    s->wishes[i].base != base_digest(record_get(&s->record, s->wishes[i].field)))
			return false;
	return true;
}

/* A field that is set once, changed by one who knew its value. */
static int group_check_fixed(struct work *w, const struct subject *s, uint32_t group)
{
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct wish *wish = &s->wishes[i];
		struct bytes value = record_get(&s->record, wish->field);
		const struct schema_field *f =
			s->type ? schema_field(s->type, wish->field, NULL) : NULL;
		if (f && f->merge == MERGE_FIXED && wish->group == group && value.len &&
		    !bytes_equal(value, wish->value))
			return cause_set(w->cause, ERR_INVALID,
					 "%s of this %s is set once and stands", f->name,
					 s->type->name);
	}
	return 0;
}

/* It stands where the author saw it, but is not the value that they name. What stands against the
 * edit is then whoever set it, as if they had done so unseen. */
static int group_mismatch(struct work *w, const struct subject *s, uint32_t group,
			  uint64_t *standing)
{
	if (record_existence(&s->record) == ABSENT)
		return cause_set(w->cause, ERR_INVALID,
				 "it makes a record, and says what stood there before");
	*standing = group_newest(s, group);
	if (!*standing && record_find(&s->record, 0))
		*standing = record_find(&s->record, 0)->number;
	return 0;
}

static int decide_group(struct work *w, struct subject *s, uint32_t group, enum fate *fate)
{
	uint64_t standing, line;
	int err = group_line(w, s, group, &line);

	if (err == 0)
		err = group_moved(w, s, group, line, &standing);
	if (err == 0)
		err = reopen_group(w, s, group);
	if (err < 0)
		return err;
	*fate = TAKEN;
	if (!standing) {
		if ((err = group_check_fixed(w, s, group)) < 0)
			return err;
		if (bases_match(s, group))
			return s->record.number ? dispute_after_taking(w, s, group) : 0;
		if ((err = group_mismatch(w, s, group, &standing)) < 0)
			return err;
	} else {
		int repeat = group_is_repeat(w, s, group, line);
		if (repeat)
			*fate = REPEAT;
		if (repeat)
			return repeat < 0 ? repeat : 0;
	}
	int merged = decide_text(w, s, group, fate);
	if (merged)
		return merged < 0 ? merged : 0;
	*fate = DISPUTED;
	return dispute_open(w, s, group, standing);
}

int decide_wishes(struct work *w, struct subject *s)
{
	for (size_t i = 0; i < s->n_wishes; i++) {
		enum fate fate;
		if (s->wishes[i].fate != UNDECIDED)
			continue;
		int err = decide_group(w, s, s->wishes[i].group, &fate);
		if (err < 0)
			return err;
		for (size_t j = i; j < s->n_wishes; j++)
			if (s->wishes[j].group == s->wishes[i].group)
				s->wishes[j].fate = fate;
	}
	return 0;
}

/* ---- Sets ----------------------------------------------------------------------------------- */

/* Which of these members did somebody add since what the author saw? History is gone through once,
 * however many they are. */
static bool *added_unseen(struct work *w, const struct subject *s, const struct members *members)
{
	bool *added = arena_alloc(w->arena, members->n + 1);
	struct field f;

	for (size_t i = 0; i < s->n_unseen; i++) {
		const struct edit *said = s->unseen[i].said;
		struct bytes rest = said ? said->effect.add : BYTES_NONE;
		while (field_next(&rest, &f) > 0)
			if (!deed_passes(&s->unseen[i], f.number))
				added[members_find(members, f.whole)] = true;
	}
	return added;
}

/*
 * What is left to do of the members that the change adds or takes. Where nobody else touched the
 * record, all of it. Else an addition that somebody made already is a repeat, whatever became of
 * it; and a removal does not reach a member that was added unseen.
 */
static int members_left(struct work *w, struct subject *s, struct bytes members, bool adding,
			struct bytes *left)
{
	struct bytes rest = members;
	struct members stand = {0}, all;
	struct buf b = {0};
	struct field f = {0};
	uint32_t field = 0;

	*left = members;
	/* Not only where the set itself has moved: an addition that was a repeat counts too. */
	int err = members.len && s->record.number > w->line ? unseen_load(w, s) : 0;
	if (err < 0 || members.len == 0 || (s->n_unseen == 0 && !s->cut_short))
		return err < 0 ? err : 0;
	all = members_sort(members, w->arena);
	const bool *added = added_unseen(w, s, &all);
	while (field_next(&rest, &f) > 0) {
		if (f.number != field)
			stand = members_sort(record_get(&s->record, f.number), w->arena);
		field = f.number;
		if (members_have(&stand, f.whole) != adding &&
		    !added[members_find(&all, f.whole)] && (adding || !s->cut_short))
			buf_add_bytes(&b, f.whole);
	}
	if (b.len < members.len)
		*left = arena_copy(w->arena, buf_bytes(&b));
	buf_fini(&b);
	return 0;
}

/* What a set comes to when all is done. */
static size_t members_after(struct work *w, const struct subject *s, uint32_t field)
{
	struct record r;

	record_init(&r, w->arena, &s->record.id, s->record.type);
	record_set(&r, field, record_get(&s->record, field), 0);
	record_take(&r, field, fields_get(s->take, field), 0);
	record_add(&r, field, fields_get(s->add, field), 0);
	return value_count(record_get(&r, field));
}

/* A list holds no more in all than one change may give it: else it would grow by change after
 * change, and each costs as much as the list is long. */
static int members_limit(struct work *w, const struct subject *s)
{
	uint32_t field = 0;
	struct field f;

	for (struct bytes rest = s->add; s->type && field_next(&rest, &f) > 0; field = f.number) {
		const struct schema_field *row = schema_field(s->type, f.number, NULL);
		size_t stand = value_count(record_get(&s->record, f.number));
		if (f.number == field || !row ||
		    stand + value_count(fields_get(s->add, f.number)) <= row->most)
			continue;
		int err = schema_check_list(row, stand, members_after(w, s, f.number), w->cause);
		if (err < 0)
			return err;
	}
	return 0;
}

int decide_members(struct work *w, struct subject *s)
{
	int err = members_left(w, s, s->edit->effect.add, true, &s->add);

	if (err == 0)
		err = members_left(w, s, s->edit->effect.take, false, &s->take);
	return err == 0 ? members_limit(w, s) : err;
}
