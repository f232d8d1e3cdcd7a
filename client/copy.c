/*
 * A copy's file: opening it, who this device is, transactions, settings. The way of an entry from
 * the server is copy_feed.c's, that of an edit draft.c's.
 */
#include "client/contents.h"
#include "client/copy_inside.h"

#include "common/log.h"
#include "common/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_VERSION = 2 };

static const char schema_sql[] = ""
#include "client_schema.h"
	;

/* ---- Identity ------------------------------------------------------------------------------- */

static int put_hex(struct copy *copy, const char *key, struct bytes b)
{
	char text[2 * 32 + 1] = "";
	must(b.len <= 32);
	for (size_t i = 0; i < b.len; i++)
		snprintf(text + 2 * i, 3, "%02x", b.data[i]);
	return copy_meta_set(copy, key, text);
}

static bool get_hex(struct copy *copy, const char *key, uint8_t *out, size_t n)
{
	char text[2 * 32 + 1];
	unsigned v;

	if (copy_meta_get(copy, key, text, sizeof(text)) < 0 || strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

static int identity_write(struct copy *copy, const struct copy_identity *identity)
{
	int err = put_hex(copy, "area", ID_BYTES(&identity->area));
	if (err == 0)
		err = put_hex(copy, "device", ID_BYTES(&identity->device));
	if (err == 0)
		err = put_hex(copy, "person", ID_BYTES(&identity->person));
	if (err == 0)
		err = put_hex(copy, "head_key",
			      BYTES(identity->head_key, sizeof(identity->head_key)));
	if (err == 0)
		err = copy_meta_set(copy, "address", identity->address);
	if (err == 0)
		err = copy_meta_set(copy, "proxy", identity->proxy);
	return err;
}

/* False: this file does not say whose it is. */
static bool identity_read(struct copy *copy, struct copy_identity *out)
{
	return get_hex(copy, "area", out->area.b, sizeof(out->area.b)) &&
	       get_hex(copy, "device", out->device.b, sizeof(out->device.b)) &&
	       get_hex(copy, "person", out->person.b, sizeof(out->person.b)) &&
	       get_hex(copy, "head_key", out->head_key, sizeof(out->head_key)) &&
	       copy_meta_get(copy, "address", out->address, sizeof(out->address)) == 0 &&
	       copy_meta_get(copy, "proxy", out->proxy, sizeof(out->proxy)) == 0;
}

int copy_person_set(struct copy *copy, const struct id *person)
{
	if (id_equal(person, &copy->identity.person))
		return 0;
	copy->identity.person = *person;
	return put_hex(copy, "person", ID_BYTES(person));
}

bool copy_nonce(struct copy *copy, uint8_t nonce[16])
{
	return get_hex(copy, "nonce", nonce, 16);
}

int copy_nonce_set(struct copy *copy, const uint8_t nonce[16])
{
	return put_hex(copy, "nonce", BYTES(nonce, 16));
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int copy_open_file(struct copy **out, const char *home, const char *vfs,
			  const struct env *env, struct cause *cause)
{
	struct copy *copy = mem_alloc(sizeof(*copy));
	char *path = mem_format("%s/copy.db", home);

	copy->home = mem_copy_text(home);
	copy->env = env;
	arena_init(&copy->arena, ARENA_NO_BUDGET);
	arena_init(&copy->feed_arena, ARENA_NO_BUDGET);
	arena_init(&copy->overlay_arena, ARENA_NO_BUDGET);
	copy->tables = tables_new();
	int err = db_open(&copy->db, path, DB_SHARED, schema_sql, COPY_VERSION, vfs, cause);
	if (err == 0) {
		char *documents = mem_format("%s/documents", home);
		copy->store = store_new(documents, copy->db);
		free(documents);
	}
	free(path);
	if (err < 0)
		copy_close(&copy);
	*out = copy;
	return err;
}

/* The typed tables of this program's schema, with all records in them. In the open transaction. */
static int copy_make_tables(struct copy *copy, const char *print, struct cause *cause)
{
	int err = tables_make(copy->db, cause);
	if (err == 0)
		err = inside_index_anew(copy); /* other fields may be searched now */
	if (err == 0)
		err = inside_show_all(copy);
	if (err == 0)
		err = copy_meta_set(copy, "tables", print);
	return err;
}

/* Another version may have made the tables; another process may be doing this at the same time. */
static int copy_fit_tables(struct copy *copy, struct cause *cause)
{
	char print[TABLES_PRINT], made[TABLES_PRINT];
	int err;

	tables_fingerprint(print);
	if (copy_meta_get(copy, "tables", made, sizeof(made)) == 0 && strcmp(made, print) == 0)
		return 0;
	err = copy_begin(copy);
	if (err == 0)
		err = copy_meta_get(copy, "tables", made, sizeof(made));
	if (err == 0 && strcmp(made, print) != 0)
		err = copy_make_tables(copy, print, cause);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	return err < 0 ? cause_set(cause, err, "this copy could not be brought to this version: %s",
				   err_words(err))
		       : 0;
}

/* Does it say whose it is, or hold anything? */
static int copy_is_made(struct copy *copy)
{
	struct copy_identity identity;
	struct db_stmt *st;

	if (identity_read(copy, &identity))
		return 1;
	st = db_query(copy->db, "SELECT 1 FROM held UNION ALL SELECT 1 FROM pending LIMIT 1", "");
	int got = db_step(st);
	if (got == 1)
		db_reset(st);
	return got;
}

int copy_exists(const char *home, struct cause *cause)
{
	char *path = mem_format("%s/copy.db", home);
	bool there = os_exists(path);
	struct copy *copy;

	free(path);
	if (!there)
		return 0;
	int got = copy_open_file(&copy, home, NULL, NULL, cause);
	if (got < 0)
		return got;
	got = copy_is_made(copy);
	copy_close(&copy);
	return got < 0 ? cause_set(cause, got, "the copy in %s can't be read: %s", home,
				   err_words(got))
		       : got;
}

int copy_create(const char *home, const struct copy_identity *identity, const char *vfs,
		struct cause *cause)
{
	struct copy *copy;
	struct copy_identity there = {.address = ""};
	int err = copy_open_file(&copy, home, vfs, NULL, cause);

	if (err < 0)
		return err;
	if (identity_read(copy, &there)) {
		err = cause_set(cause, ERR_EXISTS, "there is a copy in %s already", home);
	} else {
		err = copy_begin(copy);
		if (err == 0)
			err = identity_write(copy, identity);
		if (err == 0)
			err = copy_commit(copy);
		if (err < 0)
			cause_set(cause, err, "the copy in %s could not be made: %s", home,
				  err_words(err));
	}
	copy_close(&copy);
	return err;
}

/*
 * A space, or a document's bytes, were removed: they are erased where they stood, and nothing of it
 * may stand in the log either. The mark is made with the removal, so that what a crash, a reader or
 * the disk prevents is done when the copy is opened next; nothing else fails for it.
 */
static void copy_scrub(struct copy *copy)
{
	int err = contents_tidy(copy, false);

	if (err < 0)
		log_warn("copy.scrub", "err=%d", err);
	if (err != 0 || !db_checkpoint(copy->db, true) || db_begin(copy->db) < 0)
		return;
	if (db_run(copy->db, "DELETE FROM meta WHERE key = 'scrub'", "") < 0 ||
	    db_commit(copy->db) < 0)
		db_rollback(copy->db);
}

int copy_open(struct copy **out, const char *home, const char *vfs, const struct env *env,
	      struct cause *cause)
{
	static const char none[] =
		"there is no copy in %s yet: 'fivepits join INVITATION' makes one";
	char *path = mem_format("%s/copy.db", home);
	bool there = vfs || os_exists(path);

	*out = NULL;
	free(path);
	if (!there)
		return cause_set(cause, ERR_MISSING, none, home);
	int err = copy_open_file(out, home, vfs, env, cause);
	if (err < 0)
		return err;
	if (!identity_read(*out, &(*out)->identity))
		err = cause_set(cause, ERR_MISSING, none, home);
	if (err == 0)
		err = copy_fit_tables(*out, cause);
	char scrub[4] = "";
	if (err == 0 && copy_meta_get(*out, "scrub", scrub, sizeof(scrub)) == 0 && scrub[0])
		copy_scrub(*out);
	if (err < 0)
		copy_close(out);
	return err;
}

void copy_close(struct copy **copy)
{
	struct copy *c = *copy;
	if (!c)
		return;
	db_close(&c->db);
	tables_free(&c->tables); /* after the statements that are known by its texts */
	arena_fini(&c->arena);
	arena_fini(&c->feed_arena);
	arena_fini(&c->overlay_arena);
	buf_fini(&c->fields);
	buf_fini(&c->body);
	buf_fini(&c->released);
	store_free(&c->store);
	buf_fini(&c->listed);
	free(c->own);
	free(c->due);
	free(c->home);
	free(c);
	*copy = NULL;
}

const struct copy_identity *copy_identity(const struct copy *copy)
{
	return &copy->identity;
}

const char *copy_home(const struct copy *copy)
{
	return copy->home;
}

struct db *copy_db(struct copy *copy)
{
	return copy->db;
}

struct store *copy_store(const struct copy *copy)
{
	return copy->store;
}

const struct env *copy_env(const struct copy *copy)
{
	return copy->env;
}

/* ---- Transactions --------------------------------------------------------------------------- */

static int copy_any(struct copy *copy, const char *sql, bool *any)
{
	struct db_stmt *st = db_query(copy->db, sql, "");
	int err = db_step(st);
	*any = err == 1;
	if (err == 1)
		db_reset(st);
	return err < 0 ? err : 0;
}

void copy_look(struct copy *copy)
{
	if (!db_in_transaction(copy->db) && !db_is_reading(copy->db))
		db_read_begin(copy->db); /* else each lookup reads for itself */
}

void copy_look_end(struct copy *copy)
{
	if (db_is_reading(copy->db))
		db_read_end(copy->db);
}

int copy_begin(struct copy *copy)
{
	if (db_in_transaction(copy->db))
		return 0;
	copy_look_end(copy);
	int err = db_begin(copy->db);
	if (err < 0)
		return err;
	copy->n_cursors = 0;
	copy->n_due = 0;
	err = copy_any(copy, "SELECT 1 FROM pending LIMIT 1", &copy->any_pending);
	if (err == 0)
		err = copy_any(copy, "SELECT 1 FROM open_conflict LIMIT 1", &copy->any_conflict);
	if (err < 0)
		copy_rollback(copy);
	return err;
}

int copy_commit(struct copy *copy)
{
	if (!db_in_transaction(copy->db))
		return 0;
	int err = inside_flush(copy);
	if (err == 0)
		err = inside_show_due(copy);
	if (err == 0)
		err = contents_remove_released(copy);
	if (err < 0) {
		copy_rollback(copy);
		return err;
	}
	err = db_commit(copy->db);
	if (err < 0) {
		copy_rollback(copy); /* what is kept in memory too */
		return err;
	}
	bool erases = copy->erases;
	copy->erases = false;
	if (erases)
		copy_scrub(copy);
	return 0;
}

int inside_commit_others(struct copy *copy)
{
	int err = copy_commit(copy);
	if (err < 0)
		copy->setbacks++;
	return err;
}

int inside_begin_alone(struct copy *copy)
{
	int err = inside_commit_others(copy);
	return err < 0 ? err : copy_begin(copy);
}

uint64_t copy_setbacks(const struct copy *copy)
{
	return copy->setbacks;
}

void copy_rollback(struct copy *copy)
{
	copy->n_cursors = 0;
	copy->n_due = 0;
	copy->erases = false;
	buf_reset(&copy->released);
	db_rollback(copy->db);
}

int inside_flush(struct copy *copy)
{
	int err = 0;
	for (size_t i = 0; i < copy->n_cursors && err == 0; i++) {
		const struct cursor *c = &copy->cursors[i];
		if (c->moved)
			err = db_run(copy->db,
				     "UPDATE held SET epoch = $1, number = $2, chain = $3 WHERE "
				     "slot = $4",
				     "uubi", c->epoch, c->number, BYTES(c->chain, SHA256_LEN),
				     c->slot);
	}
	copy->n_cursors = 0;
	return err;
}

int inside_cursor(struct copy *copy, const struct id *space, struct cursor **out)
{
	for (size_t i = 0; i < copy->n_cursors; i++)
		if (id_equal(&copy->cursors[i].space, space)) {
			*out = &copy->cursors[i];
			return 0;
		}
	if (copy->n_cursors == CURSORS) {
		int err = inside_flush(copy);
		if (err < 0)
			return err;
	}
	struct db_stmt *st = db_query(
		copy->db, "SELECT slot, state, epoch, number, chain FROM held WHERE space = $1",
		"d", space);
	int err = db_step(st);
	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	struct cursor *c = &copy->cursors[copy->n_cursors];
	*c = (struct cursor){.space = *space,
			     .slot = db_int(st, 0),
			     .state = db_int(st, 1),
			     .epoch = (uint64_t)db_int(st, 2),
			     .number = (uint64_t)db_int(st, 3)};
	bool whole = db_hash(st, 4, c->chain);
	db_reset(st);
	if (!whole)
		return ERR_CORRUPT;
	copy->n_cursors++;
	*out = c;
	return 0;
}

/* ---- Settings ------------------------------------------------------------------------------- */

int copy_meta_set(struct copy *copy, const char *key, const char *value)
{
	bool alone = !db_in_transaction(copy->db);
	int err = copy_begin(copy);

	if (err < 0)
		return err;
	err = db_run(copy->db,
		     "INSERT INTO meta (key, value) VALUES ($1, $2)"
		     " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		     "tt", key, value);
	if (err == 0 && alone)
		err = copy_commit(copy);
	else if (err < 0 && alone)
		copy_rollback(copy);
	return err;
}

int copy_meta_get(struct copy *copy, const char *key, char *value, size_t size)
{
	struct db_stmt *st = db_query(copy->db, "SELECT value FROM meta WHERE key = $1", "t", key);
	int err = db_step(st);

	value[0] = '\0';
	if (err == 1) {
		snprintf(value, size, "%s", db_text(st, 0));
		db_reset(st);
	}
	return err < 0 ? err : 0;
}
