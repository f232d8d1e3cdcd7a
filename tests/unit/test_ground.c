/* What the server will most likely decide, shown before it is asked: and then the server is asked.
 */
#include "common/reconcile.h"
#include "tests/unit/world.h"

static const char one_two[] = "First sentence. Second sentence. Third sentence. Fourth sentence.";

/* A record that both hold, with these details. */
static struct id shared(struct world *w, struct client *a, struct client *b, const char *details)
{
	struct id id = make_action(a, &w->partnership, "An action");
	struct cause cause = {""};

	world_must(set_text(a, &w->partnership, &id, ACTION_DETAILS, details, NULL, NULL, &cause),
		   &cause, "details");
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	return id;
}

static struct foresight foresee(struct client *c, const struct id *id, struct arena *arena,
				struct record *out)
{
	struct foresight f = {0};
	world_must(copy_foresee(c->copy, id, arena, out, &f), NULL, "foresee");
	return f;
}

static void edit(struct world *w, struct client *c, const struct id *id, uint32_t field,
		 const char *text)
{
	struct cause cause = {""};
	world_must(set_text(c, &w->partnership, id, field, text, NULL, NULL, &cause), &cause, text);
}

/* Bring in what is new without sending: the pending changes are put aside meanwhile. */
static void fetch_only(struct world *w, struct client *c)
{
	struct db *db = copy_db(c->copy);
	world_must(copy_begin(c->copy), NULL, "begin");
	world_must(db_run(db, "UPDATE pending SET state = 9", ""), NULL, "aside");
	world_must(copy_commit(c->copy), NULL, "commit");
	client_sync(w, c);
	world_must(copy_begin(c->copy), NULL, "begin");
	world_must(db_run(db, "UPDATE pending SET state = 0", ""), NULL, "back");
	world_must(copy_commit(c->copy), NULL, "commit");
}

static bool shows(struct client *c, const struct id *id, uint32_t field, const char *text)
{
	return strcmp(text_of_field(c, id, VIEW_SHOWN, field), text) == 0;
}

static int64_t row_conflicts(struct client *c)
{
	return ask_number(c, "SELECT total(conflict) FROM \"action\"");
}

static void test_nothing_between(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id id = shared(w, a, b, "as it was");

	arena_init(&arena, ARENA_NO_BUDGET);
	struct foresight f = foresee(a, &id, &arena, &r);
	ok(f.pending == 0 && id_is_zero(&f.newest), "nothing waits, nothing is foreseen");
	edit(w, a, &id, ACTION_DETAILS, "one");
	edit(w, a, &id, ACTION_DETAILS, "two");
	f = foresee(a, &id, &arena, &r);
	ok(f.pending == 2 && f.to_be == 0 && f.n_merged == 0 &&
		   shows(a, &id, ACTION_DETAILS, "two"),
	   "own edits are laid on top, one on the other");
	edit(w, b, &id, ACTION_TEXT, "another field");
	client_sync(w, b);
	fetch_only(w, a);
	f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 0 && shows(a, &id, ACTION_DETAILS, "two") &&
		   shows(a, &id, ACTION_TEXT, "another field"),
	   "beside somebody's edit of another field both are shown");
	ok(record_existence(&r) == LIVE && record_find(&r, ACTION_DETAILS)->number == 0 &&
		   record_find(&r, ACTION_TEXT)->number > 0,
	   "and only what is accepted has a number");
	arena_fini(&arena);
	ok(is_sound(a), "the rows follow");
	client_sync(w, a);
	ok(shows(a, &id, ACTION_DETAILS, "two") && is_sound(a), "and so it comes");
	client_sync(w, b);
}

static void test_two_to_be(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id id = shared(w, a, b, "as it was"), conflict;
	int64_t open = count_conflicts(a), rows = row_conflicts(a);

	arena_init(&arena, ARENA_NO_BUDGET);
	edit(w, a, &id, ACTION_TEXT, "from a");
	edit(w, b, &id, ACTION_TEXT, "from b");
	client_sync(w, b);
	fetch_only(w, a);
	struct foresight f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 1 && f.n_conflicts == 1 &&
		   value_count(record_get(&f.conflicts[0], CONFLICT_SIDES)) == 2 &&
		   value_number(record_get(&f.conflicts[0], CONFLICT_GROUP)) == ACTION_TEXT,
	   "two versions are foreseen, with both sides");
	ok(shows(a, &id, ACTION_TEXT, "from b"), "the accepted value is not hidden");
	ok(strcmp(text_of_field(a, &id, VIEW_AUTHORED, ACTION_TEXT), "from a") == 0,
	   "the own one is kept beside it");
	ok(row_conflicts(a) == rows + 1 && is_sound(a), "the list marks it");
	conflict = f.conflicts[0].id;
	edit(w, a, &id, ACTION_TEXT, "from a again");
	f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 1 && value_count(record_get(&f.conflicts[0], CONFLICT_SIDES)) == 2 &&
		   id_equal(&f.conflicts[0].id, &conflict),
	   "a further own edit moves the own side");
	client_sync(w, a);
	ok(count_conflicts(a) == open + 1 &&
		   copy_record(a->copy, &conflict, VIEW_ACCEPTED, &arena, &r, NULL) == 0,
	   "the server opens just that one, under the id that was foreseen");
	ok(shows(a, &id, ACTION_TEXT, "from b") && row_conflicts(a) == rows + 1 && is_sound(a),
	   "and shows what was shown");
	client_sync(w, b);
	arena_fini(&arena);
}

static void test_merged(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id id = shared(w, a, b, one_two);
	const char *both =
		"First sentence, by Ann. Second sentence. Third sentence. Fourth one by Ben.";

	arena_init(&arena, ARENA_NO_BUDGET);
	edit(w, a, &id, ACTION_DETAILS,
	     "First sentence, by Ann. Second sentence. Third sentence. Fourth sentence.");
	edit(w, b, &id, ACTION_DETAILS,
	     "First sentence. Second sentence. Third sentence. Fourth one by Ben.");
	client_sync(w, b);
	fetch_only(w, a);
	struct foresight f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 0 && f.n_merged == 1 && f.merged[0] == ACTION_DETAILS &&
		   shows(a, &id, ACTION_DETAILS, both),
	   "texts edited in different sentences are shown brought together");
	ok(is_sound(a), "in the rows too");
	edit(w, a, &id, ACTION_DETAILS,
	     "First sentence, by Ann. Second, by Ann. Third sentence. Fourth sentence.");
	ok(shows(a, &id, ACTION_DETAILS,
		 "First sentence, by Ann. Second, by Ann. Third sentence. Fourth one by Ben."),
	   "a further edit stands on the own text as it was written");
	client_sync(w, a);
	ok(shows(a, &id, ACTION_DETAILS,
		 "First sentence, by Ann. Second, by Ann. Third sentence. Fourth one by Ben."),
	   "and the server decides the same");
	client_sync(w, b);
	arena_fini(&arena);
}

static void test_existence(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id id = shared(w, a, b, "as it was");
	struct cause cause = {""};
	struct id change;

	arena_init(&arena, ARENA_NO_BUDGET);
	struct draft *d = draft_new(a->copy, &w->partnership);
	world_must(draft_edit(d, &id, NULL, &cause), &cause, "edit");
	draft_withdraw(d);
	world_must(draft_save(&d, &change, &cause), &cause, "withdraw");
	edit(w, b, &id, ACTION_DETAILS, "still needed");
	client_sync(w, b);
	fetch_only(w, a);
	struct foresight f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 1 && record_existence(&r) == LIVE &&
		   value_number(record_get(&f.conflicts[0], CONFLICT_GROUP)) == 0,
	   "a withdrawal over an edit that was not seen is two versions to be, and hides nothing");
	client_sync(w, a);
	ok(copy_record(a->copy, &id, VIEW_ACCEPTED, &arena, &r, NULL) == 0 &&
		   record_existence(&r) == LIVE && is_sound(a),
	   "and so it comes");
	client_sync(w, b);
	arena_fini(&arena);
}

/* Many changes to one record, and somebody else's in between: each step is sound, and all arrive.
 */
static void test_many(struct world *w, struct client *a, struct client *b)
{
	struct id id = shared(w, a, b, one_two);
	char text[64];

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "version %d", i);
		edit(w, a, &id, ACTION_TEXT, text);
	}
	edit(w, b, &id, ACTION_TEXT, "from b");
	client_sync(w, b);
	fetch_only(w, a);
	ok(row_conflicts(a) > 0 && is_sound(a), "a hundred changes over another's");
	client_sync(w, a);
	client_sync(w, b);
	ok(same_digest(a->copy, b->copy, &w->partnership) && is_sound(a) &&
		   count_pending(a, &(int64_t){0}) == 0,
	   "all of them arrive");
}

/* An own change is accepted between reading and saving; the next stands on it, not on others'. */
static void test_own_between(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id id = shared(w, a, b, "as it was");
	struct seen seen;
	struct cause cause = {""};

	arena_init(&arena, ARENA_NO_BUDGET);
	edit(w, a, &id, ACTION_TEXT, "first");
	copy_seen(a->copy, &id, &seen);
	client_sync(w, a);
	world_must(set_text(a, &w->partnership, &id, ACTION_TEXT, "second", &seen, NULL, &cause),
		   &cause, "second");
	struct foresight f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 0 && shows(a, &id, ACTION_TEXT, "second"),
	   "an own change accepted meanwhile is nobody else's");
	client_sync(w, a);
	copy_seen(a->copy, &id, &seen);
	client_sync(w, b);
	edit(w, b, &id, ACTION_TEXT, "from b");
	client_sync(w, b);
	client_sync(w, a);
	world_must(set_text(a, &w->partnership, &id, ACTION_TEXT, "third", &seen, NULL, &cause),
		   &cause, "third");
	f = foresee(a, &id, &arena, &r);
	ok(f.to_be == 1 && shows(a, &id, ACTION_TEXT, "from b"),
	   "what was read before another's edit came, and saved after, is two versions to be");
	client_sync(w, a);
	ok(shows(a, &id, ACTION_TEXT, "from b") && is_sound(a), "as the server says too");
	client_sync(w, b);
	arena_fini(&arena);
}

static int64_t rows(struct client *c, const char *where)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"action\" WHERE %s", where);
	return ask_number(c, sql);
}

/* Rows are shown before a commit, each once; also where much happens to them in one transaction. */
static void test_before_commit(struct world *w, struct client *a, struct client *b)
{
	struct id id = shared(w, a, b, "as it was"), first, second, third;
	struct cause cause = {""};

	world_must(set_text(a, &w->partnership, &id, ACTION_TEXT, "a first", NULL, &first, &cause),
		   &cause, "first");
	world_must(set_text(a, &w->partnership, &id, ACTION_DETAILS, "a more", NULL, &second, &cause),
		   &cause, "second");
	ok(rows(a, "text = 'a first' AND pending = 2") == 1, "two changes wait on a record");
	world_must(copy_begin(a->copy), NULL, "begin");
	world_must(copy_verdict(a->copy, &first, VERDICT_REFUSED, 0, "no"), NULL, "refused");
	world_must(copy_commit(a->copy), NULL, "commit");
	ok(rows(a, "text = 'a first'") == 0 && rows(a, "details = 'as it was'") > 0 && is_sound(a),
	   "after a commit it is shown without what was refused, and what stands on that");
	world_must(set_text(a, &w->partnership, &id, ACTION_TEXT, "a third", NULL, &third, &cause),
		   &cause, "third");
	world_must(copy_begin(a->copy), NULL, "begin");
	world_must(copy_verdict(a->copy, &third, VERDICT_HELD, 0, ""), NULL, "held");
	copy_rollback(a->copy);
	world_must(copy_begin(a->copy), NULL, "begin");
	world_must(copy_commit(a->copy), NULL, "commit");
	ok(rows(a, "text = 'a third' AND pending = 1") == 1 && is_sound(a),
	   "what was rolled back shows nothing");
	world_must(copy_begin(a->copy), NULL, "begin");
	world_must(copy_verdict(a->copy, &third, VERDICT_HELD, 0, ""), NULL, "held");
	world_must(copy_lose(a->copy, &w->partnership), NULL, "lose");
	world_must(copy_commit(a->copy), NULL, "commit");
	ok(rows(a, "1") == 0, "and of a space that is lost in the same transaction there is no row");
}

static void log_nothing(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int main(void)
{
	struct world w;

	log_sink_set(log_nothing);
	world_init(&w, "ground");
	struct client *a = world_join(&w, &w.person, &w.school);
	client_sync(&w, a);
	struct id person = world_person(&w, a, "Ben", 2);
	struct client *b = world_join(&w, &person, &w.school);
	client_sync(&w, b);
	test_nothing_between(&w, a, b);
	test_two_to_be(&w, a, b);
	test_existence(&w, a, b);
	test_many(&w, a, b);
	test_own_between(&w, a, b);
	test_merged(&w, a, b);
	test_before_commit(&w, a, b);
	world_fini(&w);
	return tap_end();
}
