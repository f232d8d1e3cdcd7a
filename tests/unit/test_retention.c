/*
 * Old versions of documents go when a rule says so, and no others: what is the newest, what went
 * apart, what somebody picked, signed or names stays. What went keeps its record, can be had by
 * nobody, and is erased unless something else names the same bytes.
 */
#include "common/os.h"
#include "server/own.h"
#include "server/retention.h"
#include "server/shelf.h"
#include "server/turn.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

#include <stdio.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, NONE = -1, CHAIN = 5 };

/* A document of which each version was made on top of the one before. */
struct chain {
	struct id space, document, versions[CHAIN];
	struct paper *papers[CHAIN];
	size_t n;
};

/* ---- Steps ---------------------------------------------------------------------------------- */

static void settle(struct stage *s)
{
	s->b.now_ms += 1000;
	bed_turn(&s->b);
	bed_turn(&s->b);
}

static void bring(struct stage *s, const struct paper *p)
{
	offer(&s->staff, p);
	answer(&s->staff, p, SIZE_MAX);
	settle(s);
	must(s->staff.stored == 1);
}

/* Push it and say whether it was taken. */
static bool push(struct stage *s, struct peer *p, struct making *m)
{
	struct id id = m->change.id;

	peer_push(p, making_bytes(m));
	making_fini(m);
	bed_turn(&s->b);
	return peer_told(p, &id) == NULL;
}

static struct id make_version(struct stage *s, const struct id *space, const struct id *document,
			      const struct content *c, const struct id *parents, size_t n)
{
	struct making m;
	struct id record = id_make(&s->b.env);

	making_init(&m, &s->b, space, 0);
	making_create(&m, TYPE_VERSION, &record);
	making_ref(&m, 1, document);
	making_text(&m, 2, "plan.pdf", NULL);
	making_number(&m, 4, 0);
	making_number(&m, 5, 0);
	if (n)
		making_number(&m, 6, 0);
	making_number(&m, 8, 0);
	buf_reset(&m.set[0]);
	field_add_bytes(&m.set[0], 1, ID_BYTES(document));
	field_add_text(&m.set[0], 2, "plan.pdf");
	field_add_number(&m.set[0], 4, c->bytes);
	field_add_bytes(&m.set[0], 5, BYTES(c->sha, SHA256_LEN));
	for (size_t i = 0; i < n; i++)
		field_add_bytes(&m.set[0], 6, ID_BYTES(&parents[i]));
	field_add_bytes(&m.set[0], 8, BYTES(c->root, SHA256_LEN));
	must(push(s, &s->staff, &m));
	return record;
}

static struct id make_document(struct stage *s, const struct id *space)
{
	struct making m;
	struct id record = id_make(&s->b.env);

	making_init(&m, &s->b, space, 0);
	making_create(&m, TYPE_DOCUMENT, &record);
	making_text(&m, 1, "The plan", NULL);
	must(push(s, &s->staff, &m));
	return record;
}

static void chain_add(struct stage *s, struct chain *c, uint64_t seed)
{
	size_t i = c->n++;

	c->papers[i] = paper_new(seed, 300000);
	bring(s, c->papers[i]);
	c->versions[i] = make_version(s, &c->space, &c->document, &c->papers[i]->content,
				      i ? &c->versions[i - 1] : NULL, i ? 1 : 0);
}

static struct chain chain_make(struct stage *s, const struct id *space, size_t n, uint64_t seed)
{
	struct chain c = {.space = *space, .document = make_document(s, space)};

	while (c.n < n)
		chain_add(s, &c, seed + c.n);
	return c;
}

static void chain_free(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		paper_free(c->papers[i]);
}

/* The administrator's word; of one space, or (NULL) of all. */
static void rule(struct stage *s, const struct id *space, int newest, int days)
{
	char text[ID_TEXT];
	struct id record = id_record(&s->b.id, &s->b.admin, TYPE_RETENTION,
				     space ? id_format(space, text) : "all");
	struct making m;

	making_init(&m, &s->b, &s->b.admin, 0);
	making_create(&m, TYPE_RETENTION, &record);
	if (space)
		making_ref(&m, 1, space);
	if (newest != NONE)
		making_number(&m, 2, (uint64_t)newest);
	if (days != NONE)
		making_number(&m, 3, (uint64_t)days);
	must(push(s, &s->head, &m));
}

/* A record of one field or two that names something, made by the staff. */
static struct id name_it(struct stage *s, const struct id *space, uint32_t type, uint32_t field,
			 const struct id *what)
{
	struct making m;
	struct id record = id_make(&s->b.env);

	making_init(&m, &s->b, space, 0);
	making_create(&m, type, &record);
	if (type == TYPE_AGENDA_ITEM)
		making_member(&m, field, what);
	else
		making_ref(&m, field, what);
	must(push(s, &s->staff, &m));
	return record;
}

static void withdraw(struct stage *s, const struct id *space, uint32_t type, const struct id *record)
{
	struct making m;

	making_init(&m, &s->b, space, peer_held(&s->staff, space)->number);
	making_edit(&m, type, record)->effect.existence = WITHDRAWN;
	must(push(s, &s->staff, &m));
}

static void pick(struct stage *s, const struct chain *c, const struct id *version)
{
	struct making m;

	making_init(&m, &s->b, &c->space, peer_held(&s->staff, &c->space)->number);
	making_edit(&m, TYPE_DOCUMENT, &c->document);
	making_ref(&m, 6, version);
	must(push(s, &s->staff, &m));
}

/* ---- Questions ------------------------------------------------------------------------------ */

/* The day on which it was released; "" if it was not. */
static const char *day_of(struct stage *s, const struct id *space, const struct id *version,
			  char out[16])
{
	struct journal *j = s->b.area->journal;
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	must(journal_record(j, journal_space(j, space), version, &arena, &r) == 0);
	struct bytes day = value_bytes(record_get(&r, 10));
	snprintf(out, 16, "%.*s", (int)day.len, (const char *)day.data);
	arena_fini(&arena);
	return out;
}

static bool gone(struct stage *s, const struct chain *c, size_t i)
{
	char day[16];
	return day_of(s, &c->space, &c->versions[i], day)[0] != '\0';
}

/* Which of a chain's versions stay, as letters: "..xx" where the two oldest went. */
static const char *stays(struct stage *s, const struct chain *c, char out[CHAIN + 1])
{
	for (size_t i = 0; i < c->n; i++)
		out[i] = gone(s, c, i) ? '.' : 'x';
	out[c->n] = '\0';
	return out;
}

static bool stay(struct stage *s, const struct chain *c, const char *want)
{
	char is[CHAIN + 1];
	bool same = strcmp(stays(s, c, is), want) == 0;

	if (!same)
		note("stays %s, should %s", is, want);
	return same;
}

static bool can_get(struct peer *p, const struct paper *paper)
{
	get(p, NULL, paper->content.root);
	return p->chunks == 1 && p->missing == 0;
}

static bool is_whole(struct stage *s, const struct paper *p)
{
	return area_content(s->b.area, &p->content) == 0;
}

static size_t parts_here(struct stage *s, const struct paper *p)
{
	uint8_t hash[SHA256_LEN];
	struct stored is;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		sha256(p->parts[i], hash);
		n += store_find(shelf_store(s->b.area->shelf), hash, &is) > 0;
	}
	return n;
}

static void fault(void *arg, const char *words)
{
	note("%s", words);
	++*(int *)arg;
}

static bool is_sound(struct stage *s)
{
	int faults = 0;
	return area_check(s->b.area, fault, &faults) == 0 && faults == 0;
}

static struct stage *begin(const char *name)
{
	struct stage *s = mem_alloc(sizeof(*s));

	stage_init(s, name);
	return s;
}

static void end(struct stage *s)
{
	stage_fini(s);
	free(s);
}

/* ---- What the rule lets go ------------------------------------------------------------------ */

static void test_newest(void)
{
	struct stage *s = begin("newest");
	struct chain c = chain_make(s, &s->b.partnership, 5, 1);
	char day[16];

	bed_days_pass(&s->b, 400);
	ok(stay(s, &c, "xxxxx"), "without a rule nothing goes, however old it is");
	rule(s, NULL, NONE, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "xxxxx"), "nor by a rule that says nothing");
	rule(s, NULL, 2, NONE);
	bed_turn(&s->b);
	ok(stay(s, &c, "xxxxx"), "a rule has its effect when the server looks, once a day");
	uint64_t before = peer_held(&s->staff, &c.space)->number;
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "...xx"), "the two newest of a document are kept");
	ok(strcmp(day_of(s, &c.space, &c.versions[0], day), "2021-02-06") == 0,
	   "the record says since when: %s", day);
	ok(peer_held(&s->staff, &c.space)->number == before + 1, "by one entry of the server");
	bed_days_pass(&s->b, 1);
	ok(peer_held(&s->staff, &c.space)->number == before + 1, "and once only");
	ok(is_sound(s), "all is sound");
	bed_restart(&s->b, false);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "...xx") && is_sound(s), "after the server was started again, too");
	chain_free(&c);
	end(s);
}

static void test_days(void)
{
	struct stage *s = begin("days");
	struct chain c = {.space = s->b.partnership};

	c.document = make_document(s, &c.space);
	rule(s, NULL, NONE, 30);
	for (unsigned i = 0; i < 3; i++) {
		chain_add(s, &c, 10 + i);
		bed_days_pass(&s->b, 10);
	}
	bed_days_pass(&s->b, 9);
	ok(stay(s, &c, "xxx"), "a version stays for so many days after the next came");
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".xx"), "then it goes");
	bed_days_pass(&s->b, 10);
	ok(stay(s, &c, "..x"), "and so on");
	bed_days_pass(&s->b, 1000);
	rule(s, NULL, NONE, 30);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "but never the newest");
	chain_free(&c);
	end(s);
}

static void test_both(void)
{
	struct stage *s = begin("both");
	struct chain c = chain_make(s, &s->b.partnership, 5, 20);

	rule(s, NULL, 3, 50);
	bed_days_pass(&s->b, 49);
	ok(stay(s, &c, "xxxxx"), "where both are said a version stays for its days,");
	bed_days_pass(&s->b, 2);
	ok(stay(s, &c, "..xxx"), "and then if it is one of so many");
	chain_free(&c);
	end(s);
}

/* The clock is set years ahead, and back: what happened meanwhile can't be taken back. */
static void test_ahead(void)
{
	struct stage *s = begin("ahead");
	struct chain c = chain_make(s, &s->b.partnership, 3, 25);
	uint64_t then = s->b.now_ms;

	rule(s, NULL, NONE, 30);
	bed_days_pass(&s->b, 1000);
	ok(stay(s, &c, "xxx"), "where nobody has entered anything for long the clock may be wrong");
	must(own_note(s->b.area, &c.space, &c.document, "a word of the server's") == 0);
	bed_turn(&s->b);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "xxx"), "what the server enters itself by it says nothing");
	s->b.now_ms = then;
	bed_days_pass(&s->b, 29);
	ok(stay(s, &c, "xxx"), "when it is right again all is there");
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "and goes when its days are over");
	chain_free(&c);

	c = chain_make(s, &s->b.partnership, 3, 28);
	bed_days_pass(&s->b, 59);
	ok(stay(s, &c, "..x"), "a summer holiday is not that long");
	chain_free(&c);
	c = chain_make(s, &s->b.partnership, 3, 31);
	bed_days_pass(&s->b, 61);
	ok(stay(s, &c, "xxx"), "after a longer one the server waits");
	rule(s, NULL, NONE, 30);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "for somebody to come");
	chain_free(&c);
	end(s);

	s = begin("started");
	c = chain_make(s, &s->b.partnership, 3, 25);
	rule(s, NULL, 1, NONE);
	s->b.now_ms += 1000 * (uint64_t)DAY_MS;
	bed_restart(&s->b, false);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "xxx"), "nor is one believed by which the server was started");
	chain_free(&c);
	end(s);
}

/* What a space's own record says goes before what is said of all, field by field. */
static void test_spaces(void)
{
	struct stage *s = begin("spaces");
	struct chain common = chain_make(s, &s->b.partnership, 4, 30);
	struct chain own = chain_make(s, &s->own, 4, 40);

	rule(s, NULL, 3, 10);
	rule(s, &s->own, 1, NONE);
	bed_days_pass(&s->b, 9);
	ok(stay(s, &common, "xxxx") && stay(s, &own, "xxxx"),
	   "the days that all have count in a space that says how many only");
	bed_days_pass(&s->b, 2);
	ok(stay(s, &common, ".xxx"), "of the others so many stay as is said of all");
	ok(stay(s, &own, "...x"), "and in that space as it says itself");
	chain_free(&common);
	chain_free(&own);
	end(s);

	s = begin("exempt");
	common = chain_make(s, &s->b.partnership, 4, 30);
	own = chain_make(s, &s->own, 4, 40);
	rule(s, NULL, 1, NONE);
	rule(s, &s->own, 0, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &common, "...x") && stay(s, &own, "xxxx"), "0 keeps all versions in a space");
	chain_free(&common);
	chain_free(&own);
	end(s);
	s = begin("ever");
	common = chain_make(s, &s->b.partnership, 3, 30);
	rule(s, NULL, 1, 0);
	bed_days_pass(&s->b, 500);
	rule(s, NULL, 1, 0);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &common, "xxx"), "and 0 days for ever");
	chain_free(&common);
	end(s);
}

/* ---- What stays whatever the rule ----------------------------------------------------------- */

static void test_apart(void)
{
	struct stage *s = begin("apart");
	struct chain c = chain_make(s, &s->b.partnership, 2, 50);
	struct chain alone = chain_make(s, &s->b.partnership, 1, 60);

	/* Two on top of the first. */
	c.papers[2] = paper_new(57, 300000);
	bring(s, c.papers[2]);
	c.versions[2] = make_version(s, &c.space, &c.document, &c.papers[2]->content,
				     &c.versions[0], 1);
	c.n = 3;
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".xx"), "both of two that went apart stay");
	ok(stay(s, &alone, "x"), "and one that stands alone");
	/* Withdrawn, it is on top of nothing. */
	withdraw(s, &c.space, TYPE_VERSION, &c.versions[2]);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".xx"), "what was withdrawn is left as it is");
	chain_free(&c);
	chain_free(&alone);
	end(s);

	s = begin("withdrawn");
	c = chain_make(s, &s->b.partnership, 3, 70);
	withdraw(s, &c.space, TYPE_VERSION, &c.versions[2]);
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".xx"), "if the newest was withdrawn, the one below it is the newest");
	chain_free(&c);
	end(s);
}

/* Two that name each other, and a newest that another document's version claims. */
static void test_circle(void)
{
	struct stage *s = begin("circle");
	struct chain c = chain_make(s, &s->b.partnership, 1, 80);
	struct chain other = {.space = c.space, .document = make_document(s, &c.space)};

	other.papers[0] = paper_new(85, 300000);
	bring(s, other.papers[0]);
	other.versions[0] = make_version(s, &c.space, &other.document, &other.papers[0]->content,
					 &c.versions[0], 1);
	other.n = 1;
	rule(s, NULL, NONE, 1);
	bed_days_pass(&s->b, 3);
	ok(stay(s, &c, "x") && stay(s, &other, "x"),
	   "a version of another document is on top of nothing here");
	chain_free(&c);
	chain_free(&other);
	end(s);
}

static void test_named(void)
{
	static const struct {
		uint32_t type, field;
		const char *what;
	} names[] = {{TYPE_SIGN_OFF, 1, "a sign-off is of"},
		     {TYPE_LINK, 1, "a link comes from"},
		     {TYPE_LINK, 2, "a link goes to"},
		     {TYPE_AGENDA_ITEM, 6, "an agenda item has among its papers"},
		     {TYPE_NOTE, 1, "a note is on"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char name[32];
		snprintf(name, sizeof(name), "named%zu", i);
		struct stage *s = begin(name);
		struct chain c = chain_make(s, &s->b.partnership, 3, 90);
		struct id by = name_it(s, &c.space, names[i].type, names[i].field, &c.versions[0]);
		rule(s, NULL, 1, NONE);
		bed_days_pass(&s->b, 1);
		ok(stay(s, &c, "x.x"), "what %s stays", names[i].what);
		withdraw(s, &c.space, names[i].type, &by);
		bed_days_pass(&s->b, 1);
		ok(stay(s, &c, "..x"), "until that is withdrawn");
		chain_free(&c);
		end(s);
	}
}

/* From a space that most can't read, too. */
static void test_elsewhere(void)
{
	struct stage *s = begin("elsewhere");
	struct chain c = chain_make(s, &s->b.partnership, 3, 100);

	name_it(s, &s->own, TYPE_LINK, 2, &c.versions[1]);
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".xx"), "what is named from another space stays");
	chain_free(&c);
	end(s);
}

static void sign(struct stage *s, const struct id *space, const uint8_t digest[SHA256_LEN])
{
	struct making m;
	struct id record = id_make(&s->b.env);

	making_init(&m, &s->b, space, 0);
	making_create(&m, TYPE_SIGN_OFF, &record);
	making_text(&m, 2, "", NULL);
	buf_reset(&m.set[0]);
	field_add_bytes(&m.set[0], 2, BYTES(digest, SHA256_LEN));
	must(push(s, &s->staff, &m));
}

static void test_signed(void)
{
	struct stage *s = begin("signed");
	struct chain c = chain_make(s, &s->b.partnership, 4, 110);

	sign(s, &s->own, c.papers[0]->content.sha);
	sign(s, &c.space, c.papers[1]->content.root);
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "xx.x"), "what was signed by its digest stays");
	chain_free(&c);
	end(s);
}

static void test_picked(void)
{
	struct stage *s = begin("picked");
	struct chain c = chain_make(s, &s->b.partnership, 4, 120);

	pick(s, &c, &c.versions[1]);
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".x.x"), "the version that people picked stays");
	withdraw(s, &c.space, TYPE_DOCUMENT, &c.document);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, ".x.x"), "also of a document that was withdrawn, and may come back");
	chain_free(&c);
	end(s);
}

/* Two set the document's title apart. */
static void test_disputed(void)
{
	struct stage *s = begin("disputed");
	struct chain c = chain_make(s, &s->b.partnership, 3, 130);
	uint64_t seen = peer_held(&s->staff, &c.space)->number;
	struct id conflict;
	struct making m;

	for (int i = 0; i < 2; i++) {
		making_init(&m, &s->b, &c.space, seen);
		making_edit(&m, TYPE_DOCUMENT, &c.document);
		making_text(&m, 1, i ? "Our plan" : "Their plan", "The plan");
		must(push(s, i ? &s->staff : &s->head, &m));
	}
	struct db_stmt *st = db_query(s->b.area->db, "SELECT id FROM conflict", "");
	must(db_step(st) > 0 && db_id(st, 0, &conflict));
	db_reset(st);
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "xxx"), "nothing goes of a document of which two versions are open");
	making_init(&m, &s->b, &c.space, peer_held(&s->staff, &c.space)->number);
	m.change.settles = &conflict;
	m.change.n_settles = 1;
	making_edit(&m, TYPE_DOCUMENT, &c.document);
	making_text(&m, 1, "Our plan", "Their plan");
	must(push(s, &s->staff, &m));
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "once they are settled it does");
	chain_free(&c);
	end(s);
}

/* What names a version can't be read: then nothing is known to be free, and the server goes on. */
static void test_damaged(void)
{
	struct stage *s = begin("damaged");
	struct chain c = chain_make(s, &s->b.partnership, 3, 135);
	struct id link = name_it(s, &c.space, TYPE_LINK, 2, &c.versions[0]);
	struct db *db = s->b.area->db;

	rule(s, NULL, 1, NONE);
	must(db_begin(db) == 0);
	must(db_run(db, "UPDATE record SET fields = $1 WHERE id = $2", "bd", BYTES("\xff", 1),
		    &link) == 0);
	must(db_commit(db) == 0);
	bed_days_pass(&s->b, 1);
	ok(s->b.area->failed == 0 && stay(s, &c, "xxx"),
	   "nothing goes where a record that may name it can't be read");
	chain_add(s, &c, 138);
	ok(stay(s, &c, "xxxx"), "and people go on working");
	chain_free(&c);
	end(s);
}

static void test_recovering(void)
{
	struct stage *s = begin("recovering");
	struct chain c = chain_make(s, &s->b.partnership, 3, 140);

	rule(s, NULL, 1, NONE);
	must(area_recover(s->b.area) == 0);
	s->b.now_ms += 3 * (uint64_t)DAY_MS;
	for (int i = 0; i < 30; i++) {
		area_tick(s->b.area);
		bed_turn(&s->b);
	}
	ok(s->b.area->recovery.on && stay(s, &c, "xxx"),
	   "a server that was set back lets nothing go while copies are heard");
	peer_connect(&s->staff);
	peer_hello(&s->staff);
	s->b.now_ms += 61000;
	bed_turn(&s->b);
	ok(!s->b.area->recovery.on && s->b.area->recovery.unserved > 0, "they were heard");
	bed_days_pass(&s->b, 2);
	ok(stay(s, &c, "xxx"), "nor while a space waits to be borne out");
	for (struct id space; area_unserved(s->b.area, &space, 1) > 0;)
		must(area_serve(s->b.area, &space) == 0);
	bed_turn(&s->b);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "then it looks again");
	chain_free(&c);
	end(s);
}

static void meddle(struct stage *s, const struct chain *c, int how)
{
	if (how == 0)
		name_it(s, &c->space, TYPE_LINK, 2, &c->versions[0]);
	else if (how == 1)
		sign(s, &s->own, c->papers[0]->content.sha);
	else if (how == 2)
		pick(s, c, &c->versions[0]);
	else
		withdraw(s, &c->space, TYPE_VERSION, &c->versions[1]);
}

/* At whatever step of the look something comes that keeps a version: it stays, or was gone before. */
static void test_meanwhile(void)
{
	static const char *const comes[] = {"a link", "a sign-off", "a choice",
					    "a withdrawal of the newer one"};

	for (int how = 0; how < 4; how++) {
		unsigned before = 0, after = 0, wrong = 0;
		for (int at = 0; at < 24; at += 1 + (how > 0)) {
			char name[32];
			snprintf(name, sizeof(name), "step%d-%d", how, at);
			struct stage *s = begin(name);
			struct chain c = chain_make(s, &s->b.partnership, 2, 180);
			rule(s, NULL, 1, NONE);
			s->b.now_ms += DAY_MS;
			area_tick(s->b.area);
			for (int i = 0; i < at; i++)
				bed_turn(&s->b);
			bool was = gone(s, &c, 0);
			meddle(s, &c, how);
			for (int i = 0; i < 40; i++)
				bed_turn(&s->b);
			before += !was;
			after += was;
			wrong += gone(s, &c, 0) != was;
			chain_free(&c);
			end(s);
		}
		ok(wrong == 0 && before > 3 && after > 0,
		   "%s while the server looks keeps the version: %u came before its release, %u "
		   "behind",
		   comes[how], before, after);
	}
}

/* Another rule while the server looks ends the look: the new one is for the next day. */
static void test_another_rule(void)
{
	struct stage *s = begin("another");
	struct chain c = chain_make(s, &s->b.partnership, 3, 190);

	rule(s, NULL, 1, NONE);
	s->b.now_ms += DAY_MS;
	area_tick(s->b.area);
	bed_turn(&s->b);
	rule(s, &s->own, 5, NONE);
	for (int i = 0; i < 40; i++)
		bed_turn(&s->b);
	ok(stay(s, &c, "xxx"), "a rule that is changed while the server looks lets nothing go,");
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "but on the next day");
	chain_free(&c);
	end(s);
}

/* ---- What has gone -------------------------------------------------------------------------- */

static void test_bytes(void)
{
	struct stage *s = begin("bytes");
	struct chain c = chain_make(s, &s->b.partnership, 3, 200);
	struct chain same = {.space = s->own, .document = make_document(s, &s->own)};
	struct node root;
	struct entry_of e;

	/* The first's bytes are another document's too, which only the staff read. */
	same.versions[0] = make_version(s, &same.space, &same.document, &c.papers[0]->content,
					NULL, 0);
	ok(can_get(&s->head, c.papers[0]) && can_get(&s->head, c.papers[1]),
	   "who reads the space may have all versions");
	bed_days_pass(&s->b, SHELF_DAYS + 2);
	rule(s, NULL, 1, NONE);
	must(node_read(&root, paper_find(c.papers[1], c.papers[1]->content.root)) == 0);
	node_entry(&root, 0, &e);
	get(&s->head, c.papers[1]->content.root, e.hash);
	must(s->head.chunks == 1);
	s->b.now_ms += DAY_MS;
	area_tick(s->b.area);
	for (int i = 0; i < 40 && !gone(s, &c, 1); i++)
		bed_turn(&s->b);
	node_entry(&root, 1, &e);
	get(&s->head, c.papers[1]->content.root, e.hash);
	ok(s->head.missing == 1 && s->head.chunks == 0,
	   "a transfer ends where the version was released");
	ok(!can_get(&s->head, c.papers[0]) && !can_get(&s->head, c.papers[1]) &&
		   can_get(&s->head, c.papers[2]),
	   "nobody may have the bytes by a version that was");
	ok(can_get(&s->staff, c.papers[0]), "but by another that names the same");
	bed_days_pass(&s->b, 1);
	ok(parts_here(s, c.papers[1]) == 0, "when the store is tidied they are erased");
	ok(is_whole(s, c.papers[0]) && is_whole(s, c.papers[2]), "and what something names stays");
	ok(is_sound(s), "the server's check misses nothing");
	/* The same bytes again are a new version. */
	offer(&s->head, c.papers[1]);
	size_t sent = answer(&s->head, c.papers[1], SIZE_MAX);
	settle(s);
	ok(s->head.stored == 1 && sent == c.papers[1]->n,
	   "who puts the same bytes again sends all of them");
	chain_free(&c);
	end(s);
}

/* What a device has brought or offers is kept for that, though the version goes. */
static void test_brought(void)
{
	struct stage *s = begin("brought");
	struct chain c = chain_make(s, &s->b.partnership, 3, 210);
	struct paper *p = c.papers[0];

	bed_days_pass(&s->b, SHELF_DAYS + 2);
	bring(s, c.papers[1]); /* it may be read, so it is Stored at once, and not delivered */
	rule(s, NULL, 1, NONE);
	/* The head's device sends the first's bytes for a document of its own. */
	struct paper *half = paper_new(218, 300000);
	offer(&s->head, half);
	answer(&s->head, half, 2);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "versions are released while something comes");
	ok(is_whole(s, p), "nothing is erased while something comes");
	answer(&s->head, half, SIZE_MAX);
	settle(s);
	ok(s->head.stored == 1, "which comes whole");
	offer(&s->staff, p);
	ok(s->staff.stored == 0 && s->staff.wants.len > 0, "the released one must be sent anew");
	answer(&s->staff, p, SIZE_MAX);
	settle(s);
	ok(s->staff.stored == 1, "and is stored");
	bed_days_pass(&s->b, SHELF_DAYS - 2);
	ok(is_whole(s, p) && parts_here(s, c.papers[1]) == 0,
	   "what was brought waits for its version, while the other is erased");
	struct id again = make_version(s, &c.space, &c.document, &p->content, &c.versions[2], 1);
	char day[16];
	ok(day_of(s, &c.space, &again, day)[0] == '\0' && can_get(&s->head, p),
	   "the same bytes can be a new version");
	bed_days_pass(&s->b, 3);
	ok(is_whole(s, p) && is_sound(s), "whose bytes stay");
	paper_free(half);
	chain_free(&c);
	end(s);
}

static void limit_school(struct stage *s, uint64_t bytes)
{
	struct id record = id_record(&s->b.id, &s->b.admin, TYPE_LIMIT, "all");
	struct making m;

	making_init(&m, &s->b, &s->b.admin, 0);
	making_create(&m, TYPE_LIMIT, &record);
	making_number(&m, 3, bytes);
	must(push(s, &s->head, &m));
}

static void test_quota(void)
{
	struct stage *s = begin("quota");
	struct chain c = chain_make(s, &s->b.partnership, 3, 220);
	struct paper *p = paper_new(228, 300000);

	bed_days_pass(&s->b, SHELF_DAYS + 2);
	limit_school(s, 1000000);
	offer(&s->staff, p);
	ok(s->staff.missing == 1, "the school's documents have reached their limit");
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	ok(stay(s, &c, "..x"), "old versions go");
	offer(&s->staff, p);
	answer(&s->staff, p, SIZE_MAX);
	settle(s);
	ok(s->staff.stored == 1, "and count no more");
	paper_free(p);
	chain_free(&c);
	end(s);
}

static bool refused(struct stage *s, struct making *m)
{
	struct id id = m->change.id;

	peer_push(&s->staff, making_bytes(m));
	making_fini(m);
	bed_turn(&s->b);
	const struct told *told = peer_told(&s->staff, &id);
	return told && told->verdict == VERDICT_REFUSED;
}

static void test_refused(void)
{
	struct stage *s = begin("refused");
	struct chain c = chain_make(s, &s->b.partnership, 2, 230);
	struct making m;
	uint32_t released = 10;
	struct id record = id_make(&s->b.env);

	making_init(&m, &s->b, &c.space, peer_held(&s->staff, &c.space)->number);
	making_edit(&m, TYPE_VERSION, &c.versions[0]);
	making_text(&m, 10, "2020-01-01", NULL);
	ok(refused(s, &m), "nobody can say that a version was released");
	making_init(&m, &s->b, &c.space, 0);
	making_create(&m, TYPE_VERSION, &record);
	making_text(&m, 10, "2020-01-01", NULL);
	ok(refused(s, &m), "nor make one that was");
	rule(s, NULL, 1, NONE);
	bed_days_pass(&s->b, 1);
	making_init(&m, &s->b, &c.space, peer_held(&s->staff, &c.space)->number);
	making_edit(&m, TYPE_VERSION, &c.versions[0])->effect.clear = &released;
	m.edits[0].effect.n_clear = 1;
	making_number(&m, 10, 0); /* its base */
	buf_reset(&m.set[0]);
	ok(stay(s, &c, ".x") && refused(s, &m) && stay(s, &c, ".x"), "nor take it back");
	making_init(&m, &s->b, &c.space, peer_held(&s->staff, &c.space)->number);
	making_edit(&m, TYPE_VERSION, &c.versions[0]);
	making_text(&m, 7, "kept on paper", NULL);
	ok(push(s, &s->staff, &m) && stay(s, &c, ".x") && is_sound(s),
	   "a note on it can be written as ever");
	chain_free(&c);
	end(s);
}

/* Several changes, where many go at once. */
static void test_many(void)
{
	enum { MANY = 150 };
	struct stage *s = begin("many");
	struct paper *p = paper_new(240, 300000);
	struct id document = make_document(s, &s->b.partnership), last = {{0}};
	struct chain c = {.space = s->b.partnership, .document = document, .n = 1};
	size_t went = 0;

	bring(s, p);
	for (int i = 0; i < MANY; i++) {
		struct id v = make_version(s, &c.space, &document, &p->content, &last, i > 0);
		c.versions[0] = last = v;
	}
	uint64_t before = peer_held(&s->staff, &c.space)->number;
	rule(s, NULL, 10, NONE);
	bed_days_pass(&s->b, 1);
	struct db_stmt *st = db_query(s->b.area->db, "SELECT count(*) FROM named", "");
	must(db_step(st) > 0);
	went = MANY - (size_t)db_int(st, 0);
	db_reset(st);
	ok(went == MANY - 10, "of %d versions ten stay", (int)MANY);
	ok(peer_held(&s->staff, &c.space)->number == before + 5, "by five entries");
	ok(is_whole(s, p) && can_get(&s->head, p) && is_sound(s), "who have the same bytes");
	paper_free(p);
	end(s);
}

int main(void)
{
	test_newest();
	test_days();
	test_both();
	test_ahead();
	test_spaces();
	test_apart();
	test_circle();
	test_named();
	test_elsewhere();
	test_signed();
	test_picked();
	test_disputed();
	test_damaged();
	test_recovering();
	test_meanwhile();
	test_another_rule();
	test_bytes();
	test_brought();
	test_quota();
	test_refused();
	test_many();
	return tap_end();
}
