/*
 * The rule for old versions: see retention.h. A look has four stages: the versions of each space
 * are gathered; of each document those that the rule would let go are chosen; every record is asked
 * what it names, and that stays; the rest is released. Other changes come in between: what they
 * touch or name stays as well, so that what is released is free to go at that very moment.
 *
 * Whatever names an id or a digest counts, by whatever field of whatever type, in any space.
 */
#include "server/retention.h"

#include "common/fields.h"
#include "common/hashes.h"
#include "common/log.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/clock.h"
#include "server/own.h"
#include "server/quota.h"
#include "server/rule.h"
#include "server/said.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fields of records.proto. */
enum {
	VERSION_DOCUMENT = 1,
	VERSION_CONTENT = 5,
	VERSION_PARENTS = 6,
	VERSION_CHUNKS = 8,
	VERSION_RELEASED = 10,
};
enum { DAY_MS = 24 * 60 * 60 * 1000, LOOK_STEP = 256, CHOSEN_MOST = 65536 };

/* A version that is there, of the space that is looked at. */
struct seen {
	struct id id, document;
	uint64_t number; /* the entry that made it */
	bool released;
};

struct chosen {
	struct id id, document;
	const struct space *space;
	uint64_t newer; /* the first entry with one on top of it */
};

enum stage { LOOK_GATHER, LOOK_CHOOSE, LOOK_NAMES, LOOK_RELEASE };

struct look {
	enum stage stage;
	size_t space;	 /* of those that the journal has, in order */
	struct id after; /* of the records of that space */
	struct rule rule;
	struct buf versions;  /* of the space, struct seen */
	struct hashes newer;  /* a version in its document: the first entry with one on top of it */
	size_t next, kept;    /* of `versions`; how many of the document are kept so far */
	struct buf chosen;    /* struct chosen */
	struct hashes free;   /* their ids: 1, until something is found to name one */
	struct hashes digests; /* that stand in a record: somebody may have signed such a content */
	struct hashes moved;  /* documents that something was done to meanwhile */
	size_t released;
};

struct retention {
	struct area *area;
	uint64_t day;	   /* on which all was looked at last */
	struct look *look; /* NULL: none is under way */
	bool entering;	   /* a change of the look itself */
};

struct retention *retention_new(struct area *a)
{
	struct retention *r = mem_alloc(sizeof(*r));

	r->area = a;
	return r;
}

static void look_free(struct look **look)
{
	struct look *l = *look;

	if (!l)
		return;
	buf_fini(&l->versions);
	buf_fini(&l->chosen);
	hashes_fini(&l->newer);
	hashes_fini(&l->free);
	hashes_fini(&l->digests);
	hashes_fini(&l->moved);
	free(l);
	*look = NULL;
}

void retention_free(struct retention **retention)
{
	if (*retention)
		look_free(&(*retention)->look);
	free(*retention);
	*retention = NULL;
}

void retention_forget(struct retention *r)
{
	look_free(&r->look);
	r->day = 0;
}

/* ---- Beginning ------------------------------------------------------------------------------ */

/* A server that was set back does not know yet what names a version. */
static bool must_wait(const struct area *a)
{
	return a->recovery.on || a->recovery.unserved > 0;
}

static uint64_t today(const struct area *a)
{
	return env_now_ms(a->options.env) / DAY_MS;
}

void retention_tick(struct retention *r)
{
	struct area *a = r->area;

	if (r->look || r->day == today(a) || a->failed || a->options.read_only || must_wait(a))
		return;
	int begins = said_any(a, TYPE_RETENTION);
	if (begins > 0)
		begins = clock_is_borne_out(a);
	if (begins > 0)
		r->look = mem_alloc(sizeof(*r->look));
	else if (begins == 0)
		r->day = today(a);
}

/* ---- Gathering ------------------------------------------------------------------------------ */

/* A version as one of its document. */
static void newer_key(const struct id *version, const struct id *document, uint8_t key[SHA256_LEN])
{
	hashes_key(version, key);
	memcpy(key + sizeof(version->b), document->b, sizeof(document->b));
}

static void gather_parents(struct look *l, const struct record *r, const struct seen *v)
{
	struct bytes parents = record_get(r, VERSION_PARENTS);
	uint8_t key[SHA256_LEN];
	struct field f;
	struct id id;

	while (field_next(&parents, &f) > 0) {
		if (!id_from(&id, f.payload))
			continue;
		newer_key(&id, &v->document, key);
		const uint64_t *first = hashes_find(&l->newer, key);
		if (!first || *first > v->number)
			hashes_put(&l->newer, key, v->number);
	}
}

static int gather_row(void *arg, const struct record *r)
{
	struct look *l = arg;
	const struct value *document = record_find(r, VERSION_DOCUMENT);
	struct seen v = {.id = r->id, .released = record_get(r, VERSION_RELEASED).len > 0};

	if (r->type != TYPE_VERSION || record_existence(r) != LIVE || !document ||
	    !id_from(&v.document, value_bytes(document->bytes)))
		return 0;
	v.number = document->number;
	gather_parents(l, r, &v);
	buf_add(&l->versions, &v, sizeof(v));
	return 0;
}

/* Of one document together, the newest first. */
static int seen_compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = id_compare(&x->document, &y->document);

	if (c != 0)
		return c;
	return x->number != y->number ? (x->number < y->number ? 1 : -1)
				      : id_compare(&y->id, &x->id);
}

/* The next space; behind the last one the next stage. */
static void look_on(struct look *l, size_t n_spaces, enum stage then)
{
	l->after = (struct id){{0}};
	if (++l->space < n_spaces)
		return;
	l->space = 0;
	l->stage = then;
}

static int look_gather(struct retention *r, struct look *l)
{
	struct space *const *spaces;
	size_t n = journal_spaces(r->area->journal, &spaces);
	int got = rule_of(r->area, spaces[l->space], &l->rule);

	if (got < 0)
		return got;
	if (!rule_releases(&l->rule)) {
		look_on(l, n, LOOK_NAMES);
		return 0;
	}
	got = journal_next_records(r->area->journal, spaces[l->space], &l->after, LOOK_STEP,
				   gather_row, l);
	if (got != 0)
		return got < 0 ? got : 0;
	if (l->versions.len)
		qsort(l->versions.data, l->versions.len / sizeof(struct seen), sizeof(struct seen),
		      seen_compare);
	l->next = l->kept = 0;
	l->stage = LOOK_CHOOSE;
	return 0;
}

/* ---- Choosing ------------------------------------------------------------------------------- */

/* Has a newer one been there for as long as the rule wants? 1, 0 or an error. */
static int rule_is_over(const struct retention *r, const struct space *s, uint64_t newer)
{
	const struct rule *rule = &r->look->rule;
	uint64_t since, now = env_now_ms(r->area->options.env);

	if (!rule->has_days)
		return 1;
	int err = journal_time(r->area->journal, s, newer, &since, NULL);
	return err < 0 ? err : now >= since && (now - since) / DAY_MS >= rule->days;
}

/* Versions come by document, the newest first: that one stays, and others as the rule says. */
static int choose_one(struct retention *r, const struct space *s, const struct seen *v, bool first)
{
	struct look *l = r->look;
	uint8_t key[SHA256_LEN];

	if (first)
		l->kept = 0;
	if (v->released)
		return 0;
	if (l->kept < 1 || (l->rule.has_newest && l->kept < l->rule.newest)) {
		l->kept++;
		return 0;
	}
	newer_key(&v->id, &v->document, key);
	const uint64_t *newer = hashes_find(&l->newer, key);
	int got = newer ? rule_is_over(r, s, *newer) : 0;
	if (got <= 0)
		return got;
	struct chosen c = {v->id, v->document, s, *newer};
	buf_add(&l->chosen, &c, sizeof(c));
	hashes_key(&v->id, key);
	hashes_put(&l->free, key, 1);
	return 0;
}

static int look_choose(struct retention *r, struct look *l)
{
	struct space *const *spaces;
	size_t n = journal_spaces(r->area->journal, &spaces);
	const struct seen *v = (const struct seen *)l->versions.data;
	size_t n_versions = l->versions.len / sizeof(*v);
	int err = 0;

	for (size_t i = 0; err == 0 && i < LOOK_STEP && l->next < n_versions; i++, l->next++) {
		size_t at = l->next;
		err = choose_one(r, spaces[l->space], &v[at],
				 at == 0 || !id_equal(&v[at].document, &v[at - 1].document));
	}
	if (err < 0 || l->next < n_versions)
		return err;
	buf_reset(&l->versions);
	hashes_clear(&l->newer);
	l->stage = LOOK_GATHER;
	look_on(l, n, LOOK_NAMES);
	if (l->chosen.len / sizeof(struct chosen) >= CHOSEN_MOST) { /* the rest another day */
		l->space = 0;
		l->stage = LOOK_NAMES;
	}
	return 0;
}

/* ---- What is named -------------------------------------------------------------------------- */

/* A field that holds the id of one of those that were chosen, or a digest. */
static void name_value(struct look *l, struct bytes value)
{
	uint8_t key[SHA256_LEN];
	struct field f;
	struct id id;

	while (field_next(&value, &f) > 0) {
		if (f.wire_type == 2 && f.payload.len == SHA256_LEN)
			hashes_put(&l->digests, f.payload.data, 1);
		if (f.wire_type != 2 || !id_from(&id, f.payload))
			continue;
		hashes_key(&id, key);
		hashes_remove(&l->free, key);
	}
}

/* A Document's choice counts even while it is withdrawn: it may come back. */
static int name_row(void *arg, const struct record *r)
{
	if (r->type == TYPE_VERSION ||
	    (record_existence(r) != LIVE && r->type != TYPE_DOCUMENT))
		return 0;
	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].field)
			name_value(arg, r->values[i].bytes);
	return 0;
}

static int look_names(struct retention *r, struct look *l)
{
	struct space *const *spaces;
	size_t n = journal_spaces(r->area->journal, &spaces);

	if (l->free.n == 0) { /* nothing is left to release */
		l->stage = LOOK_RELEASE;
		return 0;
	}
	int got = journal_next_records(r->area->journal, spaces[l->space], &l->after, LOOK_STEP,
				       name_row, l);
	if (got == 0)
		look_on(l, n, LOOK_RELEASE);
	return got < 0 ? got : 0;
}

/* What comes in while a look is on. */
void retention_take(struct retention *r, const struct record *record)
{
	struct look *l = r->look;
	struct id document = record->id;
	uint8_t key[SHA256_LEN];

	if (record->type == TYPE_VERSION) {
		const struct value *gone = record_find(record, VERSION_RELEASED);
		if (gone && gone->number == record->number) {
			shelf_released(r->area->shelf);
			if (!r->entering)
				quota_forget(r->area->quota);
		}
	}
	if (!l || r->entering)
		return;
	if (record->type == TYPE_RETENTION) { /* another rule is for another day */
		look_free(&r->look);
		r->day = today(r->area);
		return;
	}
	if (record->type == TYPE_VERSION)
		id_from(&document, value_bytes(record_get(record, VERSION_DOCUMENT)));
	if (record->type == TYPE_VERSION || record->type == TYPE_DOCUMENT) {
		hashes_key(&document, key);
		hashes_put(&l->moved, key, 1);
	}
	name_row(l, record);
}

/* ---- Releasing ------------------------------------------------------------------------------ */

static bool is_in(const struct hashes *set, struct bytes key)
{
	return key.len == SHA256_LEN && hashes_find(set, key.data);
}

/* Is it free to go, now? 1, 0 or an error. */
static int may_go(struct retention *r, const struct chosen *c, struct arena *arena)
{
	struct journal *j = r->area->journal;
	struct look *l = r->look;
	uint8_t id[SHA256_LEN], document[SHA256_LEN];
	struct record v;

	hashes_key(&c->id, id);
	hashes_key(&c->document, document);
	if (!hashes_find(&l->free, id) || hashes_find(&l->moved, document))
		return 0;
	int err = journal_record(j, c->space, &c->id, arena, &v);
	if (err < 0)
		return err;
	if (v.type != TYPE_VERSION || record_existence(&v) != LIVE ||
	    record_get(&v, VERSION_RELEASED).len ||
	    is_in(&l->digests, value_bytes(record_get(&v, VERSION_CONTENT))) ||
	    is_in(&l->digests, value_bytes(record_get(&v, VERSION_CHUNKS))))
		return 0;
	int got = journal_is_disputed(j, c->space, &c->document);
	if (got == 0)
		got = journal_is_disputed(j, c->space, &c->id);
	/* The clock may have been set meanwhile. */
	return got < 0 ? got : got ? 0 : rule_is_over(r, c->space, c->newer);
}

static int release_one(struct own *o, const struct id *version, const char *day)
{
	Records__Version m = RECORDS__VERSION__INIT;

	m.released = (char *)day;
	return own_set(o, TYPE_VERSION, version, &m.base);
}

static int release_enter(struct retention *r, struct own **o, size_t n)
{
	if (n == 0) {
		own_free(o);
		return 0;
	}
	r->entering = true;
	int err = own_enter(o);
	r->entering = false;
	if (err == 0) {
		r->look->released += n;
		log_info("retention.released", "versions=%zu", n);
	}
	return err;
}

/* One change, of one space. */
static int look_release(struct retention *r, struct look *l)
{
	const struct chosen *all = (const struct chosen *)l->chosen.data;
	size_t n_chosen = l->chosen.len / sizeof(*all), n = 0;
	time_t now = (time_t)(env_now_ms(r->area->options.env) / 1000);
	char day[sizeof("YYYY-MM-DD")];
	struct arena arena;
	struct tm tm;
	int err = 0;

	if (l->next >= n_chosen)
		return 0;
	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	const struct space *space = all[l->next].space;
	if ((err = rule_of(r->area, space, &l->rule)) < 0)
		return err;
	struct own *o = own_new(r->area, &space->id);
	arena_init(&arena, ARENA_NO_BUDGET);
	for (size_t i = 0; err == 0 && i < LOOK_STEP && n < OWN_EDITS && l->next < n_chosen &&
			   all[l->next].space == space;
	     i++, l->next++) {
		int got = may_go(r, &all[l->next], &arena);
		if (got > 0)
			got = release_one(o, &all[l->next].id, day);
		else if (got == 0)
			continue;
		err = got < 0 ? got : 0;
		n++;
		arena_reset(&arena);
	}
	arena_fini(&arena);
	if (err == 0)
		return release_enter(r, &o, n);
	own_free(&o);
	return err;
}

/* ---- Step by step --------------------------------------------------------------------------- */

/* All was looked at, as far as it goes. */
static void look_end(struct retention *r)
{
	if (r->look->released)
		quota_forget(r->area->quota);
	r->day = today(r->area);
	look_free(&r->look);
}

static int look_step(struct retention *r, struct look *l)
{
	switch (l->stage) {
	case LOOK_GATHER:
		return look_gather(r, l);
	case LOOK_CHOOSE:
		return look_choose(r, l);
	case LOOK_NAMES:
		l->next = 0;
		return look_names(r, l);
	case LOOK_RELEASE:
		return look_release(r, l);
	}
	return 0;
}

/* Did it come to an end that leaves the area none the worse? A change of its own that is not valid
 * was logged where it was made. What can't be read, as long as nothing was written, is there for
 * fsck to find: whoever needs no such record goes on working. */
static bool look_is_over(const struct retention *r, int err)
{
	if (err >= 0 || err == ERR_INVALID)
		return err == ERR_INVALID;
	if (err == ERR_FULL || journal_is_dirty(r->area->journal))
		return false;
	log_error("retention.look", "words=\"%s\"", err_words(err));
	return true;
}

int retention_step(struct retention *r)
{
	struct look *l = r->look;

	if (!l)
		return 0;
	if (must_wait(r->area)) {
		retention_forget(r);
		return 0;
	}
	if (journal_is_dirty(r->area->journal)) /* somebody waits for this turn */
		return 1;
	int err = look_step(r, l);
	if (look_is_over(r, err)) {
		look_end(r);
		return 0;
	}
	if (err < 0)
		return err;
	if (l->stage == LOOK_RELEASE && l->next >= l->chosen.len / sizeof(struct chosen)) {
		look_end(r);
		return 0;
	}
	return 1;
}

/* ---- A server that was set back ------------------------------------------------------------- */

bool retention_is_release(const struct area *a, const struct header *header, struct bytes bytes)
{
	struct arena arena;
	struct change change;
	bool is = false;

	if (!id_equal(&header->device, &a->server_device))
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (change_read(&change, bytes, &arena, NULL) >= 0)
		for (size_t i = 0; i < change.n_edits; i++)
			is = is || (change.edits[i].type == TYPE_VERSION &&
				    fields_get(change.edits[i].effect.set, VERSION_RELEASED).len);
	arena_fini(&arena);
	return is;
}
