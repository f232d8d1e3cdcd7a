/*
 * A server that was set back, whether anybody was told or not: what the copies hold comes back as
 * it was, what was done beside it is entered again, nobody's change is lost or doubled, and what
 * this server has not signed is not taken.
 */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/journal.h"
#include "tests/unit/setback.h"

static struct client *join(struct world *w)
{
	struct client *c = world_join(w, &w->person, &w->school);
	ok(client_sync(w, c), "a computer joins and syncs");
	return c;
}

/* All are equal to each other and to the server, and sound. */
static bool all_equal(struct world *w, const struct id *space)
{
	bool good = server_is_sound(w);
	for (size_t i = 0; i < w->n_clients; i++) {
		good = good && same_as_server(w, &w->clients[i], space);
		good = good && is_sound(&w->clients[i]);
		good = good && count_pending(&w->clients[i], &(int64_t){0}) == 0;
	}
	return good;
}

/* Actions that were made, to be found once each on every copy. */
static struct id made[256];
static size_t n_made;

static struct id make(struct client *c, const struct id *space, const char *text)
{
	made[n_made] = make_action(c, space, text);
	return made[n_made++];
}

/* Every action that was made stands on every copy, and each entry's change is there once. */
static bool none_lost(struct world *w)
{
	for (size_t i = 0; i < w->n_clients; i++) {
		struct client *c = &w->clients[i];
		for (size_t k = 0; k < n_made; k++)
			if (!text_of_field(c, &made[k], VIEW_ACCEPTED, ACTION_TEXT)[0]) {
				note("copy %zu lacks action %zu", i, k);
				return false;
			}
		int64_t entries = ask_number(c, "SELECT count(*) FROM entry"),
			changes = ask_number(c, "SELECT count(*) FROM entry_change");
		if (entries != changes) {
			note("copy %zu: %lld entries, %lld changes", i, (long long)entries,
			     (long long)changes);
			return false;
		}
	}
	return true;
}

static void make_many(struct client *c, const struct id *space, const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *words = mem_format("%s %u", text, i);
		make_action(c, space, words);
		free(words);
	}
}

/* ---- Only the copies are ahead -------------------------------------------------------------- */

static void test_ahead(void)
{
	struct world w;

	world_init(&w, "ahead");
	struct client *a = join(&w), *b = join(&w);
	make_many(a, &w.partnership, "before", 3);
	ok(client_sync(&w, a) && client_sync(&w, b), "both hold three");
	world_save(&w, "yesterday");
	make_many(a, &w.partnership, "after", 50);
	ok(client_sync(&w, a), "fifty more");
	uint64_t number = place_of(a, &w.partnership).number;
	uint8_t before[SHA256_LEN], after[SHA256_LEN];
	copy_digest(a->copy, &w.partnership, before);
	world_set_back(&w, "yesterday");
	client_connect(&w, b);
	world_run(&w);
	ok(uplink_quiet(b->up), "one that knows no more than the server is served");
	client_connect(&w, a);
	world_run(&w);
	ok(uplink_state(b->up) == UPLINK_ENDED &&
		   uplink_reason(b->up) == WIRE__REASON__RECOVERING,
	   "until one comes that does: it is told to come again");
	note("%s", uplink_words(b->up));
	ok(!uplink_quiet(a->up) && uplink_state(a->up) == UPLINK_OPENING,
	   "who has handed in waits for others to be heard");
	client_cut(&w, a);
	struct client *both[] = {a, b};
	ok(world_sync(&w, both, 2), "then all are served");
	copy_digest(a->copy, &w.partnership, after);
	ok(place_of(a, &w.partnership).number == number && memcmp(before, after, 32) == 0 &&
		   place_of(a, &w.partnership).epoch == 1,
	   "what was taken back is as it was, number by number");
	ok(all_equal(&w, &w.partnership) && all_equal(&w, &w.directory), "all are equal");
	make_many(b, &w.partnership, "later", 2);
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2) && all_equal(&w, &w.partnership),
	   "and life goes on");
	world_fini(&w);
}


/* ---- Both have gone on ---------------------------------------------------------------------- */

/* A hands in `run` actions that the server has lost; it has gone on with `more` of B meanwhile. */
static void beside(const char *name, unsigned run, unsigned more, uint64_t epoch_a)
{
	struct world w;

	n_made = 0;
	world_init(&w, name);
	struct client *a = join(&w), *b = join(&w), *both[] = {a, b};
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a) && client_sync(&w, b), "%s: both hold one", name);
	world_save(&w, "yesterday");
	for (unsigned i = 0; i < run; i++)
		make(a, &w.partnership, "lost with the backup");
	ok(client_sync(&w, a), "one has handed in %u", run);
	world_set_back(&w, "yesterday");
	for (unsigned i = 0; i < more; i++)
		make(b, &w.partnership, "beside it");
	ok(client_sync(&w, b), "the server goes on with %u of the other", more);
	struct id late = make(a, &w.partnership, "and one more, offline");
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2), "both come, and become quiet");
	ok(all_equal(&w, &w.partnership) && all_equal(&w, &w.directory), "all are equal");
	ok(none_lost(&w), "every change is there once");
	ok(place_of(a, &w.partnership).number == 1 + run + more + 2, "with a Note of the server");
	ok(place_of(a, &w.partnership).epoch == epoch_a &&
		   place_of(b, &w.partnership).epoch == epoch_a,
	   "in a new epoch");
	ok(strcmp(text_of_field(b, &late, VIEW_SHOWN, ACTION_TEXT), "and one more, offline") == 0,
	   "what was pending meanwhile is there too");
	struct cause cause = {""};
	ok(set_text(b, &w.partnership, &made[1], ACTION_TEXT, "changed", NULL, NULL, &cause) == 0 &&
		   client_sync(&w, b) && client_sync(&w, a) && all_equal(&w, &w.partnership) &&
		   count_conflicts(a) == 0,
	   "and life goes on");
	world_fini(&w);
}

/* Three copies: one ahead by five, one by three of the same, and one that went on beside it. They
 * come in every order. */
static void test_orders(void)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (size_t o = 0; o < 6; o++) {
		struct world w;
		char name[16];
		n_made = 0;
		snprintf(name, sizeof(name), "order%zu", o);
		world_init(&w, name);
		struct client *c[] = {join(&w), join(&w), join(&w)}, *order[3];
		make(c[0], &w.partnership, "before");
		bool good = client_sync(&w, c[0]) && client_sync(&w, c[1]) && client_sync(&w, c[2]);
		world_save(&w, "yesterday");
		for (int i = 0; i < 3; i++)
			make(c[0], &w.partnership, "lost, held by two");
		good = good && client_sync(&w, c[0]) && client_sync(&w, c[1]);
		make(c[0], &w.partnership, "lost, held by one");
		make(c[0], &w.partnership, "lost, held by one, too");
		good = good && client_sync(&w, c[0]);
		world_set_back(&w, "yesterday");
		for (int i = 0; i < 4; i++)
			make(c[2], &w.partnership, "beside it");
		ok(good && client_sync(&w, c[2]), "three copies, three heads");
		for (int i = 0; i < 3; i++) {
			order[i] = c[orders[o][i]];
			/* One after the other, hours apart, and then all. */
			ok(world_sync(&w, &order[i], 1), "copy %d comes", orders[o][i]);
		}
		ok(world_sync(&w, order, 3) && world_sync(&w, order, 3), "all come again");
		ok(all_equal(&w, &w.partnership) && none_lost(&w),
		   "order %zu: all are equal, none is lost or doubled", o);
		world_fini(&w);
	}
}

/* The line that was left comes once more, longer: who is on this one keeps what they have seen. */
static void test_left_again(void)
{
	struct world w;
	struct cause cause = {""};

	n_made = 0;
	world_init(&w, "left-again");
	struct client *c[] = {join(&w), join(&w), join(&w)};
	make(c[0], &w.partnership, "before");
	bool good = client_sync(&w, c[0]) && client_sync(&w, c[1]) && client_sync(&w, c[2]);
	world_save(&w, "yesterday");
	make(c[0], &w.partnership, "lost, held by two");
	good = good && client_sync(&w, c[0]) && client_sync(&w, c[1]);
	make(c[0], &w.partnership, "lost, held by one");
	good = good && client_sync(&w, c[0]);
	world_set_back(&w, "yesterday");
	struct id beside = make_action(c[2], &w.partnership, "beside it"), change;
	make(c[2], &w.partnership, "beside it, too");
	ok(good && client_sync(&w, c[2]), "three copies, three heads");
	ok(world_sync(&w, c + 1, 2) && place_of(c[2], &w.partnership).epoch == 2,
	   "two of them meet, in a new epoch");
	struct draft *d = draft_new(c[2]->copy, &w.partnership);
	world_must(draft_edit(d, &beside, NULL, &cause), &cause, "edit");
	draft_withdraw(d);
	world_must(draft_save(&d, &change, &cause), &cause, "withdraw");
	ok(world_sync(&w, c, 1) && place_of(c[0], &w.partnership).epoch == 2,
	   "one withdraws what they made, offline; then the third comes, which has more of the line"
	   " that was left: it is entered, in the same epoch");
	ok(world_sync(&w, c, 3) && world_sync(&w, c, 3) && all_equal(&w, &w.partnership) &&
		   none_lost(&w),
	   "all are equal, none is lost or doubled");
	ok(count_conflicts(c[0]) == 0 && times_in(c[0], &change) == 1 &&
		   ask_number(c[0], "SELECT count(*) FROM action WHERE withdrawn = 1") == 1,
	   "and what was seen on the line that stayed is seen: it is withdrawn");
	world_fini(&w);
}

static uint64_t on_line(struct world *w, uint64_t epoch, uint64_t number)
{
	struct journal *j = area_journal(w->area);
	uint64_t line = UINT64_MAX;

	world_must(journal_on_line(j, journal_space(j, &w->partnership), epoch, number, &line),
		   NULL, "on line");
	return line;
}

/* Set back to before an epoch: where the line of that parted from those before it is not known. */
static void test_epoch_forgotten(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "epoch-forgotten");
	struct client *a = join(&w), *b = join(&w), *c = join(&w), *all[] = {a, b, c};
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a) && client_sync(&w, b) && client_sync(&w, c), "all hold one");
	world_save(&w, "one");
	make(a, &w.partnership, "this");
	make(a, &w.partnership, "and this");
	make(a, &w.partnership, "and that");
	ok(client_sync(&w, a), "one goes on");
	world_save(&w, "four");
	world_set_back(&w, "one");
	make(b, &w.partnership, "beside");
	make(b, &w.partnership, "beside, too");
	ok(client_sync(&w, b) && place_of(b, &w.partnership).number == 3 &&
		   world_sync(&w, all, 2) && world_sync(&w, all, 2) &&
		   place_of(b, &w.partnership).epoch == 2,
	   "another beside it; both meet in a second epoch");
	ok(on_line(&w, 1, 3) == 1, "whoever had seen three entries before may have seen others");
	world_set_back(&w, "four");
	make(c, &w.partnership, "of the third");
	ok(client_sync(&w, c), "the server is set back to before that epoch, and goes on");
	ok(world_sync(&w, all, 3) && world_sync(&w, all, 3) && all_equal(&w, &w.partnership) &&
		   none_lost(&w) && place_of(a, &w.partnership).epoch == 3,
	   "all meet in a third");
	ok(on_line(&w, 2, 6) == 4, "of what was seen in the second it knows where they part");
	ok(on_line(&w, 1, 3) <= 1, "of what was seen before it, it is sure of no more than is so");
	world_fini(&w);
}

/* ---- A crash in the middle ------------------------------------------------------------------ */

static const char *long_text(void)
{
	static char text[3000];
	memset(text, 'x', sizeof(text) - 1);
	return text;
}

/* Only so many frames of what the copy sends reach the server. True: there were as many. */
static bool frames_to_server(struct client *c, unsigned n)
{
	struct frame f;
	for (; n; n--) {
		if (pipe_take(&c->pipe.ends[1], &f) <= 0)
			return false;
		session_frame(c->session, &f);
	}
	return true;
}

static void frames_to_client(struct client *c)
{
	struct frame f;
	while (pipe_take(&c->pipe.ends[0], &f) > 0)
		uplink_frame(c->up, &f);
}

static void test_crash(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "crash");
	struct client *a = join(&w), *b = join(&w), *both[] = {a, b};
	ok(client_sync(&w, a) && client_sync(&w, b), "both hold the same");
	world_save(&w, "yesterday");
	for (int i = 0; i < 200; i++)
		make(a, &w.partnership, long_text());
	ok(client_sync(&w, a), "a run of more than one frame");
	world_set_back(&w, "yesterday");
	client_connect(&w, a);
	ok(frames_to_server(a, 1), "Hello");
	world_must(area_turn(w.area), NULL, "turn");
	frames_to_client(a);
	uplink_turn(a->up);
	ok(frames_to_server(a, 2), "two frames of the run");
	world_must(area_turn(w.area), NULL, "turn");
	uplink_free(&a->up); /* and the server's process ends: nothing is told to anyone */
	a->session = NULL;
	pipe_fini(&a->pipe);
	area_close(&w.area);
	world_open(&w);
	ok(server_is_sound(&w), "a server that ends in the middle of a run has nothing of it");
	struct db *db;
	struct cause cause = {""};
	char path[300];
	snprintf(path, sizeof(path), "%s/area.db", w.dir);
	area_close(&w.area);
	world_must(db_open(&db, path, DB_SOLE, "", AREA_SCHEMA, NULL, &cause), &cause,
		   "open the database");
	struct db_stmt *st = db_query(db, "SELECT (SELECT count(*) FROM staged) +"
					  " (SELECT count(*) FROM recovering)", "");
	ok(db_step(st) == 1 && db_int(st, 0) == 0, "and forgets what had come of it");
	db_reset(st);
	db_close(&db);
	world_open(&w);
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2) && all_equal(&w, &w.partnership) &&
		   none_lost(&w),
	   "the next time it is taken");
	world_fini(&w);
}

/* The line breaks, or the copy's process ends, at each point of a rewind. */
static void test_rewind_lost(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "rewind-lost");
	struct client *a = join(&w), *b = join(&w), *both[] = {a, b};
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a) && client_sync(&w, b), "both hold one");
	world_save(&w, "yesterday");
	make(a, &w.partnership, "lost");
	ok(client_sync(&w, a), "one more");
	world_set_back(&w, "yesterday");
	make(b, &w.partnership, "beside");
	make(b, &w.partnership, "beside, too");
	ok(client_sync(&w, b), "and two beside it");
	client_save(&w, a);
	client_connect(&w, a);
	frames_to_server(a, 1);
	world_must(area_turn(w.area), NULL, "turn");
	frames_to_client(a);
	uplink_turn(a->up);
	frames_to_server(a, 1);
	world_must(area_turn(w.area), NULL, "turn");
	client_cut(&w, a);
	ok(place_of(a, &w.partnership).number == 2 && is_sound(a),
	   "the line breaks before Rewind comes: the copy is as it was");
	client_connect(&w, a);
	world_run(&w);
	ok(place_of(a, &w.partnership).number == 1 && place_of(a, &w.partnership).epoch == 2 &&
		   count_pending(a, &(int64_t){0}) == 1 && is_sound(a),
	   "the next time it comes, and what the copy did itself is pending again");
	client_set_back(&w, a);
	ok(place_of(a, &w.partnership).number == 2, "its process ended before that was committed");
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2) && all_equal(&w, &w.partnership) &&
		   none_lost(&w),
	   "all the same in the end");
	world_fini(&w);
}

/* ---- Spaces --------------------------------------------------------------------------------- */

static void test_nobody_holds(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "nobody");
	struct client *a = join(&w);
	struct id person = world_person(&w, a, "Kim Lee", RECORDS__ROLE__HEADTEACHER);
	struct client *b = world_join(&w, &person, &w.school), *both[] = {a, b};
	struct id own = id_personal(&w.area_id, &person);
	ok(client_sync(&w, b) && place_of(b, &own).number, "a second person has their own space");
	world_must(area_recover(w.area), NULL, "recover");
	client_connect(&w, a);
	world_run(&w);
	ok(!uplink_quiet(a->up), "told that it was restored, the server serves nobody at first");
	world_gather(&w);
	ok(uplink_quiet(a->up), "then those whose spaces have been borne out");
	struct id served = {{0}};
	ok(area_unserved(w.area, &served, 1) == 1 && id_equal(&served, &own),
	   "the space that no copy has shown is named");
	ok(ask_number(a, "SELECT count(*) FROM note WHERE kind = 'notice'") == 0,
	   "a personal space is nobody's business, also not in a Note");
	client_connect(&w, b);
	world_run(&w);
	ok(uplink_quiet(b->up) && area_unserved(w.area, &served, 1) == 0,
	   "it is served once a copy that holds it comes, and nobody is sent away for it");
	ok(uplink_state(a->up) == UPLINK_READY, "the other stays connected");
	world_must(area_recover(w.area), NULL, "recover");
	client_cut(&w, a);
	client_cut(&w, b);
	ok(world_sync(&w, both, 1), "again without the second");
	ok(area_serve(w.area, &own) == 0 && area_turn(w.area) == 0 &&
		   area_unserved(w.area, &served, 1) == 0,
	   "an administrator can have it served as it is");
	ok(area_serve(w.area, &own) == ERR_MISSING, "once");
	ok(world_sync(&w, both, 2) && all_equal(&w, &w.directory), "all go on");
	world_fini(&w);
}

/* A change in a space that is not served yet waits. */
static void test_unserved_waits(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "unserved");
	struct client *a = join(&w), *both[] = {a, NULL};
	struct id person = world_person(&w, a, "Kim Lee", RECORDS__ROLE__HEADTEACHER);
	struct client *b = both[1] = world_join(&w, &person, &w.school);
	ok(client_sync(&w, b) && client_sync(&w, a), "two persons");
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a), "the second has not seen the first's action");
	world_must(area_recover(w.area), NULL, "recover");
	make(b, &w.partnership, "while nobody knows");
	client_connect(&w, b);
	world_run(&w);
	world_gather(&w);
	ok(count_pending(b, &(int64_t){0}) == 1 && uplink_state(b->up) == UPLINK_READY,
	   "a change of the partnership, of which its author holds nothing yet, waits");
	client_connect(&w, a);
	world_run(&w);
	ok(place_of(b, &w.partnership).number >= 1, "until one that holds it bears it out");
	ok(count_pending(b, &(int64_t){0}) == 0 && place_of(a, &w.partnership).number == 2,
	   "then it goes, in the same session");
	ok(world_sync(&w, both, 2) && all_equal(&w, &w.partnership) && none_lost(&w),
	   "and all are equal");
	world_fini(&w);
}

/* The right to a space ended after the set-back, while a run of it is handed in. */
static void test_lost_meanwhile(void)
{
	struct world w;
	struct cause cause = {""};

	n_made = 0;
	world_init(&w, "lost-meanwhile");
	struct client *a = join(&w);
	struct id person = world_person(&w, a, "Kim Lee", RECORDS__ROLE__HEADTEACHER), change;
	struct id space = id_make(&w.env);
	struct draft *d = draft_new(a->copy, &w.directory);
	struct buf m = {0};
	draft_create(d, TYPE_SPACE, &space);
	put_text(d, 1, "Swimming");
	put_number(d, 2, RECORDS__SPACE_KIND__OTHER);
	draft_add(d, 12, member_id(&m, 12, &person));
	draft_add(d, 12, member_id(&m, 12, &w.person));
	world_must(draft_save(&d, &change, &cause), &cause, "space");
	struct client *b = world_join(&w, &person, &w.school), *both[] = {a, b};
	ok(client_sync(&w, a) && client_sync(&w, b) && client_sync(&w, a), "a space for two");
	make_action(a, &space, "before");
	ok(client_sync(&w, a) && client_sync(&w, b) && place_of(b, &space).number == 1,
	   "both hold it");
	world_save(&w, "yesterday");
	struct id kept = make_action(b, &space, "lost with the backup");
	ok(client_sync(&w, b), "one writes in it");
	world_set_back(&w, "yesterday");
	make_action(a, &space, "beside");
	make_action(a, &space, "beside, too");
	d = draft_new(a->copy, &w.directory);
	ok(draft_edit(d, &space, NULL, &cause) == 0, "the right is taken");
	draft_take(d, 12, member_id(&m, 12, &person));
	world_must(draft_save(&d, &change, &cause), &cause, "take");
	ok(client_sync(&w, a), "while the server does not know that it was set back");
	ok(world_sync(&w, both + 1, 1), "the one who lost the right comes");
	ok(place_of(b, &space).number == 0, "has lost the space");
	ok(world_sync(&w, both, 2) && all_equal(&w, &w.directory) && same_as_server(&w, a, &space),
	   "all are equal");
	(void)kept;
	buf_fini(&m);
	world_fini(&w);
}

/* ---- What this server has not signed -------------------------------------------------------- */

/* Say Hello as this copy does, and take the run that it hands in, as a message. NULL: it was not
 * asked for one. */
static Wire__Run *take_run(struct world *w, struct client *c, struct arena *arena)
{
	struct cause cause = {""};
	struct frame f;

	client_connect(w, c);
	frames_to_server(c, 1);
	world_must(area_turn(w->area), NULL, "turn");
	frames_to_client(c);
	uplink_turn(c->up);
	arena_reset(arena);
	return pipe_take(&c->pipe.ends[1], &f) > 0 && f.kind == WIRE__KIND__RUN
		       ? (Wire__Run *)frame_unpack(&f, &wire__run__descriptor, arena, &cause)
		       : NULL;
}

/* Hand this in instead. True: the session ended for this reason, and nothing has changed. */
static bool hand_in(struct world *w, struct client *c, const Wire__Run *m, Wire__Reason reason,
		    uint64_t number)
{
	struct buf b = {0};
	struct frame f;
	size_t size;
	struct id none;

	frame_write(&b, WIRE__KIND__RUN, &m->base, BYTES_NONE);
	must(frame_parse(buf_bytes(&b), &f, &size) == 1);
	session_frame(c->session, &f);
	world_must(area_turn(w->area), NULL, "turn");
	buf_fini(&b);
	frames_to_client(c);
	bool ended = uplink_state(c->up) == UPLINK_ENDED && uplink_reason(c->up) == reason;
	struct {
		struct id space;
		uint8_t digest[32];
		uint64_t number;
	} want = {.space = w->partnership};
	area_digest(w->area, server_digest_row, &want);
	client_cut(w, c);
	return ended && want.number == number && !area_is_recovering(w->area) &&
	       area_unserved(w->area, &none, 1) == 0 && server_is_sound(w);
}

enum forgery {
	OWN_MAKING, REORDERED, CUT, BEYOND, NO_BODY, OTHER_SPACE, OTHER_EPOCH, SIGNATURE,
	NOT_JOINED, TOO_FAR, UNASKED, OWN_HEADER, SHIFTED, NO_BODY_LEFT, FORGERIES
};

/* Salt and body are sealed as one: where the one ends and the other begins is moved. */
static void shift(Wire__Entry *e, size_t salt, struct arena *arena)
{
	size_t all = e->salt.len + e->body.len;
	uint8_t *both = arena_alloc(arena, all);

	memcpy(both, e->salt.data, e->salt.len);
	memcpy(both + e->salt.len, e->body.data, e->body.len);
	e->salt = (ProtobufCBinaryData){salt, both};
	e->body = (ProtobufCBinaryData){all - salt, both + salt};
}

/* Make one of it. The reason for which the server should end the session. */
static Wire__Reason forge(struct world *w, struct client *c, Wire__Run *m, enum forgery how,
			  struct arena *arena)
{
	static struct signed_head other;
	Wire__Entry *e = m->entries[1];

	switch (how) {
	case OWN_MAKING:
		m->entries[2]->body.data[m->entries[2]->body.len - 20] ^= 1;
		break;
	case OWN_HEADER:
		m->entries[2]->header.data[m->entries[2]->header.len - 20] ^= 1;
		break;
	case REORDERED:
		m->entries[1] = m->entries[2];
		m->entries[2] = e;
		break;
	case SHIFTED:
		shift(e, e->salt.len + 1, arena);
		break;
	case NO_BODY_LEFT:
		shift(e, e->salt.len + e->body.len, arena);
		break;
	case CUT:
		m->n_entries--;
		break;
	case BEYOND:
		m->entries[m->n_entries++] = e;
		break;
	case NO_BODY:
		e->has_body = 0;
		break;
	case OTHER_SPACE:
		must(copy_head(c->copy, &w->directory, &other) == 0);
		m->head->signature.data = other.signature;
		break;
	case OTHER_EPOCH:
		m->head->epoch++;
		break;
	case SIGNATURE:
		m->head->signature.data[5] ^= 1;
		break;
	case NOT_JOINED:
		m->from++;
		m->entries++;
		m->n_entries--;
		break;
	case TOO_FAR:
		m->from += 100;
		m->n_entries = 0;
		break;
	default:
		m->space = (ProtobufCBinaryData){16, w->directory.b};
		return WIRE__REASON__PROTOCOL;
	}
	return WIRE__REASON__DAMAGED;
}

static void test_forged(void)
{
	static const char *const names[] = {
		"an entry of its own making", "entries in another order", "a run that was cut",
		"an entry more than was signed", "an entry without its body",
		"the head of another space", "a head of another epoch", "a wrong signature",
		"a run that does not join the line", "a run that begins behind the line",
		"a run of a space that was not recalled", "a header of its own making",
		"a body that begins elsewhere than was sealed", "a body that is all salt"};
	struct world w;
	struct arena arena;

	n_made = 0;
	arena_init(&arena, ARENA_NO_BUDGET);
	world_init(&w, "forged");
	struct client *a = join(&w), *both[] = {a};
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a), "one");
	world_save(&w, "yesterday");
	for (int i = 0; i < 5; i++)
		make(a, &w.partnership, "after");
	ok(client_sync(&w, a), "and five more");
	client_save(&w, a);
	world_set_back(&w, "yesterday");
	for (int how = 0; how < FORGERIES; how++) {
		Wire__Run *m = take_run(&w, a, &arena);
		ok(m && m->n_entries == 5, "the copy would hand in five");
		Wire__Entry *room[6];
		memcpy(room, m->entries, 5 * sizeof(*room));
		m->entries = room;
		Wire__Reason reason = forge(&w, a, m, (enum forgery)how, &arena);
		ok(hand_in(&w, a, m, reason, 1), "%s is refused, and nothing has changed",
		   names[how]);
	}
	ok(world_sync(&w, both, 1) && all_equal(&w, &w.partnership) && none_lost(&w),
	   "what was signed is taken");
	/* Now it goes on, and the old run comes again. */
	struct id later = make_action(a, &w.partnership, "later");
	ok(client_sync(&w, a), "one more");
	client_set_back(&w, a);
	ok(client_sync(&w, a) && place_of(a, &w.partnership).number == 7 &&
		   text_of_field(a, &later, VIEW_ACCEPTED, ACTION_TEXT)[0],
	   "an older head of the same line is only an older cursor");
	arena_fini(&arena);
	world_fini(&w);
}

/* A run of a line that was left, handed in again: nothing more comes of it, and nobody is sent
 * away. */
static void test_replay(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "replay");
	struct client *a = join(&w), *b = join(&w), *both[] = {a, b};
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a) && client_sync(&w, b), "both hold one");
	world_save(&w, "yesterday");
	make(a, &w.partnership, "lost");
	ok(client_sync(&w, a), "one more");
	client_save(&w, a);
	world_set_back(&w, "yesterday");
	make(b, &w.partnership, "beside");
	make(b, &w.partnership, "beside, too");
	ok(client_sync(&w, b) && world_sync(&w, both, 2) && world_sync(&w, both, 2) &&
		   all_equal(&w, &w.partnership) && none_lost(&w),
	   "the shorter is entered again");
	struct held before = place_of(b, &w.partnership);
	client_connect(&w, b);
	world_run(&w);
	client_set_back(&w, a);
	ok(client_sync(&w, a) && uplink_quiet(b->up), "its old state hands it in once more");
	struct held after = place_of(a, &w.partnership);
	ok(after.number == before.number && after.epoch == before.epoch &&
		   memcmp(after.chain, before.chain, SHA256_LEN) == 0,
	   "and is told to go back; the line is as it was");
	client_cut(&w, b);
	ok(all_equal(&w, &w.partnership) && none_lost(&w), "all are equal");
	world_fini(&w);
}

/* ---- Copies of one device ------------------------------------------------------------------- */

static int64_t notices(struct client *c, const struct id *on)
{
	struct db_stmt *st = db_query_text(
		copy_db(c->copy), "SELECT count(*) FROM note WHERE \"on\" = ?1", NULL);
	int64_t n = -1;
	db_bind_bytes(st, 1, ID_BYTES(on));
	if (db_step(st) == 1) {
		n = db_int(st, 0);
		db_reset(st);
	}
	return n;
}

static void test_clones(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "clones");
	struct client *a = join(&w), *b = join(&w);
	struct client *one = world_clone(&w, b), *two = world_clone(&w, b);
	struct client *all[] = {a, b, one, two};
	for (size_t i = 1; i < 4; i++)
		make(all[i], &w.partnership, "made at one of three");
	for (int round = 0; round < 3; round++)
		for (size_t i = 1; i < 4; i++)
			ok(client_sync(&w, all[i]), "copy %zu of the device syncs", i);
	ok(client_sync(&w, a) && notices(a, &b->device) == 2,
	   "a device in three copies: the administrator hears of two that are new");
	for (size_t i = 1; i < 4; i++)
		client_connect(&w, all[i]);
	world_run(&w);
	ok(uplink_quiet(b->up) && uplink_quiet(one->up) && uplink_quiet(two->up),
	   "all three are connected at once");
	for (size_t i = 1; i < 4; i++)
		client_cut(&w, all[i]);
	for (size_t i = 0; i < 4; i++)
		client_sync(&w, all[i]);
	ok(all_equal(&w, &w.partnership) && none_lost(&w) && notices(a, &b->device) == 2,
	   "all are equal, nothing is lost, and it is not told again");
	world_fini(&w);
}

static void test_restored_copy(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "restored-copy");
	struct client *a = join(&w), *b = join(&w);
	make(b, &w.partnership, "before");
	ok(client_sync(&w, b), "a copy is put aside");
	client_save(&w, b);
	make(b, &w.partnership, "after");
	ok(client_sync(&w, b) && client_sync(&w, b) && client_sync(&w, a), "and worked with");
	ok(notices(a, &b->device) == 0, "nobody is told of anything");
	client_set_back(&w, b);
	make(b, &w.partnership, "after it was restored");
	ok(client_sync(&w, b) && client_sync(&w, a) && all_equal(&w, &w.partnership) &&
		   none_lost(&w),
	   "restored, it catches up, and what was made on it counts");
	ok(notices(a, &b->device) == 1, "the administrator is told");
	world_fini(&w);
}

static void test_lost_welcome(void)
{
	struct world w;

	world_init(&w, "lost-welcome");
	struct client *a = join(&w), *b = join(&w);
	for (int i = 0; i < 4; i++) {
		client_connect(&w, b);
		frames_to_server(b, 1);
		world_must(area_turn(w.area), NULL, "turn");
		client_cut(&w, b); /* it was on its way */
	}
	ok(client_sync(&w, b) && client_sync(&w, a) && notices(a, &b->device) == 0,
	   "a Welcome that never came, four times, makes no copy of a copy");
	client_connect(&w, b);
	world_run(&w);
	struct session *first = b->session;
	struct pipe second;
	pipe_init(&second);
	struct session *s = session_open(w.area, &second.ends[1].link, &b->device);
	struct uplink *up = uplink_new(b->copy, &second.ends[0].link);
	struct frame f;
	while (pipe_take(&second.ends[1], &f) > 0)
		session_frame(s, &f);
	world_must(area_turn(w.area), NULL, "turn");
	ok(b->session == first && b->pipe.ends[1].closed,
	   "a second session of the same copy replaces the first");
	uplink_free(&up);
	session_lost(s);
	world_must(area_turn(w.area), NULL, "turn");
	pipe_fini(&second);
	world_fini(&w);
}

/* ---- A device that joined after the backup -------------------------------------------------- */

static void test_joined_later(void)
{
	struct world w;

	n_made = 0;
	world_init(&w, "joined-later");
	struct client *a = join(&w);
	make(a, &w.partnership, "before");
	ok(client_sync(&w, a), "one");
	world_save(&w, "yesterday");
	struct client *b = join(&w), *both[] = {a, b};
	make(b, &w.partnership, "by the new one");
	ok(client_sync(&w, b), "another joins after the backup");
	world_set_back(&w, "yesterday");
	make(a, &w.partnership, "beside it");
	ok(client_sync(&w, a), "the server goes on without it");
	ok(world_sync(&w, both + 1, 1), "what it holds makes it known again");
	ok(world_sync(&w, both, 2) && all_equal(&w, &w.partnership) &&
		   all_equal(&w, &w.directory) && none_lost(&w),
	   "all are equal, and nothing is lost");
	world_fini(&w);
}

int main(void)
{
	log_level_set(LOG_ERROR);
	test_ahead();
	beside("server-longer", 2, 5, 2);
	beside("run-longer", 5, 2, 2);
	beside("tie", 3, 3, 2);
	beside("one-against-many", 1, 9, 2);
	test_orders();
	test_left_again();
	test_epoch_forgotten();
	test_crash();
	test_rewind_lost();
	test_nobody_holds();
	test_unserved_waits();
	test_lost_meanwhile();
	test_forged();
	test_replay();
	test_clones();
	test_restored_copy();
	test_lost_welcome();
	test_joined_later();
	return tap_end();
}
