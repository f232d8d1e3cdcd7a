/*
 * `quota`: how much documents may weigh. Administrators set it, as Limit records of `admin`; what
 * holds for this school the server has told.
 */
#include "client/cmd.h"

#include "client/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *option, *field;
} quota_fields[] = {{"file", "file_bytes"}, {"total", "school_bytes"}, {"area", "area_bytes"}};

enum { QUOTA_FIELDS = sizeof(quota_fields) / sizeof(*quota_fields) };

/* ---- Setting -------------------------------------------------------------------------------- */

/* The field as an option says: none takes it away, any is a word of its own. */
static int quota_set(struct call *call, struct draft *d, size_t i)
{
	const char *word = call_option(call, quota_fields[i].option);
	uint32_t field = schema_field_named(schema_type(TYPE_LIMIT), quota_fields[i].field)->id;
	struct buf value = {0};
	uint64_t bytes;

	if (!word)
		return 0;
	if (strcmp(word, "none") == 0) {
		draft_set(d, field, BYTES_NONE);
		return 0;
	}
	/* 0 says that there is no limit, where a school has others than all have. */
	int err = 0;
	if (strcmp(word, "any") == 0)
		bytes = 0;
	else
		err = size_parse(word, &bytes, &call->cause);
	if (err == 0) {
		field_add_number(&value, field, bytes);
		draft_set(d, field, buf_bytes(&value));
		buf_fini(&value);
	}
	return err;
}

static int quota_save(struct call *call)
{
	const char *name = call_option(call, "school");
	struct id school, admin = id_admin(&copy_identity(call->copy)->area);
	int err = cmd_check_space(call, &admin);

	if (err >= 0 && name && call_option(call, "area"))
		err = cause_set(&call->cause, ERR_USAGE,
				"quota: --area is of all schools, not of one");
	if (err >= 0 && name)
		err = resolve_reference(call->copy, "school", name, &school, &call->cause);
	if (err < 0)
		return err;
	struct draft *d = draft_new(call->copy, &admin);
	err = cmd_draft_said(call, d, TYPE_LIMIT, "school", name ? &school : NULL);
	for (size_t i = 0; i < QUOTA_FIELDS && err >= 0; i++)
		err = quota_set(call, d, i);
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}

/* ---- Showing -------------------------------------------------------------------------------- */

static json_t *quota_number(uint64_t v)
{
	return v == UINT64_MAX ? json_null() : json_integer((json_int_t)v);
}

static int quota_show(struct call *call)
{
	struct document_limits l = {UINT64_MAX, UINT64_MAX, 0, UINT64_MAX};
	bool any = limits_get(call->copy, &l);
	struct arena *arena = &call->arena;

	if (call->json)
		return cmd_json(call, json_pack("{s:o,s:o,s:o,s:o}", "file_bytes",
						quota_number(l.file), "school_bytes",
						quota_number(l.school), "used_bytes",
						any ? quota_number(l.used) : json_null(),
						"free_bytes", quota_number(l.free)));
	if (!any) {
		cmd_say(call, "Documents are not limited, as far as this computer knows.");
		return 0;
	}
	if (l.file != UINT64_MAX)
		fprintf(call->out, "A file may have %s.\n", screen_size(arena, l.file));
	if (l.school != UINT64_MAX)
		fprintf(call->out, "Your school's documents may have %s in all.\n",
			screen_size(arena, l.school));
	fprintf(call->out, "Your school uses %s%s%s.\n", screen_size(arena, l.used),
		l.free == UINT64_MAX ? "" : "; free for it: ",
		l.free == UINT64_MAX ? "" : screen_size(arena, l.free));
	return 0;
}

int cmd_quota(struct call *call)
{
	bool sets = false;

	for (size_t i = 0; i < QUOTA_FIELDS; i++)
		sets |= call_option(call, quota_fields[i].option) != NULL;
	if (!sets && call_option(call, "school"))
		return cause_set(&call->cause, ERR_USAGE, "quota: set --file or --total of it");
	return sets ? quota_save(call) : quota_show(call);
}
