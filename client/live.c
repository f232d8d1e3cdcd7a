/*
 * One connection after the other. A line that is up is confirmed to be current by a Ping: the
 * server sends what is new before its Pong, so when the Pong comes and no Feed came in between,
 * nothing is under way.
 */
#include "client/live.h"

#include "client/holding.h"
#include "client/line.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/os.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LEAVE_MS = 2000 };

struct live {
	struct loop *loop;
	struct copy *copy;
	enum live_state state;
	struct tls *tls;
	struct line *line;
	struct uplink *uplink;
	struct loop_timer *leave; /* a line that does not end by itself is cut */
	struct loop_timer *rest;  /* a limit lets more go then */
	uint64_t limit;
	bool closed;		  /* the line is gone; tidied up at the turn's end */
	Wire__Reason reason;
	int error;
	struct cause cause;
	uint64_t feeds;
	enum { SURE, UNSURE, ASKED } sure; /* that nothing is under way */
	uint64_t feeds_asked;
	bool renewal_checked;
	bool no_documents; /* are sent */
	bool no_history;   /* is fetched */
	bool fetches;	   /* documents, unasked */
	bool fetching, fetch_begun;
	char holding[32];  /* what the person had said, and */
	uint64_t moved;	   /* how many documents had, when it was last looked */
	bool looked;
	size_t failures;
	struct cause failure;
	struct buf renewed; /* a certificate, DER */
};

static void live_event(void *arg, enum conn_event event, const struct frame *frame,
		       const char *words);

static void live_rested(void *arg)
{
	(void)arg; /* the turn's end does what there is to do */
}

static void live_cut(void *arg)
{
	((struct live *)arg)->closed = true;
}

struct live *live_new(struct loop *loop, struct copy *copy)
{
	struct live *l = mem_alloc(sizeof(*l));

	l->loop = loop;
	l->copy = copy;
	l->leave = loop_timer_new(loop, live_cut, l);
	l->rest = loop_timer_new(loop, live_rested, l);
	return l;
}

static void live_drop(struct live *l)
{
	uplink_free(&l->uplink);
	line_free(&l->line);
	tls_free(&l->tls);
	loop_timer_stop(l->leave);
	loop_timer_stop(l->rest);
	l->state = LIVE_DOWN;
	l->closed = false;
}

void live_free(struct live **live)
{
	struct live *l = *live;

	if (!l)
		return;
	live_drop(l);
	loop_timer_free(&l->leave);
	loop_timer_free(&l->rest);
	buf_fini(&l->renewed);
	free(l);
	*live = NULL;
}

void live_hold_documents(struct live *l)
{
	l->no_documents = true;
}

void live_hold_history(struct live *l)
{
	l->no_history = true;
}

void live_limit(struct live *l, uint64_t bytes_s)
{
	l->limit = bytes_s;
	if (l->uplink)
		uplink_limit(l->uplink, bytes_s);
}

void live_fetch_documents(struct live *l)
{
	l->fetches = true;
}

size_t live_fetch_failures(const struct live *l, struct cause *why)
{
	*why = l->failure;
	return l->failures;
}

void live_call(struct live *l)
{
	const struct copy_identity *me = copy_identity(l->copy);

	if (l->state != LIVE_DOWN)
		return;
	l->reason = 0;
	l->renewal_checked = false;
	l->looked = false;
	l->sure = SURE; /* Welcome tells all */
	l->error = tls_device_new(&l->tls, copy_home(l->copy), &l->cause);
	if (l->error == 0)
		l->error = line_open(&l->line, l->loop, me->address, me->proxy, &me->area, l->tls,
				     live_event, l, &l->cause);
	if (l->error)
		live_drop(l);
	else
		l->state = LIVE_CALLING;
}

static int reason_error(Wire__Reason reason)
{
	switch (reason) {
	case WIRE__REASON__REVOKED:
	case WIRE__REASON__NOT_ALLOWED:
		return ERR_AUTH;
	case WIRE__REASON__VERSION:
	case WIRE__REASON__OTHER_AREA:
	case WIRE__REASON__SET_BACK:
		return ERR_INVALID;
	case WIRE__REASON__DAMAGED:
		return ERR_CORRUPT;
	case WIRE__REASON__PROTOCOL:
	case WIRE__REASON__TOO_BIG:
		return ERR_PROTO;
	default:
		return ERR_OFFLINE;
	}
}

/* The session is over: keep why, and wait for the line to end. */
static void live_session_over(struct live *l, int error)
{
	if (l->state == LIVE_LEAVING)
		return;
	l->state = LIVE_LEAVING;
	l->reason = uplink_reason(l->uplink);
	l->error = error ? error : reason_error(l->reason);
	cause_set(&l->cause, 0, "%.500s", uplink_words(l->uplink));
	loop_timer_set(l->leave, LEAVE_MS);
}

/* ---- The certificate ------------------------------------------------------------------------ */

struct renewal {
	struct evp_pkey_st *key;
	struct x509_st *cert, *ca;
};

static int renewal_load(struct live *l, struct renewal *r)
{
	const char *home = copy_home(l->copy);
	char *key = mem_format("%s/key.pem", home), *cert = mem_format("%s/device.pem", home);
	char *ca = mem_format("%s/ca.pem", home);

	*r = (struct renewal){0};
	int rc = key_load(&r->key, key, NULL);
	if (rc == 0)
		rc = cert_load(&r->cert, cert, NULL);
	if (rc == 0)
		rc = cert_load(&r->ca, ca, NULL);
	free(key);
	free(cert);
	free(ca);
	return rc;
}

static void renewal_fini(struct renewal *r)
{
	key_free(&r->key);
	cert_free(&r->cert);
	cert_free(&r->ca);
}

/* Has this device's own certificate run out? Where it has, the server may end the handshake
 * without a word that arrives. */
static bool live_has_run_out(struct live *l)
{
	struct renewal r;
	uint64_t from, until = UINT64_MAX;

	if (renewal_load(l, &r) == 0)
		cert_times(r.cert, &from, &until);
	renewal_fini(&r);
	return env_now_ms(copy_env(l->copy)) > until;
}

/* ---- What the line says ---------------------------------------------------------------------- */

static void live_closed(struct live *l, const char *words)
{
	if (l->state != LIVE_LEAVING) {
		l->error = ERR_OFFLINE;
		cause_set(&l->cause, 0, "%.500s", words);
		if (l->state == LIVE_CALLING && strstr(words, "TLS failed") && live_has_run_out(l))
			cause_set(&l->cause, 0,
				  "this device's certificate has run out: if this computer's clock "
				  "is right, ask an administrator for a new invitation and join "
				  "anew; keep this folder until then");
	}
	l->closed = true;
}

static void live_pong(struct live *l)
{
	if (l->sure == ASKED)
		l->sure = l->feeds == l->feeds_asked ? SURE : UNSURE;
}

static void live_event(void *arg, enum conn_event event, const struct frame *frame,
		       const char *words)
{
	struct live *l = arg;

	switch (event) {
	case CONN_READY:
		l->uplink = uplink_new(l->copy, conn_link(line_conn(l->line)));
		uplink_limit(l->uplink, l->limit);
		if (l->no_documents)
			uplink_hold_documents(l->uplink);
		if (l->no_history)
			uplink_hold_history(l->uplink);
		break;
	case CONN_FRAME:
		l->feeds += frame->kind == WIRE__KIND__FEED;
		uplink_frame(l->uplink, frame);
		break;
	case CONN_PONG:
		live_pong(l);
		break;
	case CONN_DRAINED:
		break; /* the turn goes on sending */
	case CONN_CLOSED:
		live_closed(l, words);
		break;
	}
}

/* ---- Renewing the certificate --------------------------------------------------------------- */

static void live_on_renewed(void *arg, int err, const char *words)
{
	struct live *l = arg;
	struct x509_st *fresh = NULL;
	struct renewal r;
	struct id device;
	struct cause cause;

	if (err) {
		log_warn("live.renew", "err=%d why=\"%s\"", err, words);
		return;
	}
	char *path = mem_format("%s/device.pem", copy_home(l->copy));
	err = renewal_load(l, &r);
	if (err == 0)
		err = cert_read(&fresh, buf_bytes(&l->renewed), &cause);
	if (err == 0 && cert_has_key(fresh, r.key) && cert_is_under(fresh, r.ca) &&
	    cert_device(fresh, &device) && id_equal(&device, &copy_identity(l->copy)->device))
		err = cert_save(fresh, path, &cause);
	else
		err = ERR_PROTO;
	if (err)
		log_warn("live.renew", "err=%d", err);
	else
		log_info("live.renewed", "path=device.pem");
	free(path);
	cert_free(&fresh);
	renewal_fini(&r);
	buf_reset(&l->renewed);
}

/* Once a connection: is two thirds of the certificate's life over? */
static void live_check_renewal(struct live *l)
{
	struct buf request = {0};
	struct renewal r;

	l->renewal_checked = true;
	if (renewal_load(l, &r) == 0 && cert_is_due(r.cert, env_now_ms(copy_env(l->copy)))) {
		key_request(r.key, &request);
		buf_reset(&l->renewed);
		uplink_renew(l->uplink, buf_bytes(&request), &l->renewed, live_on_renewed, l);
		buf_fini(&request);
	}
	renewal_fini(&r);
}

/* ---- Turns ---------------------------------------------------------------------------------- */

static void live_fetched(void *arg, int err, const char *words)
{
	struct live *l = arg;

	l->fetching = false;
	if (err == 0 || err == ERR_OFFLINE)
		return;
	log_warn("live.fetch", "err=%d why=\"%s\"", err, words);
	l->failures++;
	cause_set(&l->failure, err, "%.500s", words);
}

/* Has something moved that decides which documents are to be here? */
static bool live_fetch_is_due(struct live *l)
{
	char holding[sizeof(l->holding)];

	holding_print(l->copy, holding, sizeof(holding));
	if (l->looked && l->moved == copy_documents_moved(l->copy) &&
	    strcmp(holding, l->holding) == 0)
		return false;
	memcpy(l->holding, holding, sizeof(holding));
	l->moved = copy_documents_moved(l->copy);
	l->looked = true;
	return true;
}

/* Documents come when nothing else is to be done. */
static void live_fetch(struct live *l)
{
	if (!l->fetches || l->no_documents || l->fetching || l->state != LIVE_UP ||
	    l->sure != SURE || !uplink_quiet(l->uplink) || !live_fetch_is_due(l))
		return;
	l->fetching = true;
	uplink_fetch(l->uplink, true, live_fetched, l);
	l->fetch_begun = l->fetching; /* what it asks for is sent in a turn of its own */
}

static void live_ask_if_unsure(struct live *l)
{
	if (l->state != LIVE_UP || l->sure != UNSURE || !uplink_quiet(l->uplink))
		return;
	l->sure = ASKED;
	l->feeds_asked = l->feeds;
	conn_ping(line_conn(l->line));
}

void live_turn(struct live *l)
{
	l->fetch_begun = false;
	if (l->uplink) {
		int rc = uplink_turn(l->uplink);
		if (uplink_state(l->uplink) == UPLINK_ENDED)
			live_session_over(l, rc);
		else if (uplink_state(l->uplink) == UPLINK_READY && l->state == LIVE_CALLING)
			l->state = LIVE_UP;
		if (l->state == LIVE_UP && !l->renewal_checked)
			live_check_renewal(l);
		live_ask_if_unsure(l);
		live_fetch(l);
		uint64_t rest = uplink_rest_ms(l->uplink);
		if (rest)
			loop_timer_set(l->rest, rest);
	}
	if (l->closed)
		live_drop(l);
}

void live_wake(struct live *l)
{
	if (l->uplink)
		uplink_wake(l->uplink);
}

void live_hang_up(struct live *l)
{
	if (l->state == LIVE_DOWN || l->state == LIVE_LEAVING)
		return;
	l->error = 0;
	l->state = LIVE_LEAVING;
	loop_timer_set(l->leave, l->uplink ? LEAVE_MS : 0);
	if (l->uplink)
		link_bye(conn_link(line_conn(l->line)), WIRE__REASON__DONE, NULL);
}

enum live_state live_state(const struct live *l)
{
	return l->state;
}

struct uplink *live_uplink(struct live *l)
{
	return l->state == LIVE_UP ? l->uplink : NULL;
}

bool live_is_busy(const struct live *l)
{
	return l->uplink && (l->fetch_begun || uplink_is_busy(l->uplink));
}

bool live_is_current(const struct live *l)
{
	return l->state == LIVE_UP && l->sure == SURE && !l->fetching && uplink_quiet(l->uplink);
}

void live_confirm(struct live *l)
{
	if (l->state == LIVE_UP)
		l->sure = UNSURE;
}

int live_why(const struct live *l, struct cause *cause)
{
	return l->error ? cause_set(cause, l->error, "%s", l->cause.words) : 0;
}

bool live_is_recovering(const struct live *l)
{
	return l->reason == WIRE__REASON__RECOVERING;
}

bool live_was_replaced(const struct live *l)
{
	return l->reason == WIRE__REASON__REPLACED;
}

uint64_t live_feeds(const struct live *l)
{
	return l->feeds;
}
