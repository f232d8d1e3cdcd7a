/*
 * The client's side of a session: what this copy says to the server and does with its answers. No
 * sockets: frames come in by uplink_frame and go out by the link, so that the simulator runs it
 * too.
 */
#ifndef FIVEPITS_UPLINK_H
#define FIVEPITS_UPLINK_H

#include "client/copy.h"
#include "common/gather.h"
#include "common/wire.h"

struct uplink;

enum uplink_state { UPLINK_OPENING, UPLINK_READY, UPLINK_ENDED };

/* Sends Hello. Borrows both for as long as it lives. */
struct uplink *uplink_new(struct copy *copy, struct link *link);
/* Leaves no transaction open: what was not committed is dropped. What was asked and not answered is
 * told that it failed. May be called in any state, not from within a callback of its own. */
void uplink_free(struct uplink **u);
void uplink_frame(struct uplink *u, const struct frame *f);
/* Another process saved something, or time has passed: look at what is pending. Call it at least
 * every ten seconds, since pings and second attempts hang on it. */
void uplink_wake(struct uplink *u);
/* The end of a turn of the loop: commit what came, then send what may go. Call it after frames and
 * uplink_wake, and when the link's queue has emptied. 0, or an error: stop, keep everything. */
int uplink_turn(struct uplink *u);

enum uplink_state uplink_state(const struct uplink *u);
/* Send no documents in this session, nor what waits for them. */
void uplink_hold_documents(struct uplink *u);
/* Fetch no bodies that were left out at first, in this session. */
void uplink_hold_history(struct uplink *u);
/* Send and fetch no more bytes of documents a second than this, whatever the copy's own limit
 * (contents_limit) is; 0: that one holds. */
void uplink_limit(struct uplink *u, uint64_t bytes_s);
/* In how many ms another turn should follow, since a limit lets something go then; 0: none need. */
uint64_t uplink_rest_ms(const struct uplink *u);
/* Nothing is left to send or to fetch. */
bool uplink_quiet(const struct uplink *u);
/* The values of all that may be read are here, as the server had them when the session began. */
bool uplink_has_values(const struct uplink *u);
/* Why it ended: the server's Bye or what did not fit, in words; empty while it goes on. */
const char *uplink_words(const struct uplink *u);
Wire__Reason uplink_reason(const struct uplink *u); /* of the Bye said or heard; 0: none */
/* For a progress bar: changes sent and waiting, entries taken and told of, those of them that came
 * without their body and have it now, or are to have it, bytes of documents. */
struct uplink_progress {
	uint64_t sent, to_send, taken, to_take, fetched, to_fetch, bytes_done, bytes_all;
	bool has_values; /* as uplink_has_values */
};
struct uplink_progress uplink_progress(const struct uplink *u);

/*
 * Asking the server for something. `done` is called once, from uplink_frame, uplink_turn or
 * uplink_free (or at once): with 0, or an error and why in words (ERR_OFFLINE: the session ended
 * first).
 */
typedef void (*uplink_done_fn)(void *arg, int err, const char *words);

/* Fetch a document's bytes into the store (client/contents.h); done at once if they are there. */
void uplink_get(struct uplink *u, const struct content *content, uplink_done_fn done, void *arg);
/* Fetch what was asked for (client/holding.h) and, with `policy`, what policies want. */
void uplink_fetch(struct uplink *u, bool policy, uplink_done_fn done, void *arg);
/* Documents could go on at once: another turn should follow, though nothing may come in. */
bool uplink_is_busy(const struct uplink *u);

/* Have an invitation made; `expires_ms` is filled before `done` is called and may be NULL. */
void uplink_invite(struct uplink *u, const struct id *person, const struct id *school,
		   const uint8_t invitation[16], const uint8_t verifier[32], uint64_t *expires_ms,
		   uplink_done_fn done, void *arg);
/* Accept or refuse a change that is held; `words` (may be NULL) go to its author. `verdict` is
 * filled before `done` is called, and why it was not accepted is told in its words. */
void uplink_decide(struct uplink *u, const struct id *change, bool accept, const char *words,
		   enum verdict *verdict, uplink_done_fn done, void *arg);
/* Have a certificate renewed: `request` is PKCS#10, DER; the certificate is appended to `out`. */
void uplink_renew(struct uplink *u, struct bytes request, struct buf *out, uplink_done_fn done,
		  void *arg);

#endif
