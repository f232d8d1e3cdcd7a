/*
 * Who imports before an administrator has added the schools and groups refers to them by the ids
 * that an import gives. Where they are made by hand after that, under other ids, the next import of
 * the file by anybody puts the right ones in the place of those.
 */
#include "client/plan_inside.h"

/* What stands in the directory for the school or group that `id` names in vain; NULL: none. */
static const struct member *mend_member(const struct import *in, struct bytes id)
{
	const struct roster *roster = &in->place.roster;

	for (size_t i = 0; i < roster->n; i++) {
		const struct member *m = &roster->members[i];
		if (m->object && m->there && !m->own && bytes_equal(id, ID_BYTES(&m->own_id)))
			return m;
	}
	return NULL;
}

/* One field: what stands in it, with the right ids; true if one was wrong. */
static bool mend_value(const struct import *in, const struct value *v, struct buf *right,
		       struct buf *wrong)
{
	struct bytes rest = v->bytes;
	struct field f;

	while (field_next(&rest, &f) > 0) {
		const struct member *m = mend_member(in, f.payload);
		if (m)
			buf_add_bytes(wrong, f.whole);
		field_add_bytes(right, v->field, m ? ID_BYTES(&m->id) : f.payload);
	}
	return wrong->len > 0;
}

void import_mend(struct import *in, const struct record *now)
{
	const struct schema_type *t = schema_type(now->type);
	bool named = false;

	for (size_t i = 0; i < now->n_values && record_existence(now) == LIVE; i++) {
		const struct value *v = &now->values[i];
		const struct schema_field *f = v->field ? schema_field(t, v->field, NULL) : NULL;
		struct buf right = {0}, wrong = {0};
		if (f && f->format == FORMAT_REF && mend_value(in, v, &right, &wrong)) {
			if (!named)
				in->err = draft_edit(in->to_partnership, &now->id, NULL, in->cause);
			named = in->err == 0;
			if (named && f->merge == MERGE_SET) {
				draft_take(in->to_partnership, v->field, buf_bytes(&wrong));
				draft_add(in->to_partnership, v->field, buf_bytes(&right));
			} else if (named) {
				draft_set(in->to_partnership, v->field, buf_bytes(&right));
			}
		}
		buf_fini(&right);
		buf_fini(&wrong);
		if (in->err < 0)
			return;
	}
	in->report->filled += named;
}
