/*
 * Inside reconciling: what its parts share. reconcile.c takes a change through; reconcile_seen.c
 * knows what the author had seen; reconcile_field.c decides values and sets, reconcile_text.c
 * merges prose, reconcile_exist.c decides existence, reconcile_dispute.c opens and joins Conflicts,
 * reconcile_settle.c settles and reopens them, reconcile_frozen.c makes Notes of late edits. Nobody
 * else includes it.
 */
#ifndef FIVEPITS_RECONCILE_INSIDE_H
#define FIVEPITS_RECONCILE_INSIDE_H

#include "common/dispute.h"
#include "common/schema.h"

enum fate { UNDECIDED, TAKEN, REPEAT, DISPUTED };

struct wish {
	uint32_t field, group;
	struct bytes value; /* empty: cleared; where it was merged, what came of that */
	uint64_t base;
	enum fate fate;
	bool merged; /* `value` is not what the edit says */
};

/* An entry as it touched the subject. */
struct deed {
	struct past past;
	const struct edit *said;  /* what its author asked for; NULL: nothing, or it is absent */
	const struct effect *did; /* what came of it; NULL likewise */
};

struct subject {
	const struct edit *edit;
	const struct schema_type *type; /* NULL: this version does not know it */
	struct record record;
	struct wish *wishes;
	size_t n_wishes;
	enum fate existence;
	struct bytes add, take; /* what is left of them to do */
	struct deed *own;	/* the author's entries that the edit stands on, newest first */
	size_t n_own, cap_own;
	struct id own_next;  /* the next to look up; zero: no more */
	struct deed *unseen; /* others' entries on the record since what was seen, newest first */
	size_t n_unseen;
	bool has_unseen; /* they were looked up */
	bool cut_short;	 /* there were more of them than we look at */
	bool frozen;	 /* approved Minutes hold it fast */
	struct dispute *disputes; /* about it, newest first */
	struct matter **undone;	  /* Conflicts about it whose settling the change takes back */
	size_t n_undone;
	bool has_undone; /* they were looked up */
};

struct work {
	const struct ground *ground;
	const struct change *change;
	uint64_t number;
	uint64_t line; /* the author had seen all up to here */
	bool off_line; /* and more, which was taken back */
	struct arena *arena;
	struct cause *cause;
	struct subject *subjects;
	struct matter *settles; /* that the change names; NULL: not read */
	struct matter *undone;	/* that the change which it takes back names; likewise */
	uint64_t undone_number; /* of its entry */
	struct outcome_effect *notes; /* of late edits */
	size_t n_notes;
	size_t merged; /* bytes that were merged for this change */
	size_t read;   /* bytes of history */
};

/* ---- What the author had seen (reconcile_seen.c) -------------------------------------------- */

/* The entry `number` as it touched the subject. ERR_MISSING: it did not. */
int deed_load(struct work *w, const struct subject *s, uint64_t number, struct deed *out);

/* History is read only so far; what lies beyond counts as not seen, which keeps both versions. */
bool work_is_spent(const struct work *w);
/* Look up one more of the author's own changes below the edit. 1, 0: there is none, or an error. */
int own_extend(struct work *w, struct subject *s);
/* Is entry `number` of this record one of them? 1, 0 or an error. */
int is_own(struct work *w, struct subject *s, uint64_t number);
/* Had the author seen entry `number` of this record, or made it? 1, 0 or an error. */
int was_seen(struct work *w, struct subject *s, uint64_t number);
/* The same of a change, which may be one that this space does not have: then it was not seen. */
int change_was_seen(struct work *w, struct subject *s, const struct id *change);
/* Fill s->unseen: what others did to the record since. */
int unseen_load(struct work *w, struct subject *s);
/* Was anything of the record changed unseen, and by which entry? Not only what stands unseen: an
 * own later edit may have been laid on it. 1, 0 or an error. */
int record_moved(struct work *w, struct subject *s, uint64_t *number);

uint32_t group_of(const struct subject *s, uint32_t field);
/* Up to where all counts as seen of the fields of a group that the edit names: the line, or more
 * where what the author had seen was taken back and the values that they had before them are found
 * again. */
int group_line(struct work *w, struct subject *s, uint32_t group, uint64_t *line);
/* The newest entry above `line` that set a field of the group unseen. 0: none. */
int group_moved(struct work *w, struct subject *s, uint32_t group, uint64_t line, uint64_t *out);
/* The newest entry that set a field of the group. 0: none. */
uint64_t group_newest(const struct subject *s, uint32_t group);
/* The value that the author had before them, by its digest. 1, 0: it is not found, or an error. */
int base_find(struct work *w, struct subject *s, const struct wish *wish, struct bytes *base);
/* The change that had set the group where the author saw it; zero if none had. */
int base_change(struct work *w, struct subject *s, uint32_t group, struct id *base);

/* ---- Values, sets (reconcile_field.c), prose (reconcile_text.c) ----------------------------- */

int decide_wishes(struct work *w, struct subject *s);
int decide_members(struct work *w, struct subject *s);
/*
 * Prose that moved, or whose base is not what stands: merge it. 1: it is TAKEN or a REPEAT; 0: it
 * is no such group, or the two can't be merged; or an error.
 */
int decide_text(struct work *w, struct subject *s, uint32_t group, enum fate *fate);

/* ---- Existence (reconcile_exist.c) ---------------------------------------------------------- */

int decide_existence(struct work *w, struct subject *s);
/* Values changed by one who did not know that the record was withdrawn, or that somebody wants to.
 */
int decide_edit_of_withdrawn(struct work *w, struct subject *s);

/* ---- Conflicts (reconcile_dispute.c), settled and reopened (reconcile_settle.c) ------------- */

struct dispute *subject_dispute(struct work *w, struct subject *s, uint32_t group, int *err);
/* ERR_INVALID where it has too many sides by now, else 0. */
int dispute_limit(struct work *w, const struct dispute *d);
/* The change becomes a side: in place of the one that it stands on, if that is a side. */
int dispute_join(struct work *w, struct subject *s, struct dispute *d);
/* Open or join the Conflict of a group whose value was set by entry `standing` (0: none). */
int dispute_open(struct work *w, struct subject *s, uint32_t group, uint64_t standing);
/* A value was taken while a Conflict on its group may be open. */
int dispute_after_taking(struct work *w, struct subject *s, uint32_t group);
/* Does the edit move a side of an open Conflict that does not stand? 1, 0 or an error. */
int moves_own_side(struct work *w, struct subject *s, uint32_t group);
/* Does the change settle a Conflict on this group? 1, 0 or an error. */
int settles_group(struct work *w, const struct subject *s, uint32_t group);
/* Reopen what was settled by the change that this one takes back. */
int reopen_group(struct work *w, struct subject *s, uint32_t group);
/* Settle what the change names, once all of its edits are decided. */
int settle_all(struct work *w);

/* ---- What is held fast (reconcile_frozen.c) ------------------------------------------------- */

/* Is the subject an item of approved Minutes? Sets s->frozen. */
int frozen_look(struct work *w, struct subject *s);
/* Nothing of the edit is taken; what it wanted becomes a Note. */
int frozen_note(struct work *w, struct subject *s);
/* A record in words: its type and its title. In the arena. */
const char *record_words(struct arena *arena, const struct record *r);

#endif
