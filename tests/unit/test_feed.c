/* Feeding: one frame for all at the same place, and nobody who is slow delays the others. */
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/feed.h"
#include "server/session.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static size_t queued(const struct peer *p)
{
	const struct pipe_end *e = &p->pipe.ends[0];
	return e->sent.len - e->taken;
}

static void test_shared(void)
{
	enum { PEERS = 12 };
	static struct peer peers[PEERS];
	struct bed b;
	struct id record;
	bool all = true;

	bed_init(&b, "shared");
	for (int i = 0; i < PEERS; i++) {
		peer_join(&peers[i], &b, &b.person);
		peer_hello(&peers[i]);
	}
	bed_turn(&b);
	size_t before = b.signatures;
	peer_add_action(&peers[0], &b.partnership, "for all", &record);
	bed_turn(&b);
	for (int i = 0; i < PEERS; i++)
		all &= peer_held(&peers[i], &b.partnership)->number == 1 && !peers[i].chain_broken;
	ok(all, "an edit reaches twelve");
	ok(b.signatures == before + 1, "with one signature for all");
	for (int i = 0; i < PEERS; i++)
		all &= peer_held(&peers[i], &b.directory)->number ==
		       peer_held(&peers[0], &b.directory)->number;
	ok(all, "and all hold the same directory");
	bed_fini(&b);
}

/* Long texts, so that few entries fill a queue. */
static void fill(struct peer *p, int n, size_t size)
{
	char *text = mem_alloc(size + 1);
	struct id record;

	memset(text, 'x', size);
	for (int i = 0; i < n; i++) {
		peer_add_action(p, &p->bed->partnership, text, &record);
		if (i % 20 == 19)
			bed_turn(p->bed);
	}
	for (int i = 0; i < 5; i++) /* more than one queue may hold is left for the next turns */
		bed_turn(p->bed);
	free(text);
}

static void test_slow(void)
{
	struct bed b;
	struct peer writer, slow, quick;
	struct id record;

	bed_init(&b, "slow");
	peer_join(&writer, &b, &b.person);
	peer_hello(&writer);
	peer_join(&slow, &b, &b.person);
	peer_hello(&slow);
	peer_join(&quick, &b, &b.person);
	peer_hello(&quick);
	bed_turn(&b);
	slow.stalled = true;
	fill(&writer, 200, 20000);
	ok(peer_held(&quick, &b.partnership)->number == 200, "who reads gets all of it");
	ok(queued(&slow) >= FEED_QUEUE && queued(&slow) < FEED_QUEUE + FEED_FRAME + 8192,
	   "who does not read has %zu bytes waiting, and no more", queued(&slow));
	peer_add_action(&writer, &b.partnership, "and now", &record);
	bed_turn(&b);
	ok(peer_held(&quick, &b.partnership)->number == 201, "the others are fed meanwhile");
	slow.stalled = false;
	for (int i = 0; i < 100 && peer_held(&slow, &b.partnership)->number < 201; i++) {
		session_drained(slow.session);
		bed_turn(&b);
	}
	ok(peer_held(&slow, &b.partnership)->number == 201 && !slow.chain_broken,
	   "when it reads again it goes on where it was");
	bed_fini(&b);
}

static void test_catching_up(void)
{
	struct bed b;
	struct peer writer, late, cut;
	struct held *held;

	bed_init(&b, "late");
	peer_join(&writer, &b, &b.person);
	peer_hello(&writer);
	peer_join(&cut, &b, &b.person);
	peer_hello(&cut);
	bed_turn(&b);
	peer_cut(&cut);
	fill(&writer, 2000, 200);
	ok(peer_held(&writer, &b.partnership)->without_body == 2000 && !writer.chain_broken,
	   "a writer gets its own entries without their bodies, in frames of many");
	peer_join(&late, &b, &b.person);
	peer_hello(&late);
	for (int i = 0; i < 20; i++)
		bed_turn(&b);
	held = peer_held(&late, &b.partnership);
	ok(held->number == 2000 && held->without_body == 0 && !late.chain_broken,
	   "who comes later gets all from the first");
	size_t frames = late.feeds;
	ok(frames < 30, "in %zu frames", frames);
	peer_connect(&cut);
	peer_hello(&cut);
	for (int i = 0; i < 20; i++)
		bed_turn(&b);
	ok(peer_held(&cut, &b.partnership)->number == 2000 && !cut.chain_broken,
	   "who was away gets what is new");
	bed_turn(&b);
	writer.feeds = 1;
	peer_connect(&writer);
	peer_hello(&writer);
	frames = writer.feeds;
	bed_turn(&b);
	ok(writer.welcome && writer.bye == 0 && writer.feeds == frames && frames == 1,
	   "who has all of it gets nothing");
	bed_fini(&b);
}

/* An entry on its own may be larger than the frames that are aimed at. */
static void test_large(void)
{
	struct bed b;
	struct peer writer, reader;

	bed_init(&b, "large");
	peer_join(&writer, &b, &b.person);
	peer_hello(&writer);
	peer_join(&reader, &b, &b.person);
	peer_hello(&reader);
	fill(&writer, 6, 250000);
	for (int i = 0; i < 20; i++)
		bed_turn(&b);
	ok(peer_held(&reader, &b.partnership)->number == 6 && !reader.chain_broken,
	   "large entries come one a frame");
	bed_fini(&b);
}

/* The author reads nothing and pushes on: the server stops reading from it. */
static void test_pushing_on(void)
{
	struct bed b;
	struct peer p;
	struct making m;
	struct id record = {{1}};

	bed_init(&b, "pushing");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	p.stalled = true;
	making_init(&m, &b, &b.directory, 0);
	making_create(&m, TYPE_ACTION, &record);
	making_text(&m, 3, "refused", NULL);
	for (int turn = 0; turn < 400 && !p.pipe.ends[0].paused; turn++) {
		for (int i = 0; i < 100; i++)
			peer_push(&p, making_bytes(&m));
		bed_turn(&b);
	}
	ok(p.pipe.ends[0].paused, "who does not take its verdicts is not read from");
	ok(queued(&p) < 2 * 1024 * 1024, "and holds no more than %zu bytes", queued(&p));
	p.stalled = false;
	bed_turn(&b);
	bed_turn(&b);
	ok(!p.pipe.ends[0].paused && p.bye == 0, "until it has taken them");
	making_fini(&m);
	bed_fini(&b);
}

/* Bodies asked for faster than they are taken. */
static void test_asking_on(void)
{
	struct bed b;
	struct peer p;
	Wire__Fetch m = WIRE__FETCH__INIT;
	uint64_t numbers[] = {1, 2, 3};

	bed_init(&b, "asking");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	fill(&p, 3, 250000);
	p.stalled = true;
	m.space = PB_ID(&b.partnership);
	m.numbers = numbers;
	m.n_numbers = 3;
	for (int i = 0; i < 1000 && !p.pipe.ends[0].paused; i++)
		peer_send(&p, WIRE__KIND__FETCH, &m.base, BYTES_NONE);
	ok(p.pipe.ends[0].paused && queued(&p) < 3 * 1024 * 1024,
	   "who asks and takes nothing is not read from, %zu bytes on", queued(&p));
	bed_fini(&b);
}

static void test_many(void)
{
	enum { PEERS = 1000 };
	struct bed b;
	struct peer *peers = mem_alloc(PEERS * sizeof(*peers));
	struct id record;
	bool all = true;

	bed_init(&b, "many");
	peer_join(&peers[0], &b, &b.person);
	peer_hello(&peers[0]);
	for (int i = 1; i < PEERS; i++)
		peer_join(&peers[i], &b, &b.person);
	ok(area_sessions(b.area) == PEERS, "a thousand sessions are open");
	peer_add_action(&peers[0], &b.partnership, "one edit", &record);
	bed_turn(&b);
	for (int i = 1; i < PEERS; i++)
		all &= peers[i].n_spaces == 0 && peers[i].bye == 0;
	ok(all && peer_held(&peers[0], &b.partnership)->number == 1,
	   "those that have not said Hello hear nothing");
	bed_fini(&b);
	ok(sizeof(struct session) <= 256, "a session is small (%zu bytes)", sizeof(struct session));
	free(peers);
}

int main(void)
{
	test_shared();
	test_slow();
	test_catching_up();
	test_large();
	test_pushing_on();
	test_asking_on();
	test_many();
	return tap_end();
}
