/*
 * Documents' chunks on a session, both ways: what its client offers is gathered into the store,
 * what it asks for is sent. Chunks go only when nothing else waits, and a little at a time.
 */
#ifndef FIVEPITS_LANE_H
#define FIVEPITS_LANE_H

#include "common/mem.h"
#include "common/wire.h"
#include "server/session.h"

#include <sys/types.h>

struct area;
struct lane;

enum {
	LANE_OFFERS = 256,	     /* contents that a session has under way */
	LANE_ASKED = 16384,	     /* chunks that it has asked for and not got */
	LANE_SYNC = 16 * 1024 * 1024, /* so much is put before it is made to last */
	LANE_SYNC_MS = 200,	     /* or so long ago */
	LANE_WHOLE = 128,	     /* or so many contents are whole */
	LANE_WHOLE_MS = 10,	     /* or one is, and so long ago where so many others come: */
	LANE_MANY = 16,
	LANE_WORK_MS = 3,	     /* of a turn are spent on gathering */
};

void lane_free(struct lane **l); /* NULL inside is fine */

void session_on_offer(struct session *s, const struct frame *f, void *message);
void session_on_chunk(struct session *s, const struct frame *f, void *message);
void session_on_get(struct session *s, const struct frame *f, void *message);
void session_on_cancel(struct session *s, const struct frame *f, void *message);
/* Before the turn's commit: go on gathering, and make last what should. 0 or an error. */
int lane_before_commit(struct area *a);
/* After it: tell what is stored. */
void lane_after_commit(struct area *a);
/* The turn was taken back: nothing of what came in it is stored. */
/* What a school (NULL: all) has offered and not brought to its end, in bytes. */
uint64_t lane_offered(const struct area *a, const struct id *school);
void lane_taken_back(struct area *a, const char *words);
/* Is there something to do in the next turn, though nothing may come in? */
bool lane_is_busy(const struct area *a);
/* The next chunk for a session: bytes sent, 0 if there is none, or an error. As feed.c calls it. */
ssize_t lane_feed(struct area *a, struct session *s);

#endif
