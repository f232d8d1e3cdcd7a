/* What a school uses, where somebody means others to have less, or one thing comes twice. */
#include "server/quota.h"
#include "server/turn.h"
#include "tests/tap.h"
#include "tests/unit/stage.h"

enum { VERSION_BYTES = 4, VERSION_CONTENT = 5, PAPER = 100000, SCHOOL = 10 * PAPER };

/* An administrator says how much a school may use. */
static void limit_school(struct stage *s)
{
	struct id record = id_record(&s->b.id, &s->b.admin, TYPE_LIMIT, "all");
	struct making m;

	making_init(&m, &s->b, &s->b.admin, 0);
	making_create(&m, TYPE_LIMIT, &record);
	making_number(&m, 3, SCHOOL);
	peer_push(&s->head, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
}

/* Is there room for so much? */
static bool has_room(struct stage *s, uint64_t bytes)
{
	struct cause cause;
	return quota_check(s->b.area->quota, &s->staff.device, bytes, &cause) == 0;
}

/* Push a change that makes (or edits) a Version with what is not NULL. What was told; NULL: it was
 * entered. */
static const struct told *name_it(struct stage *s, const struct id *version, bool make,
				  const uint8_t *content, const uint64_t *bytes)
{
	struct making m;

	making_init(&m, &s->b, &s->own, make ? 0 : peer_held(&s->staff, &s->own)->number);
	if (make)
		making_create(&m, TYPE_VERSION, version);
	else
		making_edit(&m, TYPE_VERSION, version);
	if (make)
		making_text(&m, 2, "plan.pdf", NULL);
	if (bytes)
		making_number(&m, VERSION_BYTES, *bytes);
	if (content) {
		struct id half = {{0}};
		making_ref(&m, VERSION_CONTENT, &half); /* its base; the value follows */
		m.set[0].len -= 18;
		field_add_bytes(&m.set[0], VERSION_CONTENT, BYTES(content, SHA256_LEN));
	}
	struct id id = m.change.id;
	peer_push(&s->staff, making_bytes(&m));
	making_fini(&m);
	bed_turn(&s->b);
	return peer_told(&s->staff, &id);
}

static bool refused(const struct told *t)
{
	return t && t->verdict == VERDICT_REFUSED && strstr(t->words, "together");
}

/* A size without the bytes would count for nothing that is there. */
static void test_size_alone(struct stage *s)
{
	struct paper *empty = paper_new(1, 0);
	const uint64_t huge = CONTENT_MOST, none = 0;
	struct id one = id_make(&s->b.env), two = id_make(&s->b.env), three = id_make(&s->b.env);

	offer(&s->staff, empty);
	answer(&s->staff, empty, SIZE_MAX);
	ok(s->staff.stored == 1, "an empty file is put");
	ok(refused(name_it(s, &one, true, NULL, &huge)), "a version of a size alone is refused");
	ok(refused(name_it(s, &two, true, empty->content.sha, NULL)),
	   "and one of a content without its size");
	ok(!name_it(s, &three, true, empty->content.sha, &none), "one of both is not");
	ok(name_it(s, &two, false, NULL, &huge) && name_it(s, &three, false, NULL, &huge),
	   "and the size can't be said later");
	quota_forget(s->b.area->quota);
	ok(has_room(s, SCHOOL), "the school has all of its room");
	paper_free(empty);
}

/* Hello as another copy of the staff's device. */
static void copy_connect(struct peer *p, struct stage *s, uint8_t nonce)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	uint8_t bytes[16] = {nonce};

	*p = (struct peer){.bed = &s->b, .device = s->staff.device};
	arena_init(&p->arena, ARENA_NO_BUDGET);
	pipe_init(&p->pipe);
	s->b.peers[s->b.n_peers++] = p;
	peer_connect(p);
	m.version = WIRE_VERSION;
	m.area = PB_ID(&s->b.id);
	m.has_nonce = true;
	m.nonce = PB_BYTES(BYTES(bytes, sizeof(bytes)));
	peer_send(p, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
	bed_turn(&s->b);
}

/* Two copies of one device bring the same at the same time: it is there once. */
static void test_brought_twice(struct stage *s)
{
	struct paper *paper = paper_new(7, PAPER);
	struct peer copies[2];

	for (uint8_t i = 0; i < 2; i++)
		copy_connect(&copies[i], s, (uint8_t)(i + 1));
	for (int i = 0; i < 2; i++)
		offer(&copies[i], paper);
	ok(copies[0].wants.len && copies[1].wants.len && !copies[0].bye,
	   "two copies of a device are asked for the same");
	ok(has_room(s, SCHOOL - 2 * PAPER) && !has_room(s, SCHOOL - 2 * PAPER + 1),
	   "while both are on their way both count");
	for (int i = 0; i < 2; i++) /* before either is on disk */
		while (copies[i].wants.len) {
			chunk(&copies[i], copies[i].wants.data,
			      paper_find(paper, copies[i].wants.data));
			copies[i].wants.len -= SHA256_LEN;
			memmove(copies[i].wants.data, copies[i].wants.data + SHA256_LEN,
				copies[i].wants.len);
		}
	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 2; k++)
			answer(&copies[k], paper, SIZE_MAX);
		s->b.now_ms += 50;
		bed_turn(&s->b);
	}
	ok(copies[0].stored == 1 && copies[1].stored == 1, "both have brought it");
	ok(has_room(s, SCHOOL - PAPER) && !has_room(s, SCHOOL - PAPER + 1), "it counts once");
	for (int i = 0; i < 2; i++)
		peer_fini(&copies[i]);
	paper_free(paper);
}

int main(void)
{
	struct stage *s = mem_alloc(sizeof(*s));

	stage_init(s, "quota");
	limit_school(s);
	ok(has_room(s, SCHOOL) && !has_room(s, SCHOOL + 1), "a school has so much room");
	test_size_alone(s);
	test_brought_twice(s);
	stage_fini(s);
	free(s);
	return tap_end();
}
