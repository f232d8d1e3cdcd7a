/* Held changes on the server: who is held, who decides, what comes of it, and that it lasts. */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/turn.h"
#include "server/shelf.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

#include <stdlib.h>
#include <string.h>

/* A group with a space of its own, its chair, and a member whose place in it can end. */
struct group {
	struct bed b;
	struct peer admin, chair, member;
	struct id chairs, person, group, space, appointment;
};

static void group_make(struct group *g)
{
	struct making m;

	g->group = id_make(&g->b.env);
	g->space = id_make(&g->b.env);
	making_init(&m, &g->b, &g->b.directory, 0);
	making_create(&m, TYPE_GROUP, &g->group);
	making_text(&m, 1, "Maths", NULL);
	making_ref(&m, 6, &g->chairs);
	making_create(&m, TYPE_SPACE, &g->space);
	making_text(&m, 1, "Maths group", NULL);
	making_number(&m, 2, RECORDS__SPACE_KIND__GROUP);
	making_ref(&m, 3, &g->group);
	making_member(&m, 10, &g->group);
	peer_push(&g->admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&g->b);
}

static void group_init(struct group *g, const char *name)
{
	bed_init(&g->b, name);
	peer_join(&g->admin, &g->b, &g->b.person);
	peer_hello(&g->admin);
	g->chairs = bed_person(&g->b, &g->admin, "C. Chair");
	bed_appoint(&g->b, &g->admin, &g->chairs, RECORDS__ROLE__STAFF, NULL);
	g->person = bed_person(&g->b, &g->admin, "M. Member");
	bed_appoint(&g->b, &g->admin, &g->person, RECORDS__ROLE__STAFF, NULL);
	group_make(g);
	g->appointment =
		bed_appoint(&g->b, &g->admin, &g->person, RECORDS__ROLE__STAFF, &g->group);
	peer_join(&g->chair, &g->b, &g->chairs);
	peer_hello(&g->chair);
	peer_join(&g->member, &g->b, &g->person);
	peer_hello(&g->member);
}

static uint64_t directory_number(struct group *g)
{
	return peer_held(&g->admin, &g->b.directory)->number;
}

/* The member's place in the group ends, in this turn. */
static void group_end(struct group *g)
{
	struct making m;

	making_init(&m, &g->b, &g->b.directory, directory_number(g));
	making_edit(&m, TYPE_APPOINTMENT, &g->appointment);
	making_number(&m, 7, 1);
	peer_push(&g->admin, making_bytes(&m));
	making_fini(&m);
}

static void person_stands(struct group *g, unsigned from, unsigned to)
{
	struct making m;
	struct buf old = {0};

	field_add_number(&old, 5, from);
	making_init(&m, &g->b, &g->b.directory, directory_number(g));
	making_edit(&m, TYPE_PERSON, &g->person);
	making_number(&m, 5, to);
	m.bases[0][0].digest = base_digest(buf_bytes(&old));
	peer_push(&g->admin, making_bytes(&m));
	making_fini(&m);
	buf_fini(&old);
	bed_turn(&g->b);
}

static void decide(struct peer *p, const struct id *change, bool accept, const char *words)
{
	Wire__Decide m = WIRE__DECIDE__INIT;

	p->decided = (struct told){.verdict = -1};
	m.change = PB_ID(change);
	m.accept = accept;
	m.words = (char *)words;
	peer_send(p, WIRE__KIND__DECIDE, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

/* The change that the peer pushed last, once more. */
static void push_last_again(struct peer *p)
{
	size_t at = 0, last = 0;

	for (; at < p->sent.len; at += 4 + read_u32be(p->sent.data + at))
		last = at;
	struct bytes bytes = BYTES(p->sent.data + last + 4, read_u32be(p->sent.data + last));
	struct buf copy = {0};
	buf_add_bytes(&copy, bytes);
	peer_push(p, buf_bytes(&copy));
	buf_fini(&copy);
	bed_turn(p->bed);
}

static bool was_told(const struct peer *p, const struct id *change, enum verdict verdict)
{
	const struct told *t = peer_told(p, change);
	return t && t->verdict == (int)verdict;
}

static void fault_note(void *arg, const char *words)
{
	(*(size_t *)arg)++;
	note("%s", words);
}

static bool is_sound(struct bed *b)
{
	size_t faults = 0;
	return area_check(b->area, fault_note, &faults) == 0 && faults == 0;
}

/* ---- Being held ----------------------------------------------------------------------------- */

static void test_held(void)
{
	struct group g;
	struct id record, other;

	group_init(&g, "held");
	ok(peer_held(&g.member, &g.space) && peer_held(&g.chair, &g.space),
	   "member and chair hold the space");
	struct id before = peer_add_action(&g.member, &g.space, "before", &record);
	group_end(&g);
	struct id after = peer_add_action(&g.member, &g.space, "after", &other);
	bed_turn(&g.b);
	ok(was_told(&g.member, &before, VERDICT_APPLIED), "what came before the end is accepted");
	ok(was_told(&g.member, &after, VERDICT_HELD) && peer_told(&g.member, &after)->words[0],
	   "what comes after it is held (\"%s\")", peer_told(&g.member, &after)->words);
	ok(peer_held(&g.chair, &g.space)->number == 1, "it is in no journal");
	ok(g.chair.n_held == 1 && id_equal(&g.chair.held[0], &after), "the chair is sent it");
	ok(g.admin.held_frames == 0 && g.member.held_frames == 0, "nobody else is");
	push_last_again(&g.member);
	ok(g.member.n_told == 3 && was_told(&g.member, &after, VERDICT_HELD) && g.chair.n_held == 1,
	   "pushed again it is as held as before");
	ok(is_sound(&g.b), "the area is sound");

	struct id never = peer_add_action(&g.chair, &g.b.admin, "never", &record);
	struct id nowhere = id_make(&g.b.env);
	struct id none = peer_add_action(&g.member, &nowhere, "nowhere", &record);
	struct id own = id_personal(&g.b.id, &g.chairs);
	struct id foreign = peer_add_action(&g.member, &own, "another's own", &record);
	bed_turn(&g.b);
	ok(was_told(&g.chair, &never, VERDICT_REFUSED) &&
		   was_told(&g.member, &none, VERDICT_REFUSED) &&
		   was_told(&g.member, &foreign, VERDICT_REFUSED),
	   "who never had the right to write is refused, not held");
	bed_restart(&g.b, false);
	peer_connect(&g.chair);
	g.chair.n_held = 0;
	peer_hello(&g.chair);
	ok(g.chair.n_held == 1 && id_equal(&g.chair.held[0], &after),
	   "after a restart the chair is sent it again");
	bed_fini(&g.b);
}

static void test_other_bytes(void)
{
	struct group g;
	struct making m;
	struct id record;

	group_init(&g, "bytes");
	group_end(&g);
	bed_turn(&g.b);
	record = id_make(&g.b.env);
	making_init(&m, &g.b, &g.space, 0);
	making_create(&m, TYPE_ACTION, &record);
	making_text(&m, 3, "one", NULL);
	peer_push(&g.member, making_bytes(&m));
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 3, "two");
	peer_push(&g.member, making_bytes(&m));
	bed_turn(&g.b);
	ok(was_told(&g.member, &m.change.id, VERDICT_REFUSED) && g.chair.n_held == 1,
	   "other bytes under the id of a held change are refused, and it stays held");
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 3, "one");
	peer_push(&g.admin, making_bytes(&m));
	bed_turn(&g.b);
	ok(was_told(&g.admin, &m.change.id, VERDICT_HELD) && g.chair.n_held == 1,
	   "the same from another device is told the same");
	making_fini(&m);
	bed_fini(&g.b);
}

static void test_limits(void)
{
	struct group g;
	struct id record, change = {{0}};

	group_init(&g, "limits");
	group_end(&g);
	bed_turn(&g.b);
	for (size_t i = 0; i < HELD_CHANGES; i++)
		change = peer_add_action(&g.member, &g.space, "one of many", &record);
	bed_turn(&g.b);
	ok(was_told(&g.member, &change, VERDICT_HELD) && g.chair.n_held == HELD_CHANGES,
	   "a device may have %d changes held", HELD_CHANGES);
	change = peer_add_action(&g.member, &g.space, "too many", &record);
	bed_turn(&g.b);
	ok(was_told(&g.member, &change, VERDICT_REFUSED), "one more is refused (\"%s\")",
	   peer_told(&g.member, &change)->words);
	decide(&g.chair, &g.chair.held[0], false, NULL);
	change = peer_add_action(&g.member, &g.space, "room again", &record);
	bed_turn(&g.b);
	ok(was_told(&g.member, &change, VERDICT_HELD), "until one was decided");
	ok(is_sound(&g.b), "the counts are right");
	bed_fini(&g.b);
}

static void test_bytes_limit(void)
{
	struct group g;
	struct making m;
	size_t n = 0;
	char *text = mem_alloc(250001);

	group_init(&g, "size");
	group_end(&g);
	bed_turn(&g.b);
	memset(text, 'x', 250000);
	for (bool held = true; held && n < 100; n += held) {
		struct id record = id_make(&g.b.env);
		making_init(&m, &g.b, &g.space, 0);
		making_create(&m, TYPE_ACTION, &record);
		making_text(&m, 18, text, NULL);
		peer_push(&g.member, making_bytes(&m));
		bed_turn(&g.b);
		held = was_told(&g.member, &m.change.id, VERDICT_HELD);
		making_fini(&m);
	}
	ok(n == HELD_BYTES / 250200, "so may it %zu changes of 250 KB, and no more", n);
	g.chair.held_frames = 0;
	peer_connect(&g.chair);
	peer_hello(&g.chair);
	for (int i = 0; i < 100; i++)
		bed_turn(&g.b);
	ok(g.chair.n_held == n && g.chair.held_frames > 10, "which reach the chair in %zu frames",
	   g.chair.held_frames);
	free(text);
	bed_fini(&g.b);
}

/* The count of refused changes is kept for each device. */
static void test_refused_limit(void)
{
	struct group g;
	struct id record;
	struct cause cause = {""};

	group_init(&g, "refused");
	struct id nowhere = id_make(&g.b.env);
	struct id first = peer_add_action(&g.member, &nowhere, "refused", &record);
	bed_turn(&g.b);
	ok(was_told(&g.member, &first, VERDICT_REFUSED), "a change of nowhere is refused");
	must(journal_begin(g.b.area->journal) == 0);
	must(db_run_text(g.b.area->db, "UPDATE tally SET refused = refused + 99999", &cause) == 0);
	must(journal_commit(g.b.area->journal) == 0);
	struct id more = peer_add_action(&g.member, &nowhere, "one more", &record);
	bed_turn(&g.b);
	ok(!peer_told(&g.member, &more) && g.member.bye == WIRE__REASON__TOO_BIG,
	   "the 100,001st of a device ends its session (\"%s\")", g.member.bye_words);
	first = peer_add_action(&g.chair, &nowhere, "of another device", &record);
	bed_turn(&g.b);
	ok(was_told(&g.chair, &first, VERDICT_REFUSED), "others are not kept from being refused");
	bed_fini(&g.b);
}

/* ---- Deciding ------------------------------------------------------------------------------- */

static void test_accept(void)
{
	struct group g;
	struct id record;

	group_init(&g, "accept");
	group_end(&g);
	struct id change = peer_add_action(&g.member, &g.space, "let me in", &record);
	bed_turn(&g.b);
	decide(&g.admin, &change, true, NULL);
	ok(g.admin.decided.verdict == 0 && g.admin.decided.words[0] && g.chair.n_held == 1,
	   "a stranger decides nothing (\"%s\")", g.admin.decided.words);
	struct id unknown = id_make(&g.b.env);
	char words[sizeof(g.admin.decided.words)];
	strcpy(words, g.admin.decided.words);
	decide(&g.admin, &unknown, true, NULL);
	ok(strcmp(words, g.admin.decided.words) == 0,
	   "and is told the same of a change that is not there");
	decide(&g.member, &change, true, NULL);
	ok(g.member.decided.verdict == 0, "its author does not either");
	g.member.n_told = 0;
	decide(&g.chair, &change, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_APPLIED && g.chair.decided.number == 1,
	   "the chair lets it in");
	ok(peer_held(&g.chair, &g.space)->number == 1 && !g.chair.chain_broken,
	   "and is fed its entry");
	ok(g.chair.n_held == 0, "and an empty list");
	ok(was_told(&g.member, &change, VERDICT_APPLIED) &&
		   peer_told(&g.member, &change)->number == 0,
	   "the author is told at once, without its number");
	push_last_again(&g.member);
	ok(was_told(&g.member, &change, VERDICT_APPLIED), "and when it pushes it again");
	decide(&g.chair, &change, false, NULL);
	ok(g.chair.decided.verdict == 0, "a change is decided once");
	ok(is_sound(&g.b), "the area is sound");
	bed_fini(&g.b);
}

static bool let_in_row(void *arg, const struct entry *e)
{
	struct peer **who = arg;
	struct arena arena;
	struct header h;

	arena_init(&arena, ARENA_NO_BUDGET);
	must(header_read(&h, e->header, &arena) == 0);
	ok(id_equal(&h.device, &who[0]->device) && id_equal(&h.let_in_by, &who[1]->device),
	   "its header names the author, and who let it in");
	arena_fini(&arena);
	return true;
}

static void test_header(void)
{
	struct group g;
	struct id record;

	group_init(&g, "header");
	group_end(&g);
	struct id change = peer_add_action(&g.member, &g.space, "whose is it", &record);
	bed_turn(&g.b);
	decide(&g.chair, &change, true, NULL);
	struct space *s = journal_space(g.b.area->journal, &g.space);
	struct peer *who[] = {&g.member, &g.chair};
	must(journal_entries(g.b.area->journal, s, 1, 1, let_in_row, who) == 0);
	bed_fini(&g.b);
}

static void test_refuse(void)
{
	struct group g;
	struct id record;
	char words[900];

	group_init(&g, "refuse");
	group_end(&g);
	struct id one = peer_add_action(&g.member, &g.space, "one", &record);
	bed_turn(&g.b);
	struct id two = peer_add_action(&g.member, &g.space, "two", &record);
	bed_turn(&g.b);
	decide(&g.chair, &one, false, "this was agreed otherwise");
	ok(g.chair.decided.verdict == VERDICT_REFUSED && g.chair.n_held == 1,
	   "the chair refuses one");
	ok(was_told(&g.member, &one, VERDICT_REFUSED) &&
		   strcmp(peer_told(&g.member, &one)->words, "this was agreed otherwise") == 0,
	   "and the author reads why");
	memset(words, 'w', sizeof(words));
	memcpy(words + 399, "é", 2);
	words[899] = '\0';
	decide(&g.chair, &two, false, words);
	ok(was_told(&g.member, &two, VERDICT_REFUSED) && g.member.bye == 0 &&
		   strlen(peer_told(&g.member, &two)->words) > 100,
	   "words without end are cut, between characters");
	bed_restart(&g.b, false);
	peer_connect(&g.member);
	g.member.n_told = 0;
	peer_hello(&g.member);
	push_last_again(&g.member);
	ok(was_told(&g.member, &two, VERDICT_REFUSED), "a refusal lasts");
	ok(is_sound(&g.b), "the area is sound");
	bed_fini(&g.b);
}

/* A member's edit of a text, seen at `seen`. */
static struct id edit_text(struct group *g, struct peer *p, const struct id *record,
			   const char *text, const char *old, uint64_t seen, const struct id *after)
{
	struct making m;

	making_init(&m, &g->b, &g->space, seen);
	making_edit(&m, TYPE_ACTION, record);
	making_text(&m, 3, text, old);
	if (after)
		m.edits[0].after = *after;
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	return id;
}

static void test_moved(void)
{
	struct group g;
	struct id record, other;

	group_init(&g, "moved");
	peer_add_action(&g.chair, &g.space, "first", &record);
	bed_turn(&g.b);
	group_end(&g);
	struct id one = edit_text(&g, &g.member, &record, "the member's", "first", 1, NULL);
	struct id two = edit_text(&g, &g.member, &record, "the member's second", "the member's", 1,
				  &one);
	edit_text(&g, &g.chair, &record, "the chair's", "first", 1, NULL);
	bed_turn(&g.b);
	ok(was_told(&g.member, &one, VERDICT_HELD) && was_told(&g.member, &two, VERDICT_HELD) &&
		   id_equal(&g.chair.held[0], &one) && id_equal(&g.chair.held[1], &two),
	   "two that stand on each other are held, in their order");
	decide(&g.chair, &two, true, NULL);
	ok(g.chair.decided.verdict == 0 && g.chair.n_held == 2,
	   "the later can't be let in before the earlier (\"%s\")", g.chair.decided.words);
	decide(&g.chair, &one, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_CONFLICT,
	   "where the record has moved, what is let in is one of two versions");
	decide(&g.chair, &two, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_CONFLICT && g.chair.n_held == 0, "and the later too");
	struct id lost = edit_text(&g, &g.member, &record, "later", "the chair's", 999, NULL);
	bed_turn(&g.b);
	decide(&g.chair, &lost, true, NULL);
	ok(g.chair.decided.verdict == 0 && strstr(g.chair.decided.words, "set back") &&
		   g.chair.n_held == 1,
	   "one whose author had seen what the server has lost stays held");
	decide(&g.chair, &lost, false, NULL);
	struct id bad = edit_text(&g, &g.member, &record, "\xff", "the chair's", 1, NULL);
	bed_turn(&g.b);
	decide(&g.chair, &bad, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_REFUSED && g.chair.decided.words[0],
	   "what could not be entered from anybody is refused as it is let in (\"%s\")",
	   g.chair.decided.words);
	ok(was_told(&g.member, &bad, VERDICT_REFUSED) &&
		   strcmp(peer_told(&g.member, &bad)->words, g.chair.decided.words) != 0,
	   "its author, who does not read the space, is told no more than that");
	peer_add_action(&g.chair, &g.space, "goes on", &other);
	bed_turn(&g.b);
	ok(!g.chair.chain_broken && is_sound(&g.b), "the area is sound");
	bed_fini(&g.b);
}

static void test_back_again(void)
{
	struct group g;
	struct id record;

	group_init(&g, "again");
	group_end(&g);
	struct id change = peer_add_action(&g.member, &g.space, "mine", &record);
	bed_turn(&g.b);
	bed_appoint(&g.b, &g.admin, &g.person, RECORDS__ROLE__STAFF, &g.group);
	push_last_again(&g.member);
	ok(peer_held(&g.member, &g.space)->number == 1 && g.chair.n_held == 0,
	   "who may write again brings it in by pushing it again");
	ok(was_told(&g.member, &change, VERDICT_HELD),
	   "the entry is the answer"); /* the last word by Verdicts was held */
	bed_fini(&g.b);
}

static void test_chairs(void)
{
	struct group g;
	struct making m;
	struct id record, change;

	group_init(&g, "chairs");
	group_end(&g);
	change = peer_add_action(&g.member, &g.space, "who decides", &record);
	bed_turn(&g.b);
	making_init(&m, &g.b, &g.b.directory, directory_number(&g));
	making_edit(&m, TYPE_GROUP, &g.group);
	making_ref(&m, 6, &g.b.person);
	struct buf old = {0};
	field_add_bytes(&old, 6, ID_BYTES(&g.chairs));
	m.bases[0][0].digest = base_digest(buf_bytes(&old));
	peer_push(&g.admin, making_bytes(&m));
	making_fini(&m);
	buf_fini(&old);
	bed_turn(&g.b);
	ok(g.admin.n_held == 1 && id_equal(&g.admin.held[0], &change),
	   "a new chair is sent what is held");
	ok(!peer_held(&g.chair, &g.space), "the old one, who is no member, loses the space");
	decide(&g.chair, &change, true, NULL);
	ok(g.chair.decided.verdict == 0, "and decides no more");
	decide(&g.admin, &change, true, NULL);
	ok(g.admin.decided.verdict == VERDICT_APPLIED, "the new one does");
	bed_fini(&g.b);
}

/* Of a space of no group an administrator decides. */
static void test_partnership(void)
{
	struct group g;
	struct id record;

	group_init(&g, "partnership");
	person_stands(&g, RECORDS__STANDING__ACTIVE, RECORDS__STANDING__SUSPENDED);
	struct id change = peer_add_action(&g.member, &g.b.partnership, "late", &record);
	struct id own_space = id_personal(&g.b.id, &g.person);
	struct id own = peer_add_action(&g.member, &own_space, "own", &record);
	bed_turn(&g.b);
	ok(g.member.bye == 0 && g.member.n_spaces == 0,
	   "a suspended person's open session loses every space at once");
	ok(was_told(&g.member, &change, VERDICT_HELD) && g.admin.n_held == 1 && g.chair.n_held == 0,
	   "what it still pushes is held for the administrator");
	ok(was_told(&g.member, &own, VERDICT_REFUSED),
	   "but of its own space, where nobody decides");
	peer_connect(&g.member);
	peer_hello(&g.member);
	ok(g.member.welcome && g.member.bye == 0 && g.member.n_spaces == 0,
	   "it may connect again, to hand over what it has");
	decide(&g.member, &change, true, NULL);
	ok(g.member.decided.verdict == 0, "and no more than that");
	decide(&g.admin, &change, true, NULL);
	ok(g.admin.decided.verdict == VERDICT_APPLIED && was_told(&g.member, &change, VERDICT_APPLIED),
	   "the administrator lets it in, and it is told so");
	person_stands(&g, RECORDS__STANDING__SUSPENDED, RECORDS__STANDING__GONE);
	ok(g.member.bye == 0, "so it is with one who has gone");
	bed_fini(&g.b);
}

/* ---- A disk that is full -------------------------------------------------------------------- */

static void test_take_back(void)
{
	struct group g;
	struct id record;

	group_init(&g, "back");
	group_end(&g);
	struct id change = peer_add_action(&g.member, &g.space, "on a full disk", &record);
	must(turn_failed(g.b.area, ERR_FULL) == ERR_FULL);
	bed_turn(&g.b);
	const struct told *t = peer_told(&g.member, &change);
	ok(t && t->verdict == 0 && t->wait == WIRE__WAIT__NO_ROOM && g.chair.n_held == 0,
	   "what could not be kept is deferred");
	group_end(&g);
	push_last_again(&g.member);
	ok(was_told(&g.member, &change, VERDICT_HELD) && g.chair.n_held == 1,
	   "and held when there is room");
	Wire__Decide m = WIRE__DECIDE__INIT;
	m.change = PB_ID(&change);
	m.accept = true;
	g.member.n_told = 0;
	peer_send(&g.chair, WIRE__KIND__DECIDE, &m.base, BYTES_NONE);
	must(turn_failed(g.b.area, ERR_FULL) == ERR_FULL);
	bed_turn(&g.b);
	ok(g.chair.decided.verdict == 0 && g.chair.decided.words[0] && g.chair.n_held == 1 &&
		   peer_held(&g.chair, &g.space)->number == 0,
	   "a decision that could not be kept is none (\"%s\")", g.chair.decided.words);
	decide(&g.chair, &change, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_APPLIED && !g.chair.chain_broken && is_sound(&g.b),
	   "and is made again");
	bed_fini(&g.b);
}

static void test_garbage(void)
{
	struct group g;
	Wire__Decide m = WIRE__DECIDE__INIT;

	group_init(&g, "garbage");
	m.change = PB_BYTES(BYTES("short", 5));
	peer_send(&g.chair, WIRE__KIND__DECIDE, &m.base, BYTES_NONE);
	bed_turn(&g.b);
	ok(g.chair.bye == WIRE__REASON__PROTOCOL, "a decision on nothing ends the session");
	bed_fini(&g.b);
}

/* A document's version: its bytes wait for the decision as long as it takes. */
static void test_document(void)
{
	struct group g;
	struct paper *paper = paper_new(3, 300000), *left = paper_new(4, 300000);

	group_init(&g, "document");
	group_end(&g);
	bed_turn(&g.b);
	offer(&g.member, left);
	answer(&g.member, left, SIZE_MAX);
	offer(&g.member, paper);
	answer(&g.member, paper, SIZE_MAX);
	must(g.member.stored == 1);
	struct id change = push_version(&g.member, &g.space, &paper->content);
	ok(was_told(&g.member, &change, VERDICT_HELD), "a version of a document is held");
	bed_days_pass(&g.b, 3 * SHELF_DAYS);
	decide(&g.chair, &change, true, NULL);
	ok(g.chair.decided.verdict == VERDICT_APPLIED,
	   "and can be accepted when the chair comes to it, weeks later");
	bed_days_pass(&g.b, 2 * SHELF_DAYS);
	ok(area_content(g.b.area, &paper->content) == 0 &&
		   area_content(g.b.area, &left->content) < 0,
	   "then it stays, and what else was brought and not named goes");
	ok(is_sound(&g.b), "and all is sound");
	bed_fini(&g.b);
	paper_free(paper);
	paper_free(left);
}

int main(void)
{
	test_held();
	test_document();
	test_other_bytes();
	test_limits();
	test_bytes_limit();
	test_refused_limit();
	test_accept();
	test_header();
	test_refuse();
	test_moved();
	test_back_again();
	test_chairs();
	test_partnership();
	test_take_back();
	test_garbage();
	return tap_end();
}
