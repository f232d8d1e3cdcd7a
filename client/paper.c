/* Documents and their versions: see paper.h. */
#include "client/paper.h"

#include "client/holding.h"
#include "client/screen.h"
#include "common/fields.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

struct bytes version_get(const struct record *r, const char *field)
{
	return record_get(r, schema_field_named(schema_type(r->type), field)->id);
}

static int version_compare(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	/* What is not accepted yet has the number 0 and is the newest. */
	uint64_t n = x->made ? x->made : UINT64_MAX;
	uint64_t m = y->made ? y->made : UINT64_MAX;
	return n != m ? (n < m ? -1 : 1) : id_compare(&x->id, &y->id);
}

/* Is one among the parents of another? */
static bool version_is_parent(const struct version *v, const struct version *list, size_t n)
{
	struct buf member = {0};
	bool is = false;

	field_add_bytes(&member, schema_field_named(schema_type(TYPE_VERSION), "parents")->id,
			ID_BYTES(&v->id));
	for (size_t k = 0; k < n && !is; k++)
		is = value_has_member(version_get(&list[k].record, "parents"), buf_bytes(&member));
	buf_fini(&member);
	return is;
}

int paper_versions(struct copy *copy, const struct id *document, struct arena *arena,
		   struct version **out, size_t *n)
{
	uint32_t field = schema_field_named(schema_type(TYPE_VERSION), "document")->id;
	struct ids ids;
	int err = lookup_referring(copy, TYPE_VERSION, field, document, arena, &ids);

	*n = 0;
	if (err < 0)
		return err;
	*out = arena_alloc(arena, (ids.n + 1) * sizeof(**out));
	for (size_t i = 0; i < ids.n; i++) {
		struct version *v = &(*out)[*n];
		v->id = ids.ids[i];
		if (copy_record(copy, &v->id, VIEW_SHOWN, arena, &v->record, &v->space) < 0 ||
		    record_existence(&v->record) != LIVE)
			continue;
		const struct value *first = record_find(&v->record, field);
		v->made = first ? first->number : 0;
		++*n;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), version_compare);
	for (size_t i = 0; i < *n; i++)
		(*out)[i].newest = contents_released(&(*out)[i].record).len == 0 &&
				   !version_is_parent(&(*out)[i], *out, *n);
	return 0;
}

/* Of the newest ones, those whose bytes differ from all before. */
static size_t versions_apart(const struct version *list, size_t n)
{
	size_t apart = 0;

	for (size_t i = 0; i < n; i++) {
		bool fresh = list[i].newest;
		for (size_t k = 0; k < i && fresh; k++)
			fresh = !list[k].newest ||
				!bytes_equal(value_bytes(version_get(&list[i].record, "content")),
					     value_bytes(version_get(&list[k].record, "content")));
		apart += fresh;
	}
	return apart;
}

/* Has somebody picked one after all the newest were there? */
static bool pick_stands(const struct record *document, const struct version *list, size_t n)
{
	const struct value *pick = record_find(
		document, schema_field_named(schema_type(TYPE_DOCUMENT), "current")->id);

	for (size_t i = 0; i < n; i++)
		if (list[i].newest && pick->number &&
		    (list[i].made == 0 || list[i].made > pick->number))
			return false;
	return true;
}

const struct version *paper_current(const struct record *document, const struct version *list,
				    size_t n, size_t *apart)
{
	struct id picked;

	*apart = versions_apart(list, n);
	if (id_from(&picked, value_bytes(version_get(document, "current"))))
		for (size_t i = 0; i < n; i++)
			if (id_equal(&list[i].id, &picked)) {
				if (pick_stands(document, list, n))
					*apart = 1;
				return &list[i];
			}
	for (size_t i = n; i-- > 0;)
		if (list[i].newest)
			return &list[i];
	return NULL;
}

int paper_check_released(const struct record *version, struct cause *cause)
{
	struct bytes day = contents_released(version);
	struct arena arena;

	if (day.len == 0)
		return 0;
	arena_init(&arena, ARENA_NO_BUDGET);
	int err = cause_set(cause, ERR_MISSING,
			    "the bytes of this version were released on %s by the rule for old "
			    "versions, and are kept no more: ask a school that saved the file, or "
			    "the administrator for a backup from before that day",
			    screen_day(&arena, day));
	arena_fini(&arena);
	return err;
}

static int is_apart(struct copy *copy, const struct id *document)
{
	struct version *list;
	struct record now;
	struct arena arena;
	size_t n, apart = 0;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = copy_record(copy, document, VIEW_SHOWN, &arena, &now, NULL);
	if (err >= 0)
		err = paper_versions(copy, document, &arena, &list, &n);
	if (err >= 0 && record_existence(&now) == LIVE && n)
		paper_current(&now, list, n, &apart);
	arena_fini(&arena);
	return err == ERR_MISSING ? 0 : err < 0 ? err : apart > 1;
}

static int document_compare(const void *a, const void *b)
{
	const struct held_version *x = a, *y = b;
	return id_compare(&x->document, &y->document);
}

int papers_apart(struct copy *copy, struct arena *arena, struct ids *out)
{
	struct held_version *list = NULL;
	int n = holding_list(copy, &list), kept = 0, err = n < 0 ? n : 0;

	*out = (struct ids){0};
	for (int i = 0; i < n; i++)
		if (list[i].newest)
			list[kept++] = list[i];
	if (kept > 1)
		qsort(list, (size_t)kept, sizeof(*list), document_compare);
	if (kept > 1)
		out->ids = arena_alloc(arena, (size_t)kept * sizeof(*out->ids));
	for (int i = 1; i < kept && err >= 0; i++) {
		const struct id *document = &list[i].document;
		bool first = i == 1 || !id_equal(document, &list[i - 2].document);
		if (!first || !id_equal(document, &list[i - 1].document))
			continue;
		err = is_apart(copy, document);
		if (err > 0)
			out->ids[out->n++] = *document;
	}
	free(list);
	return err < 0 ? err : 0;
}
