/*
 * What this copy is and how it is: status, digest, fsck, rebuild, limits.
 */
#include "client/cmd.h"

#include "client/contents.h"
#include "client/holding.h"
#include "client/paper.h"
#include "client/texts.h"
#include "common/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Spaces --------------------------------------------------------------------------------- */

/* A word without spaces for each space, the same on every copy and on the server: the spaces that
 * every area has by their names, others by their ids. */
static const char *space_word(struct call *call, const struct id *space)
{
	const struct copy_identity *me = copy_identity(call->copy);
	struct id known[] = {id_directory(&me->area), id_partnership(&me->area),
			     id_admin(&me->area), id_personal(&me->area, &me->person)};
	static const char *const words[] = {"directory", "partnership", "admin", "personal"};
	char text[ID_TEXT];
	for (size_t i = 0; i < 4; i++)
		if (id_equal(space, &known[i]))
			return words[i];
	id_format(space, text);
	return arena_text(&call->arena, BYTES(text, strlen(text)));
}

/* The words above in that order, then the ids. */
static int space_rank(const char *word)
{
	return strcmp(word, "directory") == 0	  ? 0
	       : strcmp(word, "partnership") == 0 ? 1
	       : strcmp(word, "admin") == 0	  ? 2
	       : strcmp(word, "personal") == 0	  ? 3
						  : 4;
}

struct space_row {
	struct held held;
	const char *word;
};

static int space_compare(const void *a, const void *b)
{
	const struct space_row *x = a, *y = b;
	int d = space_rank(x->word) - space_rank(y->word);
	return d ? d : strcmp(x->word, y->word);
}

/* The spaces held, in the order in which they are printed, in call->arena. Their number. */
static int space_list(struct call *call, struct space_row **out)
{
	struct held *held = NULL;
	int n = copy_spaces(call->copy, &held), kept = 0;
	if (n < 0)
		return cause_set(&call->cause, n, "the copy can't be read: %s", err_words(n));
	*out = arena_alloc(&call->arena, ((size_t)n + 1) * sizeof(**out));
	for (int i = 0; i < n; i++)
		if (held[i].state == HELD_OPEN)
			(*out)[kept++] = (struct space_row){held[i], space_word(call, &held[i].id)};
	free(held);
	qsort(*out, (size_t)kept, sizeof(**out), space_compare);
	return kept;
}

/* ---- status --------------------------------------------------------------------------------- */

#define TOLD_MS (INT64_C(14) * 24 * 3600 * 1000) /* how long status tells what was done */

struct state {
	int64_t pending, refused, conflicts, held, to_decide, contact_ms, skew_ms;
	struct asking asking;
	struct incomplete left;
	uint64_t sent, to_send; /* bytes of documents on their way */
	uint64_t limit;		/* bytes of them a second; 0: none was set */
	struct holding holding;
	struct ids apart; /* documents whose versions were made apart */
	bool contact_known, skew_known, paused;
	char turned_away[200]; /* the server's words when it would not have this device any more */
	char recovered[400];   /* what was done when the server was set back, lately */
	int64_t recovered_ms;
	struct space_row *spaces;
	int n;
};

static bool state_number(struct call *call, const char *key, int64_t *out)
{
	char text[32];
	copy_meta_get(call->copy, key, text, sizeof(text));
	*out = strtoll(text, NULL, 10);
	return text[0] != '\0';
}

static int state_read(struct call *call, struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->n = space_list(call, &s->spaces);
	if (s->n < 0)
		return s->n;
	s->contact_known = state_number(call, "last_contact", &s->contact_ms) && s->contact_ms > 0;
	s->skew_known = state_number(call, "clock_skew_ms", &s->skew_ms);
	copy_meta_get(call->copy, "turned_away", s->turned_away, sizeof(s->turned_away));
	if (state_number(call, "recovered_ms", &s->recovered_ms) &&
	    (int64_t)env_now_ms(copy_env(call->copy)) - s->recovered_ms < TOLD_MS)
		copy_meta_get(call->copy, "recovered", s->recovered, sizeof(s->recovered));
	s->paused = contents_paused(call->copy);
	s->limit = contents_limit(call->copy);
	int err = copy_counts(call->copy, &s->pending, &s->refused, &s->conflicts);
	if (err >= 0)
		err = copy_asking(call->copy, &s->asking);
	if (err >= 0)
		err = copy_held_counts(call->copy, &s->held, &s->to_decide);
	if (err >= 0)
		err = copy_incomplete(call->copy, NULL, &s->left);
	if (err >= 0)
		err = contents_sending(call->copy, NULL, &s->sent, &s->to_send);
	if (err >= 0)
		err = holding_count(call->copy, NULL, &s->holding);
	if (err >= 0)
		err = papers_apart(call->copy, &call->arena, &s->apart);
	return err < 0 ? cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err))
		       : 0;
}

static int status_json(struct call *call, const struct state *s)
{
	const struct copy_identity *me = copy_identity(call->copy);
	json_t *o = json_object(), *spaces = json_array();

	for (int i = 0; i < s->n; i++) {
		const struct held *h = &s->spaces[i].held;
		json_t *space = json_object();
		json_object_set_new(space, "id", cmd_json_id(&h->id));
		json_object_set_new(
		    space, "name",
		    json_string(lookup_space_name(call->copy, &h->id, &call->arena)));
		json_object_set_new(space, "epoch", json_integer((json_int_t)h->epoch));
		json_object_set_new(space, "number", json_integer((json_int_t)h->number));
		json_object_set_new(space, "chain", cmd_json_hex(BYTES(h->chain, SHA256_LEN)));
		json_array_append_new(spaces, space);
	}
	json_object_set_new(o, "device", cmd_json_id(&me->device));
	json_object_set_new(o, "person", cmd_json_id(&me->person));
	json_object_set_new(o, "area", cmd_json_id(&me->area));
	json_object_set_new(o, "epoch",
			    json_integer(s->n > 0 ? (json_int_t)s->spaces[0].held.epoch : 0));
	json_object_set_new(o, "spaces", spaces);
	json_object_set_new(o, "pending", json_integer(s->pending));
	json_object_set_new(o, "asking", json_integer(s->asking.changes));
	json_object_set_new(o, "documents_bytes", json_integer((json_int_t)s->to_send));
	json_object_set_new(o, "documents_sent_bytes", json_integer((json_int_t)s->sent));
	json_object_set_new(o, "documents_paused", json_boolean(s->paused));
	json_object_set_new(o, "limit_rate", json_integer((json_int_t)s->limit));
	json_object_set_new(o, "documents", json_integer((json_int_t)s->holding.documents));
	json_object_set_new(o, "documents_apart", json_integer((json_int_t)s->apart.n));
	json_object_set_new(o, "documents_here", json_integer((json_int_t)s->holding.here));
	json_object_set_new(o, "documents_here_bytes",
			    json_integer((json_int_t)s->holding.bytes_here));
	json_object_set_new(o, "documents_to_come_bytes",
			    json_integer((json_int_t)s->holding.bytes_wanted));
	json_object_set_new(o, "refused", json_integer(s->refused));
	json_object_set_new(o, "held", json_integer(s->held));
	json_object_set_new(o, "to_decide", json_integer(s->to_decide));
	json_object_set_new(o, "conflicts", json_integer(s->conflicts));
	json_object_set_new(o, "history_missing", json_integer(s->left.bodies));
	json_object_set_new(o, "incomplete", json_integer(s->left.spaces));
	json_object_set_new(o, "last_contact",
			    s->contact_known ? json_integer(s->contact_ms) : json_null());
	json_object_set_new(o, "clock_skew_ms",
			    s->skew_known ? json_integer(s->skew_ms) : json_null());
	json_object_set_new(o, "turned_away",
			    s->turned_away[0]
				    ? json_text(BYTES(s->turned_away, strlen(s->turned_away)))
				    : json_null());
	json_object_set_new(o, "recovered",
			    s->recovered[0] ? json_string(s->recovered) : json_null());
	return cmd_json(call, o);
}

void cmd_history_missing(struct call *call, const struct incomplete *left)
{
	if (left->bodies > 0)
		cmd_say(call,
			"What records were before %s is not fetched yet: 'fivepits sync' goes on.",
			screen_count(&call->arena, (uint64_t)left->bodies, "change",
				     "changes"));
}

/* How far the clock is off, in the largest unit that says it well. */
static void status_skew(struct call *call, int64_t skew_ms)
{
	const uint64_t minutes = (uint64_t)llabs(skew_ms) / 60000;
	const uint64_t hours = minutes / 60;
	const char *much = hours < 3	? screen_count(&call->arena, minutes, "minute", "minutes")
			   : hours < 72 ? screen_count(&call->arena, hours, "hour", "hours")
					: screen_count(&call->arena, hours / 24, "day", "days");

	fprintf(call->out, "This computer's clock is %s %s.\n", much,
		skew_ms > 0 ? "slow" : "fast");
}

static void status_say_sending(struct call *call, const struct state *s)
{
	FILE *out = call->out;

	if (s->to_send > 0)
		fprintf(out, "%s: %u %% of %s%s.\n",
			s->paused ? "Sending documents is paused" : "Sending documents",
			(unsigned)(s->sent * 100 / s->to_send),
			screen_size(&call->arena, s->to_send),
			s->paused ? "; 'fivepits outbox resume' goes on" : "");
	else if (s->paused)
		fputs("Sending documents is paused; 'fivepits outbox resume' goes on.\n", out);
	if (s->limit > 0)
		fprintf(out,
			"Documents go and come at %s a second at most; 'fivepits policy "
			"--limit-rate none' ends that.\n",
			screen_size(&call->arena, s->limit));
}

/* The line that a person wants to see: what waits, and since when. */
static void status_say_sync(struct call *call, const struct state *s)
{
	FILE *out = call->out;
	if (s->pending > 0)
		fprintf(out, "%s on this computer.",
			screen_count(&call->arena, (uint64_t)s->pending, "change waits",
				     "changes wait"));
	else
		fputs("All sent.", out);
	if (s->contact_known)
		fprintf(out, " Last contact with the server: %s.\n",
			screen_instant(&call->arena, (uint64_t)s->contact_ms));
	else
		fputs(" No contact with the server yet.\n", out);
	if (s->left.spaces > 0)
		fputs("Not all records are here yet, and some may not be as they stand: 'fivepits "
		      "sync' fetches the rest.\n",
		      out);
	cmd_history_missing(call, &s->left);
	if (s->turned_away[0])
		fprintf(out,
			"The server has turned this computer away: %s. What you write stays here; "
			"ask an administrator.\n",
			screen_line(&call->arena, BYTES(s->turned_away, strlen(s->turned_away))));
	if (s->recovered[0])
		fprintf(out, "On %s %s.\n", screen_instant(&call->arena, (uint64_t)s->recovered_ms),
			s->recovered);
	if (s->asking.changes > 0)
		fprintf(out,
			"%s would be withdrawn: that is not sent before you say so, with 'fivepits "
			"sync --yes'.\n",
			screen_count(&call->arena, (uint64_t)s->asking.records, "record",
				     "records"));
	status_say_sending(call, s);
	if (s->refused > 0)
		fprintf(out, "%s: 'fivepits outbox' says why.\n",
			screen_count(&call->arena, (uint64_t)s->refused, "change was refused",
				     "changes were refused"));
	if (s->held > 0)
		fprintf(out, "%s by the server: 'fivepits outbox' says why.\n",
			screen_count(&call->arena, (uint64_t)s->held, "change is held",
				     "changes are held"));
	if (s->to_decide > 0)
		fprintf(out, "%s for your decision: 'fivepits held' shows what.\n",
			screen_count(&call->arena, (uint64_t)s->to_decide, "change waits",
				     "changes wait"));
	if (s->conflicts > 0)
		fprintf(out, "Two versions in %s: 'fivepits conflicts' shows them.\n",
			screen_count(&call->arena, (uint64_t)s->conflicts, "place", "places"));
	if (s->skew_known && llabs(s->skew_ms) > 120000)
		status_skew(call, s->skew_ms);
}

/* How many documents are here, and what of the others comes by itself. */
static void status_say_documents(struct call *call, const struct holding *h)
{
	if (h->documents == 0)
		return;
	fprintf(call->out, "Documents: %" PRIu64 " of %" PRIu64 " on this computer (%s)", h->here,
		h->documents, screen_size(&call->arena, h->bytes_here));
	if (h->wanted)
		fprintf(call->out, "; %s to come", screen_size(&call->arena, h->bytes_wanted));
	if (h->others)
		fprintf(call->out, "; %s when you ask, with 'fivepits get' or 'fetch'",
			screen_size(&call->arena, h->bytes_others));
	fputs(".\n", call->out);
}

int cmd_status(struct call *call)
{
	static const char *const headings[] = {"Space", ">Entries", "ID"};
	const struct copy_identity *me = copy_identity(call->copy);
	struct author who = {0};
	struct state s;
	char text[ID_TEXT];
	int err;

	db_read_begin(copy_db(call->copy));
	err = state_read(call, &s);
	if (err < 0 || call->json) {
		err = err < 0 ? err : status_json(call, &s);
		db_read_end(copy_db(call->copy));
		return err;
	}
	lookup_device(call->copy, &me->device, &call->arena, &who);
	fprintf(call->out, "%s%s%s\n", who.person_name, *who.school_name ? ", " : "",
		who.school_name);
	status_say_sync(call, &s);
	status_say_documents(call, &s.holding);
	if (s.apart.n)
		fprintf(call->out, "Versions made apart of %s: 'fivepits conflicts' shows them.\n",
			screen_count(&call->arena, s.apart.n, "document", "documents"));
	struct table *table = table_new(3, headings);
	for (int i = 0; i < s.n; i++) {
		table_words(table, "%s",
			    lookup_space_name(call->copy, &s.spaces[i].held.id, &call->arena));
		table_words(table, "%" PRIu64, s.spaces[i].held.number);
		table_words(table, "%s", id_format(&s.spaces[i].held.id, text));
	}
	db_read_end(copy_db(call->copy));
	if (s.n > 0) {
		fputc('\n', call->out);
		table_show(table, call->out);
	}
	table_free(&table);
	return 0;
}

/* ---- digest --------------------------------------------------------------------------------- */

static void digest_print(struct call *call, json_t *all, const char *word, const struct held *held,
			 const uint8_t digest[SHA256_LEN])
{
	json_t *hex = cmd_json_hex(BYTES(digest, SHA256_LEN)), *o;
	if (!call->json) {
		if (held)
			fprintf(call->out, "%s %" PRIu64 " %s\n", word, held->number,
				json_string_value(hex));
		else
			fprintf(call->out, "%s %s\n", word, json_string_value(hex));
		json_decref(hex);
		return;
	}
	o = json_object();
	json_object_set_new(o, "space", json_string(word));
	if (held) {
		json_object_set_new(o, "id", cmd_json_id(&held->id));
		json_object_set_new(o, "number", json_integer((json_int_t)held->number));
	}
	json_object_set_new(o, "digest", hex);
	json_array_append_new(all, o);
}

int cmd_digest(struct call *call)
{
	struct space_row *spaces;
	uint8_t digest[SHA256_LEN], both[2][SHA256_LEN] = {{0}}, common[SHA256_LEN];
	json_t *all = json_array();
	unsigned found = 0;

	db_read_begin(copy_db(call->copy));
	int n = space_list(call, &spaces), err = n < 0 ? n : 0;
	for (int i = 0; err >= 0 && i < n; i++) {
		int rank = space_rank(spaces[i].word);
		err = copy_digest(call->copy, &spaces[i].held.id, digest);
		if (err < 0) {
			cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
			break;
		}
		if (rank < 2) {
			memcpy(both[rank], digest, SHA256_LEN);
			found++;
		}
		digest_print(call, all, spaces[i].word, &spaces[i].held, digest);
	}
	db_read_end(copy_db(call->copy));
	if (err >= 0 && found < 2)
		err = cause_set(
		    &call->cause, ERR_MISSING,
		    "the directory and the partnership are not both here yet; 'fivepits sync' "
		    "fetches them");
	if (err >= 0) {
		digest_common(both[0], both[1], common);
		digest_print(call, all, "common", NULL, common);
	}
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	return err;
}

/* ---- fsck and rebuild ----------------------------------------------------------------------- */

static void fsck_fault(void *arg, const char *words)
{
	json_array_append_new(arg, json_text(BYTES(words, strlen(words))));
}

static void fsck_print(struct call *call, json_t *faults)
{
	for (size_t i = 0; i < json_array_size(faults); i++) {
		json_t *fault = json_array_get(faults, i);
		struct bytes words = BYTES(json_string_value(fault), json_string_length(fault));
		fprintf(call->out, "%s\n", screen_line(&call->arena, words));
	}
}

int cmd_fsck(struct call *call)
{
	json_t *faults = json_array(), *mended = json_array();
	int n = call_option(call, "repair") ? copy_mend(call->copy, fsck_fault, mended) : 0;

	if (n > 0 && !call->json && !call->quiet)
		fsck_print(call, mended);
	if (n > 0)
		cmd_say(call, "Damaged parts of documents were taken out: 'fivepits get' fetches "
			      "the documents anew.");
	json_decref(mended);
	if (n >= 0)
		n = copy_check(call->copy, fsck_fault, faults);

	if (n >= 0 && call->json)
		cmd_json(call, json_incref(faults));
	else if (n >= 0)
		fsck_print(call, faults);
	json_decref(faults);
	if (n < 0)
		return cause_set(&call->cause, n, "the copy can't be checked: %s", err_words(n));
	if (n > 0)
		return cause_set(
		    &call->cause, ERR_CORRUPT,
		    "%d %s in this copy; 'fivepits fsck --repair' mends documents, 'fivepits "
		    "rebuild' the tables; if neither helps, join anew from an invitation and keep "
		    "this folder",
		    n, n == 1 ? "fault" : "faults");
	struct incomplete left;
	cmd_say(call, "Everything that is kept here is sound.");
	if (copy_incomplete(call->copy, NULL, &left) == 0)
		cmd_history_missing(call, &left);
	return 0;
}

int cmd_rebuild(struct call *call)
{
	int err = copy_rebuild(call->copy, &call->cause);
	if (err >= 0 && (err = copy_index(call->copy, 0)) < 0)
		cause_set(&call->cause, err, "the search index can't be made: %s", err_words(err));
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:b}", "rebuilt", 1));
	cmd_say(call, "The tables and the search index were made anew.");
	return 0;
}

/* ---- index ---------------------------------------------------------------------------------- */

int cmd_index(struct call *call)
{
	int err = texts_read(call->copy, 0, &call->cause);
	if (err >= 0 && (err = copy_index(call->copy, 0)) < 0)
		cause_set(&call->cause, err, "the search index can't be made: %s", err_words(err));
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:b}", "indexed", 1));
	cmd_say(call, "Everything here can be searched.");
	return 0;
}

/* ---- limits --------------------------------------------------------------------------------- */

static const struct limit {
	const char *key, *words;
	uint64_t value;
	bool bytes;
} limits[] = {
    {"text_bytes", "a text (longer ones are documents)", TEXT_MAX, true},
    {"document_bytes", "a document", CONTENT_MOST, true},
    {"change_records", "records that one change edits", CHANGE_EDITS, false},
    {"change_bytes", "a change", CHANGE_MAX, true},
    {"frame_bytes", "a message to the server", FRAME_MAX, true},
    {"chunk_bytes", "a chunk of a document", CHUNK_MAX, true},
};

static int limits_of_type(struct call *call, const struct schema_type *t)
{
	static const char *const headings[] = {"Field", ">At most", "", ">Values"};
	struct table *table = table_new(4, headings);
	json_t *all = json_array();

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct schema_field *f = &t->fields[i];
		bool sized = f->format <= FORMAT_TEXT || f->format == FORMAT_BYTES;
		bool number = f->format == FORMAT_NUMBER;
		table_words(table, "%s", f->name);
		table_words(table, "%.*" PRIu64, sized || number ? 1 : 0,
			    sized || number ? f->max : UINT64_C(0));
		table_words(table, "%s", sized ? "bytes" : "");
		table_words(table, f->most ? "%u" : "1", f->most);
		json_array_append_new(
		    all, json_pack("{s:s,s:o,s:i}", "field", f->name, "most",
				   sized || number ? json_integer((json_int_t)f->max)
						     : json_null(), "values",
				   f->most ? (int)f->most : 1));
	}
	if (!call->json)
		table_show(table, call->out);
	table_free(&table);
	if (call->json)
		return cmd_json(call, all);
	json_decref(all);
	return 0;
}

int cmd_limits(struct call *call)
{
	static const char *const headings[] = {"Limit", ">At most"};
	const struct schema_type *t;
	struct table *table;
	json_t *o;

	if (call->n_words > 0) {
		int err = resolve_type(call->words[0], &t, &call->cause);
		return err < 0 ? err : limits_of_type(call, t);
	}
	table = table_new(2, headings);
	o = json_object();
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		table_words(table, "%s", limits[i].words);
		table_words(table, "%s",
			    limits[i].bytes
				? screen_size(&call->arena, limits[i].value)
				: arena_format(&call->arena, "%" PRIu64, limits[i].value));
		json_object_set_new(o, limits[i].key, json_integer((json_int_t)limits[i].value));
	}
	if (!call->json)
		table_show(table, call->out);
	table_free(&table);
	if (call->json)
		return cmd_json(call, o);
	json_decref(o);
	return 0;
}
