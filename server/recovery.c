/*
 * The course of a recovery: begun by the first run that shows that the server was set back, or by
 * `fivepitsd restore`; ten seconds in which copies are heard; then the spaces that some copy has
 * borne out are served. What a run does to the journal is in recovery_take.c, the talk with a copy
 * in recall.c.
 */
#include "server/recovery.h"

#include "common/log.h"
#include "common/os.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/hello.h"
#include "server/journal_take.h"
#include "server/own.h"
#include "server/retention.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOLD_SPACES = 100 /* by name, in a notice */ };

static const char setting[] = "recovery";

/* ---- What is stored ------------------------------------------------------------------------- */

static int recovery_is_stored(struct area *a, bool *on)
{
	struct buf value = {0};
	int got = journal_setting(a->db, setting, &value);

	*on = got > 0 && value.len > 0;
	buf_fini(&value);
	return got < 0 ? got : 0;
}

static int recovery_store(struct area *a, bool on)
{
	int err = journal_begin(a->journal);
	return err < 0 ? err : journal_setting_set(a->db, setting, BYTES("on", on ? 2 : 0));
}

int recovery_load(struct area *a)
{
	struct space *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces);
	struct db_stmt *st;
	struct id id;
	int got;

	for (size_t i = 0; i < n; i++)
		spaces[i]->recovering = false;
	a->recovery.unserved = 0;
	got = recovery_is_stored(a, &a->recovery.on);
	if (got < 0)
		return got;
	st = db_query(a->db, "SELECT space FROM recovering", "");
	while ((got = db_step(st)) > 0) {
		struct space *s = db_id(st, 0, &id) ? journal_space(a->journal, &id) : NULL;
		if (!s)
			continue;
		s->recovering = true;
		a->recovery.unserved++;
	}
	return got;
}

/* ---- Beginning, and bearing out ------------------------------------------------------------- */

int recovery_begin(struct area *a, struct session *but)
{
	struct space *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces);
	int err = recovery_store(a, true);

	if (err == 0)
		err = db_run(a->db,
			     "INSERT INTO recovering (space) SELECT id FROM space WHERE true"
			     " ON CONFLICT (space) DO NOTHING",
			     "");
	if (err == 0)
		err = db_run(a->db, "DELETE FROM nonce", "");
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		spaces[i]->recovering = true;
	retention_forget(a->retention);
	a->recovery.unserved = n;
	a->recovery.on = true;
	a->recovery.begun_ms = but ? env_now_ms(a->options.env) : 0;
	log_warn("recovery.begun", "spaces=%zu", n);
	for (size_t i = 0; i < a->n_sessions; i++)
		if (a->sessions[i] != but)
			session_bye(a->sessions[i], WIRE__REASON__RECOVERING,
				    "the server was set back to an earlier state, and takes back "
				    "from the copies what it lacks; nothing is lost, and this "
				    "copy connects again by itself");
	return 0;
}

int recovery_confirm(struct area *a, struct space *space)
{
	char id[ID_TEXT];

	if (!space->recovering)
		return 0;
	int err = journal_begin(a->journal);
	if (err == 0)
		err = db_run(a->db, "DELETE FROM recovering WHERE space = $1", "d", &space->id);
	if (err < 0)
		return err;
	space->recovering = false;
	a->recovery.unserved--;
	a->recovery.regrant = true;
	log_info("recovery.confirmed", "space=%s number=%llu", id_format(&space->id, id),
		 (unsigned long long)space->number);
	return 0;
}

int area_recover(struct area *a)
{
	int err = recovery_begin(a, NULL);

	if (err < 0)
		turn_failed(a, err);
	return area_turn(a);
}

bool area_is_recovering(const struct area *a)
{
	return a->recovery.on;
}

size_t area_unserved(const struct area *a, struct id *out, size_t most)
{
	struct space *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces), found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!spaces[i]->recovering)
			continue;
		if (found < most)
			out[found] = spaces[i]->id;
		found++;
	}
	return found;
}

int area_serve(struct area *a, const struct id *id)
{
	struct space *space = journal_space(a->journal, id);

	if (!space || !space->recovering)
		return ERR_MISSING;
	int err = recovery_confirm(a, space);
	return err < 0 ? turn_failed(a, err) : 0;
}

const char *area_space_name(const struct area *a, const struct id *space)
{
	return access_name(a->access, space);
}

void area_take_requests(struct area *a)
{
	char *path = mem_format("%s/serve", a->dir);
	struct buf text = {0};
	struct id space;

	if (a->recovery.unserved && os_exists(path) &&
	    os_read_file(path, 256, &text, NULL) == 0) {
		buf_add_u8(&text, 0);
		if (id_parse(&space, (const char *)text.data) && area_serve(a, &space) == 0)
			log_warn("recovery.served", "space=%s", (const char *)text.data);
		unlink(path);
	}
	buf_fini(&text);
	free(path);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* Name to the administrators the spaces that no copy has borne out. */
static int recovery_tell(struct area *a)
{
	struct space *place = journal_space(a->journal, &a->admin), *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces), named = 0;
	struct buf names = {0};

	for (size_t i = 0; i < n; i++) {
		char id[ID_TEXT];
		if (!spaces[i]->recovering)
			continue;
		log_warn("recovery.unserved", "space=%s", id_format(&spaces[i]->id, id));
		unsigned kind = access_kind(a->access, &spaces[i]->id);
		const char *name = access_name(a->access, &spaces[i]->id);
		if (kind == RECORDS__SPACE_KIND__CONFIDENTIAL || !*name)
			name = "a confidential space"; /* whose name is not for everybody here */
		if (kind == RECORDS__SPACE_KIND__PERSONAL)
			continue;
		if (++named <= TOLD_SPACES)
			buf_add_text(&names, "%s%s (%.8s)", names.len ? ", " : "", name, id);
	}
	if (named > TOLD_SPACES)
		buf_add_text(&names, ", and %zu more", named - TOLD_SPACES);
	if (a->recovery.unserved == 0 || !place || place->recovering || names.len == 0) {
		buf_fini(&names);
		return 0;
	}
	buf_add_u8(&names, 0);
	char *text = mem_format("The server was set back to an earlier state. These spaces are on"
				" none of the computers that it has heard so far, and stay closed"
				" until one that holds them connects: %s. If there is none, "
				"'fivepitsd recovery DIR --serve SPACE' on the server opens one "
				"as it is in the backup.",
				(const char *)names.data);
	int err = own_note(a, &a->admin, &a->server_device, text);
	free(text);
	buf_fini(&names);
	return err;
}

/* Contents that Versions name and that are not here: asked for of whoever has them. */
static int recovery_note_lacking(void *arg, struct bytes content)
{
	struct area *a = arg;
	struct content whole;
	int err = content.len == SHA256_LEN
			  ? store_content(shelf_store(a->shelf), content.data, &whole)
			  : 1;

	if (err != 0)
		return err < 0 ? err : 0;
	err = journal_begin(a->journal);
	return err < 0 ? err
		       : db_run(a->db,
				"INSERT INTO lacking (content) VALUES ($1)"
				" ON CONFLICT (content) DO NOTHING",
				"b", content);
}

int recovery_lack(struct area *a)
{
	return journal_each_content(a->journal, recovery_note_lacking, a);
}

/* Is a session still handing something in? */
static bool recovery_hears(const struct area *a)
{
	for (size_t i = 0; i < a->n_sessions; i++)
		if (hello_is_recalled(a->sessions[i]))
			return true;
	return false;
}

static int recovery_end(struct area *a)
{
	log_warn("recovery.ended", "unserved=%zu", a->recovery.unserved);
	a->recovery.on = false;
	a->recovery.begun_ms = 0;
	int err = recovery_store(a, false);
	if (err == 0)
		err = recovery_lack(a);
	if (err == 0 && a->recovery.unserved)
		err = recovery_tell(a);
	return err;
}

uint64_t recovery_due_ms(const struct area *a)
{
	if (!a->recovery.on || a->recovery.begun_ms == 0)
		return 0;
	return a->recovery.begun_ms + (recovery_hears(a) ? RECOVERY_MOST_MS : RECOVERY_MS);
}

int recovery_turn(struct area *a)
{
	uint64_t due = recovery_due_ms(a), now = env_now_ms(a->options.env);

	if (due && now < a->recovery.begun_ms)
		a->recovery.begun_ms = now; /* a clock that was put back ends nothing later */
	if (due == 0 || now < due)
		return 0;
	int err = recovery_end(a);
	if (err == 0)
		err = turn_end(a);
	else
		err = turn_failed(a, err) == ERR_FULL ? 0 : a->failed;
	/* Who has waited is welcome now. A full disk has begun it again: they go on waiting. */
	for (size_t i = 0; err == 0 && !a->recovery.on && i < a->n_sessions; i++)
		if (hello_waits(a->sessions[i]))
			hello_go_on(a->sessions[i]);
	return err < 0 ? err : a->failed;
}
