/*
 * Three ways to keep chunks, measured: a file for each, packs with an index in SQLite, rows of
 * SQLite. 10,000 chunks of 10 KiB in batches of 64, and 1 GiB in chunks of 64 KiB in batches of 64;
 * each batch is on disk before the next begins. Then all is read, in another order, its names
 * forgotten by nobody. Prints MB/s and chunks/s.
 *
 *	store DIR	an empty directory on the disk in question
 */
#include "common/sha.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FOLDERS = 256 };

#define CHECK(cond) ((cond) ? (void)0 : fail(#cond, __LINE__))
static _Noreturn void fail(const char *cond, int line)
{
	fprintf(stderr, "store: %s does not hold at line %d\n", cond, line);
	exit(1);
}

struct way {
	const char *name, *dir;
	sqlite3 *db;
	sqlite3_stmt *insert, *find;
	int fd;
	uint64_t end;
	int dirty[FOLDERS];
	void (*begin)(struct way *w);
	void (*put)(struct way *w, const uint8_t *hash, const uint8_t *data, size_t n);
	void (*sync)(struct way *w);
	void (*get)(struct way *w, const uint8_t *hash, uint8_t *out, size_t n);
};

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run(struct way *w, const char *sql)
{
	CHECK(sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void db_begin_way(struct way *w, const char *table, const char *insert, const char *find)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s.db", w->dir, w->name);
	CHECK(sqlite3_open(path, &w->db) == SQLITE_OK);
	run(w, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;");
	run(w, table);
	CHECK(sqlite3_prepare_v2(w->db, insert, -1, &w->insert, NULL) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(w->db, find, -1, &w->find, NULL) == SQLITE_OK);
	run(w, "BEGIN IMMEDIATE");
}

/* ---- A file for each chunk ------------------------------------------------------------------ */

static void file_path(const struct way *w, const uint8_t *hash, char path[400])
{
	int n = snprintf(path, 400, "%s/%02x/", w->dir, hash[0]);
	for (int i = 1; i < SHA256_LEN; i++)
		n += snprintf(path + n, 400 - (size_t)n, "%02x", hash[i]);
}

static void file_begin(struct way *w)
{
	char path[400];
	for (unsigned i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%02x", w->dir, i);
		CHECK(mkdir(path, 0700) == 0);
	}
}

static void file_put(struct way *w, const uint8_t *hash, const uint8_t *data, size_t n)
{
	char path[400], other[410];

	file_path(w, hash, path);
	snprintf(other, sizeof(other), "%s.new", path);
	int fd = open(other, O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n && fdatasync(fd) == 0);
	close(fd);
	CHECK(rename(other, path) == 0);
	w->dirty[hash[0]] = 1;
}

static void file_sync(struct way *w)
{
	char path[400];
	for (unsigned i = 0; i < FOLDERS; i++) {
		if (!w->dirty[i])
			continue;
		snprintf(path, sizeof(path), "%s/%02x", w->dir, i);
		int fd = open(path, O_RDONLY);
		CHECK(fsync(fd) == 0);
		close(fd);
		w->dirty[i] = 0;
	}
}

static void file_get(struct way *w, const uint8_t *hash, uint8_t *out, size_t n)
{
	char path[400];
	file_path(w, hash, path);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, out, n) == (ssize_t)n);
	close(fd);
}

/* ---- Packs ---------------------------------------------------------------------------------- */

static void pack_begin(struct way *w)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/pack", w->dir);
	w->fd = open(path, O_CREAT | O_RDWR, 0600);
	CHECK(w->fd >= 0);
	db_begin_way(w, "CREATE TABLE chunk (hash BLOB PRIMARY KEY, at INTEGER) WITHOUT ROWID",
		     "INSERT INTO chunk VALUES (?1, ?2)", "SELECT at FROM chunk WHERE hash = ?1");
}

static void pack_put(struct way *w, const uint8_t *hash, const uint8_t *data, size_t n)
{
	CHECK(pwrite(w->fd, data, n, (off_t)w->end) == (ssize_t)n);
	sqlite3_bind_blob(w->insert, 1, hash, SHA256_LEN, SQLITE_TRANSIENT);
	sqlite3_bind_int64(w->insert, 2, (sqlite3_int64)w->end);
	CHECK(sqlite3_step(w->insert) == SQLITE_DONE);
	sqlite3_reset(w->insert);
	w->end += n;
}

static void pack_sync(struct way *w)
{
	CHECK(fdatasync(w->fd) == 0);
	run(w, "COMMIT");
	run(w, "BEGIN IMMEDIATE");
}

static void pack_get(struct way *w, const uint8_t *hash, uint8_t *out, size_t n)
{
	sqlite3_bind_blob(w->find, 1, hash, SHA256_LEN, SQLITE_TRANSIENT);
	CHECK(sqlite3_step(w->find) == SQLITE_ROW);
	CHECK(pread(w->fd, out, n, sqlite3_column_int64(w->find, 0)) == (ssize_t)n);
	sqlite3_reset(w->find);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void row_begin(struct way *w)
{
	db_begin_way(w, "CREATE TABLE chunk (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, data BLOB)",
		     "INSERT INTO chunk (hash, data) VALUES (?1, ?2)",
		     "SELECT data FROM chunk WHERE hash = ?1");
}

static void row_put(struct way *w, const uint8_t *hash, const uint8_t *data, size_t n)
{
	sqlite3_bind_blob(w->insert, 1, hash, SHA256_LEN, SQLITE_TRANSIENT);
	sqlite3_bind_blob(w->insert, 2, data, (int)n, SQLITE_STATIC);
	CHECK(sqlite3_step(w->insert) == SQLITE_DONE);
	sqlite3_reset(w->insert);
}

static void row_sync(struct way *w)
{
	run(w, "COMMIT");
	run(w, "BEGIN IMMEDIATE");
}

static void row_get(struct way *w, const uint8_t *hash, uint8_t *out, size_t n)
{
	sqlite3_bind_blob(w->find, 1, hash, SHA256_LEN, SQLITE_TRANSIENT);
	CHECK(sqlite3_step(w->find) == SQLITE_ROW);
	memcpy(out, sqlite3_column_blob(w->find, 0), n);
	sqlite3_reset(w->find);
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static void chunk_name(uint64_t i, uint8_t hash[SHA256_LEN])
{
	sha256(BYTES(&i, sizeof(i)), hash);
}

static void measure(struct way *w, size_t size, size_t n, const char *what)
{
	uint8_t *data = malloc(size), hash[SHA256_LEN];

	memset(data, 0x5a, size);
	w->begin(w);
	double from = now();
	for (size_t i = 0; i < n; i++) {
		chunk_name(i, hash);
		memcpy(data, hash, SHA256_LEN);
		w->put(w, hash, data, size);
		if (i % BATCH == BATCH - 1)
			w->sync(w);
	}
	w->sync(w);
	double put = now() - from;
	from = now();
	for (size_t i = 0; i < n; i++) {
		chunk_name(i * 7919 % n, hash);
		w->get(w, hash, data, size);
		CHECK(memcmp(data, hash, SHA256_LEN) == 0);
	}
	double get = now() - from;
	printf("%-6s %-6s  put %6.0f MB/s %6.0f/s   get %6.0f MB/s %6.0f/s\n", w->name, what,
	       (double)(size * n) / 1e6 / put, (double)n / put, (double)(size * n) / 1e6 / get,
	       (double)n / get);
	sqlite3_finalize(w->insert);
	sqlite3_finalize(w->find);
	sqlite3_close(w->db);
	free(data);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{.name = "files",
		 .begin = file_begin,
		 .put = file_put,
		 .sync = file_sync,
		 .get = file_get},
		{.name = "packs",
		 .begin = pack_begin,
		 .put = pack_put,
		 .sync = pack_sync,
		 .get = pack_get},
		{.name = "rows",
		 .begin = row_begin,
		 .put = row_put,
		 .sync = row_sync,
		 .get = row_get},
	};
	CHECK(argc == 2);
	for (size_t i = 0; i < 6; i++) {
		struct way w = ways[i / 2];
		char dir[300];
		snprintf(dir, sizeof(dir), "%.200s/%s-%zu", argv[1], w.name, i % 2);
		CHECK(mkdir(dir, 0700) == 0);
		w.dir = dir;
		measure(&w, i % 2 ? 65536 : 10240, i % 2 ? 16384 : 10000,
			i % 2 ? "large" : "small");
	}
	return 0;
}
