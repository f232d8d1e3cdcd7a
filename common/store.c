/*
 * The tables of the store: chunk, edge, pack, content. What is put is in a pack at once and in
 * memory (`fresh`); store_sync makes the pack last, then enters all of it.
 */
#include "common/store_inside.h"

#include "common/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store *store_new(const char *dir, struct db *db)
{
	struct store *s = mem_alloc(sizeof(*s));

	s->dir = mem_copy_text(dir);
	s->db = db;
	s->squeezer = squeezer_new();
	s->hand = hand_new();
	s->syncer = hand_new();
	s->out.fd = -1;
	return s;
}

static void store_clear_fresh(struct store *s)
{
	for (size_t i = 0; i < s->n_fresh; i++)
		buf_fini(&s->fresh[i].node);
	s->n_fresh = s->unsynced = 0;
	s->unsettled = s->found_bad = false;
	s->closing = (struct closing){0};
	buf_reset(&s->bad);
	hashes_clear(&s->index);
}

static void store_close_files(struct store *s)
{
	for (size_t i = 0; i < PACK_OPEN; i++)
		if (s->files[i].fd > 0)
			close(s->files[i].fd);
	memset(s->files, 0, sizeof(s->files));
}

void store_free(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	pack_let_go(s); /* it waits for the hand */
	hand_free(&s->hand);
	hand_free(&s->syncer);
	store_clear_fresh(s);
	store_close_files(s);
	squeezer_free(&s->squeezer);
	hashes_fini(&s->index);
	buf_fini(&s->bad);
	buf_fini(&s->packed);
	buf_fini(&s->raw);
	free(s->fresh);
	free(s->dir);
	free(s);
	*store = NULL;
}

struct squeezer *store_squeezer(struct store *s)
{
	return s->squeezer;
}

struct hand *store_hand(struct store *s)
{
	return s->hand;
}

void store_set_day(struct store *s, uint64_t day)
{
	s->day = day;
}

/* ---- Finding -------------------------------------------------------------------------------- */

int store_row(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *out, uint64_t *day)
{
	struct db_stmt *st = db_query(
		s->db, "SELECT pack, at, size, raw, form, node, day FROM chunk WHERE hash = $1",
		"b", BYTES(hash, SHA256_LEN));
	int got = db_step(st);

	if (got <= 0)
		return got;
	*out = (struct stored){.pack = (uint64_t)db_int(st, 0),
			       .at = (uint64_t)db_int(st, 1),
			       .size = (uint32_t)db_int(st, 2),
			       .raw = (uint32_t)db_int(st, 3),
			       .form = (enum form)db_int(st, 4),
			       .node = db_int(st, 5) != 0};
	if (day)
		*day = (uint64_t)db_int(st, 6);
	db_reset(st);
	return out->size <= CHUNK_MAX && out->raw <= CHUNK_MAX ? 1 : ERR_CORRUPT;
}

int store_find(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *out)
{
	const uint64_t *fresh = hashes_find(&s->index, hash);

	if (fresh) {
		*out = s->fresh[*fresh].is;
		return 1;
	}
	return store_row(s, hash, out, NULL);
}

/* ---- Putting -------------------------------------------------------------------------------- */

static struct fresh *store_fresh(struct store *s, const uint8_t hash[SHA256_LEN],
				 const struct stored *is)
{
	if (s->n_fresh == s->cap_fresh) {
		s->cap_fresh = s->cap_fresh ? 2 * s->cap_fresh : 256;
		s->fresh = mem_resize(s->fresh, s->cap_fresh * sizeof(*s->fresh));
	}
	struct fresh *f = &s->fresh[s->n_fresh];
	*f = (struct fresh){.is = *is};
	memcpy(f->hash, hash, SHA256_LEN);
	hashes_put(&s->index, hash, s->n_fresh++);
	return f;
}

/* A node's bytes are kept until its entries are in the tables. `form` is how they came: the chunk
 * may be stored in another since before. */
static int store_keep_node(struct store *s, struct fresh *f, enum form form, struct bytes packed)
{
	size_t len = f->is.raw;
	uint8_t *raw = buf_reserve(&f->node, len);

	if (form == FORM_ZSTD ? unsqueeze(s->squeezer, packed, raw, len) < 0 : packed.len != len)
		return ERR_CORRUPT;
	if (form != FORM_ZSTD)
		memcpy(raw, packed.data, len);
	f->node.len = len;
	return 0;
}

int store_put(struct store *s, const uint8_t hash[SHA256_LEN], bool node, enum form form,
	      uint32_t raw, struct bytes packed, struct cause *cause)
{
	struct stored is;
	int got = store_find(s, hash, &is);

	if (got < 0)
		return cause_set(cause, got, "documents can't be stored: %s", err_words(got));
	if (got && (is.node || !node))
		return 0;
	if (!got) {
		if (!node) /* the list of what passes comes in between */
			atomic_store(&s->word.stays, true);
		is = (struct stored){.size = (uint32_t)packed.len, .raw = raw, .form = form};
		int err = pack_append(s, hash, &is, packed, NULL, cause);
		if (err < 0)
			return err;
		s->unsynced += PACK_HEADER + packed.len;
	}
	is.node = node;
	uint64_t *before = hashes_find(&s->index, hash);
	struct fresh *f = before ? &s->fresh[*before] : store_fresh(s, hash, &is);
	f->is.node = node;
	f->known = f->known || (got && !before);
	return node ? store_keep_node(s, f, form, packed) : 0;
}

int store_put_raw(struct store *s, const uint8_t hash[SHA256_LEN], bool node, struct bytes raw,
		  struct cause *cause)
{
	bool smaller = squeeze(s->squeezer, raw, &s->packed);

	return store_put(s, hash, node, smaller ? FORM_ZSTD : FORM_RAW, (uint32_t)raw.len,
			 smaller ? buf_bytes(&s->packed) : raw, cause);
}

int store_put_unchecked(struct store *s, const uint8_t hash[SHA256_LEN], struct bytes raw,
			struct sha256 *whole, struct cause *cause)
{
	struct unchecked unchecked = {whole};
	struct stored is = {
		.size = (uint32_t)raw.len, .raw = (uint32_t)raw.len, .form = FORM_RAW};

	atomic_store(&s->word.stays, false);
	int err = pack_append(s, hash, &is, raw, &unchecked, cause);

	if (err < 0)
		return err;
	s->unsynced += PACK_HEADER + raw.len;
	s->unsettled = true;
	store_fresh(s, hash, &is);
	return 0;
}

/* Those that were something else keep their places, which count for nothing. */
static void store_find_bad(struct store *s)
{
	struct buf *found = &s->out.bad;

	pack_wait(s);
	atomic_store(&s->word.suspect, false);
	s->unsettled = false;
	for (size_t i = 0; i < found->len; i += SHA256_LEN) {
		const uint64_t *at = hashes_find(&s->index, found->data + i);
		must(at);
		s->fresh[*at].bad = true;
		hashes_remove(&s->index, found->data + i);
	}
	buf_add_bytes(&s->bad, buf_bytes(found));
	buf_reset(found);
	s->found_bad = s->bad.len > 0;
}

void store_settle(struct store *s, struct buf *bad)
{
	store_find_bad(s);
	if (bad)
		buf_add_bytes(bad, buf_bytes(&s->bad));
	buf_reset(&s->bad);
	s->found_bad = false;
}

bool store_is_sound(struct store *s)
{
	if (s->unsettled) {
		pack_wait(s);
		s->found_bad = s->found_bad || s->out.bad.len > 0;
	}
	s->unsettled = false;
	return !s->found_bad;
}

bool store_found_bad(const struct store *s)
{
	return s->found_bad;
}

/* ---- Syncing -------------------------------------------------------------------------------- */

static int store_enter_edges(struct store *s, const uint8_t hash[SHA256_LEN], struct bytes bytes)
{
	struct node node;
	struct entry_of e;
	int err = node_read(&node, bytes);

	for (size_t i = 0; err == 0 && i < node.n; i++) {
		node_entry(&node, i, &e);
		err = db_run(s->db,
			     "INSERT INTO edge (child, parent) VALUES ($1, $2)"
			     " ON CONFLICT (child, parent) DO NOTHING",
			     "bb", BYTES(e.hash, SHA256_LEN), BYTES(hash, SHA256_LEN));
	}
	return err;
}

/* A chunk's row. 1; 0: another process has stored it meanwhile, and ours is a hole, to be erased;
 * or an error. */
static int store_enter_row(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is)
{
	int err = db_run(s->db,
			 "INSERT INTO chunk (hash, pack, at, size, raw, form, node, day)"
			 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
			 " ON CONFLICT (hash) DO NOTHING",
			 "buuuuuuu", BYTES(hash, SHA256_LEN), is->pack, is->at, (uint64_t)is->size,
			 (uint64_t)is->raw, (uint64_t)is->form, (uint64_t)is->node, s->day);
	if (err < 0 || db_changes(s->db) > 0)
		return err < 0 ? err : 1;
	return db_run(s->db, "INSERT INTO hole (pack, at, len) VALUES ($1, $2, $3)", "uuu",
		      is->pack, is->at, (uint64_t)PACK_HEADER + is->size);
}

/* So many bytes more of a pack are chunks, the last of which ends there. */
struct growth {
	uint64_t pack, end, live; /* `live` 0: none */
};

static int store_grow(struct store *s, struct growth *g)
{
	int err = g->live == 0
			  ? 0
			  : db_run(s->db,
				   "INSERT INTO pack (number, size, live) VALUES ($1, $2, $3)"
				   " ON CONFLICT (number) DO UPDATE"
				   " SET size = excluded.size, live = pack.live + excluded.live",
				   "uuu", g->pack, g->end, g->live);
	g->live = 0;
	return err;
}

/* Chunks are entered in the order in which they stand in their packs. */
static int store_enter(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
			  struct growth *g)
{
	int got = store_enter_row(s, hash, is);
	int err = got > 0 && g->live && g->pack != is->pack ? store_grow(s, g) : 0;

	if (got <= 0 || err < 0)
		return got < 0 ? got : err;
	g->pack = is->pack;
	g->end = is->at + PACK_HEADER + is->size;
	g->live += PACK_HEADER + is->size;
	return 0;
}

static int store_enter_fresh(struct store *s, const struct fresh *f, struct growth *g)
{
	int err = f->known ? db_run(s->db, "UPDATE chunk SET node = 1 WHERE hash = $1", "b",
				    BYTES(f->hash, SHA256_LEN))
			   : store_enter(s, f->hash, &f->is, g);

	if (err == 0 && f->is.node)
		err = store_enter_edges(s, f->hash, buf_bytes(&f->node));
	return err;
}

/* The first `n` that are fresh are on the disk. */
static int store_enter_first(struct store *s, size_t n, struct cause *cause)
{
	struct growth g = {0};
	int err = 0;

	for (size_t i = 0; err == 0 && i < n; i++)
		err = s->fresh[i].bad ? 0 : store_enter_fresh(s, &s->fresh[i], &g);
	if (err == 0)
		err = store_grow(s, &g);
	return err < 0 ? cause_set(cause, err, "documents can't be stored: %s", err_words(err)) : 0;
}

bool store_sync_begin(struct store *s)
{
	if (s->closing.n || s->n_fresh == 0 || pack_is_full(s))
		return false;
	s->closing = (struct closing){s->n_fresh, s->unsynced};
	pack_sync_begin(s);
	return true;
}

bool store_is_syncing(const struct store *s)
{
	return s->closing.n > 0;
}

bool store_sync_is_done(struct store *s)
{
	return s->closing.n && atomic_load(&s->word.synced) && !atomic_load(&s->word.suspect);
}

/* Those behind move to the front. */
int store_sync_end(struct store *s, struct cause *cause)
{
	size_t n = s->closing.n;

	if (n == 0)
		return 0;
	int err = pack_sync_end(s, cause);
	if (atomic_load(&s->word.suspect))
		store_find_bad(s); /* who brought it is told by store_settle */
	if (err == 0)
		err = store_enter_first(s, n, cause);
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (!s->fresh[i].bad)
			hashes_remove(&s->index, s->fresh[i].hash);
		buf_fini(&s->fresh[i].node);
	}
	s->n_fresh -= n;
	s->unsynced -= s->closing.bytes;
	memmove(s->fresh, s->fresh + n, s->n_fresh * sizeof(*s->fresh));
	for (size_t i = 0; i < s->n_fresh; i++)
		if (!s->fresh[i].bad)
			hashes_put(&s->index, s->fresh[i].hash, i);
	s->closing = (struct closing){0};
	return 0;
}

int store_sync(struct store *s, struct cause *cause)
{
	if (s->n_fresh == 0)
		return 0;
	store_settle(s, NULL);
	int err = pack_sync(s, cause);
	if (err == 0)
		err = store_enter_first(s, s->n_fresh, cause);
	if (err == 0)
		store_clear_fresh(s);
	return err;
}

void store_rest(struct store *s)
{
	pack_rest(s);
}

size_t store_unsynced(const struct store *s)
{
	return s->unsynced - s->closing.bytes;
}

bool store_is_dirty(const struct store *s)
{
	return s->n_fresh > 0;
}

void store_forget(struct store *s)
{
	store_clear_fresh(s);
	pack_cut(s);
}

/* ---- Getting -------------------------------------------------------------------------------- */

int store_read_checked(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
		       struct buf *out)
{
	int err = pack_read(s, hash, is, &s->packed);

	if (err < 0)
		return err == ERR_MISSING ? ERR_CORRUPT : err;
	err = store_unpack(s->squeezer, hash, is->form, is->raw, buf_bytes(&s->packed), out);
	return err == ERR_INVALID ? ERR_CORRUPT : err;
}

int store_get(struct store *s, const uint8_t hash[SHA256_LEN], struct buf *out)
{
	struct stored is;
	int err = store_find(s, hash, &is);

	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	err = store_read_checked(s, hash, &is, out);
	if (err != ERR_CORRUPT)
		return err;
	/* Another process may have moved it: look again. */
	store_close_files(s);
	err = store_find(s, hash, &is);
	return err <= 0 ? (err < 0 ? err : ERR_MISSING) : store_read_checked(s, hash, &is, out);
}

int store_get_packed(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *is,
		     struct buf *out)
{
	int err = ERR_CORRUPT;

	for (int tries = 0; tries < 2 && (err == ERR_CORRUPT || err == ERR_MISSING); tries++) {
		if (tries)
			store_close_files(s);
		int got = store_find(s, hash, is);
		if (got <= 0)
			return got < 0 ? got : ERR_MISSING;
		err = pack_read(s, hash, is, out);
	}
	return err == ERR_MISSING ? ERR_CORRUPT : err;
}

int store_unpack(struct squeezer *s, const uint8_t hash[SHA256_LEN], enum form form, uint32_t raw,
		 struct bytes packed, struct buf *out)
{
	uint8_t is[SHA256_LEN];

	buf_reset(out);
	if (raw > CHUNK_MAX || packed.len > CHUNK_MAX || (form != FORM_RAW && form != FORM_ZSTD) ||
	    (form == FORM_RAW && packed.len != raw))
		return ERR_INVALID;
	uint8_t *to = buf_reserve(out, raw ? raw : 1);
	if (form == FORM_ZSTD) {
		if (unsqueeze(s, packed, to, raw) < 0)
			return ERR_INVALID;
	} else if (raw) {
		memcpy(to, packed.data, raw);
	}
	out->len = raw;
	sha256(buf_bytes(out), is);
	return memcmp(is, hash, SHA256_LEN) == 0 ? 0 : ERR_INVALID;
}

/* ---- Contents and edges --------------------------------------------------------------------- */

bool content_is_single(const struct content *c)
{
	return memcmp(c->root, c->sha, SHA256_LEN) == 0;
}

int store_content_set(struct store *s, const struct content *c)
{
	return db_run(s->db,
		      "INSERT INTO content (root, sha, bytes) VALUES ($1, $2, $3)"
		      " ON CONFLICT (root) DO NOTHING",
		      "bbu", BYTES(c->root, SHA256_LEN), BYTES(c->sha, SHA256_LEN), c->bytes);
}

int store_content(struct store *s, const uint8_t root[SHA256_LEN], struct content *out)
{
	struct db_stmt *st = db_query(s->db, "SELECT sha, bytes FROM content WHERE root = $1", "b",
				      BYTES(root, SHA256_LEN));
	int got = db_step(st);

	if (got <= 0)
		return got;
	bool whole = db_hash(st, 0, out->sha);
	memcpy(out->root, root, SHA256_LEN);
	out->bytes = (uint64_t)db_int(st, 1);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int store_content_forget(struct store *s, const uint8_t root[SHA256_LEN])
{
	return db_run(s->db, "DELETE FROM content WHERE root = $1", "b", BYTES(root, SHA256_LEN));
}

int store_parents(struct store *s, const uint8_t hash[SHA256_LEN],
		  int (*row)(void *arg, const uint8_t parent[SHA256_LEN]), void *arg)
{
	struct db_stmt *st = db_query(s->db, "SELECT parent FROM edge WHERE child = $1", "b",
				      BYTES(hash, SHA256_LEN));
	int got;

	while ((got = db_step(st)) > 0) {
		struct bytes parent = db_bytes(st, 0);
		got = parent.len == SHA256_LEN ? row(arg, parent.data) : ERR_CORRUPT;
		if (got != 0) {
			db_reset(st);
			return got;
		}
	}
	return got;
}
