/*
 * Documents on their way up: contents that pending changes name are offered, some at a time, and
 * the chunks that the server asks for are sent, a chunk of each content in turn. Chunks are queued
 * only while the line has little to carry, so that records never wait behind more than that.
 */
#include "client/uplink_inside.h"

#include "client/contents.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

enum { NOTE_MS = 1000, WANTED_MOST = 8192 };

/* A content on its way up. */
struct upload {
	struct upload *next;
	struct content content;
	struct buf wanted; /* chunks that the server asked for; sent up to `at` */
	size_t at;
	bool lacking;	      /* a server that was set back asks for it */
	uint64_t sent, noted; /* bytes of it, in earlier sessions too; what is on disk of that */
};

struct uploads {
	struct upload *first, *turn; /* `turn`: sends the next chunk */
	size_t n;
	struct buf packed;
	uint64_t noted_ms; /* when it was last noted how far they are */
};

struct uploads *uploads_new(void)
{
	return mem_alloc(sizeof(struct uploads));
}

static struct upload *upload_find(const struct uploads *all, ProtobufCBinaryData root)
{
	struct upload *up = all->first;

	while (up && !uplink_same_name(up->content.root, root))
		up = up->next;
	return up;
}

static void upload_drop(struct uploads *all, struct upload *up)
{
	struct upload **at = &all->first;

	while (*at != up)
		at = &(*at)->next;
	*at = up->next;
	if (all->turn == up)
		all->turn = up->next;
	all->n--;
	buf_fini(&up->wanted);
	free(up);
}

/* It can't be brought there now; the person is told why. */
static void upload_fail(struct uplink *u, struct upload *up, const char *words)
{
	uint8_t root[SHA256_LEN];

	memcpy(root, up->content.root, SHA256_LEN);
	upload_drop(u->uploads, up);
	push_content_failed(u, root, words);
}

static void upload_offer(struct uplink *u, const struct content *content, bool lacking)
{
	struct uploads *all = u->uploads;
	Wire__Offer m = WIRE__OFFER__INIT;
	struct upload *up = mem_alloc(sizeof(*up));
	struct upload **at = &all->first;

	up->content = *content;
	up->lacking = lacking;
	up->sent = up->noted = contents_sent(u->copy, content->root);
	while (*at)
		at = &(*at)->next;
	*at = up;
	all->n++;
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

void upload_on_want(struct uplink *u, const Wire__Want *m)
{
	struct uploads *all = u->uploads;
	struct upload *up = upload_find(all, m->root);

	if (!up)
		return; /* of one that was given up */
	if (up->at) {
		up->wanted.len -= up->at;
		memmove(up->wanted.data, up->wanted.data + up->at, up->wanted.len);
		up->at = 0;
	}
	for (size_t i = 0; i < m->n_chunks; i++)
		if (m->chunks[i].len == SHA256_LEN)
			buf_add_bytes(&up->wanted, BYTES_OF(m->chunks[i]));
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
		upload_drop(u->uploads, up);
	}
}

/* 0, or an error: this chunk is not here as it should be. */
static int chunk_send(struct uplink *u, struct upload *up, const uint8_t hash[SHA256_LEN])
{
	Wire__Chunk m = WIRE__CHUNK__INIT;
	struct stored is;
	int err = store_get_packed(copy_store(u->copy), hash, &is, &u->uploads->packed);

	if (err < 0)
		return err;
	m.chunk = (ProtobufCBinaryData){SHA256_LEN, (uint8_t *)hash};
	m.raw = is.raw;
	m.has_form = is.form != FORM_RAW;
	m.form = is.form;
	link_send(u->link, WIRE__KIND__CHUNK, &m.base, buf_bytes(&u->uploads->packed));
	if (!is.node) {
		u->progress.bytes_done += is.raw;
		up->sent += is.raw;
	}
	return 0;
}

/* The next chunk of a list; what was sent of it is forgotten now and then. */
static int wanted_send(struct uplink *u, struct upload *up)
{
	uint8_t hash[SHA256_LEN];

	memcpy(hash, up->wanted.data + up->at, SHA256_LEN);
	up->at += SHA256_LEN;
	if (up->at == up->wanted.len)
		up->at = up->wanted.len = 0;
	return chunk_send(u, up, hash);
}

/* Once a second: how far they are. */
static void upload_note(struct uplink *u)
{
	struct uploads *all = u->uploads;
	uint64_t now = env_now_ms(copy_env(u->copy));
	int err = 0;

	if (!all->first || now - all->noted_ms < NOTE_MS)
		return;
	all->noted_ms = now;
	for (struct upload *up = all->first; up && err == 0; up = up->next) {
		if (up->sent == up->noted)
			continue;
		err = copy_begin(u->copy);
		if (err == 0)
			err = contents_note_sent(u->copy, up->content.root, up->sent);
		up->noted = up->sent;
	}
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

/* The next upload that has something to send, from whose turn it is. */
static struct upload *upload_next(struct uploads *all)
{
	struct upload *from = all->turn ? all->turn : all->first, *up = from;

	while (up && up->wanted.len == 0) {
		up = up->next ? up->next : all->first;
		if (up == from)
			return NULL;
	}
	if (up)
		all->turn = up->next;
	return up;
}

static void upload_send(struct uplink *u)
{
	struct uploads *all = u->uploads;

	while (u->state == UPLINK_READY && u->link->ops->queued(u->link) < CONTENT_QUEUED) {
		struct upload *up = upload_next(all);
		if (!up)
			break;
		if (wanted_send(u, up) < 0)
			upload_cancel(u, up,
				      "the document's bytes on this computer are damaged: "
				      "'fivepits fsck' tells more, 'fivepits put' takes them anew");
	}
}

/* Is a pending change there that names it? What a recovery lacks is wanted anyway. */
static int upload_is_wanted(struct uplink *u, const struct upload *up)
{
	struct db_stmt *st = db_query(copy_db(u->copy),
				      "SELECT 1 FROM pending WHERE instr(contents, $1) LIMIT 1",
				      "b", BYTES(up->content.root, SHA256_LEN));
	int got = db_step(st);

	if (got == 1)
		db_reset(st);
	return got;
}

/* The person would have the line for other things: what has gone stays, the rest goes later. */
static void upload_pause(struct uplink *u)
{
	struct uploads *all = u->uploads;

	while (all->first) {
		struct upload *up = all->first;
		Wire__Cancel m = WIRE__CANCEL__INIT;
		m.root = (ProtobufCBinaryData){SHA256_LEN, up->content.root};
		link_send(u->link, WIRE__KIND__CANCEL, &m.base, BYTES_NONE);
		push_content_again(u, up->content.root);
		upload_drop(all, up);
	}
}

void upload_wake(struct uplink *u)
{
	struct uploads *all = u->uploads;

	u->paused = contents_paused(u->copy);
	if (u->paused)
		upload_pause(u);

	for (struct upload *up = all->first, *next; up && u->state == UPLINK_READY; up = next) {
		next = up->next;
		int wanted = up->lacking ? 1 : upload_is_wanted(u, up);
		if (wanted < 0)
			uplink_fail(u, wanted);
		else if (!wanted)
			upload_cancel(u, up, "it is not wanted any more");
	}
}

void upload_on_missing(struct uplink *u, const Wire__Missing *m)
{
	struct upload *up = upload_find(u->uploads, m->name);

	if (up)
		upload_fail(u, up, m->words ? m->words : "the server did not take the document");
}

void upload_turn(struct uplink *u)
{
	upload_offers(u);
	if (u->state == UPLINK_READY)
		upload_send(u);
	if (u->state == UPLINK_READY)
		upload_note(u);
}

bool upload_quiet(const struct uplink *u)
{
	return !u->uploads || !u->uploads->first;
}

void upload_fini(struct uplink *u)
{
	struct uploads *all = u->uploads;

	if (!all)
		return;
	while (all->first)
		upload_drop(all, all->first);
	buf_fini(&all->packed);
	free(all);
	u->uploads = NULL;
}
