/* fivepitsd backup, restore, verify, recovery, as people see them; cmd_backup.c does the work. */
#include "server/cmd_backup.h"
#include "server/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int main_backup(const struct words *w, struct cause *cause)
{
	int err = backup_run(w->dir, w->file, cause);

	if (err == 0)
		printf("%s is saved in %s. It has the area's keys in it: keep it where nobody else"
		       " can read it.\n",
		       w->dir, w->file);
	return err;
}

int main_restore(const struct words *w, struct cause *cause)
{
	char aside[512];
	int err = backup_restore(w->dir, w->file, aside, cause);

	if (err < 0)
		return err;
	printf("%s is as it was saved in %s.\n", w->dir, w->file);
	if (aside[0])
		printf("What was there is in %s.\n", aside);
	printf("Start the server now: the schools' computers bring back by themselves what came"
	       " after the backup.\n");
	return 0;
}

int main_verify(const struct words *w, struct cause *cause)
{
	struct list_print faults;

	list_begin(&faults, w->json);
	int err = backup_verify(w->dir, list_fault, &faults, cause);
	list_end(&faults);
	if (err < 0)
		return err;
	if (faults.n)
		return cause_set(cause, ERR_CORRUPT, "%zu fault%s found in %s", faults.n,
				 faults.n == 1 ? " was" : "s were", w->dir);
	if (!w->json)
		printf("%s is whole, and no fault was found in it\n", w->dir);
	return 0;
}

static void recovery_row(struct list_print *p, const char *name, const struct id *space)
{
	char id[ID_TEXT];

	list_item(p);
	if (p->json) {
		printf("{\"space\": \"%s\", \"name\": ", id_format(space, id));
		print_json_text(name);
		printf("}");
	} else {
		printf("%s  %s\n", id_format(space, id), name);
	}
}

/* The spaces that wait to be borne out. */
static int recovery_list(const struct words *w, struct cause *cause)
{
	struct list_print p;
	struct area *area;
	int err = main_open_read(&area, w, cause);

	if (err < 0)
		return err;
	size_t n = area_unserved(area, NULL, 0);
	struct id *spaces = mem_alloc((n + 1) * sizeof(*spaces));
	area_unserved(area, spaces, n);
	if (!w->json && n == 0)
		printf("All spaces of %s are served.\n", w->dir);
	if (!w->json && n > 0)
		printf("%s was set back to an earlier state.%s These spaces wait for a computer"
		       " that holds them:\n",
		       w->dir,
		       area_is_recovering(area) ? " It is hearing what the copies hold." : "");
	list_begin(&p, w->json);
	for (size_t i = 0; i < n; i++)
		recovery_row(&p, area_space_name(area, &spaces[i]), &spaces[i]);
	list_end(&p);
	free(spaces);
	area_close(&area);
	return 0;
}

/* Does the space wait to be borne out? 1, 0 or an error. */
static int recovery_waits(const struct words *w, const struct id *space, struct cause *cause)
{
	struct area *area;
	int waits = 0, err = main_open_read(&area, w, cause);

	if (err < 0)
		return err;
	size_t n = area_unserved(area, NULL, 0);
	struct id *spaces = mem_alloc((n + 1) * sizeof(*spaces));
	area_unserved(area, spaces, n);
	for (size_t i = 0; i < n; i++)
		waits |= id_equal(&spaces[i], space);
	free(spaces);
	area_close(&area);
	return waits;
}

/* Ask the server that runs. That it has heard it is not that it is done: its disk may be full. */
static int recovery_ask(const struct words *w, const struct id *space, struct cause *cause)
{
	const struct timespec rest = {.tv_nsec = 100 * 1000 * 1000};
	int err = backup_ask_to_serve(w->dir, space, cause);

	for (int i = 0; err == 0 && i < 20; i++) {
		int waits = recovery_waits(w, space, cause);
		if (waits <= 0)
			return waits;
		nanosleep(&rest, NULL);
	}
	return err < 0 ? err
		       : cause_set(cause, ERR_AGAIN,
				   "the server could not do it: its log says why");
}

static int recovery_serve(const struct words *w, const struct id *space, struct cause *cause)
{
	struct area *area = NULL;
	struct ca *ca = NULL;
	struct config config;
	int err = main_open(&area, &ca, &config, w->dir, cause);

	if (err == ERR_AGAIN) {
		err = recovery_ask(w, space, cause);
	} else if (err == 0) {
		err = area_serve(area, space);
		if (err == 0)
			err = area_turn(area) == 0 ? 0 : ERR_FULL;
		if (err < 0)
			cause_set(cause, err, "the space could not be opened: %s", err_words(err));
	}
	area_close(&area);
	ca_close(&ca);
	if (err == 0)
		printf("The space is served as it is in the backup.\n");
	return err;
}

int main_recovery(const struct words *w, struct cause *cause)
{
	struct area *area;
	struct id space = {{0}};
	size_t n, found = 0;

	if (!w->serve)
		return recovery_list(w, cause);
	int err = main_open_read(&area, w, cause);
	if (err < 0)
		return err;
	n = area_unserved(area, NULL, 0);
	struct id *spaces = mem_alloc((n + 1) * sizeof(*spaces));
	area_unserved(area, spaces, n);
	for (size_t i = 0; i < n; i++) {
		char id[ID_TEXT];
		bool meant = strncmp(id_format(&spaces[i], id), w->serve, strlen(w->serve)) == 0 ||
			     strcasecmp(area_space_name(area, &spaces[i]), w->serve) == 0;
		if (meant)
			space = spaces[i];
		found += meant;
	}
	free(spaces);
	area_close(&area);
	if (n == 0)
		return cause_set(cause, ERR_MISSING, "all spaces of %s are served", w->dir);
	if (found != 1)
		return cause_set(cause, found ? ERR_AMBIGUOUS : ERR_MISSING,
				 "%s space that waits is called or begins with \"%s\"; 'fivepitsd "
				 "recovery %s' lists them",
				 found ? "more than one" : "no", w->serve, w->dir);
	return recovery_serve(w, &space, cause);
}
