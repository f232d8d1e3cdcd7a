/*
 * Values against the schema. The first byte is a type, the second says what follows: a serialised
 * record message to check and to print, or words to read as a field of it.
 */
#include "common/fields.h"
#include "common/schema.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const unsigned fuzz_rounds = 50000;

/* What is printed for a person reads as what it was. */
static void print(const struct schema_type *t, const struct field *o)
{
	const ProtobufCFieldDescriptor *d;
	const struct schema_field *f = schema_field(t, o->number, &d);
	struct buf words = {0}, back = {0};
	struct cause cause;

	must(f);
	schema_print(d, f, o, &words);
	buf_add_u8(&words, 0);
	must(schema_read(t, d, (const char *)words.data, &back, &cause) == 0);
	must(bytes_equal(buf_bytes(&back), o->whole));
	buf_fini(&words);
	buf_fini(&back);
}

static void check(const struct schema_type *t, struct bytes message, bool sets)
{
	struct cause cause = {""};
	struct field o;

	if (fields_check(message, 8192) < 0)
		return;
	if (schema_check(t, message, sets, &cause) < 0) {
		must(cause.words[0]);
		return;
	}
	while (field_next(&message, &o) > 0)
		print(t, &o);
}

static void read_words(const struct schema_type *t, struct bytes text)
{
	const ProtobufCFieldDescriptor *d = &t->message->fields[text.data[0] % t->n_fields];
	const struct schema_field *f = schema_field(t, d->id, NULL);
	struct buf words = {0}, out = {0};
	struct cause cause = {""};

	buf_add(&words, text.data + 1, text.len - 1);
	buf_add_u8(&words, 0);
	if (schema_read(t, d, (const char *)words.data, &out, &cause) == 0)
		must(schema_check(t, buf_bytes(&out), f->merge == MERGE_SET, &cause) == 0);
	else
		must(cause.words[0] && out.len == 0);
	buf_fini(&words);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n;
	const struct schema_type *types = schema_types(&n);

	if (size < 3)
		return 0;
	const struct schema_type *t = &types[data[0] % n];
	if (data[1] & 2)
		read_words(t, BYTES(data + 2, size - 2));
	else
		check(t, BYTES(data + 2, size - 2), data[1] & 1);
	return 0;
}
