/*
 * What the server makes of edits that disagree: 12 people who edit few records without a line and
 * then all push. Real journal, real transactions, sessions over pipes in this process; what the
 * sessions' other ends do is not timed.
 *
 *	reconcile [EDITS]
 *
 * EDITS (200) are each person's, over 20 records. Prints reconcile_per_s and how they ended.
 */
#include "common/fields.h"
#include "common/os.h"
#include "common/schema.h"
#include "server/turn.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 12, RECORDS = 20, SENTENCES = 40, IN_FRAME = 64, REF = 2, TEXT = 3, LEAD = 7 };

/* A person's view of one record: what they wrote last, and what that stands on. */
struct view {
	struct id after;
	struct buf text, ref;
};

struct person {
	struct peer peer;
	struct view views[RECORDS];
	struct buf *queue; /* changes to push */
	size_t n, sent;
};

static struct id records[RECORDS];

static void first_text(struct buf *out)
{
	for (int i = 0; i < SENTENCES; i++)
		buf_add_text(out, "This is what was agreed on point %02d by all. ", i);
}

static void make_records(struct bed *b, struct peer *p)
{
	for (int r = 0; r < RECORDS; r++) {
		struct making m;
		struct buf text = {0};
		first_text(&text);
		buf_add_u8(&text, 0);
		records[r] = id_make(&b->env);
		making_init(&m, b, &b->partnership, 0);
		making_create(&m, TYPE_ACTION, &records[r]);
		making_text(&m, REF, "1.1", NULL);
		making_text(&m, TEXT, (const char *)text.data, NULL);
		peer_push(p, making_bytes(&m));
		making_fini(&m);
		buf_fini(&text);
	}
	bed_turn(b);
}

/* One sentence of the text written anew: often one of their own, at times one that others edit. */
static void edit_text(int who, struct view *v, int n, struct making *m)
{
	enum { LENGTH = 44 };
	struct buf old = {0};
	int at = n % 8 == 0 ? 0 : 2 * ((who * 5 + n) % (SENTENCES / 2));
	char sentence[80];

	buf_add_bytes(&old, buf_bytes(&v->text));
	buf_add_u8(&old, 0);
	snprintf(sentence, sizeof(sentence), "It was put by %02d in edit %04d as it is now. ", who, n);
	memcpy(v->text.data + LENGTH * at, sentence, LENGTH);
	struct buf now = {0};
	buf_add_bytes(&now, buf_bytes(&v->text));
	buf_add_u8(&now, 0);
	making_text(m, TEXT, (const char *)now.data, (const char *)old.data);
	buf_fini(&now);
	buf_fini(&old);
}

static void edit_ref(struct view *v, int who, int n, struct making *m)
{
	char old[16], now[16];

	snprintf(old, sizeof(old), "%.*s", (int)v->ref.len, (const char *)v->ref.data);
	snprintf(now, sizeof(now), "%d.%d", who, n);
	making_text(m, REF, now, old);
	buf_reset(&v->ref);
	buf_add(&v->ref, now, strlen(now));
}

static void write_edits(struct bed *b, struct person *p, int who, int n)
{
	p->queue = mem_alloc((size_t)n * sizeof(*p->queue));
	for (int r = 0; r < RECORDS; r++) {
		first_text(&p->views[r].text);
		buf_add(&p->views[r].ref, "1.1", 3);
	}
	for (int i = 0; i < n; i++) {
		struct view *v = &p->views[i % RECORDS];
		struct making m;
		making_init(&m, b, &b->partnership, RECORDS);
		struct edit *e = making_edit(&m, TYPE_ACTION, &records[i % RECORDS]);
		e->after = v->after;
		if (i / RECORDS % 3 == 2) {
			making_member(&m, LEAD, i % 2 ? &p->peer.device : &m.change.id);
		} else if (i / RECORDS % 3 == 1) {
			edit_ref(v, who, i, &m);
		} else {
			edit_text(who, v, i, &m);
		}
		v->after = m.change.id;
		buf_add_bytes(&p->queue[p->n++], making_bytes(&m));
		making_fini(&m);
	}
}

/* Push some of what is queued. */
static void push(struct person *p)
{
	Wire__Push m = WIRE__PUSH__INIT;
	ProtobufCBinaryData changes[IN_FRAME];

	m.changes = changes;
	while (m.n_changes < IN_FRAME && p->sent < p->n) {
		struct bytes change = buf_bytes(&p->queue[p->sent++]);
		changes[m.n_changes++] = PB_BYTES(change);
		buf_add_u32be(&p->peer.sent, (uint32_t)change.len);
		buf_add_bytes(&p->peer.sent, change);
	}
	if (m.n_changes)
		peer_send(&p->peer, WIRE__KIND__PUSH, &m.base, BYTES_NONE);
}

static void count_verdicts(struct bed *b)
{
	struct space *s = journal_space(b->area->journal, &b->partnership);

	printf("reconcile_entries=%llu\n", (unsigned long long)(s->number - RECORDS));
	printf("reconcile_open=%llu\n", (unsigned long long)s->open_conflicts);
}

int main(int argc, char **argv)
{
	static struct person people[PEOPLE];
	struct bed b;
	int n = argc > 1 ? atoi(argv[1]) : 200;
	uint64_t us = 0;
	bool more = true;

	bed_init(&b, "reconcile");
	for (int i = 0; i < PEOPLE; i++) {
		peer_join(&people[i].peer, &b, &b.person);
		peer_hello(&people[i].peer);
	}
	make_records(&b, &people[0].peer);
	for (int i = 0; i < PEOPLE; i++)
		write_edits(&b, &people[i], i, n);
	while (more) {
		uint64_t began = os_monotonic_us();
		more = false;
		for (int i = 0; i < PEOPLE; i++) {
			push(&people[i]);
			more |= people[i].sent < people[i].n;
		}
		must(area_turn(b.area) == 0);
		us += os_monotonic_us() - began;
		for (int i = 0; i < PEOPLE; i++)
			peer_take(&people[i].peer);
	}
	printf("reconcile_per_s=%.0f\n", 1e6 * PEOPLE * n / (double)us);
	count_verdicts(&b);
	for (int i = 0; i < PEOPLE; i++) {
		must(!people[i].peer.chain_broken && !people[i].peer.bye);
		for (size_t k = 0; k < people[i].n; k++)
			buf_fini(&people[i].queue[k]);
		for (int r = 0; r < RECORDS; r++) {
			buf_fini(&people[i].views[r].text);
			buf_fini(&people[i].views[r].ref);
		}
		free(people[i].queue);
	}
	bed_fini(&b);
	return tap_end(); /* which removes the area */
}
