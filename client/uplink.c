/*
 * A session with the server. Hello says what is held; Welcome, what may be read; then entries come
 * by Feed, changes go by Push, and verdicts come back. Frames are taken into one transaction until
 * the turn's end (or for about 10 ms of a catch-up, so that other processes get their turn); what
 * is sent is sent after its commit.
 */
#include "client/uplink_inside.h"

#include "common/log.h"
#include "common/os.h"
#include "common/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Beginning and end ---------------------------------------------------------------------- */

/* `spaces` are all that are held; a lost one is none. */
static void uplink_hello(struct uplink *u, const struct held *spaces, size_t n)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	const struct copy_identity *identity = copy_identity(u->copy);
	Wire__At *held = arena_alloc(&u->arena, n * sizeof(*held));
	Wire__At **list = arena_alloc(&u->arena, n * sizeof(*list));
	char software[80];
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
	snprintf(software, sizeof(software), "fivepits %s", program_version());
	m.software = software;
	m.has_time_ms = true;
	m.time_ms = uplink_now(u);
	m.has_schema = true;
	m.schema = SCHEMA_VERSION;
	m.has_nonce = copy_nonce(u->copy, nonce);
	m.nonce = PB_BYTES(BYTES(nonce, sizeof(nonce)));
	m.has_values_first = m.values_first = true;
	m.has_marks = m.marks = true;
	link_send(u->link, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
}

struct uplink *uplink_new(struct copy *copy, struct link *link)
{
	struct uplink *u = mem_alloc(sizeof(*u));
	struct held *spaces;

	u->copy = copy;
	u->link = link;
	push_init(&u->push);
	u->uploads = uploads_new(uplink_now(u));
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

/* What was asked will not be answered. */
static void uplink_disappoint(struct uplink *u)
{
	int err = u->error				    ? u->error
		  : u->reason == WIRE__REASON__NOT_ALLOWED ? ERR_AUTH
							    : ERR_OFFLINE;
	const char *words = u->words[0] ? u->words : "the line to the server was lost";

	upload_fini(u);
	content_fini(u, err, words);
	ask_fini(u, err, words);
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
int uplink_store_contact(struct uplink *u)
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

/* ---- Bye, Ping ------------------------------------------------------------------------------ */

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
	case WIRE__KIND__PACE:
		return &wire__pace__descriptor;
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
		return take_on_verdicts(u, m);
	case WIRE__KIND__DEFERRED:
		return take_on_deferred(u, m);
	case WIRE__KIND__HELD_LIST:
		return take_on_held_list(u, m);
	case WIRE__KIND__DECIDED:
		return ask_on_decided(u, m);
	case WIRE__KIND__FEED:
		return take_on_feed(u, m);
	case WIRE__KIND__BODIES:
		return history_on_bodies(u, m);
	case WIRE__KIND__GRANTED:
		return take_on_granted(u, m);
	case WIRE__KIND__LOST:
		return take_on_lost(u, m);
	case WIRE__KIND__LIMITS:
		return take_on_limits(u, m);
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
	case WIRE__KIND__PACE:
		upload_on_pace(u, m);
		return 0;
	case WIRE__KIND__MISSING:
		upload_on_missing(u, m);
		if (u->state == UPLINK_READY)
			content_on_missing(u, m);
		return 0;
	case WIRE__KIND__INVITED:
		ask_on_invited(u, m);
		return 0;
	case WIRE__KIND__RENEWED:
		ask_on_renewed(u, m);
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
		return take_on_welcome(u, m);
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

void uplink_wake(struct uplink *u)
{
	u->push.all_sent = false;
	if (u->state == UPLINK_READY)
		upload_wake(u);
	if (u->state != UPLINK_ENDED)
		uplink_look_alive(u);
}

/* What may go, all of it looked up in one moment. */
static int uplink_send(struct uplink *u)
{
	int err = recover_send(u);

	copy_look(u->copy);
	if (err == 0 && u->state == UPLINK_READY)
		err = push_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		err = history_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		upload_turn(u);
	if (err == 0 && u->state == UPLINK_READY && push_is_due(u))
		err = push_send(u);
	copy_look_end(u->copy);
	return err;
}

int uplink_turn(struct uplink *u)
{
	if (!uplink_is_whole(u))
		return u->error;
	int err = uplink_commit(u);
	if (err == 0)
		err = uplink_send(u);
	if (err == 0 && u->state == UPLINK_READY)
		content_turn(u);
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

void uplink_limit(struct uplink *u, uint64_t bytes_s)
{
	u->limit = bytes_s;
	if (u->state == UPLINK_READY)
		upload_wake(u);
}

uint64_t uplink_rest_ms(const struct uplink *u)
{
	return u->state == UPLINK_READY ? upload_rest_ms(u) : 0;
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
	p.bytes_all += upload_waiting(u);
	return p;
}
