/* Sentences such as minutes have, with abbreviations, sums, times and quotations. */
#ifndef FIVEPITS_PROSE_H
#define FIVEPITS_PROSE_H

#include "common/mem.h"

/* The sentence, or line, of a number; small ones are the same for many numbers. */
void prose_sentence(uint32_t number, struct buf *out);

#endif
