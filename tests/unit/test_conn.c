/* Two ends of a line on real sockets and real TLS, in one loop: what arrives, what is refused, and
 * who waits. */
#include "common/conn.h"
#include "common/keys.h"
#include "common/os.h"
#include "server/ca.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct id device = {
    {0x01, 0x92, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};

/* What one end has seen. */
struct end {
	struct conn *conn;
	int ready, frames, pongs, drained, closed;
	size_t bytes;  /* of messages and raw bytes */
	uint64_t last; /* number in the last Ping-like frame */
	bool in_order;
	bool stop_at_frame, free_at_frame, bye_at_frame, pause_at_frame, send_at_drained;
	char words[600];
	struct world *world;
};

struct world {
	struct loop *loop;
	struct ca *ca;
	struct tls *client_tls;
	struct end server, client;
	uint64_t until;
	bool (*done)(struct world *);
	struct loop_timer *tick;
	char home[200];
};

/* A frame of a kind that only this test knows, holding a number and `pad` more bytes. */
static void send_numbered(struct link *link, uint64_t n, size_t pad)
{
	uint8_t *frame = mem_alloc(FRAME_HEADER + 8 + pad);

	write_u32be(frame, 200u << 24 | (uint32_t)(8 + pad));
	write_u64be(frame + FRAME_HEADER, n);
	link->ops->send(link, BYTES(frame, FRAME_HEADER + 8 + pad), BYTES_NONE);
	free(frame);
}

static void end_event(void *arg, enum conn_event event, const struct frame *frame,
		      const char *words)
{
	struct end *e = arg;

	switch (event) {
	case CONN_READY:
		e->ready++;
		break;
	case CONN_FRAME:
		e->frames++;
		e->bytes += frame->message.len + frame->raw.len;
		if (frame->message.len >= 8 && frame->kind == 200) {
			uint64_t n = read_u64be(frame->message.data);
			e->in_order &= n == e->last + 1;
			e->last = n;
		}
		if (e->pause_at_frame)
			e->conn ? conn_link(e->conn)->ops->pause(conn_link(e->conn), true)
				: (void)0;
		if (e->stop_at_frame)
			loop_stop(e->world->loop);
		if (e->bye_at_frame)
			link_bye(conn_link(e->conn), WIRE__REASON__BUSY, "enough");
		if (e->free_at_frame)
			conn_free(&e->conn);
		break;
	case CONN_PONG:
		e->pongs++;
		break;
	case CONN_DRAINED:
		e->drained++;
		if (e->send_at_drained)
			send_numbered(conn_link(e->conn), 1, 100);
		break;
	case CONN_CLOSED:
		e->closed++;
		snprintf(e->words, sizeof(e->words), "%s", words);
		break;
	}
}

static void world_hook(void *arg)
{
	struct world *w = arg;
	if (w->done(w) || os_monotonic_us() / 1000 > w->until)
		loop_stop(w->loop);
}

static void world_tick(void *arg)
{
	loop_timer_set(((struct world *)arg)->tick, 20);
}

/* Turn the loop until `done`, at most `ms`. */
static bool world_run(struct world *w, bool (*done)(struct world *), unsigned ms)
{
	w->done = done;
	w->until = os_monotonic_us() / 1000 + ms;
	loop_timer_set(w->tick, 1);
	loop_run(w->loop);
	return done(w);
}

static void world_open(struct world *w)
{
	struct cause cause = {""};
	struct evp_pkey_st *key = key_make();
	struct buf request = {0}, der = {0};
	struct x509_st *cert = NULL, *root = NULL;
	static int count;
	char path[260];

	memset(w, 0, sizeof(*w));
	w->loop = loop_new();
	loop_set_hook(w->loop, world_hook, w);
	w->tick = loop_timer_new(w->loop, world_tick, w);
	snprintf(w->home, sizeof(w->home), "%s/%d", tap_dir(), count++);
	bool good = os_make_dir(w->home, &cause) == 0 && ca_create(w->home, "Test", &cause) == 0 &&
		    ca_open(&w->ca, w->home, &cause) == 0;
	key_request(key, &request);
	good = good && ca_issue(w->ca, buf_bytes(&request), &device, &der, &cause) == 0 &&
	       cert_read(&cert, buf_bytes(&der), &cause) == 0;
	snprintf(path, sizeof(path), "%s/key.pem", w->home);
	good = good && key_save(key, path, &cause) == 0;
	snprintf(path, sizeof(path), "%s/device.pem", w->home);
	good = good && cert_save(cert, path, &cause) == 0 &&
	       tls_device_new(&w->client_tls, w->home, &cause) == 0;
	if (!good) {
		printf("Bail out! %s\n", cause.words);
		exit(1);
	}
	w->server.in_order = w->client.in_order = true;
	w->server.world = w->client.world = w;
	cert_free(&cert);
	cert_free(&root);
	key_free(&key);
	buf_fini(&request);
	buf_fini(&der);
}

static void world_close(struct world *w)
{
	conn_free(&w->server.conn);
	conn_free(&w->client.conn);
	loop_timer_free(&w->tick);
	tls_free(&w->client_tls);
	ca_close(&w->ca);
	loop_free(&w->loop);
}

static void world_sockets(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		abort();
}

static void world_serve(struct world *w, int fd)
{
	struct tls_line *line = tls_line_new(ca_tls(w->ca), NULL);
	w->server.conn = conn_new(w->loop, fd, &line, end_event, &w->server);
}

static void world_call(struct world *w, int fd, struct tls *tls, const char *name)
{
	char own[SERVER_NAME];

	area_server_name(ca_area(w->ca), own);
	struct tls_line *line = tls_line_new(tls, name ? name : own);
	w->client.conn = conn_new(w->loop, fd, &line, end_event, &w->client);
}

static bool both_ready(struct world *w)
{
	return (w->server.ready && w->client.ready) || w->server.closed || w->client.closed;
}

static bool both_closed(struct world *w)
{
	return w->server.closed && w->client.closed;
}

static bool server_closed(struct world *w)
{
	return w->server.closed > 0;
}

static bool client_closed(struct world *w)
{
	return w->client.closed > 0;
}

/* An open line. */
static void world_connect(struct world *w)
{
	int fd[2];

	world_sockets(fd);
	world_serve(w, fd[0]);
	world_call(w, fd[1], w->client_tls, NULL);
	ok(world_run(w, both_ready, 5000) && w->server.ready && w->client.ready,
	   "a device and its server shake hands (%s%s)", w->server.words, w->client.words);
}

static bool pong_came(struct world *w)
{
	return w->client.pongs > 0;
}

static void test_hello(void)
{
	struct world w;
	struct id who;

	world_open(&w);
	world_connect(&w);
	ok(tls_line_device(conn_tls(w.server.conn), &who) && id_equal(&who, &device),
	   "the server knows the device by its certificate");
	ok(!tls_line_enrols(conn_tls(w.server.conn)), "and that it has not come to enrol");
	conn_ping(w.client.conn);
	ok(world_run(&w, pong_came, 2000), "a Ping is answered");
	link_bye(conn_link(w.client.conn), WIRE__REASON__DONE, NULL);
	ok(world_run(&w, both_closed, 5000) && w.server.frames == 1 && w.server.closed == 1 &&
	       w.client.closed == 1,
	   "a Bye arrives, then both ends are closed once (%s; %s)", w.server.words,
	   w.client.words);
	world_close(&w);
}

static bool got_2000(struct world *w)
{
	return w->server.frames == 2000;
}

static bool got_all_sizes(struct world *w)
{
	return w->client.frames == 12;
}

static void test_order(void)
{
	struct world w;

	world_open(&w);
	world_connect(&w);
	for (uint64_t i = 1; i <= 2000; i++)
		send_numbered(conn_link(w.client.conn), i, (size_t)(i * 37 % 3000));
	ok(world_run(&w, got_2000, 10000) && w.server.in_order,
	   "2,000 frames arrive whole and in order");
	ok(w.client.drained > 0, "the sender is told when all has gone");
	static const size_t sizes[] = {0,     1,     4087,   4088,   4089,    16375,
				       16384, 65536, 131072, 300000, 1000000, FRAME_MAX - 8};
	for (size_t i = 0; i < 12; i++)
		send_numbered(conn_link(w.server.conn), i + 1, sizes[i]);
	ok(world_run(&w, got_all_sizes, 10000) && w.client.in_order,
	   "frames of any size up to 1 MiB arrive");
	world_close(&w);
}

static bool paused_long(struct world *w)
{
	(void)w;
	return false;
}

static void test_pause(void)
{
	struct world w;
	struct link *from, *to;

	world_open(&w);
	world_connect(&w);
	from = conn_link(w.client.conn);
	to = conn_link(w.server.conn);
	w.server.pause_at_frame = true;
	for (uint64_t i = 1; i <= 2000; i++)
		send_numbered(from, i, 3000);
	world_run(&w, paused_long, 150);
	ok(w.server.frames == 1, "a paused end hands up no frame more (%d)", w.server.frames);
	ok(from->ops->queued(from) > 4 * 1024 * 1024,
	   "what is sent meanwhile waits at the sender (%zu)", from->ops->queued(from));
	w.server.pause_at_frame = false;
	to->ops->pause(to, false);
	ok(world_run(&w, got_2000, 10000) && w.server.in_order,
	   "afterwards all the rest comes, in order");
	ok(from->ops->queued(from) == 0, "and nothing is left at the sender");
	world_close(&w);
}

static void test_turns(void)
{
	struct world w;

	world_open(&w);
	loop_set_turn_us(w.loop, 1); /* every turn is over at its first frame */
	world_connect(&w);
	for (uint64_t i = 1; i <= 2000; i++)
		send_numbered(conn_link(w.client.conn), i, 100);
	ok(world_run(&w, got_2000, 10000) && w.server.in_order,
	   "turns without time still come to the end");
	world_close(&w);
}

static bool server_freed(struct world *w)
{
	return !w->server.conn && w->client.closed;
}

static bool client_heard(struct world *w)
{
	return w->client.frames > 0;
}

static void test_free_inside(void)
{
	struct world w;

	world_open(&w);
	world_connect(&w);
	w.server.free_at_frame = true;
	for (uint64_t i = 1; i <= 100; i++)
		send_numbered(conn_link(w.client.conn), i, 100);
	ok(world_run(&w, server_freed, 5000) && w.server.frames == 1 && w.server.closed == 0,
	   "an end that is freed in its own callback hears nothing more");
	ok(w.client.words[0], "and the other end is closed, in words (%s)", w.client.words);
	world_close(&w);
}

/* As a command does that has heard what it wanted: callbacks of libevent's own wait then that were
 * to come in the same turn. */
static void test_stop_inside(void)
{
	struct world w;
	int fd[2];

	world_open(&w);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	world_call(&w, fd[1], w.client_tls, NULL);
	w.client.stop_at_frame = w.client.send_at_drained = w.server.send_at_drained = true;
	world_run(&w, both_ready, 5000);
	send_numbered(conn_link(w.server.conn), 1, 100);
	ok(world_run(&w, client_heard, 5000), "a loop can be stopped from inside (%s%s)",
	   w.server.words, w.client.words);
	world_close(&w);
	ok(fcntl(fd[0], F_GETFD) < 0 && fcntl(fd[1], F_GETFD) < 0,
	   "and its lines are closed with it");
}

static void test_bye_in_the_rush(void)
{
	struct world w;

	world_open(&w);
	world_connect(&w);
	w.server.bye_at_frame = true;
	for (uint64_t i = 1; i <= 3000; i++)
		send_numbered(conn_link(w.client.conn), i, 3000);
	ok(world_run(&w, client_closed, 10000) && w.client.frames == 1,
	   "a Bye reaches a peer that goes on sending (%s)", w.client.words);
	ok(w.server.frames == 1, "whose frames are no longer handed up");
	ok(world_run(&w, both_closed, 5000), "then both are closed");
	world_close(&w);
}

static void test_too_long(void)
{
	struct world w;
	uint8_t header[FRAME_HEADER] = {WIRE__KIND__PUSH, 0xff, 0xff, 0xff};

	world_open(&w);
	world_connect(&w);
	conn_link(w.client.conn)
	    ->ops->send(conn_link(w.client.conn), BYTES(header, sizeof(header)), BYTES_NONE);
	ok(world_run(&w, both_closed, 5000) && w.client.frames == 1 &&
	       strstr(w.server.words, "longer"),
	   "a frame that would be too long is refused at its header, with a Bye");
	world_close(&w);
	world_open(&w);
	world_connect(&w);
	conn_limit_frames(w.server.conn, 1024);
	send_numbered(conn_link(w.client.conn), 1, 2000);
	ok(world_run(&w, both_closed, 5000) && w.server.frames == 0, "a lower limit can be set");
	world_close(&w);
}

static void test_cut(void)
{
	struct world w;

	world_open(&w);
	world_connect(&w);
	uint8_t part[FRAME_HEADER + 3] = {200, 0, 0, 100};
	conn_link(w.client.conn)->ops->send(conn_link(w.client.conn), BYTES(part, sizeof(part)),
						 BYTES_NONE);
	conn_link(w.client.conn)->ops->close(conn_link(w.client.conn));
	ok(world_run(&w, server_closed, 5000) && strstr(w.server.words, "middle"),
	   "a line that ends in the middle of a frame is told from one that ends well");
	world_close(&w);
}

static void test_life(void)
{
	struct world w;

	world_open(&w);
	world_connect(&w);
	conn_limit_life(w.server.conn, 50);
	ok(world_run(&w, both_closed, 5000) && w.client.frames == 1,
	   "a life that is limited ends with a Bye");
	world_close(&w);
}

static void test_strangers(void)
{
	struct world w, other;
	int fd[2];

	world_open(&w);
	world_open(&other);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	world_call(&w, fd[1], other.client_tls, NULL);
	ok(world_run(&w, both_closed, 5000) && !w.client.ready && !w.server.ready,
	   "a server of another CA is not spoken to");
	ok(strstr(w.client.words, "filter") && tls_line_stranger(conn_tls(w.client.conn)) &&
	       strstr(tls_line_stranger(conn_tls(w.client.conn)), "Fivepits area"),
	   "the words say that a filter may decrypt, and name the issuer (%s)", w.client.words);
	world_close(&w);

	world_open(&w);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	world_call(&w, fd[1], w.client_tls, "00000000000080008000000000000000.fivepits");
	ok(world_run(&w, both_closed, 5000) && !w.server.ready &&
	       strstr(w.client.words, "another area"),
	   "nor one with another name (%s)", w.client.words);
	world_close(&w);

	/* A device of another area that trusts this one's CA. */
	world_open(&w);
	char from[260], to[260];
	struct buf ca_pem = {0};
	struct cause cause;
	struct x509_st *root = NULL;
	snprintf(from, sizeof(from), "%s/ca.pem", w.home);
	snprintf(to, sizeof(to), "%s/ca.pem", other.home);
	tls_free(&other.client_tls);
	if (cert_load(&root, from, &cause) == 0)
		cert_save(root, to, &cause);
	ok(tls_device_new(&other.client_tls, other.home, &cause) == ERR_CORRUPT && cause.words[0],
	   "a device's files that do not belong together are refused");
	cert_free(&root);
	buf_fini(&ca_pem);
	world_close(&w);
	world_close(&other);
}

static void test_joiner(void)
{
	struct world w;
	int fd[2];
	uint8_t fingerprint[SHA256_LEN], one[32], two[32];

	world_open(&w);
	ca_fingerprint(w.ca, fingerprint);
	struct tls *joiner = tls_joiner_new(fingerprint);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	world_call(&w, fd[1], joiner, NULL);
	ok(world_run(&w, both_ready, 5000) && w.server.ready && w.client.ready,
	   "one with an invitation alone is let in to enrol (%s)", w.client.words);
	struct id who;
	ok(tls_line_enrols(conn_tls(w.server.conn)) &&
	       !tls_line_device(conn_tls(w.server.conn), &who),
	   "and the server knows that it is nobody yet");
	tls_line_export(conn_tls(w.server.conn), "EXPORTER-fivepits-enrol", one);
	tls_line_export(conn_tls(w.client.conn), "EXPORTER-fivepits-enrol", two);
	ok(memcmp(one, two, 32) == 0, "both ends derive the same secret of the line");
	struct x509_st *root = tls_line_ca(conn_tls(w.client.conn));
	ok(root != NULL, "the joiner has the CA to keep");
	cert_free(&root);
	tls_free(&joiner);
	world_close(&w);

	world_open(&w);
	fingerprint[0] ^= 1;
	joiner = tls_joiner_new(fingerprint);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	world_call(&w, fd[1], joiner, NULL);
	ok(world_run(&w, both_closed, 5000) && !w.client.ready,
	   "a joiner refuses another CA than the invitation's");
	tls_free(&joiner);
	world_close(&w);
}

/* Bytes of a peer that does not speak TLS. */
static void test_garbage(void)
{
	struct world w;
	int fd[2];
	static const struct bytes first[] = {
	    {(const uint8_t *)"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
	    {(const uint8_t *)"\x16\x03\x01\xff\xffhello", 10},
	    {(const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0", 12}};

	for (size_t i = 0; i < 3; i++) {
		world_open(&w);
		world_sockets(fd);
		world_serve(&w, fd[0]);
		bool sent = write(fd[1], first[i].data, first[i].len) > 0;
		ok(sent && world_run(&w, server_closed, 5000) && !w.server.ready &&
		       w.server.words[0],
		   "a peer that speaks no TLS is closed (%s)", w.server.words);
		close(fd[1]);
		world_close(&w);
	}
	world_open(&w);
	world_sockets(fd);
	world_serve(&w, fd[0]);
	close(fd[1]);
	ok(world_run(&w, server_closed, 5000) && w.server.words[0],
	   "one that hangs up at once too (%s)", w.server.words);
	world_close(&w);
}

int main(void)
{
	test_hello();
	test_order();
	test_pause();
	test_turns();
	test_free_inside();
	test_stop_inside();
	test_bye_in_the_rush();
	test_too_long();
	test_cut();
	test_life();
	test_strangers();
	test_joiner();
	test_garbage();
	return tap_end();
}
