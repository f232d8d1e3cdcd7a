/* A session from the client's side: windows, what is stuck, documents, questions, how it ends. */
#include "client/uplink_inside.h"
#include "tests/take_in.h"
#include "tests/unit/world.h"

static void log_nothing(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* ---- With a server that is played by the test ----------------------------------------------- */

struct played {
	struct pipe pipe;
	struct uplink *up;
	struct arena arena;
	size_t frames[64]; /* of each kind */
	size_t largest;	   /* message of a Push */
	size_t changes, bytes;
	struct id last[4096]; /* changes pushed, in order */
	struct buf got;	      /* raw bytes of Pieces */
};

/* Take what the client sends, and count it. */
static void played_take(struct played *p)
{
	struct frame f;

	while (pipe_take(&p->pipe.ends[1], &f) > 0) {
		p->frames[f.kind]++;
		arena_reset(&p->arena);
		buf_add_bytes(&p->got, f.raw);
		if (f.kind != WIRE__KIND__PUSH)
			continue;
		Wire__Push *m =
			(Wire__Push *)frame_unpack(&f, &wire__push__descriptor, &p->arena, NULL);
		p->largest = f.message.len > p->largest ? f.message.len : p->largest;
		for (size_t i = 0; i < m->n_changes; i++) {
			struct change c;
			world_must(change_read(&c, BYTES_OF(m->changes[i]), &p->arena, NULL), NULL,
				   "change");
			p->last[p->changes++ % 4096] = c.id;
			p->bytes += m->changes[i].len;
		}
	}
}

static void played_say(struct played *p, Wire__Kind kind, const void *m, struct bytes raw)
{
	struct frame f;

	link_send(&p->pipe.ends[1].link, kind, m, raw);
	while (p->up && pipe_take(&p->pipe.ends[0], &f) > 0)
		uplink_frame(p->up, &f);
	uplink_turn(p->up);
	played_take(p);
}

static void played_welcome(struct played *p, struct client *c, uint32_t version, int64_t ahead)
{
	Wire__Welcome m = WIRE__WELCOME__INIT;
	struct held *held;
	Wire__At at[8], *list[8];
	int n = copy_spaces(c->copy, &held);

	m.version = version;
	m.spaces = list;
	for (int i = 0; i < n; i++) {
		wire__at__init(&at[i]);
		at[i].space = PB_ID(&held[i].id);
		at[i].epoch = held[i].epoch;
		at[i].number = held[i].number + (uint64_t)ahead;
		list[m.n_spaces++] = &at[i];
	}
	m.has_time_ms = true;
	m.time_ms = copy_env(c->copy)->now_ms(copy_env(c->copy)->arg) + 1234;
	m.address = (char *)"5pps.example:7655";
	played_say(p, WIRE__KIND__WELCOME, &m.base, BYTES_NONE);
	free(held);
}

static void played_begin(struct played *p, struct client *c)
{
	pipe_init(&p->pipe);
	arena_init(&p->arena, FRAME_BUDGET);
	p->up = uplink_new(c->copy, &p->pipe.ends[0].link);
	played_take(p);
}

static void played_end(struct played *p)
{
	uplink_free(&p->up);
	pipe_fini(&p->pipe);
	arena_fini(&p->arena);
	buf_fini(&p->got);
	*p = (struct played){0};
}

static void played_judge(struct played *p, const struct id *change, Wire__Verdict verdict)
{
	Wire__Verdicts m = WIRE__VERDICTS__INIT;
	Wire__Judged j = WIRE__JUDGED__INIT, *list = &j;

	j.change = PB_ID(change);
	j.verdict = verdict;
	j.words = (char *)"no";
	m.n_judged = 1;
	m.judged = &list;
	played_say(p, WIRE__KIND__VERDICTS, &m.base, BYTES_NONE);
}

static void played_defer(struct played *p, const struct id *change, Wire__Wait why,
			 struct bytes content)
{
	Wire__Deferred m = WIRE__DEFERRED__INIT;

	m.change = PB_ID(change);
	m.why = why;
	m.has_content = content.len > 0;
	m.content = PB_BYTES(content);
	played_say(p, WIRE__KIND__DEFERRED, &m.base, BYTES_NONE);
}

static void forget_pending(struct client *c)
{
	world_must(db_begin(copy_db(c->copy)), NULL, "begin");
	world_must(db_run_text(copy_db(c->copy), "DELETE FROM pending", NULL), NULL, "clear");
	world_must(db_commit(copy_db(c->copy)), NULL, "commit");
}

static void test_windows(struct world *w, struct client *c)
{
	static struct played p;
	int64_t refused;

	for (int i = 0; i < 3000; i++)
		make_action(c, &w->partnership,
			    "Subject leaders meet to moderate writing, and share what was found");
	played_begin(&p, c);
	ok(p.frames[WIRE__KIND__HELLO] == 1, "a session begins with Hello");
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == 0, "nothing is pushed before Welcome");
	played_welcome(&p, c, WIRE_VERSION, 0);
	ok(uplink_state(p.up) == UPLINK_READY && p.changes > 0 && !uplink_quiet(p.up),
	   "changes go after it");
	ok(p.bytes > 200 * 1024 && p.bytes <= 256 * 1024, "256 KiB are sent and not answered (%zu)",
	   p.bytes);
	ok(p.largest > 48 * 1024 && p.largest <= 64 * 1024 + 16,
	   "in frames of at most 64 KiB (%zu)", p.largest);
	size_t before = p.changes;
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == before, "no more until one is answered");
	played_judge(&p, &p.last[0], WIRE__VERDICT__REFUSED);
	ok(p.changes == before + 1, "then one more");
	for (size_t i = 1; i < p.changes; i++)
		played_judge(&p, &p.last[i % 4096], WIRE__VERDICT__REFUSED);
	ok(p.changes == 3000 && uplink_quiet(p.up), "all have gone when all are answered (%zu)",
	   p.changes);
	ok(count_pending(c, &refused) == 0 && refused == 3000, "and their verdicts are kept");
	ok(uplink_progress(p.up).sent == 3000 && uplink_progress(p.up).to_send == 3000,
	   "the progress says so");
	played_end(&p);
	forget_pending(c);
}

static void test_stuck(struct world *w, struct client *c)
{
	static struct played p;
	struct cause cause;
	struct id one = make_action(c, &w->partnership, "one"), later, pushed[8];
	int64_t refused;

	set_text(c, &w->partnership, &one, ACTION_TEXT, "after one", NULL, &later, &cause);
	make_action(c, &w->partnership, "other");
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	ok(p.changes == 3, "three changes go");
	memcpy(pushed, p.last, sizeof(pushed));
	played_defer(&p, &pushed[0], WIRE__WAIT__NO_ROOM, BYTES_NONE);
	played_defer(&p, &pushed[1], WIRE__WAIT__EARLIER_MISSING, BYTES_NONE);
	ok(p.changes == 3 && !uplink_quiet(p.up), "those that the server has no room for wait");
	played_judge(&p, &pushed[2], WIRE__VERDICT__REFUSED);
	ok(uplink_quiet(p.up) && count_pending(c, &refused) == 2,
	   "the third is answered; nothing can be sent now");
	struct pending pend;
	copy_pending_next(c->copy, 0, &pend);
	ok(pend.words && pend.state == PENDING_UNSENT, "the outbox says why: %s", pend.words);
	free(pend.words);
	w->now_ms += 29000;
	uplink_wake(p.up);
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == 3, "not before half a minute");
	w->now_ms += 2000;
	uplink_wake(p.up);
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == 5 && id_equal(&p.last[3], &pushed[0]) && id_equal(&p.last[4], &pushed[1]),
	   "then both are tried again, in their order");
	played_judge(&p, &pushed[0], WIRE__VERDICT__REFUSED);
	ok(count_pending(c, &refused) == 0 && refused == 3,
	   "the first is refused, and the one after it waits for it");
	played_defer(&p, &pushed[1], WIRE__WAIT__EARLIER_MISSING, BYTES_NONE);
	w->now_ms += 31000;
	uplink_wake(p.up);
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == 5 && uplink_quiet(p.up), "and is not sent again");
	played_end(&p);
	forget_pending(c);
}

static void test_silence(struct world *w, struct client *c)
{
	static struct played p;
	Wire__Pong pong = WIRE__PONG__INIT;
	Wire__Ping ping = WIRE__PING__INIT;
	char skew[32];

	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	ok(copy_meta_get(c->copy, "clock_skew_ms", skew, sizeof(skew)) == 0 &&
		   strcmp(skew, "1234") == 0,
	   "how far the server's clock is ahead is kept");
	copy_meta_get(c->copy, "server_address", skew, sizeof(skew));
	ok(strcmp(skew, "5pps.example:7655") == 0, "and what invitations say");
	played_say(&p, WIRE__KIND__PING, &ping.base, BYTES_NONE);
	ok(p.frames[WIRE__KIND__PONG] == 1, "a Ping is answered");
	w->now_ms += 31000;
	for (int i = 0; i < 3; i++) {
		uplink_wake(p.up);
		uplink_turn(p.up);
	}
	played_take(&p);
	ok(p.frames[WIRE__KIND__PING] == 1, "half a minute of silence is one Ping");
	played_say(&p, WIRE__KIND__PONG, &pong.base, BYTES_NONE);
	w->now_ms += 31000;
	uplink_wake(p.up);
	played_take(&p);
	ok(p.frames[WIRE__KIND__PING] == 2 && uplink_state(p.up) == UPLINK_READY,
	   "answered, the session goes on");
	w->now_ms += 60000;
	uplink_wake(p.up);
	ok(uplink_state(p.up) == UPLINK_ENDED && uplink_reason(p.up) == WIRE__REASON__IDLE,
	   "a dead line ends it: %s", uplink_words(p.up));
	played_end(&p);
}

static void test_bad_servers(struct client *c)
{
	static struct played p;
	Wire__Bye bye = WIRE__BYE__INIT;
	Wire__Verdicts early = WIRE__VERDICTS__INIT;
	Wire__Feed feed = WIRE__FEED__INIT;
	Wire__Head head = WIRE__HEAD__INIT;
	struct id nowhere = {{7}};
	Wire__Entry entry = WIRE__ENTRY__INIT, *entries = &entry;

	played_begin(&p, c);
	played_say(&p, WIRE__KIND__VERDICTS, &early.base, BYTES_NONE);
	ok(uplink_reason(p.up) == WIRE__REASON__PROTOCOL && p.frames[WIRE__KIND__BYE] == 1,
	   "a server that speaks before Welcome is told so: %s", uplink_words(p.up));
	played_end(&p);
	played_begin(&p, c);
	played_welcome(&p, c, 99, 0);
	ok(uplink_reason(p.up) == WIRE__REASON__VERSION, "another version: %s", uplink_words(p.up));
	played_end(&p);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, -1);
	ok(uplink_reason(p.up) == WIRE__REASON__SET_BACK &&
		   ask_number(c, "SELECT count(*) FROM held") == 4,
	   "one that knows less changes nothing: %s", uplink_words(p.up));
	played_end(&p);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	head.chain = head.signature = PB_ID(&nowhere);
	entry.header = entry.salt = PB_ID(&nowhere);
	feed.space = PB_ID(&nowhere);
	feed.head = &head;
	feed.entries = &entries;
	feed.n_entries = 1;
	played_say(&p, WIRE__KIND__FEED, &feed.base, BYTES_NONE);
	ok(uplink_reason(p.up) == WIRE__REASON__PROTOCOL, "entries of a foreign space: %s",
	   uplink_words(p.up));
	played_end(&p);
	played_begin(&p, c);
	bye.reason = WIRE__REASON__REVOKED;
	played_say(&p, WIRE__KIND__BYE, &bye.base, BYTES_NONE);
	ok(uplink_state(p.up) == UPLINK_ENDED && uplink_reason(p.up) == WIRE__REASON__REVOKED &&
		   *uplink_words(p.up),
	   "a Bye without words gets some: %s", uplink_words(p.up));
	played_say(&p, WIRE__KIND__BYE, &bye.base, BYTES_NONE);
	ok(uplink_turn(p.up) == 0, "what comes after the end is passed over");
	played_end(&p);
	played_begin(&p, c);
	struct frame f = {.kind = WIRE__KIND__WELCOME, .message = BYTES("\xff\xff\xff", 3)};
	uplink_frame(p.up, &f);
	ok(uplink_reason(p.up) == WIRE__REASON__PROTOCOL, "garbage: %s", uplink_words(p.up));
	played_end(&p);
	played_begin(&p, c);
	f.kind = 99;
	uplink_frame(p.up, &f);
	ok(uplink_state(p.up) == UPLINK_OPENING,
	   "a kind of frame that is not known is passed over");
	played_end(&p);
}

/* ---- With a real server --------------------------------------------------------------------- */

struct answer {
	int calls, err;
	char words[200];
};

static void answered(void *arg, int err, const char *words)
{
	struct answer *a = arg;
	a->calls++;
	a->err = err;
	snprintf(a->words, sizeof(a->words), "%s", words);
}

/* A Version of a new document with these bytes; its content. */
static void put_document(struct world *w, struct client *c, size_t n, struct content *content)
{
	char path[256];
	struct buf b = {0};
	struct cause cause;
	struct id document = id_make(&w->env), version = id_make(&w->env), change;

	for (size_t i = 0; i < n; i++)
		buf_add_u8(&b, (uint8_t)(i * 7 + i / 977 + n));
	snprintf(path, sizeof(path), "%.200s/file", w->dir);
	world_must(os_write_file(path, buf_bytes(&b), false, &cause), &cause, "file");
	world_must(take_in(c->copy, path, content, &cause), &cause, "add");
	buf_reset(&b);
	field_add_bytes(&b, 5, BYTES(content->sha, SHA256_LEN));
	struct draft *d = draft_new(c->copy, &w->partnership);
	draft_create(d, TYPE_DOCUMENT, &document);
	put_text(d, 1, "Minutes");
	draft_create(d, TYPE_VERSION, &version);
	put_id(d, 1, &document);
	put_text(d, 2, "minutes.pdf");
	put_number(d, 4, n);
	draft_set(d, 5, buf_bytes(&b));
	buf_reset(&b);
	field_add_bytes(&b, 8, BYTES(content->root, SHA256_LEN));
	if (!content_is_single(content))
		draft_set(d, 8, buf_bytes(&b));
	world_must(draft_save(&d, &change, &cause), &cause, "version");
	buf_fini(&b);
}

static void test_documents(struct world *w, struct client *a, struct client *b)
{
	static const size_t sizes[] = {1, 3 * 1024 * 1024 + 17};
	struct content content, unknown = {.root = {1}, .sha = {1}, .bytes = 5};
	struct answer answer = {0}, none = {0};
	struct cause cause;
	int64_t refused;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_document(w, a, sizes[i], &content);
		ok(client_sync(w, a) && count_pending(a, &refused) == 0 && refused == 0,
		   "a document of %zu bytes is brought up before its version", sizes[i]);
		answer = (struct answer){0};
		client_connect(w, b);
		world_run(w);
		uplink_get(b->up, &content, answered, &answer);
		ok(!uplink_quiet(b->up) && uplink_progress(b->up).bytes_done == 0 &&
			   uplink_progress(b->up).bytes_all == sizes[i],
		   "a document that is asked for is not there yet, and how much is to come is known");
		world_run(w);
		ok(answer.calls == 1 && answer.err == 0 &&
			   contents_verify(b->copy, &content, &cause) == 0 && uplink_quiet(b->up),
		   "it comes down byte for byte %s", answer.words);
		ok(uplink_progress(b->up).bytes_done == sizes[i] &&
			   uplink_progress(b->up).bytes_all == sizes[i],
		   "and each byte counts once");
		uplink_get(b->up, &content, answered, &answer);
		ok(answer.calls == 2 && answer.err == 0, "asked for again it is there at once");
		client_cut(w, b);
	}
	put_document(w, b, sizes[1], &content);
	ok(client_sync(w, b) && count_pending(b, &refused) == 0,
	   "one that the server has is not sent again");
	client_connect(w, b);
	world_run(w);
	uplink_get(b->up, &unknown, answered, &none);
	world_run(w);
	ok(none.calls == 1 && none.err == ERR_MISSING, "one that nobody has: %s", none.words);
	none = (struct answer){0};
	uplink_get(b->up, &unknown, answered, &none);
	client_cut(w, b);
	ok(none.calls == 1 && none.err == ERR_OFFLINE,
	   "one that was under way when the line was lost: %s", none.words);
}

/* A server that says the same over and over costs no memory. */
static void test_told_again(struct world *w, struct client *c)
{
	struct played p = {0};
	struct content content;
	Wire__Granted granted = WIRE__GRANTED__INIT;
	Wire__Lacking lacking = WIRE__LACKING__INIT;
	Wire__At at = WIRE__AT__INIT;
	struct held *held;

	put_document(w, c, 1, &content);
	client_sync(w, c);
	ProtobufCBinaryData root = {SHA256_LEN, content.root};
	must(copy_spaces(c->copy, &held) > 0);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	uint64_t before = uplink_progress(p.up).to_take;
	granted.space = &at;
	at.space = PB_ID(&held->id);
	at.epoch = held->epoch;
	lacking.n_contents = 1;
	lacking.contents = &root;
	for (int i = 0; i < 100; i++) {
		at.number = held->number + 5 + (uint64_t)(i % 2);
		take_on_granted(p.up, &granted);
		recover_on_lacking(p.up, &lacking);
	}
	ok(p.up->n_targets == 1 && uplink_progress(p.up).to_take == before + 6,
	   "a space that is granted over and over is awaited once");
	ok(p.up->recover.lacking.len == SHA256_LEN, "a document that is lacking is sent once");
	played_end(&p);
	free(held);
}

static void test_document_that_is_gone(struct world *w, struct client *a)
{
	struct content content;
	int64_t refused;
	struct pending p;

	put_document(w, a, 5000, &content);
	must(copy_begin(a->copy) == 0 &&
	     store_content_forget(copy_store(a->copy), content.root) == 0 &&
	     copy_commit(a->copy) == 0);
	struct id other = make_action(a, &w->partnership, "goes all the same");
	ok(client_sync(w, a) && count_pending(a, &refused) == 1,
	   "a version whose bytes are gone stays, others go");
	copy_pending_next(a->copy, 0, &p);
	ok(p.words != NULL, "the outbox says why: %s", p.words);
	free(p.words);
	ok(ask_number(a, "SELECT count(*) FROM \"action\" WHERE text = 'goes all the same' AND "
			 "number > 0") == 1,
	   "the other is accepted");
	(void)other;
	put_document(w, a, 5000, &content);
	ok(client_sync(w, a) && count_pending(a, &refused) == 0, "brought again, both versions go");
}

static void test_invitations(struct world *w, struct client *a, struct client *b)
{
	uint8_t invitation[16] = {3}, verifier[32] = {4};
	uint64_t expires = 0;
	struct answer answer = {0};

	uplink_free(&a->up);
	client_connect(w, a);
	uplink_invite(a->up, &w->person, &w->school, invitation, verifier, &expires, answered,
		      &answer);
	ok(answer.err == ERR_OFFLINE, "before Welcome nothing can be asked: %s", answer.words);
	world_run(w);
	answer = (struct answer){0};
	uplink_invite(a->up, &b->person, &w->school, invitation, verifier, &expires, answered,
		      &answer);
	ok(answer.calls == 0 && !uplink_quiet(a->up), "an administrator asks for an invitation");
	world_run(w);
	ok(answer.calls == 1 && answer.err == 0 && expires > w->now_ms && uplink_quiet(a->up),
	   "and gets it %s", answer.words);
	client_cut(w, a);
	client_connect(w, b);
	world_run(w);
	answer = (struct answer){0};
	invitation[1] = 1;
	uplink_invite(b->up, &b->person, &w->school, invitation, verifier, NULL, answered, &answer);
	world_run(w);
	client_cut(w, b);
	ok(answer.calls == 1 && answer.err < 0, "somebody else does not: %s", answer.words);
}

static void test_two_sessions(struct world *w, struct client *a)
{
	struct client twin = *a;

	client_connect(w, a);
	world_run(w);
	client_connect(w, &twin);
	client_step(w, &twin);
	world_run(w);
	ok(uplink_state(a->up) == UPLINK_ENDED && uplink_reason(a->up) == WIRE__REASON__REPLACED,
	   "a second session of a device ends the first: %s", uplink_words(a->up));
	client_cut(w, a);
	client_cut(w, &twin);
}

/* The line is lost at every possible frame: in the end all is there once. */
static void test_cuts(struct world *w, struct client *a, struct client *b)
{
	int64_t before = ask_number(a, "SELECT count(*) FROM \"action\""), refused;

	for (int cut = 0; cut < 12; cut++) {
		struct frame f;
		int frames = 0;
		make_action(a, &w->partnership, "cut");
		client_connect(w, a);
		for (int round = 0; round < 6 && frames < cut; round++) {
			while (frames < cut && pipe_take(&a->pipe.ends[1], &f) > 0) {
				session_frame(a->session, &f);
				frames++;
			}
			area_turn(w->area);
			while (frames < cut && pipe_take(&a->pipe.ends[0], &f) > 0) {
				uplink_frame(a->up, &f);
				frames++;
			}
			if (frames < cut)
				uplink_turn(a->up);
		}
		client_cut(w, a);
	}
	client_sync(w, a);
	client_sync(w, b);
	ok(ask_number(b, "SELECT count(*) FROM \"action\"") == before + 12 &&
		   count_pending(a, &refused) == 0,
	   "whenever the line is cut, each change is there once");
	ok(same_digest(a->copy, b->copy, &w->partnership) && is_sound(a), "and the copies agree");
}

/* ---- What is held --------------------------------------------------------------------------- */

/* The changes that wait here, as a list for those who decide; `n` of them from the first on. */
static void played_held(struct played *p, struct client *c, const struct id *space, size_t n,
			bool goes_on)
{
	Wire__HeldList m = WIRE__HELD_LIST__INIT;
	Wire__HeldChange changes[4], *list[4];
	struct buf bytes[4] = {{0}};
	struct id device = {{7}};
	struct pending pend = {0};

	m.space = PB_ID(space);
	m.changes = list;
	m.has_goes_on = m.goes_on = goes_on;
	while (m.n_changes < n && copy_pending_next(c->copy, pend.seq, &pend) == 1) {
		size_t i = m.n_changes++;
		free(pend.words);
		buf_add_bytes(&bytes[i], pend.bytes);
		wire__held_change__init(&changes[i]);
		changes[i].change = PB_BYTES(bytes[i]);
		changes[i].device = PB_ID(&device);
		changes[i].time_ms = 1570000000000;
		list[i] = &changes[i];
	}
	played_say(p, WIRE__KIND__HELD_LIST, &m.base, BYTES_NONE);
	for (size_t i = 0; i < n; i++)
		buf_fini(&bytes[i]);
}

static void played_decided(struct played *p, const struct id *change, int verdict)
{
	Wire__Decided m = WIRE__DECIDED__INIT;

	m.change = PB_ID(change);
	m.has_verdict = verdict != 0;
	m.verdict = (Wire__Verdict)verdict;
	m.words = (char *)"in words";
	played_say(p, WIRE__KIND__DECIDED, &m.base, BYTES_NONE);
}

static int64_t held_here(struct client *c)
{
	int64_t own, here = -1;
	copy_held_counts(c->copy, &own, &here);
	return here;
}

static int64_t held_own(struct client *c)
{
	int64_t own = -1, here;
	copy_held_counts(c->copy, &own, &here);
	return own;
}

static void test_held(struct world *w, struct client *c)
{
	static struct played p;
	struct cause cause;
	struct id one = make_action(c, &w->partnership, "held"), later, pushed[8];
	int64_t refused;

	set_text(c, &w->partnership, &one, ACTION_TEXT, "on top of it", NULL, &later, &cause);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	memcpy(pushed, p.last, sizeof(pushed));
	played_judge(&p, &pushed[0], WIRE__VERDICT__HELD);
	played_judge(&p, &pushed[1], WIRE__VERDICT__HELD);
	ok(uplink_quiet(p.up) && count_pending(c, &refused) == 0 && refused == 0 &&
		   held_own(c) == 2,
	   "what the server holds is neither unsent nor refused");
	ok(copy_record(c->copy, &one, VIEW_SHOWN, &(struct arena){0}, &(struct record){0}, NULL) ==
		   ERR_MISSING,
	   "and is shown as no record");
	uplink_wake(p.up);
	uplink_turn(p.up);
	played_take(&p);
	ok(p.changes == 2, "it is not sent again in this session");
	played_end(&p);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	ok(p.changes == 2 && id_equal(&p.last[0], &pushed[0]), "but once in the next");
	played_judge(&p, &pushed[0], WIRE__VERDICT__HELD);
	played_judge(&p, &pushed[1], WIRE__VERDICT__REFUSED);
	ok(held_own(c) == 1 && count_pending(c, &refused) == 0 && refused == 1 && is_sound(c),
	   "where it hears what became of it");
	played_judge(&p, &pushed[0], WIRE__VERDICT__APPLIED);
	ok(held_own(c) == 1, "one that is said to be accepted is kept until its entry is here");
	played_end(&p);
	forget_pending(c);
}

static void test_deciding(struct world *w, struct client *c)
{
	static struct played p;
	struct answer a = {0};
	enum verdict verdict = VERDICT_APPLIED;
	struct held_here h = {0};
	struct arena arena;

	make_action(c, &w->partnership, "one");
	make_action(c, &w->partnership, "two");
	make_action(c, &w->partnership, "three");
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	played_held(&p, c, &w->partnership, 2, false);
	ok(held_here(c) == 2, "a list of held changes is kept");
	played_held(&p, c, &w->partnership, 3, true);
	ok(held_here(c) == 3, "what goes on is added, each change once");
	played_held(&p, c, &w->partnership, 2, false);
	ok(held_here(c) == 2 && is_sound(c), "a list that begins anew replaces it");
	arena_init(&arena, ARENA_NO_BUDGET);
	copy_held_next(c->copy, 0, &arena, &h);
	uplink_decide(p.up, &h.change, true, NULL, &verdict, answered, &a);
	uplink_decide(p.up, &h.change, true, NULL, &verdict, answered, &a);
	ok(a.calls == 1 && a.err == ERR_AGAIN, "one decision is open at a time");
	played_decided(&p, &(struct id){{3}}, VERDICT_APPLIED);
	ok(a.calls == 1, "the answer to another is none to this");
	played_decided(&p, &h.change, 0);
	ok(a.calls == 2 && a.err == ERR_INVALID && strcmp(a.words, "in words") == 0 &&
		   held_here(c) == 2,
	   "where nothing was decided it is told why, and the change stays");
	uplink_decide(p.up, &h.change, true, NULL, &verdict, answered, &a);
	played_decided(&p, &h.change, VERDICT_CONFLICT);
	ok(a.calls == 3 && a.err == 0 && verdict == VERDICT_CONFLICT && held_here(c) == 1,
	   "what was decided is held no more");
	uplink_decide(p.up, &h.change, true, NULL, &verdict, answered, &a);
	played_end(&p);
	ok(a.calls == 4 && a.err == ERR_OFFLINE, "a line that ends before the answer says so");
	played_begin(&p, c);
	ok(held_here(c) == 1, "without a line the list is still here");
	played_welcome(&p, c, WIRE_VERSION, 0);
	ok(held_here(c) == 0, "a session begins without one");
	played_held(&p, c, &(struct id){{9}}, 1, false);
	ok(uplink_reason(p.up) == WIRE__REASON__PROTOCOL && held_here(c) == 0,
	   "a list of a space that is not held ends the session");
	played_end(&p);
	arena_fini(&arena);
	played_begin(&p, c);
	played_welcome(&p, c, WIRE_VERSION, 0);
	for (size_t i = 0; i < 3; i++)
		played_judge(&p, &p.last[i], WIRE__VERDICT__REFUSED);
	played_end(&p);
	forget_pending(c);
}

int main(void)
{
	static struct world w;

	log_sink_set(log_nothing);
	world_init(&w, "uplink");
	struct client *a = world_join(&w, &w.person, &w.school);
	client_sync(&w, a);
	struct id head = world_person(&w, a, "Ben Carter", 1);
	struct client *b = world_join(&w, &head, &w.school);
	client_sync(&w, b);
	make_action(a, &w.partnership, "so that no space is empty");
	client_sync(&w, a);
	test_windows(&w, a);
	test_stuck(&w, a);
	test_held(&w, a);
	test_deciding(&w, a);
	test_silence(&w, a);
	test_bad_servers(a);
	test_documents(&w, a, b);
	test_told_again(&w, a);
	test_document_that_is_gone(&w, a);
	test_invitations(&w, a, b);
	test_two_sessions(&w, a);
	test_cuts(&w, a, b);
	world_fini(&w);
	return tap_end();
}
