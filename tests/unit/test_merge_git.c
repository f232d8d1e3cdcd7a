/*
 * merge_text against git: the same texts, one unit a line, through libgit2, which has the code
 * behind `git merge-file`, over many generated triples; a sample of them through the program too.
 * Where git merges, the bytes must be the same here; where git has a conflict, so must we. Triples
 * that git merges and we don't, because they would take more than is allowed, are counted and
 * listed.
 *
 * usage: test_merge_git [-n TRIPLES] [-s FIRST SEED] [-g HOW MANY OF THEM ALSO THROUGH git]
 */
#include "tests/merge/triple.h"
#include "tests/tap.h"

#include "common/err.h"
#include "common/merge.h"
#include "common/os.h"
#include "common/unit.h"
#include "common/unit_diff.h"

#include <fcntl.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Some seconds' worth. */
#ifdef __SANITIZE_ADDRESS__
enum { TRIPLES = 2000 };
#else
enum { TRIPLES = 15000 };
#endif

struct tally {
	uint64_t clean, conflict, given_up, wrong, through_git, git_differs;
};

/* ---- One unit a line ------------------------------------------------------------------------ */

static void escape(struct bytes text, struct buf *lines)
{
	struct bytes unit;

	while (unit_next(&text, &unit)) {
		for (size_t i = 0; i < unit.len; i++) {
			uint8_t c = unit.data[i];
			if (c == '\n' || c == '\r' || c == '\\' || c == '\0') {
				buf_add_u8(lines, '\\');
				c = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\0' ? '0' : '\\';
			}
			buf_add_u8(lines, c);
		}
		buf_add_u8(lines, '\n');
	}
}

static void unescape(struct bytes lines, struct buf *text)
{
	for (size_t i = 0; i < lines.len; i++) {
		uint8_t c = lines.data[i];
		if (c == '\n')
			continue;
		if (c == '\\') {
			c = lines.data[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == '0' ? '\0' : '\\';
		}
		buf_add_u8(text, c);
	}
}

/* ---- Git ------------------------------------------------------------------------------------ */

/* 1 and the merged lines, or 0. */
static int merge_by_library(const struct buf lines[3], struct buf *merged)
{
	git_merge_file_input in[3];
	git_merge_file_result result = {0};

	for (int i = 0; i < 3; i++) {
		must(git_merge_file_input_init(&in[i], GIT_MERGE_FILE_INPUT_VERSION) == 0);
		in[i].ptr = lines[i].data ? (const char *)lines[i].data : "";
		in[i].size = lines[i].len;
	}
	must(git_merge_file(&result, &in[0], &in[1], &in[2], NULL) == 0);
	int clean = result.automergeable;
	if (clean)
		buf_add(merged, result.ptr, result.len);
	git_merge_file_result_free(&result);
	return clean;
}

static void write_file(const char *path, struct bytes content)
{
	FILE *f = fopen(path, "wb");
	must(f &&
	     fwrite(content.data ? content.data : (const uint8_t *)"", 1, content.len, f) ==
		     content.len &&
	     fclose(f) == 0);
}

/* The same by the program: git merge-file -p ours base theirs. */
static int merge_by_program(const struct buf lines[3], struct buf *merged)
{
	static const char *const names[3] = {"base", "ours", "theirs"};
	char *paths[4];
	struct cause cause;
	int status;

	for (int i = 0; i < 3; i++) {
		paths[i] = mem_format("%s/%s", tap_dir(), names[i]);
		write_file(paths[i], buf_bytes(&lines[i]));
	}
	paths[3] = mem_format("%s/out", tap_dir());
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		int out = open(paths[3], O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (out >= 0 && dup2(out, 1) == 1)
			execlp("git", "git", "merge-file", "-p", "-q", paths[1], paths[0], paths[2],
			       (char *)NULL);
		_exit(255);
	}
	must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) < 128);
	if (WEXITSTATUS(status) == 0)
		must(os_read_file(paths[3], 64 << 20, merged, &cause) == 0);
	for (int i = 0; i < 4; i++)
		free(paths[i]);
	return WEXITSTATUS(status) == 0;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static bool same(const struct buf *a, struct bytes b)
{
	return bytes_equal(buf_bytes(a), b);
}

static void print(const char *what, struct bytes text)
{
	struct buf lines = {0};
	escape(text, &lines);
	buf_add_u8(&lines, 0);
	printf("# %s:\n", what);
	for (char *at = strtok((char *)lines.data, "\n"); at; at = strtok(NULL, "\n"))
		printf("#   %s\n", at);
	buf_fini(&lines);
}

static void tell(uint64_t seed, const struct triple *t, int theirs, const struct buf *expected,
		 int ours, struct bytes got)
{
	printf("# seed %llu: git %s, here %s\n", (unsigned long long)seed,
	       theirs ? "merges" : "conflict", ours ? "merges" : "conflict");
	if (t->text[0].len > 4000)
		return;
	print("base", buf_bytes(&t->text[0]));
	print("ours", buf_bytes(&t->text[1]));
	print("theirs", buf_bytes(&t->text[2]));
	if (theirs)
		print("git", buf_bytes(expected));
	if (ours)
		print("here", got);
}

/* Did we call it a conflict only because it would take more than is allowed? */
static bool is_over_budget(const struct triple *t, const struct buf *merged)
{
	struct bytes texts[3];
	struct units units[3];
	struct unit_changes changes;
	struct unit_work work;
	bool over = merged->len > MERGE_TEXT_MAX;

	for (int i = 0; i < 3; i++) {
		texts[i] = buf_bytes(&t->text[i]);
		over = over || texts[i].len > MERGE_TEXT_MAX;
	}
	if (over)
		return true;
	unit_work_init(&work);
	over = !units_read(&work, texts, units, 3) ||
	       !units_compare(&work, &units[0], &units[1], &changes) ||
	       !units_compare(&work, &units[0], &units[2], &changes);
	unit_work_fini(&work);
	return over;
}

static void try(uint64_t seed, bool by_program, struct tally *tally)
{
	struct triple t = {0};
	struct buf lines[3] = {{0}}, merged = {0}, expected = {0}, by_git = {0}, again = {0};
	struct arena arena;
	struct bytes got = BYTES_NONE;

	arena_init(&arena, ARENA_NO_BUDGET);
	triple_make(seed, &t);
	for (int i = 0; i < 3; i++)
		escape(buf_bytes(&t.text[i]), &lines[i]);
	int theirs = merge_by_library(lines, &merged);
	int ours = merge_text(buf_bytes(&t.text[0]), buf_bytes(&t.text[1]), buf_bytes(&t.text[2]),
			      &arena, &got);
	unescape(buf_bytes(&merged), &expected);
	escape(got, &again);
	*(ours ? &tally->clean : &tally->conflict) += 1;
	if (!ours && theirs && is_over_budget(&t, &merged)) {
		tally->given_up++;
		note("seed %llu: more than is allowed", (unsigned long long)seed);
	} else if (ours != theirs ||
		   (ours && (!same(&expected, got) || !same(&again, buf_bytes(&merged))))) {
		/* The units of what was merged must be the units that were merged, too. */
		if (tally->wrong++ < 5)
			tell(seed, &t, theirs, &expected, ours, got);
	}
	if (by_program) {
		tally->through_git++;
		int program = merge_by_program(lines, &by_git);
		if (program != theirs || (program && !same(&by_git, buf_bytes(&merged))))
			tally->git_differs++;
	}
	arena_fini(&arena);
	triple_fini(&t);
	for (int i = 0; i < 3; i++)
		buf_fini(&lines[i]);
	buf_fini(&merged);
	buf_fini(&expected);
	buf_fini(&by_git);
	buf_fini(&again);
}

int main(int argc, char **argv)
{
	uint64_t n = TRIPLES, seed = 1, through = 50;
	struct tally tally = {0};

	for (int c; (c = getopt(argc, argv, "n:s:g:")) != -1;) {
		uint64_t value = strtoull(optarg, NULL, 10);
		*(c == 'n' ? &n : c == 's' ? &seed : &through) = value;
	}
	git_libgit2_init();
	uint64_t every = through ? (n + through - 1) / through : 0;
	for (uint64_t i = 0; i < n; i++)
		try(seed + i, every && i % every == 0, &tally);
	git_libgit2_shutdown();
	note("%llu merged, %llu conflicts, %llu of them over the budget where git merges",
	     (unsigned long long)tally.clean, (unsigned long long)tally.conflict,
	     (unsigned long long)tally.given_up);
	ok(tally.wrong == 0, "%llu triples merge as git merges them (%llu do not)",
	   (unsigned long long)n, (unsigned long long)tally.wrong);
	ok(tally.git_differs == 0, "so does git merge-file itself, for %llu of them",
	   (unsigned long long)tally.through_git);
	return tap_end();
}
