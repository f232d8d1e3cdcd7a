/*
 * What this device holds: see holding.h. The table `holding` has the person's words: of a space its
 * policy, of a document keep or drop, of a version that its bytes are asked for.
 */
#include "client/holding.h"

#include "client/bell.h"
#include "client/copy_inside.h"
#include "common/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WANTED = 6,  /* of a version; beside enum hold and enum word */
	PRESENT = 1, /* in struct presence: the lowest bit, with the word above it */
};

/* ---- Words ---------------------------------------------------------------------------------- */

static int holding_get(struct copy *copy, const struct id *id, int64_t *what, uint64_t *most)
{
	struct db_stmt *st =
		db_query(copy_db(copy), "SELECT what, most FROM holding WHERE id = $1", "d", id);
	int got = db_step(st);

	if (got <= 0)
		return got;
	*what = db_int(st, 0);
	*most = (uint64_t)db_int(st, 1);
	db_reset(st);
	return 1;
}

static int holding_put(struct copy *copy, const struct id *id, int what, uint64_t most)
{
	if (!what)
		return db_run(copy_db(copy), "DELETE FROM holding WHERE id = $1", "d", id);
	return db_run(copy_db(copy),
		      "INSERT INTO holding (id, what, most) VALUES ($1, $2, $3)"
		      " ON CONFLICT (id) DO UPDATE SET what = excluded.what, most = excluded.most",
		      "diu", id, (int64_t)what, most);
}

void holding_print(struct copy *copy, char *out, size_t size)
{
	copy_meta_get(copy, "holding", out, size);
}

/* Ends the open transaction; a running `serve` looks at it anew. */
static int holding_save(struct copy *copy, int err)
{
	char print[32];

	snprintf(print, sizeof(print), "%" PRIu64, os_monotonic_us());
	if (err == 0)
		err = copy_meta_set(copy, "holding", print);
	if (err == 0)
		err = copy_commit(copy);
	if (err == 0)
		bell_ring(copy_home(copy));
	else
		copy_rollback(copy);
	return err;
}

int policy_of(struct copy *copy, const struct id *space, struct policy *out)
{
	int64_t what;
	uint64_t most;
	int got = holding_get(copy, space, &what, &most);

	*out = (struct policy){HOLD_NEWEST, POLICY_MOST};
	if (got > 0 && what >= HOLD_ALL && what <= HOLD_ON_DEMAND)
		*out = (struct policy){(enum hold)what, most};
	return got;
}

int policy_set(struct copy *copy, const struct id *space, const struct policy *policy)
{
	int err = inside_begin_alone(copy);
	if (err == 0)
		err = holding_put(copy, space, (int)policy->hold, policy->most);
	return holding_save(copy, err);
}

int holding_word(struct copy *copy, const struct id *document)
{
	int64_t what = WORD_NONE;
	uint64_t most;
	int got = holding_get(copy, document, &what, &most);
	return got < 0 ? got : what == WORD_KEEP || what == WORD_DROP ? (int)what : WORD_NONE;
}

int holding_set_word(struct copy *copy, const struct id *document, enum word word)
{
	int err = inside_begin_alone(copy);
	if (err == 0)
		err = holding_put(copy, document, (int)word, 0);
	return holding_save(copy, err);
}

/* ---- What there is -------------------------------------------------------------------------- */

static void mark_id(struct hashes *set, const struct id *id)
{
	uint8_t key[SHA256_LEN];
	hashes_key(id, key);
	hashes_put(set, key, 1);
}

static bool has_id(const struct hashes *set, const struct id *id)
{
	uint8_t key[SHA256_LEN];
	hashes_key(id, key);
	return hashes_find(set, key) != NULL;
}

/* The ids in a column of ids: ["0192...","0192..."]. */
static void mark_parents(struct hashes *set, const char *list)
{
	char text[ID_TEXT];
	struct id id;

	while (list && (list = strchr(list, '"'))) {
		snprintf(text, sizeof(text), "%.36s", ++list);
		if (id_parse(&id, text))
			mark_id(set, &id);
		list += strcspn(list, "\"");
		list += *list == '"';
	}
}

struct scan {
	struct buf rows;	/* of struct held_version */
	struct hashes stood_on; /* versions that others were made on top of */
	struct hashes picked;
};

static bool scan_row(struct scan *s, struct db_stmt *st)
{
	struct held_version v = {.here = false};

	if (!db_id(st, 0, &v.id) || !db_id(st, 1, &v.space))
		return false;
	mark_parents(&s->stood_on, db_text(st, 6));
	if (!db_id(st, 2, &v.document) ||
	    !contents_named(&v.content, db_bytes(st, 3), db_bytes(st, 4),
			    (uint64_t)db_int(st, 5)))
		return true; /* no document's, or of no content: nothing to hold */
	if (db_int(st, 9))
		return true; /* released: it names its content no more */
	v.own = db_int(st, 7) == 0;
	v.here = db_int(st, 8) != 0;
	v.gone = db_int(st, 10) != 0;
	buf_add(&s->rows, &v, sizeof(v));
	return true;
}

static int scan_versions(struct copy *copy, struct scan *s)
{
	struct db_stmt *st = db_query(
		copy_db(copy),
		"SELECT v.id, v.space, v.document, v.content, v.chunks, v.bytes, v.parents,"
		" v.number, EXISTS (SELECT 1 FROM content c"
		" WHERE c.root = coalesce(v.chunks, v.content)), v.released IS NOT NULL,"
		" EXISTS (SELECT 1 FROM \"document\" d WHERE d.id = v.document AND d.withdrawn)"
		" FROM \"version\" v WHERE v.withdrawn = 0 ORDER BY v.id DESC",
		"");
	int got;

	while ((got = db_step(st)) > 0)
		if (!scan_row(s, st)) {
			db_reset(st);
			return ERR_CORRUPT;
		}
	return got;
}

static int scan_picked(struct copy *copy, struct scan *s)
{
	struct db_stmt *st = db_query(
		copy_db(copy), "SELECT current FROM \"document\" WHERE current IS NOT NULL", "");
	struct id id;
	int got;

	while ((got = db_step(st)) > 0)
		if (db_id(st, 0, &id))
			mark_id(&s->picked, &id);
	return got;
}

/* What its space's policy and the word on its document say. `policy` is of the last one asked. */
static int holding_judge(struct copy *copy, struct held_version *v, struct policy *policy,
			 struct id *space)
{
	int word = holding_word(copy, &v->document);

	if (word < 0)
		return word;
	if (!id_equal(space, &v->space)) {
		int got = policy_of(copy, &v->space, policy);
		if (got < 0)
			return got;
		*space = v->space;
	}
	v->word = (enum word)word;
	bool fits = policy->most == 0 || v->content.bytes <= policy->most;
	v->wanted = word == WORD_DROP		? false
		    : word == WORD_KEEP && v->newest ? true
		    : v->gone			? false
		    : policy->hold == HOLD_ALL	? fits
		    : policy->hold == HOLD_NEWEST	? v->newest && fits
							: false;
	return 0;
}

int holding_list(struct copy *copy, struct held_version **out)
{
	struct scan s = {.rows = {0}};
	struct id space = {{0}};
	struct policy policy = {HOLD_NEWEST, POLICY_MOST};
	int err = scan_versions(copy, &s);

	if (err == 0)
		err = scan_picked(copy, &s);
	*out = (struct held_version *)s.rows.data;
	int n = (int)(s.rows.len / sizeof(**out));
	for (int i = 0; i < n && err == 0; i++) {
		struct held_version *v = &(*out)[i];
		v->newest = !has_id(&s.stood_on, &v->id) || has_id(&s.picked, &v->id);
		err = holding_judge(copy, v, &policy, &space);
	}
	hashes_fini(&s.stood_on);
	hashes_fini(&s.picked);
	if (err == 0)
		return n;
	free(*out);
	*out = NULL;
	return err;
}

int presence_init(struct presence *p, struct copy *copy)
{
	struct held_version *list = NULL;
	int n = holding_list(copy, &list);

	for (int i = 0; i < n; i++) {
		const struct held_version *v = &list[i];
		uint8_t key[SHA256_LEN];
		hashes_key(&v->id, key);
		hashes_put(&p->ids, key, v->here);
		hashes_key(&v->document, key);
		const uint64_t *known = v->newest ? hashes_find(&p->ids, key) : NULL;
		if (v->newest)
			hashes_put(&p->ids, key,
				   (v->here && (!known || *known & PRESENT)) |
					   (uint64_t)v->word << PRESENT);
	}
	free(list);
	return n < 0 ? n : 0;
}

void presence_fini(struct presence *p)
{
	hashes_fini(&p->ids);
}

int presence_of(const struct presence *p, const struct id *id)
{
	uint8_t key[SHA256_LEN];

	hashes_key(id, key);
	const uint64_t *here = hashes_find(&p->ids, key);
	return here ? (int)(*here & PRESENT) : -1;
}

enum word presence_word(const struct presence *p, const struct id *document)
{
	uint8_t key[SHA256_LEN];

	hashes_key(document, key);
	const uint64_t *here = hashes_find(&p->ids, key);
	return here ? (enum word)(*here >> PRESENT) : WORD_NONE;
}

/* ---- Wanting -------------------------------------------------------------------------------- */

int holding_want(struct copy *copy, const struct id *versions, size_t n)
{
	int err = inside_begin_alone(copy);

	/* What came meanwhile is wanted no more. */
	if (err == 0)
		err = db_run(copy_db(copy),
			     "DELETE FROM holding WHERE what = $1 AND id NOT IN"
			     " (SELECT v.id FROM \"version\" v WHERE v.released IS NULL"
			     " AND NOT EXISTS (SELECT 1 FROM content c"
			     " WHERE c.root = coalesce(v.chunks, v.content)))",
			     "i", (int64_t)WANTED);
	for (size_t i = 0; i < n && err == 0; i++)
		err = holding_put(copy, &versions[i], WANTED, 0);
	return holding_save(copy, err);
}

static int wanted_asked(struct copy *copy, struct buf *contents)
{
	struct db_stmt *st = db_query(
		copy_db(copy),
		"SELECT v.content, v.chunks, v.bytes FROM holding h"
		" JOIN \"version\" v ON v.id = h.id WHERE h.what = $1 AND v.released IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM content c"
		" WHERE c.root = coalesce(v.chunks, v.content)) ORDER BY v.id DESC",
		"i", (int64_t)WANTED);
	struct content c;
	int got;

	while ((got = db_step(st)) > 0)
		if (contents_named(&c, db_bytes(st, 0), db_bytes(st, 1), (uint64_t)db_int(st, 2)))
			buf_add(contents, &c, sizeof(c));
	return got;
}

int holding_wanted(struct copy *copy, bool policy, struct buf *contents)
{
	struct held_version *list = NULL;
	int err = wanted_asked(copy, contents), n;

	if (err < 0 || !policy)
		return err;
	n = holding_list(copy, &list);
	for (int i = 0; i < n; i++)
		if (list[i].wanted && !list[i].here && !list[i].own)
			buf_add(contents, &list[i].content, sizeof(list[i].content));
	free(list);
	return n < 0 ? n : 0;
}

int holding_want_none(struct copy *copy)
{
	int err = inside_begin_alone(copy);
	if (err == 0)
		err = db_run(copy_db(copy), "DELETE FROM holding WHERE what = $1", "i",
			     (int64_t)WANTED);
	return holding_save(copy, err);
}

int holding_is_named(struct copy *copy, const uint8_t root[SHA256_LEN])
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT 1 FROM \"version\" WHERE released IS NULL"
				      " AND coalesce(chunks, content) = $1 LIMIT 1",
				      "b", BYTES(root, SHA256_LEN));
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

/* ---- Dropping ------------------------------------------------------------------------------- */

int holding_drop(struct copy *copy, const struct held_version *list, size_t n,
		 bool (*drop)(void *arg, const struct held_version *v), void *arg)
{
	struct hashes stays = {0}, goes = {0};
	struct buf roots = {0};
	int gone = 0, err;

	for (size_t i = 0; i < n; i++)
		if (list[i].here && (list[i].own || !drop(arg, &list[i])))
			hashes_put(&stays, list[i].content.root, 1);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *root = list[i].content.root;
		if (!list[i].here || hashes_find(&stays, root) || hashes_find(&goes, root))
			continue;
		hashes_put(&goes, root, 1);
		buf_add(&roots, root, SHA256_LEN);
		gone++;
	}
	err = gone ? inside_begin_alone(copy) : 0;
	if (err == 0 && gone)
		err = holding_save(copy, contents_drop(copy, buf_bytes(&roots)));
	if (err == 0 && gone)
		err = contents_tidy(copy, false);
	hashes_fini(&stays);
	hashes_fini(&goes);
	buf_fini(&roots);
	return err < 0 ? err : gone;
}

/* ---- In all --------------------------------------------------------------------------------- */

/* A document counts once, also where versions of it were made apart; it is here if all of them are.
 * `counted`: by document, whether it was here so far. */
static void count_document(const struct held_version *v, struct hashes *counted,
			   struct holding *out)
{
	uint8_t key[SHA256_LEN];

	if (!v->newest)
		return;
	hashes_key(&v->document, key);
	const uint64_t *before = hashes_find(counted, key);
	out->documents += !before;
	if (v->here && !before)
		out->here++;
	else if (!v->here && before && *before)
		out->here--;
	hashes_put(counted, key, v->here && (!before || *before));
}

/* `again`: another version of the same bytes was counted before. */
static void count_one(const struct held_version *v, bool again, struct holding *out)
{
	if (again)
		return;
	if (v->here) {
		out->bytes_here += v->content.bytes;
	} else if (v->wanted && !v->own) {
		out->wanted++;
		out->bytes_wanted += v->content.bytes;
	} else if (v->newest && !v->own) {
		out->others++;
		out->bytes_others += v->content.bytes;
	}
}

int holding_count(struct copy *copy, const struct id *space, struct holding *out)
{
	struct held_version *list = NULL;
	struct hashes counted = {0}, documents = {0};
	int n = holding_list(copy, &list);

	*out = (struct holding){0};
	for (int i = 0; i < n; i++) {
		const struct held_version *v = &list[i];
		if (v->gone || (space && !id_equal(space, &v->space)))
			continue;
		count_document(v, &documents, out);
		count_one(v, hashes_find(&counted, v->content.root) != NULL, out);
		if (v->here || v->wanted || v->newest)
			hashes_put(&counted, v->content.root, 1);
	}
	hashes_fini(&counted);
	hashes_fini(&documents);
	free(list);
	return n < 0 ? n : 0;
}
