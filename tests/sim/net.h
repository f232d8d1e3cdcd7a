/*
 * A network in memory: lines of two ends, each end a struct link for the engine that holds it.
 * Bytes leave a sender at the line's bandwidth while the receiver has room, and arrive after its
 * delay, in pieces of any size and in order. A line can be cut: what is under way is lost, and each
 * end is told soon, late, or only when it would have given up waiting by itself.
 */
#ifndef FIVEPITS_SIM_NET_H
#define FIVEPITS_SIM_NET_H

#include "common/wire.h"
#include "tests/sim/dice.h"
#include "tests/sim/queue.h"

enum { NET_WINDOW = 256 * 1024 }; /* what a receiver that is paused still takes in */

struct net_end;

/* What an end's owner is told. Never called from inside the owner's own calls on the link. */
struct net_owner {
	void (*frame)(void *arg, const struct frame *f);
	void (*garbage)(void *arg, int err); /* what arrived is no frame: the owner should close */
	void (*drained)(void *arg);
	void (*closed)(void *arg); /* the last that is told; the line is gone */
	void *arg;
};

struct net_speed {
	uint64_t delay_us; /* one way */
	uint64_t bytes_per_s;
	unsigned jitter_percent; /* of the delay, more */
};

struct net {
	struct queue *queue;
	struct dice dice;
	struct net_line *lines;
	uint64_t cut, lost_bytes; /* how often it bit */
};

void net_init(struct net *net, struct queue *queue, uint64_t seed);
void net_fini(struct net *net); /* frees all lines; nobody may use them any more */

/* A new line. Ends live until net_fini. */
void net_connect(struct net *net, const struct net_speed *speed, struct net_end *ends[2]);
struct link *net_link(struct net_end *end);
/* Who is told of what happens at this end from now on; NULL: nobody, and sends are ignored. */
void net_own(struct net_end *end, const struct net_owner *owner);

enum net_cut {
	NET_RESET,     /* both ends are told at once */
	NET_LATE,      /* told after up to a minute, each for itself */
	NET_HALF_OPEN, /* told only after two minutes: keep-alive gives up */
};

void net_cut(struct net_end *end, enum net_cut how);
/* The process at this end died: its end is silent at once, the other is told as after a cut. */
void net_abandon(struct net_end *end, enum net_cut how);
bool net_is_idle(const struct net *net);     /* nothing is under way on any line that is not cut */
bool net_is_open(const struct net_end *end); /* neither cut nor closed */

#endif
