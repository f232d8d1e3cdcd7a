/* A meeting as readable text, and an action from a minute. */
#include "client/minutes.h"

#include "common/os.h"
#include "common/position.h"
#include "tests/tap.h"
#include "tests/unit/school.h"

#include <stdlib.h>

static const struct id the_area = {"an area of 16 b"}, the_person = {"a person of 16b"};

struct meeting {
	struct copy *copy;
	struct id event, heads, amy, ben, pilsley, heath;
	struct id items[4];
};

static struct copy *a_copy(void)
{
	struct copy_identity identity = {.area = the_area, .person = the_person};
	struct id directory = id_directory(&the_area), partnership = id_partnership(&the_area);
	struct cause cause = {""};
	struct copy *copy = NULL;

	if (copy_create(tap_dir(), &identity, NULL, &cause) < 0 ||
	    copy_open(&copy, tap_dir(), NULL, os_env(), &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	must(copy_begin(copy) == 0 && copy_grant(copy, &directory, 1) == 0 &&
	     copy_grant(copy, &partnership, 1) == 0 && copy_commit(copy) == 0);
	return copy;
}

static struct id make(struct draft *d, uint32_t type)
{
	struct id id = id_make(os_env());
	draft_create(d, type, &id);
	return id;
}

static void people(struct meeting *m)
{
	struct id directory = id_directory(&the_area);
	struct draft *d = draft_new(m->copy, &directory);

	m->pilsley = make(d, TYPE_SCHOOL);
	say(d, TYPE_SCHOOL, "name", "Pilsley Primary School");
	m->heath = make(d, TYPE_SCHOOL);
	say(d, TYPE_SCHOOL, "name", "Heath Primary School");
	m->amy = make(d, TYPE_PERSON);
	say(d, TYPE_PERSON, "name", "Amy Booth");
	m->ben = make(d, TYPE_PERSON);
	say(d, TYPE_PERSON, "name", "Ben Carr");
	make(d, TYPE_APPOINTMENT);
	say_id(d, TYPE_APPOINTMENT, "person", &m->ben);
	say_id(d, TYPE_APPOINTMENT, "school", &m->heath);
	m->heads = make(d, TYPE_GROUP);
	say(d, TYPE_GROUP, "name", "Headteachers working group");
	say(d, TYPE_GROUP, "quorum_people", "2");
	say(d, TYPE_GROUP, "quorum_schools", "3");
	save(d);
}

static void attends(struct draft *d, struct meeting *m, const struct id *person, const struct id *school,
		    const char *presence, const char *field_name, const char *words)
{
	make(d, TYPE_ATTENDANCE);
	say_id(d, TYPE_ATTENDANCE, "event", &m->event);
	if (person)
		say_id(d, TYPE_ATTENDANCE, "person", person);
	if (school)
		say_id(d, TYPE_ATTENDANCE, "school", school);
	say(d, TYPE_ATTENDANCE, "presence", presence);
	if (field_name)
		say(d, TYPE_ATTENDANCE, field_name, words);
}

static void a_meeting(struct meeting *m)
{
	static const char *const titles[] = {"Welcome", "Secure area", "Named worker", "Any other business"};
	static const int order[] = {3, 0, 2, 1}; /* made in another order than they stand */
	struct id partnership = id_partnership(&the_area);
	struct draft *d = draft_new(m->copy, &partnership);
	char position[POSITION_SIZE];

	m->event = make(d, TYPE_EVENT);
	say(d, TYPE_EVENT, "title", "Strategic meeting");
	say(d, TYPE_EVENT, "day", "2019-10-09");
	say(d, TYPE_EVENT, "start", "18:30");
	say(d, TYPE_EVENT, "end", "20:00");
	say(d, TYPE_EVENT, "place", "The hall");
	say_id(d, TYPE_EVENT, "host_school", &m->heath);
	say_id(d, TYPE_EVENT, "groups", &m->heads);
	for (int i = 0; i < 4; i++) {
		m->items[order[i]] = make(d, TYPE_AGENDA_ITEM);
		position_nth((uint32_t)order[i], position);
		say_id(d, TYPE_AGENDA_ITEM, "event", &m->event);
		say(d, TYPE_AGENDA_ITEM, "position", position);
		say(d, TYPE_AGENDA_ITEM, "title", titles[order[i]]);
		if (order[i] == 2)
			say(d, TYPE_AGENDA_ITEM, "part", "part-b");
		if (order[i] == 1)
			say(d, TYPE_AGENDA_ITEM, "minute_text",
			    "The heads agreed that every school signs in before the end of the autumn term and that "
			    "Pilsley trains one person of each.\n\n  - Newton first\n  - \033[31mHeath\033[0m then\n");
	}
	attends(d, m, &m->amy, &m->pilsley, "present", "arrived", "18:45");
	attends(d, m, &m->ben, NULL, "present", "declaration", "governor at Newton");
	attends(d, m, NULL, &m->heath, "apologies", NULL, NULL);
	save(d);
}

static char *print(struct meeting *m, unsigned width)
{
	struct buf b = {0};
	struct cause cause = {""};

	if (minutes_print(m->copy, &m->event, width, &b, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	buf_add_u8(&b, 0);
	return (char *)b.data;
}

static size_t widest(const char *text)
{
	size_t most = 0;
	for (; *text; text += strcspn(text, "\n") + 1) {
		size_t n = strcspn(text, "\n");
		most = n > most ? n : most;
		if (!text[n])
			break;
	}
	return most;
}

static void test_print(struct meeting *m)
{
	char *text = print(m, 60);
	const char *one, *two, *three, *four;

	ok(strstr(text, "Strategic meeting\n=================\n") == text, "a meeting begins with its name");
	ok(strstr(text, "When: 9 October 2019, 18:30 to 20:00\n") != NULL, "when");
	ok(strstr(text, "Where: The hall, Heath Primary School\n") != NULL, "where");
	ok(strstr(text, "Group: Headteachers working group\n") != NULL, "whose it is");
	ok(strstr(text, "Present: Amy Booth (Pilsley Primary School), from 18:45; Ben\n    Carr\n") != NULL,
	   "who was there, wrapped");
	ok(strstr(text, "Apologies: Heath Primary School\n") != NULL, "who was not");
	ok(strstr(text, "Quorum: not met: 2 people from 2 schools, 2 people from 3\n    schools needed\n") != NULL,
	   "whether enough were, the school of a person found by the appointment");
	ok(strstr(text, "Declarations of interest\n  Ben Carr: governor at Newton\n") != NULL, "declarations");
	one = strstr(text, "\n1. Welcome\n");
	two = strstr(text, "\n2. Secure area\n");
	three = strstr(text, "\n3. Named worker [Part B]\n    Minuted in Part B.\n");
	four = strstr(text, "\n4. Any other business\n");
	ok(one && one < two && two < three && three < four, "the agenda stands in its order");
	ok(strstr(text, "    The heads agreed that every school signs in before the\n    end of the autumn term") != NULL,
	   "minutes are wrapped and drawn in");
	ok(strstr(text, "\n\n      - Newton first\n      - ") != NULL, "and keep their own lines");
	ok(!strchr(text, '\033'), "and nothing of them reaches the terminal as a command");
	ok(widest(text) <= 60, "no line is wider than the paper");
	ok(!strstr(text, "Actions arising"), "no action has arisen");
	free(text);
	text = print(m, 5);
	ok(strstr(text, "Strategic meeting") != NULL, "a very narrow terminal is no trouble");
	free(text);
}

static void test_action(struct meeting *m, struct arena *arena)
{
	struct id action, change, wrong = m->event;
	struct cause cause = {""};
	struct draft *d = minutes_draft_action(m->copy, &m->items[1], "Train one person of each school", &action,
					       &cause);
	char *text;

	must(d);
	say_id(d, TYPE_ACTION, "responsible", &m->pilsley);
	say(d, TYPE_ACTION, "target_due", "2019-12-20");
	ok(draft_save(&d, &change, &cause) == 0, "a minute becomes an action %s", cause.words);
	ok(count(m->copy, TYPE_ACTION, arena) == 1 && count(m->copy, TYPE_LINK, arena) == 1,
	   "with a link, in one change");
	text = print(m, 100);
	ok(strstr(text, "    Action: Train one person of each school; Pilsley Primary School; by 20 December 2019\n") !=
		   NULL,
	   "it stands under its item");
	ok(strstr(text, "Actions arising\n---------------\nItem 2: Train one person of each school") != NULL,
	   "and once more at the end");
	const char *again = strstr(strstr(text, "Actions arising"), "Train one");
	ok(again && !strstr(again + 1, "Train one"), "and not twice, though origin and link both lead to it");
	free(text);
	ok(!minutes_draft_action(m->copy, &wrong, "x", &action, &cause) && cause.words[0],
	   "only an agenda item has minutes: %s", cause.words);
	wrong.b[0] ^= 1;
	ok(!minutes_draft_action(m->copy, &wrong, "x", &action, &cause), "one that is not here has none");
}

static void test_insert(struct meeting *m)
{
	struct id partnership = id_partnership(&the_area);
	struct draft *d = draft_new(m->copy, &partnership);
	char low[POSITION_SIZE], high[POSITION_SIZE], between[POSITION_SIZE];
	char *text;

	position_nth(0, low);
	position_nth(1, high);
	must(position_between(os_env(), low, high, between) == 0);
	make(d, TYPE_AGENDA_ITEM);
	say_id(d, TYPE_AGENDA_ITEM, "event", &m->event);
	say(d, TYPE_AGENDA_ITEM, "position", between);
	say(d, TYPE_AGENDA_ITEM, "title", "Minutes of the last meeting");
	say(d, TYPE_AGENDA_ITEM, "purpose", "decide");
	make(d, TYPE_NOTE);
	say_id(d, TYPE_NOTE, "on", &m->items[1]);
	say(d, TYPE_NOTE, "kind", "decision");
	say(d, TYPE_NOTE, "text", "All schools sign in.");
	save(d);
	text = print(m, 0);
	ok(strstr(text, "\n2. Minutes of the last meeting (to decide)\n") && strstr(text, "\n3. Secure area\n"),
	   "an item that is put between two stands there");
	ok(strstr(text, "    Decision: All schools sign in.\n") != NULL, "a decision stands under its item");
	free(text);
}

static void test_refused(struct meeting *m)
{
	struct buf b = {0};
	struct cause cause = {""};
	struct id other = m->amy;

	ok(minutes_print(m->copy, &other, 0, &b, &cause) == ERR_INVALID && strstr(cause.words, "Amy Booth"),
	   "a person is not a meeting: %s", cause.words);
	other.b[3] ^= 1;
	ok(minutes_print(m->copy, &other, 0, &b, &cause) == ERR_MISSING, "nor is what is not here");
	buf_fini(&b);
}

int main(void)
{
	struct meeting m = {.copy = a_copy()};
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	people(&m);
	a_meeting(&m);
	test_print(&m);
	test_action(&m, &arena);
	test_insert(&m);
	test_refused(&m);
	copy_close(&m.copy);
	arena_fini(&arena);
	return tap_end();
}
