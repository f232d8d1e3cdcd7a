/* Documents: files of any size are put into a space, and fetched by others. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "common/os.h"
#include "records.pb-c.h"
#include "tests/take_in.h"

#include <stdlib.h>
#include <string.h>

/* A file of `size` bytes: a canary, and what the dice say. */
static void file_make(struct world *w, struct device *d, const struct id *space, const char *path,
		      size_t size)
{
	char word[CANARY_MAX];
	struct buf b = {0};
	canary_make(w, space, d->number, word);
	buf_add_text(&b, "%s ", word);
	while (b.len < size) {
		uint64_t v = dice_next(&w->dice);
		buf_add(&b, &v, sizeof(v));
	}
	if (os_write_file(path, buf_bytes(&b), false, NULL) < 0)
		world_fail(w, "c%u: a file can't be written", d->number);
	buf_fini(&b);
}

static void draft_version(struct draft *draft, const struct id *document,
			  const struct content *content)
{
	struct buf b = {0};
	field_add_bytes(&b, 5, BYTES(content->sha, SHA256_LEN));
	draft_set(draft, 5, buf_bytes(&b));
	buf_reset(&b);
	field_add_bytes(&b, 8, BYTES(content->root, SHA256_LEN));
	if (memcmp(content->root, content->sha, SHA256_LEN) != 0)
		draft_set(draft, 8, buf_bytes(&b));
	buf_reset(&b);
	field_add_text(&b, 2, "minutes.odt");
	draft_set(draft, 2, buf_bytes(&b));
	buf_reset(&b);
	field_add_number(&b, 4, content->bytes);
	draft_set(draft, 4, buf_bytes(&b));
	buf_reset(&b);
	field_add_bytes(&b, 1, ID_BYTES(document));
	draft_set(draft, 1, buf_bytes(&b));
	buf_fini(&b);
}

/* Of the spaces that a device holds, one where documents may stand. */
static const struct place *pick_place(struct world *w, struct device *d)
{
	struct held *held = NULL;
	int n = copy_spaces(d->copy, &held);
	const struct place *p =
	    n > 0 ? world_place(w, &held[dice_below(&w->dice, (uint64_t)n)].id) : NULL;
	free(held);
	return p && (schema_type(TYPE_VERSION)->spaces >> p->kind & 1) ? p : NULL;
}

bool act_put(struct world *w)
{
	struct device *d = pick_device(w);
	const struct place *p = d ? pick_place(w, d) : NULL;
	size_t size =
	    dice_chance(&w->dice, 70) ? dice_below(&w->dice, 3000) : dice_below(&w->dice, 700000);
	char path[200];
	struct content content;
	if (!p)
		return false;
	struct id space = p->id, document = id_make(&d->machine.env),
		  version = id_make(&d->machine.env);
	snprintf(path, sizeof(path), "%s/file", d->home);
	file_make(w, d, &space, path, size);
	int err = take_in(d->copy, path, &content, NULL);
	if (!device_lives(d) || err == ERR_FULL)
		return false;
	if (err < 0) {
		world_fail(w, "c%u: a file can't be taken in", d->number);
		return false;
	}
	struct draft *draft = draft_new(d->copy, &space);
	draft_create(draft, TYPE_DOCUMENT, &document);
	draft_name(w, draft, d, &space);
	draft_create(draft, TYPE_VERSION, &version);
	draft_version(draft, &document, &content);
	bool saved = device_save(d, &draft, "puts a document");
	draft_free(&draft);
	if (saved) {
		world_know(w, &document, &space, TYPE_DOCUMENT, false);
		world_know(w, &version, &space, TYPE_VERSION, false);
	}
	return saved;
}

struct fetch {
	struct device *d;
	struct content content;
};

static void fetched(void *arg, int err, const char *words)
{
	struct fetch *f = arg;
	struct world *w = f->d->world;
	struct cause cause = {""};
	trace_line(&w->trace, "c%u fetched a document: %s %s", f->d->number,
		   err ? err_words(err) : "", words);
	if (err == 0 && contents_verify(f->d->copy, &f->content, &cause) < 0)
		world_fail(w, "c%u has fetched a document that is not what it should be: %s",
			   f->d->number, cause.words);
}

bool act_get(struct world *w)
{
	struct device *d = pick_device(w);
	const struct known *k = pick_of_type(w, TYPE_VERSION);
	struct arena arena;
	struct record now;
	bool asked = false;
	if (!d || !d->uplink || !k)
		return false;
	arena_init(&arena, ARENA_NO_BUDGET);
	if (copy_record(d->copy, &k->id, VIEW_ACCEPTED, &arena, &now, NULL) == 0) {
		struct fetch *f = arena_alloc(&w->arena, sizeof(*f));
		f->d = d;
		if (contents_of(&now, &f->content)) {
			uplink_get(d->uplink, &f->content, fetched, f);
			asked = true;
		}
	}
	arena_fini(&arena);
	if (device_lives(d))
		device_wake(d);
	return asked;
}
