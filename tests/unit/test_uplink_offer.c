/*
 * Documents on their way up, to a server that is played by the test: how much goes before an answer
 * comes, whose turn it is, what happens to a chunk that is half sent, and limits.
 */
#include "client/contents.h"
#include "client/intake.h"
#include "common/pace.h"
#include "tests/unit/paper.h"
#include "tests/unit/world.h"

enum { SEEN = 8192 };

/* A Chunk that came, or a part of one. */
struct sight {
	uint8_t hash[SHA256_LEN];
	uint32_t size, offset, bytes;
};

struct played {
	struct pipe pipe;
	struct uplink *up;
	struct arena arena;
	struct sight seen[SEEN];
	size_t n, bytes, n_marks, offers, cancels, pushes, changes;
	uint64_t mark;	/* the last that came, */
	uint64_t came;	/* the last answer to one of ours, */
	uint64_t limit; /* and what the client would have us hold to */
	struct buf raw; /* of the chunks, one behind the other */
};

static void played_chunk(struct played *p, const struct frame *f)
{
	const Wire__Chunk *m =
		(Wire__Chunk *)frame_unpack(f, &wire__chunk__descriptor, &p->arena, NULL);
	struct sight *s = &p->seen[p->n++];

	must(m && p->n < SEEN);
	memcpy(s->hash, m->chunk.data, SHA256_LEN);
	s->size = m->has_size ? m->size : (uint32_t)f->raw.len;
	s->offset = m->offset;
	s->bytes = (uint32_t)f->raw.len;
	p->bytes += f->raw.len;
	buf_add_bytes(&p->raw, f->raw);
	if (m->has_mark) {
		p->mark = m->mark;
		p->n_marks++;
	}
}

static void played_take(struct played *p)
{
	struct frame f;

	while (pipe_take(&p->pipe.ends[1], &f) > 0) {
		arena_reset(&p->arena);
		if (f.kind == WIRE__KIND__CHUNK)
			played_chunk(p, &f);
		p->offers += f.kind == WIRE__KIND__OFFER;
		p->cancels += f.kind == WIRE__KIND__CANCEL;
		p->pushes += f.kind == WIRE__KIND__PUSH;
		if (f.kind == WIRE__KIND__PUSH)
			p->changes += ((Wire__Push *)frame_unpack(&f, &wire__push__descriptor,
								  &p->arena, NULL))->n_changes;
		if (f.kind != WIRE__KIND__PACE)
			continue;
		const Wire__Pace *m =
			(Wire__Pace *)frame_unpack(&f, &wire__pace__descriptor, &p->arena, NULL);
		p->came = m->has_came ? m->came : p->came;
		p->limit = m->has_limit ? m->limit : p->limit;
	}
}

static void played_turn(struct played *p)
{
	uplink_turn(p->up);
	played_take(p);
}

static void played_say(struct played *p, Wire__Kind kind, const void *m, struct bytes raw)
{
	struct frame f;

	link_send(&p->pipe.ends[1].link, kind, m, raw);
	while (pipe_take(&p->pipe.ends[0], &f) > 0)
		uplink_frame(p->up, &f);
	played_turn(p);
}

/* A session in which the server answers marks, or does not. */
static void played_begin(struct played *p, struct client *c, bool marks)
{
	Wire__Welcome m = WIRE__WELCOME__INIT;
	struct held *held;
	Wire__At at[8], *list[8];
	int n = copy_spaces(c->copy, &held);

	*p = (struct played){0};
	pipe_init(&p->pipe);
	arena_init(&p->arena, FRAME_BUDGET);
	p->up = uplink_new(c->copy, &p->pipe.ends[0].link);
	played_take(p);
	m.version = WIRE_VERSION;
	m.spaces = list;
	for (int i = 0; i < n; i++) {
		wire__at__init(&at[i]);
		at[i].space = PB_ID(&held[i].id);
		at[i].epoch = held[i].epoch;
		at[i].number = held[i].number;
		list[m.n_spaces++] = &at[i];
	}
	m.has_marks = m.marks = marks;
	played_say(p, WIRE__KIND__WELCOME, &m.base, BYTES_NONE);
	free(held);
}

static void played_end(struct played *p)
{
	uplink_free(&p->up);
	pipe_fini(&p->pipe);
	arena_fini(&p->arena);
	buf_fini(&p->raw);
}

static void want(struct played *p, const struct content *c, const ProtobufCBinaryData *chunks,
		 size_t n)
{
	Wire__Want m = WIRE__WANT__INIT;

	m.root = PB_BYTES(BYTES(c->root, SHA256_LEN));
	m.chunks = (ProtobufCBinaryData *)chunks;
	m.n_chunks = n;
	played_say(p, WIRE__KIND__WANT, &m.base, BYTES_NONE);
}

/* All from a chunk on. Bytes of what stands before it. */
static uint64_t want_from(struct played *p, const struct paper *paper, size_t first)
{
	ProtobufCBinaryData chunks[256];
	struct node root;
	struct entry_of e[256];
	uint64_t before = 0;
	size_t n = 0;

	must(node_read(&root, paper_find(paper, paper->content.root)) == 0 && root.level == 1);
	for (; n < root.n; n++) {
		node_entry(&root, n, &e[n]);
		chunks[n] = PB_BYTES(BYTES(e[n].hash, SHA256_LEN));
		before += n < first ? e[n].bytes : 0;
	}
	must(first < n);
	want(p, &paper->content, chunks + first, n - first);
	return before;
}

/* All of it but the list. */
static void want_all(struct played *p, const struct paper *paper)
{
	want_from(p, paper, 0);
}

static void answer(struct played *p)
{
	Wire__Pace m = WIRE__PACE__INIT;

	m.has_came = true;
	m.came = p->mark;
	played_say(p, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

/* A Version of a new document with these bytes. */
static void put(struct world *w, struct client *c, const struct paper *paper)
{
	char path[256];
	struct buf b = {0};
	struct cause cause;
	struct content content;
	struct id document = id_make(&w->env), version = id_make(&w->env), change;

	snprintf(path, sizeof(path), "%.200s/file", w->dir);
	world_must(os_write_file(path, buf_bytes(&paper->data), false, &cause), &cause, "file");
	struct intake *in = intake_new(c->copy, NULL, NULL);
	world_must(intake_file(in, path, &content, &cause), &cause, "read");
	world_must(intake_keep(in, &cause), &cause, "keep");
	intake_free(&in);
	must(memcmp(content.root, paper->content.root, SHA256_LEN) == 0);
	struct draft *d = draft_new(c->copy, &w->partnership);
	draft_create(d, TYPE_DOCUMENT, &document);
	put_text(d, 1, "Minutes");
	draft_create(d, TYPE_VERSION, &version);
	put_id(d, 1, &document);
	put_text(d, 2, "minutes.pdf");
	put_number(d, 4, content.bytes);
	field_add_bytes(&b, 5, BYTES(content.sha, SHA256_LEN));
	draft_set(d, 5, buf_bytes(&b));
	buf_reset(&b);
	field_add_bytes(&b, 8, BYTES(content.root, SHA256_LEN));
	if (!content_is_single(&content))
		draft_set(d, 8, buf_bytes(&b));
	world_must(draft_save(&d, &change, &cause), &cause, "version");
	buf_fini(&b);
}

static void forget_pending(struct client *c)
{
	world_must(db_begin(copy_db(c->copy)), NULL, "begin");
	world_must(db_run_text(copy_db(c->copy), "DELETE FROM pending", NULL), NULL, "clear");
	world_must(db_commit(copy_db(c->copy)), NULL, "commit");
}

static void test_window(struct world *w, struct client *c, const struct paper *paper)
{
	static struct played p;
	size_t most = 0, flight = 0, bytes = 0;

	played_begin(&p, c, true);
	ok(p.offers == 1 && p.limit == 0, "a document is offered");
	want_all(&p, paper);
	ok(p.n == 1 && p.bytes == PACE_PART && p.n_marks == 1 && p.seen[0].size > PACE_PART,
	   "a small part goes first, with a mark");
	make_action(c, &w->partnership, "meanwhile");
	uplink_wake(p.up);
	played_turn(&p);
	ok(p.pushes == 1 && p.n == 1, "an edit goes at once; the document waits for an answer");
	for (int i = 0; i < 5000 && p.bytes < paper->content.bytes; i++) {
		flight = p.bytes - bytes;
		most = flight > most ? flight : most;
		bytes = p.bytes;
		w->now_ms += 30 + flight * 1000 / 62500; /* half a megabit */
		answer(&p);
	}
	ok(most <= 12000, "on a slow line little is on its way at once (%zu bytes)", most);
	ok(bytes_equal(buf_bytes(&p.raw), buf_bytes(&paper->data)),
	   "and all of it comes, part behind part");
	p.mark++;
	answer(&p);
	ok(uplink_state(p.up) == UPLINK_ENDED && uplink_reason(p.up) == WIRE__REASON__PROTOCOL,
	   "a server that answers what was not sent is left: %s", uplink_words(p.up));
	played_end(&p);
}

/* A chunk that is half sent when the person would have the line for other things. */
static void test_pause(struct client *c, const struct paper *paper)
{
	static struct played p;

	played_begin(&p, c, true);
	want_all(&p, paper);
	answer(&p);
	struct sight before = p.seen[p.n - 1];
	ok(before.offset + before.bytes < before.size, "a chunk is half sent");
	must(contents_pause(c->copy, true) == 0);
	uplink_wake(p.up);
	answer(&p);
	ok(p.cancels == 1 && memcmp(&p.seen[p.n - 1], &before, sizeof(before)) == 0,
	   "paused, it is taken back, and nothing more of it goes");
	must(contents_pause(c->copy, false) == 0);
	uplink_wake(p.up);
	played_turn(&p);
	size_t n = p.n;
	want_all(&p, paper);
	ok(p.offers == 2 && p.n > n && p.seen[n].offset == 0 &&
		   memcmp(p.seen[n].hash, before.hash, SHA256_LEN) == 0,
	   "resumed, that chunk goes from its beginning");
	played_end(&p);
}

static void test_turns(struct client *c, const struct paper *large, const struct paper *small)
{
	static struct played p;
	ProtobufCBinaryData root = PB_BYTES(BYTES(small->content.root, SHA256_LEN));
	size_t at = 0, before = 0;

	played_begin(&p, c, true);
	must(p.offers == 2);
	want_all(&p, large);
	while (p.bytes < 100000)
		answer(&p);
	before = p.bytes;
	want(&p, &small->content, &root, 1);
	for (int i = 0; i < 5000 && p.bytes < large->content.bytes; i++)
		answer(&p);
	while (at < p.n && memcmp(p.seen[at].hash, small->content.root, SHA256_LEN) != 0)
		at++;
	size_t until = 0;
	for (size_t i = 0; i < at; i++)
		until += p.seen[i].bytes;
	ok(at < p.n && until - before <= 2 * CHUNK_MAX,
	   "a small document goes behind a chunk or two of a large one (%zu bytes)",
	   until - before);
	bool apart = true; /* no chunk begins before the one before it is whole */
	for (size_t i = 1; i < p.n; i++)
		apart = apart &&
			(p.seen[i].offset == 0
				 ? p.seen[i - 1].offset + p.seen[i - 1].bytes == p.seen[i - 1].size
				 : p.seen[i].offset == p.seen[i - 1].offset + p.seen[i - 1].bytes);
	ok(apart, "and the parts of a chunk stay together");
	played_end(&p);
	played_begin(&p, c, false);
	want_all(&p, large);
	ok(p.n_marks == 0 && p.n > 1 && p.seen[0].bytes == p.seen[0].size,
	   "to a server that answers no marks whole chunks go, without any");
	played_end(&p);
}

static void test_limit(struct world *w, struct client *c, const struct paper *paper)
{
	static struct played p;

	must(contents_set_limit(c->copy, 20000) == 0);
	played_begin(&p, c, false);
	ok(p.limit == 20000, "the server is told of a limit");
	want_all(&p, paper);
	uint64_t began = w->now_ms;
	ok(p.bytes > 0 && p.bytes <= 2000 && uplink_rest_ms(p.up) > 0,
	   "a step goes at once, and it is known when the next may");
	while (p.bytes < 200000) {
		uint64_t rest = uplink_rest_ms(p.up);
		w->now_ms += rest ? rest : 1000;
		played_turn(&p);
	}
	ok(w->now_ms - began >= 9500 && w->now_ms - began <= 11000,
	   "200,000 bytes take ten seconds of 20,000 (%d ms)", (int)(w->now_ms - began));
	uplink_limit(p.up, 50000);
	played_turn(&p);
	ok(p.limit == 50000, "a limit for this session comes before it");
	uplink_limit(p.up, 0);
	must(contents_set_limit(c->copy, 0) == 0);
	uplink_wake(p.up);
	for (int i = 0; i < 50; i++)
		played_turn(&p);
	ok(p.limit == 0 && p.bytes == paper->content.bytes && uplink_rest_ms(p.up) == 0,
	   "and one that is taken back in the middle holds no more, on either side");
	played_end(&p);
}

/* What the person is told of a document that is being sent. */
static uint64_t told(struct world *w, struct played *p, struct client *c, const struct paper *paper)
{
	uint64_t sent, all;

	w->now_ms += 1000; /* it is noted once a second */
	played_turn(p);
	must(contents_sending(c->copy, paper->content.root, &sent, &all) == 1 &&
	     all == paper->content.bytes);
	return sent;
}

/* What has no mark behind it is not known to have come. */
static bool is_most(uint64_t bytes, const struct paper *paper)
{
	return bytes + CHUNK_MAX > paper->content.bytes && bytes <= paper->content.bytes;
}

static void missing(struct played *p, const struct paper *paper)
{
	Wire__Missing m = WIRE__MISSING__INIT;

	m.name = PB_BYTES(BYTES(paper->content.root, SHA256_LEN));
	m.words = (char *)"the server's disk is full";
	played_say(p, WIRE__KIND__MISSING, &m.base, BYTES_NONE);
}

/* How far the server is with a document, where it has some of it, and where its disk is full and it
 * loses what came. */
static void test_reach(struct world *w, struct client *c, const struct paper *paper)
{
	static struct played p;
	struct uplink_progress is;

	played_begin(&p, c, true);
	uint64_t before = want_from(&p, paper, 3);
	ok(told(w, &p, c, paper) == before,
	   "what stands before the first chunk that is asked for is there (%d bytes)", (int)before);
	while (p.seen[p.n - 1].offset + p.seen[p.n - 1].bytes < p.seen[p.n - 1].size)
		answer(&p);
	uint64_t gone = p.bytes;
	uint64_t first = told(w, &p, c, paper);
	ok(first < before + gone, "a chunk is not while nobody says that it came");
	answer(&p);
	uint64_t then = told(w, &p, c, paper);
	ok(then > first && then <= before + gone, "then it is (%d bytes)", (int)(then - before));
	for (int i = 0; i < 5000 && p.bytes < paper->content.bytes - before; i++)
		answer(&p);
	answer(&p);
	is = uplink_progress(p.up);
	ok(is.bytes_done == paper->content.bytes - before && is.bytes_all == is.bytes_done,
	   "what is carried is counted, and what need not be is not");
	ok(is_most(told(w, &p, c, paper), paper), "all of it has come, but for the last marks");
	missing(&p, paper);
	ok(is_most(contents_sent(c->copy, paper->content.root), paper),
	   "that it was not kept is not known yet");
	played_end(&p);
	played_begin(&p, c, true);
	before = want_from(&p, paper, 1);
	ok(told(w, &p, c, paper) == before, "what is asked for again is not there");
	for (int i = 0; i < 5000 && p.bytes < paper->content.bytes - before; i++)
		answer(&p);
	answer(&p);
	ok(is_most(told(w, &p, c, paper), paper), "until it has come again");
	size_t n = p.n;
	want_from(&p, paper, 2);
	answer(&p);
	ok(p.n > n && told(w, &p, c, paper) <= paper->content.bytes,
	   "nor is it more than all, whatever is asked for twice");
	played_end(&p);
	played_begin(&p, c, false);
	before = want_from(&p, paper, 4);
	ok(told(w, &p, c, paper) == paper->content.bytes,
	   "a server that says nothing of what came has it when it has gone");
	played_end(&p);
}

static struct id pending_change(struct client *c)
{
	struct db_stmt *st =
		db_query(copy_db(c->copy), "SELECT change FROM pending ORDER BY seq LIMIT 1", "");
	struct id change;

	must(db_step(st) == 1 && db_id(st, 0, &change));
	db_reset(st);
	return change;
}

static void note_sent(struct client *c, const struct paper *paper, uint64_t sent)
{
	must(copy_begin(c->copy) == 0 &&
	     contents_note_sent(c->copy, paper->content.root, sent) == 0 &&
	     copy_commit(c->copy) == 0);
}

/* How far a document is concerns nobody once no change names it. */
static void test_given_up(struct world *w, struct client *c, const struct paper *paper)
{
	static struct played p;
	const uint8_t *root = paper->content.root;
	struct cause cause;
	struct id change;

	put(w, c, paper);
	put(w, c, paper);
	note_sent(c, paper, 5000);
	change = pending_change(c);
	ok(copy_pending_drop(c->copy, &change, &cause) == 0 && contents_sent(c->copy, root) == 5000,
	   "how far a document is stays noted while another change names it");
	change = pending_change(c);
	ok(copy_pending_drop(c->copy, &change, &cause) == 0 && contents_sent(c->copy, root) == 0,
	   "with the last that is given up it is forgotten");
	put(w, c, paper);
	played_begin(&p, c, true);
	want_from(&p, paper, 3);
	ok(told(w, &p, c, paper) > 0, "while it is sent it is noted");
	size_t cancels = p.cancels;
	forget_pending(c);
	uplink_wake(p.up);
	played_turn(&p);
	ok(p.cancels > cancels && contents_sent(c->copy, root) == 0,
	   "but not of one that is given up meanwhile");
	played_end(&p);
	note_sent(c, paper, 5000);
	played_begin(&p, c, true);
	played_end(&p);
	ok(contents_sent(c->copy, root) == 0, "what was left behind goes with the next session");
}

/* A mark that the server sends, on a chunk that nobody waits for. */
static void test_answer(struct client *c)
{
	static struct played p;
	Wire__Chunk m = WIRE__CHUNK__INIT;
	uint8_t name[SHA256_LEN] = {1};

	played_begin(&p, c, true);
	m.chunk = PB_BYTES(BYTES(name, SHA256_LEN));
	m.raw = 3;
	m.has_mark = true;
	m.mark = 4711;
	played_say(&p, WIRE__KIND__CHUNK, &m.base, BYTES("abc", 3));
	ok(p.came == 4711, "a mark is answered, whatever the chunk is worth");
	played_end(&p);
}

static void stored(struct played *p, const struct content *c)
{
	Wire__Stored m = WIRE__STORED__INIT;
	ProtobufCBinaryData root = PB_BYTES(BYTES(c->root, SHA256_LEN));

	m.roots = &root;
	m.n_roots = 1;
	played_say(p, WIRE__KIND__STORED, &m.base, BYTES_NONE);
}

/* More documents than are offered at once; the first and the last are the same bytes. */
static void test_many(struct world *w, struct client *c)
{
	enum { MANY = 258 };
	static struct played p;
	static struct paper *papers[MANY];

	for (int i = 0; i < MANY - 1; i++) {
		papers[i] = paper_new(100 + (uint64_t)i, 50);
		put(w, c, papers[i]);
	}
	put(w, c, papers[0]);
	played_begin(&p, c, true);
	ok(p.offers == 256 && p.pushes == 0, "256 documents are offered at once, and no more");
	ok(uplink_progress(p.up).bytes_all == MANY * 50,
	   "what is told of how far they are counts those behind them too");
	stored(&p, &papers[0]->content);
	ok(p.offers == 257 && p.pushes == 1,
	   "where one is stored its change goes, and the next is offered");
	stored(&p, &papers[1]->content);
	played_turn(&p);
	ok(p.offers == 257 && p.changes == 3,
	   "what waits for bytes that are stored already is not offered: it goes (%zu)", p.changes);
	played_end(&p);
	forget_pending(c);
	for (int i = 0; i < MANY - 1; i++)
		paper_free(papers[i]);
}

/* What the server did not take is offered again, later. */
static void test_again(struct world *w, struct client *c)
{
	static struct played p;
	struct paper *first = paper_new(500, 50), *gone = paper_new(501, 50);
	Wire__Missing missing = WIRE__MISSING__INIT;

	put(w, c, first);
	put(w, c, gone);
	played_begin(&p, c, true);
	stored(&p, &first->content);
	ok(p.changes == 1, "one of two is stored, and its change goes");
	missing.name = PB_BYTES(BYTES(gone->content.root, SHA256_LEN));
	missing.words = (char *)"no";
	played_say(&p, WIRE__KIND__MISSING, &missing.base, BYTES_NONE);
	ok(p.changes == 1 && !uplink_quiet(p.up), "the other is not taken, and waits for a while");
	w->now_ms += 31 * 1000;
	uplink_wake(p.up);
	played_turn(&p);
	ok(p.offers == 3, "then it is offered again");
	played_end(&p);
	forget_pending(c);
	paper_free(first);
	paper_free(gone);
}

int main(void)
{
	static struct world w;
	struct paper *large = paper_new(40, 600000), *small = paper_new(41, 9000);

	world_init(&w, "offer");
	struct client *c = world_join(&w, &w.person, &w.school);
	must(client_sync(&w, c));
	put(&w, c, large);
	test_window(&w, c, large);
	forget_pending(c);
	put(&w, c, large);
	test_pause(c, large);
	test_limit(&w, c, large);
	test_reach(&w, c, large);
	put(&w, c, small);
	test_turns(c, large, small);
	test_answer(c);
	forget_pending(c);
	test_given_up(&w, c, large);
	test_many(&w, c);
	test_again(&w, c);
	world_fini(&w);
	paper_free(large);
	paper_free(small);
	return tap_end();
}
