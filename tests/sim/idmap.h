/* Pointers by id. Nothing is ever taken out. */
#ifndef FIVEPITS_SIM_IDMAP_H
#define FIVEPITS_SIM_IDMAP_H

#include "common/id.h"

struct idmap {
	struct id *keys;
	void **values;
	size_t n, cap;
};

void idmap_fini(struct idmap *m);
void *idmap_get(const struct idmap *m, const struct id *key); /* NULL: not there */
void idmap_put(struct idmap *m, const struct id *key, void *value);

#endif
