/*
 * What a recovery does to a journal: entries taken as they are, entries dropped, a new epoch begun;
 * and the place where a run waits until it is known to be whole. All in the turn's transaction.
 */
#ifndef FIVEPITS_JOURNAL_TAKE_H
#define FIVEPITS_JOURNAL_TAKE_H

#include "server/journal.h"

/*
 * Write an entry that this server made once, as it is: number, outcome, salt. Its chain is
 * computed, not taken from it. `out` lives in `arena`. ERR_CORRUPT: it can't be the next entry of
 * the space.
 */
int journal_take(struct journal *j, struct space *s, const struct entry *e, struct arena *arena,
		 struct entered *out);
/* Drop every entry above `number`, with the verdicts given for them, and make what follows from the
 * journal again. */
int journal_truncate(struct journal *j, struct space *s, uint64_t number);
/* Forget that a change was refused, so that it can be entered. */
int journal_unrefuse(struct journal *j, const struct id *change);

/*
 * A new epoch of a space. Whoever had seen more than `common` in an earlier one may have seen
 * entries that are on this line no more, or under other numbers.
 */
int journal_epoch_begin(struct journal *j, struct space *s, uint64_t epoch, uint64_t common);
/* Of what was seen in `epoch`, which is not the space's own, no more than `common` counts. */
int journal_epoch_lower(struct journal *j, const struct space *s, uint64_t epoch, uint64_t common);
/* `epoch` was begun by a server that knew more: of what was seen in those before it nothing is sure
 * from now on. */
int journal_epoch_unknown(struct journal *j, const struct space *s, uint64_t epoch);
/* After a rollback: the epochs as they are stored. */
int journal_epochs_load(struct journal *j);

/* Entries that wait, in heaps that the caller numbers. */
int staged_add(struct journal *j, uint64_t heap, uint64_t number, struct bytes header,
	       struct bytes salt, struct bytes body);
/* Copy the entries of a space from `from` on into a heap. */
int staged_copy(struct journal *j, uint64_t heap, const struct space *s, uint64_t from);
/* One after the other, by rising number, until `row` returns something else than 0, which is
 * returned. The entry is borrowed for the call, and has no chain. */
int staged_each(struct journal *j, uint64_t heap, int (*row)(void *arg, const struct entry *e),
		void *arg);
int staged_drop(struct journal *j, uint64_t heap);
/* Drop what an earlier process left behind. */
int staged_clear(struct journal *j);

#endif
