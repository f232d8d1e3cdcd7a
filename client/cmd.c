/* What the commands share: targets, saving, saying. */
#include "client/cmd.h"

#include "common/os.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cmd_json(struct call *call, json_t *value)
{
	/* On a terminal what is not ASCII is escaped: JSON leaves some control characters as they
	 * are. */
	size_t flags = os_is_terminal(call->out) ? JSON_ENSURE_ASCII : 0;
	int failed = json_dumpf(value, call->out, JSON_INDENT(2) | JSON_ENCODE_ANY | flags);
	json_decref(value);
	if (failed)
		return cause_set(&call->cause, ERR_IO, "what this prints could not be written");
	fputc('\n', call->out);
	return 0;
}

json_t *cmd_json_id(const struct id *id)
{
	return id_is_zero(id) ? json_null() : json_id(id);
}

json_t *cmd_json_hex(struct bytes bytes)
{
	struct buf b = {0};
	for (size_t i = 0; i < bytes.len; i++)
		buf_add_text(&b, "%02x", bytes.data[i]);
	json_t *v = json_stringn((const char *)b.data, b.len);
	buf_fini(&b);
	return v;
}

bool cmd_id_starts(const struct id *id, const char *word)
{
	char text[ID_TEXT], plain[ID_TEXT];
	size_t n = 0;

	id_format(id, text);
	for (const char *c = text; *c; c++)
		if (*c != '-')
			plain[n++] = *c;
	plain[n] = '\0';
	return strncasecmp(text, word, strlen(word)) == 0 ||
	       strncasecmp(plain, word, strlen(word)) == 0;
}

json_t *cmd_json_author(const struct author *a)
{
	json_t *v = json_object();
	json_object_set_new(v, "person", cmd_json_id(&a->person));
	json_object_set_new(v, "name", json_string(a->person_name));
	json_object_set_new(v, "school", cmd_json_id(&a->school));
	json_object_set_new(v, "school_name", json_string(a->school_name));
	json_object_set_new(v, "device", cmd_json_id(&a->device));
	json_object_set_new(v, "time_ms", json_integer((json_int_t)a->time_ms));
	return v;
}

int cmd_target(struct call *call, const char *word, struct target *out)
{
	int err = resolve_record(call->copy, word, &out->id, &call->cause);
	if (err < 0)
		return err;
	/* Seen before it is read: what comes in between was not seen. */
	err = copy_seen(call->copy, &out->id, &out->seen);
	if (err >= 0)
		err = copy_record(call->copy, &out->id, VIEW_SHOWN, &call->arena, &out->now,
				  &out->space);
	if (err < 0)
		return cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	out->type = schema_type(out->now.type);
	if (!out->type)
		return cause_set(
		    &call->cause, ERR_INVALID,
		    "it is of a type that this version does not know; install a newer one");
	return 0;
}

int cmd_check_space(struct call *call, const struct id *space)
{
	const struct copy_identity *me = copy_identity(call->copy);
	struct id directory = id_directory(&me->area), admin = id_admin(&me->area);
	if ((!id_equal(space, &directory) && !id_equal(space, &admin)) ||
	    lookup_administers(call->copy))
		return 0;
	return cause_set(
	    &call->cause, ERR_AUTH,
	    "only an administrator changes people, schools, rights, limits and rules; ask one");
}

int cmd_draft_said(struct call *call, struct draft *d, uint32_t type, const char *field,
		   const struct id *of)
{
	const struct id *area = &copy_identity(call->copy)->area;
	struct id admin = id_admin(area);
	struct buf value = {0};
	char text[ID_TEXT];
	struct seen seen;
	struct id id = id_record(area, &admin, type, of ? id_format(of, text) : "all");

	/* Anybody can tell its id: a record of another space may have it. */
	if (copy_seen(call->copy, &id, &seen) == 0 && id_equal(&seen.space, &admin))
		return draft_edit(d, &id, NULL, &call->cause);
	draft_create(d, type, &id);
	if (of) {
		uint32_t number = schema_field_named(schema_type(type), field)->id;
		field_add_bytes(&value, number, ID_BYTES(of));
		draft_set(d, number, buf_bytes(&value));
		buf_fini(&value);
	}
	return 0;
}

int cmd_save(struct call *call, struct draft **d, bool silent)
{
	struct id change;
	int err = draft_save(d, &change, &call->cause);
	if (err < 0 || silent)
		return err;
	if (call->json) {
		json_t *v = json_object();
		json_object_set_new(v, "change", cmd_json_id(&change));
		return cmd_json(call, v);
	}
	cmd_say(call, id_is_zero(&change) ? "Nothing to change: it is so already."
					  : "Saved on this computer. Not sent yet.");
	return 0;
}

bool cmd_agree(const char *question)
{
	char answer[16] = "";
	if (!os_is_terminal(stdin) || !os_is_terminal(stderr))
		return true;
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The most of these that are of one space, if they are too many for it. */
static int withdrawal_mass(struct call *call, const struct id *spaces, size_t n, size_t *many)
{
	*many = 0;
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;
		bool first = true;
		for (size_t k = 0; k < n; k++) {
			first &= k >= i || !id_equal(&spaces[k], &spaces[i]);
			same += id_equal(&spaces[k], &spaces[i]);
		}
		int is = first ? copy_is_mass(call->copy, &spaces[i], (int64_t)same) : 0;
		if (is < 0)
			return is;
		*many = is && same > *many ? same : *many;
	}
	return 0;
}

int cmd_ask_withdrawal(struct call *call, const struct id *spaces, size_t n)
{
	size_t many;
	int err = withdrawal_mass(call, spaces, n, &many);

	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	if (call_option(call, "yes"))
		return 1;
	if (!many)
		return 0;
	if (!os_is_terminal(stdin) || !os_is_terminal(stderr))
		return cause_set(&call->cause, ERR_AUTH,
				 "that would withdraw %zu records at once: with --yes it is done",
				 many);
	if (cmd_agree(arena_format(&call->arena, "Withdraw %zu records?", many)))
		return 1;
	return cause_set(&call->cause, ERR_AUTH, "nothing was withdrawn");
}

void cmd_say_asking(struct call *call)
{
	struct asking a;
	if (copy_asking(call->copy, &a) == 0 && a.changes > 0)
		cmd_say(call,
			"%s would be withdrawn by what waits here: it is not sent before you say "
			"so, with 'fivepits sync --yes'.",
			screen_count(&call->arena, (uint64_t)a.records, "record", "records"));
}

void cmd_say(struct call *call, const char *format, ...)
{
	va_list ap;
	if (call->quiet || call->json)
		return;
	va_start(ap, format);
	vfprintf(call->out, format, ap);
	va_end(ap);
	fputc('\n', call->out);
}
