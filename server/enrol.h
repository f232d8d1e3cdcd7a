/*
 * One enrolment: a line whose peer has an invitation but no certificate yet. PROTOCOL.md,
 * "Enrolment". No sockets: frames come in by enrol_frame and go out by the link.
 */
#ifndef FIVEPITS_ENROL_H
#define FIVEPITS_ENROL_H

#include "server/area.h"
#include "server/ca.h"

struct enrol;

enum {
	ENROL_FRAME = 16 * 1024, /* the longest frame that a peer without a certificate may send */
	ENROL_MS = 30 * 1000,	 /* and the time that it has for everything */
};

/* Sends the Challenge. Borrows all; `exported` is the line's own secret (invitation.h). */
struct enrol *enrol_new(struct area *area, struct ca *ca, struct link *link,
			const uint8_t exported[32]);
void enrol_free(struct enrol **e);
void enrol_frame(struct enrol *e, const struct frame *f);
/* The turn has ended; `kept`: what it entered is on disk. Only now the certificate goes out. */
void enrol_turn(struct enrol *e, bool kept);

#endif
