/*
 * A copy that is new: the values of everything first, the history behind that. At every point it
 * holds what a copy with all bodies would show, and in the end the same journal, however often it
 * was interrupted.
 */
#include "client/undo.h"
#include "server/turn.h"
#include "tests/unit/setback.h"

enum { SEEDS = 4, ROUNDS = 30, PROSE = 150 };

static struct id records[64];
static size_t n_records;

/* ---- A history ------------------------------------------------------------------------------ */

/* So many sentences that entries fill frames; one of them is another each time. */
static const char *prose(struct world *w)
{
	static char text[16 * 1024];
	unsigned other = world_pick(w, PROSE);
	size_t at = 0;

	for (unsigned i = 0; i < PROSE; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "Sentence %u was %s the first time round. ", i,
				       i == other ? (world_pick(w, 2) ? "changed since" : "read again since")
						  : "written");
	return text;
}

/* Settle one of the open Conflicts, as the person would. */
static bool settle_one(struct world *w, struct client *c, struct draft *d)
{
	struct db_stmt *st = db_query_text(
		copy_db(c->copy), "SELECT record, conflict FROM open_conflict LIMIT 1", NULL);
	struct id record, conflict;
	struct cause cause;

	if (db_step(st) != 1)
		return false;
	bool whole = db_id(st, 0, &record) && db_id(st, 1, &conflict);
	db_reset(st);
	if (!whole || draft_edit(d, &record, NULL, &cause) < 0)
		return false;
	put_text(d, ACTION_TEXT, world_pick(w, 2) ? "settled" : "agreed");
	draft_settles(d, &conflict);
	return true;
}

static void edit_one(struct world *w, struct draft *d, const struct id *other)
{
	unsigned kind = world_pick(w, 16);

	if (edit_no_field(d, kind == 7 ? 1 : kind, other))
		return;
	if (kind == 4)
		put_text(d, 15, NULL);
	else if (kind == 5)
		put_text(d, 15, world_pick(w, 2) ? "one" : "two");
	else if (kind == 6)
		put_text(d, ACTION_TEXT, world_pick(w, 2) ? "text one" : "text two");
	else
		put_text(d, ACTION_DETAILS, prose(w));
}

static void do_something(struct world *w, struct client *c)
{
	const struct id *record = n_records ? &records[world_pick(w, (unsigned)n_records)] : NULL;
	struct cause cause;
	struct id change;

	w->now_ms += 5;
	if (!record || (world_pick(w, 6) == 0 && n_records < 10)) {
		records[n_records++] = make_action(c, &w->partnership, "text");
		return;
	}
	struct draft *d = draft_new(c->copy, &w->partnership);
	if (world_pick(w, 8) == 0 && settle_one(w, c, d))
		;
	else
		for (size_t i = world_pick(w, 3) + 1; i > 0; i--)
			if (draft_edit(d, &records[(n_records + i * 7) * (size_t)(record - records + 1) %
						   n_records], NULL, &cause) == 0)
				edit_one(w, d, &w->school);
	if (draft_save(&d, &change, &cause) < 0)
		draft_free(&d);
}

/* Three people at work, apart and together. */
static void make_history(struct world *w, uint64_t seed, int rounds)
{
	n_records = 0;
	for (int i = 0; i < 3; i++)
		world_join(w, &w->person, &w->school);
	w->dice = seed;
	for (int i = 0; i < 3; i++)
		client_sync(w, &w->clients[i]);
	for (int i = 0; i < rounds; i++) {
		struct client *c = &w->clients[world_pick(w, 3)];
		for (unsigned k = world_pick(w, 10); k > 0; k--)
			do_something(w, c);
		if (world_pick(w, 2))
			client_sync(w, c);
	}
	for (int i = 0; i < 6; i++)
		client_sync(w, &w->clients[i % 3]);
}

/* A world in which a space of two entries is not small any more. */
static void begin(struct world *w, const char *name, uint64_t seed, int rounds)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "%s%llu", name, (unsigned long long)seed);
	world_init(w, dir);
	w->options.whole_below = 2;
	world_close(w);
	world_open(w);
	make_history(w, seed, rounds);
}

/* ---- Looking at copies ---------------------------------------------------------------------- */

static void add_rows(struct client *c, const char *sql, struct sha256 *sha)
{
	struct db_stmt *st = db_query_text(copy_db(c->copy), sql, NULL);

	while (st && db_step(st) == 1)
		for (int i = 0; i < db_columns(st); i++) {
			uint8_t head[9] = {db_null(st, i)};
			struct bytes value = db_bytes(st, i);
			write_u64be(head + 1, value.len);
			sha256_add(sha, BYTES(head, sizeof(head)));
			sha256_add(sha, value);
		}
}

static void hash_rows(struct client *c, const char *sql, uint8_t out[SHA256_LEN])
{
	struct sha256 *sha = sha256_begin();
	add_rows(c, sql, sha);
	sha256_end(&sha, out);
}

/* All that a person could see, and the state below it. */
static void hash_state(struct client *c, uint8_t out[SHA256_LEN])
{
	char tables[64][80];
	size_t n = 0;
	struct sha256 *sha = sha256_begin();
	struct db_stmt *st = db_query_text(
		copy_db(c->copy), "SELECT 'SELECT * FROM \"' || name || '\" ORDER BY id, space'"
				  " FROM typed ORDER BY name", NULL);

	while (db_step(st) == 1 && n < 64)
		snprintf(tables[n++], sizeof(tables[0]), "%s", db_text(st, 0));
	for (size_t i = 0; i < n; i++)
		add_rows(c, tables[i], sha);
	add_rows(c, "SELECT r.id, h.space, r.type, r.number, r.fields FROM record r"
		    " JOIN held h ON h.slot = r.slot ORDER BY 1, 2", sha);
	add_rows(c, "SELECT o.record, h.space, o.field_group, o.conflict FROM open_conflict o"
		    " JOIN held h ON h.slot = o.slot ORDER BY 1, 2, 3", sha);
	add_rows(c, "SELECT space, epoch, number, chain FROM held ORDER BY 1", sha);
	sha256_end(&sha, out);
}

static bool same_rows(struct client *a, struct client *b, const char *sql)
{
	uint8_t one[SHA256_LEN], two[SHA256_LEN];
	hash_rows(a, sql, one);
	hash_rows(b, sql, two);
	return memcmp(one, two, SHA256_LEN) == 0;
}

static bool same_state(struct client *a, struct client *b)
{
	uint8_t one[SHA256_LEN], two[SHA256_LEN];
	hash_state(a, one);
	hash_state(b, two);
	return memcmp(one, two, SHA256_LEN) == 0;
}

static bool same_journal(struct client *a, struct client *b)
{
	return same_rows(a, b,
			 "SELECT h.space, e.key & 1099511627775, e.header, e.salt, e.body, e.sealed"
			 " FROM entry e JOIN held h ON h.slot = e.key >> 40 ORDER BY 1, 2");
}

static bool same_search(struct client *a, struct client *b)
{
	copy_index(a->copy, 0);
	copy_index(b->copy, 0);
	return same_rows(a, b,
			 "SELECT r.record, s.title, s.body FROM search s"
			 " JOIN search_row r ON r.row = s.rowid ORDER BY 1");
}

static int64_t absent_in(struct client *c)
{
	struct incomplete left = {-1, -1};
	copy_incomplete(c->copy, NULL, &left);
	return left.bodies;
}

static int64_t spaces_to_come(struct client *c)
{
	struct incomplete left = {-1, -1};
	copy_incomplete(c->copy, NULL, &left);
	return left.spaces;
}

/* No value stands that an absent body has set. */
static bool none_needed(struct client *c)
{
	struct db_stmt *st =
		db_query_text(copy_db(c->copy), "SELECT id, slot, fields FROM record", NULL);
	struct arena arena;
	bool good = true;

	arena_init(&arena, ARENA_NO_BUDGET);
	while (db_step(st) == 1) {
		struct record r;
		struct id id;
		db_id(st, 0, &id);
		record_init(&r, &arena, &id, 0);
		good = record_unpack(&r, arena_copy(&arena, db_bytes(st, 2))) == 0 && good;
		for (size_t i = 0; i < r.n_values; i++) {
			struct db_stmt *entry = db_query(
				copy_db(c->copy),
				"SELECT 1 FROM entry WHERE key = $1 AND body IS NULL", "i",
				db_int(st, 1) << 40 | (int64_t)r.values[i].number);
			if (db_step(entry) == 1) {
				db_reset(entry);
				good = false;
			}
		}
	}
	arena_fini(&arena);
	return good;
}

/* ---- Sessions that end early ---------------------------------------------------------------- */

/* Until all values are here, and no body that was left out. */
static bool sync_values(struct world *w, struct client *c)
{
	client_connect(w, c);
	for (int i = 0; i < 1000 && !uplink_has_values(c->up); i++) {
		client_step(w, c);
		world_must(area_turn(w->area), NULL, "turn");
		uplink_turn(c->up);
	}
	bool has = uplink_has_values(c->up);
	client_cut(w, c);
	return has;
}

/* Take so many frames, then the line breaks, or the program ends before it has committed. */
static void sync_frames(struct world *w, struct client *c, unsigned frames)
{
	struct frame f;

	client_connect(w, c);
	for (unsigned taken = 0, idle = 0; taken < frames && idle < 3;) {
		while (pipe_take(&c->pipe.ends[1], &f) > 0)
			session_frame(c->session, &f);
		session_drained(c->session);
		world_must(area_turn(w->area), NULL, "turn");
		bool got = pipe_take(&c->pipe.ends[0], &f) > 0;
		taken += got;
		idle = got ? 0 : idle + 1;
		if (got)
			uplink_frame(c->up, &f);
		if (taken < frames)
			uplink_turn(c->up);
	}
	client_cut(w, c);
}

/* ---- The tests ------------------------------------------------------------------------------ */

static bool values_then_history(struct world *w, struct client *full)
{
	struct client *c = world_join(w, &w->person, &w->school);
	struct cause cause;
	bool good = client_sync(w, full) && sync_values(w, c);
	int64_t absent = absent_in(c), all = ask_number(c, "SELECT count(*) FROM entry");

	note("%lld of %lld bodies come later, %lld two versions", (long long)absent, (long long)all,
	     (long long)count_conflicts(c));
	good = good && absent > 0 && none_needed(c);
	good = good && same_state(c, full) && same_search(c, full);
	good = good && is_sound(c) && copy_rebuild(c->copy, &cause) == 0 && same_state(c, full);
	good = good && client_sync(w, c) && absent_in(c) == 0;
	good = good && same_state(c, full) && same_journal(c, full) && is_sound(c);
	return good && copy_rebuild(c->copy, &cause) == 0 && same_state(c, full);
}

static void test_equal(void)
{
	static struct world w;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&w, "equal", seed, ROUNDS);
		ok(values_then_history(&w, &w.clients[0]),
		   "with the values alone a copy shows what all others do, and later has the same "
		   "journal (seed %llu)",
		   (unsigned long long)seed);
		world_fini(&w);
	}
}

static void test_interrupted(void)
{
	static struct world w;

	for (uint64_t seed = 11; seed <= 13; seed++) {
		begin(&w, "cut", seed, ROUNDS);
		struct client *c = world_join(&w, &w.person, &w.school), *full = &w.clients[0];
		unsigned cuts = 0, partly = 0;
		bool good = client_sync(&w, full);
		for (; cuts < 400 && (cuts == 0 || spaces_to_come(c) || absent_in(c)); cuts++) {
			sync_frames(&w, c, 3 + world_pick(&w, 4));
			if (world_pick(&w, 6) == 0 && !spaces_to_come(c))
				good = good && is_sound(c);
			partly += absent_in(c) > 0;
			if (world_pick(&w, 4) == 0) { /* they go on meanwhile */
				do_something(&w, full);
				client_sync(&w, full);
			}
		}
		good = good && client_sync(&w, c) && client_sync(&w, full);
		ok(good && partly > 1 && same_state(c, full) && same_journal(c, full) && is_sound(c),
		   "cut off %u times, %u of them with some of it, it comes to the same (seed %llu)",
		   cuts, partly,
		   (unsigned long long)seed);
		world_fini(&w);
	}
}

static void spoil(const struct frame *f)
{
	uint8_t *bytes = (uint8_t *)f->message.data;
	bytes[f->message.len - 1] ^= 1; /* of the last one's salt */
}

/* Spoil the first `most` frames of bodies on their way. How many there were. */
static unsigned sync_spoiled(struct world *w, struct client *c, unsigned most)
{
	unsigned seen = 0;
	struct frame f;

	client_connect(w, c);
	for (int i = 0; i < 2000 && !uplink_quiet(c->up); i++) {
		while (pipe_take(&c->pipe.ends[1], &f) > 0)
			session_frame(c->session, &f);
		session_drained(c->session);
		world_must(area_turn(w->area), NULL, "turn");
		while (pipe_take(&c->pipe.ends[0], &f) > 0) {
			if (f.kind == WIRE__KIND__BODIES && seen++ < most)
				spoil(&f);
			uplink_frame(c->up, &f);
		}
		uplink_turn(c->up);
	}
	ok(uplink_quiet(c->up), "the session comes to its end (%s)", uplink_words(c->up));
	client_cut(w, c);
	return seen;
}

static void test_spoiled(void)
{
	static struct world w;

	begin(&w, "spoiled", 21, ROUNDS);
	struct client *full = &w.clients[0];
	struct client *one = world_join(&w, &w.person, &w.school);
	client_save(&w, one);
	client_sync(&w, full);
	sync_spoiled(&w, one, 1);
	ok(absent_in(one) == 0 && same_journal(one, full),
	   "a body that is not what the chain says is refused, and asked for again");
	client_set_back(&w, one);
	unsigned frames = sync_spoiled(&w, one, UINT32_MAX);
	ok(frames > 0 && frames < 100 && absent_in(one) > 0,
	   "if it never is, the session ends without it, after %u frames", frames);
	ok(is_sound(one) && same_state(one, full), "and nothing else suffers");
	ok(client_sync(&w, one) && absent_in(one) == 0 && same_journal(one, full),
	   "it comes in another session");
	world_fini(&w);
}

/* What is asked of the past is answered as by a copy that has all of it, or not at all. */
static void test_past(void)
{
	static struct world w;
	struct arena arena;
	unsigned known = 0, unknown = 0, other = 0;

	begin(&w, "past", 31, ROUNDS);
	struct client *full = &w.clients[0], *c = world_join(&w, &w.person, &w.school);
	client_sync(&w, full);
	ok(sync_values(&w, c), "the values are here");
	uint64_t number = place_of(c, &w.partnership).number;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (size_t i = 0; i < n_records; i++)
		for (uint64_t n = 1; n <= number; n += 3) {
			struct record a, b;
			struct buf x = {0}, y = {0};
			int got = copy_record_at(c->copy, &records[i], n, &arena, &a);
			int want = copy_record_at(full->copy, &records[i], n, &arena, &b);
			if (want == 0)
				record_pack(&b, &y);
			if (got == 0)
				record_pack(&a, &x);
			known += got == 0;
			unknown += got == ERR_MISSING && want == 0;
			other += got != ERR_MISSING && !bytes_equal(buf_bytes(&x), buf_bytes(&y));
			buf_fini(&x);
			buf_fini(&y);
			arena_reset(&arena);
		}
	ok(known > 0 && unknown > 0 && other == 0,
	   "%u times a record of the past is known, %u times it is not, never is it another", known,
	   unknown);
	arena_fini(&arena);
	world_fini(&w);
}

static void test_work(void)
{
	static struct world w;
	struct arena arena;
	struct cause cause = {""};
	struct undo u;
	struct id first, second, third;

	begin(&w, "work", 41, 0);
	struct client *full = &w.clients[0], *other = &w.clients[1];
	struct id id = make_action(full, &w.partnership, "a");
	client_sync(&w, full);
	for (int i = 0; i < 20; i++)
		set_text(full, &w.partnership, &id, ACTION_DETAILS, prose(&w), NULL,
			 i == 10 ? &first : &second, &cause);
	client_sync(&w, full);
	struct client *c = world_join(&w, &w.person, &w.school);
	ok(sync_values(&w, c) && absent_in(c) > 10, "a record with a past that is not here yet");
	arena_init(&arena, ARENA_NO_BUDGET);
	ok(undo_init(&u, c->copy, &first, &arena, &cause) == ERR_MISSING &&
		   strstr(cause.words, "not fetched yet"),
	   "what is not here can't be taken back: %s", cause.words);
	undo_fini(&u);
	ok(undo_init(&u, c->copy, &second, &arena, &cause) == ERR_MISSING &&
		   strstr(cause.words, "not fetched yet"),
	   "nor what stands on it: %s", cause.words);
	undo_fini(&u);
	ok(set_text(c, &w.partnership, &id, ACTION_TEXT, "b", NULL, &third, &cause) == 0,
	   "but it can be edited");
	set_text(other, &w.partnership, &id, 15, "apart", NULL, NULL, &cause);
	client_sync(&w, other);
	ok(client_sync(&w, c) && client_sync(&w, full) && count_conflicts(c) == 0 &&
		   strcmp(text_of_field(full, &id, VIEW_SHOWN, ACTION_TEXT), "b") == 0,
	   "and the edit is taken as it was meant");
	ok(undo_init(&u, c->copy, &second, &arena, &cause) == 0, "with its past it can be undone");
	undo_fini(&u);
	arena_fini(&arena);
	ok(same_state(c, full) && is_sound(c), "all are equal");
	world_fini(&w);
}

/* Spaces come one after the other, the directory and the partnership first. */
static void test_order(void)
{
	static struct world w;
	struct frame f;
	struct buf order = {0};

	begin(&w, "order", 51, ROUNDS);
	struct client *c = world_join(&w, &w.person, &w.school);
	client_connect(&w, c);
	for (int i = 0; i < 50; i++) {
		while (pipe_take(&c->pipe.ends[1], &f) > 0)
			session_frame(c->session, &f);
		session_drained(c->session);
		world_must(area_turn(w.area), NULL, "turn");
		while (pipe_take(&c->pipe.ends[0], &f) > 0) {
			struct id space;
			if (f.kind == WIRE__KIND__FEED &&
			    id_from(&space, value_bytes(fields_get(f.message, 1))))
				buf_add(&order, id_equal(&space, &w.directory)	   ? "d"
						: id_equal(&space, &w.partnership) ? "p"
										   : "o", 1);
			uplink_frame(c->up, &f);
		}
		uplink_turn(c->up);
	}
	buf_add_u8(&order, 0);
	const char *words = (const char *)order.data;
	size_t d = strspn(words, "d"), p = strspn(words + d, "p"), o = strspn(words + d + p, "o");
	ok(d > 0 && p > 1 && o > 0 && words[d + p + o] == '\0', "in order: %s", words);
	buf_fini(&order);
	client_cut(&w, c);
	world_fini(&w);
}

/* The server was set back, and who comes first does not have all bodies of what it lacks. */
static void test_set_back(void)
{
	for (uint64_t seed = 61; seed <= 63; seed++) {
		static struct world w;
		begin(&w, "setback", seed, ROUNDS / 3);
		struct client *full = &w.clients[0];
		world_save(&w, "yesterday");
		for (int i = 0; i < 60; i++) {
			do_something(&w, full);
			client_sync(&w, full);
		}
		struct client *c = world_join(&w, &w.person, &w.school);
		struct client *all[] = {c, full, &w.clients[1], &w.clients[2]};
		ok(client_sync(&w, full) && sync_values(&w, c) && absent_in(c) > 0,
		   "a new copy has the values");
		world_set_back(&w, "yesterday");
		ok(world_sync(&w, all, 1) && server_is_sound(&w) &&
			   same_as_server(&w, c, &w.directory) &&
			   same_as_server(&w, c, &w.partnership) && is_sound(c),
		   "the server has from it what it had whole, and they agree (seed %llu)",
		   (unsigned long long)seed);
		ok(world_sync(&w, all, 4) && world_sync(&w, all, 4) && same_state(c, full) &&
			   same_journal(c, full) && absent_in(c) == 0 && server_is_sound(&w),
		   "once the others have come all are equal");
		bool lost = false;
		for (size_t i = 0; i < n_records; i++)
			lost = lost || !text_of_field(c, &records[i], VIEW_ACCEPTED, ACTION_TEXT)[0];
		ok(!lost, "and no record is lost");
		world_fini(&w);
	}
}

/* Small spaces come whole, and to those who did not ask all do. */
static void test_whole(void)
{
	static struct world w;

	world_init(&w, "whole");
	make_history(&w, 71, 20);
	struct client *c = world_join(&w, &w.person, &w.school);
	ok(sync_values(&w, c) && absent_in(c) == 0, "a small space comes whole");
	world_fini(&w);
}

int main(void)
{
	log_level_set(LOG_ERROR);
	test_equal();
	test_interrupted();
	test_spoiled();
	test_past();
	test_work();
	test_order();
	test_set_back();
	test_whole();
	return tap_end();
}
