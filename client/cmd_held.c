/*
 * `held`: changes of others that came after their author's right had ended, and that this person
 * decides on. The list is here, also without a line; to decide needs the server.
 */
#include "client/cmd.h"

#include "client/errand.h"

#include <string.h>

/* ---- The list ------------------------------------------------------------------------------- */

static int held_read(struct call *call, const struct held_here *h, struct change *out)
{
	return change_read(out, h->bytes, &call->arena, NULL) < 0
		       ? cause_set(&call->cause, ERR_CORRUPT,
				   "a held change is damaged here; 'fivepits sync' fetches it anew")
		       : 0;
}

static void held_author(struct call *call, const struct held_here *h, struct author *out)
{
	*out = (struct author){.time_ms = h->time_ms};
	lookup_device(call->copy, &h->device, &call->arena, out);
}

static void held_print(struct call *call, const struct held_here *h, const struct change *c)
{
	struct author who;
	char text[ID_TEXT];

	held_author(call, h, &who);
	fprintf(call->out, "%s  for '%s'\n    %s; written %s\n", id_format(&h->change, text),
		lookup_space_name(call->copy, &h->space, &call->arena),
		lookup_author_words(&who, &call->arena),
		screen_instant(&call->arena, c->made_ms));
	cmd_change_print(call, c, true);
}

static json_t *held_json(struct call *call, const struct held_here *h, const struct change *c)
{
	struct author who;
	json_t *o = json_object();

	held_author(call, h, &who);
	json_object_set_new(o, "id", cmd_json_id(&h->change));
	json_object_set_new(o, "space", cmd_json_id(&h->space));
	json_object_set_new(o, "author", cmd_json_author(&who));
	json_object_set_new(o, "made_ms", json_integer((json_int_t)c->made_ms));
	json_object_set_new(o, "records", cmd_change_json(call, c, true));
	return o;
}

static int held_show(struct call *call)
{
	struct held_here h = {0};
	json_t *all = json_array();
	size_t n = 0;
	int err;

	while ((err = copy_held_next(call->copy, h.seq, &call->arena, &h)) > 0) {
		struct change c;
		err = held_read(call, &h, &c);
		if (err < 0)
			break;
		if (call->json)
			json_array_append_new(all, held_json(call, &h, &c));
		else
			held_print(call, &h, &c);
		n++;
	}
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	if (err < 0 && !call->cause.words[0])
		cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	if (err < 0)
		return err;
	cmd_say(call, n ? "\n'fivepits held accept CHANGE' lets one in, 'fivepits held refuse "
			  "CHANGE --words WHY' does not."
			: "Nothing waits for your decision.");
	return 0;
}

/* ---- Deciding ------------------------------------------------------------------------------- */

static int held_find(struct call *call, struct id *out)
{
	const char *word = call_word(call, 1);
	struct held_here h = {0};
	size_t n = 0;
	int err;

	if (!word || !*word)
		return cause_set(&call->cause, ERR_USAGE, "held: CHANGE is missing");
	while ((err = copy_held_next(call->copy, h.seq, &call->arena, &h)) > 0)
		if (cmd_id_starts(&h.change, word)) {
			*out = h.change;
			n++;
		}
	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	if (n != 1)
		return cause_set(&call->cause, n ? ERR_AMBIGUOUS : ERR_MISSING,
				 n ? "'%.40s' could be several changes; write more of it"
				   : "no held change '%.40s' waits for your decision",
				 screen_line(&call->arena, BYTES(word, strlen(word))));
	return 0;
}

/* What its author will read: who refused it, and why. */
static void held_words(struct call *call, char *words, size_t size)
{
	const char *why = call_option(call, "words");
	struct author me = {0};

	lookup_device(call->copy, &copy_identity(call->copy)->device, &call->arena, &me);
	const char *all = arena_format(&call->arena, "%s refused it%s%s", me.person_name,
				       why && *why ? ": " : "", why ? why : "");
	const char *line = screen_line(&call->arena, BYTES(all, strlen(all)));
	size_t n = strlen(line);
	if (n >= size)
		for (n = size - 1; n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80;)
			n--;
	memcpy(words, line, n);
	words[n] = '\0';
}

static int held_tell(struct call *call, const struct errand *errand)
{
	const char *words = call->cause.words;
	const bool accepted = errand->kind == ERRAND_ACCEPT;

	if (accepted && errand->verdict == VERDICT_REFUSED)
		return cause_set(&call->cause, ERR_INVALID,
				 "it can't be let in, and was refused: %.400s",
				 arena_text(&call->arena, BYTES(words, strlen(words))));
	if (call->json)
		return cmd_json(call, json_pack("{s:o,s:s}", "change", cmd_json_id(&errand->change),
						"verdict", verdict_word(errand->verdict)));
	cmd_say(call, "%s",
		!accepted			       ? "Refused. Its author will read your words."
		: errand->verdict == VERDICT_CONFLICT ? "Let in. It became one of two versions:"
							" 'fivepits conflicts' shows them."
		: errand->verdict == VERDICT_MERGED   ? "Let in, merged with what others wrote."
						      : "Let in.");
	return 0;
}

int cmd_held(struct call *call)
{
	struct errand errand = {0};

	if (call->n_words == 0)
		return held_show(call);
	bool accept = strcmp(call->words[0], "accept") == 0;
	if (accept && call_option(call, "words"))
		return cause_set(&call->cause, ERR_USAGE, "held: --words goes with 'refuse'");
	int err = held_find(call, &errand.change);
	if (err < 0)
		return err;
	errand.kind = accept ? ERRAND_ACCEPT : ERRAND_REFUSE;
	if (!accept)
		held_words(call, errand.words, sizeof(errand.words));
	err = errand_run(call->copy, &errand, NULL, NULL, &call->cause);
	return err < 0 ? err : held_tell(call, &errand);
}
