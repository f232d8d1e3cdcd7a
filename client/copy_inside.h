/*
 * What the files of a copy share (copy*.c, draft*.c, contents*.c and what stands with them); nobody
 * else includes it. Each's idea: copy.c opens and holds transactions, copy_read.c reads, ground.c
 * foresees what the server will make of what is pending, copy_feed.c applies entries, copy_show.c
 * shows what came of them, copy_space.c has spaces come and go, copy_pending.c keeps own changes,
 * copy_mass.c those that withdraw too much to go unasked, copy_search.c the index, copy_check.c
 * checks and rebuilds, copy_rewind.c takes back what the server has entered elsewhere.
 */
#ifndef FIVEPITS_COPY_INSIDE_H
#define FIVEPITS_COPY_INSIDE_H

#include "client/copy.h"
#include "client/tables.h"
#include "common/store.h"

enum { KEY_NUMBER_BITS = 40 };

/* A space in the open transaction: read once, written back at the commit if it has moved. */
struct cursor {
	struct id space;
	int64_t slot;
	int64_t state; /* HELD_OPEN, HELD_CLOSING */
	uint64_t epoch, number;
	uint8_t chain[SHA256_LEN];
	bool moved;
};

/* A record whose row is shown before the open transaction's commit. */
struct due {
	struct id record, space;
	uint64_t turn; /* in which they were noted */
};

enum { CURSORS = 4 }; /* looked up again beyond these */

struct copy {
	struct copy_identity identity;
	char *home;
	struct db *db;
	const struct env *env;
	struct tables *tables;
	struct arena arena;	 /* of one entry */
	struct arena feed_arena; /* of one Feed */
	struct arena overlay_arena; /* of `overlay` */
	struct change overlay;	   /* the pending change last laid on a record; id zero: none */
	struct buf fields, body; /* scratch */
	struct store *store;	 /* of documents */
	bool erases;		 /* the open transaction removes a space, or contents */
	struct buf released;	 /* the roots of Versions that it releases */
	uint64_t setbacks;	 /* see copy_setbacks */
	uint64_t documents_moved; /* see copy_documents_moved */
	struct buf listed;	 /* what copy_pending_next has lent */
	struct id *own;		 /* of the last Feed */
	size_t n_own, cap_own;
	/* Of the open transaction: */
	struct cursor cursors[CURSORS];
	size_t n_cursors;
	bool any_pending, any_conflict; /* false: certainly none */
	struct due *due;
	size_t n_due, cap_due;
	uint64_t due_turn;
};

static inline int64_t entry_key(int64_t slot, uint64_t number)
{
	return (int64_t)((uint64_t)slot << KEY_NUMBER_BITS | number);
}

/* Move a chain on by an entry as it is stored, with its body or without. A length that `sealed`
 * should not have leads nowhere. */
static inline void entry_chain(uint8_t chain[SHA256_LEN], struct bytes header, struct bytes salt,
			       struct bytes body, struct bytes sealed)
{
	if (body.len == 0 && sealed.len == SHA256_LEN)
		chain_next_sealed(chain, header, sealed.data);
	else
		chain_next(chain, header, salt, body);
}

/* Commit what another part of this process has under way: it must not fail with what follows. */
int inside_commit_others(struct copy *copy);
/* The same, then begin. */
int inside_begin_alone(struct copy *copy);

/* The space in the open transaction. ERR_MISSING: it is not held. Borrowed until the next call. */
int inside_cursor(struct copy *copy, const struct id *space, struct cursor **out);
/* Write back what has moved, and read all anew from here. */
int inside_flush(struct copy *copy);

/* The accepted state, in out->arena: 1; 0: none, and `out` is an absent record of type 0. */
int inside_accepted(struct copy *copy, int64_t slot, const struct id *record, struct arena *arena,
		    struct record *out);
/* The pending changes to one record, oldest first: 1 and the next, borrowed until the one after it;
 * 0; or an error. db_reset ends it. */
struct db_stmt *inside_pending_on(struct copy *copy, const struct id *space,
				  const struct id *record);
int inside_pending_on_next(struct copy *copy, struct db_stmt *st, const struct change **out);
/* Lay them on a record that is as accepted, as the server will most likely decide on them
 * (ground.c); in r->arena. Their count, or an error. */
int inside_foresee(struct copy *copy, const struct id *space, struct record *r,
		   struct foresight *out);
/* The approved Minutes that hold an agenda item fast, as far as is known here; zero: none. 0, or an
 * error. */
int inside_frozen(struct copy *copy, const struct id *space, int64_t slot, const struct id *item,
		  struct arena *arena, struct id *minutes);
/* Minutes that change may change what becomes of what is pending on their items: show those at the
 * commit. */
void inside_show_items(struct copy *copy, const struct cursor *at, const struct record *minutes);
/* Lay them on top just as they say; their count, or an error. `last` (may be NULL): the newest of
 * them. */
int inside_overlay(struct copy *copy, const struct id *space, struct record *r, struct id *last);
/* The change with these bytes laid on one record; false if it does not edit it. */
bool inside_lay(const struct change *c, struct record *r);
int inside_conflicts(struct copy *copy, int64_t slot, const struct id *record, int64_t *count);
/* Is a pending change to be laid on it? 1, 0 or an error. */
int inside_is_pending_on(struct copy *copy, const struct id *record);
/* Show a record whose accepted state is in `r` (its values are used up): at the commit where
 * changes are pending on it. */
int inside_show(struct copy *copy, const struct cursor *at, struct record *r);
/* Read it and show it now. */
int inside_refresh(struct copy *copy, const struct cursor *at, const struct id *record);
/* The same at the commit, once, however often it is said. */
void inside_show_later(struct copy *copy, const struct cursor *at, const struct id *record);
/* Show now what was to be shown at the commit. */
int inside_show_due(struct copy *copy);
/* 1: what was seen in that epoch, up to that number, is on the line that this copy holds now; 0: it
 * is not; or an error. */
int inside_seen_stands(struct copy *copy, const struct cursor *at, uint64_t epoch, uint64_t number);
/* Is the body of an entry of this space absent? 1, 0 or an error. */
int inside_lacks_any(struct copy *copy, int64_t slot);
/* Apply all entries of a space, in order, to records that there are none of. */
int inside_replay(struct copy *copy, const struct cursor *at);
/* Remove a space's records and all that follows from them. */
int inside_lose_records(struct copy *copy, int64_t slot, const struct id *space);
/* What the search index has of a space. */
int inside_lose_search(struct copy *copy, int64_t slot);
/* Show every record, into empty typed tables. */
int inside_show_all(struct copy *copy);
/* Show the records that pending changes edit, and have them indexed. */
int inside_show_pending(struct copy *copy);
/* Empty the search index, to be filled from the journal and what is pending. */
int inside_index_anew(struct copy *copy);
/* The search index must look at this record again. */
int inside_stale(struct copy *copy, int64_t slot, const struct id *record);

/* Read an entry of this space into copy->arena, which begins anew; where the body is empty, which
 * is absent, its header. ERR_CORRUPT. Borrows the bytes. */
int inside_read_entry(struct copy *copy, const struct cursor *at, struct bytes header,
		      struct bytes body, struct past_entry *out);
/* Apply it to what follows from the journal: records, open conflicts, typed rows. */
int inside_apply(struct copy *copy, const struct cursor *at, const struct past_entry *e);

/* A change of this device, by id. 1: `bytes` are in `arena`; 0: none pending. */
int inside_pending(struct copy *copy, const struct id *change, struct arena *arena, int64_t *seq,
		   enum pending_state *state, struct bytes *bytes);
/* 1: an own change is pending, and in this state; 0: it is not; or an error. */
int inside_pending_state(struct copy *copy, const struct id *change, enum pending_state *state);
/* Put an own change among what is pending, after all that is, and say under which seq. `withdraws`:
 * how many records it withdraws that nobody has agreed to yet. Its records are not shown anew. */
int inside_pending_insert(struct copy *copy, const struct change *c, struct bytes bytes,
			  int64_t withdraws, int64_t *seq, enum pending_state *state);
int inside_pending_remove(struct copy *copy, int64_t seq, const struct change *c);
/* The place that is `more` behind all that a pending change ever had: whoever sends has looked at
 * those up to some place, and never again. */
int inside_pending_seq(struct copy *copy, int64_t more, int64_t *seq);
/* The first change behind `seq`, in state `state`, that stands after `change`. 1, 0 or an error. */
int inside_pending_after(struct copy *copy, const struct id *change, enum pending_state state,
			 struct arena *arena, int64_t *seq, struct id *found, struct bytes *bytes);
/* Withdrawals were saved: if they are too many now, they wait for the person's word. */
int inside_mass(struct copy *copy, const struct id *space);
/* Where an accepted change stands. 1, 0 or an error. */
int inside_where(struct copy *copy, const struct id *change, int64_t *slot, uint64_t *number);

#endif
