/*
 * Held changes: what came from a device whose right to write the space had ended before. They wait
 * outside every journal until the decider of the space accepts or refuses them. Also what is
 * counted for each device, so that nobody fills the server with what stands in no journal.
 */
#ifndef FIVEPITS_HELD_H
#define FIVEPITS_HELD_H

#include "server/journal.h"

#include <sys/types.h>

struct area;
struct cursor;
struct session;

enum {
	HELD_CHANGES = 1000,	      /* of one device */
	HELD_BYTES = 16 * 1024 * 1024, /* of one device */
	REFUSED_MOST = 100000,	      /* of one device, whose hash and words are kept */
};

/* How often the list of each space has changed, by space->local; 0: nothing was ever held in it. */
struct held_lists {
	uint64_t *generations;
	size_t n;
	bool any;
};

/* What a session was told of the list of one space. */
struct held_told {
	uint64_t generation, rights; /* of the list, of the rights when it was asked who decides */
	int64_t after;		     /* sent up to this row */
	bool decides, sending, told; /* told: a list that was not empty */
};

/* The spaces that a session's device is known to have held with the right to write. */
struct holds {
	uint64_t *spaces; /* their short names, in no order */
	size_t n;
	bool loaded;
};

/* A held change. */
struct held_change {
	struct id space, device;
	struct bytes bytes;
	uint64_t time_ms;
};

int held_load(struct area *a);
void held_fini(struct area *a);
/* The turn was taken back: what is kept in memory is asked anew. */
void held_anew(struct area *a);

/* Before a session hears of a space with the right to write in it, that is noted. */
int held_note_holder(struct area *a, struct session *s);
int held_note_holders(struct area *a); /* of all sessions */
/* Has this device ever held the space with the right to write? 1, 0 or an error. */
int held_was_holder(struct area *a, const struct id *device, const struct space *space);

/* Keep a change, with its verdict and the words that go with it. ERR_LIMIT: this device has too
 * many (never asked where not `bounded`). */
int held_add(struct area *a, const struct space *space, const struct id *device,
	     const struct id *change, struct bytes bytes, const char *words, bool bounded);
/* 1: `out` is filled, in `arena`; 0: this change is not held; or an error. */
int held_find(struct area *a, const struct id *change, struct arena *arena,
	      struct held_change *out);
/* It is held no more, if it was. */
int held_drop(struct area *a, const struct id *change);

/* Count a refused change of a device. 1: it has too many, and was not counted; 0; or an error. */
int held_count_refused(struct area *a, const struct id *device);

/* Send a session the next frame of a list that it lacks and may decide on. Its bytes, 0: there is
 * none, or an error. Only between turns: what it reads must be on disk. */
ssize_t held_feed(struct area *a, struct session *s);

/* For fsck: calls `fault` for each held change that is not as it should be. */
int held_check(struct area *a, void (*fault)(void *arg, const char *words), void *arg);

#endif
