/*
 * SQLite: statements kept by the address of their text, errors in our codes. A foreign error is
 * logged here, once, with the SQL and never with values.
 */
#include "common/db_inside.h"

#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int db_err(sqlite3 *sqlite, int rc)
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

int db_fail(struct db *db, int rc, const char *sql)
{
	int err = db_err(db->sqlite, rc);
	log_error("db.failed", "code=%d words=\"%s\" sql=\"%.300s\"", rc,
		  sqlite3_errmsg(db->sqlite), sql);
	if (db->state == DB_WRITING && db->spoilt == 0)
		db->spoilt = err;
	return err;
}

_Noreturn void db_bug(const char *what, const char *sql)
{
	log_error("db.bug", "what=\"%s\" sql=\"%.600s\"", what, sql);
	abort();
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

void db_slots_grow(struct db *db)
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

bool db_schema_stands(struct db *db)
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
	return strncmp(words, "vtable constructor", 18) == 0 ||
	       strncmp(words, "invalid fts5 file format", 24) == 0 || !db_schema_stands(db);
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

bool db_hash(struct db_stmt *st, int column, uint8_t out[SHA256_LEN])
{
	struct bytes b = db_bytes(st, column);

	if (b.len != SHA256_LEN)
		return false;
	memcpy(out, b.data, SHA256_LEN);
	return true;
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

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, sql);
}

int db_word(struct db *db, const char *sql)
{
	struct db_stmt *st = db_slot(db, sql)->st;

	if (!st)
		st = db_remember(db, sql);
	if (!st->stmt)
		return db->unprepared;
	int rc = sqlite3_step(st->stmt);
	int again = sqlite3_reset(st->stmt);
	if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		rc = again;
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, sql);
}
