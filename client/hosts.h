/*
 * Names of hosts to addresses, on a thread of its own: the system's look-up can take many seconds
 * where the network is down, and the loop must go on meanwhile.
 */
#ifndef FIVEPITS_HOSTS_H
#define FIVEPITS_HOSTS_H

#include "common/loop.h"

#include <netdb.h>

struct hosts;

/* Called from the loop, once: `error` is getaddrinfo's, or 0 and `found` is to be freed with
 * freeaddrinfo. */
typedef void (*hosts_fn)(void *arg, int error, struct addrinfo *found);

/* Ask for `host` and `port` (as getaddrinfo takes them). */
struct hosts *hosts_ask(struct loop *loop, const char *host, const char *port, hosts_fn fn,
			void *arg);
/* Forget the question; also after it was answered. NULL inside is fine. */
void hosts_free(struct hosts **hosts);

#endif
