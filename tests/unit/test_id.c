/* Ids: text both ways, versions, order, and that what is derived is the same everywhere. */
#include "common/id.h"
#include "tests/tap.h"

#include <string.h>

static uint64_t clock_ms;

static uint64_t fixed_now(void *arg)
{
	return *(uint64_t *)arg;
}

static void ones(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 0xff, n);
}

static void text_both_ways(void)
{
	static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
	char out[ID_TEXT];
	struct id id = {{0}}, same;
	ok(id_parse(&id, text) && id.b[0] == 0 && id.b[15] == 0xff, "text is read");
	ok(strcmp(id_format(&id, out), text) == 0, "and written as it was");
	ok(id_parse(&same, "00112233445566778899AABBCCDDEEFF") && id_equal(&id, &same),
	   "capitals and no hyphens are the same");
	static const char *const bad[] = {"", "0", "00112233-4455-6677-8899-aabbccddeef",
					  "00112233-4455-6677-8899-aabbccddeeff0",
					  "00112233-4455-6677-8899-aabbccddeefg",
					  " 00112233-4455-6677-8899-aabbccddeeff"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!id_parse(&same, bad[i]) && id_equal(&id, &same), "\"%s\" is no id", bad[i]);
	ok(id_from(&same, ID_BYTES(&id)) && id_equal(&id, &same), "16 bytes are an id");
	ok(!id_from(&same, BYTES(id.b, 15)) && !id_from(&same, BYTES_NONE), "15 or none are not");
}

static void made_ids(void)
{
	const struct env env = {fixed_now, ones, &clock_ms};
	char text[ID_TEXT];

	clock_ms = 0x0123456789ab;
	struct id a = id_make(&env);
	ok(strcmp(id_format(&a, text), "01234567-89ab-7fff-bfff-ffffffffffff") == 0,
	   "version 7: milliseconds, version, variant, chance");
	clock_ms++;
	struct id b = id_make(&env);
	ok(id_compare(&a, &b) < 0 && id_compare(&b, &a) > 0 && id_compare(&a, &a) == 0,
	   "later ones are greater");
	struct id zero = {{0}};
	ok(id_is_zero(&zero) && !id_is_zero(&a), "zero is zero");
}

static void derived_ids(void)
{
	struct id dns, got, area, space;
	char text[ID_TEXT];
	id_parse(&dns, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	got = id_derive(&dns, BYTES("www.example.com", 15));
	ok(strcmp(id_format(&got, text), "2ed6657d-e927-568b-95e1-2665a8aea6a2") == 0,
	   "version 5 as in RFC 9562's example");
	id_parse(&area, "00112233-4455-6677-8899-aabbccddeeff");
	got = id_directory(&area);
	ok(strcmp(id_format(&got, text), "eb69ca3e-5861-5035-be59-ad22a189c17b") == 0,
	   "the directory of an area");
	struct id all[] = {id_directory(&area), id_partnership(&area), id_admin(&area),
			   id_personal(&area, &dns), id_personal(&area, &area)};
	bool differ = true;
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < i; j++)
			differ = differ && !id_equal(&all[i], &all[j]);
	ok(differ, "spaces and persons have ids of their own");
	space = id_partnership(&area);
	struct id one = id_record(&area, &space, 12, "2019-20/1.5");
	struct id again = id_record(&area, &space, 12, "2019-20/1.5");
	struct id type = id_record(&area, &space, 13, "2019-20/1.5");
	struct id other = id_record(&area, &space, 12, "2019-20/1.6");
	ok(id_equal(&one, &again), "the same reference is the same record");
	ok(!id_equal(&one, &type) && !id_equal(&one, &other),
	   "another type or reference is another");
}

int main(void)
{
	text_both_ways();
	made_ids();
	derived_ids();
	return tap_end();
}
