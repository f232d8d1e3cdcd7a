/* What stands in a store and comes over the line of documents: nodes of a list, chunks that must be
 * expanded, files to cut. The first byte says which. */
#include "common/chunk.h"
#include "common/squeeze.h"
#include "common/store.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 50000;

static void take_node(struct bytes b)
{
	struct node node;
	struct entry_of e;
	uint64_t sum = 0;

	if (node_read(&node, b) < 0)
		return;
	must(node.n > 0 && node.entries.len == node.n * (SHA256_LEN + 8));
	for (size_t i = 0; i < node.n; i++) {
		node_entry(&node, i, &e);
		must(e.bytes > 0);
		sum += e.bytes;
	}
	must(sum == node.bytes);
}

/* The declared size is the room that it gets, to the byte. */
static void take_packed(struct bytes b, enum form form)
{
	struct squeezer *s = squeezer_new();
	uint32_t raw = b.len >= 4 ? read_u32be(b.data) % (CHUNK_MAX + 2) : 0;
	struct bytes packed = b.len >= 4 ? BYTES(b.data + 4, b.len - 4) : b;
	uint8_t *out = mem_alloc(raw ? raw : 1), hash[SHA256_LEN];
	struct buf back = {0};

	if (form == FORM_ZSTD && unsqueeze(s, packed, out, raw) == 0) {
		sha256(BYTES(out, raw), hash);
		must((store_unpack(s, hash, form, raw, packed, &back) == 0) ==
		     (raw <= CHUNK_MAX && packed.len <= CHUNK_MAX));
		hash[0] ^= 1;
	} else {
		memset(hash, 7, sizeof(hash));
	}
	must(store_unpack(s, hash, form, raw, packed, &back) < 0);
	squeezer_free(&s);
	buf_fini(&back);
	free(out);
}

static void take_file(struct bytes b)
{
	uint64_t gear[256];

	chunk_gear(gear);
	while (b.len) {
		size_t n = chunk_cut(gear, b, true);
		must(n > 0 && n <= b.len && n <= CHUNK_MAX);
		b = BYTES(b.data + n, b.len - n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > CHUNK_MAX * 2)
		return 0;
	struct bytes b = BYTES(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		take_node(b);
		break;
	case 1:
		take_packed(b, FORM_ZSTD);
		break;
	case 2:
		take_packed(b, FORM_RAW);
		break;
	default:
		take_file(b);
	}
	return 0;
}
