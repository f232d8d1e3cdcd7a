/* The alphabet: everything that people, machines and lines do, as a table with weights. */
#include "tests/sim/act.h"

static bool act_hostile(struct world *w)
{
	hostile_act(w);
	return true;
}

static struct action {
	const char *name;
	bool (*act)(struct world *w);
	unsigned weight;
} const alphabet[] = {
	{"edit", act_edit, 40},
	{"edit several", act_edit_many, 6},
	{"create", act_create, 14},
	{"create the same", act_create_same, 3},
	{"read", act_read, 8},
	{"save what was read", act_save_read, 10},
	{"withdraw", act_withdraw, 4},
	{"bring back", act_bring_back, 3},
	{"settle", act_settle, 10},
	{"contest", act_contest, 20},
	{"exact", act_exact, 3},
	{"drop", act_drop, 1},
	{"appoint", act_appoint, 3},
	{"end appointment", act_end_appointment, 2},
	{"standing", act_standing, 2},
	{"chair", act_chair, 1},
	{"space", act_space, 3},
	{"new space", act_new_space, 1},
	{"revoke", act_revoke, 1},
	{"enrol", act_enrol, 1},
	{"connect", act_connect, 12},
	{"disconnect", act_disconnect, 8},
	{"cut", act_cut, 5},
	{"dial anew", act_redial, 2},
	{"device ends", act_device_ends, 6},
	{"server ends", act_host_ends, 4},
	{"server restarts", act_host_restarts, 1},
	{"device disk full", act_device_fills, 1},
	{"server disk full", act_host_fills, 1},
	{"clock", act_clock, 2},
	{"server clock", act_server_clock, 1},
	{"index", act_index, 1},
	{"put", act_put, 3},
	{"get", act_get, 3},
	{"rebuild", act_rebuild, 1},
	{"hostile", act_hostile, 4},
};
enum { ACTIONS = sizeof(alphabet) / sizeof(*alphabet) };

/* How often each took place, over all worlds of this process. */
static uint64_t action_counts[ACTIONS];

void actions_counts(void (*row)(void *arg, const char *name, uint64_t n), void *arg)
{
	for (size_t i = 0; i < ACTIONS; i++)
		row(arg, alphabet[i].name, action_counts[i]);
}

static uint64_t gap_us(struct dice *d)
{
	unsigned kind = (unsigned)dice_below(d, 100);
	if (kind < 50)
		return dice_below(d, 50000);
	if (kind < 85)
		return dice_between(d, 100000, 3000000);
	if (kind < 97)
		return dice_between(d, 3000000, 60000000);
	return dice_between(d, 60000000, 1200000000);
}

void actions_run(struct world *w, unsigned n)
{
	uint64_t total = 0;
	for (size_t i = 0; i < ACTIONS; i++)
		total += alphabet[i].weight;
	for (unsigned tries = 0; n > 0 && tries < 4000 && !w->failed; tries++) {
		uint64_t at = dice_below(&w->dice, total);
		size_t i = 0;
		while (at >= alphabet[i].weight)
			at -= alphabet[i++].weight;
		if (!alphabet[i].act(w))
			continue;
		action_counts[i]++;
		n--;
		world_run(w, gap_us(&w->dice));
	}
}
