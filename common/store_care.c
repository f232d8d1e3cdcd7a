/*
 * What is not needed is taken out of the tables first (doomed, reaped), and erased from the packs
 * only once that is on disk (holes, scrubbed): a crash between leaves something to do, never a
 * chunk that is named and gone. Each step is small and may be the last before a crash.
 */
#include "common/store_inside.h"

#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Removing ------------------------------------------------------------------------------- */

int store_doom(struct store *s, const uint8_t hash[SHA256_LEN])
{
	return db_run(s->db, "INSERT INTO doomed (hash) VALUES ($1) ON CONFLICT (hash) DO NOTHING",
		      "b", BYTES(hash, SHA256_LEN));
}

/* What lists a chunk. */
struct above {
	struct store *s;
	struct buf lost; /* lists that are not here: they were damaged, and taken out */
};

static int above_row(void *arg, const uint8_t parent[SHA256_LEN])
{
	struct above *a = arg;
	struct stored is;
	int got = hashes_find(&a->s->index, parent) ? 1 : store_row(a->s, parent, &is, NULL);

	if (got == 0)
		buf_add(&a->lost, parent, SHA256_LEN);
	return got;
}

/*
 * Does a list hold the chunk? One that is not here does, as long as somebody may bring it back:
 * while it is kept itself, or another list holds it. One that nobody needs lets go of the chunk.
 * 1, 0 or an error.
 */
static int is_held(struct store *s, const uint8_t hash[SHA256_LEN], unsigned depth,
		   store_keep_fn keep, void *arg)
{
	struct above a = {.s = s};
	int got = store_parents(s, hash, above_row, &a);

	for (size_t i = 0; got == 0 && i < a.lost.len; i += SHA256_LEN) {
		const uint8_t *parent = a.lost.data + i;
		got = keep(arg, parent, 0);
		if (got == 0 && depth < LEVEL_MAX)
			got = is_held(s, parent, depth + 1, keep, arg);
		if (got == 0)
			got = db_run(s->db, "DELETE FROM edge WHERE child = $1 AND parent = $2",
				     "bb", BYTES(hash, SHA256_LEN), BYTES(parent, SHA256_LEN));
	}
	buf_fini(&a.lost);
	return got;
}

/* What only this node listed is doomed too. */
static int reap_children(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is)
{
	struct node node;
	struct entry_of e;
	int err = store_read_checked(s, hash, is, &s->raw);

	if (err < 0 && err != ERR_CORRUPT)
		return err;
	if (err == ERR_CORRUPT || node_read(&node, buf_bytes(&s->raw)) < 0) {
		/* It can't say what it listed: the tables can, slowly. */
		err = db_run(s->db,
			     "INSERT INTO doomed (hash) SELECT child FROM edge WHERE parent = $1"
			     " ON CONFLICT (hash) DO NOTHING",
			     "b", BYTES(hash, SHA256_LEN));
		return err < 0 ? err
			       : db_run(s->db, "DELETE FROM edge WHERE parent = $1", "b",
					BYTES(hash, SHA256_LEN));
	}
	for (size_t i = 0; err == 0 && i < node.n; i++) {
		node_entry(&node, i, &e);
		err = db_run(s->db, "DELETE FROM edge WHERE child = $1 AND parent = $2", "bb",
			     BYTES(e.hash, SHA256_LEN), BYTES(hash, SHA256_LEN));
		if (err == 0)
			err = store_doom(s, e.hash);
	}
	return err;
}

/* Out of the tables; its bytes become a hole. */
static int chunk_remove(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is)
{
	uint64_t len = PACK_HEADER + (uint64_t)is->size;
	int err = db_run(s->db, "DELETE FROM chunk WHERE hash = $1", "b", BYTES(hash, SHA256_LEN));

	if (err == 0)
		err = store_content_forget(s, hash);
	if (err == 0)
		err = db_run(s->db, "UPDATE pack SET live = live - $1 WHERE number = $2", "uu", len,
			     is->pack);
	if (err == 0)
		err = db_run(s->db,
			     "INSERT INTO hole (pack, at, len) VALUES ($1, $2, $3)"
			     " ON CONFLICT (pack, at) DO NOTHING",
			     "uuu", is->pack, is->at, len);
	return err;
}

static int reap_one(struct store *s, const uint8_t hash[SHA256_LEN], store_keep_fn keep, void *arg)
{
	struct stored is;
	uint64_t day = 0;
	int got = hashes_find(&s->index, hash) ? 0 : store_row(s, hash, &is, &day);

	if (got <= 0)
		return got;
	got = is_held(s, hash, 0, keep, arg);
	if (got == 0)
		got = keep(arg, hash, day);
	if (got != 0)
		return got < 0 ? got : 0;
	int err = is.node ? reap_children(s, hash, &is) : 0;
	return err < 0 ? err : chunk_remove(s, hash, &is);
}

/* The next hash of a query that gives one. 1, 0 or an error. */
static int next_hash(struct db_stmt *st, uint8_t hash[SHA256_LEN])
{
	int got = db_step(st);

	if (got <= 0)
		return got;
	bool whole = db_hash(st, 0, hash);
	db_reset(st);
	return whole ? 1 : ERR_CORRUPT;
}

int store_reap(struct store *s, size_t most, store_keep_fn keep, void *arg)
{
	uint8_t hash[SHA256_LEN];
	int got = 1;

	for (size_t i = 0; i < most; i++) {
		got = next_hash(db_query(s->db, "SELECT hash FROM doomed LIMIT 1", ""), hash);
		if (got <= 0)
			return got;
		got = db_run(s->db, "DELETE FROM doomed WHERE hash = $1", "b",
			     BYTES(hash, SHA256_LEN));
		if (got == 0)
			got = reap_one(s, hash, keep, arg);
		if (got < 0)
			return got;
	}
	return 1;
}

int store_sweep(struct store *s, uint8_t from[SHA256_LEN], size_t most, store_keep_fn keep,
		void *arg)
{
	for (size_t i = 0; i < most; i++) {
		struct stored is;
		uint64_t day = 0;
		int got = next_hash(db_query(s->db,
					     "SELECT hash FROM chunk WHERE hash > $1"
					     " ORDER BY hash LIMIT 1",
					     "b", BYTES(from, SHA256_LEN)),
				    from);
		if (got == 0)
			memset(from, 0, SHA256_LEN);
		if (got <= 0)
			return got;
		got = is_held(s, from, 0, keep, arg);
		if (got == 0 && (got = store_row(s, from, &is, &day)) > 0)
			got = keep(arg, from, day);
		if (got == 0)
			got = store_doom(s, from);
		if (got < 0)
			return got;
	}
	return 1;
}

/* ---- Erasing -------------------------------------------------------------------------------- */

/* A pack of which nothing is left goes as a whole, unless somebody appends to it. */
static int scrub_pack(struct store *s, uint64_t pack)
{
	struct os_lock *lock = NULL;
	struct db_stmt *st = db_query(s->db, "SELECT live FROM pack WHERE number = $1", "u", pack);
	int got = db_step(st);
	bool empty = got > 0 && db_int(st, 0) == 0;

	if (got > 0)
		db_reset(st);
	if (got < 0 || !empty || pack == s->out.pack || pack_size(s, pack) == 0)
		return got < 0 ? got : 0;
	char *path = pack_path(s, pack);
	int err = os_lock_open(&lock, path, NULL);
	if (err == 0)
		err = os_lock_take(lock, true, false);
	if (err == 0) {
		err = db_run(s->db, "DELETE FROM hole WHERE pack = $1", "u", pack);
		if (err == 0)
			err = db_run(s->db, "DELETE FROM pack WHERE number = $1", "u", pack);
		if (err == 0)
			pack_remove(s, pack);
	}
	os_lock_close(&lock);
	free(path);
	return err == ERR_AGAIN ? 0 : err;
}

int store_hold(const char *dir, struct os_lock **lock, struct cause *cause)
{
	int err = os_lock_open_dir(lock, dir, cause);

	if (err == 0 && (err = os_lock_take(*lock, false, true)) < 0)
		cause_set(cause, err, "%s can't be locked", dir);
	return err == ERR_MISSING ? 0 : err;
}

/* Holes that touch are erased as one. */
static int store_scrub_some(struct store *s, size_t most)
{
	for (size_t i = 0; i < most; i++) {
		struct db_stmt *st = db_query(
			s->db, "SELECT pack, at, len FROM hole ORDER BY pack, at LIMIT 256", "");
		uint64_t pack = 0, at = 0, len = 0;
		int got;
		while ((got = db_step(st)) > 0) {
			uint64_t p = (uint64_t)db_int(st, 0), a = (uint64_t)db_int(st, 1);
			if (len && (p != pack || a != at + len))
				break;
			if (len == 0)
				at = a;
			pack = p;
			len += (uint64_t)db_int(st, 2);
		}
		if (got > 0)
			db_reset(st);
		if (got < 0 || len == 0)
			return got < 0 ? got : 0;
		got = pack_erase(s, pack, at, len);
		if (got == 0)
			got = db_run(s->db,
				     "DELETE FROM hole WHERE pack = $1 AND at >= $2 AND at < $3",
				     "uuu", pack, at, at + len);
		if (got == 0)
			got = scrub_pack(s, pack);
		if (got < 0)
			return got;
	}
	return 1;
}

int store_scrub(struct store *s, size_t most)
{
	struct os_lock *lock = NULL;
	int err = os_lock_open_dir(&lock, s->dir, NULL);

	if (err == 0)
		err = os_lock_take(lock, true, false);
	if (err == 0)
		err = store_scrub_some(s, most);
	os_lock_close(&lock);
	return err == ERR_MISSING ? 0 : err;
}

/* ---- Compacting ----------------------------------------------------------------------------- */

/* A pack of more than 1 MiB that is less than half used. 1, 0 or an error. */
static int compact_choose(struct store *s, uint64_t *pack)
{
	struct db_stmt *st = db_query(s->db,
				      "SELECT number FROM pack WHERE number <> $1 AND live > 0"
				      " AND size > 1048576 AND live < size / 2 LIMIT 1",
				      "u", s->out.fd >= 0 ? s->out.pack : 0);
	int got = db_step(st);

	if (got <= 0)
		return got;
	*pack = (uint64_t)db_int(st, 0);
	db_reset(st);
	return 1;
}

/* A copy of it in the pack that is appended to. False: it can't be read, which fsck tells of, or
 * there is no room, which is no reason for anything else to fail. */
static bool compact_copy(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
			 struct stored *to)
{
	*to = *is;
	if (store_read_checked(s, hash, is, &s->raw) < 0 ||
	    pack_append(s, hash, to, buf_bytes(&s->packed), NULL, NULL) < 0)
		return false;
	if (pack_sync(s, NULL) == 0)
		return true;
	s->out.end = to->at;
	return false;
}

/* 1; 0: it stays where it is; or an error of the tables. */
static int compact_one(struct store *s, const uint8_t hash[SHA256_LEN])
{
	struct stored is, to;
	int got = store_row(s, hash, &is, NULL);

	if (got <= 0 || !compact_copy(s, hash, &is, &to))
		return got < 0 ? got : 0;
	int err = db_run(s->db, "UPDATE chunk SET pack = $1, at = $2 WHERE hash = $3", "uub",
			 to.pack, to.at, BYTES(hash, SHA256_LEN));
	if (err == 0)
		err = db_run(s->db,
			     "INSERT INTO pack (number, size, live) VALUES ($1, $2, $3)"
			     " ON CONFLICT (number) DO UPDATE"
			     " SET size = excluded.size, live = pack.live + excluded.live",
			     "uuu", to.pack, to.at + PACK_HEADER + to.size,
			     (uint64_t)PACK_HEADER + to.size);
	if (err == 0)
		err = db_run(s->db, "UPDATE pack SET live = live - $1 WHERE number = $2", "uu",
			     (uint64_t)PACK_HEADER + is.size, is.pack);
	if (err == 0)
		err = db_run(s->db,
			     "INSERT INTO hole (pack, at, len) VALUES ($1, $2, $3)"
			     " ON CONFLICT (pack, at) DO NOTHING",
			     "uuu", is.pack, is.at, (uint64_t)PACK_HEADER + is.size);
	return err < 0 ? err : 1;
}

int store_compact(struct store *s, size_t most)
{
	uint8_t hash[SHA256_LEN];
	uint64_t pack;
	int got = compact_choose(s, &pack);

	for (size_t i = 0; got > 0 && i < most; i++) {
		got = next_hash(
			db_query(s->db,
				 "SELECT hash FROM chunk WHERE pack = $1 ORDER BY at LIMIT 1", "u",
				 pack),
			hash);
		if (got > 0)
			got = compact_one(s, hash);
	}
	return got;
}

/* ---- Checking ------------------------------------------------------------------------------- */

struct checking {
	struct store *s;
	bool (*fault)(void *arg, enum store_fault what, const uint8_t *hash, const char *words);
	void *arg;
	uint64_t pack, end; /* up to here the pack was looked at */
	struct buf doomed;  /* hashes to take out */
};

/* Is a stretch that no table names empty? */
static int check_stretch(struct checking *c, uint64_t from, uint64_t to)
{
	uint8_t block[16 * 1024];
	uint64_t first = 0, bytes = 0;
	char words[128];
	size_t n;

	for (uint64_t at = from; at < to; at += sizeof(block)) {
		size_t len = to - at < sizeof(block) ? (size_t)(to - at) : sizeof(block);
		int err = pack_bytes(c->s, c->pack, at, block, len, &n);
		if (err < 0)
			return err == ERR_MISSING ? 0 : err;
		for (size_t i = 0; i < n; i++)
			if (block[i]) {
				first = bytes++ ? first : at + i;
			}
	}
	if (bytes == 0)
		return 0;
	snprintf(words, sizeof(words), "pack-%llu holds something at %llu that nobody names",
		 (unsigned long long)c->pack, (unsigned long long)first);
	return c->fault(c->arg, STORE_STRAY, NULL, words)
		       ? pack_erase(c->s, c->pack, from, to - from)
		       : 0;
}

/* Between two chunks. What was taken out and waits to be erased is no fault. */
static int check_gap(struct checking *c, uint64_t from, uint64_t to)
{
	int err = 0;

	while (err == 0 && from < to) {
		struct db_stmt *st = db_query(c->s->db,
					      "SELECT at, len FROM hole WHERE pack = $1 AND"
					      " at >= $2 AND at < $3 ORDER BY at LIMIT 1",
					      "uuu", c->pack, from, to);
		int got = db_step(st);
		uint64_t hole = got > 0 ? (uint64_t)db_int(st, 0) : to;
		uint64_t len = got > 0 ? (uint64_t)db_int(st, 1) : 0;

		if (got > 0)
			db_reset(st);
		err = got < 0 ? got : check_stretch(c, from, hole);
		from = hole + len;
	}
	return err;
}

/* The end of one pack, the beginning of the next. What is behind the end that the tables know was
 * being appended when something went wrong: who appends next cuts it off. */
static int check_turn(struct checking *c, uint64_t pack)
{
	uint64_t end = 0;
	int err = c->pack ? pack_end(c->s, c->pack, &end) : 0;

	if (err == 0 && end > c->end)
		err = check_gap(c, c->end, end);
	c->pack = pack;
	c->end = 0;
	return err;
}

static int check_row(struct checking *c, const uint8_t hash[SHA256_LEN], const struct stored *is)
{
	struct node node;
	char words[96];
	int err = is->pack != c->pack ? check_turn(c, is->pack) : 0;

	if (err == 0 && is->at > c->end)
		err = check_gap(c, c->end, is->at);
	if (err < 0)
		return err;
	c->end = is->at + PACK_HEADER + is->size;
	err = pack_read(c->s, hash, is, &c->s->packed);
	bool missing = err == ERR_MISSING;
	if (err == 0)
		err = store_unpack(c->s->squeezer, hash, is->form, is->raw,
				   buf_bytes(&c->s->packed), &c->s->raw);
	if (err == 0 && is->node && node_read(&node, buf_bytes(&c->s->raw)) < 0)
		err = ERR_CORRUPT;
	if (err == 0)
		return 0;
	if (err != ERR_CORRUPT && err != ERR_INVALID && err != ERR_MISSING)
		return err;
	snprintf(words, sizeof(words), "a part of a document is %s (%02x%02x%02x%02x)",
		 missing ? "missing" : "damaged", hash[0], hash[1], hash[2], hash[3]);
	if (c->fault(c->arg, missing ? STORE_MISSING : STORE_DAMAGED, hash, words))
		buf_add(&c->doomed, hash, SHA256_LEN);
	return 0;
}

int store_take_out(struct store *s, const uint8_t hash[SHA256_LEN])
{
	struct stored is;
	int got = store_row(s, hash, &is, NULL);

	return got <= 0 ? got : chunk_remove(s, hash, &is);
}

static int check_mend(struct checking *c)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < c->doomed.len; i += SHA256_LEN)
		err = store_take_out(c->s, c->doomed.data + i);
	return err;
}

/* Packs that no chunk stands in. */
static int check_packs(struct checking *c)
{
	struct buf packs = {0};
	struct db_stmt *st = db_query(c->s->db,
				      "SELECT number FROM pack WHERE NOT EXISTS"
				      " (SELECT 1 FROM chunk WHERE chunk.pack = pack.number)",
				      "");
	int got;

	while ((got = db_step(st)) > 0) {
		uint64_t pack = (uint64_t)db_int(st, 0);
		buf_add(&packs, &pack, sizeof(pack));
	}
	for (size_t i = 0; got == 0 && i < packs.len; i += sizeof(uint64_t)) {
		memcpy(&c->pack, packs.data + i, sizeof(c->pack));
		c->end = 0;
		got = check_turn(c, 0);
	}
	buf_fini(&packs);
	return got;
}

int store_check(struct store *s,
		bool (*fault)(void *arg, enum store_fault what, const uint8_t *hash,
			      const char *words),
		void *arg)
{
	struct checking c = {.s = s, .fault = fault, .arg = arg};
	struct db_stmt *st = db_query(
		s->db, "SELECT hash, pack, at, size, raw, form, node FROM chunk ORDER BY pack, at",
		"");
	uint8_t hash[SHA256_LEN];
	int got, err = 0;

	while ((got = db_step(st)) > 0) {
		struct stored is = {.pack = (uint64_t)db_int(st, 1),
				    .at = (uint64_t)db_int(st, 2),
				    .size = (uint32_t)db_int(st, 3),
				    .raw = (uint32_t)db_int(st, 4),
				    .form = (enum form)db_int(st, 5),
				    .node = db_int(st, 6) != 0};
		err = !db_hash(st, 0, hash) || is.size > CHUNK_MAX || is.raw > CHUNK_MAX
			      ? ERR_CORRUPT
			      : check_row(&c, hash, &is);
		if (err < 0) {
			db_reset(st);
			break;
		}
	}
	err = err < 0 ? err : got;
	if (err == 0)
		err = check_turn(&c, 0);
	if (err == 0)
		err = check_packs(&c);
	if (err == 0 && c.doomed.len)
		err = check_mend(&c);
	buf_fini(&c.doomed);
	return err;
}
