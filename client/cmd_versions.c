/*
 * Two versions, for people: what `conflicts`, `show` and `settle` say of them. Values stand side by
 * side; of prose the sentences that differ from what was before are marked.
 */
#include "client/cmd.h"

#include "common/unit.h"
#include "common/unit_diff.h"

#include <string.h>

enum { INDENT = 7 };

int cmd_versions(struct call *call, const struct id *record, struct versions **out, size_t *n)
{
	int err = versions_list(call->copy, record, &call->arena, out, n);
	return err < 0 ? cause_set(&call->cause, err, "two versions can't be read: %s",
				   err_words(err))
		       : 0;
}

/* ---- Prose ---------------------------------------------------------------------------------- */

struct marks {
	const char *begin, *end;
};

/* How what was taken out and what was put in is told from the rest. */
static struct marks prose_marks(struct call *call, enum unit_where where)
{
	static const struct marks plain[] = {
		[UNIT_SAME] = {"", ""}, [UNIT_ONLY_A] = {"[-", "-]"}, [UNIT_ONLY_B] = {"{+", "+}"}};
	static const struct marks lively[] = {[UNIT_SAME] = {"", ""},
					      [UNIT_ONLY_A] = {"\033[31;9m", "\033[0m"},
					      [UNIT_ONLY_B] = {"\033[32;4m", "\033[0m"}};
	return screen_is_lively(call->out) ? lively[where] : plain[where];
}

/* A run between its marks; they enclose no line end or space at its end. */
static void prose_add(struct call *call, struct buf *out, struct bytes text, enum unit_where where)
{
	struct marks m = prose_marks(call, where);
	size_t n = text.len;

	while (n > 0 && strchr(" \t\r\n", text.data[n - 1]))
		n--;
	if (n > 0)
		buf_add_text(out, "%s", m.begin);
	screen_clean_text(out, BYTES(text.data, n), INDENT);
	if (n > 0)
		buf_add_text(out, "%s", m.end);
	screen_clean_text(out, BYTES(text.data + n, text.len - n), 0);
	if (out->len > 0 && out->data[out->len - 1] == '\n')
		buf_add_text(out, "%*s", INDENT, "");
}

/* Of a long stretch that is as before only what is next to a difference. */
static void prose_add_same(struct call *call, struct buf *out, struct bytes text, bool first,
			   bool last)
{
	enum { SHORT = 4 };
	struct bytes rest = text, unit, head = BYTES(text.data, 0), tail = text;
	size_t n = 0;

	while (unit_next(&rest, &unit)) {
		if (n++ == 0)
			head = unit;
		tail = unit;
	}
	if (n <= SHORT) {
		prose_add(call, out, text, UNIT_SAME);
		return;
	}
	if (!first)
		prose_add(call, out, head, UNIT_SAME);
	buf_add_text(out, "%s(%zu sentences or lines as before)%s",
		     out->len && out->data[out->len - 1] != ' ' ? " " : "", n - !first - !last,
		     last ? "" : " ");
	if (!last)
		prose_add(call, out, tail, UNIT_SAME);
}

/* A text, with what differs from `old` marked. */
static void prose_print(struct call *call, struct bytes old, struct bytes text)
{
	struct buf out = {0};
	size_t n;
	struct unit_run *runs = unit_diff(old, text, &call->arena, &n);

	for (size_t i = 0; i < n; i++) {
		if (runs[i].where == UNIT_SAME && n > 1)
			prose_add_same(call, &out, runs[i].text, i == 0, i == n - 1);
		else
			prose_add(call, &out, runs[i].text, runs[i].where);
	}
	while (out.len > 0 && strchr(" \n", out.data[out.len - 1]))
		out.len--;
	fprintf(call->out, "%*s%.*s\n", INDENT, "", (int)out.len,
		out.len ? (const char *)out.data : "");
	buf_fini(&out);
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool is_prose(const struct versions *v)
{
	return v->n_fields == 1 &&
	       schema_field(v->type, v->fields[0]->id, NULL)->format == FORMAT_TEXT &&
	       schema_field(v->type, v->fields[0]->id, NULL)->most == 0;
}

static void prose_print_version(struct call *call, const struct versions *v,
				const struct bytes *values)
{
	struct bytes text = value_bytes(values[0]);
	struct bytes old = v->base_known ? value_bytes(v->base[0]) : text;

	if (text.len == 0)
		fprintf(call->out, "%*s(nothing)\n", INDENT, "");
	else
		prose_print(call, old.len ? old : text, text);
}

static void values_cell(struct call *call, struct table *table, const struct versions *v, size_t i,
			struct bytes value)
{
	const char *words =
		lookup_value(call->copy, v->type, v->fields[i]->id, value, &call->arena);
	table_words(table, "%s", *words ? words : "(nothing)");
}

/* Does anybody say anything of a field? Of those settled together mostly a few are used. */
static bool field_is_used(const struct versions *v, size_t i)
{
	bool used = v->n_fields == 1 || (v->base_known && v->base[i].len > 0) ||
		    (v->now && v->now[i].len > 0);
	for (size_t k = 0; k < v->n_sides; k++)
		used |= v->sides[k].values[i].len > 0;
	return used;
}

/* A row for each field: as it was before, then as each side has it. */
static void values_print(struct call *call, const struct versions *v)
{
	unsigned columns = (unsigned)v->n_sides + 1 + v->base_known + (v->now != NULL);
	const char **headings = arena_alloc(&call->arena, columns * sizeof(*headings));

	headings[0] = "    Field";
	if (v->base_known)
		headings[1] = "Before";
	for (size_t i = 0; i < v->n_sides; i++)
		headings[1 + v->base_known + i] = arena_format(
			&call->arena, "%zu%s", i + 1, v->sides[i].standing ? " (stands)" : "");
	if (v->now)
		headings[columns - 1] = "Now";
	struct table *table = table_new(columns, headings);
	for (size_t i = 0; i < v->n_fields; i++) {
		if (!field_is_used(v, i))
			continue;
		/* A no-break space: others at a cell's beginning are not kept. */
		table_words(table, "\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0%s",
			    lookup_field_label(v->fields[i]->name, &call->arena));
		if (v->base_known)
			values_cell(call, table, v, i, v->base[i]);
		for (size_t k = 0; k < v->n_sides; k++)
			values_cell(call, table, v, i, v->sides[k].values[i]);
		if (v->now)
			values_cell(call, table, v, i, v->now[i]);
	}
	table_show(table, call->out);
	table_free(&table);
}

/* ---- One ------------------------------------------------------------------------------------ */

const char *cmd_versions_title(struct call *call, const struct versions *v)
{
	struct buf b = {0};
	if (v->group == 0)
		buf_add_text(&b, "Withdrawn or not");
	for (size_t i = 0; i < v->n_fields; i++)
		if (field_is_used(v, i))
			buf_add_text(&b, "%s%s", b.len ? ", " : "",
				     lookup_field_label(v->fields[i]->name, &call->arena));
	if (b.len == 0)
		buf_add_text(&b, "Field %u", v->group);
	const char *title = arena_text(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	return title;
}

static void side_print(struct call *call, const struct versions *v, size_t i)
{
	const struct side *s = &v->sides[i];

	fprintf(call->out, "  %2zu  %s%s%s%s\n", i + 1,
		lookup_author_words(&s->author, &call->arena), s->yours ? " (yours)" : "",
		s->waits ? " - not sent yet" : "", s->standing ? " - stands for now" : "");
	if (!id_is_zero(&s->seen))
		fprintf(call->out, "      had seen it as %s left it\n",
			lookup_author_words(&s->seen_author, &call->arena));
	if (v->group == 0)
		fprintf(call->out, "%*s%s\n", INDENT, "",
			s->existence == WITHDRAWN ? "withdrew it"
						  : "changed it or brought it back");
	if (is_prose(v))
		prose_print_version(call, v, s->values);
}

/* What stands is none of the sides: it can't be taken by a number, only be written. */
static void now_print(struct call *call, const struct versions *v)
{
	fprintf(call->out, "   -  what stands for now is none of these: %s wrote it\n",
		lookup_author_words(&v->now_author, &call->arena));
	if (is_prose(v))
		prose_print_version(call, v, v->now);
}

static const char *count_words(struct call *call, size_t n)
{
	static const char *const words[] = {"two",  "two",    "two",   "three", "four",
					    "five", "six",    "seven", "eight", "nine",
					    "ten",  "eleven", "twelve"};
	return n < sizeof(words) / sizeof(*words) ? words[n] : arena_format(&call->arena, "%zu", n);
}

/* Do the sides say different things of a field? */
static bool field_differs(const struct versions *v, size_t i)
{
	for (size_t k = 1; k < v->n_sides; k++)
		if (!bytes_equal(v->sides[k].values[i], v->sides[0].values[i]))
			return true;
	return false;
}

/* How it can be settled, with an id that fits: one that is to be has none yet. */
static void versions_print_way(struct call *call, const struct versions *v)
{
	struct buf ways = {0};

	for (size_t i = 0; i < v->n_sides; i++)
		buf_add_text(&ways, "%zu|", i + 1);
	size_t named = 0; /* of those settled together one that it is about */
	while (named < v->n_fields && !field_differs(v, named))
		named++;
	if (v->n_fields)
		buf_add_text(&ways, "%s=VALUE", v->fields[named % v->n_fields]->name);
	else
		buf_add_text(&ways, "keep|withdraw");
	fprintf(call->out, "      Settle it: fivepits settle %s --take %.*s\n",
		lookup_short_id(call->copy, v->to_be ? &v->record : &v->conflict, &call->arena),
		(int)ways.len, (const char *)ways.data);
	buf_fini(&ways);
}

void cmd_versions_print(struct call *call, const struct versions *v)
{
	screen_bold(call->out,
		    arena_format(&call->arena, "  %s: %s versions%s", cmd_versions_title(call, v),
				 count_words(call, v->n_sides + (v->now != NULL)),
				 v->to_be ? " to be" : ""));
	fputs(v->to_be ? " (what waits here is not sent yet)\n" : "\n", call->out);
	if (!id_is_zero(&v->owner))
		fprintf(call->out, "      %s is asked first to settle it\n",
			lookup_label(call->copy, &v->owner, &call->arena));
	if (is_prose(v) && v->base_known) {
		struct bytes old = value_bytes(v->base[0]);
		fputs("      before\n", call->out);
		fprintf(call->out, "%*s", INDENT, "");
		if (old.len)
			screen_print_text(call->out, old, INDENT);
		else
			fputs("(nothing)\n", call->out);
	}
	for (size_t i = 0; i < v->n_sides; i++)
		side_print(call, v, i);
	if (v->now)
		now_print(call, v);
	if (v->n_fields && !is_prose(v))
		values_print(call, v);
	if (v->settled_here)
		fputs("      Settled on this computer. Not sent yet.\n", call->out);
	else
		versions_print_way(call, v);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *values_json(const struct versions *v, const struct bytes *values)
{
	json_t *o = json_object();
	for (size_t i = 0; i < v->n_fields; i++)
		json_object_set_new(o, json_field_name(v->fields[i]),
				    json_value(v->type, v->fields[i], values[i]));
	return o;
}

static json_t *side_json(const struct versions *v, const struct side *s, size_t i)
{
	json_t *side = json_object(), *seen = json_object();

	json_object_set_new(seen, "epoch", json_integer((json_int_t)s->seen_epoch));
	json_object_set_new(seen, "number", json_integer((json_int_t)s->seen_number));
	json_object_set_new(seen, "change", cmd_json_id(&s->seen));
	json_object_set_new(seen, "author",
			    id_is_zero(&s->seen) ? json_null() : cmd_json_author(&s->seen_author));
	json_object_set_new(side, "take", json_integer((json_int_t)i + 1));
	json_object_set_new(side, "change", cmd_json_id(&s->change));
	json_object_set_new(side, "author", cmd_json_author(&s->author));
	json_object_set_new(side, "seen", seen);
	json_object_set_new(side, "stands", json_boolean(s->standing));
	json_object_set_new(side, "yours", json_boolean(s->yours));
	json_object_set_new(side, "pending", json_boolean(s->waits));
	if (v->group == 0)
		json_object_set_new(side, "withdrawn", json_boolean(s->existence == WITHDRAWN));
	json_object_set_new(side, "values", values_json(v, s->values));
	return side;
}

static json_t *base_json(const struct versions *v)
{
	return v->base_known ? values_json(v, v->base) : json_null();
}

json_t *cmd_versions_json(struct call *call, const struct versions *v)
{
	json_t *o = json_object(), *sides = json_array(), *fields = json_array();
	struct seen seen;
	char word[SEEN_WORD];

	for (size_t i = 0; i < v->n_fields; i++)
		json_array_append_new(fields, json_string(v->fields[i]->name));
	for (size_t i = 0; i < v->n_sides; i++)
		json_array_append_new(sides, side_json(v, &v->sides[i], i));
	json_object_set_new(o, "id", cmd_json_id(&v->conflict));
	json_object_set_new(o, "record", cmd_json_id(&v->record));
	json_object_set_new(o, "type", v->type ? json_string(v->type->name) : json_null());
	json_object_set_new(o, "title",
			    json_string(lookup_label(call->copy, &v->record, &call->arena)));
	json_object_set_new(o, "space", cmd_json_id(&v->space));
	json_object_set_new(o, "group", json_integer(v->group));
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "owner", cmd_json_id(&v->owner));
	json_object_set_new(o, "base_change", cmd_json_id(&v->base_change));
	json_object_set_new(o, "base", base_json(v));
	json_object_set_new(o, "sides", sides);
	json_object_set_new(o, "now", v->now ? values_json(v, v->now) : json_null());
	json_object_set_new(o, "to_be", json_boolean(v->to_be));
	json_object_set_new(o, "settled_here", json_boolean(v->settled_here));
	if (copy_seen(call->copy, &v->record, &seen) == 0) {
		seen_format(&seen, word);
		json_object_set_new(o, "seen", json_string(word));
	}
	return o;
}
