/*
 * Packing Feed frames and handing them out. The frame is written as it stands on the wire, without
 * protobuf structs between: an entry goes from the database's page into the frame in one copy.
 *
 * Rounds: each session gets one frame of one of its spaces a round, so that nobody's catching up
 * delays what is new for the others. Documents' bytes come last.
 */
#include "server/feed.h"

#include "common/fields.h"
#include "common/wire.h"
#include "server/first.h"
#include "server/give.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of wire.proto. */
enum { FEED_SPACE = 1, FEED_ENTRIES, FEED_HEAD };
enum { ENTRY_HEADER = 1, ENTRY_SALT, ENTRY_BODY, ENTRY_SEALED };
enum { HEAD_EPOCH = 1, HEAD_NUMBER, HEAD_CHAIN, HEAD_SIGNATURE };

struct packing {
	struct buf *out;
	struct area *area;
	const struct space *space;
	const struct session *session; /* for which it is, where not for all; else NULL */
	const struct cursor *cursor;   /* its */
	uint64_t to;
	uint8_t chain[SHA256_LEN];
	int err;
};

void feed_cache_fini(struct feed_cache *c)
{
	for (size_t i = 0; i < FEED_SHARED; i++)
		buf_fini(&c->frames[i].bytes);
	buf_fini(&c->own.bytes);
}

static size_t field_size(size_t len)
{
	return 1 + (len < 0x80 ? 1 : len < 0x4000 ? 2 : len < 0x200000 ? 3 : 4) + len;
}

static bool own_has(const struct cursor *c, uint64_t number)
{
	for (size_t i = 0; c && i < c->n_own && c->own[i].from <= number; i++)
		if (number <= c->own[i].to)
			return c->own[i].as_sent;
	return false;
}

/* Does its body come later, when the copy asks for it? */
static bool body_can_wait(struct packing *p, const struct entry *e)
{
	const struct cursor *c = p->cursor;

	if (!c || !c->values_first || e->number > c->first || e->body.len < FIRST_BODY_LEAST)
		return false;
	int needs = first_needs(p->area->journal, p->space, e, &p->session->device,
				&p->area->change);
	if (needs < 0)
		p->err = needs;
	return needs == 0;
}

static bool pack_entry(void *arg, const struct entry *e)
{
	struct packing *p = arg;
	uint8_t sealed[SHA256_LEN];
	bool own = own_has(p->cursor, e->number), later = !own && body_can_wait(p, e);
	struct bytes salt = later ? BYTES_NONE : e->salt;
	struct bytes body = later ? BYTES(sealed, SHA256_LEN) : e->body;
	size_t size = field_size(e->header.len) + field_size(salt.len) +
		      (own ? 0 : field_size(body.len));

	if (p->err < 0 || (p->to && p->out->len + size > FEED_FRAME))
		return false;
	if (later)
		body_seal(e->salt, e->body, sealed);
	buf_add_varint(p->out, FEED_ENTRIES << 3 | 2);
	buf_add_varint(p->out, size);
	field_add_bytes(p->out, ENTRY_HEADER, e->header);
	field_add_bytes(p->out, ENTRY_SALT, salt);
	if (!own)
		field_add_bytes(p->out, later ? ENTRY_SEALED : ENTRY_BODY, body);
	p->to = e->number;
	must(e->chain.len == SHA256_LEN);
	memcpy(p->chain, e->chain.data, SHA256_LEN);
	return true;
}

/* Sign a head once, whoever it is sent to. */
static const uint8_t *feed_signature(struct area *a, struct space *s, const struct packing *p)
{
	struct buf statement = {0};

	if (s->signed_number != p->to) {
		head_statement(&a->id, &s->id, s->epoch, p->to, p->chain, &statement);
		a->options.sign(a->options.sign_arg, buf_bytes(&statement), s->signature);
		s->signed_number = p->to;
		buf_fini(&statement);
	}
	return s->signature;
}

/* `session`: NULL, or whose cursor alone `c` is. */
static int feed_pack(struct area *a, const struct session *session, const struct cursor *c,
		     struct feed_frame *f)
{
	struct space *s = c->space;
	uint64_t from = c->sent + 1;
	struct packing p = {.out = &f->bytes,
			    .area = a,
			    .space = s,
			    .session = session,
			    .cursor = session ? c : NULL};
	struct buf head = {0};

	f->space = NULL;
	f->from = from;
	buf_reset(&f->bytes);
	memset(buf_reserve(&f->bytes, FRAME_HEADER), 0, FRAME_HEADER);
	f->bytes.len = FRAME_HEADER;
	field_add_bytes(&f->bytes, FEED_SPACE, ID_BYTES(&s->id));
	int err = journal_entries(a->journal, s, from, s->committed, pack_entry, &p);
	if (err == 0)
		err = p.err;
	if (err < 0)
		return err;
	if (p.to < from)
		return ERR_CORRUPT; /* the journal has a gap */
	field_add_number(&head, HEAD_EPOCH, s->epoch);
	field_add_number(&head, HEAD_NUMBER, p.to);
	field_add_bytes(&head, HEAD_CHAIN, BYTES(p.chain, SHA256_LEN));
	field_add_bytes(&head, HEAD_SIGNATURE, BYTES(feed_signature(a, s, &p), 64));
	field_add_bytes(&f->bytes, FEED_HEAD, buf_bytes(&head));
	buf_fini(&head);
	must(f->bytes.len - FRAME_HEADER <= FRAME_MAX);
	write_u32be(f->bytes.data,
		    (uint32_t)WIRE__KIND__FEED << 24 | (uint32_t)(f->bytes.len - FRAME_HEADER));
	f->space = s;
	f->to = p.to;
	return 0;
}

/* The frame that follows entry `from` - 1, packed or found. */
static int feed_frame(struct area *a, const struct session *s, const struct cursor *c,
		      struct feed_frame **out)
{
	struct feed_cache *cache = &a->feed;

	if (c->n_own || (c->values_first && c->sent < c->first)) {
		*out = &cache->own;
		return feed_pack(a, s, c, *out);
	}
	for (size_t i = 0; i < FEED_SHARED; i++) {
		*out = &cache->frames[i];
		if ((*out)->space == c->space && (*out)->from == c->sent + 1)
			return 0;
	}
	*out = &cache->frames[cache->next++ % FEED_SHARED];
	return feed_pack(a, NULL, c, *out);
}

static void own_forget(struct cursor *c)
{
	size_t n = 0;
	while (n < c->n_own && c->own[n].to <= c->sent)
		n++;
	if (n == 0)
		return;
	c->n_own -= n;
	memmove(c->own, c->own + n, c->n_own * sizeof(*c->own));
	if (c->n_own == 0) {
		free(c->own);
		c->own = NULL;
	}
}

/* The space to be fed next: while a copy begins, one after the other, the oldest first, which are
 * the directory and the partnership; then by turns. NULL: there is nothing new. */
static struct cursor *feed_next(struct session *s)
{
	for (size_t i = 0; i < s->n_cursors; i++)
		if (s->cursors[i].sent < s->cursors[i].first)
			return &s->cursors[i];
	for (size_t i = 0; i < s->n_cursors; i++) {
		size_t at = (s->next_cursor + i) % s->n_cursors;
		if (s->cursors[at].sent >= s->cursors[at].space->committed)
			continue;
		s->next_cursor = (at + 1) % s->n_cursors;
		return &s->cursors[at];
	}
	return NULL;
}

/* Send one frame of the next space that has something new. Its size, 0 if there is none, or an
 * error. */
static ssize_t feed_one(struct area *a, struct session *s)
{
	struct cursor *c = feed_next(s);
	struct feed_frame *f;

	if (!c)
		return 0;
	int err = feed_frame(a, s, c, &f);
	if (err < 0)
		return err;
	s->link->ops->send(s->link, buf_bytes(&f->bytes), BYTES_NONE);
	c->sent = f->to;
	own_forget(c);
	return (ssize_t)f->bytes.len;
}

/* One round: a frame for each session that takes one, from `feed`. Bytes sent, or an error. */
static ssize_t feed_round(struct area *a, size_t room,
			  ssize_t (*feed)(struct area *a, struct session *s))
{
	size_t sent = 0;

	for (size_t i = 0; i < a->n_sessions && sent < room; i++) {
		struct session *s = a->sessions[(a->first + i) % a->n_sessions];
		if (s->state != SESSION_READY || s->lost ||
		    s->link->ops->queued(s->link) >= FEED_QUEUE)
			continue;
		ssize_t n = feed(a, s);
		if (n < 0)
			return n;
		sent += (size_t)n;
	}
	return (ssize_t)sent;
}

static size_t feed_on_its_way(const struct area *a)
{
	size_t sum = 0;
	for (size_t i = 0; i < a->n_sessions; i++)
		if (!a->sessions[i]->lost)
			sum += a->sessions[i]->link->ops->queued(a->sessions[i]->link);
	return sum;
}

/* Chunks are looked up in one read transaction: one for each lookup costs more than they do. */
static ssize_t feed_chunks(struct area *a, size_t room)
{
	ssize_t n = 1;
	bool any = false;

	for (size_t i = 0; i < a->n_sessions && !any; i++)
		any = give_waits(a->sessions[i]);
	if (!any)
		return 0;
	bool one = db_read_begin(a->db) == 0;
	while (room && (n = feed_round(a, room, give_feed)) > 0)
		room -= (size_t)n < room ? (size_t)n : room;
	if (one)
		db_read_end(a->db);
	return n;
}

int feed_all(struct area *a)
{
	size_t queued = feed_on_its_way(a);
	size_t room = queued < FEED_ALL ? FEED_ALL - queued : 0;
	ssize_t n = 1;

	a->give_due_ms = 0;
	for (size_t i = 0; i < FEED_SHARED; i++)
		a->feed.frames[i].space = NULL; /* more may follow their last entry by now */
	while (room && (n = feed_round(a, room, feed_one)) > 0)
		room -= (size_t)n < room ? (size_t)n : room;
	while (n >= 0 && room && (n = feed_round(a, room, held_feed)) > 0)
		room -= (size_t)n < room ? (size_t)n : room;
	if (n >= 0)
		n = feed_chunks(a, room);
	if (a->n_sessions)
		a->first = (a->first + 1) % a->n_sessions;
	return n < 0 ? (int)n : 0;
}
