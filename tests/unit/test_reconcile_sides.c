/*
 * Sides of a Conflict that nobody may lose: closed by an edit that did not stand on them, by a
 * settling that is taken back, or never shown since another record has the Conflict's id.
 */
#include "tests/unit/ground.h"

#define ONE "Apologies from Heath. "
#define TWO "The roof is mended. "
#define THREE "Next time in May. "
#define FOUR "Thanks to the cooks. "
#define FIVE "The bus is booked. "
#define ALL ONE TWO THREE FOUR FIVE

static struct change *say_undoes(struct change *c, unsigned change)
{
	c->undoes = id_of(change);
	return c;
}

/* ---- Closed by who did not stand on them ---------------------------------------------------- */

static void test_merged_beside_a_side(void)
{
	struct world w;
	world_init(&w);
	arrive(&w, say_text(&w, say_existence(say(&w, 0x10, 1, 0), LIVE, false), TEXT, ALL, NULL));
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "All here. " TWO THREE FOUR FIVE, ALL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "Two absent. " TWO THREE FOUR FIVE, ALL));
	must(SIDES(&w, 0x20, 0x21));
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 2), TEXT, "All here. " TWO "In June. " FOUR FIVE,
			    "All here. " TWO THREE FOUR FIVE));
	ok(SIDES(&w, 0x21, 0x22), "an edit of what stands, by one who saw that alone, moves that side");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "All here. " TWO THREE FOUR "By bus. ",
			    "All here. " TWO THREE FOUR FIVE));
	ok(stands(&w, 1, TEXT, "All here. " TWO "In June. " FOUR "By bus. "),
	   "another edit of it, by one who saw both versions, is merged");
	ok(SIDES(&w, 0x21, 0x22, 0x23), "and closes neither: it went on with what stood");
	world_fini(&w);
}

/* ---- A settling that closed a part, taken back ---------------------------------------------- */

static void test_undo_of_a_part(bool swapped)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), REF, "A", "1.5"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "B", "1.5"));
	struct id c = conflict(&w)->id;
	struct change *late = say_text(&w, say(&w, 0x22, 1, 1), REF, "late", "1.5");
	struct change *settle = say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), REF, "A", "A"), &c);
	arrive(&w, swapped ? settle : late);
	arrive(&w, swapped ? late : settle);
	ok(SIDES(&w, 0x22, 0x23), "a third edit and a settling that do not know of each other are two versions");
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x24, 1, 5), REF, "A", "A"), 0x23));
	ok(SIDES(&w, 0x20, 0x21, 0x22),
	   "the settling taken back, what it had closed is open again beside the third");
	ok(w.verdict == VERDICT_CONFLICT, "and the verdict says so");
	world_fini(&w);
}

/* Settled at two schools at once; the first takes theirs back. */
static void test_undo_of_one_of_two(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), REF, "A", "1.5"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "B", "1.5"));
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x22, 1, 3), REF, "A", "A"), &c));
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), REF, "C", "A"), &c));
	must(SIDES(&w, 0x22, 0x23));
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x24, 1, 5), REF, "A", "A"), 0x22));
	ok(SIDES(&w, 0x20, 0x21, 0x23),
	   "settled at two schools at once and one of them taken back, no version is hidden");
	world_fini(&w);
}

/* ---- Withdrawn over a version that does not stand ------------------------------------------- */

static void test_withdrawn_over_a_side(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), REF, "A", "1.5"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "B", "1.5"));
	arrive(&w, say_existence(say(&w, 0x22, 1, 2), WITHDRAWN, false));
	struct id one = id_of(1);
	ok(record_existence(world_record(&w, &one)) == LIVE && w.verdict == VERDICT_CONFLICT,
	   "a record is not withdrawn over a version that was not seen, though it does not stand");
	world_fini(&w);
}

/* ---- Ids that are taken --------------------------------------------------------------------- */

/* The id of the Conflict that `change` would open on record 1's group. */
static struct id conflict_id(struct world *w, unsigned change, uint32_t group)
{
	struct id by = id_of(change), record = id_of(1);
	uint8_t name[36];
	memcpy(name, by.b, 16);
	memcpy(name + 16, record.b, 16);
	write_u32be(name + 32, group);
	return id_derive(&w->area, BYTES(name, sizeof(name)));
}

static void test_squatter(bool same_change)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), REF, "A", "1.5"));
	struct change *bad = say_text(&w, say(&w, 0x21, 1, 1), REF, "B", "1.5");
	struct change *squat = say_existence(say(&w, 0x30, 9, 2), LIVE, false);
	squat->edits[0].record = conflict_id(&w, 0x21, REF);
	if (same_change) {
		struct edit *both = arena_alloc(&w.arena, 2 * sizeof(*both));
		both[0] = bad->edits[0];
		both[1] = squat->edits[0];
		bad->edits = both;
		bad->n_edits = 2;
	} else {
		must(arrive(&w, squat));
	}
	ok(!arrive(&w, bad) && w.err == ERR_INVALID && w.cause.words[0],
	   "two versions whose id another record has%s are refused: they would not be seen",
	   same_change ? ", made by the same change," : "");
	world_fini(&w);
}

int main(void)
{
	test_merged_beside_a_side();
	test_undo_of_a_part(false);
	test_undo_of_a_part(true);
	test_undo_of_one_of_two();
	test_withdrawn_over_a_side();
	test_squatter(false);
	test_squatter(true);
	return tap_end();
}
