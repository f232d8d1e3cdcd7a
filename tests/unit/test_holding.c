/* What a device holds of documents' bytes: policies, words on single documents, dropping. */
#include "client/holding.h"
#include "client/paper.h"
#include "tests/unit/papers.h"

static size_t wanted(struct client *c, struct content *out)
{
	struct buf b = {0};

	must(holding_wanted(c->copy, true, &b) == 0);
	size_t n = b.len / sizeof(struct content);
	if (n)
		memcpy(out, b.data, (n > 8 ? 8 : n) * sizeof(*out));
	buf_fini(&b);
	return n;
}

static bool same(const struct content *a, const struct paper_id *p)
{
	return memcmp(a->root, p->content.root, SHA256_LEN) == 0;
}

static bool drop_all(void *arg, const struct held_version *v)
{
	const struct id *only = arg;
	return !only || id_equal(only, &v->document);
}

static int drop(struct client *c, const struct id *only)
{
	struct held_version *list;
	int n = holding_list(c->copy, &list);
	must(n >= 0);
	int gone = holding_drop(c->copy, list, (size_t)n, drop_all, (void *)only);
	free(list);
	return gone;
}

static void test_policies(struct world *w, struct client *a, struct client *b)
{
	struct content all[8];
	struct policy p;
	struct holding h;
	struct paper_id old = put(w, a, NULL, false, 5000, 'o');
	struct paper_id new = put(w, a, &old, false, 6000, 'n');
	struct paper_id large = put(w, a, NULL, false, POLICY_MOST + 1, 'l');
	struct paper_id last = put(w, a, NULL, false, 7000, 'z');

	client_sync(w, a);
	client_sync(w, b);
	ok(policy_of(b->copy, &w->partnership, &p) == 0 && p.hold == HOLD_NEWEST &&
		   p.most == POLICY_MOST,
	   "who has said nothing holds the newest up to a size");
	ok(wanted(b, all) == 2 && same(&all[0], &last) && same(&all[1], &new),
	   "those are wanted, the newest document first");
	p = (struct policy){HOLD_ALL, 0};
	must(policy_set(b->copy, &w->partnership, &p) == 0);
	ok(wanted(b, all) == 4 && same(&all[3], &old), "or all versions, of any size");
	p = (struct policy){HOLD_ON_DEMAND, 0};
	must(policy_set(b->copy, &w->partnership, &p) == 0);
	ok(wanted(b, all) == 0, "or none");
	must(holding_set_word(b->copy, &large.document, WORD_KEEP) == 0);
	ok(wanted(b, all) == 1 && same(&all[0], &large), "but for a document that is kept");
	must(holding_want(b->copy, &old.version, 1) == 0);
	ok(wanted(b, all) == 2, "and a version that was asked for");
	copy_close(&b->copy);
	struct cause cause = {""};
	world_must(copy_open(&b->copy, b->home, NULL, &w->env, &cause), &cause, "open");
	ok(wanted(b, all) == 2, "which is kept over a restart");
	ok(fetch(w, b) == 0 && here(b, &large) && here(b, &old) && !here(b, &new),
	   "they are fetched, and nothing else");
	ok(wanted(b, all) == 0 && holding_count(b->copy, NULL, &h) == 0 && h.documents == 3 &&
		   h.here == 1 && h.others == 2,
	   "then nothing is to come");
	ok(drop(b, &old.document) == 1 && !here(b, &old) && here(b, &large),
	   "one document is dropped");
	ok(holding_want(b->copy, &old.version, 1) == 0 && fetch(w, b) == 0 && here(b, &old),
	   "and had again");
	p = (struct policy){HOLD_NEWEST, 0};
	must(policy_set(b->copy, &w->partnership, &p) == 0);
	must(holding_set_word(b->copy, &last.document, WORD_DROP) == 0);
	ok(fetch(w, b) == 0 && here(b, &new) && !here(b, &last),
	   "one that was dropped by a word stays away");
	must(holding_set_word(b->copy, &last.document, WORD_NONE) == 0);
	ok(fetch(w, b) == 0 && here(b, &last), "until it is taken back");
}

static void say_existence(struct world *w, struct client *c, const struct id *document,
			  void (*say_so)(struct draft *d))
{
	struct draft *d = draft_new(c->copy, &w->partnership);
	struct cause cause;

	must(draft_edit(d, document, NULL, &cause) == 0);
	say_so(d);
	save(d);
	client_sync(w, c);
}

/* A document that was withdrawn is there to be brought back, not to be fetched. */
static void test_withdrawn(struct world *w, struct client *a, struct client *b)
{
	struct content all[8];
	struct holding before, h;
	struct paper_id gone;

	must(holding_count(b->copy, NULL, &before) == 0 && wanted(b, all) == 0);
	gone = put(w, a, NULL, false, 8000, 'g');
	client_sync(w, a);
	client_sync(w, b);
	ok(wanted(b, all) == 1 && holding_count(b->copy, NULL, &h) == 0 &&
		   h.documents == before.documents + 1,
	   "a new document counts, and is wanted");
	say_existence(w, a, &gone.document, draft_withdraw);
	client_sync(w, b);
	ok(wanted(b, all) == 0 && holding_count(b->copy, NULL, &h) == 0 &&
		   h.documents == before.documents && h.here == before.here,
	   "one that was withdrawn does not, and is not");
	say_existence(w, a, &gone.document, draft_bring_back);
	client_sync(w, b);
	ok(wanted(b, all) == 1 && fetch(w, b) == 0 && here(b, &gone), "until it is brought back");
}

static void tell_fault(void *arg, const char *words)
{
	(void)arg;
	note("%s", words);
}

static void test_shared(struct world *w, struct client *a, struct client *b)
{
	struct paper_id one = put(w, a, NULL, false, 9000, 's');
	struct paper_id two = put(w, a, NULL, false, 9000, 's');

	client_sync(w, a);
	client_sync(w, b);
	ok(fetch(w, b) == 0 && here(b, &one), "two documents hold the same bytes");
	ok(drop(b, &one.document) == 0 && here(b, &two), "dropping one leaves them for the other");
	struct paper_id own = put(w, b, NULL, false, 9100, 'u');
	ok(drop(b, &own.document) == 0 && here(b, &own), "what is here alone is not dropped");
	client_sync(w, b);
	ok(drop(b, &own.document) == 1 && !here(b, &own), "once it is sent it may be");
	ok(fetch(w, b) == 0 && here(b, &own), "and comes back");
	ok(drop(b, NULL) > 0 && !here(b, &one) && !here(b, &own), "all can go");
	ok(copy_check(b->copy, tell_fault, NULL) == 0, "the copy is sound");
}

static size_t apart_of(struct client *c, const struct paper_id *p, struct id *current)
{
	struct version *list;
	struct arena arena;
	struct record now;
	size_t n, apart = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	must(copy_record(c->copy, &p->document, VIEW_SHOWN, &arena, &now, NULL) == 0);
	must(paper_versions(c->copy, &p->document, &arena, &list, &n) == 0);
	const struct version *v = paper_current(&now, list, n, &apart);
	*current = v ? v->id : (struct id){{0}};
	arena_fini(&arena);
	return apart;
}

static void test_apart(struct world *w, struct client *a, struct client *b)
{
	struct id current;
	struct arena arena;
	struct ids ids;
	struct paper_id base = put(w, a, NULL, false, 100, '1');

	client_sync(w, a);
	client_sync(w, b);
	struct paper_id at_a = put(w, a, &base, false, 100, '2');
	ok(apart_of(a, &base, &current) == 1 && id_equal(&current, &at_a.version),
	   "a version on top of another counts");
	struct paper_id at_b = put(w, b, &base, false, 100, '3');
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	ok(apart_of(a, &base, &current) == 2 && id_equal(&current, &at_b.version),
	   "of two made apart the newest counts, and it is known that there are two");
	arena_init(&arena, ARENA_NO_BUDGET);
	ok(papers_apart(a->copy, &arena, &ids) == 0 && ids.n == 1 &&
		   id_equal(&ids.ids[0], &base.document),
	   "such documents are found");
	struct draft *d = draft_new(b->copy, &w->partnership);
	struct cause cause = {""};
	must(draft_edit(d, &base.document, NULL, &cause) == 0);
	say_id(d, TYPE_DOCUMENT, "current", &at_a.version);
	save(d);
	ok(apart_of(b, &base, &current) == 1 && id_equal(&current, &at_a.version),
	   "picked, one counts, before it is sent");
	client_sync(w, b);
	client_sync(w, a);
	ok(apart_of(a, &base, &current) == 1 && id_equal(&current, &at_a.version), "and after");
	put(w, a, &base, false, 100, '4');
	client_sync(w, a);
	ok(apart_of(a, &base, &current) == 3, "a later one made apart is to be picked from again");
	struct paper_id again = put(w, a, NULL, false, 100, '5');
	put(w, a, &again, true, 100, '5');
	ok(apart_of(a, &again, &current) == 1, "the same bytes are no two versions");
	arena_fini(&arena);
}

int main(void)
{
	struct world *w = mem_alloc(sizeof(*w));

	world_init(w, "holding");
	struct client *a = world_join(w, &w->person, &w->school);
	client_sync(w, a);
	struct id head = world_person(w, a, "Ben Carter", 1);
	client_sync(w, a);
	struct client *b = world_join(w, &head, &w->school);
	client_sync(w, b);
	test_policies(w, a, b);
	test_withdrawn(w, a, b);
	test_shared(w, a, b);
	test_apart(w, a, b);
	world_fini(w);
	free(w);
	return tap_end();
}
