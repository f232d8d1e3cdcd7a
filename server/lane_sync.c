/*
 * What came on the lanes is made to last a few MiB at a time, together with the rows that name it:
 * all at once, or beside what still comes, by another hand. While nothing comes, what nothing names
 * is removed.
 */
#include "server/lane_sync.h"

#include "server/lane.h"
#include "server/retention.h"
#include "server/shelf.h"
#include "server/turn.h"

enum due { DUE_NOT, DUE_BESIDE, DUE_NOW };

/* Is something to be made last? Many small ones that come one behind the other are together, for
 * some ms; not all at once, so that others come meanwhile. */
static enum due sync_due(struct area *a)
{
	struct store *store = shelf_store(a->shelf);
	uint64_t now = env_now_ms(a->options.env);

	if (!shelf_is_dirty(a->shelf))
		return DUE_NOT;
	if (now - a->put_ms >= LANE_SYNC_MS || store_found_bad(store))
		return DUE_NOW;
	for (size_t i = 0; i < a->n_sessions; i++)
		if (a->sessions[i]->lost)
			return DUE_NOW;
	size_t whole = lane_count(a, OFFER_WHOLE), open = lane_count(a, OFFER_OPEN);
	if (whole && open < LANE_MANY)
		return DUE_NOW;
	bool enough = whole >= LANE_WHOLE || (whole && now - a->put_ms >= LANE_WHOLE_MS);
	return enough || store_unsynced(store) >= LANE_SYNC ? DUE_BESIDE : DUE_NOT;
}

/* Old versions are released; then what nothing names goes, a little each turn, while nothing is
 * offered or taken back: an offer relies on what it found. */
static int sync_tidy(struct area *a)
{
	int looking = retention_step(a->retention);

	a->lane_busy = a->lane_busy || looking > 0;
	if (looking != 0)
		return looking < 0 ? looking : 0;
	if (!a->tidying || a->recovery.on || lane_count(a, OFFER_OPEN) ||
	    lane_count(a, OFFER_WHOLE) || shelf_is_dirty(a->shelf))
		return 0;
	int more = shelf_tidy(a->shelf);
	a->tidying = more > 0;
	a->lane_busy = a->lane_busy || more > 0;
	return more < 0 ? more : 0;
}

/* The hand has found chunks that were something else. */
static void sync_settle(struct area *a)
{
	struct buf bad = {0};

	store_settle(shelf_store(a->shelf), &bad);
	lane_restart(a, buf_bytes(&bad));
	buf_fini(&bad);
}

/* All that came. */
static int sync_all(struct area *a)
{
	struct cause cause = {{0}};

	if (!store_is_sound(shelf_store(a->shelf)))
		sync_settle(a);
	int err = journal_begin(a->journal);
	if (err == 0)
		err = shelf_sync(a->shelf, &cause);
	if (err < 0)
		return err;
	a->put_ms = 0;
	lane_stored(a, OFFER_CLOSING);
	lane_stored(a, OFFER_WHOLE);
	return 0;
}

/* While more comes the disk works at what came before; where it is slower than the line, the line
 * waits for it. */
static int sync_beside(struct area *a)
{
	struct store *store = shelf_store(a->shelf);

	if (!shelf_sync_begin(a->shelf))
		return store_is_syncing(store) && store_unsynced(store) < LANE_SYNC ? 0
										    : sync_all(a);
	a->put_ms = env_now_ms(a->options.env);
	lane_close_whole(a);
	return 0;
}

static int sync_end(struct area *a)
{
	struct cause cause = {{0}};

	if (!store_sync_is_done(shelf_store(a->shelf)))
		return 0;
	int err = journal_begin(a->journal);
	if (err == 0)
		err = shelf_sync_end(a->shelf, &cause);
	if (err == 0)
		lane_stored(a, OFFER_CLOSING);
	return err;
}

/* When another turn must come, though everybody is silent. */
static uint64_t sync_next_ms(const struct area *a)
{
	if (!shelf_is_dirty(a->shelf))
		return 0;
	if (store_is_syncing(shelf_store(a->shelf)))
		return env_now_ms(a->options.env) + 1;
	return a->put_ms + (lane_count(a, OFFER_WHOLE) ? LANE_WHOLE_MS : LANE_SYNC_MS);
}

int lane_sync_turn(struct area *a)
{
	if (a->full || a->failed)
		return 0;
	int err = sync_tidy(a);
	if (err == 0)
		err = sync_end(a);
	enum due due = err < 0 ? DUE_NOT : sync_due(a);
	if (due != DUE_NOT)
		err = due == DUE_NOW ? sync_all(a) : sync_beside(a);
	a->lane_due_ms = sync_next_ms(a);
	return err;
}
