/* Sessions: what is answered to bad input of every kind, while the others are served. */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/turn.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static struct bed bed;
static struct peer good; /* is served all the time */

static void fresh(struct peer *p, bool hello)
{
	peer_join(p, &bed, &bed.person);
	if (hello)
		peer_hello(p);
}

/* Send a frame that should end the session for this reason, and see that the other goes on. */
static void ends(const char *what, bool hello, unsigned kind, struct bytes message, int reason)
{
	struct peer p;
	struct id record;

	fresh(&p, hello);
	peer_send_bytes(&p, kind, message);
	bed_turn(&bed);
	ok(p.bye == reason && p.bye_words[0] && p.pipe.ends[0].closed,
	   "%s ends the session (\"%s\")", what, p.bye_words);
	uint64_t before = peer_held(&good, &bed.partnership)->number;
	peer_add_action(&good, &bed.partnership, "meanwhile", &record);
	bed_turn(&bed);
	ok(peer_held(&good, &bed.partnership)->number == before + 1 && good.bye == 0,
	   "and the other is served");
	peer_fini(&p);
}

static void test_order(void)
{
	struct peer p;
	struct buf b = {0};

	fresh(&p, false);
	peer_send_bytes(&p, 200, BYTES("x", 1));
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__PROTOCOL, "an unknown message before Hello ends the session");
	peer_fini(&p);
	fresh(&p, true);
	peer_send_bytes(&p, 200, BYTES("rubbish", 7));
	peer_send_bytes(&p, WIRE__KIND__WELCOME, BYTES("rubbish", 7));
	bed_turn(&bed);
	ok(p.bye == 0, "after it, what is not known or not for a server is ignored");
	peer_fini(&p);
	field_add_bytes(&b, 1, BYTES("x", 1));
	ends("a Push before Hello", false, WIRE__KIND__PUSH, buf_bytes(&b), WIRE__REASON__PROTOCOL);
	ends("a second Hello", true, WIRE__KIND__HELLO, BYTES_NONE, WIRE__REASON__PROTOCOL);
	buf_fini(&b);
}

static void test_garbage(void)
{
	struct buf b = {0};

	ends("a Hello of nothing", false, WIRE__KIND__HELLO, BYTES_NONE, WIRE__REASON__PROTOCOL);
	ends("a garbled Hello", false, WIRE__KIND__HELLO, BYTES("\xff\xff\xff", 3),
	     WIRE__REASON__PROTOCOL);
	ends("a truncated Push", true, WIRE__KIND__PUSH, BYTES("\x0a\x7f\x01", 3),
	     WIRE__REASON__PROTOCOL);
	while (b.len < 1000000)
		buf_add(&b, "\x12\x00", 2);
	ends("1 MiB of empty submessages", false, WIRE__KIND__HELLO, buf_bytes(&b),
	     WIRE__REASON__PROTOCOL);
	buf_reset(&b);
	while (b.len < 1000000)
		buf_add(&b, "\xf8\x01\x00", 3);
	ends("1 MiB of unknown fields", true, WIRE__KIND__PUSH, buf_bytes(&b),
	     WIRE__REASON__PROTOCOL);
	buf_reset(&b);
	while (b.len < 100000)
		buf_add(&b, "\x0a\x00", 2);
	ends("a Push of empty changes", true, WIRE__KIND__PUSH, buf_bytes(&b),
	     WIRE__REASON__PROTOCOL);
	buf_fini(&b);
}

/* Hello says what this server has not: it is asked for that, and not believed without. */
static void recalled(const char *what, struct bytes hello)
{
	static const uint8_t rubbish[64];
	Wire__Run run = WIRE__RUN__INIT;
	Wire__Head head = WIRE__HEAD__INIT;
	struct buf b = {0};
	struct peer p;

	fresh(&p, false);
	peer_send_bytes(&p, WIRE__KIND__HELLO, hello);
	bed_turn(&bed);
	ok(p.bye == 0 && !p.welcome && good.bye == 0, "%s is asked for, and nobody is sent away",
	   what);
	run.space = PB_ID(&bed.directory);
	run.from = 1;
	head.epoch = 1;
	head.number = 10000;
	head.chain = PB_BYTES(BYTES(rubbish, 32));
	head.signature = PB_BYTES(BYTES(rubbish, 64));
	run.head = &head;
	buf_add_message(&b, &run.base);
	peer_send_bytes(&p, WIRE__KIND__RUN, buf_bytes(&b));
	bed_turn(&bed);
	ok((p.bye == WIRE__REASON__DAMAGED || p.bye == WIRE__REASON__PROTOCOL) && good.bye == 0,
	   "and refused where it is not signed, or not what was asked for (\"%s\")", p.bye_words);
	buf_fini(&b);
	peer_fini(&p);
}

static void test_hello(void)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	Wire__At at = WIRE__AT__INIT, *list = &at;
	struct id other = {{1}};
	struct buf b = {0};
	uint8_t chain[32] = {0};

	m.version = WIRE_VERSION;
	m.area = PB_ID(&other);
	buf_add_message(&b, &m.base);
	ends("another area", false, WIRE__KIND__HELLO, buf_bytes(&b), WIRE__REASON__OTHER_AREA);
	buf_reset(&b);
	m.area = PB_ID(&bed.id);
	m.version = 99;
	buf_add_message(&b, &m.base);
	ends("a version of the future", false, WIRE__KIND__HELLO, buf_bytes(&b),
	     WIRE__REASON__VERSION);
	m.version = WIRE_VERSION;
	m.held = &list;
	m.n_held = 1;
	at.space = PB_ID(&bed.directory);
	at.epoch = 1;
	at.has_chain = 1;
	at.chain = PB_BYTES(BYTES(chain, 32));
	at.number = 1;
	buf_reset(&b);
	buf_add_message(&b, &m.base);
	recalled("a chain that differs", buf_bytes(&b));
	at.number = 10000;
	buf_reset(&b);
	buf_add_message(&b, &m.base);
	recalled("a copy ahead of the server", buf_bytes(&b));
	at.space = PB_ID(&other);
	buf_reset(&b);
	buf_add_message(&b, &m.base);
	recalled("entries of a space that is not here", buf_bytes(&b));
	buf_fini(&b);
}

/* Push these bytes as a change of a fresh peer; returns what was told, by id. */
static const struct told *push_bytes(struct peer *p, struct bytes bytes, const struct id *id)
{
	fresh(p, true);
	peer_push(p, bytes);
	bed_turn(&bed);
	return peer_told(p, id);
}

static void test_bad_changes(void)
{
	static const struct {
		const char *what;
		uint32_t field;
		const char *value;
		size_t len;
	} values[] = {
		{"a text that is not UTF-8", 3, "\xff\xfe", 2},
		{"a NUL in a text", 3, "a\0b", 3},
		{"a day that is none", 12, "2019-02-30", 10},
		{"a number where a text belongs", 20, "x", 1},
	};
	struct peer p;
	struct making m;
	struct id record;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		record = id_make(&bed.env);
		making_init(&m, &bed, &bed.partnership, 0);
		making_create(&m, TYPE_ACTION, &record);
		making_text(&m, values[i].field, "", NULL);
		buf_reset(&m.set[0]);
		field_add_bytes(&m.set[0], values[i].field, BYTES(values[i].value, values[i].len));
		const struct told *t = push_bytes(&p, making_bytes(&m), &m.change.id);
		ok(t && t->verdict == VERDICT_REFUSED && t->words[0] && p.bye == 0,
		   "%s is refused (\"%s\")", values[i].what, t ? t->words : "");
		peer_fini(&p);
		making_fini(&m);
	}
	making_init(&m, &bed, &bed.partnership, 0);
	making_create(&m, TYPE_ACTION, &record);
	making_create(&m, TYPE_ACTION, &record);
	const struct told *t = push_bytes(&p, making_bytes(&m), &m.change.id);
	ok(t && t->verdict == VERDICT_REFUSED, "a change that edits a record twice is refused");
	peer_push(&p, making_bytes(&m));
	bed_turn(&bed);
	ok(p.n_told == 2 && p.told[1].verdict == VERDICT_REFUSED &&
		   strcmp(p.told[0].words, p.told[1].words) == 0,
	   "and again, in the same words");
	making_fini(&m);
	making_init(&m, &bed, &bed.partnership, 0);
	making_create(&m, TYPE_ACTION, &record);
	m.change.id = (struct id){{0}};
	peer_push(&p, making_bytes(&m));
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__PROTOCOL, "a change whose id is zero ends the session");
	peer_connect(&p);
	peer_hello(&p);
	peer_push(&p, BYTES("\x0a\x02xx", 4));
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__PROTOCOL, "a change without an id ends the session");
	peer_fini(&p);
	making_fini(&m);
}

static void test_replaced(void)
{
	struct peer p;
	struct pipe old;

	fresh(&p, true);
	struct session *first = p.session;
	old = p.pipe;
	first->link = &old.ends[0].link;
	pipe_init(&p.pipe);
	p.session = session_open(bed.area, &p.pipe.ends[0].link, &p.device);
	peer_hello(&p);
	ok(old.ends[0].closed && first->state == SESSION_ENDED && p.welcome && p.bye == 0,
	   "a device that connects again replaces its session");
	session_lost(first);
	bed_turn(&bed);
	pipe_fini(&old);
	peer_fini(&p);
}

/* One device opens lines without end, and never hangs up. */
static void test_many_lines(void)
{
	enum { LINES = AREA_SESSIONS + 40 };
	struct pipe *lines = mem_alloc(LINES * sizeof(*lines));
	struct session **sessions = mem_alloc(LINES * sizeof(struct session *));
	size_t open = 0, refused = 0;
	struct peer hostile, other;

	fresh(&hostile, true);
	for (size_t i = 0; i < LINES; i++) {
		pipe_init(&lines[i]);
		sessions[i] = session_open(bed.area, &lines[i].ends[0].link, &hostile.device);
		refused += sessions[i] ? 0 : 1;
	}
	for (size_t i = 0; i < LINES; i++)
		open += sessions[i] && !lines[i].ends[0].closed;
	ok(refused == 0 && open == AREA_DEVICE_SESSIONS && !lines[LINES - 1].ends[0].closed,
	   "of the lines of one device the newest %d stay", AREA_DEVICE_SESSIONS);
	ok(hostile.pipe.ends[0].closed && good.bye == 0 && good.session->state == SESSION_READY,
	   "its oldest goes, and nobody else's");
	fresh(&other, true);
	ok(other.welcome && other.bye == 0, "another device is served");
	peer_fini(&other);
	for (size_t i = 0; i < LINES; i++) {
		session_lost(sessions[i]);
		pipe_fini(&lines[i]);
	}
	peer_fini(&hostile);
	bed_turn(&bed);
	free(sessions);
	free(lines);
}

/* Every place is taken, one of them by a line that broke without a word. */
static void test_half_dead(void)
{
	struct peer a, b;
	struct pipe again, stranger;

	fresh(&a, true);
	fresh(&b, false);
	peer_cut(&b);
	bed_turn(&bed);
	area_limit_sessions(bed.area, area_sessions(bed.area));
	pipe_init(&stranger);
	ok(!session_open(bed.area, &stranger.ends[0].link, &b.device) && stranger.ends[0].closed,
	   "who has no session finds no place where all are taken");
	pipe_init(&again);
	struct session *s = session_open(bed.area, &again.ends[0].link, &a.device);
	ok(s && a.pipe.ends[0].closed, "who has one takes the place of that");
	session_lost(s);
	bed_turn(&bed);
	ok(a.bye == WIRE__REASON__REPLACED, "which is told so (\"%s\")", a.bye_words);
	area_limit_sessions(bed.area, AREA_SESSIONS);
	peer_fini(&a);
	peer_connect(&b);
	peer_hello(&b);
	ok(b.welcome, "and once there is a place everybody finds one");
	peer_fini(&b);
	pipe_fini(&again);
	pipe_fini(&stranger);
}

static void test_fetch(void)
{
	struct peer p;
	struct id record, foreign = {{3}};
	Wire__Fetch m = WIRE__FETCH__INIT;
	uint64_t numbers[] = {1, 0, 99999, 2};
	struct frame f;

	fresh(&p, true);
	peer_add_action(&good, &bed.partnership, "to fetch", &record);
	peer_add_action(&good, &bed.partnership, "to fetch", &record);
	bed_turn(&bed);
	m.space = PB_ID(&bed.partnership);
	m.numbers = numbers;
	m.n_numbers = 4;
	peer_send(&p, WIRE__KIND__FETCH, &m.base, BYTES_NONE);
	ok(pipe_take(&p.pipe.ends[1], &f) == 1 && f.kind == WIRE__KIND__BODIES,
	   "bodies can be fetched");
	Wire__Bodies *b =
		(Wire__Bodies *)frame_unpack(&f, &wire__bodies__descriptor, &p.arena, NULL);
	ok(b && b->n_bodies == 2 && b->bodies[1]->number == 2 && b->bodies[1]->has_body,
	   "those that there are");
	m.space = PB_ID(&foreign);
	peer_send(&p, WIRE__KIND__FETCH, &m.base, BYTES_NONE);
	ok(pipe_take(&p.pipe.ends[1], &f) == 1,
	   "an answer comes for a space that is not this person's");
	b = (Wire__Bodies *)frame_unpack(&f, &wire__bodies__descriptor, &p.arena, NULL);
	ok(b && b->n_bodies == 0, "and there is nothing in it");
	peer_fini(&p);
}

static void test_ping(void)
{
	Wire__Ping m = WIRE__PING__INIT;
	struct peer p;
	struct frame f;

	fresh(&p, true);
	m.has_time_ms = 1;
	m.time_ms = 12345;
	peer_send(&p, WIRE__KIND__PING, &m.base, BYTES_NONE);
	ok(pipe_take(&p.pipe.ends[1], &f) == 1 && f.kind == WIRE__KIND__PONG,
	   "a Ping is answered at once");
	peer_fini(&p);
}

static void test_invitations(void)
{
	Wire__Invite m = WIRE__INVITE__INIT;
	uint8_t invitation[16] = {4}, verifier[32] = {5}, found[32];
	struct id person, school, device;
	struct peer p;

	fresh(&p, true);
	m.person = PB_ID(&bed.person);
	m.school = PB_ID(&bed.school);
	m.invitation = PB_BYTES(BYTES(invitation, 16));
	m.verifier = PB_BYTES(BYTES(verifier, 32));
	peer_send(&p, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
	ok(p.invited_ms == 0, "an invitation is not confirmed before it is on disk");
	bed_turn(&bed);
	ok(p.invited_ms > bed.now_ms, "an administrator invites");
	ok(area_invitation(bed.area, invitation, found, &person, &school) == 0 &&
		   memcmp(found, verifier, 32) == 0 && id_equal(&person, &bed.person),
	   "the invitation is open");
	for (int i = 0; i < 5; i++)
		area_invitation_failed(bed.area, invitation);
	ok(area_invitation(bed.area, invitation, found, &person, &school) == ERR_MISSING,
	   "five wrong codes close it");
	invitation[0] = 6;
	peer_send(&p, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
	bed_turn(&bed);
	ok(area_enrol(bed.area, invitation, BYTES("key", 3), "Bad \x01 label", &device) == 0 &&
		   bed_turn(&bed) == 0, "an invitation is used, whatever the label");
	ok(area_enrol(bed.area, invitation, BYTES("key", 3), NULL, &device) == ERR_MISSING,
	   "and only once");
	invitation[0] = 7;
	peer_send(&p, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
	bed_turn(&bed);
	bed.now_ms += UINT64_C(73) * 3600 * 1000;
	ok(area_invitation(bed.area, invitation, found, &person, &school) == ERR_MISSING,
	   "after three days it is over");
	person = (struct id){{9}};
	m.person = PB_ID(&person);
	peer_send(&p, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__NOT_ALLOWED && strstr(p.bye_words, "no such person"),
	   "nobody is invited who is not there");
	peer_fini(&p);

	person = bed_person(&bed, &good, "C. Staff");
	bed_appoint(&bed, &good, &person, RECORDS__ROLE__STAFF, NULL);
	peer_join(&p, &bed, &person);
	peer_hello(&p);
	m.person = PB_ID(&person);
	peer_send(&p, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__NOT_ALLOWED, "who does not administer does not invite");
	peer_fini(&p);
}

static int renew(void *arg, struct bytes request, const struct id *device, struct bytes public_key,
		 struct buf *certificate, struct cause *cause)
{
	(void)arg;
	(void)device;
	if (request.len != 7)
		return cause_set(cause, ERR_INVALID, "it is for another key");
	buf_add_bytes(certificate, public_key);
	return 0;
}

static void test_renewal(void)
{
	Wire__Renew m = WIRE__RENEW__INIT;
	struct peer p;
	struct frame f;

	fresh(&p, true);
	bed.area->options.renew = renew;
	m.request = PB_BYTES(BYTES("request", 7));
	peer_send(&p, WIRE__KIND__RENEW, &m.base, BYTES_NONE);
	ok(pipe_take(&p.pipe.ends[1], &f) == 1 && f.kind == WIRE__KIND__RENEWED,
	   "a certificate is renewed");
	Wire__Renewed *r =
		(Wire__Renewed *)frame_unpack(&f, &wire__renewed__descriptor, &p.arena, NULL);
	ok(r && r->certificate.len > 10 && memcmp(r->certificate.data, "the key of", 10) == 0,
	   "for the key that the device has had from the first");
	m.request = PB_BYTES(BYTES("another", 6));
	peer_send(&p, WIRE__KIND__RENEW, &m.base, BYTES_NONE);
	bed_turn(&bed);
	ok(p.bye == WIRE__REASON__NOT_ALLOWED && strstr(p.bye_words, "another key"),
	   "and for no other");
	peer_fini(&p);
}

static void test_strangers(void)
{
	struct pipe pipe;
	struct id nobody = {{8}}, server = id_derive(&bed.id, BYTES("server", 6));
	struct frame f;

	Wire__Hello hello = WIRE__HELLO__INIT;
	struct buf b = {0};

	pipe_init(&pipe);
	struct session *s = session_open(bed.area, &pipe.ends[0].link, &nobody);
	ok(s && pipe_take(&pipe.ends[1], &f) == 0, "a device that is not known may say Hello");
	hello.version = WIRE_VERSION;
	hello.area = PB_ID(&bed.id);
	frame_write(&b, WIRE__KIND__HELLO, &hello.base, BYTES_NONE);
	size_t size;
	ok(frame_parse(buf_bytes(&b), &f, &size) == 1, "(its Hello is a frame)");
	session_frame(s, &f);
	ok(pipe.ends[0].closed && pipe_take(&pipe.ends[1], &f) == 1 && f.kind == WIRE__KIND__BYE,
	   "and gets a Bye where it holds nothing that makes it known");
	session_lost(s);
	bed_turn(&bed);
	pipe_fini(&pipe);
	buf_fini(&b);
	pipe_init(&pipe);
	ok(!session_open(bed.area, &pipe.ends[0].link, &server),
	   "so does one that says it is the server's own");
	pipe_fini(&pipe);
}

static void test_stop(void)
{
	area_stop(bed.area);
	bed_turn(&bed);
	ok(good.bye == WIRE__REASON__STOPPING && good.pipe.ends[0].closed,
	   "a stopping server says so");
}

int main(void)
{
	bed_init(&bed, "session");
	fresh(&good, true);
	test_order();
	test_garbage();
	test_hello();
	test_bad_changes();
	test_replaced();
	test_many_lines();
	test_half_dead();
	test_fetch();
	test_ping();
	test_invitations();
	test_renewal();
	test_strangers();
	ok(good.bye == 0 && !good.chain_broken, "all this time the other was served well");
	test_stop();
	bed_fini(&bed);
	return tap_end();
}
