/*
 * A server's frames into a client's session. The input: frames of 8 bytes of header (kind, length
 * of the message, and 4 bytes of which the last says: bit 0 the turn ends behind it; behind a CHUNK
 * the first two are the length of the raw bytes) and a message. The copy must be whole afterwards.
 */
#include "client/uplink.h"
#include "common/wire.h"
#include "tests/fuzz/a_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 200;

enum { FRAMES = 64 };

struct line {
	struct link link; /* first */
	struct buf sent;
	bool closed;
};

static void line_send(struct link *link, struct bytes frames, struct bytes raw)
{
	buf_add_bytes(&((struct line *)link)->sent, frames);
	buf_add_bytes(&((struct line *)link)->sent, raw);
}

static size_t line_queued(const struct link *link)
{
	(void)link;
	return 0;
}

static void line_pause(struct link *link, bool paused)
{
	(void)link;
	(void)paused;
}

static void line_close(struct link *link)
{
	((struct line *)link)->closed = true;
}

static const struct link_ops line_ops = {line_send, line_queued, line_pause, line_close};

/* What the client has sent is frames. */
static void line_take(struct line *l)
{
	struct bytes rest = buf_bytes(&l->sent);
	struct frame f;
	size_t size;

	while (frame_parse(rest, &f, &size) > 0)
		rest = BYTES(rest.data + size, rest.len - size);
	must(rest.len == 0);
	buf_reset(&l->sent);
}

static const ProtobufCMessageDescriptor *descriptor(unsigned kind)
{
	switch (kind) {
	case WIRE__KIND__WELCOME:
		return &wire__welcome__descriptor;
	case WIRE__KIND__VERDICTS:
		return &wire__verdicts__descriptor;
	case WIRE__KIND__DEFERRED:
		return &wire__deferred__descriptor;
	case WIRE__KIND__GRANTED:
		return &wire__granted__descriptor;
	case WIRE__KIND__LOST:
		return &wire__lost__descriptor;
	case WIRE__KIND__WANT:
		return &wire__want__descriptor;
	case WIRE__KIND__CHUNK:
		return &wire__chunk__descriptor;
	case WIRE__KIND__STORED:
		return &wire__stored__descriptor;
	case WIRE__KIND__MISSING:
		return &wire__missing__descriptor;
	case WIRE__KIND__PACE:
		return &wire__pace__descriptor;
	default:
		return NULL;
	}
}

static void hand_up(struct a_copy *a, struct uplink *u, const struct frame *f, struct arena *arena)
{
	const ProtobufCMessageDescriptor *d = descriptor(f->kind);
	ProtobufCMessage *m = d ? frame_unpack(f, d, arena, NULL) : NULL;
	struct frame fixed = *f;
	struct buf message = {0};

	if (f->kind == WIRE__KIND__FEED)
		m = (ProtobufCMessage *)a_copy_fix_feed(a, f->message, arena);
	else if (m)
		fuzz_fix(&a->names, m);
	if (m) {
		buf_add_message(&message, m);
		fixed.message = buf_bytes(&message);
	}
	uplink_frame(u, &fixed);
	buf_fini(&message);
}

static size_t at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

/* Take one frame off the input, and hand it up. */
static void step(struct a_copy *a, struct uplink *u, struct bytes *in, struct arena *arena)
{
	const uint8_t *header = in->data;
	struct bytes rest = BYTES(in->data + FRAME_HEADER, in->len - FRAME_HEADER);
	size_t n = at_most(read_u32be(header) & 0xffffff, rest.len);
	struct frame f = {.kind = header[0], .message = BYTES(rest.data, n)};

	rest = BYTES(rest.data + n, rest.len - n);
	if (f.kind == WIRE__KIND__CHUNK) {
		f.raw = BYTES(rest.data, at_most((size_t)header[4] << 8 | header[5], rest.len));
		rest = BYTES(rest.data + f.raw.len, rest.len - f.raw.len);
	}
	hand_up(a, u, &f, arena);
	if (header[7] & 1)
		must(uplink_turn(u) == 0);
	arena_reset(arena);
	*in = rest;
}

static void fault(void *arg, const char *words)
{
	(void)arg;
	fprintf(stderr, "the copy's own check: %s\n", words);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line line = {.link = {&line_ops}};
	struct bytes in = BYTES(data, size);
	struct a_copy a = {0};
	struct arena arena;

	a_copy_open(&a);
	arena_init(&arena, ARENA_NO_BUDGET);
	struct uplink *u = uplink_new(a.copy, &line.link);
	for (unsigned n = 0; n < FRAMES && in.len >= FRAME_HEADER; n++)
		step(&a, u, &in, &arena);
	must(uplink_turn(u) == 0);
	line_take(&line);
	uplink_free(&u);
	must(copy_check(a.copy, fault, NULL) == 0);
	a_copy_close(&a);
	arena_fini(&arena);
	buf_fini(&line.sent);
	fuzz_dir_remove("documents");
	return 0;
}
