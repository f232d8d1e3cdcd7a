/*
 * Reconciliation on a small ground of its own: a list of entries and the records that follow from
 * them, kept in memory. Each test is a story of who had seen what; stories that must not depend on
 * the order of arrival are told in both.
 */
#include "common/dispute.h"
#include "common/fields.h"
#include "common/reconcile.h"
#include "common/schema.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 64, RECORDS = 64, REF = 2, TEXT = 3, LEAD = 7, STATUS = 20, TARGET_TEXT = 11, TARGET_DUE = 12 };

struct entry {
	struct change change;
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
	bool heavy; /* entries are copied as they are read, as a database would */
	struct cause cause;
};

static struct id id_of(unsigned c)
{
	struct id id;
	memset(id.b, (int)c, 16);
	return id;
}

static struct record *world_record(struct world *w, const struct id *id)
{
	for (size_t i = 0; i < w->n_records; i++)
		if (id_equal(&w->records[i].id, id))
			return &w->records[i];
	return NULL;
}

static int ground_record(void *arg, const struct id *id, uint32_t type, struct record *out)
{
	struct record *r = world_record(arg, id);
	(void)type;
	if (r)
		*out = *r;
	return 0;
}

static int ground_past(void *arg, uint64_t number, const struct id *record, struct past *out)
{
	struct world *w = arg;
	struct entry *e = &w->entries[number];
	must(number >= 1 && number <= w->number);
	*out = (struct past){.number = number, .change = e->change.id, .said = &e->change};
	if (w->heavy)
		arena_alloc(&w->arena, e->change.edits[0].effect.set.len);
	for (size_t i = 0; i < e->n_touches; i++)
		if (id_equal(&e->touches[i].record, record)) {
			out->previous = e->touches[i].previous;
			out->fields = e->touches[i].fields;
			out->n_fields = e->touches[i].n_fields;
			return 0;
		}
	return ERR_MISSING;
}

static int ground_number_of(void *arg, const struct id *change, uint64_t *number)
{
	struct world *w = arg;
	*number = 0;
	for (uint64_t n = 1; n <= w->number; n++)
		if (id_equal(&w->entries[n].change.id, change))
			*number = n;
	return 0;
}

static bool is_open(const struct record *c)
{
	return value_number(record_get(c, CONFLICT_STATE)) == CONFLICT_OPEN;
}

static int ground_open_conflict(void *arg, const struct id *record, uint32_t group, struct id *out)
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

static int ground_owner(void *arg, const struct record *record, struct id *owner)
{
	(void)arg;
	(void)record;
	*owner = (struct id){{0}};
	return 0;
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->arena, ARENA_NO_BUDGET);
	w->area = id_of(0xa0);
	w->space = id_of(0xa1);
}

static void world_fini(struct world *w)
{
	arena_fini(&w->arena);
}

static void world_apply(struct world *w, const struct outcome_effect *e)
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
static uint64_t arrive(struct world *w, const struct change *c)
{
	struct ground ground = {
		.arg = w,
		.area = &w->area,
		.record = ground_record,
		.past = ground_past,
		.number_of = ground_number_of,
		.open_conflict = ground_open_conflict,
		.owner = ground_owner,
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
static struct change *say(struct world *w, unsigned change, unsigned record, uint64_t seen)
{
	struct change *c = arena_alloc(&w->arena, sizeof(*c));
	struct edit *e = arena_alloc(&w->arena, sizeof(*e));
	*e = (struct edit){.type = TYPE_ACTION, .record = id_of(record)};
	e->effect.existence = -1;
	*c = (struct change){.id = id_of(change), .space = w->space, .seen_epoch = 1, .seen_number = seen,
			     .edits = e, .n_edits = 1};
	return c;
}

static struct bytes text_value(struct world *w, uint32_t field, const char *text)
{
	struct buf b = {0};
	field_add_text(&b, field, text);
	struct bytes v = arena_copy(&w->arena, buf_bytes(&b));
	buf_fini(&b);
	return v;
}

static struct bytes joined(struct world *w, struct bytes a, struct bytes b)
{
	struct buf all = {0};
	buf_add_bytes(&all, a);
	buf_add_bytes(&all, b);
	struct bytes v = arena_copy(&w->arena, buf_bytes(&all));
	buf_fini(&all);
	return v;
}

/* Fields must be said in rising order. NULL clears. `was`: the value that the author saw. */
static struct change *say_text(struct world *w, struct change *c, uint32_t field, const char *text,
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

static struct change *say_member(struct world *w, struct change *c, const char *member, bool add)
{
	struct effect *e = &c->edits[0].effect;
	struct bytes *part = add ? &e->add : &e->take;
	*part = joined(w, *part, text_value(w, LEAD, member));
	return c;
}

static struct change *say_existence(struct change *c, int existence, bool brings_back)
{
	c->edits[0].effect.existence = existence;
	c->edits[0].brings_back = brings_back;
	return c;
}

static struct change *say_after(struct change *c, unsigned change)
{
	c->edits[0].after = id_of(change);
	return c;
}

static struct change *say_settles(struct world *w, struct change *c, const struct id *conflict)
{
	struct id *ids = arena_alloc(&w->arena, sizeof(*ids));
	*ids = *conflict;
	c->settles = ids;
	c->n_settles = 1;
	return c;
}

/* Record 1, made as entry 1 with ref, text and two leads. */
static void make_action(struct world *w)
{
	world_init(w);
	struct change *c = say_existence(say(w, 0x10, 1, 0), LIVE, false);
	say_text(w, say_text(w, c, REF, "1.5", NULL), TEXT, "old", NULL);
	say_member(w, say_member(w, c, "kim", true), "lee", true);
	must(arrive(w, c) == 1 && w->verdict == VERDICT_APPLIED);
}

static bool stands(struct world *w, unsigned record, uint32_t field, const char *text)
{
	struct id id = id_of(record);
	struct bytes v = record_get(world_record(w, &id), field);
	return bytes_equal(v, text ? text_value(w, field, text) : BYTES_NONE);
}

static bool member(struct world *w, const char *who)
{
	struct id id = id_of(1);
	return value_has_member(record_get(world_record(w, &id), LEAD), text_value(w, LEAD, who));
}

/* The one open Conflict; NULL if there is none, or several. */
static struct record *conflict(struct world *w)
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

static bool sides_are(struct world *w, const unsigned *changes, size_t n)
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

/* ---- Stories -------------------------------------------------------------------------------- */

static void test_different_groups(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "new", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "1.6", "1.5"));
	ok(stands(&w, 1, TEXT, "new") && stands(&w, 1, REF, "1.6") && w.verdict == VERDICT_APPLIED &&
		   !conflict(&w),
	   "two people changing different fields: both stand");
	world_fini(&w);
}

static void test_same_group(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *a = say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old");
	struct change *b = say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old");
	arrive(&w, swapped ? b : a);
	arrive(&w, swapped ? a : b);
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, swapped ? "B" : "A"),
	   "the same field from one base to two values: the accepted one stands");
	ok(SIDES(&w, 0x20, 0x21), "and both are sides of one Conflict, in either order");
	struct id base;
	ok(id_from(&base, value_bytes(record_get(conflict(&w), CONFLICT_BASE))) && base.b[0] == 0x10,
	   "which names the change that set the base value");
	world_fini(&w);
}

static void test_settled_together(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TARGET_TEXT, "Autumn 2019", NULL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TARGET_DUE, "2019-12-20", NULL));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TARGET_DUE, NULL) && SIDES(&w, 0x20, 0x21),
	   "fields that are settled together are one matter");
	world_fini(&w);
}

static void test_sequence(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 2), TEXT, "B", "A"));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "B"), "who had seen the value may replace it");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, NULL, "B"));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, NULL), "or leave it empty");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 4), TEXT, "C", "not what stood"));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, NULL),
	   "a base value that was never there is as good as a foreign edit");
	world_fini(&w);
}

static void test_repeat(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "A", "old"));
	ok(w.verdict == VERDICT_MERGED && !conflict(&w), "the same edit made twice apart is one");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, "later", "A"));
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, "A", "old"));
	ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "later") && !conflict(&w),
	   "and made again after a later edit, it undoes nothing");
	struct change *again = say_existence(say(&w, 0x24, 1, 0), LIVE, false);
	say_text(&w, say_text(&w, again, REF, "1.5", NULL), TEXT, "old", NULL);
	say_member(&w, again, "kim", true);
	arrive(&w, again);
	ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "later") && !conflict(&w),
	   "an import by a second school doubles and undoes nothing");
	world_fini(&w);
}

static void test_sets(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *a = say_member(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true), "kim", false);
	struct change *b = say_member(&w, say_member(&w, say(&w, 0x21, 1, 1), "noor", true), "lee", false);
	arrive(&w, swapped ? b : a);
	arrive(&w, swapped ? a : b);
	ok(member(&w, "max") && member(&w, "noor") && !member(&w, "kim") && !member(&w, "lee") &&
		   !conflict(&w),
	   "sets: all additions, all removals of what was there");
	world_fini(&w);
}

static void test_set_added_apart(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true));
	arrive(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true));
	arrive(&w, say_after(say_member(&w, say(&w, 0x22, 1, 1), "max", false), 0x21));
	ok(member(&w, "max"), "taking back one's own addition does not take another's");
	arrive(&w, say_member(&w, say(&w, 0x23, 1, 4), "max", false));
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 1), "max", true));
	ok(!member(&w, "max") && w.verdict == VERDICT_MERGED,
	   "an addition that was made before and undone since is a repeat");
	world_fini(&w);

	make_action(&w);
	arrive(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true));
	arrive(&w, say_member(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true), "noor", true));
	arrive(&w, say_after(say_member(&w, say(&w, 0x22, 1, 1), "max", false), 0x21));
	ok(member(&w, "max") && member(&w, "noor"), "nor where one's own edit touched the set last");
	arrive(&w, say_member(&w, say(&w, 0x23, 1, 1), "max", true));
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 4), "max", false));
	ok(member(&w, "max"), "nor where the other's addition was a repeat");
	world_fini(&w);
}

static void test_own_edits(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A1", "old"));
	arrive(&w, say_after(say_text(&w, say(&w, 0x21, 1, 1), TEXT, "A2", "A1"), 0x20));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "A2"), "one's own unsent edits stand on each other");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), STATUS, "x", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x23, 1, 1), TEXT, "A3", "A2"), 0x21));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "A3"),
	   "with a foreign edit of another field between them");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 1), TEXT, "own, unseen", "old"));
	ok(w.verdict == VERDICT_CONFLICT, "but not on one that they did not see");
	arrive(&w, say_after(say(&w, 0x25, 1, 1), 0x99));
	ok(w.err == ERR_AGAIN, "an edit that stands on one that has not arrived waits");
	arrive(&w, say_text(&w, say_existence(say(&w, 0x26, 7, 0), LIVE, false), REF, "7", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x27, 1, 1), STATUS, "y", "x"), 0x26));
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "did not touch"),
	   "an edit that stands on one of another record is refused");
	world_fini(&w);
}

static void test_side_moves(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TEXT, "B2", "B"), 0x21));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "A") && SIDES(&w, 0x20, 0x22),
	   "a later edit on one's own side moves that side");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 2), TEXT, "A2", "A"));
	ok(stands(&w, 1, TEXT, "A2") && SIDES(&w, 0x22, 0x23), "likewise of the side that stands");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 1), TEXT, "C", "old"));
	ok(SIDES(&w, 0x22, 0x23, 0x24), "a third edit is a third side");
	uint64_t all = w.number;
	arrive(&w, say_text(&w, say(&w, 0x25, 1, all), TEXT, "D", "A2"));
	ok(stands(&w, 1, TEXT, "D") && conflict(&w) && SIDES(&w, 0x22, 0x23, 0x24),
	   "an edit by one who saw all sides stands and leaves the matter open");
	world_fini(&w);
}

static void test_settle(bool with_later_side, bool twice)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	struct id c = conflict(&w)->id;
	if (with_later_side)
		arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), TEXT, "C", "old"));
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "B", "A"), &c));
	if (with_later_side) {
		ok(stands(&w, 1, TEXT, "B") && SIDES(&w, 0x22, 0x23), "a later side keeps the Conflict open");
	} else if (!twice) {
		ok(stands(&w, 1, TEXT, "B") && !conflict(&w) && w.verdict == VERDICT_APPLIED,
		   "settling writes the value and closes the Conflict");
	} else {
		arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x24, 1, 3), TEXT, "A", "A"), &c));
		ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "B") && SIDES(&w, 0x23, 0x24) &&
			   !id_equal(&conflict(&w)->id, &c),
		   "settled at two schools at once: the second opens a new Conflict with the first");
	}
	world_fini(&w);
}

static void test_settle_what_stands(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, "A", "A"), &c));
	ok(!conflict(&w) && stands(&w, 1, TEXT, "A"), "settling for what stands closes the Conflict too");
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "B", "A"), &c));
	ok(SIDES(&w, 0x22, 0x23), "and counts against another settling made apart");
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x24, 1, 5), REF, "9", "1.5"), &conflict(&w)->id));
	ok(w.err == ERR_INVALID && w.cause.words[0], "a change that settles what it does not edit is refused");
	world_fini(&w);
}

static void test_withdrawn(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *e = say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old");
	struct change *d = say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false);
	arrive(&w, swapped ? d : e);
	arrive(&w, swapped ? e : d);
	struct id one = id_of(1);
	ok(stands(&w, 1, TEXT, "A") && SIDES(&w, 0x20, 0x21) && w.verdict == VERDICT_CONFLICT,
	   "withdrawn against edited: the value is kept, and both are sides, in either order");
	ok(record_existence(world_record(&w, &one)) == (swapped ? WITHDRAWN : LIVE),
	   "existence stays as it was accepted");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), REF, "7", "1.5"));
	ok(SIDES(&w, 0x20, 0x21, 0x22) && stands(&w, 1, REF, "7"), "a later unseen edit joins as a side");
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_existence(say(&w, 0x23, 1, 4), LIVE, true), &c));
	ok(!conflict(&w) && record_existence(world_record(&w, &one)) == LIVE, "it can be settled by keeping the record");
	world_fini(&w);
}

/* Settled by withdrawing the record, which somebody went on editing meanwhile. */
static void test_settled_by_withdrawal(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false));
	struct id one = id_of(1), c = conflict(&w)->id;
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), REF, "7", "1.5"));
	arrive(&w, say_settles(&w, say_existence(say(&w, 0x23, 1, 3), WITHDRAWN, false), &c));
	ok(w.verdict == VERDICT_CONFLICT && record_existence(world_record(&w, &one)) == LIVE &&
		   SIDES(&w, 0x22, 0x23),
	   "a settling by withdrawal over an unseen edit leaves those two as sides");
	world_fini(&w);
}

static void test_existence(void)
{
	struct world w;
	struct id one = id_of(1);
	make_action(&w);
	arrive(&w, say_existence(say(&w, 0x20, 1, 1), WITHDRAWN, false));
	ok(w.verdict == VERDICT_APPLIED && record_existence(world_record(&w, &one)) == WITHDRAWN,
	   "a record is withdrawn");
	arrive(&w, say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false));
	ok(w.verdict == VERDICT_MERGED && !conflict(&w), "twice is once");
	arrive(&w, say_existence(say(&w, 0x22, 1, 3), LIVE, true));
	ok(w.verdict == VERDICT_APPLIED && record_existence(world_record(&w, &one)) == LIVE, "and brought back");
	arrive(&w, say_text(&w, say(&w, 0x23, 2, 4), TEXT, "x", NULL));
	ok(w.err == ERR_INVALID, "a record that was never made can't be edited");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 99), TEXT, "x", "old"));
	ok(w.err == ERR_INVALID, "nobody has seen what is not there yet");
	arrive(&w, say_text(&w, say_existence(say(&w, 0x25, 3, 4), LIVE, false), TEXT, "x", "old"));
	ok(w.err == ERR_INVALID && !conflict(&w), "a record that is made had no value before");
	world_fini(&w);
}

/* More history than is read: nobody's version is lost for that. */
static void test_long_history(void)
{
	struct world w;
	make_action(&w);
	char *text = arena_alloc(&w.arena, 1024 * 1024 + 1);
	memset(text, 'x', 1024 * 1024);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true));
	for (unsigned i = 0; i < 40; i++)
		arrive(&w, say_text(&w, say(&w, 0x40 + i, 1, w.number), STATUS, text, i ? text : NULL));
	w.heavy = true;
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), TEXT, "A", "old"));
	ok(w.err == 0 && w.verdict == VERDICT_MERGED, "what stands already is a repeat, however long the history");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, "B", "old"));
	ok(w.err == 0 && w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "A"),
	   "a history too long to read makes two versions, not one");
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 1), "kim", false));
	ok(w.err == 0 && member(&w, "kim"), "and a set keeps a member that somebody may have added");
	world_fini(&w);
}

static void test_exact(void)
{
	struct world w;
	struct id *ids;
	make_action(&w);
	ids = arena_alloc(&w.arena, sizeof(*ids));
	*ids = id_of(1);
	struct change *late = say_text(&w, say(&w, 0x21, 1, 1), STATUS, "x", NULL);
	late->exact = ids;
	late->n_exact = 1;
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, late);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "has changed"), "an exact change is refused once a record has moved");
	late->seen_number = 2;
	arrive(&w, late);
	ok(w.err == 0 && w.verdict == VERDICT_APPLIED, "and taken by one who saw it as it is");
	world_fini(&w);
}

static void test_fixed(void)
{
	struct world w;
	world_init(&w);
	struct change *c = say_existence(say(&w, 0x10, 1, 0), LIVE, false);
	c->edits[0].type = TYPE_LINK;
	arrive(&w, say_text(&w, c, 1, "from one here...", NULL));
	struct change *knowing = say_text(&w, say(&w, 0x11, 1, 1), 1, "from another ...", "from one here...");
	knowing->edits[0].type = TYPE_LINK;
	arrive(&w, knowing);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "set once"), "a field that is set once is not changed knowingly");
	struct change *apart = say_existence(say(&w, 0x12, 1, 0), LIVE, false);
	apart->edits[0].type = TYPE_LINK;
	arrive(&w, say_text(&w, apart, 1, "from a third one", NULL));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x10, 0x12), "made apart with two values, it is a conflict");
	struct change *other = say_text(&w, say(&w, 0x13, 1, 2), TEXT, "x", NULL);
	arrive(&w, other);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "another type"), "a record keeps its type");
	world_fini(&w);
}

int main(void)
{
	test_different_groups();
	test_same_group(false);
	test_same_group(true);
	test_settled_together();
	test_sequence();
	test_repeat();
	test_sets(false);
	test_sets(true);
	test_set_added_apart();
	test_own_edits();
	test_side_moves();
	test_settle(false, false);
	test_settle(true, false);
	test_settle(false, true);
	test_settle_what_stands();
	test_withdrawn(false);
	test_withdrawn(true);
	test_settled_by_withdrawal();
	test_existence();
	test_long_history();
	test_exact();
	test_fixed();
	return tap_end();
}
