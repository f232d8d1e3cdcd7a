/*
 * What nothing names goes from the server's disk, once it has waited long enough for a Version; what
 * a Version names stays, as does what is being brought or fetched while it is tidied.
 */
#include "common/os.h"
#include "server/shelf.h"
#include "server/turn.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* What has come is made to last. */
static void settle(struct stage *s)
{
	s->b.now_ms += 1000;
	bed_turn(&s->b);
	bed_turn(&s->b);
}

static bool is_here(struct stage *s, const uint8_t hash[SHA256_LEN])
{
	struct stored is;
	return store_find(shelf_store(s->b.area->shelf), hash, &is) > 0;
}

static size_t parts_here(struct stage *s, const struct paper *p)
{
	uint8_t hash[SHA256_LEN];
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		sha256(p->parts[i], hash);
		n += is_here(s, hash);
	}
	return n;
}

static bool is_whole(struct stage *s, const struct paper *p)
{
	return area_content(s->b.area, &p->content) == 0;
}

/* Do these bytes stand in any pack? */
static bool is_on_disk(struct stage *s, const char *words)
{
	bool found = false;

	for (int pack = 1; pack < 10; pack++) {
		struct buf b = {0};
		char path[400];
		snprintf(path, sizeof(path), "%s/documents/pack-%d", s->b.dir, pack);
		if (os_read_file(path, 64 * 1024 * 1024, &b, NULL) == 0)
			found = found || memmem(b.data, b.len, words, strlen(words));
		buf_fini(&b);
	}
	return found;
}

/* Random bytes with words in them; and more behind that, which begins with words of its own. */
static struct paper *paper_with(size_t n, const char *words, size_t more, const char *own)
{
	struct paper *p = mem_alloc(sizeof(*p));

	paper_fill(&p->data, 1, n);
	memcpy(p->data.data + n / 4, words, strlen(words));
	buf_add_text(&p->data, "%s", own);
	paper_fill(&p->data, 2, more);
	paper_cut(p);
	return p;
}

static void publish(struct stage *s, const struct paper *p)
{
	offer(&s->staff, p);
	answer(&s->staff, p, SIZE_MAX);
	settle(s);
	must(s->staff.stored == 1);
	push_version(&s->staff, &s->own, &p->content);
	settle(s);
}

static void again(struct stage *s)
{
	peer_cut(&s->staff);
	bed_turn(&s->b);
	peer_connect(&s->staff);
	peer_hello(&s->staff);
}

/* Half of it was brought, and nobody came back; most of its chunks are another's too. */
static void test_abandoned(struct stage *s)
{
	static const char shared[] = "what both papers say", own[] = "what the abandoned one says";
	struct paper *kept = paper_with(2000000, shared, 0, "");
	struct paper *left = paper_with(2000000, shared, 900000, own);

	publish(s, kept);
	offer(&s->staff, left);
	while (answer(&s->staff, left, 1) && !is_on_disk(s, own))
		;
	settle(s);
	ok(is_on_disk(s, own) && parts_here(s, left) < left->n, "a part of a document has come");
	again(s);
	bed_days_pass(&s->b, SHELF_DAYS - 1);
	ok(is_on_disk(s, own), "it waits for the rest");
	bed_days_pass(&s->b, 2);
	ok(!is_on_disk(s, own), "nobody came: after fourteen days it is not on the disk any more");
	ok(is_on_disk(s, shared) && is_whole(s, kept), "what a Version names is, shared or not");
	ok(parts_here(s, left) > 10, "%zu chunks were of both", parts_here(s, left));
	offer(&s->staff, left);
	answer(&s->staff, left, SIZE_MAX);
	settle(s);
	ok(s->staff.stored == 1 && is_whole(s, left), "who comes later brings it again");
	bed_days_pass(&s->b, SHELF_DAYS - 1);
	ok(is_whole(s, left), "whole, it waits for its Version");
	bed_days_pass(&s->b, 2);
	ok(!is_whole(s, left) && !is_on_disk(s, own) && is_whole(s, kept),
	   "and goes when none has named it");
	struct id change = push_version(&s->staff, &s->own, &left->content);
	const struct told *told = peer_told(&s->staff, &change);
	ok(told && told->wait == WIRE__WAIT__CONTENT_MISSING, "who names it then must bring it");
	paper_free(kept);
	paper_free(left);
}

/* It is tidied up while one document comes, which was begun long ago, and another one goes. */
static void test_meanwhile(struct stage *s)
{
	struct paper *down = paper_new(11, 1500000), *up = paper_new(12, 1500000);
	struct paper *left = paper_new(13, 300000);
	struct node root;
	struct entry_of e;

	publish(s, down);
	offer(&s->staff, left);
	answer(&s->staff, left, 2);
	settle(s);
	again(s);
	offer(&s->staff, up);
	answer(&s->staff, up, 12);
	settle(s);
	size_t came = parts_here(s, up), others = parts_here(s, left);
	ok(came >= 12 && others > 0, "%zu chunks have come, and the rest is asked for", came);
	bed_days_pass(&s->b, SHELF_DAYS + 2);
	ok(parts_here(s, up) == came, "while it comes nothing of it goes, however long it takes");
	uint8_t name[SHA256_LEN];
	memcpy(name, down->content.root, SHA256_LEN);
	must(node_read(&root, paper_find(down, name)) == 0);
	size_t got = 0;
	for (size_t i = 0; i < root.n; i++) {
		node_entry(&root, i, &e);
		get(&s->staff, name, e.hash);
		got += bytes_equal(buf_bytes(&s->staff.content), paper_find(down, e.hash));
	}
	ok(got == root.n, "and what is fetched comes as it is");
	answer(&s->staff, up, SIZE_MAX);
	settle(s);
	struct id change = push_version(&s->staff, &s->own, &up->content);
	ok(s->staff.stored == 1 && !peer_told(&s->staff, &change) && is_whole(s, up),
	   "then it is whole, and named");
	bed_days_pass(&s->b, 1);
	ok(parts_here(s, left) == 0, "once nothing comes, what was left goes");
	ok(is_whole(s, up) && is_whole(s, down), "and what is named stays");
	paper_free(down);
	paper_free(up);
	paper_free(left);
}

static void count_fault(void *arg, const char *words)
{
	(void)words;
	++*(int *)arg;
}

static int64_t count(struct stage *s, const char *sql)
{
	struct db_stmt *st = db_query(s->b.area->db, sql, "");
	int64_t n = db_step(st) > 0 ? db_int(st, 0) : -1;

	db_reset(st);
	return n;
}

/* Somebody reads the area as it was at one moment, as a backup does and fsck. */
static void test_read_meanwhile(struct stage *s)
{
	struct area_options o = {.dir = s->b.dir, .env = &s->b.env, .read_only = true};
	static const char own[] = "what the one who reads was to find";
	struct paper *left = paper_with(900000, own, 0, "");
	struct os_lock *saving = NULL;
	struct area *reader;
	struct cause cause;
	int faults = 0;

	offer(&s->staff, left);
	answer(&s->staff, left, SIZE_MAX);
	settle(s);
	must(area_open(&reader, &o, &cause) == 0);
	bed_days_pass(&s->b, SHELF_DAYS + 2);
	ok(area_check(reader, count_fault, &faults) == 0 && faults == 0,
	   "what was here when somebody began to read is there until he has");
	area_close(&reader);
	must(shelf_hold(s->b.dir, &saving, &cause) == 0);
	bed_days_pass(&s->b, 1);
	ok(is_on_disk(s, own), "and while it is saved");
	os_lock_close(&saving);
	bed_days_pass(&s->b, 1);
	ok(!is_on_disk(s, own), "then it goes");
	paper_free(left);
}

/* The row that says that a document is here does not name it any more. */
static void test_misnamed(struct stage *s)
{
	struct paper *p = paper_new(21, 300000);
	int found = 0, mended = 0, after = 0;

	publish(s, p);
	must(area_check(s->b.area, count_fault, &after) == 0 && after == 0);
	must(db_begin(s->b.area->db) == 0 &&
	     db_run(s->b.area->db, "UPDATE content SET sha = x'0102' WHERE root = $1", "b",
		    BYTES(p->content.root, SHA256_LEN)) == 0 &&
	     db_commit(s->b.area->db) == 0);
	ok(area_check(s->b.area, count_fault, &found) == 0 && found == 1,
	   "a row that names no content is found");
	ok(area_mend(s->b.area, count_fault, &mended) == 0 && mended == 1 &&
		   count(s, "SELECT count(*) FROM lacking") == 1,
	   "mended, it is gone, and who has the document is asked for it");
	ok(area_check(s->b.area, count_fault, &after) == 0 && after == 0, "then all is sound");
	offer(&s->staff, p);
	settle(s);
	ok(s->staff.stored == 1 && is_whole(s, p) &&
		   count(s, "SELECT count(*) FROM lacking") == 0,
	   "and nothing of it need come again");
	paper_free(p);
}

/* No file grows beyond this; 0: they all do, as far as there is room. */
static void no_longer_than(rlim_t bytes)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* A pack is mostly holes, and there is no room to move the rest together. */
static void test_no_room(void)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct paper *kept = paper_new(31, 300000), *left = paper_new(32, 6000000);

	stage_init(s, "no_room");
	offer(&s->staff, left);
	answer(&s->staff, left, SIZE_MAX);
	settle(s);
	publish(s, kept);
	bed_restart(&s->b, false);
	peer_connect(&s->staff);
	peer_hello(&s->staff);
	no_longer_than(5000000);
	bed_days_pass(&s->b, SHELF_DAYS + 1);
	ok(!is_whole(s, left) && is_whole(s, kept), "what nobody named goes from a full disk");
	area_tick(s->b.area);
	struct id change = push_version(&s->staff, &s->own, &kept->content);
	ok(!peer_told(&s->staff, &change) && s->b.area->failed == 0,
	   "that it can't be tidied up further keeps no change from being entered");
	no_longer_than(0);
	bed_days_pass(&s->b, 1);
	ok(count(s, "SELECT count(*) FROM pack WHERE live < size / 2 AND live > 0"
		    " AND number < (SELECT max(number) FROM pack)") == 0 &&
		   is_whole(s, kept),
	   "which is done when there is room");
	stage_fini(s);
	free(s);
	paper_free(kept);
	paper_free(left);
}

/* What is to be erased stands in a pack that can't be opened. */
static void test_unwritable(void)
{
	struct stage *s = mem_alloc(sizeof(*s));
	struct paper *left = paper_new(33, 300000);

	stage_init(s, "unwritable");
	char *pack = mem_format("%s/documents/pack-1", s->b.dir);
	char *aside = mem_format("%s/aside", s->b.dir);
	offer(&s->staff, left);
	answer(&s->staff, left, SIZE_MAX);
	settle(s);
	bed_restart(&s->b, false);
	peer_connect(&s->staff);
	peer_hello(&s->staff);
	must(rename(pack, aside) == 0 && symlink(aside, pack) == 0);
	s->b.now_ms += (SHELF_DAYS + 1) * UINT64_C(86400000);
	for (int i = 0; i < 50 && s->b.area->failed == 0; i++) {
		area_tick(s->b.area);
		area_turn(s->b.area);
	}
	ok(s->b.area->failed == 0 && !is_whole(s, left),
	   "what can't be erased from the disk does not end the server");
	must(unlink(pack) == 0 && rename(aside, pack) == 0);
	bed_days_pass(&s->b, 1);
	ok(count(s, "SELECT count(*) FROM hole") == 0, "it is erased when it can be");
	free(pack);
	free(aside);
	stage_fini(s);
	free(s);
	paper_free(left);
}

int main(void)
{
	struct stage *s = mem_alloc(sizeof(*s));

	stage_init(s, "tidy");
	test_abandoned(s);
	test_meanwhile(s);
	test_read_meanwhile(s);
	test_misnamed(s);
	stage_fini(s);
	free(s);
	test_no_room();
	test_unwritable();
	return tap_end();
}
