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

static inline void env_random(const struct env *env, uint8_t *out, size_t n)
{
	env->random(env->arg, out, n);
}

#endif
