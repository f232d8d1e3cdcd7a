/*
 * Copies of one device: each session is given a nonce and presents it in the next. Two copies that
 * present the same one, or an older one, were one copy once: a laptop that was cloned, or restored.
 */
#ifndef FIVEPITS_NONCE_H
#define FIVEPITS_NONCE_H

#include "common/mem.h"

enum { NONCE = 16 };

struct area;
struct session;

/*
 * Find out which copy of its device a session is, by what it `presented` (may be empty), into
 * s->lineage, and give it a new nonce. The administrators are told of a copy that is new. In the
 * turn's transaction; to be sent only after its commit.
 */
int nonce_take(struct area *a, struct session *s, struct bytes presented, uint8_t nonce[NONCE]);

#endif
