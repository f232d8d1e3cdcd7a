/*
 * Values against the schema: checking what comes from anywhere, and the words in which people read
 * and write them. The table itself is in schema.c.
 */
#include "common/schema.h"

#include "common/position.h"
#include "common/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Formats -------------------------------------------------------------------------------- */

/* Why a text is not one, in words that follow "field: "; NULL where it is. */
static const char *check_text(struct bytes t, bool line)
{
	for (size_t i = 0; i < t.len;) {
		size_t n;
		uint8_t c = t.data[i];

		if (c >= 0x20 && c < 0x7f) {
			i++;
			continue;
		}
		if (c == 0)
			return "a NUL character stands in it";
		if (line && (c == '\n' || c == '\r'))
			return "it must be one line";
		if (line && c < 0x80 && c != '\t')
			return "a control character stands in it";
		n = utf8_next(t.data + i, t.len - i, NULL);
		if (n == 0)
			return "it is not UTF-8 text";
		i += n;
	}
	return NULL;
}

/* The number in `n` digits at p, -1 if they are not digits. */
static int digits_at(const uint8_t *p, size_t n)
{
	int v = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

static bool is_day(struct bytes t)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y, m, d;

	if (t.len != 10 || t.data[4] != '-' || t.data[7] != '-')
		return false;
	y = digits_at(t.data, 4);
	m = digits_at(t.data + 5, 2);
	d = digits_at(t.data + 8, 2);
	if (y < 1 || m < 1 || m > 12 || d < 1)
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return d <= days[m - 1] + (m == 2 && leap);
}

static bool is_time(struct bytes t)
{
	if (t.len != 5 || t.data[2] != ':')
		return false;
	int h = digits_at(t.data, 2), m = digits_at(t.data + 3, 2);
	return h >= 0 && h < 24 && m >= 0 && m < 60;
}

static bool is_year(struct bytes t)
{
	if (t.len != 7 || t.data[4] != '-')
		return false;
	int from = digits_at(t.data, 4), to = digits_at(t.data + 5, 2);
	return from > 0 && to == (from + 1) % 100;
}

static const char *check_payload(const struct schema_field *f, struct bytes v)
{
	struct id id;

	switch (f->format) {
	case FORMAT_LINE:
		return check_text(v, true);
	case FORMAT_TEXT:
		return check_text(v, false);
	case FORMAT_DAY:
		return is_day(v) ? NULL : "it must be a day such as 2019-10-09";
	case FORMAT_TIME:
		return is_time(v) ? NULL : "it must be a time such as 18:30";
	case FORMAT_YEAR:
		return is_year(v) ? NULL : "it must be a school year such as 2019-20";
	case FORMAT_POSITION:
		return position_is_valid(v)
			   ? NULL
			   : "it must be a position: letters and digits, not ending in 0";
	case FORMAT_REF:
		return id_from(&id, v) && !id_is_zero(&id) ? NULL : "it must be an id";
	default:
		return v.len < f->least ? "it is too short" : NULL;
	}
}

/* ---- Checking a message --------------------------------------------------------------------- */

static int check_number(const struct schema_type *t, const struct schema_field *f,
			const ProtobufCFieldDescriptor *d, uint64_t v, struct cause *cause)
{
	if (f->format == FORMAT_WORD) {
		const ProtobufCEnumDescriptor *e = d->descriptor;
		if (v > INT32_MAX || !protobuf_c_enum_descriptor_get_value(e, (int)v))
			return cause_set(cause, ERR_MISSING,
					 "%s.%s: %" PRIu64 " is none of its words", t->name,
					 f->name, v);
	} else if (f->format == FORMAT_FLAG && v > 1) {
		return cause_set(cause, ERR_INVALID, "%s.%s must be yes or no", t->name, f->name);
	} else if (v > f->max) {
		return cause_set(cause, ERR_INVALID, "%s.%s: %" PRIu64 " is more than %" PRIu64,
				 t->name, f->name, v, f->max);
	}
	return 0;
}

static int check_occurrence(const struct schema_type *t, const struct schema_field *f,
			    const ProtobufCFieldDescriptor *d, const struct field *o,
			    struct cause *cause)
{
	bool number = f->format >= FORMAT_NUMBER;
	const char *why;

	if (o->wire_type != (number ? 0u : 2u))
		return cause_set(cause, ERR_INVALID, "%s.%s is not encoded as its type", t->name,
				 f->name);
	if (number)
		return check_number(t, f, d, o->value, cause);
	if (o->payload.len > f->max)
		return cause_set(cause, ERR_INVALID,
				 "%s.%s: %zu bytes are more than the %" PRIu64 " that fit",
				 t->name, f->name, o->payload.len, f->max);
	why = check_payload(f, o->payload);
	return why ? cause_set(cause, ERR_INVALID, "%s.%s: %s", t->name, f->name, why) : 0;
}

int schema_check(const struct schema_type *t, struct bytes message, bool sets, struct cause *cause)
{
	const ProtobufCFieldDescriptor *d = NULL;
	const struct schema_field *f = NULL;
	struct field o;
	uint32_t last = 0;
	size_t count = 0;
	int got, err;

	while ((got = field_next(&message, &o)) > 0) {
		if (o.number < last)
			return cause_set(cause, ERR_INVALID, "%s: its fields are not in order",
					 t->name);
		if (o.number != last) {
			f = schema_field(t, o.number, &d);
			if (!f)
				return cause_set(cause, ERR_MISSING,
						 "%s: field %u is not known here", t->name,
						 o.number);
			if ((f->merge == MERGE_SET) != sets)
				return cause_set(cause, ERR_INVALID,
						 sets ? "%s.%s is not a set"
						      : "%s.%s is a set: add to it or take from it",
						 t->name, f->name);
			last = o.number;
			count = 0;
		}
		if (++count > (f->most ? f->most : 1))
			return cause_set(cause, ERR_INVALID, "%s.%s: more than %u of it", t->name,
					 f->name, f->most ? f->most : 1);
		err = check_occurrence(t, f, d, &o, cause);
		if (err < 0)
			return err;
	}
	return got < 0 ? cause_set(cause, ERR_INVALID, "%s: its fields can't be read", t->name) : 0;
}

/* An action that waits for itself would never begin. */
int schema_check_self(const struct schema_type *t, const struct id *record, struct bytes message,
		      struct cause *cause)
{
	struct field f;

	while (field_next(&message, &f) > 0) {
		const struct schema_field *row = schema_field(t, f.number, NULL);
		if (row && row->format == FORMAT_REF && bytes_equal(f.payload, ID_BYTES(record)))
			return cause_set(cause, ERR_INVALID, "%s: %s %s can't refer to itself",
					 row->name, schema_article(t), t->name);
	}
	return 0;
}

int schema_check_list(const struct schema_field *f, size_t stand, size_t after,
		      struct cause *cause)
{
	if (after <= f->most || after <= stand)
		return 0;
	return cause_set(cause, ERR_INVALID,
			 "%s: the list would have %zu in all, and %u is the most: take some from it"
			 " first",
			 f->name, after, f->most);
}

/* ---- Words ---------------------------------------------------------------------------------- */

void schema_print_word(const ProtobufCEnumDescriptor *e, uint64_t value, struct buf *out)
{
	const ProtobufCEnumValue *v =
		value <= INT32_MAX ? protobuf_c_enum_descriptor_get_value(e, (int)value) : NULL;

	if (!v) {
		buf_add_text(out, "%" PRIu64, value);
		return;
	}
	for (const char *c = v->name; *c; c++)
		buf_add_u8(out, *c == '_' ? '-' : (uint8_t)tolower((unsigned char)*c));
}

static bool same_word(const char *name, const char *word)
{
	for (; *name && *word; name++, word++) {
		char c = *word == '-' || *word == ' ' ? '_' : (char)toupper((unsigned char)*word);
		if (c != *name)
			return false;
	}
	return *name == *word;
}

int schema_read_word(const ProtobufCEnumDescriptor *e, const char *word)
{
	for (unsigned i = 0; i < e->n_values; i++)
		if (same_word(e->values[i].name, word))
			return e->values[i].value;
	return -1;
}

static void print_hex(struct bytes b, struct buf *out)
{
	for (size_t i = 0; i < b.len; i++)
		buf_add_text(out, "%02x", b.data[i]);
}

void schema_print(const ProtobufCFieldDescriptor *d, const struct schema_field *f,
		  const struct field *occurrence, struct buf *out)
{
	struct id id;
	char text[ID_TEXT];

	switch (f->format) {
	case FORMAT_REF:
		if (id_from(&id, occurrence->payload))
			buf_add_text(out, "%s", id_format(&id, text));
		else
			print_hex(occurrence->payload, out);
		break;
	case FORMAT_BYTES:
		print_hex(occurrence->payload, out);
		break;
	case FORMAT_NUMBER:
		buf_add_text(out, "%" PRIu64, occurrence->value);
		break;
	case FORMAT_FLAG:
		buf_add_text(out, "%s", occurrence->value ? "yes" : "no");
		break;
	case FORMAT_WORD:
		schema_print_word(d->descriptor, occurrence->value, out);
		break;
	default:
		buf_add_bytes(out, occurrence->payload);
	}
}

/* "red, amber, green" for a message that says what may be written. */
static void list_words(const ProtobufCEnumDescriptor *e, struct buf *out)
{
	for (unsigned i = 0; i < e->n_values; i++) {
		buf_add_text(out, "%s", i ? ", " : "");
		schema_print_word(e, (uint64_t)e->values[i].value, out);
	}
	buf_add_u8(out, 0);
}

static int read_word(const struct schema_type *t, const ProtobufCFieldDescriptor *d,
		     const char *words, struct buf *out, struct cause *cause)
{
	int v = schema_read_word(d->descriptor, words);
	struct buf list = {0};

	if (v >= 0) {
		field_add_number(out, d->id, (uint64_t)v);
		return 0;
	}
	list_words(d->descriptor, &list);
	cause_set(cause, ERR_INVALID, "%s.%s can't be \"%.60s\": it is one of %s", t->name, d->name,
		  words, (const char *)list.data);
	buf_fini(&list);
	return ERR_INVALID;
}

static int read_number(const struct schema_type *t, const ProtobufCFieldDescriptor *d,
		       const char *words, struct buf *out, struct cause *cause)
{
	size_t n = strlen(words);

	if (n == 0 || n > 19 || strspn(words, "0123456789") != n)
		return cause_set(cause, ERR_INVALID, "%s.%s must be a number, not \"%.60s\"",
				 t->name, d->name, words);
	field_add_number(out, d->id, strtoull(words, NULL, 10));
	return 0;
}

static int read_flag(const struct schema_type *t, const ProtobufCFieldDescriptor *d,
		     const char *words, struct buf *out, struct cause *cause)
{
	bool yes = strcasecmp(words, "yes") == 0 || strcasecmp(words, "true") == 0;

	if (!yes && strcasecmp(words, "no") != 0 && strcasecmp(words, "false") != 0)
		return cause_set(cause, ERR_INVALID, "%s.%s must be yes or no, not \"%.60s\"",
				 t->name, d->name, words);
	field_add_number(out, d->id, yes);
	return 0;
}

static int read_hex(const struct schema_type *t, const ProtobufCFieldDescriptor *d,
		    const char *words, struct buf *out, struct cause *cause)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = strlen(words);
	struct buf b = {0};

	for (size_t i = 0; i + 1 < n; i += 2) {
		const char *high = strchr(hex, tolower((unsigned char)words[i]));
		const char *low = strchr(hex, tolower((unsigned char)words[i + 1]));
		if (!high || !low)
			break;
		buf_add_u8(&b, (uint8_t)((high - hex) << 4 | (low - hex)));
	}
	if (b.len * 2 == n)
		field_add_bytes(out, d->id, buf_bytes(&b));
	bool whole = b.len * 2 == n;
	buf_fini(&b);
	return whole
		   ? 0
		   : cause_set(cause, ERR_INVALID, "%s.%s must be bytes in hex", t->name, d->name);
}

static int read_ref(const struct schema_type *t, const ProtobufCFieldDescriptor *d,
		    const char *words, struct buf *out, struct cause *cause)
{
	struct id id;

	if (!id_parse(&id, words))
		return cause_set(cause, ERR_INVALID, "%s.%s must be an id, not \"%.60s\"", t->name,
				 d->name, words);
	field_add_bytes(out, d->id, ID_BYTES(&id));
	return 0;
}

static int read_any(const struct schema_type *t, const struct schema_field *f,
		    const ProtobufCFieldDescriptor *d, const char *words, struct buf *out,
		    struct cause *cause)
{
	switch (f->format) {
	case FORMAT_REF:
		return read_ref(t, d, words, out, cause);
	case FORMAT_BYTES:
		return read_hex(t, d, words, out, cause);
	case FORMAT_NUMBER:
		return read_number(t, d, words, out, cause);
	case FORMAT_FLAG:
		return read_flag(t, d, words, out, cause);
	case FORMAT_WORD:
		return read_word(t, d, words, out, cause);
	default:
		field_add_text(out, d->id, words);
		return 0;
	}
}

int schema_read(const struct schema_type *t, const ProtobufCFieldDescriptor *d, const char *words,
		struct buf *out, struct cause *cause)
{
	const struct schema_field *f = schema_field(t, d->id, NULL);
	size_t before = out->len;
	struct bytes rest;
	struct field o;
	int err = read_any(t, f, d, words, out, cause);

	if (err < 0)
		return err;
	rest = BYTES(out->data + before, out->len - before);
	must(field_next(&rest, &o) > 0);
	err = check_occurrence(t, f, d, &o, cause);
	if (err < 0)
		out->len = before;
	return err == ERR_MISSING ? ERR_INVALID : err;
}
