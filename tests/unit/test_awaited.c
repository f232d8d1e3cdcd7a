/* Who waits for which chunk: found by its name, in the order of asking, and gone without a trace.
 */
#include "server/awaited.h"
#include "tests/tap.h"

#include <string.h>

/* The index only keeps where they are. */
static struct offer *offer(uintptr_t n)
{
	return (struct offer *)(n * 64);
}

static const uint8_t *name(size_t n)
{
	static uint8_t hash[SHA256_LEN];

	sha256(BYTES(&n, sizeof(n)), hash);
	return hash;
}

/* Do these wait for it, in this order? Up to a NULL. */
static bool waits(const struct awaited *a, const uint8_t *hash, struct offer *const *who)
{
	const struct waiter *w = awaited_by(a, hash);

	for (; w && *who; w = w->next, who++)
		if (w->offer != *who)
			return false;
	return !w && !*who;
}

static void test_few(void)
{
	struct awaited a = {0};
	struct offer *const one[] = {offer(1), NULL}, *const three[] = {offer(1), offer(2),
									offer(3), NULL};
	struct offer *const outer[] = {offer(1), offer(3), NULL}, *const last[] = {offer(3), NULL};

	ok(!awaited_by(&a, name(1)) && !awaited_take(&a, name(1)), "nobody waits at first");
	awaited_add(&a, name(1), offer(1));
	awaited_add(&a, name(1), offer(1));
	ok(waits(&a, name(1), one), "who asks twice waits once");
	awaited_add(&a, name(1), offer(2));
	awaited_add(&a, name(1), offer(3));
	awaited_add(&a, name(1), offer(2));
	ok(waits(&a, name(1), three), "others wait behind it, in the order of asking");
	ok(!awaited_by(&a, name(2)), "for another chunk nobody does");
	awaited_remove(&a, name(1), offer(2));
	ok(waits(&a, name(1), outer), "one in the middle may give up");
	awaited_remove(&a, name(1), offer(2));
	awaited_remove(&a, name(2), offer(1));
	ok(waits(&a, name(1), outer), "who does not wait cannot");
	awaited_remove(&a, name(1), offer(1));
	ok(waits(&a, name(1), last), "so may the first");
	awaited_add(&a, name(1), offer(1));
	ok(awaited_take(&a, name(1)) == offer(3) && awaited_take(&a, name(1)) == offer(1) &&
		   !awaited_take(&a, name(1)),
	   "who waits is taken out, one after the other");
	ok(a.first.n == 0, "and nothing is left behind");
	awaited_fini(&a);
}

/* Offers 1 to 8; chunk i is awaited by those whose bit is set in i. */
static void test_many(void)
{
	struct awaited a = {0};
	struct offer *expected[9];
	bool good = true;

	for (uintptr_t n = 1; n <= 8; n++)
		for (size_t i = 0; i < 256; i++)
			if (i >> (n - 1) & 1)
				awaited_add(&a, name(i), offer(n));
	for (size_t i = 1; i < 256; i++) { /* the odd ones give up */
		for (uintptr_t n = 1; n <= 8; n += 2)
			awaited_remove(&a, name(i), offer(n));
		size_t k = 0;
		for (uintptr_t n = 2; n <= 8; n += 2)
			if (i >> (n - 1) & 1)
				expected[k++] = offer(n);
		expected[k] = NULL;
		good &= waits(&a, name(i), expected);
	}
	ok(good, "of many that wait for many each is known");
	ok(a.first.n == 240, "and chunks for which nobody waits any more are not (%zu)", a.first.n);
	size_t at = 0, n = 0;
	uint64_t *value;
	const uint8_t *hash;
	for (; (hash = hashes_each(&a.first, &at, &value)); n++)
		good &= (uintptr_t)awaited_by(&a, hash) == *value;
	ok(good && n == 240, "all of them can be gone through");
	awaited_fini(&a);
	ok(!awaited_by(&a, name(2)) && !a.spare, "in the end there is nothing");
}

int main(void)
{
	test_few();
	test_many();
	return tap_end();
}
