/* Making a world from a seed, letting time pass in it, and what everybody in it knows. */
#include "tests/sim/world.h"

#include "common/os.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Clocks and dice ------------------------------------------------------------------------ */

/* Each Hello says the program's version, and longer frames take longer: so that a seed is the same world
 * on every commit, it is the same here, and as long as a commit's name. */
const char *__wrap_program_version(void);

const char *__wrap_program_version(void)
{
	return "in-test";
}

static uint64_t machine_now_ms(void *arg)
{
	const struct machine *m = arg;
	return (uint64_t)(1790000000000 + m->offset_ms) + m->world->queue.now_us / 1000;
}

static void machine_random(void *arg, uint8_t *out, size_t n)
{
	struct machine *m = arg;
	dice_fill(&m->dice, out, n);
}

void machine_init(struct machine *m, struct world *w, uint64_t part)
{
	*m = (struct machine){.env = {machine_now_ms, machine_random, m},
			      .world = w,
			      .dice = dice_fork(w->seed, part)};
}

/* ---- What is known -------------------------------------------------------------------------- */

void world_fail(struct world *w, const char *format, ...)
{
	va_list ap;
	if (w->failed)
		return;
	w->failed = true;
	va_start(ap, format);
	vsnprintf(w->fault, sizeof(w->fault), format, ap);
	va_end(ap);
	trace_line(&w->trace, "FAULT: %s", w->fault);
}

struct place *world_place(struct world *w, const struct id *space)
{
	for (size_t i = 0; i < w->n_places; i++)
		if (id_equal(&w->places[i].id, space))
			return &w->places[i];
	return NULL;
}

struct place *world_place_add(struct world *w, const struct id *space, Records__SpaceKind kind)
{
	struct place *p = world_place(w, space);
	if (p)
		return p;
	must(w->n_places < WORLD_PLACES);
	p = &w->places[w->n_places++];
	*p = (struct place){.id = *space, .kind = kind};
	w->rights_moved = true;
	return p;
}

void world_know(struct world *w, const struct id *id, const struct id *space, uint32_t type,
		bool guarded)
{
	if (w->n_known == w->cap_known) {
		w->cap_known = w->cap_known ? 2 * w->cap_known : 256;
		w->known = mem_resize(w->known, w->cap_known * sizeof(*w->known));
	}
	w->known[w->n_known++] = (struct known){*id, *space, type, guarded};
}

struct made *world_made(const struct world *w, const struct id *change)
{
	return idmap_get(&w->by_change, change);
}

struct made *world_make(struct world *w, const struct device *by, const struct id *change,
			const struct id *space, struct bytes bytes)
{
	struct made *m = arena_alloc(&w->arena, sizeof(*m));
	*m = (struct made){.id = *change,
			   .space = *space,
			   .device = by->id,
			   .bytes = arena_copy(&w->arena, bytes),
			   .by = by->number};
	if (w->n_made == w->cap_made) {
		w->cap_made = w->cap_made ? 2 * w->cap_made : 256;
		w->made = mem_resize(w->made, w->cap_made * sizeof(struct made *));
	}
	w->made[w->n_made++] = m;
	idmap_put(&w->by_change, change, m);
	return m;
}

static struct bytes world_made_bytes(void *arg, const struct id *change, struct id *device)
{
	const struct made *m = world_made(arg, change);
	if (!m)
		return BYTES_NONE;
	*device = m->device;
	return m->bytes;
}

struct device *world_device(struct world *w, unsigned number)
{
	if (number == WORLD_WITNESS)
		return &w->witness;
	return number == WORLD_HOSTILE ? &w->hostile : &w->devices[number];
}

bool world_is_one(struct world *w, unsigned one, unsigned other)
{
	return one == other || (one < WORLD_NUMBERS && id_equal(&world_device(w, one)->id, &world_device(w, other)->id));
}

bool world_is_entered(const struct world *w, const struct id *change)
{
	bool found = book_entry(&w->book, change) != NULL;
	for (unsigned i = 0; i < w->n_devices && !found; i++) {
		const struct device *d = &w->devices[i];
		if (!d->copy || d->revoked)
			continue;
		struct db_stmt *st =
			db_query(copy_db(d->copy), "SELECT 1 FROM entry_change WHERE change = $1", "d", change);
		found = db_step(st) == 1;
		if (found)
			db_reset(st);
	}
	return found;
}

/* ---- Time ----------------------------------------------------------------------------------- */

void world_run(struct world *w, uint64_t us)
{
	uint64_t until = w->queue.now_us + us;
	while (!w->failed && queue_step(&w->queue, until))
		;
	if (w->queue.now_us < until)
		w->queue.now_us = until;
}

static bool world_quiet(const struct world *w)
{
	if (!w->host.area || w->host.turn_planned || !net_is_idle(&w->net))
		return false;
	for (unsigned i = 0; i < w->n_devices; i++) {
		const struct device *d = &w->devices[i];
		if (d->enrolled && d->online && !d->revoked &&
		    (!device_quiet(d) || d->turn_planned))
			return false;
	}
	return true;
}

bool world_settle(struct world *w, uint64_t us)
{
	uint64_t until = w->queue.now_us + us;
	while (!w->failed && w->queue.now_us < until) {
		world_run(w, 50000);
		if (world_quiet(w))
			return true;
	}
	return false;
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

static void world_found(struct world *w)
{
	struct area_options o = {.dir = w->host.dir, .vfs = "sim", .env = &w->host.machine.env};
	struct area_founding f = {.name = "5 Pits", .school = "Pilsley", .admin = "Founder"};
	struct cause cause = {""};
	uint8_t seed[32];

	dice_fill(&w->dice, seed, sizeof(seed));
	seal_make(&w->seal, seed);
	dice_fill(&w->dice, w->area.b, sizeof(w->area.b));
	w->area.b[6] = (uint8_t)((w->area.b[6] & 15) | 0x80); /* a UUID of version 8 */
	w->area.b[8] = (uint8_t)((w->area.b[8] & 0x3f) | 0x80);
	w->directory = id_directory(&w->area);
	w->partnership = id_partnership(&w->area);
	w->admin = id_admin(&w->area);
	book_init(&w->book, &w->area);
	w->book.made = world_made_bytes;
	w->book.stored = host_stored;
	w->book.on_line = host_on_line;
	w->book.arg = w;
	w->book.server = id_derive(&w->area, BYTES("server", 6));
	world_place_add(w, &w->directory, RECORDS__SPACE_KIND__DIRECTORY);
	world_place_add(w, &w->partnership, RECORDS__SPACE_KIND__PARTNERSHIP);
	world_place_add(w, &w->admin, RECORDS__SPACE_KIND__ADMIN);

	f.area = w->area;
	f.server_key = BYTES(seed, sizeof(seed));
	w->host.disk = disk_device(w->disk, w->host.dir);
	if (os_make_dir(w->host.dir, &cause) < 0 ||
	    area_found(&o, &f, &w->founder, &w->founder_school, &cause) < 0) {
		world_fail(w, "the area can't be founded: %s", cause.words);
		return;
	}
	host_start(w);
}

/* The witness hears everything from the first entry on; then the founder's laptop. */
static void world_enrol_first(struct world *w)
{
	device_init(w, &w->witness, WORLD_WITNESS);
	device_init(w, &w->hostile, WORLD_HOSTILE);
	if (!host_enrol(w, &w->witness, &w->founder, &w->founder_school) ||
	    !host_enrol(w, &w->devices[0], &w->founder, &w->founder_school)) {
		world_fail(w, "the founder can't be enrolled");
		return;
	}
	device_create(&w->devices[0]);
	w->devices[0].online = true;
	device_start(&w->devices[0]);
}

/* Mostly as few as it takes to differ; now and then all the schools of an area. */
static unsigned world_size(struct dice *d)
{
	unsigned kind = (unsigned)dice_below(d, 100);
	if (kind < 88)
		return (unsigned)dice_between(d, 2, 4);
	return kind < 98 ? (unsigned)dice_between(d, 5, 7) : WORLD_DEVICES;
}

void world_init(struct world *w, uint64_t seed, const struct image *blank, bool verbose)
{
	static const char *const roots[] = {"/dev/shm", "/tmp"};
	static const char *const leanings[LEANINGS] = {
		"a bit of everything", "many edits", "many rights given and taken", "many faults"};
	*w = (struct world){.seed = seed, .blank = blank, .dice = dice_fork(seed, 1)};
	w->n_devices = world_size(&w->dice);
	w->leaning = (enum leaning)(dice_chance(&w->dice, 50) ? 0 : dice_below(&w->dice, LEANINGS));
	snprintf(w->dir, sizeof(w->dir), "%s/fivepits-sim-%d", roots[access(roots[0], W_OK) != 0],
		 (int)getpid());
	snprintf(w->host.dir, sizeof(w->host.dir), "%s/server", w->dir);
	trace_init(&w->trace, &w->queue.now_us, &w->action, verbose);
	arena_init(&w->arena, ARENA_NO_BUDGET);
	net_init(&w->net, &w->queue, seed);
	w->disk = disk_new("sim", seed);
	machine_init(&w->host.machine, w, 2);
	for (unsigned i = 0; i < w->n_devices; i++)
		device_init(w, &w->devices[i], i);
	trace_line(&w->trace, "seed %" PRIu64 ": %u devices, %s", seed, w->n_devices, leanings[w->leaning]);
	world_found(w);
	if (!w->failed)
		world_enrol_first(w);
	if (!w->failed && !world_settle(w, 60000000))
		world_fail(w, "the first device does not become quiet");
	if (!w->failed)
		actions_setup(w);
}

static int world_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void world_fini(struct world *w)
{
	disk_stop(w->host.disk, DISK_CRASH);
	for (struct peer *p = w->host.peers, *next; p; p = next) {
		next = p->next;
		p->lost = true;
		if (w->host.area && p->session)
			session_lost(p->session);
	}
	for (unsigned i = 0; i < w->n_devices; i++) {
		struct device *d = &w->devices[i];
		if (d->disk)
			disk_stop(d->disk, DISK_CRASH);
		if (d->uplink)
			uplink_free(&d->uplink);
		if (d->copy)
			copy_close(&d->copy);
		image_free(&d->backup);
		image_free(&d->born);
	}
	if (w->host.area)
		area_close(&w->host.area);
	for (struct peer *p = w->host.peers, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	buf_fini(&w->host.sent);
	image_free(&w->host.backup);
	net_fini(&w->net);
	queue_fini(&w->queue);
	disk_free(&w->disk);
	book_fini(&w->book);
	trace_fini(&w->trace);
	idmap_fini(&w->by_change);
	buf_fini(&w->paper);
	free(w->known);
	free(w->made);
	arena_fini(&w->arena);
	nftw(w->dir, world_remove, 8, FTW_DEPTH | FTW_PHYS);
}
