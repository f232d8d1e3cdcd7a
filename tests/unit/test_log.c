/* A line of the log is one line, whatever stands in it. */
#include "common/log.h"
#include "tests/tap.h"

#include <string.h>

static char last[2048];

static void keep(enum log_level level, const char *line)
{
	(void)level;
	strncpy(last, line, sizeof(last) - 1);
}

int main(void)
{
	log_sink_set(keep);
	log_warn("test.words", "why=\"%s\"", "Amy's \xc3\xa9l\xc3\xa8ves");
	ok(strstr(last, " warn test.words why=\"Amy's \xc3\xa9l\xc3\xa8ves\""),
	   "words stand in the log as they are");
	log_warn("test.words", "why=\"%s\"", "\033]0;x\007\n2030 error none\x7f\xc2\x9b" "31m");
	ok(strstr(last, "why=\"?]0;x??2030 error none???31m\""),
	   "but nothing that begins a line, or that a terminal would follow");
	return tap_end();
}
