/*
 * The store of documents' chunks, on the server and on each device: DIR/documents/pack-N hold the
 * bytes, one behind the other; tables of the database beside them say where each chunk is. Equal
 * chunks are stored once. A chunk is in the tables only after its bytes were synced, so that a
 * crash leaves bytes that nobody names, never a name without bytes.
 *
 * Why packs: tests/bench/store.c, everything on disk after each 64 chunks, ext4, 2 busy cores:
 *
 *		10,000 of 10 KiB	16,384 of 64 KiB
 *	files	   434/s in, 84,900/s out	 49 MB/s in, 1,700 MB/s out
 *	packs	 7,230/s in, 101,500/s out	272 MB/s in, 2,350 MB/s out
 *	rows	 4,230/s in, 31,000/s out	 85 MB/s in, 810 MB/s out
 *
 * Several processes may share a store; each appends to a pack of its own. The tables are written
 * in the caller's transaction.
 */
#ifndef FIVEPITS_STORE_H
#define FIVEPITS_STORE_H

#include "common/chunk.h"
#include "common/db.h"
#include "common/squeeze.h"

struct os_lock;
struct store;

/* `dir` is DIR/documents, made when it is first needed. Borrows `db`. */
struct store *store_new(const char *dir, struct db *db);
void store_free(struct store **s); /* what was not synced is dropped */
struct squeezer *store_squeezer(struct store *s);
struct hand *store_hand(struct store *s); /* for what can be done beside */

/* Where a chunk is, and as what. */
struct stored {
	uint64_t pack, at;
	uint32_t size; /* as it is stored */
	uint32_t raw;  /* as it is */
	enum form form;
	bool node;
};

/* 1: it is here, if only since the last store_sync; 0: it is not. */
int store_find(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *out);
/*
 * Keep a chunk that was checked to be `hash`. `packed` is `raw` bytes in that form. `node`: its
 * entries count as references, and it is a node. ERR_FULL, ERR_IO with a cause: it is not kept.
 */
int store_put(struct store *s, const uint8_t hash[SHA256_LEN], bool node, enum form form,
	      uint32_t raw, struct bytes packed, struct cause *cause);
/* The same of a chunk as it is, which is squeezed where that helps. */
int store_put_raw(struct store *s, const uint8_t hash[SHA256_LEN], bool node, struct bytes raw,
		  struct cause *cause);
/*
 * Keep a chunk as it is, that is not here and was not checked: another hand checks it and adds it
 * to `whole` (may be NULL), which is the hand's until hand_wait. Reading it back checks it too. It
 * is one of many and only passes through the system's cache (common/passing.h); what is put
 * otherwise stays there, since it is read again soon, or is small.
 */
int store_put_unchecked(struct store *s, const uint8_t hash[SHA256_LEN], struct bytes raw,
			struct sha256 *whole, struct cause *cause);
/* Wait for what was not checked. Chunks that were something else are not here any more; their
 * hashes are appended to `bad` (may be NULL). store_sync does it, too. */
void store_settle(struct store *s, struct buf *bad);
/* Is all that was put what it should be? It waits; if not, store_found_bad until store_settle. */
bool store_is_sound(struct store *s);
bool store_found_bad(const struct store *s);
/* Make what was put last, and enter it in the tables; in an open transaction. */
int store_sync(struct store *s, struct cause *cause);
/*
 * The same beside what is put from now on. store_sync_begin lets the disk work; false: that can't
 * be now (it is under way, the pack is full, there is nothing). Once store_sync_is_done,
 * store_sync_end enters what was put before it began, in an open transaction; called earlier, it
 * waits. store_sync makes all of it last.
 */
bool store_sync_begin(struct store *s);
bool store_is_syncing(const struct store *s); /* it began, and store_sync_end was not called */
bool store_sync_is_done(struct store *s);
int store_sync_end(struct store *s, struct cause *cause);
/* No transaction is open: a pack that is full is let go, and another begins. store_put does it,
 * too, where none is open. */
void store_rest(struct store *s);
size_t store_unsynced(const struct store *s); /* bytes put since either began */
bool store_is_dirty(const struct store *s);   /* is there anything to sync? */
/* The transaction was rolled back: forget what was put since the last commit. */
void store_forget(struct store *s);

/* A chunk as it is, checked, in `out`, which is emptied first. ERR_MISSING, ERR_CORRUPT, ERR_IO. */
int store_get(struct store *s, const uint8_t hash[SHA256_LEN], struct buf *out);
/* A chunk as it is stored, for sending: not checked, the receiver does that. */
int store_get_packed(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *is,
		     struct buf *out);
/* Check packed bytes from outside and expand them into `out`. ERR_INVALID: they are not `hash`. */
int store_unpack(struct squeezer *s, const uint8_t hash[SHA256_LEN], enum form form, uint32_t raw,
		 struct bytes packed, struct buf *out);

/* ---- Contents ------------------------------------------------------------------------------- */

/* A content that is here to its last chunk, and was checked as a whole. */
struct content {
	uint8_t root[SHA256_LEN], sha[SHA256_LEN];
	uint64_t bytes;
};

/* Is it one chunk, without a list? */
bool content_is_single(const struct content *c);
int store_content_set(struct store *s, const struct content *c);
/* By its root. 1, 0 or an error. */
int store_content(struct store *s, const uint8_t root[SHA256_LEN], struct content *out);
/* It is not whole any more. */
int store_content_forget(struct store *s, const uint8_t root[SHA256_LEN]);

/* The nodes that list a chunk: `row` is called until it returns other than 0, which is returned. */
int store_parents(struct store *s, const uint8_t hash[SHA256_LEN],
		  int (*row)(void *arg, const uint8_t parent[SHA256_LEN]), void *arg);

/* ---- Care (store_care.c) -------------------------------------------------------------------- */

/*
 * Should a chunk be kept that no node lists? `since_day`: when it came, in days since 1970. 1: yes;
 * 0: no; or an error. It may be called while nothing is written to the store.
 */
typedef int (*store_keep_fn)(void *arg, const uint8_t hash[SHA256_LEN], uint64_t since_day);

/* Consider a chunk for removal, with all that only it lists. */
int store_doom(struct store *s, const uint8_t hash[SHA256_LEN]);
/*
 * Remove up to `most` chunks that were doomed and that nothing keeps, from the tables; in an open
 * transaction. 1: there are more; 0; or an error.
 */
int store_reap(struct store *s, size_t most, store_keep_fn keep, void *arg);
/*
 * Look for what nothing keeps, in order, `most` chunks from `from` on, and doom it. `from` moves;
 * 1: there is more; 0: that was the last, `from` is at the start again.
 */
int store_sweep(struct store *s, uint8_t from[SHA256_LEN], size_t most, store_keep_fn keep,
		void *arg);
/*
 * While this lock is held nothing is erased from the packs in `dir`, so that what the tables name
 * at one moment can be read for as long as it takes, beside whoever removes it. NULL: there are
 * none.
 */
int store_hold(const char *dir, struct os_lock **lock, struct cause *cause);
/*
 * Erase from the disk what committed transactions have removed, and empty packs; in an open
 * transaction in which nothing was reaped. At most `most`. 1: there is more; 0; ERR_AGAIN: somebody
 * holds them (store_hold); or an error.
 */
int store_scrub(struct store *s, size_t most);
/* Move chunks out of packs that are mostly holes, `most` of them. 1: there is more; 0: there is
 * not, or no more can be moved now (the disk is full, one can't be read); or an error of the
 * tables. */
int store_compact(struct store *s, size_t most);
/* A chunk that can't be read: out of the tables, whoever lists it, so that it can come again; in an
 * open transaction. */
int store_take_out(struct store *s, const uint8_t hash[SHA256_LEN]);
/* What day it is, for chunks that come; days since 1970. */
void store_set_day(struct store *s, uint64_t day);

enum store_fault { STORE_DAMAGED, STORE_MISSING, STORE_STRAY };
/*
 * Read everything: each chunk in the tables, and each byte of the packs that no table names. Where
 * `fault` returns true the chunk is taken out of the tables (in an open transaction), so that it
 * can come again; a stray one is erased. `hash` is NULL where it can't be told. 0 or an error.
 */
int store_check(struct store *s,
		bool (*fault)(void *arg, enum store_fault what, const uint8_t *hash,
			      const char *words),
		void *arg);

#endif
