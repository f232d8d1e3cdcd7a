/*
 * SQLite, named here only. One file a side; statements are prepared once a connection and found
 * again by the address of their text, so SQL must be string constants. Values are bound, never
 * printed in.
 *
 * Debian 12's SQLite (3.40.1) can damage a WAL when one connection commits while another
 * checkpoints. DB_SOLE: one process, one connection, nobody else checkpoints; a lock file refuses
 * a second process. DB_SHARED: several processes share the file; whoever writes or checkpoints
 * holds the lock file `checkpoint` from before it begins until it has ended, which excludes that
 * by construction, and nothing else checkpoints (not on close either). Who waits for it holds the
 * lock file `turn`, so that one who comes back at once queues behind those who wait: a writer
 * waits for one transaction or two. DB_READ can do neither. The lock files stand beside the
 * database.
 */
#ifndef FIVEPITS_DB_H
#define FIVEPITS_DB_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/sha.h"

struct db;
struct db_stmt;

enum db_mode { DB_SOLE, DB_SHARED, DB_READ };

/*
 * Open or make `path` (in an existing directory) and bring its schema to `schema` (a file of
 * CREATE statements of version `version`, run when the file is new). Sets and re-reads WAL,
 * synchronous=FULL, foreign_keys, trusted_schema and the like. With a cause: ERR_MISSING (DB_READ
 * never makes a file), ERR_AGAIN (another process has it, DB_SOLE), ERR_INVALID (made by another
 * version or program), ERR_CORRUPT, ERR_FULL, ERR_IO, ERR_DB. `vfs` names an SQLite VFS, NULL the
 * system's: with one, this connection is the only one (locking_mode=EXCLUSIVE), and no lock files
 * are used.
 */
int db_open(struct db **out, const char *path, enum db_mode mode, const char *schema, int version,
	    const char *vfs, struct cause *cause);
/*
 * Rolls back what was not committed. A shared log that has grown is moved into the file if that
 * can be done without waiting, so that the next process need not read it through.
 */
void db_close(struct db **db);

/*
 * Transactions. db_begin is BEGIN IMMEDIATE (waiting its turn when shared); transactions do not
 * nest. A statement that has failed spoils its transaction, as in PostgreSQL: all that follow fail
 * with the same error, and so does db_commit. db_commit returns only when the data is on disk; on
 * an error it has rolled back. ERR_FULL where the disk is full, ERR_IO, ERR_CORRUPT, ERR_AGAIN
 * (somebody else has locked the file for ten seconds) or ERR_DB otherwise. Writing outside a
 * transaction, and beginning or committing while a statement has given a row and was neither run
 * to its end nor reset, are bugs: they abort.
 */
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db); /* nothing to roll back: does nothing */
bool db_in_transaction(const struct db *db);
/*
 * A read transaction: what it sees does not move until db_read_end. Nothing may be written in it.
 */
int db_read_begin(struct db *db);
void db_read_end(struct db *db);
bool db_is_reading(const struct db *db);

/*
 * A statement, ready to be bound. `format` has a letter for each $n in turn: i int64_t, u uint64_t
 * (above 2^63-1 it is taken as that), d const struct id * (NULL: null), b struct bytes, t const
 * char * (NULL: null), n null (takes no argument). Bound memory is borrowed until the statement is
 * reset, which db_step does at its end. The same SQL can't be queried again inside a loop over its
 * rows: that is a bug and aborts, as does SQL that does not compile. Never NULL.
 */
struct db_stmt *db_query(struct db *db, const char *sql, const char *format, ...);
/* 1: a row; 0: no more, and the statement is reset; or an error (logged), also reset. */
int db_step(struct db_stmt *st);
/* Done with a statement before its end: always needed after a row, if not stepped to the end. */
void db_reset(struct db_stmt *st);
int64_t db_int(struct db_stmt *st, int column); /* columns count from 0 */
struct bytes db_bytes(struct db_stmt *st, int column); /* borrowed until the next step */
const char *db_text(struct db_stmt *st, int column);   /* likewise; NULL for null */
bool db_null(struct db_stmt *st, int column);
bool db_id(struct db_stmt *st, int column, struct id *out); /* false: not 16 bytes */
/* A hash; false: not of its length, and `out` is as it was. */
bool db_hash(struct db_stmt *st, int column, uint8_t out[SHA256_LEN]);
/* db_query and db_step to the end, for statements that return nothing. 0 or an error. */
int db_run(struct db *db, const char *sql, const char *format, ...);
/* Rows changed by the last statement. */
int64_t db_changes(const struct db *db);

/*
 * SQL made at run time (typed tables, filters): prepared each time, finalised by db_step's end or
 * by db_reset. Parameters count from 1; bound memory is borrowed until then. NULL with a cause
 * where it does not compile. db_run_text runs one or more statements that return nothing.
 */
struct db_stmt *db_query_text(struct db *db, const char *sql, struct cause *cause);
void db_bind_bytes(struct db_stmt *st, int n, struct bytes b);
void db_bind_text(struct db_stmt *st, int n, const char *text);
void db_bind_int(struct db_stmt *st, int n, int64_t v);
int db_columns(struct db_stmt *st);
int db_run_text(struct db *db, const char *sql, struct cause *cause);

/*
 * Move the log into the file. db_commit does so by itself when the log has passed 4 MiB. false:
 * when it has grown by a mebibyte, if that can be done now without waiting: for idle moments.
 * true: all of it, and cut the log to nothing, waiting two seconds at most for writers and
 * readers. Not in a transaction. True: it was done, as far as was asked.
 */
bool db_checkpoint(struct db *db, bool all);
/* Copy the database as it stands into a new file, beside those who write to it. The copy is one
 * file by itself. ERR_EXISTS, ERR_FULL, ERR_IO with a cause; then there is no new file. */
int db_copy(struct db *db, const char *path, struct cause *cause);
/* How many transactions that were saved can't be read, at least: the log was damaged before them
 * when this connection was opened, and SQLite leaves them out (common/db_log.h). */
unsigned db_lost(const struct db *db);
/* SQLite's own check of the file, and ours of its log: 0, or ERR_CORRUPT with the first fault. */
int db_check(struct db *db, struct cause *cause);

#endif
