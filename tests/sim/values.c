/*
 * Values made from what the schema says of a field, so that a new field is tried as soon as it
 * exists. Texts carry a canary: a word that says into which space and by which device it was
 * written.
 */
#include "tests/sim/world.h"

#include "common/fields.h"
#include "common/position.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void canary_make(struct world *w, const struct id *space, unsigned number, char word[CANARY_MAX])
{
	const struct place *p = world_place(w, space);
	must(p);
	snprintf(word, CANARY_MAX, "Qz%02xc%xq%" PRIx64, (unsigned)(p - w->places), number & 15,
		 ++w->words);
}

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool canary_next(struct bytes *rest, unsigned *place, unsigned *number)
{
	const uint8_t *at;
	while (rest->len >= 7 && (at = memchr(rest->data, 'Q', rest->len - 6))) {
		size_t skip = at[1] == 'z' ? 2 : 1;
		*rest = BYTES(at + skip, rest->len - (size_t)(at + skip - rest->data));
		if (skip == 1)
			continue;
		int high = hex_digit(at[2]), low = hex_digit(at[3]), by = hex_digit(at[5]);
		if (high < 0 || low < 0 || by < 0 || at[4] != 'c' || at[6] != 'q')
			continue;
		*place = (unsigned)(high * 16 + low);
		*number = (unsigned)by;
		return true;
	}
	return false;
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static const char *const phrases[] = {
	"Agreed.",
	"The group will meet again.",
	"Ring-fence £500 for the twelve schools.",
	"Every school brings two pieces of work.",
	"To be confirmed",
	"Naïve façade — “quoted”",
	"x",
	"The chair thanked Mrs. Booth (e.g. for the hall).",
};

static void line_make(struct world *w, unsigned number, const struct schema_field *f,
		      const struct id *space, struct buf *out)
{
	struct dice *d = &w->dice;
	const char *phrase = phrases[dice_below(d, sizeof(phrases) / sizeof(*phrases))];
	char word[CANARY_MAX] = "y";
	/* Now and then only a phrase, so that two people say the same. */
	if (!dice_chance(d, 15))
		canary_make(w, space, number, word);
	if (strlen(word) + strlen(phrase) + 1 <= f->max)
		buf_add_text(out, "%s %s", word, phrase);
	else /* a short field: the canary alone, or a letter */
		buf_add_text(out, "%s", strlen(word) <= f->max ? word : "y");
}

/* A sentence or a line, with what ends it: the unit of prose that model.c can tell apart. */
static void unit_make(struct world *w, unsigned number, const struct id *space, struct buf *out)
{
	struct dice *d = &w->dice;
	const char *phrase = phrases[dice_below(d, sizeof(phrases) / sizeof(*phrases))];
	char word[CANARY_MAX] = "Qz";
	if (!dice_chance(d, 8)) /* else others may say the very same */
		canary_make(w, space, number, word);
	bool ends = phrase[strlen(phrase) - 1] == '.';
	buf_add_text(out, "%s %s%s", word, phrase, ends && dice_chance(d, 50) ? " " : "\n");
}

static void prose_make(struct world *w, unsigned number, const struct id *space, struct buf *out)
{
	unsigned n = dice_chance(&w->dice, 1) ? 400 : (unsigned)dice_between(&w->dice, 1, 8);
	while (n-- > 0)
		unit_make(w, number, space, out);
}

/* Where the `n`th unit begins; the end, if there are not so many. */
static size_t unit_start(struct bytes text, size_t n)
{
	const uint8_t *at = text.data;
	size_t left = text.len;
	for (size_t i = 0; at && i <= n; i++) {
		const uint8_t *next = memmem(at + (i > 0), left - (i > 0), "Qz", 2);
		if (!next)
			return text.len;
		left -= (size_t)(next - at);
		at = next;
	}
	return (size_t)(at - text.data);
}

void value_revise(struct world *w, unsigned number, uint32_t field, const struct id *space,
		  struct bytes now, struct buf *out)
{
	struct dice *d = &w->dice;
	struct buf text = {0};
	size_t units = 0;
	buf_add_bytes(&text, value_bytes(now));
	for (unsigned edits = (unsigned)dice_between(d, 1, 2); edits > 0; edits--) {
		struct buf next = {0};
		while (text.len && unit_start(buf_bytes(&text), units) < text.len)
			units++;
		size_t at = dice_below(d, units + 1), kind = dice_below(d, 10);
		size_t from = text.len ? unit_start(buf_bytes(&text), at) : 0,
		       to = text.len && kind >= 4 ? unit_start(buf_bytes(&text), at + 1) : from;
		buf_add(&next, text.data, from); /* new ones, in place of one, or one is gone */
		if (kind < 8)
			unit_make(w, number, space, &next);
		buf_add(&next, text.data + to, text.len - to);
		buf_fini(&text);
		text = next;
		units = 0;
	}
	if (text.len)
		field_add_bytes(out, field, buf_bytes(&text));
	buf_fini(&text);
}

/* ---- References ----------------------------------------------------------------------------- */

static bool is_common(const struct world *w, const struct id *space)
{
	return id_equal(space, &w->directory) || id_equal(space, &w->partnership);
}

/* Some record that the field may refer to from `space`. */
static bool ref_make(struct world *w, const struct schema_field *f, const struct id *space,
		     struct id *out)
{
	size_t n = 0;
	for (int pass = 0; pass < 2; pass++) {
		size_t among = pass && n > 3 && dice_chance(&w->dice, 50) ? 3 : n; /* where people meet */
		size_t pick = pass ? dice_below(&w->dice, among) : 0, seen = 0;
		for (size_t i = 0; i < w->n_known; i++) {
			const struct known *k = &w->known[i];
			const struct schema_type *to = schema_type(k->type);
			if (!to || !schema_may_refer(f, to) || k->type == TYPE_DEVICE ||
			    (!id_equal(&k->space, space) && !is_common(w, &k->space)))
				continue;
			if (pass && seen++ == pick) {
				*out = k->id;
				return true;
			}
			n += !pass;
		}
		if (n == 0)
			return false;
	}
	return false;
}

/* ---- Occurrences ---------------------------------------------------------------------------- */

static void day_make(struct dice *d, struct buf *out)
{
	buf_add_text(out, "20%02u-%02u-%02u", (unsigned)dice_between(d, 19, 40),
		     (unsigned)dice_between(d, 1, 12), (unsigned)dice_between(d, 1, 28));
}

/* The payload of one occurrence of a field that is no number. False: there is none to be had. */
static bool payload_make(struct world *w, unsigned number, const struct schema_field *f,
			 const struct id *space, struct buf *out)
{
	struct dice *d = &w->dice;
	char position[POSITION_SIZE];
	struct id id;
	unsigned year;

	switch (f->format) {
	case FORMAT_LINE:
		line_make(w, number, f, space, out);
		return true;
	case FORMAT_TEXT:
		prose_make(w, number, space, out);
		return true;
	case FORMAT_DAY:
		day_make(d, out);
		return true;
	case FORMAT_TIME:
		buf_add_text(out, "%02u:%02u", (unsigned)dice_below(d, 24),
			     (unsigned)dice_below(d, 60));
		return true;
	case FORMAT_YEAR:
		year = (unsigned)dice_between(d, 19, 29);
		buf_add_text(out, "20%02u-%02u", year, year + 1);
		return true;
	case FORMAT_POSITION:
		position_nth((uint32_t)dice_below(d, 1000), position);
		buf_add_text(out, "%s", position);
		return true;
	case FORMAT_REF:
		if (!ref_make(w, f, space, &id))
			return false;
		buf_add(out, id.b, sizeof(id.b));
		return true;
	default:
		for (unsigned i = f->least; i > 0; i--)
			buf_add_u8(out, (uint8_t)dice_next(d));
		return f->least > 0;
	}
}

static uint64_t number_make(struct world *w, const struct schema_field *f,
			    const ProtobufCFieldDescriptor *d)
{
	if (f->format == FORMAT_FLAG)
		return dice_below(&w->dice, 2);
	if (f->format == FORMAT_WORD) {
		const ProtobufCEnumDescriptor *e = d->descriptor;
		return (uint64_t)e->values[dice_below(&w->dice, e->n_values)].value;
	}
	uint64_t small = dice_below(&w->dice, 4);
	return dice_chance(&w->dice, 50) && small <= f->max ? small
							    : dice_below(&w->dice, f->max + 1ull);
}

void value_make(struct world *w, unsigned number, const struct schema_type *t, uint32_t field,
		const struct id *space, struct buf *out)
{
	const ProtobufCFieldDescriptor *d;
	const struct schema_field *f = schema_field(t, field, &d);
	size_t most = f->most ? (f->most < 4 ? f->most : 4) : 1;
	size_t n = f->most ? dice_between(&w->dice, 1, most) : 1;
	for (size_t i = 0; i < n; i++) {
		struct buf one = {0};
		if (f->format >= FORMAT_NUMBER)
			field_add_number(out, field, number_make(w, f, d));
		else if (payload_make(w, number, f, space, &one))
			field_add_bytes(out, field, buf_bytes(&one));
		buf_fini(&one);
	}
}
