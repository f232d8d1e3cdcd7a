/* The completion script for bash, made from the table. */
#include "client/command.h"

#include "common/schema.h"

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
static void completion_print_value(const struct command *table, size_t n, FILE *out)
{
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

static void completion_print_words(const struct command *table, size_t n, FILE *out)
{
	size_t n_types;
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

void command_print_completion(const struct command *table, size_t n, FILE *out)
{
	fputs("# Completion for fivepits, made from its command table by 'fivepits completion "
	      "bash'.\n",
	      out);
	completion_print_fields(out);
	completion_print_value(table, n, out);
	fputs("_fivepits() {\n", out);
	completion_print_words(table, n, out);
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
