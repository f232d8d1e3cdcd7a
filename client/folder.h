/*
 * The files of a folder, for taking in: all below it, in the order of their names, but for what is
 * hidden. Symbolic links are not followed, so that it ends and stays inside.
 */
#ifndef FIVEPITS_FOLDER_H
#define FIVEPITS_FOLDER_H

#include "common/err.h"
#include "common/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct folder_ops {
	/*
	 * A file. `within`: the folders it is in, from the one that is walked on, with '/' between
	 * ("" in that one itself). Both are borrowed for the call. A negative return ends the walk
	 * and is returned.
	 */
	int (*file)(void *arg, const char *path, const char *within, uint64_t bytes);
	/* What is left out, and why. */
	int (*left_out)(void *arg, const char *path, const char *why);
	void *arg;
};

bool folder_is(const char *path);
/* 0, or what an op returned; ERR_IO with a cause: the folder itself can't be read. */
int folder_walk(const char *path, const struct folder_ops *ops, struct cause *cause);

#endif
