/*
 * The command table: every command with its arguments, options, help and example. Parsing, --help,
 * the list of commands, completion for bash and the synopsis all come from it, so they can't
 * disagree.
 */
#ifndef FIVEPITS_COMMAND_H
#define FIVEPITS_COMMAND_H

#include "client/copy.h"

#include <stdio.h>

enum complete {
	COMPLETE_NOTHING,
	COMPLETE_TYPE,	/* a record type */
	COMPLETE_FIELD, /* a field of the type that is the first argument, with = */
	COMPLETE_FILE,
	COMPLETE_DIR,
	COMPLETE_CHOICE,  /* one of `choices` */
	COMPLETE_COMMAND, /* the name of a command */
};

struct argument {
	const char *name; /* as in "show ID" */
	enum complete complete;
	const char *choices; /* with a space between */
	bool optional, many; /* many: the last one */
};

struct option {
	const char *name;     /* without its dashes */
	char letter;	      /* 0: none */
	const char *argument; /* NULL: a flag */
	const char *help;
	enum complete complete;
	const char *choices;
};

enum command_flag {
	COMMAND_COPY = 1,   /* works on this device's copy: opened before, closed after */
	COMMAND_JSON = 2,   /* takes --json */
	COMMAND_HIDDEN = 4, /* not listed */
	COMMAND_LOG = 8,    /* runs long: logs to standard error */
};

enum { COMMAND_ARGUMENTS = 4, COMMAND_OPTIONS = 7 };

struct call;

struct command {
	const char *name;
	struct argument arguments[COMMAND_ARGUMENTS + 1]; /* up to one without a name */
	struct option options[COMMAND_OPTIONS + 1];
	const char *needed; /* options without which it does nothing, with a space between */
	unsigned flags;
	const char *group;   /* the heading it is listed under */
	const char *summary; /* one line */
	const char *help;    /* what else is worth knowing; may be NULL */
	const char *example; /* lines, each as it is typed, "  # " before what it does */
	int (*run)(struct call *call);
};

/* The options of all commands; the last has no name. */
enum global { GLOBAL_HOME, GLOBAL_JSON, GLOBAL_QUIET, GLOBAL_HELP, GLOBAL_VERSION, GLOBAL_N };
extern const struct option command_globals[GLOBAL_N + 1];

/* All commands, hidden ones too; *n is their count. */
const struct command *command_table(size_t *n);
const struct command *command_named(const char *name); /* NULL: there is none */

enum { CALL_OPTIONS = 64 };

/* One use of a command: what was typed, and what it may use. */
struct call {
	const struct command *command; /* NULL: `fivepits` alone, or with --help or --version */
	const char *home;
	bool json, quiet, help, version;
	const char **words; /* positional arguments */
	size_t n_words;
	struct chosen {
		const struct option *option;
		const char *value; /* "" for a flag */
	} chosen[CALL_OPTIONS];
	size_t n_chosen;
	struct copy *copy;  /* with COMMAND_COPY */
	struct arena arena; /* for as long as the call lasts */
	struct cause cause; /* why it failed */
	FILE *out;	    /* where results go */
};

/*
 * Read a command line (without the program's name) into `call`, which command_fini ends. ERR_USAGE
 * with the cause in one line. `call` borrows argv.
 */
int command_parse(struct call *call, int argc, char **argv);
void command_fini(struct call *call);

/* The value of an option, "" for a flag that was given, NULL where it was not; the
 * last one counts. */
const char *call_option(const struct call *call, const char *name);
/* All values of an option in order: the one after `*at` (start with 0). NULL: no more. */
const char *call_option_next(const struct call *call, const char *name, size_t *at);
/* A positional argument, NULL where it was not given. */
const char *call_word(const struct call *call, size_t i);

/* Does it do nothing without this option? */
bool command_needs(const struct command *c, const struct option *o);
/* What --help prints: of one command, or (NULL) of the program. */
void command_print_help(const struct command *c, FILE *out);
/* The completion script for bash. */
void command_print_completion(const struct command *table, size_t n, FILE *out);
/* Where copies are kept when neither --home nor FIVEPITS_HOME says: in `arena`. */
const char *command_home(struct arena *arena);

/* The functions behind the table; each returns 0 or an error with call->cause. */
int cmd_list(struct call *call);
int cmd_show(struct call *call);
int cmd_history(struct call *call);
int cmd_search(struct call *call);
int cmd_add(struct call *call);
int cmd_set(struct call *call);
int cmd_edit(struct call *call);
int cmd_withdraw(struct call *call);
int cmd_restore(struct call *call);
int cmd_undo(struct call *call);
int cmd_conflicts(struct call *call);
int cmd_settle(struct call *call);
int cmd_join(struct call *call);
int cmd_sync(struct call *call);
int cmd_serve(struct call *call);
int cmd_hold(struct call *call);
int cmd_policy(struct call *call);
int cmd_quota(struct call *call);
int cmd_retention(struct call *call);
int cmd_status(struct call *call);
int cmd_outbox(struct call *call);
int cmd_held(struct call *call);
int cmd_digest(struct call *call);
int cmd_fsck(struct call *call);
int cmd_rebuild(struct call *call);
int cmd_index(struct call *call);
int cmd_limits(struct call *call);
int cmd_doctor(struct call *call);
int cmd_invite(struct call *call);
int cmd_revoke(struct call *call);
int cmd_audit(struct call *call);
int cmd_put(struct call *call);
int cmd_get(struct call *call);
int cmd_import(struct call *call);
int cmd_export(struct call *call);

#endif
