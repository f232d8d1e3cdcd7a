/*
 * Rights over chunks, asked upwards: from a chunk to the nodes that list it, to the roots, to the
 * Versions that name these, to the spaces they are in. A node's entries follow from its bytes, so
 * that who sent it makes no difference; a root counts only once a Version names it, and that is
 * accepted only from one who has sent, or may read, all that is below.
 *
 * What a session has brought is noted in memory and written together with the chunks themselves.
 */
#include "server/shelf.h"

#include "common/checkup.h"
#include "common/hashes.h"
#include "common/log.h"
#include "server/quota.h"
#include "server/titles.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, TIDY_STEP = 64, GRANTS_MOST = 4096 };
/* Lists below a root that are asked for one node: all of a usual document's, and all of the lists
 * of lists of the largest. */
enum { NEAR_LISTS = NODE_MAX + 1, FAR_LISTS = 64 * 1024 };

struct note {
	uint64_t session; /* its serial */
	struct id device;
	struct content content; /* of a delivery; of a chunk only its root, which is the chunk */
	bool chunk, delivered, gone;
};

struct shelf {
	struct area *area;
	struct store *store;
	struct note *notes;
	size_t n_notes, cap_notes, closing; /* `closing`: so many of them are being made to last */
	struct hashes fresh;  /* chunks, with their places in `notes` */
	struct hashes grants; /* nodes that `granted_to` may read, with granted_generation */
	uint64_t granted_to; /* a session's serial */
	uint64_t granted_generation;
	uint8_t swept[SHA256_LEN];
	uint64_t swept_day;
};

static uint64_t shelf_day(const struct shelf *s)
{
	return env_now_ms(s->area->options.env) / DAY_MS;
}

/* ---- Its life ------------------------------------------------------------------------------- */

struct shelf *shelf_new(struct area *a)
{
	struct shelf *s = mem_alloc(sizeof(*s));
	char *dir = mem_format("%s/documents", a->dir);

	s->area = a;
	s->store = store_new(dir, a->db);
	free(dir);
	return s;
}

void shelf_free(struct shelf **shelf)
{
	struct shelf *s = *shelf;

	if (!s)
		return;
	store_free(&s->store);
	hashes_fini(&s->fresh);
	hashes_fini(&s->grants);
	free(s->notes);
	free(s);
	*shelf = NULL;
}

struct store *shelf_store(struct shelf *s)
{
	return s->store;
}

/* ---- Who may read --------------------------------------------------------------------------- */

static bool may_space(void *arg, const struct space *space)
{
	return session_cursor(arg, space) != NULL;
}

struct climb {
	struct buf up;	    /* hashes to look at */
	struct hashes seen; /* of those */
};

static int climb_row(void *arg, const uint8_t parent[SHA256_LEN])
{
	struct climb *c = arg;

	if (c->up.len < SHELF_STEPS * SHA256_LEN && !hashes_find(&c->seen, parent)) {
		hashes_put(&c->seen, parent, 1);
		buf_add(&c->up, parent, SHA256_LEN);
	}
	return 0;
}

/* Up to a root that the session may read. 2: it is whole; 1: it is not, or that was not asked. */
static int shelf_climb(struct shelf *s, const struct session *session,
		       const uint8_t hash[SHA256_LEN], bool whole)
{
	struct climb c = {.seen = {0}};
	struct content content;
	int got = 0, best = 0;

	buf_add(&c.up, hash, SHA256_LEN);
	for (size_t at = 0; got == 0 && at < c.up.len; at += SHA256_LEN) {
		uint8_t here[SHA256_LEN];
		memcpy(here, c.up.data + at, SHA256_LEN);
		got = journal_named(s->area->journal, BYTES(here, SHA256_LEN), may_space,
				    (void *)session);
		if (got > 0 && whole) {
			best = 1;
			got = store_content(s->store, here, &content);
			got = got > 0 ? 2 : got;
		}
		if (got == 0)
			got = store_parents(s->store, here, climb_row, &c);
	}
	buf_fini(&c.up);
	hashes_fini(&c.seen);
	return got ? got : best;
}

int shelf_may_read(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN])
{
	return shelf_climb(s, session, hash, false);
}

/* Nodes whose chunks a session is getting are looked up once, while nobody's rights change. */
static bool grant_is_known(struct shelf *s, const struct session *session,
			   const uint8_t node[SHA256_LEN])
{
	uint64_t generation = access_generation(s->area->access);

	if (s->granted_to != session->serial || s->granted_generation != generation ||
	    s->grants.n > GRANTS_MOST)
		hashes_clear(&s->grants);
	s->granted_to = session->serial;
	s->granted_generation = generation;
	return hashes_find(&s->grants, node) != NULL;
}

void shelf_released(struct shelf *s)
{
	hashes_clear(&s->grants);
}

static int edge_is(struct shelf *s, const uint8_t child[SHA256_LEN],
		   const uint8_t parent[SHA256_LEN])
{
	struct db_stmt *st =
		db_query(s->area->db, "SELECT 1 FROM edge WHERE child = $1 AND parent = $2", "bb",
			 BYTES(child, SHA256_LEN), BYTES(parent, SHA256_LEN));
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

/* Does this list of such a level, or one below it, list the node? Of no more than `left` lists is
 * it asked. 1, 0 or an error. */
static int list_lists(struct shelf *s, const uint8_t hash[SHA256_LEN], unsigned level,
		      const uint8_t node[SHA256_LEN], size_t *left)
{
	struct buf bytes = {0};
	struct node list;
	struct entry_of e;

	if (*left == 0)
		return 0;
	--*left;
	int got = edge_is(s, node, hash);
	if (got == 0 && level > 2 && store_get(s->store, hash, &bytes) == 0 &&
	    node_read(&list, buf_bytes(&bytes)) == 0 && list.level <= level)
		for (size_t i = 0; got == 0 && *left && i < list.n; i++) {
			node_entry(&list, i, &e);
			got = list_lists(s, e.hash, list.level - 1, node, left);
		}
	buf_fini(&bytes);
	return got;
}

/* Is it this root, or a node somewhere below it? */
static int root_lists(struct shelf *s, const uint8_t root[SHA256_LEN],
		      const uint8_t node[SHA256_LEN], size_t most)
{
	return memcmp(root, node, SHA256_LEN) == 0 ? 1
						   : list_lists(s, root, LEVEL_MAX, node, &most);
}

/* May the session read a node, by what it says of the content that it is of, or else by all there
 * is of lists above? Where somebody has made more of these than are looked through, a content of
 * many levels is looked through from its root. */
static int node_may_read(struct shelf *s, const struct session *session,
			 const uint8_t node[SHA256_LEN], const uint8_t *root)
{
	int named = root ? journal_named(s->area->journal, BYTES(root, SHA256_LEN), may_space,
					 (void *)session)
			 : 0;
	int got = named > 0 ? root_lists(s, root, node, NEAR_LISTS) : named;

	if (got == 0)
		got = shelf_may_read(s, session, node);
	return got == 0 && named > 0 ? root_lists(s, root, node, FAR_LISTS) : got;
}

int shelf_may_get(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN],
		  const uint8_t *parent, const uint8_t *root)
{
	if (!parent)
		return shelf_may_read(s, session, hash);
	if (!grant_is_known(s, session, parent)) {
		int got = node_may_read(s, session, parent, root);
		if (got <= 0)
			return got;
		hashes_put(&s->grants, parent, 1);
	}
	return edge_is(s, hash, parent);
}

static bool note_is(const struct note *n, const uint8_t hash[SHA256_LEN])
{
	return n->chunk && !n->gone && memcmp(n->content.root, hash, SHA256_LEN) == 0;
}

/* Of a chunk that this session has brought, and which is in no table yet; or NULL. The index knows
 * of the last who brought it. */
static struct note *note_of(struct shelf *s, const struct session *session,
			    const uint8_t hash[SHA256_LEN])
{
	const uint64_t *at = hashes_find(&s->fresh, hash);

	if (at && s->notes[*at].session == session->serial && note_is(&s->notes[*at], hash))
		return &s->notes[*at];
	for (size_t i = 0; at && i < s->n_notes; i++)
		if (s->notes[i].session == session->serial && note_is(&s->notes[i], hash))
			return &s->notes[i];
	return NULL;
}

static int has_brought(struct shelf *s, const struct session *session,
		       const uint8_t hash[SHA256_LEN])
{
	if (note_of(s, session, hash))
		return 1;
	struct db_stmt *st = db_query(s->area->db,
				      "SELECT 1 FROM brought WHERE device = $1 AND chunk = $2"
				      " UNION ALL"
				      " SELECT 1 FROM delivered WHERE device = $1 AND root = $2",
				      "db", &session->device, BYTES(hash, SHA256_LEN));
	int got = db_step(st);
	if (got > 0)
		db_reset(st);
	return got;
}

int shelf_has(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN])
{
	struct stored is;
	int got = store_find(s->store, hash, &is);

	if (got <= 0)
		return got;
	got = shelf_climb(s, session, hash, true);
	return got ? got : has_brought(s, session, hash);
}

/* ---- What was brought ----------------------------------------------------------------------- */

static struct note *shelf_note(struct shelf *s, const struct session *session)
{
	if (s->n_notes == s->cap_notes) {
		s->cap_notes = s->cap_notes ? 2 * s->cap_notes : 256;
		s->notes = mem_resize(s->notes, s->cap_notes * sizeof(*s->notes));
	}
	struct note *n = &s->notes[s->n_notes++];
	*n = (struct note){.session = session->serial, .device = session->device};
	return n;
}

void shelf_brought(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN])
{
	hashes_put(&s->fresh, hash, s->n_notes);
	struct note *n = shelf_note(s, session);
	memcpy(n->content.root, hash, SHA256_LEN);
	n->chunk = true;
}

/* Who has brought one under the same name meanwhile is asked again, too: it was not looked at. */
bool shelf_unbring(struct shelf *s, const struct session *session, struct bytes bad)
{
	bool any = false;

	for (size_t at = 0; at < bad.len; at += SHA256_LEN) {
		for (size_t i = 0; i < s->n_notes; i++) {
			struct note *n = &s->notes[i];
			if (n->session == session->serial && note_is(n, bad.data + at))
				any = n->gone = true;
		}
	}
	return any;
}

static int is_delivered(struct shelf *s, const struct id *device, const uint8_t root[SHA256_LEN])
{
	struct db_stmt *st =
		db_query(s->area->db, "SELECT 1 FROM delivered WHERE root = $1 AND device = $2",
			 "bd", BYTES(root, SHA256_LEN), device);
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

/* It counts with the limits of its school: once, though two copies of a device bring it. */
static void shelf_count(struct shelf *s, const struct id *device, const struct content *c)
{
	bool before = !quota_is_on(s->area->quota) || is_delivered(s, device, c->root) != 0;

	for (size_t i = 0; !before && i < s->n_notes; i++)
		before = s->notes[i].delivered && id_equal(&s->notes[i].device, device) &&
			 memcmp(s->notes[i].content.root, c->root, SHA256_LEN) == 0;
	if (!before)
		quota_add(s->area->quota, device, c->bytes);
}

/* Of a content that is one chunk, to have delivered it says that the chunk was brought, too. */
void shelf_delivered(struct shelf *s, const struct session *session, const struct content *c)
{
	struct note *n = note_of(s, session, c->root);

	shelf_count(s, &session->device, c);
	if (!n || !content_is_single(c))
		n = shelf_note(s, session);
	n->content = *c;
	n->delivered = true;
}

bool shelf_is_dirty(const struct shelf *s)
{
	return s->n_notes > 0 || store_is_dirty(s->store);
}

/* Are there contents that Versions name and that are not whole here? 1, 0 or an error. */
static int shelf_lacks(struct shelf *s)
{
	struct db_stmt *st = db_query(s->area->db, "SELECT 1 FROM lacking LIMIT 1", "");
	int got = db_step(st);

	if (got > 0)
		db_reset(st);
	return got;
}

static int note_write(struct shelf *s, const struct note *n, uint64_t day, bool lacks)
{
	struct bytes root = BYTES(n->content.root, SHA256_LEN);

	if (!n->delivered)
		return db_run(s->area->db,
			      "INSERT INTO brought (device, chunk, day) VALUES ($1, $2, $3)"
			      " ON CONFLICT (device, chunk) DO NOTHING",
			      "dbu", &n->device, root, day);
	int err = store_content_set(s->store, &n->content);
	if (err == 0 && lacks)
		err = db_run(s->area->db, "DELETE FROM lacking WHERE content = $1", "b", root);
	if (err < 0)
		return err;
	return db_run(s->area->db,
		      "INSERT INTO delivered (root, device, bytes, day) VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (root, device) DO NOTHING",
		      "bduu", root, &n->device, n->content.bytes, day);
}

static int notes_write(struct shelf *s, size_t n, struct cause *cause)
{
	int lacks = n ? shelf_lacks(s) : 0, err = lacks < 0 ? lacks : 0;
	uint64_t day = shelf_day(s);

	for (size_t i = 0; err == 0 && i < n; i++)
		err = s->notes[i].gone ? 0 : note_write(s, &s->notes[i], day, lacks > 0);
	return err < 0 ? cause_set(cause, err, "documents can't be stored: %s", err_words(err)) : 0;
}

static void notes_clear(struct shelf *s)
{
	s->n_notes = s->closing = 0;
	hashes_clear(&s->fresh);
}

bool shelf_sync_begin(struct shelf *s)
{
	if (!store_sync_begin(s->store))
		return false;
	s->closing = s->n_notes;
	return true;
}

/* Those behind move to the front. */
int shelf_sync_end(struct shelf *s, struct cause *cause)
{
	size_t n = s->closing;

	store_set_day(s->store, shelf_day(s));
	int err = store_sync_end(s->store, cause);
	if (err == 0)
		err = notes_write(s, n, cause);
	if (err < 0)
		return err;
	s->closing = 0;
	s->n_notes -= n;
	hashes_clear(&s->fresh);
	memmove(s->notes, s->notes + n, s->n_notes * sizeof(*s->notes));
	for (size_t i = 0; i < s->n_notes; i++)
		if (s->notes[i].chunk && !s->notes[i].gone)
			hashes_put(&s->fresh, s->notes[i].content.root, i);
	return 0;
}

int shelf_sync(struct shelf *s, struct cause *cause)
{
	store_set_day(s->store, shelf_day(s));
	int err = store_sync(s->store, cause);
	if (err == 0)
		err = notes_write(s, s->n_notes, cause);
	if (err == 0)
		notes_clear(s);
	return err;
}

void shelf_forget(struct shelf *s)
{
	store_forget(s->store);
	quota_forget(s->area->quota);
	notes_clear(s);
}

/* ---- Naming --------------------------------------------------------------------------------- */

int shelf_may_name(struct shelf *s, const struct session *session, const struct id *device,
		   const struct content *c)
{
	struct content is;
	int got = store_content(s->store, c->root, &is);

	if (got <= 0)
		return got;
	got = is_delivered(s, device, c->root);
	if (got == 0)
		got = shelf_may_read(s, session, c->root);
	if (got > 0 && (memcmp(is.sha, c->sha, SHA256_LEN) != 0 || is.bytes != c->bytes))
		return ERR_INVALID;
	return got;
}

int shelf_named(struct shelf *s, const struct id *device, const struct content *c)
{
	int err = db_run(s->area->db, "DELETE FROM delivered WHERE root = $1 AND device = $2",
			 "bd", BYTES(c->root, SHA256_LEN), device);

	if (err == 0 && db_changes(s->area->db) == 0)
		quota_add(s->area->quota, device, c->bytes);
	return err;
}

int shelf_each_delivered(struct shelf *s,
			 int (*row)(void *arg, const struct id *device, uint64_t bytes), void *arg)
{
	struct db_stmt *st = db_query(s->area->db, "SELECT device, bytes FROM delivered", "");
	struct id device;
	int got;

	while ((got = db_step(st)) > 0)
		if (db_id(st, 0, &device))
			row(arg, &device, (uint64_t)db_int(st, 1));
	for (size_t i = 0; got == 0 && i < s->n_notes; i++)
		if (s->notes[i].delivered)
			row(arg, &s->notes[i].device, s->notes[i].content.bytes);
	return got;
}

/* ---- Limits --------------------------------------------------------------------------------- */

int shelf_limits(struct shelf *s, const struct id *device, const struct content *c,
		 struct cause *cause)
{
	if (c->bytes > CONTENT_MOST)
		return cause_set(cause, ERR_LIMIT, "the document is too large");
	if (!quota_is_on(s->area->quota))
		return 0;
	int got = is_delivered(s, device, c->root); /* then it is counted */
	return got ? got < 0 ? got : 0 : quota_check(s->area->quota, device, c->bytes, cause);
}

/* ---- Care ----------------------------------------------------------------------------------- */

static int shelf_keep(void *arg, const uint8_t hash[SHA256_LEN], uint64_t since_day)
{
	struct shelf *s = arg;
	struct db_stmt *st = db_query(s->area->db,
				      "SELECT 1 FROM named WHERE root = $1"
				      " UNION ALL SELECT 1 FROM delivered WHERE root = $1"
				      " UNION ALL SELECT 1 FROM brought WHERE chunk = $1 LIMIT 1",
				      "b", BYTES(hash, SHA256_LEN));
	int got = db_step(st);

	(void)since_day; /* of the row that says who brought it */
	if (got > 0)
		db_reset(st);
	return got;
}

/* Nobody names it after so long. While changes of a device are held, what it delivered waits: one
 * of them may name it, and be accepted yet. */
static int shelf_expire(struct shelf *s)
{
	uint64_t day = shelf_day(s), last = day > SHELF_DAYS ? day - SHELF_DAYS : 0;
	int err = db_run(s->area->db, "DELETE FROM brought WHERE day < $1", "u", last);

	quota_forget(s->area->quota);
	return err < 0 ? err
		       : db_run(s->area->db,
				"DELETE FROM delivered WHERE day < $1 AND device NOT IN"
				" (SELECT device FROM held)",
				"u", last);
}

int shelf_hold(const char *dir, struct os_lock **lock, struct cause *cause)
{
	char *documents = mem_format("%s/documents", dir);
	int err = store_hold(documents, lock, cause);

	free(documents);
	return err;
}

/* Once a day all chunks are looked at, a few at a time; what was found goes at once. */
int shelf_tidy(struct shelf *s)
{
	uint64_t day = shelf_day(s);
	bool sweeping = s->swept_day != day;
	int err = journal_begin(s->area->journal);

	if (err < 0)
		return err;
	int more = store_scrub(s->store, TIDY_STEP);
	if (more == 0 && sweeping) {
		static const uint8_t start[SHA256_LEN];
		if (memcmp(s->swept, start, SHA256_LEN) == 0)
			err = shelf_expire(s);
		if (err == 0)
			err = store_sweep(s->store, s->swept, TIDY_STEP, shelf_keep, s);
		if (err == 0)
			s->swept_day = day;
		more = err < 0 ? err : 1;
	}
	if (more == 0)
		more = store_reap(s->store, TIDY_STEP, shelf_keep, s);
	if (more == 0)
		more = store_compact(s->store, TIDY_STEP);
	if (more == ERR_AGAIN)
		return 0;
	if (more != ERR_CORRUPT && more != ERR_IO)
		return more;
	/* What can't be read or erased now waits, and fsck tells of it. Were it the database,
	 * nothing of this turn could be committed. */
	log_error("shelf.tidy", "words=\"%s\"", err_words(more));
	return 0;
}

struct named_check {
	struct shelf *shelf;
	struct checkup checkup;
};

/* What a Version names must be here; where it is not whole any more it is asked for. */
static int check_named(void *arg, struct bytes root)
{
	struct named_check *c = arg;
	struct content content;

	if (root.len != SHA256_LEN) {
		c->checkup.fault(c->checkup.arg, "a version names no content");
		return 0;
	}
	int whole = checkup_content(&c->checkup, root.data);
	if (whole > 0) /* and is it said to be? */
		whole = store_content(c->shelf->store, root.data, &content);
	if (whole != 0 || !c->checkup.mend)
		return whole < 0 ? whole : 0;
	return db_run(c->shelf->area->db,
		      "INSERT INTO lacking (content) VALUES ($1)"
		      " ON CONFLICT (content) DO NOTHING",
		      "b", root);
}

int shelf_check(struct shelf *s, bool mend, void (*fault)(void *arg, const char *words), void *arg)
{
	struct named_check c = {s,
				{.store = s->store,
				 .mend = mend,
				 .fault = fault,
				 .arg = arg,
				 .call = titles_of,
				 .call_arg = s->area}};
	int err = checkup_store(&c.checkup);

	if (err == 0)
		err = checkup_contents(&c.checkup);
	if (err == 0)
		err = journal_each_content(s->area->journal, check_named, &c);
	checkup_end(&c.checkup);
	return err;
}
