/*
 * Documents on their way up: contents that pending changes name are offered, some at a time, and
 * the chunks that the server asks for are sent. The content goes next of which the least has gone
 * since it was asked for, so that a small one need not wait for a large one. How much goes is the
 * line's to say, and the person's (common/pace.h): what else is sent never waits behind more.
 */
#include "client/uplink_inside.h"

#include "client/contents.h"
#include "client/reach.h"
#include "common/pace.h"
#include "common/log.h"
#include "common/piece.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { NOTE_MS = 1000, WANTED_MOST = 8192 };

/* A content on its way up. */
struct upload {
	TAILQ_ENTRY(upload) in_all;
	TAILQ_ENTRY(upload) in_queue;
	bool queued;
	struct content content;
	struct buf wanted; /* chunks that the server asked for; sent up to `at` */
	size_t at;
	uint64_t turns;	    /* bytes that went in its turns, and while it had none to send */
	bool lacking;	    /* a server that was set back asks for it */
	struct reach reach; /* how far the server is with it, */
	uint64_t noted;	    /* and what is on disk of that */
	uint64_t left;	    /* bytes of it that may have to go in this session */
};

/* The chunk that is being sent. */
struct piece {
	struct upload *of; /* NULL: none is */
	uint8_t hash[SHA256_LEN];
	struct stored is;
	struct buf packed;
	size_t at; /* so much of it has gone */
};

struct uploads {
	TAILQ_HEAD(uploads_all, upload) all;	 /* in the order of offering */
	TAILQ_HEAD(uploads_queue, upload) queue; /* who has something to send, by `turns` */
	size_t n;
	struct hashes at; /* where each is, by its root */
	struct piece piece;
	struct pace pace;
	uint64_t came;	   /* the last mark that was answered */
	uint64_t limit;	   /* that both sides go by */
	uint64_t noted_ms; /* when it was last noted how far they are */
	bool counted;	   /* is it known */
	uint64_t waiting;  /* how many bytes wait behind those that were offered? */
};

struct uploads *uploads_new(uint64_t now_ms)
{
	struct uploads *all = mem_alloc(sizeof(*all));

	TAILQ_INIT(&all->all);
	TAILQ_INIT(&all->queue);
	pace_init(&all->pace, now_ms);
	return all;
}

static struct upload *upload_find(const struct uploads *all, ProtobufCBinaryData root)
{
	const uint64_t *at = root.len == SHA256_LEN ? hashes_find(&all->at, root.data) : NULL;

	return at ? (struct upload *)(uintptr_t)*at : NULL;
}

static void upload_add(struct uploads *all, struct upload *up)
{
	TAILQ_INSERT_TAIL(&all->all, up, in_all);
	all->n++;
	hashes_put(&all->at, up->content.root, (uint64_t)(uintptr_t)up);
}

/* It waits for its turn, behind those with as many. */
static void upload_queue(struct uploads *all, struct upload *up)
{
	struct upload *ahead;

	TAILQ_FOREACH_REVERSE(ahead, &all->queue, uploads_queue, in_queue)
		if (ahead->turns <= up->turns)
			break;
	if (ahead)
		TAILQ_INSERT_AFTER(&all->queue, ahead, up, in_queue);
	else
		TAILQ_INSERT_HEAD(&all->queue, up, in_queue);
	up->queued = true;
}

static void upload_unqueue(struct uploads *all, struct upload *up)
{
	if (up->queued)
		TAILQ_REMOVE(&all->queue, up, in_queue);
	up->queued = false;
}

static void upload_drop(struct uplink *u, struct upload *up)
{
	struct uploads *all = u->uploads;

	upload_unqueue(all, up);
	TAILQ_REMOVE(&all->all, up, in_all);
	hashes_remove(&all->at, up->content.root);
	if (all->piece.of == up)
		all->piece.of = NULL; /* another chunk begins anew */
	all->n--;
	u->progress.bytes_all -= up->left;
	reach_fini(&up->reach);
	buf_fini(&up->wanted);
	free(up);
}

/* It can't be brought there now; the person is told why. */
static void upload_fail(struct uplink *u, struct upload *up, const char *words)
{
	uint8_t root[SHA256_LEN];

	memcpy(root, up->content.root, SHA256_LEN);
	upload_drop(u, up);
	push_content_failed(u, root, words);
}

/* It waits no longer behind those that were offered. */
static void upload_counts(struct uploads *all, const struct upload *up)
{
	uint64_t rest = up->content.bytes - up->noted;

	if (!up->lacking)
		all->waiting -= rest < all->waiting ? rest : all->waiting;
}

/* Counted once, when somebody asks: what is pending by then is in its order. */
uint64_t upload_waiting(const struct uplink *u)
{
	struct uploads *all = u->uploads;
	uint64_t sent, named;
	struct upload *up;

	if (!all || uplink_holds(u))
		return 0;
	if (!all->counted && contents_sending(u->copy, NULL, &sent, &named) >= 0) {
		all->counted = true;
		all->waiting = named - sent;
		TAILQ_FOREACH(up, &all->all, in_all)
			upload_counts(all, up);
	}
	return all->waiting;
}

static void upload_offer(struct uplink *u, const struct content *content, bool lacking)
{
	struct uploads *all = u->uploads;
	Wire__Offer m = WIRE__OFFER__INIT;
	struct upload *up = mem_alloc(sizeof(*up));

	up->content = *content;
	up->lacking = lacking;
	up->noted = contents_sent(u->copy, content->root);
	up->left = content->bytes;
	reach_init(&up->reach, content, up->noted);
	upload_add(all, up);
	upload_counts(all, up);
	m.root = (ProtobufCBinaryData){SHA256_LEN, up->content.root};
	m.content = (ProtobufCBinaryData){SHA256_LEN, up->content.sha};
	m.bytes = content->bytes;
	link_send(u->link, WIRE__KIND__OFFER, &m.base, BYTES_NONE);
	u->progress.bytes_all += content->bytes;
}

static void upload_offers(struct uplink *u)
{
	struct uploads *all = u->uploads;
	uint8_t root[SHA256_LEN];
	struct content content;

	while (u->state == UPLINK_READY && !uplink_holds(u) && all->n < UPLOADS_MOST) {
		bool lacking = !push_content_wanted(u, root);
		if (lacking && !recover_content_wanted(u, root))
			break;
		ProtobufCBinaryData name = {SHA256_LEN, root};
		int got = contents_has(u->copy, root, &content);
		if (got < 0)
			uplink_fail(u, got);
		else if (!got)
			push_content_failed(
				u, root, "the document's bytes are not on this computer any more");
		else if (!upload_find(all, name))
			upload_offer(u, &content, lacking);
	}
}

/* It has something to send again: what the others have sent meanwhile it does not catch up. */
static void upload_joins(struct uploads *all, struct upload *up)
{
	const struct upload *sending = all->piece.of, *next = TAILQ_FIRST(&all->queue);

	if (sending && sending->wanted.len && (!next || sending->turns < next->turns))
		next = sending;
	if (next && next->turns > up->turns)
		up->turns = next->turns;
	if (sending != up)
		upload_queue(all, up);
}

void upload_on_want(struct uplink *u, const Wire__Want *m)
{
	struct uploads *all = u->uploads;
	struct upload *up = upload_find(all, m->root);

	if (!up)
		return; /* of one that was given up */
	bool idle = up->wanted.len == 0;
	if (up->at) {
		up->wanted.len -= up->at;
		memmove(up->wanted.data, up->wanted.data + up->at, up->wanted.len);
		up->at = 0;
	}
	for (size_t i = 0; i < m->n_chunks; i++)
		if (m->chunks[i].len == SHA256_LEN)
			buf_add_bytes(&up->wanted, BYTES_OF(m->chunks[i]));
	if (idle && up->wanted.len)
		upload_joins(all, up);
	if (up->wanted.len > WANTED_MOST * SHA256_LEN)
		uplink_end(u, WIRE__REASON__PROTOCOL,
			   "the server asks for more of a document than it should at once");
}

void upload_on_stored(struct uplink *u, const Wire__Stored *m)
{
	for (size_t i = 0; i < m->n_roots; i++) {
		struct upload *up = upload_find(u->uploads, m->roots[i]);
		if (!up)
			continue;
		if (up->noted && (copy_begin(u->copy) < 0 ||
				  contents_note_sent(u->copy, up->content.root, 0) < 0))
			log_warn("content.note", "what was sent could not be noted");
		push_content_stored(u, up->content.root);
		upload_drop(u, up);
	}
}

/* So many bytes of the line have come; where nobody will say so, all have. */
static uint64_t uploads_came(const struct uploads *all)
{
	return all->pace.answered ? all->came : all->pace.sent;
}

/* How far it is, for who asks and for the next session. */
static int upload_note(struct uplink *u, struct upload *up)
{
	reach_came(&up->reach, uploads_came(u->uploads));
	int err = up->reach.sure == up->noted ? 0 : copy_begin(u->copy);

	if (err == 0 && up->reach.sure != up->noted)
		err = contents_note_sent(u->copy, up->content.root, up->reach.sure);
	up->noted = up->reach.sure;
	return err;
}

/* Once a second. */
static void upload_note_all(struct uplink *u)
{
	struct uploads *all = u->uploads;
	uint64_t now = env_now_ms(copy_env(u->copy));
	struct upload *up;
	int err = 0;

	if (TAILQ_EMPTY(&all->all) || now - all->noted_ms < NOTE_MS)
		return;
	all->noted_ms = now;
	TAILQ_FOREACH(up, &all->all, in_all)
		if (err == 0)
			err = upload_note(u, up);
	if (err < 0)
		uplink_fail(u, err);
}

static void upload_cancel(struct uplink *u, struct upload *up, const char *words)
{
	Wire__Cancel m = WIRE__CANCEL__INIT;

	m.root = (ProtobufCBinaryData){SHA256_LEN, up->content.root};
	link_send(u->link, WIRE__KIND__CANCEL, &m.base, BYTES_NONE);
	upload_fail(u, up, words);
}

/* The server has so much of it already. */
static void upload_passed(struct uplink *u, struct upload *up, uint64_t bytes)
{
	uint64_t passed = bytes < up->left ? bytes : up->left;

	up->left -= passed;
	u->progress.bytes_all -= passed;
}

/* So much has gone; where a chunk goes again there is more to do than there was. */
static void upload_went(struct uplink *u, struct upload *up, uint64_t bytes)
{
	uint64_t more = bytes > up->left ? bytes - up->left : 0;

	up->left -= bytes - more;
	u->progress.bytes_done += bytes;
	u->progress.bytes_all += more;
}

/* Take up the next chunk that was asked for. 1: there is one; 0: none; or an error: it is not here
 * as it should be. */
static int piece_begin(struct uplink *u, struct upload *up)
{
	struct piece *p = &u->uploads->piece;

	upload_unqueue(u->uploads, up);
	memcpy(p->hash, up->wanted.data + up->at, SHA256_LEN);
	up->at += SHA256_LEN;
	if (up->at == up->wanted.len)
		up->at = up->wanted.len = 0;
	int err = store_get_packed(copy_store(u->copy), p->hash, &p->is, &p->packed);
	if (err < 0)
		return err;
	p->of = up;
	p->at = 0;
	if (p->is.node)
		return 1;
	reach_came(&up->reach, uploads_came(u->uploads));
	upload_passed(u, up, reach_chunk(&up->reach, copy_store(u->copy), p->hash));
	return 1;
}

/* Bytes of the content that so much of the packed chunk stands for. */
static uint64_t piece_raw(const struct piece *p, size_t at)
{
	if (p->is.node)
		return 0;
	return at < p->packed.len ? (uint64_t)p->is.raw * at / p->packed.len : p->is.raw;
}

/* So much of the chunk that is being sent. */
static void piece_send(struct uplink *u, size_t part, uint64_t now)
{
	struct piece *p = &u->uploads->piece;
	struct pace *pace = &u->uploads->pace;
	uint64_t before = piece_raw(p, p->at);

	piece_part(u->link, p->hash, &p->is, buf_bytes(&p->packed), p->at, part,
		   pace_sent(pace, part, now));
	p->at += part;
	upload_went(u, p->of, piece_raw(p, p->at) - before);
	p->of->turns += part;
	if (p->at < p->packed.len)
		return;
	if (!p->is.node)
		reach_went(&p->of->reach, pace->sent);
	if (p->of->wanted.len)
		upload_queue(u->uploads, p->of);
	p->of = NULL;
}

/* A chunk, or a part of one. False: there is none, or it must wait. */
static bool upload_send_one(struct uplink *u)
{
	struct uploads *all = u->uploads;
	struct piece *p = &all->piece;
	uint64_t now = env_now_ms(copy_env(u->copy));
	size_t part;

	if (!p->of) { /* nothing is read before some of it may go */
		struct upload *up = TAILQ_FIRST(&all->queue);
		if (!up || !pace_may_send(&all->pace, 1, now, &part))
			return false;
		if (piece_begin(u, up) < 0) {
			upload_cancel(u, up,
				      "the document's bytes on this computer are damaged: "
				      "'fivepits fsck' tells more, 'fivepits put' takes them anew");
			return true;
		}
	}
	if (!pace_may_send(&all->pace, p->packed.len - p->at, now, &part))
		return false;
	piece_send(u, part, now);
	return true;
}

static void upload_send(struct uplink *u)
{
	while (u->state == UPLINK_READY && u->link->ops->queued(u->link) < CONTENT_QUEUED &&
	       upload_send_one(u))
		;
}

uint64_t upload_rest_ms(const struct uplink *u)
{
	const struct uploads *all = u->uploads;

	if (!all->piece.of && TAILQ_EMPTY(&all->queue))
		return 0;
	return pace_rest_ms(&all->pace, env_now_ms(copy_env(u->copy)));
}

/* ---- How fast, and whether at all ----------------------------------------------------------- */

void upload_on_pace(struct uplink *u, const Wire__Pace *m)
{
	uint64_t now = env_now_ms(copy_env(u->copy));

	if (!m->has_came)
		return;
	if (!pace_came(&u->uploads->pace, m->came, now)) {
		uplink_end(u, WIRE__REASON__PROTOCOL,
			   "the server answered a mark that was never sent");
		return;
	}
	if (m->came > u->uploads->came)
		u->uploads->came = m->came;
}

/* What the person said last, or said for this time; the server goes by it too. */
static void upload_limit(struct uplink *u)
{
	uint64_t limit = u->limit ? u->limit : contents_limit(u->copy);
	struct uploads *all = u->uploads;
	Wire__Pace m = WIRE__PACE__INIT;

	if (limit == all->limit)
		return;
	all->limit = limit;
	pace_limit(&all->pace, limit, env_now_ms(copy_env(u->copy)));
	m.has_limit = true;
	m.limit = limit;
	link_send(u->link, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

void upload_welcome(struct uplink *u, bool marks)
{
	if (marks)
		pace_is_answered(&u->uploads->pace);
	upload_limit(u);
}

/* What pending changes name: 0 or an error. */
static int upload_named(struct uplink *u, struct hashes *named)
{
	struct db_stmt *st = db_query(
		copy_db(u->copy), "SELECT contents FROM pending WHERE contents IS NOT NULL", "");
	int got;

	while ((got = db_step(st)) > 0) {
		struct bytes roots = db_bytes(st, 0);
		for (size_t at = 0; at + SHA256_LEN <= roots.len; at += SHA256_LEN)
			hashes_put(named, roots.data + at, 1);
	}
	return got;
}

/* What no pending change names any more need not go; what a recovery lacks is wanted anyway. */
static void upload_look(struct uplink *u)
{
	struct uploads *all = u->uploads;
	struct hashes named = {0};
	int err = TAILQ_EMPTY(&all->all) ? 0 : upload_named(u, &named);

	struct upload *up = TAILQ_FIRST(&all->all);
	for (struct upload *next; up && err == 0 && u->state == UPLINK_READY; up = next) {
		next = TAILQ_NEXT(up, in_all);
		if (up->lacking || hashes_find(&named, up->content.root))
			continue;
		err = up->noted ? copy_begin(u->copy) : 0;
		if (err == 0 && up->noted)
			err = contents_note_sent(u->copy, up->content.root, 0);
		upload_cancel(u, up, "it is not wanted any more");
	}
	hashes_fini(&named);
	if (err < 0)
		uplink_fail(u, err);
}

/* The person would have the line for other things: what has gone stays, the rest goes later. */
static void upload_pause(struct uplink *u)
{
	struct upload *up;

	while ((up = TAILQ_FIRST(&u->uploads->all))) {
		Wire__Cancel m = WIRE__CANCEL__INIT;
		m.root = (ProtobufCBinaryData){SHA256_LEN, up->content.root};
		link_send(u->link, WIRE__KIND__CANCEL, &m.base, BYTES_NONE);
		push_content_again(u, up->content.root);
		upload_drop(u, up);
	}
}

void upload_wake(struct uplink *u)
{
	upload_limit(u);
	u->paused = contents_paused(u->copy);
	if (u->paused)
		upload_pause(u);
	upload_look(u);
}

void upload_on_missing(struct uplink *u, const Wire__Missing *m)
{
	struct upload *up = upload_find(u->uploads, m->name);
	int err = up ? upload_note(u, up) : 0;

	if (err < 0)
		uplink_fail(u, err);
	else if (up)
		upload_fail(u, up, m->words ? m->words : "the server did not take the document");
}

void upload_turn(struct uplink *u)
{
	upload_offers(u);
	if (u->state == UPLINK_READY)
		upload_send(u);
	if (u->state == UPLINK_READY)
		upload_note_all(u);
}

bool upload_quiet(const struct uplink *u)
{
	return !u->uploads || TAILQ_EMPTY(&u->uploads->all);
}

void upload_fini(struct uplink *u)
{
	struct uploads *all = u->uploads;

	if (!all)
		return;
	while (!TAILQ_EMPTY(&all->all))
		upload_drop(u, TAILQ_FIRST(&all->all));
	buf_fini(&all->piece.packed);
	hashes_fini(&all->at);
	free(all);
	u->uploads = NULL;
}
