/*
 * A fuzz target without libFuzzer: every input of its corpus, then fuzz_rounds mutations of them,
 * drawn from a fixed seed. Prints TAP. An input that takes too long, or memory that grows, is a
 * failure; the input that a crash happened on is left in crash-NAME, in the folder of the build.
 *
 * usage: replay_NAME [FILE...]     the files alone, instead of the corpus
 * FUZZ_ROUNDS says how many mutations, FUZZ_SEED which.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/tap.h"

#include "common/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { INPUTS = 512, INPUT_MAX = 128 * 1024, SECONDS_MOST = 5, MEBIBYTES_MOST = 512 };

struct input {
	char *name;
	struct buf data;
};

static struct input inputs[INPUTS];
static size_t n_inputs;
static uint64_t dice;

/* What is being run, for the handler of a crash. */
static const uint8_t *current;
static size_t current_size;
static char crash_name[512];

/* ---- When it crashes ------------------------------------------------------------------------ */

static void crash_save(void)
{
	int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, current, current_size) < 0)
		(void)!write(2, "not saved\n", 10);
	close(fd);
}

static void crash_signal(int number)
{
	crash_save();
	signal(number, SIG_DFL);
	raise(number);
}

/* Of the sanitizers, which end the process without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void crash_watch(const char *name)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM};
	const char *build = getenv("FIVEPITS_BUILD");

	snprintf(crash_name, sizeof(crash_name), "%s/crash-%s", build ? build : ".", name);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(crash_save);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!__sanitizer_set_death_callback || signals[i] == SIGALRM ||
		    signals[i] == SIGABRT)
			signal(signals[i], crash_signal);
}

/* ---- Running -------------------------------------------------------------------------------- */

/* Milliseconds that one input takes. */
static uint64_t run(const uint8_t *data, size_t size)
{
	/* An allocation of its own, so that reading past the end is seen. */
	uint8_t *copy = memcpy(mem_alloc(size), size ? data : (const uint8_t *)"", size);
	uint64_t start = os_monotonic_us();

	current = copy;
	current_size = size;
	alarm(10 * SECONDS_MOST);
	LLVMFuzzerTestOneInput(copy, size);
	alarm(0);
	free(copy);
	return (os_monotonic_us() - start) / 1000;
}

static void input_read(const char *path)
{
	struct cause cause;
	struct input *in = &inputs[n_inputs];

	must(n_inputs < INPUTS);
	if (os_read_file(path, INPUT_MAX, &in->data, &cause) < 0) {
		ok(false, "%s can be read (%s)", path, cause.words);
		return;
	}
	in->name = mem_copy_text(path);
	n_inputs++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

static void corpus_read(const char *name)
{
	char *path = mem_format("tests/fuzz/corpus/%s", name);
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		char *file = mem_format("%s/%s", path, e->d_name);
		input_read(file);
		free(file);
	}
	if (d)
		closedir(d);
	qsort(inputs, n_inputs, sizeof(*inputs), by_name); /* the order of a directory is chance */
	free(path);
}

/* ---- Mutating ------------------------------------------------------------------------------- */

static uint32_t draw(uint32_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return below ? (uint32_t)(dice >> 16) % below : 0;
}

static void cut(struct buf *b, size_t at, size_t n)
{
	memmove(b->data + at, b->data + at + n, b->len - at - n);
	b->len -= n;
}

static void insert(struct buf *b, size_t at, const uint8_t *data, size_t n)
{
	buf_reserve(b, n);
	memmove(b->data + at + n, b->data + at, b->len - at);
	memcpy(b->data + at, data, n);
	b->len += n;
}

/* A stretch of some input, put in at a place. */
static void graft(struct buf *b, size_t at)
{
	const struct buf *from = &inputs[draw((uint32_t)n_inputs)].data;
	size_t start = draw((uint32_t)from->len), n = draw(64);

	if (n > from->len - start)
		n = from->len - start;
	if (n)
		insert(b, at, from->data + start, n);
}

static void mutate_once(struct buf *b)
{
	static const uint8_t odd[] = {0, 1, 2, 8, 0x0f, 0x10, 0x7f, 0x80, 0xff, '"', '/', '-', '0'};
	size_t at = draw((uint32_t)b->len), left = b->len - at;
	uint8_t byte = (uint8_t)draw(256);

	switch (draw(8)) {
	case 0:
		b->data[at] ^= (uint8_t)(1u << draw(8));
		break;
	case 1:
		b->data[at] = odd[draw(sizeof(odd))];
		break;
	case 2:
		b->data[at] = byte;
		break;
	case 3:
		cut(b, at, 1 + draw((uint32_t)(left < 16 ? left : 16)));
		break;
	case 4:
		insert(b, at, &byte, 1);
		break;
	case 5:
		b->data[at] += (uint8_t)(draw(2) ? 1 : -1);
		break;
	case 6:
		if (draw(8) == 0)
			b->len = at;
		break;
	default:
		graft(b, at);
	}
}

static uint64_t run_mutations(unsigned rounds)
{
	struct buf b = {0};
	uint64_t longest = 0;

	for (unsigned i = 0; i < rounds; i++) {
		buf_reset(&b);
		buf_add_bytes(&b, buf_bytes(&inputs[draw((uint32_t)n_inputs)].data));
		for (unsigned k = 1 + draw(6); k && b.len; k--)
			mutate_once(&b);
		uint64_t ms = run(b.data, b.len);
		longest = ms > longest ? ms : longest;
	}
	buf_fini(&b);
	return longest;
}

static unsigned number_of(const char *variable, unsigned otherwise)
{
	const char *text = getenv(variable);
	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '_');
	unsigned rounds = argc > 1 ? 0 : number_of("FUZZ_ROUNDS", fuzz_rounds);
	uint64_t longest = 0, start = os_monotonic_us();
	struct rusage usage;

	name = name ? name + 1 : argv[0];
	dice = 88172645463325252 + number_of("FUZZ_SEED", 0);
	crash_watch(name);
	for (int i = 1; i < argc; i++)
		input_read(argv[i]);
	if (argc == 1)
		corpus_read(name);
	for (size_t i = 0; i < n_inputs; i++) {
		uint64_t ms = run(inputs[i].data.data, inputs[i].data.len);
		longest = ms > longest ? ms : longest;
	}
	ok(n_inputs > 0, "%s: the %zu inputs of the corpus do no harm", name, n_inputs);
	if (rounds && n_inputs) {
		uint64_t ms = run_mutations(rounds);
		longest = ms > longest ? ms : longest;
		ok(true, "%s: nor do %u mutations of them", name, rounds);
	}
	ok(longest < 1000 * SECONDS_MOST, "%s: none takes long (the longest %llu ms)", name,
	   (unsigned long long)longest);
	must(getrusage(RUSAGE_SELF, &usage) == 0);
	ok(usage.ru_maxrss / 1024 < MEBIBYTES_MOST, "%s: memory stays small (%ld MiB)", name,
	   usage.ru_maxrss / 1024);
	note("%.1f s", (double)(os_monotonic_us() - start) / 1e6);
	for (size_t i = 0; i < n_inputs; i++) {
		free(inputs[i].name);
		buf_fini(&inputs[i].data);
	}
	return tap_end();
}
