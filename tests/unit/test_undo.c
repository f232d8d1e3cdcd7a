/* Undo: what goes back, what stays because it has moved on, what can't be taken back. */
#include "client/undo.h"
#include "tests/unit/world.h"

static struct id edit(struct world *w, struct client *c, const struct id *id, uint32_t field,
		      const char *text)
{
	struct cause cause = {""};
	struct id change;
	world_must(set_text(c, &w->partnership, id, field, text, NULL, &change, &cause), &cause,
		   "edit");
	return change;
}

static void both_sync(struct world *w, struct client *a, struct client *b)
{
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
}

/* Take a change back; 0 or an error. `n_left`: what stayed as it is. */
static int undo(struct client *c, const struct id *change, size_t *n_left, struct cause *cause)
{
	struct arena arena;
	struct undo u;
	struct id made;

	arena_init(&arena, ARENA_NO_BUDGET);
	*n_left = 0;
	int err = undo_init(&u, c->copy, change, &arena, cause);
	for (size_t i = 0; err == 0 && i < u.n; i++)
		*n_left += u.steps[i].kind == UNDO_LEFT;
	if (err == 0)
		err = undo_save(&u, c->copy, true, &made, cause);
	arena_fini(&arena);
	return err;
}

static bool shows(struct client *c, const struct id *id, uint32_t field, const char *text)
{
	return strcmp(text_of_field(c, id, VIEW_SHOWN, field), text) == 0;
}

static unsigned existence(struct client *c, const struct id *id)
{
	struct arena arena;
	struct record r;
	arena_init(&arena, ARENA_NO_BUDGET);
	unsigned is = copy_record(c->copy, id, VIEW_SHOWN, &arena, &r, NULL) == 0
			      ? record_existence(&r)
			      : ABSENT;
	arena_fini(&arena);
	return is;
}

static void test_values(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "one"), change, other;
	size_t left;

	change = edit(w, a, &id, ACTION_TEXT, "two");
	both_sync(w, a, b);
	ok(undo(b, &change, &left, &cause) == 0 && left == 0 && shows(b, &id, ACTION_TEXT, "one"),
	   "a value goes back to what stood before, whoever takes it back");
	both_sync(w, b, a);
	ok(shows(a, &id, ACTION_TEXT, "one") && count_conflicts(a) == 0, "at once, everywhere");
	change = edit(w, a, &id, ACTION_REF, "9.1");
	both_sync(w, a, b);
	other = edit(w, b, &id, ACTION_REF, "9.2");
	both_sync(w, b, a);
	ok(undo(a, &change, &left, &cause) == ERR_INVALID && strstr(cause.words, "since"),
	   "what others have changed since is not: %s", cause.words);
	ok(undo(a, &other, &left, &cause) == 0 && shows(a, &id, ACTION_REF, "9.1"),
	   "the last one can be");
	ok(undo(a, &change, &left, &cause) == 0 && shows(a, &id, ACTION_REF, ""),
	   "and then the one before, back to nothing");
	both_sync(w, a, b);
	ok(shows(b, &id, ACTION_REF, "") && is_sound(a) && is_sound(b), "as the server agrees");
}

static void test_prose(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "prose"), change;
	size_t left;

	edit(w, a, &id, ACTION_DETAILS, "One came. Two went. Three stayed. Four slept.");
	change = edit(w, a, &id, ACTION_DETAILS, "Ten came. Two went. Three stayed. Four slept.");
	both_sync(w, a, b);
	edit(w, b, &id, ACTION_DETAILS, "Ten came. Two went. Three stayed. Four woke.");
	both_sync(w, b, a);
	ok(undo(a, &change, &left, &cause) == 0 && left == 0 &&
		   shows(a, &id, ACTION_DETAILS, "One came. Two went. Three stayed. Four woke."),
	   "of a text that has moved on only the change's own sentences go back");
	both_sync(w, a, b);
	change = edit(w, a, &id, ACTION_DETAILS, "One came. Two ran. Three stayed. Four woke.");
	both_sync(w, a, b);
	edit(w, b, &id, ACTION_DETAILS, "One came. Two walked. Three stayed. Four woke.");
	both_sync(w, b, a);
	ok(undo(a, &change, &left, &cause) == ERR_INVALID,
	   "a sentence that others wrote anew is theirs: %s", cause.words);
}

static void test_members(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "members"), change;
	struct buf m = {0};
	struct arena arena;
	struct record r;
	size_t left;

	both_sync(w, a, b);
	struct draft *d = draft_new(a->copy, &w->partnership);
	world_must(draft_edit(d, &id, NULL, &cause), &cause, "edit");
	draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &w->school));
	draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &w->person));
	world_must(draft_save(&d, &change, &cause), &cause, "save");
	client_sync(w, a);
	ok(undo(a, &change, &left, &cause) == 0, "members that were added are taken again");
	arena_init(&arena, ARENA_NO_BUDGET);
	world_must(copy_record(a->copy, &id, VIEW_SHOWN, &arena, &r, NULL), NULL, "read");
	ok(value_count(record_get(&r, ACTION_RESPONSIBLE)) == 0, "all of them");
	both_sync(w, a, b);
	arena_fini(&arena);
	buf_fini(&m);
}

static void test_existence(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id ids[40], change;
	size_t left;
	bool all = true;
	struct draft *d = draft_new(a->copy, &w->partnership);

	for (size_t i = 0; i < 40; i++) {
		ids[i] = id_make(&w->env);
		draft_create(d, TYPE_ACTION, &ids[i]);
		put_text(d, ACTION_TEXT, "many");
	}
	world_must(draft_save(&d, &change, &cause), &cause, "save");
	both_sync(w, a, b);
	edit(w, b, &ids[3], ACTION_DETAILS, "worked on since");
	both_sync(w, b, a);
	ok(undo(a, &change, &left, &cause) == 0, "many records made by one change");
	both_sync(w, a, b);
	for (size_t i = 0; i < 40; i++)
		all &= existence(b, &ids[i]) == WITHDRAWN;
	ok(all, "are withdrawn by taking it back");
	struct arena arena;
	struct past_entry e;
	arena_init(&arena, ARENA_NO_BUDGET);
	uint64_t number =
		(uint64_t)ask_number(b, "SELECT number FROM held ORDER BY number DESC LIMIT 1");
	world_must(copy_entry(b->copy, &w->partnership, number, &arena, &e), NULL, "entry");
	ok(id_equal(&e.change.undoes, &change), "which names what it takes back");
	change = e.change.id;
	ok(undo(b, &change, &left, &cause) == 0 && existence(b, &ids[0]) == LIVE &&
		   shows(b, &ids[3], ACTION_DETAILS, "worked on since"),
	   "and can be taken back itself, with all that was there");
	arena_fini(&arena);
	both_sync(w, b, a);
	ok(existence(a, &ids[39]) == LIVE && is_sound(a) && is_sound(b), "everywhere");
}

static void test_pending(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "one"), first, second;
	int64_t refused, before;
	size_t left;

	both_sync(w, a, b);
	first = edit(w, a, &id, ACTION_TEXT, "two");
	second = edit(w, a, &id, ACTION_DETAILS, "more");
	before = count_pending(a, &refused);
	ok(undo(a, &first, &left, &cause) == 0 && shows(a, &id, ACTION_TEXT, "one") &&
		   shows(a, &id, ACTION_DETAILS, "more"),
	   "a change that was not sent yet is taken back, what was done after it stays");
	ok(count_pending(a, &refused) == before + 1, "by a further one");
	both_sync(w, a, b);
	ok(shows(b, &id, ACTION_TEXT, "one") && shows(b, &id, ACTION_DETAILS, "more") &&
		   count_pending(a, &refused) == 0 && refused == 0,
	   "and all three arrive");
	ok(undo(a, &second, &left, &cause) == 0 && shows(a, &id, ACTION_DETAILS, ""),
	   "one that has been sent meanwhile");
	both_sync(w, a, b);
}

/* Withdrawals that wait for a word, one by one. */
static void test_asking(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id ids[25], change[25];
	struct asking asking;
	int64_t refused;
	size_t left;

	for (size_t i = 0; i < 25; i++)
		ids[i] = make_action(a, &w->partnership, "to go");
	both_sync(w, a, b);
	for (size_t i = 0; i < 25; i++) {
		struct draft *d = draft_new(a->copy, &w->partnership);
		world_must(draft_edit(d, &ids[i], NULL, &cause), &cause, "edit");
		draft_withdraw(d);
		world_must(draft_save(&d, &change[i], &cause), &cause, "withdraw");
	}
	struct id other = make_action(a, &w->partnership, "flows");
	copy_asking(a->copy, &asking);
	ok(asking.changes == 25 && asking.records == 25, "25 withdrawals ask first");
	client_sync(w, a);
	client_sync(w, b);
	ok(existence(b, &ids[0]) == LIVE && existence(b, &other) == LIVE &&
		   existence(a, &ids[0]) == WITHDRAWN,
	   "they are shown here and not sent, all else is");
	ok(undo(a, &change[0], &left, &cause) == 0 && existence(a, &ids[0]) == LIVE,
	   "one of them is taken back");
	copy_asking(a->copy, &asking);
	ok(asking.changes == 24 && count_pending(a, &refused) == 24,
	   "and is gone: it was never sent");
	ok(is_sound(a), "the rows follow");
	ok(copy_agree(a->copy, &cause) == 24, "the person agrees to the others");
	both_sync(w, a, b);
	ok(count_pending(a, &refused) == 0 && refused == 0 && existence(b, &ids[24]) == WITHDRAWN &&
		   existence(b, &ids[0]) == LIVE,
	   "and they go");
	ok(copy_is_mass(a->copy, &w->partnership, 21) == 1 &&
		   copy_is_mass(a->copy, &w->partnership, 2) == 0 &&
		   copy_is_mass(a->copy, &w->directory, 3) == 1,
	   "more than twenty, or more than a tenth from three on");
	ok(is_sound(a) && is_sound(b) && same_digest(a->copy, b->copy, &w->partnership),
	   "both copies are sound and equal");
}

static void test_refused(struct world *w, struct client *a)
{
	struct cause cause = {""};
	struct arena arena;
	struct past_entry e;
	struct id unknown = id_make(&w->env), change;
	size_t left;

	ok(undo(a, &unknown, &left, &cause) == ERR_MISSING, "what is not known: %s", cause.words);
	arena_init(&arena, ARENA_NO_BUDGET);
	world_must(copy_entry(a->copy, &w->directory, 1, &arena, &e), NULL, "entry");
	ok(undo(a, &e.header.change, &left, &cause) == ERR_AUTH, "what the server entered: %s",
	   cause.words);
	arena_fini(&arena);
	struct id id = make_action(a, &w->partnership, "exact");
	client_sync(w, a);
	struct draft *d = draft_new(a->copy, &w->partnership);
	world_must(draft_edit(d, &id, NULL, &cause), &cause, "edit");
	put_text(d, ACTION_DETAILS, "approved");
	draft_exact(d, &id);
	world_must(draft_save(&d, &change, &cause), &cause, "exact");
	ok(undo(a, &change, &left, &cause) == ERR_INVALID && strstr(cause.words, "correction"),
	   "an approval of exactly what was read: %s", cause.words);
	client_sync(w, a);
	ok(undo(a, &change, &left, &cause) == ERR_INVALID, "sent or not");
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
	world_init(&w, "undo");
	struct client *a = world_join(&w, &w.person, &w.school);
	client_sync(&w, a);
	struct id person = world_person(&w, a, "Ben Carter", 1);
	struct client *b = world_join(&w, &person, &w.school);
	client_sync(&w, b);
	test_values(&w, a, b);
	test_prose(&w, a, b);
	test_members(&w, a, b);
	test_existence(&w, a, b);
	test_pending(&w, a, b);
	test_asking(&w, a, b);
	test_refused(&w, a);
	world_fini(&w);
	return tap_end();
}
