/* Running another program within limits: see os.h. */
#include "common/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_PROGRAM = 255, CHUNK = 65536 };

static void limit(int what, uint64_t most)
{
	struct rlimit r = {.rlim_cur = most, .rlim_max = most};
	setrlimit((__rlimit_resource_t)what, &r);
}

/* In the child, between fork and exec: only what may be called there. */
__attribute__((noreturn)) static void run_child(const char *const argv[], int in, int out,
						const struct os_limits *limits)
{
	static char *const no_environment[] = {NULL};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CPU, limits->cpu_seconds);
#if !defined(__SANITIZE_ADDRESS__) /* whose shadow is address space too */
	limit(RLIMIT_AS, limits->memory);
#endif
	/* dup2 of a descriptor on itself would leave it closed at exec. */
	in = fcntl(in, F_DUPFD_CLOEXEC, 10);
	out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	null = fcntl(null, F_DUPFD_CLOEXEC, 10);
	if (in < 0 || out < 0 || null < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(NO_PROGRAM);
	close_range(3, ~0u, 0);
	execve(argv[0], (char *const *)argv, no_environment);
	_exit(NO_PROGRAM);
}

/* Wait until there is something to read; of a process, until it has ended. */
static int run_wait(int fd, uint64_t end_us)
{
	for (;;) {
		uint64_t now = os_monotonic_us();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (now >= end_us)
			return ERR_LIMIT;
		int ready = poll(&p, 1, (int)((end_us - now) / 1000) + 1);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return ERR_IO;
	}
}

/* Take what it prints until it has closed its output. */
static int run_read(int from, size_t limit, uint64_t end_us, struct buf *out)
{
	size_t most = out->len + limit;

	for (;;) {
		int err = run_wait(from, end_us);
		if (err < 0)
			return err;
		size_t room = most - out->len < CHUNK ? most - out->len + 1 : CHUNK;
		ssize_t n = read(from, buf_reserve(out, room), room);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return ERR_IO;
		if (n > 0 && out->len + (size_t)n > most)
			return ERR_LIMIT;
		out->len += n > 0 ? (size_t)n : 0;
	}
}

/* Take what the child prints and wait for its end, both within the time that it has. */
static int run_parent(pid_t child, int from, const struct os_limits *limits, struct buf *out)
{
	uint64_t end = os_monotonic_us() + (uint64_t)limits->seconds * 1000000;
	int process = pidfd_open(child, 0);
	int err = process < 0 ? ERR_IO : run_read(from, limits->out, end, out);

	/* It may have closed its output and go on. */
	if (err == 0)
		err = run_wait(process, end);
	if (process >= 0)
		close(process);
	return err;
}

int os_run(const char *const argv[], int in, const struct os_limits *limits, struct buf *out)
{
	int pipes[2], status = 0;

	if (access(argv[0], X_OK) != 0)
		return ERR_MISSING;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return ERR_IO;
	pid_t child = fork();
	if (child == 0)
		run_child(argv, in, pipes[1], limits);
	close(pipes[1]);
	if (child < 0) {
		close(pipes[0]);
		return ERR_IO;
	}
	setpgid(child, child); /* whoever of us comes first */
	int err = run_parent(child, pipes[0], limits, out);
	close(pipes[0]);
	/* With what it has started; before it is waited for, since its number may be another's
	 * then. */
	kill(-child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (err < 0)
		return err;
	if (!WIFEXITED(status))
		return ERR_LIMIT;
	return WEXITSTATUS(status) == NO_PROGRAM ? ERR_IO : WEXITSTATUS(status);
}

int os_start(const char *const argv[])
{
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);
		setsid();
		if (nice(10) == -1 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		    dup2(null, 2) < 0)
			_exit(NO_PROGRAM);
		close_range(3, ~0u, 0);
		execv(argv[0], (char *const *)argv);
		_exit(NO_PROGRAM);
	}
	return child < 0 ? ERR_IO : (int)child;
}

bool os_ended(int started)
{
	int status;
	return waitpid(started, &status, WNOHANG) != 0;
}

char *os_program_dir(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = 0;
	*strrchr(path, '/') = 0;
	return mem_copy_text(path);
}

int os_scratch(const char *dir, struct cause *cause)
{
	char *path = mem_format("%s/scratch-XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	else
		fd = cause_set(cause, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO,
			       "no file can be made in %s: %s", dir, strerror(errno));
	free(path);
	return fd;
}
