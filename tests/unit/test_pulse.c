/* The deadlines of a line, by a clock of the test's own. */
#include "common/conn.h"
#include "common/pulse.h"
#include "tests/tap.h"

enum { START = 1000000 };

static const struct pulse_line listens = {.open = true, .listens = true};
static const struct pulse_line paused = {.open = true};
static const struct pulse_line sends = {.open = true, .listens = true, .queued = true};
static const struct pulse_line closed = {.listens = true, .queued = true};

/* Is it due then, and not a ms before? */
static bool comes(const struct pulse *p, const struct pulse_line *line, uint64_t ms,
		  enum pulse_due due)
{
	return pulse_due(p, line, START + ms - 1) != due && pulse_due(p, line, START + ms) == due;
}

static void test_silent(void)
{
	struct pulse p = {.began = START, .heard = START, .taken = START};

	ok(comes(&p, &listens, CONN_PING_MS, PULSE_PING), "a silent peer is pinged");
	ok(pulse_rest_ms(&p, &listens, START + 10) == CONN_PING_MS - 10, "and looked at then");
	p.pinged = true;
	ok(pulse_due(&p, &listens, START + CONN_PING_MS) == PULSE_NONE &&
		   comes(&p, &listens, CONN_IDLE_MS, PULSE_SILENT),
	   "once; then it is given up");
	ok(pulse_rest_ms(&p, &listens, START + CONN_IDLE_MS - 7) == 7, "in time");
	ok(pulse_rest_ms(&p, &listens, START + CONN_IDLE_MS + 7) == 1, "or at once if it is late");
	ok(pulse_due(&p, &paused, START + 10 * CONN_IDLE_MS) == PULSE_NONE,
	   "nothing is expected of a peer that nobody listens to");
}

static void test_stuck(void)
{
	struct pulse p = {.began = START, .heard = START + CONN_IDLE_MS, .taken = START};

	ok(comes(&p, &sends, CONN_IDLE_MS, PULSE_STUCK), "a peer that takes nothing is given up");
	ok(pulse_due(&p, &listens, START + CONN_IDLE_MS) == PULSE_NONE,
	   "not where nothing waits for it");
}

static void test_frame(void)
{
	struct pulse p = {.began = START, .heard = START + 20000, .frame = START};

	ok(comes(&p, &listens, CONN_FRAME_MS, PULSE_FRAME),
	   "a frame has its time, however often something is heard");
	ok(pulse_rest_ms(&p, &listens, START + 20000) == CONN_FRAME_MS - 20000,
	   "and is looked at then");
	ok(pulse_due(&p, &paused, START + CONN_FRAME_MS) == PULSE_NONE, "not while nobody listens");
}

static void test_states(void)
{
	struct pulse p = {.began = START, .heard = START, .lasts = CONN_FLUSH_MS};

	ok(comes(&p, &closed, CONN_FLUSH_MS, PULSE_STATE), "a state that may not last is ended");
	ok(pulse_rest_ms(&p, &closed, START + 1) == CONN_FLUSH_MS - 1, "and is looked at then");
	p.lasts = 0;
	ok(pulse_due(&p, &closed, START + 10 * CONN_IDLE_MS) == PULSE_NONE,
	   "where no frames go, nothing else is expected");
	p.life = START + 50;
	ok(comes(&p, &closed, 50, PULSE_LIFE) && pulse_rest_ms(&p, &closed, START) == 50,
	   "a line's life ends whatever it does");
}

/* However it goes on, no deadline is looked at late that was known when it was last looked. */
static void test_never_late(void)
{
	bool good = true;

	for (uint64_t heard = 0; heard < CONN_PING_MS; heard += 997) {
		struct pulse p = {.began = START, .heard = START, .taken = START};
		uint64_t now = START, silent = START + heard + CONN_IDLE_MS;
		while (pulse_due(&p, &listens, now) != PULSE_SILENT && now < silent + 5) {
			p.pinged |= pulse_due(&p, &listens, now) == PULSE_PING;
			uint64_t next = now + pulse_rest_ms(&p, &listens, now);
			if (now <= START + heard && next > START + heard) {
				p.heard = START + heard; /* between two looks */
				p.pinged = false;
			}
			now = next;
		}
		good &= now == silent;
	}
	ok(good, "a peer that falls silent at any time is given up in time");
}

int main(void)
{
	test_silent();
	test_stuck();
	test_frame();
	test_states();
	test_never_late();
	return tap_end();
}
