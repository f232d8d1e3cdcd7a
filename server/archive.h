/*
 * A backup: one file in tar's format (POSIX ustar), so that any computer can look into it. The
 * database stands first, as it was at one moment; then every other file of the area; last
 * SHA256SUMS, in the form that `sha256sum -c` reads, without which it is not whole.
 */
#ifndef FIVEPITS_ARCHIVE_H
#define FIVEPITS_ARCHIVE_H

#include "common/err.h"

/* Write `file` (which must not exist, and is there whole or not at all): `database` as area.db, and
 * the files of the area in `dir`. ERR_EXISTS, ERR_FULL, ERR_IO with a cause. */
int archive_write(const char *file, const char *dir, const char *database, struct cause *cause);
/* Extract all of it into an existing empty directory. ERR_CORRUPT with a cause: it is no such file,
 * not whole, or not as it was written; what was extracted so far is left there. */
int archive_extract(const char *file, const char *to, struct cause *cause);
/* Remove a directory with all that is in it. */
void archive_remove_tree(const char *dir);

#endif
