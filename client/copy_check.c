/*
 * Care of a copy: making what follows from the journal again, and checking everything.
 */
#include "client/copy_inside.h"

#include "client/contents.h"
#include "common/tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rebuilding ----------------------------------------------------------------------------- */

static int rebuild_clear(struct copy *copy, struct cause *cause)
{
	int err = inside_index_anew(copy);

	if (err == 0)
		err = db_run(copy->db, "DELETE FROM record", "");
	if (err == 0)
		err = db_run(copy->db, "DELETE FROM open_conflict", "");
	copy->any_conflict = false;
	return err < 0 ? err : tables_make(copy->db, cause);
}

/* Apply all entries of one space, in order. */
int inside_replay(struct copy *copy, const struct cursor *at)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT header, body FROM entry WHERE key > $1 AND key < $2"
				      " ORDER BY key",
				      "ii", entry_key(at->slot, 0), entry_key(at->slot + 1, 0));
	struct past_entry e;
	int err;

	while ((err = db_step(st)) == 1) {
		err = inside_read_entry(copy, at, db_bytes(st, 0), db_bytes(st, 1), &e);
		if (err == 0)
			err = inside_apply(copy, at, &e);
		if (err < 0) {
			db_reset(st);
			return err;
		}
	}
	return err;
}

static int rebuild(struct copy *copy, struct cause *cause)
{
	struct held *spaces = NULL;
	struct cursor *found;
	int err = inside_flush(copy);

	if (err == 0)
		err = rebuild_clear(copy, cause);
	int n = err == 0 ? copy_spaces(copy, &spaces) : 0;
	if (n < 0)
		err = n;
	for (int i = 0; i < n && err == 0; i++) {
		if (spaces[i].state != HELD_OPEN)
			continue;
		err = inside_cursor(copy, &spaces[i].id, &found);
		const struct cursor at = err == 0 ? *found : (struct cursor){0};
		if (err == 0)
			err = inside_replay(copy, &at);
	}
	free(spaces);
	if (err == 0)
		err = inside_show_pending(copy);
	return err < 0 ? err : inside_show_due(copy);
}

int copy_rebuild(struct copy *copy, struct cause *cause)
{
	int err = inside_begin_alone(copy);
	if (err == 0)
		err = rebuild(copy, cause);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	return err < 0 ? cause_set(cause, err, "the tables could not be made again: %s",
				   err_words(err))
		       : 0;
}

/* ---- Checking ------------------------------------------------------------------------------- */

struct check {
	struct copy *copy;
	void (*fault)(void *arg, const char *words);
	void *arg;
	int faults;
};

static void check_fault(struct check *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void check_fault(struct check *c, const char *format, ...)
{
	char words[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	c->faults++;
	c->fault(c->arg, words);
}

/* Is the entry found by the id of its change, as when the change is sent once more? */
static bool check_is_found(struct check *c, int64_t key, struct bytes bytes)
{
	struct header header;
	bool found = false;

	arena_reset(&c->copy->arena);
	if (header_read(&header, bytes, &c->copy->arena) == 0) {
		struct db_stmt *st = db_query(c->copy->db,
					      "SELECT key FROM entry_change WHERE change = $1", "d",
					      &header.change);
		found = db_step(st) == 1 && db_int(st, 0) == key;
		db_reset(st);
	}
	return found;
}

/* Numbers without a gap, and the chain up to what the space's row says. */
static int check_chain(struct check *c, const struct held *space, int64_t slot, const char *name)
{
	struct db_stmt *st =
		db_query(c->copy->db,
			 "SELECT key, header, salt, body, sealed FROM entry"
			 " WHERE key > $1 AND key < $2"
			 " ORDER BY key",
			 "ii", entry_key(slot, 0), entry_key(slot + 1, 0));
	uint8_t chain[SHA256_LEN];
	uint64_t number = 0;
	int err;

	chain_start(&c->copy->identity.area, &space->id, chain);
	while ((err = db_step(st)) == 1) {
		number++;
		if (db_int(st, 0) != entry_key(slot, number)) {
			check_fault(c, "entry %llu of \"%s\" is missing",
				    (unsigned long long)number, name);
			db_reset(st);
			return 0;
		}
		entry_chain(chain, db_bytes(st, 1), db_bytes(st, 2), db_bytes(st, 3),
			    db_bytes(st, 4));
		if (!check_is_found(c, db_int(st, 0), db_bytes(st, 1)))
			check_fault(c, "entry %llu of \"%s\" is not found by its change",
				    (unsigned long long)number, name);
	}
	if (err == 0 && (number != space->number || memcmp(chain, space->chain, SHA256_LEN) != 0))
		check_fault(c,
			    "the history of \"%s\" does not lead to its last entry, %llu: some of "
			    "it was altered",
			    name, (unsigned long long)space->number);
	return err;
}

/* What the server has signed is what is held. */
static int check_head(struct check *c, const struct held *space, int64_t slot, const char *name)
{
	struct db_stmt *st = db_query(
		c->copy->db, "SELECT epoch, number, chain, signature FROM head WHERE slot = $1",
		"i", slot);
	struct buf statement = {0};
	int err = db_step(st);

	if (err <= 0)
		return err;
	struct bytes chain = db_bytes(st, 2), signature = db_bytes(st, 3);
	bool good = chain.len == SHA256_LEN && signature.len == 64 &&
		    (uint64_t)db_int(st, 1) == space->number &&
		    memcmp(chain.data, space->chain, SHA256_LEN) == 0;
	if (good) {
		head_statement(&c->copy->identity.area, &space->id, (uint64_t)db_int(st, 0),
			       space->number, chain.data, &statement);
		good = head_verify(c->copy->identity.head_key, buf_bytes(&statement),
				   signature.data);
	}
	db_reset(st);
	buf_fini(&statement);
	if (!good)
		check_fault(c, "the last entry of \"%s\" is not what the server has signed", name);
	return 0;
}

static int check_space(struct check *c, const struct held *space)
{
	char name[SPACE_NAME];
	struct cursor *at;
	int err = inside_cursor(c->copy, &space->id, &at);

	if (err < 0)
		return err;
	int64_t slot = at->slot;
	copy_space_name(c->copy, &space->id, name);
	err = check_chain(c, space, slot, name);
	return err < 0 ? err : check_head(c, space, slot, name);
}

static int check_pending(struct check *c)
{
	struct pending p;
	struct change change;
	struct cause cause;
	int64_t seq = 0;
	int err;

	while ((err = copy_pending_next(c->copy, seq, &p)) == 1) {
		seq = p.seq;
		free(p.words);
		arena_reset(&c->copy->arena);
		if (change_read(&change, p.bytes, &c->copy->arena, &cause) < 0)
			check_fault(c, "a change that waits to be sent can't be read: %s",
				    cause.words);
		else if (!id_equal(&change.id, &p.change) || !id_equal(&change.space, &p.space))
			check_fault(c,
				    "a change that waits to be sent is not the one that was made");
	}
	return err;
}

static int check_held(struct check *c)
{
	struct held_here h = {0};
	struct change change;
	struct arena arena;
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	while ((err = copy_held_next(c->copy, h.seq, &arena, &h)) == 1) {
		if (change_read(&change, h.bytes, &arena, NULL) < 0 ||
		    !id_equal(&change.id, &h.change))
			check_fault(c, "a held change of somebody else can't be read: the next "
				       "contact with the server fetches it anew");
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return err;
}

/* A digest of all rows of a table. */
static int table_digest(struct copy *copy, const char *table, const char *order,
			uint8_t digest[SHA256_LEN])
{
	const char *what = strcmp(table, "sqlite_schema") == 0 ? "name, sql" : "*";
	char *sql = mem_format("SELECT %s FROM \"%s\" ORDER BY %s", what, table, order);
	struct sha256 *sha = sha256_begin();
	struct db_stmt *st = db_query_text(copy->db, sql, NULL);
	int err = st ? 0 : ERR_DB;

	while (st && (err = db_step(st)) == 1)
		for (int i = 0; i < db_columns(st); i++) {
			uint8_t head[9] = {db_null(st, i)};
			struct bytes value = db_bytes(st, i);
			write_u64be(head + 1, value.len);
			sha256_add(sha, BYTES(head, sizeof(head)));
			sha256_add(sha, value);
		}
	sha256_end(&sha, digest);
	free(sql);
	return err;
}

/* All tables that are made from the journal: the typed ones, then those that all versions have. */
struct derived {
	char name[TABLES_NAME];
	const char *order;
	uint8_t digest[SHA256_LEN];
};

static int derived_digests(struct copy *copy, struct derived *derived, size_t n)
{
	size_t types, i;
	const struct schema_type *type = schema_types(&types);

	must(n == types + 3);
	for (i = 0; i < types; i++) {
		tables_name(&type[i], derived[i].name);
		derived[i].order = "id, space";
	}
	strcpy(derived[i].name, "record");
	derived[i++].order = "id, slot";
	strcpy(derived[i].name, "open_conflict");
	derived[i++].order = "record, slot, field_group";
	strcpy(derived[i].name, "sqlite_schema"); /* the words that made the typed ones */
	derived[i].order = "name";
	for (i = 0; i < n; i++) {
		int err = table_digest(copy, derived[i].name, derived[i].order, derived[i].digest);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Make all tables again, compare, and leave them as they were. */
static int check_tables(struct check *c, struct cause *cause)
{
	size_t n;
	schema_types(&n);
	n += 3;
	struct derived *before = mem_alloc(n * sizeof(*before)),
		       *after = mem_alloc(n * sizeof(*after));
	int err = derived_digests(c->copy, before, n);

	if (err == 0)
		err = rebuild(c->copy, cause);
	if (err == 0)
		err = derived_digests(c->copy, after, n);
	for (size_t i = 0; err == 0 && i < n; i++)
		if (memcmp(before[i].digest, after[i].digest, SHA256_LEN) != 0)
			check_fault(c,
				    "the table \"%s\" does not follow from the history: 'fivepits "
				    "rebuild' mends it",
				    before[i].name);
	free(before);
	free(after);
	return err;
}

static void check_content(void *arg, const char *words)
{
	check_fault(arg, "%s", words);
}

static int check_in_transaction(struct check *c)
{
	struct held *spaces;
	struct cause cause = {""};
	int n = copy_spaces(c->copy, &spaces), err = n < 0 ? n : 0;

	for (int i = 0; i < n && err == 0; i++)
		if (spaces[i].state == HELD_OPEN)
			err = check_space(c, &spaces[i]);
	if (n >= 0)
		free(spaces);
	if (err == 0)
		err = check_pending(c);
	if (err == 0)
		err = check_held(c);
	if (err == 0)
		err = check_tables(c, &cause);
	if (err == ERR_CORRUPT) {
		check_fault(c, "the history can't be read: %s",
			    cause.words[0] ? cause.words : err_words(err));
		err = 0;
	}
	return err;
}

int copy_check(struct copy *copy, void (*fault)(void *arg, const char *words), void *arg)
{
	struct check c = {copy, fault, arg, 0};
	struct cause cause;
	int err = inside_commit_others(copy);

	if (err == 0 && db_check(copy->db, &cause) < 0)
		check_fault(&c, "%s", cause.words);
	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = check_in_transaction(&c);
	copy_rollback(copy);
	if (err == 0)
		err = contents_check(copy, false, check_content, &c);
	return err < 0 ? err : c.faults;
}

int copy_mend(struct copy *copy, void (*fault)(void *arg, const char *words), void *arg)
{
	struct check c = {.copy = copy, .fault = fault, .arg = arg};
	int err = inside_begin_alone(copy);

	if (err == 0)
		err = contents_check(copy, true, check_content, &c);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	else
		err = contents_tidy(copy, true);
	return err < 0 ? err : c.faults;
}
