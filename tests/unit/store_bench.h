/* A store on a database of its own, for tests of it. */
#ifndef FIVEPITS_STORE_BENCH_H
#define FIVEPITS_STORE_BENCH_H

#include "common/os.h"
#include "tests/tap.h"
#include "tests/unit/paper.h"

static const char tables[] = ""
#include "server_schema.h"
	;

struct bench {
	char dir[300];
	struct db *db;
	struct store *store;
};

static inline void bench_open(struct bench *b, const char *name)
{
	struct cause cause;

	snprintf(b->dir, sizeof(b->dir), "%.200s/%.20s", tap_dir(), name);
	must(os_make_dir(b->dir, &cause) == 0);
	char *path = mem_format("%s/db", b->dir), *documents = mem_format("%s/documents", b->dir);
	must(db_open(&b->db, path, DB_SOLE, tables, 1, NULL, &cause) == 0);
	b->store = store_new(documents, b->db);
	free(path);
	free(documents);
}

static inline void bench_close(struct bench *b)
{
	store_free(&b->store);
	db_close(&b->db);
}

static inline void bench_sync(struct bench *b)
{
	must(db_begin(b->db) == 0 && store_sync(b->store, NULL) == 0 && db_commit(b->db) == 0);
}

static inline int64_t count(struct bench *b, const char *sql)
{
	struct cause cause;
	struct db_stmt *st = db_query_text(b->db, sql, &cause);
	int64_t n = db_step(st) == 1 ? db_int(st, 0) : -1;

	db_reset(st);
	return n;
}

struct found {
	size_t damaged, missing, stray;
	bool mend;
};

static inline bool note_fault(void *arg, enum store_fault what, const uint8_t *hash, const char *words)
{
	struct found *f = arg;

	(void)hash;
	(void)words;
	f->damaged += what == STORE_DAMAGED;
	f->missing += what == STORE_MISSING;
	f->stray += what == STORE_STRAY;
	return f->mend;
}

#endif
