/*
 * What lies in files: on a device no word of a space that its person may not read, neither in the
 * database nor in documents; on the server the bytes of every Version that it accepted, and did not release.
 */
#include "tests/sim/world.h"

#include "client/contents.h"
#include "common/os.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Do the words of a refusal say it, as they were when the space could be read? */
static bool was_told(const struct device *d, const char *word)
{
	struct pending p = {0};
	bool told = false;
	for (int64_t seq = 0; !told && d->copy && copy_pending_next(d->copy, seq, &p) > 0; free(p.words)) {
		seq = p.seq;
		told = p.words && strstr(p.words, word);
	}
	return told;
}

/* Did this device write the word itself, in a change that was refused? Others' words may stand there
 * too: to take a member from a set is to name it. */
static bool wrote_it(const struct device *d, struct bytes at)
{
	const struct world *w = d->world;
	char word[CANARY_MAX + 1];
	size_t len = 5;
	while (len < at.len && memchr("0123456789abcdef", at.data[len], 16))
		len++;
	for (size_t i = 0; i < w->n_made; i++)
		if (id_equal(&w->made[i]->device, &d->id) &&
		    memmem(w->made[i]->bytes.data, w->made[i]->bytes.len, at.data, len))
			return true;
	snprintf(word, sizeof(word), "%.*s", (int)len, (const char *)at.data);
	return was_told(d, word);
}

/*
 * SQLite overwrites what is deleted, but not what it leaves in a page from which it has moved rows to
 * another: between the pointers to the rows and the rows themselves. That is no row any more.
 */
static bool is_left_behind(struct bytes file, size_t at)
{
	enum { PAGE = 4096 };
	const uint8_t *page = file.data + at / PAGE * PAGE;
	size_t rows = (size_t)page[3] << 8 | page[4], start = (size_t)page[5] << 8 | page[6];
	bool is_tree = page[0] == 2 || page[0] == 5 || page[0] == 10 || page[0] == 13;
	return at >= PAGE && at / PAGE * PAGE + PAGE <= file.len && is_tree &&
	       at % PAGE >= 8 + 2 * rows && at % PAGE < start;
}

static void search_bytes(struct device *d, const char *path, struct bytes data)
{
	static const char words[] =
		"c%u has a word of place %02x (by c%u), which it may not read, in %s";
	struct world *w = d->world;
	unsigned place, by;
	bool rows = strcmp(path + strlen(path) - 3, ".db") == 0;
	if (d->littered && strcmp(path + strlen(path) - 4, "-wal") == 0)
		return; /* what could not be committed stands there until the log begins anew */
	struct bytes whole = data;
	while (canary_next(&data, &place, &by))
		if (place < w->n_places && w->now[d->number][place] == RIGHT_NONE &&
		    !world_is_one(w, by, d->number) && !wrote_it(d, data) &&
		    !(rows && is_left_behind(whole, whole.len - data.len)))
			world_fail(w, words, d->number, place, by, path + strlen(w->dir));
}

static void search_file(void *arg, const char *path, struct bytes data)
{
	search_bytes(arg, path, data);
}

/* The documents, two levels of folders deep. */
static void search_folder(struct device *d, const char *path, int deep)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		struct buf b = {0};
		if (e->d_name[0] == '.')
			continue;
		char *inner = mem_format("%s/%s", path, e->d_name);
		if (deep > 0)
			search_folder(d, inner, deep - 1);
		else if (os_read_file(inner, 16 * 1024 * 1024, &b, NULL) == 0)
			search_bytes(d, inner, buf_bytes(&b));
		buf_fini(&b);
		free(inner);
	}
	if (dir)
		closedir(dir);
}

void oracle_files(struct device *d)
{
	char *documents = mem_format("%s/documents", d->home);
	disk_each(d->disk, search_file, d);
	search_folder(d, documents, 1);
	free(documents);
}

/* After the server was set back: does somebody who may hand it in have it? */
static bool somebody_has(const struct world *w, const struct id *version, const struct content *content)
{
	bool found = false;
	for (unsigned i = 0; i < w->n_devices && !found; i++) {
		const struct device *d = &w->devices[i];
		struct arena arena;
		struct record there;
		if (!d->copy || d->revoked)
			continue;
		arena_init(&arena, ARENA_NO_BUDGET);
		found = copy_record(d->copy, version, VIEW_ACCEPTED, &arena, &there, NULL) == 0 &&
			contents_has(d->copy, content->root, NULL) > 0;
		arena_fini(&arena);
	}
	return found;
}

void oracle_contents(struct world *w)
{
	for (size_t i = 0; i < w->book.n_records && !w->failed && w->host.area; i++) {
		const struct record *r = &w->book.records[i]->record;
		struct content content;
		if (r->type != TYPE_VERSION || !contents_of(r, &content) || contents_released(r).len ||
		    area_content(w->host.area, &content) == 0)
			continue;
		w->contents_lost = true;
		if (!w->book.set_back || somebody_has(w, &r->id, &content))
			world_fail(w, "the server accepted a Version and does not have its bytes");
	}
}
