/*
 * Random work at three copies, apart and together, while the server is set back now and then,
 * silently, to any of three earlier states. In the end all hold the same, and each change that was
 * ever made stands in every journal once, or waits refused at its author. Every other seed sets
 * copies back too, or works with a clone: then an author may have forgotten a change, and only
 * agreement is asked for.
 */
#include "tests/unit/setback.h"

enum { ROUNDS = 70, SEEDS = 8, RECORDS = 64, CHANGES = 4096 };

static struct id records[RECORDS], changes[CHANGES];
static size_t n_records, n_changes, n_saved;

static void edit_something(struct world *w, struct client *c)
{
	static const uint32_t fields[] = {ACTION_TEXT, ACTION_DETAILS, 5, 9, 15};
	struct cause cause = {""};
	char text[32];
	struct draft *d = draft_new(c->copy, &w->partnership);

	w->now_ms += 5;
	snprintf(text, sizeof(text), "text %u.", world_pick(w, 4));
	if (n_records == 0 || (world_pick(w, 6) == 0 && n_records < RECORDS)) {
		records[n_records] = id_make(copy_env(c->copy));
		draft_create(d, TYPE_ACTION, &records[n_records++]);
		put_text(d, ACTION_TEXT, text);
	} else if (draft_edit(d, &records[world_pick(w, (unsigned)n_records)], NULL, &cause) < 0) {
		draft_free(&d); /* not here yet */
		return;
	} else if (!edit_no_field(d, world_pick(w, 8), &w->school)) {
		put_text(d, fields[world_pick(w, 5)], world_pick(w, 6) ? text : NULL);
	}
	struct id change;
	int err = draft_save(&d, &change, &cause);
	if (err < 0 && err != ERR_INVALID) /* a withdrawn one must be brought back first */
		world_must(err, &cause, "save");
	if (err == 0 && !id_is_zero(&change) && n_changes < CHANGES)
		changes[n_changes++] = change;
}

static void save_or_set_back(struct world *w, bool save)
{
	char name[16];
	snprintf(name, sizeof(name), "saved%u", save ? world_pick(w, 3) : world_pick(w, (unsigned)n_saved));
	if (save && n_saved < 3)
		snprintf(name, sizeof(name), "saved%zu", n_saved++);
	if (save)
		world_save(w, name);
	else
		world_set_back(w, name);
}

/* Set a copy back to an earlier state of itself. */
static void copy_trouble(struct world *w, struct client *c, bool *saved)
{
	size_t i = (size_t)(c - w->clients);
	if (!saved[i] || world_pick(w, 2))
		client_save(w, c);
	else
		client_set_back(w, c);
	saved[i] = true;
}

/* Each change stands in each journal once, or its author has it refused. */
static bool conserved(struct world *w)
{
	for (size_t k = 0; k < n_changes; k++) {
		int64_t parked = 0, there = 0;
		for (size_t i = 0; i < w->n_clients; i++) {
			struct client *c = &w->clients[i];
			struct db_stmt *st = db_query(
				copy_db(c->copy), "SELECT 1 FROM pending WHERE change = $1", "d",
				&changes[k]);
			there += times_in(c, &changes[k]);
			if (db_step(st) == 1) {
				parked++;
				db_reset(st);
			}
		}
		if (there != (parked ? 0 : (int64_t)w->n_clients) || parked > 1) {
			note("change %zu is in %lld journals, and parked %lld times", k,
			     (long long)there, (long long)parked);
			return false;
		}
	}
	return true;
}

static bool settle_down(struct world *w)
{
	struct client *all[WORLD_CLIENTS];
	bool good = true;

	for (size_t i = 0; i < w->n_clients; i++)
		all[i] = &w->clients[i];
	for (int round = 0; round < 4; round++)
		good = world_sync(w, all, w->n_clients) && good;
	good = server_is_sound(w) && good;
	for (size_t i = 0; i < w->n_clients; i++) {
		good = same_as_server(w, all[i], &w->partnership) && good;
		good = same_as_server(w, all[i], &w->directory) && good;
		good = is_sound(all[i]) && good;
		good = count_pending(all[i], &(int64_t){0}) == 0 && good;
		if (!good)
			note("copy %zu differs: %llu", i,
			     (unsigned long long)place_of(all[i], &w->partnership).number);
	}
	return good;
}

static bool run(uint64_t seed)
{
	static struct world w;
	char name[32];
	bool good = true, harsh = seed % 2 == 0, saved[WORLD_CLIENTS] = {0};
	unsigned set_back = 0;

	snprintf(name, sizeof(name), "seed%llu", (unsigned long long)seed);
	world_init(&w, name);
	n_records = n_changes = n_saved = 0;
	for (int i = 0; i < 3; i++)
		world_join(&w, &w.person, &w.school);
	w.dice = seed;
	for (size_t i = 0; i < 3; i++)
		good = client_sync(&w, &w.clients[i]) && good;
	save_or_set_back(&w, true);
	for (int round = 0; round < ROUNDS; round++) {
		struct client *c = &w.clients[world_pick(&w, (unsigned)w.n_clients)];
		for (unsigned i = world_pick(&w, 5); i > 0; i--)
			edit_something(&w, c);
		if (world_pick(&w, 2) == 0)
			good = world_sync(&w, &c, 1) && good;
		if (world_pick(&w, 8) == 0)
			save_or_set_back(&w, true);
		if (world_pick(&w, 9) == 0) {
			save_or_set_back(&w, false);
			set_back++;
		}
		if (harsh && world_pick(&w, 8) == 0)
			copy_trouble(&w, c, saved);
		if (harsh && w.n_clients < WORLD_CLIENTS && world_pick(&w, 30) == 0)
			world_clone(&w, c);
		if (!good) {
			note("round %d", round);
			break;
		}
	}
	good = good && settle_down(&w) && (harsh || conserved(&w));
	note("seed %llu: %zu changes, %lld conflicts, %lld entries, set back %u times, epoch %llu",
	     (unsigned long long)seed, n_changes, (long long)count_conflicts(&w.clients[0]),
	     (long long)ask_number(&w.clients[0], "SELECT count(*) FROM entry"), set_back,
	     (unsigned long long)place_of(&w.clients[0], &w.partnership).epoch);
	world_fini(&w);
	return good;
}

int main(void)
{
	const char *one = getenv("SEED"), *most = getenv("SEEDS");
	uint64_t seeds = most ? strtoull(most, NULL, 10) : SEEDS;

	if (!getenv("LOUD"))
		log_level_set(LOG_ERROR);
	for (uint64_t seed = 1; seed <= seeds || (one && seed <= strtoull(one, NULL, 10)); seed++)
		if (!one || strtoull(one, NULL, 10) == seed)
			ok(run(seed), "set back again and again (SEED=%llu), all agree in the end",
			   (unsigned long long)seed);
	return tap_end();
}
