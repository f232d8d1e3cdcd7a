/*
 * The database from the inside: for common/db*.c alone.
 */
#ifndef FIVEPITS_DB_INSIDE_H
#define FIVEPITS_DB_INSIDE_H

#include "common/db.h"

#include <sqlite3.h>

enum {
	BUSY_MS = 10 * 1000,
	LOG_FULL = 1000, /* pages of 4 KiB in the WAL: more than this is moved by a commit, */
	LOG_SOME = 256,	 /* and this by a checkpoint in an idle moment */
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

/* Our code for SQLite's; for a failed call it says whether that was for want of room. */
int db_err(sqlite3 *sqlite, int rc);
/* Log what SQLite says of `rc`, and return our code for it. */
int db_fail(struct db *db, int rc, const char *sql);
/* A fault of ours: say it, and abort. */
_Noreturn void db_bug(const char *what, const char *sql);
/* Statements that are not kept, one behind the other. */
int db_exec(struct db *db, const char *sql);
/* What begins or ends a transaction. Prepared once: there are thousands a second. */
int db_word(struct db *db, const char *sql);
/* Are the tables as they were made? A damaged disk may have changed the words that made them. */
bool db_schema_stands(struct db *db);
/* Room for more statements that are kept; once before the first. */
void db_slots_grow(struct db *db);

/* The right to write or to checkpoint: see db.h. */
int db_lock(struct db *db);
void db_unlock(struct db *db);
/* Move the log into the file (SQLITE_CHECKPOINT_...), waiting for others so long at most. */
bool db_move_log_within(struct db *db, int how, int wait_ms);

#endif
