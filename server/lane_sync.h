/*
 * When documents' chunks that came are made to last, and when what nothing names is removed.
 */
#ifndef FIVEPITS_LANE_SYNC_H
#define FIVEPITS_LANE_SYNC_H

struct area;

enum {
	LANE_SYNC = 8 * 1024 * 1024, /* so much is put before it is made to last */
	LANE_SYNC_MS = 200,	     /* or so long ago */
	LANE_WHOLE = 128,	     /* or so many contents are whole */
	LANE_WHOLE_MS = 25,	     /* or one is, and so long ago where so many others come: */
	LANE_MANY = 16,
};

/* In a turn, before its commit: make last what should. Opens the transaction where it must. Sets
 * when it is to be asked again, though everybody is silent. 0 or an error. */
int lane_sync_turn(struct area *a);

#endif
