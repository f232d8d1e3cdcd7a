/*
 * A copy: what one device holds. For each space the journal up to a cursor, the accepted state that
 * follows from it, and the typed tables that show it with this device's pending changes on top.
 * Several processes use one copy at once; every write here is one transaction.
 */
#ifndef FIVEPITS_COPY_H
#define FIVEPITS_COPY_H

#include "common/change.h"
#include "common/db.h"
#include "common/env.h"
#include "common/record.h"
#include "common/schema.h"
#include "common/wire.h"

struct copy;
struct store;

struct copy_identity {
	struct id area, device, person;
	uint8_t head_key[32]; /* what signs heads */
	char address[256];    /* HOST:PORT of the server */
	char proxy[256];      /* URL, or empty */
};

/* Make the copy's database in `home` (an existing directory); then copy_open. ERR_EXISTS: there is
 * one. */
int copy_create(const char *home, const struct copy_identity *identity, const char *vfs,
		struct cause *cause);
/* Is there a copy in `home`? 1; 0: none, or one that was cut short while it was made; or an error
 * with a cause. */
int copy_exists(const char *home, struct cause *cause);
/* Open a copy; makes the typed tables anew where the schema has changed. ERR_MISSING: no copy here.
 * Borrows `env` until copy_close. Costs no scan of anything. */
int copy_open(struct copy **out, const char *home, const char *vfs, const struct env *env,
	      struct cause *cause);
void copy_close(struct copy **copy);
const struct copy_identity *copy_identity(const struct copy *copy);
const char *copy_home(const struct copy *copy);
struct db *copy_db(struct copy *copy);
const struct env *copy_env(const struct copy *copy);
struct store *copy_store(const struct copy *copy); /* of documents (client/contents.h) */

/* ---- Reading -------------------------------------------------------------------------------- */

enum view {
	VIEW_SHOWN,    /* with what the server will most likely make of what is pending here */
	VIEW_AUTHORED, /* with what is pending here just as it was written: what the next edit
			  stands on */
	VIEW_ACCEPTED, /* as the server has it, up to the cursor */
};

/*
 * A record of any space held here, in `arena`; a withdrawn one too. ERR_MISSING. `space` may be
 * NULL. Under VIEW_SHOWN a field that a pending change set has the number 0.
 */
int copy_record(struct copy *copy, const struct id *record, enum view view, struct arena *arena,
		struct record *out, struct id *space);
/* What the server will most likely make of this device's pending changes to a record. */
struct foresight {
	unsigned pending; /* how many there are */
	struct id newest; /* zero: none */
	/* Conflict records that they will open, join or settle, as they will be; one that is not
	 * open yet has the number 0 and the id that it will have. `to_be`: how many of those. */
	struct record *conflicts;
	size_t n_conflicts, to_be;
	/* Fields whose text is brought together from what was written here and by others. */
	const uint32_t *merged;
	size_t n_merged;
	/* It is an item of approved Minutes: they change nothing, but become corrections of it. */
	bool corrects;
};
/* The record as shown, and how that came. In `arena`. ERR_MISSING. */
int copy_foresee(struct copy *copy, const struct id *record, struct arena *arena,
		 struct record *out, struct foresight *foresight);
/* The record as it was accepted after entry `number` of its space; absent if it was not made by
 * then. In `arena`. ERR_MISSING: it is not held, or its history is not. */
int copy_record_at(struct copy *copy, const struct id *record, uint64_t number, struct arena *arena,
		   struct record *out);
/* The record that an id or the unique start of one (hex digits, hyphens or none) names.
 * ERR_MISSING, ERR_AMBIGUOUS with a cause. */
int copy_find(struct copy *copy, const char *prefix, struct id *record, struct cause *cause);
/* The same of a change, accepted or pending. */
int copy_find_change(struct copy *copy, const char *prefix, struct id *change, struct cause *cause);

/* What a person sees when a record is read: kept from then until the edit is saved. */
struct seen {
	struct id space;
	uint64_t epoch, number;
	struct id after; /* own pending change on that record, or zero */
};

int copy_seen(struct copy *copy, const struct id *record, struct seen *out); /* ERR_MISSING */
enum { SEEN_WORD = 96 };
void seen_format(const struct seen *seen, char word[SEEN_WORD]);	 /* one opaque word */
int seen_parse(struct seen *out, const char *word, struct cause *cause); /* ERR_USAGE */

/* A space held here. */
struct held {
	struct id id;
	uint64_t epoch, number;
	uint8_t chain[SHA256_LEN];
	uint64_t first; /* values are complete from here on */
	enum {
		HELD_OPEN,
		HELD_CLOSING
	} state; /* closing: lost, but pending changes want a verdict */
};

/* All spaces held; free() the array. Returns their count, or an error. */
int copy_spaces(struct copy *copy, struct held **out);
/* What people call a space: the name of its Space record, else "directory" and the like, else its
 * id. */
enum { SPACE_NAME = 208 };
const char *copy_space_name(struct copy *copy, const struct id *space, char name[SPACE_NAME]);
/* The digest of one space's accepted state. */
int copy_digest(struct copy *copy, const struct id *space, uint8_t digest[SHA256_LEN]);

/* One entry of the journal: header always, change and outcome where the body is held. A record's
 * history is the entries from record.number back, each touch naming the one before. */
struct past_entry {
	struct header header;
	struct change change; /* id zero where the body is absent */
	struct outcome outcome;
};
/* 1: `out` is filled (in `arena`) with entry `number` of `space`; 0: there is none; or an error. */
int copy_entry(struct copy *copy, const struct id *space, uint64_t number, struct arena *arena,
	       struct past_entry *out);
/* Was entry `number` applied as its author sent it? 1, 0 (also where it is not known), or an error.
 * Cheaper than reading the entry. */
int copy_entry_as_sent(struct copy *copy, const struct id *space, uint64_t number);
/* A change by its id, accepted or pending or refused, in `arena`. ERR_MISSING. */
int copy_change(struct copy *copy, const struct id *change, struct arena *arena,
		struct change *out);

/* ---- Pending changes ------------------------------------------------------------------------ */

enum pending_state {
	PENDING_UNSENT,	  /* to be sent, or sent and not answered yet */
	PENDING_REFUSED,  /* kept for the person to send again or to drop */
	PENDING_WAITING,  /* it stands after a refused one */
	PENDING_HELD,	  /* with the server, until somebody there has decided on it */
	PENDING_ASKS = 5, /* it would withdraw many records, or stands after one that would: it is
			     sent at the person's word */
};

struct pending {
	int64_t seq; /* the order in which they were made */
	struct id change, space;
	enum pending_state state;
	char *words;	    /* why it was refused or waits, or NULL; free() it */
	struct bytes bytes; /* as it will be sent; borrowed until the next call */
};

/* The next after `seq` (0: the first), of any state. 1, 0 or an error. */
int copy_pending_next(struct copy *copy, int64_t seq, struct pending *out);
/* Where in that order a change stands. 1; 0: it does not wait here; or an error. */
int copy_pending_seq(struct copy *copy, const struct id *change, int64_t *seq);
/* How many are unsent (with those that ask first), refused (with those that wait for them), and
 * open conflicts. */
int copy_counts(struct copy *copy, int64_t *unsent, int64_t *refused, int64_t *conflicts);
/* Are so many withdrawals at once too many for this space to go unasked? More than 20, or (from
 * three on) more than a tenth of its records. 1, 0 or an error. */
int copy_is_mass(struct copy *copy, const struct id *space, int64_t records);
/* What waits for the person's word, PENDING_ASKS, and how many records it would withdraw. */
struct asking {
	int64_t changes, records;
};
int copy_asking(struct copy *copy, struct asking *out);
/* The person's word: all of it may be sent. One transaction. Their number, or an error with a
 * cause. */
int copy_agree(struct copy *copy, struct cause *cause);
/* How many are held by the server, and how many of others' this person decides on. */
int copy_held_counts(struct copy *copy, int64_t *own, int64_t *here);
/* The newest entries that this device's own changes became, of all spaces, newest first: `found` is
 * called for `most` at most. Only among the last 10,000 entries of each space. 0 or an error. */
int copy_own_entries(struct copy *copy, size_t most, struct arena *arena,
		     void (*found)(void *arg, const struct id *space, const struct past_entry *e),
		     void *arg);
/* A change of somebody else that is held until this person has decided on it. */
struct held_here {
	int64_t seq;
	struct id change, space, device;
	uint64_t time_ms;
	struct bytes bytes; /* in the arena */
};

/* The next after `seq` (0: the first). 1, 0 or an error. */
int copy_held_next(struct copy *copy, int64_t seq, struct arena *arena, struct held_here *out);
/* Changes when a Document or a Version was shown anew by this process. */
uint64_t copy_documents_moved(const struct copy *copy);
/* The person gives up a change that was refused, waits, or asks first. What stands after it is
 * refused then. One transaction. (To send it again: draft_again.) ERR_MISSING, ERR_INVALID with a
 * cause. */
int copy_pending_drop(struct copy *copy, const struct id *change, struct cause *cause);

/* ---- Searching ------------------------------------------------------------------------------ */

/* Bring the search index up to date, for about `budget_ms` (0: to the end). Several short
 * transactions. 0: it is; 1: there is more to do; or an error. */
int copy_index(struct copy *copy, unsigned budget_ms);
struct hit {
	struct id record, space;
	uint32_t type;
	const char *title, *extract; /* borrowed; what was found stands between [ and ] */
};
/* Records that hold all the words (each may be the start of one), best first, at most `most`:
 * `found` is called for each. Their count, or an error. Only what copy_index has come to is found.
 */
int copy_search(struct copy *copy, const char *words, int most,
		void (*found)(void *arg, const struct hit *hit), void *arg);

/* ---- Settings and times --------------------------------------------------------------------- */

int copy_meta_set(struct copy *copy, const char *key, const char *value);
/* Copies at most `size` bytes with their NUL; empty if there is none. */
int copy_meta_get(struct copy *copy, const char *key, char *value, size_t size);

/* ---- What the server says (client/uplink.c alone) ------------------------------------------- */

/* All of these join the open transaction, or make one; copy_commit ends it. After an error all of
 * it has been rolled back. */
int copy_begin(struct copy *copy);
/* Where many things are looked up one behind the other: at one moment, which costs less. It ends
 * with copy_look_end, or by itself when something is written. */
void copy_look(struct copy *copy);
void copy_look_end(struct copy *copy);
int copy_commit(struct copy *copy);
void copy_rollback(struct copy *copy);
/* How often a save by another part of this process found that what was under way could not be
 * committed: it is lost, and whoever had it under way must begin anew. */
uint64_t copy_setbacks(const struct copy *copy);
/* Take the entries of a Feed: checks numbers, chain and signed head, applies outcomes, removes own
 * pending changes, lays what is left on top again. ERR_CORRUPT with a cause when they don't fit;
 * ERR_MISSING with one where a change that it leaves out, as this device's own, was given up
 * meanwhile: the session must begin anew. */
int copy_feed(struct copy *copy, const Wire__Feed *feed, struct cause *cause);
/* Own pending changes that the last copy_feed found accepted; borrowed until the next. */
const struct id *copy_feed_own(const struct copy *copy, size_t *n);
/* The space may be read from now on: held from its first entry. No effect if it is held. */
int copy_grant(struct copy *copy, const struct id *space, uint64_t epoch);
/* The space is lost: all that is held of it is removed, documents too that no other space names.
 * While a change in it waits for its verdict the space stays listed as HELD_CLOSING. */
int copy_lose(struct copy *copy, const struct id *space);
/* What became of an own change, standing at `number` if it was accepted. An accepted one stays
 * pending until its entry is here. */
int copy_verdict(struct copy *copy, const struct id *change, enum verdict verdict, uint64_t number,
		 const char *words);
/* Why the server has not decided on a change yet, for the person to see; it stays to be sent. */
int copy_defer(struct copy *copy, const struct id *change, const char *words);
/* The list of held changes of a space, whole or (`goes_on`) what follows in it. ERR_PROTO: not a
 * list of changes of a space held here. */
int copy_held_list(struct copy *copy, const Wire__HeldList *list);
/* This change was decided on: it is held no more. */
int copy_held_drop(struct copy *copy, const struct id *change);
/* A session begins: lists come anew. */
int copy_held_forget(struct copy *copy);
/* Whose device this is, as the server says. */
int copy_person_set(struct copy *copy, const struct id *person);

/* ---- Bodies that come later (client/copy_absent.c) ------------------------------------------- */

/* The server is at entry `told` of this space. Where nothing of it is held, or what was to come
 * first has not come yet, its values are complete from there on. Joins the open transaction. */
int copy_first(struct copy *copy, const struct id *space, uint64_t told);
/* Where a walk over absent bodies stands; all zero: at its beginning. */
struct absent {
	int64_t slot, below;
};
/* The next absent bodies, of one space, the newest first; the walk goes on below the last of them.
 * Their count (at most `most`); 0: there are no more; or an error. */
int copy_absent(struct copy *copy, struct absent *at, struct id *space, uint64_t *numbers,
		size_t most);
/* Keep bodies that the server has sent. Joins the open transaction, or makes one; after an error
 * all of it has been rolled back. `refused`: how many are not what the chain says, and were not
 * kept. */
int copy_bodies(struct copy *copy, const Wire__Bodies *m, size_t *refused);
/* How many bodies of a space (NULL: of all) are absent, and how many spaces do not have their
 * values complete yet. */
struct incomplete {
	int64_t bodies, spaces;
};
int copy_incomplete(struct copy *copy, const struct id *space, struct incomplete *out);

/* ---- A server that was set back (client/copy_rewind.c) --------------------------------------- */

/* The newest head of a space that the server has signed, and this copy holds. */
struct signed_head {
	uint64_t epoch, number;
	uint8_t chain[SHA256_LEN], signature[64];
};
/* What the server gave this copy to tell it from others of the same device; false: nothing yet. */
bool copy_nonce(struct copy *copy, uint8_t nonce[16]);
int copy_nonce_set(struct copy *copy, const uint8_t nonce[16]); /* joins the open transaction */
int copy_head(struct copy *copy, const struct id *space, struct signed_head *out); /* ERR_MISSING */
/* The highest of these points of the server's chain that is on this copy's own; 0: none of them. */
int copy_shared(struct copy *copy, const struct id *space, Wire__Point **points, size_t n,
		uint64_t *number);
/* An entry as it is stored. Either its body is here, or `sealed` is, and the salt is empty. */
struct stored_entry {
	uint64_t number;
	struct bytes header, salt, body, sealed;
};
/* Entries of a space, from `from` on, until `row` returns false. The bytes are borrowed for the
 * call. */
int copy_journal(struct copy *copy, const struct id *space, uint64_t from,
		 bool (*row)(void *arg, const struct stored_entry *e), void *arg);
/*
 * Drop all entries above the head's number, which the server has entered again elsewhere, and make
 * what follows from the journal anew, in one transaction of its own. Own changes among them are
 * pending again until they come back as entries. ERR_CORRUPT with a cause where the head is not on
 * this copy's line, is not signed, or is of no newer epoch; then nothing has changed. 1: it is
 * done, and the space is held from number 0 again, since what is left has bodies that were not
 * fetched: the session must begin anew.
 */
int copy_rewind(struct copy *copy, const struct id *space, const Wire__Head *head,
		struct cause *cause);

/* ---- Care ----------------------------------------------------------------------------------- */

/* Drop what follows from the journal and make it again from there, in one transaction. */
int copy_rebuild(struct copy *copy, struct cause *cause);
/* Check chain, heads, tables against the journal, pending changes, documents. Calls `fault` for
 * each fault found. Their count, or an error. */
int copy_check(struct copy *copy, void (*fault)(void *arg, const char *words), void *arg);
/* Take out of the store of documents what copy_check finds bad in it, so that it can be fetched
 * again, and erase what nothing names. Calls `fault` for each. Their count, or an error. */
int copy_mend(struct copy *copy, void (*fault)(void *arg, const char *words), void *arg);

#endif
