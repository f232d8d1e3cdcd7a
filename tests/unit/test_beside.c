/*
 * A command beside a serve: what comes in while the command reads was not seen by anybody, at
 * whichever of its steps it comes.
 */
#include "client/command.h"
#include "client/undo.h"
#include "common/db_inside.h"
#include "tests/unit/world.h"

#include <dlfcn.h>

/* What happens once a database has been looked at so often outside of a transaction that writes. */
static struct {
	struct db *db;
	unsigned looks;
	struct world *world;
	struct client *comes; /* its copy syncs then; NULL: it has */
} beside;

/* Stands before the library's own. */
int sqlite3_step(sqlite3_stmt *st)
{
	static int (*next)(sqlite3_stmt *);
	struct client *c = beside.comes;
	const char *sql = sqlite3_sql(st);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sqlite3_step");
	if (c && sqlite3_db_handle(st) == beside.db->sqlite && !db_in_transaction(beside.db) &&
	    strncmp(sql, "SELECT", 6) == 0 && !strstr(sql, "sqlite_schema") &&
	    beside.looks-- == 0) {
		beside.comes = NULL;
		client_sync(beside.world, c);
	}
	return next(st);
}

/* The command's own look at the copy of `c`, into which something comes after so many looks. */
static struct copy *beside_open(struct world *w, struct client *c, unsigned looks)
{
	struct cause cause = {""};
	struct copy *copy;

	world_must(copy_open(&copy, c->home, NULL, &w->env, &cause), &cause, "open again");
	beside.db = copy_db(copy);
	beside.looks = looks;
	beside.world = w;
	beside.comes = c;
	return copy;
}

/* True: something did come in. */
static bool beside_close(struct copy **copy)
{
	bool came = !beside.comes;

	beside.comes = NULL;
	copy_close(copy);
	return came;
}

static void write_text(struct world *w, struct client *c, const struct id *record, const char *text)
{
	struct cause cause = {""};
	world_must(set_text(c, &w->partnership, record, ACTION_TEXT, text, NULL, NULL, &cause),
		   &cause, "edit");
}

static int run_settle(struct copy *copy, const struct id *record)
{
	char id[ID_TEXT], *argv[] = {"settle", id, "--take", "text=agreed", "--quiet"};
	struct call call = {0};

	id_format(record, id);
	world_must(command_parse(&call, 5, argv), &call.cause, "parse");
	call.copy = copy;
	call.out = stdout;
	int err = call.command->run(&call);
	if (err < 0)
		note("%s", call.cause.words);
	call.copy = NULL; /* it is closed by who opened it */
	command_fini(&call);
	return err;
}

/* A third version comes in while two are settled: it stands as one of two again. */
static bool settle_beside(struct world *w, unsigned looks, bool *good)
{
	struct client *a = &w->clients[0], *b = &w->clients[1], *c = &w->clients[2];
	struct id id = make_action(a, &w->partnership, "as it was");

	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, c);
	write_text(w, a, &id, "of a");
	write_text(w, b, &id, "of b");
	write_text(w, c, &id, "of c");
	client_sync(w, a);
	client_sync(w, b);
	client_sync(w, a);
	client_sync(w, c);
	int64_t open = count_conflicts(a);
	struct copy *copy = beside_open(w, a, looks);
	*good = run_settle(copy, &id) >= 0;
	bool came = beside_close(&copy);
	client_sync(w, a);
	*good = *good && (!came || count_conflicts(a) == open);
	return came;
}

/* Another edit comes in while one is taken back: it stays, or both versions do. */
static bool undo_beside(struct world *w, unsigned looks, bool *good)
{
	struct client *a = &w->clients[0], *b = &w->clients[1];
	struct id id = make_action(a, &w->partnership, "as it was"), change, made;
	struct cause cause = {""};
	struct arena arena;
	struct undo u;

	world_must(set_text(a, &w->partnership, &id, ACTION_TEXT, "of a", NULL, &change, &cause),
		   &cause, "edit");
	client_sync(w, a);
	client_sync(w, b);
	write_text(w, b, &id, "of b");
	client_sync(w, b);
	int64_t open = count_conflicts(a);
	struct copy *copy = beside_open(w, a, looks);
	arena_init(&arena, ARENA_NO_BUDGET);
	int err = undo_init(&u, copy, &change, &arena, &cause);
	if (err == 0)
		err = undo_save(&u, copy, true, &made, &cause);
	arena_fini(&arena);
	bool came = beside_close(&copy);
	client_sync(w, a);
	*good = strcmp(text_of_field(a, &id, VIEW_SHOWN, ACTION_TEXT), "of b") == 0 ||
		count_conflicts(a) == open + 1;
	return came;
}

static void test_at_each_step(struct world *w, const char *what,
			      bool (*play)(struct world *w, unsigned looks, bool *good))
{
	unsigned looks = 0, bad = 0;
	bool good;

	while (play(w, looks, &good)) {
		if (!good)
			note("%s: not after %u looks", what, looks);
		bad += !good;
		looks++;
	}
	ok(bad == 0 && looks > 10, "%s beside what comes in, at each of %u steps", what, looks);
}

int main(void)
{
	struct world w;

	world_init(&w, "beside");
	for (int i = 0; i < 3; i++)
		client_sync(&w, world_join(&w, &w.person, &w.school));
	test_at_each_step(&w, "settle", settle_beside);
	test_at_each_step(&w, "undo", undo_beside);
	world_fini(&w);
	return tap_end();
}
