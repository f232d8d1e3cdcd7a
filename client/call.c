/* What a command asks of its command line. */
#include "client/command.h"

#include <string.h>

const char *call_option_next(const struct call *call, const char *name, size_t *at)
{
	for (; *at < call->n_chosen; ++*at)
		if (strcmp(call->chosen[*at].option->name, name) == 0)
			return call->chosen[(*at)++].value;
	return NULL;
}

const char *call_option(const struct call *call, const char *name)
{
	const char *last = NULL, *value;
	for (size_t at = 0; (value = call_option_next(call, name, &at));)
		last = value;
	return last;
}

const char *call_word(const struct call *call, size_t i)
{
	return i < call->n_words ? call->words[i] : NULL;
}
