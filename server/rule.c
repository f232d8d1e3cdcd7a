/* What is said in `admin` of how long old versions are kept: see rule.h. */
#include "server/rule.h"

#include "common/schema.h"
#include "records.pb-c.h"
#include "server/said.h"

static int rule_read(struct area *a, const char *reference, struct rule *out)
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	int got = said_record(a, TYPE_RETENTION, reference, &arena, &r);
	const Records__Retention *m =
		got > 0 ? record_message(&r, &records__retention__descriptor, &arena) : NULL;
	if (m && m->has_newest) {
		out->has_newest = true;
		out->newest = m->newest;
	}
	if (m && m->has_days) {
		out->has_days = true;
		out->days = m->days;
	}
	arena_fini(&arena);
	return got < 0 ? got : 0;
}

int rule_of(struct area *a, const struct space *space, struct rule *out)
{
	char text[ID_TEXT];

	*out = (struct rule){.has_newest = false};
	int err = rule_read(a, "all", out);
	return err < 0 ? err : rule_read(a, id_format(&space->id, text), out);
}

bool rule_releases(const struct rule *r)
{
	return (r->has_newest || r->has_days) && !(r->has_newest && r->newest == 0) &&
	       !(r->has_days && r->days == 0);
}
