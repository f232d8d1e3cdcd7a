/*
 * Comparing texts in units: PROTOCOL.md 4.13 step by step. What both begin and end with is left
 * out, units that can't help are set aside, Myers' search finds what is shared, and each change
 * slides to where it stands best (unit_slide.c).
 */
#include "common/unit_diff.h"

#include "common/unit_inside.h"

#include <string.h>

enum {
	COST_LEAST = 256,   /* the search is cut off at no lower cost, nor looks out for a snake */
	SNAKE_GOOD = 20,    /* so many equal units in a row are no chance */
	SNAKE_WORTH = 4,    /* a way this many times as far as it cost is a good one */
	OFTEN_MOST = 1024,  /* a unit that the other text has as often as this is frequent */
	ASIDE_WINDOW = 100, /* so far is looked for units that the other text lacks */
	ASIDE_SHARE = 4,    /* of the neighbours, frequent ones must be fewer than one in this */
	BEYOND = INT32_MAX / 4,
	COST_TURN = 8 /* of a diagonal in a sweep, in steps */
};

/* ---- The search for what is shared ---------------------------------------------------------- */

/* What is searched: the units that are left of two texts, and where they stand in them. */
struct search {
	struct unit_work *work;
	const uint32_t *a, *b, *place_a, *place_b;
	struct unit_changes *changes;
	int32_t *forward, *backward; /* by diagonal: how far a way on it has come, in a */
	int32_t cost_most;
};

/* Units [a, a_end) against [b, b_end). `exact`: the search is not cut off. */
struct box {
	int32_t a, a_end, b, b_end;
	bool exact;
};

/* The ways from one corner of a box, on every other diagonal from low to high. */
struct front {
	int32_t *reach;
	int32_t low, high, middle;
};

/* A box being searched from both corners. A diagonal is a place in a minus one in b. */
struct hunt {
	struct search *search;
	struct box box;
	struct front forward, backward;
	bool odd;   /* the fronts meet in the forward sweep, otherwise in the backward one */
	bool snake; /* this turn saw a good one */
	int32_t cost;
	int32_t at_a, at_b; /* where to part the box */
};

enum found { FOUND_OVER = -1, FOUND_NOT, FOUND_MEETING, FOUND_LOW, FOUND_HIGH };

/* Let a front grow by a diagonal at both ends, or shrink where it has left the box. */
static void front_widen(struct front *f, const struct box *box, int32_t beyond)
{
	if (f->low > box->a - box->b_end)
		f->reach[--f->low - 1] = beyond;
	else
		f->low++;
	if (f->high < box->a_end - box->b)
		f->reach[++f->high + 1] = beyond;
	else
		f->high--;
}

static enum found sweep_forward(struct hunt *h)
{
	const struct search *s = h->search;
	const struct box box = h->box;
	struct front *f = &h->forward, *g = &h->backward;
	int32_t *reach = f->reach;

	front_widen(f, &box, -1);
	for (int32_t d = f->high; d >= f->low; d -= 2) {
		int32_t from = reach[d - 1] >= reach[d + 1] ? reach[d - 1] + 1 : reach[d + 1];
		int32_t a = from, b = a - d;
		while (a < box.a_end && b < box.b_end && s->a[a] == s->b[b]) {
			a++;
			b++;
		}
		h->snake = h->snake || a - from > SNAKE_GOOD;
		reach[d] = a;
		if (h->odd && g->low <= d && d <= g->high && g->reach[d] <= a) {
			h->at_a = a;
			h->at_b = b;
			return FOUND_MEETING;
		}
		if (!unit_pay(s->work, COST_TURN + a - from))
			return FOUND_OVER;
	}
	return FOUND_NOT;
}

static enum found sweep_backward(struct hunt *h)
{
	const struct search *s = h->search;
	const struct box box = h->box;
	struct front *f = &h->forward, *g = &h->backward;
	int32_t *reach = g->reach;

	front_widen(g, &box, BEYOND);
	for (int32_t d = g->high; d >= g->low; d -= 2) {
		int32_t from = reach[d - 1] < reach[d + 1] ? reach[d - 1] : reach[d + 1] - 1;
		int32_t a = from, b = a - d;
		while (a > box.a && b > box.b && s->a[a - 1] == s->b[b - 1]) {
			a--;
			b--;
		}
		h->snake = h->snake || from - a > SNAKE_GOOD;
		reach[d] = a;
		if (!h->odd && f->low <= d && d <= f->high && a <= f->reach[d]) {
			h->at_a = a;
			h->at_b = b;
			return FOUND_MEETING;
		}
		if (!unit_pay(s->work, COST_TURN + from - a))
			return FOUND_OVER;
	}
	return FOUND_NOT;
}

/* Are the SNAKE_GOOD units from here on equal in both? */
static bool snake_at(const struct search *s, int32_t a, int32_t b)
{
	return memcmp(s->a + a, s->b + b, SNAKE_GOOD * sizeof(*s->a)) == 0;
}

static int32_t distance(int32_t d, int32_t middle)
{
	return d > middle ? d - middle : middle - d;
}

/* A way of the forward front that is worth going on from: it ends in a good snake, far ahead. */
static bool promising_forward(struct hunt *h)
{
	const struct box *box = &h->box;
	const struct front *f = &h->forward;
	int32_t best = 0;

	for (int32_t d = f->high; d >= f->low; d -= 2) {
		int32_t a = f->reach[d], b = a - d;
		int32_t worth = (a - box->a) + (b - box->b) - distance(d, f->middle);
		if (worth <= SNAKE_WORTH * h->cost || worth <= best || a < box->a + SNAKE_GOOD ||
		    a >= box->a_end || b < box->b + SNAKE_GOOD || b >= box->b_end)
			continue;
		if (snake_at(h->search, a - SNAKE_GOOD, b - SNAKE_GOOD)) {
			best = worth;
			h->at_a = a;
			h->at_b = b;
		}
	}
	return best > 0;
}

static bool promising_backward(struct hunt *h)
{
	const struct box *box = &h->box;
	const struct front *g = &h->backward;
	int32_t best = 0;

	for (int32_t d = g->high; d >= g->low; d -= 2) {
		int32_t a = g->reach[d], b = a - d;
		int32_t worth = (box->a_end - a) + (box->b_end - b) - distance(d, g->middle);
		if (worth <= SNAKE_WORTH * h->cost || worth <= best || a <= box->a ||
		    a > box->a_end - SNAKE_GOOD || b <= box->b || b > box->b_end - SNAKE_GOOD)
			continue;
		if (snake_at(h->search, a, b)) {
			best = worth;
			h->at_a = a;
			h->at_b = b;
		}
	}
	return best > 0;
}

/* It has cost enough: part the box where a way has come furthest, of the front that came further.
 */
static enum found furthest(struct hunt *h)
{
	const struct box *box = &h->box;
	const struct front *f = &h->forward, *g = &h->backward;
	int32_t ahead = -1, ahead_a = -1, behind = INT32_MAX, behind_a = INT32_MAX;

	for (int32_t d = f->high; d >= f->low; d -= 2) {
		int32_t a = f->reach[d] < box->a_end ? f->reach[d] : box->a_end;
		if (a - d > box->b_end)
			a = box->b_end + d;
		if (ahead < a + a - d) {
			ahead = a + a - d;
			ahead_a = a;
		}
	}
	for (int32_t d = g->high; d >= g->low; d -= 2) {
		int32_t a = g->reach[d] > box->a ? g->reach[d] : box->a;
		if (a - d < box->b)
			a = box->b + d;
		if (a + a - d < behind) {
			behind = a + a - d;
			behind_a = a;
		}
	}
	bool forward = (box->a_end + box->b_end) - behind < ahead - (box->a + box->b);
	h->at_a = forward ? ahead_a : behind_a;
	h->at_b = (forward ? ahead : behind) - h->at_a;
	return forward ? FOUND_LOW : FOUND_HIGH;
}

/* Where to part a box that neither begins nor ends with a unit of both. */
static enum found hunt(struct hunt *h)
{
	const struct box *box = &h->box;
	struct front *f = &h->forward, *g = &h->backward;
	enum found found;

	f->reach = h->search->forward;
	g->reach = h->search->backward;
	f->low = f->high = f->middle = box->a - box->b;
	g->low = g->high = g->middle = box->a_end - box->b_end;
	f->reach[f->middle] = box->a;
	g->reach[g->middle] = box->a_end;
	h->odd = (f->middle - g->middle) & 1;
	for (h->cost = 1;; h->cost++) {
		h->snake = false;
		if ((found = sweep_forward(h)) != FOUND_NOT ||
		    (found = sweep_backward(h)) != FOUND_NOT)
			return found;
		if (box->exact)
			continue;
		if (h->snake && h->cost > COST_LEAST) {
			if (promising_forward(h))
				return FOUND_LOW;
			if (promising_backward(h))
				return FOUND_HIGH;
		}
		if (h->cost >= h->search->cost_most)
			return furthest(h);
	}
}

/* Shrink a box by what both begin and end with; false if nothing of one side is left, which is
 * marked then. */
static bool box_shrink(struct search *s, struct box *box)
{
	while (box->a < box->a_end && box->b < box->b_end && s->a[box->a] == s->b[box->b]) {
		box->a++;
		box->b++;
	}
	while (box->a < box->a_end && box->b < box->b_end &&
	       s->a[box->a_end - 1] == s->b[box->b_end - 1]) {
		box->a_end--;
		box->b_end--;
	}
	if (box->a < box->a_end && box->b < box->b_end)
		return true;
	for (int32_t i = box->a; i < box->a_end; i++)
		s->changes->a[s->place_a[i]] = 1;
	for (int32_t i = box->b; i < box->b_end; i++)
		s->changes->b[s->place_b[i]] = 1;
	return false;
}

/* Divide and conquer. The smaller half is done by recursion, so that it never goes deep. */
static bool box_compare(struct search *s, struct box box)
{
	while (box_shrink(s, &box)) {
		struct hunt h = {.search = s, .box = box};
		enum found found = hunt(&h);
		if (found == FOUND_OVER)
			return false;
		struct box low = {box.a, h.at_a, box.b, h.at_b, found != FOUND_HIGH};
		struct box high = {h.at_a, box.a_end, h.at_b, box.b_end, found != FOUND_LOW};
		bool low_first = low.a_end - low.a + low.b_end - low.b <
				 high.a_end - high.a + high.b_end - high.b;
		if (!box_compare(s, low_first ? low : high))
			return false;
		box = low_first ? high : low;
	}
	return true;
}

/* ---- Before the search: what both begin and end with, and what can't help ------------------- */

/* About the square root: a power of two. */
static uint32_t about_root(uint32_t n)
{
	uint32_t root = 1;

	for (; n > 0; n >>= 2)
		root <<= 1;
	return root;
}

struct unit_hunk units_trim(const struct units *a, const struct units *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n, same = 0;

	while (same < n && a->ids[same] == b->ids[same])
		same++;
	struct unit_hunk h = {same, a->n, same, b->n};
	while (h.a_end > same && h.b_end > same && a->ids[h.a_end - 1] == b->ids[h.b_end - 1]) {
		h.a_end--;
		h.b_end--;
	}
	return h;
}

/* The part of a text that is searched: between what both begin and end with. */
struct middle {
	const struct units *units;
	uint32_t start, end;
	uint8_t *changed;
	uint16_t *often; /* how often the text has each id, as far as that is counted */
	uint8_t *kind;	 /* of each unit in it: 0 the other text has none, 1 some, 2 many */
	uint32_t *kept, *place, n_kept;
};

static bool middle_init(struct middle *m, const struct units *units, uint32_t n_ids,
			struct arena *scratch)
{
	m->often = arena_try_alloc(scratch, n_ids * sizeof(*m->often));
	if (!m->often)
		return false;
	memset(m->often, 0, n_ids * sizeof(*m->often));
	for (uint32_t i = 0; i < units->n; i++)
		if (m->often[units->ids[i]] < OFTEN_MOST)
			m->often[units->ids[i]]++;
	return true;
}

/* Count, over the n units before (up) or behind a unit, those that the other text lacks and the
 * frequent ones, up to one that it has a few times. */
static void count_run(struct unit_work *work, const uint8_t *kind, uint32_t n, bool up,
		      uint32_t *lacking, uint32_t *frequent)
{
	uint32_t most = n < ASIDE_WINDOW ? n : ASIDE_WINDOW, k = 0;

	for (; k < most; k++) {
		uint8_t one = up ? kind[n - 1 - k] : kind[k];
		if (one == 1)
			break;
		*lacking += one == 0;
		*frequent += one == 2;
	}
	(void)unit_pay(work, k);
}

/* A frequent unit, the i-th of the middle: is it among so many that the other text lacks that what
 * it is equal to would be chance? */
static bool is_set_aside(struct unit_work *work, const struct middle *m, uint32_t i)
{
	uint32_t before = 0, behind = 0, frequent = 2;

	count_run(work, m->kind, i, true, &before, &frequent);
	if (before == 0)
		return false;
	count_run(work, m->kind + i + 1, m->end - m->start - i - 1, false, &behind, &frequent);
	return behind > 0 && frequent * ASIDE_SHARE < frequent + before + behind;
}

static bool middle_sort(struct unit_work *work, struct middle *m, const struct middle *other,
			struct arena *scratch)
{
	uint32_t n = m->end - m->start, root = about_root(m->units->n);
	uint32_t most = root < OFTEN_MOST ? root : OFTEN_MOST;

	m->kind = arena_try_alloc(scratch, n);
	m->kept = arena_try_alloc(scratch, n * sizeof(*m->kept));
	m->place = arena_try_alloc(scratch, n * sizeof(*m->place));
	if (!m->kind || !m->kept || !m->place)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t times = other->often[m->units->ids[m->start + i]];
		m->kind[i] = times == 0 ? 0 : times >= most ? 2 : 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (m->kind[i] == 0 || (m->kind[i] == 2 && is_set_aside(work, m, i))) {
			m->changed[m->start + i] = 1;
			continue;
		}
		if (!unit_pay(work, 0)) /* what asking whether to set it aside has cost */
			return false;
		m->place[m->n_kept] = m->start + i;
		m->kept[m->n_kept++] = m->units->ids[m->start + i];
	}
	return true;
}

static bool changes_find(struct unit_work *work, const struct units *a, const struct units *b,
			 struct unit_changes *changes, struct arena *scratch)
{
	struct unit_hunk h = units_trim(a, b);
	struct middle m = {.units = a, .start = h.a, .end = h.a_end, .changed = changes->a};
	struct middle o = {.units = b, .start = h.b, .end = h.b_end, .changed = changes->b};

	if (!middle_init(&m, a, work->n_ids, scratch) || !middle_init(&o, b, work->n_ids, scratch))
		return false;
	if (!middle_sort(work, &m, &o, scratch) || !middle_sort(work, &o, &m, scratch))
		return false;
	size_t diagonals = (size_t)m.n_kept + o.n_kept + 3;
	int32_t *reach = arena_try_alloc(scratch, 2 * diagonals * sizeof(*reach));
	if (!reach)
		return false;
	uint32_t root = about_root((uint32_t)diagonals);
	struct search s = {.work = work,
			   .a = m.kept,
			   .b = o.kept,
			   .place_a = m.place,
			   .place_b = o.place,
			   .changes = changes,
			   .forward = reach + o.n_kept + 1,
			   .backward = reach + diagonals + o.n_kept + 1,
			   .cost_most = root > COST_LEAST ? (int32_t)root : COST_LEAST};
	return box_compare(&s, (struct box){0, (int32_t)m.n_kept, 0, (int32_t)o.n_kept, false});
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static uint8_t *flags_make(struct arena *arena, uint32_t n)
{
	uint8_t *flags = arena_try_alloc(arena, (size_t)n + 2);
	return flags ? (uint8_t *)memset(flags, 0, (size_t)n + 2) + 1 : NULL;
}

bool units_compare(struct unit_work *work, const struct units *a, const struct units *b,
		   struct unit_changes *changes)
{
	struct arena scratch;

	*changes = (struct unit_changes){.n_a = a->n, .n_b = b->n};
	changes->a = flags_make(&work->arena, a->n);
	changes->b = flags_make(&work->arena, b->n);
	if (!changes->a || !changes->b)
		return false;
	unit_scratch(work, &scratch);
	bool good = changes_find(work, a, b, changes, &scratch);
	arena_fini(&scratch);
	return good && units_slide(work, a, changes->a, b, changes->b) &&
	       units_slide(work, b, changes->b, a, changes->a);
}

bool unit_hunk_next(const struct unit_changes *c, struct unit_hunk *h)
{
	h->a = h->a_end;
	h->b = h->b_end;
	while (h->a < c->n_a && !c->a[h->a] && !c->b[h->b]) {
		h->a++;
		h->b++;
	}
	for (h->a_end = h->a; c->a[h->a_end];)
		h->a_end++;
	for (h->b_end = h->b; c->b[h->b_end];)
		h->b_end++;
	return h->a_end > h->a || h->b_end > h->b;
}
