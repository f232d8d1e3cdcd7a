/* The files of a folder: see folder.h. */
#include "client/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 64 };

bool folder_is(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* By bytes, so that it is the same on every computer. */
static int folder_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int folder_shown(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int folder_level(const char *path, const char *within, int depth,
			const struct folder_ops *ops);

static int folder_entry(const char *path, const char *name, const char *within, int depth,
			const struct folder_ops *ops)
{
	struct stat st;
	char *whole = mem_format("%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", name);
	int err;

	if (name[0] == '.') {
		err = ops->left_out(ops->arg, whole, "it is hidden");
	} else if (lstat(whole, &st) < 0) {
		err = ops->left_out(ops->arg, whole, strerror(errno));
	} else if (S_ISLNK(st.st_mode)) {
		err = ops->left_out(ops->arg, whole, "it is a symbolic link");
	} else if (S_ISREG(st.st_mode)) {
		err = ops->file(ops->arg, whole, within, (uint64_t)st.st_size);
	} else if (!S_ISDIR(st.st_mode)) {
		err = ops->left_out(ops->arg, whole, "it is neither a file nor a folder");
	} else if (depth == DEEPEST) {
		err = ops->left_out(ops->arg, whole, "it lies too deep in other folders");
	} else {
		char *below = mem_format("%s%s%s", within, *within ? "/" : "", name);
		err = folder_level(whole, below, depth + 1, ops);
		free(below);
	}
	free(whole);
	return err;
}

static int folder_level(const char *path, const char *within, int depth,
			const struct folder_ops *ops)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, folder_shown, folder_order), err = 0;

	if (n < 0)
		return ops->left_out(ops->arg, path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (err >= 0)
			err = folder_entry(path, list[i]->d_name, within, depth, ops);
		free(list[i]);
	}
	free(list);
	return err < 0 ? err : 0;
}

int folder_walk(const char *path, const struct folder_ops *ops, struct cause *cause)
{
	DIR *d = opendir(path);

	if (!d)
		return cause_set(cause, ERR_IO, "can't read %.200s: %s", path, strerror(errno));
	closedir(d);
	return folder_level(path, "", 0, ops);
}
