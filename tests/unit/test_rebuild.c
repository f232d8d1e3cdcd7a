/*
 * Any file, any edit: cut into chunks and listed, it is rebuilt byte for byte; and an edit changes
 * few chunks, and few nodes of each level of the list.
 */
#include "tests/tap.h"
#include "tests/unit/paper.h"

enum { FILES = 24, EDITS = 20, MOST = 2 * 1024 * 1024, EDIT_MOST = 4000, LISTED = 20000 };

/* Chance that follows from a seed. */
static uint64_t roll(uint64_t *x, uint64_t below)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return below ? (*x >> 16) % below : 0;
}

/* All below a node or chunk, in order, behind what is in `out`. */
static bool rebuild(const struct paper *p, const uint8_t hash[SHA256_LEN], unsigned level,
		    struct buf *out)
{
	struct bytes part = paper_find(p, hash);
	struct node node;
	struct entry_of e;

	if (level == 0) {
		buf_add_bytes(out, part);
		return part.len > 0 || p->data.len == 0;
	}
	size_t before = out->len;
	if (node_read(&node, part) < 0 || node.level != level)
		return false;
	for (size_t i = 0; i < node.n; i++) {
		size_t at = out->len;
		node_entry(&node, i, &e);
		if (!rebuild(p, e.hash, level - 1, out) || out->len - at != e.bytes)
			return false;
	}
	return out->len - before == node.bytes;
}

static unsigned level_of(const struct paper *p)
{
	struct node node;
	bool single = content_is_single(&p->content);

	if (single || node_read(&node, paper_find(p, p->content.root)) < 0)
		return 0;
	return node.level;
}

static bool is_rebuilt(const struct paper *p)
{
	struct buf out = {0};
	bool same = rebuild(p, p->content.root, level_of(p), &out) &&
		    bytes_equal(buf_bytes(&out), buf_bytes(&p->data));

	buf_fini(&out);
	return same;
}

/* Parts of `b` that `a` has not. */
static size_t changed(const struct paper *a, const struct paper *b)
{
	uint8_t hash[SHA256_LEN];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		sha256(b->parts[i], hash);
		n += hashes_find(&a->index, hash) == NULL;
	}
	return n;
}

/* Bytes of several kinds: chance, runs of one byte, words that come again and again. */
static void fill(struct buf *b, uint64_t *x, size_t n)
{
	while (b->len < n) {
		size_t left = n - b->len, some = 1 + roll(x, left < 300000 ? left : 300000);
		unsigned kind = (unsigned)roll(x, 8);
		uint8_t byte = (uint8_t)roll(x, 256);
		if (kind > 1)
			paper_fill(b, *x, some);
		for (size_t i = 0; kind < 2 && i < some; i++)
			buf_add_u8(b, kind ? (uint8_t)("the minutes of "[i % 15]) : byte);
	}
}

enum edit { INSERT, DELETE, OVERWRITE, APPEND, TRUNCATE, EDIT_KINDS };

/* What a file is after an edit. */
static struct paper *edited(const struct paper *p, enum edit edit, uint64_t *x)
{
	struct paper *to = mem_alloc(sizeof(*to));
	size_t at = edit == APPEND ? p->data.len : roll(x, p->data.len + 1);
	size_t rest = p->data.len - at, some = 1 + roll(x, EDIT_MOST);
	size_t gone = edit == DELETE || edit == OVERWRITE ? some < rest ? some : rest
		      : edit == TRUNCATE		      ? rest
							      : 0;

	buf_add(&to->data, p->data.data, at);
	if (edit == INSERT || edit == OVERWRITE || edit == APPEND)
		paper_fill(&to->data, *x, edit == OVERWRITE ? gone : some);
	buf_add(&to->data, p->data.data + at + gone, rest - gone);
	paper_cut(to);
	return to;
}

static void test_sizes(void)
{
	static const size_t sizes[] = {0,
				       1,
				       2,
				       CHUNK_MIN - 1,
				       CHUNK_MIN,
				       CHUNK_MIN + 1,
				       2 * CHUNK_MIN - 1,
				       2 * CHUNK_MIN + 1,
				       CHUNK_MAX - 1,
				       CHUNK_MAX,
				       CHUNK_MAX + 1,
				       2 * CHUNK_MAX - 1,
				       2 * CHUNK_MAX,
				       2 * CHUNK_MAX + 1};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct paper *chance = paper_new(i + 1, sizes[i]), *same = mem_alloc(sizeof(*same));
		for (size_t k = 0; k < sizes[i]; k++)
			buf_add_u8(&same->data, 'x');
		paper_cut(same);
		ok(is_rebuilt(chance) && is_rebuilt(same), "%zu bytes are rebuilt", sizes[i]);
		paper_free(chance);
		paper_free(same);
	}
}

/* Each file is edited again and again, so that what is odd about it stays. */
static void test_edits(void)
{
	static const char *const names[] = {"an insertion", "a deletion", "overwriting",
					    "an addition", "a truncation"};
	size_t good = 0, n[EDIT_KINDS] = {0}, most[EDIT_KINDS] = {0}, sum[EDIT_KINDS] = {0};
	uint64_t x = UINT64_C(0x5eed0f5eed0f);

	for (int i = 0; i < FILES; i++) {
		struct paper *p = mem_alloc(sizeof(*p));
		fill(&p->data, &x, roll(&x, MOST));
		paper_cut(p);
		good += is_rebuilt(p);
		for (int k = 0; k < EDITS; k++) {
			enum edit edit = (enum edit)roll(&x, k < EDITS - 2 ? TRUNCATE : EDIT_KINDS);
			struct paper *to = edited(p, edit, &x);
			size_t parts = changed(p, to), nodes = level_of(to);
			parts -= parts < nodes ? parts : nodes; /* one of each level is to be */
			n[edit]++;
			sum[edit] += parts;
			most[edit] = parts > most[edit] ? parts : most[edit];
			good += is_rebuilt(to);
			paper_free(p);
			p = to;
		}
		paper_free(p);
	}
	ok(good == FILES * (EDITS + 1), "%zu files, edited in every way, are rebuilt", good);
	for (int e = 0; e < EDIT_KINDS; e++)
		ok(n[e] && most[e] <= 6 && sum[e] <= 3 * n[e],
		   "%s changes three chunks and nodes beside the path to them or less, never more "
		   "than six (%zu in %zu, at most %zu)",
		   names[e], sum[e], n[e], most[e]);
}

/* A list of so many chunks, of which only their hashes matter. */
static struct paper *list_of(const struct buf *hashes)
{
	struct paper *p = mem_alloc(sizeof(*p));
	struct listing *l = listing_new(paper_node, p);
	unsigned level;

	arena_init(&p->arena, ARENA_NO_BUDGET);
	for (size_t i = 0; i < hashes->len; i += SHA256_LEN)
		must(listing_add(l, hashes->data + i, 1 + hashes->data[i]) == 0);
	must(listing_end(l, p->content.root, &level) == 0);
	listing_free(&l);
	return p;
}

/* The hashes that a node lists in the end, in order; and where nodes of the lowest level begin. */
static bool list_read(const struct paper *p, const uint8_t hash[SHA256_LEN], struct buf *out,
		      struct buf *begins)
{
	struct node node;
	struct entry_of e;

	if (node_read(&node, paper_find(p, hash)) < 0)
		return false;
	if (node.level == 1)
		buf_add(begins, &out->len, sizeof(out->len));
	for (size_t i = 0; i < node.n; i++) {
		node_entry(&node, i, &e);
		if (node.level == 1)
			buf_add(out, e.hash, SHA256_LEN);
		else if (!list_read(p, e.hash, out, begins))
			return false;
	}
	return true;
}

/* One chunk put in, left out or another, at `at`: is it listed so, and how many nodes changed? */
static size_t list_edit(const struct paper *p, const struct buf *hashes, size_t at, int kind,
			uint64_t *x, bool *good)
{
	struct buf to = {0}, read = {0}, begins = {0};

	buf_add(&to, hashes->data, at);
	if (kind != DELETE)
		paper_fill(&to, roll(x, 0) + *x, SHA256_LEN);
	size_t from = kind == INSERT ? at : at + SHA256_LEN;
	buf_add(&to, hashes->data + from, hashes->len - from);
	struct paper *after = list_of(&to);
	*good = *good && list_read(after, after->content.root, &read, &begins) &&
		bytes_equal(buf_bytes(&read), buf_bytes(&to));
	size_t n = changed(p, after);
	paper_free(after);
	buf_fini(&to);
	buf_fini(&read);
	buf_fini(&begins);
	return n;
}

static void test_lists(void)
{
	struct buf hashes = {0}, read = {0}, begins = {0};
	size_t edits = 0, sum = 0, most = 0;
	uint64_t x = 77;
	bool good = true;

	paper_fill(&hashes, 7, (size_t)LISTED * SHA256_LEN);
	struct paper *p = list_of(&hashes);
	ok(list_read(p, p->content.root, &read, &begins) && begins.len / sizeof(size_t) > 20,
	   "a list of %d chunks has %zu nodes", LISTED, p->n_nodes);
	for (size_t i = 0; i < begins.len; i += 5 * sizeof(size_t)) {
		size_t begin;
		memcpy(&begin, begins.data + i, sizeof(begin));
		for (int k = -1; k <= 1; k++) {
			if (k < 0 && begin == 0)
				continue;
			size_t at = begin + (size_t)(k * SHA256_LEN);
			size_t n = list_edit(p, &hashes, at, (int)(edits % 3), &x, &good);
			edits++;
			sum += n;
			most = n > most ? n : most;
		}
	}
	ok(good, "a chunk changed where a node begins is listed so, and nothing else is");
	unsigned levels = level_of(p);
	ok(most <= 4 * levels && sum <= 2 * levels * edits,
	   "two nodes a level change or less, never more than four (%zu in %zu lists of %u levels, at "
	   "most %zu)",
	   sum, edits, levels, most);
	paper_free(p);
	buf_fini(&hashes);
	buf_fini(&read);
	buf_fini(&begins);
}

int main(void)
{
	test_sizes();
	test_edits();
	test_lists();
	return tap_end();
}
