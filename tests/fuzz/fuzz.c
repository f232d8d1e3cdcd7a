/* A still clock, repeatable chance, a key, a directory, names: what the fuzz targets share. */
#include "tests/fuzz/fuzz.h"

#include "common/change.h"
#include "common/fields.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/wire.h"

#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t chance;
static char dir[64];
static EVP_PKEY *head_key;

static uint64_t now_ms(void *arg)
{
	(void)arg;
	return UINT64_C(1570644000000);
}

static void random_bytes(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		chance = chance * 1664525 + 1013904223;
		out[i] = (uint8_t)(chance >> 24);
	}
	if (n >= 16)
		out[0] |= 0x80; /* so that it is never taken for a place in the table of ids */
}

const struct env *fuzz_env(void)
{
	static const struct env env = {now_ms, random_bytes, NULL};
	return &env;
}

void fuzz_env_start(void)
{
	chance = 1;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

static void dir_remove(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void dir_make(const char *template)
{
	snprintf(dir, sizeof(dir), "%s", template);
	if (!mkdtemp(dir))
		dir[0] = '\0';
}

const char *fuzz_dir(void)
{
	if (dir[0])
		return dir;
	dir_make("/dev/shm/fivepits-fuzz-XXXXXX");
	if (!dir[0])
		dir_make("/tmp/fivepits-fuzz-XXXXXX");
	must(dir[0]);
	atexit(dir_remove);
	return dir;
}

void fuzz_dir_remove(const char *name)
{
	char *path = mem_format("%s/%s", fuzz_dir(), name);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

static void drop_line(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

void fuzz_quiet(void)
{
	log_sink_set(drop_line);
}

struct id fuzz_area(void)
{
	struct id area;
	memset(area.b, 0xaa, sizeof(area.b));
	return area;
}

static EVP_PKEY *head_key_get(void)
{
	static const uint8_t seed[32] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60,
					 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
					 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19,
					 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
	if (!head_key)
		head_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	must(head_key);
	return head_key;
}

void fuzz_sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	(void)arg;
	key_sign(head_key_get(), statement, signature);
}

void fuzz_sign_public(uint8_t public[32])
{
	key_signing_public(head_key_get(), public);
}

/* ---- Names ---------------------------------------------------------------------------------- */

void fuzz_names_init(struct fuzz_names *names)
{
	struct id area = fuzz_area();
	uint8_t opened[36];

	memset(names, 0, sizeof(*names));
	names->ids[1] = id_directory(&area);
	names->ids[2] = id_partnership(&area);
	names->ids[3] = id_admin(&area);
	names->ids[9] = area;
	for (size_t i = 10; i < FUZZ_IDS; i++)
		memset(names->ids[i].b, (int)(0xe0 + i), sizeof(names->ids[i].b));
	memcpy(opened, names->ids[14].b, 16);
	memcpy(opened + 16, names->ids[10].b, 16);
	write_u32be(opened + 32, 3);
	names->ids[15] = id_derive(&area, BYTES(opened, sizeof(opened)));
	sha256(BYTES("document", 8), names->content);
}

static void fix_bytes(const struct fuzz_names *names, ProtobufCBinaryData *b)
{
	if (b->len == 16 && b->data[0] < FUZZ_IDS)
		memcpy(b->data, names->ids[b->data[0]].b, 16);
	if (b->len == SHA256_LEN && b->data[0] < FUZZ_IDS)
		memcpy(b->data, names->content, SHA256_LEN);
}

static void fix_member(const struct fuzz_names *names, const ProtobufCFieldDescriptor *f,
		       void *member)
{
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		fix_bytes(names, member);
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE && *(ProtobufCMessage **)member)
		fuzz_fix(names, *(ProtobufCMessage **)member);
}

void fuzz_fix(const struct fuzz_names *names, ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		uint8_t *at = (uint8_t *)m + f->offset;
		size_t size = f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
							       : sizeof(ProtobufCMessage *);
		if (f->type != PROTOBUF_C_TYPE_BYTES && f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label != PROTOBUF_C_LABEL_REPEATED) {
			fix_member(names, f, at);
			continue;
		}
		size_t n = *(size_t *)((uint8_t *)m + f->quantifier_offset);
		for (size_t k = 0; k < n; k++)
			fix_member(names, f, *(uint8_t **)at + k * size);
	}
}

/* What stands in a record's fields, in place. */
static void fix_fields(const struct fuzz_names *names, ProtobufCBinaryData part)
{
	struct bytes rest = BYTES_OF(part);
	struct field f;

	while (field_next(&rest, &f) > 0) {
		ProtobufCBinaryData b = {f.payload.len, (uint8_t *)f.payload.data};
		if (f.wire_type == 2)
			fix_bytes(names, &b);
	}
}

static struct bytes packed(const ProtobufCMessage *m, struct arena *arena)
{
	struct buf out = {0};
	buf_add_message(&out, m);
	struct bytes b = arena_copy(arena, buf_bytes(&out));
	buf_fini(&out);
	return b;
}

struct bytes fuzz_fix_change(const struct fuzz_names *names, struct bytes change,
			     struct arena *arena)
{
	Wire__Change *c =
	    (Wire__Change *)message_unpack(change, &wire__change__descriptor, arena, NULL);

	if (!c)
		return change;
	fuzz_fix(names, &c->base);
	for (size_t i = 0; i < c->n_edits; i++) {
		fix_fields(names, c->edits[i]->set);
		fix_fields(names, c->edits[i]->add);
		fix_fields(names, c->edits[i]->take);
	}
	return packed(&c->base, arena);
}

struct bytes fuzz_fix_outcome(const struct fuzz_names *names, struct bytes outcome,
			      struct arena *arena)
{
	Wire__Outcome *o =
	    (Wire__Outcome *)message_unpack(outcome, &wire__outcome__descriptor, arena, NULL);

	if (!o || outcome.len == 0)
		return outcome;
	fuzz_fix(names, &o->base);
	for (size_t i = 0; i < o->n_effects; i++) {
		fix_fields(names, o->effects[i]->set);
		fix_fields(names, o->effects[i]->add);
		fix_fields(names, o->effects[i]->take);
	}
	return packed(&o->base, arena);
}
