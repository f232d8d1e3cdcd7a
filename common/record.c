/* A record's fields as a sorted array of values; packed as (field, number, length,
 * bytes) in a row. */
#include "common/record.h"

#include "common/err.h"
#include "common/fields.h"

#include <stdlib.h>
#include <string.h>

void record_init(struct record *r, struct arena *arena, const struct id *id, uint32_t type)
{
	*r = (struct record){.id = *id, .type = type, .arena = arena};
}

static int record_varint(struct bytes *rest, uint64_t *out)
{
	*out = 0;
	for (unsigned i = 0; rest->len && i < 10; i++) {
		uint8_t c = *rest->data++;
		rest->len--;
		*out |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80)
			return 0;
	}
	return ERR_CORRUPT;
}

/* The slot of `field`, made if it is not there. */
static struct value *record_slot(struct record *r, uint32_t field)
{
	size_t i = r->n_values;
	while (i > 0 && r->values[i - 1].field > field)
		i--;
	if (i > 0 && r->values[i - 1].field == field)
		return &r->values[i - 1];
	if (r->n_values == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct value *grown = arena_alloc(r->arena, cap * sizeof(*grown));
		if (r->n_values)
			memcpy(grown, r->values, r->n_values * sizeof(*grown));
		r->values = grown;
		r->cap = cap;
	}
	memmove(r->values + i + 1, r->values + i, (r->n_values - i) * sizeof(*r->values));
	r->n_values++;
	r->values[i] = (struct value){.field = field};
	return &r->values[i];
}

int record_unpack(struct record *r, struct bytes packed)
{
	while (packed.len) {
		uint64_t field, number, len;
		if (record_varint(&packed, &field) < 0 || record_varint(&packed, &number) < 0 ||
		    record_varint(&packed, &len) < 0 || len > packed.len || field > UINT32_MAX ||
		    (r->n_values && field <= r->values[r->n_values - 1].field))
			return ERR_CORRUPT;
		struct value *v = record_slot(r, (uint32_t)field);
		v->number = number;
		v->bytes = BYTES(packed.data, len);
		packed = BYTES(packed.data + len, packed.len - len);
	}
	return 0;
}

void record_pack(const struct record *r, struct buf *out)
{
	for (size_t i = 0; i < r->n_values; i++) {
		buf_add_varint(out, r->values[i].field);
		buf_add_varint(out, r->values[i].number);
		buf_add_varint(out, r->values[i].bytes.len);
		buf_add_bytes(out, r->values[i].bytes);
	}
}

const struct value *record_find(const struct record *r, uint32_t field)
{
	size_t low = 0, high = r->n_values;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (r->values[mid].field < field)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n_values && r->values[low].field == field ? &r->values[low] : NULL;
}

struct bytes record_get(const struct record *r, uint32_t field)
{
	const struct value *v = record_find(r, field);
	return v ? v->bytes : BYTES_NONE;
}

unsigned record_existence(const struct record *r)
{
	struct bytes b = record_get(r, 0);
	return b.len == 1 ? b.data[0] : 0;
}

void record_set(struct record *r, uint32_t field, struct bytes value, uint64_t number)
{
	struct value *v = record_slot(r, field);
	v->bytes = arena_copy(r->arena, value);
	v->number = number;
}

void record_set_existence(struct record *r, unsigned existence, uint64_t number)
{
	uint8_t b = (uint8_t)existence;
	record_set(r, 0, BYTES(&b, 1), number);
}

static int member_compare(const void *a, const void *b)
{
	return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Sort the members, drop what stands twice, and make them the field's value. */
static void record_set_members(struct record *r, uint32_t field, struct bytes *members, size_t n,
			       uint64_t number)
{
	struct buf b = {0};
	if (n)
		qsort(members, n, sizeof(*members), member_compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !bytes_equal(members[i], members[i - 1]))
			buf_add_bytes(&b, members[i]);
	record_set(r, field, buf_bytes(&b), number);
	buf_fini(&b);
}

bool value_has_member(struct bytes value, struct bytes member)
{
	struct field f;
	while (field_next(&value, &f) > 0)
		if (bytes_equal(f.whole, member))
			return true;
	return false;
}

struct members members_sort(struct bytes list, struct arena *arena)
{
	struct members m = {arena_alloc(arena, (value_count(list) + 1) * sizeof(*m.all)), 0};
	struct field f;

	while (field_next(&list, &f) > 0)
		m.all[m.n++] = f.whole;
	if (m.n > 1)
		qsort(m.all, m.n, sizeof(*m.all), member_compare);
	return m;
}

size_t members_find(const struct members *m, struct bytes member)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (bytes_compare(m->all[mid], member) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->n && bytes_equal(m->all[low], member) ? low : m->n;
}

bool members_have(const struct members *m, struct bytes member)
{
	return members_find(m, member) < m->n;
}

struct bytes value_without(struct bytes value, struct bytes members, struct arena *arena)
{
	struct members without = members_sort(members, arena);
	struct buf b = {0};
	struct field f;

	while (field_next(&value, &f) > 0)
		if (!members_have(&without, f.whole))
			buf_add_bytes(&b, f.whole);
	struct bytes left = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return left;
}

void record_add(struct record *r, uint32_t field, struct bytes members, uint64_t number)
{
	struct bytes old = record_get(r, field);
	size_t n = 0;
	struct bytes *all =
		arena_alloc(r->arena, (value_count(old) + value_count(members) + 1) * sizeof(*all));
	struct field f;
	while (field_next(&old, &f) > 0)
		all[n++] = f.whole;
	while (field_next(&members, &f) > 0)
		all[n++] = f.whole;
	record_set_members(r, field, all, n, number);
}

void record_take(struct record *r, uint32_t field, struct bytes members, uint64_t number)
{
	struct bytes old = record_get(r, field);
	struct members taken = members_sort(members, r->arena);
	size_t n = 0;
	struct bytes *left = arena_alloc(r->arena, (value_count(old) + 1) * sizeof(*left));
	struct field f;
	while (field_next(&old, &f) > 0)
		if (!members_have(&taken, f.whole))
			left[n++] = f.whole;
	record_set_members(r, field, left, n, number);
}

/* Call `apply` with each field of a serialised message and all its occurrences. */
static void each_value(struct record *r, struct bytes message, uint64_t number,
		       void (*apply)(struct record *, uint32_t, struct bytes, uint64_t))
{
	struct bytes rest = message;
	struct field f;
	struct bytes value = BYTES_NONE;
	uint32_t field = 0;

	while (field_next(&rest, &f) > 0) {
		if (f.number != field && value.len)
			apply(r, field, value, number);
		value = f.number == field ? BYTES(value.data, value.len + f.whole.len) : f.whole;
		field = f.number;
	}
	if (value.len)
		apply(r, field, value, number);
}

bool effect_sets(const struct effect *e, uint32_t field, struct bytes *value)
{
	*value = fields_get(e->set, field);
	for (size_t i = 0; i < e->n_clear && !value->len; i++)
		if (e->clear[i] == field)
			return true;
	return value->len > 0;
}

void record_apply(struct record *r, const struct effect *e, uint64_t number)
{
	if (e->existence >= 0)
		record_set_existence(r, (unsigned)e->existence, number);
	for (size_t i = 0; i < e->n_clear; i++)
		record_set(r, e->clear[i], BYTES_NONE, number);
	each_value(r, e->set, number, record_set);
	each_value(r, e->take, number, record_take);
	each_value(r, e->add, number, record_add);
	if (number)
		r->number = number;
}
