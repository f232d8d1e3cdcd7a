/* Test results as TAP lines, and a scratch directory. */
#include "tests/tap.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count, tap_failed;
static char tap_path[64];

bool tap_ok(bool cond, const char *file, int line, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	printf("%sok %d - ", cond ? "" : "not ", ++tap_count);
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	if (!cond) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return cond;
}

int tap_end(void)
{
	printf("1..%d\n", tap_count);
	if (tap_path[0] && !tap_failed) {
		char command[128];
		snprintf(command, sizeof(command), "rm -rf '%s'", tap_path);
		if (system(command) != 0)
			return 1;
	}
	return tap_failed ? 1 : 0;
}

const char *tap_dir(void)
{
	if (!tap_path[0]) {
		strcpy(tap_path, "/tmp/fivepits-test-XXXXXX");
		if (!mkdtemp(tap_path))
			abort();
	}
	return tap_path;
}
