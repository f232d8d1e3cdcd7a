/*
 * A line to the server: its name looked up, the socket connected, a proxy passed, TLS begun. Once
 * it is open it is a conn; its events are the conn's, and CONN_CLOSED comes for every failure on
 * the way too.
 */
#ifndef FIVEPITS_LINE_H
#define FIVEPITS_LINE_H

#include "common/conn.h"
#include "common/id.h"

struct line;

enum line_stage { LINE_LOOKING_UP, LINE_CONNECTING, LINE_AT_PROXY, LINE_SHAKING_HANDS, LINE_OPEN };

enum {
	LINE_CONNECT_MS = 10 * 1000, /* for the last address of a host; the others have less */
	LINE_OTHER_MS = 3 * 1000,
	LINE_PROXY_MS = 20 * 1000,
};

/*
 * Call `address` (HOST:PORT) through `proxy` (proxy_choose's `url`) and ask for the server of
 * `area`. Borrows `tls` until READY. ERR_INVALID with a cause where address or proxy make no sense;
 * else 0, and `fn` hears all that follows.
 */
int line_open(struct line **out, struct loop *loop, const char *address, const char *proxy,
	      const struct id *area, struct tls *tls, conn_event_fn fn, void *arg,
	      struct cause *cause);
void line_free(struct line **line);

/* Its connection; NULL before TLS has begun. Borrowed. */
struct conn *line_conn(struct line *line);
/* How far it has come, or had come when it closed. */
enum line_stage line_stage(const struct line *line);

#endif
