/* For "did you mean": the name that is nearest to a word that somebody typed. */
#ifndef FIVEPITS_NEAREST_H
#define FIVEPITS_NEAREST_H

#include <stddef.h>

/* The nearest of the `n` names that `name` returns; NULL if none is near enough to be meant. */
const char *nearest_name(const char *word, const char *(*name)(size_t i), size_t n);

#endif
