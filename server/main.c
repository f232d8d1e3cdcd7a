/*
 * fivepitsd: init, run, digest, fsck, invite, and what cmd_recovery.c adds. A table of commands;
 * each has its own help. Exit status 0: done; 1: it could not be done, and one line on standard
 * error says why; 2: wrong usage.
 */
#include "common/invitation.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/os.h"
#include "common/program.h"
#include "common/schema.h"
#include "server/area.h"
#include "server/ca.h"
#include "server/command.h"
#include "server/config.h"
#include "server/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE };

struct command {
	const char *name;
	int (*run)(const struct words *w, struct cause *cause);
	const char *options; /* those that it takes, each with a space behind */
	const char *needs;   /* and those that it can't do without */
	const char *help;
};

/* ---- What the commands share ---------------------------------------------------------------- */

/* Print a new invitation for a person as a line of its own. */
static int main_invite(struct area *area, struct ca *ca, const char *address,
		       const struct id *person, const struct id *school, struct cause *cause)
{
	uint8_t fingerprint[SHA256_LEN], id[INVITATION_ID], verifier[SHA256_LEN];
	char text[INVITATION_TEXT];
	struct invitation i;
	uint64_t expires_ms;

	ca_fingerprint(ca, fingerprint);
	int err = invitation_make(&i, address, fingerprint, os_env(), cause);
	if (err < 0)
		return err;
	invitation_derive(&i, id, verifier);
	err = area_invite(area, person, school, id, verifier, &expires_ms);
	if (err == 0)
		err = area_turn(area) == 0 ? 0 : ERR_FULL;
	if (err < 0)
		return cause_set(cause, err, "the invitation could not be stored: %s",
				 err_words(err));
	printf("%s\n", invitation_format(&i, text));
	return 0;
}

/* ---- init ----------------------------------------------------------------------------------- */

/* The first entries. 1: an init that was cut off has made them; 0; or an error. */
static int init_found(const struct words *w, struct ca *ca, const struct area_options *o,
		      struct cause *cause)
{
	struct area_founding f = {
		.area = *ca_area(ca), .name = w->name, .school = w->school, .admin = w->admin};
	struct id person, school;
	struct buf key = {0};

	ca_server_key(ca, &key);
	f.server_key = buf_bytes(&key);
	int err = area_found(o, &f, &person, &school, cause);
	buf_fini(&key);
	return err == ERR_EXISTS ? 1 : err;
}

static void init_say(const struct words *w, const struct config *config, bool there)
{
	if (there)
		printf("An init that was cut off had begun this area: the names that it was given "
		       "count. It is in %s",
		       w->dir);
	else
		printf("The area \"%s\" is in %s", w->name, w->dir);
	printf("; the server will listen on %s.\n"
	       "Start it with:  fivepitsd run %s\n"
	       "Within three days %s joins, on their own computer:  fivepits join INVITATION\n",
	       config->listen, w->dir, w->admin);
}

static int init_area(const struct words *w, struct ca *ca, const struct config *config,
		     struct cause *cause)
{
	struct area_options o = main_options(w->dir, ca, config->address);
	struct id person, school;
	struct area *area = NULL;
	int there = init_found(w, ca, &o, cause);
	int err = there < 0 ? there : area_open(&area, &o, cause);

	if (err == 0)
		err = area_find_person(area, w->admin, &person, &school, cause);
	if (err == 0) /* the last: where it is, all is */
		err = config_write(w->dir, config, cause);
	if (err == 0) {
		init_say(w, config, there);
		err = main_invite(area, ca, config->address, &person, &school, cause);
	}
	area_close(&area);
	return err;
}

/* The keys, unless an init that was cut off has made them. */
static int init_keys(const struct words *w, struct ca **ca, struct cause *cause)
{
	int err = os_make_dir(w->dir, cause);

	if (err == 0 && config_is_there(w->dir))
		err = cause_set(cause, ERR_EXISTS,
				"there is an area in %s already; 'fivepitsd invite' prints an "
				"invitation to it",
				w->dir);
	if (err == 0)
		err = ca_create(w->dir, w->name, cause);
	if (err == 0 || (err == ERR_EXISTS && !config_is_there(w->dir)))
		err = ca_open(ca, w->dir, cause);
	return err;
}

static int main_init(const struct words *w, struct cause *cause)
{
	struct config config;
	struct ca *ca = NULL;
	int err = config_make(&config, w->listen, w->address, cause);

	if (err == 0 && area_check_names(w->name, w->school, w->admin, cause) < 0)
		err = ERR_USAGE;
	if (err == 0)
		err = init_keys(w, &ca, cause);
	if (err == 0)
		err = init_area(w, ca, &config, cause);
	ca_close(&ca);
	return err;
}

/* ---- run ------------------------------------------------------------------------------------ */

/* Tell systemd, if it asked, that we are ready or going (sd_notify(3)). */
static void run_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (sendto(fd, state, strlen(state), 0, (struct sockaddr *)&to, len) < 0)
		log_warn("run.notify", "state=%s", state);
	close(fd);
}

static int run_serve(struct area *area, struct ca *ca, const char *listen, struct cause *cause)
{
	struct loop *loop = loop_new();
	struct net *net;
	int err = net_open(&net, loop, area, ca, listen, cause);

	if (err == 0) {
		loop_take_signals(loop, net_stop, net);
		printf("listening on %s\n", net_address(net));
		fflush(stdout);
		log_info("run.ready", "version=%s listen=%s", program_version(), net_address(net));
		run_notify("READY=1");
		err = loop_run(loop);
		if (err == 0)
			err = net_error(net);
		run_notify("STOPPING=1");
		if (err < 0)
			cause_set(cause, err, "the server had to stop: %s", err_words(err));
		log_info("run.stopped", "err=%d", err);
	}
	net_close(&net);
	loop_free(&loop);
	return err;
}

static int main_run(const struct words *w, struct cause *cause)
{
	struct area *area = NULL;
	struct ca *ca = NULL;
	struct config config;
	char host[256], port[6];

	if (w->listen && !address_split(w->listen, host, port))
		return cause_set(cause, ERR_USAGE, "--listen must be HOST:PORT, not \"%.200s\"",
				 w->listen);
	int err = main_open(&area, &ca, &config, w->dir, cause);
	if (err == 0)
		err = run_serve(area, ca, w->listen ? w->listen : config.listen, cause);
	area_close(&area);
	ca_close(&ca);
	return err;
}

/* ---- digest and fsck ------------------------------------------------------------------------ */

static void digest_row(void *arg, const char *name, const struct id *space, uint64_t number,
		       const uint8_t digest[32])
{
	struct list_print *p = arg;
	char hex[2 * SHA256_LEN + 1], id[ID_TEXT] = "";

	for (int i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (space)
		id_format(space, id);
	if (!p->json && space)
		printf("%s  %8llu  %s  %s\n", id, (unsigned long long)number, hex, name);
	else if (!p->json)
		printf("common  %s\n", hex);
	if (!p->json)
		return;
	list_item(p);
	printf("{\"space\": ");
	print_json_text(space ? id : name);
	if (space) {
		printf(", \"name\": ");
		print_json_text(name);
		printf(", \"number\": %llu", (unsigned long long)number);
	}
	printf(", \"digest\": \"%s\"}", hex);
}

static int main_digest(const struct words *w, struct cause *cause)
{
	struct list_print p;
	struct area *area;
	int err = main_open_read(&area, w, cause);

	if (err < 0)
		return err;
	list_begin(&p, w->json);
	err = area_digest(area, digest_row, &p);
	list_end(&p);
	area_close(&area);
	return err < 0 ? cause_set(cause, err, "the area can't be read: %s", err_words(err)) : 0;
}

static void mend_fault(void *arg, const char *words)
{
	(void)words; /* area_check says them all */
	++*(size_t *)arg;
}

/* What is bad among the documents is taken out; the rest of a database is not mended by halves. */
static int main_mend(const struct words *w, struct cause *cause)
{
	struct area *area = NULL;
	struct ca *ca = NULL;
	struct config config;
	size_t n = 0;
	int err = main_open(&area, &ca, &config, w->dir, cause);

	if (err == 0 && (err = area_mend(area, mend_fault, &n)) < 0)
		cause_set(cause, err, "the documents can't be mended: %s", err_words(err));
	area_close(&area);
	ca_close(&ca);
	if (err == 0 && n && !w->json)
		printf("damaged parts of documents were taken out: schools' computers that have "
		       "them are asked for them as they connect\n");
	return err;
}

static int main_fsck(const struct words *w, struct cause *cause)
{
	struct list_print faults;
	struct area *area;
	int err = w->repair ? main_mend(w, cause) : 0;

	if (err == 0)
		err = main_open_read(&area, w, cause);
	if (err < 0)
		return err;
	list_begin(&faults, w->json);
	err = main_check(area, w->dir, list_fault, &faults);
	list_end(&faults);
	area_close(&area);
	if (err < 0)
		return cause_set(cause, err, "the area can't be read: %s", err_words(err));
	if (faults.n)
		return cause_set(cause, ERR_CORRUPT,
				 "%zu fault%s found in %s; with the server stopped --repair mends "
				 "documents; for all else restore a backup, and the schools' "
				 "computers bring what came after it",
				 faults.n, faults.n == 1 ? " was" : "s were", w->dir);
	if (!w->json)
		printf("no fault was found in %s\n", w->dir);
	return 0;
}

/* ---- invite --------------------------------------------------------------------------------- */

static int main_invite_again(const struct words *w, struct cause *cause)
{
	struct area *area = NULL;
	struct ca *ca = NULL;
	struct config config;
	struct id person, school;
	int err = main_open(&area, &ca, &config, w->dir, cause);

	if (err == 0)
		err = area_find_person(area, w->person, &person, &school, cause);
	if (err == 0)
		err = main_invite(area, ca, config.address, &person, &school, cause);
	area_close(&area);
	ca_close(&ca);
	return err;
}

/* ---- The command line ----------------------------------------------------------------------- */

static const struct command commands[] = {
	{"init", main_init, "--name --school --admin --listen --address ",
	 "--name --school --admin ",
	 "fivepitsd init DIR --name NAME --school NAME --admin NAME [--listen HOST:PORT]\n"
	 "                [--address HOST:PORT]\n"
	 "\n"
	 "Make a new area in DIR: its keys, its database, and its first person, who\n"
	 "administers it. The last line is that person's invitation, good for three days.\n"
	 "\n"
	 "  --name NAME          of the partnership\n"
	 "  --school NAME        of the school that administers the area\n"
	 "  --admin NAME         of the person who does\n"
	 "  --listen HOST:PORT   where the server listens (0.0.0.0:443); port 0 picks one\n"
	 "                       that is free and keeps it\n"
	 "  --address HOST:PORT  what invitations say (this computer's name, same port)\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd init /srv/fivepits --name '5 Pits Partnership of Schools' \\\n"
	 "      --school 'Pilsley Primary School' --admin 'Pat Pilsley' \\\n"
	 "      --address area.example.org:443\n"},
	{"run", main_run, "--listen ", "",
	 "fivepitsd run DIR [--listen HOST:PORT]\n"
	 "\n"
	 "Serve the area in DIR until SIGTERM or SIGINT. The server is ready when it\n"
	 "prints \"listening on HOST:PORT\". The log goes to standard error; SIGUSR1 turns\n"
	 "its details on and off.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd run /srv/fivepits\n"},
	{"digest", main_digest, "--json ", "",
	 "fivepitsd digest DIR [--json]\n"
	 "\n"
	 "Print the digest of every space. The last line, common, covers directory and\n"
	 "partnership, and is equal to that of every copy that has the same entries. The\n"
	 "server may be running.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd digest /srv/fivepits\n"},
	{"fsck", main_fsck, "--json --repair ", "",
	 "fivepitsd fsck DIR [--json] [--repair]\n"
	 "\n"
	 "Check the database, the chain of every space, each record against its entries,\n"
	 "the documents and the keys. Prints one line a fault. The server may be running.\n"
	 "\n"
	 "  --repair             first take damaged parts of documents out, and ask the\n"
	 "                       computers that connect for them; stop the server first\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd fsck /srv/fivepits\n"},
	{"invite", main_invite_again, "--person ", "--person ",
	 "fivepitsd invite DIR --person NAME\n"
	 "\n"
	 "Print an invitation for a person who is in the directory, for when nobody who\n"
	 "administers can do it with fivepits invite. The server must be stopped.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd invite /srv/fivepits --person 'Pat Pilsley'\n"},
	{"backup", main_backup, "", "FILE ",
	 "fivepitsd backup DIR FILE\n"
	 "\n"
	 "Save the area in DIR, its keys and documents too, as it is at one moment, in a\n"
	 "new FILE in tar's format. The server may be running. Whoever has the file has\n"
	 "the area: keep it safe.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd backup /srv/fivepits /mnt/backup/fivepits-$(date +%F).tar\n"},
	{"restore", main_restore, "", "FILE ",
	 "fivepitsd restore DIR FILE\n"
	 "\n"
	 "Put the backup in FILE into DIR; what is there is put aside. The server must be\n"
	 "stopped. Started again, it asks the schools' computers for what came after the\n"
	 "backup before it serves anybody; nothing that one of them holds is lost.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd restore /srv/fivepits /mnt/backup/fivepits-2019-09-30.tar\n"},
	{"verify", main_verify, "--json ", "",
	 "fivepitsd verify FILE [--json]\n"
	 "\n"
	 "Extract a backup beside itself, check it as fsck does (the database, each\n"
	 "space's chain, records, documents, keys), and remove what was extracted.\n"
	 "Prints one line a fault. Needs as much room as the backup.\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd verify /mnt/backup/fivepits-2019-09-30.tar\n"},
	{"recovery", main_recovery, "--json --serve ", "",
	 "fivepitsd recovery DIR [--json] [--serve SPACE]\n"
	 "\n"
	 "After the server was set back to an earlier state: list the spaces that it does\n"
	 "not serve yet, because no computer that holds them has connected. The server\n"
	 "may be running.\n"
	 "\n"
	 "  --serve SPACE        serve this one as it is, since no computer holds it any\n"
	 "                       more; what came after the backup is lost then\n"
	 "\n"
	 "Example:\n"
	 "  fivepitsd recovery /srv/fivepits --serve 0191f0d8\n"},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void usage(FILE *out)
{
	fprintf(out, "fivepitsd: the server of a partnership's area\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %.*s\n", (int)(strstr(commands[i].help, "\n\n") - commands[i].help),
			commands[i].help);
	fprintf(out, "\nfivepitsd COMMAND --help says more, fivepitsd --version which it is.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char **option_slot(struct words *w, const char *name)
{
	struct {
		const char *name;
		const char **slot;
	} slots[] = {{"--name", &w->name},	 {"--school", &w->school},
		     {"--admin", &w->admin},	 {"--listen", &w->listen},
		     {"--address", &w->address}, {"--person", &w->person},
		     {"--serve", &w->serve}};

	for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++)
		if (strcmp(slots[i].name, name) == 0)
			return slots[i].slot;
	return NULL;
}

/* Is `option` (with a space behind it) in the list? */
static bool takes(const char *list, const char *option)
{
	char *word = mem_format("%s ", option);
	const char *at = strstr(list, word);
	bool found = at && (at == list || at[-1] == ' ');
	free(word);
	return found;
}

static int wrong(const struct command *c, const char *words, const char *what)
{
	fprintf(stderr, "fivepitsd %s: %s%s (see fivepitsd %s --help)\n", c->name, words, what,
		c->name);
	return EXIT_USAGE;
}

/* One argument, and its value where it has one. The number of words taken, or 0: wrong, and said
 * so. */
static int parse_one(const struct command *c, struct words *w, char **argv)
{
	if (argv[0][0] != '-') {
		if (w->dir && !w->file && takes(c->needs, "FILE")) {
			w->file = argv[0];
			return 1;
		}
		if (w->dir) {
			wrong(c, "one directory is enough: ", argv[0]);
			return 0;
		}
		w->dir = argv[0];
		return 1;
	}
	char *name = mem_format("%.*s", (int)strcspn(argv[0], "="), argv[0]);
	const char **slot = option_slot(w, name);
	bool known = takes(c->options, name);
	free(name);
	if (!known) {
		wrong(c, "there is no option ", argv[0]);
		return 0;
	}
	if (!slot) {
		*(strcmp(argv[0], "--repair") == 0 ? &w->repair : &w->json) = true;
		return 1;
	}
	const char *value = strchr(argv[0], '=');
	*slot = value ? value + 1 : argv[1];
	if (!*slot) {
		wrong(c, argv[0], " needs a value");
		return 0;
	}
	return value ? 1 : 2;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static void drop_line(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* A server's log tells how it fares. Of all else the one line at the end tells why it failed; the
 * log is for those who ask for it. */
static void set_log(const struct command *c)
{
	const char *wish = getenv("FIVEPITS_LOG");

	if (wish && strcmp(wish, "debug") == 0)
		log_level_set(LOG_DEBUG);
	else if (!wish && c->run != main_run)
		log_sink_set(drop_line);
}

static int run_command(const struct command *c, char **argv)
{
	struct words w = {0};
	struct cause cause = {{0}};

	for (int n; *argv; argv += n) {
		if (is_help(*argv)) {
			fputs(c->help, stdout);
			return EXIT_DONE;
		}
		if ((n = parse_one(c, &w, argv)) == 0)
			return EXIT_USAGE;
	}
	if (!w.dir)
		return wrong(c, "which directory?", "");
	if (takes(c->needs, "FILE") && !w.file)
		return wrong(c, "which file?", "");
	static const char *const all[] = {"--name", "--school", "--admin", "--person"};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (takes(c->needs, all[i]) && !*option_slot(&w, all[i]))
			return wrong(c, all[i], " is needed");
	set_log(c);
	int err = c->run(&w, &cause);
	if (err == 0 && fflush(stdout) != 0)
		err = cause_set(&cause, ERR_IO, "standard output can't be written");
	if (err == 0)
		return EXIT_DONE;
	fprintf(stderr, "fivepitsd %s: %s\n", c->name,
		cause.words[0] ? cause.words : err_words(err));
	return err == ERR_USAGE ? EXIT_USAGE : EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	struct cause cause = {{0}};

	os_keep_memory();
	if (schema_verify(&cause) < 0) {
		fprintf(stderr, "fivepitsd: %s\n", cause.words);
		return EXIT_REFUSED;
	}
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	bool asks = strcmp(argv[1], "help") == 0;
	if (asks && argc > 2) {
		argv[1] = argv[2];
		argv[2] = "--help";
	} else if (asks || is_help(argv[1])) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("fivepitsd %s\n", program_version());
		return EXIT_DONE;
	}
	const struct command *c = find_command(argv[1]);
	if (!c) {
		fprintf(stderr, "fivepitsd: there is no command \"%s\" (see fivepitsd --help)\n",
			argv[1]);
		return EXIT_USAGE;
	}
	return run_command(c, argv + 2);
}
