/* The operating system: files that are whole or not there, locks, doorbells, the editor. */
#include "common/os.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *in_dir(const char *name)
{
	return mem_format("%s/%s", tap_dir(), name);
}

static bool holds(const char *path, const char *words)
{
	struct buf b = {0};
	bool same = os_read_file(path, 1000, &b, NULL) == 0 &&
		    bytes_equal(buf_bytes(&b), BYTES(words, strlen(words)));
	buf_fini(&b);
	return same;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void files(void)
{
	char *deep = in_dir("a/b/c"), *file = in_dir("a/b/c/file"), *under = in_dir("a/b/c/file/d");
	struct cause cause;
	struct buf b = {0};

	ok(os_make_dir(deep, &cause) == 0 && mode_of(deep) == 0700,
	   "directories are made, for this user");
	ok(os_make_dir(deep, &cause) == 0, "again is no error");
	ok(os_write_file(file, BYTES("one", 3), true, &cause) == 0 && holds(file, "one"),
	   "a file is written");
	ok(mode_of(file) == 0600, "a secret one for this user alone");
	ok(os_write_file(file, BYTES_NONE, false, &cause) == 0 && holds(file, "") &&
	   mode_of(file) == 0644,
	   "it is replaced, with nothing too");
	ok(os_write_file(file, BYTES("four", 4), false, &cause) == 0, "and by something");
	ok(os_read_file(file, 3, &b, &cause) == ERR_LIMIT && b.len == 0,
	   "too much is refused: %s", cause.words);
	ok(os_read_file(file, 4, &b, &cause) == 0 && b.len == 4, "as much as allowed is not");
	ok(os_read_file(under, 9, &b, &cause) == ERR_MISSING && b.len == 4,
	   "what is not there is missing: %s",
	   cause.words);
	ok(os_read_file(deep, 9, &b, &cause) == ERR_IO, "a directory is no file: %s", cause.words);
	ok(os_make_dir(file, &cause) == ERR_IO, "a file is no directory: %s", cause.words);
	ok(os_make_dir(under, &cause) == ERR_IO, "and holds none: %s", cause.words);
	ok(os_write_file(under, BYTES("x", 1), false, &cause) < 0, "nor a file: %s", cause.words);
	ok(os_exists(file) && !os_exists(under) && os_exists(deep), "what exists exists");
	char *command = mem_format("test \"$(ls -A %s)\" = file", deep);
	ok(system(command) == 0, "no temporary file is left");
	ok(os_sync_dir(deep) == 0 && os_sync_dir(file) == ERR_IO,
	   "a directory is synced, a file is none");
	buf_fini(&b);
	free(command);
	free(deep);
	free(file);
	free(under);
}

static void locks(void)
{
	char *path = in_dir("lock");
	struct os_lock *a = NULL, *b = NULL;
	struct cause cause;
	int status;

	ok(os_lock_open(&a, path, &cause) == 0 && os_lock_open(&b, path, &cause) == 0,
	   "two open one lock");
	ok(os_lock_take(a, true, false) == 0, "one takes it");
	ok(os_lock_take(b, true, false) == ERR_AGAIN && os_lock_take(b, false, false) == ERR_AGAIN,
	   "then the other can't, not even to share");
	os_lock_free(a);
	ok(os_lock_take(a, false, false) == 0 && os_lock_take(b, false, true) == 0,
	   "both may share it");
	ok(os_lock_take(b, true, false) == ERR_AGAIN, "but neither have it alone");
	os_lock_free(b);
	os_lock_free(a);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct os_lock *mine;
		must(os_lock_open(&mine, path, NULL) == 0 && os_lock_take(mine, true, false) == 0);
		abort();
	}
	waitpid(pid, &status, 0);
	ok(os_lock_take(b, true, false) == 0, "the death of its holder frees it");
	os_lock_close(&b);
	ok(!b && os_lock_take(a, true, true) == 0, "so does closing it");
	os_lock_close(&a);
	os_lock_close(&a);
	ok(os_lock_open(&a, "/nonexistent/lock", &cause) < 0,
	   "no directory, no lock: %s", cause.words);
	free(path);
}

static bool rings(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void bells(void)
{
	char *path = in_dir("bell"), *file = in_dir("no-bell");
	struct cause cause;
	os_bell_ring(path);
	ok(!os_exists(path), "ringing where no bell is makes none");
	int fd = os_bell_open(path, &cause);
	ok(fd >= 0 && !rings(fd), "a new bell is silent");
	for (int i = 0; i < 100000; i++)
		os_bell_ring(path);
	ok(rings(fd), "it rings, and ringing never waits");
	os_bell_clear(fd);
	ok(!rings(fd), "cleared, it is silent");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		os_bell_ring(path);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	ok(rings(fd), "another process rings it, and may end");
	close(fd);
	os_bell_ring(path);
	fd = os_bell_open(path, &cause);
	ok(fd >= 0 && !rings(fd), "nobody heard what rang between; the next one opens it again");
	close(fd);
	os_write_file(file, BYTES("x", 1), false, NULL);
	ok(os_bell_open(file, &cause) == ERR_IO, "a file is no bell: %s", cause.words);
	os_bell_ring(file);
	ok(holds(file, "x"), "and ringing leaves it as it is");
	free(path);
	free(file);
}

static void editor(void)
{
	struct buf b = {0};
	struct cause cause;
	char *path = in_dir("with space"), *script = in_dir("with space/ed");
	char *drafts = in_dir("drafts");
	static const char text[] = "#!/bin/sh\nprintf ' %s' \"$1\" >>\"$2\"\ncp \"$2\" \"$2~\"\n";

	must(os_make_dir(path, NULL) == 0 && os_make_dir(drafts, NULL) == 0);
	must(os_write_file(script, BYTES(text, sizeof(text) - 1), false, NULL) == 0);
	char *command = mem_format("sh '%s' more", script);
	setenv("TMPDIR", drafts, 1);
	setenv("VISUAL", "", 1);
	setenv("EDITOR", command, 1);
	ok(os_edit_text(BYTES("text", 4), &b, &cause) == 0 &&
	   bytes_equal(buf_bytes(&b), BYTES("text more", 9)),
	   "an editor with arguments of its own edits");
	setenv("VISUAL", "true", 1);
	buf_reset(&b);
	ok(os_edit_text(BYTES("t", 1), &b, &cause) == 0 && b.len == 1,
	   "VISUAL comes before EDITOR");
	setenv("VISUAL", "false", 1);
	ok(os_edit_text(BYTES("t", 1), &b, &cause) == ERR_IO, "one that fails: %s", cause.words);
	free(command);
	command = mem_format("kept() { printf 'typed for an hour' >\"$1\"; kill -9 $$; }; kept");
	setenv("VISUAL", command, 1);
	ok(os_edit_text(BYTES("t", 1), &b, &cause) == ERR_IO && strstr(cause.words, "is kept in"),
	   "one that dies behind a save: %s", cause.words);
	free(command);
	command = mem_format("grep -qx 'typed for an hour' %s/*/text.txt && rm -r %s/*", drafts, drafts);
	ok(system(command) == 0, "what was saved in it is kept");
	setenv("VISUAL", "no-such-editor-here 2>/dev/null", 1);
	ok(os_edit_text(BYTES("t", 1), &b, &cause) == ERR_IO,
	   "one that is not there: %s", cause.words);
	free(command);
	command = mem_format("test -z \"$(ls -A %s)\"", drafts);
	ok(system(command) == 0, "nothing of the text is left lying about, backups neither");
	setenv("TMPDIR", "/nonexistent", 1);
	ok(os_edit_text(BYTES("t", 1), &b, &cause) == ERR_IO,
	   "without a place for it: %s", cause.words);
	unsetenv("TMPDIR");
	buf_fini(&b);
	free(command);
	free(path);
	free(script);
	free(drafts);
}

static void test_skew(void)
{
	ok(env_skew_ms(1500, 1000) == 500 && env_skew_ms(1000, 1500) == -500,
	   "a clock is so far ahead, or behind");
	ok(env_skew_ms(UINT64_MAX, 1000) == INT64_MAX &&
		   env_skew_ms(1000, UINT64_MAX) == -INT64_MAX &&
		   env_skew_ms(INT64_MAX + UINT64_C(1001), 1000) == INT64_MAX,
	   "a clock that is out of all bounds is as far off as can be said, and no further");
}

int main(void)
{
	uint8_t a[1000] = {0}, zero[1000] = {0};
	const struct env *env = os_env();
	env_random(env, a, sizeof(a));
	ok(memcmp(a, zero, 500) != 0 && memcmp(a + 500, zero, 500) != 0,
	   "chance fills all that is asked");
	ok(env_now_ms(env) > 1700000000000u, "the clock is of this century");
	uint64_t t = os_monotonic_us();
	ok(os_monotonic_us() >= t, "time does not go back");
	files();
	locks();
	bells();
	editor();
	FILE *null = fopen("/dev/null", "r");
	setenv("COLUMNS", "123", 1);
	ok(!os_is_terminal(null) && os_terminal_width(null) == 123,
	   "a file is no terminal; COLUMNS says");
	setenv("COLUMNS", "-1", 1);
	ok(os_terminal_width(null) == 80, "else 80");
	fclose(null);
	test_skew();
	return tap_end();
}
