/*
 * From words to values: FIELD=VALUE and what it makes of a record, filters, and the space in which
 * a new record belongs. See resolve.h.
 */
#include "client/resolve.h"

#include "client/lookup.h"
#include "client/screen.h"
#include "common/os.h"
#include "records.pb-c.h"

#include <string.h>
#include <strings.h>

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
