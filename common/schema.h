/*
 * What the product knows of record types: the descriptors made from proto/records.proto, and beside
 * each field one row that says how it merges, what it may hold and what it may refer to (schema.c).
 * Everything that treats types alike is driven from here; a new field is a line there and a row.
 */
#ifndef FIVEPITS_SCHEMA_H
#define FIVEPITS_SCHEMA_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/fields.h"
#include "common/record.h"

enum { SCHEMA_VERSION = 1 }; /* raised with every release that adds a type or a field */

enum merge {
	MERGE_VALUE, /* replaced whole; two different values from one base are a conflict */
	MERGE_TEXT,  /* prose */
	MERGE_SET,   /* members are added and taken, each by itself */
	MERGE_FIXED, /* set once, then never changed */
};

enum format {
	FORMAT_LINE,	 /* text without line ends */
	FORMAT_TEXT,	 /* text */
	FORMAT_DAY,	 /* YYYY-MM-DD */
	FORMAT_TIME,	 /* HH:MM */
	FORMAT_YEAR,	 /* 2019-20 */
	FORMAT_POSITION, /* an order key, see position.h */
	FORMAT_REF,	 /* the id of a record, or of a change where refs is "change" */
	FORMAT_BYTES,	 /* opaque */
	FORMAT_NUMBER,
	FORMAT_FLAG,
	FORMAT_WORD,	 /* one of an enum */
};

struct schema_field {
	const char *name; /* as in records.proto */
	enum merge merge;
	enum format format;
	char group; /* fields of a type with the same letter are settled together; 0: by itself */
	uint32_t least;	  /* bytes of one occurrence, of FORMAT_BYTES */
	uint64_t max;	  /* bytes of one occurrence, or the largest number */
	uint32_t most;	  /* occurrences of a repeated field */
	const char *refs; /* types it may refer to, by name with a space between; NULL: any */
	bool search;	  /* in the full-text index */
};

struct schema_type {
	uint32_t number;
	const char *name; /* "agenda-item" */
	const ProtobufCMessageDescriptor *message;
	const struct schema_field *fields; /* in the order of message->fields, which is by number */
	size_t n_fields;		   /* as many as message->n_fields */
	const char *title;		   /* the field that stands for the record in a list */
	uint32_t spaces; /* kinds of space it may live in, 1 << SpaceKind; 0: any */
	bool outcome_only;		   /* written by outcomes, never by a change (Conflict) */
};
/* All types, by rising number; *n is their count. */
const struct schema_type *schema_types(size_t *n);
const struct schema_type *schema_type(uint32_t number);	       /* NULL: not known */
const struct schema_type *schema_type_named(const char *name); /* NULL: not known */
/* What goes before the type's name where one of them is meant: "an" action, "a set of" minutes. */
const char *schema_article(const struct schema_type *t);
/* The row of a field, and through *d (may be NULL) its descriptor. NULL: not known. */
const struct schema_field *schema_field(const struct schema_type *t, uint32_t number,
					const ProtobufCFieldDescriptor **d);
const ProtobufCFieldDescriptor *schema_field_named(const struct schema_type *t, const char *name);
/* The group of a field: the lowest number of the fields that are settled with it. */
uint32_t schema_group(const struct schema_type *t, uint32_t field);
/* Whether a field of this row may refer to a record of this type. */
bool schema_may_refer(const struct schema_field *f, const struct schema_type *to);

/* The type numbers that the code must know by name. A new type needs no name: see schema.c. */
enum type {
	TYPE_PARTNERSHIP = 1, TYPE_SCHOOL, TYPE_PERSON, TYPE_APPOINTMENT, TYPE_GROUP, TYPE_SPACE,
	TYPE_DEVICE, TYPE_TERM, TYPE_PLAN, TYPE_PRIORITY, TYPE_PLAN_LINE, TYPE_ACTION, TYPE_NOTE,
	TYPE_EVENT, TYPE_ATTENDANCE, TYPE_AGENDA_ITEM, TYPE_MINUTES, TYPE_DOCUMENT, TYPE_VERSION,
	TYPE_LINK, TYPE_SIGN_OFF, TYPE_READ_MARK, TYPE_CONFLICT, TYPE_LIMIT, TYPE_RETENTION,
};

/*
 * Check the values of a serialised record message against the type: known fields, wire types, UTF-8
 * without NUL, formats, lengths, counts, words of enums. `sets` says which fields it must hold:
 * true only MERGE_SET fields (add, take), false only others (set). 0, ERR_INVALID with the cause in
 * words, or ERR_MISSING for a field, or a word of an enum, that this schema does not know.
 */
int schema_check(const struct schema_type *t, struct bytes message, bool sets, struct cause *cause);
/* Does a message refer to the record that it is about? 0, ERR_INVALID with the cause in words. */
int schema_check_self(const struct schema_type *t, const struct id *record, struct bytes message,
		      struct cause *cause);
/* May a set that has `stand` members come to have `after`? It may always become shorter. 0,
 * ERR_INVALID. */
int schema_check_list(const struct schema_field *f, size_t stand, size_t after,
		      struct cause *cause);

/*
 * The words of one occurrence, for a person and for `field=value`: enum words in lower case with
 * dashes, ids as text, flags yes or no, bytes in hex. Appends to `out`.
 */
void schema_print(const ProtobufCFieldDescriptor *d, const struct schema_field *f,
		  const struct field *occurrence, struct buf *out);
/* Append the word of an enum's value as people see it; "7" where this schema has no word for it. */
void schema_print_word(const ProtobufCEnumDescriptor *e, uint64_t value, struct buf *out);
/* The value of an enum's word, in any case, with dashes, spaces or underscores; -1: none. */
int schema_read_word(const ProtobufCEnumDescriptor *e, const char *word);
/*
 * The other way: append one occurrence (tag and payload) read from words. An id must be whole.
 * ERR_INVALID with a cause; then nothing was appended.
 */
int schema_read(const struct schema_type *t, const ProtobufCFieldDescriptor *d, const char *words,
		struct buf *out, struct cause *cause);

/* Whether the table fits the descriptors: each program checks as it starts, and ends if not. */
int schema_verify(struct cause *cause);

#endif
