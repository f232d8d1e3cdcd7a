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
	LANE_OFFERS = 256, /* contents that a session has under way */
	LANE_WORK_MS = 3,  /* of a turn are spent on gathering */
};

enum offer_state {
	OFFER_OPEN,    /* chunks of it lack */
	OFFER_WHOLE,   /* all of it is here, but not for sure on the disk */
	OFFER_CLOSING, /* and it is being made to last */
};

void lane_free(struct lane **l); /* NULL inside is fine */

void session_on_offer(struct session *s, const struct frame *f, void *message);
void session_on_chunk(struct session *s, const struct frame *f, void *message);
void session_on_cancel(struct session *s, const struct frame *f, void *message);
/* Before the turn's commit: go on gathering what is offered, for LANE_WORK_MS. */
void lane_gather(struct area *a);
/* After it: tell what is stored. */
void lane_after_commit(struct area *a);

/* So many offers, of all sessions, are in this state. */
size_t lane_count(const struct area *a, enum offer_state state);
/* These chunks, hashes one behind the other, were something else: who brought them begins again. */
void lane_restart(struct area *a, struct bytes bad);
/* What is whole is being made to last from now on. */
void lane_close_whole(struct area *a);
/* Offers in this state are on the disk: told of behind the commit. */
void lane_stored(struct area *a, enum offer_state state);

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
