/* Running worlds, and making a failing one short (shrink.c). */
#ifndef FIVEPITS_SIM_RUN_H
#define FIVEPITS_SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_WORDS = 600, SHRINK_ACTIONS = 1000 };

struct run {
	uint64_t seed;
	unsigned actions;
	const bool *left_out; /* of the actions; NULL: none is */
	bool verbose, silent; /* silent: nothing is told of a fault either */
	const struct image *blank;
};

/* Run one world; true if all was right, else `fault` says why. `hash` is its trace's. */
bool run_world(const struct run *r, uint64_t *hash, char fault[FAULT_WORDS]);

/*
 * A world failed: leave out all actions that the fault does not need, and tell what is left, as a list
 * that a person can follow. Runs it a few hundred times, each in a process of its own.
 */
void shrink(const struct run *failed);

#endif
