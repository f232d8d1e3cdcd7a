/* Entering what the server says: each number once, the same for everybody, and chained. */
#include "tests/sim/model.h"

#include "common/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void book_init(struct book *b, const struct id *area)
{
	*b = (struct book){.area = *area};
	arena_init(&b->arena, ARENA_NO_BUDGET);
	arena_init(&b->scratch, ARENA_NO_BUDGET);
}

void book_fini(struct book *b)
{
	for (size_t i = 0; i < b->n_spaces; i++)
		free(b->spaces[i]->entries);
	free(b->spaces);
	free(b->records);
	idmap_fini(&b->by_space);
	idmap_fini(&b->by_record);
	idmap_fini(&b->by_change);
	arena_fini(&b->arena);
	arena_fini(&b->scratch);
	free(b->read);
}

struct book_space *book_space(const struct book *b, const struct id *id)
{
	return idmap_get(&b->by_space, id);
}

const struct book_entry *book_entry(const struct book *b, const struct id *change)
{
	const struct book_entry *e = idmap_get(&b->by_change, change);
	return e && !e->gone ? e : NULL;
}

bool book_had(const struct book *b, const struct id *change)
{
	return idmap_get(&b->by_change, change) != NULL;
}

uint64_t book_number(const struct book *b, const struct id *space)
{
	const struct book_space *s = book_space(b, space);
	return s ? s->n : 0;
}

/* A record is named by its space and its id. */
static struct id record_key(const struct id *space, const struct id *id)
{
	struct id key;
	for (size_t i = 0; i < 16; i++)
		key.b[i] = (uint8_t)(id->b[i] ^ space->b[15 - i]);
	return key;
}

const struct record *book_record(const struct book *b, const struct id *space, const struct id *id)
{
	struct id key = record_key(space, id);
	const struct book_record *r = idmap_get(&b->by_record, &key);
	return r && r->record.n_values ? &r->record : NULL;
}

static struct record *book_record_make(struct book *b, const struct id *space, const struct id *id,
				       uint32_t type)
{
	struct id key = record_key(space, id);
	struct book_record *r = idmap_get(&b->by_record, &key);
	if (r)
		return &r->record;
	r = arena_alloc(&b->arena, sizeof(*r));
	record_init(&r->record, &b->arena, id, type);
	r->space = *space;
	if (b->n_records == b->cap_records) {
		b->cap_records = b->cap_records ? 2 * b->cap_records : 256;
		b->records = mem_resize(b->records, b->cap_records * sizeof(*b->records));
	}
	b->records[b->n_records++] = r;
	idmap_put(&b->by_record, &key, r);
	return &r->record;
}

static struct book_space *book_space_make(struct book *b, const struct id *id, uint64_t epoch)
{
	struct book_space *s = book_space(b, id);
	if (s)
		return s;
	s = arena_alloc(&b->arena, sizeof(*s));
	s->id = *id;
	s->epoch = epoch;
	b->spaces = mem_resize(b->spaces, (b->n_spaces + 1) * sizeof(*b->spaces));
	b->spaces[b->n_spaces++] = s;
	idmap_put(&b->by_space, id, s);
	return s;
}

static void book_lay(struct book *b, const struct book_entry *e)
{
	const struct outcome_effect *effects;
	size_t n = outcome_effects(&e->change, &e->outcome, &b->arena, &effects);
	for (size_t i = 0; i < n; i++)
		record_apply(
		    book_record_make(b, &e->space->id, &effects[i].record, effects[i].type),
		    &effects[i].effect, e->header.number);
}

void book_set_back(struct book *b, struct book_space *s, size_t n)
{
	b->set_back = true;
	for (size_t i = n; i < s->n; i++) {
		s->entries[i]->gone = true;
		s->entries[i]->left = s->epoch;
	}
	s->n = n < s->n ? n : s->n;
	for (size_t i = 0; i < b->n_records; i++)
		if (id_equal(&b->records[i]->space, &s->id))
			record_init(&b->records[i]->record, &b->arena, &b->records[i]->record.id,
				    b->records[i]->record.type);
	for (size_t i = 0; i < s->n; i++)
		book_lay(b, s->entries[i]);
}

/* Up to which entry, `number` at most, the line is the same as each of those that were left in the epochs
 * from `since` on, as far as what is gone with them was of an epoch up to `epoch`. What has returned is no
 * parting. */
static uint64_t book_shared(const struct book *b, const struct book_space *s, uint64_t since, uint64_t epoch,
			    uint64_t number)
{
	for (size_t i = 0; i < b->n_read; i++) {
		const struct book_entry *e = b->read[i];
		if (e->gone && e->space == s && e->left >= since && e->epoch <= epoch && e->header.number <= number)
			number = e->header.number - 1;
	}
	return number;
}

/* What its author had seen, on the line as it is now. In the epoch that lasts, all of it counts. */
static void book_line(const struct book *b, struct book_entry *e)
{
	const struct change *c = &e->change;

	e->knew = e->sure = c->seen_number;
	if (c->seen_epoch >= e->space->epoch)
		return;
	e->knew = book_shared(b, e->space, c->seen_epoch, c->seen_epoch, c->seen_number);
	e->sure = e->space->blind ? 0 : book_shared(b, e->space, 0, UINT64_MAX, c->seen_number);
}

/* The change and outcome of an entry as it was sent; the receiver may be its author. */
static int entry_body(struct book *b, const struct id *device, const Wire__Entry *w,
		      struct book_entry *e, struct buf *body, struct cause *fault)
{
	struct bytes outcome = BYTES_NONE;
	struct id maker;
	struct bytes made = b->made(b->arg, &e->header.change, &maker);
	if (w->has_body) {
		struct bytes bytes = arena_copy(&b->arena, BYTES_OF(w->body));
		if (body_read(bytes, &e->change_bytes, &outcome) < 0)
			return cause_set(fault, ERR_CORRUPT,
					 "the body of entry %" PRIu64 " can't be read",
					 e->header.number);
		buf_add_bytes(body, bytes);
	} else {
		if (!id_equal(device, &e->header.device) || !made.len)
			return cause_set(fault, ERR_CORRUPT,
					 "entry %" PRIu64 " came without its body to one "
					 "who did not write it",
					 e->header.number);
		e->change_bytes = made;
		body_write(made, BYTES_NONE, body);
	}
	if (made.len &&
	    (!bytes_equal(made, e->change_bytes) || !id_equal(&maker, &e->header.device)))
		return cause_set(fault, ERR_CORRUPT,
				 "entry %" PRIu64 " is not what its author made", e->header.number);
	if (!made.len && !id_equal(&e->header.device, &b->server))
		return cause_set(fault, ERR_CORRUPT, "entry %" PRIu64 " was made by nobody",
				 e->header.number);
	if (change_read(&e->change, e->change_bytes, &b->arena, fault) < 0 ||
	    outcome_read(&e->outcome, outcome, &b->arena) < 0)
		return cause_set(fault, ERR_CORRUPT,
				 "the change of entry %" PRIu64 " can't be read", e->header.number);
	return 0;
}

/* The header names every field of a record that the change or what came of it names. */
static int touches_name(const struct book_entry *e, const struct id *record, struct bytes message,
			struct cause *fault)
{
	struct field f;
	for (size_t i = 0; i < e->header.n_touches; i++) {
		const struct touch *t = &e->header.touches[i];
		if (!id_equal(&t->record, record))
			continue;
		while (field_next(&message, &f) > 0) {
			bool found = false;
			for (size_t k = 0; k < t->n_fields; k++)
				found |= t->fields[k] == f.number;
			if (!found)
				return cause_set(fault, ERR_CORRUPT,
						 "the header of entry %" PRIu64 " does not name field %u",
						 e->header.number, f.number);
		}
		return 0;
	}
	return cause_set(fault, ERR_CORRUPT,
			 "the header of entry %" PRIu64 " does not name a record that it touches",
			 e->header.number);
}

static int entry_judge_touches(struct book *b, const struct book_entry *e, struct cause *fault)
{
	const struct outcome_effect *effects;
	size_t n = outcome_effects(&e->change, &e->outcome, &b->arena, &effects);
	int err = 0;
	for (size_t i = 0; err == 0 && i < e->change.n_edits; i++)
		err = touches_name(e, &e->change.edits[i].record, e->change.edits[i].effect.set, fault);
	for (size_t i = 0; err == 0 && i < n; i++)
		err = touches_name(e, &effects[i].record, effects[i].effect.set, fault);
	return err;
}

static void book_put(struct book *b, struct book_space *s, struct book_entry *e)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->entries = mem_resize(s->entries, s->cap * sizeof(struct book_entry *));
	}
	s->entries[s->n++] = e;
	idmap_put(&b->by_change, &e->header.change, e);
	book_lay(b, e);
}

void book_restore(struct book *b, struct book_space *s, struct book_entry *const *entries, size_t n, uint64_t epoch)
{
	size_t shared = 0;
	while (shared < n && shared < s->n && s->entries[shared] == entries[shared])
		shared++;
	book_set_back(b, s, shared);
	for (; shared < n; shared++) {
		entries[shared]->gone = false;
		book_put(b, s, entries[shared]);
	}
	s->blind |= epoch < s->epoch;
	s->epoch = epoch;
}

/* An entry that was gone has come again as it was: then it was judged when it first came. */
static bool book_return(struct book *b, struct book_space *s, const struct book_entry *e)
{
	for (size_t i = 0; i < b->n_read; i++) {
		struct book_entry *old = b->read[i];
		if (!old->gone || old->space != s || old->header.number != e->header.number ||
		    memcmp(old->chain, e->chain, SHA256_LEN) != 0)
			continue;
		old->gone = false;
		old->again = true;
		book_put(b, s, old);
		return true;
	}
	return false;
}

static int book_append(struct book *b, struct book_space *s, const struct id *device,
		       const Wire__Entry *w, struct cause *fault)
{
	struct book_entry *e = arena_alloc(&b->arena, sizeof(*e));
	struct buf body = {0};

	e->packed = arena_copy(&b->arena, BYTES_OF(w->header));
	e->salt = arena_copy(&b->arena, BYTES_OF(w->salt));
	e->space = s;
	e->epoch = s->epoch;
	if (header_read(&e->header, e->packed, &b->arena) < 0)
		return cause_set(fault, ERR_CORRUPT, "a header can't be read");
	int err = entry_body(b, device, w, e, &body, fault);
	if (s->n)
		memcpy(e->chain, s->entries[s->n - 1]->chain, SHA256_LEN);
	else
		chain_start(&b->area, &s->id, e->chain);
	chain_next(e->chain, e->packed, e->salt, buf_bytes(&body));
	e->body = arena_copy(&b->arena, buf_bytes(&body));
	buf_fini(&body);
	if (err == 0 && b->set_back && book_return(b, s, e))
		return 0;
	if (err == 0) {
		book_line(b, e);
		err = model_judge_before(b, e, fault);
	}
	if (err < 0)
		return err;
	e->again = book_had(b, &e->header.change);
	b->read = mem_resize(b->read, (b->n_read + 1) * sizeof(*b->read));
	b->read[b->n_read++] = e;
	book_put(b, s, e);
	err = model_judge_after(b, e, fault);
	return err ? err : entry_judge_touches(b, e, fault);
}

/* One that came without its body has the seal of that. */
static bool book_compare_seal(const struct book_entry *e, const Wire__Entry *w)
{
	uint8_t sealed[SHA256_LEN];

	body_seal(e->salt, e->body, sealed);
	return bytes_equal(BYTES_OF(w->sealed), BYTES(sealed, SHA256_LEN)) && w->salt.len == 0 &&
	       !w->has_body;
}

/* An entry that the book has: it must be the same for everybody. */
static int book_compare(const struct book_entry *e, const Wire__Entry *w, struct cause *fault)
{
	struct bytes change, outcome;
	bool same = bytes_equal(e->packed, BYTES_OF(w->header)) &&
		    (w->has_sealed ? book_compare_seal(e, w)
				   : bytes_equal(e->salt, BYTES_OF(w->salt)));
	if (same && w->has_body)
		same = body_read(BYTES_OF(w->body), &change, &outcome) == 0 &&
		       bytes_equal(change, e->change_bytes);
	if (!same)
		return cause_set(fault, ERR_CORRUPT,
				 "entry %" PRIu64 " was told differently before", e->header.number);
	return 0;
}

/* Enter what the server has up to `number`, since nobody was told of it whole. False: not now. */
static bool book_look_up(struct book *b, struct book_space *s, uint64_t number, struct cause *fault,
			 int *err)
{
	static const struct id nobody;

	*err = 0;
	s->behind = false;
	while (*err == 0 && s->n < number) {
		Wire__Entry e = WIRE__ENTRY__INIT;
		if (!b->stored(b->arg, &s->id, s->n + 1, &b->arena, &e)) {
			s->behind = true;
			return false;
		}
		*err = book_append(b, s, &nobody, &e, fault);
	}
	return true;
}

int book_feed(struct book *b, const struct id *device, const Wire__Feed *feed, struct cause *fault)
{
	struct id id;
	uint64_t last = 0;
	if (!id_from(&id, BYTES_OF(feed->space)) || !feed->head || feed->n_entries == 0)
		return cause_set(fault, ERR_CORRUPT,
				 "a Feed lacks its space, its head or its entries");
	struct book_space *s = book_space_make(b, &id, feed->head->epoch);
	if (b->set_back && feed->head->epoch > s->epoch)
		s->epoch = feed->head->epoch;
	for (size_t i = 0; i < feed->n_entries; i++) {
		struct arena arena;
		struct header header = {0};
		arena_init(&arena, ARENA_NO_BUDGET);
		int err = header_read(&header, BYTES_OF(feed->entries[i]->header), &arena);
		uint64_t number = header.number;
		bool sealed = feed->entries[i]->has_sealed;
		b->sealed += sealed;
		if (err == 0 && number > s->n && (s->behind || sealed) &&
		    !book_look_up(b, s, sealed ? number : number - 1, fault, &err)) {
			arena_fini(&arena);
			return 0;
		}
		if (err < 0 || number == 0 || number > s->n + 1 || (last && number != last + 1))
			err = cause_set(fault, ERR_CORRUPT,
					"a Feed has entry %" PRIu64 " after %" PRIu64
					" (the book has %zu)",
					number, last, s->n);
		if (err == 0 && number == s->n + 1)
			err = book_append(b, s, device, feed->entries[i], fault);
		else if (err == 0)
			err = book_compare(s->entries[number - 1], feed->entries[i], fault);
		arena_fini(&arena);
		if (err < 0)
			return err;
		last = number;
	}
	if (feed->head->number != last || feed->head->epoch != s->epoch ||
	    !bytes_equal(BYTES_OF(feed->head->chain),
			 BYTES(s->entries[last - 1]->chain, SHA256_LEN)))
		return cause_set(fault, ERR_CORRUPT,
				 "the head of entry %" PRIu64 " does not fit the chain", last);
	return 0;
}
