/*
 * From words to records and values. A name is looked for among the titles, short names and other
 * names of the types that may be meant: the whole name first, then its first words ("Pilsley").
 */
#include "client/resolve.h"

#include "client/lookup.h"
#include "client/nearest.h"
#include "client/screen.h"
#include "common/os.h"
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
		err = cause_set(cause, ERR_MISSING, "there is no %s '%.80s' on this computer",
				types == resolve_common_types ? "record"
							      : resolve_type_list(&arena, types),
				clean);
	else if (found.n > 1)
		err = cause_set(
		    cause, ERR_AMBIGUOUS, "'%.60s' could be %.120s or %.120s%s; write more of it",
		    clean, lookup_label(copy, &found.ids[0], &arena),
		    lookup_label(copy, &found.ids[1], &arena), found.n > 2 ? " or others" : "");
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

/* ---- Values --------------------------------------------------------------------------------- */

/* The value of @FILE or @-, and of @@TEXT; NULL with a cause. */
static const char *resolve_file(const char *word, const struct schema_field *row,
				struct arena *arena, struct cause *cause)
{
	enum { FILE_MOST = TEXT_MAX };
	struct buf b = {0};
	const char *path = strcmp(word, "@-") == 0 ? "/dev/stdin" : word + 1;
	const char *text = NULL;
	int err;

	if (word[0] != '@')
		return word;
	if (word[1] == '@')
		return word + 1;
	err = os_read_file(path, FILE_MOST, &b, cause);
	if (err == ERR_LIMIT)
		cause_set(cause, err,
			  "%.200s is longer than a text may be (%d KiB); keep it as a document",
			  path, FILE_MOST / 1024);
	else if (err >= 0 && b.len > 0 && memchr(b.data, 0, b.len))
		cause_set(cause, ERR_INVALID, "%.200s is no text: a NUL character stands in it",
			  path);
	else if (err >= 0) {
		if (row->format != FORMAT_TEXT && b.len > 0 && b.data[b.len - 1] == '\n')
			b.len--;
		text = arena_text(arena, buf_bytes(&b));
	}
	buf_fini(&b);
	return text;
}

/* "9 October 2019" as 2019-10-09; anything else as it was. */
static const char *resolve_day(const char *word, struct arena *arena)
{
	static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
					     "jul", "aug", "sep", "oct", "nov", "dec"};
	unsigned d, y;
	char month[16];
	int end = 0;
	if (sscanf(word, "%2u %15[A-Za-z] %4u%n", &d, month, &y, &end) < 3 || word[end] ||
	    strlen(month) < 3)
		return word;
	for (unsigned m = 0; m < 12; m++)
		if (strncasecmp(month, months[m], 3) == 0)
			return arena_format(arena, "%04u-%02u-%02u", y, m + 1, d);
	return word;
}

/* One occurrence of a field, from words. `text` is not empty. */
static int resolve_value(struct copy *copy, const struct schema_type *t,
			 const ProtobufCFieldDescriptor *d, const struct schema_field *row,
			 const char *text, struct arena *arena, struct bytes *out,
			 struct cause *cause)
{
	struct buf b = {0};
	struct id id;
	int err = 0;

	if (row->format == FORMAT_REF) {
		if (!id_parse(&id, text))
			err = resolve_reference(copy, row->refs, text, &id, cause);
		if (err >= 0)
			field_add_bytes(&b, d->id, ID_BYTES(&id));
	} else {
		if (row->format == FORMAT_DAY)
			text = resolve_day(text, arena);
		err = schema_read(t, d, text, &b, cause);
	}
	if (err >= 0)
		*out = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return err;
}

/* The length of a field's name at the front of a word. */
static size_t resolve_name_length(const char *word)
{
	return strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

int resolve_assignment(struct copy *copy, const struct schema_type *t, const char *word,
		       struct arena *arena, struct assignment *out, struct cause *cause)
{
	size_t n = resolve_name_length(word);
	const char *rest = word + n, *text;
	int err;

	memset(out, 0, sizeof(*out));
	out->how = *rest == '+' ? HOW_ADD : *rest == '-' ? HOW_TAKE : HOW_SET;
	rest += out->how != HOW_SET;
	if (n == 0 || *rest != '=')
		return cause_set(cause, ERR_USAGE, "'%.60s' is not FIELD=VALUE",
				 screen_line(arena, BYTES(word, strlen(word))));
	err = resolve_field(t, arena_text(arena, BYTES(word, n)), &out->field, cause);
	if (err < 0)
		return err;
	out->row = schema_field(t, out->field->id, NULL);
	if (out->how != HOW_SET && out->row->most == 0)
		return cause_set(cause, ERR_USAGE, "%s holds one value: write %s=VALUE",
				 out->row->name, out->row->name);
	text = resolve_file(rest + 1, out->row, arena, cause);
	if (!text)
		return ERR_INVALID;
	if (!*text && out->how != HOW_SET)
		return cause_set(cause, ERR_USAGE, "%.60s needs a value behind it", word);
	if (!*text)
		return 0;
	return resolve_value(copy, t, out->field, out->row, text, arena, &out->occurrence, cause);
}

/* The occurrences of one field by `how` in all assignments. */
static struct bytes resolve_gather(const struct assignment *a, size_t n, uint32_t field,
				   enum how how, struct arena *arena)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		if (a[i].field->id == field && a[i].how == how)
			buf_add_bytes(&b, a[i].occurrence);
	struct bytes all = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return all;
}

/* The members of `all` that are not in `but`, each once. */
static struct bytes resolve_without(struct bytes all, struct bytes but, struct arena *arena)
{
	struct buf b = {0};
	struct field o;
	while (field_next(&all, &o) > 0)
		if (!value_has_member(but, o.whole) && !value_has_member(buf_bytes(&b), o.whole))
			buf_add_bytes(&b, o.whole);
	struct bytes rest = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return rest;
}

static bool resolve_is_replaced(const struct assignment *a, size_t n, uint32_t field)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].field->id == field && a[i].how == HOW_SET)
			return true;
	return false;
}

static void resolve_assign_set(struct draft *d, const struct record *now,
			       const struct assignment *a, size_t n, uint32_t field,
			       struct arena *arena)
{
	struct bytes whole = resolve_gather(a, n, field, HOW_SET, arena);
	struct bytes add = resolve_gather(a, n, field, HOW_ADD, arena);
	struct bytes take = resolve_gather(a, n, field, HOW_TAKE, arena);
	struct bytes have = now ? record_get(now, field) : BYTES_NONE;

	if (resolve_is_replaced(a, n, field)) {
		struct buf wanted = {0};
		buf_add_bytes(&wanted, whole);
		buf_add_bytes(&wanted, add);
		take = resolve_without(have, buf_bytes(&wanted), arena);
		add = resolve_without(buf_bytes(&wanted), have, arena);
		buf_fini(&wanted);
	} else {
		add = resolve_without(add, BYTES_NONE, arena);
		take = resolve_without(take, add, arena);
	}
	if (add.len > 0)
		draft_add(d, field, add);
	if (take.len > 0 && now)
		draft_take(d, field, take);
}

/* A list that is replaced whole: what stands or is given, with what is added, without what is
 * taken. */
static void resolve_assign_list(struct draft *d, const struct record *now,
				const struct assignment *a, size_t n, uint32_t field,
				struct arena *arena)
{
	struct bytes take = resolve_gather(a, n, field, HOW_TAKE, arena);
	struct bytes from = now && !resolve_is_replaced(a, n, field)
				? record_get(now, field)
				: resolve_gather(a, n, field, HOW_SET, arena);
	struct buf b = {0};
	struct field o;

	while (field_next(&from, &o) > 0)
		if (!value_has_member(take, o.whole))
			buf_add_bytes(&b, o.whole);
	buf_add_bytes(&b, resolve_gather(a, n, field, HOW_ADD, arena));
	draft_set(d, field, arena_copy(arena, buf_bytes(&b)));
	buf_fini(&b);
}

int resolve_assign(struct draft *d, const struct record *now, const struct assignment *a, size_t n,
		   struct arena *arena, struct cause *cause)
{
	for (size_t i = 0; i < n; i++) {
		bool before = false, again = false;
		for (size_t j = 0; j < n; j++) {
			before |= j < i && a[j].field->id == a[i].field->id;
			again |= j != i && a[j].field->id == a[i].field->id;
		}
		if (again && a[i].row->most == 0)
			return cause_set(cause, ERR_USAGE, "%s holds one value, and was given two",
					 a[i].row->name);
		if (before)
			continue;
		if (a[i].row->merge == MERGE_SET)
			resolve_assign_set(d, now, a, n, a[i].field->id, arena);
		else if (a[i].row->most > 0)
			resolve_assign_list(d, now, a, n, a[i].field->id, arena);
		else if (now || a[i].occurrence.len > 0)
			draft_set(d, a[i].field->id, a[i].occurrence);
	}
	return 0;
}

/* ---- Filters -------------------------------------------------------------------------------- */

int resolve_filter(struct copy *copy, const struct schema_type *t, const char *word,
		   struct arena *arena, struct filter *out, struct cause *cause)
{
	size_t n = resolve_name_length(word);
	const char *rest = word + n;
	int err;

	memset(out, 0, sizeof(*out));
	out->type = t;
	if (*rest == '~')
		out->how = FILTER_HOLDS;
	else if (*rest == '!' && rest[1] == '=')
		out->how = FILTER_IS_NOT;
	else if (*rest != '=')
		n = 0;
	if (n == 0)
		return cause_set(cause, ERR_USAGE,
				 "'%.60s' is no filter: write FIELD=VALUE or FIELD~TEXT",
				 screen_line(arena, BYTES(word, strlen(word))));
	err = resolve_field(t, arena_text(arena, BYTES(word, n)), &out->field, cause);
	if (err < 0)
		return err;
	out->row = schema_field(t, out->field->id, NULL);
	out->text = rest + (out->how == FILTER_IS_NOT ? 2 : 1);
	if (out->how == FILTER_HOLDS || !*out->text)
		return 0;
	return resolve_value(copy, t, out->field, out->row, out->text, arena, &out->occurrence,
			     cause);
}

/* In the words that people see, or as they stand: "October" finds a day, and so does "2019-10". */
static bool resolve_holds(struct copy *copy, const struct filter *f, struct bytes value,
			  struct arena *arena)
{
	struct buf b = {0};
	struct field o;
	if (resolve_text_holds(lookup_value(copy, f->type, f->field->id, value, arena), f->text))
		return true;
	while (field_next(&value, &o) > 0) {
		schema_print(f->field, f->row, &o, &b);
		buf_add_u8(&b, '\n');
	}
	buf_add_u8(&b, 0);
	bool holds = resolve_text_holds((const char *)b.data, f->text);
	buf_fini(&b);
	return holds;
}

bool resolve_matches(struct copy *copy, const struct filter *f, const struct record *r,
		     struct arena *arena)
{
	struct bytes value = record_get(r, f->field->id);

	if (f->how == FILTER_HOLDS)
		return resolve_holds(copy, f, value, arena);
	bool is = f->occurrence.len == 0 ? value.len == 0 : value_has_member(value, f->occurrence);
	return is == (f->how == FILTER_IS);
}

/* ---- Where a new record belongs ------------------------------------------------------------- */

/* The narrower its readers, the higher. */
static int resolve_rank(struct copy *copy, const struct id *space, struct arena *arena)
{
	const struct copy_identity *me = copy_identity(copy);
	struct id directory = id_directory(&me->area), admin = id_admin(&me->area);
	struct id partnership = id_partnership(&me->area),
		  own = id_personal(&me->area, &me->person);
	struct record r;

	if (id_equal(space, &directory) || id_equal(space, &admin))
		return 0;
	if (id_equal(space, &partnership))
		return 1;
	if (id_equal(space, &own))
		return 4;
	if (copy_record(copy, space, VIEW_SHOWN, arena, &r, NULL) < 0)
		return 2;
	uint32_t kind = schema_field_named(schema_type(TYPE_SPACE), "kind")->id;
	return value_number(record_get(&r, kind)) == RECORDS__SPACE_KIND__CONFIDENTIAL ? 3 : 2;
}

struct id resolve_home_space(struct copy *copy, const struct schema_type *t,
			     const struct assignment *a, size_t n, struct arena *arena)
{
	const struct copy_identity *me = copy_identity(copy);
	uint32_t kinds = t->spaces;
	struct id best = id_partnership(&me->area);
	int rank = 1;

	if (kinds == 1u << RECORDS__SPACE_KIND__PERSONAL)
		return id_personal(&me->area, &me->person);
	if (kinds && !(kinds & 1u << RECORDS__SPACE_KIND__PARTNERSHIP))
		return id_directory(&me->area);
	for (size_t i = 0; i < n; i++) {
		struct record r;
		struct id to, space;
		if (a[i].row->format != FORMAT_REF || !id_from(&to, value_bytes(a[i].occurrence)) ||
		    copy_record(copy, &to, VIEW_SHOWN, arena, &r, &space) < 0)
			continue;
		int here = resolve_rank(copy, &space, arena);
		if (here > rank) {
			rank = here;
			best = space;
		}
	}
	return best;
}
