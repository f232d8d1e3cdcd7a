/*
 * What a new copy is sent first: of each space every entry, but the body only where a value that
 * stands now follows from it. The others come later, when the copy asks for them.
 */
#ifndef FIVEPITS_FIRST_H
#define FIVEPITS_FIRST_H

#include "server/journal.h"

enum {
	FIRST_WHOLE = 256,     /* a space of fewer entries is sent whole (area_options) */
	FIRST_BODY_LEAST = 96, /* what a body must have, that it is worth leaving out */
};

/*
 * Does a value of the space, as it stands, follow from this entry's body? That of an entry by
 * `device` is always wanted: a device keeps what it has made. 1, 0 or an error. An entry that is
 * not needed never will be, on the line that the server is on. Uses `arena`, and resets it.
 */
int first_needs(struct journal *j, const struct space *s, const struct entry *e,
		const struct id *device, struct arena *arena);

#endif
