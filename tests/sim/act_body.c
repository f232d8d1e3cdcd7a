/* What a device holds of documents' bytes: policies, fetching by them, keeping and dropping; and what nothing
 * names is tidied up, on devices and, once days have passed, at the server. */
#include "tests/sim/act.h"

#include "client/contents.h"
#include "client/holding.h"

#include <stdlib.h>

/* Of the versions that a device shows, one whose bytes are here or (`here` false) not. NULL: none is; *list is to be
 * freed by the caller. */
static const struct held_version *pick_version(struct world *w, struct device *d, bool here,
					       struct held_version **list, int *n)
{
	const struct held_version *picked = NULL;
	uint64_t seen = 0;
	*n = holding_list(d->copy, list);
	if (device_lives(d) && *n < 0)
		world_fail(w, "c%u: what it holds can't be listed: %s", d->number, err_words(*n));
	for (int i = 0; i < *n; i++)
		if ((*list)[i].here == here && !(*list)[i].own && dice_below(&w->dice, ++seen) == 0)
			picked = &(*list)[i];
	return picked;
}

/* Of a word that could not be kept: only a full disk is an excuse. */
static bool word_is_kept(struct device *d, int err, const char *what)
{
	if (!device_lives(d))
		return false;
	trace_line(&d->world->trace, "c%u %s%s", d->number, what, err < 0 ? ": no room" : "");
	if (err < 0 && err != ERR_FULL)
		world_fail(d->world, "c%u %s: %s", d->number, what, err_words(err));
	return err >= 0;
}

bool act_policy(struct world *w)
{
	static const uint64_t mosts[] = {0, 1000, POLICY_MOST};
	struct device *d = pick_device(w);
	struct held *held = NULL;
	int n = d ? copy_spaces(d->copy, &held) : 0;
	if (n <= 0)
		return false;
	struct id space = held[dice_below(&w->dice, (uint64_t)n)].id;
	struct policy p = {(enum hold)dice_between(&w->dice, HOLD_ALL, HOLD_ON_DEMAND),
			   mosts[dice_below(&w->dice, 3)]};
	free(held);
	return word_is_kept(d, policy_set(d->copy, &space, &p), "has another policy");
}

static void fetched_all(void *arg, int err, const char *words)
{
	struct device *d = arg;
	trace_line(&d->world->trace, "c%u fetched what it should hold: %s %s", d->number,
		   err ? err_words(err) : "", words);
}

/* As sync and serve do whenever all else is done. */
bool act_fetch(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->uplink || uplink_state(d->uplink) != UPLINK_READY)
		return false;
	uplink_fetch(d->uplink, true, fetched_all, d);
	if (device_lives(d))
		device_wake(d);
	return true;
}

bool act_keep(struct world *w)
{
	struct device *d = pick_device(w);
	struct held_version *list = NULL;
	int n = 0;
	const struct held_version *v = d ? pick_version(w, d, dice_chance(&w->dice, 50), &list, &n) : NULL;
	bool kept = v && word_is_kept(d, holding_set_word(d->copy, &v->document, WORD_KEEP), "keeps a document");
	free(list);
	return kept;
}

struct dropping {
	const struct id *document; /* NULL: all that no policy wants */
};

static bool drop_it(void *arg, const struct held_version *v)
{
	const struct dropping *it = arg;
	return it->document ? id_equal(it->document, &v->document) : !v->wanted;
}

/* What another document names, or is here alone, is here after it as before. */
static void judge_drop(struct device *d, const struct dropping *it, const struct held_version *list, int n)
{
	struct cause cause = {""};
	for (int i = 0; i < n && device_lives(d); i++)
		if (list[i].here && (list[i].own || !drop_it((void *)it, &list[i])) &&
		    contents_verify(d->copy, &list[i].content, &cause) < 0 && device_lives(d))
			world_fail(d->world, "c%u dropped a document, and another went with it: %s", d->number,
				   cause.words);
}

bool act_drop_body(struct world *w)
{
	struct device *d = pick_device(w);
	struct held_version *list = NULL;
	int n = 0;
	const struct held_version *v = d ? pick_version(w, d, true, &list, &n) : NULL;
	struct dropping it = {v && dice_chance(&w->dice, 70) ? &v->document : NULL};
	if (v) {
		int gone = holding_drop(d->copy, list, (size_t)n, drop_it, &it);
		if (word_is_kept(d, gone, it.document ? "drops a document" : "drops what it need not hold") &&
		    it.document && dice_chance(&w->dice, 50))
			word_is_kept(d, holding_set_word(d->copy, it.document, WORD_DROP), "and keeps it away");
		if (device_lives(d))
			judge_drop(d, &it, list, n);
	}
	free(list);
	return v != NULL;
}

bool act_tidy_up(struct world *w)
{
	struct device *d = pick_device(w);
	return d && word_is_kept(d, contents_tidy(d->copy, true), "tidies up what nothing names");
}

/* What was sent and is named by nobody goes after so long; it is looked for at once. */
bool act_days_pass(struct world *w)
{
	w->host.machine.offset_ms += 15ll * 86400000;
	if (!w->host.area)
		return false;
	trace_line(&w->trace, "days pass");
	view_take(false);
	area_tick(w->host.area);
	if (host_lives(w))
		host_plan_turn(w);
	return true;
}
