/*
 * Reading a copy: records as accepted and as shown, what was seen, spaces, entries, changes.
 */
#include "client/copy_inside.h"

#include "common/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- One record ----------------------------------------------------------------------------- */

int inside_accepted(struct copy *copy, int64_t slot, const struct id *record, struct arena *arena,
		    struct record *out)
{
	struct db_stmt *st = db_query(
		copy->db, "SELECT type, number, fields FROM record WHERE id = $1 AND slot = $2",
		"di", record, slot);
	int err = db_step(st);

	record_init(out, arena, record, 0);
	if (err <= 0)
		return err;
	out->type = (uint32_t)db_int(st, 0);
	out->number = (uint64_t)db_int(st, 1);
	err = record_unpack(out, arena_copy(arena, db_bytes(st, 2)));
	db_reset(st);
	return err < 0 ? err : 1;
}

bool inside_lay(const struct change *c, struct record *r)
{
	for (size_t i = 0; i < c->n_edits; i++)
		if (id_equal(&c->edits[i].record, &r->id)) {
			if (r->type == 0)
				r->type = c->edits[i].type;
			record_apply(r, &c->edits[i].effect, 0);
			return true;
		}
	return false;
}

/* The pending change `seq`, read once for all the records that it edits. Borrowed
 * until the next. */
static int overlay_change(struct copy *copy, int64_t seq, const struct id *change,
			  const struct change **out)
{
	*out = &copy->overlay;
	if (id_equal(&copy->overlay.id, change))
		return 0;
	struct db_stmt *st =
	    db_query(copy->db, "SELECT bytes FROM pending WHERE seq = $1", "i", seq);
	int err = db_step(st);
	arena_reset(&copy->overlay_arena);
	copy->overlay = (struct change){0};
	if (err == 1) {
		struct bytes bytes = arena_copy(&copy->overlay_arena, db_bytes(st, 0));
		db_reset(st);
		err = change_read(&copy->overlay, bytes, &copy->overlay_arena, NULL);
		if (err == 0)
			return 0;
	}
	copy->overlay = (struct change){0};
	return err < 0 && err != ERR_PROTO && err != ERR_LIMIT ? err : ERR_CORRUPT;
}

struct db_stmt *inside_pending_on(struct copy *copy, const struct id *space,
				  const struct id *record)
{
	return db_query(
		copy->db,
		"SELECT p.seq, p.change FROM pending_record r JOIN pending p ON p.seq = r.seq"
		" WHERE r.record = $1 AND p.space = $2 ORDER BY r.seq",
		"dd", record, space);
}

int inside_pending_on_next(struct copy *copy, struct db_stmt *st, const struct change **out)
{
	struct id change;
	int err = db_step(st);

	if (err == 1)
		err = db_id(st, 1, &change) ? overlay_change(copy, db_int(st, 0), &change, out)
					    : ERR_CORRUPT;
	else
		return err;
	return err < 0 ? err : 1;
}

int inside_overlay(struct copy *copy, const struct id *space, struct record *r, struct id *last)
{
	struct db_stmt *st = inside_pending_on(copy, space, &r->id);
	const struct change *c;
	int n = 0, err;

	while ((err = inside_pending_on_next(copy, st, &c)) == 1) {
		n += inside_lay(c, r);
		if (last)
			*last = c->id;
	}
	db_reset(st);
	return err < 0 ? err : n;
}

/* A space where nobody but administrators, or this person, can write. */
static bool place_is_kept(const struct copy *copy, const struct id *space)
{
	const struct id *area = &copy->identity.area;
	struct id kept[] = {id_directory(area), id_admin(area),
			    id_personal(area, &copy->identity.person)};
	bool is = false;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		is |= id_equal(space, &kept[i]);
	return is;
}

/* Of the places that a statement finds, the one that counts. Some ids can be told beforehand, such
 * as that of a limit: who gives it to a record in another space does not hide what is kept. */
static int place_find(struct copy *copy, struct db_stmt *st, int64_t *slot, struct id *space)
{
	bool found = false, whole = true;
	struct id at;
	int err;

	while ((err = db_step(st)) == 1) {
		whole = db_id(st, 1, &at) && whole;
		if (found && (!whole || place_is_kept(copy, space) || !place_is_kept(copy, &at)))
			continue;
		found = true;
		*slot = db_int(st, 0);
		*space = at;
	}
	if (err < 0)
		return err;
	return found && !whole ? ERR_CORRUPT : found;
}

/* Where a record is held: slot and space; only pending ones have no accepted state yet. */
static int record_place(struct copy *copy, const struct id *record, int64_t *slot, struct id *space)
{
	struct db_stmt *st =
		db_query(copy->db,
			 "SELECT h.slot, h.space FROM record r JOIN held h ON h.slot = r.slot"
			 " WHERE r.id = $1",
			 "d", record);
	int err = place_find(copy, st, slot, space);
	if (err == 0) {
		st = db_query(copy->db,
			      "SELECT h.slot, h.space FROM pending_record r JOIN pending p ON "
			      "p.seq = r.seq"
			      " JOIN held h ON h.space = p.space WHERE r.record = $1 AND h.state = "
			      "0",
			      "d", record);
		err = place_find(copy, st, slot, space);
	}
	return err == 0 ? ERR_MISSING : err < 0 ? err : 0;
}

int copy_record(struct copy *copy, const struct id *record, enum view view, struct arena *arena,
		struct record *out, struct id *space)
{
	struct foresight foresight;
	struct id at;
	int64_t slot;
	int err = record_place(copy, record, &slot, &at);

	if (err == 0)
		err = inside_accepted(copy, slot, record, arena, out);
	if (err >= 0 && view == VIEW_SHOWN)
		err = inside_foresee(copy, &at, out, &foresight);
	else if (err >= 0 && view == VIEW_AUTHORED)
		err = inside_overlay(copy, &at, out, NULL);
	if (err < 0)
		return err;
	if (space)
		*space = at;
	return record_existence(out) == ABSENT ? ERR_MISSING : 0;
}

int copy_foresee(struct copy *copy, const struct id *record, struct arena *arena,
		 struct record *out, struct foresight *foresight)
{
	struct id space;
	int64_t slot;
	int err = record_place(copy, record, &slot, &space);

	if (err == 0)
		err = inside_accepted(copy, slot, record, arena, out);
	if (err >= 0)
		err = inside_foresee(copy, &space, out, foresight);
	return err < 0 ? err : 0;
}

/* ---- Ids cut short -------------------------------------------------------------------------- */

/* The lowest and the highest id that start with these digits; false: they are not such a start. */
static bool prefix_range(const char *prefix, struct id *low, struct id *high)
{
	size_t n = 0;

	memset(low->b, 0, sizeof(low->b));
	memset(high->b, 0xff, sizeof(high->b));
	for (const char *p = prefix; *p; p++) {
		if (*p == '-' && n > 0)
			continue;
		if (!isxdigit((unsigned char)*p) || n == 32)
			return false;
		unsigned v = isdigit((unsigned char)*p) ? (unsigned)(*p - '0')
							: (unsigned)(tolower(*p) - 'a') + 10;
		unsigned shift = n % 2 ? 0 : 4;
		low->b[n / 2] |= (uint8_t)(v << shift);
		high->b[n / 2] &= (uint8_t)(~(0xfu << shift) | v << shift);
		n++;
	}
	return n > 0;
}

/* The one id that a statement finds. */
static int find_one(struct db_stmt *st, const char *prefix, struct id *out, struct cause *cause)
{
	int err = db_step(st);
	if (err == 0)
		return cause_set(cause, ERR_MISSING,
				 "nothing here has an id that starts with \"%s\"", prefix);
	bool whole = err == 1 && db_id(st, 0, out);
	if (err == 1)
		err = db_step(st);
	if (err == 1) {
		db_reset(st);
		return cause_set(cause, ERR_AMBIGUOUS,
				 "several ids start with \"%s\": give more of the one you mean",
				 prefix);
	}
	if (err == 0 && !whole)
		err = ERR_CORRUPT;
	return err < 0 ? cause_set(cause, err, "%s", err_words(err)) : 0;
}

int copy_find(struct copy *copy, const char *prefix, struct id *record, struct cause *cause)
{
	struct id low, high;

	if (!prefix_range(prefix, &low, &high))
		return cause_set(cause, ERR_MISSING, "\"%s\" is not the start of an id", prefix);
	return find_one(db_query(copy->db,
				 "SELECT id FROM record WHERE id >= $1 AND id <= $2"
				 " UNION SELECT record FROM pending_record WHERE record >= $1 AND "
				 "record <= $2"
				 " ORDER BY 1 LIMIT 2",
				 "dd", &low, &high),
			prefix, record, cause);
}

int copy_find_change(struct copy *copy, const char *prefix, struct id *change, struct cause *cause)
{
	struct id low, high;

	if (!prefix_range(prefix, &low, &high))
		return cause_set(cause, ERR_MISSING, "\"%s\" is not the start of an id", prefix);
	return find_one(
		db_query(copy->db,
			 "SELECT change FROM entry_change WHERE change >= $1 AND change <= $2"
			 " UNION SELECT change FROM pending WHERE change >= $1 AND change <= $2"
			 " ORDER BY 1 LIMIT 2",
			 "dd", &low, &high),
		prefix, change, cause);
}

/* ---- What was seen -------------------------------------------------------------------------- */

int copy_seen(struct copy *copy, const struct id *record, struct seen *out)
{
	struct arena arena;
	struct record r;
	int64_t slot;

	*out = (struct seen){0};
	int err = record_place(copy, record, &slot, &out->space);
	if (err < 0)
		return err;
	struct db_stmt *st =
		db_query(copy->db, "SELECT epoch, number FROM held WHERE slot = $1", "i", slot);
	err = db_step(st);
	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	out->epoch = (uint64_t)db_int(st, 0);
	out->number = (uint64_t)db_int(st, 1);
	db_reset(st);
	arena_init(&arena, ARENA_NO_BUDGET);
	record_init(&r, &arena, record, 0);
	err = inside_overlay(copy, &out->space, &r, &out->after);
	arena_fini(&arena);
	return err < 0 ? err : 0;
}

enum { SEEN_RAW = 16 + 8 + 8 + 16 + 3 };
static const char seen_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Its bytes, and three of their digest, so that a slip in copying is noticed. */
static void seen_raw(const struct seen *seen, uint8_t raw[SEEN_RAW])
{
	uint8_t digest[SHA256_LEN];

	memcpy(raw, seen->space.b, 16);
	write_u64be(raw + 16, seen->epoch);
	write_u64be(raw + 24, seen->number);
	memcpy(raw + 32, seen->after.b, 16);
	sha256(BYTES(raw, 48), digest);
	memcpy(raw + 48, digest, 3);
}

void seen_format(const struct seen *seen, char word[SEEN_WORD])
{
	uint8_t raw[SEEN_RAW];
	unsigned held = 0, bits = 0;
	size_t n = 0;

	seen_raw(seen, raw);
	for (size_t i = 0; i < SEEN_RAW; i++) {
		held = held << 8 | raw[i];
		for (bits += 8; bits >= 5; bits -= 5)
			word[n++] = seen_digits[held >> (bits - 5) & 31];
	}
	if (bits)
		word[n++] = seen_digits[held << (5 - bits) & 31];
	word[n] = '\0';
}

int seen_parse(struct seen *out, const char *word, struct cause *cause)
{
	uint8_t raw[SEEN_RAW] = {0}, again[SEEN_RAW];
	unsigned held = 0, bits = 0;
	size_t n = 0;
	const char *p = word;

	for (; *p && n < SEEN_RAW; p++) {
		const char *digit = strchr(seen_digits, tolower((unsigned char)*p));
		if (!digit)
			break;
		held = held << 5 | (unsigned)(digit - seen_digits);
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			raw[n++] = (uint8_t)(held >> bits);
		}
	}
	memcpy(out->space.b, raw, 16);
	out->epoch = read_u64be(raw + 16);
	out->number = read_u64be(raw + 24);
	memcpy(out->after.b, raw + 32, 16);
	seen_raw(out, again);
	if (n != SEEN_RAW || *p || memcmp(raw, again, SEEN_RAW) != 0)
		return cause_set(cause, ERR_USAGE,
				 "that is not a word that 'show --json' gave: copy it whole");
	return 0;
}

/* ---- Spaces --------------------------------------------------------------------------------- */

int copy_spaces(struct copy *copy, struct held **out)
{
	struct db_stmt *st = db_query(
		copy->db,
		"SELECT space, state, epoch, number, chain, first FROM held ORDER BY slot", "");
	size_t n = 0, cap = 0;
	int err;

	*out = NULL;
	while ((err = db_step(st)) == 1) {
		if (n == cap)
			*out = mem_resize(*out, (cap = cap ? 2 * cap : 16) * sizeof(**out));
		struct held *h = &(*out)[n++];
		*h = (struct held){.epoch = (uint64_t)db_int(st, 2),
				   .number = (uint64_t)db_int(st, 3),
				   .first = (uint64_t)db_int(st, 5),
				   .state = db_int(st, 1) ? HELD_CLOSING : HELD_OPEN};
		if (!db_hash(st, 4, h->chain) || !db_id(st, 0, &h->id)) {
			db_reset(st);
			err = ERR_CORRUPT;
			break;
		}
	}
	if (err < 0) {
		free(*out);
		*out = NULL;
		return err;
	}
	return (int)n;
}

int copy_digest(struct copy *copy, const struct id *space, uint8_t digest[SHA256_LEN])
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT id, type, fields FROM record WHERE slot ="
				      " (SELECT slot FROM held WHERE space = $1) ORDER BY id",
				      "d", space);
	struct digest *d = digest_begin();
	struct id id;
	int err;

	while ((err = db_step(st)) == 1) {
		err = db_id(st, 0, &id)
			      ? digest_add(d, &id, (uint32_t)db_int(st, 1), db_bytes(st, 2))
			      : ERR_CORRUPT;
		if (err < 0) {
			db_reset(st);
			break;
		}
	}
	digest_end(&d, digest);
	return err;
}

static const char *space_well_known(const struct copy_identity *identity, const struct id *space)
{
	const struct id directory = id_directory(&identity->area);
	const struct id partnership = id_partnership(&identity->area);
	const struct id admin = id_admin(&identity->area);
	const struct id own = id_personal(&identity->area, &identity->person);

	if (id_equal(space, &directory))
		return "directory";
	if (id_equal(space, &partnership))
		return "partnership";
	if (id_equal(space, &admin))
		return "admin";
	return id_equal(space, &own) ? "personal" : NULL;
}

const char *copy_space_name(struct copy *copy, const struct id *space, char name[SPACE_NAME])
{
	const char *known = space_well_known(&copy->identity, space);
	char text[ID_TEXT];

	snprintf(name, SPACE_NAME, "%s", known ? known : id_format(space, text));
	if (known)
		return name;
	struct db_stmt *st = db_query(
		copy->db, "SELECT name FROM \"space\" WHERE id = $1 AND name IS NOT NULL LIMIT 1",
		"d", space);
	if (db_step(st) == 1) {
		snprintf(name, SPACE_NAME, "%s", db_text(st, 0));
		db_reset(st);
	}
	return name;
}

/* ---- Entries and changes -------------------------------------------------------------------- */

static int entry_read(struct copy *copy, int64_t key, struct arena *arena, struct past_entry *out)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT header, body FROM entry WHERE key = $1", "i", key);
	struct bytes change, outcome;
	int err = db_step(st);

	*out = (struct past_entry){0};
	if (err <= 0)
		return err;
	struct bytes header = arena_copy(arena, db_bytes(st, 0));
	bool has_body = !db_null(st, 1);
	struct bytes body = arena_copy(arena, db_bytes(st, 1));
	db_reset(st);
	if (header_read(&out->header, header, arena) < 0)
		return ERR_CORRUPT;
	if (!has_body)
		return 1;
	if (body_read(body, &change, &outcome) < 0 ||
	    change_read(&out->change, change, arena, NULL) < 0 ||
	    outcome_read(&out->outcome, outcome, arena) < 0)
		return ERR_CORRUPT;
	return 1;
}

int copy_entry(struct copy *copy, const struct id *space, uint64_t number, struct arena *arena,
	       struct past_entry *out)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT slot FROM held WHERE space = $1", "d", space);
	int err = db_step(st);
	if (err <= 0)
		return err;
	int64_t slot = db_int(st, 0);
	db_reset(st);
	return entry_read(copy, entry_key(slot, number), arena, out);
}

int copy_entry_as_sent(struct copy *copy, const struct id *space, uint64_t number)
{
	struct db_stmt *st = db_query(copy->db,
				      "SELECT body FROM entry WHERE key = $1 +"
				      " (SELECT slot FROM held WHERE space = $2) * 1099511627776",
				      "ud", number, space);
	struct bytes change, outcome;
	int err = db_step(st);

	if (err <= 0)
		return err;
	bool as_sent = !db_null(st, 0) && body_read(db_bytes(st, 0), &change, &outcome) == 0 &&
		       outcome.len == 0;
	db_reset(st);
	return as_sent;
}

int inside_where(struct copy *copy, const struct id *change, int64_t *slot, uint64_t *number)
{
	struct db_stmt *st =
		db_query(copy->db, "SELECT key FROM entry_change WHERE change = $1", "d", change);
	int err = db_step(st);
	if (err <= 0)
		return err;
	uint64_t key = (uint64_t)db_int(st, 0);
	*slot = (int64_t)(key >> KEY_NUMBER_BITS);
	*number = key & ((UINT64_C(1) << KEY_NUMBER_BITS) - 1);
	db_reset(st);
	return 1;
}

int copy_change(struct copy *copy, const struct id *change, struct arena *arena, struct change *out)
{
	struct past_entry entry;
	struct bytes bytes;
	enum pending_state state;
	int64_t slot, seq;
	uint64_t number;
	int err = inside_where(copy, change, &slot, &number);

	if (err == 1) {
		err = entry_read(copy, entry_key(slot, number), arena, &entry);
		*out = entry.change;
		return err < 0 ? err : err == 0 || id_is_zero(&out->id) ? ERR_MISSING : 0;
	}
	if (err == 0)
		err = inside_pending(copy, change, arena, &seq, &state, &bytes);
	if (err <= 0)
		return err < 0 ? err : ERR_MISSING;
	return change_read(out, bytes, arena, NULL) < 0 ? ERR_CORRUPT : 0;
}

uint64_t copy_documents_moved(const struct copy *copy)
{
	return copy->documents_moved;
}
