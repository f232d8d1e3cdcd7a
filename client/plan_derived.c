/*
 * "derived": what the words of an action's cells were read to mean, as JSON and as fields. The two
 * tables below say which field is which; a key that they don't name is kept as it stands.
 */
#include "client/plan_inside.h"

#include "records.pb-c.h"

#include <string.h>

/* How a target names its period, and which key holds it. */
static const struct {
	Records__TargetKind kind;
	const char *name, *period;
} target_kinds[] = {
	{RECORDS__TARGET_KIND__ON_DATE, "date", NULL},
	{RECORDS__TARGET_KIND__IN_MONTH, "month", "month"},
	{RECORDS__TARGET_KIND__IN_TERM, "term", "term"},
	{RECORDS__TARGET_KIND__ACADEMIC_YEAR, "academic_year", "year"},
	{RECORDS__TARGET_KIND__RECURRING, "recurring", "every"},
	{RECORDS__TARGET_KIND__ONGOING, "ongoing", "review_every"},
	{RECORDS__TARGET_KIND__WHEN_SUITABLE, "when_suitable", "review_every"},
};
enum { TARGET_KINDS = sizeof(target_kinds) / sizeof(*target_kinds) };

/* Who: the key in the file, the field. */
static const struct {
	const char *key, *field;
} parties[] = {{"owners", "responsible"}, {"lead", "lead"}, {"monitors", "monitored_by"}};
enum { N_PARTIES = sizeof(parties) / sizeof(*parties) };

static const char *const target_fields[] = {"target_kind", "target_due", "target_period",
					    "target_group"};
enum { TARGET_FIELDS = sizeof(target_fields) / sizeof(*target_fields) };

/* ---- Reading -------------------------------------------------------------------------------- */

/* {"type": "school", "id": "heath"}; false for a role, or what the file does not list. */
static bool read_party(const struct place *p, json_t *party, struct id *out)
{
	const char *type = json_word(party, "type"), *id = json_word(party, "id");
	const struct member *m;

	if (!type || !id)
		return false;
	if (id_parse(out, id))
		return true;
	if (strcmp(type, "school") != 0 && strcmp(type, "group") != 0)
		return false;
	m = roster_find(&p->roster, strcmp(type, "school") == 0 ? PART_SCHOOLS : PART_WORKING, id);
	if (m)
		*out = m->id;
	return m != NULL;
}

static void derive_parties(const struct place *p, json_t *list, const char *field, struct record *r)
{
	uint32_t n = plan_field(r->type, field);
	struct buf all = {0};
	struct id id;
	json_t *party;
	size_t i;

	if (json_is_object(list) && read_party(p, list, &id))
		field_add_bytes(&all, n, ID_BYTES(&id));
	json_array_foreach(list, i, party) {
		if (read_party(p, party, &id))
			field_add_bytes(&all, n, ID_BYTES(&id));
	}
	put_values(r, field, buf_bytes(&all));
	buf_fini(&all);
}

/* The key of a target's period; a kind that has none, or is not known, calls it by its name. */
static const char *period_key(uint64_t kind)
{
	for (size_t i = 0; i < TARGET_KINDS; i++)
		if (target_kinds[i].kind == kind && target_kinds[i].period)
			return target_kinds[i].period;
	return "period";
}

static void derive_target(const struct place *p, json_t *target, struct record *r)
{
	const char *kind = json_word(target, "kind"), *of = json_word(target, "of");
	const struct member *group = of ? roster_find(&p->roster, PART_WORKING, of) : NULL;
	struct id id;

	for (size_t i = 0; kind && i < TARGET_KINDS; i++)
		if (strcmp(kind, target_kinds[i].name) == 0)
			put_number(r, "target_kind", target_kinds[i].kind);
	put_text(r, "target_period", json_word(target, period_key(get_number(r, "target_kind"))));
	put_text(r, "target_due", json_word(target, "due"));
	if (group)
		put_ref(r, "target_group", &group->id);
	else if (of && id_parse(&id, of))
		put_ref(r, "target_group", &id);
}

static void derive_money(json_t *money, struct record *r)
{
	json_t *first = json_array_get(money, 0);
	const char *per = json_word(first, "per");
	json_int_t pence = json_integer_value(json_object_get(first, "amount_pence"));

	if (pence <= 0)
		return;
	put_number(r, "cost_pence", (uint64_t)pence);
	if (per && strcmp(per, "school") == 0)
		put_number(r, "cost_per_school", 1);
}

static struct id action_named(const struct place *p, const char *ref)
{
	struct id id;
	return id_parse(&id, ref) ? id : plan_id(p, TYPE_ACTION, "%s", ref);
}

static void derive_depends(const struct place *p, json_t *list, struct record *r)
{
	uint32_t n = plan_field(r->type, "depends_on");
	struct buf all = {0};
	json_t *ref;
	size_t i;

	json_array_foreach(list, i, ref) {
		if (!json_is_string(ref))
			continue;
		struct id id = action_named(p, json_string_value(ref));
		field_add_bytes(&all, n, ID_BYTES(&id));
	}
	put_values(r, "depends_on", buf_bytes(&all));
	buf_fini(&all);
}

void plan_derive(const struct place *p, json_t *derived, struct record *action)
{
	for (size_t i = 0; i < N_PARTIES; i++)
		derive_parties(p, json_object_get(derived, parties[i].key), parties[i].field,
			       action);
	derive_target(p, json_object_get(derived, "target"), action);
	derive_money(json_object_get(derived, "money"), action);
	derive_depends(p, json_object_get(derived, "depends_on"), action);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static bool same(const struct record *a, const struct record *b, const char *field)
{
	uint32_t n = plan_field(a->type, field);
	return bytes_equal(record_get(a, n), record_get(b, n));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The ids of a set by their names in the file, and sorted by these: ids differ between areas. */
static size_t names_of(const struct place *p, struct bytes value, const char *type, char ***out)
{
	size_t n = 0;
	struct field f;
	struct id id;
	char text[ID_TEXT];

	*out = arena_alloc(p->arena, (value_count(value) + 1) * sizeof(**out));
	while (field_next(&value, &f) > 0) {
		if (!id_from(&id, f.payload))
			continue;
		const struct member *m = roster_find_id(&p->roster, &id);
		const char *kind = !m ? "person" : m->part == PART_SCHOOLS ? "school" : "group";
		if (strcmp(kind, type) == 0)
			(*out)[n++] =
			    arena_format(p->arena, "%s", m ? m->short_id : id_format(&id, text));
	}
	qsort(*out, n, sizeof(**out), by_text);
	return n;
}

static void underive_parties(const struct place *p, const struct record *r, size_t which,
			     json_t *derived)
{
	static const char *const types[] = {"group", "school", "person"};
	struct bytes value = record_get(r, plan_field(TYPE_ACTION, parties[which].field));
	json_t *old = json_object_get(derived, parties[which].key), *list = json_array(), *party;
	struct id id;
	char **names;
	size_t i;

	for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
		size_t n = names_of(p, value, types[t], &names);
		for (i = 0; i < n; i++)
			json_array_append_new(
			    list, json_pack("{s:s,s:s}", "type", types[t], "id", names[i]));
	}
	/* A role is no record and has no field; it stays. */
	json_array_foreach(old, i, party) {
		if (!read_party(p, party, &id))
			json_array_append(list, party);
	}
	json_object_set_new(derived, parties[which].key, list);
}

static void underive_target(const struct place *p, const struct record *r, json_t *derived)
{
	json_t *target = json_object();
	const char *period = get_text(r, "target_period"), *due = get_text(r, "target_due");
	uint64_t kind = get_number(r, "target_kind");
	struct id group;
	char text[ID_TEXT];

	for (size_t i = 0; i < TARGET_KINDS; i++)
		if (target_kinds[i].kind == kind)
			json_object_set_new(target, "kind", json_string(target_kinds[i].name));
	if (period)
		json_object_set_new(target, period_key(kind), json_string(period));
	if (due)
		json_object_set_new(target, "due", json_string(due));
	if (get_ref(r, "target_group", &group)) {
		const struct member *m = roster_find_id(&p->roster, &group);
		json_object_set_new(target, "of",
				    json_string(m ? m->short_id : id_format(&group, text)));
	}
	json_object_set_new(derived, "target", target);
}

static void underive_money(const struct record *r, json_t *derived)
{
	json_t *money;

	if (!has_value(r, "cost_pence")) {
		json_object_del(derived, "money");
		return;
	}
	money = json_pack("{s:I}", "amount_pence", (json_int_t)get_number(r, "cost_pence"));
	if (get_number(r, "cost_per_school"))
		json_object_set_new(money, "per", json_string("school"));
	json_object_set_new(derived, "money", json_pack("[o]", money));
}

/* By reference where that leads to it again, else by id. */
static void underive_depends(const struct place *p, const struct record *r, json_t *derived)
{
	struct bytes value = record_get(r, plan_field(TYPE_ACTION, "depends_on"));
	char **names = arena_alloc(p->arena, (value_count(value) + 1) * sizeof(*names));
	json_t *list = json_array();
	struct record other;
	struct field f;
	size_t n = 0;

	while (field_next(&value, &f) > 0) {
		struct id id, named;
		char text[ID_TEXT];
		if (!id_from(&id, f.payload))
			continue;
		bool found = copy_record(p->copy, &id, VIEW_SHOWN, p->arena, &other, NULL) == 0 &&
			     other.type == TYPE_ACTION;
		const char *ref = found ? get_text(&other, "ref") : NULL;
		if (ref)
			named = action_named(p, ref);
		bool leads = ref && id_equal(&named, &id);
		names[n++] = arena_format(p->arena, "%s", leads ? ref : id_format(&id, text));
	}
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
	json_object_set_new(derived, "depends_on", list);
}

void plan_underive(const struct place *p, const struct record *action, json_t *derived)
{
	struct record read;
	bool target = true;

	record_init(&read, p->arena, &action->id, TYPE_ACTION);
	plan_derive(p, derived, &read);
	for (size_t i = 0; i < N_PARTIES; i++)
		if (!same(action, &read, parties[i].field))
			underive_parties(p, action, i, derived);
	for (size_t i = 0; i < TARGET_FIELDS; i++)
		target &= same(action, &read, target_fields[i]);
	if (!target)
		underive_target(p, action, derived);
	if (!same(action, &read, "cost_pence") || !same(action, &read, "cost_per_school"))
		underive_money(action, derived);
	if (!same(action, &read, "depends_on"))
		underive_depends(p, action, derived);
}
