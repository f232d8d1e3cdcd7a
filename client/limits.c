/* What keeps documents from being sent: what they may weigh, as the server said last, and the
 * person who would have them wait. See contents.h; a setting holds each. */
#include "client/contents.h"

#include "client/bell.h"
#include "client/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char limits_key[] = "document_limits";

int limits_set(struct copy *copy, const struct document_limits *l)
{
	char text[128] = "", was[128];

	if (l)
		snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
			 l->file, l->school, l->used, l->free);
	copy_meta_get(copy, limits_key, was, sizeof(was));
	return strcmp(text, was) == 0 ? 0 : copy_meta_set(copy, limits_key, text);
}

bool limits_get(struct copy *copy, struct document_limits *out)
{
	char text[128];

	copy_meta_get(copy, limits_key, text, sizeof(text));
	return sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &out->file,
		      &out->school, &out->used, &out->free) == 4;
}

int limits_allowance(struct copy *copy, struct allowance *out)
{
	uint64_t sent = 0;

	*out = (struct allowance){0};
	out->limited = limits_get(copy, &out->limits);
	int err = out->limited ? contents_sending(copy, NULL, &sent, &out->waits) : 0;
	return err < 0 ? err : 0;
}

int limits_check(const struct allowance *a, uint64_t bytes, struct cause *cause)
{
	const struct document_limits *l = &a->limits;
	struct arena arena;
	int err = 0;

	if (!a->limited)
		return 0;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (bytes > l->file)
		err = cause_set(cause, ERR_LIMIT,
				"it has %s, and a file may have %s; an administrator can allow "
				"more",
				screen_size(&arena, bytes), screen_size(&arena, l->file));
	else if (l->free != UINT64_MAX && (a->waits > l->free || bytes > l->free - a->waits))
		err = cause_set(cause, ERR_LIMIT,
				"it has %s, and your school may bring %s more: %s are used%s%s, %s "
				"wait here to be sent; an administrator can allow more",
				screen_size(&arena, bytes), screen_size(&arena, l->free),
				screen_size(&arena, l->used),
				l->school == UINT64_MAX ? "" : " of ",
				l->school == UINT64_MAX ? "" : screen_size(&arena, l->school),
				screen_size(&arena, a->waits));
	arena_fini(&arena);
	return err;
}

static const char paused_key[] = "documents_paused";

bool contents_paused(struct copy *copy)
{
	char text[8];

	copy_meta_get(copy, paused_key, text, sizeof(text));
	return text[0] != '\0';
}

/* Set a word of the person's, and wake who holds the line. */
static int word_set(struct copy *copy, const char *key, const char *word)
{
	int err = copy_begin(copy);

	if (err == 0)
		err = copy_meta_set(copy, key, word);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0) {
		copy_rollback(copy);
		return err;
	}
	bell_ring(copy_home(copy));
	return 0;
}

int contents_pause(struct copy *copy, bool pause)
{
	return word_set(copy, paused_key, pause ? "1" : "");
}

static const char limit_key[] = "documents_limit";

uint64_t contents_limit(struct copy *copy)
{
	char text[24];

	copy_meta_get(copy, limit_key, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

int contents_set_limit(struct copy *copy, uint64_t bytes_s)
{
	char text[24] = "";

	if (bytes_s)
		snprintf(text, sizeof(text), "%" PRIu64, bytes_s);
	return word_set(copy, limit_key, text);
}
