/*
 * A relay that counts: the bytes of each direction as they pass on the socket, TLS and all. It
 * reads the headers of TLS records, to know where the handshake of mutual TLS 1.3 has ended.
 *
 *	relay FILE	FILE holds the HOST:PORT (numeric, IPv4) to which each connection is taken
 *
 * It prints "listening on HOST:PORT"; for each SIGUSR1 a line "mark" and for each end of a
 * connection a line "closed", with what was counted since the handshake (of all connections, of this
 * one): up=BYTES down=BYTES turns=N, where a turn is a change of direction.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 64, RECORD_HEADER = 5, RECORD_SEALED = 23, CHUNK = 64 * 1024 };

/* One direction of one connection. */
struct way {
	int from, to;
	int handshake;	  /* sealed records of the handshake still to come */
	uint8_t header[RECORD_HEADER];
	size_t n_header, body; /* read of the header; left of the record */
	unsigned long long counted;
};

struct line {
	struct way up, down;
	int last;	  /* the direction of the last bytes: 1 up, 2 down */
	unsigned turns;
};

static struct line lines[LINES];
static int n_lines;
static unsigned long long all_up, all_down;
static unsigned all_turns;
static volatile sig_atomic_t marked;

static void on_mark(int sig)
{
	(void)sig;
	marked = 1;
}

/* How many of these bytes stand behind the handshake. */
static size_t way_count(struct way *w, const uint8_t *data, size_t n)
{
	size_t counted = 0;
	while (n > 0) {
		if (w->body == 0) {
			w->header[w->n_header++] = *data++;
			n--;
			counted += w->handshake == 0;
			if (w->n_header == RECORD_HEADER) {
				w->body = (size_t)w->header[3] << 8 | w->header[4];
				w->n_header = 0;
			}
			continue;
		}
		size_t part = n < w->body ? n : w->body;
		w->body -= part;
		data += part;
		n -= part;
		counted += w->handshake == 0 ? part : 0;
		if (w->body == 0 && w->handshake > 0 && w->header[0] == RECORD_SEALED)
			w->handshake--;
	}
	return counted;
}

static bool way_pass(struct line *l, struct way *w, int direction, unsigned long long *all)
{
	static uint8_t data[CHUNK];
	ssize_t n = read(w->from, data, sizeof(data));
	if (n <= 0)
		return false;
	size_t counted = way_count(w, data, (size_t)n);
	if (counted > 0 && l->last != direction) {
		l->last = direction;
		l->turns++;
		all_turns++;
	}
	w->counted += counted;
	*all += counted;
	for (ssize_t done = 0; done < n;) {
		ssize_t m = write(w->to, data + done, (size_t)(n - done));
		if (m < 0)
			return false;
		done += m;
	}
	return true;
}

static int dial(const char *file)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char host[64];
	int port, fd = socket(AF_INET, SOCK_STREAM, 0);
	FILE *f = fopen(file, "r");
	bool good = f && fscanf(f, "%63[0-9.]:%d", host, &port) == 2;
	if (f)
		fclose(f);
	if (good) {
		to.sin_port = htons((uint16_t)port);
		good = inet_pton(AF_INET, host, &to.sin_addr) == 1 &&
		       connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	}
	if (good)
		return fd;
	close(fd);
	return -1;
}

/*
 * Of the handshake each message is a record of its own: from the client its certificate, its proof
 * and its Finished, from the server the extensions, the request, the certificate, the proof,
 * Finished.
 */
static void take(int listener, const char *file)
{
	int a = accept(listener, NULL, NULL), b = a >= 0 && n_lines < LINES ? dial(file) : -1;
	if (b < 0) {
		close(a);
		return;
	}
	setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	lines[n_lines++] = (struct line){.up = {.from = a, .to = b, .handshake = 3},
					 .down = {.from = b, .to = a, .handshake = 5}};
}

static void hang_up(int i)
{
	struct line *l = &lines[i];
	printf("closed up=%llu down=%llu turns=%u\n", l->up.counted, l->down.counted, l->turns);
	fflush(stdout);
	close(l->up.from);
	close(l->down.from);
	lines[i] = lines[--n_lines];
}

static void turn(int listener, const char *file)
{
	struct pollfd p[2 * LINES + 1] = {{.fd = listener, .events = POLLIN}};
	for (int i = 0; i < n_lines; i++) {
		p[2 * i + 1] = (struct pollfd){.fd = lines[i].up.from, .events = POLLIN};
		p[2 * i + 2] = (struct pollfd){.fd = lines[i].down.from, .events = POLLIN};
	}
	int n = n_lines;
	if (poll(p, (nfds_t)(2 * n + 1), -1) < 0)
		return;
	for (int i = n - 1; i >= 0; i--) { /* backwards, since hanging up moves the last one here */
		struct line *l = &lines[i];
		if ((p[2 * i + 1].revents && !way_pass(l, &l->up, 1, &all_up)) ||
		    (p[2 * i + 2].revents && !way_pass(l, &l->down, 2, &all_down)))
			hang_up(i);
	}
	if (p[0].revents)
		take(listener, file);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (argc != 2 || bind(listener, (struct sockaddr *)&at, len) != 0 ||
	    listen(listener, LINES) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
		fprintf(stderr, "usage: relay FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_mark}, NULL);
	printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	for (;;) {
		turn(listener, argv[1]);
		if (marked) {
			marked = 0;
			printf("mark up=%llu down=%llu turns=%u\n", all_up, all_down, all_turns);
			fflush(stdout);
		}
	}
}
