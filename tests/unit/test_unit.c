/* Where units of prose end: the rule of unit.h, case by case, and what holds of any bytes. */
#include "common/err.h"
#include "common/unit.h"
#include "common/utf8.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

/* ---- Cases ---------------------------------------------------------------------------------- */

/* A text with a bar behind each unit but the last. */
static const char *const cases[] = {
	/* Lines end units, whatever they end with. */
	"Agenda\n|Apologies\n",
	"Agenda\r\n|\r\n|Apologies",
	"Agenda\r|Apologies",
	"\n|\n|\n",
	"One.\n|Two.\n",
	"One. \n|Two.",
	"One.\u2028|Two.\u2029|Three.\xc2\x85|Four",
	"No stop at all",
	"  Indented.  \n|  Too.",
	/* Sentences, with their spaces. */
	"It was agreed. |The chair thanked all. |Next",
	"It was agreed.  |The chair",
	"It was agreed.\t|The chair",
	"Was it agreed? |It was! |Good",
	"What?! |Never",
	"Agreed.\u00a0|The chair",
	/* Closers belong to what they close. */
	"“Agreed.” |The chair",
	"(See above.) |The chair",
	"**Agreed.** |The chair",
	"He said ‘Never.’ |Then he left.",
	"“Why?” she asked. |Nobody knew.",
	"\"Why?\" |\"Because.\"",
	"Is it (really?) true? |Yes",
	"[Closed.]\n|Open",
	/* Without a space nothing ends, but where no spaces are written. */
	"See www.example.org/Plan.Html for it. |Then",
	"Stop.Go!Now",
	"東京。|大阪！|Ja",
	/* What comes next goes on. */
	"It was so. and so on. |Then",
	"At last. 12 children came",
	"At last. £500 was found",
	"Why? |no reason",
	"Really? - yes",
	"Well. , no",
	"So. ? |so",
	/* Ellipses. */
	"Well ... The head laughed. |Then",
	"Well... The head laughed. |Then",
	"Well… The head laughed. |Then",
	"Really...? |The head laughed.",
	/* Initials, and abbreviations with stops inside. */
	"Mr. A. J. Hallam spoke. |Then",
	"J.B. Priestley. |Then",
	"E.g. Heath, i.e. All of it. |Then",
	"For schools, e.g. Heath, it is free. |Then",
	"In the U.K. It rains. |Then",
	"É. Zola. |Then",
	"E\u0301. Zola. |Then",
	"It is Amy's. |Then",
	"It is Amy’s. |Then",
	/* Titles and the like. */
	"Mrs. Booth, Ms. Low and Dr. Neill spoke. |Then",
	"MRS. BOOTH SPOKE. |THEN",
	"Rev. Smith of St. John’s. |Then",
	"About approx. Then",
	"Pencils, pens etc. were bought. |Then",
	"Pencils, pens etc. |Then",
	"The Dept. of Education. |Then",
	"Dreams. |Mrs",
	/* Abbreviations before numbers. */
	"See No. 5. |Then",
	"They said no. |Then",
	"They said No. 12",
	"On Fri. 3 Oct. 2019. |Then",
	"The sun. |Then",
	"See pp. 2–4, vol. 3, fig. 1. |Then",
	/* Sums, decimals, times. */
	"It cost £500. |The head paid.",
	"It cost £1,250.75. |Then",
	"Attendance was 96.4 per cent. |Then",
	"We end at 6.30pm. |Then",
	"We end at 6.30 p.m. |Then home",
	"We end at 6.30 p.m. sharp. |Then",
	"From 9 a.m. to 4 p.m. |Then",
	"It was 2019. |Then",
	/* What opens with a number. */
	"1. Apologies. |Two came.",
	"  2.1. Apologies. |Two came.",
	"- 3. Apologies. |Two came.",
	"# 4. Apologies\n|## iv. Minutes. |Agreed.",
	"It was said. |5. Minutes. |Agreed.",
	"£500. |Then",
	"iii. Minutes. |Agreed.",
	"civil. |Then",
	/* Marks are passed over. */
	"Agreed.\u200b |Then",
	"Agreed. \u200b|Then",
	"The cafe\u0301. |Then",
	/* Letters beyond English. */
	"Było. żaden nie. |Żółć",
	"Так. и так. |Да",
	"Έτσι. και έτσι. |Ναι",
	"Ŵyl. ŵyl. |Ŵyl",
	"Ẁyl. ẁyl. |Ẁyl",
	"Yes. |שלום",
	/* Odd. */
	".",
	". |A",
	"!",
	" ",
	"\u2019. |A",
	"Cut \xe2\x80 here. |\xff\xfe. |Then",
	"Ends in a lead byte. |\xf0",
};

static void cut(const char *marked)
{
	struct buf text = {0}, got = {0}, name = {0};
	struct bytes unit;

	for (const char *p = marked; *p; p++) {
		if (*p != '|')
			buf_add_u8(&text, (uint8_t)*p);
		if (*p == '\n' || *p == '\r')
			buf_add_text(&name, *p == '\n' ? "\\n" : "\\r");
		else if (*p != '#')
			buf_add_u8(&name, (uint8_t)*p);
	}
	buf_add_u8(&name, 0);
	struct bytes rest = buf_bytes(&text);
	while (unit_next(&rest, &unit)) {
		if (got.len)
			buf_add_u8(&got, '|');
		buf_add_bytes(&got, unit);
	}
	if (!ok(bytes_equal(buf_bytes(&got), BYTES(marked, strlen(marked))), "%s",
		(const char *)name.data))
		note("it ends here: %.*s", (int)got.len, (const char *)got.data);
	buf_fini(&text);
	buf_fini(&got);
	buf_fini(&name);
}

/* Each stands before a capital, and nothing ends there; with `next`, before that. */
static void check_abbreviations(const char *words, const char *next, bool goes_on)
{
	struct bytes unit;
	bool all = true;
	char *copy = mem_copy_text(words), *at = copy, *word;

	while ((word = strsep(&at, " "))) {
		char *text = mem_format("He saw %s. %s. Then", word, next);
		struct bytes rest = BYTES(text, strlen(text));
		size_t first = strlen("He saw . ") + strlen(word);
		bool good = unit_next(&rest, &unit) && (unit.len == first) == !goes_on;
		if (!good)
			note("not %s", text);
		all = all && good;
		free(text);
	}
	ok(all, "before “%s” a sentence %s behind: %s", next, goes_on ? "does not end" : "ends",
	   words);
	free(copy);
}

/* ---- Of any bytes --------------------------------------------------------------------------- */

static uint64_t dice = 88172645463325252;

static uint32_t draw(uint32_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 20) % below;
}

/* Pieces of which every order has something to say. */
static void draw_text(struct buf *text)
{
	static const char *const pieces[] = {
		".",  "!",  "?",   " ",	     " ",   "\n",     "\r",   "\r\n", "A",	"b",
		"Mr", "no", "5",   "1.",     "e.g", "\"",     ")",    "(",    "*",	"-",
		",",  "…",  "。",  "\u0301", "é",   "Ż",      "\xe2", "\x80", "\u2028", "\u00a0",
		"#",  "£",  "p.m", "'",	     "’",   "\u200b", "iv",   "東",   "\xff",	"…"};
	for (uint32_t n = draw(60); n > 0; n--)
		buf_add_text(text, "%s", pieces[draw(sizeof(pieces) / sizeof(*pieces))]);
}

/* How many bytes the character at p has; a byte that is none counts as one. */
static size_t character(const uint8_t *p, size_t len)
{
	size_t n = utf8_next(p, len, NULL);
	return n ? n : 1;
}

static bool is_whole(struct bytes text, struct bytes unit)
{
	const uint8_t *end = unit.data + unit.len;
	const uint8_t *p = text.data;

	while (p < end)
		p += character(p, (size_t)(text.data + text.len - p));
	bool cuts_line = end < text.data + text.len && end[-1] == '\r' && *end == '\n';
	return p == end && !cuts_line;
}

/* Neighbours of a text, taken by themselves, are cut as they were in it: so says unit.h. */
static bool is_local(struct bytes text)
{
	struct bytes from = text, first, rest, unit, again;

	while (unit_next(&from, &first)) {
		rest = from;
		if (!unit_next(&rest, &unit))
			break;
		struct bytes pair = BYTES(first.data, first.len + unit.len);
		if (!unit_next(&pair, &again) || again.len != first.len)
			return false;
	}
	return true;
}

static void check_any_bytes(void)
{
	bool together = true, whole = true, local = true;
	uint64_t units = 0;
	struct buf text = {0};

	for (int i = 0; i < 50000; i++) {
		struct bytes unit, rest;
		size_t sum = 0;
		buf_reset(&text);
		draw_text(&text);
		rest = buf_bytes(&text);
		while (unit_next(&rest, &unit)) {
			together = together && unit.len > 0 && unit.data == text.data + sum;
			sum += unit.len;
			whole = whole && is_whole(buf_bytes(&text), unit);
			units++;
		}
		together = together && sum == text.len;
		local = local && is_local(buf_bytes(&text));
	}
	ok(together && units > 100000, "the units of 50,000 texts are the texts (%llu units)",
	   (unsigned long long)units);
	ok(whole, "none cuts a character or a CR LF");
	ok(local, "a unit ends where it does for itself and its neighbour");
	buf_fini(&text);
}

int main(void)
{
	struct bytes none = BYTES_NONE, unit;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cut(cases[i]);
	check_abbreviations(
		"mr Mrs ms mx dr prof rev revd fr sr st hon cllr capt col lt sgt gen messrs "
		"mme mlle supt viz cf vs eg ie esp approx incl excl e.g i.e A Z.B",
		"Smith", true);
	check_abbreviations(
		"no nos pp para paras fig figs vol vols ch sect ref refs ext tel yr yrs jan "
		"feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur "
		"thurs fri sat sun",
		"5", true);
	check_abbreviations(
		"no pp para figs vols ch sect tel yr jan feb mar dec mon thurs sun etc p.m a.m "
		"6.30pm home 2019 Mrss approximates",
		"Smith", false);
	check_abbreviations("home 2019 street", "5", false);
	ok(!unit_next(&none, &unit), "an empty text has no units");
	check_any_bytes();
	return tap_end();
}
