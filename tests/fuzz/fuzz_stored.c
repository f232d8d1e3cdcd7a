/* What is kept for ever: changes, outcomes, headers and bodies, from bytes of anywhere. */
#include "common/change.h"
#include "common/fields.h"
#include "common/wire.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const unsigned fuzz_rounds = 50000;

/* Lay the effects on a record, pack it, and read it back. */
static void apply(struct arena *arena, const struct outcome_effect *effects, size_t n)
{
	struct id id = {{1}};
	struct record r, back;
	struct buf packed = {0};

	record_init(&r, arena, &id, 1);
	for (size_t i = 0; i < n; i++)
		record_apply(&r, &effects[i].effect, i + 1);
	record_pack(&r, &packed);
	record_init(&back, arena, &id, 1);
	must(record_unpack(&back, buf_bytes(&packed)) == 0 && back.n_values == r.n_values);
	for (size_t i = 0; i < r.n_values; i++)
		must(bytes_equal(r.values[i].bytes, record_get(&back, r.values[i].field)));
	buf_fini(&packed);
}

static void take_change(struct bytes b, struct arena *arena)
{
	struct change c, back;
	struct buf out = {0}, once_more = {0};
	struct outcome as_sent = {.as_sent = true};
	const struct outcome_effect *effects;
	struct cause cause;

	if (change_read(&c, b, arena, &cause) < 0)
		return;
	change_write(&c, &out);
	if (out.len <= CHANGE_MAX) {
		must(change_read(&back, buf_bytes(&out), arena, &cause) == 0);
		change_write(&back, &once_more);
		must(bytes_equal(buf_bytes(&out), buf_bytes(&once_more)));
	}
	size_t n = outcome_effects(&c, &as_sent, arena, &effects);
	apply(arena, effects, n);
	buf_fini(&out);
	buf_fini(&once_more);
}

static void take_outcome(struct bytes b, struct arena *arena)
{
	struct outcome o, back;
	struct buf out = {0};

	if (outcome_read(&o, b, arena) < 0)
		return;
	outcome_write(&o, &out);
	must(outcome_read(&back, buf_bytes(&out), arena) == 0 && back.n_effects == o.n_effects);
	apply(arena, o.effects, o.n_effects);
	buf_fini(&out);
}

static void take_header(struct bytes b, struct arena *arena)
{
	struct header h, back;
	struct buf out = {0};

	if (header_read(&h, b, arena) < 0)
		return;
	header_write(&h, &out);
	must(header_read(&back, buf_bytes(&out), arena) == 0 && back.n_touches == h.n_touches &&
	     back.number == h.number);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = BYTES(data + 1, size - 1), change, outcome;
	struct arena arena;

	if (size == 0 || size > FRAME_MAX)
		return 0;
	arena_init(&arena, ARENA_NO_BUDGET);
	switch (data[0] % 4) {
	case 0:
		take_change(b, &arena);
		break;
	case 1:
		take_outcome(b, &arena);
		break;
	case 2:
		take_header(b, &arena);
		break;
	default:
		if (body_read(b, &change, &outcome) == 0) {
			must(change.len + outcome.len + 4 == b.len);
			take_change(change, &arena);
			take_outcome(outcome, &arena);
		}
	}
	arena_fini(&arena);
	return 0;
}
