/*
 * Loaded before a program's libraries, it gives the program a disk of little room: the file ROOM
 * holds how many bytes (a number in text, fixed at 20 digits) may yet be added to the files below
 * ROOM_DIR. What makes them longer takes from it, what makes them shorter or removes them gives
 * back; with none left a write finds no room, as on a disk that is full. The test may write another
 * number there at any time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DIGITS = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NEXT(call) call##_next
#define FIND(call)                                                                                 \
	do {                                                                                       \
		if (!NEXT(call))                                                                   \
			*(void **)&NEXT(call) = dlsym(RTLD_NEXT, #call);                           \
	} while (0)

static ssize_t (*NEXT(pwrite64))(int, const void *, size_t, off64_t);
static ssize_t (*NEXT(write))(int, const void *, size_t);
static int (*NEXT(ftruncate64))(int, off64_t);
static int (*NEXT(unlink))(const char *);

static int room_is_below(const char *path)
{
	const char *dir = getenv("ROOM_DIR");
	return dir && strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
}

/* A regular file below ROOM_DIR? */
static int room_counts(int fd, struct stat *st)
{
	char link[64], path[PATH_MAX];

	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return room_is_below(path);
}

/* Take up to n bytes of room, or give back -n. How many were taken. */
static long long room_take(long long n)
{
	const char *path = getenv("ROOM");
	char text[DIGITS + 1] = "";
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return n;
	FIND(pwrite64);
	pthread_mutex_lock(&lock);
	long long left = pread(fd, text, DIGITS, 0) > 0 ? atoll(text) : 0;
	n = n > left ? left : n;
	snprintf(text, sizeof(text), "%0*lld", DIGITS, left - n);
	if (NEXT(pwrite64)(fd, text, DIGITS, 0) != DIGITS)
		abort();
	pthread_mutex_unlock(&lock);
	close(fd);
	return n;
}

/* Of n bytes that are to stand at `at`, how many find room. -1: none. */
static ssize_t room_for(int fd, off64_t at, size_t n)
{
	struct stat st;

	if (n == 0 || !room_counts(fd, &st) || at + (off64_t)n <= st.st_size)
		return (ssize_t)n;
	off64_t within = at < st.st_size ? st.st_size - at : 0;
	long long longer = (long long)n - within, taken = room_take(longer);
	if (taken + within > 0)
		return (ssize_t)(taken + within);
	errno = ENOSPC;
	return -1;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	FIND(pwrite64);
	ssize_t fits = room_for(fd, at, n);
	return fits < 0 ? -1 : NEXT(pwrite64)(fd, data, (size_t)fits, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return pwrite64(fd, data, n, at);
}

/* All of it or what fits, part by part. */
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	ssize_t done = 0;

	for (int i = 0; i < n; i++) {
		ssize_t got = pwrite64(fd, v[i].iov_base, v[i].iov_len, at + done);
		if (got < 0)
			return done ? done : -1;
		done += got;
		if ((size_t)got < v[i].iov_len)
			break;
	}
	return done;
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at)
{
	return pwritev(fd, v, n, at);
}

ssize_t write(int fd, const void *data, size_t n)
{
	struct stat st;
	off64_t at;

	FIND(write);
	if (!room_counts(fd, &st) || (at = lseek64(fd, 0, SEEK_CUR)) < 0)
		return NEXT(write)(fd, data, n);
	if (fcntl(fd, F_GETFL) & O_APPEND)
		at = st.st_size;
	ssize_t fits = room_for(fd, at, n);
	return fits < 0 ? -1 : NEXT(write)(fd, data, (size_t)fits);
}

int ftruncate64(int fd, off64_t size)
{
	struct stat st;

	FIND(ftruncate64);
	int counts = room_counts(fd, &st), got = NEXT(ftruncate64)(fd, size);
	if (got == 0 && counts && size < st.st_size)
		room_take(size - st.st_size);
	return got;
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int unlink(const char *path)
{
	struct stat st; /* by its name: to close another descriptor of it would end SQLite's locks */
	int counts = room_is_below(path) && lstat(path, &st) == 0 && S_ISREG(st.st_mode);

	FIND(unlink);
	int got = NEXT(unlink)(path);
	if (got == 0 && counts && st.st_nlink == 1)
		room_take(-st.st_size);
	return got;
}
