/* Cutting and listing: boundaries, what an edit changes, and nodes from outside. */
#include "tests/tap.h"
#include "tests/unit/paper.h"

static void test_boundaries(void)
{
	static const size_t sizes[] = {0,
				       1,
				       CHUNK_MIN - 1,
				       CHUNK_MIN,
				       CHUNK_MIN + 1,
				       CHUNK_MAX - 1,
				       CHUNK_MAX,
				       CHUNK_MAX + 1,
				       1000003};
	uint64_t gear[256];

	chunk_gear(gear);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct paper *p = paper_new(i + 1, sizes[i]);
		size_t sum = 0;
		bool fit = true;
		for (size_t k = 0; k < p->n; k++) {
			struct node node;
			if (p->n > 1 && node_read(&node, p->parts[k]) == 0)
				continue;
			sum += p->parts[k].len;
			fit = fit && p->parts[k].len <= CHUNK_MAX;
		}
		ok(sum == sizes[i] && fit, "%zu bytes are cut into chunks that hold them all",
		   sizes[i]);
		paper_free(p);
	}
	uint8_t *zeros = mem_alloc(CHUNK_MAX + 1);
	ok(chunk_cut(gear, BYTES(zeros, CHUNK_MAX + 1), false) == CHUNK_MAX,
	   "where nothing says where to cut, the largest chunk is cut");
	ok(chunk_cut(gear, BYTES(zeros, 1000), false) == 0, "too few bytes can't tell");
	ok(chunk_cut(gear, BYTES(zeros, 1000), true) == 1000, "unless they are the last");
	free(zeros);
}

/* However the bytes come, they are cut at the same places. */
static void test_streaming(void)
{
	struct paper *p = paper_new(9, 2000000);
	uint64_t gear[256];
	size_t at = 0, end = 0, i = 0;
	bool same = true;

	chunk_gear(gear);
	while (at < p->data.len) {
		size_t n = chunk_cut(gear, BYTES(p->data.data + at, end - at), end == p->data.len);
		if (n == 0) {
			end = end + 7001 < p->data.len ? end + 7001 : p->data.len;
			continue;
		}
		struct node node;
		while (node_read(&node, p->parts[i]) == 0)
			i++;
		same = same && p->parts[i++].len == n;
		at += n;
	}
	ok(same, "a stream is cut as the whole is");
	paper_free(p);
}

/* What of `b` is not in `a`, in bytes. */
static size_t lacking(const struct paper *a, const struct paper *b, size_t *parts)
{
	uint8_t hash[SHA256_LEN];
	size_t sum = 0;

	*parts = 0;
	for (size_t i = 0; i < b->n; i++) {
		sha256(b->parts[i], hash);
		if (hashes_find(&a->index, hash))
			continue;
		sum += b->parts[i].len;
		++*parts;
	}
	return sum;
}

static void test_edit(void)
{
	struct paper *a = paper_new(3, 30000000), *b = mem_alloc(sizeof(*b));
	size_t parts;

	buf_add(&b->data, a->data.data, 50000);
	paper_fill(&b->data, 4, 1024);
	buf_add(&b->data, a->data.data + 50000, a->data.len - 50000);
	paper_cut(b);
	size_t bytes = lacking(a, b, &parts);
	ok(bytes < 300000 && parts <= 6,
	   "1 KiB put in near the start of 30 MB changes %zu bytes in %zu chunks and nodes", bytes,
	   parts);
	ok(a->n_nodes > 3, "though the list has %zu nodes", a->n_nodes);
	paper_free(a);
	paper_free(b);
}

static void test_nodes(void)
{
	struct paper *p = paper_new(6, 3000000);
	struct bytes root = paper_find(p, p->content.root);
	struct buf b = {0};
	struct node node;

	ok(node_read(&node, root) == 0 && node.bytes == p->content.bytes,
	   "the root tells how many bytes are below it");
	for (size_t n = 0; n < root.len; n++)
		if ((n < NODE_HEADER + NODE_ENTRY || (n - NODE_HEADER) % NODE_ENTRY) &&
		    node_read(&node, BYTES(root.data, n)) == 0)
			ok(false, "cut short at %zu it is a node", n);
	static const struct {
		size_t at;
		uint8_t byte;
		const char *what;
	} rows[] = {{0, 2, "another format"},
		    {1, 0, "a level below 1"},
		    {1, LEVEL_MAX + 1, "a level above the most"},
		    {NODE_HEADER + SHA256_LEN, 0x80, "an entry of more bytes than anything has"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_reset(&b);
		buf_add_bytes(&b, root);
		b.data[rows[i].at] = rows[i].byte;
		ok(node_read(&node, buf_bytes(&b)) == ERR_INVALID, "%s is no node", rows[i].what);
	}
	buf_fini(&b);
	paper_free(p);
}

static void test_hashes(void)
{
	struct hashes h = {0};
	uint8_t hash[SHA256_LEN];
	size_t found = 0, gone = 0;

	for (uint32_t i = 0; i < 5000; i++) {
		sha256(BYTES(&i, sizeof(i)), hash);
		hashes_put(&h, hash, i);
	}
	for (uint32_t i = 0; i < 5000; i += 2) {
		sha256(BYTES(&i, sizeof(i)), hash);
		gone += hashes_remove(&h, hash);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		sha256(BYTES(&i, sizeof(i)), hash);
		const uint64_t *v = hashes_find(&h, hash);
		found += i % 2 ? v && *v == i : v == NULL;
	}
	ok(gone == 2500 && found == 5000 && h.n == 2500, "a set keeps what was not removed");
	ok(!hashes_remove(&h, hash) || h.n == 2499, "and counts");
	hashes_fini(&h);
}

/* A file that is a list, which is one chunk otherwise. */
static void test_list_as_file(void)
{
	struct paper *list = paper_new(4, 4000000), *file = mem_alloc(sizeof(*file));
	struct bytes root = paper_find(list, list->content.root);

	must(node_is(root));
	buf_add_bytes(&file->data, root);
	paper_cut(file);
	ok(file->n == 3 && file->n_nodes == 1 && file->parts[0].len == 1 &&
		   !node_is(file->parts[1]) && file->content.bytes == root.len,
	   "a file that could pass for a list is cut in two that could not");
	paper_free(file);
	paper_free(list);
}

int main(void)
{
	test_boundaries();
	test_list_as_file();
	test_streaming();
	test_edit();
	test_nodes();
	test_hashes();
	return tap_end();
}
