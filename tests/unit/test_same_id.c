/*
 * One id in two spaces. An id that can be told beforehand may be given to a record of another space
 * by whoever writes there: that takes nothing over and hides nothing where only administrators
 * write.
 */
#include "client/command.h"
#include "tests/unit/world.h"

static int run(struct copy *copy, char **argv, int n)
{
	struct call call = {0};

	world_must(command_parse(&call, n, argv), &call.cause, "parse");
	call.copy = copy;
	call.out = stdout;
	int err = call.command->run(&call);
	if (err < 0)
		note("%s", call.cause.words);
	call.copy = NULL; /* it is closed by who opened it */
	command_fini(&call);
	return err;
}

static int set_limit(struct client *c, char *size)
{
	char *argv[] = {"quota", "--file", size, "--quiet"};
	return run(c->copy, argv, 4);
}

static uint32_t type_of(struct client *c, const struct id *id, struct id *space)
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	uint32_t type = copy_record(c->copy, id, VIEW_SHOWN, &arena, &r, space) == 0 ? r.type : 0;
	arena_fini(&arena);
	return type;
}

/* Somebody gives an action the id of the limit that all schools have, before there is one. */
static void test_limit(struct world *w, struct client *admin, struct client *other)
{
	struct id space, at = id_admin(&w->area_id), change;
	struct id id = id_record(&w->area_id, &at, TYPE_LIMIT, "all");
	struct cause cause = {""};
	int64_t refused;
	struct draft *d = draft_new(other->copy, &w->partnership);

	draft_create(d, TYPE_ACTION, &id);
	put_text(d, ACTION_TEXT, "in its place");
	world_must(draft_save(&d, &change, &cause), &cause, "action");
	client_sync(w, other);
	client_sync(w, admin);
	ok(type_of(admin, &id, &space) == TYPE_ACTION, "an action has the id of a limit to be");
	ok(set_limit(admin, "50M") == 0, "the limit can be set all the same");
	client_sync(w, admin);
	ok(type_of(admin, &id, &space) == TYPE_LIMIT && id_equal(&space, &at),
	   "and is what this id names for an administrator");
	ok(set_limit(admin, "60M") == 0, "and set again");
	client_sync(w, admin);
	client_sync(w, other);
	ok(count_pending(admin, &refused) == 0 && refused == 0 && is_sound(admin),
	   "the server takes it");
	ok(ask_number(other, "SELECT count(*) FROM \"action\" WHERE text = 'in its place'") == 1 &&
		   is_sound(other),
	   "nothing happened to the other record");
}

int main(void)
{
	struct world w;

	world_init(&w, "same");
	struct client *a = world_join(&w, &w.person, &w.school);
	struct client *b = world_join(&w, &w.person, &w.school);
	client_sync(&w, a);
	client_sync(&w, b);
	test_limit(&w, a, b);
	world_fini(&w);
	return tap_end();
}
