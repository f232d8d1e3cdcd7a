/*
 * The table of all record types: one row a field, in the order of the field numbers of
 * proto/records.proto. What a .proto cannot say stands here and nowhere else.
 *
 * A new field is a line there and a row here; a new type is a message there, its rows, and a line
 * in the table of types at the end of this file. Checking and words for people are in
 * schema_check.c.
 */
#include "common/schema.h"

#include "common/chunk.h"

#include "common/change.h"
#include "records.pb-c.h"

#include <string.h>

enum {
	CELL_MAX = 16 * 1024, /* a cell of a printed table, a line of a list */
	NAME_MAX_BYTES = 200,
	TITLE_MAX = 1024,
};

/* One row each: its name, how it merges, what its format needs, then what else there is to say. */
#define ROW(n, m, f, x, ...)                                                                       \
	{.name = #n, .merge = MERGE_##m, .format = FORMAT_##f, .max = x, __VA_ARGS__}
#define LINE(n, m, max, ...) ROW(n, m, LINE, max, __VA_ARGS__)
#define TEXT(n, m, max, ...) ROW(n, m, TEXT, max, __VA_ARGS__)
#define DAY(n, m, ...) ROW(n, m, DAY, 10, __VA_ARGS__)
#define TIME(n, m, ...) ROW(n, m, TIME, 5, __VA_ARGS__)
#define YEAR(n, m, ...) ROW(n, m, YEAR, 7, __VA_ARGS__)
#define POSITION(n, m, ...) ROW(n, m, POSITION, 250, __VA_ARGS__)
#define REF(n, m, to, ...) ROW(n, m, REF, 16, .refs = to, __VA_ARGS__)
#define OPAQUE(n, m, min, max, ...) ROW(n, m, BYTES, max, .least = min, __VA_ARGS__)
#define NUMBER(n, m, max, ...) ROW(n, m, NUMBER, max, __VA_ARGS__)
#define FLAG(n, m, ...) ROW(n, m, FLAG, 1, __VA_ARGS__)
#define WORD(n, m, ...) ROW(n, m, WORD, UINT32_MAX, __VA_ARGS__)

#define GROUP(letter) .group = (letter)
#define MOST(n) .most = (n)
#define SEARCH .search = true
#define ANY NULL

/* ---- Who is who ----------------------------------------------------------------------------- */

static const struct schema_field partnership[] = {
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	LINE(short_name, VALUE, 40, SEARCH),
	LINE(motto, VALUE, TITLE_MAX),
	TEXT(aims, VALUE, CELL_MAX, MOST(64)),
	TEXT(rag_key, VALUE, CELL_MAX),
	NUMBER(small_number_limit, VALUE, 1000),
	LINE(zone, VALUE, 64),
	REF(lead_school, VALUE, "school"),
};

static const struct schema_field school[] = {
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	LINE(other_names, SET, NAME_MAX_BYTES, MOST(64), SEARCH),
	WORD(phase, VALUE),
	LINE(urn, VALUE, 20),
	WORD(governance, VALUE, GROUP('g')),
	LINE(trust, VALUE, NAME_MAX_BYTES, GROUP('g')),
	DAY(trust_from, VALUE, GROUP('g')),
	TEXT(contact, VALUE, CELL_MAX),
	DAY(joined, VALUE),
	DAY(left, VALUE, GROUP('m')),
	WORD(membership, VALUE, GROUP('m')),
	LINE(short_id, VALUE, 64),
};

static const struct schema_field person[] = {
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	LINE(known_as, VALUE, NAME_MAX_BYTES, SEARCH),
	LINE(email, VALUE, 254),
	LINE(phone, VALUE, 64),
	WORD(standing, VALUE),
};

static const struct schema_field appointment[] = {
	REF(person, FIXED, "person"),
	WORD(role, FIXED),
	REF(school, FIXED, "school"),
	REF(group, FIXED, "group"),
	DAY(from, FIXED),
	DAY(to, VALUE),
	FLAG(ended, FIXED),
};

static const struct schema_field group[] = {
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	LINE(other_names, SET, NAME_MAX_BYTES, MOST(64), SEARCH),
	WORD(kind, VALUE),
	LINE(theme, VALUE, TITLE_MAX, SEARCH),
	REF(schools, SET, "school", MOST(1024)),
	REF(chair, VALUE, "person"),
	REF(clerk, VALUE, "person"),
	REF(lead_school, VALUE, "school"),
	WORD(procedure, VALUE),
	NUMBER(quorum_people, VALUE, 10000, GROUP('q')),
	NUMBER(quorum_schools, VALUE, 10000, GROUP('q')),
	DAY(from, VALUE, GROUP('d')),
	DAY(to, VALUE, GROUP('d')),
	TEXT(source_text, VALUE, CELL_MAX),
	TEXT(details, TEXT, TEXT_MAX, SEARCH),
	LINE(motto, VALUE, TITLE_MAX),
	LINE(short_id, VALUE, 64),
};

static const struct schema_field space[] = {
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	WORD(kind, FIXED),
	REF(group, FIXED, "group"),
	FLAG(archived, VALUE),
	FLAG(open, VALUE),
	REF(reader_groups, SET, "group", MOST(1024)),
	REF(reader_schools, SET, "school", MOST(1024)),
	REF(reader_persons, SET, "person", MOST(1024)),
	WORD(reader_roles, SET, MOST(64)),
	REF(writer_groups, SET, "group", MOST(1024)),
	REF(writer_schools, SET, "school", MOST(1024)),
	REF(writer_persons, SET, "person", MOST(1024)),
	WORD(writer_roles, SET, MOST(64)),
	LINE(short_id, VALUE, 64),
};

static const struct schema_field device[] = {
	REF(person, FIXED, "person"),
	REF(school, VALUE, "school"),
	LINE(label, VALUE, NAME_MAX_BYTES),
	OPAQUE(public_key, FIXED, 1, 512),
	FLAG(revoked, FIXED),
	LINE(revoked_reason, VALUE, TITLE_MAX),
};

static const struct schema_field term[] = {
	YEAR(year, VALUE),
	LINE(name, VALUE, NAME_MAX_BYTES, SEARCH),
	DAY(start, VALUE, GROUP('d')),
	DAY(end, VALUE, GROUP('d')),
	REF(school, VALUE, "school"),
	NUMBER(order, VALUE, 1000),
};

/* ---- The plan ------------------------------------------------------------------------------- */

static const struct schema_field plan[] = {
	LINE(title, VALUE, TITLE_MAX, SEARCH),
	YEAR(year, VALUE),
	TEXT(statement, TEXT, TEXT_MAX, SEARCH),
	TEXT(intent, TEXT, TEXT_MAX, SEARCH),
	WORD(state, VALUE),
	REF(previous, VALUE, "plan"),
	TEXT(partnership_text, VALUE, CELL_MAX),
	TEXT(source_text, VALUE, CELL_MAX),
	TEXT(calendar_text, VALUE, CELL_MAX),
	TEXT(calendar_note, VALUE, CELL_MAX),
	DAY(bank_holidays, VALUE, MOST(64)),
	TEXT(import_text, VALUE, TEXT_MAX),
};

static const struct schema_field priority[] = {
	REF(plan, FIXED, "plan"),
	NUMBER(number, VALUE, 10000),
	TEXT(title, VALUE, CELL_MAX, SEARCH),
	POSITION(position, VALUE),
	TEXT(columns, VALUE, CELL_MAX, MOST(32)),
};

static const struct schema_field plan_line[] = {
	REF(plan, FIXED, "plan"),
	REF(priority, FIXED, "priority"),
	WORD(kind, VALUE),
	LINE(ref, VALUE, 40, SEARCH),
	TEXT(text, TEXT, TEXT_MAX, SEARCH),
	POSITION(position, VALUE),
	FLAG(per_school, VALUE),
	LINE(measure_unit, VALUE, NAME_MAX_BYTES, GROUP('m')),
	LINE(measure_target, VALUE, NAME_MAX_BYTES, GROUP('m')),
	LINE(measure_baseline, VALUE, NAME_MAX_BYTES, GROUP('m')),
	WORD(status, VALUE),
};

static const struct schema_field action[] = {
	REF(priority, FIXED, "priority"),
	LINE(ref, VALUE, 40, SEARCH),
	TEXT(text, TEXT, TEXT_MAX, SEARCH),
	REF(responsible, SET, "group school person", MOST(256)),
	TEXT(responsible_text, VALUE, CELL_MAX, GROUP('r'), SEARCH),
	TEXT(responsible_lines, VALUE, CELL_MAX, GROUP('r'), MOST(256)),
	REF(lead, SET, "group school person", MOST(64)),
	REF(monitored_by, SET, "group school person", MOST(64)),
	TEXT(monitored_by_text, VALUE, CELL_MAX, SEARCH),
	WORD(target_kind, VALUE, GROUP('t')),
	TEXT(target_text, VALUE, CELL_MAX, GROUP('t'), SEARCH),
	DAY(target_due, VALUE, GROUP('t')),
	LINE(target_period, VALUE, NAME_MAX_BYTES, GROUP('t')),
	REF(target_group, VALUE, "group", GROUP('t')),
	TEXT(resources_text, VALUE, CELL_MAX, SEARCH),
	NUMBER(cost_pence, VALUE, UINT32_MAX, GROUP('c')),
	FLAG(cost_per_school, VALUE, GROUP('c')),
	TEXT(details, TEXT, TEXT_MAX, SEARCH),
	TEXT(details_lines, VALUE, CELL_MAX, MOST(1024)),
	WORD(status, VALUE),
	WORD(rag, VALUE),
	REF(origin, VALUE, "agenda-item document note"),
	REF(depends_on, SET, "action", MOST(256)),
	POSITION(position, VALUE),
	NUMBER(source_line, VALUE, UINT32_MAX),
	TEXT(measure, VALUE, CELL_MAX),
	TEXT(import_text, VALUE, TEXT_MAX),
};

static const struct schema_field note[] = {
	REF(on, FIXED, ANY),
	WORD(kind, VALUE),
	TEXT(text, TEXT, TEXT_MAX, SEARCH),
	REF(schools, SET, "school", MOST(1024)),
	DAY(matter_date, VALUE),
	WORD(rag_seen, VALUE),
	REF(author, FIXED, "person"),
};

/* ---- Meetings and minutes ------------------------------------------------------------------- */

static const struct schema_field event[] = {
	WORD(kind, VALUE),
	LINE(title, VALUE, TITLE_MAX, SEARCH),
	DAY(day, VALUE, GROUP('d')),
	TIME(start, VALUE, GROUP('d')),
	DAY(end_day, VALUE, GROUP('d')),
	TIME(end, VALUE, GROUP('d')),
	LINE(place, VALUE, TITLE_MAX, SEARCH),
	REF(host_school, VALUE, "school"),
	LINE(theme, VALUE, TITLE_MAX, SEARCH),
	REF(groups, SET, "group", MOST(256)),
	WORD(state, VALUE),
	TEXT(source_text, VALUE, CELL_MAX),
	REF(action, VALUE, "action"),
	LINE(day_text, VALUE, NAME_MAX_BYTES),
};

static const struct schema_field attendance[] = {
	REF(event, FIXED, "event"),
	REF(person, VALUE, "person"),
	REF(school, VALUE, "school"),
	NUMBER(count, VALUE, 100000),
	WORD(presence, VALUE),
	TIME(arrived, VALUE),
	TIME(left, VALUE),
	TEXT(declaration, TEXT, CELL_MAX),
	FLAG(completed, VALUE),
};

static const struct schema_field agenda_item[] = {
	REF(event, FIXED, "event"),
	POSITION(position, VALUE),
	LINE(title, VALUE, TITLE_MAX, SEARCH),
	WORD(purpose, VALUE),
	REF(presenter, VALUE, "person group school"),
	REF(papers, SET, "document version", MOST(256)),
	WORD(part, VALUE),
	TEXT(minute_text, TEXT, TEXT_MAX, SEARCH),
};

static const struct schema_field minutes[] = {
	REF(event, FIXED, "event"),
	WORD(part, FIXED),
	WORD(state, VALUE, GROUP('s')),
	REF(items, VALUE, "agenda-item", GROUP('s'), MOST(512)),
	REF(document, VALUE, "document"),
};

/* ---- Documents ------------------------------------------------------------------------------ */

static const struct schema_field document[] = {
	LINE(title, VALUE, TITLE_MAX, SEARCH),
	WORD(class, VALUE),
	DAY(review_date, VALUE),
	LINE(tags, SET, 100, MOST(64), SEARCH),
	WORD(state, VALUE),
	REF(current, VALUE, "version"),
	REF(group, VALUE, "group"),
};

static const struct schema_field version[] = {
	REF(document, FIXED, "document"),
	TEXT(filename, FIXED, TITLE_MAX, SEARCH),
	LINE(media_type, FIXED, 200),
	NUMBER(bytes, FIXED, CONTENT_MOST),
	OPAQUE(content, FIXED, 32, 32),
	REF(parents, FIXED, "version", MOST(64)),
	TEXT(note, VALUE, CELL_MAX, SEARCH),
	OPAQUE(chunks, FIXED, 32, 32),
	TEXT(folder, FIXED, CELL_MAX, SEARCH),
	DAY(released, FIXED),
};

static const struct schema_field link[] = {
	REF(from, FIXED, ANY),
	REF(to, FIXED, ANY),
	WORD(kind, FIXED),
};

static const struct schema_field sign_off[] = {
	REF(what, FIXED, ANY),
	OPAQUE(version, FIXED, 32, 32),
	REF(person, FIXED, "person"),
	REF(school, FIXED, "school"),
	REF(group, FIXED, "group"),
	WORD(kind, FIXED),
	TEXT(statement, FIXED, TEXT_MAX, SEARCH),
	OPAQUE(signature, FIXED, 1, 512),
};

/* ---- One's own, and what went apart --------------------------------------------------------- */

static const struct schema_field read_mark[] = {
	REF(space, FIXED, "space"),
	NUMBER(number, VALUE, UINT32_MAX),
	REF(record, FIXED, ANY),
};

static const struct schema_field conflict[] = {
	REF(record, FIXED, ANY),
	NUMBER(record_type, FIXED, UINT32_MAX),
	NUMBER(group, FIXED, UINT32_MAX),
	REF(base_change, FIXED, "change"),
	REF(sides, SET, "change", MOST(1024)),
	REF(owner, VALUE, "person group"),
	WORD(state, VALUE, GROUP('s')),
	REF(settled_by, VALUE, "change", GROUP('s')),
};

static const struct schema_field limit[] = {
	REF(school, FIXED, "school"),
	NUMBER(file_bytes, VALUE, CONTENT_MOST),
	NUMBER(school_bytes, VALUE, UINT64_C(1) << 60),
	NUMBER(area_bytes, VALUE, UINT64_C(1) << 60),
};

static const struct schema_field retention[] = {
	REF(space, FIXED, "space"),
	NUMBER(newest, VALUE, 1000000),
	NUMBER(days, VALUE, 1000000),
};

/* ---- The types ------------------------------------------------------------------------------ */

#define KIND(k) (1u << RECORDS__SPACE_KIND__##k)
enum {
	WHO = KIND(DIRECTORY),
	WORK = KIND(PARTNERSHIP) | KIND(GROUP) | KIND(CONFIDENTIAL) | KIND(PERSONAL) | KIND(OTHER),
	SPACES = KIND(DIRECTORY) | KIND(ADMIN) | KIND(CONFIDENTIAL) | KIND(PERSONAL) | KIND(OTHER),
	OWN = KIND(PERSONAL),
	EVERYWHERE = 0,
};

#define TYPE(num, text, rows, title_field, where, ...)                                             \
	{                                                                                          \
		.number = num, .name = text, .message = &records__##rows##__descriptor,            \
		.fields = rows, .n_fields = sizeof(rows) / sizeof(*rows), .title = title_field,    \
		.spaces = where, __VA_ARGS__                                                       \
	}

/* By rising number. A number is for ever, as a field's is. */
static const struct schema_type types[] = {
	TYPE(TYPE_PARTNERSHIP, "partnership", partnership, "name", WHO),
	TYPE(TYPE_SCHOOL, "school", school, "name", WHO),
	TYPE(TYPE_PERSON, "person", person, "name", WHO),
	TYPE(TYPE_APPOINTMENT, "appointment", appointment, "role", WHO),
	TYPE(TYPE_GROUP, "group", group, "name", WHO),
	TYPE(TYPE_SPACE, "space", space, "name", SPACES),
	TYPE(TYPE_DEVICE, "device", device, "label", WHO),
	TYPE(TYPE_TERM, "term", term, "name", WHO | KIND(PARTNERSHIP)),
	TYPE(TYPE_PLAN, "plan", plan, "title", WORK),
	TYPE(TYPE_PRIORITY, "priority", priority, "title", WORK),
	TYPE(TYPE_PLAN_LINE, "plan-line", plan_line, "text", WORK),
	TYPE(TYPE_ACTION, "action", action, "text", WORK),
	TYPE(TYPE_NOTE, "note", note, "text", EVERYWHERE),
	TYPE(TYPE_EVENT, "event", event, "title", WORK),
	TYPE(TYPE_ATTENDANCE, "attendance", attendance, "presence", WORK),
	TYPE(TYPE_AGENDA_ITEM, "agenda-item", agenda_item, "title", WORK),
	TYPE(TYPE_MINUTES, "minutes", minutes, "state", WORK),
	TYPE(TYPE_DOCUMENT, "document", document, "title", WORK),
	TYPE(TYPE_VERSION, "version", version, "filename", WORK),
	TYPE(TYPE_LINK, "link", link, "kind", WORK),
	TYPE(TYPE_SIGN_OFF, "sign-off", sign_off, "kind", WORK),
	TYPE(TYPE_READ_MARK, "read-mark", read_mark, "space", OWN),
	TYPE(TYPE_CONFLICT, "conflict", conflict, "state", EVERYWHERE, .outcome_only = true),
	TYPE(TYPE_LIMIT, "limit", limit, "school", KIND(ADMIN)),
	TYPE(TYPE_RETENTION, "retention", retention, "space", KIND(ADMIN)),
};

/* ---- Looking things up ---------------------------------------------------------------------- */

const struct schema_type *schema_types(size_t *n)
{
	*n = sizeof(types) / sizeof(*types);
	return types;
}

const struct schema_type *schema_type(uint32_t number)
{
	size_t n = sizeof(types) / sizeof(*types);

	/* Numbers are dense unless one is ever retired. */
	if (number > 0 && number <= n && types[number - 1].number == number)
		return &types[number - 1];
	for (size_t i = 0; i < n; i++)
		if (types[i].number == number)
			return &types[i];
	return NULL;
}

const struct schema_type *schema_type_named(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

const char *schema_article(const struct schema_type *t)
{
	if (t->number == TYPE_MINUTES)
		return "a set of";
	return strchr("aeiou", t->name[0]) ? "an" : "a";
}

const struct schema_field *schema_field(const struct schema_type *t, uint32_t number,
					const ProtobufCFieldDescriptor **d)
{
	const ProtobufCFieldDescriptor *found =
		protobuf_c_message_descriptor_get_field(t->message, number);

	if (d)
		*d = found;
	return found ? &t->fields[found - t->message->fields] : NULL;
}

const ProtobufCFieldDescriptor *schema_field_named(const struct schema_type *t, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(t->message, name);
}

uint32_t schema_group(const struct schema_type *t, uint32_t field)
{
	const struct schema_field *f = schema_field(t, field, NULL);

	if (!f || f->group == 0)
		return field;
	for (size_t i = 0; i < t->n_fields; i++)
		if (t->fields[i].group == f->group)
			return t->message->fields[i].id;
	return field;
}

/* The next word of a list with spaces between; false at its end. */
static bool schema_next_word(const char **list, struct bytes *word)
{
	*list += strspn(*list, " ");
	*word = BYTES(*list, strcspn(*list, " "));
	*list += word->len;
	return word->len > 0;
}

bool schema_may_refer(const struct schema_field *f, const struct schema_type *to)
{
	const char *list = f->refs;
	struct bytes word, name = BYTES(to->name, strlen(to->name));

	if (f->format != FORMAT_REF)
		return false;
	if (!list)
		return true;
	while (schema_next_word(&list, &word))
		if (bytes_equal(word, name))
			return true;
	return false;
}

/* ---- Does the table fit the descriptors? ---------------------------------------------------- */

static bool schema_suits(enum format format, ProtobufCType type)
{
	switch (format) {
	case FORMAT_LINE:
	case FORMAT_TEXT:
	case FORMAT_DAY:
	case FORMAT_TIME:
	case FORMAT_YEAR:
	case FORMAT_POSITION:
		return type == PROTOBUF_C_TYPE_STRING;
	case FORMAT_REF:
	case FORMAT_BYTES:
		return type == PROTOBUF_C_TYPE_BYTES;
	case FORMAT_NUMBER:
		return type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_UINT64;
	case FORMAT_FLAG:
		return type == PROTOBUF_C_TYPE_BOOL;
	case FORMAT_WORD:
		return type == PROTOBUF_C_TYPE_ENUM;
	}
	return false;
}

static bool schema_refs_exist(const char *list)
{
	struct bytes word;

	while (list && schema_next_word(&list, &word)) {
		bool found = bytes_equal(word, BYTES("change", 6));
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			found |= bytes_equal(word, BYTES(types[i].name, strlen(types[i].name)));
		if (!found)
			return false;
	}
	return true;
}

static int schema_verify_row(const struct schema_type *t, size_t i, struct cause *cause)
{
	const struct schema_field *f = &t->fields[i];
	const ProtobufCFieldDescriptor *d = &t->message->fields[i];
	bool many = d->label == PROTOBUF_C_LABEL_REPEATED;

	if (strcmp(f->name, d->name) != 0)
		return cause_set(cause, ERR_INVALID,
				 "schema: %s: row %zu is %s, the message has %s", t->name, i + 1,
				 f->name, d->name);
	if (!schema_suits(f->format, d->type))
		return cause_set(cause, ERR_INVALID,
				 "schema: %s.%s: its format does not suit its type", t->name,
				 f->name);
	if (many != (f->most > 0) || (f->merge == MERGE_SET && !many))
		return cause_set(cause, ERR_INVALID, "schema: %s.%s: repeated, or not?", t->name,
				 f->name);
	if (many && (d->flags & PROTOBUF_C_FIELD_FLAG_PACKED))
		return cause_set(cause, ERR_INVALID, "schema: %s.%s: must not be packed", t->name,
				 f->name);
	if (f->max == 0 || (f->format <= FORMAT_BYTES && f->max > TEXT_MAX))
		return cause_set(cause, ERR_INVALID, "schema: %s.%s: no sensible limit", t->name,
				 f->name);
	if (!schema_refs_exist(f->refs))
		return cause_set(cause, ERR_INVALID,
				 "schema: %s.%s refers to a type that is not there (%s)", t->name,
				 f->name, f->refs);
	return 0;
}

/* "AgendaItem" is "agenda-item". */
static bool schema_name_fits(const char *name, const char *message)
{
	for (const char *m = message; *m; m++) {
		if (*m >= 'A' && *m <= 'Z') {
			if (m != message && *name++ != '-')
				return false;
			if (*name++ != *m - 'A' + 'a')
				return false;
		} else if (*name++ != *m) {
			return false;
		}
	}
	return *name == '\0';
}

int schema_verify(struct cause *cause)
{
	uint32_t last = 0;

	for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++) {
		const struct schema_type *t = &types[k];

		if (t->number <= last)
			return cause_set(cause, ERR_INVALID, "schema: %s: numbers must rise",
					 t->name);
		last = t->number;
		if (!schema_name_fits(t->name, t->message->short_name))
			return cause_set(cause, ERR_INVALID, "schema: %s is not the name of %s",
					 t->name, t->message->short_name);
		if (t->n_fields != t->message->n_fields)
			return cause_set(cause, ERR_INVALID,
					 "schema: %s has %zu rows, its message %u fields", t->name,
					 t->n_fields, t->message->n_fields);
		if (!schema_field_named(t, t->title))
			return cause_set(cause, ERR_INVALID, "schema: %s has no field %s", t->name,
					 t->title);
		for (size_t i = 0; i < t->n_fields; i++) {
			int err = schema_verify_row(t, i, cause);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* A table that does not fit would read one field as another: no program starts with it. */
__attribute__((constructor)) static void schema_verify_at_start(void)
{
	struct cause cause = {""};

	if (schema_verify(&cause) < 0)
		must_failed(cause.words, __FILE__, __LINE__);
}
