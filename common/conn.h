/*
 * A connection: a link (wire.h) over TLS on the loop. It hands up whole frames, answers Pings,
 * pings a silent peer, and ends a line that is too slow, too silent or not sound. PROTOCOL.md,
 * "Transport".
 *
 * All callbacks come from the loop, none from within a call of the owner. The owner may call
 * anything from its callback, conn_free too.
 */
#ifndef FIVEPITS_CONN_H
#define FIVEPITS_CONN_H

#include "common/loop.h"
#include "common/tls.h"
#include "common/wire.h"

struct conn;

enum conn_event {
	CONN_READY,   /* the handshake is done and the peer is who its certificate says */
	CONN_FRAME,   /* `frame` is borrowed for the call; Pings are not handed up, Pongs only to
			 clients */
	CONN_PONG,    /* a conn_ping was answered (its frame comes next) */
	CONN_DRAINED, /* all that was sent has gone to the network */
	CONN_CLOSED,  /* `words` say why; nothing comes after it, conn_free it */
};

typedef void (*conn_event_fn)(void *arg, enum conn_event event, const struct frame *frame,
			      const char *words);

enum {
	CONN_HANDSHAKE_MS = 10 * 1000, /* from the first byte to READY */
	CONN_FRAME_MS = 30 * 1000,     /* from a frame's first byte to its last */
	CONN_PING_MS =
	    45 * 1000, /* a peer silent for so long is pinged; clients do it after 30 s */
	CONN_IDLE_MS = 90 * 1000, /* and for so long is gone; likewise one that takes nothing */
	CONN_FLUSH_MS =
	    10 * 1000, /* a line that is being closed has so long to take what is queued */
	CONN_LINGER_MS = 2 * 1000, /* then a server waits so long for the peer to hang up */
};

/*
 * TLS on a connected socket. Takes `fd`, which is made non-blocking, and `*line`, which is nulled
 * and says whether this end is the server.
 */
struct conn *conn_new(struct loop *loop, int fd, struct tls_line **line, conn_event_fn fn,
		      void *arg);
/* Cut the line now if it is still there. No event comes any more. */
void conn_free(struct conn **conn);

/* Its link, for as long as it lives. What is sent before READY waits for it. */
struct link *conn_link(struct conn *conn);
const struct tls_line *conn_tls(const struct conn *conn);
/* Frames longer than this end the line: for peers who have shown no certificate. */
void conn_limit_frames(struct conn *conn, size_t most);
/* The line ends after `ms` from now, whatever happens on it; 0: take that back. */
void conn_limit_life(struct conn *conn, uint64_t ms);
/* Ask for a Pong now: when it comes, the peer has read all that was sent before. */
void conn_ping(struct conn *conn);

#endif
