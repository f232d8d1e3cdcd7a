/* Two who share an area and send documents by hand, frame by frame: for tests of their chunks. */
#ifndef FIVEPITS_TESTS_STAGE_H
#define FIVEPITS_TESTS_STAGE_H

#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/bed.h"
#include "tests/unit/paper.h"

static inline void offer(struct peer *p, const struct paper *paper)
{
	Wire__Offer m = WIRE__OFFER__INIT;

	m.root = PB_BYTES(BYTES(paper->content.root, SHA256_LEN));
	m.content = PB_BYTES(BYTES(paper->content.sha, SHA256_LEN));
	m.bytes = paper->content.bytes;
	buf_reset(&p->wants);
	p->stored = p->missing = 0;
	peer_send(p, WIRE__KIND__OFFER, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

static inline void chunk(struct peer *p, const uint8_t hash[SHA256_LEN], struct bytes raw)
{
	Wire__Chunk m = WIRE__CHUNK__INIT;

	m.chunk = PB_BYTES(BYTES(hash, SHA256_LEN));
	m.raw = (uint32_t)raw.len;
	peer_send(p, WIRE__KIND__CHUNK, &m.base, raw);
}

/* Send what was asked for, up to `most` chunks. How many were sent. */
static inline size_t answer(struct peer *p, const struct paper *paper, size_t most)
{
	size_t sent = 0;

	while (p->wants.len && sent < most) {
		size_t n = 0;
		for (; n < p->wants.len && sent < most; n += SHA256_LEN, sent++)
			chunk(p, p->wants.data + n, paper_find(paper, p->wants.data + n));
		p->wants.len -= n;
		memmove(p->wants.data, p->wants.data + n, p->wants.len);
		bed_turn(p->bed);
	}
	return sent;
}

static inline void get(struct peer *p, const uint8_t *parent, const uint8_t hash[SHA256_LEN])
{
	Wire__Get m = WIRE__GET__INIT;
	ProtobufCBinaryData name = PB_BYTES(BYTES(hash, SHA256_LEN));

	m.chunks = &name;
	m.n_chunks = 1;
	m.has_parent = parent != NULL;
	m.parent = PB_BYTES(BYTES(parent, parent ? SHA256_LEN : 0));
	buf_reset(&p->content);
	p->missing = p->chunks = 0;
	peer_send(p, WIRE__KIND__GET, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

static inline struct id push_version(struct peer *p, const struct id *space,
				     const struct content *c)
{
	struct making m;
	struct id record = id_make(&p->bed->env);

	making_init(&m, p->bed, space, 0);
	making_create(&m, TYPE_VERSION, &record);
	making_text(&m, 2, "plan.pdf", NULL);
	making_number(&m, 4, 0);
	making_number(&m, 5, 0);
	if (!content_is_single(c))
		making_number(&m, 8, 0);
	buf_reset(&m.set[0]);
	field_add_text(&m.set[0], 2, "plan.pdf");
	field_add_number(&m.set[0], 4, c->bytes);
	field_add_bytes(&m.set[0], 5, BYTES(c->sha, SHA256_LEN));
	if (!content_is_single(c))
		field_add_bytes(&m.set[0], 8, BYTES(c->root, SHA256_LEN));
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	bed_turn(p->bed);
	return id;
}

struct stage {
	struct bed b;
	struct peer head, staff; /* the staff's own space is read by nobody else */
	struct id own;
};

static inline void stage_init(struct stage *s, const char *name)
{
	bed_init(&s->b, name);
	peer_join(&s->head, &s->b, &s->b.person);
	peer_hello(&s->head);
	struct id person = bed_person(&s->b, &s->head, "B. Staff");
	bed_appoint(&s->b, &s->head, &person, RECORDS__ROLE__STAFF, NULL);
	peer_join(&s->staff, &s->b, &person);
	peer_hello(&s->staff);
	s->own = id_personal(&s->b.id, &person);
}

static inline void stage_fini(struct stage *s)
{
	peer_fini(&s->head);
	peer_fini(&s->staff);
	bed_fini(&s->b);
}

#endif
