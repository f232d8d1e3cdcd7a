/* Lists of waiters, found by the chunk. Nearly always one waits for a chunk, for as long as that
 * takes to come: waiters are used again. */
#include "server/awaited.h"

#include <stdlib.h>

static struct waiter *waiter_of(uint64_t value)
{
	return (struct waiter *)(uintptr_t)value;
}

static uint64_t waiter_value(const struct waiter *w)
{
	return (uint64_t)(uintptr_t)w;
}

static void waiters_free(struct waiter *w)
{
	for (struct waiter *next; w; w = next) {
		next = w->next;
		free(w);
	}
}

void awaited_fini(struct awaited *a)
{
	uint64_t *first;

	for (size_t at = 0; hashes_each(&a->first, &at, &first);)
		waiters_free(waiter_of(*first));
	waiters_free(a->spare);
	hashes_fini(&a->first);
	*a = (struct awaited){0};
}

static struct waiter *awaited_new(struct awaited *a, struct offer *offer)
{
	struct waiter *w = a->spare;

	if (w)
		a->spare = w->next;
	else
		w = mem_alloc(sizeof(*w));
	*w = (struct waiter){.offer = offer};
	return w;
}

void awaited_add(struct awaited *a, const uint8_t hash[SHA256_LEN], struct offer *offer)
{
	struct waiter *w = awaited_by(a, hash);

	if (!w) {
		hashes_put(&a->first, hash, waiter_value(awaited_new(a, offer)));
		return;
	}
	while (w->offer != offer && w->next)
		w = w->next;
	if (w->offer != offer)
		w->next = awaited_new(a, offer);
}

/* Take `w` out, which stands behind `before` (NULL: first). */
static void awaited_unlink(struct awaited *a, const uint8_t hash[SHA256_LEN], struct waiter *before,
			   struct waiter *w)
{
	if (before)
		before->next = w->next;
	else if (w->next)
		*hashes_find(&a->first, hash) = waiter_value(w->next);
	else
		hashes_remove(&a->first, hash);
	w->next = a->spare;
	a->spare = w;
}

void awaited_remove(struct awaited *a, const uint8_t hash[SHA256_LEN], const struct offer *offer)
{
	struct waiter *before = NULL, *w = awaited_by(a, hash);

	while (w && w->offer != offer) {
		before = w;
		w = w->next;
	}
	if (w)
		awaited_unlink(a, hash, before, w);
}

struct waiter *awaited_by(const struct awaited *a, const uint8_t hash[SHA256_LEN])
{
	const uint64_t *first = hashes_find(&a->first, hash);

	return first ? waiter_of(*first) : NULL;
}

struct offer *awaited_take(struct awaited *a, const uint8_t hash[SHA256_LEN])
{
	struct waiter *w = awaited_by(a, hash);

	if (!w)
		return NULL;
	awaited_unlink(a, hash, NULL, w);
	return w->offer;
}
