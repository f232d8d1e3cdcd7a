/*
 * Import and export of the plan, on the real one: nothing of it is lost, nothing doubles, nothing is
 * undone. Copies here have no server: what they do stays pending.
 */
#include "client/plan.h"

#include "client/json.h"
#include "common/os.h"
#include "records.pb-c.h"
#include "tests/tap.h"
#include "tests/unit/school.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char plan_file[] = "tests/data/plan-2019-20.json";

static const struct id the_area = {"an area of 16 b"}, the_person = {"a person of 16b"};

/* ---- A school's copy ------------------------------------------------------------------------ */

/* What an area begins with: the partnership, one school, its head who administers. */
static void found(struct copy *copy, bool administers)
{
	struct id directory = id_directory(&the_area), id = id_make(copy_env(copy));
	struct draft *d = draft_new(copy, &directory);

	draft_create(d, TYPE_PARTNERSHIP, &id);
	say(d, TYPE_PARTNERSHIP, "name", "5PPS");
	id = id_make(copy_env(copy));
	draft_create(d, TYPE_SCHOOL, &id);
	say(d, TYPE_SCHOOL, "name", "pilsley PRIMARY school");
	draft_create(d, TYPE_PERSON, &the_person);
	say(d, TYPE_PERSON, "name", "Amy Booth");
	say(d, TYPE_PERSON, "standing", "active");
	id = id_make(copy_env(copy));
	draft_create(d, TYPE_APPOINTMENT, &id);
	say_id(d, TYPE_APPOINTMENT, "person", &the_person);
	say(d, TYPE_APPOINTMENT, "role", administers ? "administrator" : "headteacher");
	save(d);
}

static struct copy *school(const char *name, bool administers)
{
	struct copy_identity identity = {.area = the_area, .person = the_person};
	struct id directory = id_directory(&the_area), partnership = id_partnership(&the_area);
	struct cause cause = {""};
	struct copy *copy = NULL;
	char *home = mem_format("%s/%s", tap_dir(), name);

	must(mkdir(home, 0700) == 0);
	if (copy_create(home, &identity, NULL, &cause) < 0 ||
	    copy_open(&copy, home, NULL, os_env(), &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	must(copy_begin(copy) == 0 && copy_grant(copy, &directory, 1) == 0 &&
	     copy_grant(copy, &partnership, 1) == 0 && copy_commit(copy) == 0);
	found(copy, administers);
	free(home);
	return copy;
}

static json_t *real_plan(void)
{
	struct cause cause = {""};
	json_t *file = json_read_file(plan_file, PLAN_FILE_MAX, &cause);

	if (!file)
		must_failed(cause.words, __FILE__, __LINE__);
	return file;
}

/* Import; the report's numbers, or a failure. */
static struct plan_report import(struct copy *copy, json_t *file, struct arena *arena)
{
	struct plan_report report;
	struct cause cause = {""};

	if (plan_import(copy, file, arena, &report, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	return report;
}

static json_t *export(struct copy *copy)
{
	struct cause cause = {""};
	json_t *out;

	if (plan_export(copy, NULL, &out, &cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
	return out;
}

static int64_t pending(struct copy *copy)
{
	int64_t unsent, refused, conflicts;
	must(copy_counts(copy, &unsent, &refused, &conflicts) == 0);
	return unsent;
}

static uint64_t number(const struct record *r, const char *name)
{
	return value_number(record_get(r, field(r->type, name)));
}

/* ---- Comparing files ------------------------------------------------------------------------ */

/* How many strings of `want` do not stand in `got` at the same place. */
static int missing(json_t *want, json_t *got, const char *path, int *all)
{
	const char *key;
	json_t *value;
	size_t i;
	int n = 0;

	if (json_is_string(want)) {
		(*all)++;
		n = !json_is_string(got) || json_string_length(got) != json_string_length(want) ||
		    memcmp(json_string_value(got), json_string_value(want), json_string_length(want)) != 0;
		if (n)
			note("%s: %s", path, json_string_value(want));
	}
	json_object_foreach(want, key, value) {
		char *below = mem_format("%s.%s", path, key);
		n += missing(value, json_object_get(got, key), below, all);
		free(below);
	}
	json_array_foreach(want, i, value) {
		char *below = mem_format("%s[%zu]", path, i);
		n += missing(value, json_array_get(got, i), below, all);
		free(below);
	}
	return n;
}

static bool same_bytes(json_t *a, json_t *b)
{
	char *x = json_dumps(a, JSON_INDENT(1)), *y = json_dumps(b, JSON_INDENT(1));
	bool same = strcmp(x, y) == 0;

	if (!same)
		note("first difference at byte %zu: %.80s", strspn(x, y), x);
	free(x);
	free(y);
	return same;
}

/* ---- The real plan -------------------------------------------------------------------------- */

static void test_records(struct copy *copy, struct arena *arena)
{
	struct record r;

	ok(count(copy, TYPE_SCHOOL, arena) == 12, "there are 12 schools");
	ok(count(copy, TYPE_GROUP, arena) == 16, "8 working groups, 5 others, 3 triads");
	ok(count(copy, TYPE_PRIORITY, arena) == 4 && count(copy, TYPE_ACTION, arena) == 33,
	   "4 priorities with 33 actions");
	ok(count(copy, TYPE_PLAN_LINE, arena) == 18 + 15 + 11 + 17, "61 lines");
	ok(count(copy, TYPE_TERM, arena) == 6 && count(copy, TYPE_PLAN, arena) == 1, "6 half-terms, one plan");
	ok(count(copy, TYPE_EVENT, arena) == 6 + 4, "3 themes, 3 sessions and 4 dated meetings");
	ok(count(copy, TYPE_NOTE, arena) == 10 + 11, "10 lines by school, 11 commitments");
	r = find(copy, TYPE_ACTION, "ref", "1.15", arena);
	ok(reads(&r, "responsible_text", "Business managers/ TCS to lead") &&
		   value_count(record_get(&r, field(TYPE_ACTION, "responsible_lines"))) == 2 &&
		   number(&r, "target_kind") == RECORDS__TARGET_KIND__RECURRING &&
		   reads(&r, "target_period", "term") && value_count(record_get(&r, field(TYPE_ACTION, "lead"))) == 1,
	   "an action has its cells and what they mean");
	r = find(copy, TYPE_ACTION, "ref", "4.3", arena);
	ok(number(&r, "cost_pence") == 50000 && number(&r, "cost_per_school") == 1 &&
		   value_count(record_get(&r, field(TYPE_ACTION, "lead"))) == 2 &&
		   reads(&r, "target_due", "2020-07-21"),
	   "money, two leads and a due date");
	r = find(copy, TYPE_ACTION, "ref", "2.3", arena);
	struct record sendco = find(copy, TYPE_GROUP, "short_id", "sendco", arena);
	ok(bytes_equal(value_bytes(record_get(&r, field(TYPE_ACTION, "target_group"))), ID_BYTES(&sendco.id)),
	   "a target names the group whose meetings count");
	r = find(copy, TYPE_SCHOOL, "name", "pilsley PRIMARY school", arena);
	ok(reads(&r, "short_id", "pilsley") && number(&r, "phase") == RECORDS__PHASE__PRIMARY,
	   "a school that was there is found by its name, and what it never had is filled");
	r = find(copy, TYPE_SCHOOL, "short_id", "heath", arena);
	ok(number(&r, "governance") == RECORDS__GOVERNANCE__ACADEMY && reads(&r, "trust_from", "2019-01-01"),
	   "Heath is an academy since 1 January 2019");
	r = find(copy, TYPE_GROUP, "short_id", "gp3", arena);
	ok(number(&r, "kind") == RECORDS__GROUP_KIND__TRIAD &&
		   value_count(record_get(&r, field(TYPE_GROUP, "schools"))) == 3,
	   "a triad has its schools");
	r = find(copy, TYPE_EVENT, "day", "2019-10-09", arena);
	ok(reads(&r, "start", "18:30") && reads(&r, "title", "First meeting"), "a dated detail is a meeting");
	r = find(copy, TYPE_PARTNERSHIP, "name", "5PPS", arena);
	ok(value_count(record_get(&r, field(TYPE_PARTNERSHIP, "aims"))) == 4, "the partnership has its aims");
}

static void test_round_trip(struct copy *copy, struct copy *other, struct arena *arena)
{
	json_t *file = real_plan(), *first, *second;
	int all = 0;

	struct plan_report report = import(copy, file, arena);
	ok(report.made > 150 && report.filled == 2 && report.n_missing == 0,
	   "an administrator's import makes %zu records, and fills two", report.made);
	test_records(copy, arena);
	first = export(copy);
	int lost = missing(file, first, "", &all);
	ok(lost == 0 && all > 900, "all %d strings of the file stand in the export where they stood", all);
	int64_t before = pending(copy);
	report = import(copy, file, arena);
	ok(report.made == 0 && report.filled == 0 && report.there > 100 && pending(copy) == before,
	   "a second import changes nothing");
	report = import(copy, first, arena);
	ok(report.made == 0 && report.filled == 0 && pending(copy) == before, "nor does that of the export");
	report = import(other, first, arena);
	second = export(other);
	ok(same_bytes(first, second), "export, import elsewhere, export: not a byte differs");
	json_decref(file);
	json_decref(first);
	json_decref(second);
}

/* What the real file happens not to have: blank cells of the support programme, a calendar of
 * another year than the plan's, keys that nobody knows. */
static void test_nothing_lost(struct copy *copy, struct arena *arena)
{
	json_t *file = real_plan(), *o = json_object_get(file, "support_programme"), *out;
	int all = 0;

	json_object_set_new(o, "title", json_string(""));
	json_array_insert_new(json_object_get(o, "steps"), 1, json_string(""));
	o = json_object_get(file, "term_calendar");
	json_object_set_new(o, "year", json_string("2018-19"));
	json_object_set_new(json_array_get(json_object_get(o, "terms"), 1), "id", json_string("of a term"));
	o = json_array_get(json_object_get(file, "priorities"), 0);
	json_object_set_new(o, "remark", json_string("of a priority"));
	json_object_set_new(json_array_get(json_object_get(o, "success_criteria"), 2), "remark",
			    json_string("of a line"));
	json_object_set_new(json_object_get(o, "evaluation"), "remark", json_string("of its evaluation"));
	import(copy, file, arena);
	out = export(copy);
	ok(missing(file, out, "", &all) == 0, "blank cells, a calendar of another year, unknown keys come back");
	json_decref(out);
	json_decref(file);
}

/* The directory's part can be saved and the plan's can't: as where the disk is full in between. */
static void test_whole(struct copy *copy, struct arena *arena)
{
	static const char fails[] = "CREATE TEMP TRIGGER fails BEFORE INSERT ON pending WHEN "
				    "(SELECT count(*) FROM pending) > 1 BEGIN SELECT RAISE(ABORT, 'full'); END";
	json_t *file = real_plan();
	struct plan_report report;
	struct cause cause = {""};
	int64_t before = pending(copy);

	must(copy_begin(copy) == 0 && db_run_text(copy_db(copy), fails, &cause) == 0 && copy_commit(copy) == 0);
	ok(plan_import(copy, file, arena, &report, &cause) < 0 && before == 1, "an import that fails: %s",
	   cause.words);
	must(copy_begin(copy) == 0 && db_run_text(copy_db(copy), "DROP TRIGGER fails", &cause) == 0 &&
	     copy_commit(copy) == 0);
	ok(pending(copy) == before, "has saved nothing, of the directory neither");
	json_decref(file);
}

/* ---- Later edits ---------------------------------------------------------------------------- */

static json_t *action_in(json_t *plan, int priority, int n)
{
	json_t *p = json_array_get(json_object_get(plan, "priorities"), (size_t)priority);
	return json_array_get(json_object_get(p, "actions"), (size_t)n);
}

static bool has(json_t *object, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(object, key));
	return got && strcmp(got, want) == 0;
}

static void test_edits(struct copy *copy, struct copy *other, struct arena *arena)
{
	struct record r = find(copy, TYPE_ACTION, "ref", "1.5", arena), heath;
	struct id partnership = id_partnership(&the_area), priority, made = id_make(os_env());
	json_t *file = real_plan(), *out, *a, *again;
	char text[ID_TEXT];

	edit(copy, &r, "details", "Trained:\nHeath\nNewton");
	edit(copy, &r, "status", "in-progress");
	edit(copy, &r, "target_due", "2020-01-31");
	edit(copy, &r, "responsible_text", "Pilsley and Heath");
	heath = find(copy, TYPE_SCHOOL, "short_id", "heath", arena);
	edit(copy, &r, "responsible", id_format(&heath.id, text));
	edit(copy, &heath, "other_names", "The Heath");
	r = find(copy, TYPE_ACTION, "ref", "4.4", arena);
	edit(copy, &r, NULL, NULL);
	r = find(copy, TYPE_ACTION, "ref", "3.3", arena);
	edit(copy, &r, "ref", "3.30");
	r = find(copy, TYPE_NOTE, "text", "Maths Hub", arena);
	edit(copy, &r, "text", "Maths Hub, second year");
	r = find(copy, TYPE_EVENT, "day", "2019-11-14", arena);
	edit(copy, &r, "day", "2019-11-21");
	r = find(copy, TYPE_PRIORITY, "title", "Improve pupil outcomes", arena);
	priority = r.id;
	struct draft *d = draft_new(copy, &partnership);
	draft_create(d, TYPE_ACTION, &made);
	say(d, TYPE_ACTION, "text", "Read together");
	say_id(d, TYPE_ACTION, "priority", &priority);
	save(d);

	int64_t before = pending(copy);
	struct plan_report report = import(copy, file, arena);
	ok(report.made == 0 && report.filled == 0 && pending(copy) == before,
	   "an import after edits undoes none");
	out = export(copy);
	a = action_in(out, 0, 4);
	ok(json_array_size(json_object_get(a, "details")) == 3 && has(a, "status", "in-progress") &&
		   has(a, "responsible_text", "Pilsley and Heath"),
	   "what was edited is exported as it stands now");
	a = json_object_get(a, "derived");
	ok(has(json_object_get(a, "target"), "due", "2020-01-31") &&
		   has(json_object_get(a, "target"), "term", "Autumn 2019") &&
		   json_array_size(json_object_get(a, "owners")) == 2 &&
		   has(a, "note", "The action this software serves."),
	   "and so is what it means, beside what has no field");
	ok(json_array_size(json_object_get(json_array_get(json_object_get(out, "priorities"), 3), "actions")) == 3,
	   "what was withdrawn is gone");
	a = action_in(out, 1, 6);
	ok(has(a, "text", "Read together") && has(a, "id", id_format(&made, text)) && !json_object_get(a, "ref"),
	   "an action that came since stands last, with its id");
	ok(has(json_array_get(json_object_get(json_object_get(out, "council"), "meetings"), 0), "date",
	       "2019-11-21"),
	   "a meeting has its new day");
	before = pending(copy);
	report = import(copy, out, arena);
	ok(report.made == 0 && report.filled == 0 && pending(copy) == before,
	   "an import of that export changes nothing here");
	import(other, out, arena);
	again = export(other);
	ok(same_bytes(out, again), "and elsewhere it comes out to the same bytes");
	json_decref(file);
	json_decref(out);
	json_decref(again);
}

/* ---- One who does not administer ------------------------------------------------------------- */

static void test_head(struct copy *copy, struct copy *administrator, struct arena *arena)
{
	json_t *file = real_plan(), *out;
	struct plan_report report = import(copy, file, arena);
	int all = 0;

	ok(report.n_missing == 11 + 16 + 1, "a head is told what is missing: %zu things", report.n_missing);
	bool school = false, group = false, aims = false, pilsley = false;
	for (size_t i = 0; i < report.n_missing; i++) {
		school |= strcmp(report.missing[i], "School: Heath Primary School") == 0;
		group |= strcmp(report.missing[i], "Group: SENDco Working Group") == 0;
		aims |= strcmp(report.missing[i], "the partnership's aims") == 0;
		pilsley |= strstr(report.missing[i], "Pilsley") != NULL;
	}
	ok(school && group && aims && !pilsley, "by name, and not what is there");
	ok(count(copy, TYPE_SCHOOL, arena) == 1 && count(copy, TYPE_GROUP, arena) == 0,
	   "the directory is left alone");
	ok(count(copy, TYPE_ACTION, arena) == 33, "the plan is made");
	struct record mine = find(copy, TYPE_ACTION, "ref", "3.2", arena);
	struct record theirs = find(administrator, TYPE_ACTION, "ref", "3.2", arena);
	ok(id_equal(&mine.id, &theirs.id) &&
		   bytes_equal(record_get(&mine, field(TYPE_ACTION, "responsible")),
			       record_get(&theirs, field(TYPE_ACTION, "responsible"))),
	   "with the very ids that an administrator's import gives");
	out = export(copy);
	int lost = missing(file, out, "", &all);
	ok(lost == 0 && all > 900, "and still all %d strings come out again", all);
	report = import(copy, file, arena);
	ok(report.made == 0, "a second import changes nothing here either");
	json_decref(file);
	json_decref(out);
}

/* A head imports first; then the administrator makes a school and a group by hand. */
static void test_mend(struct copy *copy, struct arena *arena)
{
	json_t *file = real_plan();
	struct id directory = id_directory(&the_area), heath = id_make(os_env()), sendco = id_make(os_env());
	struct record r;
	int64_t before;

	import(copy, file, arena);
	struct draft *d = draft_new(copy, &directory);
	draft_create(d, TYPE_SCHOOL, &heath);
	say(d, TYPE_SCHOOL, "name", "Heath PS");
	draft_create(d, TYPE_GROUP, &sendco);
	say(d, TYPE_GROUP, "name", "sendco working group");
	save(d);
	struct plan_report report = import(copy, file, arena);
	ok(report.made == 0 && report.filled > 3 && report.n_missing == 10 + 15 + 1,
	   "what was made by hand after an import takes its place: %zu records", report.filled);
	r = find(copy, TYPE_ACTION, "ref", "3.2", arena);
	struct bytes responsible = record_get(&r, field(TYPE_ACTION, "responsible"));
	ok(value_count(responsible) == 1 && bytes_equal(value_bytes(responsible), ID_BYTES(&heath)),
	   "in a set");
	r = find(copy, TYPE_ACTION, "ref", "2.3", arena);
	ok(bytes_equal(value_bytes(record_get(&r, field(TYPE_ACTION, "target_group"))), ID_BYTES(&sendco)),
	   "and in a field");
	before = pending(copy);
	report = import(copy, file, arena);
	ok(report.filled == 0 && pending(copy) == before, "once");
	json_decref(file);
}

/* ---- Files that are not a plan --------------------------------------------------------------- */

static bool refused(struct copy *copy, json_t *file, const char *words, struct arena *arena)
{
	struct plan_report report;
	struct cause cause = {""};
	int64_t before = pending(copy);
	int err = plan_import(copy, file, arena, &report, &cause);
	bool good = err < 0 && strstr(cause.words, words) && !strchr(cause.words, '\n') &&
		    pending(copy) == before;

	if (!good)
		note("%d %s", err, cause.words);
	json_decref(file);
	return good;
}

/* The real plan with one thing of action 1.5 replaced (NULL: taken out). */
static json_t *spoilt(const char *key, json_t *value)
{
	json_t *file = real_plan(), *a = action_in(file, 0, 4);

	if (value)
		json_object_set_new(a, key, value);
	else
		json_object_del(a, key);
	return file;
}

/* What is read as a list, or as an object, and is something else: it would be passed over. */
static void test_wrong_kinds(struct copy *copy, struct arena *arena)
{
	static const struct {
		const char *in, *key, *words;
	} kinds[] = {
		{"support_programme", "steps", "support_programme: \"steps\" must be a list"},
		{"support_programme", NULL, "the file: \"support_programme\" must be an object"},
		{"term_calendar", "terms", "term_calendar: \"terms\" must be a list"},
		{"term_calendar", "bank_holidays_in_term", "\"bank_holidays_in_term\" must be a list"},
		{"term_calendar", NULL, "the file: \"term_calendar\" must be an object"},
		{"priorities", "columns", "priority 1: \"columns\" must be a list"},
		{"priorities", "evaluation", "priority 1: \"evaluation\" must be an object"},
		{"priorities", "success_criteria", "priority 1: \"success_criteria\" must be a list"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		json_t *file = real_plan(), *in = json_object_get(file, kinds[i].in);
		if (json_is_array(in))
			in = json_array_get(in, 0);
		json_object_set_new(kinds[i].key ? in : file, kinds[i].key ? kinds[i].key : kinds[i].in,
				    json_string("words"));
		ok(refused(copy, file, kinds[i].words, arena), "refused: %s", kinds[i].words);
	}
	ok(refused(copy, spoilt("id", json_string("61207065-7273-6f6e-206f-662031366200")),
		   "action 1.5: its id is that of a person", arena),
	   "an id that something else has");
}

static void test_refused(struct copy *copy, struct arena *arena)
{
	static const char *const cells[] = {"text",   "responsible", "monitored_by",
					    "target", "resources",   "details"};
	char *big = mem_alloc(300000), *words;
	json_t *file;

	memset(big, 'x', 299999);
	ok(refused(copy, json_array(), "no plan", arena), "a list is no plan");
	ok(refused(copy, json_object(), "\"plan\" is missing", arena), "nor is an empty object");
	file = real_plan();
	json_object_set_new(json_object_get(file, "plan"), "academic_year", json_string("2019"));
	ok(refused(copy, file, "2019-20", arena), "the year must be one");
	file = real_plan();
	json_object_del(file, "priorities");
	ok(refused(copy, file, "\"priorities\" is missing", arena), "there must be priorities");
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		words = mem_format("action 1.5: \"%s\" is missing", cells[i]);
		ok(refused(copy, spoilt(cells[i], NULL), words, arena), "a missing cell is named: %s", words);
		free(words);
	}
	ok(refused(copy, spoilt("ref", NULL), "\"ref\" is missing", arena), "so is a missing reference");
	ok(refused(copy, spoilt("ref", json_string("1.4")), "action 1.4: it stands twice", arena),
	   "two with one reference");
	ok(refused(copy, spoilt("target", json_integer(7)), "\"target\" must be a text", arena), "a wrong kind");
	ok(refused(copy, spoilt("details", json_pack("[i]", 3)), "must be a text", arena), "a wrong kind in a list");
	ok(refused(copy, spoilt("resources", json_string(big)), "action 1.5: action.resources_text", arena),
	   "a text that is too long");
	ok(refused(copy, spoilt("id", json_string("x")), "not an id", arena), "an id that is none");
	ok(refused(copy, spoilt("derived", json_pack("{s:[s]}", "depends_on", "1.5")),
		   "action 1.5: depends_on: an action can't refer to itself", arena),
	   "an action that waits for itself");
	file = real_plan();
	json_object_del(json_array_get(json_object_get(file, "schools"), 3), "name");
	ok(refused(copy, file, "schools: number 4 has no \"name\"", arena), "a school without a name");
	file = real_plan();
	json_array_append(json_object_get(file, "schools"), json_array_get(json_object_get(file, "schools"), 0));
	ok(refused(copy, file, "\"blackwell\" stands twice", arena), "a school that stands twice");
	file = real_plan();
	json_object_set_new(json_array_get(json_object_get(file, "triads"), 0), "members", json_pack("[s]", "eton"));
	ok(refused(copy, file, "\"eton\"", arena), "a triad with a school that is not in the file");
	file = real_plan();
	json_object_set_new(json_object_get(file, "term_calendar"), "bank_holidays_in_term",
			    json_pack("[s]", "2020-02-30"));
	ok(refused(copy, file, "day", arena), "a day that is none");
	file = real_plan();
	json_object_set_new(file, "schools", json_string("all"));
	ok(refused(copy, file, "\"schools\" must be a list", arena), "schools that are no list");
	file = real_plan();
	for (int i = 0; i < 2050; i++)
		json_array_append_new(json_object_get(action_in(file, 0, 4), "details"), json_string(""));
	ok(refused(copy, file, "more than 2048", arena), "a list without an end");
	free(big);
}

/* What an import kept may be written to by anybody who may write the plan. */
static void test_spoilt(struct copy *copy, struct arena *arena)
{
	static const char *const texts[] = {"", "{", "[1]", "{\"schools\":3}", "{\"schools\":[3]}",
					    "{\"council\":[],\"plan\":7,\"support_programme\":\"x\"}",
					    "{\"council\":{\"themes\":[1],\"meetings\":[[]]},\"aims\":{}}"};
	struct record plan = find(copy, TYPE_PLAN, "year", "2019-20", arena);
	struct record action = find(copy, TYPE_ACTION, "ref", "1.3", arena);
	struct cause cause = {""};
	json_t *out;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		edit(copy, &plan, "import_text", texts[i]);
		edit(copy, &action, "import_text", texts[i]);
		ok(plan_export(copy, "2019-20", &out, &cause) == 0 && has(action_in(out, 0, 2), "ref", "1.3"),
		   "a plan whose kept text is \"%s\" is exported all the same", texts[i]);
		json_decref(out);
	}
}

/* Only what must be there: blank cells, no "derived", no schools. */
static void test_bare(struct copy *copy, struct arena *arena)
{
	json_t *file = json_pack("{s:{s:s},s:[{s:i,s:s,s:[{s:s,s:s,s:[],s:s,s:s,s:s,s:[s,s]}]}]}", "plan",
				 "academic_year", "2020-21", "priorities", "number", 1, "title", "One", "actions",
				 "ref", "1.1", "text", "", "responsible", "monitored_by", "", "target", "",
				 "resources", "", "details", "", "b");
	struct plan_report report = import(copy, file, arena);
	json_t *out = export(copy);
	int all = 0;

	ok(report.made == 3, "a bare plan is taken: a plan, a priority, an action");
	ok(missing(file, out, "", &all) == 0, "and comes back with its blank cells and lines");
	ok(has(json_object_get(out, "plan"), "academic_year", "2020-21"), "the newest plan is exported");
	json_decref(out);
	struct cause cause = {""};
	ok(plan_export(copy, "2019-20", &out, &cause) == 0 &&
		   has(json_object_get(out, "plan"), "academic_year", "2019-20"),
	   "or the one that is asked for");
	json_decref(out);
	ok(plan_export(copy, "1999-00", &out, &cause) == ERR_MISSING && strstr(cause.words, "1999-00"),
	   "one that is not there is said so");
	json_decref(file);
}

int main(void)
{
	struct arena arena;
	struct copy *pilsley = school("pilsley", true), *heath = school("heath", true);
	struct copy *odd = school("odd", true), *head = school("head", false);
	struct copy *elsewhere = school("elsewhere", true);
	struct cause cause = {""};
	json_t *none;

	arena_init(&arena, ARENA_NO_BUDGET);
	ok(plan_export(pilsley, NULL, &none, &cause) == ERR_MISSING && !none, "there is no plan at first");
	test_round_trip(pilsley, heath, &arena);
	test_whole(odd, &arena);
	test_nothing_lost(odd, &arena);
	test_head(head, pilsley, &arena);
	test_mend(head, &arena);
	test_edits(pilsley, elsewhere, &arena);
	test_refused(heath, &arena);
	test_wrong_kinds(heath, &arena);
	test_spoilt(pilsley, &arena);
	test_bare(heath, &arena);
	copy_close(&pilsley);
	copy_close(&heath);
	copy_close(&odd);
	copy_close(&head);
	copy_close(&elsewhere);
	arena_fini(&arena);
	return tap_end();
}
