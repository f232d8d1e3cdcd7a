/*
 * What the files of import and export share; nobody else includes this. plan_import.c reads a file
 * and makes records of its schools and groups, plan_rows.c of the plan, plan_meetings.c of the
 * council and of dated details, each by the steps of plan_take.c; plan_export.c writes the file,
 * plan_roster.c finds the file's schools and groups in the directory, plan_derived.c reads and
 * writes "derived", plan_record.c has the small steps.
 *
 * The file keeps the source's words, and beside them, in "derived", what they were read to mean.
 * Both become fields. What has no field (an order, a remark, a key that this version does not know)
 * stands as JSON in Plan.import_text and Action.import_text, and export begins with that and lays
 * over it what the records say now. So nothing of a file is lost, and nothing that was edited comes
 * out old.
 */
#ifndef FIVEPITS_PLAN_INSIDE_H
#define FIVEPITS_PLAN_INSIDE_H

#include "client/copy.h"
#include "client/draft.h"
#include "client/json.h"
#include "client/plan.h"

/* ---- Schools and groups --------------------------------------------------------------------- */

enum part { PART_SCHOOLS, PART_WORKING, PART_OTHER, PART_TRIADS, PARTS };
extern const char *const plan_parts[PARTS]; /* the list's name in the file */

struct member {
	enum part part;
	const char *short_id, *name;
	const char *academy_from; /* the day, where an action tells of it; NULL */
	json_t *object; /* in the file, borrowed; NULL: only the directory has it */
	struct id id;
	struct id own_id;     /* what an import gives it */
	bool there;	      /* the directory has it, withdrawn perhaps */
	bool own;	      /* under own_id */
	struct record record; /* if it is there */
};

struct roster {
	struct member *members;
	size_t n, cap;
};

/* A plan's place in a copy. */
struct place {
	struct copy *copy;
	struct arena *arena;
	struct id area, directory, partnership;
	const char *year;
	struct roster roster;
};

/* `file` and all the strings in it are borrowed for as long as `place` is used. */
int place_init(struct place *p, struct copy *copy, struct arena *arena, const char *year,
	       json_t *file, struct cause *cause);
uint32_t member_type(const struct member *m);
const struct member *roster_find(const struct roster *r, enum part part, const char *short_id);
const struct member *roster_find_id(const struct roster *r, const struct id *id);
void roster_set_academy(struct roster *r, const char *short_id, const char *day);
/* The group that the file's "council" is about; NULL: none. */
const struct member *roster_council(const struct roster *r);

/* The id of what `reference` names in this plan's year: "1.5". */
struct id plan_id(const struct place *p, uint32_t type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- Small steps ---------------------------------------------------------------------------- */

uint32_t plan_field(uint32_t type, const char *name);
/* Put a value into a record, into a set beside what is there; nothing where there is none. */
void put_text(struct record *r, const char *field, const char *text);
void put_number(struct record *r, const char *field, uint64_t v);
void put_ref(struct record *r, const char *field, const struct id *id);
void put_line(struct record *r, const char *field, const char *text); /* one more of a list */
void put_values(struct record *r, const char *field, struct bytes occurrences);
/* The text (in its arena), number or id that a record has; NULL, 0 or false where it has none. */
const char *get_text(const struct record *r, const char *field);
uint64_t get_number(const struct record *r, const char *field);
bool get_ref(const struct record *r, const char *field, struct id *id);
bool has_value(const struct record *r, const char *field);
/* A list's texts as JSON; a new reference. */
json_t *get_lines(const struct record *r, const char *field);

/* The texts of a list as one, with what stands between them. In `arena`. */
const char *plan_joined(struct arena *arena, json_t *list, const char *between);
/* What a plan is called unless somebody gave it a title. In `arena`. */
const char *plan_title(struct arena *arena, const char *partnership, const char *year);
/* The phase that words mean, 0 for none; and words for a phase: the same, where they mean it. */
uint64_t plan_phase(const char *words);
const char *plan_phase_word(const char *words, uint64_t phase, struct arena *arena);
/* The id of note or event number n that hangs on an action, whatever its reference is by now. */
struct id plan_detail_id(const struct place *p, uint32_t type, const struct id *action,
			 const char *what, size_t n);

static inline const char *json_word(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)); /* NULL: none, or of another kind */
}

/* The parts of the support programme: each a text, or a list of texts. */
struct plan_support {
	const char *key;
	uint32_t kind; /* of PlanLine */
	bool many;
};
enum { PLAN_SUPPORT = 6 };
extern const struct plan_support plan_support[PLAN_SUPPORT];
/* Fields of a type that stand in the file under their own names where they have a value. */
const char *const *plan_more(uint32_t type);

/* ---- "derived" ------------------------------------------------------------------------------ */

/* What it says of an action, put into the action's fields: who, when, how much, after what. */
void plan_derive(const struct place *p, json_t *derived, struct record *action);
/* Change `derived` where it does not say what the action says now. */
void plan_underive(const struct place *p, const struct record *action, json_t *derived);

/* ---- Importing ------------------------------------------------------------------------------ */

struct import {
	struct place place;
	struct copy *copy;
	struct arena *arena;
	json_t *file;
	struct draft *to_directory, *to_partnership;
	struct plan_report *report;
	void *made;	 /* the ids so far, for tsearch */
	size_t n_made;
	const char *where; /* in the file, for a cause */
	int err;	 /* the first error; then nothing more is done */
	struct cause *cause;
};

void import_fail(struct import *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
void import_at(struct import *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A member of an object that must be there and of that kind; NULL after a failure. */
json_t *import_need(struct import *in, json_t *object, const char *key, json_type kind);
/* The same of one that may be missing or null; else it must be of that kind. */
json_t *import_may(struct import *in, json_t *object, const char *key, json_type kind);
const char *import_need_text(struct import *in, json_t *object, const char *key);
/* All strings of a list into a field, one each. */
void import_lines(struct import *in, struct record *r, const char *field, json_t *list);
void import_start(struct import *in, struct record *r, uint32_t type, const struct id *id);
/* Are a record's values as the schema asks, and not too long? Fails where they are not. */
void import_check(struct import *in, const struct record *r);
/* Each record once, and not without end: false after a failure. */
bool import_is_new(struct import *in, const struct id *id);
/* What was made by hand keeps all that it has; what it never had is filled. */
void import_fill(struct import *in, struct draft *d, const struct record *r,
		 const struct record *now);
/* Make a record in `partnership`, unless it is there. */
void import_record(struct import *in, struct record *r);
/* A record of the directory: made or filled by an administrator, named by anybody else. */
void import_member(struct import *in, const struct member *m, struct record *r);
/*
 * Mend a record that is there: it may name a school by the id that an import would have given it,
 * while an administrator has made that school by hand since.
 */
void import_mend(struct import *in, const struct record *now);
void import_plan(struct import *in);
void import_terms(struct import *in);
void import_meetings(struct import *in);
/* What dated details say of schools, before these are made. */
void import_status(struct import *in);
/* The notes and events that an action's "derived" asks for. */
void import_details(struct import *in, const struct id *action, json_t *derived);

/* ---- Exporting ------------------------------------------------------------------------------ */

struct export {
	struct place place;
	struct copy *copy;
	struct arena *arena;
	struct record plan;
	json_t *rest; /* what the import read and no record holds */
};

/* Lay over what records say now. */
json_t *export_council(struct export *ex);
/* A text of a school or group; where it was made by hand, only if it has one. */
void export_lay(json_t *object, const char *key, const struct member *m, const char *field);
void export_details(struct export *ex, const struct id *action, json_t *derived);
/* A record of this plan as it is shown; false: there is none, or it was withdrawn. */
bool export_record(struct export *ex, const struct id *id, struct record *out);

#endif
