/* A ring of lines, and FNV-1a over eight bytes at a time. */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trace_init(struct trace *t, const uint64_t *now_us, const unsigned *action, bool verbose)
{
	*t = (struct trace){.hash = 0xcbf29ce484222325u, .verbose = verbose, .now_us = now_us, .action = action};
	t->lines = mem_alloc(TRACE_LINES * sizeof(*t->lines));
}

void trace_fini(struct trace *t)
{
	free(t->lines);
	t->lines = NULL;
}

void trace_bytes(struct trace *t, struct bytes b)
{
	uint64_t hash = t->hash ^ b.len;
	size_t i = 0;
	for (; i + 8 <= b.len; i += 8) {
		uint64_t word;
		memcpy(&word, b.data + i, 8);
		hash = (hash ^ word) * 0x100000001b3u;
		hash ^= hash >> 29;
	}
	for (; i < b.len; i++)
		hash = (hash ^ b.data[i]) * 0x100000001b3u;
	t->hash = hash;
}

void trace_line(struct trace *t, const char *format, ...)
{
	char *line = t->lines[t->n++ % TRACE_LINES];
	va_list ap;
	int n = snprintf(line, TRACE_WIDTH, "%9.3f ", (double)*t->now_us / 1e6);
	if (*t->action != t->told && *t->action) /* the first line of what happens now */
		n += snprintf(line + n, TRACE_WIDTH - (size_t)n, "(%u) ", *t->action);
	t->told = *t->action;
	va_start(ap, format);
	vsnprintf(line + n, TRACE_WIDTH - (size_t)n, format, ap);
	va_end(ap);
	trace_bytes(t, BYTES(line, strlen(line)));
	if (t->verbose)
		printf("# %s\n", line);
}

void trace_tail(const struct trace *t, size_t most)
{
	uint64_t kept = t->n < TRACE_LINES ? t->n : TRACE_LINES;
	kept = kept < most ? kept : most;
	for (uint64_t i = t->n - kept; i < t->n; i++)
		fprintf(stderr, "# %s\n", t->lines[i % TRACE_LINES]);
}
