/*
 * HTTP proxies: which one to take, what to ask it, what it answers. Schools' networks often let
 * nothing out but through one. No I/O.
 */
#ifndef FIVEPITS_PROXY_H
#define FIVEPITS_PROXY_H

#include "common/err.h"
#include "common/mem.h"

struct proxy {
	char host[256], port[6];
	char secret[400]; /* NAME:PASSWORD in base 64; empty: none */
};

/* Read http://[NAME[:PASSWORD]@]HOST[:PORT] (the scheme may be missing). ERR_INVALID
 * with a cause. */
int proxy_parse(struct proxy *out, const char *url, struct cause *cause);

/*
 * The proxy on the way to `host`: `url` if it is not empty ("none": no proxy at all), else what
 * HTTPS_PROXY says, unless NO_PROXY names the host. 1: `out` is it; 0: there is none; ERR_INVALID.
 */
int proxy_choose(struct proxy *out, const char *url, const char *host, struct cause *cause);

/* Append the request for a tunnel to `address` (HOST:PORT). */
void proxy_request(const struct proxy *proxy, const char *address, struct buf *out);
/* The answer so far. 1: the tunnel is open; 0: more must come; ERR_AUTH, ERR_PROTO or ERR_OFFLINE
 * with a cause in words for a person. */
int proxy_answer(struct bytes answer, struct cause *cause);

#endif
