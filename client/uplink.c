/*
 * A session with the server. Hello says what is held; Welcome, what may be read; then entries come
 * by Feed, changes go by Push, and verdicts come back. Frames are taken into one transaction until
 * the turn's end (or for about 10 ms of a catch-up, so that other processes get their turn); what
 * is sent is sent after its commit.
 */
#include "client/uplink_inside.h"

#include "common/log.h"
#include "common/os.h"
#include "version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t uplink_now(const struct uplink *u)
{
	return env_now_ms(copy_env(u->copy));
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

/* `spaces` are all that are held; a lost one is none. */
static void uplink_hello(struct uplink *u, const struct held *spaces, size_t n)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	const struct copy_identity *identity = copy_identity(u->copy);
	Wire__At *held = arena_alloc(&u->arena, n * sizeof(*held));
	Wire__At **list = arena_alloc(&u->arena, n * sizeof(*list));
	uint8_t nonce[16];

	for (size_t i = 0; i < n; i++) {
		if (spaces[i].state != HELD_OPEN)
			continue;
		Wire__At *at = list[m.n_held++] = &held[i];
		wire__at__init(at);
		at->space = PB_ID(&spaces[i].id);
		at->epoch = spaces[i].epoch;
		at->number = spaces[i].number;
		at->values_first = spaces[i].number < spaces[i].first;
		at->has_values_first = at->values_first; /* not said is shorter */
		at->has_chain = true;
		at->chain = PB_BYTES(BYTES(spaces[i].chain, SHA256_LEN));
	}
	m.version = WIRE_VERSION;
	m.area = PB_ID(&identity->area);
	m.held = list;
	m.software = (char *)"fivepits " FIVEPITS_VERSION;
	m.has_time_ms = true;
	m.time_ms = uplink_now(u);
	m.has_schema = true;
	m.schema = SCHEMA_VERSION;
	m.has_nonce = copy_nonce(u->copy, nonce);
	m.nonce = PB_BYTES(BYTES(nonce, sizeof(nonce)));
	m.has_values_first = m.values_first = true;
	link_send(u->link, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
}

struct uplink *uplink_new(struct copy *copy, struct link *link)
{
	struct uplink *u = mem_alloc(sizeof(*u));
	struct held *spaces;

	u->copy = copy;
	u->link = link;
	u->uploads = uploads_new();
	u->carriage = carriage_new();
	u->setbacks = copy_setbacks(copy);
	u->heard_ms = uplink_now(u);
	arena_init(&u->arena, FRAME_BUDGET);
	int n = copy_spaces(copy, &spaces);
	if (n < 0) {
		uplink_fail(u, n);
		return u;
	}
	uplink_hello(u, spaces, (size_t)n);
	free(spaces);
	return u;
}

static void ask_end(struct ask *ask, int err, const char *words)
{
	uplink_done_fn done = ask->done;
	ask->done = NULL;
	if (done)
		done(ask->arg, err, words);
}

/* What was asked will not be answered. */
static void uplink_disappoint(struct uplink *u)
{
	int err = u->reason == WIRE__REASON__NOT_ALLOWED ? ERR_AUTH : ERR_OFFLINE;
	const char *words = u->words[0] ? u->words : "the line to the server was lost";

	upload_fini(u);
	content_fini(u, err, words);
	ask_end(&u->invite, err, words);
	ask_end(&u->renew, err, words);
	ask_end(&u->decide, err, words);
}

static void uplink_over(struct uplink *u, Wire__Reason reason, const char *words)
{
	copy_rollback(u->copy);
	u->batch_ms = 0;
	u->state = UPLINK_ENDED;
	u->reason = reason;
	snprintf(u->words, sizeof(u->words), "%s", words);
	uplink_disappoint(u);
}

void uplink_end(struct uplink *u, Wire__Reason reason, const char *words)
{
	if (u->state == UPLINK_ENDED)
		return;
	log_warn("uplink.end", "reason=%d", (int)reason);
	link_bye(u->link, reason, words);
	uplink_over(u, reason, words);
}

void uplink_fail(struct uplink *u, int err)
{
	char words[256];

	if (u->state == UPLINK_ENDED)
		return;
	u->error = err;
	snprintf(words, sizeof(words), "this computer's copy could not be written: %s",
		 err_words(err));
	link_bye(u->link, WIRE__REASON__DONE, NULL);
	uplink_over(u, WIRE__REASON__DONE, words);
}

void uplink_again(struct uplink *u, const char *words)
{
	link_bye(u->link, WIRE__REASON__DONE, NULL);
	uplink_over(u, WIRE__REASON__RECOVERING, words);
}

/* When the server was heard last, for `status`. */
static int uplink_store_contact(struct uplink *u)
{
	char text[24];

	u->contact = false;
	snprintf(text, sizeof(text), "%" PRIu64, u->heard_ms);
	return copy_meta_set(u->copy, "last_contact", text);
}

void uplink_free(struct uplink **up)
{
	struct uplink *u = *up;
	if (!u)
		return;
	copy_rollback(u->copy);
	if (u->contact && uplink_store_contact(u) < 0)
		log_warn("uplink.contact", "the time of the last contact was not stored");
	uplink_disappoint(u);
	push_fini(u);
	recover_fini(u);
	free(u->targets);
	arena_fini(&u->arena);
	free(u);
	*up = NULL;
}

/* ---- Welcome, Granted, Lost ----------------------------------------------------------------- */

static void target_add(struct uplink *u, const struct id *space, uint64_t held, uint64_t told)
{
	if (told <= held)
		return;
	u->targets = mem_resize(u->targets, (u->n_targets + 1) * sizeof(*u->targets));
	u->targets[u->n_targets++] = (struct target){*space, told};
	u->progress.to_take += told - held;
}

static void target_reached(struct uplink *u, const struct id *space, uint64_t number)
{
	for (size_t i = 0; i < u->n_targets; i++)
		if (id_equal(&u->targets[i].space, space) && u->targets[i].number <= number)
			u->targets[i--] = u->targets[--u->n_targets];
}

static const struct held *held_find(const struct held *spaces, int n, const struct id *space)
{
	for (int i = 0; i < n; i++)
		if (id_equal(&spaces[i].id, space))
			return &spaces[i];
	return NULL;
}

/* One space that may be read. */
static int uplink_may_read(struct uplink *u, const Wire__At *at, const struct held *spaces, int n)
{
	struct id space;
	if (!id_from(&space, BYTES_OF(at->space))) {
		uplink_end(u, WIRE__REASON__PROTOCOL, "the server names a space without an id");
		return 0;
	}
	const struct held *held = held_find(spaces, n, &space);
	bool open = held && held->state == HELD_OPEN;
	if (open && (held->epoch > at->epoch || held->number > at->number)) {
		uplink_end(u, WIRE__REASON__SET_BACK,
			   "the server knows less than this copy: it seems to have been set back "
			   "to an earlier "
			   "state. Nothing was changed here; tell the administrator of the area");
		return 0;
	}
	target_add(u, &space, open ? held->number : 0, at->number);
	int err = copy_grant(u->copy, &space, at->epoch);
	return err < 0 ? err : copy_first(u->copy, &space, at->number);
}

static int uplink_note_server(struct uplink *u, const Wire__Welcome *m)
{
	struct id person;
	char text[24];
	int err = copy_meta_set(u->copy, "server_address", m->address ? m->address : "");

	if (err == 0)
		err = copy_meta_set(u->copy, "turned_away", "");
	if (err == 0 && m->has_nonce && m->nonce.len == 16)
		err = copy_nonce_set(u->copy, m->nonce.data);
	if (err == 0 && m->has_person && id_from(&person, BYTES_OF(m->person)))
		err = copy_person_set(u->copy, &person);
	if (err == 0 && m->has_time_ms) {
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)(m->time_ms - uplink_now(u)));
		err = copy_meta_set(u->copy, "clock_skew_ms", text);
	}
	return err < 0 ? err : uplink_store_contact(u);
}

static int on_welcome(struct uplink *u, const Wire__Welcome *m)
{
	struct held *spaces;

	if (u->state != UPLINK_OPENING || m->version != WIRE_VERSION) {
		uplink_end(u, WIRE__REASON__VERSION,
			   "the server speaks another version of the protocol");
		return 0;
	}
	int n = copy_spaces(u->copy, &spaces);
	int err = n < 0 ? n : copy_begin(u->copy);
	for (size_t i = 0; i < m->n_spaces && err == 0 && u->state != UPLINK_ENDED; i++)
		err = uplink_may_read(u, m->spaces[i], spaces, n);
	if (err == 0 && u->state != UPLINK_ENDED)
		err = copy_held_forget(u->copy);
	if (err == 0 && u->state != UPLINK_ENDED)
		err = limits_set(u->copy, NULL); /* it is told anew where there are any */
	if (n >= 0)
		free(spaces);
	if (err < 0 || u->state == UPLINK_ENDED)
		return err;
	u->state = UPLINK_READY;
	u->paused = contents_paused(u->copy);
	return uplink_note_server(u, m);
}

static int on_granted(struct uplink *u, const Wire__Granted *m)
{
	struct held *spaces;
	int n = copy_spaces(u->copy, &spaces);
	int err = n < 0 ? n : uplink_may_read(u, m->space, spaces, n);

	if (n >= 0)
		free(spaces);
	return err;
}

/* What documents may weigh: it is looked at when one is put. */
static int on_limits(struct uplink *u, const Wire__Limits *m)
{
	const struct document_limits l = {
		.file = m->has_file_bytes ? m->file_bytes : UINT64_MAX,
		.school = m->has_school_bytes ? m->school_bytes : UINT64_MAX,
		.used = m->used_bytes,
		.free = m->has_free_bytes ? m->free_bytes : UINT64_MAX,
	};
	int err = copy_begin(u->copy);

	push_content_again(u, NULL); /* there may be room now */
	return err < 0 ? err : limits_set(u->copy, &l);
}

static int on_lost(struct uplink *u, const Wire__Lost *m)
{
	struct id space;
	if (!id_from(&space, BYTES_OF(m->space)))
		return 0;
	target_reached(u, &space, UINT64_MAX);
	return copy_lose(u->copy, &space);
}

/* ---- Entries and verdicts ------------------------------------------------------------------- */

static int on_feed(struct uplink *u, const Wire__Feed *m)
{
	struct cause cause;
	struct id space;
	size_t n;
	int err = copy_feed(u->copy, m, &cause);

	if (err == ERR_CORRUPT || err == ERR_PROTO) {
		uplink_end(u, err == ERR_PROTO ? WIRE__REASON__PROTOCOL : WIRE__REASON__DAMAGED,
			   cause.words);
		return 0;
	}
	if (err < 0)
		return err;
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i]->has_sealed)
			history_wake(u);
	const struct id *own = copy_feed_own(u->copy, &n);
	for (size_t i = 0; i < n; i++)
		push_answered(u, &own[i]);
	u->progress.taken += m->n_entries;
	u->batch_entries += m->n_entries;
	if (id_from(&space, BYTES_OF(m->space)))
		target_reached(u, &space, m->head->number);
	return 0;
}

static int on_verdicts(struct uplink *u, const Wire__Verdicts *m)
{
	struct id change;

	for (size_t i = 0; i < m->n_judged; i++) {
		const Wire__Judged *j = m->judged[i];
		if (!id_from(&change, BYTES_OF(j->change)))
			continue;
		int err = copy_verdict(u->copy, &change, (enum verdict)j->verdict,
				       j->has_number ? j->number : 0, j->words);
		if (err < 0)
			return err;
		push_answered(u, &change);
	}
	return 0;
}

static int on_held_list(struct uplink *u, const Wire__HeldList *m)
{
	int err = copy_held_list(u->copy, m);

	if (err != ERR_PROTO)
		return err;
	uplink_end(u, WIRE__REASON__PROTOCOL,
		   "the server sent a list of held changes that can't be read");
	return 0;
}

static int on_deferred(struct uplink *u, const Wire__Deferred *m)
{
	struct id change;

	if (!id_from(&change, BYTES_OF(m->change)))
		return 0;
	switch (m->why) {
	case WIRE__WAIT__CONTENT_MISSING:
		push_deferred(u, &change, STUCK_CONTENT, BYTES_OF(m->content));
		return 0; /* it is on its way: nothing to tell */
	case WIRE__WAIT__EARLIER_MISSING:
		push_deferred(u, &change, STUCK_A_WHILE, BYTES_NONE);
		return 0;
	case WIRE__WAIT__NO_ROOM:
		push_deferred(u, &change, STUCK_A_WHILE, BYTES_NONE);
		return copy_defer(u->copy, &change, m->words ? m->words : "the server has no room");
	default:
		push_deferred(u, &change, STUCK_SESSION, BYTES_NONE);
		return copy_defer(u->copy, &change,
				  m->words ? m->words : "the server is of an older version");
	}
}

/* ---- Bye, Ping, questions ------------------------------------------------------------------- */

static const char *reason_words(Wire__Reason reason)
{
	switch (reason) {
	case WIRE__REASON__SET_BACK:
		return "the server knows less than this copy: it seems to have been set back to an "
		       "earlier state";
	case WIRE__REASON__RECOVERING:
		return "the server was set back to an earlier state, and takes back from the "
		       "copies what it lacks";
	case WIRE__REASON__REPLACED:
		return "another program on this device has connected to the server";
	case WIRE__REASON__REVOKED:
		return "this device's access was ended";
	case WIRE__REASON__STOPPING:
		return "the server is being stopped";
	case WIRE__REASON__BUSY:
		return "the server is too busy";
	case WIRE__REASON__OTHER_AREA:
		return "the server is that of another area";
	default:
		return "the server ended the session";
	}
}

/* What came before it is kept. That this device may not come any more is kept too, for `status`. */
static int on_bye(struct uplink *u, const Wire__Bye *m)
{
	const char *words = m->words && *m->words ? m->words : reason_words(m->reason);
	int err = u->contact ? uplink_store_contact(u) : 0;
	if (err == 0 && m->reason == WIRE__REASON__REVOKED)
		err = copy_meta_set(u->copy, "turned_away", words);
	if (err == 0)
		err = copy_commit(u->copy);
	if (err < 0)
		return err;
	uplink_over(u, m->reason, words);
	u->link->ops->close(u->link);
	return 0;
}

static void on_ping(struct uplink *u)
{
	Wire__Pong m = WIRE__PONG__INIT;
	m.has_time_ms = true;
	m.time_ms = uplink_now(u);
	link_send(u->link, WIRE__KIND__PONG, &m.base, BYTES_NONE);
}

static void on_invited(struct uplink *u, const Wire__Invited *m)
{
	if (!u->invite.done || m->invitation.len != 16 ||
	    memcmp(m->invitation.data, u->invite.invitation, 16) != 0)
		return;
	if (u->invite.expires_ms)
		*u->invite.expires_ms = m->has_expires_ms ? m->expires_ms : 0;
	ask_end(&u->invite, 0, "");
}

static void on_renewed(struct uplink *u, const Wire__Renewed *m)
{
	if (!u->renew.done)
		return;
	buf_add_bytes(u->renew.out, BYTES_OF(m->certificate));
	ask_end(&u->renew, 0, "");
}

static int on_decided(struct uplink *u, const Wire__Decided *m)
{
	const char *words = m->words ? m->words : "";
	struct id change;

	if (!id_from(&change, BYTES_OF(m->change)) || !u->decide.done ||
	    !id_equal(&change, &u->decide.change))
		return 0;
	int err = m->has_verdict ? copy_held_drop(u->copy, &change) : 0;
	if (err < 0)
		return err;
	if (m->has_verdict) {
		*u->decide.verdict = (enum verdict)m->verdict;
		ask_end(&u->decide, 0, words);
	} else {
		ask_end(&u->decide, ERR_INVALID, *words ? words : "nothing was decided");
	}
	return 0;
}

/* A question may be asked now: there is a session, and no other of its kind is open. */
static bool ask_begin(struct uplink *u, struct ask *ask, uplink_done_fn done, void *arg)
{
	if (u->state != UPLINK_READY || ask->done) {
		if (u->state == UPLINK_READY)
			done(arg, ERR_AGAIN, "another one is being asked for");
		else
			done(arg, ERR_OFFLINE,
			     u->words[0] ? u->words : "there is no line to the server yet");
		return false;
	}
	ask->done = done;
	ask->arg = arg;
	return true;
}

void uplink_invite(struct uplink *u, const struct id *person, const struct id *school,
		   const uint8_t invitation[16], const uint8_t verifier[32], uint64_t *expires_ms,
		   uplink_done_fn done, void *arg)
{
	Wire__Invite m = WIRE__INVITE__INIT;

	if (!ask_begin(u, &u->invite, done, arg))
		return;
	memcpy(u->invite.invitation, invitation, 16);
	u->invite.expires_ms = expires_ms;
	m.person = PB_ID(person);
	m.school = PB_ID(school);
	m.invitation = PB_BYTES(BYTES(invitation, 16));
	m.verifier = PB_BYTES(BYTES(verifier, 32));
	link_send(u->link, WIRE__KIND__INVITE, &m.base, BYTES_NONE);
}

void uplink_decide(struct uplink *u, const struct id *change, bool accept, const char *words,
		   enum verdict *verdict, uplink_done_fn done, void *arg)
{
	Wire__Decide m = WIRE__DECIDE__INIT;

	if (!ask_begin(u, &u->decide, done, arg))
		return;
	u->decide.change = *change;
	u->decide.verdict = verdict;
	m.change = PB_ID(change);
	m.accept = accept;
	m.words = (char *)words;
	link_send(u->link, WIRE__KIND__DECIDE, &m.base, BYTES_NONE);
}

void uplink_renew(struct uplink *u, struct bytes request, struct buf *out, uplink_done_fn done,
		  void *arg)
{
	Wire__Renew m = WIRE__RENEW__INIT;

	if (!ask_begin(u, &u->renew, done, arg))
		return;
	u->renew.out = out;
	m.request = PB_BYTES(request);
	link_send(u->link, WIRE__KIND__RENEW, &m.base, BYTES_NONE);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *frame_descriptor(unsigned kind)
{
	switch (kind) {
	case WIRE__KIND__WELCOME:
		return &wire__welcome__descriptor;
	case WIRE__KIND__RECALL:
		return &wire__recall__descriptor;
	case WIRE__KIND__REWIND:
		return &wire__rewind__descriptor;
	case WIRE__KIND__LACKING:
		return &wire__lacking__descriptor;
	case WIRE__KIND__BYE:
		return &wire__bye__descriptor;
	case WIRE__KIND__PING:
		return &wire__ping__descriptor;
	case WIRE__KIND__VERDICTS:
		return &wire__verdicts__descriptor;
	case WIRE__KIND__DEFERRED:
		return &wire__deferred__descriptor;
	case WIRE__KIND__HELD_LIST:
		return &wire__held_list__descriptor;
	case WIRE__KIND__DECIDED:
		return &wire__decided__descriptor;
	case WIRE__KIND__FEED:
		return &wire__feed__descriptor;
	case WIRE__KIND__BODIES:
		return &wire__bodies__descriptor;
	case WIRE__KIND__GRANTED:
		return &wire__granted__descriptor;
	case WIRE__KIND__LOST:
		return &wire__lost__descriptor;
	case WIRE__KIND__WANT:
		return &wire__want__descriptor;
	case WIRE__KIND__CHUNK:
		return &wire__chunk__descriptor;
	case WIRE__KIND__STORED:
		return &wire__stored__descriptor;
	case WIRE__KIND__MISSING:
		return &wire__missing__descriptor;
	case WIRE__KIND__LIMITS:
		return &wire__limits__descriptor;
	case WIRE__KIND__INVITED:
		return &wire__invited__descriptor;
	case WIRE__KIND__RENEWED:
		return &wire__renewed__descriptor;
	default:
		return NULL;
	}
}

/* What may come at any time of a session. 0 or an error of the copy. */
static int uplink_dispatch(struct uplink *u, unsigned kind, const void *m, struct bytes raw)
{
	switch (kind) {
	case WIRE__KIND__VERDICTS:
		return on_verdicts(u, m);
	case WIRE__KIND__DEFERRED:
		return on_deferred(u, m);
	case WIRE__KIND__HELD_LIST:
		return on_held_list(u, m);
	case WIRE__KIND__DECIDED:
		return on_decided(u, m);
	case WIRE__KIND__FEED:
		return on_feed(u, m);
	case WIRE__KIND__BODIES:
		return history_on_bodies(u, m);
	case WIRE__KIND__GRANTED:
		return on_granted(u, m);
	case WIRE__KIND__LOST:
		return on_lost(u, m);
	case WIRE__KIND__LIMITS:
		return on_limits(u, m);
	case WIRE__KIND__LACKING:
		recover_on_lacking(u, m);
		return 0;
	case WIRE__KIND__WANT:
		upload_on_want(u, m);
		return 0;
	case WIRE__KIND__CHUNK:
		content_on_chunk(u, m, raw);
		return 0;
	case WIRE__KIND__STORED:
		upload_on_stored(u, m);
		return 0;
	case WIRE__KIND__MISSING:
		upload_on_missing(u, m);
		if (u->state == UPLINK_READY)
			content_on_missing(u, m);
		return 0;
	case WIRE__KIND__INVITED:
		on_invited(u, m);
		return 0;
	case WIRE__KIND__RENEWED:
		on_renewed(u, m);
		return 0;
	default:
		return 0;
	}
}

static int uplink_handle(struct uplink *u, const struct frame *f)
{
	struct cause cause;
	const ProtobufCMessageDescriptor *d = frame_descriptor(f->kind);

	if (!d) {
		log_debug("uplink.skip", "kind=%u", f->kind); /* of a newer version, or a Pong */
		return 0;
	}
	arena_reset(&u->arena);
	const void *m = frame_unpack(f, d, &u->arena, &cause);
	if (!m) {
		uplink_end(u, WIRE__REASON__PROTOCOL, cause.words);
		return 0;
	}
	if (f->kind == WIRE__KIND__BYE)
		return on_bye(u, m);
	if (f->kind == WIRE__KIND__WELCOME)
		return on_welcome(u, m);
	if (f->kind == WIRE__KIND__RECALL)
		return recover_on_recall(u, m);
	if (f->kind == WIRE__KIND__REWIND)
		return recover_on_rewind(u, m);
	if (u->state == UPLINK_OPENING) {
		uplink_end(u, WIRE__REASON__PROTOCOL, "the server spoke before it was its turn");
		return 0;
	}
	if (f->kind == WIRE__KIND__PING)
		on_ping(u);
	return uplink_dispatch(u, f->kind, m, f->raw);
}

/* Others who want to write get their turn. */
static int uplink_commit(struct uplink *u)
{
	uint64_t entries = u->batch_entries;

	u->batch_ms = 0;
	u->batch_entries = 0;
	int err = copy_commit(u->copy);
	if (err == 0 && entries > 0)
		log_debug("uplink.commit", "us=%" PRIu64 " entries=%" PRIu64, os_monotonic_us(),
			  entries);
	return err;
}

/* What this session took in may have been lost by another's save: then it must ask again from
 * there. */
static bool uplink_is_whole(struct uplink *u)
{
	if (u->state != UPLINK_ENDED && copy_setbacks(u->copy) != u->setbacks)
		uplink_fail(u, ERR_FULL);
	return u->state != UPLINK_ENDED;
}

void uplink_frame(struct uplink *u, const struct frame *f)
{
	uint64_t now = uplink_now(u);

	if (!uplink_is_whole(u))
		return;
	u->heard_ms = now;
	u->pinged_ms = 0;
	u->contact = true;
	if (u->batch_ms == 0)
		u->batch_ms = now;
	int err = uplink_handle(u, f);
	if (err == 0 && uplink_now(u) - u->batch_ms >= BATCH_MS)
		err = uplink_commit(u);
	if (err < 0)
		uplink_fail(u, err);
}

/* ---- Turns ---------------------------------------------------------------------------------- */

/* A line that carries nothing may be dead. */
static void uplink_look_alive(struct uplink *u)
{
	Wire__Ping m = WIRE__PING__INIT;
	uint64_t now = uplink_now(u);

	if (now - u->heard_ms >= DEAD_MS) {
		uplink_end(u, WIRE__REASON__IDLE,
			   "the server has not answered for a minute and a half");
	} else if (u->state == UPLINK_READY && u->pinged_ms == 0 && now - u->heard_ms >= PING_MS) {
		u->pinged_ms = now;
		link_send(u->link, WIRE__KIND__PING, &m.base, BYTES_NONE);
	}
}

/* Documents, both ways. */
static void uplink_carry(struct uplink *u)
{
	upload_turn(u);
	if (u->state == UPLINK_READY)
		content_turn(u);
}

void uplink_drained(struct uplink *u)
{
	int err = recover_send(u);

	if (err < 0)
		uplink_fail(u, err);
	if (u->state == UPLINK_READY)
		uplink_carry(u);
}

void uplink_wake(struct uplink *u)
{
	u->push.all_sent = false;
	if (u->state == UPLINK_READY)
		upload_wake(u);
	if (u->state != UPLINK_ENDED)
		uplink_look_alive(u);
}

int uplink_turn(struct uplink *u)
{
	if (!uplink_is_whole(u))
		return u->error;
	int err = uplink_commit(u);
	if (err == 0)
		err = recover_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		err = push_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		err = history_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		uplink_carry(u);
	if (err == 0)
		err = uplink_commit(u); /* a document that is not there was noted */
	if (err < 0)
		uplink_fail(u, err);
	return u->error;
}

/* ---- How it stands -------------------------------------------------------------------------- */

enum uplink_state uplink_state(const struct uplink *u)
{
	return u->state;
}

void uplink_hold_documents(struct uplink *u)
{
	u->no_documents = true;
}

void uplink_hold_history(struct uplink *u)
{
	u->no_history = true;
}

bool uplink_is_busy(const struct uplink *u)
{
	return content_is_busy(u);
}

bool uplink_has_values(const struct uplink *u)
{
	return u->state == UPLINK_READY && u->n_targets == 0;
}

bool uplink_quiet(const struct uplink *u)
{
	return uplink_has_values(u) && push_quiet(u) && history_quiet(u) && upload_quiet(u) &&
	       content_quiet(u) && recover_quiet(u) && !u->invite.done && !u->renew.done &&
	       !u->decide.done;
}

const char *uplink_words(const struct uplink *u)
{
	return u->words;
}

Wire__Reason uplink_reason(const struct uplink *u)
{
	return u->reason;
}

struct uplink_progress uplink_progress(const struct uplink *u)
{
	struct uplink_progress p = u->progress;
	int64_t unsent = 0, refused, conflicts;
	struct incomplete left;

	if (copy_counts(u->copy, &unsent, &refused, &conflicts) < 0)
		unsent = 0;
	p.to_send = p.sent + (uint64_t)unsent;
	if (copy_incomplete(u->copy, NULL, &left) < 0)
		left.bodies = 0;
	p.to_fetch = p.fetched + (uint64_t)left.bodies;
	p.has_values = uplink_has_values(u);
	return p;
}
