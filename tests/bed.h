/*
 * An area to test: made in a scratch directory, with a clock that stands and chance that counts;
 * and peers, who talk to it frame by frame and keep what they are told. A peer checks the chain of
 * every space that it is fed, as a client does.
 */
#ifndef FIVEPITS_TESTS_BED_H
#define FIVEPITS_TESTS_BED_H

#include "common/change.h"
#include "server/area.h"
#include "tests/pipe.h"

enum { BED_PEERS = 1024, PEER_SPACES = 16 };

struct bed {
	struct area_options options;
	struct area *area;
	struct env env;
	uint64_t now_ms, chance;
	struct id id, person, school; /* the first administrator and school */
	struct id directory, partnership, admin;
	char dir[256];
	struct peer *peers[BED_PEERS];
	size_t n_peers;
	size_t signatures; /* made so far */
};

/* What a peer holds of a space. */
struct held {
	struct id id;
	uint64_t number, told; /* fed up to, and said to be there by Welcome or Granted */
	uint8_t chain[SHA256_LEN];
	size_t without_body; /* entries that came without */
};

/* What a peer was told of a change. */
struct told {
	struct id change;
	int verdict; /* 0: deferred */
	int wait;
	uint64_t number;
	char words[160];
};

struct peer {
	struct bed *bed;
	struct pipe pipe; /* the server's end is 0 */
	struct session *session;
	struct id device, person;
	struct held spaces[PEER_SPACES];
	size_t n_spaces;
	struct told *told;
	size_t n_told;
	struct buf sent;	/* the changes it has pushed, each behind its length */
	bool welcome, chain_broken, stalled; /* stalled: takes nothing from the line */
	int bye;		/* the reason; 0: none */
	char bye_words[200];
	size_t granted, lost, stored, missing, feeds;
	uint64_t invited_ms;
	struct buf wants;   /* chunks that it was asked for, one behind the other */
	struct buf content; /* the raw bytes of the Chunks that came */
	size_t chunks;	    /* or parts of some; */
	bool marks;	    /* it says in Hello that it answers marks, */
	uint64_t mark;	    /* and this is the last; the test answers */
	size_t n_marks;
	uint64_t came;	    /* the last mark of its own that was answered */
	struct id held[8];  /* the first of the list of held changes that it was sent last */
	size_t n_held, held_frames;
	struct told decided; /* the last Decided; verdict 0: nothing was */
	struct arena arena;
};

/* Make an area in its own directory and open it. */
void bed_init(struct bed *b, const char *name);
void bed_fini(struct bed *b);
/* Close and open the area again, as after a stop; peers lose their lines. `kill`: what the turn did
 * was not committed. */
void bed_restart(struct bed *b, bool kill);
/* End the turn and let every peer take what came. Returns what area_turn returned. */
int bed_turn(struct bed *b);
/* Days pass, at the end of which the server does what it does in idle time, to its end: what one
 * tick takes out of the tables the next one erases. */
void bed_days_pass(struct bed *b, unsigned days);
/* Add an entry as the administrator's device does, by a peer of its own. */
struct id bed_person(struct bed *b, struct peer *admin, const char *name);
struct id bed_appoint(struct bed *b, struct peer *admin, const struct id *person, int role,
		      const struct id *group);

/* A device for `person`, enrolled and connected. */
void peer_join(struct peer *p, struct bed *b, const struct id *person);
void peer_connect(struct peer *p);
/* Say Hello with what is held, and take the answer. */
void peer_hello(struct peer *p);
void peer_cut(struct peer *p);
void peer_fini(struct peer *p);
void peer_send(struct peer *p, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw);
void peer_send_bytes(struct peer *p, unsigned kind, struct bytes message);
/* Push these bytes of a change; no turn. */
void peer_push(struct peer *p, struct bytes change);
void peer_take(struct peer *p); /* everything that waits */
struct held *peer_held(struct peer *p, const struct id *space); /* NULL: does not hold it */
const struct told *peer_told(const struct peer *p,
			     const struct id *change); /* the last; NULL: nothing */

/* A change in the making. */
struct making {
	struct change change;
	struct edit edits[8];
	struct base bases[8][8];
	struct buf set[8], add[8];
	struct buf bytes;
};

/* Begin one of `space`, seen up to `seen`. */
void making_init(struct making *m, struct bed *b, const struct id *space, uint64_t seen);
void making_fini(struct making *m);
struct edit *making_create(struct making *m, uint32_t type, const struct id *record);
struct edit *making_edit(struct making *m, uint32_t type, const struct id *record);
/* Of the last edit: set a text, an id or a number; `old` is the base's text (NULL: no value). */
void making_text(struct making *m, uint32_t field, const char *text, const char *old);
void making_ref(struct making *m, uint32_t field, const struct id *ref);
void making_number(struct making *m, uint32_t field, uint64_t v);
void making_member(struct making *m, uint32_t field, const struct id *ref);
/* Its bytes, until making_fini. */
struct bytes making_bytes(struct making *m);

/* The whole of it: a new action with this text, pushed. Returns the change's id. */
struct id peer_add_action(struct peer *p, const struct id *space, const char *text,
			  struct id *record);

#endif
