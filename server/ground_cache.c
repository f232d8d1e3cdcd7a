/*
 * Entries that reconciling has read, parsed once: edits that disagree all walk the same history. It
 * is all let go where it has grown too large, and where entries were taken back; never while a
 * change is being reconciled, which may hold on to what it was given.
 */
#include "server/journal_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
	CACHE_BYTES = 16 * 1024 * 1024,
	CACHE_SLOTS = 4096,
	CACHE_MOST = 3 * CACHE_SLOTS / 4, /* entries, so that a free slot is near */
};

/* Where a change stands. */
struct place {
	struct id change;
	uint64_t key;
};

struct entry_cache {
	struct arena arena;
	size_t n;
	struct read_entry *entries[CACHE_SLOTS]; /* by key */
	struct place places[CACHE_SLOTS];	 /* by change; a newer one takes the slot */
};

void cache_free(struct entry_cache **c)
{
	if (*c)
		arena_fini(&(*c)->arena);
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

static int entry_parse(struct read_entry *e, struct bytes head, struct bytes body,
		       struct arena *arena)
{
	struct bytes change, outcome;

	e->bytes = head.len + body.len;
	head = arena_copy(arena, head);
	body = arena_copy(arena, body);
	return header_read(&e->header, head, arena) < 0 || body_read(body, &change, &outcome) < 0 ||
			       change_read(&e->said, change, arena, NULL) < 0 ||
			       outcome_read(&e->did, outcome, arena) < 0
		       ? ERR_CORRUPT
		       : 0;
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
	struct read_entry *e = arena_alloc(&c->arena, sizeof(*e));
	e->key = key;
	int err = entry_parse(e, db_bytes(st, 0), db_bytes(st, 1), &c->arena);
	db_reset(st);
	if (err < 0)
		return err;
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
