/*
 * A modified client that hands in what the server is to have lost, of its own making. It claims to hold
 * more of a space than there is; once it is asked for it, it sends entries or a head that the server
 * never made. All of it must be refused, and nothing may change (host.c looks).
 */
#include "tests/sim/world.h"

#include "common/fields.h"

#include <string.h>

enum forgery { RUN_BODY, RUN_HEADER, RUN_INVENTED, RUN_SIGNATURE, RUN_LONGER, RUN_EPOCH, FORGERIES };

struct offer {
	struct world *w;
	struct net_end *end;
	struct id space;
	enum forgery how;
	bool sent;
};

/* A run of a few entries, and what leads to its head. */
struct forged {
	Wire__Entry entries[4], *list[4];
	size_t n;
	struct arena arena;
};

static void add_entry(struct forged *f, struct bytes header, struct bytes salt, struct bytes body)
{
	struct bytes kept[] = {arena_copy(&f->arena, header), arena_copy(&f->arena, salt),
			       arena_copy(&f->arena, body)};
	Wire__Entry *e = f->list[f->n] = &f->entries[f->n];
	wire__entry__init(e);
	e->header = (ProtobufCBinaryData)PB_BYTES(kept[0]);
	e->salt = (ProtobufCBinaryData)PB_BYTES(kept[1]);
	e->has_body = true;
	e->body = (ProtobufCBinaryData)PB_BYTES(kept[2]);
	f->n++;
}

/* The next entry of this space, as if the server had made it of somebody's newest change. */
static void invent(struct offer *o, struct forged *f, const struct book_entry *like)
{
	struct header header = like->header;
	struct buf packed = {0};
	header.number++;
	header.change = id_make(&o->w->hostile.machine.env);
	header_write(&header, &packed);
	add_entry(f, buf_bytes(&packed), like->salt, like->body);
	buf_fini(&packed);
}

static void turn_a_bit(struct offer *o, ProtobufCBinaryData *b)
{
	b->data[dice_below(&o->w->dice, b->len)] ^= (uint8_t)(1 << dice_below(&o->w->dice, 8));
}

static void answer(struct offer *o)
{
	const struct book_space *s = book_space(&o->w->book, &o->space);
	uint64_t n = s->n, from = n > 2 ? n - 1 : 1;
	struct forged f = {.n = 0};
	struct buf statement = {0};
	uint8_t chain[SHA256_LEN], signature[64];
	Wire__Run m = WIRE__RUN__INIT;
	Wire__Head head = WIRE__HEAD__INIT;

	arena_init(&f.arena, ARENA_NO_BUDGET);
	memcpy(chain, s->entries[n - 1]->chain, SHA256_LEN);
	for (uint64_t i = from; i <= n; i++)
		add_entry(&f, s->entries[i - 1]->packed, s->entries[i - 1]->salt, s->entries[i - 1]->body);
	head_statement(&o->w->area, &o->space, s->epoch, n, chain, &statement);
	seal_sign(&o->w->seal, buf_bytes(&statement), signature); /* a head that it was fed once */
	if (o->how == RUN_BODY)
		turn_a_bit(o, &f.entries[f.n - 1].body);
	if (o->how == RUN_HEADER)
		turn_a_bit(o, &f.entries[f.n - 1].header);
	if (o->how == RUN_INVENTED || o->how == RUN_SIGNATURE) {
		invent(o, &f, s->entries[n - 1]);
		const Wire__Entry *e = f.list[f.n - 1];
		chain_next(chain, BYTES_OF(e->header), BYTES_OF(e->salt), BYTES_OF(e->body));
	}
	if (o->how == RUN_SIGNATURE)
		dice_fill(&o->w->dice, signature, sizeof(signature));
	head.epoch = s->epoch + (o->how == RUN_EPOCH ? 3 : 0);
	head.number = n + (o->how >= RUN_INVENTED && o->how <= RUN_LONGER);
	head.chain = PB_BYTES(BYTES(chain, SHA256_LEN));
	head.signature = PB_BYTES(BYTES(signature, sizeof(signature)));
	m.space = PB_ID(&o->space);
	m.from = from;
	m.head = &head;
	m.entries = f.list;
	m.n_entries = f.n;
	m.has_more = true;
	link_send(net_link(o->end), WIRE__KIND__RUN, &m.base, BYTES_NONE);
	buf_fini(&statement);
	arena_fini(&f.arena);
	o->sent = true;
}

static void offer_frame(void *arg, const struct frame *f)
{
	struct offer *o = arg;
	const struct book_space *s = book_space(&o->w->book, &o->space);
	if (f->kind == WIRE__KIND__RECALL && s && s->n)
		answer(o);
	else if (o->sent && (f->kind == WIRE__KIND__WELCOME || f->kind == WIRE__KIND__REWIND))
		world_fail(o->w, "a forged offer was taken");
}

static void offer_garbage(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void offer_over(void *arg)
{
	(void)arg;
}

bool hostile_offer(struct world *w)
{
	static const struct net_speed speed = {1000, 1000000, 10};
	Wire__Hello hello = WIRE__HELLO__INIT;
	Wire__At at = WIRE__AT__INIT, *held = &at;
	uint8_t chain[SHA256_LEN];
	const struct book_space *s =
		w->book.n_spaces ? w->book.spaces[dice_below(&w->dice, w->book.n_spaces)] : NULL;
	if (!s || s->n == 0 || !w->host.area)
		return false;
	struct offer *o = arena_alloc(&w->arena, sizeof(*o));
	*o = (struct offer){.w = w, .space = s->id, .how = (enum forgery)dice_below(&w->dice, FORGERIES)};
	view_take(false);
	o->end = host_dial(w, WORLD_HOSTILE, &speed);
	trace_line(&w->trace, "a hostile device dials, and offers what the server is to have lost (%d)", (int)o->how);
	net_own(o->end, &(struct net_owner){offer_frame, offer_garbage, offer_over, offer_over, o});
	dice_fill(&w->dice, chain, sizeof(chain));
	at.space = PB_ID(&s->id);
	at.epoch = s->epoch;
	at.number = s->n + dice_between(&w->dice, 1, 3);
	at.has_chain = true;
	at.chain = PB_BYTES(BYTES(chain, sizeof(chain)));
	hello.version = WIRE_VERSION;
	hello.area = PB_ID(&w->area);
	hello.held = &held;
	hello.n_held = 1;
	link_send(net_link(o->end), WIRE__KIND__HELLO, &hello.base, BYTES_NONE);
	return true;
}
