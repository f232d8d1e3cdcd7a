/* Members of sets by many changes: a list holds no more in all than one change may give it, and who
 * takes some out makes room. */
#include "common/fields.h"
#include "common/schema.h"
#include "server/turn.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <string.h>

enum { DEPENDS_ON = 23, MOST = 256 };

static struct bed bed;
static struct peer peer;

/* The n-th of many members. */
static struct id member(unsigned n)
{
	struct id id = {{1}};

	write_u32be(id.b + 8, n);
	return id;
}

static size_t members(const struct id *record)
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	struct space *s = journal_space(bed.area->journal, &bed.partnership);
	must(journal_record(bed.area->journal, s, record, &arena, &r) == 0);
	size_t n = value_count(record_get(&r, DEPENDS_ON));
	arena_fini(&arena);
	return n;
}

/* Push a change that adds `add` members from `from` on, and takes those from `out` on. */
static const struct told *change(const struct id *record, uint64_t seen, unsigned from,
				 unsigned add, unsigned out, unsigned take)
{
	struct making m;
	struct buf taken = {0};

	making_init(&m, &bed, &bed.partnership, seen);
	struct edit *e = making_edit(&m, TYPE_ACTION, record);
	for (unsigned i = 0; i < add; i++) {
		struct id id = member(from + i);
		making_member(&m, DEPENDS_ON, &id);
	}
	for (unsigned i = 0; i < take; i++) {
		struct id id = member(out + i);
		field_add_bytes(&taken, DEPENDS_ON, ID_BYTES(&id));
	}
	e->effect.take = buf_bytes(&taken);
	struct id id = m.change.id;
	peer_push(&peer, making_bytes(&m));
	bed_turn(&bed);
	making_fini(&m);
	buf_fini(&taken);
	return peer_told(&peer, &id);
}

static bool refused(const struct told *t)
{
	return t && t->verdict == VERDICT_REFUSED && strstr(t->words, "256");
}

static uint64_t newest(void)
{
	return peer_held(&peer, &bed.partnership)->number;
}

static void test_full(const struct id *record, uint64_t before)
{
	ok(!change(record, before, 0, MOST, 0, 0) && members(record) == MOST,
	   "as many as a list may have are added");
	ok(refused(change(record, before, MOST, 1, 0, 0)), "one more by who has not seen them is refused");
	ok(refused(change(record, newest(), MOST, MOST, 0, 0)), "as many more by who has, too");
	ok(refused(change(record, newest(), MOST, 3, 0, 2)), "and more than are taken out");
	ok(members(record) == MOST, "nothing of it is in the list");
	ok(!change(record, newest(), MOST, 2, 0, 2) && members(record) == MOST,
	   "who takes some out makes room for as many");
	ok(!change(record, before, 10, MOST - 10, 0, 0) && members(record) == MOST,
	   "what is there already can be added again");
	ok(!change(record, before, 0, 0, 0, MOST) && members(record) == MOST,
	   "what others added unseen is not taken out");
	ok(!change(record, newest(), 0, 0, 2, MOST - 2) && members(record) == 2,
	   "and what was seen is");
}

/* Many changes, each by one who has seen nothing, and each with other members. */
static void test_many(const struct id *record, uint64_t before)
{
	size_t most = 0, n = 0;

	for (unsigned i = 1; i <= 100; i++) {
		const struct told *t = change(record, before, i * MOST + 2, MOST - 2, 0, 0);
		n += refused(t) ? 1 : 0;
		most = members(record) > most ? members(record) : most;
	}
	ok(most == MOST && n == 99, "by a hundred changes a list grows no longer (%zu)", most);
	ok(!change(record, newest(), 0, 0, MOST + 2, MOST - 2) && members(record) == 2,
	   "and is emptied by one");
}

int main(void)
{
	struct id record;

	bed_init(&bed, "members");
	peer_join(&peer, &bed, &bed.person);
	peer_hello(&peer);
	peer_add_action(&peer, &bed.partnership, "waits for many", &record);
	bed_turn(&bed);
	uint64_t before = newest();
	test_full(&record, before);
	test_many(&record, before);
	ok(peer.bye == 0 && !peer.chain_broken, "all the time its author is served");
	bed_fini(&bed);
	return tap_end();
}
