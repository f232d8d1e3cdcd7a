/*
 * The process that stays: one line at a time, called again with growing rests; the doorbell
 * HOME/wake, rung by whoever saved an edit or left an errand; errands one by one; the search index
 * when it is quiet.
 */
#include "client/serve.h"

#include "client/bell.h"
#include "client/errand.h"
#include "client/live.h"
#include "client/texts.h"
#include "common/log.h"
#include "common/os.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TURN_US = 10 * 1000, WAKE_MS = 5000, RUSH_MS = 1000, INDEX_BUDGET_MS = 10 };
enum { LINE_WAIT_MS = 5000, LINE_POLL_MS = 20 };

/* An errand of another process. The first of the list is the one that is being run. */
struct job {
	struct job *next;
	char token[ERRAND_TOKEN];
	struct errand errand;
	bool asked, answered;
	int result;
	struct cause cause;
};

struct serve {
	struct loop *loop;
	struct copy *copy;
	struct os_lock *lock;
	int bell;
	struct loop_watch *watch;
	struct loop_timer *wake, *again, *index;
	struct loop_task more; /* another turn */
	struct live *live;
	uint64_t limit; /* bytes of documents a second; 0: as the copy has it */
	struct job *jobs;
	unsigned failures; /* in a row */
	uint64_t called_us;
	uint64_t indexed_feeds;
	int64_t asking_told; /* records that serve_tell_asking has told of */
	bool index_set; /* the timer is */
	int reader;	/* a process that reads documents for the search; 0: none */
	bool rung;
	bool was_up, stopping;
	int error;
	struct cause cause;
};

/* ---- Rests ---------------------------------------------------------------------------------- */

/* The next rest: twice the one before, less up to half by chance, so that schools which lost the
 * server together do not come back together. */
static uint64_t serve_rest_ms(struct serve *s)
{
	uint64_t ms = SERVE_LONGEST_MS;
	uint16_t chance;

	if (!live_was_replaced(s->live) && s->failures < 6)
		ms = (uint64_t)SERVE_FIRST_MS << s->failures;
	s->failures++;
	env_random(copy_env(s->copy), (uint8_t *)&chance, sizeof(chance));
	return ms - ms / 2 * chance / UINT16_MAX;
}

/* Some ends are not mended by calling again. */
static bool serve_is_final(int why)
{
	return why != 0 && why != ERR_OFFLINE && why != ERR_PROTO && why != ERR_INVALID &&
	       why != ERR_FULL;
}

/* Somebody wants something now: do not sit out the rest, but do not rush either. */
static void serve_hurry(struct serve *s)
{
	uint64_t since = (os_monotonic_us() - s->called_us) / 1000;

	if (live_state(s->live) == LIVE_DOWN && !s->stopping)
		loop_timer_set(s->again, since < RUSH_MS ? RUSH_MS - since : 0);
}

/* ---- Errands -------------------------------------------------------------------------------- */

static void job_done(void *arg, int err, const char *words)
{
	struct job *j = arg;

	j->answered = true;
	j->result = err;
	cause_set(&j->cause, err, "%s", words ? words : "");
}

static void job_ask(struct serve *s, struct job *j)
{
	struct errand *e = &j->errand;
	struct uplink *u = live_uplink(s->live);

	j->asked = true;
	if (e->limit)
		live_limit(s->live, e->limit);
	if (e->kind == ERRAND_SYNC)
		live_confirm(s->live);
	else if (e->kind == ERRAND_GET)
		uplink_get(u, &e->content, job_done, j);
	else if (e->kind == ERRAND_FETCH)
		uplink_fetch(u, false, job_done, j);
	else if (e->kind == ERRAND_ACCEPT || e->kind == ERRAND_REFUSE)
		uplink_decide(u, &e->change, e->kind == ERRAND_ACCEPT, e->words, &e->verdict,
			      job_done, j);
	else
		uplink_invite(u, &e->person, &e->school, e->invitation, e->verifier, &e->expires_ms,
			      job_done, j);
	loop_timer_set(s->wake, 0); /* it is sent in a turn of its own */
}

static void job_end(struct serve *s, struct job *j)
{
	errand_reply(copy_home(s->copy), j->token, &j->errand, j->result, j->cause.words);
	if (j->errand.limit)
		live_limit(s->live, s->limit);
	s->jobs = j->next;
	free(j);
}

static void serve_take_jobs(struct serve *s)
{
	struct errand errand;
	char token[ERRAND_TOKEN];
	struct job **at = &s->jobs;

	while (*at)
		at = &(*at)->next;
	while (errand_take(copy_home(s->copy), &errand, token)) {
		struct job *j = mem_alloc(sizeof(*j));
		j->errand = errand;
		memcpy(j->token, token, sizeof(token));
		*at = j;
		at = &j->next;
	}
}

/* Go on with the first; a turn that ended one looks at the next. */
static void serve_run_jobs(struct serve *s)
{
	while (s->jobs && live_state(s->live) == LIVE_UP) {
		struct job *j = s->jobs;
		bool fresh = !j->asked;
		if (fresh)
			job_ask(s, j);
		if (j->errand.kind == ERRAND_SYNC && !fresh && live_is_current(s->live))
			j->answered = true;
		if (!j->answered)
			break;
		job_end(s, j);
	}
}

/* The line could not be had, or was lost: whoever waits hears it. */
static void serve_fail_jobs(struct serve *s)
{
	struct cause why;
	int rc = live_why(s->live, &why);

	while (s->jobs) {
		struct job *j = s->jobs;
		if (!j->answered)
			job_done(j, rc ? rc : ERR_OFFLINE,
				 rc ? why.words : "the line to the server was closed");
		job_end(s, j);
	}
}

/* ---- Up and down
 * ------------------------------------------------------------------------------ */

static void serve_is_down(struct serve *s)
{
	struct cause why;
	int rc = live_why(s->live, &why);

	serve_fail_jobs(s);
	if (s->stopping) {
		loop_stop(s->loop);
		return;
	}
	if (serve_is_final(rc)) {
		s->error = cause_set(&s->cause, rc, "%s", why.words);
		loop_stop(s->loop);
		return;
	}
	uint64_t ms = serve_rest_ms(s);
	log_info("serve.down", "again_ms=%" PRIu64 " why=\"%s\"", ms, rc ? why.words : "");
	loop_timer_set(s->again, ms);
}

static void serve_call(void *arg)
{
	struct serve *s = arg;

	s->called_us = os_monotonic_us();
	live_call(s->live);
	if (live_state(s->live) == LIVE_DOWN)
		serve_is_down(s);
}

/* Withdrawals that are not sent before the person says so: told once, and when there are more. */
static void serve_tell_asking(struct serve *s)
{
	struct asking a;

	if (copy_asking(s->copy, &a) == 0 && a.records != s->asking_told) {
		s->asking_told = a.records;
		if (a.changes > 0)
			log_warn("serve.asks",
				 "changes=%" PRId64 " records=%" PRId64
				 " why=\"many withdrawals wait for a word: fivepits sync --yes\"",
				 a.changes, a.records);
	}
}

/* ---- Bells, timers, turns ------------------------------------------------------------------- */

static void serve_rung(void *arg)
{
	struct serve *s = arg;

	os_bell_clear(s->bell);
	serve_tell_asking(s);
	live_wake(s->live);
	s->rung = true;
}

/* Documents that have come are read by `fivepits index`, which takes its time. */
static void serve_read(struct serve *s)
{
	if (s->reader && !os_ended(s->reader))
		return;
	s->reader = 0;
	if (texts_pending(s->copy) <= 0)
		return;
	char *dir = os_program_dir(), *program = mem_format("%s/fivepits", dir ? dir : ".");
	const char *argv[] = {program, "--home", copy_home(s->copy), "index", NULL};
	int started = os_start(argv);
	s->reader = started > 0 ? started : 0;
	free(program);
	free(dir);
}

static void serve_index(void *arg)
{
	struct serve *s = arg;
	int rc = copy_index(s->copy, INDEX_BUDGET_MS);

	s->index_set = rc == 1;
	if (rc == 1)
		loop_timer_set(s->index, 1); /* others get their turn in between */
	else if (rc < 0)
		log_warn("serve.index", "err=%d", rc);
	else
		serve_read(s);
}

static void serve_wake(void *arg)
{
	struct serve *s = arg;

	live_wake(s->live);
	if (s->reader && os_ended(s->reader)) {
		s->reader = 0;
		serve_index(s); /* what it has read */
	}
	loop_timer_set(s->wake, WAKE_MS);
}

static void serve_more(void *arg)
{
	(void)arg; /* the turn's end does what there is to do */
}

static void serve_turn(void *arg)
{
	struct serve *s = arg;
	enum live_state before = live_state(s->live);

	live_turn(s->live);
	if (live_is_busy(s->live))
		loop_later(s->loop, &s->more);
	enum live_state now = live_state(s->live);
	if (now == LIVE_UP && !s->was_up) {
		log_info("serve.up", "address=%s", copy_identity(s->copy)->address);
		serve_tell_asking(s);
		s->failures = 0;
	}
	s->was_up = now == LIVE_UP;
	if (s->rung) { /* what was saved has gone out by now; was it that, or an errand? */
		s->rung = false;
		serve_take_jobs(s);
		serve_hurry(s);
	}
	serve_run_jobs(s);
	if (now == LIVE_DOWN && before != LIVE_DOWN)
		serve_is_down(s);
	if (!s->index_set && live_feeds(s->live) != s->indexed_feeds) {
		s->indexed_feeds = live_feeds(s->live);
		s->index_set = true;
		loop_timer_set(s->index, SERVE_INDEX_MS);
	}
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

/* A command that holds it for its errand will be done soon; another `serve` will not. */
static int serve_take_line(struct serve *s, struct cause *cause)
{
	const struct timespec rest = {.tv_nsec = LINE_POLL_MS * 1000000};
	char *path = mem_format("%s/line", copy_home(s->copy));
	int rc = os_lock_open(&s->lock, path, cause);

	free(path);
	if (rc)
		return rc;
	rc = os_lock_take(s->lock, true, false);
	for (int waited = 0; rc == ERR_AGAIN && waited < LINE_WAIT_MS; waited += LINE_POLL_MS) {
		nanosleep(&rest, NULL);
		rc = os_lock_take(s->lock, true, false);
	}
	if (rc)
		cause_set(cause, rc,
			  "another 'fivepits serve', or a sync, of this copy is at work: it must "
			  "end first");
	return rc;
}

int serve_open(struct serve **out, struct loop *loop, struct copy *copy, struct cause *cause)
{
	struct serve *s = mem_alloc(sizeof(*s));
	char *path = bell_path(copy_home(copy));

	*s = (struct serve){.loop = loop, .copy = copy, .bell = -1};
	*out = s;
	int rc = serve_take_line(s, cause);
	if (rc == 0 && (s->bell = os_bell_open(path, cause)) < 0)
		rc = s->bell;
	free(path);
	if (rc) {
		serve_close(out);
		return rc;
	}
	errand_sweep(copy_home(copy));
	s->live = live_new(loop, copy);
	live_fetch_documents(s->live);
	s->watch = loop_watch_new(loop, s->bell, false, serve_rung, s);
	s->more = (struct loop_task){.fn = serve_more};
	s->wake = loop_timer_new(loop, serve_wake, s);
	s->again = loop_timer_new(loop, serve_call, s);
	s->index = loop_timer_new(loop, serve_index, s);
	loop_set_hook(loop, serve_turn, s);
	loop_set_turn_us(loop, TURN_US);
	loop_timer_set(s->wake, WAKE_MS);
	loop_timer_set(s->again, 0);
	serve_take_jobs(s);
	return 0;
}

void serve_close(struct serve **serve)
{
	struct serve *s = *serve;

	if (!s)
		return;
	*serve = NULL;
	live_free(&s->live);
	while (s->jobs) {
		job_done(s->jobs, ERR_OFFLINE,
			 "the process that held the line to the server has ended");
		job_end(s, s->jobs);
	}
	loop_watch_free(&s->watch);
	loop_timer_free(&s->wake);
	loop_timer_free(&s->again);
	loop_timer_free(&s->index);
	if (s->bell >= 0)
		close(s->bell);
	os_lock_close(&s->lock);
	free(s);
}

void serve_stop(void *serve)
{
	struct serve *s = serve;

	if (s->stopping || live_state(s->live) == LIVE_DOWN) {
		loop_stop(s->loop);
		return;
	}
	s->stopping = true;
	live_hang_up(s->live);
}

int serve_error(const struct serve *s, struct cause *cause)
{
	return s->error ? cause_set(cause, s->error, "%s", s->cause.words) : 0;
}

void serve_limit(struct serve *s, uint64_t bytes_s)
{
	s->limit = bytes_s;
	live_limit(s->live, bytes_s);
}

int serve_run(struct copy *copy, uint64_t limit, struct cause *cause)
{
	struct loop *loop = loop_new();
	struct serve *s;
	int rc = serve_open(&s, loop, copy, cause);

	if (rc == 0) {
		serve_limit(s, limit);
		loop_take_signals(loop, serve_stop, s);
		log_info("serve.ready", "home=%s", copy_home(copy));
		rc = loop_run(loop);
		if (rc == 0)
			rc = serve_error(s, cause);
		serve_close(&s);
	}
	loop_free(&loop);
	return rc;
}
