/*
 * The plan as one file of JSON: import makes the records that are not there yet, export writes what
 * stands in the same form.
 *
 * Every record's id derives from the plan's year and its reference ("2019-20/1.5"), or for schools
 * and groups from their short names, so two schools that import the same file make the same
 * records. What is there already, under that id or (schools, groups) under a name that the file
 * knows, stays as it is; of a school or group that was made by hand only fields that never had a
 * value are filled. So an import done twice, by two schools, or after later edits, doubles and
 * undoes nothing.
 *
 * Schools and groups stand in `directory`, which administrators write; all else stands in
 * `partnership`. Who does not administer takes what the directory has and is told what it lacks:
 * references to it name the records that an administrator's import of the same file will make.
 */
#ifndef FIVEPITS_PLAN_H
#define FIVEPITS_PLAN_H

#include "client/copy.h"

#include <jansson.h>

enum { PLAN_FILE_MAX = 16 * 1024 * 1024 };

struct plan_report {
	const char *year;     /* "2019-20", in `arena` */
	size_t made;	      /* records made now */
	size_t there;	      /* records that were there already */
	size_t filled;	      /* of these, how many got values that they never had */
	const char **missing; /* "School: Heath Primary School": what an administrator must add */
	size_t n_missing;
};

/*
 * Import a plan that json_read_file read (borrowed). The report lives in `arena`. All of it is
 * saved, or nothing: ERR_INVALID with a cause that names the place in the file, or another error.
 */
int plan_import(struct copy *copy, json_t *file, struct arena *arena, struct plan_report *report,
		struct cause *cause);

/* The plan of a year (NULL: the newest) as a new reference in *out. ERR_MISSING: there is none. */
int plan_export(struct copy *copy, const char *year, json_t **out, struct cause *cause);

#endif
