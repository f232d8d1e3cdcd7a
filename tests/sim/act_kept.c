/* Old versions: one is put on top of others, picked or signed; and the founder says how long they are kept. */
#include "tests/sim/act.h"

#include "client/paper.h"
#include "common/fields.h"
#include "records.pb-c.h"

/* The document's versions that no other stands on; now and then one of them is not seen. */
static void draft_parents(struct world *w, struct draft *draft, const struct version *list, size_t n)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		if (list[i].newest && !dice_chance(&w->dice, 10))
			field_add_bytes(&b, 6, ID_BYTES(&list[i].id));
	if (b.len)
		draft_set(draft, 6, buf_bytes(&b));
	buf_fini(&b);
}

/* A new version with these bytes. */
static bool put_on(struct world *w, struct device *d, const struct id *document, const struct id *space,
		   struct bytes data)
{
	struct id version = id_make(&d->machine.env);
	struct content content;
	struct version *list;
	struct arena arena;
	size_t n = 0;
	if (!file_take_in(d, data, &content))
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	struct draft *draft = draft_new(d->copy, space);
	draft_create(draft, TYPE_VERSION, &version);
	draft_version(draft, document, &content);
	if (paper_versions(d->copy, document, &arena, &list, &n) == 0)
		draft_parents(w, draft, list, n);
	arena_fini(&arena);
	bool saved = device_lives(d) && device_save(d, &draft, "puts a version on top");
	draft_free(&draft);
	if (saved)
		world_know(w, &version, space, TYPE_VERSION, false);
	return saved;
}

/* Of any version that the device shows: its record, in `arena`, space and document. */
static bool find_version(struct world *w, struct device *d, struct arena *arena, struct record *out,
			 struct id *space, struct id *document)
{
	const struct known *k = pick_of_type(w, TYPE_VERSION);
	return k && copy_record(d->copy, &k->id, VIEW_SHOWN, arena, out, space) == 0 && device_lives(d) &&
	       id_from(document, value_bytes(record_get(out, 1)));
}

/* One or a few, each on top of the other. */
bool act_put_on(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record v;
	struct id space, document;
	bool saved = false;
	if (!d)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (find_version(w, d, &arena, &v, &space, &document)) {
		uint64_t n = dice_between(&w->dice, 1, 3);
		saved = true;
		for (uint64_t i = 0; i < n && saved; i++) {
			struct buf b = {0};
			if (w->paper.len && id_equal(&w->paper_space, &space) && dice_chance(&w->dice, 30))
				buf_add_bytes(&b, buf_bytes(&w->paper));
			else
				file_make(w, d, &space, dice_below(&w->dice, 3000), &b);
			saved = put_on(w, d, &document, &space, buf_bytes(&b));
			buf_fini(&b);
		}
	}
	arena_fini(&arena);
	return saved || (device_lives(d) && act_put(w)); /* one for others to stand on */
}

static void days_go_by(void *arg, uint64_t life)
{
	(void)life;
	act_days_pass(arg);
}

/* On the founder's laptop: how many are kept, and for how long, in one space or in all. */
bool act_rule(struct world *w)
{
	static const uint64_t newest[] = {1, 1, 1, 2, 3, 0}, days[] = {1, 1, 10, 20, 0};
	struct device *d = &w->devices[0];
	const struct place *p = &w->places[dice_below(&w->dice, w->n_places)];
	char text[ID_TEXT];
	struct seen seen;
	bool all = dice_chance(&w->dice, 75);
	struct id id = id_record(&w->area, &w->admin, TYPE_RETENTION, all ? "all" : id_format(&p->id, text));
	if (!d->copy)
		return false;
	view_take(d->old);
	struct draft *draft = draft_new(d->copy, &w->admin);
	if (copy_seen(d->copy, &id, &seen) != 0) {
		draft_create(draft, TYPE_RETENTION, &id);
		if (!all)
			draft_id(draft, 1, &p->id);
	} else if (draft_edit(draft, &id, NULL, NULL) < 0) {
		draft_free(&draft);
		return false;
	}
	if (dice_chance(&w->dice, 80))
		draft_number(draft, 2, newest[dice_below(&w->dice, 6)]);
	if (dice_chance(&w->dice, 25))
		draft_number(draft, 3, days[dice_below(&w->dice, 5)]);
	else
		draft_set(draft, 3, BYTES_NONE);
	bool saved = device_lives(d) && device_save(d, &draft, "says how long old versions are kept");
	draft_free(&draft);
	if (saved && dice_chance(&w->dice, 60))
		queue_in(&w->queue, dice_between(&w->dice, 1000000, 200000000), days_go_by, w, 0);
	return saved;
}

bool act_pick(struct world *w)
{
	struct device *d = pick_device(w);
	struct arena arena;
	struct record v;
	struct id space, document;
	bool saved = false;
	if (!d)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (find_version(w, d, &arena, &v, &space, &document)) {
		struct draft *draft = draft_new(d->copy, &space);
		if (draft_edit(draft, &document, NULL, NULL) == 0) {
			draft_id(draft, 6, &v.id);
			saved = device_lives(d) && device_save(d, &draft, "picks a version");
		}
		draft_free(&draft);
	}
	arena_fini(&arena);
	return saved;
}

/* By its id, or by the digest of its bytes. */
bool act_sign(struct world *w)
{
	struct device *d = pick_device(w);
	struct buf b = {0};
	struct arena arena;
	struct record v;
	struct id space, document;
	bool saved = false;
	if (!d)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (find_version(w, d, &arena, &v, &space, &document)) {
		struct id id = id_make(&d->machine.env);
		struct draft *draft = draft_new(d->copy, &space);
		draft_create(draft, TYPE_SIGN_OFF, &id);
		if (dice_chance(&w->dice, 50)) {
			draft_id(draft, 1, &v.id);
		} else {
			field_add_bytes(&b, 2, value_bytes(record_get(&v, 5)));
			draft_set(draft, 2, buf_bytes(&b));
		}
		saved = device_lives(d) && device_save(d, &draft, "signs a version");
		draft_free(&draft);
		if (saved)
			world_know(w, &id, &space, TYPE_SIGN_OFF, false);
	}
	arena_fini(&arena);
	buf_fini(&b);
	return saved;
}
