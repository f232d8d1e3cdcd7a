/*
 * Is the clock to be believed, where what it says can't be taken back? One that was set ahead, if
 * only for a moment, makes everything old at once.
 */
#ifndef FIVEPITS_CLOCK_H
#define FIVEPITS_CLOCK_H

#include "server/turn.h"

enum { CLOCK_QUIET_DAYS = 60 }; /* more than a summer holiday */

/*
 * Has anybody entered something in the last CLOCK_QUIET_DAYS, or later than now? What the server
 * entered itself does not count: it did by the same clock. 1; 0, which is logged once a day: it may
 * have been set ahead, or nobody is there; or an error.
 */
int clock_is_borne_out(struct area *a);

#endif
