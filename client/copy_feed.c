/*
 * Entries from the server: first a whole Feed is checked against what is held (numbers, chain,
 * signed head), and only if all of it fits is it applied, entry by entry, to the journal and to
 * what follows from it: records, open conflicts, typed rows. The search index follows by itself,
 * later.
 */
#include "client/contents.h"
#include "client/copy_inside.h"

#include "common/fields.h"
#include "common/log.h"
#include "common/reconcile.h"
#include "common/tls.h"

#include <stdlib.h>
#include <string.h>

/* ---- What follows from an entry ------------------------------------------------------------- */

int inside_stale(struct copy *copy, int64_t slot, const struct id *record)
{
	return db_run(copy->db, "INSERT OR IGNORE INTO stale (record, slot) VALUES ($1, $2)", "di",
		      record, slot);
}

static int record_store(struct copy *copy, const struct cursor *at, const struct record *r)
{
	buf_reset(&copy->fields);
	record_pack(r, &copy->fields);
	return db_run(copy->db,
		      "INSERT OR REPLACE INTO record (id, slot, type, number, fields)"
		      " VALUES ($1, $2, $3, $4, $5)",
		      "diiub", &r->id, at->slot, (int64_t)r->type, r->number,
		      buf_bytes(&copy->fields));
}

/* A Conflict record has changed: whether it is open, and then the row of the record that it is
 * about. */
static int conflict_store(struct copy *copy, const struct cursor *at, const struct record *conflict)
{
	struct id record;
	int64_t group = (int64_t)value_number(record_get(conflict, CONFLICT_GROUP));
	bool open = record_existence(conflict) == LIVE &&
		    value_number(record_get(conflict, CONFLICT_STATE)) == CONFLICT_OPEN;
	int err;

	if (!id_from(&record, value_bytes(record_get(conflict, CONFLICT_RECORD))))
		return ERR_CORRUPT;
	if (open)
		err = db_run(
			copy->db,
			"INSERT OR REPLACE INTO open_conflict (record, slot, field_group, conflict)"
			" VALUES ($1, $2, $3, $4)",
			"diid", &record, at->slot, group, &conflict->id);
	else
		err = db_run(copy->db,
			     "DELETE FROM open_conflict WHERE record = $1 AND slot = $2"
			     " AND field_group = $3 AND conflict = $4",
			     "diid", &record, at->slot, group, &conflict->id);
	copy->any_conflict = copy->any_conflict || open;
	if (err == 0)
		inside_show_later(copy, at, &record);
	return err;
}

static const struct effect *effect_on(const struct outcome_effect *effects, size_t n,
				      const struct id *record, size_t *from)
{
	for (size_t i = 0; i < n; i++) {
		const struct outcome_effect *e = &effects[(*from + i) % n];
		if (id_equal(&e->record, record)) {
			*from += i + 1; /* touches mostly come in the order of the effects */
			return &e->effect;
		}
	}
	return NULL;
}

static int touch_apply(struct copy *copy, const struct cursor *at, const struct touch *t,
		       uint64_t number, const struct effect *effect)
{
	struct record r;
	int err = 0;

	if (t->previous)
		err = inside_accepted(copy, at->slot, &t->record, &copy->arena, &r);
	else
		record_init(&r, &copy->arena, &t->record, t->type);
	if (err < 0)
		return err;
	if (err == 1 && r.type != t->type)
		return ERR_CORRUPT;
	r.type = t->type;
	if (r.type == TYPE_MINUTES)
		inside_show_items(copy, at, &r);
	if (effect)
		record_apply(&r, effect, number);
	if (r.type == TYPE_MINUTES)
		inside_show_items(copy, at, &r);
	r.number = number;
	if (r.n_values == 0)
		return 0;
	err = record_store(copy, at, &r);
	if (err == 0 && r.type == TYPE_CONFLICT)
		err = conflict_store(copy, at, &r);
	if (err == 0 && r.type == TYPE_VERSION && contents_released(&r).len)
		err = contents_release(copy, &r);
	return err < 0 ? err : inside_show(copy, at, &r);
}

int inside_read_entry(struct copy *copy, const struct cursor *at, struct bytes header,
		      struct bytes body, struct past_entry *out)
{
	struct bytes change, outcome;

	arena_reset(&copy->arena);
	*out = (struct past_entry){0};
	if (body.len == 0)
		return header_read(&out->header, header, &copy->arena) < 0 ? ERR_CORRUPT : 0;
	if (header_read(&out->header, header, &copy->arena) < 0 ||
	    body_read(body, &change, &outcome) < 0 ||
	    change_read(&out->change, change, &copy->arena, NULL) < 0 ||
	    outcome_read(&out->outcome, outcome, &copy->arena) < 0 ||
	    !id_equal(&out->change.id, &out->header.change) ||
	    !id_equal(&out->change.space, &at->space))
		return ERR_CORRUPT;
	return 0;
}

int inside_apply(struct copy *copy, const struct cursor *at, const struct past_entry *e)
{
	const struct outcome_effect *effects;
	bool absent = id_is_zero(&e->change.id); /* it set nothing that stands: a number moves on */
	size_t n = absent ? 0 : outcome_effects(&e->change, &e->outcome, &copy->arena, &effects);
	size_t hint = 0;
	int err = 0;

	for (size_t i = 0; i < e->header.n_touches && err == 0; i++) {
		const struct touch *t = &e->header.touches[i];
		err = touch_apply(copy, at, t, e->header.number,
				  effect_on(effects, n, &t->record, &hint));
	}
	return err;
}

/* ---- Checking a Feed ------------------------------------------------------------------------ */

/* An entry that fits, and what is known of it. */
struct taken {
	struct bytes header, salt, body;
	struct bytes sealed; /* of a body that comes later; empty: it is here */
	int64_t own_seq; /* of the own pending change whose content it left out; 0: it did not */
};

static int feed_misfit(struct copy *copy, const struct id *space, uint64_t number,
		       struct cause *cause, const char *why)
{
	char name[SPACE_NAME];

	log_error("copy.misfit", "number=%llu why=\"%s\"", (unsigned long long)number, why);
	return cause_set(cause, ERR_CORRUPT,
			 "the server's history of \"%s\" does not fit what this copy holds at "
			 "entry %llu: %s. "
			 "Nothing of it was taken; what you have written is kept, and you can go "
			 "on working. "
			 "Tell the administrator of the area",
			 copy_space_name(copy, space, name), (unsigned long long)number, why);
}

/* The content of an entry that leaves out this device's own change, which was applied as sent. */
static int feed_own_body(struct copy *copy, struct taken *t)
{
	enum pending_state state;
	struct bytes change;
	struct id id;

	if (!id_from(&id, value_bytes(fields_get(t->header, 2))))
		return 0;
	int err = inside_pending(copy, &id, &copy->feed_arena, &t->own_seq, &state, &change);
	if (err <= 0)
		return err;
	buf_reset(&copy->body);
	body_write(change, BYTES_NONE, &copy->body);
	t->body = arena_copy(&copy->feed_arena, buf_bytes(&copy->body));
	return 1;
}

/* The person gave it up while it was on its way, in another process perhaps: it was accepted all
 * the same, and comes whole in the next session. */
static int feed_given_up(struct copy *copy, const struct taken *t, struct cause *cause)
{
	struct id device;

	if (!id_from(&device, value_bytes(fields_get(t->header, 3))) ||
	    !id_equal(&device, &copy->identity.device))
		return 0;
	return cause_set(cause, ERR_MISSING,
			 "a change that was given up here had reached the server already");
}

/* An entry whose body comes later; one of this device's own never does. */
static int feed_sealed_body(struct copy *copy, const Wire__Entry *e, struct taken *t)
{
	struct id device;

	t->sealed = BYTES_OF(e->sealed);
	return t->sealed.len == SHA256_LEN && t->salt.len == 0 &&
	       id_from(&device, value_bytes(fields_get(t->header, 3))) &&
	       !id_equal(&device, &copy->identity.device);
}

/* Check entry `number`, and move `chain` on. */
static int feed_check_entry(struct copy *copy, const struct id *space, const Wire__Entry *e,
			    uint64_t number, uint8_t chain[SHA256_LEN], struct taken *t,
			    struct cause *cause)
{
	*t = (struct taken){.header = BYTES_OF(e->header), .salt = BYTES_OF(e->salt)};
	if (value_number(fields_get(t->header, 1)) != number)
		return feed_misfit(copy, space, number, cause, "another entry came in its place");
	if (e->has_body) {
		t->body = BYTES_OF(e->body);
	} else {
		int err = e->has_sealed ? feed_sealed_body(copy, e, t) : feed_own_body(copy, t);
		if (err < 0)
			return cause_set(cause, err, "%s", err_words(err));
		if (err == 0 && !e->has_sealed)
			err = feed_given_up(copy, t, cause);
		if (err <= 0)
			return err < 0 ? err
				       : feed_misfit(copy, space, number, cause,
						     "it came without its content");
	}
	if (t->sealed.len)
		chain_next_sealed(chain, t->header, t->sealed.data);
	else
		chain_next(chain, t->header, t->salt, t->body);
	return 0;
}

static int feed_check_head(struct copy *copy, const struct cursor *at, const Wire__Feed *feed,
			   const uint8_t chain[SHA256_LEN], struct cause *cause)
{
	uint64_t number = at->number + feed->n_entries;
	const Wire__Head *head = feed->head;
	struct buf statement = {0};

	if (head->number != number || head->epoch < at->epoch ||
	    !bytes_equal(BYTES_OF(head->chain), BYTES(chain, SHA256_LEN)))
		return feed_misfit(copy, &at->space, number, cause,
				   "its chain does not lead to what the server has signed");
	head_statement(&copy->identity.area, &at->space, head->epoch, number, chain, &statement);
	bool good =
		head->signature.len == 64 &&
		head_verify(copy->identity.head_key, buf_bytes(&statement), head->signature.data);
	buf_fini(&statement);
	return good ? 0
		    : feed_misfit(copy, &at->space, number, cause,
				  "it is not signed by this area's server");
}

/* All of a Feed, before anything of it is written. */
static int feed_check(struct copy *copy, const struct cursor *at, const Wire__Feed *feed,
		      struct taken *taken, uint8_t chain[SHA256_LEN], struct cause *cause)
{
	const struct cursor held = *at; /* looking a name up may move it */
	int err = 0;

	memcpy(chain, held.chain, SHA256_LEN);
	for (size_t i = 0; i < feed->n_entries && err == 0; i++)
		err = feed_check_entry(copy, &held.space, feed->entries[i], held.number + 1 + i,
				       chain, &taken[i], cause);
	return err < 0 ? err : feed_check_head(copy, &held, feed, chain, cause);
}

/* ---- Taking a Feed -------------------------------------------------------------------------- */

static void feed_note_own(struct copy *copy, const struct id *change)
{
	if (copy->n_own == copy->cap_own)
		copy->own = mem_resize(copy->own,
				       (copy->cap_own = copy->cap_own ? 2 * copy->cap_own : 64) *
					       sizeof(*copy->own));
	copy->own[copy->n_own++] = *change;
}

/* An own change is in the journal: it is not pending any more. It is there as it was written here:
 * nobody puts other words under its id. */
static int feed_settle_own(struct copy *copy, const struct change *change, struct bytes body,
			   int64_t seq)
{
	struct bytes bytes, said, outcome;
	enum pending_state state;

	if (seq == 0) {
		int err = inside_pending(copy, &change->id, &copy->arena, &seq, &state, &bytes);
		if (err <= 0)
			return err;
		if (body_read(body, &said, &outcome) < 0 || !bytes_equal(said, bytes))
			return ERR_CORRUPT;
	}
	feed_note_own(copy, &change->id);
	return inside_pending_remove(copy, seq, change);
}

static int feed_take(struct copy *copy, struct cursor *at, const struct taken *t)
{
	struct past_entry e;
	int err = inside_read_entry(copy, at, t->header, t->body, &e);

	if (err < 0)
		return err;
	int64_t key = entry_key(at->slot, e.header.number);
	if (t->sealed.len)
		err = db_run(copy->db,
			     "INSERT INTO entry (key, header, salt, sealed)"
			     " VALUES ($1, $2, $3, $4)",
			     "ibbb", key, t->header, BYTES("", 0), t->sealed);
	else
		err = db_run(copy->db,
			     "INSERT INTO entry (key, header, salt, body) VALUES ($1, $2, $3, $4)",
			     "ibbb", key, t->header, t->salt, t->body);
	if (err == 0)
		err = db_run(copy->db, "INSERT INTO entry_change (change, key) VALUES ($1, $2)",
			     "di", &e.header.change, key);
	if (err == 0 && copy->any_pending && id_equal(&e.header.device, &copy->identity.device))
		err = feed_settle_own(copy, &e.change, t->body, t->own_seq);
	return err < 0 ? err : inside_apply(copy, at, &e);
}

static int feed_take_all(struct copy *copy, struct cursor *at, const Wire__Feed *feed,
			 const struct taken *taken, const uint8_t chain[SHA256_LEN],
			 struct cause *cause)
{
	const struct id space = at->space;
	const Wire__Head *head = feed->head;

	for (size_t i = 0; i < feed->n_entries; i++) {
		int err = feed_take(copy, at, &taken[i]);
		if (err == ERR_CORRUPT)
			return feed_misfit(
				copy, &space, at->number + 1 + i, cause,
				"it does not read as an entry, or does not fit its record "
				"or what was written here");
		if (err < 0)
			return cause_set(cause, err, "what the server sent could not be stored: %s",
					 err_words(err));
	}
	at->epoch = head->epoch;
	at->number += feed->n_entries;
	memcpy(at->chain, chain, SHA256_LEN);
	at->moved = true;
	int err = db_run(copy->db,
			 "INSERT OR REPLACE INTO head (slot, epoch, number, chain, signature)"
			 " VALUES ($1, $2, $3, $4, $5)",
			 "iuubb", at->slot, at->epoch, at->number, BYTES(chain, SHA256_LEN),
			 BYTES_OF(head->signature));
	return err < 0 ? cause_set(cause, err, "%s", err_words(err)) : 0;
}

int copy_feed(struct copy *copy, const Wire__Feed *feed, struct cause *cause)
{
	struct cursor *at;
	struct id space;
	uint8_t chain[SHA256_LEN];
	int err;

	copy->n_own = 0;
	if (!id_from(&space, BYTES_OF(feed->space)) || feed->n_entries == 0) {
		copy_rollback(copy);
		return cause_set(cause, ERR_PROTO, "the server sent entries of no space");
	}
	err = copy_begin(copy);
	if (err == 0)
		err = inside_cursor(copy, &space, &at);
	if (err < 0) {
		copy_rollback(copy);
		return err == ERR_MISSING
			       ? cause_set(
					 cause, ERR_PROTO,
					 "the server sent entries of a space that is not held here")
			       : cause_set(cause, err, "%s", err_words(err));
	}
	arena_reset(&copy->feed_arena);
	struct taken *taken = arena_alloc(&copy->feed_arena, feed->n_entries * sizeof(*taken));
	err = feed_check(copy, at, feed, taken, chain, cause);
	if (err == 0)
		err = feed_take_all(copy, at, feed, taken, chain, cause);
	if (err < 0) {
		copy->n_own = 0;
		copy_rollback(copy);
	}
	return err;
}

const struct id *copy_feed_own(const struct copy *copy, size_t *n)
{
	*n = copy->n_own;
	return copy->own;
}
