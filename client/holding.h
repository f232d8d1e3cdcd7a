/*
 * What this device holds of documents' bytes. The lists of documents are always here; their bytes
 * by a policy for each space, by the person's word for single documents, and on demand. All of it
 * is this device's own affair and is kept in its copy alone.
 *
 * Who has said nothing holds the newest version of each document up to 10 MiB.
 */
#ifndef FIVEPITS_HOLDING_H
#define FIVEPITS_HOLDING_H

#include "client/contents.h"
#include "common/hashes.h"

enum hold { HOLD_ALL = 1, HOLD_NEWEST, HOLD_ON_DEMAND }; /* as stored */

struct policy {
	enum hold hold;
	uint64_t most; /* bytes of a file that is fetched unasked; 0: any */
};

enum { POLICY_MOST = 10 * 1024 * 1024 };

/* Of a space. 1: as the person said; 0: nobody has; or an error. */
int policy_of(struct copy *copy, const struct id *space, struct policy *out);
int policy_set(struct copy *copy, const struct id *space, const struct policy *policy);

/* The person's word on one document. */
enum word { WORD_NONE, WORD_KEEP = 4, WORD_DROP };
int holding_word(struct copy *copy, const struct id *document); /* or an error */
int holding_set_word(struct copy *copy, const struct id *document, enum word word);

/* A version of a document, and what of it is wanted here. */
struct held_version {
	struct id id, document, space;
	struct content content;
	bool newest; /* of its document, or the one that people picked */
	bool here, own; /* own: not accepted yet, so that no one else has it */
	bool gone; /* its document was withdrawn: policies do not ask for it, nor is it counted */
	bool wanted; /* by policy or word */
	enum word word; /* the person's, on its document */
};

/* All that this copy shows and that are neither withdrawn nor released, the newest first. free()
 * *out. Their number or an error. */
int holding_list(struct copy *copy, struct held_version **out);

/* Which documents (their newest versions) and which versions are here; zero it first. */
struct presence {
	struct hashes ids;
};

int presence_init(struct presence *p, struct copy *copy); /* 0 or an error */
void presence_fini(struct presence *p);
int presence_of(const struct presence *p, const struct id *id); /* 1, 0; -1: it has no bytes */
enum word presence_word(const struct presence *p, const struct id *document);

/* A version's bytes are wanted, whatever the policy; until they are here. */
int holding_want(struct copy *copy, const struct id *versions, size_t n);
/* What was wanted so and is not here: contents, one behind the other; `policy`: and what policies
 * and words want. 0 or an error. */
int holding_wanted(struct copy *copy, bool policy, struct buf *contents);
int holding_want_none(struct copy *copy); /* any more */
/* Does any version that was not released name this content, by its root? 1, 0 or an error. */
int holding_is_named(struct copy *copy, const uint8_t root[SHA256_LEN]);
/* Changes with each of the person's words. Copies at most `size` bytes. */
void holding_print(struct copy *copy, char *out, size_t size);

/*
 * Take the bytes of versions off this device, but where another one that stays names the same, or
 * where they are here alone. In a transaction of its own. How many went, or an error.
 */
int holding_drop(struct copy *copy, const struct held_version *list, size_t n,
		 bool (*drop)(void *arg, const struct held_version *v), void *arg);

struct holding {
	uint64_t documents, here, bytes_here; /* documents whose newest version is here */
	uint64_t wanted, bytes_wanted;	      /* contents that are still to come by themselves */
	uint64_t others, bytes_others;	      /* newest versions that come when asked for */
};

/* Of one space, or (NULL) of all. 0 or an error. */
int holding_count(struct copy *copy, const struct id *space, struct holding *out);

#endif
