/* What can go wrong: every fallible function returns 0 (or a count) or a negative
 * code from here. */
#ifndef FIVEPITS_ERR_H
#define FIVEPITS_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                                                \
	X(ERR_IO, "the disk or the network failed")                                                \
	X(ERR_DB, "the database failed")                                                           \
	X(ERR_FULL, "the disk is full")                                                            \
	X(ERR_CORRUPT, "stored data is damaged")                                                   \
	X(ERR_PROTO, "the message does not follow the protocol")                                   \
	X(ERR_LIMIT, "it is over a limit")                                                         \
	X(ERR_INVALID, "it is not valid")                                                          \
	X(ERR_AUTH, "it is not allowed")                                                           \
	X(ERR_MISSING, "there is no such thing")                                                   \
	X(ERR_EXISTS, "it exists already")                                                         \
	X(ERR_AMBIGUOUS, "it could mean several things")                                           \
	X(ERR_AGAIN, "not now, try again later")                                                   \
	X(ERR_OFFLINE, "the server can't be reached")                                              \
	X(ERR_USAGE, "wrong usage")                                                                \
	X(ERR_INTERRUPTED, "it was interrupted")                                                   \
	X(ERR_TERMINATED, "it was told to end")

enum err {
	ERR_NONE = 0,
	ERR_FIRST = -100, /* codes count up from here, so that none is 0 or above */
#define ERR_ENUM(name, words) name,
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* The words of a code, for a person; a constant string. */
const char *err_words(int err);

/* Does somebody want the program to end? */
bool err_is_end(int err);

/*
 * Why something failed, in one line for a person: filled where the cause is known, passed up as is.
 * A function that takes `struct cause *` sets it whenever it returns an error; NULL is allowed.
 */
struct cause {
	char words[512];
};

/* Set `cause` (may be NULL) and return `err`, so that `return cause_set(...)` is one statement. */
int cause_set(struct cause *cause, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A broken invariant is a bug: say where, and abort. Always compiled in. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
_Noreturn void must_failed(const char *cond, const char *file, int line);

#endif
