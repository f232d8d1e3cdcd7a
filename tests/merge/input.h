/*
 * Three texts to merge, written small: a byte that says how the rest is read, then base, ours and
 * theirs, with the byte FE between them. They are
 *   0  as they are;
 *   1  a unit for each byte;
 *   2  two bytes for a unit that is repeated, up to 16 KiB;
 *   3  the same, up to what may be merged.
 */
#ifndef FIVEPITS_MERGE_INPUT_H
#define FIVEPITS_MERGE_INPUT_H

#include "common/mem.h"

#include <stdbool.h>

/* Append the texts of an input that is not empty. True: they were written as 3. */
bool input_read(struct bytes in, struct buf texts[3]);

#endif
