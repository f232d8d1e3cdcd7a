/*
 * Comparing texts in units. Reading gives equal units equal ids; comparing is PROTOCOL.md 4.11 step
 * by step: what both begin and end with is left out, units that can't help are set aside, Myers'
 * search finds what is shared, and each change slides to where it stands best.
 *
 * Every loop whose length is not bounded by that of the texts pays for its turns in steps.
 */
#include "common/unit_diff.h"

#include "common/err.h"
#include "common/unit.h"

#include <string.h>

enum {
	COST_LEAST = 256,   /* the search is cut off at no lower cost, nor looks out for a snake */
	SNAKE_GOOD = 20,    /* so many equal units in a row are no chance */
	SNAKE_WORTH = 4,    /* a way this many times as far as it cost is a good one */
	OFTEN_MOST = 1024,  /* a unit that the other text has as often as this is frequent */
	ASIDE_WINDOW = 100, /* so far is looked for units that the other text lacks */
	ASIDE_SHARE = 4,    /* of the neighbours, frequent ones must be fewer than one in this */
	BEYOND = INT32_MAX / 4,

	/* In steps, which are about a nanosecond each. */
	COST_TURN = 8, /* of a diagonal in a sweep */
	COST_LOOK = 8, /* of a wrong slot in a table */
	COST_SLIDE = 2 /* of a group by one unit */
};

/* ---- Reading -------------------------------------------------------------------------------- */

void unit_work_init(struct unit_work *work)
{
	*work = (struct unit_work){.steps = UNIT_STEPS};
	arena_init(&work->arena, UNIT_MEMORY);
}

void unit_work_fini(struct unit_work *work)
{
	arena_fini(&work->arena);
}

/* Memory for as long as one step takes, out of what the work has left. */
static void scratch_init(struct unit_work *work, struct arena *scratch)
{
	arena_init(scratch, work->arena.budget - work->arena.used);
}

static bool pay(struct unit_work *work, int64_t steps)
{
	work->steps -= steps;
	return work->steps >= 0;
}

static struct bytes unit_at(const struct units *u, uint32_t i)
{
	uint32_t start = unit_start(u, i);
	return BYTES(u->text + start, u->ends[i] - start);
}

/* Find where the units of a text end. `ends` has room for as many as the text has bytes. */
static bool units_split(struct unit_work *work, struct bytes text, uint32_t *ends,
			struct units *units)
{
	struct bytes rest = text, unit;
	uint32_t n = 0;

	while (unit_next(&rest, &unit))
		ends[n++] = (uint32_t)(text.len - rest.len);
	uint32_t *kept = arena_try_alloc(&work->arena, n * sizeof(*kept));
	if (kept && n)
		memcpy(kept, ends, n * sizeof(*kept));
	*units = (struct units){.text = text.data, .ends = kept, .n = n};
	return kept;
}

static uint32_t unit_hash(struct bytes unit)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < unit.len; i++)
		h = (h ^ unit.data[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

/* The units that were met first of their kind, by hash: open addressing, at most half full. */
struct unit_table {
	struct unit_work *work;
	struct arena memory;
	struct unit_slot {
		uint32_t hash;
		uint32_t text : 2; /* counted from 1; 0 is none */
		uint32_t unit : 30;
	} * slots;
	uint32_t mask;
};

static struct unit_slot *table_slots(struct unit_work *work, struct arena *memory, uint32_t n)
{
	scratch_init(work, memory);
	struct unit_slot *slots = arena_try_alloc(memory, n * sizeof(*slots));
	return slots ? memset(slots, 0, n * sizeof(*slots)) : NULL;
}

/* Twice as large, or as large as it is at first. False: over budget, and it is as it was. */
static bool table_grow(struct unit_table *table)
{
	uint32_t n = table->slots ? 2 * (table->mask + 1) : 256;
	struct arena memory;
	struct unit_slot *slots = table_slots(table->work, &memory, n);

	for (uint32_t i = 0; slots && table->slots && i <= table->mask; i++) {
		uint32_t at = table->slots[i].hash & (n - 1);
		if (!table->slots[i].text)
			continue;
		for (; slots[at].text; at = (at + 1) & (n - 1))
			if (!pay(table->work, 1))
				break;
		slots[at] = table->slots[i];
	}
	if (!slots) {
		arena_fini(&memory);
		return false;
	}
	arena_fini(&table->memory);
	table->memory = memory;
	table->slots = slots;
	table->mask = n - 1;
	return pay(table->work, 0);
}

static bool units_number(struct unit_table *table, struct units *units, uint32_t text)
{
	struct unit_work *work = table->work;
	struct units *u = &units[text];
	uint32_t *ids = arena_try_alloc(&work->arena, u->n * sizeof(*ids));

	u->ids = ids;
	for (uint32_t i = 0; ids && i < u->n; i++) {
		struct bytes unit = unit_at(u, i);
		uint32_t hash = unit_hash(unit), at = hash & table->mask;
		struct unit_slot *slot;
		for (;; at = (at + 1) & table->mask) {
			slot = &table->slots[at];
			if (!slot->text ||
			    (slot->hash == hash &&
			     bytes_equal(unit, unit_at(&units[slot->text - 1], slot->unit))))
				break;
			if (!pay(work, COST_LOOK + (int64_t)unit.len / 16))
				return false;
		}
		if (slot->text) {
			ids[i] = units[slot->text - 1].ids[slot->unit];
			continue;
		}
		*slot = (struct unit_slot){hash, (text + 1) & 3, i & 0x3fffffff};
		ids[i] = work->n_ids++;
		if (work->n_ids > table->mask / 2 && !table_grow(table))
			return false;
	}
	return ids;
}

bool units_read(struct unit_work *work, const struct bytes *texts, struct units *units, size_t n)
{
	struct unit_table table = {.work = work};
	struct arena scratch;
	size_t longest = 0;

	must(n <= 3 && work->n_ids == 0);
	for (size_t i = 0; i < n; i++)
		longest = texts[i].len > longest ? texts[i].len : longest;
	if (longest > UNIT_MEMORY)
		return false;
	scratch_init(work, &scratch);
	uint32_t *ends = arena_try_alloc(&scratch, longest * sizeof(*ends));
	bool good = ends;
	for (size_t i = 0; good && i < n; i++)
		good = units_split(work, texts[i], ends, &units[i]);
	arena_fini(&scratch);
	good = good && table_grow(&table);
	for (size_t i = 0; good && i < n; i++)
		good = units_number(&table, units, (uint32_t)i);
	arena_fini(&table.memory);
	return good;
}

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
		if (!pay(s->work, COST_TURN + a - from))
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
		if (!pay(s->work, COST_TURN + from - a))
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

/* What is between the units that both begin with and those that both end with. */
static struct unit_hunk trim(const struct units *a, const struct units *b)
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
	(void)pay(work, k);
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
		if (!pay(work, 0)) /* what asking whether to set it aside has cost */
			return false;
		m->place[m->n_kept] = m->start + i;
		m->kept[m->n_kept++] = m->units->ids[m->start + i];
	}
	return true;
}

static bool changes_find(struct unit_work *work, const struct units *a, const struct units *b,
			 struct unit_changes *changes, struct arena *scratch)
{
	struct unit_hunk h = trim(a, b);
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

/* ---- Sliding -------------------------------------------------------------------------------- */

/* The changed units between two unchanged ones of a text, often none. Both texts have equally many
 * unchanged units, so the groups of one are beside those of the other. */
struct group {
	struct unit_work *work;
	const uint32_t *ids;
	uint8_t *changed;
	uint32_t n, start, end;
};

static struct group group_first(struct unit_work *work, const struct units *u, uint8_t *changed)
{
	struct group g = {work, u->ids, changed, u->n, 0, 0};

	while (changed[g.end])
		g.end++;
	return g;
}

static bool group_next(struct group *g)
{
	if (g->end == g->n)
		return false;
	g->start = g->end = g->end + 1;
	while (g->changed[g->end])
		g->end++;
	(void)pay(g->work, COST_SLIDE + g->end - g->start);
	return true;
}

static bool group_back(struct group *g)
{
	if (g->start == 0)
		return false;
	g->end = g->start = g->start - 1;
	while (g->start > 0 && g->changed[g->start - 1])
		g->start--;
	(void)pay(g->work, COST_SLIDE + g->end - g->start);
	return true;
}

/* Up by one, if the unit before the group equals its last; a group that it meets becomes part of
 * it. */
static bool group_up(struct group *g)
{
	if (g->start == 0 || g->ids[g->start - 1] != g->ids[g->end - 1])
		return false;
	g->changed[--g->start] = 1;
	g->changed[--g->end] = 0;
	while (g->start > 0 && g->changed[g->start - 1])
		g->start--;
	return true;
}

static bool group_down(struct group *g)
{
	if (g->end == g->n || g->ids[g->start] != g->ids[g->end])
		return false;
	g->changed[g->start++] = 0;
	g->changed[g->end++] = 1;
	while (g->changed[g->end])
		g->end++;
	return true;
}

/* Slide a group up as far as it goes, then down as far as it goes, again if it grew by that; then
 * back up to the last place where the other text has a change too, if there was one. */
static bool group_slide(struct group *g, struct group *beside)
{
	uint32_t size, highest;
	bool faced;

	do {
		size = g->end - g->start;
		while (group_up(g))
			must(group_back(beside));
		highest = g->end;
		faced = beside->end > beside->start;
		while (group_down(g)) {
			must(group_next(beside));
			faced = faced || beside->end > beside->start;
		}
		if (!pay(g->work, 1))
			return false;
	} while (size != g->end - g->start);
	if (g->end != highest && faced)
		while (beside->end == beside->start)
			must(group_up(g) && group_back(beside));
	return true;
}

static bool changes_slide(struct group g, struct group beside)
{
	do {
		if (g.end > g.start && !group_slide(&g, &beside))
			return false;
	} while (group_next(&g) && group_next(&beside));
	return pay(g.work, 0);
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
	scratch_init(work, &scratch);
	bool good = changes_find(work, a, b, changes, &scratch);
	arena_fini(&scratch);
	return good &&
	       changes_slide(group_first(work, a, changes->a), group_first(work, b, changes->b)) &&
	       changes_slide(group_first(work, b, changes->b), group_first(work, a, changes->a));
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

/* ---- To show -------------------------------------------------------------------------------- */

struct runs {
	struct unit_run *run;
	size_t n;
};

static void run_add(struct runs *runs, enum unit_where where, struct bytes text)
{
	if (text.len)
		runs->run[runs->n++] = (struct unit_run){where, text};
}

static void run_add_units(struct runs *runs, enum unit_where where, const struct units *u,
			  uint32_t start, uint32_t end)
{
	uint32_t first = unit_start(u, start);
	run_add(runs, where, BYTES(u->text + first, unit_start(u, end) - first));
}

/* What is the same behind the hunk before, then the hunk. */
static void run_add_hunk(struct runs *runs, const struct units *a, const struct units *b,
			 uint32_t done, const struct unit_hunk *h)
{
	run_add_units(runs, UNIT_SAME, a, done, h->a);
	run_add_units(runs, UNIT_ONLY_A, a, h->a, h->a_end);
	run_add_units(runs, UNIT_ONLY_B, b, h->b, h->b_end);
}

static struct runs runs_make(struct unit_work *work, const struct units *a, const struct units *b,
			     struct arena *arena)
{
	struct unit_hunk h = {0, 0, 0, 0};
	struct unit_changes changes;
	size_t hunks = 1;
	uint32_t done = 0;
	bool fine = units_compare(work, a, b, &changes);

	while (fine && unit_hunk_next(&changes, &h))
		hunks++;
	struct runs runs = {arena_alloc(arena, 3 * hunks * sizeof(struct unit_run)), 0};
	h = (struct unit_hunk){0, 0, 0, 0};
	for (; fine && unit_hunk_next(&changes, &h); done = h.a_end)
		run_add_hunk(&runs, a, b, done, &h);
	if (!fine) {
		h = trim(a, b);
		run_add_hunk(&runs, a, b, 0, &h);
		done = h.a_end;
	}
	run_add_units(&runs, UNIT_SAME, a, done, a->n);
	return runs;
}

struct unit_run *unit_diff(struct bytes a, struct bytes b, struct arena *arena, size_t *n_runs)
{
	const struct bytes texts[2] = {a, b};
	struct units units[2];
	struct unit_work work;
	struct runs runs;

	unit_work_init(&work);
	if (units_read(&work, texts, units, 2)) {
		runs = runs_make(&work, &units[0], &units[1], arena);
	} else {
		runs = (struct runs){arena_alloc(arena, 2 * sizeof(struct unit_run)), 0};
		run_add(&runs, UNIT_ONLY_A, a);
		run_add(&runs, UNIT_ONLY_B, b);
	}
	unit_work_fini(&work);
	*n_runs = runs.n;
	return runs.run;
}
