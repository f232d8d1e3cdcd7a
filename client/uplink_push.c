/*
 * Own changes on their way up: in order, 64 KiB a frame, at most 256 KiB unanswered. What the
 * server holds is sent once more in each session, to learn what became of it. What cannot go now
 * (a document first, an earlier change first, no room there) is stuck, and others go on.
 */
#include "client/uplink_inside.h"

#include "common/db.h"

#include <stdlib.h>
#include <string.h>

/* ---- Unanswered ----------------------------------------------------------------------------- */

static void sent_add(struct push *p, const struct id *change, int64_t seq, size_t size)
{
	if (p->first + p->n_sent == p->cap_sent && p->first > p->n_sent) {
		memmove(p->sent, p->sent + p->first, p->n_sent * sizeof(*p->sent));
		p->first = 0;
	}
	if (p->first + p->n_sent == p->cap_sent) {
		p->cap_sent = p->cap_sent ? 2 * p->cap_sent : 256;
		p->sent = mem_resize(p->sent, p->cap_sent * sizeof(*p->sent));
	}
	p->sent[p->first + p->n_sent++] =
		(struct sent){.change = *change, .seq = seq, .size = size};
	p->unanswered += size;
	p->count_sent++;
}

/* Answers mostly come in the order of sending: the queue's front is found at once. */
static struct sent *sent_find(struct push *p, const struct id *change)
{
	for (size_t i = p->first; i < p->first + p->n_sent; i++)
		if (!p->sent[i].answered && id_equal(&p->sent[i].change, change))
			return &p->sent[i];
	return NULL;
}

static bool sent_take(struct push *p, const struct id *change, int64_t *seq)
{
	struct sent *s = sent_find(p, change);
	if (!s)
		return false;
	*seq = s->seq;
	s->answered = true;
	p->unanswered -= s->size;
	while (p->n_sent && p->sent[p->first].answered) {
		p->first++;
		p->n_sent--;
	}
	if (p->n_sent == 0)
		p->first = 0;
	return true;
}

void push_answered(struct uplink *u, const struct id *change)
{
	int64_t seq;
	if (sent_take(&u->push, change, &seq))
		u->progress.sent++;
}

/* ---- Stuck ---------------------------------------------------------------------------------- */

/* Where changes stand is kept in a set of digests: an id is one with zeros behind it. */
struct stuck_key {
	uint8_t b[SHA256_LEN];
};

static struct stuck_key stuck_key(const uint8_t change[16])
{
	struct stuck_key key = {{0}};

	memcpy(key.b, change, 16);
	return key;
}

static struct stuck *stuck_find(const struct push *p, const uint8_t change[16])
{
	const uint64_t *at = hashes_find(&p->stuck_at, stuck_key(change).b);

	return at ? &p->stuck[*at] : NULL;
}

static struct stuck *stuck_add(struct push *p, const struct id *change, int64_t seq,
			       enum stuck_why why)
{
	struct stuck *s = stuck_find(p, change->b);
	if (!s) {
		if (p->n_stuck == p->cap_stuck) {
			p->cap_stuck = p->cap_stuck ? 2 * p->cap_stuck : 16;
			p->stuck = mem_resize(p->stuck, p->cap_stuck * sizeof(*p->stuck));
		}
		hashes_put(&p->stuck_at, stuck_key(change->b).b, p->n_stuck);
		s = &p->stuck[p->n_stuck++];
		*s = (struct stuck){.change = *change, .seq = seq};
	}
	s->why = why;
	s->taken = false;
	return s;
}

/* The last takes its place. */
static void stuck_remove(struct push *p, struct stuck *s)
{
	struct stuck *last = &p->stuck[--p->n_stuck];

	hashes_put(&p->stuck_at, stuck_key(last->change.b).b, (uint64_t)(s - p->stuck));
	hashes_remove(&p->stuck_at, stuck_key(s->change.b).b);
	*s = *last;
}

static bool is_stored(const struct push *p, const uint8_t content[SHA256_LEN])
{
	return hashes_find(&p->stored, content) != NULL;
}

void push_deferred(struct uplink *u, const struct id *change, enum stuck_why why,
		   struct bytes content)
{
	int64_t seq;
	if (!sent_take(&u->push, change, &seq))
		return;
	struct stuck *s = stuck_add(&u->push, change, seq, why);
	s->retry_ms = env_now_ms(copy_env(u->copy)) + RETRY_MS;
	if (why != STUCK_CONTENT)
		return;
	/* A document that the server said it has, and still misses, is not offered in a circle. */
	if (content.len == SHA256_LEN && !is_stored(&u->push, content.data))
		memcpy(s->content, content.data, SHA256_LEN);
	else
		s->why = STUCK_SESSION;
}

void push_content_stored(struct uplink *u, const uint8_t content[SHA256_LEN])
{
	hashes_put(&u->push.stored, content, 1);
}

void push_content_failed(struct uplink *u, const uint8_t content[SHA256_LEN], const char *words)
{
	for (size_t i = 0; i < u->push.n_stuck; i++) {
		struct stuck *s = &u->push.stuck[i];
		if (s->why != STUCK_CONTENT || memcmp(s->content, content, SHA256_LEN) != 0)
			continue;
		s->why = STUCK_A_WHILE;
		s->retry_ms = env_now_ms(copy_env(u->copy)) + RETRY_MS;
		int err = copy_defer(u->copy, &s->change, words);
		if (err < 0)
			uplink_fail(u, err);
	}
}

void push_content_again(struct uplink *u, const uint8_t *content)
{
	for (size_t i = 0; i < u->push.n_stuck; i++) {
		struct stuck *s = &u->push.stuck[i];
		if (!content && s->why == STUCK_A_WHILE)
			s->retry_ms = 0;
		else if (content && s->why == STUCK_CONTENT &&
			 memcmp(s->content, content, SHA256_LEN) == 0)
			s->taken = false;
	}
}

bool push_content_wanted(struct uplink *u, uint8_t content[SHA256_LEN])
{
	for (size_t i = 0; i < u->push.n_stuck; i++) {
		struct stuck *s = &u->push.stuck[i];
		if (s->why == STUCK_CONTENT && !s->taken) {
			s->taken = true;
			memcpy(content, s->content, SHA256_LEN);
			return true;
		}
	}
	return false;
}

/* Time, documents and other changes may have freed some. */
static void stuck_look(struct uplink *u)
{
	struct push *p = &u->push;
	uint64_t now = env_now_ms(copy_env(u->copy));

	for (size_t i = 0; i < p->n_stuck; i++) {
		struct stuck *s = &p->stuck[i];
		if (s->why == STUCK_A_WHILE && now >= s->retry_ms)
			s->why = STUCK_READY;
		if ((s->why == STUCK_EARLIER && !stuck_find(p, s->earlier.b)) ||
		    (s->why == STUCK_CONTENT && is_stored(p, s->content)))
			s->why = STUCK_READY;
	}
}

/* ---- One frame ------------------------------------------------------------------------------ */

struct batch {
	struct uplink *u;
	ProtobufCBinaryData *changes;
	size_t n, size;
	bool full; /* as much is unanswered as may be */
};

enum { BATCH_CHANGES = 1024 };

static void batch_send(struct batch *b)
{
	Wire__Push m = WIRE__PUSH__INIT;

	if (b->n == 0)
		return;
	m.n_changes = b->n;
	m.changes = b->changes;
	link_send(b->u->link, WIRE__KIND__PUSH, &m.base, BYTES_NONE);
	b->n = b->size = 0;
	arena_reset(&b->u->arena);
	b->changes = NULL;
}

/* False: it does not fit in what may be unanswered. */
static bool batch_add(struct batch *b, const struct id *change, int64_t seq, struct bytes bytes)
{
	struct push *p = &b->u->push;

	if (p->unanswered && p->unanswered + bytes.len > PUSH_UNANSWERED) {
		b->full = true;
		return false;
	}
	if (b->n == BATCH_CHANGES || (b->n && b->size + bytes.len > PUSH_FRAME))
		batch_send(b);
	if (!b->changes)
		b->changes = arena_alloc(&b->u->arena, BATCH_CHANGES * sizeof(*b->changes));
	struct bytes copy = arena_copy(&b->u->arena, bytes);
	b->changes[b->n++] = (ProtobufCBinaryData)PB_BYTES(copy);
	b->size += bytes.len + 8;
	sent_add(p, change, seq, bytes.len);
	return true;
}

/* ---- Choosing what goes --------------------------------------------------------------------- */

/* Must one of these documents, or of these earlier changes, go first? Then it is stuck. */
static bool push_is_stuck(struct push *p, const struct id *change, int64_t seq,
			  struct bytes contents, struct bytes afters)
{
	struct stuck *s;

	for (size_t i = 0; i + 16 <= afters.len; i += 16)
		if (stuck_find(p, afters.data + i)) {
			s = stuck_add(p, change, seq, STUCK_EARLIER);
			memcpy(s->earlier.b, afters.data + i, 16);
			return true;
		}
	for (size_t i = 0; i + SHA256_LEN <= contents.len; i += SHA256_LEN)
		if (!is_stored(p, contents.data + i)) {
			s = stuck_add(p, change, seq, STUCK_CONTENT);
			memcpy(s->content, contents.data + i, SHA256_LEN);
			return true;
		}
	return false;
}

/* What was stuck and is not any more, unless something else is in its way now. */
static int push_send_freed(struct batch *b)
{
	struct push *p = &b->u->push;
	struct db *db = copy_db(b->u->copy);

	for (size_t i = 0; i < p->n_stuck && !b->full;) {
		struct stuck *s = &p->stuck[i];
		if (s->why != STUCK_READY) {
			i++;
			continue;
		}
		struct db_stmt *st = db_query(
			db,
			"SELECT contents, afters, bytes FROM pending"
			" WHERE seq = $1 AND state IN (0, 3)",
			"i", s->seq);
		int err = db_step(st);
		if (err < 0)
			return err;
		bool stays = err == 1 &&
			     push_is_stuck(p, &s->change, s->seq, db_bytes(st, 0), db_bytes(st, 1));
		bool goes = err == 1 && !stays && batch_add(b, &s->change, s->seq, db_bytes(st, 2));
		if (err == 1)
			db_reset(st);
		if (goes || err == 0)
			stuck_remove(p, s);
		else
			i++;
	}
	return 0;
}

static int push_send_new(struct batch *b)
{
	struct push *p = &b->u->push;
	struct db_stmt *st = db_query(copy_db(b->u->copy),
				      "SELECT seq, change, contents, afters, bytes FROM pending"
				      " WHERE seq > $1 AND state IN (0, 3) ORDER BY seq",
				      "i", p->last_seq);
	struct id change;
	int err;

	while ((err = db_step(st)) == 1) {
		int64_t seq = db_int(st, 0);
		if (!db_id(st, 1, &change)) {
			err = ERR_CORRUPT;
			break;
		}
		if (!push_is_stuck(p, &change, seq, db_bytes(st, 2), db_bytes(st, 3)) &&
		    !batch_add(b, &change, seq, db_bytes(st, 4)))
			break;
		p->last_seq = seq;
	}
	p->all_sent = err == 0;
	if (err != 0)
		db_reset(st);
	return err < 0 ? err : 0;
}

int push_send(struct uplink *u)
{
	struct batch b = {.u = u};

	arena_reset(&u->arena);
	stuck_look(u);
	u->push.all_sent = false;
	int err = push_send_freed(&b);
	if (err == 0 && !b.full)
		err = push_send_new(&b);
	batch_send(&b);
	return err;
}

bool push_quiet(const struct uplink *u)
{
	const struct push *p = &u->push;

	for (size_t i = 0; i < p->n_stuck; i++)
		if ((p->stuck[i].why == STUCK_CONTENT && !uplink_holds(u)) ||
		    p->stuck[i].why == STUCK_READY)
			return false;
	return p->all_sent && p->n_sent == 0;
}

void push_fini(struct uplink *u)
{
	free(u->push.sent);
	free(u->push.stuck);
	hashes_fini(&u->push.stored);
	hashes_fini(&u->push.stuck_at);
	u->push = (struct push){0};
}
