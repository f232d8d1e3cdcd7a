/* Reading texts into units, equal ones under equal ids, and what that and comparing may cost. */
#include "common/err.h"
#include "common/unit.h"
#include "common/unit_inside.h"

#include <string.h>

enum { COST_LOOK = 8 /* at a wrong slot of a table, in steps */ };

void unit_work_init(struct unit_work *work)
{
	*work = (struct unit_work){.steps = UNIT_STEPS};
	arena_init(&work->arena, UNIT_MEMORY);
}

void unit_work_fini(struct unit_work *work)
{
	arena_fini(&work->arena);
}

void unit_scratch(struct unit_work *work, struct arena *scratch)
{
	arena_init(scratch, work->arena.budget - work->arena.used);
}

bool unit_pay(struct unit_work *work, int64_t steps)
{
	work->steps -= steps;
	return work->steps >= 0;
}

static struct bytes unit_at(const struct units *u, uint32_t i)
{
	uint32_t start = unit_start(u, i);
	return BYTES(u->text + start, u->ends[i] - start);
}

/* Find where the units of a text end. `ends` has room for as many as the text has bytes. */
static bool units_split(struct unit_work *work, struct bytes text, uint32_t *ends,
			struct units *units)
{
	struct bytes rest = text, unit;
	uint32_t n = 0;

	while (unit_next(&rest, &unit))
		ends[n++] = (uint32_t)(text.len - rest.len);
	uint32_t *kept = arena_try_alloc(&work->arena, n * sizeof(*kept));
	if (kept && n)
		memcpy(kept, ends, n * sizeof(*kept));
	/* Never NULL, so that any offset may be added. */
	const uint8_t *data = text.data ? text.data : (const uint8_t *)"";
	*units = (struct units){.text = data, .ends = kept, .n = n};
	return kept;
}

static uint32_t unit_hash(struct bytes unit)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < unit.len; i++)
		h = (h ^ unit.data[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

/* The units that were met first of their kind, by hash: open addressing, at most half full. */
struct unit_table {
	struct unit_work *work;
	struct arena memory;
	struct unit_slot {
		uint32_t hash;
		uint32_t text : 2; /* counted from 1; 0 is none */
		uint32_t unit : 30;
	} * slots;
	uint32_t mask;
};

static struct unit_slot *table_slots(struct unit_work *work, struct arena *memory, uint32_t n)
{
	unit_scratch(work, memory);
	struct unit_slot *slots = arena_try_alloc(memory, n * sizeof(*slots));
	return slots ? memset(slots, 0, n * sizeof(*slots)) : NULL;
}

/* Twice as large, or as large as it is at first. False: over budget, and it is as it was. */
static bool table_grow(struct unit_table *table)
{
	uint32_t n = table->slots ? 2 * (table->mask + 1) : 256;
	struct arena memory;
	struct unit_slot *slots = table_slots(table->work, &memory, n);

	for (uint32_t i = 0; slots && table->slots && i <= table->mask; i++) {
		uint32_t at = table->slots[i].hash & (n - 1);
		if (!table->slots[i].text)
			continue;
		for (; slots[at].text; at = (at + 1) & (n - 1))
			if (!unit_pay(table->work, 1))
				break;
		slots[at] = table->slots[i];
	}
	if (!slots) {
		arena_fini(&memory);
		return false;
	}
	arena_fini(&table->memory);
	table->memory = memory;
	table->slots = slots;
	table->mask = n - 1;
	return unit_pay(table->work, 0);
}

static bool units_number(struct unit_table *table, struct units *units, uint32_t text)
{
	struct unit_work *work = table->work;
	struct units *u = &units[text];
	uint32_t *ids = arena_try_alloc(&work->arena, u->n * sizeof(*ids));

	u->ids = ids;
	for (uint32_t i = 0; ids && i < u->n; i++) {
		struct bytes unit = unit_at(u, i);
		uint32_t hash = unit_hash(unit), at = hash & table->mask;
		struct unit_slot *slot;
		for (;; at = (at + 1) & table->mask) {
			slot = &table->slots[at];
			if (!slot->text ||
			    (slot->hash == hash &&
			     bytes_equal(unit, unit_at(&units[slot->text - 1], slot->unit))))
				break;
			if (!unit_pay(work, COST_LOOK + (int64_t)unit.len / 16))
				return false;
		}
		if (slot->text) {
			ids[i] = units[slot->text - 1].ids[slot->unit];
			continue;
		}
		*slot = (struct unit_slot){hash, (text + 1) & 3, i & 0x3fffffff};
		ids[i] = work->n_ids++;
		if (work->n_ids > table->mask / 2 && !table_grow(table))
			return false;
	}
	return ids;
}

bool units_read(struct unit_work *work, const struct bytes *texts, struct units *units, size_t n)
{
	struct unit_table table = {.work = work};
	struct arena scratch;
	size_t longest = 0;

	must(n <= 3 && work->n_ids == 0);
	for (size_t i = 0; i < n; i++)
		longest = texts[i].len > longest ? texts[i].len : longest;
	if (longest > UNIT_MEMORY)
		return false;
	unit_scratch(work, &scratch);
	uint32_t *ends = arena_try_alloc(&scratch, longest * sizeof(*ends));
	bool good = ends;
	for (size_t i = 0; good && i < n; i++)
		good = units_split(work, texts[i], ends, &units[i]);
	arena_fini(&scratch);
	good = good && table_grow(&table);
	for (size_t i = 0; good && i < n; i++)
		good = units_number(&table, units, (uint32_t)i);
	arena_fini(&table.memory);
	return good;
}
