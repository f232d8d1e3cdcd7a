/*
 * `retention`: how long old versions of documents keep their bytes. Administrators set it, as
 * Retention records of `admin`; who does not hold that space is not told.
 */
#include "client/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NEWEST, DAYS, RULES };

static const struct {
	const char *option;
	uint64_t most;
} rules[] = {[NEWEST] = {"newest", 1000000}, [DAYS] = {"days", 1000000}};

static uint32_t retention_field(const char *name)
{
	return schema_field_named(schema_type(TYPE_RETENTION), name)->id;
}

/* ---- Setting -------------------------------------------------------------------------------- */

/* The field as an option says: none takes it away, all is a word of its own. */
static int retention_set(struct call *call, struct draft *d, size_t i)
{
	const char *word = call_option(call, rules[i].option);
	uint32_t field = retention_field(rules[i].option);
	struct buf value = {0};
	uint64_t number = 0;
	char *end;

	if (!word)
		return 0;
	if (strcmp(word, "none") == 0) {
		draft_set(d, field, BYTES_NONE);
		return 0;
	}
	if (strcmp(word, "all") != 0) {
		number = strtoul(word, &end, 10);
		if (*word < '0' || *word > '9' || *end || number < 1 || number > rules[i].most)
			return cause_set(&call->cause, ERR_USAGE,
					 "retention: --%s is a number from 1 to %" PRIu64
					 ", 'all' (nothing goes) or 'none' (nothing is said)",
					 rules[i].option, rules[i].most);
	}
	field_add_number(&value, field, number);
	draft_set(d, field, buf_bytes(&value));
	buf_fini(&value);
	return 0;
}

static int retention_save(struct call *call)
{
	const char *name = call_option(call, "space");
	struct id space, admin = id_admin(&copy_identity(call->copy)->area);
	int err = cmd_check_space(call, &admin);

	if (err >= 0 && name)
		err = resolve_space(call->copy, name, &space, &call->cause);
	if (err < 0)
		return err;
	struct draft *d = draft_new(call->copy, &admin);
	err = cmd_draft_said(call, d, TYPE_RETENTION, "space", name ? &space : NULL);
	for (size_t i = 0; i < RULES && err >= 0; i++)
		err = retention_set(call, d, i);
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}

/* ---- Showing -------------------------------------------------------------------------------- */

struct kept {
	bool said[RULES];
	uint64_t n[RULES];
	struct id space; /* zero: all others */
};

static void kept_read(const struct record *r, struct kept *out)
{
	*out = (struct kept){{false}, {0}, {{0}}};
	id_from(&out->space, value_bytes(record_get(r, retention_field("space"))));
	for (size_t i = 0; i < RULES; i++) {
		struct bytes value = record_get(r, retention_field(rules[i].option));
		out->said[i] = value.len > 0;
		out->n[i] = value_number(value);
	}
}

static const char *kept_words(struct call *call, const struct kept *k, size_t i)
{
	if (!k->said[i])
		return id_is_zero(&k->space) ? "not said" : "as in all";
	return k->n[i] ? arena_format(&call->arena, "%" PRIu64, k->n[i]) : "all";
}

static json_t *kept_json(struct call *call, const struct kept *k)
{
	bool all = id_is_zero(&k->space);
	json_t *o = json_object();

	json_object_set_new(o, "space", all ? json_null() : cmd_json_id(&k->space));
	json_object_set_new(
		o, "name",
		all ? json_null()
		    : json_string(lookup_space_name(call->copy, &k->space, &call->arena)));
	for (size_t i = 0; i < RULES; i++)
		json_object_set_new(o, rules[i].option,
				    k->said[i] ? json_integer((json_int_t)k->n[i]) : json_null());
	return o;
}

/* All that is said: a record of which both numbers were taken away says nothing. In the call's
 * arena. */
static int kept_list(struct call *call, struct kept **out, size_t *n)
{
	struct record r;
	struct ids ids;
	int err = lookup_type(call->copy, TYPE_RETENTION, false, &call->arena, &ids);

	*n = 0;
	*out = arena_alloc(&call->arena, (err < 0 ? 1 : ids.n + 1) * sizeof(**out));
	for (size_t i = 0; err >= 0 && i < ids.n; i++) {
		err = copy_record(call->copy, &ids.ids[i], VIEW_SHOWN, &call->arena, &r, NULL);
		struct kept *k = &(*out)[*n];
		if (err >= 0)
			kept_read(&r, k);
		*n += err >= 0 && (k->said[NEWEST] || k->said[DAYS]);
	}
	return err < 0 ? err : 0;
}

/* Does a version go there by how many came after it alone, with what is said of all? */
static bool kept_is_hasty(const struct kept *k, const struct kept *all)
{
	const struct kept *newest = k->said[NEWEST] || !all ? k : all;

	return newest->said[NEWEST] && newest->n[NEWEST] && !k->said[DAYS] &&
	       !(all && all->said[DAYS]);
}

/* Who may put versions could push out what others put, within a day. */
static void kept_warn(struct call *call, const struct kept *list, size_t n)
{
	const struct kept *all = NULL;
	bool hasty = false;

	for (size_t i = 0; i < n; i++)
		if (id_is_zero(&list[i].space))
			all = &list[i];
	for (size_t i = 0; i < n; i++)
		hasty = hasty || kept_is_hasty(&list[i], all);
	if (hasty)
		cmd_say(call, "Where only the number is said, whoever puts so many new versions of "
			      "a document makes its\nold ones go by the next day: say --days, too "
			      "(such as 'fivepits retention --days 30').");
}

static int retention_warn(struct call *call)
{
	struct kept *list;
	size_t n;
	int err = kept_list(call, &list, &n);

	if (err < 0)
		return err;
	kept_warn(call, list, n);
	return 0;
}

static int retention_rows(struct call *call, const struct kept *list, size_t n)
{
	static const char *const headings[] = {"Space", ">Newest kept", ">Days kept"};
	struct table *table = table_new(3, headings);
	json_t *all = json_array();
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		const struct kept *k = &list[i];
		table_words(table, "%s",
			    id_is_zero(&k->space)
				    ? "all others"
				    : lookup_space_name(call->copy, &k->space, &call->arena));
		for (size_t f = 0; f < RULES; f++)
			table_words(table, "%s", kept_words(call, k, f));
		json_array_append_new(all, kept_json(call, k));
	}
	if (call->json)
		err = cmd_json(call, json_incref(all));
	else if (n)
		table_show(table, call->out);
	else
		cmd_say(call, "There is no rule for old versions: all of them are kept.");
	kept_warn(call, list, n);
	table_free(&table);
	json_decref(all);
	return err;
}

static int retention_show(struct call *call)
{
	const struct id admin = id_admin(&copy_identity(call->copy)->area);
	struct held *held = NULL;
	struct kept *list;
	bool holds = false;
	size_t n_kept;
	int n = copy_spaces(call->copy, &held);

	for (int i = 0; i < n; i++)
		holds = holds || (id_equal(&held[i].id, &admin) && held[i].state == HELD_OPEN);
	free(held);
	if (n >= 0 && !holds && call->json)
		return cmd_json(call, json_null());
	if (n >= 0 && !holds) {
		cmd_say(call, "The rule for old versions is known on administrators' computers: "
			      "ask one of them.");
		return 0;
	}
	int err = n < 0 ? n : kept_list(call, &list, &n_kept);
	if (err >= 0)
		err = retention_rows(call, list, n_kept);
	return err < 0 ? cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err))
		       : 0;
}

static int retention_saved(struct call *call)
{
	int err = retention_save(call);

	return err < 0 ? err : retention_warn(call);
}

int cmd_retention(struct call *call)
{
	if (call_option(call, "newest") || call_option(call, "days"))
		return retention_saved(call);
	if (call_option(call, "space"))
		return cause_set(&call->cause, ERR_USAGE,
				 "retention: set --newest or --days of it");
	return retention_show(call);
}
