/* The area: opened and closed, its turns as the loop sees them, and appointments that end by the
 * clock. */
#include "server/area.h"

#include "common/os.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/clock.h"
#include "server/journal_take.h"
#include "server/lane.h"
#include "server/own.h"
#include "server/quota.h"
#include "server/retention.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN_MS = 5 };

static const char server_schema[] = ""
#include "server_schema.h"
	;

/* ---- Opening and closing -------------------------------------------------------------------- */

struct area *area_new(const struct area_options *o)
{
	struct area *a = mem_alloc(sizeof(*a));

	a->options = *o;
	a->dir = mem_copy_text(o->dir);
	a->options.dir = a->dir;
	arena_init(&a->frame, FRAME_BUDGET);
	arena_init(&a->change, ARENA_NO_BUDGET);
	arena_init(&a->turn, ARENA_NO_BUDGET);
	return a;
}

int area_open_db(struct area *a, struct cause *cause)
{
	char *path = mem_format("%s/area.db", a->dir);
	int err = db_open(&a->db, path, a->options.read_only ? DB_READ : DB_SOLE, server_schema,
			  AREA_SCHEMA, a->options.vfs, cause);
	free(path);
	return err;
}

void area_set_id(struct area *a, const struct id *id)
{
	a->id = *id;
	a->directory = id_directory(id);
	a->admin = id_admin(id);
	a->server_device = id_derive(id, BYTES("server", 6));
}

static int area_load_id(struct area *a, struct cause *cause)
{
	struct buf value = {0};
	struct id id;
	int got = journal_setting(a->db, "area", &value);
	bool whole = got > 0 && id_from(&id, buf_bytes(&value));

	buf_fini(&value);
	if (got < 0)
		return cause_set(cause, got, "%s/area.db can't be read: %s", a->dir,
				 err_words(got));
	if (!whole)
		return cause_set(cause, ERR_MISSING, "there is no area in %s: make one with init",
				 a->dir);
	area_set_id(a, &id);
	return 0;
}

int area_load(struct area *a, struct cause *cause)
{
	int err = journal_open(&a->journal, a->db, &a->id, a->options.env);

	a->quota = quota_new(a);
	a->shelf = shelf_new(a);
	a->retention = retention_new(a);
	a->access = access_new(&a->id);
	if (err == 0)
		err = access_load(a->access, a->journal);
	if (err == 0)
		err = recovery_load(a);
	if (err == 0)
		err = held_load(a);
	a->told_generation = access_generation(a->access);
	if (err < 0)
		return cause_set(cause, err, "the area in %s can't be read: %s", a->dir,
				 err_words(err));
	return 0;
}

int area_open(struct area **out, const struct area_options *o, struct cause *cause)
{
	struct area *a = area_new(o);
	int err = area_open_db(a, cause);

	if (err == 0 && o->read_only)
		err = shelf_hold(a->dir, &a->hold, cause);
	if (err == 0 && o->read_only)
		err = db_read_begin(a->db);
	if (err == 0)
		err = area_load_id(a, cause);
	if (err == 0)
		err = area_load(a, cause);
	if (err == 0 && !o->read_only) {
		err = staged_clear(a->journal);
		if (err == 0 && o->set_back)
			err = recovery_begin(a, NULL);
		if (err == 0) {
			area_tick(a);
			err = area_turn(a);
		}
		if (err < 0)
			cause_set(cause, err, "the area in %s can't be written: %s", a->dir,
				  err_words(err));
		err = err < 0 ? err : 0;
	}
	if (err < 0)
		area_close(&a);
	*out = a;
	return err;
}

void area_close(struct area **area)
{
	struct area *a = *area;

	if (!a)
		return;
	for (size_t i = 0; i < a->n_sessions; i++)
		session_free(a->sessions[i]);
	free(a->sessions);
	free(a->answers);
	feed_cache_fini(&a->feed);
	shelf_free(&a->shelf);
	quota_free(&a->quota);
	retention_free(&a->retention);
	held_fini(a);
	journal_close(&a->journal);
	access_free(&a->access);
	if (a->db && a->options.read_only)
		db_read_end(a->db);
	db_close(&a->db);
	os_lock_close(&a->hold);
	arena_fini(&a->frame);
	arena_fini(&a->change);
	arena_fini(&a->turn);
	free(a->dir);
	free(a);
	*area = NULL;
}

const struct id *area_id(const struct area *a)
{
	return &a->id;
}

struct journal *area_journal(struct area *a)
{
	return a->journal;
}

size_t area_sessions(const struct area *a)
{
	return a->n_sessions;
}

void area_limit_sessions(struct area *a, size_t most)
{
	a->options.sessions = most;
}

/* ---- The turn, as the loop sees it ---------------------------------------------------------- */

static void area_reap(struct area *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n_sessions; i++) {
		if (a->sessions[i]->lost)
			session_free(a->sessions[i]);
		else
			a->sessions[kept++] = a->sessions[i];
	}
	a->n_sessions = kept;
}

/* End every appointment whose last day is past, by a clock that is to be believed: what somebody
 * may not read any more is dropped from their copies. */
static int area_end_overdue(struct area *a)
{
	Records__Appointment ended = RECORDS__APPOINTMENT__INIT;
	time_t now = (time_t)(env_now_ms(a->options.env) / 1000);
	struct id appointment;
	char day[sizeof("YYYY-MM-DD")];
	struct tm tm;
	int err = 0, good = 0;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	ended.has_ended = ended.ended = 1;
	for (size_t at = 0; err == 0 && access_overdue(a->access, day, &at, &appointment);) {
		if (!good && (good = clock_is_borne_out(a)) <= 0)
			return good; /* the next look asks again */
		struct own *o = own_new(a, &a->directory);
		err = own_set(o, TYPE_APPOINTMENT, &appointment, &ended.base);
		if (err == 0)
			err = own_enter(&o);
		else
			own_free(&o);
		err = err == ERR_INVALID ? 0 : err; /* the next look tries it again */
	}
	return err;
}

/* The server enters nothing of its own before it knows what it has. */
static bool area_must_wait(struct area *a)
{
	const struct space *directory = journal_space(a->journal, &a->directory);
	return a->recovery.on || (directory && directory->recovering);
}

static void area_end(struct area *a)
{
	if (a->failed || a->full || area_must_wait(a))
		return;
	int err = area_end_overdue(a);
	if (err < 0)
		turn_failed(a, err);
	a->ended_generation = access_generation(a->access);
}

void area_tick(struct area *a)
{
	area_end(a);
	retention_tick(a->retention);
	a->tidying = !a->options.read_only;
	/* An idle moment: better now than at somebody's commit. */
	if (!a->failed && !journal_is_dirty(a->journal) && !a->options.read_only)
		db_checkpoint(a->db, false);
}

int area_turn(struct area *a)
{
	/* A new appointment may be one that is past already. */
	if (access_generation(a->access) != a->ended_generation)
		area_end(a);
	int err = a->failed ? a->failed : recovery_turn(a);
	if (err == 0)
		err = turn_end(a);
	area_reap(a);
	if (err == 0 && a->dropped) {
		a->dropped = false;
		return 1;
	}
	return err;
}

bool area_is_busy(const struct area *a)
{
	return lane_is_busy(a);
}

uint64_t area_due_ms(const struct area *a)
{
	const uint64_t dues[] = {recovery_due_ms(a), a->lane_due_ms, a->give_due_ms};
	uint64_t first = 0;

	for (size_t i = 0; i < sizeof(dues) / sizeof(*dues); i++)
		if (dues[i] && (!first || dues[i] < first))
			first = dues[i];
	return first;
}

bool area_turn_due(const struct area *a)
{
	return a->began_ms && env_now_ms(a->options.env) - a->began_ms >= TURN_MS;
}

void area_stop(struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++)
		session_bye(a->sessions[i], WIRE__REASON__STOPPING, "the server is being stopped");
}

