/*
 * The end of a turn, in this order: commit; tell who was revoked, gained a space or lost one;
 * answer what was pushed; feed. Nothing before the commit promises anything, and whatever was to be
 * said is taken back with it where the disk is full.
 */
#include "server/quota.h"
#include "server/retention.h"
#include "server/turn.h"

#include "common/log.h"
#include "common/schema.h"
#include "server/hello.h"
#include "server/lane.h"
#include "server/lane_sync.h"

#include <stdlib.h>
#include <string.h>

enum { VERDICTS_FRAME = 64 * 1024 };

struct answer *turn_answer(struct area *a, struct session *s, enum answer_kind kind,
			   const struct id *change)
{
	if (a->n_answers == a->cap_answers) {
		a->cap_answers = a->cap_answers ? 2 * a->cap_answers : 64;
		a->answers = mem_resize(a->answers, a->cap_answers * sizeof(*a->answers));
	}
	struct answer *out = &a->answers[a->n_answers++];
	*out = (struct answer){.session = s, .kind = kind, .change = *change};
	if (a->began_ms == 0)
		a->began_ms = env_now_ms(a->options.env);
	return out;
}

/* ---- Within the turn ------------------------------------------------------------------------ */

/* A Space record of the directory makes the space that it describes. */
static int turn_make_space(struct area *a, const struct space *s, const struct record *r)
{
	struct space *made;

	if (r->type != TYPE_SPACE || !id_equal(&s->id, &a->directory))
		return 0;
	return journal_space_make(a->journal, &r->id, &made);
}

int turn_took(struct area *a, const struct space *s, const struct entered *entered)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < entered->n_records; i++) {
		access_take(a->access, &s->id, &entered->records[i]);
		retention_take(a->retention, &entered->records[i]);
		err = turn_make_space(a, s, &entered->records[i]);
	}
	return err;
}

int turn_enter(struct area *a, struct space *s, const struct change *c, struct bytes bytes,
	       const struct id *device, const struct id *let_in_by, struct entered *out,
	       struct cause *cause)
{
	struct entered entered;
	int err = journal_enter(a->journal, s, c, bytes, device, let_in_by, &a->change, &entered,
				cause);

	if (err == 0)
		err = turn_took(a, s, &entered);
	if (err == 0 && out)
		*out = entered;
	return err;
}

/* The disk is full: as if the turn had not been. Its changes come again later. */
static int turn_take_back(struct area *a)
{
	static char words[] = "the server's disk is full";
	int err = journal_rollback(a->journal);

	log_error("turn.full", "answers=%zu", a->n_answers);
	a->full = a->dropped = true;
	held_anew(a);
	retention_forget(a->retention);
	if (err == 0)
		err = access_load(a->access, a->journal);
	lane_taken_back(a, words);
	if (err == 0)
		err = recovery_load(a);
	hello_taken_back(a);
	for (size_t i = 0; i < a->n_answers; i++) {
		struct answer *answer = &a->answers[i];
		if (answer->kind == ANSWER_INVITED) {
			session_bye(answer->session, WIRE__REASON__BUSY, words);
		} else if (answer->kind == ANSWER_DECIDED) {
			answer->verdict = 0;
			answer->number = 0;
			answer->words = words;
		} else if (answer->kind != ANSWER_DEFERRED) {
			answer->kind = ANSWER_DEFERRED;
			answer->wait = WIRE__WAIT__NO_ROOM;
			answer->words = words;
		}
	}
	return err;
}

int turn_failed(struct area *a, int err)
{
	if (err == ERR_FULL) {
		int again = turn_take_back(a);
		if (again == 0)
			return ERR_FULL;
		err = again;
	}
	if (a->failed == 0)
		log_error("turn.failed", "words=\"%s\"", err_words(err));
	a->failed = err;
	return err;
}

/* ---- Rights --------------------------------------------------------------------------------- */

static void tell_granted(struct session *s, struct cursor *c)
{
	Wire__Granted granted = WIRE__GRANTED__INIT;
	Wire__At at = WIRE__AT__INIT;

	at.space = PB_ID(&c->space->id);
	at.epoch = c->space->epoch;
	at.number = c->space->committed;
	granted.space = &at;
	link_send(s->link, WIRE__KIND__GRANTED, &granted.base, BYTES_NONE);
}

/* Verdicts for own entries that the session will never be fed. */
static bool judge_unfed(void *arg, const struct entry *e)
{
	struct session *s = arg;
	struct area *a = s->area;
	struct bytes change, bytes;
	struct outcome outcome;
	struct header header;

	if (header_read(&header, e->header, &a->change) == 0 &&
	    body_read(e->body, &change, &bytes) == 0 &&
	    outcome_read(&outcome, bytes, &a->change) == 0) {
		struct answer *answer = turn_answer(a, s, ANSWER_JUDGED, &header.change);
		answer->verdict = outcome.verdict;
		answer->number = e->number;
	}
	arena_reset(&a->change);
	return true;
}

static int tell_lost(struct session *s, struct cursor *c)
{
	Wire__Lost lost = WIRE__LOST__INIT;
	int err = 0;

	for (size_t i = 0; err == 0 && i < c->n_own; i++)
		err = journal_entries(s->area->journal, c->space, c->own[i].from, c->own[i].to,
				      judge_unfed, s);
	lost.space = PB_ID(&c->space->id);
	link_send(s->link, WIRE__KIND__LOST, &lost.base, BYTES_NONE);
	session_cursor_drop(s, c);
	return err;
}

static bool is_in(const struct id *ids, size_t n, const struct id *id)
{
	size_t low = 0;
	while (low < n) {
		size_t mid = (low + n) / 2;
		int c = id_compare(&ids[mid], id);
		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			n = mid;
	}
	return false;
}

/* Compare what a session reads with what it may read. */
static int turn_rights_of(struct area *a, struct session *s)
{
	struct id person, *ids;

	if (!access_session(a->access, &s->device, &person)) {
		if (s->state != SESSION_READY && !access_has_device(a->access, &s->device))
			return 0; /* not known yet: see session_open */
		session_bye(s, WIRE__REASON__REVOKED, "this device may no longer be used here");
		return 0;
	}
	if (s->state != SESSION_READY)
		return 0;
	size_t n = access_readable(a->access, &person, &ids);
	int err = 0;
	for (size_t i = s->n_cursors; err == 0 && i-- > 0;)
		if (!is_in(ids, n, &s->cursors[i].space->id))
			err = tell_lost(s, &s->cursors[i]);
	for (size_t i = 0; err == 0 && i < n; i++) {
		struct space *space = journal_space(a->journal, &ids[i]);
		if (space && !space->recovering && !session_cursor(s, space))
			tell_granted(s, hello_begin_feed(s, space));
	}
	free(ids);
	return err;
}

static int turn_rights(struct area *a)
{
	uint64_t generation = access_generation(a->access);
	int err = 0;

	if (generation == a->told_generation && !a->recovery.regrant)
		return 0;
	a->recovery.regrant = false;
	a->told_generation = generation;
	for (size_t i = 0; err == 0 && i < a->n_sessions; i++)
		if (a->sessions[i]->state != SESSION_ENDED && !a->sessions[i]->lost)
			err = turn_rights_of(a, a->sessions[i]);
	return err;
}

/* ---- Answers -------------------------------------------------------------------------------- */

/* The entry will be fed to its author: remember what need not be sent. False: it can't be. */
static bool answer_by_feed(const struct answer *a)
{
	struct cursor *c = session_cursor(a->session, a->space);
	struct run *last = c && c->n_own ? &c->own[c->n_own - 1] : NULL;

	if (!c)
		return false;
	if (last && last->as_sent == a->as_sent && last->to + 1 == a->number) {
		last->to = a->number;
		return true;
	}
	c->own = mem_resize(c->own, (c->n_own + 1) * sizeof(*c->own));
	c->own[c->n_own++] = (struct run){a->number, a->number, a->as_sent};
	return true;
}

static void answer_deferred(const struct answer *a)
{
	Wire__Deferred m = WIRE__DEFERRED__INIT;

	m.change = PB_ID(&a->change);
	m.why = a->wait;
	m.words = a->words;
	m.has_content = a->content.len > 0;
	m.content = PB_BYTES(a->content);
	link_send(a->session->link, WIRE__KIND__DEFERRED, &m.base, BYTES_NONE);
}

static void answer_invited(const struct answer *a)
{
	Wire__Invited m = WIRE__INVITED__INIT;

	m.invitation = PB_ID(&a->change);
	m.has_expires_ms = 1;
	m.expires_ms = a->number;
	link_send(a->session->link, WIRE__KIND__INVITED, &m.base, BYTES_NONE);
}

static void answer_decided(const struct answer *a)
{
	Wire__Decided m = WIRE__DECIDED__INIT;

	m.change = PB_ID(&a->change);
	m.has_verdict = a->verdict != 0;
	m.verdict = (Wire__Verdict)a->verdict;
	m.has_number = a->number > 0;
	m.number = a->number;
	m.words = a->words && a->words[0] ? a->words : NULL;
	link_send(a->session->link, WIRE__KIND__DECIDED, &m.base, BYTES_NONE);
}

static void answer_pack(Wire__Judged *judged, const struct answer *a)
{
	static char no_words[] = TURN_NO_SPACE;
	static char held[] = "your right to write there had ended when it came: who leads"
			     " there will decide on it";
	bool hidden = a->space && !session_cursor(a->session, a->space); /* what words may quote */

	wire__judged__init(judged);
	judged->change = PB_ID(&a->change);
	judged->verdict = (Wire__Verdict)a->verdict;
	judged->words = a->words && a->words[0] ? a->words : NULL;
	if (hidden && a->verdict == VERDICT_REFUSED)
		judged->words = no_words;
	else if (hidden && a->verdict == VERDICT_HELD)
		judged->words = held;
	judged->has_number = a->number > 0;
	judged->number = a->number;
}

/* Verdicts that stand one behind the other for one session share a frame. Returns how many were
 * sent. */
static size_t answer_judged(struct area *area, const struct answer *a, size_t n)
{
	Wire__Verdicts m = WIRE__VERDICTS__INIT;
	size_t size = 0, taken = 0;

	while (taken < n && a[taken].session == a->session && a[taken].kind == ANSWER_JUDGED &&
	       size < VERDICTS_FRAME) {
		size += 64 + (a[taken].words ? strlen(a[taken].words) : 0);
		taken++;
	}
	m.judged = arena_alloc(&area->turn, taken * sizeof(*m.judged));
	for (size_t i = 0; i < taken; i++) {
		m.judged[i] = arena_alloc(&area->turn, sizeof(*m.judged[i]));
		answer_pack(m.judged[i], &a[i]);
	}
	m.n_judged = taken;
	link_send(a->session->link, WIRE__KIND__VERDICTS, &m.base, BYTES_NONE);
	return taken;
}

static void turn_answers(struct area *a)
{
	for (size_t i = 0; i < a->n_answers; i++)
		if (a->answers[i].kind == ANSWER_ENTRY && !answer_by_feed(&a->answers[i]))
			a->answers[i].kind = ANSWER_JUDGED;
	for (size_t i = 0; i < a->n_answers;) {
		struct answer *answer = &a->answers[i];
		struct session *s = answer->session;
		size_t n = 1;
		if (s->lost || s->state == SESSION_ENDED)
			;
		else if (answer->kind == ANSWER_JUDGED)
			n = answer_judged(a, answer, a->n_answers - i);
		else if (answer->kind == ANSWER_DEFERRED)
			answer_deferred(answer);
		else if (answer->kind == ANSWER_INVITED)
			answer_invited(answer);
		else if (answer->kind == ANSWER_DECIDED)
			answer_decided(answer);
		i += n;
	}
	a->n_answers = 0;
}

/* Who does not read what is sent is not read from either. */
static void turn_pace(struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (s->lost || s->state == SESSION_ENDED)
			continue;
		s->turn_bytes = 0;
		bool pause =
			s->link->ops->queued(s->link) > (s->paused ? FEED_QUEUE : SESSION_QUEUE);
		if (pause != s->paused)
			s->link->ops->pause(s->link, pause);
		s->paused = pause;
	}
}

int turn_end(struct area *a)
{
	int err = a->failed;

	/* Before anybody hears of a right, and with the entry that gave it. */
	if (err == 0 && access_generation(a->access) != a->told_generation)
		err = held_note_holders(a);
	if (err == 0) {
		lane_gather(a);
		err = lane_sync_turn(a);
	}
	if (err == 0)
		err = journal_commit(a->journal);
	if (err < 0 && a->failed == 0)
		err = turn_failed(a, err) == ERR_FULL ? 0 : a->failed;
	if (err == 0)
		err = turn_rights(a);
	for (size_t i = 0; err == 0 && i < a->n_sessions; i++)
		err = hello_end(a->sessions[i]);
	if (err == 0) {
		turn_answers(a);
		lane_after_commit(a);
		err = quota_tell(a->quota);
		if (err == 0)
			err = feed_all(a);
	}
	if (err < 0) {
		turn_failed(a, err);
		return a->failed;
	}
	turn_pace(a);
	a->full = false;
	a->began_ms = 0;
	arena_reset(&a->turn);
	return 0;
}
