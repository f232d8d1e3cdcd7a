/*
 * The files of documents: found, received and read. What is being received is
 * DIR/documents/incoming/ and a name of its own, so that two who send the same do not meet; the
 * last to finish renames over equal bytes.
 */
#include "server/content.h"

#include "common/log.h"
#include "common/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_BACK = 4 * 1024 * 1024, CHECK_READ = 64 * 1024 };

struct upload {
	uint8_t name[SHA256_LEN];
	const char *dir;
	char *path;
	int fd;
	uint64_t bytes, offset, pushed; /* `pushed`: told to the disk to write */
	struct sha256 *hash;
};

struct download {
	uint8_t name[SHA256_LEN];
	int fd;
	uint64_t bytes, offset;
};

static char *content_path(const char *dir, const uint8_t name[SHA256_LEN])
{
	char hex[2 * SHA256_LEN + 1];
	for (int i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", name[i]);
	return mem_format("%s/documents/%.2s/%s", dir, hex, hex);
}

void content_clean(const char *dir)
{
	char *path = mem_format("%s/documents/incoming", dir);
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			log_warn("content.clean", "words=\"%s\"", strerror(errno));
	if (d)
		closedir(d);
	free(path);
}

int content_find(const char *dir, const uint8_t name[SHA256_LEN], uint64_t *bytes)
{
	char *path = content_path(dir, name);
	struct stat st;
	bool found = stat(path, &st) == 0 && S_ISREG(st.st_mode);

	if (found && bytes)
		*bytes = (uint64_t)st.st_size;
	free(path);
	return found;
}

int content_check(const char *dir, const uint8_t name[SHA256_LEN], struct cause *cause)
{
	struct download *d;
	struct sha256 *hash;
	uint8_t found[SHA256_LEN], *block = mem_alloc(CHECK_READ);
	size_t n = 0;
	int err = download_begin(&d, dir, name, 0);

	if (err < 0) {
		free(block);
		return cause_set(cause, err, "a document's bytes are missing");
	}
	hash = sha256_begin();
	while ((err = download_next(d, block, CHECK_READ, &n)) == 0 && n)
		sha256_add(hash, BYTES(block, n));
	sha256_end(&hash, found);
	download_free(&d);
	free(block);
	if (err == 0 && memcmp(found, name, SHA256_LEN) != 0)
		err = ERR_CORRUPT;
	return err < 0 ? cause_set(cause, err, "a document's bytes are damaged") : 0;
}

/* ---- Receiving ------------------------------------------------------------------------------ */

static int upload_fail(struct cause *cause, const char *what)
{
	int err = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	log_error("content.write", "what=%s words=\"%s\"", what, strerror(errno));
	return cause_set(cause, err, "the server could not store the document: %s",
			 strerror(errno));
}

/* Make the folder of `path`, its name lasting, and open a file of our own in documents/incoming. */
static int upload_open(struct upload *u, struct cause *cause)
{
	char *incoming = mem_format("%s/documents/incoming", u->dir);
	int err = os_make_dir(incoming, cause);

	if (err == 0) {
		u->path = mem_format("%s/XXXXXX", incoming);
		u->fd = mkostemp(u->path, O_CLOEXEC);
		if (u->fd < 0)
			err = upload_fail(cause, "open");
	}
	free(incoming);
	return err;
}

int upload_begin(struct upload **out, const char *dir, const uint8_t name[SHA256_LEN],
		 uint64_t bytes, struct cause *cause)
{
	*out = NULL;
	if (bytes > CONTENT_MAX)
		return cause_set(cause, ERR_LIMIT, "a document has 1 GiB at most");
	struct upload *u = mem_alloc(sizeof(*u));
	memcpy(u->name, name, SHA256_LEN);
	u->dir = dir;
	u->fd = -1;
	u->bytes = bytes;
	u->hash = sha256_begin();
	int err = upload_open(u, cause);
	if (err < 0)
		upload_free(&u);
	*out = u;
	return err;
}

static int upload_write(struct upload *u, struct bytes piece, struct cause *cause)
{
	while (piece.len) {
		ssize_t n = write(u->fd, piece.data, piece.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return upload_fail(cause, "write");
		piece = BYTES(piece.data + n, piece.len - (size_t)n);
	}
	return 0;
}

/* Move it to its place, so that it lasts: the file, its name, and its folder's name. */
static int upload_place(struct upload *u, struct cause *cause)
{
	char *path = content_path(u->dir, u->name);
	char *folder = mem_format("%.*s", (int)(strrchr(path, '/') - path), path);
	char *documents = mem_format("%s/documents", u->dir);
	int err = os_make_dir(folder, cause);

	if (err == 0 && (fsync(u->fd) < 0 || rename(u->path, path) < 0))
		err = upload_fail(cause, "place");
	if (err == 0) {
		free(u->path);
		u->path = NULL;
		if (os_sync_dir(folder) < 0 || os_sync_dir(documents) < 0 ||
		    os_sync_dir(u->dir) < 0)
			err = upload_fail(cause, "sync");
	}
	free(path);
	free(folder);
	free(documents);
	return err;
}

int upload_add(struct upload *u, uint64_t offset, struct bytes piece, struct cause *cause)
{
	uint8_t found[SHA256_LEN];

	if (offset != u->offset || piece.len > u->bytes - u->offset)
		return cause_set(cause, ERR_PROTO, "a piece of a document came out of its place");
	int err = upload_write(u, piece, cause);
	if (err < 0)
		return err;
	sha256_add(u->hash, piece);
	u->offset += piece.len;
	if (u->offset < u->bytes) {
		/* Have it written meanwhile, so that the sync at the end is short. */
		if (u->offset - u->pushed >= WRITE_BACK) {
			(void)sync_file_range(u->fd, (off_t)u->pushed,
					      (off_t)(u->offset - u->pushed),
					      SYNC_FILE_RANGE_WRITE);
			u->pushed = u->offset;
		}
		return 0;
	}
	sha256_end(&u->hash, found);
	if (memcmp(found, u->name, SHA256_LEN) != 0)
		return cause_set(cause, ERR_INVALID,
				 "the document's bytes are not what its name says");
	err = upload_place(u, cause);
	return err < 0 ? err : 1;
}

const uint8_t *upload_name(const struct upload *u)
{
	return u->name;
}

void upload_free(struct upload **upload)
{
	struct upload *u = *upload;
	uint8_t unused[SHA256_LEN];

	if (!u)
		return;
	if (u->hash)
		sha256_end(&u->hash, unused);
	if (u->fd >= 0)
		close(u->fd);
	if (u->fd >= 0 && u->path)
		unlink(u->path);
	free(u->path);
	free(u);
	*upload = NULL;
}

/* ---- Reading -------------------------------------------------------------------------------- */

int download_begin(struct download **out, const char *dir, const uint8_t name[SHA256_LEN],
		   uint64_t offset)
{
	char *path = content_path(dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	*out = NULL;
	free(path);
	if (fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < offset) {
		close(fd);
		return ERR_IO;
	}
	struct download *d = *out = mem_alloc(sizeof(*d));
	memcpy(d->name, name, SHA256_LEN);
	d->fd = fd;
	d->bytes = (uint64_t)st.st_size;
	d->offset = offset;
	return 0;
}

int download_next(struct download *d, uint8_t *out, size_t most, size_t *n)
{
	ssize_t got;

	do {
		got = pread(d->fd, out, most, (off_t)d->offset);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		log_error("content.read", "words=\"%s\"", strerror(errno));
		return ERR_IO;
	}
	if (got == 0 && d->offset < d->bytes)
		return ERR_IO; /* the file has become shorter */
	*n = (size_t)got;
	d->offset += (size_t)got;
	return 0;
}

const uint8_t *download_name(const struct download *d)
{
	return d->name;
}

uint64_t download_bytes(const struct download *d)
{
	return d->bytes;
}

uint64_t download_offset(const struct download *d)
{
	return d->offset;
}

void download_free(struct download **download)
{
	if (!*download)
		return;
	close((*download)->fd);
	free(*download);
	*download = NULL;
}
