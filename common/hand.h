/*
 * A second hand: one thread that does jobs in the order in which they were given, so that a large
 * document keeps two processors busy. A job is a function and bytes that are copied for it; it may
 * touch only what its giver leaves alone until hand_wait. What comes out does not depend on when
 * the jobs run.
 *
 * Why: of the processor's time that a large document takes at the server, hashing it as a whole and
 * writing its packs are parts that need nothing of the loop (tests/bench/documents.sh).
 */
#ifndef FIVEPITS_HAND_H
#define FIVEPITS_HAND_H

#include "common/mem.h"

struct hand;

typedef void (*hand_fn)(void *arg, struct bytes bytes);

/* The thread begins with the first job. */
struct hand *hand_new(void);
void hand_free(struct hand **h); /* when all is done */
/* An empty buffer for the bytes of the next job; waits where there is much to do already. */
struct buf *hand_room(struct hand *h);
/*
 * Room behind the bytes of the job that was given last, where that is of the same function and
 * argument, has less than `most` bytes and was not begun: the two become one. Else as hand_room.
 */
struct buf *hand_join(struct hand *h, hand_fn fn, void *arg, size_t most);
/* Have it done, with what is in that buffer. */
void hand_do(struct hand *h, hand_fn fn, void *arg);
/* Until all is done. */
void hand_wait(struct hand *h);

#endif
