/* Two lines, "listen HOST:PORT" and "address HOST:PORT"; lines that begin with # are for people. */
#include "server/config.h"

#include "common/invitation.h"
#include "common/os.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_LISTEN "0.0.0.0:443"

int config_write(const char *dir, const struct config *c, struct cause *cause)
{
	char *path = mem_format("%s/config", dir);
	char *text = mem_format("# Where the server listens, and what invitations say.\n"
				"listen %s\naddress %s\n",
				c->listen, c->address);
	int err = os_write_file(path, BYTES(text, strlen(text)), false, cause);

	free(path);
	free(text);
	return err;
}

static int config_line(struct config *c, char *line)
{
	char host[256], port[6];
	char *value = strchr(line, ' ');

	if (line[0] == '#' || line[0] == '\0')
		return 0;
	if (!value)
		return ERR_INVALID;
	*value++ = '\0';
	if (!address_split(value, host, port))
		return ERR_INVALID;
	if (strcmp(line, "listen") == 0)
		snprintf(c->listen, sizeof(c->listen), "%s", value);
	else if (strcmp(line, "address") == 0)
		snprintf(c->address, sizeof(c->address), "%s", value);
	else
		return ERR_INVALID;
	return 0;
}

static int config_lines(struct config *c, char *text, const char *path, struct cause *cause)
{
	char *rest = text;
	int n = 1;

	for (char *line; (line = strsep(&rest, "\n")); n++)
		if (config_line(c, line) < 0)
			return cause_set(
			    cause, ERR_INVALID,
			    "line %d of %s is not \"listen HOST:PORT\" or \"address HOST:PORT\"", n,
			    path);
	if (!c->listen[0] || !c->address[0])
		return cause_set(cause, ERR_INVALID, "%s must say both listen and address", path);
	return 0;
}

bool config_is_there(const char *dir)
{
	char *path = mem_format("%s/config", dir);
	bool there = os_exists(path);

	free(path);
	return there;
}

static int config_missing(const char *dir, struct cause *cause)
{
	return cause_set(cause, ERR_MISSING,
			 "there is no area in %s: make one with fivepitsd init", dir);
}

int config_look(const char *dir, struct cause *cause)
{
	char *path = mem_format("%s/area.db", dir);
	struct stat st;
	bool has = stat(path, &st) == 0 && st.st_size > 0;

	free(path);
	if (has)
		return 0;
	if (!config_is_there(dir))
		return config_missing(dir, cause);
	return cause_set(cause, ERR_MISSING,
			 "%s/area.db is gone or empty: restore a backup, and the schools' "
			 "computers bring what came after it",
			 dir);
}

int config_read(struct config *c, const char *dir, struct cause *cause)
{
	char *path = mem_format("%s/config", dir);
	struct buf text = {0};
	int err = os_read_file(path, 64 * 1024, &text, cause);

	*c = (struct config){{0}, {0}};
	if (err == ERR_MISSING)
		config_missing(dir, cause);
	buf_add_u8(&text, 0);
	if (err == 0)
		err = config_lines(c, (char *)text.data, path, cause);
	buf_fini(&text);
	free(path);
	return err;
}

/* Nobody listens there just now. */
static bool config_port_is_free(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free = fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return is_free;
}

/*
 * A port to keep. Below those that the system lends to outgoing connections: one of those could be
 * lent while the server is down, and then it would not come back.
 */
static int config_free_port(const char *host, char port[6], struct cause *cause)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	bool got = false;

	for (int tries = 0; tries < 50 && !got; tries++) {
		struct addrinfo *found = NULL;
		uint8_t dice[2];
		env_random(os_env(), dice, sizeof(dice));
		snprintf(port, 6, "%u", 10000 + (dice[0] * 256u + dice[1]) % 20000);
		int rc = getaddrinfo(host, port, &hints, &found);
		if (rc != 0)
			return cause_set(cause, ERR_INVALID, "can't listen on %s: %s", host,
					 gai_strerror(rc));
		got = config_port_is_free(found);
		freeaddrinfo(found);
	}
	return got ? 0
		   : cause_set(cause, ERR_IO, "can't listen on %s: %s", host, strerror(errno));
}

static bool config_is_any(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || host[0] == '\0';
}

int config_make(struct config *c, const char *listen, const char *address, struct cause *cause)
{
	char host[256], port[6], other[256], other_port[6];

	listen = listen ? listen : CONFIG_LISTEN;
	if (!address_split(listen, host, port))
		return cause_set(cause, ERR_USAGE, "--listen must be HOST:PORT, not \"%.200s\"",
				 listen);
	if (address && (!address_split(address, other, other_port) ||
			strcmp(other_port, "0") == 0 || strlen(address) >= sizeof(c->address)))
		return cause_set(cause, ERR_USAGE, "--address must be HOST:PORT, not \"%.200s\"",
				 address);
	if (strcmp(port, "0") == 0) {
		int err = config_free_port(host, port, cause);
		if (err < 0)
			return err;
	}
	snprintf(c->listen, sizeof(c->listen), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	if (config_is_any(host) && gethostname(host, sizeof(host)) < 0)
		return cause_set(cause, ERR_IO, "can't tell this computer's name: %s",
				 strerror(errno));
	host[sizeof(host) - 1] = '\0';
	if (address)
		snprintf(c->address, sizeof(c->address), "%s", address);
	else
		snprintf(c->address, sizeof(c->address),
			 strchr(host, ':') ? "[%.240s]:%s" : "%.240s:%s", host, port);
	return 0;
}
