/*
 * `outbox`: this device's own changes. What is not sent yet, what was refused or is held and why,
 * and what became of those that the server took.
 */
#include "client/cmd.h"

#include "client/contents.h"

#include <stdlib.h>
#include <string.h>

enum { DECIDED_SHOWN = 10 };

/* ---- What waits ----------------------------------------------------------------------------- */

static const char *outbox_word(enum pending_state state)
{
	switch (state) {
	case PENDING_REFUSED:
		return "refused";
	case PENDING_WAITING:
		return "waits for one that was refused";
	case PENDING_HELD:
		return "held by the server";
	case PENDING_ASKS:
		return "waits for your word: many records would be withdrawn";
	default:
		return "not sent yet";
	}
}

static const char *outbox_json_word(enum pending_state state)
{
	switch (state) {
	case PENDING_REFUSED:
		return "refused";
	case PENDING_WAITING:
		return "waiting";
	case PENDING_HELD:
		return "held";
	case PENDING_ASKS:
		return "asks";
	default:
		return "unsent";
	}
}

/* How far a document is that the change waits for: "sending 42 %", with another verb; else NULL. */
static const char *outbox_sending(struct call *call, const struct pending *p,
				  const struct change *c, const char *verb)
{
	uint64_t sent, all, sent_sum = 0, sum = 0;
	uint8_t root[SHA256_LEN];

	for (size_t i = 0; p->state == PENDING_UNSENT && i < c->n_edits; i++)
		if (change_root(&c->edits[i], root) &&
		    contents_sending(call->copy, root, &sent, &all) > 0) {
			sent_sum += sent;
			sum += all;
		}
	return sum ? arena_format(&call->arena, "%s %u %%", verb,
				  (unsigned)(sent_sum * 100 / sum))
		   : NULL;
}

static int outbox_read(struct call *call, const struct pending *p, struct change *out)
{
	return change_read(out, p->bytes, &call->arena, NULL) < 0
		       ? cause_set(&call->cause, ERR_CORRUPT,
				   "a change in the outbox is damaged; 'fivepits fsck' says more")
		       : 0;
}

static void outbox_print(struct call *call, const struct pending *p, const struct change *c)
{
	const char *sending = outbox_sending(
		call, p, c, contents_paused(call->copy) ? "paused at" : "sending");
	char text[ID_TEXT];

	fprintf(call->out, "%s  %s, made %s, for '%s'\n", id_format(&p->change, text),
		sending ? sending : outbox_word(p->state), screen_instant(&call->arena, c->made_ms),
		lookup_space_name(call->copy, &p->space, &call->arena));
	if (p->words && *p->words)
		fprintf(call->out, "    %s\n",
			screen_line(&call->arena, BYTES(p->words, strlen(p->words))));
	cmd_change_print(call, c, false);
}

static json_t *outbox_json(struct call *call, const struct pending *p, const struct change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", cmd_json_id(&p->change));
	json_object_set_new(o, "space", cmd_json_id(&p->space));
	json_object_set_new(o, "state", json_string(outbox_json_word(p->state)));
	json_object_set_new(o, "words",
			    p->words ? json_text(BYTES(p->words, strlen(p->words))) : json_null());
	const char *sending = outbox_sending(call, p, c, "sending");
	if (sending)
		json_object_set_new(o, "sending", json_string(sending));
	json_object_set_new(o, "made_ms", json_integer((json_int_t)c->made_ms));
	json_object_set_new(o, "records", cmd_change_json(call, c, false));
	return o;
}

/* Each pending change in turn, until `take` returns an error. */
static int outbox_walk(struct call *call,
		       int (*take)(struct call *, const struct pending *, void *), void *arg)
{
	struct pending p = {0};
	int got, err = 0;

	while (err >= 0 && (got = copy_pending_next(call->copy, p.seq, &p)) != 0) {
		if (got < 0)
			return cause_set(&call->cause, got, "the outbox can't be read: %s",
					 err_words(got));
		p.bytes = arena_copy(&call->arena, p.bytes);
		err = take(call, &p, arg);
		free(p.words);
	}
	return err;
}

/* ---- What was decided ----------------------------------------------------------------------- */

struct decided {
	struct call *call;
	json_t *all;
	size_t n;
};

static const char *decided_word(enum verdict v)
{
	return v == VERDICT_CONFLICT ? "two versions"
	       : v == VERDICT_MERGED ? "merged with what others wrote"
				     : "applied";
}

static const char *decided_records(struct call *call, const struct change *c)
{
	struct buf b = {0};

	for (size_t i = 0; i < c->n_edits && i < 3; i++) {
		const struct schema_type *t = schema_type(c->edits[i].type);
		buf_add_text(&b, "%s%s %s", i ? ", " : "", t ? t->name : "record",
			     lookup_label(call->copy, &c->edits[i].record, &call->arena));
	}
	if (c->n_edits > 3)
		buf_add_text(&b, " and %zu more", c->n_edits - 3);
	const char *words = arena_text(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

static void decided_found(void *arg, const struct id *space, const struct past_entry *e)
{
	struct decided *d = arg;
	struct call *call = d->call;
	char text[ID_TEXT];

	if (call->json) {
		json_t *o = json_object();
		json_object_set_new(o, "id", cmd_json_id(&e->header.change));
		json_object_set_new(o, "space", cmd_json_id(space));
		json_object_set_new(o, "state", json_string(verdict_word(e->outcome.verdict)));
		json_object_set_new(o, "words", json_null());
		json_object_set_new(o, "made_ms", json_integer((json_int_t)e->change.made_ms));
		json_object_set_new(o, "number", json_integer((json_int_t)e->header.number));
		json_object_set_new(o, "time_ms", json_integer((json_int_t)e->header.time_ms));
		json_object_set_new(o, "records", cmd_change_json(call, &e->change, false));
		json_array_append_new(d->all, o);
		return;
	}
	if (d->n++ == 0)
		fputs("\nDecided lately:\n", call->out);
	fprintf(call->out, "%s  %s, %s\n    %s\n", id_format(&e->header.change, text),
		decided_word(e->outcome.verdict),
		screen_instant(&call->arena, e->header.time_ms),
		decided_records(call, &e->change));
}

/* ---- The list ------------------------------------------------------------------------------- */

struct listed {
	json_t *all;
	size_t waits, refused, delayed; /* delayed: there is a reason why it is not sent yet */
};

static int outbox_show_one(struct call *call, const struct pending *p, void *arg)
{
	struct listed *l = arg;
	struct change c;
	int err = outbox_read(call, p, &c);

	if (err < 0)
		return err;
	if (call->json)
		json_array_append_new(l->all, outbox_json(call, p, &c));
	else
		outbox_print(call, p, &c);
	l->waits++;
	l->refused += p->state == PENDING_REFUSED;
	l->delayed += p->state == PENDING_UNSENT && p->words && *p->words;
	return 0;
}

static void outbox_hints(struct call *call, const struct listed *l)
{
	if (l->refused > 0)
		cmd_say(call, "\n'fivepits outbox send CHANGE' sends one that was refused again, "
			      "with FIELD=VALUE behind it\nchanged; 'fivepits outbox drop CHANGE' "
			      "gives it up.");
	if (l->delayed > 0)
		cmd_say(call, "\nWhat is not sent yet for a reason goes by itself when that is "
			      "gone; 'fivepits outbox\ndrop CHANGE' gives it up.");
	if (l->waits > 0 && contents_paused(call->copy))
		cmd_say(call, "\nDocuments are paused: 'fivepits outbox resume' sends them.");
	if (l->waits == 0)
		cmd_say(call, "All sent: nothing waits on this computer.");
}

static int outbox_most(struct call *call, size_t *most)
{
	const char *word = call_option(call, "most");
	char *end = NULL;

	*most = word ? strtoul(word, &end, 10) : DECIDED_SHOWN;
	if (word && (*word < '0' || *word > '9' || *end || *most > 10000))
		return cause_set(&call->cause, ERR_USAGE,
				 "outbox: '%.40s' is no number up to 10000",
				 screen_line(&call->arena, BYTES(word, strlen(word))));
	return 0;
}

static int outbox_show(struct call *call)
{
	struct listed l = {.all = json_array()};
	struct decided d = {.call = call, .all = l.all};
	size_t most;
	int err = outbox_most(call, &most);

	db_read_begin(copy_db(call->copy));
	if (err >= 0)
		err = outbox_walk(call, outbox_show_one, &l);
	if (err >= 0 && !call->json)
		outbox_hints(call, &l);
	if (err >= 0 &&
	    (err = copy_own_entries(call->copy, most, &call->arena, decided_found, &d)) < 0)
		cause_set(&call->cause, err, "the journal can't be read: %s", err_words(err));
	db_read_end(copy_db(call->copy));
	if (err >= 0 && call->json)
		return cmd_json(call, l.all);
	json_decref(l.all);
	return err;
}

/* ---- One of them ---------------------------------------------------------------------------- */

struct wanted {
	const char *word;
	struct pending found; /* its words and bytes in call->arena */
	size_t n;
};

static int outbox_match(struct call *call, const struct pending *p, void *arg)
{
	struct wanted *w = arg;

	if (!cmd_id_starts(&p->change, w->word))
		return 0;
	w->found = *p;
	if (p->words)
		w->found.words = arena_text(&call->arena, BYTES(p->words, strlen(p->words)));
	w->n++;
	return 0;
}

static int outbox_find(struct call *call, struct wanted *w)
{
	w->word = call_word(call, 1);
	if (!w->word || !*w->word)
		return cause_set(&call->cause, ERR_USAGE, "outbox: CHANGE is missing");
	int err = outbox_walk(call, outbox_match, w);
	if (err < 0)
		return err;
	if (w->n != 1)
		return cause_set(&call->cause, w->n ? ERR_AMBIGUOUS : ERR_MISSING,
				 w->n ? "'%.40s' could be several changes; write more of it"
				      : "there is no change '%.40s' in the outbox",
				 screen_line(&call->arena, BYTES(w->word, strlen(w->word))));
	return 0;
}

static int outbox_show_found(struct call *call, const struct pending *p)
{
	struct change c;
	int err = outbox_read(call, p, &c);

	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, outbox_json(call, p, &c));
	outbox_print(call, p, &c);
	return 0;
}

/* ---- Sending again -------------------------------------------------------------------------- */

struct amending {
	struct call *call;
	struct record now; /* as the change would leave it */
	struct assignment *assignments;
	size_t n;
};

static int outbox_amend(void *arg, struct draft *d, const struct change *c, struct cause *cause)
{
	struct amending *a = arg;
	(void)c;
	return resolve_assign(d, &a->now, a->assignments, a->n, &a->call->arena, cause);
}

/* The words FIELD=VALUE behind CHANGE: of the one record that it edits. */
static int outbox_read_words(struct call *call, const struct pending *p, struct amending *a)
{
	const struct schema_type *t;
	struct change c;
	int err = outbox_read(call, p, &c);

	if (err < 0)
		return err;
	t = schema_type(c.edits[0].type);
	if (c.n_edits != 1 || !t)
		return cause_set(&call->cause, ERR_USAGE,
				 "it changes %zu records: drop it, and change them one by one",
				 c.n_edits);
	err = copy_record(call->copy, &c.edits[0].record, VIEW_SHOWN, &call->arena, &a->now, NULL);
	if (err < 0)
		record_init(&a->now, &call->arena, &c.edits[0].record, t->number);
	record_apply(&a->now, &c.edits[0].effect, 0);
	a->assignments = arena_alloc(&call->arena, call->n_words * sizeof(*a->assignments));
	err = 0;
	for (size_t i = 2; err >= 0 && i < call->n_words; i++)
		err = resolve_assignment(call->copy, t, call->words[i], &call->arena,
					 &a->assignments[a->n++], &call->cause);
	return err;
}

static int outbox_send(struct call *call, const struct pending *p)
{
	struct amending a = {.call = call};
	struct id change;
	int err = 0;

	if (p->state == PENDING_HELD)
		return cause_set(&call->cause, ERR_INVALID,
				 "it is with the server already, where somebody decides on it");
	if (call->n_words > 2 && p->state == PENDING_ASKS)
		return cause_set(&call->cause, ERR_USAGE,
				 "it waits for your word only: send it as it is, or drop it");
	if (call->n_words > 2)
		err = outbox_read_words(call, p, &a);
	if (err >= 0)
		err = draft_again(call->copy, &p->change, a.n ? outbox_amend : NULL, &a, &change,
				  &call->cause);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:o}", "change", cmd_json_id(&change)));
	cmd_say(call, id_is_zero(&change)	? "Nothing is left to send: it is so already."
		      : p->state == PENDING_ASKS ? "It will be sent."
						 : "It will be sent again.");
	return 0;
}

static int outbox_drop(struct call *call, const struct pending *p)
{
	int err = copy_pending_drop(call->copy, &p->change, &call->cause);

	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_object());
	cmd_say(call, "Given up.");
	return 0;
}

/* Documents wait, or go again: on this computer, whatever sends them. */
static int outbox_pause(struct call *call, bool pause)
{
	if (call->n_words > 1)
		return cause_set(&call->cause, ERR_USAGE,
				 "outbox: 'pause' and 'resume' are for all documents");
	int err = contents_pause(call->copy, pause);
	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be written: %s",
				 err_words(err));
	if (call->json)
		return cmd_json(call, json_pack("{s:b}", "paused", pause));
	cmd_say(call, pause ? "No documents are sent until 'fivepits outbox resume'; all else goes."
			    : "Documents are sent again, by 'fivepits sync' or 'fivepits serve'.");
	return 0;
}

int cmd_outbox(struct call *call)
{
	struct wanted w = {0};

	if (call->n_words == 0)
		return outbox_show(call);
	if (strcmp(call->words[0], "pause") == 0 || strcmp(call->words[0], "resume") == 0)
		return outbox_pause(call, call->words[0][0] == 'p');
	bool send = strcmp(call->words[0], "send") == 0;
	if (!send && call->n_words > 2)
		return cause_set(&call->cause, ERR_USAGE,
				 "outbox: only 'send' takes FIELD=VALUE behind a change");
	int err = outbox_find(call, &w);
	if (err < 0)
		return err;
	return send					 ? outbox_send(call, &w.found)
	       : strcmp(call->words[0], "drop") == 0 ? outbox_drop(call, &w.found)
						     : outbox_show_found(call, &w.found);
}
