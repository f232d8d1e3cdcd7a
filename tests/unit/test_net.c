/*
 * Client and server over real sockets: joining, syncing, serving, and peers that mean no good. The
 * server and whatever stays run in children of this process; everything listens on 127.0.0.1, port
 * 0.
 */
#include "client/copy.h"
#include "client/doctor.h"
#include "client/draft.h"
#include "client/errand.h"
#include "client/join.h"
#include "client/serve.h"
#include "common/fields.h"
#include "common/invitation.h"
#include "common/log.h"
#include "common/os.h"
#include "server/net.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ACTION_TEXT_FIELD = 3 };

struct running {
	pid_t pid;
	char line[1024]; /* what it said first */
};

/* ---- The server, in a child ----------------------------------------------------------------- */

static struct id found_person, found_school;

static struct area_options server_options(const char *dir, struct ca *ca)
{
	return (struct area_options){.dir = dir,
				     .env = os_env(),
				     .sign = ca_sign_head,
				     .sign_arg = ca,
				     .renew = ca_renew,
				     .renew_arg = ca};
}

static void server_found(const char *dir)
{
	struct cause cause = {""};
	struct ca *ca = NULL;
	struct buf key = {0};

	os_make_dir(dir, &cause);
	bool good = ca_create(dir, "Test area", &cause) == 0 && ca_open(&ca, dir, &cause) == 0;
	if (good) {
		struct area_options o = server_options(dir, ca);
		ca_server_key(ca, &key);
		struct area_founding f = {.area = *ca_area(ca),
					  .name = "Test area",
					  .school = "Pilsley",
					  .admin = "Ada",
					  .server_key = buf_bytes(&key)};
		good = area_found(&o, &f, &found_person, &found_school, &cause) == 0;
	}
	if (!good) {
		printf("Bail out! %s\n", cause.words);
		exit(1);
	}
	buf_fini(&key);
	ca_close(&ca);
}

static void server_main(const char *dir, const char *listen, int say)
{
	struct cause cause = {""};
	struct ca *ca = NULL;
	struct area *area = NULL;
	struct net *net = NULL;
	struct loop *loop = loop_new();
	struct invitation invitation;
	uint8_t fingerprint[SHA256_LEN], id[INVITATION_ID], verifier[SHA256_LEN];
	char text[INVITATION_TEXT];
	uint64_t expires;

	bool good = ca_open(&ca, dir, &cause) == 0;
	struct area_options o = server_options(dir, ca);
	good = good && area_open(&area, &o, &cause) == 0 &&
	       net_open(&net, loop, area, ca, listen, &cause) == 0;
	if (good) {
		ca_fingerprint(ca, fingerprint);
		good = invitation_make(&invitation, net_address(net), fingerprint, os_env(),
				       &cause) == 0;
		invitation_derive(&invitation, id, verifier);
		good = good &&
		       area_invite(area, &found_person, &found_school, id, verifier, &expires) ==
			       0 &&
		       area_turn(area) == 0;
	}
	if (good)
		loop_take_signals(loop, net_stop, net);
	dprintf(say, "%s\n", good ? invitation_format(&invitation, text) : cause.words);
	close(say);
	if (good) {
		loop_run(loop);
		good = net_error(net) == 0;
	}
	net_close(&net);
	area_close(&area);
	ca_close(&ca);
	loop_free(&loop);
	_exit(good ? 0 : 1);
}

static struct running spawn(void (*run)(const char *dir, const char *arg, int say), const char *dir,
			    const char *arg)
{
	struct running r = {0};
	int pair[2];

	fflush(stdout);
	if (pipe(pair) < 0 || (r.pid = fork()) < 0)
		abort();
	if (r.pid == 0) {
		close(pair[0]);
		run(dir, arg, pair[1]);
		_exit(3);
	}
	close(pair[1]);
	size_t n = 0;
	while (n < sizeof(r.line) - 1 && read(pair[0], r.line + n, 1) == 1 && r.line[n] != '\n')
		n++;
	r.line[n] = 0;
	close(pair[0]);
	return r;
}

static int stop(struct running *r, int signal)
{
	int status = 0;

	kill(r->pid, signal);
	waitpid(r->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int port_of(const char *invitation)
{
	struct invitation i;
	struct cause cause;
	char host[256], port[6] = "0";

	if (invitation_parse(&i, invitation, &cause) == 0)
		address_split(i.address, host, port);
	return atoi(port);
}

static int call_port(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A port that no outgoing connection of this machine will be given while the server is away. */
static char *free_address(void)
{
	uint16_t chance;

	for (;;) {
		struct sockaddr_in own = {.sin_family = AF_INET};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		env_random(os_env(), (uint8_t *)&chance, sizeof(chance));
		uint16_t port = (uint16_t)(10000 + chance % 20000);
		own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		own.sin_port = htons(port);
		bool good = bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0;
		close(fd);
		if (good)
			return mem_format("127.0.0.1:%d", port);
	}
}

/* ---- Clients -------------------------------------------------------------------------------- */

static struct copy *opened(const char *home)
{
	struct cause cause = {""};
	struct copy *copy = NULL;

	if (copy_open(&copy, home, NULL, os_env(), &cause) != 0)
		note("%s", cause.words);
	return copy;
}

static bool add_action(struct copy *copy, const char *words)
{
	struct id space = id_partnership(&copy_identity(copy)->area), record = id_make(os_env()),
		  change;
	struct draft *d = draft_new(copy, &space);
	struct buf text = {0};
	struct cause cause = {""};

	draft_create(d, TYPE_ACTION, &record);
	field_add_text(&text, ACTION_TEXT_FIELD, words);
	draft_set(d, ACTION_TEXT_FIELD, buf_bytes(&text));
	int rc = draft_save(&d, &change, &cause);
	if (rc)
		note("%s", cause.words);
	buf_fini(&text);
	return rc == 0;
}

static int sync_now(struct copy *copy, struct cause *cause)
{
	struct errand errand = {.kind = ERRAND_SYNC};
	return errand_run(copy, &errand, NULL, NULL, cause);
}

static int64_t unsent(struct copy *copy)
{
	int64_t n = -1, refused, conflicts;

	copy_counts(copy, &n, &refused, &conflicts);
	return n;
}

static int64_t actions(struct copy *copy)
{
	struct db_stmt *st = db_query(copy_db(copy), "SELECT count(*) FROM action", "");
	int64_t n = db_step(st) == 1 ? db_int(st, 0) : -1;

	db_reset(st);
	return n;
}

static bool wait_for(bool (*is)(struct copy *copy, int64_t n), struct copy *copy, int64_t n)
{
	struct timespec rest = {.tv_nsec = 5000000};

	for (int i = 0; i < 2000; i++) {
		if (is(copy, n))
			return true;
		nanosleep(&rest, NULL);
	}
	return false;
}

static bool all_sent(struct copy *copy, int64_t n)
{
	return unsent(copy) == n;
}

static bool has_actions(struct copy *copy, int64_t n)
{
	return actions(copy) == n;
}

static void serve_main(const char *home, const char *arg, int say)
{
	struct cause cause = {""};
	struct copy *copy = opened(home);

	(void)arg;
	if (!copy)
		_exit(1);
	dprintf(say, "ready\n");
	close(say);
	int rc = serve_run(copy, 0, &cause);
	copy_close(&copy);
	_exit(rc == 0 ? 0 : 1);
}

/* The child holds the line of its copy from now on. */
static struct running spawn_serve(const char *home)
{
	struct running r = spawn(serve_main, home, NULL);
	char *path = mem_format("%s/line", home);
	struct timespec rest = {.tv_nsec = 5000000};
	struct os_lock *lock = NULL;
	struct cause cause;

	for (int i = 0; i < 2000 && os_lock_open(&lock, path, &cause) == 0; i++) {
		bool taken = os_lock_take(lock, true, false) == ERR_AGAIN;
		os_lock_close(&lock);
		if (taken)
			break;
		nanosleep(&rest, NULL);
	}
	free(path);
	return r;
}

/* ---- A proxy, in a child -------------------------------------------------------------------- */

static void carry(int one, int two)
{
	char data[65536];
	fd_set set;

	for (;;) {
		FD_ZERO(&set);
		FD_SET(one, &set);
		FD_SET(two, &set);
		if (select((one > two ? one : two) + 1, &set, NULL, NULL, NULL) < 0)
			return;
		for (int i = 0; i < 2; i++) {
			int from = i ? two : one, to = i ? one : two;
			if (!FD_ISSET(from, &set))
				continue;
			ssize_t n = read(from, data, sizeof(data));
			if (n <= 0 || write(to, data, (size_t)n) != n)
				return;
		}
	}
}

/* Lets through whoever says Ada:secret (QWRhOnNlY3JldA==). */
static void proxy_main(const char *dir, const char *arg, int say)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t len = sizeof(own);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)dir;
	(void)arg;
	signal(SIGCHLD, SIG_IGN);
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bool good = bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0 && listen(fd, 16) == 0 &&
		    getsockname(fd, (struct sockaddr *)&own, &len) == 0;
	dprintf(say, "%d\n", good ? ntohs(own.sin_port) : 0);
	close(say);
	for (;;) {
		int peer = accept(fd, NULL, NULL);
		if (fork() != 0) {
			close(peer);
			continue;
		}
		char head[4096] = "";
		size_t n = 0;
		while (n < sizeof(head) - 1 && !strstr(head, "\r\n\r\n") &&
		       read(peer, head + n, 1) == 1)
			n++;
		const char *colon = strchr(head, ':');
		int server =
			colon && strstr(head, "Proxy-Authorization: Basic QWRhOnNlY3JldA==\r\n")
				? call_port(atoi(colon + 1))
				: -1;
		dprintf(peer, "HTTP/1.1 %s\r\nX: y\r\n\r\n",
			server >= 0 ? "200 Connection established"
				    : "407 Proxy Authentication Required");
		if (server >= 0)
			carry(peer, server);
		_exit(0);
	}
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static char *home_of(const char *name)
{
	return mem_format("%s/%s", tap_dir(), name);
}

static void test_join(struct running *server, const char *home)
{
	struct cause cause = {""};
	char *other = home_of("other"), *wrong = mem_copy_text(server->line);
	char *last = wrong + strlen(wrong) - 1;

	*last = *last == '0' ? '1' : '0';
	ok(join_run(other, wrong, NULL, NULL, &cause) == ERR_INVALID,
	   "a mistyped invitation is found before it is used");
	free(wrong);
	ok(join_run(home, server->line, NULL, "Ada's laptop", &cause) == 0, "a device joins (%s)",
	   cause.words);
	ok(join_run(home, server->line, NULL, NULL, &cause) == ERR_EXISTS && cause.words[0],
	   "a second time into the same folder is refused");
	ok(join_run(other, server->line, NULL, NULL, &cause) == ERR_AUTH &&
		   strstr(cause.words, "invitation"),
	   "an invitation works once (%s)", cause.words);
	struct invitation i;
	char text[INVITATION_TEXT];
	invitation_parse(&i, server->line, &cause);
	i.fingerprint[3] ^= 1;
	ok(join_run(other, invitation_format(&i, text), NULL, NULL, &cause) == ERR_OFFLINE &&
		   strstr(cause.words, "certificate"),
	   "a server with another key than the invitation's is not spoken to");
	snprintf(i.address, sizeof(i.address), "127.0.0.1:1");
	ok(join_run(other, invitation_format(&i, text), NULL, NULL, &cause) == ERR_OFFLINE &&
		   cause.words[0],
	   "where nobody listens it says so (%s)", cause.words);
	free(other);
}

static void test_sync(const char *home)
{
	struct cause cause = {""};
	struct copy *copy = opened(home);

	ok(copy && sync_now(copy, &cause) == 0, "a fresh copy syncs (%s)", cause.words);
	struct held *spaces = NULL;
	ok(copy_spaces(copy, &spaces) == 4, "and holds its four spaces");
	free(spaces);
	add_action(copy, "Use the area");
	ok(unsent(copy) == 1 && sync_now(copy, &cause) == 0 && unsent(copy) == 0,
	   "an edit goes out");
	copy_close(&copy);
}

static void test_serve(struct running *server, const char *home, const char *second)
{
	struct cause cause = {""};
	struct copy *a = opened(home), *b = opened(second);
	struct running serve_a = spawn_serve(home), serve_b = spawn_serve(second);

	(void)server;
	ok(sync_now(a, &cause) == 0, "sync beside a serve is done by it (%s)", cause.words);
	add_action(a, "Live");
	ok(wait_for(all_sent, a, 0), "an edit beside a serve goes out by itself");
	int64_t n = actions(a);
	ok(wait_for(has_actions, b, n), "and comes in at another serve by itself");
	for (int i = 0; i < 20; i++)
		add_action(a, "More");
	ok(sync_now(a, &cause) == 0 && unsent(a) == 0, "sync waits until all is sent");
	ok(sync_now(b, &cause) == 0 && actions(b) == n + 20,
	   "and at the other until all is fetched");

	struct errand invite = {.kind = ERRAND_INVITE, .person = copy_identity(a)->person};
	struct db_stmt *st = db_query(copy_db(a), "SELECT id FROM school", "");
	if (db_step(st) == 1)
		db_id(st, 0, &invite.school);
	db_reset(st);
	memset(invite.invitation, 7, sizeof(invite.invitation));
	memset(invite.verifier, 8, sizeof(invite.verifier));
	ok(errand_run(a, &invite, NULL, NULL, &cause) == 0 && invite.expires_ms > 0,
	   "an invitation is made through a serve (%s)", cause.words);
	struct errand get = {.kind = ERRAND_GET, .content = {.root = {1, 2, 3}, .sha = {1, 2, 3}}};
	ok(errand_run(a, &get, NULL, NULL, &cause) == ERR_MISSING && cause.words[0],
	   "what the server has not is told through a serve (%s)", cause.words);
	ok(stop(&serve_b, SIGKILL) == -1 && sync_now(b, &cause) == 0,
	   "after a kill -9 of serve sync works alone");
	ok(stop(&serve_a, SIGTERM) == 0, "serve ends well at SIGTERM");
	ok(errand_run(a, &get, NULL, NULL, &cause) == ERR_MISSING, "and alone it is told too (%s)",
	   cause.words);
	copy_close(&a);
	copy_close(&b);
}

static void test_server_gone(struct running *server, const char *dir, const char *home)
{
	struct cause cause = {""};
	struct copy *a = opened(home);
	struct running serve = spawn_serve(home);
	char *listen = mem_format("127.0.0.1:%d", port_of(server->line));

	ok(sync_now(a, &cause) == 0, "serve is up");
	stop(server, SIGKILL);
	add_action(a, "Offline");
	ok(sync_now(a, &cause) == ERR_OFFLINE && cause.words[0],
	   "beside a serve sync says that the server is gone (%s)", cause.words);
	*server = spawn(server_main, dir, listen);
	ok(wait_for(all_sent, a, 0), "when it is back, what waited goes out by itself");
	ok(stop(server, SIGTERM) == 0, "the server ends well at SIGTERM, with a session open");
	stop(&serve, SIGTERM);
	ok(sync_now(a, &cause) == ERR_OFFLINE, "alone sync says that it is gone (%s)", cause.words);
	*server = spawn(server_main, dir, listen);
	ok(sync_now(a, &cause) == 0, "and works again when it is back (%s)", cause.words);
	free(listen);
	copy_close(&a);
}

static void test_proxy(struct running *server, const char *dir, const char *home)
{
	struct cause cause = {""};
	struct running proxy = spawn(proxy_main, dir, NULL);
	char *good = mem_format("http://Ada:s%%65cret@127.0.0.1:%s", proxy.line);
	char *bad = mem_format("http://127.0.0.1:%s/", proxy.line);

	ok(join_run(home, server->line, bad, NULL, &cause) == ERR_OFFLINE &&
		   strstr(cause.words, "NAME:PASSWORD"),
	   "a proxy that wants a password says so (%s)", cause.words);
	ok(join_run(home, server->line, "socks5://h:1", NULL, &cause) == ERR_INVALID,
	   "another kind of proxy is refused");
	ok(join_run(home, server->line, good, NULL, &cause) == 0,
	   "a device joins through a proxy (%s)", cause.words);
	struct copy *copy = opened(home);
	ok(copy && sync_now(copy, &cause) == 0, "and syncs through it (%s)", cause.words);
	stop(&proxy, SIGKILL);
	ok(sync_now(copy, &cause) == ERR_OFFLINE && strstr(cause.words, "proxy"),
	   "without it, it says that the proxy does not answer (%s)", cause.words);
	copy_close(&copy);
	free(good);
	free(bad);
}

/* Silent, slow and senseless strangers; meanwhile a device does its work. */
static void test_strangers(struct running *server, const char *home)
{
	enum { STRANGERS = 900 };
	struct cause cause = {""};
	struct copy *copy = opened(home);
	int fds[STRANGERS], port = port_of(server->line), open_ones = 0;

	for (int i = 0; i < STRANGERS; i++) {
		fds[i] = call_port(port);
		open_ones += fds[i] >= 0;
		if (fds[i] >= 0 && i % 3 &&
		    write(fds[i], i % 3 == 1 ? "\x16" : "nonsense\r\n\r\n", i % 3 == 1 ? 1 : 12) <
			    0)
			open_ones--;
	}
	note("%d strangers", open_ones);
	uint64_t began = os_monotonic_us();
	add_action(copy, "Among strangers");
	ok(sync_now(copy, &cause) == 0, "a device syncs among 900 strangers (%s)", cause.words);
	ok(os_monotonic_us() - began < 3000000, "in less than three seconds (%llu ms)",
	   (unsigned long long)(os_monotonic_us() - began) / 1000);
	for (int i = 0; i < STRANGERS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ok(sync_now(copy, &cause) == 0, "and when they have gone (%s)", cause.words);
	copy_close(&copy);
}

struct findings {
	int good, bad;
	char words[1200]; /* of the last bad one, with its name */
};

static void found(void *arg, enum doctor_state state, const char *check, const char *words)
{
	struct findings *f = arg;

	f->good += state == DOCTOR_GOOD;
	f->bad += state == DOCTOR_BAD;
	if (state == DOCTOR_BAD)
		snprintf(f->words, sizeof(f->words), "%s: %s", check, words);
}

static void test_doctor(struct running *server, const char *dir, const char *home)
{
	struct findings f = {0};
	struct copy *copy = opened(home);
	char *listen = mem_format("127.0.0.1:%d", port_of(server->line)),
	     *foreign = home_of("foreign");

	ok(doctor_run(home, copy, found, &f) == 0 && f.good > 8,
	   "the doctor finds nothing wrong (%s)", f.words);
	stop(server, SIGTERM);
	memset(&f, 0, sizeof(f));
	ok(doctor_run(home, copy, found, &f) == 1 && strncmp(f.words, "connection:", 11) == 0,
	   "it says that the server does not answer (%s)", f.words);
	struct id person = found_person, school = found_school;
	server_found(foreign);
	struct running stranger = spawn(server_main, foreign, listen);
	memset(&f, 0, sizeof(f));
	ok(doctor_run(home, copy, found, &f) == 1 && strstr(f.words, "filter") &&
		   strstr(f.words, "Test area"),
	   "it says when another's certificate comes back, and whose (%s)", f.words);
	stop(&stranger, SIGTERM);
	found_person = person;
	found_school = school;
	*server = spawn(server_main, dir, listen);
	memset(&f, 0, sizeof(f));
	char *nothing = home_of("nothing");
	ok(doctor_run(nothing, NULL, found, &f) == 1 && strstr(f.words, "join"),
	   "without a folder it says what to do");
	free(nothing);
	free(foreign);
	free(listen);
	copy_close(&copy);
}

int main(void)
{
	char *dir = home_of("server"), *one = home_of("one"), *two = home_of("two");

	signal(SIGPIPE, SIG_IGN);
	unsetenv("HTTPS_PROXY");
	unsetenv("https_proxy");
	log_level_set(getenv("FIVEPITS_LOG") ? LOG_DEBUG : LOG_ERROR);
	server_found(dir);
	struct running server = spawn(server_main, dir, "127.0.0.1:0");
	test_join(&server, one);
	test_sync(one);
	stop(&server, SIGTERM);
	/* Each start makes one more invitation. */
	char *listen = free_address();
	server = spawn(server_main, dir, listen);
	char *elsewhere = home_of("elsewhere");
	struct cause cause = {""};
	struct copy *copy = opened(one);
	ok(sync_now(copy, &cause) == ERR_OFFLINE, "a server that moved is not found (%s)",
	   cause.words);
	copy_close(&copy);
	ok(join_run(two, server.line, NULL, NULL, &cause) == 0, "a second device joins (%s)",
	   cause.words);
	stop(&server, SIGTERM);
	server = spawn(server_main, dir, listen);
	ok(join_run(elsewhere, server.line, NULL, NULL, &cause) == 0, "a third too (%s)",
	   cause.words);
	test_serve(&server, two, elsewhere);
	test_server_gone(&server, dir, two);
	char *proxied = home_of("proxied");
	test_proxy(&server, dir, proxied);
	test_strangers(&server, two);
	test_doctor(&server, dir, two);
	ok(stop(&server, SIGTERM) == 0, "the server ends well");
	free(dir);
	free(one);
	free(two);
	free(elsewhere);
	free(proxied);
	free(listen);
	return tap_end();
}
