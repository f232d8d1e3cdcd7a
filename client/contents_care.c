/*
 * Care for the contents in the store: see contents.h. What nothing names any more goes, what is
 * damaged is taken out to be fetched again, and fsck looks at all of it.
 */
#include "client/contents_inside.h"

#include "client/called.h"
#include "client/texts.h"
#include "common/checkup.h"
#include "common/hashes.h"
#include "common/os.h"

#include <stdlib.h>
#include <string.h>

enum {
	KEEP_DAYS = 14, /* what is not named, as of a transfer that was cut */
	TIDY_STEP = 256,
};

/* Roots that a Version here, or a change that was not accepted, names. */
struct keeping {
	struct copy *copy;
	struct hashes named;
	struct hashes dropped; /* of these, what a Version names is not kept for that */
	uint64_t since; /* what came on this day or later is kept, as of a transfer that was cut */
};

static void keeping_add(struct keeping *k, struct bytes roots)
{
	for (size_t i = 0; i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		hashes_put(&k->named, roots.data + i, 1);
}

static bool keeping_add_version(struct keeping *k, struct bytes fields)
{
	static const struct id none;
	struct content content;
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	record_init(&r, &arena, &none, TYPE_VERSION);
	bool whole = record_unpack(&r, fields) >= 0;
	if (whole && contents_of(&r, &content) && !contents_released(&r).len &&
	    !hashes_find(&k->dropped, content.root))
		keeping_add(k, BYTES(content.root, SHA256_LEN));
	arena_fini(&arena);
	return whole;
}

static int keeping_init(struct keeping *k, struct copy *copy, uint64_t since)
{
	struct db_stmt *st = db_query(
		copy_db(copy),
		"SELECT type, fields FROM record WHERE type = 19"
		" UNION ALL SELECT 0, contents FROM pending WHERE contents IS NOT NULL", "");
	int got;

	_Static_assert(TYPE_VERSION == 19, "the number in the SQL above");
	k->copy = copy;
	k->since = since;
	while ((got = db_step(st)) > 0) {
		if (db_int(st, 0) == 0)
			keeping_add(k, db_bytes(st, 1));
		else if (!keeping_add_version(k, db_bytes(st, 1))) {
			db_reset(st);
			return ERR_CORRUPT;
		}
	}
	return got;
}

static int keeping_keep(void *arg, const uint8_t hash[SHA256_LEN], uint64_t day)
{
	const struct keeping *k = arg;
	return day >= k->since || hashes_find(&k->named, hash) ? 1 : 0;
}

static void keeping_fini(struct keeping *k)
{
	hashes_fini(&k->named);
	hashes_fini(&k->dropped);
}

static int keeping_remove(struct keeping *k, struct copy *copy, struct bytes roots)
{
	int err = keeping_init(k, copy, UINT64_MAX);

	for (size_t i = 0; err == 0 && i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		err = store_doom(copy_store(copy), roots.data + i);
	for (int more = 1; err == 0 && more > 0; err = more < 0 ? more : 0)
		more = store_reap(copy_store(copy), TIDY_STEP, keeping_keep, k);
	keeping_fini(k);
	return err < 0 ? err : texts_forget(copy);
}

int contents_remove(struct copy *copy, struct bytes roots)
{
	struct keeping k = {.since = 0};
	return keeping_remove(&k, copy, roots);
}

int contents_drop(struct copy *copy, struct bytes roots)
{
	struct keeping k = {.since = 0};

	for (size_t i = 0; i + SHA256_LEN <= roots.len; i += SHA256_LEN)
		hashes_put(&k.dropped, roots.data + i, 1);
	return keeping_remove(&k, copy, roots);
}

/* Most are not here: then there is nothing to look for. */
int contents_release(struct copy *copy, const struct record *version)
{
	struct content content;
	struct stored is;

	if (!contents_of(version, &content))
		return 0;
	int got = store_find(copy_store(copy), content.root, &is);
	if (got > 0)
		buf_add(&copy->released, content.root, SHA256_LEN);
	return got < 0 ? got : 0;
}

int contents_remove_released(struct copy *copy)
{
	if (copy->released.len == 0)
		return 0;
	int err = contents_remove(copy, buf_bytes(&copy->released));
	buf_reset(&copy->released);
	copy->erases = true;
	return err < 0 ? err : copy_meta_set(copy, "scrub", "1");
}

/* Look at all chunks for what nothing names. */
static int tidy_sweep(struct copy *copy)
{
	uint64_t day = inside_today(copy);
	uint8_t from[SHA256_LEN] = {0};
	struct keeping k = {.since = 0};
	int more = keeping_init(&k, copy, day > KEEP_DAYS ? day - KEEP_DAYS : 0);

	more = more < 0 ? more : 1;
	while (more > 0) {
		more = copy_begin(copy);
		if (more == 0)
			more = store_sweep(copy_store(copy), from, TIDY_STEP, keeping_keep, &k);
		int err =
			more < 0 ? more : store_reap(copy_store(copy), SIZE_MAX, keeping_keep, &k);
		if (err >= 0)
			err = copy_commit(copy);
		more = err < 0 ? err : more;
	}
	keeping_fini(&k);
	return more;
}

int contents_tidy(struct copy *copy, bool sweep)
{
	struct store *store = copy_store(copy);
	int more = inside_commit_others(copy);

	if (more == 0 && sweep)
		more = tidy_sweep(copy);
	if (more == 0)
		more = 1;
	while (more > 0) {
		more = copy_begin(copy);
		if (more == 0)
			more = store_scrub(store, TIDY_STEP);
		if (more == 0 && sweep)
			more = store_compact(store, TIDY_STEP);
		int err = more < 0 ? more : copy_commit(copy);
		more = err < 0 ? err : more;
	}
	if (more < 0)
		copy_rollback(copy);
	if (more == ERR_AGAIN) {
		int err = copy_meta_set(copy, "scrub", "1");
		return err < 0 ? err : 1;
	}
	return more == ERR_CORRUPT ? 0 : more; /* fsck tells of it */
}

struct mending {
	struct copy *copy;
	struct buf chunk, bad;
};

static int mend_row(void *arg, const uint8_t hash[SHA256_LEN], bool here)
{
	struct mending *m = arg;
	int err = here ? store_get(copy_store(m->copy), hash, &m->chunk) : 0;

	if (err == ERR_CORRUPT)
		buf_add(&m->bad, hash, SHA256_LEN);
	return err == ERR_CORRUPT ? 0 : err;
}

int contents_mend(struct copy *copy, const struct content *c)
{
	struct store *store = copy_store(copy);
	struct mending m = {.copy = copy};
	bool single = content_is_single(c);
	int err = content_each(store, c->root, single ? 0 : LEVEL_MAX, mend_row, &m);

	if (err == 0)
		err = copy_begin(copy);
	for (size_t i = 0; err == 0 && i < m.bad.len; i += SHA256_LEN)
		err = store_take_out(store, m.bad.data + i);
	if (err == 0)
		err = store_content_forget(store, c->root);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0)
		copy_rollback(copy);
	buf_fini(&m.chunk);
	buf_fini(&m.bad);
	return err;
}

int contents_check(struct copy *copy, bool mend, void (*fault)(void *arg, const char *words),
		   void *arg)
{
	struct called *called = called_new(copy);
	struct checkup c = {.store = copy_store(copy),
			    .mend = mend,
			    .fault = fault,
			    .arg = arg,
			    .call = called_names,
			    .call_arg = called};
	char *documents = mem_format("%s/documents", copy_home(copy));
	struct os_lock *hold = NULL;
	int err = store_hold(documents, &hold, NULL);

	if (err == 0)
		err = checkup_store(&c);
	if (err == 0)
		err = checkup_contents(&c);
	os_lock_close(&hold);
	free(documents);
	checkup_end(&c);
	called_free(&called);
	return err;
}
