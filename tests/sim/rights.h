/*
 * Who may read and write what, worked out from the book's records in the plainest way: the
 * reference that the server's own answer is judged by.
 */
#ifndef FIVEPITS_SIM_RIGHTS_H
#define FIVEPITS_SIM_RIGHTS_H

#include "tests/sim/book.h"

enum right { RIGHT_NONE, RIGHT_READ, RIGHT_WRITE };

/* The person of a device that may open a session. False: it may not. */
bool rights_person(const struct book *b, const struct id *device, struct id *person);
enum right rights_of(const struct book *b, const struct id *device, const struct id *space);
/* Of a person, whatever their devices. */
enum right rights_of_person(const struct book *b, const struct id *person, const struct id *space);

#endif
