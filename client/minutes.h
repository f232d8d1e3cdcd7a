/*
 * A meeting as people read it: where and when, who was there, whether enough were, the agenda in
 * its order with the minutes of each item, and the actions that arose.
 */
#ifndef FIVEPITS_MINUTES_H
#define FIVEPITS_MINUTES_H

#include "client/copy.h"
#include "client/draft.h"

/*
 * Append a meeting (an Event held here) as text of at most `width` columns (0: 79). What others
 * wrote is made harmless for a terminal. ERR_MISSING, ERR_INVALID (not a meeting) with a cause.
 */
int minutes_print(struct copy *copy, const struct id *event, unsigned width, struct buf *out,
		  struct cause *cause);

/*
 * An action that arises from an agenda item: a draft in the item's space of a new Action with this
 * text, whose origin is the item, and of a Link that says so. The Action is the record last named:
 * set more of it, then draft_save. NULL with a cause. `action` receives its id.
 */
struct draft *minutes_draft_action(struct copy *copy, const struct id *item, const char *text,
				   struct id *action, struct cause *cause);

#endif
