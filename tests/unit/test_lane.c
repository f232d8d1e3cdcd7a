/*
 * Documents in sessions: what is offered is asked for chunk by chunk, stored once, and given to
 * those alone who may read a Version that names it; equal bytes are nobody's way to another space.
 */
#include "common/fields.h"
#include "server/shelf.h"
#include "server/turn.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

static void test_up_and_down(struct stage *s, const struct paper *paper)
{
	struct peer *staff = &s->staff;
	const struct content *c = &paper->content;
	struct id change = push_version(staff, &s->own, c);
	struct node root;
	struct entry_of first;

	ok(peer_told(staff, &change)->wait == WIRE__WAIT__CONTENT_MISSING,
	   "a version waits for its bytes");
	offer(staff, paper);
	ok(staff->wants.len == SHA256_LEN && memcmp(staff->wants.data, c->root, SHA256_LEN) == 0,
	   "what is offered is asked for from its root");
	answer(staff, paper, 10);
	ok(staff->stored == 0, "nothing is said to be stored before the last chunk");
	ok(answer(staff, paper, SIZE_MAX) > 0 && staff->stored == 1, "with it, it is");
	get(staff, NULL, c->root);
	ok(staff->missing == 1, "until a version names it, nobody gets it");
	change = push_version(staff, &s->own, c);
	ok(!peer_told(staff, &change), "now the version is accepted");
	get(staff, NULL, c->root);
	must(staff->chunks == 1 && node_read(&root, buf_bytes(&staff->content)) == 0);
	node_entry(&root, 0, &first);
	uint8_t root_hash[SHA256_LEN];
	memcpy(root_hash, c->root, SHA256_LEN);
	get(staff, root_hash, first.hash);
	ok(staff->chunks == 1 &&
		   bytes_equal(buf_bytes(&staff->content), paper_find(paper, first.hash)),
	   "and its chunks can be had, each by the node that lists it");
	offer(staff, paper);
	ok(staff->wants.len == 0 && staff->stored == 1,
	   "who may read it is told that it is here already");
}

/* One who may not read the space knows all its hashes, and its list. */
static void test_no_way_in(struct stage *s, const struct paper *paper)
{
	struct peer *head = &s->head;
	const struct content *c = &paper->content;
	struct paper *part = mem_alloc(sizeof(*part));
	struct id change;

	get(head, NULL, c->root);
	ok(head->missing == 1 && head->chunks == 0, "another does not get it by its name");
	get(head, c->root, paper_find(paper, c->root).data + NODE_HEADER);
	ok(head->missing == 1 && head->chunks == 0, "nor a chunk by its parent");
	offer(head, paper);
	ok(head->wants.len == SHA256_LEN, "nor is he told that it is here");
	chunk(head, c->root, paper_find(paper, c->root));
	bed_turn(&s->b);
	size_t asked = head->wants.len / SHA256_LEN - 1;
	ok(asked + 1 >= paper->n - paper->n_nodes || asked > 0,
	   "with the list alone every chunk is asked for (%zu)", asked);
	ok(head->stored == 0, "and it is not stored for him");
	change = push_version(head, &s->b.partnership, c);
	const struct told *told = peer_told(head, &change);
	ok(told && told->wait == WIRE__WAIT__CONTENT_MISSING, "nor may he name it");
	/* A single chunk of it, as if that were a file of his. */
	uint8_t hash[SHA256_LEN];
	memcpy(hash, paper_find(paper, c->root).data + NODE_HEADER, SHA256_LEN);
	buf_add_bytes(&part->data, paper_find(paper, hash));
	paper_cut(part);
	offer(head, part);
	ok(head->wants.len == SHA256_LEN && head->stored == 0,
	   "nor is a single chunk of it given for its name");
	answer(head, part, 1);
	ok(head->stored == 1, "who sends it has it");
	paper_free(part);
}

static void test_resumed(struct stage *s)
{
	struct paper *paper = paper_new(77, 3000000);
	struct peer *staff = &s->staff;
	size_t all = paper->n, sent;

	offer(staff, paper);
	sent = answer(staff, paper, all / 2);
	peer_cut(staff);
	bed_turn(&s->b);
	peer_connect(staff);
	peer_hello(staff);
	offer(staff, paper);
	sent += answer(staff, paper, SIZE_MAX);
	ok(staff->stored == 1 && sent <= all + 1,
	   "after a cut it goes on where it was (%zu chunks for %zu)", sent, all);
	bed_restart(&s->b, true);
	peer_connect(staff);
	peer_hello(staff);
	offer(staff, paper);
	ok(staff->stored == 1 && staff->wants.len == 0,
	   "and after a crash of the server what was said to be stored is stored");
	peer_connect(&s->head);
	peer_hello(&s->head);
	paper_free(paper);
}

static void test_bad(struct stage *s)
{
	struct paper *paper = paper_new(78, 500000), *lie = paper_new(79, 5);
	struct peer *staff = &s->staff;
	uint8_t name[SHA256_LEN];

	offer(staff, paper);
	memcpy(name, staff->wants.data, SHA256_LEN);
	chunk(staff, name, BYTES("wrong", 5));
	bed_turn(&s->b);
	ok(staff->missing == 0 && staff->wants.len == 2 * SHA256_LEN,
	   "a chunk that is not what it is called is asked for again");
	for (int i = 0; i < 2; i++)
		chunk(staff, name, BYTES("wrong", 5));
	bed_turn(&s->b);
	ok(staff->missing == 1 && staff->bye == 0, "but not for ever");
	memset(lie->content.sha, 9, SHA256_LEN);
	struct node node;
	ok(node_read(&node, paper_find(paper, paper->content.root)) == 0, "a list has nodes");
	memcpy(lie->content.root, paper->content.root, SHA256_LEN);
	lie->content.bytes = paper->content.bytes;
	offer(staff, lie);
	answer(staff, paper, SIZE_MAX);
	ok(staff->missing == 1 && staff->stored == 0,
	   "chunks that are not the whole that was said are not stored as one");
	lie->content.bytes++;
	offer(staff, lie);
	answer(staff, paper, SIZE_MAX);
	ok(staff->missing == 1 && staff->stored == 0, "nor is one of another size");
	paper_free(paper);
	paper_free(lie);
}

/* The root is what it is called, and no list. */
static void test_no_list(struct stage *s)
{
	struct paper *paper = paper_new(80, 500);
	struct peer *staff = &s->staff;

	memset(paper->content.sha, 1, SHA256_LEN);
	offer(staff, paper);
	answer(staff, paper, SIZE_MAX);
	ok(staff->missing == 1, "a content whose root is no list is missing");
	s->b.now_ms += 60000;
	int ended = bed_turn(&s->b);
	ok(ended == 0 && bed_turn(&s->b) == 0 && staff->bye == 0, "and the server goes on");
	memcpy(paper->content.sha, paper->content.root, SHA256_LEN);
	offer(staff, paper);
	ok(staff->stored == 1 && staff->wants.len == 0, "what came is a chunk like any other");
	paper_free(paper);
}

/* As answer(), but instead of each chunk, and `times` times, something of its length is sent. */
static void answer_wrong(struct peer *p, const struct paper *paper, size_t times)
{
	struct node node;
	uint8_t *wrong = mem_alloc(CHUNK_MAX);

	while (p->wants.len) {
		struct buf wants = p->wants;
		p->wants = (struct buf){0};
		for (size_t i = 0; i < wants.len; i += SHA256_LEN) {
			struct bytes is = paper_find(paper, wants.data + i);
			bool lie = node_read(&node, is) < 0 && times > 0;
			chunk(p, wants.data + i, lie ? BYTES(wrong, is.len) : is);
			times -= lie;
		}
		buf_fini(&wants);
		for (int i = 0; i < 4; i++) {
			p->bed->now_ms += 200;
			bed_turn(p->bed);
		}
	}
	free(wrong);
}

/* Chunks of a large content are checked while they are written, behind the back of the session. */
static void test_bad_behind(struct stage *s)
{
	struct paper *paper = paper_new(85, 6000000), *other = paper_new(86, 6000000);
	struct peer *staff = &s->staff, *head = &s->head;
	struct id own = id_personal(&s->b.id, &s->b.person);

	offer(staff, paper);
	answer_wrong(staff, paper, 1);
	ok(staff->stored == 1 && staff->missing == 0,
	   "a bad chunk of a large content is asked for again");
	offer(staff, other);
	answer_wrong(staff, other, SIZE_MAX);
	ok(staff->stored == 0 && staff->missing == 1, "but not for ever either");
	offer(head, other);
	answer(head, other, SIZE_MAX);
	struct id change = push_version(head, &own, &other->content);
	ok(head->stored == 1 && !peer_told(head, &change), "another sends what it is");
	offer(staff, other);
	chunk(staff, other->content.root, paper_find(other, other->content.root));
	bed_turn(&s->b);
	ok(staff->stored == 0 && staff->wants.len / SHA256_LEN == other->n - other->n_nodes,
	   "and who sent something else under those names has sent none of it");
	paper_free(paper);
	paper_free(other);
}

/* One lies about a chunk while another brings it. */
static void test_bad_beside(struct stage *s)
{
	struct paper *paper = paper_new(87, 6000000);
	struct peer *staff = &s->staff, *head = &s->head;
	struct id own = id_personal(&s->b.id, &s->b.person);
	struct node node;
	uint8_t first[SHA256_LEN], *wrong = mem_alloc(CHUNK_MAX);

	struct bytes list = paper_find(paper, paper->content.root);
	must(node_read(&node, list) == 0 && node.level == 1);
	memcpy(first, node.entries.data, SHA256_LEN);
	offer(staff, paper);
	offer(head, paper);
	chunk(staff, paper->content.root, list);
	chunk(head, paper->content.root, list);
	bed_turn(&s->b);
	chunk(staff, first, BYTES(wrong, paper_find(paper, first).len));
	bed_turn(&s->b);
	answer_wrong(head, paper, 0);
	ok(head->stored == 1, "who sends what it is has it stored");
	struct id change = push_version(head, &own, &paper->content);
	ok(!peer_told(head, &change), "and names it");
	peer_cut(staff);
	bed_turn(&s->b);
	peer_connect(staff);
	peer_hello(staff);
	offer(staff, paper);
	chunk(staff, paper->content.root, list);
	bed_turn(&s->b);
	ok(staff->stored == 0 && staff->wants.len / SHA256_LEN == paper->n - paper->n_nodes,
	   "who lied about a chunk beside that has not sent it");
	free(wrong);
	paper_free(paper);
}

/* Send each chunk that is asked for once, however many asked. How many were asked for twice. */
static size_t answer_once(struct peer *p, const struct paper *a, const struct paper *b)
{
	struct hashes sent = {0};
	size_t twice = 0;

	while (p->wants.len) {
		uint8_t hash[SHA256_LEN];
		memcpy(hash, p->wants.data, SHA256_LEN);
		p->wants.len -= SHA256_LEN;
		memmove(p->wants.data, p->wants.data + SHA256_LEN, p->wants.len);
		struct bytes raw = paper_find(a, hash).data ? paper_find(a, hash) : paper_find(b, hash);
		if (hashes_find(&sent, hash))
			twice++;
		else
			chunk(p, hash, raw);
		hashes_put(&sent, hash, 1);
		bed_turn(p->bed);
	}
	hashes_fini(&sent);
	return twice;
}

/* Two documents that are under way at once and have most of their chunks in common. */
static void test_shared(struct stage *s)
{
	struct paper *a = paper_new(90, 900000), *b = mem_alloc(sizeof(*b));
	struct paper *c = paper_new(91, 900000), *d = mem_alloc(sizeof(*d));
	struct peer *staff = &s->staff;
	Wire__Cancel cancel = WIRE__CANCEL__INIT;

	buf_add_bytes(&b->data, buf_bytes(&a->data));
	paper_fill(&b->data, 92, 100000);
	paper_cut(b);
	buf_add_bytes(&d->data, buf_bytes(&c->data));
	paper_fill(&d->data, 93, 100000);
	paper_cut(d);
	offer(staff, a);
	answer(staff, a, 1);
	struct buf wants = staff->wants;
	staff->wants = (struct buf){0};
	offer(staff, b);
	answer(staff, b, 1);
	buf_add_bytes(&wants, buf_bytes(&staff->wants));
	buf_fini(&staff->wants);
	staff->wants = wants;
	size_t twice = answer_once(staff, a, b);
	ok(twice > 2 && staff->stored == 2,
	   "a chunk that two documents wait for comes once, and is for both (%zu)", twice);
	offer(staff, c);
	answer(staff, c, 1);
	offer(staff, d);
	answer(staff, d, 1);
	cancel.root = PB_BYTES(BYTES(c->content.root, SHA256_LEN));
	peer_send(staff, WIRE__KIND__CANCEL, &cancel.base, BYTES_NONE);
	bed_turn(staff->bed);
	answer_once(staff, c, d);
	ok(staff->stored == 1 && staff->missing == 0,
	   "where one is given up, the other gets what both waited for");
	paper_free(a);
	paper_free(b);
	paper_free(c);
	paper_free(d);
}

static size_t asked_for(const struct peer *p, const uint8_t hash[SHA256_LEN])
{
	size_t n = 0;

	for (size_t at = 0; at < p->wants.len; at += SHA256_LEN)
		n += memcmp(p->wants.data + at, hash, SHA256_LEN) == 0;
	return n;
}

/* A chunk that two documents wait for comes damaged, once, then until both are given up. */
static void test_shared_bad(struct stage *s)
{
	struct paper *a = paper_new(95, 900000), *b = mem_alloc(sizeof(*b));
	struct peer *staff = &s->staff;
	uint8_t name[SHA256_LEN];

	buf_add_bytes(&b->data, buf_bytes(&a->data));
	paper_fill(&b->data, 96, 100000);
	paper_cut(b);
	offer(staff, a);
	answer(staff, a, 1);
	memcpy(name, staff->wants.data, SHA256_LEN);
	offer(staff, b);
	answer(staff, b, 1);
	buf_reset(&staff->wants);
	chunk(staff, name, BYTES("wrong", 5));
	bed_turn(staff->bed);
	ok(asked_for(staff, name) == 2 && staff->missing == 0,
	   "both ask again for a damaged chunk");
	for (int i = 0; i < 2; i++)
		chunk(staff, name, BYTES("wrong", 5));
	bed_turn(staff->bed);
	ok(staff->missing == 2, "again and again, and both are given up");
	chunk(staff, name, paper_find(a, name));
	bed_turn(staff->bed);
	offer(staff, a);
	struct buf wants = staff->wants;
	staff->wants = (struct buf){0};
	offer(staff, b);
	buf_add_bytes(&wants, buf_bytes(&staff->wants));
	buf_fini(&staff->wants);
	staff->wants = wants;
	ok(asked_for(staff, name) == 2, "what comes then is of no use: offered anew, both ask");
	answer_once(staff, a, b);
	ok(staff->stored == 2 && staff->missing == 0, "and are stored when it comes as it is");
	paper_free(a);
	paper_free(b);
}

/* Who did not hear how an offer ended, or was told that of the one before, makes it once more. */
static void test_offered_again(struct stage *s)
{
	struct paper *paper = paper_new(97, 900000);
	struct peer *staff = &s->staff;

	offer(staff, paper);
	answer(staff, paper, 1);
	size_t asked = staff->wants.len;
	must(asked > 3 * SHA256_LEN);
	offer(staff, paper);
	ok(staff->wants.len == asked && staff->missing == 0,
	   "an offer that is made again is answered again, by what still lacks");
	answer(staff, paper, SIZE_MAX);
	ok(staff->stored == 1, "and comes to its end");
	paper_free(paper);
}

static void test_small(struct stage *s)
{
	struct paper *empty = paper_new(1, 0), *one = paper_new(2, 1);
	struct paper *const papers[] = {empty, one};

	for (size_t i = 0; i < 2; i++) {
		offer(&s->staff, papers[i]);
		answer(&s->staff, papers[i], SIZE_MAX);
		ok(s->staff.stored == 1, "a file of %zu bytes is stored", papers[i]->data.len);
		struct id change = push_version(&s->staff, &s->own, &papers[i]->content);
		ok(!peer_told(&s->staff, &change), "and named");
		paper_free(papers[i]);
	}
}

static void test_parts(struct stage *s)
{
	struct paper *paper = paper_new(80, 10000);
	Wire__Chunk m = WIRE__CHUNK__INIT;
	struct bytes whole = buf_bytes(&paper->data);

	offer(&s->staff, paper);
	m.chunk = PB_BYTES(BYTES(paper->content.root, SHA256_LEN));
	m.raw = m.size = 10000;
	m.has_size = m.has_offset = true;
	for (m.offset = 0; m.offset < 10000; m.offset += 2500)
		peer_send(&s->staff, WIRE__KIND__CHUNK, &m.base,
			  BYTES(whole.data + m.offset, 2500));
	bed_turn(&s->b);
	ok(s->staff.stored == 1, "a chunk may come in parts");
	m.offset = 5000;
	peer_send(&s->staff, WIRE__KIND__CHUNK, &m.base, BYTES(whole.data, 100));
	bed_turn(&s->b);
	ok(s->staff.bye == WIRE__REASON__PROTOCOL, "a part out of its place ends the session");
	paper_free(paper);
}

/* An administrator's word on how much documents may weigh. */
static void limit(struct stage *s, uint64_t file, uint64_t school)
{
	struct id admin = id_admin(&s->b.id);
	struct id record = id_record(&s->b.id, &admin, TYPE_LIMIT, "all");
	struct making m;

	making_init(&m, &s->b, &admin, 0);
	making_create(&m, TYPE_LIMIT, &record);
	making_number(&m, 2, 0);
	making_number(&m, 3, 0);
	buf_reset(&m.set[0]);
	field_add_number(&m.set[0], 2, file);
	field_add_number(&m.set[0], 3, school);
	peer_push(&s->head, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
}

/* This client asks nobody before it offers: the server decides. */
static void test_limits(void)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct paper *large = paper_new(91, 3000001), *one = paper_new(92, 3000000);
	struct paper *two = paper_new(93, 3000000), *three = paper_new(94, 1500000);
	struct peer *staff = &s->staff;

	stage_init(s, "limits");
	limit(s, 3000000, 7000000);
	ok(s->head.n_told == 0, "an administrator sets limits");
	offer(staff, large);
	ok(staff->missing == 1 && staff->wants.len == 0,
	   "a file over the limit is refused before any of it is asked for");
	offer(staff, one);
	ok(staff->missing == 0 && staff->wants.len > 0, "one within is asked for");
	offer(staff, two);
	ok(staff->missing == 0 && staff->wants.len > 0, "so is another, beside it");
	offer(staff, three);
	ok(staff->missing == 1, "a third would be over what the school may have, with those two");
	peer_cut(staff);
	bed_turn(&s->b);
	peer_connect(staff);
	peer_hello(staff);
	offer(staff, one);
	answer(staff, one, SIZE_MAX);
	ok(staff->stored == 1, "it goes on after a cut");
	struct id change = push_version(staff, &s->own, &one->content);
	ok(!peer_told(staff, &change), "and is named");
	offer(staff, two);
	answer(staff, two, SIZE_MAX);
	ok(staff->stored == 1, "so does the other");
	offer(staff, three);
	ok(staff->missing == 1 && staff->wants.len == 0,
	   "what is brought and not named yet counts");
	change = push_version(staff, &s->own, &two->content);
	ok(!peer_told(staff, &change), "and may be named");
	bed_restart(&s->b, true);
	peer_connect(staff);
	peer_hello(staff);
	offer(staff, three);
	ok(staff->missing == 1 && staff->wants.len == 0, "after a restart all is counted anew");
	change = push_version(staff, &s->own, &one->content);
	const struct told *told = peer_told(staff, &change);
	ok(told && told->wait == WIRE__WAIT__NO_ROOM,
	   "what is here already counts too, where it is named again");
	stage_fini(s);
	free(s);
	paper_free(large);
	paper_free(one);
	paper_free(two);
	paper_free(three);
}

int main(void)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct paper *paper = paper_new(5, 4000000);

	stage_init(s, "documents");
	test_up_and_down(s, paper);
	test_no_way_in(s, paper);
	test_resumed(s);
	test_bad(s);
	test_no_list(s);
	test_bad_behind(s);
	test_bad_beside(s);
	peer_cut(&s->staff);
	bed_turn(&s->b);
	peer_connect(&s->staff);
	peer_hello(&s->staff);
	test_shared(s);
	test_shared_bad(s);
	test_offered_again(s);
	test_small(s);
	test_parts(s);
	stage_fini(s);
	free(s);
	paper_free(paper);
	test_limits();
	return tap_end();
}
