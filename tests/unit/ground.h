/*
 * Reconciliation on a small ground of its own: a list of entries and the records that follow from
 * them, kept in memory; and changes, said in a line each.
 */
#ifndef FIVEPITS_TESTS_GROUND_H
#define FIVEPITS_TESTS_GROUND_H

#include "common/dispute.h"
#include "common/fields.h"
#include "common/reconcile.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 64, RECORDS = 64, REF = 2, TEXT = 3, LEAD = 7, STATUS = 20, TARGET_TEXT = 11, TARGET_DUE = 12 };

struct entry {
	struct change change;
	struct outcome outcome;
	struct touch *touches;
	size_t n_touches;
};

struct world {
	struct arena arena;
	struct id area, space;
	struct entry entries[ENTRIES + 1]; /* from 1 */
	uint64_t number;
	struct record records[RECORDS];
	size_t n_records;
	enum verdict verdict; /* of the last change */
	int err;
	uint64_t epoch, common[16]; /* by epoch: what stood above it then was taken back */
	struct cause cause;
};

static inline struct id id_of(unsigned c)
{
	struct id id;
	memset(id.b, (int)c, 16);
	return id;
}

static inline struct record *world_record(struct world *w, const struct id *id)
{
	for (size_t i = 0; i < w->n_records; i++)
		if (id_equal(&w->records[i].id, id))
			return &w->records[i];
	return NULL;
}

static inline int ground_record(void *arg, const struct id *id, uint32_t type, struct record *out)
{
	struct record *r = world_record(arg, id);
	(void)type;
	if (r)
		*out = *r;
	return 0;
}

static inline const struct effect *world_did(const struct entry *e, const struct id *record)
{
	static const struct effect nothing = {.existence = -1};
	for (size_t i = 0; i < e->outcome.n_effects; i++)
		if (id_equal(&e->outcome.effects[i].record, record))
			return &e->outcome.effects[i].effect;
	return &nothing;
}

static inline int ground_past(void *arg, uint64_t number, const struct id *record, struct past *out)
{
	struct world *w = arg;
	struct entry *e = &w->entries[number];
	must(number >= 1 && number <= w->number);
	*out = (struct past){.number = number, .change = e->change.id, .said = &e->change};
	if (!e->outcome.as_sent)
		out->did = world_did(e, record);
	out->bytes = e->change.edits[0].effect.set.len;
	for (size_t i = 0; i < e->n_touches; i++)
		if (id_equal(&e->touches[i].record, record)) {
			out->previous = e->touches[i].previous;
			out->fields = e->touches[i].fields;
			out->n_fields = e->touches[i].n_fields;
			return 0;
		}
	return ERR_MISSING;
}

static inline int ground_number_of(void *arg, const struct id *change, uint64_t *number)
{
	struct world *w = arg;
	*number = 0;
	for (uint64_t n = 1; n <= w->number; n++)
		if (id_equal(&w->entries[n].change.id, change))
			*number = n;
	return 0;
}

static inline bool is_open(const struct record *c)
{
	return value_number(record_get(c, CONFLICT_STATE)) == CONFLICT_OPEN;
}

static inline int ground_open_conflict(void *arg, const struct id *record, uint32_t group, struct id *out)
{
	struct world *w = arg;
	*out = (struct id){{0}};
	for (size_t i = 0; i < w->n_records; i++) {
		const struct record *c = &w->records[i];
		if (c->type == TYPE_CONFLICT && is_open(c) &&
		    value_number(record_get(c, CONFLICT_GROUP)) == group &&
		    bytes_equal(value_bytes(record_get(c, CONFLICT_RECORD)), ID_BYTES(record)))
			*out = c->id;
	}
	return 0;
}

static inline int ground_owner(void *arg, const struct record *record, struct id *owner)
{
	(void)arg;
	(void)record;
	*owner = (struct id){{0}};
	return 0;
}

/* As long as Minutes that name it are approved. */
static inline int ground_frozen(void *arg, const struct id *record, struct id *minutes)
{
	struct world *w = arg;
	*minutes = (struct id){{0}};
	for (size_t i = 0; i < w->n_records; i++) {
		const struct record *m = &w->records[i];
		struct buf item = {0};
		field_add_bytes(&item, 4, ID_BYTES(record));
		if (m->type == TYPE_MINUTES && record_existence(m) == LIVE &&
		    value_number(record_get(m, 3)) >= RECORDS__MINUTES_STATE__APPROVED &&
		    value_has_member(record_get(m, 4), buf_bytes(&item)))
			*minutes = m->id;
		buf_fini(&item);
	}
	return 0;
}

static inline int ground_author(void *arg, struct id *person)
{
	(void)arg;
	*person = id_of(0xbb);
	return 0;
}

static inline int ground_whose(void *arg, uint64_t number, char *name, size_t size)
{
	(void)arg;
	snprintf(name, size, "the head of school %llu", (unsigned long long)number);
	return 0;
}

static inline int ground_on_line(void *arg, uint64_t epoch, uint64_t number, uint64_t *out)
{
	struct world *w = arg;
	*out = number;
	for (uint64_t e = epoch + 1; e <= w->epoch; e++)
		*out = *out < w->common[e] ? *out : w->common[e];
	return 0;
}

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->arena, ARENA_NO_BUDGET);
	w->epoch = 1;
	w->area = id_of(0xa0);
	w->space = id_of(0xa1);
}

static inline void world_fini(struct world *w)
{
	arena_fini(&w->arena);
}

static inline void world_apply(struct world *w, const struct outcome_effect *e)
{
	struct record *r = world_record(w, &e->record);
	if (!r) {
		must(w->n_records < RECORDS);
		r = &w->records[w->n_records++];
		record_init(r, &w->arena, &e->record, e->type);
	}
	record_apply(r, &e->effect, w->number);
}

/* One change arrives at the server; its entry's number, or 0 if it was refused. */
static inline uint64_t arrive(struct world *w, const struct change *c)
{
	struct ground ground = {
		.arg = w,
		.area = &w->area,
		.record = ground_record,
		.past = ground_past,
		.number_of = ground_number_of,
		.open_conflict = ground_open_conflict,
		.owner = ground_owner,
		.on_line = ground_on_line,
		.frozen = ground_frozen,
		.author = ground_author,
		.whose = ground_whose,
	};
	struct entry *e = &w->entries[w->number + 1];
	const struct outcome_effect *effects;
	struct outcome o, back;
	struct buf bytes = {0};

	must(w->number < ENTRIES);
	w->err = reconcile(&ground, c, w->number + 1, &w->arena, &o, &e->touches, &e->n_touches, &w->cause);
	if (w->err < 0)
		return 0;
	outcome_write(&o, &bytes); /* what is applied is what copies will read */
	must(outcome_read(&back, arena_copy(&w->arena, buf_bytes(&bytes)), &w->arena) == 0);
	must(back.as_sent == o.as_sent && (o.as_sent || back.verdict == o.verdict));
	buf_fini(&bytes);
	w->verdict = o.verdict;
	e->change = *c;
	e->outcome = back;
	w->number++;
	size_t n = outcome_effects(c, &back, &w->arena, &effects);
	for (size_t i = 0; i < n; i++)
		world_apply(w, &effects[i]);
	/* Every touched record's history leads here, also where the entry had no effect on it. */
	for (size_t i = 0; i < e->n_touches; i++)
		if (world_record(w, &e->touches[i].record))
			world_record(w, &e->touches[i].record)->number = w->number;
	return w->number;
}

/* ---- Making changes ------------------------------------------------------------------------- */

/* A change to one record by who had seen `seen`; fields are added by say_*. */
static inline struct change *say(struct world *w, unsigned change, unsigned record, uint64_t seen)
{
	struct change *c = arena_alloc(&w->arena, sizeof(*c));
	struct edit *e = arena_alloc(&w->arena, sizeof(*e));
	*e = (struct edit){.type = TYPE_ACTION, .record = id_of(record)};
	e->effect.existence = -1;
	*c = (struct change){.id = id_of(change), .space = w->space, .seen_epoch = 1, .seen_number = seen,
			     .edits = e, .n_edits = 1};
	return c;
}

static inline struct bytes text_value(struct world *w, uint32_t field, const char *text)
{
	struct buf b = {0};
	field_add_text(&b, field, text);
	struct bytes v = arena_copy(&w->arena, buf_bytes(&b));
	buf_fini(&b);
	return v;
}

static inline struct bytes joined(struct world *w, struct bytes a, struct bytes b)
{
	struct buf all = {0};
	buf_add_bytes(&all, a);
	buf_add_bytes(&all, b);
	struct bytes v = arena_copy(&w->arena, buf_bytes(&all));
	buf_fini(&all);
	return v;
}

/* Fields must be said in rising order. NULL clears. `was`: the value that the author saw. */
static inline struct change *say_text(struct world *w, struct change *c, uint32_t field, const char *text,
			       const char *was)
{
	struct edit *e = &c->edits[0];
	struct base *bases = arena_alloc(&w->arena, (e->n_bases + 1) * sizeof(*bases));
	if (e->n_bases)
		memcpy(bases, e->bases, e->n_bases * sizeof(*bases));
	bases[e->n_bases++] = (struct base){field, base_digest(was ? text_value(w, field, was) : BYTES_NONE)};
	e->bases = bases;
	if (text) {
		e->effect.set = joined(w, e->effect.set, text_value(w, field, text));
	} else {
		uint32_t *clear = arena_alloc(&w->arena, sizeof(*clear));
		*clear = field;
		e->effect.clear = clear;
		e->effect.n_clear = 1;
	}
	return c;
}

static inline struct change *say_member(struct world *w, struct change *c, const char *member, bool add)
{
	struct effect *e = &c->edits[0].effect;
	struct bytes *part = add ? &e->add : &e->take;
	*part = joined(w, *part, text_value(w, LEAD, member));
	return c;
}

static inline struct change *say_existence(struct change *c, int existence, bool brings_back)
{
	c->edits[0].effect.existence = existence;
	c->edits[0].brings_back = brings_back;
	return c;
}

static inline struct change *say_after(struct change *c, unsigned change)
{
	c->edits[0].after = id_of(change);
	return c;
}

static inline struct change *say_settles(struct world *w, struct change *c, const struct id *conflict)
{
	struct id *ids = arena_alloc(&w->arena, sizeof(*ids));
	*ids = *conflict;
	c->settles = ids;
	c->n_settles = 1;
	return c;
}

/* Record 1, made as entry 1 with ref, text and two leads. */
static inline void make_action(struct world *w)
{
	world_init(w);
	struct change *c = say_existence(say(w, 0x10, 1, 0), LIVE, false);
	say_text(w, say_text(w, c, REF, "1.5", NULL), TEXT, "old", NULL);
	say_member(w, say_member(w, c, "kim", true), "lee", true);
	must(arrive(w, c) == 1 && w->verdict == VERDICT_APPLIED);
}

static inline bool stands(struct world *w, unsigned record, uint32_t field, const char *text)
{
	struct id id = id_of(record);
	struct bytes v = record_get(world_record(w, &id), field);
	return bytes_equal(v, text ? text_value(w, field, text) : BYTES_NONE);
}

static inline bool member(struct world *w, const char *who)
{
	struct id id = id_of(1);
	return value_has_member(record_get(world_record(w, &id), LEAD), text_value(w, LEAD, who));
}

/* The one open Conflict; NULL if there is none, or several. */
static inline struct record *conflict(struct world *w)
{
	struct record *found = NULL;
	for (size_t i = 0; i < w->n_records; i++)
		if (w->records[i].type == TYPE_CONFLICT && is_open(&w->records[i])) {
			if (found)
				return NULL;
			found = &w->records[i];
		}
	return found;
}

static inline bool sides_are(struct world *w, const unsigned *changes, size_t n)
{
	const struct record *c = conflict(w);
	if (!c || value_count(record_get(c, CONFLICT_SIDES)) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};
		struct id id = id_of(changes[i]);
		field_add_bytes(&b, CONFLICT_SIDES, ID_BYTES(&id));
		bool has = value_has_member(record_get(c, CONFLICT_SIDES), buf_bytes(&b));
		buf_fini(&b);
		if (!has)
			return false;
	}
	return true;
}
#define SIDES(w, ...)                                                                              \
	sides_are(w, (const unsigned[]){__VA_ARGS__},                                               \
		  sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

#endif
