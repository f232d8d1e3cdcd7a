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
