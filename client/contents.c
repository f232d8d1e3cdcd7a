/*
 * The store of documents' bytes. Whatever comes in is an arrival: a temporary file in
 * HOME/documents, hashed as it is written, fsynced, renamed, and its directory fsynced.
 */
#include "client/contents.h"

#include "common/os.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct arrival {
	char *home, *path;
	FILE *file;
	struct sha256 *sha;
	uint8_t want[SHA256_LEN]; /* if `known` */
	bool known;
	uint64_t size, most;
};

static char *contents_folder(const char *home)
{
	return mem_format("%s/documents", home);
}

char *contents_path(const char *home, const uint8_t sha[SHA256_LEN])
{
	char hex[2 * SHA256_LEN + 1];
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha[i]);
	return mem_format("%s/documents/%.2s/%s", home, hex, hex);
}

static int file_err(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_FULL
	       : errno == ENOENT				    ? ERR_MISSING
								    : ERR_IO;
}

bool contents_has(const char *home, const uint8_t sha[SHA256_LEN], uint64_t *size)
{
	struct stat st;
	char *path = contents_path(home, sha);
	bool has = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	if (has && size)
		*size = (uint64_t)st.st_size;
	free(path);
	return has;
}

/* ---- Coming in ------------------------------------------------------------------------------ */

static int arrival_fail(const struct arrival *a, struct cause *cause)
{
	int err = file_err();
	return cause_set(cause, err, "the document could not be stored in %s/documents: %s",
			 a->home, strerror(errno));
}

/* Remove what arrivals of a day ago have left, whose process was killed. */
static void contents_tidy(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "coming-", 7) != 0)
			continue;
		char *path = mem_format("%s/%s", folder, e->d_name);
		if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > 24 * 60 * 60)
			unlink(path);
		free(path);
	}
	if (dir)
		closedir(dir);
}

/* `sha` NULL: what it is will be known when it has come. */
static int arrival_start(struct arrival **out, const char *home, const uint8_t *sha, uint64_t most,
			 struct cause *cause)
{
	char *folder = contents_folder(home);
	struct arrival *a = mem_alloc(sizeof(*a));
	int err = os_make_dir(folder, cause);

	*out = a;
	a->home = mem_copy_text(home);
	a->path = mem_format("%s/coming-XXXXXX", folder);
	a->sha = sha256_begin();
	a->most = most;
	a->known = sha != NULL;
	if (sha)
		memcpy(a->want, sha, SHA256_LEN);
	contents_tidy(folder);
	free(folder);
	if (err == 0) {
		int fd = mkstemp(a->path);
		if (fd >= 0)
			a->file = fdopen(fd, "wb");
		if (!a->file)
			err = arrival_fail(a, cause);
	}
	if (err < 0)
		arrival_drop(out);
	return err;
}

int arrival_open(struct arrival **out, const char *home, const uint8_t sha[SHA256_LEN],
		 uint64_t size, struct cause *cause)
{
	*out = NULL;
	if (size > CONTENT_MAX)
		return cause_set(cause, ERR_LIMIT, "the document is larger than 1 GiB");
	return arrival_start(out, home, sha, size, cause);
}

int arrival_add(struct arrival *a, struct bytes piece, struct cause *cause)
{
	if (piece.len > a->most - a->size)
		return cause_set(cause, ERR_PROTO,
				 "the document came longer than it was said to be");
	if (piece.len && fwrite(piece.data, 1, piece.len, a->file) != piece.len)
		return arrival_fail(a, cause);
	sha256_add(a->sha, piece);
	a->size += piece.len;
	return 0;
}

uint64_t arrival_size(const struct arrival *a)
{
	return a->size;
}

/* The file's bytes are on disk: give it its name, and make that last. */
static int arrival_name(struct arrival *a, const uint8_t sha[SHA256_LEN], struct cause *cause)
{
	char *path = contents_path(a->home, sha);
	char *folder = mem_copy_text(path);
	*strrchr(folder, '/') = '\0';
	int err = os_make_dir(folder, cause);

	if (err == 0 && rename(a->path, path) != 0)
		err = arrival_fail(a, cause);
	if (err == 0) {
		a->path[0] = '\0';
		err = os_sync_dir(folder);
		if (err < 0)
			cause_set(cause, err, "the document could not be made to last in %s",
				  folder);
	}
	free(folder);
	free(path);
	return err;
}

static int arrival_end(struct arrival **arrival, uint8_t sha[SHA256_LEN], struct cause *cause)
{
	struct arrival *a = *arrival;
	int err = 0;

	sha256_end(&a->sha, sha);
	if (a->known && memcmp(sha, a->want, SHA256_LEN) != 0)
		err = cause_set(cause, ERR_CORRUPT,
				"the document arrived damaged; it was not kept");
	if (err == 0 && (fflush(a->file) != 0 || fsync(fileno(a->file)) != 0))
		err = arrival_fail(a, cause);
	if (err == 0)
		err = arrival_name(a, sha, cause);
	arrival_drop(arrival);
	return err;
}

int arrival_finish(struct arrival **a, struct cause *cause)
{
	uint8_t sha[SHA256_LEN];
	return arrival_end(a, sha, cause);
}

void arrival_drop(struct arrival **arrival)
{
	struct arrival *a = *arrival;
	uint8_t sha[SHA256_LEN];

	if (!a)
		return;
	if (a->sha)
		sha256_end(&a->sha, sha);
	if (a->file) {
		fclose(a->file);
		if (a->path[0])
			unlink(a->path);
	}
	free(a->path);
	free(a->home);
	free(a);
	*arrival = NULL;
}

/* A regular file to read, and its size. */
static int source_open(const char *path, FILE **file, uint64_t *size, struct cause *cause)
{
	struct stat st;

	*file = fopen(path, "rb");
	if (!*file)
		return cause_set(cause, file_err(), "can't read %s: %s", path, strerror(errno));
	if (fstat(fileno(*file), &st) == 0 && S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		if (*size <= CONTENT_MAX)
			return 0;
		cause_set(cause, ERR_LIMIT,
			  "%s is larger than 1 GiB, which is the most for a document", path);
		fclose(*file);
		return ERR_LIMIT;
	}
	fclose(*file);
	return cause_set(cause, ERR_INVALID, "%s is not a file", path);
}

int contents_add(const char *home, const char *path, uint8_t sha[SHA256_LEN], uint64_t *size,
		 void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		 struct cause *cause)
{
	struct arrival *a;
	FILE *from;
	uint8_t block[BLOCK];
	size_t n;
	int err = source_open(path, &from, size, cause);

	if (err < 0)
		return err;
	err = arrival_start(&a, home, NULL, CONTENT_MAX, cause);
	while (err == 0 && (n = fread(block, 1, sizeof(block), from)) > 0) {
		err = arrival_add(a, BYTES(block, n), cause);
		if (err == 0 && progress)
			progress(arg, a->size, *size);
	}
	if (err == 0 && ferror(from))
		err = cause_set(cause, ERR_IO, "can't read %s to its end: %s", path,
				strerror(errno));
	fclose(from);
	if (err < 0) {
		arrival_drop(&a);
		return err;
	}
	*size = a->size;
	return arrival_end(&a, sha, cause);
}

/* ---- Going out ------------------------------------------------------------------------------ */

/* Hand every block to `out` (NULL: to nobody), and check the whole. */
static int contents_stream(const char *home, const uint8_t sha[SHA256_LEN], FILE *out,
			   struct cause *cause)
{
	char *path = contents_path(home, sha);
	FILE *from = fopen(path, "rb");
	struct sha256 *sum;
	uint8_t block[BLOCK], is[SHA256_LEN];
	size_t n;
	int err = 0;

	free(path);
	if (!from)
		return cause_set(cause, file_err(),
				 "the document's bytes are not on this computer: %s",
				 strerror(errno));
	sum = sha256_begin();
	while (err == 0 && (n = fread(block, 1, sizeof(block), from)) > 0) {
		sha256_add(sum, BYTES(block, n));
		if (out && fwrite(block, 1, n, out) != n)
			err = cause_set(cause, file_err(), "the document could not be written: %s",
					strerror(errno));
	}
	if (err == 0 && ferror(from))
		err = cause_set(cause, ERR_IO, "the document could not be read: %s",
				strerror(errno));
	sha256_end(&sum, is);
	fclose(from);
	if (err == 0 && memcmp(is, sha, SHA256_LEN) != 0)
		err = cause_set(
			cause, ERR_CORRUPT,
			"the document's bytes on this computer are damaged; get them again");
	return err;
}

int contents_print(const char *home, const uint8_t sha[SHA256_LEN], FILE *out, struct cause *cause)
{
	int err = contents_stream(home, sha, out, cause);
	if (err == 0 && fflush(out) != 0)
		err = cause_set(cause, file_err(), "the document could not be written: %s",
				strerror(errno));
	return err;
}

int contents_save(const char *home, const uint8_t sha[SHA256_LEN], const char *path,
		  struct cause *cause)
{
	char *temporary = mem_format("%s.coming-XXXXXX", path);
	int fd = mkstemp(temporary);
	FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
	int err = out ? contents_stream(home, sha, out, cause)
		      : cause_set(cause, file_err(), "can't write %s: %s", path, strerror(errno));

	if (err == 0 && (fchmod(fd, 0644) != 0 || fflush(out) != 0 || fsync(fd) != 0))
		err = cause_set(cause, file_err(), "can't write %s: %s", path, strerror(errno));
	if (out)
		fclose(out);
	if (err == 0 && rename(temporary, path) != 0)
		err = cause_set(cause, file_err(), "can't write %s: %s", path, strerror(errno));
	if (err < 0 && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}

int contents_verify(const char *home, const uint8_t sha[SHA256_LEN], struct cause *cause)
{
	return contents_stream(home, sha, NULL, cause);
}

void contents_remove(const char *home, const uint8_t sha[SHA256_LEN])
{
	char *path = contents_path(home, sha);
	unlink(path);
	free(path);
}

/* ---- All of them ---------------------------------------------------------------------------- */

static bool contents_named(const char *name, uint8_t sha[SHA256_LEN])
{
	unsigned v;

	if (strlen(name) != 2 * SHA256_LEN || strspn(name, "0123456789abcdef") != 2 * SHA256_LEN)
		return false;
	for (size_t i = 0; i < SHA256_LEN && sscanf(name + 2 * i, "%2x", &v) == 1; i++)
		sha[i] = (uint8_t)v;
	return true;
}

static void contents_each_in(const char *path,
			     void (*found)(void *arg, const uint8_t sha[SHA256_LEN]), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	uint8_t sha[SHA256_LEN];

	while (dir && (e = readdir(dir)))
		if (contents_named(e->d_name, sha))
			found(arg, sha);
	if (dir)
		closedir(dir);
}

int contents_each(const char *home, void (*found)(void *arg, const uint8_t sha[SHA256_LEN]),
		  void *arg)
{
	char *folder = contents_folder(home);
	DIR *dir = opendir(folder);
	struct dirent *e;
	int err = dir || errno == ENOENT ? 0 : file_err();

	while (dir && (e = readdir(dir))) {
		if (strlen(e->d_name) != 2 || e->d_name[0] == '.')
			continue;
		char *path = mem_format("%s/%s", folder, e->d_name);
		contents_each_in(path, found, arg);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
	return err;
}
