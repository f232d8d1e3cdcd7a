/*
 * SQLite: opening with everything that has to be set, making the tables, checking, copying,
 * closing.
 *
 * The database file and SQLite's own files beside it are never opened here: closing any descriptor
 * of theirs would drop the locks that SQLite holds on them.
 */
#include "common/db_inside.h"

#include "common/db_log.h"
#include "common/log.h"
#include "common/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	APPLICATION_ID = 0x35504954, /* "5PIT" in the file's header */
	CACHE_KIB = 32 * 1024,
	LOG_KEPT = 8 * 1024 * 1024, /* a WAL file that was longer is cut to this when it restarts */
};

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
	if ((rc & 0xff) == SQLITE_READONLY || sqlite3_system_errno(db->sqlite) == EACCES ||
	    (access(db->path, R_OK | W_OK) < 0 && errno == EACCES))
		return cause_set(cause, ERR_IO,
				 "%s can't be opened by the user who runs this: it, or what lies "
				 "beside it, belongs to another",
				 db->path);
	return cause_set(cause, err, "can't open the database %s: %s", db->path,
			 err == ERR_FULL   ? err_words(err)
			 : rc == SQLITE_OK ? "a setting was not taken"
					   : sqlite3_errmsg(db->sqlite));
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
