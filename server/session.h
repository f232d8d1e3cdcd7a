/*
 * A session: one line to one device, from its Hello to its end. It is opened in hello.c, what comes
 * in by it is in session.c, its pushed changes are judged in judge.c, and it is fed in feed.c.
 */
#ifndef FIVEPITS_SESSION_H
#define FIVEPITS_SESSION_H

#include "server/area.h"
#include "server/held.h"
#include "server/journal.h"

enum { SESSION_QUEUE = 1024 * 1024 }; /* with more than this on its way it is not read from */

/* RECALLED: it has said Hello, and hands in what the server lacks, or waits to be welcome. */
enum session_state { SESSION_OPENING, SESSION_RECALLED, SESSION_READY, SESSION_ENDED };

/* Entries that this session's own changes became, and that it was not yet fed. */
struct run {
	uint64_t from, to;
	bool as_sent; /* their bodies are what the session has sent */
};

/* A space that the session reads, and up to where it was sent. */
struct cursor {
	struct space *space;
	uint64_t sent;
	uint64_t first;	 /* up to here it is fed before others that are new to it */
	bool values_first; /* and only with the bodies that current values need */
	struct run *own; /* by rising number */
	size_t n_own;
	struct held_told held;
};

/* What it was told of the limits of documents; 0: no limit. */
struct session_limits {
	uint64_t on, file, school, used, free;
};

struct session {
	struct area *area;
	struct link *link;
	struct id device, person;
	uint64_t serial; /* of all that were ever opened: never again another's, as its place in
			  * memory may be */
	enum session_state state;
	struct hello *hello; /* what it said; NULL before it has */
	uint64_t lineage;    /* which copy of its device it is */
	bool values_first; /* so it asked, of spaces that it has nothing of */
	bool lost;   /* the line is gone: freed at the end of the turn */
	bool paused; /* nothing more is read from it until it has read what was sent */
	size_t turn_bytes; /* pushed in this turn */
	struct cursor *cursors; /* by rising space->local */
	size_t n_cursors, next_cursor;
	/* The right to write that was last asked for, good for one generation. */
	struct id asked;
	uint64_t asked_generation;
	int asked_may;
	struct session_limits limits;
	bool marks;	   /* its client answers the marks of chunks */
	struct lane *lane; /* documents on their way here; NULL: none yet */
	struct give *give; /* those on their way to it; likewise */
	struct holds holds;
};

void session_move(struct session *s, enum session_state to);
/* End it with a reason in words. It hears nothing more. */
void session_bye(struct session *s, Wire__Reason reason, const char *words);
const char *session_reason_word(Wire__Reason reason); /* for the log: "REVOKED" */
/* Its cursor in a space; NULL: it may not read it. */
struct cursor *session_cursor(const struct session *s, const struct space *space);
/* Begin to read a space from entry `sent` + 1, or cease to. */
struct cursor *session_cursor_add(struct session *s, struct space *space, uint64_t sent);
void session_cursor_drop(struct session *s, struct cursor *c);
void session_free(struct session *s);

#endif
