/*
 * Documents' chunks that a session has asked for: they go to it behind everything else, as fast as
 * its line takes them without a queue (common/pace.h), and no faster than its client said.
 */
#ifndef FIVEPITS_GIVE_H
#define FIVEPITS_GIVE_H

#include "common/mem.h"
#include "common/wire.h"
#include "server/session.h"

#include <sys/types.h>

struct area;
struct give;

enum { GIVE_ASKED = 16384 /* chunks that a session has asked for and not got */ };

void give_free(struct give **g); /* NULL inside is fine */

void session_on_get(struct session *s, const struct frame *f, void *message);
void session_on_pace(struct session *s, const struct frame *f, void *message);
/* Has it asked for any that did not go yet? */
bool give_waits(const struct session *s);
/* The next chunk for a session, or a part of one: bytes sent, 0 if there is none or it must wait,
 * or an error. As feed.c calls it; a->give_due_ms is when one should be asked for again. */
ssize_t give_feed(struct area *a, struct session *s);

#endif
