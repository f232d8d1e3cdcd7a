/* The copy is filled as any is: by a Feed of each space, whose entries only make records. */
#include "tests/fuzz/a_copy.h"

#include "client/draft.h"
#include "common/change.h"
#include "common/fields.h"
#include "records.pb-c.h"
#include "tests/sim/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDITS = 4 };

/* One change that makes records, in the making. */
struct making {
	struct arena arena;
	struct change change;
	struct edit edits[EDITS];
	struct touch touches[EDITS];
};

static void make(struct making *m, uint32_t type, const struct id *record,
		 const ProtobufCMessage *values)
{
	struct edit *e = &m->edits[m->change.n_edits];
	struct touch *t = &m->touches[m->change.n_edits++];
	struct buf packed = {0};
	struct field f;

	buf_add_message(&packed, values);
	struct bytes set = arena_copy(&m->arena, buf_bytes(&packed)), rest = set;
	size_t n = value_count(set);
	struct base *bases = arena_alloc(&m->arena, n * sizeof(*bases));
	uint32_t *fields = arena_alloc(&m->arena, (n + 1) * sizeof(*fields));
	for (size_t i = 0; field_next(&rest, &f) > 0; i++) {
		bases[i] = (struct base){f.number, base_digest(BYTES_NONE)};
		fields[i + 1] = f.number;
	}
	*e = (struct edit){.type = type, .record = *record, .bases = bases, .n_bases = n};
	e->effect = (struct effect){.existence = LIVE, .set = set};
	*t = (struct touch){.record = *record, .type = type, .fields = fields, .n_fields = n + 1};
	buf_fini(&packed);
}

void a_copy_sign(const struct id *space, Wire__Head *head, const uint8_t chain[SHA256_LEN],
		 uint8_t signature[64])
{
	struct id area = fuzz_area();
	struct buf statement = {0};

	head_statement(&area, space, head->epoch, head->number, chain, &statement);
	fuzz_sign(NULL, buf_bytes(&statement), signature);
	head->chain = (ProtobufCBinaryData){SHA256_LEN, (uint8_t *)chain};
	head->signature = (ProtobufCBinaryData){64, signature};
	buf_fini(&statement);
}

/* Feed the copy the change as entry 1 of the space. */
static void feed(struct a_copy *a, struct making *m, const struct id *space)
{
	static uint8_t salt[16];
	struct header h = {.number = 1,
			   .device = a->names.ids[8],
			   .time_ms = 1,
			   .form = 1,
			   .touches = m->touches,
			   .n_touches = m->change.n_edits};
	struct buf change = {0}, header = {0}, body = {0};
	uint8_t chain[SHA256_LEN], signature[64];
	struct id area = fuzz_area();
	Wire__Entry entry = WIRE__ENTRY__INIT, *entries = &entry;
	Wire__Head head = WIRE__HEAD__INIT;
	Wire__Feed whole = WIRE__FEED__INIT;
	struct cause cause = {""};

	m->change.edits = m->edits;
	m->change.space = *space;
	m->change.seen_epoch = 1;
	m->change.id = h.change = id_make(fuzz_env());
	change_write(&m->change, &change);
	header_write(&h, &header);
	body_write(buf_bytes(&change), BYTES_NONE, &body);
	chain_start(&area, space, chain);
	chain_next(chain, buf_bytes(&header), BYTES(salt, sizeof(salt)), buf_bytes(&body));
	head.epoch = head.number = 1;
	a_copy_sign(space, &head, chain, signature);
	entry.header = PB_BYTES(header);
	entry.salt = (ProtobufCBinaryData){sizeof(salt), salt};
	entry.has_body = 1;
	entry.body = PB_BYTES(body);
	whole.space = PB_ID(space);
	whole.entries = &entries;
	whole.n_entries = 1;
	whole.head = &head;
	must(copy_begin(a->copy) == 0 && copy_grant(a->copy, space, 1) == 0);
	if (copy_feed(a->copy, &whole, &cause) < 0)
		fprintf(stderr, "a_copy: %s\n", cause.words);
	must(cause.words[0] == '\0' && copy_commit(a->copy) == 0);
	buf_fini(&change);
	buf_fini(&header);
	buf_fini(&body);
	arena_fini(&m->arena);
}

static void fill_directory(struct a_copy *a)
{
	struct making m = {.change = {.n_edits = 0}};
	struct id *ids = a->names.ids, appointment = id_make(fuzz_env());
	Records__School school = RECORDS__SCHOOL__INIT;
	Records__Person person = RECORDS__PERSON__INIT;
	Records__Appointment role = RECORDS__APPOINTMENT__INIT;
	Records__Device device = RECORDS__DEVICE__INIT;

	arena_init(&m.arena, ARENA_NO_BUDGET);
	school.name = (char *)"Pilsley Primary School";
	person.name = (char *)"Amy Booth";
	role.has_person = device.has_person = role.has_school = role.has_role = 1;
	role.person = device.person = PB_ID(&ids[5]);
	role.school = PB_ID(&ids[6]);
	role.role = RECORDS__ROLE__ADMINISTRATOR;
	make(&m, TYPE_SCHOOL, &ids[6], &school.base);
	make(&m, TYPE_PERSON, &ids[5], &person.base);
	make(&m, TYPE_APPOINTMENT, &appointment, &role.base);
	make(&m, TYPE_DEVICE, &ids[8], &device.base);
	feed(a, &m, &ids[1]);
}

/* An action, accepted; and a change of it that waits to be sent. */
static void fill_partnership(struct a_copy *a)
{
	struct making m = {.change = {.n_edits = 0}};
	struct id *ids = a->names.ids;
	Records__Action action = RECORDS__ACTION__INIT;
	struct buf text = {0};
	struct cause cause = {""};

	arena_init(&m.arena, ARENA_NO_BUDGET);
	action.ref = (char *)"1.5";
	action.text = (char *)"Use the secure area";
	make(&m, TYPE_ACTION, &ids[10], &action.base);
	feed(a, &m, &ids[2]);
	struct draft *d = draft_new(a->copy, &ids[2]);
	field_add_text(&text, 3, "Use the secure area daily");
	must(draft_edit(d, &ids[10], NULL, &cause) == 0);
	draft_set(d, 3, buf_bytes(&text));
	must(draft_save(&d, &ids[12], &cause) == 0);
	buf_fini(&text);
}

void a_copy_open(struct a_copy *a)
{
	struct copy_identity who = {.area = fuzz_area(), .address = "127.0.0.1:1"};
	struct id area = fuzz_area();
	struct pending pending;
	struct cause cause = {""};

	fuzz_quiet();
	fuzz_env_start();
	a->disk = disk_new("fuzz", 1);
	disk_device(a->disk, fuzz_dir());
	fuzz_names_init(&a->names);
	memset(a->names.ids[5].b, 0x55, 16);
	memset(a->names.ids[6].b, 0x66, 16);
	memset(a->names.ids[8].b, 0x88, 16);
	a->names.ids[4] = id_personal(&area, &a->names.ids[5]);
	who.person = a->names.ids[5];
	who.device = a->names.ids[8];
	fuzz_sign_public(who.head_key);
	must(copy_create(fuzz_dir(), &who, "fuzz", &cause) == 0);
	must(copy_open(&a->copy, fuzz_dir(), "fuzz", fuzz_env(), &cause) == 0);
	fill_directory(a);
	fill_partnership(a);
	must(copy_pending_next(a->copy, 0, &pending) == 1);
	buf_add_bytes(&a->pending, pending.bytes);
}

void a_copy_close(struct a_copy *a)
{
	buf_fini(&a->pending);
	copy_close(&a->copy);
	disk_free(&a->disk);
}

/* ---- Feeds that fit ------------------------------------------------------------------------- */

static struct bytes kept(struct buf *b, struct arena *arena)
{
	struct bytes out = arena_copy(arena, buf_bytes(b));
	buf_fini(b);
	return out;
}

static void fix_header(const struct a_copy *a, Wire__Entry *e, uint64_t number, struct arena *arena,
		       bool *own)
{
	struct buf out = {0};
	Wire__Header *h = (Wire__Header *)message_unpack(BYTES_OF(e->header),
							 &wire__header__descriptor, arena, NULL);

	*own = false;
	if (!h)
		return;
	fuzz_fix(&a->names, &h->base);
	h->number = number;
	*own = bytes_equal(BYTES_OF(h->change), ID_BYTES(&a->names.ids[12]));
	buf_add_message(&out, &h->base);
	struct bytes header = kept(&out, arena);
	e->header = PB_BYTES(header);
}

static void fix_body(const struct a_copy *a, Wire__Entry *e, struct arena *arena)
{
	struct bytes change, outcome;
	struct buf out = {0};

	if (!e->has_body || body_read(BYTES_OF(e->body), &change, &outcome) < 0)
		return;
	body_write(fuzz_fix_change(&a->names, change, arena),
		   fuzz_fix_outcome(&a->names, outcome, arena), &out);
	struct bytes body = kept(&out, arena);
	e->body = PB_BYTES(body);
}

/* The bytes that the chain stands on where the body was left out. */
static struct bytes own_body(const struct a_copy *a, struct arena *arena)
{
	struct buf out = {0};
	body_write(buf_bytes(&a->pending), BYTES_NONE, &out);
	return kept(&out, arena);
}

static void fix_entries(const struct a_copy *a, Wire__Feed *feed, const struct held *at,
			struct arena *arena)
{
	uint8_t *chain = arena_alloc(arena, SHA256_LEN), *signature = arena_alloc(arena, 64);

	memcpy(chain, at->chain, SHA256_LEN);
	for (size_t i = 0; i < feed->n_entries; i++) {
		Wire__Entry *e = feed->entries[i];
		bool own;
		fix_header(a, e, at->number + 1 + i, arena, &own);
		fix_body(a, e, arena);
		chain_next(chain, BYTES_OF(e->header), BYTES_OF(e->salt),
			   e->has_body ? BYTES_OF(e->body)
			   : own       ? own_body(a, arena)
				       : BYTES_NONE);
	}
	feed->head->number = at->number + feed->n_entries;
	a_copy_sign(&at->id, feed->head, chain, signature);
}

Wire__Feed *a_copy_fix_feed(struct a_copy *a, struct bytes message, struct arena *arena)
{
	Wire__Feed *feed =
	    (Wire__Feed *)message_unpack(message, &wire__feed__descriptor, arena, NULL);
	struct held *held;

	if (!feed)
		return NULL;
	fuzz_fix(&a->names, &feed->base);
	int n = copy_spaces(a->copy, &held);
	for (int i = 0; i < n; i++)
		if (bytes_equal(BYTES_OF(feed->space), ID_BYTES(&held[i].id)))
			fix_entries(a, feed, &held[i], arena);
	free(held);
	return feed;
}
