/* The area: who reads and writes what, what is said of each change, and that it lasts. */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <string.h>

/* ---- The first hour ------------------------------------------------------------------------- */

static void test_founding(void)
{
	struct bed b;
	struct peer head;

	bed_init(&b, "founding");
	peer_join(&head, &b, &b.person);
	peer_hello(&head);
	ok(head.welcome && head.bye == 0, "the first administrator is welcome");
	ok(head.n_spaces == 4, "they read directory, admin, partnership and their own space");
	ok(peer_held(&head, &b.directory)->number == 2,
	   "directory begins with founding and joining");
	ok(peer_held(&head, &b.admin)->number == 1, "admin begins with its Space record");
	ok(peer_held(&head, &b.partnership)->number == 0, "partnership begins empty");
	struct id own = id_personal(&b.id, &b.person);
	ok(peer_held(&head, &own) && peer_held(&head, &own)->number == 1,
	   "joining made the person's own space");
	ok(!head.chain_broken, "the chains fit");
	bed_restart(&b, false);
	peer_connect(&head);
	peer_hello(&head);
	ok(head.welcome && head.n_spaces == 4 && !head.chain_broken,
	   "all of it is there after a restart");
	bed_fini(&b);
}

static void test_change(void)
{
	struct bed b;
	struct peer one, two;
	struct id record;

	bed_init(&b, "change");
	peer_join(&one, &b, &b.person);
	peer_hello(&one);
	peer_join(&two, &b, &b.person);
	peer_hello(&two);
	ok(one.bye == 0 && two.bye == 0, "a person may use two devices");
	struct id change = peer_add_action(&one, &b.partnership, "Write the plan", &record);
	ok(peer_held(&two, &b.partnership)->number == 0 &&
		   pipe_take(&two.pipe.ends[1], &(struct frame){0}) == 0,
	   "nothing is said before the turn ends");
	bed_turn(&b);
	struct held *at_one = peer_held(&one, &b.partnership),
		    *at_two = peer_held(&two, &b.partnership);
	ok(at_one->number == 1 && at_two->number == 1, "the entry reaches both");
	ok(at_one->without_body == 1, "its author gets it without the body");
	ok(at_two->without_body == 0, "the other gets it whole");
	ok(memcmp(at_one->chain, at_two->chain, SHA256_LEN) == 0 && !one.chain_broken &&
		   !two.chain_broken,
	   "both work out the same chain");
	ok(!peer_told(&one, &change), "an accepted change is answered by its entry alone");
	bed_fini(&b);
}

static void test_again(void)
{
	struct bed b;
	struct peer p;
	struct making m;
	struct id record;

	bed_init(&b, "again");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	record = id_make(&b.env);
	making_init(&m, &b, &b.partnership, 0);
	making_create(&m, TYPE_ACTION, &record);
	making_text(&m, 3, "once", NULL);
	peer_push(&p, making_bytes(&m));
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	const struct told *t = peer_told(&p, &m.change.id);
	ok(peer_held(&p, &b.partnership)->number == 1,
	   "a change pushed twice in a turn is entered once");
	ok(t && t->verdict == VERDICT_APPLIED && t->number == 1,
	   "the second push is answered by its verdict");
	bed_restart(&b, false);
	peer_connect(&p);
	peer_hello(&p);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(p.n_told == 2 && p.told[1].verdict == VERDICT_APPLIED && p.told[1].number == 1,
	   "after a restart it has the same verdict");
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 3, "twice");
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	t = peer_told(&p, &m.change.id);
	ok(t->verdict == VERDICT_REFUSED && strstr(t->words, "another change"),
	   "the same id with other content is refused");
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 3, "once");
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->verdict == VERDICT_APPLIED,
	   "which leaves the first verdict as it was");
	making_fini(&m);
	bed_fini(&b);
}

static void test_uncommitted(void)
{
	struct bed b;
	struct peer p;
	struct id record;

	bed_init(&b, "uncommitted");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	struct id change = peer_add_action(&p, &b.partnership, "never on disk", &record);
	struct bytes bytes = BYTES(p.sent.data + 4, read_u32be(p.sent.data));
	bed_restart(&b, true);
	peer_connect(&p);
	peer_hello(&p);
	ok(peer_held(&p, &b.partnership)->told == 0, "what was not committed is not there");
	ok(!peer_told(&p, &change), "and nothing was said of it");
	p.sent.len = 0;
	peer_push(&p, bytes);
	bed_turn(&b);
	ok(peer_held(&p, &b.partnership)->number == 1 && !p.chain_broken,
	   "pushed again it is entered");
	bed_fini(&b);
}

/* ---- Rights --------------------------------------------------------------------------------- */

struct school {
	struct bed b;
	struct peer admin, staff;
	struct id person, group, space;
};

/* A group with a space that its members write, and a member of staff who is not in it. */
static void school_init(struct school *s, const char *name)
{
	struct making m;

	bed_init(&s->b, name);
	peer_join(&s->admin, &s->b, &s->b.person);
	peer_hello(&s->admin);
	s->person = bed_person(&s->b, &s->admin, "B. Staff");
	bed_appoint(&s->b, &s->admin, &s->person, RECORDS__ROLE__STAFF, NULL);
	s->group = id_make(&s->b.env);
	s->space = id_make(&s->b.env);
	making_init(&m, &s->b, &s->b.directory, 0);
	making_create(&m, TYPE_GROUP, &s->group);
	making_text(&m, 1, "Maths", NULL);
	making_create(&m, TYPE_SPACE, &s->space);
	making_text(&m, 1, "Maths group", NULL);
	making_number(&m, 2, RECORDS__SPACE_KIND__GROUP);
	making_ref(&m, 3, &s->group);
	making_member(&m, 10, &s->group);
	peer_push(&s->admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
	peer_join(&s->staff, &s->b, &s->person);
	peer_hello(&s->staff);
}

static void test_grant_and_loss(void)
{
	struct school s;
	struct id record;
	struct making m;

	school_init(&s, "grant");
	ok(s.staff.welcome && s.staff.n_spaces == 3,
	   "staff read directory, partnership and their own");
	struct id foreign = peer_add_action(&s.staff, &s.space, "not mine", &record);
	struct id nowhere = id_make(&s.b.env);
	struct id none = peer_add_action(&s.staff, &nowhere, "nowhere", &record);
	bed_turn(&s.b);
	const struct told *t = peer_told(&s.staff, &foreign), *u = peer_told(&s.staff, &none);
	ok(t && t->verdict == VERDICT_REFUSED && u && strcmp(t->words, u->words) == 0,
	   "a foreign space and one that does not exist are refused in the same words");

	struct id appointment =
		bed_appoint(&s.b, &s.admin, &s.person, RECORDS__ROLE__STAFF, &s.group);
	ok(s.staff.granted == 1 && peer_held(&s.staff, &s.space),
	   "an appointment to the group grants its space");
	peer_add_action(&s.staff, &s.space, "mine now", &record);
	bed_turn(&s.b);
	ok(peer_held(&s.staff, &s.space)->number == 1 && !s.staff.chain_broken,
	   "and it can be written");
	ok(!peer_held(&s.admin, &s.space), "the administrator does not read it");

	/* The end of the appointment and a change of the same turn: the order decides. */
	struct id before = peer_add_action(&s.staff, &s.space, "before", &record);
	making_init(&m, &s.b, &s.b.directory, peer_held(&s.admin, &s.b.directory)->number);
	making_edit(&m, TYPE_APPOINTMENT, &appointment);
	making_number(&m, 7, 1);
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	struct id after = peer_add_action(&s.staff, &s.space, "after", &record);
	bed_turn(&s.b);
	t = peer_told(&s.staff, &before);
	u = peer_told(&s.staff, &after);
	ok(s.staff.lost == 1 && !peer_held(&s.staff, &s.space),
	   "the end of the appointment takes the space");
	ok(t && t->verdict == VERDICT_APPLIED && t->number == 2,
	   "what came before it in the turn is accepted, and said so");
	ok(u && u->verdict == VERDICT_HELD && u->number == 0, "what came after it is held");
	bed_fini(&s.b);
}

static void test_revoked(void)
{
	struct school s;
	struct making m;
	struct id record;

	school_init(&s, "revoked");
	making_init(&m, &s.b, &s.b.directory, peer_held(&s.admin, &s.b.directory)->number);
	making_edit(&m, TYPE_DEVICE, &s.staff.device);
	making_number(&m, 5, 1);
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	struct id late = peer_add_action(&s.staff, &s.b.partnership, "too late", &record);
	bed_turn(&s.b);
	ok(s.staff.bye == WIRE__REASON__REVOKED && s.staff.pipe.ends[0].closed,
	   "a revoked device's session ends");
	ok(!peer_told(&s.staff, &late) && peer_held(&s.admin, &s.b.partnership)->number == 0,
	   "nothing of it is accepted after the revocation, in the same turn");
	peer_cut(&s.staff);
	bed_turn(&s.b);
	peer_connect(&s.staff);
	peer_take(&s.staff);
	ok(!s.staff.session && s.staff.bye == WIRE__REASON__REVOKED, "and it is not let in again");
	bed_fini(&s.b);
}

static void test_suspended(void)
{
	struct school s;
	struct making m;

	school_init(&s, "suspended");
	making_init(&m, &s.b, &s.b.directory, peer_held(&s.admin, &s.b.directory)->number);
	making_edit(&m, TYPE_PERSON, &s.person);
	field_add_number(&m.set[0], 5, RECORDS__STANDING__SUSPENDED);
	struct buf active = {0};
	field_add_number(&active, 5, RECORDS__STANDING__ACTIVE);
	m.bases[0][0] = (struct base){5, base_digest(buf_bytes(&active))};
	m.edits[0].n_bases = 1;
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	buf_fini(&active);
	bed_turn(&s.b);
	ok(s.staff.bye == 0 && s.staff.n_spaces == 0, "a suspended person loses all spaces at once");
	bed_fini(&s.b);
}

/* One change of one record, by this peer; what was said of it. */
static const struct told *try_create(struct peer *p, const struct id *space, uint32_t type,
				     uint32_t field, const char *text)
{
	struct making m;
	struct id record = id_make(&p->bed->env);

	making_init(&m, p->bed, space, 0);
	making_create(&m, type, &record);
	making_text(&m, field, text, NULL);
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	bed_turn(p->bed);
	return peer_told(p, &id);
}

static bool refused(const struct told *t, const char *words)
{
	return t && t->verdict == VERDICT_REFUSED && strstr(t->words, words);
}

static void test_refusals(void)
{
	struct school s;
	struct making m;
	struct id own, id;

	school_init(&s, "refusals");
	own = id_personal(&s.b.id, &s.b.person);
	ok(refused(try_create(&s.staff, &s.b.directory, TYPE_SCHOOL, 1, "Mine"), "not write"),
	   "who does not administer does not write the directory");
	ok(refused(try_create(&s.staff, &s.b.admin, TYPE_NOTE, 3, "Mine"), "no such space"),
	   "nor hears of admin");
	ok(refused(try_create(&s.staff, &own, TYPE_NOTE, 3, "hello"), "no such space"),
	   "nor of another's own space");
	ok(refused(try_create(&s.admin, &s.b.partnership, TYPE_SCHOOL, 1, "X"), "does not belong"),
	   "a school is not kept in partnership");
	ok(refused(try_create(&s.admin, &s.b.partnership, TYPE_CONFLICT, 3, "x"), "server alone"),
	   "a Conflict is not written by a change");
	ok(refused(try_create(&s.admin, &s.b.directory, TYPE_DEVICE, 3, "Laptop"), "joining"),
	   "a device is not added by an edit");
	ok(refused(try_create(&s.admin, &s.b.partnership, TYPE_ACTION, 12, "tomorrow"),
		   "target_due"),
	   "a value that is none is refused");

	id = id_derive(&s.b.id, BYTES("server", 6));
	making_init(&m, &s.b, &s.b.directory, 1);
	making_edit(&m, TYPE_DEVICE, &id);
	making_number(&m, 5, 1);
	peer_push(&s.admin, making_bytes(&m));
	bed_turn(&s.b);
	ok(refused(peer_told(&s.admin, &m.change.id), "server's own"),
	   "the server's device can't be revoked");
	making_fini(&m);

	making_init(&m, &s.b, &s.b.directory, 1);
	making_edit(&m, TYPE_SPACE, &s.b.directory);
	making_text(&m, 1, "Ours", "Directory");
	peer_push(&s.admin, making_bytes(&m));
	bed_turn(&s.b);
	ok(refused(peer_told(&s.admin, &m.change.id), "fixed"),
	   "the directory's own Space record stands");
	making_fini(&m);

	own = id_personal(&s.b.id, &s.person);
	making_init(&m, &s.b, &own, 1);
	making_edit(&m, TYPE_SPACE, &own);
	making_member(&m, 8, &s.b.person);
	peer_push(&s.staff, making_bytes(&m));
	bed_turn(&s.b);
	ok(refused(peer_told(&s.staff, &m.change.id), "made in the directory"),
	   "nobody opens a space from within it");
	making_fini(&m);
	bed_fini(&s.b);
}

/* An administrator makes what is going to be somebody's own space, before they join. */
static void test_own_space_stays_own(void)
{
	struct school s;
	struct making m;
	struct peer late;

	school_init(&s, "own");
	struct id person = bed_person(&s.b, &s.admin, "D. Late"),
		  own = id_personal(&s.b.id, &person);
	making_init(&m, &s.b, &s.b.directory, 0);
	making_create(&m, TYPE_SPACE, &own);
	making_number(&m, 2, RECORDS__SPACE_KIND__OTHER);
	making_member(&m, 12, &s.b.person);
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s.b);
	ok(peer_held(&s.admin, &own) != NULL,
	   "before a person joins, the space of that id is who made it's");
	peer_join(&late, &s.b, &person);
	peer_hello(&late);
	bed_turn(&s.b);
	ok(peer_held(&late, &own) && !peer_held(&s.admin, &own),
	   "once they have, it is theirs alone");
	bed_fini(&s.b);
}

/* ---- What has to wait ----------------------------------------------------------------------- */

static void test_deferred(void)
{
	struct bed b;
	struct peer p;
	struct making m;
	struct id record = {{1}}, after = {{9}};
	uint8_t content[32] = {7};

	bed_init(&b, "deferred");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	making_init(&m, &b, &b.partnership, 0);
	making_create(&m, 4000, &record);
	making_text(&m, 1, "of the future", NULL);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->wait == WIRE__WAIT__SCHEMA_NEWER,
	   "a type of the future waits");
	making_fini(&m);

	making_init(&m, &b, &b.partnership, 0);
	making_create(&m, TYPE_ACTION, &record);
	making_text(&m, 4000, "of the future", NULL);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->wait == WIRE__WAIT__SCHEMA_NEWER,
	   "a field of the future waits");
	making_fini(&m);

	making_init(&m, &b, &b.partnership, 0);
	making_create(&m, TYPE_ACTION, &record)->after = after;
	making_text(&m, 3, "after nothing", NULL);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->wait == WIRE__WAIT__EARLIER_MISSING,
	   "so does what stands after a change that is not here");
	making_fini(&m);

	making_init(&m, &b, &b.partnership, 0);
	making_create(&m, TYPE_VERSION, &record);
	making_text(&m, 2, "plan.pdf", NULL);
	making_number(&m, 4, 5);
	making_ref(&m, 5, &record);
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 2, "plan.pdf");
	field_add_number(&m.set[0], 4, 5);
	field_add_bytes(&m.set[0], 5, BYTES(content, 32));
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->wait == WIRE__WAIT__CONTENT_MISSING,
	   "so does a version without its bytes");
	making_fini(&m);

	making_init(&m, &b, &b.partnership, 50);
	making_create(&m, TYPE_ACTION, &record);
	making_text(&m, 3, "seen too much", NULL);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(peer_told(&p, &m.change.id)->wait == WIRE__WAIT__BEING_RECOVERED,
	   "who has seen an entry that is not there waits for it: the server was set back");
	m.change.seen_epoch = 0;
	m.change.id = id_make(&b.env);
	peer_push(&p, making_bytes(&m));
	bed_turn(&b);
	ok(refused(peer_told(&p, &m.change.id), "no epoch"),
	   "an entry of no epoch nobody can have seen");
	making_fini(&m);
	ok(peer_held(&p, &b.partnership)->number == 0, "nothing of all this was entered");
	bed_fini(&b);
}

/* An appointment that was over before it is made. */
static void making_past(struct making *m, struct school *s)
{
	struct id id = id_make(&s->b.env);

	making_init(m, &s->b, &s->b.directory, 0);
	making_create(m, TYPE_APPOINTMENT, &id);
	making_ref(m, 1, &s->person);
	making_number(m, 2, RECORDS__ROLE__STAFF);
	making_ref(m, 4, &s->group);
	making_text(m, 6, "2019-12-31", NULL);
}

/* An appointment with a last day, by which alone staff read the group's space. */
static void appoint_until_january(struct school *s)
{
	struct id id = id_make(&s->b.env);
	struct making m;

	making_init(&m, &s->b, &s->b.directory, 0);
	making_create(&m, TYPE_APPOINTMENT, &id);
	making_ref(&m, 1, &s->person);
	making_number(&m, 2, RECORDS__ROLE__STAFF);
	making_ref(&m, 4, &s->group);
	making_text(&m, 6, "2020-01-05", NULL);
	peer_push(&s->admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
}

/* The server was started with a clock that is years ahead. */
static void test_no_ending_by_a_wrong_clock(void)
{
	struct school s;
	struct making m;

	school_init(&s, "wrong-clock");
	appoint_until_january(&s);
	s.b.now_ms += UINT64_C(3650) * 86400 * 1000;
	area_tick(s.b.area);
	bed_turn(&s.b);
	ok(peer_held(&s.staff, &s.space) != NULL,
	   "by a clock that nobody's entry bears out no appointment ends");
	making_past(&m, &s);
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s.b);
	ok(!peer_held(&s.staff, &s.space), "as soon as somebody enters something it does");
	bed_fini(&s.b);
}

static void test_endings(void)
{
	struct school s;
	struct making m;

	school_init(&s, "endings");
	ok(s.staff.n_spaces == 3, "with an appointment staff read three spaces");
	appoint_until_january(&s);
	ok(peer_held(&s.staff, &s.space) != NULL, "an appointment holds until its last day");
	uint64_t before = peer_held(&s.admin, &s.b.directory)->number;
	s.b.now_ms += UINT64_C(4) * 86400 * 1000;
	area_tick(s.b.area);
	bed_turn(&s.b);
	ok(peer_held(&s.staff, &s.space) != NULL, "on its last day too");
	s.b.now_ms += UINT64_C(1) * 86400 * 1000;
	area_tick(s.b.area);
	bed_turn(&s.b);
	ok(!peer_held(&s.staff, &s.space), "on the day after it is over");
	ok(peer_held(&s.admin, &s.b.directory)->number == before + 1, "by an entry of the server");

	making_past(&m, &s);
	peer_push(&s.admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s.b);
	ok(peer_held(&s.admin, &s.b.directory)->number == before + 3 &&
		   !peer_held(&s.staff, &s.space),
	   "one that is past when it is made is over at once");
	bed_fini(&s.b);
}

/* What is set once is not set to no: the server could not set it any more, nor anybody else. */
static void test_set_once(void)
{
	struct school s;
	struct making m;

	school_init(&s, "once");
	making_past(&m, &s);
	making_number(&m, 7, 0);
	peer_push(&s.admin, making_bytes(&m));
	ok(bed_turn(&s.b) == 0 && refused(peer_told(&s.admin, &m.change.id), "to yes"),
	   "an appointment that is past, and says that it has not ended, does not stop the server");
	making_fini(&m);
	making_init(&m, &s.b, &s.b.directory, peer_held(&s.admin, &s.b.directory)->number);
	making_edit(&m, TYPE_DEVICE, &s.staff.device);
	making_number(&m, 5, 0);
	peer_push(&s.admin, making_bytes(&m));
	bed_turn(&s.b);
	ok(refused(peer_told(&s.admin, &m.change.id), "to yes"),
	   "nobody makes a device one that can't be revoked");
	making_fini(&m);
	bed_fini(&s.b);
}

/* A refusal that quotes a long name is text: else its author's copy could not read the frame. */
static void test_long_name(void)
{
	static const char e[] = "\xc3\xa9";
	struct school s;
	struct making m;
	struct id record;
	char name[181] = "";

	school_init(&s, "name");
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, e, 2);
	struct id person = bed_person(&s.b, &s.admin, name);
	bed_appoint(&s.b, &s.admin, &person, RECORDS__ROLE__STAFF, NULL);
	struct peer author;
	peer_join(&author, &s.b, &person);
	peer_hello(&author);
	peer_add_action(&author, &s.b.partnership, "x", &record);
	bed_turn(&s.b);
	making_init(&m, &s.b, &s.b.partnership, 0);
	making_edit(&m, TYPE_ACTION, &record);
	making_text(&m, 3, "y", NULL);
	m.change.exact = &record;
	m.change.n_exact = 1;
	peer_push(&s.staff, making_bytes(&m));
	bed_turn(&s.b);
	ok(refused(peer_told(&s.staff, &m.change.id), "has changed since it was read, by"),
	   "a refusal that names somebody of a long name can be read");
	making_fini(&m);
	bed_fini(&s.b);
}

/* ---- Reading it all ------------------------------------------------------------------------- */

struct digests {
	size_t n;
	uint8_t last[32];
	char name[64];
};

static void take_digest(void *arg, const char *name, const struct id *space, uint64_t number,
			const uint8_t digest[32])
{
	struct digests *d = arg;
	(void)space;
	(void)number;
	d->n++;
	memcpy(d->last, digest, 32);
	snprintf(d->name, sizeof(d->name), "%s", name);
}

static void take_fault(void *arg, const char *words)
{
	(*(size_t *)arg)++;
	note("%s", words);
}

static void test_reading(void)
{
	struct school s;
	struct digests one = {0}, two = {0};
	struct area_options o;
	struct area *reader;
	struct cause cause;
	struct id record;
	size_t faults = 0;

	school_init(&s, "reading");
	for (int i = 0; i < 50; i++)
		peer_add_action(&s.staff, &s.b.partnership, "an action", &record);
	bed_turn(&s.b);
	ok(area_digest(s.b.area, take_digest, &one) == 0 && strcmp(one.name, "common") == 0,
	   "the digests end with the common one");
	o = s.b.options;
	o.read_only = true;
	ok(area_open(&reader, &o, &cause) == 0, "the area can be read beside the server");
	ok(area_digest(reader, take_digest, &two) == 0 && two.n == one.n &&
		   memcmp(one.last, two.last, 32) == 0, "and has the same digest there");
	ok(area_check(reader, take_fault, &faults) == 0 && faults == 0, "a check finds no fault");
	peer_add_action(&s.staff, &s.b.partnership, "meanwhile", &record);
	ok(bed_turn(&s.b) == 0, "the server goes on meanwhile");
	area_close(&reader);
	bed_fini(&s.b);
}

int main(void)
{
	test_founding();
	test_change();
	test_again();
	test_uncommitted();
	test_grant_and_loss();
	test_revoked();
	test_suspended();
	test_refusals();
	test_own_space_stays_own();
	test_deferred();
	test_endings();
	test_no_ending_by_a_wrong_clock();
	test_set_once();
	test_long_name();
	test_reading();
	return tap_end();
}
