/*
 * Connections of the server.
 *
 * A peer is unproven until its handshake is done and, if it came to enrol, until that is over. Only
 * so many of these are kept: when one more comes, the oldest goes, so that silent or slow strangers
 * cannot keep out a device, which needs milliseconds. Proven peers are limited by the area, to what
 * leaves room for the unproven; those that were told Bye, and linger, make room for who comes.
 */
#include "server/net.h"

#include "common/conn.h"
#include "common/invitation.h"
#include "common/log.h"
#include "common/os.h"
#include "server/enrol.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NET_ACCEPT = 16, /* connections taken in one turn */
	NET_BACKLOG = 1024,
	NET_SPARE_FILES = 64, /* descriptors for everything but connections */
	NET_FULL_MS = 200,    /* rest after the system had no descriptor left */
	NET_TICK_MS = 60 * 1000,
	NET_REQUESTS_MS = 1000, /* how often `recovery --serve` is looked for, where it may help */
	NET_DAY_TICKS = 24 * 60,
};

struct peer {
	struct net *net;
	struct peer *prev, *next; /* in `unproven` (oldest first) or `proven` */
	bool proven;
	struct conn *conn;
	struct session *session;
	struct enrol *enrol;
};

struct peers {
	struct peer *first, *last;
	size_t count;
};

struct net {
	struct loop *loop;
	struct area *area;
	struct ca *ca;
	int fd;
	char address[300];
	struct loop_watch *watch;
	struct loop_timer *rest, *tick, *end;
	struct loop_task again; /* another turn */
	struct loop_timer *due; /* of another turn, though nothing may come in */
	struct peers unproven, proven; /* proven: sessions, and lines that are being closed */
	size_t most, most_unproven;    /* of all, and of the unproven */
	size_t enrolling;	       /* of the unproven */
	unsigned ticks;
	uint64_t turned_away, failed; /* since the last tick: for want of room, in the handshake */
	bool stopping;
	int error;
};

static void peers_add(struct peers *list, struct peer *p)
{
	p->prev = list->last;
	p->next = NULL;
	*(list->last ? &list->last->next : &list->first) = p;
	list->last = p;
	list->count++;
}

static void peers_remove(struct peers *list, struct peer *p)
{
	*(p->prev ? &p->prev->next : &list->first) = p->next;
	*(p->next ? &p->next->prev : &list->last) = p->prev;
	list->count--;
}

static struct peers *peer_list(struct peer *p)
{
	return p->proven ? &p->net->proven : &p->net->unproven;
}

static void peer_prove(struct peer *p)
{
	peers_remove(peer_list(p), p);
	p->proven = true;
	peers_add(peer_list(p), p);
}

static void peer_free(struct peer *p)
{
	struct net *net = p->net;

	if (p->session)
		session_lost(p->session);
	if (p->enrol)
		net->enrolling--;
	enrol_free(&p->enrol);
	peers_remove(peer_list(p), p);
	conn_free(&p->conn);
	free(p);
	if (net->stopping && !net->unproven.first && !net->proven.first)
		loop_stop(net->loop);
}

/* The handshake is done: the peer is a device, or somebody with an invitation. */
static void peer_ready(struct peer *p)
{
	struct net *net = p->net;
	struct link *link = conn_link(p->conn);
	struct id device;

	if (tls_line_enrols(conn_tls(p->conn))) {
		uint8_t exported[32];
		tls_line_export(conn_tls(p->conn), INVITATION_EXPORT, exported);
		conn_limit_frames(p->conn, ENROL_FRAME);
		conn_limit_life(p->conn, ENROL_MS);
		p->enrol = enrol_new(net->area, net->ca, link, exported);
		net->enrolling++;
		return;
	}
	peer_prove(p);
	if (!tls_line_device(conn_tls(p->conn), &device)) {
		link_bye(link, WIRE__REASON__NOT_ALLOWED, "this certificate names no device");
		return;
	}
	p->session = session_open(net->area, link, &device);
}

static void peer_frame(struct peer *p, const struct frame *frame)
{
	if (p->session)
		session_frame(p->session, frame);
	else if (p->enrol)
		enrol_frame(p->enrol, frame);
	if (area_turn_due(p->net->area))
		loop_turn_cut(p->net->loop);
}

static void peer_event(void *arg, enum conn_event event, const struct frame *frame,
		       const char *words)
{
	struct peer *p = arg;

	switch (event) {
	case CONN_READY:
		peer_ready(p);
		break;
	case CONN_FRAME:
		peer_frame(p, frame);
		break;
	case CONN_PONG:
		break;
	case CONN_DRAINED:
		if (p->session)
			session_drained(p->session);
		break;
	case CONN_CLOSED:
		if (!p->proven && !p->enrol) {
			p->net->failed++;
			log_debug("net.handshake", "why=\"%s\"", words);
		}
		peer_free(p);
		break;
	}
}

/* Who makes room: the oldest that was told Bye and lingers, else the oldest stranger. */
static struct peer *net_spare(struct net *net)
{
	for (struct peer *p = net->proven.first; p; p = p->next)
		if (!p->session || session_is_over(p->session))
			return p;
	return net->unproven.first;
}

static void net_accept(struct net *net, int fd)
{
	bool strangers = net->unproven.count >= net->most_unproven;

	if (strangers || net->unproven.count + net->proven.count >= net->most) {
		struct peer *spare = strangers ? net->unproven.first : net_spare(net);
		net->turned_away++;
		if (!spare) {
			close(fd);
			return;
		}
		peer_free(spare);
	}
	struct peer *p = mem_alloc(sizeof(*p));
	struct tls_line *line = tls_line_new(ca_tls(net->ca), NULL);
	p->net = net;
	p->conn = conn_new(net->loop, fd, &line, peer_event, p);
	peers_add(&net->unproven, p);
}

/* The system has no descriptor left: the oldest stranger gives his back, and we rest a little,
 * since the listener would call again at once. */
static void net_full(struct net *net)
{
	log_warn("net.full", "errno=%d unproven=%zu proven=%zu", errno, net->unproven.count,
		 net->proven.count);
	net->turned_away++;
	if (net->unproven.first)
		peer_free(net->unproven.first);
	loop_watch_pause(net->watch, true);
	loop_timer_set(net->rest, NET_FULL_MS);
}

static void net_rested(void *arg)
{
	struct net *net = arg;
	if (net->watch)
		loop_watch_pause(net->watch, false);
}

static void net_listening(void *arg)
{
	struct net *net = arg;

	for (int i = 0; i < NET_ACCEPT; i++) {
		int fd = accept4(net->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			net_accept(net, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			net_full(net);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void net_again(void *arg)
{
	(void)arg; /* the turn's end does what there is to do */
}

/* A recovery ends by the clock, a client may have set a limit, and what waits to be borne out may
 * be served at a person's word. */
static void net_due(void *arg)
{
	area_take_requests(((struct net *)arg)->area);
}

static void net_look_after(struct net *net)
{
	uint64_t due = area_due_ms(net->area), now = env_now_ms(os_env());
	uint64_t ms = due ? (due > now ? due - now : 0) : NET_REQUESTS_MS;

	if (due || area_unserved(net->area, NULL, 0))
		loop_timer_set(net->due, ms < NET_REQUESTS_MS ? ms : NET_REQUESTS_MS);
}

/* The end of a turn: commit, and only then send what says that it is done. */
static void net_turn(void *arg)
{
	struct net *net = arg;
	int rc = area_turn(net->area);

	if (rc < 0) {
		log_error("net.turn", "err=%d", rc);
		net->error = rc;
		loop_stop(net->loop);
		return;
	}
	net_look_after(net);
	for (struct peer *p = net->enrolling ? net->unproven.first : NULL; p; p = p->next)
		if (p->enrol)
			enrol_turn(p->enrol, rc == 0);
	if (area_is_busy(net->area))
		loop_later(net->loop, &net->again);
}

static void net_tick(void *arg)
{
	struct net *net = arg;
	struct cause cause;

	loop_timer_set(net->tick, NET_TICK_MS);
	area_tick(net->area);
	if (net->turned_away || net->failed)
		log_info("net.strangers", "turned_away=%llu failed=%llu",
			 (unsigned long long)net->turned_away, (unsigned long long)net->failed);
	net->turned_away = net->failed = 0;
	if (++net->ticks % NET_DAY_TICKS == 0 && ca_refresh(net->ca, &cause) != 0)
		log_error("net.certificate", "why=\"%s\"", cause.words);
}

static int net_listen_on(const struct addrinfo *a)
{
	int on = 1;
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, NET_BACKLOG) < 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int net_bind(struct net *net, const char *address, struct cause *cause)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
	char host[256], port[6];

	if (!address_split(address, host, port))
		return cause_set(cause, ERR_INVALID, "\"%.200s\" is not HOST:PORT", address);
	int rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return cause_set(cause, ERR_IO, "can't listen on %s: %s", address,
				 gai_strerror(rc));
	for (struct addrinfo *a = found; a && net->fd < 0; a = a->ai_next)
		net->fd = net_listen_on(a);
	freeaddrinfo(found);
	if (net->fd < 0)
		return cause_set(cause, ERR_IO, "can't listen on %s: %s", address, strerror(errno));
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	if (getsockname(net->fd, (struct sockaddr *)&own, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&own, len, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0)
		return cause_set(cause, ERR_IO, "can't tell which port was picked: %s",
				 strerror(errno));
	snprintf(net->address, sizeof(net->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
		 port);
	return 0;
}

/* As many descriptors as the system allows; the area's limit of sessions rules below that. */
static size_t net_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return NET_UNPROVEN;
	if (files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			log_warn("net.files", "errno=%d", errno);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	size_t room = files.rlim_cur > 2 * NET_SPARE_FILES
			  ? (size_t)files.rlim_cur - NET_SPARE_FILES
			  : NET_SPARE_FILES;
	if (room < AREA_SESSIONS + NET_UNPROVEN)
		log_warn("net.files", "connections=%zu", room);
	return room < AREA_SESSIONS + NET_UNPROVEN ? room : AREA_SESSIONS + NET_UNPROVEN;
}

/* Sessions never take the last descriptors: who comes anew must be able to say who it is. */
static void net_share(struct net *net)
{
	net->most = net_files();
	net->most_unproven = net->most / 4 < NET_UNPROVEN ? net->most / 4 : NET_UNPROVEN;
	area_limit_sessions(net->area, net->most - net->most_unproven);
}

int net_open(struct net **out, struct loop *loop, struct area *area, struct ca *ca,
	     const char *listen, struct cause *cause)
{
	struct net *net = mem_alloc(sizeof(*net));

	*out = NULL;
	*net = (struct net){.loop = loop, .area = area, .ca = ca, .fd = -1};
	net_share(net);
	int rc = net_bind(net, listen, cause);
	if (rc) {
		if (net->fd >= 0)
			close(net->fd);
		free(net);
		return rc;
	}
	net->again = (struct loop_task){.fn = net_again};
	net->watch = loop_watch_new(loop, net->fd, false, net_listening, net);
	net->rest = loop_timer_new(loop, net_rested, net);
	net->tick = loop_timer_new(loop, net_tick, net);
	net->end = loop_timer_new(loop, net_stop, net);
	net->due = loop_timer_new(loop, net_due, net);
	net_look_after(net);
	loop_timer_set(net->tick, NET_TICK_MS);
	loop_set_hook(loop, net_turn, net);
	loop_set_turn_us(loop, NET_TURN_US);
	*out = net;
	return 0;
}

/* No more connections are taken. */
static void net_deafen(struct net *net)
{
	loop_watch_free(&net->watch);
	if (net->fd >= 0)
		close(net->fd);
	net->fd = -1;
}

void net_stop(void *arg)
{
	struct net *net = arg;

	if (net->stopping) {
		loop_stop(net->loop);
		return;
	}
	log_info("net.stopping", "sessions=%zu", area_sessions(net->area));
	net->stopping = true;
	net_deafen(net);
	area_stop(net->area);
	for (struct peer *p = net->unproven.first, *next; p; p = next) {
		next = p->next;
		if (p->enrol)
			link_bye(conn_link(p->conn), WIRE__REASON__STOPPING,
				 "the server is being stopped");
		else
			peer_free(p);
	}
	if (!net->unproven.first && !net->proven.first)
		loop_stop(net->loop);
	else
		loop_timer_set(net->end, NET_STOP_MS);
}

void net_close(struct net **net)
{
	struct net *n = *net;

	if (!n)
		return;
	n->stopping = false;
	while (n->unproven.first)
		peer_free(n->unproven.first);
	while (n->proven.first)
		peer_free(n->proven.first);
	net_deafen(n);
	loop_set_hook(n->loop, NULL, NULL);
	loop_forget(n->loop, &n->again);
	loop_timer_free(&n->rest);
	loop_timer_free(&n->tick);
	loop_timer_free(&n->end);
	loop_timer_free(&n->due);
	free(n);
	*net = NULL;
}

const char *net_address(const struct net *net)
{
	return net->address;
}

int net_error(const struct net *net)
{
	return net->error;
}
