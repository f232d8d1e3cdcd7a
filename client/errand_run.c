/*
 * Running an errand: on a line of our own where HOME/line is free, else by the process that holds
 * it.
 */
#include "client/errand.h"

#include "client/live.h"
#include "common/os.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TURN_US = 10 * 1000,
	PROGRESS_MS = 100,
	AGAIN_MS = 500, /* a line that broke in the middle is called again so often, with this rest
			   between */
	AGAIN_TIMES = 2,
	RECOVERY_TIMES = 20, /* so often while the server gathers what the copies hold */
	WAKE_MS = 5000,
	POLL_MS = 5,
	LONG_US = 1000 * 1000,
};

struct run {
	struct copy *copy;
	struct errand *errand;
	errand_progress_fn progress;
	void *arg;
	struct cause *cause;
	struct loop *loop;
	struct live *live;
	struct loop_timer *timer, *again;
	uint64_t told_us;
	int again_left, recovery_left;
	bool was_up, asked, ended;
	int result;
};

/* ---- On a line of our own ------------------------------------------------------------------- */

static void run_end(struct run *r, int result, const char *words)
{
	if (r->ended)
		return;
	r->ended = true;
	r->result = result;
	if (result || words)
		cause_set(r->cause, result, "%s", words);
	live_hang_up(r->live);
}

static void run_answered(void *arg, int err, const char *words)
{
	struct run *r = arg;

	/* A line that broke is called again; only then it is told. */
	if (err == ERR_OFFLINE)
		r->asked = false;
	else
		run_end(r, err, words);
}

static void run_ask(struct run *r)
{
	struct errand *e = r->errand;
	struct uplink *u = live_uplink(r->live);

	r->asked = true;
	if (e->kind == ERRAND_GET)
		uplink_get(u, &e->content, run_answered, r);
	else if (e->kind == ERRAND_FETCH)
		uplink_fetch(u, false, run_answered, r);
	else if (e->kind == ERRAND_INVITE)
		uplink_invite(u, &e->person, &e->school, e->invitation, e->verifier, &e->expires_ms,
			      run_answered, r);
	else if (e->kind == ERRAND_ACCEPT || e->kind == ERRAND_REFUSE)
		uplink_decide(u, &e->change, e->kind == ERRAND_ACCEPT, e->words, &e->verdict,
			      run_answered, r);
	loop_timer_set(r->timer, 0); /* it is sent in a turn of its own */
}

static void run_tell(struct run *r)
{
	uint64_t now = os_monotonic_us();

	if (!r->progress || !live_uplink(r->live) || now - r->told_us < PROGRESS_MS * 1000)
		return;
	r->told_us = now;
	struct uplink_progress p = uplink_progress(live_uplink(r->live));
	r->progress(r->arg, &p);
}

/* The line is down: for good, or is it worth another try? */
static void run_is_down(struct run *r)
{
	struct cause why;
	int rc = live_why(r->live, &why);

	if (r->ended) {
		loop_stop(r->loop);
		return;
	}
	if (rc == ERR_OFFLINE && live_is_recovering(r->live) && r->recovery_left > 0) {
		r->recovery_left--;
		loop_timer_set(r->again, AGAIN_MS);
		return;
	}
	if (rc == ERR_OFFLINE && r->was_up && r->again_left > 0) {
		r->again_left--;
		r->was_up = false;
		loop_timer_set(r->again, AGAIN_MS);
		return;
	}
	r->ended = true;
	r->result = rc ? rc : ERR_OFFLINE;
	cause_set(r->cause, rc, "%s", rc ? why.words : "the line was closed");
	loop_stop(r->loop);
}

static void run_call(void *arg)
{
	struct run *r = arg;

	live_call(r->live);
	if (live_state(r->live) == LIVE_DOWN)
		run_is_down(r);
}

static void run_turn(void *arg)
{
	struct run *r = arg;
	enum live_state before = live_state(r->live);

	live_turn(r->live);
	if (live_is_busy(r->live))
		loop_timer_set(r->timer, 0);
	enum live_state now = live_state(r->live);
	run_tell(r);
	if (now == LIVE_UP && !r->ended) {
		r->was_up = true;
		if (!r->asked)
			run_ask(r);
		if (r->errand->kind == ERRAND_SYNC && live_is_current(r->live))
			run_end(r, 0, NULL);
	}
	if (now == LIVE_DOWN && before != LIVE_DOWN)
		run_is_down(r);
}

static void run_wake(void *arg)
{
	struct run *r = arg;

	live_wake(r->live);
	loop_timer_set(r->timer, WAKE_MS);
}

static void run_interrupt(void *arg)
{
	struct run *r = arg;

	loop_stop(r->loop);
}

/* What was saved is on disk, and what came is too; how to go on is another matter for each. */
static int run_interrupted(struct run *r, int signal)
{
	const enum errand_kind kind = r->errand->kind;
	const char *next = kind == ERRAND_INVITE ? "the same command again makes an invitation anew"
			   : kind == ERRAND_ACCEPT || kind == ERRAND_REFUSE
				   ? "'fivepits held' says whether it is decided by now"
				   : "what was saved and what came stays, and the same command "
				     "again goes on from there";

	return cause_set(r->cause, signal == SIGINT ? ERR_INTERRUPTED : ERR_TERMINATED,
			 "interrupted; %s", next);
}

static int run_alone(struct run *r)
{
	r->loop = loop_new();
	r->live = live_new(r->loop, r->copy);
	if (r->errand->kind == ERRAND_SYNC)
		live_fetch_documents(r->live);
	if (r->errand->no_documents)
		live_hold_documents(r->live);
	live_limit(r->live, r->errand->limit);
	if (r->errand->no_history)
		live_hold_history(r->live);
	r->timer = loop_timer_new(r->loop, run_wake, r);
	r->again = loop_timer_new(r->loop, run_call, r);
	r->again_left = AGAIN_TIMES;
	r->recovery_left = RECOVERY_TIMES;
	loop_set_hook(r->loop, run_turn, r);
	loop_set_turn_us(r->loop, TURN_US);
	loop_take_signals(r->loop, run_interrupt, r);
	loop_timer_set(r->again, 0);
	loop_timer_set(r->timer, WAKE_MS);
	int rc = loop_run(r->loop);
	r->errand->unfetched = live_fetch_failures(r->live, &r->errand->why_unfetched);
	int signal = loop_signal(r->loop);
	live_free(&r->live);
	loop_timer_free(&r->timer);
	loop_timer_free(&r->again);
	loop_free(&r->loop);
	if (rc == 0 && signal && !r->ended)
		return run_interrupted(r, signal);
	return rc ? rc : r->result;
}

/* ---- By the process that holds the line ----------------------------------------------------- */

static void wait_ms(unsigned ms)
{
	struct timespec t = {.tv_nsec = (long)ms * 1000000};
	nanosleep(&t, NULL);
}

/* 1: it was answered, with `*result`; 0: the holder is gone, and the lock is ours. */
static int run_beside(struct run *r, struct os_lock *lock, int *result)
{
	const char *home = copy_home(r->copy);
	char token[ERRAND_TOKEN];
	uint64_t began_us = os_monotonic_us();
	unsigned wait = POLL_MS;
	bool told = !r->progress;

	if ((*result = errand_post(home, r->errand, token, r->cause)) != 0)
		return 1;
	for (;;) {
		if (errand_answer(home, token, r->errand, result, r->cause))
			return 1;
		if (os_lock_take(lock, true, false) == 0) {
			errand_withdraw(home, token);
			return 0;
		}
		wait_ms(wait);
		if (!told && os_monotonic_us() - began_us >= LONG_US) {
			r->progress(r->arg, NULL);
			told = true;
		}
		if (wait < 50)
			wait++;
	}
}

int errand_run(struct copy *copy, struct errand *errand, errand_progress_fn progress, void *arg,
	       struct cause *cause)
{
	struct cause own = {""};
	struct run r = {.copy = copy,
			.errand = errand,
			.progress = progress,
			.arg = arg,
			.cause = cause ? cause : &own};
	struct os_lock *lock = NULL;
	char *path = mem_format("%s/line", copy_home(copy));
	int rc = os_lock_open(&lock, path, r.cause);

	free(path);
	if (rc)
		return rc;
	int taken = os_lock_take(lock, true, false);
	if (taken == ERR_AGAIN && run_beside(&r, lock, &rc)) {
		os_lock_close(&lock);
		return rc;
	}
	if (taken && taken != ERR_AGAIN)
		rc = cause_set(r.cause, taken, "the lock on %s/line can't be taken",
			       copy_home(copy));
	else
		rc = run_alone(&r);
	os_lock_close(&lock);
	return rc;
}
