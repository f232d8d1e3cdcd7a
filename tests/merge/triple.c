/*
 * Triples of many shapes: few and many units, drawn from few or many different ones, so that units
 * repeat; lines, sentences and prose; edits that insert, delete, replace, move and copy, some of
 * them made by both; now and then long texts that are rewritten, where the search is cut off.
 */
#include "tests/merge/triple.h"

#include "tests/merge/prose.h"

#include <stdlib.h>

enum { UNITS_MOST = 8192 };

/* A text in the making, as numbers of units. */
struct draft {
	uint32_t unit[UNITS_MOST];
	uint32_t n;
};

struct maker {
	uint64_t dice;
	uint32_t kind, alphabet, new_units; /* new_units: numbers from here on are nobody else's */
	struct draft draft[3];
};

static uint32_t draw(struct maker *m, uint32_t below)
{
	m->dice ^= m->dice << 13;
	m->dice ^= m->dice >> 7;
	m->dice ^= m->dice << 17;
	return below ? (uint32_t)((m->dice * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below : 0;
}

static uint32_t draw_unit(struct maker *m)
{
	if (draw(m, 4) == 0)
		return m->new_units++;
	return draw(m, m->alphabet);
}

static void draft_cut(struct draft *d, uint32_t at, uint32_t n)
{
	for (uint32_t i = at; i + n < d->n; i++)
		d->unit[i] = d->unit[i + n];
	d->n -= n;
}

static void draft_insert(struct draft *d, uint32_t at, uint32_t unit)
{
	if (d->n == UNITS_MOST)
		return;
	for (uint32_t i = d->n++; i > at; i--)
		d->unit[i] = d->unit[i - 1];
	d->unit[at] = unit;
}

static void edit(struct maker *m, struct draft *d)
{
	uint32_t at = draw(m, d->n + 1), left = d->n - at, n = 1 + draw(m, draw(m, 4) ? 3 : 12);
	uint32_t cut = n < left ? n : left, from;

	switch (draw(m, 6)) {
	case 0:
		draft_cut(d, at, cut);
		break;
	case 1:
	case 2:
		draft_cut(d, at, cut);
		for (uint32_t i = draw(m, 3) + 1; i > 0; i--)
			draft_insert(d, at, draw_unit(m));
		break;
	case 3: /* copied from elsewhere */
		from = draw(m, d->n);
		for (uint32_t i = 0; i < n && from + i < d->n; i++)
			draft_insert(d, at + i, d->unit[from + i]);
		break;
	default:
		for (; n > 0; n--)
			draft_insert(d, at, draw_unit(m));
	}
}

/* Sentences and lines that stand for a number; those of one kind are all different. */
static void write_unit(const struct maker *m, uint32_t unit, struct buf *out)
{
	static const char *const shapes[][2] = {{"", "\n"},
						{"Line ", "\r\n"},
						{"Sentence ", " was said. "},
						{"Was it ", "? "},
						{"- ", " agreed.\n"}};
	const char *const *shape = shapes[m->kind == 0 ? 0 : m->kind == 1 ? 2 : unit % 5];

	if (m->kind == 3)
		prose_sentence(unit, out);
	else if (m->kind == 2 && unit < 2)
		buf_add_text(out, "%s", unit ? "\n" : " \n");
	else
		buf_add_text(out, "%s%u%s", shape[0], unit, shape[1]);
}

static void sizes(struct maker *m, uint32_t *units, uint32_t *edits)
{
	uint32_t size = draw(m, 1000);

	m->kind = draw(m, 4);
	m->alphabet = 1 + draw(m, 1 + draw(m, 40));
	if (size < 600) {
		*units = draw(m, 24);
		*edits = 1 + draw(m, 4);
	} else if (size < 960) {
		*units = draw(m, 200);
		*edits = 1 + draw(m, 8);
		m->alphabet *= 1 + draw(m, 20);
	} else if (size < 996) {
		*units = 200 + draw(m, 1000);
		*edits = 1 + draw(m, 60);
		m->alphabet *= 1 + draw(m, 60);
	} else {
		*units = 1000 + draw(m, 3000);
		*edits = 1 + draw(m, 2000);
		m->alphabet *= 1 + draw(m, 200);
	}
}

void triple_make(uint64_t seed, struct triple *t)
{
	struct maker *m = mem_alloc(sizeof(*m));
	uint32_t units, edits, shared;

	m->dice = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (int i = 0; i < 8; i++)
		draw(m, 0);
	sizes(m, &units, &edits);
	m->new_units = 100000;
	for (uint32_t i = 0; i < units; i++)
		m->draft[0].unit[m->draft[0].n++] = draw(m, m->alphabet);
	/* Some edits both have made. */
	shared = draw(m, 5) == 0 ? 1 + draw(m, 2) : 0;
	m->draft[1] = m->draft[0];
	for (uint32_t i = 0; i < shared; i++)
		edit(m, &m->draft[1]);
	m->draft[2] = m->draft[1];
	for (int k = 1; k < 3; k++)
		for (uint32_t i = draw(m, edits + 1); i > 0; i--)
			edit(m, &m->draft[k]);
	for (int k = 0; k < 3; k++)
		for (uint32_t i = 0; i < m->draft[k].n; i++)
			write_unit(m, m->draft[k].unit[i], &t->text[k]);
	free(m);
}

void triple_fini(struct triple *t)
{
	for (int i = 0; i < 3; i++)
		buf_fini(&t->text[i]);
}
