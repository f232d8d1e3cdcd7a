/*
 * What people did, across a recovery: exact changes, two versions and their settling, what was seen
 * on a line that was left, documents, and a long run.
 */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/unit/setback.h"

static struct client *join(struct world *w)
{
	struct client *c = world_join(w, &w->person, &w->school);
	ok(client_sync(w, c), "a computer joins and syncs");
	return c;
}

static bool all_equal(struct world *w, const struct id *space)
{
	bool good = server_is_sound(w);
	for (size_t i = 0; i < w->n_clients; i++) {
		int64_t refused = -1;
		good = good && same_as_server(w, &w->clients[i], space);
		good = good && is_sound(&w->clients[i]);
		good = good && count_pending(&w->clients[i], &refused) == 0 && refused == 0;
	}
	return good;
}

static struct id open_conflict(struct client *c, const struct id *record)
{
	struct id conflict = {{0}};
	struct db_stmt *st =
		db_query(copy_db(c->copy), "SELECT conflict FROM open_conflict WHERE record = $1",
			 "d", record);
	if (db_step(st) == 1) {
		db_id(st, 0, &conflict);
		db_reset(st);
	}
	return conflict;
}

/* Two copies that hold a record; the server's state is put aside. */
static struct id begin(struct world *w, const char *name, struct client *both[2])
{
	world_init(w, name);
	both[0] = join(w);
	both[1] = join(w);
	struct id record = make_action(both[0], &w->partnership, "Old.");
	ok(client_sync(w, both[0]) && client_sync(w, both[1]), "both hold the record");
	world_save(w, "yesterday");
	return record;
}

/* The server is set back; the second writes so much beside it that the server's line stays. */
static void go_on(struct world *w, struct client *b, unsigned n)
{
	world_set_back(w, "yesterday");
	while (n--)
		make_action(b, &w->partnership, "beside");
	ok(client_sync(w, b), "the server goes on without what it has lost");
}

static bool meet(struct world *w, struct client *both[2])
{
	return world_sync(w, both, 2) && world_sync(w, both, 2) && world_sync(w, both, 2);
}

static void test_exact(void)
{
	struct world w;
	struct client *both[2];
	struct cause cause = {""};
	struct id record = begin(&w, "exact", both), change;
	struct draft *d = draft_new(both[0]->copy, &w.partnership);

	ok(draft_edit(d, &record, NULL, &cause) == 0, "an edit that is exact");
	put_text(d, ACTION_TEXT, "Approved.");
	draft_exact(d, &record);
	world_must(draft_save(&d, &change, &cause), &cause, "save");
	ok(client_sync(&w, both[0]), "is accepted, and lost by the server");
	world_set_back(&w, "yesterday");
	ok(set_text(both[1], &w.partnership, &record, 5, "elsewhere", NULL, NULL, &cause) == 0,
	   "another field of the record is edited beside it");
	make_action(both[1], &w.partnership, "beside");
	ok(client_sync(&w, both[1]), "and accepted");
	int64_t refused = -1;
	ok(meet(&w, both) && same_as_server(&w, both[0], &w.partnership) &&
		   same_as_server(&w, both[1], &w.partnership) && is_sound(both[0]),
	   "both meet");
	count_pending(both[0], &refused);
	ok(refused == 0 && times_in(both[1], &change) == 0 &&
		   ask_number(both[0], "SELECT count(*) FROM pending WHERE state = 3") == 1,
	   "it is not refused, though the record has moved: a person decides on it");
	_Static_assert(PENDING_HELD == 3, "the number in the SQL above");
	world_fini(&w);
}

static void test_same_field(void)
{
	struct world w;
	struct client *both[2];
	struct cause cause = {""};
	struct id record = begin(&w, "same-field", both);

	ok(set_text(both[0], &w.partnership, &record, 5, "of the one", NULL, NULL, &cause) == 0 &&
		   client_sync(&w, both[0]),
	   "an edit that the server loses");
	world_set_back(&w, "yesterday");
	ok(set_text(both[1], &w.partnership, &record, 5, "of the other", NULL, NULL, &cause) == 0 &&
		   client_sync(&w, both[1]),
	   "and one of the same field beside it");
	ok(meet(&w, both) && all_equal(&w, &w.partnership), "both meet");
	ok(count_conflicts(both[0]) == 1 && count_conflicts(both[1]) == 1,
	   "there are two versions, on every copy");
	struct id conflict = open_conflict(both[0], &record);
	struct draft *d = draft_new(both[0]->copy, &w.partnership);
	struct id change;
	ok(draft_edit(d, &record, NULL, &cause) == 0, "one settles it");
	put_text(d, 5, "of both");
	draft_settles(d, &conflict);
	world_must(draft_save(&d, &change, &cause), &cause, "settle");
	ok(client_sync(&w, both[0]) && client_sync(&w, both[1]) && count_conflicts(both[1]) == 0 &&
		   strcmp(text_of_field(both[1], &record, VIEW_SHOWN, 5), "of both") == 0,
	   "and it is settled everywhere");
	world_fini(&w);
}

/* Two versions and their settling on the line that is left. */
static void test_settled(void)
{
	struct world w;
	struct client *both[2];
	struct cause cause = {""};
	struct id record = begin(&w, "settled", both), change;

	ok(set_text(both[0], &w.partnership, &record, 5, "one", NULL, NULL, &cause) == 0 &&
		   set_text(both[1], &w.partnership, &record, 5, "two", NULL, NULL, &cause) == 0 &&
		   client_sync(&w, both[0]) && client_sync(&w, both[1]) && client_sync(&w, both[0]),
	   "two edit the same apart");
	struct id conflict = open_conflict(both[0], &record);
	ok(!id_is_zero(&conflict), "there are two versions");
	client_save(&w, both[1]); /* it is not to know what comes now */
	struct draft *d = draft_new(both[0]->copy, &w.partnership);
	ok(draft_edit(d, &record, NULL, &cause) == 0, "which one settles");
	put_text(d, 5, "settled");
	draft_settles(d, &conflict);
	world_must(draft_save(&d, &change, &cause), &cause, "settle");
	ok(client_sync(&w, both[0]) && count_conflicts(both[0]) == 0, "all of that is lost");
	world_set_back(&w, "yesterday");
	for (int i = 0; i < 6; i++)
		make_action(both[0], &w.partnership, "pending");
	struct client *third = join(&w);
	for (int i = 0; i < 9; i++)
		make_action(third, &w.partnership, "beside");
	ok(client_sync(&w, third), "the server goes on");
	struct client *all[] = {both[0], both[1], third};
	ok(world_sync(&w, all, 3) && world_sync(&w, all, 3) && world_sync(&w, all, 3) &&
		   all_equal(&w, &w.partnership),
	   "all meet");
	struct id again = open_conflict(third, &record);
	ok(times_in(third, &change) == 1 &&
		   strcmp(text_of_field(third, &record, VIEW_SHOWN, 5), "settled") == 0,
	   "what was settled stands");
	ok(id_is_zero(&again) || id_equal(&again, &conflict),
	   "and if people are asked once more, it is the same Conflict");
	world_fini(&w);
}

/* A pending change that stands on what was seen above the common entry. */
static void test_seen_above(void)
{
	struct world w;
	struct client *both[2];
	struct cause cause = {""};
	struct id record = begin(&w, "seen-above", both), change;

	ok(set_text(both[0], &w.partnership, &record, ACTION_DETAILS, "First line. Second line. ",
		    NULL, NULL, &cause) == 0 &&
		   client_sync(&w, both[0]),
	   "an edit that is lost");
	struct id made = make_action(both[0], &w.partnership, "made there");
	ok(client_sync(&w, both[0]), "and a record");
	go_on(&w, both[1], 5);
	ok(set_text(both[0], &w.partnership, &record, ACTION_DETAILS,
		    "First line. Second line, changed. ", NULL, &change, &cause) == 0 &&
		   set_text(both[0], &w.partnership, &made, 5, "and edited", NULL, NULL,
			    &cause) == 0,
	   "offline, somebody edits what they saw of it");
	struct seen seen;
	ok(copy_seen(both[0]->copy, &made, &seen) == 0, "and reads, to edit later");
	ok(meet(&w, both) && all_equal(&w, &w.partnership), "both meet");
	ok(strcmp(text_of_field(both[1], &record, VIEW_SHOWN, ACTION_DETAILS),
		  "First line. Second line, changed. ") == 0 &&
		   strcmp(text_of_field(both[1], &made, VIEW_SHOWN, 5), "and edited") == 0 &&
		   count_conflicts(both[1]) == 0,
	   "the edits land: what they stand on was entered again");
	int err = set_text(both[0], &w.partnership, &made, 9, "late", &seen, NULL, &cause);
	ok(err == ERR_INVALID && strstr(cause.words, "look at it again"),
	   "who had read on the line that was left looks again (\"%s\")", cause.words);
	ok(set_text(both[0], &w.partnership, &made, 9, "late", NULL, NULL, &cause) == 0 &&
		   client_sync(&w, both[0]) && client_sync(&w, both[1]) &&
		   all_equal(&w, &w.partnership),
	   "and then it goes");
	world_fini(&w);
}

static void note_decided(void *arg, int err, const char *words)
{
	(void)words;
	*(int *)arg = err;
}

/* Decide on the one change that is held. */
static void decide(struct world *w, struct client *c, bool accept, struct id *change)
{
	enum verdict verdict = VERDICT_HELD;
	struct held_here held = {0};
	struct arena arena;
	int err = ERR_AGAIN;

	arena_init(&arena, ARENA_NO_BUDGET);
	client_connect(w, c);
	world_run(w);
	copy_held_next(c->copy, 0, &arena, &held);
	*change = held.change;
	uplink_decide(c->up, change, accept, "not now", &verdict, note_decided, &err);
	world_run(w);
	ok(err == 0 && verdict == (accept ? VERDICT_APPLIED : VERDICT_REFUSED) &&
		   times_in(c, change) == accept,
	   "an administrator %s it", accept ? "lets in" : "refuses");
	client_cut(w, c);
	arena_fini(&arena);
}

static void suspend(struct client *admin, const struct world *w, const struct id *person)
{
	struct draft *d = draft_new(admin->copy, &w->directory);
	struct cause cause = {""};
	struct id change;

	world_must(draft_edit(d, person, NULL, &cause), &cause, "edit");
	put_number(d, 5, RECORDS__STANDING__SUSPENDED);
	world_must(draft_save(&d, &change, &cause), &cause, "suspend");
}

/* Whose author had seen more than the server knows by now, and has lost what showed it. */
static void test_let_in(void)
{
	struct world w;
	int64_t refused = -1;
	struct id change;

	world_init(&w, "let-in");
	struct client *a = join(&w);
	struct id person = world_person(&w, a, "Kim Lee", RECORDS__ROLE__HEADTEACHER);
	struct client *b = world_join(&w, &person, &w.school), *both[] = {a, b};
	make_action(a, &w.partnership, "before");
	ok(client_sync(&w, b) && client_sync(&w, a), "a head and an administrator");
	world_save(&w, "yesterday");
	make_action(a, &w.partnership, "after the backup");
	ok(client_sync(&w, a) && client_sync(&w, b), "both have seen what the server will lose");
	make_action(b, &w.partnership, "written in time");
	suspend(a, &w, &person);
	ok(client_sync(&w, a) && client_sync(&w, b) && place_of(b, &w.directory).number == 0 &&
		   ask_number(b, "SELECT count(*) FROM pending WHERE state = 3") == 1,
	   "the head is suspended, has lost every space, and one change of theirs is held");
	decide(&w, a, true, &change);
	world_set_back(&w, "yesterday");
	ok(client_sync(&w, b) && count_pending(b, &refused) == 0 && refused == 0 &&
		   ask_number(b, "SELECT count(*) FROM pending WHERE state = 3") == 1,
	   "a server that knows less than its author had seen does not refuse it");
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2) && server_is_sound(&w) &&
		   same_as_server(&w, a, &w.partnership) && times_in(a, &change) == 1,
	   "what it had lost comes back, and that change with it");
	ok(ask_number(b, "SELECT count(*) FROM pending") == 0 && is_sound(b),
	   "and its author knows that it was accepted");
	world_fini(&w);
}

/* What could not be entered again waits for somebody's word, and is not brought up again by each
 * copy that comes. */
static void test_parked_once(void)
{
	struct world w;
	struct id change;

	world_init(&w, "parked-once");
	struct client *a = join(&w), *c = join(&w), *d = join(&w);
	struct id person = world_person(&w, a, "Kim Lee", RECORDS__ROLE__HEADTEACHER);
	struct client *b = world_join(&w, &person, &w.school), *all[] = {a, b, c, d};
	ok(client_sync(&w, b) && client_sync(&w, a), "a head and an administrator");
	world_save(&w, "yesterday");
	make_action(b, &w.partnership, "of the head");
	ok(client_sync(&w, b) && client_sync(&w, c) && client_sync(&w, d),
	   "the head's change reaches three copies, and is lost");
	world_set_back(&w, "yesterday");
	for (int i = 0; i < 3; i++)
		make_action(a, &w.partnership, "beside");
	suspend(a, &w, &person);
	ok(client_sync(&w, a), "the head is suspended beside it");
	ok(world_sync(&w, all, 2) && world_sync(&w, all, 1), "the head's copy comes");
	uint64_t number = place_of(a, &w.partnership).number;
	ok(world_sync(&w, all + 2, 1) && place_of(c, &w.partnership).number == number,
	   "the second that has it adds nothing, since it is held");
	decide(&w, a, false, &change);
	ok(world_sync(&w, all + 3, 1) && place_of(d, &w.partnership).number == number,
	   "nor does the third, once it is refused");
	client_connect(&w, a);
	world_run(&w);
	ok(ask_number(a, "SELECT count(*) FROM held_here") == 0 && server_is_sound(&w),
	   "nobody is asked twice");
	client_cut(&w, a);
	world_fini(&w);
}

/* A run of many frames, against a few entries. */
static void test_long(void)
{
	enum { MANY = 3000 };
	struct world w;
	struct client *both[2];
	begin(&w, "long", both);

	for (int i = 0; i < MANY; i++)
		make_action(both[0], &w.partnership, "one of many");
	ok(client_sync(&w, both[0]), "many are lost");
	go_on(&w, both[1], 3);
	ok(meet(&w, both) && all_equal(&w, &w.partnership), "both meet");
	ok(place_of(both[1], &w.partnership).number == 1 + MANY + 3 + 1,
	   "the longer line stays, and the shorter is entered behind it");
	world_fini(&w);
}

int main(void)
{
	log_level_set(LOG_ERROR);
	test_exact();
	test_same_field();
	test_settled();
	test_seen_above();
	test_let_in();
	test_parked_once();
	test_long();
	return tap_end();
}
