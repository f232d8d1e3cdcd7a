/*
 * A Feed message into a copy. The copy stands as it was before each input: all is rolled back. So that
 * more than the first check is reached, numbers are made to follow, and the chain and its signature
 * to fit, whatever the entries say.
 */
#include "common/wire.h"
#include "tests/fuzz/a_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 5000;

static struct a_copy a;
static struct arena arena;
static struct bytes pending; /* the change that the copy has made itself */

static void start(void)
{
	struct pending p;

	if (a.copy)
		return;
	arena_init(&arena, ARENA_NO_BUDGET);
	a_copy_open(&a);
	must(copy_pending_next(a.copy, 0, &p) == 1);
	uint8_t *kept = mem_alloc(p.bytes.len);
	pending = BYTES(memcpy(kept, p.bytes.data, p.bytes.len), p.bytes.len);
}

static struct bytes kept(struct buf *b)
{
	struct bytes out = arena_copy(&arena, buf_bytes(b));
	buf_fini(b);
	return out;
}

static void fix_header(Wire__Entry *e, uint64_t number, bool *own)
{
	struct buf out = {0};
	Wire__Header *h = (Wire__Header *)message_unpack(BYTES_OF(e->header), &wire__header__descriptor,
							 &arena, NULL);

	*own = false;
	if (!h)
		return;
	fuzz_fix(&a.names, &h->base);
	h->number = number;
	*own = bytes_equal(BYTES_OF(h->change), ID_BYTES(&a.names.ids[12]));
	buf_add_message(&out, &h->base);
	struct bytes header = kept(&out);
	e->header = PB_BYTES(header);
}

static void fix_body(Wire__Entry *e)
{
	struct bytes change, outcome;
	struct buf out = {0};

	if (!e->has_body || body_read(BYTES_OF(e->body), &change, &outcome) < 0)
		return;
	body_write(fuzz_fix_change(&a.names, change, &arena),
		   fuzz_fix_outcome(&a.names, outcome, &arena), &out);
	struct bytes body = kept(&out);
	e->body = PB_BYTES(body);
}

/* The bytes that the chain stands on where the body was left out. */
static struct bytes own_body(void)
{
	struct buf out = {0};
	body_write(pending, BYTES_NONE, &out);
	return kept(&out);
}

static void fix_feed(Wire__Feed *feed)
{
	static uint8_t chain[SHA256_LEN], signature[64];
	struct held *held, *at = NULL;
	struct id space;
	int n = copy_spaces(a.copy, &held);

	fuzz_fix(&a.names, &feed->base);
	for (int i = 0; i < n; i++)
		if (bytes_equal(BYTES_OF(feed->space), ID_BYTES(&held[i].id)))
			at = &held[i];
	if (at && id_from(&space, BYTES_OF(feed->space))) {
		memcpy(chain, at->chain, sizeof(chain));
		for (size_t i = 0; i < feed->n_entries; i++) {
			Wire__Entry *e = feed->entries[i];
			bool own;
			fix_header(e, at->number + 1 + i, &own);
			fix_body(e);
			chain_next(chain, BYTES_OF(e->header), BYTES_OF(e->salt),
				   e->has_body ? BYTES_OF(e->body) : own ? own_body() : BYTES_NONE);
		}
		feed->head->number = at->number + feed->n_entries;
		a_copy_sign(&space, feed->head, chain, signature);
	}
	free(held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cause cause = {""};

	start();
	Wire__Feed *feed =
		(Wire__Feed *)message_unpack(BYTES(data, size), &wire__feed__descriptor, &arena, &cause);
	if (feed) {
		uint8_t digest[SHA256_LEN];
		fix_feed(feed);
		must(copy_begin(a.copy) == 0);
		int err = copy_feed(a.copy, feed, &cause);
		if (err != 0 && err != ERR_CORRUPT && err != ERR_PROTO) {
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
