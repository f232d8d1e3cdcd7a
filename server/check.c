/*
 * `fivepitsd digest` and `fsck`: reading everything, changing nothing. Checked are the file itself,
 * each space's numbers and chain, that each record is what its entries say, and documents' bytes.
 */
#include "common/digest.h"
#include "common/log.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
	struct area *area;
	const struct space *space;
	void (*fault)(void *arg, const char *words);
	void *arg;
	uint64_t number;	   /* of the last entry seen */
	uint8_t chain[SHA256_LEN]; /* after it */
	uint64_t touches, replayed; /* records in headers, and entries replayed for records */
	struct arena arena, scratch; /* of one record, of one entry */
};

/* ---- Digests -------------------------------------------------------------------------------- */

int area_digest(struct area *a, void (*row)(void *arg, const char *name, const struct id *space,
					    uint64_t number, const uint8_t digest[32]),
		void *arg)
{
	const struct id partnership = id_partnership(&a->id);
	uint8_t digest[SHA256_LEN], shared[2][SHA256_LEN], common[SHA256_LEN];
	struct space *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces);

	memset(shared, 0, sizeof(shared));
	for (size_t i = 0; i < n; i++) {
		const struct space *s = spaces[i];
		int err = journal_digest(a->journal, s, digest);
		if (err < 0)
			return err;
		if (id_equal(&s->id, &a->directory))
			memcpy(shared[0], digest, sizeof(digest));
		if (id_equal(&s->id, &partnership))
			memcpy(shared[1], digest, sizeof(digest));
		row(arg, access_name(a->access, &s->id), &s->id, s->number, digest);
	}
	digest_common(shared[0], shared[1], common);
	row(arg, "common", NULL, 0, common);
	return 0;
}

/* ---- Faults --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void check_say(struct check *c, const char *format,
							    ...)
{
	char words[256], space[ID_TEXT];
	struct buf line = {0};
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	if (c->space)
		buf_add_text(&line, "space %s: %s", id_format(&c->space->id, space), words);
	else
		buf_add_text(&line, "%s", words);
	buf_add_u8(&line, 0);
	c->fault(c->arg, (const char *)line.data);
	buf_fini(&line);
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* Would the change of this entry, sent again, be told where it stands? */
static bool check_judged(struct check *c, const struct id *id, struct bytes change, uint64_t number)
{
	struct judged judged;

	return journal_judged(c->area->journal, id, change, &judged) == 1 && judged.same &&
	       judged.number == number && judged.space == c->space &&
	       (judged.verdict == VERDICT_APPLIED || judged.verdict == VERDICT_MERGED ||
		judged.verdict == VERDICT_CONFLICT);
}

static bool check_entry(void *arg, const struct entry *e)
{
	struct check *c = arg;
	struct bytes change, outcome;
	struct header header;
	struct change said;
	struct outcome did;

	if (e->number != ++c->number) {
		check_say(c, "entry %llu is missing", (unsigned long long)c->number);
		return false;
	}
	chain_next(c->chain, e->header, e->salt, e->body);
	if (!bytes_equal(e->chain, BYTES(c->chain, SHA256_LEN))) {
		check_say(c, "entry %llu does not fit the chain", (unsigned long long)e->number);
		return false;
	}
	if (header_read(&header, e->header, &c->arena) < 0 || header.number != e->number ||
	    body_read(e->body, &change, &outcome) < 0 ||
	    change_read(&said, change, &c->arena, NULL) < 0 ||
	    outcome_read(&did, outcome, &c->arena) < 0 || !id_equal(&said.id, &header.change))
		check_say(c, "entry %llu can't be read", (unsigned long long)e->number);
	else if (!check_judged(c, &said.id, change, e->number))
		check_say(c, "the change of entry %llu would not be known again",
			  (unsigned long long)e->number);
	else
		c->touches += header.n_touches;
	arena_reset(&c->arena);
	return true;
}

/* ---- Records -------------------------------------------------------------------------------- */

struct replay {
	struct check *check;
	const struct id *record;
	uint32_t type;
	struct record *made; /* NULL: only look who came before */
	uint64_t previous;
	bool fits;
};

/* One entry as it touched the record: what came before it, or its effects laid on. */
static bool replay_row(void *arg, const struct entry *e)
{
	struct replay *r = arg;
	struct arena *arena = &r->check->scratch;
	const struct outcome_effect *effects;
	struct bytes change, outcome;
	struct header header;
	struct change said;
	struct outcome did;

	if (header_read(&header, e->header, arena) < 0 ||
	    body_read(e->body, &change, &outcome) < 0 ||
	    change_read(&said, change, arena, NULL) < 0 || outcome_read(&did, outcome, arena) < 0)
		return false;
	for (size_t i = 0; i < header.n_touches; i++)
		if (id_equal(&header.touches[i].record, r->record)) {
			r->fits = header.touches[i].type == r->type;
			r->previous = header.touches[i].previous;
		}
	size_t n = r->made ? outcome_effects(&said, &did, arena, &effects) : 0;
	for (size_t i = 0; i < n; i++)
		if (id_equal(&effects[i].record, r->record))
			record_apply(r->made, &effects[i].effect, e->number);
	return true;
}

static int replay_entry(struct check *c, const struct record *stored, uint64_t number,
			struct record *made, uint64_t *previous)
{
	struct replay r = {
		.check = c, .record = &stored->id, .type = stored->type, .made = made};
	int err = journal_entries(c->area->journal, c->space, number, number, replay_row, &r);

	arena_reset(&c->scratch);
	if (previous)
		*previous = r.previous;
	return err < 0 ? err : r.fits ? 0 : ERR_CORRUPT;
}

/* Make a record again from the entries that touched it, back from the newest. */
static int replay_record(struct check *c, const struct record *stored, struct record *made)
{
	struct buf numbers = {0};
	int err = 0;

	for (uint64_t n = stored->number, before; err == 0 && n; n = before) {
		buf_add(&numbers, &n, sizeof(n));
		err = replay_entry(c, stored, n, NULL, &before);
		if (err == 0 && before >= n)
			err = ERR_CORRUPT;
	}
	for (size_t at = numbers.len; err == 0 && at;) {
		uint64_t n;
		at -= sizeof(n);
		memcpy(&n, numbers.data + at, sizeof(n));
		err = replay_entry(c, stored, n, made, NULL);
		c->replayed++;
	}
	buf_fini(&numbers);
	return err;
}

static int check_record(void *arg, const struct record *stored)
{
	struct check *c = arg;
	struct buf one = {0}, two = {0};
	char id[ID_TEXT];
	struct record made;

	record_init(&made, &c->arena, &stored->id, stored->type);
	int err = replay_record(c, stored, &made);
	if (err == 0) {
		record_pack(stored, &one);
		record_pack(&made, &two);
	}
	if (err == ERR_CORRUPT || !bytes_equal(buf_bytes(&one), buf_bytes(&two)))
		check_say(c, "record %s is not what its entries say", id_format(&stored->id, id));
	buf_fini(&one);
	buf_fini(&two);
	arena_reset(&c->arena);
	return err == ERR_CORRUPT ? 0 : err;
}

static int check_space(struct check *c)
{
	struct journal *j = c->area->journal;
	bool fit = true;

	c->number = c->touches = c->replayed = 0;
	chain_start(&c->area->id, &c->space->id, c->chain);
	int err = journal_entries(j, c->space, 1, c->space->number, check_entry, c);
	if (err == 0 && c->number != c->space->number)
		return 0; /* said already; records can't be replayed */
	if (err == 0)
		err = journal_each_record(j, c->space, check_record, c);
	if (err == 0)
		err = journal_indexes_fit(j, c->space, &fit);
	if (err == 0 && !fit)
		check_say(c, "what is looked up of it (open conflicts, items held fast, contents)"
			     " is not what its records say");
	if (err == 0 && c->touches != c->replayed)
		check_say(c, "its entries touch %llu records, but %llu were found",
			  (unsigned long long)c->touches, (unsigned long long)c->replayed);
	return err;
}

/* ---- All of it ------------------------------------------------------------------------------ */

int area_check(struct area *a, void (*fault)(void *arg, const char *words), void *arg)
{
	struct check c = {.area = a, .fault = fault, .arg = arg};
	struct space *const *spaces;
	struct cause cause = {{0}};
	size_t n = journal_spaces(a->journal, &spaces);
	int err = db_check(a->db, &cause);

	if (err == ERR_CORRUPT) {
		check_say(&c, "%s", cause.words);
		err = 0;
	}
	arena_init(&c.arena, ARENA_NO_BUDGET);
	arena_init(&c.scratch, ARENA_NO_BUDGET);
	for (size_t i = 0; err == 0 && i < n; i++) {
		c.space = spaces[i];
		err = check_space(&c);
		if (err == ERR_CORRUPT) {
			check_say(&c, "what is stored of it can't be read");
			err = 0;
		}
	}
	c.space = NULL;
	if (err == 0)
		err = held_check(a, fault, arg);
	if (err == 0)
		err = shelf_check(a->shelf, false, fault, arg);
	if (err == ERR_CORRUPT)
		check_say(&c, "what is stored can't be read");
	arena_fini(&c.arena);
	arena_fini(&c.scratch);
	return err == ERR_CORRUPT ? 0 : err;
}

int area_content(struct area *a, const struct content *content)
{
	return content_read(shelf_store(a->shelf), content, NULL, NULL);
}

int area_mend(struct area *a, void (*fault)(void *arg, const char *words), void *arg)
{
	int err = journal_begin(a->journal);

	if (err == 0)
		err = shelf_check(a->shelf, true, fault, arg);
	if (err == 0)
		err = area_turn(a);
	for (int more = 1; err == 0 && more > 0;) {
		more = shelf_tidy(a->shelf);
		err = more < 0 ? more : area_turn(a);
	}
	return err;
}
