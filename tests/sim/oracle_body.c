/*
 * In the end: what was published can be had, byte for byte, by whoever may read it. Each device fetches what its
 * policies and its person's words want, one of them all that there is, also what it had dropped.
 */
#include "tests/sim/world.h"

#include "client/contents.h"
#include "client/holding.h"

#include <stdlib.h>

static void body_fetched(void *arg, int err, const char *words)
{
	struct device *d = arg;
	if (err && err != ERR_OFFLINE && !d->world->contents_lost)
		world_fail(d->world, "c%u can't fetch a document: %s, %s", d->number, err_words(err), words);
}

/* All versions that it shows and does not have. */
static int want_all(struct device *d)
{
	struct held_version *list = NULL;
	struct buf ids = {0};
	int n = holding_list(d->copy, &list);
	for (int i = 0; i < n; i++)
		if (!list[i].here && !list[i].own)
			buf_add(&ids, &list[i].id, sizeof(list[i].id));
	int err = n < 0 ? n
		  : ids.len ? holding_want(d->copy, (const struct id *)ids.data, ids.len / sizeof(struct id))
			    : 0;
	buf_fini(&ids);
	free(list);
	return err;
}

static bool fetches(const struct device *d)
{
	return d->enrolled && d->copy && !d->revoked && d->uplink && uplink_state(d->uplink) == UPLINK_READY;
}

void oracle_fetch(struct world *w, unsigned greedy)
{
	for (unsigned i = 0; i < w->n_devices && !w->failed; i++) {
		struct device *d = &w->devices[i];
		if (!fetches(d))
			continue;
		view_take(d->old);
		if (i == greedy && want_all(d) < 0)
			world_fail(w, "c%u: what it wants can't be kept", d->number);
		uplink_fetch(d->uplink, true, body_fetched, d);
		if (device_lives(d))
			device_wake(d);
	}
	if (!w->failed && !world_settle(w, 300000000))
		world_fail(w, "documents are fetched, and it does not become quiet");
}

void oracle_bodies(struct device *d, bool greedy)
{
	struct world *w = d->world;
	struct held_version *list = NULL;
	struct cause cause = {""};
	view_take(d->old);
	int n = holding_list(d->copy, &list);
	if (n < 0)
		world_fail(w, "c%u: what it holds can't be listed", d->number);
	for (int i = 0; i < n && !w->failed; i++) {
		const struct held_version *v = &list[i];
		if (v->here && contents_verify(d->copy, &v->content, &cause) < 0)
			world_fail(w, "c%u holds a document, and its bytes are not what they should be: %s",
				   d->number, cause.words);
		else if (!v->here && !v->own && (v->wanted || greedy) && fetches(d) && !w->contents_lost)
			world_fail(w, "c%u may read a document, wants its bytes, and does not get them",
				   d->number);
	}
	free(list);
}
