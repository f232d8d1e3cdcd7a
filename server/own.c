/* A change is made here from messages of records.proto, and goes the way of every change. */
#include "server/own.h"

#include "common/fields.h"
#include "common/log.h"
#include "common/schema.h"
#include "records.pb-c.h"

#include <stdlib.h>

struct own {
	struct area *area;
	struct space *space;
	struct change change;
	struct edit edits[OWN_EDITS];
	struct arena arena;
};

struct own *own_new(struct area *a, const struct id *space)
{
	struct own *o = mem_alloc(sizeof(*o));

	o->area = a;
	o->space = journal_space(a->journal, space);
	must(o->space);
	o->change = (struct change){
		.id = id_make(a->options.env),
		.space = *space,
		.seen_epoch = o->space->epoch,
		.seen_number = o->space->number,
		.made_ms = env_now_ms(a->options.env),
		.edits = o->edits,
	};
	arena_init(&o->arena, ARENA_NO_BUDGET);
	return o;
}

/* Members of sets are added, all else is set, each with the base that it replaces. */
static void own_split(struct own *o, struct edit *e, const struct record *stands,
		      struct bytes message)
{
	const struct schema_type *t = schema_type(e->type);
	struct base *bases = arena_alloc(&o->arena, value_count(message) * sizeof(*bases));
	struct buf set = {0}, add = {0};
	struct field f;

	while (field_next(&message, &f) > 0) {
		const struct schema_field *row = schema_field(t, f.number, NULL);
		must(row);
		buf_add_bytes(row->merge == MERGE_SET ? &add : &set, f.whole);
		if (row->merge == MERGE_SET ||
		    (e->n_bases && bases[e->n_bases - 1].field == f.number))
			continue;
		bases[e->n_bases++] =
			(struct base){f.number, base_digest(record_get(stands, f.number))};
	}
	e->bases = bases;
	e->effect.set = arena_copy(&o->arena, buf_bytes(&set));
	e->effect.add = arena_copy(&o->arena, buf_bytes(&add));
	buf_fini(&set);
	buf_fini(&add);
}

static int own_edit(struct own *o, uint32_t type, const struct id *record, int existence,
		    const ProtobufCMessage *m)
{
	struct record stands;
	struct buf packed = {0};

	must(o->change.n_edits < OWN_EDITS);
	int err = journal_record(o->area->journal, o->space, record, &o->arena, &stands);
	if (err < 0)
		return err;
	struct edit *e = &o->edits[o->change.n_edits++];
	*e = (struct edit){.type = type, .record = *record, .effect = {.existence = existence}};
	buf_add_message(&packed, m);
	own_split(o, e, &stands, buf_bytes(&packed));
	buf_fini(&packed);
	return 0;
}

int own_create(struct own *o, uint32_t type, const struct id *record, const ProtobufCMessage *m)
{
	return own_edit(o, type, record, LIVE, m);
}

int own_set(struct own *o, uint32_t type, const struct id *record, const ProtobufCMessage *m)
{
	return own_edit(o, type, record, -1, m);
}

void own_free(struct own **own)
{
	arena_fini(&(*own)->arena);
	free(*own);
	*own = NULL;
}

int own_enter(struct own **own)
{
	struct own *o = *own;
	struct buf bytes = {0};
	struct change change;
	struct cause cause = {{0}};

	change_write(&o->change, &bytes);
	/* Read back, so that what is entered is what everybody will read. */
	int err = change_read(&change, buf_bytes(&bytes), &o->arena, &cause);
	if (err == 0)
		err = turn_enter(o->area, o->space, &change, buf_bytes(&bytes),
				 &o->area->server_device, NULL, NULL, &cause);
	if (err == ERR_INVALID || err == ERR_PROTO || err == ERR_LIMIT || err == ERR_AGAIN) {
		log_error("own.refused", "words=\"%s\"", cause.words);
		err = ERR_INVALID;
	}
	arena_reset(&o->area->change);
	buf_fini(&bytes);
	own_free(own);
	return err;
}

int own_note(struct area *a, const struct id *space, const struct id *on, const char *text)
{
	Records__Note note = RECORDS__NOTE__INIT;
	struct own *o = own_new(a, space);
	struct id id = id_make(a->options.env);

	note.has_on = note.has_kind = 1;
	note.on = PB_ID(on);
	note.kind = RECORDS__NOTE_KIND__NOTICE;
	note.text = (char *)text;
	int err = own_create(o, TYPE_NOTE, &id, &note.base);
	if (err == 0)
		err = own_enter(&o);
	else
		own_free(&o);
	return err == ERR_INVALID ? 0 : err;
}
