/*
 * What the commands of fivepitsd share: the words of the command line, opening an area, and lists
 * that are printed as lines or as JSON. main.c has the table of commands.
 */
#ifndef FIVEPITS_SERVER_COMMAND_H
#define FIVEPITS_SERVER_COMMAND_H

#include "server/area.h"
#include "server/ca.h"
#include "server/config.h"

/* What was said on the command line. */
struct words {
	const char *dir, *name, *school, *admin, *listen, *address, *person;
	const char *file, *serve;
	bool json, repair;
};

/* What an area is opened with to be served; `ca` may be NULL where nothing will be signed. */
struct area_options main_options(const char *dir, struct ca *ca, const char *address);
/* Open the area in `dir` to serve it or write to it. What was opened is for the caller to close,
 * also after an error. */
int main_open(struct area **area, struct ca **ca, struct config *config, const char *dir,
	      struct cause *cause);
/* The same to read it only, beside a running server. */
int main_open_read(struct area **area, const struct words *w, struct cause *cause);

/* area_check, and that its keys and its config could be served with. */
int main_check(struct area *area, const char *dir, void (*fault)(void *arg, const char *words),
	       void *arg);

/* A JSON list is printed an item at a time. */
struct list_print {
	bool json;
	size_t n;
};

void list_begin(struct list_print *p, bool json);
void list_item(struct list_print *p); /* before each item */
void list_end(const struct list_print *p);
void list_fault(void *list, const char *words); /* an item that is one line of words */
void print_json_text(const char *s);

/* The commands of cmd_recovery.c. */
int main_backup(const struct words *w, struct cause *cause);
int main_restore(const struct words *w, struct cause *cause);
int main_verify(const struct words *w, struct cause *cause);
int main_recovery(const struct words *w, struct cause *cause);

#endif
