/* The older schema is made of the whole one, by leaving out; schema_types and schema_type are wrapped
 * by the linker, so that the engine asks here. */
#include "tests/sim/view.h"

#include "common/schema.h"

#include <string.h>

enum { TYPES = 64, FIELDS = 64, RANGES = 16 };

/* What one older type lacks: its fields from `first` on (0: the whole type). */
static const struct {
	uint32_t type, first;
} newer[] = {{TYPE_TERM, 0}, {TYPE_PLAN_LINE, 0}, {TYPE_ATTENDANCE, 0}, {TYPE_LINK, 0}, {TYPE_PLAN, 7},
	     {TYPE_PRIORITY, 5}, {TYPE_ACTION, 12}, {TYPE_NOTE, 5}, {TYPE_EVENT, 9}, {TYPE_AGENDA_ITEM, 8}};

struct older {
	ProtobufCMessageDescriptor message;
	unsigned by_name[FIELDS];
	ProtobufCIntRange ranges[RANGES];
};

static struct schema_type old_types[TYPES];
static struct older olders[TYPES];
static size_t n_old;
static bool is_old;

const struct schema_type *__real_schema_types(size_t *n);
const struct schema_type *__real_schema_type(uint32_t number);
const struct schema_type *__wrap_schema_types(size_t *n);
const struct schema_type *__wrap_schema_type(uint32_t number);

/* The fields of lower numbers only. */
static void leave_out(struct schema_type *t, struct older *o, uint32_t first)
{
	const ProtobufCMessageDescriptor *m = t->message;
	unsigned n = 0, names = 0, ranges = 0;

	while (n < m->n_fields && m->fields[n].id < first)
		n++;
	for (unsigned i = 0; i < m->n_fields; i++)
		if (m->fields_sorted_by_name[i] < n)
			o->by_name[names++] = m->fields_sorted_by_name[i];
	while (ranges < m->n_field_ranges && m->field_ranges[ranges].orig_index < n) {
		o->ranges[ranges] = m->field_ranges[ranges];
		ranges++;
	}
	o->ranges[ranges] = (ProtobufCIntRange){0, n};
	o->message = *m;
	o->message.n_fields = n;
	o->message.fields_sorted_by_name = o->by_name;
	o->message.n_field_ranges = ranges;
	o->message.field_ranges = o->ranges;
	t->message = &o->message;
	t->n_fields = n;
}

static void make_old(void)
{
	size_t n;
	const struct schema_type *types = __real_schema_types(&n);
	must(n < TYPES);
	for (size_t i = 0; i < n; i++) {
		struct schema_type *t = &old_types[n_old];
		bool known = true;
		*t = types[i];
		for (size_t k = 0; k < sizeof(newer) / sizeof(*newer); k++)
			if (newer[k].type == t->number && newer[k].first)
				leave_out(t, &olders[n_old], newer[k].first);
			else if (newer[k].type == t->number)
				known = false;
		n_old += known;
	}
}

void view_take(bool old)
{
	if (n_old == 0)
		make_old();
	is_old = old;
}

const struct schema_type *__wrap_schema_types(size_t *n)
{
	if (!is_old)
		return __real_schema_types(n);
	*n = n_old;
	return old_types;
}

const struct schema_type *__wrap_schema_type(uint32_t number)
{
	if (!is_old)
		return __real_schema_type(number);
	for (size_t i = 0; i < n_old; i++)
		if (old_types[i].number == number)
			return &old_types[i];
	return NULL;
}
