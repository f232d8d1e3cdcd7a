/*
 * Changes that the server makes itself, as its own device: the founding of an area, a device that
 * joins, an appointment that ends, old versions that are released. They are entered like anybody's.
 */
#ifndef FIVEPITS_OWN_H
#define FIVEPITS_OWN_H

#include "server/turn.h"

struct own;

enum { OWN_EDITS = 32 /* in one of them, at most */ };

/* A change of `space`, which must exist; it stands on all that is there now. */
struct own *own_new(struct area *a, const struct id *space);
/* Make a record with the fields of `m`, a message of records.proto of that type. */
int own_create(struct own *o, uint32_t type, const struct id *record, const ProtobufCMessage *m);
/* Set the fields of `m` in a record that stands. */
int own_set(struct own *o, uint32_t type, const struct id *record, const ProtobufCMessage *m);
/* Enter a notice on a record, in `space`: what the server has to tell people. As own_enter; but one
 * that is refused is left out, since nothing hangs on it. */
int own_note(struct area *a, const struct id *space, const struct id *on, const char *text);
void own_free(struct own **o);
/* Enter it, and free it. As turn_enter: after ERR_FULL the turn was not taken back. ERR_INVALID:
 * it was refused, which was logged; nothing of it was written, and the area can go on without. */
int own_enter(struct own **o);

#endif
