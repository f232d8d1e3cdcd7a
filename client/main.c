/*
 * fivepits: one command, then out. Reads the command line, opens this device's copy if the command
 * wants it, runs it, and turns what it returns into an exit code and, when it failed, one line.
 */
#include "client/command.h"

#include "client/screen.h"
#include "common/log.h"
#include "common/os.h"
#include "common/program.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHED = 75, EXIT_SIGNAL = 128 };

static void main_drop_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* What went wrong is said once, in words, at the end; the log is for those who ask for it. */
static void main_set_log(const struct call *call)
{
	const char *wish = getenv("FIVEPITS_LOG");
	if (wish && strcmp(wish, "debug") == 0)
		log_level_set(LOG_DEBUG);
	else if (!(call->command && call->command->flags & COMMAND_LOG) && !wish)
		log_sink_set(main_drop_log);
}

/* Nobody would miss it otherwise: what stands in the log behind damage is left out in silence. */
static void main_warn(const struct call *call)
{
	unsigned lost = db_lost(copy_db(call->copy));

	if (lost)
		fprintf(stderr,
			"fivepits: warning: this computer's disk has damaged the copy: %u or more"
			" of what was saved last can't be read. Look whether what you wrote is"
			" there; 'fivepits sync' fetches the rest\n",
			lost);
}

static int main_open(struct call *call)
{
	int err;
	if (!(call->command->flags & COMMAND_COPY))
		return 0;
	err = copy_open(&call->copy, call->home, NULL, os_env(), &call->cause);
	if (err == 0)
		main_warn(call);
	if (err == ERR_IO && access(call->home, W_OK) != 0)
		return cause_set(&call->cause, err,
				 "nothing can be written to %s, which every command must: %s; is "
				 "it yours, and its disk in order?",
				 screen_line(&call->arena, BYTES(call->home, strlen(call->home))),
				 strerror(errno));
	if (err == ERR_MISSING)
		return cause_set(&call->cause, err,
				 "there is no copy in %s; make one with 'fivepits join "
				 "INVITATION', or say where "
				 "it is with --home",
				 screen_line(&call->arena, BYTES(call->home, strlen(call->home))));
	return err;
}

static int main_run(struct call *call, int argc, char **argv)
{
	int err = command_parse(call, argc, argv);
	if (err < 0)
		return err;
	main_set_log(call);
	if (call->version) {
		fprintf(call->out, "fivepits %s\n", program_version());
		return 0;
	}
	if (call->help) {
		command_print_help(call->command, call->out);
		return 0;
	}
	if (!call->home)
		call->home = command_home(&call->arena);
	if (!*call->home)
		return cause_set(&call->cause, ERR_USAGE, "--home needs a folder");
	err = main_open(call);
	return err < 0 ? err : call->command->run(call);
}

/* Results that nobody could read are no success; a reader that has gone (as head does) is no
 * failure. */
static int main_flush(struct call *call, int err)
{
	errno = 0;
	if (fflush(call->out) == 0 && !ferror(call->out))
		return err;
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return err < 0
		   ? err
		   : cause_set(&call->cause, ERR_IO, "what this prints could not be written: %s",
			       errno ? strerror(errno) : "the output failed");
}

/* What to do next, where the cause does not say it already. */
static const char *main_advice(const struct call *call, int err, const char *line)
{
	if (strpbrk(line, ";?"))
		return "";
	if (err == ERR_OFFLINE && call->copy)
		return "; 'fivepits doctor' finds out why";
	if (err == ERR_FULL)
		return "; make room on the disk, then try again";
	return "";
}

static void main_complain(struct call *call, int err)
{
	const char *words = call->cause.words[0] ? call->cause.words : err_words(err);
	const char *line = screen_line(&call->arena, BYTES(words, strlen(words)));
	if (err != ERR_USAGE || line[strlen(line) - 1] == '?')
		fprintf(stderr, "fivepits: %s%s\n", line, main_advice(call, err, line));
	else if (call->command)
		fprintf(stderr, "fivepits: %s; try 'fivepits %s --help'\n", line,
			call->command->name);
	else
		fprintf(stderr, "fivepits: %s; try 'fivepits --help'\n", line);
}

/* An interrupted program dies of the signal, so that a shell ends its loop, too. */
static int main_end(int err)
{
	int number = err == ERR_INTERRUPTED ? SIGINT : SIGTERM;

	if (err_is_end(err)) {
		signal(number, SIG_DFL);
		raise(number);
		return EXIT_SIGNAL + number;
	}
	return err >= 0		    ? EXIT_DONE
	       : err == ERR_USAGE   ? EXIT_USAGE
	       : err == ERR_OFFLINE ? EXIT_UNREACHED
				    : EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	struct call call;
	int err;

	setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters; nothing else asks for it */
	os_keep_memory();
	err = main_run(&call, argc - 1, argv + 1);
	err = main_flush(&call, err);
	if (err < 0)
		main_complain(&call, err);
	command_fini(&call);
	return main_end(err);
}
