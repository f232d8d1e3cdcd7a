/* Open addressing. */
#include "tests/sim/idmap.h"

#include <stdlib.h>
#include <string.h>

void idmap_fini(struct idmap *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct idmap){0};
}

static size_t idmap_slot(const struct idmap *m, const struct id *key)
{
	size_t i = (size_t)(read_u64be(key->b) * 0x9e3779b97f4a7c15u ^ read_u64be(key->b + 8)) &
		   (m->cap - 1);
	while (m->values[i] && !id_equal(&m->keys[i], key))
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *idmap_get(const struct idmap *m, const struct id *key)
{
	return m->cap ? m->values[idmap_slot(m, key)] : NULL;
}

void idmap_put(struct idmap *m, const struct id *key, void *value)
{
	if (2 * m->n >= m->cap) {
		struct idmap old = *m;
		m->cap = old.cap ? 2 * old.cap : 64;
		m->keys = mem_alloc(m->cap * sizeof(*m->keys));
		m->values = mem_alloc(m->cap * sizeof(*m->values));
		for (size_t i = 0; i < old.cap; i++)
			if (old.values[i]) {
				size_t slot = idmap_slot(m, &old.keys[i]);
				m->keys[slot] = old.keys[i];
				m->values[slot] = old.values[i];
			}
		free(old.keys);
		free(old.values);
	}
	size_t slot = idmap_slot(m, key);
	m->n += !m->values[slot];
	m->keys[slot] = *key;
	m->values[slot] = value;
}
