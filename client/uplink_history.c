/*
 * The history of a copy that is new: once the values of all spaces are here, the bodies that were
 * left out at first are fetched, the newest first, one Fetch at a time, so that whatever is new
 * comes between. What has come is kept with the batch, and what is still absent is asked for again
 * in the next session: it can end anywhere.
 */
#include "client/uplink_inside.h"

#include "common/log.h"

enum {
	FETCH_MOST = 512,
	PASSES = 2, /* a body that is not as it should be is asked for again */
};

void history_wake(struct uplink *u)
{
	u->history.done = false;
	u->history.again = true;
}

/* There was no more to ask for. */
static void history_passed(struct uplink *u)
{
	struct history *h = &u->history;

	h->done = !h->again && (h->refused == 0 || ++h->passes >= PASSES);
	if (h->done && h->refused)
		log_warn("uplink.history",
			 "bodies=%zu why=\"the server has them not as they were\"", h->refused);
	h->refused = 0;
	h->again = false;
	h->at = (struct absent){0};
}

int history_send(struct uplink *u)
{
	struct history *h = &u->history;
	Wire__Fetch m = WIRE__FETCH__INIT;
	uint64_t numbers[FETCH_MOST];

	while (!u->no_history && !h->done && !h->asked && u->n_targets == 0) {
		int n = copy_absent(u->copy, &h->at, &h->space, numbers, FETCH_MOST);
		if (n < 0)
			return n;
		if (n == 0) {
			history_passed(u);
			continue;
		}
		h->asked = true;
		h->highest = numbers[0];
		h->lowest = numbers[n - 1];
		m.space = PB_ID(&h->space);
		m.numbers = numbers;
		m.n_numbers = (size_t)n;
		link_send(u->link, WIRE__KIND__FETCH, &m.base, BYTES_NONE);
	}
	return 0;
}

/* As many as fit came, in the order asked for: those below the last are asked for next. */
int history_on_bodies(struct uplink *u, const Wire__Bodies *m)
{
	struct history *h = &u->history;
	uint64_t last = m->n_bodies ? m->bodies[m->n_bodies - 1]->number : 0;
	size_t refused;
	int err = copy_bodies(u->copy, m, &refused);

	if (err < 0)
		return err;
	u->batch_entries += m->n_bodies;
	u->progress.fetched += m->n_bodies;
	if (!h->asked || !bytes_equal(BYTES_OF(m->space), ID_BYTES(&h->space)))
		return 0;
	h->asked = false;
	h->refused += refused;
	if (last > h->lowest && last <= h->highest)
		h->at.below += (int64_t)(last - h->lowest);
	return 0;
}

bool history_quiet(const struct uplink *u)
{
	return u->history.done || u->no_history;
}
