/* The command table, the reading of command lines, and what is printed from the table. */
#include "client/command.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 32 };

/* Split a line as a shell does, as far as examples need it: quotes, spaces. Their number. */
static int split(char *line, char **words)
{
	int n = 0;
	for (char *p = line; *p && n < WORDS;) {
		p += strspn(p, " ");
		if (!*p)
			break;
		char *to = p;
		words[n++] = p;
		char quote = 0;
		for (; *p && (quote || *p != ' '); p++) {
			if (!quote && *p == '\'')
				quote = '\'';
			else if (quote && *p == quote)
				quote = 0;
			else
				*to++ = *p;
		}
		if (*p)
			p++;
		*to = '\0';
	}
	words[n] = NULL;
	return n;
}

static int parse(struct call *call, const char *line)
{
	static char text[1024];
	static char *words[WORDS + 1];
	snprintf(text, sizeof(text), "%s", line);
	return command_parse(call, split(text, words), words);
}

static bool refuses(const char *line, const char *part)
{
	struct call call;
	int err = parse(&call, line);
	bool said = strstr(call.cause.words, part) != NULL;
	if (err != ERR_USAGE || !said)
		note("%d %s", err, call.cause.words);
	command_fini(&call);
	return err == ERR_USAGE && said;
}

/* Everything that `print` prints. */
static char *printed(void (*print)(const struct command *c, FILE *out), const struct command *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	print(c, f);
	fclose(f);
	return text;
}

static void print_completion(const struct command *c, FILE *out)
{
	size_t n;

	(void)c;
	const struct command *table = command_table(&n);
	command_print_completion(table, n, out);
}

/* Each example is a command line that its command takes. */
static bool example_works(const struct command *c)
{
	char line[512];
	bool works = true;
	for (const char *p = c->example; *p; p += strspn(p, "\n")) {
		size_t n = strcspn(p, "\n&");
		struct call call;
		snprintf(line, sizeof(line), "%.*s", (int)n, p);
		p += strcspn(p, "\n");
		if (strncmp(line, "fivepits ", 9) != 0)
			continue;
		int err = parse(&call, line + 9);
		works &= err == 0 && call.command == c;
		if (err)
			note("%s: %s", line, call.cause.words);
		command_fini(&call);
	}
	return works;
}

/* Columns of its widest line. */
static size_t widest(const char *help)
{
	size_t most = 0, columns = 0;

	for (; *help; help++) {
		columns = *help == '\n' ? 0 : columns + (((unsigned char)*help & 0xc0) != 0x80);
		most = columns > most ? columns : most;
	}
	return most;
}

static void test_table(void)
{
	size_t n;
	const struct command *table = command_table(&n);
	for (size_t i = 0; i < n; i++) {
		const struct command *c = &table[i];
		bool whole =
		    c->name && c->summary && c->example && *c->example && c->run && c->group;
		for (const struct argument *a = c->arguments; a->name; a++)
			whole &= (!a->many || !a[1].name) &&
				 (a->complete == COMPLETE_CHOICE) == !!a->choices;
		for (const struct option *o = c->options; o->name; o++)
			whole &= o->help && (o->argument || o->complete == COMPLETE_NOTHING);
		ok(whole && command_named(c->name) == c, "%s is whole, and found by its name",
		   c->name);
		ok(example_works(c), "the example of %s works", c->name);
		char *help = printed(command_print_help, c);
		ok(widest(help) <= 80, "its help fits in 80 columns (%zu)", widest(help));
		ok(strstr(help, "Usage: fivepits ") && strstr(help, "\nExample\n") &&
		       strstr(help, c->summary) &&
		       (strstr(help, "--json") || !(c->flags & COMMAND_JSON)),
		   "--help explains %s with an example", c->name);
		free(help);
	}
}

static void test_contract(void)
{
	static const char *const names[] = {
	    "join",   "sync",	"serve",    "status",  "digest",    "fsck",   "rebuild",
	    "limits", "outbox", "held", "list",	    "show",    "history",   "search", "add",
	    "set",    "edit",	"withdraw", "restore", "conflicts", "settle", "put",
	    "get",    "import", "export",   "invite",  "revoke",    "audit",  "doctor"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ok(command_named(names[i]), "there is a command %s", names[i]);
}

static void test_parse(void)
{
	struct call call;

	ok(parse(&call, "--home /tmp/x list action --json status=completed") == 0 &&
	       strcmp(call.home, "/tmp/x") == 0 && call.json && call.n_words == 2 &&
	       strcmp(call.words[1], "status=completed") == 0,
	   "options may stand anywhere");
	command_fini(&call);
	ok(parse(&call, "list action --home=/tmp/y -a") == 0 && strcmp(call.home, "/tmp/y") == 0 &&
	       call_option(&call, "all") && !call_option(&call, "space"),
	   "with = and by their letters");
	command_fini(&call);
	ok(parse(&call, "get 01 -oout.pdf") == 0 &&
	       strcmp(call_option(&call, "output"), "out.pdf") == 0,
	   "a letter's value may stand close");
	command_fini(&call);
	ok(parse(&call, "invite --school A --name B --group C --group D") == 0,
	   "options may be repeated");
	size_t at = 0;
	ok(strcmp(call_option_next(&call, "group", &at), "C") == 0 &&
	       strcmp(call_option_next(&call, "group", &at), "D") == 0 &&
	       !call_option_next(&call, "group", &at),
	   "and are read in their order");
	command_fini(&call);
	ok(parse(&call, "set 01 -- --text=x") == 0 && strcmp(call.words[1], "--text=x") == 0,
	   "nothing is an option behind --");
	command_fini(&call);
	ok(parse(&call, "set 01 responsible-=Pilsley") == 0 && call.n_words == 2,
	   "taking from a set is no option");
	command_fini(&call);
	ok(parse(&call, "--version") == 0 && call.version && !call.command,
	   "--version needs no command");
	command_fini(&call);
	ok(parse(&call, "show --help") == 0 && call.help && strcmp(call.command->name, "show") == 0,
	   "--help needs no arguments");
	command_fini(&call);
	ok(parse(&call, "help show") == 0 && call.help && strcmp(call.command->name, "show") == 0,
	   "help COMMAND is the same");
	command_fini(&call);
}

static void test_refusals(void)
{
	ok(refuses("", "say what to do"), "nothing at all");
	ok(refuses("lst", "did you mean 'list'"), "a misspelt command is guessed");
	ok(refuses("setle x", "did you mean 'settle'"), "another one too");
	ok(refuses("frobnicate", "no command 'frobnicate'"), "an unknown one is not");
	ok(refuses("show", "ID is missing"), "a missing argument is named");
	ok(refuses("invite --school a", "--name NAME is missing"), "an option that it needs is named");
	ok(refuses("show a b", "'b' is one word too many"), "one too many is named");
	ok(refuses("show a --frob", "no option --frob"), "an unknown option is named");
	ok(refuses("show a -x", "no option -x"), "an unknown letter is");
	ok(refuses("get a -o", "--output needs FILE"), "an option's value is missing");
	ok(refuses("withdraw a --yes=1", "takes no value"), "a flag takes no value");
	ok(refuses("serve --json", "--json"), "--json where nothing is printed");
	ok(refuses("completion zsh", "'zsh' is not bash"), "what is none of the choices");
	ok(refuses("outbox send? x", "'send?' is not show|send|drop"), "nor what only begins like one");
	ok(refuses("export pla", "'pla' is not plan"), "nor the beginning of one");
	ok(refuses("show a\x1b[31m b", "one word too many"), "and no control character comes back");
}

static void test_home(void)
{
	struct arena arena;
	arena_init(&arena, ARENA_NO_BUDGET);
	setenv("FIVEPITS_HOME", "/tmp/home", 1);
	ok(strcmp(command_home(&arena), "/tmp/home") == 0, "FIVEPITS_HOME says where the copy is");
	setenv("FIVEPITS_HOME", "", 1);
	setenv("XDG_DATA_HOME", "/tmp/data", 1);
	ok(strcmp(command_home(&arena), "/tmp/data/fivepits") == 0, "else XDG_DATA_HOME");
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "/tmp/me", 1);
	ok(strcmp(command_home(&arena), "/tmp/me/.local/share/fivepits") == 0,
	   "else the home directory");
	arena_fini(&arena);
}

static void test_completion(void)
{
	char *script = printed(print_completion, NULL);
	char path[128], command[160];
	size_t n;
	const struct command *table = command_table(&n);
	bool all = true;

	for (size_t i = 0; i < n; i++)
		for (const struct option *o = table[i].options; o->name; o++) {
			char option[64];
			snprintf(option, sizeof(option), "--%s", o->name);
			all &= strstr(script, option) != NULL;
		}
	ok(all, "the completion script knows every option");
	ok(strstr(script, "agenda-item") && strstr(script, "minute_text="),
	   "and every type and field");
	snprintf(path, sizeof(path), "%s/completion", tap_dir());
	FILE *f = fopen(path, "w");
	fputs(script, f);
	fprintf(
	    f,
	    "compopt() { :; }\nCOMP_WORDS=(fivepits --home /tmp add action text= targ)\n"
	    "COMP_CWORD=6\n_fivepits\n[[ \" ${COMPREPLY[*]} \" == *' target_due= '* ]] || exit 1\n"
	    "COMP_WORDS=(fivepits sett)\nCOMP_CWORD=1\n_fivepits\n[[ ${COMPREPLY[*]} == settle "
	    "]]\n");
	fclose(f);
	snprintf(command, sizeof(command), "bash '%s'", path);
	ok(system(command) == 0, "bash completes with it");
	free(script);
}

/* The table can't ask the schema for its words, so a role that is new there must be new here. */
static void test_roles(void)
{
	const ProtobufCEnumDescriptor *roles =
	    schema_field_named(schema_type(TYPE_APPOINTMENT), "role")->descriptor;
	const struct option *o = command_named("invite")->options;
	struct buf words = {0};

	while (strcmp(o->name, "role") != 0)
		o++;
	for (unsigned i = 0; i < roles->n_values; i++) {
		buf_add_text(&words, "%s", i ? " " : "");
		schema_print_word(roles, (uint64_t)roles->values[i].value, &words);
	}
	ok(bytes_equal(buf_bytes(&words), BYTES(o->choices, strlen(o->choices))),
	   "invite offers every role of the schema");
	buf_fini(&words);
}

static void test_list(void)
{
	char *help = printed(command_print_help, NULL);
	ok(widest(help) <= 80, "the list of commands fits in 80 columns (%zu)", widest(help));
	ok(strstr(help, "settle") && strstr(help, "Two versions") && !strstr(help, "completion"),
	   "--help lists the commands by what they are for, without the hidden one");
	free(help);
}

int main(void)
{
	test_table();
	test_contract();
	test_parse();
	test_refusals();
	test_home();
	test_completion();
	test_roles();
	test_list();
	return tap_end();
}
