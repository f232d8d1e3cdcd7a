/*
 * Documents as people mean them: which versions there are, which of them stand side by side, and
 * which one "the document" is.
 */
#ifndef FIVEPITS_PAPER_H
#define FIVEPITS_PAPER_H

#include "client/contents.h"
#include "client/lookup.h"

struct version {
	struct id id, space;
	struct record record;
	uint64_t made; /* the number of the entry that made it; 0: it is not accepted yet */
	bool newest; /* no other version was made on top of it; and it was not released */
};

/* The fields of a Version, by the numbers of records.proto. */
struct bytes version_get(const struct record *r, const char *field);
/* The versions of a document that were not withdrawn, oldest first. In `arena`. 0 or an error. */
int paper_versions(struct copy *copy, const struct id *document, struct arena *arena,
		   struct version **out, size_t *n);
/*
 * The one that people picked, else the newest. NULL: there is none. *apart: how many differ that
 * were made apart, of which nobody has picked one; 1 where there is nothing to pick.
 */
const struct version *paper_current(const struct record *document, const struct version *list,
				    size_t n, size_t *apart);

/* Were its bytes released by the rule for old versions? Then ERR_MISSING, with a cause that says so
 * and what to do; else 0. */
int paper_check_released(const struct record *version, struct cause *cause);

/* The documents of which versions were made apart, and none was picked since. In `arena`. */
int papers_apart(struct copy *copy, struct arena *arena, struct ids *out);

#endif
