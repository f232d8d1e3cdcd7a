/* Documents' bytes: stored whole or not at all, and told of to those who may read a Version. */
#include "common/fields.h"
#include "common/os.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/content.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void store(const char *dir, struct bytes data, size_t piece, uint8_t name[SHA256_LEN])
{
	struct upload *u;
	int got = 0;

	sha256(data, name);
	must(upload_begin(&u, dir, name, data.len, NULL) == 0);
	for (size_t at = 0; at < data.len && got == 0; at += piece) {
		size_t n = data.len - at < piece ? data.len - at : piece;
		got = upload_add(u, at, BYTES(data.data + at, n), NULL);
	}
	must(got == 1);
	upload_free(&u);
}

static void test_store(void)
{
	const char *dir = tap_dir();
	uint8_t name[SHA256_LEN], other[SHA256_LEN] = {1};
	uint8_t *data = mem_alloc(1000000), *back = mem_alloc(1000000);
	struct download *d;
	uint64_t bytes = 0;
	size_t n = 1, at = 0;

	for (size_t i = 0; i < 1000000; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	store(dir, BYTES(data, 1000000), 65536, name);
	ok(content_find(dir, name, &bytes) == 1 && bytes == 1000000,
	   "what was sent whole is stored");
	ok(content_find(dir, other, NULL) == 0, "what was not is not");
	ok(download_begin(&d, dir, other, 0) == ERR_MISSING, "and can't be read");
	ok(download_begin(&d, dir, name, 10) == 0 && download_bytes(d) == 1000000,
	   "reading begins anywhere");
	at = 10;
	while (download_next(d, back + at, 1000, &n) == 0 && n)
		at += n;
	ok(at == 1000000 && memcmp(data + 10, back + 10, 1000000 - 10) == 0,
	   "the bytes come back as they went in");
	download_free(&d);
	ok(download_begin(&d, dir, name, 1000001) < 0, "but not behind the end");
	ok(content_check(dir, name, NULL) == 0, "a check agrees");
	store(dir, BYTES(data, 1000000), 1000000, name);
	ok(content_find(dir, name, NULL) == 1, "the same again is stored once");
	free(data);
	free(back);
}

static void test_bad_uploads(void)
{
	const char *dir = tap_dir();
	uint8_t name[SHA256_LEN];
	struct cause cause = {{0}};
	struct upload *u;

	sha256(BYTES("hello", 5), name);
	ok(upload_begin(&u, dir, name, UINT64_C(2) * CONTENT_MAX, &cause) == ERR_LIMIT,
	   "over 1 GiB is refused (\"%s\")", cause.words);
	must(upload_begin(&u, dir, name, 5, NULL) == 0);
	ok(upload_add(u, 1, BYTES("hello", 5), &cause) == ERR_PROTO,
	   "a piece out of its place is refused");
	upload_free(&u);
	must(upload_begin(&u, dir, name, 5, NULL) == 0);
	ok(upload_add(u, 0, BYTES("hello!", 6), &cause) == ERR_PROTO, "so is one too long");
	upload_free(&u);
	must(upload_begin(&u, dir, name, 5, NULL) == 0);
	ok(upload_add(u, 0, BYTES("hallo", 5), &cause) == ERR_INVALID,
	   "other bytes than the name says are refused");
	upload_free(&u);
	must(upload_begin(&u, dir, name, 5, NULL) == 0);
	ok(upload_add(u, 0, BYTES("he", 2), &cause) == 0, "a part is not yet stored");
	ok(content_find(dir, name, NULL) == 0, "and not found");
	upload_free(&u);
	ok(content_find(dir, name, NULL) == 0, "given up, it is gone");
	char *left = mem_format("%s/documents/incoming/left", dir);
	must(os_write_file(left, BYTES("x", 1), false, NULL) == 0);
	content_clean(dir);
	ok(!os_exists(left), "what an earlier process left is removed");
	free(left);
}

/* ---- In a session --------------------------------------------------------------------------- */

static void offer(struct peer *p, const uint8_t name[SHA256_LEN], uint64_t bytes)
{
	Wire__Offer m = WIRE__OFFER__INIT;

	m.content = PB_BYTES(BYTES(name, SHA256_LEN));
	m.bytes = bytes;
	p->want = UINT64_MAX;
	peer_send(p, WIRE__KIND__OFFER, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

static void piece(struct peer *p, const uint8_t name[SHA256_LEN], uint64_t offset, struct bytes raw)
{
	Wire__Piece m = WIRE__PIECE__INIT;

	m.content = PB_BYTES(BYTES(name, SHA256_LEN));
	m.offset = offset;
	peer_send(p, WIRE__KIND__PIECE, &m.base, raw);
	bed_turn(p->bed);
}

static void get(struct peer *p, const uint8_t name[SHA256_LEN])
{
	Wire__Get m = WIRE__GET__INIT;

	m.content = PB_BYTES(BYTES(name, SHA256_LEN));
	buf_reset(&p->content);
	p->missing = p->content_bytes = 0;
	peer_send(p, WIRE__KIND__GET, &m.base, BYTES_NONE);
	for (int i = 0; i < 20; i++)
		bed_turn(p->bed);
}

static struct id push_version(struct peer *p, const struct id *space,
			      const uint8_t name[SHA256_LEN])
{
	struct making m;
	struct id record = id_make(&p->bed->env);

	making_init(&m, p->bed, space, 0);
	making_create(&m, TYPE_VERSION, &record);
	making_text(&m, 2, "plan.pdf", NULL);
	making_number(&m, 5, 0);
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 2, "plan.pdf");
	field_add_bytes(&m.set[0], 5, BYTES(name, SHA256_LEN));
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	bed_turn(p->bed);
	return id;
}

static void test_session(void)
{
	struct bed b;
	struct peer head, staff;
	struct id person, own, change;
	uint8_t name[SHA256_LEN], empty[SHA256_LEN];
	size_t len = 700000;
	uint8_t *data = mem_alloc(len);

	bed_init(&b, "documents");
	peer_join(&head, &b, &b.person);
	peer_hello(&head);
	person = bed_person(&b, &head, "B. Staff");
	bed_appoint(&b, &head, &person, RECORDS__ROLE__STAFF, NULL);
	peer_join(&staff, &b, &person);
	peer_hello(&staff);
	own = id_personal(&b.id, &person);
	sha256(BYTES(data, len), name);
	change = push_version(&staff, &own, name);
	ok(peer_told(&staff, &change)->wait == WIRE__WAIT__CONTENT_MISSING,
	   "a version waits for its bytes");
	offer(&staff, name, len);
	ok(staff.want == 0, "which are wanted from the start");
	piece(&staff, name, 0, BYTES(data, 200000));
	piece(&staff, name, 200000, BYTES(data + 200000, 250000));
	ok(staff.stored == 0, "nothing is stored before the last piece");
	piece(&staff, name, 450000, BYTES(data + 450000, 250000));
	ok(staff.stored == 1, "with it, it is");
	get(&staff, name);
	ok(staff.missing == 1, "until a version names them, nobody gets them");
	change = push_version(&staff, &own, name);
	ok(!peer_told(&staff, &change) && peer_held(&staff, &own)->number == 2,
	   "now the version is accepted");
	get(&staff, name);
	ok(staff.content_bytes == len && staff.content.len == len &&
		   memcmp(staff.content.data, data, len) == 0,
	   "and its bytes come back");
	offer(&staff, name, len);
	ok(staff.want == len, "who may read it is told that it is here already");
	offer(&head, name, len);
	ok(head.want == 0, "another is not, and sends it again");
	get(&head, name);
	ok(head.missing == 1 && head.content.len == 0, "nor does another get it");
	sha256(BYTES_NONE, empty);
	offer(&head, empty, 0);
	ok(head.stored == 1, "a file of no bytes is stored at once");
	head.missing = 0;
	offer(&head, name, 5);
	piece(&head, name, 0, BYTES("wrong", 5));
	ok(head.missing == 1 && head.bye == 0,
	   "bytes that are not what they are called are not stored");
	free(data);
	bed_fini(&b);
}

int main(void)
{
	test_store();
	test_bad_uploads();
	test_session();
	return tap_end();
}
