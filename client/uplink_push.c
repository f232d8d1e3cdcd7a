/*
 * Own changes on their way up: in order, 64 KiB a frame, at most 256 KiB unanswered. What the
 * server holds is sent once more in each session, to learn what became of it. What cannot go now
 * (a document first, an earlier change first, no room there) is stuck, and others go on.
 */
#include "client/uplink_inside.h"

#include "common/db.h"

#include <stdlib.h>
#include <string.h>

void push_init(struct push *p)
{
	*p = (struct push){0};
	for (int why = 0; why < STUCK_WHYS; why++)
		TAILQ_INIT(&p->stuck[why]);
}

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

	return at ? (struct stuck *)(uintptr_t)*at : NULL;
}

static void stuck_out(struct push *p, struct stuck *s)
{
	TAILQ_REMOVE(&p->stuck[s->why], s, in_list);
}

static void stuck_in(struct push *p, struct stuck *s, enum stuck_why why)
{
	s->why = why;
	TAILQ_INSERT_TAIL(&p->stuck[why], s, in_list);
}

/* The first that is stuck for this reason, NULL: none is. */
static struct stuck *stuck_first(const struct push *p, enum stuck_why why)
{
	return TAILQ_FIRST(&p->stuck[why]);
}

static void stuck_move(struct push *p, struct stuck *s, enum stuck_why why)
{
	stuck_out(p, s);
	stuck_in(p, s, why);
}

static struct stuck *stuck_add(struct push *p, const struct id *change, int64_t seq,
			       enum stuck_why why)
{
	struct stuck *s = stuck_find(p, change->b);

	if (s) {
		stuck_move(p, s, why);
		return s;
	}
	s = mem_alloc(sizeof(*s));
	s->change = *change;
	s->seq = seq;
	hashes_put(&p->stuck_at, stuck_key(change->b).b, (uint64_t)(uintptr_t)s);
	stuck_in(p, s, why);
	return s;
}

static void stuck_remove(struct push *p, struct stuck *s)
{
	hashes_remove(&p->stuck_at, stuck_key(s->change.b).b);
	stuck_out(p, s);
	free(s);
	p->freed = true;
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
	/* A document that the server said it has, and still misses, is not offered in a circle. */
	bool known = content.len == SHA256_LEN && !is_stored(&u->push, content.data);
	if (why == STUCK_CONTENT && !known)
		why = STUCK_SESSION;
	struct stuck *s = stuck_add(&u->push, change, seq, why);
	s->retry_ms = env_now_ms(copy_env(u->copy)) + RETRY_MS;
	if (why == STUCK_CONTENT)
		memcpy(s->content, content.data, SHA256_LEN);
}

void push_content_stored(struct uplink *u, const uint8_t content[SHA256_LEN])
{
	hashes_put(&u->push.stored, content, 1);
	u->push.news = true;
}

/* Of those that wait for this document (NULL: for any), in one list: the next from `s` on. */
static struct stuck *stuck_for(struct stuck *s, const uint8_t *content)
{
	while (s && content && memcmp(s->content, content, SHA256_LEN) != 0)
		s = TAILQ_NEXT(s, in_list);
	return s;
}

static void stuck_failed(struct uplink *u, enum stuck_why why, const uint8_t content[SHA256_LEN],
			 const char *words)
{
	struct push *p = &u->push;
	struct stuck *s = stuck_for(stuck_first(p, why), content);

	while (s) {
		struct stuck *next = stuck_for(TAILQ_NEXT(s, in_list), content);
		stuck_move(p, s, STUCK_A_WHILE);
		s->retry_ms = env_now_ms(copy_env(u->copy)) + RETRY_MS;
		int err = copy_defer(u->copy, &s->change, words);
		if (err < 0)
			uplink_fail(u, err);
		s = next;
	}
}

void push_content_failed(struct uplink *u, const uint8_t content[SHA256_LEN], const char *words)
{
	stuck_failed(u, STUCK_OFFERED, content, words);
	stuck_failed(u, STUCK_CONTENT, content, words);
}

void push_content_again(struct uplink *u, const uint8_t *content)
{
	struct push *p = &u->push;
	struct stuck *s;

	if (!content)
		TAILQ_FOREACH(s, &p->stuck[STUCK_A_WHILE], in_list)
			s->retry_ms = 0;
	s = content ? stuck_for(stuck_first(p, STUCK_OFFERED), content) : NULL;
	while (s) {
		struct stuck *next = stuck_for(TAILQ_NEXT(s, in_list), content);
		stuck_move(p, s, STUCK_CONTENT);
		s = next;
	}
}

bool push_content_wanted(struct uplink *u, uint8_t content[SHA256_LEN])
{
	struct push *p = &u->push;
	struct stuck *s;

	while ((s = stuck_first(p, STUCK_CONTENT))) {
		bool stored = is_stored(p, s->content);
		stuck_move(p, s, stored ? STUCK_READY : STUCK_OFFERED);
		memcpy(content, s->content, SHA256_LEN);
		if (!stored)
			return true;
	}
	return false;
}

static bool stuck_is_free(const struct push *p, const struct stuck *s, uint64_t now)
{
	switch (s->why) {
	case STUCK_EARLIER:
		return !stuck_find(p, s->earlier.b);
	case STUCK_A_WHILE:
		return now >= s->retry_ms;
	default:
		return is_stored(p, s->content);
	}
}

static void stuck_look_at(struct push *p, enum stuck_why why, uint64_t now)
{
	for (struct stuck *s = stuck_first(p, why), *next; s; s = next) {
		next = TAILQ_NEXT(s, in_list);
		if (stuck_is_free(p, s, now))
			stuck_move(p, s, STUCK_READY);
	}
}

/* Time, documents and other changes may have freed some. What was not offered yet is looked at when
 * it would be: there may be thousands. */
static void stuck_look(struct uplink *u)
{
	struct push *p = &u->push;
	uint64_t now = env_now_ms(copy_env(u->copy));

	stuck_look_at(p, STUCK_A_WHILE, now);
	if (p->freed)
		stuck_look_at(p, STUCK_EARLIER, now);
	if (p->news)
		stuck_look_at(p, STUCK_OFFERED, now);
	if (uplink_holds(u))
		stuck_look_at(p, STUCK_CONTENT, now);
	p->freed = p->news = false;
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

/* One of them: unless something else is in its way now, or there is no room. */
static int push_send_one_freed(struct batch *b, struct stuck *s)
{
	struct push *p = &b->u->push;
	struct db_stmt *st = db_query(copy_db(b->u->copy),
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
	return 0;
}

/* What was stuck and is not any more. */
static int push_send_freed(struct batch *b)
{
	struct stuck *s = stuck_first(&b->u->push, STUCK_READY), *next;
	int err = 0;

	for (; s && err == 0 && !b->full; s = next) {
		next = TAILQ_NEXT(s, in_list);
		err = push_send_one_freed(b, s);
	}
	return err;
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

bool push_is_due(const struct uplink *u)
{
	return stuck_first(&u->push, STUCK_READY) && u->push.n_sent == 0;
}

bool push_quiet(const struct uplink *u)
{
	const struct push *p = &u->push;
	bool waits = stuck_first(p, STUCK_CONTENT) || stuck_first(p, STUCK_OFFERED);

	return p->all_sent && p->n_sent == 0 && !stuck_first(p, STUCK_READY) &&
	       (!waits || uplink_holds(u));
}

void push_fini(struct uplink *u)
{
	struct push *p = &u->push;

	for (int why = 0; why < STUCK_WHYS; why++)
		for (struct stuck *s; (s = stuck_first(p, why));) {
			stuck_out(p, s);
			free(s);
		}
	free(p->sent);
	hashes_fini(&p->stored);
	hashes_fini(&p->stuck_at);
	push_init(p);
}
