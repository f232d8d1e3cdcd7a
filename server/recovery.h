/*
 * Recovery: a server that was set back to an earlier state takes back what the copies hold. While
 * it is on, copies are heard and nobody is served; a space that no copy has borne out is not served
 * afterwards either. PROTOCOL.md, "Recovery".
 */
#ifndef FIVEPITS_RECOVERY_H
#define FIVEPITS_RECOVERY_H

#include "server/journal.h"
#include "server/session.h"

enum {
	RECOVERY_MS = 10 * 1000, /* from the first Hello on, so that several copies are heard */
	RECOVERY_MOST_MS = 60 * 1000, /* no longer than this for those who still hand in */
};

/* What an area knows of its recovery. */
struct recovery {
	bool on;	   /* copies are being heard */
	uint64_t begun_ms; /* when the first of them said Hello; 0: none has */
	uint64_t heaps;	   /* of staged entries, numbered so far */
	size_t unserved;   /* spaces that wait to be borne out */
	bool regrant;	   /* one has been: sessions that may read it are to be told */
};

/* What a copy hands in of one space. */
struct recall {
	struct id space;
	bool begun;	 /* its first frame has come */
	bool here;	 /* the head that it should lead to is on the server's line */
	bool outdated;	 /* the line has changed since it was asked for: it is asked for again */
	uint64_t heap;	 /* where its entries wait */
	uint64_t next;	 /* number of the entry that comes next */
	uint64_t common; /* up to here it is the server's own line */
	uint64_t lacks;	 /* the first entry above that whose body the copy does not have; 0: none */
	uint64_t epoch, number; /* of its signed head */
	uint8_t head[SHA256_LEN], chain[SHA256_LEN];
	uint64_t bytes;
};

/* Read what is stored; also after a rollback. */
int recovery_load(struct area *a);
/* The server was set back: nothing is served until a copy has borne it out. All other sessions than
 * `but` (may be NULL) are told to come again. In the turn's transaction. */
int recovery_begin(struct area *a, struct session *but);
/* A copy holds this space, and all that it holds is on the server's line. */
int recovery_confirm(struct area *a, struct space *space);
/* Note the contents that Versions name and that are not here: they are asked for of whoever
 * connects. */
int recovery_lack(struct area *a);
/* At the end of a turn: has it lasted long enough? 0 or an error. */
int recovery_turn(struct area *a);
/* When the one that is on ends by the clock; 0: none is on, or it has not begun. */
uint64_t recovery_due_ms(const struct area *a);

/* The verified run of `r` was staged: take it. 0: what it has come to is in `at`, the place on the
 * line where the copy stands now, and `*rewind` says whether it must drop the rest. */
struct place {
	uint64_t epoch, number;
	uint8_t chain[SHA256_LEN];
};
int recovery_take(struct area *a, struct session *s, struct recall *r, struct place *at,
		  bool *rewind);

#endif
