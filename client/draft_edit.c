/*
 * One edit: from a record as it was seen, and what its author wants of it, to the fields that
 * change, with the digests of their bases; checked against the schema, in words for the author.
 */
#include "client/draft_inside.h"

#include "common/schema.h"

#include <string.h>

/* An edit's parts while they are put together. */
struct parts {
	struct buf set, add, take;
	uint32_t *clear;
	struct base *bases;
	size_t n_clear, n_bases;
};

/* ---- Values --------------------------------------------------------------------------------- */

static struct bytes list_with(struct bytes list, struct bytes members, struct arena *arena)
{
	struct buf b = {0};

	buf_add_bytes(&b, list);
	buf_add_bytes(&b, value_without(members, list, arena));
	struct bytes more = arena_copy(arena, buf_bytes(&b));
	buf_fini(&b);
	return more;
}

/* The value of a field after all that was asked of it. */
static struct bytes value_wanted(const struct piece *piece, uint32_t field, struct bytes value,
				 struct arena *arena)
{
	for (const struct op *op = piece->ops; op; op = op->next) {
		if (op->field != field)
			continue;
		if (op->kind == OP_SET)
			value = op->bytes;
		else if (op->kind == OP_ADD)
			value = list_with(value, op->bytes, arena);
		else
			value = value_without(value, op->bytes, arena);
	}
	return value;
}

static bool is_asked(const struct piece *piece, uint32_t field)
{
	for (const struct op *op = piece->ops; op; op = op->next)
		if (op->field == field)
			return true;
	return false;
}

/* ---- One field ------------------------------------------------------------------------------ */

static void edit_set_field(struct parts *p, uint32_t field, struct bytes was, struct bytes wanted,
			   struct arena *arena)
{
	struct record sorted;
	struct id none = {{0}};

	/* Members are sent sorted and once each, as they are kept. */
	record_init(&sorted, arena, &none, 0);
	record_add(&sorted, field, value_without(wanted, was, arena), 0);
	buf_add_bytes(&p->add, record_get(&sorted, field));
	record_init(&sorted, arena, &none, 0);
	record_add(&sorted, field, value_without(was, wanted, arena), 0);
	buf_add_bytes(&p->take, record_get(&sorted, field));
}

static void edit_value(struct parts *p, uint32_t field, struct bytes was, struct bytes wanted)
{
	p->bases[p->n_bases++] = (struct base){field, base_digest(was)};
	if (wanted.len)
		buf_add_bytes(&p->set, wanted);
	else
		p->clear[p->n_clear++] = field;
}

static int edit_field(struct parts *p, const struct piece *piece, const struct schema_field *row,
		      const ProtobufCFieldDescriptor *d, const struct record *base, bool settling,
		      struct cause *cause)
{
	struct bytes was = record_get(base, d->id);
	struct bytes wanted = value_wanted(piece, d->id, was, base->arena);

	if (row->merge == MERGE_SET) {
		edit_set_field(p, d->id, was, wanted, base->arena);
		return schema_check_list(row, value_count(was), value_count(wanted), cause);
	}
	if (bytes_equal(was, wanted) && !(settling && wanted.len + was.len))
		return 0;
	if (row->merge == MERGE_FIXED && was.len && !bytes_equal(was, wanted))
		return cause_set(cause, ERR_INVALID,
				 "%s is set once and then stands: make a new %s instead", row->name,
				 schema_type(piece->type)->name);
	edit_value(p, d->id, was, wanted);
	return 0;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* May this be done to a record that is there, is not, or was withdrawn? */
static int edit_check_existence(const struct piece *piece, const struct record *base,
				struct cause *cause)
{
	char text[ID_TEXT];
	unsigned is = record_existence(base);

	id_format(&piece->record, text);
	if (piece->create && is != ABSENT)
		return cause_set(
			cause, ERR_EXISTS, "there is a record %s already%s", text,
			is == WITHDRAWN
				? "; it was withdrawn, and 'fivepits restore' brings it back"
				: "");
	if (!piece->create && is == ABSENT)
		return cause_set(cause, ERR_MISSING, "there is no record %s here", text);
	if (is == WITHDRAWN && piece->existence < 0)
		return cause_set(
			cause, ERR_INVALID,
			"this record was withdrawn: 'fivepits restore %s' brings it back first",
			text);
	return 0;
}

static int edit_existence(const struct piece *piece, const struct record *base, bool settling)
{
	if (piece->create)
		return LIVE;
	if (piece->existence >= 0 && !settling &&
	    (unsigned)piece->existence == record_existence(base))
		return -1;
	return piece->existence;
}

/* Fields that this version does not know cannot be checked. */
static int edit_check_known(const struct piece *piece, const struct schema_type *type,
			    struct cause *cause)
{
	for (const struct op *op = piece->ops; op; op = op->next)
		if (!schema_field(type, op->field, NULL))
			return cause_set(cause, ERR_INVALID, "this version knows no field %u of %s",
					 (unsigned)op->field, type->name);
	return 0;
}

static int edit_fields(struct parts *p, const struct piece *piece, const struct schema_type *type,
		       const struct record *base, bool settling, struct cause *cause)
{
	for (unsigned i = 0; i < type->message->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &type->message->fields[i];
		if (!is_asked(piece, d->id))
			continue;
		int err = edit_field(p, piece, &type->fields[i], d, base, settling, cause);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Whoever settles for a field that is left empty says so of one field: all that stays as it is
 * would leave nothing to send. */
static void edit_keep_empty(struct parts *p, const struct piece *piece,
			    const struct schema_type *type, const struct record *base)
{
	for (unsigned i = 0; p->n_bases == 0 && i < type->message->n_fields; i++) {
		uint32_t field = type->message->fields[i].id;
		if (type->fields[i].merge != MERGE_SET && is_asked(piece, field))
			edit_value(p, field, record_get(base, field), record_get(base, field));
	}
}

static int edit_check_values(const struct piece *piece, const struct parts *p,
			     const struct schema_type *type, struct cause *cause)
{
	int err = schema_check(type, buf_bytes(&p->set), false, cause);
	if (err == 0)
		err = schema_check(type, buf_bytes(&p->add), true, cause);
	if (err == 0)
		err = schema_check(type, buf_bytes(&p->take), true, cause);
	if (err == 0)
		err = schema_check_self(type, &piece->record, buf_bytes(&p->set), cause);
	if (err == 0)
		err = schema_check_self(type, &piece->record, buf_bytes(&p->add), cause);
	return err == ERR_MISSING ? ERR_INVALID
				  : err; /* a newer version may know it; this one cannot say it */
}

static void edit_finish(const struct piece *piece, const struct parts *p, int existence,
			struct arena *arena, struct edit *out)
{
	*out = (struct edit){
		.type = piece->type,
		.record = piece->record,
		.after = piece->after,
		.effect = {.existence = existence,
			   .set = arena_copy(arena, buf_bytes(&p->set)),
			   .add = arena_copy(arena, buf_bytes(&p->add)),
			   .take = arena_copy(arena, buf_bytes(&p->take)),
			   .clear = p->clear,
			   .n_clear = p->n_clear},
		.bases = p->bases,
		.n_bases = p->n_bases,
		.brings_back = existence == LIVE && !piece->create,
	};
}

/* That a version was released is the server's word alone. */
static int edit_check_released(const struct piece *piece, const struct parts *p,
			       const struct schema_type *type, struct cause *cause)
{
	uint32_t field =
		piece->type == TYPE_VERSION ? schema_field_named(type, "released")->id : 0;
	bool any = field && fields_get(buf_bytes(&p->set), field).len;

	for (size_t i = 0; field && i < p->n_clear; i++)
		any = any || p->clear[i] == field;
	return any ? cause_set(cause, ERR_INVALID,
			       "the server alone releases old versions, by the rule for them: see "
			       "'fivepits retention'")
		   : 0;
}

int draft_make_edit(const struct piece *piece, const struct record *base, bool settling,
		    struct edit *out, struct cause *cause)
{
	const struct schema_type *type = schema_type(piece->type);
	struct arena *arena = base->arena;
	struct parts p = {0};

	if (!type)
		return cause_set(cause, ERR_INVALID,
				 "this version does not know records of type %u",
				 (unsigned)piece->type);
	if (type->outcome_only)
		return cause_set(cause, ERR_INVALID,
				 "the server alone keeps the record of two versions: 'fivepits "
				 "settle' settles them");
	if (base->type && base->type != piece->type) {
		const struct schema_type *is = schema_type(base->type);
		return cause_set(cause, ERR_INVALID, "that record is %s %s",
				 is ? schema_article(is) : "a",
				 is ? is->name : "thing of a newer version");
	}
	p.clear = arena_alloc(arena, type->message->n_fields * sizeof(*p.clear));
	p.bases = arena_alloc(arena, type->message->n_fields * sizeof(*p.bases));
	int err = edit_check_existence(piece, base, cause);
	if (err == 0)
		err = edit_check_known(piece, type, cause);
	if (err == 0)
		err = edit_fields(&p, piece, type, base, settling, cause);
	if (err == 0 && settling)
		edit_keep_empty(&p, piece, type, base);
	if (err == 0)
		err = edit_check_values(piece, &p, type, cause);
	if (err == 0)
		err = edit_check_released(piece, &p, type, cause);
	int existence = edit_existence(piece, base, settling);
	if (err == 0 && (existence >= 0 || p.n_bases || p.add.len || p.take.len)) {
		edit_finish(piece, &p, existence, arena, out);
		err = 1;
	}
	buf_fini(&p.set);
	buf_fini(&p.add);
	buf_fini(&p.take);
	return err;
}
