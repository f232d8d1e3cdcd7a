/*
 * The journal, read: records as they stand, entries, their chain and digest, and what names a
 * content.
 */
#include "server/journal_inside.h"

#include "common/digest.h"

#include <string.h>

enum { NEXT_BYTES = 1024 * 1024 }; /* of records that are read in one go, or one more */

void *record_message(const struct record *r, const ProtobufCMessageDescriptor *d,
		     struct arena *arena)
{
	size_t len = 0, at = 0;

	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].field)
			len += r->values[i].bytes.len;
	uint8_t *joined = arena_alloc(arena, len + 1);
	for (size_t i = 0; i < r->n_values; i++) {
		struct bytes v = r->values[i].bytes;
		if (r->values[i].field == 0 || v.len == 0)
			continue;
		memcpy(joined + at, v.data, v.len);
		at += v.len;
	}
	return protobuf_c_message_unpack(d, arena_allocator(arena), len, joined);
}

int journal_record(struct journal *j, const struct space *s, const struct id *id,
		   struct arena *arena, struct record *out)
{
	struct entering e = {.j = j, .space = (struct space *)s, .arena = arena};
	return ground_record(&e, id, 0, out);
}

/* A row of id, type, number, fields; `arena` is reset behind it. */
static int record_row(struct db_stmt *st, struct arena *arena, struct id *id,
		      int (*row)(void *arg, const struct record *r), void *arg)
{
	struct record r;
	bool whole = db_id(st, 0, id);

	record_init(&r, arena, id, (uint32_t)db_int(st, 1));
	r.number = (uint64_t)db_int(st, 2);
	int err = whole ? record_unpack(&r, db_bytes(st, 3)) : ERR_CORRUPT;
	if (err == 0)
		err = row(arg, &r);
	arena_reset(arena);
	return err;
}

int journal_each_record(struct journal *j, const struct space *s,
			int (*row)(void *arg, const struct record *r), void *arg)
{
	struct db_stmt *st = db_query(
		j->db, "SELECT id, type, number, fields FROM record WHERE space = $1 ORDER BY id",
		"u", s->local);
	struct arena arena;
	struct id id;
	int got;

	arena_init(&arena, ARENA_NO_BUDGET);
	while ((got = db_step(st)) > 0) {
		got = record_row(st, &arena, &id, row, arg);
		if (got < 0) {
			db_reset(st);
			break;
		}
	}
	arena_fini(&arena);
	return got;
}

int journal_next_records(struct journal *j, const struct space *s, struct id *after, size_t most,
			 int (*row)(void *arg, const struct record *r), void *arg)
{
	struct db_stmt *st = db_query(j->db,
				      "SELECT id, type, number, fields FROM record"
				      " WHERE space = $1 AND id > $2 ORDER BY id",
				      "ud", s->local, after);
	struct arena arena;
	size_t n = 0, bytes = 0;
	int got = 1, err = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	while (err >= 0 && n < most && bytes < NEXT_BYTES && (got = db_step(st)) > 0) {
		bytes += db_bytes(st, 3).len;
		err = record_row(st, &arena, after, row, arg);
		n++;
	}
	if (got > 0)
		db_reset(st);
	arena_fini(&arena);
	return err < 0 ? err : got;
}

int journal_entries(struct journal *j, const struct space *s, uint64_t from, uint64_t to,
		    bool (*row)(void *arg, const struct entry *e), void *arg)
{
	struct db_stmt *st = db_query(j->db,
				      "SELECT key, header, salt, body, chain FROM entry"
				      " WHERE key >= $1 AND key <= $2 ORDER BY key",
				      "uu", entry_key(s, from), entry_key(s, to));
	int got;

	while ((got = db_step(st)) > 0) {
		struct entry e = {(uint64_t)db_int(st, 0) & NUMBER_MAX, db_bytes(st, 1),
				  db_bytes(st, 2), db_bytes(st, 3), db_bytes(st, 4)};
		if (!row(arg, &e)) {
			db_reset(st);
			return 0;
		}
	}
	return got;
}

int journal_chain(struct journal *j, const struct space *s, uint64_t number,
		  uint8_t chain[SHA256_LEN])
{
	if (number == 0) {
		chain_start(&j->area, &s->id, chain);
		return 1;
	}
	if (number == s->number) {
		memcpy(chain, s->chain, SHA256_LEN);
		return 1;
	}
	if (number > s->number)
		return 0;
	struct db_stmt *st = db_query(j->db, "SELECT chain FROM entry WHERE key = $1", "u",
				      entry_key(s, number));
	int got = db_step(st);
	if (got <= 0)
		return got < 0 ? got : ERR_CORRUPT;
	bool whole = db_hash(st, 0, chain);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int journal_time(struct journal *j, const struct space *s, uint64_t number, uint64_t *time_ms,
		 struct id *device)
{
	struct db_stmt *st = db_query(j->db, "SELECT header FROM entry WHERE key = $1", "u",
				      entry_key(s, number));
	struct header header;
	struct arena arena;
	int got = db_step(st);

	if (got <= 0)
		return got < 0 ? got : ERR_MISSING;
	arena_init(&arena, ARENA_NO_BUDGET);
	bool whole = header_read(&header, db_bytes(st, 0), &arena) >= 0;
	*time_ms = header.time_ms;
	if (device)
		*device = header.device;
	db_reset(st);
	arena_fini(&arena);
	return whole ? 0 : ERR_CORRUPT;
}

int journal_is_disputed(struct journal *j, const struct space *s, const struct id *record)
{
	struct db_stmt *st =
		db_query(j->db, "SELECT 1 FROM conflict WHERE space = $1 AND record = $2 LIMIT 1",
			 "ud", s->local, record);
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

int journal_digest(struct journal *j, const struct space *s, uint8_t digest[SHA256_LEN])
{
	struct db_stmt *st =
		db_query(j->db, "SELECT id, type, fields FROM record WHERE space = $1 ORDER BY id",
			 "u", s->local);
	struct digest *d = digest_begin();
	int got;

	while ((got = db_step(st)) > 0) {
		struct id id;
		int err = db_id(st, 0, &id)
				  ? digest_add(d, &id, (uint32_t)db_int(st, 1), db_bytes(st, 2))
				  : ERR_CORRUPT;
		if (err < 0) {
			db_reset(st);
			got = err;
			break;
		}
	}
	digest_end(&d, digest);
	return got;
}

int journal_named(struct journal *j, struct bytes root,
		  bool (*may)(void *arg, const struct space *s), void *arg)
{
	struct db_stmt *st = db_query(
		j->db, "SELECT DISTINCT space FROM named WHERE root = $1", "b", root);
	int got;

	while ((got = db_step(st)) > 0) {
		const struct space *s = inside_space_local(j, (uint64_t)db_int(st, 0));
		if (s && may(arg, s)) {
			db_reset(st);
			return 1;
		}
	}
	return got;
}

int journal_each_content(struct journal *j, int (*row)(void *arg, struct bytes root), void *arg)
{
	struct db_stmt *st =
		db_query(j->db, "SELECT DISTINCT root FROM named ORDER BY root", "");
	int got;

	while ((got = db_step(st)) > 0) {
		got = row(arg, db_bytes(st, 0));
		if (got < 0) {
			db_reset(st);
			break;
		}
	}
	return got;
}
