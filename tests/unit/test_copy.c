/* A copy against a real area: entries, own changes, spaces that come and go, rebuilding, checking.
 */
#include "tests/take_in.h"
#include "tests/unit/world.h"

/* ---- Entries and rows ----------------------------------------------------------------------- */

static void test_first_sync(struct world *w, struct client *a)
{
	struct held *spaces;
	char name[SPACE_NAME];

	ok(client_sync(w, a), "a fresh copy becomes quiet");
	int n = copy_spaces(a->copy, &spaces);
	ok(n == 4, "it holds the spaces that its person may read (%d)", n);
	free(spaces);
	ok(strcmp(copy_space_name(a->copy, &w->partnership, name), "partnership") == 0,
	   "a space that all areas have goes by its name");
	ok(ask_number(a, "SELECT count(*) FROM \"person\"") == 1,
	   "the directory's person has a row");
	ok(ask_number(a, "SELECT count(*) FROM \"appointment\"") == 2, "and two appointments");
	ok(ask_number(a, "SELECT count(*) FROM search") == 0, "the search index lags");
	ok(copy_index(a->copy, 0) == 0 && ask_number(a, "SELECT count(*) FROM search") > 0,
	   "until it is brought up");
	ok(is_sound(a), "chain, heads and tables hold");
}

static void test_pending_shows(struct world *w, struct client *a, struct client *b)
{
	struct arena arena;
	struct record r;
	struct id space;
	int64_t refused;

	client_sync(w, b);
	struct id id = make_action(a, &w->partnership, "Use the area");
	arena_init(&arena, ARENA_NO_BUDGET);
	ok(copy_record(a->copy, &id, VIEW_SHOWN, &arena, &r, &space) == 0 &&
		   id_equal(&space, &w->partnership),
	   "a new record is shown at once, in its space");
	ok(copy_record(a->copy, &id, VIEW_ACCEPTED, &arena, &r, NULL) == ERR_MISSING,
	   "and is not among what is accepted");
	arena_fini(&arena);
	ok(ask_number(a, "SELECT pending FROM \"action\" WHERE number = 0") == 1,
	   "its row says that it is pending");
	ok(count_pending(a, &refused) == 1, "one change waits");
	ok(client_sync(w, a) && count_pending(a, &refused) == 0, "sent, it waits no more");
	ok(ask_number(a, "SELECT number > 0 AND pending = 0 FROM \"action\"") == 1,
	   "its row has a number");
	ok(client_sync(w, b) &&
		   strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "Use the area") == 0,
	   "another copy gets it");
	ok(same_digest(a->copy, b->copy, &w->partnership), "the digests are equal");
	ok(is_sound(a) && is_sound(b), "both are sound");
}

static void test_different_fields(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "Two fields");

	client_sync(w, a);
	client_sync(w, b);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "from a", NULL, NULL, &cause);
	set_text(b, &w->partnership, &id, ACTION_DETAILS, "from b", NULL, NULL, &cause);
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	ok(strcmp(text_of_field(a, &id, VIEW_ACCEPTED, ACTION_TEXT), "from a") == 0 &&
		   strcmp(text_of_field(a, &id, VIEW_ACCEPTED, ACTION_DETAILS), "from b") == 0,
	   "edits of two fields made apart both stand");
	ok(count_conflicts(a) == 0 && same_digest(a->copy, b->copy, &w->partnership),
	   "without two versions");
}

/* The open conflict on a record. */
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

static void test_two_versions(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "Two versions"), change;

	client_sync(w, a);
	client_sync(w, b);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "120", NULL, NULL, &cause);
	set_text(b, &w->partnership, &id, ACTION_TEXT, "100", NULL, NULL, &cause);
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	ok(count_conflicts(a) == 1 && count_conflicts(b) == 1,
	   "two values from one base are two versions everywhere");
	ok(strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "120") == 0,
	   "what was accepted first stands");
	ok(ask_number(b, "SELECT count(*) FROM \"action\" WHERE conflict = 1") == 1,
	   "the row says so");
	ok(is_sound(a) && is_sound(b), "both copies are sound");

	struct id conflict = open_conflict(b, &id);
	struct draft *d = draft_new(b->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	put_text(d, ACTION_TEXT, "110");
	draft_settles(d, &conflict);
	ok(draft_save(&d, &change, &cause) == 0, "settling is saved");
	client_sync(w, b);
	client_sync(w, a);
	ok(count_conflicts(a) == 0 && count_conflicts(b) == 0, "settled, it is closed everywhere");
	ok(strcmp(text_of_field(a, &id, VIEW_SHOWN, ACTION_TEXT), "110") == 0,
	   "with what was settled");
	ok(same_digest(a->copy, b->copy, &w->partnership) && is_sound(a), "and all agree");
}

static void test_own_edits_stack(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "first");
	int64_t refused;

	set_text(a, &w->partnership, &id, ACTION_TEXT, "second", NULL, NULL, &cause);
	set_text(a, &w->partnership, &id, ACTION_TEXT, "third", NULL, NULL, &cause);
	ok(count_pending(a, &refused) == 3 &&
		   ask_number(a, "SELECT pending FROM \"action\" WHERE pending > 0") == 3,
	   "three changes wait on one record");
	ok(strcmp(text_of_field(a, &id, VIEW_SHOWN, ACTION_TEXT), "third") == 0,
	   "the newest is shown");
	client_sync(w, a);
	client_sync(w, b);
	ok(count_conflicts(b) == 0 &&
		   strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "third") == 0,
	   "all three are taken without two versions");
}

static void test_withdrawn_apart(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "Withdrawn"), change;

	client_sync(w, a);
	client_sync(w, b);
	struct draft *d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_withdraw(d);
	draft_save(&d, &change, &cause);
	set_text(b, &w->partnership, &id, ACTION_TEXT, "edited unseen", NULL, NULL, &cause);
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	ok(ask_number(a, "SELECT count(*) FROM \"action\" WHERE withdrawn = 1 AND conflict = 1") ==
		   1,
	   "an edit of what was withdrawn meanwhile is two versions of whether it is there");
	ok(strcmp(text_of_field(a, &id, VIEW_ACCEPTED, ACTION_TEXT), "edited unseen") == 0,
	   "nothing of it is lost");
	ok(set_text(a, &w->partnership, &id, ACTION_TEXT, "x", NULL, NULL, &cause) == ERR_INVALID,
	   "editing it knowingly needs it brought back: %s", cause.words);
	d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_bring_back(d);
	put_text(d, ACTION_TEXT, "back");
	struct id conflict = open_conflict(a, &id);
	draft_settles(d, &conflict);
	ok(draft_save(&d, &change, &cause) == 0, "it is brought back with a new text");
	client_sync(w, a);
	client_sync(w, b);
	ok(strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "back") == 0 &&
		   ask_number(b, "SELECT count(*) FROM \"action\" WHERE withdrawn = 1") == 0,
	   "and is back everywhere");
	ok(count_conflicts(b) == 0 && is_sound(b), "settled");
}

static void test_sets(struct world *w, struct client *a, struct client *b)
{
	struct buf m = {0};
	struct cause cause = {""};
	struct id id = make_action(a, &w->partnership, "Sets"), x = id_make(&w->env),
		  y = id_make(&w->env), change;
	struct arena arena;
	struct record r;

	client_sync(w, a);
	client_sync(w, b);
	struct draft *d = draft_new(a->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &x));
	ok(draft_save(&d, &change, &cause) == 0, "a member is added %s", cause.words);
	d = draft_new(b->copy, &w->partnership);
	draft_edit(d, &id, NULL, &cause);
	draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, &y));
	draft_save(&d, &change, &cause);
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	arena_init(&arena, ARENA_NO_BUDGET);
	copy_record(a->copy, &id, VIEW_ACCEPTED, &arena, &r, NULL);
	ok(value_count(record_get(&r, ACTION_RESPONSIBLE)) == 2,
	   "members added apart are both in the set");
	arena_fini(&arena);
	ok(ask_number(a, "SELECT json_array_length(responsible) FROM \"action\" WHERE responsible "
			 "IS NOT NULL") == 2,
	   "the row holds them as a JSON array");
	buf_fini(&m);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void test_refused(struct world *w, struct client *b)
{
	struct cause cause = {""};
	struct id id = id_make(&w->env), first, change;
	struct draft *d = draft_new(b->copy, &w->directory);
	struct pending p;
	int64_t refused;

	draft_create(d, TYPE_SCHOOL, &id);
	put_text(d, 1, "A school of my own");
	ok(draft_save(&d, &first, &cause) == 0, "anybody may try");
	set_text(b, &w->directory, &id, 1, "Renamed", NULL, NULL, &cause);
	struct id other = make_action(b, &w->partnership, "flows");
	client_sync(w, b);
	ok(count_pending(b, &refused) == 0 && refused == 2,
	   "a refused change is kept, and so is what stands after it");
	int listed = copy_pending_next(b->copy, 0, &p);
	ok(listed == 1 && p.state == PENDING_REFUSED && p.words && *p.words, "it says why: %s",
	   p.words);
	free(p.words);
	ok(copy_pending_next(b->copy, p.seq, &p) == 1 && p.state == PENDING_WAITING,
	   "the later one waits");
	free(p.words);
	ok(ask_number(b, "SELECT count(*) FROM \"school\" WHERE name = 'Renamed'") == 0,
	   "neither is shown any more");
	ok(ask_number(b, "SELECT count(*) FROM \"action\" WHERE text = 'flows' AND pending = 0") ==
		   1,
	   "a change of something else went through");
	(void)other;
	ok(client_sync(w, b) && count_pending(b, &refused) == 0 && refused == 2,
	   "later sessions leave them alone");
	ok(draft_again(b->copy, &first, NULL, NULL, &change, &cause) == 0 && count_pending(b, &refused) == 2 &&
		   refused == 0,
	   "both are sent again as new ones %s", cause.words);
	client_sync(w, b);
	ok(count_pending(b, &refused) == 0 && refused == 2, "and refused again");
	ok(copy_pending_drop(b->copy, &first, &cause) == ERR_MISSING, "the old id is gone: %s",
	   cause.words);
	ok(copy_pending_drop(b->copy, &change, &cause) == 0 && count_pending(b, &refused) == 0 &&
		   refused == 1,
	   "the refused one is dropped");
	ok(copy_pending_next(b->copy, 0, &p) == 1 && p.state == PENDING_REFUSED,
	   "what waited for it can be dropped now");
	free(p.words);
	copy_pending_drop(b->copy, &p.change, &cause);
	ok(count_pending(b, &refused) == 0 && refused == 0 && is_sound(b), "nothing is left of it");
}

/* ---- Spaces that come and go ---------------------------------------------------------------- */

/* A document in the store with a Version in this space. */
static void put_document(struct world *w, struct client *c, const struct id *space,
			 const char *words, struct content *content)
{
	char path[256];
	struct buf b = {0};
	struct cause cause = {""};
	struct id document = id_make(&w->env), version = id_make(&w->env), change;

	snprintf(path, sizeof(path), "%.200s/file", w->dir);
	world_must(os_write_file(path, BYTES(words, strlen(words)), false, &cause), &cause, "file");
	world_must(take_in(c->copy, path, content, &cause), &cause, "add");
	field_add_bytes(&b, 5, BYTES(content->sha, SHA256_LEN));
	struct draft *d = draft_new(c->copy, space);
	draft_create(d, TYPE_DOCUMENT, &document);
	draft_create(d, TYPE_VERSION, &version);
	put_id(d, 1, &document);
	put_text(d, 2, "file.txt");
	put_number(d, 4, content->bytes);
	draft_set(d, 5, buf_bytes(&b));
	world_must(draft_save(&d, &change, &cause), &cause, "version");
	buf_fini(&b);
}

static void test_lost_and_found(struct client *b, const struct id *space)
{
	struct cause cause = {""};
	int64_t refused, had = count_pending(b, &refused);
	struct id id = make_action(b, space, "between loss and grant");

	ok(copy_lose(b->copy, space) == 0 && copy_commit(b->copy) == 0 &&
		   ask_number(b, "SELECT count(*) FROM held WHERE state = 1") == 1,
	   "a space with changes to send is lost, but known until they have a verdict");
	ok(copy_record(b->copy, &id, VIEW_SHOWN, &(struct arena){0}, &(struct record){0}, NULL) ==
			   ERR_MISSING &&
		   copy_find(b->copy, "ffff", &id, &cause) == ERR_MISSING,
	   "nothing of it is shown");
	ok(copy_grant(b->copy, space, 1) == 0 && copy_commit(b->copy) == 0 &&
		   ask_number(b, "SELECT count(*) FROM \"action\" WHERE text = 'between loss and "
				 "grant'") == 1,
	   "granted again before that, they are shown again");
	copy_index(b->copy, 0);
	ok(ask_number(b, "SELECT count(*) FROM search WHERE search MATCH 'between'") == 1 &&
		   count_pending(b, &refused) == had + 1,
	   "and found, and still to be sent");
}

static void test_group_space(struct world *w, struct client *a, struct client *b)
{
	struct cause cause = {""};
	struct id group = id_make(&w->env), space = id_make(&w->env), membership = id_make(&w->env),
		  change;
	struct buf m = {0};
	struct content secret, shared, unsent;
	uint8_t sha[SHA256_LEN];
	int64_t refused;

	struct draft *d = draft_new(a->copy, &w->directory);
	draft_create(d, TYPE_GROUP, &group);
	put_text(d, 1, "SENDCo");
	draft_create(d, TYPE_SPACE, &space);
	put_text(d, 1, "SENDCo");
	put_number(d, 2, 4);
	put_id(d, 3, &group);
	draft_add(d, 10, member_id(&m, 10, &group));
	draft_create(d, TYPE_APPOINTMENT, &membership);
	put_id(d, 1, &b->person);
	put_number(d, 2, 6);
	put_id(d, 4, &group);
	ok(draft_save(&d, &change, &cause) == 0, "a group with a space and a member is made %s",
	   cause.words);
	buf_fini(&m);

	client_connect(w, b);
	world_run(w);
	client_sync(w, a);
	world_run(w);
	ok(copy_digest(b->copy, &space, sha) == 0 &&
		   ask_number(b, "SELECT count(*) FROM held WHERE state = 0") == 4,
	   "a grant brings the space while connected");
	struct id id = make_action(b, &space, "for the group: zebra");
	world_run(w);
	ok(count_pending(b, &refused) == 0 && refused == 0, "the member writes in it");
	copy_index(b->copy, 0);
	ok(ask_number(b, "SELECT count(*) FROM search WHERE search MATCH 'zebra'") == 1,
	   "and finds it");
	put_document(w, b, &space, "secret", &secret);
	put_document(w, b, &space, "shared", &shared);
	put_document(w, b, &w->partnership, "shared", &shared);
	world_run(w);
	client_cut(w, b);
	test_lost_and_found(b, &space);
	ok(client_sync(w, b) && is_sound(b), "what was lost and found again comes anew");
	put_document(w, b, &space, "unsent", &unsent);
	ok(ask_number(a, "SELECT count(*) FROM \"action\" WHERE text LIKE '%zebra%'") == 0,
	   "an administrator who is no member has nothing of it");

	d = draft_new(a->copy, &w->directory);
	draft_edit(d, &membership, NULL, &cause);
	put_number(d, 7, 1);
	draft_save(&d, &change, &cause);
	client_sync(w, a);
	ok(client_sync(w, b), "the member hears of the loss");
	ok(ask_number(b, "SELECT count(*) FROM held") == 3, "the space is gone");
	ok(ask_number(b, "SELECT count(*) FROM \"action\" WHERE text LIKE '%zebra%'") == 0 &&
		   ask_number(b, "SELECT count(*) FROM search WHERE search MATCH 'zebra'") == 0,
	   "its records and its search text too");
	int64_t held, here;
	ok(count_pending(b, &refused) == 0 && refused == 0 &&
		   copy_held_counts(b->copy, &held, &here) == 0 && held == 1 && here == 0,
	   "what was pending in it is held by the server, and kept");
	ok(contents_has(b->copy, unsent.root, NULL) == 1, "with its document");
	ok(contents_has(b->copy, shared.root, NULL) == 1, "so is a document that another space names");
	ok(contents_has(b->copy, secret.root, NULL) == 0, "one that was only in it is gone");
	ok(copy_record(b->copy, &id, VIEW_SHOWN, &(struct arena){0}, &(struct record){0}, NULL) ==
		   ERR_MISSING,
	   "the record cannot be read");
	ok(is_sound(b), "the copy is sound");
	struct pending p;
	copy_pending_next(b->copy, 0, &p);
	free(p.words);
	ok(draft_again(b->copy, &p.change, NULL, NULL, &change, &cause) == ERR_MISSING,
	   "it can't be sent again: %s", cause.words);
	ok(copy_pending_drop(b->copy, &p.change, &cause) == ERR_INVALID,
	   "nor be given up: %s", cause.words);

	d = draft_new(a->copy, &w->directory);
	membership = id_make(&w->env);
	draft_create(d, TYPE_APPOINTMENT, &membership);
	put_id(d, 1, &b->person);
	put_number(d, 2, 6);
	put_id(d, 4, &group);
	draft_save(&d, &change, &cause);
	client_sync(w, a);
	client_sync(w, b);
	ok(strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "for the group: zebra") == 0,
	   "granted again, it comes from its first entry");
	client_sync(w, b);
	ok(copy_held_counts(b->copy, &held, &here) == 0 && held == 0 &&
		   count_pending(b, &refused) == 0 && refused == 0,
	   "and what was held is entered, since its author may write again");
	ok(is_sound(b), "the copy is sound");
}

/* ---- Ids, words ----------------------------------------------------------------------------- */

static void test_find(struct world *w, struct client *a)
{
	struct id id = make_action(a, &w->partnership, "Find me"), found;
	struct cause cause;
	char text[ID_TEXT];

	id_format(&id, text);
	ok(copy_find(a->copy, text, &found, &cause) == 0 && id_equal(&id, &found),
	   "a whole id is found");
	text[34] = '\0';
	ok(copy_find(a->copy, text, &found, &cause) == 0 && id_equal(&id, &found),
	   "a long start of it too");
	text[3] = '\0';
	ok(copy_find(a->copy, text, &found, &cause) == ERR_AMBIGUOUS,
	   "a short start is ambiguous: %s", cause.words);
	ok(copy_find(a->copy, "ffffffff", &found, &cause) == ERR_MISSING, "another id is not: %s",
	   cause.words);
	ok(copy_find(a->copy, "0000", &found, &cause) == ERR_MISSING, "nor one of zeros");
	ok(copy_find(a->copy, "plan", &found, &cause) == ERR_MISSING, "nor a word: %s",
	   cause.words);
	ok(copy_find(a->copy, "", &found, &cause) == ERR_MISSING, "nor nothing");
}

static void test_seen_word(struct client *a, const struct id *record)
{
	struct seen seen, again;
	struct cause cause;
	char word[SEEN_WORD];

	ok(copy_seen(a->copy, record, &seen) == 0, "what is seen of a record is known");
	seen_format(&seen, word);
	ok(seen_parse(&again, word, &cause) == 0 && memcmp(&seen, &again, sizeof(seen)) == 0,
	   "it survives as a word");
	word[5] = word[5] == '0' ? '1' : '0';
	ok(seen_parse(&again, word, &cause) == ERR_USAGE, "a slip in it is noticed: %s",
	   cause.words);
	ok(seen_parse(&again, "", &cause) == ERR_USAGE &&
		   seen_parse(&again, "zz-", &cause) == ERR_USAGE,
	   "anything else is no such word");
}

struct hits {
	int n;
	char title[128];
};

static void hit_note(void *arg, const struct hit *hit)
{
	struct hits *hits = arg;
	if (hits->n++ == 0)
		snprintf(hits->title, sizeof(hits->title), "%s|%s", hit->title, hit->extract);
}

static int hits_of(struct client *c, const char *words)
{
	struct hits hits = {0};
	int n = copy_search(c->copy, words, 100, hit_note, &hits);
	note("\"%s\": %d, first %s", words, n, hits.title);
	return n == hits.n ? n : -1;
}

static void test_search(struct world *w, struct client *a)
{
	struct cause cause;
	struct id id =
		make_action(a, &w->partnership, "Moderation of writing, agreed by café meetings");

	copy_index(a->copy, 0);
	ok(hits_of(a, "moderation") == 1, "a word finds a record");
	ok(hits_of(a, "MODER writ") == 1, "starts of words, all of them");
	ok(hits_of(a, "meeting cafe") == 1, "in another form, without the accent");
	ok(hits_of(a, "moderation xyzzy") == 0, "not where one is missing");
	ok(hits_of(a, "") == 0 && hits_of(a, "\" ) OR *") == 0 && hits_of(a, "- (") == 0,
	   "signs of the query language mean nothing");
	set_text(a, &w->partnership, &id, ACTION_TEXT, "Something else", NULL, NULL, &cause);
	copy_index(a->copy, 0);
	ok(hits_of(a, "moderation") == 0 && hits_of(a, "something") == 1,
	   "an edit moves the index");
	client_sync(w, a);
	copy_index(a->copy, 0);
	ok(hits_of(a, "something") == 1, "sent, it is found once");
}

/* ---- What does not fit ---------------------------------------------------------------------- */

enum harm { HARM_NONE, HARM_SALT, HARM_GAP, HARM_SIGNATURE, HARM_BODY, HARM_HEAD, HARM_EPOCH };

/* Take the server's frames, with the first Feed harmed. */
static void take_harmed(struct world *w, struct client *c, enum harm harm)
{
	struct arena arena;
	struct frame f;
	struct buf b = {0};

	client_connect(w, c);
	arena_init(&arena, FRAME_BUDGET);
	for (int round = 0; round < 3; round++) {
		while (pipe_take(&c->pipe.ends[1], &f) > 0)
			session_frame(c->session, &f);
		area_turn(w->area);
		while (pipe_take(&c->pipe.ends[0], &f) > 0) {
			if (f.kind == WIRE__KIND__FEED && harm != HARM_NONE) {
				Wire__Feed *m = (Wire__Feed *)frame_unpack(
					&f, &wire__feed__descriptor, &arena, NULL);
				if (harm == HARM_SALT)
					m->entries[0]->salt.data[0] ^= 1;
				if (harm == HARM_GAP) {
					m->entries++;
					m->n_entries--;
				}
				if (harm == HARM_SIGNATURE)
					m->head->signature.data[5] ^= 1;
				if (harm == HARM_BODY)
					m->entries[0]->has_body = false;
				if (harm == HARM_HEAD)
					m->head->number--;
				if (harm == HARM_EPOCH)
					m->head->epoch++;
				buf_reset(&b);
				buf_add_message(&b, &m->base);
				f.message = buf_bytes(&b);
				harm = HARM_NONE;
			}
			uplink_frame(c->up, &f);
		}
		uplink_turn(c->up);
	}
	buf_fini(&b);
	arena_fini(&arena);
}

static void test_misfit(struct world *w, struct client *a, struct client *b)
{
	static const enum harm harms[] = {HARM_SALT, HARM_GAP,	HARM_SIGNATURE,
					  HARM_BODY, HARM_HEAD, HARM_EPOCH};

	struct id id = make_action(a, &w->partnership, "one"), mine;
	make_action(a, &w->partnership, "two");
	client_sync(w, a);
	mine = make_action(b, &w->partnership, "mine");
	for (size_t i = 0; i < sizeof(harms) / sizeof(*harms); i++) {
		uint8_t before[SHA256_LEN], after[SHA256_LEN];
		int64_t refused;
		copy_digest(b->copy, &w->partnership, before);
		take_harmed(w, b, harms[i]);
		ok(uplink_state(b->up) == UPLINK_ENDED &&
			   strstr(uplink_words(b->up), "does not fit"),
		   "a harmed history (%zu) ends the session: %s", i, uplink_words(b->up));
		client_cut(w, b);
		copy_digest(b->copy, &w->partnership, after);
		ok(memcmp(before, after, SHA256_LEN) == 0 && count_pending(b, &refused) == 1 &&
			   is_sound(b),
		   "nothing of it is taken, and what was written is kept");
	}
	ok(client_sync(w, b) && strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "one") == 0,
	   "an honest session brings it");
	client_sync(w, a);
	ok(strcmp(text_of_field(a, &mine, VIEW_SHOWN, ACTION_TEXT), "mine") == 0,
	   "and takes what was written");
}

/* ---- Care ----------------------------------------------------------------------------------- */

static void run_sql(struct client *c, const char *sql)
{
	world_must(db_begin(copy_db(c->copy)), NULL, "begin");
	world_must(db_run_text(copy_db(c->copy), sql, NULL), NULL, sql);
	world_must(db_commit(copy_db(c->copy)), NULL, "commit");
}

static void test_check_and_rebuild(struct world *w, struct client *a)
{
	struct cause cause = {""};

	make_action(a, &w->partnership, "pending while rebuilt");
	copy_index(a->copy, 0);
	int64_t found = ask_number(a, "SELECT count(*) FROM search");
	run_sql(a, "DELETE FROM \"action\" WHERE text = 'pending while rebuilt'");
	ok(copy_check(a->copy, fault_note, NULL) == 1, "a row that is missing is a fault");
	ok(copy_rebuild(a->copy, &cause) == 0 && is_sound(a), "rebuilding mends it");
	copy_index(a->copy, 0);
	int64_t finds = ask_number(a, "SELECT count(*) FROM search");
	ok(finds == found, "the search index finds as much as before (%d of %d)", (int)finds,
	   (int)found);
	run_sql(a, "UPDATE record SET number = number + 1 WHERE type = 12");
	ok(copy_check(a->copy, fault_note, NULL) == 1,
	   "so is a record that does not follow from the history");
	ok(copy_rebuild(a->copy, &cause) == 0 && is_sound(a), "rebuilding mends that");
	run_sql(a, "UPDATE head SET signature = zeroblob(64)");
	ok(copy_check(a->copy, fault_note, NULL) >= 1, "a head that is not signed is a fault");
	run_sql(a, "UPDATE entry SET salt = zeroblob(16) WHERE key = (SELECT max(key) FROM entry)");
	ok(copy_check(a->copy, fault_note, NULL) >= 2, "so is an altered entry");
	run_sql(a, "DELETE FROM entry WHERE key = (SELECT min(key) FROM entry)");
	ok(copy_check(a->copy, fault_note, NULL) >= 3, "and a missing one");
	run_sql(a, "UPDATE held SET indexed = 0");
	ok(copy_index(a->copy, 0) == ERR_CORRUPT, "at which the search index comes to an end");
}

static void test_tables_of_another_version(struct world *w, struct client *a)
{
	struct cause cause = {""};
	int64_t rows = ask_number(a, "SELECT count(*) FROM \"action\"");

	world_must(copy_meta_set(a->copy, "tables", "of another version"), NULL, "meta");
	run_sql(a, "DROP TABLE \"action\"");
	run_sql(a, "DELETE FROM typed WHERE name = 'action'");
	run_sql(a, "CREATE TABLE \"old_type\" (id)");
	run_sql(a, "INSERT INTO typed VALUES ('old_type')");
	copy_close(&a->copy);
	ok(copy_open(&a->copy, a->home, NULL, &w->env, &cause) == 0,
	   "a copy of another version opens %s", cause.words);
	ok(ask_number(a, "SELECT count(*) FROM \"action\"") == rows, "its tables are made anew");
	ok(ask_number(a, "SELECT count(*) FROM sqlite_schema WHERE name = 'old_type'") == 0,
	   "and the old ones are gone");
	ok(is_sound(a), "it is sound");
}

static void test_open_errors(struct world *w, struct client *a)
{
	struct copy *none;
	struct cause cause = {""};
	char path[256];

	snprintf(path, sizeof(path), "%.200s/nowhere", tap_dir());
	ok(copy_open(&none, path, NULL, &w->env, &cause) == ERR_MISSING && !none, "no copy: %s",
	   cause.words);
	ok(copy_create(a->home, copy_identity(a->copy), NULL, &cause) == ERR_EXISTS,
	   "a second one: %s", cause.words);
	ok(copy_meta_set(a->copy, "colour", "blue") == 0 &&
		   copy_meta_get(a->copy, "colour", path, 3) == 0 && strcmp(path, "bl") == 0 &&
		   copy_meta_get(a->copy, "none", path, 8) == 0 && !*path,
	   "settings are kept, cut to the room, and empty where there is none");
}

/* Another program of the same person saves while a session is open. */
static void test_two_programs(struct world *w, struct client *a, struct client *b)
{
	struct client tool = *a;
	struct cause cause;
	int64_t refused;

	world_must(copy_open(&tool.copy, a->home, NULL, &w->env, &cause), &cause, "open");
	client_connect(w, a);
	world_run(w);
	struct id id = make_action(&tool, &w->partnership, "from another program");
	world_run(w);
	ok(count_pending(&tool, &refused) == 0 && uplink_quiet(a->up),
	   "what another program saves is sent");
	client_cut(w, a);
	copy_close(&tool.copy);
	client_sync(w, b);
	ok(strcmp(text_of_field(b, &id, VIEW_SHOWN, ACTION_TEXT), "from another program") == 0,
	   "and comes to others");
}

static void log_nothing(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int main(void)
{
	static struct world w;

	log_sink_set(log_nothing);
	world_init(&w, "copy");
	struct client *a = world_join(&w, &w.person, &w.school);
	test_first_sync(&w, a);
	struct id head = world_person(&w, a, "Ben Carter", 1);
	struct client *b = world_join(&w, &head, &w.school);
	test_pending_shows(&w, a, b);
	test_different_fields(&w, a, b);
	test_two_versions(&w, a, b);
	test_own_edits_stack(&w, a, b);
	test_withdrawn_apart(&w, a, b);
	test_sets(&w, a, b);
	test_refused(&w, b);
	test_group_space(&w, a, b);
	test_find(&w, a);
	test_seen_word(a, &w.person);
	test_search(&w, a);
	test_misfit(&w, a, b);
	test_two_programs(&w, a, b);
	test_open_errors(&w, a);
	test_tables_of_another_version(&w, a);
	test_check_and_rebuild(&w, b);
	world_fini(&w);
	return tap_end();
}
