/*
 * Reconciliation under histories that nobody thought of: a few people who read, edit, save later,
 * sync in parts, settle, take back, approve, and a server that is set back. Each change that
 * arrives is judged by a model that knows nothing of numbers and chains: it remembers which changes
 * each author had before them when they read, and what they saw. Nothing may be lost: what an
 * author wrote stands, is a side of an open Conflict, was done by another before, or is in a Note;
 * and what gives way to it was before its author.
 */
#include "tests/unit/ground.h"

enum { DEVICES = 4, CHANGES = 48, TARGETS = 2, PIECES = 64 };

/* What there is to edit: an action, and an item that Minutes may come to hold fast. */
static const struct target {
	unsigned record;
	uint32_t type, values[2], text, set, pair[2];
} targets[TARGETS] = {
	{1, TYPE_ACTION, {REF, STATUS}, TEXT, LEAD, {TARGET_TEXT, TARGET_DUE}},
	{2, TYPE_AGENDA_ITEM, {2, 3}, 8, 6, {0, 0}},
};
enum { HOLDING = 3 }; /* the Minutes */

struct known {
	bool of[CHANGES];
};

struct said {
	struct change *change;
	const struct target *target;
	uint64_t number; /* of its entry; 0: none yet */
	bool gone;	 /* refused, or stands on one that was */
	bool exact;
	struct known known;
	struct record view; /* of the target, as its author saw it */
};

struct look {
	bool any;
	const struct target *target;
	uint64_t epoch, seen;
	int after;
	struct known known;
	struct record view;
};

struct device {
	uint64_t cursor;
	int pending[CHANGES];
	size_t n_pending;
	struct known known;
	struct look look; /* read, and not saved yet */
};

struct play {
	struct world w;
	struct device devices[DEVICES];
	struct said said[CHANGES];
	size_t n_said;
	uint64_t chance;
	unsigned words; /* made so far, each once */
	bool held;
	const char *fault;
	char at[160];
};

static struct {
	size_t changes, merged, conflicts, settled, reopened, notes, exact, setbacks, off_line;
} counts;

static unsigned roll(struct play *p, unsigned n)
{
	p->chance = p->chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(p->chance >> 33) % n;
}

/* ---- What is known of the journal ----------------------------------------------------------- */

static const struct effect *entry_did(const struct entry *e, const struct id *record)
{
	if (!e->outcome.as_sent)
		return world_did(e, record);
	for (size_t i = 0; i < e->change.n_edits; i++)
		if (id_equal(&e->change.edits[i].record, record))
			return &e->change.edits[i].effect;
	return world_did(e, record);
}

/* A record after entry `cursor`, made again from the entries. */
static struct record state_at(struct world *w, uint64_t cursor, const struct id *id, uint32_t type)
{
	struct record r;
	record_init(&r, &w->arena, id, type);
	for (uint64_t n = 1; n <= cursor; n++)
		record_apply(&r, entry_did(&w->entries[n], id), n);
	return r;
}

static struct record record_copy(struct world *w, const struct record *r)
{
	struct record c = *r;
	c.values = arena_alloc(&w->arena, (r->n_values + 1) * sizeof(*c.values));
	c.cap = r->n_values;
	if (r->n_values)
		memcpy(c.values, r->values, r->n_values * sizeof(*c.values));
	return c;
}

static struct said *said_by_id(struct play *p, struct bytes id)
{
	for (size_t i = 0; i < p->n_said; i++)
		if (bytes_equal(ID_BYTES(&p->said[i].change->id), id))
			return &p->said[i];
	return NULL;
}

static bool knows(const struct play *p, const struct said *s, const struct said *of)
{
	return of && (of == s || s->known.of[of - p->said]);
}

static const struct said *setter(struct play *p, uint64_t number)
{
	for (size_t i = 0; i < p->n_said; i++)
		if (p->said[i].number == number && number)
			return &p->said[i];
	return NULL;
}

static bool said_sets(const struct said *s, uint32_t field, struct bytes *value)
{
	const struct edit *e = &s->change->edits[0];
	for (size_t i = 0; i < e->n_bases; i++)
		if (e->bases[i].field == field) {
			*value = fields_get(e->effect.set, field);
			return true;
		}
	return false;
}

/* ---- Words of a text: each is a sentence of its own ----------------------------------------- */

struct pieces {
	struct bytes of[PIECES];
	size_t n;
};

static struct pieces text_pieces(struct bytes value)
{
	struct bytes text = value_bytes(value);
	struct pieces p = {.n = 0};
	size_t from = 0;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == ' ') {
			must(p.n < PIECES);
			p.of[p.n++] = BYTES(text.data + from, i + 1 - from);
			from = i + 1;
		}
	return p;
}

static bool has_piece(const struct pieces *p, struct bytes piece)
{
	for (size_t i = 0; i < p->n; i++)
		if (bytes_equal(p->of[i], piece))
			return true;
	return false;
}

/* ---- The judge ------------------------------------------------------------------------------ */

static void fault(struct play *p, const struct said *s, const char *words)
{
	if (p->fault)
		return;
	p->fault = words;
	snprintf(p->at, sizeof(p->at), "change %zu, entry %llu", (size_t)(s - p->said),
		 (unsigned long long)p->w.number);
}

static bool has_side(const struct record *c, const struct id *change)
{
	struct buf b = {0};
	field_add_bytes(&b, CONFLICT_SIDES, ID_BYTES(change));
	bool has = value_has_member(record_get(c, CONFLICT_SIDES), buf_bytes(&b));
	buf_fini(&b);
	return has;
}

static bool is_about(const struct record *c, const struct id *record, uint32_t group)
{
	return c->type == TYPE_CONFLICT && is_open(c) &&
	       value_number(record_get(c, CONFLICT_GROUP)) == group &&
	       bytes_equal(value_bytes(record_get(c, CONFLICT_RECORD)), ID_BYTES(record));
}

static bool is_side(struct play *p, const struct said *s, uint32_t group)
{
	for (size_t i = 0; i < p->w.n_records; i++)
		if (is_about(&p->w.records[i], &s->change->edits[0].record, group) &&
		    has_side(&p->w.records[i], &s->change->id))
			return true;
	return false;
}

static uint32_t group_of_field(const struct said *s, uint32_t field)
{
	return schema_group(schema_type(s->target->type), field);
}

/* Did an earlier change ask for all that this one asks for in the group? */
static bool was_done(struct play *p, const struct said *s, uint32_t group)
{
	const struct edit *e = &s->change->edits[0];
	for (size_t i = 0; i < p->n_said; i++) {
		const struct said *d = &p->said[i];
		bool same = d != s && d->target == s->target && d->number && d->number < s->number;
		struct bytes value;
		for (size_t k = 0; same && k < e->n_bases; k++)
			if (group_of_field(s, e->bases[k].field) == group)
				same = said_sets(d, e->bases[k].field, &value) &&
				       bytes_equal(value, fields_get(e->effect.set, e->bases[k].field));
		if (same)
			return true;
	}
	return false;
}

/* Is it in the Note that this change left? */
static bool is_noted(struct play *p, const struct said *s, struct bytes words)
{
	const struct entry *e = &p->w.entries[s->number];
	for (size_t i = 0; !e->outcome.as_sent && i < e->outcome.n_effects; i++) {
		struct bytes text = value_bytes(fields_get(e->outcome.effects[i].effect.set, 3));
		if (e->outcome.effects[i].type == TYPE_NOTE && words.len == 0)
			return true;
		if (e->outcome.effects[i].type == TYPE_NOTE && text.len >= words.len &&
		    memmem(text.data, text.len, words.data, words.len))
			return true;
	}
	return false;
}

static void judge_value(struct play *p, const struct said *s, const struct record *before,
			const struct record *after, uint32_t field)
{
	struct bytes was = record_get(before, field), is = record_get(after, field), wish = {0};
	const struct value *v = record_find(before, field);
	bool named = said_sets(s, field, &wish);

	if (!bytes_equal(was, is)) {
		if (!named || !bytes_equal(is, wish))
			fault(p, s, "a value stands that its author did not write");
		if (v && v->number && !knows(p, s, setter(p, v->number)) &&
		    !bytes_equal(was, record_get(&s->view, field)))
			fault(p, s, "a value is replaced by one who had not seen it");
	}
	if (named && !bytes_equal(is, wish) && !is_side(p, s, group_of_field(s, field)) &&
	    !was_done(p, s, group_of_field(s, field)) && !is_noted(p, s, value_bytes(wish)))
		fault(p, s, "a value is lost");
}

/* Fields that are settled together: one is not replaced over what was not seen of the other. */
static void judge_pair(struct play *p, const struct said *s, const struct record *before,
		       const struct record *after)
{
	for (int i = 0; i < 2; i++) {
		uint32_t field = s->target->pair[i], other = s->target->pair[1 - i];
		const struct value *v = record_find(before, other);
		if (!bytes_equal(record_get(before, field), record_get(after, field)) && v && v->number &&
		    !knows(p, s, setter(p, v->number)) && !bytes_equal(v->bytes, record_get(&s->view, other)))
			fault(p, s, "half of a pair is replaced over what was not seen of the other");
	}
}

static void judge_text(struct play *p, const struct said *s, const struct record *before,
		       const struct record *after, uint32_t field)
{
	struct bytes wish = {0};
	bool named = said_sets(s, field, &wish), stands = true;
	struct pieces was = text_pieces(record_get(before, field)),
		      is = text_pieces(record_get(after, field)),
		      saw = text_pieces(record_get(&s->view, field)),
		      wrote = named ? text_pieces(wish) : saw;

	for (size_t i = 0; i < was.n; i++)
		if (!has_piece(&is, was.of[i]) && (!has_piece(&saw, was.of[i]) || has_piece(&wrote, was.of[i])))
			fault(p, s, "a sentence is lost that its author had not taken out");
	for (size_t i = 0; i < is.n; i++) {
		if (!has_piece(&was, is.of[i]) && (has_piece(&saw, is.of[i]) || !has_piece(&wrote, is.of[i])))
			fault(p, s, "a sentence stands that its author had not put in");
		for (size_t k = 0; k < i; k++)
			if (bytes_equal(is.of[i], is.of[k]))
				fault(p, s, "a sentence stands twice");
	}
	for (size_t i = 0; i < wrote.n; i++)
		stands &= has_piece(&saw, wrote.of[i]) || has_piece(&is, wrote.of[i]);
	for (size_t i = 0; i < saw.n; i++)
		stands &= has_piece(&wrote, saw.of[i]) || !has_piece(&is, saw.of[i]);
	if (named && !stands && !is_side(p, s, field) && !was_done(p, s, field) &&
	    !is_noted(p, s, value_bytes(wish)))
		fault(p, s, "an edit of a text is lost");
}

/* Did somebody whom the author did not know of add this member before? `again`: or by an entry that
 * the author had known before it was taken back, and that came again. */
static bool added_unknown(struct play *p, const struct said *s, const struct field *f, bool again)
{
	uint64_t line = s->change->seen_epoch == p->w.epoch ? s->change->seen_number : 0;
	for (size_t i = 0; i < p->n_said; i++) {
		const struct said *d = &p->said[i];
		bool unknown = !knows(p, s, d) || (again && p->w.epoch > 1 && d->number > line);
		if (d->target == s->target && d->number && d->number < s->number && unknown &&
		    value_has_member(fields_get(d->change->edits[0].effect.add, f->number), f->whole))
			return true;
	}
	return false;
}

static void judge_set(struct play *p, const struct said *s, const struct record *before,
		      const struct record *after, uint32_t field)
{
	const struct effect *e = &s->change->edits[0].effect;
	struct bytes was = record_get(before, field), is = record_get(after, field), rest;
	struct field f;

	for (rest = was; field_next(&rest, &f) > 0;)
		if (!value_has_member(is, f.whole) &&
		    (!value_has_member(e->take, f.whole) || added_unknown(p, s, &f, false)))
			fault(p, s, "a member is lost");
	for (rest = is; field_next(&rest, &f) > 0;)
		if (!value_has_member(was, f.whole) && !value_has_member(e->add, f.whole))
			fault(p, s, "a member stands that nobody added");
	for (rest = e->add; field_next(&rest, &f) > 0;)
		if (!value_has_member(is, f.whole) && !added_unknown(p, s, &f, true) && !is_noted(p, s, BYTES_NONE))
			fault(p, s, "an addition is lost");
	for (rest = e->take; field_next(&rest, &f) > 0;)
		if (value_has_member(is, f.whole) && !added_unknown(p, s, &f, true) && !is_noted(p, s, BYTES_NONE))
			fault(p, s, "a removal is lost");
}

static bool is_nothing(const struct effect *e)
{
	return e->existence < 0 && !e->set.len && !e->n_clear && !e->add.len && !e->take.len;
}

/* Is there a change of the record, with effect, that the author did not know of? */
static bool moved_unknown(struct play *p, const struct said *s, const struct target *t)
{
	struct id record = id_of(t->record);
	for (size_t i = 0; i < p->n_said; i++) {
		const struct said *d = &p->said[i];
		if (d->target == t && d->number && (d->number < s->number || !s->number) && !knows(p, s, d) &&
		    !is_nothing(entry_did(&p->w.entries[d->number], &record)))
			return true;
	}
	return false;
}

static void judge_existence(struct play *p, const struct said *s, const struct record *before,
			    const struct record *after)
{
	int wish = s->change->edits[0].effect.existence;
	unsigned was = record_existence(before), is = record_existence(after);
	const struct value *v = record_find(before, 0);
	bool saw = !v || knows(p, s, setter(p, v->number));

	if (was != is && (wish < 0 || (unsigned)wish != is || !saw))
		fault(p, s, "a record comes or goes though nobody said so, or nobody who had seen it");
	if (was == LIVE && is == WITHDRAWN && moved_unknown(p, s, s->target))
		fault(p, s, "a record is withdrawn over edits that were not seen");
	if (wish >= 0 && (unsigned)wish != is && !is_side(p, s, 0) && !is_noted(p, s, BYTES_NONE))
		fault(p, s, "a withdrawal is lost");
	bool changed = false;
	for (size_t i = 0; i < after->n_values; i++)
		changed |= !bytes_equal(after->values[i].bytes, record_get(before, after->values[i].field));
	if (was == WITHDRAWN && wish < 0 && !saw && changed && !is_side(p, s, 0))
		fault(p, s, "an edit of a withdrawn record is hidden in it");
}

static bool stands_on(struct play *p, const struct said *s, const struct said *below)
{
	const struct id *after = &s->change->edits[0].after;
	while (s && s != below) {
		after = &s->change->edits[0].after;
		s = id_is_zero(after) ? NULL : said_by_id(p, ID_BYTES(after));
	}
	return s != NULL;
}

/* Whoever neither settles nor takes back closes only the version that they had before them, or that
 * theirs was laid on. */
static bool went_on_from(struct play *p, const struct said *s, const struct said *side, const struct record *was)
{
	struct id record = id_of(s->target->record);
	const struct edit *e = &s->change->edits[0];
	struct bytes said = {0}, did;
	bool same = true;
	if (s->change->n_settles || !id_is_zero(&s->change->undoes) || stands_on(p, s, side))
		return true;
	for (size_t i = 0; i < e->n_bases; i++) {
		uint32_t field = e->bases[i].field;
		struct bytes view = record_get(&s->view, field);
		if (!said_sets(side, field, &said))
			continue;
		did = fields_get(entry_did(&p->w.entries[side->number], &record)->set, field);
		same &= bytes_equal(view, said) || bytes_equal(view, did) || bytes_equal(record_get(was, field), did);
	}
	return same;
}

/* Nobody's side goes but by one who knew it. */
static void judge_sides(struct play *p, const struct said *s, const struct record *was, const struct record *before,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct record *now = &p->w.records[i];
		struct bytes sides = record_get(&before[i], CONFLICT_SIDES);
		struct field f;
		if (before[i].type != TYPE_CONFLICT || !is_open(&before[i]))
			continue;
		while (field_next(&sides, &f) > 0)
			if (!is_open(now) || !value_has_member(record_get(now, CONFLICT_SIDES), f.whole)) {
				const struct said *side = said_by_id(p, f.payload);
				if (!knows(p, s, side))
					fault(p, s, "a side is closed by one who had not seen it");
				else if (!went_on_from(p, s, side, was))
					fault(p, s, "a side is closed by one who went on from another");
			}
	}
	for (size_t i = 0; i < p->w.n_records; i++) {
		const struct record *c = &p->w.records[i];
		if (c->type != TYPE_CONFLICT || !is_open(c))
			continue;
		if (value_count(record_get(c, CONFLICT_SIDES)) < 2)
			fault(p, s, "a Conflict is open with less than two sides");
		for (size_t k = 0; k < i; k++) {
			struct id record;
			must(id_from(&record, value_bytes(record_get(c, CONFLICT_RECORD))));
			if (is_about(&p->w.records[k], &record,
				     (uint32_t)value_number(record_get(c, CONFLICT_GROUP))))
				fault(p, s, "two Conflicts are open on one group");
		}
	}
}

/* Who knew all sides settles them, unless disputed; what was settled is open when taken back. */
static void judge_settling(struct play *p, const struct said *s, const struct record *before, size_t n)
{
	const struct change *c = s->change;
	for (size_t i = 0; i < n; i++) {
		const struct record *now = &p->w.records[i];
		uint32_t group = (uint32_t)value_number(record_get(now, CONFLICT_GROUP));
		struct bytes sides = record_get(&before[i], CONFLICT_SIDES);
		bool all = true, other = false;
		struct field f;
		if (now->type != TYPE_CONFLICT)
			continue;
		while (field_next(&sides, &f) > 0)
			all &= said_by_id(p, f.payload)->number <= c->seen_number;
		if (c->n_settles && id_equal(&c->settles[0], &now->id) && is_open(&before[i]) && all &&
		    is_open(now) && !has_side(now, &c->id) && c->seen_epoch == p->w.epoch)
			fault(p, s, "a settling by one who had seen all sides leaves it open");
		counts.settled += is_open(&before[i]) && !is_open(now);
		for (size_t k = 0; k < n; k++)
			other |= is_about(&before[k], &c->edits[0].record, group);
		if (!id_is_zero(&c->undoes) && !is_open(&before[i]) && !other &&
		    bytes_equal(value_bytes(record_get(&before[i], CONFLICT_SETTLED_BY)), ID_BYTES(&c->undoes)) &&
		    !(p->held && s->target == &targets[1]) && !is_open(now))
			fault(p, s, "a settling that was taken back is not open again");
		counts.reopened += !is_open(&before[i]) && is_open(now);
	}
}

static void judge(struct play *p, struct said *s, const struct record *before, size_t n)
{
	const struct target *t = s->target;
	struct id record = id_of(t->record);
	struct record none, *after = world_record(&p->w, &record);
	record_init(&none, &p->w.arena, &record, t->type);
	const struct record *was = &none;
	for (size_t i = 0; i < n; i++)
		if (id_equal(&before[i].id, &record))
			was = &before[i];
	for (int i = 0; i < 2; i++) {
		judge_value(p, s, was, after, t->values[i]);
		if (t->pair[i])
			judge_value(p, s, was, after, t->pair[i]);
	}
	if (t->pair[0])
		judge_pair(p, s, was, after);
	judge_text(p, s, was, after, t->text);
	judge_set(p, s, was, after, t->set);
	judge_existence(p, s, was, after);
	judge_sides(p, s, was, before, n);
	judge_settling(p, s, before, n);
	for (size_t i = 0; s->exact && i < TARGETS; i++)
		if (s->change->seen_epoch == p->w.epoch && moved_unknown(p, s, &targets[i]))
			fault(p, s, "an exact change is taken though something had moved");
}

/* ---- Arriving ------------------------------------------------------------------------------- */

/* 1: it is an entry, 0: it waits, -1: it is refused. */
static int enter(struct play *p, struct said *s)
{
	struct world *w = &p->w;
	struct record before[RECORDS];
	size_t n = w->n_records;
	for (size_t i = 0; i < n; i++)
		before[i] = record_copy(w, &w->records[i]);
	uint64_t number = arrive(w, s->change);
	if (!number && w->err == ERR_AGAIN)
		return 0;
	if (!number) {
		s->gone = true;
		if (w->err != ERR_INVALID || !w->cause.words[0])
			fault(p, s, "reconciling fails");
		if (s->exact && strstr(w->cause.words, "has changed"))
			counts.exact++;
		else if (!s->change->edits[0].brings_back)
			fault(p, s, "it is refused");
		return -1;
	}
	s->number = number;
	counts.changes++;
	counts.merged += w->verdict == VERDICT_MERGED;
	counts.conflicts += w->verdict == VERDICT_CONFLICT;
	counts.off_line += s->change->seen_epoch < w->epoch;
	counts.notes += is_noted(p, s, BYTES_NONE);
	judge(p, s, before, n);
	return 1;
}

/* ---- Devices -------------------------------------------------------------------------------- */

/* Send the first `n` of what waits, then take entries up to `cursor`. */
static void device_sync(struct play *p, struct device *d, size_t n, uint64_t most)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n_pending; i++) {
		struct said *s = &p->said[d->pending[i]];
		const struct id *after = &s->change->edits[0].after;
		const struct said *below = id_is_zero(after) ? NULL : said_by_id(p, ID_BYTES(after));
		if (below && below->gone)
			s->gone = true;
		if (i < n && !s->number && !s->gone)
			enter(p, s);
	}
	if (d->cursor < p->w.number)
		d->cursor += most < p->w.number - d->cursor ? most : p->w.number - d->cursor;
	for (size_t i = 0; i < p->n_said; i++)
		if (p->said[i].number && p->said[i].number <= d->cursor)
			d->known.of[i] = true;
	for (size_t i = 0; i < d->n_pending; i++) {
		const struct said *s = &p->said[d->pending[i]];
		if (!s->gone && (!s->number || s->number > d->cursor))
			d->pending[kept++] = d->pending[i];
	}
	d->n_pending = kept;
}

static void device_read(struct play *p, struct device *d, const struct target *t)
{
	struct id record = id_of(t->record);
	d->look = (struct look){.any = true,
				.target = t,
				.epoch = p->w.epoch,
				.seen = d->cursor,
				.after = -1,
				.known = d->known,
				.view = state_at(&p->w, d->cursor, &record, t->type)};
	for (size_t i = 0; i < d->n_pending; i++)
		if (p->said[d->pending[i]].target == t) {
			record_apply(&d->look.view, &p->said[d->pending[i]].change->edits[0].effect, 0);
			d->look.after = d->pending[i];
		}
}

/* ---- Edits ---------------------------------------------------------------------------------- */

/* Replace a field by an encoded value; the base is what was seen. */
static void say_value(struct play *p, struct change *c, const struct look *l, uint32_t field, struct bytes value)
{
	struct edit *e = &c->edits[0];
	struct base *bases = arena_alloc(&p->w.arena, (e->n_bases + 1) * sizeof(*bases));
	uint32_t *clear = arena_alloc(&p->w.arena, (e->effect.n_clear + 1) * sizeof(*clear));
	if (e->n_bases)
		memcpy(bases, e->bases, e->n_bases * sizeof(*bases));
	if (e->effect.n_clear)
		memcpy(clear, e->effect.clear, e->effect.n_clear * sizeof(*clear));
	bases[e->n_bases++] = (struct base){field, base_digest(record_get(&l->view, field))};
	e->bases = bases;
	e->effect.clear = clear;
	if (value.len)
		e->effect.set = joined(&p->w, e->effect.set, value);
	else
		clear[e->effect.n_clear++] = field;
}

static struct bytes new_value(struct play *p, uint32_t field)
{
	char text[24];
	if (roll(p, 4) == 0)
		snprintf(text, sizeof(text), "common %u", roll(p, 2));
	else
		snprintf(text, sizeof(text), "value %u", p->words++);
	return text_value(&p->w, field, text);
}

/* What was seen with a sentence put in, taken out, or replaced, once or twice. */
static struct bytes new_text(struct play *p, const struct look *l, uint32_t field)
{
	struct pieces seen = text_pieces(record_get(&l->view, field));
	for (unsigned times = 1 + roll(p, 2); times; times--) {
		size_t at = roll(p, (unsigned)seen.n + 1);
		unsigned how = roll(p, 4);
		if (how == 0 && at < seen.n) {
			memmove(&seen.of[at], &seen.of[at + 1], (seen.n - at - 1) * sizeof(*seen.of));
			seen.n--;
			continue;
		}
		char *text = arena_format(&p->w.arena, "Sentence%u. ", p->words++);
		if (how > 1 && at < seen.n) {
			seen.of[at] = BYTES(text, strlen(text));
		} else if (seen.n < PIECES / 2) {
			memmove(&seen.of[at + 1], &seen.of[at], (seen.n - at) * sizeof(*seen.of));
			seen.of[at] = BYTES(text, strlen(text));
			seen.n++;
		}
	}
	struct buf b = {0}, value = {0};
	for (size_t i = 0; i < seen.n; i++)
		buf_add_bytes(&b, seen.of[i]);
	if (b.len)
		field_add_bytes(&value, field, buf_bytes(&b));
	struct bytes v = arena_copy(&p->w.arena, buf_bytes(&value));
	buf_fini(&b);
	buf_fini(&value);
	return v;
}

static void edit_set(struct play *p, struct change *c, const struct look *l, uint32_t field)
{
	char name[] = "a member of it: "; /* as long as an id */
	name[15] = (char)('a' + roll(p, 6));
	struct bytes member = text_value(&p->w, field, name);
	if (value_has_member(record_get(&l->view, field), member))
		c->edits[0].effect.take = member;
	else
		c->edits[0].effect.add = member;
}

/* A Conflict about what is read, open or settled where it was read; NULL: none. */
static const struct record *look_conflict(struct play *p, const struct look *l, bool open, struct record *out)
{
	struct id record = id_of(l->target->record);
	for (size_t i = 0; i < p->w.n_records; i++) {
		if (p->w.records[i].type != TYPE_CONFLICT)
			continue;
		*out = state_at(&p->w, l->seen, &p->w.records[i].id, TYPE_CONFLICT);
		if (out->n_values && is_open(out) == open &&
		    bytes_equal(value_bytes(record_get(out, CONFLICT_RECORD)), ID_BYTES(&record)))
			return out;
	}
	return NULL;
}

/* Take up a group for a side's value, what stands, or something new. */
static void edit_group(struct play *p, struct change *c, const struct look *l, const struct record *conflict)
{
	uint32_t group = (uint32_t)value_number(record_get(conflict, CONFLICT_GROUP));
	struct bytes sides = record_get(conflict, CONFLICT_SIDES), value;
	struct field f;
	if (group == 0) {
		bool back = record_existence(&l->view) == WITHDRAWN;
		c->edits[0].effect.existence = back ? LIVE : WITHDRAWN;
		c->edits[0].brings_back = back;
		return;
	}
	value = record_get(&l->view, group);
	for (unsigned skip = roll(p, 3); field_next(&sides, &f) > 0;)
		if (skip-- == 0)
			said_sets(said_by_id(p, f.payload), group, &value);
	say_value(p, c, l, group, value);
}

static bool edit_conflict(struct play *p, struct change *c, const struct look *l)
{
	struct record conflict;
	if (roll(p, 3) && look_conflict(p, l, true, &conflict)) {
		edit_group(p, c, l, &conflict);
		struct id *ids = arena_alloc(&p->w.arena, sizeof(*ids));
		*ids = conflict.id;
		c->settles = ids;
		c->n_settles = 1;
		return true;
	}
	if (roll(p, 3) == 0 && look_conflict(p, l, false, &conflict) &&
	    id_from(&c->undoes, value_bytes(record_get(&conflict, CONFLICT_SETTLED_BY)))) {
		edit_group(p, c, l, &conflict);
		return true;
	}
	return false;
}

static void edit_some(struct play *p, struct change *c, const struct look *l)
{
	const struct target *t = l->target;
	unsigned how = roll(p, 12);
	if (how < 3) {
		uint32_t field = t->values[roll(p, 2)];
		say_value(p, c, l, field, new_value(p, field));
	} else if (how < 7) {
		say_value(p, c, l, t->text, new_text(p, l, t->text));
	} else if (how < 9) {
		edit_set(p, c, l, t->set);
	} else if (how < 11 && t->pair[0]) {
		unsigned which = roll(p, 3);
		if (which < 2)
			say_value(p, c, l, t->pair[0], new_value(p, t->pair[0]));
		if (which > 0)
			say_value(p, c, l, t->pair[1], new_value(p, t->pair[1]));
	} else {
		c->edits[0].effect.existence = WITHDRAWN;
	}
}

static struct said *say_new(struct play *p, const struct target *t, uint64_t seen)
{
	struct said *s = &p->said[p->n_said];
	struct change *c = say(&p->w, (unsigned)p->n_said + 0x10, t->record, seen);
	c->edits[0].type = t->type;
	c->seen_epoch = p->w.epoch;
	*s = (struct said){.change = c, .target = t};
	p->n_said++;
	return s;
}

/* Save an edit of what was read, however long ago. */
static void device_save(struct play *p, struct device *d)
{
	const struct look *l = &d->look;
	unsigned there = record_existence(&l->view);
	bool stale = l->after >= 0 && p->said[l->after].gone;
	if (!l->any || p->n_said == CHANGES || there == ABSENT || stale) {
		d->look.any = false;
		return;
	}
	struct said *s = say_new(p, l->target, l->seen);
	struct change *c = s->change;
	c->seen_epoch = l->epoch;
	if (l->after >= 0)
		c->edits[0].after = p->said[l->after].change->id;
	if (!edit_conflict(p, c, l)) {
		if (there == WITHDRAWN) {
			c->edits[0].effect.existence = LIVE;
			c->edits[0].brings_back = true;
		} else {
			edit_some(p, c, l);
		}
	}
	s->known = l->known;
	s->view = record_copy(&p->w, &l->view);
	if (roll(p, 12) == 0) {
		struct id *ids = arena_alloc(&p->w.arena, TARGETS * sizeof(*ids));
		for (size_t i = 0; i < TARGETS; i++)
			ids[i] = id_of(targets[i].record);
		c->exact = ids;
		c->n_exact = TARGETS;
		s->exact = true;
	}
	d->pending[d->n_pending++] = (int)(s - p->said);
	d->known.of[s - p->said] = true;
	d->look.any = false;
}

/* ---- The server ----------------------------------------------------------------------------- */

/* Minutes are approved that hold the item. */
static void hold_item(struct play *p)
{
	struct id item = id_of(2);
	struct buf set = {0};
	if (p->held || p->w.number + 1 >= ENTRIES)
		return;
	struct change *c = say_existence(say(&p->w, 0x0f, HOLDING, p->w.number), LIVE, false);
	c->edits[0].type = TYPE_MINUTES;
	c->seen_epoch = p->w.epoch;
	field_add_number(&set, 3, RECORDS__MINUTES_STATE__APPROVED);
	field_add_bytes(&set, 4, ID_BYTES(&item));
	struct base *bases = arena_alloc(&p->w.arena, 2 * sizeof(*bases));
	bases[0] = (struct base){3, base_digest(BYTES_NONE)};
	bases[1] = (struct base){4, base_digest(BYTES_NONE)};
	c->edits[0].effect.set = arena_copy(&p->w.arena, buf_bytes(&set));
	c->edits[0].bases = bases;
	c->edits[0].n_bases = 2;
	buf_fini(&set);
	p->held = arrive(&p->w, c) > 0;
	must(p->held);
}

/* Back to entry `common`; others may write on; then what was taken back is entered again. */
static void set_back(struct play *p, uint64_t common)
{
	struct world *w = &p->w;
	struct said *again[ENTRIES];
	size_t n = 0;
	for (uint64_t number = common + 1; number <= w->number; number++)
		for (size_t i = 0; i < p->n_said; i++)
			if (p->said[i].number == number)
				again[n++] = &p->said[i];
	for (size_t i = 0; i < n; i++)
		again[i]->number = 0;
	struct id holding = id_of(HOLDING);
	p->held &= state_at(w, common, &holding, TYPE_MINUTES).n_values > 0;
	w->n_records = 0;
	w->number = 0;
	uint64_t last = common;
	for (uint64_t number = 1; number <= last; number++) {
		const struct outcome_effect *effects;
		struct entry *e = &w->entries[number];
		size_t m = outcome_effects(&e->change, &e->outcome, &w->arena, &effects);
		w->number = number;
		for (size_t i = 0; i < m; i++)
			world_apply(w, &effects[i]);
		for (size_t i = 0; i < e->n_touches; i++)
			if (world_record(w, &e->touches[i].record))
				world_record(w, &e->touches[i].record)->number = number;
	}
	w->common[++w->epoch] = common;
	counts.setbacks++;
	for (size_t i = 0; i < DEVICES; i++)
		if (p->devices[i].cursor > common)
			p->devices[i].cursor = common;
	if (roll(p, 2))
		device_sync(p, &p->devices[roll(p, DEVICES)], CHANGES, 0);
	for (size_t i = 0; i < n; i++)
		if (!again[i]->number && enter(p, again[i]) == 0)
			again[i]->gone = true;
}

/* ---- Plays ---------------------------------------------------------------------------------- */

static void play_init(struct play *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	world_init(&p->w);
	p->chance = seed * 2654435761u + 1;
	for (size_t i = 0; i < TARGETS; i++) {
		const struct target *t = &targets[i];
		struct said *s = say_new(p, t, p->w.number);
		struct look none = {.target = t};
		struct id record = id_of(t->record);
		record_init(&none.view, &p->w.arena, &record, t->type);
		say_existence(s->change, LIVE, false);
		say_text(&p->w, s->change, t->text < t->values[1] ? t->text : t->values[1],
			 t->text < t->values[1] ? "One. Two. Three. Four. Five. Six. " : "first", NULL);
		if (t->text > t->values[1])
			say_text(&p->w, s->change, t->text, "One. Two. Three. Four. Five. Six. ", NULL);
		s->view = none.view;
		must(enter(p, s) == 1);
	}
	for (size_t i = 0; i < DEVICES; i++)
		device_sync(p, &p->devices[i], 0, CHANGES);
}

/* Every copy that applies the entries comes to the same records. */
static bool replays(struct play *p)
{
	for (size_t i = 0; i < p->w.n_records; i++) {
		struct record again = state_at(&p->w, p->w.number, &p->w.records[i].id, p->w.records[i].type);
		struct buf a = {0}, b = {0};
		record_pack(&p->w.records[i], &a);
		record_pack(&again, &b);
		bool same = bytes_equal(buf_bytes(&a), buf_bytes(&b));
		buf_fini(&a);
		buf_fini(&b);
		if (!same)
			return false;
	}
	return true;
}

static void play_step(struct play *p)
{
	struct device *d = &p->devices[roll(p, DEVICES)];
	unsigned what = roll(p, 40);
	if (p->w.number + CHANGES / 2 >= ENTRIES && what == 0)
		return;
	if (what == 0 && p->w.number > 6 && p->w.epoch < 8)
		set_back(p, p->w.number - 1 - roll(p, 4));
	else if (what == 1 && roll(p, 4) == 0)
		hold_item(p);
	else if (what < 8)
		device_sync(p, d, roll(p, 2) ? CHANGES : roll(p, 3), roll(p, 2) ? CHANGES : roll(p, 4));
	else if (what < 16)
		device_read(p, d, &targets[roll(p, TARGETS)]);
	else if (what < 22)
		device_save(p, d);
	else {
		device_read(p, d, &targets[roll(p, TARGETS)]);
		device_save(p, d);
	}
}

/* For whoever looks into a fault: what arrived, in order. */
static void tell(struct play *p)
{
	for (uint64_t n = 1; n <= p->w.number; n++) {
		const struct entry *e = &p->w.entries[n];
		const struct edit *edit = &e->change.edits[0];
		struct buf fields = {0};
		for (size_t i = 0; i < e->n_touches; i++) {
			buf_add_text(&fields, " %x:", e->touches[i].record.b[0]);
			for (size_t k = 0; k < e->touches[i].n_fields; k++)
				buf_add_text(&fields, "%u,", e->touches[i].fields[k]);
		}
		buf_add_u8(&fields, 0);
		note("%llu: change %x of %x, seen %llu.%llu, after %x, existence %d%s%s%s, %s, touches%s",
		     (unsigned long long)n, e->change.id.b[0] - 0x10u, edit->record.b[0],
		     (unsigned long long)e->change.seen_epoch, (unsigned long long)e->change.seen_number,
		     edit->after.b[0] ? edit->after.b[0] - 0x10u : 0, edit->effect.existence,
		     edit->brings_back ? " back" : "", e->change.n_settles ? " settles" : "",
		     id_is_zero(&e->change.undoes) ? "" : " undoes",
		     e->outcome.as_sent ? "as sent" : verdict_word(e->outcome.verdict), (const char *)fields.data);
		buf_fini(&fields);
	}
}

static void test_random(uint64_t from, uint64_t to)
{
	struct play *p = mem_alloc(sizeof(*p));
	for (uint64_t seed = from; seed < to; seed++) {
		play_init(p, seed);
		while (p->n_said < CHANGES && !p->fault && p->w.number + 2 < ENTRIES)
			play_step(p);
		for (size_t i = 0; i < 2 * DEVICES && !p->fault && p->w.number + CHANGES / 4 < ENTRIES; i++)
			device_sync(p, &p->devices[i % DEVICES], CHANGES, CHANGES);
		if (!p->fault && !replays(p))
			p->fault = "the entries do not lead to what stands";
		if (p->fault) {
			ok(false, "history %llu: %s (%s)", (unsigned long long)seed, p->fault, p->at);
			tell(p);
			world_fini(&p->w);
			free(p);
			return;
		}
		world_fini(&p->w);
	}
	free(p);
	ok(true, "%llu histories: nothing is lost, nothing stands that nobody wrote, no side closes unseen",
	   (unsigned long long)(to - from));
}

/*
 * Two people, one field, and every order of seven steps: edit here, edit there, sync here, sync
 * there. Among them is the order in which Joplin lost an edit without a word: edit, sync, edit;
 * the other syncs; sync; the other edits and syncs.
 */
static void test_every_order(uint32_t field)
{
	enum { STEPS = 7, ORDERS = 1 << (2 * STEPS) };
	struct play *p = mem_alloc(sizeof(*p));
	unsigned bad = 0;
	for (unsigned order = 0; order < ORDERS && !bad; order++) {
		play_init(p, order);
		for (unsigned step = 0; step < STEPS + 4; step++) {
			unsigned what = step < STEPS ? order >> (2 * step) & 3 : 1 + 2 * (step & 1);
			struct device *d = &p->devices[what >> 1];
			if (what & 1) {
				device_sync(p, d, CHANGES, CHANGES);
				continue;
			}
			device_read(p, d, &targets[0]);
			struct said *s = say_new(p, &targets[0], d->look.seen);
			if (d->look.after >= 0)
				s->change->edits[0].after = p->said[d->look.after].change->id;
			say_value(p, s->change, &d->look, field,
				  field == TEXT ? new_text(p, &d->look, field) : new_value(p, field));
			s->known = d->look.known;
			s->view = record_copy(&p->w, &d->look.view);
			d->pending[d->n_pending++] = (int)(s - p->said);
			d->known.of[s - p->said] = true;
		}
		bad = p->fault != NULL;
		if (bad)
			note("order %o: %s (%s)", order, p->fault, p->at);
		world_fini(&p->w);
	}
	free(p);
	ok(!bad, "two people edit and sync in every order of seven steps: %s", field == TEXT ? "prose" : "a value");
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		test_random(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
		return tap_end();
	}
	test_every_order(REF);
	test_every_order(TEXT);
	test_random(1, 1001);
	ok(counts.merged && counts.conflicts && counts.settled && counts.reopened && counts.notes && counts.exact &&
		   counts.setbacks && counts.off_line,
	   "all of it happens: of %zu changes %zu merged, %zu conflicts, %zu settled, %zu reopened, %zu Notes, %zu "
	   "exact ones refused, %zu set back, %zu from before that",
	   counts.changes, counts.merged, counts.conflicts, counts.settled, counts.reopened, counts.notes,
	   counts.exact, counts.setbacks, counts.off_line);
	return tap_end();
}
