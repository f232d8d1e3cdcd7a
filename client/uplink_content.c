/*
 * Documents on their way down: contents that somebody asked for are gathered into the store, some
 * at a time, and made to last together. Those on their way up are in uplink_offer.c.
 */
#include "client/uplink_inside.h"

#include "client/contents.h"
#include "client/holding.h"
#include "common/piece.h"

#include <stdlib.h>
#include <string.h>

enum { GET_STEP = 256 * 1024, GET_BAD = 3, WHOLE_MS = 10, ASK_MOST = 256 };

#define CHUNKS_DAMAGED                                                                             \
	"the document arrives damaged, again and again, and was not kept: where it stays so, the " \
	"server's administrator should run fivepitsd fsck"

/* A content that is wanted here. */
struct get {
	struct get *next;
	struct content content;
	uplink_done_fn done;
	void *arg;
	struct uplink *uplink;
	struct gather *gather; /* NULL: not begun */
	bool whole;	       /* all is here, and not yet on disk */
	unsigned bad;	       /* chunks that came damaged, or not at all */
	uint64_t found, came;  /* as told last */
	struct buf asks;       /* chunks to ask for, each behind its parent (zero: none) */
};

struct carriage {
	struct get *gets, **last;
	struct pieces pieces; /* of a chunk that comes */
	struct buf raw;
	bool busy;
	uint64_t put_ms;   /* since when something has come and is not on disk; 0: nothing has */
	uint64_t whole_ms; /* the same of a content that is whole */
};

struct carriage *carriage_new(void)
{
	struct carriage *c = mem_alloc(sizeof(*c));

	c->last = &c->gets;
	return c;
}

static void get_end(struct uplink *u, struct get **at, int err, const char *words)
{
	struct carriage *c = u->carriage;
	struct get *g = *at;

	*at = g->next;
	if (!*at)
		c->last = at;
	u->progress.bytes_all -= g->content.bytes - g->found - g->came; /* what will not come */
	gather_free(&g->gather);
	buf_fini(&g->asks);
	g->done(g->arg, err, words);
	free(g);
}

void uplink_get(struct uplink *u, const struct content *content, uplink_done_fn done, void *arg)
{
	struct carriage *c = u->carriage;
	int got = contents_has(u->copy, content->root, NULL);

	if (got != 0) {
		done(arg, got < 0 ? got : 0, got < 0 ? err_words(got) : "");
		return;
	}
	if (u->state == UPLINK_ENDED || !c) {
		done(arg, ERR_OFFLINE, u->words);
		return;
	}
	struct get *g = mem_alloc(sizeof(*g));
	g->uplink = u;
	g->done = done;
	g->arg = arg;
	g->content = *content;
	*c->last = g;
	c->last = &g->next;
	u->progress.bytes_all += content->bytes;
}

/* One question for many contents: it is answered when the last has come, with what went wrong. */
struct fetch {
	struct copy *copy;
	uplink_done_fn done;
	void *arg;
	size_t left;
	int err;
	char words[256];
};

/* One of them. */
struct fetched {
	struct fetch *fetch;
	uint8_t root[SHA256_LEN];
};

static void fetch_part(struct fetch *f, int err, const char *words)
{
	if (err < 0 && f->err == 0) {
		f->err = err;
		snprintf(f->words, sizeof(f->words), "%s", words);
	}
	if (--f->left)
		return;
	f->done(f->arg, f->err, f->words);
	free(f);
}

/* What was released on its way is no loss: nobody wants it any more. */
static void fetch_one(void *arg, int err, const char *words)
{
	struct fetched *one = arg;
	bool gone = err == ERR_MISSING || err == ERR_CORRUPT;
	int named = gone ? holding_is_named(one->fetch->copy, one->root) : 1;

	fetch_part(one->fetch, named == 0 ? 0 : err, words);
	free(one);
}

void uplink_fetch(struct uplink *u, bool policy, uplink_done_fn done, void *arg)
{
	struct fetch *f = mem_alloc(sizeof(*f));
	struct buf contents = {0};
	struct content c;
	int err = holding_wanted(u->copy, policy, &contents);

	*f = (struct fetch){.copy = u->copy,
			    .done = done,
			    .arg = arg,
			    .left = 1 + contents.len / sizeof(c)};
	for (size_t i = 0; i < contents.len; i += sizeof(c)) {
		struct fetched *one = mem_alloc(sizeof(*one));
		memcpy(&c, contents.data + i, sizeof(c));
		one->fetch = f;
		memcpy(one->root, c.root, SHA256_LEN);
		uplink_get(u, &c, fetch_one, one);
	}
	buf_fini(&contents);
	fetch_part(f, err, err < 0 ? err_words(err) : "");
}

static void get_want(void *arg, const uint8_t hash[SHA256_LEN], const uint8_t *parent)
{
	static const uint8_t none[SHA256_LEN];
	struct get *g = arg;

	buf_add(&g->asks, parent ? parent : none, SHA256_LEN);
	buf_add(&g->asks, hash, SHA256_LEN);
}

/* What it wants, as few Gets as there are parents in a row. */
static void get_ask(struct uplink *u, struct get *g)
{
	static const uint8_t none[SHA256_LEN];
	ProtobufCBinaryData chunks[ASK_MOST];
	enum { PAIR = 2 * SHA256_LEN };

	for (size_t i = 0; i < g->asks.len;) {
		Wire__Get m = WIRE__GET__INIT;
		uint8_t *parent = g->asks.data + i;
		m.chunks = chunks;
		while (i < g->asks.len && m.n_chunks < ASK_MOST &&
		       memcmp(g->asks.data + i, parent, SHA256_LEN) == 0) {
			chunks[m.n_chunks++] =
				(ProtobufCBinaryData){SHA256_LEN, g->asks.data + i + SHA256_LEN};
			i += PAIR;
		}
		m.has_parent = memcmp(parent, none, SHA256_LEN) != 0;
		m.parent = (ProtobufCBinaryData){m.has_parent ? SHA256_LEN : 0, parent};
		m.has_root = m.has_parent;
		m.root = (ProtobufCBinaryData){m.has_root ? SHA256_LEN : 0, g->content.root};
		link_send(u->link, WIRE__KIND__GET, &m.base, BYTES_NONE);
	}
	buf_reset(&g->asks);
}

/*
 * What was here before need not come: it counts as less to do, not as done, so that rate and time
 * left are those of the line. What comes counts at once, though of a list's parts none waits for
 * another and its front may stand still for long.
 */
static void get_tell(struct uplink *u, struct get *g)
{
	uint64_t found = gather_found(g->gather), came = gather_came(g->gather);

	u->progress.bytes_all -= found - g->found;
	u->progress.bytes_done += came - g->came;
	g->found = found;
	g->came = came;
}

/* A step of one. Did it move? It may end. */
static bool get_step(struct uplink *u, struct get **at)
{
	struct get *g = *at;
	struct gather_ops ops = {.want = get_want, .arg = g, .by_list = true};
	struct cause cause = {""};

	if (!g->gather)
		g->gather = gather_new(copy_store(u->copy), &g->content, &ops);
	int got = gather_work(g->gather, GET_STEP, &cause);
	get_tell(u, g);
	get_ask(u, g);
	if (got == 2)
		g->whole = true;
	else if (got < 0)
		get_end(u, at, got, cause.words);
	return got == 1;
}

/* All that are under way, in turn. */
static void get_work(struct uplink *u)
{
	struct carriage *c = u->carriage;
	uint64_t bytes = 0;
	size_t n = 0;

	c->busy = false;
	for (struct get **at = &c->gets; *at && n < GETS_MOST && u->state == UPLINK_READY; n++) {
		struct get *g = *at;
		if (n > 0 && bytes + g->content.bytes > GETS_BYTES && !g->gather)
			break;
		bytes += g->content.bytes;
		if (!g->whole && get_step(u, at))
			c->busy = true;
		if (*at == g)
			at = &g->next;
	}
}

/* Some chunks were something else: those that may have taken them begin again, with what is here,
 * but not for ever. */
static void get_settle(struct uplink *u)
{
	store_settle(copy_store(u->copy), NULL);
	for (struct get **at = &u->carriage->gets; *at && (*at)->gather;) {
		struct get *g = *at;
		if (!g->whole && ++g->bad >= GET_BAD) {
			get_end(u, at, ERR_CORRUPT, CHUNKS_DAMAGED);
			continue;
		}
		if (!g->whole) {
			gather_restart(g->gather);
			get_tell(u, g);
			u->carriage->busy = true;
		}
		at = &g->next;
	}
}

/* While more comes the disk works at what came before. True: it is slower than the line, which has
 * to wait for it. */
static bool get_sync_beside(struct uplink *u, uint64_t now)
{
	struct store *store = copy_store(u->copy);

	if (store_sync_is_done(store)) {
		int err = contents_sync_end(u->copy, NULL);
		if (err < 0) {
			uplink_fail(u, err); /* which takes the carriage apart */
			return false;
		}
		u->carriage->put_ms = store_is_dirty(store) ? now : 0;
	}
	return store_unsynced(store) >= CONTENT_SYNC && !store_sync_begin(store);
}

/* Make last what came, and tell of those that are whole. */
static void get_sync(struct uplink *u)
{
	struct store *store = copy_store(u->copy);
	struct carriage *c = u->carriage;
	struct cause cause = {""};
	bool whole = false;

	uint64_t now = env_now_ms(copy_env(u->copy));
	bool waits = false; /* something else is to come */
	for (struct get *g = c->gets; g && g->gather; g = g->next) {
		whole = whole || g->whole;
		waits = waits || !g->whole;
	}
	if (whole && !c->whole_ms)
		c->whole_ms = now;
	/* Small ones that come one behind the other are made to last together. */
	if (store_is_dirty(store) && !c->put_ms)
		c->put_ms = now;
	bool due = store_found_bad(store) || (c->put_ms && now - c->put_ms >= CONTENT_SYNC_MS) ||
		   (whole && (!waits || now - c->whole_ms >= WHOLE_MS));
	if (!due && !get_sync_beside(u, now))
		return;
	c->put_ms = c->whole_ms = 0;
	if (!store_is_sound(store))
		get_settle(u);
	int err = contents_sync(u->copy, &cause);
	if (err == 0 && whole)
		err = copy_begin(u->copy);
	for (struct get *g = c->gets; g && g->gather && err == 0; g = g->next)
		if (g->whole)
			err = store_content_set(store, &g->content);
	if (err == 0)
		err = copy_commit(u->copy);
	if (err < 0) {
		uplink_fail(u, err);
		return;
	}
	for (struct get **at = &c->gets; *at && (*at)->gather;) {
		if ((*at)->whole)
			get_end(u, at, 0, "");
		else
			at = &(*at)->next;
	}
	c->busy = c->busy || (whole && c->gets); /* those that stood behind begin at once */
}

static void chunk_bad(struct uplink *u, const uint8_t hash[SHA256_LEN], int err, const char *words)
{
	bool node;

	for (struct get **at = &u->carriage->gets; *at && (*at)->gather;) {
		struct get *g = *at;
		if (!gather_awaits(g->gather, hash, &node)) {
			at = &g->next;
		} else if (err == ERR_CORRUPT && ++g->bad < GET_BAD) {
			gather_again(g->gather, hash);
			get_ask(u, g);
			at = &g->next;
		} else {
			get_end(u, at, err, words);
		}
	}
}

/* The first that waits for it, or NULL. `node`: does any wait for a node? */
static struct get *get_awaits(const struct carriage *c, const uint8_t *hash, bool *node)
{
	struct get *first = NULL;
	bool is_node;

	*node = false;
	for (struct get *g = c->gets; g && g->gather; g = g->next)
		if (gather_awaits(g->gather, hash, &is_node)) {
			first = first ? first : g;
			*node = *node || is_node;
		}
	return first;
}

static void chunk_take(struct uplink *u, const Wire__Chunk *m, struct bytes packed)
{
	struct carriage *c = u->carriage;
	struct arrived chunk = {m->chunk.data, (enum form)m->form, m->raw, packed};
	struct cause cause = {""};
	struct bytes raw;
	bool node;
	struct get *first = get_awaits(c, chunk.hash, &node);

	if (!first)
		return;
	int err = gather_put(first->gather, node, &chunk, &c->raw, &raw, &cause);
	if (err < 0) {
		chunk_bad(u, chunk.hash, err == ERR_INVALID ? ERR_CORRUPT : err,
			  err == ERR_INVALID ? CHUNKS_DAMAGED : cause.words);
		return;
	}
	for (struct get **at = &c->gets; *at && (*at)->gather;) {
		struct get *g = *at;
		err = gather_take(g->gather, chunk.hash, raw, &cause);
		get_tell(u, g);
		if (err < 0)
			get_end(u, at, ERR_CORRUPT, cause.words);
		else
			at = &g->next;
	}
}

/* At once, whatever the chunk is worth: it is about the line. */
static void mark_answer(struct uplink *u, uint64_t mark)
{
	Wire__Pace m = WIRE__PACE__INIT;

	m.has_came = true;
	m.came = mark;
	link_send(u->link, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

void content_on_chunk(struct uplink *u, const Wire__Chunk *m, struct bytes raw)
{
	struct bytes packed;

	if (m->has_mark)
		mark_answer(u, m->mark);
	int got = pieces_take(&u->carriage->pieces, m, raw, &packed);
	if (got < 0)
		uplink_end(u, WIRE__REASON__PROTOCOL, "the server sent a document out of order");
	else if (got > 0)
		chunk_take(u, m, packed);
}

/* Of a chunk that was asked for. */
void content_on_missing(struct uplink *u, const Wire__Missing *m)
{
	if (m->name.len != SHA256_LEN)
		return;
	chunk_bad(u, m->name.data, ERR_MISSING,
		  m->words ? m->words : "the server does not have that document");
}

void content_turn(struct uplink *u)
{
	get_work(u);
	if (u->state == UPLINK_READY)
		get_sync(u);
}

bool content_quiet(const struct uplink *u)
{
	return !u->carriage || !u->carriage->gets;
}

bool content_is_busy(const struct uplink *u)
{
	return u->state == UPLINK_READY && u->carriage && u->carriage->busy;
}

void content_fini(struct uplink *u, int err, const char *words)
{
	struct carriage *c = u->carriage;

	if (!c)
		return;
	/* What came is kept: another session goes on from there. */
	if (u->error || contents_sync(u->copy, NULL) < 0)
		store_forget(copy_store(u->copy));
	while (c->gets)
		get_end(u, &c->gets, err, words);
	pieces_fini(&c->pieces);
	buf_fini(&c->raw);
	free(c);
	u->carriage = NULL;
}
