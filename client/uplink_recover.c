/*
 * A server that was set back: it recalls what it lacks of a space, before Welcome, and this copy
 * hands it in, frame by frame as the line takes it. Where the server has gone on beside that, it
 * has the copy go back to what both share, and feeds it what became of the rest. And documents that
 * it lost it asks for.
 */
#include "client/uplink_inside.h"

#include "common/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUN_FRAME = 256 * 1024, /* entries in one frame; one may be larger */
	RUN_ENTRIES = 4096,
	RUN_QUEUED = 512 * 1024, /* of a run, waiting in the link */
};

/* ---- Telling the person --------------------------------------------------------------------- */

/* What happened last, for `status`. */
static int recover_note(struct uplink *u, const char *words)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, env_now_ms(copy_env(u->copy)));
	int err = copy_meta_set(u->copy, "recovered_ms", text);
	return err < 0 ? err : copy_meta_set(u->copy, "recovered", words);
}

/* ---- Handing in ----------------------------------------------------------------------------- */

int recover_on_recall(struct uplink *u, const Wire__Recall *m)
{
	struct recover *r = &u->recover;
	uint64_t shared = 0;

	if (u->state != UPLINK_OPENING || r->open || !id_from(&r->space, BYTES_OF(m->space))) {
		uplink_end(u, WIRE__REASON__PROTOCOL,
			   "the server asks again for what is being handed in");
		return 0;
	}
	int err = copy_commit(u->copy);
	if (err == 0)
		err = copy_head(u->copy, &r->space, &r->head);
	if (err == 0)
		err = copy_shared(u->copy, &r->space, m->points, m->n_points, &shared);
	if (err == ERR_MISSING) {
		uplink_end(u, WIRE__REASON__DAMAGED,
			   "the server knows less than this copy, which can't hand in what it "
			   "lacks. Nothing was changed here; tell the administrator of the area");
		return 0;
	}
	if (err < 0)
		return err;
	r->open = true;
	r->next = shared + 1;
	log_warn("uplink.recalled", "shared=%" PRIu64 " number=%" PRIu64, shared, r->head.number);
	return recover_note(u, "the server was set back to an earlier state, and this computer has"
			       " handed in what it lacked. Nothing was lost");
}

struct run_frame {
	struct uplink *u;
	Wire__Run m;
	Wire__Entry **list;
	size_t size;
};

/* What has no body here goes without: the server takes the rest. */
static bool run_add(void *arg, const struct stored_entry *stored)
{
	struct run_frame *f = arg;
	struct arena *arena = &f->u->arena;
	size_t size = stored->header.len + stored->salt.len + stored->body.len;

	if (stored->number > f->u->recover.head.number || f->m.n_entries == RUN_ENTRIES ||
	    (f->m.n_entries && f->size + size > RUN_FRAME))
		return false;
	Wire__Entry *e = f->list[f->m.n_entries++] = arena_alloc(arena, sizeof(*e));
	wire__entry__init(e);
	struct bytes kept[] = {
		arena_copy(arena, stored->header), arena_copy(arena, stored->salt),
		arena_copy(arena, stored->body), arena_copy(arena, stored->sealed)};
	e->header = (ProtobufCBinaryData)PB_BYTES(kept[0]);
	e->salt = (ProtobufCBinaryData)PB_BYTES(kept[1]);
	e->has_body = stored->body.len > 0;
	e->body = (ProtobufCBinaryData)PB_BYTES(kept[2]);
	e->has_sealed = !e->has_body;
	e->sealed = (ProtobufCBinaryData)PB_BYTES(kept[3]);
	f->size += size;
	return true;
}

/* One frame of the run. 0 or an error. */
static int run_send(struct uplink *u)
{
	struct recover *r = &u->recover;
	struct run_frame f = {.u = u};
	Wire__Head head = WIRE__HEAD__INIT;

	wire__run__init(&f.m);
	arena_reset(&u->arena);
	f.m.entries = f.list = arena_alloc(&u->arena, RUN_ENTRIES * sizeof(*f.list));
	int err = copy_journal(u->copy, &r->space, r->next, run_add, &f);
	if (err < 0)
		return err;
	head.epoch = r->head.epoch;
	head.number = r->head.number;
	head.chain = PB_BYTES(BYTES(r->head.chain, SHA256_LEN));
	head.signature = PB_BYTES(BYTES(r->head.signature, sizeof(r->head.signature)));
	f.m.space = PB_ID(&r->space);
	f.m.head = &head;
	f.m.from = r->next;
	r->next += f.m.n_entries;
	r->open = f.m.n_entries && r->next <= r->head.number;
	f.m.has_more = true;
	f.m.more = r->open;
	link_send(u->link, WIRE__KIND__RUN, &f.m.base, BYTES_NONE);
	arena_reset(&u->arena);
	return 0;
}

int recover_send(struct uplink *u)
{
	int err = 0;

	while (err == 0 && u->recover.open && u->state != UPLINK_ENDED &&
	       u->link->ops->queued(u->link) < RUN_QUEUED)
		err = run_send(u);
	return err;
}

/* ---- Going back ----------------------------------------------------------------------------- */

int recover_on_rewind(struct uplink *u, const Wire__Rewind *m)
{
	struct cause cause = {""};
	struct id space;

	if (u->state != UPLINK_OPENING || !id_from(&space, BYTES_OF(m->space))) {
		uplink_end(u, WIRE__REASON__PROTOCOL,
			   "the server has this copy go back when it should not");
		return 0;
	}
	int err = copy_rewind(u->copy, &space, m->head, &cause);
	if (err == ERR_CORRUPT && cause.words[0]) {
		uplink_end(u, WIRE__REASON__DAMAGED, cause.words);
		return 0;
	}
	u->batch_ms = 0;
	if (err == 1) {
		uplink_again(u, "the server was set back to an earlier state: what this computer "
				"has of it comes anew");
		return 0;
	}
	if (err < 0)
		return err;
	return recover_note(u, "the server was set back to an earlier state, and others had gone on"
			       " with it. What this computer had was entered there again: "
			       "nothing was lost, and what does not go together shows as two "
			       "versions");
}

/* ---- Documents that the server lost --------------------------------------------------------- */

void recover_on_lacking(struct uplink *u, const Wire__Lacking *m)
{
	for (size_t i = 0; i < m->n_contents; i++)
		if (m->contents[i].len == SHA256_LEN &&
		    !hashes_find(&u->recover.told, m->contents[i].data) &&
		    contents_has(u->copy, m->contents[i].data, NULL) > 0) {
			hashes_put(&u->recover.told, m->contents[i].data, 1);
			buf_add_bytes(&u->recover.lacking, BYTES_OF(m->contents[i]));
		}
}

bool recover_content_wanted(struct uplink *u, uint8_t content[SHA256_LEN])
{
	struct buf *b = &u->recover.lacking;

	if (b->len == 0)
		return false;
	b->len -= SHA256_LEN;
	memcpy(content, b->data + b->len, SHA256_LEN);
	return true;
}

bool recover_quiet(const struct uplink *u)
{
	return !u->recover.open && u->recover.lacking.len == 0;
}

void recover_fini(struct uplink *u)
{
	buf_fini(&u->recover.lacking);
	hashes_fini(&u->recover.told);
}
