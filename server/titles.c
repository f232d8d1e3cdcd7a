/* Documents by the contents of their versions: see titles.h. */
#include "server/titles.h"

#include "records.pb-c.h"
#include "server/turn.h"

struct titles {
	struct area *area;
	struct checkup_names *names;
	struct arena arena;
};

/* Its title and the name of its space, as far as who runs the server is to know them. */
static const char *titles_words(struct titles *c, const struct space *s, const struct id *id,
				const struct record *document)
{
	const Records__Document *d =
		record_message(document, &records__document__descriptor, &c->arena);
	const char *space = access_name(c->area->access, &s->id);
	const unsigned kind = access_kind(c->area->access, &s->id);
	bool closed = kind == RECORDS__SPACE_KIND__CONFIDENTIAL ||
		      kind == RECORDS__SPACE_KIND__PERSONAL;
	char text[ID_TEXT];

	id_format(id, text);
	if (closed || !d || !d->title)
		return arena_format(&c->arena, "document %.13s in %s", text, space);
	return arena_format(&c->arena, "\"%s\" in %s (document %.13s)", d->title, space, text);
}

static int titles_version(void *arg, const struct space *s, const struct id *version)
{
	struct titles *c = arg;
	struct journal *j = c->area->journal;
	struct record r, document;
	struct id id;
	int err = journal_record(j, s, version, &c->arena, &r);

	if (err < 0)
		return err;
	const Records__Version *v =
		record_message(&r, &records__version__descriptor, &c->arena);
	if (!v || !v->has_document || !id_from(&id, BYTES_OF(v->document)))
		return 0;
	err = journal_record(j, s, &id, &c->arena, &document);
	if (err == 0)
		checkup_called(c->names, titles_words(c, s, &id, &document));
	return err;
}

int titles_of(void *area, const uint8_t root[SHA256_LEN], struct checkup_names *names)
{
	struct titles c = {.area = area, .names = names};

	arena_init(&c.arena, ARENA_NO_BUDGET);
	int err = journal_versions_of(c.area->journal, BYTES(root, SHA256_LEN), titles_version, &c);
	arena_fini(&c.arena);
	return err;
}
