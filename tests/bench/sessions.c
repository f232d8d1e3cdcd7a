/*
 * Many devices, each with a session that does nothing: what W4 measures the server with.
 *
 *	sessions enrol DIR FILE PERSON SCHOOL COUNT
 *	sessions hold DIR FILE HOST:PORT
 *
 * `enrol`, while no server runs in DIR, enters COUNT devices as invitations would, all with one key,
 * and writes key and certificates to FILE. `hold` has the first device fetch everything once, to
 * learn the heads that the others then say they have; it prints "warm" and, after a line of
 * standard input, connects all of them, prints "held COUNT" and waits for the end of its input.
 */
#include "common/keys.h"
#include "common/log.h"
#include "common/os.h"
#include "common/wire.h"
#include "server/area.h"
#include "server/ca.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPACES = 16, DEVICES = 5000 };

static _Noreturn void give_up(const char *what, const struct cause *cause)
{
	fprintf(stderr, "sessions: %s: %s\n", what, cause ? cause->words : "failed");
	exit(1);
}

/* ---- enrol ----------------------------------------------------------------------------------- */

static void enrol_one(struct area *area, struct ca *ca, struct bytes request, struct bytes spki,
		      const struct id ids[2], struct buf *out)
{
	uint8_t invitation[16], verifier[32] = {0};
	uint64_t expires;
	struct id device;
	struct buf der = {0};
	struct cause cause = {{0}};

	env_random(os_env(), invitation, sizeof(invitation));
	if (area_invite(area, &ids[0], &ids[1], invitation, verifier, &expires) < 0 ||
	    area_enrol(area, invitation, spki, "bench", &device) < 0 ||
	    ca_issue(ca, request, &device, &der, &cause) < 0)
		give_up("can't enrol a device", &cause);
	buf_add_u32be(out, (uint32_t)der.len);
	buf_add_bytes(out, buf_bytes(&der));
	buf_fini(&der);
}

static void enrol(const char *dir, const char *file, const char *person, const char *school,
		  int count)
{
	struct cause cause;
	struct ca *ca;
	struct area *area;
	struct id ids[2];
	struct buf request = {0}, spki = {0}, out = {0}, pem = {0};
	struct evp_pkey_st *key = key_make();

	if (!id_parse(&ids[0], person) || !id_parse(&ids[1], school))
		give_up("PERSON and SCHOOL are ids", NULL);
	if (ca_open(&ca, dir, &cause) < 0)
		give_up("can't read the CA", &cause);
	struct area_options o = {.dir = dir, .env = os_env(), .sign = ca_sign_head, .sign_arg = ca};
	if (area_open(&area, &o, &cause) < 0)
		give_up("can't open the area", &cause);
	key_request(key, &request);
	if (ca_request_key(buf_bytes(&request), &spki, &cause) < 0)
		give_up("can't make a request", &cause);
	key_write(key, &pem);
	buf_add_u32be(&out, (uint32_t)pem.len);
	buf_add_bytes(&out, buf_bytes(&pem));
	for (int i = 0; i < count; i++) {
		enrol_one(area, ca, buf_bytes(&request), buf_bytes(&spki), ids, &out);
		if (area_turn(area) < 0)
			give_up("can't write the area", NULL);
	}
	if (os_write_file(file, buf_bytes(&out), true, &cause) < 0)
		give_up("can't write the devices", &cause);
	area_close(&area);
	ca_close(&ca);
	key_free(&key);
	buf_fini(&request);
	buf_fini(&spki);
	buf_fini(&pem);
	buf_fini(&out);
}

/* ---- hold ------------------------------------------------------------------------------------ */

/* What the first device has learnt: spaces with their heads. */
struct known {
	struct id area, spaces[SPACES];
	uint64_t epoch[SPACES], want[SPACES], have[SPACES];
	uint8_t chains[SPACES][SHA256_LEN];
	size_t n;
};

struct device {
	SSL *ssl;
	struct buf in;
};

static SSL *dial(SSL_CTX *ctx, X509 *cert, EVP_PKEY *key, const struct addrinfo *to,
		 const char *name)
{
	static const unsigned char alpn[] = "\012fivepits/1";
	int fd = socket(to->ai_family, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(ctx);

	if (connect(fd, to->ai_addr, to->ai_addrlen) != 0)
		give_up("can't connect", NULL);
	SSL_set_fd(ssl, fd);
	SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1);
	SSL_set_tlsext_host_name(ssl, name);
	if (SSL_use_certificate(ssl, cert) != 1 || SSL_use_PrivateKey(ssl, key) != 1 ||
	    SSL_connect(ssl) != 1)
		give_up("the handshake failed", NULL);
	return ssl;
}

static void say_hello(struct device *d, const struct known *k)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	Wire__At at[SPACES], *held[SPACES];
	struct buf out = {0};

	m.version = WIRE_VERSION;
	m.area = PB_ID(&k->area);
	for (size_t i = 0; i < k->n; i++) {
		at[i] = (Wire__At)WIRE__AT__INIT;
		at[i].space = PB_ID(&k->spaces[i]);
		at[i].epoch = k->epoch[i];
		at[i].number = k->have[i];
		at[i].has_chain = 1;
		at[i].chain = PB_BYTES(BYTES(k->chains[i], SHA256_LEN));
		held[i] = &at[i];
	}
	m.n_held = k->n;
	m.held = held;
	frame_write(&out, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
	if (SSL_write(d->ssl, out.data, (int)out.len) != (int)out.len)
		give_up("can't say Hello", NULL);
	buf_fini(&out);
}

/* The next frame; it is borrowed until the next call, which `used` of the last must go before. */
static struct frame next_frame(struct device *d, size_t *used)
{
	struct frame f;
	size_t size, n;

	if (*used)
		memmove(d->in.data, d->in.data + *used, d->in.len - *used);
	d->in.len -= *used;
	while (frame_parse(buf_bytes(&d->in), &f, &size) != 1) {
		if (SSL_read_ex(d->ssl, buf_reserve(&d->in, 65536), 65536, &n) != 1)
			give_up("the server has hung up", NULL);
		d->in.len += n;
	}
	*used = size;
	return f;
}

static void on_welcome(struct known *k, const Wire__Welcome *m)
{
	for (size_t i = 0; i < m->n_spaces && k->n < SPACES; i++) {
		const Wire__At *at = m->spaces[i];
		id_from(&k->spaces[k->n], BYTES_OF(at->space));
		k->epoch[k->n] = at->epoch;
		k->want[k->n++] = at->number;
	}
}

static void on_feed(struct known *k, const Wire__Feed *m)
{
	struct id space;
	id_from(&space, BYTES_OF(m->space));
	for (size_t i = 0; i < k->n; i++) {
		if (!id_equal(&space, &k->spaces[i]))
			continue;
		k->have[i] = m->head->number;
		memcpy(k->chains[i], m->head->chain.data, SHA256_LEN);
	}
}

static bool all_there(const struct known *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->have[i] < k->want[i])
			return false;
	return k->n > 0;
}

/* Fetch everything once. */
static void learn(struct device *d, struct known *k)
{
	struct arena arena;
	size_t used = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	say_hello(d, k);
	while (!all_there(k)) {
		struct frame f = next_frame(d, &used);
		const ProtobufCMessageDescriptor *d_of = f.kind == WIRE__KIND__FEED
								 ? &wire__feed__descriptor
								 : &wire__welcome__descriptor;
		bool wanted = f.kind == WIRE__KIND__FEED || f.kind == WIRE__KIND__WELCOME;
		struct cause cause = {{0}};
		ProtobufCMessage *m = wanted ? frame_unpack(&f, d_of, &arena, &cause) : NULL;
		if (f.kind == WIRE__KIND__BYE || (wanted && !m))
			give_up("the server does not want this device", &cause);
		if (m && f.kind == WIRE__KIND__FEED)
			on_feed(k, (Wire__Feed *)m);
		else if (m)
			on_welcome(k, (Wire__Welcome *)m);
		arena_reset(&arena);
	}
	arena_fini(&arena);
}

static void welcomed(struct device *d)
{
	size_t used = 0;
	struct frame f = next_frame(d, &used);
	if (f.kind != WIRE__KIND__WELCOME)
		give_up("no welcome", NULL);
}

/* The key and the certificates in FILE. Returns how many. */
static int read_devices(const char *file, EVP_PKEY **key, X509 **certs)
{
	struct buf b = {0};
	struct cause cause;
	int n = 0;

	if (os_read_file(file, 64 << 20, &b, &cause) < 0)
		give_up("can't read the devices", &cause);
	size_t at = 4 + read_u32be(b.data);
	BIO *pem = BIO_new_mem_buf(b.data + 4, (int)at - 4);
	*key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
	BIO_free(pem);
	while (at < b.len && n < DEVICES) {
		uint32_t len = read_u32be(b.data + at);
		if (cert_read(&certs[n++], BYTES(b.data + at + 4, len), &cause) < 0)
			give_up("a certificate can't be read", &cause);
		at += 4 + len;
	}
	buf_fini(&b);
	return n;
}

static SSL_CTX *make_context(const char *dir, struct known *k, char name[SERVER_NAME])
{
	struct cause cause;
	struct ca *ca;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char *path = mem_format("%s/ca.pem", dir);

	if (ca_open(&ca, dir, &cause) < 0)
		give_up("can't read the CA", &cause);
	k->area = *ca_area(ca);
	ca_close(&ca);
	area_server_name(&k->area, name);
	if (SSL_CTX_load_verify_locations(ctx, path, NULL) != 1)
		give_up("can't trust the CA", NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	free(path);
	return ctx;
}

static void hold(const char *dir, const char *file, const char *address)
{
	static X509 *certs[DEVICES];
	static struct device devices[DEVICES];
	struct rlimit limit = {DEVICES + 100, DEVICES + 100};
	struct known known = {.n = 0};
	struct addrinfo *to, hints = {.ai_socktype = SOCK_STREAM};
	char name[SERVER_NAME], host[64], port[8], line[16];
	EVP_PKEY *key;

	setrlimit(RLIMIT_NOFILE, &limit);
	if (sscanf(address, "%63[^:]:%7s", host, port) != 2 ||
	    getaddrinfo(host, port, &hints, &to) != 0)
		give_up("an address is HOST:PORT", NULL);
	SSL_CTX *ctx = make_context(dir, &known, name);
	int n = read_devices(file, &key, certs);
	struct device first = {.ssl = dial(ctx, certs[0], key, to, name)};
	learn(&first, &known);
	SSL_shutdown(first.ssl);
	close(SSL_get_fd(first.ssl));
	puts("warm");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return;
	for (int i = 0; i < n; i++) {
		devices[i].ssl = dial(ctx, certs[i], key, to, name);
		say_hello(&devices[i], &known);
		welcomed(&devices[i]);
	}
	printf("held %d\n", n);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		continue;
}

int main(int argc, char **argv)
{
	log_level_set(LOG_WARN);
	if (argc == 7 && strcmp(argv[1], "enrol") == 0) {
		enrol(argv[2], argv[3], argv[4], argv[5], atoi(argv[6]));
	} else if (argc == 5 && strcmp(argv[1], "hold") == 0) {
		hold(argv[2], argv[3], argv[4]);
	} else {
		fprintf(stderr, "usage: sessions enrol DIR FILE PERSON SCHOOL COUNT\n"
				"       sessions hold DIR FILE HOST:PORT\n");
		return 2;
	}
	return 0;
}
