/*
 * `fivepits doctor`: what keeps this computer from working with its server, check by check, in
 * words.
 */
#ifndef FIVEPITS_DOCTOR_H
#define FIVEPITS_DOCTOR_H

#include "client/copy.h"

enum doctor_state {
	DOCTOR_GOOD,
	DOCTOR_ODD, /* it works, but look at it */
	DOCTOR_BAD,
};

const char *doctor_word(enum doctor_state state); /* "good", "look", "bad" */

/* One check: its short name ("disk", "proxy", ...) and a sentence. Both are borrowed
 * for the call. */
typedef void (*doctor_fn)(void *arg, enum doctor_state state, const char *check, const char *words);

/*
 * Examine `home` and the way to the server. `copy` is the copy in it, NULL where there is none or
 * it does not open. Takes up to half a minute where the network swallows everything. How many
 * checks are BAD; ERR_INTERRUPTED or ERR_TERMINATED, as errand_run.
 */
int doctor_run(const char *home, struct copy *copy, doctor_fn fn, void *arg);

#endif
