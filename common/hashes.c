/* Open addressing, linear probing; a removed one is filled by what stood behind it. */
#include "common/hashes.h"

#include <stdlib.h>
#include <string.h>

enum { HASHES_LEAST = 64 };

struct hashes_slot {
	uint8_t hash[SHA256_LEN];
	uint64_t value;
	bool used;
};

static size_t hashes_home(const struct hashes *h, const uint8_t hash[SHA256_LEN])
{
	return read_u64be(hash + 8) & (h->cap - 1);
}

static size_t hashes_next(const struct hashes *h, size_t i)
{
	return (i + 1) & (h->cap - 1);
}

void hashes_fini(struct hashes *h)
{
	free(h->slots);
	*h = (struct hashes){0};
}

void hashes_clear(struct hashes *h)
{
	if (h->n)
		memset(h->slots, 0, h->cap * sizeof(*h->slots));
	h->n = 0;
}

/* Where it is, or would be put. */
static struct hashes_slot *hashes_slot(const struct hashes *h, const uint8_t hash[SHA256_LEN])
{
	size_t i = hashes_home(h, hash);

	while (h->slots[i].used && memcmp(h->slots[i].hash, hash, SHA256_LEN) != 0)
		i = hashes_next(h, i);
	return &h->slots[i];
}

uint64_t *hashes_find(const struct hashes *h, const uint8_t hash[SHA256_LEN])
{
	if (h->n == 0)
		return NULL;
	struct hashes_slot *s = hashes_slot(h, hash);
	return s->used ? &s->value : NULL;
}

static void hashes_grow(struct hashes *h)
{
	struct hashes old = *h;

	h->cap = old.cap ? 2 * old.cap : HASHES_LEAST;
	h->slots = mem_alloc(h->cap * sizeof(*h->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].used)
			*hashes_slot(h, old.slots[i].hash) = old.slots[i];
	free(old.slots);
}

void hashes_put(struct hashes *h, const uint8_t hash[SHA256_LEN], uint64_t value)
{
	if (4 * (h->n + 1) > 3 * h->cap)
		hashes_grow(h);
	struct hashes_slot *s = hashes_slot(h, hash);
	if (!s->used) {
		memcpy(s->hash, hash, SHA256_LEN);
		s->used = true;
		h->n++;
	}
	s->value = value;
}

const uint8_t *hashes_each(const struct hashes *h, size_t *at, uint64_t **value)
{
	while (h->n && *at < h->cap) {
		struct hashes_slot *s = &h->slots[(*at)++];
		if (!s->used)
			continue;
		if (value)
			*value = &s->value;
		return s->hash;
	}
	return NULL;
}

bool hashes_remove(struct hashes *h, const uint8_t hash[SHA256_LEN])
{
	if (h->n == 0)
		return false;
	struct hashes_slot *s = hashes_slot(h, hash);
	if (!s->used)
		return false;
	size_t hole = (size_t)(s - h->slots);
	for (size_t i = hashes_next(h, hole); h->slots[i].used; i = hashes_next(h, i)) {
		size_t home = hashes_home(h, h->slots[i].hash);
		/* It may move back unless its home lies between the hole and itself. */
		if (((i - home) & (h->cap - 1)) < ((i - hole) & (h->cap - 1)))
			continue;
		h->slots[hole] = h->slots[i];
		hole = i;
	}
	h->slots[hole] = (struct hashes_slot){0};
	h->n--;
	return true;
}

void hashes_key(const struct id *id, uint8_t key[SHA256_LEN])
{
	memset(key, 0, SHA256_LEN);
	for (size_t i = 0; i < sizeof(id->b); i++)
		key[i] = id->b[sizeof(id->b) - 1 - i];
}
