/*
 * Changes, entries and the chain: the bytes that are kept for ever, and their making and reading.
 * PROTOCOL.md, "Changes" and "Entries". No I/O.
 */
#ifndef FIVEPITS_CHANGE_H
#define FIVEPITS_CHANGE_H

#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/sha.h"

enum { SALT_LEN = 16 };
enum { CHANGE_EDITS = 512, CHANGE_MAX = 768 * 1024, TEXT_MAX = 256 * 1024 };

enum verdict {
	VERDICT_APPLIED = 1,
	VERDICT_MERGED,
	VERDICT_CONFLICT,
	VERDICT_HELD,
	VERDICT_REFUSED
};
const char *verdict_word(enum verdict v); /* "applied", ... */

enum existence { ABSENT, LIVE, WITHDRAWN };

struct base {
	uint32_t field;
	uint64_t digest;
};

struct edit {
	uint32_t type;
	struct id record;
	struct effect effect; /* what it asks for */
	const struct base *bases;
	size_t n_bases;
	struct id after; /* zero: stands on what was seen alone */
	bool brings_back;
};

struct change {
	struct id id, space;
	uint64_t seen_epoch, seen_number;
	uint64_t made_ms;
	struct edit *edits;
	size_t n_edits;
	const struct id *exact, *settles;
	size_t n_exact, n_settles;
	struct id undoes; /* the settling change that it takes back; zero: none */
};

/*
 * Read a change from bytes of anywhere: shape, sizes and order of fields, not its sense. The result
 * lives in `arena` and borrows `bytes`. ERR_PROTO or ERR_LIMIT with a cause; then only ->id may be
 * trusted, and only if it is not zero (so that the author can be told which).
 */
int change_read(struct change *out, struct bytes bytes, struct arena *arena, struct cause *cause);
/* Append the one encoding of a change; change_read of it gives the same change. */
void change_write(const struct change *c, struct buf *out);

/* The digest of a base value: the first 8 bytes of its SHA-256, big-endian. */
uint64_t base_digest(struct bytes value);

struct outcome_effect {
	uint32_t type;
	struct id record;
	struct effect effect;
};

struct outcome {
	enum verdict verdict;
	bool as_sent; /* encoded as no bytes: its effects are the change's edits */
	struct outcome_effect *effects;
	size_t n_effects;
};

int outcome_read(struct outcome *out, struct bytes bytes, struct arena *arena); /* ERR_PROTO */
void outcome_write(const struct outcome *o, struct buf *out);
/* The effects of an accepted change, whichever way the outcome names them; in `arena`. */
size_t outcome_effects(const struct change *c, const struct outcome *o, struct arena *arena,
		       const struct outcome_effect **effects);

/* The edit of a record in a change (NULL has none), or NULL. */
const struct edit *change_edit(const struct change *c, const struct id *record);
/* What an outcome did to a record, where that is not what its change said; NULL: as said. */
const struct effect *outcome_did(const struct outcome *o, const struct id *record);

struct touch {
	struct id record;
	uint32_t type;
	const uint32_t *fields;
	size_t n_fields;
	uint64_t previous; /* 0: none */
};

struct header {
	uint64_t number;
	struct id change, device;
	uint64_t time_ms;
	uint32_t form;
	struct touch *touches;
	size_t n_touches;
	struct id let_in_by; /* zero: nobody had to */
};

int header_read(struct header *out, struct bytes bytes, struct arena *arena); /* ERR_PROTO */
void header_write(const struct header *h, struct buf *out);

/* A body: the change's length in 4 bytes, the change, the outcome. */
void body_write(struct bytes change, struct bytes outcome, struct buf *out);
int body_read(struct bytes body, struct bytes *change, struct bytes *outcome); /* ERR_PROTO */

/* What the chain takes of a body. A salt has SALT_LEN bytes, or body and salt could be parted
 * elsewhere under the same seal. */
void body_seal(struct bytes salt, struct bytes body, uint8_t sealed[SHA256_LEN]);
/* The chain before entry 1 of a space, and after one more entry. */
void chain_start(const struct id *area, const struct id *space, uint8_t chain[SHA256_LEN]);
void chain_next(uint8_t chain[SHA256_LEN], struct bytes header, struct bytes salt,
		struct bytes body);
/* The same where the body is absent and only SHA-256(salt, body) is known. */
void chain_next_sealed(uint8_t chain[SHA256_LEN], struct bytes header,
		       const uint8_t sealed[SHA256_LEN]);
/* What a head's signature covers. */
void head_statement(const struct id *area, const struct id *space, uint64_t epoch, uint64_t number,
		    const uint8_t chain[SHA256_LEN], struct buf *out);

#endif
