/*
 * A world whose server can be set back: its files are put aside, and put in their place again
 * later. And copies that can be cloned. For the tests of recovery.
 */
#ifndef FIVEPITS_SETBACK_H
#define FIVEPITS_SETBACK_H

#include "tests/unit/world.h"

#include <stdarg.h>

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (system(line) != 0)
		world_must(ERR_IO, NULL, line);
}

static inline void world_close(struct world *w)
{
	for (size_t i = 0; i < w->n_clients; i++)
		client_cut(w, &w->clients[i]);
	area_close(&w->area);
}

static inline void world_open(struct world *w)
{
	struct cause cause = {""};
	world_must(area_open(&w->area, &w->options, &cause), &cause, "open again");
}

/* Put the server's files aside under a name. */
static inline void world_save(struct world *w, const char *name)
{
	world_close(w);
	shell("rm -rf %s/%s", w->dir, name);
	shell("mkdir -p %s/%s", w->dir, name);
	shell("cd %s && cp -a area.db* %s/", w->dir, name);
	world_open(w);
}

/* Set the server back to the files that were put aside: nobody is told. */
static inline void world_set_back(struct world *w, const char *name)
{
	world_close(w);
	shell("cd %s && rm -f area.db* && cp -a %s/area.db* .", w->dir, name);
	world_open(w);
}

/* Some are connected: let the recovery's time pass. */
static inline void world_gather(struct world *w)
{
	w->now_ms += 61 * 1000;
	area_tick(w->area);
	world_run(w);
}

/* Connect these copies, one after the other, and go on until each is quiet; those that are told to
 * come again do. False: it does not come to an end. */
static inline bool world_sync(struct world *w, struct client *const *order, size_t n)
{
	for (unsigned round = 0; round < 12; round++) {
		bool quiet = true;
		for (size_t i = 0; i < n; i++) {
			if (order[i]->up && uplink_state(order[i]->up) == UPLINK_ENDED)
				client_cut(w, order[i]);
			if (!order[i]->up) {
				client_connect(w, order[i]);
				world_run(w);
			}
		}
		world_gather(w);
		for (size_t i = 0; i < n; i++) {
			quiet = quiet && uplink_quiet(order[i]->up);
			if (!uplink_quiet(order[i]->up) && round == 11)
				note("not quiet: %s", uplink_words(order[i]->up));
		}
		if (quiet)
			break;
		if (round == 11)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		client_cut(w, order[i]);
	return true;
}

/* A second computer with the same copy: the device's files, copied while nobody has them open. */
static inline struct client *world_clone(struct world *w, struct client *of)
{
	struct client *c = &w->clients[w->n_clients++];
	struct cause cause = {""};

	*c = (struct client){.person = of->person, .device = of->device};
	snprintf(c->home, sizeof(c->home), "%s/home%zu", w->dir, w->n_clients);
	client_cut(w, of);
	copy_close(&of->copy);
	shell("cp -a %s %s", of->home, c->home);
	world_must(copy_open(&of->copy, of->home, NULL, &w->env, &cause), &cause, "open");
	world_must(copy_open(&c->copy, c->home, NULL, &w->env, &cause), &cause, "open clone");
	return c;
}

/* Put a copy's files aside, and set it back to them: as after a crash, or from a backup. */
static inline void client_save(struct world *w, struct client *c)
{
	struct cause cause = {""};
	client_cut(w, c);
	copy_close(&c->copy);
	shell("rm -rf %s.saved && cp -a %s %s.saved", c->home, c->home, c->home);
	world_must(copy_open(&c->copy, c->home, NULL, &w->env, &cause), &cause, "open");
}

static inline void client_set_back(struct world *w, struct client *c)
{
	struct cause cause = {""};
	client_cut(w, c);
	copy_close(&c->copy);
	shell("rm -rf %s && cp -a %s.saved %s", c->home, c->home, c->home);
	world_must(copy_open(&c->copy, c->home, NULL, &w->env, &cause), &cause, "open");
}

/* How often a change is in the journal of a copy. */
static inline int64_t times_in(struct client *c, const struct id *change)
{
	struct db_stmt *st = db_query_text(copy_db(c->copy),
					   "SELECT count(*) FROM entry_change WHERE change = ?1",
					   NULL);
	int64_t n = -1;
	db_bind_bytes(st, 1, ID_BYTES(change));
	if (db_step(st) == 1) {
		n = db_int(st, 0);
		db_reset(st);
	}
	return n;
}

/* Where a space stands in a copy. */
static inline struct held place_of(struct client *c, const struct id *space)
{
	struct held *spaces, out = {.number = 0};
	int n = copy_spaces(c->copy, &spaces);
	for (int i = 0; i < n; i++)
		if (id_equal(&spaces[i].id, space))
			out = spaces[i];
	free(spaces);
	return out;
}

static inline void server_digest_row(void *arg, const char *name, const struct id *space,
				     uint64_t number, const uint8_t digest[32])
{
	struct {
		struct id space;
		uint8_t digest[32];
		uint64_t number;
	} *want = arg;
	(void)name;
	if (!space || !id_equal(space, &want->space))
		return;
	memcpy(want->digest, digest, 32);
	want->number = number;
}

/* Does this copy have of a space exactly what the server has? */
static inline bool same_as_server(struct world *w, struct client *c, const struct id *space)
{
	struct {
		struct id space;
		uint8_t digest[32];
		uint64_t number;
	} want = {.space = *space};
	uint8_t own[SHA256_LEN];
	area_digest(w->area, server_digest_row, &want);
	return copy_digest(c->copy, space, own) == 0 && memcmp(own, want.digest, 32) == 0 &&
	       place_of(c, space).number == want.number;
}

/* The server's own check finds nothing. */
static inline void server_fault(void *arg, const char *words)
{
	note("server: %s", words);
	*(bool *)arg = false;
}

static inline bool server_is_sound(struct world *w)
{
	bool sound = true;
	return area_check(w->area, server_fault, &sound) == 0 && sound;
}

#endif
