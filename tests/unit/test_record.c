/* A record's state: fields are set, cleared, added to and taken from; it packs and unpacks. */
#include "common/record.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/wire.h"
#include "tests/tap.h"

#include <string.h>

static struct arena arena;

static struct bytes text(uint32_t field, const char *s)
{
	struct buf b = {0};
	field_add_text(&b, field, s);
	struct bytes copy = arena_copy(&arena, buf_bytes(&b));
	buf_fini(&b);
	return copy;
}

/* Several occurrences, one behind the other. */
static struct bytes join(struct bytes a, struct bytes b)
{
	uint8_t *p = arena_alloc(&arena, a.len + b.len);
	if (a.len)
		memcpy(p, a.data, a.len);
	if (b.len)
		memcpy(p + a.len, b.data, b.len);
	return BYTES(p, a.len + b.len);
}

static void fields_are_set(struct record *r)
{
	ok(record_existence(r) == WIRE__EXISTENCE__ABSENT && record_get(r, 3).len == 0 &&
	   !record_find(r, 3),
	   "a new record is absent and empty");
	record_set(r, 3, text(3, "three"), 7);
	record_set(r, 1, text(1, "one"), 8);
	record_set_existence(r, WIRE__EXISTENCE__LIVE, 8);
	ok(record_existence(r) == WIRE__EXISTENCE__LIVE, "it is made to exist");
	ok(r->n_values == 3 && r->values[0].field == 0 && r->values[1].field == 1 &&
	   r->values[2].field == 3,
	   "fields stand by number, existence first");
	ok(record_find(r, 3)->number == 7 && bytes_equal(record_get(r, 3), text(3, "three")),
	   "with value and entry");
	record_set(r, 3, BYTES_NONE, 9);
	ok(record_get(r, 3).len == 0 && record_find(r, 3)->number == 9,
	   "a cleared field remembers who cleared it");
	record_set(r, 3, text(3, "again"), 10);
	ok(r->n_values == 3 && record_find(r, 3)->number == 10, "and is set again in its place");
}

static void sets_are_sets(struct record *r)
{
	struct bytes a = text(5, "a"), b = text(5, "bb"), c = text(5, "c");
	record_add(r, 5, join(c, a), 11);
	ok(bytes_equal(record_get(r, 5), join(a, c)), "members stand in order of their bytes");
	record_add(r, 5, join(b, a), 12);
	ok(value_count(record_get(r, 5)) == 3, "none stands twice");
	ok(value_has_member(record_get(r, 5), b) &&
	   !value_has_member(record_get(r, 5), text(5, "b")),
	   "members are found whole");
	struct bytes one_way = record_get(r, 5);
	record_take(r, 5, join(a, text(5, "never")), 13);
	ok(value_count(record_get(r, 5)) == 2 && !value_has_member(record_get(r, 5), a),
	   "what is taken is gone, what was never there does not matter");
	record_add(r, 5, a, 14);
	ok(bytes_equal(record_get(r, 5), one_way), "the same members are the same bytes");
	record_take(r, 5, join(a, join(b, c)), 15);
	ok(record_get(r, 5).len == 0 && record_find(r, 5)->number == 15,
	   "an emptied set has no value");
	record_take(r, 6, a, 16);
	ok(record_get(r, 6).len == 0, "taking from nothing leaves nothing");
}

static void packing(const struct record *r)
{
	struct buf packed = {0}, again = {0};
	struct record copy, cut;
	record_pack(r, &packed);
	record_init(&copy, &arena, &r->id, r->type);
	ok(record_unpack(&copy, buf_bytes(&packed)) == 0 && copy.n_values == r->n_values,
	   "it unpacks");
	record_pack(&copy, &again);
	ok(bytes_equal(buf_bytes(&packed), buf_bytes(&again)), "and packs to the same bytes");
	size_t sound = 0, whole = 0;
	for (size_t n = 0; n < packed.len; n++) {
		record_init(&cut, &arena, &r->id, r->type);
		int rc = record_unpack(&cut, BYTES(packed.data, n));
		sound += rc == 0 || rc == ERR_CORRUPT;
		whole += rc == 0;
	}
	ok(sound == packed.len && whole == r->n_values, "cut inside a value, it is damaged");
	record_init(&cut, &arena, &r->id, r->type);
	ok(record_unpack(&cut, BYTES("\2\1\0\1\1\0", 6)) == ERR_CORRUPT,
	   "so it is with fields out of order");
	record_init(&cut, &arena, &r->id, r->type);
	memset(packed.data, 0xff, 11);
	ok(record_unpack(&cut, BYTES(packed.data, 11)) == ERR_CORRUPT,
	   "and with a number without an end");
	buf_fini(&packed);
	buf_fini(&again);
}

static void effects(const struct id *id)
{
	struct record r;
	record_init(&r, &arena, id, 12);
	record_set(&r, 2, text(2, "old"), 1);
	record_add(&r, 5, join(text(5, "a"), text(5, "b")), 1);
	static const uint32_t clear[] = {2, 9};
	struct effect e = {.existence = WIRE__EXISTENCE__WITHDRAWN,
			   .set = join(text(3, "x"), join(text(4, "p"), text(4, "q"))),
			   .add = text(5, "c"),
			   .take = join(text(5, "a"), text(5, "c")),
			   .clear = clear,
			   .n_clear = 2};
	record_apply(&r, &e, 20);
	ok(record_existence(&r) == WIRE__EXISTENCE__WITHDRAWN && r.number == 20,
	   "an effect withdraws");
	ok(record_get(&r, 2).len == 0 && record_find(&r, 9)->number == 20, "clears, known or not");
	ok(bytes_equal(record_get(&r, 3), text(3, "x")) && value_count(record_get(&r, 4)) == 2,
	   "sets each field with all its occurrences");
	ok(bytes_equal(record_get(&r, 5), join(text(5, "b"), text(5, "c"))),
	   "takes first, then adds");
	e = (struct effect){.existence = -1, .set = text(3, "y")};
	record_apply(&r, &e, 0);
	ok(record_existence(&r) == WIRE__EXISTENCE__WITHDRAWN && record_find(&r, 2)->number == 20,
	   "what it does not name stays");
	ok(r.number == 20 && record_find(&r, 3)->number == 0, "what is pending has no number");
}

int main(void)
{
	struct id id = {{9}};
	struct record r;
	arena_init(&arena, ARENA_NO_BUDGET);
	record_init(&r, &arena, &id, 12);
	fields_are_set(&r);
	sets_are_sets(&r);
	packing(&r);
	effects(&id);
	arena_fini(&arena);
	return tap_end();
}
