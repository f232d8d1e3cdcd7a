/* Runs handed in by a device that means no good: what they may take of the server before they are
 * found to be false. */
#include "server/turn.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <string.h>

enum { LINES = 8, BODY = 200 * 1024 };

static int64_t staged(struct bed *b, const char *what)
{
	struct db_stmt *st = db_query_text(b->area->db, what, NULL);
	int64_t n = db_step(st) == 1 ? db_int(st, 0) : -1;

	db_reset(st);
	return n;
}

static int64_t staged_rows(struct bed *b)
{
	return staged(b, "SELECT count(*) FROM staged");
}

static int64_t staged_bytes(struct bed *b)
{
	return staged(b, "SELECT ifnull(sum(length(body)), 0) FROM staged");
}

/* Hello, as of a copy that has another entry 1 in the partnership's space. */
static void hello(struct peer *p)
{
	static uint8_t chain[SHA256_LEN] = {1};
	Wire__Hello m = WIRE__HELLO__INIT;
	Wire__At at = WIRE__AT__INIT, *list = &at;

	m.version = WIRE_VERSION;
	m.area = PB_ID(&p->bed->id);
	at.space = PB_ID(&p->bed->partnership);
	at.epoch = at.number = 1;
	at.has_chain = 1;
	at.chain = PB_BYTES(BYTES(chain, SHA256_LEN));
	m.held = &list;
	m.n_held = 1;
	peer_send(p, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

/* A frame of a run from entry `from` on, of one entry that was never made, that should lead to this
 * head. */
static void run(struct peer *p, uint64_t from, uint64_t number, uint8_t chain[SHA256_LEN])
{
	static uint8_t salt[16], body[BODY];
	struct bed *b = p->bed;
	Wire__Run m = WIRE__RUN__INIT;
	Wire__Head head = WIRE__HEAD__INIT;
	Wire__Entry entry = WIRE__ENTRY__INIT, *list = &entry;
	struct buf statement = {0};
	uint8_t signature[64];

	head_statement(&b->id, &b->partnership, 1, number, chain, &statement);
	b->options.sign(b->options.sign_arg, buf_bytes(&statement), signature);
	buf_fini(&statement);
	head.epoch = 1;
	head.number = number;
	head.chain = PB_BYTES(BYTES(chain, SHA256_LEN));
	head.signature = PB_BYTES(BYTES(signature, 64));
	entry.header = PB_BYTES(BYTES("no header", 9));
	entry.has_body = 1;
	entry.salt = PB_BYTES(BYTES(salt, sizeof(salt)));
	entry.body = PB_BYTES(BYTES(body, sizeof(body)));
	m.space = PB_ID(&b->partnership);
	m.from = from;
	m.head = &head;
	m.entries = &list;
	m.n_entries = 1;
	m.has_more = m.more = 1;
	peer_send(p, WIRE__KIND__RUN, &m.base, BYTES_NONE);
	bed_turn(b);
}

/* The server was not set back: every head that it has signed is on its line. */
static void test_on_the_line(void)
{
	struct bed b;
	struct peer good, hostile;
	struct id record;

	bed_init(&b, "line");
	peer_join(&good, &b, &b.person);
	peer_hello(&good);
	for (int i = 0; i < 5; i++)
		peer_add_action(&good, &b.partnership, "an action", &record);
	bed_turn(&b);
	peer_join(&hostile, &b, &b.person);
	hello(&hostile);
	ok(hostile.bye == 0 && !hostile.welcome, "a copy that is not on the line is asked for a run");
	run(&hostile, 1, 5, peer_held(&good, &b.partnership)->chain);
	ok(hostile.bye == WIRE__REASON__DAMAGED && staged_rows(&b) == 0,
	   "with a head of the server's line and entries of no line it is sent away at once");
	peer_add_action(&good, &b.partnership, "more", &record);
	bed_turn(&b);
	ok(good.bye == 0 && peer_held(&good, &b.partnership)->number == 6,
	   "and the others are served");
	bed_fini(&b);
}

/* It was, and the device holds a head that leads nowhere yet. */
static void test_all_lines(void)
{
	struct bed b;
	struct peer first, lines[LINES];
	uint8_t chain[SHA256_LEN] = {7};
	int64_t most = 0;
	size_t busy = 0;

	bed_init(&b, "lines");
	b.area->options.run_bytes = 10 * BODY;
	peer_join(&first, &b, &b.person);
	for (int i = 0; i < LINES; i++) {
		lines[i] = (struct peer){.bed = &b, .device = first.device};
		arena_init(&lines[i].arena, ARENA_NO_BUDGET);
		pipe_init(&lines[i].pipe);
		peer_connect(&lines[i]);
		b.peers[b.n_peers++] = &lines[i];
		hello(&lines[i]);
	}
	for (uint64_t n = 1; n <= 20; n++)
		for (int i = 0; i < LINES; i++) {
			run(&lines[i], n, 1000, chain);
			most = staged_bytes(&b) > most ? staged_bytes(&b) : most;
		}
	for (int i = 0; i < LINES; i++)
		busy += lines[i].bye == WIRE__REASON__BUSY;
	ok(most > 5 * BODY && most <= 10 * BODY && busy == LINES,
	   "by all its lines together a device hands in no more than one run may have (%lld bytes)",
	   (long long)most);
	ok(staged_rows(&b) == 0, "and of those that were sent away nothing is kept");
	bed_fini(&b);
}

int main(void)
{
	test_on_the_line();
	test_all_lines();
	return tap_end();
}
