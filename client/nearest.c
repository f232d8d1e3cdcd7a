/* Which name was meant: the distance of Damerau and Levenshtein, for words of a command line. */
#include "client/nearest.h"

#include <string.h>

enum { NEAR_MOST = 31 };

unsigned nearest_distance(const char *a, const char *b)
{
	unsigned d[NEAR_MOST + 1][NEAR_MOST + 1];
	size_t n = strlen(a), m = strlen(b);
	if (n > NEAR_MOST || m > NEAR_MOST)
		return NEAR_MOST;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			v = d[i - 1][j] + 1 < v ? d[i - 1][j] + 1 : v;
			v = d[i][j - 1] + 1 < v ? d[i][j - 1] + 1 : v;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < v)
				v = d[i - 2][j - 2] + 1;
			d[i][j] = v;
		}
	}
	return d[n][m];
}

const char *nearest_name(const char *word, const char *(*name)(size_t i), size_t n)
{
	const char *best = NULL;
	unsigned least = 3;
	for (size_t i = 0; i < n; i++) {
		const char *candidate = name(i);
		if (strlen(word) >= 3 && strncmp(candidate, word, strlen(word)) == 0)
			return candidate;
		unsigned d = nearest_distance(word, candidate);
		if (d < least && d < strlen(candidate)) {
			least = d;
			best = candidate;
		}
	}
	return best;
}
