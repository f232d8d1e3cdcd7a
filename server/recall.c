/*
 * A space that is not on the line is asked back of the copy that holds it: Recall says where this
 * server stands, and the run that comes is verified against the head that it signed, staged until
 * it is whole, and taken (recovery_take.c). Where it was entered anew, the copy is told to go back.
 */
#include "server/recall.h"

#include "common/keys.h"
#include "common/log.h"
#include "server/journal_take.h"
#include "server/recovery.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS_MOST = 64 };
#define RUN_BYTES (UINT64_C(4) << 30) /* of one device at once */

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

void recall_drop(struct session *s)
{
	struct recall *r = s->hello->recall;

	s->hello->recall = NULL;
	recall_free(s->area, r);
}

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

int recall_send(struct session *s, struct told *t)
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

void recall_refuse(struct session *s, const char *why)
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

/* Is the head that the run should lead to on the server's own line? 1, 0 or an error. */
static int run_head_is_here(struct area *a, const struct space *space, const Wire__Head *h)
{
	uint8_t own[SHA256_LEN];

	if (!space || h->number == 0 || h->number > space->committed)
		return 0;
	int got = journal_chain(a->journal, space, h->number, own);
	return got <= 0 ? (got < 0 ? got : ERR_CORRUPT)
			: memcmp(own, h->chain.data, SHA256_LEN) == 0;
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
	int here = run_head_is_here(a, space, m->head);
	r->here = here > 0;
	return here < 0 ? here : journal_chain(a->journal, space, r->common, r->chain);
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
	if (r->next > r->number)
		return 0;
	/* Salt and body are sealed as one: where the body begins is by the salt's length alone. */
	if (e->has_body && salt.len == SALT_LEN)
		chain_next(r->chain, header, salt, body);
	else if (!e->has_body && e->sealed.len == SHA256_LEN)
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
	if (r->here)
		return 0; /* what leaves the line does not come back to it */
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

void recall_rewind(struct session *s)
{
	for (size_t i = 0; i < s->hello->n; i++)
		told_rewind(s, &s->hello->told[i]);
}

static void recall_before(const struct area *a, const struct id *id, struct place *out)
{
	const struct space *space = journal_space(a->journal, id);

	*out = (struct place){.epoch = space ? space->epoch : 0,
			      .number = space ? space->number : 0};
}

/* What others were asked of this space, or are handing in, was measured at the line as it was
 * before: the place where it ended. */
static void recall_outdate(struct area *a, const struct id *space, const struct place *before)
{
	const struct space *now = journal_space(a->journal, space);

	if (now->epoch == before->epoch && now->number == before->number)
		return;
	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (hello_is_recalled(s) && id_equal(&s->hello->recall->space, space))
			s->hello->recall->outdated = true;
	}
}

/* A run that the line changed under has come to its end: nothing is wrong with it. */
static void recall_again(struct session *s)
{
	const struct id space = s->hello->recall->space;

	for (size_t i = 0; i < s->hello->n; i++)
		if (id_equal(&s->hello->told[i].space, &space) && s->hello->told[i].recalls)
			s->hello->told[i].recalls--;
	recall_drop(s);
	if (!s->area->failed)
		hello_go_on(s);
}

/* The run is whole: take it, and only once it is on disk say so. */
static void run_take(struct session *s, struct recall *r)
{
	struct area *a = s->area;
	const struct id space = r->space;
	struct place at, before;
	bool rewind = false, full = a->dropped;

	a->dropped = false;
	/* What was decided in this turn before is told first: the line may change under it. */
	int err = turn_end(a) < 0 ? a->failed : 0;
	recall_before(a, &space, &before);
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
	recall_outdate(a, &space, &before);
	told_move(s, &space, &at, rewind);
	if (!access_session(a->access, &s->device, &s->person))
		s->person = (struct id){{0}};
	recall_rewind(s);
	hello_go_on(s);
}

/* All that this device hands in at once, by as many lines as it likes, is no more than a run. */
static bool recall_is_too_much(const struct session *s, size_t more)
{
	const struct area *a = s->area;
	uint64_t bytes = more, most = a->options.run_bytes ? a->options.run_bytes : RUN_BYTES;

	for (size_t i = 0; i < a->n_sessions; i++) {
		const struct session *other = a->sessions[i];
		if (other->hello && other->hello->recall && id_equal(&other->device, &s->device))
			bytes += other->hello->recall->bytes;
	}
	return bytes > most;
}

void recall_on_run(struct session *s, const struct frame *f, void *message)
{
	const Wire__Run *m = message;
	struct recall *r = s->hello->recall;

	s->turn_bytes += f->message.len;
	if (!r || !bytes_equal(BYTES_OF(m->space), ID_BYTES(&r->space))) {
		session_bye(s, WIRE__REASON__PROTOCOL, "entries came that were not asked for");
		return;
	}
	if (r->outdated) {
		if (!m->more)
			recall_again(s);
		return;
	}
	if (recall_is_too_much(s, f->message.len)) {
		recall_drop(s);
		session_bye(s, WIRE__REASON__BUSY,
			    "this device hands in more than the server takes at once");
		return;
	}
	int got = run_frame(s, r, m);
	if (got < 0) {
		if (turn_failed(s->area, got) == ERR_FULL)
			session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
	} else if (got == 0) {
		recall_refuse(s, "its entries do not join the line and lead to a signed head");
	} else if (!m->more) {
		s->hello->recall = NULL;
		run_take(s, r);
	}
}
