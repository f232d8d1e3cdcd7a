/*
 * What the server will most likely decide: this device's pending changes to a record are
 * reconciled, one behind the other, with what is accepted here, as if each were the next entry. So
 * a text that others have changed too is shown brought together, and an edit that will make two
 * versions does not hide the other's.
 *
 * Mostly nothing has moved since the author looked. Then a change is simply laid on top, and that
 * costs a look at its numbers. Reckoned is only where somebody else's entry came between, and what
 * approved Minutes may hold fast.
 */
#include "client/copy_inside.h"

#include "common/fields.h"
#include "common/reconcile.h"

#include <string.h>

enum {
	AHEAD_MOST = 32, /* changes to one record that are reckoned; those behind are laid on top */
	HELD_MOST = 64,	 /* entries of its history that are looked at for that */
	CHAIN_MOST = 16, /* own entries looked at to find that nobody else's came between */
};

/* A pending change as the entry that it may become. */
struct awaited {
	struct change change; /* its edit of this record alone */
	struct outcome outcome;
	const struct touch *touch; /* of this record; NULL: it was not decided */
	const struct effect *did;  /* as in struct past */
};

struct ahead {
	struct copy *copy;
	struct arena *arena;
	struct id space;
	int64_t slot;
	uint64_t epoch, head; /* of what is held */
	struct record *r;     /* as it stands behind the last */
	struct past *held;    /* entries that were looked at */
	size_t n_held;
	struct awaited *entries;
	size_t n;
	struct record *conflicts; /* Conflict records that these entries touched */
	size_t n_conflicts;
	bool corrects; /* as in struct foresight */
};

/* ---- The ground ----------------------------------------------------------------------------- */

static void record_copy(const struct record *from, struct arena *arena, struct record *out)
{
	size_t size = from->n_values * sizeof(*from->values);

	*out = *from;
	out->arena = arena;
	out->cap = from->n_values;
	out->values = arena_alloc(arena, size);
	if (size)
		memcpy(out->values, from->values, size);
}

static int ahead_record(void *arg, const struct id *record, uint32_t type, struct record *out)
{
	struct ahead *a = arg;
	int got;

	if (id_equal(record, &a->r->id)) {
		record_copy(a->r, a->arena, out);
		return 0;
	}
	for (size_t i = 0; i < a->n_conflicts; i++)
		if (id_equal(record, &a->conflicts[i].id)) {
			record_copy(&a->conflicts[i], a->arena, out);
			return 0;
		}
	got = inside_accepted(a->copy, a->slot, record, a->arena, out);
	if (got == 0)
		out->type = type;
	return got < 0 ? got : 0;
}

/* What an entry that has no body here did is not known; that it was there is. */
static int past_read(struct ahead *a, uint64_t number, const struct id *record, struct past *out)
{
	struct past_entry *e = arena_alloc(a->arena, sizeof(*e));
	int got = copy_entry(a->copy, &a->space, number, a->arena, e);

	if (got <= 0)
		return got < 0 ? got : ERR_CORRUPT;
	for (size_t i = 0; i < e->header.n_touches; i++) {
		const struct touch *t = &e->header.touches[i];
		if (!id_equal(&t->record, record))
			continue;
		bool known = !id_is_zero(&e->change.id);
		*out = (struct past){.number = number,
				     .change = e->header.change,
				     .previous = t->previous,
				     .fields = t->fields,
				     .n_fields = t->n_fields,
				     .said = known ? &e->change : NULL,
				     .did = known ? outcome_did(&e->outcome, record) : NULL};
		return 0;
	}
	return ERR_MISSING;
}

/* Each is read once. A long history is cut short: what lies further down is not asked for. */
static int ahead_past_held(struct ahead *a, uint64_t number, const struct id *record,
			   struct past *out)
{
	for (size_t i = 0; i < a->n_held; i++)
		if (a->held[i].number == number && id_equal(record, &a->r->id)) {
			*out = a->held[i];
			return 0;
		}
	int err = past_read(a, number, record, out);
	if (err < 0 || !id_equal(record, &a->r->id))
		return err;
	if (a->n_held < HELD_MOST) {
		a->held[a->n_held++] = *out;
	} else {
		out->previous = 0;
		out->said = NULL;
	}
	return 0;
}

static int ahead_past(void *arg, uint64_t number, const struct id *record, struct past *out)
{
	struct ahead *a = arg;

	if (number <= a->head)
		return ahead_past_held(a, number, record, out);
	must(number - a->head <= a->n);
	const struct awaited *e = &a->entries[number - a->head - 1];
	if (!e->touch || !id_equal(record, &e->touch->record))
		return ERR_MISSING;
	*out = (struct past){.number = number,
			     .change = e->change.id,
			     .previous = e->touch->previous,
			     .fields = e->touch->fields,
			     .n_fields = e->touch->n_fields,
			     .said = &e->change,
			     .did = e->did};
	return 0;
}

static int ahead_number_of(void *arg, const struct id *change, uint64_t *number)
{
	struct ahead *a = arg;
	int64_t slot;

	*number = 0;
	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].touch && id_equal(change, &a->entries[i].change.id)) {
			*number = a->head + 1 + i;
			return 0;
		}
	for (size_t i = 0; i < a->n_held; i++)
		if (id_equal(change, &a->held[i].change)) {
			*number = a->held[i].number;
			return 0;
		}
	int got = inside_where(a->copy, change, &slot, number);
	if (got == 1 && slot != a->slot)
		*number = 0;
	return got < 0 ? got : 0;
}

static bool conflict_is_open(const struct record *c)
{
	return value_number(record_get(c, CONFLICT_STATE)) == CONFLICT_OPEN;
}

static bool conflict_is_on(const struct record *c, const struct id *record, uint32_t group)
{
	struct id on;
	return value_number(record_get(c, CONFLICT_GROUP)) == group &&
	       id_from(&on, value_bytes(record_get(c, CONFLICT_RECORD))) && id_equal(&on, record);
}

static int ahead_open_conflict(void *arg, const struct id *record, uint32_t group,
			       struct id *conflict)
{
	struct ahead *a = arg;

	*conflict = (struct id){{0}};
	for (size_t i = a->n_conflicts; i-- > 0;)
		if (conflict_is_on(&a->conflicts[i], record, group)) {
			if (conflict_is_open(&a->conflicts[i]))
				*conflict = a->conflicts[i].id;
			return 0;
		}
	struct db_stmt *st = db_query(a->copy->db,
				      "SELECT conflict FROM open_conflict WHERE record = $1"
				      " AND slot = $2 AND field_group = $3",
				      "dii", record, a->slot, (int64_t)group);
	int got = db_step(st);
	if (got <= 0)
		return got;
	bool whole = db_id(st, 0, conflict);
	db_reset(st);
	return whole ? 0 : ERR_CORRUPT;
}

/* Whose it is to settle is the server's to say. */
static int ahead_owner(void *arg, const struct record *record, struct id *owner)
{
	(void)arg;
	(void)record;
	*owner = (struct id){{0}};
	return 0;
}

/* Of what was seen in an epoch before this one nothing is known here: the server's word follows. */
static int ahead_on_line(void *arg, uint64_t epoch, uint64_t number, uint64_t *out)
{
	struct ahead *a = arg;
	*out = epoch == a->epoch ? number : 0;
	return 0;
}

static int ahead_frozen(void *arg, const struct id *record, struct id *minutes)
{
	struct ahead *a = arg;
	int err = inside_frozen(a->copy, &a->space, a->slot, record, a->arena, minutes);

	a->corrects |= err == 0 && !id_is_zero(minutes);
	return err;
}

/* ---- Reckoning ------------------------------------------------------------------------------ */

/* A Conflict that an awaited entry opens, joins or settles, as it is then. */
static int ahead_take_conflict(struct ahead *a, const struct outcome_effect *e)
{
	struct record *c = NULL;

	for (size_t i = 0; i < a->n_conflicts; i++)
		if (id_equal(&e->record, &a->conflicts[i].id))
			c = &a->conflicts[i];
	if (!c) {
		struct record *more = arena_alloc(a->arena, (a->n_conflicts + 1) * sizeof(*more));
		if (a->n_conflicts)
			memcpy(more, a->conflicts, a->n_conflicts * sizeof(*more));
		a->conflicts = more;
		c = &more[a->n_conflicts];
		int got = inside_accepted(a->copy, a->slot, &e->record, a->arena, c);
		if (got < 0)
			return got;
		c->type = TYPE_CONFLICT;
		a->n_conflicts++;
	}
	record_apply(c, &e->effect, 0);
	return 0;
}

static int ahead_take(struct ahead *a, struct awaited *e, const struct touch *touches,
		      size_t n_touches, uint64_t number)
{
	const struct outcome *o = &e->outcome;

	for (size_t i = 0; i < n_touches; i++)
		if (id_equal(&touches[i].record, &a->r->id))
			e->touch = &touches[i];
	must(e->touch);
	for (size_t i = 0; i < o->n_effects; i++) {
		if (o->effects[i].type != TYPE_CONFLICT)
			continue;
		int err = ahead_take_conflict(a, &o->effects[i]);
		if (err < 0)
			return err;
	}
	e->did = outcome_did(o, &a->r->id);
	if (a->r->type == 0)
		a->r->type = e->change.edits[0].type;
	record_apply(a->r, e->did ? e->did : &e->change.edits[0].effect, number);
	a->r->number = number;
	return 0;
}

/* The part of a change that is about this record. What it needs to be exact is not asked here: the
 * server alone can refuse it. */
static void awaited_init(struct ahead *a, const struct change *c, struct awaited *out)
{
	struct edit *edit = arena_alloc(a->arena, sizeof(*edit));
	struct id *settles = arena_alloc(a->arena, (c->n_settles + 1) * sizeof(*settles));

	*edit = *change_edit(c, &a->r->id);
	*out = (struct awaited){.change = *c};
	out->change.edits = edit;
	out->change.n_edits = 1;
	out->change.n_exact = 0;
	out->change.settles = settles;
	out->change.n_settles = 0;
	for (size_t i = 0; i < c->n_settles; i++) {
		struct record conflict;
		struct id on;
		record_init(&conflict, a->arena, &c->settles[i], TYPE_CONFLICT);
		if (ahead_record(a, &c->settles[i], TYPE_CONFLICT, &conflict) == 0 &&
		    id_from(&on, value_bytes(record_get(&conflict, CONFLICT_RECORD))) &&
		    id_equal(&on, &a->r->id))
			settles[out->change.n_settles++] = c->settles[i];
	}
}

/* One more pending change. What can't be decided here is shown as its author wants it. */
static int ahead_reckon(struct ahead *a, const struct change *c)
{
	const struct ground ground = {.arg = a,
				      .area = &a->copy->identity.area,
				      .record = ahead_record,
				      .past = ahead_past,
				      .number_of = ahead_number_of,
				      .open_conflict = ahead_open_conflict,
				      .owner = ahead_owner,
				      .on_line = ahead_on_line,
				      .frozen = ahead_frozen};
	struct awaited *e = &a->entries[a->n];
	uint64_t number = a->head + a->n + 1;
	struct touch *touches;
	size_t n_touches;

	awaited_init(a, c, e);
	int err = reconcile(&ground, &e->change, number, a->arena, &e->outcome, &touches,
			    &n_touches, NULL);
	if (err == 0)
		err = ahead_take(a, e, touches, n_touches, number);
	else if (err == ERR_INVALID || err == ERR_AGAIN)
		err = inside_lay(c, a->r) ? 0 : ERR_CORRUPT;
	a->n++;
	return err;
}

/* ---- Changes that wait ---------------------------------------------------------------------- */

/* All that is pending on a record, oldest first, in `arena`. Their number, or an error. */
static int pending_load(struct copy *copy, const struct id *space, const struct id *record,
			struct arena *arena, struct change **out)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT p.bytes FROM pending_record r JOIN pending p ON p.seq = r.seq"
			 " WHERE r.record = $1 AND p.space = $2 ORDER BY r.seq",
			 "dd", record, space);
	size_t n = 0, cap = 0;
	int err;

	*out = NULL;
	while ((err = db_step(st)) == 1) {
		if (n == cap) {
			struct change *more =
				arena_alloc(arena, (cap = 2 * cap + 4) * sizeof(*more));
			if (n)
				memcpy(more, *out, n * sizeof(*more));
			*out = more;
		}
		if (change_read(&(*out)[n], arena_copy(arena, db_bytes(st, 0)), arena, NULL) < 0 ||
		    !change_edit(&(*out)[n++], record)) {
			db_reset(st);
			return ERR_CORRUPT;
		}
	}
	return err < 0 ? err : (int)n;
}

/* Fields of which this change was brought together with somebody else's. */
static int foresight_merged(const struct ahead *a, struct foresight *out)
{
	size_t n = 0, most = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].did)
			most += a->entries[i].change.edits[0].n_bases;
	uint32_t *merged = arena_alloc(a->arena, (most + 1) * sizeof(*merged));
	for (size_t i = 0; i < a->n; i++) {
		const struct edit *said = &a->entries[i].change.edits[0];
		for (size_t k = 0; a->entries[i].did && k < said->n_bases; k++) {
			uint32_t field = said->bases[k].field;
			struct bytes did = fields_get(a->entries[i].did->set, field);
			if (did.len && !bytes_equal(did, fields_get(said->effect.set, field)))
				merged[n++] = field;
		}
	}
	out->merged = merged;
	out->n_merged = n;
	return 0;
}

static int foresee_reckoned(struct ahead *a, const struct change *pending, size_t n)
{
	struct db_stmt *st =
		db_query(a->copy->db, "SELECT slot, epoch, number FROM held WHERE space = $1", "d",
			 &a->space);
	int err = db_step(st);

	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	a->slot = db_int(st, 0);
	a->epoch = (uint64_t)db_int(st, 1);
	a->head = (uint64_t)db_int(st, 2);
	db_reset(st);
	/* In the middle of a Feed the journal is further than its row says. */
	if (a->r->number > a->head)
		a->head = a->r->number;
	err = 0;
	a->entries = arena_alloc(a->arena, AHEAD_MOST * sizeof(*a->entries));
	a->held = arena_alloc(a->arena, HELD_MOST * sizeof(*a->held));
	for (size_t i = 0; i < n && err == 0; i++)
		if (i < AHEAD_MOST)
			err = ahead_reckon(a, &pending[i]);
		else
			(void)inside_lay(&pending[i], a->r);
	return err;
}

/* Reckon from the accepted record on. What is not accepted yet has the number 0, as if laid on. */
static int foresee_anew(struct copy *copy, const struct id *space, struct record *r,
			struct foresight *out)
{
	struct ahead a = {.copy = copy, .arena = r->arena, .space = *space, .r = r};
	struct change *pending;
	uint64_t accepted = r->number;
	int n = pending_load(copy, space, &r->id, r->arena, &pending);
	int err = n < 0 ? n : foresee_reckoned(&a, pending, (size_t)n);

	if (err < 0)
		return err;
	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].number > a.head)
			r->values[i].number = 0;
	r->number = accepted;
	out->pending = (unsigned)n;
	if (n > 0)
		out->newest = pending[n - 1].id;
	out->corrects = a.corrects;
	out->conflicts = a.conflicts;
	out->n_conflicts = a.n_conflicts;
	for (size_t i = 0; i < a.n_conflicts; i++)
		out->to_be += a.conflicts[i].number == 0 && conflict_is_open(&a.conflicts[i]);
	return foresight_merged(&a, out);
}

/* ---- Nothing in between --------------------------------------------------------------------- */

/* Was entry `number` made by the author, below the change that `after` names? 1, 0 (also where it
 * is too far down to say), or an error. */
static int stands_below(struct copy *copy, const struct id *space, const struct record *r,
			struct id after, uint64_t number)
{
	for (int i = 0; i < CHAIN_MOST && !id_is_zero(&after); i++) {
		struct past_entry e;
		int64_t slot;
		uint64_t at;
		int got = inside_where(copy, &after, &slot, &at);
		if (got <= 0 || at <= number)
			return got <= 0 ? got : at == number;
		got = copy_entry(copy, space, at, r->arena, &e);
		const struct edit *edit = got == 1 ? change_edit(&e.change, &r->id) : NULL;
		if (!edit)
			return got < 0 ? got : 0;
		after = edit->after;
	}
	return 0;
}

/* Has nobody but the author changed the record since what this first edit of it stands on? */
static int is_untouched(struct copy *copy, const struct id *space, const struct record *r,
			const struct change *c, const struct edit *e)
{
	if (c->seen_number >= r->number)
		return 1;
	for (size_t i = 0; i < r->n_values; i++) {
		int got = r->values[i].number <= c->seen_number
				  ? 1
				  : stands_below(copy, space, r, e->after, r->values[i].number);
		if (got <= 0)
			return got;
	}
	/* Its own earlier change may have been brought together with another's. */
	for (size_t i = 0; i < e->n_bases; i++)
		if (e->bases[i].digest != base_digest(record_get(r, e->bases[i].field)))
			return 0;
	return 1;
}

struct lay {
	struct record before; /* as accepted */
	struct id last;
	uint64_t first_seen, epoch;
	unsigned n;
};

/* May this change be laid on those before it without reckoning? 1, 0 or an error. */
static int lay_is_plain(struct copy *copy, const struct id *space, const struct lay *l,
			const struct change *c)
{
	const struct edit *e = change_edit(c, &l->before.id);

	if (!e)
		return ERR_CORRUPT;
	if (l->before.n_values == 0 && l->n == 0)
		return 1; /* a new record */
	if (l->before.type == TYPE_AGENDA_ITEM)
		return 0; /* Minutes may hold it fast */
	if (c->seen_epoch != l->epoch)
		return 0;
	return l->n ? id_equal(&e->after, &l->last) && c->seen_number >= l->first_seen
		    : is_untouched(copy, space, &l->before, c, e);
}

static int space_epoch(struct copy *copy, const struct id *space, uint64_t *epoch)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT epoch FROM held WHERE space = $1", "d", space);
	int err = db_step(st);
	*epoch = 0;
	if (err == 1) {
		*epoch = (uint64_t)db_int(st, 0);
		db_reset(st);
	}
	return err < 0 ? err : 0;
}

/* Lay all that is pending on the record. 1: that is how it will be; 0: it must be reckoned. */
static int lay_all(struct copy *copy, const struct id *space, struct record *r, struct lay *l)
{
	struct db_stmt *st = inside_pending_on(copy, space, &r->id);
	const struct change *c;
	int err, plain = 1;

	while (plain == 1 && (err = inside_pending_on_next(copy, st, &c)) != 0) {
		if (err == 1 && l->n == 0) {
			record_copy(r, r->arena, &l->before);
			l->first_seen = c->seen_number;
			err = space_epoch(copy, space, &l->epoch) < 0 ? ERR_DB : 1;
		}
		plain = err < 0 ? err : lay_is_plain(copy, space, l, c);
		if (plain < 0)
			break;
		(void)inside_lay(c, r);
		l->last = c->id;
		l->n++;
	}
	db_reset(st);
	return plain;
}

int inside_foresee(struct copy *copy, const struct id *space, struct record *r,
		   struct foresight *out)
{
	struct lay l = {.before = *r};
	int plain = lay_all(copy, space, r, &l);

	*out = (struct foresight){.pending = l.n, .newest = l.last};
	if (plain != 0)
		return plain < 0 ? plain : (int)l.n;
	*r = l.before;
	int err = foresee_anew(copy, space, r, out);
	return err < 0 ? err : (int)out->pending;
}
