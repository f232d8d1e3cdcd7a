/* For "did you mean": the name that is nearest to a word that somebody typed. */
#ifndef FIVEPITS_NEAREST_H
#define FIVEPITS_NEAREST_H

#include <stddef.h>

/* How many letters must be put in, left out, changed or swapped to make `b` of `a`; many for long
 * words. */
unsigned nearest_distance(const char *a, const char *b);
/* The nearest of the `n` names that `name` returns; NULL if none is near enough to be meant. */
const char *nearest_name(const char *word, const char *(*name)(size_t i), size_t n);

#endif
