/* The text of documents in the search index: see texts.h. */
#include "client/texts.h"

#include "client/copy_inside.h"
#include "client/extractor.h"
#include "common/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_HEAD = 1024 };

static bool text_content(struct db_stmt *st, struct content *out)
{
	return contents_named(out, db_bytes(st, 1), db_bytes(st, 0), (uint64_t)db_int(st, 2));
}

/* A content that is whole here and was not read. 1, 0 or an error. */
static int texts_next(struct copy *copy, struct content *out)
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT root, sha, bytes FROM content WHERE root NOT IN"
				      " (SELECT root FROM document_text) LIMIT 1",
				      "");
	int got = db_step(st);

	if (got <= 0)
		return got;
	bool whole = text_content(st, out);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int texts_pending(struct copy *copy)
{
	struct content c;
	return texts_next(copy, &c);
}

/* The document's bytes into a file without a name, and that to the reader. 0: `text` is what it
 * holds, perhaps nothing; ERR_MISSING, or an error of ours. */
static int text_extract(struct copy *copy, const struct content *c, struct buf *text,
			struct cause *cause)
{
	int fd = c->bytes <= EXTRACTOR_MAX ? os_scratch(copy_home(copy), cause) : ERR_LIMIT;
	FILE *file = fd >= 0 ? fdopen(fd, "w+b") : NULL;

	if (fd == ERR_LIMIT)
		return 0;
	if (!file)
		return fd < 0 ? fd : cause_set(cause, ERR_IO, "no file: %s", strerror(errno));
	int err = contents_print(copy, c, file, cause);
	if (err == 0 && fflush(file) != 0)
		err = cause_set(cause, errno == ENOSPC ? ERR_FULL : ERR_IO,
				"a document can't be read for the search: %s", strerror(errno));
	if (err == 0 && extractor_run(fd, text, cause) == ERR_MISSING)
		err = ERR_MISSING;
	fclose(file);
	return err;
}

/* What the Versions of this content say is looked at again. */
static int text_stale(struct copy *copy, const struct content *c)
{
	return db_run(copy_db(copy),
		      "INSERT OR IGNORE INTO stale (record, slot) SELECT v.id, h.slot"
		      " FROM \"version\" v JOIN held h ON h.space = v.space"
		      " WHERE v.chunks = $1 OR v.content = $1",
		      "b", BYTES(c->root, SHA256_LEN));
}

/* What can be read of a content; empty: nothing. In the open transaction. */
static int text_note(struct copy *copy, const uint8_t root[SHA256_LEN], struct bytes text)
{
	return db_run(copy_db(copy),
		      "INSERT OR REPLACE INTO document_text (root, text) VALUES ($1, $2)", "bb",
		      BYTES(root, SHA256_LEN), text);
}

static int text_store(struct copy *copy, const struct content *c, struct bytes text)
{
	int err = copy_begin(copy);

	if (err == 0)
		err = text_note(copy, c->root, text);
	if (err == 0 && text.len)
		err = text_stale(copy, c);
	if (err == 0)
		return copy_commit(copy);
	copy_rollback(copy);
	return err;
}

/* ---- What can have no text ------------------------------------------------------------------ */

static int first_chunk(void *arg, struct bytes chunk)
{
	buf_add(arg, chunk.data, chunk.len < TEXT_HEAD ? chunk.len : TEXT_HEAD);
	return ERR_AGAIN; /* no more of it */
}

bool texts_none(struct bytes head)
{
	static const char *const kinds[] = {"%PDF-", "PK\3\4", "\xff\xfe", "\xfe\xff"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (head.len >= strlen(kinds[i]) &&
		    memcmp(head.data, kinds[i], strlen(kinds[i])) == 0)
			return false;
	for (size_t i = 0; i < head.len && i < TEXT_HEAD; i++)
		if (head.data[i] < ' ' && (head.data[i] < '\t' || head.data[i] > '\r') &&
		    head.data[i] != 0x1b)
			return true;
	return false;
}

/* Of the first contents that were not read, those that can have no text; one behind the other. */
static int texts_without(struct copy *copy, struct buf *roots)
{
	struct buf all = {0}, head = {0};
	struct content c;
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT root, sha, bytes FROM content WHERE root NOT IN"
				      " (SELECT root FROM document_text) LIMIT 1024",
				      "");
	int got;

	while ((got = db_step(st)) > 0)
		if (text_content(st, &c))
			buf_add(&all, &c, sizeof(c));
	for (size_t i = 0; got == 0 && i < all.len; i += sizeof(c)) {
		memcpy(&c, all.data + i, sizeof(c));
		buf_reset(&head);
		if (content_read(copy_store(copy), &c, first_chunk, &head) == ERR_AGAIN &&
		    texts_none(buf_bytes(&head)))
			buf_add(roots, c.root, SHA256_LEN);
	}
	buf_fini(&all);
	buf_fini(&head);
	return got;
}

/* They are noted together. 1: some were; 0: there are none; or an error. */
static int texts_skip(struct copy *copy)
{
	struct buf roots = {0};
	int err = texts_without(copy, &roots);
	size_t n = roots.len;

	if (err == 0 && n)
		err = copy_begin(copy);
	for (size_t i = 0; err == 0 && i < n; i += SHA256_LEN)
		err = texts_note_none(copy, roots.data + i);
	if (err == 0 && n)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	buf_fini(&roots);
	return err < 0 ? err : n > 0;
}

int texts_note_none(struct copy *copy, const uint8_t root[SHA256_LEN])
{
	return text_note(copy, root, BYTES("", 0));
}

int texts_read(struct copy *copy, unsigned budget_ms, struct cause *cause)
{
	uint64_t end = env_now_ms(copy_env(copy)) + budget_ms;
	struct buf text = {0};
	struct content c;
	int got;

	while ((got = texts_skip(copy)) > 0 && !(budget_ms && env_now_ms(copy_env(copy)) >= end))
		;
	while (got >= 0 && (got = texts_next(copy, &c)) > 0) {
		if (budget_ms && env_now_ms(copy_env(copy)) >= end)
			break;
		buf_reset(&text);
		got = text_extract(copy, &c, &text, cause);
		/* A damaged one is fsck's to tell of; here it only has no text. */
		if (got == 0 || got == ERR_CORRUPT)
			got = text_store(copy, &c, buf_bytes(&text));
		if (got < 0)
			break;
	}
	buf_fini(&text);
	if (got < 0 && got != ERR_MISSING && !cause->words[0])
		cause_set(cause, got, "the text of documents could not be read: %s",
			  err_words(got));
	return got == ERR_MISSING ? 0 : got;
}

int texts_of(struct copy *copy, const struct record *version, struct buf *text)
{
	struct content c;

	if (!contents_of(version, &c))
		return 0;
	struct db_stmt *st =
		db_query(copy_db(copy), "SELECT text FROM document_text WHERE root = $1", "b",
			 BYTES(c.root, SHA256_LEN));
	int got = db_step(st);
	if (got <= 0)
		return got;
	buf_add_u8(text, '\n');
	buf_add_bytes(text, db_bytes(st, 0));
	db_reset(st);
	return 0;
}

int texts_forget(struct copy *copy)
{
	return db_run(copy_db(copy),
		      "DELETE FROM document_text WHERE root NOT IN (SELECT root FROM content)", "");
}
