/*
 * Documents' chunks that come on a session: what its client offers is gathered into the store. What
 * it asks for is sent by give.c.
 */
#ifndef FIVEPITS_LANE_H
#define FIVEPITS_LANE_H

#include "common/mem.h"
#include "common/wire.h"
#include "server/session.h"

struct area;
struct lane;

enum {
	LANE_OFFERS = 256,	     /* contents that a session has under way */
	LANE_SYNC = 8 * 1024 * 1024, /* so much is put before it is made to last */
	LANE_SYNC_MS = 200,	     /* or so long ago */
	LANE_WHOLE = 128,	     /* or so many contents are whole */
	LANE_WHOLE_MS = 10,	     /* or one is, and so long ago where so many others come: */
	LANE_MANY = 16,
	LANE_WORK_MS = 3,	     /* of a turn are spent on gathering */
};

void lane_free(struct lane **l); /* NULL inside is fine */

void session_on_offer(struct session *s, const struct frame *f, void *message);
void session_on_chunk(struct session *s, const struct frame *f, void *message);
void session_on_cancel(struct session *s, const struct frame *f, void *message);
/* Before the turn's commit: go on gathering, and make last what should. 0 or an error. */
int lane_before_commit(struct area *a);
/* After it: tell what is stored. */
void lane_after_commit(struct area *a);
/* What a school (NULL: all) has offered and not brought to its end, in bytes. */
uint64_t lane_offered(const struct area *a, const struct id *school);
/* The turn was taken back: nothing of what came in it is stored. */
void lane_taken_back(struct area *a, const char *words);
/* Is there something to do in the next turn, though nothing may come in? */
bool lane_is_busy(const struct area *a);
/* Say that something is not to be had, or not taken, and why. */
void lane_missing(struct session *s, const uint8_t name[SHA256_LEN], const char *words);
/* Is it the name of a chunk or content? Else the session is ended. */
bool lane_name(struct session *s, ProtobufCBinaryData name);

#endif
