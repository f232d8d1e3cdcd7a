/* Records of `admin` by what they are of: see said.h. */
#include "server/said.h"

int said_record(struct area *a, uint32_t type, const char *reference, struct arena *arena,
		struct record *out)
{
	const struct space *space = journal_space(a->journal, &a->admin);
	struct id id = id_record(&a->id, &a->admin, type, reference);

	if (!space)
		return 0;
	int err = journal_record(a->journal, space, &id, arena, out);
	return err < 0 ? err : record_existence(out) == LIVE && out->type == type;
}

struct search {
	uint32_t type;
	bool any;
};

static int search_row(void *arg, const struct record *r)
{
	struct search *s = arg;

	s->any = s->any || (r->type == s->type && record_existence(r) == LIVE);
	return 0;
}

int said_any(struct area *a, uint32_t type)
{
	const struct space *space = journal_space(a->journal, &a->admin);
	struct search s = {type, false};
	int err = space ? journal_each_record(a->journal, space, search_row, &s) : 0;

	return err < 0 ? err : s.any;
}
