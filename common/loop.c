/*
 * Turns on libevent: one pass of callbacks (EVLOOP_ONCE), then the hook. When a turn has had its
 * time, the pass is broken off after the callback that runs; what is still due stays due in
 * libevent and comes first in the next pass, so nobody is passed over.
 */
#include "common/loop.h"

#include "common/log.h"
#include "common/mem.h"
#include "common/os.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

enum { LOOP_SIGNALS = 3 };

struct loop {
	struct event_base *base;
	loop_fn hook, stop;
	void *hook_arg, *stop_arg;
	uint64_t turn_us, turn_began; /* 0: no callback has asked yet in this turn */
	bool turn_cut;
	bool stopping;
	struct loop_task *first, **last; /* of the next turn */
	struct loop_task *running;	 /* of this one, not yet called */
	struct event *kick;		 /* makes the next turn come at once */
	struct event *signals[LOOP_SIGNALS];
	int signal; /* the last one that wants an end */
};

struct loop_timer {
	struct event *event;
	loop_fn fn;
	void *arg;
};

struct loop_watch {
	struct event *event;
	loop_fn fn;
	void *arg;
};

static void loop_kick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	/* Those that queue themselves again wait for the turn after this one. */
	loop->running = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	while (loop->running) {
		struct loop_task *t = loop->running;
		loop->running = t->next;
		t->next = NULL;
		t->queued = false;
		t->fn(t->arg);
	}
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));
	struct event_config *config = event_config_new();

	must(config);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	must(loop->base);
	loop->last = &loop->first;
	loop->kick = event_new(loop->base, -1, 0, loop_kick_cb, loop);
	must(loop->kick);
	return loop;
}

void loop_free(struct loop **loop)
{
	if (!*loop)
		return;
	for (int i = 0; i < LOOP_SIGNALS; i++)
		if ((*loop)->signals[i])
			event_free((*loop)->signals[i]);
	event_free((*loop)->kick);
	/* Where the loop was stopped in the middle of a turn, what libevent had put off in it still
	 * holds on to lines that are freed already, and event_base_free would forget it. */
	event_base_loop((*loop)->base, EVLOOP_NONBLOCK);
	event_base_free((*loop)->base);
	free(*loop);
	*loop = NULL;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_set_hook(struct loop *loop, loop_fn hook, void *arg)
{
	loop->hook = hook;
	loop->hook_arg = arg;
}

void loop_set_turn_us(struct loop *loop, uint64_t us)
{
	loop->turn_us = us;
}

void loop_turn_cut(struct loop *loop)
{
	loop->turn_cut = true;
	event_base_loopbreak(loop->base);
}

bool loop_turn_expired(struct loop *loop)
{
	if (loop->turn_cut || !loop->turn_us)
		return loop->turn_cut;
	uint64_t now = os_monotonic_us();
	if (!loop->turn_began)
		loop->turn_began = now;
	if (now - loop->turn_began < loop->turn_us)
		return false;
	loop_turn_cut(loop);
	return true;
}

int loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping) {
		int rc = event_base_loop(loop->base, EVLOOP_ONCE);
		if (rc < 0) {
			log_error("loop.wait", "rc=%d", rc);
			return ERR_IO;
		}
		loop->turn_began = 0;
		loop->turn_cut = false;
		if (loop->hook)
			loop->hook(loop->hook_arg);
		if (rc == 1) /* nothing is left that could happen */
			break;
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
	event_base_loopbreak(loop->base);
}

bool loop_stopping(const struct loop *loop)
{
	return loop->stopping;
}

static void loop_signal_cb(evutil_socket_t signal, short what, void *arg)
{
	struct loop *loop = arg;

	(void)what;
	if (signal == SIGUSR1) {
		log_level_set(log_level_get() == LOG_DEBUG ? LOG_INFO : LOG_DEBUG);
		return;
	}
	log_debug("loop.signal", "number=%d", (int)signal);
	loop->signal = (int)signal;
	loop->stop(loop->stop_arg);
}

int loop_signal(const struct loop *loop)
{
	return loop->signal;
}

static void loop_stop_fn(void *arg)
{
	loop_stop(arg);
}

void loop_take_signals(struct loop *loop, loop_fn stop, void *arg)
{
	static const int numbers[LOOP_SIGNALS] = {SIGTERM, SIGINT, SIGUSR1};

	loop->stop = stop ? stop : loop_stop_fn;
	loop->stop_arg = stop ? arg : loop;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* the write fails, as on a full disk */
	for (int i = 0; i < LOOP_SIGNALS; i++) {
		if (loop->signals[i])
			continue;
		loop->signals[i] = evsignal_new(loop->base, numbers[i], loop_signal_cb, loop);
		must(loop->signals[i] && event_add(loop->signals[i], NULL) == 0);
	}
}

void loop_later(struct loop *loop, struct loop_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	*loop->last = task;
	loop->last = &task->next;
	if (loop->first == task) {
		struct timeval now = {0, 0};
		must(event_add(loop->kick, &now) == 0);
	}
}

void loop_forget(struct loop *loop, struct loop_task *task)
{
	if (!task->queued)
		return;
	struct loop_task **at = &loop->running;
	while (*at && *at != task)
		at = &(*at)->next;
	if (!*at) {
		at = &loop->first;
		while (*at != task)
			at = &(*at)->next;
		if (!task->next)
			loop->last = at;
	}
	*at = task->next;
	task->next = NULL;
	task->queued = false;
}

static void loop_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *timer = mem_alloc(sizeof(*timer));

	*timer = (struct loop_timer){.fn = fn, .arg = arg};
	timer->event = evtimer_new(loop->base, loop_timer_cb, timer);
	must(timer->event);
	return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t ms)
{
	struct timeval t = {.tv_sec = (time_t)(ms / 1000),
			    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
	must(event_add(timer->event, &t) == 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	event_del(timer->event);
}

void loop_timer_free(struct loop_timer **timer)
{
	if (!*timer)
		return;
	event_free((*timer)->event);
	free(*timer);
	*timer = NULL;
}

static void loop_watch_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;

	(void)fd;
	(void)what;
	watch->fn(watch->arg);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, bool write, loop_fn fn, void *arg)
{
	struct loop_watch *watch = mem_alloc(sizeof(*watch));
	short what = (short)((write ? EV_WRITE : EV_READ) | EV_PERSIST);

	*watch = (struct loop_watch){.fn = fn, .arg = arg};
	watch->event = event_new(loop->base, fd, what, loop_watch_cb, watch);
	must(watch->event && event_add(watch->event, NULL) == 0);
	return watch;
}

void loop_watch_pause(struct loop_watch *watch, bool paused)
{
	if (paused)
		event_del(watch->event);
	else
		must(event_add(watch->event, NULL) == 0);
}

void loop_watch_free(struct loop_watch **watch)
{
	if (!*watch)
		return;
	event_free((*watch)->event);
	free(*watch);
	*watch = NULL;
}

const char *loop_version(void)
{
	return event_get_version();
}
