/*
 * What can be told, and what not. A log is a header, then frames: a page each, with two salts that
 * are those of the header until the log begins anew, and a checksum that goes on from the frame
 * before. A transaction's last frame says so. SQLite reads up to the first frame that does not
 * follow, and drops all behind the last whole transaction before it.
 *
 * Each commit is synced before it is acknowledged (synchronous=FULL), and the next is written only
 * then. So a power cut can spoil the last transaction alone: of its frames any may be missing. A
 * writer that gave up, or was killed, may leave frames behind that end; the next one writes over
 * some of them. In neither case does a frame follow, by its checksum, from one that ended a
 * transaction: who wrote it had found that transaction whole. Where one stands behind the first bad
 * frame, what was saved has been damaged, and each such end counts.
 *
 * Not told from a power cut, and so not reported: damage to the last transaction of all, a log that
 * was cut short or is gone. Told although nobody was promised anything: a writer killed between
 * writing and syncing, then a power cut before another's sync has ended.
 *
 * What stands behind damage stays there after others have written over its beginning, until the log
 * begins anew: it is told until then.
 */
#include "common/db_log.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	HEAD = 32,
	FRAME_HEAD = 24,
	MAGIC = 0x377f0682, /* and 1 where words are big-endian */
	VERSION = 3007000,
	PAGE = 4096, /* ours, where the header does not say */
	PAGE_MOST = 65536,
	SECTOR = 512, /* what a disk writes whole, or not at all */
	SCANS = 3,
};

struct sum {
	uint32_t a, b;
};

struct log {
	db_log_read read;
	void *arg;
	uint8_t head[HEAD];
	bool whole; /* the header */
	bool big;
	size_t page;
	uint8_t salts[8];
	uint8_t *frame;
};

/* What a look through a log found. */
struct found {
	uint64_t bad; /* the first frame that does not follow */
	unsigned lost;
};

static uint32_t word_at(const uint8_t *p, bool big)
{
	return big ? read_u32be(p)
		   : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* `n` is a multiple of 8. */
static struct sum sum_on(struct sum s, const uint8_t *p, size_t n, bool big)
{
	for (size_t i = 0; i < n; i += 8) {
		s.a += word_at(p + i, big) + s.b;
		s.b += word_at(p + i + 4, big) + s.a;
	}
	return s;
}

static struct sum sum_stored(const uint8_t *p)
{
	return (struct sum){read_u32be(p), read_u32be(p + 4)};
}

static bool sum_equal(struct sum x, struct sum y)
{
	return x.a == y.a && x.b == y.b;
}

static uint64_t frame_at(const struct log *l, uint64_t n)
{
	return HEAD + (n - 1) * (FRAME_HEAD + l->page);
}

/* False: there is nothing to look at. */
static bool log_open(struct log *l)
{
	const uint8_t *h = l->head;
	uint8_t first[FRAME_HEAD];

	if (!l->read(l->arg, 0, l->head, HEAD))
		return false;
	l->page = read_u32be(h + 8);
	l->big = (read_u32be(h) & 1) != 0;
	l->whole = (read_u32be(h) & ~1u) == MAGIC && read_u32be(h + 4) == VERSION &&
		   l->page >= 512 && l->page <= PAGE_MOST && (l->page & (l->page - 1)) == 0 &&
		   sum_equal(sum_on((struct sum){0, 0}, h, 24, l->big), sum_stored(h + 24));
	memcpy(l->salts, h + 16, sizeof(l->salts));
	if (l->whole)
		return true;
	/* It is synced before any frame is written: what the frames say counts. */
	l->page = PAGE;
	/* as SQLite writes it here */
	l->big = word_at((const uint8_t *)&(uint32_t){1}, false) != 1;
	if (!l->read(l->arg, HEAD, first, FRAME_HEAD))
		return false;
	memcpy(l->salts, first + 8, sizeof(l->salts));
	return true;
}

static struct found log_look(struct log *l)
{
	struct found found = {.bad = l->whole ? 0 : 1};
	struct sum before = sum_stored(l->head + 24);
	bool before_ends = false; /* the frame before ended a transaction */

	for (uint64_t n = 1;
	     l->read(l->arg, frame_at(l, n), l->frame, FRAME_HEAD + l->page); n++) {
		const uint8_t *f = l->frame;
		struct sum sum = sum_on(sum_on(before, f, 8, l->big), f + FRAME_HEAD, l->page,
					l->big);
		bool ours = memcmp(f + 8, l->salts, sizeof(l->salts)) == 0;
		before = sum_stored(f + 16);
		bool follows = ours && sum_equal(sum, before) && (n > 1 || l->whole);
		if (found.bad == 0 && !follows)
			found.bad = n;
		else if (found.bad > 0 && follows && before_ends)
			found.lost++;
		/* Of a frame that does not follow, the header is believed if the next follows from
		 * its checksum; not where another sector holds the rest of it. */
		before_ends = ours && read_u32be(f + 4) != 0 &&
			      (follows || frame_at(l, n) % SECTOR <= SECTOR - FRAME_HEAD);
	}
	return found;
}

/* Somebody may have been writing at the frame that looked bad: then it is good by now. */
unsigned db_log_lost(db_log_read read, void *arg)
{
	struct log l = {.read = read, .arg = arg};
	struct found last = {0}, found;
	uint8_t head[HEAD];

	l.frame = mem_alloc(FRAME_HEAD + PAGE_MOST);
	for (int i = 0; i < SCANS; i++) {
		memcpy(head, l.head, HEAD);
		found = log_open(&l) ? log_look(&l) : (struct found){0};
		bool same = i > 0 && found.bad == last.bad && memcmp(head, l.head, HEAD) == 0;
		last = found;
		if (found.lost == 0 || same)
			break;
		last.lost = 0;
	}
	free(l.frame);
	return last.lost;
}
