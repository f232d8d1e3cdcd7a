/* Devices of the benches: see device.h. */
#include "tests/bench/device.h"

#include "common/keys.h"
#include "common/os.h"
#include "server/area.h"
#include "server/ca.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn void give_up(const char *what, const struct cause *cause)
{
	fprintf(stderr, "bench: %s: %s\n", what, cause ? cause->words : "failed");
	exit(1);
}

void device_dial(struct device *d, const struct devices *all, int i)
{
	static const unsigned char alpn[] = "\012fivepits/1";
	int fd = socket(all->to->ai_family, SOCK_STREAM, 0);

	d->ssl = SSL_new(all->ctx);
	if (connect(fd, all->to->ai_addr, all->to->ai_addrlen) != 0)
		give_up("can't connect", NULL);
	SSL_set_fd(d->ssl, fd);
	SSL_set_alpn_protos(d->ssl, alpn, sizeof(alpn) - 1);
	SSL_set_tlsext_host_name(d->ssl, all->name);
	if (SSL_use_certificate(d->ssl, all->certs[i]) != 1 ||
	    SSL_use_PrivateKey(d->ssl, all->key) != 1 || SSL_connect(d->ssl) != 1)
		give_up("the handshake failed", NULL);
}

void device_close(struct device *d)
{
	int fd = SSL_get_fd(d->ssl);

	SSL_shutdown(d->ssl);
	SSL_free(d->ssl);
	close(fd);
	buf_fini(&d->in);
}

void device_send(struct device *d, unsigned kind, const ProtobufCMessage *m)
{
	struct buf out = {0};

	frame_write(&out, kind, m, BYTES_NONE);
	if (SSL_write(d->ssl, out.data, (int)out.len) != (int)out.len)
		give_up("can't send", NULL);
	buf_fini(&out);
}

void device_hello(struct device *d, const struct known *k)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	Wire__At at[SPACES], *held[SPACES];

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
	device_send(d, WIRE__KIND__HELLO, &m.base);
}

struct frame device_frame(struct device *d, size_t *used)
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

void device_learn(struct device *d, struct known *k)
{
	struct arena arena;
	size_t used = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	device_hello(d, k);
	while (!all_there(k)) {
		struct frame f = device_frame(d, &used);
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

void devices_read(struct devices *all, struct known *k, const char *dir, const char *file,
		  const char *address)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char host[64], port[8];

	if (sscanf(address, "%63[^:]:%7s", host, port) != 2 ||
	    getaddrinfo(host, port, &hints, &all->to) != 0)
		give_up("an address is HOST:PORT", NULL);
	all->ctx = make_context(dir, k, all->name);
	all->n = read_devices(file, &all->key, all->certs);
}
