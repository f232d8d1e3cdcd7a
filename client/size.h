/* How people write how large something is: "10 MiB", "1.5G", "500k", "2048"; k is 1,024. */
#ifndef FIVEPITS_SIZE_H
#define FIVEPITS_SIZE_H

#include "common/err.h"

#include <stdint.h>

/* ERR_USAGE with a cause: it is none, or less than a byte, or more than 2^50. */
int size_parse(const char *word, uint64_t *out, struct cause *cause);

#endif
