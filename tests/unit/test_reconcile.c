/*
 * Reconciliation, told as stories of who had seen what. Stories that must not depend on the order of
 * arrival are told in both.
 */
#include "tests/unit/ground.h"

/* ---- Stories -------------------------------------------------------------------------------- */

static void test_different_groups(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "new", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "1.6", "1.5"));
	ok(stands(&w, 1, TEXT, "new") && stands(&w, 1, REF, "1.6") && w.verdict == VERDICT_APPLIED &&
		   !conflict(&w),
	   "two people changing different fields: both stand");
	world_fini(&w);
}

static void test_same_group(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *a = say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old");
	struct change *b = say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old");
	arrive(&w, swapped ? b : a);
	arrive(&w, swapped ? a : b);
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, swapped ? "B" : "A"),
	   "the same field from one base to two values: the accepted one stands");
	ok(SIDES(&w, 0x20, 0x21), "and both are sides of one Conflict, in either order");
	struct id base;
	ok(id_from(&base, value_bytes(record_get(conflict(&w), CONFLICT_BASE))) && base.b[0] == 0x10,
	   "which names the change that set the base value");
	world_fini(&w);
}

static void test_settled_together(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TARGET_TEXT, "Autumn 2019", NULL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TARGET_DUE, "2019-12-20", NULL));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TARGET_DUE, NULL) && SIDES(&w, 0x20, 0x21),
	   "fields that are settled together are one matter");
	world_fini(&w);
}

static void test_sequence(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 2), TEXT, "B", "A"));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "B"), "who had seen the value may replace it");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, NULL, "B"));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, NULL), "or leave it empty");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 4), TEXT, "C", "not what stood"));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, NULL),
	   "a base value that was never there is as good as a foreign edit");
	world_fini(&w);
}

static void test_repeat(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "A", "old"));
	ok(w.verdict == VERDICT_MERGED && !conflict(&w), "the same edit made twice apart is one");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, "later", "A"));
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, "A", "old"));
	ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "later") && !conflict(&w),
	   "and made again after a later edit, it undoes nothing");
	struct change *again = say_existence(say(&w, 0x24, 1, 0), LIVE, false);
	say_text(&w, say_text(&w, again, REF, "1.5", NULL), TEXT, "old", NULL);
	say_member(&w, again, "kim", true);
	arrive(&w, again);
	ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "later") && !conflict(&w),
	   "an import by a second school doubles and undoes nothing");
	world_fini(&w);
}

static void test_sets(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *a = say_member(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true), "kim", false);
	struct change *b = say_member(&w, say_member(&w, say(&w, 0x21, 1, 1), "noor", true), "lee", false);
	arrive(&w, swapped ? b : a);
	arrive(&w, swapped ? a : b);
	ok(member(&w, "max") && member(&w, "noor") && !member(&w, "kim") && !member(&w, "lee") &&
		   !conflict(&w),
	   "sets: all additions, all removals of what was there");
	world_fini(&w);
}

static void test_set_added_apart(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true));
	arrive(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true));
	arrive(&w, say_after(say_member(&w, say(&w, 0x22, 1, 1), "max", false), 0x21));
	ok(member(&w, "max"), "taking back one's own addition does not take another's");
	arrive(&w, say_member(&w, say(&w, 0x23, 1, 4), "max", false));
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 1), "max", true));
	ok(!member(&w, "max") && w.verdict == VERDICT_MERGED,
	   "an addition that was made before and undone since is a repeat");
	world_fini(&w);

	make_action(&w);
	arrive(&w, say_member(&w, say(&w, 0x20, 1, 1), "max", true));
	arrive(&w, say_member(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true), "noor", true));
	arrive(&w, say_after(say_member(&w, say(&w, 0x22, 1, 1), "max", false), 0x21));
	ok(member(&w, "max") && member(&w, "noor"), "nor where one's own edit touched the set last");
	arrive(&w, say_member(&w, say(&w, 0x23, 1, 1), "max", true));
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 4), "max", false));
	ok(member(&w, "max"), "nor where the other's addition was a repeat");
	world_fini(&w);
}

static void test_own_edits(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A1", "old"));
	arrive(&w, say_after(say_text(&w, say(&w, 0x21, 1, 1), TEXT, "A2", "A1"), 0x20));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "A2"), "one's own unsent edits stand on each other");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), STATUS, "x", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x23, 1, 1), TEXT, "A3", "A2"), 0x21));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, TEXT, "A3"),
	   "with a foreign edit of another field between them");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 1), TEXT, "own, unseen", "old"));
	ok(w.verdict == VERDICT_CONFLICT, "but not on one that they did not see");
	arrive(&w, say_after(say(&w, 0x25, 1, 1), 0x99));
	ok(w.err == ERR_AGAIN, "an edit that stands on one that has not arrived waits");
	arrive(&w, say_text(&w, say_existence(say(&w, 0x26, 7, 0), LIVE, false), REF, "7", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x27, 1, 1), STATUS, "y", "x"), 0x26));
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "did not touch"),
	   "an edit that stands on one of another record is refused");
	world_fini(&w);
}

static void test_side_moves(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TEXT, "B2", "B"), 0x21));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "A") && SIDES(&w, 0x20, 0x22),
	   "a later edit on one's own side moves that side");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 2), TEXT, "A2", "A"));
	ok(stands(&w, 1, TEXT, "A2") && SIDES(&w, 0x22, 0x23), "likewise of the side that stands");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 1), TEXT, "C", "old"));
	ok(SIDES(&w, 0x22, 0x23, 0x24), "a third edit is a third side");
	uint64_t all = w.number;
	arrive(&w, say_text(&w, say(&w, 0x25, 1, all), TEXT, "D", "A2"));
	ok(stands(&w, 1, TEXT, "D") && conflict(&w) && SIDES(&w, 0x22, 0x23, 0x24),
	   "an edit by one who saw all sides stands and leaves the matter open");
	world_fini(&w);
}

static void test_settle(bool with_later_side, bool twice)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	struct id c = conflict(&w)->id;
	if (with_later_side)
		arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), TEXT, "C", "old"));
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "B", "A"), &c));
	if (with_later_side) {
		ok(stands(&w, 1, TEXT, "B") && SIDES(&w, 0x22, 0x23), "a later side keeps the Conflict open");
	} else if (!twice) {
		ok(stands(&w, 1, TEXT, "B") && !conflict(&w) && w.verdict == VERDICT_APPLIED,
		   "settling writes the value and closes the Conflict");
	} else {
		arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x24, 1, 3), TEXT, "A", "A"), &c));
		ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "B") && SIDES(&w, 0x23, 0x24) &&
			   !id_equal(&conflict(&w)->id, &c),
		   "settled at two schools at once: the second opens a new Conflict with the first");
	}
	world_fini(&w);
}

static void test_settle_what_stands(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "B", "old"));
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, "A", "A"), &c));
	ok(!conflict(&w) && stands(&w, 1, TEXT, "A"), "settling for what stands closes the Conflict too");
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "B", "A"), &c));
	ok(SIDES(&w, 0x22, 0x23), "and counts against another settling made apart");
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x24, 1, 5), REF, "9", "1.5"), &conflict(&w)->id));
	ok(w.err == ERR_INVALID && w.cause.words[0], "a change that settles what it does not edit is refused");
	world_fini(&w);
}

static void test_withdrawn(bool swapped)
{
	struct world w;
	make_action(&w);
	struct change *e = say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old");
	struct change *d = say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false);
	arrive(&w, swapped ? d : e);
	arrive(&w, swapped ? e : d);
	struct id one = id_of(1);
	ok(stands(&w, 1, TEXT, "A") && SIDES(&w, 0x20, 0x21) && w.verdict == VERDICT_CONFLICT,
	   "withdrawn against edited: the value is kept, and both are sides, in either order");
	ok(record_existence(world_record(&w, &one)) == (swapped ? WITHDRAWN : LIVE),
	   "existence stays as it was accepted");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), REF, "7", "1.5"));
	ok(SIDES(&w, 0x20, 0x21, 0x22) && stands(&w, 1, REF, "7"), "a later unseen edit joins as a side");
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_existence(say(&w, 0x23, 1, 4), LIVE, true), &c));
	ok(!conflict(&w) && record_existence(world_record(&w, &one)) == LIVE, "it can be settled by keeping the record");
	world_fini(&w);
}

/* Settled by withdrawing the record, which somebody went on editing meanwhile. */
static void test_settled_by_withdrawal(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false));
	struct id one = id_of(1), c = conflict(&w)->id;
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 3), REF, "7", "1.5"));
	arrive(&w, say_settles(&w, say_existence(say(&w, 0x23, 1, 3), WITHDRAWN, false), &c));
	ok(w.verdict == VERDICT_CONFLICT && record_existence(world_record(&w, &one)) == LIVE &&
		   SIDES(&w, 0x22, 0x23),
	   "a settling by withdrawal over an unseen edit leaves those two as sides");
	world_fini(&w);
}

static void test_existence(void)
{
	struct world w;
	struct id one = id_of(1);
	make_action(&w);
	arrive(&w, say_existence(say(&w, 0x20, 1, 1), WITHDRAWN, false));
	ok(w.verdict == VERDICT_APPLIED && record_existence(world_record(&w, &one)) == WITHDRAWN,
	   "a record is withdrawn");
	arrive(&w, say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false));
	ok(w.verdict == VERDICT_MERGED && !conflict(&w), "twice is once");
	arrive(&w, say_existence(say(&w, 0x22, 1, 3), LIVE, true));
	ok(w.verdict == VERDICT_APPLIED && record_existence(world_record(&w, &one)) == LIVE, "and brought back");
	arrive(&w, say_text(&w, say(&w, 0x23, 2, 4), TEXT, "x", NULL));
	ok(w.err == ERR_INVALID, "a record that was never made can't be edited");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 99), TEXT, "x", "old"));
	ok(w.err == ERR_INVALID, "nobody has seen what is not there yet");
	arrive(&w, say_text(&w, say_existence(say(&w, 0x25, 3, 4), LIVE, false), TEXT, "x", "old"));
	ok(w.err == ERR_INVALID && !conflict(&w), "a record that is made had no value before");
	world_fini(&w);
}

/* More history than is read: nobody's version is lost for that. */
static void test_long_history(void)
{
	struct world w;
	make_action(&w);
	char *text = arena_alloc(&w.arena, 1024 * 1024 + 1);
	memset(text, 'x', 1024 * 1024);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, say_member(&w, say(&w, 0x21, 1, 1), "max", true));
	for (unsigned i = 0; i < 40; i++)
		arrive(&w, say_text(&w, say(&w, 0x40 + i, 1, w.number), STATUS, text, i ? text : NULL));
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), TEXT, "A", "old"));
	ok(w.err == 0 && w.verdict == VERDICT_MERGED, "what stands already is a repeat, however long the history");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, "B", "old"));
	ok(w.err == 0 && w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "A"),
	   "a history too long to read makes two versions, not one");
	arrive(&w, say_member(&w, say(&w, 0x24, 1, 1), "kim", false));
	ok(w.err == 0 && member(&w, "kim"), "and a set keeps a member that somebody may have added");
	world_fini(&w);
}

static void test_exact(void)
{
	struct world w;
	struct id *ids;
	make_action(&w);
	ids = arena_alloc(&w.arena, sizeof(*ids));
	*ids = id_of(1);
	struct change *late = say_text(&w, say(&w, 0x21, 1, 1), STATUS, "x", NULL);
	late->exact = ids;
	late->n_exact = 1;
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "A", "old"));
	arrive(&w, late);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "has changed"), "an exact change is refused once a record has moved");
	late->seen_number = 2;
	arrive(&w, late);
	ok(w.err == 0 && w.verdict == VERDICT_APPLIED, "and taken by one who saw it as it is");
	world_fini(&w);
}

static void test_fixed(void)
{
	struct world w;
	world_init(&w);
	struct change *c = say_existence(say(&w, 0x10, 1, 0), LIVE, false);
	c->edits[0].type = TYPE_LINK;
	arrive(&w, say_text(&w, c, 1, "from one here...", NULL));
	struct change *knowing = say_text(&w, say(&w, 0x11, 1, 1), 1, "from another ...", "from one here...");
	knowing->edits[0].type = TYPE_LINK;
	arrive(&w, knowing);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "set once"), "a field that is set once is not changed knowingly");
	struct change *apart = say_existence(say(&w, 0x12, 1, 0), LIVE, false);
	apart->edits[0].type = TYPE_LINK;
	arrive(&w, say_text(&w, apart, 1, "from a third one", NULL));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x10, 0x12), "made apart with two values, it is a conflict");
	struct change *other = say_text(&w, say(&w, 0x13, 1, 2), TEXT, "x", NULL);
	arrive(&w, other);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "another type"), "a record keeps its type");
	world_fini(&w);
}

/* ---- Prose ---------------------------------------------------------------------------------- */

#define ONE "Apologies from Heath. "
#define TWO "The roof is mended. "
#define THREE "Next time in May. "
#define FOUR "Thanks to the cooks. "
#define FIVE "The bus is booked. "

static void make_prose(struct world *w)
{
	world_init(w);
	struct change *c = say_existence(say(w, 0x10, 1, 0), LIVE, false);
	say_text(w, say_text(w, c, REF, "1.5", NULL), TEXT, ONE TWO THREE FOUR FIVE, NULL);
	must(arrive(w, c) == 1 && w->verdict == VERDICT_APPLIED);
}

static void test_prose(bool swapped)
{
	struct world w;
	make_prose(&w);
	struct change *a = say_text(&w, say(&w, 0x20, 1, 1), TEXT, "None absent. " TWO THREE FOUR FIVE,
				    ONE TWO THREE FOUR FIVE);
	struct change *b = say_text(&w, say(&w, 0x21, 1, 1), TEXT, ONE TWO "Next time in June. " FOUR FIVE,
				    ONE TWO THREE FOUR FIVE);
	arrive(&w, swapped ? b : a);
	ok(w.verdict == VERDICT_APPLIED, "the first edit of a text is applied as sent");
	arrive(&w, swapped ? a : b);
	ok(w.verdict == VERDICT_MERGED && !conflict(&w) &&
		   stands(&w, 1, TEXT, "None absent. " TWO "Next time in June. " FOUR FIVE),
	   "sentences apart from each other merge, in either order");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 1), TEXT, ONE TWO THREE FOUR "The bus is late. ",
			    ONE TWO THREE FOUR FIVE));
	ok(w.verdict == VERDICT_MERGED &&
		   stands(&w, 1, TEXT, "None absent. " TWO "Next time in June. " FOUR "The bus is late. "),
	   "so does a third");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, "None absent. " TWO THREE FOUR "The bus is late. ",
			    ONE TWO THREE FOUR FIVE));
	ok(w.verdict == VERDICT_MERGED && !conflict(&w) &&
		   stands(&w, 1, TEXT, "None absent. " TWO "Next time in June. " FOUR "The bus is late. ") &&
		   record_find(world_record(&w, &(struct id){{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}),
			       TEXT)->number == 4,
	   "a merge that comes to what stands is a repeat");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 1), TEXT, "Two absent. " TWO THREE FOUR FIVE,
			    ONE TWO THREE FOUR FIVE));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x22, 0x24),
	   "the same sentence changed by two is a Conflict with what stands");
	world_fini(&w);
}

static void test_prose_of_one_base(void)
{
	struct world w;
	make_prose(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "None absent. " TWO THREE FOUR FIVE,
			    ONE TWO THREE FOUR FIVE));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, ONE TWO "Next time in June. " FOUR FIVE,
			    "what nobody wrote"));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x20, 0x21),
	   "a base that is nowhere in the history can't be merged upon");
	arrive(&w, say_text(&w, say(&w, 0x22, 1, 2), TEXT, NULL, "None absent. " TWO THREE FOUR FIVE));
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 2), TEXT, "None absent. " TWO THREE FOUR "The bus is late. ",
			    "None absent. " TWO THREE FOUR FIVE));
	ok(stands(&w, 1, TEXT, NULL) && SIDES(&w, 0x21, 0x22, 0x23), "a text that was left empty has no room for an edit");
	world_fini(&w);
}

/* Own edits on own edits that wait, with another's merged in between. */
static void test_prose_own(bool fetched)
{
	struct world w;
	make_prose(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, ONE TWO "In June. " FOUR FIVE, ONE TWO THREE FOUR FIVE));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "All here. " TWO THREE FOUR FIVE, ONE TWO THREE FOUR FIVE));
	ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "All here. " TWO "In June. " FOUR FIVE),
	   "an own edit is laid on another's");
	if (!fetched) {
		arrive(&w, say_text(&w, say(&w, 0x22, 1, 2), TEXT, ONE TWO "In June. " FOUR "By bus. ",
				    ONE TWO "In June. " FOUR FIVE));
		arrive(&w, say_after(say_text(&w, say(&w, 0x23, 1, 1), TEXT, "All well. " TWO THREE FOUR FIVE,
					      "All here. " TWO THREE FOUR FIVE),
				     0x21));
		ok(w.verdict == VERDICT_MERGED && !conflict(&w) &&
			   stands(&w, 1, TEXT, "All well. " TWO "In June. " FOUR "By bus. "),
		   "and the next own one, made before either was known, on that");
	} else {
		/* Read while the own edit waited, saved after it had come back merged. */
		arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TEXT,
					      "All here. " TWO THREE FOUR "By bus. ",
					      "All here. " TWO THREE FOUR FIVE),
				     0x21));
		ok(w.verdict == VERDICT_MERGED && stands(&w, 1, TEXT, "All here. " TWO "In June. " FOUR "By bus. "),
		   "what was read before an own edit came back, and saved after, takes no words away");
	}
	arrive(&w, say_after(say_existence(say(&w, 0x29, 1, 1), WITHDRAWN, false), 0x21));
	ok(w.verdict == VERDICT_CONFLICT && conflict(&w),
	   "nor does a withdrawal by one who had not seen what their edit was laid on");
	world_fini(&w);
}

static void test_prose_side(void)
{
	struct world w;
	make_prose(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "All here. " TWO THREE FOUR FIVE, ONE TWO THREE FOUR FIVE));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "Two absent. " TWO THREE FOUR FIVE,
			    ONE TWO THREE FOUR FIVE));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TEXT, "Two absent. " TWO THREE FOUR "By bus. ",
				      "Two absent. " TWO THREE FOUR FIVE),
			     0x21));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x20, 0x22) &&
		   stands(&w, 1, TEXT, "All here. " TWO THREE FOUR FIVE),
	   "going on with one's own version is never merged with the other");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), TEXT, ONE TWO THREE FOUR "By train. ", ONE TWO THREE FOUR FIVE));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TEXT, "All here. " TWO THREE FOUR "By train. ") &&
		   SIDES(&w, 0x20, 0x22, 0x23),
	   "what another changed apart stands, and is a side");
	arrive(&w, say_after(say_text(&w, say(&w, 0x24, 1, 1), TEXT, "All here. " "Rain. " THREE FOUR FIVE,
				      "All here. " TWO THREE FOUR FIVE),
			     0x20));
	ok(stands(&w, 1, TEXT, "All here. Rain. " THREE FOUR "By train. ") && SIDES(&w, 0x22, 0x23, 0x24),
	   "going on with what stands is merged with what came to it");
	world_fini(&w);
}

static void test_prose_settled(void)
{
	struct world w;
	make_prose(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TEXT, "All here. " TWO THREE FOUR FIVE, ONE TWO THREE FOUR FIVE));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TEXT, "Two absent. " TWO THREE FOUR FIVE,
			    ONE TWO THREE FOUR FIVE));
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x22, 1, 3), TEXT, "Two absent. " TWO THREE FOUR FIVE,
					    "All here. " TWO THREE FOUR FIVE), &c));
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x23, 1, 3), TEXT, "All here. " TWO THREE FOUR FIVE,
					    "All here. " TWO THREE FOUR FIVE), &c));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x22, 0x23) &&
		   stands(&w, 1, TEXT, "Two absent. " TWO THREE FOUR FIVE),
	   "two who settle apart disagree, though their words would merge");
	arrive(&w, say_text(&w, say(&w, 0x24, 1, 3), TEXT, "All here. " TWO THREE FOUR "By bus. ",
			    "All here. " TWO THREE FOUR FIVE));
	ok(stands(&w, 1, TEXT, "Two absent. " TWO THREE FOUR "By bus. ") && SIDES(&w, 0x22, 0x23, 0x24),
	   "an edit made meanwhile elsewhere in the text is not lost");
	world_fini(&w);
}

/* More to merge than one change may cost: the rest are two versions, and nothing fails. */
static void test_prose_bounded(void)
{
	enum { BIG = 200 * 1024, UNITS = BIG / 4 };
	struct world w;
	char *texts[3];
	world_init(&w);
	for (int i = 0; i < 3; i++) {
		texts[i] = arena_alloc(&w.arena, BIG + 1);
		for (int u = 0; u < UNITS; u++)
			memcpy(texts[i] + 4 * u, i == 1 && u % 3 == 0 ? "A.\n\n" : i == 2 && u % 3 == 1 ? "B.\n\n" : "C.\n\n", 4);
	}
	struct change *made[3];
	for (unsigned i = 0; i < 3; i++) {
		made[i] = arena_alloc(&w.arena, sizeof(struct change));
		*made[i] = *say(&w, 0x10 + i, 1, i ? 1 : 0);
		made[i]->edits = arena_alloc(&w.arena, 6 * sizeof(struct edit));
		made[i]->n_edits = 6;
		for (unsigned r = 0; r < 6; r++) {
			struct change *one = say(&w, 0, 1 + r, 0);
			if (i == 0)
				say_existence(one, LIVE, false);
			say_text(&w, one, TEXT, texts[i], i ? texts[0] : NULL);
			made[i]->edits[r] = one->edits[0];
		}
		arrive(&w, made[i]);
	}
	size_t merged = 0, open = 0;
	for (size_t i = 0; i < w.n_records; i++) {
		open += w.records[i].type == TYPE_CONFLICT;
		merged += w.records[i].type == TYPE_ACTION && record_find(&w.records[i], TEXT)->number == 3;
	}
	ok(w.err == 0 && merged + open == 6 && open >= 3,
	   "what one change may cost to merge is bounded: %zu were merged, of %zu both versions are kept", merged,
	   open);
	world_fini(&w);
}

/* ---- Taken back ----------------------------------------------------------------------------- */

static struct change *say_undoes(struct change *c, unsigned change)
{
	c->undoes = id_of(change);
	return c;
}

static void test_undo(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), REF, "A", "1.5"));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), REF, "B", "1.5"));
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x22, 1, 3), REF, "B", "A"), &c));
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x23, 1, 4), REF, "A", "B"), 0x22));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, REF, "A") && SIDES(&w, 0x20, 0x21) &&
		   id_equal(&conflict(&w)->id, &c) &&
		   record_get(conflict(&w), CONFLICT_SETTLED_BY).len == 0,
	   "a settling that is taken back is open again, with its sides");
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x24, 1, 4), REF, "A", "B"), 0x22));
	ok(w.verdict == VERDICT_MERGED && SIDES(&w, 0x20, 0x21), "taken back at two schools, once");
	arrive(&w, say_settles(&w, say_text(&w, say(&w, 0x25, 1, 6), REF, "C", "A"), &c));
	ok(!conflict(&w) && stands(&w, 1, REF, "C"), "and can be settled again");
	arrive(&w, say_text(&w, say(&w, 0x26, 1, 7), REF, "D", "C"));
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x27, 1, 7), REF, "A", "C"), 0x25));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, REF, "D") && id_equal(&conflict(&w)->id, &c) &&
		   SIDES(&w, 0x20, 0x21, 0x26, 0x27),
	   "taken back after another's edit: one Conflict, with all of them");
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x28, 1, 9), STATUS, "x", NULL), 0x25));
	ok(w.verdict == VERDICT_APPLIED, "a change that edits something else reopens nothing");
	arrive(&w, say_undoes(say_text(&w, say(&w, 0x29, 1, 9), STATUS, "y", "x"), 0x77));
	ok(w.err == 0, "nor one that takes back what is not here");
	world_fini(&w);
}

/* ---- The same edit by two, and on from there ------------------------------------------------ */

static void test_own_repeat(void)
{
	struct world w;
	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), STATUS, "begun", NULL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), STATUS, "begun", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), STATUS, "done", "begun"), 0x21));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, STATUS, "done"),
	   "who made the same edit as another may go on from it");
	arrive(&w, say_text(&w, say(&w, 0x23, 1, 1), STATUS, "dropped", NULL));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x22, 0x23), "who did not may not");
	world_fini(&w);

	make_action(&w);
	arrive(&w, say_text(&w, say_text(&w, say(&w, 0x20, 1, 1), TARGET_TEXT, "May", NULL), TARGET_DUE, "2020-05-01",
			    NULL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TARGET_TEXT, "May", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TARGET_TEXT, "June", "May"), 0x21));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TARGET_TEXT, "May"),
	   "nor where the other set more of what is settled together");
	world_fini(&w);

	make_action(&w);
	arrive(&w, say_text(&w, say(&w, 0x20, 1, 1), TARGET_DUE, "2020-05-01", NULL));
	arrive(&w, say_text(&w, say(&w, 0x21, 1, 1), TARGET_DUE, "2020-06-01", NULL));
	arrive(&w, say_after(say_text(&w, say(&w, 0x22, 1, 1), TARGET_TEXT, "June", NULL), 0x21));
	ok(w.verdict == VERDICT_CONFLICT && stands(&w, 1, TARGET_TEXT, NULL) && SIDES(&w, 0x20, 0x22),
	   "nor where their own edit was not the same");
	world_fini(&w);
}

/* ---- Order ---------------------------------------------------------------------------------- */

static void test_agenda(bool swapped)
{
	enum { POSITION = 2, TITLE = 3 };
	struct world w;
	world_init(&w);
	struct change *a = say_existence(say(&w, 0x20, 0x51, 0), LIVE, false);
	struct change *b = say_existence(say(&w, 0x21, 0x52, 0), LIVE, false);
	a->edits[0].type = b->edits[0].type = TYPE_AGENDA_ITEM;
	say_text(&w, say_text(&w, a, POSITION, "V4", NULL), TITLE, "Roof", NULL);
	say_text(&w, say_text(&w, b, POSITION, "V4", NULL), TITLE, "Bus", NULL);
	arrive(&w, swapped ? b : a);
	arrive(&w, swapped ? a : b);
	ok(stands(&w, 0x51, TITLE, "Roof") && stands(&w, 0x52, TITLE, "Bus") && !conflict(&w) &&
		   stands(&w, 0x51, POSITION, "V4") && stands(&w, 0x52, POSITION, "V4"),
	   "two items put at one place both stand, sorted by key and id whoever came first");
	struct change *up = say_text(&w, say(&w, 0x22, 0x51, 2), POSITION, "B", "V4");
	struct change *down = say_text(&w, say(&w, 0x23, 0x51, 2), POSITION, "Z", "V4");
	up->edits[0].type = down->edits[0].type = TYPE_AGENDA_ITEM;
	arrive(&w, swapped ? down : up);
	arrive(&w, swapped ? up : down);
	ok(SIDES(&w, 0x22, 0x23), "one item moved to two places is two versions");
	world_fini(&w);
}

/* ---- Brought back, twice withdrawn ---------------------------------------------------------- */

static void test_brought_back(bool swapped)
{
	struct world w;
	struct id one = id_of(1);
	make_action(&w);
	arrive(&w, say_existence(say(&w, 0x20, 1, 1), WITHDRAWN, false));
	struct change *back = say_existence(say(&w, 0x21, 1, 2), LIVE, true);
	struct change *edit = say_text(&w, say(&w, 0x22, 1, 1), TEXT, "A", "old");
	arrive(&w, swapped ? edit : back);
	arrive(&w, swapped ? back : edit);
	ok(stands(&w, 1, TEXT, "A") && record_existence(world_record(&w, &one)) == LIVE,
	   "brought back and edited: it is there, as edited");
	ok(swapped ? SIDES(&w, 0x22, 0x21) || conflict(&w) != NULL : conflict(&w) == NULL,
	   "and people are asked only if the edit came while it was withdrawn");
	world_fini(&w);

	make_action(&w);
	struct change *d = say_existence(say(&w, 0x20, 1, 1), WITHDRAWN, false);
	struct change *e = say_existence(say(&w, 0x21, 1, 1), WITHDRAWN, false);
	arrive(&w, swapped ? e : d);
	arrive(&w, swapped ? d : e);
	arrive(&w, say_member(&w, say(&w, 0x22, 1, 1), "max", true));
	ok(member(&w, "max") && conflict(&w) && record_existence(world_record(&w, &one)) == WITHDRAWN,
	   "withdrawn by two, edited by a third: nothing of it is lost");
	world_fini(&w);
}

static void test_many_sides(void)
{
	struct world w;
	make_action(&w);
	for (unsigned i = 0; i < 62; i++) {
		char text[8];
		snprintf(text, sizeof(text), "%u", i);
		arrive(&w, say_member(&w, say(&w, 0x40 + i, 1, 1), text, true));
	}
	arrive(&w, say_existence(say(&w, 0x20, 1, 1), WITHDRAWN, false));
	unsigned self = 0x20;
	struct buf b = {0};
	struct id id = id_of(self);
	field_add_bytes(&b, CONFLICT_SIDES, ID_BYTES(&id));
	ok(w.verdict == VERDICT_CONFLICT &&
		   value_has_member(record_get(conflict(&w), CONFLICT_SIDES), buf_bytes(&b)),
	   "however many sides there are, the change that disagrees is one");
	buf_fini(&b);
	world_fini(&w);
}

static void test_self_reference(void)
{
	enum { DEPENDS_ON = 23 };
	struct world w;
	struct id one = id_of(1);
	struct buf b = {0};
	make_action(&w);
	struct change *c = say(&w, 0x20, 1, 1);
	field_add_bytes(&b, DEPENDS_ON, ID_BYTES(&one));
	c->edits[0].effect.add = buf_bytes(&b);
	arrive(&w, c);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "can't refer to itself"), "an action does not wait for itself");
	buf_fini(&b);
	world_fini(&w);
}

/* ---- What was taken back by a server that was set back -------------------------------------- */

static struct change *of_epoch(struct change *c, uint64_t epoch)
{
	c->seen_epoch = epoch;
	return c;
}

/* The line ends at 1; somebody had seen an entry 2 that is now 3. */
static void test_off_line(void)
{
	struct world w;
	make_action(&w);
	w.epoch = 2;
	w.common[2] = 1;
	arrive(&w, of_epoch(say_text(&w, say(&w, 0x20, 1, 1), STATUS, "x", NULL), 2));
	arrive(&w, of_epoch(say_text(&w, say(&w, 0x21, 1, 1), REF, "A", "1.5"), 1));
	ok(w.verdict == VERDICT_APPLIED, "a change of the shorter run is entered after the longer");
	arrive(&w, of_epoch(say_text(&w, say(&w, 0x22, 1, 7), REF, "B", "A"), 1));
	ok(w.verdict == VERDICT_APPLIED && stands(&w, 1, REF, "B"),
	   "one that stood on it stands on it again, by the value that its author had seen");
	arrive(&w, of_epoch(say_text(&w, say(&w, 0x23, 1, 7), REF, "C", "A"), 1));
	ok(w.verdict == VERDICT_CONFLICT && SIDES(&w, 0x22, 0x23), "what came after that value was not seen");
	arrive(&w, of_epoch(say_text(&w, say(&w, 0x24, 1, 7), TEXT, "new", "what is nowhere"), 1));
	ok(w.err == 0 && w.verdict == VERDICT_CONFLICT, "a value that is nowhere on the line makes two versions");
	struct id *ids = arena_alloc(&w.arena, sizeof(*ids));
	*ids = id_of(1);
	struct change *exact = of_epoch(say_text(&w, say(&w, 0x25, 1, 7), STATUS, "y", "x"), 1);
	exact->exact = ids;
	exact->n_exact = 1;
	arrive(&w, exact);
	ok(w.err == 0 && stands(&w, 1, STATUS, "y"), "nothing is refused for it, an exact change neither");
	arrive(&w, of_epoch(say_existence(say(&w, 0x26, 1, 9), WITHDRAWN, false), 1));
	ok(w.verdict == VERDICT_CONFLICT, "a withdrawal reaches only what is on the line");
	world_fini(&w);
}

/* ---- Held fast ------------------------------------------------------------------------------ */

enum { ITEM = 0x61, MINUTES = 0x62, MINUTE_TEXT = 8, ITEM_TITLE = 3, MINUTES_STATE = 3, MINUTES_ITEMS = 4 };

static struct change *of_type(struct change *c, uint32_t type)
{
	c->edits[0].type = type;
	return c;
}

/* An item, and Minutes that hold it, approved: entries 1 to 3. */
static void make_minutes(struct world *w)
{
	struct id item = id_of(ITEM);
	struct buf set = {0};
	world_init(w);
	struct change *c = of_type(say_existence(say(w, 0x10, ITEM, 0), LIVE, false), TYPE_AGENDA_ITEM);
	say_text(w, say_text(w, c, ITEM_TITLE, "Apologies", NULL), MINUTE_TEXT, "None.", NULL);
	must(arrive(w, c) == 1);
	c = of_type(say_existence(say(w, 0x11, MINUTES, 1), LIVE, false), TYPE_MINUTES);
	must(arrive(w, c) == 2);
	c = of_type(say(w, 0x12, MINUTES, 2), TYPE_MINUTES);
	struct base *bases = arena_alloc(&w->arena, 2 * sizeof(*bases));
	field_add_number(&set, MINUTES_STATE, RECORDS__MINUTES_STATE__APPROVED);
	field_add_bytes(&set, MINUTES_ITEMS, ID_BYTES(&item));
	bases[0] = (struct base){MINUTES_STATE, base_digest(BYTES_NONE)};
	bases[1] = (struct base){MINUTES_ITEMS, base_digest(BYTES_NONE)};
	c->edits[0].effect.set = arena_copy(&w->arena, buf_bytes(&set));
	c->edits[0].bases = bases;
	c->edits[0].n_bases = 2;
	struct id *exact = arena_alloc(&w->arena, 2 * sizeof(*exact));
	exact[0] = item;
	exact[1] = id_of(MINUTES);
	c->exact = exact;
	c->n_exact = 2;
	must(arrive(w, c) == 3 && w->verdict == VERDICT_APPLIED);
	buf_fini(&set);
}

/* The one Note; NULL: there is none, or several. */
static struct record *the_note(struct world *w)
{
	struct record *found = NULL;
	for (size_t i = 0; i < w->n_records; i++)
		if (w->records[i].type == TYPE_NOTE) {
			if (found)
				return NULL;
			found = &w->records[i];
		}
	return found;
}

static void test_frozen(void)
{
	struct world w;
	make_minutes(&w);
	struct change *late = of_type(say(&w, 0x20, ITEM, 1), TYPE_AGENDA_ITEM);
	arrive(&w, say_text(&w, late, MINUTE_TEXT, "Mrs. Lee was absent.", "None."));
	ok(w.verdict == VERDICT_MERGED && stands(&w, ITEM, MINUTE_TEXT, "None.") && !conflict(&w),
	   "a late edit takes nothing from approved minutes");
	struct bytes text = the_note(&w) ? value_bytes(record_get(the_note(&w), 3)) : BYTES_NONE;
	ok(bytes_equal(text, BYTES("minute text: Mrs. Lee was absent.", 33)), "what it wanted is a Note, in words");
	struct id on = {{0}}, author = {{0}}, item = id_of(ITEM), who = id_of(0xbb);
	if (the_note(&w)) {
		id_from(&on, value_bytes(record_get(the_note(&w), 1)));
		id_from(&author, value_bytes(record_get(the_note(&w), 7)));
	}
	ok(the_note(&w) && id_equal(&on, &item) && id_equal(&author, &who) &&
		   value_number(record_get(the_note(&w), 2)) == RECORDS__NOTE_KIND__CORRECTION,
	   "of kind correction, on the item, by its author");
	arrive(&w, say_text(&w, of_type(say(&w, 0x21, ITEM, 1), TYPE_AGENDA_ITEM), ITEM_TITLE, "Apologies", NULL));
	ok(w.err == 0 && the_note(&w), "what wants nothing else makes no Note");
	struct change *gone = say_existence(of_type(say(&w, 0x22, ITEM, 5), TYPE_AGENDA_ITEM), WITHDRAWN, false);
	arrive(&w, gone);
	ok(w.err == 0 && record_existence(world_record(&w, &item)) == LIVE && !the_note(&w),
	   "an item can't be withdrawn either, though its author had seen the approval");
	arrive(&w, say_text(&w, of_type(say(&w, 0x23, MINUTES, 6), TYPE_MINUTES), 5, "a document", NULL));
	ok(w.err == 0 && w.verdict == VERDICT_APPLIED, "the minutes themselves can be edited");
	world_fini(&w);
}

static void test_frozen_conflict(void)
{
	struct world w;
	struct id *ids;
	make_minutes(&w);
	struct record *m = world_record(&w, &(struct id){{MINUTES, MINUTES, MINUTES, MINUTES, MINUTES, MINUTES, MINUTES,
							  MINUTES, MINUTES, MINUTES, MINUTES, MINUTES, MINUTES,
							  MINUTES, MINUTES, MINUTES}});
	struct bytes items = record_get(m, MINUTES_ITEMS);
	record_set(m, MINUTES_ITEMS, BYTES_NONE, 3); /* not yet approved, for a moment */
	arrive(&w, say_text(&w, of_type(say(&w, 0x20, ITEM, 3), TYPE_AGENDA_ITEM), ITEM_TITLE, "A", "Apologies"));
	arrive(&w, say_text(&w, of_type(say(&w, 0x21, ITEM, 3), TYPE_AGENDA_ITEM), ITEM_TITLE, "B", "Apologies"));
	record_set(m, MINUTES_ITEMS, items, 3);
	struct id c = conflict(&w)->id;
	arrive(&w, say_settles(&w, say_text(&w, of_type(say(&w, 0x22, ITEM, 5), TYPE_AGENDA_ITEM), ITEM_TITLE, "B", "A"),
			       &c));
	ok(!conflict(&w) && stands(&w, ITEM, ITEM_TITLE, "A") && the_note(&w),
	   "two versions of what was approved can be settled: the approved one stands, the choice is a Note");
	ids = arena_alloc(&w.arena, 2 * sizeof(*ids));
	ids[0] = id_of(MINUTES);
	ids[1] = id_of(ITEM);
	struct change *sign = say_existence(of_type(say(&w, 0x30, 0x70, 3), TYPE_SIGN_OFF), LIVE, false);
	sign->exact = ids;
	sign->n_exact = 2;
	arrive(&w, sign);
	ok(w.err == ERR_INVALID && strstr(w.cause.words, "the agenda-item \"A\" has changed") &&
		   strstr(w.cause.words, "by the head of school 4"),
	   "what moved since it was read is not signed, and the words say what and by whom (%s)", w.cause.words);
	sign->seen_number = 5;
	arrive(&w, sign);
	ok(w.err == 0 && w.verdict == VERDICT_APPLIED, "a Note that came meanwhile moves nothing");
	world_fini(&w);
}

int main(void)
{
	test_different_groups();
	test_same_group(false);
	test_same_group(true);
	test_settled_together();
	test_sequence();
	test_repeat();
	test_sets(false);
	test_sets(true);
	test_set_added_apart();
	test_own_edits();
	test_side_moves();
	test_settle(false, false);
	test_settle(true, false);
	test_settle(false, true);
	test_settle_what_stands();
	test_withdrawn(false);
	test_withdrawn(true);
	test_settled_by_withdrawal();
	test_existence();
	test_long_history();
	test_exact();
	test_fixed();
	test_prose(false);
	test_prose(true);
	test_prose_of_one_base();
	test_prose_own(false);
	test_prose_own(true);
	test_prose_side();
	test_prose_settled();
	test_prose_bounded();
	test_undo();
	test_own_repeat();
	test_agenda(false);
	test_agenda(true);
	test_brought_back(false);
	test_brought_back(true);
	test_many_sides();
	test_self_reference();
	test_off_line();
	test_frozen();
	test_frozen_conflict();
	return tap_end();
}
