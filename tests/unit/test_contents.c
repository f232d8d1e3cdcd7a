/* The store of documents' bytes: in, out, whole or not at all. */
#include "client/contents.h"
#include "common/os.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[256], source[300], target[300];

static void write_source(size_t n)
{
	struct buf b = {0};
	struct cause cause;

	for (size_t i = 0; i < n; i++)
		buf_add_u8(&b, (uint8_t)(i * 31 + i / 251));
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

static void count(void *arg, const uint8_t sha[SHA256_LEN])
{
	(void)sha;
	++*(int *)arg;
}

static int how_many(void)
{
	int n = 0;
	return contents_each(home, count, &n) == 0 ? n : -1;
}

static void note_progress(void *arg, uint64_t done, uint64_t all)
{
	if (done == all)
		++*(int *)arg;
}

static void test_in_and_out(size_t n)
{
	uint8_t sha[SHA256_LEN], again[SHA256_LEN];
	struct cause cause = {""};
	uint64_t size = 0;
	int ends = 0;

	write_source(n);
	ok(contents_add(home, source, sha, &size, note_progress, &ends, &cause) == 0 && size == n,
	   "a file of %zu bytes is taken in %s", n, cause.words);
	ok(ends == (n > 0), "its progress is told to the end");
	ok(contents_has(home, sha, &size) && size == n, "it is here, with its size");
	ok(contents_verify(home, sha, &cause) == 0, "and is what its name says");
	ok(contents_add(home, source, again, &size, NULL, NULL, &cause) == 0 &&
		   memcmp(sha, again, SHA256_LEN) == 0,
	   "taken in again it is the same one");
	ok(contents_save(home, sha, target, &cause) == 0 && same_files(source, target),
	   "it comes out byte for byte");
}

static void test_damage(void)
{
	uint8_t sha[SHA256_LEN];
	struct cause cause = {""};
	uint64_t size;

	write_source(100000);
	contents_add(home, source, sha, &size, NULL, NULL, &cause);
	char *path = contents_path(home, sha);
	FILE *f = fopen(path, "r+b");
	fseek(f, 5000, SEEK_SET);
	fputc('!', f);
	fclose(f);
	ok(contents_verify(home, sha, &cause) == ERR_CORRUPT, "a damaged one is noticed: %s",
	   cause.words);
	unlink(target);
	ok(contents_save(home, sha, target, &cause) == ERR_CORRUPT && !os_exists(target),
	   "and is not given out");
	contents_remove(home, sha);
	ok(!contents_has(home, sha, NULL), "removed it is gone");
	ok(contents_verify(home, sha, &cause) == ERR_MISSING, "a missing one is told: %s",
	   cause.words);
	contents_remove(home, sha);
	free(path);
}

static void test_refused(void)
{
	uint8_t sha[SHA256_LEN];
	struct cause cause = {""};
	uint64_t size;
	int before = how_many();

	ok(contents_add(home, "/nowhere/at all", sha, &size, NULL, NULL, &cause) == ERR_MISSING,
	   "no file: %s", cause.words);
	ok(contents_add(home, home, sha, &size, NULL, NULL, &cause) == ERR_INVALID,
	   "a directory: %s", cause.words);
	ok(truncate(source, (off_t)CONTENT_MAX + 1) == 0 &&
		   contents_add(home, source, sha, &size, NULL, NULL, &cause) == ERR_LIMIT,
	   "more than 1 GiB: %s", cause.words);
	ok(how_many() == before, "nothing of them is left");
	write_source(1000);
	contents_add(home, source, sha, &size, NULL, NULL, &cause);
	ok(contents_save(home, sha, "/nowhere/at all", &cause) == ERR_MISSING,
	   "a place that is not there: %s", cause.words);
	FILE *full = fopen("/dev/full", "wb");
	ok(!full || contents_print(home, sha, full, &cause) == ERR_FULL, "a full disk: %s",
	   cause.words);
	if (full)
		fclose(full);
}

/* Files of arrivals that are not whole. */
static bool nothing_is_coming(void)
{
	char command[400];
	snprintf(command, sizeof(command), "test -z \"$(ls '%s/documents' | grep coming)\"", home);
	return system(command) == 0;
}

static void test_left_over(void)
{
	uint8_t sha[SHA256_LEN];
	struct cause cause = {""};
	uint64_t size;
	char command[700];

	snprintf(command, sizeof(command),
		 "touch -d '2 days ago' '%s/documents/coming-old' && "
		 "touch '%s/documents/coming-new'",
		 home, home);
	ok(system(command) == 0 && contents_add(home, source, sha, &size, NULL, NULL, &cause) == 0,
	   "a document comes where others were interrupted");
	snprintf(command, sizeof(command),
		 "test ! -e '%s/documents/coming-old' && rm '%s/documents/coming-new'", home, home);
	ok(system(command) == 0,
	   "what one of two days ago left is removed, that of another program is not");
}

static void test_arrivals(void)
{
	struct arrival *a;
	struct cause cause = {""};
	uint8_t sha[SHA256_LEN];

	sha256(BYTES("hello, all", 10), sha);
	ok(arrival_open(&a, home, sha, 10, &cause) == 0, "an arrival is opened");
	arrival_add(a, BYTES("hello", 5), &cause);
	ok(!contents_has(home, sha, NULL) && arrival_size(a) == 5, "half of it is not there yet");
	arrival_drop(&a);
	ok(nothing_is_coming() && !contents_has(home, sha, NULL), "dropped, nothing of it is left");
	arrival_open(&a, home, sha, 10, &cause);
	arrival_add(a, BYTES("hello, ", 7), &cause);
	ok(arrival_add(a, BYTES("everybody", 9), &cause) == ERR_PROTO,
	   "more than there should be: %s", cause.words);
	arrival_add(a, BYTES("all", 3), &cause);
	ok(arrival_finish(&a, &cause) == 0 && !a && contents_has(home, sha, NULL),
	   "all of it gets its name");
	arrival_open(&a, home, sha, 10, &cause);
	arrival_add(a, BYTES("hello, you", 10), &cause);
	ok(arrival_finish(&a, &cause) == ERR_CORRUPT && contents_verify(home, sha, &cause) == 0 &&
		   nothing_is_coming(),
	   "something else does not replace it");
	ok(arrival_open(&a, home, sha, CONTENT_MAX + 1, &cause) == ERR_LIMIT && !a, "too large: %s",
	   cause.words);
}

int main(void)
{
	snprintf(home, sizeof(home), "%s/home", tap_dir());
	snprintf(source, sizeof(source), "%s/source", tap_dir());
	snprintf(target, sizeof(target), "%s/target", tap_dir());
	if (os_make_dir(home, NULL) < 0)
		return 1;
	ok(how_many() == 0, "an empty store holds nothing");
	static const size_t sizes[] = {0, 1, 65536, 300000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		test_in_and_out(sizes[i]);
	ok(how_many() == 4, "four documents are listed");
	test_damage();
	test_refused();
	test_left_over();
	test_arrivals();
	return tap_end();
}
