/* What --help prints, made from the table: synopsis, options, the list of commands. */
#include "client/command.h"

#include <string.h>

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
		buf_add_text(b, command_needs(c, o) ? " --%s%s%s" : " [--%s%s%s]", o->name,
			     o->argument ? " " : "", o->argument ? o->argument : "");
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
	struct option shown[GLOBAL_N + 1] = {{0}};
	size_t n = 0;
	for (const struct option *o = command_globals; o->name; o++) {
		bool json = o == &command_globals[GLOBAL_JSON];
		bool version = o == &command_globals[GLOBAL_VERSION];
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
