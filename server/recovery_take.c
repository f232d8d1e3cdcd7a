/*
 * Taking a run: entries that this server has signed once and a copy hands in, from the newest that
 * both share. Where the server has nothing above that, they are taken as they were. Where both have
 * gone on, the longer line stays, and the changes of the other are entered again behind it, in
 * their order, in a new epoch. A copy that is new may lack the bodies of entries which later ones
 * have replaced: its run is taken as it was up to there, and what follows is entered again. All of
 * it is one transaction.
 */
#include "common/log.h"
#include "common/schema.h"
#include "server/journal_take.h"
#include "server/own.h"
#include "server/recovery.h"
#include "server/retention.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

struct taking {
	struct area *area;
	struct session *session;
	struct recall *run;
	struct space *space;
	uint64_t missing; /* changes of the run that the server does not have */
	uint64_t entered, parked; /* entered again; could not be */
};

/* ---- Rows of a run -------------------------------------------------------------------------- */

static int row_read(struct taking *t, const struct entry *e, struct header *header,
		    struct bytes *change)
{
	struct bytes outcome;

	if (header_read(header, e->header, &t->area->change) < 0 ||
	    body_read(e->body, change, &outcome) < 0)
		return ERR_CORRUPT;
	return 0;
}

static int row_count_missing(void *arg, const struct entry *e)
{
	struct taking *t = arg;
	struct header header;
	struct bytes change;
	uint64_t number = 0;

	if (e->body.len == 0)
		return 0;
	int err = row_read(t, e, &header, &change);
	if (err == 0)
		err = journal_number_of(t->area->journal, t->space, &header.change, &number);
	t->missing += err == 0 && number == 0 && !retention_is_release(t->area, &header, change);
	arena_reset(&t->area->change);
	return err;
}

/* As it was: number, outcome, chain. */
static int row_take(void *arg, const struct entry *e)
{
	struct taking *t = arg;
	struct area *a = t->area;
	struct entered entered;
	struct header header;
	struct bytes change;
	int err = row_read(t, e, &header, &change);

	if (err == 0)
		err = journal_take(a->journal, t->space, e, &a->change, &entered);
	if (err == 0)
		err = turn_took(a, t->space, &entered);
	if (err == 0)
		err = held_drop(a, &header.change);
	arena_reset(&a->change);
	return err;
}

static int row_take_whole(void *arg, const struct entry *e)
{
	struct taking *t = arg;
	return e->number < t->run->lacks ? row_take(arg, e) : 1;
}

/* ---- Entering again ------------------------------------------------------------------------- */

/* It cannot be entered as things are now: held, with the words. */
static int again_hold(struct taking *t, const struct header *header, struct bytes bytes,
		      const char *words)
{
	char id[ID_TEXT];

	t->parked++;
	log_warn("recovery.held", "change=%s words=\"%s\"", id_format(&header->change, id), words);
	return held_add(t->area, t->space, &header->device, &header->change, bytes, words, false);
}

/* May the author still write there? What the server did itself it may do again, and what somebody
 * had let in stays let in. */
static bool again_may(const struct taking *t, const struct header *header)
{
	const struct area *a = t->area;
	struct id person;

	if (id_equal(&header->device, &a->server_device) || !id_is_zero(&header->let_in_by))
		return true;
	return access_device(a->access, &header->device, &person) &&
	       access_may(a->access, &person, &t->space->id) == MAY_WRITE;
}

static int again_enter(struct taking *t, const struct header *header, struct bytes bytes)
{
	struct area *a = t->area;
	struct cause cause = {{0}};
	struct change change;
	int err = change_read(&change, bytes, &a->change, &cause);

	if (err < 0)
		return ERR_CORRUPT;
	if (!again_may(t, header))
		return again_hold(t, header, bytes,
				  "your right to write there had ended: who leads there will"
				  " decide on it");
	err = turn_enter(a, t->space, &change, bytes, &header->device,
			 id_is_zero(&header->let_in_by) ? NULL : &header->let_in_by, NULL, &cause);
	if (err == ERR_INVALID || err == ERR_AGAIN)
		return again_hold(t, header, bytes, cause.words);
	t->entered += err == 0;
	return err;
}

/* Does what was decided on it stand? What was refused or held by a server that knew less does not,
 * and is forgotten. But somebody's word stands, and what is held waits for one. 1, 0 or an error.
 */
static int again_known(struct taking *t, const struct header *header, const struct judged *judged)
{
	if (judged->number || judged->decided ||
	    (judged->verdict == VERDICT_HELD && !again_may(t, header)))
		return 1;
	int err = journal_unrefuse(t->area->journal, &header->change);
	return err < 0 ? err : held_drop(t->area, &header->change);
}

static int row_enter_again(void *arg, const struct entry *e)
{
	struct taking *t = arg;
	uint64_t parked = t->parked;
	struct judged judged = {0};
	struct header header;
	struct bytes change;

	if (e->body.len == 0)
		return 0; /* others may have it; later ones have replaced what it set */
	int err = row_read(t, e, &header, &change);
	if (err == 0)
		err = journal_judged(t->area->journal, &header.change, change, &judged);
	if (err > 0)
		err = again_known(t, &header, &judged);
	/* What names a version now, a release that was made elsewhere could not know. */
	if (err == 0 && !retention_is_release(t->area, &header, change))
		err = again_enter(t, &header, change);
	if (judged.verdict == VERDICT_HELD)
		t->parked = parked; /* it was before: no news */
	arena_reset(&t->area->change);
	return err < 0 ? err : 0;
}

/* ---- The ways that it can go ---------------------------------------------------------------- */

/* The server's set-back shows: unless it is known already, or the space is not served anyway. */
static int take_begin(struct taking *t)
{
	if (t->area->recovery.on || t->space->recovering)
		return 0;
	return recovery_begin(t->area, t->session);
}

static uint64_t take_next_epoch(const struct taking *t)
{
	return (t->space->epoch > t->run->epoch ? t->space->epoch : t->run->epoch) + 1;
}

/* Everybody hears of the new epoch by an entry in it, which says what happened. */
static int take_note(struct taking *t)
{
	static const char format[] =
		"The server was set back to an earlier state, and has taken back from the schools'"
		" computers what it lacked. %llu change%s that had been made beside it %s entered"
		" again here%s.";
	char *text = mem_format(format, (unsigned long long)t->entered, t->entered == 1 ? "" : "s",
				t->entered == 1 ? "was" : "were",
				t->parked ? "; what could not be waits with its author" : "");
	int err = own_note(t->area, &t->space->id, &t->space->id, text);

	free(text);
	return err;
}

static int take_ahead(struct taking *t)
{
	struct recall *r = t->run;
	int err = take_begin(t);

	/* Of what was seen before an epoch whose beginning is not known nothing is sure. */
	if (err == 0 && r->epoch > t->space->epoch)
		err = journal_epoch_begin(t->area->journal, t->space, r->epoch, 0);
	if (err == 0)
		err = staged_each(t->area->journal, r->heap, row_take, t);
	if (err == 0 && (t->space->number != r->number ||
			 memcmp(t->space->chain, r->head, SHA256_LEN) != 0))
		err = ERR_CORRUPT;
	return err;
}

/* As take_ahead, as far as the run is whole; the rest is entered behind that. */
static int take_part(struct taking *t)
{
	struct recall *r = t->run;
	struct journal *j = t->area->journal;
	int err = take_begin(t);

	if (err == 0 && r->epoch > t->space->epoch)
		err = journal_epoch_begin(j, t->space, r->epoch, 0);
	if (err == 0)
		err = staged_each(j, r->heap, row_take_whole, t);
	r->common = r->lacks - 1;
	if (err >= 0)
		err = journal_epoch_begin(j, t->space, take_next_epoch(t), r->common);
	if (err == 0)
		err = staged_each(j, r->heap, row_enter_again, t);
	return err < 0 ? err : take_note(t);
}

/* A run of an earlier epoch: that it is left is known to everybody who has seen a head of this one.
 * What the run has more is entered like any change, and what they had seen stays seen. */
static int take_earlier(struct taking *t)
{
	struct recall *r = t->run;
	struct journal *j = t->area->journal;
	int err = journal_epoch_lower(j, t->space, r->epoch, r->common);

	if (err == 0 && t->missing)
		err = staged_each(j, r->heap, row_enter_again, t);
	return err < 0 || t->entered + t->parked == 0 ? err : take_note(t);
}

/* The run is of an epoch that this server, set back, knows nothing of. What was seen in those
 * before it may have been on a line that was left then: nothing of it is sure. */
static bool take_is_unknown(const struct taking *t)
{
	return t->run->epoch > t->space->epoch;
}

/* The server's line stays; what the run has more is entered behind it. */
static int take_shorter(struct taking *t)
{
	struct recall *r = t->run;
	struct journal *j = t->area->journal;
	uint64_t epoch = take_next_epoch(t);
	int err = take_begin(t);

	if (err == 0 && take_is_unknown(t))
		err = journal_epoch_begin(j, t->space, r->epoch, 0);
	if (err == 0)
		err = journal_epoch_begin(j, t->space, epoch, r->common);
	if (err == 0)
		err = staged_each(j, r->heap, row_enter_again, t);
	return err < 0 ? err : take_note(t);
}

/* The server's own changes, behind the run. They were judged by the epochs that it knows; then no
 * other counts for more. */
static int take_own_again(struct taking *t, uint64_t heap)
{
	struct journal *j = t->area->journal;
	bool unknown = take_is_unknown(t);
	int err = journal_epoch_begin(j, t->space, take_next_epoch(t), t->run->common);

	if (err == 0)
		err = staged_each(j, heap, row_enter_again, t);
	if (err == 0)
		err = staged_drop(j, heap);
	if (err == 0 && unknown)
		err = journal_epoch_unknown(j, t->space, t->run->epoch);
	return err;
}

/* The run stays; what the server has gone on with is entered behind it. */
static int take_longer(struct taking *t)
{
	struct recall *r = t->run;
	struct area *a = t->area;
	uint64_t heap = ++a->recovery.heaps;
	int err = take_begin(t);

	if (err == 0)
		err = staged_copy(a->journal, heap, t->space, r->common + 1);
	if (err == 0)
		err = journal_truncate(a->journal, t->space, r->common);
	if (err == 0)
		err = access_load(a->access, a->journal);
	if (err == 0)
		err = staged_each(a->journal, r->heap, row_take, t);
	if (err == 0)
		err = take_own_again(t, heap);
	return err < 0 ? err : take_note(t);
}

/* The copy has nothing more, but its head is of an epoch that the server knows nothing of. */
static int take_epoch(struct taking *t)
{
	struct recall *r = t->run;
	struct journal *j = t->area->journal;
	uint64_t epoch = take_next_epoch(t);
	int err = take_begin(t);

	if (err == 0)
		err = journal_epoch_begin(j, t->space, r->epoch, 0);
	if (err < 0 || t->space->number == r->common)
		return err;
	err = journal_epoch_begin(j, t->space, epoch, r->common);
	return err < 0 ? err : take_note(t);
}

static int take_by_length(struct taking *t, bool *rewind)
{
	const struct recall *r = t->run;
	const struct space *s = t->space;

	*rewind = false;
	if (r->number == r->common)
		return r->epoch > s->epoch ? take_epoch(t) : 0;
	if (s->number == r->common) {
		*rewind = r->lacks != 0;
		return r->lacks ? take_part(t) : take_ahead(t);
	}
	int err = staged_each(t->area->journal, r->heap, row_count_missing, t);
	if (err < 0)
		return err;
	*rewind = r->lacks || r->epoch < s->epoch || s->number - r->common >= r->number - r->common;
	return r->epoch < s->epoch ? take_earlier(t) : *rewind ? take_shorter(t) : take_longer(t);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static int take_place(const struct taking *t, bool rewind, struct place *at)
{
	at->epoch = t->space->epoch;
	at->number = rewind ? t->run->common : t->run->number;
	int got = journal_chain(t->area->journal, t->space, at->number, at->chain);
	return got > 0 ? 0 : got < 0 ? got : ERR_CORRUPT;
}

int recovery_take(struct area *a, struct session *s, struct recall *r, struct place *at,
		  bool *rewind)
{
	struct taking t = {.area = a, .session = s, .run = r};
	char device[ID_TEXT], id[ID_TEXT];
	int err = journal_begin(a->journal);

	if (err == 0)
		err = journal_space_make(a->journal, &r->space, &t.space);
	uint64_t had = err == 0 ? t.space->number : 0;
	if (err == 0)
		err = take_by_length(&t, rewind);
	if (err == 0)
		err = recovery_confirm(a, t.space);
	if (err == 0)
		err = staged_drop(a->journal, r->heap);
	if (err == 0 && !a->recovery.on) /* else it is done at the end, for all that has come */
		err = recovery_lack(a);
	if (err == 0)
		err = take_place(&t, *rewind, at);
	if (err < 0)
		return err;
	log_warn("recovery.taken",
		 "device=%s space=%s common=%llu had=%llu run=%llu stays=%s entered=%llu "
		 "parked=%llu now=%llu epoch=%llu",
		 id_format(&s->device, device), id_format(&r->space, id),
		 (unsigned long long)r->common, (unsigned long long)had,
		 (unsigned long long)r->number, *rewind ? "server" : "run",
		 (unsigned long long)t.entered, (unsigned long long)t.parked,
		 (unsigned long long)t.space->number, (unsigned long long)t.space->epoch);
	return 0;
}
