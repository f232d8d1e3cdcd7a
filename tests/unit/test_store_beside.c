/* The store and its hand: chunks that another thread checks, writes and makes last meanwhile. */
#include "common/hand.h"
#include "tests/unit/store_bench.h"

#include <semaphore.h>
#include <time.h>

/* What was put unchecked is checked before it counts. */
static void test_unchecked(void)
{
	struct paper *p = paper_new(11, 600000);
	struct sha256 *whole = sha256_begin();
	struct buf bad = {0}, out = {0};
	uint8_t hash[SHA256_LEN], is[SHA256_LEN];
	struct stored stored;
	struct bench b;

	bench_open(&b, "unchecked");
	for (size_t i = 0; i < p->n - 1; i++) { /* the last is the list */
		sha256(p->parts[i], hash);
		must(store_put_unchecked(b.store, hash, p->parts[i], whole, NULL) == 0);
	}
	ok(store_is_sound(b.store), "what is what it is called is sound");
	sha256_end(&whole, is);
	ok(memcmp(is, p->content.sha, SHA256_LEN) == 0, "and was added to the whole, in order");
	memset(hash, 7, sizeof(hash));
	must(store_put_unchecked(b.store, hash, p->parts[0], NULL, NULL) == 0);
	ok(store_get(b.store, hash, &out) == ERR_CORRUPT, "what is not is never read back");
	ok(!store_is_sound(b.store) && store_found_bad(b.store), "and makes it unsound");
	store_settle(b.store, &bad);
	ok(bad.len == SHA256_LEN && memcmp(bad.data, hash, SHA256_LEN) == 0 &&
		   store_find(b.store, hash, &stored) == 0 && store_is_sound(b.store),
	   "it is named, and gone");
	must(store_put_unchecked(b.store, hash, p->parts[1], NULL, NULL) == 0);
	bench_sync(&b);
	ok(store_find(b.store, hash, &stored) == 0 &&
		   count(&b, "SELECT count(*) FROM chunk") == (int64_t)p->n - 1,
	   "and who did not ask does not make it last");
	struct found found = {0};
	ok(store_check(b.store, note_fault, &found) == 0 && found.damaged + found.stray == 0,
	   "nor is anything of it left on the disk");
	buf_fini(&bad);
	buf_fini(&out);
	bench_close(&b);
	paper_free(p);
}

/* What is put while the disk works at what came before waits for the next time. */
static void test_beside(void)
{
	struct paper *p = paper_new(12, 900000);
	uint8_t hash[SHA256_LEN], lie[SHA256_LEN] = {7};
	size_t n = p->n - 1, first = n / 2; /* the last is the list */
	struct found found = {0};
	struct stored stored;
	struct bench b;

	bench_open(&b, "beside");
	ok(!store_sync_begin(b.store), "there is nothing to make last");
	for (size_t i = 0; i < n; i++) {
		sha256(p->parts[i], hash);
		must(store_put_unchecked(b.store, hash, p->parts[i], NULL, NULL) == 0);
		if (i + 1 == first)
			must(store_sync_begin(b.store) && !store_sync_begin(b.store));
	}
	must(db_begin(b.db) == 0);
	ok(store_sync_end(b.store, NULL) == 0 && db_commit(b.db) == 0 &&
		   count(&b, "SELECT count(*) FROM chunk") == (int64_t)first,
	   "what was put before it began is in the tables");
	ok(store_is_dirty(b.store) && store_find(b.store, hash, &stored) == 1,
	   "what was put since waits, and is found");
	must(store_sync_begin(b.store));
	must(store_put_unchecked(b.store, lie, p->parts[0], NULL, NULL) == 0);
	ok(!store_is_sound(b.store) && !store_sync_is_done(b.store),
	   "while something bad is among it, it is not done");
	bench_sync(&b);
	ok(count(&b, "SELECT count(*) FROM chunk") == (int64_t)n && !store_is_dirty(b.store),
	   "all is made last but that");
	ok(store_check(b.store, note_fault, &found) == 0 && found.damaged + found.stray == 0,
	   "and it is sound");
	bench_close(&b);
	paper_free(p);
}

/* A job that keeps the hand from what stands behind it, until it is let go or for so long. */
struct held_up {
	sem_t go;
	time_t seconds;
	bool let_go;
};

static void hold_up(void *arg, struct bytes none)
{
	struct held_up *h = arg;
	struct timespec until;

	(void)none;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += h->seconds;
	h->let_go = sem_timedwait(&h->go, &until) == 0;
}

static void put_unchecked(struct bench *b, struct bytes part, uint8_t hash[SHA256_LEN])
{
	sha256(part, hash);
	must(store_put_unchecked(b->store, hash, part, NULL, NULL) == 0);
}

/* What the hand has written is read at once, and what it has not yet is waited for. */
static void test_read_beside(void)
{
	struct held_up long_one = {.seconds = 60}, short_one = {.seconds = 1};
	struct paper *p = paper_new(14, 400000);
	uint8_t first[SHA256_LEN], second[SHA256_LEN];
	struct hand *hand;
	struct buf out = {0};
	struct bench b;

	bench_open(&b, "read-beside");
	hand = store_hand(b.store);
	must(sem_init(&long_one.go, 0, 0) == 0 && sem_init(&short_one.go, 0, 0) == 0);
	put_unchecked(&b, p->parts[0], first);
	hand_wait(hand);
	hand_room(hand);
	hand_do(hand, hold_up, &long_one);
	put_unchecked(&b, p->parts[1], second);
	bool read = store_get(b.store, first, &out) == 0 && bytes_equal(buf_bytes(&out), p->parts[0]);
	sem_post(&long_one.go);
	hand_wait(hand);
	ok(read && long_one.let_go, "what is written is read while the hand has more to do");
	hand_room(hand);
	hand_do(hand, hold_up, &short_one);
	put_unchecked(&b, p->parts[2], first);
	ok(store_get(b.store, first, &out) == 0 && bytes_equal(buf_bytes(&out), p->parts[2]),
	   "what is not written yet is waited for");
	ok(store_get(b.store, second, &out) == 0 && bytes_equal(buf_bytes(&out), p->parts[1]),
	   "and what was put before it is there");
	buf_fini(&out);
	bench_close(&b);
	paper_free(p);
}

/* Something bad comes while what was put before is entered: whoever brought it must hear of it. */
static void test_bad_beside(void)
{
	struct paper *p = paper_new(14, 300000);
	uint8_t hash[SHA256_LEN], lie[SHA256_LEN] = {7};
	struct stored stored;
	struct buf bad = {0};
	struct bench b;

	bench_open(&b, "bad-beside");
	sha256(p->parts[0], hash);
	must(store_put_unchecked(b.store, hash, p->parts[0], NULL, NULL) == 0);
	must(store_sync_begin(b.store));
	must(store_put_unchecked(b.store, lie, p->parts[1], NULL, NULL) == 0);
	must(db_begin(b.db) == 0);
	ok(store_sync_end(b.store, NULL) == 0 && db_commit(b.db) == 0 &&
		   store_find(b.store, lie, &stored) == 0,
	   "what comes bad meanwhile is not here");
	ok(!store_is_sound(b.store) && store_found_bad(b.store), "and it is not passed over");
	store_settle(b.store, &bad);
	ok(bad.len == SHA256_LEN && memcmp(bad.data, lie, SHA256_LEN) == 0 &&
		   store_is_sound(b.store),
	   "until it was named");
	buf_reset(&bad);
	store_settle(b.store, &bad);
	ok(bad.len == 0, "once");
	buf_fini(&bad);
	bench_close(&b);
	paper_free(p);
}

int main(void)
{
	test_unchecked();
	test_beside();
	test_read_beside();
	test_bad_beside();
	return tap_end();
}
