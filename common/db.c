/*
 * SQLite: opening with everything that has to be set, transactions with their locks, statements
 * kept by the address of their text, errors in our codes. A foreign error is logged here, once,
 * with the SQL and never with values.
 *
 * The database file and SQLite's own files beside it are never opened here: closing any descriptor
 * of theirs would drop the locks that SQLite holds on them.
 */
#include "common/db.h"

#include "common/db_log.h"
#include "common/log.h"
#include "common/os.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

enum {
	APPLICATION_ID = 0x35504954, /* "5PIT" in the file's header */
	CACHE_KIB = 32 * 1024,
	BUSY_MS = 10 * 1000,
	LOG_FULL = 1000, /* pages of 4 KiB in the WAL: more than this is moved by a commit, */
	LOG_SOME = 256,	 /* and this by a checkpoint in an idle moment */
	LOG_KEPT = 8 * 1024 * 1024, /* a WAL file that was longer is cut to this when it restarts */
	ALL_WAIT_MS = 2000,
};

struct db_stmt {
	struct db *db;
	struct db_stmt *next; /* of all that are kept */
	sqlite3_stmt *stmt;   /* NULL: it could not be prepared, stepping it gives db->unprepared */
	int params;
	bool writes;
	bool active; /* has given a row and was not reset */
	bool once;   /* made by db_query_text */
};

/* A statement by the address of its text. A text at several addresses has several slots. */
struct db_slot {
	const char *sql;
	struct db_stmt *st;
};

struct db {
	sqlite3 *sqlite;
	enum db_mode mode;
	char *path;
	const char *schema; /* what the file was made with: a constant */
	struct os_lock *sole, *turn, *checkpoint;
	enum { DB_IDLE, DB_READING, DB_WRITING } state;
	int spoilt;	    /* the error of a statement that failed in this transaction */
	size_t active;	    /* statements that have given a row and were not reset */
	int log_pages;	    /* of the WAL after this connection's last commit */
	unsigned lost;	    /* transactions behind damage in the WAL, when it was opened */
	struct db_stmt *stmts;
	struct db_slot *slots;
	size_t slot_mask, slots_used;
	struct db_stmt broken; /* what db_query returns where the disk fails at preparing */
	int unprepared;
};

/* ---- Errors --------------------------------------------------------------------------------- */

/* Was it for want of room? SQLite says FULL only for ENOSPC in a write, not for a quota. */
static bool db_no_room(sqlite3 *sqlite)
{
	sqlite3_file *log = NULL;
	int e = sqlite3_system_errno(sqlite), of_log = 0;

	sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
	return e == ENOSPC || e == EDQUOT || e == EFBIG || of_log == ENOSPC || of_log == EDQUOT ||
	       of_log == EFBIG;
}

static int db_err(sqlite3 *sqlite, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return db_no_room(sqlite) ? ERR_FULL : ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_AGAIN;
	default:
		return ERR_DB;
	}
}

/* Log what SQLite says of `rc`, and return our code for it. */
static int db_fail(struct db *db, int rc, const char *sql)
{
	int err = db_err(db->sqlite, rc);
	log_error("db.failed", "code=%d words=\"%s\" sql=\"%.300s\"", rc,
		  sqlite3_errmsg(db->sqlite), sql);
	if (db->state == DB_WRITING && db->spoilt == 0)
		db->spoilt = err;
	return err;
}

static _Noreturn void db_bug(const char *what, const char *sql)
{
	log_error("db.bug", "what=\"%s\" sql=\"%.600s\"", what, sql);
	abort();
}

/* No statement may be under way: it would hold its snapshot through what comes now. */
static void db_must_be_still(struct db *db, const char *when)
{
	if (db->active == 0)
		return;
	sqlite3_stmt *s = sqlite3_next_stmt(db->sqlite, NULL);
	while (s && !sqlite3_stmt_busy(s))
		s = sqlite3_next_stmt(db->sqlite, s);
	db_bug(when, s ? sqlite3_sql(s) : "?");
}

/* ---- Statements ----------------------------------------------------------------------------- */

static int db_prepare(struct db *db, const char *sql, struct db_stmt *st, unsigned flags)
{
	const char *tail = NULL;
	int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, flags, &st->stmt, &tail);
	if (rc != SQLITE_OK)
		return rc;
	must(st->stmt && tail[strspn(tail, " \t\n;")] == '\0'); /* one statement */
	st->db = db;
	st->params = sqlite3_bind_parameter_count(st->stmt);
	st->writes = !sqlite3_stmt_readonly(st->stmt);
	return SQLITE_OK;
}

/* $1, $2 ... must first appear in this order, since SQLite numbers them as they come. */
static bool db_params_in_order(const struct db_stmt *st)
{
	for (int i = 1; i <= st->params; i++) {
		const char *name = sqlite3_bind_parameter_name(st->stmt, i);
		if (!name || name[0] != '$' || atoi(name + 1) != i)
			return false;
	}
	return true;
}

static struct db_slot *db_slot(struct db *db, const char *sql)
{
	uint64_t hash = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 32) & db->slot_mask;
	while (db->slots[at].sql && db->slots[at].sql != sql)
		at = (at + 1) & db->slot_mask;
	return &db->slots[at];
}

static void db_slots_grow(struct db *db)
{
	struct db_slot *old = db->slots;
	size_t n = db->slots ? db->slot_mask + 1 : 0, size = n ? n * 2 : 256;

	db->slots = mem_alloc(size * sizeof(*db->slots));
	db->slot_mask = size - 1;
	for (size_t i = 0; i < n; i++)
		if (old[i].sql)
			*db_slot(db, old[i].sql) = old[i];
	free(old);
}

/* Does each row of `wanted` (a name and the words that made it) stand in the file? */
static bool db_schema_has(struct db *db, sqlite3_stmt *wanted)
{
	static const char sql[] = "SELECT 1 FROM sqlite_schema WHERE name = $1 AND sql = $2";
	sqlite3_stmt *find = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &find, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(wanted)) == SQLITE_ROW) {
		sqlite3_reset(find);
		for (int i = 0; i < 2; i++)
			sqlite3_bind_value(find, i + 1, sqlite3_column_value(wanted, i));
		rc = sqlite3_step(find) == SQLITE_ROW ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(find);
	return rc == SQLITE_DONE;
}

/* Are the tables as they were made? A damaged disk may have changed the words that made them. */
static bool db_schema_stands(struct db *db)
{
	static const char sql[] = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
	sqlite3 *fresh = NULL;
	sqlite3_stmt *wanted = NULL;
	bool stands = sqlite3_open(":memory:", &fresh) == SQLITE_OK &&
		      sqlite3_exec(fresh, db->schema, NULL, NULL, NULL) == SQLITE_OK &&
		      sqlite3_prepare_v2(fresh, sql, -1, &wanted, NULL) == SQLITE_OK &&
		      db_schema_has(db, wanted);

	sqlite3_finalize(wanted);
	sqlite3_close(fresh);
	return stands;
}

/* Can a statement of ours not be prepared because the file is damaged? A virtual table, such as the
 * search index, is opened at that, and does not say so otherwise. */
static bool db_is_hurt(struct db *db, const char *words)
{
	return strncmp(words, "vtable constructor", 18) == 0 || !db_schema_stands(db);
}

/* Prepare a constant's text, to be kept. Where the disk fails at that, a statement that says so. */
static struct db_stmt *db_prepare_constant(struct db *db, const char *sql)
{
	struct db_stmt *st = mem_alloc(sizeof(*st));
	int rc = db_prepare(db, sql, st, SQLITE_PREPARE_PERSISTENT);

	if ((rc & 0xff) == SQLITE_ERROR) {
		char words[200];
		snprintf(words, sizeof(words), "%s", sqlite3_errmsg(db->sqlite));
		if (!db_is_hurt(db, words))
			db_bug(words, sql);
		rc = SQLITE_CORRUPT;
	}
	if (rc != SQLITE_OK) {
		free(st);
		db->unprepared = db_fail(db, rc, sql);
		return &db->broken;
	}
	if (!db_params_in_order(st))
		db_bug("parameters must be $1, $2 ... in the order of their first appearance", sql);
	st->next = db->stmts;
	db->stmts = st;
	return st;
}

/* The first query with this address: its text may have come from another, else it is prepared. */
static struct db_stmt *db_remember(struct db *db, const char *sql)
{
	struct db_stmt *st = db->stmts;

	while (st && strcmp(sqlite3_sql(st->stmt), sql) != 0)
		st = st->next;
	if (!st)
		st = db_prepare_constant(db, sql);
	if (st == &db->broken)
		return st;
	if (db->slots_used * 2 > db->slot_mask)
		db_slots_grow(db);
	*db_slot(db, sql) = (struct db_slot){sql, st};
	db->slots_used++;
	return st;
}

static void db_bind_args(struct db_stmt *st, const char *format, va_list ap)
{
	int n = 0;

	for (const char *f = format; *f; f++) {
		n++;
		switch (*f) {
		case 'i':
			sqlite3_bind_int64(st->stmt, n, va_arg(ap, int64_t));
			break;
		case 'u': {
			uint64_t v = va_arg(ap, uint64_t);
			sqlite3_bind_int64(st->stmt, n, v > INT64_MAX ? INT64_MAX : (int64_t)v);
			break;
		}
		case 'd': {
			const struct id *id = va_arg(ap, const struct id *);
			if (id)
				sqlite3_bind_blob(st->stmt, n, id->b, sizeof(id->b), SQLITE_STATIC);
			else
				sqlite3_bind_null(st->stmt, n);
			break;
		}
		case 'b':
			db_bind_bytes(st, n, va_arg(ap, struct bytes));
			break;
		case 't':
			db_bind_text(st, n, va_arg(ap, const char *));
			break;
		case 'n':
			sqlite3_bind_null(st->stmt, n);
			break;
		default:
			db_bug("unknown letter in a format", sqlite3_sql(st->stmt));
		}
	}
	if (n != st->params)
		db_bug("not as many letters as parameters", sqlite3_sql(st->stmt));
}

static struct db_stmt *db_query_args(struct db *db, const char *sql, const char *format, va_list ap)
{
	struct db_stmt *st = db_slot(db, sql)->st;
	if (!st)
		st = db_remember(db, sql);
	if (!st->stmt)
		return st;
	if (strcmp(sqlite3_sql(st->stmt), sql) != 0)
		db_bug("SQL must be a constant", sql);
	if (st->active)
		db_bug("queried again before it was reset", sql);
	if (st->writes && db->state != DB_WRITING)
		db_bug("written outside a transaction", sql);
	db_bind_args(st, format, ap);
	return st;
}

struct db_stmt *db_query(struct db *db, const char *sql, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct db_stmt *st = db_query_args(db, sql, format, ap);
	va_end(ap);
	return st;
}

int db_step(struct db_stmt *st)
{
	struct db *db = st->db;

	if (!st->stmt)
		return db->unprepared;
	if (db->spoilt != 0) {
		db_reset(st);
		return db->spoilt;
	}
	int rc = sqlite3_step(st->stmt);
	if (rc == SQLITE_ROW) {
		if (!st->active) {
			st->active = true;
			db->active++;
		}
		return 1;
	}
	int err = rc == SQLITE_DONE ? 0 : db_fail(db, rc, sqlite3_sql(st->stmt));
	db_reset(st);
	return err;
}

void db_reset(struct db_stmt *st)
{
	if (!st->stmt)
		return;
	if (st->active) {
		st->active = false;
		st->db->active--;
	}
	if (st->once) {
		sqlite3_finalize(st->stmt);
		free(st);
	} else {
		sqlite3_reset(st->stmt);
	}
}

int64_t db_int(struct db_stmt *st, int column)
{
	return sqlite3_column_int64(st->stmt, column);
}

struct bytes db_bytes(struct db_stmt *st, int column)
{
	const void *data = sqlite3_column_blob(st->stmt, column);
	return BYTES(data, (size_t)sqlite3_column_bytes(st->stmt, column));
}

const char *db_text(struct db_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st->stmt, column);
}

bool db_null(struct db_stmt *st, int column)
{
	return sqlite3_column_type(st->stmt, column) == SQLITE_NULL;
}

bool db_id(struct db_stmt *st, int column, struct id *out)
{
	return id_from(out, db_bytes(st, column));
}

int db_run(struct db *db, const char *sql, const char *format, ...)
{
	va_list ap;
	int rc;

	va_start(ap, format);
	struct db_stmt *st = db_query_args(db, sql, format, ap);
	va_end(ap);
	while ((rc = db_step(st)) == 1)
		continue;
	return rc;
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

struct db_stmt *db_query_text(struct db *db, const char *sql, struct cause *cause)
{
	struct db_stmt *st = mem_alloc(sizeof(*st));
	int rc = db_prepare(db, sql, st, 0);
	if (rc != SQLITE_OK) {
		db_fail(db, rc, sql);
		cause_set(cause, rc, "the database: %s", sqlite3_errmsg(db->sqlite));
		free(st);
		return NULL;
	}
	if (st->writes && db->state != DB_WRITING)
		db_bug("written outside a transaction", sql);
	st->once = true;
	return st;
}

void db_bind_bytes(struct db_stmt *st, int n, struct bytes b)
{
	/* A NULL pointer would bind null; no bytes are a value. */
	const void *data = b.data ? (const void *)b.data : "";
	sqlite3_bind_blob64(st->stmt, n, data, b.len, SQLITE_STATIC);
}

void db_bind_text(struct db_stmt *st, int n, const char *text)
{
	sqlite3_bind_text(st->stmt, n, text, -1, SQLITE_STATIC);
}

void db_bind_int(struct db_stmt *st, int n, int64_t v)
{
	sqlite3_bind_int64(st->stmt, n, v);
}

int db_columns(struct db_stmt *st)
{
	return sqlite3_column_count(st->stmt);
}

/* The first statement of `*sql`, to its end; moves `*sql` behind it. An SQLite code. */
static int db_run_first(struct db *db, const char **sql)
{
	sqlite3_stmt *st = NULL;
	const char *whole = *sql;
	int rc = sqlite3_prepare_v2(db->sqlite, whole, -1, &st, sql);

	if (rc != SQLITE_OK || !st)
		return rc;
	if (!sqlite3_stmt_readonly(st) && db->state != DB_WRITING)
		db_bug("written outside a transaction", whole);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		continue;
	return sqlite3_finalize(st);
}

int db_run_text(struct db *db, const char *sql, struct cause *cause)
{
	const char *rest = sql;
	int rc = SQLITE_OK;

	if (db->spoilt != 0)
		return cause_set(cause, db->spoilt, "the database: %s", err_words(db->spoilt));
	while (rc == SQLITE_OK && *rest)
		rc = db_run_first(db, &rest);
	if (rc == SQLITE_OK)
		return 0;
	int err = db_fail(db, rc, sql);
	return cause_set(cause, err, "the database: %s", sqlite3_errmsg(db->sqlite));
}

/* ---- Transactions --------------------------------------------------------------------------- */

/* The right to write or to checkpoint: see db.h. */
static int db_lock(struct db *db)
{
	if (!db->turn)
		return 0;
	int err = os_lock_take(db->turn, true, true);
	if (err == 0) {
		err = os_lock_take(db->checkpoint, true, true);
		os_lock_free(db->turn);
	}
	if (err != 0)
		log_error("db.lock", "path=\"%s\" words=\"%s\"", db->path, strerror(errno));
	return err;
}

static void db_unlock(struct db *db)
{
	if (db->turn)
		os_lock_free(db->checkpoint);
}

static int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, sql);
}

int db_begin(struct db *db)
{
	must(db->state == DB_IDLE && db->mode != DB_READ);
	db_must_be_still(db, "begun while a statement is under way");
	int err = db_lock(db);
	if (err != 0)
		return err;
	err = db_exec(db, "BEGIN IMMEDIATE");
	if (err != 0)
		db_unlock(db);
	else
		db->state = DB_WRITING;
	return err;
}

/* Move the log into the file; the caller holds the lock. What readers hold back stays in it. */
static bool db_move_log(struct db *db, int how)
{
	int left = 0, moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, how, &left, &moved);
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		db_fail(db, rc, "checkpoint");
	else
		log_debug("db.checkpoint", "pages=%d moved=%d", left, moved);
	db->log_pages = 0;
	return rc == SQLITE_OK;
}

int db_commit(struct db *db)
{
	must(db->state == DB_WRITING);
	db_must_be_still(db, "committed while a statement is under way");
	int err = db->spoilt;
	if (err == 0)
		err = db_exec(db, "COMMIT");
	if (err != 0) {
		db_rollback(db);
		return err;
	}
	db->state = DB_IDLE;
	if (db->log_pages >= LOG_FULL)
		db_move_log(db, SQLITE_CHECKPOINT_PASSIVE);
	db_unlock(db);
	return 0;
}

void db_rollback(struct db *db)
{
	if (db->state != DB_WRITING)
		return;
	for (struct db_stmt *st = db->stmts; st; st = st->next)
		db_reset(st);
	if (!sqlite3_get_autocommit(db->sqlite)) /* a full disk makes SQLite do it by itself */
		db_exec(db, "ROLLBACK");
	db->spoilt = 0;
	db->state = DB_IDLE;
	db_unlock(db);
}

bool db_in_transaction(const struct db *db)
{
	return db->state == DB_WRITING;
}

int db_read_begin(struct db *db)
{
	must(db->state == DB_IDLE);
	db_must_be_still(db, "begun while a statement is under way");
	int err = db_exec(db, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1"); /* from now on */
	if (err == 0)
		db->state = DB_READING;
	else if (!sqlite3_get_autocommit(db->sqlite))
		db_exec(db, "ROLLBACK");
	return err;
}

void db_read_end(struct db *db)
{
	must(db->state == DB_READING);
	db_must_be_still(db, "ended while a statement is under way");
	db_exec(db, "COMMIT");
	db->state = DB_IDLE;
}

/* Take both locks, trying for at most `wait_ms`. While `turn` is held nobody new can begin. */
static bool db_lock_within(struct db *db, int wait_ms)
{
	uint64_t end = os_monotonic_us() + (uint64_t)wait_ms * 1000;
	if (!db->turn)
		return true;
	for (;;) {
		if (os_lock_take(db->turn, true, false) == 0) {
			if (os_lock_take(db->checkpoint, true, false) == 0)
				return true;
			os_lock_free(db->turn);
		}
		if (os_monotonic_us() >= end)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static bool db_move_log_within(struct db *db, int how, int wait_ms)
{
	if (!db_lock_within(db, wait_ms))
		return false;
	sqlite3_busy_timeout(db->sqlite, wait_ms);
	bool moved = db_move_log(db, how);
	sqlite3_busy_timeout(db->sqlite, BUSY_MS);
	if (db->turn)
		os_lock_free(db->turn);
	db_unlock(db);
	return moved;
}

bool db_checkpoint(struct db *db, bool all)
{
	must(db->state == DB_IDLE && db->mode != DB_READ);
	if (all)
		return db_move_log_within(db, SQLITE_CHECKPOINT_TRUNCATE, ALL_WAIT_MS);
	return db->log_pages < LOG_SOME || db_move_log_within(db, SQLITE_CHECKPOINT_PASSIVE, 0);
}

/* The first column of the first row of SQLite's answer to `sql`, mostly a pragma; empty if none. */
static int db_ask(struct db *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	const char *words = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		words = (const char *)sqlite3_column_text(st, 0);
	snprintf(out, size, "%s", words ? words : "");
	rc = rc == SQLITE_OK ? sqlite3_finalize(st) : rc;
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, sql);
}

static bool db_read_log(void *arg, uint64_t offset, void *out, size_t n)
{
	sqlite3_file *log = arg;
	return log->pMethods->xRead(log, out, (int)n, (sqlite3_int64)offset) == SQLITE_OK;
}

/* Through SQLite's own handle: of any VFS, and no lock is dropped. */
static unsigned db_look_at_log(struct db *db)
{
	sqlite3_file *log = NULL;

	sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	return log && log->pMethods ? db_log_lost(db_read_log, log) : 0;
}

int db_check(struct db *db, struct cause *cause)
{
	char words[256];
	int err = db_ask(db, "PRAGMA integrity_check(1)", words, sizeof(words));
	if (err != 0)
		return cause_set(cause, err, "%s can't be read: %s", db->path, err_words(err));
	if (strcmp(words, "ok") != 0)
		return cause_set(cause, ERR_CORRUPT, "%s is damaged: %s", db->path, words);
	if (!db_schema_stands(db))
		return cause_set(cause, ERR_CORRUPT,
				 "%s is damaged: its tables are not as they were made", db->path);
	unsigned lost = db->lost ? db->lost : db_look_at_log(db);
	if (lost)
		return cause_set(cause, ERR_CORRUPT,
				 "the log of %s is damaged: %u %s or more behind the damage can't "
				 "be read", db->path, lost,
				 lost == 1 ? "transaction" : "transactions");
	return 0;
}

unsigned db_lost(const struct db *db)
{
	return db->lost;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int db_log_grew(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
	struct db *db = arg;
	(void)sqlite;
	(void)name;
	db->log_pages = pages;
	return SQLITE_OK;
}

/* A number that SQLite is asked for, or -1. */
static int64_t db_ask_number(struct db *db, const char *sql)
{
	char words[32];
	int err = db_ask(db, sql, words, sizeof(words));
	return err == 0 && words[0] ? strtoll(words, NULL, 10) : -1;
}

static int db_refuse(struct db *db, struct cause *cause)
{
	int rc = sqlite3_errcode(db->sqlite);
	int err = db_err(db->sqlite, rc);
	return cause_set(cause, err, "can't open the database %s: %s", db->path,
			 rc == SQLITE_OK ? "a setting was not taken" : sqlite3_errmsg(db->sqlite));
}

/* The defaults of SQLite that are not ours (sqlite.org: pragma, c3ref/c_dbconfig_defensive). */
static int db_configure(struct db *db, bool exclusive, struct cause *cause)
{
	static const int on[] = {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE};
	static const int off[] = {SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL,
				  SQLITE_DBCONFIG_TRUSTED_SCHEMA};
	int set = 0;

	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_busy_timeout(db->sqlite, BUSY_MS);
	for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
		if (sqlite3_db_config(db->sqlite, on[i], 1, &set) != SQLITE_OK || set != 1)
			return db_refuse(db, cause);
	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++)
		if (sqlite3_db_config(db->sqlite, off[i], 0, &set) != SQLITE_OK || set != 0)
			return db_refuse(db, cause);
	/* The locking mode comes first: without shared memory the file can't be read before. */
	char *sql = mem_format("PRAGMA locking_mode=%s; PRAGMA foreign_keys=ON;"
			       "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
			       "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-%d;"
			       "PRAGMA journal_size_limit=%d",
			       exclusive ? "EXCLUSIVE" : "NORMAL", CACHE_KIB, LOG_KEPT);
	int err = db_exec(db, sql);
	free(sql);
	if (err != 0 || db_ask_number(db, "PRAGMA foreign_keys") != 1 ||
	    db_ask_number(db, "PRAGMA synchronous") != 2)
		return db_refuse(db, cause);
	sqlite3_wal_hook(db->sqlite, db_log_grew, db); /* wal_autocheckpoint would replace it */
	return 0;
}

/* 1: the schema is there; 0: the file is new; or an error with a cause. */
static int db_has_schema(struct db *db, int version, struct cause *cause)
{
	int64_t made = db_ask_number(db, "PRAGMA user_version");
	if (made < 0)
		return db_refuse(db, cause);
	if (made == 0 && db_ask_number(db, "SELECT count(*) FROM sqlite_schema") == 0)
		return 0;
	if (db_ask_number(db, "PRAGMA application_id") != APPLICATION_ID)
		return cause_set(cause, ERR_INVALID, "%s is not a database of Fivepits", db->path);
	if (made != version)
		return cause_set(cause, ERR_INVALID,
				 "%s was made by %s version of Fivepits: use that one", db->path,
				 made > version ? "a newer" : "an older");
	return 1;
}

/* Is the file in WAL mode? Where `set` is true, make it so. */
static bool db_is_wal(struct db *db, bool set)
{
	char mode[16];
	return db_ask(db, set ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode", mode,
		      sizeof(mode)) == 0 && strcmp(mode, "wal") == 0;
}

/* Within a transaction: the tables, unless another process has just made them. */
static int db_create_tables(struct db *db, const char *schema, int version, struct cause *cause)
{
	int has = db_has_schema(db, version, cause);
	if (has != 0)
		return has < 0 ? has : 0;
	char *stamp = mem_format("PRAGMA application_id=%d; PRAGMA user_version=%d",
				 APPLICATION_ID, version);
	int err = db_run_text(db, schema, cause);
	if (err == 0)
		err = db_run_text(db, stamp, cause);
	free(stamp);
	return err;
}

static int db_create(struct db *db, const char *schema, int version, struct cause *cause)
{
	int err = db_lock(db);
	if (err != 0)
		return cause_set(cause, err, "can't lock %s", db->path);
	bool wal = db_is_wal(db, true);
	db_unlock(db);
	if (!wal)
		return db_refuse(db, cause);
	err = db_begin(db);
	if (err != 0)
		return db_refuse(db, cause);
	err = db_create_tables(db, schema, version, cause);
	if (err != 0) {
		db_rollback(db);
		return err;
	}
	err = db_commit(db);
	if (err != 0)
		cause_set(cause, err, "can't make the database %s: %s", db->path, err_words(err));
	return err;
}

static char *db_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return mem_copy_text(".");
	return mem_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int db_lock_files(struct db *db, const char *dir, struct cause *cause)
{
	char *a = mem_format("%s/%s", dir, db->mode == DB_SOLE ? "lock" : "turn");
	char *b = mem_format("%s/checkpoint", dir);
	int err = os_lock_open(db->mode == DB_SOLE ? &db->sole : &db->turn, a, cause);
	if (err == 0 && db->mode == DB_SHARED)
		err = os_lock_open(&db->checkpoint, b, cause);
	if (err == 0 && db->sole && os_lock_take(db->sole, true, false) != 0)
		err = cause_set(cause, ERR_AGAIN, "another process is using %s: stop it first",
				db->path);
	free(a);
	free(b);
	return err;
}

/* The schema of a file that is open and configured. */
static int db_open_schema(struct db *db, const char *schema, int version, struct cause *cause)
{
	int has = db_has_schema(db, version, cause);
	if (has < 0)
		return has;
	if (has == 0 && db->mode == DB_READ)
		return cause_set(cause, ERR_MISSING, "there is nothing in %s yet", db->path);
	if (has == 0)
		return db_create(db, schema, version, cause);
	if (!db_is_wal(db, false))
		return cause_set(cause, ERR_INVALID,
				 "%s is not as Fivepits made it: its journal mode has changed",
				 db->path);
	return 0;
}

/*
 * A process that ended between writing the log and syncing it leaves commits that can be read and
 * are not on disk. Whoever acts on what is read here, as the server does, needs them there first:
 * moving the log begins by syncing it. (That the file itself can't grow on a full disk does not
 * matter.)
 */
static int db_settle_log(struct db *db, struct cause *cause)
{
	int rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_FULL)
		return 0;
	return db_refuse(db, cause);
}

/* What db_open does once it has a `struct db`. */
static int db_open_file(struct db *db, const char *schema, int version, const char *vfs,
			struct cause *cause)
{
	char *dir = db_directory(db->path);
	bool made = !vfs && !os_exists(db->path);
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int err = 0;

	/* Nobody asks how much memory SQLite has; counting takes a lock for every allocation. This
	 * is heard before the first file is opened, and refused without harm later. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

	flags |= db->mode == DB_READ ? SQLITE_OPEN_READONLY
				     : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	if (db->mode == DB_READ && made)
		err = cause_set(cause, ERR_MISSING, "there is no %s", db->path);
	if (err == 0 && db->mode != DB_READ && !vfs)
		err = db_lock_files(db, dir, cause);
	if (err == 0 && sqlite3_open_v2(db->path, &db->sqlite, flags, vfs) != SQLITE_OK)
		err = db_refuse(db, cause);
	if (err == 0)
		err = db_configure(db, vfs != NULL, cause);
	if (err == 0)
		err = db_open_schema(db, schema, version, cause);
	if (err == 0)
		db->lost = db_look_at_log(db); /* before anything is written over it */
	if (db->lost)
		log_error("db.damaged", "path=\"%s\" lost=%u", db->path, db->lost);
	if (err == 0 && db->mode == DB_SOLE)
		err = db_settle_log(db, cause);
	if (err == 0 && made && os_sync_dir(dir) != 0)
		err = cause_set(cause, ERR_IO, "can't make sure of %s: %s", dir, strerror(errno));
	free(dir);
	return err;
}

int db_open(struct db **out, const char *path, enum db_mode mode, const char *schema, int version,
	    const char *vfs, struct cause *cause)
{
	struct db *db = mem_alloc(sizeof(*db));
	db->mode = mode;
	db->path = mem_copy_text(path);
	db->schema = schema;
	db->broken.db = db;
	db_slots_grow(db);
	int err = db_open_file(db, schema, version, vfs, cause);
	if (err != 0)
		db_close(&db);
	*out = db;
	return err;
}

/* All of it in one step, which sees one moment. What is copied has no log beside it. */
static int copy_pages(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc = b ? sqlite3_backup_step(b, -1) : sqlite3_errcode(to);

	if (b)
		sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int db_copy(struct db *db, const char *path, struct cause *cause)
{
	sqlite3 *to = NULL;

	if (os_exists(path))
		return cause_set(cause, ERR_EXISTS, "there is a file %s already", path);
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(to, db->sqlite);
	sqlite3_close(to);
	if (rc == SQLITE_OK)
		return 0;
	unlink(path);
	log_error("db.copy", "code=%d path=\"%s\"", rc, path);
	int err = (rc & 0xff) == SQLITE_FULL      ? ERR_FULL
		  : (rc & 0xff) == SQLITE_CORRUPT ? ERR_CORRUPT
						  : ERR_IO;
	return cause_set(cause, err, "the database can't be copied to %s: %s", path,
			 sqlite3_errstr(rc));
}

void db_close(struct db **out)
{
	struct db *db = *out;
	if (!db)
		return;
	db_rollback(db);
	if (db->mode == DB_SHARED && db->log_pages >= LOG_SOME && db->state == DB_IDLE)
		db_move_log_within(db, SQLITE_CHECKPOINT_TRUNCATE, 0);
	while (db->stmts) {
		struct db_stmt *st = db->stmts;
		db->stmts = st->next;
		sqlite3_finalize(st->stmt);
		free(st);
	}
	free(db->slots);
	if (sqlite3_close(db->sqlite) != SQLITE_OK)
		db_bug("closed while a statement is under way", db->path);
	os_lock_close(&db->sole);
	os_lock_close(&db->turn);
	os_lock_close(&db->checkpoint);
	free(db->path);
	free(db);
	*out = NULL;
}
