/* The sandbox of documents' readers: what it lets through, and what ends the process. */
#include "client/extract/extract.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child ends that shuts itself in and then does this: its exit status, or minus the signal. */
static int shut_in(int (*what)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		_exit(sandbox_close() ? what() : 99);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int do_memory(void)
{
	char *p = malloc(8 * 1024 * 1024);
	memset(p, 1, 8 * 1024 * 1024);
	free(p);
	return 0;
}

static int do_read(void)
{
	char c;
	return read(STDIN_FILENO, &c, 1) == 0 && write(STDOUT_FILENO, "", 0) == 0 ? 0 : 1;
}

static int do_open(void)
{
	return open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES ? 0 : 1;
}

static int do_make(void)
{
	return open("/tmp/made-in-the-sandbox", O_WRONLY | O_CREAT, 0600) == -1 ? 0 : 1;
}

static int do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int do_fork(void)
{
	return fork() >= 0;
}

static int do_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int do_kill(void)
{
	return kill(getppid(), 0) == 0;
}

static int do_unlink(void)
{
	return unlink("/tmp/made-in-the-sandbox") == 0;
}

int main(void)
{
	if (!freopen("/dev/null", "r", stdin))
		return 1;
	ok(shut_in(do_memory) == 0, "it has memory");
	ok(shut_in(do_read) == 0, "it reads and writes what it has open");
	ok(shut_in(do_open) == 0, "no file can be opened");
	ok(shut_in(do_make) == 0 && access("/tmp/made-in-the-sandbox", F_OK) != 0, "none can be made");
	ok(shut_in(do_socket) == -SIGSYS, "a socket ends it");
	ok(shut_in(do_fork) == -SIGSYS, "a second process ends it");
	ok(shut_in(do_exec) == -SIGSYS, "another program ends it");
	ok(shut_in(do_kill) == -SIGSYS, "a signal to another ends it");
	ok(shut_in(do_unlink) == -SIGSYS, "removing a file ends it");
	return tap_end();
}
