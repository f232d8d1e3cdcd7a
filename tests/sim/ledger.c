/* "COMMIT FIRST LAST ACTIONS BAD SECONDS", each line written at once, so that two processes may. */
#include "tests/sim/ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool ledger_has(const char *path, const struct block *b)
{
	char line[200], commit[64];
	uint64_t first, last;
	unsigned actions, bad;
	bool found = false;
	FILE *f = strstr(b->commit, "dirty") ? NULL : fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%63s %" SCNu64 " %" SCNu64 " %u %u", commit, &first, &last, &actions,
			       &bad) == 5 &&
			strcmp(commit, b->commit) == 0 && first == b->first && last == b->last &&
			actions == b->actions && bad == 0;
	if (f)
		fclose(f);
	return found;
}

bool ledger_add(const char *path, const struct block *b)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "%s %" PRIu64 " %" PRIu64 " %u %u %.1f\n", b->commit, b->first,
			 b->last, b->actions, b->bad, b->seconds);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
	bool good = fd >= 0 && write(fd, line, (size_t)n) == n;
	if (fd >= 0)
		close(fd);
	return good;
}
