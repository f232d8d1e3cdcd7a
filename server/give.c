/*
 * What is asked for stands in queues, one for each document (its root, or the one parent that is
 * told), so that of several documents none waits for all of another: the queue goes next that has
 * been given the least. Within a document chunks go in the order in which they were asked for,
 * which is how they lie on the disk. A chunk is read when its turn comes, and goes in parts where
 * the line is slow.
 */
#include "server/give.h"

#include "common/log.h"
#include "common/piece.h"
#include "common/pace.h"
#include "server/lane.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

/* The list that chunks are asked for by, and the root above it. */
struct above {
	bool has_parent, has_root;
	uint8_t parent[SHA256_LEN], root[SHA256_LEN];
};

struct asked {
	uint8_t hash[SHA256_LEN];
	struct above above;
};

/* What was asked for of one document; of none that is told, where it is all zero. */
struct queue {
	struct queue *next;
	uint8_t document[SHA256_LEN];
	struct buf asked; /* given up to `at` */
	size_t at;
	uint64_t given; /* bytes */
};

struct give {
	struct queue *queues;
	size_t n_asked;
	struct pace pace;
	/* The chunk that is being sent, from `at` on; `on`: there is one. */
	bool on;
	uint8_t hash[SHA256_LEN];
	struct above above;
	struct stored is;
	struct buf packed;
	size_t at;
};

static struct give *give_of(struct session *s)
{
	if (s->give)
		return s->give;
	s->give = mem_alloc(sizeof(*s->give));
	pace_init(&s->give->pace, env_now_ms(s->area->options.env));
	if (s->marks)
		pace_is_answered(&s->give->pace);
	return s->give;
}

static void queue_drop(struct give *g, struct queue *q)
{
	struct queue **at = &g->queues;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	buf_fini(&q->asked);
	free(q);
}

void give_free(struct give **give)
{
	struct give *g = *give;

	if (!g)
		return;
	while (g->queues)
		queue_drop(g, g->queues);
	buf_fini(&g->packed);
	free(g);
	*give = NULL;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* The one that has been given the least; the oldest of several. NULL: there is none. */
static struct queue *queue_next(const struct give *g)
{
	struct queue *next = g->queues;

	for (struct queue *q = next; q; q = q->next)
		if (q->given < next->given)
			next = q;
	return next;
}

static struct queue *queue_of(struct give *g, const struct above *above)
{
	static const uint8_t none[SHA256_LEN];
	const uint8_t *document = above->has_root     ? above->root
				  : above->has_parent ? above->parent
						      : none;
	const struct queue *next = queue_next(g);
	struct queue **at = &g->queues;

	for (; *at; at = &(*at)->next)
		if (memcmp((*at)->document, document, SHA256_LEN) == 0)
			return *at;
	struct queue *q = mem_alloc(sizeof(*q));
	memcpy(q->document, document, SHA256_LEN);
	q->given = next ? next->given : 0; /* who comes later does not catch up */
	*at = q;
	return q;
}

static void queue_add(struct queue *q, ProtobufCBinaryData chunk, const struct above *above)
{
	struct asked asked = {.above = *above};

	memcpy(asked.hash, chunk.data, SHA256_LEN);
	buf_add(&q->asked, &asked, sizeof(asked));
}

/* What was given makes room. */
static void queue_shorten(struct queue *q)
{
	if (q->at <= q->asked.len / 2)
		return;
	q->asked.len -= q->at;
	memmove(q->asked.data, q->asked.data + q->at, q->asked.len);
	q->at = 0;
}

/* False: that was no name, and the session has ended. */
static bool above_read(struct session *s, const Wire__Get *m, struct above *out)
{
	if ((m->has_parent && !lane_name(s, m->parent)) || (m->has_root && !lane_name(s, m->root)))
		return false;
	out->has_parent = m->has_parent;
	out->has_root = m->has_parent && m->has_root;
	if (out->has_parent)
		memcpy(out->parent, m->parent.data, SHA256_LEN);
	if (out->has_root)
		memcpy(out->root, m->root.data, SHA256_LEN);
	return true;
}

void session_on_get(struct session *s, const struct frame *f, void *message)
{
	const Wire__Get *m = message;
	struct give *g = give_of(s);
	struct above above = {0};

	(void)f;
	if (!above_read(s, m, &above))
		return;
	if (g->n_asked + m->n_chunks > GIVE_ASKED) {
		session_bye(s, WIRE__REASON__TOO_BIG, "too many chunks were asked for at once");
		return;
	}
	for (size_t i = 0; i < m->n_chunks; i++)
		if (!lane_name(s, m->chunks[i]))
			return;
	if (m->n_chunks == 0)
		return;
	struct queue *q = queue_of(g, &above);
	queue_shorten(q);
	for (size_t i = 0; i < m->n_chunks; i++)
		queue_add(q, m->chunks[i], &above);
	g->n_asked += m->n_chunks;
}

void session_on_pace(struct session *s, const struct frame *f, void *message)
{
	const Wire__Pace *m = message;
	struct give *g = give_of(s);
	uint64_t now = env_now_ms(s->area->options.env);

	(void)f;
	if (m->has_limit)
		pace_limit(&g->pace, m->limit, now);
	if (m->has_came && !pace_came(&g->pace, m->came, now))
		session_bye(s, WIRE__REASON__PROTOCOL, "a mark was answered that was never sent");
}

/* ---- Giving --------------------------------------------------------------------------------- */

static int give_may(struct area *a, struct session *s, const uint8_t hash[SHA256_LEN],
		    const struct above *above)
{
	return shelf_may_get(a->shelf, s, hash, above->has_parent ? above->parent : NULL,
			     above->has_root ? above->root : NULL);
}

/* Why a chunk that may be had could not be read. What is not in the tables either was lost with
 * what the server was set back from, or taken out since it was damaged, and is asked for. */
static const char *give_why(struct area *a, const uint8_t hash[SHA256_LEN])
{
	struct stored is;

	if (store_find(shelf_store(a->shelf), hash, &is) == 0)
		return "the server does not have the document again yet: a computer that holds it "
		       "brings it when it connects";
	return "the server can't read the document: its administrator should run fivepitsd fsck";
}

/* Read it. 1: it is to be sent; 0: it can't be had, which was said; or an error of the database. */
static int give_read(struct area *a, struct session *s, const uint8_t hash[SHA256_LEN],
		     const struct above *above)
{
	struct give *g = s->give;
	int got = give_may(a, s, hash, above);

	if (got < 0)
		return got;
	if (got == 0) {
		lane_missing(s, hash, "the server has no such document for you");
		return 0;
	}
	got = store_get_packed(shelf_store(a->shelf), hash, &g->is, &g->packed);
	if (got < 0) {
		log_error("give.read", "err=%d chunk=%02x%02x%02x%02x", got, hash[0], hash[1],
			  hash[2], hash[3]);
		lane_missing(s, hash, give_why(a, hash));
		return 0;
	}
	memcpy(g->hash, hash, SHA256_LEN);
	g->above = *above;
	g->at = 0;
	g->on = true;
	return 1;
}

/* Take the next one up. 1: it is to be sent; 0: there is none; or an error. */
static int give_next(struct area *a, struct session *s)
{
	struct give *g = s->give;
	int got = 0;

	while (got == 0 && g->queues) {
		struct queue *q = queue_next(g);
		struct asked asked;
		memcpy(&asked, q->asked.data + q->at, sizeof(asked));
		q->at += sizeof(asked);
		g->n_asked--;
		got = give_read(a, s, asked.hash, &asked.above);
		if (got > 0)
			q->given += g->packed.len;
		if (q->at == q->asked.len)
			queue_drop(g, q);
	}
	return got;
}

/* What is being sent, as long as it still may be: a right can end between two parts. 1, 0 or an
 * error, as of give_next. */
static int give_go_on(struct area *a, struct session *s)
{
	struct give *g = s->give;
	int may = g->on ? give_may(a, s, g->hash, &g->above) : 0;

	if (may != 0)
		return may;
	if (g->on)
		lane_missing(s, g->hash, "the server has no such document for you");
	g->on = false;
	return give_next(a, s);
}

/* So much of what is being sent. */
static void give_part(struct session *s, size_t part, uint64_t now)
{
	struct give *g = s->give;

	piece_part(s->link, g->hash, &g->is, buf_bytes(&g->packed), g->at, part,
		   pace_sent(&g->pace, part, now));
	g->at += part;
	g->on = g->at < g->packed.len;
}

/* It must wait: for an answer, or for the limit. */
static ssize_t give_later(struct area *a, const struct give *g, uint64_t now)
{
	uint64_t rest = pace_rest_ms(&g->pace, now);

	if (rest && (a->give_due_ms == 0 || now + rest < a->give_due_ms))
		a->give_due_ms = now + rest;
	return 0;
}

bool give_waits(const struct session *s)
{
	return s->give && (s->give->on || s->give->queues);
}

ssize_t give_feed(struct area *a, struct session *s)
{
	uint64_t now = env_now_ms(a->options.env);
	struct give *g = s->give;
	size_t part;

	if (!give_waits(s))
		return 0;
	/* Nothing is looked up before some of it may go. */
	if (!pace_may_send(&g->pace, g->on ? g->packed.len - g->at : 1, now, &part))
		return give_later(a, g, now);
	int got = give_go_on(a, s);
	if (got <= 0)
		return got;
	if (!pace_may_send(&g->pace, g->packed.len - g->at, now, &part))
		return give_later(a, g, now);
	give_part(s, part, now);
	return (ssize_t)part + 1;
}
