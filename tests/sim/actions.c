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
	enum leaning kind;
} const alphabet[] = {
	{"edit", act_edit, 40, LEANS_TO_EDITS},
	{"edit several", act_edit_many, 6, LEANS_TO_EDITS},
	{"create", act_create, 14, LEANS_TO_EDITS},
	{"create the same", act_create_same, 3, LEANS_TO_EDITS},
	{"read", act_read, 8, LEANS_TO_EDITS},
	{"save what was read", act_save_read, 10, LEANS_TO_EDITS},
	{"withdraw", act_withdraw, 4, LEANS_TO_EDITS},
	{"bring back", act_bring_back, 3, LEANS_TO_EDITS},
	{"settle", act_settle, 10, LEANS_TO_EDITS},
	{"contest", act_contest, 20, LEANS_TO_EDITS},
	{"exact", act_exact, 3, LEANS_TO_EDITS},
	{"prose", act_prose, 25, LEANS_TO_EDITS},
	{"move", act_move, 4, LEANS_TO_EDITS},
	{"approve", act_approve, 4, LEANS_TO_EDITS},
	{"undo a settling", act_undo_settling, 4, LEANS_TO_EDITS},
	{"withdraw much", act_tidy, 1, LEANS_TO_EDITS},
	{"go away", act_away, 1, LEANS_TO_EDITS},
	{"back up", act_backup, 2, LEANS_TO_FAULTS},
	{"server backs up", act_host_backup, 3, LEANS_TO_FAULTS},
	{"server set back", act_host_set_back, 2, LEANS_TO_FAULTS},
	{"restore", act_restore, 2, LEANS_TO_FAULTS},
	{"clone", act_clone, 1, LEANS_TO_FAULTS},
	{"upgrade", act_upgrade, 3, LEANS_TO_FAULTS},
	{"decide on what is held", act_decide, 25, LEANS_TO_RIGHTS},
	{"drop", act_drop, 1, LEANS_TO_EDITS},
	{"appoint", act_appoint, 3, LEANS_TO_RIGHTS},
	{"end appointment", act_end_appointment, 2, LEANS_TO_RIGHTS},
	{"standing", act_standing, 2, LEANS_TO_RIGHTS},
	{"chair", act_chair, 1, LEANS_TO_RIGHTS},
	{"space", act_space, 3, LEANS_TO_RIGHTS},
	{"new space", act_new_space, 1, LEANS_TO_RIGHTS},
	{"revoke", act_revoke, 1, LEANS_TO_RIGHTS},
	{"enrol", act_enrol, 1, LEANS_TO_RIGHTS},
	{"connect", act_connect, 12, LEANS_TO_FAULTS},
	{"disconnect", act_disconnect, 8, LEANS_TO_FAULTS},
	{"cut", act_cut, 5, LEANS_TO_FAULTS},
	{"dial anew", act_redial, 2, LEANS_TO_FAULTS},
	{"device ends", act_device_ends, 4, LEANS_TO_FAULTS},
	{"server ends", act_host_ends, 3, LEANS_TO_FAULTS},
	{"server restarts", act_host_restarts, 1, LEANS_TO_FAULTS},
	{"device disk full", act_device_fills, 1, LEANS_TO_FAULTS},
	{"server disk full", act_host_fills, 1, LEANS_TO_FAULTS},
	{"clock", act_clock, 2, LEANS_TO_FAULTS},
	{"server clock", act_server_clock, 1, LEANS_TO_FAULTS},
	{"index", act_index, 1, LEANS_TO_FAULTS},
	{"put", act_put, 4, LEANS_TO_EDITS},
	{"put again", act_put_again, 10, LEANS_TO_EDITS},
	{"get", act_get, 3, LEANS_TO_EDITS},
	{"policy", act_policy, 1, LEANS_TO_EDITS},
	{"fetch", act_fetch, 4, LEANS_TO_EDITS},
	{"keep", act_keep, 2, LEANS_TO_EDITS},
	{"drop a body", act_drop_body, 8, LEANS_TO_EDITS},
	{"tidy up", act_tidy_up, 1, LEANS_TO_FAULTS},
	{"days pass", act_days_pass, 2, LEANS_TO_FAULTS},
	{"put on top", act_put_on, 12, LEANS_TO_EDITS},
	{"rule for old versions", act_rule, 3, LEANS_TO_RIGHTS},
	{"pick a version", act_pick, 2, LEANS_TO_EDITS},
	{"sign a version", act_sign, 2, LEANS_TO_EDITS},
	{"rebuild", act_rebuild, 1, LEANS_TO_FAULTS},
	{"hostile", act_hostile, 4, LEANS_TO_RIGHTS},
	{"forged offer", hostile_offer, 3, LEANS_TO_RIGHTS},
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

/* Most worlds have everything in its usual measure; some have more of one kind. */
static uint64_t weight_of(const struct world *w, size_t i)
{
	return alphabet[i].weight * (w->leaning == alphabet[i].kind ? 3u : 1u);
}

/*
 * One thing that happens. Each has dice of its own, so that leaving one out changes the others only by
 * what it did.
 */
static void action_run(struct world *w, unsigned n)
{
	uint64_t total = 0;
	w->dice = dice_fork(w->seed, 100000 + n);
	for (size_t i = 0; i < ACTIONS; i++)
		total += weight_of(w, i);
	for (unsigned tries = 0; tries < 40 && !w->failed; tries++) {
		uint64_t at = dice_below(&w->dice, total);
		size_t i = 0;
		while (at >= weight_of(w, i))
			at -= weight_of(w, i++);
		if (alphabet[i].act(w)) {
			action_counts[i]++;
			return;
		}
	}
}

void actions_run(struct world *w, unsigned n, const bool *left_out)
{
	for (unsigned i = 0; i < n && !w->failed; i++) {
		struct dice gap = dice_fork(w->seed, 200000 + i);
		w->action = i + 1;
		if (w->host.starving && dice_chance(&gap, 8))
			host_has_room(w); /* most full disks are seen to soon */
		if (!left_out || !left_out[i])
			action_run(w, i);
		world_run(w, gap_us(&gap));
	}
	w->action = 0;
}
