/* Bytes in words: see amount.h. */
#include "common/amount.h"

#include <inttypes.h>
#include <stdio.h>

const char *amount_words(char out[AMOUNT_WORDS], uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes / 1024;
	unsigned u = 0;

	for (; v >= 1024 && u < 3; u++)
		v /= 1024;
	if (bytes < 1024)
		snprintf(out, AMOUNT_WORDS, "%" PRIu64 " %s", bytes, bytes == 1 ? "byte" : "bytes");
	else
		snprintf(out, AMOUNT_WORDS, "%.1f %s", v, units[u]);
	return out;
}
