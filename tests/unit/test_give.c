/*
 * Documents on their way to a client: as much as its line takes without a queue, no faster than it
 * asked for, and none behind all of another.
 */
#include "common/pace.h"
#include "server/feed.h"
#include "server/session.h"
#include "server/shelf.h"
#include "server/turn.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

/* On the server, and named by a Version in the staff's own space. */
static void publish(struct stage *s, const struct paper *paper)
{
	offer(&s->staff, paper);
	answer(&s->staff, paper, SIZE_MAX);
	must(s->staff.stored == 1);
	push_version(&s->staff, &s->own, &paper->content);
}

/* Ask for all that a list of one level names, without a turn. */
static void ask_by(struct peer *p, const struct paper *paper, const uint8_t parent[SHA256_LEN])
{
	Wire__Get m = WIRE__GET__INIT;
	ProtobufCBinaryData names[256];
	struct node list;
	struct entry_of e[256];

	must(node_read(&list, paper_find(paper, parent)) == 0 && list.level == 1 && list.n <= 256);
	for (m.n_chunks = 0; m.n_chunks < list.n; m.n_chunks++) {
		node_entry(&list, m.n_chunks, &e[m.n_chunks]);
		names[m.n_chunks] = PB_BYTES(BYTES(e[m.n_chunks].hash, SHA256_LEN));
	}
	m.chunks = names;
	m.has_parent = m.has_root = true;
	m.parent = PB_BYTES(BYTES(parent, SHA256_LEN));
	m.root = PB_BYTES(BYTES(paper->content.root, SHA256_LEN));
	peer_send(p, WIRE__KIND__GET, &m.base, BYTES_NONE);
}

static void ask(struct peer *p, const struct paper *paper)
{
	buf_reset(&p->content);
	p->missing = p->chunks = p->n_marks = 0;
	ask_by(p, paper, paper->content.root);
}

static void came(struct peer *p, uint64_t mark)
{
	Wire__Pace m = WIRE__PACE__INIT;

	m.has_came = true;
	m.came = mark;
	peer_send(p, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

static void limit(struct peer *p, uint64_t bytes_s)
{
	Wire__Pace m = WIRE__PACE__INIT;

	m.has_limit = true;
	m.limit = bytes_s;
	peer_send(p, WIRE__KIND__PACE, &m.base, BYTES_NONE);
}

static void again(struct stage *s, bool marks)
{
	peer_cut(&s->staff);
	bed_turn(&s->b);
	peer_connect(&s->staff);
	s->staff.marks = marks;
	s->staff.bye = 0;
	peer_hello(&s->staff);
}

static void test_window(struct stage *s, const struct paper *paper)
{
	struct peer *p = &s->staff;
	size_t before = 0, most = 0, turns = 0;

	again(s, true);
	ask(p, paper);
	bed_turn(&s->b);
	ok(p->chunks == 1 && p->content.len == PACE_PART && p->n_marks == 1,
	   "the first part is small, and has a mark");
	for (int i = 0; i < 3; i++)
		bed_turn(&s->b);
	ok(p->chunks == 1, "and nothing follows before that is answered");
	while (p->content.len < paper->content.bytes && turns++ < 5000) {
		s->b.now_ms += 30 + (p->content.len - before) * 1000 / 62500; /* half a megabit */
		before = p->content.len;
		came(p, p->mark);
		bed_turn(&s->b);
		most = p->content.len - before > most ? p->content.len - before : most;
	}
	ok(bytes_equal(buf_bytes(&p->content), buf_bytes(&paper->data)),
	   "answer by answer all of it comes, in parts that are one behind the other");
	ok(most <= 12000 && p->missing == 0,
	   "of which never more is on its way than a slow line bears (%zu bytes)", most);
	came(p, p->mark + 1);
	bed_turn(&s->b);
	ok(p->bye == WIRE__REASON__PROTOCOL, "who answers what was not sent breaks the protocol");
}

static void test_fast(struct stage *s, const struct paper *paper)
{
	struct peer *p = &s->staff;
	size_t turns = 0;

	again(s, true);
	ask(p, paper);
	while (p->content.len < paper->content.bytes && turns++ < 5000) {
		bed_turn(&s->b);
		came(p, p->mark);
		s->b.now_ms += 1;
	}
	ok(p->content.len == paper->content.bytes && turns < 40,
	   "on a fast line it is there after few answers (%zu)", turns);
	again(s, false);
	ask(p, paper);
	for (turns = 0; p->content.len < paper->content.bytes && turns < 100; turns++)
		bed_turn(&s->b);
	ok(p->content.len == paper->content.bytes && p->n_marks == 0 && p->chunks == paper->n - 1,
	   "to one who answers no marks whole chunks go, without any");
}

static void test_limit(struct stage *s, const struct paper *paper)
{
	struct peer *p = &s->staff;
	uint64_t began = s->b.now_ms;
	bool due = true;

	again(s, false);
	limit(p, 20000);
	ask(p, paper);
	bed_turn(&s->b);
	ok(p->content.len > 0 && p->content.len <= 2000, "with a limit a step goes at once");
	while (p->content.len < 200000) {
		uint64_t next = area_due_ms(s->b.area);
		due = due && next > s->b.now_ms;
		s->b.now_ms = next > s->b.now_ms ? next : s->b.now_ms + 1000;
		bed_turn(&s->b);
	}
	uint64_t took = s->b.now_ms - began;
	ok(due, "and the server knows when it is to go on");
	ok(took >= 9500 && took <= 11000, "200,000 bytes take ten seconds of 20,000 (%d ms)",
	   (int)took);
	limit(p, 0);
	for (int i = 0; i < 100 && p->content.len < paper->content.bytes; i++)
		bed_turn(&s->b);
	ok(p->content.len == paper->content.bytes && area_due_ms(s->b.area) == 0,
	   "without it the rest goes at once");
}

static void test_shares(struct stage *s, const struct paper *large, const struct paper *small)
{
	struct peer *p = &s->staff;
	size_t turns = 0;

	again(s, false);
	limit(p, 100000);
	ask(p, large);
	bed_turn(&s->b);
	size_t first = p->content.len;
	ask(p, small);
	while (p->content.len < 3 * small->content.bytes && turns++ < 1000) {
		s->b.now_ms += 50;
		bed_turn(&s->b);
	}
	const struct bytes last = BYTES(small->data.data + small->data.len - 1000, 1000);
	ok(memmem(p->content.data, p->content.len, last.data, last.len) != NULL,
	   "a document that is asked for behind %zu KiB of another comes beside it",
	   ((size_t)large->content.bytes - first) / 1024);
	again(s, false);
}

/* A document of several lists is one document: what two of them name does not come by turns. */
static void test_order(struct stage *s)
{
	struct paper *paper = paper_new(92, 9000000);
	struct peer *p = &s->staff;
	struct node root;
	struct entry_of e;

	publish(s, paper);
	again(s, false);
	buf_reset(&p->content);
	must(node_read(&root, paper_find(paper, paper->content.root)) == 0);
	for (size_t i = 0; i < root.n; i++) {
		node_entry(&root, i, &e);
		ask_by(p, paper, e.hash);
	}
	for (int i = 0; i < 200 && p->content.len < paper->content.bytes; i++)
		bed_turn(&s->b);
	ok(root.level == 2 && root.n > 1 &&
		   bytes_equal(buf_bytes(&p->content), buf_bytes(&paper->data)),
	   "what was asked for by %zu lists of a document comes in the order of the document",
	   root.n);
	paper_free(paper);
}

/* Two who do not read: each gets what one may have queued, whoever came first. */
static void test_sessions(struct stage *s, const struct paper *paper)
{
	struct id other_own = id_personal(&s->b.id, &s->b.person);
	size_t queued[2];

	offer(&s->head, paper);
	answer(&s->head, paper, SIZE_MAX);
	push_version(&s->head, &other_own, &paper->content);
	struct peer *peers[2] = {&s->staff, &s->head};
	for (int i = 0; i < 2; i++) {
		ask(peers[i], paper);
		peers[i]->stalled = true;
	}
	bed_turn(&s->b);
	for (int i = 0; i < 2; i++) {
		queued[i] = peers[i]->pipe.ends[0].sent.len - peers[i]->pipe.ends[0].taken;
		peers[i]->stalled = false;
	}
	ok(queued[0] >= FEED_QUEUE && queued[0] < 2 * FEED_QUEUE && queued[1] >= FEED_QUEUE &&
		   queued[1] < 2 * FEED_QUEUE,
	   "two sessions get the same, up to what one may have queued (%zu and %zu bytes)",
	   queued[0], queued[1]);
}

/*
 * A session that ends leaves its place in memory to the next one, which may be anybody's. Nothing that
 * was found out for the first may hold for the second.
 */
static void test_next_session(struct stage *s, const struct paper *paper)
{
	struct shelf *shelf = s->b.area->shelf;
	struct session place = *s->staff.session;
	const uint8_t *root = paper->content.root;
	uint8_t chunk[SHA256_LEN];

	sha256(paper->parts[0], chunk);
	ok(shelf_may_get(shelf, &place, chunk, root, NULL) == 1, "who reads a list may have its chunks");
	place = *s->head.session;
	ok(shelf_may_get(shelf, &place, chunk, root, NULL) == 0,
	   "another's session in the same place may not");
	shelf_brought(shelf, &place, chunk);
	ok(shelf_has(shelf, &place, chunk) == 1, "that one sends the chunk");
	place.serial++;
	place.device = id_make(&s->b.env);
	ok(shelf_has(shelf, &place, chunk) == 0, "of which the next in its place has sent nothing");
	bed_turn(&s->b);
}

/* A group's space, which staff may read as long as they are appointed to it. */
static struct id group_space(struct stage *s, struct id *group)
{
	struct id space = id_make(&s->b.env);
	struct making m;

	*group = id_make(&s->b.env);
	making_init(&m, &s->b, &s->b.directory, 0);
	making_create(&m, TYPE_GROUP, group);
	making_text(&m, 1, "Maths", NULL);
	making_create(&m, TYPE_SPACE, &space);
	making_text(&m, 1, "Maths group", NULL);
	making_number(&m, 2, RECORDS__SPACE_KIND__GROUP);
	making_ref(&m, 3, group);
	making_member(&m, 10, group);
	peer_push(&s->head, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
	return space;
}

static void end_appointment(struct stage *s, const struct id *appointment)
{
	struct making m;

	making_init(&m, &s->b, &s->b.directory, peer_held(&s->head, &s->b.directory)->number);
	making_edit(&m, TYPE_APPOINTMENT, appointment);
	making_number(&m, 7, 1);
	peer_push(&s->head, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
}

/* A right ends between two parts of a chunk. */
static void test_right_ends(const struct paper *paper)
{
	struct stage s;
	struct id group;

	stage_init(&s, "right");
	struct id space = group_space(&s, &group);
	struct id appointment = bed_appoint(&s.b, &s.head, &s.staff.person, RECORDS__ROLE__STAFF,
					    &group);
	offer(&s.staff, paper);
	answer(&s.staff, paper, SIZE_MAX);
	push_version(&s.staff, &space, &paper->content);
	again(&s, false);
	limit(&s.staff, 20000);
	ask(&s.staff, paper);
	bed_turn(&s.b);
	ok(s.staff.content.len > 0 && s.staff.chunks == 1 && s.staff.missing == 0,
	   "the first part of a chunk comes while there is a right to it");
	end_appointment(&s, &appointment);
	size_t before = s.staff.content.len;
	for (int i = 0; i < 200; i++) {
		s.b.now_ms += 100;
		bed_turn(&s.b);
	}
	ok(s.staff.lost == 1 && s.staff.content.len == before,
	   "when that has ended, no part follows (%zu bytes)", s.staff.content.len - before);
	ok(s.staff.missing == paper->n - 1, "and of each chunk it is said that there is none");
	stage_fini(&s);
}

int main(void)
{
	struct paper *large = paper_new(90, 3000000), *small = paper_new(91, 150000);
	struct stage s;

	stage_init(&s, "give");
	publish(&s, large);
	publish(&s, small);
	test_next_session(&s, small);
	test_window(&s, small);
	test_fast(&s, large);
	test_limit(&s, large);
	test_shares(&s, large, small);
	test_order(&s);
	test_sessions(&s, large);
	stage_fini(&s);
	test_right_ends(small);
	paper_free(large);
	paper_free(small);
	return tap_end();
}
