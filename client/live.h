/*
 * The line between one copy and its server, one connection after the other: keys from HOME, a line,
 * an uplink on it, the certificate's renewal. Whoever holds HOME/line has one of these.
 */
#ifndef FIVEPITS_LIVE_H
#define FIVEPITS_LIVE_H

#include "client/copy.h"
#include "client/uplink.h"
#include "common/loop.h"

struct live;

enum live_state {
	LIVE_DOWN,    /* never called, or it has ended: live_why */
	LIVE_CALLING, /* on the way to the server */
	LIVE_UP,      /* the server has said Welcome */
	LIVE_LEAVING, /* live_hang_up was called, or the session is over; DOWN follows */
};

/* Borrows both. */
struct live *live_new(struct loop *loop, struct copy *copy);
void live_free(struct live **live);

/* Send no documents on the lines to come; fetch no history. */
void live_hold_documents(struct live *live);
void live_hold_history(struct live *live);
/* Fetch documents as this device wants them (client/holding.h), whenever all else is done. It is
 * not current before. */
void live_fetch_documents(struct live *live);
/* How many could not be fetched so, and why the last could not. */
size_t live_fetch_failures(const struct live *live, struct cause *why);
/* Documents go and come no faster than this from now on, in bytes a second; 0: as the copy has
 * it. */
void live_limit(struct live *live, uint64_t bytes_s);
/* Connect; nothing if it is not DOWN. What fails is told by live_state and live_why. */
void live_call(struct live *live);
/* Say that all is done, and end the line. */
void live_hang_up(struct live *live);
/* The end of every turn of the loop. */
void live_turn(struct live *live);
/* Another process saved something, or ten seconds have passed. */
void live_wake(struct live *live);

enum live_state live_state(const struct live *live);
struct uplink *live_uplink(struct live *live); /* NULL unless UP. Borrowed until the next turn */

/* Nothing is left to send or to fetch, of what the server had when the line came up or when
 * live_confirm was last called, whichever is later. */
bool live_is_current(const struct live *live);
/* Documents could go on at once: another turn should follow. */
bool live_is_busy(const struct live *live);
void live_confirm(struct live *live);

/* Why it is DOWN: ERR_OFFLINE where calling again may help; else what a person must see to
 * (ERR_AUTH: the device was shut out) or this copy's own trouble. With a cause. 0: it hung up
 * because it was told to. */
int live_why(const struct live *live, struct cause *cause);
/* It ended because the server, set back, gathers what the copies hold: call again at once. */
bool live_is_recovering(const struct live *live);
/* The server spoke with another process of this device since (PROTOCOL.md: REPLACED). */
bool live_was_replaced(const struct live *live);
/* How many Feed frames came: whether there is something new to index. */
uint64_t live_feeds(const struct live *live);

#endif
