/* Changes, outcomes, headers: what is written is read again, and what is malformed is refused. */
#include "common/change.h"
#include "common/fields.h"
#include "common/wire.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct id id_of(uint8_t c)
{
	struct id id;
	memset(id.b, c, 16);
	return id;
}

/* A change with one edit: field 3 set, field 5 cleared, a member added to 4. */
static void sample(struct change *c, struct edit *e, struct base *bases, struct buf *set, struct buf *add)
{
	static const uint32_t clear[] = {5};
	field_add_text(set, 3, "Use the secure area");
	field_add_bytes(add, 4, BYTES("member", 6));
	bases[0] = (struct base){3, base_digest(BYTES_NONE)};
	bases[1] = (struct base){5, base_digest(BYTES("x", 1))};
	*e = (struct edit){.type = 12, .record = id_of(3), .bases = bases, .n_bases = 2, .after = id_of(9)};
	e->effect = (struct effect){.existence = -1, .set = buf_bytes(set), .add = buf_bytes(add),
				    .clear = clear, .n_clear = 1};
	*c = (struct change){.id = id_of(1), .space = id_of(2), .seen_epoch = 1, .seen_number = 7,
			     .made_ms = 1234, .edits = e, .n_edits = 1};
}

static void test_round_trip(struct arena *arena)
{
	struct change c, back;
	struct edit e;
	struct base bases[2];
	struct buf set = {0}, add = {0}, out = {0}, again = {0};
	struct cause cause;

	sample(&c, &e, bases, &set, &add);
	change_write(&c, &out);
	ok(change_read(&back, buf_bytes(&out), arena, &cause) == 0, "a change is read as written");
	change_write(&back, &again);
	ok(bytes_equal(buf_bytes(&out), buf_bytes(&again)), "writing what was read gives the same bytes");
	ok(back.seen_number == 7 && back.n_edits == 1 && id_equal(&back.edits[0].after, &e.after) &&
		   back.edits[0].n_bases == 2 && back.edits[0].effect.n_clear == 1,
	   "its parts are those that were written");
	ok(change_read(&back, BYTES(out.data, out.len - 4), arena, &cause) < 0 && cause.words[0],
	   "a truncated change is refused in words");
	buf_fini(&set);
	buf_fini(&add);
	buf_fini(&out);
	buf_fini(&again);
}

static int read_spoiled(struct arena *arena, void (*spoil)(struct change *))
{
	struct change c, back;
	struct edit e;
	struct base bases[2];
	struct buf set = {0}, add = {0}, out = {0};
	struct cause cause;

	sample(&c, &e, bases, &set, &add);
	spoil(&c);
	change_write(&c, &out);
	int err = change_read(&back, buf_bytes(&out), arena, &cause);
	buf_fini(&set);
	buf_fini(&add);
	buf_fini(&out);
	return err;
}

static void spoil_nothing(struct change *c)
{
	(void)c;
}
static void spoil_edits(struct change *c)
{
	c->n_edits = 0;
}
static void spoil_base(struct change *c)
{
	c->edits[0].n_bases = 1;
}
static void spoil_extra_base(struct change *c)
{
	static const struct base bases[] = {{3, 0}, {5, 0}, {6, 0}};
	c->edits[0].bases = bases;
	c->edits[0].n_bases = 3;
}
static void spoil_clear(struct change *c)
{
	static const uint32_t clear[] = {3};
	static const struct base bases[] = {{3, 0}};
	c->edits[0].effect.clear = clear;
	c->edits[0].bases = bases;
	c->edits[0].n_bases = 1;
}
static void spoil_existence(struct change *c)
{
	c->edits[0].effect.existence = ABSENT;
}
static void spoil_brings_back(struct change *c)
{
	c->edits[0].brings_back = true;
}
static void spoil_twice(struct change *c)
{
	static struct edit twice[2];
	twice[0] = twice[1] = c->edits[0];
	c->edits = twice;
	c->n_edits = 2;
}
static void spoil_set(struct change *c)
{
	c->edits[0].effect.set = BYTES("\x1a\x85\x00x", 4); /* a length in more bytes than it needs */
}

static void test_malformed(struct arena *arena)
{
	ok(read_spoiled(arena, spoil_nothing) == 0, "the sample itself is well formed");
	ok(read_spoiled(arena, spoil_edits) == ERR_PROTO, "a change without edits is refused");
	ok(read_spoiled(arena, spoil_base) == ERR_PROTO, "a set field without its base is refused");
	ok(read_spoiled(arena, spoil_extra_base) == ERR_PROTO, "a base of no field is refused");
	ok(read_spoiled(arena, spoil_clear) == ERR_PROTO, "a field both set and cleared is refused");
	ok(read_spoiled(arena, spoil_existence) == ERR_PROTO, "nothing can be made absent");
	ok(read_spoiled(arena, spoil_brings_back) == ERR_PROTO, "bringing back needs an existence");
	ok(read_spoiled(arena, spoil_twice) == ERR_PROTO, "a record may be edited once in a change");
	ok(read_spoiled(arena, spoil_set) == ERR_PROTO, "a value in another form than its shortest is refused");
}

/* As many fields cleared as fit (packed, as protobuf also reads them) beside as many set as may be. */
static void test_many_fields(struct arena *arena)
{
	struct buf set = {0}, clear = {0}, edit = {0}, out = {0};
	struct id id = id_of(1);
	struct change back;
	struct cause cause;

	for (uint32_t i = 0; i < 8192; i++)
		field_add_number(&set, 500000, 1);
	for (uint32_t i = 1; i <= 200000; i++)
		buf_add_varint(&clear, i);
	field_add_number(&edit, 1, 12);
	field_add_bytes(&edit, 2, ID_BYTES(&id));
	field_add_bytes(&edit, 4, buf_bytes(&set));
	field_add_bytes(&edit, 5, buf_bytes(&clear));
	field_add_bytes(&out, 1, ID_BYTES(&id));
	field_add_bytes(&out, 2, ID_BYTES(&id));
	field_add_number(&out, 3, 1);
	field_add_number(&out, 4, 0);
	field_add_bytes(&out, 5, buf_bytes(&edit));
	clock_t start = clock();
	int err = change_read(&back, buf_bytes(&out), arena, &cause);
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	ok(err == ERR_PROTO && strstr(cause.words, "well formed"),
	   "a change that clears 200,000 fields without a base is refused");
	ok(seconds < 1, "in one walk, so that nobody else waits for it (%.3f s)", seconds);
	buf_fini(&set);
	buf_fini(&clear);
	buf_fini(&edit);
	buf_fini(&out);
}

static void test_outcome(struct arena *arena)
{
	struct outcome_effect effect = {.type = 12, .record = id_of(3),
					.effect = {.existence = LIVE, .set = BYTES("\x1a\x01x", 3)}};
	struct outcome o = {.verdict = VERDICT_MERGED, .effects = &effect, .n_effects = 1}, back;
	struct buf out = {0};

	outcome_write(&o, &out);
	ok(outcome_read(&back, buf_bytes(&out), arena) == 0 && back.verdict == VERDICT_MERGED &&
		   back.n_effects == 1 && back.effects[0].effect.existence == LIVE &&
		   bytes_equal(back.effects[0].effect.set, effect.effect.set),
	   "an outcome is read as written");
	buf_reset(&out);
	outcome_write(&(struct outcome){.as_sent = true}, &out);
	ok(out.len == 0 && outcome_read(&back, BYTES_NONE, arena) == 0 && back.as_sent &&
		   back.verdict == VERDICT_APPLIED,
	   "applied as sent is no bytes");
	buf_fini(&out);
}

static void test_header_and_body(struct arena *arena)
{
	static const uint32_t fields[] = {0, 3, 200};
	struct touch touch = {.record = id_of(3), .type = 12, .fields = fields, .n_fields = 3, .previous = 4};
	struct header h = {.number = 9, .change = id_of(1), .device = id_of(2), .time_ms = 55, .form = 1,
			   .touches = &touch, .n_touches = 1}, back;
	struct buf out = {0}, body = {0};
	struct bytes change, outcome;

	header_write(&h, &out);
	ok(header_read(&back, buf_bytes(&out), arena) == 0 && back.number == 9 && back.n_touches == 1 &&
		   back.touches[0].previous == 4 && back.touches[0].n_fields == 3 &&
		   back.touches[0].fields[2] == 200,
	   "a header is read as written");
	touch.previous = 9;
	buf_reset(&out);
	header_write(&h, &out);
	ok(header_read(&back, buf_bytes(&out), arena) == ERR_PROTO,
	   "history that does not lead backwards is refused");
	body_write(BYTES("change", 6), BYTES("out", 3), &body);
	ok(body_read(buf_bytes(&body), &change, &outcome) == 0 && change.len == 6 && outcome.len == 3 &&
		   memcmp(outcome.data, "out", 3) == 0,
	   "a body is read as written");
	ok(body_read(BYTES(body.data, 8), &change, &outcome) == ERR_PROTO &&
		   body_read(BYTES(body.data, 3), &change, &outcome) == ERR_PROTO,
	   "a body shorter than it says is refused");
	buf_fini(&out);
	buf_fini(&body);
}

static void test_chain(void)
{
	struct id area = id_of(1), space = id_of(2), other = id_of(3);
	uint8_t a[32], b[32];

	chain_start(&area, &space, a);
	chain_start(&area, &other, b);
	ok(memcmp(a, b, 32) != 0, "chains of two spaces begin apart");
	memcpy(b, a, 32);
	chain_next(a, BYTES("header", 6), BYTES("salt", 4), BYTES("body", 4));
	chain_next(b, BYTES("header", 6), BYTES("salt", 4), BYTES("bodz", 4));
	ok(memcmp(a, b, 32) != 0, "another body gives another chain");
	ok(base_digest(BYTES_NONE) == 0xe3b0c44298fc1c14 && base_digest(BYTES("abc", 3)) == 0xba7816bf8f01cfea,
	   "base digests are the beginnings of SHA-256 (FIPS 180-4 examples)");
}

int main(void)
{
	struct arena arena;
	arena_init(&arena, ARENA_NO_BUDGET);
	test_round_trip(&arena);
	test_malformed(&arena);
	test_many_fields(&arena);
	test_outcome(&arena);
	test_header_and_body(&arena);
	test_chain();
	arena_fini(&arena);
	return tap_end();
}
