/*
 * One simulated area: a server and up to twelve devices, each with a disk, a clock and dice of its
 * own, on a network of virtual lines; a witness who hears everything at once; the ledger of what
 * was made and the book of what was accepted. Everything follows from the seed.
 *
 * The engines are the product's own (server/area.h, client/copy.h, draft.h, uplink.h). The rest of
 * the files: host.c runs the server, device.c a client, actions.c is what can happen, values.c
 * makes up values, hostile.c sends what no honest client would, oracle.c judges when all is quiet.
 */
#ifndef FIVEPITS_SIM_WORLD_H
#define FIVEPITS_SIM_WORLD_H

#include "client/copy.h"
#include "client/draft.h"
#include "client/uplink.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/area.h"
#include "tests/sim/book.h"
#include "tests/sim/disk.h"
#include "tests/sim/idmap.h"
#include "tests/sim/image.h"
#include "tests/sim/net.h"
#include "tests/sim/queue.h"
#include "tests/sim/rights.h"
#include "tests/sim/seal.h"
#include "tests/sim/trace.h"
#include "tests/sim/view.h"

#include <stdio.h>

enum {
	WORLD_DEVICES = 12,
	WORLD_PLACES = 40,
	WORLD_WITNESS =
	    WORLD_DEVICES, /* devices by number: the witness and the hostile one come last */
	WORLD_HOSTILE,
	WORLD_NUMBERS,
	DEVICE_READS = 8,
};

/* What there is more of in a world than usual. */
enum leaning { LEANS_NOWHERE, LEANS_TO_EDITS, LEANS_TO_RIGHTS, LEANS_TO_FAULTS, LEANINGS };

struct world;

/* A clock and dice, as one machine has them. */
struct machine {
	struct env env;
	struct world *world;
	struct dice dice;
	int64_t offset_ms;
};

/* A space that the world knows of; its place in the list is its canary's number. */
struct place {
	struct id id;
	Records__SpaceKind kind;
	struct id group;
};

/* A record that somebody made. */
struct known {
	struct id id, space;
	uint32_t type;
	bool guarded; /* the founder's, the witness's: left alone, so that somebody can still
			 administer */
};

/* A change that was saved; the ledger's line. */
struct made {
	struct id id, space, device;
	struct bytes bytes;
	unsigned by;  /* number of the device */
	bool hostile; /* never an honest client's: it may be refused without a trace */
	bool dropped; /* the person gave it up after it was refused */
	uint16_t holders; /* devices that held it when the server was set back, and still do */
	bool doubted; /* its save was cut off, and nothing after it has been synced: nobody was promised it */
	bool dropping; /* or was about to when the process ended: then it may be gone or not */
};

struct cursor {
	struct id space;
	uint64_t number, epoch;
};

struct device {
	struct world *world;
	unsigned number;
	char home[160];
	struct machine machine;
	struct disk_device *disk;
	struct id id, person, school;
	bool enrolled, revoked; /* revoked: the server said so */
	bool old, upgraded;	/* its program knows an older schema; or did once */
	bool online;		/* its person wants a line */
	uint64_t life;		/* events of an earlier process are void */
	struct copy *copy;	/* NULL: the process is not there */
	struct uplink *uplink;
	struct net_end *end; /* NULL: no line */
	bool turn_planned, dial_planned;
	unsigned failures, failures_since; /* lines that ended since an action took place */
	uint64_t patience_us; /* until it looks again by itself */
	struct image *backup; /* its disk as it once was; NULL: nobody kept one */
	struct image *born;   /* as it was when its copy was new */
	bool littered; /* its disk was full once, or it ended while it wrote: behind the last commit its
			  log may hold what was never committed */
	bool doubt;	      /* a save was cut off: one more change may have been saved */
	struct cursor cursors[WORLD_PLACES];
	size_t n_cursors;
	bool whole; /* no body was absent when it was looked at last */
	struct {
		struct id record;
		struct seen seen;
	} reads[DEVICE_READS]; /* what its person has on the screen */
	size_t n_reads;
};

/* The server's end of one line. */
struct peer {
	struct link link;
	struct peer *next;
	struct world *world;
	struct net_end *end; /* NULL: the witness's, which has no delay */
	struct session *session;
	unsigned number; /* of the device */
	bool closing, lost;
};

struct host {
	struct machine machine;
	char dir[160];
	struct disk_device *disk;
	struct area *area; /* NULL: it is down */
	uint64_t life;
	bool turn_planned, in_turn, stopping;
	struct image *backup; /* its disk as it once was; NULL: nobody kept one */
	bool told; /* it was set back, and is to hear of it when it starts */
	struct { /* the book's entries of each place in it */
		struct book_entry **entries;
		size_t n;
		uint64_t epoch;
	} backup_of[WORLD_PLACES];
	bool starving; /* its disk is being kept full */
	bool starved;  /* or was, before this turn's end */
	bool witness_away; /* the witness was told so, and comes back when there is room */
	struct peer *peers;
	struct buf sent; /* what left in this turn, for the witness and the oracle */
};

struct world {
	uint64_t seed;
	enum leaning leaning;
	unsigned action; /* which is taking place, from 1; 0: none */
	char dir[128];
	struct queue queue;
	struct net net;
	struct trace trace;
	struct disk *disk;
	const struct image *blank; /* what most copies begin from; NULL: none does */
	struct dice dice; /* of the actions */
	struct arena arena;
	struct buf paper; /* a large file that was put, for others with much of the same */
	struct id paper_space;
	struct book book;
	struct host host;
	struct device devices[WORLD_DEVICES];
	unsigned n_devices;
	struct device *only; /* whose person alone is at work; NULL: anybody is */
	struct device witness, hostile; /* ids only: they have no copy */
	struct peer *witness_peer;
	struct seal seal; /* of heads */
	struct id area, directory, partnership, admin, founder, founder_school;

	struct place places[WORLD_PLACES];
	size_t n_places;
	struct known *known;
	size_t n_known, cap_known;
	struct made **made;
	size_t n_made, cap_made;
	struct idmap by_change;
	/* Rights by device and place, now and at any moment of this turn. */
	enum right now[WORLD_NUMBERS][WORLD_PLACES], lately[WORLD_NUMBERS][WORLD_PLACES],
	    ever[WORLD_NUMBERS][WORLD_PLACES];
	bool rights_moved;
	size_t released;    /* entries that the book has read and that were judged by the rule for old versions */
	bool in_step;	    /* behind the turn before the book had all that the server has */
	bool contents_lost; /* the server was set back, and nobody has what some Version names */
	size_t judged; /* entries of each place that were judged by rights */
	size_t judged_entries[WORLD_PLACES];

	bool calm;  /* no more faults: now everything must come right */
	bool quiet; /* and it should have */
	bool failed;
	char fault[600];
	uint64_t words; /* canaries made, so that each is another */
	uint64_t refused, saved, deferred;
	uint64_t releases, sure_releases; /* of old versions; those of which all could be judged */
};

/* ---- The world (world.c) -------------------------------------------------------------------- */

/* Make an area of a few enrolled devices, connected and in step. `blank` may be NULL. */
void world_init(struct world *w, uint64_t seed, const struct image *blank, bool verbose);
void world_fini(struct world *w);
/* Let `us` pass. */
void world_run(struct world *w, uint64_t us);
/* Run until nothing is left to send or fetch, at most `us`. False: it is not quiet by then. */
bool world_settle(struct world *w, uint64_t us);
/* The first fault found is kept; the world stops. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct place *world_place(struct world *w, const struct id *space); /* NULL: not known */
struct place *world_place_add(struct world *w, const struct id *space, Records__SpaceKind kind);
void world_know(struct world *w, const struct id *id, const struct id *space, uint32_t type,
		bool guarded);
struct made *world_made(const struct world *w, const struct id *change);
struct made *world_make(struct world *w, const struct device *by, const struct id *change,
			const struct id *space, struct bytes bytes);
/* Is it in the book, or does some copy hold it as an entry? That copies and server agree is looked at
 * apart. */
bool world_is_entered(const struct world *w, const struct id *change);
struct device *world_device(struct world *w,
			    unsigned number); /* also the witness and the hostile one */
/* Are these two computers one device, or the same? */
bool world_is_one(struct world *w, unsigned one, unsigned other);
void machine_init(struct machine *m, struct world *w, uint64_t part);

/* ---- The server (host.c) -------------------------------------------------------------------- */

void host_start(struct world *w);
void host_stop(struct world *w, enum disk_end how);
void host_plan_turn(struct world *w);
/* Keep the disk as it is now; put it back as it was then: with a word to the server that it was, as
 * `fivepitsd restore` has, or without any. */
void host_backup(struct world *w);
void host_set_back(struct world *w, bool told);
/* Its entry, as the book asks for it (book.h). */
bool host_on_line(void *arg, const struct id *space, uint64_t epoch, uint64_t number, uint64_t *out);
bool host_stored(void *arg, const struct id *space, uint64_t number, struct arena *arena,
		 Wire__Entry *out);
/* As an administrator: spaces that no copy has borne out are served as they are. False: there are none. */
bool host_serve_all(struct world *w);
/* False: the process ended in what was just called, and has been taken apart. */
bool host_lives(struct world *w);
/* A new line for a device's end; the server hears of it after its delay. */
struct net_end *host_dial(struct world *w, unsigned number, const struct net_speed *speed);
/* Make a device for a person, known to the server. False: it could not be. */
bool host_enrol(struct world *w, struct device *d, const struct id *person,
		const struct id *school);

/* ---- Devices (device.c) --------------------------------------------------------------------- */

void device_init(struct world *w, struct device *d, unsigned number);
void device_create(struct device *d); /* its copy, after host_enrol */
void device_start(struct device *d);
void device_stop(struct device *d, enum disk_end how);
bool device_lives(struct device *d); /* as host_lives */
void device_dial(struct device *d);
void device_plan_dial(struct device *d, uint64_t delay_us);
void device_hang_up(struct device *d, enum net_cut how);
void device_wake(struct device *d);
/* Save a draft and enter what it made in the ledger. True: something was saved. */
bool device_save(struct device *d, struct draft **draft, const char *what);
/* The program that starts next on it knows the whole schema. */
void device_upgrade(struct device *d);
/* Another computer with the same disk: the same device, copied. */
void device_clone(struct device *of, struct device *d, unsigned number);
/* Keep the disk as it is now; and put it back as it was then, which loses what was not sent since. */
void device_backup(struct device *d);
void device_restore(struct device *d);
bool device_quiet(const struct device *d);
/* Each change that was made here must be pending, refused, or accepted, and nothing else may be. */
void device_audit(struct device *d);

/* A copy's file with its tables made and nothing in it (blank.c); NULL: it could not be made. `dir` is a
 * name that no world uses. */
struct image *blank_make(const char *dir);

/* ---- Values (values.c) ---------------------------------------------------------------------- */

enum { CANARY_MAX = 32 };
/* A word that is only ever written into this space, by this device. */
void canary_make(struct world *w, const struct id *space, unsigned number, char word[CANARY_MAX]);
/* The next canary in `rest`, which is moved behind it. */
bool canary_next(struct bytes *rest, unsigned *place, unsigned *number);
/* Occurrences of a field, made up; empty if there is nothing to refer to. */
void value_make(struct world *w, unsigned number, const struct schema_type *t, uint32_t field,
		const struct id *space, struct buf *out);
/* Prose with a unit or two more, other, or fewer than `now`. */
void value_revise(struct world *w, unsigned number, uint32_t field, const struct id *space,
		  struct bytes now, struct buf *out);

/* ---- For people (narrate.c) ----------------------------------------------------------------- */

/* The school whose device this is, as the trace calls it: "Heath", "Heath (offline)". Borrowed until the
 * next call. */
const char *narrate_device(const struct device *d);
/* What a change asks for: "note 5beb: sets text "..."; withdraws ..." */
void narrate_change(const struct change *c, struct buf *out);

/* ---- What happens, and whether it was right ------------------------------------------------- */

void actions_setup(struct world *w);	       /* people, groups and spaces to begin with */
/* n things that happen, one after the other, but for those that are left out (NULL: none). */
void actions_run(struct world *w, unsigned n, const bool *left_out);
void actions_counts(void (*row)(void *arg, const char *name, uint64_t n), void *arg);
void hostile_act(struct world *w);
bool hostile_offer(struct world *w); /* hand in a run of its own making (hostile_run.c) */
/* What all journals of the server are at, and whether it recovers, as one number (oracle_back.c). */
uint64_t oracle_mark(struct world *w);
void oracle_turn(struct world *w); /* what the server sent in a turn */
/* Entries of a space have come into the book, behind the one of this number. */
void oracle_entered(struct world *w, const struct id *space, uint64_t after);
/* Does the server run, so that it can be asked? What its journals hold (oracle_back.c). */
bool oracle_hears(const struct world *w);
void oracle_follow(struct world *w);
/* Does the server keep this change for somebody to decide on it (or has it decided)? */
bool oracle_is_held(struct world *w, const struct made *m, bool or_was);
/* At a turn's end: what the server released, was it free to go? (oracle_kept.c) */
void oracle_released(struct world *w);
/* What lies in the files of a device, and of the server (oracle_files.c). */
void oracle_files(struct device *d);
void oracle_contents(struct world *w);
/* Each device fetches what it should hold, and the `greedy` one all that it may read (oracle_body.c); then what is
 * here is what it should be, and nothing lacks. */
void oracle_fetch(struct world *w, unsigned greedy);
void oracle_bodies(struct device *d, bool greedy);
void oracle_calm(struct world *w); /* stop all faults, let everybody meet, compare everything */

#endif
