/*
 * `settle`: one of two versions, or a new one, for all fields that are settled together. Works
 * without a line, also for versions that are only to be.
 */
#include "client/cmd_apart.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which ---------------------------------------------------------------------------------- */

static bool take_is_value(const char *take)
{
	return strchr(take, '=') != NULL;
}

static bool take_names_field(const struct versions *v, const char *take)
{
	size_t n = strcspn(take, "=");
	if (v->group == 0)
		return n == 9 && strncmp(take, "existence", n) == 0;
	for (size_t i = 0; i < v->n_fields; i++)
		if (strlen(v->fields[i]->name) == n && strncmp(take, v->fields[i]->name, n) == 0)
			return true;
	return false;
}

static bool take_is_existence(const char *take)
{
	return strcmp(take, "keep") == 0 || strcmp(take, "withdraw") == 0;
}

/* Could this be what is meant? */
static bool settle_fits(const struct versions *v, const char *take, size_t n)
{
	if (take_is_value(take))
		return n == 1 || take_names_field(v, take);
	return !take_is_existence(take) || v->group == 0;
}

/* Of a record's versions those that are meant: by the fields that --take names, or the only one. */
static int settle_choose(struct call *call, const struct id *record, struct versions *out)
{
	const char *take = call_option(call, "take");
	struct versions *list;
	size_t n = 0, fit = 0;
	int err = cmd_versions(call, record, &list, &n);

	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		if (settle_fits(&list[i], take, n)) {
			*out = list[i];
			fit++;
		}
	if (fit == 0)
		return cause_set(&call->cause, ERR_MISSING,
				 "there are no two versions %s of %.120s",
				 n ? "of this field" : "to settle",
				 lookup_label(call->copy, record, &call->arena));
	if (fit > 1)
		return cause_set(
			&call->cause, ERR_AMBIGUOUS,
			"%.120s has two versions of several fields: say which with an ID from "
			"'fivepits conflicts'",
			lookup_label(call->copy, record, &call->arena));
	return 0;
}

static int settle_find(struct call *call, struct versions *out)
{
	struct versions *list;
	struct id id;
	size_t n;
	int err = resolve_record(call->copy, call->words[0], &id, &call->cause);

	if (err < 0)
		return err;
	struct record r;
	err = copy_record(call->copy, &id, VIEW_SHOWN, &call->arena, &r, NULL);
	if (err < 0)
		return cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	if (r.type != TYPE_CONFLICT)
		return settle_choose(call, &id, out);
	err = cmd_versions(call, NULL, &list, &n);
	for (size_t i = 0; err >= 0 && i < n; i++)
		if (id_equal(&list[i].conflict, &id)) {
			*out = list[i];
			return 0;
		}
	return err < 0 ? err
		       : cause_set(&call->cause, ERR_INVALID,
				   "these two versions are settled already; 'fivepits undo' with "
				   "the change that did so opens them again");
}

/* ---- Whose ---------------------------------------------------------------------------------- */

/* Does a word name this side: by its number as printed, "yours" or "theirs", its school or its
 * person? */
static bool side_fits(const struct side *s, size_t i, const char *take)
{
	char *end;
	unsigned long number = strtoul(take, &end, 10);

	if (isdigit((unsigned char)*take) && !*end)
		return number == i + 1;
	if (strcmp(take, "yours") == 0 || strcmp(take, "theirs") == 0)
		return s->yours == (strcmp(take, "yours") == 0);
	return resolve_text_holds(s->author.school_name, take) ||
	       resolve_text_holds(s->author.person_name, take);
}

/* "1 Heath Primary School, 2 Morton Primary School". */
static const char *sides_named(struct call *call, const struct versions *v)
{
	struct buf b = {0};
	for (size_t i = 0; i < v->n_sides; i++)
		buf_add_text(&b, "%s%zu %s", i ? ", " : "", i + 1, side_name(&v->sides[i]));
	const char *words = arena_text(&call->arena, buf_bytes(&b));
	buf_fini(&b);
	return words;
}

static int settle_side(struct call *call, const struct versions *v, const char *take,
		       const struct side **out)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_sides; i++)
		if (side_fits(&v->sides[i], i, take)) {
			*out = &v->sides[i];
			n++;
		}
	if (n == 1)
		return 0;
	return cause_set(&call->cause, n ? ERR_AMBIGUOUS : ERR_INVALID,
			 "'%.60s' names %s of the versions: take one by its number (%.200s), or "
			 "write %s",
			 screen_line(&call->arena, BYTES(take, strlen(take))),
			 n ? "several" : "none", sides_named(call, v),
			 v->group ? "FIELD=VALUE" : "keep or withdraw");
}

/* ---- What then ------------------------------------------------------------------------------ */

/* Said also where it is so already: a settling keeps what it says. */
static void settle_existence(struct draft *d, bool withdrawn)
{
	if (withdrawn)
		draft_withdraw(d);
	else
		draft_bring_back(d);
}

static int settle_take_existence(struct call *call, const char *take, struct draft *d)
{
	const char *word = take + strcspn(take, "=");

	if (!take_is_existence(take) && strcmp(word, "=live") != 0 &&
	    strcmp(word, "=withdrawn") != 0)
		return cause_set(&call->cause, ERR_USAGE, "it is 'keep' or 'withdraw'");
	settle_existence(d, strcmp(take, "withdraw") == 0 || strcmp(word, "=withdrawn") == 0);
	return 0;
}

/* New values; fields of the group that are not named stay as they are. */
static int settle_take_values(struct call *call, const struct versions *v, const struct record *now,
			      struct draft *d)
{
	struct assignment *a =
		arena_alloc(&call->arena, (call->n_chosen + v->n_fields) * sizeof(*a));
	const char *take;
	size_t n = 0;
	int err = 0;

	for (size_t at = 0; err >= 0 && (take = call_option_next(call, "take", &at)); n++) {
		if (!take_is_value(take) || !take_names_field(v, take))
			return cause_set(&call->cause, ERR_USAGE,
					 "'%.60s' is none of the fields to settle: %s", take,
					 cmd_versions_title(call, v));
		err = resolve_assignment(call->copy, v->type, take, &call->arena, &a[n],
					 &call->cause);
	}
	for (size_t i = 0; err >= 0 && i < v->n_fields; i++) {
		bool named = false;
		for (size_t k = 0; k < n; k++)
			named |= a[k].field == v->fields[i];
		if (!named)
			draft_set(d, v->fields[i]->id, record_get(now, v->fields[i]->id));
	}
	return err < 0 ? err : resolve_assign(d, now, a, n, &call->arena, &call->cause);
}

static int settle_take(struct call *call, const struct versions *v, const struct record *now,
		       struct draft *d)
{
	const char *take = call_option(call, "take");
	const struct side *side = NULL;

	if (v->group == 0 && (take_is_value(take) || take_is_existence(take)))
		return settle_take_existence(call, take, d);
	if (take_is_value(take))
		return settle_take_values(call, v, now, d);
	int err = settle_side(call, v, take, &side);
	if (err >= 0 && v->group == 0)
		settle_existence(d, side->existence == WITHDRAWN);
	for (size_t i = 0; err >= 0 && i < v->n_fields; i++)
		draft_set(d, v->fields[i]->id, side->values[i]);
	return err;
}

static int settle_save(struct call *call, const struct versions *v, const struct seen *seen)
{
	struct draft *d = draft_new(call->copy, &v->space);
	struct record now;
	int err = copy_record(call->copy, &v->record, VIEW_SHOWN, &call->arena, &now, NULL);

	if (err < 0)
		cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	if (err >= 0)
		err = draft_edit(d, &v->record, seen, &call->cause);
	if (err >= 0) {
		draft_settles(d, &v->conflict);
		draft_agreed(d);
		err = settle_take(call, v, &now, d);
	}
	if (err >= 0)
		err = cmd_save(call, &d, false);
	draft_free(&d);
	return err;
}

static int settle_look(struct call *call)
{
	struct versions v;
	struct seen seen;
	const char *word = call_option(call, "seen");

	if (word && seen_parse(&seen, word, &call->cause) < 0)
		return ERR_USAGE;
	int err = cmd_apart_settle(call);
	if (err == 0)
		err = settle_find(call, &v);
	else if (err > 0)
		return 0;
	if (err < 0)
		return err;
	if (!v.type || (v.group && v.n_fields == 0))
		return cause_set(
			&call->cause, ERR_INVALID,
			"it is of a kind that this version does not know; install a newer one");
	if (!word && (err = copy_seen(call->copy, &v.record, &seen)) < 0)
		cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	return err < 0 ? err : settle_save(call, &v, &seen);
}

/* At one moment: what comes in meanwhile was not seen, and so is not settled. */
int cmd_settle(struct call *call)
{
	copy_look(call->copy);
	int err = settle_look(call);
	copy_look_end(call->copy);
	return err;
}
