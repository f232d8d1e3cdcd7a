/*
 * Gathering keeps a queue between the walk through the list and the hash of the whole: chunks in
 * their order, of which those at the front are read and hashed as soon as they are here, and no
 * more stand in it than were asked for ahead.
 */
#include "common/gather.h"

#include "common/hand.h"
#include "common/hashes.h"
#include "common/walk.h"

#include <stdlib.h>
#include <string.h>

/* ---- Gathering ------------------------------------------------------------------------------ */

enum { GATHER_LARGE = 4 * 1024 * 1024 };
enum { WANT_NODE = 1 }; /* in the numbers of `wanted`; above it the bytes */

struct gather {
	struct store *store;
	struct gather_ops ops;
	struct walk walk;
	struct sha256 *sha; /* of the whole; NULL where the list or the only chunk vouches for it */
	bool added; /* the chunk that was put last is in `sha` already */
	uint64_t done;	      /* bytes of the content that are passed, in order */
	uint64_t found, came; /* of all: that were here, that were brought */
	struct entry_of *queue; /* a ring; */
	size_t room, first, n;
	struct hashes wanted;
	uint64_t ahead; /* bytes that are wanted */
	struct buf chunk;
};

struct gather *gather_new(struct store *s, const struct content *content,
			  const struct gather_ops *ops)
{
	struct gather *g = mem_alloc(sizeof(*g));

	g->store = s;
	g->ops = *ops;
	g->walk.content = *content;
	g->room = content_is_single(content) ? 1 : GATHER_CHUNKS;
	g->queue = mem_alloc(g->room * sizeof(*g->queue));
	if (!content_is_single(content) && !ops->by_list)
		g->sha = sha256_begin();
	return g;
}

void gather_free(struct gather **gather)
{
	struct gather *g = *gather;
	uint8_t unused[SHA256_LEN];

	if (!g)
		return;
	if (g->sha) {
		hand_wait(store_hand(g->store));
		sha256_end(&g->sha, unused);
	}
	walk_fini(&g->walk);
	hashes_fini(&g->wanted);
	free(g->queue);
	buf_fini(&g->chunk);
	free(g);
	*gather = NULL;
}

const struct content *gather_content(const struct gather *g)
{
	return &g->walk.content;
}

uint64_t gather_found(const struct gather *g)
{
	return g->found;
}

uint64_t gather_came(const struct gather *g)
{
	return g->came;
}

bool gather_awaits(const struct gather *g, const uint8_t hash[SHA256_LEN], bool *node)
{
	const uint64_t *wanted = hashes_find(&g->wanted, hash);

	if (wanted)
		*node = *wanted & WANT_NODE;
	return wanted != NULL;
}

const uint8_t *gather_awaited(const struct gather *g, size_t *at)
{
	return hashes_each(&g->wanted, at, NULL);
}

static void gather_want(struct gather *g, const struct entry_of *e, bool node,
			const uint8_t *parent)
{
	uint64_t bytes = node ? NODE_BYTES : e->bytes;

	if (hashes_find(&g->wanted, e->hash))
		return;
	hashes_put(&g->wanted, e->hash, bytes << 1 | (node ? WANT_NODE : 0));
	g->ahead += bytes;
	g->ops.want(g->ops.arg, e->hash, parent);
}

/* The same, but 2 where the node that lists it vouches for it. */
static int gather_has(struct gather *g, const uint8_t hash[SHA256_LEN])
{
	struct stored is;

	if (walk_trusts(&g->walk))
		return 2;
	return g->ops.have ? g->ops.have(g->ops.arg, hash) : store_find(g->store, hash, &is);
}

static void gather_hash_job(void *arg, struct bytes raw)
{
	sha256_add(arg, raw);
}

static bool gather_is_large(const struct gather *g)
{
	return g->walk.content.bytes >= GATHER_LARGE;
}

/* Of what is large another hand hashes the whole. */
static void gather_hash(struct gather *g, struct bytes raw)
{
	struct hand *hand = store_hand(g->store);

	if (g->sha && gather_is_large(g)) {
		buf_add_bytes(hand_room(hand), raw);
		hand_do(hand, gather_hash_job, g->sha);
	} else if (g->sha) {
		sha256_add(g->sha, raw);
	}
}

/* Behind the chunk at the front, whose bytes were hashed where they must be. */
static void gather_pass(struct gather *g)
{
	g->done += g->queue[g->first].bytes;
	g->first = (g->first + 1) % g->room;
	g->n--;
}

static bool gather_is_next(const struct gather *g, const uint8_t hash[SHA256_LEN])
{
	return g->n && memcmp(g->queue[g->first].hash, hash, SHA256_LEN) == 0;
}

/* By the hand: a chunk as it is, of a large content, that is not here. One that is (the server asks
 * for it where who sends it may not read it) must not be shadowed by what comes under its name.
 * Should another process bring it meanwhile, it is there twice, and one of the two is erased. */
static bool gather_may_wait(const struct gather *g, const struct arrived *c)
{
	struct stored is;

	return gather_is_large(g) && c->form == FORM_RAW && c->packed.len == c->size &&
	       (!g->ops.have || store_find(g->store, c->hash, &is) == 0);
}

int gather_put(struct gather *g, bool node, const struct arrived *c, struct buf *room,
	       struct bytes *raw, struct cause *cause)
{
	if (!node && gather_may_wait(g, c)) {
		if (node_is(c->packed))
			return ERR_INVALID;
		*raw = c->packed;
		g->added = g->sha && gather_is_next(g, c->hash);
		return store_put_unchecked(g->store, c->hash, c->packed, g->added ? g->sha : NULL,
					   cause);
	}
	if (store_unpack(store_squeezer(g->store), c->hash, c->form, c->size, c->packed, room) < 0)
		return ERR_INVALID;
	*raw = buf_bytes(room);
	bool list = node_is(*raw);
	if (list && !node)
		return ERR_INVALID;
	/* Where a list was waited for and this is none, gather_take says so. */
	return store_put(g->store, c->hash, list, c->form, c->size, c->packed, cause);
}

int gather_take(struct gather *g, const uint8_t hash[SHA256_LEN], struct bytes raw,
		struct cause *cause)
{
	const uint64_t *wanted = hashes_find(&g->wanted, hash);

	if (!wanted)
		return 0;
	uint64_t bytes = *wanted >> 1;
	bool is_node = *wanted & WANT_NODE;
	hashes_remove(&g->wanted, hash);
	g->ahead -= bytes;
	if (is_node ? !node_is(raw) : raw.len != bytes || node_is(raw))
		return cause_set(cause, ERR_INVALID,
				 "a document's list of chunks does not fit what it lists");
	if (!is_node)
		g->came += bytes;
	if (!is_node && gather_is_next(g, hash)) {
		if (!g->added)
			gather_hash(g, raw);
		gather_pass(g);
	}
	g->added = false;
	return 0;
}

void gather_restart(struct gather *g)
{
	uint8_t unused[SHA256_LEN];

	if (g->sha) {
		hand_wait(store_hand(g->store));
		sha256_end(&g->sha, unused);
		g->sha = sha256_begin();
	}
	walk_restart(&g->walk);
	g->first = g->n = 0;
	g->done = g->found = g->came = g->ahead = 0;
	hashes_clear(&g->wanted);
}

void gather_again(struct gather *g, const uint8_t hash[SHA256_LEN])
{
	if (hashes_find(&g->wanted, hash))
		g->ops.want(g->ops.arg, hash, NULL);
}

static int gather_fail(struct cause *cause, int err)
{
	if (err == ERR_INVALID)
		return cause_set(cause, err,
				 "a document's list of chunks does not fit what it lists");
	if (err == ERR_CORRUPT || err == ERR_MISSING)
		return cause_set(cause, ERR_CORRUPT,
				 "a stored part of the document is damaged: fsck finds it");
	return cause_set(cause, err, "the store of documents can't be read: %s", err_words(err));
}

/* What lacks in a node of nodes is asked for at once: else each would cost a turn of the line. */
static int gather_children(struct gather *g)
{
	unsigned d = g->walk.depth - 1;
	struct entry_of e;

	for (size_t i = 0; g->walk.open[d].node.level > 1 && i < g->walk.open[d].node.n; i++) {
		node_entry(&g->walk.open[d].node, i, &e);
		int has = gather_has(g, e.hash);
		if (has < 0)
			return has;
		if (!has)
			gather_want(g, &e, true, g->walk.open[d].hash);
	}
	return 0;
}

/* One step of the walk. 1: it moved; 0: it waits, or is at its end. */
static int gather_step(struct gather *g)
{
	struct entry_of e;
	bool is_node;

	if (g->n == g->room || (g->n && g->ahead >= GATHER_AHEAD) ||
	    !walk_next(&g->walk, &e, &is_node) || hashes_find(&g->wanted, e.hash))
		return 0;
	if (!is_node && e.bytes > CHUNK_MAX)
		return ERR_INVALID;
	int has = gather_has(g, e.hash);
	if (has < 0)
		return has;
	if (!has)
		gather_want(g, &e, is_node, walk_parent(&g->walk));
	if (is_node && !has)
		return 1;
	if (is_node) {
		int err = store_get(g->store, e.hash, &g->chunk);
		if (err == 0)
			err = walk_enter(&g->walk, &e, buf_bytes(&g->chunk), has == 2);
		return err < 0 ? err : gather_children(g) < 0 ? ERR_IO : 1;
	}
	g->found += has ? e.bytes : 0;
	g->queue[(g->first + g->n++) % g->room] = e;
	walk_pass(&g->walk);
	return 1;
}

/* Read and hash what is at the front. 1, or 0 if that is not here. */
static int gather_front(struct gather *g)
{
	const struct entry_of *e = &g->queue[g->first];
	struct stored is;

	if (g->n == 0 || hashes_find(&g->wanted, e->hash))
		return 0;
	if (g->sha) {
		int err = store_get(g->store, e->hash, &g->chunk);
		if (err < 0 || g->chunk.len != e->bytes || node_is(buf_bytes(&g->chunk)))
			return err < 0 ? err : ERR_INVALID;
		gather_hash(g, buf_bytes(&g->chunk));
	} else {
		int got = store_find(g->store, e->hash, &is);
		if (got <= 0 || is.raw != e->bytes || is.node)
			return got < 0 ? got : got == 0 ? ERR_MISSING : ERR_INVALID;
	}
	gather_pass(g);
	return 1;
}

static int gather_end(struct gather *g, struct cause *cause)
{
	uint8_t is[SHA256_LEN];
	const struct content *c = &g->walk.content;
	bool same = g->done == c->bytes;

	if (!store_is_sound(g->store))
		return 0; /* it may have taken what is none */
	if (g->sha) {
		hand_wait(store_hand(g->store));
		sha256_end(&g->sha, is);
		same = same && memcmp(is, c->sha, SHA256_LEN) == 0;
	}
	if (!same)
		return cause_set(cause, ERR_INVALID,
				 "the document's bytes are not what its name says");
	return 2;
}

int gather_work(struct gather *g, size_t bytes, struct cause *cause)
{
	uint64_t before = g->done;
	struct entry_of e;
	bool is_node;

	for (size_t steps = 0;; steps++) {
		/* A chunk repeated a million times, or hashes that are all here, take time too. */
		if (g->done - before >= bytes || steps >= GATHER_CHUNKS)
			return 1;
		int moved = gather_front(g);
		int walked = moved < 0 ? moved : gather_step(g);
		if (walked < 0)
			return gather_fail(cause, walked);
		if (!moved && !walked)
			break;
	}
	bool over = g->n == 0 && !walk_next(&g->walk, &e, &is_node);
	return over ? gather_end(g, cause) : 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

int content_read(struct store *s, const struct content *content,
		 int (*row)(void *arg, struct bytes chunk), void *arg)
{
	struct walk w = {.content = *content};
	struct sha256 *sha = sha256_begin();
	uint8_t is[SHA256_LEN];
	struct buf chunk = {0};
	struct entry_of e;
	bool is_node;
	int err = 0;

	while (err == 0 && walk_next(&w, &e, &is_node)) {
		err = store_get(s, e.hash, &chunk);
		if (err == 0 && is_node) {
			err = walk_enter(&w, &e, buf_bytes(&chunk), false) < 0 ? ERR_CORRUPT : 0;
		} else if (err == 0) {
			sha256_add(sha, buf_bytes(&chunk));
			err = row ? row(arg, buf_bytes(&chunk)) : 0;
			walk_pass(&w);
		}
	}
	sha256_end(&sha, is);
	walk_fini(&w);
	buf_fini(&chunk);
	return err == 0 && memcmp(is, content->sha, SHA256_LEN) != 0 ? ERR_CORRUPT : err;
}

/* Only what can't be read is told as not here; what stands below it is not known then. */
int content_each(struct store *s, const uint8_t root[SHA256_LEN], unsigned level,
		 int (*row)(void *arg, const uint8_t hash[SHA256_LEN], bool here), void *arg)
{
	struct buf bytes = {0};
	struct stored is;
	struct node node;
	struct entry_of e;
	int got = store_find(s, root, &is);

	int err = got < 0 ? got : row(arg, root, got > 0);
	if (err == 0 && got > 0 && level > 0 && store_get(s, root, &bytes) == 0 &&
	    node_read(&node, buf_bytes(&bytes)) == 0 && node.level <= level)
		for (size_t i = 0; err == 0 && i < node.n; i++) {
			node_entry(&node, i, &e);
			err = content_each(s, e.hash, node.level - 1, row, arg);
		}
	buf_fini(&bytes);
	return err;
}
