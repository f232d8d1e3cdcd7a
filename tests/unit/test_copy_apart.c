/*
 * Random work at three copies, apart and together: in the end they hold the same, and what they
 * show follows from what they hold.
 */
#include "tests/unit/world.h"

enum { ROUNDS = 60, SEEDS = 6 };

static struct id records[256];
static size_t n_records;

static void do_something(struct world *w, struct client *c)
{
	static const uint32_t fields[] = {ACTION_TEXT, ACTION_DETAILS, 5, 9, 15};
	struct cause cause;
	char text[32];
	struct id change;

	w->now_ms += 5;
	snprintf(text, sizeof(text), "text %u", world_pick(w, 4));
	if (n_records == 0 || (world_pick(w, 6) == 0 && n_records < 256)) {
		records[n_records++] = make_action(c, &w->partnership, text);
		return;
	}
	const struct id *record = &records[world_pick(w, (unsigned)n_records)];
	const struct id *other = &records[world_pick(w, (unsigned)n_records)];
	if (other == record) /* a record can't refer to itself */
		other = &w->school;
	struct draft *d = draft_new(c->copy, &w->partnership);
	if (draft_edit(d, record, NULL, &cause) < 0) { /* not here yet */
		draft_free(&d);
		return;
	}
	unsigned kind = world_pick(w, 8);
	if (!edit_no_field(d, kind, other))
		put_text(d, fields[world_pick(w, 5)], kind == 4 ? NULL : text);
	int err = draft_save(&d, &change, &cause);
	if (err < 0 && err != ERR_INVALID) /* a withdrawn one must be brought back first */
		world_must(err, &cause, "save");
}

static bool run(uint64_t seed)
{
	static struct world w;
	char name[32];
	int64_t refused = 0;
	bool good = true;

	snprintf(name, sizeof(name), "seed%llu", (unsigned long long)seed);
	world_init(&w, name);
	n_records = 0;
	for (int i = 0; i < 3; i++)
		world_join(&w, &w.person, &w.school);
	w.dice = seed;
	for (size_t i = 0; i < 3; i++)
		client_sync(&w, &w.clients[i]);
	for (int round = 0; round < ROUNDS; round++) {
		struct client *c = &w.clients[world_pick(&w, 3)];
		for (unsigned i = world_pick(&w, 6); i > 0; i--)
			do_something(&w, c);
		if (world_pick(&w, 3) == 0)
			good = client_sync(&w, c) && good;
		if (world_pick(&w, 10) == 0)
			copy_index(c->copy, 0);
		if (world_pick(&w, 15) == 0)
			good = is_sound(c) && good;
	}
	for (size_t i = 0; i < 6; i++)
		good = client_sync(&w, &w.clients[i % 3]) && good;
	for (size_t i = 0; i < 3; i++) {
		good = good && same_digest(w.clients[0].copy, w.clients[i].copy, &w.partnership);
		good = good && count_pending(&w.clients[i], &refused) == 0 && refused == 0;
		good = good && is_sound(&w.clients[i]);
	}
	note("seed %llu: %zu records, %lld conflicts, %lld entries", (unsigned long long)seed,
	     n_records, (long long)count_conflicts(&w.clients[0]),
	     (long long)ask_number(&w.clients[0], "SELECT count(*) FROM entry"));
	world_fini(&w);
	return good;
}

int main(void)
{
	log_level_set(LOG_ERROR);
	const char *one = getenv("SEED");
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		if (!one || strtoull(one, NULL, 10) == seed)
			ok(run(seed),
			   "after random work apart (SEED=%llu) all three agree and are sound",
			   (unsigned long long)seed);
	return tap_end();
}
