/*
 * SQLite: transactions with the locks that they need, and when the log is moved into the file.
 */
#include "common/db_inside.h"

#include "common/log.h"
#include "common/os.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { ALL_WAIT_MS = 2000 };

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

int db_lock(struct db *db)
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

void db_unlock(struct db *db)
{
	if (db->turn)
		os_lock_free(db->checkpoint);
}

int db_begin(struct db *db)
{
	must(db->state == DB_IDLE && db->mode != DB_READ);
	db_must_be_still(db, "begun while a statement is under way");
	int err = db_lock(db);
	if (err != 0)
		return err;
	err = db_word(db, "BEGIN IMMEDIATE");
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
		err = db_word(db, "COMMIT");
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
		db_word(db, "ROLLBACK");
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
	int err = db_word(db, "BEGIN");
	if (err == 0) /* what it sees stands from the first look on */
		err = db_word(db, "SELECT 1 FROM sqlite_schema LIMIT 1");
	if (err == 0)
		db->state = DB_READING;
	else if (!sqlite3_get_autocommit(db->sqlite))
		db_word(db, "ROLLBACK");
	return err;
}

void db_read_end(struct db *db)
{
	must(db->state == DB_READING);
	db_must_be_still(db, "ended while a statement is under way");
	db_word(db, "COMMIT");
	db->state = DB_IDLE;
}

bool db_is_reading(const struct db *db)
{
	return db->state == DB_READING;
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

bool db_move_log_within(struct db *db, int how, int wait_ms)
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
