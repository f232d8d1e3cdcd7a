/*
 * Records as JSON and back, for --json, import and export. A record is one object: "id", "type",
 * "space", "withdrawn", then its fields that have a value, by number: texts, words of enums and
 * days as strings, ids as text, other bytes in hex, lists as arrays, flags as true and false. A
 * field named as one of these four has a '_' behind its name (`space_` of a read mark).
 */
#ifndef FIVEPITS_JSON_H
#define FIVEPITS_JSON_H

#include "common/schema.h"

#include <jansson.h>

/* A record; returns a new reference. `type` NULL (not known here): without its fields. */
json_t *json_record(const struct schema_type *type, const struct record *record,
		    const struct id *space);
/* The name of a field in that object; borrowed from `d` or constant. */
const char *json_field_name(const ProtobufCFieldDescriptor *d);
/* One value, an array for a list; a new reference, null where there is none. */
json_t *json_value(const struct schema_type *type, const ProtobufCFieldDescriptor *d,
		   struct bytes value);
json_t *json_id(const struct id *id); /* a new reference */
/* Text that may not be UTF-8 becomes what a person can read of it. A new reference. */
json_t *json_text(struct bytes text);

/*
 * The other way: an object as json_record makes it. Values go into record->arena; existence is
 * WITHDRAWN where it says so, else LIVE. `space` may be NULL. ERR_INVALID with a cause: no object,
 * an unknown type or field, a value that does not fit.
 */
int json_read_record(json_t *object, struct arena *arena, struct record *record, struct id *space,
		     struct cause *cause);
/* One value: appends its occurrences, none for null. ERR_INVALID with a cause. */
int json_read_value(const struct schema_type *type, const ProtobufCFieldDescriptor *d,
		    json_t *value, struct buf *out, struct cause *cause);

/*
 * Read a file of JSON from anywhere: at most `most` bytes, no name twice in an object, not deeper
 * than 256. A new reference, or NULL with a cause that says where it fails in one line.
 */
json_t *json_read_file(const char *path, size_t most, struct cause *cause);

#endif
