/*
 * getaddrinfo on a thread. The question is shared by two owners, the asker and the thread, and
 * freed by the one that is done last; a pipe tells the loop that the answer is there.
 */
#include "client/hosts.h"

#include "common/mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
	atomic_int owners;
	char host[256], port[6];
	int done; /* the thread's end of the pipe */
	int error;
	struct addrinfo *found;
};

struct hosts {
	struct question *question;
	int done;
	struct loop_watch *watch;
	hosts_fn fn;
	void *arg;
};

static void question_leave(struct question *q)
{
	if (atomic_fetch_sub(&q->owners, 1) > 1)
		return;
	close(q->done);
	if (q->found)
		freeaddrinfo(q->found);
	free(q);
}

/* Numbers need no look-up. */
static bool question_is_easy(struct question *q)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

	q->error = getaddrinfo(q->host, q->port, &hints, &q->found);
	return q->error == 0;
}

static void *hosts_thread(void *arg)
{
	struct question *q = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	if (!q->found)
		q->error = getaddrinfo(q->host, q->port, &hints, &q->found);
	/* Where nobody waits any more this fails, and SIGPIPE is not sent for a socket with
	 * MSG_NOSIGNAL. */
	send(q->done, "", 1, MSG_NOSIGNAL);
	question_leave(q);
	return NULL;
}

static void hosts_answered(void *arg)
{
	struct hosts *h = arg;
	struct addrinfo *found = h->question->found;
	char drop;

	if (read(h->done, &drop, 1) != 1)
		return;
	h->question->found = NULL;
	loop_watch_pause(h->watch, true);
	h->fn(h->arg, h->question->error, found);
}

struct hosts *hosts_ask(struct loop *loop, const char *host, const char *port, hosts_fn fn,
			void *arg)
{
	struct hosts *h = mem_alloc(sizeof(*h));
	struct question *q = mem_alloc(sizeof(*q));
	int pair[2];
	pthread_t thread;

	must(strlen(host) < sizeof(q->host) && strlen(port) < sizeof(q->port));
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	strcpy(q->host, host);
	strcpy(q->port, port);
	q->done = pair[1];
	*h = (struct hosts){.question = q, .done = pair[0], .fn = fn, .arg = arg};
	h->watch = loop_watch_new(loop, h->done, false, hosts_answered, h);
	atomic_init(&q->owners, 2);
	/* Where no thread is to be had it is done here, slowly. */
	if (question_is_easy(q) || pthread_create(&thread, NULL, hosts_thread, q) != 0)
		hosts_thread(q);
	else
		pthread_detach(thread);
	return h;
}

void hosts_free(struct hosts **hosts)
{
	struct hosts *h = *hosts;

	if (!h)
		return;
	loop_watch_free(&h->watch);
	close(h->done);
	question_leave(h->question);
	free(h);
	*hosts = NULL;
}
