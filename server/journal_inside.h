/*
 * Inside the journal: what journal.c (spaces, entries, verdicts), journal_read.c, journal_take.c
 * (entries taken and given up at a recovery), ground.c (what reconcile() asks), ground_cache.c
 * (what was read for that) and indexes.c (tables that follow from records) share. Nobody else
 * includes it.
 */
#ifndef FIVEPITS_JOURNAL_INSIDE_H
#define FIVEPITS_JOURNAL_INSIDE_H

#include "common/reconcile.h"
#include "server/journal.h"

enum {
	NUMBER_BITS = 40,
	SALTS = 64,
	ENTRY_MAX = 1000 * 1000, /* so that one fits in a frame */
};
#define NUMBER_MAX ((UINT64_C(1) << NUMBER_BITS) - 1)

struct journal {
	struct db *db;
	struct id area;
	const struct env *env;
	struct space **spaces;	/* in the order of their making */
	struct space **by_id;	/* the same by rising id */
	size_t n_spaces;
	struct id newest;	/* no change with an id above this was ever decided */
	bool dirty;		/* the transaction is open */
	struct buf header, outcome, body,
		fields; /* scratch, kept so that nothing is allocated anew */
	uint8_t salts[SALTS * SALT_LEN];	  /* chance taken in bulk: a system call for 64 */
	size_t salts_left;
	struct entry_cache *cache; /* NULL: nothing was read yet */
};

/* The key of an entry in its table. */
static inline uint64_t entry_key(const struct space *s, uint64_t number)
{
	return s->local << NUMBER_BITS | number;
}

/* The space of a key; NULL: there is none. */
struct space *inside_space_local(const struct journal *j, uint64_t local);
/* No change with an id above this one was decided before. */
void inside_note_newest(struct journal *j, const struct id *change);

/* ---- The ground (ground.c) ------------------------------------------------------------------ */

/* A change that is being entered: the state that it is reconciled with. */
struct entering {
	struct journal *j;
	struct space *space;
	const struct id *device; /* the author's */
	struct arena *arena;
	struct stand *stands;	 /* records as they stood before, each read once */
	size_t n_stands, cap;
	uint32_t *slots;	 /* 1 and more: into stands, by id; 0: free */
};

/* What reconcile() asks, answered for this change. Lives as long as `e`. */
struct ground ground_of(struct entering *e);
/* A record as it stands; absent, of type `type`, if there is none. */
int ground_record(void *arg, const struct id *id, uint32_t type, struct record *out);

/* ---- What was read for it (ground_cache.c) -------------------------------------------------- */

/* An entry as it touched one record. */
struct read_touch {
	struct id record;
	struct past past;
};

/* The touches stand with it: a walk along a record's history looks at little else. */
struct read_entry {
	uint64_t key;
	struct id device;
	struct change said;
	struct outcome did;
	size_t n_touches;
	struct read_touch touches[];
};

/* An entry, read or known; it lives until cache_trim or cache_forget. */
int cache_entry(struct journal *j, const struct space *s, uint64_t number,
		const struct read_entry **out);
/* The key of the entry of an accepted change, if it was noted. */
bool cache_place(struct journal *j, const struct id *change, uint64_t *key);
void cache_note_place(struct journal *j, const struct id *change, uint64_t key);
/* The digest of a value in an entry that cache_entry gave. */
uint64_t cache_digest(struct journal *j, struct bytes value);
/* The open Conflict on a record's field group (zero: there is none), if that was noted. Whoever
 * writes the table of them notes it. */
bool cache_conflict(struct journal *j, const struct space *s, const struct id *record,
		    uint32_t group, struct id *conflict);
void cache_note_conflict(struct journal *j, const struct space *s, const struct id *record,
			 uint32_t group, const struct id *conflict);
/* A record as it stands, which lives until the next is noted. */
struct known_record {
	struct id id;
	uint64_t local; /* its space's; 0: none */
	uint32_t type;
	uint64_t number;
	struct buf fields;
};
/* NULL: it is not known. */
const struct known_record *cache_record(struct journal *j, const struct space *s,
					const struct id *id);
void cache_note_record(struct journal *j, const struct space *s, const struct id *id, uint32_t type,
		       uint64_t number, struct bytes fields);
/* The record was stored: where it is known, this is how it stands now. */
void cache_renew_record(struct journal *j, const struct space *s, const struct record *r,
			struct bytes fields);
/* Before a change is reconciled: let all of it go where it has grown too large. */
void cache_trim(struct journal *j);
/* Entries were taken back: what is known may be so no more. */
void cache_forget(struct journal *j);
void cache_free(struct entry_cache **c);

/* Lay an entry's effects on the records that it touched, and store them. `e->space->number` is the
 * entry's. */
int inside_enter_records(struct entering *e, const struct touch *touches, size_t n_touches,
			 const struct outcome_effect *effects, size_t n_effects,
			 struct entered *out);

/* ---- Tables that follow from records (indexes.c) -------------------------------------------- */

/* Keep the tables in step with a record that was `before` and is `after`. */
int index_record(struct journal *j, struct space *s, const struct record *before,
		 const struct record *after, struct arena *arena);
/* Would index_record change anything for a record of this type? */
bool index_wants(uint32_t type);

#endif
