/* The journal: what it keeps, what it takes back, and what a check of it finds. */
#include "common/db.h"
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/turn.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* An edit of an action's text, seen at `seen`. */
static struct id edit_text(struct peer *p, const struct id *record, const char *text,
			   const char *old, uint64_t seen)
{
	struct making m;

	making_init(&m, p->bed, &p->bed->partnership, seen);
	making_edit(&m, TYPE_ACTION, record);
	making_text(&m, 3, text, old);
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	return id;
}

static uint64_t open_conflicts(struct bed *b)
{
	return journal_space(b->area->journal, &b->partnership)->open_conflicts;
}

static void two_schools(struct bed *b, struct peer *one, struct peer *two, const char *name)
{
	bed_init(b, name);
	peer_join(one, b, &b->person);
	peer_hello(one);
	peer_join(two, b, &b->person);
	peer_hello(two);
}

static void test_conflict(void)
{
	struct bed b;
	struct peer one, two;
	struct id record;

	two_schools(&b, &one, &two, "conflict");
	peer_add_action(&one, &b.partnership, "first", &record);
	bed_turn(&b);
	edit_text(&one, &record, "one's", "first", 1);
	edit_text(&two, &record, "two's", "first", 1);
	bed_turn(&b);
	ok(peer_held(&one, &b.partnership)->number == 3 && !one.chain_broken && !two.chain_broken,
	   "both edits are entries");
	ok(peer_held(&two, &b.partnership)->without_body == 0,
	   "the author of the second gets what came of it");
	ok(open_conflicts(&b) == 1, "one conflict is open");
	bed_restart(&b, false);
	ok(open_conflicts(&b) == 1, "after a restart too");
	bed_fini(&b);
}

static void test_take_back(void)
{
	struct bed b;
	struct peer one, two;
	struct id record, made;
	struct making m;

	two_schools(&b, &one, &two, "back");
	peer_add_action(&one, &b.partnership, "kept", &record);
	bed_turn(&b);
	struct area *a = b.area;
	struct space *s = journal_space(a->journal, &b.partnership);
	uint8_t chain[SHA256_LEN];
	memcpy(chain, s->chain, sizeof(chain));
	made = id_make(&b.env);
	making_init(&m, &b, &b.directory, 0);
	making_create(&m, TYPE_SPACE, &made);
	making_number(&m, 2, RECORDS__SPACE_KIND__GROUP);
	making_member(&m, 12, &b.person);
	peer_push(&one, making_bytes(&m));
	struct id lost = peer_add_action(&one, &b.partnership, "taken back", &record);
	ok(s->number == 2 && s->committed == 1, "within a turn the head is ahead of the disk");
	a->tidying = a->lane_busy = true;
	ok(turn_failed(a, ERR_FULL) == ERR_FULL, "where the disk is full the turn is taken back");
	ok(!a->tidying && !area_is_busy(a), "and what can wait does, until the next tick");
	ok(s->number == 1 && memcmp(chain, s->chain, sizeof(chain)) == 0, "and the head with it");
	ok(access_kind(a->access, &made) == 0, "and rights");
	struct id after = peer_add_action(&two, &b.partnership, "after", &record);
	ok(bed_turn(&b) == 1, "whoever waits for the turn is told");
	const struct told *t = peer_told(&one, &lost), *u = peer_told(&two, &after);
	ok(t && t->wait == WIRE__WAIT__NO_ROOM && u && u->wait == WIRE__WAIT__NO_ROOM,
	   "so are the authors, who send it again later");
	peer_push(&one, making_bytes(&m));
	ok(bed_turn(&b) == 0 && peer_held(&one, &made), "which then goes through");
	making_fini(&m);
	bed_restart(&b, false);
	ok(journal_space(b.area->journal, &made) != NULL, "and lasts");
	bed_fini(&b);
}

/* A limit on the size of files is a full disk to whoever writes them. */
static void test_full(void)
{
	struct bed b;
	struct peer one, two;
	struct rlimit all, some;
	struct id record, change = {{0}};
	size_t n = 0;

	two_schools(&b, &one, &two, "full");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = 1500000;
	setrlimit(RLIMIT_FSIZE, &some);
	char *text = mem_alloc(20001);
	memset(text, 'x', 20000);
	for (; n < 500 && !peer_told(&one, &change); n++) {
		change = peer_add_action(&one, &b.partnership, text, &record);
		bed_turn(&b);
	}
	const struct told *t = peer_told(&one, &change);
	ok(t && t->wait == WIRE__WAIT__NO_ROOM, "on a full disk the %zuth change waits", n);
	uint64_t held = peer_held(&two, &b.partnership)->number;
	ok(held == n - 1 && !two.chain_broken, "all before it were accepted");
	peer_connect(&two);
	memset(two.spaces, 0, sizeof(two.spaces));
	two.n_spaces = 0;
	peer_hello(&two);
	for (int i = 0; i < 50; i++)
		bed_turn(&b);
	ok(two.welcome && peer_held(&two, &b.partnership)->number == held, "reading goes on");
	setrlimit(RLIMIT_FSIZE, &all);
	one.n_told = 0;
	peer_add_action(&one, &b.partnership, "there is room again", &record);
	ok(bed_turn(&b) == 0 && one.n_told == 0 &&
		   peer_held(&one, &b.partnership)->number == held + 1,
	   "with room again it goes on without a restart");
	free(text);
	bed_fini(&b);
}

static void count_fault(void *arg, const char *words)
{
	(*(size_t *)arg)++;
	note("%s", words);
}

/* An agenda item of approved Minutes: entries 1 and 2. */
static void approved(struct peer *p, struct id *item, struct id *minutes)
{
	struct making m;

	*item = id_make(&p->bed->env);
	*minutes = id_make(&p->bed->env);
	making_init(&m, p->bed, &p->bed->partnership, 0);
	making_create(&m, TYPE_AGENDA_ITEM, item);
	making_text(&m, 3, "Apologies", NULL);
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	making_init(&m, p->bed, &p->bed->partnership, 0);
	making_create(&m, TYPE_MINUTES, minutes);
	making_number(&m, 3, RECORDS__MINUTES_STATE__APPROVED);
	making_ref(&m, 4, item);
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	bed_turn(p->bed);
}

struct found {
	struct id on, author;
	size_t n;
};

static int find_note(void *arg, const struct record *r)
{
	struct found *f = arg;
	if (r->type != TYPE_NOTE)
		return 0;
	f->n++;
	must(id_from(&f->on, value_bytes(record_get(r, 1))));
	must(id_from(&f->author, value_bytes(record_get(r, 7))));
	return 0;
}

static void test_held_fast(void)
{
	struct bed b;
	struct peer one, two;
	struct id item, minutes;
	struct making m;
	struct found f = {.n = 0};

	two_schools(&b, &one, &two, "fast");
	approved(&one, &item, &minutes);
	for (int i = 0; i < 2; i++) {
		making_init(&m, &b, &b.partnership, 1 + (uint64_t)i);
		making_edit(&m, TYPE_AGENDA_ITEM, &item);
		making_text(&m, 3, i ? "Later still" : "Late", "Apologies");
		peer_push(&two, making_bytes(&m));
		making_fini(&m);
		bed_turn(&b);
		if (i == 0)
			bed_restart(&b, false);
		if (i == 0)
			peer_connect(&two);
		if (i == 0)
			peer_hello(&two);
	}
	const struct space *s = journal_space(b.area->journal, &b.partnership);
	must(journal_each_record(b.area->journal, s, find_note, &f) == 0);
	ok(f.n == 2 && id_equal(&f.on, &item) && id_equal(&f.author, &b.person) && s->open_conflicts == 0,
	   "late edits of approved minutes are Notes by their author, after a restart too");
	making_init(&m, &b, &b.partnership, 4);
	making_edit(&m, TYPE_MINUTES, &minutes);
	struct edit *e = &m.edits[0];
	struct buf was = {0};
	field_add_number(&was, 3, RECORDS__MINUTES_STATE__APPROVED);
	making_number(&m, 3, RECORDS__MINUTES_STATE__DRAFT);
	m.bases[0][e->n_bases - 1].digest = base_digest(buf_bytes(&was));
	peer_push(&two, making_bytes(&m));
	making_fini(&m);
	buf_fini(&was);
	bed_turn(&b);
	making_init(&m, &b, &b.partnership, 5);
	making_edit(&m, TYPE_AGENDA_ITEM, &item);
	making_text(&m, 3, "Welcome", "Apologies");
	peer_push(&two, making_bytes(&m));
	making_fini(&m);
	bed_turn(&b);
	f.n = 0;
	must(journal_each_record(b.area->journal, s, find_note, &f) == 0);
	size_t faults = 0;
	ok(f.n == 2 && s->number == 6 && area_check(b.area, count_fault, &faults) == 0 && faults == 0,
	   "minutes that are taken up again let go of their items");
	bed_fini(&b);
}

static int count_records(void *arg, const struct record *r)
{
	*(size_t *)arg += r->type == TYPE_NOTE;
	return 0;
}

/* Who reads them a few at a time has few bytes at a time, too. */
static void test_large(void)
{
	struct bed b;
	struct peer one, two;
	struct making m;
	struct id after = {{0}}, id;
	size_t n = 0, steps = 1, first;
	char *text = mem_alloc(200001);

	memset(text, 'a', 200000);
	two_schools(&b, &one, &two, "large");
	for (int i = 0; i < 12; i++) {
		id = id_make(&b.env);
		making_init(&m, &b, &b.partnership, 0);
		making_create(&m, TYPE_NOTE, &id);
		making_text(&m, 3, text, NULL);
		peer_push(&one, making_bytes(&m));
		making_fini(&m);
		bed_turn(&b);
	}
	const struct space *s = journal_space(b.area->journal, &b.partnership);
	int more = journal_next_records(b.area->journal, s, &after, 256, count_records, &n);
	for (first = n; more > 0; steps++)
		more = journal_next_records(b.area->journal, s, &after, 256, count_records, &n);
	ok(first == 6 && steps == 3 && more == 0 && n == 12,
	   "large records are read a MiB at a time: %zu of %zu in %zu steps", first, n, steps);
	free(text);
	bed_fini(&b);
}

/* ---- Checks --------------------------------------------------------------------------------- */

/* An area with a conflict in it, and nobody connected. */
static void disputed(struct bed *b, const char *name)
{
	struct peer one, two;
	struct id record;

	two_schools(b, &one, &two, name);
	peer_add_action(&one, &b->partnership, "first", &record);
	bed_turn(b);
	struct id item, minutes;
	approved(&two, &item, &minutes);
	for (int i = 0; i < 5; i++)
		edit_text(i % 2 ? &one : &two, &record, i % 2 ? "odd" : "even", "first", 1);
	bed_turn(b);
	peer_fini(&one);
	peer_fini(&two);
}

/* Change the file behind the area's back, and see that a check finds it. */
static void damage(const char *name, const char *what, const char *sql)
{
	struct bed b;
	disputed(&b, name);
	char *path = mem_format("%s/area.db", b.dir);
	struct cause cause = {{0}};
	size_t faults = 0;
	struct db *db;

	area_close(&b.area);
	must(db_open(&db, path, DB_SOLE, "", 2, NULL, &cause) == 0 && db_begin(db) == 0);
	must(db_run_text(db, sql, &cause) == 0 && db_changes(db) > 0 && db_commit(db) == 0);
	db_close(&db);
	free(path);
	must(area_open(&b.area, &b.options, &cause) == 0);
	ok(area_check(b.area, count_fault, &faults) == 0 && faults > 0, "%s is found", what);
	bed_fini(&b);
}

static void test_check(void)
{
	struct bed b;
	size_t faults = 0;

	disputed(&b, "sound");
	ok(area_check(b.area, count_fault, &faults) == 0 && faults == 0,
	   "an area with conflicts is sound");
	bed_fini(&b);
	damage("changed", "a record that was changed",
	       "UPDATE record SET fields = x'00010102' WHERE type = 12");
	damage("garbled", "a record that can't be read",
	       "UPDATE record SET fields = x'000101' WHERE type = 12");
	damage("missing", "a record that is missing", "DELETE FROM record WHERE type = 12");
	damage("index", "an open conflict that would not be found", "DELETE FROM conflict");
	damage("let-go", "an item that would not be held fast", "DELETE FROM frozen");
	damage("loose", "one that is held though nobody approved it",
	       "INSERT INTO frozen SELECT space, minutes, item FROM frozen");
	damage("salt", "an entry that was changed",
	       "UPDATE entry SET salt = x'00' WHERE key & 1099511627775 = 2");
	damage("gap", "an entry that is missing",
	       "DELETE FROM entry WHERE key & 1099511627775 = 3");
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static void test_chain(void)
{
	struct bed b;
	struct peer p;
	struct id record;
	uint8_t start[SHA256_LEN], chain[SHA256_LEN];

	bed_init(&b, "chain");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	for (int i = 0; i < 3; i++)
		peer_add_action(&p, &b.partnership, "x", &record);
	bed_turn(&b);
	struct journal *j = b.area->journal;
	struct space *s = journal_space(j, &b.partnership);
	chain_start(&b.id, &b.partnership, start);
	ok(journal_chain(j, s, 0, chain) == 1 && memcmp(chain, start, sizeof(chain)) == 0,
	   "the chain starts with the space");
	ok(journal_chain(j, s, 3, chain) == 1 &&
		   memcmp(chain, peer_held(&p, &b.partnership)->chain, sizeof(chain)) == 0,
	   "at the head it is what a copy worked out");
	ok(journal_chain(j, s, 2, chain) == 1 && memcmp(chain, s->chain, sizeof(chain)) != 0,
	   "and known for each entry");
	ok(journal_chain(j, s, 4, chain) == 0, "but not for one that is not there");
	uint64_t number = 9;
	struct id nothing = {{1}};
	ok(journal_number_of(j, s, &nothing, &number) == 0 && number == 0,
	   "a change that is not there has no number");
	bed_fini(&b);
}

int main(void)
{
	test_conflict();
	test_take_back();
	test_full();
	test_held_fast();
	test_large();
	test_check();
	test_chain();
	return tap_end();
}
