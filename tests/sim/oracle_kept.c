/*
 * Old versions that the server released: the book says whether each was free to go, by what stood when it went
 * (PROTOCOL.md, 11.10). It goes through all records, and asks nothing of the product.
 *
 * All is judged where the book had everything before the turn and has behind it, so that the release alone lies
 * between; else only what can't have changed since.
 */
#include "tests/sim/world.h"

#include "common/fields.h"
#include "server/journal.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { DOCUMENT = 1, CONTENT = 5, PARENTS, CHUNKS = 8, RELEASED = 10 };
enum { CONFLICT_RECORD = 1, CONFLICT_STATE = 7, CONFLICT_OPEN = 1 };
enum { RULE_NEWEST = 2, RULE_DAYS };
#define DAY UINT64_C(86400000)

struct judging {
	struct world *w;
	const struct book_entry *e; /* that released */
	const struct record *v;	    /* what */
	struct id document;
};

static void judge_fail(const struct judging *j, const char *why)
{
	world_fail(j->w, "entry %" PRIu64 " of the server released version %02x%02x, %s", j->e->header.number,
		   j->v->id.b[14], j->v->id.b[15], why);
}

static bool is_of_document(const struct judging *j, const struct book_record *r)
{
	return r->record.type == TYPE_VERSION && id_equal(&r->space, &j->e->space->id) &&
	       bytes_equal(value_bytes(record_get(&r->record, DOCUMENT)), ID_BYTES(&j->document));
}

static bool stands_on(const struct judging *j, const struct record *r)
{
	struct buf member = {0};
	field_add_bytes(&member, PARENTS, ID_BYTES(&j->v->id));
	bool stands = value_has_member(record_get(r, PARENTS), buf_bytes(&member));
	buf_fini(&member);
	return stands;
}

static uint64_t made_by(const struct record *r)
{
	return record_find(r, DOCUMENT)->number;
}

/* What the rule says of a space: a field that has no value is not said. */
static void rule_lay(const struct world *w, const char *reference, struct bytes rule[2])
{
	struct id id = id_record(&w->area, &w->admin, TYPE_RETENTION, reference);
	const struct record *r = book_record(&w->book, &w->admin, &id);
	for (uint32_t i = 0; r && record_existence(r) == LIVE && i < 2; i++)
		if (record_get(r, RULE_NEWEST + i).len)
			rule[i] = record_get(r, RULE_NEWEST + i);
}

/* The first that was made on top of it and is there; 0: none is. `whenever`: or was. */
static uint64_t first_on_top(const struct judging *j, bool whenever)
{
	const struct book *b = &j->w->book;
	uint64_t first = 0;
	for (size_t i = 0; i < b->n_records; i++) {
		const struct record *r = &b->records[i]->record;
		if (is_of_document(j, b->records[i]) && stands_on(j, r) &&
		    (whenever || record_existence(r) == LIVE) && (!first || made_by(r) < first))
			first = made_by(r);
	}
	return first;
}

/* How many newer ones were kept. */
static uint64_t kept_above(const struct judging *j)
{
	const struct book *b = &j->w->book;
	uint64_t n = 0, made = made_by(j->v);
	for (size_t i = 0; i < b->n_records; i++) {
		const struct record *r = &b->records[i]->record;
		if (!is_of_document(j, b->records[i]) || record_existence(r) != LIVE ||
		    record_get(r, RELEASED).len)
			continue;
		n += made_by(r) > made || (made_by(r) == made && id_compare(&r->id, &j->v->id) > 0);
	}
	return n;
}

static void judge_rule(const struct judging *j)
{
	struct bytes rule[2] = {BYTES_NONE, BYTES_NONE};
	char text[ID_TEXT];
	uint64_t first = first_on_top(j, false);

	rule_lay(j->w, "all", rule);
	rule_lay(j->w, id_format(&j->e->space->id, text), rule);
	uint64_t newest = value_number(rule[0]), days = value_number(rule[1]);
	if ((!rule[0].len && !rule[1].len) || (rule[0].len && !newest) || (rule[1].len && !days))
		judge_fail(j, "and no rule says so");
	else if (!first)
		judge_fail(j, "on which no other stands");
	else if (kept_above(j) < (newest ? newest : 1))
		judge_fail(j, "which is among the newest");
	else if (days && j->e->header.time_ms - j->e->space->entries[first - 1]->header.time_ms < days * DAY)
		judge_fail(j, "before its days were over");
}

/* Does a value hold its id, or a digest of its bytes? */
static bool value_names(const struct judging *j, struct bytes value)
{
	struct bytes sha = value_bytes(record_get(j->v, CONTENT)), root = value_bytes(record_get(j->v, CHUNKS));
	struct field f;
	while (field_next(&value, &f) > 0)
		if (f.wire_type == 2 && (bytes_equal(f.payload, ID_BYTES(&j->v->id)) ||
					 (f.payload.len && (bytes_equal(f.payload, sha) || bytes_equal(f.payload, root)))))
			return true;
	return false;
}

static void judge_names(const struct judging *j)
{
	const struct book *b = &j->w->book;
	for (size_t i = 0; i < b->n_records; i++) {
		const struct record *r = &b->records[i]->record;
		bool live = record_existence(r) == LIVE;
		struct bytes about = value_bytes(record_get(r, CONFLICT_RECORD));
		if (r->type == TYPE_CONFLICT && live && id_equal(&b->records[i]->space, &j->e->space->id) &&
		    value_number(record_get(r, CONFLICT_STATE)) == CONFLICT_OPEN &&
		    (bytes_equal(about, ID_BYTES(&j->v->id)) || bytes_equal(about, ID_BYTES(&j->document))))
			judge_fail(j, "of which, or of whose document, two versions are open");
		for (size_t k = 0; r->type != TYPE_VERSION && (live || r->type == TYPE_DOCUMENT) && k < r->n_values;
		     k++)
			if (r->values[k].field && value_names(j, r->values[k].bytes))
				judge_fail(j, r->type == TYPE_DOCUMENT ? "which people had picked"
								       : "which another record names");
	}
}

static void judge_one(struct world *w, const struct book_entry *e, const struct edit *edit, bool strictly)
{
	struct judging j = {w, e, book_record(&w->book, &e->space->id, &edit->record), {{0}}};
	time_t at = (time_t)(e->header.time_ms / 1000);
	char day[11];
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&at, &tm));
	if (!j.v || !id_from(&j.document, value_bytes(record_get(j.v, DOCUMENT)))) {
		world_fail(w, "the server released what is no version of a document");
		return;
	}
	if (!bytes_equal(value_bytes(record_get(j.v, RELEASED)), BYTES(day, 10)))
		judge_fail(&j, "on another day than it says");
	uint64_t first = first_on_top(&j, true);
	if (!first || first >= e->header.number)
		judge_fail(&j, "on which none had been made");
	if (!strictly || w->failed)
		return;
	if (record_existence(j.v) != LIVE)
		judge_fail(&j, "which is withdrawn");
	if (area_is_recovering(w->host.area) || area_unserved(w->host.area, NULL, 0))
		judge_fail(&j, "and may not know all that names it: it was set back");
	judge_rule(&j);
	judge_names(&j);
}

/* Has the book all that the server has? */
static bool is_in_step(struct world *w)
{
	struct space *const *spaces;
	bool same = oracle_hears(w);
	size_t n = same ? journal_spaces(area_journal(w->host.area), &spaces) : 0;

	for (size_t i = 0; i < n && same; i++)
		same = book_number(&w->book, &spaces[i]->id) == spaces[i]->committed;
	return same;
}

static bool is_release(const struct world *w, const struct book_entry *e)
{
	return id_equal(&e->header.device, &w->book.server) && e->change.n_edits &&
	       e->change.edits[0].type == TYPE_VERSION;
}

void oracle_released(struct world *w)
{
	const struct book *b = &w->book;
	bool in_step = is_in_step(w), strictly = in_step && w->in_step;

	for (size_t i = w->released; i < b->n_read; i++)
		strictly = strictly && is_release(w, b->read[i]) && !b->read[i]->gone;
	for (; w->released < b->n_read && !w->failed; w->released++) {
		const struct book_entry *e = b->read[w->released];
		if (!is_release(w, e) || e->gone)
			continue;
		w->releases += e->change.n_edits;
		w->sure_releases += strictly ? e->change.n_edits : 0;
		for (size_t k = 0; k < e->change.n_edits; k++)
			judge_one(w, e, &e->change.edits[k], strictly);
	}
	w->in_step = in_step;
}
