/*
 * Two versions, or more, of the fields of a record that are settled together: what each side wrote,
 * who, when, and what they had seen. Open ones, and those that will be once what waits here is
 * sent.
 */
#ifndef FIVEPITS_VERSIONS_H
#define FIVEPITS_VERSIONS_H

#include "client/lookup.h"

struct side {
	struct id change;
	struct author author;
	bool standing;	    /* it is what the record says now */
	bool yours;	    /* made on this device, else by this person */
	bool waits;	    /* it is not sent yet */
	unsigned existence; /* of field group 0: WITHDRAWN, or LIVE: changed or brought back */
	const struct bytes *values; /* as many as there are fields */
	uint64_t seen_epoch, seen_number;
	struct id seen; /* the newest change of this record that they had seen; zero: none */
	struct author seen_author;
};

struct versions {
	struct id conflict, record, space;
	const struct schema_type *type; /* NULL: not known here */
	uint32_t group;			/* 0: existence */
	const ProtobufCFieldDescriptor **fields;
	size_t n_fields;
	struct id base_change;
	struct author base_author;
	const struct bytes *base; /* as it stood before the sides went apart */
	bool base_known;
	const struct bytes *now; /* what stands, where no side says it; NULL: one of them does */
	struct author now_author;
	bool to_be;	    /* what waits here will make two versions: the server has none yet */
	bool settled_here;  /* a settling waits here to be sent */
	struct id owner;    /* who is asked first to settle it; zero: nobody in particular */
	struct side *sides; /* in an order that is the same on every copy */
	size_t n_sides;
};

/* All of a record, or (NULL) of everything here. In `arena`. 0 or an error. */
int versions_list(struct copy *copy, const struct id *record, struct arena *arena,
		  struct versions **out, size_t *n);
/* How a side is named in --take besides its number: the school's name, else the person's. */
const char *side_name(const struct side *s);

#endif
