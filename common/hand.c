/* A ring of jobs between the giver and the thread; each keeps its buffer for the next round. */
#include "common/hand.h"

#include "common/err.h"
#include "common/sha.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { HAND_JOBS = 16 };

struct job {
	hand_fn fn;
	void *arg;
	struct buf bytes;
};

struct hand {
	pthread_t thread;
	bool begun, over;
	bool busy; /* with the first job */
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	struct job jobs[HAND_JOBS];
	size_t first, n; /* those that are not done */
};

struct hand *hand_new(void)
{
	struct hand *h = mem_alloc(sizeof(*h));

	must(pthread_mutex_init(&h->lock, NULL) == 0);
	must(pthread_cond_init(&h->given, NULL) == 0);
	must(pthread_cond_init(&h->done, NULL) == 0);
	return h;
}

static void *hand_run(void *arg)
{
	struct hand *h = arg;

	pthread_mutex_lock(&h->lock);
	while (h->n || !h->over) {
		if (h->n == 0) {
			pthread_cond_wait(&h->given, &h->lock);
			continue;
		}
		struct job *j = &h->jobs[h->first];
		h->busy = true;
		pthread_mutex_unlock(&h->lock);
		j->fn(j->arg, buf_bytes(&j->bytes));
		pthread_mutex_lock(&h->lock);
		h->busy = false;
		h->first = (h->first + 1) % HAND_JOBS;
		h->n--;
		pthread_cond_signal(&h->done);
	}
	pthread_mutex_unlock(&h->lock);
	sha_thread_end();
	return NULL;
}

/* Signals are the loop's: the thread takes none. */
static void hand_begin(struct hand *h)
{
	sigset_t all, before;

	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	must(pthread_create(&h->thread, NULL, hand_run, h) == 0);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	h->begun = true;
}

/* A free job is the giver's: the thread looks only at those that are counted. */
static struct job *hand_job(struct hand *h)
{
	pthread_mutex_lock(&h->lock);
	while (h->n == HAND_JOBS)
		pthread_cond_wait(&h->done, &h->lock);
	struct job *j = &h->jobs[(h->first + h->n) % HAND_JOBS];
	pthread_mutex_unlock(&h->lock);
	return j;
}

struct buf *hand_room(struct hand *h)
{
	struct job *j = hand_job(h);

	buf_reset(&j->bytes);
	return &j->bytes;
}

/* The last one is taken back: hand_do gives it again. */
struct buf *hand_join(struct hand *h, hand_fn fn, void *arg, size_t most)
{
	struct buf *room = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->n > (h->busy ? 1 : 0)) {
		struct job *last = &h->jobs[(h->first + h->n - 1) % HAND_JOBS];
		if (last->fn == fn && last->arg == arg && last->bytes.len < most) {
			h->n--;
			room = &last->bytes;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return room ? room : hand_room(h);
}

void hand_do(struct hand *h, hand_fn fn, void *arg)
{
	struct job *j = hand_job(h);

	j->fn = fn;
	j->arg = arg;
	if (!h->begun)
		hand_begin(h);
	pthread_mutex_lock(&h->lock);
	h->n++;
	pthread_cond_signal(&h->given);
	pthread_mutex_unlock(&h->lock);
}

void hand_wait(struct hand *h)
{
	pthread_mutex_lock(&h->lock);
	while (h->n)
		pthread_cond_wait(&h->done, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

void hand_free(struct hand **hand)
{
	struct hand *h = *hand;

	if (!h)
		return;
	if (h->begun) {
		pthread_mutex_lock(&h->lock);
		h->over = true;
		pthread_cond_signal(&h->given);
		pthread_mutex_unlock(&h->lock);
		pthread_join(h->thread, NULL);
	}
	for (size_t i = 0; i < HAND_JOBS; i++)
		buf_fini(&h->jobs[i].bytes);
	pthread_cond_destroy(&h->given);
	pthread_cond_destroy(&h->done);
	pthread_mutex_destroy(&h->lock);
	free(h);
	*hand = NULL;
}
