/*
 * Changes, outcomes, headers, bodies, the chain. Reading checks shape and sizes once, here, so that
 * what comes after may trust the structs; writing is protobuf-c over what the structs hold.
 */
#include "common/change.h"

#include "common/fields.h"
#include "common/wire.h"

#include <string.h>

enum { FIELDS_MOST = 8192 }; /* occurrences in one set, add or take */

static const char chain_prefix[] = "fivepits chain 1";
static const char head_prefix[] = "fivepits head 1";

const char *verdict_word(enum verdict v)
{
	static const char *const words[] = {"", "applied", "merged", "conflict", "held", "refused"};
	return v >= VERDICT_APPLIED && v <= VERDICT_REFUSED ? words[v] : "unknown";
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool read_optional_id(struct id *out, protobuf_c_boolean has, ProtobufCBinaryData b)
{
	*out = (struct id){{0}};
	return !has || id_from(out, BYTES_OF(b));
}

static const struct id *read_ids(const ProtobufCBinaryData *from, size_t n, struct arena *arena)
{
	struct id *ids = arena_alloc(arena, n * sizeof(*ids));
	for (size_t i = 0; i < n; i++)
		if (!id_from(&ids[i], BYTES_OF(from[i])))
			return NULL;
	return ids;
}

static struct bytes read_part(protobuf_c_boolean has, ProtobufCBinaryData b)
{
	return has ? BYTES_OF(b) : BYTES_NONE;
}

/* The number of the next field of a checked message, 0 at its end; occurrences of
 * one count once. */
static uint32_t next_number(struct bytes *rest, uint32_t last)
{
	struct field f;
	while (field_next(rest, &f) > 0)
		if (f.number != last)
			return f.number;
	return 0;
}

/*
 * The parts that an Edit and an Effect share. Field numbers must rise; 0 is not one that can be
 * set, and none is both set and cleared. Lists that rise are compared in one walk: they may be
 * long.
 */
static int read_effect(struct effect *e)
{
	const struct bytes parts[] = {e->set, e->add, e->take};
	for (size_t i = 0; i < 3; i++) {
		int err = fields_check(parts[i], FIELDS_MOST);
		if (err < 0)
			return err;
	}
	struct bytes rest = e->set;
	uint32_t set = next_number(&rest, 0);
	for (size_t i = 0; i < e->n_clear; i++) {
		while (set && set < e->clear[i])
			set = next_number(&rest, set);
		if (e->clear[i] == 0 || (i && e->clear[i] <= e->clear[i - 1]) || e->clear[i] == set)
			return ERR_PROTO;
	}
	if (e->existence != -1 && e->existence != LIVE && e->existence != WITHDRAWN)
		return ERR_PROTO;
	return 0;
}

/* A base for each field that is set or cleared, by rising number, and for no other. */
static int read_bases(struct edit *e, const Wire__Edit *w, struct arena *arena)
{
	struct base *bases = arena_alloc(arena, w->n_bases * sizeof(*bases));
	struct bytes rest = e->effect.set;
	uint32_t set = next_number(&rest, 0);
	size_t clear = 0;

	for (size_t i = 0; i < w->n_bases; i++) {
		bool cleared = clear < e->effect.n_clear && (!set || e->effect.clear[clear] < set);
		uint32_t want = cleared ? e->effect.clear[clear++] : set;
		bases[i] = (struct base){w->bases[i]->field, w->bases[i]->digest};
		if (!want || bases[i].field != want)
			return ERR_PROTO;
		if (!cleared)
			set = next_number(&rest, set);
	}
	e->bases = bases;
	e->n_bases = w->n_bases;
	return clear == e->effect.n_clear && !set ? 0 : ERR_PROTO;
}

static int read_edit(struct edit *e, const Wire__Edit *w, struct arena *arena)
{
	e->type = w->type;
	e->brings_back = w->has_brings_back && w->brings_back;
	e->effect = (struct effect){
		.existence = w->has_existence ? (int)w->existence : -1,
		.set = read_part(w->has_set, w->set),
		.add = read_part(w->has_add, w->add),
		.take = read_part(w->has_take, w->take),
		.clear = w->clear,
		.n_clear = w->n_clear,
	};
	if (!id_from(&e->record, BYTES_OF(w->record)) || id_is_zero(&e->record) || e->type == 0 ||
	    !read_optional_id(&e->after, w->has_after, w->after))
		return ERR_PROTO;
	if (e->brings_back && e->effect.existence != LIVE)
		return ERR_PROTO;
	if (e->effect.existence < 0 && !e->effect.set.len && !e->effect.n_clear &&
	    !e->effect.add.len && !e->effect.take.len)
		return ERR_PROTO;
	int err = read_effect(&e->effect);
	return err < 0 ? err : read_bases(e, w, arena);
}

/* No record twice: 512 edits at most, so that comparing all pairs is cheaper than sorting. */
static bool edits_repeat(const struct change *c)
{
	for (size_t i = 1; i < c->n_edits; i++)
		for (size_t j = 0; j < i; j++)
			if (id_equal(&c->edits[i].record, &c->edits[j].record))
				return true;
	return false;
}

static int read_change(struct change *out, const Wire__Change *w, struct arena *arena)
{
	out->seen_epoch = w->seen_epoch;
	out->seen_number = w->seen_number;
	out->made_ms = w->has_made_ms ? w->made_ms : 0;
	if (!id_from(&out->id, BYTES_OF(w->id)))
		return ERR_PROTO;
	if (!id_from(&out->space, BYTES_OF(w->space)) || w->n_edits == 0)
		return ERR_PROTO;
	if (w->n_edits > CHANGE_EDITS || w->n_exact > CHANGE_EDITS || w->n_settles > CHANGE_EDITS)
		return ERR_LIMIT;
	out->n_edits = w->n_edits;
	out->edits = arena_alloc(arena, w->n_edits * sizeof(*out->edits));
	for (size_t i = 0; i < w->n_edits; i++) {
		int err = read_edit(&out->edits[i], w->edits[i], arena);
		if (err < 0)
			return err;
	}
	out->n_exact = w->n_exact;
	out->exact = read_ids(w->exact, w->n_exact, arena);
	out->n_settles = w->n_settles;
	out->settles = read_ids(w->settles, w->n_settles, arena);
	if (!read_optional_id(&out->undoes, w->has_undoes, w->undoes))
		return ERR_PROTO;
	return out->exact && out->settles && !edits_repeat(out) ? 0 : ERR_PROTO;
}

int change_read(struct change *out, struct bytes bytes, struct arena *arena, struct cause *cause)
{
	*out = (struct change){0};
	if (bytes.len > CHANGE_MAX)
		return cause_set(cause, ERR_LIMIT, "the change is larger than %d bytes",
				 CHANGE_MAX);
	const Wire__Change *w = (const Wire__Change *)message_unpack(
		bytes, &wire__change__descriptor, arena, cause);
	if (!w)
		return ERR_PROTO;
	int err = read_change(out, w, arena);
	if (err == ERR_LIMIT)
		return cause_set(cause, err, "the change edits more than a change may");
	if (err < 0)
		return cause_set(cause, err, "the change is not well formed");
	return 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Set an optional protobuf bytes field where there is something to set. */
#define PUT(message, field, value)                                                                 \
	do {                                                                                       \
		(message).has_##field = (value).len > 0;                                           \
		(message).field = PB_BYTES(value);                                                 \
	} while (0)

static void write_edit(Wire__Edit *w, const struct edit *e, Wire__Base *bases, Wire__Base **list)
{
	wire__edit__init(w);
	w->type = e->type;
	w->record = PB_ID(&e->record);
	w->has_existence = e->effect.existence >= 0;
	if (w->has_existence)
		w->existence = (Wire__Existence)e->effect.existence;
	PUT(*w, set, e->effect.set);
	PUT(*w, add, e->effect.add);
	PUT(*w, take, e->effect.take);
	w->clear = (uint32_t *)e->effect.clear;
	w->n_clear = e->effect.n_clear;
	for (size_t i = 0; i < e->n_bases; i++) {
		wire__base__init(&bases[i]);
		bases[i].field = e->bases[i].field;
		bases[i].digest = e->bases[i].digest;
		list[i] = &bases[i];
	}
	w->bases = list;
	w->n_bases = e->n_bases;
	w->has_after = !id_is_zero(&e->after);
	w->after = PB_ID(&e->after);
	w->has_brings_back = w->brings_back = e->brings_back;
}

static ProtobufCBinaryData *write_ids(struct arena *arena, const struct id *ids, size_t n)
{
	ProtobufCBinaryData *out = arena_alloc(arena, n * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = PB_ID(&ids[i]);
	return out;
}

void change_write(const struct change *c, struct buf *out)
{
	struct arena arena;
	Wire__Change w = WIRE__CHANGE__INIT;

	arena_init(&arena, ARENA_NO_BUDGET);
	w.id = PB_ID(&c->id);
	w.space = PB_ID(&c->space);
	w.seen_epoch = c->seen_epoch;
	w.seen_number = c->seen_number;
	w.has_made_ms = c->made_ms > 0;
	w.made_ms = c->made_ms;
	w.n_edits = c->n_edits;
	w.edits = arena_alloc(&arena, c->n_edits * sizeof(*w.edits));
	for (size_t i = 0; i < c->n_edits; i++) {
		const struct edit *e = &c->edits[i];
		w.edits[i] = arena_alloc(&arena, sizeof(**w.edits));
		write_edit(w.edits[i], e, arena_alloc(&arena, e->n_bases * sizeof(Wire__Base)),
			   arena_alloc(&arena, e->n_bases * sizeof(Wire__Base *)));
	}
	w.exact = write_ids(&arena, c->exact, c->n_exact);
	w.n_exact = c->n_exact;
	w.settles = write_ids(&arena, c->settles, c->n_settles);
	w.n_settles = c->n_settles;
	w.has_undoes = !id_is_zero(&c->undoes);
	w.undoes = PB_ID(&c->undoes);
	buf_add_message(out, &w.base);
	arena_fini(&arena);
}

uint64_t base_digest(struct bytes value)
{
	uint8_t digest[SHA256_LEN];

	if (value.len == 0)
		return 0xe3b0c44298fc1c14; /* of no bytes: most fields of a new record */
	sha256(value, digest);
	return read_u64be(digest);
}

/* ---- Outcomes ------------------------------------------------------------------------------- */

int outcome_read(struct outcome *out, struct bytes bytes, struct arena *arena)
{
	*out = (struct outcome){.verdict = VERDICT_APPLIED, .as_sent = bytes.len == 0};
	if (out->as_sent)
		return 0;
	const Wire__Outcome *w = (const Wire__Outcome *)message_unpack(
		bytes, &wire__outcome__descriptor, arena, NULL);
	if (!w)
		return ERR_PROTO;
	out->verdict = (enum verdict)w->verdict;
	if (out->verdict < VERDICT_APPLIED || out->verdict > VERDICT_CONFLICT)
		return ERR_PROTO;
	out->n_effects = w->n_effects;
	out->effects = arena_alloc(arena, w->n_effects * sizeof(*out->effects));
	for (size_t i = 0; i < w->n_effects; i++) {
		const Wire__Effect *from = w->effects[i];
		struct outcome_effect *to = &out->effects[i];
		to->type = from->type;
		to->effect = (struct effect){
			.existence = from->has_existence ? (int)from->existence : -1,
			.set = read_part(from->has_set, from->set),
			.add = read_part(from->has_add, from->add),
			.take = read_part(from->has_take, from->take),
			.clear = from->clear,
			.n_clear = from->n_clear,
		};
		if (!id_from(&to->record, BYTES_OF(from->record)) || read_effect(&to->effect) < 0)
			return ERR_PROTO;
	}
	return 0;
}

void outcome_write(const struct outcome *o, struct buf *out)
{
	struct arena arena;
	Wire__Outcome w = WIRE__OUTCOME__INIT;

	if (o->as_sent)
		return;
	arena_init(&arena, ARENA_NO_BUDGET);
	w.verdict = (Wire__Verdict)o->verdict;
	w.n_effects = o->n_effects;
	w.effects = arena_alloc(&arena, o->n_effects * sizeof(*w.effects));
	for (size_t i = 0; i < o->n_effects; i++) {
		const struct outcome_effect *from = &o->effects[i];
		Wire__Effect *to = w.effects[i] = arena_alloc(&arena, sizeof(*to));
		wire__effect__init(to);
		to->type = from->type;
		to->record = PB_ID(&from->record);
		to->has_existence = from->effect.existence >= 0;
		if (to->has_existence)
			to->existence = (Wire__Existence)from->effect.existence;
		PUT(*to, set, from->effect.set);
		PUT(*to, add, from->effect.add);
		PUT(*to, take, from->effect.take);
		to->clear = (uint32_t *)from->effect.clear;
		to->n_clear = from->effect.n_clear;
	}
	buf_add_message(out, &w.base);
	arena_fini(&arena);
}

size_t outcome_effects(const struct change *c, const struct outcome *o, struct arena *arena,
		       const struct outcome_effect **effects)
{
	if (!o->as_sent) {
		*effects = o->effects;
		return o->n_effects;
	}
	struct outcome_effect *made = arena_alloc(arena, c->n_edits * sizeof(*made));
	for (size_t i = 0; i < c->n_edits; i++)
		made[i] = (struct outcome_effect){c->edits[i].type, c->edits[i].record,
						  c->edits[i].effect};
	*effects = made;
	return c->n_edits;
}

const struct edit *change_edit(const struct change *c, const struct id *record)
{
	for (size_t i = 0; c && i < c->n_edits; i++)
		if (id_equal(&c->edits[i].record, record))
			return &c->edits[i];
	return NULL;
}

const struct effect *outcome_did(const struct outcome *o, const struct id *record)
{
	static const struct effect nothing = {.existence = -1};

	if (o->as_sent)
		return NULL;
	for (size_t i = 0; i < o->n_effects; i++)
		if (id_equal(&o->effects[i].record, record))
			return &o->effects[i].effect;
	return &nothing;
}

/* ---- Headers and bodies --------------------------------------------------------------------- */

int header_read(struct header *out, struct bytes bytes, struct arena *arena)
{
	const Wire__Header *w =
		(const Wire__Header *)message_unpack(bytes, &wire__header__descriptor, arena, NULL);
	if (!w)
		return ERR_PROTO;
	*out = (struct header){
		.number = w->number,
		.time_ms = w->time_ms,
		.form = w->has_form ? (uint32_t)w->form : WIRE__FORM__PLAIN,
		.n_touches = w->n_touches,
		.touches = arena_alloc(arena, w->n_touches * sizeof(*out->touches)),
	};
	if (!id_from(&out->change, BYTES_OF(w->change)) ||
	    !id_from(&out->device, BYTES_OF(w->device)) ||
	    !read_optional_id(&out->let_in_by, w->has_let_in_by, w->let_in_by))
		return ERR_PROTO;
	for (size_t i = 0; i < w->n_touches; i++) {
		const Wire__Touch *from = w->touches[i];
		struct touch *to = &out->touches[i];
		to->type = from->type;
		to->fields = from->fields;
		to->n_fields = from->n_fields;
		to->previous = from->has_previous ? from->previous : 0;
		if (!id_from(&to->record, BYTES_OF(from->record)) || to->previous >= out->number)
			return ERR_PROTO;
	}
	return 0;
}

void header_write(const struct header *h, struct buf *out)
{
	struct arena arena;
	Wire__Header w = WIRE__HEADER__INIT;

	arena_init(&arena, ARENA_NO_BUDGET);
	w.number = h->number;
	w.change = PB_ID(&h->change);
	w.device = PB_ID(&h->device);
	w.time_ms = h->time_ms;
	w.has_form = h->form != WIRE__FORM__PLAIN;
	w.form = (Wire__Form)h->form;
	w.has_let_in_by = !id_is_zero(&h->let_in_by);
	w.let_in_by = PB_ID(&h->let_in_by);
	w.n_touches = h->n_touches;
	w.touches = arena_alloc(&arena, h->n_touches * sizeof(*w.touches));
	for (size_t i = 0; i < h->n_touches; i++) {
		const struct touch *from = &h->touches[i];
		Wire__Touch *to = w.touches[i] = arena_alloc(&arena, sizeof(*to));
		wire__touch__init(to);
		to->record = PB_ID(&from->record);
		to->type = from->type;
		to->fields = (uint32_t *)from->fields;
		to->n_fields = from->n_fields;
		to->has_previous = from->previous > 0;
		to->previous = from->previous;
	}
	buf_add_message(out, &w.base);
	arena_fini(&arena);
}

void body_write(struct bytes change, struct bytes outcome, struct buf *out)
{
	buf_add_u32be(out, (uint32_t)change.len);
	buf_add_bytes(out, change);
	buf_add_bytes(out, outcome);
}

int body_read(struct bytes body, struct bytes *change, struct bytes *outcome)
{
	if (body.len < 4 || read_u32be(body.data) > body.len - 4)
		return ERR_PROTO;
	*change = BYTES(body.data + 4, read_u32be(body.data));
	*outcome = BYTES(change->data + change->len, body.len - 4 - change->len);
	return 0;
}

/* ---- The chain ------------------------------------------------------------------------------ */

void chain_start(const struct id *area, const struct id *space, uint8_t chain[SHA256_LEN])
{
	const struct bytes pieces[] = {BYTES(chain_prefix, sizeof(chain_prefix) - 1),
				       ID_BYTES(area), ID_BYTES(space)};
	sha256_pieces(pieces, 3, chain);
}

void body_seal(struct bytes salt, struct bytes body, uint8_t sealed[SHA256_LEN])
{
	const struct bytes pieces[] = {salt, body};

	sha256_pieces(pieces, 2, sealed);
}

void chain_next(uint8_t chain[SHA256_LEN], struct bytes header, struct bytes salt,
		struct bytes body)
{
	uint8_t sealed[SHA256_LEN];

	body_seal(salt, body, sealed);
	chain_next_sealed(chain, header, sealed);
}

void chain_next_sealed(uint8_t chain[SHA256_LEN], struct bytes header,
		       const uint8_t sealed[SHA256_LEN])
{
	const struct bytes pieces[] = {BYTES(chain, SHA256_LEN), header, BYTES(sealed, SHA256_LEN)};
	uint8_t next[SHA256_LEN];

	sha256_pieces(pieces, 3, next);
	memcpy(chain, next, SHA256_LEN);
}

void head_statement(const struct id *area, const struct id *space, uint64_t epoch, uint64_t number,
		    const uint8_t chain[SHA256_LEN], struct buf *out)
{
	buf_add(out, head_prefix, sizeof(head_prefix) - 1);
	buf_add_bytes(out, ID_BYTES(area));
	buf_add_bytes(out, ID_BYTES(space));
	buf_add_u64be(out, epoch);
	buf_add_u64be(out, number);
	buf_add(out, chain, SHA256_LEN);
}
