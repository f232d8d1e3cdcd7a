/*
 * A small world for unit tests: an area on a real database, and copies joined to it, over lines in
 * memory. Time stands still unless a test moves it; chance is seeded.
 */
#ifndef FIVEPITS_WORLD_H
#define FIVEPITS_WORLD_H

#include "client/draft.h"
#include "client/uplink.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/os.h"
#include "server/area.h"
#include "tests/pipe.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORLD_CLIENTS = 4 };

struct client {
	char home[200];
	struct id person, device;
	struct copy *copy;
	struct pipe pipe; /* end 0: the client's; end 1: the server's */
	struct uplink *up;
	struct session *session;
};

struct world {
	struct env env;
	uint64_t now_ms, dice;
	char dir[128];
	struct evp_pkey_st *key;
	uint8_t head_key[32];
	struct area_options options;
	struct area *area;
	struct id area_id, directory, partnership, person, school;
	struct client clients[WORLD_CLIENTS];
	size_t n_clients;
};

static inline uint64_t world_now(void *arg)
{
	return ((struct world *)arg)->now_ms;
}

static inline void world_random(void *arg, uint8_t *out, size_t n)
{
	struct world *w = arg;
	for (size_t i = 0; i < n; i++) {
		w->dice = w->dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
		out[i] = (uint8_t)(w->dice >> 33);
	}
}

/* Below n, by the world's dice. */
static inline unsigned world_pick(struct world *w, unsigned n)
{
	uint8_t b[4];
	world_random(w, b, 4);
	return read_u32be(b) % n;
}

static inline void world_sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	key_sign(((struct world *)arg)->key, statement, signature);
}

static inline void world_must(int err, const struct cause *cause, const char *what)
{
	if (err < 0) {
		printf("Bail out! %s: %s: %s\n", what, err_words(err), cause ? cause->words : "");
		exit(1);
	}
}

static inline void world_init(struct world *w, const char *name)
{
	struct cause cause = {""};
	struct area_founding founding = {
		.name = "5 Pits", .school = "Pilsley Primary School", .admin = "Amy Booth"};

	*w = (struct world){.now_ms = 1570000000000, .dice = 42};
	w->env = (struct env){world_now, world_random, w};
	snprintf(w->dir, sizeof(w->dir), "%s/%s", tap_dir(), name);
	world_must(os_make_dir(w->dir, &cause), &cause, "directory");
	w->key = key_make_signing();
	key_signing_public(w->key, w->head_key);
	memset(w->area_id.b, 0x5b, 16);
	w->area_id.b[6] = 0x8b;
	w->area_id.b[8] = 0x9b;
	w->directory = id_directory(&w->area_id);
	w->partnership = id_partnership(&w->area_id);
	founding.area = w->area_id;
	founding.server_key = BYTES("server key", 10);
	w->options = (struct area_options){.dir = w->dir,
					   .env = &w->env,
					   .sign = world_sign,
					   .sign_arg = w,
					   .address = "localhost:1"};
	world_must(area_found(&w->options, &founding, &w->person, &w->school, &cause), &cause,
		   "found");
	world_must(area_open(&w->area, &w->options, &cause), &cause, "open");
}

/* A device of this person at this school, with an empty copy. */
static inline struct client *world_join(struct world *w, const struct id *person,
					const struct id *school)
{
	struct client *c = &w->clients[w->n_clients++];
	struct copy_identity identity = {
		.area = w->area_id, .person = *person, .address = "localhost:1"};
	struct cause cause = {""};
	uint8_t invitation[16], verifier[32] = {0};
	uint64_t expires;
	char key[32];

	world_random(w, invitation, sizeof(invitation));
	snprintf(key, sizeof(key), "public key %zu", w->n_clients);
	world_must(area_invite(w->area, person, school, invitation, verifier, &expires), NULL,
		   "invite");
	world_must(area_turn(w->area), NULL, "turn");
	world_must(area_enrol(w->area, invitation, BYTES(key, strlen(key)), "laptop", &c->device),
		   NULL, "enrol");
	world_must(area_turn(w->area), NULL, "turn");
	c->person = *person;
	snprintf(c->home, sizeof(c->home), "%s/home%zu", w->dir, w->n_clients);
	world_must(os_make_dir(c->home, &cause), &cause, "home");
	identity.device = c->device;
	memcpy(identity.head_key, w->head_key, 32);
	world_must(copy_create(c->home, &identity, NULL, &cause), &cause, "create");
	world_must(copy_open(&c->copy, c->home, NULL, &w->env, &cause), &cause, "open copy");
	return c;
}

static inline void client_connect(struct world *w, struct client *c)
{
	pipe_init(&c->pipe);
	c->session = session_open(w->area, &c->pipe.ends[1].link, &c->device);
	c->up = uplink_new(c->copy, &c->pipe.ends[0].link);
}

static inline void client_cut(struct world *w, struct client *c)
{
	if (!c->up)
		return;
	uplink_free(&c->up);
	if (c->session)
		session_lost(c->session);
	c->session = NULL;
	world_must(area_turn(w->area), NULL, "turn");
	pipe_fini(&c->pipe);
}

/* Hand over what waits, both ways. True: something did. */
static inline bool client_step(struct world *w, struct client *c)
{
	struct frame f;
	bool moved = false;

	while (c->session && !c->pipe.ends[1].paused && pipe_take(&c->pipe.ends[1], &f) > 0) {
		session_frame(c->session, &f);
		moved = true;
		if (area_turn_due(w->area))
			break;
	}
	while (pipe_take(&c->pipe.ends[0], &f) > 0) {
		uplink_frame(c->up, &f);
		moved = true;
	}
	if (c->session && c->pipe.ends[1].link.ops->queued(&c->pipe.ends[1].link) == 0)
		session_drained(c->session);
	if (c->session && (c->pipe.ends[0].closed || c->pipe.ends[1].closed)) {
		session_lost(c->session);
		c->session = NULL;
	}
	return moved;
}

/* Until nobody has anything to say. */
static inline void world_run(struct world *w)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < w->n_clients; i++)
			if (w->clients[i].up)
				moved = client_step(w, &w->clients[i]) || moved;
		world_must(area_turn(w->area), NULL, "turn");
		for (size_t i = 0; i < w->n_clients; i++)
			if (w->clients[i].up) {
				uplink_wake(w->clients[i].up);
				uplink_turn(w->clients[i].up);
				moved = moved ||
					(w->clients[i].session && /* else nobody takes it */
					 w->clients[i].pipe.ends[0].sent.len >
						 w->clients[i].pipe.ends[0].taken) ||
					w->clients[i].pipe.ends[1].sent.len >
						w->clients[i].pipe.ends[1].taken;
			}
	}
}

/* Connect, run, cut; true if it became quiet. */
static inline bool client_sync(struct world *w, struct client *c)
{
	client_connect(w, c);
	world_run(w);
	bool quiet = uplink_quiet(c->up);
	if (!quiet)
		note("not quiet: %s", uplink_words(c->up));
	client_cut(w, c);
	return quiet;
}

static inline void world_fini(struct world *w)
{
	for (size_t i = 0; i < w->n_clients; i++) {
		client_cut(w, &w->clients[i]);
		copy_close(&w->clients[i].copy);
	}
	area_close(&w->area);
	key_free(&w->key);
}

/* ---- Short ways to make and change records -------------------------------------------------- */

static inline void put_text(struct draft *d, uint32_t field, const char *text)
{
	struct buf b = {0};
	if (text)
		field_add_text(&b, field, text);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static inline void put_number(struct draft *d, uint32_t field, uint64_t v)
{
	struct buf b = {0};
	field_add_number(&b, field, v);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static inline void put_id(struct draft *d, uint32_t field, const struct id *id)
{
	struct buf b = {0};
	field_add_bytes(&b, field, ID_BYTES(id));
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static inline struct bytes member_id(struct buf *b, uint32_t field, const struct id *id)
{
	buf_reset(b);
	field_add_bytes(b, field, ID_BYTES(id));
	return buf_bytes(b);
}

enum {
	ACTION_REF = 2,
	ACTION_TEXT = 3,
	ACTION_RESPONSIBLE = 4,
	ACTION_DETAILS = 18,
	ACTION_STATUS = 20
};

/* An edit of an action that sets no field: 0 and 1 withdraw it and bring it back, 2 and 3 add and
 * take one who is responsible. False: `kind` is another. */
static inline bool edit_no_field(struct draft *d, unsigned kind, const struct id *member)
{
	struct buf m = {0};

	if (kind == 0) {
		draft_withdraw(d);
		draft_agreed(d);
	} else if (kind == 1) {
		draft_bring_back(d);
	} else if (kind == 2) {
		draft_add(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, member));
	} else if (kind == 3) {
		draft_take(d, ACTION_RESPONSIBLE, member_id(&m, ACTION_RESPONSIBLE, member));
	}
	buf_fini(&m);
	return kind < 4;
}

/* A new action with a text; its id. */
static inline struct id make_action(struct client *c, const struct id *space, const char *text)
{
	struct id id = id_make(copy_env(c->copy)), change;
	struct draft *d = draft_new(c->copy, space);
	struct cause cause = {""};

	draft_create(d, TYPE_ACTION, &id);
	put_text(d, ACTION_TEXT, text);
	world_must(draft_save(&d, &change, &cause), &cause, "make action");
	return id;
}

/* Set one text field of a record as seen (NULL: now). 0 or an error. */
static inline int set_text(struct client *c, const struct id *space, const struct id *record,
			   uint32_t field, const char *text, const struct seen *seen,
			   struct id *change, struct cause *cause)
{
	struct draft *d = draft_new(c->copy, space);
	struct id made;
	int err = draft_edit(d, record, seen, cause);

	if (err < 0) {
		draft_free(&d);
		return err;
	}
	put_text(d, field, text);
	return draft_save(&d, change ? change : &made, cause);
}

/* The text of a field, from the typed table's record; "" if there is none. In a static buffer. */
static inline const char *text_of_field(struct client *c, const struct id *record, enum view view,
					uint32_t field)
{
	static char text[512];
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	text[0] = '\0';
	if (copy_record(c->copy, record, view, &arena, &r, NULL) == 0) {
		struct bytes b = value_bytes(record_get(&r, field));
		snprintf(text, sizeof(text), "%.*s", (int)b.len,
			 b.data ? (const char *)b.data : "");
	}
	arena_fini(&arena);
	return text;
}

static inline bool same_digest(struct copy *a, struct copy *b, const struct id *space)
{
	uint8_t one[SHA256_LEN], two[SHA256_LEN];
	return copy_digest(a, space, one) == 0 && copy_digest(b, space, two) == 0 &&
	       memcmp(one, two, SHA256_LEN) == 0;
}

/* One number from a query without parameters. */
static inline int64_t ask_number(struct client *c, const char *sql)
{
	struct db_stmt *st = db_query_text(copy_db(c->copy), sql, NULL);
	int64_t v = st && db_step(st) == 1 ? db_int(st, 0) : -1;
	if (st && v != -1)
		db_reset(st);
	return v;
}

static inline int64_t count_pending(struct client *c, int64_t *refused)
{
	int64_t unsent = -1, conflicts;
	if (copy_counts(c->copy, &unsent, refused, &conflicts) < 0)
		return -1;
	return unsent;
}

static inline int64_t count_conflicts(struct client *c)
{
	int64_t unsent, refused, conflicts = -1;
	copy_counts(c->copy, &unsent, &refused, &conflicts);
	return conflicts;
}

static inline void fault_note(void *arg, const char *words)
{
	(void)arg;
	note("fault: %s", words);
}

/* All checks hold, tables follow from the journal. */
static inline bool is_sound(struct client *c)
{
	return copy_check(c->copy, fault_note, NULL) == 0;
}

/* A second person with a role at the school, entered by the first client; synced. */
static inline struct id world_person(struct world *w, struct client *admin, const char *name,
				     uint64_t role)
{
	struct id person = id_make(&w->env), appointment = id_make(&w->env), change;
	struct draft *d = draft_new(admin->copy, &w->directory);
	struct cause cause = {""};

	draft_create(d, TYPE_PERSON, &person);
	put_text(d, 1, name);
	put_number(d, 5, 2); /* standing: active */
	draft_create(d, TYPE_APPOINTMENT, &appointment);
	put_id(d, 1, &person);
	put_number(d, 2, role);
	put_id(d, 3, &w->school);
	world_must(draft_save(&d, &change, &cause), &cause, "person");
	if (!client_sync(w, admin) || count_pending(admin, &(int64_t){0}) != 0)
		world_must(ERR_INVALID, NULL, "the person was not taken");
	return person;
}

#endif
