/* HTTP CONNECT (RFC 9110, 9.3.6) with the Basic scheme (RFC 7617), and the environment's
 * conventions. */
#include "client/proxy.h"

#include "common/invitation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_MOST = 8192, CREDENTIALS_MOST = 280 };

static void base64(struct bytes in, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in.len; i += 3) {
		unsigned n = in.len - i < 3 ? (unsigned)(in.len - i) : 3;
		unsigned v = (unsigned)in.data[i] << 16;
		v |= n > 1 ? (unsigned)in.data[i + 1] << 8 : 0;
		v |= n > 2 ? in.data[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = n > 1 ? digits[v >> 6 & 63] : '=';
		*out++ = n > 2 ? digits[v & 63] : '=';
	}
	*out = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NAME:PASSWORD as it stands in a URL, percent signs and all. */
static bool proxy_set_secret(struct proxy *out, const char *text, size_t len)
{
	uint8_t plain[CREDENTIALS_MOST] = {0};
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (n == sizeof(plain))
			return false;
		int high = text[i] == '%' && i + 2 < len ? hex_value(text[i + 1]) : -1;
		int low = high >= 0 ? hex_value(text[i + 2]) : -1;
		plain[n++] = (uint8_t)(low >= 0 ? high << 4 | low : text[i]);
		i += low >= 0 ? 2 : 0;
	}
	if (!memchr(plain, ':', n)) {
		if (n == sizeof(plain))
			return false;
		plain[n++] = ':';
	}
	base64(BYTES(plain, n), out->secret);
	return true;
}

int proxy_parse(struct proxy *out, const char *url, struct cause *cause)
{
	char address[300];

	memset(out, 0, sizeof(*out));
	const char *scheme = strstr(url, "://");
	if (scheme && (scheme - url != 4 || strncasecmp(url, "http", 4) != 0))
		return cause_set(cause, ERR_INVALID,
				 "a proxy looks like http://HOST:PORT; other kinds are not spoken");
	const char *from = scheme ? scheme + 3 : url;
	size_t len = strcspn(from, "/?#");
	const char *at = NULL;
	for (size_t i = 0; i < len; i++)
		at = from[i] == '@' ? from + i : at;
	if (at && !proxy_set_secret(out, from, (size_t)(at - from)))
		return cause_set(cause, ERR_INVALID,
				 "the name and password of the proxy are too long");
	if (at) {
		len -= (size_t)(at + 1 - from);
		from = at + 1;
	}
	if (len < sizeof(address) - 4) {
		bool has_port = memchr(from, ':', len) && from[len - 1] != ']';
		snprintf(address, sizeof(address), "%.*s%s", (int)len, from, has_port ? "" : ":80");
		if (address_split(address, out->host, out->port) && atoi(out->port) > 0)
			return 0;
	}
	return cause_set(cause, ERR_INVALID,
			 "a proxy looks like http://HOST:PORT, with NAME:PASSWORD@ before the host "
			 "if it asks for them");
}

/* NO_PROXY: names with commas between; "*" is all, "school.example" also whatever ends in
 * .school.example. */
static bool proxy_is_excepted(const char *list, const char *host)
{
	size_t host_len = strlen(host);

	while (list && *list) {
		list += strspn(list, ", ");
		size_t n = strcspn(list, ", ");
		const char *name = list;
		list += n;
		if (n == 1 && *name == '*')
			return true;
		if (n && *name == '.') {
			name++;
			n--;
		}
		if (n == 0 || n > host_len || strncasecmp(host + host_len - n, name, n) != 0)
			continue;
		if (n == host_len || host[host_len - n - 1] == '.')
			return true;
	}
	return false;
}

static const char *environment(const char *upper, const char *lower)
{
	const char *value = getenv(lower);

	if (!value || !*value)
		value = getenv(upper);
	return value && *value ? value : NULL;
}

int proxy_choose(struct proxy *out, const char *url, const char *host, struct cause *cause)
{
	if (url && *url)
		return strcmp(url, "none") == 0		  ? 0
		       : proxy_parse(out, url, cause) < 0 ? ERR_INVALID
							  : 1;
	url = environment("HTTPS_PROXY", "https_proxy");
	if (!url || proxy_is_excepted(environment("NO_PROXY", "no_proxy"), host))
		return 0;
	return proxy_parse(out, url, cause) < 0 ? ERR_INVALID : 1;
}

void proxy_request(const struct proxy *proxy, const char *address, struct buf *out)
{
	buf_add_text(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: fivepits\r\n", address,
		     address);
	if (proxy->secret[0])
		buf_add_text(out, "Proxy-Authorization: Basic %s\r\n", proxy->secret);
	buf_add_text(out, "\r\n");
}

/* The words behind the number in the first line, printable ones only. */
static void answer_words(struct bytes answer, char words[64])
{
	size_t n = 0, i = 12;

	while (i < answer.len && answer.data[i] == ' ')
		i++;
	for (; i < answer.len && answer.data[i] != '\r' && answer.data[i] != '\n' && n < 63; i++)
		words[n++] =
		    (char)(answer.data[i] >= 0x20 && answer.data[i] < 0x7f ? answer.data[i] : '?');
	words[n] = 0;
}

int proxy_answer(struct bytes answer, struct cause *cause)
{
	char words[64];
	const uint8_t *end = answer.len ? memmem(answer.data, answer.len, "\r\n\r\n", 4) : NULL;

	if (!end && answer.len < ANSWER_MOST)
		return 0;
	if (!end || answer.len < 12 || memcmp(answer.data, "HTTP/1.", 7) != 0 ||
	    answer.data[8] != ' ' || !isdigit(answer.data[9]) || !isdigit(answer.data[10]) ||
	    !isdigit(answer.data[11]))
		return cause_set(cause, ERR_PROTO, "what answers there is no HTTP proxy");
	int status =
	    (answer.data[9] - '0') * 100 + (answer.data[10] - '0') * 10 + answer.data[11] - '0';
	if (status >= 200 && status < 300) {
		if (end + 4 != answer.data + answer.len)
			return cause_set(cause, ERR_PROTO,
					 "the proxy sends something of its own behind its answer");
		return 1;
	}
	answer_words(answer, words);
	if (status == 407)
		return cause_set(cause, ERR_AUTH,
				 "the proxy wants a name and a password: give it as "
				 "http://NAME:PASSWORD@HOST:PORT");
	if (status == 403 || status == 405)
		return cause_set(
		    cause, ERR_AUTH,
		    "the proxy does not let this through (%d %s): ask whoever runs it to allow the "
		    "server's address and port",
		    status, words);
	return cause_set(cause, ERR_OFFLINE, "the proxy can't reach the server (%d %s)", status,
			 words);
}
