/*
 * Seeded chance (splitmix64): each part of a simulated world has dice of its own, so that one more
 * throw in one part does not move the throws of another.
 */
#ifndef FIVEPITS_SIM_DICE_H
#define FIVEPITS_SIM_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *d)
{
	uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Dice of their own for part `part` of the world made from `seed`. */
static inline struct dice dice_fork(uint64_t seed, uint64_t part)
{
	struct dice d = {seed * 0x2545f4914f6cdd1du + part * 0xd6e8feb86659fd93u};
	dice_next(&d);
	return d;
}

/* 0 to n - 1; 0 for n = 0. */
static inline uint64_t dice_below(struct dice *d, uint64_t n)
{
	return n ? dice_next(d) % n : 0;
}

/* low to high, both included. */
static inline uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high)
{
	return low + dice_below(d, high - low + 1);
}

/* True in `percent` of a hundred throws. */
static inline bool dice_chance(struct dice *d, unsigned percent)
{
	return dice_below(d, 100) < percent;
}

static inline void dice_fill(struct dice *d, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(dice_next(d) >> 32);
}

#endif
