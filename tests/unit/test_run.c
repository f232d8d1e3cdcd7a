/* Other programs within limits: what they print comes back, and what goes too far is ended. */
#include "common/os.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct os_limits roomy = {
	.memory = 1024 * 1024 * 1024, .cpu_seconds = 10, .seconds = 30, .out = 1000};

/* Run a line of shell with `in` as its input; what it printed is in `out`. */
static int shell(const char *line, int in, const struct os_limits *limits, struct buf *out)
{
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	buf_reset(out);
	int status = os_run(argv, in, limits, out);
	buf_add_u8(out, 0);
	return status;
}

static void test_output(int null)
{
	struct buf out = {0};
	struct cause cause;
	int fd = os_scratch("/tmp", &cause);

	ok(shell("echo one; echo lost >&2; exit 7", null, &roomy, &out) == 7, "its exit status is told");
	ok(strcmp((char *)out.data, "one\n") == 0, "and what it printed, without its errors");
	ok(fd >= 0 && write(fd, "first\nsecond\n", 13) == 13 && lseek(fd, 6, SEEK_SET) == 6,
	   "a file without a name is made");
	shell("cat", fd, &roomy, &out);
	ok(strcmp((char *)out.data, "second\n") == 0, "it reads what it is given, from where that stands");
	setenv("SECRET", "word", 1);
	shell("echo \"$SECRET$HOME\"", null, &roomy, &out);
	ok(strcmp((char *)out.data, "\n") == 0, "it has no environment");
	shell("ls /proc/self/fd | wc -l", null, &roomy, &out);
	ok(atoi((char *)out.data) <= 4, "and nothing else that was open here");
	close(fd);
	buf_fini(&out);
}

static void test_limits(int null)
{
	struct buf out = {0};
	struct os_limits tight = roomy;

	ok(shell("yes", null, &roomy, &out) == ERR_LIMIT, "one that prints too much is ended");
	ok(out.len <= roomy.out + 2, "and no more than that was kept");
	tight.seconds = 1;
	ok(shell("sleep 100", null, &tight, &out) == ERR_LIMIT, "one that takes too long is ended");
	ok(shell("exec >&-; sleep 100", null, &tight, &out) == ERR_LIMIT,
	   "also one that says first that it has no more to say");
	ok(shell("sleep 987655 >&- & echo $!; sleep 1", null, &roomy, &out) == 0 &&
		   atoi((char *)out.data) > 0,
	   "one that ends well may have started another");
	for (int i = 0; i < 200 && kill(atoi((char *)out.data), 0) == 0; i++)
		usleep(20000);
	ok(kill(atoi((char *)out.data), 0) != 0, "which ends with it");
	ok(shell("sleep 987654 & echo $!; sleep 100", null, &tight, &out) == ERR_LIMIT &&
		   atoi((char *)out.data) > 0,
	   "with what it had started");
	for (int i = 0; i < 200 && kill(atoi((char *)out.data), 0) == 0; i++)
		usleep(20000);
	ok(kill(atoi((char *)out.data), 0) != 0, "which is gone");
	ok(shell("echo x > /tmp/fivepits-run-test", null, &roomy, &out) != 0 &&
		   access("/tmp/fivepits-run-test", F_OK) == 0,
	   "a file may be made, and nothing written in it");
	unlink("/tmp/fivepits-run-test");
	const char *none[] = {"/nowhere/program", NULL};
	ok(os_run(none, null, &roomy, &out) == ERR_MISSING, "a program that is not there");
	buf_fini(&out);
}

int main(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *dir = os_program_dir();

	ok(dir && strstr(dir, "tests/unit"), "this program knows where it lies");
	test_output(null);
	test_limits(null);
	free(dir);
	close(null);
	return tap_end();
}
