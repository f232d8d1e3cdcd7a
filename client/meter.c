/* How far something is: see meter.h. */
#include "client/meter.h"

#include "client/json.h"
#include "client/screen.h"
#include "common/os.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { REDRAW_US = 100 * 1000, JSON_US = 500 * 1000, SETTLED_US = 300 * 1000 };

void meter_begin(struct meter *m, const char *verb, bool json, bool quiet)
{
	*m = (struct meter){.verb = verb, .json = json, .began_us = os_monotonic_us()};
	if (!quiet && (json || os_is_terminal(stderr)))
		m->stream = stderr;
	m->told_us = json ? m->began_us : 0; /* a person sees at once that it goes on */
}

void meter_expect(struct meter *m, uint64_t items, uint64_t bytes)
{
	m->items_all = items;
	m->all = bytes;
}

static uint64_t meter_done(const struct meter *m)
{
	uint64_t done = m->done + m->item_done;
	return done < m->all ? done : m->all;
}

/* Bytes a second; 0: it can't be told yet. */
static uint64_t meter_rate(uint64_t done, uint64_t us)
{
	return us < SETTLED_US ? 0 : (uint64_t)((double)done * 1e6 / (double)us);
}

static void left_words(char *out, size_t size, uint64_t s)
{
	if (s < 100)
		snprintf(out, size, "%" PRIu64 " s", s);
	else if (s < 100 * 60)
		snprintf(out, size, "%" PRIu64 " min", (s + 30) / 60);
	else
		snprintf(out, size, "%" PRIu64 " h", (s + 1800) / 3600);
}

void meter_words(char *out, size_t size, uint64_t done, uint64_t all, uint64_t us)
{
	struct arena arena;
	uint64_t rate = meter_rate(done, us);
	char left[32];

	arena_init(&arena, ARENA_NO_BUDGET);
	int n = snprintf(out, size, "%s of %s", screen_size(&arena, done),
			 screen_size(&arena, all));
	if (rate > 0 && n > 0 && (size_t)n < size) {
		left_words(left, sizeof(left), (all - done + rate - 1) / rate);
		snprintf(out + n, size - (size_t)n, ", %s/s, %s left", screen_size(&arena, rate),
			 left);
	}
	arena_fini(&arena);
}

static void meter_draw(struct meter *m)
{
	char words[160], count[64] = "";
	uint64_t done = meter_done(m);
	int width = os_terminal_width(m->stream);

	if (m->items_all > 1)
		snprintf(count, sizeof(count), " %" PRIu64 " of %" PRIu64, m->items + 1,
			 m->items_all);
	meter_words(words, sizeof(words), done, m->all, os_monotonic_us() - m->began_us);
	int percent = m->all ? (int)(100.0 * (double)done / (double)m->all) : 100;
	struct buf b = {0};
	buf_add_text(&b, "%s%s: %3d %%, %s", m->verb, count, percent, words);
	if (m->item)
		buf_add_text(&b, "  %s", m->item);
	int n = (int)b.len < width - 1 ? (int)b.len : width - 1;
	while (n > 0 && n < (int)b.len && (b.data[n] & 0xc0) == 0x80)
		n--;
	fprintf(m->stream, "\r%.*s\033[K", n, (const char *)b.data);
	fflush(m->stream);
	m->shown = true;
	buf_fini(&b);
}

static void meter_print(struct meter *m)
{
	uint64_t done = meter_done(m), rate = meter_rate(done, os_monotonic_us() - m->began_us);
	json_t *o = json_object();

	if (m->item) {
		json_object_set_new(o, "file", json_text(BYTES(m->item, strlen(m->item))));
		json_object_set_new(o, "file_done", json_integer((json_int_t)m->item_done));
		json_object_set_new(o, "file_bytes", json_integer((json_int_t)m->item_all));
	}
	if (m->items_all) {
		json_object_set_new(o, "files_done", json_integer((json_int_t)m->items));
		json_object_set_new(o, "files", json_integer((json_int_t)m->items_all));
	}
	json_object_set_new(o, "done", json_integer((json_int_t)done));
	json_object_set_new(o, "bytes", json_integer((json_int_t)m->all));
	json_object_set_new(o, "rate", rate ? json_integer((json_int_t)rate) : json_null());
	json_object_set_new(
		o, "left_s",
		rate ? json_integer((json_int_t)((m->all - done + rate - 1) / rate)) : json_null());
	json_t *all = json_pack("{s:o}", "progress", o);
	char *line = json_dumps(all, JSON_COMPACT);
	if (line)
		fprintf(m->stream, "%s\n", line);
	free(line);
	json_decref(all);
}

/* `now`: whatever the time since the last. */
static void meter_tell(struct meter *m, bool now)
{
	uint64_t us = os_monotonic_us();

	if (!m->stream || (!now && us - m->told_us < (m->json ? JSON_US : REDRAW_US)))
		return;
	m->told_us = us;
	if (m->json)
		meter_print(m);
	else
		meter_draw(m);
}

void meter_item(struct meter *m, const char *name, uint64_t bytes)
{
	m->item = name;
	m->item_done = 0;
	m->item_all = bytes;
	meter_tell(m, false);
}

void meter_move(struct meter *m, uint64_t done, uint64_t all)
{
	m->item_done = done;
	if (m->item) {
		m->item_all = all;
	} else {
		m->all = all;
	}
	meter_tell(m, false);
}

void meter_item_end(struct meter *m)
{
	m->item_done = m->item_all;
	m->items++;
	if (m->json)
		meter_tell(m, true);
	m->done += m->item_all;
	m->item_done = m->item_all = 0;
	m->item = NULL;
}

void meter_hide(struct meter *m)
{
	if (m->shown)
		fputs("\r\033[K", m->stream);
	m->shown = false;
}

void meter_end(struct meter *m)
{
	meter_hide(m);
	m->stream = NULL;
}
