/* One line an event, with the level that journald reads ("<6>") when nobody watches a terminal. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum log_level log_level_now = LOG_INFO;
static void (*log_sink)(enum log_level, const char *);

void log_level_set(enum log_level level)
{
	log_level_now = level;
}

enum log_level log_level_get(void)
{
	return log_level_now;
}

void log_sink_set(void (*sink)(enum log_level, const char *))
{
	log_sink = sink;
}

/* What others wrote may stand in a line: it stays one line, and says nothing to a terminal. */
static void log_clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
		else if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char text[1024], line[1200], when[32];
	struct timespec ts;
	struct tm tm;
	va_list ap;

	if (level > log_level_now)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_clean(text);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(line, sizeof(line), "%s.%03ldZ %s %s %s", when, ts.tv_nsec / 1000000, names[level],
		 event, text);
	if (log_sink)
		log_sink(level, line);
	else
		fprintf(stderr, "%s\n", line);
}
