/* Damage in a write-ahead log is told from what a power cut, or a writer that gave up, leaves. */
#include "common/db.h"
#include "common/db_log.h"
#include "common/log.h"
#include "common/os.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static const char schema[] = "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT;\n";

enum { HEAD = 32, FRAME = 24 + 4096, EDITS = 12, LONG = 10 };

static void log_drop(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static char *db_path(const char *name)
{
	char *dir = mem_format("%s/%s", tap_dir(), name);
	must(os_make_dir(dir, NULL) == 0);
	char *path = mem_format("%s/x.db", dir);
	free(dir);
	return path;
}

static struct db *open_or_die(const char *path)
{
	struct db *db;
	struct cause cause;
	if (db_open(&db, path, DB_SHARED, schema, 1, NULL, &cause) != 0) {
		note("%s", cause.words);
		abort();
	}
	return db;
}

static struct buf file_read(const char *path, const char *suffix)
{
	char *name = mem_format("%s%s", path, suffix);
	struct buf b = {0};
	must(os_read_file(name, SIZE_MAX / 4, &b, NULL) == 0);
	free(name);
	return b;
}

static void file_write(const char *path, const char *suffix, const struct buf *b)
{
	char *name = mem_format("%s%s", path, suffix);
	must(os_write_file(name, buf_bytes(b), false, NULL) == 0);
	free(name);
}

/* One transaction of `pages` pages or a few more. */
static void save_in(struct db *db, int64_t k, size_t pages, int fill)
{
	uint8_t *v = mem_alloc(pages * 4096);

	memset(v, fill, pages * 4096);
	must(db_begin(db) == 0);
	must(db_run(db, "INSERT INTO t (k, v) VALUES ($1, $2)", "ib", k,
		    BYTES(v, pages > 1 ? pages * 4096 : 20)) == 0);
	must(db_commit(db) == 0);
	free(v);
}

/* The same, of another process as it were; the log is not moved. */
static void save(const char *path, int64_t k, size_t pages, int fill)
{
	struct db *db = open_or_die(path);
	save_in(db, k, pages, fill);
	db_close(&db);
}

static bool read_buf(void *arg, uint64_t offset, void *out, size_t n)
{
	const struct buf *b = arg;
	if (offset + n > b->len)
		return false;
	memcpy(out, b->data + offset, n);
	return true;
}

static unsigned lost(struct buf *log)
{
	return db_log_lost(read_buf, log);
}

static struct buf copy_of(const struct buf *b)
{
	struct buf c = {0};
	buf_add_bytes(&c, buf_bytes(b));
	return c;
}

static size_t frames_of(const struct buf *log)
{
	return (log->len - HEAD) / FRAME;
}

/* How many transactions end in the frames from `from` (0 is the first) on. */
static unsigned ends_from(const struct buf *log, size_t from)
{
	unsigned n = 0;
	for (size_t i = from; i < frames_of(log); i++)
		n += read_u32be(log->data + HEAD + i * FRAME + 4) != 0;
	return n;
}

/* A log of EDITS small transactions, then one of many pages. */
static struct buf make_log(const char *path)
{
	for (int i = 0; i < EDITS; i++)
		save(path, i, 1, 'a');
	save(path, EDITS, LONG, 'b');
	return file_read(path, "-wal");
}

/* Of a log with one bit of a frame changed: is no less told than all but one, and not too much? */
static bool is_told(const struct buf *log, size_t frame, size_t at)
{
	struct buf bad = copy_of(log);
	unsigned behind = ends_from(log, frame);

	bad.data[HEAD + frame * FRAME + at] ^= 4;
	unsigned n = lost(&bad);
	buf_fini(&bad);
	return n < behind && n + 2 >= behind;
}

static void damage_in_the_middle(void)
{
	char *path = db_path("middle");
	struct buf log = make_log(path);
	static const size_t places[] = {1, 9, 14, 18, 22, 24, 700, 4119};
	size_t last = frames_of(&log) - LONG - 4, told = 0, tried = 0;

	ok(lost(&log) == 0, "a sound log has lost nothing");
	for (size_t f = 0; f < last; f++)
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++, tried++)
			told += is_told(&log, f, places[i]);
	ok(tried > 50 && told == tried, "one bit anywhere before the last transactions is found");
	for (int i = 0; i < HEAD; i++) {
		struct buf bad = copy_of(&log);
		bad.data[i] ^= 1;
		told += lost(&bad) + 2 >= ends_from(&log, 0);
		buf_fini(&bad);
	}
	ok(told == tried + HEAD, "and anywhere in its header");
	buf_fini(&log);
	free(path);
}

/* What a power cut leaves of the frames from `from` on: any of them, the others as `under`. */
static bool cuts_are_silent(const struct buf *log, size_t from, const struct buf *under)
{
	bool silent = true;

	for (unsigned dice = 0; dice < 2000; dice++) {
		struct buf cut = copy_of(log);
		unsigned seed = dice;
		for (size_t at = HEAD + from * FRAME; at < cut.len; at += 512) {
			size_t end = at / 512 * 512 + 512, n = end < cut.len ? end - at : cut.len - at;
			seed = seed * 1664525 + 1013904223;
			if (seed >> 31 && under && end <= under->len)
				memcpy(cut.data + at, under->data + at, n);
			else if (seed >> 31)
				memset(cut.data + at, 0, n);
			at = at / 512 * 512; /* the next begins where a sector does */
		}
		if (dice % 3 == 0)
			cut.len = HEAD + from * FRAME + dice * 7 % (cut.len - HEAD - from * FRAME);
		silent = silent && lost(&cut) == 0;
		buf_fini(&cut);
	}
	return silent;
}

static size_t last_begins(const struct buf *log)
{
	size_t from = frames_of(log) - 1;
	while (from > 0 && ends_from(log, from - 1) == ends_from(log, from))
		from--;
	return from;
}

static void a_power_cut(void)
{
	char *path = db_path("cut");
	struct buf log = make_log(path);

	ok(cuts_are_silent(&log, last_begins(&log), NULL),
	   "whatever a power cut leaves of the last transaction is no damage");
	struct db *db;
	must(db_open(&db, path, DB_SOLE, schema, 1, NULL, NULL) == 0); /* it moves the log */
	save_in(db, 100, 1, 'c');
	save_in(db, 101, LONG / 2, 'd');
	db_close(&db);
	struct buf again = file_read(path, "-wal");
	ok(again.len == log.len && memcmp(again.data, log.data, HEAD) != 0 && lost(&again) == 0,
	   "a log that begins anew over an older one is sound");
	/* It is told apart by its salts where the new one ends. */
	size_t from = 0;
	while (memcmp(again.data + HEAD + from * FRAME + 8, again.data + 16, 8) == 0)
		from++;
	struct buf shorter = copy_of(&again);
	shorter.len = HEAD + from * FRAME;
	ok(cuts_are_silent(&again, last_begins(&shorter), &log),
	   "nor is what it leaves of one that was being written over an older log");
	buf_fini(&shorter);
	buf_fini(&again);
	buf_fini(&log);
	free(path);
}

static void an_abandoned_transaction(void)
{
	char *path = db_path("abandoned");
	struct buf log = make_log(path);
	struct buf base = file_read(path, "");

	save(path, 200, LONG, 'e');
	struct buf abandoned = file_read(path, "-wal");
	file_write(path, "-wal", &log);
	file_write(path, "", &base);
	char *shm = mem_format("%s-shm", path);
	remove(shm);
	save(path, 300, 1, 'f');
	struct buf shorter = file_read(path, "-wal");
	must(shorter.len < abandoned.len && memcmp(shorter.data, abandoned.data, log.len) == 0);
	memcpy(abandoned.data, shorter.data, shorter.len);
	ok(lost(&abandoned) == 0, "frames of a transaction that was given up are no damage");
	abandoned.data[HEAD + 2 * FRAME + 100] ^= 1;
	ok(lost(&abandoned) > 5, "and hide none");
	free(shm);
	buf_fini(&shorter);
	buf_fini(&abandoned);
	buf_fini(&base);
	buf_fini(&log);
	free(path);
}

static void nothing_there(void)
{
	struct buf none = {0}, zeros = {0};

	ok(lost(&none) == 0, "an empty log has lost nothing");
	memset(buf_reserve(&zeros, HEAD + 3 * FRAME), 0, HEAD + 3 * FRAME);
	zeros.len = HEAD + 3 * FRAME;
	ok(lost(&zeros) == 0, "nor has one of zeros");
	buf_fini(&zeros);
}

static void it_is_said(void)
{
	char *path = db_path("said");
	struct buf log = make_log(path);
	struct cause cause = {""};
	struct db *db = open_or_die(path);

	ok(db_lost(db) == 0 && db_check(db, &cause) == 0, "a database with a sound log is sound");
	db_close(&db);
	log.data[HEAD + (frames_of(&log) - LONG - 8) * FRAME + 2000] ^= 1;
	file_write(path, "-wal", &log);
	log_sink_set(log_drop);
	db = open_or_die(path);
	ok(db_lost(db) > 1, "who opens one whose log is damaged is told how much is lost");
	ok(db_check(db, &cause) == ERR_CORRUPT && strstr(cause.words, "the log of "),
	   "and so is who checks it");
	must(db_begin(db) == 0);
	must(db_run(db, "INSERT INTO t (k, v) VALUES (500, x'00')", "") == 0);
	must(db_commit(db) == 0 && db_checkpoint(db, true));
	db_close(&db);
	log_sink_set(NULL);
	db = open_or_die(path);
	ok(db_lost(db) == 0 && db_check(db, &cause) == 0, "until the log begins anew");
	db_close(&db);
	buf_fini(&log);
	free(path);
}

int main(void)
{
	damage_in_the_middle();
	a_power_cut();
	an_abandoned_transaction();
	nothing_there();
	it_is_said();
	return tap_end();
}
