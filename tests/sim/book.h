/*
 * The book: what the server has ever told anyone, kept apart from the product and never taken back.
 * Every Feed that leaves the server is entered here: the journal of each space with its chain, and
 * the accepted state that follows from it. Each entry is judged as it comes (model.c): does it
 * fit the chain, was its author allowed, is the change what the author made, was anybody's value
 * replaced that the author had not seen, is every value that does not stand a side of a Conflict.
 */
#ifndef FIVEPITS_SIM_BOOK_H
#define FIVEPITS_SIM_BOOK_H

#include "common/change.h"
#include "common/err.h"
#include "common/wire.h"
#include "tests/sim/idmap.h"

struct book_entry {
	struct header header;
	struct change change;
	struct outcome outcome;
	struct bytes packed, salt, body, change_bytes; /* packed: the header */
	uint8_t chain[SHA256_LEN];
	struct book_space *space;
	uint64_t epoch;
	/* Up to where its author, by what it says was seen, is on this line; and up to where the server
	 * must know that: PROTOCOL.md 5.5 counts all epochs since as if each had left its own line. */
	uint64_t knew, sure;
	bool gone; /* a server that was set back does not know it any more; it may come again */
	uint64_t left; /* the last epoch in which it was on the line before it was gone */
	bool again; /* its change has come again */
};

struct book_space {
	struct id id;
	uint64_t epoch;
	bool blind; /* the server was set back to an earlier epoch: of what was seen before nothing is sure to it */
	bool behind; /* somebody was told of more, without bodies, and that could not be looked up */
	struct book_entry **entries; /* number n is entries[n - 1] */
	size_t n, cap;
};

struct book_record {
	struct record record;
	struct id space;
};

struct book {
	struct id area, server; /* the server's device */
	struct arena arena, scratch; /* scratch: of the entry that is being judged */
	struct book_space **spaces;
	size_t n_spaces;
	struct book_record **records; /* of all spaces, as they came */
	size_t n_records, cap_records;
	struct idmap by_space, by_record, by_change;
	/* The bytes of a change that a client made, BYTES_NONE if none did; and whose device it
	 * was. */
	struct bytes (*made)(void *arg, const struct id *change, struct id *device);
	/* An entry as the server has it stored, in `arena`: what one who got it without its body is not
	 * told. False: it can't be asked now. */
	bool (*stored)(void *arg, const struct id *space, uint64_t number, struct arena *arena,
		       Wire__Entry *out);
	/* Up to where the server takes one who had seen `number` in `epoch` to be on its line. False: it
	 * can't be asked now. */
	bool (*on_line)(void *arg, const struct id *space, uint64_t epoch, uint64_t number, uint64_t *out);
	void *arg;
	bool set_back; /* the server was: entries may come that are not those from before */
	struct book_entry **read; /* all that was ever entered, as it came */
	size_t n_read;
	uint64_t texts, conflicts, merged, repeats, sealed; /* what it saw, for the summary */
};

void book_init(struct book *b, const struct id *area);
void book_fini(struct book *b);

struct book_space *book_space(const struct book *b, const struct id *id); /* NULL: nothing of it */
const struct book_entry *book_entry(const struct book *b,
				    const struct id *change); /* NULL: not accepted */
/* Accepted state; NULL: never made. */
const struct record *book_record(const struct book *b, const struct id *space, const struct id *id);
uint64_t book_number(const struct book *b, const struct id *space);

/* The Conflict about a group of a record that has this change among its sides (NULL: that is open). */
const struct record *book_conflict(const struct book *b, const struct id *space, const struct id *record,
				   uint32_t group, const struct id *change);
/* Do approved Minutes hold this item, as the book stands? */
bool book_is_frozen(const struct book *b, const struct id *space, const struct edit *edit);

/* Was it ever, whatever became of it since? */
bool book_had(const struct book *b, const struct id *change);
/* The server took back all but `n` entries of a space. */
void book_set_back(struct book *b, struct book_space *s, size_t n);
/* The server was set back to these entries of a space, as they once were the book's. */
void book_restore(struct book *b, struct book_space *s, struct book_entry *const *entries, size_t n, uint64_t epoch);
/* Enter a Feed that the server sent to `device`. ERR_CORRUPT with what is wrong about it. */
int book_feed(struct book *b, const struct id *device, const Wire__Feed *feed, struct cause *fault);

#endif
