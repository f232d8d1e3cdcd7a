/* Reading a command line against the table. */
#include "client/command.h"

#include "client/nearest.h"
#include "client/screen.h"

#include <stdlib.h>
#include <string.h>

static const char *command_name_at(size_t i)
{
	size_t n;
	const struct command *c = &command_table(&n)[i];
	return c->flags & COMMAND_HIDDEN ? "" : c->name;
}

static const struct option *option_find(const struct option *o, const char *name, size_t len,
					char letter)
{
	for (; o->name; o++)
		if (letter ? o->letter == letter
			   : strlen(o->name) == len && !strncmp(o->name, name, len))
			return o;
	return NULL;
}

static int command_take_option(struct call *call, const struct option *o, const char *value)
{
	if (o == &command_globals[GLOBAL_HOME])
		call->home = value;
	else if (o == &command_globals[GLOBAL_JSON])
		call->json = true;
	else if (o == &command_globals[GLOBAL_QUIET])
		call->quiet = true;
	else if (o == &command_globals[GLOBAL_HELP])
		call->help = true;
	else if (o == &command_globals[GLOBAL_VERSION])
		call->version = true;
	else if (call->n_chosen == CALL_OPTIONS)
		return cause_set(&call->cause, ERR_USAGE, "there are more than %d options",
				 CALL_OPTIONS);
	else
		call->chosen[call->n_chosen++] = (struct chosen){o, value ? value : ""};
	return 0;
}

/* One word that starts with a dash, and its value, which may be the next word: then *at moves. */
static int command_parse_option(struct call *call, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *name = word + 1, *value = NULL;
	bool is_long = word[1] == '-';
	size_t len;
	const struct option *o = NULL;

	if (is_long)
		name++;
	len = is_long ? strcspn(name, "=") : 1;
	if (is_long && name[len] == '=')
		value = name + len + 1;
	else if (!is_long && name[1])
		value = name + 1;
	if (call->command)
		o = option_find(call->command->options, name, len, is_long ? 0 : *name);
	if (!o)
		o = option_find(command_globals, name, len, is_long ? 0 : *name);
	if (!o)
		return cause_set(&call->cause, ERR_USAGE, "%s%sthere is no option %s",
				 call->command ? call->command->name : "",
				 call->command ? ": " : "",
				 screen_line(&call->arena, BYTES(word, strlen(word))));
	if (!o->argument && value)
		return cause_set(&call->cause, ERR_USAGE, "the option --%s takes no value",
				 o->name);
	if (o->argument && !value) {
		if (*at + 1 >= argc)
			return cause_set(&call->cause, ERR_USAGE, "the option --%s needs %s",
					 o->name, o->argument);
		value = argv[++*at];
	}
	return command_take_option(call, o, value);
}

static int command_choose(struct call *call, const char *word)
{
	size_t n;
	command_table(&n);
	if (strcmp(word, "help") == 0 && !call->help) {
		call->help = true;
		return 0;
	}
	call->command = command_named(word);
	if (call->command)
		return 0;
	const char *near = nearest_name(word, command_name_at, n);
	const char *clean = screen_line(&call->arena, BYTES(word, strlen(word)));
	if (near)
		return cause_set(&call->cause, ERR_USAGE,
				 "there is no command '%.60s'; did you mean '%s'?", clean, near);
	return cause_set(&call->cause, ERR_USAGE, "there is no command '%.60s'", clean);
}

static bool command_is_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);
	for (const char *c = choices; *c; c += strcspn(c, " "), c += *c == ' ')
		if (strcspn(c, " ") == len && strncmp(c, word, len) == 0)
			return true;
	return false;
}

bool command_needs(const struct command *c, const struct option *o)
{
	return c->needed && command_is_choice(c->needed, o->name);
}

/* Are there as many words as the command wants, those that are a choice among the choices, and the
 * options that it needs? */
static int command_check_words(struct call *call)
{
	const struct command *c = call->command;
	size_t least = 0, most = 0;
	for (const struct argument *a = c->arguments; a->name; a++) {
		least += !a->optional;
		most = a->many ? SIZE_MAX : most + 1;
	}
	if (call->n_words < least)
		return cause_set(&call->cause, ERR_USAGE, "%s: %s is missing", c->name,
				 c->arguments[call->n_words].name);
	if (call->n_words > most)
		return cause_set(
		    &call->cause, ERR_USAGE, "%s: '%.60s' is one word too many", c->name,
		    screen_line(&call->arena, BYTES(call->words[most], strlen(call->words[most]))));
	for (size_t i = 0; i < call->n_words && c->arguments[i].name && !c->arguments[i].many; i++)
		if (c->arguments[i].choices &&
		    !command_is_choice(c->arguments[i].choices, call->words[i]))
			return cause_set(&call->cause, ERR_USAGE, "%s: '%.60s' is not %s", c->name,
					 screen_line(&call->arena,
						     BYTES(call->words[i], strlen(call->words[i]))),
					 c->arguments[i].name);
	for (const struct option *o = c->options; o->name; o++)
		if (command_needs(c, o) && !call_option(call, o->name))
			return cause_set(&call->cause, ERR_USAGE, "%s: --%s %s is missing", c->name,
					 o->name, o->argument);
	if (call->json && !(c->flags & COMMAND_JSON))
		return cause_set(&call->cause, ERR_USAGE,
				 "%s: it prints nothing that --json could change", c->name);
	return 0;
}

int command_parse(struct call *call, int argc, char **argv)
{
	bool options = true;

	memset(call, 0, sizeof(*call));
	call->out = stdout;
	arena_init(&call->arena, ARENA_NO_BUDGET);
	call->words = mem_alloc(((size_t)argc + 1) * sizeof(*call->words));
	for (int i = 0; i < argc; i++) {
		int err = 0;
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			err = command_parse_option(call, argc, argv, &i);
		else if (!call->command && options)
			err = command_choose(call, argv[i]);
		else
			call->words[call->n_words++] = argv[i];
		if (err < 0)
			return err;
	}
	if (call->help || call->version)
		return 0;
	if (!call->command)
		return cause_set(&call->cause, ERR_USAGE, "say what to do");
	return command_check_words(call);
}

void command_fini(struct call *call)
{
	copy_close(&call->copy);
	arena_fini(&call->arena);
	free(call->words);
	call->words = NULL;
}

const char *command_home(struct arena *arena)
{
	const char *home = getenv("FIVEPITS_HOME"), *data = getenv("XDG_DATA_HOME"),
		   *user = getenv("HOME");
	if (home && *home)
		return home;
	if (data && *data == '/')
		return arena_format(arena, "%s/fivepits", data);
	return arena_format(arena, "%s/.local/share/fivepits", user && *user ? user : ".");
}
