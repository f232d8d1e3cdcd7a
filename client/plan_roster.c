/*
 * The schools and groups of a plan's file, found in the directory: under the id that an import
 * gives them, else by short name, name, or one of the other names that either side knows, in any
 * case. Two that fit equally well are none: a wrong match would mix up two schools.
 */
#include "client/plan_inside.h"

#include "client/lookup.h"
#include "client/resolve.h"
#include "records.pb-c.h"

#include <string.h>

enum { ROSTER_MAX = 2048, NAMES_MAX = 64 };

const char *const plan_parts[PARTS] = {"schools", "working_groups", "other_groups", "triads"};

/* What the directory has, each to be taken once. */
struct entry {
	struct record record;
	const char *short_id, *name; /* NULL: none */
	const char **names;	     /* other names */
	size_t n_names;
	bool taken;
};

struct entries {
	struct entry *entries;
	size_t n;
};

uint32_t member_type(const struct member *m)
{
	return m->part == PART_SCHOOLS ? TYPE_SCHOOL : TYPE_GROUP;
}

const struct member *roster_find(const struct roster *r, enum part part, const char *short_id)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct member *m = &r->members[i];
		if ((m->part == PART_SCHOOLS) == (part == PART_SCHOOLS) &&
		    strcmp(m->short_id, short_id) == 0)
			return m;
	}
	return NULL;
}

const struct member *roster_find_id(const struct roster *r, const struct id *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (id_equal(&r->members[i].id, id))
			return &r->members[i];
	return NULL;
}

void roster_set_academy(struct roster *r, const char *short_id, const char *day)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->members[i].part == PART_SCHOOLS &&
		    strcmp(r->members[i].short_id, short_id) == 0)
			r->members[i].academy_from = day;
}

const struct member *roster_council(const struct roster *r)
{
	return roster_find(r, PART_OTHER, "student-council");
}

static struct member *roster_add(struct roster *r, struct arena *arena, enum part part)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct member *grown = arena_alloc(arena, cap * sizeof(*grown));
		if (r->n)
			memcpy(grown, r->members, r->n * sizeof(*grown));
		r->members = grown;
		r->cap = cap;
	}
	r->members[r->n] = (struct member){.part = part};
	return &r->members[r->n++];
}

/* ---- Matching ------------------------------------------------------------------------------- */

static bool known_as(const struct entry *e, const char *name)
{
	for (size_t i = 0; i < e->n_names; i++)
		if (resolve_same_name(e->names[i], name))
			return true;
	return false;
}

/* How well an entry fits what the file says: 0 not at all. */
static int fit(const struct entry *e, const struct member *m)
{
	const char *alias;
	json_t *aliases = json_object_get(m->object, "aliases_in_source"), *item;
	size_t i;
	int best = 0;

	if (e->short_id && strcmp(e->short_id, m->short_id) == 0)
		return 4;
	if (e->name && resolve_same_name(e->name, m->name))
		return 3;
	if (known_as(e, m->name))
		best = 2;
	json_array_foreach(aliases, i, item) {
		alias = json_string_value(item);
		if (alias && e->name && resolve_same_name(e->name, alias))
			best = 2;
		else if (alias && best == 0 && known_as(e, alias))
			best = 1;
	}
	return best;
}

static struct entry *best_fit(struct entries *all, const struct member *m)
{
	struct entry *found = NULL;
	int best = 0;

	for (size_t i = 0; i < all->n; i++) {
		int f = all->entries[i].taken ? 0 : fit(&all->entries[i], m);
		if (f > best)
			found = &all->entries[i];
		else if (f == best && best < 3)
			found = NULL;
		best = f > best ? f : best;
	}
	return found;
}

static void member_match(struct place *p, struct entries *all, struct member *m)
{
	struct id own = id_record(&p->area, &p->directory, member_type(m), m->short_id);
	struct entry *e = NULL;

	m->id = m->own_id = own;
	if (copy_record(p->copy, &own, VIEW_SHOWN, p->arena, &m->record, NULL) == 0) {
		m->there = m->own = true;
		for (size_t i = 0; i < all->n; i++)
			if (id_equal(&all->entries[i].record.id, &own))
				all->entries[i].taken = true;
		return;
	}
	e = best_fit(all, m);
	if (e) {
		e->taken = m->there = true;
		m->record = e->record;
		m->id = e->record.id;
	}
}

/* ---- Loading -------------------------------------------------------------------------------- */

/* Its names, read once: they are compared with every name in the file. */
static void entry_names(struct entry *e, struct arena *arena)
{
	struct bytes names = record_get(&e->record, plan_field(e->record.type, "other_names"));
	struct field f;

	e->short_id = get_text(&e->record, "short_id");
	e->name = get_text(&e->record, "name");
	e->names = arena_alloc(arena, (value_count(names) + 1) * sizeof(*e->names));
	while (field_next(&names, &f) > 0)
		e->names[e->n_names++] = arena_text(arena, f.payload);
}

static int entries_load(struct place *p, uint32_t type, struct entries *out)
{
	struct ids ids = {0};
	int err = lookup_type(p->copy, type, false, p->arena, &ids);

	*out = (struct entries){arena_alloc(p->arena, (ids.n + 1) * sizeof(*out->entries)), 0};
	for (size_t i = 0; i < ids.n && err == 0; i++) {
		struct entry *e = &out->entries[out->n++];
		err = copy_record(p->copy, &ids.ids[i], VIEW_SHOWN, p->arena, &e->record, NULL);
		if (err == 0)
			entry_names(e, p->arena);
	}
	return err;
}

static int part_load(struct place *p, json_t *file, enum part part, struct cause *cause)
{
	json_t *list = json_object_get(file, plan_parts[part]), *object;
	size_t i;

	if (list && !json_is_array(list))
		return cause_set(cause, ERR_INVALID, "\"%s\" must be a list", plan_parts[part]);
	json_array_foreach(list, i, object) {
		const char *short_id = json_word(object, "id"), *name = json_word(object, "name");
		if (!short_id || !name || !*short_id || !*name)
			return cause_set(cause, ERR_INVALID, "%s: number %zu has no \"%s\"",
					 plan_parts[part], i + 1,
					 short_id && *short_id ? "name" : "id");
		if (json_array_size(json_object_get(object, "aliases_in_source")) > NAMES_MAX)
			return cause_set(cause, ERR_INVALID, "%s: \"%.60s\" has more than %d names",
					 plan_parts[part], short_id, NAMES_MAX);
		if (roster_find(&p->roster, part, short_id))
			return cause_set(cause, ERR_INVALID, "%s: \"%.60s\" stands twice",
					 plan_parts[part], short_id);
		if (p->roster.n >= ROSTER_MAX)
			return cause_set(cause, ERR_INVALID, "more than %d schools and groups",
					 ROSTER_MAX);
		struct member *m = roster_add(&p->roster, p->arena, part);
		m->short_id = short_id;
		m->name = name;
		m->object = object;
	}
	return 0;
}

/* A name for what the directory alone has: "st-mary-s-school". */
static const char *slug(struct arena *arena, const char *name)
{
	char *s = arena_text(arena, BYTES(name, strlen(name))), *out = s;

	for (const char *c = s; *c; c++) {
		char low = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
		bool plain = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
		if (plain)
			*out++ = low;
		else if (out > s && out[-1] != '-')
			*out++ = '-';
	}
	while (out > s && out[-1] == '-')
		out--;
	*out = '\0';
	return s;
}

static enum part part_of(const struct record *r)
{
	uint64_t kind = r->type == TYPE_GROUP ? get_number(r, "kind") : 0;

	if (r->type == TYPE_SCHOOL)
		return PART_SCHOOLS;
	return kind == RECORDS__GROUP_KIND__TRIAD     ? PART_TRIADS
	       : kind == RECORDS__GROUP_KIND__WORKING ? PART_WORKING
						      : PART_OTHER;
}

static void roster_add_rest(struct place *p, const struct entries *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct record *r = &all->entries[i].record;
		if (all->entries[i].taken)
			continue;
		const char *name = all->entries[i].name, *short_id = all->entries[i].short_id;
		struct member *m = roster_add(&p->roster, p->arena, part_of(r));
		m->name = name ? name : "";
		m->short_id = short_id ? short_id : slug(p->arena, m->name);
		m->id = r->id;
		m->there = true;
		m->record = *r;
	}
}

int place_init(struct place *p, struct copy *copy, struct arena *arena, const char *year,
	       json_t *file, struct cause *cause)
{
	struct entries schools = {0}, groups = {0};
	int err = 0;

	*p = (struct place){.copy = copy, .arena = arena, .year = year};
	p->area = copy_identity(copy)->area;
	p->directory = id_directory(&p->area);
	p->partnership = id_partnership(&p->area);
	for (int part = 0; part < PARTS && err == 0; part++)
		err = part_load(p, file, (enum part)part, cause);
	if (err < 0)
		return err;
	if (entries_load(p, TYPE_SCHOOL, &schools) < 0 || entries_load(p, TYPE_GROUP, &groups) < 0)
		return cause_set(cause, ERR_DB, "the directory can't be read");
	for (size_t i = 0; i < p->roster.n; i++) {
		struct member *m = &p->roster.members[i];
		member_match(p, m->part == PART_SCHOOLS ? &schools : &groups, m);
	}
	roster_add_rest(p, &schools);
	roster_add_rest(p, &groups);
	return 0;
}
