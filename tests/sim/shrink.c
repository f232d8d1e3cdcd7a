/*
 * Delta debugging (Zeller and Hildebrandt, 2002): leave out halves, quarters, ... of what is left, as
 * long as the same fault comes of it; the same but for the numbers in its words.
 */
#include "tests/sim/run.h"

#include "common/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct shrinking {
	struct run run;
	char fault[FAULT_WORDS]; /* without its numbers */
	bool out[SHRINK_ACTIONS];
	unsigned trials;
};

/* Names of devices, numbers and ids change when things are left out. */
static void fault_kind(const char *fault, char kind[FAULT_WORDS])
{
	size_t n = 0;
	for (const char *c = fault; *c && n + 1 < FAULT_WORDS; c++) {
		bool inside = *c == '[';
		if (!isdigit((unsigned char)*c))
			kind[n++] = *c;
		while (inside && c[1] && *c != ']')
			c++;
	}
	kind[n] = 0;
}

/* Run it in a process of its own, which may end by a signal; its fault comes back by a pipe. */
static void trial(const struct run *r, char kind[FAULT_WORDS])
{
	char fault[FAULT_WORDS] = "";
	int ends[2], status = 0;
	uint64_t hash;
	fflush(NULL);
	if (pipe(ends) < 0)
		abort();
	pid_t child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout) ||
		    run_world(r, &hash, fault) || write(ends[1], fault, strlen(fault)) < 0)
			_exit(0);
		_exit(1);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], fault, sizeof(fault) - 1);
	fault[n > 0 ? n : 0] = 0;
	close(ends[0]);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		snprintf(fault, sizeof(fault), "signal %d", WTERMSIG(status));
	fault_kind(fault, kind);
}

static bool still_fails(struct shrinking *s)
{
	char kind[FAULT_WORDS];
	s->trials++;
	trial(&s->run, kind);
	return strcmp(kind, s->fault) == 0;
}

/* Leave out `n` of those that are left, from the `from`th on. False: then it does not fail. */
static bool leave_out(struct shrinking *s, unsigned from, unsigned n)
{
	bool before[SHRINK_ACTIONS];
	unsigned left = 0;
	memcpy(before, s->out, sizeof(before));
	for (unsigned i = 0; i < s->run.actions; i++)
		if (!before[i] && left++ >= from && left <= from + n)
			s->out[i] = true;
	if (still_fails(s))
		return true;
	memcpy(s->out, before, sizeof(before));
	return false;
}

static unsigned count_left(const struct shrinking *s)
{
	unsigned left = 0;
	for (unsigned i = 0; i < s->run.actions; i++)
		left += !s->out[i];
	return left;
}

void shrink(const struct run *failed)
{
	struct shrinking s = {.run = *failed};
	uint64_t hash;
	char fault[FAULT_WORDS] = "";
	if (failed->actions > SHRINK_ACTIONS)
		return;
	s.run.left_out = s.out;
	s.run.verbose = false;
	trial(&s.run, s.fault);
	if (!s.fault[0])
		return; /* it did not fail again: there is no repeating it */
	while (s.run.actions > 1) { /* what came after the fault first */
		s.run.actions -= s.run.actions / 8 + 1;
		if (still_fails(&s))
			continue;
		s.run.actions += s.run.actions / 7 + 1;
		break;
	}
	if (s.run.actions > failed->actions)
		s.run.actions = failed->actions;
	for (unsigned n = count_left(&s) / 2; n > 0; n = n == 1 ? 0 : (n + 1) / 2)
		for (unsigned from = 0; from < count_left(&s) && s.trials < 600;)
			from += leave_out(&s, from, n) ? 0 : n;
	printf("# %u of its actions are enough (%u worlds were tried); what happens then:\n", count_left(&s),
	       s.trials);
	s.run.verbose = true;
	run_world(&s.run, &hash, fault);
	printf("# %s\n", fault);
	fflush(stdout);
}
