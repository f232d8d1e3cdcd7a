/*
 * Reading a command line against the table, and what is printed from the table: help, synopsis, the
 * completion script.
 */
#include "client/command.h"

#include "client/nearest.h"
#include "client/screen.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

static const struct option command_globals[] = {
    {"home", 0, "DIR", "where this copy is kept (or set FIVEPITS_HOME)", COMPLETE_DIR, NULL},
    {"json", 0, NULL, "print one JSON value", COMPLETE_NOTHING, NULL},
    {"quiet", 'q', NULL, "print results only", COMPLETE_NOTHING, NULL},
    {"help", 'h', NULL, "explain a command", COMPLETE_NOTHING, NULL},
    {"version", 'V', NULL, "print the version", COMPLETE_NOTHING, NULL},
    {NULL, 0, NULL, NULL, COMPLETE_NOTHING, NULL},
};

/* ---- Parsing -------------------------------------------------------------------------------- */

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
	if (strcmp(o->name, "home") == 0 && value)
		call->home = value;
	else if (o == &command_globals[1])
		call->json = true;
	else if (o == &command_globals[2])
		call->quiet = true;
	else if (o == &command_globals[3])
		call->help = true;
	else if (o == &command_globals[4])
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

/* Are there as many words as the command wants, and those that are a choice among the choices? */
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

const char *call_option_next(const struct call *call, const char *name, size_t *at)
{
	for (; *at < call->n_chosen; ++*at)
		if (strcmp(call->chosen[*at].option->name, name) == 0)
			return call->chosen[(*at)++].value;
	return NULL;
}

const char *call_option(const struct call *call, const char *name)
{
	const char *last = NULL, *value;
	for (size_t at = 0; (value = call_option_next(call, name, &at));)
		last = value;
	return last;
}

const char *call_word(const struct call *call, size_t i)
{
	return i < call->n_words ? call->words[i] : NULL;
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

/* ---- Help ----------------------------------------------------------------------------------- */

enum { HELP_WIDTH = 80, HELP_OPTION = 22 };

/* Columns of a word; what stands in brackets is one. */
static size_t help_word(const char *text, size_t *len)
{
	size_t columns = 0;
	int depth = 0;

	for (*len = 0; text[*len] && text[*len] != '\n' && (depth || text[*len] != ' '); ++*len) {
		depth += (text[*len] == '[') - (text[*len] == ']');
		columns += ((unsigned char)text[*len] & 0xc0) != 0x80;
	}
	return columns;
}

/*
 * Words for a terminal of 80 columns, and the end of the line. The first begins at `column`, those
 * on further lines at `indent`; a line that ends a sentence ends here too.
 */
static void help_fill(const char *text, size_t column, size_t indent, FILE *out)
{
	bool begins = true; /* nothing stands behind `column` */

	while (*text) {
		size_t len, columns = help_word(text, &len);
		bool ends = len && text[len - 1] == '.' && text[len] == '\n';
		if (!begins && column + 1 + columns > HELP_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
			begins = true;
		}
		fprintf(out, "%s%.*s", begins ? "" : " ", (int)len, text);
		column += columns + !begins;
		begins = ends;
		if (ends)
			fprintf(out, "\n%*s", (int)(column = indent), "");
		text += len + (text[len] != '\0');
	}
	fputc('\n', out);
}

static const char *help_synopsis(const struct command *c, struct buf *b)
{
	buf_add_text(b, "%s", c->name);
	for (const struct argument *a = c->arguments; a->name; a++)
		buf_add_text(b, a->optional ? " [%s%s]" : " %s%s", a->name, a->many ? "…" : "");
	for (const struct option *o = c->options; o->name; o++)
		buf_add_text(b, " [--%s%s%s]", o->name, o->argument ? " " : "",
			     o->argument ? o->argument : "");
	buf_add_u8(b, 0);
	return (const char *)b->data;
}

static void command_print_options(const struct option *o, FILE *out)
{
	for (; o->name; o++) {
		struct buf b = {0};
		if (o->letter)
			buf_add_text(&b, "-%c, ", o->letter);
		else
			buf_add_text(&b, "    ");
		buf_add_text(&b, "--%s%s%s", o->name, o->argument ? " " : "",
			     o->argument ? o->argument : "");
		if (b.len > HELP_OPTION)
			fprintf(out, "  %.*s\n  %-22s  ", (int)b.len, (const char *)b.data, "");
		else
			fprintf(out, "  %-22.*s  ", (int)b.len, (const char *)b.data);
		help_fill(o->help, HELP_OPTION + 4, HELP_OPTION + 4, out);
		buf_fini(&b);
	}
}

static void command_print_globals(const struct command *c, FILE *out)
{
	struct option shown[sizeof(command_globals) / sizeof(*command_globals)] = {{0}};
	size_t n = 0;
	for (const struct option *o = command_globals; o->name; o++) {
		bool json = strcmp(o->name, "json") == 0, version = strcmp(o->name, "version") == 0;
		if (c && ((json && !(c->flags & COMMAND_JSON)) || version))
			continue;
		shown[n++] = *o;
	}
	command_print_options(shown, out);
}

static void command_print_lines(const char *text, FILE *out)
{
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		int len = (int)strcspn(line, "\n");
		fprintf(out, "  %.*s\n", len, line);
		line += len;
	}
}

static void command_print_list(FILE *out)
{
	size_t n;
	const struct command *table = command_table(&n);
	const char *group = NULL;

	fputs("fivepits - the secure area of a partnership of schools, on this computer\n\n"
	      "Usage: fivepits [--home DIR] COMMAND …\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		if (table[i].flags & COMMAND_HIDDEN)
			continue;
		if (table[i].group != group)
			fprintf(out, "\n%s\n", group = table[i].group);
		fprintf(out, "  %-12s %s\n", table[i].name, table[i].summary);
	}
	fputs("\nOptions of all commands\n", out);
	command_print_globals(NULL, out);
	fputs("\n'fivepits COMMAND --help' explains a command, with an example.\n", out);
}

void command_print_help(const struct command *c, FILE *out)
{
	if (!c) {
		command_print_list(out);
		return;
	}
	static const char usage[] = "Usage: fivepits ";
	struct buf b = {0};
	fputs(usage, out);
	help_fill(help_synopsis(c, &b), strlen(usage), strlen(usage), out);
	buf_fini(&b);
	fprintf(out, "\n%s: %s.\n", c->name, c->summary);
	if (c->help) {
		fputc('\n', out);
		help_fill(c->help, 0, 0, out);
	}
	fputs("\nOptions\n", out);
	command_print_options(c->options, out);
	command_print_globals(c, out);
	fputs("\nExample\n", out);
	command_print_lines(c->example, out);
}

/* ---- Completion ----------------------------------------------------------------------------- */

static void completion_add_options(const struct option *o, struct buf *out)
{
	for (; o->name; o++)
		buf_add_text(out, "--%s ", o->name);
}

/* What completes one option's value or one argument: words, or names of files. */
static void completion_print_kind(FILE *out, enum complete kind, const char *choices)
{
	switch (kind) {
	case COMPLETE_TYPE:
		fputs("words=$types", out);
		break;
	case COMPLETE_FIELD:
		fputs("words=$(_fivepits_fields \"$first\"); compopt -o nospace", out);
		break;
	case COMPLETE_FILE:
		fputs("files=-f", out);
		break;
	case COMPLETE_DIR:
		fputs("files=-d", out);
		break;
	case COMPLETE_CHOICE:
		fprintf(out, "words='%s'", choices);
		break;
	case COMPLETE_COMMAND:
		fputs("words=$commands", out);
		break;
	case COMPLETE_NOTHING:
		fputs(":", out);
		break;
	}
}

static void completion_print_values(FILE *out, const char *command, const struct option *o)
{
	for (; o->name; o++) {
		if (!o->argument)
			continue;
		fprintf(out, "\t%s:--%s", command, o->name);
		if (o->letter)
			fprintf(out, "|%s:-%c", command, o->letter);
		fputs(") ", out);
		completion_print_kind(out, o->complete, o->choices);
		fputs(" ;;\n", out);
	}
}

/* What completes the value of "COMMAND:OPTION"; fails where that takes none. */
static void completion_print_value(FILE *out)
{
	size_t n;
	const struct command *table = command_table(&n);

	fputs("_fivepits_value() {\n\tcase $1 in\n", out);
	completion_print_values(out, "*", command_globals);
	for (size_t i = 0; i < n; i++)
		completion_print_values(out, table[i].name, table[i].options);
	fputs("\t*) return 1 ;;\n\tesac\n}\n", out);
}

static void completion_print_arguments(FILE *out, const struct command *c)
{
	size_t i = 0;
	for (const struct argument *a = c->arguments; a->name; a++, i++) {
		fprintf(out, "\t%s:%s) ", c->name,
			a->many ? "*" : (const char *[]){"0", "1", "2", "3"}[i]);
		completion_print_kind(out, a->complete, a->choices);
		fputs(" ;;\n", out);
	}
}

/* The fields of every type, so that completing them needs no copy; those of a record ask it. */
static void completion_print_fields(FILE *out)
{
	size_t n;
	const struct schema_type *types = schema_types(&n);
	fputs("_fivepits_fields() {\n\tcase $1 in\n", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "\t%s) echo '", types[i].name);
		for (unsigned f = 0; f < types[i].message->n_fields; f++)
			fprintf(out, "%s%s=", f ? " " : "", types[i].message->fields[f].name);
		fputs("' ;;\n", out);
	}
	fputs("\t*) [[ -z $1 ]] || _fivepits_fields \"$(fivepits ${home:+--home \"$home\"} show "
	      "\"$1\" --json "
	      "2>/dev/null |\n\t\tsed -n 's/^  \"type\": \"\\(.*\\)\".*/\\1/p')\" ;;\n"
	      "\tesac\n}\n",
	      out);
}

static void completion_print_words(FILE *out)
{
	size_t n, n_types;
	const struct command *table = command_table(&n);
	const struct schema_type *types = schema_types(&n_types);
	fputs("\tlocal types='", out);
	for (size_t i = 0; i < n_types; i++)
		fprintf(out, "%s%s", i ? " " : "", types[i].name);
	fputs("'\n\tlocal commands='", out);
	for (size_t i = 0; i < n; i++)
		if (!(table[i].flags & COMMAND_HIDDEN))
			fprintf(out, "%s%s", i ? " " : "", table[i].name);
	fputs("'\n", out);
}

/* Walk the words so far: which command, how many arguments it has, the first of them. */
static const char completion_walk[] =
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\tlocal command='' first='' words='' files='' home='' i n=0\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${COMP_WORDS[i]} in\n"
    "\t\t--home) i=$((i + 1)) home=${COMP_WORDS[i]} ;;\n"
    "\t\t-*)\n"
    "\t\t\t_fivepits_value \"$command:${COMP_WORDS[i]}\" && i=$((i + 1))\n"
    "\t\t\twords='' files='' ;;\n"
    "\t\t*)\n"
    "\t\t\tif [[ -z $command ]]; then\n"
    "\t\t\t\tcommand=${COMP_WORDS[i]}\n"
    "\t\t\telse\n"
    "\t\t\t\t[[ $n -eq 0 ]] && first=${COMP_WORDS[i]}\n"
    "\t\t\t\tn=$((n + 1))\n"
    "\t\t\tfi ;;\n"
    "\t\tesac\n"
    "\tdone\n";

void command_print_completion(FILE *out)
{
	size_t n;
	const struct command *table = command_table(&n);

	fputs("# Completion for fivepits, made from its command table by 'fivepits completion "
	      "bash'.\n",
	      out);
	completion_print_fields(out);
	completion_print_value(out);
	fputs("_fivepits() {\n", out);
	completion_print_words(out);
	fputs(completion_walk, out);
	fputs("\tif _fivepits_value \"$command:$previous\"; then\n\t\t:\n"
	      "\telif [[ $cur == -* ]]; then\n\t\tcase $command in\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};
		completion_add_options(table[i].options, &b);
		completion_add_options(command_globals, &b);
		fprintf(out, "\t\t%s) words='%.*s' ;;\n", table[i].name, (int)b.len - 1,
			(const char *)b.data);
		buf_fini(&b);
	}
	fputs("\t\t*) words='--home --help --version' ;;\n\t\tesac\n\telse\n\tcase $command:$n in\n"
	      "\t:*|help:0) words=$commands ;;\n",
	      out);
	for (size_t i = 0; i < n; i++)
		completion_print_arguments(out, &table[i]);
	fputs("\tesac\n\tfi\n\tif [[ -n $files ]]; then\n\t\tcompopt -o filenames\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen $files -- \"$cur\")\n\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n\tfi\n}\n"
	      "complete -F _fivepits fivepits\n",
	      out);
}

int cmd_completion(struct call *call)
{
	command_print_completion(call->out);
	return 0;
}
