/*
 * The opening of a session: Hello, the test whether what the copy holds is on the server's line,
 * what it hands in where it is not, and Welcome.
 */
#ifndef FIVEPITS_HELLO_H
#define FIVEPITS_HELLO_H

#include "server/nonce.h"
#include "server/session.h"

/* A space that the copy holds, as it said, or as it stands after what it has handed in. */
struct told {
	struct id space;
	uint64_t epoch, number;
	uint8_t chain[SHA256_LEN];
	bool values_first; /* the copy is not yet as far as it was to come at first */
	unsigned recalls;
	bool rewinds; /* it is to be told to go back there, should it be one that may read */
};

struct hello {
	struct told *told; /* the directory first, then admin */
	size_t n;
	struct recall *recall; /* what it was asked for; NULL: nothing */
	bool waits;	       /* for the end of the recovery */
	bool due;	       /* it is welcome, once the turn is on disk */
	bool has_nonce, is_given;
	uint8_t nonce[NONCE], given[NONCE]; /* that it presented, and is given */
};

void hello_free(struct hello **h);
/* The line was lost: nothing more comes of what it was handing in. */
void hello_abandon(struct session *s);

void hello_on_hello(struct session *s, const struct frame *f, void *message);
/* Ask for the next run, wait, or have it welcome at the end of the turn. */
void hello_go_on(struct session *s);
/* At the end of a turn that is on disk: Welcome, where it is due. 0 or an error. */
int hello_end(struct session *s);
/* The turn was taken back: the nonces that were given in it are none, and of a run that was handed
 * in entries are gone: that copy comes again. */
void hello_taken_back(struct area *a);
bool hello_is_recalled(const struct session *s); /* it is handing something in */
bool hello_waits(const struct session *s);
/* Begin to feed a space, from where the copy said that it holds it, the first time; then from its
 * beginning. */
struct cursor *hello_begin_feed(struct session *s, struct space *space);

#endif
