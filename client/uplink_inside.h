/*
 * What the files of an uplink share: uplink.c is the session, uplink_take.c takes in what the
 * server says of spaces and entries, uplink_push.c sends changes, uplink_ask.c asks, uplink_offer.c
 * and uplink_content.c carry documents up and down, uplink_recover.c helps a server that was set
 * back, uplink_history.c fetches the bodies that were left out at first.
 */
#ifndef FIVEPITS_UPLINK_INSIDE_H
#define FIVEPITS_UPLINK_INSIDE_H

#include "client/contents.h"
#include "client/uplink.h"
#include "common/hashes.h"

#include <string.h>
#include <sys/queue.h>

enum {
	PUSH_FRAME = 64 * 1024,	      /* changes in one frame */
	PUSH_UNANSWERED = 256 * 1024, /* changes sent and not answered */
	CONTENT_QUEUED = 256 * 1024,  /* documents' bytes that wait in the link */
	UPLOADS_MOST = 256,	      /* contents that are offered at once */
	GETS_MOST = 256,	      /* and fetched, */
	GETS_BYTES = 16 * 1024 * 1024, /* and their bytes together, but for the first */
	CONTENT_SYNC = 8 * 1024 * 1024, /* bytes that came and were not made to last */
	CONTENT_SYNC_MS = 1000,		 /* or for so long */
	RETRY_MS = 30 * 1000,
	PING_MS = 30 * 1000,
	DEAD_MS = 90 * 1000,
	BATCH_MS = 10,
};

/* A change that was sent and not answered yet. */
struct sent {
	struct id change;
	int64_t seq;
	size_t size;
	bool answered;
};

/* A change that cannot go now, in the list of those with the same reason. */
struct stuck {
	TAILQ_ENTRY(stuck) in_list;
	struct id change;
	int64_t seq;
	enum stuck_why {
		STUCK_CONTENT, /* a document must be on the server first */
		STUCK_OFFERED, /* and it was told by push_content_wanted */
		STUCK_EARLIER, /* one that it stands after is stuck */
		STUCK_A_WHILE, /* the server cannot decide it now: again later */
		STUCK_SESSION, /* not in this session */
		STUCK_READY,   /* not any more: send it */
		STUCK_WHYS
	} why;
	uint8_t content[SHA256_LEN]; /* its root */
	struct id earlier;
	uint64_t retry_ms;
};

TAILQ_HEAD(stuck_list, stuck);

struct push {
	int64_t last_seq;  /* all pending changes up to here were looked at */
	struct sent *sent; /* a queue: from `first` on */
	size_t first, n_sent, cap_sent;
	size_t unanswered;
	struct stuck_list stuck[STUCK_WHYS];
	struct hashes stuck_at; /* a change's, of all lists */
	bool freed;		/* one is stuck no more, since it was last looked */
	bool news;		/* and more documents are stored */
	struct hashes stored;	/* documents that the server has, as it said in this session */
	bool all_sent;	   /* when it last looked there was nothing more to send */
	uint64_t count_sent;
};

/* What the server, set back, has asked for. */
struct recover {
	bool open; /* a run is being handed in */
	struct id space;
	struct signed_head head;
	uint64_t next;	    /* number of the entry that goes next */
	struct buf lacking; /* documents that are here and not there; */
	struct hashes told; /* each once, however often the server says so */
};

/* Fetching the bodies of entries that came without. */
struct history {
	struct absent at;
	bool asked; /* Fetch is not answered yet, for numbers from `lowest` to `highest` of: */
	struct id space;
	uint64_t lowest, highest;
	bool again;	 /* more came without bodies, perhaps behind where it stands */
	bool done;	 /* all that there was has been asked for in this session */
	unsigned passes; /* that came to the end */
	size_t refused;	 /* in this pass: not what the chain says */
};

/* A question of which one at a time is open. */
struct ask {
	uplink_done_fn done; /* NULL: none is open */
	void *arg;
	uint8_t invitation[16];
	uint64_t *expires_ms;
	struct buf *out;
	struct id change; /* that is decided on */
	enum verdict *verdict;
};

/* A space that the server told of, until this copy has it up to there. */
struct target {
	struct id space;
	uint64_t number;
};

struct uplink {
	struct copy *copy;
	struct link *link;
	enum uplink_state state;
	Wire__Reason reason;
	char words[512];
	int error; /* of this copy's own disk */
	struct arena arena;
	struct target *targets;
	size_t n_targets;
	struct push push;
	struct uploads *uploads;   /* documents on their way up, */
	struct carriage *carriage; /* and down; both NULL once it has ended */
	struct ask invite, renew, decide;
	struct recover recover;
	struct history history;
	struct uplink_progress progress;
	uint64_t batch_ms;	/* when the open transaction was begun; 0: none */
	uint64_t batch_entries; /* taken in it */
	uint64_t setbacks;	/* copy_setbacks when this began */
	uint64_t heard_ms;	/* when the server was heard last */
	uint64_t pinged_ms;	/* 0: not since then */
	bool contact;		/* heard after last_contact was stored */
	bool no_documents;	/* none are sent in this session */
	bool paused;		/* nor before the person says so (contents_paused) */
	uint64_t limit;		/* bytes of documents a second; 0: as the copy has it */
	bool no_history;	/* bodies that were left out are not fetched in it */
};

static inline bool uplink_holds(const struct uplink *u)
{
	return u->no_documents || u->paused;
}

/* Is it this one that a message names? */
static inline bool uplink_same_name(const uint8_t name[SHA256_LEN], ProtobufCBinaryData b)
{
	return b.len == SHA256_LEN && memcmp(name, b.data, SHA256_LEN) == 0;
}

/* End the session: tell the server `reason` (0: it need not be told), drop what is
 * not committed. */
void uplink_end(struct uplink *u, Wire__Reason reason, const char *words);
/* End the session, to call again at once. */
void uplink_again(struct uplink *u, const char *words);
/* This copy failed: nothing of the server's fault. */
void uplink_fail(struct uplink *u, int err);

static inline uint64_t uplink_now(const struct uplink *u)
{
	return env_now_ms(copy_env(u->copy));
}

/* Note when the server was heard last. 0 or an error of the copy. */
int uplink_store_contact(struct uplink *u);

/* What may be read, entries, and what became of own changes. 0 or an error of the copy. */
int take_on_welcome(struct uplink *u, const Wire__Welcome *m);
int take_on_granted(struct uplink *u, const Wire__Granted *m);
int take_on_lost(struct uplink *u, const Wire__Lost *m);
int take_on_limits(struct uplink *u, const Wire__Limits *m);
int take_on_feed(struct uplink *u, const Wire__Feed *m);
int take_on_verdicts(struct uplink *u, const Wire__Verdicts *m);
int take_on_held_list(struct uplink *u, const Wire__HeldList *m);
int take_on_deferred(struct uplink *u, const Wire__Deferred *m);

/* Answers to what was asked. */
void ask_on_invited(struct uplink *u, const Wire__Invited *m);
void ask_on_renewed(struct uplink *u, const Wire__Renewed *m);
int ask_on_decided(struct uplink *u, const Wire__Decided *m);
/* None comes any more. */
void ask_fini(struct uplink *u, int err, const char *words);

void push_init(struct push *p);
/* Send what may go. 0 or an error of the copy. */
int push_send(struct uplink *u);
/* A change was answered, one way or the other. */
void push_answered(struct uplink *u, const struct id *change);
void push_deferred(struct uplink *u, const struct id *change, enum stuck_why why,
		   struct bytes content);
/* Of all that wait for a document: it is on the server; or it can't be brought there, and why. */
void push_content_stored(struct uplink *u, const uint8_t content[SHA256_LEN]);
void push_content_failed(struct uplink *u, const uint8_t content[SHA256_LEN], const char *words);
/* It is to be told once more by push_content_wanted; NULL: what waits for room is tried at once. */
void push_content_again(struct uplink *u, const uint8_t *content);
/* The next document that a change waits for, told once. False: none. */
bool push_content_wanted(struct uplink *u, uint8_t content[SHA256_LEN]);
/* Has something been freed since push_send, and no answer is awaited that would make it look? */
bool push_is_due(const struct uplink *u);
/* Is there nothing that could be sent? */
bool push_quiet(const struct uplink *u);
void push_fini(struct uplink *u);

/* A server that was set back. 0 or an error of the copy. */
int recover_on_recall(struct uplink *u, const Wire__Recall *m);
int recover_on_rewind(struct uplink *u, const Wire__Rewind *m);
void recover_on_lacking(struct uplink *u, const Wire__Lacking *m);
/* Hand in what was recalled, as far as the line takes it. */
int recover_send(struct uplink *u);
/* A document that the server lost and this copy has. False: none (any more). */
bool recover_content_wanted(struct uplink *u, uint8_t content[SHA256_LEN]);
bool recover_quiet(const struct uplink *u);
void recover_fini(struct uplink *u);

/* The history that came without its bodies. 0 or an error of the copy. */
int history_send(struct uplink *u);
int history_on_bodies(struct uplink *u, const Wire__Bodies *m);
/* Entries came without their bodies. */
void history_wake(struct uplink *u);
bool history_quiet(const struct uplink *u);

/* Documents on their way up (uplink_offer.c). */
struct uploads *uploads_new(uint64_t now_ms);
void upload_turn(struct uplink *u);
void upload_on_want(struct uplink *u, const Wire__Want *m);
void upload_on_stored(struct uplink *u, const Wire__Stored *m);
void upload_on_pace(struct uplink *u, const Wire__Pace *m);
/* The server has said Welcome: does it answer marks? */
void upload_welcome(struct uplink *u, bool marks);
/* In how many ms something may go that waits for the limit; 0: nothing does. */
uint64_t upload_rest_ms(const struct uplink *u);
void upload_on_missing(struct uplink *u, const Wire__Missing *m);
/* Some may not be wanted any more. */
void upload_wake(struct uplink *u);
bool upload_quiet(const struct uplink *u);
/* Bytes of documents that are to go once those before them have gone. */
uint64_t upload_waiting(const struct uplink *u);
void upload_fini(struct uplink *u);

/* Documents on their way down (uplink_content.c). */
struct carriage *carriage_new(void);
void content_turn(struct uplink *u);
void content_on_chunk(struct uplink *u, const Wire__Chunk *m, struct bytes raw);
void content_on_missing(struct uplink *u, const Wire__Missing *m);
bool content_quiet(const struct uplink *u);
/* Something can be done at once, though nothing may come in. */
bool content_is_busy(const struct uplink *u);
void content_fini(struct uplink *u, int err, const char *words);

#endif
