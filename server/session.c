/*
 * What comes in on a session, message by message. The table at the end says which message is taken
 * in which state and by whom; all else is either not for us, which is ignored, or breaks the
 * protocol, which ends the session with a Bye.
 */
#include "server/session.h"

#include "common/log.h"
#include "common/schema.h"
#include "server/give.h"
#include "server/hello.h"
#include "server/judge.h"
#include "server/lane.h"
#include "server/recall.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum {
	TURN_PUSHED =
		1024 * 1024, /* of one session; then it is not read from until the turn ends */
	FETCH_MOST = 4096,
	BODIES_FRAME = 64 * 1024, /* what is new need not wait for more */
};

/* ---- Its life ------------------------------------------------------------------------------- */

void session_move(struct session *s, enum session_state to)
{
	static const char *const names[] = {"opening", "recalled", "ready", "ended"};
	char device[ID_TEXT];
	log_debug("session.state", "device=%s from=%s to=%s", id_format(&s->device, device),
		  names[s->state], names[to]);
	s->state = to;
}

const char *session_reason_word(Wire__Reason reason)
{
	const ProtobufCEnumValue *v =
		protobuf_c_enum_descriptor_get_value(&wire__reason__descriptor, (int)reason);
	return v ? v->name : "?";
}

void session_bye(struct session *s, Wire__Reason reason, const char *words)
{
	char device[ID_TEXT];

	if (s->state == SESSION_ENDED || s->lost)
		return;
	log_info("session.bye", "device=%s reason=%s", id_format(&s->device, device),
		 session_reason_word(reason));
	session_move(s, SESSION_ENDED);
	link_bye(s->link, reason, words);
}

/* A device that comes and may not stay. */
static struct session *session_turn_away(struct link *link, const struct id *device,
					 Wire__Reason reason, const char *words)
{
	char text[ID_TEXT];

	log_info("session.turned_away", "device=%s reason=%s", id_format(device, text),
		 session_reason_word(reason));
	link_bye(link, reason, words);
	return NULL;
}

bool session_is_over(const struct session *s)
{
	return s->state == SESSION_ENDED;
}

/*
 * Is there room for one more of this device? Where it has as many as it may, or nobody has room,
 * its own oldest goes: that is most likely a line that broke without a word, and no device takes
 * the place of others.
 */
static bool session_make_room(struct area *a, const struct id *device)
{
	size_t all = 0, own = 0, most = a->options.sessions;
	struct session *oldest = NULL;

	for (size_t i = 0; i < a->n_sessions; i++) {
		struct session *s = a->sessions[i];
		if (s->state == SESSION_ENDED)
			continue;
		all++;
		if (!id_equal(&s->device, device))
			continue;
		own++;
		oldest = oldest ? oldest : s;
	}
	bool full = all >= (most && most < AREA_SESSIONS ? most : AREA_SESSIONS);
	if (oldest && (full || own >= AREA_DEVICE_SESSIONS)) {
		session_bye(oldest, WIRE__REASON__REPLACED,
			    "this device has connected again, and its oldest line makes room");
		return true;
	}
	return !full;
}

struct session *session_open(struct area *a, struct link *link, const struct id *device)
{
	struct id person;

	if (a->failed || !session_make_room(a, device))
		return session_turn_away(link, device, WIRE__REASON__BUSY,
					 "the server is busy: try again later");
	/* A device that is not known at all may have joined after the state that the server was set
	 * back to: what it holds tells. */
	if (!access_session(a->access, device, &person) && access_has_device(a->access, device))
		return session_turn_away(link, device, WIRE__REASON__REVOKED,
					 "this device may no longer be used here");
	struct session *s = mem_alloc(sizeof(*s));
	s->area = a;
	s->link = link;
	s->device = *device;
	s->person = person;
	s->serial = ++a->opened;
	a->sessions = mem_resize(a->sessions, (a->n_sessions + 1) * sizeof(*a->sessions));
	a->sessions[a->n_sessions++] = s;
	return s;
}

void session_lost(struct session *s)
{
	char device[ID_TEXT];

	if (s->state != SESSION_ENDED) {
		log_info("session.lost", "device=%s", id_format(&s->device, device));
		session_move(s, SESSION_ENDED);
	}
	hello_abandon(s);
	s->lost = true;
}

void session_drained(struct session *s)
{
	(void)s; /* the end of the turn looks at every session's queue */
}

void session_free(struct session *s)
{
	for (size_t i = 0; i < s->n_cursors; i++)
		free(s->cursors[i].own);
	free(s->cursors);
	hello_free(&s->hello);
	lane_free(&s->lane);
	give_free(&s->give);
	free(s->holds.spaces);
	free(s);
}

struct cursor *session_cursor(const struct session *s, const struct space *space)
{
	for (size_t i = 0; i < s->n_cursors; i++)
		if (s->cursors[i].space == space)
			return &s->cursors[i];
	return NULL;
}

struct cursor *session_cursor_add(struct session *s, struct space *space, uint64_t sent)
{
	size_t at = s->n_cursors;

	while (at && s->cursors[at - 1].space->local > space->local)
		at--;
	s->cursors = mem_resize(s->cursors, (s->n_cursors + 1) * sizeof(*s->cursors));
	memmove(s->cursors + at + 1, s->cursors + at, (s->n_cursors - at) * sizeof(*s->cursors));
	s->n_cursors++;
	s->cursors[at] = (struct cursor){.space = space, .sent = sent};
	return &s->cursors[at];
}

void session_cursor_drop(struct session *s, struct cursor *c)
{
	size_t at = (size_t)(c - s->cursors);

	free(c->own);
	s->n_cursors--;
	memmove(c, c + 1, (s->n_cursors - at) * sizeof(*c));
}

/* ---- Changes and entries -------------------------------------------------------------------- */

static void session_on_push(struct session *s, const struct frame *f, void *message)
{
	const Wire__Push *m = message;

	for (size_t i = 0; i < m->n_changes && s->state == SESSION_READY && !s->area->failed; i++)
		judge_change(s, BYTES_OF(m->changes[i]));
	s->turn_bytes += f->message.len;
}

static void session_on_decide(struct session *s, const struct frame *f, void *message)
{
	const Wire__Decide *m = message;
	struct id change;

	(void)f;
	if (id_from(&change, BYTES_OF(m->change)))
		judge_decide(s, &change, m->accept, m->words);
	else
		session_bye(s, WIRE__REASON__PROTOCOL, "a decision names no change");
}

struct fetching {
	struct arena *arena;
	Wire__Body *body;
	size_t size;
};

static bool fetch_row(void *arg, const struct entry *e)
{
	struct fetching *f = arg;
	struct bytes body = arena_copy(f->arena, e->body), salt = arena_copy(f->arena, e->salt);

	f->body->has_body = f->body->has_salt = 1;
	f->body->body = PB_BYTES(body);
	f->body->salt = PB_BYTES(salt);
	f->size += body.len;
	return true;
}

/* As many bodies as fit in a frame, in the order asked for; the rest is asked for again. */
static int fetch_bodies(struct session *s, const struct space *space, const Wire__Fetch *m)
{
	struct area *a = s->area;
	struct fetching f = {.arena = &a->change};
	Wire__Bodies out = WIRE__BODIES__INIT;
	int err = 0;

	out.space = m->space;
	out.bodies = arena_alloc(&a->change, m->n_numbers * sizeof(*out.bodies));
	for (size_t i = 0; err == 0 && i < m->n_numbers && f.size < BODIES_FRAME; i++) {
		if (m->numbers[i] == 0 || m->numbers[i] > space->committed)
			continue;
		f.body = arena_alloc(&a->change, sizeof(*f.body));
		wire__body__init(f.body);
		f.body->number = m->numbers[i];
		err = journal_entries(a->journal, space, m->numbers[i], m->numbers[i], fetch_row,
				      &f);
		if (out.n_bodies && f.size > BODIES_FRAME)
			break; /* this one is for the next frame */
		out.bodies[out.n_bodies++] = f.body;
	}
	if (err == 0)
		link_send(s->link, WIRE__KIND__BODIES, &out.base, BYTES_NONE);
	arena_reset(&a->change);
	return err;
}

static void session_on_fetch(struct session *s, const struct frame *f, void *message)
{
	const Wire__Fetch *m = message;
	struct id id;
	const struct space *space =
		id_from(&id, BYTES_OF(m->space)) ? journal_space(s->area->journal, &id) : NULL;

	(void)f;
	if (!space || !session_cursor(s, space)) {
		Wire__Bodies none = WIRE__BODIES__INIT;
		none.space = m->space;
		link_send(s->link, WIRE__KIND__BODIES, &none.base, BYTES_NONE);
		return;
	}
	if (m->n_numbers > FETCH_MOST) {
		session_bye(s, WIRE__REASON__TOO_BIG, "too many bodies were asked for at once");
		return;
	}
	int err = fetch_bodies(s, space, m);
	if (err < 0)
		turn_failed(s->area, err);
}

/* ---- Invitations and certificates ----------------------------------------------------------- */

static void session_on_invite(struct session *s, const struct frame *f, void *message)
{
	const Wire__Invite *m = message;
	struct id person, school, invitation;
	uint64_t expires_ms;

	(void)f;
	if (!access_is_administrator(s->area->access, &s->person)) {
		session_bye(s, WIRE__REASON__NOT_ALLOWED, "only an administrator invites");
		return;
	}
	if (!id_from(&person, BYTES_OF(m->person)) || !id_from(&school, BYTES_OF(m->school)) ||
	    !id_from(&invitation, BYTES_OF(m->invitation)) || m->verifier.len != 32) {
		session_bye(s, WIRE__REASON__PROTOCOL, "an invitation is not well formed");
		return;
	}
	int err = s->area->full ? ERR_FULL
				: area_invite(s->area, &person, &school, invitation.b,
					      m->verifier.data, &expires_ms);
	if (err == ERR_MISSING)
		session_bye(s, WIRE__REASON__NOT_ALLOWED,
			    "the server knows no such person: sync first, then invite");
	else if (err == ERR_FULL)
		session_bye(s, WIRE__REASON__BUSY, "the server's disk is full");
	if (err < 0)
		return;
	struct answer *answer = turn_answer(s->area, s, ANSWER_INVITED, &invitation);
	answer->number = expires_ms;
}

static void session_on_renew(struct session *s, const struct frame *f, void *message)
{
	const Wire__Renew *m = message;
	Wire__Renewed renewed = WIRE__RENEWED__INIT;
	struct cause cause = {{0}};
	struct buf certificate = {0};

	(void)f;
	int err = area_renew(s->area, &s->device, BYTES_OF(m->request), &certificate, &cause);
	if (err < 0) {
		session_bye(s, WIRE__REASON__NOT_ALLOWED, cause.words);
	} else {
		renewed.certificate = PB_BYTES(certificate);
		link_send(s->link, WIRE__KIND__RENEWED, &renewed.base, BYTES_NONE);
	}
	buf_fini(&certificate);
}

/* ---- The rest ------------------------------------------------------------------------------- */

static void session_on_ping(struct session *s, const struct frame *f, void *message)
{
	const Wire__Ping *m = message;
	Wire__Pong pong = WIRE__PONG__INIT;

	(void)f;
	pong.has_time_ms = m->has_time_ms;
	pong.time_ms = m->time_ms;
	link_send(s->link, WIRE__KIND__PONG, &pong.base, BYTES_NONE);
}

static void session_on_bye(struct session *s, const struct frame *f, void *message)
{
	(void)f;
	(void)message;
	session_move(s, SESSION_ENDED);
	s->link->ops->close(s->link);
}

#define IN(state) (1u << SESSION_##state)

static const struct step {
	Wire__Kind kind;
	const ProtobufCMessageDescriptor *message;
	unsigned states; /* in which it may come */
	void (*on)(struct session *s, const struct frame *f, void *message);
} steps[] = {
	{WIRE__KIND__HELLO, &wire__hello__descriptor, IN(OPENING), hello_on_hello},
	{WIRE__KIND__RUN, &wire__run__descriptor, IN(RECALLED), recall_on_run},
	{WIRE__KIND__BYE, &wire__bye__descriptor, IN(OPENING) | IN(RECALLED) | IN(READY),
	 session_on_bye},
	{WIRE__KIND__PING, &wire__ping__descriptor, IN(RECALLED) | IN(READY), session_on_ping},
	{WIRE__KIND__PUSH, &wire__push__descriptor, IN(READY), session_on_push},
	{WIRE__KIND__DECIDE, &wire__decide__descriptor, IN(READY), session_on_decide},
	{WIRE__KIND__FETCH, &wire__fetch__descriptor, IN(READY), session_on_fetch},
	{WIRE__KIND__OFFER, &wire__offer__descriptor, IN(READY), session_on_offer},
	{WIRE__KIND__CHUNK, &wire__chunk__descriptor, IN(READY), session_on_chunk},
	{WIRE__KIND__GET, &wire__get__descriptor, IN(READY), session_on_get},
	{WIRE__KIND__CANCEL, &wire__cancel__descriptor, IN(READY), session_on_cancel},
	{WIRE__KIND__PACE, &wire__pace__descriptor, IN(READY), session_on_pace},
	{WIRE__KIND__INVITE, &wire__invite__descriptor, IN(READY), session_on_invite},
	{WIRE__KIND__RENEW, &wire__renew__descriptor, IN(READY), session_on_renew},
};

static const struct step *session_step(unsigned kind)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if ((unsigned)steps[i].kind == kind)
			return &steps[i];
	return NULL;
}

/* Who asks faster than he takes the answers, or pushes more than a turn should hold, waits. */
static void session_pace(struct session *s)
{
	if (s->paused || s->state == SESSION_ENDED)
		return;
	if (s->turn_bytes <= TURN_PUSHED && s->link->ops->queued(s->link) <= SESSION_QUEUE)
		return;
	s->paused = true;
	s->link->ops->pause(s->link, true);
}

void session_frame(struct session *s, const struct frame *f)
{
	const struct step *step = session_step(f->kind);
	struct area *a = s->area;
	struct cause cause = {{0}};

	if (s->state == SESSION_ENDED || s->lost || a->failed)
		return;
	if (!step && s->state == SESSION_READY)
		return; /* of a later version, or not for a server */
	if (!step || !(step->states >> s->state & 1)) {
		session_bye(s, WIRE__REASON__PROTOCOL,
			    s->state == SESSION_OPENING ? "a session begins with Hello"
							: "that message does not belong here");
		return;
	}
	void *message = frame_unpack(f, step->message, &a->frame, &cause);
	if (message)
		step->on(s, f, message);
	else
		session_bye(s, WIRE__REASON__PROTOCOL, cause.words);
	session_pace(s);
	arena_reset(&a->frame);
}
