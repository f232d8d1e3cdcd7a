/*
 * What the fuzz targets share. A target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput:
 * under libFuzzer (`make fuzz`) it is driven by coverage; linked with replay.c it runs over the
 * committed inputs in tests/fuzz/corpus/NAME and thousands of mutations of them, the same each
 * time.
 *
 * Inputs that are refused early teach nothing, so targets first put right what only chance would:
 * an id whose first byte is below FUZZ_IDS becomes one that exists, numbers follow, heads are
 * signed.
 */
#ifndef FIVEPITS_FUZZ_H
#define FIVEPITS_FUZZ_H

#include "common/env.h"
#include "common/err.h"
#include "common/id.h"
#include "common/mem.h"
#include "common/sha.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* How many mutations a replay runs: some seconds' worth. */
extern const unsigned fuzz_rounds;

/* The clock stands still, chance counts from where fuzz_env_start puts it. */
const struct env *fuzz_env(void);
void fuzz_env_start(void);

/* A private directory in memory, removed when the program ends. Borrowed. */
const char *fuzz_dir(void);
/* Remove `name` in it, a directory and all below; nothing if it is not there. */
void fuzz_dir_remove(const char *name);
/* No log lines. */
void fuzz_quiet(void);

/* The area of all targets, and its head key: Ed25519 by the key of RFC 8032, 7.1, TEST 1. */
struct id fuzz_area(void);
void fuzz_sign(void *arg, struct bytes statement, uint8_t signature[64]);
void fuzz_sign_public(uint8_t public[32]);

/* What ids and contents of an input stand for: those whose first byte is below FUZZ_IDS. */
enum { FUZZ_IDS = 16 };
struct fuzz_names {
	struct id ids[FUZZ_IDS]; /* the first is not used: zeros */
	uint8_t content[SHA256_LEN];
};

/* 1 to 3 the spaces of every area, 9 the area; 10 to 15 records and changes that inputs make: 15 is
 * the Conflict that change 14 opens over field 3 of record 10. Content is that of "document". */
void fuzz_names_init(struct fuzz_names *names);
/* Put right, in place, every id and content in a message and those it contains. */
void fuzz_fix(const struct fuzz_names *names, ProtobufCMessage *m);
/* The same in the bytes of a change, what stands in its fields included; new bytes in `arena`. */
struct bytes fuzz_fix_change(const struct fuzz_names *names, struct bytes change,
			     struct arena *arena);
struct bytes fuzz_fix_outcome(const struct fuzz_names *names, struct bytes outcome,
			      struct arena *arena);

#endif
