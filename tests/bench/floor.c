/*
 * The floor: what the same work costs with nothing but its foundations. The records of W1 and the
 * edits of W2 over bare mutual TLS 1.3, protobuf-c and SQLite upserts, with the product's journal
 * mode and durability on both sides, in batches of 1,000 that are sent ahead of their answers; no
 * rules, rights, history or event loop. It shares no code with the product: it says what the
 * machine can do.
 *
 *	floor DIR		prints key=value lines; DIR is empty, and is left with the databases
 *
 * push: A reads its unsent records from its store, sends them, and has noted each batch as sent
 * once the server has committed it. pull: a fresh copy asks for all, and has them committed. Both
 * from the connect. live: from A's BEGIN (or from its COMMIT's return) over the server's commit
 * to B's.
 */
#include "records.pb-c.h"
#include "wire.pb-c.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS = 10000, BATCH = 1000, EDITS = 200, ROUNDS = 5, HEAD = 5 };

/* What the children tell the parent, in shared memory. */
static struct {
	double push_s, pull_s, began[EDITS], saved[EDITS], arrived[EDITS];
	volatile int n_arrived;
} *told;

#define CHECK(cond) ((cond) ? (void)0 : floor_fail(#cond, __LINE__))
static _Noreturn void floor_fail(const char *cond, int line)
{
	fprintf(stderr, "floor: %s does not hold at line %d\n", cond, line);
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The value below which a share of `n` values lies; sorts them. */
static double percentile(double *values, int n, double share)
{
	qsort(values, (size_t)n, sizeof(*values), by_value);
	return values[(int)(share * n)];
}

/* ---- TLS: a CA for this run, a key and a certificate for each end --------------------------- */

static EVP_PKEY *ca_key;
static X509 *ca_cert;

static X509 *make_cert(EVP_PKEY *key, const char *name, long serial)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const void *)name, -1, -1, 0);
	X509_set_issuer_name(cert, ca_cert ? X509_get_subject_name(ca_cert) : subject);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, ca_cert ?
					       "critical,CA:FALSE" : "critical,CA:TRUE"), -1);
	CHECK(X509_sign(cert, ca_key, EVP_sha256()) > 0);
	return cert;
}

static SSL_CTX *make_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	CHECK(ctx && key && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
	CHECK(SSL_CTX_use_certificate(ctx, make_cert(key, "end", getpid())) == 1);
	CHECK(SSL_CTX_use_PrivateKey(ctx, key) == 1);
	CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca_cert) == 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

static SSL *shake(SSL_CTX *ctx, int fd, int (*hands)(SSL *))
{
	SSL *ssl = SSL_new(ctx);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	SSL_set_fd(ssl, fd);
	CHECK(hands(ssl) == 1);
	return ssl;
}

static SSL *dial(SSL_CTX *ctx, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0);
	return shake(ctx, fd, SSL_connect);
}

/* ---- Frames: length and kind, then a message of protobuf-c ---------------------------------- */

static uint8_t frame[1 << 20];

static void send_frame(SSL *ssl, int kind, const Wire__Push *push)
{
	size_t n = push ? wire__push__pack(push, frame + HEAD) : 0;
	uint32_t len = htonl((uint32_t)n);
	memcpy(frame, &len, 4);
	frame[4] = (uint8_t)kind;
	CHECK(SSL_write(ssl, frame, (int)n + HEAD) == (int)n + HEAD);
}

static void read_all(SSL *ssl, uint8_t *to, size_t n)
{
	for (size_t got; n > 0; to += got, n -= got)
		CHECK(SSL_read_ex(ssl, to, n, &got) == 1);
}

/* The kind of the next frame; a PUSH is unpacked to *push. */
static int read_frame(SSL *ssl, Wire__Push **push)
{
	uint32_t len;
	read_all(ssl, frame, HEAD);
	memcpy(&len, frame, 4);
	int kind = frame[4];
	read_all(ssl, frame, ntohl(len));
	if (kind == WIRE__KIND__PUSH)
		CHECK((*push = wire__push__unpack(NULL, ntohl(len), frame)));
	return kind;
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

struct store {
	sqlite3 *db;
	sqlite3_stmt *upsert, *page, *sent;
};

static void run(struct store *s, const char *sql)
{
	CHECK(sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *prepare(struct store *s, const char *sql)
{
	sqlite3_stmt *st = NULL;
	CHECK(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK);
	return st;
}

static struct store store_open(const char *dir, const char *name, int round)
{
	struct store s;
	char path[512];
	snprintf(path, sizeof(path), "%s/%s%d.db", dir, name, round);
	CHECK(sqlite3_open(path, &s.db) == SQLITE_OK);
	run(&s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;"
		"CREATE TABLE record (id BLOB PRIMARY KEY, type INTEGER, fields BLOB, "
		"sent INTEGER) STRICT, WITHOUT ROWID");
	s.upsert = prepare(&s, "INSERT INTO record VALUES (?, ?, ?, 0) ON CONFLICT (id) DO UPDATE "
			       "SET type = excluded.type, fields = excluded.fields");
	s.page = prepare(&s, "SELECT id, type, fields FROM record WHERE id > ? AND sent = 0 "
			     "ORDER BY id LIMIT ?");
	s.sent = prepare(&s, "UPDATE record SET sent = 1 WHERE id IN (SELECT id FROM record "
			     "WHERE sent = 0 ORDER BY id LIMIT ?)");
	return s;
}

/* One transaction: all edits of a Push. */
static void store_push(struct store *s, const Wire__Push *push)
{
	run(s, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < push->n_changes; i++) {
		ProtobufCBinaryData b = push->changes[i];
		Wire__Edit *e = wire__edit__unpack(NULL, b.len, b.data);
		CHECK(e);
		sqlite3_bind_blob(s->upsert, 1, e->record.data, (int)e->record.len, SQLITE_STATIC);
		sqlite3_bind_int64(s->upsert, 2, e->type);
		sqlite3_bind_blob(s->upsert, 3, e->set.data, (int)e->set.len, SQLITE_STATIC);
		CHECK(sqlite3_step(s->upsert) == SQLITE_DONE);
		sqlite3_reset(s->upsert);
		wire__edit__free_unpacked(e, NULL);
	}
	run(s, "COMMIT");
}

/* One transaction: the first batch that is not noted as sent is now. */
static void store_sent(struct store *s)
{
	run(s, "BEGIN IMMEDIATE");
	sqlite3_bind_int(s->sent, 1, BATCH);
	CHECK(sqlite3_step(s->sent) == SQLITE_DONE);
	sqlite3_reset(s->sent);
	run(s, "COMMIT");
}

/* ---- The records ----------------------------------------------------------------------------- */

static uint8_t packed[BATCH][512];
static ProtobufCBinaryData batch[BATCH];

static void pack_edit(int i, ProtobufCBinaryData record, uint32_t type, ProtobufCBinaryData set)
{
	Wire__Edit edit = WIRE__EDIT__INIT;
	edit.type = type;
	edit.record = record;
	edit.has_set = 1;
	edit.set = set;
	batch[i] = (ProtobufCBinaryData){wire__edit__pack(&edit, packed[i]), packed[i]};
}

/* Pack action `number` into place `i` of the batch; its fields are 250 bytes. */
static void make_record(int i, uint32_t number)
{
	Records__Action action = RECORDS__ACTION__INIT;
	uint8_t set[400], id[16] = "floor-record";
	char ref[16], text[256];

	snprintf(ref, sizeof(ref), "%02u.%03u", number / 1000, number % 1000);
	snprintf(text, sizeof(text), "Action %05u: every school names a lead, shares its planning "
		 "with the group each half term and brings two examples of the children's work to "
		 "the meeting in summer, with a note of what changed", number);
	action.ref = ref;
	action.text = text;
	action.responsible_text = (char *)"Headteachers and subject leaders";
	action.target_text = (char *)"Summer 2020";
	size_t n = records__action__pack(&action, set);
	number = htonl(number);
	memcpy(id + 12, &number, 4);
	pack_edit(i, (ProtobufCBinaryData){16, id}, 12, (ProtobufCBinaryData){n, set});
}

static Wire__Push make_batch(uint32_t first, int n)
{
	Wire__Push push = WIRE__PUSH__INIT;
	for (int i = 0; i < n; i++)
		make_record(i, first + (uint32_t)i);
	push.n_changes = (size_t)n;
	push.changes = batch;
	return push;
}

/* ---- The work -------------------------------------------------------------------------------- */

/* Send all unsent records of a store. */
static void send_pages(SSL *ssl, struct store *s)
{
	uint8_t last[16] = {0};
	for (int n = BATCH; n == BATCH;) {
		sqlite3_bind_blob(s->page, 1, last, 16, SQLITE_STATIC);
		sqlite3_bind_int(s->page, 2, BATCH);
		for (n = 0; sqlite3_step(s->page) == SQLITE_ROW; n++) {
			void *id = (void *)sqlite3_column_blob(s->page, 0);
			void *set = (void *)sqlite3_column_blob(s->page, 2);
			size_t len = (size_t)sqlite3_column_bytes(s->page, 2);
			pack_edit(n, (ProtobufCBinaryData){16, id},
				  (uint32_t)sqlite3_column_int(s->page, 1),
				  (ProtobufCBinaryData){len, set});
			memcpy(last, id, 16);
		}
		sqlite3_reset(s->page);
		Wire__Push push = WIRE__PUSH__INIT;
		push.n_changes = (size_t)n;
		push.changes = batch;
		if (n > 0)
			send_frame(ssl, WIRE__KIND__PUSH, &push);
	}
}

/* The server: one connection to its end. What is pushed goes to `other` too, once committed. */
static void serve(SSL *ssl, SSL *other, struct store *s)
{
	Wire__Push *push;
	for (int kind; (kind = read_frame(ssl, &push)) != WIRE__KIND__BYE;) {
		if (kind == WIRE__KIND__GET) {
			send_pages(ssl, s);
			send_frame(ssl, WIRE__KIND__BYE, NULL);
			continue;
		}
		store_push(s, push);
		if (other)
			send_frame(other, WIRE__KIND__PUSH, push);
		send_frame(ssl, WIRE__KIND__PONG, NULL);
		wire__push__free_unpacked(push, NULL);
	}
}

static void push_all(const char *dir, const struct sockaddr_in *to, int round)
{
	SSL_CTX *ctx = make_context(TLS_client_method());
	struct store s = store_open(dir, "a", round);
	for (uint32_t i = 0; i < RECORDS; i += BATCH) {
		Wire__Push push = make_batch(i, BATCH);
		store_push(&s, &push);
	}
	double start = now();
	SSL *ssl = dial(ctx, to);
	send_pages(ssl, &s);
	for (uint32_t i = 0; i < RECORDS; i += BATCH) {
		CHECK(read_frame(ssl, NULL) == WIRE__KIND__PONG);
		store_sent(&s);
	}
	told->push_s = now() - start;
	send_frame(ssl, WIRE__KIND__BYE, NULL);
}

static void pull_all(const char *dir, const struct sockaddr_in *to, int round)
{
	SSL_CTX *ctx = make_context(TLS_client_method());
	struct store s = store_open(dir, "b", round);
	Wire__Push *push;
	size_t n = 0;
	double start = now();
	SSL *ssl = dial(ctx, to);
	send_frame(ssl, WIRE__KIND__GET, NULL);
	for (; read_frame(ssl, &push) == WIRE__KIND__PUSH; wire__push__free_unpacked(push, NULL)) {
		store_push(&s, push);
		n += push->n_changes;
	}
	told->pull_s = now() - start;
	CHECK(n == RECORDS);
	send_frame(ssl, WIRE__KIND__BYE, NULL);
}

/* A: one edit after another, each when B has had the one before. */
static void edit_live(const char *dir, const struct sockaddr_in *to, int round)
{
	struct store s = store_open(dir, "a", round);
	SSL *ssl = dial(make_context(TLS_client_method()), to);
	for (int i = 0; i < EDITS; i++) {
		Wire__Push push = make_batch((uint32_t)i % 33, 1);
		told->began[i] = now();
		store_push(&s, &push);
		told->saved[i] = now();
		send_frame(ssl, WIRE__KIND__PUSH, &push);
		CHECK(read_frame(ssl, NULL) == WIRE__KIND__PONG);
		while (told->n_arrived <= i)
			usleep(1000);
		usleep(4000);
	}
	send_frame(ssl, WIRE__KIND__BYE, NULL);
}

static void follow_live(const char *dir, const struct sockaddr_in *to, int round)
{
	struct store s = store_open(dir, "b", round);
	SSL *ssl = dial(make_context(TLS_client_method()), to);
	Wire__Push *push;
	for (int i = 0; i < EDITS; i++) {
		CHECK(read_frame(ssl, &push) == WIRE__KIND__PUSH);
		store_push(&s, push);
		told->arrived[i] = now();
		told->n_arrived = i + 1;
		wire__push__free_unpacked(push, NULL);
	}
}

/* ---- The run --------------------------------------------------------------------------------- */

static double flush_ms(const char *dir)
{
	static const char block[4096];
	double times[EDITS];
	char path[512];
	snprintf(path, sizeof(path), "%s/flush", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < EDITS; i++) {
		double start = now();
		CHECK(write(fd, block, sizeof(block)) == sizeof(block) && fdatasync(fd) == 0);
		times[i] = now() - start;
	}
	close(fd);
	return 1000 * percentile(times, EDITS, 0.5);
}

/* Start a client in a process of its own, and take its connection. */
static SSL *start(void (*client)(const char *, const struct sockaddr_in *, int), const char *dir,
		  int round, int listener, SSL_CTX *ctx)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	if (fork() == 0) {
		client(dir, &at, round);
		_exit(0);
	}
	int fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	return shake(ctx, fd, SSL_accept);
}

static void reap(int n)
{
	for (int status; n > 0; n--)
		CHECK(wait(&status) > 0 && status == 0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	double push[ROUNDS], pull[ROUNDS], whole[EDITS], sent[EDITS];

	CHECK(argc == 2);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(told != MAP_FAILED && bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(listener, 4) == 0 && (ca_key = EVP_EC_gen("P-256")));
	ca_cert = make_cert(ca_key, "floor", 1);
	SSL_CTX *ctx = make_context(TLS_server_method());
	printf("flush_ms=%.3f\n", flush_ms(argv[1]));
	for (int i = 0; i < ROUNDS; i++) {
		struct store s = store_open(argv[1], "server", i);
		serve(start(push_all, argv[1], i, listener, ctx), NULL, &s);
		serve(start(pull_all, argv[1], i, listener, ctx), NULL, &s);
		reap(2);
		push[i] = RECORDS / told->push_s;
		pull[i] = RECORDS / told->pull_s;
	}
	struct store s = store_open(argv[1], "server", ROUNDS);
	SSL *b = start(follow_live, argv[1], ROUNDS, listener, ctx);
	serve(start(edit_live, argv[1], ROUNDS, listener, ctx), b, &s);
	reap(2);
	for (int i = 0; i < EDITS; i++) {
		whole[i] = 1000 * (told->arrived[i] - told->began[i]);
		sent[i] = 1000 * (told->arrived[i] - told->saved[i]);
	}
	printf("floor_push_per_s=%.0f\n", percentile(push, ROUNDS, 0.5));
	printf("floor_pull_per_s=%.0f\n", percentile(pull, ROUNDS, 0.5));
	printf("floor_w2_p50_ms=%.3f\n", percentile(whole, EDITS, 0.5));
	printf("floor_w2_p99_ms=%.3f\n", percentile(whole, EDITS, 0.99));
	printf("floor_w2_saved_p50_ms=%.3f\n", percentile(sent, EDITS, 0.5));
	printf("floor_w2_saved_p99_ms=%.3f\n", percentile(sent, EDITS, 0.99));
	return 0;
}
