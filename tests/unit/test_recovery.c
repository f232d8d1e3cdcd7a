/*
 * A server that was set back, whether anybody was told or not: what the copies hold comes back as
 * it was, what was done beside it is entered again, nobody's change is lost or doubled, and what
 * this server has not signed is not taken.
 */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/unit/setback.h"

static struct client *join(struct world *w)
{
	struct client *c = world_join(w, &w->person, &w->school);
	ok(client_sync(w, c), "a computer joins and syncs");
	return c;
}

/* All are equal to each other and to the server, and sound. */
static bool all_equal(struct world *w, const struct id *space)
{
	bool good = server_is_sound(w);
	for (size_t i = 0; i < w->n_clients; i++) {
		good = good && same_as_server(w, &w->clients[i], space);
		good = good && is_sound(&w->clients[i]);
		good = good && count_pending(&w->clients[i], &(int64_t){0}) == 0;
	}
	return good;
}

static void make_many(struct client *c, const struct id *space, const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *words = mem_format("%s %u", text, i);
		make_action(c, space, words);
		free(words);
	}
}

/* ---- Only the copies are ahead -------------------------------------------------------------- */

static void test_ahead(void)
{
	struct world w;

	world_init(&w, "ahead");
	struct client *a = join(&w), *b = join(&w);
	make_many(a, &w.partnership, "before", 3);
	ok(client_sync(&w, a) && client_sync(&w, b), "both hold three");
	world_save(&w, "yesterday");
	make_many(a, &w.partnership, "after", 50);
	ok(client_sync(&w, a), "fifty more");
	uint64_t number = place_of(a, &w.partnership).number;
	uint8_t before[SHA256_LEN], after[SHA256_LEN];
	copy_digest(a->copy, &w.partnership, before);
	world_set_back(&w, "yesterday");
	client_connect(&w, b);
	world_run(&w);
	ok(uplink_quiet(b->up), "one that knows no more than the server is served");
	client_connect(&w, a);
	world_run(&w);
	ok(uplink_state(b->up) == UPLINK_ENDED &&
		   uplink_reason(b->up) == WIRE__REASON__RECOVERING,
	   "until one comes that does: it is told to come again");
	note("%s", uplink_words(b->up));
	ok(!uplink_quiet(a->up) && uplink_state(a->up) == UPLINK_OPENING,
	   "who has handed in waits for others to be heard");
	client_cut(&w, a);
	struct client *both[] = {a, b};
	ok(world_sync(&w, both, 2), "then all are served");
	copy_digest(a->copy, &w.partnership, after);
	ok(place_of(a, &w.partnership).number == number && memcmp(before, after, 32) == 0 &&
		   place_of(a, &w.partnership).epoch == 1,
	   "what was taken back is as it was, number by number");
	ok(all_equal(&w, &w.partnership) && all_equal(&w, &w.directory), "all are equal");
	make_many(b, &w.partnership, "later", 2);
	ok(world_sync(&w, both, 2) && world_sync(&w, both, 2) && all_equal(&w, &w.partnership),
	   "and life goes on");
	world_fini(&w);
}

int main(void)
{
	test_ahead();
	return tap_end();
}
