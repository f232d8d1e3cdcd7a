/*
 * A server's sessions: frames into two devices of one person, against a real area on a disk in
 * memory.
 *
 * The input: one byte (its lowest bit: the first device says no Hello), then frames of 8 bytes of
 * header (kind, length of the message, and 4 bytes of which the last says: bit 0 which device, bit
 * 1 the turn ends behind it, bit 2 a day passes, bit 3 the line is lost) and a message. Behind a
 * CHUNK the first two of the 4 bytes are the length of the raw bytes.
 *
 * Then everything that was sent must be well formed, and the area must pass its own check.
 */
#include "common/change.h"
#include "common/fields.h"
#include "common/schema.h"
#include "common/wire.h"
#include "server/turn.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 400;

enum { DEVICES = 2, FRAMES = 64, REOPENED = 4 };

struct peer {
	struct link link; /* first */
	struct session *session;
	struct id device;
	struct buf sent;
	bool closed;
	unsigned opened;
};

struct world {
	struct area *area;
	struct peer peers[DEVICES];
	struct fuzz_names names;
	struct arena arena;
};

static uint64_t days;

static uint64_t world_now(void *arg)
{
	(void)arg;
	return UINT64_C(1570644000000) + days * 86400000;
}

static void world_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	env_random(fuzz_env(), out, n);
}

/* ---- The line ------------------------------------------------------------------------------- */

static void peer_send(struct link *link, struct bytes frames, struct bytes raw)
{
	buf_add_bytes(&((struct peer *)link)->sent, frames);
	buf_add_bytes(&((struct peer *)link)->sent, raw);
}

static size_t peer_queued(const struct link *link)
{
	(void)link;
	return 0;
}

static void peer_pause(struct link *link, bool paused)
{
	(void)link;
	(void)paused;
}

static void peer_close(struct link *link)
{
	((struct peer *)link)->closed = true;
}

static const struct link_ops peer_ops = {peer_send, peer_queued, peer_pause, peer_close};

static void peer_feed(struct world *w, const struct frame *f)
{
	Wire__Feed *feed = (Wire__Feed *)frame_unpack(f, &wire__feed__descriptor, &w->arena, NULL);
	uint64_t last = 0;

	must(feed && feed->n_entries && feed->head->chain.len == SHA256_LEN);
	for (size_t i = 0; i < feed->n_entries; i++) {
		struct header h;
		must(header_read(&h, BYTES_OF(feed->entries[i]->header), &w->arena) == 0);
		must(last == 0 || h.number == last + 1);
		last = h.number;
	}
	must(feed->head->number == last);
}

/* What the server has sent is frames, and each a message. */
static void peer_take(struct world *w, struct peer *p)
{
	struct bytes rest = buf_bytes(&p->sent);
	struct frame f;
	size_t size;

	while (frame_parse(rest, &f, &size) > 0) {
		if (f.kind == WIRE__KIND__FEED)
			peer_feed(w, &f);
		rest = BYTES(rest.data + size, rest.len - size);
	}
	must(rest.len == 0);
	buf_reset(&p->sent);
}

static void world_turn(struct world *w)
{
	must(area_turn(w->area) == 0);
	for (size_t i = 0; i < DEVICES; i++)
		peer_take(w, &w->peers[i]);
}

static void peer_frame(struct peer *p, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw)
{
	struct buf message = {0};
	buf_add_message(&message, m);
	struct frame f = {.kind = kind, .message = buf_bytes(&message), .raw = raw};
	session_frame(p->session, &f);
	buf_fini(&message);
}

static void peer_open(struct world *w, struct peer *p, bool hello)
{
	Wire__Hello m = WIRE__HELLO__INIT;

	p->closed = false;
	p->opened++;
	p->session = session_open(w->area, &p->link, &p->device);
	if (!p->session || !hello)
		return;
	m.version = WIRE_VERSION;
	m.area = PB_ID(area_id(w->area));
	peer_frame(p, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
}

static void peer_lose(struct world *w, struct peer *p)
{
	if (p->session)
		session_lost(p->session);
	p->session = NULL;
	world_turn(w);
}

/* ---- Putting right what only chance would --------------------------------------------------- */

/* A base that is even becomes that of the value which stands; an odd one is left, and will not
 * match. */
static void fix_bases(struct world *w, const Wire__Change *c, Wire__Edit *e)
{
	struct id space, id;
	struct record r = {.arena = &w->arena};

	if (id_from(&space, BYTES_OF(c->space)) && id_from(&id, BYTES_OF(e->record))) {
		const struct space *in = journal_space(w->area->journal, &space);
		if (in)
			must(journal_record(w->area->journal, in, &id, &w->arena, &r) == 0);
	}
	for (size_t i = 0; i < e->n_bases; i++)
		if (!(e->bases[i]->digest & 1))
			e->bases[i]->digest = base_digest(record_get(&r, e->bases[i]->field));
}

static void fix_change(struct world *w, ProtobufCBinaryData *b)
{
	struct bytes fixed = fuzz_fix_change(&w->names, BYTES_OF(*b), &w->arena);
	Wire__Change *c =
	    (Wire__Change *)message_unpack(fixed, &wire__change__descriptor, &w->arena, NULL);
	struct buf out = {0};

	if (!c)
		return;
	for (size_t i = 0; i < c->n_edits; i++)
		fix_bases(w, c, c->edits[i]);
	buf_add_message(&out, &c->base);
	fixed = arena_copy(&w->arena, buf_bytes(&out));
	*b = PB_BYTES(fixed);
	buf_fini(&out);
}

static const ProtobufCMessageDescriptor *fix_kind(unsigned kind)
{
	switch (kind) {
	case WIRE__KIND__HELLO:
		return &wire__hello__descriptor;
	case WIRE__KIND__PUSH:
		return &wire__push__descriptor;
	case WIRE__KIND__FETCH:
		return &wire__fetch__descriptor;
	case WIRE__KIND__OFFER:
		return &wire__offer__descriptor;
	case WIRE__KIND__CHUNK:
		return &wire__chunk__descriptor;
	case WIRE__KIND__PACE:
		return &wire__pace__descriptor;
	case WIRE__KIND__CANCEL:
		return &wire__cancel__descriptor;
	case WIRE__KIND__GET:
		return &wire__get__descriptor;
	case WIRE__KIND__INVITE:
		return &wire__invite__descriptor;
	default:
		return NULL;
	}
}

/* ---- One frame ------------------------------------------------------------------------------ */

static void world_frame(struct world *w, struct peer *p, const struct frame *f)
{
	const ProtobufCMessageDescriptor *d = fix_kind(f->kind);
	ProtobufCMessage *m = d ? frame_unpack(f, d, &w->arena, NULL) : NULL;

	if (!m) {
		session_frame(p->session, f);
		return;
	}
	fuzz_fix(&w->names, m);
	if (f->kind == WIRE__KIND__PUSH)
		for (size_t i = 0; i < ((Wire__Push *)m)->n_changes; i++)
			fix_change(w, &((Wire__Push *)m)->changes[i]);
	peer_frame(p, (Wire__Kind)f->kind, m, f->raw);
}

static size_t at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

/* Take one frame off the input, and do with it what its header says. */
static void world_step(struct world *w, struct bytes *in)
{
	const uint8_t *header = in->data;
	struct bytes rest = BYTES(in->data + FRAME_HEADER, in->len - FRAME_HEADER);
	size_t n = at_most(read_u32be(header) & 0xffffff, rest.len);
	struct frame f = {.kind = header[0], .message = BYTES(rest.data, n)};
	struct peer *p = &w->peers[header[7] & 1];

	rest = BYTES(rest.data + n, rest.len - n);
	if (f.kind == WIRE__KIND__CHUNK) {
		f.raw = BYTES(rest.data, at_most((size_t)header[4] << 8 | header[5], rest.len));
		rest = BYTES(rest.data + f.raw.len, rest.len - f.raw.len);
	}
	*in = rest;
	if (p->session && !p->closed)
		world_frame(w, p, &f);
	if (header[7] & 4) {
		days++;
		area_tick(w->area);
	}
	if (header[7] & 14)
		world_turn(w);
	if ((header[7] & 8) || p->closed) {
		peer_lose(w, p);
		if (p->opened < REOPENED)
			peer_open(w, p, true);
	}
	arena_reset(&w->arena);
}

/* ---- The area ------------------------------------------------------------------------------- */

static void join(struct world *w, struct peer *p, const struct id *person, const struct id *school)
{
	uint8_t invitation[16], verifier[32] = {2};
	uint64_t expires_ms;

	env_random(fuzz_env(), invitation, sizeof(invitation));
	must(area_invite(w->area, person, school, invitation, verifier, &expires_ms) == 0);
	must(area_turn(w->area) == 0);
	must(area_enrol(w->area, invitation, BYTES(invitation, 16), "device", &p->device) == 0);
	must(area_turn(w->area) == 0);
	p->link.ops = &peer_ops;
}

/* An area whose administrator has two devices; what its ids are. */
static void world_found(struct world *w, const struct area_options *o)
{
	struct area_founding f = {.area = fuzz_area(),
				  .name = "Partnership",
				  .school = "School",
				  .admin = "Amy",
				  .server_key = BYTES("server key", 10)};
	struct cause cause = {""};
	struct id *ids = w->names.ids, area = fuzz_area();

	fuzz_names_init(&w->names);
	must(area_found(o, &f, &ids[5], &ids[6], &cause) == 0);
	must(area_open(&w->area, o, &cause) == 0);
	join(w, &w->peers[0], &ids[5], &ids[6]);
	join(w, &w->peers[1], &ids[5], &ids[6]);
	ids[4] = id_personal(&area, &ids[5]);
	ids[7] = id_derive(&area, BYTES("server", 6));
	ids[8] = w->peers[0].device;
}

static void world_fault(void *arg, const char *words)
{
	(void)arg;
	fprintf(stderr, "the area's own check: %s\n", words);
	abort();
}

static void world_run(struct world *w, struct bytes in)
{
	bool hello = !(in.data[0] & 1);

	in = BYTES(in.data + 1, in.len - 1);
	for (size_t i = 0; i < DEVICES; i++)
		peer_open(w, &w->peers[i], hello || i > 0);
	world_turn(w);
	for (unsigned n = 0; n < FRAMES && in.len >= FRAME_HEADER; n++)
		world_step(w, &in);
	world_turn(w);
	must(area_check(w->area, world_fault, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct env env = {world_now, world_random, NULL};
	const struct area_options options = {
	    .dir = fuzz_dir(), .vfs = "fuzz", .env = &env, .sign = fuzz_sign};
	struct world w = {0};
	struct disk *disk;

	if (size == 0)
		return 0;
	fuzz_quiet();
	days = 0;
	fuzz_env_start();
	disk = disk_new("fuzz", 1);
	disk_device(disk, fuzz_dir());
	arena_init(&w.arena, ARENA_NO_BUDGET);
	world_found(&w, &options);
	world_run(&w, BYTES(data, size));
	area_close(&w.area);
	for (size_t i = 0; i < DEVICES; i++)
		buf_fini(&w.peers[i].sent);
	arena_fini(&w.arena);
	disk_free(&disk);
	fuzz_dir_remove("documents");
	return 0;
}
