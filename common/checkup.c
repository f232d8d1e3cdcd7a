/*
 * The chunks first, then the rows that say which contents are whole. What hangs below a root is
 * walked once, whoever names it.
 */
#include "common/checkup.h"

#include "common/gather.h"
#include "common/store_inside.h"

#include <string.h>

enum {
	LOOKED_LACKING,
	LOOKED_WHOLE,
	NAMES_MOST = 3, /* of the documents that a fault is of */
	ABOVE_MOST = 512, /* lists that are looked at for them */
};

/* ---- Whose it is ---------------------------------------------------------------------------- */

void checkup_called(struct checkup_names *names, const char *words)
{
	const size_t len = strlen(words) + 1;

	for (size_t at = 0; at < names->words.len;) {
		const char *said = (const char *)names->words.data + at;
		if (strcmp(said, words) == 0)
			return;
		at += strlen(said) + 1;
	}
	if (names->n++ < NAMES_MOST)
		buf_add(&names->words, words, len);
}

static int checkup_above(void *arg, const uint8_t parent[SHA256_LEN])
{
	struct buf *above = arg;

	for (size_t at = 0; at < above->len; at += SHA256_LEN)
		if (memcmp(above->data + at, parent, SHA256_LEN) == 0)
			return 0;
	if (above->len < ABOVE_MOST * SHA256_LEN)
		buf_add(above, parent, SHA256_LEN);
	return 0;
}

/* The documents that need a chunk: those that it is all of, and those of the lists above it. */
static int checkup_whose(struct checkup *c, const uint8_t hash[SHA256_LEN],
			 struct checkup_names *names)
{
	struct buf above = {0};
	int err = 0;

	buf_add(&above, hash, SHA256_LEN);
	for (size_t at = 0; err >= 0 && at < above.len; at += SHA256_LEN) {
		uint8_t one[SHA256_LEN];
		memcpy(one, above.data + at, SHA256_LEN);
		err = c->call(c->call_arg, one, names);
		if (err >= 0)
			err = store_parents(c->store, one, checkup_above, &above);
	}
	buf_fini(&above);
	return err < 0 ? err : 0;
}

/* The documents that a fault is of, in words behind what it is. */
static void checkup_say_whose(struct checkup *c, const uint8_t hash[SHA256_LEN], struct buf *line)
{
	struct checkup_names names = {{0}, 0};

	if (checkup_whose(c, hash, &names) == 0 && names.n == 0)
		buf_add_text(line, "; no document that is listed here needs it");
	for (size_t at = 0; at < names.words.len;) {
		const char *said = (const char *)names.words.data + at;
		buf_add_text(line, "%s %s", at ? "," : ":", said);
		at += strlen(said) + 1;
	}
	if (names.n > NAMES_MOST)
		buf_add_text(line, " and %zu more", names.n - NAMES_MOST);
	buf_fini(&names.words);
}

/* ---- Telling -------------------------------------------------------------------------------- */

/* Chunks that the same is to be told of. */
struct fault {
	enum store_fault what;
	uint8_t first[SHA256_LEN];
	size_t n;
	struct buf whose;
};

static void checkup_note(struct checkup *c, enum store_fault what, const uint8_t hash[SHA256_LEN])
{
	struct fault f = {.what = what, .n = 1};
	uint8_t key[SHA256_LEN];

	hashes_put(&c->told, hash, 1);
	checkup_say_whose(c, hash, &f.whose);
	buf_add_u8(&f.whose, (uint8_t)what);
	sha256(buf_bytes(&f.whose), key);
	f.whose.len--;
	const uint64_t *same = hashes_find(&c->told_of, key);
	if (same) {
		((struct fault *)(void *)(c->faults.data + *same))->n++;
		buf_fini(&f.whose);
		return;
	}
	memcpy(f.first, hash, SHA256_LEN);
	hashes_put(&c->told_of, key, c->faults.len);
	buf_add(&c->faults, &f, sizeof(f));
}

static void fault_tell(struct checkup *c, const struct fault *f)
{
	const char *what = f->what == STORE_MISSING ? "missing" : "damaged";
	struct buf line = {0};

	if (f->n > 1)
		buf_add_text(&line, "%zu parts of a document are %s", f->n, what);
	else
		buf_add_text(&line, "a part of a document is %s (%02x%02x%02x%02x)", what,
			     f->first[0], f->first[1], f->first[2], f->first[3]);
	buf_add_bytes(&line, buf_bytes(&f->whose));
	buf_add_u8(&line, 0);
	c->fault(c->arg, (const char *)line.data);
	buf_fini(&line);
}

void checkup_end(struct checkup *c)
{
	for (size_t at = 0; at < c->faults.len; at += sizeof(struct fault)) {
		struct fault *f = (struct fault *)(void *)(c->faults.data + at);
		fault_tell(c, f);
		buf_fini(&f->whose);
	}
	buf_fini(&c->faults);
	hashes_fini(&c->told_of);
	hashes_fini(&c->told);
	hashes_fini(&c->looked);
}

/* ---- Checking ------------------------------------------------------------------------------- */

static bool checkup_fault(void *arg, enum store_fault what, const uint8_t *hash, const char *words)
{
	struct checkup *c = arg;

	if (hash)
		checkup_note(c, what, hash);
	else
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

	if (here)
		return 0;
	b->whole = false;
	if (!hashes_find(&c->told, hash))
		checkup_note(c, STORE_MISSING, hash);
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

static void checkup_tell_row(struct checkup *c, const uint8_t *root)
{
	struct buf line = {0};

	buf_add_text(&line, "what is noted of a document that is here names no content");
	if (root)
		checkup_say_whose(c, root, &line);
	buf_add_u8(&line, 0);
	c->fault(c->arg, (const char *)line.data);
	buf_fini(&line);
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
		if (named)
			hashes_put(&c->looked, root, LOOKED_LACKING);
		checkup_tell_row(c, named ? root : NULL);
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
