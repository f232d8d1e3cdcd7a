/* Somebody makes a great many lists that name a part of everybody's document: who reads that gets
 * it all the same, by saying which document it is of. */
#include "server/turn.h"
#include "server/shelf.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

enum { AT_ONCE = 128, LISTS = SHELF_STEPS + AT_ONCE, SIZE = 24 * 1024 * 1024 };

/* The i-th part of a list. */
static struct entry_of part_of(const struct paper *paper, const uint8_t list[SHA256_LEN], size_t i)
{
	struct node node;
	struct entry_of e;

	must(node_read(&node, paper_find(paper, list)) == 0 && i < node.n);
	node_entry(&node, i, &e);
	return e;
}

/* A list of this part and of something that never comes, which stands before `root` in order. */
static void list_make(struct buf *b, const struct entry_of *part, const uint8_t root[SHA256_LEN],
		      uint8_t name[SHA256_LEN], uint32_t *n)
{
	uint8_t other[SHA256_LEN] = {9};

	do {
		write_u32be(other + 4, ++*n);
		buf_reset(b);
		buf_add_u8(b, NODE_FORMAT);
		buf_add_u8(b, 2);
		buf_add(b, part->hash, SHA256_LEN);
		buf_add_u64be(b, part->bytes);
		buf_add(b, other, SHA256_LEN);
		buf_add_u64be(b, 1);
		sha256(buf_bytes(b), name);
	} while (memcmp(name, root, SHA256_LEN) > 0);
}

/* Some of them: offered, sent, and taken back. */
static void list_again(struct peer *p, const struct entry_of *part, const uint8_t root[SHA256_LEN],
		       uint32_t *n)
{
	uint8_t names[AT_ONCE][SHA256_LEN];
	struct buf lists[AT_ONCE] = {{0}};

	for (size_t i = 0; i < AT_ONCE; i++) {
		Wire__Offer m = WIRE__OFFER__INIT;
		list_make(&lists[i], part, root, names[i], n);
		m.root = PB_BYTES(BYTES(names[i], SHA256_LEN));
		m.content = PB_BYTES(BYTES(part->hash, SHA256_LEN));
		m.bytes = part->bytes + 1;
		peer_send(p, WIRE__KIND__OFFER, &m.base, BYTES_NONE);
	}
	bed_turn(p->bed);
	for (size_t i = 0; i < AT_ONCE; i++)
		chunk(p, names[i], buf_bytes(&lists[i]));
	bed_turn(p->bed);
	for (size_t i = 0; i < AT_ONCE; i++) {
		Wire__Cancel m = WIRE__CANCEL__INIT;
		m.root = PB_BYTES(BYTES(names[i], SHA256_LEN));
		peer_send(p, WIRE__KIND__CANCEL, &m.base, BYTES_NONE);
		buf_fini(&lists[i]);
	}
	bed_turn(p->bed);
	buf_reset(&p->wants);
}

/* Ask for a chunk, as one of this content; the answer comes to `p`. */
static void get_of(struct peer *p, const uint8_t root[SHA256_LEN], const uint8_t parent[SHA256_LEN],
		   const uint8_t hash[SHA256_LEN])
{
	Wire__Get m = WIRE__GET__INIT;
	ProtobufCBinaryData name = PB_BYTES(BYTES(hash, SHA256_LEN));

	m.chunks = &name;
	m.n_chunks = 1;
	m.has_parent = m.has_root = true;
	m.parent = PB_BYTES(BYTES(parent, SHA256_LEN));
	m.root = PB_BYTES(BYTES(root, SHA256_LEN));
	buf_reset(&p->content);
	p->missing = p->chunks = 0;
	peer_send(p, WIRE__KIND__GET, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

/* The same content under a list of level `level` that lists nothing but its root. */
static void paper_raise(struct paper *p, unsigned level)
{
	struct buf b = {0};

	buf_add_u8(&b, NODE_FORMAT);
	buf_add_u8(&b, (uint8_t)level);
	buf_add(&b, p->content.root, SHA256_LEN);
	buf_add_u64be(&b, p->content.bytes);
	sha256(buf_bytes(&b), p->content.root);
	paper_node(p, level, p->content.root, buf_bytes(&b));
	buf_fini(&b);
}

/* A document of so many levels as only very large ones have. */
static void test_high(struct stage *s, struct paper *paper, const uint8_t list[SHA256_LEN],
		      const uint8_t part[SHA256_LEN])
{
	uint8_t low[SHA256_LEN];

	memcpy(low, paper->content.root, SHA256_LEN);
	for (unsigned level = 3; level <= LEVEL_MAX; level++)
		paper_raise(paper, level);
	offer(&s->staff, paper);
	answer(&s->staff, paper, SIZE_MAX);
	push_version(&s->staff, &s->own, &paper->content);
	ok(s->staff.stored == 1, "a document has lists of lists of lists");
	peer_connect(&s->staff);
	peer_hello(&s->staff);
	get_of(&s->staff, paper->content.root, list, part);
	ok(s->staff.chunks == 1 && s->staff.missing == 0,
	   "who says which it is gets it from there, too");
	peer_connect(&s->head);
	peer_hello(&s->head);
	get_of(&s->head, paper->content.root, list, part);
	ok(s->head.chunks == 0 && s->head.missing == 1, "and nobody does who may not read it");
	get_of(&s->head, low, list, part);
	ok(s->head.chunks == 1 && s->head.missing == 0, "but by the one that he may");
}

static int count(void *arg, const uint8_t parent[SHA256_LEN])
{
	(void)parent;
	++*(size_t *)arg;
	return 0;
}

int main(void)
{
	struct stage s;
	struct paper *paper = paper_new(5, SIZE);
	size_t lists = 0;
	uint32_t n = 0;

	stage_init(&s, "lists");
	offer(&s.head, paper);
	answer(&s.head, paper, SIZE_MAX);
	push_version(&s.head, &s.b.partnership, &paper->content);
	ok(s.head.stored == 1 && paper->n_nodes > 2, "a document has a list of lists");
	const uint8_t *root = paper->content.root;
	struct entry_of list = part_of(paper, root, 0);
	struct entry_of one = part_of(paper, list.hash, 0), two = part_of(paper, list.hash, 1);
	get(&s.head, list.hash, one.hash);
	ok(s.head.chunks == 1 && s.head.missing == 0, "a part of it can be had");
	for (size_t i = 0; i < LISTS / AT_ONCE; i++)
		list_again(&s.staff, &list, root, &n);
	s.b.now_ms += 10000;
	bed_turn(&s.b);
	must(store_parents(shelf_store(s.b.area->shelf), list.hash, count, &lists) == 0);
	ok(lists == LISTS + 1, "somebody makes many more lists of it (%zu)", lists);
	peer_connect(&s.head);
	peer_hello(&s.head);
	get(&s.head, list.hash, two.hash);
	ok(s.head.chunks == 0 && s.head.missing == 1, "by these alone nobody finds the document");
	get_of(&s.head, root, list.hash, two.hash);
	ok(s.head.chunks == 1 && s.head.missing == 0, "who says which it is gets it");
	peer_connect(&s.head);
	peer_hello(&s.head);
	get_of(&s.head, one.hash, list.hash, two.hash);
	ok(s.head.chunks == 0 && s.head.missing == 1, "and nobody does who says another");
	test_high(&s, paper, list.hash, two.hash);
	paper_free(paper);
	stage_fini(&s);
	return tap_end();
}
