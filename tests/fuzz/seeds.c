/*
 * Writes the committed corpora: small inputs that each reach a different part. Ids are places in
 * the table of names (fuzz.h): 16 times the same byte.
 *
 * usage: seeds DIRECTORY
 */
#include "common/change.h"
#include "common/chunk.h"
#include "common/fields.h"
#include "common/invitation.h"
#include "common/os.h"
#include "common/schema.h"
#include "common/squeeze.h"
#include "common/wire.h"
#include "tests/fuzz/a_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTORY = 1, PARTNERSHIP, ADMIN, PERSONAL, PERSON, SCHOOL, SERVER, DEVICE, AREA };
enum { TURN = 2, DAY = 4, LOSE = 8, SECOND = 1 };
enum { REF = 2, TEXT = 3, RESPONSIBLE = 4, LEAD = 7, STATUS = 20 };

static const char *where;

/* ---- Writing -------------------------------------------------------------------------------- */

/* Takes the buffer's bytes and empties it. */
static void save(const char *target, const char *name, struct buf *b)
{
	char *dir = mem_format("%s/%s", where, target), *path = mem_format("%s/%s", dir, name);
	struct cause cause;
	FILE *f;

	must(os_make_dir(dir, &cause) == 0);
	f = fopen(path, "wb");
	must(f && fwrite(b->data, 1, b->len, f) == b->len && fclose(f) == 0);
	free(dir);
	free(path);
	buf_reset(b);
}

static struct id name(uint8_t n)
{
	struct id id;
	memset(id.b, n, sizeof(id.b));
	return id;
}

/* ---- Changes -------------------------------------------------------------------------------- */

/* A change of one edit; its fields are added by say_*, in rising order. */
struct saying {
	struct change change;
	struct edit edit;
	struct base bases[16];
	struct buf set, add, take;
	uint32_t clear[4];
	struct id others[2];
};

static struct saying *say(uint8_t id, uint8_t space, uint8_t record, uint32_t type, uint64_t seen)
{
	struct saying *s = mem_alloc(sizeof(*s));
	s->change = (struct change){.id = name(id),
				    .space = name(space),
				    .seen_epoch = 1,
				    .seen_number = seen,
				    .made_ms = 1,
				    .n_edits = 1};
	s->edit = (struct edit){.type = type, .record = name(record)};
	s->edit.effect.existence = -1;
	return s;
}

static struct saying *say_existence(struct saying *s, int existence, bool back)
{
	s->edit.effect.existence = existence;
	s->edit.brings_back = back;
	return s;
}

static void say_base(struct saying *s, uint32_t field)
{
	s->bases[s->edit.n_bases++] = (struct base){field, 0}; /* even: put right by the target */
}

static struct saying *say_text(struct saying *s, uint32_t field, const char *text)
{
	say_base(s, field);
	field_add_text(&s->set, field, text);
	return s;
}

static struct saying *say_number(struct saying *s, uint32_t field, uint64_t n)
{
	say_base(s, field);
	field_add_number(&s->set, field, n);
	return s;
}

static struct saying *say_ref(struct saying *s, uint32_t field, uint8_t to)
{
	struct id id = name(to);
	say_base(s, field);
	field_add_bytes(&s->set, field, ID_BYTES(&id));
	return s;
}

static struct saying *say_clear(struct saying *s, uint32_t field)
{
	say_base(s, field);
	s->clear[s->edit.effect.n_clear++] = field;
	return s;
}

static struct saying *say_member(struct saying *s, uint32_t field, uint8_t to, bool add)
{
	struct id id = name(to);
	field_add_bytes(add ? &s->add : &s->take, field, ID_BYTES(&id));
	return s;
}

static struct saying *say_after(struct saying *s, uint8_t change)
{
	s->edit.after = name(change);
	return s;
}

static struct saying *say_exact(struct saying *s, uint8_t record)
{
	s->others[0] = name(record);
	s->change.exact = &s->others[0];
	s->change.n_exact = 1;
	return s;
}

static struct saying *say_settles(struct saying *s, uint8_t conflict)
{
	s->others[1] = name(conflict);
	s->change.settles = &s->others[1];
	s->change.n_settles = 1;
	return s;
}

/* Its bytes; frees it. */
static void said(struct saying *s, struct buf *out)
{
	s->edit.bases = s->bases;
	s->edit.effect.set = buf_bytes(&s->set);
	s->edit.effect.add = buf_bytes(&s->add);
	s->edit.effect.take = buf_bytes(&s->take);
	s->edit.effect.clear = s->clear;
	s->change.edits = &s->edit;
	change_write(&s->change, out);
	buf_fini(&s->set);
	buf_fini(&s->add);
	buf_fini(&s->take);
	free(s);
}

static struct saying *make_action(uint8_t change, uint8_t record)
{
	struct saying *s =
	    say_existence(say(change, PARTNERSHIP, record, TYPE_ACTION, 0), LIVE, false);
	say_text(say_text(s, REF, "1.5"), TEXT, "Use the secure area");
	return say_member(say_number(s, STATUS, 2), LEAD, PERSON, true);
}

/* ---- Sessions ------------------------------------------------------------------------------- */

static void frame(struct buf *out, Wire__Kind kind, const ProtobufCMessage *m, unsigned options)
{
	struct buf message = {0};
	buf_add_message(&message, m);
	buf_add_u32be(out, (uint32_t)kind << 24 | (uint32_t)message.len);
	buf_add_u32be(out, options);
	buf_add_bytes(out, buf_bytes(&message));
	buf_fini(&message);
}

static void push(struct buf *out, struct saying *s, unsigned options)
{
	struct buf bytes = {0};
	ProtobufCBinaryData change;
	Wire__Push m = WIRE__PUSH__INIT;

	said(s, &bytes);
	change = PB_BYTES(bytes);
	m.changes = &change;
	m.n_changes = 1;
	frame(out, WIRE__KIND__PUSH, &m.base, options);
	buf_fini(&bytes);
}

static struct saying *text_edit(uint8_t change, uint64_t seen, const char *text)
{
	return say_text(say(change, PARTNERSHIP, 10, TYPE_ACTION, seen), TEXT, text);
}

/* Two texts from one base, then settled, then a withdrawal over an unseen edit. */
static void session_conflict(struct buf *b)
{
	buf_add_u8(b, 0);
	push(b, make_action(0xf1, 10), TURN);
	push(b, text_edit(0xf2, 1, "one"), 0);
	push(b, text_edit(14, 1, "two"), SECOND | TURN);
	push(b, say_after(text_edit(0xf3, 1, "two again"), 14), SECOND | TURN);
	push(b, say_settles(text_edit(0xf4, 4, "one and two"), 15), TURN);
	push(b, say_existence(say(0xf5, PARTNERSHIP, 10, TYPE_ACTION, 3), WITHDRAWN, false),
	     SECOND | TURN);
	push(b, say_existence(say(0xf6, PARTNERSHIP, 10, TYPE_ACTION, 6), LIVE, true), TURN);
	save("session", "conflict", b);
}

static void session_sets(struct buf *b)
{
	buf_add_u8(b, 0);
	push(b, make_action(0xf1, 10), TURN);
	push(b, say_member(say(0xf2, PARTNERSHIP, 10, TYPE_ACTION, 1), RESPONSIBLE, SCHOOL, true),
	     0);
	push(b, say_member(say(0xf3, PARTNERSHIP, 10, TYPE_ACTION, 1), RESPONSIBLE, SCHOOL, true),
	     SECOND);
	push(b, say_member(say(0xf4, PARTNERSHIP, 10, TYPE_ACTION, 1), LEAD, PERSON, false),
	     SECOND | TURN);
	push(b, say_member(say(0xf4, PARTNERSHIP, 10, TYPE_ACTION, 1), LEAD, PERSON, false),
	     SECOND | TURN);
	push(b, say_clear(say(0xf5, PARTNERSHIP, 10, TYPE_ACTION, 2), STATUS), TURN);
	push(b, make_action(0xf6, 10), SECOND | TURN);
	save("session", "sets", b);
}

/* Repeats, other content under an id, an unknown base, exact, what does not exist. */
static void session_refused(struct buf *b)
{
	buf_add_u8(b, 0);
	push(b, make_action(0xf1, 10), TURN);
	push(b, make_action(0xf1, 10), TURN);
	push(b, make_action(0xf1, 11), TURN);
	push(b, text_edit(0xf2, 99, "seen what is not"), 0);
	push(b, say_after(text_edit(0xf3, 1, "after nothing"), 0xee), 0);
	push(b, say_after(text_edit(0xf4, 1, "after itself"), 0xf4), TURN);
	push(b, say_exact(text_edit(0xf5, 0, "exact"), 10), 0);
	push(b, say_text(say(0xf6, 0xdd, 10, TYPE_ACTION, 0), TEXT, "a foreign space"), 0);
	push(b, say_text(say(0xf7, PARTNERSHIP, 10, TYPE_NOTE, 1), TEXT, "another type"), 0);
	push(b, say_number(say(0xf8, PARTNERSHIP, 10, 999, 1), 1, 1), 0);
	push(b, say_number(say(0xf9, PARTNERSHIP, 10, TYPE_ACTION, 1), 999, 1), TURN);
	push(b, say_after(say_text(say(0xfa, PARTNERSHIP, 10, TYPE_ACTION, 1), REF, "x"), 0xf1),
	     TURN);
	save("session", "refused", b);
}

/* The person is suspended: what comes then is held, and there is nobody to decide on it. */
static void session_held(struct buf *b)
{
	Wire__Decide m = WIRE__DECIDE__INIT;
	struct id change = name(0xf2);

	buf_add_u8(b, 0);
	push(b, say_number(say(0xf1, DIRECTORY, PERSON, TYPE_PERSON, 10), 5, 3), TURN);
	push(b, make_action(0xf2, 10), SECOND | TURN);
	push(b, make_action(0xf2, 10), SECOND | TURN);
	m.change = PB_ID(&change);
	m.accept = 1;
	m.words = (char *)"let it in";
	frame(b, WIRE__KIND__DECIDE, &m.base, SECOND | TURN);
	save("session", "held", b);
}

/* A group, its space, an action in it; the group withdrawn, so that the space is lost. */
static void session_rights(struct buf *b)
{
	struct saying *s = say_existence(say(0xf1, DIRECTORY, 11, TYPE_GROUP, 0), LIVE, false);

	buf_add_u8(b, 0);
	push(b, say_ref(say_text(s, 1, "Reading"), 6, PERSON), TURN);
	s = say_existence(say(0xf2, DIRECTORY, 12, TYPE_SPACE, 0), LIVE, false);
	s = say_ref(say_number(say_text(s, 1, "Reading"), 2, 4), 3, 11);
	push(b, say_member(s, 10, 11, true), TURN);
	s = say_existence(say(0xf3, 12, 13, TYPE_ACTION, 0), LIVE, false);
	push(b, say_text(s, TEXT, "in the group"), TURN);
	push(b, say_text(say(0xf4, 12, 13, TYPE_ACTION, 1), TEXT, "in time"), 0);
	push(b, say_existence(say(0xf5, DIRECTORY, 11, TYPE_GROUP, 5), WITHDRAWN, false), SECOND);
	push(b, say_text(say(0xf6, 12, 13, TYPE_ACTION, 1), TEXT, "too late"), TURN);
	save("session", "rights", b);
}

/* An appointment that ends tomorrow; a device revoked while it talks; the person suspended. */
static void session_revoked(struct buf *b)
{
	struct saying *s =
	    say_existence(say(0xf1, DIRECTORY, 11, TYPE_APPOINTMENT, 0), LIVE, false);

	buf_add_u8(b, 0);
	s = say_ref(say_number(say_ref(s, 1, PERSON), 2, 1), 3, SCHOOL);
	push(b, say_text(s, 6, "2019-10-09"), TURN | DAY);
	push(b, say_number(say(0xf2, DIRECTORY, DEVICE, TYPE_DEVICE, 4), 5, 1),
	     SECOND | TURN | DAY);
	push(b, make_action(0xf3, 10), TURN);
	push(b, say_number(say(0xf4, DIRECTORY, PERSON, TYPE_PERSON, 4), 5, 3),
	     SECOND | TURN | LOSE);
	save("session", "revoked", b);
}

/* The content of the seeds, and a part of its only chunk. */
static void seed_content(uint8_t sha[SHA256_LEN])
{
	sha256(BYTES("document", 8), sha);
}

static void chunk(struct buf *b, struct bytes raw, uint32_t offset)
{
	Wire__Chunk m = WIRE__CHUNK__INIT;
	uint8_t sha[SHA256_LEN];

	seed_content(sha);
	m.chunk = (ProtobufCBinaryData){sizeof(sha), sha};
	m.raw = 8;
	m.has_size = m.has_offset = true;
	m.size = 8;
	m.offset = offset;
	frame(b, WIRE__KIND__CHUNK, &m.base, (uint32_t)raw.len << 16);
	buf_add_bytes(b, raw);
}

static void content_frame(struct buf *b, Wire__Kind kind, uint64_t n, unsigned options)
{
	Wire__Offer offer = WIRE__OFFER__INIT;
	Wire__Get get = WIRE__GET__INIT;
	uint8_t sha[SHA256_LEN];
	ProtobufCBinaryData name = {sizeof(sha), sha};

	seed_content(sha);
	offer.root = offer.content = name;
	offer.bytes = n;
	get.chunks = &name;
	get.n_chunks = 1;
	frame(b, kind, kind == WIRE__KIND__OFFER ? &offer.base : &get.base, options);
}

static void session_document(struct buf *b)
{
	struct saying *s = say_existence(say(0xf1, PARTNERSHIP, 11, TYPE_VERSION, 0), LIVE, false);
	uint8_t content[SHA256_LEN];

	seed_content(content);
	buf_add_u8(b, 0);
	say_text(say_ref(s, 1, 10), 2, "minutes.pdf");
	say_number(s, 4, 8);
	say_base(s, 5);
	field_add_bytes(&s->set, 5, BYTES(content, sizeof(content)));
	struct buf change = {0};
	said(s, &change);
	ProtobufCBinaryData bytes = PB_BYTES(change);
	Wire__Push m = WIRE__PUSH__INIT;
	m.changes = &bytes;
	m.n_changes = 1;
	frame(b, WIRE__KIND__PUSH, &m.base, TURN); /* its content is missing */
	content_frame(b, WIRE__KIND__OFFER, 8, TURN);
	chunk(b, BYTES("docu", 4), 0);
	chunk(b, BYTES("ment", 4), 4);
	content_frame(b, WIRE__KIND__GET, 0, TURN);
	frame(b, WIRE__KIND__PUSH, &m.base, TURN);
	content_frame(b, WIRE__KIND__GET, 2, SECOND | TURN);
	content_frame(b, WIRE__KIND__OFFER, 8, SECOND | TURN);
	content_frame(b, WIRE__KIND__OFFER, 0, TURN);
	buf_fini(&change);
	save("session", "document", b);
}

static void session_others(struct buf *b)
{
	Wire__Hello hello = WIRE__HELLO__INIT;
	Wire__At at = WIRE__AT__INIT, *held = &at;
	Wire__Fetch fetch = WIRE__FETCH__INIT;
	Wire__Invite invite = WIRE__INVITE__INIT;
	Wire__Ping ping = WIRE__PING__INIT;
	Wire__Bye bye = WIRE__BYE__INIT;
	struct id area = name(AREA), space = name(DIRECTORY), person = name(PERSON),
		  school = name(SCHOOL);
	uint64_t numbers[] = {1, 2, 99};
	uint8_t bytes[32] = {0xff};

	buf_add_u8(b, 1);
	hello.version = 1;
	hello.area = PB_ID(&area);
	at.space = PB_ID(&space);
	at.epoch = at.number = 1;
	at.has_chain = 1;
	at.chain = (ProtobufCBinaryData){32, bytes};
	hello.held = &held;
	hello.n_held = 1;
	fetch.space = PB_ID(&space);
	fetch.numbers = numbers;
	fetch.n_numbers = 3;
	invite.person = PB_ID(&person);
	invite.school = PB_ID(&school);
	invite.invitation = (ProtobufCBinaryData){16, bytes};
	invite.verifier = (ProtobufCBinaryData){32, bytes};
	bye.reason = WIRE__REASON__DONE;
	frame(b, WIRE__KIND__HELLO, &hello.base, TURN);
	frame(b, WIRE__KIND__FETCH, &fetch.base, TURN);
	frame(b, WIRE__KIND__INVITE, &invite.base, TURN);
	frame(b, WIRE__KIND__PING, &ping.base, SECOND);
	frame(b, 99, &ping.base, SECOND);
	frame(b, WIRE__KIND__BYE, &bye.base, SECOND);
	save("session", "others", b);
}

/* ---- Frames, stored messages ---------------------------------------------------------------- */

static void frames(struct buf *b)
{
	Wire__Bye bye = WIRE__BYE__INIT;
	Wire__Verdicts verdicts = WIRE__VERDICTS__INIT;
	Wire__Judged judged = WIRE__JUDGED__INIT, *list = &judged;
	Wire__Chunk p = WIRE__CHUNK__INIT;
	struct id id = name(1);

	bye.reason = WIRE__REASON__BUSY;
	bye.words = (char *)"try again later";
	judged.change = PB_ID(&id);
	judged.verdict = WIRE__VERDICT__REFUSED;
	judged.words = (char *)"you may not";
	verdicts.judged = &list;
	verdicts.n_judged = 1;
	p.chunk = PB_ID(&id);
	frame_write(b, WIRE__KIND__VERDICTS, &verdicts.base, BYTES_NONE);
	frame_write(b, WIRE__KIND__BYE, &bye.base, BYTES_NONE);
	save("frame", "verdicts", b);
	frame_write(b, WIRE__KIND__CHUNK, &p.base, BYTES("raw bytes", 9));
	frame_write(b, 99, &bye.base, BYTES_NONE);
	save("frame", "chunk", b);
	push(b, make_action(1, 2), 0);
	save("frame", "push", b);
}

static void header_of(struct buf *out, uint8_t change, uint8_t record, const uint32_t *fields,
		      size_t n)
{
	struct touch touch = {
	    .record = name(record), .type = TYPE_ACTION, .fields = fields, .n_fields = n};
	struct header h = {.number = 2,
			   .change = name(change),
			   .device = name(DEVICE),
			   .time_ms = 1,
			   .form = 1,
			   .touches = &touch,
			   .n_touches = 1};
	header_write(&h, out);
}

static void outcome_of(struct buf *out)
{
	struct id record = name(10), side = name(14), other = name(12);
	struct outcome_effect effect = {.type = TYPE_CONFLICT, .record = name(15)};
	struct outcome o = {.verdict = VERDICT_CONFLICT, .effects = &effect, .n_effects = 1};
	struct buf set = {0}, add = {0};

	field_add_bytes(&set, 1, ID_BYTES(&record));
	field_add_number(&set, 2, TYPE_ACTION);
	field_add_number(&set, 3, TEXT);
	field_add_number(&set, 7, 1);
	field_add_bytes(&add, 5, ID_BYTES(&side));
	field_add_bytes(&add, 5, ID_BYTES(&other));
	effect.effect =
	    (struct effect){.existence = LIVE, .set = buf_bytes(&set), .add = buf_bytes(&add)};
	outcome_write(&o, out);
	buf_fini(&set);
	buf_fini(&add);
}

static void stored(struct buf *b)
{
	static const uint32_t fields[] = {0, 2, 3, 20};
	struct buf change = {0}, outcome = {0};

	buf_add_u8(b, 0);
	said(say_settles(say_exact(say_after(text_edit(0xf1, 3, "text"), 7), 8), 9), b);
	save("stored", "change", b);
	buf_add_u8(b, 1);
	outcome_of(b);
	save("stored", "outcome", b);
	buf_add_u8(b, 2);
	header_of(b, 1, 2, fields, 4);
	save("stored", "header", b);
	said(say_clear(make_action(1, 2), 21), &change);
	outcome_of(&outcome);
	buf_add_u8(b, 3);
	body_write(buf_bytes(&change), buf_bytes(&outcome), b);
	save("stored", "body", b);
	buf_fini(&change);
	buf_fini(&outcome);
}

/* ---- Feeds ---------------------------------------------------------------------------------- */

static void feed_of(struct buf *b, struct bytes header, struct bytes body)
{
	static uint8_t bytes[64];
	struct id space = name(PARTNERSHIP);
	Wire__Entry entry = WIRE__ENTRY__INIT, *entries = &entry;
	Wire__Head head = WIRE__HEAD__INIT;
	Wire__Feed feed = WIRE__FEED__INIT;

	entry.header = PB_BYTES(header);
	entry.salt = (ProtobufCBinaryData){16, bytes};
	entry.has_body = body.len > 0;
	entry.body = PB_BYTES(body);
	head.epoch = 1;
	head.number = 2;
	head.chain = (ProtobufCBinaryData){32, bytes};
	head.signature = (ProtobufCBinaryData){64, bytes};
	feed.space = PB_ID(&space);
	feed.entries = &entries;
	feed.n_entries = 1;
	feed.head = &head;
	buf_add_message(b, &feed.base);
}

/* A Feed of one entry: the change as `s` says it (NULL: the body is left out). */
static void feed_add(struct buf *b, struct saying *s, uint8_t change, uint8_t record, bool conflict)
{
	static const uint32_t fields[] = {0, 2, 3, 7, 20};
	struct buf header = {0}, bytes = {0}, outcome = {0}, body = {0};

	header_of(&header, change, record, fields, 5);
	if (s)
		said(s, &bytes);
	if (conflict)
		outcome_of(&outcome);
	if (s)
		body_write(buf_bytes(&bytes), buf_bytes(&outcome), &body);
	feed_of(b, buf_bytes(&header), buf_bytes(&body));
	buf_fini(&header);
	buf_fini(&bytes);
	buf_fini(&outcome);
	buf_fini(&body);
}

static void feed(struct buf *b, const char *file, struct saying *s, uint8_t change, uint8_t record,
		 bool conflict)
{
	feed_add(b, s, change, record, conflict);
	save("feed", file, b);
}

static void feeds(struct buf *b)
{
	feed(b, "made", make_action(0xf1, 11), 0xf1, 11, false);
	feed(b, "edited", text_edit(14, 1, "other"), 14, 10, false);
	feed(b, "conflict", text_edit(14, 1, "other"), 14, 10, true);
	feed(b, "own", NULL, 12, 10, false);
	feed(b, "withdrawn",
	     say_existence(say(0xf2, PARTNERSHIP, 10, TYPE_ACTION, 1), WITHDRAWN, false), 0xf2, 10,
	     false);
	feed(b, "unknown-type",
	     say_number(say_existence(say(0xf3, PARTNERSHIP, 11, 999, 1), LIVE, false), 7, 7), 0xf3,
	     11, false);
}

/* ---- A server's frames ---------------------------------------------------------------------- */

static void welcome(struct buf *b, uint64_t number)
{
	Wire__Welcome m = WIRE__WELCOME__INIT;
	Wire__At at[2] = {WIRE__AT__INIT, WIRE__AT__INIT}, *list[] = {&at[0], &at[1]};
	struct id directory = name(DIRECTORY), partnership = name(PARTNERSHIP),
		  person = name(PERSON);

	at[0].space = PB_ID(&directory);
	at[1].space = PB_ID(&partnership);
	at[0].epoch = at[1].epoch = at[0].number = 1;
	at[1].number = number;
	m.version = 1;
	m.spaces = list;
	m.n_spaces = 2;
	m.has_person = m.has_time_ms = 1;
	m.person = PB_ID(&person);
	m.time_ms = 5;
	frame(b, WIRE__KIND__WELCOME, &m.base, 1);
}

static void feed_frame(struct buf *b, struct saying *s, uint8_t change, uint8_t record,
		       bool conflict)
{
	struct buf message = {0};

	feed_add(&message, s, change, record, conflict);
	buf_add_u32be(b, (uint32_t)WIRE__KIND__FEED << 24 | (uint32_t)message.len);
	buf_add_u32be(b, 1);
	buf_add_bytes(b, buf_bytes(&message));
	buf_fini(&message);
}

static void judged(struct buf *b, Wire__Verdict verdict, uint64_t number)
{
	Wire__Verdicts m = WIRE__VERDICTS__INIT;
	Wire__Judged j = WIRE__JUDGED__INIT, *list = &j;
	struct id change = name(12);

	j.change = PB_ID(&change);
	j.verdict = verdict;
	j.has_number = number > 0;
	j.number = number;
	j.words = (char *)"for a reason";
	m.judged = &list;
	m.n_judged = 1;
	frame(b, WIRE__KIND__VERDICTS, &m.base, 1);
}

static void deferred(struct buf *b, Wire__Wait why)
{
	Wire__Deferred m = WIRE__DEFERRED__INIT;
	struct id change = name(12);

	m.change = PB_ID(&change);
	m.why = why;
	frame(b, WIRE__KIND__DEFERRED, &m.base, 1);
}

/* What waits for this person's word, and what came of a decision. */
static void held_list(struct buf *b, uint8_t id, bool goes_on)
{
	Wire__HeldList m = WIRE__HELD_LIST__INIT;
	Wire__HeldChange h = WIRE__HELD_CHANGE__INIT, *list = &h;
	Wire__Decided decided = WIRE__DECIDED__INIT;
	struct id partnership = name(PARTNERSHIP), device = name(10), change = name(id);
	struct buf bytes = {0};

	said(text_edit(id, 1, "held"), &bytes);
	h.change = PB_BYTES(bytes);
	h.device = PB_ID(&device);
	h.time_ms = 1;
	m.space = PB_ID(&partnership);
	m.changes = &list;
	m.n_changes = 1;
	m.has_goes_on = m.goes_on = goes_on;
	frame(b, WIRE__KIND__HELD_LIST, &m.base, 1);
	decided.change = PB_ID(&change);
	decided.has_verdict = 1;
	decided.verdict = WIRE__VERDICT__REFUSED;
	frame(b, WIRE__KIND__DECIDED, &decided.base, 1);
	buf_fini(&bytes);
}

static void uplinks(struct buf *b)
{
	Wire__Lost lost = WIRE__LOST__INIT;
	Wire__Granted granted = WIRE__GRANTED__INIT;
	Wire__At at = WIRE__AT__INIT;
	struct id partnership = name(PARTNERSHIP), other = name(11);

	lost.space = PB_ID(&partnership);
	at.space = PB_ID(&other);
	at.epoch = 1;
	granted.space = &at;
	welcome(b, 3);
	feed_frame(b, text_edit(14, 1, "other"), 14, 10, true);
	feed_frame(b, NULL, 12, 10, false);
	save("uplink", "accepted", b);
	welcome(b, 1);
	judged(b, WIRE__VERDICT__APPLIED, 2);
	judged(b, WIRE__VERDICT__REFUSED, 0);
	frame(b, WIRE__KIND__LOST, &lost.base, 1);
	frame(b, WIRE__KIND__GRANTED, &granted.base, 1);
	save("uplink", "refused", b);
	welcome(b, 1);
	frame(b, WIRE__KIND__LOST, &lost.base, 1);
	judged(b, WIRE__VERDICT__MERGED, 2);
	at.space = PB_ID(&partnership);
	frame(b, WIRE__KIND__GRANTED, &granted.base, 1);
	feed_frame(b, make_action(0xf1, 11), 0xf1, 11, false);
	save("uplink", "lost", b);
	welcome(b, 1);
	deferred(b, WIRE__WAIT__NO_ROOM);
	deferred(b, WIRE__WAIT__CONTENT_MISSING);
	save("uplink", "deferred", b);
	welcome(b, 1);
	judged(b, WIRE__VERDICT__HELD, 0);
	held_list(b, 0xf3, false);
	held_list(b, 0xf4, true);
	judged(b, WIRE__VERDICT__REFUSED, 0);
	save("uplink", "held", b);
	welcome(b, 0);
	save("uplink", "set-back", b);
}

/* ---- Values and words ----------------------------------------------------------------------- */

static void schemas(struct buf *b)
{
	static const struct {
		const char *name, *words;
		uint32_t type;
		uint8_t field;
	} words[] = {
	    {"word", "in-progress", TYPE_ACTION, 19},
	    {"day", "2019-10-09", TYPE_ACTION, 11},
	    {"time", "18:30", TYPE_EVENT, 3},
	    {"flag", "yes", TYPE_ACTION, 16},
	    {"number", "250000", TYPE_ACTION, 15},
	    {"year", "2019-20", TYPE_PLAN, 1},
	    {"position", "V1", TYPE_ACTION, 23},
	    {"hex", "00ff", TYPE_DEVICE, 3},
	    {"ref", "016db1ad-7d00-7001-8203-040506070809", TYPE_ACTION, 0},
	};
	struct id id = name(0xf1);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		buf_add_u8(b, (uint8_t)(words[i].type - 1));
		buf_add_u8(b, 2);
		buf_add_u8(b, words[i].field);
		buf_add_text(b, "%s", words[i].words);
		save("schema", words[i].name, b);
	}
	buf_add_u8(b, TYPE_ACTION - 1);
	buf_add_u8(b, 0);
	field_add_bytes(b, 1, ID_BYTES(&id));
	field_add_text(b, 3,
		       "Use the s\xc3\xa9"
		       "cure area\n");
	field_add_number(b, 10, 1);
	field_add_text(b, 12, "2019-12-20");
	field_add_number(b, 17, 1);
	save("schema", "action", b);
	buf_add_u8(b, TYPE_ACTION - 1);
	buf_add_u8(b, 1);
	field_add_bytes(b, 4, ID_BYTES(&id));
	field_add_bytes(b, 7, ID_BYTES(&id));
	save("schema", "sets", b);
}

static void words(struct buf *b)
{
	struct invitation i;
	uint8_t fingerprint[SHA256_LEN] = {1, 2, 3};
	char text[INVITATION_TEXT], word[SEEN_WORD];
	struct seen seen = {.space = name(1), .epoch = 1, .number = 300, .after = name(7)};
	struct cause cause;

	must(invitation_make(&i, "secure.example:443", fingerprint, fuzz_env(), &cause) == 0);
	buf_add_text(b, "%c%s", 5, invitation_format(&i, text));
	save("words", "invitation", b);
	must(invitation_make(&i, "[2001:db8::1]:443", fingerprint, fuzz_env(), &cause) == 0);
	buf_add_text(b, "%c%s", 5, invitation_format(&i, text));
	save("words", "invitation-ipv6", b);
	seen_format(&seen, word);
	buf_add_text(b, "%c%s", 1, word);
	save("words", "seen", b);
	buf_add_text(b, "%c%s", 2, "016db1ad-7d00-7001-8203-040506070809");
	save("words", "id", b);
	buf_add_text(b, "%c%s", 3, "V V1");
	save("words", "positions", b);
	buf_add_text(b, "%c%s", 4, "[2001:db8::1]:443");
	save("words", "address", b);
}

/* ---- Prose ---------------------------------------------------------------------------------- */

/* How the texts are written (fuzz_merge.c), then the texts. */
static void merge(struct buf *b, const char *file, uint8_t way, struct bytes base,
		  struct bytes ours, struct bytes theirs)
{
	buf_add_u8(b, way);
	buf_add_bytes(b, base);
	buf_add_u8(b, 0xfe);
	buf_add_bytes(b, ours);
	buf_add_u8(b, 0xfe);
	buf_add_bytes(b, theirs);
	save("merge", file, b);
}

static void merges(struct buf *b)
{
#define PROSE(s) BYTES(s, sizeof(s) - 1)
	merge(b, "apart", 0,
	      PROSE("The hall is booked. Tea is at four.\r\nSee No. 5, e.g. Heath. £500."),
	      PROSE("The hall is free. Tea is at four.\r\nSee No. 5, e.g. Heath. £500."),
	      PROSE("The hall is booked. Tea is at four.\r\nSee No. 5, e.g. Heath. £600."));
	merge(b, "same_place", 0, PROSE("One.\nTwo.\n"), PROSE("One.\nOr.\nTwo.\n"),
	      PROSE("One.\nAnd.\nTwo.\n"));
	merge(b, "abbreviations", 0,
	      PROSE("“Why?” she asked. Mrs. J. Low, 6.30pm ... 4 p.m. (So.) 東京。"),
	      PROSE("1. Minutes of 3 Oct. 2019\r\n"), PROSE("\xe2\x80\n.\xff. A"));
	merge(b, "units", 1, PROSE("abcdefghijklmnop"), PROSE("abXdefghiijklmnop"),
	      PROSE("abcdefghijklYYnop"));
	merge(b, "repeats", 1, PROSE("aabaabaabaab"), PROSE("aabaaabaab"), PROSE("abaabaabaabc"));
	merge(b, "shuffled", 1, PROSE("abcdefghijklmnopqrstuvwxyz"),
	      PROSE("zabcdefghijkyxwvlmnopqrstu"), PROSE("abcdefzghijklmnopqrstuvwxy"));
	/* Long ones: one unit; a^n b a^n; and, as long as may be, two that take turns. */
	merge(b, "runs_one", 2, PROSE("\0\xb4"), PROSE("\1\1\0\xb4"), PROSE("\0\xb3\1\1\0\xb3"));
	merge(b, "runs_split", 2, PROSE("\2\xb1\3\1\2\xb1"), PROSE("\2\xb0\3\1\2\xb1\2\xb0"),
	      PROSE("\2\xb1\2\xaf\3\1\2\xb0"));
	merge(b, "long_turns", 3, PROSE("\2\7\3\11\2\160\3\4\2\xaa\3\xab"),
	      PROSE("\3\7\2\11\3\160\2\4\3\xaa\2\xab"), PROSE("\2\xab\3\xaa"));
#undef PROSE
}

static int chunk_node(void *arg, unsigned level, const uint8_t hash[SHA256_LEN], struct bytes node)
{
	(void)level;
	(void)hash;
	buf_reset(arg);
	buf_add_u8(arg, 0);
	buf_add_bytes(arg, node);
	return 0;
}

/* A list's root, a chunk squeezed and one as it is, a file. */
static void chunks(struct buf *b)
{
	struct squeezer *s = squeezer_new();
	struct listing *l = listing_new(chunk_node, b);
	struct buf text = {0}, small = {0};
	uint8_t hash[SHA256_LEN];
	unsigned level;

	for (unsigned i = 0; i < 3; i++) {
		sha256(BYTES(&i, sizeof(i)), hash);
		must(listing_add(l, hash, 20000 + i) == 0);
	}
	must(listing_end(l, hash, &level) == 0 && level == 1);
	listing_free(&l);
	save("chunk", "node", b);
	for (unsigned i = 0; i < 100; i++)
		buf_add_text(&text, "line %u of the minutes\n", i);
	must(squeeze(s, buf_bytes(&text), &small));
	for (unsigned form = 1; form <= 2; form++) {
		buf_add_u8(b, (uint8_t)form);
		buf_add_u32be(b, (uint32_t)text.len);
		buf_add_bytes(b, form == 1 ? buf_bytes(&small) : buf_bytes(&text));
		save("chunk", form == 1 ? "squeezed" : "raw", b);
	}
	buf_add_u8(b, 3);
	for (unsigned i = 0; i < 20; i++)
		buf_add_bytes(b, buf_bytes(&text));
	save("chunk", "file", b);
	buf_fini(&text);
	buf_fini(&small);
	squeezer_free(&s);
}

int main(int argc, char **argv)
{
	struct buf b = {0};

	must(argc == 2);
	where = argv[1];
	fuzz_env_start();
	session_conflict(&b);
	session_sets(&b);
	session_refused(&b);
	session_held(&b);
	session_rights(&b);
	session_revoked(&b);
	session_document(&b);
	session_others(&b);
	frames(&b);
	stored(&b);
	feeds(&b);
	uplinks(&b);
	schemas(&b);
	words(&b);
	merges(&b);
	chunks(&b);
	buf_fini(&b);
	return 0;
}
