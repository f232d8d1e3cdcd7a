/*
 * The area on the server: its database, its sessions, and the turn. No sockets: frames come in by
 * session_frame and go out by each session's link, so that the simulator runs the same code.
 *
 * One turn is one transaction. While frames come in, changes are decided and written; nothing that
 * promises anything leaves before area_turn has committed.
 */
#ifndef FIVEPITS_AREA_H
#define FIVEPITS_AREA_H

#include "common/env.h"
#include "common/err.h"
#include "common/id.h"
#include "common/wire.h"

enum {
	AREA_SESSIONS = 4096,	  /* at once */
	AREA_DEVICE_SESSIONS = 16, /* of one device; over it the oldest makes room */
	AREA_SCHEMA = 2,	  /* version of the database */
};

struct area;
struct content;
struct journal;
struct session;

struct area_options {
	const char *dir;	/* where area.db and documents/ are */
	const char *vfs;	/* an SQLite VFS; NULL: the system's */
	const struct env *env;
	/* Sign with the area's head key, Ed25519 (PROTOCOL.md, "Heads"). */
	void (*sign)(void *arg, struct bytes statement, uint8_t signature[64]);
	void *sign_arg;
	const char *address;	/* what invitations say; may be NULL */
	/*
	 * Sign a new certificate for `device` from a PKCS#10 request, DER, appended to
	 * `certificate`. The request must be for `public_key`, the device's own. NULL: certificates
	 * are not renewed here. ERR_INVALID with a cause.
	 */
	int (*renew)(void *arg, struct bytes request, const struct id *device,
		     struct bytes public_key, struct buf *certificate, struct cause *cause);
	void *renew_arg;
	bool read_only;		/* for digest and check, beside a running server */
	uint64_t whole_below;	/* a space of fewer entries is sent whole at once; 0: as usual */
	bool set_back;		/* begin with area_recover: it was restored from a backup */
	uint64_t run_bytes;	/* that one device may hand in at once; 0: 4 GiB */
	size_t sessions;	/* at once, where it is less than AREA_SESSIONS; 0: so many */
};

/* What a new area begins with. */
struct area_founding {
	struct id area;
	const char *name, *school, *admin;
	struct bytes server_key; /* SubjectPublicKeyInfo of the server's device */
};

/* Make the database and its first entries (PROTOCOL.md, "Founding"). `person` and `school` receive
 * the first administrator's and their school's ids, for the first invitation. */
int area_found(const struct area_options *o, const struct area_founding *f, struct id *person,
	       struct id *school, struct cause *cause);
/* Can these names be given? ERR_INVALID with a cause; area_found does not ask. */
int area_check_names(const char *name, const char *school, const char *admin, struct cause *cause);
/* A person of the directory by name, and a school of theirs (zero: none). ERR_MISSING,
 * ERR_AMBIGUOUS. */
int area_find_person(struct area *area, const char *name, struct id *person, struct id *school,
		     struct cause *cause);
int area_open(struct area **out, const struct area_options *o, struct cause *cause);
void area_close(struct area **area);
const struct id *area_id(const struct area *area);
/* Its journals (server/journal.h), to be read: for those who judge what the server does. */
struct journal *area_journal(struct area *area);

/*
 * A peer that proved that it is `device` (by its certificate). The session borrows `link` until it
 * is told that the line is lost. NULL: the device is not known or revoked, or there are too many
 * sessions, none of them its own; a Bye has been sent.
 */
struct session *session_open(struct area *area, struct link *link, const struct id *device);
/* It was told Bye: its line need not be kept for it. */
bool session_is_over(const struct session *s);
void session_frame(struct session *s, const struct frame *f);
void session_drained(struct session *s); /* the link's queue has emptied: go on feeding */
void session_lost(struct session *s); /* the line is gone; the session is freed at the turn's end */

/*
 * The end of a turn: commit, then answer and feed, then free what was lost. Call it after every
 * round of the loop in which a session_ or area_ function was called. 0; or 1: the disk is full,
 * nothing of the turn was kept (no enrolment either) and everybody was told so, go on; or an error
 * after which the process must end (nothing was promised): the supervisor starts it again.
 */
int area_turn(struct area *area);
/* When area_turn should be called at the latest, though nothing comes; 0: whenever. */
uint64_t area_due_ms(const struct area *area);
/* The turn has decided enough: end it before more frames are handed up. */
bool area_turn_due(const struct area *area);
/* Documents could go on at once: another turn should follow, though nothing may come in. */
bool area_is_busy(const struct area *area);
/* Once a minute or so: end what is past its last day. Call area_turn afterwards. */
void area_tick(struct area *area);
/*
 * The server was set back to an earlier state, by who calls this: nothing is served until copies
 * have been heard, and have borne it out. (A server that was set back without this finds out by the
 * first copy that knows more.) As area_turn, which it calls.
 */
int area_recover(struct area *area);
/* Are copies being heard? And the spaces that wait to be borne out: their count, and the first
 * `most` of them. */
bool area_is_recovering(const struct area *area);
size_t area_unserved(const struct area *area, struct id *spaces, size_t most);
/* What `fivepitsd recovery --serve` has asked for beside this server; call area_turn afterwards. */
void area_take_requests(struct area *area);
/* Serve such a space as it is; call area_turn afterwards. ERR_MISSING: it is none of them. */
int area_serve(struct area *area, const struct id *space);
/* Tell every session that the server stops, and end it. */
void area_stop(struct area *area);
size_t area_sessions(const struct area *area);
/* No more sessions at once than this: there are descriptors for so many. */
void area_limit_sessions(struct area *area, size_t most);

/* Enrolment, on a line whose peer has no certificate yet. The code derives to the verifier. */
int area_invite(struct area *area, const struct id *person, const struct id *school,
		const uint8_t invitation[16], const uint8_t verifier[32], uint64_t *expires_ms);
/* The verifier of an open invitation; ERR_MISSING if it is used, expired, or never was. */
int area_invitation(struct area *area, const uint8_t invitation[16], uint8_t verifier[32],
		    struct id *person, struct id *school);
void area_invitation_failed(struct area *area,
			    const uint8_t invitation[16]); /* five, then it is dead */
/* Spend the invitation and enter the new Device; both are durable once the turn has ended. */
int area_enrol(struct area *area, const uint8_t invitation[16], struct bytes public_key,
	       const char *label, struct id *device);

/* A new certificate for a device that is known, appended. ERR_INVALID with a cause; see
 * area_options. */
int area_renew(struct area *area, const struct id *device, struct bytes request,
	       struct buf *certificate, struct cause *cause);

/* What a space is called, for a person; "" if it has no name. Borrowed until the next turn. */
const char *area_space_name(const struct area *area, const struct id *space);

/* The digest of every space, by name and id; `common` as its last. For `fivepitsd digest`. */
int area_digest(struct area *area, void (*row)(void *arg, const char *name, const struct id *space,
					       uint64_t number, const uint8_t digest[32]),
		void *arg);
/* Check everything: the chain of every space, that records follow from entries, documents. */
int area_check(struct area *area, void (*fault)(void *arg, const char *words), void *arg);
/*
 * Take out of the store of documents what area_check finds bad in it, erase what nothing names, and
 * ask the computers that connect for what is lacking. Calls `fault` for each.
 */
int area_mend(struct area *area, void (*fault)(void *arg, const char *words), void *arg);
/* Read a content through. 0, ERR_MISSING, ERR_CORRUPT, ERR_IO. */
int area_content(struct area *area, const struct content *content);

#endif
