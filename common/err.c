/* Codes, their words, and the end of a program that found a bug in itself. */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *err_words(int err)
{
	switch (err) {
#define ERR_CASE(name, words)                                                                      \
	case name:                                                                                 \
		return words;
		ERR_LIST(ERR_CASE)
#undef ERR_CASE
	default:
		return "unknown error";
	}
}

bool err_is_end(int err)
{
	return err == ERR_INTERRUPTED || err == ERR_TERMINATED;
}

int cause_set(struct cause *cause, int err, const char *format, ...)
{
	if (cause) {
		va_list ap;
		va_start(ap, format);
		vsnprintf(cause->words, sizeof(cause->words), format, ap);
		va_end(ap);
	}
	return err;
}

void must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "bug: %s does not hold at %s:%d\n", cond, file, line);
	abort();
}
