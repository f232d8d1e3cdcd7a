/*
 * The store of chunks: what goes in comes out, a crash leaves nothing half, garbage goes and
 * nothing else, and every damage is found.
 */
#include "tests/unit/store_bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Put a paper's chunks and nodes; it is whole then. */
static void put_paper(struct bench *b, const struct paper *p)
{
	struct node node;
	uint8_t hash[SHA256_LEN];

	for (size_t i = 0; i < p->n; i++) {
		sha256(p->parts[i], hash);
		bool is_node = p->n > 1 && node_read(&node, p->parts[i]) == 0;
		must(store_put_raw(b->store, hash, is_node, p->parts[i], NULL) == 0);
	}
	must(db_begin(b->db) == 0 && store_sync(b->store, NULL) == 0 &&
	     store_content_set(b->store, &p->content) == 0 && db_commit(b->db) == 0);
}

static int same_row(void *arg, struct bytes chunk)
{
	struct bytes *rest = arg;
	if (chunk.len > rest->len || (chunk.len && memcmp(chunk.data, rest->data, chunk.len) != 0))
		return ERR_INVALID;
	*rest = BYTES(rest->data + chunk.len, rest->len - chunk.len);
	return 0;
}

/* Whatever the file and the edit, what is rebuilt from chunks is the file. */
static void test_identity(void)
{
	struct bench b;
	size_t good = 0, n = 40;

	bench_open(&b, "identity");
	for (size_t i = 0; i < n; i++) {
		struct paper *p = mem_alloc(sizeof(*p));
		paper_fill(&p->data, i / 8 + 1, i % 8 * 90001);
		if (i % 3 == 0) /* runs that compress, in the middle of what does not */
			for (size_t k = 0; k < i * 3000; k++)
				buf_add_u8(&p->data, (uint8_t)(k / 1000));
		paper_fill(&p->data, i, i * i * 77);
		paper_cut(p);
		put_paper(&b, p);
		struct bytes rest = buf_bytes(&p->data);
		good += content_read(b.store, &p->content, same_row, &rest) == 0 && rest.len == 0;
		paper_free(p);
	}
	ok(good == n, "of %zu files each is rebuilt from its chunks", n);
	ok(count(&b, "SELECT count(*) FROM chunk WHERE form = 1") > 0, "some are packed");
	bench_close(&b);
}

static void test_crash(void)
{
	struct paper *p = paper_new(1, 500000), *q = paper_new(2, 500000);
	struct bench b;
	struct stored is;
	uint8_t hash[SHA256_LEN];

	bench_open(&b, "crash");
	put_paper(&b, p);
	for (size_t i = 0; i < q->n; i++) {
		sha256(q->parts[i], hash);
		must(store_put_raw(b.store, hash, false, q->parts[i], NULL) == 0);
	}
	ok(store_find(b.store, hash, &is) == 1, "what was put is found before it is synced");
	must(db_begin(b.db) == 0 && store_sync(b.store, NULL) == 0);
	db_rollback(b.db);
	bench_close(&b);
	bench_open(&b, "crash");
	ok(store_find(b.store, hash, &is) == 0, "after a crash it is not there");
	ok(content_read(b.store, &p->content, NULL, NULL) == 0, "what was committed is");
	put_paper(&b, q);
	ok(content_read(b.store, &p->content, NULL, NULL) == 0 &&
		   content_read(b.store, &q->content, NULL, NULL) == 0,
	   "and more is put behind it");
	bench_close(&b);
	paper_free(p);
	paper_free(q);
}

/* Keep the roots that are in the set. */
static int keep(void *arg, const uint8_t hash[SHA256_LEN], uint64_t day)
{
	(void)day;
	return hashes_find(arg, hash) ? 1 : 0;
}

static void collect(struct bench *b, struct hashes *kept)
{
	uint8_t from[SHA256_LEN] = {0};
	int more = 1;

	while (more > 0) {
		must(db_begin(b->db) == 0);
		more = store_sweep(b->store, from, 7, keep, kept);
		must(more >= 0 && store_reap(b->store, SIZE_MAX, keep, kept) == 0);
		must(db_commit(b->db) == 0);
	}
	do {
		must(db_begin(b->db) == 0);
		more = store_scrub(b->store, 3);
		if (more == 0)
			more = store_compact(b->store, 5);
		must(more >= 0 && db_commit(b->db) == 0);
	} while (more > 0);
}

/* Is there a trace of these bytes in any pack? */
static bool is_on_disk(struct bench *b, struct bytes bytes)
{
	bool found = false;

	for (int n = 1; n < 10 && !found; n++) {
		struct buf pack = {0};
		char *path = mem_format("%s/documents/pack-%d", b->dir, n);
		if (os_read_file(path, 1 << 28, &pack, NULL) == 0)
			found = memmem(pack.data, pack.len, bytes.data, bytes.len) != NULL;
		buf_fini(&pack);
		free(path);
	}
	return found;
}

static void test_garbage(void)
{
	struct paper *a = paper_new(1, 4000000), *c = paper_new(3, 5000);
	struct paper *b2 = mem_alloc(sizeof(*b2)); /* the second half of `a`, and something else */
	struct hashes kept = {0};
	struct bench b;
	struct bytes secret = BYTES(a->data.data + 1000, 64);

	buf_add(&b2->data, a->data.data + 2000000, 2000000);
	paper_fill(&b2->data, 9, 100000);
	paper_cut(b2);
	bench_open(&b, "garbage");
	put_paper(&b, a);
	put_paper(&b, b2);
	put_paper(&b, c);
	hashes_put(&kept, b2->content.root, 1);
	hashes_put(&kept, c->content.root, 1);
	ok(is_on_disk(&b, secret), "a content is on disk");
	collect(&b, &kept);
	ok(content_read(b.store, &b2->content, NULL, NULL) == 0 &&
		   content_read(b.store, &c->content, NULL, NULL) == 0,
	   "what is named stays, chunks that it shares too");
	ok(content_read(b.store, &a->content, NULL, NULL) == ERR_MISSING && !is_on_disk(&b, secret),
	   "what is not goes, from the disk too");
	ok(count(&b, "SELECT count(*) FROM hole") == 0 &&
		   count(&b, "SELECT count(*) FROM edge WHERE NOT EXISTS"
			     " (SELECT 1 FROM chunk WHERE hash = parent)") == 0,
	   "nothing is left to do");
	hashes_clear(&kept);
	collect(&b, &kept);
	ok(count(&b, "SELECT count(*) FROM chunk") == 0, "in the end there is nothing");
	put_paper(&b, a);
	ok(content_read(b.store, &a->content, NULL, NULL) == 0, "and it can come again");
	bench_close(&b);
	hashes_fini(&kept);
	paper_free(a);
	paper_free(b2);
	paper_free(c);
}

/* A list was damaged and taken out, and may come back or not. */
static void test_lost_list(void)
{
	struct paper *a = paper_new(21, 24000000); /* a list of lists */
	struct hashes kept = {0};
	struct node root;
	struct entry_of list;
	struct bench b;

	must(node_read(&root, paper_find(a, a->content.root)) == 0 && root.level == 2);
	node_entry(&root, 0, &list);
	bench_open(&b, "lost");
	put_paper(&b, a);
	int64_t all = count(&b, "SELECT count(*) FROM chunk");
	must(db_begin(b.db) == 0 && store_take_out(b.store, list.hash) == 0 &&
	     store_take_out(b.store, a->content.root) == 0 && db_commit(b.db) == 0);
	hashes_put(&kept, a->content.root, 1);
	collect(&b, &kept);
	ok(count(&b, "SELECT count(*) FROM chunk") == all - 2,
	   "what lists that are lost had listed stays while the document is named");
	must(db_begin(b.db) == 0 &&
	     store_put_raw(b.store, list.hash, true, paper_find(a, list.hash), NULL) == 0 &&
	     store_put_raw(b.store, a->content.root, true, paper_find(a, a->content.root), NULL) ==
		     0 &&
	     db_commit(b.db) == 0);
	bench_sync(&b);
	ok(content_read(b.store, &a->content, NULL, NULL) == 0, "with the lists it is whole again");
	must(db_begin(b.db) == 0 && store_take_out(b.store, list.hash) == 0 &&
	     store_take_out(b.store, a->content.root) == 0 && db_commit(b.db) == 0);
	hashes_clear(&kept);
	collect(&b, &kept);
	ok(count(&b, "SELECT count(*) FROM chunk") == 0 &&
		   count(&b, "SELECT count(*) FROM edge") == 0,
	   "once nobody names it all of it goes, though the lists never came back");
	bench_close(&b);
	hashes_fini(&kept);
	paper_free(a);
}

static int is_parent(void *arg, const uint8_t parent[SHA256_LEN])
{
	return memcmp(parent, arg, SHA256_LEN) == 0;
}

/* The bytes of a node were kept as some file's before, in another form than they come in now. */
static void test_node_in_two_forms(void)
{
	struct paper *p = paper_new(13, 4000000);
	struct bytes list = p->parts[p->n - 1];
	struct buf packed = {0}, raw = {0};
	struct node node;
	struct entry_of e;
	uint8_t root[SHA256_LEN];
	struct bench b;

	sha256(list, root);
	must(node_read(&node, list) == 0);
	node_entry(&node, 0, &e);
	for (int raw_first = 0; raw_first < 2; raw_first++) {
		bench_open(&b, raw_first ? "raw-first" : "packed-first");
		must(squeeze(store_squeezer(b.store), list, &packed));
		must(store_unpack(store_squeezer(b.store), root, FORM_ZSTD, (uint32_t)list.len,
				  buf_bytes(&packed), &raw) == 0);
		for (int as_node = 0; as_node < 2; as_node++) {
			bool is_raw = raw_first != as_node;
			must(store_put(b.store, root, as_node, is_raw ? FORM_RAW : FORM_ZSTD,
				       (uint32_t)list.len, is_raw ? list : buf_bytes(&packed),
				       NULL) == 0);
			bench_sync(&b);
		}
		ok(store_parents(b.store, e.hash, is_parent, root) == 1 &&
			   store_get(b.store, root, &raw) == 0 &&
			   bytes_equal(buf_bytes(&raw), list),
		   "a chunk that was kept %s is a node, too, when it comes the other way",
		   raw_first ? "as it is" : "packed");
		bench_close(&b);
	}
	buf_fini(&packed);
	buf_fini(&raw);
	paper_free(p);
}

enum { DAMAGES = 10000 };

/* One damage for each chunk: a bit of its bytes or of its header, or its end cut to nothing. */
static void damage(struct bench *b)
{
	char *path = mem_format("%s/documents/pack-1", b->dir);
	int fd = open(path, O_RDWR);
	struct db_stmt *st = db_query(b->db, "SELECT at, size FROM chunk ORDER BY at", "");
	size_t i = 0;

	must(fd >= 0);
	for (; db_step(st) == 1; i++) {
		uint64_t at = (uint64_t)db_int(st, 0), size = 44 + (uint64_t)db_int(st, 1);
		uint64_t place = at + (i * 7919) % size;
		uint8_t byte;
		must(pread(fd, &byte, 1, (off_t)place) == 1);
		byte ^= (uint8_t)(1u << i % 8);
		must(pwrite(fd, &byte, 1, (off_t)place) == 1);
	}
	close(fd);
	free(path);
}

static void test_damage(void)
{
	struct found clean = {0}, found = {0}, mended = {.mend = true}, after = {0};
	struct bench b;
	uint8_t hash[SHA256_LEN];

	bench_open(&b, "damage");
	for (uint32_t i = 0; i < DAMAGES; i++) {
		struct buf data = {0};
		paper_fill(&data, i + 1, 20 + i % 400);
		sha256(buf_bytes(&data), hash);
		must(store_put_raw(b.store, hash, false, buf_bytes(&data), NULL) == 0);
		buf_fini(&data);
	}
	bench_sync(&b);
	ok(store_check(b.store, note_fault, &clean) == 0 && clean.damaged + clean.stray == 0,
	   "a sound store has no faults");
	damage(&b);
	must(store_check(b.store, note_fault, &found) == 0);
	ok(found.damaged == DAMAGES, "of %d damages %zu are found", DAMAGES, found.damaged);
	must(db_begin(b.db) == 0);
	ok(store_check(b.store, note_fault, &mended) == 0, "they are taken out");
	must(db_commit(b.db) == 0 && db_begin(b.db) == 0);
	while (store_scrub(b.store, 1000) > 0)
		;
	must(db_commit(b.db) == 0);
	ok(store_check(b.store, note_fault, &after) == 0 && after.damaged + after.stray == 0 &&
		   count(&b, "SELECT count(*) FROM chunk") == 0,
	   "so that they can come again");
	bench_close(&b);
}

static void test_stray_and_missing(void)
{
	struct paper *p = paper_new(4, 900000);
	struct found found = {0}, gone = {0};
	struct bench b;

	bench_open(&b, "stray");
	put_paper(&b, p);
	must(db_begin(b.db) == 0);
	must(db_run(b.db, "DELETE FROM chunk WHERE hash = (SELECT hash FROM chunk LIMIT 1)", "") ==
		     0 &&
	     db_commit(b.db) == 0);
	ok(store_check(b.store, note_fault, &found) == 0 && found.stray == 1,
	   "bytes that no table names are found");
	char *path = mem_format("%s/documents/pack-1", b.dir);
	bench_close(&b);
	must(unlink(path) == 0);
	free(path);
	bench_open(&b, "stray");
	ok(store_check(b.store, note_fault, &gone) == 0 && gone.missing == p->n - 1,
	   "a pack that is gone is missed, chunk by chunk");
	bench_close(&b);
	paper_free(p);
}

/* What a gathering asked for. */
struct asked {
	uint8_t hashes[GATHER_CHUNKS][SHA256_LEN];
	size_t n;
};

static void ask(void *arg, const uint8_t hash[SHA256_LEN], const uint8_t *parent)
{
	struct asked *a = arg;

	(void)parent;
	must(a->n < GATHER_CHUNKS);
	memcpy(a->hashes[a->n++], hash, SHA256_LEN);
}

/* The last that was asked for is brought. */
static void bring(struct bench *b, struct gather *g, const struct paper *p, struct asked *a)
{
	const uint64_t *at = hashes_find(&p->index, a->hashes[--a->n]);
	struct bytes part = p->parts[*at], raw;
	struct arrived chunk = {a->hashes[a->n], FORM_RAW, (uint32_t)part.len, part};
	struct buf room = {0};
	bool node = false;

	must(gather_awaits(g, chunk.hash, &node) &&
	     gather_put(g, node, &chunk, &room, &raw, NULL) >= 0 &&
	     gather_take(g, chunk.hash, raw, NULL) == 0);
	buf_fini(&room);
	bench_sync(b);
}

static void test_gathered(void)
{
	struct paper *p = paper_new(31, 2 * 1024 * 1024);
	static struct asked a;
	struct gather_ops ops = {.want = ask, .arg = &a, .by_list = true};
	struct bench b;

	bench_open(&b, "gathered");
	struct gather *g = gather_new(b.store, &p->content, &ops);
	while (gather_work(g, SIZE_MAX, NULL) == 1 || a.n == 1) /* the list comes first */
		if (a.n)
			bring(&b, g, p, &a);
	size_t asked = a.n;
	ok(asked > 10 && gather_came(g) == 0 && gather_found(g) == 0,
	   "%zu chunks are asked for, and none has come", asked);
	while (a.n > 1)
		bring(&b, g, p, &a);
	uint64_t came = gather_came(g), first = p->parts[*hashes_find(&p->index, a.hashes[0])].len;
	ok(came == p->content.bytes - first && gather_work(g, SIZE_MAX, NULL) == 0,
	   "what came counts at once, though the first is the last to come");
	gather_free(&g);
	a.n = 0;
	g = gather_new(b.store, &p->content, &ops);
	while (gather_work(g, SIZE_MAX, NULL) == 1)
		;
	ok(gather_found(g) == came && gather_came(g) == 0 && a.n == 1,
	   "whoever goes on finds it, and asks for the first alone");
	bring(&b, g, p, &a);
	while (gather_work(g, SIZE_MAX, NULL) == 1)
		;
	ok(gather_work(g, SIZE_MAX, NULL) == 2 && gather_came(g) == first,
	   "then all is here: each byte was found or came");
	gather_free(&g);
	bench_close(&b);
	paper_free(p);
}

int main(void)
{
	test_identity();
	test_node_in_two_forms();
	test_crash();
	test_garbage();
	test_lost_list();
	test_damage();
	test_stray_and_missing();
	test_gathered();
	return tap_end();
}
