/*
 * The clock and the dice, handed in: the product passes the system's (os_env), the simulator its
 * own, so that a seed repeats a run. Nothing pure asks the system for either.
 */
#ifndef FIVEPITS_ENV_H
#define FIVEPITS_ENV_H

#include <stddef.h>
#include <stdint.h>

struct env {
	uint64_t (*now_ms)(void *arg); /* since 1970, UTC */
	void (*random)(void *arg, uint8_t *out, size_t n);
	void *arg;
};

static inline uint64_t env_now_ms(const struct env *env)
{
	return env->now_ms(env->arg);
}

/* How far another's clock is ahead of ours, in ms; what no number says is as far as one can say: it
 * may be a hostile computer's. */
static inline int64_t env_skew_ms(uint64_t theirs, uint64_t ours)
{
	uint64_t off = theirs > ours ? theirs - ours : ours - theirs;
	int64_t ms = off > INT64_MAX ? INT64_MAX : (int64_t)off;

	return theirs > ours ? ms : -ms;
}

static inline void env_random(const struct env *env, uint8_t *out, size_t n)
{
	env->random(env->arg, out, n);
}

#endif
