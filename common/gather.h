/*
 * Gathering a content into a store, chunk by chunk: its list is walked in order, what is lacking is
 * asked for a little ahead, and the whole is hashed as it becomes complete. Memory does not depend
 * on the content's size. The server gathers what a client offers, a client what it fetches. What is
 * in the store already, from whatever time, is not asked for.
 */
#ifndef FIVEPITS_GATHER_H
#define FIVEPITS_GATHER_H

#include "common/store.h"

enum {
	GATHER_AHEAD = 8 * 1024 * 1024, /* bytes that are asked for and have not come */
	GATHER_CHUNKS = 512,		/* and chunks */
};

struct gather;

struct gather_ops {
	/*
	 * May this chunk be taken from the store? 2: yes, and all below it too; 1: yes; 0: it must
	 * come; or an error. NULL: whatever is there may.
	 */
	int (*have)(void *arg, const uint8_t hash[SHA256_LEN]);
	/* Ask for it; `parent` is the node that lists it, NULL for the root. */
	void (*want)(void *arg, const uint8_t hash[SHA256_LEN], const uint8_t *parent);
	void *arg;
	/*
	 * Each chunk is what the list says, and the list what the root says: that is word enough,
	 * and the whole is not hashed. For one who hashes it when it is read, and whose source has
	 * hashed it.
	 */
	bool by_list;
};

/* Borrows the store. */
struct gather *gather_new(struct store *s, const struct content *content,
			  const struct gather_ops *ops);
void gather_free(struct gather **g);
const struct content *gather_content(const struct gather *g);
/*
 * How far it is, in bytes of the content: what was here when the walk came to it, and what was
 * brought since, in whatever order. At the end both together are all of it.
 */
uint64_t gather_found(const struct gather *g);
uint64_t gather_came(const struct gather *g);

/* Is this chunk awaited? */
bool gather_awaits(const struct gather *g, const uint8_t hash[SHA256_LEN], bool *node);
/* All that are, in no order, from *at = 0 on. NULL: there are no more. None may come meanwhile. */
const uint8_t *gather_awaited(const struct gather *g, size_t *at);
/* A chunk as it came. */
struct arrived {
	const uint8_t *hash;
	enum form form;
	uint32_t size; /* as it is, they say */
	struct bytes packed;
};

/*
 * Put an awaited chunk into the store. It is checked here, or, where it is one of a large content,
 * by another hand (store_put_unchecked). `node`: somebody awaits a node. `raw` is the chunk as it
 * is, borrowed from `packed` or `room`. ERR_INVALID: it is something else, or a node where none is
 * awaited; or as store_put.
 */
int gather_put(struct gather *g, bool node, const struct arrived *chunk, struct buf *room,
	       struct bytes *raw, struct cause *cause);
/*
 * An awaited chunk has come, and was put into the store. ERR_INVALID with a cause: it does not fit
 * in the list.
 */
int gather_take(struct gather *g, const uint8_t hash[SHA256_LEN], struct bytes raw,
		struct cause *cause);
/* A chunk that it took was something else (store_settle): begin again, with what is here. */
void gather_restart(struct gather *g);
/* An awaited chunk will not come, or has come damaged: ask for it again. */
void gather_again(struct gather *g, const uint8_t hash[SHA256_LEN]);
/*
 * Go on for about `bytes` bytes of content. 2: all is here, and it is what it should be; 1: there
 * is more to do at once; 0: it waits for chunks. ERR_INVALID: it is not what it was said to be;
 * ERR_CORRUPT, ERR_IO: the store can't be read; with a cause.
 */
int gather_work(struct gather *g, size_t bytes, struct cause *cause);

/*
 * Read a content that is here, in order; `row` gets each chunk and may return an error. The whole
 * is checked: ERR_CORRUPT where it is not what it should be, ERR_MISSING where a chunk is not here.
 */
int content_read(struct store *s, const struct content *content,
		 int (*row)(void *arg, struct bytes chunk), void *arg);
/* Each chunk and node below a root, parents first, as far as they are here. `level` is the highest
 * that it may be: LEVEL_MAX, or 0 where it is a chunk. */
int content_each(struct store *s, const uint8_t root[SHA256_LEN], unsigned level,
		 int (*row)(void *arg, const uint8_t hash[SHA256_LEN], bool here), void *arg);

#endif
