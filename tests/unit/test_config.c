/* The server's config: made, written, read, and refused with the line that is wrong. */
#include "common/os.h"
#include "server/config.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_text(struct config *c, const char *text, struct cause *cause)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/config", tap_dir());
	if (os_write_file(path, BYTES(text, strlen(text)), false, NULL) < 0)
		abort();
	return config_read(c, tap_dir(), cause);
}

static void test_make(void)
{
	struct config c;
	struct cause cause = {{0}};

	ok(config_make(&c, "127.0.0.1:0", NULL, &cause) == 0 && strcmp(c.listen, c.address) == 0 &&
		   strncmp(c.listen, "127.0.0.1:", 10) == 0 && atoi(c.listen + 10) > 1023,
	   "port 0 becomes one that is free: %s", c.listen);
	ok(config_make(&c, "[::1]:8443", NULL, &cause) == 0 && strcmp(c.address, "[::1]:8443") == 0,
	   "an IPv6 host keeps its brackets");
	ok(config_make(&c, NULL, "area.example.org:443", &cause) == 0 &&
		   strcmp(c.listen, "0.0.0.0:443") == 0 &&
		   strcmp(c.address, "area.example.org:443") == 0,
	   "what invitations say may differ from where the server listens");
	ok(config_make(&c, NULL, NULL, &cause) == 0 && strncmp(c.address, "0.0.0.0", 7) != 0,
	   "an address that means any is not what invitations say");
	ok(config_make(&c, "nonsense", NULL, &cause) == ERR_USAGE &&
		   strstr(cause.words, "--listen"),
	   "an address that is none is wrong usage");
	ok(config_make(&c, NULL, "host:0", &cause) == ERR_USAGE && strstr(cause.words, "--address"),
	   "so is port 0 for schools to reach");
}

static void test_read(void)
{
	static const struct {
		const char *what, *text, *words;
	} bad[] = {
		{"a key that is not known", "listen a:1\naddress b:2\ncolour blue:3\n", "line 3"},
		{"a value that is no address", "listen nowhere\n", "line 1"},
		{"a key without a value", "# me\nlisten\n", "line 2"},
		{"a missing line", "listen a:1\n", "both"},
	};
	struct config c, back;
	struct cause cause = {{0}};

	ok(config_read(&c, "/nonexistent", &cause) == ERR_MISSING && strstr(cause.words, "init"),
	   "where there is no area it says what to do");
	if (config_make(&c, "127.0.0.1:0", "area.example.org:443", NULL) < 0)
		abort();
	ok(config_write(tap_dir(), &c, NULL) == 0 && config_read(&back, tap_dir(), NULL) == 0 &&
		   strcmp(c.listen, back.listen) == 0 && strcmp(c.address, back.address) == 0,
	   "what is written is read");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(read_text(&back, bad[i].text, &cause) == ERR_INVALID &&
			   strstr(cause.words, bad[i].words),
		   "%s is refused (\"%s\")", bad[i].what, cause.words);
}

int main(void)
{
	test_make();
	test_read();
	return tap_end();
}
