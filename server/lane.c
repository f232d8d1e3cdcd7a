/*
 * A lane: the offers that are being gathered. (What was asked for is in give.c.) A chunk that comes
 * is checked here, and stored once. When it is made last, lane_sync.c decides; Stored is said only
 * behind the commit.
 */
#include "server/lane.h"

#include "common/hashes.h"
#include "common/log.h"
#include "common/piece.h"
#include "server/access.h"
#include "server/awaited.h"
#include "server/lane_sync.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { LANE_STEP = 256 * 1024, LANE_BAD = 3, WANT_MOST = 512 };

/* A content on its way up. */
struct offer {
	TAILQ_ENTRY(offer) in_lane;
	struct session *session;
	struct gather *gather;
	enum offer_state state;
	struct buf wants; /* chunks to ask for, at the end of the step */
	unsigned bad;	  /* chunks that came damaged */
	bool waits;	  /* for chunks: a step would do nothing */
};

struct lane {
	TAILQ_HEAD(offers, offer) offers;
	size_t n_offers;
	struct hashes roots; /* of the offers: where each is */
	struct awaited awaited;
	struct buf stored; /* roots to tell of behind the commit */
	struct pieces pieces;
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
	for (struct offer *o = TAILQ_FIRST(&l->offers), *next; o; o = next) {
		next = TAILQ_NEXT(o, in_lane);
		offer_free(o);
	}
	hashes_fini(&l->roots);
	awaited_fini(&l->awaited);
	buf_fini(&l->stored);
	pieces_fini(&l->pieces);
	buf_fini(&l->raw);
	free(l);
	*lane = NULL;
}

static struct lane *lane_of(struct session *s)
{
	if (!s->lane) {
		s->lane = mem_alloc(sizeof(*s->lane));
		TAILQ_INIT(&s->lane->offers);
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

static struct offer *offer_find(const struct lane *l, const uint8_t root[SHA256_LEN])
{
	const uint64_t *at = hashes_find(&l->roots, root);

	return at ? (struct offer *)(uintptr_t)*at : NULL;
}

/* It waits for nothing any more. */
static void offer_awaits_none(struct lane *l, const struct offer *o)
{
	const uint8_t *hash;

	for (size_t at = 0; (hash = gather_awaited(o->gather, &at));)
		awaited_remove(&l->awaited, hash, o);
}

static void offer_drop(struct lane *l, struct offer *o)
{
	offer_awaits_none(l, o);
	TAILQ_REMOVE(&l->offers, o, in_lane);
	hashes_remove(&l->roots, gather_content(o->gather)->root);
	l->n_offers--;
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

	(void)parent;
	buf_add(&o->wants, hash, SHA256_LEN);
	awaited_add(&o->session->lane->awaited, hash, o);
}

static void offer_begin(struct session *s, const struct content *c)
{
	struct lane *l = lane_of(s);
	struct offer *o = mem_alloc(sizeof(*o));
	struct gather_ops ops = {.have = offer_has, .want = offer_want, .arg = o};

	o->session = s;
	o->gather = gather_new(shelf_store(s->area->shelf), c, &ops);
	TAILQ_INSERT_TAIL(&l->offers, o, in_lane);
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
	if (!lane_name(s, m->root) || !lane_name(s, m->content))
		return;
	struct offer *before = offer_find(l, m->root.data);
	if (before && before->state != OFFER_OPEN)
		return; /* whole: it is about to be stored */
	if (before) /* who offers it again waits for none of the Wants that were said before */
		offer_drop(l, before);
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
	struct offer *o = offer_find(lane_of(s), m->root.data);
	if (o)
		offer_drop(s->lane, o);
}

/* The store can't take it: the client keeps it, and tries again later. */
static void offers_fail(struct session *s, const char *words)
{
	struct lane *l = s->lane;

	for (struct offer *o; l && (o = TAILQ_FIRST(&l->offers));) {
		lane_missing(s, gather_content(o->gather)->root, words);
		offer_drop(l, o);
	}
}

/* ---- Chunks that come ----------------------------------------------------------------------- */

/* Does any of those that wait for it, from `w` on, wait for a node? */
static bool lane_awaits_node(const struct waiter *w, const uint8_t hash[SHA256_LEN])
{
	bool node = false;

	for (; w && !node; w = w->next)
		must(gather_awaits(w->offer->gather, hash, &node));
	return node;
}

static void offer_damaged(struct session *s, struct offer *o)
{
	lane_missing(s, gather_content(o->gather)->root,
		     "the document arrived damaged, again and again: 'fivepits fsck' tells whether "
		     "it is sound where it comes from");
	offer_drop(s->lane, o);
}

/* It is damaged: those who wait for it ask again, but not for ever. */
static void lane_bad(struct session *s, const uint8_t hash[SHA256_LEN])
{
	for (struct waiter *w = awaited_by(&s->lane->awaited, hash), *next; w; w = next) {
		struct offer *o = w->offer;
		next = w->next;
		if (++o->bad < LANE_BAD) {
			gather_again(o->gather, hash);
			o->waits = false;
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
	struct offer *o;

	while ((o = awaited_take(&l->awaited, hash)))
		if (!offer_take(s, o, hash, raw))
			offer_drop(l, o);
}

static void lane_store(struct session *s, const Wire__Chunk *m, struct bytes packed)
{
	struct area *a = s->area;
	struct arrived chunk = {m->chunk.data, (enum form)m->form, m->raw, packed};
	struct cause cause = {{0}};
	struct bytes raw;
	const struct waiter *first = awaited_by(&s->lane->awaited, chunk.hash);

	if (!first)
		return; /* of an offer that was given up */
	bool node = lane_awaits_node(first, chunk.hash);
	int err = s->lane->n_offers < LANE_MANY ? 0 : lane_begin(a);
	if (err == 0)
		err = gather_put(first->offer->gather, node, &chunk, &s->lane->raw, &raw, &cause);
	if (err == ERR_INVALID) {
		lane_bad(s, chunk.hash);
	} else if (err == ERR_FULL || err == ERR_IO) {
		log_error("lane.store", "words=\"%s\"", cause.words);
		offers_fail(s, err == ERR_FULL ? "the server's disk is full"
					       : "the server could not store the document: its "
						 "administrator finds why in its log");
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
	struct bytes packed;

	if (m->has_mark)
		lane_answer_mark(s, m->mark);
	if (!lane_name(s, m->chunk))
		return;
	int got = pieces_take(&lane_of(s)->pieces, m, f->raw, &packed);
	if (got < 0)
		session_bye(s, WIRE__REASON__PROTOCOL, "a chunk's part came out of its place");
	if (got <= 0)
		return;
	s->turn_bytes += f->raw.len / 4;
	lane_store(s, m, packed);
}

/* ---- The turn ------------------------------------------------------------------------------- */

static bool session_has_lane(const struct session *s)
{
	return s->lane && s->state == SESSION_READY && !s->lost;
}

/* A step of one offer. Did it move? */
static bool offer_step(struct session *s, struct offer *o)
{
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
		offer_drop(s->lane, o);
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
			struct offer *o =
				session_has_lane(s) ? TAILQ_FIRST(&s->lane->offers) : NULL;
			for (struct offer *next; o; o = next) {
				next = TAILQ_NEXT(o, in_lane);
				if (o->state == OFFER_OPEN && !o->waits)
					moved = offer_step(s, o) || moved;
			}
		}
	}
	a->lane_busy = moved;
}

/* What was taken for a chunk of theirs is none: they begin again with what is here, but not for
 * ever. */
static void offers_restart(struct session *s)
{
	for (struct offer *o = TAILQ_FIRST(&s->lane->offers), *next; o; o = next) {
		next = TAILQ_NEXT(o, in_lane);
		if (o->state != OFFER_OPEN)
			continue;
		if (++o->bad < LANE_BAD) {
			offer_awaits_none(s->lane, o);
			gather_restart(o->gather);
			o->waits = false;
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
		const struct lane *l = a->sessions[i]->lane;
		const struct offer *o;
		if (l)
			TAILQ_FOREACH(o, &l->offers, in_lane)
				n += o->state == state;
	}
	return n;
}

void lane_close_whole(struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct lane *l = a->sessions[i]->lane;
		for (struct offer *o = l ? TAILQ_FIRST(&l->offers) : NULL; o;
		     o = TAILQ_NEXT(o, in_lane))
			if (o->state == OFFER_WHOLE)
				o->state = OFFER_CLOSING;
	}
}

void lane_stored(struct area *a, enum offer_state state)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct lane *l = a->sessions[i]->lane;
		for (struct offer *o = l ? TAILQ_FIRST(&l->offers) : NULL, *next; o; o = next) {
			next = TAILQ_NEXT(o, in_lane);
			if (o->state == state) {
				buf_add(&l->stored, gather_content(o->gather)->root, SHA256_LEN);
				offer_drop(l, o);
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
		if (!s->lane || TAILQ_EMPTY(&s->lane->offers))
			continue;
		struct id of = access_school(a->access, &s->device);
		if (school && !id_equal(school, &of))
			continue;
		const struct offer *o;
		TAILQ_FOREACH(o, &s->lane->offers, in_lane)
			if (o->state == OFFER_OPEN)
				bytes += gather_content(o->gather)->bytes;
	}
	return bytes;
}

void lane_taken_back(struct area *a, const char *words)
{
	shelf_forget(a->shelf);
	a->put_ms = 0;
	/* Else a full disk would be tried again at once, for ever. */
	a->tidying = a->lane_busy = false;
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
