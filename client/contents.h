/*
 * Documents' bytes on this device: contents in the copy's store (common/store.h), taken in from
 * files and written out to files. Bytes are streamed, so that a document of 5 GiB costs a few
 * hundred KiB of memory.
 */
#ifndef FIVEPITS_CONTENTS_H
#define FIVEPITS_CONTENTS_H

#include "client/copy.h"
#include "common/gather.h"

#include <stdio.h>

/* Said where bytes that a file has in common with others were dropped while it was taken in. */
#define INTAKE_AGAIN                                                                               \
	"the same bytes were being removed from this computer: put the file once more"

/* A content as a Version or a row names it: by its hash, by the root of its list (empty: it is one
 * chunk) and its size. False: that names none. */
bool contents_named(struct content *out, struct bytes sha, struct bytes root, uint64_t bytes);
/* What a Version names; false: it names nothing. */
bool contents_of(const struct record *version, struct content *out);
/* The day on which a Version was released by the rule for old versions, since when it names its
 * content no more (PROTOCOL.md, 11.10); empty: it was not. */
struct bytes contents_released(const struct record *version);
/* The root that an edit of a Version names; false: none. */
bool change_root(const struct edit *e, uint8_t root[SHA256_LEN]);
/* Is all of it here? 1: and `out` (may be NULL) is filled; 0; or an error. */
int contents_has(struct copy *copy, const uint8_t root[SHA256_LEN], struct content *out);

/*
 * How far the sending of contents has come that pending changes name: of one, by its root (that a
 * pending change names it the caller knows), or of all (NULL). 1: some are; 0: none; or an error.
 * `sent` is what the server has, as was noted last.
 */
int contents_sending(struct copy *copy, const uint8_t *root, uint64_t *sent, uint64_t *all);
/* What was noted of one; 0: nothing. */
uint64_t contents_sent(struct copy *copy, const uint8_t root[SHA256_LEN]);
/* Note it, in the open transaction; `sent` 0: it is over. */
int contents_note_sent(struct copy *copy, const uint8_t root[SHA256_LEN], uint64_t sent);
/* Of what no pending change names any more nothing stays noted; in the open transaction. */
int contents_forget_sent(struct copy *copy);

/* Does the person want no documents sent for now? It holds until they say otherwise. */
bool contents_paused(struct copy *copy);
int contents_pause(struct copy *copy, bool pause);

/* Bytes of documents a second that this computer sends, and fetches, at most; 0: as many as leave
 * the line usable. It holds until the person says otherwise. */
uint64_t contents_limit(struct copy *copy);
int contents_set_limit(struct copy *copy, uint64_t bytes_s);

/* What the server said that this device's school may bring; UINT64_MAX: it is not limited. */
struct document_limits {
	uint64_t file, school, used, free;
};

int limits_set(struct copy *copy, const struct document_limits *l); /* NULL: none, nothing said */
bool limits_get(struct copy *copy, struct document_limits *out);    /* false: none */
/* What may still be brought, as far as this device knows, with what waits here to be sent. */
struct allowance {
	bool limited;
	struct document_limits limits;
	uint64_t waits; /* bytes; whoever adds a file adds to it */
};

int limits_allowance(struct copy *copy, struct allowance *out); /* 0 or an error */
/* May one more file of so many bytes be brought? 0, or ERR_LIMIT with a cause. */
int limits_check(const struct allowance *a, uint64_t bytes, struct cause *cause);

/* Make last what was put into the store; ends the open transaction. 0 or an error. */
int contents_sync(struct copy *copy, struct cause *cause);
int contents_sync_end(struct copy *copy, struct cause *cause); /* the same by store_sync_end */

/* Write it to a stream, checking it on the way. ERR_CORRUPT: what was written is not
 * what it was. */
int contents_print(struct copy *copy, const struct content *c, FILE *out, struct cause *cause);
/* Write it to a file that is there whole or not at all; an existing one, if only behind a link, is
 * replaced. */
int contents_save(struct copy *copy, const struct content *c, const char *path,
		  struct cause *cause);
/* Read it through. 0, ERR_MISSING, ERR_CORRUPT, ERR_IO. */
int contents_verify(struct copy *copy, const struct content *c, struct cause *cause);

/*
 * In the open transaction: of these roots, one behind the other, those that nothing names any more
 * go, with all that no other content needs. Their bytes are erased by contents_tidy.
 */
int contents_remove(struct copy *copy, struct bytes roots);
/* The same of contents that Versions still name: they can be fetched again. What is pending names
 * stays. */
int contents_drop(struct copy *copy, struct bytes roots);
/* An entry has released a Version, in the open transaction: at its commit what is here of it goes,
 * unless something else names it. 0 or an error. */
int contents_release(struct copy *copy, const struct record *version);
/* The same as contents_remove of all that were released in the transaction. */
int contents_remove_released(struct copy *copy);
/*
 * Erase what was removed before; with `sweep` look for what is not named, too. Transactions of its
 * own: none may be open. 0; 1: somebody holds the packs (store_hold), it is done when the copy is
 * opened next; or an error.
 */
int contents_tidy(struct copy *copy, bool sweep);
/* Of a content that can't be read any more: take out what is bad, so that the rest need not be
 * fetched again. 0 or an error. */
int contents_mend(struct copy *copy, const struct content *c);
/*
 * Check the store. With `mend` what is bad is taken out, so that it can be fetched again. In an
 * open transaction then. Faults are told as copy_check does.
 */
int contents_check(struct copy *copy, bool mend, void (*fault)(void *arg, const char *words),
		   void *arg);

#endif
