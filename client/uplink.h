/*
 * The client's side of a session: what this copy says to the server and does with its answers. No
 * sockets: frames come in by uplink_frame and go out by the link, so that the simulator runs it too.
 */
#ifndef FIVEPITS_UPLINK_H
#define FIVEPITS_UPLINK_H

#include "client/copy.h"
#include "common/wire.h"

struct uplink;

enum uplink_state { UPLINK_OPENING, UPLINK_READY, UPLINK_ENDED };

/* Sends Hello. Borrows both for as long as it lives. */
struct uplink *uplink_new(struct copy *copy, struct link *link);
void uplink_free(struct uplink **u); /* leaves no transaction open: what was not committed is dropped */
void uplink_frame(struct uplink *u, const struct frame *f);
void uplink_drained(struct uplink *u);
/* Another process saved something, or time has passed: look at what is pending. */
void uplink_wake(struct uplink *u);
/* The end of a turn of the loop: commit what came, then send what may go. Call it after frames, after
 * uplink_wake and every few milliseconds of a catch-up. 0, or an error: stop, keep everything. */
int uplink_turn(struct uplink *u);

enum uplink_state uplink_state(const struct uplink *u);
/* Nothing is left to send or to fetch. */
bool uplink_quiet(const struct uplink *u);
/* Why it ended: the server's Bye or what did not fit, in words; empty while it goes on. */
const char *uplink_words(const struct uplink *u);
Wire__Reason uplink_reason(const struct uplink *u);
/* For a progress bar: changes sent and waiting, entries taken and told of. */
struct uplink_progress {
	uint64_t sent, to_send, taken, to_take, bytes_done, bytes_all;
};
struct uplink_progress uplink_progress(const struct uplink *u);

#endif
