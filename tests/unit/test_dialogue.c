/*
 * The dialogue in proto/PROTOCOL.md: a session between the server's own code and a client that is
 * written here by hand, frame by frame, with the clock stopped and chance that counts.
 */
#include "common/change.h"
#include "common/fields.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/schema.h"
#include "common/wire.h"
#include "server/area.h"
#include "tests/unit/document.h"

#include <openssl/evp.h>

enum { REF = 2, TEXT = 3 }; /* fields of an Action */

struct talk {
	struct link link; /* what the server sends by; first */
	struct buf *out;
	struct buf sent; /* frames of the server, not yet printed */
	bool closed;
	struct area *area;
	struct session *session;
	struct arena arena;
	uint8_t chain[SHA256_LEN]; /* of partnership, as the client works it out */
	struct buf change;
	bool fits;
};

/* ---- The client's end of the line ----------------------------------------------------------- */

static void talk_send(struct link *link, struct bytes frames, struct bytes raw)
{
	buf_add_bytes(&((struct talk *)link)->sent, frames);
	buf_add_bytes(&((struct talk *)link)->sent, raw);
}

static size_t talk_queued(const struct link *link)
{
	(void)link;
	return 0;
}

static void talk_pause(struct link *link, bool paused)
{
	(void)link;
	(void)paused;
}

static void talk_close(struct link *link)
{
	((struct talk *)link)->closed = true;
}

static const struct link_ops talk_ops = {talk_send, talk_queued, talk_pause, talk_close};

/* ---- Printing ------------------------------------------------------------------------------- */

static void print_frame(struct talk *t, char who, struct bytes whole)
{
	const ProtobufCEnumValue *kind =
	    protobuf_c_enum_descriptor_get_value(&wire__kind__descriptor, whole.data[0]);
	char *title = mem_format("%c %s", who, kind ? kind->name : "?");

	document_hex(t->out, title, BYTES(whole.data, FRAME_HEADER));
	document_hex(t->out, "", BYTES(whole.data + FRAME_HEADER, whole.len - FRAME_HEADER));
	free(title);
}

/* What a client does with a Feed of partnership: the body that was left out is its own change. */
static void take_feed(struct talk *t, const struct frame *f)
{
	Wire__Feed *feed = (Wire__Feed *)frame_unpack(f, &wire__feed__descriptor, &t->arena, NULL);
	struct id partnership = id_partnership(area_id(t->area));
	struct buf body = {0};

	must(feed);
	if (!bytes_equal(BYTES_OF(feed->space), ID_BYTES(&partnership)))
		return;
	for (size_t i = 0; i < feed->n_entries; i++) {
		const Wire__Entry *e = feed->entries[i];
		buf_reset(&body);
		if (e->has_body)
			buf_add_bytes(&body, BYTES_OF(e->body));
		else
			body_write(buf_bytes(&t->change), BYTES_NONE, &body);
		chain_next(t->chain, BYTES_OF(e->header), BYTES_OF(e->salt), buf_bytes(&body));
	}
	t->fits = bytes_equal(BYTES_OF(feed->head->chain), BYTES(t->chain, SHA256_LEN));
	buf_fini(&body);
}

/* Print all that the server has sent, and take the feeds. The number of frames. */
static size_t take_all(struct talk *t)
{
	struct bytes rest = buf_bytes(&t->sent);
	struct frame f;
	size_t size, n = 0;

	for (; frame_parse(rest, &f, &size) > 0; n++) {
		print_frame(t, '<', BYTES(rest.data, size));
		if (f.kind == WIRE__KIND__FEED)
			take_feed(t, &f);
		rest = BYTES(rest.data + size, rest.len - size);
	}
	must(rest.len == 0);
	buf_reset(&t->sent);
	return n;
}

/* The client sends a frame, and the server has its turn. The number of frames that came back. */
static size_t say(struct talk *t, Wire__Kind kind, const ProtobufCMessage *m)
{
	struct buf whole = {0};
	struct frame f;
	size_t size;

	frame_write(&whole, kind, m, BYTES_NONE);
	print_frame(t, '>', buf_bytes(&whole));
	must(frame_parse(buf_bytes(&whole), &f, &size) == 1);
	session_frame(t->session, &f);
	must(area_turn(t->area) == 0);
	buf_fini(&whole);
	return take_all(t);
}

/* ---- The dialogue --------------------------------------------------------------------------- */

static void say_hello(struct talk *t)
{
	Wire__Hello m = WIRE__HELLO__INIT;

	buf_add_text(
	    t->out,
	    "-- The client holds nothing. Welcome tells what it may read; then the feeds.\n");
	m.version = WIRE_VERSION;
	m.area = PB_ID(area_id(t->area));
	m.has_schema = 1;
	m.schema = SCHEMA_VERSION;
	ok(say(t, WIRE__KIND__HELLO, &m.base) >= 3, "Hello is answered by Welcome and feeds");
}

static void make_change(struct talk *t)
{
	struct id space = id_partnership(area_id(t->area));
	struct buf set = {0};
	struct base bases[2] = {{REF, base_digest(BYTES_NONE)}, {TEXT, base_digest(BYTES_NONE)}};
	struct edit e = {.type = TYPE_ACTION, .bases = bases, .n_bases = 2};
	struct change c = {.space = space, .seen_epoch = 1, .edits = &e, .n_edits = 1};

	memset(c.id.b, 0xc1, sizeof(c.id.b));
	c.made_ms = document_now(NULL);
	e.record = id_record(area_id(t->area), &space, TYPE_ACTION, "2019-20/1.5");
	field_add_text(&set, REF, "1.5");
	field_add_text(&set, TEXT, "Use the secure area");
	e.effect = (struct effect){.existence = LIVE, .set = buf_bytes(&set)};
	change_write(&c, &t->change);
	buf_fini(&set);
}

static void say_push(struct talk *t)
{
	Wire__Push m = WIRE__PUSH__INIT;
	ProtobufCBinaryData change;

	make_change(t);
	change = PB_BYTES(t->change);
	m.changes = &change;
	m.n_changes = 1;
	buf_add_text(t->out, "\n-- A change in partnership. Its entry comes back without the body: "
			     "it was applied as sent.\n");
	ok(say(t, WIRE__KIND__PUSH, &m.base) == 1, "a change is answered by its entry alone");
	ok(t->fits,
	   "the chain comes out the same with the client's own bytes in place of the body");
	buf_add_text(t->out, "\n-- The same again, as if the answer had been lost: the same "
			     "verdict, and no second entry.\n");
	ok(say(t, WIRE__KIND__PUSH, &m.base) == 1,
	   "the same change again is answered by its verdict");
}

static void say_bye(struct talk *t)
{
	Wire__Bye m = WIRE__BYE__INIT;

	m.reason = WIRE__REASON__DONE;
	buf_add_text(t->out, "\n");
	ok(say(t, WIRE__KIND__BYE, &m.base) == 0 && t->closed, "Bye ends it, without an answer");
}

/* ---- The area ------------------------------------------------------------------------------- */

static void sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, document_head_seed, 32);

	(void)arg;
	must(key);
	key_sign(key, statement, signature);
	EVP_PKEY_free(key);
}

/* An area of one school, whose head teacher has joined with a device. */
static void found(const struct area_options *o, struct area **area, struct id *device)
{
	uint8_t invitation[16] = {1}, verifier[32] = {2}, fingerprint[SHA256_LEN];
	struct area_founding f = {.name = "Example Partnership",
				  .school = "Pilsley Primary School",
				  .admin = "Amy Booth",
				  .server_key = BYTES(document_spki, sizeof(document_spki))};
	struct id person, school;
	struct cause cause = {{0}};
	uint64_t expires_ms;

	sha256(BYTES(document_spki, sizeof(document_spki)), fingerprint);
	f.area = area_of_fingerprint(fingerprint);
	must(area_found(o, &f, &person, &school, &cause) == 0);
	must(area_open(area, o, &cause) == 0);
	must(area_invite(*area, &person, &school, invitation, verifier, &expires_ms) == 0);
	must(area_turn(*area) == 0);
	must(area_enrol(*area, invitation, f.server_key, "office", device) == 0);
	must(area_turn(*area) == 0);
}

static void make_dialogue(struct buf *out)
{
	struct document_chance chance = {0};
	const struct env env = {document_now, document_random, &chance};
	const struct area_options options = {
	    .dir = tap_dir(), .env = &env, .sign = sign, .address = "secure.example:443"};
	struct talk t = {.link = {&talk_ops}, .out = out};
	struct id device, partnership;

	arena_init(&t.arena, ARENA_NO_BUDGET);
	found(&options, &t.area, &device);
	partnership = id_partnership(area_id(t.area));
	chain_start(area_id(t.area), &partnership, t.chain);
	t.session = session_open(t.area, &t.link, &device);
	must(t.session);
	document_id(out, "the device", &device);
	say_hello(&t);
	say_push(&t);
	say_bye(&t);
	session_lost(t.session);
	must(area_turn(t.area) == 0);
	area_close(&t.area);
	buf_fini(&t.sent);
	buf_fini(&t.change);
	arena_fini(&t.arena);
}

int main(int argc, char **argv)
{
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
	struct buf block = {0};

	log_level_set(LOG_ERROR);
	make_dialogue(&block);
	document_check("test_dialogue", "dialogue", &block, write);
	return tap_end();
}
