/*
 * The morning after a holiday: many devices that were away come back within a minute, each with
 * edits that wait, and each must hear of all that the others did before its own are answered.
 *
 *	herd DIR FILE HOST:PORT EDITS SECONDS
 *
 * FILE is what `sessions enrol` wrote. Half of each device's edits are notes of its own, half
 * disagree with the others' about a hundred actions. Each device connects by itself, evenly over
 * SECONDS, and is done when all its edits are entries that it was fed. Prints the slowest and the
 * median in seconds from dialling to the last answer.
 */
#include "common/change.h"
#include "common/fields.h"
#include "common/os.h"
#include "common/schema.h"
#include "tests/bench/device.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ACTIONS = 100, MOST_EDITS = 256, ACTION_TEXT = 3, NOTE_TEXT = 3 };

struct herd {
	struct devices all;
	struct known known;
	struct id space, actions[ACTIONS];
	uint64_t began_us, over_us;
	int edits;
};

struct one {
	struct herd *herd;
	pthread_t thread;
	int i;
	uint64_t took_us;
};

static struct known *head_of(struct herd *h, size_t *at)
{
	for (*at = 0; *at < h->known.n; (*at)++)
		if (id_equal(&h->known.spaces[*at], &h->space))
			return &h->known;
	give_up("the partnership's space is not there", NULL);
}

/* One change of one record: its bytes go to `out`. */
static struct id write_change(struct herd *h, uint32_t type, const struct id *record, bool create,
			      const char *text, uint32_t field, struct buf *out)
{
	struct buf set = {0};
	size_t at;
	struct known *k = head_of(h, &at);
	struct base bases[2] = {{0}};
	struct edit e = {.type = type, .record = *record, .bases = bases, .n_bases = 1};
	struct change c = {.id = id_make(os_env()),
			   .space = h->space,
			   .seen_epoch = k->epoch[at],
			   .seen_number = k->have[at],
			   .edits = &e,
			   .n_edits = 1};

	field_add_text(&set, field, text);
	bases[0] = (struct base){field, base_digest(BYTES_NONE)};
	e.effect = (struct effect){.existence = create ? LIVE : -1, .set = buf_bytes(&set)};
	change_write(&c, out);
	buf_fini(&set);
	return c.id;
}

/* The edits of one device; their ids, and the message that pushes them. */
static void push(struct herd *h, int who, struct device *d, struct id *ids)
{
	Wire__Push m = WIRE__PUSH__INIT;
	struct buf bytes[MOST_EDITS] = {{0}};
	ProtobufCBinaryData changes[MOST_EDITS];

	for (int i = 0; i < h->edits; i++) {
		struct id note = id_make(os_env());
		char text[120];
		snprintf(text, sizeof(text), "School %d has done its part number %d as it was agreed.", who, i);
		ids[i] = i % 2 ? write_change(h, TYPE_ACTION, &h->actions[(who + i) % ACTIONS], false, text,
					      ACTION_TEXT, &bytes[i])
			       : write_change(h, TYPE_NOTE, &note, true, text, NOTE_TEXT, &bytes[i]);
		changes[i] = PB_BYTES(buf_bytes(&bytes[i]));
	}
	m.n_changes = (size_t)h->edits;
	m.changes = changes;
	device_send(d, WIRE__KIND__PUSH, &m.base);
	for (int i = 0; i < h->edits; i++)
		buf_fini(&bytes[i]);
}

/* How many of the changes are entries of this feed? */
static int count_fed(const Wire__Feed *m, const struct id *ids, int n, struct arena *arena)
{
	int found = 0;

	for (size_t i = 0; i < m->n_entries; i++) {
		struct header header;
		if (header_read(&header, BYTES_OF(m->entries[i]->header), arena) < 0)
			give_up("an entry can't be read", NULL);
		for (int k = 0; k < n; k++)
			found += id_equal(&header.change, &ids[k]);
	}
	return found;
}

static _Noreturn void give_up_at(const struct frame *f, struct arena *arena)
{
	struct cause cause = {{0}};
	const char *words = NULL;

	if (f->kind == WIRE__KIND__BYE) {
		Wire__Bye *m = (Wire__Bye *)frame_unpack(f, &wire__bye__descriptor, arena, &cause);
		words = m ? m->words : NULL;
	} else if (f->kind == WIRE__KIND__VERDICTS) {
		Wire__Verdicts *m =
			(Wire__Verdicts *)frame_unpack(f, &wire__verdicts__descriptor, arena, &cause);
		words = m && m->n_judged ? m->judged[0]->words : NULL;
	}
	snprintf(cause.words, sizeof(cause.words), "message %u, %s", f->kind, words ? words : "no words");
	give_up("an edit is not taken", &cause);
}

/* Wait until all of them are answered by the feed; a verdict here would be a refusal. */
static void wait_answers(struct device *d, size_t used, const struct id *ids, int n)
{
	struct arena arena;

	arena_init(&arena, ARENA_NO_BUDGET);
	for (int left = n; left > 0; arena_reset(&arena)) {
		struct frame f = device_frame(d, &used);
		struct cause cause = {{0}};
		if (f.kind == WIRE__KIND__VERDICTS || f.kind == WIRE__KIND__DEFERRED ||
		    f.kind == WIRE__KIND__BYE)
			give_up_at(&f, &arena);
		if (f.kind != WIRE__KIND__FEED)
			continue;
		Wire__Feed *m = (Wire__Feed *)frame_unpack(&f, &wire__feed__descriptor, &arena, &cause);
		if (!m)
			give_up("a feed can't be read", &cause);
		left -= count_fed(m, ids, n, &arena);
	}
	arena_fini(&arena);
}

static void come_back(struct herd *h, int i)
{
	struct device d = {.ssl = NULL};
	struct id ids[MOST_EDITS];
	size_t used = 0;

	device_dial(&d, &h->all, i);
	device_hello(&d, &h->known);
	struct frame f = device_frame(&d, &used);
	if (f.kind != WIRE__KIND__WELCOME)
		give_up("no welcome", NULL);
	push(h, i, &d, ids);
	wait_answers(&d, used, ids, h->edits);
	device_close(&d);
}

static void *device_run(void *arg)
{
	struct one *one = arg;
	struct herd *h = one->herd;
	uint64_t start = h->began_us + h->over_us * (uint64_t)one->i / (uint64_t)h->all.n;
	uint64_t now = os_monotonic_us();

	if (start > now)
		usleep((useconds_t)(start - now));
	now = os_monotonic_us();
	come_back(h, one->i);
	one->took_us = os_monotonic_us() - now;
	return NULL;
}

/* The actions that all will edit, and then the heads that all have seen. */
static void prepare(struct herd *h)
{
	struct device d = {.ssl = NULL};
	struct id ids[MOST_EDITS];
	struct buf bytes[ACTIONS] = {{0}};
	ProtobufCBinaryData changes[ACTIONS];
	Wire__Push m = WIRE__PUSH__INIT;

	h->space = id_partnership(&h->known.area);
	device_dial(&d, &h->all, 0);
	device_learn(&d, &h->known);
	for (int i = 0; i < ACTIONS; i++) {
		h->actions[i] = id_make(os_env());
		ids[i] = write_change(h, TYPE_ACTION, &h->actions[i], true, "1.1", 2, &bytes[i]);
		changes[i] = PB_BYTES(buf_bytes(&bytes[i]));
	}
	m.n_changes = ACTIONS;
	m.changes = changes;
	device_send(&d, WIRE__KIND__PUSH, &m.base);
	wait_answers(&d, 0, ids, ACTIONS);
	device_close(&d);
	device_dial(&d, &h->all, 0);
	h->known.n = 0;
	device_learn(&d, &h->known);
	device_close(&d);
	for (int i = 0; i < ACTIONS; i++)
		buf_fini(&bytes[i]);
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct one *)a)->took_us, y = ((const struct one *)b)->took_us;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct herd h;
	static struct one ones[DEVICES];
	struct rlimit limit = {DEVICES + 100, DEVICES + 100};
	pthread_attr_t attr;

	if (argc != 6 || atoi(argv[4]) > MOST_EDITS) {
		fprintf(stderr, "usage: herd DIR FILE HOST:PORT EDITS SECONDS\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	devices_read(&h.all, &h.known, argv[1], argv[2], argv[3]);
	h.edits = atoi(argv[4]);
	h.over_us = strtoull(argv[5], NULL, 10) * 1000000;
	prepare(&h);
	h.began_us = os_monotonic_us();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (int i = 0; i < h.all.n; i++) {
		ones[i] = (struct one){.herd = &h, .i = i};
		if (pthread_create(&ones[i].thread, &attr, device_run, &ones[i]) != 0)
			give_up("no thread", NULL);
	}
	for (int i = 0; i < h.all.n; i++)
		pthread_join(ones[i].thread, NULL);
	qsort(ones, (size_t)h.all.n, sizeof(*ones), by_time);
	printf("herd_s=%.2f\n", (double)ones[h.all.n - 1].took_us / 1e6);
	printf("herd_median_s=%.2f\n", (double)ones[h.all.n / 2].took_us / 1e6);
	return 0;
}
