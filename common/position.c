/* Order keys for lists that several people insert into at once. */
#include "common/position.h"

#include <string.h>

enum { BASE = 62, STEP = 4, STEP_RANGE = BASE * BASE * BASE * BASE, RANDOM_DIGITS = 3 };
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* A key in the making; too long is noticed at the end. */
struct position {
	char *out;
	size_t len;
};

static int position_digit(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

static void position_put(struct position *p, int digit)
{
	if (p->len < POSITION_MAX)
		p->out[p->len] = digits[digit];
	p->len++;
}

bool position_is_valid(struct bytes key)
{
	if (key.len == 0 || key.len > POSITION_MAX || key.data[key.len - 1] == '0')
		return false;
	for (size_t i = 0; i < key.len; i++)
		if (position_digit((char)key.data[i]) < 0)
			return false;
	return true;
}

/* The number in the next STEP digits of a key, missing ones 0; the key moves behind them. */
static int position_take(const char **key)
{
	int v = 0;
	for (int i = 0; i < STEP; i++)
		v = v * BASE + (**key ? position_digit(*(*key)++) : 0);
	return v;
}

static void position_put_number(struct position *p, int v)
{
	for (int place = STEP_RANGE / BASE; place > 0; place /= BASE)
		position_put(p, v / place % BASE);
}

/* Behind everything: count up instead of halving what is left, so that appending stays short. */
static void position_above(struct position *p, const char *before)
{
	int v;

	while ((v = position_take(&before)) == STEP_RANGE - 1)
		position_put_number(p, v);
	position_put_number(p, v + 1);
}

static void position_below(struct position *p, const char *after)
{
	int v;

	while ((v = position_take(&after)) == 0)
		position_put_number(p, 0);
	position_put_number(p, v - 1);
}

/*
 * The middle of two fractions that differ; whatever digits follow it, it stays between them, since
 * its last digit is strictly between, or an earlier one is already below `after`.
 */
static void position_middle(struct position *p, const char *before, const char *after)
{
	for (;;) {
		int low = *before ? position_digit(*before++) : 0;
		int high = after ? position_digit(*after) : BASE;

		if (high - low > 1) {
			position_put(p, (low + high) / 2);
			return;
		}
		position_put(p, low);
		after = high == low ? after + 1 : NULL;
	}
}

static void position_random(struct position *p, const struct env *env)
{
	uint8_t r[RANDOM_DIGITS];

	env_random(env, r, sizeof(r));
	for (int i = 0; i < RANDOM_DIGITS - 1; i++)
		position_put(p, r[i] % BASE);
	position_put(p, 1 + r[RANDOM_DIGITS - 1] % (BASE - 1));
}

int position_between(const struct env *env, const char *before, const char *after,
		     char out[POSITION_SIZE])
{
	struct position p = {out, 0};
	int order = before && after ? strcmp(before, after) : -1;

	if ((before && !position_is_valid(BYTES(before, strlen(before)))) ||
	    (after && !position_is_valid(BYTES(after, strlen(after)))) || order > 0)
		return ERR_INVALID;
	if (order == 0)
		for (const char *c = before; *c; c++)
			position_put(&p, position_digit(*c));
	else if (before && after)
		position_middle(&p, before, after);
	else if (before)
		position_above(&p, before);
	else if (after)
		position_below(&p, after);
	else
		position_put(&p, BASE / 2);
	position_random(&p, env);
	if (p.len > POSITION_MAX)
		return ERR_LIMIT;
	out[p.len] = '\0';
	return 0;
}

void position_nth(uint32_t n, char out[POSITION_SIZE])
{
	static const uint32_t place[] = {916132832, 14776336, 238328, 3844, 62, 1};
	char *p = out;

	*p++ = 'K';
	for (size_t i = 0; i < sizeof(place) / sizeof(*place); i++)
		*p++ = digits[n / place[i] % BASE];
	*p++ = 'V';
	*p = '\0';
}
