/* Records as JSON and back, driven by the schema; and files of JSON that anybody may have made. */
#include "client/json.h"

#include "client/screen.h"
#include "common/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 256 };

/* What stands in front of the fields: a field that is named so gives way. */
static const struct {
	const char *name, *gives_way;
} envelope[] = {{"id", "id_"}, {"type", "type_"}, {"space", "space_"}, {"withdrawn", "withdrawn_"}};

const char *json_field_name(const ProtobufCFieldDescriptor *d)
{
	for (size_t i = 0; i < sizeof(envelope) / sizeof(*envelope); i++)
		if (strcmp(d->name, envelope[i].name) == 0)
			return envelope[i].gives_way;
	return d->name;
}

/* ---- Writing -------------------------------------------------------------------------------- */

json_t *json_id(const struct id *id)
{
	char text[ID_TEXT];
	return json_string(id_format(id, text));
}

json_t *json_text(struct bytes text)
{
	struct buf clean = {0};
	json_t *json = json_stringn((const char *)text.data, text.len);

	if (json || text.len == 0)
		return json ? json : json_string("");
	screen_clean(&clean, text);
	json = json_stringn((const char *)clean.data, clean.len);
	buf_fini(&clean);
	return json;
}

static json_t *json_occurrence(const struct schema_field *f, const ProtobufCFieldDescriptor *d,
			       const struct field *o)
{
	struct buf words = {0};
	json_t *json;

	if (f->format == FORMAT_NUMBER)
		return json_integer((json_int_t)o->value);
	if (f->format == FORMAT_FLAG)
		return json_boolean(o->value != 0);
	schema_print(d, f, o, &words);
	json = json_text(buf_bytes(&words));
	buf_fini(&words);
	return json;
}

json_t *json_value(const struct schema_type *type, const ProtobufCFieldDescriptor *d,
		   struct bytes value)
{
	const struct schema_field *f = schema_field(type, d->id, NULL);
	struct field o;

	if (d->label != PROTOBUF_C_LABEL_REPEATED)
		return field_next(&value, &o) > 0 ? json_occurrence(f, d, &o) : json_null();
	json_t *list = json_array();
	while (field_next(&value, &o) > 0)
		json_array_append_new(list, json_occurrence(f, d, &o));
	return list;
}

json_t *json_record(const struct schema_type *type, const struct record *record,
		    const struct id *space)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_id(&record->id));
	json_object_set_new(object, "type",
			    type ? json_string(type->name) : json_integer(record->type));
	json_object_set_new(object, "space", json_id(space));
	json_object_set_new(object, "withdrawn",
			    json_boolean(record_existence(record) == WITHDRAWN));
	for (size_t i = 0; type && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &type->message->fields[i];
		struct bytes value = record_get(record, d->id);
		if (value.len)
			json_object_set_new(object, json_field_name(d), json_value(type, d, value));
	}
	return object;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int json_read_occurrence(const struct schema_type *type, const ProtobufCFieldDescriptor *d,
				json_t *value, struct buf *out, struct cause *cause)
{
	const struct schema_field *f = schema_field(type, d->id, NULL);
	char digits[24];

	if (json_is_string(value) && f->format != FORMAT_NUMBER && f->format != FORMAT_FLAG)
		return schema_read(type, d, json_string_value(value), out, cause);
	if (json_is_boolean(value) && f->format == FORMAT_FLAG)
		return schema_read(type, d, json_is_true(value) ? "yes" : "no", out, cause);
	if (json_is_integer(value) && f->format == FORMAT_NUMBER) {
		snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(value));
		return schema_read(type, d, digits, out, cause);
	}
	return cause_set(cause, ERR_INVALID, "%s.%s: this kind of value does not fit", type->name,
			 json_field_name(d));
}

int json_read_value(const struct schema_type *type, const ProtobufCFieldDescriptor *d,
		    json_t *value, struct buf *out, struct cause *cause)
{
	size_t i, before = out->len;
	json_t *member;
	int err = 0;

	if (json_is_null(value))
		return 0;
	if (d->label != PROTOBUF_C_LABEL_REPEATED)
		return json_read_occurrence(type, d, value, out, cause);
	if (!json_is_array(value))
		return cause_set(cause, ERR_INVALID, "%s.%s must be a list", type->name,
				 json_field_name(d));
	json_array_foreach(value, i, member) {
		if (err == 0)
			err = json_read_occurrence(type, d, member, out, cause);
	}
	if (err < 0)
		out->len = before;
	return err;
}

static const ProtobufCFieldDescriptor *json_field_named(const struct schema_type *type,
							const char *name)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (strcmp(json_field_name(&type->message->fields[i]), name) == 0)
			return &type->message->fields[i];
	return NULL;
}

static bool json_is_envelope(const char *name)
{
	for (size_t i = 0; i < sizeof(envelope) / sizeof(*envelope); i++)
		if (strcmp(name, envelope[i].name) == 0)
			return true;
	return false;
}

/* Read one member of a record's object into its field. */
static int json_read_field(const struct schema_type *type, const char *name, json_t *value,
			   struct record *record, struct cause *cause)
{
	const ProtobufCFieldDescriptor *d = json_field_named(type, name);
	struct buf value_bytes = {0};
	int err;

	if (!d)
		return cause_set(cause, ERR_INVALID, "%s has no field \"%.60s\"", type->name, name);
	err = json_read_value(type, d, value, &value_bytes, cause);
	if (err == 0 && value_bytes.len && schema_field(type, d->id, NULL)->merge == MERGE_SET)
		record_add(record, d->id, buf_bytes(&value_bytes), 0);
	else if (err == 0 && value_bytes.len)
		record_set(record, d->id, buf_bytes(&value_bytes), 0);
	buf_fini(&value_bytes);
	return err;
}

int json_read_record(json_t *object, struct arena *arena, struct record *record, struct id *space,
		     struct cause *cause)
{
	const char *id_text = json_string_value(json_object_get(object, "id"));
	const char *type_name = json_string_value(json_object_get(object, "type"));
	const char *space_text = json_string_value(json_object_get(object, "space"));
	const struct schema_type *type = type_name ? schema_type_named(type_name) : NULL;
	const char *name;
	json_t *value;
	struct id id;
	int err = 0;

	if (!id_text || !id_parse(&id, id_text))
		return cause_set(cause, ERR_INVALID, "a record must be an object with an \"id\"");
	if (!type)
		return cause_set(cause, ERR_INVALID, "%s: \"type\" is none that is known here",
				 id_text);
	if (space && (!space_text || !id_parse(space, space_text)))
		return cause_set(cause, ERR_INVALID, "%s: \"space\" must be an id", id_text);
	record_init(record, arena, &id, type->number);
	record_set_existence(
	    record, json_is_true(json_object_get(object, "withdrawn")) ? WITHDRAWN : LIVE, 0);
	json_object_foreach(object, name, value) {
		if (err == 0 && !json_is_envelope(name))
			err = json_read_field(type, name, value, record, cause);
	}
	return err;
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* The whole file, at most `most` bytes of it; NULL with a cause. */
static struct buf *json_file_bytes(const char *path, size_t most, struct buf *out,
				   struct cause *cause)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		cause_set(cause, ERR_IO, "%s can't be read: %s", path, strerror(errno));
		return NULL;
	}
	do {
		n = fread(buf_reserve(out, 65536), 1, 65536, f);
		out->len += n;
	} while (n > 0 && out->len <= most);
	bool failed = ferror(f);
	if (failed)
		cause_set(cause, ERR_IO, "%s can't be read: %s", path, strerror(errno));
	fclose(f);
	if (out->len > most) {
		cause_set(cause, ERR_LIMIT, "%s is larger than the %zu MiB that are allowed", path,
			  most / 1024 / 1024);
		return NULL;
	}
	return failed ? NULL : out;
}

/* A parser that goes down once a bracket needs an end to that, and so do its result's readers. */
static bool json_too_deep(struct bytes text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return true;
		else if (!quoted && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

json_t *json_read_file(const char *path, size_t most, struct cause *cause)
{
	struct buf text = {0};
	json_t *json = NULL;
	json_error_t e;

	if (json_file_bytes(path, most, &text, cause)) {
		if (json_too_deep(buf_bytes(&text))) {
			cause_set(cause, ERR_LIMIT, "%s: lists stand in lists more than %d deep",
				  path, DEPTH_MAX);
		} else {
			json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES,
					  &e);
			if (!json)
				cause_set(cause, ERR_INVALID,
					  "%s is not JSON: line %d, column %d: %s", path, e.line,
					  e.column, e.text);
		}
	}
	buf_fini(&text);
	return json;
}
