/*
 * Old versions that the server released, on the schools' copies: their bytes go, unless something
 * else here names them, nobody asks for them any more, and their records say so. And the same
 * where the server is set back to a time before.
 */
#include "client/holding.h"
#include "client/paper.h"
#include "client/undo.h"
#include "tests/unit/papers.h"
#include "tests/unit/setback.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* The administrator's word: so many of each document are kept. */
static void rule(struct world *w, struct client *admin, const char *newest)
{
	struct id space = id_admin(&w->area_id);
	struct id id = id_record(&w->area_id, &space, TYPE_RETENTION, "all");
	struct draft *d = draft_new(admin->copy, &space);

	draft_create(d, TYPE_RETENTION, &id);
	say(d, TYPE_RETENTION, "newest", newest);
	save(d);
	client_sync(w, admin);
}

/* The server looks, and tidies up. */
static void day_passes(struct world *w)
{
	w->now_ms += DAY_MS;
	for (int i = 0; i < 150; i++) {
		if (i % 50 == 0)
			area_tick(w->area);
		world_must(area_turn(w->area), NULL, "turn");
	}
}

/* The day on which it was released; "" if it was not, as far as the copy knows. */
static const char *released(struct client *c, const struct paper_id *p, char day[16])
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	must(copy_record(c->copy, &p->version, VIEW_SHOWN, &arena, &r, NULL) == 0);
	struct bytes b = contents_released(&r);
	snprintf(day, 16, "%.*s", (int)b.len, (const char *)b.data);
	arena_fini(&arena);
	return day;
}

static bool gone(struct client *c, const struct paper_id *p)
{
	char day[16];
	return released(c, p, day)[0] != '\0';
}

static int64_t number(struct client *c, const char *sql)
{
	struct db_stmt *st = db_query(copy_db(c->copy), sql, "");
	int64_t n = db_step(st) > 0 ? db_int(st, 0) : -1;

	db_reset(st);
	return n;
}

/* Is nothing of it left, not even bytes that are still to be overwritten? */
static bool erased(struct client *c, const struct paper_id *p)
{
	struct stored is;

	return store_find(copy_store(c->copy), p->content.root, &is) == 0 &&
	       number(c, "SELECT count(*) FROM hole") == 0 &&
	       number(c, "SELECT count(*) FROM doomed") == 0;
}

static size_t wanted(struct client *c)
{
	struct buf b = {0};

	must(holding_wanted(c->copy, true, &b) == 0);
	size_t n = b.len / sizeof(struct content);
	buf_fini(&b);
	return n;
}

static void tell_fault(void *arg, const char *words)
{
	(void)arg;
	note("%s", words);
}

/* Two copies, of which one is the administrator's; both hold all versions. */
static struct world *begin(const char *name, struct client **a, struct client **b)
{
	struct world *w = mem_alloc(sizeof(*w));
	const struct policy all = {HOLD_ALL, 0};

	world_init(w, name);
	*a = world_join(w, &w->person, &w->school);
	client_sync(w, *a);
	struct id head = world_person(w, *a, "Ben Carter", 1);
	client_sync(w, *a);
	*b = world_join(w, &head, &w->school);
	client_sync(w, *b);
	must(policy_set((*a)->copy, &w->partnership, &all) == 0);
	must(policy_set((*b)->copy, &w->partnership, &all) == 0);
	return w;
}

static void end(struct world *w)
{
	world_fini(w);
	free(w);
}

static void everybody_syncs(struct world *w)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < w->n_clients; i++)
			client_sync(w, &w->clients[i]);
}

/* ---- The bytes ------------------------------------------------------------------------------ */

static void test_dropped(void)
{
	struct client *a, *b;
	struct world *w = begin("dropped", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, 'a');
	struct paper_id two = put(w, a, &one, false, 6000, 'b');
	struct paper_id other = put(w, a, NULL, false, 7000, 'c');
	struct paper_id same = put(w, a, NULL, false, 8000, 'd');
	struct paper_id old = put(w, a, &other, false, 8000, 'd');
	struct paper_id new = put(w, a, &old, false, 8500, 'e');
	struct presence presence = {{0}};
	struct cause cause = {""};
	struct holding h;
	struct arena arena;
	struct record r;
	char day[16];

	everybody_syncs(w);
	must(fetch(w, b) == 0 && here(b, &one) && here(b, &other) && here(b, &old));
	must(holding_want(b->copy, &one.version, 1) == 0);
	rule(w, a, "1");
	day_passes(w);
	everybody_syncs(w);
	ok(strcmp(released(a, &one, day), "2019-10-03") == 0 && gone(b, &one) && !gone(b, &two),
	   "the copies hear of it: %s", day);
	ok(!here(b, &one) && !here(a, &one) && !here(b, &other), "what was released is not there,");
	ok(erased(b, &one) && erased(a, &one) && erased(b, &other), "nor on any disk");
	ok(here(b, &two) && here(b, &new), "the newest are");
	ok(gone(b, &old) && here(b, &same) && here(b, &old),
	   "bytes that another version names stay");
	ok(wanted(b) == 0 && fetch(w, b) == 0, "nothing of it is wanted, by policy or by word");
	ok(presence_init(&presence, b->copy) == 0 && presence_of(&presence, &one.version) == -1 &&
		   presence_of(&presence, &two.version) == 1,
	   "nor counted as missing");
	presence_fini(&presence);
	ok(holding_count(b->copy, NULL, &h) == 0 && h.documents == 3 && h.wanted == 0 &&
		   h.others == 0 && h.bytes_here == 6000 + 8000 + 8500,
	   "or as here");
	arena_init(&arena, ARENA_NO_BUDGET);
	must(copy_record(b->copy, &one.version, VIEW_SHOWN, &arena, &r, NULL) == 0);
	ok(paper_check_released(&r, &cause) == ERR_MISSING && strstr(cause.words, "3 October 2019") &&
		   strstr(cause.words, "backup"),
	   "who asks is told: %s", cause.words);
	ok(reads(&r, "filename", "file.txt") && record_get(&r, field(TYPE_VERSION, "content")).len,
	   "its name and hash stay");
	arena_fini(&arena);
	ok(copy_check(b->copy, tell_fault, NULL) == 0 && server_is_sound(w), "all is sound");
	ok(copy_rebuild(b->copy, &cause) == 0 && gone(b, &one) && here(b, &two) && wanted(b) == 0,
	   "made again, it is the same");
	end(w);
}

/* What is not sent yet names the same bytes. */
static void test_pending(void)
{
	struct client *a, *b;
	struct world *w = begin("pending", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, 'p');

	put(w, a, &one, false, 6000, 'q');
	everybody_syncs(w);
	must(fetch(w, b) == 0);
	rule(w, a, "1");
	w->now_ms += 20 * (uint64_t)DAY_MS;
	day_passes(w);
	struct paper_id again = put(w, b, NULL, false, 5000, 'p');
	client_connect(w, b);
	world_run(w);
	ok(gone(b, &one) && here(b, &again), "the bytes of a pending version stay");
	for (int i = 0; i < 100; i++) {
		world_run(w);
		w->now_ms += 20;
	}
	ok(uplink_quiet(b->up), "they are sent, though it had been on the server before");
	client_cut(w, b);
	everybody_syncs(w);
	ok(fetch(w, a) == 0 && here(a, &again) && !gone(a, &again), "and everybody may have them");
	ok(copy_check(b->copy, tell_fault, NULL) == 0 && server_is_sound(w), "all is sound");
	end(w);
}

/* A copy that was made later, and one that has asked for the bytes when they go. */
static void test_late(void)
{
	struct client *a, *b;
	struct world *w = begin("late", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, 'l');

	put(w, a, &one, false, 6000, 'm');
	everybody_syncs(w);
	rule(w, a, "1");
	day_passes(w);
	ok(!gone(b, &one) && wanted(b) == 2, "who has not heard wants it still");
	ok(fetch(w, b) == 0 && gone(b, &one) && !here(b, &one) && wanted(b) == 0,
	   "and hears of it before it asks");
	struct client *c = world_join(w, &b->person, &w->school);
	const struct policy all = {HOLD_ALL, 0};
	client_sync(w, c);
	must(policy_set(c->copy, &w->partnership, &all) == 0);
	ok(gone(c, &one) && wanted(c) == 1 && fetch(w, c) == 0, "a new copy never wants it");
	end(w);
}

/* Nobody says it for the server, or takes it back. */
static void test_word(void)
{
	struct client *a, *b;
	struct world *w = begin("word", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, 'w');
	struct cause cause = {""};
	struct arena arena;
	struct record r;
	struct undo u;

	put(w, a, &one, false, 6000, 'x');
	everybody_syncs(w);
	struct draft *d = draft_new(b->copy, &w->partnership);
	must(draft_edit(d, &one.version, NULL, &cause) == 0);
	say(d, TYPE_VERSION, "released", "2019-10-10");
	struct id change;
	ok(draft_save(&d, &change, &cause) == ERR_INVALID && strstr(cause.words, "server alone"),
	   "no copy lets it be said: %s", cause.words);
	draft_free(&d);
	rule(w, a, "1");
	day_passes(w);
	everybody_syncs(w);
	arena_init(&arena, ARENA_NO_BUDGET);
	must(copy_record(b->copy, &one.version, VIEW_ACCEPTED, &arena, &r, NULL) == 0);
	struct past_entry e;
	must(copy_entry(b->copy, &w->partnership, r.number, &arena, &e) == 1);
	ok(undo_init(&u, b->copy, &e.change.id, &arena, &cause) < 0,
	   "and none takes it back: %s", cause.words);
	undo_fini(&u);
	arena_fini(&arena);
	end(w);
}

/* ---- A server that was set back ------------------------------------------------------------- */

static bool all_equal(struct world *w)
{
	for (size_t i = 0; i < w->n_clients; i++)
		if (!same_as_server(w, &w->clients[i], &w->partnership))
			return false;
	return true;
}

/* To a time before, and a copy hands in what came since. */
static void test_set_back(void)
{
	struct client *a, *b;
	struct world *w = begin("setback", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, '1');
	struct paper_id two = put(w, a, &one, false, 6000, '2');
	struct client *both[] = {a, b};

	everybody_syncs(w);
	must(fetch(w, b) == 0);
	rule(w, a, "1");
	everybody_syncs(w);
	world_save(w, "yesterday");
	day_passes(w);
	everybody_syncs(w);
	must(gone(a, &one) && gone(b, &one) && !here(b, &one));
	uint64_t number = place_of(a, &w->partnership).number;
	world_set_back(w, "yesterday");
	ok(world_sync(w, both, 2) && world_sync(w, both, 2) && all_equal(w),
	   "the copies hand in what was lost");
	ok(gone(a, &one) && gone(b, &one) && place_of(a, &w->partnership).number == number,
	   "the release stands as it was");
	day_passes(w);
	everybody_syncs(w);
	ok(place_of(a, &w->partnership).number == number && !gone(a, &two), "and comes no second time");
	ok(server_is_sound(w) && copy_check(a->copy, tell_fault, NULL) == 0, "all is sound");
	end(w);
}

/* The server has gone on, further or less far, and somebody has picked the version that was released
 * elsewhere. */
static void test_beside(bool longer)
{
	struct client *a, *b;
	struct world *w = begin(longer ? "longer" : "shorter", &a, &b);
	struct paper_id one = put(w, a, NULL, false, 5000, '1');
	struct paper_id two = put(w, a, &one, false, 6000, '2');
	struct paper_id x = put(w, a, NULL, false, 5100, '3');
	struct client *both[] = {a, b};
	struct cause cause = {""};

	put(w, a, &x, false, 6100, '4');
	everybody_syncs(w);
	must(fetch(w, b) == 0);
	rule(w, a, "1");
	everybody_syncs(w);
	world_save(w, "yesterday");
	day_passes(w);
	client_sync(w, a); /* the only one who has heard */
	must(gone(a, &one) && gone(a, &x));
	for (int i = 0; !longer && i < 3; i++)
		put(w, a, NULL, false, 200 + (size_t)i, 'z');
	client_sync(w, a);
	world_set_back(w, "yesterday");
	struct draft *d = draft_new(b->copy, &w->partnership);
	must(draft_edit(d, &one.document, NULL, &cause) == 0);
	say_id(d, TYPE_DOCUMENT, "current", &one.version);
	save(d);
	for (int i = 0; longer && i < 3; i++)
		put(w, b, NULL, false, 100 + (size_t)i, 'y');
	client_sync(w, b);
	ok(world_sync(w, both, 2) && world_sync(w, both, 2) && all_equal(w),
	   "%s: both lines are brought together", longer ? "longer" : "shorter");
	if (longer)
		ok(!gone(a, &one) && !gone(b, &one),
		   "what people have picked meanwhile is not released");
	else
		ok(gone(a, &one) && gone(b, &one), "a release on the line that stays is one");
	day_passes(w);
	everybody_syncs(w);
	ok(gone(a, &x) && gone(b, &x) && !gone(a, &two), "what may go has gone, or goes");
	if (longer)
		ok(!gone(a, &one) && here(b, &one), "and what may not stays");
	ok(all_equal(w) && copy_check(a->copy, tell_fault, NULL) == 0 &&
		   copy_check(b->copy, tell_fault, NULL) == 0,
	   "all is sound");
	end(w);
}

int main(void)
{
	test_dropped();
	test_pending();
	test_late();
	test_word();
	test_set_back();
	test_beside(true);
	test_beside(false);
	return tap_end();
}
