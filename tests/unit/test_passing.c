/* What passes through a pack does not stay in the system's cache. */
#include "common/passing.h"

#include "tests/unit/store_bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 24 * 1024 * 1024, STAYS = 2 * PASSING_BLOCK };

/* How many bytes of a file are in the cache. */
static size_t cached(const char *path)
{
	static unsigned char pages[2 * SIZE / 4096];
	int fd = open(path, O_RDONLY);
	struct stat st;
	size_t n = 0;

	must(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < 2 * SIZE);
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED && mincore(map, (size_t)st.st_size, pages) == 0);
	for (size_t i = 0; i < ((size_t)st.st_size + 4095) / 4096; i++)
		n += pages[i] & 1 ? 4096 : 0;
	munmap(map, (size_t)st.st_size);
	close(fd);
	return n;
}

/* A file in memory, as of tmpfs, can't be let go. */
static bool disk_lets_go(void)
{
	static const uint8_t page[4096] = {1};
	char *path = mem_format("%s/page", tap_dir());
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	must(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page) && fsync(fd) == 0);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	bool gone = cached(path) == 0;
	close(fd);
	free(path);
	return gone;
}

static void read_back(struct bench *b, const struct paper *p, size_t from, size_t to)
{
	struct buf out = {0};
	uint8_t hash[SHA256_LEN];
	bool same = true;

	for (size_t i = from; i < to; i++) {
		sha256(p->parts[i], hash);
		same = same && store_get(b->store, hash, &out) == 0 &&
		       bytes_equal(buf_bytes(&out), p->parts[i]);
	}
	ok(same, "what was let go is on the disk");
	buf_fini(&out);
}

static void put_all(struct bench *b, const struct paper *p, bool unchecked)
{
	uint8_t hash[SHA256_LEN];
	struct node node;

	for (size_t i = 0; i < p->n; i++) {
		bool is_node = node_read(&node, p->parts[i]) == 0;
		sha256(p->parts[i], hash);
		if (unchecked && !is_node)
			must(store_put_unchecked(b->store, hash, p->parts[i], NULL, NULL) == 0);
		else
			must(store_put_raw(b->store, hash, is_node, p->parts[i], NULL) == 0);
	}
	bench_sync(b);
}

static void test_passing(const struct paper *p, bool goes)
{
	struct bench b;

	bench_open(&b, "passing");
	put_all(&b, p, true);
	char *pack = mem_format("%s/documents/pack-1", b.dir);
	size_t wrote = cached(pack);
	ok(!goes || wrote <= STAYS, "of a large content that came little stays (%zu KiB of %d)",
	   wrote / 1024, SIZE / 1024);
	read_back(&b, p, 0, 2);
	size_t few = cached(pack);
	ok(!goes || few > 0, "what was read of a few chunks stays (%zu KiB)", few / 1024);
	read_back(&b, p, 0, p->n);
	size_t all = cached(pack);
	ok(!goes || all <= STAYS, "of all that was read little stays (%zu KiB)", all / 1024);
	free(pack);
	bench_close(&b);
}

static void test_stays(const struct paper *p, bool goes)
{
	struct bench b;

	bench_open(&b, "stays");
	put_all(&b, p, false);
	char *pack = mem_format("%s/documents/pack-1", b.dir);
	size_t wrote = cached(pack);
	ok(!goes || wrote > SIZE / 2, "what was put here stays until it is read (%zu KiB)",
	   wrote / 1024);
	read_back(&b, p, 0, p->n);
	size_t all = cached(pack);
	ok(!goes || all <= STAYS, "and no longer (%zu KiB)", all / 1024);
	free(pack);
	bench_close(&b);
}

int main(void)
{
	struct paper *p = paper_new(7, SIZE);
	bool goes = disk_lets_go();

	if (!goes)
		note("files here are in memory: only the bytes are looked at");
	test_passing(p, goes);
	test_stays(p, goes);
	paper_free(p);
	return tap_end();
}
