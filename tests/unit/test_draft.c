/* Drafts: what was seen, what is left out, what is refused at once and in which words, splitting.
 */
#include "tests/unit/world.h"

/* The change that waits last, in `arena`. */
static struct change last_pending(struct client *c, struct arena *arena)
{
	struct pending p, last = {0};
	struct change change = {0};

	for (int64_t seq = 0; copy_pending_next(c->copy, seq, &p) == 1; seq = p.seq) {
		free(p.words);
		last = p;
	}
	if (last.seq)
		world_must(change_read(&change, arena_copy(arena, last.bytes), arena, NULL), NULL,
			   "read");
	return change;
}

static uint64_t digest_of_text(uint32_t field, const char *text)
{
	struct buf b = {0};
	if (text)
		field_add_text(&b, field, text);
	uint64_t digest = base_digest(buf_bytes(&b));
	buf_fini(&b);
	return digest;
}

static void test_bases(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct cause cause = {""};
	struct seen seen;
	struct id id = make_action(a, &w->partnership, "one"), first, change;

	arena_init(&arena, ARENA_NO_BUDGET);
	struct change c = last_pending(a, &arena);
	ok(c.n_edits == 1 && c.edits[0].effect.existence == LIVE && !c.edits[0].brings_back &&
		   c.edits[0].n_bases == 1 && c.edits[0].bases[0].digest == base_digest(BYTES_NONE),
	   "a new record stands on nothing");
	ok(c.seen_epoch == 1 && c.made_ms == w->now_ms, "it says of which time it was, and when");
	client_sync(w, a);
	client_sync(w, b);
	copy_seen(a->copy, &id, &seen);
	ok(id_is_zero(&seen.after), "what is accepted stands after nothing");

	set_text(a, &w->partnership, &id, ACTION_TEXT, "two", NULL, &first, &cause);
	c = last_pending(a, &arena);
	ok(c.edits[0].bases[0].digest == digest_of_text(ACTION_TEXT, "one") &&
		   id_is_zero(&c.edits[0].after),
	   "an edit stands on the accepted value");
	set_text(a, &w->partnership, &id, ACTION_TEXT, "three", NULL, &change, &cause);
	c = last_pending(a, &arena);
	ok(c.edits[0].bases[0].digest == digest_of_text(ACTION_TEXT, "two") &&
		   id_equal(&c.edits[0].after, &first),
	   "the next stands on the one before");
	set_text(a, &w->partnership, &id, ACTION_TEXT, "four", &seen, &change, &cause);
	c = last_pending(a, &arena);
	ok(c.edits[0].bases[0].digest == digest_of_text(ACTION_TEXT, "one") &&
		   id_is_zero(&c.edits[0].after) && c.seen_number == seen.number,
	   "one that was begun before both stands on what was seen then");
	client_sync(w, a);
	set_text(b, &w->partnership, &id, ACTION_DETAILS, "from b", NULL, &change, &cause);
	client_sync(w, b);
	client_sync(w, a);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "five", &seen, &change, &cause);
	c = last_pending(a, &arena);
	ok(c.edits[0].bases[0].digest == digest_of_text(ACTION_TEXT, "one") &&
		   c.seen_number == seen.number,
	   "also when the record has moved on since, from its history");
	client_sync(w, a);
	arena_fini(&arena);
}

static void test_accepted_before_saving(struct world *w, struct client *a)
{
	struct arena arena;
	struct cause cause = {""};
	struct seen seen;
	struct id id = make_action(a, &w->partnership, "one"), first, change;
	int64_t conflicts = count_conflicts(a);

	client_sync(w, a);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "two", NULL, &first, &cause);
	copy_seen(a->copy, &id, &seen);
	ok(id_equal(&seen.after, &first), "what was seen names the change that was pending then");
	client_sync(w, a);
	arena_init(&arena, ARENA_NO_BUDGET);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "three", &seen, &change, &cause);
	struct change c = last_pending(a, &arena);
	ok(id_equal(&c.edits[0].after, &first) &&
		   c.edits[0].bases[0].digest == digest_of_text(ACTION_TEXT, "two"),
	   "accepted meanwhile, its value is still the base");
	client_sync(w, a);
	ok(count_conflicts(a) == conflicts &&
		   strcmp(text_of_field(a, &id, VIEW_ACCEPTED, ACTION_TEXT), "three") == 0,
	   "and the server agrees");
	arena_fini(&arena);
}

static void test_left_out(struct world *w, struct client *a)
{
	struct arena arena;
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "same"), change;
	int64_t refused, before = count_pending(a, &refused);

	ok(set_text(a, &w->partnership, &id, ACTION_TEXT, "same", NULL, &change, &cause) == 0 &&
		   id_is_zero(&change) && count_pending(a, &refused) == before,
	   "an edit that changes nothing is none");
	struct draft *d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	put_text(d, ACTION_TEXT, "same");
	put_text(d, ACTION_DETAILS, "other");
	ok(draft_save(&d, &change, &cause) == 0 && !id_is_zero(&change),
	   "one that changes something is one");
	arena_init(&arena, ARENA_NO_BUDGET);
	struct change c = last_pending(a, &arena);
	ok(c.edits[0].n_bases == 1 && c.edits[0].bases[0].field == ACTION_DETAILS,
	   "and names only that");
	d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	put_text(d, ACTION_DETAILS, NULL);
	draft_save(&d, &change, &cause);
	c = last_pending(a, &arena);
	ok(c.edits[0].effect.n_clear == 1 && c.edits[0].effect.set.len == 0,
	   "a value taken away is cleared");
	d = draft_new(a->copy, &w->partnership);
	ok(draft_save(&d, &change, &cause) == 0 && id_is_zero(&change),
	   "an empty draft is no change");
	arena_fini(&arena);
}

static void test_sets(struct world *w, struct client *a)
{
	struct arena arena;
	struct cause cause = {""};
	struct buf m = {0}, both = {0};
	struct id id = make_action(a, &w->partnership, "sets"), x = id_make(&w->env),
		  y = id_make(&w->env), change;

	arena_init(&arena, ARENA_NO_BUDGET);
	field_add_bytes(&both, ACTION_RESPONSIBLE, ID_BYTES(&x));
	struct draft *d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_set(d, ACTION_RESPONSIBLE, buf_bytes(&both));
	draft_save(&d, &change, &cause);
	struct change c = last_pending(a, &arena);
	ok(c.edits[0].effect.set.len == 0 && value_count(c.edits[0].effect.add) == 1 &&
		   c.edits[0].n_bases == 0,
	   "a set that is given whole is saved as what was added");
	d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_set(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &y));
	draft_save(&d, &change, &cause);
	c = last_pending(a, &arena);
	ok(value_count(c.edits[0].effect.add) == 1 && value_count(c.edits[0].effect.take) == 1,
	   "and as what was taken");
	d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &y));
	draft_take(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &x));
	ok(draft_save(&d, &change, &cause) == 0 && id_is_zero(&change),
	   "adding what is in it and taking what is not is nothing");
	buf_fini(&m);
	buf_fini(&both);
	arena_fini(&arena);
}

/* Save, expecting an error. */
static bool is_refused(struct draft *d, int err, const char *what)
{
	struct cause cause = {""};
	struct id change = {{1}};
	int got = draft_save(&d, &change, &cause);

	note("%s: %s", what, cause.words);
	return got == err && cause.words[0] && id_is_zero(&change) && !d;
}

static struct draft *edit_of(struct client *a, const struct id *space, const struct id *record)
{
	struct draft *d = draft_new(a->copy, space);
	struct cause cause = {""};
	world_must(draft_edit(d, record, NULL, &cause), &cause, "edit");
	return d;
}

static void test_refused_at_once(struct world *w, struct client *a)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "refusals"), nobody = id_make(&w->env),
		  change, on;
	struct seen seen;
	int64_t refused, before = count_pending(a, &refused);

	struct draft *d = draft_new(a->copy, &w->partnership);
	ok(draft_edit(d, &nobody, NULL, &cause) == ERR_MISSING, "an unknown record: %s",
	   cause.words);
	copy_seen(a->copy, &w->person, &seen);
	ok(draft_edit(d, &w->person, &seen, &cause) == ERR_INVALID, "a record of another space: %s",
	   cause.words);
	draft_free(&d);

	d = edit_of(a, &w->partnership, &id);
	draft_set(d, 999, BYTES("x", 1));
	ok(is_refused(d, ERR_INVALID, "a field that there is not"), "an unknown field is refused");
	d = edit_of(a, &w->partnership, &id);
	put_text(d, 12, "next Tuesday");
	ok(is_refused(d, ERR_INVALID, "a day"), "a value in the wrong form is refused");
	d = edit_of(a, &w->partnership, &id);
	put_number(d, ACTION_STATUS, 77);
	ok(is_refused(d, ERR_INVALID, "a word"), "a word that there is not is refused");
	struct buf self = {0};
	field_add_bytes(&self, schema_field_named(schema_type(TYPE_ACTION), "depends_on")->id, ID_BYTES(&id));
	d = edit_of(a, &w->partnership, &id);
	draft_add(d, schema_field_named(schema_type(TYPE_ACTION), "depends_on")->id, buf_bytes(&self));
	buf_fini(&self);
	ok(is_refused(d, ERR_INVALID, "itself"), "what waits for itself is refused here, not at the server");
	d = draft_new(a->copy, &w->partnership);
	draft_create(d, 200, &nobody);
	ok(is_refused(d, ERR_INVALID, "a type"), "a type that there is not is refused");
	d = draft_new(a->copy, &w->partnership);
	draft_create(d, TYPE_CONFLICT, &nobody);
	ok(is_refused(d, ERR_INVALID, "a conflict"), "what the server alone writes is refused");
	d = draft_new(a->copy, &w->partnership);
	draft_create(d, TYPE_PERSON, &nobody);
	put_text(d, 1, "Nobody");
	ok(is_refused(d, ERR_INVALID, "a person in the plan"),
	   "a type in the wrong space is refused");
	d = draft_new(a->copy, &w->partnership);
	draft_create(d, TYPE_ACTION, &id);
	ok(is_refused(d, ERR_EXISTS, "a second one"), "a record that there is already is refused");
	d = draft_new(a->copy, &nobody);
	draft_create(d, TYPE_ACTION, &nobody);
	ok(is_refused(d, ERR_MISSING, "another space"), "a space that is not held is refused");
	copy_seen(a->copy, &id, &seen);
	seen.number += 1000;
	ok(set_text(a, &w->partnership, &id, ACTION_TEXT, "x", &seen, &change, &cause) ==
		   ERR_INVALID,
	   "what cannot have been seen is refused: %s", cause.words);
	seen.number -= 1000;
	seen.epoch++;
	ok(set_text(a, &w->partnership, &id, ACTION_TEXT, "x", &seen, &change, &cause) ==
		   ERR_INVALID,
	   "and what was seen before a set-back");
	struct db_stmt *st =
		db_query(copy_db(a->copy), "SELECT id FROM \"appointment\" LIMIT 1", "");
	world_must(db_step(st) == 1 && db_id(st, 0, &on) ? 0 : ERR_DB, NULL, "appointment");
	db_reset(st);
	d = edit_of(a, &w->directory, &on);
	put_number(d, 2, 8);
	ok(is_refused(d, ERR_INVALID, "a fixed field"),
	   "a field that is set once cannot be changed");
	ok(count_pending(a, &refused) == before, "nothing of all this was saved");
	ok(is_sound(a), "and the copy is sound");
}

static void test_long_texts(struct world *w, struct client *a)
{
	char *text = mem_alloc(260 * 1024);
	struct id id = id_make(&w->env), change;
	struct cause cause = {""};
	int64_t refused, before = count_pending(a, &refused);

	memset(text, 'x', 250 * 1024);
	for (int i = 0; i < 3; i++) {
		struct id item = id_make(&w->env);
		struct draft *d = draft_new(a->copy, &w->partnership);
		draft_create(d, TYPE_AGENDA_ITEM, &item);
		put_text(d, 8, text);
		ok(draft_save(&d, &change, &cause) == 0, "a long text is saved %s", cause.words);
	}
	struct draft *d = draft_new(a->copy, &w->partnership);
	for (int i = 0; i < 5; i++) {
		id = id_make(&w->env);
		draft_create(d, TYPE_AGENDA_ITEM, &id);
		put_text(d, 8, text);
	}
	ok(draft_save(&d, &change, &cause) == 0 && count_pending(a, &refused) >= before + 5,
	   "many go into several changes");
	memset(text, 'x', 257 * 1024);
	d = draft_new(a->copy, &w->partnership);
	id = id_make(&w->env);
	draft_create(d, TYPE_AGENDA_ITEM, &id);
	put_text(d, 8, text);
	ok(is_refused(d, ERR_INVALID, "too long"), "one that is too long is refused");
	free(text);
	ok(client_sync(w, a) && count_pending(a, &refused) == 0 && refused == 0,
	   "all of them go to the server");
}

static void test_many_records(struct world *w, struct client *a, struct client *b)
{
	struct draft *d = draft_new(a->copy, &w->partnership);
	struct id id = {{0}}, change;
	struct cause cause = {""};
	int64_t refused, before = count_pending(a, &refused),
			 had = ask_number(a, "SELECT count(*) FROM \"action\"");

	for (int i = 0; i < 1200; i++) {
		id = id_make(&w->env);
		draft_create(d, TYPE_ACTION, &id);
		put_text(d, ACTION_TEXT, "one of many");
	}
	ok(draft_save(&d, &change, &cause) == 0 && count_pending(a, &refused) == before + 3,
	   "1,200 records go into three changes");
	ok(ask_number(a, "SELECT count(*) FROM \"action\"") == had + 1200, "and are shown at once");
	client_sync(w, a);
	client_sync(w, b);
	ok(ask_number(b, "SELECT count(*) FROM \"action\"") == had + 1200 &&
		   count_pending(a, &refused) == 0,
	   "and come to the others");
	d = draft_new(a->copy, &w->partnership);
	for (int i = 0; i < 600; i++) {
		id = id_make(&w->env);
		draft_create(d, TYPE_ACTION, &id);
	}
	draft_exact(d, &id);
	ok(is_refused(d, ERR_LIMIT, "exact and too many"), "what must be one change is not split");
	ok(ask_number(a, "SELECT count(*) FROM \"action\"") == had + 1200,
	   "nothing of it is shown");
}

/* A draft of one new record; a person does not belong in the plan. */
static struct draft *draft_of(struct world *w, struct client *c, uint32_t type, struct id *id)
{
	struct draft *d = draft_new(c->copy, &w->partnership);

	*id = id_make(copy_env(c->copy));
	draft_create(d, type, id);
	put_text(d, type == TYPE_PERSON ? 1 : ACTION_TEXT, "together");
	return d;
}

static void test_together(struct world *w, struct client *a)
{
	int64_t refused, before = count_pending(a, &refused);
	struct draft *drafts[2];
	struct cause cause = {""};
	struct seen seen;
	struct id ids[2];

	drafts[0] = draft_of(w, a, TYPE_ACTION, &ids[0]);
	drafts[1] = draft_of(w, a, TYPE_PERSON, &ids[1]);
	ok(draft_save_all(drafts, 2, &cause) == ERR_INVALID && !drafts[0] && !drafts[1],
	   "of two that are saved together one is wrong: %s", cause.words);
	ok(count_pending(a, &refused) == before &&
		   copy_seen(a->copy, &ids[0], &seen) == ERR_MISSING,
	   "then none is saved");
	drafts[0] = draft_of(w, a, TYPE_ACTION, &ids[0]);
	drafts[1] = draft_of(w, a, TYPE_ACTION, &ids[1]);
	ok(draft_save_all(drafts, 2, &cause) == 0 && count_pending(a, &refused) == before + 2,
	   "two that are right are two changes");
	ok(strcmp(text_of_field(a, &ids[1], VIEW_SHOWN, ACTION_TEXT), "together") == 0,
	   "and both are shown");
	ok(draft_save_all(drafts, 0, &cause) == 0, "none at all is nothing");
}

/* A version whose bytes are dropped at the last moment is not kept without them. */
static void test_holds(struct world *w, struct client *a)
{
	struct content c = {.root = {3}, .sha = {3}, .bytes = 5};
	struct cause cause = {""};
	struct id id, change;
	struct buf b = {0};
	int64_t refused, before = count_pending(a, &refused);

	field_add_bytes(&b, 5, BYTES(c.sha, SHA256_LEN));
	for (int here = 0; here < 2; here++) {
		struct draft *d = draft_of(w, a, TYPE_VERSION, &id);
		draft_holds(d);
		draft_set(d, 5, buf_bytes(&b));
		must(copy_begin(a->copy) == 0);
		if (here)
			must(store_content_set(copy_store(a->copy), &c) == 0);
		must(copy_commit(a->copy) == 0);
		int err = draft_save(&d, &change, &cause);
		ok(err == (here ? 0 : ERR_AGAIN) && count_pending(a, &refused) == before + here,
		   "a version is kept while its bytes are %s: %s", here ? "here" : "not here",
		   cause.words);
	}
	must(copy_begin(a->copy) == 0 && store_content_forget(copy_store(a->copy), c.root) == 0 &&
	     copy_commit(a->copy) == 0);
	buf_fini(&b);
}

int main(void)
{
	static struct world w;

	log_level_set(LOG_ERROR);
	world_init(&w, "draft");
	struct client *a = world_join(&w, &w.person, &w.school);
	client_sync(&w, a);
	struct id head = world_person(&w, a, "Ben Carter", 1);
	struct client *b = world_join(&w, &head, &w.school);
	client_sync(&w, b);
	test_bases(&w, a, b);
	test_accepted_before_saving(&w, a);
	test_left_out(&w, a);
	test_sets(&w, a);
	test_refused_at_once(&w, a);
	test_long_texts(&w, a);
	test_many_records(&w, a, b);
	test_together(&w, a);
	test_holds(&w, a);
	ok(is_sound(a) && is_sound(b), "both copies are sound at the end");
	world_fini(&w);
	return tap_end();
}
