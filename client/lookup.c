/*
 * Questions to a copy, in SQL over its typed tables (client/tables.h) where they are about many
 * records, and answers in words for people.
 */
#include "client/lookup.h"

#include "client/screen.h"
#include "client/tables.h"
#include "records.pb-c.h"

#include <string.h>

/* ---- Records -------------------------------------------------------------------------------- */

/* The ids in the first column of a statement's rows. */
static int lookup_collect(struct db_stmt *st, struct arena *arena, struct ids *out)
{
	struct buf b = {0};
	struct id id;
	int got;

	while ((got = db_step(st)) > 0)
		if (db_id(st, 0, &id))
			buf_add(&b, &id, sizeof(id));
	struct bytes all = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	*out = (struct ids){(struct id *)all.data, all.len / sizeof(id)};
	return got;
}

int lookup_type(struct copy *copy, uint32_t type, bool all, struct arena *arena, struct ids *out)
{
	char name[TABLES_NAME];
	const char *sql =
	    arena_format(arena, "SELECT id FROM \"%s\"%s ORDER BY id",
			 tables_name(schema_type(type), name), all ? "" : " WHERE withdrawn = 0");
	struct db_stmt *st = db_query_text(copy_db(copy), sql, NULL);
	*out = (struct ids){NULL, 0};
	return st ? lookup_collect(st, arena, out) : ERR_DB;
}

int lookup_count(struct copy *copy, uint32_t type, bool all, int64_t *n)
{
	char name[TABLES_NAME], sql[TABLES_NAME + 64];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%s\"%s",
		 tables_name(schema_type(type), name), all ? "" : " WHERE withdrawn = 0");
	struct db_stmt *st = db_query_text(copy_db(copy), sql, NULL);
	int got = st ? db_step(st) : ERR_DB;
	*n = 0;
	if (got > 0) {
		*n = db_int(st, 0);
		db_reset(st);
	}
	return got < 0 ? got : 0;
}

int lookup_referring(struct copy *copy, uint32_t type, uint32_t field, const struct id *to,
		     struct arena *arena, struct ids *out)
{
	const struct schema_type *t = schema_type(type);
	const ProtobufCFieldDescriptor *d;
	char name[TABLES_NAME], column[TABLES_NAME], text[ID_TEXT];

	*out = (struct ids){NULL, 0};
	if (!schema_field(t, field, &d))
		return ERR_INVALID;
	bool list = d->label == PROTOBUF_C_LABEL_REPEATED;
	const char *sql = arena_format(
	    arena, "SELECT id FROM \"%s\" WHERE withdrawn = 0 AND %s\"%s\"%s ORDER BY id",
	    tables_name(t, name), list ? "instr(" : "", tables_column(d->name, column),
	    list ? ", $1) > 0" : " = $1");
	struct db_stmt *st = db_query_text(copy_db(copy), sql, NULL);
	if (!st)
		return ERR_DB;
	if (list)
		db_bind_text(st, 1, id_format(to, text));
	else
		db_bind_bytes(st, 1, ID_BYTES(to));
	return lookup_collect(st, arena, out);
}

int lookup_holding(struct copy *copy, const struct schema_type *t, const char *const *fields,
		   size_t n, const char *part, bool all, struct arena *arena, struct ids *out)
{
	struct buf sql = {0};
	char name[TABLES_NAME];
	char *lower = arena_format(arena, "%s", part);

	/* Lists are kept as JSON, where these two look different. */
	if (strpbrk(part, "\"\\"))
		return lookup_type(copy, t->number, all, arena, out);
	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	buf_add_text(&sql, "SELECT id FROM \"%s\" WHERE %s (0", tables_name(t, name),
		     all ? "" : "withdrawn = 0 AND");
	for (size_t i = 0; i < n; i++)
		buf_add_text(&sql, " OR instr(lower(\"%s\"), $1) > 0",
			     tables_column(fields[i], name));
	buf_add_text(&sql, ") ORDER BY id");
	buf_add_u8(&sql, 0);
	struct db_stmt *st = db_query_text(copy_db(copy), (const char *)sql.data, NULL);
	buf_fini(&sql);
	*out = (struct ids){NULL, 0};
	if (!st)
		return ERR_DB;
	if (n > 0)
		db_bind_text(st, 1, lower);
	return lookup_collect(st, arena, out);
}

int lookup_conflicts(struct copy *copy, const struct id *record, struct arena *arena,
		     struct ids *out)
{
	struct db *db = copy_db(copy);
	struct db_stmt *st =
	    record
		? db_query(db,
			   "SELECT conflict FROM open_conflict WHERE record = $1 ORDER BY conflict",
			   "d", record)
		: db_query(db, "SELECT conflict FROM open_conflict ORDER BY conflict", "");
	return lookup_collect(st, arena, out);
}

int lookup_edited_here(struct copy *copy, struct arena *arena, struct ids *out)
{
	return lookup_collect(db_query(copy_db(copy),
				       "SELECT DISTINCT p.record FROM pending_record p"
				       " JOIN record r ON r.id = p.record ORDER BY 1",
				       ""),
			      arena, out);
}

bool lookup_settles(struct copy *copy, const struct id *record, const struct id *conflict,
		    struct arena *arena)
{
	struct db_stmt *st = db_query(copy_db(copy),
				      "SELECT bytes FROM pending WHERE seq IN"
				      " (SELECT seq FROM pending_record WHERE record = $1)",
				      "d", record);
	bool settles = false;

	while (!settles && db_step(st) == 1) {
		struct change c;
		if (change_read(&c, arena_copy(arena, db_bytes(st, 0)), arena, NULL) < 0)
			continue;
		for (size_t i = 0; i < c.n_settles; i++)
			settles |= id_equal(&c.settles[i], conflict);
	}
	db_reset(st);
	return settles;
}

/* ---- Words ---------------------------------------------------------------------------------- */

const char *lookup_field_label(const char *name, struct arena *arena)
{
	char *label = arena_text(arena, BYTES(name, strlen(name)));
	for (char *p = label; *p; p++)
		if (*p == '_')
			*p = ' ';
	if (*label >= 'a' && *label <= 'z')
		*label = (char)(*label - 'a' + 'A');
	return label;
}

bool lookup_is_inner(const struct schema_field *row)
{
	return row->format == FORMAT_POSITION || strcmp(row->name, "import_text") == 0 ||
	       strcmp(row->name, "source_line") == 0 || strcmp(row->name, "chunks") == 0;
}

const char *lookup_type_label(const struct schema_type *t, struct arena *arena)
{
	char *label = arena_text(arena, BYTES(t->name, strlen(t->name)));
	for (char *p = label; *p; p++)
		if (*p == '-')
			*p = ' ';
	label[0] = (char)(label[0] - 'a' + 'A');
	return label;
}

/* At most so many characters of a line, on their border. */
static const char *lookup_cut(const char *line, struct arena *arena)
{
	enum { LABEL_MOST = 60 };
	size_t n = 0, bytes = 0;
	for (const char *p = line; *p && n <= LABEL_MOST; p++) {
		if (((unsigned char)*p & 0xc0) == 0x80)
			continue;
		if (++n == LABEL_MOST)
			bytes = (size_t)(p - line);
	}
	return n <= LABEL_MOST ? line : arena_format(arena, "%.*s…", (int)bytes, line);
}

static struct bytes lookup_get(const struct record *r, const struct schema_type *t,
			       const char *field)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(t, field);
	return d ? record_get(r, d->id) : BYTES_NONE;
}

static const char *lookup_label_at(struct copy *copy, const struct id *record, unsigned depth,
				   struct arena *arena);

/* The label of a record that a field of `r` refers to; "" if there is none. Records may refer to
 * each other in a ring, so `depth` ends it. */
static const char *lookup_of(struct copy *copy, const struct record *r, const struct schema_type *t,
			     const char *field, unsigned depth, struct arena *arena)
{
	struct id id;
	if (!id_from(&id, value_bytes(lookup_get(r, t, field))))
		return "";
	return lookup_label_at(copy, &id, depth + 1, arena);
}

static const char *lookup_plain(struct copy *copy, const struct record *r,
				const struct schema_type *t, const char *field, struct arena *arena)
{
	const ProtobufCFieldDescriptor *d = schema_field_named(t, field);
	const char *words = d ? lookup_value(copy, t, d->id, record_get(r, d->id), arena) : "";
	return lookup_cut(screen_line(arena, BYTES(words, strlen(words))), arena);
}

/* Two labels as one, where both say something. */
static const char *lookup_join(const char *a, const char *between, const char *b,
			       struct arena *arena)
{
	if (!*a || !*b)
		return *a ? a : b;
	return arena_format(arena, "%s%s%s", a, between, b);
}

/* What stands for a record whose title field alone would not tell it from others. */
static const char *lookup_special(struct copy *copy, const struct record *r,
				  const struct schema_type *t, unsigned depth, struct arena *arena)
{
	switch (t->number) {
	case TYPE_APPOINTMENT: {
		const char *where = lookup_of(copy, r, t, "group", depth, arena);
		if (!*where)
			where = lookup_of(copy, r, t, "school", depth, arena);
		const char *role = lookup_plain(copy, r, t, "role", arena);
		return lookup_join(
		    lookup_join(lookup_of(copy, r, t, "person", depth, arena), ", ", role, arena),
		    ", ", where, arena);
	}
	case TYPE_DEVICE: {
		const char *label = lookup_plain(copy, r, t, "label", arena);
		return lookup_join(*label ? label : "device", " of ",
				   lookup_of(copy, r, t, "person", depth, arena), arena);
	}
	case TYPE_PRIORITY:
		return lookup_join(lookup_plain(copy, r, t, "number", arena), " ",
				   lookup_plain(copy, r, t, "title", arena), arena);
	case TYPE_ATTENDANCE:
		return lookup_join(lookup_join(lookup_of(copy, r, t, "person", depth, arena), "",
					       lookup_of(copy, r, t, "school", depth, arena),
					       arena),
				   ", ", lookup_plain(copy, r, t, "presence", arena), arena);
	case TYPE_LINK:
		return lookup_join(lookup_join(lookup_of(copy, r, t, "from", depth, arena), " -> ",
					       lookup_of(copy, r, t, "to", depth, arena), arena),
				   ", ", lookup_plain(copy, r, t, "kind", arena), arena);
	case TYPE_EVENT:
		return lookup_join(lookup_plain(copy, r, t, "title", arena), ", ",
				   lookup_plain(copy, r, t, "day", arena), arena);
	default:
		return lookup_join(lookup_plain(copy, r, t, "ref", arena), " ",
				   lookup_plain(copy, r, t, t->title, arena), arena);
	}
}

static const char *lookup_label_at(struct copy *copy, const struct id *record, unsigned depth,
				   struct arena *arena)
{
	enum { DEEPEST = 3 };
	struct arena scratch;
	struct record r;
	char text[ID_TEXT];
	const char *label = "";

	arena_init(&scratch, ARENA_NO_BUDGET);
	if (copy_record(copy, record, VIEW_SHOWN, &scratch, &r, NULL) < 0) {
		label = arena_format(arena, "%.8s (not on this computer)", id_format(record, text));
	} else {
		const struct schema_type *t = schema_type(r.type);
		if (t && depth < DEEPEST)
			label = lookup_special(copy, &r, t, depth, &scratch);
		label = *label ? arena_text(arena, BYTES(label, strlen(label)))
			       : arena_format(arena, "%s %.8s", t ? t->name : "record",
					      id_format(record, text));
	}
	arena_fini(&scratch);
	return label;
}

const char *lookup_label(struct copy *copy, const struct id *record, struct arena *arena)
{
	return lookup_label_at(copy, record, 0, arena);
}

/* As one record names another: what was withdrawn is still called by its name. */
static const char *lookup_reference(struct copy *copy, const struct id *id, struct arena *arena)
{
	const char *label = lookup_label(copy, id, arena);
	struct arena scratch;
	struct record r;

	arena_init(&scratch, ARENA_NO_BUDGET);
	bool gone = copy_record(copy, id, VIEW_SHOWN, &scratch, &r, NULL) == 0 &&
		    record_existence(&r) == WITHDRAWN;
	arena_fini(&scratch);
	return gone ? arena_format(arena, "%s (withdrawn)", label) : label;
}

const char *lookup_words(struct copy *copy, const ProtobufCFieldDescriptor *d,
			 const struct schema_field *row, const struct field *occurrence,
			 struct arena *arena)
{
	struct id id;
	bool change = row->refs && strcmp(row->refs, "change") == 0;

	if (row->format == FORMAT_DAY)
		return screen_day(arena, occurrence->payload);
	if (row->format == FORMAT_REF && !change && id_from(&id, occurrence->payload))
		return lookup_reference(copy, &id, arena);
	struct buf b = {0};
	schema_print(d, row, occurrence, &b);
	const char *words = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

const char *lookup_value(struct copy *copy, const struct schema_type *t, uint32_t field,
			 struct bytes value, struct arena *arena)
{
	const ProtobufCFieldDescriptor *d;
	const struct schema_field *row = schema_field(t, field, &d);
	struct buf b = {0};
	struct field o;

	while (row && field_next(&value, &o) > 0) {
		if (b.len > 0)
			buf_add_text(&b, "%s", row->format == FORMAT_TEXT ? "\n" : ", ");
		buf_add_text(&b, "%s", lookup_words(copy, d, row, &o, arena));
	}
	const char *words = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

/* ---- Authors -------------------------------------------------------------------------------- */

void lookup_device(struct copy *copy, const struct id *device, struct arena *arena,
		   struct author *out)
{
	const struct schema_type *t = schema_type(TYPE_DEVICE);
	struct record r;

	out->device = *device;
	out->here = id_equal(device, &copy_identity(copy)->device);
	out->person_name = "a device that is not known here";
	out->school_name = "";
	if (copy_record(copy, device, VIEW_SHOWN, arena, &r, NULL) < 0)
		return;
	if (id_from(&out->person, value_bytes(lookup_get(&r, t, "person"))))
		out->person_name = lookup_label(copy, &out->person, arena);
	else
		out->person_name = "the server";
	if (id_from(&out->school, value_bytes(lookup_get(&r, t, "school"))))
		out->school_name = lookup_label(copy, &out->school, arena);
}

/* Where an accepted change stands: 1, 0 or an error. */
static int lookup_where(struct copy *copy, const struct id *change, struct id *space,
			uint64_t *number)
{
	struct db_stmt *st =
	    db_query(copy_db(copy),
		     "SELECT held.space, entry_change.key & 0xffffffffff FROM entry_change"
		     " JOIN held ON held.slot = entry_change.key >> 40 WHERE change = $1",
		     "d", change);
	int got = db_step(st);
	if (got > 0) {
		got = db_id(st, 0, space);
		*number = (uint64_t)db_int(st, 1);
		db_reset(st);
	}
	return got;
}

int lookup_author(struct copy *copy, const struct id *change, struct arena *arena,
		  struct author *out)
{
	struct past_entry past;
	struct change c;
	struct id space;

	memset(out, 0, sizeof(*out));
	out->person_name = "somebody not known here";
	out->school_name = "";
	int got = lookup_where(copy, change, &space, &out->number);
	if (got > 0)
		got = copy_entry(copy, &space, out->number, arena, &past);
	if (got > 0) {
		out->time_ms = past.header.time_ms;
		lookup_device(copy, &past.header.device, arena, out);
		return 0;
	}
	if (got < 0 || copy_change(copy, change, arena, &c) < 0)
		return got < 0 ? got : ERR_MISSING;
	out->time_ms = c.made_ms;
	lookup_device(copy, &copy_identity(copy)->device, arena, out);
	return 0;
}

const char *lookup_author_words(const struct author *a, struct arena *arena)
{
	const char *who = lookup_join(a->person_name, ", ", a->school_name, arena);
	if (a->time_ms == 0)
		return who;
	return arena_format(arena, "%s, %s", who, screen_instant(arena, a->time_ms));
}

/* ---- Spaces and rights ---------------------------------------------------------------------- */

const char *lookup_space_name(struct copy *copy, const struct id *space, struct arena *arena)
{
	char name[SPACE_NAME];
	copy_space_name(copy, space, name);
	return screen_line(arena, BYTES(name, strlen(name)));
}

bool lookup_holds(struct copy *copy, const struct id *space)
{
	struct db_stmt *st = db_query(
	    copy_db(copy), "SELECT 1 FROM held WHERE space = $1 AND state = 0", "d", space);
	bool holds = db_step(st) > 0;
	db_reset(st);
	return holds;
}

bool lookup_holds_any(struct copy *copy)
{
	struct db_stmt *st =
		db_query(copy_db(copy), "SELECT 1 FROM held WHERE state = 0 LIMIT 1", "");
	bool holds = db_step(st) > 0;
	db_reset(st);
	return holds;
}

bool lookup_administers(struct copy *copy)
{
	const char *sql =
	    "SELECT 1 FROM appointment WHERE person = $1 AND role = $2 AND withdrawn = 0"
	    " AND ended IS NOT 1";
	struct db_stmt *st = db_query(copy_db(copy), sql, "di", &copy_identity(copy)->person,
				      (int64_t)RECORDS__ROLE__ADMINISTRATOR);
	bool is = db_step(st) > 0;
	db_reset(st);
	return is;
}

/* ---- Short ids ------------------------------------------------------------------------------ */

/* Digits that an id shares with the one that a statement finds. */
static size_t lookup_shared(struct db_stmt *st, const struct id *id)
{
	struct id other;
	size_t n = 0;
	if (db_step(st) > 0 && db_id(st, 0, &other))
		for (; n < 32; n++)
			if ((id->b[n / 2] ^ other.b[n / 2]) >> (n % 2 ? 0 : 4))
				break;
	db_reset(st);
	return n;
}

enum { NEIGHBOURS = 4 };

static const char *lookup_short(struct copy *copy, const struct id *id,
				const char *const neighbours[NEIGHBOURS], struct arena *arena)
{
	size_t digits = 7;
	char text[ID_TEXT];

	for (size_t i = 0; i < NEIGHBOURS; i++) {
		size_t n = lookup_shared(db_query(copy_db(copy), neighbours[i], "d", id), id);
		digits = n > digits ? n : digits;
	}
	id_format(id, text);
	size_t at = 0;
	for (size_t n = 0; n < digits + 1 && text[at]; at++)
		n += text[at] != '-';
	return arena_text(arena, BYTES(text, at));
}

const char *lookup_short_id(struct copy *copy, const struct id *id, struct arena *arena)
{
	static const char *const neighbours[NEIGHBOURS] = {
		"SELECT id FROM record WHERE id > $1 ORDER BY id LIMIT 1",
		"SELECT id FROM record WHERE id < $1 ORDER BY id DESC LIMIT 1",
		"SELECT record FROM pending_record WHERE record > $1 ORDER BY record LIMIT 1",
		"SELECT record FROM pending_record WHERE record < $1 ORDER BY record DESC LIMIT 1",
	};
	return lookup_short(copy, id, neighbours, arena);
}

const char *lookup_short_change(struct copy *copy, const struct id *id, struct arena *arena)
{
	static const char *const neighbours[NEIGHBOURS] = {
		"SELECT change FROM entry_change WHERE change > $1 ORDER BY change LIMIT 1",
		"SELECT change FROM entry_change WHERE change < $1 ORDER BY change DESC LIMIT 1",
		"SELECT change FROM pending WHERE change > $1 ORDER BY change LIMIT 1",
		"SELECT change FROM pending WHERE change < $1 ORDER BY change DESC LIMIT 1",
	};
	return lookup_short(copy, id, neighbours, arena);
}
