/*
 * Limits of documents: see quota.h. The limits are read anew when the space `admin` has a new
 * entry. A file that is on its way counts with what its school uses, so that many at once can't
 * pass.
 */
#include "server/quota.h"

#include "common/amount.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/access.h"
#include "server/lane.h"
#include "server/said.h"
#include "server/session.h"
#include "server/shelf.h"
#include "server/turn.h"

#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

/* 0: there is no such limit. */
struct limits {
	uint64_t file, school, area;
};

struct usage {
	struct id school;
	uint64_t bytes;
};

struct quota {
	struct area *area;
	struct limits all;    /* of the area, and of schools that have none of their own */
	uint64_t read_number; /* of `admin`, when they were read */
	bool on, read, counted;
	struct usage *schools;
	size_t n, cap;
	uint64_t bytes; /* of all */
};

struct quota *quota_new(struct area *a)
{
	struct quota *q = mem_alloc(sizeof(*q));

	q->area = a;
	return q;
}

void quota_free(struct quota **quota)
{
	if (*quota)
		free((*quota)->schools);
	free(*quota);
	*quota = NULL;
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void limit_take(struct limits *out, const Records__Limit *m)
{
	if (m->has_file_bytes)
		out->file = m->file_bytes;
	if (m->has_school_bytes)
		out->school = m->school_bytes;
	if (m->has_area_bytes)
		out->area = m->area_bytes;
}

static int limit_read(struct quota *q, const char *reference, struct limits *out)
{
	struct arena arena;
	struct record r;

	arena_init(&arena, ARENA_NO_BUDGET);
	int got = said_record(q->area, TYPE_LIMIT, reference, &arena, &r);
	const Records__Limit *m =
		got > 0 ? record_message(&r, &records__limit__descriptor, &arena) : NULL;
	if (m)
		limit_take(out, m);
	arena_fini(&arena);
	return got < 0 ? got : 0;
}

/* What holds for every school. */
static int quota_read(struct quota *q)
{
	const struct space *space = journal_space(q->area->journal, &q->area->admin);

	if (!space || (q->read && q->read_number == space->number))
		return 0;
	q->all = (struct limits){0};
	int err = said_any(q->area, TYPE_LIMIT);
	q->on = err > 0;
	if (q->on)
		err = limit_read(q, "all", &q->all);
	q->read = err >= 0;
	q->read_number = space->number;
	return err < 0 ? err : 0;
}

bool quota_is_on(struct quota *q)
{
	return quota_read(q) == 0 && q->on;
}

/* What holds for one. */
static int quota_limits(struct quota *q, const struct id *school, struct limits *out)
{
	char text[ID_TEXT];
	int err = quota_read(q);

	*out = q->all;
	return err < 0 || !q->on ? err : limit_read(q, id_format(school, text), out);
}

/* ---- Use ------------------------------------------------------------------------------------ */

static uint64_t *usage_of(struct quota *q, const struct id *school)
{
	for (size_t i = 0; i < q->n; i++)
		if (id_equal(&q->schools[i].school, school))
			return &q->schools[i].bytes;
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 16;
		q->schools = mem_resize(q->schools, q->cap * sizeof(*q->schools));
	}
	q->schools[q->n] = (struct usage){*school, 0};
	return &q->schools[q->n++].bytes;
}

static int usage_row(void *arg, const struct id *device, uint64_t bytes)
{
	struct quota *q = arg;
	struct id school = access_school(q->area->access, device);

	*usage_of(q, &school) += bytes;
	q->bytes += bytes;
	return 0;
}

static int quota_count(struct quota *q)
{
	if (q->counted)
		return 0;
	q->n = 0;
	q->bytes = 0;
	int err = journal_each_version(q->area->journal, usage_row, q);
	if (err >= 0)
		err = shelf_each_delivered(q->area->shelf, usage_row, q);
	q->counted = err >= 0 && !q->area->recovery.on;
	return err < 0 ? err : 0;
}

void quota_add(struct quota *q, const struct id *device, uint64_t bytes)
{
	if (q->counted)
		usage_row(q, device, bytes);
}

void quota_forget(struct quota *q)
{
	q->counted = q->read = false;
}

/* ---- Asking --------------------------------------------------------------------------------- */

static uint64_t free_of(uint64_t limit, uint64_t used)
{
	return used < limit ? limit - used : 0;
}

static int quota_over(struct cause *cause, const char *whose, uint64_t used, uint64_t limit,
		      uint64_t bytes)
{
	char u[AMOUNT_WORDS], l[AMOUNT_WORDS], f[AMOUNT_WORDS], b[AMOUNT_WORDS];

	return cause_set(cause, ERR_LIMIT, "%s use %s of %s: %s free, and this one has %s", whose,
			 amount_words(u, used), amount_words(l, limit),
			 amount_words(f, free_of(limit, used)), amount_words(b, bytes));
}

int quota_check(struct quota *q, const struct id *device, uint64_t bytes, struct cause *cause)
{
	struct id school = access_school(q->area->access, device);
	struct limits limits;
	char b[AMOUNT_WORDS], l[AMOUNT_WORDS];
	int err = quota_limits(q, &school, &limits);

	if (err < 0 || !q->on)
		return err;
	if (limits.file && bytes > limits.file)
		return cause_set(cause, ERR_LIMIT, "the document has %s, and a file may have %s",
				 amount_words(b, bytes), amount_words(l, limits.file));
	if ((err = quota_count(q)) < 0)
		return err;
	uint64_t used = *usage_of(q, &school) + lane_offered(q->area, &school);
	if (limits.school && bytes > free_of(limits.school, used))
		return quota_over(cause, "your school's documents", used, limits.school, bytes);
	/* To the MiB, as sessions are told: what others do in detail is not theirs to know. */
	used = q->bytes + lane_offered(q->area, NULL);
	if (limits.area && bytes > free_of(limits.area, used))
		return quota_over(cause, "the documents of all schools",
				  (used + MIB - 1) / MIB * MIB, limits.area, bytes);
	return 0;
}

/* ---- Telling -------------------------------------------------------------------------------- */

static void tell_fill(struct quota *q, const struct limits *l, uint64_t used, Wire__Limits *m)
{
	uint64_t school = free_of(l->school, used);
	uint64_t area = free_of(l->area, q->bytes) / MIB * MIB;

	m->has_file_bytes = l->file > 0;
	m->file_bytes = l->file;
	m->has_school_bytes = l->school > 0;
	m->school_bytes = l->school;
	m->has_used_bytes = true;
	m->used_bytes = used;
	m->has_free_bytes = l->school > 0 || l->area > 0;
	m->free_bytes = !l->school ? area : !l->area || school < area ? school : area;
}

static int tell_one(struct quota *q, struct session *s)
{
	struct id school = access_school(q->area->access, &s->device);
	Wire__Limits m = WIRE__LIMITS__INIT;
	struct limits limits;
	int err = quota_limits(q, &school, &limits);

	if (err == 0 && q->on)
		err = quota_count(q);
	if (err < 0)
		return err;
	if (q->on)
		tell_fill(q, &limits, *usage_of(q, &school), &m);
	struct session_limits is = {q->on, m.file_bytes, m.school_bytes, m.used_bytes,
				    m.free_bytes};
	if (memcmp(&is, &s->limits, sizeof(is)) == 0)
		return 0;
	s->limits = is;
	link_send(s->link, WIRE__KIND__LIMITS, &m.base, BYTES_NONE);
	return 0;
}

int quota_tell(struct quota *q)
{
	int err = quota_read(q);

	for (size_t i = 0; i < q->area->n_sessions && err == 0; i++) {
		struct session *s = q->area->sessions[i];
		if ((q->on || s->limits.on) && s->state == SESSION_READY && !s->lost)
			err = tell_one(q, s);
	}
	return err;
}
