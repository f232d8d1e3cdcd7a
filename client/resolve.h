/*
 * From the words of a command line to what they mean in this copy: types, fields, records by id or
 * name, spaces, FIELD=VALUE and filters. Whatever can't be understood is said in one line, with
 * what was meant most likely.
 */
#ifndef FIVEPITS_RESOLVE_H
#define FIVEPITS_RESOLVE_H

#include "client/copy.h"
#include "client/draft.h"

/* ERR_INVALID: there is no such type or field. */
int resolve_type(const char *word, const struct schema_type **out, struct cause *cause);
int resolve_field(const struct schema_type *t, const char *word,
		  const ProtobufCFieldDescriptor **out, struct cause *cause);

/* A record by its id, the unique start of one, an action's reference, or a name. ERR_MISSING,
 * ERR_AMBIGUOUS. */
int resolve_record(struct copy *copy, const char *word, struct id *out, struct cause *cause);
/* The same among some types only, by name with a space between (NULL: any). */
int resolve_reference(struct copy *copy, const char *types, const char *word, struct id *out,
		      struct cause *cause);
/* A space held here: directory, partnership, admin, personal, a Space's or a group's
 * name, an id. */
int resolve_space(struct copy *copy, const char *word, struct id *out, struct cause *cause);

enum how { HOW_SET, HOW_ADD, HOW_TAKE };

/* FIELD=VALUE, FIELD+=VALUE or FIELD-=VALUE. */
struct assignment {
	const ProtobufCFieldDescriptor *field;
	const struct schema_field *row;
	enum how how;
	struct bytes occurrence; /* empty: FIELD= */
};

/* ERR_USAGE where it is not an assignment; ERR_INVALID, ERR_MISSING, ERR_AMBIGUOUS where the value
 * is none. The occurrence lives in `arena`. */
int resolve_assignment(struct copy *copy, const struct schema_type *t, const char *word,
		       struct arena *arena, struct assignment *out, struct cause *cause);
/* Put assignments to one record into the draft, which has named it. `now`: the record as it was
 * seen, NULL for a new one. Several to one field of many values count together. */
int resolve_assign(struct draft *d, const struct record *now, const struct assignment *a, size_t n,
		   struct arena *arena, struct cause *cause);

/* FIELD=VALUE, FIELD!=VALUE, FIELD~TEXT. */
struct filter {
	const struct schema_type *type;
	const ProtobufCFieldDescriptor *field;
	const struct schema_field *row;
	enum { FILTER_IS, FILTER_IS_NOT, FILTER_HOLDS } how;
	struct bytes occurrence; /* empty: no value */
	const char *text;	 /* of FILTER_HOLDS */
};

int resolve_filter(struct copy *copy, const struct schema_type *t, const char *word,
		   struct arena *arena, struct filter *out, struct cause *cause);
bool resolve_matches(struct copy *copy, const struct filter *f, const struct record *r,
		     struct arena *arena);

/* The space where a new record belongs if nobody says: that of what it refers to, else partnership;
 * directory for who is who, personal for one's own. */
struct id resolve_home_space(struct copy *copy, const struct schema_type *t,
			     const struct assignment *a, size_t n, struct arena *arena);

/* Does one text hold another, in capitals or not? */
bool resolve_text_holds(const char *text, const char *part);
/* The same name, but for capitals and spaces? */
bool resolve_same_name(const char *a, const char *b);

#endif
