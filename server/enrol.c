/*
 * Enrolment on the server: Challenge out, Enrol in, the proof compared in constant time, the Device
 * entered, and after that turn's commit the certificate out. Every refusal ends the line, so a peer
 * has one try a connection and an invitation has five.
 */
#include "server/enrol.h"

#include "common/invitation.h"
#include "common/keys.h"
#include "common/log.h"
#include "server/session.h"

#include <stdlib.h>
#include <string.h>

enum enrol_state { ENROL_CHALLENGED, ENROL_ENTERED, ENROL_ENDED };

struct enrol {
	struct area *area;
	struct ca *ca;
	struct link *link;
	enum enrol_state state;
	uint8_t exported[32];
	struct id device, person;
	struct buf request; /* DER, once the Device is entered */
};

struct enrol *enrol_new(struct area *area, struct ca *ca, struct link *link,
			const uint8_t exported[32])
{
	struct enrol *e = mem_alloc(sizeof(*e));
	Wire__Challenge challenge = WIRE__CHALLENGE__INIT;

	e->area = area;
	e->ca = ca;
	e->link = link;
	memcpy(e->exported, exported, sizeof(e->exported));
	challenge.version = WIRE_VERSION;
	link_send(link, WIRE__KIND__CHALLENGE, &challenge.base, BYTES_NONE);
	return e;
}

void enrol_free(struct enrol **e)
{
	if (!*e)
		return;
	buf_fini(&(*e)->request);
	free(*e);
	*e = NULL;
}

static void enrol_refuse(struct enrol *e, Wire__Reason reason, const char *words)
{
	e->state = ENROL_ENDED;
	log_info("enrol.refused", "reason=%s", session_reason_word(reason));
	link_bye(e->link, reason, words);
}

/* Does the peer hold the code? The work is the same for an invitation that was never made. */
static int enrol_check_proof(struct enrol *e, const Wire__Enrol *m)
{
	uint8_t verifier[SHA256_LEN] = {0}, proof[SHA256_LEN];
	struct id school;

	int rc = area_invitation(e->area, m->invitation.data, verifier, &e->person, &school);
	if (rc && rc != ERR_MISSING)
		return rc;
	invitation_proof(verifier, e->exported, BYTES_OF(m->request), proof);
	bool same = key_same(proof, m->proof.data, SHA256_LEN);
	if (rc == 0 && !same)
		area_invitation_failed(e->area, m->invitation.data);
	return rc == 0 && same ? 0 : ERR_AUTH;
}

static void enrol_on_enrol(struct enrol *e, const Wire__Enrol *m)
{
	struct buf spki = {0};
	struct cause cause;

	if (m->invitation.len != INVITATION_ID || m->proof.len != SHA256_LEN) {
		enrol_refuse(e, WIRE__REASON__PROTOCOL,
			     "an Enrol message has fields of the wrong length");
		return;
	}
	int rc = enrol_check_proof(e, m);
	if (rc == ERR_AUTH) {
		enrol_refuse(e, WIRE__REASON__BAD_CODE,
			     "this invitation is not open: it was used before, is more than three "
			     "days old, or was mistyped; ask for a new one");
		return;
	}
	if (rc == 0 && ca_request_key(BYTES_OF(m->request), &spki, &cause) != 0) {
		enrol_refuse(e, WIRE__REASON__PROTOCOL, cause.words);
		return;
	}
	if (rc == 0)
		rc =
		    area_enrol(e->area, m->invitation.data, buf_bytes(&spki), m->label, &e->device);
	buf_fini(&spki);
	if (rc) {
		log_error("enrol.failed", "err=%d", rc);
		enrol_refuse(e, WIRE__REASON__BUSY,
			     "the server can't enter a new device now; try again later");
		return;
	}
	buf_add_bytes(&e->request, BYTES_OF(m->request));
	e->state = ENROL_ENTERED;
}

void enrol_frame(struct enrol *e, const struct frame *f)
{
	struct arena arena;
	struct cause cause;

	if (e->state == ENROL_ENDED)
		return;
	if (f->kind == WIRE__KIND__BYE) {
		e->state = ENROL_ENDED;
		e->link->ops->close(e->link);
		return;
	}
	if (f->kind != WIRE__KIND__ENROL || e->state != ENROL_CHALLENGED) {
		enrol_refuse(e, WIRE__REASON__PROTOCOL, "only one Enrol message is expected here");
		return;
	}
	arena_init(&arena, FRAME_BUDGET);
	Wire__Enrol *m = (Wire__Enrol *)frame_unpack(f, &wire__enrol__descriptor, &arena, &cause);
	if (m)
		enrol_on_enrol(e, m);
	else
		enrol_refuse(e, WIRE__REASON__PROTOCOL, cause.words);
	arena_fini(&arena);
}

static void enrol_send(struct enrol *e)
{
	Wire__Enrolled m = WIRE__ENROLLED__INIT;
	struct buf certificate = {0}, head = {0};
	uint8_t head_key[32];
	struct cause cause;

	int rc = ca_issue(e->ca, buf_bytes(&e->request), &e->device, &certificate, &cause);
	must(rc == 0); /* its key was taken from the same request */
	ca_head_certificate(e->ca, &head);
	ca_head_key(e->ca, head_key);
	m.certificate = PB_BYTES(certificate);
	m.area = PB_ID(ca_area(e->ca));
	m.head_key = (ProtobufCBinaryData){sizeof(head_key), head_key};
	m.head_certificate = PB_BYTES(head);
	m.device = PB_ID(&e->device);
	m.person = PB_ID(&e->person);
	link_send(e->link, WIRE__KIND__ENROLLED, &m.base, BYTES_NONE);
	buf_fini(&certificate);
	buf_fini(&head);
}

void enrol_turn(struct enrol *e, bool kept)
{
	if (e->state != ENROL_ENTERED)
		return;
	if (!kept) {
		enrol_refuse(e, WIRE__REASON__BUSY,
			     "the server's disk is full; the invitation is still good, try later");
		return;
	}
	enrol_send(e);
	e->state = ENROL_ENDED;
	link_bye(e->link, WIRE__REASON__DONE, NULL);
}
