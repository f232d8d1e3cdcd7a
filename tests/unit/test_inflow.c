/* What has come on a line: frames out of it where they stand, how much is read ahead, and what
 * OpenSSL still holds. */
#include "common/inflow.h"
#include "common/keys.h"
#include "server/ca.h"
#include "tests/tap.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A frame of a kind that only this test knows: `n` bytes, all of the value `fill`. */
static void add_frame(struct buf *out, size_t n, uint8_t fill)
{
	buf_add_u32be(out, 200u << 24 | (uint32_t)n);
	buf_add_u32be(out, 0);
	memset(buf_reserve(out, n + 1), fill, n);
	out->len += n;
}

static void come(struct inflow *in, struct bytes b)
{
	memcpy(inflow_room(in, b.len), b.data, b.len);
	inflow_came(in, b.len);
}

static bool all_is(struct bytes b, size_t n, uint8_t fill)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] != fill)
			return false;
	return b.len == n;
}

static void test_frames(void)
{
	struct inflow in;
	struct frame f;
	struct buf b = {0};
	size_t found = 0;
	bool good = true;

	inflow_init(&in);
	ok(inflow_next(&in, &f) == 0 && inflow_waiting(&in) == 0, "nothing has come at first");
	for (size_t i = 0; i < 300; i++)
		add_frame(&b, i * 13 % 700, (uint8_t)i);
	for (size_t at = 0; at < b.len;) { /* in pieces that fit no frame */
		size_t n = b.len - at < 1013 ? b.len - at : 1013;
		come(&in, BYTES(b.data + at, n));
		at += n;
		for (; inflow_next(&in, &f) == 1; found++)
			good &= f.kind == 200 &&
				all_is(f.message, found * 13 % 700, (uint8_t)found);
	}
	ok(good && found == 300, "frames that come in pieces are found whole and in order");
	ok(inflow_waiting(&in) == 0 && in.come.cap < 4096,
	   "in the room of those that were handed up before (%zu)", in.come.cap);
	inflow_rest(&in);
	ok(!in.come.data && inflow_next(&in, &f) == 0, "a line that rests holds no memory");
	come(&in, BYTES(b.data, b.len));
	const uint8_t *stood = in.come.data;
	good = inflow_next(&in, &f) == 1;
	good &= inflow_next(&in, &f) == 1 && f.message.data == stood + 2 * FRAME_HEADER;
	ok(good, "a frame is handed up where it came");
	inflow_fini(&in);
	buf_fini(&b);
}

static void test_limits(void)
{
	struct inflow in;
	struct frame f;
	struct buf b = {0};

	inflow_init(&in);
	add_frame(&b, FRAME_MAX, 7);
	come(&in, BYTES(b.data, INFLOW_AHEAD));
	ok(!inflow_has_room(&in), "without a frame that needs it no more is read ahead");
	ok(inflow_next(&in, &f) == 0 && inflow_has_room(&in), "for a long frame more is");
	come(&in, BYTES(b.data + INFLOW_AHEAD, b.len - INFLOW_AHEAD));
	ok(!inflow_has_room(&in) && inflow_next(&in, &f) == 1 && all_is(f.message, FRAME_MAX, 7),
	   "up to its end, and it is whole then");
	ok(inflow_has_room(&in), "afterwards there is room again");
	uint8_t header[FRAME_HEADER] = {WIRE__KIND__PUSH, 0xff, 0xff, 0xff};
	come(&in, BYTES(header, sizeof(header)));
	ok(inflow_next(&in, &f) == ERR_LIMIT,
	   "a frame that is longer than any is told at its header");
	inflow_fini(&in);
	inflow_init(&in);
	in.most = FRAME_HEADER + 100;
	buf_reset(&b);
	add_frame(&b, 100, 1);
	add_frame(&b, 101, 2);
	come(&in, BYTES(b.data, b.len - 101));
	ok(inflow_next(&in, &f) == 1 && inflow_next(&in, &f) == ERR_LIMIT,
	   "likewise one over a limit that was set, before its bytes have come");
	inflow_fini(&in);
	buf_fini(&b);
}

/* Two ends of a TLS line, without a loop. */
struct ends {
	int fd[2];
	struct ca *ca;
	struct tls *tls;
	struct tls_line *server, *client;
};

static bool shake(struct ends *e)
{
	int done = 0;

	for (int i = 0; i < 20 && done < 2; i++)
		done = (SSL_do_handshake(tls_line_ssl(e->client)) == 1) +
		       (SSL_do_handshake(tls_line_ssl(e->server)) == 1);
	return done == 2;
}

static bool ends_open(struct ends *e)
{
	struct cause cause = {""};
	uint8_t fingerprint[SHA256_LEN];
	char name[SERVER_NAME];

	memset(e, 0, sizeof(*e));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, e->fd) < 0 ||
	    ca_create(tap_dir(), "Test", &cause) < 0 || ca_open(&e->ca, tap_dir(), &cause) < 0)
		return false;
	ca_fingerprint(e->ca, fingerprint);
	area_server_name(ca_area(e->ca), name);
	e->tls = tls_joiner_new(fingerprint);
	e->server = tls_line_new(ca_tls(e->ca), NULL);
	e->client = tls_line_new(e->tls, name);
	SSL_set_fd(tls_line_ssl(e->server), e->fd[0]);
	SSL_set_fd(tls_line_ssl(e->client), e->fd[1]);
	SSL_set_accept_state(tls_line_ssl(e->server));
	SSL_set_connect_state(tls_line_ssl(e->client));
	return shake(e);
}

static void ends_close(struct ends *e)
{
	SSL *ssl[2] = {tls_line_ssl(e->server), tls_line_ssl(e->client)};

	tls_line_free(&e->server);
	tls_line_free(&e->client);
	SSL_free(ssl[0]);
	SSL_free(ssl[1]);
	tls_free(&e->tls);
	ca_close(&e->ca);
	close(e->fd[0]);
	if (e->fd[1] >= 0)
		close(e->fd[1]);
}

static bool client_sends(struct ends *e, struct bytes b)
{
	return SSL_write(tls_line_ssl(e->client), b.data, (int)b.len) == (int)b.len;
}

/* Frames of 100 bytes until the socket takes no more, or `most` of them. */
static size_t client_sends_many(struct ends *e, size_t most)
{
	struct buf b = {0};
	size_t n = 0;

	for (; n < most; n++) {
		buf_reset(&b);
		add_frame(&b, 92, (uint8_t)n);
		if (!client_sends(e, buf_bytes(&b)))
			break;
	}
	buf_fini(&b);
	return n;
}

static void test_line(void)
{
	struct ends e;
	struct inflow in;
	struct frame f;
	unsigned long error;
	size_t got = 0;
	bool good = true;

	ok(ends_open(&e), "two ends shake hands");
	inflow_init(&in);
	ok(inflow_read(&in, e.server, &error) == 0 && inflow_waiting(&in) == 0 && !in.held,
	   "a line on which nothing came gives nothing, and holds nothing");
	got = client_sends_many(&e, 150);
	ok(inflow_read(&in, e.server, &error) == 0 && got == 150 &&
	       inflow_waiting(&in) == 15000 && !in.held,
	   "150 records are read at once, and none is held");
	struct buf big = {0};
	add_frame(&big, INFLOW_AHEAD, 9);
	good = client_sends(&e, BYTES(big.data + INFLOW_AHEAD - 1, FRAME_HEADER + 1)) &&
	       client_sends_many(&e, 100) == 100;
	inflow_rest(&in);
	come(&in, BYTES(big.data, INFLOW_AHEAD - 1));
	ok(good && inflow_read(&in, e.server, &error) == 0 &&
	       inflow_waiting(&in) == INFLOW_AHEAD + FRAME_HEADER && in.held,
	   "with no room for more the rest is held, and known to be");
	good = inflow_next(&in, &f) == 1 && all_is(f.message, INFLOW_AHEAD, 9);
	ok(good && inflow_read(&in, e.server, &error) == 0 && inflow_waiting(&in) == 10000 &&
	       !in.held,
	   "it is read when there is room");
	inflow_rest(&in);
	got = client_sends_many(&e, 10);
	close(e.fd[1]);
	e.fd[1] = -1;
	good = got == 10 && inflow_read(&in, e.server, &error) < 0 && !in.held;
	for (got = 0; inflow_next(&in, &f) == 1;)
		got++;
	ok(good && got == 10,
	   "a line that has ended says so, and what came before its end is there");
	inflow_fini(&in);
	buf_fini(&big);
	ends_close(&e);
}

int main(void)
{
	test_frames();
	test_limits();
	test_line();
	return tap_end();
}
