/*
 * A client's process: its copy, its uplink, and one person who saves drafts. A process may end at
 * any write; device_lives notices, and takes it apart.
 */
#include "tests/sim/model.h"
#include "tests/sim/world.h"

#include "common/os.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_US = 20 * 1000000 };

static void device_turn(void *arg, uint64_t life);
static void device_closed(void *arg);

void device_init(struct world *w, struct device *d, unsigned number)
{
	*d = (struct device){.world = w, .number = number};
	snprintf(d->home, sizeof(d->home), "%s/c%u", w->dir, number);
	machine_init(&d->machine, w, 100 + number);
}

void device_create(struct device *d)
{
	struct world *w = d->world;
	struct copy_identity identity = {.area = w->area, .device = d->id, .person = d->person};
	struct cause cause = {""};
	memcpy(identity.head_key, w->seal.key, sizeof(identity.head_key));
	snprintf(identity.address, sizeof(identity.address), "sim:1");
	d->disk = disk_device(w->disk, d->home);
	d->old = d->number > 0 && dice_chance(&d->machine.dice, 12);
	view_take(d->old);
	if (w->blank && !dice_chance(&d->machine.dice, 5)) {
		disk_stop(d->disk, DISK_CRASH);
		image_lay(w->blank, d->disk, d->home);
		disk_start(d->disk);
	}
	if (os_make_dir(d->home, &cause) < 0 || copy_create(d->home, &identity, "sim", &cause) < 0)
		world_fail(w, "c%u: no copy can be made: %s", d->number, cause.words);
	image_free(&d->born);
	d->born = image_take(d->disk, d->home);
}

/* ---- The ledger ----------------------------------------------------------------------------- */

/* Enter what is pending and not in the ledger yet; `may`: there may be such. */
static void device_note_made(struct device *d, bool may)
{
	struct pending p;
	int64_t seq = 0; /* all of them: numbers come again, and are moved by a recovery */
	int got;
	while ((got = copy_pending_next(d->copy, seq, &p)) > 0) {
		seq = p.seq;
		free(p.words);
		if (world_made(d->world, &p.change))
			continue;
		if (!may)
			world_fail(d->world, "c%u has a pending change that nobody made",
				   d->number);
		world_make(d->world, d, &p.change, &p.space, p.bytes)->doubted = d->doubt;
		d->world->saved++;
	}
	if (got < 0 && device_lives(d))
		world_fail(d->world, "c%u: its pending changes can't be read: %s", d->number,
			   err_words(got));
}

static void device_tell(struct device *d, const struct id *change, const char *what)
{
	const struct made *m = world_made(d->world, change);
	struct arena arena;
	struct change c;
	struct buf words = {0};
	arena_init(&arena, ARENA_NO_BUDGET);
	if (m && change_read(&c, m->bytes, &arena, NULL) == 0)
		narrate_change(&c, &words);
	trace_line(&d->world->trace, "c%u %s %s [%02x%02x]: %.*s", d->number, narrate_device(d), what,
		   change->b[14], change->b[15], (int)words.len, words.len ? (const char *)words.data : "");
	buf_fini(&words);
	arena_fini(&arena);
}

bool device_save(struct device *d, struct draft **draft, const char *what)
{
	struct id change = {{0}};
	struct cause cause = {""};
	int err = draft_save(draft, &change, &cause);
	if (!device_lives(d)) {
		d->doubt = true;
		return false;
	}
	if (err < 0) {
		trace_line(&d->world->trace, "c%u does not save (%s): %s", d->number, what,
			   cause.words);
		if (err != ERR_INVALID && err != ERR_FULL && err != ERR_MISSING &&
		    err != ERR_EXISTS && err != ERR_LIMIT)
			world_fail(d->world, "c%u: saving failed: %s (%s)", d->number, cause.words,
				   err_words(err));
		return false;
	}
	if (id_is_zero(&change))
		return false;
	device_note_made(d, true);
	for (size_t i = 0; i < d->world->n_made; i++) /* a save syncs all that was written before it */
		d->world->made[i]->doubted &= d->world->made[i]->by != d->number;
	if (!world_made(d->world, &change))
		world_fail(d->world, "c%u: a change was saved and is not pending", d->number);
	device_tell(d, &change, what);
	device_wake(d);
	return true;
}

/* What its copy shows of a change, by enum pending_state. */
static unsigned shown_fate(enum pending_state state)
{
	return state == PENDING_REFUSED ? FATE_REFUSED : state == PENDING_HELD ? FATE_HELD : FATE_PENDING;
}

/* Both: an author's copy that was cloned has the same changes twice. */
static void audit_pending(struct device *d, const struct pending *p, struct idmap *shown)
{
	static unsigned fates[] = {FATE_PENDING, FATE_REFUSED, FATE_HELD};
	struct world *w = d->world;
	const struct made *m = world_made(w, &p->change);
	if (!m || !id_equal(&m->device, &d->id))
		world_fail(w, "c%u has a pending change that it did not make", d->number);
	else if (!bytes_equal(m->bytes, p->bytes))
		world_fail(w, "c%u has a pending change that is not as it was made", d->number);
	for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
		if (fates[i] == shown_fate(p->state))
			idmap_put(shown, &p->change, &fates[i]);
}

/* One change that this device made. */
static void audit_made(struct device *d, struct made *m, const struct idmap *shown)
{
	struct world *w = d->world;
	const unsigned *fate = idmap_get(shown, &m->id);
	m->dropped |= (m->dropping || m->doubted) && !fate;
	m->dropping = false;
	if (w->book.set_back && !fate && (book_had(&w->book, &m->id) || world_is_entered(w, &m->id)))
		return; /* what became of it when the server was set back is judged in the end */
	unsigned fates = (fate ? *fate : 0) | (book_entry(&w->book, &m->id) ? FATE_ACCEPTED : 0) |
			 (m->dropped ? FATE_DROPPED : 0);
	if (fates == 0 && !oracle_hears(w))
		return;
	if ((fates == 0 || (fates & FATE_HELD)) && oracle_is_held(w, m, fates == 0))
		fates |= FATE_KEPT;
	if (fates == FATE_HELD && w->book.set_back && !w->quiet)
		return; /* the server may have forgotten it: its author sends it again before long */
	const char *wrong = model_conserve(fates, w->quiet && !d->revoked);
	if (wrong)
		world_fail(w, "change [%02x%02x] of c%u %s", m->id.b[14], m->id.b[15], d->number, wrong);
}

void device_audit(struct device *d)
{
	struct world *w = d->world;
	struct idmap shown = {0};
	struct pending p = {0};
	int64_t seq = 0;
	int got;
	while (!w->failed && (got = copy_pending_next(d->copy, seq, &p)) > 0) {
		seq = p.seq;
		audit_pending(d, &p, &shown);
		free(p.words);
	}
	for (size_t i = 0; i < w->n_made && !w->failed; i++)
		if (w->made[i]->by == d->number && id_equal(&w->made[i]->device, &d->id))
			audit_made(d, w->made[i], &shown);
	idmap_fini(&shown);
}

/* ---- The line ------------------------------------------------------------------------------- */

static void device_plan_turn(struct device *d, uint64_t delay_us)
{
	if (d->turn_planned || !d->uplink)
		return;
	d->turn_planned = true;
	queue_in(&d->world->queue, delay_us, device_turn, d, d->life);
}

void device_wake(struct device *d)
{
	if (!d->uplink)
		return;
	uplink_wake(d->uplink);
	if (!device_lives(d))
		return;
	d->patience_us = 20000;
	device_plan_turn(d, dice_below(&d->machine.dice, 2000));
}

static void cursor_forget(struct device *d, const struct id *space)
{
	for (size_t i = 0; i < d->world->n_made; i++)
		if (id_equal(&d->world->made[i]->space, space))
			d->world->made[i]->holders &= (uint16_t)~(1u << d->number);
	for (size_t i = 0; i < d->n_cursors; i++)
		if (id_equal(&d->cursors[i].space, space))
			d->cursors[i--] = d->cursors[--d->n_cursors];
}

/* A space that is lost may come back and then begins anew. */
static void device_heed(struct device *d, const struct frame *f)
{
	struct arena arena;
	struct id space;
	if (f->kind != WIRE__KIND__LOST && f->kind != WIRE__KIND__WELCOME)
		return;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (f->kind == WIRE__KIND__LOST) {
		const Wire__Lost *lost =
		    (Wire__Lost *)frame_unpack(f, &wire__lost__descriptor, &arena, NULL);
		if (lost && id_from(&space, BYTES_OF(lost->space)))
			cursor_forget(d, &space);
	} else {
		const Wire__Welcome *w =
		    (Wire__Welcome *)frame_unpack(f, &wire__welcome__descriptor, &arena, NULL);
		size_t n = d->n_cursors;
		struct cursor had[WORLD_PLACES];
		memcpy(had, d->cursors, n * sizeof(*had));
		d->n_cursors = 0;
		for (size_t i = 0; w && i < n; i++)
			for (size_t k = 0; k < w->n_spaces; k++)
				if (bytes_equal(BYTES_OF(w->spaces[k]->space),
						ID_BYTES(&had[i].space)))
					d->cursors[d->n_cursors++] = had[i];
	}
	arena_fini(&arena);
}

/* The loop's timer: an uplink looks after its line even when nothing comes. */
static void device_tick(void *arg, uint64_t life)
{
	struct device *d = arg;
	if (d->life != life || !d->uplink)
		return;
	view_take(d->old);
	device_wake(d);
	queue_in(&d->world->queue, TICK_US, device_tick, d, d->life);
}

static void device_frame(void *arg, const struct frame *f)
{
	struct device *d = arg;
	if (!d->uplink)
		return;
	view_take(d->old);
	device_heed(d, f);
	uplink_frame(d->uplink, f);
	if (!device_lives(d))
		return;
	d->patience_us = 20000;
	device_plan_turn(d, dice_below(&d->machine.dice, 2000));
}

static void device_garbage(void *arg, int err)
{
	struct device *d = arg;
	world_fail(d->world, "c%u heard what is no frame: %s", d->number, err_words(err));
}

static void device_drained(void *arg)
{
	struct device *d = arg;
	if (d->uplink && device_lives(d))
		device_plan_turn(d, 0);
}

/* Until it calls again: longer each time, as serve does, but from the beginning after each action. */
static uint64_t device_rest_us(struct device *d)
{
	const struct world *w = d->world;
	if (w->calm || d->failures_since != w->action)
		d->failures = 0;
	d->failures_since = w->action;
	uint64_t rest = dice_between(&d->machine.dice, 100000, 5000000) << d->failures;
	if (d->failures < 4)
		d->failures++;
	return rest;
}

/* The line is over, whoever ended it. */
static void device_line_over(struct device *d)
{
	view_take(d->old);
	if (d->uplink)
		uplink_free(&d->uplink);
	d->end = NULL;
	d->turn_planned = false;
	d->life++;
	d->dial_planned = false;
	if (device_lives(d))
		device_plan_dial(d, device_rest_us(d));
}

void device_hang_up(struct device *d, enum net_cut how)
{
	if (!d->end)
		return;
	net_abandon(d->end, how);
	device_line_over(d);
}

static struct net_speed device_speed(struct device *d)
{
	struct dice *dice = &d->machine.dice;
	struct net_speed s = {dice_between(dice, 200, 60000), 2000000, 50};
	if (d->world->calm)
		return s;
	if (dice_chance(dice, 10))
		s.delay_us = dice_between(dice, 100000, 3000000);
	if (dice_chance(dice, 20))
		s.bytes_per_s = dice_between(dice, 4000, 100000);
	return s;
}

void device_dial(struct device *d)
{
	struct world *w = d->world;
	if (!d->copy || d->end || !d->online || d->revoked || w->failed)
		return;
	if (!w->host.area) {
		device_plan_dial(d, 1000000);
		return;
	}
	struct net_speed speed = device_speed(d);
	view_take(d->old);
	d->end = host_dial(w, d->number, &speed);
	net_own(d->end, &(struct net_owner){device_frame, device_garbage, device_drained,
					    device_closed, d});
	d->patience_us = 20000;
	d->uplink = uplink_new(d->copy, net_link(d->end));
	trace_line(&w->trace, "c%u dials", d->number);
	if (!device_lives(d))
		return;
	device_plan_turn(d, 0);
	queue_in(&w->queue, TICK_US, device_tick, d, d->life);
}

static void device_dial_event(void *arg, uint64_t life)
{
	struct device *d = arg;
	if (d->life != life)
		return;
	d->dial_planned = false;
	device_dial(d);
}

void device_plan_dial(struct device *d, uint64_t delay_us)
{
	if (d->dial_planned || d->end || !d->copy)
		return;
	d->dial_planned = true;
	queue_in(&d->world->queue, delay_us, device_dial_event, d, d->life);
}

static void device_closed(void *arg)
{
	struct device *d = arg;
	struct net_end *end = d->end;
	/* What came before the end, such as a Bye, is still to be heard. */
	device_turn(d, d->life);
	if (d->end == end)
		device_line_over(d);
}

/* Cursors only ever rise while a space is held. */
static void device_check_cursors(struct device *d)
{
	struct held *held;
	struct cursor now[WORLD_PLACES];
	int n = copy_spaces(d->copy, &held);
	if (n < 0)
		return;
	size_t kept = 0;
	for (int i = 0; i < n && kept < WORLD_PLACES; i++) {
		if (held[i].state != HELD_OPEN)
			continue;
		for (size_t k = 0; k < d->n_cursors; k++)
			if (id_equal(&d->cursors[k].space, &held[i].id) &&
			    held[i].epoch == d->cursors[k].epoch &&
			    held[i].number < d->cursors[k].number)
				world_fail(d->world,
					   "c%u: a cursor went back from %" PRIu64 " to %" PRIu64,
					   d->number, d->cursors[k].number, held[i].number);
		now[kept++] = (struct cursor){held[i].id, held[i].number, held[i].epoch};
	}
	memcpy(d->cursors, now, kept * sizeof(*now));
	d->n_cursors = kept;
	struct incomplete left;
	if (copy_incomplete(d->copy, NULL, &left) == 0)
		d->whole = left.bodies == 0;
	free(held);
}

/* The uplink has come to its end: is that how it should be? */
static void device_ended(struct device *d)
{
	struct world *w = d->world;
	Wire__Reason reason = uplink_reason(d->uplink);
	trace_line(&w->trace, "c%u is told Bye: %s", d->number, uplink_words(d->uplink));
	switch (reason) {
	case WIRE__REASON__REVOKED:
	case WIRE__REASON__NOT_ALLOWED:
		d->revoked = true;
		break;
	case WIRE__REASON__REPLACED:
	case WIRE__REASON__STOPPING:
	case WIRE__REASON__RECOVERING:
	case WIRE__REASON__BUSY:
	case WIRE__REASON__IDLE:
	case WIRE__REASON__DONE:
		break;
	default:
		world_fail(w, "c%u was told Bye (%d): %s", d->number, (int)reason,
			   uplink_words(d->uplink));
	}
	net_link(d->end)->ops->close(net_link(d->end));
	net_own(d->end, NULL);
	device_line_over(d);
}

static void device_turn(void *arg, uint64_t life)
{
	struct device *d = arg;
	struct world *w = d->world;
	if (d->life != life || !d->uplink)
		return;
	view_take(d->old);
	d->turn_planned = false;
	int err = uplink_turn(d->uplink);
	if (!device_lives(d))
		return;
	if (err < 0) {
		trace_line(&w->trace, "c%u: its turn failed: %s, %s", d->number, err_words(err),
			   uplink_words(d->uplink));
		if (err != ERR_FULL)
			world_fail(w, "c%u: its turn failed: %s, %s", d->number, err_words(err),
				   uplink_words(d->uplink));
		net_link(d->end)->ops->close(net_link(d->end));
		net_own(d->end, NULL);
		device_line_over(d);
		return;
	}
	device_check_cursors(d);
	if (uplink_state(d->uplink) == UPLINK_ENDED) {
		device_ended(d);
	} else if (!uplink_quiet(d->uplink)) {
		d->patience_us = d->patience_us < 3000000 ? 2 * d->patience_us : d->patience_us;
		device_plan_turn(d, d->patience_us);
	}
}

bool device_quiet(const struct device *d)
{
	return d->copy && d->uplink && uplink_state(d->uplink) == UPLINK_READY &&
	       uplink_quiet(d->uplink);
}

/* ---- The process ---------------------------------------------------------------------------- */

static void device_start_event(void *arg, uint64_t life)
{
	struct device *d = arg;
	if (d->life == life && !d->copy)
		device_start(d);
}

void device_start(struct device *d)
{
	struct world *w = d->world;
	struct cause cause = {""};
	view_take(d->old);
	disk_start(d->disk);
	d->life++;
	int err = copy_open(&d->copy, d->home, "sim", &d->machine.env, &cause);
	if (err < 0) {
		d->copy = NULL;
		if (!disk_stopped(d->disk) && err != ERR_FULL)
			world_fail(w, "c%u: its copy can't be opened: %s", d->number, cause.words);
		queue_in(&w->queue, w->calm ? 1000000 : 60000000, device_start_event, d, d->life);
		return;
	}
	device_note_made(d, d->doubt);
	d->doubt = false;
	if (d->copy)
		device_audit(d);
	if (d->online)
		device_plan_dial(d, dice_below(&d->machine.dice, 1000000));
}

static void device_take_apart(struct device *d)
{
	struct world *w = d->world;
	view_take(d->old);
	if (d->end)
		net_abandon(d->end,
			    w->calm ? NET_RESET : (enum net_cut)dice_below(&w->net.dice, 3));
	d->end = NULL;
	if (d->uplink)
		uplink_free(&d->uplink);
	copy_close(&d->copy);
	d->copy = NULL;
	d->littered = true;
	d->turn_planned = d->dial_planned = false;
	d->n_reads = 0;
	d->life++;
	queue_in(&w->queue, dice_between(&d->machine.dice, 10000, 20000000), device_start_event, d,
		 d->life);
}

void device_stop(struct device *d, enum disk_end how)
{
	if (!d->copy)
		return;
	trace_line(&d->world->trace, "c%u %s", d->number,
		   how == DISK_CRASH ? "crashes" : "loses power");
	disk_stop(d->disk, how);
	device_take_apart(d);
}

void device_upgrade(struct device *d)
{
	trace_line(&d->world->trace, "c%u gets a newer program", d->number);
	d->old = false;
	d->upgraded = true;
}

void device_backup(struct device *d)
{
	image_free(&d->backup);
	d->backup = image_take(d->disk, d->home);
}

void device_restore(struct device *d)
{
	struct world *w = d->world;
	if (d->copy)
		device_stop(d, DISK_CRASH);
	/* In some worlds nobody kept more of it than how it began. */
	image_lay(w->seed % 3 || !d->born ? d->backup : d->born, d->disk, d->home);
	d->n_cursors = 0;
	for (size_t i = 0; i < w->n_made; i++)
		w->made[i]->holders &= (uint16_t)~(1u << d->number);
	for (size_t i = 0; i < w->n_made; i++)
		if (w->made[i]->by == d->number && !book_entry(&w->book, &w->made[i]->id))
			w->made[i]->dropping = true;
}

bool device_lives(struct device *d)
{
	if (d->copy && disk_stopped(d->disk)) {
		trace_line(&d->world->trace, "c%u ends in the middle of writing", d->number);
		device_take_apart(d);
	}
	return d->copy != NULL;
}
