/*
 * From Hello to Welcome. What the copy says it holds is compared with the server's chains, all of
 * it before anything else. Whatever is not on the line is recalled (recall.c), one space after the
 * other. A copy whose every space is on the line is welcome, once no recovery is on.
 */
#include "server/hello.h"

#include "common/log.h"
#include "common/schema.h"
#include "server/first.h"
#include "server/nonce.h"
#include "server/recall.h"
#include "server/recovery.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum {
	HELD_MOST = 4096,
	RECALLS_MOST = 8, /* of one space in one session */
	LACKING_MOST = 4096, /* contents in one frame */
};

void hello_free(struct hello **h)
{
	if (!*h)
		return;
	free((*h)->told);
	free((*h)->recall);
	free(*h);
	*h = NULL;
}

bool hello_is_recalled(const struct session *s)
{
	return s->state == SESSION_RECALLED && !s->lost && s->hello->recall;
}

bool hello_waits(const struct session *s)
{
	return s->state == SESSION_RECALLED && !s->lost && s->hello->waits;
}

/* What the copy said of a space, once; then it holds nothing of it. */
static struct told hello_take_told(struct session *s, const struct id *space)
{
	struct told none = {.space = *space};

	for (size_t i = 0; s->hello && i < s->hello->n; i++) {
		struct told *t = &s->hello->told[i];
		struct told said = *t;
		if (!id_equal(&t->space, space))
			continue;
		t->number = 0;
		return said;
	}
	return none;
}

struct cursor *hello_begin_feed(struct session *s, struct space *space)
{
	uint64_t whole_below = s->area->options.whole_below;
	struct told told = hello_take_told(s, &space->id);
	struct cursor *c = session_cursor_add(s, space, told.number);

	if (s->values_first && (told.number == 0 || told.values_first)) {
		c->first = space->committed;
		c->values_first = c->first >= (whole_below ? whole_below : FIRST_WHOLE);
	}
	return c;
}

void hello_abandon(struct session *s)
{
	if (s->hello && s->hello->recall)
		recall_drop(s);
}

/* ---- Is it on the line? --------------------------------------------------------------------- */

/* 1: what the copy holds of the space is a part of what is here; 0: it is not; or an error. */
static int hello_fits(struct session *s, const struct told *t)
{
	const struct space *space = journal_space(s->area->journal, &t->space);
	uint8_t chain[SHA256_LEN];

	if (t->number == 0 && (t->epoch <= 1 || (space && t->epoch <= space->epoch)))
		return 1;
	if (!space || t->epoch > space->epoch || t->number > space->committed)
		return 0;
	int got = journal_chain(s->area->journal, space, t->number, chain);
	return got <= 0 ? got : memcmp(chain, t->chain, SHA256_LEN) == 0;
}

/* The first space that is not; NULL: all are. 0 or an error. */
static int hello_misfit(struct session *s, struct told **out)
{
	*out = NULL;
	for (size_t i = 0; i < s->hello->n; i++) {
		int fits = hello_fits(s, &s->hello->told[i]);
		if (fits < 0)
			return fits;
		if (!fits) {
			*out = &s->hello->told[i];
			return 0;
		}
	}
	return 0;
}

/* ---- Welcome -------------------------------------------------------------------------------- */

/* A copy has one session: the newest. Copies of one device do not end each other's. */
static void hello_replace(struct session *s)
{
	for (size_t i = 0; i < s->area->n_sessions; i++) {
		struct session *other = s->area->sessions[i];
		if (other != s && other->state == SESSION_READY &&
		    id_equal(&other->device, &s->device) && other->lineage == s->lineage)
			session_bye(other, WIRE__REASON__REPLACED,
				    "this device has connected again from elsewhere");
	}
}

static void hello_welcome(struct session *s)
{
	struct area *a = s->area;
	Wire__Welcome w = WIRE__WELCOME__INIT;
	struct id *ids;
	size_t n = access_readable(a->access, &s->person, &ids);

	recall_rewind(s);
	w.version = WIRE_VERSION;
	w.spaces = arena_alloc(&a->change, n * sizeof(*w.spaces));
	for (size_t i = 0; i < n; i++) {
		struct space *space = journal_space(a->journal, &ids[i]);
		if (!space || space->recovering)
			continue;
		hello_begin_feed(s, space);
		Wire__At *at = w.spaces[w.n_spaces++] = arena_alloc(&a->change, sizeof(*at));
		wire__at__init(at);
		at->space = PB_ID(&space->id);
		at->epoch = space->epoch;
		at->number = space->committed;
	}
	w.has_time_ms = w.has_schema = w.has_person = w.has_device = 1;
	w.time_ms = env_now_ms(a->options.env);
	w.schema = SCHEMA_VERSION;
	w.address = (char *)a->options.address;
	w.person = PB_ID(&s->person);
	w.device = PB_ID(&s->device);
	w.has_nonce = s->hello->is_given;
	w.nonce = PB_BYTES(BYTES(s->hello->given, NONCE));
	w.has_marks = w.marks = 1;
	link_send(s->link, WIRE__KIND__WELCOME, &w.base, BYTES_NONE);
	arena_reset(&a->change);
	free(ids);
}

/* Tell of each space that the copy holds and may not read any more. What is not served is not lost,
 * and who may read is not known before the directory is. */
static void hello_lost(struct session *s)
{
	const struct space *directory = journal_space(s->area->journal, &s->area->directory);

	for (size_t i = 0; i < s->hello->n && !directory->recovering; i++) {
		struct told *t = &s->hello->told[i];
		Wire__Lost lost = WIRE__LOST__INIT;
		const struct space *space = journal_space(s->area->journal, &t->space);
		if (space && (space->recovering || session_cursor(s, space)))
			continue;
		lost.space = PB_ID(&t->space);
		link_send(s->link, WIRE__KIND__LOST, &lost.base, BYTES_NONE);
		hello_take_told(s, &t->space); /* should it be granted again, it begins anew */
	}
}

static bool lacking_may(void *arg, const struct space *space)
{
	return session_cursor(arg, space) != NULL;
}

/* Contents that were lost with what the server was set back from, of Versions that it may read. */
static int hello_lacking(struct session *s)
{
	struct area *a = s->area;
	Wire__Lacking m = WIRE__LACKING__INIT;
	struct db_stmt *st = db_query(a->db, "SELECT content FROM lacking", "");
	int got;

	m.contents = arena_alloc(&a->change, LACKING_MOST * sizeof(*m.contents));
	while ((got = db_step(st)) > 0) {
		struct bytes content = db_bytes(st, 0);
		got = journal_named(a->journal, content, lacking_may, s);
		if (got < 0 || m.n_contents == LACKING_MOST) {
			db_reset(st);
			break;
		}
		if (got > 0) {
			struct bytes kept = arena_copy(&a->change, content);
			m.contents[m.n_contents++] = (ProtobufCBinaryData)PB_BYTES(kept);
		}
	}
	if (got >= 0 && m.n_contents)
		link_send(s->link, WIRE__KIND__LACKING, &m.base, BYTES_NONE);
	arena_reset(&a->change);
	return got < 0 ? got : 0;
}

/* The spaces that this copy holds are borne out by it: entries of them, or that there are none. */
static int hello_confirm(struct session *s)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < s->hello->n && s->area->recovery.unserved; i++) {
		const struct told *t = &s->hello->told[i];
		struct space *space = journal_space(s->area->journal, &t->space);
		if (space && (t->number || space->number == 0))
			err = recovery_confirm(s->area, space);
	}
	return err;
}

/* What has come back since is not asked for any more. */
static int hello_found(struct area *a)
{
	struct db_stmt *st = db_query(a->db, "SELECT content FROM lacking", "");
	struct buf found = {0};
	struct content whole;
	int got;

	while ((got = db_step(st)) > 0) {
		struct bytes content = db_bytes(st, 0);
		if (content.len == SHA256_LEN &&
		    store_content(shelf_store(a->shelf), content.data, &whole) > 0)
			buf_add_bytes(&found, content);
	}
	if (got == 0 && found.len)
		got = journal_begin(a->journal);
	for (size_t i = 0; got == 0 && i < found.len; i += SHA256_LEN)
		got = db_run(a->db, "DELETE FROM lacking WHERE content = $1", "b",
			     BYTES(found.data + i, SHA256_LEN));
	buf_fini(&found);
	return got;
}

/* All of it is on the line. Welcome brings a nonce, and is said once that is on disk; where the
 * disk is full it is said without. */
static void hello_finish(struct session *s)
{
	struct hello *h = s->hello;
	int err = nonce_take(s->area, s, BYTES(h->nonce, h->has_nonce ? NONCE : 0), h->given);

	if (err == 0)
		err = hello_found(s->area);
	if (err == 0)
		err = held_note_holder(s->area, s);
	h->is_given = err == 0;
	if (err < 0 && turn_failed(s->area, err) != ERR_FULL)
		return;
	h->due = true;
}

void hello_taken_back(struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (s->hello)
			s->hello->is_given = false;
		if (hello_is_recalled(s) && s->hello->recall->begun)
			session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
	}
}

int hello_end(struct session *s)
{
	char device[ID_TEXT];

	if (s->state != SESSION_RECALLED || s->lost || !s->hello->due)
		return 0;
	s->hello->due = false;
	hello_replace(s);
	session_move(s, SESSION_READY);
	hello_welcome(s);
	hello_lost(s);
	log_info("session.ready", "device=%s lineage=%llu spaces=%zu sessions=%zu",
		 id_format(&s->device, device), (unsigned long long)s->lineage, s->n_cursors,
		 s->area->n_sessions);
	return hello_lacking(s);
}

static void hello_unknown(struct session *s)
{
	const struct space *directory = journal_space(s->area->journal, &s->area->directory);

	if (directory->recovering && !access_has_device(s->area->access, &s->device))
		session_bye(s, WIRE__REASON__RECOVERING,
			    "the server was set back to an earlier state, in which this device "
			    "is not known; it will be, once a computer that knows it has "
			    "connected");
	else
		session_bye(s, WIRE__REASON__REVOKED,
			    "this device may no longer be used here");
}

void hello_go_on(struct session *s)
{
	struct area *a = s->area;
	struct told *misfit;
	int err = hello_misfit(s, &misfit);

	s->hello->waits = false;
	if (err == 0 && misfit && misfit->recalls == RECALLS_MOST) {
		recall_refuse(s, "it comes back to what it handed in");
		return;
	}
	if (err == 0 && misfit)
		err = recall_send(s, misfit);
	else if (err == 0)
		err = hello_confirm(s);
	if (err < 0) {
		if (turn_failed(a, err) == ERR_FULL)
			session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
		return;
	}
	if (misfit)
		return;
	if (a->recovery.on) {
		if (a->recovery.begun_ms == 0)
			a->recovery.begun_ms = env_now_ms(a->options.env);
		s->hello->waits = true;
		return;
	}
	if (!access_session(a->access, &s->device, &s->person))
		hello_unknown(s);
	else
		hello_finish(s);
}

/* ---- Hello ---------------------------------------------------------------------------------- */

/* The directory says who may read, and admin who administers: they come first. */
static int told_rank(const struct area *a, const struct told *t)
{
	return id_equal(&t->space, &a->directory) ? 0 : id_equal(&t->space, &a->admin) ? 1 : 2;
}

/* What the copy holds. False: it does not say it as it should. */
static bool hello_read(struct session *s, const Wire__Hello *m)
{
	struct hello *h = s->hello = mem_alloc(sizeof(*h));

	h->told = mem_alloc((m->n_held + 1) * sizeof(*h->told));
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < m->n_held; i++) {
			const Wire__At *at = m->held[i];
			struct told t = {.epoch = at->epoch,
					 .number = at->number,
					 .values_first = at->values_first};
			if (!id_from(&t.space, BYTES_OF(at->space)) ||
			    (at->number && at->chain.len != SHA256_LEN))
				return false;
			if (at->chain.len == SHA256_LEN)
				memcpy(t.chain, at->chain.data, SHA256_LEN);
			if (told_rank(s->area, &t) == rank)
				h->told[h->n++] = t;
		}
	s->values_first = m->values_first;
	s->marks = m->marks;
	h->has_nonce = m->has_nonce && m->nonce.len == NONCE;
	if (h->has_nonce)
		memcpy(h->nonce, m->nonce.data, NONCE);
	return true;
}

void hello_on_hello(struct session *s, const struct frame *f, void *message)
{
	const Wire__Hello *m = message;
	struct area *a = s->area;

	(void)f;
	if (m->version != WIRE_VERSION) {
		session_bye(s, WIRE__REASON__VERSION,
			    "the server speaks another version of the protocol: update this copy");
		return;
	}
	if (!bytes_equal(BYTES_OF(m->area), ID_BYTES(&a->id))) {
		session_bye(s, WIRE__REASON__OTHER_AREA, "this server serves another area");
		return;
	}
	if (m->n_held > HELD_MOST) {
		session_bye(s, WIRE__REASON__TOO_BIG, "no copy holds that many spaces");
		return;
	}
	if (!hello_read(s, m)) {
		session_bye(s, WIRE__REASON__PROTOCOL, "a space that is held is not well told of");
		return;
	}
	session_move(s, SESSION_RECALLED);
	hello_go_on(s);
}
