/* `fivepits sync`: until nothing is left to send or to fetch. */
#ifndef FIVEPITS_SYNC_H
#define FIVEPITS_SYNC_H

#include "client/errand.h"

/* 0: all is sent and fetched; ERR_OFFLINE: the server can't be reached; or another error, with a
 * cause. Where another process holds the line it does the work. `progress` may be NULL. */
static inline int sync_run(struct copy *copy, errand_progress_fn progress, void *arg,
			   struct cause *cause)
{
	struct errand errand = {.kind = ERRAND_SYNC};
	return errand_run(copy, &errand, progress, arg, cause);
}

#endif
