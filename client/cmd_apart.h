/* Documents whose versions were made apart, for `conflicts` and `settle`. */
#ifndef FIVEPITS_CMD_APART_H
#define FIVEPITS_CMD_APART_H

#include "client/cmd.h"

/* Print them, or with --json add them to `all`; *n grows by their number. 0 or an error. */
int cmd_apart_list(struct call *call, json_t *all, size_t *n);
/* Settle what the command line names, if it is such a document and --take names no field. 1: it is
 * done; 0: it is none; or an error with a cause. */
int cmd_apart_settle(struct call *call);

#endif
