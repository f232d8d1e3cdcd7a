/*
 * Reading a copy the way commands need it: the records of a type, what stands for a record in
 * words, who made a change, where two versions are open.
 */
#ifndef FIVEPITS_LOOKUP_H
#define FIVEPITS_LOOKUP_H

#include "client/copy.h"

/* A list of ids, in an arena. */
struct ids {
	struct id *ids;
	size_t n;
};

/* All records of a type that this copy shows, by rising id; withdrawn ones too if `all`. In
 * `arena`. */
int lookup_type(struct copy *copy, uint32_t type, bool all, struct arena *arena, struct ids *out);
/* How many there are. */
int lookup_count(struct copy *copy, uint32_t type, bool all, int64_t *n);
/* The records of a type whose field refers to `to` (any of its members, for a list). In `arena`. */
int lookup_referring(struct copy *copy, uint32_t type, uint32_t field, const struct id *to,
		     struct arena *arena, struct ids *out);
/* Those of a type of which one of these fields holds a part, in capitals or not (ASCII). In
 * `arena`. */
int lookup_holding(struct copy *copy, const struct schema_type *t, const char *const *fields,
		   size_t n, const char *part, bool all, struct arena *arena, struct ids *out);
/* The open Conflict records: of one record, or (NULL) all. In `arena`. */
int lookup_conflicts(struct copy *copy, const struct id *record, struct arena *arena,
		     struct ids *out);
/* The accepted records that changes waiting here edit. In `arena`. */
int lookup_edited_here(struct copy *copy, struct arena *arena, struct ids *out);
/* Does a change to this record that waits here settle that Conflict? */
bool lookup_settles(struct copy *copy, const struct id *record, const struct id *conflict,
		    struct arena *arena);
/* What stands for a record in one line: "1.5 Use the 5 PPs Secure area", "Heath Primary School".
 * Clean, in `arena`, never NULL. */
const char *lookup_label(struct copy *copy, const struct id *record, struct arena *arena);
/* The words of one occurrence of a field, references by their labels, days in words. In `arena`. */
const char *lookup_words(struct copy *copy, const ProtobufCFieldDescriptor *d,
			 const struct schema_field *row, const struct field *occurrence,
			 struct arena *arena);
/* All occurrences, with a comma between; "" for none. Not cleaned: texts keep their lines. */
const char *lookup_value(struct copy *copy, const struct schema_type *t, uint32_t field,
			 struct bytes value, struct arena *arena);
/* "Responsible text" for responsible_text. In `arena`. */
const char *lookup_field_label(const char *name, struct arena *arena);
/* Is a field for the programs alone, such as an order key? Then people are not shown it. */
bool lookup_is_inner(const struct schema_field *row);
/* "Plan line" for plan-line. In `arena`. */
const char *lookup_type_label(const struct schema_type *t, struct arena *arena);

/* Who made a change, from where, when. Names are clean, in the arena, and never NULL. */
struct author {
	struct id device, person, school; /* zero: not known */
	const char *person_name, *school_name;
	uint64_t time_ms; /* the server's, or this computer's for what is not sent yet */
	uint64_t number;  /* 0: not sent yet, or not held here */
	bool here;	  /* made on this device */
};

/* The person and school of a device. */
void lookup_device(struct copy *copy, const struct id *device, struct arena *arena,
		   struct author *out);
/* Of a change, accepted or pending. ERR_MISSING: this copy does not know it; then the
 * names say so. */
int lookup_author(struct copy *copy, const struct id *change, struct arena *arena,
		  struct author *out);
/* "Amy Booth, Pilsley Primary School, 9 October 2019, 18:30". In `arena`. */
const char *lookup_author_words(const struct author *a, struct arena *arena);

/* copy_space_name, clean, in `arena`. */
const char *lookup_space_name(struct copy *copy, const struct id *space, struct arena *arena);
/* Is `space` held here, and not on its way out? */
bool lookup_holds(struct copy *copy, const struct id *space);
/* Is any space held here? */
bool lookup_holds_any(struct copy *copy);
/* Has this person a current appointment as administrator? */
bool lookup_administers(struct copy *copy);

/* The shortest start of a record's id, of 8 digits or more, that no other here has. In `arena`. */
const char *lookup_short_id(struct copy *copy, const struct id *id, struct arena *arena);
/* The same of a change, among all changes known here. */
const char *lookup_short_change(struct copy *copy, const struct id *id, struct arena *arena);

#endif
