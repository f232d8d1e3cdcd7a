/*
 * A lane: the offers that are being gathered. (What was asked for is in give.c.) A chunk may come
 * in parts, one behind the other; it is put together here, checked, and stored once. When it is
 * made last, lane_sync.c decides; Stored is said only behind the commit.
 */
#include "server/lane.h"

#include "common/hashes.h"
#include "common/log.h"
#include "server/access.h"
#include "server/lane_sync.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum { LANE_STEP = 256 * 1024, LANE_BAD = 3, WANT_MOST = 512 };
enum { SEVERAL = 1 }; /* in the number of an awaited chunk, beside an address */

/* A content on its way up. */
struct offer {
	struct offer *next;
	struct session *session;
	struct gather *gather;
	enum offer_state state;
	struct buf wants; /* chunks to ask for, at the end of the step */
	unsigned bad;	  /* chunks that came damaged */
	bool waits;	  /* for chunks: a step would do nothing */
};

/* A chunk of which parts have come. */
struct parts {
	uint8_t hash[SHA256_LEN];
	uint32_t raw, form, size;
	struct buf bytes; /* empty: none is under way */
};

struct lane {
	struct offer *offers, **last;
	size_t n_offers;
	struct hashes roots; /* of the offers: where each is */
	/* Chunks that are awaited: the offer that asked for it; SEVERAL: others, too. Where it is
	 * `patchy` all offers are asked instead, until there are none. */
	struct hashes awaited;
	bool patchy;
	struct buf stored; /* roots to tell of behind the commit */
	struct parts parts;
	struct buf raw;
};

static void offer_free(struct offer *o)
{
	gather_free(&o->gather);
	buf_fini(&o->wants);
	free(o);
}

void lane_free(struct lane **lane)
{
	struct lane *l = *lane;

	if (!l)
		return;
	for (struct offer *o = l->offers, *next; o; o = next) {
		next = o->next;
		offer_free(o);
	}
	hashes_fini(&l->roots);
	hashes_fini(&l->awaited);
	buf_fini(&l->stored);
	buf_fini(&l->parts.bytes);
	buf_fini(&l->raw);
	free(l);
	*lane = NULL;
}

static struct lane *lane_of(struct session *s)
{
	if (!s->lane) {
		s->lane = mem_alloc(sizeof(*s->lane));
		s->lane->last = &s->lane->offers;
	}
	return s->lane;
}

void lane_missing(struct session *s, const uint8_t name[SHA256_LEN], const char *words)
{
	Wire__Missing m = WIRE__MISSING__INIT;

	m.name = (ProtobufCBinaryData){SHA256_LEN, (uint8_t *)name};
	m.words = (char *)words;
	link_send(s->link, WIRE__KIND__MISSING, &m.base, BYTES_NONE);
}

static void lane_want(struct session *s, const uint8_t *root, struct bytes hashes)
{
	Wire__Want m = WIRE__WANT__INIT;
	ProtobufCBinaryData list[WANT_MOST];

	for (size_t at = 0; at < hashes.len;) {
		m.n_chunks = 0;
		m.chunks = list;
		for (; at < hashes.len && m.n_chunks < WANT_MOST; at += SHA256_LEN)
			list[m.n_chunks++] =
				(ProtobufCBinaryData){SHA256_LEN, (uint8_t *)hashes.data + at};
		m.root = (ProtobufCBinaryData){SHA256_LEN, (uint8_t *)root};
		link_send(s->link, WIRE__KIND__WANT, &m.base, BYTES_NONE);
	}
}

/* ---- Offers --------------------------------------------------------------------------------- */

/* Where it stands in the list; at its end: nowhere. */
static struct offer **offer_at(struct lane *l, const struct offer *offer)
{
	struct offer **o = &l->offers;

	while (*o && *o != offer)
		o = &(*o)->next;
	return o;
}

static struct offer *offer_find(const struct lane *l, const uint8_t root[SHA256_LEN])
{
	const uint64_t *at = hashes_find(&l->roots, root);

	return at ? (struct offer *)(uintptr_t)*at : NULL;
}

/* What one that is not whole asked for stands in the index yet. */
static void offer_drop(struct lane *l, struct offer **at)
{
	struct offer *o = *at;

	*at = o->next;
	if (!*at)
		l->last = at;
	hashes_remove(&l->roots, gather_content(o->gather)->root);
	l->n_offers--;
	l->patchy = l->n_offers && (l->patchy || o->state == OFFER_OPEN);
	if (l->patchy || l->n_offers == 0)
		hashes_clear(&l->awaited);
	offer_free(o);
}

static int offer_has(void *arg, const uint8_t hash[SHA256_LEN])
{
	struct offer *o = arg;
	return shelf_has(o->session->area->shelf, o->session, hash);
}

static void offer_want(void *arg, const uint8_t hash[SHA256_LEN], const uint8_t *parent)
{
	struct offer *o = arg;
	struct lane *l = o->session->lane;

	(void)parent;
	buf_add(&o->wants, hash, SHA256_LEN);
	if (l->patchy)
		return;
	uint64_t *before = hashes_find(&l->awaited, hash), me = (uint64_t)(uintptr_t)o;
	if (!before)
		hashes_put(&l->awaited, hash, me);
	else if (*before != me)
		*before |= SEVERAL;
}

static void offer_begin(struct session *s, const struct content *c)
{
	struct lane *l = lane_of(s);
	struct offer *o = mem_alloc(sizeof(*o));
	struct gather_ops ops = {.have = offer_has, .want = offer_want, .arg = o};

	o->session = s;
	o->gather = gather_new(shelf_store(s->area->shelf), c, &ops);
	*l->last = o;
	l->last = &o->next;
	l->n_offers++;
	hashes_put(&l->roots, c->root, (uint64_t)(uintptr_t)o);
}

bool lane_name(struct session *s, ProtobufCBinaryData name)
{
	if (name.len == SHA256_LEN)
		return true;
	session_bye(s, WIRE__REASON__PROTOCOL, "chunks and contents are named by 32 bytes");
	return false;
}

/* What is looked up from here on is looked up in one transaction; each having its own is dear. */
static int lane_begin(struct area *a)
{
	return a->full ? 0 : journal_begin(a->journal);
}

void session_on_offer(struct session *s, const struct frame *f, void *message)
{
	const Wire__Offer *m = message;
	struct lane *l = lane_of(s);
	struct shelf *shelf = s->area->shelf;
	struct cause cause = {{0}};
	struct content c = {.bytes = m->bytes};

	(void)f;
	if (!lane_name(s, m->root) || !lane_name(s, m->content) || offer_find(l, m->root.data))
		return;
	if (l->n_offers >= LANE_OFFERS) {
		session_bye(s, WIRE__REASON__TOO_BIG, "too many documents were offered at once");
		return;
	}
	memcpy(c.root, m->root.data, SHA256_LEN);
	memcpy(c.sha, m->content.data, SHA256_LEN);
	int got = lane_begin(s->area);
	if (got == 0)
		got = shelf_may_name(shelf, s, &s->device, &c);
	if (got > 0) { /* it may have come in this turn: it is said behind the commit */
		buf_add(&l->stored, c.root, SHA256_LEN);
		return;
	}
	if (got == ERR_INVALID)
		cause_set(&cause, got, "the document's bytes are not what its name says");
	else if (got == 0)
		got = shelf_limits(shelf, &s->device, &c, &cause);
	if (got < 0 && cause.words[0])
		lane_missing(s, c.root, cause.words);
	else if (got < 0)
		turn_failed(s->area, got);
	else if (s->area->full)
		lane_missing(s, c.root, "the server's disk is full");
	else
		offer_begin(s, &c);
}

void session_on_cancel(struct session *s, const struct frame *f, void *message)
{
	const Wire__Cancel *m = message;

	(void)f;
	if (!lane_name(s, m->root))
		return;
	const struct offer *o = offer_find(lane_of(s), m->root.data);
	if (o)
		offer_drop(s->lane, offer_at(s->lane, o));
}

/* The store can't take it: the client keeps it, and tries again later. */
static void offers_fail(struct session *s, const char *words)
{
	struct lane *l = s->lane;

	while (l && l->offers) {
		lane_missing(s, gather_content(l->offers->gather)->root, words);
		offer_drop(l, &l->offers);
	}
}

/* ---- Chunks that come ----------------------------------------------------------------------- */

/* Put it together. True: all of it is here, in `packed`. */
static bool parts_take(struct session *s, const Wire__Chunk *m, struct bytes raw,
		       struct bytes *packed)
{
	struct parts *p = &s->lane->parts;
	uint32_t size = m->has_size ? m->size : (uint32_t)raw.len;
	bool first = m->offset == 0;

	if (first) {
		buf_reset(&p->bytes);
		memcpy(p->hash, m->chunk.data, SHA256_LEN);
		p->raw = m->raw;
		p->form = m->form;
		p->size = size;
	}
	if (size > CHUNK_MAX || m->raw > CHUNK_MAX || m->offset != p->bytes.len ||
	    p->size != size || raw.len > size - m->offset || (raw.len == 0 && size > 0) ||
	    memcmp(p->hash, m->chunk.data, SHA256_LEN) != 0) {
		session_bye(s, WIRE__REASON__PROTOCOL, "a chunk's part came out of its place");
		return false;
	}
	*packed = raw;
	if (first && raw.len == size)
		return true;
	buf_add_bytes(&p->bytes, raw);
	*packed = buf_bytes(&p->bytes);
	return p->bytes.len == size;
}

/* The only offer that waits for it. NULL: none does, or `several` may. */
static struct offer *lane_only(const struct lane *l, const uint8_t hash[SHA256_LEN], bool *several)
{
	const uint64_t *at = hashes_find(&l->awaited, hash);

	*several = l->patchy || (at && *at & SEVERAL);
	return at && !*several ? (struct offer *)(uintptr_t)*at : NULL;
}

/* The first that waits for it on this session, or NULL. `node`: does any wait for a node? */
static struct offer *lane_awaits(struct lane *l, const uint8_t hash[SHA256_LEN], bool *node)
{
	bool several, is_node;
	struct offer *first = lane_only(l, hash, &several);

	*node = false;
	if (!several)
		return first && gather_awaits(first->gather, hash, node) ? first : NULL;
	for (struct offer *o = l->offers; o; o = o->next)
		if (o->state == OFFER_OPEN && gather_awaits(o->gather, hash, &is_node)) {
			first = first ? first : o;
			*node = *node || is_node;
		}
	return first;
}

static void offer_damaged(struct session *s, struct offer **o)
{
	lane_missing(s, gather_content((*o)->gather)->root,
		     "the document arrived damaged, again and again");
	offer_drop(s->lane, o);
}

/* It is damaged: those who wait for it ask again, but not for ever. */
static void lane_bad(struct session *s, const uint8_t hash[SHA256_LEN])
{
	bool node;

	for (struct offer **o = &s->lane->offers; *o;) {
		if (!gather_awaits((*o)->gather, hash, &node)) {
			o = &(*o)->next;
		} else if (++(*o)->bad < LANE_BAD) {
			gather_again((*o)->gather, hash);
			(*o)->waits = false;
			o = &(*o)->next;
		} else {
			offer_damaged(s, o);
		}
	}
}

/* To one that waits for it. False: it does not fit. */
static bool offer_take(struct session *s, struct offer *o, const uint8_t hash[SHA256_LEN],
		       struct bytes raw)
{
	struct cause cause = {{0}};

	o->waits = false;
	if (gather_take(o->gather, hash, raw, &cause) == 0)
		return true;
	lane_missing(s, gather_content(o->gather)->root, cause.words);
	return false;
}

static void lane_hand_out(struct session *s, const uint8_t hash[SHA256_LEN], struct bytes raw)
{
	struct lane *l = s->lane;
	bool several, node;
	struct offer *only = lane_only(l, hash, &several);

	hashes_remove(&l->awaited, hash);
	if (only && !offer_take(s, only, hash, raw))
		offer_drop(l, offer_at(l, only));
	for (struct offer **at = several ? &l->offers : NULL; at && *at;) {
		struct offer *o = *at;
		bool awaited = o->state == OFFER_OPEN && gather_awaits(o->gather, hash, &node);
		if (awaited && !offer_take(s, o, hash, raw))
			offer_drop(l, at);
		else
			at = &o->next;
	}
}

static void lane_store(struct session *s, const Wire__Chunk *m, struct bytes packed)
{
	struct area *a = s->area;
	struct arrived chunk = {m->chunk.data, (enum form)m->form, m->raw, packed};
	struct cause cause = {{0}};
	struct bytes raw;
	bool node;
	struct offer *o = lane_awaits(s->lane, chunk.hash, &node);

	if (!o)
		return; /* of an offer that was given up */
	int err = s->lane->n_offers < LANE_MANY ? 0 : lane_begin(a);
	if (err == 0)
		err = gather_put(o->gather, node, &chunk, &s->lane->raw, &raw, &cause);
	if (err == ERR_INVALID) {
		lane_bad(s, chunk.hash);
	} else if (err == ERR_FULL || err == ERR_IO) {
		log_error("lane.store", "words=\"%s\"", cause.words);
		offers_fail(s, err == ERR_FULL ? "the server's disk is full"
					       : "the server could not store the document");
	} else if (err < 0) {
		turn_failed(a, err);
	} else {
		shelf_brought(a->shelf, s, chunk.hash);
		lane_hand_out(s, chunk.hash, raw);
		if (!a->put_ms)
			a->put_ms = env_now_ms(a->options.env);
	}
}

/* At once, whatever the chunk is worth: it is about the line. */
static void lane_answer_mark(struct session *s, uint64_t mark)
{
	Wire__Pace m = WIRE__PACE__INIT;

	m.has_came = true;
	m.came = mark;
	link_send(s->link, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

void session_on_chunk(struct session *s, const struct frame *f, void *message)
{
	const Wire__Chunk *m = message;
	struct lane *l = lane_of(s);
	struct bytes packed;

	if (m->has_mark)
		lane_answer_mark(s, m->mark);
	if (!lane_name(s, m->chunk) || !parts_take(s, m, f->raw, &packed))
		return;
	s->turn_bytes += f->raw.len / 4;
	lane_store(s, m, packed);
	buf_reset(&l->parts.bytes);
}

/* ---- The turn ------------------------------------------------------------------------------- */

static bool session_has_lane(const struct session *s)
{
	return s->lane && s->state == SESSION_READY && !s->lost;
}

/* A step of one offer. Did it move? */
static bool offer_step(struct session *s, struct offer **at)
{
	struct offer *o = *at;
	struct cause cause = {{0}};

	int got = gather_work(o->gather, LANE_STEP, &cause);
	if (o->wants.len)
		lane_want(s, gather_content(o->gather)->root, buf_bytes(&o->wants));
	buf_reset(&o->wants);
	o->waits = got == 0;
	if (got == 2) {
		shelf_delivered(s->area->shelf, s, gather_content(o->gather));
		o->state = OFFER_WHOLE;
	} else if (got < 0) {
		log_warn("lane.offer", "words=\"%s\"", cause.words);
		lane_missing(s, gather_content(o->gather)->root, cause.words);
		offer_drop(s->lane, at);
	}
	return got == 1;
}

/* All offers in turn, a step each. */
void lane_gather(struct area *a)
{
	uint64_t until = env_now_ms(a->options.env) + LANE_WORK_MS;
	bool moved = true;

	while (moved && env_now_ms(a->options.env) < until) {
		moved = false;
		for (size_t i = 0; i < a->n_sessions; i++) {
			struct session *s = a->sessions[(a->first + i) % a->n_sessions];
			struct offer **o = session_has_lane(s) ? &s->lane->offers : NULL;
			while (o && *o) {
				struct offer *before = *o;
				if (before->state == OFFER_OPEN && !before->waits)
					moved = offer_step(s, o) || moved;
				if (*o == before)
					o = &(*o)->next;
			}
		}
	}
	a->lane_busy = moved;
}

/* What was taken for a chunk of theirs is none: they begin again with what is here, but not for
 * ever. */
static void offers_restart(struct session *s)
{
	s->lane->patchy = s->lane->n_offers > 0; /* they ask for other chunks now */
	hashes_clear(&s->lane->awaited);
	for (struct offer **o = &s->lane->offers; *o;) {
		if ((*o)->state != OFFER_OPEN) {
			o = &(*o)->next;
		} else if (++(*o)->bad < LANE_BAD) {
			gather_restart((*o)->gather);
			(*o)->waits = false;
			o = &(*o)->next;
		} else {
			offer_damaged(s, o);
		}
	}
}

void lane_restart(struct area *a, struct bytes bad)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (s->lane && shelf_unbring(a->shelf, s, bad))
			offers_restart(s);
	}
	a->lane_busy = true;
}

size_t lane_count(const struct area *a, enum offer_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_sessions; i++) {
		const struct session *s = a->sessions[i];
		for (const struct offer *o = s->lane ? s->lane->offers : NULL; o; o = o->next)
			n += o->state == state;
	}
	return n;
}

void lane_close_whole(struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct lane *l = a->sessions[i]->lane;
		for (struct offer *o = l ? l->offers : NULL; o; o = o->next)
			if (o->state == OFFER_WHOLE)
				o->state = OFFER_CLOSING;
	}
}

void lane_stored(struct area *a, enum offer_state state)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct lane *l = a->sessions[i]->lane;
		for (struct offer **o = l ? &l->offers : NULL; o && *o;) {
			if ((*o)->state == state) {
				buf_add(&l->stored, gather_content((*o)->gather)->root, SHA256_LEN);
				offer_drop(l, o);
			} else {
				o = &(*o)->next;
			}
		}
	}
}

void lane_after_commit(struct area *a)
{
	store_rest(shelf_store(a->shelf));
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		Wire__Stored m = WIRE__STORED__INIT;
		if (!session_has_lane(s) || s->lane->stored.len == 0)
			continue;
		m.n_roots = s->lane->stored.len / SHA256_LEN;
		m.roots = arena_alloc(&a->turn, m.n_roots * sizeof(*m.roots));
		for (size_t k = 0; k < m.n_roots; k++)
			m.roots[k] = (ProtobufCBinaryData){SHA256_LEN,
							   s->lane->stored.data + k * SHA256_LEN};
		link_send(s->link, WIRE__KIND__STORED, &m.base, BYTES_NONE);
		buf_reset(&s->lane->stored);
	}
}

uint64_t lane_offered(const struct area *a, const struct id *school)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < a->n_sessions; i++) {
		const struct session *s = a->sessions[i];
		if (!s->lane || !s->lane->offers)
			continue;
		struct id of = access_school(a->access, &s->device);
		if (school && !id_equal(school, &of))
			continue;
		for (const struct offer *o = s->lane->offers; o; o = o->next)
			if (o->state == OFFER_OPEN)
				bytes += gather_content(o->gather)->bytes;
	}
	return bytes;
}

void lane_taken_back(struct area *a, const char *words)
{
	shelf_forget(a->shelf);
	a->put_ms = 0;
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (!s->lane)
			continue;
		for (size_t k = 0; session_has_lane(s) && k < s->lane->stored.len; k += SHA256_LEN)
			lane_missing(s, s->lane->stored.data + k, words);
		buf_reset(&s->lane->stored);
		if (session_has_lane(s))
			offers_fail(s, words);
	}
}

bool lane_is_busy(const struct area *a)
{
	return a->lane_busy;
}
