/*
 * What this computer holds of documents' bytes: `fetch` brings them, keeps them or drops them,
 * `policy` says what comes by itself.
 */
#include "client/cmd.h"

#include "client/holding.h"
#include "client/paper.h"
#include "client/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- fetch ---------------------------------------------------------------------------------- */

struct pick {
	struct call *call;
	struct held_version *list;
	int n;
	struct id *documents; /* that were named */
	size_t n_documents;
	struct id *versions; /* likewise */
	size_t n_versions;
	bool all;
};

static int hold_failed(struct call *call, int err)
{
	return cause_set(&call->cause, err, "the copy can't be read or written: %s",
			 err_words(err));
}

static bool hold_has(const struct id *ids, size_t n, const struct id *id)
{
	for (size_t i = 0; i < n; i++)
		if (id_equal(&ids[i], id))
			return true;
	return false;
}

/* Was it named, itself or by its document (then it is the newest one that is meant)? */
static bool hold_is_named(const struct pick *h, const struct held_version *v)
{
	return hold_has(h->versions, h->n_versions, &v->id) ||
	       ((h->all || v->newest) && hold_has(h->documents, h->n_documents, &v->document));
}

/* What was released can be fetched from nowhere. */
static int hold_check_released(struct call *call, const struct target *at)
{
	const struct version *v;
	struct version *list;
	size_t n, apart;

	if (call_option(call, "drop"))
		return 0;
	if (at->type->number == TYPE_VERSION)
		return paper_check_released(&at->now, &call->cause);
	int err = paper_versions(call->copy, &at->id, &call->arena, &list, &n);
	if (err < 0)
		return hold_failed(call, err);
	v = paper_current(&at->now, list, n, &apart);
	if (!v && n > 0)
		v = &list[n - 1];
	return v ? paper_check_released(&v->record, &call->cause) : 0;
}

/* The documents and versions that the command line names. */
static int hold_find(struct pick *h)
{
	struct call *call = h->call;

	h->documents = arena_alloc(&call->arena, (call->n_words + 1) * sizeof(struct id));
	h->versions = arena_alloc(&call->arena, (call->n_words + 1) * sizeof(struct id));
	for (size_t i = 0; i < call->n_words; i++) {
		struct target at;
		int err = cmd_target(call, call->words[i], &at);
		if (err < 0)
			return err;
		if (at.type->number == TYPE_DOCUMENT)
			h->documents[h->n_documents++] = at.id;
		else if (at.type->number == TYPE_VERSION)
			h->versions[h->n_versions++] = at.id;
		else
			return cause_set(&call->cause, ERR_INVALID,
					 "%.120s is no document but a record of type %s",
					 lookup_label(call->copy, &at.id, &call->arena),
					 at.type->name);
		if ((err = hold_check_released(call, &at)) < 0)
			return err;
	}
	return 0;
}

static int hold_words(struct pick *h, enum word word)
{
	struct call *call = h->call;

	if (h->n_versions && word != WORD_NONE)
		return cause_set(&call->cause, ERR_USAGE,
				 "fetch: to keep or drop is for a document, not for one version");
	for (size_t i = 0; i < h->n_documents; i++) {
		int was = holding_word(call->copy, &h->documents[i]), err = was;
		/* To fetch what is kept does not end that. */
		if (was >= 0 && (word != WORD_NONE || was == WORD_DROP))
			err = holding_set_word(call->copy, &h->documents[i], word);
		if (err < 0)
			return hold_failed(call, err);
	}
	return 0;
}

/* To fetch: those named, or what the policies want, or all. */
static int hold_fetch(struct pick *h)
{
	struct call *call = h->call;
	bool named = call->n_words > 0;
	struct buf ids = {0};
	uint64_t bytes = 0;

	for (int i = 0; i < h->n; i++) {
		const struct held_version *v = &h->list[i];
		if (v->here || v->own || !(named ? hold_is_named(h, v) : h->all || v->wanted))
			continue;
		buf_add(&ids, &v->id, sizeof(v->id));
		bytes += v->content.bytes;
	}
	size_t n = ids.len / sizeof(struct id);
	int err = n ? cmd_fetch_many(call, (const struct id *)ids.data, n) : 0;
	buf_fini(&ids);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:I,s:I}", "fetched", (json_int_t)n, "bytes",
						(json_int_t)bytes));
	if (n)
		cmd_say(call, "%s fetched (%s).",
			screen_count(&call->arena, n, "document's file", "documents' files"),
			screen_size(&call->arena, bytes));
	else
		cmd_say(call, "All of that is on this computer already.");
	return 0;
}

static bool hold_drop_named(void *arg, const struct held_version *v)
{
	const struct pick *h = arg;
	return hold_has(h->documents, h->n_documents, &v->document) ||
	       hold_has(h->versions, h->n_versions, &v->id);
}

static bool hold_drop_unwanted(void *arg, const struct held_version *v)
{
	(void)arg;
	return !v->wanted;
}

/* Would a file that is nowhere else go? */
static int hold_check_own(struct pick *h)
{
	struct call *call = h->call;

	for (int i = 0; i < h->n; i++)
		if (h->list[i].own && hold_drop_named(h, &h->list[i]))
			return cause_set(&call->cause, ERR_INVALID,
					 "%.120s is not sent yet: it is on this computer alone",
					 lookup_label(call->copy, &h->list[i].id, &call->arena));
	return 0;
}

static int hold_drop(struct pick *h)
{
	struct call *call = h->call;
	bool named = call->n_words > 0;
	uint64_t before = 0, after = 0;

	for (int i = 0; i < h->n; i++)
		before += h->list[i].here ? h->list[i].content.bytes : 0;
	int err = named ? hold_check_own(h) : 0;
	if (err < 0)
		return err;
	int gone = holding_drop(call->copy, h->list, (size_t)h->n,
				named ? hold_drop_named : hold_drop_unwanted, h);
	if (gone < 0)
		return hold_failed(call, gone);
	free(h->list);
	h->list = NULL;
	h->n = holding_list(call->copy, &h->list);
	for (int i = 0; i < h->n; i++)
		after += h->list[i].here ? h->list[i].content.bytes : 0;
	uint64_t freed = before > after ? before - after : 0;
	if (call->json)
		return cmd_json(call, json_pack("{s:i,s:I}", "dropped", gone, "bytes",
						(json_int_t)freed));
	if (gone)
		cmd_say(call, "%s dropped (%s). 'fivepits get' fetches what you need again.",
			screen_count(&call->arena, (uint64_t)gone, "file", "files"),
			screen_size(&call->arena, freed));
	else
		cmd_say(call, named ? "There is nothing to drop: it is not here, or another "
				      "document holds the same. From now on it comes only when "
				      "you ask for it."
				    : "There is nothing to drop.");
	return 0;
}

static int hold_options(struct call *call)
{
	bool keep = call_option(call, "keep"), drop = call_option(call, "drop");
	uint64_t limit;

	if (cmd_rate(call, &limit) < 0)
		return ERR_USAGE;
	if (keep && drop)
		return cause_set(&call->cause, ERR_USAGE, "fetch: either --keep or --drop");
	if (keep && call->n_words == 0)
		return cause_set(&call->cause, ERR_USAGE, "fetch --keep: which document?");
	if (drop && call_option(call, "all"))
		return cause_set(&call->cause, ERR_USAGE,
				 "fetch --drop takes all versions anyway, without --all");
	return 0;
}

int cmd_hold(struct call *call)
{
	struct pick h = {.call = call, .all = call_option(call, "all") != NULL};
	bool drop = call_option(call, "drop");
	int err = hold_options(call);

	if (err >= 0)
		err = hold_find(&h);
	if (err >= 0)
		err = h.n = holding_list(call->copy, &h.list);
	if (err < 0 && !call->cause.words[0])
		hold_failed(call, err);
	/* What is dropped stays away, what is fetched again may stay. */
	if (err >= 0 && drop)
		err = hold_drop(&h);
	if (err >= 0 && call->n_words)
		err = hold_words(&h, drop			   ? WORD_DROP
				     : call_option(call, "keep") ? WORD_KEEP
								   : WORD_NONE);
	if (err >= 0 && !drop)
		err = hold_fetch(&h);
	free(h.list);
	return err < 0 ? err : 0;
}

/* ---- policy --------------------------------------------------------------------------------- */

static const char *const hold_words_of[] = {"", "all", "newest", "on-demand"};

/* "10 MiB", as it was said. */
static const char *policy_size(struct call *call, uint64_t bytes)
{
	const char *words = screen_size(&call->arena, bytes), *round = strstr(words, ".0 ");

	return round ? arena_format(&call->arena, "%.*s%s", (int)(round - words), words, round + 2)
		     : words;
}

static const char *policy_words(struct call *call, const struct policy *p)
{
	static const char *const words[] = {"", "all versions", "newest", "what you ask for"};
	return p->most && p->hold != HOLD_ON_DEMAND
		       ? arena_format(&call->arena, "%s up to %s", words[p->hold],
				      policy_size(call, p->most))
		       : words[p->hold];
}

/* What `policy` shows: a row for each space, below them the documents that are kept in any case. */
struct policy_view {
	struct call *call;
	struct table *table;
	struct buf kept; /* a line for each */
	json_t *all;
	struct held_version *list;
	int n;
};

/* The documents of a space that were marked to be kept: a line for each, and their ids. */
static json_t *policy_kept(struct policy_view *view, const struct id *space)
{
	struct call *call = view->call;
	struct hashes told = {0};
	json_t *ids = json_array();

	for (int i = 0; i < view->n; i++) {
		const struct held_version *v = &view->list[i];
		uint8_t key[SHA256_LEN];
		hashes_key(&v->document, key);
		if (v->word != WORD_KEEP || !v->newest || !id_equal(&v->space, space) ||
		    hashes_find(&told, key))
			continue;
		hashes_put(&told, key, 1); /* two versions of it may be the newest */
		json_array_append_new(ids, cmd_json_id(&v->document));
		buf_add_text(&view->kept, "  %s  %s%s\n",
			     lookup_short_id(call->copy, &v->document, &call->arena),
			     lookup_label(call->copy, &v->document, &call->arena),
			     v->here ? "" : " (to come)");
	}
	hashes_fini(&told);
	return ids;
}

static int policy_row(struct policy_view *view, const struct id *space)
{
	struct call *call = view->call;
	struct table *table = view->table;
	struct policy p;
	struct holding h;
	int set = policy_of(call->copy, space, &p);
	int err = set < 0 ? set : holding_count(call->copy, space, &h);

	if (err < 0)
		return hold_failed(call, err);
	table_words(table, "%s", lookup_space_name(call->copy, space, &call->arena));
	table_words(table, "%s", policy_words(call, &p));
	table_words(table, "%" PRIu64 " of %" PRIu64, h.here, h.documents);
	table_words(table, "%s", screen_size(&call->arena, h.bytes_here));
	table_words(table, "%s", h.wanted ? screen_size(&call->arena, h.bytes_wanted) : "-");
	table_words(table, "%s", h.others ? screen_size(&call->arena, h.bytes_others) : "-");
	json_array_append_new(
		view->all,
		json_pack("{s:o,s:s,s:s,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:o}", "space",
			  cmd_json_id(space), "name",
			  lookup_space_name(call->copy, space, &call->arena), "holds",
			  hold_words_of[p.hold], "up_to", (json_int_t)p.most, "default", set == 0,
			  "documents", (json_int_t)h.documents, "here", (json_int_t)h.here,
			  "bytes_here", (json_int_t)h.bytes_here, "bytes_to_come",
			  (json_int_t)h.bytes_wanted, "bytes_on_demand",
			  (json_int_t)h.bytes_others, "kept", policy_kept(view, space)));
	return 0;
}

static void policy_print(struct policy_view *view)
{
	struct call *call = view->call;
	const uint64_t limit = contents_limit(call->copy);

	table_show(view->table, call->out);
	if (view->kept.len > 0)
		fprintf(call->out,
			"\nKept here whatever that says, until 'fivepits fetch --drop ID':\n%.*s",
			(int)view->kept.len, (const char *)view->kept.data);
	if (limit)
		cmd_say(call, "Documents go and come at %s a second at most.",
			screen_size(&call->arena, limit));
}

static int policy_list(struct call *call, const struct id *only)
{
	static const char *const headings[] = {"Space",	 "Holds",    ">Here",
					       ">Bytes", ">To come", ">On demand"};
	struct policy_view view = {
		.call = call, .table = table_new(6, headings), .all = json_array()};
	struct held *held = NULL;
	int n = copy_spaces(call->copy, &held), err = n;

	table_favour(view.table, 1);
	if (err >= 0)
		err = view.n = holding_list(call->copy, &view.list);
	if (err < 0)
		hold_failed(call, err);
	for (int i = 0; i < n && err >= 0; i++)
		if (held[i].state == HELD_OPEN && (!only || id_equal(only, &held[i].id)))
			err = policy_row(&view, &held[i].id);
	free(held);
	free(view.list);
	if (err >= 0 && call->json)
		err = cmd_json(call, json_incref(view.all));
	else if (err >= 0)
		policy_print(&view);
	table_free(&view.table);
	buf_fini(&view.kept);
	json_decref(view.all);
	return err < 0 ? err : 0;
}

static int policy_read(struct call *call, const char *word, struct policy *p)
{
	const char *most = call_option(call, "up-to");

	for (int i = HOLD_ALL; word && i <= HOLD_ON_DEMAND; i++)
		if (strcmp(word, hold_words_of[i]) == 0)
			*p = (struct policy){.hold = (enum hold)i};
	if (most && strcmp(most, "any") == 0)
		p->most = 0;
	else if (most)
		return size_parse(most, &p->most, &call->cause);
	return 0;
}

/* How fast documents go and come, on this computer, from now on. */
static int policy_limit(struct call *call)
{
	uint64_t limit;
	int err = cmd_rate(call, &limit);

	if (err < 0)
		return err;
	if (call->n_words || call_option(call, "up-to"))
		return cause_set(&call->cause, ERR_USAGE,
				 "policy: --limit-rate is about all spaces: give it alone");
	if (limit == CMD_NO_LIMIT)
		limit = 0;
	if ((err = contents_set_limit(call->copy, limit)) < 0)
		return hold_failed(call, err);
	if (call->json)
		return cmd_json(call, json_pack("{s:I}", "limit_rate", (json_int_t)limit));
	if (limit)
		cmd_say(call, "Documents go and come at %s a second at most from now on.",
			screen_size(&call->arena, limit));
	else
		cmd_say(call,
			"Documents go and come as fast as leaves the line usable from now on.");
	return 0;
}

int cmd_policy(struct call *call)
{
	const char *word = call_word(call, 1);
	struct policy p;
	struct id space;
	int err = 0;

	if (call_option(call, "limit-rate"))
		return policy_limit(call);
	if (call->n_words == 0 && call_option(call, "up-to"))
		return cause_set(&call->cause, ERR_USAGE, "policy: of which space?");
	if (call->n_words == 0)
		return policy_list(call, NULL);
	if ((err = resolve_space(call->copy, call->words[0], &space, &call->cause)) < 0)
		return err;
	if (!word && !call_option(call, "up-to"))
		return policy_list(call, &space);
	if ((err = policy_of(call->copy, &space, &p)) < 0)
		return hold_failed(call, err);
	if ((err = policy_read(call, word, &p)) < 0)
		return err;
	if ((err = policy_set(call->copy, &space, &p)) < 0)
		return hold_failed(call, err);
	if (call->json)
		return policy_list(call, &space);
	cmd_say(call,
		"Of %s this computer holds %s%s from now on. What is here stays until 'fivepits "
		"fetch --drop'.",
		lookup_space_name(call->copy, &space, &call->arena),
		p.hold == HOLD_NEWEST ? "the " : "", policy_words(call, &p));
	return 0;
}
