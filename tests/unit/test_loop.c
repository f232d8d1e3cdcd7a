/* Turns: what runs in which, what is cut, what is forgotten. */
#include "common/loop.h"
#include "common/os.h"
#include "tests/tap.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct bench {
	struct loop *loop;
	struct loop_task first, second;
	struct loop_timer *timer;
	struct loop_watch *watch;
	int pipe[2];
	int turns, most, ran, second_ran, read, stops;
	char log[64]; /* what happened, a letter each; a bar ends a turn */
};

static void note_down(struct bench *b, char c)
{
	size_t n = strlen(b->log);
	if (n < sizeof(b->log) - 1)
		b->log[n] = c;
}

static void hook(void *arg)
{
	struct bench *b = arg;
	note_down(b, '|');
	if (++b->turns >= b->most)
		loop_stop(b->loop);
}

static void bench_open(struct bench *b, int most)
{
	memset(b, 0, sizeof(*b));
	b->loop = loop_new();
	b->most = most;
	loop_set_hook(b->loop, hook, b);
}

static void again(void *arg)
{
	struct bench *b = arg;
	note_down(b, 'a');
	b->ran++;
	loop_later(b->loop, &b->first);
}

static void once(void *arg)
{
	struct bench *b = arg;
	note_down(b, 'b');
	b->second_ran++;
}

static void test_tasks(void)
{
	struct bench b;

	bench_open(&b, 3);
	b.first = (struct loop_task){.fn = again, .arg = &b};
	b.second = (struct loop_task){.fn = once, .arg = &b};
	loop_later(b.loop, &b.first);
	loop_later(b.loop, &b.second);
	loop_later(b.loop, &b.second);
	ok(loop_run(b.loop) == 0, "the loop ends when it is stopped");
	ok(strcmp(b.log, "ab|a|a|") == 0, "a task runs once a turn, in the order of asking (%s)",
	   b.log);
	loop_forget(b.loop, &b.first);
	loop_forget(b.loop, &b.second);
	b.most = 5;
	loop_later(b.loop, &b.second);
	loop_run(b.loop);
	ok(b.ran == 3 && b.second_ran == 2, "what was forgotten does not run");
	loop_free(&b.loop);
}

static void forgets_second(void *arg)
{
	struct bench *b = arg;
	note_down(b, 'f');
	loop_forget(b->loop, &b->second);
}

static void test_forget_in_turn(void)
{
	struct bench b;

	bench_open(&b, 2);
	b.first = (struct loop_task){.fn = forgets_second, .arg = &b};
	b.second = (struct loop_task){.fn = once, .arg = &b};
	loop_later(b.loop, &b.first);
	loop_later(b.loop, &b.second);
	ok(loop_run(b.loop) == 0 && b.second_ran == 0,
	   "a task may forget one that is due in the same turn");
	loop_free(&b.loop);
}

static void slow_read(void *arg)
{
	struct bench *b = arg;
	uint64_t until = os_monotonic_us() + 3000;
	char c;

	note_down(b, 'r');
	b->read += read(b->pipe[0], &c, 1) == 1;
	loop_turn_expired(b->loop); /* the turn's clock starts with the first who asks */
	while (os_monotonic_us() < until)
		;
	loop_turn_expired(b->loop);
}

static void other_read(void *arg)
{
	note_down(arg, 'o');
}

static void test_cut(void)
{
	struct bench b;

	bench_open(&b, 4);
	loop_set_turn_us(b.loop, 1000);
	ok(pipe(b.pipe) == 0 && write(b.pipe[1], "xxxx", 4) == 4, "(a pipe)");
	struct loop_watch *slow = loop_watch_new(b.loop, b.pipe[0], false, slow_read, &b);
	struct loop_watch *other = loop_watch_new(b.loop, b.pipe[1], true, other_read, &b);
	loop_run(b.loop);
	ok(strstr(b.log, "r|o") || strncmp(b.log, "or|", 3) == 0,
	   "a turn over its time ends, and what was due comes in the next (%s)", b.log);
	ok(strchr(b.log, 'o') && b.read >= 2, "and everybody has their turn");
	loop_watch_free(&slow);
	loop_watch_free(&other);
	close(b.pipe[0]);
	close(b.pipe[1]);
	loop_free(&b.loop);
}

static void tick(void *arg)
{
	struct bench *b = arg;
	note_down(b, 't');
	b->ran++;
	if (b->ran < 3)
		loop_timer_set(b->timer, 1);
}

static void test_timers(void)
{
	struct bench b;

	bench_open(&b, 100);
	b.timer = loop_timer_new(b.loop, tick, &b);
	loop_timer_set(b.timer, 10000);
	loop_timer_set(b.timer, 5);
	uint64_t began = os_monotonic_us();
	ok(loop_run(b.loop) == 0 && b.ran == 3, "a loop with nothing left to wait for ends");
	ok(os_monotonic_us() - began < 5000000, "setting a timer again replaces its time");
	loop_timer_set(b.timer, 1);
	loop_timer_stop(b.timer);
	loop_run(b.loop);
	ok(b.ran == 3, "a stopped timer does not call");
	loop_timer_free(&b.timer);
	loop_free(&b.loop);
}

static void stopped(void *arg)
{
	struct bench *b = arg;
	b->stops++;
	loop_stop(b->loop);
}

static void kill_self(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static void test_signals(void)
{
	struct bench b;

	bench_open(&b, 1000);
	loop_take_signals(b.loop, stopped, &b);
	b.timer = loop_timer_new(b.loop, kill_self, &b);
	loop_timer_set(b.timer, 1);
	ok(loop_run(b.loop) == 0 && b.stops == 1, "SIGTERM calls who asked for it");
	loop_timer_free(&b.timer);
	loop_free(&b.loop);
}

int main(void)
{
	test_tasks();
	test_forget_in_turn();
	test_cut();
	test_timers();
	test_signals();
	return tap_end();
}
