/*
 * fsck of documents, the same on both sides: all that is in the store, and whether the contents
 * that are said to be here are here to the last chunk. A chunk is counted once; those that the same
 * documents need are told of together.
 */
#ifndef FIVEPITS_CHECKUP_H
#define FIVEPITS_CHECKUP_H

#include "common/hashes.h"
#include "common/store.h"

/* The documents that a fault is of. */
struct checkup_names {
	struct buf words;
	size_t n;
};

/* One of them, in words that may be printed; said once, however often it is given. */
void checkup_called(struct checkup_names *names, const char *words);

/* Zero-initialise it and set all up to call_arg; checkup_end frees it. */
struct checkup {
	struct store *store;
	bool mend; /* take out what is bad, so that it can come again; in an open transaction */
	void (*fault)(void *arg, const char *words);
	void *arg;
	/* What people call the documents of which a content is a version, by its root: each of them
	 * goes to checkup_called. 0 or an error. */
	int (*call)(void *arg, const uint8_t root[SHA256_LEN], struct checkup_names *names);
	void *call_arg;
	struct hashes told;   /* chunks */
	struct buf faults;    /* those to tell of, each with the documents that it is of */
	struct hashes told_of; /* the place in `faults`, by what is told */
	struct hashes looked; /* roots, and whether they are whole */
};

/* Tell of what was found and not told yet, and free it. */
void checkup_end(struct checkup *c);

/* Read everything, as store_check. 0 or an error. */
int checkup_store(struct checkup *c);
/* Each content that is said to be here. With `mend` what is not whole is not said to be any more.
 * 0 or an error. */
int checkup_contents(struct checkup *c);
/* One content, by its root. 1: it is whole; 0: it is not, which was told; or an error. */
int checkup_content(struct checkup *c, const uint8_t root[SHA256_LEN]);

#endif
