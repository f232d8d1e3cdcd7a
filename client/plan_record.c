/* The small steps of import and export: fields by name, ids by reference. */
#include "client/plan_inside.h"

#include "records.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct plan_support plan_support[PLAN_SUPPORT] = {
	{"title", RECORDS__LINE_KIND__SUPPORT_TITLE, false},
	{"statement", RECORDS__LINE_KIND__SUPPORT_STATEMENT, false},
	{"delivery", RECORDS__LINE_KIND__SUPPORT_DELIVERY, false},
	{"steps", RECORDS__LINE_KIND__SUPPORT_STEP, true},
	{"non_negotiables", RECORDS__LINE_KIND__SUPPORT_NON_NEGOTIABLES, false},
	{"criteria", RECORDS__LINE_KIND__SUPPORT_CRITERION, true},
};

const char *const *plan_more(uint32_t type)
{
	static const char *const action[] = {"status", "rag", "measure", NULL};
	static const char *const line[] = {"per_school",     "measure_unit", "measure_target",
					   "measure_baseline", "status",	NULL};
	static const char *const none[] = {NULL};

	return type == TYPE_ACTION ? action : type == TYPE_PLAN_LINE ? line : none;
}

uint32_t plan_field(uint32_t type, const char *name)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(type), name);
	must(d);
	return d->id;
}

struct id plan_id(const struct place *p, uint32_t type, const char *format, ...)
{
	char reference[512];
	int n = snprintf(reference, sizeof(reference), "%s/", p->year);
	va_list args;

	va_start(args, format);
	vsnprintf(reference + n, sizeof(reference) - (size_t)n, format, args);
	va_end(args);
	return id_record(&p->area, &p->partnership, type, reference);
}

/* Replace a value, or add to it where it is a set or `more` is asked for. Takes what is in `b`. */
static void put_bytes(struct record *r, uint32_t field, bool more, struct buf *b)
{
	const struct schema_field *f = schema_field(schema_type(r->type), field, NULL);
	struct bytes old = record_get(r, field);

	if (f->merge == MERGE_SET) {
		record_add(r, field, buf_bytes(b), 0);
	} else if (more && old.len) {
		struct buf both = {0};
		buf_add_bytes(&both, old);
		buf_add_bytes(&both, buf_bytes(b));
		record_set(r, field, buf_bytes(&both), 0);
		buf_fini(&both);
	} else {
		record_set(r, field, buf_bytes(b), 0);
	}
	buf_fini(b);
}

void put_text(struct record *r, const char *field, const char *text)
{
	uint32_t n = plan_field(r->type, field);
	struct buf b = {0};

	if (!text || !*text)
		return;
	field_add_text(&b, n, text);
	put_bytes(r, n, false, &b);
}

void put_line(struct record *r, const char *field, const char *text)
{
	uint32_t n = plan_field(r->type, field);
	struct buf b = {0};

	field_add_text(&b, n, text);
	put_bytes(r, n, true, &b);
}

void put_number(struct record *r, const char *field, uint64_t v)
{
	uint32_t n = plan_field(r->type, field);
	struct buf b = {0};

	field_add_number(&b, n, v);
	put_bytes(r, n, false, &b);
}

void put_ref(struct record *r, const char *field, const struct id *id)
{
	uint32_t n = plan_field(r->type, field);
	struct buf b = {0};

	field_add_bytes(&b, n, ID_BYTES(id));
	put_bytes(r, n, false, &b);
}

void put_values(struct record *r, const char *field, struct bytes occurrences)
{
	uint32_t n = plan_field(r->type, field);
	struct buf b = {0};

	buf_add_bytes(&b, occurrences);
	if (b.len)
		put_bytes(r, n, false, &b);
}

bool has_value(const struct record *r, const char *field)
{
	return record_get(r, plan_field(r->type, field)).len > 0;
}

const char *get_text(const struct record *r, const char *field)
{
	struct bytes value = record_get(r, plan_field(r->type, field));
	return value.len ? arena_text(r->arena, value_bytes(value)) : NULL;
}

uint64_t get_number(const struct record *r, const char *field)
{
	return value_number(record_get(r, plan_field(r->type, field)));
}

bool get_ref(const struct record *r, const char *field, struct id *id)
{
	return id_from(id, value_bytes(record_get(r, plan_field(r->type, field))));
}

json_t *get_lines(const struct record *r, const char *field)
{
	struct bytes value = record_get(r, plan_field(r->type, field));
	struct field f;
	json_t *list = json_array();

	while (field_next(&value, &f) > 0)
		json_array_append_new(list,
				      json_stringn((const char *)f.payload.data, f.payload.len));
	return list;
}

const char *plan_joined(struct arena *arena, json_t *list, const char *between)
{
	struct buf b = {0};
	json_t *line;
	size_t i;

	json_array_foreach(list, i, line) {
		const char *text = json_string_value(line);
		buf_add_text(&b, "%s%s", i ? between : "", text ? text : "");
	}
	const char *text = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return text;
}

struct id plan_detail_id(const struct place *p, uint32_t type, const struct id *action,
			 const char *what, size_t n)
{
	char text[ID_TEXT];
	const char *reference =
		arena_format(p->arena, "%s/%s/%zu", id_format(action, text), what, n);
	return id_record(&p->area, &p->partnership, type, reference);
}

const char *plan_title(struct arena *arena, const char *partnership, const char *year)
{
	return partnership ? arena_format(arena, "%s, plan %s", partnership, year) : year;
}

/* "primary"; of "infant and nursery" the first word that is one. */
uint64_t plan_phase(const char *words)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(TYPE_SCHOOL), "phase");
	char word[64];
	int v;

	if (!words)
		return 0;
	snprintf(word, sizeof(word), "%s", words);
	v = schema_read_word(d->descriptor, word);
	word[strcspn(word, " ")] = '\0';
	if (v < 0)
		v = schema_read_word(d->descriptor, word);
	return v > 0 ? (uint64_t)v : 0;
}

const char *plan_phase_word(const char *words, uint64_t phase, struct arena *arena)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(schema_type(TYPE_SCHOOL), "phase");
	struct buf b = {0};

	if (words && plan_phase(words) == phase)
		return words;
	schema_print_word(d->descriptor, phase, &b);
	words = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

bool export_record(struct export *ex, const struct id *id, struct record *out)
{
	return copy_record(ex->copy, id, VIEW_SHOWN, ex->arena, out, NULL) == 0 &&
	       record_existence(out) == LIVE;
}
