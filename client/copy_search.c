/*
 * The search index. It follows the journal with a cursor of its own, so that entries need not wait
 * for it; what changes without an entry (own edits, refusals) is noted as stale and looked at
 * again.
 */
#include "client/copy_inside.h"

#include "client/texts.h"
#include "common/fields.h"

#include <ctype.h>
#include <string.h>

enum { STEP = 256 }; /* records or entries in one transaction */

/* ---- Text of a record ----------------------------------------------------------------------- */

static void text_add(struct buf *out, struct bytes value)
{
	struct field f;
	while (field_next(&value, &f) > 0) {
		if (f.wire_type != 2)
			continue;
		if (out->len)
			buf_add_u8(out, '\n');
		buf_add_bytes(out, f.payload);
	}
}

/* What is searched: the title by itself, the other fields of the index together. */
static void text_of(const struct schema_type *type, const struct record *r, struct buf *title,
		    struct buf *body)
{
	for (unsigned i = 0; i < type->message->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &type->message->fields[i];
		bool is_title = type->title && strcmp(type->title, d->name) == 0;
		if (type->fields[i].search && d->type == PROTOBUF_C_TYPE_STRING)
			text_add(is_title ? title : body, record_get(r, d->id));
	}
}

/* ---- Putting a record into the index -------------------------------------------------------- */

static int index_remove(struct copy *copy, int64_t slot, const struct id *record)
{
	int err = db_run(copy->db,
			 "DELETE FROM search WHERE rowid ="
			 " (SELECT row FROM search_row WHERE record = $1 AND slot = $2)",
			 "di", record, slot);
	return err < 0 ? err
		       : db_run(copy->db, "DELETE FROM search_row WHERE record = $1 AND slot = $2",
				"di", record, slot);
}

/* The row of a record in the index: 1, 0 where it has none, or an error. */
static int index_row(struct copy *copy, int64_t slot, const struct id *record, int64_t *row)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT row FROM search_row WHERE record = $1 AND slot = $2",
				      "di", record, slot);
	int err = db_step(st);
	if (err == 1) {
		*row = db_int(st, 0);
		db_reset(st);
	}
	return err;
}

/* No statement here may need a savepoint, as an upsert and RETURNING do: with each, FTS5 would
 * flush what it has gathered, which costs half of the indexing. */
static int index_put(struct copy *copy, int64_t slot, const struct record *r, const char *title,
		     const char *body)
{
	int64_t row = 0;
	int err = index_row(copy, slot, &r->id, &row);
	if (err == 1)
		return db_run(copy->db, "UPDATE search SET title = $1, body = $2 WHERE rowid = $3",
			      "tti", title, body, row);
	if (err == 0)
		err = db_run(copy->db,
			     "INSERT INTO search_row (record, slot, type) VALUES ($1, $2, $3)",
			     "dii", &r->id, slot, (int64_t)r->type);
	if (err == 0)
		err = index_row(copy, slot, &r->id, &row);
	if (err <= 0)
		return err < 0 ? err : ERR_DB;
	return db_run(copy->db, "INSERT INTO search (rowid, title, body) VALUES ($1, $2, $3)",
		      "itt", row, title, body);
}

/* `number`: the entry that led here; a record that was touched later is indexed then. 0: in any
 * case. */
static int index_record(struct copy *copy, const struct cursor *at, const struct id *record,
			uint64_t number)
{
	struct buf title = {0}, body = {0};
	struct foresight ahead;
	struct record r;

	arena_reset(&copy->arena);
	int err = inside_accepted(copy, at->slot, record, &copy->arena, &r);
	if (err < 0 || (err == 1 && number && r.number > number))
		return err < 0 ? err : 0;
	if (copy->any_pending)
		err = inside_foresee(copy, &at->space, &r, &ahead);
	const struct schema_type *type = schema_type(r.type);
	if (err < 0 || !type || record_existence(&r) != LIVE)
		return err < 0 ? err : index_remove(copy, at->slot, record);
	text_of(type, &r, &title, &body);
	if (r.type == TYPE_VERSION)
		err = texts_of(copy, &r, &body);
	buf_add_u8(&title, 0);
	buf_add_u8(&body, 0);
	if (err >= 0)
		err = title.len > 1 || body.len > 1
			      ? index_put(copy, at->slot, &r, (char *)title.data, (char *)body.data)
			      : index_remove(copy, at->slot, record);
	buf_fini(&title);
	buf_fini(&body);
	return err;
}

/* ---- Catching up ---------------------------------------------------------------------------- */

/* Records noted as stale: how many were looked at. */
static int index_stale(struct copy *copy)
{
	int n = 0;

	for (; n < STEP; n++) {
		struct id record, space;
		struct cursor *at;
		struct db_stmt *st = db_query(copy->db,
					      "SELECT s.record, s.slot, h.space FROM stale s"
					      " LEFT JOIN held h ON h.slot = s.slot LIMIT 1",
					      "");
		int err = db_step(st);
		if (err <= 0)
			return err < 0 ? err : n;
		int64_t slot = db_int(st, 1);
		bool held = db_id(st, 2, &space);
		bool whole = db_id(st, 0, &record);
		db_reset(st);
		if (held && whole)
			err = inside_cursor(copy, &space, &at);
		if (held && whole && err >= 0)
			err = index_record(copy, at, &record, 0);
		if (err >= 0)
			err = db_run(copy->db, "DELETE FROM stale WHERE record = $1 AND slot = $2",
				     "di", &record, slot);
		if (err < 0)
			return err;
	}
	return n;
}

/* The next entry's touched records. 1, 0 at the end, or an error. */
static int index_entry(struct copy *copy, struct cursor *at, uint64_t number, struct arena *arena)
{
	struct db_stmt *st = db_query(copy->db, "SELECT header FROM entry WHERE key = $1", "i",
				      entry_key(at->slot, number));
	struct header h;
	int err = db_step(st);

	if (err <= 0)
		return err;
	arena_reset(arena);
	int read = header_read(&h, arena_copy(arena, db_bytes(st, 0)), arena);
	db_reset(st);
	if (read < 0)
		return ERR_CORRUPT;
	for (size_t i = 0; i < h.n_touches; i++) {
		err = index_record(copy, at, &h.touches[i].record, number);
		if (err < 0)
			return err;
	}
	return 1;
}

/* Some entries of the first space that has any left: how many were looked at. */
static int index_entries(struct copy *copy)
{
	struct db_stmt *st = db_query(
		copy->db,
		"SELECT space, indexed FROM held WHERE state = 0 AND indexed < number LIMIT 1", "");
	struct arena arena;
	struct cursor *at;
	struct id space;
	int err = db_step(st), n = 0;

	if (err <= 0)
		return err;
	uint64_t number = (uint64_t)db_int(st, 1);
	bool whole = db_id(st, 0, &space);
	db_reset(st);
	err = whole ? inside_cursor(copy, &space, &at) : ERR_CORRUPT;
	if (err < 0)
		return err;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (err = 1; n < STEP && err == 1; n++)
		err = index_entry(copy, at, number + 1 + (uint64_t)n, &arena);
	arena_fini(&arena);
	if (err == 0 && --n == 0)
		err = ERR_CORRUPT; /* the cursor says that it is there */
	if (err >= 0)
		err = db_run(copy->db, "UPDATE held SET indexed = $1 WHERE slot = $2", "ui",
			     number + (uint64_t)n, at->slot);
	return err < 0 ? err : n;
}

static bool index_is_current(struct copy *copy, int *err)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT 1 WHERE EXISTS (SELECT 1 FROM stale)"
			 " OR EXISTS (SELECT 1 FROM held WHERE state = 0 AND indexed < number)",
			 "");
	*err = db_step(st);
	if (*err == 1)
		db_reset(st);
	return *err == 0;
}

int inside_index_anew(struct copy *copy)
{
	static const char *const sql[] = {
		"DELETE FROM search",
		"DELETE FROM search_row",
		"DELETE FROM stale",
		"UPDATE held SET indexed = 0",
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(sql) / sizeof(*sql) && err == 0; i++)
		err = db_run(copy->db, sql[i], "");
	return err;
}

int copy_index(struct copy *copy, unsigned budget_ms)
{
	uint64_t end = env_now_ms(copy->env) + budget_ms;
	int err = inside_commit_others(copy);

	while (err >= 0) {
		if (index_is_current(copy, &err) || err < 0)
			return err;
		if (budget_ms && env_now_ms(copy->env) >= end)
			return 1;
		err = copy_begin(copy);
		if (err == 0)
			err = index_stale(copy);
		if (err >= 0 && err < STEP)
			err = index_entries(copy);
		if (err >= 0)
			err = copy_commit(copy);
		if (err < 0)
			copy_rollback(copy);
	}
	return err;
}

/* ---- Searching ------------------------------------------------------------------------------ */

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Words as the index's query language has them: each quoted, each the start of a word,
 * all of them. */
static bool search_query(const char *words, struct buf *query)
{
	bool any = false;

	for (const char *p = words; *p;) {
		size_t n = strcspn(p, " \t\r\n");
		bool is_word = false;
		for (size_t i = 0; i < n; i++)
			is_word = is_word || is_word_byte(p[i]);
		if (is_word) {
			buf_add_text(query, "%s\"", any ? " " : "");
			for (size_t i = 0; i < n; i++)
				buf_add_u8(query, p[i] == '"' ? ' ' : (uint8_t)p[i]);
			buf_add_text(query, "\"*");
			any = true;
		}
		p += n;
		p += strspn(p, " \t\r\n");
	}
	buf_add_u8(query, 0);
	return any;
}

int copy_search(struct copy *copy, const char *words, int most,
		void (*found)(void *arg, const struct hit *hit), void *arg)
{
	struct buf query = {0};
	int n = 0, err = 0;

	if (search_query(words, &query)) {
		struct db_stmt *st =
			db_query(copy->db,
				 "SELECT r.record, h.space, r.type, search.title,"
				 " snippet(search, -1, '[', ']', '…', 16)"
				 " FROM search JOIN search_row r ON r.row = search.rowid"
				 " JOIN held h ON h.slot = r.slot"
				 " WHERE search MATCH $1 ORDER BY bm25(search, 4.0, 1.0) LIMIT $2",
				 "ti", (const char *)query.data, (int64_t)most);
		while ((err = db_step(st)) == 1) {
			struct hit hit = {.type = (uint32_t)db_int(st, 2),
					  .title = db_text(st, 3),
					  .extract = db_text(st, 4)};
			if (db_id(st, 0, &hit.record) && db_id(st, 1, &hit.space)) {
				found(arg, &hit);
				n++;
			}
		}
	}
	buf_fini(&query);
	return err < 0 ? err : n;
}
