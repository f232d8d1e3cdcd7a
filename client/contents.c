/*
 * Files in and out of the store. What comes in is cut as it is read, and synced a few MiB at a
 * time: a crash leaves chunks that nothing names, which are found again when the file is put again.
 */
#include "client/contents.h"

#include "client/copy_inside.h"
#include "client/texts.h"

#include "common/fields.h"
#include "common/hashes.h"
#include "common/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOCK = 1024 * 1024,	       /* read at once; four chunks at least */
	SYNC_BYTES = 16 * 1024 * 1024, /* are put before they are made to last */
	READ_TRIES = 3,		       /* of a file that changes */
	KEEP_DAYS = 14,		       /* what is not named, as of a transfer that was cut */
	DAY_MS = 24 * 60 * 60 * 1000,
	TIDY_STEP = 256,
};

enum { VERSION_BYTES = 4, VERSION_CONTENT = 5, VERSION_CHUNKS = 8 }; /* of records.proto */

bool contents_of(const struct record *version, struct content *out)
{
	struct bytes sha = value_bytes(record_get(version, VERSION_CONTENT));
	struct bytes chunks = value_bytes(record_get(version, VERSION_CHUNKS));
	struct bytes root = chunks.len ? chunks : sha;

	if (sha.len != SHA256_LEN || root.len != SHA256_LEN)
		return false;
	memcpy(out->sha, sha.data, SHA256_LEN);
	memcpy(out->root, root.data, SHA256_LEN);
	out->bytes = value_number(record_get(version, VERSION_BYTES));
	return true;
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

static int file_err(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_FULL
	       : errno == ENOENT				    ? ERR_MISSING
								    : ERR_IO;
}

static uint64_t contents_day(struct copy *copy)
{
	return env_now_ms(copy_env(copy)) / DAY_MS;
}

/* ---- Coming in ------------------------------------------------------------------------------ */

int contents_sync(struct copy *copy, struct cause *cause)
{
	struct store *store = copy_store(copy);
	int err = inside_commit_others(copy);

	store_set_day(store, contents_day(copy));
	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = store_sync(store, cause);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0) {
		copy_rollback(copy);
		store_forget(store);
		if (cause && !cause->words[0])
			cause_set(cause, err, "the document could not be stored: %s",
				  err_words(err));
	}
	return err;
}

struct intake {
	struct copy *copy;
	int fd;
	const char *path;
	struct stat before;
	struct buf data; /* read and not cut */
	struct buf there; /* a chunk that was here before */
	struct buf last;  /* the chunk before; of a file with holes it is often the same again */
	uint8_t last_hash[SHA256_LEN];
	size_t at;	 /* up to here it is cut */
	uint64_t done;
	struct listing *list;
	struct sha256 *sha;
	uint64_t gear[256];
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	struct cause *cause;
};

/* Keep a chunk, unless it is here; one that is here and can't be read is replaced. */
static int intake_put(struct intake *in, const uint8_t hash[SHA256_LEN], bool node,
		      struct bytes raw)
{
	struct store *store = copy_store(in->copy);
	struct stored is;
	int got = store_find(store, hash, &is);

	if (got > 0)
		got = store_get(store, hash, &in->there);
	if (got == ERR_CORRUPT) {
		got = copy_begin(in->copy);
		if (got == 0)
			got = store_take_out(store, hash);
		if (got == 0)
			got = copy_commit(in->copy);
	}
	return got < 0 ? got : store_put_raw(store, hash, node, raw, in->cause);
}

static int intake_node(void *arg, unsigned level, const uint8_t hash[SHA256_LEN], struct bytes node)
{
	(void)level;
	return intake_put(arg, hash, true, node);
}

static int intake_chunk(struct intake *in, struct bytes chunk)
{
	struct store *store = copy_store(in->copy);
	bool again = in->done && bytes_equal(chunk, buf_bytes(&in->last));
	int err = 0;

	sha256_add(in->sha, chunk);
	if (!again) {
		sha256(chunk, in->last_hash);
		buf_reset(&in->last);
		buf_add_bytes(&in->last, chunk);
		err = intake_put(in, in->last_hash, false, chunk);
	}
	if (err >= 0)
		err = listing_add(in->list, in->last_hash, chunk.len);
	if (err >= 0 && store_unsynced(store) >= SYNC_BYTES)
		err = contents_sync(in->copy, in->cause);
	in->done += chunk.len;
	if (in->progress)
		in->progress(in->arg, in->done, (uint64_t)in->before.st_size);
	return err < 0 ? err : 0;
}

/* More of the file behind what is not cut yet. 1: some came; 0: the end. */
static int intake_read(struct intake *in)
{
	size_t left = in->data.len - in->at;

	if (left)
		memmove(in->data.data, in->data.data + in->at, left);
	in->data.len = left;
	in->at = 0;
	for (;;) {
		ssize_t n = read(in->fd, buf_reserve(&in->data, BLOCK), BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cause_set(in->cause, ERR_IO, "can't read %s to its end: %s",
					 in->path, strerror(errno));
		in->data.len += (size_t)n;
		return n > 0;
	}
}

static int intake_cut(struct intake *in)
{
	bool last = false;
	int err = 0;

	while (err == 0) {
		struct bytes rest = BYTES(in->data.data + in->at, in->data.len - in->at);
		size_t n = chunk_cut(in->gear, rest, last);
		if (n) {
			in->at += n;
			err = intake_chunk(in, BYTES(rest.data, n));
		} else if (last) {
			return in->done ? 0 : intake_chunk(in, BYTES("", 0));
		} else {
			int got = intake_read(in);
			last = got == 0;
			err = got < 0 ? got : 0;
		}
	}
	return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A regular file to read. */
static int intake_open(struct intake *in)
{
	in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in->fd < 0)
		return cause_set(in->cause, file_err(), "can't read %s: %s", in->path,
				 strerror(errno));
	if (fstat(in->fd, &in->before) < 0 || !S_ISREG(in->before.st_mode))
		return cause_set(in->cause, ERR_INVALID, "%s is not a file", in->path);
	if ((uint64_t)in->before.st_size > CONTENT_MOST)
		return cause_set(in->cause, ERR_LIMIT, "%s is too large for a document", in->path);
	return 0;
}

/* Once through the file. ERR_AGAIN: it changed meanwhile. */
static int intake_once(struct intake *in, struct content *out)
{
	struct stat after;
	unsigned level;
	int err = intake_open(in);

	in->list = listing_new(intake_node, in);
	in->sha = sha256_begin();
	if (err == 0)
		err = intake_cut(in);
	if (err == 0 && (fstat(in->fd, &after) < 0 || !same_file(&in->before, &after) ||
			 in->done != (uint64_t)after.st_size))
		err = cause_set(in->cause, ERR_AGAIN,
				"%s goes on changing while it is read: try again when it is "
				"finished",
				in->path);
	if (err == 0)
		err = listing_end(in->list, out->root, &level);
	sha256_end(&in->sha, out->sha);
	out->bytes = in->done;
	listing_free(&in->list);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	in->done = in->at = 0;
	buf_reset(&in->data);
	return err;
}

/* All of it is in the store: make that last, and that it is whole. */
static int intake_keep(struct copy *copy, const struct content *c, struct cause *cause)
{
	int err = contents_sync(copy, cause);

	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = store_content_set(copy_store(copy), c);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0) {
		copy_rollback(copy);
		if (cause && !cause->words[0])
			cause_set(cause, err, "the document could not be stored: %s",
				  err_words(err));
	}
	return err;
}

int contents_add(struct copy *copy, const char *path, struct content *out,
		 void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		 struct cause *cause)
{
	struct intake in = {.copy = copy,
			    .fd = -1,
			    .path = path,
			    .progress = progress,
			    .arg = arg,
			    .cause = cause};
	int err = ERR_AGAIN;

	if (cause)
		cause->words[0] = '\0';
	chunk_gear(in.gear);
	for (int i = 0; err == ERR_AGAIN && i < READ_TRIES; i++)
		err = intake_once(&in, out);
	if (err == 0)
		err = intake_keep(copy, out, cause);
	buf_fini(&in.data);
	buf_fini(&in.there);
	buf_fini(&in.last);
	return err;
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

int contents_sending(struct copy *copy, const uint8_t *root, uint64_t *sent, uint64_t *all)
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT contents FROM pending"
				      " WHERE state = 0 AND contents IS NOT NULL", "");
	int got, any = 0;

	*sent = *all = 0;
	while ((got = db_step(st)) > 0) {
		struct bytes b = db_bytes(st, 0);
		for (size_t i = 0; got > 0 && i + SHA256_LEN <= b.len; i += SHA256_LEN) {
			if (root && memcmp(b.data + i, root, SHA256_LEN) != 0)
				continue;
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

/* ---- Going out ------------------------------------------------------------------------------ */

static int print_row(void *arg, struct bytes chunk)
{
	FILE *out = arg;
	return !out || fwrite(chunk.data, 1, chunk.len, out) == chunk.len ? 0 : file_err();
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
		err = cause_set(cause, file_err(), "the document could not be written: %s",
				strerror(errno));
	return err;
}

int contents_save(struct copy *copy, const struct content *c, const char *path, struct cause *cause)
{
	char *temporary = mem_format("%s.coming-XXXXXX", path);
	int fd = mkstemp(temporary);
	FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
	int err = out ? contents_stream(copy, c, out, cause)
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

int contents_verify(struct copy *copy, const struct content *c, struct cause *cause)
{
	return contents_stream(copy, c, NULL, cause);
}

/* ---- Care ----------------------------------------------------------------------------------- */

/* Roots that a Version here, or a change that was not accepted, names. */
struct keeping {
	struct copy *copy;
	struct hashes named;
	struct hashes dropped; /* of these, what a Version names is not kept for that */
	uint64_t since; /* what came on this day or later is kept, as of a transfer that was cut */
};

static void keeping_add(struct keeping *k, struct bytes roots)
{
	for (size_t i = 0; i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		hashes_put(&k->named, roots.data + i, 1);
}

static bool keeping_add_version(struct keeping *k, struct bytes fields)
{
	static const struct id none;
	struct content content;
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	record_init(&r, &arena, &none, TYPE_VERSION);
	bool whole = record_unpack(&r, fields) >= 0;
	if (whole && contents_of(&r, &content) && !hashes_find(&k->dropped, content.root))
		keeping_add(k, BYTES(content.root, SHA256_LEN));
	arena_fini(&arena);
	return whole;
}

static int keeping_init(struct keeping *k, struct copy *copy, uint64_t since)
{
	struct db_stmt *st = db_query(
		copy_db(copy),
		"SELECT type, fields FROM record WHERE type = 19"
		" UNION ALL SELECT 0, contents FROM pending WHERE contents IS NOT NULL", "");
	int got;

	_Static_assert(TYPE_VERSION == 19, "the number in the SQL above");
	k->copy = copy;
	k->since = since;
	while ((got = db_step(st)) > 0) {
		if (db_int(st, 0) == 0)
			keeping_add(k, db_bytes(st, 1));
		else if (!keeping_add_version(k, db_bytes(st, 1))) {
			db_reset(st);
			return ERR_CORRUPT;
		}
	}
	return got;
}

static int keeping_keep(void *arg, const uint8_t hash[SHA256_LEN], uint64_t day)
{
	const struct keeping *k = arg;
	return day >= k->since || hashes_find(&k->named, hash) ? 1 : 0;
}

static void keeping_fini(struct keeping *k)
{
	hashes_fini(&k->named);
	hashes_fini(&k->dropped);
}

static int keeping_remove(struct keeping *k, struct copy *copy, struct bytes roots)
{
	int err = keeping_init(k, copy, UINT64_MAX);

	for (size_t i = 0; err == 0 && i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		err = store_doom(copy_store(copy), roots.data + i);
	for (int more = 1; err == 0 && more > 0; err = more < 0 ? more : 0)
		more = store_reap(copy_store(copy), TIDY_STEP, keeping_keep, k);
	keeping_fini(k);
	return err < 0 ? err : texts_forget(copy);
}

int contents_remove(struct copy *copy, struct bytes roots)
{
	struct keeping k = {.since = 0};
	return keeping_remove(&k, copy, roots);
}

int contents_drop(struct copy *copy, struct bytes roots)
{
	struct keeping k = {.since = 0};

	for (size_t i = 0; i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		hashes_put(&k.dropped, roots.data + i, 1);
	return keeping_remove(&k, copy, roots);
}

/* Look at all chunks for what nothing names. */
static int tidy_sweep(struct copy *copy)
{
	uint64_t day = contents_day(copy);
	uint8_t from[SHA256_LEN] = {0};
	struct keeping k = {.since = 0};
	int more = keeping_init(&k, copy, day > KEEP_DAYS ? day - KEEP_DAYS : 0);

	more = more < 0 ? more : 1;
	while (more > 0) {
		more = copy_begin(copy);
		if (more == 0)
			more = store_sweep(copy_store(copy), from, TIDY_STEP, keeping_keep, &k);
		int err =
			more < 0 ? more : store_reap(copy_store(copy), SIZE_MAX, keeping_keep, &k);
		if (err >= 0)
			err = copy_commit(copy);
		more = err < 0 ? err : more;
	}
	keeping_fini(&k);
	return more;
}

int contents_tidy(struct copy *copy, bool sweep)
{
	struct store *store = copy_store(copy);
	int more = sweep ? tidy_sweep(copy) : 0;

	if (more == 0)
		more = 1;
	while (more > 0) {
		more = copy_begin(copy);
		if (more == 0)
			more = store_scrub(store, TIDY_STEP);
		if (more == 0 && sweep)
			more = store_compact(store, TIDY_STEP, NULL);
		int err = more < 0 ? more : copy_commit(copy);
		more = err < 0 ? err : more;
	}
	if (more < 0)
		copy_rollback(copy);
	return more == ERR_CORRUPT ? 0 : more; /* fsck tells of it */
}

struct mending {
	struct copy *copy;
	struct buf chunk, bad;
};

static int mend_row(void *arg, const uint8_t hash[SHA256_LEN], bool here)
{
	struct mending *m = arg;
	int err = here ? store_get(copy_store(m->copy), hash, &m->chunk) : 0;

	if (err == ERR_CORRUPT)
		buf_add(&m->bad, hash, SHA256_LEN);
	return err == ERR_CORRUPT ? 0 : err;
}

int contents_mend(struct copy *copy, const struct content *c)
{
	struct store *store = copy_store(copy);
	struct mending m = {.copy = copy};
	bool single = memcmp(c->root, c->sha, SHA256_LEN) == 0;
	int err = content_each(store, c->root, single ? 0 : LEVEL_MAX, mend_row, &m);

	if (err == 0)
		err = copy_begin(copy);
	for (size_t i = 0; err == 0 && i < m.bad.len; i += SHA256_LEN)
		err = store_take_out(store, m.bad.data + i);
	if (err == 0)
		err = store_content_forget(store, c->root);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	buf_fini(&m.chunk);
	buf_fini(&m.bad);
	return err;
}

struct contents_checking {
	struct copy *copy;
	bool mend, whole;
	void (*fault)(void *arg, const char *words);
	void *arg;
	struct hashes told;
};

static bool check_fault(void *arg, enum store_fault what, const uint8_t *hash, const char *words)
{
	struct contents_checking *c = arg;

	(void)what;
	if (hash)
		hashes_put(&c->told, hash, 1);
	c->fault(c->arg, words);
	return c->mend;
}

static int check_row(void *arg, const uint8_t hash[SHA256_LEN], bool here)
{
	struct contents_checking *c = arg;
	char words[96];

	if (here)
		return 0;
	c->whole = false;
	snprintf(words, sizeof(words), "a chunk of documents is missing (%02x%02x%02x%02x)",
		 hash[0], hash[1], hash[2], hash[3]);
	if (!hashes_find(&c->told, hash))
		c->fault(c->arg, words);
	hashes_put(&c->told, hash, 1);
	return 0;
}

/* What is said to be whole must be here; what is not any more can be fetched. */
static int check_contents(struct contents_checking *c)
{
	struct store *store = copy_store(c->copy);
	struct db_stmt *st = db_query(copy_db(c->copy), "SELECT root, sha FROM content", "");
	struct buf all = {0};
	int got;

	while ((got = db_step(st)) > 0)
		if (db_bytes(st, 0).len == SHA256_LEN && db_bytes(st, 1).len == SHA256_LEN) {
			buf_add_bytes(&all, db_bytes(st, 0));
			buf_add_bytes(&all, db_bytes(st, 1));
		}
	for (size_t i = 0; got == 0 && i < all.len; i += 2 * SHA256_LEN) {
		const uint8_t *root = all.data + i;
		bool single = memcmp(root, root + SHA256_LEN, SHA256_LEN) == 0;
		c->whole = true;
		got = content_each(store, root, single ? 0 : LEVEL_MAX, check_row, c);
		if (got == 0 && !c->whole && c->mend)
			got = store_content_forget(store, root);
	}
	buf_fini(&all);
	return got;
}

int contents_check(struct copy *copy, bool mend, void (*fault)(void *arg, const char *words),
		   void *arg)
{
	struct contents_checking c = {.copy = copy, .mend = mend, .fault = fault, .arg = arg};
	int err = store_check(copy_store(copy), check_fault, &c);

	if (err == 0)
		err = check_contents(&c);
	hashes_fini(&c.told);
	return err;
}
