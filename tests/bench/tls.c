/*
 * What one TLS stream between two processes carries here, in MB/s: TLS 1.3 on loopback, 1 GiB in
 * records of 16 KiB, nothing done with it. The limit beside which documents are measured.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };
#define ALL (UINT64_C(1) << 30)

#define CHECK(cond) ((cond) ? (void)0 : fail(#cond, __LINE__))
static _Noreturn void fail(const char *cond, int line)
{
	fprintf(stderr, "tls: %s does not hold at line %d\n", cond, line);
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

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

static void send_all(struct sockaddr_in to)
{
	static uint8_t piece[PIECE];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(make_context(TLS_client_method()));

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
	for (uint64_t sent = 0; sent < ALL; sent += PIECE)
		CHECK(SSL_write(ssl, piece, PIECE) == PIECE);
	SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	while (read(fd, piece, sizeof(piece)) > 0)
		; /* until the other end hangs up */
	exit(0);
}

int main(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(to);
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	static uint8_t piece[PIECE];
	uint64_t got = 0;

	CHECK(bind(listening, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	      listen(listening, 1) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&to, &len) == 0);
	pid_t child = fork();
	if (child == 0)
		send_all(to);
	int fd = accept(listening, NULL, NULL);
	SSL *ssl = SSL_new(make_context(TLS_server_method()));
	CHECK(SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1);
	double from = now();
	for (int n; got < ALL && (n = SSL_read(ssl, piece, PIECE)) > 0;)
		got += (uint64_t)n;
	CHECK(got == ALL);
	printf("%.0f\n", (double)ALL / 1e6 / (now() - from));
	close(fd);
	waitpid(child, NULL, 0);
	return 0;
}
