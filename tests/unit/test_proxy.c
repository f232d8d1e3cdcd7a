/* Proxies: what people write, what the environment says, what is asked and what is answered. */
#include "client/proxy.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static void test_urls(void)
{
	static const struct {
		const char *url, *host, *port, *secret; /* host NULL: refused */
	} rows[] = {
	    {"http://proxy.school.example:3128", "proxy.school.example", "3128", ""},
	    {"HTTP://proxy:8080/", "proxy", "8080", ""},
	    {"proxy:8080", "proxy", "8080", ""},
	    {"http://proxy", "proxy", "80", ""},
	    {"http://[2001:db8::1]:8080", "2001:db8::1", "8080", ""},
	    {"http://[2001:db8::1]", "2001:db8::1", "80", ""},
	    {"http://Aladdin:open%20sesame@proxy:1", "proxy", "1", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
	    {"http://Aladdin@proxy:1", "proxy", "1", "QWxhZGRpbjo="},
	    {"http://a%40b:c%3Ad%zz@proxy:1", "proxy", "1", "YUBiOmM6ZCV6eg=="},
	    {"http://a:p@ss@proxy:1", "proxy", "1", "YTpwQHNz"},
	    {"https://proxy:1", NULL, NULL, NULL},
	    {"socks5://proxy:1", NULL, NULL, NULL},
	    {"http://", NULL, NULL, NULL},
	    {"http://:80", NULL, NULL, NULL},
	    {"http://proxy:0", NULL, NULL, NULL},
	    {"http://proxy:65536", NULL, NULL, NULL},
	    {"http://pro xy:1", NULL, NULL, NULL},
	    {"http://proxy\r\nX-Evil: 1:1", NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proxy p;
		struct cause cause = {""};
		int rc = proxy_parse(&p, rows[i].url, &cause);
		if (rows[i].host)
			ok(rc == 0 && strcmp(p.host, rows[i].host) == 0 &&
			       strcmp(p.port, rows[i].port) == 0 &&
			       strcmp(p.secret, rows[i].secret) == 0,
			   "%s is %s, port %s", rows[i].url, rows[i].host, rows[i].port);
		else
			ok(rc == ERR_INVALID && cause.words[0], "proxy %zu is refused", i);
	}
	char longest[2000];
	struct proxy p;
	struct cause cause;
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	ok(proxy_parse(&p, longest, &cause) == ERR_INVALID, "a host that is too long is refused");
	memcpy(longest, "http://", 7);
	memcpy(longest + sizeof(longest) - 10, "@proxy:1", 9);
	ok(proxy_parse(&p, longest, &cause) == ERR_INVALID, "so is a name that is too long");
}

static void test_choice(void)
{
	struct proxy p;
	struct cause cause;

	unsetenv("https_proxy");
	unsetenv("no_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("NO_PROXY");
	ok(proxy_choose(&p, "", "server.example", &cause) == 0, "none is set, none is taken");
	ok(proxy_choose(&p, "http://given:1", "server.example", &cause) == 1 &&
	       strcmp(p.host, "given") == 0,
	   "one that is given is taken");
	setenv("HTTPS_PROXY", "http://env:1", 1);
	ok(proxy_choose(&p, NULL, "server.example", &cause) == 1 && strcmp(p.host, "env") == 0,
	   "else the environment's");
	ok(proxy_choose(&p, "http://given:1", "server.example", &cause) == 1 &&
	       strcmp(p.host, "given") == 0,
	   "but what is given goes first");
	ok(proxy_choose(&p, "none", "server.example", &cause) == 0, "also where \"none\" is");
	setenv("NO_PROXY", "other.example, .example.org,server.example", 1);
	ok(proxy_choose(&p, NULL, "server.example", &cause) == 0,
	   "a host that NO_PROXY names is called directly");
	ok(proxy_choose(&p, NULL, "a.b.example.org", &cause) == 0,
	   "so is one in a domain that it names");
	ok(proxy_choose(&p, NULL, "notserver.example", &cause) == 1,
	   "but not one whose name only ends alike");
	setenv("NO_PROXY", "*", 1);
	ok(proxy_choose(&p, NULL, "anything", &cause) == 0, "a star is every host");
	setenv("NO_PROXY", "", 1);
	setenv("HTTPS_PROXY", "ftp://x", 1);
	ok(proxy_choose(&p, NULL, "server.example", &cause) == ERR_INVALID && cause.words[0],
	   "nonsense in the environment is told");
	unsetenv("HTTPS_PROXY");
	unsetenv("NO_PROXY");
}

static void test_request(void)
{
	struct proxy p;
	struct buf b = {0};

	proxy_parse(&p, "http://Aladdin:open%20sesame@proxy:1", NULL);
	proxy_request(&p, "server.example:443", &b);
	buf_add_u8(&b, 0);
	ok(strncmp((char *)b.data,
		   "CONNECT server.example:443 HTTP/1.1\r\nHost: server.example:443\r\n", 63) == 0,
	   "a tunnel to the server is asked for");
	ok(strstr((char *)b.data,
		  "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
	   "with the name and password (RFC 7617)");
	ok(strcmp((char *)b.data + b.len - 5, "\r\n\r\n") == 0, "and an empty line at its end");
	buf_fini(&b);
}

static void test_answers(void)
{
	static const struct {
		const char *answer;
		int result;
		const char *words; /* in the cause */
	} rows[] = {
	    {"", 0, ""},
	    {"HTTP/1.1 200 OK\r\nX: y\r\n", 0, ""},
	    {"HTTP/1.1 200 Connection established\r\n\r\n", 1, ""},
	    {"HTTP/1.0 299 Fine\r\nA: b\r\n\r\n", 1, ""},
	    {"HTTP/1.1 200 OK\r\n\r\nmore", ERR_PROTO, "behind"},
	    {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ERR_AUTH, "password"},
	    {"HTTP/1.1 403 Forbidden\r\n\r\n", ERR_AUTH, "403 Forbidden"},
	    {"HTTP/1.1 502 Bad \x1b[31mGateway\r\n\r\n", ERR_OFFLINE, "502 Bad ?[31mGateway"},
	    {"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", ERR_OFFLINE, "302"},
	    {"HTTP/2 200\r\n\r\n", ERR_PROTO, "no HTTP proxy"},
	    {"HTTP/1.1 20\r\n\r\n", ERR_PROTO, "no HTTP proxy"},
	    {"SSH-2.0-OpenSSH\r\n\r\n", ERR_PROTO, "no HTTP proxy"},
	    {"\r\n\r\n", ERR_PROTO, "no HTTP proxy"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cause cause = {""};
		int rc = proxy_answer(BYTES(rows[i].answer, strlen(rows[i].answer)), &cause);
		ok(rc == rows[i].result && strstr(cause.words, rows[i].words),
		   "answer %zu is told right (%s)", i, cause.words);
	}
	static char endless[9000];
	struct cause cause;
	memset(endless, 'x', sizeof(endless));
	ok(proxy_answer(BYTES(endless, sizeof(endless)), &cause) == ERR_PROTO,
	   "an answer without end is refused");
}

int main(void)
{
	test_urls();
	test_choice();
	test_request();
	test_answers();
	return tap_end();
}
