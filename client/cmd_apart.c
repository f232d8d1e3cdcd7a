/*
 * Documents of which two people made versions apart: both are kept under the document, nothing is
 * renamed. `conflicts` shows them with school and time, `settle` picks the one that counts.
 */
#include "client/cmd_apart.h"

#include "client/paper.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One of the versions that stand side by side. */
struct apart_side {
	size_t number; /* as `show` has it: 1 is the document's oldest version */
	const struct version *version;
	struct author author;
	bool current;
};

struct apart {
	struct id document, space;
	struct record now;
	struct apart_side *sides;
	size_t n;
};

static void apart_author(struct call *call, const struct version *v, struct author *who)
{
	struct past_entry past;

	memset(who, 0, sizeof(*who));
	who->person_name = who->school_name = "";
	if (v->made &&
	    copy_entry(call->copy, &v->space, v->made, &call->arena, &past) > 0) {
		lookup_device(call->copy, &past.header.device, &call->arena, who);
		who->number = v->made;
		who->time_ms = past.header.time_ms;
		who->here = id_equal(&past.header.device, &copy_identity(call->copy)->device);
		return;
	}
	lookup_device(call->copy, &copy_identity(call->copy)->device, &call->arena, who);
	who->here = true;
}

/* 1: it has versions that were made apart; 0: it has not; or an error. */
static int apart_read(struct call *call, const struct id *document, struct apart *out)
{
	struct version *list;
	size_t n, apart;

	*out = (struct apart){.document = *document};
	int err = copy_record(call->copy, document, VIEW_SHOWN, &call->arena, &out->now,
			      &out->space);
	if (err >= 0)
		err = paper_versions(call->copy, document, &call->arena, &list, &n);
	if (err < 0)
		return err == ERR_MISSING ? 0 : err;
	const struct version *current = n ? paper_current(&out->now, list, n, &apart) : NULL;
	if (!current || apart < 2 || record_existence(&out->now) != LIVE)
		return 0;
	out->sides = arena_alloc(&call->arena, n * sizeof(*out->sides));
	for (size_t i = 0; i < n; i++) {
		if (!list[i].newest && &list[i] != current)
			continue;
		struct apart_side *s = &out->sides[out->n++];
		*s = (struct apart_side){i + 1, &list[i], .current = &list[i] == current};
		apart_author(call, &list[i], &s->author);
	}
	return 1;
}

/* ---- conflicts ------------------------------------------------------------------------------ */

static void apart_print(struct call *call, const struct apart *a, bool first)
{
	fprintf(call->out, "%sDocument %s (%s)\n", first ? "" : "\n",
		lookup_label(call->copy, &a->document, &call->arena),
		lookup_short_id(call->copy, &a->document, &call->arena));
	screen_bold(call->out, arena_format(&call->arena, "  Versions: %zu, made apart\n", a->n));
	for (size_t i = 0; i < a->n; i++) {
		const struct apart_side *s = &a->sides[i];
		struct bytes name = value_bytes(version_get(&s->version->record, "filename"));
		struct bytes note = value_bytes(version_get(&s->version->record, "note"));
		struct content c;
		uint64_t bytes = contents_of(&s->version->record, &c) ? c.bytes : 0;
		fprintf(call->out, "    %zu %s, %s%s%s\n      %s\n", s->number,
			screen_line(&call->arena, name), screen_size(&call->arena, bytes),
			s->author.here ? ", yours" : "",
			s->current ? "; it counts for now" : "",
			lookup_author_words(&s->author, &call->arena));
		if (note.len)
			fprintf(call->out, "      %s\n", screen_line(&call->arena, note));
	}
	fprintf(call->out,
		"      Read one: fivepits get %s --version NUMBER\n"
		"      Pick one: fivepits settle %s --take NUMBER (all are kept)\n",
		lookup_short_id(call->copy, &a->document, &call->arena),
		lookup_short_id(call->copy, &a->document, &call->arena));
}

static json_t *apart_json(struct call *call, const struct apart *a)
{
	json_t *o = json_object(), *sides = json_array(), *fields = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct apart_side *s = &a->sides[i];
		struct content c;
		json_t *side = json_object();
		json_object_set_new(side, "take", json_integer((json_int_t)s->number));
		json_object_set_new(side, "version", cmd_json_id(&s->version->id));
		json_object_set_new(
			side, "filename",
			json_text(value_bytes(version_get(&s->version->record, "filename"))));
		json_object_set_new(side, "bytes",
				    json_integer(contents_of(&s->version->record, &c)
							 ? (json_int_t)c.bytes
							 : 0));
		json_object_set_new(
			side, "note",
			json_text(value_bytes(version_get(&s->version->record, "note"))));
		json_object_set_new(side, "author", cmd_json_author(&s->author));
		json_object_set_new(side, "stands", json_boolean(s->current));
		json_object_set_new(side, "yours", json_boolean(s->author.here));
		json_object_set_new(side, "pending", json_boolean(s->version->made == 0));
		json_array_append_new(sides, side);
	}
	json_array_append_new(fields, json_string("current"));
	json_object_set_new(o, "id", cmd_json_id(&a->document));
	json_object_set_new(o, "record", cmd_json_id(&a->document));
	json_object_set_new(o, "type", json_string("document"));
	json_object_set_new(o, "title",
			    json_string(lookup_label(call->copy, &a->document, &call->arena)));
	json_object_set_new(o, "space", cmd_json_id(&a->space));
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "sides", sides);
	return o;
}

int cmd_apart_list(struct call *call, json_t *all, size_t *n)
{
	struct ids ids;
	int err = papers_apart(call->copy, &call->arena, &ids);

	for (size_t i = 0; i < ids.n && err >= 0; i++) {
		struct apart a;
		err = apart_read(call, &ids.ids[i], &a);
		if (err <= 0)
			continue;
		if (call->json)
			json_array_append_new(all, apart_json(call, &a));
		else
			apart_print(call, &a, *n == 0);
		++*n;
	}
	return err < 0 ? cause_set(&call->cause, err, "two versions can't be read: %s",
				   err_words(err))
		       : 0;
}

/* ---- settle --------------------------------------------------------------------------------- */

static bool apart_fits(const struct apart_side *s, const char *take)
{
	char *end;
	unsigned long number = strtoul(take, &end, 10);

	if (isdigit((unsigned char)*take) && !*end && strlen(take) < 8)
		return number == s->number;
	if (strcmp(take, "yours") == 0 || strcmp(take, "theirs") == 0)
		return s->author.here == (strcmp(take, "yours") == 0);
	return (strlen(take) >= 8 && cmd_id_starts(&s->version->id, take)) ||
	       resolve_text_holds(s->author.school_name, take) ||
	       resolve_text_holds(s->author.person_name, take);
}

static int apart_choose(struct call *call, const struct apart *a, const struct apart_side **out)
{
	const char *take = call_option(call, "take");
	struct buf names = {0};
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct apart_side *s = &a->sides[i];
		buf_add_text(&names, "%s%zu %s", i ? ", " : "", s->number, s->author.school_name);
		if (apart_fits(s, take)) {
			*out = s;
			n++;
		}
	}
	const char *words = arena_text(&call->arena, buf_bytes(&names));
	buf_fini(&names);
	if (n == 1)
		return 0;
	return cause_set(&call->cause, n ? ERR_AMBIGUOUS : ERR_INVALID,
			 "'%.60s' names %s of the versions: take one by its number (%.200s)",
			 screen_line(&call->arena, BYTES(take, strlen(take))),
			 n ? "several" : "none", words);
}

/* Where the picks themselves went apart, that is settled with it. */
static int apart_settles(struct call *call, const struct apart *a, uint32_t field, struct draft *d)
{
	struct versions *list;
	size_t n;
	int err = cmd_versions(call, &a->document, &list, &n);

	for (size_t i = 0; err >= 0 && i < n; i++)
		for (size_t k = 0; k < list[i].n_fields; k++)
			if (list[i].fields[k]->id == field && !id_is_zero(&list[i].conflict))
				draft_settles(d, &list[i].conflict);
	return err;
}

static int apart_settle(struct call *call, const struct apart *a)
{
	uint32_t field = schema_field_named(schema_type(TYPE_DOCUMENT), "current")->id;
	const char *word = call_option(call, "seen");
	const struct apart_side *side = NULL;
	struct buf value = {0};
	struct seen seen;

	int err = apart_choose(call, a, &side);
	if (err >= 0 && word)
		err = seen_parse(&seen, word, &call->cause);
	if (err < 0)
		return err;
	struct draft *d = draft_new(call->copy, &a->space);
	err = draft_edit(d, &a->document, word ? &seen : NULL, &call->cause);
	field_add_bytes(&value, field, ID_BYTES(&side->version->id));
	draft_set(d, field, buf_bytes(&value));
	buf_fini(&value);
	if (err >= 0)
		err = apart_settles(call, a, field, d);
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}

int cmd_apart_settle(struct call *call)
{
	struct target at;
	struct apart a;
	struct id document;

	if (strchr(call_option(call, "take"), '='))
		return 0;
	int err = cmd_target(call, call->words[0], &at);
	if (err < 0)
		return err;
	document = at.id;
	if (at.type->number == TYPE_VERSION &&
	    !id_from(&document, value_bytes(version_get(&at.now, "document"))))
		return 0;
	if (at.type->number != TYPE_DOCUMENT && at.type->number != TYPE_VERSION)
		return 0;
	int apart = apart_read(call, &document, &a);
	if (apart < 0)
		return cause_set(&call->cause, apart, "two versions can't be read: %s",
				 err_words(apart));
	if (apart > 0)
		err = apart_settle(call, &a);
	return err < 0 ? err : apart;
}
