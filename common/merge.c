/*
 * Three-way merging of prose. Base is compared with either text; then the hunks of both are walked
 * in the order of base. A hunk with an untouched unit on both sides of it is taken. Hunks that
 * overlap or touch are taken together as one region, which must read the same in both texts.
 */
#include "common/merge.h"

#include "common/unit_diff.h"

#include <string.h>

/* One of the two texts, and its hunk that is next; a is base, b the text. */
struct side {
	const struct units *units;
	struct unit_changes changes;
	struct unit_hunk hunk;
	bool more;
};

struct merging {
	const struct units *base;
	struct side side[2];
	uint32_t done; /* units of base that are merged */
	uint8_t *to;   /* NULL: only the length is wanted */
	size_t len;
};

static void side_start(struct side *s)
{
	s->hunk = (struct unit_hunk){0, 0, 0, 0};
	s->more = unit_hunk_next(&s->changes, &s->hunk);
}

static void put(struct merging *m, const struct units *from, uint32_t start, uint32_t end)
{
	uint32_t first = unit_start(from, start), n = unit_start(from, end) - first;

	if (m->to && n)
		memcpy(m->to + m->len, from->text + first, n);
	m->len += n;
}

/* Units [start, end) of a text stand for base from where it is merged up to [base, base_end). */
static void put_hunk(struct merging *m, const struct units *from, const struct unit_hunk *h)
{
	put(m, m->base, m->done, h->a);
	put(m, from, h->b, h->b_end);
	m->done = h->a_end;
}

/* Is the hunk of side i next, with nothing of the other's at or before its end? */
static bool stands_alone(const struct merging *m, int i)
{
	const struct side *s = &m->side[i], *other = &m->side[!i];
	return s->more && (!other->more || s->hunk.a_end < other->hunk.a);
}

/* All hunks that hang together from here on, as one hunk of either text. */
static void region_take(struct merging *m, struct unit_hunk region[2])
{
	uint32_t start = m->side[0].hunk.a, end = m->side[0].hunk.a_end;
	bool grew = true;

	if (m->side[1].hunk.a < start)
		start = m->side[1].hunk.a;
	for (int i = 0; i < 2; i++) {
		region[i] = m->side[i].hunk;
		region[i].b -= region[i].a - start;
		region[i].a = start;
	}
	while (grew) {
		grew = false;
		for (int i = 0; i < 2; i++) {
			struct side *s = &m->side[i];
			for (; s->more && s->hunk.a <= end; grew = true) {
				end = s->hunk.a_end > end ? s->hunk.a_end : end;
				region[i].a_end = s->hunk.a_end;
				region[i].b_end = s->hunk.b_end;
				s->more = unit_hunk_next(&s->changes, &s->hunk);
			}
		}
	}
	for (int i = 0; i < 2; i++) {
		region[i].b_end += end - region[i].a_end;
		region[i].a_end = end;
	}
}

static bool region_agrees(const struct merging *m, const struct unit_hunk region[2])
{
	size_t n = region[0].b_end - region[0].b;

	return n == region[1].b_end - region[1].b &&
	       (n == 0 ||
		memcmp(m->side[0].units->ids + region[0].b, m->side[1].units->ids + region[1].b,
		       n * sizeof(*m->base->ids)) == 0);
}

/* Write what is merged, or find its length. False: a conflict. */
static bool merge_walk(struct merging *m, uint8_t *to)
{
	struct unit_hunk region[2];

	m->to = to;
	m->len = m->done = 0;
	side_start(&m->side[0]);
	side_start(&m->side[1]);
	while (m->side[0].more || m->side[1].more) {
		int i = stands_alone(m, 0) ? 0 : 1;
		struct side *s = &m->side[i];
		if (stands_alone(m, i)) {
			put_hunk(m, s->units, &s->hunk);
			s->more = unit_hunk_next(&s->changes, &s->hunk);
			continue;
		}
		region_take(m, region);
		if (!region_agrees(m, region))
			return false;
		put_hunk(m, m->side[0].units, &region[0]);
	}
	put(m, m->base, m->done, m->base->n);
	return true;
}

static bool merge_units(struct unit_work *work, const struct bytes texts[3], struct arena *arena,
			struct bytes *out)
{
	struct units units[3];
	struct merging m = {.base = &units[0]};

	if (!units_read(work, texts, units, 3))
		return false;
	for (int i = 0; i < 2; i++) {
		m.side[i].units = &units[i + 1];
		if (!units_compare(work, &units[0], &units[i + 1], &m.side[i].changes))
			return false;
	}
	if (!merge_walk(&m, NULL) || m.len > MERGE_TEXT_MAX)
		return false;
	uint8_t *to = arena_try_alloc(arena, m.len);
	*out = BYTES(to, m.len);
	return to && merge_walk(&m, to);
}

int merge_text(struct bytes base, struct bytes ours, struct bytes theirs, struct arena *arena,
	       struct bytes *out)
{
	const struct bytes texts[3] = {base, ours, theirs};
	struct unit_work work;

	if (base.len > MERGE_TEXT_MAX || ours.len > MERGE_TEXT_MAX || theirs.len > MERGE_TEXT_MAX)
		return 0;
	if (bytes_equal(base, ours) || bytes_equal(ours, theirs)) {
		*out = theirs;
		return 1;
	}
	if (bytes_equal(base, theirs)) {
		*out = ours;
		return 1;
	}
	unit_work_init(&work);
	bool merged = merge_units(&work, texts, arena, out);
	unit_work_fini(&work);
	return merged;
}
