/* Sliding changes to where they stand best: PROTOCOL.md 4.13, step 4. */
#include "common/err.h"
#include "common/unit_inside.h"

enum { COST_SLIDE = 2 /* of a group by one unit, in steps */ };

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
	(void)unit_pay(g->work, COST_SLIDE + g->end - g->start);
	return true;
}

static bool group_back(struct group *g)
{
	if (g->start == 0)
		return false;
	g->end = g->start = g->start - 1;
	while (g->start > 0 && g->changed[g->start - 1])
		g->start--;
	(void)unit_pay(g->work, COST_SLIDE + g->end - g->start);
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
		if (!unit_pay(g->work, 1))
			return false;
	} while (size != g->end - g->start);
	if (g->end != highest && faced)
		while (beside->end == beside->start)
			must(group_up(g) && group_back(beside));
	return true;
}

bool units_slide(struct unit_work *work, const struct units *a, uint8_t *changed_a,
		 const struct units *b, uint8_t *changed_b)
{
	struct group g = group_first(work, a, changed_a);
	struct group beside = group_first(work, b, changed_b);

	do {
		if (g.end > g.start && !group_slide(&g, &beside))
			return false;
	} while (group_next(&g) && group_next(&beside));
	return unit_pay(g.work, 0);
}
