/*
 * Reconciling one change. Each edit becomes a `subject`: the record as it stands, what its author
 * wishes of it field by field, and what happened to it unseen. Wishes of one field group are
 * decided together: taken, a repeat of what somebody else did already, or disputed. When all is
 * taken, the outcome is the change as sent, which is the common case and costs no look at history.
 */
#include "common/reconcile.h"

#include "common/dispute.h"
#include "common/fields.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

enum fate { UNDECIDED, TAKEN, REPEAT, DISPUTED };

struct wish {
	uint32_t field, group;
	struct bytes value; /* empty: cleared */
	uint64_t base;
	enum fate fate;
};

struct subject {
	const struct edit *edit;
	const struct schema_type *type; /* NULL: this version does not know it */
	struct record record;
	struct wish *wishes;
	size_t n_wishes;
	enum fate existence;
	struct bytes add, take; /* what is left of them to do */
	uint64_t *own;		/* entries of the author's that the edit stands on, newest first */
	size_t n_own, cap_own;
	struct id own_next; /* the next to look up; zero: no more */
	struct past *unseen; /* others' entries on the record since what was seen, newest first */
	size_t n_unseen;
	bool has_unseen; /* they were looked up */
	bool cut_short;	 /* there were more of them than we look at */
};

struct work {
	const struct ground *ground;
	const struct change *change;
	uint64_t number;
	struct arena *arena;
	struct cause *cause;
	struct subject *subjects;
	struct dispute *disputes;
	size_t start; /* what the arena held before */
};

/* History is read only so far; what lies beyond counts as not seen, which keeps both versions. */
enum { HISTORY_BYTES = 32 * 1024 * 1024, HISTORY_ENTRIES = 4096 };

static bool is_spent(const struct work *w)
{
	return w->arena->used - w->start > HISTORY_BYTES;
}

/* ---- What the author had seen --------------------------------------------------------------- */

static const struct edit *edit_of(const struct change *c, const struct id *record)
{
	for (size_t i = 0; i < c->n_edits; i++)
		if (id_equal(&c->edits[i].record, record))
			return &c->edits[i];
	return NULL;
}

/* Look up one more of the author's own changes below the edit. 1, 0: there is none, or an error. */
static int own_extend(struct work *w, struct subject *s)
{
	struct past past = {0};
	uint64_t number = 0;

	if (id_is_zero(&s->own_next) || is_spent(w))
		return 0;
	int err = w->ground->number_of(w->ground->arg, &s->own_next, &number);
	s->own_next = (struct id){{0}};
	if (err < 0)
		return err;
	if (number == 0)
		return s->n_own ? 0
				: cause_set(w->cause, ERR_AGAIN,
					    "it stands after a change that has not arrived");
	err = w->ground->past(w->ground->arg, number, &s->edit->record, &past);
	if (err == ERR_MISSING)
		return cause_set(w->cause, ERR_INVALID,
				 "it stands after a change that did not touch this record");
	if (err < 0)
		return err;
	if (s->n_own == s->cap_own) {
		size_t cap = s->cap_own ? 2 * s->cap_own : 8;
		uint64_t *grown = arena_alloc(w->arena, cap * sizeof(*grown));
		if (s->n_own)
			memcpy(grown, s->own, s->n_own * sizeof(*grown));
		s->own = grown;
		s->cap_own = cap;
	}
	s->own[s->n_own++] = number;
	const struct edit *said = past.said ? edit_of(past.said, &s->edit->record) : NULL;
	if (said)
		s->own_next = said->after;
	return 1;
}

/* Had the author seen entry `number` of this record, or made it? 1, 0 or an error. */
static int was_seen(struct work *w, struct subject *s, uint64_t number)
{
	if (number <= w->change->seen_number)
		return 1;
	while (s->n_own == 0 || s->own[s->n_own - 1] > number) {
		int got = own_extend(w, s);
		if (got <= 0)
			return got;
	}
	for (size_t i = s->n_own; i-- > 0 && s->own[i] <= number;)
		if (s->own[i] == number)
			return 1;
	return 0;
}

/* The same of a change, which may be one that this space does not have: then it was not seen. */
static int change_was_seen(struct work *w, struct subject *s, const struct id *change)
{
	uint64_t number = 0;
	int err = w->ground->number_of(w->ground->arg, change, &number);
	return err < 0 ? err : number ? was_seen(w, s, number) : 0;
}

/* Fill s->unseen: what others did to the record since. */
static int unseen_load(struct work *w, struct subject *s)
{
	size_t cap = 0;

	if (s->has_unseen)
		return 0;
	s->has_unseen = true;
	for (uint64_t n = s->record.number; n > w->change->seen_number;) {
		struct past past = {0};
		if (is_spent(w) || s->n_unseen == HISTORY_ENTRIES) {
			s->cut_short = true;
			return 0;
		}
		int err = w->ground->past(w->ground->arg, n, &s->edit->record, &past);
		if (err < 0)
			return err;
		must(past.previous < n);
		int seen = was_seen(w, s, n);
		if (seen < 0)
			return seen;
		if (!seen && s->n_unseen == cap) {
			cap = cap ? 2 * cap : 8;
			struct past *grown = arena_alloc(w->arena, cap * sizeof(*grown));
			if (s->n_unseen)
				memcpy(grown, s->unseen, s->n_unseen * sizeof(*grown));
			s->unseen = grown;
		}
		if (!seen)
			s->unseen[s->n_unseen++] = past;
		n = past.previous;
	}
	return 0;
}

/* ---- Field groups --------------------------------------------------------------------------- */

static uint32_t group_of(const struct subject *s, uint32_t field)
{
	return field && s->type ? schema_group(s->type, field) : field;
}

/* The newest entry that set a field of the group, of all or only of those not seen. 0: none. */
static int group_newest(struct work *w, struct subject *s, uint32_t group, bool unseen,
			uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s->record.n_values; i++) {
		const struct value *v = &s->record.values[i];
		if (group_of(s, v->field) != group || v->number <= *out)
			continue;
		int seen = unseen ? was_seen(w, s, v->number) : 0;
		if (seen < 0)
			return seen;
		if (!seen)
			*out = v->number;
	}
	return 0;
}

static bool past_touches(const struct subject *s, const struct past *p, uint32_t group)
{
	for (size_t i = 0; i < p->n_fields; i++)
		if (group_of(s, p->fields[i]) == group)
			return true;
	return false;
}

static bool effect_clears(const struct effect *e, uint32_t field)
{
	for (size_t i = 0; i < e->n_clear; i++)
		if (e->clear[i] == field)
			return true;
	return false;
}

/* Did this author ask for just what the wishes of the group ask for? */
static bool said_the_same(const struct subject *s, const struct past *p, uint32_t group)
{
	const struct edit *said = p->said ? edit_of(p->said, &s->edit->record) : NULL;

	if (!said)
		return false;
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct wish *wish = &s->wishes[i];
		if (wish->group != group)
			continue;
		struct bytes value = fields_get(said->effect.set, wish->field);
		if (wish->value.len ? !bytes_equal(value, wish->value)
				    : !effect_clears(&said->effect, wish->field))
			return false;
	}
	return true;
}

/* 1: others did it already, so that doing it again changes nothing. 0, or an error. */
static int group_is_repeat(struct work *w, struct subject *s, uint32_t group)
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
	for (size_t i = 0; i < s->n_unseen; i++)
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

/* ---- Conflicts ------------------------------------------------------------------------------ */

/* The change that had set the group where the author saw it; zero if none had. */
static int find_base(struct work *w, struct subject *s, uint32_t group, struct id *base)
{
	for (uint64_t n = s->record.number; n && !is_spent(w);) {
		struct past past = {0};
		int err = w->ground->past(w->ground->arg, n, &s->edit->record, &past);
		if (err < 0)
			return err;
		int seen = was_seen(w, s, n);
		if (seen < 0)
			return seen;
		if (seen && past_touches(s, &past, group)) {
			*base = past.change;
			return 0;
		}
		n = past.previous;
	}
	return 0;
}

static struct dispute *subject_dispute(struct work *w, struct subject *s, uint32_t group, int *err)
{
	return dispute_find(&w->disputes, w->ground, w->arena, s->edit, group, &w->change->id, err);
}

/* The change becomes a side: in place of the one that it stands on, if that is a side. */
static int dispute_join(struct work *w, struct subject *s, struct dispute *d)
{
	struct id side;

	for (size_t i = 0; dispute_side(d, i, &side); i++) {
		uint64_t number = 0;
		int err = w->ground->number_of(w->ground->arg, &side, &number);
		if (err < 0)
			return err;
		int own = number > w->change->seen_number ? was_seen(w, s, number) : 0;
		if (own < 0)
			return own;
		if (own)
			dispute_take(d, &side);
	}
	dispute_add(d, &w->change->id);
	d->joined = true;
	return 0;
}

/* Open or join the Conflict of a group whose value was set by entry `standing`. */
static int dispute_open(struct work *w, struct subject *s, uint32_t group, uint64_t standing)
{
	struct past past = {0};
	int err = 0;
	struct dispute *d = subject_dispute(w, s, group, &err);

	if (!d)
		return err;
	if (standing) {
		err = w->ground->past(w->ground->arg, standing, &s->edit->record, &past);
		if (err < 0)
			return err;
		dispute_add(d, &past.change);
	}
	if (record_existence(&d->stands) == ABSENT) {
		if ((err = find_base(w, s, group, &d->base)) < 0 ||
		    (err = w->ground->owner(w->ground->arg, &s->record, &d->owner)) < 0)
			return err;
	}
	return dispute_join(w, s, d);
}

/*
 * A value was taken while a Conflict on its group is open. Who had seen all sides leaves it open as
 * it is; who had seen one side only moves that side.
 */
static int dispute_after_taking(struct work *w, struct subject *s, uint32_t group)
{
	struct id open = {{0}}, side, only = {{0}};
	size_t n_seen = 0, n_unseen = 0;
	int err = w->ground->open_conflict(w->ground->arg, &s->edit->record, group, &open);

	if (err < 0 || id_is_zero(&open))
		return err;
	struct dispute *d = subject_dispute(w, s, group, &err);
	if (!d)
		return err;
	for (size_t i = 0; dispute_side(d, i, &side); i++) {
		int seen = change_was_seen(w, s, &side);
		if (seen < 0)
			return seen;
		if (seen)
			only = side;
		n_seen += seen ? 1 : 0;
		n_unseen += seen ? 0 : 1;
	}
	if (!n_unseen)
		return 0;
	if (n_seen == 1)
		dispute_take(d, &only);
	dispute_add(d, &w->change->id);
	return 0;
}

static int decide_group(struct work *w, struct subject *s, uint32_t group, enum fate *fate)
{
	uint64_t standing;
	int err = group_newest(w, s, group, true, &standing);

	*fate = TAKEN;
	if (err < 0)
		return err;
	if (!standing) {
		if ((err = group_check_fixed(w, s, group)) < 0)
			return err;
		if (bases_match(s, group))
			return s->record.number ? dispute_after_taking(w, s, group) : 0;
		if (record_existence(&s->record) == ABSENT)
			return cause_set(w->cause, ERR_INVALID,
					 "it makes a record, and says what stood there before");
		/* Not the value that the author named: as if somebody had changed it. */
		if ((err = group_newest(w, s, group, false, &standing)) < 0)
			return err;
		if (!standing && record_find(&s->record, 0))
			standing = record_find(&s->record, 0)->number;
	} else {
		int repeat = group_is_repeat(w, s, group);
		if (repeat < 0)
			return repeat;
		if (repeat) {
			*fate = REPEAT;
			return 0;
		}
	}
	*fate = DISPUTED;
	return dispute_open(w, s, group, standing);
}

static int decide_wishes(struct work *w, struct subject *s)
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

/* Did somebody add this member since what the author saw? */
static int added_unseen(struct work *w, struct subject *s, const struct field *member)
{
	int err = unseen_load(w, s);
	if (err < 0)
		return err;
	for (size_t i = 0; i < s->n_unseen; i++) {
		const struct past *p = &s->unseen[i];
		const struct edit *said = p->said ? edit_of(p->said, &s->edit->record) : NULL;
		if (said && value_has_member(fields_get(said->effect.add, member->number),
					     member->whole))
			return 1;
	}
	return 0;
}

/*
 * What is left to do of the members that the change adds or takes. Where nobody else touched the
 * record, all of it. Else an addition that somebody made already is a repeat, whatever became of
 * it; and a removal does not reach a member that was added unseen.
 */
static int decide_members(struct work *w, struct subject *s, struct bytes members, bool adding,
			  struct bytes *left)
{
	struct bytes rest = members;
	struct buf b = {0};
	struct field f;
	/* Not only where the set itself has moved: an addition that was a repeat counts too. */
	int err = members.len && s->record.number > w->change->seen_number ? unseen_load(w, s) : 0;
	bool moved = s->n_unseen > 0;

	while (err >= 0 && field_next(&rest, &f) > 0) {
		const struct value *v = record_find(&s->record, f.number);
		bool stands = v && value_has_member(v->bytes, f.whole);
		bool keep = !moved || stands != adding;
		if (keep && moved)
			keep = (err = added_unseen(w, s, &f)) == 0 && (adding || !s->cut_short);
		if (keep)
			buf_add_bytes(&b, f.whole);
	}
	*left = b.len == members.len ? members : arena_copy(w->arena, buf_bytes(&b));
	buf_fini(&b);
	return err < 0 ? err : 0;
}

/* ---- Existence ------------------------------------------------------------------------------ */

/* A withdrawal over edits that its author had not seen: each of them is a side. */
static int dispute_withdrawal(struct work *w, struct subject *s)
{
	int err = unseen_load(w, s);
	struct dispute *d = err < 0 ? NULL : subject_dispute(w, s, 0, &err);

	if (!d)
		return err;
	for (size_t i = 0; i < s->n_unseen; i++) {
		bool moved_on = false; /* its author's later edit is a side already */
		for (size_t j = 0; j < i; j++) {
			const struct past *p = &s->unseen[j];
			const struct edit *e = p->said ? edit_of(p->said, &s->edit->record) : NULL;
			moved_on |= e && id_equal(&e->after, &s->unseen[i].change);
		}
		if (!moved_on)
			dispute_add(d, &s->unseen[i].change);
	}
	return dispute_open(w, s, 0, 0);
}

/* Has anything of the record, sets too, been changed unseen? */
static int record_moved(struct work *w, struct subject *s)
{
	for (size_t i = 0; i < s->record.n_values; i++) {
		int seen = was_seen(w, s, s->record.values[i].number);
		if (seen <= 0)
			return seen < 0 ? seen : 1;
	}
	return 0;
}

static int decide_existence(struct work *w, struct subject *s)
{
	int wants = s->edit->effect.existence;
	unsigned now = record_existence(&s->record);
	const struct value *v = record_find(&s->record, 0);
	int moved = v ? was_seen(w, s, v->number) : 1;

	if (moved < 0)
		return moved;
	moved = !moved;
	s->existence = TAKEN;
	if (now == ABSENT) {
		if (wants == LIVE && !s->edit->brings_back)
			return 0;
		return cause_set(w->cause, ERR_INVALID, "there is no such record in this space");
	}
	if (wants < 0)
		return 0;
	if (wants == LIVE && !s->edit->brings_back) {
		s->existence = REPEAT; /* somebody else made it too */
		return 0;
	}
	if (wants == WITHDRAWN && now == LIVE) {
		if ((moved = record_moved(w, s)) < 0)
			return moved;
		if (moved) {
			s->existence = DISPUTED;
			return dispute_withdrawal(w, s);
		}
	}
	if (moved && (unsigned)wants == now) {
		s->existence = REPEAT;
		return 0;
	}
	if (moved) {
		s->existence = DISPUTED;
		return dispute_open(w, s, 0, v->number);
	}
	return dispute_after_taking(w, s, 0);
}

static bool has_effect(const struct subject *s)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].fate != REPEAT)
			return true;
	return s->add.len || s->take.len;
}

/* Values changed by one who did not know that the record was withdrawn, or that
 * somebody wants to. */
static int decide_edit_of_withdrawn(struct work *w, struct subject *s)
{
	const struct value *v = record_find(&s->record, 0);
	struct id open = {{0}}, side;
	int err, seen;

	if (!v || s->edit->effect.existence == WITHDRAWN || s->edit->brings_back || !has_effect(s))
		return 0;
	if ((err = w->ground->open_conflict(w->ground->arg, &s->edit->record, 0, &open)) < 0)
		return err;
	if (!id_is_zero(&open)) {
		struct dispute *d = subject_dispute(w, s, 0, &err);
		if (!d)
			return err;
		for (size_t i = 0; dispute_side(d, i, &side); i++)
			if ((seen = change_was_seen(w, s, &side)) <= 0)
				return seen < 0 ? seen : dispute_join(w, s, d);
		return 0;
	}
	if ((seen = was_seen(w, s, v->number)) != 0 || record_existence(&s->record) != WITHDRAWN)
		return seen < 0 ? seen : 0;
	return dispute_open(w, s, 0, v->number);
}

/* ---- Settling ------------------------------------------------------------------------------- */

static enum fate group_fate(const struct subject *s, uint32_t group)
{
	if (group == 0)
		return s->edit->effect.existence >= 0 ? s->existence : UNDECIDED;
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].group == group)
			return s->wishes[i].fate;
	return UNDECIDED;
}

/* Close the sides that the author had seen; a later side keeps the Conflict open. */
static int settle_sides(struct work *w, struct subject *s, struct dispute *d, enum fate fate)
{
	struct id side;
	size_t later = 0;

	/* What it is disputed with anew stays a side; else the sides are counted
	 * again from here. */
	d->n_take = 0;
	if (fate != DISPUTED)
		d->n_add = 0;
	for (size_t i = 0; dispute_side(d, i, &side); i++) {
		int seen = change_was_seen(w, s, &side);
		if (seen < 0)
			return seen;
		if (!seen)
			later++;
		else
			dispute_take(d, &side);
	}
	if (fate == DISPUTED || later) {
		dispute_add(d, &w->change->id);
	} else {
		d->n_take = 0; /* the sides stay, as what was settled */
		d->settled = true;
	}
	return 0;
}

static int settle_one(struct work *w, const struct id *conflict)
{
	struct record c;
	struct id record, open = {{0}};
	int err;

	record_init(&c, w->arena, conflict, TYPE_CONFLICT);
	if ((err = w->ground->record(w->ground->arg, conflict, TYPE_CONFLICT, &c)) < 0)
		return err;
	uint32_t group = (uint32_t)value_number(record_get(&c, CONFLICT_GROUP));
	if (c.type != TYPE_CONFLICT ||
	    !id_from(&record, value_bytes(record_get(&c, CONFLICT_RECORD))))
		return 0; /* not known here: an edit like any other */
	for (size_t i = 0; i < w->change->n_edits; i++) {
		struct subject *s = &w->subjects[i];
		if (!id_equal(&s->edit->record, &record))
			continue;
		enum fate fate = group_fate(s, group);
		if (fate == UNDECIDED)
			break;
		err = w->ground->open_conflict(w->ground->arg, &record, group, &open);
		if (err < 0 || !id_equal(&open, conflict))
			return err; /* settled meanwhile; a dispute over that is open already */
		struct dispute *d = subject_dispute(w, s, group, &err);
		return d ? settle_sides(w, s, d, fate) : err;
	}
	return cause_set(w->cause, ERR_INVALID,
			 "it names two versions to settle that it does not edit");
}

/* ---- One change ----------------------------------------------------------------------------- */

static int subject_init(struct work *w, struct subject *s, const struct edit *e)
{
	*s = (struct subject){.edit = e, .type = schema_type(e->type), .own_next = e->after};
	record_init(&s->record, w->arena, &e->record, e->type);
	int err = w->ground->record(w->ground->arg, &e->record, e->type, &s->record);
	if (err < 0)
		return err;
	if (s->record.type != e->type)
		return cause_set(w->cause, ERR_INVALID,
				 "that id belongs to a record of another type");
	if (!id_is_zero(&s->own_next) && (err = own_extend(w, s)) < 0)
		return err;
	s->n_wishes = e->n_bases;
	s->wishes = arena_alloc(w->arena, e->n_bases * sizeof(*s->wishes));
	for (size_t i = 0; i < e->n_bases; i++)
		s->wishes[i] = (struct wish){
			.field = e->bases[i].field,
			.group = group_of(s, e->bases[i].field),
			.value = fields_get(e->effect.set, e->bases[i].field),
			.base = e->bases[i].digest,
		};
	return 0;
}

static int check_exact(struct work *w)
{
	for (size_t i = 0; i < w->change->n_exact; i++) {
		struct record r;
		char text[ID_TEXT];
		record_init(&r, w->arena, &w->change->exact[i], 0);
		int err = w->ground->record(w->ground->arg, &w->change->exact[i], 0, &r);
		if (err < 0)
			return err;
		if (r.number > w->change->seen_number)
			return cause_set(w->cause, ERR_INVALID, "%s has changed since it was read",
					 id_format(&w->change->exact[i], text));
	}
	return 0;
}

static int decide(struct work *w)
{
	int err = check_exact(w);

	w->subjects = arena_alloc(w->arena, w->change->n_edits * sizeof(*w->subjects));
	for (size_t i = 0; err == 0 && i < w->change->n_edits; i++) {
		struct subject *s = &w->subjects[i];
		const struct edit *e = &w->change->edits[i];
		if ((err = subject_init(w, s, e)) == 0 && (err = decide_existence(w, s)) == 0 &&
		    (err = decide_wishes(w, s)) == 0 &&
		    (err = decide_members(w, s, e->effect.add, true, &s->add)) == 0 &&
		    (err = decide_members(w, s, e->effect.take, false, &s->take)) == 0)
			err = decide_edit_of_withdrawn(w, s);
	}
	for (size_t i = 0; err == 0 && i < w->change->n_settles; i++)
		err = settle_one(w, &w->change->settles[i]);
	return err;
}

static bool is_as_sent(const struct subject *s)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].fate != TAKEN)
			return false;
	return s->existence == TAKEN && s->add.len == s->edit->effect.add.len &&
	       s->take.len == s->edit->effect.take.len;
}

/* What an edit came to: the part of it that was taken. False: nothing. */
static bool subject_effect(struct work *w, const struct subject *s, struct outcome_effect *out)
{
	const struct effect *sent = &s->edit->effect;
	uint32_t *clear = arena_alloc(w->arena, (sent->n_clear + 1) * sizeof(*clear));
	struct buf set = {0};

	*out = (struct outcome_effect){.type = s->edit->type, .record = s->edit->record};
	out->effect.existence = s->existence == TAKEN ? sent->existence : -1;
	out->effect.add = s->add;
	out->effect.take = s->take;
	out->effect.clear = clear;
	for (size_t i = 0; i < s->n_wishes; i++) {
		if (s->wishes[i].fate != TAKEN)
			continue;
		if (s->wishes[i].value.len)
			buf_add_bytes(&set, s->wishes[i].value);
		else
			clear[out->effect.n_clear++] = s->wishes[i].field;
	}
	out->effect.set = arena_copy(w->arena, buf_bytes(&set));
	buf_fini(&set);
	return out->effect.existence >= 0 || out->effect.set.len || out->effect.n_clear ||
	       out->effect.add.len || out->effect.take.len;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* The fields that an effect names, rising, each once. */
static void touch_fields(struct work *w, struct touch *t, const struct effect *e)
{
	const struct bytes parts[] = {e->set, e->add, e->take};
	size_t n = 0, most = 1 + e->n_clear, kept = 0;
	struct field f;

	for (size_t i = 0; i < 3; i++)
		most += value_count(parts[i]);
	uint32_t *fields = arena_alloc(w->arena, most * sizeof(*fields));
	if (e->existence >= 0)
		fields[n++] = 0;
	for (size_t i = 0; i < e->n_clear; i++)
		fields[n++] = e->clear[i];
	for (size_t i = 0; i < 3; i++)
		for (struct bytes rest = parts[i]; field_next(&rest, &f) > 0;)
			if (!n || fields[n - 1] != f.number)
				fields[n++] = f.number;
	qsort(fields, n, sizeof(*fields), compare_u32);
	for (size_t i = 0; i < n; i++)
		if (!kept || fields[kept - 1] != fields[i])
			fields[kept++] = fields[i];
	t->fields = fields;
	t->n_fields = kept;
}

static void conclude(struct work *w, struct outcome *o, struct touch **touches, size_t *n_touches)
{
	size_t n = w->change->n_edits, most = n;
	bool disputed = false;

	for (struct dispute *d = w->disputes; d; d = d->next)
		most++;
	o->effects = arena_alloc(w->arena, most * sizeof(*o->effects));
	*touches = arena_alloc(w->arena, most * sizeof(**touches));
	o->as_sent = true;
	for (size_t i = 0; i < n; i++) {
		struct subject *s = &w->subjects[i];
		o->as_sent &= is_as_sent(s);
		o->n_effects += subject_effect(w, s, &o->effects[o->n_effects]) ? 1 : 0;
		(*touches)[i] = (struct touch){.record = s->edit->record,
					       .type = s->edit->type,
					       .previous = s->record.number};
		touch_fields(w, &(*touches)[i], &s->edit->effect);
	}
	bool all = o->as_sent;
	for (struct dispute *d = w->disputes; d; d = d->next) {
		struct outcome_effect *e = &o->effects[o->n_effects];
		if (!dispute_effect(d, &w->change->id, w->arena, e))
			continue;
		o->n_effects++;
		o->as_sent = false;
		disputed |= !d->settled;
		(*touches)[n] = (struct touch){.record = e->record,
					       .type = e->type,
					       .previous = d->stands.number};
		touch_fields(w, &(*touches)[n++], &e->effect);
	}
	o->verdict = disputed ? VERDICT_CONFLICT : all ? VERDICT_APPLIED : VERDICT_MERGED;
	*n_touches = n;
}

int reconcile(const struct ground *ground, const struct change *change, uint64_t number,
	      struct arena *arena, struct outcome *outcome, struct touch **touches,
	      size_t *n_touches, struct cause *cause)
{
	struct work w = {.ground = ground,
			 .change = change,
			 .number = number,
			 .arena = arena,
			 .cause = cause,
			 .start = arena->used};

	*outcome = (struct outcome){0};
	if (change->seen_number >= number)
		return cause_set(cause, ERR_INVALID,
				 "it says that it saw entry %llu, which is not there",
				 (unsigned long long)change->seen_number);
	int err = decide(&w);
	if (err == 0)
		conclude(&w, outcome, touches, n_touches);
	return err;
}
