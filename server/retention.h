/*
 * How long old versions of documents keep their bytes: Retention records of the space `admin`, of
 * one space or of all. Without one they keep them for ever. Once a day all versions are looked at,
 * a few at each idle turn, and those that the rule lets go are released, by a change of the
 * server's own: the record stays with its name, size and hash, and names its content no more. What
 * nothing else names is erased when the store is tidied. PROTOCOL.md, 11.10.
 */
#ifndef FIVEPITS_RETENTION_H
#define FIVEPITS_RETENTION_H

#include "server/area.h"

struct header;
struct record;
struct retention;

struct retention *retention_new(struct area *a);
void retention_free(struct retention **r);

/* Now and then: begin the day's look, if there is a rule and it is due. */
void retention_tick(struct retention *r);
/* In an idle turn, before its commit: go on with the look, a little. 1: there is more; 0; or an
 * error, after which the turn must be taken back. */
int retention_step(struct retention *r);
/* An entry has touched this record, which stands so now: what it names stays. */
void retention_take(struct retention *r, const struct record *record);
/* What was seen may not stand any more: the look begins anew at a later tick. */
void retention_forget(struct retention *r);

/* Is it a change that released versions? A server that was set back does not enter it again: it
 * looks itself. */
bool retention_is_release(const struct area *a, const struct header *header, struct bytes change);

#endif
