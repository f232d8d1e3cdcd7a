/*
 * Files coming into a copy's store, one behind the other: what is read is on disk once intake_keep
 * says so, and to make many last at once costs no more than one.
 */
#ifndef FIVEPITS_INTAKE_H
#define FIVEPITS_INTAKE_H

#include "client/contents.h"

enum { INTAKE_HEAD = 16 * 1024 };

struct intake;

/* `progress` (may be NULL) is told how far a file is. Borrows `copy`. */
struct intake *intake_new(struct copy *copy,
			  void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg);
void intake_free(struct intake **in); /* what was not kept is not here */
/*
 * Read a file as it is now. One that changes while it is read is read again, some times.
 * ERR_MISSING, ERR_INVALID (no file), ERR_LIMIT, ERR_AGAIN (it goes on changing), ERR_IO, ERR_FULL
 * with a cause: then intake_keep says what becomes of those before it.
 */
int intake_file(struct intake *in, const char *path, struct content *out, struct cause *cause);
/* What the last file begins with, INTAKE_HEAD bytes at most. Borrowed until the next one. */
struct bytes intake_head(const struct intake *in);
/* Make last all files that were read since it was called before. Ends the open transaction. On an
 * error, with a cause, none of them is here. */
int intake_keep(struct intake *in, struct cause *cause);

#endif
