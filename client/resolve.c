/*
 * From words to types, records and spaces. A name is looked for among the titles, short names and
 * other names of the types that may be meant: the whole name first, then its first words
 * ("Pilsley").
 */
#include "client/resolve.h"

#include "client/lookup.h"
#include "client/nearest.h"
#include "client/screen.h"
#include "records.pb-c.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Types that a bare ID may name by their names. */
static const char resolve_common_types[] =
    "action plan-line school group person event document space device";

/* ---- Words ---------------------------------------------------------------------------------- */

bool resolve_text_holds(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

/* How far `part` reaches into `name` if it is its start, but for capitals and runs of spaces; else
 * NULL. */
static const char *resolve_name_start(const char *name, const char *part)
{
	name += strspn(name, " \t");
	part += strspn(part, " \t");
	while (*part) {
		if (isspace((unsigned char)*part)) {
			part += strspn(part, " \t\n\r");
			if (!*part)
				break;
			if (!isspace((unsigned char)*name))
				return NULL;
			name += strspn(name, " \t\n\r");
		} else if (tolower((unsigned char)*name++) != tolower((unsigned char)*part++)) {
			return NULL;
		}
	}
	return name;
}

bool resolve_same_name(const char *a, const char *b)
{
	const char *end = resolve_name_start(a, b);
	return end && !end[strspn(end, " \t")];
}

static bool resolve_is_first_words(const char *name, const char *part)
{
	const char *end = resolve_name_start(name, part);
	return end && !isalnum((unsigned char)*end) && !((unsigned char)*end & 0x80);
}

/* ---- Types and fields ----------------------------------------------------------------------- */

static const char *resolve_type_name_at(size_t i)
{
	size_t n;
	return schema_types(&n)[i].name;
}

int resolve_type(const char *word, const struct schema_type **out, struct cause *cause)
{
	size_t n;
	char name[64] = "";

	schema_types(&n);
	for (size_t i = 0; word[i] && i + 1 < sizeof(name); i++)
		name[i] =
		    word[i] == '_' || word[i] == ' ' ? '-' : (char)tolower((unsigned char)word[i]);
	*out = schema_type_named(name);
	if (!*out && name[0] && name[strlen(name) - 1] == 's') {
		name[strlen(name) - 1] = '\0';
		*out = schema_type_named(name);
	}
	if (*out)
		return 0;
	const char *near = nearest_name(name, resolve_type_name_at, n);
	if (near)
		return cause_set(cause, ERR_INVALID, "there is no type '%.60s'; did you mean '%s'?",
				 word, near);
	return cause_set(cause, ERR_INVALID,
			 "there is no type '%.60s'; 'fivepits list' names them all", word);
}

int resolve_field(const struct schema_type *t, const char *word,
		  const ProtobufCFieldDescriptor **out, struct cause *cause)
{
	char name[64] = "";
	const char *nearest = NULL;
	size_t least = 3;

	for (size_t i = 0; word[i] && i + 1 < sizeof(name); i++)
		name[i] =
		    word[i] == '-' || word[i] == ' ' ? '_' : (char)tolower((unsigned char)word[i]);
	*out = schema_field_named(t, name);
	if (*out)
		return 0;
	for (size_t i = 0; i < t->n_fields; i++) {
		size_t d = nearest_distance(name, t->fields[i].name);
		if (d < least) {
			least = d;
			nearest = t->fields[i].name;
		}
	}
	if (nearest)
		return cause_set(cause, ERR_INVALID, "%s has no field '%.60s'; did you mean '%s'?",
				 t->name, word, nearest);
	return cause_set(cause, ERR_INVALID,
			 "%s has no field '%.60s'; 'fivepits limits %s' lists its fields", t->name,
			 word, t->name);
}

/* ---- Records by name ------------------------------------------------------------------------ */

/* The fields that a record may be called by. */
static bool resolve_is_name_field(const struct schema_type *t, const char *field)
{
	static const char *const names[] = {"name",	  "other_names", "known_as", "short_id",
					    "short_name", "email",	 "ref",	     "label",
					    "title",	  "filename"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(field, names[i]) == 0)
			return true;
	return t->number == TYPE_PRIORITY && strcmp(field, "number") == 0;
}

enum { MATCH_NONE, MATCH_START, MATCH_WHOLE };

static int resolve_match(const struct schema_type *t, const struct record *r, const char *word)
{
	int best = MATCH_NONE;
	struct buf b = {0};

	if (!word[strspn(word, " \t\n\r")])
		return MATCH_NONE;
	for (size_t i = 0; i < t->n_fields && best < MATCH_WHOLE; i++) {
		const ProtobufCFieldDescriptor *d = &t->message->fields[i];
		struct bytes value = record_get(r, d->id);
		struct field o;
		if (!resolve_is_name_field(t, d->name))
			continue;
		while (field_next(&value, &o) > 0) {
			buf_reset(&b);
			schema_print(d, &t->fields[i], &o, &b);
			buf_add_u8(&b, 0);
			if (resolve_same_name((const char *)b.data, word))
				best = MATCH_WHOLE;
			else if (best < MATCH_START && t->fields[i].format == FORMAT_LINE &&
				 strcmp(d->name, "ref") != 0 &&
				 resolve_is_first_words((const char *)b.data, word))
				best = MATCH_START;
		}
	}
	buf_fini(&b);
	return best;
}

/* What a name was found to mean so far. */
struct resolve_found {
	int match;
	size_t n;
	struct id ids[3];
};

static int resolve_among(struct copy *copy, const struct schema_type *t, const char *word,
			 bool withdrawn, struct resolve_found *found, struct arena *arena)
{
	/* Most records are sorted out by the first word alone, without being read. */
	const char *start = word + strspn(word, " \t\n\r");
	const char *first = arena_text(arena, BYTES(start, strcspn(start, " \t\n\r")));
	const char **fields = arena_alloc(arena, (t->n_fields + 1) * sizeof(*fields));
	size_t n = 0;
	struct ids all;

	for (size_t i = 0; i < t->n_fields; i++)
		if (resolve_is_name_field(t, t->fields[i].name))
			fields[n++] = t->fields[i].name;
	int err = lookup_holding(copy, t, fields, n, first, withdrawn, arena, &all);
	for (size_t i = 0; err >= 0 && i < all.n; i++) {
		struct record r;
		if (copy_record(copy, &all.ids[i], VIEW_SHOWN, arena, &r, NULL) < 0)
			continue;
		int match = resolve_match(t, &r, word);
		if (match == MATCH_NONE || match < found->match)
			continue;
		if (match > found->match)
			*found = (struct resolve_found){.match = match};
		if (found->n < sizeof(found->ids) / sizeof(*found->ids))
			found->ids[found->n] = all.ids[i];
		found->n++;
	}
	return err;
}

/* "school, group or person" of "school group person". */
static const char *resolve_type_list(struct arena *arena, const char *types)
{
	struct buf b = {0};
	if (!types)
		return "record";
	for (const char *p = types; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		buf_add_text(&b, "%s%.*s", p == types ? "" : p[n] ? ", " : " or ", (int)n, p);
		p += n;
	}
	const char *list = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return list;
}

static int resolve_among_all(struct copy *copy, const char *types, const char *word, bool withdrawn,
			     struct resolve_found *found, struct arena *arena)
{
	int err = 0;
	for (const char *p = types; err >= 0 && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		const struct schema_type *t = schema_type_named(arena_text(arena, BYTES(p, n)));
		if (t)
			err = resolve_among(copy, t, word, withdrawn, found, arena);
		p += n;
	}
	return err;
}

static int resolve_name(struct copy *copy, const char *types, const char *word, struct id *out,
			struct cause *cause)
{
	struct resolve_found found = {MATCH_NONE, 0, {{{0}}}};
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = resolve_among_all(copy, types, word, false, &found, &arena);
	if (err >= 0 && found.n == 0 && types == resolve_common_types)
		err = resolve_among_all(copy, types, word, true, &found, &arena);
	const char *clean = screen_line(&arena, BYTES(word, strlen(word)));
	if (err < 0)
		cause_set(cause, err, "this copy can't be read: %s", err_words(err));
	else if (found.n == 0)
		err = cause_set(cause, ERR_MISSING,
				"there is no %s '%.80s' on this computer; 'fivepits %s' %s",
				types == resolve_common_types ? "record"
							      : resolve_type_list(&arena, types),
				clean, types == resolve_common_types ? "search" : "list",
				types == resolve_common_types ? "finds one by its words"
							      : "with its type names all");
	else if (found.n > 1)
		err = cause_set(
		    cause, ERR_AMBIGUOUS,
		    "'%.60s' could be %.120s (%s) or %.120s (%s)%s; write more of it, or the id",
		    clean, lookup_label(copy, &found.ids[0], &arena),
		    lookup_short_id(copy, &found.ids[0], &arena),
		    lookup_label(copy, &found.ids[1], &arena),
		    lookup_short_id(copy, &found.ids[1], &arena), found.n > 2 ? " or others" : "");
	else
		*out = found.ids[0];
	arena_fini(&arena);
	return err;
}

static bool resolve_looks_like_id(const char *word)
{
	return *word && strspn(word, "0123456789abcdefABCDEF-") == strlen(word);
}

int resolve_record(struct copy *copy, const char *word, struct id *out, struct cause *cause)
{
	if (resolve_looks_like_id(word)) {
		int err = copy_find(copy, word, out, cause);
		if (err != ERR_MISSING)
			return err;
	}
	return resolve_name(copy, resolve_common_types, word, out, cause);
}

/* Is the record that was found one that may stand here? */
static int resolve_check_type(struct copy *copy, const char *types, const struct id *id,
			      struct cause *cause)
{
	struct arena arena;
	struct record r;
	const struct schema_type *t;
	const struct schema_field as_if = {.format = FORMAT_REF, .refs = types};
	int err;

	arena_init(&arena, ARENA_NO_BUDGET);
	err = copy_record(copy, id, VIEW_SHOWN, &arena, &r, NULL);
	t = err < 0 ? NULL : schema_type(r.type);
	if (t && !schema_may_refer(&as_if, t))
		err = cause_set(cause, ERR_INVALID, "%.120s is no %s but a record of type %s",
				lookup_label(copy, id, &arena), resolve_type_list(&arena, types),
				t->name);
	else if (err < 0)
		cause_set(cause, err, "the record can't be read: %s", err_words(err));
	arena_fini(&arena);
	return err;
}

int resolve_reference(struct copy *copy, const char *types, const char *word, struct id *out,
		      struct cause *cause)
{
	enum { SURELY_AN_ID = 6 }; /* digits; "1" is rather a priority's number */
	bool id = resolve_looks_like_id(word);
	struct cause why = {""};
	int err = ERR_MISSING;

	if (!types)
		return resolve_record(copy, word, out, cause);
	if (id && strlen(word) >= SURELY_AN_ID)
		err = copy_find(copy, word, out, &why);
	if (err == ERR_MISSING)
		err = resolve_name(copy, types, word, out, &why);
	if (err == ERR_MISSING && id)
		err = copy_find(copy, word, out, NULL);
	if (err < 0) {
		if (cause)
			*cause = why;
		return err;
	}
	return resolve_check_type(copy, types, out, cause);
}

/* ---- Spaces --------------------------------------------------------------------------------- */

/* The space of a group, by a Space record that names it; the open one before a confidential one. */
static int resolve_group_space(struct copy *copy, const struct id *group, struct arena *arena,
			       struct id *out)
{
	const struct schema_type *t = schema_type(TYPE_SPACE);
	const ProtobufCFieldDescriptor *group_field = schema_field_named(t, "group");
	const ProtobufCFieldDescriptor *kind_field = schema_field_named(t, "kind");
	struct ids found;
	int err = lookup_referring(copy, TYPE_SPACE, group_field->id, group, arena, &found);

	if (err < 0)
		return err;
	for (size_t i = 0; i < found.n; i++) {
		struct record r;
		if (copy_record(copy, &found.ids[i], VIEW_SHOWN, arena, &r, NULL) == 0 &&
		    value_number(record_get(&r, kind_field->id)) == RECORDS__SPACE_KIND__GROUP &&
		    lookup_holds(copy, &found.ids[i])) {
			*out = found.ids[i];
			return 0;
		}
	}
	return ERR_MISSING;
}

int resolve_space(struct copy *copy, const char *word, struct id *out, struct cause *cause)
{
	const struct copy_identity *me = copy_identity(copy);
	struct arena arena;
	struct id found = {{0}};
	int err = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	if (strcasecmp(word, "directory") == 0)
		found = id_directory(&me->area);
	else if (strcasecmp(word, "partnership") == 0)
		found = id_partnership(&me->area);
	else if (strcasecmp(word, "admin") == 0)
		found = id_admin(&me->area);
	else if (strcasecmp(word, "personal") == 0)
		found = id_personal(&me->area, &me->person);
	else if (!id_parse(&found, word))
		err = resolve_reference(copy, "space", word, &found, NULL);
	if (err < 0 && resolve_reference(copy, "group", word, &found, NULL) == 0)
		err = resolve_group_space(copy, &found, &arena, &found);
	if (err < 0)
		cause_set(cause, err,
			  err == ERR_AMBIGUOUS
			      ? "the space '%.80s' could be one of several; write more of it"
			      : "there is no space '%.80s' on this computer; 'fivepits status' "
				"lists those that you may read",
			  screen_line(&arena, BYTES(word, strlen(word))));
	else if (!lookup_holds(copy, &found))
		err = cause_set(
		    cause, ERR_MISSING,
		    "the space '%.80s' is not on this computer; 'fivepits status' lists those that "
		    "you may read",
		    screen_line(&arena, BYTES(word, strlen(word))));
	*out = found;
	arena_fini(&arena);
	return err;
}
