/*
 * The simulator: many small worlds, each from a seed. In the check mode a test line for every hundred
 * seeds; one seed alone is told as it goes. The same seed twice must give the same trace.
 */
#include "common/log.h"
#include "tests/sim/ledger.h"
#include "tests/sim/run.h"
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
	bool verbose, one, until_caught;
	unsigned shrinks;     /* how many failing seeds are to be made short */
	const char *list;     /* a file of seeds that were bad once */
	const char *ledger, *commit;
	struct image *blank;  /* what copies begin from */
	unsigned part, parts; /* this process runs blocks part, part + parts, ... */
};

struct totals {
	uint64_t worlds, entries, made, refused, conflicts, merged, texts, repeats, sealed, cuts, events;
	uint64_t kept, lost, torn, releases, sure_releases;
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
	totals.texts += w->book.texts;
	totals.repeats += w->book.repeats;
	totals.sealed += w->book.sealed;
	totals.releases += w->releases;
	totals.sure_releases += w->sure_releases;
	totals.cuts += w->net.cut;
	totals.events += w->queue.orders;
	totals.kept += c->kept;
	totals.lost += c->lost;
	totals.torn += c->torn;
}

bool run_world(const struct run *r, uint64_t *hash, char fault[FAULT_WORDS])
{
	struct world *w = mem_alloc(sizeof(*w));
	running = w;
	world_init(w, r->seed, r->blank, r->verbose);
	if (!w->failed)
		actions_run(w, r->actions, r->left_out);
	oracle_calm(w);
	*hash = w->trace.hash;
	bool good = !w->failed;
	snprintf(fault, FAULT_WORDS, "%s", w->fault);
	if (!good && !r->verbose && !r->silent)
		trace_tail(&w->trace, TAIL);
	add_totals(w);
	world_fini(w);
	running = NULL;
	free(w);
	return good;
}

static bool run_seed(struct options *o, uint64_t seed, uint64_t *hash)
{
	struct run r = {.seed = seed, .actions = o->actions, .verbose = o->verbose, .blank = o->blank};
	char fault[FAULT_WORDS];
	if (run_world(&r, hash, fault))
		return true;
	fprintf(stderr, "# seed %" PRIu64 ": %s\n# again: make sim SEED=%" PRIu64 " ACTIONS=%u\n", seed, fault,
		seed, o->actions);
	if (o->shrinks > 0) {
		o->shrinks--;
		shrink(&r);
	}
	return false;
}

/* The same seed twice is the same world: else no failure could be repeated. */
static bool run_twice(struct options *o, uint64_t seed)
{
	uint64_t first = 0, second = 0;
	bool good = run_seed(o, seed, &first) && run_seed(o, seed, &second);
	if (good && first != second)
		fprintf(stderr,
			"# seed %" PRIu64 " gave two traces, %016" PRIx64 " and %016" PRIx64 "\n",
			seed, first, second);
	return good && first == second;
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_block(struct options *o, struct block *b)
{
	uint64_t hash = 0;
	double start = now_s();
	if (o->ledger && ledger_has(o->ledger, b)) {
		ok(true, "seeds %" PRIu64 " to %" PRIu64 " were good on this commit", b->first, b->last);
		return;
	}
	for (uint64_t seed = b->first; seed <= b->last && b->bad < 3; seed++)
		b->bad += !run_seed(o, seed, &hash);
	ok(b->bad == 0, "seeds %" PRIu64 " to %" PRIu64 ": nothing lost, nothing doubled, all equal", b->first,
	   b->last);
	ok(run_twice(o, b->first), "seed %" PRIu64 " again gives the same trace", b->first);
	b->seconds = now_s() - start;
	if (o->ledger)
		ok(ledger_add(o->ledger, b), "the ledger is written");
	fflush(stdout);
}

static void run_blocks(struct options *o)
{
	unsigned block = 0;
	for (uint64_t at = 0; at < o->seeds; at += BLOCK, block++) {
		uint64_t n = o->seeds - at < BLOCK ? o->seeds - at : BLOCK;
		struct block b = {o->commit, o->from + at, o->from + at + n - 1, o->actions, 0, 0};
		if (block % o->parts == o->part)
			run_block(o, &b);
	}
}

/* For planted faults: one line, with the first seed that fails; every world in this process. */
static int run_until_caught(struct options *o)
{
	uint64_t hash = 0;
	struct run r = {.actions = o->actions, .silent = true, .blank = o->blank};
	char fault[FAULT_WORDS];
	for (r.seed = o->from; r.seed < o->from + o->seeds; r.seed++)
		if (!run_world(&r, &hash, fault)) {
			printf("%" PRIu64 " %s\n", r.seed, fault);
			return 1;
		}
	return 0;
}

/* Seeds that found a fault once, always tried again. */
static void run_list(struct options *o)
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
	     " conflicts, %" PRIu64 " merged (%" PRIu64 " of prose looked at), %" PRIu64
	     " repeats, %" PRIu64 " bodies left for later, %" PRIu64 " versions released (%" PRIu64
	     " judged by all that stood), %" PRIu64 " lines cut, sectors %" PRIu64 " kept %" PRIu64 " lost %" PRIu64 " torn, %" PRIu64
	     " events in %.1f s",
	     totals.worlds, totals.made, totals.entries, totals.conflicts, totals.merged, totals.texts,
	     totals.repeats, totals.sealed, totals.releases, totals.sure_releases, totals.cuts, totals.kept, totals.lost, totals.torn,
	     totals.events,
	     seconds);
	printf("# actions:");
	actions_counts(print_count, NULL);
	printf("\n");
}

static bool read_options(struct options *o, int argc, char **argv)
{
	int c;
	*o = (struct options){.from = 1, .seeds = 2000, .actions = 100, .parts = 1, .commit = "?"};
	while ((c = getopt(argc, argv, "s:n:f:a:l:p:L:C:SUv")) != -1) {
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
		case 'L':
			o->ledger = optarg;
			break;
		case 'C':
			o->commit = optarg;
			break;
		case 'S':
			o->shrinks = 1;
			break;
		case 'U':
			o->until_caught = true;
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
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
	mallopt(M_MXFAST, 0); /* else each large piece first gathers the small ones */
}

int main(int argc, char **argv)
{
	struct options o;
	uint64_t hash = 0;
	if (!read_options(&o, argc, argv)) {
		fprintf(stderr, "usage: sim [-s SEED] [-n SEEDS] [-f FROM] [-a ACTIONS] [-l LIST] [-p PART/PARTS]\n"
				"           [-L LEDGER -C COMMIT] [-S] [-U] [-v]\n"
				"-S makes the first failing seed short; -U ends at it, and prints it alone\n");
		return 2;
	}
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	log_sink_set(quiet_log);
	double start = now_s();
	quicken();
	o.blank = blank_make("/tmp");
	if (o.until_caught) {
		int caught = run_until_caught(&o);
		image_free(&o.blank);
		return caught;
	}
	if (o.one) {
		bool good = run_seed(&o, o.only, &hash);
		ok(good, "seed %" PRIu64 " (trace %016" PRIx64 ")", o.only, hash);
	} else {
		if (o.list)
			run_list(&o);
		run_blocks(&o);
	}
	print_totals(now_s() - start);
	image_free(&o.blank);
	return tap_end();
}
