/*
 * How much may be on its way, on lines of all kinds: a line here is a queue that is emptied at a
 * rate, and the time that bytes take besides. Several flows may share one.
 */
#include "common/pace.h"

#include "common/err.h"
#include "common/mem.h"
#include "tests/tap.h"

#include <stdlib.h>

enum { FLOWS = 3, FRAMES = 1 << 16 };

/* What is on the line: frames in the order in which they were sent. */
struct packet {
	unsigned flow;
	uint64_t bytes, mark;
	uint64_t there_ms; /* when it has passed the queue; 0: it stands in it */
};

struct flow {
	struct pace pace;
	bool off;
	uint64_t from_ms, until_ms; /* it sends in between; 0: for ever */
	uint64_t passed;	    /* bytes */
};

struct line {
	uint64_t rate, room, way_ms; /* bytes a second; bytes that may wait; there and back */
	struct packet *packets;
	size_t first, passing, n; /* [first, passing): past the queue, not yet answered */
	uint64_t queued, credit, now_ms, most, sum, ticks;
	uint64_t measured_ms; /* `most` and `sum` of the queue are taken from then on */
	struct flow flows[FLOWS];
};

static void line_init(struct line *l, uint64_t rate, uint64_t room, uint64_t way_ms)
{
	*l = (struct line){.rate = rate, .room = room, .way_ms = way_ms, .now_ms = 1000000};
	l->packets = mem_alloc(FRAMES * sizeof(*l->packets));
	for (size_t i = 0; i < FLOWS; i++) {
		pace_init(&l->flows[i].pace, l->now_ms);
		pace_is_answered(&l->flows[i].pace);
		l->flows[i].off = i > 0;
	}
}

static void line_fini(struct line *l)
{
	free(l->packets);
}

static bool flow_sends(const struct line *l, const struct flow *f)
{
	uint64_t at = l->now_ms - 1000000;
	return !f->off && at >= f->from_ms && (!f->until_ms || at < f->until_ms);
}

/* A frame of each flow in turn, as long as one may. */
static void line_send(struct line *l)
{
	for (bool sent = true; sent;) {
		sent = false;
		for (unsigned i = 0; i < FLOWS; i++) {
			struct flow *f = &l->flows[i];
			size_t part;
			if (!flow_sends(l, f) || l->queued > l->room || l->n - l->first == FRAMES ||
			    !pace_may_send(&f->pace, 64 * 1024, l->now_ms, &part))
				continue;
			uint64_t mark = pace_sent(&f->pace, part, l->now_ms);
			l->packets[l->n++ % FRAMES] =
				(struct packet){i, part + PACE_FRAME, mark, 0};
			l->queued += part + PACE_FRAME;
			sent = true;
		}
	}
}

static void line_pass(struct line *l)
{
	l->credit = l->passing < l->n ? l->credit + l->rate : 0; /* in thousandths of a byte */
	while (l->passing < l->n) {
		struct packet *p = &l->packets[l->passing % FRAMES];
		if (l->credit < p->bytes * 1000)
			break;
		l->credit -= p->bytes * 1000;
		l->queued -= p->bytes;
		l->flows[p->flow].passed += p->bytes;
		p->there_ms = l->now_ms;
		l->passing++;
	}
	while (l->first < l->passing) {
		struct packet *p = &l->packets[l->first % FRAMES];
		if (p->there_ms + l->way_ms > l->now_ms)
			break;
		must(!p->mark || pace_came(&l->flows[p->flow].pace, p->mark, l->now_ms));
		l->first++;
	}
}

/* For so long. */
static void line_run(struct line *l, uint64_t ms)
{
	for (uint64_t end = l->now_ms + ms; l->now_ms < end; l->now_ms++) {
		line_pass(l);
		line_send(l);
		if (l->now_ms < l->measured_ms)
			continue;
		l->most = l->queued > l->most ? l->queued : l->most;
		l->sum += l->queued;
		l->ticks++;
	}
}

/* From here on. */
static void line_measure(struct line *l)
{
	l->measured_ms = l->now_ms;
	l->most = l->sum = l->ticks = 0;
	for (size_t i = 0; i < FLOWS; i++)
		l->flows[i].passed = 0;
}

static uint64_t queue_ms(const struct line *l, uint64_t bytes)
{
	return bytes * 1000 / l->rate;
}

/* Percent of what the line could carry. */
static uint64_t used(const struct line *l, uint64_t bytes, uint64_t ms)
{
	return bytes * 100 * 1000 / l->rate / ms;
}

static void test_slow(uint64_t rate, uint64_t way_ms, uint64_t queue)
{
	struct line l;

	line_init(&l, rate, 1 << 20, way_ms);
	line_run(&l, 3000);
	uint64_t start = queue_ms(&l, l.most);
	line_measure(&l);
	line_run(&l, 120000);
	uint64_t most = queue_ms(&l, l.most), mean = queue_ms(&l, l.sum / l.ticks);
	uint64_t share = used(&l, l.flows[0].passed, 120000);
	ok(most <= queue,
	   "%d B/s and %d ms: no more than %d ms stand in a buffer of a megabyte (%d at the start, "
	   "%d at most, %d in the mean)",
	   (int)rate, (int)way_ms, (int)queue, (int)start, (int)most, (int)mean);
	ok(start <= 300, "nor much more at the start");
	ok(share >= 90, "and the line is used (%d %%)", (int)share);
	line_fini(&l);
}

static void test_fast(void)
{
	struct line l;

	line_init(&l, 100000000, 8 << 20, 1);
	line_run(&l, 1000);
	line_measure(&l);
	line_run(&l, 10000);
	ok(used(&l, l.flows[0].passed, 10000) >= 97, "a fast line is not limited (%d %%)",
	   (int)used(&l, l.flows[0].passed, 10000));
	line_fini(&l);
	line_init(&l, 10000000, 8 << 20, 40);
	line_run(&l, 3000);
	ok(used(&l, l.flows[0].passed, 3000) >= 80,
	   "nor is one of 80 Mbit/s that is far away, from its first second on (%d %%)",
	   (int)used(&l, l.flows[0].passed, 3000));
	line_fini(&l);
}

/* The way becomes longer: that is no queue, and in the end it is seen. */
static void test_base(void)
{
	struct line l;

	line_init(&l, 500000, 1 << 20, 20);
	line_run(&l, 20000);
	l.way_ms = 220;
	line_run(&l, (PACE_BASES + 1) * PACE_BREATH_MS);
	line_measure(&l);
	line_run(&l, 60000);
	ok(used(&l, l.flows[0].passed, 60000) >= 85,
	   "a line that has become longer is used (%d %%)",
	   (int)used(&l, l.flows[0].passed, 60000));
	l.way_ms = 20;
	line_run(&l, 5000);
	line_measure(&l);
	line_run(&l, 20000);
	ok(queue_ms(&l, l.most) <= 150,
	   "and where it becomes shorter again no queue stands (%d ms)", (int)queue_ms(&l, l.most));
	line_fini(&l);
}

static void test_shares(void)
{
	struct line l;

	line_init(&l, 125000, 1 << 20, 30);
	l.flows[1].off = false;
	l.flows[1].from_ms = 20000;
	line_run(&l, 100000);
	line_measure(&l);
	line_run(&l, 120000);
	uint64_t one = used(&l, l.flows[0].passed, 120000),
		 two = used(&l, l.flows[1].passed, 120000);
	ok(one >= 25 && two >= 25 && one + two >= 90,
	   "two that share a line share it about evenly, whoever came first (%d and %d %%)",
	   (int)one, (int)two);
	ok(queue_ms(&l, l.most) <= 300, "and the queue stays short (%d ms at most, %d in the mean)",
	   (int)queue_ms(&l, l.most), (int)queue_ms(&l, l.sum / l.ticks));
	line_fini(&l);
}

static void test_limit(void)
{
	struct line l;
	const uint64_t rates[] = {5000, 32000, 1000000};

	for (int i = 0; i < 3; i++) {
		line_init(&l, 10000000, 1 << 20, 10);
		pace_limit(&l.flows[0].pace, rates[i], l.now_ms);
		line_run(&l, 60000);
		uint64_t is = l.flows[0].passed / 60;
		ok(is >= rates[i] * 95 / 100 && is <= rates[i] * 105 / 100,
		   "a limit of %d B/s is held (%d)", (int)rates[i], (int)is);
		line_fini(&l);
	}
	line_init(&l, 10000000, 1 << 20, 10);
	line_run(&l, 1000);
	pace_limit(&l.flows[0].pace, 100000, l.now_ms);
	line_run(&l, 1000); /* what was on its way arrives */
	line_measure(&l);
	line_run(&l, 10000);
	ok(l.flows[0].passed <= 1050000, "it can be set in the middle (%d in 10 s)",
	   (int)l.flows[0].passed);
	pace_limit(&l.flows[0].pace, 0, l.now_ms);
	line_measure(&l);
	line_run(&l, 5000);
	ok(used(&l, l.flows[0].passed, 5000) >= 80, "and taken back (%d %%)",
	   (int)used(&l, l.flows[0].passed, 5000));
	line_fini(&l);
}

static void test_rest(void)
{
	struct pace p;
	size_t part;

	pace_init(&p, 5000);
	ok(pace_rest_ms(&p, 5000) == 0, "without a limit nothing rests");
	pace_limit(&p, 10000, 5000);
	ok(pace_may_send(&p, 100000, 5000, &part) && part == PACE_PART,
	   "with one a small part goes at once");
	pace_sent(&p, part, 5000);
	uint64_t rest = pace_rest_ms(&p, 5000);
	ok(!pace_may_send(&p, 100000, 5000, &part) &&
		   !pace_may_send(&p, 100000, 5000 + rest - 2, &part) &&
		   pace_may_send(&p, 100000, 5000 + rest, &part),
	   "the next after the rest that it tells (%d ms), not before", (int)rest);
	ok(pace_may_send(&p, 0, 9000, &part) && part == 0, "of an empty chunk there is a part too");
	pace_limit(&p, 1, 9000);
	ok(p.limit == PACE_LIMIT_LEAST, "no limit stops all");
}

/* What is sent without marks is as it was before there were any. */
static void test_unanswered(void)
{
	struct pace p;
	size_t part;

	pace_init(&p, 1);
	for (int i = 0; i < 1000; i++) {
		must(pace_may_send(&p, 200000, 1, &part) && part == 200000);
		must(pace_sent(&p, part, 1) == 0);
	}
	ok(p.n_marks == 0, "to one who answers no marks whole chunks go, and no marks");
}

/* Marks that a full window of that size has, with no answer between. */
static int marks_in(uint64_t window)
{
	struct pace p;
	size_t part;
	int n = 0;

	pace_init(&p, 1000);
	pace_is_answered(&p);
	must(pace_may_send(&p, 1000, 1000, &part));
	must(pace_came(&p, pace_sent(&p, part, 1000), 1001));
	p.window = window;
	while (pace_may_send(&p, 8000, 1001, &part))
		n += pace_sent(&p, part, 1001) > 0;
	return n;
}

static void test_marks_wide(void)
{
	int small = marks_in(PACE_MOST / 8), wide = marks_in(PACE_MOST);

	ok(small >= 8, "a window of 128 KiB has a mark for each 16th of it (%d)", small);
	ok(wide >= 4 && wide <= 6, "the widest one for each quarter (%d)", wide);
}

static void test_marks(void)
{
	struct pace p;
	size_t part;
	uint64_t marks[200], n = 0;

	pace_init(&p, 1000);
	pace_is_answered(&p);
	ok(pace_may_send(&p, 200000, 1000, &part) && part == PACE_PART,
	   "the first frame is small, to measure the line");
	uint64_t mark = pace_sent(&p, part, 1000);
	ok(mark > 0 && !pace_may_send(&p, 200000, 1000, &part), "and alone, with a mark");
	ok(!pace_came(&p, mark + 1, 1001), "an answer to what was never marked is none");
	ok(pace_came(&p, mark, 1001) && pace_came(&p, mark, 1001),
	   "an answer is taken; the same again is of no use, and does no harm");
	for (uint64_t now = 1002; pace_may_send(&p, 3000, now, &part); now++)
		if ((mark = pace_sent(&p, part, now)))
			marks[n++] = mark;
	ok(n >= 3 && n <= PACE_MARKS && p.sent - p.came <= p.window,
	   "the window is filled, with some marks (%d)", (int)n);
	ok(p.sent - marks[n - 1] < p.window / 2, "the last of them near its end");
	ok(pace_came(&p, marks[n - 1], 1020) && p.n_marks == 0,
	   "an answer counts for those before it");
	while (pace_may_send(&p, 3000, 1030, &part))
		pace_sent(&p, part, 1030);
	ok(!pace_may_send(&p, 3000, 1030 + PACE_LOST_MS - 1, &part) &&
		   pace_may_send(&p, 3000, 1030 + PACE_LOST_MS, &part) && part == PACE_PART,
	   "where no answer comes for long a small frame may try");
	uint64_t now = 1030 + PACE_LOST_MS;
	for (int i = 0; i < 100; i++, now += PACE_LOST_MS) {
		must(pace_may_send(&p, 3000, now, &part));
		must(pace_sent(&p, part, now) <= p.sent && p.n_marks <= PACE_MARKS);
	}
	ok(pace_came(&p, p.marked, now) && pace_may_send(&p, 3000, now, &part),
	   "and one answer opens the window, however many were lost");
}

static void test_idle(void)
{
	struct line l;

	line_init(&l, 10000000, 1 << 20, 20);
	l.flows[0].until_ms = 5000;
	line_run(&l, 5500);
	uint64_t wide = l.flows[0].pace.window;
	line_run(&l, PACE_IDLE_MS);
	l.flows[0].until_ms = 0;
	l.rate = 62500; /* meanwhile the line has become another */
	line_measure(&l);
	line_run(&l, 20000);
	ok(wide > 20 * PACE_FIRST && queue_ms(&l, l.most) <= 300,
	   "after a silence it begins anew (%d ms of queue where %d KiB were allowed before)",
	   (int)queue_ms(&l, l.most), (int)(wide / 1024));
	line_fini(&l);
}

/* A flow that has little to send does not learn that much may be sent. */
static void test_trickle(void)
{
	struct pace p;
	size_t part;

	pace_init(&p, 1000);
	pace_is_answered(&p);
	for (uint64_t now = 1000; now < 60000; now += 10) {
		if (!pace_may_send(&p, 500, now, &part))
			continue;
		uint64_t mark = pace_sent(&p, part, now);
		must(!mark || pace_came(&p, mark, now + 5));
	}
	ok(p.window <= 2 * PACE_FIRST, "what is not used does not grow (%d KiB)",
	   (int)(p.window / 1024));
}

static void test_clock(void)
{
	struct line l;

	line_init(&l, 125000, 1 << 20, 30);
	line_run(&l, 10000);
	l.now_ms -= 1000000; /* an hour back, or so: what is on the line is as late as it was */
	for (size_t i = l.first; i < l.passing; i++)
		l.packets[i % FRAMES].there_ms -= 1000000;
	l.measured_ms = 0;
	l.flows[0].from_ms = 0;
	line_measure(&l);
	for (uint64_t i = 0; i < 20000; i++) {
		size_t part;
		line_pass(&l);
		while (pace_may_send(&l.flows[0].pace, 65536, l.now_ms, &part)) {
			uint64_t mark = pace_sent(&l.flows[0].pace, part, l.now_ms);
			l.packets[l.n++ % FRAMES] = (struct packet){0, part + PACE_FRAME, mark, 0};
			l.queued += part + PACE_FRAME;
		}
		l.most = l.queued > l.most ? l.queued : l.most;
		l.now_ms++;
	}
	ok(used(&l, l.flows[0].passed, 20000) >= 85 && queue_ms(&l, l.most) <= 200,
	   "a clock that is put back changes nothing (%d %%, %d ms at most)",
	   (int)used(&l, l.flows[0].passed, 20000), (int)queue_ms(&l, l.most));
	line_fini(&l);
}

int main(void)
{
	test_slow(62500, 30, 150);
	test_slow(32000, 60, 220);
	test_slow(250000, 300, 150);
	test_slow(1000000, 10, 150);
	test_fast();
	test_base();
	test_shares();
	test_limit();
	test_rest();
	test_unanswered();
	test_marks();
	test_marks_wide();
	test_idle();
	test_trickle();
	test_clock();
	return tap_end();
}
