/*
 * What needs the server: join, sync, serve, and fetching a document.
 */
#include "client/cmd.h"

#include "client/join.h"
#include "client/serve.h"
#include "client/sync.h"

#include <string.h>

/* ---- Errands -------------------------------------------------------------------------------- */

static void sync_progress(void *arg, const struct uplink_progress *p)
{
	uint64_t done = p->sent + p->taken, all = p->to_send + p->to_take;
	/* A document is worth as much as what it weighs in small changes. */
	progress_move(arg, done + p->bytes_done / 1024, all + p->bytes_all / 1024);
}

static int sync_errand(struct call *call, struct errand *errand, const char *label)
{
	struct progress bar;
	progress_begin(&bar, label, call->quiet);
	int err = errand_run(call->copy, errand, sync_progress, &bar, &call->cause);
	progress_end(&bar);
	return err;
}

int cmd_sync_now(struct call *call)
{
	struct errand errand = {.kind = ERRAND_SYNC};
	return sync_errand(call, &errand, "Sending and fetching");
}

int cmd_fetch(struct call *call, const uint8_t sha[SHA256_LEN])
{
	struct errand errand = {.kind = ERRAND_GET};
	memcpy(errand.content, sha, SHA256_LEN);
	return sync_errand(call, &errand, "Fetching");
}

/* ---- sync and serve ------------------------------------------------------------------------- */

int cmd_sync(struct call *call)
{
	int64_t pending, refused, conflicts;
	int err = cmd_sync_now(call);
	if (err >= 0)
		err = copy_counts(call->copy, &pending, &refused, &conflicts);
	if (err < 0)
		return err;
	if (pending > 0)
		cmd_say(call, "%s on this computer: 'fivepits outbox' says for what.",
			screen_count(&call->arena, (uint64_t)pending, "change waits", "changes wait"));
	else
		cmd_say(call, "All sent and fetched.");
	if (refused > 0)
		cmd_say(call, "%s: 'fivepits outbox' says why.",
			screen_count(&call->arena, (uint64_t)refused, "change was refused",
				     "changes were refused"));
	if (conflicts > 0)
		cmd_say(call, "Two versions in %s: 'fivepits conflicts' shows them.",
			screen_count(&call->arena, (uint64_t)conflicts, "place", "places"));
	return 0;
}

int cmd_serve(struct call *call)
{
	return serve_run(call->copy, &call->cause);
}

/* ---- join ----------------------------------------------------------------------------------- */

int cmd_join(struct call *call)
{
	int err = join_run(call->home, call->words[0], call_option(call, "proxy"), call_option(call, "label"),
			   &call->cause);
	if (err < 0)
		return err;
	cmd_say(call, "This computer has joined. 'fivepits sync' fetches what you may read.");
	return 0;
}
