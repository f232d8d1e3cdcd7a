/* Own changes on their way, and what may come between: a word that is given late, one that is given
 * up, a server that says what is not so. */
#include "tests/take_in.h"
#include "tests/unit/world.h"

static void log_nothing(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

enum { MANY = 24 };

static struct id withdraw(struct client *c, const struct id *space, const struct id *record)
{
	struct draft *d = draft_new(c->copy, space);
	struct cause cause = {""};
	struct id change;

	world_must(draft_edit(d, record, NULL, &cause), &cause, "edit");
	draft_withdraw(d);
	world_must(draft_save(&d, &change, &cause), &cause, "withdraw");
	return change;
}

static void make_many(struct world *w, struct client *c, struct id *ids)
{
	for (int i = 0; i < MANY; i++)
		ids[i] = make_action(c, &w->partnership, "one of many");
	client_sync(w, c);
}

static int64_t asking(struct client *c)
{
	struct asking a = {0};
	return copy_asking(c->copy, &a) == 0 ? a.changes : -1;
}

/* The state of a pending change, or -1. */
static int state_of(struct client *c, const struct id *change)
{
	struct pending p;
	int64_t seq = 0;

	while (copy_pending_next(c->copy, seq, &p) == 1) {
		seq = p.seq;
		free(p.words);
		if (id_equal(&p.change, change))
			return (int)p.state;
	}
	return -1;
}

/* ---- A word that is given while a session runs ---------------------------------------------- */

static void test_agreed_in_a_session(struct world *w, struct client *c)
{
	struct cause cause = {""};
	struct id ids[MANY], fresh[3];
	int64_t refused;

	make_many(w, c, ids);
	for (int i = 0; i < MANY; i++)
		withdraw(c, &w->partnership, &ids[i]);
	client_connect(w, c);
	world_run(w);
	for (int i = 0; i < 2 * MANY; i++)
		make_action(c, &w->partnership, "goes between");
	world_run(w);
	ok(asking(c) > MANY / 2 && count_pending(c, &refused) == asking(c),
	   "many withdrawals wait for a word, and all else goes");
	ok(copy_agree(c->copy, &cause) > 0, "the word is given");
	world_run(w);
	ok(count_pending(c, &refused) == 0 && uplink_quiet(c->up),
	   "they go in the session that runs, though later changes went before them");
	for (int i = 0; i < 3; i++)
		fresh[i] = make_action(c, &w->partnership, "made after that");
	world_run(w);
	ok(count_pending(c, &refused) == 0 &&
		   strcmp(text_of_field(c, &fresh[2], VIEW_ACCEPTED, ACTION_TEXT),
			  "made after that") == 0,
	   "and so does what is written after them");
	client_cut(w, c);
}

/* ---- What is given up ----------------------------------------------------------------------- */

/* A document with its Version, in one change; its id. */
static struct id put_paper(struct world *w, struct client *c, struct id *change)
{
	char path[256];
	struct buf b = {0};
	struct content content;
	struct cause cause = {""};
	struct id document = id_make(&w->env), version = id_make(&w->env);

	snprintf(path, sizeof(path), "%.200s/paper", w->dir);
	world_must(os_write_file(path, BYTES("paper", 5), false, &cause), &cause, "file");
	world_must(take_in(c->copy, path, &content, &cause), &cause, "take in");
	field_add_bytes(&b, 5, BYTES(content.sha, SHA256_LEN));
	struct draft *d = draft_new(c->copy, &w->partnership);
	draft_create(d, TYPE_DOCUMENT, &document);
	put_text(d, 1, "A paper");
	draft_create(d, TYPE_VERSION, &version);
	put_id(d, 1, &document);
	put_text(d, 2, "paper.txt");
	put_number(d, 4, content.bytes);
	draft_set(d, 5, buf_bytes(&b));
	world_must(draft_save(&d, change, &cause), &cause, "paper");
	buf_fini(&b);
	return document;
}

static void test_dropped_document(struct world *w, struct client *c)
{
	struct cause cause = {""};
	struct id first, second, third;
	int64_t refused;
	struct id document = put_paper(w, c, &first);

	set_text(c, &w->partnership, &document, 1, "Another title", NULL, &second, &cause);
	set_text(c, &w->partnership, &document, 1, "A third title", NULL, &third, &cause);
	ok(copy_pending_drop(c->copy, &first, &cause) == 0, "a document not sent is given up");
	ok(state_of(c, &second) == PENDING_REFUSED && state_of(c, &third) == PENDING_WAITING,
	   "what was written on it after that is not to be sent any more");
	ok(text_of_field(c, &document, VIEW_SHOWN, 1)[0] == '\0', "and nothing of it is shown");
	ok(client_sync(w, c) && count_pending(c, &refused) == 0 && refused == 2,
	   "nothing waits for the server for ever");
	ok(copy_pending_drop(c->copy, &second, &cause) == 0 &&
		   copy_pending_drop(c->copy, &third, &cause) == 0 && is_sound(c),
	   "it can be given up, too: %s", cause.words);
}

/* A withdrawal that is on its way when it begins to wait for a word, and is then given up. */
static void test_dropped_on_its_way(struct world *w, struct client *c)
{
	struct cause cause = {""};
	struct id ids[MANY];
	int64_t refused;

	make_many(w, c, ids);
	client_connect(w, c);
	world_run(w);
	struct id first = withdraw(c, &w->partnership, &ids[0]);
	uplink_wake(c->up);
	uplink_turn(c->up); /* it is in the line now */
	for (int i = 1; i < MANY; i++)
		withdraw(c, &w->partnership, &ids[i]);
	ok(state_of(c, &first) == PENDING_ASKS &&
		   copy_pending_drop(c->copy, &first, &cause) == 0,
	   "a change is given up while it is on its way");
	world_run(w);
	ok(uplink_state(c->up) == UPLINK_ENDED &&
		   uplink_reason(c->up) == WIRE__REASON__RECOVERING,
	   "its entry comes without what is not here any more: the server is called again, and not "
	   "blamed (%s)",
	   uplink_words(c->up));
	client_cut(w, c);
	ok(client_sync(w, c) && state_of(c, &first) == -1 && is_sound(c),
	   "then its entry comes whole");
	while (asking(c) > 0) {
		struct pending p = {0};
		copy_pending_next(c->copy, 0, &p);
		free(p.words);
		world_must(copy_pending_drop(c->copy, &p.change, &cause), &cause, "drop");
	}
	ok(count_pending(c, &refused) == 0, "all others can be given up");
}

/* ---- After one that is refused -------------------------------------------------------------- */

/* What waits for a word stands after a change that is refused meanwhile. */
static void test_refused_below(struct world *w, struct client *c)
{
	struct cause cause = {""};
	struct id ids[MANY], change, last;
	int64_t refused;

	make_many(w, c, ids);
	set_text(c, &w->partnership, &ids[0], ACTION_TEXT, "not to be", NULL, &change, &cause);
	for (int i = MANY; i-- > 0;)
		last = withdraw(c, &w->partnership, &ids[i]);
	ok(state_of(c, &last) == PENDING_ASKS, "a withdrawal waits for a word");
	ok(copy_verdict(c->copy, &change, VERDICT_REFUSED, 0, "no") == 0 &&
		   copy_commit(c->copy) == 0 && state_of(c, &last) == PENDING_WAITING,
	   "after one that was refused it waits for that one");
	ok(copy_agree(c->copy, &cause) > 0 && client_sync(w, c) &&
		   count_pending(c, &refused) == 0 && refused == 2,
	   "once the word is given, nothing waits for the server for ever");
	ok(copy_pending_drop(c->copy, &change, &cause) == 0 &&
		   copy_pending_drop(c->copy, &last, &cause) == 0 && is_sound(c),
	   "both can be given up: %s", cause.words);
}

/* ---- A server that says what is not so ------------------------------------------------------ */

static void judge(struct client *c, const struct id *change, int verdict)
{
	Wire__Verdicts m = WIRE__VERDICTS__INIT;
	Wire__Judged j = WIRE__JUDGED__INIT, *list = &j;
	struct frame f;

	j.change = PB_ID(change);
	j.verdict = (Wire__Verdict)verdict;
	j.has_number = true;
	j.number = 1;
	m.n_judged = 1;
	m.judged = &list;
	link_send(&c->pipe.ends[1].link, WIRE__KIND__VERDICTS, &m.base, BYTES_NONE);
	while (pipe_take(&c->pipe.ends[0], &f) > 0)
		uplink_frame(c->up, &f);
	uplink_turn(c->up);
}

static void test_false_verdicts(struct world *w, struct client *c)
{
	static const int verdicts[] = {VERDICT_APPLIED, VERDICT_MERGED, VERDICT_CONFLICT, 0, 6, 99};

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		int64_t refused;
		client_connect(w, c);
		world_run(w);
		struct id id = make_action(c, &w->partnership, "not to be lost");
		struct pending p = {0};
		copy_pending_next(c->copy, 0, &p);
		judge(c, &p.change, verdicts[i]);
		ok(state_of(c, &p.change) == PENDING_UNSENT &&
			   strcmp(text_of_field(c, &id, VIEW_SHOWN, ACTION_TEXT),
				  "not to be lost") == 0,
		   "verdict %d on what is in no entry: what was written is kept", verdicts[i]);
		client_cut(w, c);
		ok(client_sync(w, c) && count_pending(c, &refused) == 0 && refused == 0,
		   "and sent once more");
	}
}

/* An entry that the server makes of this change, as if this device had sent it; signed. */
static int take_forged(struct world *w, struct client *c, const struct change *change,
		       struct cause *cause)
{
	struct touch touch = {.record = change->edits[0].record,
			      .type = change->edits[0].type,
			      .fields = (uint32_t[]){ACTION_TEXT},
			      .n_fields = 1};
	struct header header = {.change = change->id,
				.device = c->device,
				.time_ms = w->now_ms,
				.touches = &touch,
				.n_touches = 1};
	struct buf bytes = {0}, body = {0}, head = {0}, statement = {0};
	Wire__Feed m = WIRE__FEED__INIT;
	Wire__Entry entry = WIRE__ENTRY__INIT, *entries = &entry;
	Wire__Head signed_head = WIRE__HEAD__INIT;
	uint8_t signature[64], chain[SHA256_LEN], salt[16] = {0};
	struct held *spaces, at = {.number = 0};
	int n = copy_spaces(c->copy, &spaces);

	for (int i = 0; i < n; i++)
		if (id_equal(&spaces[i].id, &w->partnership))
			at = spaces[i];
	free(spaces);
	header.number = at.number + 1;
	touch.previous = at.number;
	header_write(&header, &head);
	change_write(change, &bytes);
	body_write(buf_bytes(&bytes), BYTES_NONE, &body);
	memcpy(chain, at.chain, SHA256_LEN);
	chain_next(chain, buf_bytes(&head), BYTES(salt, 16), buf_bytes(&body));
	head_statement(&w->area_id, &w->partnership, at.epoch, header.number, chain, &statement);
	key_sign(w->key, buf_bytes(&statement), signature);
	signed_head.epoch = at.epoch;
	signed_head.number = header.number;
	signed_head.chain = PB_BYTES(BYTES(chain, SHA256_LEN));
	signed_head.signature = PB_BYTES(BYTES(signature, 64));
	entry.header = PB_BYTES(head);
	entry.salt = PB_BYTES(BYTES(salt, 16));
	entry.has_body = true;
	entry.body = PB_BYTES(body);
	m.space = PB_ID(&w->partnership);
	m.entries = &entries;
	m.n_entries = 1;
	m.head = &signed_head;
	int err = copy_feed(c->copy, &m, cause);
	copy_rollback(c->copy);
	buf_fini(&bytes);
	buf_fini(&body);
	buf_fini(&head);
	buf_fini(&statement);
	return err;
}

static void test_other_words(struct world *w, struct client *c)
{
	struct cause cause = {""};
	struct id id = make_action(c, &w->partnership, "as it was");
	struct arena arena;
	struct buf other = {0};
	struct pending p = {0};
	struct change change;
	int64_t refused;

	client_sync(w, c);
	set_text(c, &w->partnership, &id, ACTION_TEXT, "my words", NULL, NULL, &cause);
	copy_pending_next(c->copy, 0, &p);
	arena_init(&arena, ARENA_NO_BUDGET);
	change_read(&change, p.bytes, &arena, NULL);
	ok(take_forged(w, c, &change, &cause) == 0, "an entry of an own change is taken");
	field_add_text(&other, ACTION_TEXT, "other words");
	change.edits[0].effect.set = buf_bytes(&other);
	ok(take_forged(w, c, &change, &cause) == ERR_CORRUPT,
	   "but not one that has other words under its id: %s", cause.words);
	ok(count_pending(c, &refused) == 1 &&
		   strcmp(text_of_field(c, &id, VIEW_SHOWN, ACTION_TEXT), "my words") == 0,
	   "what was written is kept, and shown");
	buf_fini(&other);
	arena_fini(&arena);
	ok(client_sync(w, c) && count_pending(c, &refused) == 0, "and sent to an honest server");
}

int main(void)
{
	static struct world w;

	log_sink_set(log_nothing);
	world_init(&w, "outbox");
	struct client *c = world_join(&w, &w.person, &w.school);
	client_sync(&w, c);
	test_agreed_in_a_session(&w, c);
	test_dropped_document(&w, c);
	test_dropped_on_its_way(&w, c);
	test_refused_below(&w, c);
	test_false_verdicts(&w, c);
	test_other_words(&w, c);
	world_fini(&w);
	return tap_end();
}
