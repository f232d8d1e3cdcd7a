/* The ledger: a line for each block of seeds that was run on a commit, in a file that grows. */
#ifndef FIVEPITS_SIM_LEDGER_H
#define FIVEPITS_SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct block {
	const char *commit;
	uint64_t first, last;
	unsigned actions, bad; /* actions of each seed; seeds that failed */
	double seconds;
};

/* Was this very block run on this commit, and good? Never of a tree with changes in it. */
bool ledger_has(const char *path, const struct block *b);
/* Append it; false: it can't be written. */
bool ledger_add(const char *path, const struct block *b);

#endif
