/* Order keys: between any two there is another, and they stay short. */
#include "common/position.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

struct dice {
	uint64_t state;
};

static uint64_t dice_now(void *arg)
{
	(void)arg;
	return 1;
}

static void dice_random(void *arg, uint8_t *out, size_t n)
{
	struct dice *d = arg;
	for (size_t i = 0; i < n; i++) {
		d->state = d->state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(d->state >> 33);
	}
}

static bool valid(const char *key)
{
	return position_is_valid(BYTES(key, strlen(key)));
}

static void test_valid(void)
{
	char longest[POSITION_SIZE + 1];

	memset(longest, 'a', sizeof(longest));
	ok(valid("V") && valid("01") && valid("zZ9"), "digits and letters are a key");
	ok(!valid("") && !valid("a0") && !valid("a-b") && !valid("a b"), "other things are none");
	ok(!position_is_valid(BYTES("a\0b", 3)), "a NUL is no digit");
	ok(position_is_valid(BYTES(longest, POSITION_MAX)), "the longest key is one");
	ok(!position_is_valid(BYTES(longest, POSITION_SIZE)), "a longer one is none");
}

static void test_ends(const struct env *env)
{
	char key[POSITION_SIZE], next[POSITION_SIZE];
	bool rising = true, falling = true;

	ok(position_between(env, NULL, NULL, key) == 0 && valid(key), "an empty list gets a first key");
	for (int i = 0; i < 6000; i++) {
		rising &= position_between(env, key, NULL, next) == 0 && valid(next) && strcmp(key, next) < 0;
		strcpy(key, next);
	}
	ok(rising, "6000 items are appended in order");
	ok(strlen(key) == 7, "after which a key has %zu bytes", strlen(key));
	position_between(env, NULL, NULL, key);
	for (int i = 0; i < 6000; i++) {
		falling &= position_between(env, NULL, key, next) == 0 && valid(next) && strcmp(next, key) < 0;
		strcpy(key, next);
	}
	ok(falling, "6000 items are put in front in order");
	ok(strlen(key) == 7, "after which a key has %zu bytes", strlen(key));
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_middle(const struct env *env, struct dice *dice)
{
	enum { N = 2000 };
	char *keys[N + 1];
	int n = 0;
	size_t longest = 0;
	bool between = true;

	while (n < N) {
		uint8_t r[2];
		char key[POSITION_SIZE];
		dice_random(dice, r, 2);
		int at = (r[0] << 8 | r[1]) % (n + 1);
		const char *low = at ? keys[at - 1] : NULL, *high = at < n ? keys[at] : NULL;
		between &= position_between(env, low, high, key) == 0 && valid(key) &&
			   (!low || strcmp(low, key) < 0) && (!high || strcmp(key, high) < 0);
		memmove(keys + at + 1, keys + at, (n - at) * sizeof(*keys));
		keys[at] = strdup(key);
		longest = strlen(key) > longest ? strlen(key) : longest;
		n++;
	}
	ok(between, "2000 items inserted anywhere each stand where they were put");
	qsort(keys, N, sizeof(*keys), compare);
	for (int i = 1; i < N; i++)
		between &= strcmp(keys[i - 1], keys[i]) < 0;
	ok(between, "and no two keys are equal");
	ok(longest < 24, "the longest key has %zu bytes", longest);
	for (int i = 0; i < N; i++)
		free(keys[i]);
}

static void test_narrow(const struct env *env)
{
	char low[POSITION_SIZE], high[POSITION_SIZE], key[POSITION_SIZE];
	int n = 0, err;

	position_nth(0, low);
	position_nth(1, high);
	while ((err = position_between(env, low, high, key)) == 0)
		strcpy(n++ % 2 ? low : high, key);
	ok(n > 1000, "the worst order of inserts between two items finds room %d times", n);
	ok(err == ERR_LIMIT, "and is then told that there is none");
}

static void test_together(const struct env *env)
{
	char low[POSITION_SIZE], high[POSITION_SIZE], a[POSITION_SIZE], b[POSITION_SIZE], c[POSITION_SIZE];

	position_nth(4, low);
	position_nth(5, high);
	position_between(env, low, high, a);
	position_between(env, low, high, b);
	ok(strcmp(a, b) != 0, "two schools that insert at one place get different keys");
	const char *first = strcmp(a, b) < 0 ? a : b, *second = first == a ? b : a;
	ok(position_between(env, first, second, c) == 0 && strcmp(first, c) < 0 && strcmp(c, second) < 0,
	   "and a third item fits between theirs");
	ok(position_between(env, low, low, c) == 0 && strcmp(low, c) < 0 && strcmp(c, high) < 0,
	   "between equal keys means behind both");
	ok(position_between(env, high, low, c) == ERR_INVALID, "the wrong way round is refused");
	ok(position_between(env, "a0", NULL, c) == ERR_INVALID, "what is no key is refused");
	ok(position_between(env, NULL, "1", c) == 0 && strcmp(c, "1") < 0, "there is room before 1");
	ok(position_between(env, "zzz", NULL, c) == 0 && strcmp(c, "zzz") > 0, "and behind zzz");
	ok(position_between(env, "zzzzz", NULL, c) == 0 && strcmp(c, "zzzzz") > 0, "and behind zzzzz");
	ok(position_between(env, NULL, "00001", c) == 0 && strcmp(c, "00001") < 0, "and before 00001");
	ok(position_between(env, "V", "V1", c) == 0 && strcmp(c, "V") > 0 && strcmp(c, "V1") < 0,
	   "and between V and V1");
}

static void test_nth(void)
{
	static const uint32_t n[] = {0, 1, 2, 61, 62, 3843, 3844, 1000000, UINT32_MAX};
	char last[POSITION_SIZE] = "", key[POSITION_SIZE];
	bool rising = true;

	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		position_nth(n[i], key);
		rising &= valid(key) && strcmp(last, key) < 0;
		strcpy(last, key);
	}
	ok(rising, "the keys of a list that is made whole rise");
}

int main(void)
{
	struct dice dice = {7};
	struct env env = {dice_now, dice_random, &dice};

	test_valid();
	test_ends(&env);
	test_middle(&env, &dice);
	test_narrow(&env);
	test_together(&env);
	test_nth();
	return tap_end();
}
