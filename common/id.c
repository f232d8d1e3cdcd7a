/* UUIDs: making, deriving, reading and writing them. */
#include "common/id.h"

#include "common/err.h"
#include "common/sha.h"

#include <string.h>

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int id_compare(const struct id *a, const struct id *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool id_is_zero(const struct id *id)
{
	static const struct id zero;
	return id_equal(id, &zero);
}

bool id_from(struct id *out, struct bytes b)
{
	if (b.len != sizeof(*out))
		return false;
	memcpy(out, b.data, sizeof(*out));
	return true;
}

const char *id_format(const struct id *id, char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *p = text;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[id->b[i] >> 4];
		*p++ = hex[id->b[i] & 15];
	}
	*p = '\0';
	return text;
}

static int id_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool id_parse(struct id *out, const char *text)
{
	struct id id = {{0}};
	int n = 0;
	for (; *text; text++) {
		if (*text == '-')
			continue;
		int v = id_digit(*text);
		if (v < 0 || n == 32)
			return false;
		id.b[n / 2] = (uint8_t)(id.b[n / 2] << 4 | v);
		n++;
	}
	if (n != 32)
		return false;
	*out = id;
	return true;
}

static struct id id_stamp(struct id id, int version)
{
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | version << 4);
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	return id;
}

struct id id_make(const struct env *env)
{
	struct id id;
	uint64_t ms = env_now_ms(env);
	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	env_random(env, id.b + 6, 10);
	return id_stamp(id, 7);
}

struct id id_derive(const struct id *space, struct bytes name)
{
	uint8_t digest[20];
	struct id id;
	struct buf b = {0};
	buf_add(&b, space->b, 16);
	buf_add_bytes(&b, name);
	sha1(buf_bytes(&b), digest);
	buf_fini(&b);
	memcpy(id.b, digest, 16);
	return id_stamp(id, 5);
}

static struct id id_named(const struct id *area, const char *name)
{
	return id_derive(area, BYTES(name, strlen(name)));
}

struct id id_directory(const struct id *area)
{
	return id_named(area, "directory");
}

struct id id_partnership(const struct id *area)
{
	return id_named(area, "partnership");
}

struct id id_admin(const struct id *area)
{
	return id_named(area, "admin");
}

struct id id_personal(const struct id *area, const struct id *person)
{
	uint8_t name[24];
	memcpy(name, "personal", 8);
	memcpy(name + 8, person->b, 16);
	return id_derive(area, BYTES(name, sizeof(name)));
}

struct id id_record(const struct id *area, const struct id *space, uint32_t type,
		    const char *reference)
{
	struct buf b = {0};
	buf_add(&b, space->b, 16);
	buf_add_u32be(&b, type);
	buf_add(&b, reference, strlen(reference));
	struct id id = id_derive(area, buf_bytes(&b));
	buf_fini(&b);
	return id;
}
