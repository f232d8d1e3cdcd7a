/* `history` of a record: who changed what, when; and of a document, which versions have gone. */
#include "client/past.h"

#include "client/paper.h"

#include <stdlib.h>
#include <string.h>

/* The entries that touched a record, newest first. */
static int history_entries(struct call *call, const struct target *at, struct past_entry **out,
			   size_t *n)
{
	struct buf b = {0};
	int err = 0;

	for (uint64_t number = at->now.number; number > 0;) {
		struct past_entry e;
		err = copy_entry(call->copy, &at->space, number, &call->arena, &e);
		if (err <= 0)
			break;
		buf_add(&b, &e, sizeof(e));
		uint64_t previous = 0;
		for (size_t i = 0; i < e.header.n_touches; i++)
			if (id_equal(&e.header.touches[i].record, &at->id))
				previous = e.header.touches[i].previous;
		number = previous < number ? previous : 0;
	}
	struct bytes all = arena_copy(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	*out = (struct past_entry *)all.data;
	*n = all.len / sizeof(struct past_entry);
	return err < 0
		   ? cause_set(&call->cause, err, "the history can't be read: %s", err_words(err))
		   : 0;
}

/* Own changes that are not in the journal yet, oldest first, laid on top. */
static int history_pending(struct call *call, struct record *r, struct buf *out)
{
	struct pending p = {0};
	int got;

	while ((got = copy_pending_next(call->copy, p.seq, &p)) > 0) {
		struct change c;
		struct past past = {.pending = true, .verdict = VERDICT_APPLIED};
		free(p.words);
		struct bytes bytes = arena_copy(&call->arena, p.bytes);
		if ((p.state != PENDING_UNSENT && p.state != PENDING_ASKS) ||
		    change_read(&c, bytes, &call->arena, NULL) < 0)
			continue;
		past.change = c.id;
		past.undoes = c.undoes;
		past.settles = c.n_settles > 0;
		past.author.time_ms = c.made_ms;
		lookup_device(call->copy, &copy_identity(call->copy)->device, &call->arena,
			      &past.author);
		for (size_t i = 0; i < c.n_edits; i++)
			if (id_equal(&c.edits[i].record, &r->id)) {
				past_lay(call, &past, r, &c.edits[i].effect, 0);
				buf_add(out, &past, sizeof(past));
			}
	}
	return got < 0
		   ? cause_set(&call->cause, got, "the outbox can't be read: %s", err_words(got))
		   : 0;
}

static const char *past_remark(const struct past *p)
{
	return p->pending			? " (not sent yet)"
	       : p->verdict == VERDICT_CONFLICT ? " (two versions)"
						: "";
}

static void past_print(struct call *call, const struct past *p)
{
	if (p->pending)
		fprintf(call->out, "%8s  ", "-");
	else
		fprintf(call->out, "%8llu  ", (unsigned long long)p->author.number);
	fprintf(call->out, "%s%s  [%s]\n", lookup_author_words(&p->author, &call->arena),
		past_remark(p), lookup_short_change(call->copy, &p->change, &call->arena));
	if (p->settles)
		fputs("          settles two versions\n", call->out);
	if (!id_is_zero(&p->undoes))
		fprintf(call->out, "          takes back %s\n",
			lookup_short_change(call->copy, &p->undoes, &call->arena));
	if (p->let_in_by)
		fprintf(call->out, "          let in by %s\n", p->let_in_by);
	if (p->absent)
		fprintf(call->out, "          %s%snot fetched yet\n", p->fields,
			*p->fields ? ": " : "");
	if (!p->absent && p->n == 0)
		fputs("          nothing: it was so already\n", call->out);
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];
		if (s->inner)
			continue;
		if (!s->field)
			fprintf(call->out, "          %s\n", s->label);
		else if (strcmp(s->field, "released") == 0)
			fprintf(call->out,
				"          released on %s by the rule for old versions\n", s->to);
		else if (*s->sign)
			fprintf(call->out, "          %s: %s %s\n", s->label,
				*s->sign == '+' ? "added" : "taken", s->to);
		else if (s->offered)
			fprintf(call->out, "          %s: %s (%s)\n", s->label, s->to, s->instead);
		else if (strcmp(s->from, "(nothing)") == 0)
			fprintf(call->out, "          %s: %s\n", s->label, s->to);
		else
			fprintf(call->out, "          %s: %s -> %s\n", s->label, s->from, s->to);
	}
}

static json_t *past_json(struct call *call, const struct past *p)
{
	json_t *o = json_object(), *steps = json_array();
	for (size_t i = 0; i < p->n; i++)
		json_array_append(steps, p->steps[i].json);
	json_object_set_new(o, "number",
			    p->pending ? json_null() : json_integer((json_int_t)p->author.number));
	json_object_set_new(o, "change", cmd_json_id(&p->change));
	json_object_set_new(o, "undoes", cmd_json_id(&p->undoes));
	json_object_set_new(o, "author", cmd_json_author(&p->author));
	json_object_set_new(o, "let_in_by", past_let_in_json(call, &p->let_in_device));
	json_object_set_new(o, "verdict",
			    p->pending || p->absent ? json_null()
						    : json_string(verdict_word(p->verdict)));
	json_object_set_new(o, "fetched", json_boolean(!p->absent));
	json_object_set_new(o, "changes", steps);
	return o;
}

/* Of a document: which of its versions' bytes have gone, and where all are told of. */
static void history_versions(struct call *call, const struct target *at)
{
	struct version *list;
	size_t n;

	if (at->type->number != TYPE_DOCUMENT ||
	    paper_versions(call->copy, &at->id, &call->arena, &list, &n) < 0)
		return;
	for (size_t i = n; i-- > 0;) {
		struct bytes day = contents_released(&list[i].record);
		struct bytes name = value_bytes(version_get(&list[i].record, "filename"));
		if (day.len)
			fprintf(call->out,
				"Version %zu (%s, %s): released on %s by the rule for old "
				"versions\n",
				i + 1,
				lookup_short_id(call->copy, &list[i].id, &call->arena),
				screen_line(&call->arena, name), screen_day(&call->arena, day));
	}
	if (n > 1)
		fprintf(call->out,
			"It has %zu versions: 'fivepits show %s' says who put them, and when.\n", n,
			lookup_short_id(call->copy, &at->id, &call->arena));
}

int cmd_history(struct call *call)
{
	struct target at;
	struct past_entry *entries;
	struct record r;
	struct buf list = {0};
	json_t *all = json_array();
	size_t n = 0;

	int err = cmd_target(call, call->words[0], &at);
	if (err >= 0)
		err = history_entries(call, &at, &entries, &n);
	if (err >= 0) {
		record_init(&r, &call->arena, &at.id, at.now.type);
		while (n > 0) {
			struct past p;
			past_from_entry(call, &entries[--n], &r, &p);
			buf_add(&list, &p, sizeof(p));
		}
		err = history_pending(call, &r, &list);
	}
	struct past *pasts = (struct past *)list.data;
	for (size_t i = list.len / sizeof(*pasts); i-- > 0;) {
		if (err >= 0 && call->json)
			json_array_append_new(all, past_json(call, &pasts[i]));
		else if (err >= 0)
			past_print(call, &pasts[i]);
		past_release(&pasts[i]);
	}
	buf_fini(&list);
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	if (err >= 0)
		history_versions(call, &at);
	json_decref(all);
	return err;
}
