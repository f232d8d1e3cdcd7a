/*
 * Whose chunks are whose. A person may have a chunk if a Version in a space that they read names
 * it, directly or through the lists above it; a device may name a content if it may be read, or if
 * the device has sent all of it. That equal bytes are stored once is nobody's way to them.
 */
#ifndef FIVEPITS_SHELF_H
#define FIVEPITS_SHELF_H

#include "common/gather.h"
#include "server/session.h"

struct area;
struct os_lock;
struct shelf;

enum {
	SHELF_DAYS = 14,   /* what was sent and is not named is kept so long */
	SHELF_STEPS = 512, /* lists that are looked through for one chunk */
};

struct shelf *shelf_new(struct area *a);
void shelf_free(struct shelf **s);
struct store *shelf_store(struct shelf *s);

/* May this session's person have the chunk? 1, 0 or an error. */
int shelf_may_read(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN]);
/*
 * The same of a chunk that the node `parent` lists, where that may be read. `root` (may be NULL) is
 * that of the content: from there it is found however many other lists there are of the same.
 */
int shelf_may_get(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN],
		  const uint8_t *parent, const uint8_t *root);
/*
 * Need this session not send the chunk? 2: it is here and may be read, so all below it too; 1: it
 * is here since this device has sent it; 0: it must send it.
 */
int shelf_has(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN]);

/* This device has sent the chunk. Stored with the next shelf_sync. */
void shelf_brought(struct shelf *s, const struct session *session, const uint8_t hash[SHA256_LEN]);
/* Some of these chunks, one behind the other, were something else. Had this session sent any? */
bool shelf_unbring(struct shelf *s, const struct session *session, struct bytes bad);
/* This device has offered a content, and all of it is here. */
void shelf_delivered(struct shelf *s, const struct session *session, const struct content *c);
bool shelf_is_dirty(const struct shelf *s);
/* Make it all last; in an open transaction. */
int shelf_sync(struct shelf *s, struct cause *cause);
/* The same beside what goes on, as store_sync_begin. */
bool shelf_sync_begin(struct shelf *s);
int shelf_sync_end(struct shelf *s, struct cause *cause);
void shelf_forget(struct shelf *s); /* the turn was taken back */
void shelf_released(struct shelf *s); /* a Version names its content no more: a right may end */

/*
 * May `device` name a content (or may this session read it)? 1: it may; 0: all of it must be sent
 * first; ERR_INVALID: the root belongs to another content.
 */
int shelf_may_name(struct shelf *s, const struct session *session, const struct id *device,
		   const struct content *c);
/* It has: what it brought for that need not be remembered. */
int shelf_named(struct shelf *s, const struct id *device, const struct content *c);
/* Contents that devices have brought and not named yet. */
int shelf_each_delivered(struct shelf *s,
			 int (*row)(void *arg, const struct id *device, uint64_t bytes), void *arg);

/*
 * Would it be over a limit if this device named a content? 0, or ERR_LIMIT with a cause: which,
 * what is used and what is free.
 */
int shelf_limits(struct shelf *s, const struct id *device, const struct content *c,
		 struct cause *cause);

/* store_hold on the documents of the area in `dir`. */
int shelf_hold(const char *dir, struct os_lock **lock, struct cause *cause);
/* Idle time: remove what nothing names, a little. Opens a transaction. 1: there is more; 0: there
 * is not, or somebody holds the packs (store_hold). */
int shelf_tidy(struct shelf *s);
/*
 * Check the store, and that all that is named is in it. With `mend` what is bad is taken out, and
 * contents that are not whole any more are asked for of whoever has them; in an open transaction
 * then.
 */
int shelf_check(struct shelf *s, bool mend, void (*fault)(void *arg, const char *words), void *arg);

#endif
