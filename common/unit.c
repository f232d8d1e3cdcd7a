/* Where sentences and lines end: unit.h has the rule, and numbers its parts as here. */
#include "common/unit.h"

#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

/* LOWER to DIGIT, in this order, make words. */
enum kind {
	OTHER,
	LINE,
	SPACE,
	MARK,
	STOP,
	TERM,
	TERM_WIDE,
	CLOSE,
	CONTINUE,
	BULLET,
	LOWER,
	UPPER,
	LETTER,
	DIGIT
};

/* ---- Characters ----------------------------------------------------------------------------- */

struct range {
	uint32_t first, last;
	uint8_t kind;
};

/* By rising number. Beyond ASCII; what is in none is looked for in `letters`. */
static const struct range ranges[] = {
	{0x85, 0x85, LINE},	     {0xa0, 0xa0, SPACE},	  {0xaa, 0xaa, LOWER},
	{0xab, 0xab, CLOSE},	     {0xad, 0xad, MARK},	  {0xb5, 0xb5, LOWER},
	{0xba, 0xba, LOWER},	     {0xbb, 0xbb, CLOSE},	  {0xc0, 0xd6, UPPER},
	{0xd8, 0xde, UPPER},	     {0xdf, 0xf6, LOWER},	  {0xf8, 0xff, LOWER},
	{0x138, 0x138, LOWER},	     {0x149, 0x149, LOWER},	  {0x178, 0x178, UPPER},
	{0x17f, 0x17f, LOWER},	     {0x250, 0x2af, LOWER},	  {0x300, 0x36f, MARK},
	{0x386, 0x386, UPPER},	     {0x388, 0x38f, UPPER},	  {0x390, 0x390, LOWER},
	{0x391, 0x3ab, UPPER},	     {0x3ac, 0x3ce, LOWER},	  {0x400, 0x42f, UPPER},
	{0x430, 0x45f, LOWER},	     {0x1680, 0x1680, SPACE},	  {0x2000, 0x200a, SPACE},
	{0x200b, 0x200f, MARK},	     {0x2013, 0x2014, CONTINUE},  {0x2018, 0x201f, CLOSE},
	{0x2022, 0x2022, BULLET},    {0x2024, 0x2024, STOP},	  {0x2028, 0x2029, LINE},
	{0x202a, 0x202e, MARK},	     {0x202f, 0x202f, SPACE},	  {0x2039, 0x203a, CLOSE},
	{0x203c, 0x203d, TERM},	     {0x2047, 0x2049, TERM},	  {0x205f, 0x205f, SPACE},
	{0x2060, 0x2064, MARK},	     {0x20d0, 0x20ff, MARK},	  {0x3000, 0x3000, SPACE},
	{0x3001, 0x3001, CONTINUE},  {0x3002, 0x3002, TERM_WIDE}, {0x3008, 0x3011, CLOSE},
	{0xfe00, 0xfe0f, MARK},	     {0xfe52, 0xfe52, STOP},	  {0xfeff, 0xfeff, MARK},
	{0xff01, 0xff01, TERM_WIDE}, {0xff08, 0xff09, CLOSE},	  {0xff0c, 0xff0c, CONTINUE},
	{0xff0e, 0xff0e, STOP},	     {0xff1f, 0xff1f, TERM_WIDE}, {0xff61, 0xff61, TERM_WIDE},
	{0x1f3fb, 0x1f3ff, MARK},
};

/* Scripts whose letters have no case, or none that we know. */
static const struct range letters[] = {
	{0x180, 0x1fff, LETTER},    {0x2c00, 0x2dff, LETTER},	{0x3040, 0xfdff, LETTER},
	{0x10000, 0x1efff, LETTER}, {0x20000, 0x3ffff, LETTER},
};

static enum kind range_find(const struct range *r, size_t n, uint32_t c)
{
	size_t low = 0;

	while (n > 0) {
		size_t half = n / 2;
		if (r[low + half].last < c) {
			low += half + 1;
			n -= half + 1;
		} else if (r[low + half].first > c) {
			n = half;
		} else {
			return r[low + half].kind;
		}
	}
	return OTHER;
}

static enum kind kind_of_wide(uint32_t c)
{
	enum kind found = range_find(ranges, sizeof(ranges) / sizeof(*ranges), c);

	if (found != OTHER)
		return found;
	/* Here the capital comes first, then its small letter. */
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
	    (c >= 0x1e00 && c <= 0x1eff))
		return c % 2 ? LOWER : UPPER;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c % 2 ? UPPER : LOWER;
	return range_find(letters, sizeof(letters) / sizeof(*letters), c);
}

static const uint8_t ascii[128] = {
	['a' ... 'z'] = LOWER, ['A' ... 'Z'] = UPPER, ['0' ... '9'] = DIGIT, ['\n'] = LINE,
	['\r'] = LINE,	       [' '] = SPACE,	      ['\t'] = SPACE,	     ['\v'] = SPACE,
	['\f'] = SPACE,	       ['.'] = STOP,	      ['!'] = TERM,	     ['?'] = TERM,
	['"'] = CLOSE,	       ['\''] = CLOSE,	      ['('] = CLOSE,	     [')'] = CLOSE,
	['['] = CLOSE,	       [']'] = CLOSE,	      ['{'] = CLOSE,	     ['}'] = CLOSE,
	['*'] = CLOSE,	       ['_'] = CLOSE,	      ['`'] = CLOSE,	     [','] = CONTINUE,
	['-'] = CONTINUE,      [':'] = CONTINUE,      [';'] = CONTINUE,	     ['#'] = BULLET,
	['>'] = BULLET,	       ['+'] = BULLET,
};

/* The kind of the character at `at`, which is in the text, and its bytes. */
static inline enum kind kind_at(struct bytes text, size_t at, size_t *n)
{
	const uint8_t *p = text.data + at;
	uint32_t c;

	*n = 1;
	if (p[0] < 0x80) {
		if (p[0] == '\r' && at + 1 < text.len && p[1] == '\n')
			*n = 2;
		return ascii[p[0]];
	}
	size_t len = utf8_next(p, text.len - at, &c);
	if (len == 0)
		return OTHER;
	*n = len;
	return kind_of_wide(c);
}

static bool is_end(enum kind c)
{
	return c == STOP || c == TERM || c == TERM_WIDE;
}

/* Past the characters of a class, and marks among them. */
static size_t skip(struct bytes text, size_t at, enum kind wanted)
{
	for (size_t n; at < text.len; at += n) {
		enum kind c = kind_at(text, at, &n);
		if (c != wanted && c != MARK)
			break;
	}
	return at;
}

/* ---- Words before a stop (6) ---------------------------------------------------------------- */

/* The word that is being read; it goes on over a stop inside it. */
struct word {
	size_t start, part; /* its first byte, and that of its last part */
	bool is;
	bool opens; /* nothing but lead-in stands before it in its unit */
};

/* Abbreviations that do not end a sentence: what a word before a stop is. By the alphabet. */
static const struct abbreviation {
	char word[8];
	bool numbered; /* only where a digit follows */
} abbreviations[] = {
	{"approx", false}, {"apr", true},   {"aug", true},   {"capt", false},	{"cf", false},
	{"ch", true},	   {"cllr", false}, {"col", false},  {"dec", true},	{"dr", false},
	{"eg", false},	   {"esp", false},  {"excl", false}, {"ext", true},	{"feb", true},
	{"fig", true},	   {"figs", true},  {"fr", false},   {"fri", true},	{"gen", false},
	{"hon", false},	   {"ie", false},   {"incl", false}, {"jan", true},	{"jul", true},
	{"jun", true},	   {"lt", false},   {"mar", true},   {"messrs", false}, {"mlle", false},
	{"mme", false},	   {"mon", true},   {"mr", false},   {"mrs", false},	{"ms", false},
	{"mx", false},	   {"no", true},    {"nos", true},   {"nov", true},	{"oct", true},
	{"para", true},	   {"paras", true}, {"pp", true},    {"prof", false},	{"ref", true},
	{"refs", true},	   {"rev", false},  {"revd", false}, {"sat", true},	{"sect", true},
	{"sep", true},	   {"sept", true},  {"sgt", false},  {"sr", false},	{"st", false},
	{"sun", true},	   {"supt", false}, {"tel", true},   {"thu", true},	{"thur", true},
	{"thurs", true},   {"tue", true},   {"tues", true},  {"viz", false},	{"vol", true},
	{"vols", true},	   {"vs", false},   {"wed", true},   {"yr", true},	{"yrs", true},
};

static int abbreviation_compare(const void *a, const void *b)
{
	return strcmp(a, ((const struct abbreviation *)b)->word);
}

static bool is_abbreviation(struct bytes word, enum kind next)
{
	char small[sizeof(abbreviations[0].word)] = "";

	if (word.len >= sizeof(small))
		return false;
	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i];
		small[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	const struct abbreviation *found =
		bsearch(small, abbreviations, sizeof(abbreviations) / sizeof(*abbreviations),
			sizeof(*abbreviations), abbreviation_compare);
	return found && (!found->numbered || next == DIGIT);
}

/* "a.m" or "p.m", which may end a sentence. */
static bool is_half_of_day(struct bytes word)
{
	return word.len == 3 && (word.data[0] == 'a' || word.data[0] == 'p') &&
	       word.data[1] == '.' && word.data[2] == 'm';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* A number, with stops in it or not, or a small roman one. */
static bool word_numbers(struct bytes word)
{
	bool digits = true, roman = true;

	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i] | 0x20;
		digits = digits && (word.data[i] == '.' || is_digit(word.data[i]));
		roman = roman && (c == 'i' || c == 'v' || c == 'x');
	}
	return digits || roman;
}

/* The word from `w` up to a stop at `at` does not end a sentence; `next` is what comes behind. */
static bool word_goes_on(struct bytes text, const struct word *w, size_t at, enum kind next)
{
	size_t n;

	if (!w->is)
		return false;
	struct bytes word = BYTES(text.data + w->start, at - w->start);
	enum kind c = w->part < at ? kind_at(text, w->part, &n) : OTHER;
	if (c >= LOWER && c <= LETTER && skip(text, w->part + n, MARK) == at)
		return !is_half_of_day(word);
	return is_abbreviation(word, next) || (w->opens && word_numbers(word));
}

/* ---- Sentences ------------------------------------------------------------------------------ */

/* Is the next letter, before any end of a line or sentence, a small one? (5) */
static bool small_letter_follows(struct bytes text, size_t at)
{
	for (size_t n; at < text.len; at += n) {
		enum kind c = kind_at(text, at, &n);
		if (c == LINE || is_end(c) || c == UPPER || c == LETTER)
			return false;
		if (c == LOWER)
			return true;
	}
	return false;
}

/* Stops and terms one after the other. */
struct run {
	size_t start, end, count;
	enum kind last, before; /* the last one and the one before it */
};

static struct run run_at(struct bytes text, size_t at)
{
	struct run run = {.start = at, .end = at};

	for (size_t n; run.end < text.len; run.end += n) {
		enum kind c = kind_at(text, run.end, &n);
		if (c == MARK)
			continue;
		if (!is_end(c))
			break;
		run.before = run.last;
		run.last = c;
		run.count++;
	}
	return run;
}

/* The end of the unit, if it ends behind the run; else 0. */
static size_t sentence_end(struct bytes text, const struct run *run, const struct word *word)
{
	size_t closed = skip(text, run->end, CLOSE), end = skip(text, closed, SPACE), n;

	if (end == text.len || (end == closed && run->last != TERM_WIDE)) /* 2 */
		return 0;
	enum kind next = kind_at(text, end, &n);
	if (next == LINE || next == CONTINUE || is_end(next)) /* 3 */
		return 0;
	if (run->last == STOP && run->before == STOP) /* 4 */
		return 0;
	if ((run->last == STOP || closed > run->end) && small_letter_follows(text, end)) /* 5 */
		return 0;
	if (run->count == 1 && run->last == STOP && word_goes_on(text, word, run->start, next))
		return 0; /* 6 */
	return end;
}

/* Of n bytes: ' or U+2019, which may stand inside a word. */
static bool is_apostrophe(const uint8_t *p, size_t n)
{
	return n == 1 ? *p == '\'' : n == 3 && memcmp(p, "\u2019", 3) == 0;
}

static size_t unit_length(struct bytes text)
{
	struct word word = {.is = false};
	bool lead_in = true;
	size_t n;

	for (size_t at = 0; at < text.len; at += n) {
		enum kind c = kind_at(text, at, &n);
		if (c == LINE) /* 1 */
			return at + n;
		if (is_end(c)) {
			struct run run = run_at(text, at);
			size_t end = sentence_end(text, &run, &word);
			if (end)
				return end;
			word.is = word.is && c == STOP && run.count == 1;
			word.part = run.end;
			n = run.end - at;
			lead_in = false;
		} else if (c >= LOWER) {
			if (!word.is)
				word = (struct word){at, at, true, lead_in};
			lead_in = false;
			while (at + n < text.len && text.data[at + n] < 0x80 &&
			       ascii[text.data[at + n]] == LOWER)
				n++;
		} else if (c != MARK) {
			word.is = word.is && is_apostrophe(text.data + at, n);
			lead_in = lead_in && c != OTHER;
		}
	}
	return text.len;
}

bool unit_next(struct bytes *rest, struct bytes *unit)
{
	if (rest->len == 0)
		return false;
	size_t n = unit_length(*rest);
	*unit = BYTES(rest->data, n);
	*rest = BYTES(rest->data + n, rest->len - n);
	return true;
}
