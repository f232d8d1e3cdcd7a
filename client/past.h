/*
 * What an entry did to a record, field by field, in words and as JSON: how it was and how it is.
 * What a field was before is found by laying the entries of a record on one another from the first.
 */
#ifndef FIVEPITS_PAST_H
#define FIVEPITS_PAST_H

#include "client/cmd.h"

/* One field that an entry changed: how it was and how it is, in words and as JSON. */
struct step {
	const char *field, *label; /* label: clean words; field NULL: existence */
	const char *sign;	   /* "", "+" or "-": added to or taken from a set */
	const char *from, *to;
	bool inner;   /* for the programs alone */
	bool offered; /* it did not come to stand */
	const char *instead; /* what became of it then */
	json_t *json;
};

struct past {
	struct id change, undoes;
	struct author author;
	const char *let_in_by; /* who accepted it, if it was held; NULL: nobody had to */
	struct id let_in_device;
	enum verdict verdict;
	bool absent; /* its body was not fetched yet; then there is what the header says: */
	const char *fields; /* that it was about */
	bool pending;
	bool settles; /* it settles two versions */
	struct step *steps;
	size_t n;
};

/* Say what an effect does to a record, as of entry `number`, then lay it on. */
void past_lay(struct call *call, struct past *p, struct record *r, const struct effect *e,
	      uint64_t number);
/* An accepted entry, as it touched one record, on which it is laid; past_release ends `out`. */
void past_from_entry(struct call *call, const struct past_entry *e, struct record *r,
		     struct past *out);
void past_release(struct past *p);
/* Who let a held change in: "Amy Booth, Pilsley Primary School"; NULL: nobody had to. */
const char *past_let_in(struct call *call, const struct header *h);
json_t *past_let_in_json(struct call *call, const struct id *device);

#endif
