/*
 * What the server tells nobody. After it was set back it takes entries back from copies that have them: then
 * the book reads the server's own journals at the end of each turn, and judges what is new in them as if it
 * had been told. So it does in the end of every world: who lost a right hears no more of what they wrote.
 */
#include "tests/sim/world.h"

#include "server/journal.h"

#include <inttypes.h>
#include <string.h>

struct reading {
	struct world *w;
	const struct space *space;
};

/* One entry, as a Feed would tell it. */
static bool read_entry(void *arg, const struct entry *e)
{
	struct reading *r = arg;
	struct cause fault = {""};
	Wire__Entry one = WIRE__ENTRY__INIT, *list = &one;
	Wire__Head head = WIRE__HEAD__INIT;
	Wire__Feed feed = WIRE__FEED__INIT;

	one.header = (ProtobufCBinaryData)PB_BYTES(e->header);
	one.salt = (ProtobufCBinaryData)PB_BYTES(e->salt);
	one.has_body = true;
	one.body = (ProtobufCBinaryData)PB_BYTES(e->body);
	head.epoch = r->space->epoch;
	head.number = e->number;
	head.chain = (ProtobufCBinaryData)PB_BYTES(e->chain);
	feed.space = PB_ID(&r->space->id);
	feed.entries = &list;
	feed.n_entries = 1;
	feed.head = &head;
	if (book_feed(&r->w->book, &r->w->book.server, &feed, &fault) < 0)
		world_fail(r->w, "the server's journal says: %s", fault.words);
	return !r->w->failed;
}

/* Up to which entry the book and the server's journal are the same. */
static uint64_t shared(struct journal *j, const struct space *s, const struct book_space *book)
{
	uint64_t n = !book ? 0 : book->n < s->committed ? book->n : s->committed;
	uint8_t chain[SHA256_LEN];

	while (n > 0 && (journal_chain(j, s, n, chain) != 1 ||
			 memcmp(chain, book->entries[n - 1]->chain, SHA256_LEN) != 0))
		n--;
	return n;
}

static void follow_space(struct world *w, struct journal *j, const struct space *s)
{
	struct book_space *book = book_space(&w->book, &s->id);
	struct reading r = {w, s};
	uint64_t n = shared(j, s, book), had = book ? book->n : 0;

	if (n == had && n == s->committed)
		return;
	if (had > n && s->epoch <= book->epoch)
		world_fail(w, "the server took entry %" PRIu64 " back without a new epoch", n + 1);
	if (had > n)
		book_set_back(&w->book, book, n);
	if (!w->failed && journal_entries(j, s, n + 1, s->committed, read_entry, &r) < 0)
		world_fail(w, "the server's journal can't be read");
	oracle_entered(w, &s->id, n);
}

bool oracle_hears(const struct world *w)
{
	return w->host.area && !disk_stopped(w->host.disk);
}

uint64_t oracle_mark(struct world *w)
{
	struct space *const *spaces;
	size_t n = journal_spaces(area_journal(w->host.area), &spaces);
	uint64_t sum = area_is_recovering(w->host.area);
	for (size_t i = 0; i < n; i++)
		sum = sum * 1000003 + spaces[i]->number * 2 + spaces[i]->recovering + (spaces[i]->epoch << 32);
	return sum;
}

bool oracle_is_held(struct world *w, const struct made *m, bool or_was)
{
	struct judged judged;
	return oracle_hears(w) &&
	       journal_judged(area_journal(w->host.area), &m->id, m->bytes, &judged) == 1 &&
	       (judged.verdict == VERDICT_HELD || (or_was && (judged.decided || judged.number)));
}

void oracle_follow(struct world *w)
{
	struct journal *j = area_journal(w->host.area);
	struct space *const *spaces;
	size_t n = journal_spaces(j, &spaces);

	for (size_t i = 0; i < n && !w->failed; i++)
		follow_space(w, j, spaces[i]);
}
