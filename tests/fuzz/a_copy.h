/*
 * A copy to fuzz: of an administrator, on a disk in memory; `directory` holds a school and the
 * person, `partnership` an action, and one change is pending.
 */
#ifndef FIVEPITS_FUZZ_COPY_H
#define FIVEPITS_FUZZ_COPY_H

#include "client/copy.h"
#include "tests/fuzz/fuzz.h"

struct disk;

struct a_copy {
	struct disk *disk;
	struct copy *copy;
	struct fuzz_names
	    names;	    /* 5 the person, 6 the school, 8 the device, 12 the pending change */
	struct buf pending; /* its bytes */
};

/* Open one; the VFS is called "fuzz". */
void a_copy_open(struct a_copy *a);
void a_copy_close(struct a_copy *a);

/* A head of `space` as the server would sign it: fills `head`, whose chain and signature are
 * borrowed. */
void a_copy_sign(const struct id *space, Wire__Head *head, const uint8_t chain[SHA256_LEN],
		 uint8_t signature[64]);

/*
 * A Feed read from bytes and made to fit what the copy holds, whatever its entries say: numbers
 * follow, the chain comes out, the head is signed. In `arena`; NULL: it is no Feed.
 */
Wire__Feed *a_copy_fix_feed(struct a_copy *a, struct bytes message, struct arena *arena);

#endif
