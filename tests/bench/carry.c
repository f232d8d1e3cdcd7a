/*
 * What this machine can do with a document's bytes at most, in MB/s: the limits beside which
 * documents are measured.
 *
 *  carry                       one TLS 1.3 stream between two processes, nothing done with it
 *  carry FROM TO HASHES        the same read from a file, hashed so many times (1: each 64 KiB as a
 *                              chunk; 2: the whole, too) and written to another that is synced
 *                              MiB by MiB, and let go from the cache: what a receiver must do, each
 *                              part in a thread of its own
 *  carry FROM TO HASHES SAVES  beside it, all the time, three small saves one after the other to the
 *                              file SAVES, as an edit needs them from one copy to another: the
 *                              median and the 99th percentile of the three, in ms
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECE = 256 * 1024,
	CHUNK = 64 * 1024,
	RING = 32,	/* pieces that are under way in the receiver */
	SYNC_EACH = 4,	/* pieces */
	SAVE = 12 * 1024, /* what a commit of an edit writes: three pages */
	SAVES_MOST = 1000,
};
#define ALL (UINT64_C(1) << 30)
#define PIECES (ALL / PIECE)

#define CHECK(cond) ((cond) ? (void)0 : fail(#cond, __LINE__))
static _Noreturn void fail(const char *cond, int line)
{
	fprintf(stderr, "carry: %s does not hold at line %d\n", cond, line);
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- The stream ----------------------------------------------------------------------------- */

static SSL_CTX *make_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	CHECK(ctx && key && cert && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	CHECK(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
	SSL_CTX_set_num_tickets(ctx, 0);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static _Noreturn void send_all(struct sockaddr_in to, const char *from)
{
	static uint8_t piece[PIECE];
	int fd = socket(AF_INET, SOCK_STREAM, 0), file = from ? open(from, O_RDONLY) : -1;
	SSL *ssl = SSL_new(make_context(TLS_client_method()));

	CHECK(!from || file >= 0);
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
	for (uint64_t sent = 0; sent < ALL; sent += PIECE) {
		CHECK(!from || pread(file, piece, PIECE, (off_t)sent) == PIECE);
		CHECK(SSL_write(ssl, piece, PIECE) == PIECE);
	}
	SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	while (read(fd, piece, sizeof(piece)) > 0)
		; /* until the other end hangs up */
	exit(0);
}

static SSL *receive_from(pid_t *sender, const char *from)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(listening, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	      listen(listening, 1) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&to, &len) == 0);
	*sender = fork();
	if (*sender == 0)
		send_all(to, from);
	int fd = accept(listening, NULL, NULL);
	SSL *ssl = SSL_new(make_context(TLS_server_method()));
	CHECK(SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1);
	return ssl;
}

static void receive_piece(SSL *ssl, uint8_t *out)
{
	for (int n, got = 0; got < PIECE; got += n)
		CHECK((n = SSL_read(ssl, out + got, PIECE - got)) > 0);
}

/* ---- What a receiver does with it ----------------------------------------------------------- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	uint8_t ring[RING][PIECE];
	uint64_t came, chunks, kept, synced; /* pieces, so far */
	int hashes, file;
} work = {.mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static void move_to(uint64_t *counter, uint64_t value)
{
	pthread_mutex_lock(&work.mutex);
	*counter = value;
	pthread_cond_broadcast(&work.moved);
	pthread_mutex_unlock(&work.mutex);
}

static void wait_until(const uint64_t *counter, uint64_t value)
{
	pthread_mutex_lock(&work.mutex);
	while (*counter < value)
		pthread_cond_wait(&work.moved, &work.mutex);
	pthread_mutex_unlock(&work.mutex);
}

static void *hash_chunks(void *arg)
{
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[EVP_MAX_MD_SIZE];

	for (uint64_t i = 0; i < PIECES; i++) {
		wait_until(&work.came, i + 1);
		for (size_t at = 0; at < PIECE; at += CHUNK)
			CHECK(EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 &&
			      EVP_DigestUpdate(ctx, work.ring[i % RING] + at, CHUNK) == 1 &&
			      EVP_DigestFinal_ex(ctx, hash, NULL) == 1);
		move_to(&work.chunks, i + 1);
	}
	return arg;
}

static void *keep(void *arg)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	CHECK(EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1);
	for (uint64_t i = 0; i < PIECES; i++) {
		const uint8_t *piece = work.ring[i % RING];
		wait_until(&work.came, i + 1);
		CHECK(work.hashes < 2 || EVP_DigestUpdate(ctx, piece, PIECE) == 1);
		CHECK(pwrite(work.file, piece, PIECE, (off_t)(i * PIECE)) == PIECE);
		move_to(&work.kept, i + 1);
	}
	return arg;
}

static void *sync_kept(void *arg)
{
	for (uint64_t i = SYNC_EACH; i <= PIECES; i += SYNC_EACH) {
		wait_until(&work.kept, i);
		CHECK(fdatasync(work.file) == 0);
		CHECK(posix_fadvise(work.file, 0, (off_t)(i * PIECE), POSIX_FADV_DONTNEED) == 0);
		move_to(&work.synced, i);
	}
	return arg;
}

static void receive_and_keep(SSL *ssl)
{
	void *(*const parts[])(void *) = {hash_chunks, keep, sync_kept};
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, parts[i], NULL) == 0);
	for (uint64_t i = 0; i < PIECES; i++) {
		if (i >= RING) {
			wait_until(&work.chunks, i + 1 - RING);
			wait_until(&work.kept, i + 1 - RING);
		}
		receive_piece(ssl, work.ring[i % RING]);
		move_to(&work.came, i + 1);
	}
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- Saves beside it ------------------------------------------------------------------------ */

struct saves {
	int n;
	double ms[SAVES_MOST];
};

static pid_t save_beside(const char *path, struct saves *saves)
{
	static uint8_t pages[SAVE * 100];
	pid_t pid = fork();

	if (pid)
		return pid;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, pages, sizeof(pages)) == sizeof(pages) && fsync(fd) == 0);
	while (saves->n < SAVES_MOST) {
		double began = now();
		for (int i = 0; i < 3; i++) {
			off_t at = (saves->n * 3 + i) % 100 * SAVE;
			CHECK(pwrite(fd, pages, SAVE, at) == SAVE && fdatasync(fd) == 0);
		}
		saves->ms[saves->n++] = 1e3 * (now() - began);
		usleep(10000);
	}
	exit(0);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void print_saves(struct saves *saves)
{
	CHECK(saves->n > 0);
	qsort(saves->ms, (size_t)saves->n, sizeof(*saves->ms), compare);
	printf("saves_p50_ms=%.1f\n", saves->ms[saves->n / 2]);
	printf("saves_p99_ms=%.1f\n", saves->ms[saves->n * 99 / 100]);
}

int main(int argc, char **argv)
{
	bool keeps = argc >= 4;
	pid_t sender, saver = 0;
	struct saves *saves = mmap(NULL, sizeof(*saves), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(saves != MAP_FAILED && (argc == 1 || keeps));
	if (keeps) {
		work.hashes = atoi(argv[3]);
		work.file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
		CHECK(work.file >= 0 && work.hashes > 0);
	}
	SSL *ssl = receive_from(&sender, keeps ? argv[1] : NULL);
	if (argc > 4)
		saver = save_beside(argv[4], saves);
	double from = now();
	if (keeps)
		receive_and_keep(ssl);
	for (uint64_t i = 0; !keeps && i < PIECES; i++)
		receive_piece(ssl, work.ring[0]);
	printf("mb_s=%.0f\n", (double)ALL / 1e6 / (now() - from));
	close(SSL_get_fd(ssl));
	waitpid(sender, NULL, 0);
	if (saver) {
		kill(saver, SIGKILL);
		waitpid(saver, NULL, 0);
		print_saves(saves);
	}
	return 0;
}
