/*
 * From Hello to Welcome. What the copy says it holds is compared with the server's chains, all of
 * it before anything else. Whatever is not on the line is recalled, one space after the other; the
 * runs that come are verified against the head that this server signed, staged until they are
 * whole, and taken. A copy whose every space is on the line is welcome, once no recovery is on.
 */
#include "server/hello.h"

#include "common/keys.h"
#include "common/log.h"
#include "common/schema.h"
#include "server/first.h"
#include "server/journal_take.h"
#include "server/nonce.h"
#include "server/recovery.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum {
	HELD_MOST = 4096,
	POINTS_MOST = 64,
	RECALLS_MOST = 8, /* of one space in one session */
	LACKING_MOST = 4096, /* contents in one frame */
};
#define RUN_BYTES (UINT64_C(4) << 30) /* of one run */

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

/* What was staged of a run is not wanted any more. */
static void recall_free(struct area *a, struct recall *r)
{
	if (r && r->begun && !a->failed) {
		int err = staged_drop(a->journal, r->heap);
		if (err < 0)
			turn_failed(a, err);
	}
	free(r);
}

static void recall_drop(struct session *s)
{
	struct recall *r = s->hello->recall;

	s->hello->recall = NULL;
	recall_free(s->area, r);
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

/* ---- Recall --------------------------------------------------------------------------------- */

/* The server's own chain at its head, and 1, 2, 4, 8... below. Who may not read a space hears
 * nothing of it: such a copy hands in all that it has. */
static int recall_points(struct session *s, const struct id *id, Wire__Recall *m)
{
	struct area *a = s->area;
	const struct space *space = journal_space(a->journal, id);
	int got = 1;

	if (!space || access_may(a->access, &s->person, id) == MAY_NOTHING)
		return 0;
	m->points = arena_alloc(&a->change, POINTS_MOST * sizeof(*m->points));
	for (uint64_t back = 0; got > 0 && back < space->committed; back = back ? 2 * back : 1) {
		Wire__Point *p = arena_alloc(&a->change, sizeof(*p));
		uint8_t *chain = arena_alloc(&a->change, SHA256_LEN);
		wire__point__init(p);
		p->number = space->committed - back;
		p->chain = PB_BYTES(BYTES(chain, SHA256_LEN));
		got = journal_chain(a->journal, space, p->number, chain);
		m->points[m->n_points++] = p;
	}
	return got > 0 ? 0 : got < 0 ? got : ERR_CORRUPT;
}

static int recall_send(struct session *s, struct told *t)
{
	Wire__Recall m = WIRE__RECALL__INIT;
	char device[ID_TEXT], space[ID_TEXT];

	s->hello->recall = mem_alloc(sizeof(*s->hello->recall));
	s->hello->recall->space = t->space;
	t->recalls++;
	m.space = PB_ID(&t->space);
	int err = recall_points(s, &t->space, &m);
	if (err == 0)
		link_send(s->link, WIRE__KIND__RECALL, &m.base, BYTES_NONE);
	arena_reset(&s->area->change);
	log_warn("hello.recall", "device=%s space=%s epoch=%llu number=%llu",
		 id_format(&s->device, device), id_format(&t->space, space),
		 (unsigned long long)t->epoch, (unsigned long long)t->number);
	return err;
}

/* ---- Run ------------------------------------------------------------------------------------ */

static void run_refuse(struct session *s, const char *why)
{
	char device[ID_TEXT];

	log_error("hello.refused", "device=%s why=\"%s\"", id_format(&s->device, device), why);
	recall_drop(s);
	session_bye(s, WIRE__REASON__DAMAGED,
		    "what this copy handed in is not what this server has signed: nothing of it was"
		    " taken. Tell your administrator");
}

/* Did this server sign it? Ed25519 signs the same always the same; compared in constant time. */
static bool run_is_signed(struct area *a, const struct id *space, const Wire__Head *h)
{
	struct buf statement = {0};
	uint8_t signature[64];

	if (h->chain.len != SHA256_LEN || h->signature.len != sizeof(signature) || h->epoch == 0 ||
	    h->epoch >= INT64_MAX)
		return false;
	head_statement(&a->id, space, h->epoch, h->number, h->chain.data, &statement);
	a->options.sign(a->options.sign_arg, buf_bytes(&statement), signature);
	buf_fini(&statement);
	return key_same(signature, h->signature.data, sizeof(signature));
}

/* The first frame: its head is signed, and it begins on the server's line. 1, 0 or an error. */
static int run_begin(struct session *s, struct recall *r, const Wire__Run *m)
{
	struct area *a = s->area;
	const struct space *space = journal_space(a->journal, &r->space);

	if (!run_is_signed(a, &r->space, m->head) || m->from == 0 ||
	    m->from - 1 > m->head->number || m->from - 1 > (space ? space->committed : 0))
		return 0;
	r->heap = ++a->recovery.heaps;
	r->begun = true;
	r->next = m->from;
	r->common = m->from - 1;
	r->epoch = m->head->epoch;
	r->number = m->head->number;
	memcpy(r->head, m->head->chain.data, SHA256_LEN);
	if (!space) {
		chain_start(&a->id, &r->space, r->chain);
		return 1;
	}
	return journal_chain(a->journal, space, r->common, r->chain);
}

/* One entry: on the server's line as far as that goes, staged from there on. 1, 0 or an error. */
static int run_entry(struct session *s, struct recall *r, const Wire__Entry *e)
{
	struct journal *j = s->area->journal;
	const struct space *space = journal_space(j, &r->space);
	struct bytes header = BYTES_OF(e->header), salt = BYTES_OF(e->salt),
		     body = BYTES_OF(e->body);
	uint8_t own[SHA256_LEN];

	r->bytes += header.len + salt.len + body.len;
	if (r->next > r->number || r->bytes > RUN_BYTES)
		return 0;
	if (e->has_body)
		chain_next(r->chain, header, salt, body);
	else if (e->sealed.len == SHA256_LEN)
		chain_next_sealed(r->chain, header, e->sealed.data);
	else
		return 0;
	if (space && r->common + 1 == r->next && r->next <= space->committed) {
		int got = journal_chain(j, space, r->next, own);
		if (got <= 0)
			return got < 0 ? got : ERR_CORRUPT;
		if (memcmp(own, r->chain, SHA256_LEN) == 0) {
			r->common = r->next++;
			return 1;
		}
	}
	int err = staged_add(j, r->heap, r->next, header, salt, body);
	if (!e->has_body && !r->lacks)
		r->lacks = r->next;
	r->next++;
	return err < 0 ? err : 1;
}

/* A frame of a run. 1: it fits so far; 0: it is not what was signed; or an error. */
static int run_frame(struct session *s, struct recall *r, const Wire__Run *m)
{
	int got = r->begun ? m->from == r->next : run_begin(s, r, m);

	for (size_t i = 0; got > 0 && i < m->n_entries; i++)
		got = run_entry(s, r, m->entries[i]);
	if (got > 0 && !m->more)
		got = r->next == r->number + 1 && memcmp(r->chain, r->head, SHA256_LEN) == 0;
	return got;
}

/* The copy stands elsewhere on the line than it said, or will once it is told. */
static void told_move(struct session *s, const struct id *space, const struct place *at,
		      bool rewinds)
{
	for (size_t i = 0; i < s->hello->n; i++) {
		struct told *t = &s->hello->told[i];
		if (!id_equal(&t->space, space))
			continue;
		t->rewinds = rewinds;
		t->epoch = at->epoch;
		t->number = at->number;
		memcpy(t->chain, at->chain, SHA256_LEN);
	}
}

/* What the copy has above this was entered again elsewhere. Whose device is not known yet, since it
 * joined after the state that the server was set back to, is told when it is. */
static void told_rewind(struct session *s, struct told *at)
{
	struct area *a = s->area;
	Wire__Rewind m = WIRE__REWIND__INIT;
	Wire__Head head = WIRE__HEAD__INIT;
	struct buf statement = {0};
	uint8_t signature[64];

	if (!at->rewinds || access_may(a->access, &s->person, &at->space) == MAY_NOTHING)
		return; /* it will hear that it has lost the space */
	at->rewinds = false;
	head_statement(&a->id, &at->space, at->epoch, at->number, at->chain, &statement);
	a->options.sign(a->options.sign_arg, buf_bytes(&statement), signature);
	buf_fini(&statement);
	head.epoch = at->epoch;
	head.number = at->number;
	head.chain = PB_BYTES(BYTES(at->chain, SHA256_LEN));
	head.signature = (ProtobufCBinaryData){sizeof(signature), signature};
	m.space = PB_ID(&at->space);
	m.head = &head;
	link_send(s->link, WIRE__KIND__REWIND, &m.base, BYTES_NONE);
}

static void hello_rewind(struct session *s)
{
	for (size_t i = 0; i < s->hello->n; i++)
		told_rewind(s, &s->hello->told[i]);
}

/* The run is whole: take it, and only once it is on disk say so. */
static void run_take(struct session *s, struct recall *r)
{
	struct area *a = s->area;
	const struct id space = r->space;
	struct place at;
	bool rewind = false, full = a->dropped;

	a->dropped = false;
	/* What was decided in this turn before is told first: the line may change under it. */
	int err = turn_end(a) < 0 ? a->failed : 0;
	if (err == 0 && !a->dropped) { /* else what was staged in it is gone with it */
		err = recovery_take(a, s, r, &at, &rewind);
		if (err == 0)
			err = turn_end(a);
		else if (turn_failed(a, err) == ERR_FULL)
			err = 0;
	}
	bool taken = err == 0 && !a->dropped;
	a->dropped = a->dropped || full;
	if (!taken) {
		recall_free(a, r);
		if (err == 0)
			session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
		return;
	}
	free(r);
	told_move(s, &space, &at, rewind);
	if (!access_session(a->access, &s->device, &s->person))
		s->person = (struct id){{0}};
	hello_rewind(s);
	hello_go_on(s);
}

void hello_on_run(struct session *s, const struct frame *f, void *message)
{
	const Wire__Run *m = message;
	struct recall *r = s->hello->recall;

	s->turn_bytes += f->message.len;
	if (!r || !bytes_equal(BYTES_OF(m->space), ID_BYTES(&r->space))) {
		session_bye(s, WIRE__REASON__PROTOCOL, "entries came that were not asked for");
		return;
	}
	int got = run_frame(s, r, m);
	if (got < 0) {
		if (turn_failed(s->area, got) == ERR_FULL)
			session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
	} else if (got == 0) {
		run_refuse(s, "its entries do not join the line and lead to a signed head");
	} else if (!m->more) {
		s->hello->recall = NULL;
		run_take(s, r);
	}
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

	hello_rewind(s);
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
		run_refuse(s, "it comes back to what it handed in");
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
	const struct id admin = id_admin(&a->id);
	return id_equal(&t->space, &a->directory) ? 0 : id_equal(&t->space, &admin) ? 1 : 2;
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
