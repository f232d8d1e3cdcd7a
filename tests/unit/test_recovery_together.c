/*
 * Copies that hand in runs of one space at the same time: the server's line changes between what
 * one of them was asked and what it answers.
 */
#include "tests/unit/setback.h"

/* What each copy was asked before any of them had answered is answered in their order; but the
 * last has begun before the first, where it hands in more than a frame. */
static void answer_all(struct world *w, struct client *const *order, size_t n, bool many_frames)
{
	struct frame f;

	for (size_t i = 0; i < n; i++) {
		client_connect(w, order[i]);
		if (pipe_take(&order[i]->pipe.ends[1], &f) > 0)
			session_frame(order[i]->session, &f);
	}
	world_must(area_turn(w->area), NULL, "turn");
	for (size_t i = 0; i < n; i++) {
		while (pipe_take(&order[i]->pipe.ends[0], &f) > 0)
			uplink_frame(order[i]->up, &f);
		uplink_turn(order[i]->up);
	}
	if (many_frames && pipe_take(&order[n - 1]->pipe.ends[1], &f) > 0)
		session_frame(order[n - 1]->session, &f);
	world_run(w);
}

static bool all_equal(struct world *w, struct client *const *c, size_t n)
{
	bool good = server_is_sound(w);

	for (size_t i = 0; i < n; i++)
		good = good && same_as_server(w, c[i], &w->partnership) && is_sound(c[i]) &&
		       count_pending(c[i], &(int64_t){0}) == 0;
	return good;
}

static const char *long_text(void)
{
	static char text[30000];
	memset(text, 'x', sizeof(text) - 1);
	return text;
}

/* The server went on to two of its own, which one copy holds and goes on from; another is longer,
 * and parts from it further down. Both are asked at once. */
static void meet(const char *name, bool longer_first, bool many_frames)
{
	const char *text = many_frames ? long_text() : "lost with the backup";
	struct world w;

	world_init(&w, name);
	struct client *a = world_join(&w, &w.person, &w.school),
		      *b = world_join(&w, &w.person, &w.school);
	struct client *order[] = {longer_first ? a : b, longer_first ? b : a};
	bool good = client_sync(&w, a);
	make_action(a, &w.partnership, "before");
	good = good && client_sync(&w, a) && client_sync(&w, b);
	world_save(&w, "one");
	for (int i = 0; i < 12; i++)
		make_action(a, &w.partnership, text);
	good = good && client_sync(&w, a);
	world_set_back(&w, "one");
	make_action(b, &w.partnership, "beside");
	make_action(b, &w.partnership, "beside, too");
	good = good && client_sync(&w, b);
	world_save(&w, "three");
	for (int i = 0; i < 5; i++)
		make_action(b, &w.partnership, text);
	good = good && client_sync(&w, b);
	world_set_back(&w, "three");
	ok(good && area_recover(w.area) == 0, "%s: a server that is set back twice", name);
	answer_all(&w, order, 2, many_frames);
	world_gather(&w);
	for (size_t i = 0; i < 2; i++)
		ok(uplink_state(order[i]->up) == UPLINK_READY, "copy %zu is served: %s", i,
		   uplink_words(order[i]->up) ? uplink_words(order[i]->up) : "");
	client_cut(&w, a);
	client_cut(&w, b);
	ok(world_sync(&w, order, 2) && world_sync(&w, order, 2) && all_equal(&w, order, 2),
	   "all are equal");
	ok(ask_number(a, "SELECT count(*) FROM action") == 20, "none is lost or doubled");
	world_fini(&w);
}

int main(void)
{
	log_level_set(LOG_ERROR);
	meet("longer-first", true, false);
	meet("longer-last", false, false);
	meet("longer-first-in-frames", true, true);
	meet("longer-last-in-frames", false, true);
	return tap_end();
}
