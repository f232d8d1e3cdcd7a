/*
 * Documents by the contents of their versions: see called.h. They are read once, when the first
 * fault is found: a sound copy costs nothing.
 */
#include "client/called.h"

#include "client/holding.h"
#include "client/lookup.h"

#include <stdlib.h>

struct called {
	struct copy *copy;
	struct held_version *list;
	int n; /* -1: not read yet */
	struct hashes first; /* of each root, where its versions begin: 1 and more */
	uint64_t *next;	     /* of each version, the next of the same root; 0: none */
};

struct called *called_new(struct copy *copy)
{
	struct called *c = mem_alloc(sizeof(*c));

	*c = (struct called){.copy = copy, .n = -1};
	return c;
}

void called_free(struct called **called)
{
	struct called *c = *called;

	*called = NULL;
	hashes_fini(&c->first);
	free(c->list);
	free(c->next);
	free(c);
}

static int called_read(struct called *c)
{
	int n = holding_list(c->copy, &c->list);

	if (n < 0)
		return n;
	c->n = n;
	c->next = mem_alloc(((size_t)n + 1) * sizeof(*c->next));
	for (int i = n; i-- > 0;) {
		const uint64_t *other = hashes_find(&c->first, c->list[i].content.root);
		c->next[i] = other ? *other : 0;
		hashes_put(&c->first, c->list[i].content.root, (uint64_t)i + 1);
	}
	return 0;
}

/* What is on this computer alone can't come from anywhere. */
static const char *called_words(const struct called *c, const struct held_version *v,
				struct arena *arena)
{
	return arena_format(arena, "%s\"%s\" in %s%s", v->newest ? "" : "an older version of ",
			    lookup_label(c->copy, &v->document, arena),
			    lookup_space_name(c->copy, &v->space, arena),
			    v->own ? " (not sent yet: put the file again)" : "");
}

int called_names(void *called, const uint8_t root[SHA256_LEN], struct checkup_names *names)
{
	struct called *c = called;
	struct arena arena;
	int err = c->n < 0 ? called_read(c) : 0;

	if (err < 0)
		return err;
	arena_init(&arena, ARENA_NO_BUDGET);
	const uint64_t *first = hashes_find(&c->first, root);
	for (uint64_t at = first ? *first : 0; at; at = c->next[at - 1])
		checkup_called(names, called_words(c, &c->list[at - 1], &arena));
	arena_fini(&arena);
	return 0;
}
