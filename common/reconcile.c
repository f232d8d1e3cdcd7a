/*
 * Reconciling one change. Each edit becomes a `subject`: the record as it stands, what its author
 * wishes of it field by field, and what happened to it unseen. When all is taken, the outcome is
 * the change as sent, which is the common case and costs no look at history.
 */
#include "common/reconcile_inside.h"

#include "common/fields.h"

#include <stdlib.h>
#include <string.h>

/* ---- Before anything else ------------------------------------------------------------------- */

static int check_self(struct work *w, const struct subject *s, struct bytes message)
{
	return s->type ? schema_check_self(s->type, &s->edit->record, message, w->cause) : 0;
}

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
	if ((err = check_self(w, s, e->effect.set)) < 0 ||
	    (err = check_self(w, s, e->effect.add)) < 0)
		return err;
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

/* How far the author had seen this journal, as it is now. */
static int seen_init(struct work *w)
{
	const struct change *c = w->change;

	w->line = c->seen_number;
	if (w->ground->on_line) {
		int err = w->ground->on_line(w->ground->arg, c->seen_epoch, c->seen_number,
					     &w->line);
		if (err < 0)
			return err;
	}
	w->off_line = w->line < c->seen_number;
	if (w->line >= w->number)
		return cause_set(w->cause, ERR_INVALID,
				 "it says that it saw entry %llu, which is not there",
				 (unsigned long long)c->seen_number);
	return 0;
}

/* ---- Exact changes -------------------------------------------------------------------------- */

const char *record_words(struct arena *arena, const struct record *r)
{
	enum { TITLE = 80 };
	const struct schema_type *t = schema_type(r->type);
	const ProtobufCFieldDescriptor *d = t ? schema_field_named(t, t->title) : NULL;
	struct bytes value = d ? record_get(r, d->id) : BYTES_NONE;
	char id[ID_TEXT];
	struct field f;
	struct buf title = {0};

	if (field_next(&value, &f) <= 0)
		return arena_format(arena, "the %s %.8s", t ? t->name : "record",
				    id_format(&r->id, id));
	schema_print(d, schema_field(t, d->id, NULL), &f, &title);
	size_t len = title.len < TITLE ? title.len : TITLE;
	while (len < title.len && len && (title.data[len] & 0xc0) == 0x80)
		len--;
	const char *words = arena_format(arena, "the %s \"%.*s%s\"", t->name, (int)len,
					 (const char *)title.data, len < title.len ? "..." : "");
	buf_fini(&title);
	return words;
}

static int refuse_moved(struct work *w, const struct record *r, uint64_t number)
{
	char name[128] = "";

	if (w->ground->whose) {
		int err = w->ground->whose(w->ground->arg, number, name, sizeof(name));
		if (err < 0)
			return err;
	}
	return cause_set(w->cause, ERR_INVALID,
			 "%s has changed since it was read%s%s: look at it again, then do it anew",
			 record_words(w->arena, r), *name ? ", by " : "", name);
}

/* Nothing of a record may have been set since it was read, but by the author below their edit. */
static int check_moved(struct work *w, const struct id *id)
{
	struct subject *s = NULL;
	struct record r;

	record_init(&r, w->arena, id, 0);
	int err = w->ground->record(w->ground->arg, id, 0, &r);
	if (err < 0)
		return err;
	for (size_t i = 0; i < w->change->n_edits; i++)
		if (id_equal(&w->change->edits[i].record, id))
			s = &w->subjects[i];
	if (s) {
		uint64_t number;
		int moved = record_moved(w, s, &number);
		return moved <= 0 ? moved : refuse_moved(w, &r, number);
	}
	for (size_t i = 0; i < r.n_values; i++)
		if (r.values[i].number > w->line)
			return refuse_moved(w, &r, r.values[i].number);
	return 0;
}

/* Where what the author had seen was taken back, nobody can say what has moved. */
static int check_exact(struct work *w)
{
	int err = 0;

	for (size_t i = 0; err == 0 && !w->off_line && i < w->change->n_exact; i++)
		err = check_moved(w, &w->change->exact[i]);
	return err;
}

/* ---- One change ----------------------------------------------------------------------------- */

static int decide_subject(struct work *w, struct subject *s)
{
	int err = frozen_look(w, s);

	if (err < 0 || s->frozen)
		return err < 0 ? err : frozen_note(w, s);
	if ((err = decide_existence(w, s)) == 0 && (err = decide_wishes(w, s)) == 0 &&
	    (err = decide_members(w, s)) == 0)
		err = decide_edit_of_withdrawn(w, s);
	return err;
}

static int decide(struct work *w)
{
	int err = seen_init(w);

	w->subjects = arena_alloc(w->arena, w->change->n_edits * sizeof(*w->subjects));
	for (size_t i = 0; err == 0 && i < w->change->n_edits; i++)
		err = subject_init(w, &w->subjects[i], &w->change->edits[i]);
	if (err == 0)
		err = check_exact(w);
	for (size_t i = 0; err == 0 && i < w->change->n_edits; i++)
		err = decide_subject(w, &w->subjects[i]);
	return err == 0 ? settle_all(w) : err;
}

/* ---- What came of it ------------------------------------------------------------------------ */

static bool is_as_sent(const struct subject *s)
{
	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].fate != TAKEN || s->wishes[i].merged)
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

static void conclude_add(struct work *w, struct outcome *o, const struct outcome_effect *e,
			 uint64_t previous, struct touch *t)
{
	o->effects[o->n_effects++] = *e;
	o->as_sent = false;
	*t = (struct touch){.record = e->record, .type = e->type, .previous = previous};
	touch_fields(w, t, &e->effect);
}

/* What was done to the Conflicts about a record. True: one of them is open. */
static bool conclude_disputes(struct work *w, struct outcome *o, const struct dispute *d,
			      struct touch *touches, size_t *n)
{
	bool disputed = false;

	for (; d; d = d->next) {
		struct outcome_effect e;
		if (!dispute_effect(d, &w->change->id, w->arena, &e))
			continue;
		disputed |= !d->settled;
		conclude_add(w, o, &e, d->stands.number, &touches[(*n)++]);
	}
	return disputed;
}

/* The effects: of each edit what was taken of it, Notes, Conflicts; and what they touch. */
static void conclude(struct work *w, struct outcome *o, struct touch **touches, size_t *n_touches)
{
	size_t n = w->change->n_edits, most = n + w->n_notes;
	bool disputed = false;

	for (size_t i = 0; i < n; i++)
		for (const struct dispute *d = w->subjects[i].disputes; d; d = d->next)
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
	for (size_t i = 0; i < w->n_notes; i++)
		conclude_add(w, o, &w->notes[i], 0, &(*touches)[n++]);
	for (size_t i = 0; i < w->change->n_edits; i++)
		disputed |= conclude_disputes(w, o, w->subjects[i].disputes, *touches, &n);
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
			 .cause = cause};

	*outcome = (struct outcome){0};
	int err = decide(&w);
	if (err == 0)
		conclude(&w, outcome, touches, n_touches);
	return err;
}
