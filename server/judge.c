/*
 * Judging a change, in this order: can it be read, was it decided before, may its author write
 * there, does it make sense as values, is what it stands on here; then journal_enter reconciles and
 * writes it. A refusal is a verdict, kept with its words; what only has to wait is deferred, and
 * kept nowhere. What comes after its author's right has ended is held; once its decider accepts it
 * it is judged in the same way, as its author's.
 *
 * What a refusal says never tells of a space that its author may not read.
 */
#include "server/judge.h"

#include "common/fields.h"
#include "common/log.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdio.h>
#include <string.h>

/* Fields of records.proto. */
enum {
	SPACE_KIND = 2,
	VERSION_BYTES = 4,
	VERSION_CONTENT = 5,
	VERSION_CHUNKS = 8,
	VERSION_RELEASED = 10,
};
enum { WORDS_MOST = 400 };			  /* of a decider, to the author */

struct judging {
	struct area *area;
	struct session *session; /* who is answered: the author, or who decides */
	const struct id *device; /* the author's */
	bool held;		 /* it is one that is held */
	bool deciding;		 /* and its decider has accepted or refused it */
	bool quotes;		 /* what refuses it may name what stands in the space */
	struct bytes bytes;
	struct change change;
	struct space *space;
};

/* ---- Answers -------------------------------------------------------------------------------- */

/* What the decider is told: the verdict that it has now, or (0) why it still has none. */
static void judge_decided(struct judging *j, int verdict, uint64_t number, const char *words)
{
	struct answer *a = turn_answer(j->area, j->session, ANSWER_DECIDED, &j->change.id);

	a->verdict = (enum verdict)verdict;
	a->number = number;
	a->words = arena_text(&j->area->turn, BYTES(words, strlen(words)));
}

static void judge_defer(struct judging *j, Wire__Wait why, const char *words, struct bytes content)
{
	if (j->deciding) {
		judge_decided(j, 0, 0, words);
		return;
	}
	struct answer *a = turn_answer(j->area, j->session, ANSWER_DEFERRED, &j->change.id);
	a->wait = why;
	a->words = arena_text(&j->area->turn, BYTES(words, strlen(words)));
	a->content = arena_copy(&j->area->turn, content);
}

/* An error of ours while judging: no verdict. */
static void judge_fail(struct judging *j, int err)
{
	if (turn_failed(j->area, err) == ERR_FULL)
		judge_defer(j, WIRE__WAIT__NO_ROOM, "the server's disk is full", BYTES_NONE);
}

static struct answer *judge_tell(struct judging *j, struct session *s, enum verdict verdict,
				 uint64_t number, const char *words)
{
	struct answer *a = turn_answer(j->area, s, ANSWER_JUDGED, &j->change.id);

	a->verdict = verdict;
	a->number = number;
	a->words = arena_text(&j->area->turn, BYTES(words, strlen(words)));
	return a;
}

static struct answer *judge_say(struct judging *j, enum verdict verdict, uint64_t number,
				const char *words)
{
	return judge_tell(j, j->session, verdict, number, words);
}

/* What was decided of a held change, to the sessions of its author's device. Its number is told
 * only to one who reads the space. */
static void judge_tell_author(struct judging *j, enum verdict verdict, uint64_t number,
			      const char *words)
{
	struct area *a = j->area;

	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (s->state == SESSION_READY && id_equal(&s->device, j->device))
			judge_tell(j, s, verdict,
				   j->space && session_cursor(s, j->space) ? number : 0, words);
	}
}

/* Keep the decider's refusal of a held change; `words` are for its author. */
static void judge_refuse_held(struct judging *j, const char *words, const char *to_decider)
{
	int err = journal_refuse(j->area->journal, &j->change.id, j->bytes, words,
				 &j->session->device);

	if (err == 0)
		err = held_drop(j->area, &j->change.id);
	if (err < 0) {
		judge_fail(j, err);
		return;
	}
	judge_decided(j, VERDICT_REFUSED, 0, to_decider);
	judge_tell_author(j, VERDICT_REFUSED, 0, words);
}

/* Why an accepted change could not be entered may tell of a space that its author does not read. */
static const char *judge_words_for_author(struct judging *j, const char *words)
{
	const struct access *access = j->area->access;
	struct id person;
	bool reads = access_device(access, j->device, &person) &&
		     access_may(access, &person, &j->change.space) != MAY_NOTHING;

	return !j->deciding || reads
		       ? words
		       : "it was let in, but it does not fit what stands there by now";
}

static void judge_refuse(struct judging *j, const char *words)
{
	if (j->held && j->deciding) {
		judge_refuse_held(j, judge_words_for_author(j, words), words);
		return;
	}
	if (j->held) { /* a person decides on it, also where it was accepted before a set-back */
		judge_say(j, VERDICT_HELD, 0, words)->space = j->space;
		return;
	}
	int err = held_count_refused(j->area, j->device);
	if (err > 0) {
		session_bye(j->session, WIRE__REASON__TOO_BIG,
			    "too many changes of this device were refused, and the server keeps no"
			    " more of them: ask an administrator for a new invitation");
		return;
	}
	if (err == 0)
		err = journal_refuse(j->area->journal, &j->change.id, j->bytes, words, NULL);
	if (err < 0)
		judge_fail(j, err);
	else
		judge_say(j, VERDICT_REFUSED, 0, words)->space = j->quotes ? j->space : NULL;
}

/* ---- What a change may do ------------------------------------------------------------------- */

/* The right to write is asked for every change, and worked out only when rights have changed. */
static enum may judge_may(struct session *s, const struct id *space)
{
	const struct access *access = s->area->access;
	uint64_t generation = access_generation(access);

	if (s->asked_generation != generation || !id_equal(&s->asked, space)) {
		struct id person;
		bool good = access_device(access, &s->device, &person);
		s->asked = *space;
		s->asked_generation = generation;
		s->asked_may = good ? (int)access_may(access, &person, space) : MAY_NOTHING;
	}
	return (enum may)s->asked_may;
}

/* What would make or unmake rights by another way than the directory's writers. 0 or refused. */
static int judge_device(struct judging *j, const struct edit *e, struct cause *cause)
{
	if (id_equal(&e->record, &j->area->server_device))
		return cause_set(cause, ERR_INVALID, "the server's own device can't be edited");
	if (e->effect.existence == LIVE && !e->brings_back)
		return cause_set(cause, ERR_INVALID,
				 "a device is added by joining with an invitation, not by an edit");
	return 0;
}

/* That a version's bytes go is no person's word, and nobody takes it back. */
static int judge_version(const struct edit *e, struct cause *cause)
{
	struct bytes value;

	return effect_sets(&e->effect, VERSION_RELEASED, &value)
		       ? cause_set(cause, ERR_INVALID,
				   "only the server says that a version was released, by the rule "
				   "for old versions")
		       : 0;
}

static int judge_space(struct judging *j, const struct edit *e, struct cause *cause)
{
	if (!id_equal(&j->space->id, &j->area->directory))
		return cause_set(cause, ERR_INVALID, "spaces are made in the directory");
	if (id_equal(&e->record, &j->area->directory))
		return cause_set(cause, ERR_INVALID, "who reads and writes the directory is fixed");
	if (e->effect.existence != LIVE || e->brings_back)
		return 0;
	uint64_t kind = value_number(fields_get(e->effect.set, SPACE_KIND));
	if (kind != RECORDS__SPACE_KIND__GROUP && kind != RECORDS__SPACE_KIND__OTHER)
		return cause_set(cause, ERR_INVALID,
				 "only spaces of kind group or other can be added");
	return 0;
}

/* A flag that is set once says yes: a no would stand for ever, and nobody could end the appointment
 * or revoke the device any more, the server neither. */
static int judge_once(const struct schema_type *t, const struct effect *e, struct cause *cause)
{
	struct bytes rest = e->set;
	struct field o;

	while (field_next(&rest, &o) > 0) {
		const struct schema_field *f = schema_field(t, o.number, NULL);
		if (f->merge == MERGE_FIXED && f->format == FORMAT_FLAG && o.value == 0)
			return cause_set(cause, ERR_INVALID,
					 "%s.%s is set once, to yes: leave it out until then",
					 t->name, f->name);
	}
	return 0;
}

/* The fields that are cleared: known, and no sets, whose members are taken one by one. */
static int judge_clear(const struct schema_type *t, const struct effect *e, struct cause *cause)
{
	for (size_t i = 0; i < e->n_clear; i++) {
		const struct schema_field *f = schema_field(t, e->clear[i], NULL);
		if (!f)
			return ERR_MISSING;
		if (f->merge == MERGE_SET)
			return cause_set(cause, ERR_INVALID,
					 "%s is a list: take its members from it", f->name);
	}
	return 0;
}

static int judge_values(const struct schema_type *t, const struct effect *e, struct cause *cause)
{
	int err = schema_check(t, e->set, false, cause);
	if (err == 0)
		err = schema_check(t, e->add, true, cause);
	if (err == 0)
		err = schema_check(t, e->take, true, cause);
	return err == 0 ? judge_clear(t, e, cause) : err;
}

/* 0; ERR_INVALID: refused, with a cause; ERR_MISSING: newer than this server. */
static int judge_edit(struct judging *j, const struct edit *e, struct cause *cause)
{
	const struct schema_type *t = schema_type(e->type);
	unsigned kind = access_kind(j->area->access, &j->space->id);

	if (!t)
		return ERR_MISSING;
	if (t->outcome_only)
		return cause_set(cause, ERR_INVALID, "%s %s is written by the server alone",
				 schema_article(t), t->name);
	if (t->spaces && !(t->spaces >> kind & 1))
		return cause_set(cause, ERR_INVALID, "%s %s does not belong in this space",
				 schema_article(t), t->name);
	int err = judge_values(t, &e->effect, cause);
	if (err == 0 && (e->type == TYPE_DEVICE || e->type == TYPE_APPOINTMENT))
		err = judge_once(t, &e->effect, cause);
	if (err == 0 && e->type == TYPE_DEVICE)
		err = judge_device(j, e, cause);
	if (err == 0 && e->type == TYPE_SPACE)
		err = judge_space(j, e, cause);
	if (err == 0 && e->type == TYPE_VERSION)
		err = judge_version(e, cause);
	return err;
}

/* What a Version names. False: it names nothing. ERR_INVALID with a cause where it can't be. */
static int judge_named(const struct edit *e, struct content *out, struct cause *cause)
{
	struct bytes content = value_bytes(fields_get(e->effect.set, VERSION_CONTENT));
	struct bytes chunks = value_bytes(fields_get(e->effect.set, VERSION_CHUNKS));
	struct bytes size = fields_get(e->effect.set, VERSION_BYTES);
	struct bytes root = chunks.len ? chunks : content;

	if (e->type != TYPE_VERSION || (root.len == 0 && size.len == 0))
		return 0;
	out->bytes = value_number(size);
	if (content.len != SHA256_LEN || root.len != SHA256_LEN || size.len == 0 ||
	    (chunks.len == 0 && out->bytes > CHUNK_MAX))
		return cause_set(cause, ERR_INVALID,
				 "a version names its content, its size and its chunks together");
	memcpy(out->sha, content.data, SHA256_LEN);
	memcpy(out->root, root.data, SHA256_LEN);
	return 1;
}

/* A Version counts only once its bytes are here. False: it was answered. */
static bool judge_contents(struct judging *j)
{
	struct cause cause = {{0}};
	struct content c;

	for (size_t i = 0; i < j->change.n_edits; i++) {
		int got = judge_named(&j->change.edits[i], &c, &cause);
		if (got > 0) {
			got = shelf_may_name(j->area->shelf, j->session, j->device, &c);
			if (got == ERR_INVALID)
				cause_set(&cause, got,
					  "the document's bytes are not what its name says");
			else if (got == 0)
				judge_defer(j, WIRE__WAIT__CONTENT_MISSING,
					    "the document's bytes have not arrived",
					    BYTES(c.root, SHA256_LEN));
			if (got == 0)
				return false;
			if (got > 0)
				got = shelf_limits(j->area->shelf, j->device, &c, &cause);
		}
		if (got == ERR_LIMIT)
			judge_defer(j, WIRE__WAIT__NO_ROOM, cause.words, BYTES_NONE);
		else if (got == ERR_INVALID)
			judge_refuse(j, cause.words);
		else if (got < 0)
			judge_fail(j, got);
		if (got < 0)
			return false;
	}
	return true;
}

/* They are named now. */
static int judge_named_all(struct judging *j)
{
	struct content c;
	int err = 0;

	for (size_t i = 0; err == 0 && i < j->change.n_edits; i++)
		if (judge_named(&j->change.edits[i], &c, NULL) > 0)
			err = shelf_named(j->area->shelf, j->device, &c);
	return err;
}

/* ---- One change ----------------------------------------------------------------------------- */

/* Refuse or defer what can't be entered as it is. False: it was answered. */
static bool judge_edits(struct judging *j)
{
	struct cause cause = {{0}};

	for (size_t i = 0; i < j->change.n_edits; i++) {
		int err = judge_edit(j, &j->change.edits[i], &cause);
		if (err == ERR_MISSING) {
			judge_defer(j, WIRE__WAIT__SCHEMA_NEWER,
				    "it was made by a newer version than the server's", BYTES_NONE);
			return false;
		}
		if (err < 0) {
			judge_refuse(j, cause.words);
			return false;
		}
	}
	return judge_contents(j);
}

static void judge_hold(struct judging *j)
{
	static const char words[] = "your right to write there had ended when it came: who leads"
				    " there will decide on it";
	int err = held_add(j->area, j->space, j->device, &j->change.id, j->bytes, words, true);

	if (err == ERR_LIMIT)
		judge_refuse(j, "your right to write there had ended, and the server holds no more"
				" changes of this device");
	else if (err < 0)
		judge_fail(j, err);
	else
		judge_say(j, VERDICT_HELD, 0, words);
}

static void judge_wait_recovered(struct judging *j)
{
	judge_defer(j, WIRE__WAIT__BEING_RECOVERED,
		    "the server was set back, and no computer that has this space has connected "
		    "yet: it waits until one has",
		    BYTES_NONE);
}

/* Has its author seen entries that are not here? Only a server that was set back knows less than
 * who wrote the change, and a copy that lost the space in the meantime has no head left to show it
 * by. What was seen in an earlier epoch may have had other numbers: reconcile() looks. */
static bool judge_saw_more(const struct judging *j)
{
	const struct change *c = &j->change;

	return c->seen_epoch > j->space->epoch ||
	       (c->seen_epoch == j->space->epoch && c->seen_number > j->space->number);
}

/* Among what was lost may be this very change, or what was decided on it: no verdict now. */
static void judge_wait_lost(struct judging *j)
{
	judge_defer(j, WIRE__WAIT__BEING_RECOVERED,
		    "the server was set back, and lacks what its author had seen: it waits until a "
		    "computer that has this has connected",
		    BYTES_NONE);
}

/* Its author may not write there: held, if it is a right that has ended. */
static void judge_without_right(struct judging *j, enum may may)
{
	const struct area *a = j->area;
	int was = j->space && access_kind(a->access, &j->space->id) !=
				      RECORDS__SPACE_KIND__PERSONAL
			  ? held_was_holder(j->area, j->device, j->space)
			  : 0;

	if (was < 0)
		judge_fail(j, was);
	else if (was && j->space->recovering)
		judge_wait_recovered(j);
	else if (was)
		judge_hold(j);
	else if (may == MAY_READ)
		judge_refuse(j, "you may read this space, but not write in it");
	else
		judge_refuse(j, TURN_NO_SPACE);
}

static bool judge_rights(struct judging *j)
{
	j->space = journal_space(j->area->journal, &j->change.space);
	enum may may = j->deciding || !j->space ? MAY_WRITE
						: judge_may(j->session, &j->change.space);
	if (j->space && j->space->recovering && may != MAY_NOTHING) {
		judge_wait_recovered(j);
		return false;
	}
	if (may != MAY_WRITE || !j->space) {
		judge_without_right(j, j->space ? may : MAY_NOTHING);
		return false;
	}
	if (j->change.seen_number && !j->change.seen_epoch) {
		judge_refuse(j, "it says that it saw an entry of no epoch");
		return false;
	}
	if (judge_saw_more(j)) {
		judge_wait_lost(j);
		return false;
	}
	return true;
}

static void judge_enter(struct judging *j)
{
	struct entered entered;
	struct cause cause = {{0}};
	int err = turn_enter(j->area, j->space, &j->change, j->bytes, j->device,
			     j->deciding ? &j->session->device : NULL, &entered, &cause);

	if (err == 0)
		err = judge_named_all(j);
	if (err == 0 && j->held)
		err = held_drop(j->area, &j->change.id);
	j->quotes = true;
	if (err == ERR_INVALID) {
		judge_refuse(j, cause.words);
	} else if (err == ERR_AGAIN) {
		judge_defer(j, WIRE__WAIT__EARLIER_MISSING, cause.words, BYTES_NONE);
	} else if (err < 0) {
		judge_fail(j, err);
	} else if (j->deciding) {
		judge_decided(j, (int)entered.verdict, entered.number, "");
		judge_tell_author(j, entered.verdict, entered.number, "");
	} else {
		struct answer *a = turn_answer(j->area, j->session, ANSWER_ENTRY, &j->change.id);
		a->verdict = entered.verdict;
		a->space = j->space;
		a->number = entered.number;
		a->as_sent = entered.as_sent;
	}
}

/* A held change that its own device brings again, with the right to write there: it needs nobody's
 * word any more. */
static bool judge_is_released(struct judging *j)
{
	struct held_change row;
	int got = held_find(j->area, &j->change.id, &j->area->change, &row);

	if (got < 0)
		judge_fail(j, got);
	j->held = got > 0 && id_equal(&row.device, j->device) &&
		  judge_may(j->session, &row.space) == MAY_WRITE;
	return j->held;
}

/* Was it decided before? True: it was, and is answered. */
static bool judge_again(struct judging *j)
{
	struct judged judged;
	int got = journal_judged(j->area->journal, &j->change.id, j->bytes, &judged);

	if (got < 0)
		judge_fail(j, got);
	else if (got && !judged.same)
		judge_say(j, VERDICT_REFUSED, 0, "its id was used for another change");
	else if (got && judged.verdict == VERDICT_HELD && judge_is_released(j))
		return false;
	else if (got)
		judge_say(j, judged.verdict,
			  judged.space && session_cursor(j->session, judged.space) ? judged.number
										   : 0,
			  judged.words)
			->space = judged.decided ? NULL : journal_space(j->area->journal,
									&j->change.space);
	return got != 0;
}

/* ---- What was held -------------------------------------------------------------------------- */

static void judge_accept(struct judging *j)
{
	struct cause cause = {{0}};

	if (change_read(&j->change, j->bytes, &j->area->change, &cause) < 0)
		judge_fail(j, ERR_CORRUPT);
	else if (judge_rights(j) && judge_edits(j))
		judge_enter(j);
}

/* A decider's words, as far as they are kept: whole characters. */
static const char *judge_words_of(const char *words, struct arena *arena)
{
	size_t n = words ? strlen(words) : 0;

	if (n == 0)
		return "it was refused by who decides there";
	if (n > WORDS_MOST)
		for (n = WORDS_MOST; n > 0 && ((unsigned char)words[n] & 0xc0) == 0x80;)
			n--;
	return arena_text(arena, BYTES(words, n));
}

void judge_decide(struct session *s, const struct id *change, bool accept, const char *words)
{
	struct area *area = s->area;
	struct judging j = {.area = area, .session = s, .deciding = true, .held = true};
	struct held_change row;
	int got = area->full ? 0 : held_find(area, change, &area->change, &row);

	j.change.id = *change;
	if (area->full) {
		judge_decided(&j, 0, 0, "the server's disk is full");
	} else if (got < 0) {
		judge_fail(&j, got);
	} else if (!got || !access_decides(area->access, &s->person, &row.space)) {
		judge_decided(&j, 0, 0,
			      "no such change waits for your word: it may have been decided by"
			      " now");
	} else {
		j.device = &row.device;
		j.bytes = row.bytes;
		words = judge_words_of(words, &area->change);
		if (accept)
			judge_accept(&j);
		else
			judge_refuse_held(&j, words, words);
	}
	arena_reset(&area->change);
}

void judge_change(struct session *s, struct bytes bytes)
{
	struct area *area = s->area;
	struct judging j = {.area = area, .session = s, .device = &s->device, .bytes = bytes};
	struct cause cause = {{0}};
	int err = change_read(&j.change, bytes, &area->change, &cause);

	if (id_is_zero(&j.change.id)) {
		session_bye(s, WIRE__REASON__PROTOCOL,
			    err < 0 ? cause.words : "a change has no id");
	} else if (area->full) {
		judge_defer(&j, WIRE__WAIT__NO_ROOM, "the server's disk is full", BYTES_NONE);
	} else if (!judge_again(&j)) {
		if (err < 0)
			judge_refuse(&j, cause.words);
		else if (judge_rights(&j) && judge_edits(&j))
			judge_enter(&j);
	}
	arena_reset(&area->change);
}
