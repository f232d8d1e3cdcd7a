/*
 * The journal of every space, and the accepted state that follows from it: all SQL on entries,
 * records, changes and open conflicts. What reconcile() asks is answered here. The head of each
 * space is kept in memory; journal_commit and journal_rollback keep it in step with the database.
 */
#ifndef FIVEPITS_JOURNAL_H
#define FIVEPITS_JOURNAL_H

#include "common/change.h"
#include "common/db.h"
#include "common/env.h"
#include "common/record.h"

struct journal;

/* A space's journal: read only for others. It lives as long as the journal does. */
struct space {
	struct id id;
	uint64_t local;		   /* its short name in the tables */
	uint64_t epoch;
	uint64_t number;	   /* of the newest entry, this turn's included */
	uint64_t committed;	   /* of the newest entry on disk: no session hears of later ones */
	uint8_t chain[SHA256_LEN]; /* at `number` */
	uint64_t open_conflicts;
	uint64_t signed_number;	   /* whose head `signature` signs; 0: none */
	uint8_t signature[64];
	bool recovering;	   /* the server was set back: it is not served yet */
};

int journal_open(struct journal **out, struct db *db, const struct id *area, const struct env *env);
void journal_close(struct journal **j);

struct space *journal_space(struct journal *j, const struct id *id); /* NULL: there is none */
/* The space `id`, made if there is none. */
int journal_space_make(struct journal *j, const struct id *id, struct space **out);
/* All spaces, oldest first; borrowed until one is made. */
size_t journal_spaces(struct journal *j, struct space *const **out);

/* What became of a change that was decided before. */
struct judged {
	enum verdict verdict;
	bool same;	     /* these are the bytes that were decided */
	uint64_t number;     /* its entry; 0: refused or held */
	struct space *space; /* of its entry */
	bool decided;	     /* it was held, and somebody refused it */
	char words[512];     /* why it was refused or is held */
};

/* 1: `out` is filled; 0: this change was never decided; or an error. */
int journal_judged(struct journal *j, const struct id *change, struct bytes bytes,
		   struct judged *out);
/* Remember that a change was refused (by the device `decider`, if it was held; else NULL), or is
 * held, and why: instead of the verdict it had, if any. */
int journal_refuse(struct journal *j, const struct id *change, struct bytes bytes,
		   const char *words, const struct id *decider);
int journal_hold(struct journal *j, const struct id *change, struct bytes bytes, const char *words);

/* What entering a change did. */
struct entered {
	uint64_t number;
	enum verdict verdict;
	bool as_sent;
	struct record *records; /* each record it touched, as it stands now; in the arena */
	size_t n_records;
};

/*
 * Reconcile a change whose values were checked, and write it as the next entry. `bytes` are its
 * bytes as they came, `device` its author's, `let_in_by` that of who accepted it, if it was held
 * (else NULL). A verdict that it had, as a held one, is replaced. 0: `out` is filled; ERR_INVALID:
 * refused, with why in `cause`, and nothing was written; any other error: the turn has failed, and
 * must be rolled back.
 */
int journal_enter(struct journal *j, struct space *s, const struct change *change,
		  struct bytes bytes, const struct id *device, const struct id *let_in_by,
		  struct arena *arena, struct entered *out, struct cause *cause);
/* Where an accepted change of this space stands; 0: it is not in it. */
int journal_number_of(struct journal *j, const struct space *s, const struct id *change,
		      uint64_t *number);
/*
 * Up to which number of this journal somebody who had seen `number` in `epoch` is on its line: all
 * of it in the epoch that it is in; less where entries of an earlier epoch were taken back.
 */
int journal_on_line(struct journal *j, const struct space *s, uint64_t epoch, uint64_t number,
		    uint64_t *out);

/* A turn's transaction: opened by the first write. A commit that fails has rolled back. */
int journal_begin(struct journal *j); /* for what else is written in the turn */
bool journal_is_dirty(const struct journal *j);
int journal_commit(struct journal *j);
int journal_rollback(struct journal *j); /* and read the heads again */

/* A record's accepted state, in `arena`; absent if there is none. */
int journal_record(struct journal *j, const struct space *s, const struct id *id,
		   struct arena *arena, struct record *out);
/* Every record of a space by rising id, until `row` returns an error. The record lives for the
 * call. */
int journal_each_record(struct journal *j, const struct space *s,
			int (*row)(void *arg, const struct record *r), void *arg);
/* The next records of a space behind the id `after`, `most` of them, or fewer that are large:
 * `after` moves. 1: there may be more; 0: those were the last; or an error, also of `row`. */
int journal_next_records(struct journal *j, const struct space *s, struct id *after, size_t most,
			 int (*row)(void *arg, const struct record *r), void *arg);
/* A record's values as the message `d`, in `arena`; NULL if they do not make one. */
void *record_message(const struct record *r, const ProtobufCMessageDescriptor *d,
		     struct arena *arena);

/* An entry as it is stored; borrowed for the call. */
struct entry {
	uint64_t number;
	struct bytes header, salt, body, chain;
};

/* Entries of a space, from `from` up to `to`, until `row` returns false. */
int journal_entries(struct journal *j, const struct space *s, uint64_t from, uint64_t to,
		    bool (*row)(void *arg, const struct entry *e), void *arg);
/* The chain after entry `number` (0: its start). 1, 0 if there is no such entry, or an error. */
int journal_chain(struct journal *j, const struct space *s, uint64_t number,
		  uint8_t chain[SHA256_LEN]);

/* When the server entered it: its own time, in ms; and whose change it is (NULL: not asked). 0,
 * ERR_MISSING or an error. */
int journal_time(struct journal *j, const struct space *s, uint64_t number, uint64_t *time_ms,
		 struct id *device);
/* Is there an open Conflict on the record? 1, 0 or an error. */
int journal_is_disputed(struct journal *j, const struct space *s, const struct id *record);

/* Does a Version in a space for which `may` returns true name this root? 1, 0 or an error. */
int journal_named(struct journal *j, struct bytes root,
		  bool (*may)(void *arg, const struct space *s), void *arg);

/* Every Version that names a content, unless it was released: the device that made it, and its
 * size. */
int journal_each_version(struct journal *j,
			 int (*row)(void *arg, const struct id *device, uint64_t bytes), void *arg);
/* The Versions that name a root, unless they were released: their spaces and ids. 0 or an error. */
int journal_versions_of(struct journal *j, struct bytes root,
			int (*row)(void *arg, const struct space *s, const struct id *version),
			void *arg);
/* Every root that a Version names that was not released, once. */
int journal_each_content(struct journal *j, int (*row)(void *arg, struct bytes root), void *arg);

/* Do the tables that follow from the records of a space say what these say? */
int journal_indexes_fit(struct journal *j, const struct space *s, bool *fit);

int journal_digest(struct journal *j, const struct space *s, uint8_t digest[SHA256_LEN]);

/* Settings of the area. journal_setting: 1, 0 if it was never set, or an error. */
int journal_setting_set(struct db *db, const char *name, struct bytes value);
int journal_setting(struct db *db, const char *name, struct buf *value);

#endif
