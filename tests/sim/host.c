/*
 * The server's process: its area, a peer for each line, and the turn. What it sends is kept until
 * the turn has ended, so that the oracle sees all of a turn at once.
 */
#include "tests/sim/world.h"

#include "server/journal.h"

#include <stdlib.h>
#include <string.h>

static void host_turn(void *arg, uint64_t life);

/* ---- Lines ---------------------------------------------------------------------------------- */

/* Nothing that promises anything may leave before the turn has ended. */
static bool is_promise(unsigned kind)
{
	return kind == WIRE__KIND__VERDICTS || kind == WIRE__KIND__FEED ||
	       kind == WIRE__KIND__GRANTED || kind == WIRE__KIND__LOST ||
	       kind == WIRE__KIND__ENROLLED;
}

static void peer_look(struct peer *p, struct bytes frames)
{
	struct world *w = p->world;

	for (struct bytes rest = frames; rest.len;) {
		struct frame f;
		size_t size;
		if (frame_parse(rest, &f, &size) <= 0) {
			world_fail(w, "the server sent what is no frame");
			return;
		}
		if (f.kind == WIRE__KIND__BYE && f.message.len > 4)
			trace_line(&w->trace, "server tells c%u Bye: %.*s", p->number,
				   (int)f.message.len - 4, (const char *)f.message.data + 4);
		if (is_promise(f.kind) && !w->host.in_turn)
			world_fail(w, "the server sent a frame of kind %u before the turn's end",
				   f.kind);
		buf_add_u32be(&w->host.sent, p->number);
		buf_add_u32be(&w->host.sent, (uint32_t)size);
		buf_add(&w->host.sent, rest.data, size);
		rest = BYTES(rest.data + size, rest.len - size);
	}
	trace_bytes(&w->trace, frames);
}

static void peer_send(struct link *link, struct bytes frames, struct bytes raw)
{
	struct peer *p = (struct peer *)link;
	struct buf whole = {0};

	if (disk_stopped(p->world->host.disk) || p->lost)
		return; /* the process has ended in the middle of what it does */
	buf_add_bytes(&whole, frames);
	buf_add_bytes(&whole, raw);
	peer_look(p, buf_bytes(&whole));
	if (p->end)
		net_link(p->end)->ops->send(net_link(p->end), buf_bytes(&whole), BYTES_NONE);
	buf_fini(&whole);
}

static size_t peer_queued(const struct link *link)
{
	const struct peer *p = (const struct peer *)link;
	return p->end ? net_link(p->end)->ops->queued(net_link(p->end)) : 0;
}

static void peer_pause(struct link *link, bool paused)
{
	struct peer *p = (struct peer *)link;
	if (p->end)
		net_link(p->end)->ops->pause(net_link(p->end), paused);
}

static void peer_closed(void *arg)
{
	struct peer *p = arg;
	if (p->lost)
		return;
	p->lost = true;
	view_take(false);
	if (p->session)
		session_lost(p->session);
	p->session = NULL;
	if (host_lives(p->world))
		host_plan_turn(p->world);
}

static void peer_closed_event(void *arg, uint64_t tag)
{
	(void)tag;
	peer_closed(arg);
}

static void peer_close(struct link *link)
{
	struct peer *p = (struct peer *)link;
	if (p->closing)
		return;
	p->closing = true;
	if (p->end)
		net_link(p->end)->ops->close(net_link(p->end));
	else
		queue_in(&p->world->queue, 0, peer_closed_event, p, 0);
}

static const struct link_ops peer_ops = {peer_send, peer_queued, peer_pause, peer_close};

static void peer_frame(void *arg, const struct frame *f)
{
	struct peer *p = arg;
	if (!p->session || p->lost)
		return;
	struct host *h = &p->world->host;
	view_take(false);
	/* These end the turn before they are answered. */
	h->in_turn = f->kind == WIRE__KIND__HELLO || f->kind == WIRE__KIND__RUN;
	bool forged = p->number == WORLD_HOSTILE && f->kind == WIRE__KIND__RUN;
	uint64_t mark = forged ? oracle_mark(p->world) : 0;
	session_frame(p->session, f);
	h->in_turn = false;
	if (!host_lives(p->world))
		return;
	if (forged && oracle_mark(p->world) != mark)
		world_fail(p->world, "a forged offer changed something");
	if (h->sent.len)
		oracle_turn(p->world);
	if (area_turn_due(p->world->host.area))
		host_turn(p->world, p->world->host.life);
	else
		host_plan_turn(p->world);
}

static void peer_garbage(void *arg, int err)
{
	struct peer *p = arg;
	(void)err;
	link_bye(&p->link, WIRE__REASON__TOO_BIG, "That is no frame.");
}

static void peer_drained(void *arg)
{
	struct peer *p = arg;
	if (!p->session)
		return;
	view_take(false);
	session_drained(p->session);
	if (host_lives(p->world))
		host_plan_turn(p->world);
}

static struct peer *peer_new(struct world *w, unsigned number, struct net_end *end)
{
	struct peer *p = mem_alloc(sizeof(*p));
	p->link.ops = &peer_ops;
	p->world = w;
	p->number = number;
	p->end = end;
	p->next = w->host.peers;
	w->host.peers = p;
	return p;
}

static void peer_accept(void *arg, uint64_t life)
{
	struct peer *p = arg;
	struct world *w = p->world;
	if (!w->host.area || w->host.life != life || p->lost || p->closing ||
	    !net_is_open(p->end)) {
		if (!p->lost)
			net_abandon(p->end, NET_RESET);
		p->lost = true;
		return;
	}
	net_own(p->end,
		&(struct net_owner){peer_frame, peer_garbage, peer_drained, peer_closed, p});
	view_take(false);
	p->session = session_open(w->host.area, &p->link, &world_device(w, p->number)->id);
	if (host_lives(w))
		host_plan_turn(w);
}

struct net_end *host_dial(struct world *w, unsigned number, const struct net_speed *speed)
{
	struct net_end *ends[2];
	net_connect(&w->net, speed, ends);
	struct peer *p = peer_new(w, number, ends[1]);
	queue_in(&w->queue, speed->delay_us, peer_accept, p, w->host.life);
	return ends[0];
}

/* ---- The witness: an administrator's device without delay, whose frames only the book reads ---
 */

static void witness_hello(struct world *w)
{
	Wire__Hello hello = WIRE__HELLO__INIT;
	struct buf b = {0};
	struct arena arena;
	arena_init(&arena, ARENA_NO_BUDGET);
	struct peer *p = peer_new(w, WORLD_WITNESS, NULL);
	w->witness_peer = p;
	p->session = session_open(w->host.area, &p->link, &w->witness.id);
	if (!p->session) {
		if (host_lives(w))
			world_fail(w, "the witness was turned away");
		arena_fini(&arena);
		return;
	}
	hello.version = WIRE_VERSION;
	hello.area = PB_ID(&w->area);
	hello.held = arena_alloc(&arena, (w->book.n_spaces + 1) * sizeof(*hello.held));
	/* After a server was set back it wants to hear everything from the beginning. */
	for (size_t i = 0; i < w->book.n_spaces && !w->book.set_back; i++) {
		const struct book_space *s = w->book.spaces[i];
		if (rights_of(&w->book, &w->witness.id, &s->id) == RIGHT_NONE)
			continue;
		Wire__At *at = arena_alloc(&arena, sizeof(*at));
		wire__at__init(at);
		at->space = PB_ID(&s->id);
		at->epoch = s->epoch;
		at->number = s->n;
		at->has_chain = true;
		at->chain = PB_BYTES(BYTES(s->entries[s->n - 1]->chain, SHA256_LEN));
		hello.held[hello.n_held++] = at;
	}
	frame_write(&b, WIRE__KIND__HELLO, &hello.base, BYTES_NONE);
	struct frame f;
	size_t size;
	must(frame_parse(buf_bytes(&b), &f, &size) == 1);
	peer_frame(p, &f);
	buf_fini(&b);
	arena_fini(&arena);
}

static void witness_return(void *arg, uint64_t life)
{
	struct world *w = arg;
	if (!w->host.area || w->host.life != life)
		return;
	w->host.witness_away = w->host.starving;
	if (w->host.starving)
		queue_in(&w->queue, 1000000, witness_return, w, life);
	else
		witness_hello(w);
}

/* ---- The process ---------------------------------------------------------------------------- */

static void host_sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	seal_sign(arg, statement, signature);
}

static struct area_options host_options(struct world *w)
{
	return (struct area_options){.dir = w->host.dir,
				     .vfs = "sim",
				     .env = &w->host.machine.env,
				     .sign = host_sign,
				     .sign_arg = &w->seal,
				     .address = "sim:1",
				     .set_back = w->host.told,
				     /* Mostly a new copy gets next to nothing whole. */
				     .whole_below = w->seed % 4 ? 1 + w->seed % 7 : 0};
}

struct looking {
	struct arena *arena;
	Wire__Entry *out;
	bool found;
};

static bool stored_row(void *arg, const struct entry *e)
{
	struct looking *l = arg;
	struct bytes kept[] = {arena_copy(l->arena, e->header), arena_copy(l->arena, e->salt),
			       arena_copy(l->arena, e->body)};

	l->out->header = (ProtobufCBinaryData)PB_BYTES(kept[0]);
	l->out->salt = (ProtobufCBinaryData)PB_BYTES(kept[1]);
	l->out->has_body = true;
	l->out->body = (ProtobufCBinaryData)PB_BYTES(kept[2]);
	l->found = true;
	return false;
}

bool host_stored(void *arg, const struct id *space, uint64_t number, struct arena *arena,
		 Wire__Entry *out)
{
	struct world *w = arg;
	struct looking l = {arena, out, false};

	if (!w->host.area || disk_stopped(w->host.disk))
		return false;
	struct journal *j = area_journal(w->host.area);
	const struct space *s = journal_space(j, space);
	return s && number <= s->committed &&
	       journal_entries(j, s, number, number, stored_row, &l) >= 0 && l.found;
}

bool host_on_line(void *arg, const struct id *space, uint64_t epoch, uint64_t number, uint64_t *out)
{
	struct world *w = arg;

	if (!w->host.area || disk_stopped(w->host.disk))
		return false;
	struct journal *j = area_journal(w->host.area);
	const struct space *s = journal_space(j, space);
	return s && journal_on_line(j, s, epoch, number, out) == 0;
}

static void host_start_event(void *arg, uint64_t life)
{
	struct world *w = arg;
	if (!w->host.area && w->host.life == life)
		host_start(w);
}

/* The loop's timer; a recovery lasts its time. */
static void host_tick(void *arg, uint64_t life)
{
	struct world *w = arg;
	if (!w->host.area || w->host.life != life)
		return;
	view_take(false);
	area_tick(w->host.area);
	if (!host_lives(w))
		return;
	host_plan_turn(w);
	queue_in(&w->queue, 5000000, host_tick, w, life);
}

void host_start(struct world *w)
{
	struct area_options o = host_options(w);
	struct cause cause = {""};
	view_take(false);
	disk_start(w->host.disk);
	w->host.life++;
	int err = area_open(&w->host.area, &o, &cause);
	if (err < 0) {
		w->host.area = NULL;
		if (disk_stopped(w->host.disk))
			queue_in(&w->queue, 1000000, host_start_event, w, w->host.life);
		else if (!w->host.starving)
			world_fail(w, "the server does not start: %s", cause.words);
		return;
	}
	w->host.stopping = w->host.told = false;
	trace_line(&w->trace, "server starts");
	if (w->book.set_back)
		queue_in(&w->queue, 5000000, host_tick, w, w->host.life);
	if (!id_is_zero(&w->witness.id))
		witness_hello(w);
}

/* Take the process apart; what was sent in the turn that did not end is on its way all the same. */
static void host_take_apart(struct world *w)
{
	struct host *h = &w->host;
	view_take(false);
	oracle_turn(w);
	for (struct peer *p = h->peers; p; p = p->next) {
		if (p->lost)
			continue;
		p->lost = true;
		p->session = NULL;
		if (p->end)
			net_abandon(p->end, w->calm ? NET_RESET
						    : (enum net_cut)dice_below(&w->net.dice, 3));
	}
	w->witness_peer = NULL;
	h->witness_away = false;
	h->turn_planned = false;
	area_close(&h->area);
	h->area = NULL;
	h->life++;
	queue_in(&w->queue, dice_between(&h->machine.dice, 10000, 5000000), host_start_event, w,
		 h->life);
}

void host_stop(struct world *w, enum disk_end how)
{
	if (!w->host.area)
		return;
	trace_line(&w->trace, "server %s", how == DISK_CRASH ? "crashes" : "loses power");
	disk_stop(w->host.disk, how);
	host_take_apart(w);
}

bool host_lives(struct world *w)
{
	if (w->host.area && disk_stopped(w->host.disk)) {
		trace_line(&w->trace, "server ends in the middle of writing");
		host_take_apart(w);
	}
	return w->host.area != NULL;
}

void host_backup(struct world *w)
{
	struct host *h = &w->host;
	image_free(&h->backup);
	h->backup = image_take(h->disk, h->dir);
	for (size_t i = 0; i < WORLD_PLACES; i++) {
		const struct book_space *s = i < w->n_places ? book_space(&w->book, &w->places[i].id) : NULL;
		size_t size = s ? s->n * sizeof(*s->entries) : 0;
		h->backup_of[i].n = s ? s->n : 0;
		h->backup_of[i].epoch = s ? s->epoch : 1;
		h->backup_of[i].entries = arena_alloc(&w->arena, size);
		if (size)
			memcpy(h->backup_of[i].entries, s->entries, size);
	}
}

/* Does a copy hold entry `number` of the book, now that the server may have been on other lines? */
static bool host_is_held_by(struct world *w, struct device *d, const struct book_space *s, uint64_t number)
{
	struct past_entry e;
	struct arena arena;

	if (!w->book.set_back)
		return true;
	if (!d->copy)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	view_take(d->old);
	bool held = copy_entry(d->copy, &s->id, number, &arena, &e) == 1 &&
		    id_equal(&e.header.change, &s->entries[number - 1]->header.change);
	arena_fini(&arena);
	return held;
}

/* Who holds what the server is about to forget? */
static void host_note_holders(struct world *w, size_t place)
{
	const struct book_space *s = book_space(&w->book, &w->places[place].id);
	for (unsigned i = 0; s && i < w->n_devices; i++) {
		struct device *d = &w->devices[i];
		for (size_t k = 0; k < d->n_cursors && !d->revoked && w->now[i][place]; k++)
			for (uint64_t n = w->host.backup_of[place].n; id_equal(&d->cursors[k].space, &s->id) && n < s->n; n++) {
				struct made *m = world_made(w, &s->entries[n]->header.change);
				if (m && d->cursors[k].number > n && d->whole && host_is_held_by(w, d, s, n + 1))
					m->holders |= (uint16_t)(1u << i);
			}
	}
}

/* What the server has by now nobody need bring back, unless it is forgotten again. */
static void host_forget_holders(struct world *w)
{
	for (size_t i = 0; i < w->n_made; i++)
		if (book_entry(&w->book, &w->made[i]->id) || oracle_is_held(w, w->made[i], true))
			w->made[i]->holders = 0;
}

void host_set_back(struct world *w, bool told)
{
	struct host *h = &w->host;
	view_take(false);
	host_forget_holders(w);
	host_stop(w, DISK_CRASH);
	for (size_t i = 0; i < w->n_places; i++)
		host_note_holders(w, i);
	view_take(false);
	for (size_t i = 0; i < w->n_places; i++) {
		struct book_space *s = book_space(&w->book, &w->places[i].id);
		if (s)
			book_restore(&w->book, s, h->backup_of[i].entries, h->backup_of[i].n, h->backup_of[i].epoch);
	}
	w->book.set_back = true;
	image_lay(h->backup, h->disk, h->dir);
	h->told = told;
	w->rights_moved = true;
}

bool host_serve_all(struct world *w)
{
	struct id spaces[WORLD_PLACES];
	view_take(false);
	size_t n = w->host.area ? area_unserved(w->host.area, spaces, WORLD_PLACES) : 0;
	for (size_t i = 0; i < n && w->host.area; i++) {
		area_serve(w->host.area, &spaces[i]);
		if (host_lives(w))
			host_plan_turn(w);
	}
	return n > 0;
}

static void host_turn(void *arg, uint64_t life)
{
	struct world *w = arg;
	struct host *h = &w->host;
	if (!h->area || h->life != life)
		return;
	h->turn_planned = false;
	view_take(false);
	h->in_turn = true;
	int got = area_turn(h->area);
	h->in_turn = false;
	if (!host_lives(w))
		return;
	if (got < 0)
		world_fail(w, "the server's turn failed: %s", err_words(got));
	else if (got == 1 && !h->starved)
		world_fail(w, "the server says that its disk is full");
	h->starved = h->starving;
	oracle_turn(w);
	if (area_is_busy(h->area)) /* as the loop does */
		host_plan_turn(w);
	if (!w->witness_peer || !w->witness_peer->lost || h->stopping)
		return;
	if ((h->starving || w->book.set_back) && !h->witness_away) {
		h->witness_away = true;
		queue_in(&w->queue, 1000000, witness_return, w, h->life);
	} else if (got == 0 && !h->witness_away) {
		world_fail(w, "the server hung up on the witness");
	}
}

void host_plan_turn(struct world *w)
{
	struct host *h = &w->host;
	if (h->turn_planned || !h->area)
		return;
	h->turn_planned = true;
	queue_in(&w->queue, dice_below(&h->machine.dice, 3000), host_turn, w, h->life);
}

/* A turn at once, as the loop does when an invitation is to be answered. */
static bool host_turn_now(struct world *w)
{
	w->host.turn_planned = true;
	host_turn(w, w->host.life);
	return w->host.area != NULL;
}

bool host_enrol(struct world *w, struct device *d, const struct id *person, const struct id *school)
{
	struct id invitation, device;
	uint8_t verifier[32], key[91];
	uint64_t expires_ms;
	char label[32];

	if (!w->host.area)
		return false;
	view_take(false);
	dice_fill(&d->machine.dice, invitation.b, sizeof(invitation.b));
	dice_fill(&d->machine.dice, verifier, sizeof(verifier));
	dice_fill(&d->machine.dice, key, sizeof(key));
	snprintf(label, sizeof(label), "laptop %u", d->number);
	int err = area_invite(w->host.area, person, school, invitation.b, verifier, &expires_ms);
	if (!host_lives(w) || !host_turn_now(w))
		return false;
	if (err == 0)
		err =
		    area_enrol(w->host.area, invitation.b, BYTES(key, sizeof(key)), label, &device);
	if (!host_lives(w))
		return false;
	if (err < 0) {
		trace_line(&w->trace, "c%u is not enrolled: %s", d->number, err_words(err));
		return false;
	}
	d->id = device; /* known before the turn's feeds name it */
	d->person = *person;
	d->school = *school;
	if (!host_turn_now(w))
		return false;
	d->enrolled = true;
	struct id own = id_personal(&w->area, person);
	world_place_add(w, &own, RECORDS__SPACE_KIND__PERSONAL);
	world_know(w, &device, &w->directory, TYPE_DEVICE,
		   d->number >= WORLD_DEVICES || d->number == 0);
	trace_line(&w->trace, "c%u is enrolled", d->number);
	if (d->number == WORLD_WITNESS)
		witness_hello(w);
	return true;
}
