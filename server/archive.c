/*
 * Writing and reading a backup; see archive.h. Names in it are checked before they become paths:
 * letters, digits, dots, hyphens, below the directory.
 */
#include "server/archive.h"

#include "common/mem.h"
#include "common/os.h"
#include "common/sha.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, PIECE = 64 * 1024, NAME_MOST = 99, SUMS_MOST = 64 * 1024 * 1024 };

#define SIZE_MOST ((off_t)077777777777) /* 11 octal digits */

static const char sums_name[] = "SHA256SUMS";

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100],
		magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155],
		rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "tar's header is a block");

struct archive {
	FILE *file;
	const char *path;
	struct buf sums;
	struct cause *cause;
};

static unsigned header_sum(const struct header *h)
{
	struct header copy = *h;
	const uint8_t *b = (const uint8_t *)&copy;
	unsigned sum = 0;

	memset(copy.sum, ' ', sizeof(copy.sum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += b[i];
	return sum;
}

static int archive_failed(struct archive *a, const char *what)
{
	int err = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	return cause_set(a->cause, err, "%s: %s", what, strerror(errno));
}

/* A sum of what was written or read, as a line for SHA256SUMS. */
static void sums_add(struct archive *a, const char *name, const uint8_t sum[SHA256_LEN])
{
	for (int i = 0; i < SHA256_LEN; i++)
		buf_add_text(&a->sums, "%02x", sum[i]);
	buf_add_text(&a->sums, "  %s\n", name);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static bool write_header(struct archive *a, const char *name, uint64_t size)
{
	struct header h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};

	snprintf(h.name, sizeof(h.name), "%s", name);
	snprintf(h.mode, sizeof(h.mode), "%07o", 0600);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0);
	snprintf(h.size, sizeof(h.size), "%011llo", (unsigned long long)size);
	snprintf(h.mtime, sizeof(h.mtime), "%011o", 0);
	snprintf(h.sum, sizeof(h.sum), "%06o", header_sum(&h));
	h.sum[7] = ' ';
	return fwrite(&h, BLOCK, 1, a->file) == 1;
}

static bool write_padding(struct archive *a, uint64_t size)
{
	static const uint8_t zeros[BLOCK];
	size_t rest = size % BLOCK ? BLOCK - size % BLOCK : 0;
	return rest == 0 || fwrite(zeros, rest, 1, a->file) == 1;
}

/* Copy exactly `size` bytes; a file that became longer meanwhile is cut there. */
static int write_bytes(struct archive *a, FILE *in, const char *path, uint64_t size,
		       struct sha256 *sha)
{
	static const char shrunk[] = "%s became shorter while it was being saved";
	uint8_t piece[PIECE];

	for (uint64_t left = size; left;) {
		size_t n = fread(piece, 1, left < PIECE ? (size_t)left : PIECE, in);
		if (n == 0)
			return cause_set(a->cause, ERR_IO, shrunk, path);
		if (fwrite(piece, n, 1, a->file) != 1)
			return archive_failed(a, a->path);
		sha256_add(sha, BYTES(piece, n));
		left -= n;
	}
	return write_padding(a, size) ? 0 : archive_failed(a, a->path);
}

static int write_file(struct archive *a, const char *path, const char *name)
{
	uint8_t sum[SHA256_LEN];
	struct stat st = {0};
	FILE *in = fopen(path, "rb");

	if (!in || fstat(fileno(in), &st) < 0 || st.st_size > SIZE_MOST ||
	    !write_header(a, name, (uint64_t)st.st_size)) {
		int err = st.st_size > SIZE_MOST
				  ? cause_set(a->cause, ERR_LIMIT,
					      "%s is longer than a file in a backup can be", path)
				  : archive_failed(a, path);
		if (in)
			fclose(in);
		return err;
	}
	struct sha256 *sha = sha256_begin();
	int err = write_bytes(a, in, path, (uint64_t)st.st_size, sha);
	sha256_end(&sha, sum);
	fclose(in);
	if (err == 0)
		sums_add(a, name, sum);
	return err;
}

/* What an area is made of, beside its database and its documents. Nothing else that lies there is
 * saved: it is not the server's. */
static const char *const area_files[] = {"ca.key",   "ca.pem",     "config",    "head.key",
					 "head.pem", "server.key", "server.pem"};

static int write_area_file(struct archive *a, const char *dir, const char *name)
{
	char *path = mem_format("%s/%s", dir, name);
	int err = os_exists(path)
			  ? write_file(a, path, name)
			  : cause_set(a->cause, ERR_MISSING,
				      "%s is missing: put it back, as from an older backup; a "
				      "backup without it could not be served",
				      path);
	free(path);
	return err;
}

static int is_pack(const struct dirent *e)
{
	return strncmp(e->d_name, "pack-", 5) == 0;
}

/* Where a link leads is saved, too: documents may be on another disk. */
static int write_documents(struct archive *a, const char *dir)
{
	char *documents = mem_format("%s/documents", dir);
	struct dirent **names;
	int n = scandir(documents, &names, is_pack, alphasort), err = 0;

	if (n < 0 && errno != ENOENT)
		err = archive_failed(a, documents);
	for (int i = 0; i < n; i++) {
		char *path = mem_format("%s/%s", documents, names[i]->d_name);
		char *name = mem_format("documents/%s", names[i]->d_name);
		if (err == 0)
			err = write_file(a, path, name);
		free(name);
		free(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	free(documents);
	return err;
}

static int write_end(struct archive *a)
{
	static const uint8_t zeros[2 * BLOCK];
	size_t size = a->sums.len;
	bool good = write_header(a, sums_name, size) &&
		    fwrite(a->sums.data, size, 1, a->file) == 1 && write_padding(a, size) &&
		    fwrite(zeros, sizeof(zeros), 1, a->file) == 1 && fflush(a->file) == 0 &&
		    fsync(fileno(a->file)) == 0;
	return good ? 0 : archive_failed(a, a->path);
}

/* Give the finished file its name, lastingly. A disk that knows no links, as most sticks, has it
 * renamed. */
static int write_name(struct archive *a, const char *part)
{
	char *dir = mem_copy_text(a->path), *slash = strrchr(dir, '/');

	if (slash)
		slash[slash == dir] = '\0';
	bool named = link(part, a->path) == 0 ||
		     (errno != EEXIST && !os_exists(a->path) && rename(part, a->path) == 0);
	int err = named ? os_sync_dir(slash ? dir : ".") : archive_failed(a, a->path);
	free(dir);
	return err;
}

int archive_write(const char *file, const char *dir, const char *database, struct cause *cause)
{
	struct archive a = {.path = file, .cause = cause};
	char *part = mem_format("%s.part", file);

	if (os_exists(file)) {
		free(part);
		return cause_set(cause, ERR_EXISTS, "there is a file %s already", file);
	}
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	a.file = fd < 0 ? NULL : fdopen(fd, "wb");
	int err = a.file ? 0 : archive_failed(&a, part);
	if (err == 0)
		err = write_file(&a, database, "area.db");
	for (size_t i = 0; err == 0 && i < sizeof(area_files) / sizeof(*area_files); i++)
		err = write_area_file(&a, dir, area_files[i]);
	if (err == 0)
		err = write_documents(&a, dir);
	if (err == 0)
		err = write_end(&a);
	if (err == 0)
		err = write_name(&a, part);
	if (a.file)
		fclose(a.file);
	unlink(part);
	free(part);
	buf_fini(&a.sums);
	return err;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int archive_damaged(struct archive *a, const char *why)
{
	return cause_set(a->cause, ERR_CORRUPT, "%s is not a whole backup: %s", a->path, why);
}

static bool name_is_good(const char *name)
{
	if (!*name || *name == '/' || strlen(name) > NAME_MOST || strstr(name, ".."))
		return false;
	for (const char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/",
			    *c))
			return false;
	return true;
}

/* The next header. 1; 0: the end; or an error. */
static int read_header(struct archive *a, char name[NAME_MOST + 1], uint64_t *size)
{
	struct header h;
	char digits[13] = "", *end;

	if (fread(&h, BLOCK, 1, a->file) != 1)
		return archive_damaged(a, "it ends too early");
	if (h.name[0] == '\0')
		return 0;
	memcpy(digits, h.sum, 6);
	if (memcmp(h.magic, "ustar", 5) != 0 || strtoul(digits, &end, 8) != header_sum(&h) ||
	    h.type != '0')
		return archive_damaged(a, "it is of another form, or damaged");
	memcpy(digits, h.size, 11);
	*size = strtoull(digits, &end, 8);
	memcpy(name, h.name, NAME_MOST);
	name[NAME_MOST] = '\0';
	return name_is_good(name) ? 1 : archive_damaged(a, "a name in it is not one of ours");
}

static int read_bytes(struct archive *a, uint64_t size, FILE *out, struct sha256 *sha)
{
	uint8_t piece[PIECE];

	for (uint64_t left = (size + BLOCK - 1) / BLOCK * BLOCK, wanted = size; left;) {
		size_t n = fread(piece, 1, left < PIECE ? (size_t)left : PIECE, a->file);
		if (n == 0)
			return archive_damaged(a, "it ends too early");
		size_t kept = wanted < n ? (size_t)wanted : n;
		if (kept && fwrite(piece, kept, 1, out) != 1)
			return archive_failed(a, "what is in the backup can't be written");
		sha256_add(sha, BYTES(piece, kept));
		wanted -= kept;
		left -= n;
	}
	if (fflush(out) != 0 || fsync(fileno(out)) < 0)
		return archive_failed(a, "what is in the backup can't be written");
	return 0;
}

static int read_file(struct archive *a, const char *to, const char *name, uint64_t size)
{
	char *path = mem_format("%s/%s", to, name), *slash = strrchr(path, '/');
	uint8_t sum[SHA256_LEN];

	*slash = '\0';
	int err = os_make_dir(path, a->cause);
	*slash = '/';
	int fd = err < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
	if (err == 0 && !out)
		err = archive_failed(a, path);
	if (err == 0) {
		struct sha256 *sha = sha256_begin();
		err = read_bytes(a, size, out, sha);
		sha256_end(&sha, sum);
		sums_add(a, name, sum);
	}
	if (out)
		fclose(out);
	free(path);
	return err;
}

/* What stands last: the sums of all that came before. */
static int read_sums(struct archive *a, uint64_t size)
{
	struct buf said = {0};

	if (size > SUMS_MOST || size != a->sums.len)
		return archive_damaged(a, "its list of sums does not fit");
	bool whole = fread(buf_reserve(&said, (size_t)size), (size_t)size, 1, a->file) == 1;
	said.len = (size_t)size;
	whole = whole && bytes_equal(buf_bytes(&said), buf_bytes(&a->sums));
	buf_fini(&said);
	return whole ? 0 : archive_damaged(a, "a file in it is not as it was saved");
}

int archive_extract(const char *file, const char *to, struct cause *cause)
{
	struct archive a = {.path = file, .cause = cause, .file = fopen(file, "rb")};
	char name[NAME_MOST + 1];
	uint64_t size = 0;
	bool whole = false;
	int got;

	if (!a.file)
		return archive_failed(&a, file);
	while (!whole && (got = read_header(&a, name, &size)) > 0) {
		whole = strcmp(name, sums_name) == 0;
		got = whole ? read_sums(&a, size) : read_file(&a, to, name, size);
		if (got < 0)
			break;
	}
	if (got >= 0 && !whole)
		got = archive_damaged(&a, "it ends too early");
	fclose(a.file);
	buf_fini(&a.sums);
	return got < 0 ? got : 0;
}

void archive_remove_tree(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, NULL);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char *path = mem_format("%s/%s", dir, name);
		struct stat st;
		bool self = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
		if (!self && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			archive_remove_tree(path);
		else if (!self)
			unlink(path);
		free(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	rmdir(dir);
}
