/*
 * The turn: one transaction, and what is said once it is on disk. While frames come in, answers
 * gather here; turn_end commits, tells who gained or lost a space, answers, and feeds.
 */
#ifndef FIVEPITS_TURN_H
#define FIVEPITS_TURN_H

#include "server/access.h"
#include "server/area.h"
#include "server/feed.h"
#include "server/held.h"
#include "server/journal.h"
#include "server/recovery.h"
#include "server/session.h"

enum answer_kind {
	ANSWER_ENTRY,	 /* accepted: the entry in the feed says so, or a verdict */
	ANSWER_JUDGED,	 /* refused, or decided before */
	ANSWER_DEFERRED, /* no verdict now */
	ANSWER_INVITED,
	ANSWER_DECIDED, /* what its decider made of a held change; verdict 0: nothing */
};

/* The words of a refusal to who may not read the space: the same whether there is one or not. */
#define TURN_NO_SPACE "there is no such space for you"

/* What a session will be told when the turn is on disk; words and content in the turn's arena. */
struct answer {
	struct session *session;
	enum answer_kind kind;
	struct id change; /* or the invitation */
	enum verdict verdict;
	struct space *space; /* of the entry; or one that the words of a refusal may quote from */
	uint64_t number;     /* of the entry; or when the invitation ends */
	bool as_sent;
	Wire__Wait wait;
	struct bytes content;
	char *words;
};

struct retention;

struct area {
	struct area_options options;
	char *dir;
	struct id id, directory, admin, server_device;
	struct db *db;
	struct journal *journal;
	struct access *access;
	struct session **sessions;
	uint64_t opened; /* sessions, so far */
	size_t n_sessions, first; /* `first` is fed first, a different one each turn */
	struct arena frame, change, turn; /* of one frame, one change, one turn */
	struct answer *answers;
	size_t n_answers, cap_answers;
	struct feed_cache feed;
	struct quota *quota; /* limits of documents */
	struct shelf *shelf; /* documents */
	struct retention *retention; /* the rule for their old versions */
	uint64_t put_ms;     /* when the oldest chunk came that is not synced; 0: none */
	bool lane_busy;	     /* some documents could go on at once */
	uint64_t lane_due_ms; /* when what came is to be made last at the latest; 0: nothing is */
	uint64_t give_due_ms; /* when more may go to a client that has set a limit; 0: to none */
	struct os_lock *hold; /* on its documents, where it is only read (shelf_hold) */
	bool tidying;	     /* what nothing names is looked for, and removed */
	struct recovery recovery;
	struct held_lists held;
	uint64_t began_ms;	  /* when the turn's first change was decided; 0: none was */
	uint64_t told_generation; /* of rights that sessions know of */
	uint64_t doubted_day; /* when it was last said that the clock is not to be believed */
	uint64_t ended_generation; /* of rights in which what is past was ended */
	bool full;		  /* the disk: nothing more is taken in this turn */
	bool dropped;		  /* something of this turn was taken back */
	int failed;
};

/* What area_open and area_found are made of: an area without a database, its database, its id, the
 * rest. Errors come with a cause; area_close takes it in any state. */
struct area *area_new(const struct area_options *o);
int area_open_db(struct area *a, struct cause *cause);
void area_set_id(struct area *a, const struct id *id);
int area_load(struct area *a, struct cause *cause);

/* Add an answer; the caller fills it. */
struct answer *turn_answer(struct area *a, struct session *s, enum answer_kind kind,
			   const struct id *change);
/*
 * Enter a change, and keep the rights in step. As journal_enter; ERR_FULL: the turn was taken back.
 * `out` (may be NULL) lives in area->change.
 */
int turn_enter(struct area *a, struct space *s, const struct change *c, struct bytes bytes,
	       const struct id *device, const struct id *let_in_by, struct entered *out,
	       struct cause *cause);
/* Keep the rights, and which spaces there are, in step with what an entry has touched. */
int turn_took(struct area *a, const struct space *s, const struct entered *entered);
/* A write failed: take the turn back where the disk is full, else the process will end. */
int turn_failed(struct area *a, int err);
/* Commit and say so. 0, or an error after which the process must end. */
int turn_end(struct area *a);

#endif
