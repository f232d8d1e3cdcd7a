/* Areas and peers for tests: see bed.h. */
#include "tests/bed.h"

#include "common/fields.h"
#include "common/log.h"
#include "common/os.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

/* ---- The area ------------------------------------------------------------------------------- */

static uint64_t bed_now(void *arg)
{
	return ((struct bed *)arg)->now_ms;
}

static void bed_random(void *arg, uint8_t *out, size_t n)
{
	struct bed *b = arg;
	uint8_t block[SHA256_LEN];

	for (size_t i = 0; i < n; i++) {
		if (i % SHA256_LEN == 0) {
			b->chance++;
			sha256(BYTES(&b->chance, sizeof(b->chance)), block);
		}
		out[i] = block[i % SHA256_LEN];
	}
}

/* No signature, but as good as one for who does not check it. */
static void bed_sign(void *arg, struct bytes statement, uint8_t signature[64])
{
	struct bed *b = arg;
	b->signatures++;
	sha256(statement, signature);
	sha256(BYTES(signature, 32), signature + 32);
}

static void bed_open(struct bed *b)
{
	struct cause cause = {{0}};
	if (area_open(&b->area, &b->options, &cause) < 0) {
		fprintf(stderr, "%s\n", cause.words);
		abort();
	}
}

void bed_init(struct bed *b, const char *name)
{
	struct area_founding f = {
		.name = "5 Pits Partnership", .school = "Pilsley", .admin = "A. Head"};
	struct cause cause = {{0}};

	log_level_set(LOG_ERROR);
	*b = (struct bed){.now_ms = 1577836800000, .chance = 1};
	snprintf(b->dir, sizeof(b->dir), "%s/%s", tap_dir(), name);
	if (os_make_dir(b->dir, &cause) < 0)
		abort();
	b->env = (struct env){bed_now, bed_random, b};
	b->options = (struct area_options){.dir = b->dir,
					   .env = &b->env,
					   .sign = bed_sign,
					   .sign_arg = b,
					   .address = "localhost:1"};
	b->id = id_make(&b->env);
	f.area = b->id;
	f.server_key = BYTES("a public key", 12);
	if (area_found(&b->options, &f, &b->person, &b->school, &cause) < 0) {
		fprintf(stderr, "%s\n", cause.words);
		abort();
	}
	b->directory = id_directory(&b->id);
	b->partnership = id_partnership(&b->id);
	b->admin = id_admin(&b->id);
	bed_open(b);
}

void bed_fini(struct bed *b)
{
	while (b->n_peers)
		peer_fini(b->peers[b->n_peers - 1]);
	area_close(&b->area);
}

void bed_restart(struct bed *b, bool kill)
{
	if (!kill)
		must(area_turn(b->area) == 0);
	area_close(&b->area);
	for (size_t i = 0; i < b->n_peers; i++)
		b->peers[i]->session = NULL;
	bed_open(b);
}

int bed_turn(struct bed *b)
{
	int err = area_turn(b->area);
	for (size_t i = 0; i < b->n_peers; i++)
		if (!b->peers[i]->stalled)
			peer_take(b->peers[i]);
	return err;
}

void bed_days_pass(struct bed *b, unsigned days)
{
	b->now_ms += days * UINT64_C(86400000);
	for (int i = 0; i < 150; i++) {
		if (i % 50 == 0)
			area_tick(b->area);
		bed_turn(b);
	}
}

/* ---- Peers ---------------------------------------------------------------------------------- */

void peer_join(struct peer *p, struct bed *b, const struct id *person)
{
	uint8_t invitation[16], verifier[32];
	uint64_t expires_ms;
	char key[40];

	*p = (struct peer){.bed = b, .person = *person};
	arena_init(&p->arena, ARENA_NO_BUDGET);
	pipe_init(&p->pipe);
	must(b->n_peers < BED_PEERS);
	b->peers[b->n_peers++] = p;
	bed_random(b, invitation, sizeof(invitation));
	bed_random(b, verifier, sizeof(verifier));
	snprintf(key, sizeof(key), "the key of device %zu", b->n_peers);
	must(area_invite(b->area, person, &b->school, invitation, verifier, &expires_ms) == 0);
	must(area_enrol(b->area, invitation, BYTES(key, strlen(key)), "Laptop", &p->device) == 0);
	must(bed_turn(b) == 0);
	peer_connect(p);
}

void peer_connect(struct peer *p)
{
	peer_cut(p);
	pipe_fini(&p->pipe);
	pipe_init(&p->pipe);
	p->bye = 0;
	p->welcome = false;
	p->session = session_open(p->bed->area, &p->pipe.ends[0].link, &p->device);
}

void peer_cut(struct peer *p)
{
	if (p->session)
		session_lost(p->session);
	p->session = NULL;
}

void peer_fini(struct peer *p)
{
	struct bed *b = p->bed;

	if (p->session && b->area) {
		peer_cut(p);
		area_turn(b->area);
	}
	for (size_t i = 0; i < b->n_peers; i++)
		if (b->peers[i] == p)
			b->peers[i] = b->peers[--b->n_peers];
	pipe_fini(&p->pipe);
	free(p->told);
	buf_fini(&p->sent);
	buf_fini(&p->content);
	buf_fini(&p->wants);
	arena_fini(&p->arena);
}

void peer_send_bytes(struct peer *p, unsigned kind, struct bytes message)
{
	struct frame f = {.kind = kind, .message = message};
	if (p->session)
		session_frame(p->session, &f);
}

void peer_send(struct peer *p, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw)
{
	struct buf b = {0};
	struct frame f;
	size_t size;

	frame_write(&b, kind, m, raw);
	must(frame_parse(buf_bytes(&b), &f, &size) == 1);
	if (p->session)
		session_frame(p->session, &f);
	buf_fini(&b);
}

void peer_hello(struct peer *p)
{
	Wire__Hello m = WIRE__HELLO__INIT;
	Wire__At at[PEER_SPACES], *list[PEER_SPACES];

	m.version = WIRE_VERSION;
	m.area = PB_ID(&p->bed->id);
	for (size_t i = 0; i < p->n_spaces; i++) {
		wire__at__init(&at[i]);
		at[i].space = PB_ID(&p->spaces[i].id);
		at[i].epoch = 1;
		at[i].number = p->spaces[i].number;
		at[i].has_chain = 1;
		at[i].chain = PB_BYTES(BYTES(p->spaces[i].chain, SHA256_LEN));
		list[i] = &at[i];
	}
	m.held = list;
	m.n_held = p->n_spaces;
	m.has_marks = m.marks = p->marks;
	peer_send(p, WIRE__KIND__HELLO, &m.base, BYTES_NONE);
	bed_turn(p->bed);
}

void peer_push(struct peer *p, struct bytes change)
{
	Wire__Push m = WIRE__PUSH__INIT;
	ProtobufCBinaryData one = PB_BYTES(change);

	m.changes = &one;
	m.n_changes = 1;
	buf_add_u32be(&p->sent, (uint32_t)change.len);
	buf_add_bytes(&p->sent, change);
	peer_send(p, WIRE__KIND__PUSH, &m.base, BYTES_NONE);
}

/* ---- What a peer is told -------------------------------------------------------------------- */

struct held *peer_held(struct peer *p, const struct id *space)
{
	for (size_t i = 0; i < p->n_spaces; i++)
		if (id_equal(&p->spaces[i].id, space))
			return &p->spaces[i];
	return NULL;
}

const struct told *peer_told(const struct peer *p, const struct id *change)
{
	for (size_t i = p->n_told; i-- > 0;)
		if (id_equal(&p->told[i].change, change))
			return &p->told[i];
	return NULL;
}

static void take_at(struct peer *p, const Wire__At *at, bool granted)
{
	struct id id;
	must(id_from(&id, BYTES_OF(at->space)));
	struct held *h = peer_held(p, &id);
	if (!h) {
		must(p->n_spaces < PEER_SPACES);
		h = &p->spaces[p->n_spaces++];
	}
	if (granted || !id_equal(&h->id, &id)) {
		*h = (struct held){.id = id};
		chain_start(&p->bed->id, &id, h->chain);
	}
	h->told = at->number;
}

static void take_lost(struct peer *p, struct bytes space)
{
	for (size_t i = 0; i < p->n_spaces; i++)
		if (bytes_equal(ID_BYTES(&p->spaces[i].id), space)) {
			p->spaces[i] = p->spaces[--p->n_spaces];
			p->spaces[p->n_spaces] = (struct held){0};
			break;
		}
	p->lost++;
}

/* The body of a change of its own, which the server did not send back. */
static bool take_own(struct peer *p, const struct id *change, struct buf *body)
{
	for (size_t at = 0; at < p->sent.len;) {
		uint32_t len = read_u32be(p->sent.data + at);
		struct bytes bytes = BYTES(p->sent.data + at + 4, len);
		struct change c;
		at += 4 + len;
		if (change_read(&c, bytes, &p->arena, NULL) < 0 || !id_equal(&c.id, change))
			continue;
		body_write(bytes, BYTES_NONE, body);
		return true;
	}
	return false;
}

static void take_feed(struct peer *p, const Wire__Feed *m)
{
	struct id id;
	must(id_from(&id, BYTES_OF(m->space)));
	struct held *h = peer_held(p, &id);

	p->feeds++;
	p->chain_broken |= !h || m->n_entries == 0;
	for (size_t i = 0; h && i < m->n_entries; i++) {
		const Wire__Entry *e = m->entries[i];
		struct header header;
		struct buf body = {0};
		must(header_read(&header, BYTES_OF(e->header), &p->arena) == 0);
		if (e->has_body)
			buf_add_bytes(&body, BYTES_OF(e->body));
		else
			p->chain_broken |= !take_own(p, &header.change, &body);
		h->without_body += e->has_body ? 0 : 1;
		p->chain_broken |= header.number != ++h->number;
		chain_next(h->chain, BYTES_OF(e->header), BYTES_OF(e->salt), buf_bytes(&body));
		buf_fini(&body);
	}
	if (h)
		p->chain_broken |=
			m->head->number != h->number ||
			!bytes_equal(BYTES_OF(m->head->chain), BYTES(h->chain, SHA256_LEN));
}

static struct told *take_told(struct peer *p, ProtobufCBinaryData change)
{
	p->told = mem_resize(p->told, (p->n_told + 1) * sizeof(*p->told));
	struct told *t = &p->told[p->n_told++];
	*t = (struct told){0};
	must(id_from(&t->change, BYTES_OF(change)));
	return t;
}

static void take_verdicts(struct peer *p, const Wire__Verdicts *m)
{
	for (size_t i = 0; i < m->n_judged; i++) {
		const Wire__Judged *j = m->judged[i];
		struct told *t = take_told(p, j->change);
		t->verdict = (int)j->verdict;
		t->number = j->has_number ? j->number : 0;
		snprintf(t->words, sizeof(t->words), "%s", j->words ? j->words : "");
	}
}

static void take_deferred(struct peer *p, const Wire__Deferred *m)
{
	struct told *t = take_told(p, m->change);
	t->wait = (int)m->why;
	snprintf(t->words, sizeof(t->words), "%s", m->words ? m->words : "");
}

static void take_held(struct peer *p, const Wire__HeldList *m)
{
	struct change c;

	p->held_frames++;
	if (!m->goes_on)
		p->n_held = 0;
	for (size_t i = 0; i < m->n_changes; i++, p->n_held++) {
		must(change_read(&c, BYTES_OF(m->changes[i]->change), &p->arena, NULL) == 0);
		if (p->n_held < sizeof(p->held) / sizeof(*p->held))
			p->held[p->n_held] = c.id;
	}
}

static void take_decided(struct peer *p, const Wire__Decided *m)
{
	p->decided = (struct told){.verdict = m->has_verdict ? (int)m->verdict : 0,
				   .number = m->has_number ? m->number : 0};
	must(id_from(&p->decided.change, BYTES_OF(m->change)));
	snprintf(p->decided.words, sizeof(p->decided.words), "%s", m->words ? m->words : "");
}

static void take_bye(struct peer *p, const Wire__Bye *m)
{
	p->bye = (int)m->reason;
	snprintf(p->bye_words, sizeof(p->bye_words), "%s", m->words ? m->words : "");
}

static void take_want(struct peer *p, const Wire__Want *m)
{
	for (size_t i = 0; i < m->n_chunks; i++)
		buf_add_bytes(&p->wants, BYTES_OF(m->chunks[i]));
}

#define UNPACK(type, f) ((Wire__##type *)frame_unpack(f, d, &p->arena, NULL))

static void take_frame(struct peer *p, const struct frame *f, const ProtobufCMessageDescriptor *d)
{
	switch (f->kind) {
	case WIRE__KIND__WELCOME: {
		const Wire__Welcome *m = UNPACK(Welcome, f);
		p->welcome = true;
		for (size_t i = 0; i < m->n_spaces; i++)
			take_at(p, m->spaces[i], false);
		break;
	}
	case WIRE__KIND__GRANTED:
		p->granted++;
		take_at(p, UNPACK(Granted, f)->space, true);
		break;
	case WIRE__KIND__LOST:
		take_lost(p, BYTES_OF(UNPACK(Lost, f)->space));
		break;
	case WIRE__KIND__FEED:
		take_feed(p, UNPACK(Feed, f));
		break;
	case WIRE__KIND__VERDICTS:
		take_verdicts(p, UNPACK(Verdicts, f));
		break;
	case WIRE__KIND__DEFERRED:
		take_deferred(p, UNPACK(Deferred, f));
		break;
	case WIRE__KIND__HELD_LIST:
		take_held(p, UNPACK(HeldList, f));
		break;
	case WIRE__KIND__DECIDED:
		take_decided(p, UNPACK(Decided, f));
		break;
	case WIRE__KIND__BYE:
		take_bye(p, UNPACK(Bye, f));
		break;
	case WIRE__KIND__WANT:
		take_want(p, UNPACK(Want, f));
		break;
	case WIRE__KIND__STORED:
		p->stored += UNPACK(Stored, f)->n_roots;
		break;
	case WIRE__KIND__MISSING:
		p->missing++;
		break;
	case WIRE__KIND__INVITED:
		p->invited_ms = UNPACK(Invited, f)->expires_ms;
		break;
	case WIRE__KIND__CHUNK:
		p->chunks++;
		buf_add_bytes(&p->content, f->raw);
		if (UNPACK(Chunk, f)->has_mark) {
			p->mark = UNPACK(Chunk, f)->mark;
			p->n_marks++;
		}
		break;
	case WIRE__KIND__PACE:
		p->came = UNPACK(Pace, f)->came;
		break;
	default:
		break;
	}
}

void peer_take(struct peer *p)
{
	static const struct {
		unsigned kind;
		const ProtobufCMessageDescriptor *d;
	} known[] = {
		{WIRE__KIND__WELCOME, &wire__welcome__descriptor},
		{WIRE__KIND__GRANTED, &wire__granted__descriptor},
		{WIRE__KIND__LOST, &wire__lost__descriptor},
		{WIRE__KIND__FEED, &wire__feed__descriptor},
		{WIRE__KIND__VERDICTS, &wire__verdicts__descriptor},
		{WIRE__KIND__DEFERRED, &wire__deferred__descriptor},
		{WIRE__KIND__HELD_LIST, &wire__held_list__descriptor},
		{WIRE__KIND__DECIDED, &wire__decided__descriptor},
		{WIRE__KIND__BYE, &wire__bye__descriptor},
		{WIRE__KIND__WANT, &wire__want__descriptor},
		{WIRE__KIND__STORED, &wire__stored__descriptor},
		{WIRE__KIND__MISSING, &wire__missing__descriptor},
		{WIRE__KIND__INVITED, &wire__invited__descriptor},
		{WIRE__KIND__CHUNK, &wire__chunk__descriptor},
		{WIRE__KIND__PACE, &wire__pace__descriptor},
	};
	struct frame f;

	while (pipe_take(&p->pipe.ends[1], &f) > 0) {
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (known[i].kind == f.kind)
				take_frame(p, &f, known[i].d);
		arena_reset(&p->arena);
	}
}

/* ---- Changes -------------------------------------------------------------------------------- */

void making_init(struct making *m, struct bed *b, const struct id *space, uint64_t seen)
{
	*m = (struct making){.change = {.id = id_make(&b->env),
					.space = *space,
					.seen_epoch = 1,
					.seen_number = seen,
					.edits = m->edits}};
}

void making_fini(struct making *m)
{
	for (size_t i = 0; i < m->change.n_edits; i++) {
		buf_fini(&m->set[i]);
		buf_fini(&m->add[i]);
	}
	buf_fini(&m->bytes);
}

struct edit *making_edit(struct making *m, uint32_t type, const struct id *record)
{
	size_t i = m->change.n_edits++;

	m->edits[i] = (struct edit){.type = type, .record = *record, .effect = {.existence = -1}};
	m->edits[i].bases = m->bases[i];
	return &m->edits[i];
}

struct edit *making_create(struct making *m, uint32_t type, const struct id *record)
{
	struct edit *e = making_edit(m, type, record);
	e->effect.existence = LIVE;
	return e;
}

static void making_base(struct making *m, uint32_t field, const char *old)
{
	size_t i = m->change.n_edits - 1;
	struct buf base = {0};

	if (old)
		field_add_text(&base, field, old);
	m->bases[i][m->edits[i].n_bases++] = (struct base){field, base_digest(buf_bytes(&base))};
	buf_fini(&base);
}

void making_text(struct making *m, uint32_t field, const char *text, const char *old)
{
	making_base(m, field, old);
	field_add_text(&m->set[m->change.n_edits - 1], field, text);
}

void making_ref(struct making *m, uint32_t field, const struct id *ref)
{
	making_base(m, field, NULL);
	field_add_bytes(&m->set[m->change.n_edits - 1], field, ID_BYTES(ref));
}

void making_number(struct making *m, uint32_t field, uint64_t v)
{
	making_base(m, field, NULL);
	field_add_number(&m->set[m->change.n_edits - 1], field, v);
}

void making_member(struct making *m, uint32_t field, const struct id *ref)
{
	field_add_bytes(&m->add[m->change.n_edits - 1], field, ID_BYTES(ref));
}

struct bytes making_bytes(struct making *m)
{
	for (size_t i = 0; i < m->change.n_edits; i++) {
		m->edits[i].effect.set = buf_bytes(&m->set[i]);
		m->edits[i].effect.add = buf_bytes(&m->add[i]);
	}
	buf_reset(&m->bytes);
	change_write(&m->change, &m->bytes);
	return buf_bytes(&m->bytes);
}

struct id peer_add_action(struct peer *p, const struct id *space, const char *text,
			  struct id *record)
{
	struct making m;

	*record = id_make(&p->bed->env);
	making_init(&m, p->bed, space, 0);
	making_create(&m, TYPE_ACTION, record);
	making_text(&m, 2, "1.1", NULL);
	making_text(&m, 3, text, NULL);
	struct id id = m.change.id;
	peer_push(p, making_bytes(&m));
	making_fini(&m);
	return id;
}

struct id bed_person(struct bed *b, struct peer *admin, const char *name)
{
	struct id person = id_make(&b->env);
	struct making m;

	making_init(&m, b, &b->directory, 0);
	making_create(&m, TYPE_PERSON, &person);
	making_text(&m, 1, name, NULL);
	peer_push(admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(b);
	return person;
}

struct id bed_appoint(struct bed *b, struct peer *admin, const struct id *person, int role,
		      const struct id *group)
{
	struct id id = id_make(&b->env);
	struct making m;

	making_init(&m, b, &b->directory, 0);
	making_create(&m, TYPE_APPOINTMENT, &id);
	making_ref(&m, 1, person);
	making_number(&m, 2, (uint64_t)role);
	making_ref(&m, 3, &b->school);
	if (group)
		making_ref(&m, 4, group);
	peer_push(admin, making_bytes(&m));
	making_fini(&m);
	bed_turn(b);
	return id;
}
