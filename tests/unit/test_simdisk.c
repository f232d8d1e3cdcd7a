/* The simulator's disk and network bite: what is not synced can be lost or torn, what is synced
 * stays. */
#include "common/db.h"
#include "common/log.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"
#include "tests/tap.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 40 };

static sqlite3 *open_db(const char *synchronous)
{
	char sql[200];
	sqlite3 *db = NULL;
	if (sqlite3_open_v2("/d/a.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "testdisk"))
		return db;
	snprintf(sql, sizeof(sql),
		 "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s;"
		 "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v BLOB)",
		 synchronous);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	return db;
}

static int insert(sqlite3 *db, int n)
{
	char sql[100];
	snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, randomblob(900))", n);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int one_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int n = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

static bool is_sound(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	bool sound = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK &&
		     sqlite3_step(st) == SQLITE_ROW &&
		     strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	sqlite3_finalize(st);
	return sound;
}

struct result {
	int lost, unsound;
	struct disk_counts counts;
};

/* Insert row after row, end the process somewhere, and see what a new one finds; many times. */
static struct result try_ends(const char *synchronous, enum disk_end end, int times)
{
	struct result r = {0};
	for (int seed = 1; seed <= times; seed++) {
		struct disk *disk = disk_new("testdisk", (uint64_t)seed);
		struct disk_device *device = disk_device(disk, "/d");
		struct dice dice = dice_fork((uint64_t)seed, 1);
		int done = 0;

		sqlite3 *db = open_db(synchronous);
		disk_stop_after(device, dice_below(&dice, 200), end);
		while (done < ROWS && insert(db, done) == SQLITE_OK) {
			done++;
			if (done % 16 == 0)
				sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
							  NULL);
		}
		disk_stop(device, end);
		sqlite3_close(db);
		disk_start(device);
		db = open_db(synchronous);
		int found = one_number(db, "SELECT count(*) FROM t");
		r.lost += found < done;
		r.unsound += !is_sound(db);
		sqlite3_close(db);
		r.counts.kept += disk_counts(disk)->kept;
		r.counts.lost += disk_counts(disk)->lost;
		r.counts.torn += disk_counts(disk)->torn;
		r.counts.unmade += disk_counts(disk)->unmade;
		disk_free(&disk);
	}
	return r;
}

static void test_ends(void)
{
	struct result r = try_ends("FULL", DISK_CRASH, 60);
	ok(r.lost == 0 && r.unsound == 0, "a crash loses nothing that was committed");
	r = try_ends("OFF", DISK_CRASH, 60);
	ok(r.lost == 0 && r.unsound == 0, "a crash loses nothing even where nothing is synced");
	r = try_ends("FULL", DISK_POWER_CUT, 200);
	ok(r.lost == 0 && r.unsound == 0, "a power cut loses nothing that was committed with FULL");
	ok(r.counts.kept > 0 && r.counts.lost > 0 && r.counts.torn > 0,
	   "unsynced sectors were kept, lost and torn (%llu, %llu, %llu)",
	   (unsigned long long)r.counts.kept, (unsigned long long)r.counts.lost,
	   (unsigned long long)r.counts.torn);
	r = try_ends("NORMAL", DISK_POWER_CUT, 60);
	ok(r.lost > 0, "a power cut loses commits with NORMAL (%d of 60 times)", r.lost);
	r = try_ends("OFF", DISK_POWER_CUT, 60);
	ok(r.lost > 0 && r.unsound > 0,
	   "a power cut damages a database that is never synced (%d of 60)", r.unsound);
}

static void test_room(void)
{
	struct disk *disk = disk_new("testdisk", 7);
	struct disk_device *device = disk_device(disk, "/d");
	sqlite3 *db = open_db("FULL");
	disk_room(device, 64 * 1024);
	int done = 0, code = SQLITE_OK;
	while (done < 1000 && (code = insert(db, done)) == SQLITE_OK)
		done++;
	ok(code == SQLITE_FULL && done > 5 && done < 100, "a full disk says so, after %d rows",
	   done);
	disk_room(device, SIZE_MAX);
	ok(insert(db, done) == SQLITE_OK, "with room again the same process goes on");
	ok(one_number(db, "SELECT count(*) FROM t") == done + 1 && is_sound(db),
	   "nothing was lost by it");
	sqlite3_close(db);
	disk_free(&disk);
}

static void count_file(void *arg, const char *path, struct bytes data)
{
	(void)path;
	(void)data;
	++*(int *)arg;
}

static void test_devices(void)
{
	struct disk *disk = disk_new("testdisk", 8);
	struct disk_device *d = disk_device(disk, "/d"), *other = disk_device(disk, "/dd");
	sqlite3 *db = open_db("FULL");
	insert(db, 1);
	int mine = 0, theirs = 0;
	disk_each(d, count_file, &mine);
	disk_each(other, count_file, &theirs);
	ok(mine == 2 && theirs == 0, "a device has its own files, with their log");
	disk_stop(d, DISK_CRASH);
	ok(insert(db, 2) != SQLITE_OK, "a process that has ended writes no more");
	sqlite3_close(db);
	ok((mine = 0, disk_each(d, count_file, &mine), mine) == 2, "nor does its end tidy up");
	disk_wipe(d);
	disk_start(d);
	db = open_db("FULL");
	ok(one_number(db, "SELECT count(*) FROM t") == 0, "a wiped device is empty");
	sqlite3_close(db);
	disk_free(&disk);
}

/* ---- What was read after a crash is there after a power cut too ------------------------------ */

static int64_t count_rows(struct db *db)
{
	struct db_stmt *st = db_query(db, "SELECT count(*) FROM t", "");
	int64_t n = db_step(st) == 1 ? db_int(st, 0) : -1;
	db_reset(st);
	return n;
}

/* How many rows a process finds that starts after one which ended after `operations`; or -1. */
static int64_t start_after_crash(struct disk_device *device, struct db **db, uint64_t operations)
{
	static const char schema[] = "CREATE TABLE t (n INTEGER PRIMARY KEY, v BLOB) STRICT";
	if (db_open(db, "/d/a.db", DB_SOLE, schema, 1, "testdisk", NULL) != 0)
		return -1;
	disk_stop_after(device, operations, DISK_CRASH);
	for (int i = 0; i < 5; i++)
		if (db_begin(*db) < 0 ||
		    db_run(*db, "INSERT INTO t (v) VALUES (zeroblob(5000))", "") < 0 ||
		    db_commit(*db) < 0)
			break;
	disk_stop(device, DISK_CRASH);
	db_close(db);
	disk_start(device);
	return db_open(db, "/d/a.db", DB_SOLE, schema, 1, "testdisk", NULL) == 0 ? count_rows(*db)
										 : -1;
}

static void test_read_is_durable(void)
{
	int bad = 0;
	for (uint64_t n = 0; n < 60; n++) {
		struct disk *disk = disk_new("testdisk", 100 + n);
		struct disk_device *device = disk_device(disk, "/d");
		struct db *db = NULL;
		int64_t read = start_after_crash(device, &db, n);
		disk_stop(device, DISK_POWER_CUT);
		db_close(&db);
		disk_start(device);
		bad += read < 0 || db_open(&db, "/d/a.db", DB_SOLE, "", 1, "testdisk", NULL) != 0 ||
		       count_rows(db) != read;
		db_close(&db);
		disk_free(&disk);
	}
	ok(bad == 0,
	   "what a server reads after a crash outlasts a power cut right then (%d of 60 times not)",
	   bad);
}

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* ---- The network ---------------------------------------------------------------------------- */

struct listener {
	struct queue *queue;
	int frames, drained, closed;
	uint64_t bytes, closed_us;
	bool in_order;
};

static void heard_frame(void *arg, const struct frame *f)
{
	struct listener *l = arg;
	l->in_order &= f->raw.len >= 4 && read_u32be(f->raw.data) == (uint32_t)l->frames;
	l->frames++;
	l->bytes += f->raw.len;
}

static void heard_garbage(void *arg, int err)
{
	(void)err;
	((struct listener *)arg)->in_order = false;
}

static void heard_drained(void *arg)
{
	((struct listener *)arg)->drained++;
}

static void heard_closed(void *arg)
{
	struct listener *l = arg;
	l->closed++;
	l->closed_us = l->queue->now_us;
}

struct pair {
	struct queue queue;
	struct net net;
	struct net_end *ends[2];
	struct listener heard[2];
};

static void pair_init(struct pair *p, uint64_t seed)
{
	static const struct net_speed speed = {20000, 1000000, 50};
	*p = (struct pair){0};
	net_init(&p->net, &p->queue, seed);
	net_connect(&p->net, &speed, p->ends);
	for (int i = 0; i < 2; i++) {
		p->heard[i] = (struct listener){.queue = &p->queue, .in_order = true};
		net_own(p->ends[i], &(struct net_owner){heard_frame, heard_garbage, heard_drained,
							heard_closed, &p->heard[i]});
	}
}

static void pair_fini(struct pair *p)
{
	net_fini(&p->net);
	queue_fini(&p->queue);
}

static void pair_send(struct pair *p, int n, size_t len)
{
	uint8_t *raw = mem_alloc(len);
	for (int i = 0; i < n; i++) {
		struct buf b = {0};
		write_u32be(raw, (uint32_t)i);
		Wire__Chunk chunk = WIRE__CHUNK__INIT;
		chunk.chunk = PB_BYTES(BYTES("content", 7));
		frame_write(&b, WIRE__KIND__CHUNK, &chunk.base, BYTES(raw, len));
		net_link(p->ends[0])->ops->send(net_link(p->ends[0]), buf_bytes(&b),
							BYTES_NONE);
		buf_fini(&b);
	}
	free(raw);
}

static void pair_run(struct pair *p, uint64_t us)
{
	uint64_t until = p->queue.now_us + us;
	while (queue_step(&p->queue, until))
		;
	p->queue.now_us = until;
}

static void test_line(void)
{
	struct pair p;
	pair_init(&p, 1);
	pair_send(&p, 100, 10000);
	ok(net_link(p.ends[0])->ops->queued(net_link(p.ends[0])) > 900000,
	   "what is sent is queued");
	pair_run(&p, 500000);
	ok(p.heard[1].frames > 20 && p.heard[1].frames < 60,
	   "half of a second's bytes take half a second");
	pair_run(&p, 1000000);
	ok(p.heard[1].frames == 100 && p.heard[1].in_order, "all frames arrive whole and in order");
	ok(p.heard[0].drained == 1 && net_link(p.ends[0])->ops->queued(net_link(p.ends[0])) == 0,
	   "the sender is told that its queue has emptied");
	net_link(p.ends[0])->ops->close(net_link(p.ends[0]));
	pair_run(&p, 1000000);
	ok(p.heard[0].closed == 1 && p.heard[1].closed == 1, "closing tells both ends once");
	pair_fini(&p);
}

static void test_pause(void)
{
	struct pair p;
	pair_init(&p, 2);
	net_link(p.ends[1])->ops->pause(net_link(p.ends[1]), true);
	pair_send(&p, 100, 10000);
	pair_run(&p, 30000000);
	ok(p.heard[1].frames == 0 && net_link(p.ends[0])->ops->queued(net_link(p.ends[0])) > 700000,
	   "a paused receiver gets nothing, and its sender's queue stays full");
	net_link(p.ends[1])->ops->pause(net_link(p.ends[1]), false);
	pair_run(&p, 3000000);
	ok(p.heard[1].frames == 100 && p.heard[1].in_order, "it gets all of it once it goes on");
	pair_fini(&p);
}

static void test_cut(void)
{
	bool late = false, apart = false;
	for (uint64_t seed = 1; seed < 10; seed++) {
		struct pair p;
		pair_init(&p, seed);
		pair_send(&p, 100, 10000);
		pair_run(&p, 300000);
		net_cut(p.ends[0], NET_LATE);
		int had = p.heard[1].frames;
		pair_run(&p, 130000000);
		if (p.heard[1].frames != had || p.heard[0].closed != 1 || p.heard[1].closed != 1)
			had = -1;
		late |= p.heard[0].closed_us > 10000000;
		apart |= p.heard[0].closed_us != p.heard[1].closed_us;
		ok(had >= 0 && had < 100 && p.heard[1].in_order,
		   "a cut line delivers no more (seed %d)", (int)seed);
		pair_fini(&p);
	}
	ok(late && apart, "its ends hear of it late, and not together");

	struct pair p;
	pair_init(&p, 3);
	net_abandon(p.ends[1], NET_HALF_OPEN);
	pair_send(&p, 10, 100);
	pair_run(&p, 60000000);
	ok(p.heard[0].closed == 0 && net_link(p.ends[0])->ops->queued(net_link(p.ends[0])) > 0,
	   "a half-open line takes what is sent and says nothing");
	pair_run(&p, 70000000);
	ok(p.heard[0].closed == 1 && p.heard[1].closed == 0, "until its keep-alive gives up");
	pair_fini(&p);
}

int main(void)
{
	log_sink_set(quiet);
	test_ends();
	test_room();
	test_devices();
	test_read_is_durable();
	test_line();
	test_pause();
	test_cut();
	return tap_end();
}
