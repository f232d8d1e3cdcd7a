/* What both programs say of themselves. */
#ifndef FIVEPITS_PROGRAM_H
#define FIVEPITS_PROGRAM_H

/* The name of the commit that they were built from, with "-dirty" behind it if it had been edited.
 * A function, so that the simulator can say another: the length of Hello shifts its times. */
const char *program_version(void);

#endif
