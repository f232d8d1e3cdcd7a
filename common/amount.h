/* How much something weighs, in words: "312 bytes", "1.1 MiB". */
#ifndef FIVEPITS_AMOUNT_H
#define FIVEPITS_AMOUNT_H

#include <stdint.h>

enum { AMOUNT_WORDS = 32 };

/* `out`, filled. */
const char *amount_words(char out[AMOUNT_WORDS], uint64_t bytes);

#endif
