/* Sizes as people write them: see size.h. */
#include "client/size.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *word;
	unsigned bits;
} size_units[] = {
	{"", 0},     {"b", 0},	  {"byte", 0}, {"bytes", 0}, {"k", 10},	  {"kb", 10},
	{"kib", 10}, {"m", 20},	  {"mb", 20},  {"mib", 20},  {"g", 30},	  {"gb", 30},
	{"gib", 30}, {"t", 40},	  {"tb", 40},  {"tib", 40},
};

int size_parse(const char *word, uint64_t *out, struct cause *cause)
{
	char *unit;
	double n = word[0] >= '0' && word[0] <= '9' ? strtod(word, &unit) : 0;

	if (n > 0 && !strpbrk(word, "xX")) {
		unit += strspn(unit, " ");
		for (size_t i = 0; i < sizeof(size_units) / sizeof(*size_units); i++) {
			double bytes = n * (double)(UINT64_C(1) << size_units[i].bits);
			if (strcasecmp(unit, size_units[i].word) != 0 || bytes < 1 ||
			    bytes > 0x1p50)
				continue;
			*out = (uint64_t)bytes;
			return 0;
		}
	}
	return cause_set(cause, ERR_USAGE, "'%.60s' is no size; write 10M or 1.5G", word);
}
