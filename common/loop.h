/*
 * The event loop: turns, timers, watched descriptors, signals. libevent is named in loop.c and
 * conn.c alone. One thread owns a loop; several loops may live in one process.
 *
 * A turn is: every callback that has become due, then the hook. What a turn has received is made
 * durable in the hook, and only the hook may answer it, so that nothing is promised before its
 * commit.
 */
#ifndef FIVEPITS_LOOP_H
#define FIVEPITS_LOOP_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct event_base;
typedef void (*loop_fn)(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop **loop); /* after everything that was made on it */
struct event_base *
loop_base(struct loop *loop); /* borrowed as long as the loop, for an HTTP server */

/* What ends every turn. */
void loop_set_hook(struct loop *loop, loop_fn hook, void *arg);
/* A turn longer than this is cut: callbacks that are still due wait for the next (0: never;
 * default). */
void loop_set_turn_us(struct loop *loop, uint64_t us);
/* Has this turn had its time? Whoever works through a queue asks after each piece, and goes on in
 * the next turn (loop_later) once it is true. */
bool loop_turn_expired(struct loop *loop);
void loop_turn_cut(struct loop *loop); /* this one has: whatever the clock says */

/* Turns until loop_stop. 0, or ERR_IO. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* loop_run returns after this turn's hook */
bool loop_stopping(const struct loop *loop);

/* SIGTERM and SIGINT call `stop` (NULL: loop_stop), SIGUSR1 turns debug lines on and off, SIGPIPE
 * and SIGXFSZ are ignored. For one loop of a process. */
void loop_take_signals(struct loop *loop, loop_fn stop, void *arg);

/* The last SIGTERM or SIGINT that came; 0: none did. */
int loop_signal(const struct loop *loop);

/* Something to do in the next turn. Embedded in its owner; zero-initialise, then set fn and arg. */
struct loop_task {
	struct loop_task *next;
	bool queued;
	loop_fn fn;
	void *arg;
};
void loop_later(struct loop *loop, struct loop_task *task);  /* once, however often it is called */
void loop_forget(struct loop *loop, struct loop_task *task); /* take it back */

/* A timer that calls once each time it is set. Setting it again replaces the time. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg);
void loop_timer_set(struct loop_timer *timer, uint64_t ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer **timer); /* NULL inside is fine */

/* Call `fn` in every turn in which `fd` can be read (or written). The descriptor stays the
 * caller's, and is closed after loop_watch_free. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *loop, int fd, bool write, loop_fn fn, void *arg);
void loop_watch_pause(struct loop_watch *watch, bool paused);
void loop_watch_free(struct loop_watch **watch); /* NULL inside is fine */

/* libevent's version, for `doctor`. */
const char *loop_version(void);

#endif
