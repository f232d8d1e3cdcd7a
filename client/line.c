/*
 * The way to an open line, one step after the other, each with its deadline: look up, connect to
 * one address after the other, ask the proxy for a tunnel, shake hands.
 */
#include "client/line.h"

#include "client/hosts.h"
#include "client/proxy.h"
#include "common/invitation.h"
#include "common/keys.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct line {
	struct loop *loop;
	enum line_stage stage;
	char *address;
	char name[SERVER_NAME]; /* of the server, in TLS */
	struct tls *tls;
	conn_event_fn fn;
	void *arg;
	bool proxied, told;
	struct proxy proxy;
	char proxy_name[270];
	char host[256], port[6]; /* what to connect to: the proxy, or the server */
	struct hosts *hosts;
	struct addrinfo *found, *next; /* next: to be tried after this one */
	int fd;
	int connect_error;
	struct loop_watch *watch;
	struct loop_timer *timer;
	struct buf heard; /* from the proxy */
	struct conn *conn;
};

static void line_try_next(struct line *l);

static void line_drop_socket(struct line *l)
{
	loop_watch_free(&l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* The end before TLS. The owner may free the line in its callback, so this is the last step. */
static void line_fail(struct line *l, const struct cause *cause)
{
	line_drop_socket(l);
	loop_timer_stop(l->timer);
	if (l->told)
		return;
	l->told = true;
	log_debug("line.failed", "stage=%d why=\"%s\"", (int)l->stage, cause->words);
	l->fn(l->arg, CONN_CLOSED, NULL, cause->words);
}

static void line_event(void *arg, enum conn_event event, const struct frame *frame,
		       const char *words)
{
	struct line *l = arg;

	if (event == CONN_READY)
		l->stage = LINE_OPEN;
	l->fn(l->arg, event, frame, words);
}

static void line_shake_hands(struct line *l)
{
	struct tls_line *tls = tls_line_new(l->tls, l->name);
	int fd = l->fd;

	loop_watch_free(&l->watch);
	loop_timer_stop(l->timer);
	l->fd = -1; /* the conn's from now on */
	l->stage = LINE_SHAKING_HANDS;
	l->conn = conn_new(l->loop, fd, &tls, line_event, l);
}

static void line_proxy_speaks(void *arg)
{
	struct line *l = arg;
	struct cause cause;
	ssize_t n = recv(l->fd, buf_reserve(&l->heard, 2048), 2048, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		cause_set(&cause, 0, "the proxy %s hung up", l->proxy_name);
		line_fail(l, &cause);
		return;
	}
	l->heard.len += (size_t)n;
	int rc = proxy_answer(buf_bytes(&l->heard), &cause);
	if (rc < 0)
		line_fail(l, &cause);
	else if (rc > 0)
		line_shake_hands(l);
}

static void line_ask_proxy(struct line *l)
{
	struct buf request = {0};
	struct cause cause;

	l->stage = LINE_AT_PROXY;
	loop_watch_free(&l->watch);
	proxy_request(&l->proxy, l->address, &request);
	/* A fresh socket takes a request of this size whole. */
	bool sent = send(l->fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len;
	buf_fini(&request);
	if (!sent) {
		cause_set(&cause, 0, "the proxy %s does not listen", l->proxy_name);
		line_fail(l, &cause);
		return;
	}
	l->watch = loop_watch_new(l->loop, l->fd, false, line_proxy_speaks, l);
	loop_timer_set(l->timer, LINE_PROXY_MS);
}

static void line_connected(void *arg)
{
	struct line *l = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		l->connect_error = error;
		line_try_next(l);
	} else if (l->proxied) {
		line_ask_proxy(l);
	} else {
		line_shake_hands(l);
	}
}

/* Begin to connect to one address; false: it can't even be begun. */
static bool line_try(struct line *l, const struct addrinfo *a)
{
	l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (l->fd < 0 || (connect(l->fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		l->connect_error = errno;
		return false;
	}
	l->watch = loop_watch_new(l->loop, l->fd, true, line_connected, l);
	loop_timer_set(l->timer, a->ai_next ? LINE_OTHER_MS : LINE_CONNECT_MS);
	return true;
}

static void line_try_next(struct line *l)
{
	struct cause cause;

	l->stage = LINE_CONNECTING;
	line_drop_socket(l);
	while (l->next) {
		struct addrinfo *a = l->next;
		l->next = a->ai_next;
		if (line_try(l, a))
			return;
		line_drop_socket(l);
	}
	cause_set(&cause, 0, "%s %s:%s does not answer: %s",
		  l->proxied ? "the proxy" : "the server", l->host, l->port,
		  strerror(l->connect_error));
	line_fail(l, &cause);
}

static void line_timeout(void *arg)
{
	struct line *l = arg;
	struct cause cause;

	if (l->stage == LINE_CONNECTING) {
		l->connect_error = ETIMEDOUT;
		line_try_next(l);
		return;
	}
	cause_set(&cause, 0, "the proxy %s does not answer", l->proxy_name);
	line_fail(l, &cause);
}

static void line_looked_up(void *arg, int error, struct addrinfo *found)
{
	struct line *l = arg;
	struct cause cause;

	if (error) {
		cause_set(&cause, 0,
			  "the address of %s %s can't be found: %s; is this computer on a network?",
			  l->proxied ? "the proxy" : "the server", l->host, gai_strerror(error));
		line_fail(l, &cause);
		return;
	}
	l->found = l->next = found;
	line_try_next(l);
}

int line_open(struct line **out, struct loop *loop, const char *address, const char *proxy,
	      const struct id *area, struct tls *tls, conn_event_fn fn, void *arg,
	      struct cause *cause)
{
	char host[256], port[6];
	struct proxy via;

	*out = NULL;
	if (!address_split(address, host, port))
		return cause_set(cause, ERR_INVALID,
				 "the server's address \"%.200s\" is not HOST:PORT", address);
	int proxied = proxy_choose(&via, proxy, host, cause);
	if (proxied < 0)
		return proxied;
	struct line *l = mem_alloc(sizeof(*l));
	*l = (struct line){
	    .loop = loop, .tls = tls, .fn = fn, .arg = arg, .fd = -1, .proxied = proxied > 0};
	l->address = mem_copy_text(address);
	area_server_name(area, l->name);
	strcpy(l->host, proxied ? via.host : host);
	strcpy(l->port, proxied ? via.port : port);
	if (proxied) {
		l->proxy = via;
		snprintf(l->proxy_name, sizeof(l->proxy_name), "%s:%s", via.host, via.port);
	}
	l->timer = loop_timer_new(loop, line_timeout, l);
	l->hosts = hosts_ask(loop, l->host, l->port, line_looked_up, l);
	*out = l;
	return 0;
}

void line_free(struct line **line)
{
	struct line *l = *line;

	if (!l)
		return;
	*line = NULL;
	conn_free(&l->conn);
	line_drop_socket(l);
	loop_timer_free(&l->timer);
	hosts_free(&l->hosts);
	if (l->found)
		freeaddrinfo(l->found);
	buf_fini(&l->heard);
	free(l->address);
	free(l);
}

struct conn *line_conn(struct line *line)
{
	return line->conn;
}

enum line_stage line_stage(const struct line *line)
{
	return line->stage;
}
