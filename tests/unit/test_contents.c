/* Documents' bytes on a device: files in and out, whole or not at all. */
#include "common/os.h"
#include "tests/take_in.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[256], source[300], target[300];
static struct copy *copy;

static void write_source(size_t n)
{
	struct buf b = {0};
	struct cause cause;

	uint64_t x = n + 1;
	for (size_t i = 0; i < n; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		buf_add_u8(&b, (uint8_t)(x >> 56));
	}
	if (os_write_file(source, buf_bytes(&b), false, &cause) < 0)
		abort();
	buf_fini(&b);
}

static bool same_files(const char *a, const char *b)
{
	struct buf x = {0}, y = {0};
	bool same = os_read_file(a, 1 << 24, &x, NULL) == 0 &&
		    os_read_file(b, 1 << 24, &y, NULL) == 0 &&
		    bytes_equal(buf_bytes(&x), buf_bytes(&y));
	buf_fini(&x);
	buf_fini(&y);
	return same;
}

static void note_progress(void *arg, uint64_t done, uint64_t all)
{
	if (done == all)
		++*(int *)arg;
}

static void test_in_and_out(size_t n)
{
	struct content c, again;
	struct cause cause = {""};
	int ends = 0;
	struct intake *in = intake_new(copy, note_progress, &ends);

	write_source(n);
	ok(intake_file(in, source, &c, &cause) == 0 && c.bytes == n,
	   "a file of %zu bytes is taken in %s", n, cause.words);
	struct buf whole = {0};
	must(os_read_file(source, 1 << 24, &whole, NULL) == 0);
	struct bytes head = intake_head(in);
	ok(head.len == (n < INTAKE_HEAD ? n : INTAKE_HEAD) &&
		   bytes_equal(head, BYTES(whole.data, head.len)),
	   "what it begins with is there to look at");
	buf_fini(&whole);
	ok(contents_has(copy, c.root, &again) == 0, "it is not here before it is kept");
	ok(intake_keep(in, &cause) == 0, "then it is kept");
	intake_free(&in);
	ok(ends == 1, "its progress is told to the end");
	ok(contents_has(copy, c.root, &again) == 1 && again.bytes == n,
	   "it is here, with its size");
	ok(contents_verify(copy, &c, &cause) == 0, "and is what its name says");
	ok(take_in(copy, source, &again, &cause) == 0 &&
		   memcmp(c.root, again.root, SHA256_LEN) == 0,
	   "taken in again it is the same one");
	ok(contents_save(copy, &c, target, &cause) == 0 && same_files(source, target),
	   "it comes out byte for byte");
}

static void count_fault(void *arg, const char *words)
{
	(void)words;
	++*(int *)arg;
}

static void damage_pack(long at)
{
	char *path = mem_format("%s/documents/pack-1", home);
	FILE *f = fopen(path, "r+b");

	if (!f || fseek(f, at, SEEK_END) != 0)
		abort();
	int c = fgetc(f);
	fseek(f, at, SEEK_END);
	fputc(c ^ 1, f);
	fclose(f);
	free(path);
}

static void test_damage(void)
{
	struct content c;
	struct cause cause = {""};
	int faults = 0, again = 0;

	write_source(100000);
	take_in(copy, source, &c, &cause);
	damage_pack(-2000);
	ok(contents_verify(copy, &c, &cause) == ERR_CORRUPT, "a damaged one is noticed: %s",
	   cause.words);
	unlink(target);
	ok(contents_save(copy, &c, target, &cause) == ERR_CORRUPT && !os_exists(target),
	   "and is not given out");
	ok(contents_check(copy, false, count_fault, &faults) == 0 && faults == 1,
	   "a check finds it");
	must(copy_begin(copy) == 0);
	faults = 0;
	ok(contents_check(copy, true, count_fault, &faults) == 0 && faults == 1,
	   "and takes it out where it is told to");
	must(copy_commit(copy) == 0 && contents_tidy(copy, false) == 0);
	ok(contents_has(copy, c.root, NULL) == 0 &&
		   contents_verify(copy, &c, &cause) == ERR_MISSING,
	   "then it is not here: %s", cause.words);
	ok(take_in(copy, source, &c, &cause) == 0 &&
		   contents_verify(copy, &c, &cause) == 0 &&
		   contents_check(copy, false, count_fault, &again) == 0 && again == 0,
	   "until it comes again");
}

static void keep_fault(void *arg, const char *words)
{
	snprintf(arg, 100, "%s", words);
}

static void test_much_damage(void)
{
	struct content c;
	struct cause cause = {""};
	int faults = 0;
	char words[100] = "";

	write_source(2000000);
	must(take_in(copy, source, &c, &cause) == 0);
	damage_pack(-2000);
	damage_pack(-1000000);
	damage_pack(-1900000);
	ok(contents_check(copy, false, count_fault, &faults) == 0 && faults == 1,
	   "of a document that is damaged in many places one line tells");
	must(copy_begin(copy) == 0);
	ok(contents_check(copy, true, keep_fault, words) == 0 &&
		   strncmp(words, "3 parts of a document are damaged", 33) == 0,
	   "and in how many: %s", words);
	must(copy_commit(copy) == 0 && contents_tidy(copy, false) == 0);
	ok(contents_verify(copy, &c, &cause) == ERR_MISSING, "all are taken out");
}

/* A row that says that a content is here, and does not say which. */
static void test_misnamed(void)
{
	static const char *const rows[] = {"UPDATE content SET sha = x'0102' WHERE root = $1",
					   "UPDATE content SET root = x'0102' WHERE root = $1"};

	for (size_t i = 0; i < 2; i++) {
		struct content c;
		struct cause cause = {""};
		int found = 0, mended = 0, after = 0;
		write_source(100000);
		must(take_in(copy, source, &c, &cause) == 0);
		must(copy_begin(copy) == 0 &&
		     db_run(copy_db(copy), rows[i], "b", BYTES(c.root, SHA256_LEN)) == 0 &&
		     copy_commit(copy) == 0);
		ok(contents_check(copy, false, count_fault, &found) == 0 && found == 1,
		   "a row that names no content is found");
		must(copy_begin(copy) == 0);
		ok(contents_check(copy, true, count_fault, &mended) == 0 && mended == 1 &&
			   copy_commit(copy) == 0,
		   "and goes where it is told to");
		ok(contents_check(copy, false, count_fault, &after) == 0 && after == 0 &&
			   contents_has(copy, c.root, NULL) == 0,
		   "then nothing is said of it");
	}
}

static void test_removed(void)
{
	struct content c;
	struct cause cause = {""};

	write_source(200000);
	must(take_in(copy, source, &c, &cause) == 0);
	must(copy_begin(copy) == 0);
	ok(contents_remove(copy, BYTES(c.root, SHA256_LEN)) == 0 && copy_commit(copy) == 0 &&
		   contents_tidy(copy, false) == 0,
	   "one that nothing names is removed");
	ok(contents_has(copy, c.root, NULL) == 0, "and not here any more");
}

/* Another process drops what a file that is being put has in common with others. */
static void test_dropped_beside(void)
{
	struct copy *other = NULL;
	struct content first, second, again;
	struct cause cause = {""};
	struct intake *in;

	write_source(700000);
	must(take_in(copy, source, &first, &cause) == 0);
	in = intake_new(copy, NULL, NULL);
	must(intake_file(in, source, &second, &cause) == 0);
	must(copy_open(&other, home, NULL, os_env(), &cause) == 0 && copy_begin(other) == 0 &&
	     contents_remove(other, BYTES(first.root, SHA256_LEN)) == 0 &&
	     copy_commit(other) == 0 && contents_tidy(other, false) == 0);
	copy_close(&other);
	ok(intake_keep(in, &cause) == ERR_AGAIN && contents_has(copy, second.root, &again) == 0,
	   "a file is not kept whose bytes went meanwhile: %s", cause.words);
	ok(intake_file(in, source, &second, &cause) == 0 && intake_keep(in, &cause) == 0 &&
		   contents_verify(copy, &second, &cause) == 0,
	   "the next time it is");
	intake_free(&in);
}

/* Another process removes a content while this one is checked. */
struct beside {
	struct content goes;
	int faults, tidied;
};

static void remove_beside(void *arg, const char *words)
{
	struct beside *b = arg;
	struct copy *other = NULL;
	struct cause cause;

	(void)words;
	if (b->faults++)
		return;
	must(copy_open(&other, home, NULL, os_env(), &cause) == 0 && copy_begin(other) == 0 &&
	     contents_remove(other, BYTES(b->goes.root, SHA256_LEN)) == 0 &&
	     copy_commit(other) == 0);
	b->tidied = contents_tidy(other, false);
	copy_close(&other);
}

static int64_t count_holes(void)
{
	struct copy *other = NULL;
	struct cause cause;

	must(copy_open(&other, home, NULL, os_env(), &cause) == 0);
	struct db_stmt *st = db_query(copy_db(other), "SELECT count(*) FROM hole", "");
	int64_t n = db_step(st) > 0 ? db_int(st, 0) : -1;
	db_reset(st);
	copy_close(&other);
	return n;
}

/* What is found first is a stray byte where something was removed before. */
static void test_checked_beside(void)
{
	struct content before;
	struct beside b = {.faults = 0};
	struct cause cause = {""};

	write_source(100001);
	must(take_in(copy, source, &before, &cause) == 0 && copy_begin(copy) == 0 &&
	     contents_remove(copy, BYTES(before.root, SHA256_LEN)) == 0 && copy_commit(copy) == 0 &&
	     contents_tidy(copy, false) == 0);
	write_source(200001);
	must(take_in(copy, source, &b.goes, &cause) == 0);
	damage_pack(-250000);
	ok(contents_check(copy, false, remove_beside, &b) == 0 && b.faults == 1,
	   "what is removed while a check reads is no fault");
	ok(b.tidied == 1, "its bytes wait until the check is over");
	ok(count_holes() == 0, "and go when the copy is opened next");
	must(copy_begin(copy) == 0 && contents_check(copy, true, count_fault, &b.faults) == 0 &&
	     copy_commit(copy) == 0 && contents_tidy(copy, false) == 0);
}

static void test_refused(void)
{
	struct content c;
	struct cause cause = {""};

	ok(take_in(copy, "/nowhere/at all", &c, &cause) == ERR_MISSING,
	   "no file: %s", cause.words);
	ok(take_in(copy, home, &c, &cause) == ERR_INVALID, "a directory: %s",
	   cause.words);
	write_source(1000);
	take_in(copy, source, &c, &cause);
	ok(contents_save(copy, &c, "/nowhere/at all", &cause) == ERR_MISSING,
	   "a place that is not there: %s", cause.words);
	FILE *full = fopen("/dev/full", "wb");
	ok(!full || contents_print(copy, &c, full, &cause) == ERR_FULL, "a full disk: %s",
	   cause.words);
	if (full)
		fclose(full);
}

/* Somebody writes into the file while it is read: `bytes` more, so many times. */
struct growing {
	int times;
	size_t bytes;
};

static void grow_source(void *arg, uint64_t done, uint64_t all)
{
	struct growing *g = arg;

	(void)done;
	(void)all;
	if (g->times == 0)
		return;
	g->times--;
	FILE *f = fopen(source, "ab");
	for (size_t i = 0; i < g->bytes; i++)
		putc('m', f);
	fclose(f);
}

static void test_changing(void)
{
	struct content c;
	struct cause cause = {""};
	struct growing growing = {1, 4};
	struct intake *in = intake_new(copy, grow_source, &growing);

	write_source(300000);
	ok(intake_file(in, source, &c, &cause) == 0 && c.bytes == 300004,
	   "a file that changes once while it is read is read again");
	write_source(300000);
	growing.times = 1000000;
	ok(intake_file(in, source, &c, &cause) == ERR_AGAIN,
	   "one that goes on changing is refused: %s", cause.words);
	write_source(300000);
	growing = (struct growing){400, 300000};
	ok(intake_file(in, source, &c, &cause) == ERR_AGAIN && growing.times > 0,
	   "one that grows faster than it is read, too");
	intake_free(&in);
}

static void test_together(void)
{
	struct content a, b, c;
	struct cause cause = {""};
	struct intake *in = intake_new(copy, NULL, NULL);

	write_source(5001);
	ok(intake_file(in, source, &a, &cause) == 0, "one file is read");
	ok(intake_file(in, "/nowhere/at all", &b, &cause) == ERR_MISSING, "the next is not there");
	write_source(5002);
	ok(intake_file(in, source, &b, &cause) == 0, "a third is read");
	ok(contents_has(copy, a.root, NULL) == 0 && contents_has(copy, b.root, NULL) == 0,
	   "none is kept yet");
	ok(intake_keep(in, &cause) == 0, "they are kept together");
	ok(contents_verify(copy, &a, &cause) == 0 && contents_verify(copy, &b, &cause) == 0,
	   "and both are here");

	/* The disk fails in the middle of a large one, which takes down what was not synced. */
	struct db *db = copy_db(copy);
	must(db_begin(db) == 0 &&
	     db_run_text(db, "CREATE TRIGGER fails BEFORE INSERT ON chunk BEGIN"
			     " SELECT RAISE(ABORT, 'it fails'); END", &cause) == 0 &&
	     db_commit(db) == 0);
	write_source(5003);
	ok(intake_file(in, source, &a, &cause) == 0, "one more is read");
	write_source(20000000);
	ok(intake_file(in, source, &b, &cause) < 0, "a large one can't be stored: %s", cause.words);
	must(db_begin(db) == 0 && db_run_text(db, "DROP TRIGGER fails", &cause) == 0 &&
	     db_commit(db) == 0);
	ok(intake_keep(in, &cause) < 0 && contents_has(copy, a.root, NULL) == 0,
	   "then the one before it is not kept either: %s", cause.words);
	write_source(5004);
	ok(intake_file(in, source, &c, &cause) == 0 && intake_keep(in, &cause) == 0 &&
		   contents_verify(copy, &c, &cause) == 0,
	   "the next is");
	intake_free(&in);
}

int main(void)
{
	static const struct copy_identity identity = {.address = "localhost:1"};
	struct cause cause = {""};

	snprintf(home, sizeof(home), "%s/home", tap_dir());
	snprintf(source, sizeof(source), "%s/source", tap_dir());
	snprintf(target, sizeof(target), "%s/target", tap_dir());
	if (os_make_dir(home, NULL) < 0 || copy_create(home, &identity, NULL, &cause) < 0 ||
	    copy_open(&copy, home, NULL, os_env(), &cause) < 0)
		return 1;
	static const size_t sizes[] = {0, 1, 65536, 300000, 3000000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		test_in_and_out(sizes[i]);
	test_damage();
	test_much_damage();
	test_misnamed();
	test_removed();
	test_dropped_beside();
	test_checked_beside();
	test_refused();
	test_changing();
	test_together();
	copy_close(&copy);
	return tap_end();
}
