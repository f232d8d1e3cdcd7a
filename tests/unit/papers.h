/* Documents put by the copies of a small world, and fetched: for tests of what a device holds. */
#ifndef FIVEPITS_UNIT_PAPERS_H
#define FIVEPITS_UNIT_PAPERS_H

#include "client/contents.h"
#include "common/fields.h"
#include "common/schema.h"
#include "tests/take_in.h"
#include "tests/unit/school.h"
#include "tests/unit/world.h"

struct paper_id {
	struct id document, version;
	struct content content;
};

/* A new document; or a version on top of `on`, or one of its document that stands on nothing. */
static inline struct paper_id put(struct world *w, struct client *c, const struct paper_id *on, bool apart,
			   size_t size, uint8_t filling)
{
	struct paper_id p = {.document = id_make(&w->env), .version = id_make(&w->env)};
	struct cause cause = {""};
	struct buf b = {0};
	char path[256], number[32];

	snprintf(path, sizeof(path), "%.200s/file", w->dir);
	memset(buf_reserve(&b, size), filling, size);
	b.len = size;
	world_must(os_write_file(path, buf_bytes(&b), false, &cause), &cause, "file");
	world_must(take_in(c->copy, path, &p.content, &cause), &cause, "add");
	struct draft *d = draft_new(c->copy, &w->partnership);
	if (on)
		p.document = on->document;
	else
		draft_create(d, TYPE_DOCUMENT, &p.document);
	draft_create(d, TYPE_VERSION, &p.version);
	say_id(d, TYPE_VERSION, "document", &p.document);
	say(d, TYPE_VERSION, "filename", "file.txt");
	snprintf(number, sizeof(number), "%zu", size);
	say(d, TYPE_VERSION, "bytes", number);
	buf_reset(&b);
	field_add_bytes(&b, field(TYPE_VERSION, "content"), BYTES(p.content.sha, SHA256_LEN));
	draft_set(d, field(TYPE_VERSION, "content"), buf_bytes(&b));
	buf_reset(&b);
	if (!content_is_single(&p.content)) {
		field_add_bytes(&b, field(TYPE_VERSION, "chunks"),
				BYTES(p.content.root, SHA256_LEN));
		draft_set(d, field(TYPE_VERSION, "chunks"), buf_bytes(&b));
	}
	if (on && !apart)
		say_id(d, TYPE_VERSION, "parents", &on->version);
	save(d);
	buf_fini(&b);
	w->now_ms += 1000;
	return p;
}

static inline void fetched(void *arg, int err, const char *words)
{
	(void)words;
	*(int *)arg = err;
}

/* As `sync` does: all that is wanted. */
static inline int fetch(struct world *w, struct client *c)
{
	int err = 1;

	client_connect(w, c);
	world_run(w);
	uplink_fetch(c->up, true, fetched, &err);
	for (int i = 0; i < 1000 && err == 1; i++) {
		world_run(w);
		w->now_ms += 20; /* small ones are made to last together, a moment later */
	}
	client_cut(w, c);
	return err;
}

static inline bool here(struct client *c, const struct paper_id *p)
{
	return contents_has(c->copy, p->content.root, NULL) == 1;
}

#endif
