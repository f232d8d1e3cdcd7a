/* Jobs for another thread: in order, all of them, with the bytes that were given for each. */
#include "common/hand.h"
#include "common/sha.h"
#include "tests/tap.h"

#include <string.h>

struct heard {
	struct buf all;
	struct sha256 *sha;
};

static void hear(void *arg, struct bytes bytes)
{
	struct heard *h = arg;

	buf_add_bytes(&h->all, bytes);
	sha256_add(h->sha, bytes);
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
	test_idle();
	return tap_end();
}
