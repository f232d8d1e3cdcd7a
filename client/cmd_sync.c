/*
 * What needs the server: join, sync, serve, and fetching a document. And doctor, for when it can't
 * be reached.
 */
#include "client/cmd.h"

#include "client/doctor.h"
#include "client/errand.h"
#include "client/holding.h"
#include "client/join.h"
#include "client/meter.h"
#include "client/proxy.h"
#include "client/serve.h"
#include "client/size.h"
#include "client/texts.h"
#include "common/os.h"
#include "common/pace.h"

#include <signal.h>
#include <string.h>

enum { TEXTS_MS = 3000 }; /* for reading what has come, so that it is found */

/* ---- Errands -------------------------------------------------------------------------------- */

/* A bar while there are changes alone, a line with bytes and time left once there are documents. */
struct sync_bar {
	struct call *call;
	struct progress bar;
	struct meter meter;
	bool told; /* that all records are here */
	bool documents;
};

/* A new computer has what it needs to be worked with; what comes now can be waited for or not. */
static void sync_tell_usable(struct sync_bar *b, const struct uplink_progress *p)
{
	struct call *call = b->call;

	b->told = true;
	progress_end(&b->bar);
	if (!call->quiet && !call->json)
		fprintf(stderr,
			"All records are here, and you can work with them. What they were before "
			"comes now, in %s; it may be interrupted.\n",
			screen_count(&call->arena, p->to_fetch - p->fetched, "change", "changes"));
	progress_begin(&b->bar, "Fetching history", call->quiet || call->json);
}

/* Who waits without a bar should know for what. */
static void sync_tell_beside(const struct sync_bar *b)
{
	if (!b->call->json && os_is_terminal(stderr))
		fputs("A running 'fivepits serve' is at it; in another window 'fivepits status' "
		      "says how far it is.\n",
		      stderr);
}

static void sync_progress(void *arg, const struct uplink_progress *p)
{
	struct sync_bar *b = arg;

	if (!p) {
		sync_tell_beside(b);
		return;
	}
	if (p->has_values && p->to_fetch > p->fetched && !b->told)
		sync_tell_usable(b, p);
	if (p->bytes_all == 0) {
		progress_move(&b->bar, p->sent + p->taken + p->fetched,
			      p->to_send + p->to_take + p->to_fetch);
		return;
	}
	if (!b->documents)
		progress_end(&b->bar);
	b->documents = true;
	meter_move(&b->meter, p->bytes_done, p->bytes_all);
}

int cmd_rate(struct call *call, uint64_t *out)
{
	const char *word = call_option(call, "limit-rate");

	*out = 0;
	if (!word)
		return 0;
	if (strcmp(word, "none") == 0) {
		*out = CMD_NO_LIMIT;
		return 0;
	}
	if (size_parse(word, out, NULL) < 0)
		return cause_set(&call->cause, ERR_USAGE,
				 "'%.60s' is no rate; write bytes a second, such as 50k or 1.5M, "
				 "or none",
				 word);
	if (*out < PACE_LIMIT_LEAST)
		return cause_set(&call->cause, ERR_USAGE,
				 "%.60s bytes a second is too slow: 1k is the least; 'fivepits "
				 "outbox pause' has documents wait",
				 word);
	return 0;
}

static int sync_errand(struct call *call, struct errand *errand, const char *label)
{
	struct sync_bar b = {.call = call,
			     .told = errand->kind != ERRAND_SYNC || errand->no_history};

	if (cmd_rate(call, &errand->limit) < 0)
		return ERR_USAGE;
	progress_begin(&b.bar, label, call->quiet || call->json);
	meter_begin(&b.meter, label, call->json, call->quiet);
	/* To tell how far it is, what waits is counted. */
	int err = errand_run(call->copy, errand, call->quiet ? NULL : sync_progress, &b,
			     &call->cause);
	progress_end(&b.bar);
	meter_end(&b.meter);
	return err;
}

/* *unfetched: not all documents came, which was told. */
static int sync_now(struct call *call, bool *unfetched)
{
	struct errand errand = {.kind = ERRAND_SYNC,
				.no_documents = call_option(call, "no-documents") != NULL,
				.no_history = call_option(call, "no-history") != NULL};
	const char *why = errand.why_unfetched.words;
	int err = sync_errand(call, &errand, "Sending and fetching");
	if (err == 0 && errand.unfetched)
		cmd_say(call, "Not all documents could be fetched (%s): 'fivepits fetch' goes on.",
			screen_line(&call->arena, BYTES(why, strlen(why))));
	*unfetched = errand.unfetched > 0;
	return err;
}

int cmd_sync_now(struct call *call)
{
	bool unfetched;

	return sync_now(call, &unfetched);
}

int cmd_fetch(struct call *call, const struct content *content)
{
	struct errand errand = {.kind = ERRAND_GET, .content = *content};
	return sync_errand(call, &errand, "Fetching");
}

int cmd_fetch_many(struct call *call, const struct id *versions, size_t n)
{
	struct errand errand = {.kind = ERRAND_FETCH};
	int err = holding_want(call->copy, versions, n);

	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be written: %s",
				 err_words(err));
	err = sync_errand(call, &errand, "Fetching");
	/* What came is not asked for any more, and what nobody has would be asked for in vain. */
	int kept = err == ERR_OFFLINE || err == ERR_FULL || err_is_end(err)
			   ? 0
			   : holding_want_none(call->copy);
	return err < 0 ? err : kept;
}

/* ---- sync and serve ------------------------------------------------------------------------- */

/* Changes that would withdraw many records: does the person want them to be sent? */
static int sync_ask(struct call *call, bool *unasked)
{
	struct asking a;
	int err = copy_asking(call->copy, &a);

	*unasked = false;
	if (err < 0 || a.changes == 0)
		return err;
	bool terminal = os_is_terminal(stdin) && os_is_terminal(stderr);
	if (!call_option(call, "yes") &&
	    !(terminal && cmd_agree(arena_format(&call->arena,
						 "%lld records would be withdrawn. Send that too?",
						 (long long)a.records)))) {
		*unasked = true;
		return 0;
	}
	err = copy_agree(call->copy, &call->cause);
	return err < 0 ? err : 0;
}

/* What was not agreed to is left; all else was sent. */
static int sync_unasked(struct call *call)
{
	struct asking a;
	int err = copy_asking(call->copy, &a);

	if (err < 0 || a.changes == 0)
		return err;
	return cause_set(&call->cause, ERR_AUTH,
			 "%lld records would be withdrawn by what waits here, which was not sent: "
			 "'fivepits sync --yes' sends it, 'fivepits outbox' names the changes, "
			 "'fivepits undo' takes them back",
			 (long long)a.records);
}

int cmd_sync(struct call *call)
{
	int64_t pending, refused, conflicts, held, to_decide;
	struct incomplete left;
	struct cause unread = {{0}};
	uint64_t limit;
	bool unasked, unfetched = false;
	int err = cmd_rate(call, &limit);
	if (err >= 0)
		err = sync_ask(call, &unasked);
	if (err >= 0)
		err = sync_now(call, &unfetched);
	if (err >= 0) /* what it could not read is told of by fsck; all is sent and fetched */
		texts_read(call->copy, TEXTS_MS, &unread);
	if (err >= 0 && unasked)
		err = sync_unasked(call);
	if (err >= 0)
		err = copy_counts(call->copy, &pending, &refused, &conflicts);
	if (err >= 0)
		err = copy_held_counts(call->copy, &held, &to_decide);
	if (err >= 0)
		err = copy_incomplete(call->copy, NULL, &left);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(
			call, json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "pending", (json_int_t)pending,
					"refused", (json_int_t)refused, "held", (json_int_t)held,
					"to_decide", (json_int_t)to_decide, "conflicts",
					(json_int_t)conflicts, "history_missing",
					(json_int_t)left.bodies));
	if (pending > 0)
		cmd_say(
		    call, "%s on this computer: 'fivepits outbox' says for what.",
		    screen_count(&call->arena, (uint64_t)pending, "change waits", "changes wait"));
	else
		cmd_say(call, left.bodies || unfetched ? "All sent, and all records fetched."
						       : "All sent and fetched.");
	cmd_history_missing(call, &left);
	if (refused > 0)
		cmd_say(call, "%s: 'fivepits outbox' says why.",
			screen_count(&call->arena, (uint64_t)refused, "change was refused",
				     "changes were refused"));
	if (held > 0)
		cmd_say(call, "%s by the server until somebody has decided: 'fivepits outbox'.",
			screen_count(&call->arena, (uint64_t)held, "change is held",
				     "changes are held"));
	if (to_decide > 0)
		cmd_say(call, "%s for your decision: 'fivepits held' shows what.",
			screen_count(&call->arena, (uint64_t)to_decide, "change waits",
				     "changes wait"));
	if (!lookup_holds_any(call->copy))
		cmd_say(call, "There is nothing here that you may read: your access was suspended "
			      "or has ended. Ask an administrator.");
	if (conflicts > 0)
		cmd_say(call, "Two versions in %s: 'fivepits conflicts' shows them.",
			screen_count(&call->arena, (uint64_t)conflicts, "place", "places"));
	return 0;
}

int cmd_serve(struct call *call)
{
	uint64_t limit;
	int err = cmd_rate(call, &limit);

	return err < 0 ? err : serve_run(call->copy, limit, &call->cause);
}

/* ---- join ----------------------------------------------------------------------------------- */

int cmd_join(struct call *call)
{
	const char *proxy = call_option(call, "proxy");
	struct proxy via;

	if (proxy && proxy_parse(&via, proxy, &call->cause) < 0)
		return ERR_USAGE;
	signal(SIGPIPE, SIG_IGN); /* a line that breaks is no end of the program */
	int err = join_run(call->home, call->words[0], proxy, call_option(call, "label"),
			   &call->cause);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:o}", "home",
						json_text(BYTES(call->home, strlen(call->home)))));
	cmd_say(call, "This computer has joined. 'fivepits sync' fetches what you may read.");
	return 0;
}

/* ---- doctor --------------------------------------------------------------------------------- */

struct doctor {
	struct call *call;
	json_t *all;
};

static void doctor_found(void *arg, enum doctor_state state, const char *check, const char *words)
{
	struct doctor *d = arg;
	struct bytes text = BYTES(words, strlen(words));
	if (d->call->json)
		json_array_append_new(d->all,
				      json_pack("{s:s,s:s,s:o}", "check", check, "state",
						doctor_word(state), "words", json_text(text)));
	else
		fprintf(d->call->out, "%-5s %-12s %s\n", doctor_word(state), check,
			screen_line(&d->call->arena, text));
	fflush(d->call->out); /* a check may take a while: what is known is said */
}

int cmd_doctor(struct call *call)
{
	struct doctor d = {call, json_array()};
	struct cause why = {""};

	signal(SIGPIPE, SIG_IGN);
	int err = copy_open(&call->copy, call->home, NULL, os_env(), &why);
	int bad = doctor_run(call->home, err < 0 ? NULL : call->copy, doctor_found, &d);
	if (call->json)
		err = cmd_json(call, d.all);
	else
		json_decref(d.all);
	if (err_is_end(bad))
		return cause_set(&call->cause, bad, "interrupted");
	if (bad > 0)
		return cause_set(&call->cause, ERR_IO,
				 "%d of these %s this computer from working with its server", bad,
				 bad == 1 ? "keeps" : "keep");
	cmd_say(call, "All is well.");
	return 0;
}
