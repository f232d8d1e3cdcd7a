/*
 * The server's sockets: the listener, and each connection from its handshake to the session or the
 * enrolment that it becomes. Ends each turn of the loop with area_turn.
 */
#ifndef FIVEPITS_NET_H
#define FIVEPITS_NET_H

#include "common/loop.h"
#include "server/area.h"
#include "server/ca.h"

struct net;

enum {
	NET_UNPROVEN =
	    512, /* connections without a certificate yet; over it the oldest makes room */
	NET_TURN_US = 5000, /* a turn takes no more than this before it is committed */
	NET_STOP_MS = 3000, /* what a stopping server gives its peers to hang up */
};

/*
 * Listen on HOST:PORT (port 0: any) and serve from `loop`, whose hook and turn it takes. Borrows
 * all. ERR_INVALID, ERR_IO with a cause.
 */
int net_open(struct net **out, struct loop *loop, struct area *area, struct ca *ca,
	     const char *listen, struct cause *cause);
void net_close(struct net **net);

/* HOST:PORT that it listens on, with the port that was picked; borrowed. */
const char *net_address(const struct net *net);
/* Tell everybody, take no more, and stop the loop when all have hung up (or at a second call). Fits
 * loop_take_signals; `net` is a struct net *. */
void net_stop(void *net);
/* Why the loop was stopped: 0, or the error of area_turn after which the process must end. */
int net_error(const struct net *net);

#endif
