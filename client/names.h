/*
 * Names of files. In a record a name is data, kept to the last byte; here it becomes the name of a
 * file only after everything that could make it more than that, on any kind of disk, was taken out.
 */
#ifndef FIVEPITS_NAMES_H
#define FIVEPITS_NAMES_H

#include "common/err.h"
#include "common/hashes.h"
#include "common/mem.h"

#include <stdbool.h>

enum { NAME_KEPT_MOST = 1024, NAME_SAFE_MOST = 200 };

/* What stands behind the last slash, of which there may be some at the end. In `arena`. */
const char *name_base(struct arena *arena, const char *path);
/*
 * A file's name as a record keeps it: as it is. One that is not UTF-8 is read as ISO 8859-1, byte
 * by byte; *changed says so. In `arena`.
 */
const char *name_kept(struct arena *arena, const char *name, bool *changed);
/* The name as a title: one line, 1,024 bytes at most. In `arena`. */
const char *name_title(struct arena *arena, const char *name);
/*
 * A name that is safe in any folder of any disk: no path, no control or direction marks, no leading
 * dot, dash or tilde, nothing that another system keeps for itself or can't store; the ending stays
 * where the rest is cut. Never empty. In `arena`.
 */
const char *name_safe(struct arena *arena, struct bytes name);

/* The names that a folder has, alike where they differ in capitals alone. */
struct names {
	struct hashes taken;
};

/* Those that are in the folder now; one that can't be read has none. */
void names_init(struct names *n, const char *dir);
void names_fini(struct names *n);
/*
 * Make an empty file in `dir` that is called `name` (which is safe), or "name (2).txt" where the
 * folder has that already. Its path in `arena`; NULL with a cause.
 */
const char *names_take(struct names *n, struct arena *arena, const char *dir, const char *name,
		       struct cause *cause);

#endif
