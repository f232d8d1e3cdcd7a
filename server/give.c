/*
 * What is asked for stands in lists, one for each parent that it was asked for by, so that of
 * several documents none waits for all of another: the list goes next that has been given the
 * least. A chunk is read when its turn comes, and goes in parts where the line is slow.
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

/* What was asked for by one parent, or by none. */
struct list {
	struct list *next;
	struct above above;
	struct buf hashes; /* given up to `at` */
	size_t at;
	uint64_t given; /* bytes */
};

struct give {
	struct list *lists;
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

static void list_drop(struct give *g, struct list *l)
{
	struct list **at = &g->lists;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	buf_fini(&l->hashes);
	free(l);
}

void give_free(struct give **give)
{
	struct give *g = *give;

	if (!g)
		return;
	while (g->lists)
		list_drop(g, g->lists);
	buf_fini(&g->packed);
	free(g);
	*give = NULL;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* The list that has been given the least; the oldest of several. NULL: there is none. */
static struct list *list_next(const struct give *g)
{
	struct list *next = g->lists;

	for (struct list *l = next; l; l = l->next)
		if (l->given < next->given)
			next = l;
	return next;
}

static struct list *list_of(struct give *g, const struct above *above)
{
	const struct list *next = list_next(g);
	struct list **at = &g->lists;

	for (; *at; at = &(*at)->next)
		if (memcmp(&(*at)->above, above, sizeof(*above)) == 0)
			return *at;
	struct list *l = mem_alloc(sizeof(*l));
	l->above = *above;
	l->given = next ? next->given : 0; /* who comes later does not catch up */
	*at = l;
	return l;
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
	struct list *l = list_of(g, &above);
	if (l->at > l->hashes.len / 2) { /* what was given makes room */
		l->hashes.len -= l->at;
		memmove(l->hashes.data, l->hashes.data + l->at, l->hashes.len);
		l->at = 0;
	}
	for (size_t i = 0; i < m->n_chunks; i++)
		buf_add(&l->hashes, m->chunks[i].data, SHA256_LEN);
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
		lane_missing(s, hash,
			     "the server can't read the document: its "
			     "administrator should run fivepitsd fsck");
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

	while (got == 0 && g->lists) {
		struct list *l = list_next(g);
		uint8_t hash[SHA256_LEN];
		memcpy(hash, l->hashes.data + l->at, SHA256_LEN);
		l->at += SHA256_LEN;
		g->n_asked--;
		got = give_read(a, s, hash, &l->above);
		if (got > 0)
			l->given += g->packed.len;
		if (l->at == l->hashes.len)
			list_drop(g, l);
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
	return s->give && (s->give->on || s->give->lists);
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
