/* What the files of a store share: store.c is its tables, store_pack.c its files, store_care.c
 * removes and checks. Nobody else includes this. */
#ifndef FIVEPITS_STORE_INSIDE_H
#define FIVEPITS_STORE_INSIDE_H

#include "common/hand.h"
#include "common/hashes.h"
#include "common/os.h"
#include "common/passing.h"
#include "common/store.h"

#include <stdatomic.h>

enum {
	PACK_HEADER = 4 + 4 + 4 + SHA256_LEN, /* magic, raw size, size and form, hash */
	PACK_MOST = 256 * 1024 * 1024,	      /* a pack that is longer gets no more */
	PACK_OPEN = 4,			      /* packs open for reading */
	PACK_BEHIND = 128 * 1024,	      /* unsynced: from here on another hand writes */
};

/* A chunk whose bytes are in a pack, and which is in no table yet. */
struct fresh {
	uint8_t hash[SHA256_LEN];
	struct stored is;
	bool known;	 /* it is in the tables, but not yet as a node */
	bool bad;	 /* it was something else */
	struct buf node; /* a node's bytes */
};

/* What the hand is to do for a chunk beside writing it. */
struct unchecked {
	struct sha256 *whole; /* add it to this; may be NULL */
};

/* The pack that this process appends to. */
struct packing {
	int fd; /* -1: none */
	struct os_lock *lock;
	uint64_t pack, end, flushed; /* `flushed`: the syncer was told of what is before it */
	uint64_t passed;	     /* before it the system's cache was let go; the syncer's */
	bool behind;		     /* the hand may be writing yet */
	struct buf bad;		     /* hashes of chunks that were something else; the hand's */
};

/* What is being made to last while more is put: the first `n` that are fresh. */
struct closing {
	size_t n, bytes;
};

/* What the hands say. */
struct word {
	atomic_int error;    /* an errno of what they wrote */
	atomic_bool suspect; /* there are bad chunks */
	atomic_bool synced;  /* what is closing is on the disk */
	atomic_bool flushing;
	atomic_bool stays;   /* said to them: what was put last stays in the system's cache */
	atomic_uint_least64_t written; /* up to here the pack has what was put into it */
};

struct pack_file {
	uint64_t pack;
	int fd; /* 0: unused */
};

struct store {
	char *dir;
	struct db *db;
	struct squeezer *squeezer;
	struct hand *hand, *syncer; /* the one checks and writes, the other waits for the disk */
	struct word word;
	struct closing closing;
	uint64_t day;
	struct packing out;
	struct pack_file files[PACK_OPEN];
	size_t next_file;
	struct passing passing;
	struct fresh *fresh;
	size_t n_fresh, cap_fresh, unsynced;
	bool unsettled; /* some were not checked, as far as we have waited */
	bool found_bad;
	struct buf bad;	     /* hashes of those that store_settle has to tell of yet */
	struct hashes index; /* of `fresh` */
	struct buf packed, raw;
};

char *pack_path(const struct store *s, uint64_t pack);
/* Append; fills is->pack and is->at. `unchecked` (may be NULL): the hand checks it first. */
int pack_append(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *is,
		struct bytes packed, const struct unchecked *unchecked, struct cause *cause);
/* Until what was given to the hand is written, or has failed. */
void pack_wait(struct store *s);
int pack_sync(struct store *s, struct cause *cause);
/* The same beside what goes on; word.synced tells when it is done. */
void pack_sync_begin(struct store *s);
int pack_sync_end(struct store *s, struct cause *cause); /* it waits for that */
bool pack_is_full(const struct store *s);
void pack_rest(struct store *s); /* let go of it if it is full and all of it is in the tables */
void pack_let_go(struct store *s); /* of the pack that is appended to */
/* Where the tables say that a pack ends; 0 if it is new to them. */
int pack_end(struct store *s, uint64_t pack, uint64_t *end);
/* Cut off what was appended and is in no table, and let go. */
void pack_cut(struct store *s);
/* Read a chunk as it is stored. ERR_MISSING: not there at all; ERR_CORRUPT: not this chunk. */
int pack_read(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
	      struct buf *out);
/* Read bytes as they are; `n` short at the end of the pack. */
int pack_bytes(struct store *s, uint64_t pack, uint64_t at, uint8_t *out, size_t len, size_t *n);
/* Make nothing of a stretch. */
int pack_erase(struct store *s, uint64_t pack, uint64_t at, uint64_t len);
void pack_remove(struct store *s, uint64_t pack);
uint64_t pack_size(const struct store *s, uint64_t pack); /* of the file; 0: there is none */

/* In the tables alone. 1, 0 or an error. */
int store_row(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *out, uint64_t *day);
int store_read_checked(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
		       struct buf *out);

#endif
