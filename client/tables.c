/*
 * Typed tables: SQL made from descriptors, once a type and connection, and rows bound from the
 * bytes of a record's fields.
 */
#include "client/tables.h"

#include "common/change.h"
#include "common/sha.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_OF_ALL = 6 };

static const char *const columns_of_all[COLUMNS_OF_ALL] = {"id",	"space",   "number",
							   "withdrawn", "pending", "conflict"};

/* Statements are found by the address of their text (common/db.h), so the texts stay where they
 * are. */
struct table {
	char *put, *put_format, *remove, *remove_space;
};

struct tables {
	struct table *tables; /* in the order of schema_types */
	size_t n;
};

/* ---- Names and SQL -------------------------------------------------------------------------- */

const char *tables_name(const struct schema_type *type, char name[TABLES_NAME])
{
	snprintf(name, TABLES_NAME, "%s", type->name);
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

const char *tables_column(const char *field, char column[TABLES_NAME])
{
	bool taken = false;
	for (size_t i = 0; i < COLUMNS_OF_ALL; i++)
		taken = taken || strcmp(field, columns_of_all[i]) == 0;
	snprintf(column, TABLES_NAME, "%s%s", field, taken ? "_" : "");
	return column;
}

static const char *column_type(const ProtobufCFieldDescriptor *d)
{
	if (d->label == PROTOBUF_C_LABEL_REPEATED || d->type == PROTOBUF_C_TYPE_STRING)
		return "TEXT";
	return d->type == PROTOBUF_C_TYPE_BYTES ? "BLOB" : "INTEGER";
}

static void sql_create(const struct schema_type *type, struct buf *out)
{
	char name[TABLES_NAME];

	buf_add_text(
		out,
		"CREATE TABLE \"%s\" (id BLOB NOT NULL, space BLOB NOT NULL, number INTEGER NOT "
		"NULL,"
		" withdrawn INTEGER NOT NULL, pending INTEGER NOT NULL, conflict INTEGER NOT NULL",
		tables_name(type, name));
	for (unsigned i = 0; i < type->message->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &type->message->fields[i];
		buf_add_text(out, ", \"%s\" %s", tables_column(d->name, name), column_type(d));
	}
	buf_add_text(out, ", PRIMARY KEY (id, space)) STRICT, WITHOUT ROWID");
}

static char *sql_put(const struct schema_type *type)
{
	struct buf b = {0};
	char name[TABLES_NAME];

	buf_add_text(&b, "INSERT OR REPLACE INTO \"%s\" VALUES ($1", tables_name(type, name));
	for (unsigned i = 1; i < COLUMNS_OF_ALL + type->message->n_fields; i++)
		buf_add_text(&b, ",$%u", i + 1);
	buf_add(&b, ")", 2);
	return (char *)b.data;
}

/* What all have, then nulls, which bind_value replaces where there is a value. */
static char *put_format(const struct schema_type *type)
{
	struct buf b = {0};

	buf_add_text(&b, "ddiiii");
	for (unsigned i = 0; i < type->message->n_fields; i++)
		buf_add_u8(&b, 'n');
	buf_add_u8(&b, 0);
	return (char *)b.data;
}

static struct table *tables_of(struct tables *t, const struct schema_type *type)
{
	size_t n;
	struct table *table = &t->tables[type - schema_types(&n)];
	char name[TABLES_NAME];

	if (!table->put) {
		tables_name(type, name);
		table->put = sql_put(type);
		table->put_format = put_format(type);
		table->remove = mem_format("DELETE FROM \"%s\" WHERE id = $1 AND space = $2", name);
		table->remove_space = mem_format("DELETE FROM \"%s\" WHERE space = $1", name);
	}
	return table;
}

struct tables *tables_new(void)
{
	struct tables *t = mem_alloc(sizeof(*t));
	schema_types(&t->n);
	t->tables = mem_alloc(t->n * sizeof(*t->tables));
	return t;
}

void tables_free(struct tables **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->n; i++) {
		free((*t)->tables[i].put);
		free((*t)->tables[i].put_format);
		free((*t)->tables[i].remove);
		free((*t)->tables[i].remove_space);
	}
	free((*t)->tables);
	free(*t);
	*t = NULL;
}

void tables_fingerprint(char print[TABLES_PRINT])
{
	struct buf b = {0};
	uint8_t digest[SHA256_LEN];
	size_t n;
	const struct schema_type *types = schema_types(&n);

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < types[i].message->n_fields; k++) {
			const ProtobufCFieldDescriptor *d = &types[i].message->fields[k];
			buf_add_text(&b, "%u %s %u %s %s %d\n", types[i].number, types[i].name,
				     d->id, d->name, column_type(d), types[i].fields[k].search);
		}
	sha256(buf_bytes(&b), digest);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(print + 2 * i, 3, "%02x", digest[i]);
	buf_fini(&b);
}

/* ---- Making --------------------------------------------------------------------------------- */

static int tables_drop(struct db *db, struct cause *cause)
{
	for (;;) {
		struct db_stmt *st = db_query(db, "SELECT name FROM typed LIMIT 1", "");
		int err = db_step(st);
		if (err <= 0)
			return err < 0 ? cause_set(cause, err, "the tables could not be read") : 0;
		char *name = mem_copy_text(db_text(st, 0));
		db_reset(st);
		char *sql = mem_format("DROP TABLE \"%s\"", name);
		err = db_run_text(db, sql, cause);
		if (err == 0)
			err = db_run(db, "DELETE FROM typed WHERE name = $1", "t", name);
		free(sql);
		free(name);
		if (err < 0)
			return err;
	}
}

int tables_make(struct db *db, struct cause *cause)
{
	struct buf sql = {0};
	char name[TABLES_NAME];
	size_t n;
	const struct schema_type *types = schema_types(&n);
	int err = tables_drop(db, cause);

	for (size_t i = 0; i < n && err == 0; i++) {
		buf_reset(&sql);
		sql_create(&types[i], &sql);
		buf_add_u8(&sql, 0);
		err = db_run_text(db, (const char *)sql.data, cause);
		if (err == 0)
			err = db_run(db, "INSERT INTO typed (name) VALUES ($1)", "t",
				     tables_name(&types[i], name));
	}
	buf_fini(&sql);
	return err;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void json_text(struct buf *b, struct bytes text)
{
	buf_add_u8(b, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\')
			buf_add_u8(b, '\\');
		if (c < 0x20)
			buf_add_text(b, "\\u%04x", c);
		else
			buf_add_u8(b, c);
	}
	buf_add_u8(b, '"');
}

static void json_bytes(struct buf *b, struct bytes bytes)
{
	struct id id;
	char text[ID_TEXT];

	if (id_from(&id, bytes)) {
		buf_add_text(b, "\"%s\"", id_format(&id, text));
		return;
	}
	buf_add_u8(b, '"');
	for (size_t i = 0; i < bytes.len; i++)
		buf_add_text(b, "%02x", bytes.data[i]);
	buf_add_u8(b, '"');
}

/* All occurrences as a JSON array; a buffer is made in the arena, so that it outlives
 * the binding. */
static const char *json_list(const ProtobufCFieldDescriptor *d, struct bytes value,
			     struct arena *arena)
{
	struct buf b = {0};
	struct field f;

	buf_add_u8(&b, '[');
	while (field_next(&value, &f) > 0) {
		if (b.len > 1)
			buf_add_u8(&b, ',');
		if (f.wire_type != 2)
			buf_add_text(&b, "%llu", (unsigned long long)f.value);
		else if (d->type == PROTOBUF_C_TYPE_STRING)
			json_text(&b, f.payload);
		else
			json_bytes(&b, f.payload);
	}
	buf_add_u8(&b, ']');
	const char *text = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return text;
}

/* Bind a value to column n; left NULL where there is none, or where it is of another kind. */
static void bind_value(struct db_stmt *st, int n, const ProtobufCFieldDescriptor *d,
		       struct bytes value, struct arena *arena)
{
	struct field f;

	if (d->label == PROTOBUF_C_LABEL_REPEATED) {
		db_bind_text(st, n, json_list(d, value, arena));
		return;
	}
	if (field_next(&value, &f) <= 0)
		return;
	bool is_bytes = d->type == PROTOBUF_C_TYPE_STRING || d->type == PROTOBUF_C_TYPE_BYTES;
	if (is_bytes != (f.wire_type == 2))
		return;
	if (d->type == PROTOBUF_C_TYPE_STRING)
		db_bind_text(st, n, arena_text(arena, f.payload));
	else if (d->type == PROTOBUF_C_TYPE_BYTES)
		db_bind_bytes(st, n, f.payload);
	else
		db_bind_int(st, n, (int64_t)f.value);
}

int tables_put(struct tables *t, struct db *db, const struct record *record, const struct id *space,
	       int64_t pending, int64_t conflicts)
{
	const struct schema_type *type = schema_type(record->type);
	unsigned existence = record_existence(record);

	if (!type)
		return 0;
	if (existence == ABSENT)
		return tables_remove(t, db, record->type, &record->id, space);
	const struct table *table = tables_of(t, type);
	struct db_stmt *st = db_query(db, table->put, table->put_format, &record->id, space,
				      (int64_t)record->number, (int64_t)(existence == WITHDRAWN),
				      pending, conflicts);
	/* Both by rising number: one walk. */
	size_t v = 0;
	for (unsigned i = 0; i < type->message->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &type->message->fields[i];
		while (v < record->n_values && record->values[v].field < d->id)
			v++;
		if (v < record->n_values && record->values[v].field == d->id &&
		    record->values[v].bytes.len)
			bind_value(st, COLUMNS_OF_ALL + 1 + (int)i, d, record->values[v].bytes,
				   record->arena);
	}
	int err = db_step(st);
	return err < 0 ? err : 0;
}

int tables_remove(struct tables *t, struct db *db, uint32_t type_number, const struct id *record,
		  const struct id *space)
{
	const struct schema_type *type = schema_type(type_number);
	return type ? db_run(db, tables_of(t, type)->remove, "dd", record, space) : 0;
}

int tables_remove_space(struct tables *t, struct db *db, const struct id *space)
{
	size_t n;
	const struct schema_type *types = schema_types(&n);
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = db_run(db, tables_of(t, &types[i])->remove_space, "d", space);
	return err;
}
