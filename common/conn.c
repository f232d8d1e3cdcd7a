/*
 * Connections on bufferevent_openssl (libevent 2.1.12), whose traps shape this file:
 *  - watermarks and rate limits stall on TLS, so reading is stopped and started by hand;
 *  - no event of the socket announces what OpenSSL has read ahead: it is asked whenever reading
 *    goes on;
 *  - each evbuffer chain becomes a TLS record, so frames go out in one piece;
 *  - closing a socket with unread input resets it and takes the Bye along, so a server that closes
 *    sends its last, then reads and drops until the peer hangs up.
 * One lazy timer a connection looks after its deadlines (pulse.h).
 */
#include "common/conn.h"

#include "common/inflow.h"
#include "common/log.h"
#include "common/os.h"
#include "common/pulse.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONN_CORK = 2 * TLS_RECORD, /* from so much of queue on segments are filled */
	CONN_UNSENT = 128 * 1024, /* bytes that the kernel may hold before the network takes them */
	CONN_PONG_ROOM = 64 * 1024, /* Pings are not answered over so much of queue */
};

enum conn_state { CONN_SHAKING, CONN_OPEN, CONN_FLUSHING, CONN_LINGERING, CONN_OVER };

struct conn {
	struct link link; /* first */
	struct loop *loop;
	struct bufferevent *bev; /* owns the socket and OpenSSL's half of `tls` */
	struct tls_line *tls;
	int fd;
	conn_event_fn fn;
	void *arg;
	enum conn_state state;
	unsigned depth; /* callbacks of ours on the stack */
	bool let_go;	/* the owner has called conn_free meanwhile */
	bool paused;	/* by the owner */
	bool reading;	/* EV_READ is on */
	bool corked;	/* the kernel waits for a full segment */
	bool deaf;  /* the peer takes nothing any more; what it sent before can still be read */
	bool ended; /* the peer sends no more: `words` say why; told when the input is used up */
	bool told;  /* CLOSED has been handed up */
	unsigned asked; /* Pongs that the owner waits for */
	struct inflow in;
	struct pulse pulse;
	struct loop_timer *timer;
	struct loop_task task;
	char words[160];
};

static uint64_t conn_now(void)
{
	return os_monotonic_us() / 1000;
}

static struct conn *conn_of(const struct link *link)
{
	return (struct conn *)link;
}

static void conn_destroy(struct conn *c)
{
	loop_forget(c->loop, &c->task);
	loop_timer_free(&c->timer);
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	tls_line_free(&c->tls);
	bufferevent_free(c->bev);
	inflow_fini(&c->in);
	free(c);
}

/* Every callback of ours runs between these two: an owner who lets go inside one is obeyed behind
 * it. */
static void conn_enter(struct conn *c)
{
	c->depth++;
}

static void conn_leave(struct conn *c)
{
	if (--c->depth == 0 && c->let_go)
		conn_destroy(c);
}

static void conn_tell(struct conn *c, enum conn_event event, const struct frame *frame,
		      const char *words)
{
	if (!c->let_go && !c->told)
		c->fn(c->arg, event, frame, words);
}

/* Read when there is somebody to read for and room for it. */
static void conn_update_reading(struct conn *c)
{
	bool read = c->state == CONN_LINGERING || (c->state <= CONN_OPEN && !c->paused &&
						   !c->ended && inflow_has_room(&c->in));

	if (read && c->in.held && c->state == CONN_OPEN)
		loop_later(c->loop, &c->task);
	if (read == c->reading)
		return;
	c->reading = read;
	if (read)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
}

static struct pulse_line conn_line(const struct conn *c)
{
	return (struct pulse_line){
		.open = c->state == CONN_OPEN,
		.listens = !c->paused && !c->ended,
		.queued = evbuffer_get_length(bufferevent_get_output(c->bev)) > 0};
}

static void conn_set_timer(struct conn *c, uint64_t now)
{
	struct pulse_line line = conn_line(c);

	loop_timer_set(c->timer, pulse_rest_ms(&c->pulse, &line, now));
}

static void conn_move(struct conn *c, enum conn_state state)
{
	static const uint64_t lasts_ms[] = {[CONN_SHAKING] = CONN_HANDSHAKE_MS,
					    [CONN_FLUSHING] = CONN_FLUSH_MS,
					    [CONN_LINGERING] = CONN_LINGER_MS,
					    [CONN_OVER] = 0};

	c->state = state;
	c->pulse.began = conn_now();
	c->pulse.lasts = lasts_ms[state];
	if (state > CONN_OPEN)
		c->pulse.life = 0; /* it ends anyway */
	if (state == CONN_OVER)
		loop_timer_stop(c->timer);
	else
		conn_set_timer(c, c->pulse.began);
	conn_update_reading(c);
}

/* The end: nothing is read, sent or told any more but this. */
static void conn_finish(struct conn *c, const char *words)
{
	if (c->state == CONN_OVER)
		return;
	conn_move(c, CONN_OVER);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	log_debug("conn.closed", "fd=%d why=\"%s\"", c->fd, words);
	conn_tell(c, CONN_CLOSED, NULL, words);
	c->told = true;
}

/* A peer that breaks the rules is told so, then the line is closed. */
static void conn_refuse(struct conn *c, Wire__Reason reason, const char *words)
{
	if (!c->words[0])
		snprintf(c->words, sizeof(c->words), "%s", words);
	link_bye(&c->link, reason, words);
}

/* A record need not end in a segment of its own where more follows it at once. */
static void conn_cork(struct conn *c, bool on)
{
	int value = on;

	if (c->corked != on)
		setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
	c->corked = on;
}

static void conn_send(struct link *link, struct bytes frames, struct bytes raw)
{
	struct conn *c = conn_of(link);
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct evbuffer_iovec room;

	if (c->state > CONN_OPEN || c->let_go || c->deaf || frames.len == 0)
		return;
	if (evbuffer_get_length(out) == 0)
		c->pulse.taken = conn_now();
	size_t n = frames.len + raw.len;
	must(evbuffer_reserve_space(out, (ev_ssize_t)n, &room, 1) == 1 && room.iov_len >= n);
	memcpy(room.iov_base, frames.data, frames.len);
	if (raw.len)
		memcpy((uint8_t *)room.iov_base + frames.len, raw.data, raw.len);
	room.iov_len = n;
	must(evbuffer_commit_space(out, &room, 1) == 0);
	if (evbuffer_get_length(out) >= CONN_CORK)
		conn_cork(c, true);
}

static size_t conn_queued(const struct link *link)
{
	return evbuffer_get_length(bufferevent_get_output(conn_of(link)->bev));
}

static void conn_pause(struct link *link, bool paused)
{
	struct conn *c = conn_of(link);

	if (c->paused == paused || c->state > CONN_OPEN)
		return;
	c->paused = paused;
	if (!paused) {
		c->pulse.heard = conn_now(); /* what it sent meanwhile was not looked at */
		if (c->pulse.frame)
			c->pulse.frame = c->pulse.heard;
		loop_later(c->loop, &c->task);
		if (c->state == CONN_OPEN)
			conn_set_timer(c, c->pulse.heard);
	}
	conn_update_reading(c);
}

static void conn_close(struct link *link)
{
	struct conn *c = conn_of(link);

	if (c->state > CONN_OPEN)
		return;
	bool shaken = c->state == CONN_OPEN;
	if (!shaken) /* nothing can be said before the handshake */
		evbuffer_drain(bufferevent_get_output(c->bev), conn_queued(link));
	conn_move(c, CONN_FLUSHING);
	if (!shaken || conn_queued(link) == 0)
		loop_later(c->loop, &c->task); /* the owner is told from the loop */
}

static const struct link_ops conn_ops = {
    .send = conn_send, .queued = conn_queued, .pause = conn_pause, .close = conn_close};

/* Why a line was closed that was closed well. */
static const char *conn_last_words(const struct conn *c)
{
	return c->words[0] ? c->words : "closed from this side";
}

/* What was queued has gone: say that it was the last, and wait for the peer to have read it. */
static void conn_flushed(struct conn *c)
{
	tls_line_end(c->tls);
	if (!tls_line_is_server(c->tls) || c->ended) {
		conn_finish(c, conn_last_words(c));
		return;
	}
	shutdown(c->fd, SHUT_WR);
	conn_move(c, CONN_LINGERING);
}

static void conn_send_ping(struct conn *c)
{
	Wire__Ping ping = WIRE__PING__INIT;

	link_send(&c->link, WIRE__KIND__PING, &ping.base, BYTES_NONE);
}

static void conn_answer_ping(struct conn *c)
{
	Wire__Pong pong = WIRE__PONG__INIT;

	if (conn_queued(&c->link) > CONN_PONG_ROOM)
		return; /* it will hear from us soon enough */
	pong.has_time_ms = 1;
	pong.time_ms = os_env()->now_ms(os_env()->arg);
	link_send(&c->link, WIRE__KIND__PONG, &pong.base, BYTES_NONE);
}

static void conn_take(struct conn *c, const struct frame *frame)
{
	switch (frame->kind) {
	case WIRE__KIND__PING:
		conn_answer_ping(c);
		break;
	case WIRE__KIND__PONG:
		if (c->asked > 0) {
			c->asked--;
			conn_tell(c, CONN_PONG, NULL, NULL);
		}
		if (!tls_line_is_server(c->tls))
			conn_tell(c, CONN_FRAME, frame, NULL);
		break;
	default:
		conn_tell(c, CONN_FRAME, frame, NULL);
	}
}

/* All whole frames that are there, as long as the owner wants them and the turn has time. */
static void conn_parse(struct conn *c)
{
	struct frame frame;
	int rc = 1;

	while (rc > 0 && c->state == CONN_OPEN && !c->paused && !c->let_go) {
		if (loop_turn_expired(c->loop)) {
			loop_later(c->loop, &c->task);
			break;
		}
		rc = inflow_next(&c->in, &frame);
		if (rc > 0) {
			conn_take(c, &frame);
			c->pulse.frame = 0;
		}
	}
	if (c->state != CONN_OPEN || c->let_go)
		return;
	if (rc < 0) {
		conn_refuse(c, WIRE__REASON__TOO_BIG,
			    "a frame was longer than the protocol allows");
		return;
	}
	size_t have = inflow_waiting(&c->in);
	if (have == 0)
		inflow_rest(&c->in);
	else if (rc == 0 && !c->pulse.frame)
		c->pulse.frame = c->pulse.heard;
	conn_update_reading(c);
	if (rc == 0 && c->ended)
		conn_finish(c, have ? "the line broke in the middle of a message" : c->words);
}

static void conn_write_cb(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	conn_enter(c);
	if (conn_queued(&c->link) == 0) {
		if (c->state == CONN_FLUSHING)
			conn_flushed(c);
		else if (c->state == CONN_OPEN)
			conn_tell(c, CONN_DRAINED, NULL, NULL);
	}
	conn_leave(c);
}

static void conn_shaken(struct conn *c)
{
	if (!tls_line_is_sound(c->tls)) {
		conn_finish(c, "the other side speaks TLS, but not our protocol");
		return;
	}
	c->pulse.heard = c->pulse.taken = conn_now();
	conn_move(c, CONN_OPEN);
	conn_tell(c, CONN_READY, NULL, NULL);
	c->in.held = tls_line_holds(c->tls);
	conn_update_reading(c);
}

/* The peer hung up, or the line failed. What it sent before that is still handed up. */
static void conn_end_of_input(struct conn *c, short what, unsigned long error)
{
	struct cause cause;

	if (c->ended || c->state == CONN_OVER)
		return;
	c->ended = true;
	c->reading = false;
	if (error || what & BEV_EVENT_ERROR)
		tls_line_trouble(c->tls, error, EVUTIL_SOCKET_ERROR(), &cause);
	else
		cause_set(&cause, 0, "the other side hung up%s",
			  c->state == CONN_SHAKING ? " during the TLS handshake" : "");
	if (!c->words[0])
		snprintf(c->words, sizeof(c->words), "%.*s", (int)sizeof(c->words) - 1,
			 cause.words);
	if (c->state == CONN_OPEN)
		conn_parse(c);
	else
		conn_finish(c, c->state == CONN_SHAKING ? cause.words : c->words);
}

/* libevent takes one TLS record an event. What has come behind it is taken at once, up to what
 * would be read ahead anyway; each read empties a record. */
static void conn_read_on(struct conn *c)
{
	struct evbuffer *first = bufferevent_get_input(c->bev);
	size_t n = evbuffer_get_length(first);
	unsigned long error;

	if (n)
		inflow_came(&c->in, (size_t)evbuffer_remove(first, inflow_room(&c->in, n), n));
	if (c->state != CONN_OPEN || !c->reading || c->paused || c->let_go) {
		c->in.held = tls_line_holds(c->tls);
		return;
	}
	if (inflow_read(&c->in, c->tls, &error) == 0)
		return;
	int socket_error = errno;
	bufferevent_disable(c->bev, EV_READ);
	errno = socket_error;
	conn_end_of_input(c, error || socket_error ? BEV_EVENT_ERROR : BEV_EVENT_EOF, error);
}

/* Something has come, or was read already. */
static void conn_read(struct conn *c)
{
	c->pulse.heard = conn_now();
	c->pulse.pinged = false;
	conn_read_on(c);
	conn_parse(c);
}

static void conn_read_cb(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	conn_enter(c);
	if (c->state >= CONN_FLUSHING) {
		struct evbuffer *in = bufferevent_get_input(bev);
		evbuffer_drain(in, evbuffer_get_length(in));
	} else {
		conn_read(c);
	}
	conn_leave(c);
}

/* Sending has failed: what the peer had sent before its line broke is not lost for it. Reading
 * goes on, up to the end that it will find. */
static bool conn_reads_rest(struct conn *c, short what)
{
	if (!(what & BEV_EVENT_WRITING) || !(what & BEV_EVENT_ERROR) || c->state != CONN_OPEN ||
	    c->ended || c->deaf)
		return false;
	log_debug("conn.deaf", "fd=%d", c->fd);
	(void)bufferevent_get_openssl_error(c->bev); /* reading finds why */
	c->deaf = true;
	bufferevent_disable(c->bev, EV_WRITE);
	evbuffer_drain(bufferevent_get_output(c->bev), conn_queued(&c->link));
	c->reading = true;
	bufferevent_enable(c->bev, EV_READ);
	conn_update_reading(c);
	return true;
}

static void conn_event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	conn_enter(c);
	if (what & BEV_EVENT_CONNECTED)
		conn_shaken(c);
	else if (!conn_reads_rest(c, what))
		conn_end_of_input(c, what, bufferevent_get_openssl_error(bev));
	conn_leave(c);
}

/* Work that was left for the next turn: frames, or the end of a line with nothing queued. */
static void conn_task(void *arg)
{
	struct conn *c = arg;

	conn_enter(c);
	if (c->state == CONN_OPEN && c->reading && c->in.held)
		conn_read(c);
	else if (c->state == CONN_OPEN)
		conn_parse(c);
	else if (c->state == CONN_FLUSHING && conn_queued(&c->link) == 0)
		conn_flushed(c);
	conn_leave(c);
}

/* The peer takes some. */
static void conn_output_cb(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	if (info->n_deleted)
		c->pulse.taken = conn_now();
	if (evbuffer_get_length(out) == 0)
		conn_cork(c, false);
}

static void conn_look(struct conn *c, uint64_t now)
{
	struct pulse_line line = conn_line(c);

	switch (pulse_due(&c->pulse, &line, now)) {
	case PULSE_NONE:
		break;
	case PULSE_LIFE:
		c->pulse.life = 0;
		conn_refuse(c, WIRE__REASON__IDLE, "this took too long");
		break;
	case PULSE_STATE:
		conn_finish(c, c->state == CONN_SHAKING ? "the TLS handshake took too long"
							: conn_last_words(c));
		break;
	case PULSE_STUCK:
		conn_finish(c, "the other side takes nothing any more");
		break;
	case PULSE_FRAME:
		conn_refuse(c, WIRE__REASON__IDLE, "a message did not come to its end in time");
		break;
	case PULSE_SILENT:
		conn_refuse(c, WIRE__REASON__IDLE, "nothing was heard for too long");
		break;
	case PULSE_PING:
		c->pulse.pinged = true;
		conn_send_ping(c);
	}
}

static void conn_timer_fn(void *arg)
{
	struct conn *c = arg;
	uint64_t now = conn_now();

	conn_enter(c);
	conn_look(c, now);
	if (c->state != CONN_OVER)
		conn_set_timer(c, now);
	conn_leave(c);
}

struct conn *conn_new(struct loop *loop, int fd, struct tls_line **line, conn_event_fn fn,
		      void *arg)
{
	struct conn *c = mem_alloc(sizeof(*c));
	int on = 1, unsent = CONN_UNSENT;

	evutil_make_socket_nonblocking(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Or else megabytes wait in the kernel, and a Ping waits behind them longer than its answer
	 * may. */
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	*c = (struct conn){.link = {&conn_ops},
			   .loop = loop,
			   .tls = *line,
			   .fd = fd,
			   .fn = fn,
			   .arg = arg,
			   .reading = true};
	*line = NULL;
	inflow_init(&c->in);
	c->task.fn = conn_task;
	c->task.arg = c;
	c->bev = bufferevent_openssl_socket_new(
	    loop_base(loop), fd, tls_line_ssl(c->tls),
	    tls_line_is_server(c->tls) ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE);
	must(c->bev);
	c->timer = loop_timer_new(loop, conn_timer_fn, c);
	bufferevent_setcb(c->bev, conn_read_cb, conn_write_cb, conn_event_cb, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), conn_output_cb, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	conn_move(c, CONN_SHAKING);
	return c;
}

void conn_free(struct conn **conn)
{
	struct conn *c = *conn;

	if (!c)
		return;
	*conn = NULL;
	c->let_go = true;
	if (c->depth == 0)
		conn_destroy(c);
}

struct link *conn_link(struct conn *conn)
{
	return &conn->link;
}

const struct tls_line *conn_tls(const struct conn *conn)
{
	return conn->tls;
}

void conn_limit_frames(struct conn *conn, size_t most)
{
	conn->in.most = most;
}

void conn_limit_life(struct conn *conn, uint64_t ms)
{
	uint64_t now = conn_now();

	if (conn->state > CONN_OPEN)
		return;
	conn->pulse.life = ms ? now + ms : 0;
	conn_set_timer(conn, now);
}

void conn_ping(struct conn *conn)
{
	conn->asked++;
	conn_send_ping(conn);
}
