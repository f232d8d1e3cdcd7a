/*
 * What must be true: of everything the server sends, at the end of each of its turns; and of all
 * copies once the faults have stopped and everybody has met.
 */
#include "tests/sim/world.h"

#include "common/db.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Each turn ------------------------------------------------------------------------------ */

static void rights_note(struct world *w)
{
	for (unsigned n = 0; n < WORLD_NUMBERS; n++)
		for (size_t p = 0; p < w->n_places; p++) {
			const struct device *d =
			    n < WORLD_DEVICES ? &w->devices[n] : world_device(w, n);
			enum right r = id_is_zero(&d->id)
					   ? RIGHT_NONE
					   : rights_of(&w->book, &d->id, &w->places[p].id);
			w->now[n][p] = r;
			if (r > w->lately[n][p])
				w->lately[n][p] = r;
			if (r > w->ever[n][p])
				w->ever[n][p] = r;
		}
	w->rights_moved = false;
}

static bool moves_rights(const struct world *w, const struct book_entry *e)
{
	if (id_equal(&e->space->id, &w->directory))
		return true;
	for (size_t i = 0; i < e->change.n_edits; i++)
		if (e->change.edits[i].type == TYPE_SPACE)
			return true;
	return false;
}

/* What an entry did to Conflicts, for a person. */
static void trace_conflicts(struct world *w, const struct book_entry *e)
{
	for (size_t i = 0; !e->outcome.as_sent && i < e->outcome.n_effects; i++) {
		const struct outcome_effect *o = &e->outcome.effects[i];
		struct bytes lists[] = {o->effect.add, o->effect.take};
		struct buf line = {0};
		struct field f;
		if (o->type != TYPE_CONFLICT)
			continue;
		for (int k = 0; k < 2; k++)
			while (field_next(&lists[k], &f) > 0)
				if (f.payload.len == 16)
					buf_add_text(&line, " %s[%02x%02x]", k ? "without " : "",
						     f.payload.data[14], f.payload.data[15]);
		trace_line(&w->trace, "  two versions %02x%02x (group %u):%.*s%s", o->record.b[14],
			   o->record.b[15], (unsigned)value_number(fields_get(o->effect.set, 3)),
			   (int)line.len, line.len ? (const char *)line.data : "",
			   value_number(fields_get(o->effect.set, 7)) == 2 ? " settled" : "");
		buf_fini(&line);
	}
}

void oracle_entered(struct world *w, const struct id *space, uint64_t after)
{
	const struct book_space *s = book_space(&w->book, space);
	const struct place *p = world_place(w, space);
	for (uint64_t n = after; s && n < s->n; n++) {
		const struct book_entry *e = s->entries[n];
		trace_line(&w->trace, "entry %" PRIu64 " of %02x: [%02x%02x] %s, %zu edits, by %02x%02x", n + 1,
			   (unsigned)(p ? p - w->places : 255), e->change.id.b[14], e->change.id.b[15],
			   verdict_word(e->outcome.verdict), e->change.n_edits, e->header.device.b[14],
			   e->header.device.b[15]);
		trace_conflicts(w, e);
		if (moves_rights(w, e))
			rights_note(w);
	}
}

/* Once the server was set back: does the book not know yet what this goes on from? */
static bool feed_is_ahead(const struct world *w, const Wire__Feed *feed)
{
	struct header first;
	struct arena arena;
	struct id space;
	bool ahead = false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (w->book.set_back && w->host.area && feed->n_entries && id_from(&space, BYTES_OF(feed->space)) &&
	    header_read(&first, BYTES_OF(feed->entries[0]->header), &arena) == 0) {
		const struct book_space *s = book_space(&w->book, &space);
		ahead = first.number > (s ? s->n : 0) + 1 || feed->head->epoch > (s ? s->epoch : 1);
	}
	arena_fini(&arena);
	return ahead;
}

static void turn_feed(struct world *w, const struct frame *f, unsigned number)
{
	struct arena arena;
	struct cause fault = {""};
	struct id space;
	arena_init(&arena, ARENA_NO_BUDGET);
	const Wire__Feed *feed =
	    (Wire__Feed *)frame_unpack(f, &wire__feed__descriptor, &arena, &fault);
	if (feed && feed_is_ahead(w, feed)) {
		if (!oracle_hears(w)) { /* what its journal says is seen when it runs again */
			arena_fini(&arena);
			return;
		}
		oracle_follow(w);
	}
	uint64_t before =
	    feed && id_from(&space, BYTES_OF(feed->space)) ? book_number(&w->book, &space) : 0;
	if (!feed || book_feed(&w->book, &world_device(w, number)->id, feed, &fault) < 0)
		world_fail(w, "the server told c%u: %s", number, fault.words);
	else
		oracle_entered(w, &space, before);
	arena_fini(&arena);
}

/* Whose word let this change in, after its author's right had ended? NULL: nobody's. */
static const struct device *decider_of(struct world *w, const struct book_entry *e)
{
	for (unsigned n = 0; n < w->n_devices && !id_is_zero(&e->header.let_in_by); n++)
		if (id_equal(&w->devices[n].id, &e->header.let_in_by))
			return &w->devices[n];
	if (!id_is_zero(&e->header.let_in_by))
		world_fail(w, "entry %" PRIu64 " was let in by a device that nobody has", e->header.number);
	return NULL;
}

/* Who wrote the entries of this turn must have been allowed to, at some moment of it. */
static void turn_judge_writers(struct world *w)
{
	for (size_t i = 0; i < w->n_places; i++) {
		const struct book_space *s = book_space(&w->book, &w->places[i].id);
		if (s && w->judged_entries[i] > s->n)
			w->judged_entries[i] = s->n; /* the rest is gone: the server was set back */
		for (; s && w->judged_entries[i] < s->n; w->judged_entries[i]++) {
			const struct book_entry *e = s->entries[w->judged_entries[i]];
			const struct made *m = world_made(w, &e->header.change);
			/* Of what the witness may not read the book hears only when others do. */
			bool late = w->lately[WORLD_WITNESS][i] == RIGHT_NONE;
			const struct device *by = decider_of(w, e);
			if (by && !e->again && (late ? w->ever : w->lately)[by->number][i] != RIGHT_WRITE)
				world_fail(w, "entry %" PRIu64 " of place %02zx was let in by c%u, who may not",
					   e->header.number, i, by->number);
			if (m && (late ? w->ever : w->lately)[m->by][i] != RIGHT_WRITE && !e->again &&
			    id_is_zero(&e->header.let_in_by))
				world_fail(w,
					   "entry %" PRIu64
					   " of place %02zx was written by c%u, who may not",
					   e->header.number, i, m->by);
		}
	}
}

/* What was sent to a device must not hold a word of a space that it may not read. */
static void turn_search(struct world *w, struct bytes sent, unsigned number, unsigned kind)
{
	unsigned place, by;
	/* What was asked for when one still might is answered at the end of the turn. */
	bool asked = kind == WIRE__KIND__CHUNK || kind == WIRE__KIND__VERDICTS;
	while (canary_next(&sent, &place, &by)) {
		/* A refusal names who came before: they share a space with whom it is told. */
		if (place >= w->n_places || (kind == WIRE__KIND__VERDICTS && place == 0))
			continue;
		enum right r = asked ? w->lately[number][place] : w->now[number][place];
		/* What it wrote itself may come back in the words of a refusal. */
		if (r == RIGHT_NONE && (!world_is_one(w, by, number) || kind == WIRE__KIND__FEED))
			world_fail(w,
				   "the server sent c%u a word of place %02x (by c%u, in a frame "
				   "of kind %u), "
				   "which it may not read",
				   number, place, by, kind);
	}
}

static void each_sent(struct world *w,
		      void (*see)(struct world *, const struct frame *, struct bytes, unsigned))
{
	struct bytes rest = buf_bytes(&w->host.sent);
	while (rest.len && !w->failed) {
		unsigned number = read_u32be(rest.data);
		size_t size = read_u32be(rest.data + 4), whole;
		struct bytes sent = BYTES(rest.data + 8, size);
		struct frame f;
		must(frame_parse(sent, &f, &whole) == 1);
		see(w, &f, sent, number);
		rest = BYTES(rest.data + 8 + size, rest.len - 8 - size);
	}
}

static void see_feed(struct world *w, const struct frame *f, struct bytes sent, unsigned number)
{
	(void)sent;
	if (f->kind == WIRE__KIND__FEED)
		turn_feed(w, f, number);
}

static void see_any(struct world *w, const struct frame *f, struct bytes sent, unsigned number)
{
	turn_search(w, sent, number, f->kind);
}

void oracle_turn(struct world *w)
{
	each_sent(w, see_feed);
	if (w->book.set_back && oracle_hears(w))
		oracle_follow(w);
	oracle_released(w);
	if (w->rights_moved)
		rights_note(w);
	turn_judge_writers(w);
	each_sent(w, see_any);
	buf_reset(&w->host.sent);
	memcpy(w->lately, w->now, sizeof(w->now));
}

/* ---- When all is quiet ---------------------------------------------------------------------- */

struct digest_row {
	struct world *w;
	struct {
		struct id space;
		uint64_t number;
		uint8_t digest[SHA256_LEN];
	} rows[WORLD_PLACES];
	size_t n;
};

static void note_digest(void *arg, const char *name, const struct id *space, uint64_t number,
			const uint8_t digest[32])
{
	struct digest_row *r = arg;
	if (!space || strcmp(name, "common") == 0 || r->n == WORLD_PLACES)
		return;
	r->rows[r->n].space = *space;
	r->rows[r->n].number = number;
	memcpy(r->rows[r->n++].digest, digest, SHA256_LEN);
	if (world_place(r->w, space) && book_number(&r->w->book, space) > number)
		world_fail(r->w,
			   "the server has %" PRIu64 " entries of place %02x and told of %" PRIu64,
			   number, (unsigned)(world_place(r->w, space) - r->w->places),
			   book_number(&r->w->book, space));
}

static void compare_space(struct device *d, const struct held *h, const struct digest_row *server)
{
	struct world *w = d->world;
	const struct place *p = world_place(w, &h->id);
	const struct book_space *s = book_space(&w->book, &h->id);
	uint8_t digest[SHA256_LEN];
	unsigned n = p ? (unsigned)(p - w->places) : 255;

	for (size_t i = 0; i < server->n; i++) {
		if (!id_equal(&server->rows[i].space, &h->id))
			continue;
		if (h->number != server->rows[i].number)
			world_fail(w,
				   "c%u has %" PRIu64 " entries of place %02x, the server %" PRIu64,
				   d->number, h->number, n, server->rows[i].number);
		else if (copy_digest(d->copy, &h->id, digest) < 0 ||
			 memcmp(digest, server->rows[i].digest, SHA256_LEN) != 0)
			world_fail(w, "c%u and the server differ in place %02x at entry %" PRIu64,
				   d->number, n, h->number);
		else if (h->number &&
			 (!s || s->n < h->number ||
			  memcmp(s->entries[h->number - 1]->chain, h->chain, SHA256_LEN) != 0))
			world_fail(w, "the chain of c%u in place %02x is not the one that was told",
				   d->number, n);
		return;
	}
	world_fail(w, "c%u holds place %02x, which the server does not have", d->number, n);
}

/* A device holds exactly what its person may read, as the server has it. */
static void compare_device(struct device *d, const struct digest_row *server)
{
	struct world *w = d->world;
	struct held *held;
	int n = copy_spaces(d->copy, &held);
	if (n < 0) {
		world_fail(w, "c%u: its spaces can't be read", d->number);
		return;
	}
	for (size_t p = 0; p < w->n_places && !w->failed; p++) {
		bool may = w->now[d->number][p] != RIGHT_NONE;
		bool has = false;
		for (int i = 0; i < n; i++)
			has |= id_equal(&held[i].id, &w->places[p].id);
		if (may != has)
			world_fail(w, "c%u %s place %02zx, which it %s read", d->number,
				   has ? "holds" : "does not hold", p, may ? "may" : "may not");
	}
	for (int i = 0; i < n && !w->failed; i++)
		if (held[i].state == HELD_OPEN)
			compare_space(d, &held[i], server);
		else
			world_fail(w, "c%u still waits for verdicts in a space that it lost",
				   d->number);
	free(held);
}

/* Each entry is in the copy, whole, as it was told. */
static void compare_journal(struct device *d)
{
	struct world *w = d->world;
	struct arena arena;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (size_t p = 0; p < w->n_places && !w->failed; p++) {
		const struct book_space *s = book_space(&w->book, &w->places[p].id);
		if (!s || w->now[d->number][p] == RIGHT_NONE)
			continue;
		for (uint64_t n = 1; n <= s->n && !w->failed; n++) {
			struct past_entry past;
			struct buf again = {0};
			arena_reset(&arena);
			int got = copy_entry(d->copy, &s->id, n, &arena, &past);
			if (got == 1 && !id_is_zero(&past.change.id))
				change_write(&past.change, &again);
			if (got != 1 ||
			    !bytes_equal(buf_bytes(&again), s->entries[n - 1]->change_bytes))
				world_fail(w,
					   "c%u does not have entry %" PRIu64
					   " of place %02zx as it was made",
					   d->number, n, p);
			buf_fini(&again);
		}
	}
	arena_fini(&arena);
}

static void fault_found(void *arg, const char *words)
{
	struct device *d = arg;
	world_fail(d->world, "c%u: its own check finds: %s", d->number, words);
}

static void host_fault_found(void *arg, const char *words)
{
	struct world *w = arg;
	if (!w->contents_lost || (!strstr(words, "part of a document is missing") &&
				  !strstr(words, "parts of a document are missing")))
		world_fail(w, "the server's own check finds: %s", words);
}

/* Every table of a copy as one sum, whatever the order of its rows. */
static void copy_sum(struct device *d, uint64_t *sum)
{
	struct db *db = copy_db(d->copy);
	char names[64][64];
	size_t n = 0;
	struct db_stmt *st =
	    db_query_text(db,
			  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT "
			  "LIKE 'search%' AND name NOT LIKE 'sqlite%' AND name NOT IN "
			  "('held', 'stale', 'meta') ORDER BY name",
			  NULL);
	*sum = 0;
	while (st && db_step(st) > 0 && n < 64)
		snprintf(names[n++], sizeof(names[0]), "%s", db_text(st, 0));
	for (size_t i = 0; i < n; i++) {
		char sql[100];
		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", names[i]);
		st = db_query_text(db, sql, NULL);
		while (st && db_step(st) > 0) {
			struct trace row = {.hash = i};
			for (int c = 0; c < db_columns(st); c++) {
				bool null = db_null(st, c);
				trace_bytes(&row, null ? BYTES("null", 4) : db_bytes(st, c));
			}
			*sum += row.hash;
		}
	}
}

static void compare_rebuild(struct device *d)
{
	uint64_t before, after;
	struct cause cause = {""};
	copy_sum(d, &before);
	if (copy_rebuild(d->copy, &cause) < 0)
		world_fail(d->world, "c%u can't be rebuilt: %s", d->number, cause.words);
	copy_sum(d, &after);
	if (before != after)
		world_fail(d->world, "c%u: its tables are not those that its journal makes",
			   d->number);
}

/* What this person is asked to decide on waits with the server, and in a space that they may write. */
static void compare_held(struct device *d)
{
	struct world *w = d->world;
	struct held_here held;
	struct arena arena;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int64_t seq = 0; !w->failed && copy_held_next(d->copy, seq, &arena, &held) > 0; seq = held.seq) {
		const struct made *m = world_made(w, &held.change);
		const struct place *p = world_place(w, &held.space);
		if (!m || !bytes_equal(m->bytes, held.bytes) || !oracle_is_held(w, m, false))
			world_fail(w, "c%u is asked to decide on what nobody made, or was decided", d->number);
		else if (!p || w->now[d->number][p - w->places] != RIGHT_WRITE)
			world_fail(w, "c%u is asked to decide on a change of a space that it may not write",
				   d->number);
	}
	arena_fini(&arena);
}

static void judge_device(struct device *d, const struct digest_row *server, bool thorough)
{
	struct world *w = d->world;
	view_take(d->old);
	compare_device(d, server);
	if (!w->failed)
		device_audit(d);
	compare_held(d);
	if (w->failed || !thorough)
		return;
	compare_journal(d);
	copy_index(d->copy, 0);
	copy_check(d->copy, fault_found, d);
	if (!w->failed)
		compare_rebuild(d);
}

/* Faults stop; whoever is down starts, whoever is away comes back. */
static void calm_down(struct world *w)
{
	w->calm = true;
	w->host.starving = false;
	disk_room(w->host.disk, SIZE_MAX);
	disk_stop_never(w->host.disk);
	for (unsigned i = 0; i < w->n_devices; i++) {
		struct device *d = &w->devices[i];
		if (!d->enrolled)
			continue;
		disk_room(d->disk, SIZE_MAX);
		disk_stop_never(d->disk);
		d->online = true;
		d->revoked = false; /* it will be told again, if it is */
		if (d->old && dice_chance(&d->machine.dice, 60)) {
			device_stop(d, DISK_CRASH);
			device_upgrade(d);
		}
		device_hang_up(d, NET_RESET);
		device_plan_dial(d, 0);
	}
	trace_line(&w->trace, "calm");
}

static void calm_dial_anew(struct world *w)
{
	for (unsigned i = 0; i < w->n_devices; i++)
		if (w->devices[i].enrolled) {
			device_hang_up(&w->devices[i], NET_RESET);
			device_plan_dial(&w->devices[i], 0);
		}
}

static bool calm_rounds(struct world *w)
{
	for (int round = 0; round < 3 && !w->failed; round++) {
		for (int i = 0; w->book.set_back && i < 3; i++) { /* a recovery takes its time */
			world_run(w, 70000000);
			if (host_serve_all(w))
				calm_dial_anew(w); /* who holds what they may not read hears so then */
		}
		if (world_settle(w, 120000000) && world_settle(w, 1000000)) {
			trace_line(&w->trace, "quiet in round %d", round + 1);
			w->quiet = true;
			return true;
		}
		calm_dial_anew(w);
	}
	return false;
}

/* What a copy held when the server was set back, and holds still, is entered again. */
static void judge_returned(struct world *w)
{
	for (size_t i = 0; i < w->n_made && !w->failed; i++) {
		struct made *m = w->made[i];
		for (unsigned k = 0; k < w->n_devices; k++) /* who is revoked is not heard */
			m->holders &= (uint16_t) ~((unsigned)w->devices[k].revoked << k);
		if (m->holders && !book_entry(&w->book, &m->id) && !oracle_is_held(w, m, true))
			world_fail(w, "the server was set back, and change [%02x%02x] of c%u, which copies held "
				   "(%x), was not entered again",
				   m->id.b[14], m->id.b[15], m->by, m->holders);
	}
}

/* A conflict names changes; all of them must be in the book. */
static void judge_conflicts(struct world *w)
{
	for (size_t i = 0; i < w->book.n_records && !w->failed; i++) {
		const struct record *r = &w->book.records[i]->record;
		struct bytes rest = record_get(r, 5);
		struct field f;
		struct id side;
		if (r->type != TYPE_CONFLICT)
			continue;
		if (value_count(rest) < 2 &&
		    value_number(record_get(r, 7)) == RECORDS__CONFLICT_STATE__OPEN)
			world_fail(w, "an open Conflict has %zu sides (type %u, group %u)",
				   value_count(rest), (unsigned)value_number(record_get(r, 2)),
				   (unsigned)value_number(record_get(r, 3)));
		while (field_next(&rest, &f) > 0)
			if (!id_from(&side, f.payload) || !book_entry(&w->book, &side))
				world_fail(w, "a Conflict names a side that is in no history");
	}
}

void oracle_calm(struct world *w)
{
	struct digest_row server = {.w = w};
	if (w->failed)
		return;
	calm_down(w);
	if (!calm_rounds(w)) {
		for (unsigned i = 0; i < w->n_devices; i++) {
			struct device *d = &w->devices[i];
			if (d->enrolled && !d->revoked && !device_quiet(d))
				world_fail(w, "c%u does not become quiet in three rounds (%s, %s)",
					   d->number, d->copy ? "it runs" : "it is down",
					   d->uplink ? "it has a line" : "no line");
		}
		world_fail(w, "the server does not become quiet in three rounds");
		return;
	}
	view_take(false);
	oracle_follow(w);
	rights_note(w);
	judge_conflicts(w);
	judge_returned(w);
	oracle_contents(w);
	unsigned greedy = (unsigned)(w->seed % w->n_devices);
	oracle_fetch(w, greedy);
	/* Only now: days may have passed meanwhile, and the server has entered what is its own. */
	view_take(false);
	if (w->host.area && area_digest(w->host.area, note_digest, &server) < 0)
		world_fail(w, "the server's digest can't be made");
	/* One copy of every fourth world is looked at from all sides. */
	unsigned sample =
		w->seed % 4 == 1 ? (unsigned)(w->seed / 4 % w->n_devices) : WORLD_DEVICES;
	for (unsigned i = 0; i < w->n_devices && !w->failed; i++) {
		struct device *d = &w->devices[i];
		if (!d->enrolled || !d->copy)
			continue;
		if (d->revoked) {
			device_audit(d);
			continue;
		}
		judge_device(d, &server, i == sample || d->upgraded);
		oracle_bodies(d, i == greedy);
		char scrub[4] = "";
		if (copy_meta_get(d->copy, "scrub", scrub, sizeof(scrub)) == 0 && scrub[0]) {
			device_stop(d, DISK_CRASH); /* what a full disk prevented is done by the next process */
			device_start(d);
		}
		oracle_files(d);
	}
	view_take(false);
	if (!w->failed && w->seed % 4 == 0)
		area_check(w->host.area, host_fault_found, w);
}
