/*
 * Merging prose: stories, the same and touching edits, what is allowed, and what holds of any
 * triple; the difference of two texts; the block on prose of proto/PROTOCOL.md.
 */
#include "common/merge.h"

#include "common/unit.h"
#include "common/unit_diff.h"
#include "tests/merge/triple.h"
#include "tests/unit/document.h"

/* ---- Stories -------------------------------------------------------------------------------- */

static const struct story {
	const char *name, *base, *ours, *theirs;
	const char *merged; /* NULL: a conflict */
} stories[] = {
	{"edits of sentences with another between them both stand",
	 "The hall is booked. Tea is at four. The bus is late.",
	 "The hall is free. Tea is at four. The bus is late.",
	 "The hall is booked. Tea is at four. The bus is early.",
	 "The hall is free. Tea is at four. The bus is early."},
	{"no sentence is made of two people's: 120 agreed, 100 rejected",
	 "Governors agreed 100 places.", "Governors agreed 120 places.",
	 "Governors rejected 100 places.", NULL},
	{"nor in the middle of a text", "It was late. Governors agreed 100 places. All went home.",
	 "It was late. Governors agreed 120 places. All went home.",
	 "It was late. Governors rejected 100 places. All went home.", NULL},
	{"edits of neighbours touch", "One was read. Two was read. Three was read.",
	 "One was lost. Two was read. Three was read.",
	 "One was read. Two was lost. Three was read.", NULL},
	{"lines too", "one\ntwo\nthree\n", "1\ntwo\nthree\n", "one\n2\nthree\n", NULL},
	{"a line between them parts them", "one\ntwo\nthree\n", "1\ntwo\nthree\n", "one\ntwo\n3\n",
	 "1\ntwo\n3\n"},
	{"the same edit is made once", "One. Two. Three.", "One. Zwei. Three.", "One. Zwei. Three.",
	 "One. Zwei. Three."},
	{"the same edit beside other ones", "a\nb\nc\nd\ne\nf\ng\n", "a\nB\nc\nd\nE\nf\ng\n",
	 "a\nB\nc\nd\ne\nf\nG\n", "a\nB\nc\nd\nE\nf\nG\n"},
	{"the same line, added by both, is there once", "a\nb\n", "a\nx\nb\n", "a\nx\nb\n",
	 "a\nx\nb\n"},
	{"different lines at one place", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n", NULL},
	{"lines of which both added the first", "a\nb\n", "a\nx\nb\n", "a\nx\ny\nb\n", NULL},
	{"lines added at both ends", "a\nb\n", "x\na\nb\n", "a\nb\ny\n", "x\na\nb\ny\n"},
	{"added where the other deleted", "a\nb\nc\n", "a\nb\nx\nc\n", "a\nc\n", NULL},
	{"edited what the other deleted", "a\nb\nc\n", "a\nB\nc\n", "a\nc\n", NULL},
	{"deleted by both", "a\nb\nc\n", "a\nc\n", "a\nc\n", "a\nc\n"},
	{"deleted by both, and more by one", "a\nb\nc\nd\n", "a\nd\n", "a\nc\nd\n", NULL},
	{"deleted by one", "a\nb\nc\n", "a\nc\n", "a\nb\nc\n", "a\nc\n"},
	{"replaced by one", "a\n", "a\n", "", ""},
	{"both wrote what was empty", "", "Ours.", "Theirs.", NULL},
	{"both wrote the same there", "", "Ours.", "Ours.", "Ours."},
	{"one wrote there", "", "", "Theirs.", "Theirs."},
	{"nobody wrote anything", "", "", "", ""},
	{"emptied and edited", "a\n", "", "b\n", NULL},
	{"emptied by both", "a\n", "", "", ""},
	{"spaces and line ends stay as they are", "One.  Two. \r\n\r\nThree.\tFour.\n",
	 "Uno.  Two. \r\n\r\nThree.\tFour.\n", "One.  Two. \r\n\r\nThree.\tFour!\n",
	 "Uno.  Two. \r\n\r\nThree.\tFour!\n"},
	{"a line end is part of its line", "a\nb\nc", "a\r\nb\nc", "a\nb\nc\n", "a\r\nb\nc\n"},
	{"two who went on writing at the end", "One. Two.", "One. Two. Three.", "One. Two. Four.",
	 NULL},
	{"one who went on writing at the end", "One. Two. Three.", "One! Two. Three.",
	 "One. Two. Three. Four.", "One! Two. Three. Four."},
	{"characters of several bytes", "Żółw. Ćma. Świt.", "Żaba. Ćma. Świt.", "Żółw. Ćma. Śnieg.",
	 "Żaba. Ćma. Śnieg."},
	{"abbreviations end nothing", "Mrs. Booth asked, e.g. Heath. Yes. It cost £500.",
	 "Mrs. Low asked, e.g. Heath. Yes. It cost £500.",
	 "Mrs. Booth asked, e.g. Heath. Yes. It cost £600.",
	 "Mrs. Low asked, e.g. Heath. Yes. It cost £600."},
	{"what looks like a marker is text", "a\n=======\nb\n", "A\n=======\nb\n",
	 "a\n=======\n>>>>>>> b\n", "A\n=======\n>>>>>>> b\n"},
	{"moved by one, edited by the other", "a\nb\nc\nd\ne\n", "b\nc\nd\na\ne\n",
	 "A\nb\nc\nd\ne\n", NULL},
};

static struct bytes text_of(const char *text)
{
	return BYTES(text, strlen(text));
}

static void tell(const struct story *s)
{
	struct bytes base = text_of(s->base), out = BYTES_NONE, back = BYTES_NONE;
	struct bytes ours = text_of(s->ours), theirs = text_of(s->theirs);
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	int merged = merge_text(base, ours, theirs, &arena, &out);
	if (s->merged)
		ok(merged == 1 && bytes_equal(out, text_of(s->merged)), "%s", s->name);
	else
		ok(merged == 0, "%s: a conflict", s->name);
	ok(merge_text(base, theirs, ours, &arena, &back) == merged && bytes_equal(out, back),
	   "  whoever is first");
	arena_fini(&arena);
}

/* ---- What is allowed ------------------------------------------------------------------------ */

static void fill(struct buf *b, const char *piece, size_t most)
{
	buf_reset(b);
	while (b->len + strlen(piece) <= most)
		buf_add_text(b, "%s", piece);
}

static int merge_bufs(const struct buf *base, const struct buf *ours, const struct buf *theirs)
{
	struct arena arena;
	struct bytes out;

	arena_init(&arena, ARENA_NO_BUDGET);
	int merged = merge_text(buf_bytes(base), buf_bytes(ours), buf_bytes(theirs), &arena, &out);
	arena_fini(&arena);
	return merged;
}

/* Lines of one of two letters by a dice: the longest way to compare is to find no end. */
static void fill_by_dice(struct buf *b, uint64_t dice)
{
	buf_reset(b);
	while (b->len < MERGE_TEXT_MAX) {
		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		buf_add_text(b, "%c\n", dice >> 30 & 1 ? 'a' : 'b');
	}
}

static void check_limits(void)
{
	struct buf base = {0}, ours = {0}, theirs = {0};
	struct arena small;
	struct bytes out;

	fill(&base, "word\n", MERGE_TEXT_MAX - 5);
	buf_add_text(&ours, "first\n%.*s", (int)base.len - 5, (const char *)base.data);
	buf_add_text(&theirs, "%.*slast\n", (int)base.len - 5, (const char *)base.data);
	ok(merge_bufs(&base, &ours, &theirs) == 1, "texts of 256 KiB merge");
	buf_add_text(&theirs, "more\nmore\n");
	ok(merge_bufs(&base, &ours, &theirs) == 0, "a longer one does not");
	buf_reset(&ours);
	buf_reset(&theirs);
	buf_add_text(&ours, "newer\n%.*s", (int)base.len, (const char *)base.data);
	buf_add_text(&theirs, "%.*snewer\n", (int)base.len, (const char *)base.data);
	ok(ours.len <= MERGE_TEXT_MAX && merge_bufs(&base, &ours, &theirs) == 0,
	   "nor do two that would make one");

	arena_init(&small, 64);
	ok(merge_text(text_of("a\nb\nc\n"), text_of("A\nb\nc\n"), text_of("a\nb\nC\n"), &small,
		      &out) == 1,
	   "a small arena is enough for a small text");
	ok(merge_text(text_of("a\nb\nc\n"),
		      text_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\nc\n"),
		      text_of("a\nb\ncccccccccccccccccccccc\n"), &small, &out) == 0,
	   "what does not fit into it is a conflict");
	arena_fini(&small);

	fill_by_dice(&base, 1);
	fill_by_dice(&ours, 2);
	fill_by_dice(&theirs, 3);
	ok(merge_bufs(&base, &ours, &theirs) == 0, "what takes too many steps is a conflict");
	buf_fini(&base);
	buf_fini(&ours);
	buf_fini(&theirs);
}

/* ---- Any triple ----------------------------------------------------------------------------- */

/* Three texts and what came out, in units that have the same ids in all. */
struct judged {
	struct bytes texts[4];
	uint32_t *ids[4], n[4], n_ids;
};

/* Ids by looking through all that were met: unlike the code that is tested. */
static uint32_t id_of(struct bytes unit, struct bytes *known, uint32_t *n_known)
{
	for (uint32_t i = 0; i < *n_known; i++)
		if (bytes_equal(known[i], unit))
			return i;
	known[*n_known] = unit;
	return (*n_known)++;
}

static void judge_init(struct judged *j, struct arena *arena)
{
	size_t bytes = 0;

	for (int i = 0; i < 4; i++)
		bytes += j->texts[i].len;
	struct bytes *known = arena_alloc(arena, bytes * sizeof(*known)), unit;
	j->n_ids = 0;
	for (int i = 0; i < 4; i++) {
		struct bytes rest = j->texts[i];
		j->ids[i] = arena_alloc(arena, rest.len * sizeof(uint32_t));
		j->n[i] = 0;
		while (unit_next(&rest, &unit))
			j->ids[i][j->n[i]++] = id_of(unit, known, &j->n_ids);
	}
}

static int count(const struct judged *j, int text, uint32_t id)
{
	int n = 0;
	for (uint32_t i = 0; i < j->n[text]; i++)
		n += j->ids[text][i] == id;
	return n;
}

/* The unit at i, or what stands for the ends of a text. */
static uint32_t at(const struct judged *j, int text, int64_t i)
{
	return i < 0 || i >= j->n[text] ? UINT32_MAX : j->ids[text][i];
}

static bool has_pair(const struct judged *j, int text, uint32_t first, uint32_t second)
{
	for (int64_t i = -1; i < j->n[text]; i++)
		if (at(j, text, i) == first && at(j, text, i + 1) == second)
			return true;
	return false;
}

/* Neighbours in what came out are neighbours in one of the two texts, ends too. */
static bool neighbours_are_known(const struct judged *j)
{
	for (int64_t i = -1; i < j->n[3]; i++) {
		uint32_t a = at(j, 3, i), b = at(j, 3, i + 1);
		if (!has_pair(j, 1, a, b) && !has_pair(j, 2, a, b))
			return false;
	}
	return true;
}

/* Do both texts have hunks at one place of base, which must then be equal? */
static bool hunks_meet(struct unit_work *work, const struct units units[3])
{
	struct unit_changes c[2];
	struct unit_hunk a = {0, 0, 0, 0}, b;

	if (!units_compare(work, &units[0], &units[1], &c[0]) ||
	    !units_compare(work, &units[0], &units[2], &c[1]))
		return true;
	while (unit_hunk_next(&c[0], &a))
		for (b = (struct unit_hunk){0, 0, 0, 0}; unit_hunk_next(&c[1], &b);)
			if (a.a <= b.a_end && b.a <= a.a_end)
				return true;
	return false;
}

/* If no edit was made by both, each unit came and went as often as either says. */
static bool counts_add_up(const struct judged *j, bool *asked)
{
	struct unit_work work;
	struct units units[3];

	unit_work_init(&work);
	*asked = units_read(&work, j->texts, units, 3) && !hunks_meet(&work, units);
	unit_work_fini(&work);
	for (uint32_t id = 0; *asked && id < j->n_ids; id++)
		if (count(j, 3, id) != count(j, 1, id) + count(j, 2, id) - count(j, 0, id))
			return false;
	return true;
}

static void check_triples(void)
{
	bool symmetric = true, known = true, add_up = true, asked;
	int clean = 0, conflicts = 0, counted = 0;
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	for (uint64_t seed = 1; clean + conflicts < 3000; seed++) {
		struct triple t = {0};
		struct judged j;
		struct bytes back = BYTES_NONE;
		triple_make(seed, &t);
		for (int i = 0; i < 3; i++)
			j.texts[i] = buf_bytes(&t.text[i]);
		j.texts[3] = BYTES_NONE;
		if (j.texts[0].len < 8192) {
			int merged =
				merge_text(j.texts[0], j.texts[1], j.texts[2], &arena, &j.texts[3]);
			int again = merge_text(j.texts[0], j.texts[2], j.texts[1], &arena, &back);
			symmetric = symmetric && merged == again && bytes_equal(back, j.texts[3]);
			*(merged ? &clean : &conflicts) += 1;
			if (merged) {
				judge_init(&j, &arena);
				known = known && neighbours_are_known(&j);
				add_up = add_up && counts_add_up(&j, &asked);
				counted += asked;
			}
		}
		triple_fini(&t);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	ok(clean > 500 && conflicts > 500, "of 3,000 triples %d merge and %d do not", clean,
	   conflicts);
	ok(symmetric, "it is the same whoever is first");
	ok(known, "no two units meet that met in neither text");
	ok(add_up && counted > 500, "no unit is lost or doubled (%d counted)", counted);
}

/* ---- Differences to show -------------------------------------------------------------------- */

static void check_runs(const char *name, const char *a, const char *b, const char *expected)
{
	static const char marks[] = {'=', '-', '+'};
	struct buf got = {0};
	struct arena arena;
	size_t n;

	arena_init(&arena, ARENA_NO_BUDGET);
	struct unit_run *runs = unit_diff(text_of(a), text_of(b), &arena, &n);
	for (size_t i = 0; i < n; i++) {
		buf_add_u8(&got, (uint8_t)marks[runs[i].where]);
		buf_add_bytes(&got, runs[i].text);
	}
	ok(bytes_equal(buf_bytes(&got), text_of(expected)), "%s", name);
	buf_fini(&got);
	arena_fini(&arena);
}

static bool runs_are_texts(struct bytes a, struct bytes b, struct arena *arena, size_t *n)
{
	struct unit_run *runs = unit_diff(a, b, arena, n);
	struct buf back[2] = {{0}};

	for (size_t i = 0; i < *n; i++) {
		if (runs[i].where != UNIT_ONLY_B)
			buf_add_bytes(&back[0], runs[i].text);
		if (runs[i].where != UNIT_ONLY_A)
			buf_add_bytes(&back[1], runs[i].text);
		must(runs[i].text.len > 0 && (i == 0 || runs[i - 1].where != runs[i].where));
	}
	bool same = bytes_equal(buf_bytes(&back[0]), a) && bytes_equal(buf_bytes(&back[1]), b);
	buf_fini(&back[0]);
	buf_fini(&back[1]);
	return same;
}

static void check_differences(void)
{
	struct buf a = {0}, b = {0};
	struct arena arena;
	bool same = true;
	size_t n;

	check_runs("what differs is shown between what does not", "One. Two. Three.",
		   "One. Zwei. Three.", "=One. -Two. +Zwei. =Three.");
	check_runs("an addition alone", "a\nc\n", "a\nb\nc\n", "=a\n+b\n=c\n");
	check_runs("a removal alone", "a\nb\nc\n", "b\nc\n", "-a\n=b\nc\n");
	check_runs("equal texts", "a\nb\n", "a\nb\n", "=a\nb\n");
	check_runs("empty texts", "", "", "");
	check_runs("one that was empty", "", "a\n", "+a\n");
	arena_init(&arena, ARENA_NO_BUDGET);
	for (uint64_t seed = 1; seed < 1000; seed++) {
		struct triple t = {0};
		triple_make(seed, &t);
		same = same &&
		       runs_are_texts(buf_bytes(&t.text[1]), buf_bytes(&t.text[2]), &arena, &n);
		triple_fini(&t);
		arena_reset(&arena);
	}
	ok(same, "the runs of 1,000 differences are both texts");
	buf_add_text(&a, "first\n");
	buf_add_text(&b, "first\n");
	for (uint64_t i = 0, dice = 7; i < 131072; i++) {
		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		buf_add_text(dice >> 29 & 1 ? &a : &b, "%c\n", dice >> 30 & 1 ? 'a' : 'b');
	}
	buf_add_text(&a, "last\n");
	buf_add_text(&b, "last\n");
	ok(runs_are_texts(buf_bytes(&a), buf_bytes(&b), &arena, &n),
	   "so are those of texts that take too long to compare");
	buf_reset(&a);
	buf_reset(&b);
	fill_by_dice(&a, 5);
	fill_by_dice(&b, 6);
	buf_add_text(&a, "last\n");
	buf_add_text(&b, "last\n");
	ok(runs_are_texts(buf_bytes(&a), buf_bytes(&b), &arena, &n) && n == 3,
	   "which differ in one place, between their common ends");
	arena_fini(&arena);
	buf_fini(&a);
	buf_fini(&b);
}

/* ---- The block of the protocol -------------------------------------------------------------- */

static void add_units(struct buf *out, struct bytes text)
{
	struct bytes unit;

	buf_add_u8(out, '|');
	while (unit_next(&text, &unit)) {
		for (size_t i = 0; i < unit.len; i++) {
			char c = (char)unit.data[i];
			const char *shown = c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\\\";
			if (c == '\n' || c == '\r' || c == '\\')
				buf_add_text(out, "%s", shown);
			else
				buf_add_u8(out, (uint8_t)c);
		}
		buf_add_u8(out, '|');
	}
	buf_add_u8(out, '\n');
}

static void add_story(struct buf *out, const struct story *s)
{
	struct bytes merged;
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	buf_add_text(out, "\n-- %s\nbase    ", s->name);
	add_units(out, text_of(s->base));
	buf_add_text(out, "one     ");
	add_units(out, text_of(s->ours));
	buf_add_text(out, "other   ");
	add_units(out, text_of(s->theirs));
	if (merge_text(text_of(s->base), text_of(s->ours), text_of(s->theirs), &arena, &merged)) {
		buf_add_text(out, "merged  ");
		add_units(out, merged);
	} else {
		buf_add_text(out, "does not merge\n");
	}
	arena_fini(&arena);
}

static void make_block(struct buf *out)
{
	static const char *const texts[] = {
		"Agenda\n\n1. Apologies. Two came.\r\n2.1. Minutes of 3 Oct. 2019: agreed.\n",
		"Mrs. Booth and Mr. A. J. Hallam spoke, e.g. about No. 5, pens etc. It cost £500. "
		"They "
		"said no. Agreed.",
		"We end at 6.30pm. Tea is at 4 p.m. All stay. In the U.K. It rains, up to 96.4 per "
		"cent.",
		"“Why?” she asked. “Because.” Nobody knew ... The end! no more (really?) "
		"Ends.\tHere",
		"See www.example.org/Plan.Html. Yes. - No.  Było. żaden. Żółć. 東京。大阪！"};

	buf_add_text(out, "-- Units (4.12)\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		add_units(out, text_of(texts[i]));
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		add_story(out, &stories[i]);
}

int main(int argc, char **argv)
{
	struct buf block = {0};

	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		tell(&stories[i]);
	check_limits();
	check_triples();
	check_differences();
	make_block(&block);
	document_check("test_merge", "prose", &block, argc > 1 && strcmp(argv[1], "--write") == 0);
	return tap_end();
}
