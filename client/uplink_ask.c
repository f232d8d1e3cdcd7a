/* What a session asks: to invite, to decide on a held change, to renew a certificate. */
#include "client/uplink_inside.h"

static void ask_end(struct ask *ask, int err, const char *words)
{
	uplink_done_fn done = ask->done;
	ask->done = NULL;
	if (done)
		done(ask->arg, err, words);
}

void ask_on_invited(struct uplink *u, const Wire__Invited *m)
{
	if (!u->invite.done || m->invitation.len != 16 ||
	    memcmp(m->invitation.data, u->invite.invitation, 16) != 0)
		return;
	if (u->invite.expires_ms)
		*u->invite.expires_ms = m->has_expires_ms ? m->expires_ms : 0;
	ask_end(&u->invite, 0, "");
}

void ask_on_renewed(struct uplink *u, const Wire__Renewed *m)
{
	if (!u->renew.done)
		return;
	buf_add_bytes(u->renew.out, BYTES_OF(m->certificate));
	ask_end(&u->renew, 0, "");
}

int ask_on_decided(struct uplink *u, const Wire__Decided *m)
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

void ask_fini(struct uplink *u, int err, const char *words)
{
	ask_end(&u->invite, err, words);
	ask_end(&u->renew, err, words);
	ask_end(&u->decide, err, words);
}
