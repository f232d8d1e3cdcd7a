/*
 * The operating system, here Linux: durable files, lock files (flock: one owner is one open file,
 * and the kernel frees it with the process), doorbells (a FIFO that its owner holds open both
 * ways), the terminal, the editor.
 */
#include "common/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EDIT_MOST = 4 * 1024 * 1024, KEEP_BLOCK = 2 * 1024 * 1024, KEEP_FREE = 2 * 1024 * 1024 };

struct os_lock {
	int fd;
};

static uint64_t os_now_ms(void *arg)
{
	struct timespec ts;
	(void)arg;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void os_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	while (n > 0) {
		ssize_t got = getrandom(out, n, 0);
		must(got >= 0 || errno == EINTR);
		if (got > 0) {
			out += got;
			n -= (size_t)got;
		}
	}
}

const struct env *os_env(void)
{
	static const struct env env = {os_now_ms, os_random, NULL};
	return &env;
}

uint64_t os_monotonic_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void os_keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, KEEP_BLOCK);
	mallopt(M_TRIM_THRESHOLD, KEEP_FREE);
}

/* The code for errno, with "can't `what` `path`: why". */
static int os_fail(struct cause *cause, const char *what, const char *path)
{
	int e = errno;
	int err = e == ENOSPC || e == EDQUOT || e == EFBIG ? ERR_FULL
		  : e == ENOENT || e == ENOTDIR		   ? ERR_MISSING
							   : ERR_IO;
	return cause_set(cause, err, "can't %s %s: %s", what, path, strerror(e));
}

int os_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	int rc = fsync(fd);
	close(fd);
	return rc == 0 ? 0 : ERR_IO;
}

/* fsync the directory in which `path` stands. */
static int os_sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_format("%.*s", slash == path ? 1 : (int)(slash - path), path)
			  : mem_copy_text(".");
	int err = os_sync_dir(dir);
	free(dir);
	return err;
}

static int os_make_one(const char *path, struct cause *cause)
{
	struct stat st;
	if (mkdir(path, 0700) == 0)
		return os_sync_parent(path) == 0 ? 0 : os_fail(cause, "make the directory", path);
	int e = errno;
	if (e == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	errno = e == EEXIST ? ENOTDIR : e;
	os_fail(cause, "make the directory", path);
	return e == ENOSPC || e == EDQUOT ? ERR_FULL : ERR_IO;
}

int os_make_dir(const char *path, struct cause *cause)
{
	char *part = mem_copy_text(path);
	int err = 0;
	for (char *p = part + 1; *part && *p && err == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		err = os_make_one(part, cause);
		*p = '/';
	}
	if (err == 0)
		err = os_make_one(part, cause);
	free(part);
	return err;
}

bool os_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* All of `data` into `fd`, and onto the disk. */
static int os_write_all(int fd, struct bytes data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.data, data.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data.data += n;
		data.len -= (size_t)n;
	}
	return fsync(fd);
}

int os_write_file(const char *path, struct bytes data, bool secret, struct cause *cause)
{
	char *temporary = mem_format("%s.new-XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	int err = 0;

	if (fd < 0) {
		err = os_fail(cause, "write", path);
	} else {
		bool good = os_write_all(fd, data) == 0 && (secret || fchmod(fd, 0644) == 0);
		if (!good)
			err = os_fail(cause, "write", path);
		if (close(fd) != 0 && err == 0)
			err = os_fail(cause, "write", path);
		if (err == 0 && rename(temporary, path) != 0)
			err = os_fail(cause, "write", path);
		if (err != 0)
			unlink(temporary);
	}
	if (err == 0 && os_sync_parent(path) != 0)
		err = os_fail(cause, "make sure of", path);
	free(temporary);
	return err;
}

int os_read_file(const char *path, size_t most, struct buf *out, struct cause *cause)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t start = out->len;
	ssize_t n;

	if (fd < 0)
		return os_fail(cause, "read", path);
	do {
		n = read(fd, buf_reserve(out, 64 * 1024), 64 * 1024);
		if (n > 0)
			out->len += (size_t)n;
	} while ((n > 0 && out->len - start <= most) || (n < 0 && errno == EINTR));
	int err = n < 0 ? os_fail(cause, "read", path) : 0;
	if (err == 0 && out->len - start > most)
		err = cause_set(cause, ERR_LIMIT, "%s is longer than the %zu bytes allowed here",
				path, most);
	if (err != 0)
		out->len = start;
	close(fd);
	return err;
}

static int os_lock_new(struct os_lock **out, int fd, const char *path, struct cause *cause)
{
	if (fd < 0)
		return os_fail(cause, "lock", path);
	*out = mem_alloc(sizeof(**out));
	(*out)->fd = fd;
	return 0;
}

int os_lock_open(struct os_lock **out, const char *path, struct cause *cause)
{
	return os_lock_new(out, open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), path, cause);
}

int os_lock_open_dir(struct os_lock **out, const char *path, struct cause *cause)
{
	return os_lock_new(out, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, cause);
}

int os_lock_take(struct os_lock *lock, bool exclusive, bool wait)
{
	int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
	while (flock(lock->fd, how) != 0) {
		if (errno == EWOULDBLOCK)
			return ERR_AGAIN;
		if (errno != EINTR)
			return ERR_IO;
	}
	return 0;
}

void os_lock_free(struct os_lock *lock)
{
	flock(lock->fd, LOCK_UN);
}

void os_lock_close(struct os_lock **lock)
{
	if (!*lock)
		return;
	close((*lock)->fd);
	free(*lock);
	*lock = NULL;
}

int os_bell_open(const char *path, struct cause *cause)
{
	struct stat st;
	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
		return os_fail(cause, "make", path);
	/* Open for writing too, so that it never ends when the last one who rang closes it. */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return os_fail(cause, "open", path);
	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return cause_set(cause, ERR_IO, "%s is in the way: it is no named pipe", path);
	}
	return fd;
}

void os_bell_clear(int fd)
{
	char drop[256];
	ssize_t n;
	do
		n = read(fd, drop, sizeof(drop));
	while (n > 0 || (n < 0 && errno == EINTR));
}

void os_bell_ring(const char *path)
{
	/* For reading too: else a listener that goes just now would end this process (SIGPIPE). */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		ssize_t n = write(fd, "", 1); /* a full pipe has rung already */
		(void)n;
	}
	close(fd);
}

bool os_is_terminal(FILE *stream)
{
	return isatty(fileno(stream)) == 1;
}

int os_terminal_width(FILE *stream)
{
	struct winsize size;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	const char *columns = getenv("COLUMNS");
	int width = columns ? atoi(columns) : 0;
	return width > 0 ? width : 80;
}

/* Run `command` (which may have arguments of its own) on a file and wait, as system() does. */
static int os_run_editor(const char *command, const char *path)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, on_int, on_quit;
	char *line = mem_format("%s \"$1\"", command);
	int status = -1;

	sigaction(SIGINT, &ignore, &on_int);
	sigaction(SIGQUIT, &ignore, &on_quit);
	pid_t pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &on_int, NULL);
		sigaction(SIGQUIT, &on_quit, NULL);
		execl("/bin/sh", "sh", "-c", line, "sh", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	sigaction(SIGINT, &on_int, NULL);
	sigaction(SIGQUIT, &on_quit, NULL);
	free(line);
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Remove a directory with its files, such as the backups that editors leave. */
static void os_remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	while (dir && (e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0); /* "." and ".." stay, being directories */
	if (dir)
		closedir(dir);
	rmdir(path);
}

/* What was written in the editor. What can't be read is left where it is. */
static int os_take_edited(const char *dir, const char *path, struct buf *out, struct cause *cause)
{
	struct cause why = {""};
	int err = os_read_file(path, EDIT_MOST, out, &why);

	if (err < 0 && err != ERR_MISSING)
		return cause_set(cause, err, "%.300s (your text is kept in %.180s)", why.words,
				 path);
	os_remove_dir(dir);
	return err < 0 ? cause_set(cause, err, "%s", why.words) : 0;
}

/* Did an editor that failed, or was killed, save something before? That is left where it is. */
static bool os_has_edited(const char *path, struct bytes text)
{
	struct buf now = {0};
	int err = os_read_file(path, EDIT_MOST, &now, NULL);
	bool edited = err < 0 ? err != ERR_MISSING : !bytes_equal(text, buf_bytes(&now));

	buf_fini(&now);
	return edited;
}

int os_edit_text(struct bytes text, struct buf *out, struct cause *cause)
{
	const char *editor = getenv("VISUAL"), *base = getenv("TMPDIR");
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (!editor || !*editor)
		editor = "vi";
	char *dir = mem_format("%s/fivepits-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(dir)) {
		int err = os_fail(cause, "make a private directory like", dir);
		free(dir);
		return err == ERR_FULL ? err : ERR_IO;
	}
	char *path = mem_format("%s/text.txt", dir);
	int err = os_write_file(path, text, true, cause);
	bool edited = false, kept = false;
	if (err == 0) {
		int status = os_run_editor(editor, path);
		edited = status == 0;
		kept = !edited && os_has_edited(path, text);
		if (kept)
			err = cause_set(cause, ERR_IO,
					"the editor \"%.200s\" failed, so nothing was changed "
					"(your text is kept in %.180s)",
					editor, path);
		else if (status == 127)
			err = cause_set(cause, ERR_IO,
					"can't start the editor \"%s\": set EDITOR to one you have",
					editor);
		else if (status != 0)
			err = cause_set(cause, ERR_IO,
					"the editor \"%s\" failed, so nothing was changed",
					editor);
	}
	if (edited)
		err = os_take_edited(dir, path, out, cause);
	else if (!kept)
		os_remove_dir(dir);
	free(path);
	free(dir);
	return err == ERR_MISSING ? ERR_IO : err;
}
