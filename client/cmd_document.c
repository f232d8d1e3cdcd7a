/*
 * Documents: `put` takes files in, as new documents or as a document's new version; `get` writes
 * one out. A file's name is data from somebody else: it becomes a name in this folder only after
 * everything that could make it more than that was taken out.
 */
#include "client/cmd.h"

#include "client/contents.h"
#include "common/os.h"
#include "common/utf8.h"
#include "records.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Names ---------------------------------------------------------------------------------- */

/* What stands behind the last slash. */
static const char *document_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Is it one line of UTF-8 without control characters? */
static bool document_is_line(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] < 0x20 || name.data[i] == 0x7f)
			return false;
	return utf8_is_valid(name);
}

/* A file's name as it is kept: as it is, to the last space, but made one line of UTF-8. */
static const char *document_kept_name(struct call *call, const char *path)
{
	enum { NAME_MOST = 255 };
	const char *name = document_base(path);
	if (!document_is_line(BYTES(name, strlen(name))))
		name = screen_line(&call->arena, BYTES(name, strlen(name)));
	size_t n = strlen(name);
	while (n > NAME_MOST || (n < strlen(name) && ((unsigned char)name[n] & 0xc0) == 0x80))
		n--;
	return n > 0 ? arena_text(&call->arena, BYTES(name, n)) : "document";
}

/* Names that Windows keeps for itself, with any ending. */
static bool document_is_reserved(const char *name)
{
	static const char *const words[] = {"con", "prn", "aux", "nul", "com", "lpt"};
	size_t n = strcspn(name, ".");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strncasecmp(name, words[i], 3) == 0 && (n == 3 || (i >= 4 && n == 4)))
			return true;
	return false;
}

/*
 * A name that is safe in any folder: no path, no control or direction marks (screen_line took
 * them), no leading dot or dash, nothing that another system can't store.
 */
static const char *document_safe_name(struct call *call, struct bytes filename)
{
	enum { NAME_MOST = 200 };
	char *name = arena_format(&call->arena, "%s", screen_line(&call->arena, filename));
	size_t n = strlen(name);

	for (char *p = name; *p; p++)
		if (strchr("/\\<>:\"|?*", *p))
			*p = '_';
	while (n > NAME_MOST || (name[n] && ((unsigned char)name[n] & 0xc0) == 0x80))
		n--;
	while (n > 0 && (name[n - 1] == '.' || name[n - 1] == ' '))
		n--;
	name[n] = '\0';
	name += strspn(name, ".- ");
	if (!*name)
		return "document";
	return document_is_reserved(name) ? arena_format(&call->arena, "_%s", name) : name;
}

/* A guess by the ending, for programs that open it later. */
static const char *document_media_type(const char *name)
{
	static const char *const types[][2] = {
	    {".pdf", "application/pdf"},
	    {".txt", "text/plain"},
	    {".csv", "text/csv"},
	    {".md", "text/markdown"},
	    {".html", "text/html"},
	    {".odt", "application/vnd.oasis.opendocument.text"},
	    {".ods", "application/vnd.oasis.opendocument.spreadsheet"},
	    {".doc", "application/msword"},
	    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	    {".xls", "application/vnd.ms-excel"},
	    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	    {".ppt", "application/vnd.ms-powerpoint"},
	    {".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	    {".jpg", "image/jpeg"},
	    {".jpeg", "image/jpeg"},
	    {".png", "image/png"},
	    {".zip", "application/zip"},
	};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (strcasecmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/* ---- Versions ------------------------------------------------------------------------------- */

static struct bytes version_get(const struct record *r, const char *field)
{
	return record_get(r, schema_field_named(schema_type(r->type), field)->id);
}

struct version {
	struct id id;
	struct record record;
	bool newest; /* no other version was made on top of it */
};

static int version_compare(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	/* What is not accepted yet has the number 0 and is the newest. */
	uint64_t n = x->record.number ? x->record.number : UINT64_MAX;
	uint64_t m = y->record.number ? y->record.number : UINT64_MAX;
	return n != m ? (n < m ? -1 : 1) : id_compare(&x->id, &y->id);
}

/* The versions of a document, oldest first. */
static int version_list(struct call *call, const struct id *document, struct version **out,
			size_t *n)
{
	uint32_t field = schema_field_named(schema_type(TYPE_VERSION), "document")->id;
	struct ids ids;
	int err = lookup_referring(call->copy, TYPE_VERSION, field, document, &call->arena, &ids);

	*n = 0;
	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	*out = arena_alloc(&call->arena, (ids.n + 1) * sizeof(**out));
	for (size_t i = 0; i < ids.n; i++) {
		struct version *v = &(*out)[*n];
		v->id = ids.ids[i];
		if (copy_record(call->copy, &v->id, VIEW_SHOWN, &call->arena, &v->record, NULL) ==
		    0)
			++*n;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), version_compare);
	for (size_t i = 0; i < *n; i++) {
		struct buf member = {0};
		(*out)[i].newest = true;
		field_add_bytes(&member,
				schema_field_named(schema_type(TYPE_VERSION), "parents")->id,
				ID_BYTES(&(*out)[i].id));
		for (size_t k = 0; k < *n; k++)
			if (value_has_member(version_get(&(*out)[k].record, "parents"),
					     buf_bytes(&member)))
				(*out)[i].newest = false;
		buf_fini(&member);
	}
	return 0;
}

/* ---- put ------------------------------------------------------------------------------------ */

struct put {
	struct call *call;
	struct progress bar;
	struct id document, version, space;
	bool is_new;
	const char *name;
	struct content content;
	struct buf parents;
	uint8_t newest[SHA256_LEN]; /* the content of the newest version */
	bool any;
};

static void put_progress(void *arg, uint64_t done, uint64_t all)
{
	progress_move(&((struct put *)arg)->bar, done, all);
}

/* The document that gets a new version, and what that stands on. */
static int put_find(struct put *p, const char *word)
{
	struct call *call = p->call;
	struct target at;
	struct version *versions;
	size_t n;
	uint32_t field = schema_field_named(schema_type(TYPE_VERSION), "parents")->id;

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
	if ((err = version_list(call, &at.id, &versions, &n)) < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		if (versions[i].newest)
			field_add_bytes(&p->parents, field, ID_BYTES(&versions[i].id));
	struct bytes sha =
	    n > 0 ? value_bytes(version_get(&versions[n - 1].record, "content")) : BYTES_NONE;
	p->any = sha.len == SHA256_LEN;
	if (p->any)
		memcpy(p->newest, sha.data, SHA256_LEN);
	return 0;
}

static void put_text(struct draft *d, uint32_t type, const char *field, const char *text)
{
	struct buf b = {0};
	uint32_t number = schema_field_named(schema_type(type), field)->id;
	field_add_text(&b, number, text);
	draft_set(d, number, buf_bytes(&b));
	buf_fini(&b);
}

static void put_number(struct draft *d, uint32_t type, const char *field, uint64_t v)
{
	struct buf b = {0};
	uint32_t number = schema_field_named(schema_type(type), field)->id;
	field_add_number(&b, number, v);
	draft_set(d, number, buf_bytes(&b));
	buf_fini(&b);
}

static void put_bytes(struct draft *d, uint32_t type, const char *field, struct bytes v)
{
	struct buf b = {0};
	uint32_t number = schema_field_named(schema_type(type), field)->id;
	field_add_bytes(&b, number, v);
	draft_set(d, number, buf_bytes(&b));
	buf_fini(&b);
}

/* The records of a file that is in the store already. */
static int put_save(struct put *p)
{
	struct call *call = p->call;
	const char *title = call_option(call, "title"), *note = call_option(call, "note");
	struct draft *d = draft_new(call->copy, &p->space);

	if (p->is_new) {
		p->document = id_make(copy_env(call->copy));
		draft_create(d, TYPE_DOCUMENT, &p->document);
		put_text(d, TYPE_DOCUMENT, "title", title ? title : p->name);
		put_number(d, TYPE_DOCUMENT, "state", RECORDS__DOCUMENT__STATE__CURRENT);
	}
	p->version = id_make(copy_env(call->copy));
	draft_create(d, TYPE_VERSION, &p->version);
	put_bytes(d, TYPE_VERSION, "document", ID_BYTES(&p->document));
	put_text(d, TYPE_VERSION, "filename", p->name);
	put_text(d, TYPE_VERSION, "media_type", document_media_type(p->name));
	put_number(d, TYPE_VERSION, "bytes", p->content.bytes);
	put_bytes(d, TYPE_VERSION, "content", BYTES(p->content.sha, SHA256_LEN));
	if (memcmp(p->content.root, p->content.sha, SHA256_LEN) != 0)
		put_bytes(d, TYPE_VERSION, "chunks", BYTES(p->content.root, SHA256_LEN));
	if (p->parents.len > 0)
		draft_set(d, schema_field_named(schema_type(TYPE_VERSION), "parents")->id,
			  buf_bytes(&p->parents));
	if (note)
		put_text(d, TYPE_VERSION, "note", note);
	int err = cmd_save(call, &d, true);
	draft_free(&d);
	return err;
}

static int put_file(struct put *p, const char *path, json_t *all)
{
	struct call *call = p->call;
	progress_begin(&p->bar, document_base(screen_line(&call->arena, BYTES(path, strlen(path)))),
		       call->quiet);
	int err = contents_add(call->copy, path, &p->content, put_progress, p, &call->cause);
	progress_end(&p->bar);
	if (err < 0)
		return err;
	p->name = document_kept_name(call, path);
	if (p->any && memcmp(p->newest, p->content.sha, SHA256_LEN) == 0) {
		cmd_say(call, "%s is the same as the newest version: nothing to keep.",
			screen_line(&call->arena, BYTES(p->name, strlen(p->name))));
		return 0;
	}
	if ((err = put_save(p)) < 0)
		return err;
	json_t *o = json_object();
	json_object_set_new(o, "id", cmd_json_id(&p->document));
	json_object_set_new(o, "version", cmd_json_id(&p->version));
	json_object_set_new(o, "filename", json_text(BYTES(p->name, strlen(p->name))));
	json_object_set_new(o, "bytes", json_integer((json_int_t)p->content.bytes));
	json_object_set_new(o, "content", cmd_json_hex(BYTES(p->content.sha, SHA256_LEN)));
	json_array_append_new(all, o);
	cmd_say(call, "%s: %s kept. Not sent yet.",
		screen_line(&call->arena, BYTES(p->name, strlen(p->name))),
		screen_size(&call->arena, p->content.bytes));
	return 0;
}

static int put_all(struct put *p, json_t *all)
{
	struct call *call = p->call;
	char text[ID_TEXT];
	for (size_t i = 0; i < call->n_words; i++) {
		int err = put_file(p, call->words[i], all);
		if (err < 0)
			return err;
		if (!call->json)
			fprintf(call->out, "%s\n", id_format(&p->document, text));
	}
	return 0;
}

int cmd_put(struct call *call)
{
	const char *document = call_option(call, "document"), *space = call_option(call, "space");
	struct put p = {.call = call,
			.is_new = !document,
			.space = id_partnership(&copy_identity(call->copy)->area)};
	json_t *all;
	int err = 0;

	if ((document || call_option(call, "title")) && call->n_words > 1)
		return cause_set(&call->cause, ERR_USAGE,
				 "put: with --document or --title it is one FILE");
	if (document && (space || call_option(call, "title")))
		return cause_set(&call->cause, ERR_USAGE,
				 "put: a new version has its document's space and title");
	if (document)
		err = put_find(&p, document);
	else if (space)
		err = resolve_space(call->copy, space, &p.space, &call->cause);
	all = json_array();
	if (err >= 0)
		err = put_all(&p, all);
	buf_fini(&p.parents);
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	return err;
}

/* ---- get ------------------------------------------------------------------------------------ */

/* The version that an ID means: itself, the document's picked one, or its newest. */
static int get_version(struct call *call, struct version *out, size_t *apart)
{
	struct target at;
	struct version *versions;
	struct id picked;
	size_t n;

	*apart = 0;
	int err = cmd_target(call, call->words[0], &at);
	if (err < 0)
		return err;
	*out = (struct version){.id = at.id, .record = at.now};
	if (at.type->number == TYPE_VERSION)
		return 0;
	if (at.type->number != TYPE_DOCUMENT)
		return cause_set(&call->cause, ERR_INVALID,
				 "%.120s is no document but a record of type %s",
				 lookup_label(call->copy, &at.id, &call->arena), at.type->name);
	if (id_from(&picked, value_bytes(version_get(&at.now, "current"))) &&
	    copy_record(call->copy, &picked, VIEW_SHOWN, &call->arena, &out->record, NULL) == 0 &&
	    out->record.type == TYPE_VERSION && record_existence(&out->record) == LIVE) {
		out->id = picked;
		return 0;
	}
	if ((err = version_list(call, &at.id, &versions, &n)) < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		if (versions[i].newest) {
			*out = versions[i];
			++*apart;
		}
	return *apart ? 0
		      : cause_set(&call->cause, ERR_MISSING,
				  "the document has no version on this computer");
}

/* A new name in this folder, by making an empty file of it: "minutes.pdf", then
 * "minutes (2).pdf". */
static const char *get_new_name(struct call *call, struct bytes filename)
{
	enum { MOST = 1000 };
	const char *name = document_safe_name(call, filename), *dot = strrchr(name, '.');
	int stem = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
	for (int i = 1; i <= MOST; i++) {
		const char *try =
		    i == 1 ? name
			   : arena_format(&call->arena, "%.*s (%d)%s", stem, name, i, name + stem);
		FILE *f = fopen(try, "wxe");
		if (f) {
			fclose(f);
			return try;
		}
		if (errno != EEXIST) {
			cause_set(&call->cause, ERR_IO, "can't write %.200s here: %s", try,
				  strerror(errno));
			return NULL;
		}
	}
	cause_set(&call->cause, ERR_EXISTS,
		  "there are %d files called %.200s here; name another with -o", MOST, name);
	return NULL;
}

/* Where to write, when -o says; never over a file that nobody agreed to lose. */
static int get_check_output(struct call *call, const char *path)
{
	const char *clean = screen_line(&call->arena, BYTES(path, strlen(path)));
	if (!os_exists(path) || call_option(call, "force"))
		return 0;
	if (os_is_terminal(stdin) && os_is_terminal(stderr) &&
	    cmd_agree(arena_format(&call->arena, "Replace %s?", clean)))
		return 0;
	return cause_set(&call->cause, ERR_EXISTS, "%.200s is there already; --force replaces it",
			 clean);
}

static int get_write(struct call *call, const struct version *v, const struct content *content,
		     const char **path)
{
	const char *output = call_option(call, "output");
	int err;

	*path =
	    output ? output : get_new_name(call, value_bytes(version_get(&v->record, "filename")));
	if (!*path)
		return ERR_IO;
	err = contents_save(call->copy, content, *path, &call->cause);
	if (err < 0 && !output)
		remove(*path);
	return err;
}

/* What the disk did not keep is fetched again. `err`: how reading it went. */
static int get_again(struct call *call, const struct content *content, int err)
{
	if (err != ERR_CORRUPT && err != ERR_MISSING)
		return err;
	err = contents_mend(call->copy, content);
	return err < 0 ? err : cmd_fetch(call, content);
}

/* Have all of it here; checked, where it can't be taken back once it is written. */
static int get_bytes(struct call *call, const struct content *content, bool check)
{
	int err = contents_has(call->copy, content->root, NULL);

	if (err == 0)
		return cmd_fetch(call, content);
	if (err > 0 && check)
		err = get_again(call, content,
				contents_verify(call->copy, content, &call->cause));
	return err < 0 ? err : 0;
}

int cmd_get(struct call *call)
{
	const char *output = call_option(call, "output"), *path;
	struct version v;
	struct content content;
	size_t apart;

	int err = get_version(call, &v, &apart);
	if (err < 0)
		return err;
	if (!contents_of(&v.record, &content))
		return cause_set(&call->cause, ERR_INVALID, "this version names no content");
	if (output && strcmp(output, "-") != 0 && (err = get_check_output(call, output)) < 0)
		return err;
	if ((err = get_bytes(call, &content, output && strcmp(output, "-") == 0)) < 0)
		return err;
	if (output && strcmp(output, "-") == 0)
		return contents_print(call->copy, &content, call->out, &call->cause);
	err = get_write(call, &v, &content, &path);
	if (err < 0 && (err = get_again(call, &content, err)) == 0)
		err = get_write(call, &v, &content, &path);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:o,s:o,s:I}", "file",
						json_text(BYTES(path, strlen(path))), "version",
						cmd_json_id(&v.id), "bytes",
						(json_int_t)content.bytes));
	cmd_say(call, "Wrote %s (%s).", screen_line(&call->arena, BYTES(path, strlen(path))),
		screen_size(&call->arena, content.bytes));
	if (apart > 1)
		cmd_say(call,
			"It has %zu versions that were made apart; this is the newest. 'fivepits "
			"show %s' "
			"lists them.",
			apart,
			screen_line(&call->arena, BYTES(call->words[0], strlen(call->words[0]))));
	return 0;
}
