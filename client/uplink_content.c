/*
 * Documents on their way: one up at a time, before the change that names it; one down at a time, as
 * somebody asked. Both in pieces, and never so many that records would have to wait behind them.
 */
#include "client/uplink_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_content(const uint8_t content[SHA256_LEN], ProtobufCBinaryData b)
{
	return b.len == SHA256_LEN && memcmp(content, b.data, SHA256_LEN) == 0;
}

/* ---- Up ------------------------------------------------------------------------------------- */

static void upload_end(struct uplink *u)
{
	if (u->upload.file)
		fclose(u->upload.file);
	u->upload = (struct upload){0};
}

static void upload_offer(struct uplink *u)
{
	Wire__Offer m = WIRE__OFFER__INIT;
	uint8_t content[SHA256_LEN];
	uint64_t size;

	while (u->upload.state == UPLOAD_NONE &&
	       (push_content_wanted(u, content) || recover_content_wanted(u, content))) {
		if (!contents_has(copy_home(u->copy), content, &size)) {
			push_content_failed(
				u, content,
				"the document's bytes are not on this computer any more");
			continue;
		}
		u->upload = (struct upload){.state = UPLOAD_OFFERED, .size = size};
		memcpy(u->upload.content, content, SHA256_LEN);
		m.content = PB_BYTES(BYTES(u->upload.content, SHA256_LEN));
		m.bytes = size;
		link_send(u->link, WIRE__KIND__OFFER, &m.base, BYTES_NONE);
		u->progress.bytes_all += size;
	}
}

static void upload_piece(struct uplink *u)
{
	struct upload *up = &u->upload;
	Wire__Piece m = WIRE__PIECE__INIT;
	uint64_t left = up->size - up->offset;
	size_t n = left < PIECE_MAX ? (size_t)left : PIECE_MAX;

	buf_reset(&u->block);
	if (fread(buf_reserve(&u->block, PIECE_MAX), 1, n, up->file) != n) {
		uplink_end(u, WIRE__REASON__DAMAGED,
			   "a document on this computer can't be read to its end");
		return;
	}
	m.content = PB_BYTES(BYTES(up->content, SHA256_LEN));
	m.offset = up->offset;
	link_send(u->link, WIRE__KIND__PIECE, &m.base, BYTES(u->block.data, n));
	up->offset += n;
	u->progress.bytes_done += n;
	if (up->offset == up->size)
		up->state = UPLOAD_SENT;
}

void content_on_want(struct uplink *u, const Wire__Want *m)
{
	struct upload *up = &u->upload;

	if (up->state != UPLOAD_OFFERED || !same_content(up->content, m->content))
		return;
	if (m->offset > up->size) {
		uplink_end(u, WIRE__REASON__PROTOCOL,
			   "the server wants more of a document than there is");
		return;
	}
	u->progress.bytes_done += m->offset;
	if (m->offset == up->size && up->size) { /* it has it all */
		push_content_stored(u, up->content);
		upload_end(u);
		return;
	}
	char *path = contents_path(copy_home(u->copy), up->content);
	up->file = fopen(path, "rb");
	free(path);
	up->offset = m->offset;
	if (!up->file || fseeko(up->file, (off_t)up->offset, SEEK_SET) != 0) {
		uplink_end(u, WIRE__REASON__DAMAGED, "a document on this computer can't be read");
		return;
	}
	up->state = UPLOAD_SENDING;
	if (up->size == 0)
		upload_piece(u); /* so that it is stored, like any other */
}

void content_on_stored(struct uplink *u, const Wire__Stored *m)
{
	if (u->upload.state == UPLOAD_NONE || !same_content(u->upload.content, m->content))
		return;
	push_content_stored(u, u->upload.content);
	upload_end(u);
}

/* ---- Down ----------------------------------------------------------------------------------- */

/* The first of the list is over. */
static void get_end(struct uplink *u, int err, const char *words)
{
	struct get *g = u->gets;
	u->gets = g->next;
	arrival_drop(&g->arrival);
	g->done(g->arg, err, words);
	free(g);
}

void uplink_get(struct uplink *u, const uint8_t sha[SHA256_LEN], uplink_done_fn done, void *arg)
{
	struct get **last = &u->gets;

	if (contents_has(copy_home(u->copy), sha, NULL)) {
		done(arg, 0, "");
		return;
	}
	if (u->state == UPLINK_ENDED) {
		done(arg, ERR_OFFLINE, u->words);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = mem_alloc(sizeof(**last));
	(*last)->done = done;
	(*last)->arg = arg;
	memcpy((*last)->content, sha, SHA256_LEN);
}

static void get_ask(struct uplink *u)
{
	Wire__Get m = WIRE__GET__INIT;

	if (!u->gets || u->gets->asked)
		return;
	m.content = PB_BYTES(BYTES(u->gets->content, SHA256_LEN));
	link_send(u->link, WIRE__KIND__GET, &m.base, BYTES_NONE);
	u->gets->asked = true;
}

static struct get *get_of(struct uplink *u, ProtobufCBinaryData content)
{
	return u->gets && u->gets->asked && same_content(u->gets->content, content) ? u->gets
										    : NULL;
}

static void get_complete(struct uplink *u)
{
	struct cause cause = {""};
	int err = arrival_finish(&u->gets->arrival, &cause);
	get_end(u, err, cause.words);
}

void content_on_content(struct uplink *u, const Wire__Content *m)
{
	struct get *g = get_of(u, m->content);
	struct cause cause;

	if (!g || g->arrival)
		return;
	int err = arrival_open(&g->arrival, copy_home(u->copy), g->content, m->bytes, &cause);
	if (err < 0) {
		get_end(u, err, cause.words); /* pieces of it that still come are of no get, and
						 passed over */
		return;
	}
	g->size = m->bytes;
	u->progress.bytes_all += m->bytes;
	if (g->size == 0)
		get_complete(u);
}

void content_on_piece(struct uplink *u, const Wire__Piece *m, struct bytes raw)
{
	struct get *g = get_of(u, m->content);
	struct cause cause;

	if (!g || !g->arrival)
		return;
	if (m->offset != arrival_size(g->arrival) || raw.len == 0) {
		uplink_end(u, WIRE__REASON__PROTOCOL, "the server sent a document out of order");
		return;
	}
	int err = arrival_add(g->arrival, raw, &cause);
	if (err < 0) {
		get_end(u, err, cause.words);
		return;
	}
	u->progress.bytes_done += raw.len;
	if (arrival_size(g->arrival) == g->size)
		get_complete(u);
}

/* Of a document that was asked for, or of one that was offered and is not wanted. */
void content_on_missing(struct uplink *u, const Wire__Missing *m)
{
	if (get_of(u, m->content)) {
		get_end(u, ERR_MISSING,
			m->words ? m->words : "the server does not have that document");
		return;
	}
	if (u->upload.state == UPLOAD_NONE || !same_content(u->upload.content, m->content))
		return;
	push_content_failed(u, u->upload.content,
			    m->words ? m->words : "the server did not take the document");
	upload_end(u);
}

/* ---- Both ----------------------------------------------------------------------------------- */

void content_turn(struct uplink *u)
{
	upload_offer(u);
	while (u->state == UPLINK_READY && u->upload.state == UPLOAD_SENDING &&
	       u->link->ops->queued(u->link) < CONTENT_QUEUED)
		upload_piece(u);
	get_ask(u);
}

bool content_quiet(const struct uplink *u)
{
	return u->upload.state == UPLOAD_NONE && !u->gets;
}

void content_fini(struct uplink *u, int err, const char *words)
{
	upload_end(u);
	while (u->gets)
		get_end(u, err, words);
	buf_fini(&u->block);
}
