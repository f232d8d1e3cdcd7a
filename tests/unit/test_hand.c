/* Jobs for another thread: in order, all of them, with the bytes that were given for each. */
#include "common/hand.h"
#include "common/sha.h"
#include "tests/tap.h"

#include <pthread.h>
#include <string.h>

struct heard {
	struct buf all;
	struct sha256 *sha;
	size_t calls, longest;
};

static void hear(void *arg, struct bytes bytes)
{
	struct heard *h = arg;

	buf_add_bytes(&h->all, bytes);
	sha256_add(h->sha, bytes);
	h->calls++;
	if (bytes.len > h->longest)
		h->longest = bytes.len;
}

static void give(struct hand *h, struct heard *heard, uint64_t n)
{
	buf_add_u64be(hand_room(h), n);
	hand_do(h, hear, heard);
}

static bool counts_to(const struct heard *h, uint64_t n)
{
	bool right = h->all.len == n * 8;

	for (uint64_t i = 0; right && i < n; i++)
		right = read_u64be(h->all.data + i * 8) == i;
	return right;
}

static void test_order(void)
{
	enum { JOBS = 10000 };
	uint8_t alone[SHA256_LEN], beside[SHA256_LEN];
	struct heard heard = {.sha = sha256_begin()};
	struct hand *h = hand_new();

	hand_wait(h);
	ok(heard.all.len == 0, "a hand that has nothing to do is waited for at once");
	for (uint64_t i = 0; i < JOBS / 2; i++)
		give(h, &heard, i);
	hand_wait(h);
	ok(counts_to(&heard, JOBS / 2), "jobs are done in their order, and waited for");
	for (uint64_t i = JOBS / 2; i < JOBS; i++)
		give(h, &heard, i);
	hand_free(&h);
	ok(counts_to(&heard, JOBS), "what was given is done before the hand is let go");
	sha256_end(&heard.sha, beside);
	sha256(buf_bytes(&heard.all), alone);
	ok(memcmp(alone, beside, SHA256_LEN) == 0, "and comes out as it does without it");
	buf_fini(&heard.all);
}

static void hold(void *arg, struct bytes bytes)
{
	(void)bytes;
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
}

static void give_joined(struct hand *h, struct heard *heard, uint64_t n, size_t most)
{
	buf_add_u64be(hand_join(h, hear, heard, most), n);
	hand_do(h, hear, heard);
}

static void test_join(void)
{
	pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
	struct heard heard = {.sha = sha256_begin()}, other = {.sha = sha256_begin()};
	uint8_t unused[SHA256_LEN];
	struct hand *h = hand_new();

	pthread_mutex_lock(&door); /* the hand is busy for as long as it is shut */
	hand_room(h);
	hand_do(h, hold, &door);
	for (uint64_t i = 0; i < 20; i++)
		give_joined(h, &heard, i, 64);
	give_joined(h, &other, 0, 64);
	give_joined(h, &heard, 20, 64);
	give(h, &heard, 21);
	pthread_mutex_unlock(&door);
	hand_wait(h);
	ok(counts_to(&heard, 22) && counts_to(&other, 1), "joined jobs are done in their order");
	ok(heard.longest == 64, "as much as may be is one job (%zu)", heard.longest);
	ok(heard.calls == 5 && other.calls == 1,
	   "and nothing is joined over another job, nor what is given alone (%zu)",
	   heard.calls);
	hand_free(&h);
	sha256_end(&heard.sha, unused);
	sha256_end(&other.sha, unused);
	buf_fini(&heard.all);
	buf_fini(&other.all);
}

static void test_idle(void)
{
	struct hand *h = hand_new(), *none = NULL;

	hand_free(&h);
	ok(h == NULL, "one that never had a job has no thread to end");
	hand_free(&none);
	ok(none == NULL, "and none is no trouble");
}

int main(void)
{
	test_order();
	test_join();
	test_idle();
	return tap_end();
}
