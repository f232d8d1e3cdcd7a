/*
 * Small steps of the tests that work on a school's copy: fields by name, values from words.
 */
#ifndef FIVEPITS_UNIT_SCHOOL_H
#define FIVEPITS_UNIT_SCHOOL_H

#include "client/copy.h"
#include "client/draft.h"
#include "client/lookup.h"

#include <string.h>

static inline uint32_t field(uint32_t type, const char *name)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(type), name);
	must(d);
	return d->id;
}

/* Set a field of the record last named from words. */
static inline void say(struct draft *d, uint32_t type, const char *name, const char *words)
{
	const struct schema_type *t = schema_type(type);
	struct buf b = {0};
	struct cause cause = {""};

	if (schema_read(t, schema_field_named(t, name), words, &b, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	if (schema_field(t, field(type, name), NULL)->merge == MERGE_SET)
		draft_add(d, field(type, name), buf_bytes(&b));
	else
		draft_set(d, field(type, name), buf_bytes(&b));
	buf_fini(&b);
}

static inline void say_id(struct draft *d, uint32_t type, const char *name, const struct id *id)
{
	char text[ID_TEXT];
	say(d, type, name, id_format(id, text));
}

static inline void save(struct draft *d)
{
	struct id change;
	struct cause cause = {""};

	if (draft_save(&d, &change, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
}

static inline size_t count(struct copy *copy, uint32_t type, struct arena *arena)
{
	struct ids ids;
	must(lookup_type(copy, type, true, arena, &ids) == 0);
	return ids.n;
}

/* The record of a type that has this text in a field. */
static inline struct record find(struct copy *copy, uint32_t type, const char *name, const char *text,
				 struct arena *arena)
{
	struct ids ids;
	struct record r;

	must(lookup_type(copy, type, true, arena, &ids) == 0);
	for (size_t i = 0; i < ids.n; i++) {
		must(copy_record(copy, &ids.ids[i], VIEW_SHOWN, arena, &r, NULL) == 0);
		if (bytes_equal(value_bytes(record_get(&r, field(type, name))), BYTES(text, strlen(text))))
			return r;
	}
	must_failed(text, __FILE__, __LINE__);
}

/* Change one field of a record to these words; `name` NULL: withdraw it. */
static inline void edit(struct copy *copy, const struct record *r, const char *name, const char *words)
{
	struct cause cause = {""};
	struct arena arena;
	struct record now;
	struct id space;

	arena_init(&arena, ARENA_NO_BUDGET);
	must(copy_record(copy, &r->id, VIEW_SHOWN, &arena, &now, &space) == 0);
	arena_fini(&arena);
	struct draft *d = draft_new(copy, &space);
	if (draft_edit(d, &r->id, NULL, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	if (name)
		say(d, r->type, name, words);
	else
		draft_withdraw(d);
	save(d);
}

static inline bool reads(const struct record *r, const char *name, const char *want)
{
	return bytes_equal(value_bytes(record_get(r, field(r->type, name))), BYTES(want, strlen(want)));
}

#endif
