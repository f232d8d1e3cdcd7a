/*
 * The plan imported apart: schools that import the same file without a line, beside each other or
 * after others have edited, end with one plan. A real server and real sessions, in one process.
 */
#include "client/plan.h"

#include "client/json.h"
#include "client/uplink.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/os.h"
#include "server/area.h"
#include "tests/tap.h"
#include "tests/unit/school.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- A line between a copy and the area ------------------------------------------------------ */

struct wire {
	struct link link; /* what one end sends by; first */
	struct buf sent;
	bool closed;
};

static void wire_send(struct link *link, struct bytes frames, struct bytes raw)
{
	buf_add_bytes(&((struct wire *)link)->sent, frames);
	buf_add_bytes(&((struct wire *)link)->sent, raw);
}

static size_t wire_queued(const struct link *link)
{
	return ((const struct wire *)link)->sent.len;
}

static void wire_pause(struct link *link, bool paused)
{
	(void)link;
	(void)paused;
}

static void wire_close(struct link *link)
{
	((struct wire *)link)->closed = true;
}

static const struct link_ops wire_ops = {wire_send, wire_queued, wire_pause, wire_close};

/* Hand over what one end has sent. */
static bool wire_carry(struct wire *w, void (*frame)(void *arg, const struct frame *f), void *arg)
{
	struct buf taken = w->sent;
	struct bytes rest = buf_bytes(&taken);
	struct frame f;
	size_t size;
	bool any = taken.len > 0;

	w->sent = (struct buf){0};
	while (frame_parse(rest, &f, &size) > 0) {
		frame(arg, &f);
		rest = BYTES(rest.data + size, rest.len - size);
	}
	must(rest.len == 0);
	buf_fini(&taken);
	return any;
}

static void to_server(void *arg, const struct frame *f)
{
	session_frame(arg, f);
}

static void to_client(void *arg, const struct frame *f)
{
	uplink_frame(arg, f);
}

/* ---- An area and its copies ------------------------------------------------------------------ */

struct world {
	EVP_PKEY *head;
	struct area *area;
	struct id admin, school;
	uint8_t invitations;
	char *dir;
};

static void sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	struct world *w = arg;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = 64;

	must(c && EVP_DigestSignInit(c, NULL, NULL, NULL, w->head) == 1 &&
	     EVP_DigestSign(c, signature, &n, statement.data, statement.len) == 1);
	EVP_MD_CTX_free(c);
}

static char *a_dir(const char *name)
{
	char *dir = mem_format("%s/%s", tap_dir(), name);
	must(mkdir(dir, 0700) == 0);
	return dir;
}

static void world_found(struct world *w)
{
	struct area_founding f = {.area = {"an area of 16 b"}, .name = "5PPS", .school = "Pilsley Primary School",
				  .admin = "Amy Booth", .server_key = BYTES("a key of the server", 19)};
	struct area_options o = {.env = os_env(), .sign = sign, .sign_arg = w, .address = "localhost:1"};
	struct cause cause = {""};

	w->head = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	w->dir = a_dir("server");
	o.dir = w->dir;
	if (!w->head || area_found(&o, &f, &w->admin, &w->school, &cause) < 0 ||
	    area_open(&w->area, &o, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
}

/* A device of a person, and its empty copy. */
static struct copy *world_join(struct world *w, const char *name, const struct id *person)
{
	struct copy_identity identity = {.area = *area_id(w->area), .person = *person};
	uint8_t invitation[16] = {0}, verifier[32] = {1};
	char *home = a_dir(name), *key = mem_format("a key of %s", name);
	struct cause cause = {""};
	struct copy *copy = NULL;
	size_t n = 32;
	uint64_t expires_ms;

	invitation[0] = ++w->invitations;
	must(area_invite(w->area, person, &w->school, invitation, verifier, &expires_ms) == 0 &&
	     area_turn(w->area) == 0);
	must(area_enrol(w->area, invitation, BYTES(key, strlen(key)), name, &identity.device) == 0 &&
	     area_turn(w->area) == 0);
	must(EVP_PKEY_get_raw_public_key(w->head, identity.head_key, &n) == 1);
	if (copy_create(home, &identity, NULL, &cause) < 0 ||
	    copy_open(&copy, home, NULL, os_env(), &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	free(home);
	free(key);
	return copy;
}

/* Until nothing is left to send or to fetch. */
static void sync_copy(struct world *w, struct copy *copy)
{
	struct wire up = {.link = {&wire_ops}}, down = {.link = {&wire_ops}};
	struct session *s = session_open(w->area, &down.link, &copy_identity(copy)->device);
	must(s);
	struct uplink *u = uplink_new(copy, &up.link);
	bool more = true;

	for (int i = 0; i < 10000 && more; i++) {
		more = wire_carry(&up, to_server, s);
		must(area_turn(w->area) == 0);
		more |= wire_carry(&down, to_client, u);
		session_drained(s);
		must(uplink_turn(u) == 0 && area_turn(w->area) == 0);
		more |= up.sent.len > 0 || down.sent.len > 0;
	}
	if (!uplink_quiet(u))
		must_failed(uplink_words(u), __FILE__, __LINE__);
	uplink_free(&u);
	session_lost(s);
	must(area_turn(w->area) == 0);
	buf_fini(&up.sent);
	buf_fini(&down.sent);
}

static bool in_order(struct copy *copy)
{
	int64_t unsent, refused, conflicts;

	must(copy_counts(copy, &unsent, &refused, &conflicts) == 0);
	if (unsent || refused || conflicts)
		note("unsent %d, refused %d, conflicts %d", (int)unsent, (int)refused, (int)conflicts);
	return unsent == 0 && refused == 0 && conflicts == 0;
}

static void common(struct copy *copy, uint8_t out[SHA256_LEN])
{
	struct id area = copy_identity(copy)->area;
	struct id directory = id_directory(&area), partnership = id_partnership(&area);
	uint8_t d[SHA256_LEN], p[SHA256_LEN];

	must(copy_digest(copy, &directory, d) == 0 && copy_digest(copy, &partnership, p) == 0);
	digest_common(d, p, out);
}

static bool same_copies(struct copy *a, struct copy *b)
{
	uint8_t x[SHA256_LEN], y[SHA256_LEN];
	common(a, x);
	common(b, y);
	return memcmp(x, y, SHA256_LEN) == 0;
}

static struct plan_report import(struct copy *copy, struct arena *arena)
{
	struct plan_report report;
	struct cause cause = {""};
	json_t *file = json_read_file("tests/data/plan-2019-20.json", PLAN_FILE_MAX, &cause);

	if (!file || plan_import(copy, file, arena, &report, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	json_decref(file);
	return report;
}

/* ---- What happens ---------------------------------------------------------------------------- */

/* The administrator lets in the head of a school that the area does not have yet. */
static struct id a_head(struct copy *admin, const char *name)
{
	struct id directory = id_directory(&copy_identity(admin)->area);
	struct id person = id_make(os_env()), school = id_make(os_env()), appointment = id_make(os_env());
	struct draft *d = draft_new(admin, &directory);

	draft_create(d, TYPE_SCHOOL, &school);
	say(d, TYPE_SCHOOL, "name", name);
	draft_create(d, TYPE_PERSON, &person);
	say(d, TYPE_PERSON, "name", "A head");
	draft_create(d, TYPE_APPOINTMENT, &appointment);
	say_id(d, TYPE_APPOINTMENT, "person", &person);
	say(d, TYPE_APPOINTMENT, "role", "headteacher");
	say_id(d, TYPE_APPOINTMENT, "school", &school);
	save(d);
	return person;
}

static void test_beside(struct world *w, struct copy *a, struct copy *b, struct copy *head,
			struct arena *arena)
{
	ok(import(a, arena).made > 100 && import(b, arena).made > 100 && import(head, arena).n_missing > 0,
	   "three schools import the same file without a line");
	sync_copy(w, b);
	sync_copy(w, a);
	sync_copy(w, head);
	sync_copy(w, b);
	sync_copy(w, a);
	ok(in_order(a) && in_order(b) && in_order(head), "nothing is refused, and there are no two versions");
	ok(same_copies(a, b) && same_copies(a, head), "all copies are equal");
	ok(count(a, TYPE_ACTION, arena) == 33 && count(a, TYPE_PLAN_LINE, arena) == 61 &&
		   count(a, TYPE_NOTE, arena) == 21 && count(a, TYPE_EVENT, arena) == 10 &&
		   count(a, TYPE_TERM, arena) == 6 && count(a, TYPE_GROUP, arena) == 16,
	   "nothing stands twice");
	ok(count(a, TYPE_SCHOOL, arena) == 12, "the schools that were there were found by name");
	struct record newton = find(a, TYPE_SCHOOL, "name", "Newton Primary School", arena);
	ok(reads(&newton, "short_id", "newton"), "and filled");
}

static void test_later(struct world *w, struct copy *a, struct copy *late, struct arena *arena)
{
	struct record r = find(a, TYPE_ACTION, "ref", "1.5", arena);

	edit(a, &r, "details", "All trained.");
	edit(a, &r, "status", "completed");
	r = find(a, TYPE_ACTION, "ref", "2.5", arena);
	edit(a, &r, NULL, NULL);
	r = find(a, TYPE_GROUP, "short_id", "gp1", arena);
	edit(a, &r, "theme", "vocabulary");
	sync_copy(w, a);
	ok(import(late, arena).made > 100, "a school that has seen nothing of it imports the file too");
	sync_copy(w, late);
	sync_copy(w, a);
	ok(in_order(late) && in_order(a) && same_copies(a, late), "and ends with the same plan");
	r = find(late, TYPE_ACTION, "ref", "1.5", arena);
	ok(reads(&r, "details", "All trained.") && value_number(record_get(&r, field(TYPE_ACTION, "status"))) == 4,
	   "in which the edits stand");
	r = find(late, TYPE_ACTION, "ref", "2.5", arena);
	ok(record_existence(&r) == WITHDRAWN, "what was withdrawn stays so");
	r = find(late, TYPE_GROUP, "short_id", "gp1", arena);
	ok(reads(&r, "theme", "vocabulary"), "in the directory too");
	ok(import(a, arena).made == 0 && import(late, arena).made == 0, "importing once more makes nothing");
}

int main(void)
{
	struct world w = {0};
	struct arena arena;
	struct id person;

	arena_init(&arena, ARENA_NO_BUDGET);
	log_level_set(LOG_WARN);
	world_found(&w);
	struct copy *a = world_join(&w, "pilsley", &w.admin), *b = world_join(&w, "office", &w.admin);
	struct copy *late = world_join(&w, "late", &w.admin);
	sync_copy(&w, a);
	person = a_head(a, "Newton Primary School");
	sync_copy(&w, a);
	sync_copy(&w, b);
	sync_copy(&w, late);
	struct copy *head = world_join(&w, "head", &person);
	sync_copy(&w, head);
	test_beside(&w, a, b, head, &arena);
	test_later(&w, a, late, &arena);
	copy_close(&a);
	copy_close(&b);
	copy_close(&late);
	copy_close(&head);
	area_close(&w.area);
	EVP_PKEY_free(w.head);
	free(w.dir);
	arena_fini(&arena);
	return tap_end();
}
