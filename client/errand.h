/*
 * Errands: what a command wants of the server. Whoever holds HOME/line runs them; where that is a
 * `serve` in another process, it is handed over as a file in HOME/errands, with a ring, and
 * answered by another.
 */
#ifndef FIVEPITS_ERRAND_H
#define FIVEPITS_ERRAND_H

#include "client/copy.h"
#include "client/uplink.h"

enum errand_kind {
	ERRAND_SYNC,   /* until nothing is left to send or to fetch */
	ERRAND_GET,    /* a document's bytes, into the store */
	ERRAND_FETCH,  /* those that were asked for (client/holding.h) */
	ERRAND_INVITE, /* make an invitation hold */
	ERRAND_ACCEPT, /* a held change */
	ERRAND_REFUSE,
};

struct errand {
	enum errand_kind kind;
	bool no_documents;	     /* SYNC: none are sent; by a running serve they are */
	bool no_history;	     /* SYNC: nor is history fetched; by a running serve it is */
	uint64_t limit; /* bytes of documents a second while it is run; 0: as the copy has it */
	size_t unfetched;	     /* SYNC: documents that could not be fetched; */
	struct cause why_unfetched;  /* both are filled, but not by a running serve */
	struct content content;	     /* GET */
	struct id person, school;    /* INVITE */
	uint8_t invitation[16], verifier[SHA256_LEN];
	uint64_t expires_ms; /* INVITE: filled */
	struct id change;     /* ACCEPT, REFUSE */
	char words[400];      /* REFUSE: to its author */
	enum verdict verdict; /* ACCEPT, REFUSE: filled; why not accepted is in the cause */
};

/* For a progress bar, some ten times a second. NULL: another process carries it, which goes on for
 * longer than a moment; this is said once. */
typedef void (*errand_progress_fn)(void *arg, const struct uplink_progress *progress);

/*
 * Run an errand to its end. `progress` may be NULL. 0; ERR_OFFLINE: the server can't be reached;
 * ERR_INTERRUPTED, ERR_TERMINATED: the person (SIGINT), or another program (SIGTERM), wants no
 * more of it; ERR_AUTH, ERR_MISSING, ...: as the server or this copy has it, with a cause.
 */
int errand_run(struct copy *copy, struct errand *errand, errand_progress_fn progress, void *arg,
	       struct cause *cause);

/* ---- Between processes (errand_run and serve_run) ------------------------------------------- */

enum { ERRAND_TOKEN = 33 };

/* Hand an errand over; `token` names it. */
int errand_post(const char *home, const struct errand *errand, char token[ERRAND_TOKEN],
		struct cause *cause);
/* Its answer. 1: it is there (`*result`, `cause`, what the errand has filled), and gone from the
 * disk; 0: not yet. */
int errand_answer(const char *home, const char *token, struct errand *errand, int *result,
		  struct cause *cause);
/* Take it back; also its answer. */
void errand_withdraw(const char *home, const char *token);
/* The next errand that waits here. 1: one was taken, and no one else finds it; 0: there is none. */
int errand_take(const char *home, struct errand *errand, char token[ERRAND_TOKEN]);
/* Answer it. */
void errand_reply(const char *home, const char *token, const struct errand *errand, int result,
		  const char *words);
/* Forget what earlier processes left. */
void errand_sweep(const char *home);

#endif
