/*
 * One who knows the list of a document that he may not read, and says in all ways that the protocol
 * has for it that it is a file of his: what it lists does not come to him by that.
 */
#include "tests/tap.h"
#include "tests/unit/stage.h"

/* A content of these chunks, cut and listed as its author likes. */
static void paper_list(struct paper *p, const struct bytes *chunks, size_t n)
{
	struct listing *l = listing_new(paper_node, p);
	uint8_t hash[SHA256_LEN];
	unsigned level;

	arena_init(&p->arena, ARENA_NO_BUDGET);
	for (size_t i = 0; i < n; i++) {
		buf_add_bytes(&p->data, chunks[i]);
		sha256(chunks[i], hash);
		paper_part(p, hash, chunks[i]);
		must(listing_add(l, hash, chunks[i].len) == 0);
	}
	must(listing_end(l, p->content.root, &level) == 0);
	listing_free(&l);
	sha256(buf_bytes(&p->data), p->content.sha);
	p->content.bytes = p->data.len;
}

static bool is_accepted(struct peer *p, const struct id *space, const struct content *c)
{
	struct id change = push_version(p, space, c);

	return !peer_told(p, &change);
}

/* Does the first chunk that `list` names come, for one who asks by that? */
static bool is_given(struct peer *p, struct bytes list)
{
	uint8_t name[SHA256_LEN];
	struct node node;
	struct entry_of e;

	sha256(list, name);
	must(node_read(&node, list) == 0);
	node_entry(&node, 0, &e);
	get(p, name, e.hash);
	return p->chunks > 0;
}

static void test_as_file(struct stage *s, const struct paper *paper)
{
	struct bytes list = paper_find(paper, paper->content.root);
	struct id own = id_personal(&s->b.id, &s->b.person);
	struct paper *file = mem_alloc(sizeof(*file));

	paper_list(file, &list, 1);
	must(content_is_single(&file->content));
	offer(&s->head, file);
	answer(&s->head, file, SIZE_MAX);
	ok(s->head.stored == 0 && s->head.missing == 1, "a list is not taken for a file");
	ok(!is_accepted(&s->head, &own, &paper->content),
	   "who sent it may not name what it is the list of");
	ok(!is_accepted(&s->head, &own, &file->content), "nor it, as a file");
	ok(!is_given(&s->head, list), "and is given nothing that it lists");
	offer(&s->head, file);
	answer(&s->head, file, SIZE_MAX);
	ok(s->head.stored == 0 && s->head.missing == 1, "nor is it taken the second time");
	paper_free(file);
}

static void test_as_part(struct stage *s, const struct paper *paper)
{
	struct bytes list = paper_find(paper, paper->content.root);
	struct bytes chunks[] = {list, BYTES("and more", 8)};
	struct id own = id_personal(&s->b.id, &s->b.person);
	struct paper *file = mem_alloc(sizeof(*file));

	paper_list(file, chunks, 2);
	offer(&s->head, file);
	answer(&s->head, file, SIZE_MAX);
	ok(s->head.stored == 0 && s->head.missing == 1, "nor for a part of a file");
	is_accepted(&s->head, &own, &file->content);
	ok(!is_given(&s->head, list), "and nothing that it lists is given for that either");
	paper_free(file);
}

/* He has begun to send the document itself, as far as the list. */
static void test_brought(struct stage *s, const struct paper *paper)
{
	struct bytes list = paper_find(paper, paper->content.root);
	struct id own = id_personal(&s->b.id, &s->b.person);
	struct paper *file = mem_alloc(sizeof(*file));
	Wire__Cancel cancel = WIRE__CANCEL__INIT;

	paper_list(file, &list, 1);
	offer(&s->head, paper);
	answer(&s->head, paper, 1);
	cancel.root = PB_BYTES(BYTES(paper->content.root, SHA256_LEN));
	peer_send(&s->head, WIRE__KIND__CANCEL, &cancel.base, BYTES_NONE);
	s->b.now_ms += 1000;
	bed_turn(&s->b);
	offer(&s->head, file);
	answer(&s->head, file, SIZE_MAX);
	ok(s->head.stored == 0, "nor where he has sent it as the list that it is before");
	is_accepted(&s->head, &own, &file->content);
	ok(!is_accepted(&s->head, &own, &paper->content) && !is_given(&s->head, list),
	   "which is no way to what it lists");
	paper_free(file);
}

/* He sends something else under the name of a chunk that others have stored and read. */
static void test_in_its_place(struct stage *s)
{
	struct paper *paper = paper_new(87, 6000000);
	struct bytes list = paper_find(paper, paper->content.root);
	uint8_t *wrong = mem_alloc(CHUNK_MAX);
	struct node node;
	struct entry_of e;

	offer(&s->staff, paper);
	answer(&s->staff, paper, SIZE_MAX);
	must(is_accepted(&s->staff, &s->own, &paper->content) && node_read(&node, list) == 0);
	node_entry(&node, 0, &e);
	offer(&s->head, paper);
	answer(&s->head, paper, 1);
	must(s->head.wants.len > 0);
	chunk(&s->head, e.hash, BYTES(wrong, e.bytes));
	ok(is_given(&s->staff, list), "something else that is sent by its name takes no chunk's place");
	free(wrong);
	paper_free(paper);
}

int main(void)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct paper *paper = paper_new(5, 4000000), *other = paper_new(6, 4000000);
	struct paper *third = paper_new(7, 4000000);
	struct paper *papers[] = {paper, other, third};

	stage_init(s, "no_way_in");
	for (size_t i = 0; i < 3; i++) {
		offer(&s->staff, papers[i]);
		answer(&s->staff, papers[i], SIZE_MAX);
		must(is_accepted(&s->staff, &s->own, &papers[i]->content));
	}
	test_as_file(s, paper);
	test_as_part(s, other);
	test_brought(s, third);
	test_in_its_place(s);
	stage_fini(s);
	free(s);
	for (size_t i = 0; i < 3; i++)
		paper_free(papers[i]);
	return tap_end();
}
