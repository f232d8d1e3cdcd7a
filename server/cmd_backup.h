/* fivepitsd backup, restore, verify, recovery: what an administrator does against a bad day. All
 * return 0 or an error with a cause. */
#ifndef FIVEPITS_CMD_BACKUP_H
#define FIVEPITS_CMD_BACKUP_H

#include "server/area.h"

/* Save the area in `dir`, as it is at one moment, in one file. The server may be running. */
int backup_run(const char *dir, const char *file, struct cause *cause);
/* Put a backup in the place of what is in `dir`, which is put aside; the server must be stopped.
 * When it is started next it gathers from the copies what the backup lacks. `aside` receives the
 * directory where what was there is, empty: nothing was. */
int backup_restore(const char *dir, const char *file, char aside[512], struct cause *cause);
/* Extract a backup beside it, check all that fsck checks, and remove that again. Calls `fault` for
 * each fault. */
int backup_verify(const char *file, void (*fault)(void *arg, const char *words), void *arg,
		  struct cause *cause);
/* Have a space served as it is by the server that runs in `dir`. ERR_AGAIN: it does not answer. */
int backup_ask_to_serve(const char *dir, const struct id *space, struct cause *cause);

#endif
