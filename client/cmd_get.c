/*
 * `get`: documents as files, one or many. What is not on this computer is fetched first, all on one
 * line to the server. No file is ever replaced that nobody agreed to lose.
 */
#include "client/cmd.h"

#include "client/folder.h"
#include "client/holding.h"
#include "client/meter.h"
#include "client/names.h"
#include "client/paper.h"
#include "common/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A file to write. */
struct get_file {
	struct version version;
	struct content content;
	size_t apart; /* versions that stand side by side */
	const char *within; /* the folder below the one that it is written to; "": that one */
};

/* A folder that is written to, and its names. */
struct place {
	const char *path;
	struct names names;
};

struct getting {
	struct call *call;
	struct meter meter;
	struct get_file *files;
	size_t n, cap;
	struct place *places;
	size_t n_places, cap_places;
	const char *into;
	bool many;
	json_t *all;
	size_t failed;
	struct cause first; /* why the first of them was not written */
	int first_err;
};

/* ---- What is asked for ---------------------------------------------------------------------- */

static int get_add(struct getting *g, const struct version *v, size_t apart, const char *within)
{
	struct get_file f = {.version = *v, .apart = apart, .within = within};

	if (!contents_of(&v->record, &f.content))
		return cause_set(&g->call->cause, ERR_INVALID, "this version names no content");
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->files = mem_resize(g->files, g->cap * sizeof(*g->files));
	}
	g->files[g->n++] = f;
	return 0;
}

/* A version by its number (1: the oldest), or by its id. */
static int get_picked(struct getting *g, const struct id *document, const char *which,
		      const struct version *list, size_t n)
{
	struct call *call = g->call;
	size_t len = strlen(which);
	char *end;
	unsigned long number = strtoul(which, &end, 10);

	if (*end == '\0' && len < 8 && number >= 1 && number <= n)
		return get_add(g, &list[number - 1], 0, "");
	for (size_t i = 0; i < n && len >= 8; i++)
		if (cmd_id_starts(&list[i].id, which))
			return get_add(g, &list[i], 0, "");
	return cause_set(&call->cause, ERR_MISSING,
			 "the document has no version %.60s: 'fivepits show %s' lists its %zu",
			 screen_line(&call->arena, BYTES(which, len)),
			 lookup_short_id(call->copy, document, &call->arena), n);
}

/* The version that an ID means: itself, or of a document the one that --version says, the picked
 * one, or the newest. */
static int get_find(struct getting *g, const char *word)
{
	struct call *call = g->call;
	const char *which = call_option(call, "version");
	struct target at;
	struct version *list;
	size_t n, apart;

	int err = cmd_target(call, word, &at);
	if (err < 0)
		return err;
	if (at.type->number == TYPE_VERSION) {
		struct version v = {.id = at.id, .space = at.space, .record = at.now};
		return get_add(g, &v, 0, "");
	}
	if (at.type->number != TYPE_DOCUMENT)
		return cause_set(&call->cause, ERR_INVALID,
				 "%.120s is no document but a record of type %s",
				 lookup_label(call->copy, &at.id, &call->arena), at.type->name);
	if ((err = paper_versions(call->copy, &at.id, &call->arena, &list, &n)) < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	if (which)
		return get_picked(g, &at.id, which, list, n);
	const struct version *v = paper_current(&at.now, list, n, &apart);
	if (!v && n > 0)
		v = &list[n - 1]; /* all were released: it says so */
	if (!v)
		return cause_set(&call->cause, ERR_MISSING,
				 "the document has no version on this computer: 'fivepits sync' "
				 "may bring one");
	return get_add(g, v, apart, "");
}

/* Where a document of this folder goes, when all of `root` and below is asked for (NULL: all). The
 * folder's own name stays. NULL: it is not below. */
static const char *get_within(const char *folder, const char *root)
{
	size_t n = root ? strlen(root) : 0;

	while (n > 0 && root[n - 1] == '/')
		n--;
	if (n && (strncmp(folder, root, n) != 0 || (folder[n] && folder[n] != '/')))
		return NULL;
	while (n > 0 && root[n - 1] != '/')
		n--;
	return folder + n;
}

static int get_all(struct getting *g, const char *root, const struct id *space)
{
	struct call *call = g->call;
	struct ids ids;
	int err = lookup_type(call->copy, TYPE_DOCUMENT, false, &call->arena, &ids);

	for (size_t i = 0; i < ids.n && err >= 0; i++) {
		struct record now;
		struct id where;
		struct version *list;
		size_t n, apart;
		err = copy_record(call->copy, &ids.ids[i], VIEW_SHOWN, &call->arena, &now, &where);
		if (err >= 0)
			err = paper_versions(call->copy, &ids.ids[i], &call->arena, &list, &n);
		const struct version *v =
			err >= 0 ? paper_current(&now, list, n, &apart) : NULL;
		if (!v || (space && !id_equal(space, &where)))
			continue;
		struct bytes folder = value_bytes(version_get(&v->record, "folder"));
		const char *within = get_within(arena_text(&call->arena, folder), root);
		if (within)
			err = get_add(g, v, apart, within);
	}
	return err < 0 ? cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err))
		       : 0;
}

static int get_collect(struct getting *g)
{
	struct call *call = g->call;
	const char *folder = call_option(call, "folder"), *space = call_option(call, "space");
	struct id where;
	int err = 0;

	if (space && (err = resolve_space(call->copy, space, &where, &call->cause)) < 0)
		return err;
	if (folder || space)
		err = get_all(g, folder, space ? &where : NULL);
	for (size_t i = 0; i < call->n_words && err >= 0; i++)
		err = get_find(g, call->words[i]);
	if (err >= 0 && g->n == 0)
		return cause_set(&call->cause, ERR_MISSING,
				 "there is no document in that %s here%s",
				 folder ? "folder" : "space",
				 folder ? "; 'fivepits list version folder~TEXT' finds one by a "
					  "part of its name"
					: "");
	return err;
}

/* ---- Having it here ------------------------------------------------------------------------- */

/* What the disk did not keep is fetched again. `err`: how reading it went. */
static int get_again(struct call *call, const struct content *content, int err)
{
	if (err != ERR_CORRUPT && err != ERR_MISSING)
		return err;
	err = contents_mend(call->copy, content);
	return err < 0 ? err : cmd_fetch(call, content);
}

/* All that is not here, in one go. What could not be had is told file by file (get_failed). */
static int get_fetch(struct getting *g)
{
	struct call *call = g->call;
	struct buf ids = {0};
	int err = 0;

	for (size_t i = 0; i < g->n && err >= 0; i++) {
		if (contents_released(&g->files[i].version.record).len)
			continue;
		err = contents_has(call->copy, g->files[i].content.root, NULL);
		if (err == 0)
			buf_add(&ids, &g->files[i].version.id, sizeof(struct id));
	}
	if (err >= 0 && ids.len == sizeof(struct id) && g->n == 1)
		err = cmd_fetch(call, &g->files[0].content);
	else if (err >= 0 && ids.len)
		err = cmd_fetch_many(call, (const struct id *)ids.data,
				     ids.len / sizeof(struct id));
	buf_fini(&ids);
	return err < 0 ? err : 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Where to write, when -o says; never over a file that nobody agreed to lose, nor over what is
 * none: /dev/null would be a file from then on. */
static int get_check_output(struct call *call, const char *path)
{
	const char *clean = screen_line(&call->arena, BYTES(path, strlen(path)));
	struct stat st;

	if (folder_is(path))
		return cause_set(&call->cause, ERR_EXISTS,
				 "%.200s is a folder: --into writes into it", clean);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return cause_set(&call->cause, ERR_INVALID,
				 "%.200s is no file: '-o -' prints the document", clean);
	if (!os_exists(path) || call_option(call, "force"))
		return 0;
	if (os_is_terminal(stdin) && os_is_terminal(stderr) &&
	    cmd_agree(arena_format(&call->arena, "Replace %s?", clean)))
		return 0;
	return cause_set(&call->cause, ERR_EXISTS, "%.200s is there already; --force replaces it",
			 clean);
}

static int get_make_dir(struct call *call, const char *path)
{
	if (mkdir(path, 0777) == 0 || (errno == EEXIST && os_exists(path)))
		return 0;
	return cause_set(&call->cause, errno == ENOSPC ? ERR_FULL : ERR_IO,
			 "can't make the folder %.200s: %s", path, strerror(errno));
}

/* The folder that a file goes to, made where it is new: each part of its name made safe. */
static int get_dir(struct getting *g, const char *within, const char **out)
{
	struct arena *arena = &g->call->arena;
	int err = 0;

	*out = g->into;
	while (*within && err == 0) {
		size_t n = strcspn(within, "/");
		if (n) {
			const char *safe = name_safe(arena, BYTES(within, n));
			*out = strcmp(*out, ".") ? arena_format(arena, "%s/%s", *out, safe) : safe;
			err = get_make_dir(g->call, *out);
		}
		within += n + (within[n] == '/');
	}
	return err;
}

static struct names *get_names(struct getting *g, const char *dir)
{
	for (size_t i = 0; i < g->n_places; i++)
		if (strcmp(g->places[i].path, dir) == 0)
			return &g->places[i].names;
	if (g->n_places == g->cap_places) {
		g->cap_places = g->cap_places ? 2 * g->cap_places : 8;
		g->places = mem_resize(g->places, g->cap_places * sizeof(*g->places));
	}
	struct place *p = &g->places[g->n_places++];
	p->path = dir;
	names_init(&p->names, dir);
	return &p->names;
}

/* Where a file goes: as -o says, or to a name that is free, which is taken. */
static int get_place(struct getting *g, const struct get_file *f, const char **path)
{
	struct call *call = g->call;
	struct bytes name = value_bytes(version_get(&f->version.record, "filename"));
	const char *dir;

	*path = call_option(call, "output");
	if (*path)
		return 0;
	int err = get_dir(g, f->within, &dir);
	if (err < 0)
		return err;
	*path = names_take(get_names(g, dir), &call->arena, dir, name_safe(&call->arena, name),
			   &call->cause);
	return *path ? 0 : ERR_IO;
}

static int get_write(struct getting *g, const struct get_file *f, const char **path)
{
	struct call *call = g->call;
	int err = get_place(g, f, path);

	if (err < 0)
		return err;
	err = contents_save(call->copy, &f->content, *path, &call->cause);
	if (err < 0 && (err = get_again(call, &f->content, err)) == 0)
		err = contents_save(call->copy, &f->content, *path, &call->cause);
	if (err < 0 && !call_option(call, "output"))
		remove(*path);
	return err;
}

static json_t *get_json(const struct get_file *f, const char *path)
{
	struct bytes name = value_bytes(version_get(&f->version.record, "filename"));

	return json_pack("{s:o,s:o,s:o,s:I}", "file", json_text(BYTES(path, strlen(path))),
			 "filename", json_text(name), "version", cmd_json_id(&f->version.id),
			 "bytes", (json_int_t)f->content.bytes);
}

static void get_say(struct getting *g, const struct get_file *f, const char *path)
{
	struct call *call = g->call;
	struct id document;

	json_array_append_new(g->all, get_json(f, path));
	cmd_say(call, "Wrote %s (%s).", screen_line(&call->arena, BYTES(path, strlen(path))),
		screen_size(&call->arena, f->content.bytes));
	if (f->apart > 1 && id_from(&document, value_bytes(version_get(&f->version.record,
								       "document"))))
		cmd_say(call,
			"It has %zu versions that were made apart; this is the newest. 'fivepits "
			"settle %s --take NUMBER' picks one, 'fivepits conflicts' shows them.",
			f->apart, lookup_short_id(call->copy, &document, &call->arena));
}

static int get_file(struct getting *g, const struct get_file *f)
{
	struct call *call = g->call;
	struct bytes name = value_bytes(version_get(&f->version.record, "filename"));
	const char *path;

	meter_item(&g->meter, screen_line(&call->arena, name), f->content.bytes);
	int err = paper_check_released(&f->version.record, &call->cause);
	if (err < 0)
		return err;
	err = contents_has(call->copy, f->content.root, NULL);
	if (err == 0)
		return cause_set(&call->cause, ERR_MISSING, "its bytes could not be fetched");
	err = get_write(g, f, &path);
	if (err < 0)
		return err;
	meter_hide(&g->meter);
	get_say(g, f, path);
	return 0;
}

/* Of many, each that could not be had is told of, and the others are written. */
static void get_failed(struct getting *g, const struct get_file *f, int err, const char *why)
{
	struct call *call = g->call;
	struct bytes name = value_bytes(version_get(&f->version.record, "filename"));

	if (g->failed++ == 0) {
		cause_set(&g->first, err, "%s", why);
		g->first_err = err;
	}
	if (!g->many)
		return;
	meter_hide(&g->meter);
	cmd_say(call, "Not written: %s (%s).", screen_line(&call->arena, name), why);
	json_array_append_new(g->all, json_pack("{s:o,s:o,s:o}", "filename", json_text(name),
						"version", cmd_json_id(&f->version.id), "refused",
						json_text(BYTES(why, strlen(why)))));
}

/* `err` is why what was not here could not be fetched, or 0. */
static int get_files(struct getting *g, int err)
{
	struct call *call = g->call;
	struct cause why = call->cause;
	uint64_t bytes = 0;
	int got = 0;

	for (size_t i = 0; i < g->n; i++)
		bytes += g->files[i].content.bytes;
	meter_begin(&g->meter, "Writing", call->json, call->quiet);
	meter_expect(&g->meter, g->n, bytes);
	for (size_t i = 0; i < g->n; i++) {
		if (got != ERR_FULL) { /* else the rest would fare no better */
			got = get_file(g, &g->files[i]);
			meter_item_end(&g->meter);
		}
		if (got == ERR_MISSING && err < 0)
			get_failed(g, &g->files[i], err, why.words);
		else if (got < 0)
			get_failed(g, &g->files[i], got, call->cause.words);
	}
	meter_end(&g->meter);
	if (g->failed == 0)
		return 0;
	if (g->n == 1)
		return cause_set(&call->cause, g->first_err, "%s", g->first.words);
	return cause_set(&call->cause, g->first_err, "%zu of %zu files could not be had: %.400s",
			 g->failed, g->n, g->first.words);
}

/* Straight to a stream or to one file that -o names. */
static int get_one(struct getting *g)
{
	struct call *call = g->call;
	const char *output = call_option(call, "output");
	const struct content *content = &g->files[0].content;
	bool print = output && strcmp(output, "-") == 0;
	int err = paper_check_released(&g->files[0].version.record, &call->cause);

	if (err < 0)
		return err;
	if (output && !print && (err = get_check_output(call, output)) < 0)
		return err;
	if ((err = get_fetch(g)) < 0)
		return err;
	if (!print)
		return get_files(g, 0);
	/* It can't be taken back once it is written. */
	err = get_again(call, content, contents_verify(call->copy, content, &call->cause));
	return err < 0 ? err : contents_print(call->copy, content, call->out, &call->cause);
}

static int get_check(struct getting *g)
{
	struct call *call = g->call;
	const char *into = call_option(call, "into");
	bool set = call_option(call, "folder") || call_option(call, "space");

	const char *which = call_option(call, "version");

	if (which && (!*which || which[strspn(which, "0123456789abcdefABCDEF-")]))
		return cause_set(&call->cause, ERR_USAGE,
				 "get: '%.60s' is no version: write its number or its id",
				 screen_line(&call->arena, BYTES(which, strlen(which))));
	g->many = set || call->n_words > 1;
	g->into = into && *into ? into : ".";
	if (!set && call->n_words == 0)
		return cause_set(&call->cause, ERR_USAGE,
				 "get: which document? An ID, or --folder or --space");
	if (g->many && (call_option(call, "output") || call_option(call, "version")))
		return cause_set(&call->cause, ERR_USAGE,
				 "get: with --output or --version it is one ID");
	if (into && call_option(call, "output"))
		return cause_set(&call->cause, ERR_USAGE, "get: either --output or --into");
	return 0;
}

int cmd_get(struct call *call)
{
	struct getting g = {.call = call};
	const char *output = call_option(call, "output");
	uint64_t limit;
	int err = cmd_rate(call, &limit);

	if (err >= 0)
		err = get_check(&g);
	g.all = json_array();
	if (err >= 0)
		err = get_collect(&g);
	if (err >= 0 && call_option(call, "into"))
		err = get_make_dir(call, g.into);
	if (err >= 0 && g.n == 1 && !g.many)
		err = get_one(&g);
	else if (err >= 0 && !err_is_end(err = get_fetch(&g)))
		err = get_files(&g, err);
	for (size_t i = 0; i < g.n_places; i++)
		names_fini(&g.places[i].names);
	free(g.places);
	free(g.files);
	bool told = call->json && !(output && strcmp(output, "-") == 0) && (err >= 0 || g.many);
	if (told) {
		json_t *v = g.many ? json_incref(g.all) : json_incref(json_array_get(g.all, 0));
		int printed = cmd_json(call, v);
		err = err < 0 ? err : printed;
	}
	json_decref(g.all);
	return err;
}
