/* Documents: files of any size are put into a space, and fetched by others. */
#include "tests/sim/act.h"

#include "common/fields.h"
#include "common/os.h"
#include "records.pb-c.h"
#include "tests/take_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAPER = 100000 }; /* bytes of a file of several chunks, of which others are made */

/* `size` bytes: a canary, and what the dice say. */
void file_make(struct world *w, struct device *d, const struct id *space, size_t size, struct buf *b)
{
	char word[CANARY_MAX];
	canary_make(w, space, d->number, word);
	buf_add_text(b, "%s ", word);
	while (b->len < size) {
		uint64_t v = dice_next(&w->dice);
		buf_add(b, &v, sizeof(v));
	}
	if (b->len < PAPER || (w->paper.len && dice_chance(&w->dice, 50)))
		return;
	buf_reset(&w->paper);
	buf_add_bytes(&w->paper, buf_bytes(b));
	w->paper_space = *space;
}

/* The paper with something put in, left out or written over somewhere. */
static void file_edit(struct world *w, struct device *d, struct buf *b)
{
	struct bytes paper = buf_bytes(&w->paper);
	size_t at = dice_below(&w->dice, paper.len), gone = dice_below(&w->dice, paper.len - at);
	char word[CANARY_MAX];
	if (gone > 2000)
		gone %= 2000;
	canary_make(w, &w->paper_space, d->number, word);
	buf_add_bytes(b, BYTES(paper.data, at));
	buf_add_text(b, " %s ", word);
	buf_add_bytes(b, BYTES(paper.data + at + gone, paper.len - at - gone));
}

void draft_version(struct draft *draft, const struct id *document, const struct content *content)
{
	struct buf b = {0};
	field_add_bytes(&b, 5, BYTES(content->sha, SHA256_LEN));
	draft_set(draft, 5, buf_bytes(&b));
	buf_reset(&b);
	field_add_bytes(&b, 8, BYTES(content->root, SHA256_LEN));
	if (!content_is_single(content))
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
	const struct place *picked = NULL;
	int n = copy_spaces(d->copy, &held);
	for (int i = 0; n > 0 && i < 4 && !picked; i++) {
		const struct place *p = world_place(w, &held[dice_below(&w->dice, (uint64_t)n)].id);
		if (p && (schema_type(TYPE_VERSION)->spaces >> p->kind & 1))
			picked = p;
	}
	free(held);
	return picked;
}

/* Take a file in. What its bytes hash to is told by who made them. */
bool file_take_in(struct device *d, struct bytes data, struct content *content)
{
	struct world *w = d->world;
	uint8_t sha[SHA256_LEN];
	char path[200];
	snprintf(path, sizeof(path), "%s/file", d->home);
	if (os_write_file(path, data, false, NULL) < 0) {
		world_fail(w, "c%u: a file can't be written", d->number);
		return false;
	}
	struct cause cause = {""};
	int err = take_in(d->copy, path, content, &cause);
	if (!device_lives(d) || err == ERR_FULL)
		return false;
	sha256(data, sha);
	if (err < 0)
		world_fail(w, "c%u: a file can't be taken in: %s", d->number, cause.words);
	else if (memcmp(sha, content->sha, SHA256_LEN) != 0 || content->bytes != data.len)
		world_fail(w, "c%u: a file was taken in as another", d->number);
	return !w->failed;
}

static void days_go_by(void *arg, uint64_t life)
{
	(void)life;
	act_days_pass(arg);
}

static bool put(struct device *d, const struct id *space, struct bytes data)
{
	struct world *w = d->world;
	struct content content;
	struct id document = id_make(&d->machine.env), version = id_make(&d->machine.env);
	if (!file_take_in(d, data, &content))
		return false;
	struct draft *draft = draft_new(d->copy, space);
	draft_create(draft, TYPE_DOCUMENT, &document);
	draft_name(w, draft, d, space);
	draft_create(draft, TYPE_VERSION, &version);
	draft_version(draft, &document, &content);
	bool saved = device_save(d, &draft, "puts a document");
	draft_free(&draft);
	if (saved) {
		world_know(w, &document, space, TYPE_DOCUMENT, false);
		world_know(w, &version, space, TYPE_VERSION, false);
	}
	if (saved && data.len >= PAPER && dice_chance(&w->dice, 40)) /* while it is on its way */
		queue_in(&w->queue, dice_between(&w->dice, 100000, 4000000), days_go_by, w, 0);
	return saved;
}

bool act_put(struct world *w)
{
	struct device *d = pick_device(w);
	const struct place *p = d ? pick_place(w, d) : NULL;
	struct buf b = {0};
	if (!p)
		return false;
	size_t size =
	    dice_chance(&w->dice, 70) ? dice_below(&w->dice, 3000) : dice_below(&w->dice, 700000);
	struct id space = p->id;
	file_make(w, d, &space, size, &b);
	bool saved = put(d, &space, buf_bytes(&b));
	buf_fini(&b);
	return saved;
}

/* Somebody who reads the paper's space puts it there with an edit, or as it is, as a document of its own: most
 * chunks are the same. */
bool act_put_again(struct world *w)
{
	struct device *d = pick_device(w);
	struct buf b = {0};
	struct held *held = NULL;
	bool holds = false;
	if (!d || w->paper.len == 0)
		return false;
	int n = copy_spaces(d->copy, &held);
	for (int i = 0; i < n; i++)
		holds |= held[i].state == HELD_OPEN && id_equal(&held[i].id, &w->paper_space);
	free(held);
	if (!holds)
		return false;
	if (dice_chance(&w->dice, 85))
		file_edit(w, d, &b);
	else
		buf_add_bytes(&b, buf_bytes(&w->paper));
	struct id space = w->paper_space;
	bool saved = put(d, &space, buf_bytes(&b));
	buf_fini(&b);
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
