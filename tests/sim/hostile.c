/*
 * A modified client: a device that is enrolled like any other, and sends what no honest one would.
 * It may be refused, told Bye, or ignored; nobody else must notice. What of it could be accepted
 * stands in the ledger, so that the book can tell what the server should never have taken.
 */
#include "tests/sim/world.h"

#include "common/fields.h"

#include <stdlib.h>
#include <string.h>

struct line {
	struct world *world;
	struct net_end *end;
};

static void ignore_frame(void *arg, const struct frame *f)
{
	(void)arg;
	(void)f;
}

static void ignore_error(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void ignore(void *arg)
{
	(void)arg;
}

static void send(struct line *l, struct bytes b)
{
	net_link(l->end)->ops->send(net_link(l->end), b, BYTES_NONE);
}

static void say_hello(struct line *l)
{
	Wire__Hello hello = WIRE__HELLO__INIT;
	hello.version = dice_chance(&l->world->dice, 5) ? 99 : WIRE_VERSION;
	hello.area = PB_ID(&l->world->area);
	link_send(net_link(l->end), WIRE__KIND__HELLO, &hello.base, BYTES_NONE);
}

static void push(struct line *l, struct bytes change)
{
	Wire__Push m = WIRE__PUSH__INIT;
	ProtobufCBinaryData one = PB_BYTES(change);
	m.n_changes = 1;
	m.changes = &one;
	link_send(net_link(l->end), WIRE__KIND__PUSH, &m.base, BYTES_NONE);
}

/* ---- Changes that no honest client makes ---------------------------------------------------- */

enum forgery {
	FORGE_FOREIGN_SPACE, /* wherever it likes */
	FORGE_SEEN_AHEAD,
	FORGE_AFTER_NOTHING,
	FORGE_CONFLICT, /* a record that only outcomes write */
	FORGE_RIGHTS,	/* an appointment as administrator, for itself */
	FORGE_BASES,	/* bases that were never there */
	FORGE_NO_TYPE,
	FORGE_OTHERS_ID, /* a change id that was accepted from somebody else */
	FORGERIES,
};

static uint32_t forged_type(enum forgery how)
{
	return how == FORGE_CONFLICT  ? TYPE_CONFLICT
	       : how == FORGE_RIGHTS  ? TYPE_APPOINTMENT
	       : how == FORGE_NO_TYPE ? 4711
				      : TYPE_NOTE;
}

static void forged_fields(struct world *w, enum forgery how, const struct id *space,
			  struct buf *set)
{
	const struct schema_type *note = schema_type(TYPE_NOTE);
	if (how == FORGE_RIGHTS) {
		field_add_bytes(set, 1, ID_BYTES(&w->hostile.person));
		field_add_number(set, 2, RECORDS__ROLE__ADMINISTRATOR);
	} else if (how == FORGE_CONFLICT) {
		field_add_bytes(set, 1, ID_BYTES(space));
		field_add_number(set, 7, 2);
	} else {
		value_make(w, WORLD_HOSTILE, note, 3, space, set);
	}
}

static void forge(struct line *l, enum forgery how)
{
	struct world *w = l->world;
	struct dice *d = &w->dice;
	struct buf set = {0}, bytes = {0};
	struct id space =
	    how == FORGE_RIGHTS ? w->directory : w->places[dice_below(d, w->n_places)].id;
	struct base base = {3, 0};
	struct edit edit = {.type = forged_type(how), .effect = {.existence = LIVE}};
	struct change c = {.space = space, .seen_epoch = 1, .edits = &edit, .n_edits = 1};

	c.id = id_make(&w->hostile.machine.env);
	edit.record = id_make(&w->hostile.machine.env);
	c.seen_number = dice_below(d, book_number(&w->book, &space) + 1);
	if (how == FORGE_SEEN_AHEAD)
		c.seen_number += 1000000;
	if (how == FORGE_AFTER_NOTHING)
		dice_fill(d, edit.after.b, sizeof(edit.after.b));
	if (how == FORGE_BASES && w->n_known) {
		const struct known *k = &w->known[dice_below(d, w->n_known)];
		if (k->type == TYPE_NOTE) {
			edit.effect.existence = -1;
			edit.record = k->id;
			c.space = space = k->space;
			c.seen_number = dice_below(d, book_number(&w->book, &space) + 1);
		}
	}
	if (how == FORGE_OTHERS_ID && w->n_made) {
		const struct made *m = w->made[dice_below(d, w->n_made)];
		if (book_entry(&w->book, &m->id))
			c.id = m->id;
	}
	forged_fields(w, how, &space, &set);
	edit.effect.set = buf_bytes(&set);
	base.field = (uint32_t)(set.len ? set.data[0] >> 3 : 3);
	edit.bases = &base;
	edit.n_bases = how == FORGE_RIGHTS || how == FORGE_CONFLICT ? 0 : 1;
	base.digest = how == FORGE_BASES ? dice_next(d) : base_digest(BYTES_NONE);
	change_write(&c, &bytes);
	if (!world_made(w, &c.id))
		world_make(w, &w->hostile, &c.id, &c.space, buf_bytes(&bytes))->hostile = true;
	push(l, buf_bytes(&bytes));
	buf_fini(&bytes);
	buf_fini(&set);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static void send_garbage(struct line *l)
{
	struct dice *d = &l->world->dice;
	uint8_t frame[FRAME_HEADER + 300];
	size_t n = dice_below(d, 300);
	dice_fill(d, frame, sizeof(frame));
	frame[0] = (uint8_t)dice_below(d, 50);
	write_u32be(frame + 4, 0);
	frame[1] = 0;
	frame[2] = (uint8_t)(n >> 8);
	frame[3] = (uint8_t)n;
	send(l, BYTES(frame, FRAME_HEADER + n));
}

static void send_too_long(struct line *l)
{
	static const uint8_t frame[FRAME_HEADER] = {WIRE__KIND__PUSH, 0xff, 0xff, 0xff, 0, 0, 0, 0};
	send(l, BYTES(frame, sizeof(frame)));
}

/* A change of somebody's, as it was, or with a byte or two turned. */
static void send_others(struct line *l)
{
	struct world *w = l->world;
	struct buf copy = {0};
	if (!w->n_made)
		return;
	const struct made *m = w->made[dice_below(&w->dice, w->n_made)];
	if (!book_entry(&w->book, &m->id))
		return;
	buf_add_bytes(&copy, m->bytes);
	for (unsigned i = (unsigned)dice_below(&w->dice, 3); i > 0 && copy.len > 20; i--)
		copy.data[dice_between(&w->dice, 19, copy.len - 1)] ^=
		    (uint8_t)(1 << dice_below(&w->dice, 8));
	push(l, buf_bytes(&copy));
	buf_fini(&copy);
}

static void ask_for_content(struct line *l)
{
	uint8_t content[32];
	dice_fill(&l->world->dice, content, sizeof(content));
	Wire__Get get = WIRE__GET__INIT;
	Wire__Offer offer = WIRE__OFFER__INIT;
	ProtobufCBinaryData name = PB_BYTES(BYTES(content, sizeof(content)));
	offer.root = offer.content = name;
	get.chunks = &name;
	get.n_chunks = 1;
	offer.bytes = dice_next(&l->world->dice);
	link_send(net_link(l->end), WIRE__KIND__GET, &get.base, BYTES_NONE);
	link_send(net_link(l->end), WIRE__KIND__OFFER, &offer.base, BYTES_NONE);
}

/* Words that only the server says. */
static void speak_as_server(struct line *l)
{
	Wire__Lost lost = WIRE__LOST__INIT;
	lost.space = PB_ID(&l->world->directory);
	link_send(net_link(l->end), WIRE__KIND__LOST, &lost.base, BYTES_NONE);
}

static void invite_itself(struct line *l)
{
	Wire__Invite m = WIRE__INVITE__INIT;
	uint8_t secret[48];
	dice_fill(&l->world->dice, secret, sizeof(secret));
	m.person = PB_ID(&l->world->founder);
	m.school = PB_ID(&l->world->founder_school);
	m.invitation = PB_BYTES(BYTES(secret, 16));
	m.verifier = PB_BYTES(BYTES(secret + 16, 32));
	link_send(net_link(l->end), WIRE__KIND__INVITE, &m.base, BYTES_NONE);
}

void hostile_act(struct world *w)
{
	static const struct net_speed speed = {1000, 1000000, 10};
	struct line l = {w, host_dial(w, WORLD_HOSTILE, &speed)};
	view_take(false);
	trace_line(&w->trace, "a hostile device dials");
	net_own(l.end, &(struct net_owner){ignore_frame, ignore_error, ignore, ignore, NULL});
	if (!dice_chance(&w->dice, 10))
		say_hello(&l);
	for (unsigned n = (unsigned)dice_between(&w->dice, 1, 8); n > 0; n--) {
		switch (dice_below(&w->dice, 10)) {
		case 0:
			send_garbage(&l);
			break;
		case 1:
			send_others(&l);
			break;
		case 2:
			ask_for_content(&l);
			break;
		case 3:
			speak_as_server(&l);
			break;
		case 4:
			invite_itself(&l);
			break;
		case 5:
			if (n == 1)
				send_too_long(&l);
			break;
		default:
			forge(&l, (enum forgery)dice_below(&w->dice, FORGERIES));
		}
	}
	net_link(l.end)->ops->close(net_link(l.end));
}
