/* The database: what is committed stays, whoever dies, however full the disk; nobody starves. */
#include "common/db.h"
#include "common/log.h"
#include "common/os.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char schema[] = "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB NOT NULL, "
			     "who INTEGER NOT NULL DEFAULT 0) STRICT;\n"
			     "CREATE TABLE child (t INTEGER NOT NULL REFERENCES t(k)) STRICT;\n";

/* For faults that are meant. */
static void log_drop(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static char *in_dir(const char *name)
{
	return mem_format("%s/%s", tap_dir(), name);
}

/* A database in a directory of its own, since lock files stand beside it. */
static char *db_path(const char *name)
{
	char *dir = in_dir(name);
	must(os_make_dir(dir, NULL) == 0);
	char *path = mem_format("%s/x.db", dir);
	free(dir);
	return path;
}

static struct db *open_or_die(const char *path, enum db_mode mode)
{
	struct db *db;
	struct cause cause;
	if (db_open(&db, path, mode, schema, 1, NULL, &cause) != 0) {
		note("%s", cause.words);
		abort();
	}
	return db;
}

static int add(struct db *db, int64_t k, struct bytes v, int64_t who)
{
	return db_run(db, "INSERT INTO t (k, v, who) VALUES ($1, $2, $3)", "ibi", k, v, who);
}

static int64_t count(struct db *db)
{
	struct db_stmt *st = db_query(db, "SELECT count(*) FROM t", "");
	int64_t n = db_step(st) == 1 ? db_int(st, 0) : -1;
	db_reset(st);
	return n;
}

/* Run `child` in a process of its own; the status that waitpid gives. */
static int in_child(int (*child)(void *), void *arg)
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 2);
		_exit(child(arg));
	}
	waitpid(pid, &status, 0);
	return status;
}

static bool aborts(int (*child)(void *), void *arg)
{
	struct rlimit none = {0, 0}, core;
	getrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_CORE, &none);
	int status = in_child(child, arg);
	setrlimit(RLIMIT_CORE, &core);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void values_come_back(void)
{
	char *path = db_path("values");
	struct db *db = open_or_die(path, DB_SHARED);
	struct id id = {{1, 2, 3}}, got;
	uint8_t hash[SHA256_LEN], back[SHA256_LEN] = {0};

	sha256(BYTES("abc", 3), hash);
	ok(db_begin(db) == 0 && db_in_transaction(db), "a transaction begins");
	ok(add(db, 1, BYTES("a\0b", 3), -5) == 0, "a row is added");
	ok(add(db, 2, BYTES_NONE, 0) == 0, "no bytes are a value, not null");
	ok(add(db, 3, ID_BYTES(&id), 0) == 0 && db_commit(db) == 0, "and committed");
	ok(!db_in_transaction(db), "then no transaction is open");
	db_close(&db);
	ok(!db, "closing nulls the pointer");

	db = open_or_die(path, DB_SHARED);
	struct db_stmt *st;
	st = db_query(db, "SELECT v, who, $1, $2, $3, $4, $5, $6 FROM t WHERE k = $7", "tdundti",
		      "text", &id, UINT64_MAX, (struct id *)NULL, (char *)NULL, (int64_t)1);
	ok(db_step(st) == 1 && bytes_equal(db_bytes(st, 0), BYTES("a\0b", 3)), "bytes come back");
	ok(db_int(st, 1) == -5 && strcmp(db_text(st, 2), "text") == 0, "numbers and text too");
	ok(db_id(st, 3, &got) && id_equal(&id, &got), "ids too");
	ok(db_int(st, 4) == INT64_MAX, "a number above 2^63-1 is taken as that");
	ok(db_null(st, 5) && db_null(st, 6) && db_null(st, 7) && !db_null(st, 0), "null is null");
	ok(!db_text(st, 7), "and no text");
	ok(!db_id(st, 0, &got), "3 bytes are no id");
	ok(!db_hash(st, 0, back) && back[0] == 0, "nor a hash, and nothing is written");
	ok(db_step(st) == 0, "then there is no more");
	st = db_query(db, "SELECT $1", "b", BYTES(hash, SHA256_LEN));
	ok(db_step(st) == 1 && db_hash(st, 0, back) && memcmp(hash, back, SHA256_LEN) == 0,
	   "32 bytes are one, and come back");
	db_reset(st);
	st = db_query(db, "SELECT length(v), v FROM t WHERE k = $1", "i", (int64_t)2);
	ok(db_step(st) == 1 && db_int(st, 0) == 0 && !db_null(st, 1), "no bytes come back as none");
	db_reset(st);
	db_close(&db);
	free(path);
}

static void transactions_end_well(void)
{
	char *path = db_path("ends");
	struct db *db = open_or_die(path, DB_SOLE);
	struct cause cause;

	db_begin(db);
	add(db, 1, BYTES_NONE, 0);
	db_rollback(db);
	ok(count(db) == 0, "what is rolled back is gone");
	db_rollback(db);
	ok(!db_in_transaction(db), "rolling nothing back is nothing");

	db_begin(db);
	add(db, 1, BYTES_NONE, 0);
	ok(db_changes(db) == 1, "a row was changed");
	log_sink_set(log_drop);
	ok(add(db, 1, BYTES_NONE, 0) == ERR_DB, "a second row with the same key is refused");
	ok(add(db, 2, BYTES_NONE, 0) == ERR_DB, "that spoils the transaction");
	ok(db_run_text(db, "DELETE FROM t", &cause) == ERR_DB, "for text made at run time too");
	ok(db_commit(db) == ERR_DB && !db_in_transaction(db) && count(db) == 0,
	   "committing it rolls it back and gives the error");
	db_begin(db);
	ok(db_run(db, "INSERT INTO child (t) VALUES ($1)", "i", (int64_t)99) == ERR_DB,
	   "a reference to nothing is refused");
	log_sink_set(NULL);
	db_rollback(db);
	ok(db_begin(db) == 0 && add(db, 1, BYTES_NONE, 0) == 0 && db_commit(db) == 0 &&
	   count(db) == 1,
	   "the next transaction is sound");

	db_begin(db);
	add(db, 2, BYTES_NONE, 0);
	db_close(&db);
	db = open_or_die(path, DB_SOLE);
	ok(count(db) == 1, "closing drops what was not committed");
	db_close(&db);
	free(path);
}

static void text_made_at_run_time(void)
{
	char *path = db_path("text");
	struct db *db = open_or_die(path, DB_SHARED);
	struct cause cause;

	db_begin(db);
	ok(db_run_text(db, "CREATE TABLE made (a TEXT); INSERT INTO made VALUES ('x'), ('y')",
		       &cause) == 0, "several statements run");
	db_commit(db);
	struct db_stmt *st;
	st = db_query_text(db, "SELECT a, ? AS b, ? AS c FROM made WHERE a > ?", &cause);
	must(st);
	db_bind_int(st, 1, 7);
	db_bind_bytes(st, 2, BYTES("z", 1));
	db_bind_text(st, 3, "x");
	ok(db_columns(st) == 3, "columns are counted");
	ok(db_step(st) == 1 && strcmp(db_text(st, 0), "y") == 0 && db_int(st, 1) == 7,
	   "a row comes");
	ok(db_step(st) == 0, "and the end");
	st = db_query_text(db, "SELECT a FROM made", &cause);
	ok(db_step(st) == 1, "a statement may be left");
	db_reset(st);
	log_sink_set(log_drop);
	ok(!db_query_text(db, "SELECT nonsense FROM made", &cause) &&
	   strstr(cause.words, "nonsense"),
	   "what does not compile says why");
	ok(!db_query_text(db, "SELECT \"nonsense\" FROM made", &cause),
	   "a quoted name is never a string");
	log_sink_set(NULL);
	ok(db_check(db, &cause) == 0, "the file is sound");
	db_close(&db);
	free(path);
}

static int do_query_twice(void *db)
{
	static const char a[] = "SELECT k FROM t", b[] = "SELECT k FROM t";
	must(db_step(db_query(db, a, "")) == 1);
	db_query(db, b, "");
	return 0;
}

static int do_begin_while_reading(void *db)
{
	must(db_step(db_query(db, "SELECT k FROM t", "")) == 1);
	return db_begin(db);
}

static int do_write_outside(void *db)
{
	return add(db, 77, BYTES_NONE, 0);
}

static int do_bad_sql(void *db)
{
	db_query(db, "SELECT k FROM nowhere", "");
	return 0;
}

static int do_bad_order(void *db)
{
	db_query(db, "SELECT $2, $1", "ii", (int64_t)1, (int64_t)2);
	return 0;
}

static void bugs_are_not_survived(void)
{
	char *path = db_path("bugs");
	struct db *db = open_or_die(path, DB_SHARED);
	db_begin(db);
	add(db, 1, BYTES_NONE, 0);
	add(db, 2, BYTES_NONE, 0);
	db_commit(db);
	ok(aborts(do_query_twice, db), "the same SQL, from wherever, inside its own loop aborts");
	ok(aborts(do_begin_while_reading, db),
	   "so does a transaction begun inside a loop over rows");
	ok(aborts(do_write_outside, db), "so does writing outside a transaction");
	ok(aborts(do_bad_sql, db), "so does SQL that does not compile");
	ok(aborts(do_bad_order, db), "so do parameters out of order");
	db_close(&db);
	free(path);
}

static void several_connections(void)
{
	char *path = db_path("several");
	struct db *a = open_or_die(path, DB_SOLE), *b = NULL;
	struct cause cause;

	ok(db_open(&b, path, DB_SOLE, schema, 1, NULL, &cause) == ERR_AGAIN && !b,
	   "a second sole owner is refused: %s", cause.words);
	b = open_or_die(path, DB_READ);
	db_begin(a);
	add(a, 1, BYTES_NONE, 0);
	ok(count(b) == 0, "a reader does not see what is not committed");
	db_commit(a);
	ok(count(b) == 1, "and sees what is");
	ok(db_read_begin(b) == 0, "a read transaction begins");
	db_begin(a);
	add(a, 2, BYTES_NONE, 0);
	db_commit(a);
	ok(count(b) == 1 && count(a) == 2, "what it sees does not move");
	db_read_end(b);
	ok(count(b) == 2, "until it ends");
	db_close(&b);
	db_close(&a);
	b = open_or_die(path, DB_READ);
	ok(count(b) == 2, "a reader alone reads what the log still holds");
	db_close(&b);
	free(path);
}

static void odd_files_are_refused(void)
{
	char *path = db_path("odd"), *junk = in_dir("odd/junk.db");
	struct db *db = open_or_die(path, DB_SHARED);
	struct cause cause;
	struct buf b = {0};

	db_close(&db);
	log_sink_set(log_drop);
	ok(db_open(&db, path, DB_SHARED, schema, 2, NULL, &cause) == ERR_INVALID && !db,
	   "another version's is refused: %s", cause.words);
	ok(db_open(&db, junk, DB_READ, schema, 1, NULL, &cause) == ERR_MISSING && !os_exists(junk),
	   "reading makes no file: %s", cause.words);
	for (int i = 0; i < 1000; i++)
		buf_add_text(&b, "no database at all ");
	os_write_file(junk, buf_bytes(&b), false, NULL);
	ok(db_open(&db, junk, DB_SHARED, schema, 1, NULL, &cause) == ERR_CORRUPT,
	   "junk is refused: %s",
	   cause.words);
	ok(db_open(&db, "/nonexistent/x.db", DB_SHARED, schema, 1, NULL, &cause) < 0,
	   "a directory that is not there is an error: %s", cause.words);
	log_sink_set(NULL);
	buf_fini(&b);
	free(junk);
	free(path);
}

static void other_vfs(void)
{
	char *path = db_path("vfs"), *lock = in_dir("vfs/turn");
	struct db *db;
	struct cause cause;
	ok(db_open(&db, path, DB_SHARED, schema, 1, "unix-none", &cause) == 0,
	   "a VFS without shared memory works");
	db_begin(db);
	add(db, 1, BYTES_NONE, 0);
	ok(db_commit(db) == 0 && !os_exists(lock), "without lock files");
	db_checkpoint(db, true);
	db_close(&db);
	ok(db_open(&db, path, DB_SOLE, schema, 1, "unix-none", &cause) == 0 && count(db) == 1,
	   "and keeps what was committed");
	db_close(&db);
	free(lock);
	free(path);
}

static off_t size_of(const char *path, const char *suffix)
{
	char *name = mem_format("%s%s", path, suffix);
	struct buf b = {0};
	off_t n = os_read_file(name, SIZE_MAX / 4, &b, NULL) == 0 ? (off_t)b.len : -1;
	buf_fini(&b);
	free(name);
	return n;
}

static void the_log_stays_short(enum db_mode mode, const char *name)
{
	char *path = db_path(name);
	struct db *db = open_or_die(path, mode);
	static const uint8_t block[4000];
	for (int i = 0; i < 6000; i++) {
		if (i % 50 == 0)
			must(db_begin(db) == 0);
		must(add(db, i, BYTES(block, sizeof(block)), 0) == 0);
		if (i % 50 == 49)
			must(db_commit(db) == 0);
	}
	db_checkpoint(db, false);
	db_checkpoint(db, true);
	db_close(&db);
	ok(size_of(path, "") > 6000 * 4000, "%s: checkpoints move the log into the file", name);
	ok(size_of(path, "-wal") == 0, "%s: and cut it to nothing on request", name);
	db = open_or_die(path, mode);
	for (int i = 0; i < 3000; i++) {
		must(db_begin(db) == 0);
		must(db_run(db, "UPDATE t SET who = who + 1 WHERE k = $1", "i", (int64_t)i) == 0);
		must(db_commit(db) == 0);
	}
	db_close(&db);
	ok(size_of(path, "-wal") < 6 * 1024 * 1024, "%s: many commits keep it below 6 MiB", name);
	free(path);
}

/* A child that commits rows one by one and tells each through a pipe, until it is killed. */
static pid_t start_writer(const char *path, int tell)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct db *db = open_or_die(path, DB_SHARED);
	for (int64_t i = count(db);; i++) {
		must(db_begin(db) == 0);
		must(add(db, 2 * i, BYTES("half", 4), 0) == 0);
		must(add(db, 2 * i + 1, BYTES("half", 4), 0) == 0);
		must(db_commit(db) == 0);
		must(write(tell, "", 1) == 1);
	}
}

static void killed_writers_lose_nothing(void)
{
	char *path = db_path("killed");
	bool good = true;
	int64_t told = 0;
	struct db *db = open_or_die(path, DB_SHARED);
	db_close(&db);
	for (int round = 0; round < 20; round++) {
		int fd[2];
		char one;
		must(pipe(fd) == 0);
		pid_t pid = start_writer(path, fd[1]);
		close(fd[1]);
		for (int i = 0; i <= round * 3; i++)
			told += read(fd[0], &one, 1);
		kill(pid, SIGKILL);
		while (read(fd[0], &one, 1) == 1)
			told++;
		waitpid(pid, NULL, 0);
		close(fd[0]);
		db = open_or_die(path, DB_SHARED);
		int64_t n = count(db);
		good = good && n % 2 == 0 && n / 2 >= told && n / 2 <= told + 1 + round;
		told = n / 2;
		db_close(&db);
	}
	ok(good, "20 writers killed: every commit that was told is there, and no half of one");
	db = open_or_die(path, DB_SHARED);
	ok(db_check(db, NULL) == 0, "and the file is sound");
	db_begin(db);
	add(db, -1, BYTES_NONE, 0);
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGKILL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(db_commit(db) == 0, "a child that dies takes nothing with it");
	db_close(&db);
	free(path);
}

struct shared_result {
	uint64_t longest_us;
	int64_t rows;
};

/* Write for `ms`: batches of 10 ms (a catch-up), or a row at a time; tell the longest wait. */
static void write_for(const char *path, int who, bool catch_up, uint64_t ms, int tell)
{
	struct db *db = open_or_die(path, DB_SHARED);
	struct shared_result r = {0};
	uint64_t end = os_monotonic_us() + ms * 1000;

	while (os_monotonic_us() < end) {
		uint64_t asked = os_monotonic_us();
		must(db_begin(db) == 0);
		uint64_t begun = os_monotonic_us();
		if (begun - asked > r.longest_us)
			r.longest_us = begun - asked;
		do {
			int64_t k = (int64_t)who << 32 | r.rows++;
			must(add(db, k, BYTES("0123456789", 10), who) == 0);
		} while (catch_up && os_monotonic_us() < begun + 10000);
		must(db_commit(db) == 0);
		if (!catch_up)
			usleep(3000);
	}
	db_close(&db);
	must(write(tell, &r, sizeof(r)) == sizeof(r));
	_exit(0);
}

static void nobody_starves(void)
{
	enum { WRITERS = 5 };
	char *path = db_path("starve");
	struct shared_result r[WRITERS];
	int64_t rows = 0;
	uint64_t longest = 0;
	int fd[WRITERS][2];
	struct db *db = open_or_die(path, DB_SHARED);

	db_close(&db);
	fflush(stdout);
	for (int i = 0; i < WRITERS; i++) {
		must(pipe(fd[i]) == 0);
		if (fork() == 0)
			write_for(path, i, i == 0, 1500, fd[i][1]);
		close(fd[i][1]);
	}
	bool all = true;
	for (int i = 0; i < WRITERS; i++) {
		all = all && read(fd[i][0], &r[i], sizeof(r[i])) == sizeof(r[i]) && r[i].rows > 10;
		rows += r[i].rows;
		if (i > 0 && r[i].longest_us > longest)
			longest = r[i].longest_us;
		close(fd[i][0]);
		wait(NULL);
	}
	note("catch-up %lld rows, edits %lld %lld %lld %lld, longest wait %llu us",
	     (long long)r[0].rows, (long long)r[1].rows, (long long)r[2].rows,
	     (long long)r[3].rows, (long long)r[4].rows,
	     (unsigned long long)longest);
	ok(all, "four who edit beside a catch-up all get on");
	ok(longest < 500 * 1000, "none waits long");
	db = open_or_die(path, DB_SHARED);
	ok(count(db) == rows, "every row of everybody is there");
	ok(db_check(db, NULL) == 0, "and the file is sound");
	db_close(&db);
	free(path);
}

static void a_full_disk(void)
{
	char *path = db_path("full");
	struct db *db = open_or_die(path, DB_SHARED);
	static const uint8_t block[3000];
	int err = 0;
	int64_t i = 0;

	must(db_run_text(db, "PRAGMA max_page_count=40", NULL) == 0);
	log_sink_set(log_drop);
	while (err == 0) {
		must(db_begin(db) == 0);
		err = add(db, i, BYTES(block, sizeof(block)), 0);
		if (err != 0)
			ok(db_commit(db) == ERR_FULL,
			   "a transaction that did not fit does not commit");
		else
			err = db_commit(db);
		i += err == 0;
	}
	log_sink_set(NULL);
	ok(err == ERR_FULL && i > 10, "a full disk is told as such");
	ok(count(db) == i, "and everything before is there");
	must(db_run_text(db, "PRAGMA max_page_count=4000", NULL) == 0);
	ok(db_begin(db) == 0 && add(db, i, BYTES(block, 3000), 0) == 0 && db_commit(db) == 0,
	   "with room again it goes on");
	db_close(&db);
	free(path);
}

/* With files limited to 200 KB: the rows that were committed, 0 if the end was not ERR_FULL. */
static int fill_a_small_disk(void *path)
{
	static const uint8_t block[3000];
	struct rlimit small = {200 * 1000, 200 * 1000};
	int n = 0, err = 0;

	signal(SIGXFSZ, SIG_IGN);
	struct db *db = open_or_die(path, DB_SHARED);
	must(setrlimit(RLIMIT_FSIZE, &small) == 0);
	while (err == 0 && n < 200) {
		err = db_begin(db);
		if (err == 0)
			err = add(db, n, BYTES(block, sizeof(block)), 0);
		if (db_in_transaction(db))
			err = db_commit(db);
		n += err == 0;
	}
	return err == ERR_FULL && !db_in_transaction(db) && count(db) == n ? n : 0;
}

static void a_file_that_cannot_grow(void)
{
	char *path = db_path("grow");
	int status = in_child(fill_a_small_disk, path);
	int n = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	ok(n > 10, "a write that the system refuses for want of room is a full disk too");
	struct db *db = open_or_die(path, DB_SHARED);
	ok(count(db) == n, "and what was committed before is there");
	db_close(&db);
	free(path);
}

int main(void)
{
	values_come_back();
	transactions_end_well();
	text_made_at_run_time();
	bugs_are_not_survived();
	several_connections();
	odd_files_are_refused();
	other_vfs();
	the_log_stays_short(DB_SOLE, "sole");
	the_log_stays_short(DB_SHARED, "shared");
	killed_writers_lose_nothing();
	nobody_starves();
	a_full_disk();
	a_file_that_cannot_grow();
	return tap_end();
}
