/*
 * Loaded before a program's libraries, it makes one of the program's calls fail, or ends it there.
 * FAULT says what happens at the FAULT_AT-th: kill (SIGKILL before it writes or syncs), full (a
 * write finds no room), full! (nor does any later one), eio (a sync fails). Only calls on regular
 * files count; how many there were goes to the file FAULT_COUNT when the program ends by itself.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long calls;

/* Is this call the one, or after it? */
static int fault_hits(int fd, const char *kinds)
{
	const char *fault = getenv("FAULT"), *at = getenv("FAULT_AT");
	struct stat st;

	if (!fault || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !strstr(kinds, fault))
		return 0;
	const unsigned long n = at ? strtoul(at, NULL, 10) : 0;
	calls++;
	if (strcmp(fault, "kill") == 0 && calls == n)
		raise(SIGKILL);
	return calls == n || (strcmp(fault, "full!") == 0 && calls > n);
}

__attribute__((destructor)) static void fault_count(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f) {
		fprintf(f, "%lu\n", calls);
		fclose(f);
	}
}

#define WRITES "kill full!"
#define SYNCS "kill eio"

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
	if (!fault_hits(fd, WRITES))
		return next(fd, data, n, at);
	errno = ENOSPC;
	return -1;
}

ssize_t write(int fd, const void *data, size_t n)
{
	static ssize_t (*next)(int, const void *, size_t);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "write");
	if (!fault_hits(fd, WRITES))
		return next(fd, data, n);
	errno = ENOSPC;
	return -1;
}

static int sync_file(const char *name, int fd)
{
	int (*next)(int);
	*(void **)&next = dlsym(RTLD_NEXT, name);
	if (!fault_hits(fd, SYNCS))
		return next(fd);
	errno = EIO;
	return -1;
}

int fsync(int fd)
{
	return sync_file("fsync", fd);
}

int fdatasync(int fd)
{
	return sync_file("fdatasync", fd);
}
