/*
 * A recovery on a disk that fills: whatever write it stops at, nothing of the run is taken in part, the
 * server goes on, and once there is room all of it comes back.
 */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/unit/setback.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ACTIONS = 12, TEXT = 30000, STEP = 64 * 1024 };

static uint64_t log_size(const struct world *w)
{
	struct stat st;
	char *path = mem_format("%s/area.db-wal", w->dir);
	int err = stat(path, &st);
	free(path);
	return err < 0 ? 0 : (uint64_t)st.st_size;
}

/* Connect while files may grow to `most`. 1: its disk was full; 0: it was not; or an error. */
static int hand_in(struct world *w, struct client *c, uint64_t most)
{
	struct rlimit all, some;
	int full = 0, got = 0;

	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = most;
	client_connect(w, c);
	for (int i = 0; i < 40 && got >= 0; i++) {
		struct frame f;
		setrlimit(RLIMIT_FSIZE, &some);
		while (!full && pipe_take(&c->pipe.ends[1], &f) > 0)
			session_frame(c->session, &f);
		got = area_turn(w->area);
		setrlimit(RLIMIT_FSIZE, &all);
		full |= got;
		client_step(w, c);
		uplink_wake(c->up);
		uplink_turn(c->up);
	}
	client_cut(w, c);
	return got < 0 ? got : full;
}

int main(void)
{
	struct world w;
	char *text = mem_alloc(TEXT + 1);
	unsigned times = 0, most = 0;
	int got = 0;

	log_level_set(LOG_ERROR);
	signal(SIGXFSZ, SIG_IGN);
	memset(text, 'x', TEXT);
	world_init(&w, "full");
	struct client *a = world_join(&w, &w.person, &w.school);
	ok(client_sync(&w, a), "a computer joins");
	world_save(&w, "yesterday");
	for (int i = 0; i < ACTIONS; i++)
		make_action(a, &w.partnership, text);
	ok(client_sync(&w, a), "and hands in what the server is to lose");
	world_set_back(&w, "yesterday");
	for (; got >= 0 && most < 40 && !same_as_server(&w, a, &w.partnership); most++) {
		got = hand_in(&w, a, log_size(&w) + most * (uint64_t)STEP);
		times += got == 1;
	}
	ok(got >= 0, "the server outlives it");
	ok(times > 1 && most < 40, "%u times its disk is full, and then all of it is taken", times);
	struct client *only[] = {a};
	ok(world_sync(&w, only, 1) && server_is_sound(&w) && is_sound(a), "both are sound");
	ok(same_as_server(&w, a, &w.partnership) && same_as_server(&w, a, &w.directory), "and equal");
	world_fini(&w);
	free(text);
	return tap_end();
}
