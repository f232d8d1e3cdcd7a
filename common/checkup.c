/*
 * The chunks first, then the rows that say which contents are whole. What hangs below a root is
 * walked once, whoever names it.
 */
#include "common/checkup.h"

#include "common/gather.h"
#include "common/store_inside.h"

#include <stdio.h>
#include <string.h>

enum { LOOKED_LACKING, LOOKED_WHOLE };

void checkup_fini(struct checkup *c)
{
	hashes_fini(&c->told);
	hashes_fini(&c->looked);
}

static bool checkup_fault(void *arg, enum store_fault what, const uint8_t *hash, const char *words)
{
	struct checkup *c = arg;

	(void)what;
	if (hash)
		hashes_put(&c->told, hash, 1);
	c->fault(c->arg, words);
	return c->mend;
}

int checkup_store(struct checkup *c)
{
	return store_check(c->store, checkup_fault, c);
}

struct below {
	struct checkup *checkup;
	bool whole;
};

static int checkup_chunk(void *arg, const uint8_t hash[SHA256_LEN], bool here)
{
	struct below *b = arg;
	struct checkup *c = b->checkup;
	char words[96];

	if (here)
		return 0;
	b->whole = false;
	snprintf(words, sizeof(words), "a part of a document is missing (%02x%02x%02x%02x)",
		 hash[0], hash[1], hash[2], hash[3]);
	if (!hashes_find(&c->told, hash))
		c->fault(c->arg, words);
	hashes_put(&c->told, hash, 1);
	return 0;
}

int checkup_content(struct checkup *c, const uint8_t root[SHA256_LEN])
{
	struct below b = {c, true};
	struct content content;
	const uint64_t *looked = hashes_find(&c->looked, root);

	if (looked)
		return *looked == LOOKED_WHOLE;
	int got = store_content(c->store, root, &content);
	if (got < 0)
		return got;
	bool single = got > 0 && content_is_single(&content);
	int err = content_each(c->store, root, single ? 0 : LEVEL_MAX, checkup_chunk, &b);
	if (err == 0 && !b.whole && c->mend)
		err = store_content_forget(c->store, root);
	hashes_put(&c->looked, root, b.whole ? LOOKED_WHOLE : LOOKED_LACKING);
	return err < 0 ? err : b.whole;
}

/* The roots in the rows, and whether all rows name a content. */
static int checkup_rows(struct checkup *c, struct buf *roots, bool *sound)
{
	struct db_stmt *st = db_query(c->store->db, "SELECT root, sha FROM content", "");
	uint8_t root[SHA256_LEN], sha[SHA256_LEN];
	int got;

	while ((got = db_step(st)) > 0) {
		bool named = db_hash(st, 0, root);
		if (named && db_hash(st, 1, sha)) {
			buf_add(roots, root, SHA256_LEN);
			continue;
		}
		*sound = false;
		c->fault(c->arg, "what is noted of a document that is here names no content");
		if (named)
			hashes_put(&c->looked, root, LOOKED_LACKING);
	}
	return got;
}

int checkup_contents(struct checkup *c)
{
	struct buf roots = {0};
	bool sound = true;
	int err = checkup_rows(c, &roots, &sound);

	if (err == 0 && !sound && c->mend)
		err = db_run(c->store->db,
			     "DELETE FROM content WHERE length(root) <> 32 OR length(sha) <> 32",
			     "");
	for (size_t i = 0; err >= 0 && i < roots.len; i += SHA256_LEN)
		err = checkup_content(c, roots.data + i);
	buf_fini(&roots);
	return err < 0 ? err : 0;
}
