/* Documents' bytes on this device, by name and on their way out: see contents.h. */
#include "client/contents_inside.h"

#include "common/fields.h"
#include "common/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* Of records.proto. */
enum { VERSION_BYTES = 4, VERSION_CONTENT = 5, VERSION_CHUNKS = 8, VERSION_RELEASED = 10 };

bool contents_named(struct content *out, struct bytes sha, struct bytes root, uint64_t bytes)
{
	if (root.len == 0)
		root = sha;
	if (sha.len != SHA256_LEN || root.len != SHA256_LEN)
		return false;
	memcpy(out->sha, sha.data, SHA256_LEN);
	memcpy(out->root, root.data, SHA256_LEN);
	out->bytes = bytes;
	return true;
}

bool contents_of(const struct record *version, struct content *out)
{
	return contents_named(out, value_bytes(record_get(version, VERSION_CONTENT)),
			      value_bytes(record_get(version, VERSION_CHUNKS)),
			      value_number(record_get(version, VERSION_BYTES)));
}

struct bytes contents_released(const struct record *version)
{
	return value_bytes(record_get(version, VERSION_RELEASED));
}

bool change_root(const struct edit *e, uint8_t root[SHA256_LEN])
{
	struct bytes sha = value_bytes(fields_get(e->effect.set, VERSION_CONTENT));
	struct bytes chunks = value_bytes(fields_get(e->effect.set, VERSION_CHUNKS));
	struct bytes name = chunks.len ? chunks : sha;

	if (e->type != TYPE_VERSION || name.len != SHA256_LEN)
		return false;
	memcpy(root, name.data, SHA256_LEN);
	return true;
}

int contents_has(struct copy *copy, const uint8_t root[SHA256_LEN], struct content *out)
{
	struct content c;
	return store_content(copy_store(copy), root, out ? out : &c);
}

int inside_file_err(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_FULL
	       : errno == ENOENT				    ? ERR_MISSING
								    : ERR_IO;
}

uint64_t inside_today(struct copy *copy)
{
	return env_now_ms(copy_env(copy)) / DAY_MS;
}

/* ---- On its way up -------------------------------------------------------------------------- */

int contents_note_sent(struct copy *copy, const uint8_t root[SHA256_LEN], uint64_t sent)
{
	if (sent == 0)
		return db_run(copy_db(copy), "DELETE FROM sending WHERE root = $1", "b",
			      BYTES(root, SHA256_LEN));
	return db_run(copy_db(copy),
		      "INSERT INTO sending (root, sent) VALUES ($1, $2)"
		      " ON CONFLICT (root) DO UPDATE SET sent = excluded.sent",
		      "bu", BYTES(root, SHA256_LEN), sent);
}

int contents_forget_sent(struct copy *copy)
{
	return db_run(copy_db(copy),
		      "DELETE FROM sending WHERE NOT EXISTS (SELECT 1 FROM pending"
		      " WHERE contents IS NOT NULL AND instr(contents, root) > 0)",
		      "");
}

uint64_t contents_sent(struct copy *copy, const uint8_t root[SHA256_LEN])
{
	struct db_stmt *st = db_query(copy_db(copy), "SELECT sent FROM sending WHERE root = $1",
				      "b", BYTES(root, SHA256_LEN));
	uint64_t sent = 0;

	if (db_step(st) > 0) {
		sent = (uint64_t)db_int(st, 0);
		db_reset(st);
	}
	return sent;
}

static int sending_one(struct copy *copy, const uint8_t root[SHA256_LEN], uint64_t *sent,
		       uint64_t *all)
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT c.bytes, coalesce(s.sent, 0) FROM content c"
				      " LEFT JOIN sending s ON s.root = c.root WHERE c.root = $1",
				      "b", BYTES(root, SHA256_LEN));
	int got = db_step(st);

	if (got <= 0)
		return got;
	uint64_t bytes = (uint64_t)db_int(st, 0), part = (uint64_t)db_int(st, 1);
	*all += bytes;
	*sent += part < bytes ? part : bytes;
	db_reset(st);
	return 1;
}

static int sending_all(struct copy *copy, uint64_t *sent, uint64_t *all)
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT contents FROM pending"
				      " WHERE state = 0 AND contents IS NOT NULL", "");
	int got, any = 0;

	while ((got = db_step(st)) > 0) {
		struct bytes b = db_bytes(st, 0);
		for (size_t i = 0; got > 0 && i + SHA256_LEN <= b.len; i += SHA256_LEN) {
			int one = sending_one(copy, b.data + i, sent, all);
			any = one > 0 ? 1 : any;
			got = one < 0 ? one : got;
		}
		if (got < 0) {
			db_reset(st);
			break;
		}
	}
	return got < 0 ? got : any;
}

int contents_sending(struct copy *copy, const uint8_t *root, uint64_t *sent, uint64_t *all)
{
	*sent = *all = 0;
	return root ? sending_one(copy, root, sent, all) : sending_all(copy, sent, all);
}

/* ---- Going out ------------------------------------------------------------------------------ */

static int print_row(void *arg, struct bytes chunk)
{
	FILE *out = arg;
	return !out || fwrite(chunk.data, 1, chunk.len, out) == chunk.len ? 0 : inside_file_err();
}

/* Hand every chunk to `out` (NULL: to nobody), and check the whole. */
static int contents_stream(struct copy *copy, const struct content *c, FILE *out,
			   struct cause *cause)
{
	int err = content_read(copy_store(copy), c, print_row, out);

	if (err == ERR_CORRUPT)
		return cause_set(
			cause, err,
			"the document's bytes on this computer are damaged: 'fivepits fsck "
			"--repair', then get them again");
	if (err == ERR_MISSING)
		return cause_set(cause, err, "the document's bytes are not on this computer");
	if (err < 0)
		return cause_set(cause, err, "the document could not be written: %s",
				 err_words(err));
	return 0;
}

int contents_print(struct copy *copy, const struct content *c, FILE *out, struct cause *cause)
{
	int err = contents_stream(copy, c, out, cause);
	if (err == 0 && fflush(out) != 0)
		err = cause_set(cause, inside_file_err(), "the document could not be written: %s",
				strerror(errno));
	return err;
}

static int save_fault(const char *path, struct cause *cause)
{
	return cause_set(cause, inside_file_err(), "can't write %s: %s", path, strerror(errno));
}

/* As any new file of this person's: mkstemp is stricter, and what others may read is theirs to
 * say. */
static mode_t new_file_mode(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return 0666 & ~mask;
}

/* The name lasts too, where the file system and its owner let it: the file itself is there. */
static void save_sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_format("%.*s", slash == path ? 1 : (int)(slash - path), path)
			  : mem_copy_text(".");

	(void)os_sync_dir(dir);
	free(dir);
}

int contents_save(struct copy *copy, const struct content *c, const char *path, struct cause *cause)
{
	char *real = realpath(path, NULL); /* behind a link, which stays */
	char *temporary = mem_format("%s.coming-XXXXXX", real ? real : path);
	int fd = mkstemp(temporary);
	FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
	int err = out ? contents_stream(copy, c, out, cause) : save_fault(path, cause);

	if (err == 0 && (fchmod(fd, new_file_mode()) != 0 || fflush(out) != 0 || fsync(fd) != 0))
		err = save_fault(path, cause);
	if (out)
		fclose(out);
	if (err == 0 && rename(temporary, real ? real : path) != 0)
		err = save_fault(path, cause);
	if (err < 0 && fd >= 0)
		unlink(temporary);
	if (err == 0)
		save_sync_name(real ? real : path);
	free(temporary);
	free(real);
	return err;
}

int contents_verify(struct copy *copy, const struct content *c, struct cause *cause)
{
	return contents_stream(copy, c, NULL, cause);
}
