/* From words of a command line to types, records, values and filters, on a real copy. */
#include "client/lookup.h"
#include "client/resolve.h"
#include "client/screen.h"
#include "common/os.h"
#include "records.pb-c.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static struct copy *copy;
static struct arena arena;
static struct cause cause;
static struct id directory, partnership;

/* A record made on this device, from FIELD=VALUE words (NULL-terminated). */
static struct id make(const char *type, const struct id *space, const char *const *words)
{
	const struct schema_type *t = schema_type_named(type);
	struct assignment a[8];
	struct id id = id_make(os_env()), change;
	size_t n = 0;
	struct draft *d = draft_new(copy, space);

	draft_create(d, t->number, &id);
	for (; *words; words++, n++)
		if (resolve_assignment(copy, t, *words, &arena, &a[n], &cause) < 0)
			note("%s: %s", *words, cause.words);
	if (resolve_assign(d, NULL, a, n, &arena, &cause) < 0 ||
	    draft_save(&d, &change, &cause) < 0)
		note("%s: %s", type, cause.words);
	return id;
}
#define MAKE(type, space, ...) make(type, space, (const char *const[]){__VA_ARGS__, NULL})

static int set(const struct id *id, const char *const *words)
{
	struct assignment a[8];
	struct record now;
	struct id change, space;
	struct seen seen;
	size_t n = 0;

	int err = copy_record(copy, id, VIEW_SHOWN, &arena, &now, &space);
	if (err < 0)
		return err;
	copy_seen(copy, id, &seen);
	const struct schema_type *t = schema_type(now.type);
	struct draft *d = draft_new(copy, &space);
	for (; err >= 0 && *words; words++, n++)
		err = resolve_assignment(copy, t, *words, &arena, &a[n], &cause);
	if (err >= 0)
		err = draft_edit(d, id, &seen, &cause);
	if (err >= 0)
		err = resolve_assign(d, &now, a, n, &arena, &cause);
	if (err >= 0)
		err = draft_save(&d, &change, &cause);
	draft_free(&d);
	return err;
}
#define SET(id, ...) set(id, (const char *const[]){__VA_ARGS__, NULL})

static const char *value(const struct id *id, const char *field)
{
	struct record r;
	if (copy_record(copy, id, VIEW_SHOWN, &arena, &r, NULL) < 0)
		return "no record";
	const struct schema_type *t = schema_type(r.type);
	uint32_t number = schema_field_named(t, field)->id;
	return lookup_value(copy, t, number, record_get(&r, number), &arena);
}

static bool says(const char *part)
{
	if (strstr(cause.words, part))
		return true;
	note("said: %s", cause.words);
	return false;
}

static void test_types(void)
{
	const struct schema_type *t;
	const ProtobufCFieldDescriptor *d;

	ok(resolve_type("agenda-item", &t, &cause) == 0 && t->number == TYPE_AGENDA_ITEM,
	   "a type is found");
	ok(resolve_type("Agenda_Items", &t, &cause) == 0 && t->number == TYPE_AGENDA_ITEM,
	   "in capitals, with an underscore, as a plural too");
	ok(resolve_type("actoin", &t, &cause) == ERR_INVALID && says("did you mean 'action'"),
	   "a misspelt type is guessed");
	ok(resolve_type("zzzzzzzz", &t, &cause) == ERR_INVALID && says("fivepits list"),
	   "an unknown type says where to look");
	ok(resolve_type("", &t, &cause) == ERR_INVALID, "an empty word is no type");
	t = schema_type(TYPE_ACTION);
	ok(resolve_field(t, "target-due", &d, &cause) == 0 && strcmp(d->name, "target_due") == 0,
	   "a field is found, with dashes too");
	ok(resolve_field(t, "colour", &d, &cause) == ERR_INVALID && says("fivepits limits action"),
	   "an unknown field says where they are listed");
	ok(resolve_field(t, "detials", &d, &cause) == ERR_INVALID && says("did you mean 'details'"),
	   "a misspelt field is guessed");
}

static struct id heath, infant, tcs, heads, anna;

static void test_names(void)
{
	struct id id;
	char text[ID_TEXT];

	ok(resolve_reference(copy, "school", "heath primary  SCHOOL", &id, &cause) == 0 &&
	       id_equal(&id, &heath),
	   "a name is found whatever its capitals and spaces");
	ok(resolve_reference(copy, "group school person", "Heath", &id, &cause) == 0 &&
	       id_equal(&id, &heath),
	   "the first words of a name are enough");
	ok(resolve_reference(copy, "school", "HPS", &id, &cause) == 0 && id_equal(&id, &heath),
	   "another name does as well");
	ok(resolve_reference(copy, "school", "Tibshelf", &id, &cause) == ERR_AMBIGUOUS &&
	       says("Tibshelf Infant") && says("Tibshelf Community"),
	   "a name that could be two says which two");
	ok(resolve_reference(copy, "school", "TCS", &id, &cause) == 0 && id_equal(&id, &tcs),
	   "a whole name counts before the start of another");
	ok(resolve_reference(copy, "school", "Heat", &id, &cause) == ERR_MISSING && says("'Heat'"),
	   "half a word is no name");
	ok(resolve_reference(copy, "school", "Cluster Heads", &id, &cause) == ERR_MISSING,
	   "a group is no school");
	id_format(&heads, text);
	ok(resolve_reference(copy, "school", text, &id, &cause) == ERR_INVALID && says("no school"),
	   "nor by its id");
	ok(resolve_record(copy, text, &id, &cause) == 0 && id_equal(&id, &heads),
	   "a whole id is found");
	ok(resolve_record(copy, "Anna Bell", &id, &cause) == 0 && id_equal(&id, &anna),
	   "a person is found by name where an id may stand");
	ok(resolve_record(copy, "0", &id, &cause) == ERR_AMBIGUOUS,
	   "an id that is cut too short is ambiguous");
	ok(resolve_record(copy, "00000000-0000-4000-8000-000000000000", &id, &cause) == ERR_MISSING,
	   "an id that nothing has is not found");
	ok(resolve_record(copy, "", &id, &cause) < 0, "an empty word names nothing");
	const char *shortest = lookup_short_id(copy, &heath, &arena);
	ok(strlen(shortest) < 36 && resolve_record(copy, shortest, &id, &cause) == 0 &&
	       id_equal(&id, &heath),
	   "the short id that lists print is understood");
}

static void test_spaces(void)
{
	struct id id;
	ok(resolve_space(copy, "partnership", &id, &cause) == 0 && id_equal(&id, &partnership),
	   "a space is found by its word");
	ok(resolve_space(copy, "admin", &id, &cause) == ERR_MISSING && says("not on this computer"),
	   "one that is not held is not");
	ok(resolve_space(copy, "nowhere", &id, &cause) == ERR_MISSING && says("fivepits status"),
	   "nor one that is not there");
}

static void test_values(void)
{
	struct id priority = MAKE("priority", &partnership, "number=1", "title=Strengthen");
	struct id action = MAKE("action", &partnership, "ref=1.5", "text=Use the area",
				"responsible=Heath", "responsible+=Cluster Heads", "priority=1");
	struct id id;
	char path[128];

	ok(strcmp(value(&action, "priority"), "1 Strengthen") == 0,
	   "a priority is found by its number");
	ok(resolve_record(copy, "1.5", &id, &cause) == 0 && id_equal(&id, &action),
	   "an action by its reference");
	ok(strstr(value(&action, "responsible"), "Heath Primary School") &&
	       strstr(value(&action, "responsible"), "Headteachers working group"),
	   "a set is made of names");
	ok(SET(&action, "responsible-=HPS", "responsible+=Anna Bell") == 0 &&
	       !strstr(value(&action, "responsible"), "Heath") &&
	       strstr(value(&action, "responsible"), "Anna"),
	   "members are taken and added");
	ok(SET(&action, "responsible=TCS") == 0 &&
	       strcmp(value(&action, "responsible"), "Tibshelf Community School") == 0,
	   "a set is replaced");
	ok(SET(&action, "responsible=") == 0 && !*value(&action, "responsible"),
	   "a set is emptied");
	ok(SET(&action, "status=In Progress", "target_due=9 October 2019") == 0 &&
	       strcmp(value(&action, "status"), "in-progress") == 0 &&
	       strcmp(value(&action, "target_due"), "9 October 2019") == 0,
	   "words and days are taken as people write them");
	ok(SET(&action, "details_lines+=one", "details_lines+=two", "details_lines+=three") == 0 &&
	       SET(&action, "details_lines-=two") == 0 &&
	       strcmp(value(&action, "details_lines"), "one\nthree") == 0,
	   "a list grows at its end and loses what is taken");
	ok(SET(&action, "status+=stopped") == ERR_USAGE && says("one value"),
	   "a single value is not added to");
	ok(SET(&action, "status=stopped", "status=completed") == ERR_USAGE && says("two"),
	   "nor given two values");
	ok(SET(&action, "status=sleeping") == ERR_INVALID && says("in-progress"),
	   "a word that is none of the field's says which are");
	ok(SET(&action, "target_due=2019-02-30") == ERR_INVALID, "a day that is none is refused");
	ok(SET(&action, "responsible+=") == ERR_USAGE, "nothing can't be added");
	ok(SET(&action, "status") == ERR_USAGE && says("FIELD=VALUE"),
	   "a word without = is no assignment");
	ok(SET(&action, "=x") == ERR_USAGE, "nor is one without a field");
	ok(strcmp(value(&action, "status"), "in-progress") == 0,
	   "and none of these changed anything");

	snprintf(path, sizeof(path), "details=@%s/text", tap_dir());
	os_write_file(path + 9, BYTES("line one\nline two\n", 18), false, NULL);
	ok(SET(&action, path) == 0 &&
	       strcmp(value(&action, "details"), "line one\nline two\n") == 0,
	   "a text is read from a file as it is");
	os_write_file(path + 9, BYTES("a\0b", 3), false, NULL);
	ok(SET(&action, path) == ERR_INVALID && says("NUL"), "a file with a NUL is no text");
	ok(SET(&action, "details=@/nowhere/at/all") < 0 && says("/nowhere/at/all"),
	   "a file that is not there is named");
	ok(SET(&action, "details=@@home") == 0 && strcmp(value(&action, "details"), "@home") == 0,
	   "@@ begins a value with @");
	(void)priority;
}

static bool matches(const char *type, const char *word, const struct id *id)
{
	struct filter f;
	struct record r;
	if (resolve_filter(copy, schema_type_named(type), word, &arena, &f, &cause) < 0 ||
	    copy_record(copy, id, VIEW_SHOWN, &arena, &r, NULL) < 0)
		return false;
	return resolve_matches(copy, &f, &r, &arena);
}

static void test_filters(void)
{
	struct id event = MAKE("event", &partnership, "title=Cluster Heads meet", "day=2019-10-10",
			       "kind=meeting", "groups+=Cluster Heads", "host_school=HPS");
	struct filter f;

	ok(matches("event", "kind=meeting", &event) && !matches("event", "kind=visit", &event),
	   "a filter of a word");
	ok(matches("event", "kind!=visit", &event) && !matches("event", "kind!=meeting", &event),
	   "a filter that it is not");
	ok(matches("event", "title~cluster HEADS", &event) &&
	       !matches("event", "title~chairs", &event),
	   "a filter of a part of a text, whatever its capitals");
	ok(matches("event", "groups=Cluster Heads", &event) &&
	       matches("event", "host_school=Heath", &event) &&
	       !matches("event", "host_school=TCS", &event),
	   "filters of references by name");
	ok(matches("event", "day~2019-10", &event) && matches("event", "day~october", &event),
	   "a day by its month, in digits or in words");
	ok(matches("event", "groups~headTEACHERS", &event), "and by a part of it");
	ok(matches("event", "place=", &event) && !matches("event", "title=", &event),
	   "a filter of no value");
	ok(resolve_filter(copy, schema_type(TYPE_EVENT), "kind", &arena, &f, &cause) == ERR_USAGE,
	   "a word without = or ~ is no filter");
	ok(resolve_filter(copy, schema_type(TYPE_EVENT), "kind=party", &arena, &f, &cause) ==
	       ERR_INVALID,
	   "a value that can't be is refused");
}

static struct id home_of(const char *type, const char *word)
{
	struct assignment a;
	const struct schema_type *t = schema_type_named(type);
	size_t n = word && resolve_assignment(copy, t, word, &arena, &a, &cause) == 0;
	return resolve_home_space(copy, t, &a, n, &arena);
}

static void test_homes(const struct id *own)
{
	struct id space = home_of("note", "on=HPS");
	ok(id_equal(&space, &partnership), "a note on a school belongs in the partnership");
	space = home_of("school", NULL);
	ok(id_equal(&space, &directory), "a school belongs in the directory");
	space = home_of("read-mark", NULL);
	ok(id_equal(&space, own), "a read mark in one's own space");
	struct id private = MAKE("event", own, "title=Think", "day=2019-10-11");
	char text[ID_TEXT], word[64];
	snprintf(word, sizeof(word), "event=%s", id_format(&private, text));
	space = home_of("agenda-item", word);
	ok(id_equal(&space, own), "an agenda item where its meeting is");
}

static void test_labels(void)
{
	struct id odd =
	    MAKE("priority", &partnership, "number=7", "title=A\x1b[31mB\xe2\x80\xae\nC");
	ok(strcmp(lookup_label(copy, &heath, &arena), "Heath Primary School") == 0,
	   "a school's label is its name");
	ok(strcmp(lookup_label(copy, &odd, &arena), "7 A\xef\xbf\xbd[31mB\xef\xbf\xbd C") == 0,
	   "nothing of a label can command a terminal");
	struct id nobody = id_make(os_env());
	ok(strstr(lookup_label(copy, &nobody, &arena), "not on this computer"),
	   "what is not here says so");
}

/* Links that lead in a ring must not be followed for ever. */
static void test_ring(void)
{
	struct id a = MAKE("link", &partnership, "kind=related");
	char text[ID_TEXT], from[64], to[64];
	snprintf(from, sizeof(from), "from=%s", id_format(&a, text));
	struct id b = MAKE("link", &partnership, "kind=related", from);
	snprintf(to, sizeof(to), "to=%s", id_format(&b, text));
	ok(SET(&a, to) == 0, "two links name each other");
	ok(strlen(lookup_label(copy, &b, &arena)) > 0, "a ring of links has a label");
}

int main(void)
{
	struct copy_identity me = {.address = "localhost:1"};
	const struct env *env = os_env();

	arena_init(&arena, ARENA_NO_BUDGET);
	me.area = id_make(env);
	me.device = id_make(env);
	me.person = id_make(env);
	directory = id_directory(&me.area);
	partnership = id_partnership(&me.area);
	struct id own = id_personal(&me.area, &me.person);
	if (copy_create(tap_dir(), &me, NULL, &cause) < 0 ||
	    copy_open(&copy, tap_dir(), NULL, env, &cause) < 0) {
		ok(false, "a copy is made: %s", cause.words);
		return tap_end();
	}
	ok(copy_grant(copy, &directory, 1) == 0 && copy_grant(copy, &partnership, 1) == 0 &&
	       copy_grant(copy, &own, 1) == 0 && copy_commit(copy) == 0,
	   "three spaces are held");
	heath = MAKE("school", &directory, "name=Heath Primary School", "other_names+=HPS",
		     "phase=primary");
	infant = MAKE("school", &directory, "name=Tibshelf Infant and Nursery School");
	tcs = MAKE("school", &directory, "name=Tibshelf Community School", "other_names+=TCS");
	heads = MAKE("group", &directory, "name=Headteachers working group",
		     "other_names+=Cluster Heads");
	anna = MAKE("person", &directory, "name=Anna Bell");
	test_types();
	test_names();
	test_spaces();
	test_values();
	test_filters();
	test_homes(&own);
	test_labels();
	test_ring();
	copy_close(&copy);
	arena_fini(&arena);
	return tap_end();
}
