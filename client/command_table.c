/*
 * The options of all commands, and every command of the program in the order of --help. The words
 * here are what people read in --help, in completion and in the synopsis; client/fivepits.1.scd
 * tells the same at length.
 */
#include "client/command.h"

#include <string.h>

static const char group_read[] = "Read";
static const char group_edit[] = "Write";
static const char group_settle[] = "Two versions";
static const char group_sync[] = "In step with the others";
static const char group_document[] = "Documents";
static const char group_plan[] = "The plan";
static const char group_admin[] = "People and devices";
static const char group_check[] = "This computer's copy";

const struct option command_globals[] = {
    [GLOBAL_HOME] = {"home", 0, "DIR", "where this copy is kept (or set FIVEPITS_HOME)",
		     COMPLETE_DIR, NULL},
    [GLOBAL_JSON] = {"json", 0, NULL, "print one JSON value", COMPLETE_NOTHING, NULL},
    [GLOBAL_QUIET] = {"quiet", 'q', NULL, "print results only", COMPLETE_NOTHING, NULL},
    [GLOBAL_HELP] = {"help", 'h', NULL, "explain a command", COMPLETE_NOTHING, NULL},
    [GLOBAL_VERSION] = {"version", 'V', NULL, "print the version", COMPLETE_NOTHING, NULL},
    [GLOBAL_N] = {NULL, 0, NULL, NULL, COMPLETE_NOTHING, NULL},
};

static int cmd_completion(struct call *call)
{
	size_t n;
	const struct command *table = command_table(&n);

	command_print_completion(table, n, call->out);
	return 0;
}

static const struct command commands[] = {
	/* ---- Read ---- */
	{
		.name = "list",
		.arguments = {{"TYPE", COMPLETE_TYPE, NULL, true, false},
			      {"FILTER", COMPLETE_FIELD, NULL, true, true}},
		.options = {{"all", 'a', NULL, "withdrawn records too", COMPLETE_NOTHING, NULL},
			    {"space", 0, "SPACE", "only of this space", COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_read,
		.summary = "list the records of a type, or how many there are of each",
		.help = "A FILTER is FIELD=VALUE (the field has this value), FIELD!=VALUE, "
			"FIELD~TEXT (the\n"
			"field's words hold this text, in capitals or not) or FIELD= (it has no "
			"value).",
		.example = "fivepits list action status=in-progress responsible=Pilsley\n"
			   "fivepits list event day~2019-10",
		.run = cmd_list,
	},
	{
		.name = "show",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, false}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_read,
		.summary = "show one record; of a meeting, its agenda and minutes",
		.help = "An ID may be cut to any start that no other has. An action's reference "
			"(1.5) and a\n"
			"school's, group's or person's name do as well.",
		.example = "fivepits show 1.5",
		.run = cmd_show,
	},
	{
		.name = "history",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, false}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_read,
		.summary = "who changed a record, when, and what; the newest first",
		.example = "fivepits history 1.5",
		.run = cmd_history,
	},
	{
		.name = "search",
		.arguments = {{"WORDS", COMPLETE_NOTHING, NULL, false, true}},
		.options = {{"type", 't', "TYPE", "only records of this type", COMPLETE_TYPE,
			     NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_read,
		.summary = "find records whose texts hold all these words",
		.example = "fivepits search skills audit",
		.run = cmd_search,
	},

	/* ---- Write ---- */
	{
		.name = "add",
		.arguments = {{"TYPE", COMPLETE_TYPE, NULL, false, false},
			      {"FIELD=VALUE", COMPLETE_FIELD, NULL, false, true}},
		.options = {{"space", 0, "SPACE",
			     "where it belongs; else where what it refers to is", COMPLETE_NOTHING,
			     NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "make a record; prints its id as the last line",
		.help = "FIELD=@FILE reads the value from a file (@- from standard input; @@ "
			"begins a value\n"
			"with @). FIELD+=VALUE adds to a list. A field that refers to schools, "
			"groups or\n"
			"people takes their names.",
		.example = "fivepits add note on=1.5 kind=progress text='All staff of Heath are "
			   "trained'",
		.run = cmd_add,
	},
	{
		.name = "set",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, false},
			      {"FIELD=VALUE", COMPLETE_FIELD, NULL, false, true}},
		.options = {{"seen", 0, "WORD", "what you had seen: the word 'seen' of show --json",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "change fields of a record",
		.help = "FIELD=VALUE replaces, FIELD= leaves it without a value, FIELD+=VALUE and "
			"FIELD-=VALUE\n"
			"add to a list and take from it, FIELD=@FILE reads from a file. It is "
			"saved on this\n"
			"computer at once, and sent by 'fivepits sync' or 'fivepits serve'.",
		.example = "fivepits set 1.5 status=in-progress responsible+=Heath",
		.run = cmd_set,
	},
	{
		.name = "edit",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, false},
			      {"FIELD", COMPLETE_FIELD, NULL, false, false}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "change a text in your editor ($VISUAL or $EDITOR)",
		.example = "fivepits edit 0192f0c4 minute_text",
		.run = cmd_edit,
	},
	{
		.name = "withdraw",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, true}},
		.options = {{"yes", 'y', NULL, "do not ask, however many they are",
			     COMPLETE_NOTHING, NULL}},
		.help = "More than 20 records, or more than a tenth of a space, are asked about "
			"first.",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "withdraw records; nothing is lost, 'restore' brings them back",
		.example = "fivepits withdraw 0192f0c4",
		.run = cmd_withdraw,
	},
	{
		.name = "restore",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, true}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "bring back what was withdrawn",
		.example = "fivepits restore 0192f0c4",
		.run = cmd_restore,
	},

	{
		.name = "undo",
		.arguments = {{"CHANGE", COMPLETE_NOTHING, NULL, false, true}},
		.options = {{"yes", 'y', NULL, "do not ask, however many records that withdraws",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_edit,
		.summary = "take changes back, by a further change; 'history' names them",
		.help = "Fields, lists and withdrawals go back to what stood before the change; "
			"two versions\n"
			"that it settled are open again. What others have changed since stays as "
			"it is. A\n"
			"change that was not sent yet is taken back by a further one too, unless "
			"it waited\n"
			"for your word (see 'sync'): then it is gone.",
		.example = "fivepits undo 0192f0c4",
		.run = cmd_undo,
	},

	/* ---- Two versions ---- */
	{
		.name = "conflicts",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_settle,
		.summary = "where two people wrote two versions, side by side",
		.example = "fivepits conflicts",
		.run = cmd_conflicts,
	},
	{
		.name = "settle",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, false, false}},
		.options = {{"take", 0, "theirs|yours|NUMBER|SCHOOL|FIELD=VALUE",
			     "which version stands, also by its number or its author's school; or "
			     "a new one (once for each field)",
			     COMPLETE_CHOICE, "theirs yours"},
			    {"seen", 0, "WORD",
			     "what you had seen: the word 'seen' of conflicts --json",
			     COMPLETE_NOTHING, NULL}},
		.needed = "take",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_settle,
		.summary = "settle two versions: choose one, or write a new one",
		.help = "ID is what 'conflicts' prints, or the record's. 'yours' is the version "
			"written on "
			"this\n"
			"computer or else by you, 'theirs' the other. Both stay in the history.\n"
			"Of a document NUMBER says which version counts from then on; all are "
			"kept.",
		.example = "fivepits settle 1.5 --take theirs\n"
			   "fivepits settle 1.5 --take details='Both schools are trained'\n"
			   "fivepits settle rota.docx --take 2",
		.run = cmd_settle,
	},

	/* ---- In step with the others ---- */
	{
		.name = "sync",
		.options =
			{{"yes", 'y', NULL, "send changes too that withdraw many records",
			  COMPLETE_NOTHING, NULL},
			 {"no-documents", 0, NULL,
			  "send no documents this time: they wait, and all else goes",
			  COMPLETE_NOTHING, NULL},
			 {"no-history", 0, NULL,
			  "do not wait for what records were before: it comes another time",
			  COMPLETE_NOTHING, NULL},
			 {"limit-rate", 0, "RATE",
			  "documents no faster than this, in bytes a second, such as 50k or 1.5M",
			  COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_sync,
		.summary = "send what waits here and fetch what is new, until nothing is left",
		.help = "Changes that withdraw more than 20 records, or more than a tenth of a "
			"space, ask\n"
			"first: all else is sent and fetched, then it ends with 1 unless you "
			"agree.\n"
			"'fivepits undo' takes them back.\n"
			"A new computer gets all records as they stand first; what they were "
			"before follows,\n"
			"and may be interrupted.\n"
			"Exit 75: the server can't be reached; everything stays saved on this "
			"computer.",
		.example = "fivepits sync",
		.run = cmd_sync,
	},
	{
		.name = "serve",
		.options =
			{{"limit-rate", 0, "RATE",
			  "documents no faster than this, in bytes a second, such as 50k or 1.5M",
			  COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_LOG,
		.group = group_sync,
		.summary = "stay in step in the background, until stopped",
		.example = "fivepits serve &",
		.run = cmd_serve,
	},
	{
		.name = "status",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_sync,
		.summary =
			"what waits, where two versions are, when the server was reached",
		.example = "fivepits status",
		.run = cmd_status,
	},
	{
		.name = "outbox",
		.arguments = {{"show|send|drop|pause|resume", COMPLETE_CHOICE,
			       "show send drop pause resume", true, false},
			      {"CHANGE", COMPLETE_NOTHING, NULL, true, false},
			      {"FIELD=VALUE", COMPLETE_NOTHING, NULL, true, true}},
		.options = {{"most", 0, "NUMBER",
			     "list so many of those that were decided; else 10", COMPLETE_NOTHING,
			     NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_sync,
		.summary = "your changes: what is not sent yet, and what became of the others",
		.help = "A change that was refused stays here with all that it says, and so does "
			"what was\n"
			"written after it. 'send' makes it anew of what stands now, with other "
			"values where\n"
			"you give them, and sends it and what waits for it; 'drop' gives it up.\n"
			"A document that is on its way is given up with 'drop', too, and 'pause' "
			"has all of\n"
			"them wait on this computer until 'resume'; all else goes.",
		.example = "fivepits outbox\n"
			   "fivepits outbox send 0192f0c4 text='A shorter text'\n"
			   "fivepits outbox drop 0192f0c4\n"
			   "fivepits outbox pause",
		.run = cmd_outbox,
	},
	{
		.name = "held",
		.arguments = {{"accept|refuse", COMPLETE_CHOICE, "accept refuse", true, false},
			      {"CHANGE", COMPLETE_NOTHING, NULL, true, false}},
		.options = {{"words", 0, "TEXT", "with 'refuse': why, to the author",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_sync,
		.summary = "what came after its author's right had ended: let it in or not",
		.help = "The chair of a group decides for its spaces, an administrator for the "
			"others. To\n"
			"accept or refuse needs the server.",
		.example = "fivepits held\n"
			   "fivepits held accept 0192f0c4\n"
			   "fivepits held refuse 0192f0c4 --words 'This was agreed otherwise in "
			   "October'",
		.run = cmd_held,
	},

	/* ---- Documents ---- */
	{
		.name = "put",
		.arguments = {{"FILE", COMPLETE_FILE, NULL, false, true}},
		.options = {{"document", 'd', "ID", "a new version of this document",
			     COMPLETE_NOTHING, NULL},
			    {"title", 0, "TITLE", "the document's title; else the file's name",
			     COMPLETE_NOTHING, NULL},
			    {"name", 0, "NAME", "the file's name to keep; else its own",
			     COMPLETE_NOTHING, NULL},
			    {"space", 0, "SPACE", "where it belongs; else 'partnership'",
			     COMPLETE_NOTHING, NULL},
			    {"note", 0, "TEXT", "what is new in this version", COMPLETE_NOTHING,
			     NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_document,
		.summary = "keep files and folders as documents, or a file as a new version",
		.help = "Of a folder all files below it are kept, with the folders that they are "
			"in; not hidden\n"
			"ones, nor symbolic links. Names are kept to the last byte; one that is "
			"not UTF-8 is\n"
			"read as ISO 8859-1. What can't be kept is told, the others are. With "
			"--json, progress\n"
			"comes as lines of JSON on standard error.",
		.example = "fivepits put memorandum.pdf\n"
			   "fivepits put --document 0192f0c4 memorandum-2019.pdf\n"
			   "fivepits put Papers",
		.run = cmd_put,
	},
	{
		.name = "get",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, true, true}},
		.options = {{"output", 'o', "FILE", "write it there (- prints it)", COMPLETE_FILE,
			     NULL},
			    {"into", 0, "DIR", "write into this folder (made if it is new)",
			     COMPLETE_DIR, NULL},
			    {"force", 'f', NULL, "also over the file that -o names",
			     COMPLETE_NOTHING, NULL},
			    {"version", 0, "VERSION",
			     "an older one: its number (1 is the oldest) or its id",
			     COMPLETE_NOTHING, NULL},
			    {"folder", 0, "FOLDER", "all documents that were put with this folder",
			     COMPLETE_NOTHING, NULL},
			    {"space", 0, "SPACE",
			     "all documents of this space, or those of the "
			     "folder in it",
			     COMPLETE_NOTHING, NULL},
			    {"limit-rate", 0, "RATE",
			     "fetch no faster than this, in bytes a second, such as 50k or 1.5M",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_document,
		.summary = "write documents' files (the picked or newest version) here",
		.help = "Without -o each takes its own name, made safe for any disk, and never the "
			"place of\n"
			"another file. What is not on this computer is fetched. With --json, "
			"progress comes as\n"
			"lines of JSON on standard error.",
		.example = "fivepits get 0192f0c4 -o memorandum.pdf\n"
			   "fivepits get --folder Papers --into Desktop\n"
			   "fivepits get 0192f0c4 --version 1",
		.run = cmd_get,
	},
	{
		.name = "fetch",
		.arguments = {{"ID", COMPLETE_NOTHING, NULL, true, true}},
		.options = {{"keep", 0, NULL,
			     "and keep these documents here, also their new versions",
			     COMPLETE_NOTHING, NULL},
			    {"drop", 0, NULL,
			     "take their files off this computer; without ID, those that the "
			     "policy does not want",
			     COMPLETE_NOTHING, NULL},
			    {"all", 'a', NULL, "all versions; without ID, of all documents",
			     COMPLETE_NOTHING, NULL},
			    {"limit-rate", 0, "RATE",
			     "no faster than this, in bytes a second, such as 50k or 1.5M",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_document,
		.summary = "bring documents' files to this computer, or take them off it",
		.help = "Without ID: what 'fivepits policy' says that this computer is to hold; "
			"sync and serve\n"
			"bring that by themselves. What was dropped stays away until it is asked "
			"for again, by\n"
			"get or fetch.",
		.example = "fivepits fetch\n"
			   "fivepits fetch --keep 0192f0c4\n"
			   "fivepits fetch --drop 0192f0c4",
		.run = cmd_hold,
	},
	{
		.name = "policy",
		.arguments = {{"SPACE", COMPLETE_NOTHING, NULL, true, false},
			      {"all|newest|on-demand", COMPLETE_CHOICE, "all newest on-demand",
			       true, false}},
		.options = {{"up-to", 0, "SIZE",
			     "larger files only when you ask for them, such as 10M (any: none is "
			     "too large)",
			     COMPLETE_NOTHING, NULL},
			    {"limit-rate", 0, "RATE",
			     "from now on documents go and come no faster than this, in bytes a "
			     "second, such as 50k (none: as fast as leaves the line usable)",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_document,
		.summary =
			"which documents' files are held here, and how fast they travel",
		.help = "Lists of documents are always here. Where nobody says otherwise, so are "
			"the newest\n"
			"versions up to 10 MiB; the newest documents come first. It is about this "
			"computer alone.",
		.example = "fivepits policy\n"
			   "fivepits policy partnership newest --up-to 2M\n"
			   "fivepits policy partnership on-demand\n"
			   "fivepits policy --limit-rate 50k",
		.run = cmd_policy,
	},

	/* ---- The plan ---- */
	{
		.name = "import",
		.arguments = {{"plan", COMPLETE_CHOICE, "plan", false, false},
			      {"FILE", COMPLETE_FILE, NULL, false, false}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_plan,
		.summary = "take in a plan from a file; doing it twice doubles nothing",
		.example = "fivepits import plan plan-2019-20.json",
		.run = cmd_import,
	},
	{
		.name = "export",
		.arguments = {{"plan", COMPLETE_CHOICE, "plan", false, false},
			      {"YEAR", COMPLETE_NOTHING, NULL, true, false}},
		.options = {{"output", 'o', "FILE", "write it there instead of printing it",
			     COMPLETE_FILE, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_plan,
		.summary = "print a plan as the JSON that 'import' takes",
		.example = "fivepits export plan 2019-20 -o plan.json",
		.run = cmd_export,
	},

	/* ---- People and devices ---- */
	{
		.name = "join",
		.arguments = {{"INVITATION", COMPLETE_NOTHING, NULL, false, false}},
		.options = {{"proxy", 0, "URL", "the way out, such as http://proxy:8080",
			     COMPLETE_NOTHING, NULL},
			    {"label", 0, "NAME", "what to call this computer; else its own name",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_JSON,
		.group = group_admin,
		.summary = "join an area with the invitation that you were given",
		.example = "fivepits join fivepits:area.example.org:443/...",
		.run = cmd_join,
	},
	{
		.name = "invite",
		.options =
			{{"school", 0, "NAME", "the school (made if it is new)", COMPLETE_NOTHING,
			  NULL},
			 {"name", 0, "NAME", "the person (made if new)", COMPLETE_NOTHING, NULL},
			 {"role", 0, "ROLE", "what they are there; else staff", COMPLETE_CHOICE,
			  "headteacher chair-of-governors governor clerk business-manager sendco "
			  "subject-lead staff guest administrator partnership-lead"},
			 {"group", 0, "GROUP",
			  "a group they belong to (made if new); once for each", COMPLETE_NOTHING,
			  NULL},
			 {"email", 0, "ADDRESS", "their work address", COMPLETE_NOTHING, NULL}},
		.needed = "school name",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_admin,
		.summary = "invite a person, or another device of theirs",
		.help = "Prints the invitation as its last line. It works once, within three days: "
			"give it to\n"
			"nobody else. Needs the server.",
		.example = "fivepits invite --school 'Heath Primary School' --name 'Asha Patel'\n"
			   "fivepits invite --school Heath --name 'Asha Patel' --group 'All Heads'",
		.run = cmd_invite,
	},
	{
		.name = "revoke",
		.arguments = {{"PERSON|DEVICE", COMPLETE_NOTHING, NULL, false, false}},
		.options = {{"reason", 0, "WORDS", "why, for the record", COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_admin,
		.summary = "end the access of a lost device, or of a person who left",
		.example = "fivepits revoke 'Asha Patel' --reason 'left in July'",
		.run = cmd_revoke,
	},
	{
		.name = "quota",
		.options = {{"file", 0, "SIZE", "how large a file may be, such as 50M",
			     COMPLETE_NOTHING, NULL},
			    {"total", 0, "SIZE", "what all files of each school may weigh",
			     COMPLETE_NOTHING, NULL},
			    {"area", 0, "SIZE", "what all files of all schools may weigh",
			     COMPLETE_NOTHING, NULL},
			    {"school", 0, "NAME", "--file and --total are for this school alone",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_admin,
		.summary = "how much documents may weigh, and what your school uses of it",
		.help = "Only administrators set it. It is a record of the space admin, sent by "
			"'fivepits sync';\n"
			"the server refuses what is over it before it is sent. 'none' takes a "
			"limit away; for\n"
			"one school 'any' is no limit, where all others have one.",
		.example = "fivepits quota\n"
			   "fivepits quota --file 50M --total 2G --area 20G\n"
			   "fivepits quota --school Heath --total any",
		.run = cmd_quota,
	},
	{
		.name = "retention",
		.options = {{"newest", 0, "NUMBER", "so many versions of each document are kept",
			     COMPLETE_NOTHING, NULL},
			    {"days", 0, "NUMBER", "each is kept so long after a newer one came",
			     COMPLETE_NOTHING, NULL},
			    {"space", 0, "SPACE", "of this space alone", COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_admin,
		.summary = "how long old versions of documents are kept",
		.help = "Only administrators set it; without it all versions are kept for ever. "
			"The server looks once\n"
			"a day. A version goes when all that is said lets it: never the newest, "
			"one that people\n"
			"picked, signed or refer to, or one of two made apart. Its name, size and "
			"history stay, its\n"
			"bytes are erased everywhere. 'none' takes a number away, 'all' keeps all "
			"versions of a\n"
			"space, whatever is said of the others. Say both: by --newest alone "
			"whoever puts so many\n"
			"new versions makes the old ones go by the next day.",
		.example = "fivepits retention\n"
			   "fivepits retention --newest 5 --days 365\n"
			   "fivepits retention --space partnership --newest all",
		.run = cmd_retention,
	},
	{
		.name = "audit",
		.options = {{"most", 'n', "NUMBER", "only the newest so many", COMPLETE_NOTHING,
			     NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_admin,
		.summary = "who changed people, rights, devices and rules; what was released",
		.example = "fivepits audit -n 20",
		.run = cmd_audit,
	},

	/* ---- This computer's copy ---- */
	{
		.name = "digest",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_check,
		.summary = "a fingerprint of each space; equal copies have an equal 'common'",
		.example = "fivepits digest",
		.run = cmd_digest,
	},
	{
		.name = "fsck",
		.options = {{"repair", 0, NULL,
			     "take damaged parts of documents out, so that they are fetched again",
			     COMPLETE_NOTHING, NULL}},
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_check,
		.summary = "check everything that is kept here",
		.example = "fivepits fsck",
		.run = cmd_fsck,
	},
	{
		.name = "rebuild",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_check,
		.summary = "make the tables and the search index anew from the journal",
		.example = "fivepits rebuild",
		.run = cmd_rebuild,
	},
	{
		.name = "index",
		.flags = COMMAND_COPY | COMMAND_JSON,
		.group = group_check,
		.summary = "read documents that have come, so that search finds their words",
		.help = "serve does so by itself, and sync and search for some seconds. PDF needs "
			"the packages bubblewrap and poppler-utils.",
		.example = "fivepits index",
		.run = cmd_index,
	},
	{
		.name = "limits",
		.arguments = {{"TYPE", COMPLETE_TYPE, NULL, true, false}},
		.flags = COMMAND_JSON,
		.group = group_check,
		.summary = "how large things may be, or the fields of a type",
		.example = "fivepits limits\n"
			   "fivepits limits action",
		.run = cmd_limits,
	},
	{
		.name = "doctor",
		.flags = COMMAND_JSON,
		.group = group_check,
		.summary = "find out why the server can't be reached, in plain words",
		.example = "fivepits doctor",
		.run = cmd_doctor,
	},
	{
		.name = "completion",
		.arguments = {{"bash", COMPLETE_CHOICE, "bash", false, false}},
		.flags = COMMAND_HIDDEN,
		.group = group_check,
		.summary = "print the completion script",
		.example = "source <(fivepits completion bash)",
		.run = cmd_completion,
	},
};

const struct command *command_table(size_t *n)
{
	*n = sizeof(commands) / sizeof(*commands);
	return commands;
}

const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}
