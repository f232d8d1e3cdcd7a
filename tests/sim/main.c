/*
 * The simulator: many small worlds, each from a seed. In the check mode a test line for every hundred
 * seeds; one seed alone is told as it goes. The same seed twice must give the same trace.
 */
#include "common/log.h"
#include "tests/sim/world.h"
#include "tests/tap.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 100, TAIL = 40 };

struct options {
	uint64_t from, seeds, only;
	unsigned actions;
	bool verbose, one;
	const char *list;     /* a file of seeds that were bad once */
	struct image *blank;  /* what copies begin from */
	unsigned part, parts; /* this process runs blocks part, part + parts, ... */
};

struct totals {
	uint64_t worlds, entries, made, refused, conflicts, merged, repeats, cuts, events;
	uint64_t kept, lost, torn;
};

/* The world that is running, for the one who is told of an abort. */
static struct world *running;
static struct totals totals;

static void on_abort(int sig)
{
	/* Not safe in general; the process is lost anyhow, and the seed is what matters. */
	if (running) {
		fprintf(stderr,
			"# it ended by signal %d in seed %" PRIu64 "; again: make sim SEED=%" PRIu64
			"\n",
			sig, running->seed, running->seed);
		trace_tail(&running->trace, 10);
	}
	fflush(stdout);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void quiet_log(enum log_level level, const char *line)
{
	if (running && level <= LOG_WARN)
		trace_line(&running->trace, "log: %s",
			   strchr(line, ' ') ? strchr(line, ' ') + 1 : line);
}

static void add_totals(const struct world *w)
{
	const struct disk_counts *c = disk_counts(w->disk);
	totals.worlds++;
	totals.made += w->n_made;
	for (size_t i = 0; i < w->book.n_spaces; i++)
		totals.entries += w->book.spaces[i]->n;
	totals.conflicts += w->book.conflicts;
	totals.merged += w->book.merged;
	totals.repeats += w->book.repeats;
	totals.cuts += w->net.cut;
	totals.events += w->queue.orders;
	totals.kept += c->kept;
	totals.lost += c->lost;
	totals.torn += c->torn;
}

/* Run one world; true if all was right. `hash` is its trace's. */
static bool run_seed(const struct options *o, uint64_t seed, uint64_t *hash)
{
	struct world *w = mem_alloc(sizeof(*w));
	running = w;
	world_init(w, seed, o->blank, o->verbose);
	if (!w->failed)
		actions_run(w, o->actions);
	oracle_calm(w);
	*hash = w->trace.hash;
	bool good = !w->failed;
	if (!good) {
		fprintf(stderr, "# seed %" PRIu64 ": %s\n", seed, w->fault);
		if (!o->verbose)
			trace_tail(&w->trace, TAIL);
		fprintf(stderr, "# again: make sim SEED=%" PRIu64 " ACTIONS=%u\n", seed,
			o->actions);
	}
	add_totals(w);
	world_fini(w);
	running = NULL;
	free(w);
	return good;
}

/* The same seed twice is the same world: else no failure could be repeated. */
static bool run_twice(const struct options *o, uint64_t seed)
{
	uint64_t first = 0, second = 0;
	struct options quiet = *o;
	quiet.verbose = false;
	bool good = run_seed(&quiet, seed, &first) && run_seed(&quiet, seed, &second);
	if (good && first != second)
		fprintf(stderr,
			"# seed %" PRIu64 " gave two traces, %016" PRIx64 " and %016" PRIx64 "\n",
			seed, first, second);
	return good && first == second;
}

static void run_blocks(const struct options *o)
{
	uint64_t hash = 0;
	unsigned block = 0;
	for (uint64_t at = 0; at < o->seeds; at += BLOCK, block++) {
		uint64_t n = o->seeds - at < BLOCK ? o->seeds - at : BLOCK, first = o->from + at,
			 bad = 0;
		if (block % o->parts != o->part)
			continue;
		for (uint64_t seed = first; seed < first + n && bad < 3; seed++)
			bad += !run_seed(o, seed, &hash);
		ok(bad == 0,
		   "seeds %" PRIu64 " to %" PRIu64 ": nothing lost, nothing doubled, all equal",
		   first, first + n - 1);
		ok(run_twice(o, first), "seed %" PRIu64 " again gives the same trace", first);
	}
}

/* Seeds that found a fault once, always tried again. */
static void run_list(const struct options *o)
{
	FILE *f = fopen(o->list, "r");
	char line[200];
	uint64_t seed, hash = 0;
	unsigned actions, n = 0;
	struct options own = *o;
	ok(f != NULL, "the list of seeds that were bad once can be read");
	while (f && fgets(line, sizeof(line), f)) {
		int got = sscanf(line, "%" SCNu64 " %u", &seed, &actions);
		if (got < 1 || n++ % o->parts != o->part)
			continue;
		own.actions = got == 2 ? actions : o->actions;
		line[strcspn(line, "\n")] = 0;
		ok(run_seed(&own, seed, &hash), "seed %s", line);
	}
	if (f)
		fclose(f);
}

static void print_count(void *arg, const char *name, uint64_t n)
{
	(void)arg;
	printf(" %s %" PRIu64 ",", name, n);
}

static void print_totals(double seconds)
{
	note("%" PRIu64 " worlds: %" PRIu64 " changes made, %" PRIu64 " entries, %" PRIu64
	     " conflicts, %" PRIu64 " merged, %" PRIu64 " repeats, %" PRIu64
	     " lines cut, sectors %" PRIu64 " kept %" PRIu64 " lost %" PRIu64 " torn, %" PRIu64
	     " events in %.1f s",
	     totals.worlds, totals.made, totals.entries, totals.conflicts, totals.merged,
	     totals.repeats, totals.cuts, totals.kept, totals.lost, totals.torn, totals.events,
	     seconds);
	printf("# actions:");
	actions_counts(print_count, NULL);
	printf("\n");
}

/* "check PART PARTS": what `make check` runs, in PARTS processes; the first is 1. */
static bool read_check(struct options *o, int argc, char **argv)
{
	if (argc != 4)
		return false;
	o->list = "tests/sim/seeds";
	o->part = (unsigned)strtoul(argv[2], NULL, 10) - 1;
	o->parts = (unsigned)strtoul(argv[3], NULL, 10);
	return o->part < o->parts;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	int c;
	*o = (struct options){.from = 1, .seeds = 500, .actions = 100, .parts = 1};
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return read_check(o, argc, argv);
	while ((c = getopt(argc, argv, "s:n:f:a:l:p:v")) != -1) {
		switch (c) {
		case 's':
			o->only = strtoull(optarg, NULL, 10);
			o->one = true;
			break;
		case 'n':
			o->seeds = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			o->from = strtoull(optarg, NULL, 10);
			break;
		case 'a':
			o->actions = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			o->list = optarg;
			break;
		case 'p':
			if (sscanf(optarg, "%u/%u", &o->part, &o->parts) != 2 || o->parts == 0)
				return false;
			break;
		case 'v':
			o->verbose = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* One thread, and memory that is kept for the next world. */
static void quicken(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
}

int main(int argc, char **argv)
{
	struct options o;
	struct timespec from, to;
	uint64_t hash = 0;
	if (!read_options(&o, argc, argv)) {
		fprintf(stderr, "usage: sim check PART PARTS, or\n"
				"       sim [-s SEED] [-n SEEDS] [-f FROM] [-a ACTIONS] [-l LIST] "
				"[-p PART/PARTS] "
				"[-v]\n");
		return 2;
	}
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	log_sink_set(quiet_log);
	clock_gettime(CLOCK_MONOTONIC, &from);
	quicken();
	o.blank = blank_make("/tmp");
	if (o.one) {
		bool good = run_seed(&o, o.only, &hash);
		ok(good, "seed %" PRIu64 " (trace %016" PRIx64 ")", o.only, hash);
	} else {
		if (o.list)
			run_list(&o);
		run_blocks(&o);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_totals((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	image_free(&o.blank);
	return tap_end();
}
