/* Taking texts apart into units, what each side did to the base, and what both come to. */
#include "tests/sim/prose.h"

#include <string.h>

enum { UNITS = 1024 };

struct prose {
	struct bytes units[UNITS];
	size_t n;
};

/* Take a text apart. False: it is not made of units, or one stands twice. */
static bool prose_read(struct bytes text, struct prose *p)
{
	p->n = 0;
	while (text.len) {
		const uint8_t *next = text.len > 2 ? memmem(text.data + 2, text.len - 2, "Qz", 2) : NULL;
		size_t len = next ? (size_t)(next - text.data) : text.len;
		uint8_t last = text.data[len - 1];
		if (p->n == UNITS || len < 3 || memcmp(text.data, "Qz", 2) != 0 ||
		    (last != '\n' && last != ' '))
			return false;
		for (size_t i = 0; i < p->n; i++)
			if (bytes_equal(p->units[i], BYTES(text.data, len)))
				return false;
		p->units[p->n++] = BYTES(text.data, len);
		text = BYTES(text.data + len, text.len - len);
	}
	return true;
}

/* In place of the base's units from..to - 1 one side has its own u0..u1 - 1. */
struct hunk {
	size_t from, to, u0, u1;
};

static size_t prose_find(const struct prose *p, struct bytes unit)
{
	size_t i = 0;
	while (i < p->n && !bytes_equal(p->units[i], unit))
		i++;
	return i;
}

/* What one side did to the base. False: it has put units in another order. */
static bool prose_differ(const struct prose *base, const struct prose *side, struct hunk *hunks, size_t *n)
{
	size_t i = 0, j = 0;
	*n = 0;
	while (i < base->n || j < side->n) {
		if (i < base->n && j < side->n && bytes_equal(base->units[i], side->units[j])) {
			i++, j++;
			continue;
		}
		struct hunk h = {i, i, j, side->n};
		while (h.to < base->n && prose_find(side, base->units[h.to]) == side->n)
			h.to++;
		if (h.to < base->n)
			h.u1 = prose_find(side, base->units[h.to]);
		if (h.u1 < j)
			return false;
		hunks[(*n)++] = h;
		i = h.to, j = h.u1;
	}
	for (size_t a = 0; a < *n; a++) /* what is new to a side must be new to the base */
		for (size_t u = hunks[a].u0; u < hunks[a].u1; u++)
			if (prose_find(base, side->units[u]) < base->n)
				return false;
	return true;
}

static bool same_hunk(const struct hunk *a, const struct prose *ours, const struct hunk *b,
		      const struct prose *theirs)
{
	bool same = a->from == b->from && a->to == b->to && a->u1 - a->u0 == b->u1 - b->u0;
	for (size_t i = 0; same && i < a->u1 - a->u0; i++)
		same = bytes_equal(ours->units[a->u0 + i], theirs->units[b->u0 + i]);
	return same;
}

static const struct hunk *hunk_at(const struct hunk *hunks, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		if (hunks[i].from == from)
			return &hunks[i];
	return NULL;
}

int prose_merge(struct bytes base, struct bytes ours, struct bytes theirs, struct arena *arena,
		struct bytes *out)
{
	struct prose *p = arena_alloc(arena, 3 * sizeof(*p));
	struct hunk *a = arena_alloc(arena, (UNITS + 1) * sizeof(*a)),
		    *b = arena_alloc(arena, (UNITS + 1) * sizeof(*b));
	size_t na, nb;
	struct buf text = {0};
	if (!prose_read(base, &p[0]) || !prose_read(ours, &p[1]) || !prose_read(theirs, &p[2]) ||
	    !prose_differ(&p[0], &p[1], a, &na) || !prose_differ(&p[0], &p[2], b, &nb))
		return -1;
	for (size_t i = 0; i < na; i++)
		for (size_t k = 0; k < nb; k++)
			if (a[i].from <= b[k].to && b[k].from <= a[i].to &&
			    !same_hunk(&a[i], &p[1], &b[k], &p[2]))
				return 0;
	for (size_t i = 0;;) {
		const struct hunk *h = hunk_at(a, na, i);
		const struct prose *side = h ? &p[1] : &p[2];
		h = h ? h : hunk_at(b, nb, i);
		for (size_t u = h ? h->u0 : 0; h && u < h->u1; u++)
			buf_add_bytes(&text, side->units[u]);
		if (h && h->to > i) {
			i = h->to;
			continue;
		}
		if (i == p[0].n)
			break;
		buf_add_bytes(&text, p[0].units[i++]);
	}
	*out = arena_copy(arena, buf_bytes(&text));
	buf_fini(&text);
	return 1;
}
