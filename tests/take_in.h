/* One file into a copy's store, on disk when this returns. */
#ifndef FIVEPITS_TAKE_IN_H
#define FIVEPITS_TAKE_IN_H

#include "client/intake.h"

static inline int take_in(struct copy *copy, const char *path, struct content *out,
			  struct cause *cause)
{
	struct intake *in = intake_new(copy, NULL, NULL);
	int err = intake_file(in, path, out, cause);

	if (err == 0)
		err = intake_keep(in, cause);
	intake_free(&in);
	return err;
}

#endif
