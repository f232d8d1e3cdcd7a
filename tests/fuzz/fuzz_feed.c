/*
 * A Feed message into a copy. The copy stands as it was before each input: all is rolled back.
 */
#include "common/wire.h"
#include "tests/fuzz/a_copy.h"

#include <stdio.h>
#include <stdlib.h>

const unsigned fuzz_rounds = 5000;

static struct a_copy a;
static struct arena arena;

static void start(void)
{
	if (a.copy)
		return;
	arena_init(&arena, ARENA_NO_BUDGET);
	a_copy_open(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cause cause = {""};

	start();
	Wire__Feed *feed = a_copy_fix_feed(&a, BYTES(data, size), &arena);
	if (feed) {
		uint8_t digest[SHA256_LEN];
		must(copy_begin(a.copy) == 0);
		int err = copy_feed(a.copy, feed, &cause);
		/* ERR_MISSING: an own entry without its words, which are not here either. */
		if (err != 0 && err != ERR_CORRUPT && err != ERR_PROTO && err != ERR_MISSING) {
			fprintf(stderr, "copy_feed: %s (%s)\n", err_words(err), cause.words);
			abort();
		}
		must(err == 0 || cause.words[0]);
		if (err == 0)
			must(copy_digest(a.copy, &a.names.ids[2], digest) == 0);
		copy_rollback(a.copy);
	}
	arena_reset(&arena);
	return 0;
}
