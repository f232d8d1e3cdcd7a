/*
 * The accepted state of one record, without its schema: each field's value as bytes, and the number
 * of the entry that last set it. The server and every copy keep the same bytes of it, whatever
 * version of the schema they know, so that their digests agree.
 *
 * Field 0 is existence: one varint of wire.proto's Existence, ABSENT (never made) where it has no
 * value.
 */
#ifndef FIVEPITS_RECORD_H
#define FIVEPITS_RECORD_H

#include "common/id.h"

struct value {
	uint32_t field;
	uint64_t number;    /* the entry that set it; 0 for what is not yet accepted */
	struct bytes bytes; /* all occurrences; empty where it was cleared */
};

struct record {
	struct id id;
	uint32_t type;
	uint64_t number;       /* the newest entry that touched it */
	struct value *values;  /* by rising field */
	size_t n_values, cap;
	struct arena *arena;   /* what values and their bytes live in */
};

/* An absent record. Values that are set later are copied into `arena`, which is borrowed. */
void record_init(struct record *r, struct arena *arena, const struct id *id, uint32_t type);
/* Read what record_pack wrote. ERR_CORRUPT. Borrows `packed` for as long as the record is used. */
int record_unpack(struct record *r, struct bytes packed);
/* Append the fields as they are stored; id, type and number stand in columns beside it. */
void record_pack(const struct record *r, struct buf *out);

const struct value *record_find(const struct record *r, uint32_t field); /* NULL: never set */
struct bytes record_get(const struct record *r, uint32_t field);	 /* empty: no value */
unsigned record_existence(const struct record *r);

/* Replace a field's value (empty: clear it), as set by entry `number`. */
void record_set(struct record *r, uint32_t field, struct bytes value, uint64_t number);
void record_set_existence(struct record *r, unsigned existence, uint64_t number);
/* Add the members in `members` (occurrences of `field`) to a set, or take them; kept sorted by
 * bytes. */
void record_add(struct record *r, uint32_t field, struct bytes members, uint64_t number);
void record_take(struct record *r, uint32_t field, struct bytes members, uint64_t number);
bool value_has_member(struct bytes value, struct bytes member);

/* The members of a list, sorted, so that each of many is found at once. Borrows from the list. */
struct members {
	struct bytes *all; /* in the arena */
	size_t n;
};
struct members members_sort(struct bytes list, struct arena *arena);
/* Which of them it is; `n` of them: none. */
size_t members_find(const struct members *m, struct bytes member);
bool members_have(const struct members *m, struct bytes member);
/* The members of one list that another has not; in `arena`. */
struct bytes value_without(struct bytes value, struct bytes members, struct arena *arena);

/* What a change or an outcome does to one record (an Edit or an Effect of wire.proto), borrowed. */
struct effect {
	int existence; /* -1: as it is */
	struct bytes set, add, take;
	const uint32_t *clear;
	size_t n_clear;
};

/* Does an effect set or clear the field? Then its value, empty where it is cleared. */
bool effect_sets(const struct effect *e, uint32_t field, struct bytes *value);
/* Lay an effect on a record, as of entry `number`. The effect's parts were checked before. */
void record_apply(struct record *r, const struct effect *e, uint64_t number);

#endif
