/* Releases: found by the versions that say that they were released, in the shown tables. */
#include "client/released.h"

#include "client/copy_inside.h"
#include "common/schema.h"

#include <stdlib.h>

static int place_compare(const void *a, const void *b)
{
	const struct release *x = a, *y = b;
	int c = id_compare(&x->space, &y->space);

	return c ? c : x->number != y->number ? (x->number < y->number ? -1 : 1) : 0;
}

static int time_compare(const void *a, const void *b)
{
	const struct release *x = a, *y = b;

	return x->time_ms != y->time_ms ? (x->time_ms < y->time_ms ? 1 : -1) : place_compare(y, x);
}

struct named {
	struct id id, space;
};

/* The versions, by their ids. */
static int released_versions(struct copy *copy, struct buf *out)
{
	struct db_stmt *st =
		db_query(copy_db(copy),
			 "SELECT id, space FROM \"version\" WHERE released IS NOT NULL", "");
	struct named v;
	int got;

	while ((got = db_step(st)) > 0)
		if (db_id(st, 0, &v.id) && db_id(st, 1, &v.space))
			buf_add(out, &v, sizeof(v));
	return got;
}

/* Many are released by one entry. */
static size_t releases_once(struct release *list, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(list, n, sizeof(*list), place_compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || place_compare(&list[i], &list[i - 1]) != 0)
			list[kept++] = list[i];
	return kept;
}

static int releases_read(struct copy *copy, struct bytes versions, struct arena *arena,
			 struct release *out, size_t *n)
{
	uint32_t field = schema_field_named(schema_type(TYPE_VERSION), "released")->id;
	const struct named *v = (const struct named *)versions.data;

	for (size_t i = 0; i < versions.len / sizeof(*v); i++) {
		struct record r;
		int err = copy_record(copy, &v[i].id, VIEW_SHOWN, arena, &r, NULL);
		const struct value *value = err < 0 ? NULL : record_find(&r, field);
		if (err < 0 && err != ERR_MISSING)
			return err;
		if (value && value->number)
			out[(*n)++] = (struct release){v[i].space, value->number, 0};
	}
	return 0;
}

int released_list(struct copy *copy, struct arena *arena, struct release **out, size_t *n)
{
	struct buf versions = {0};
	int err = released_versions(copy, &versions);

	*n = 0;
	*out = arena_alloc(arena, (versions.len / sizeof(struct named) + 1) * sizeof(**out));
	if (err == 0)
		err = releases_read(copy, buf_bytes(&versions), arena, *out, n);
	buf_fini(&versions);
	*n = err < 0 ? 0 : releases_once(*out, *n);
	for (size_t i = 0; err >= 0 && i < *n; i++) {
		struct past_entry e;
		err = copy_entry(copy, &(*out)[i].space, (*out)[i].number, arena, &e);
		(*out)[i].time_ms = err > 0 ? e.header.time_ms : 0;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), time_compare);
	return err < 0 ? err : 0;
}
