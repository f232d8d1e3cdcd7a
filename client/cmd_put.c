/*
 * `put`: files, and all files of folders, as new documents, or one as a document's new version.
 * What is to be taken in is looked up first, so that progress is of the whole. Files that are read
 * within a moment are kept together, which takes the disk no longer than one, and only then it is
 * said that they are. One file that can't be taken keeps none of the others from it.
 */
#include "client/cmd.h"

#include "client/folder.h"
#include "client/intake.h"
#include "client/media.h"
#include "client/meter.h"
#include "client/names.h"
#include "client/paper.h"
#include "common/os.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOGETHER_US = 50 * 1000, TOGETHER_MOST = 256 };

/* A file that was named, or found in a folder. */
struct put_file {
	const char *path, *folder; /* as kept: "" for none */
	uint64_t bytes;
};

/* One that was read and is not kept yet. */
struct put_item {
	const struct put_file *file;
	const char *name;
	bool renamed; /* its name is not UTF-8 */
	bool same;    /* as the newest version */
	struct content content;
	char media[MEDIA_MOST];
	struct id document, version;
};

struct put {
	struct call *call;
	struct meter meter;
	struct intake *intake;
	struct media *media;
	struct allowance allowance;
	struct buf files;	    /* of struct put_file */
	struct put_item *items;	    /* TOGETHER_MOST of them */
	size_t n_items;
	uint64_t began_us;	    /* when the first of them was read */
	struct id document, space;  /* the document, where it is a new version of one */
	struct buf parents;
	bool is_new, moves_pick;    /* somebody has picked a version: the new one takes its place */
	bool many;
	uint8_t newest[SHA256_LEN]; /* the content of the newest version */
	bool any;
	const char *root; /* of the folder that is walked, as kept */
	char *home;	  /* this program's own folder, behind all links */
	json_t *all;
	size_t failed, said;	    /* `said`: of so many it is, that they are kept */
	size_t kept;		    /* of them so many were new, */
	uint64_t kept_bytes;	    /* of so many bytes */
	struct cause first;	    /* why the first of them was not kept */
	int first_err;
};

static const char *put_clean(struct put *p, const char *path)
{
	return screen_line(&p->call->arena, BYTES(path, strlen(path)));
}

/* ---- What there is -------------------------------------------------------------------------- */

static int put_found(void *arg, const char *path, const char *within, uint64_t bytes)
{
	struct put *p = arg;
	struct arena *arena = &p->call->arena;
	bool changed;
	struct put_file f = {.path = arena_text(arena, BYTES(path, strlen(path))), .bytes = bytes};

	f.folder = *p->root && *within ? arena_format(arena, "%s/%s", p->root,
						      name_kept(arena, within, &changed))
		   : *p->root	       ? p->root
				       : name_kept(arena, within, &changed);
	buf_add(&p->files, &f, sizeof(f));
	return 0;
}

static int put_left_out(void *arg, const char *path, const char *why)
{
	struct put *p = arg;

	cmd_say(p->call, "Left out: %s (%s).", put_clean(p, path), why);
	json_array_append_new(p->all, json_pack("{s:o,s:s}", "file",
						json_text(BYTES(path, strlen(path))), "left_out",
						why));
	return 0;
}

/* The folder's own name, as its documents' folder begins; none for '.' and '..'. */
static const char *put_root(struct put *p, const char *path)
{
	struct arena *arena = &p->call->arena;
	const char *base = name_base(arena, path);
	bool changed;

	return strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ? ""
								 : name_kept(arena, base, &changed);
}

static int put_look(struct put *p)
{
	struct call *call = p->call;
	const struct folder_ops ops = {put_found, put_left_out, p};
	bool one = call_option(call, "document") || call_option(call, "title") ||
		   call_option(call, "name");

	for (size_t i = 0; i < call->n_words; i++) {
		const char *path = call->words[i];
		struct put_file f = {.path = path, .folder = ""};
		struct stat st;
		bool folder = folder_is(path);
		if (one && (folder || call->n_words > 1))
			return cause_set(
				&call->cause, ERR_USAGE,
				"put: with --document, --title or --name it is one FILE");
		if (!folder) {
			f.bytes = stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
			buf_add(&p->files, &f, sizeof(f));
			continue;
		}
		p->many = true;
		p->root = put_root(p, path);
		int err = folder_walk(path, &ops, &call->cause);
		if (err < 0)
			return err;
	}
	p->many = p->many || call->n_words > 1;
	return 0;
}

static uint32_t put_field(uint32_t type, const char *field)
{
	return schema_field_named(schema_type(type), field)->id;
}

/* The document that gets a new version, and what that stands on. */
static int put_find(struct put *p, const char *word)
{
	struct call *call = p->call;
	struct target at;
	struct version *versions;
	size_t n;
	uint32_t field = put_field(TYPE_VERSION, "parents");

	int err = cmd_target(call, word, &at);
	if (err < 0)
		return err;
	if (at.type->number != TYPE_DOCUMENT)
		return cause_set(&call->cause, ERR_INVALID,
				 "%.120s is no document but a record of type %s",
				 lookup_label(call->copy, &at.id, &call->arena), at.type->name);
	if (record_existence(&at.now) == WITHDRAWN)
		return cause_set(&call->cause, ERR_INVALID,
				 "the document was withdrawn; 'fivepits restore' first");
	p->document = at.id;
	p->space = at.space;
	p->moves_pick = version_get(&at.now, "current").len > 0;
	if ((err = paper_versions(call->copy, &at.id, &call->arena, &versions, &n)) < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	for (size_t i = 0; i < n; i++)
		if (versions[i].newest)
			field_add_bytes(&p->parents, field, ID_BYTES(&versions[i].id));
	struct bytes sha =
		n > 0 ? value_bytes(version_get(&versions[n - 1].record, "content")) : BYTES_NONE;
	p->any = sha.len == SHA256_LEN && !contents_released(&versions[n - 1].record).len;
	if (p->any)
		memcpy(p->newest, sha.data, SHA256_LEN);
	return 0;
}

/* ---- The records ---------------------------------------------------------------------------- */

static void put_bytes(struct draft *d, uint32_t type, const char *field, struct bytes v)
{
	struct buf b = {0};
	uint32_t number = put_field(type, field);

	field_add_bytes(&b, number, v);
	draft_set(d, number, buf_bytes(&b));
	buf_fini(&b);
}

static void put_text(struct draft *d, uint32_t type, const char *field, const char *text)
{
	put_bytes(d, type, field, BYTES(text, strlen(text)));
}

static void put_number(struct draft *d, uint32_t type, const char *field, uint64_t v)
{
	struct buf b = {0};
	uint32_t number = put_field(type, field);

	field_add_number(&b, number, v);
	draft_set(d, number, buf_bytes(&b));
	buf_fini(&b);
}

static void put_version(struct put *p, struct draft *d, const struct put_item *t)
{
	const struct content *c = &t->content;
	const char *note = call_option(p->call, "note");

	draft_create(d, TYPE_VERSION, &t->version);
	put_bytes(d, TYPE_VERSION, "document", ID_BYTES(&t->document));
	put_text(d, TYPE_VERSION, "filename", t->name);
	put_text(d, TYPE_VERSION, "media_type", t->media);
	put_number(d, TYPE_VERSION, "bytes", c->bytes);
	put_bytes(d, TYPE_VERSION, "content", BYTES(c->sha, SHA256_LEN));
	if (!content_is_single(c))
		put_bytes(d, TYPE_VERSION, "chunks", BYTES(c->root, SHA256_LEN));
	if (p->parents.len > 0)
		draft_set(d, put_field(TYPE_VERSION, "parents"), buf_bytes(&p->parents));
	if (note)
		put_text(d, TYPE_VERSION, "note", note);
	if (*t->file->folder)
		put_text(d, TYPE_VERSION, "folder", t->file->folder);
}

/* The records of a file. */
static int put_draft(struct put *p, const struct put_item *t, struct draft **out)
{
	struct call *call = p->call;
	const char *title = call_option(call, "title");
	struct draft *d = *out = draft_new(call->copy, &p->space);
	int err = 0;

	draft_holds(d);
	if (p->is_new) {
		draft_create(d, TYPE_DOCUMENT, &t->document);
		put_text(d, TYPE_DOCUMENT, "title",
			 title ? title : name_title(&call->arena, t->name));
		put_number(d, TYPE_DOCUMENT, "state", RECORDS__DOCUMENT__STATE__CURRENT);
	}
	put_version(p, d, t);
	if (p->moves_pick) {
		err = draft_edit(d, &p->document, NULL, &call->cause);
		put_bytes(d, TYPE_DOCUMENT, "current", ID_BYTES(&t->version));
	}
	return err;
}

/* Save the records of some files: of all, or of none. */
static int put_save(struct put *p, const struct put_item *items, size_t n)
{
	struct draft *drafts[TOGETHER_MOST];
	size_t made = 0;
	int err = 0;

	for (size_t i = 0; err >= 0 && i < n; i++)
		if (!items[i].same)
			err = put_draft(p, &items[i], &drafts[made++]);
	if (err >= 0)
		return draft_save_all(drafts, made, &p->call->cause);
	while (made > 0)
		draft_free(&drafts[--made]);
	return err;
}

/* ---- Saying so ------------------------------------------------------------------------------ */

static void put_say_kept(struct put *p, const struct put_item *t)
{
	const struct put_file *f = t->file;
	const struct content *c = &t->content;
	struct call *call = p->call;
	json_t *o = json_object();
	char text[ID_TEXT];

	json_object_set_new(o, "id", cmd_json_id(&t->document));
	json_object_set_new(o, "version", cmd_json_id(&t->version));
	json_object_set_new(o, "file", json_text(BYTES(f->path, strlen(f->path))));
	json_object_set_new(o, "filename", json_text(BYTES(t->name, strlen(t->name))));
	if (*f->folder)
		json_object_set_new(o, "folder", json_text(BYTES(f->folder, strlen(f->folder))));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c->bytes));
	json_object_set_new(o, "content", cmd_json_hex(BYTES(c->sha, SHA256_LEN)));
	json_array_append_new(p->all, o);
	p->kept++;
	p->kept_bytes += c->bytes;
	cmd_say(call, "%s: %s kept. Not sent yet.", put_clean(p, t->name),
		screen_size(&call->arena, c->bytes));
	if (!call->json)
		fprintf(call->out, "%s\n", id_format(&t->document, text));
}

/* A file that is put again is meant as a new version more often than not. */
static void put_say_namesake(struct put *p, const struct put_item *t)
{
	static const char *const fields[] = {"title"};
	struct arena *arena = &p->call->arena;
	const char *title = name_title(arena, t->name);
	const char *first = arena_text(arena, BYTES(title, strcspn(title, " \t\n\r")));
	struct ids all = {0};
	struct record r;

	if (lookup_holding(p->call->copy, schema_type(TYPE_DOCUMENT), fields, 1, first, false,
			   arena, &all) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (id_equal(&all.ids[i], &t->document) ||
		    copy_record(p->call->copy, &all.ids[i], VIEW_SHOWN, arena, &r, NULL) < 0 ||
		    !bytes_equal(value_bytes(version_get(&r, "title")),
				 BYTES(title, strlen(title))))
			continue;
		cmd_say(p->call,
			"There was a document of this name already: 'fivepits put --document %s' "
			"with the file makes a new version of that one.",
			lookup_short_id(p->call->copy, &all.ids[i], arena));
		return;
	}
}

static void put_say(struct put *p, const struct put_item *t)
{
	const char *given = call_option(p->call, "name");

	p->said++;
	meter_hide(&p->meter);
	if (t->renamed)
		cmd_say(p->call,
			"The name of %s is not UTF-8; it is kept as %s, read as ISO 8859-1.",
			put_clean(p, given ? given : t->file->path), put_clean(p, t->name));
	if (p->is_new && !p->many && !call_option(p->call, "title"))
		put_say_namesake(p, t);
	if (t->same)
		cmd_say(p->call, "%s is the same as the newest version: nothing to keep.",
			put_clean(p, t->name));
	else
		put_say_kept(p, t);
}

/* Of many, one that can't be kept is told of, and the others are kept. */
static int put_failed(struct put *p, const struct put_file *f, int err)
{
	struct call *call = p->call;

	if (!p->many)
		return err;
	if (p->failed++ == 0) {
		p->first = call->cause;
		p->first_err = err;
	}
	meter_hide(&p->meter);
	cmd_say(call, "Not kept: %s", put_clean(p, call->cause.words));
	json_array_append_new(
		p->all, json_pack("{s:o,s:o}", "file", json_text(BYTES(f->path, strlen(f->path))),
				  "refused",
				  json_text(BYTES(call->cause.words, strlen(call->cause.words)))));
	return err == ERR_FULL || err == ERR_DB ? err : 0; /* the next would fare no better */
}

/* ---- Keeping -------------------------------------------------------------------------------- */

static void put_progress(void *arg, uint64_t done, uint64_t all)
{
	meter_move(&((struct put *)arg)->meter, done, all);
}

/* Is it of this program's own folder, where the device's key is? */
static bool put_is_own(struct put *p, const char *path)
{
	char *real = realpath(path, NULL);
	size_t n = p->home ? strlen(p->home) : 0;
	bool own = n && real && strncmp(real, p->home, n) == 0 && real[n] == '/';

	free(real);
	return own;
}

/* Read one file. */
static int put_read(struct put *p, const struct put_file *f, struct put_item *t)
{
	struct call *call = p->call;
	const char *given = call_option(call, "name");
	struct cause why;

	*t = (struct put_item){.file = f, .document = p->document};
	t->name = name_kept(&call->arena, given ? given : name_base(&call->arena, f->path),
			    &t->renamed);
	meter_item(&p->meter, put_clean(p, t->name), f->bytes);
	if (put_is_own(p, f->path))
		return cause_set(&call->cause, ERR_INVALID,
				 "%.300s belongs to this computer's own copy and keys, and is no "
				 "document",
				 put_clean(p, f->path));
	int err = limits_check(&p->allowance, f->bytes, &why);
	if (err < 0)
		return cause_set(&call->cause, err, "%.300s: %s", put_clean(p, f->path),
				 why.words);
	err = intake_file(p->intake, f->path, &t->content, &call->cause);
	if (err < 0)
		return err;
	media_guess(p->media, intake_head(p->intake), t->name, t->media);
	p->allowance.waits += t->content.bytes;
	t->same = p->any && memcmp(p->newest, t->content.sha, SHA256_LEN) == 0;
	t->version = id_make(copy_env(call->copy));
	if (p->is_new)
		t->document = id_make(copy_env(call->copy));
	return 0;
}

/* Keep what was read. Where the records of some can't be saved together, each is by itself, so that
 * it is known of which one that is. */
static int put_keep(struct put *p)
{
	size_t n = p->n_items;
	int err = n ? intake_keep(p->intake, &p->call->cause) : 0;
	bool here = err == 0, together = here && n && put_save(p, p->items, n) == 0;

	p->n_items = 0;
	for (size_t i = 0; i < n; i++) {
		const struct put_item *t = &p->items[i];
		int one = !here ? err : together ? 0 : put_save(p, t, 1);
		if (one == 0)
			put_say(p, t);
		else if ((one = put_failed(p, t->file, one)) < 0)
			return one;
	}
	return 0;
}

static int put_file(struct put *p, const struct put_file *f)
{
	struct cause cause;

	if (p->n_items == 0)
		p->began_us = os_monotonic_us();
	int err = put_read(p, f, &p->items[p->n_items]);
	if (err == 0 && ++p->n_items < TOGETHER_MOST &&
	    os_monotonic_us() - p->began_us < TOGETHER_US)
		return 0;
	cause = p->call->cause;
	int kept = put_keep(p);
	if (err == 0 || kept < 0)
		return kept;
	p->call->cause = cause;
	return put_failed(p, f, err);
}

static int put_all(struct put *p)
{
	struct call *call = p->call;
	const struct put_file *files = (const struct put_file *)p->files.data;
	size_t n = p->files.len / sizeof(*files);
	uint64_t bytes = 0;
	int err = limits_allowance(call->copy, &p->allowance);

	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	for (size_t i = 0; i < n; i++)
		bytes += files[i].bytes;
	meter_begin(&p->meter, "Keeping", call->json, call->quiet);
	meter_expect(&p->meter, n, bytes);
	for (size_t i = 0; err >= 0 && i < n; i++) {
		err = put_file(p, &files[i]);
		meter_item_end(&p->meter);
	}
	if (err >= 0)
		err = put_keep(p);
	meter_end(&p->meter);
	if (p->kept > 1)
		cmd_say(call, "%zu documents kept, %s in all: 'fivepits sync' sends them.",
			p->kept, screen_size(&call->arena, p->kept_bytes));
	if (p->failed == 0)
		return err;
	size_t left = n - p->said; /* what stood behind a full disk, too */
	return cause_set(&call->cause, p->first_err,
			 "%zu of %zu files %s not kept; the first: %.400s", left, n,
			 left == 1 ? "was" : "were", p->first.words);
}

static int put_options(struct put *p)
{
	struct call *call = p->call;
	const char *document = call_option(call, "document"), *space = call_option(call, "space");
	const char *name = call_option(call, "name");

	if (document && (space || call_option(call, "title")))
		return cause_set(&call->cause, ERR_USAGE,
				 "put: a new version has its document's space and title");
	if (name && (!*name || strlen(name) > NAME_KEPT_MOST))
		return cause_set(&call->cause, ERR_INVALID,
				 "put: a file's name has 1 to %d bytes", NAME_KEPT_MOST);
	if (document)
		return put_find(p, document);
	return space ? resolve_space(call->copy, space, &p->space, &call->cause) : 0;
}

int cmd_put(struct call *call)
{
	struct put p = {.call = call,
			.is_new = !call_option(call, "document"),
			.space = id_partnership(&copy_identity(call->copy)->area)};
	p.all = json_array();
	p.home = realpath(copy_home(call->copy), NULL);
	p.intake = intake_new(call->copy, put_progress, &p);
	p.media = media_new();
	p.items = mem_alloc(TOGETHER_MOST * sizeof(*p.items));
	int err = put_look(&p);
	if (err >= 0)
		err = put_options(&p);
	if (err >= 0)
		err = put_all(&p);
	if (err >= 0 && p.files.len == 0)
		cmd_say(call, "There is no file in it.");
	intake_free(&p.intake);
	media_free(&p.media);
	free(p.items);
	free(p.home);
	buf_fini(&p.parents);
	buf_fini(&p.files);
	if (call->json && (err >= 0 || p.failed)) {
		int printed = cmd_json(call, p.all);
		return err < 0 ? err : printed;
	}
	json_decref(p.all);
	return err;
}
