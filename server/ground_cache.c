/*
 * Entries that reconciling has read, parsed once: edits that disagree all walk the same history;
 * and what else they all ask for: where changes stand, digests, open conflicts, the records
 * themselves. It is all let go where it has grown too large, and where entries were taken back;
 * never while a change is being reconciled, which may hold on to what it was given.
 */
#include "server/journal_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
	CACHE_BYTES = 16 * 1024 * 1024,
	CACHE_SLOTS = 16384,
	CACHE_MOST = 3 * CACHE_SLOTS / 4, /* entries, so that a free slot is near */
	DIGEST_SLOTS = 4096,
	CONFLICT_SLOTS = 1024,
	RECORD_SLOTS = 256,
	RECORD_LARGEST = 16 * 1024, /* packed; a larger one is read anew */
};

/* Where a change stands. */
struct place {
	struct id change;
	uint64_t key;
};

/* The digest of a value in one of the entries: its bytes stay where they are as long as those. */
struct known_digest {
	struct bytes value;
	uint64_t digest;
};

/* The open Conflict on a record's field group; zero: none. */
struct known_conflict {
	struct id record, conflict;
	uint64_t local; /* the space's; 0: the slot is free */
	uint32_t group;
};

/* Of places, digests, conflicts and records a newer one takes the slot. */
struct entry_cache {
	struct arena arena;
	size_t n;
	struct read_entry *entries[CACHE_SLOTS]; /* by key */
	struct place places[CACHE_SLOTS];	 /* by change */
	struct known_digest digests[DIGEST_SLOTS];
	struct known_conflict conflicts[CONFLICT_SLOTS];
	struct known_record records[RECORD_SLOTS];
};

static void records_forget(struct entry_cache *c)
{
	for (size_t i = 0; i < RECORD_SLOTS; i++)
		buf_fini(&c->records[i].fields);
	memset(c->records, 0, sizeof(c->records));
}

void cache_free(struct entry_cache **c)
{
	if (*c) {
		arena_fini(&(*c)->arena);
		records_forget(*c);
	}
	free(*c);
	*c = NULL;
}

void cache_forget(struct journal *j)
{
	struct entry_cache *c = j->cache;

	if (!c)
		return;
	arena_reset(&c->arena);
	c->n = 0;
	memset(c->entries, 0, sizeof(c->entries));
	memset(c->places, 0, sizeof(c->places));
	memset(c->digests, 0, sizeof(c->digests));
	memset(c->conflicts, 0, sizeof(c->conflicts));
	records_forget(c);
}

void cache_trim(struct journal *j)
{
	if (j->cache && (j->cache->arena.used > CACHE_BYTES || j->cache->n > CACHE_MOST))
		cache_forget(j);
}

static struct entry_cache *cache_of(struct journal *j)
{
	if (!j->cache) {
		j->cache = mem_alloc(sizeof(*j->cache));
		arena_init(&j->cache->arena, ARENA_NO_BUDGET);
	}
	return j->cache;
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* The slot of a key, or the free one where it belongs; NULL: there is no room. */
static struct read_entry **cache_slot(struct entry_cache *c, uint64_t key)
{
	size_t at = (size_t)((key >> NUMBER_BITS) * 31 + key) % CACHE_SLOTS;

	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		struct read_entry **slot = &c->entries[(at + i) % CACHE_SLOTS];
		if (!*slot || (*slot)->key == key)
			return slot;
	}
	return NULL;
}

static void touch_read(const struct read_entry *e, const struct header *h, const struct touch *t,
		       size_t bytes, struct read_touch *out)
{
	out->record = t->record;
	out->past = (struct past){
		.number = h->number,
		.change = h->change,
		.previous = t->previous,
		.fields = t->fields,
		.n_fields = t->n_fields,
		.said = &e->said,
		.did = outcome_did(&e->did, &t->record),
		.edit = change_edit(&e->said, &t->record),
		.bytes = bytes,
	};
	for (size_t i = 0; i < t->n_fields; i++)
		out->past.marks |= UINT64_C(1) << t->fields[i] % 64;
}

/* What is read holds nothing of `head` and `body`. NULL: it can't be. */
static struct read_entry *entry_parse(struct bytes head, struct bytes body, struct arena *arena)
{
	struct bytes change, outcome;
	struct header h;

	if (header_read(&h, head, arena) < 0 || body_read(body, &change, &outcome) < 0)
		return NULL;
	struct read_entry *e =
		arena_alloc(arena, sizeof(*e) + h.n_touches * sizeof(e->touches[0]));
	if (change_read(&e->said, change, arena, NULL) < 0 ||
	    outcome_read(&e->did, outcome, arena) < 0)
		return NULL;
	e->device = h.device;
	e->n_touches = h.n_touches;
	for (size_t i = 0; i < h.n_touches; i++)
		touch_read(e, &h, &h.touches[i], head.len + body.len, &e->touches[i]);
	return e;
}

int cache_entry(struct journal *j, const struct space *s, uint64_t number,
		const struct read_entry **out)
{
	struct entry_cache *c = cache_of(j);
	uint64_t key = entry_key(s, number);
	struct read_entry **slot = cache_slot(c, key);

	if (slot && *slot) {
		*out = *slot;
		return 0;
	}
	struct db_stmt *st =
		db_query(j->db, "SELECT header, body FROM entry WHERE key = $1", "u", key);
	int got = db_step(st);
	if (got <= 0)
		return got < 0 ? got : ERR_CORRUPT;
	struct read_entry *e = entry_parse(db_bytes(st, 0), db_bytes(st, 1), &c->arena);
	db_reset(st);
	if (!e)
		return ERR_CORRUPT;
	e->key = key;
	if (slot) {
		*slot = e;
		c->n++;
	}
	*out = e;
	return 0;
}

/* ---- Where changes stand -------------------------------------------------------------------- */

static struct place *place_of(struct entry_cache *c, const struct id *change)
{
	/* The last bytes of an id are chance. */
	return &c->places[(change->b[14] | (size_t)change->b[15] << 8) % CACHE_SLOTS];
}

bool cache_place(struct journal *j, const struct id *change, uint64_t *key)
{
	const struct place *p = j->cache ? place_of(j->cache, change) : NULL;

	if (!p || !p->key || !id_equal(&p->change, change))
		return false;
	*key = p->key;
	return true;
}

void cache_note_place(struct journal *j, const struct id *change, uint64_t key)
{
	*place_of(cache_of(j), change) = (struct place){*change, key};
}

/* ---- Digests -------------------------------------------------------------------------------- */

uint64_t cache_digest(struct journal *j, struct bytes value)
{
	struct entry_cache *c = cache_of(j);
	struct known_digest *k = &c->digests[((uintptr_t)value.data >> 4) % DIGEST_SLOTS];

	if (k->value.data != value.data || k->value.len != value.len)
		*k = (struct known_digest){value, base_digest(value)};
	return k->digest;
}

/* ---- Open conflicts ------------------------------------------------------------------------- */

static struct known_conflict *conflict_of(struct entry_cache *c, const struct id *record,
					  uint32_t group)
{
	size_t at = (record->b[14] | (size_t)record->b[15] << 8) + 31 * (size_t)group;
	return &c->conflicts[at % CONFLICT_SLOTS];
}

bool cache_conflict(struct journal *j, const struct space *s, const struct id *record,
		    uint32_t group, struct id *conflict)
{
	const struct known_conflict *k = j->cache ? conflict_of(j->cache, record, group) : NULL;

	if (!k || k->local != s->local || k->group != group || !id_equal(&k->record, record))
		return false;
	*conflict = k->conflict;
	return true;
}

void cache_note_conflict(struct journal *j, const struct space *s, const struct id *record,
			 uint32_t group, const struct id *conflict)
{
	*conflict_of(cache_of(j), record, group) =
		(struct known_conflict){*record, *conflict, s->local, group};
}

/* ---- Records -------------------------------------------------------------------------------- */

static struct known_record *record_of(struct entry_cache *c, const struct space *s,
				      const struct id *id)
{
	return &c->records[(id->b[15] ^ s->local) % RECORD_SLOTS];
}

static bool record_is(const struct known_record *k, const struct space *s, const struct id *id)
{
	return k->local == s->local && id_equal(&k->id, id);
}

const struct known_record *cache_record(struct journal *j, const struct space *s,
					const struct id *id)
{
	const struct known_record *k = j->cache ? record_of(j->cache, s, id) : NULL;
	return k && record_is(k, s, id) ? k : NULL;
}

void cache_note_record(struct journal *j, const struct space *s, const struct id *id, uint32_t type,
		       uint64_t number, struct bytes fields)
{
	struct known_record *k = record_of(cache_of(j), s, id);

	if (fields.len > RECORD_LARGEST) {
		if (record_is(k, s, id))
			k->local = 0;
		return;
	}
	k->id = *id;
	k->local = s->local;
	k->type = type;
	k->number = number;
	buf_reset(&k->fields);
	buf_add_bytes(&k->fields, fields);
}

void cache_renew_record(struct journal *j, const struct space *s, const struct record *r,
			struct bytes fields)
{
	if (cache_record(j, s, &r->id))
		cache_note_record(j, s, &r->id, r->type, r->number, fields);
}
